// SPDX-License-Identifier: Apache-2.0
//
// The middle and the right of the console: a case's events as rows, and why the case is here. Text of
// customers is shown as typed, text of bot and agents through the widget's own renderer: an agent
// sees what the customer sees.

import { arrange, h, setAttr, setText } from '/w/1/dom.js';
import { render, safeUrl } from '/w/1/text.js';
import { describe, resumes, value } from './events.js';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const STATES = { queued: 'kept, not sent yet', sent: 'sending…', failed: 'not sent' };

/** Facts as name and value, nested ones as JSON. */
export function factList(facts) {
	if (facts === null || typeof facts !== 'object') return h('p', {}, String(facts));
	return h('dl', { class: 'facts' }, Object.entries(facts).map(([name, fact]) =>
		[h('dt', {}, name), h('dd', { dir: 'auto' }, typeof fact === 'object' ? JSON.stringify(fact) : String(fact))]));
}

export function sourceList(sources) {
	return h('ul', { class: 'sources' }, (Array.isArray(sources) ? sources : []).map(({ title, uri, id }) => {
		const href = safeUrl(uri);
		const label = String(title || uri || id);
		return h('li', { dir: 'auto' }, href ? h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, label) : label);
	}));
}

const draftTitle = ({ origin, substitute, mode }) =>
	`${origin === 'template' ? 'Prepared text' : 'Draft of the AI'}${substitute ? ', by a substitute' : ''}${mode ? `, in mode ${mode}` : ''}, not sent`;

export class Transcript {
	#log; #nodes = new Map(); #act;
	#atEnd = true; // the agent reads the newest; new rows keep it so

	/** act: {draft(action), retry(id), drop(id)} */
	constructor(log, act) {
		this.#log = log;
		this.#act = act;
		log.addEventListener('scroll', () => { this.#atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60; });
	}

	/** Another case: forget the rows. */
	clear() {
		this.#nodes.clear();
		this.#atEnd = true;
		this.#log.replaceChildren();
	}

	draw(room, mine) {
		const log = this.#log;
		const draft = mine && room.draft();
		arrange(log, room.talk.items.map((item) => this.#row(item, item === draft, item.what === 'draft_proposed' ? `${item === draft}` : '')));
		setAttr(log, 'aria-busy', room.talk.items.some((item) => !item.final) ? 'true' : null);
		if (this.#atEnd) log.scrollTop = log.scrollHeight;
	}

	/* A row is made anew only when its item changed: open details and selections stay. */
	#row(item, reviewable, extra) {
		const drawn = `${item.rev} ${extra}`;
		const known = this.#nodes.get(item.key);
		if (known?.drawn === drawn) return known.node;
		const node = item.kind === 'event' ? this.#event(item, reviewable) : this.#message(item);
		this.#nodes.set(item.key, { node, drawn });
		return node;
	}

	#head(item, who) {
		return h('p', { class: 'head' }, h('span', { class: 'who' }, who), item.seq ? h('span', { class: 'dim' }, `#${item.seq}`) : null,
			item.ts ? h('time', { class: 'dim', datetime: new Date(item.ts).toISOString() }, time.format(item.ts)) : null);
	}

	#message(item) {
		const who = { customer: 'Customer', bot: item.origin === 'template' ? 'Bot (template)' : 'Bot (AI)' }[item.kind] ?? `${item.name || 'You'} (human)`;
		const bubble = h('div', { class: 'bubble', dir: 'auto' });
		if (item.kind === 'customer') bubble.append(item.text);
		else bubble.append(...render(item.text));
		const { turn, ...rest } = item.rest ?? {};
		const state = item.state in STATES && h('p', { class: `state ${item.state}` }, `${item.note ? 'Note' : 'Reply'}: ${item.why || STATES[item.state]} `,
			item.state === 'failed' && [h('button', { type: 'button', onclick: () => this.#act.retry(item.key.slice(2)) }, 'Try again'), ' ',
				h('button', { type: 'button', onclick: () => this.#act.drop(item.key.slice(2)) }, 'Take back')]);
		return h('div', { class: `message ${item.kind}${item.final ? '' : ' live'}${item.note ? ' note' : ''}` }, this.#head(item, item.final ? who : `${who} is answering`), bubble,
			item.sources?.length ? sourceList(item.sources) : null,
			Object.keys(rest).length ? h('details', {}, h('summary', {}, 'Where it came from'), factList(rest)) : null, state);
	}

	#event(item, reviewable) {
		if (item.what === 'draft_proposed') return this.#draft(item, reviewable);
		if (item.what === 'note_added')
			return h('div', { class: 'message note' }, this.#head(item, `Note by ${item.value.agent || 'an agent'}`), h('div', { class: 'bubble', dir: 'auto' }, String(item.value.text ?? '')));
		const { title, text, tone, facts, sources } = describe(item.what, item.value);
		return h('div', { class: `event ${tone ?? ''}` }, this.#head(item, title), text ? h('p', { dir: 'auto' }, text) : null,
			sources ? sourceList(sources) : null,
			facts && Object.keys(facts).length ? h('details', {}, h('summary', {}, 'Facts'), factList(facts)) : null);
	}

	#draft(item, reviewable) {
		const act = (action, label, primary) => h('button', { type: 'button', class: primary && 'primary', onclick: () => this.#act.draft(action) }, label);
		return h('div', { class: 'message draft' }, this.#head(item, draftTitle(item.value)), h('div', { class: 'bubble', dir: 'auto' }, render(String(item.value.text ?? ''))),
			sourceList(value(item.value.sources) ?? []),
			reviewable && h('p', { class: 'verbs' }, act('accept', 'Accept and send', true), act('edit', 'Edit'), act('reject', 'Reject')));
	}
}

/** "Why am I here": the rule and the values that called a person, and what is known. */
export function drawWhy(aside, room, entry) {
	const escalation = room.last('escalation_triggered')?.value;
	const opened = room.last('session_opened')?.value ?? {};
	const intent = room.last('intent_detected');
	const found = value(room.last('sources_retrieved')?.value.sources) ?? [];
	const tried = room.talk.items.filter((item) => item.what === 'model_failed').length;
	const reason = escalation?.reason || entry?.reason;
	const rows = [['Rule', escalation?.rule], ['Queue', escalation?.queue || entry?.queue], ['Priority', escalation?.priority ?? entry?.priority], ['Tier', entry?.tier],
		['Held by', entry?.agent_name], ['Intent', intent && describe('intent_detected', intent.value).title.replace('Intent: ', '')],
		['Customer', opened.customer || 'anonymous'], ['Language', opened.locale], ['Failed attempts', tried || null], ['Mode', room.talk.mode?.mode], ['Back to automation', escalation && resumes(escalation.resumes)]].filter(([, text]) => text != null && text !== '');
	const facts = escalation && value(escalation.facts);
	const open = aside.querySelector('details')?.open ?? true;
	aside.replaceChildren(h('h2', {}, 'Why am I here'), h('p', { class: 'reason', dir: 'auto' }, reason || 'No reason was recorded.'),
		h('dl', { class: 'facts' }, rows.map(([name, text]) => [h('dt', {}, name), h('dd', { dir: 'auto' }, String(text))])));
	if (facts && Object.keys(facts).length) aside.append(h('details', { open }, h('summary', {}, 'The values that led here'), factList(facts)));
	if (Array.isArray(found) && found.length) aside.append(h('h3', {}, 'Sources found'), sourceList(found));
	aside.append(h('p', { class: 'dim small' }, `Session ${room.session}`));
}

export { h, arrange, setAttr, setText };
