// SPDX-License-Identifier: Apache-2.0
//
// The supervisor's view: queues, people, and what brought the waiting cases here, so that an outage is
// one line and not two hundred. Groups can be selected and be transferred, or noted, all at once; each
// case says what came of it. Cells change in place: a table that is read is not made anew each second.

import { arrange, h, setText } from '/w/1/dom.js';
import { Bulk } from './bulk.js';
import { age } from './desk.js';
import { askTransfer } from './dialogs.js';

const STATES = { available: '● available', away: '○ away', lost: '✕ connection lost', offline: '– not signed in' };

/* A table whose rows live as long as their key. */
class Table {
	#columns; #rows = new Map(); #body = h('tbody', {});
	node;

	constructor(caption, columns) {
		this.#columns = columns;
		this.node = h('table', {}, h('caption', {}, caption), h('thead', {}, h('tr', {}, columns.map(([title]) => h('th', { scope: 'col' }, title)))), this.#body);
	}

	draw(entries, keyOf) {
		const rows = entries.map((entry) => {
			const key = keyOf(entry);
			let row = this.#rows.get(key);
			if (!row) this.#rows.set(key, row = h('tr', {}, this.#columns.map(([, , make], i) => (i ? h('td', { dir: 'auto' }) : h('th', { scope: 'row', dir: 'auto' }, make?.(entry))))));
			this.#columns.forEach(([, text, make], i) => { if (!make) setText(row.children[i], String(text(entry) ?? '')); });
			return row;
		});
		arrange(this.#body, rows);
		for (const [key, row] of this.#rows) if (!row.isConnected) this.#rows.delete(key);
	}
}

export class Overview {
	#root; #act; #queues; #people; #groups = h('ul', { class: 'groups' }); #rows = new Map(); #chosen = new Set(); #bulk = null; #items = new Map();
	#progress; #results; #actions; #note; #none;
	told = null; // the newest overview frame

	/** act: {desk, queues(), send(frame) -> bool, note(session, text) -> bool, close()} */
	constructor(root, act) {
		this.#root = root;
		this.#act = act;
		const when = (ms) => (ms ? age(Date.now() - ms) : '');
		this.#queues = new Table('Queues', [['Queue', (q) => q.title || q.name], ['Waiting', (q) => q.waiting], ['Oldest', (q) => when(q.oldest_ms)], ['Late', (q) => (q.breached ? `✕ ${q.breached}` : '0')], ['Due soon', (q) => (q.due_soon ? `! ${q.due_soon}` : '0')], ['Claimed', (q) => q.claimed],
			['People', (q) => `${q.available ?? 0} of ${q.agents ?? 0}`], ['Wait', (q) => (q.wait_ms ? `about ${age(q.wait_ms)}` : 'not known')], ['Open', (q) => (q.open ? 'open' : q.opens_ms ? `opens in ${age(q.opens_ms - Date.now())}` : 'closed')]]);
		this.#people = new Table('People', [['Name', (a) => a.name || a.id], ['Role', (a) => a.role], ['State', (a) => STATES[a.state] ?? a.state], ['Cases', (a) => (a.capacity ? `${a.cases} of ${a.capacity}` : a.cases)], ['Queues', (a) => (a.queues?.length ? a.queues.join(', ') : 'all')], ['Since', (a) => when(a.since_ms)]]);
		this.#none = h('p', { class: 'dim' }, 'Nothing waits.');
		this.#note = h('textarea', { id: 'bulk-note', rows: 2, dir: 'auto' });
		this.#actions = h('div', { class: 'card bulk', hidden: true }, h('p', { id: 'bulk-count' }), h('p', { class: 'row' }, h('button', { type: 'button', class: 'primary', onclick: () => this.#transfer() }, 'Transfer them')),
			h('label', { for: 'bulk-note' }, 'Note on each, among agents'), this.#note, h('p', { class: 'row' }, h('button', { type: 'button', onclick: () => this.#noteAll() }, 'Add the note to each')));
		this.#progress = h('div', { class: 'row', hidden: true }, h('progress', { 'aria-label': 'Cases done', max: 1, value: 0 }), h('span', { id: 'bulk-state', role: 'status' }), h('button', { type: 'button', onclick: () => this.#bulk?.stop() }, 'Stop'));
		this.#results = h('ul', { class: 'results', 'aria-label': 'What came of each' });
		root.append(h('div', { class: 'room-bar' }, h('h2', {}, 'Overview'), h('button', { type: 'button', onclick: () => act.close() }, 'Back to the cases')),
			h('div', { class: 'overview-body', tabindex: 0, role: 'group', 'aria-label': 'Overview, tables' }, this.#queues.node, this.#people.node, h('h3', {}, 'Why cases wait'), this.#none, this.#groups, this.#actions, this.#progress, this.#results));
	}

	/** An `overview` frame. */
	take(frame) {
		this.told = frame;
	}

	/** Who works at the desk, but for one. */
	colleagues(me) {
		return (this.told?.agents ?? []).filter(({ id, role }) => id !== me && role !== 'admin');
	}

	own(me) {
		return this.told?.agents.find(({ id }) => id === me);
	}

	draw() {
		if (this.#root.hidden) return;
		this.#queues.draw(this.told?.queues ?? [], ({ name }) => name);
		this.#people.draw(this.told?.agents ?? [], ({ id }) => id);
		this.#drawGroups();
		const chosen = this.#cases();
		this.#actions.hidden = !this.#chosen.size || !!this.#bulk?.running;
		setText(this.#actions.firstChild, `${chosen.length} waiting ${chosen.length === 1 ? 'case' : 'cases'} selected`);
	}

	/** The server's word on a case; true if it was one of the many. */
	settled(session, why) {
		return !!this.#bulk?.settle(session, why);
	}

	/** A case changed: was that what we asked for? */
	changed(one) {
		if (this.#bulk?.done?.(one)) this.#bulk.settle(one.session);
	}

	limited(session) {
		return !!this.#bulk?.later(session);
	}

	#drawGroups() {
		const groups = this.#act.desk.groups();
		this.#none.hidden = groups.length > 0;
		const rows = groups.map((group) => {
			let row = this.#rows.get(group.key);
			if (!row) {
				const box = h('input', { type: 'checkbox', onchange: () => { this.#chosen[box.checked ? 'add' : 'delete'](group.key); this.draw(); } });
				this.#rows.set(group.key, row = h('li', {}, h('label', {}, box, ' ', h('b', {}), ' ', h('span', { dir: 'auto' }))));
			}
			setText(row.querySelector('b'), `${group.waiting} waiting`);
			setText(row.querySelector('span'), [group.rule ? `rule ${group.rule}` : group.reason, group.rule && group.reason, group.mode && `mode ${group.mode}`, `oldest ${age(Date.now() - group.oldest_ms)}`].filter(Boolean).join(' · '));
			return row;
		});
		arrange(this.#groups, rows);
		for (const [key, row] of this.#rows) if (!row.isConnected) { this.#rows.delete(key); this.#chosen.delete(key); }
	}

	#cases() {
		return this.#act.desk.groups().filter(({ key }) => this.#chosen.has(key)).flatMap((group) => this.#act.desk.group(group));
	}

	async #transfer() {
		const cases = this.#cases();
		const fields = cases.length && await askTransfer({ title: `Transfer ${cases.length} waiting cases`, queue: cases[0].queue, queues: this.#act.queues(), agents: this.colleagues('') });
		if (!fields) return;
		const there = (one) => one.state !== 'waiting' || ((!fields.queue || one.queue === fields.queue) && (!fields.agent || one.to_agent === fields.agent));
		this.#run('Transfer', cases.filter((one) => !there(one)), (item) => this.#act.send({ t: 'transfer', session: item.session, ...fields }), there);
	}

	#noteAll() {
		const text = this.#note.value.trim();
		if (!text) return this.#note.focus();
		this.#note.value = '';
		this.#run('Note', this.#cases(), (item) => this.#act.note(item.session, text));
	}

	#run(title, cases, send, done) {
		this.#items.clear();
		this.#results.replaceChildren();
		this.#bulk = new Bulk(cases.map(({ session, reason, preview }) => ({ session, label: preview || reason || session })), { send, changed: () => this.#drawBulk() });
		Object.assign(this.#bulk, { done, title });
		this.#bulk.start();
		this.draw();
	}

	#drawBulk() {
		const { counts, items, running } = this.#bulk;
		this.#progress.hidden = false;
		const [bar, state, stop] = this.#progress.children;
		bar.max = items.length || 1;
		bar.value = counts.done + counts.failed + counts.left;
		stop.hidden = !running;
		setText(state, `${this.#bulk.title}: ${counts.done} of ${items.length} done${counts.failed ? `, ${counts.failed} failed` : ''}${counts.left ? `, ${counts.left} left alone` : ''}${running ? '…' : '.'}`);
		const words = { waiting: 'not yet', sent: 'asked…', done: '✓ done', left: '– left alone' };
		for (const item of items) {
			let row = this.#items.get(item.session);
			if (!row) {
				this.#items.set(item.session, row = h('li', {}, h('span', { dir: 'auto' }, item.label.slice(0, 80)), ' ', h('span', {})));
				this.#results.append(row);
			}
			setText(row.lastChild, item.state === 'failed' ? `✕ ${item.why}` : words[item.state]);
		}
		if (!running) this.draw();
	}
}
