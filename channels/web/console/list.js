// SPDX-License-Identifier: Apache-2.0
//
// The left of the console: the rows of the cases in view. A frame redraws its own row and nothing else;
// the order is made again at most every 150 ms, with as few moves as possible. Long lists are built a
// piece per frame, and no further than somebody looks: the first 200, and more when their end comes into
// sight. Rows out of sight are skipped by the browser (content-visibility) and do not tick.

import { h, setAttr, setText } from '/w/1/dom.js';
import { age, due, marks } from './desk.js';
import { place } from './place.js';

const ORDER_EVERY_MS = 150;
const BUILD_AT_ONCE = 40;
const SHOWN = 200;
const BUDGET_MS = 8;
const ICONS = { ok: '✓', soon: '!', broken: '✕' };

export class CaseList {
	#ol; #act; #rows = new Map(); #stale = new Set(); #ordered = -1; #orderedAt = 0; #seen = new Set(); #watch; #key = ''; #limit = SHOWN; #more; #moreText;

	/** act: {open(session, byKeyboard), mode(session), more(): draw again} */
	constructor(ol, scroller, act) {
		this.#ol = ol;
		this.#act = act;
		this.#watch = new IntersectionObserver((entries) => {
			for (const { target, isIntersecting } of entries) {
				if (target === this.#more) { if (isIntersecting) this.#extend(); }
				else this.#seen[isIntersecting ? 'add' : 'delete'](target.session);
			}
		}, { root: scroller });
		this.#moreText = h('button', { type: 'button', class: 'more-cases', onclick: () => this.#extend() });
		this.#more = h('li', { hidden: true }, this.#moreText);
		this.#watch.observe(this.#more);
	}

	get(session) {
		return this.#rows.get(session)?.firstChild;
	}

	/** The case changed: its row is drawn with the next frame. */
	touch(session) {
		this.#stale.add(session);
	}

	clear() {
		for (const row of this.#rows.values()) row.remove();
		this.#more.remove();
		this.#watch.disconnect();
		this.#watch.observe(this.#more);
		this.#limit = SHOWN;
		this.#rows.clear();
		this.#seen.clear();
		this.#stale.clear();
		this.#ordered = -1;
	}

	/** Draws what is due. Gives the milliseconds after which there is more to do, or 0. */
	draw({ desk, tab, queue, me, now }) {
		const began = performance.now();
		const key = `${tab} ${queue}`;
		let more = 0;
		if (!desk.filling && (desk.version !== this.#ordered || key !== this.#key)) {
			const wait = key === this.#key ? this.#orderedAt + ORDER_EVERY_MS - now : 0;
			if (wait > 0) more = wait;
			else {
				if (key !== this.#key) this.#limit = SHOWN;
				this.#key = key;
				more = this.#order(desk, desk.view(tab, me, queue), me, now);
			}
		}
		for (const session of this.#stale) {
			if (performance.now() - began > BUDGET_MS) return 1;
			this.#stale.delete(session);
			const row = this.#rows.get(session);
			const one = row && desk.get(session);
			if (one) this.#fill(row, one, desk, me, now);
		}
		return more;
	}

	/** Ages and promises run by themselves, where somebody can see them. */
	tick(desk, now) {
		for (const session of this.#seen) {
			const row = this.#rows.get(session);
			const one = row && desk.get(session);
			if (one) this.#clock(row.parts, one, now);
		}
	}

	/** The row that is open gets its mark. */
	current(session) {
		for (const marked of this.#ol.querySelectorAll('[aria-current]')) if (marked.dataset.session !== session) marked.removeAttribute('aria-current');
		const button = session && this.get(session);
		if (button) setAttr(button, 'aria-current', 'true');
	}

	/** One row on or back, from where the focus is. */
	move(step, session) {
		const at = document.activeElement?.closest?.('.case') ?? this.get(session);
		const row = at?.isConnected ? (step > 0 ? at.parentNode.nextElementSibling : at.parentNode.previousElementSibling) ?? at.parentNode : this.#ol.firstElementChild;
		row?.firstChild.focus({ preventScroll: true });
		row?.scrollIntoView({ block: 'nearest' });
		if (row && row.nextElementSibling === this.#more) this.#extend();
	}

	#extend() {
		if (this.#more.hidden) return;
		this.#limit += SHOWN;
		this.#ordered = -1;
		this.#orderedAt = 0;
		this.#act.more();
	}

	#order(desk, view, me, now) {
		this.#orderedAt = now;
		let built = 0;
		let left = false;
		const rows = [];
		for (const one of view.slice(0, this.#limit)) {
			let row = this.#rows.get(one.session);
			if (!row) {
				if (built >= BUILD_AT_ONCE) { left = true; continue; }
				built++;
				row = this.#make(one.session);
				this.#fill(row, one, desk, me, now);
			}
			rows.push(row);
		}
		const hidden = view.length - this.#limit;
		this.#more.hidden = hidden <= 0 || left;
		setText(this.#moreText, `${hidden} more`);
		this.#place(hidden > 0 ? [...rows, this.#more] : rows);
		for (const row of rows) {
			const one = desk.get(row.session);
			if (row.parts.at !== desk.position(one)) this.#where(row.parts, one, desk, me);
		}
		for (const [session, row] of this.#rows) {
			if (desk.get(session)) continue;
			this.#watch.unobserve(row);
			this.#rows.delete(session);
			this.#seen.delete(session);
		}
		if (left) return this.#again();
		this.#ordered = desk.version;
		return 0;
	}

	/* Whose row went away under their hands goes on at the row that took its place. */
	#place(rows) {
		const focused = document.activeElement?.closest?.('#list > li');
		const at = focused ? [...this.#ol.children].indexOf(focused) : -1;
		place(this.#ol, rows);
		if (at >= 0 && !focused.isConnected) this.#ol.children[Math.min(at, this.#ol.children.length - 1)]?.firstChild.focus({ preventScroll: true });
	}

	/* More rows to build: with the next frame, not after the pause between two orders. */
	#again() {
		this.#orderedAt = 0;
		return 1;
	}

	#make(session) {
		const parts = { place: h('b', { class: 'place' }), queue: h('span', { class: 'chip' }), tier: h('span', { class: 'chip' }), mode: h('span', { class: 'chip mode', hidden: true }), age: h('span', { class: 'age' }),
			reason: h('span', { class: 'reason', dir: 'auto' }), dueIcon: h('span', { 'aria-hidden': 'true' }), dueText: h('span', {}), marks: h('span', { class: 'marks' }), more: h('span', { class: 'more dim', dir: 'auto' }) };
		parts.due = h('span', { class: 'due', hidden: true }, parts.dueIcon, ' ', parts.dueText);
		const row = h('li', {}, h('button', { type: 'button', class: 'case', onclick: (click) => this.#act.open(session, click.detail === 0) },
			h('span', { class: 'line' }, parts.place, parts.queue, parts.tier, parts.mode, parts.age), parts.reason, h('span', { class: 'line' }, parts.due, parts.marks), parts.more));
		row.session = row.dataset.session = row.firstChild.dataset.session = session;
		row.parts = parts;
		this.#rows.set(session, row);
		this.#watch.observe(row);
		return row;
	}

	#fill(row, one, desk, me, now) {
		const { parts } = row;
		this.#where(parts, one, desk, me);
		setText(parts.queue, `${one.queue} · P${one.priority}`);
		const tier = one.tier_level;
		parts.tier.hidden = !tier;
		setText(parts.tier, tier ? `tier ${tier}` : '');
		setText(parts.reason, one.reason || 'no reason given');
		const words = marks(one, me);
		if (parts.marks.dataset.words !== String(words)) {
			parts.marks.dataset.words = String(words);
			parts.marks.replaceChildren(...words.map((word) => h('span', { class: 'mark' }, word)));
		}
		setText(parts.more, [one.verified && one.customer_name, one.preview].filter(Boolean).join(': '));
		this.#clock(parts, one, now);
	}

	#where(parts, one, desk, me) {
		const at = desk.position(one);
		parts.at = at;
		setText(parts.place, one.state === 'waiting' ? `#${at}` : one.agent === me ? 'mine' : one.agent_name || one.agent || 'claimed');
	}

	#clock(parts, one, now) {
		const since = one.unanswered_ms || one.waiting_since_ms;
		setText(parts.age, since ? age(now - since) : 'answered');
		const promise = due(one, now);
		parts.due.hidden = !promise;
		if (promise) {
			parts.due.dataset.due = promise.state;
			setText(parts.dueIcon, ICONS[promise.state]);
			setText(parts.dueText, promise.text);
		}
		const mode = this.#act.mode(one.session);
		parts.mode.hidden = !mode;
		setText(parts.mode, mode ?? '');
	}
}
