// SPDX-License-Identifier: Apache-2.0
//
// <baton-chat>, the part that every page loads: registers the element, draws the launcher, keeps the
// calls of the page until the rest is here. The rest (panel.js) comes with the first sign of interest,
// or at once where a conversation is to be resumed. Two kilobytes gzipped at most: everything that can
// wait is not here. Nothing is stored by this file, and nothing is read but our own keys.

/* Name of the launcher; all other words are in messages.js. */
const NAMES = { en: 'Chat with us', de: 'Chat öffnen', fr: 'Ouvrir le chat', es: 'Abrir el chat', ar: 'تحدث معنا' };

const sheet = new CSSStyleSheet();
sheet.replaceSync(/* css */ `
:host { color-scheme: light dark; }
:host([theme=light]) { color-scheme: light; }
:host([theme=dark]) { color-scheme: dark; }
.launcher, .panel {
  all: initial; box-sizing: border-box; position: fixed; inset-block: auto 20px; inset-inline: auto 20px; z-index: var(--baton-z, 2147483000);
  font: 15px/1.45 var(--baton-font, system-ui, sans-serif);
  --accent: var(--baton-accent, #14584a); --on: var(--baton-on-accent, #fff);
}
[hidden] { display: none !important; }
.launcher {
  min-inline-size: 56px; min-block-size: 56px; border-radius: 28px; background: var(--accent); color: var(--on); display: grid; place-items: center;
  cursor: pointer; border: 2px solid transparent; box-shadow: 0 4px 18px #0006;
}
:focus-visible { outline: 3px solid #2f81f7; outline-offset: 2px; }
`);

const make = (tag, attrs, kid = '', space = 'http://www.w3.org/1999/xhtml') => {
	const node = document.createElementNS(space, tag);
	for (const name in attrs) node.setAttribute(name, attrs[name]);
	node.append(kid);
	return node;
};
const SVG = 'http://www.w3.org/2000/svg';

/* A listener of the page is wrapped once, so that off finds what on has added. */
const listen = (on) => function (name, fn) {
	fn.baton ??= (event) => fn(event.detail);
	this[`${on}EventListener`](`baton:${name}`, fn.baton);
};

let came;
const first = new Promise((go) => { came = go; });

class BatonChat extends HTMLElement {
	static observedAttributes = ['lang'];
	#launcher; #chat; #loading; #tries = 0; #calls = []; #wanted;

	connectedCallback() {
		if (this.#chat) return; // moved within the page
		if (!this.#launcher) this.#draw();
		this.attributeChangedCallback();
		this.#launcher.hidden = this.hasAttribute('inline');
		if (this.#wanted || this.hasAttribute('open') || this.#launcher.hidden || this.#stored((storage, key) => storage[key])) this.#load();
		came();
		this.emit('ready', {});
	}

	/** Taken out of the page for good: the connection goes, what is stored stays. */
	disconnectedCallback() {
		queueMicrotask(() => {
			if (this.isConnected) return;
			this.#chat?.stop();
			this.#chat = this.#loading = null;
		});
	}

	attributeChangedCallback() {
		if (this.#chat) this.#chat.setLocale(this.locale);
		else this.#label();
	}

	/** Language of the widget's own sentences: its own, else the page's, else the browser's. */
	get locale() {
		return this.closest('[lang]')?.lang || navigator.language;
	}

	/** Origin of the Baton server: where this file came from, unless an attribute says otherwise. */
	get base() {
		return new URL(this.getAttribute('server') ?? '', import.meta.url).origin;
	}

	/** Resolves to the element when it stands in the page and is listening. */
	get ready() {
		return first.then(() => this);
	}

	/** Messages that came while the panel was closed. */
	get unread() {
		return this.#chat?.unread ?? 0;
	}

	/** {open, connection, owner} */
	get state() {
		return this.#chat?.status ?? { open: false, connection: 'idle', owner: 'bot' };
	}

	/** Forgets the conversation, who the customer is, and everything stored here. */
	async logout() {
		this.#stored((storage, key) => storage.removeItem(key));
		this.call('logout', [], true);
	}

	async setLocale(tag) { this.lang = tag; }
	async show() { this.hidden = false; }
	async hide() {
		this.close();
		this.hidden = true;
	}

	emit(name, detail) {
		this.dispatchEvent(new CustomEvent(`baton:${name}`, { detail, bubbles: true, composed: true }));
	}

	/* In order, once the rest is here. `later`: no reason to load it. */
	async call(name, args, later) {
		if (this.#chat) return this.#chat[name](...args);
		const done = new Promise((go) => this.#calls.push(() => go(this.#chat[name](...args))));
		if (later) return undefined;
		this.#wanted = true;
		this.#load();
		return done;
	}

	/* What is kept for this server, if storage is allowed at all. */
	#stored(fn) {
		try {
			return [localStorage, sessionStorage].map((storage) => fn(storage, `baton:${this.base}`)).some(Boolean);
		} catch {
			return false;
		}
	}

	#draw() {
		this.#launcher = make('button', { class: 'launcher', part: 'launcher', 'aria-expanded': 'false', 'aria-controls': 'panel' },
			make('slot', { name: 'launcher-icon' }, make('svg', { viewBox: '0 0 24 24', width: 26, fill: 'currentColor', 'aria-hidden': 'true' },
				make('path', { d: 'M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H9l-5 5v-5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z' }, '', SVG), SVG)));
		this.#launcher.append('');
		this.#launcher.onpointerenter = this.#launcher.onfocus = () => this.#load();
		this.#launcher.onclick = () => this.open();
		const root = this.attachShadow({ mode: 'open' });
		root.adoptedStyleSheets = [sheet];
		root.append(this.#launcher);
	}

	#label() {
		this.#launcher?.setAttribute('aria-label', NAMES[this.locale.slice(0, 2).toLowerCase()] ?? NAMES.en);
	}

	async #load() {
		if (this.#loading || !this.isConnected) return;
		this.#loading = true;
		try {
			// A browser may remember that a module failed; another address is another try.
			const address = `./panel.js${'?'.repeat(this.#tries)}`;
			const { createChat } = await import(address);
			const chat = createChat(this, this.#launcher);
			await chat.begin();
			this.#launcher.lastChild.data = '';
			if (!this.isConnected) return chat.stop();
			this.#chat = chat;
			chat.setLocale(this.locale);
			for (const call of this.#calls.splice(0)) call();
		} catch (error) {
			this.#loading = false;
			this.#tries++;
			this.#launcher.lastChild.data = '⚠';
			console.warn(error);
		}
	}
}

const api = BatonChat.prototype;
for (const name of ['open', 'toggle', 'send', 'requestHuman']) api[name] = function (...args) { return this.call(name, args); };
for (const name of ['close', 'identify', 'setAttributes']) api[name] = function (...args) { return this.call(name, args, true); };
api.on = listen('add');
api.off = listen('remove');
if (!customElements.get('baton-chat')) customElements.define('baton-chat', BatonChat);

// window.baton('open'), callable before this file is here: docs/EMBEDDING.md has the line that queues.
async function baton(name, ...args) {
	// Events on the document: the element need not be there yet.
	if (/^o(n|ff)$/.test(name)) return api[name].apply(document, args);
	await first;
	const chat = document.querySelector('baton-chat');
	const it = chat[name === 'human' ? 'requestHuman' : name];
	return it?.call ? it.apply(chat, args) : it;
}

const early = globalThis.baton?.q ?? [];
globalThis.baton = baton;
// An entry is [resolve, name, ...] of the line that promises, or [name, ...] of the one that does not.
for (const call of early) call[0].call ? call[0](baton(...call.slice(1))) : baton(...call);
