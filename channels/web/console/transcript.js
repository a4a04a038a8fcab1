// SPDX-License-Identifier: Apache-2.0
//
// The middle of the console: a case's events as rows, in their order. Text of customers is shown as
// typed, text of bot and agents through the widget's own renderer: an agent sees what the customer
// sees. How an answer came about (models, routes, look-ups) folds; [12] in a text leads to that row.

import { arrange, h, setAttr } from '/w/1/dom.js';
import { render, safeUrl } from '/w/1/text.js';
import { describe, size, technical, value } from './events.js';
import { references } from './words.js';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const STATES = { queued: 'kept, not sent yet', sent: 'sending…', failed: 'not sent' };

/* A fact that is not there may be the largest number there is. */
const factWords = (fact) => (typeof fact === 'number' && fact >= 2 ** 63 ? 'none' : fact !== null && typeof fact === 'object' ? JSON.stringify(fact) : String(fact));

/** Facts as name and value, nested ones as JSON. */
export function factList(facts) {
	if (facts === null || typeof facts !== 'object') return h('p', {}, String(facts));
	return h('dl', { class: 'facts' }, Object.entries(facts).map(([name, fact]) =>
		[h('dt', {}, name), h('dd', { dir: 'auto' }, factWords(fact))]));
}

export function sourceList(sources) {
	return h('ul', { class: 'sources' }, (Array.isArray(sources) ? sources : []).map(({ title, uri, id, score_ppm: score }) => {
		const href = safeUrl(uri);
		const label = String(title || uri || id);
		return h('li', { dir: 'auto' }, href ? h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, label) : label, score ? h('span', { class: 'dim' }, ` ${Math.round(score / 10000)} %`) : null);
	}));
}

const draftTitle = ({ origin, substitute, mode, asked_by: by, confidence_ppm: sure }) =>
	`${by ? 'Suggestion' : origin === 'template' ? 'Prepared text' : 'Draft'}${by || origin !== 'template' ? ' of the AI' : ''}${by ? ` for ${by}` : ''}${substitute ? ', by a substitute' : ''}${mode ? `, in mode ${mode}` : ''}${sure ? `, ${Math.round(sure / 10000)} % sure` : ''}, not sent`;

export class Transcript {
	#log; #nodes = new Map(); #act; #last = 0;
	#atEnd = true; // the agent reads the newest; new rows keep it so

	/** act: {draft(action), tool(seq, action), retry(id), drop(id), download(id, name, button)} */
	constructor(log, act) {
		this.#log = log;
		this.#act = act;
		log.addEventListener('scroll', () => { this.#atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60; });
	}

	/** Another case: forget the rows. */
	clear() {
		this.#nodes.clear();
		this.#last = 0;
		this.#atEnd = true;
		this.#log.replaceChildren();
	}

	/** How far it goes: what is behind that is no reference. */
	know(seq) {
		this.#last = seq;
	}

	draw(room, mine) {
		const log = this.#log;
		const open = new Set(mine ? [room.draft(), ...room.proposals()] : []);
		arrange(log, room.talk.items.map((item) => this.#row(item, open.has(item), item.what === 'draft_proposed' || item.what === 'tool_proposed' ? `${open.has(item)}` : '')));
		setAttr(log, 'aria-busy', room.talk.items.some((item) => !item.final) ? 'true' : null);
		if (this.#atEnd) log.scrollTop = log.scrollHeight;
	}

	/** Shows the row of an event, and puts the focus there. */
	jump(seq) {
		const row = this.#log.querySelector(`[data-seq="${Number(seq)}"]`);
		if (!row) return;
		this.#log.dataset.technical = 'on';
		this.#atEnd = false;
		row.tabIndex = -1;
		row.scrollIntoView({ block: 'center' });
		row.focus({ preventScroll: true });
	}

	/** [12] becomes a way to row 12, wherever it stands in these nodes. */
	linked(node) {
		const walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
		const texts = [];
		while (walk.nextNode()) texts.push(walk.currentNode);
		for (const text of texts) {
			const parts = references(text.data, (seq) => seq > 0 && seq <= this.#last);
			if (parts.length === 1 && parts[0] === text.data) continue;
			text.replaceWith(...parts.map((part) => (typeof part === 'number' ? this.link(part) : part)));
		}
		return node;
	}

	link(seq) {
		return h('button', { type: 'button', class: 'link', 'aria-label': `event ${seq} in the transcript`, onclick: () => this.jump(seq) }, `[${seq}]`);
	}

	/* A row is made anew only when its item changed: open details and selections stay. */
	#row(item, reviewable, extra) {
		const drawn = `${item.rev} ${extra}`;
		const known = this.#nodes.get(item.key);
		if (known?.drawn === drawn) return known.node;
		const node = item.kind === 'event' ? this.#event(item, reviewable) : this.#message(item);
		if (item.seq) node.dataset.seq = item.seq;
		if (known?.node.querySelector('details[open]')) for (const details of node.querySelectorAll('details')) details.open = true;
		this.#nodes.set(item.key, { node, drawn });
		return node;
	}

	#head(item, who) {
		return h('p', { class: 'head' }, h('span', { class: 'who', dir: 'auto' }, who), item.seq ? h('span', { class: 'dim' }, `#${item.seq}`) : null,
			item.ts ? h('time', { class: 'dim', datetime: new Date(item.ts).toISOString() }, time.format(item.ts)) : null);
	}

	#message(item) {
		const who = { customer: 'Customer', bot: item.origin === 'template' ? 'Bot (template)' : 'Bot (AI)' }[item.kind] ?? `${item.name || 'You'} (human)`;
		const bubble = h('div', { class: 'bubble', dir: 'auto' });
		if (item.kind === 'customer') bubble.append(item.text);
		else bubble.append(...render(item.text));
		const { turn, attachments, client_id, agent, ...rest } = item.rest ?? {};
		const state = item.state in STATES && h('p', { class: `state ${item.state}` }, `${item.note ? 'Note' : 'Reply'}: ${item.why || STATES[item.state]} `,
			item.state === 'failed' && [h('button', { type: 'button', onclick: () => this.#act.retry(item.key.slice(2)) }, 'Try again'), ' ',
				h('button', { type: 'button', onclick: () => this.#act.drop(item.key.slice(2)) }, 'Take back')]);
		return h('div', { class: `message ${item.kind}${item.final ? '' : ' live'}${item.note ? ' note' : ''}` }, this.#head(item, item.final ? who : `${who} is answering`), bubble,
			item.sources?.length ? sourceList(item.sources) : null,
			Object.keys(rest).length ? h('details', {}, h('summary', {}, 'Where it came from'), factList(rest)) : null, state);
	}

	#event(item, reviewable) {
		const { what, value: fields } = item;
		if (what === 'draft_proposed') return this.#draft(item, reviewable);
		if (what === 'note_added')
			return h('div', { class: 'message note' }, this.#head(item, `Note by ${fields.agent || 'an agent'}`), this.linked(h('div', { class: 'bubble', dir: 'auto' }, String(fields.text ?? ''))));
		if (what === 'writeup_generated') return this.#writeup(item);
		if (what === 'tool_proposed') return this.#proposal(item, reviewable);
		if (what === 'plan_made' && !fields.failed) return this.#plan(item);
		const { title, text, tone, facts, sources } = describe(what, fields);
		const folded = [sources ? sourceList(sources) : null, facts && Object.keys(facts).length ? factList(facts) : null].filter(Boolean);
		const row = h('div', { class: `event ${tone ?? ''}${technical(what, fields) ? ' technical' : ''}` }, this.#head(item, title), text ? h('p', { dir: 'auto' }, text) : null,
			what === 'attachment_added' && this.#file(fields),
			folded.length ? h('details', {}, h('summary', {}, sources ? 'What was found' : 'Facts'), folded) : null);
		return row;
	}

	#file({ attachment, name, bytes }) {
		const label = String(name || attachment);
		const button = h('button', { type: 'button', dir: 'auto', onclick: () => this.#act.download(String(attachment), label, button) }, `Download ${label}`, h('span', { class: 'dim' }, bytes ? ` (${size(bytes)})` : ''));
		return h('p', {}, button);
	}

	#writeup(item) {
		const { text, sources, origin, target, model, failed } = item.value;
		return h('div', { class: 'message writeup' }, this.#head(item, origin === 'template' ? 'Write-up, put together without a model' : 'Write-up of the AI, for agents only'),
			this.linked(h('div', { class: 'bubble', dir: 'auto' }, render(String(text ?? '')))), sourceList(value(sources) ?? []),
			target || failed ? h('p', { class: 'dim small' }, [target, model, failed && `no model: ${failed}`].filter(Boolean).join(' · ')) : null);
	}

	/* What the bot would do if a person lets it, with everything it would do it with. */
	#proposal(item, reviewable) {
		const { title, tool, arguments: given, reason, target } = item.value;
		const act = (action, label, primary) => h('button', { type: 'button', class: primary && 'primary', onclick: () => this.#act.tool(item.seq, action) }, label);
		return h('div', { class: 'message draft proposal' }, this.#head(item, 'Needs your leave: nothing has been done'),
			h('div', { class: 'bubble', dir: 'auto' }, h('p', {}, h('strong', {}, String(title || tool))), factList(value(given) ?? {}), reason ? h('p', { class: 'dim' }, String(reason)) : null),
			h('p', { class: 'dim small' }, [tool, target && `wanted by ${target}`].filter(Boolean).join(' · ')),
			reviewable && h('p', { class: 'verbs' }, act('approve', 'Approve and do it', true), act('reject', 'Reject')));
	}

	#plan(item) {
		const { steps, version, target } = item.value;
		const list = value(steps);
		return h('div', { class: 'event technical' }, this.#head(item, version > 1 ? `Plan, version ${version}` : 'Plan'),
			h('ol', {}, (Array.isArray(list) ? list : []).map((step) => h('li', { dir: 'auto' }, String(step.do ?? ''), step.tool ? h('span', { class: 'dim' }, ` (${step.tool})`) : null))),
			target ? h('p', { class: 'dim small' }, target === 'policy' ? 'as the route declares' : String(target)) : null);
	}

	#draft(item, reviewable) {
		const act = (action, label, primary) => h('button', { type: 'button', class: primary && 'primary', onclick: () => this.#act.draft(action) }, label);
		const { target, model, cost_microusd: cost } = item.value;
		return h('div', { class: 'message draft' }, this.#head(item, draftTitle(item.value)), h('div', { class: 'bubble', dir: 'auto' }, render(String(item.value.text ?? ''))),
			sourceList(value(item.value.sources) ?? []), target ? h('p', { class: 'dim small' }, [target, model, cost && `${(cost / 1e6).toFixed(4)} USD`].filter(Boolean).join(' · ')) : null,
			reviewable && h('p', { class: 'verbs' }, act('accept', 'Accept and send', true), act('edit', 'Edit'), act('reject', 'Reject')));
	}
}
