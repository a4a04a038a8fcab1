// SPDX-License-Identifier: Apache-2.0
//
// The page is built of nodes and nothing else: no string ever becomes markup. Tables keep their rows, so
// that whoever stands on a button with the keyboard still does two seconds later.

const SVG = 'http://www.w3.org/2000/svg';

export const $ = (id) => document.getElementById(id);

/** An element; `on...` members are listeners, null and false leave an attribute away. */
export function h(tag, attrs = {}, ...kids) {
	return fill(document.createElement(tag), attrs, kids);
}

export function svg(tag, attrs = {}, ...kids) {
	return fill(document.createElementNS(SVG, tag), attrs, kids);
}

function fill(node, attrs, kids) {
	for (const [name, value] of Object.entries(attrs)) {
		if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
		else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
	}
	node.append(...kids.filter((kid) => kid !== null && kid !== undefined));
	return node;
}

export function setText(node, text) {
	if (node.textContent !== String(text)) node.textContent = text;
}

export function setClass(node, name) {
	if ((node.getAttribute('class') ?? '') !== name) node.setAttribute('class', name);
}

/**
 * A table. columns: {title, text(row), num?, mark?(row) -> '', 'warn' or 'bad': shown as a chip}. verbs(row) gives
 * the buttons of a row: [{label, name, run}]; `name` is read out, because ten buttons "Turn off" say nothing.
 */
export class Table {
	#columns; #verbs; #place; #label; #body; #table; #none; #rows = new Map();

	constructor(place, columns, { label, verbs, empty }) {
		this.#columns = columns;
		this.#verbs = verbs;
		this.#place = place;
		this.#label = label;
		this.#body = h('tbody');
		this.#table = h('table', { 'aria-label': label },
			h('thead', {}, h('tr', {}, ...columns.map((one) => h('th', { scope: 'col', class: one.num && 'num' }, one.title)),
				verbs ? h('td', {}) : null)), this.#body);
		this.#none = h('p', { class: 'none' }, empty);
		place.replaceChildren(this.#table, this.#none);
	}

	/** rows: [{key, ...}] in the order to be shown. */
	draw(rows) {
		this.#table.hidden = rows.length === 0;
		this.#none.hidden = rows.length > 0;
		const keys = new Set(rows.map((row) => row.key));
		for (const [key, row] of this.#rows) if (!keys.has(key)) { row.remove(); this.#rows.delete(key); }
		rows.forEach((row, at) => {
			let line = this.#rows.get(row.key);
			if (!line) this.#rows.set(row.key, line = this.#line());
			if (this.#body.children[at] !== line) this.#body.insertBefore(line, this.#body.children[at] ?? null);
			this.#columns.forEach((column, i) => this.#cell(line.children[i], column, row));
			if (this.#verbs) this.#buttons(line.lastElementChild.firstElementChild, this.#verbs(row));
		});
		this.#reachable(this.#place.scrollWidth > this.#place.clientWidth);
	}

	/** What does not fit can be scrolled to with the keyboard. */
	#reachable(scrolls) {
		if (scrolls === this.#place.hasAttribute('tabindex')) return;
		for (const [name, value] of Object.entries({ tabindex: '0', role: 'region', 'aria-label': `${this.#label}, as a table` })) {
			if (scrolls) this.#place.setAttribute(name, value);
			else this.#place.removeAttribute(name);
		}
	}

	#line() {
		return h('tr', {}, ...this.#columns.map((column, i) => (i ? h('td', { class: column.num && 'num' }) : h('th', { scope: 'row' }))),
			this.#verbs ? h('td', {}, h('div', { class: 'verbs' })) : null);
	}

	#cell(cell, column, row) {
		if (!column.mark) return setText(cell, column.text(row));
		if (!cell.firstElementChild) cell.append(h('span'));
		setText(cell.firstElementChild, column.text(row));
		setClass(cell.firstElementChild, `chip ${column.mark(row)}`.trim());
	}

	#buttons(place, verbs) {
		verbs.forEach((verb, i) => {
			const button = place.children[i] ?? place.appendChild(h('button', { type: 'button' }));
			button.onclick = verb.run;
			button.disabled = !!verb.off;
			setText(button, verb.label);
			if (button.getAttribute('aria-label') !== verb.name) button.setAttribute('aria-label', verb.name);
		});
		while (place.children.length > verbs.length) place.lastElementChild.remove();
	}
}
