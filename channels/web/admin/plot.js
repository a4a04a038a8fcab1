// SPDX-License-Identifier: Apache-2.0
//
// A plot: lines over the last ten minutes as SVG, with a legend, and the same numbers as a table for
// whoever does not see it. The table is filled only while it is open.

import { h, setText, svg } from './dom.js';
import { SPAN_MS, ceilingOf } from './series.js';
import { age, clock } from './words.js';

const WIDTH = 480, HEIGHT = 170, LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 20;
const LINES = 4, ROWS = 60;

export class Plot {
	#title; #word; #least; #picture; #legend; #table; #details; #lines = [];

	/** word(value): a value with its unit. least: the scale ends there or above, at a round multiple of it. */
	constructor(place, title, word, least) {
		this.#least = least;
		this.#title = title;
		this.#word = word;
		this.#picture = svg('svg', { class: 'plot', role: 'img', viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
		this.#legend = h('ul', { class: 'legend' });
		this.#table = h('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': `${title}, as a table` });
		this.#details = h('details', { ontoggle: () => this.#fill() }, h('summary', {}, `${title}: the numbers`), this.#table);
		place.append(h('figure', {}, h('figcaption', {}, h('h3', {}, title), this.#legend), this.#picture, this.#details));
	}

	/** lines: [{name, points: [[at, value]]}], at most four; `now` is the right end. */
	draw(lines, now) {
		this.#lines = lines.slice(0, LINES);
		const from = now - SPAN_MS;
		const values = this.#lines.flatMap((line) => line.points.map(([, y]) => y));
		const top = ceilingOf(Math.max(1, ...values.map((value) => value / this.#least))) * this.#least;
		const x = (at) => LEFT + ((Math.max(at, from) - from) / SPAN_MS) * (WIDTH - LEFT - RIGHT);
		const y = (value) => HEIGHT - BOTTOM - (Math.min(value, top) / top) * (HEIGHT - TOP - BOTTOM);
		const kids = [];
		for (const share of [0, 0.5, 1]) {
			const at = y(share * top);
			kids.push(svg('line', { class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }),
				svg('text', { x: LEFT - 6, y: at + 4, 'text-anchor': 'end' }, share ? this.#word(share * top) : '0'));
		}
		for (const back of [SPAN_MS, SPAN_MS / 2, 0])
			kids.push(svg('text', { x: x(now - back), y: HEIGHT - 4, 'text-anchor': back === SPAN_MS ? 'start' : back ? 'middle' : 'end' }, back ? `${age(back)} ago` : 'now'));
		this.#lines.forEach((line, i) => {
			if (line.points.length === 1) line = { ...line, points: [[line.points[0][0] - 2000, line.points[0][1]], line.points[0]] };
			if (line.points.length) kids.push(svg('polyline', { class: `s${i}`, points: line.points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ') }));
		});
		this.#picture.replaceChildren(...kids);
		this.#picture.setAttribute('aria-label', `${this.#title}: ${this.#lines.map((line) => `${line.name} ${this.#last(line)}`).join(', ') || 'nothing yet'}`);
		this.#drawLegend();
		this.#fill();
	}

	#last(line) {
		return line.points.length ? this.#word(line.points.at(-1)[1]) : '–';
	}

	#drawLegend() {
		while (this.#legend.children.length > this.#lines.length) this.#legend.lastElementChild.remove();
		this.#lines.forEach((line, i) => {
			if (!this.#legend.children[i]) this.#legend.append(h('li', {}, svg('svg', { viewBox: '0 0 26 8', 'aria-hidden': 'true' }, svg('path', { class: `s${i}`, d: 'M1 4h24' })), h('span')));
			setText(this.#legend.children[i].lastElementChild, `${line.name} ${this.#last(line)}`);
		});
	}

	/** Newest first, at most one row per ten seconds. */
	#fill() {
		if (!this.#details.open) return;
		const rows = new Map();
		this.#lines.forEach((line, i) => {
			for (const [at, value] of line.points) {
				const key = Math.floor(at / 10000);
				if (!rows.has(key)) rows.set(key, { at: key * 10000, values: [] });
				rows.get(key).values[i] = value;
			}
		});
		const sorted = [...rows.values()].sort((a, b) => b.at - a.at).slice(0, ROWS);
		this.#table.replaceChildren(h('table', {},
			h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Time'), ...this.#lines.map((line) => h('th', { scope: 'col', class: 'num' }, line.name)))),
			h('tbody', {}, ...sorted.map((row) => h('tr', {}, h('th', { scope: 'row' }, clock(row.at)),
				...this.#lines.map((_, i) => h('td', { class: 'num' }, row.values[i] === undefined ? '–' : this.#word(row.values[i]))))))));
	}
}
