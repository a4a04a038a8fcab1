// SPDX-License-Identifier: Apache-2.0
//
// Which cases the list shows: mine, waiting or all, of one queue or of all. And the few things this page
// remembers over a reload: nothing about cases or people.

import { h, setAttr, setText } from '/w/1/dom.js';

const NAMES = ['mine', 'waiting', 'all'];
const TITLES = { mine: 'Mine', waiting: 'Waiting', all: 'All' };
const EMPTY = { mine: 'You have no case.', waiting: 'Nobody waits.', all: 'Nobody waits.' };
const STORE = 'baton:console';
const $ = (id) => document.getElementById(id);

export function preferences() {
	try {
		return JSON.parse(localStorage.getItem(STORE) ?? '{}') ?? {};
	} catch {
		return {};
	}
}

export function keep(change) {
	localStorage.setItem(STORE, JSON.stringify({ ...preferences(), ...change }));
}

export class Tabs {
	#changed; #drawn = ''; #queues = '';
	name = NAMES.includes(preferences().tab) ? preferences().tab : 'all';

	/** changed(): the list must be drawn. */
	constructor(changed) {
		this.#changed = changed;
		$('tabs').addEventListener('click', (event) => { const { tab } = event.target.dataset; if (tab) this.show(tab); });
		$('tabs').addEventListener('keydown', (event) => this.#key(event));
		$('queue').addEventListener('change', changed);
	}

	get queue() {
		return $('queue').value;
	}

	show(name) {
		this.name = name;
		this.#drawn = '';
		keep({ tab: name });
		this.#changed();
	}

	/** titles: [{name, title}] as welcome tells them. */
	draw(desk, agent, titles) {
		const counts = { mine: desk.mine(agent).length, waiting: desk.waiting, all: desk.size };
		const known = [...new Set([...titles.map(({ name }) => name), ...desk.queues()])];
		this.#filter(known, titles);
		const key = `${this.name} ${JSON.stringify(counts)}`;
		if (key === this.#drawn) return;
		this.#drawn = key;
		for (const button of $('tabs').children) {
			const name = button.dataset.tab;
			setText(button, `${TITLES[name]} (${counts[name]})`);
			setAttr(button, 'aria-selected', String(name === this.name));
			button.tabIndex = name === this.name ? 0 : -1;
		}
		setAttr($('list-panel'), 'aria-labelledby', `tab-${this.name}`);
		$('list-empty').hidden = counts[this.name] > 0;
		setText($('list-empty'), EMPTY[this.name]);
		document.title = counts.waiting ? `(${counts.waiting}) Baton console` : 'Baton console';
	}

	/* An open menu is not taken from under the hand: it changes only with the queues there are. */
	#filter(known, titles) {
		if (String(known) === this.#queues) return;
		this.#queues = String(known);
		const chosen = this.queue;
		const names = chosen && !known.includes(chosen) ? [...known, chosen] : known;
		$('queue').replaceChildren(h('option', { value: '' }, 'all queues'), ...names.map((name) => h('option', { value: name, selected: name === chosen }, titles.find((one) => one.name === name)?.title || name)));
	}

	#key(event) {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
		if (!step) return;
		event.preventDefault();
		const ahead = getComputedStyle($('tabs')).direction === 'rtl' ? -step : step;
		this.show(NAMES[(NAMES.indexOf(this.name) + ahead + NAMES.length) % NAMES.length]);
		$(`tab-${this.name}`).focus();
	}
}
