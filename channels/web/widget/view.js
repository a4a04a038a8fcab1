// SPDX-License-Identifier: Apache-2.0
//
// The widget's DOM: builds it once, then brings it into line with a conversation. Owns no state but
// the nodes and what was announced. Text of a bot or an agent goes through text.js, a customer's own
// text is shown as typed. Screen readers hear one sentence per finished message: the log itself is
// silent (aria-live=off), a separate node speaks.

import { arrange, h, icon, setAttr, setText } from './dom.js';
import { safeUrl, render } from './text.js';

const BUBBLE = 'M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H9l-5 5v-5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z';
const CROSS = 'M6 4l6 6 6-6 2 2-6 6 6 6-2 2-6-6-6 6-2-2 6-6-6-6z';
const PLANE = 'M3 20v-6l9-2-9-2V4l19 8z';
const THUMB = 'M2 10h4v10H2zM8 20V10l4-7c1 0 2 1 2 2v4h5c1 0 2 1 2 2l-1 7c0 1-1 2-2 2z';

/** A text, or nothing at all. */
const tell = (node, text = '') => {
	setText(node, text);
	node.hidden = !text;
};

/** act: {open, close, submit, human, retry(id), rate(item, value), input, keydown}; t: translator. */
export class View {
	#t; #act; #nodes = new Map(); #drawn = new Map(); #time; #log; #busy; #state; #mode; #said; #badge; #name; #human; #disclosure; #atEnd = true;
	root; launcher; panel; input;

	constructor(t, act, lang) {
		this.#t = t;
		this.#act = act;
		this.#time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
		this.launcher = h('button', { class: 'launcher', part: 'launcher', type: 'button', 'aria-expanded': 'false', 'aria-controls': 'panel', onclick: act.open },
			icon(BUBBLE), (this.#name = h('span', { class: 'sr' }, t('launcher'))), (this.#badge = h('span', { class: 'badge', 'aria-hidden': 'true', hidden: true })));
		this.#disclosure = h('p', { class: 'note disclosure', dir: 'auto', hidden: true });
		this.#log = h('div', { class: 'log', role: 'log', 'aria-label': t('log'), 'aria-live': 'off', tabindex: '0', onscroll: () => (this.#atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80) }, this.#disclosure);
		this.#human = h('button', { class: 'human-bar', type: 'button', onclick: act.human }, t('human'));
		this.input = h('textarea', { rows: '1', 'aria-label': t('composer'), placeholder: t('placeholder'), dir: 'auto', enterkeyhint: 'send', part: 'composer', oninput: act.input, onkeydown: act.keydown });
		this.panel = h('section', { class: 'panel', id: 'panel', role: 'dialog', 'aria-label': t('title'), hidden: true, lang },
			h('div', { class: 'head', part: 'header' }, h('h2', {}, t('title')), h('button', { type: 'button', 'aria-label': t('close'), onclick: act.close }, icon(CROSS))),
			(this.#state = h('div', { class: 'state', role: 'status', hidden: true })),
			(this.#mode = h('div', { class: 'state mode', role: 'status', dir: 'auto', hidden: true })),
			this.#log,
			(this.#busy = h('div', { class: 'busy' })),
			h('div', { class: 'foot-bar' }, this.#human,
				h('form', { onsubmit: act.submit }, this.input, h('button', { class: 'send', part: 'send', 'aria-label': t('send') }, icon(PLANE)))),
			(this.#said = h('div', { class: 'sr', role: 'status', 'aria-live': 'polite' })));
	}

	/** One polite announcement. */
	say(text) {
		this.#said.textContent = text;
	}

	/** An honest sentence about the connection, empty if all is well. */
	state(text) {
		tell(this.#state, text);
	}

	show(open) {
		this.panel.hidden = !open;
		this.launcher.hidden = open;
		setAttr(this.launcher, 'aria-expanded', String(open));
		if (open) this.#log.scrollTop = this.#log.scrollHeight;
	}

	unread(count) {
		this.#badge.hidden = !count;
		setText(this.#badge, count > 99 ? '99+' : String(count));
		setText(this.#name, count ? `${this.#t('launcher')}, ${this.#t('unread', { n: count })}` : this.#t('launcher'));
	}

	/** conversation, plus {disclosure, greeting, asked, online, rated: Map(seq -> up|down)}. */
	draw(talk, { disclosure, greeting, asked, online, rated }) {
		const log = this.#log;
		const grew = talk.items.at(-1)?.own && !this.#nodes.has(talk.items.at(-1).key);
		tell(this.#disclosure, disclosure);
		// Honest as long as it lasts: nothing closes it but the end of the mode.
		tell(this.#mode, talk.mode?.text);
		const items = greeting ? [{ key: 'greeting', kind: 'bot', origin: 'template', text: greeting, final: true, rev: 0 }, ...talk.items] : talk.items;
		arrange(log, [this.#disclosure, ...items.map((item) => this.#node(item, online, rated))]);
		for (const key of this.#nodes.keys()) if (key !== 'greeting' && !talk.get(key)) this.#forget(key);
		const streaming = talk.items.some((item) => !item.final && item.text);
		setAttr(log, 'aria-busy', streaming ? 'true' : null);
		setText(this.#busy, this.#doing(talk, streaming));
		this.#way(talk, asked);
		if (this.#atEnd || grew) log.scrollTop = log.scrollHeight;
	}

	#forget(key) {
		this.#nodes.delete(key);
		this.#drawn.delete(key);
	}

	#doing(talk, streaming) {
		const name = talk.typing?.name || talk.agent || this.#t('someone');
		if (talk.typing?.who === 'agent') return this.#t('typing', { name });
		return talk.running && !streaming ? this.#t('answering') : '';
	}

	/* The way to a person never leaves the screen; where it was taken, it says so. */
	#way(talk, asked) {
		let text = this.#t(asked ? 'human_asked' : 'human');
		if (talk.owner === 'queue') text = this.#t(talk.mode?.what === 'ticket' ? 'message_captured' : 'human_waiting');
		if (talk.owner === 'agent') text = this.#t('human_here', { name: talk.agent || this.#t('someone') });
		setText(this.#human, text);
		setAttr(this.#human, 'aria-disabled', asked || talk.owner !== 'bot' ? 'true' : null);
	}

	#node(item, online, rated) {
		const drawn = `${item.rev} ${online} ${rated.get(item.seq)}`;
		let node = this.#nodes.get(item.key);
		if (node && this.#drawn.get(item.key) === drawn) return node;
		if (!node) this.#nodes.set(item.key, (node = h(item.kind === 'notice' ? 'p' : 'div', { dir: item.kind === 'notice' ? 'auto' : null })));
		this.#drawn.set(item.key, drawn);
		if (item.kind === 'notice') {
			node.className = 'note';
			setText(node, this.words(item));
		} else {
			this.#message(node, item, online, rated.get(item.seq));
		}
		return node;
	}

	#message(node, item, online, rating) {
		const own = item.kind === 'customer';
		node.className = `item ${own ? 'own' : item.kind}${item.final ? '' : ' live'}`;
		node.hidden = !item.text;
		if (!node.firstChild) node.append(h('div', { class: 'who' }), h('div', { class: 'bubble', part: 'bubble', dir: 'auto' }));
		const [who, bubble, ...feet] = node.children;
		setText(who, [this.who(item), item.ts && this.#time.format(item.ts)].filter(Boolean).join(' · '));
		if (own) setText(bubble, item.text);
		else bubble.replaceChildren(...render(item.text));
		const focused = feet.some((foot) => foot.contains(node.getRootNode().activeElement));
		for (const foot of feet) foot.remove();
		node.append(...this.#feet(item, own, online, rating));
		// The pressed thumb was made anew: give the focus back to it.
		if (focused) node.querySelector('[aria-pressed=true]')?.focus();
	}

	/** What a notice says. */
	words({ what, text, value }) {
		const said = text || this.#t(what, { name: value.agent_name || this.#t('someone') });
		return value.until_ms ? `${said} ${this.#t('until', { time: new Date(value.until_ms).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' }) })}` : said;
	}

	who(item) {
		if (item.kind === 'customer') return this.#t('you');
		if (item.kind === 'human') return this.#t('person', { name: item.name || this.#t('someone') });
		return this.#t(item.origin === 'template' ? 'template' : 'bot');
	}

	#feet(item, own, online, rating) {
		const t = this.#t;
		if (own) {
			if (!item.own) return [];
			if (item.state === 'failed')
				return [h('div', { class: 'foot bad' }, `${t('failed')} `, h('button', { type: 'button', onclick: () => this.#act.retry(item.key.slice(2)) }, t('retry')))];
			return [h('div', { class: 'foot' }, t(item.state === 'acked' ? 'sent' : online ? 'sending' : 'kept'))];
		}
		if (!item.final) return [];
		const feet = item.rest?.marked ? [h('div', { class: 'foot' }, t('marked'))] : [];
		if (item.sources?.length) {
			feet.push(h('div', { class: 'foot' }, t('sources'), h('ul', {}, item.sources.map(({ title, uri, id }) => {
				const href = safeUrl(uri);
				const label = String(title || uri || id);
				return h('li', { dir: 'auto' }, href ? h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, label) : label);
			}))));
		}
		if (item.kind === 'bot' && item.seq) {
			const thumb = (value, turn) => h('button', { type: 'button', 'aria-label': t(value), title: t(value), 'aria-pressed': String(rating === value),
				onclick: () => this.#act.rate(item, value) }, icon(THUMB, turn));
			feet.push(h('div', { class: 'foot rate' }, thumb('up'), thumb('down', 180), rating && h('span', {}, t('thanks'))));
		}
		return feet;
	}
}
