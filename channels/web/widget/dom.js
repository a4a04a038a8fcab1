// SPDX-License-Identifier: Apache-2.0
//
// The one way widget and console make elements. Text goes in as text nodes and attributes as
// attributes: there is no path from a string to markup, to a handler or to a style, so the pages run
// under `require-trusted-types-for 'script'` and `style-src 'none'`.

/** h('button', {class: 'x', onclick: fn, hidden: true}, 'text', node, null) */
export function h(tag, attrs, ...kids) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attrs ?? {})) {
		if (typeof value === 'function') node.addEventListener(name.slice(2), value);
		else setAttr(node, name, value);
	}
	node.append(...kids.flat(Infinity).filter((kid) => kid != null && kid !== false));
	return node;
}

/** Sets, or takes away when the value is null or false. */
export function setAttr(node, name, value) {
	if (value == null || value === false) node.removeAttribute(name);
	else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? '' : value);
}

/** Writes only what changed: screen readers and selections are not disturbed. */
export function setText(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A decorative icon of one path on a 24 x 24 field; its button carries the name. */
export function icon(path, turn) {
	const svg = document.createElementNS(SVG, 'svg');
	svg.setAttribute('viewBox', '0 0 24 24');
	svg.setAttribute('aria-hidden', 'true');
	const shape = document.createElementNS(SVG, 'path');
	shape.setAttribute('d', path);
	if (turn) shape.setAttribute('transform', `rotate(${turn} 12 12)`);
	svg.append(shape);
	return svg;
}

/** Brings the children of `parent` into the order of `nodes` with as few moves as possible. */
export function arrange(parent, nodes) {
	const keep = new Set(nodes);
	for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
	let at = parent.firstElementChild;
	for (const node of nodes) {
		if (node === at) at = at.nextElementSibling;
		else parent.insertBefore(node, at);
	}
}
