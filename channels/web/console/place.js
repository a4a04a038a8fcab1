// SPDX-License-Identifier: Apache-2.0
//
// Brings children into an order with the fewest moves, and keeps the focus where it was: moving a node
// blurs it, and an agent who reads a list must not lose the place because somebody else's case was claimed.

/** Indexes of a longest rising run within `numbers`, as a Set. */
export function rising(numbers) {
	const tails = []; // index of the smallest end of a run of each length
	const before = new Array(numbers.length);
	numbers.forEach((number, i) => {
		let [low, high] = [0, tails.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if (numbers[tails[middle]] < number) low = middle + 1;
			else high = middle;
		}
		before[i] = low ? tails[low - 1] : -1;
		tails[low] = i;
	});
	const run = new Set();
	for (let i = tails.length ? tails.at(-1) : -1; i >= 0; i = before[i]) run.add(i);
	return run;
}

/** The children of `parent` become `nodes`, in this order. */
export function place(parent, nodes) {
	const at = new Map(nodes.map((node, i) => [node, i]));
	const children = [...parent.children];
	if (children.length === nodes.length && children.every((child, i) => child === nodes[i])) return;
	const kept = [];
	for (const child of children) {
		if (at.has(child)) kept.push(at.get(child));
		else child.remove();
	}
	const stay = new Set([...rising(kept)].map((i) => kept[i]));
	const focus = parent.contains(document.activeElement) ? document.activeElement : null;
	let next = null;
	for (let i = nodes.length - 1; i >= 0; i--) {
		if (!stay.has(i)) parent.insertBefore(nodes[i], next);
		next = nodes[i];
	}
	if (focus && focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
}
