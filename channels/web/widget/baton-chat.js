// SPDX-License-Identifier: Apache-2.0
//
// <baton-chat>: the chat on a customer's page. This file ties the parts together: one Transport, one
// Outbox, one Conversation, one View, one Store. The page's own API is here too; see README.md.

import { Conversation, utf8Length } from './conversation.js';
import { speak } from './messages.js';
import { Store } from './store.js';
import { sheet } from './style.js';
import { plain } from './text.js';
import { Outbox, Transport, onWake, ulid } from './transport.js';
import { View } from './view.js';

const HOME = new URL(import.meta.url).origin;
const TYPING_EVERY_MS = 3000;
const TYPING_ENDS_MS = 6000;

export class BatonChat extends HTMLElement {
	#transport; #outbox; #talk; #view; #store; #t; #lang; #undo = null; #early = [];
	#session = null; // {session, token, read}: of the welcome, stored or not
	#used = false; // the visitor opened or sent: from now on the tab's state is stored
	#sent = false; // the visitor sent: from now on the session is stored
	#open = false; #live = false; #frame = 0; #slow = null; #typed = 0; #typing = null;
	#greeting = ''; #disclosure = ''; #asked = ''; #rated = new Map(); #limits = {}; #unread = 0;

	async connectedCallback() {
		if (this.#undo) return; // moved within the page
		this.#undo = [];
		const tag = this.getAttribute('lang') || this.closest('[lang]')?.lang || navigator.language || 'en';
		const { t, lang } = await speak(tag);
		this.#t = t;
		this.#lang = tag;
		this.#view = new View(t, {
			open: () => this.open(), close: () => this.close(), human: () => this.requestHuman(),
			submit: (event) => this.#submit(event), retry: (id) => this.#outbox.retry(id),
			rate: (item, value) => this.#rate(item, value), input: () => this.#input(), keydown: (event) => this.#key(event),
		}, lang);
		const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
		root.adoptedStyleSheets = [sheet];
		root.replaceChildren(this.#view.launcher, this.#view.panel);
		this.#view.panel.addEventListener('keydown', (event) => {
			if (event.key !== 'Escape' || event.isComposing) return;
			event.stopPropagation();
			this.close();
		});
		this.#begin();
	}

	/** Taken out of the page for good: the connection goes, what is stored stays. */
	disconnectedCallback() {
		queueMicrotask(() => {
			if (this.isConnected || !this.#view) return;
			this.#transport.stop();
			for (const undo of this.#undo) undo();
			this.#view = this.#undo = null;
		});
	}

	#begin() {
		const base = new URL(this.getAttribute('server') || HOME, document.baseURI).origin;
		this.#store = new Store(base);
		this.#talk = new Conversation();
		this.#transport = new Transport({ base, hello: () => this.#hello(), onframe: (frame) => this.#take(frame), onstate: (state) => this.#connection(state) });
		this.#outbox = new Outbox({ send: (frame) => this.#transport.send(frame), changed: () => this.#outboxChanged() });
		this.#undo = [onWake(() => this.#transport.wake()), this.#store.onSession(() => this.#otherTab())];
		const offline = () => this.#connection(this.#transport.state);
		addEventListener('offline', offline);
		addEventListener('online', offline);
		this.#undo.push(() => { removeEventListener('offline', offline); removeEventListener('online', offline); });

		this.#session = this.#store.session;
		const tab = this.#store.tab;
		if (this.#session) this.#used = this.#sent = true;
		for (const frame of tab.outbox ?? []) {
			this.#used = this.#sent = true;
			if (frame.t === 'msg') this.#talk.pending(frame.id, frame.text, frame.ts);
			this.#outbox.add(frame);
		}
		this.#view.input.value = tab.draft ?? '';
		if (this.#sent) this.#transport.start();
		if (tab.open || this.hasAttribute('open')) this.#show(true, false);
		this.#draw();
		this.#emit('ready', {});
		for (const call of this.#early.splice(0)) call();
	}

	/* Calls that come before the element stands in the page wait for it. */
	#later(call) {
		if (this.#view) call();
		else this.#early.push(call);
	}

	// --- the page's API ---------------------------------------------------------------------

	open() {
		this.#later(() => this.#show(true, true));
	}

	close() {
		this.#later(() => this.#show(false, true));
	}

	toggle() {
		this.#later(() => this.#show(!this.#open, true));
	}

	/** Sends as the visitor. Gives back the message's id, or null if there is nothing to send. */
	send(text) {
		text = String(text ?? '').trim();
		if (!text) return null;
		if (utf8Length(text) > (this.#limits.text_bytes ?? 8192)) {
			this.#view?.state(this.#t('too_long'));
			return null;
		}
		const frame = { t: 'msg', id: ulid(), text, ts: Date.now() };
		this.#later(() => {
			this.#talk.pending(frame.id, text, frame.ts);
			this.#post(frame);
			this.#emit('message', { id: frame.id, from: 'customer', text });
		});
		return frame.id;
	}

	requestHuman(reason) {
		this.#later(() => {
			if (this.#asked || this.#talk.owner !== 'bot') return;
			this.#asked = ulid();
			this.#post({ t: 'human', id: this.#asked, ...(reason && { reason: String(reason) }) });
		});
	}

	/** Messages that came while the panel was closed. */
	get unread() {
		return this.#unread;
	}

	// --- sending -------------------------------------------------------------------------------

	#post(frame) {
		const first = !this.#sent;
		this.#used = this.#sent = true;
		// Another tab may have begun a session since: this one joins it before its first word.
		if (first && this.#store.session && this.#store.session.session !== this.#session?.session) this.#join(this.#store.session);
		this.#outbox.add(frame);
		this.#remember();
		this.#transport.start();
		this.#draw();
	}

	#submit(event) {
		event.preventDefault();
		const { input } = this.#view;
		if (this.send(input.value) === null) return;
		input.value = '';
		this.#typed = 0;
		this.#saveTab();
		input.focus();
	}

	#key(event) {
		if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) this.#submit(event);
	}

	#input() {
		this.#saveTab();
		if (Date.now() - this.#typed < TYPING_EVERY_MS || !this.#view.input.value) return;
		this.#typed = Date.now();
		this.#transport.send({ t: 'typing' });
	}

	#rate(item, value) {
		if (this.#rated.get(item.seq) === value) return;
		this.#rated.set(item.seq, value);
		this.#post({ t: 'feedback', id: ulid(), value, seq: item.seq });
		this.#view.say(this.#t('thanks'));
	}

	#outboxChanged() {
		for (const { frame, state } of this.#outbox.entries) {
			const item = this.#talk.get(`c-${frame.id}`);
			if (item && item.state !== state) this.#talk.touch(item, { state });
		}
		this.#saveTab();
		this.#draw();
	}

	// --- remembering ---------------------------------------------------------------------------

	#saveTab() {
		if (!this.#used) return;
		this.#store.tab = { open: this.#open, draft: this.#view.input.value, outbox: this.#outbox.entries.map((entry) => entry.frame) };
	}

	#remember() {
		if (this.#sent && this.#session) this.#store.session = this.#session;
	}

	#hello() {
		this.#live = false;
		this.#talk.reconnecting();
		const { session, token } = this.#session ?? {};
		// An unused session is not worth resuming: the server has not kept it either.
		const resume = this.#sent && session ? { resume: { session, token, after: this.#talk.seq } } : {};
		return { locale: this.#lang, client: 'baton-chat/1', ...resume };
	}

	/** Become a part of `stored`; messages of this tab that are not acknowledged come along. */
	#join(stored) {
		this.#reset(stored);
		if (this.#transport.state !== 'idle') this.#transport.restart();
	}

	#reset(session) {
		this.#session = session;
		this.#talk = new Conversation();
		this.#rated = new Map();
		this.#asked = '';
		this.#live = false;
		this.#outbox.opened(false);
		for (const { frame } of this.#outbox.entries) if (frame.t === 'msg') this.#talk.pending(frame.id, frame.text, frame.ts);
	}

	#otherTab() {
		const stored = this.#store.session;
		if (stored?.session === this.#session?.session) {
			this.#seen(stored?.read ?? 0);
			return;
		}
		if (!stored) {
			// The other tab learned that the session is gone; a half-typed message stays here.
			this.#reset(null);
			this.#transport.stop();
		} else {
			this.#used = this.#sent = true;
			this.#join(stored);
			this.#transport.start();
		}
		this.#draw();
	}

	// --- receiving -----------------------------------------------------------------------------

	#take(frame) {
		switch (frame.t) {
		case 'welcome':
			this.#welcome(frame);
			break;
		case 'ev':
			this.#event(frame);
			break;
		case 'ack':
			this.#acked(frame);
			break;
		case 'caught_up':
			this.#talk.caughtUp(frame);
			this.#ready();
			break;
		case 'err':
			this.#error(frame);
			break;
		}
		this.#draw();
	}

	#welcome({ session, token, greeting, disclosure, limits, owner }) {
		const resumed = this.#sent && this.#session?.session === session;
		if (this.#session && this.#session.session !== session) this.#reset(null);
		this.#session = { read: 0, ...this.#session, session, token: token ?? this.#session?.token };
		this.#remember();
		this.#greeting = greeting ?? this.#greeting;
		this.#disclosure = disclosure ?? this.#disclosure;
		this.#limits = limits ?? {};
		if (owner) this.#talk.owner = owner;
		// A resumed session is sent from the log first: what it holds need not be sent again.
		if (!resumed) this.#ready();
	}

	#ready() {
		this.#live = true;
		this.#outbox.opened(true);
		this.#count();
	}

	#event(frame) {
		const told = this.#talk.apply(frame);
		if (told.gap) return this.#transport.restart();
		const { ev, seq } = frame;
		if (told.finished && told.item.kind === 'customer') this.#outbox.acked(told.item.key.slice(2));
		else if (told.finished) this.#arrived(told.item, seq);
		if (told.notice) this.#noticed(told.notice);
		if (ev.name === 'baton.mode_left' && this.#live && !this.#talk.mode) this.#view.say(this.#t('mode_left'));
		if (told.typing) this.#showTyping();
		if (ev.name === 'baton.session_erased') this.#erased();
	}

	#arrived(item, seq) {
		if (this.#live) {
			this.#view.say(`${this.#view.who(item)}: ${plain(item.text)}`);
			this.#emit('message', { id: item.key, seq, from: item.kind, name: item.name, text: item.text });
		}
		if (this.#open) this.#seen(seq, true);
		else if (this.#live) this.#count();
	}

	#noticed(notice) {
		if (/queued|approved|resumed|resolved/.test(notice.what)) this.#asked = '';
		if (!this.#live) return;
		this.#view.say(this.#view.words(notice));
	}

	#acked({ id, seq }) {
		this.#talk.acked(id, seq);
		this.#outbox.acked(id);
	}

	#error(frame) {
		const entry = frame.id && this.#outbox.refused(frame);
		if (entry && !frame.retryable && entry.frame.t !== 'msg') {
			// Feedback or a wish that the session's state has overtaken: nothing to repeat.
			this.#outbox.acked(frame.id);
			if (frame.id === this.#asked) this.#asked = '';
		}
		if (frame.for === 'hello' && !frame.retryable && this.#session) {
			// Gone on the server. Begin anew; what was not acknowledged goes with us.
			this.#store.session = null;
			this.#reset(null);
			this.#transport.restart();
		}
	}

	#erased() {
		this.#store.session = null;
		this.#sent = false;
		this.#session = null;
		this.#transport.stop();
	}

	#showTyping() {
		clearTimeout(this.#typing);
		this.#typing = setTimeout(() => {
			this.#talk.typing = null;
			this.#draw();
		}, TYPING_ENDS_MS);
	}

	// --- what is on the screen -------------------------------------------------------------------

	#show(open, byHand) {
		if (open === this.#open) return;
		this.#open = open;
		this.#used ||= byHand;
		this.#view.show(open);
		if (open) {
			this.#transport.start();
			this.#seen(this.#talk.seq, true);
			if (byHand) this.#view.input.focus();
		} else {
			this.#view.launcher.focus();
		}
		this.#saveTab();
		this.#draw();
		this.#emit('state', { open, connection: this.#transport.state });
	}

	/** Read up to seq; `tell` the server and the other tabs. */
	#seen(seq, tell) {
		if (this.#session && seq > (this.#session.read ?? 0)) {
			this.#session.read = seq;
			if (tell) {
				this.#remember();
				if (this.#sent) this.#transport.send({ t: 'read', seq });
			}
		}
		this.#count();
	}

	#count() {
		const read = this.#session?.read ?? 0;
		const unread = this.#open ? 0 : this.#talk.items.filter((item) => item.seq > read && item.final && (item.kind === 'bot' || item.kind === 'human')).length;
		if (unread === this.#unread) return;
		this.#unread = unread;
		this.#view.unread(unread);
		this.#emit('unread', { count: unread });
	}

	#connection(state) {
		if (state !== 'open') this.#outbox.opened(false);
		clearTimeout(this.#slow);
		const offline = navigator.onLine === false && state !== 'idle';
		const text = offline ? 'offline' : { waiting: 'waiting', refused: 'refused' }[state];
		if (text) this.#view.state(this.#t(text));
		else if (state !== 'connecting') this.#view.state('');
		// A quick first connection is not worth a word; a slow one is.
		else this.#slow = setTimeout(() => this.#view.state(this.#t(this.#session ? 'waiting' : 'connecting')), 1000);
		this.#emit('state', { open: this.#open, connection: offline ? 'offline' : state });
		this.#draw();
	}

	/** At most once per frame; at once when the page is hidden and has no frames. */
	#draw() {
		if (!this.#view || this.#frame) return;
		const draw = () => {
			this.#frame = 0;
			if (!this.#view) return;
			const talk = this.#talk;
			const answered = talk.items.some((item) => item.kind === 'bot');
			this.#view.draw(talk, {
				disclosure: talk.disclosure || this.#disclosure || (answered || this.#open ? this.#t('disclosure') : ''),
				greeting: this.#greeting, asked: this.#asked, online: this.#transport.state === 'open', rated: this.#rated,
			});
		};
		if (document.hidden) draw();
		else this.#frame = requestAnimationFrame(draw);
	}

	#emit(name, detail) {
		this.dispatchEvent(new CustomEvent(`baton:${name}`, { detail, bubbles: true, composed: true }));
	}
}

if (!customElements.get('baton-chat')) customElements.define('baton-chat', BatonChat);

// Calls made before this module was there wait in window.baton.q (README.md has the two lines).
function command(name, ...args) {
	const element = document.querySelector('baton-chat');
	if (name === 'on') return document.addEventListener(`baton:${args[0]}`, (event) => args[1](event.detail));
	if (name === 'human') return element?.requestHuman(...args);
	return ['open', 'close', 'toggle', 'send'].includes(name) ? element?.[name](...args) : undefined;
}

const waiting = globalThis.baton?.q ?? [];
globalThis.baton = command;
for (const call of waiting) command(...call);
