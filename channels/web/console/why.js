// SPDX-License-Identifier: Apache-2.0
//
// The right of the console, "Why am I here": the case package as the server tells it
// (docs/wire/package.schema.json), and until it has, what the transcript says. Who the customer is comes
// in two boxes that never mix: signed by the shop's backend, and claimed by the page. It is drawn again
// only when something in it changed, and what was folded stays so.

import { h } from '/w/1/dom.js';
import { render } from '/w/1/text.js';
import { age } from './desk.js';
import { resumes, value } from './events.js';
import { factList, sourceList } from './transcript.js';

const present = (one) => one != null && one !== '' && one !== 0 && !(Array.isArray(one) && !one.length) && !(typeof one === 'object' && !Object.keys(one).length);
const join = (...parts) => parts.filter(Boolean).join(' · ');
const percent = (ppm) => ppm && `${Math.round(ppm / 10000)} %`;

/** What the transcript alone says, in the shape of a package. Pure. */
export function packageOf(room) {
	const last = (what) => room.last(what)?.value;
	const all = (what) => room.talk.items.filter((item) => item.what === what);
	const escalation = last('escalation_triggered');
	const opened = last('session_opened') ?? {};
	const signed = last('identity_verified');
	const claimed = value(last('attributes_claimed')?.attributes);
	const failed = last('authentication_failed');
	const found = value(last('sources_retrieved')?.sources) ?? [];
	return {
		why: escalation && { rule: escalation.rule, reason: escalation.reason, resumes: escalation.resumes, values: value(escalation.facts), seq: room.last('escalation_triggered').seq },
		tried: all('model_failed').map(({ seq, value: one }) => ({ seq, target: one.target, model: one.model, outcome: 'failed', fail: one.fail, http_status: one.http_status, message: one.message })),
		lookups: all('sources_retrieved').filter((item) => item.value.failed).map(({ seq, value: one }) => ({ seq, what: 'knowledge', failed: one.failed })),
		sources: Array.isArray(found) ? found : [],
		identity: { ...(signed && { signed: { ...signed, attributes: value(signed.attributes) } }), ...(claimed && { claimed: { attributes: claimed } }), ...(failed && { failed }) },
		data: { customer: opened.customer, customer_tier: opened.customer_tier },
		summary: last('writeup_generated') && { ...last('writeup_generated'), seq: room.last('writeup_generated').seq },
	};
}

/* Each list of the package: its title and how one of its things reads. */
const LISTS = [
	['questions', 'What was asked', ({ text }) => text],
	['tried', 'What was tried', (one) => join(one.target, one.model, one.outcome?.replace('_', ' '), one.fail, one.http_status && `HTTP ${one.http_status}`, one.message, one.trigger && `because of ${one.trigger}`, one.withdrawn && 'withdrawn in front of the customer', one.drill && `drill ${one.drill}`)],
	['lookups', 'Look-ups that failed', ({ what, failed }) => join(what, failed)],
	['limits', 'Limits of the policies', (one) => join(one.kind, one.name, one.action, one.reason, one.trigger, one.target, one.by && `by ${one.by}`)],
	['transfers', 'Who has had it', (one) => join(one.what?.replaceAll('_', ' '), one.agent, one.queue && `queue ${one.queue}`, one.to_agent && `for ${one.to_agent}`, one.reason)],
	['notes', 'Notes', ({ agent, text }) => join(agent, text)],
];
const RECORDS = [['incident', 'Incident', ['target', 'model', 'fail', 'http_status', 'scope', 'trigger', 'message', 'mode', 'drill', 'failures']],
	['data', 'Data', ['customer', 'customer_tier', 'channel', 'locale', 'origin', 'contact', 'bot_answers', 'human_messages', 'reopened', 'offered_human', 'abandoned']]];

export class Why {
	#aside; #act; #key = ''; #open = new Map();

	/** act: {link(seq) -> node, linked(node) -> node, tags(list)} */
	constructor(aside, act) {
		this.#aside = aside;
		this.#act = act;
	}

	clear() {
		this.#key = '';
		this.#aside.replaceChildren();
	}

	draw(room, entry, { mayTag }) {
		const known = room.package ?? packageOf(room);
		const facts = this.#facts(room, entry, known);
		const tags = entry?.tags?.length ? entry.tags : known.tags ?? entry?.tags ?? [];
		const key = JSON.stringify([room.session, known, facts, tags, mayTag, room.ready]);
		if (key === this.#key) return;
		this.#key = key;
		const typing = this.#aside.contains(document.activeElement) && document.activeElement.id;
		const typed = this.#aside.querySelector('#tag-new')?.value ?? '';
		for (const details of this.#aside.querySelectorAll('details')) this.#open.set(details.firstChild.textContent, details.open);
		this.#aside.replaceChildren(...this.#parts(entry, known, facts).flat().filter(Boolean), this.#tags(tags, mayTag), h('p', { class: 'dim small' }, `Session ${room.session}`));
		const field = this.#aside.querySelector('#tag-new');
		if (field) field.value = typed;
		if (typing) this.#aside.querySelector(`#${typing}`)?.focus();
	}

	#facts(room, entry, known) {
		const intent = room.last('intent_detected');
		const { why = {}, data = {} } = known;
		return [['Rule', why.rule ?? entry?.rule], ['Condition', why.when], ['Queue', entry?.queue ?? known.queue], ['Priority', entry?.priority ?? known.priority], ['Tier of the question', known.tier || entry?.tier_level],
			['Held by', entry?.agent_name], ['For', entry?.to_agent], ['Intent', join(data.intent ?? (intent?.value.intent || entry?.intent), percent(data.confidence_ppm))], ['Mood', percent(data.sentiment_ppm)],
			['Language', known.language ?? entry?.language ?? room.last('session_opened')?.value.locale], ['Mode', room.talk.mode?.mode ?? entry?.mode], ['Back to automation', resumes(why.resumes)]].filter(([, text]) => present(text));
	}

	#parts(entry, known, facts) {
		const { why, summary, identity = {}, sources, left_out: left = {} } = known;
		return [h('h2', {}, 'Why am I here'), h('p', { class: 'reason', dir: 'auto' }, why?.reason || entry?.reason || 'No reason was recorded.', why?.seq ? [' ', this.#act.link(why.seq)] : null),
			h('dl', { class: 'facts' }, facts.map(([name, text]) => [h('dt', {}, name), h('dd', { dir: 'auto' }, String(text))])),
			present(why?.values) && h('details', { open: this.#open.get(VALUES) ?? true }, h('summary', {}, VALUES), factList(why.values)),
			present(summary?.text) && this.#section('Write-up', this.#act.linked(h('div', { class: 'summary', dir: 'auto' }, render(String(summary.text)))), this.#act.link(summary.seq)),
			this.#who(identity, known.data ?? {}),
			LISTS.map(([name, title, words]) => present(known[name]) && this.#section(title, this.#list(known[name], words, left[name]))),
			present(sources) && this.#section('Sources found', sourceList(sources)),
			RECORDS.map(([name, title, fields]) => this.#record(title, known[name], fields))];
	}

	#who({ signed, claimed, failed }, { customer, customer_tier: tier }) {
		const box = (kind, label, { seq, attributes, ...rest }, names) => h('div', { class: `who-box ${kind}` }, h('p', { class: 'label' }, label, seq ? [' ', this.#act.link(seq)] : null),
			factList(Object.fromEntries([...names.map((name) => [name.replaceAll('_', ' '), rest[name]]), ...Object.entries(attributes ?? {})].filter(([, one]) => present(one)))));
		return h('section', {}, h('h3', {}, 'Customer'),
			signed ? box('signed', '✓ Signed by the shop', signed, ['customer', 'name', 'email', 'customer_tier']) : h('p', { dir: 'auto' }, customer ? join(customer, tier) : 'Anonymous: nobody has signed who this is.'),
			failed && h('p', { class: 'event bad' }, `Identity refused: ${String(failed.reason).replaceAll('_', ' ')}`),
			present(claimed?.attributes) && box('claimed', '! Claimed by the page, not proven', claimed, []));
	}

	#section(title, ...nodes) {
		return h('section', {}, h('h3', {}, title), nodes);
	}

	#list(items, words, left) {
		return [h('ul', { class: 'sources' }, items.map((item) => h('li', { dir: 'auto' }, this.#act.linked(h('span', {}, words(item) || 'no words')), item.at_ms ? h('span', { class: 'dim' }, ` ${age(Date.now() - item.at_ms)} ago`) : null, item.seq ? [' ', this.#act.link(item.seq)] : null))),
			left ? h('p', { class: 'dim small' }, `${left} older ones are left out.`) : null];
	}

	#record(title, record, fields) {
		const shown = Object.fromEntries(fields.map((name) => [name.replaceAll('_', ' '), record?.[name]]).filter(([, one]) => present(one)));
		return present(shown) && this.#section(title, factList(shown), record.seq ? this.#act.link(record.seq) : null);
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

const VALUES = 'The values that led here';
