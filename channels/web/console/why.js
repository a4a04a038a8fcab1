// SPDX-License-Identifier: Apache-2.0
//
// The right of the console, "Why am I here": the case package as the server tells it, and until it has,
// what the transcript says. Who the customer is comes in two boxes that never mix: signed by the shop's
// backend, and claimed by the page. It is drawn again only when something in it changed.

import { h } from '/w/1/dom.js';
import { describe, resumes, value } from './events.js';
import { factList, sourceList } from './transcript.js';

const present = (one) => one != null && one !== '' && !(Array.isArray(one) && !one.length) && !(typeof one === 'object' && !Object.keys(one).length);
const words = (one) => (one !== null && typeof one === 'object' ? one.text ?? one.name ?? one.title ?? one.reason ?? JSON.stringify(one) : String(one));

/** What the transcript alone says, in the shape of a package. Pure. */
export function packageOf(room) {
	const last = (what) => room.last(what)?.value;
	const all = (what) => room.talk.items.filter((item) => item.what === what);
	const escalation = last('escalation_triggered');
	const opened = last('session_opened') ?? {};
	const signed = last('identity_verified');
	const found = value(last('sources_retrieved')?.sources) ?? [];
	return {
		why: escalation && { rule: escalation.rule, reason: escalation.reason, values: value(escalation.facts), seq: room.last('escalation_triggered').seq },
		tried: all('model_failed').map(({ seq, value: failed }) => ({ seq, text: `${failed.target ?? ''} ${failed.model ?? ''}: ${failed.fail ?? 'failed'}` })),
		lookups: all('sources_retrieved').filter((item) => item.value.failed).map(({ seq, value: failed }) => ({ seq, text: failed.failed })),
		sources: Array.isArray(found) ? found : [],
		identity: {
			signed: signed ? { customer: signed.customer, name: signed.name, email: signed.email, tier: signed.customer_tier, ...(value(signed.attributes) || {}) } : opened.customer ? { customer: opened.customer, tier: opened.customer_tier } : null,
			claimed: value(last('attributes_claimed')?.attributes) || null,
		},
		summary: last('writeup_generated')?.text,
	};
}

export class Why {
	#aside; #act; #key = ''; #open = new Map();

	/** act: {link(seq) -> node, linked(node) -> node, tags(list)} */
	constructor(aside, act) {
		this.#aside = aside;
		this.#act = act;
	}

	draw(room, entry, { mayTag }) {
		const told = room.package;
		const known = told ?? packageOf(room);
		const facts = this.#facts(room, entry, known);
		const tags = entry?.tags ?? [];
		const key = JSON.stringify([room.session, known, facts, tags, mayTag]);
		if (key === this.#key) return;
		this.#key = key;
		const typing = this.#aside.contains(document.activeElement) && document.activeElement.id;
		const typed = this.#aside.querySelector('#tag-new')?.value ?? '';
		for (const details of this.#aside.querySelectorAll('details')) this.#open.set(details.firstChild.textContent, details.open);
		this.#aside.replaceChildren(...this.#parts(room, entry, known, facts).filter(Boolean), this.#tags(tags, mayTag), h('p', { class: 'dim small' }, `Session ${room.session}`));
		const field = this.#aside.querySelector('#tag-new');
		if (field) field.value = typed;
		if (typing) this.#aside.querySelector(`#${typing}`)?.focus();
	}

	#facts(room, entry, { why, tier }) {
		const escalation = room.last('escalation_triggered')?.value ?? {};
		const intent = room.last('intent_detected');
		return [['Rule', why?.rule ?? escalation.rule ?? entry?.rule], ['Queue', entry?.queue ?? escalation.queue], ['Priority', entry?.priority ?? escalation.priority], ['Tier of the question', tier || entry?.tier_level || escalation.tier],
			['Held by', entry?.agent_name], ['Intent', intent ? describe('intent_detected', intent.value).title.replace('Intent: ', '') : entry?.intent], ['Language', entry?.language ?? room.last('session_opened')?.value.locale],
			['Failed attempts', room.talk.items.filter((item) => item.what === 'model_failed').length], ['Mode', room.talk.mode?.mode ?? entry?.mode], ['Back to automation', resumes(escalation.resumes)]].filter(([, text]) => present(text) && text !== 0);
	}

	#parts(room, entry, known, facts) {
		const { why, question, questions, tried, data, lookups, sources, limits, incident, summary, identity } = known;
		const asked = questions ?? question;
		return [h('h2', {}, 'Why am I here'), h('p', { class: 'reason', dir: 'auto' }, why?.reason || entry?.reason || 'No reason was recorded.', why?.seq ? [' ', this.#act.link(why.seq)] : null),
			h('dl', { class: 'facts' }, facts.map(([name, text]) => [h('dt', {}, name), h('dd', { dir: 'auto' }, String(text))])),
			present(why?.values ?? why?.facts) && this.#fold('The values that led here', factList(why.values ?? why.facts), true),
			present(summary) && this.#section('Summary', this.#act.linked(h('p', { dir: 'auto' }, words(summary)))),
			present(asked) && this.#section('What was asked', this.#list([asked].flat())),
			present(tried) && this.#section('What was tried', this.#list(tried)),
			present(lookups) && this.#section('Look-ups that failed', this.#list(lookups)),
			present(sources) && this.#section('Sources found', sourceList(sources)),
			present(limits) && this.#section('Limits of the policies', this.#list(limits)),
			present(incident) && this.#section('Incident', typeof incident === 'object' ? this.#record(incident) : h('p', {}, String(incident))),
			present(data) && this.#section('Data', typeof data === 'object' ? this.#record(data) : h('p', {}, String(data))),
			...this.#identity(identity ?? {}, entry)];
	}

	#identity({ signed, claimed, failed }, entry) {
		return [h('h3', {}, 'Customer'),
			present(signed) ? h('div', { class: 'who-box signed' }, h('p', { class: 'label' }, '✓ Signed by the shop'), this.#record(signed)) : h('p', { dir: 'auto' }, entry?.verified && entry.customer_name ? entry.customer_name : 'Anonymous: nobody has signed who this is.'),
			present(failed) && h('p', { class: 'event bad' }, `Identity refused: ${words(failed)}`),
			present(claimed) && h('div', { class: 'who-box claimed' }, h('p', { class: 'label' }, '! Claimed by the page, not proven'), this.#record(claimed))];
	}

	#section(title, node) {
		return h('section', {}, h('h3', {}, title), node);
	}

	#fold(title, node, open) {
		return h('details', { open: this.#open.get(title) ?? open }, h('summary', {}, title), node);
	}

	/* A list of texts, or of objects that carry the seq they rest on. */
	#list(items) {
		return h('ul', { class: 'sources' }, items.map((item) => {
			const seq = item?.seq;
			const { seq: _, text, ...rest } = item !== null && typeof item === 'object' ? item : { text: item };
			const body = text ?? (Object.keys(rest).length ? Object.entries(rest).filter(([, one]) => present(one)).map(([name, one]) => `${name} ${words(one)}`).join(' · ') : '');
			return h('li', { dir: 'auto' }, this.#act.linked(h('span', {}, String(body))), seq ? [' ', this.#act.link(seq)] : null);
		}));
	}

	#record(record) {
		const { seq, ...rest } = Array.isArray(record) ? { list: record } : record;
		const node = factList(Object.fromEntries(Object.entries(rest).filter(([, one]) => present(one))));
		return seq ? h('div', {}, node, this.#act.link(seq)) : node;
	}

	#tags(tags, mayTag) {
		const drop = (tag) => h('button', { type: 'button', class: 'link', 'aria-label': `Remove label ${tag}`, onclick: () => this.#act.tags(tags.filter((one) => one !== tag)) }, '✕');
		return h('section', { class: 'tags' }, h('h3', {}, 'Labels'), tags.length ? h('ul', {}, tags.map((tag) => h('li', { class: 'chip' }, h('span', { dir: 'auto' }, tag), mayTag ? [' ', drop(tag)] : null))) : h('p', { class: 'dim small' }, 'None yet.'),
			mayTag && h('form', { class: 'row', onsubmit: (event) => this.#add(event, tags) }, h('label', { class: 'sr', for: 'tag-new' }, 'New label'), h('input', { id: 'tag-new', type: 'text', maxlength: 64, autocomplete: 'off', placeholder: 'New label' }), h('button', {}, 'Add')));
	}

	#add(event, tags) {
		event.preventDefault();
		const field = this.#aside.querySelector('#tag-new');
		const tag = field.value.trim();
		field.value = '';
		if (tag && !tags.includes(tag)) this.#act.tags([...tags, tag]);
	}
}

