// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-K: every command that is possible now, and every case, found by words. The field keeps the focus,
// the list is steered from it (combobox). Also the list of keys, from the same table of commands.

import { h, setAttr } from '/w/1/dom.js';

const CASES_MAX = 12;

/** Commands and cases for what was typed: every word must occur. Pure. */
export function found(query, commands, cases) {
	const words = query.toLowerCase().split(/\s+/).filter(Boolean);
	const fits = (text) => words.every((word) => text.toLowerCase().includes(word));
	const entries = commands.filter(({ title }) => fits(title)).map((command) => ({ title: command.title, hint: command.key ?? '', run: command.run }));
	if (!words.length) return entries;
	for (const one of cases) {
		if (entries.length >= commands.length + CASES_MAX || entries.filter((entry) => entry.session).length >= CASES_MAX) break;
		const text = [one.queue, one.reason, one.preview, one.customer_name, one.agent_name, one.intent, one.language, ...(one.tags ?? []), one.session].filter(Boolean).join(' ');
		if (fits(text)) entries.push({ title: `Open: ${one.reason || one.queue}`, hint: [one.queue, one.customer_name, one.preview].filter(Boolean).join(' · ').slice(0, 80), session: one.session });
	}
	return entries;
}

export class Palette {
	#dialog; #field; #list; #none; #act; #entries = []; #at = 0;

	/** act: {commands() -> [], cases() -> [], open(session)} */
	constructor(dialog, act) {
		this.#dialog = dialog;
		this.#field = dialog.querySelector('input');
		this.#list = dialog.querySelector('[role=listbox]');
		this.#none = dialog.querySelector('#palette-none');
		this.#act = act;
		this.#field.addEventListener('input', () => this.#look());
		this.#field.addEventListener('keydown', (event) => this.#key(event));
		dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
	}

	toggle() {
		if (this.#dialog.open) return this.#dialog.close();
		this.#field.value = '';
		this.#dialog.showModal();
		this.#look();
		this.#field.focus();
	}

	#look() {
		this.#at = 0;
		this.#entries = found(this.#field.value, this.#act.commands(), this.#act.cases());
		this.#list.replaceChildren(...this.#entries.map(({ title, hint }, i) => h('li', { role: 'option', id: `palette-${i}`, onclick: () => this.#run(i) }, h('span', { dir: 'auto' }, title), ' ', h('span', { class: 'dim', dir: 'auto' }, hint))));
		this.#none.hidden = this.#entries.length > 0;
		this.#list.hidden = !this.#entries.length;
		setAttr(this.#field, 'aria-expanded', String(this.#entries.length > 0));
		this.#mark();
	}

	#mark() {
		[...this.#list.children].forEach((option, i) => setAttr(option, 'aria-selected', String(i === this.#at)));
		setAttr(this.#field, 'aria-activedescendant', this.#entries.length ? `palette-${this.#at}` : null);
		this.#list.children[this.#at]?.scrollIntoView({ block: 'nearest' });
	}

	#key(event) {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step) {
			event.preventDefault();
			this.#at = (this.#at + step + this.#entries.length) % Math.max(1, this.#entries.length);
			this.#mark();
		} else if (event.key === 'Enter') {
			event.preventDefault();
			this.#run(this.#at);
		}
	}

	#run(at) {
		const entry = this.#entries[at];
		if (!entry) return;
		this.#dialog.close();
		if (entry.session) this.#act.open(entry.session);
		else entry.run();
	}
}

/** "g m" and "Shift+E" as keys to look at. */
export const keyCaps = (key) => key.split(' ').flatMap((one, i) => [i ? ' ' : '', h('kbd', {}, one)]);

/** The help: each command that has a key. */
export function drawHelp(list, commands) {
	const fixed = [['Enter', 'open the case that has the focus'], ['Ctrl+Enter', 'send (Enter begins a new line)'], ['/', 'in a reply: prepared texts'], ['Ctrl+K', 'all commands, and search among cases'], ['Esc', 'from writing back to the case']];
	list.replaceChildren(...commands.filter(({ key }) => key).flatMap(({ key, title }) => [h('dt', {}, keyCaps(key)), h('dd', {}, title)]), ...fixed.flatMap(([key, title]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, title)]));
}
