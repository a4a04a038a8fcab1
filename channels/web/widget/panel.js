// SPDX-License-Identifier: Apache-2.0
//
// The chat behind the launcher. This file ties the parts together: one Transport, one Outbox, one
// Conversation, one view, one Store, the Uploads. baton-chat.js loads it and calls it; the page never
// does. Who the customer is stays in memory: a signed token is never stored.

import { Conversation, utf8Length } from './conversation.js';
import { Uploads, download } from './files.js';
import { speak } from './messages.js';
import { Store } from './store.js';
import { sheet } from './style.js';
import { Outbox, Transport, onWake, ulid } from './transport.js';
import { createView } from './view.js';

const TYPING_EVERY_MS = 3000;
const TYPING_ENDS_MS = 6000;

/* For the ear: the words without their marks. */
const spoken = (text) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/\s*[*_`#|]+\s*/g, ' ').trim();

/* Whose identity it is, to notice a change; what it says is for the server to judge. */
function subjectOf({ token, id }) {
	try {
		return token ? JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).sub : id;
	} catch {
		return token;
	}
}

/** host: the element; launcher: its button. */
export function createChat(host, launcher) {
	const { base } = host;
	const inline = host.hasAttribute('inline');
	const store = new Store(base);
	const rated = new Map();
	const until = new AbortController();
	const { signal } = until;
	let mine = null; // {session, token, read}: of the welcome, stored or not
	let used = false; // the visitor opened or sent: from now on the tab's state is stored
	let sent = false; // the visitor sent: from now on the session is stored
	let isOpen = false;
	let live = false; // what comes is new, not a replay
	let claims, subject, attributes; // said with every request for a ticket
	let talk = new Conversation();
	let limits = {};
	let greeting, disclosure, asked; // asked: id of the frame that wants a person
	let view, w, locale, frame, slow, typing;
	let typedAt = 0;
	let count = 0;

	const transport = new Transport({ base, hello, about: () => ({ ...claims, attributes }), onticket, onframe: take, onstate: connection });
	const outbox = new Outbox({ send: (what) => transport.send(what), changed: outboxChanged });
	const uploads = new Uploads((name) => [`${base}/v1/attachments`, { ...auth(), 'x-baton-name': encodeURIComponent(name) }], uploaded);

	async function begin() {
		await setLocale(host.locale);
		for (const name of ['offline', 'online']) addEventListener(name, () => connection(transport.state), { signal });
		for (const name of ['resize', 'scroll']) visualViewport.addEventListener(name, () => view.fit(visualViewport), { signal });
		onWake(transport.wake, signal);
		store.onSession(otherTab, signal);

		mine = store.session;
		const tab = store.tab;
		if (mine) used = sent = true;
		for (const kept of tab.outbox ?? []) {
			used = sent = true;
			if (kept.t === 'msg') talk.pending(kept.id, kept.text, kept.ts);
			outbox.add(kept);
		}
		view.input.value = tab.draft ?? '';
		if (sent) transport.start();
		if (tab.open || inline || host.hasAttribute('open')) show(true);
		draw();
	}

	/** Taken out of the page: the connection goes, what is stored stays. */
	function stop() {
		until.abort();
		transport.stop();
		view.show(false);
		view.panel.remove();
	}

	// --- what the page may call (through the element) ------------------------------------------

	const open = () => show(true, true);
	const close = () => show(false, true);
	const toggle = () => show(!isOpen, true);

	/** Gives back the message's id, or null if there is nothing to send, or too much. */
	function send(text, files = []) {
		text = String(text ?? '').trim() || files.map((file) => file.name).join(', ');
		if (!text) return null;
		if (utf8Length(text) > (limits.text_bytes ?? 8192)) {
			view.state(w.too_long);
			return null;
		}
		const id = ulid();
		const ts = Date.now();
		talk.pending(id, text, ts, 'customer', files);
		post({ t: 'msg', id, text, ts, ...(files.length && { attachments: files.map((file) => file.attachment) }) });
		emit('message', { id, from: 'customer', text });
		return id;
	}

	function requestHuman(reason) {
		if (asked || talk.owner !== 'bot') return;
		asked = ulid();
		post({ t: 'human', id: asked, ...(reason && { reason: String(reason) }) });
	}

	/** A token that was refused is not shown again; the page hears of it and may bring another. */
	function identify(who) {
		const now = who ? subjectOf(who) : undefined;
		if (subject !== undefined && subject !== now) logout();
		subject = now;
		const { token, ...hashed } = who ?? {};
		claims = token ? { identity: token } : hashed;
		reintroduce();
	}

	function setAttributes(map) {
		attributes = { ...attributes, ...map };
		reintroduce();
	}

	/** Nothing of it is left, not even what was not sent: the next visitor may be another. */
	function logout() {
		claims = attributes = subject = undefined;
		forget();
		transport.stop();
		if (isOpen) transport.start();
	}

	/** The words change where they stand; the conversation is as it was. */
	async function setLocale(tag) {
		if (tag === locale) return;
		locale = tag;
		const words = await speak(tag);
		if (tag !== locale || signal.aborted) return; // another came meanwhile
		w = words.w;
		const root = host.shadowRoot;
		const old = view;
		const inside = old?.panel.contains(root.activeElement);
		view = createView(chat, words, launcher);
		root.adoptedStyleSheets = [root.adoptedStyleSheets[0], sheet];
		old?.panel.remove();
		root.append(view.panel);
		view.unread(count);
		if (!old) return;
		view.input.value = old.input.value;
		view.show(isOpen);
		uploaded();
		connection(transport.state);
		if (inside) view.input.focus();
	}

	// --- who it is -----------------------------------------------------------------------------

	/* A connection that stands has introduced itself as somebody else. */
	function reintroduce() {
		if (transport.state !== 'idle') transport.restart();
	}

	function onticket({ identity }) {
		if (!identity?.refused) return;
		claims = undefined;
		emit('error', { code: 'identity_refused', reason: identity.refused });
	}

	const auth = () => ({ authorization: `Bearer ${mine?.token}`, 'x-baton-session': mine?.session });

	/** A path below /v1/, as a file for the visitor. */
	function fetchPath(path, name) {
		download(`${base}/v1/${path}`, auth(), name).catch((error) => emit('error', { code: 'download_failed', reason: error.message }));
	}

	// --- what the visitor does -----------------------------------------------------------------

	function post(what) {
		const stored = store.session;
		// Another tab may have begun a session since: this one joins it before its first word.
		const joins = !sent && stored && stored.session !== mine?.session;
		used = sent = true;
		if (joins) join(stored);
		outbox.add(what);
		remember();
		transport.start();
		draw();
	}

	/** Files that are still on their way are waited for, and said to be. */
	function submit(event) {
		event.preventDefault();
		if (uploads.busy) return view.say(w.uploading);
		const files = uploads.take();
		if (send(view.input.value, files) === null) return uploads.entries.unshift(...files);
		view.input.value = '';
		typedAt = 0;
		saveTab();
		uploaded();
		return view.input.focus();
	}

	function key(event) {
		if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
	}

	function typed() {
		saveTab();
		if (Date.now() - typedAt < TYPING_EVERY_MS || !view.input.value) return;
		typedAt = Date.now();
		transport.send({ t: 'typing' });
	}

	function escape(event) {
		if (event.key !== 'Escape' || event.isComposing || inline) return;
		event.stopPropagation();
		close();
	}

	/** On a small screen the panel hides the page: who tabs on to the page shall see it. */
	function left({ relatedTarget: to }) {
		if (to && !inline && view.panel.offsetWidth >= innerWidth && !view.panel.contains(to)) show(false);
	}

	function uploaded() {
		view.files(uploads.entries, limits.attachments);
	}

	function rate({ seq }, value, comment) {
		if (rated.get(seq)?.value === value && !comment) return;
		rated.set(seq, { value, comment });
		post({ t: 'feedback', id: ulid(), value, seq, ...(comment && { comment }) });
		view.say(w.thanks);
	}

	function outboxChanged() {
		for (const { frame: { id }, state } of outbox.entries) {
			const item = talk.get(`c-${id}`);
			if (item && item.state !== state) talk.touch(item, { state });
		}
		saveTab();
		draw();
	}

	// --- remembering ---------------------------------------------------------------------------

	function saveTab() {
		if (used) store.tab = { open: isOpen, draft: view.input.value, outbox: outbox.entries.map((entry) => entry.frame) };
	}

	function remember() {
		if (sent && mine) store.session = mine;
	}

	function hello() {
		live = false;
		talk.reconnecting();
		// An unused session is not worth resuming: the server has not kept it either.
		const resume = sent && mine ? { resume: { session: mine.session, token: mine.token, after: talk.seq } } : {};
		return { locale, client: 'baton-chat/1', ...resume };
	}

	/** Become a part of `stored`; messages of this tab that are not acknowledged come along. */
	function join(stored) {
		reset(stored);
		reintroduce();
	}

	function reset(session) {
		mine = session;
		talk = new Conversation();
		rated.clear();
		asked = '';
		live = false;
		for (const entry of uploads.entries) uploads.remove(entry);
		outbox.opened(false);
		for (const { frame: kept } of outbox.entries) if (kept.t === 'msg') talk.pending(kept.id, kept.text, kept.ts);
		draw();
	}

	function forget() {
		for (const entry of outbox.entries) outbox.acked(entry.frame.id);
		view.input.value = '';
		used = sent = false;
		store.session = store.tab = null;
		reset(null);
		recount();
	}

	function otherTab() {
		const stored = store.session;
		if (!stored) {
			logout(); // there too
		} else if (stored.session === mine?.session) {
			seen(stored.read);
		} else {
			used = sent = true;
			join(stored);
			transport.start();
		}
	}

	// --- receiving -----------------------------------------------------------------------------

	function take(what) {
		({ welcome, ev: event, err: error, ack, caught_up: caughtUp })[what.t]?.(what);
		draw();
	}

	function ack({ id, seq }) {
		talk.acked(id, seq);
		outbox.acked(id);
	}

	function caughtUp(what) {
		talk.caughtUp(what);
		ready();
	}

	function welcome(what) {
		const { session, owner } = what;
		const resumed = sent && mine?.session === session;
		if (mine && mine.session !== session) reset(null);
		mine = { read: 0, ...mine, session, token: what.token ?? mine?.token };
		remember();
		({ greeting = greeting, disclosure = disclosure, limits = {} } = what);
		if (owner) talk.owner = owner;
		uploaded();
		// A resumed session is sent from the log first: what it holds need not be sent again.
		if (!resumed) ready();
	}

	function ready() {
		live = true;
		outbox.opened(true);
		recount();
	}

	function event(what) {
		const { gap, finished, item, notice, place, typing: who } = talk.apply(what);
		if (gap) return transport.restart();
		const { ev: { name }, seq } = what;
		if (finished && item.kind === 'customer') outbox.acked(item.key.slice(2));
		else if (finished) arrived(item, seq);
		if (notice) {
			if (/queued|approved|resumed|resolved/.test(notice.what)) asked = '';
			say(view.words(notice));
		}
		if (place) say(view.place(place));
		if (name === 'baton.mode_left' && !talk.mode) say(w.mode_left);
		if (who) showTyping();
		if (name === 'baton.session_erased') erased();
		return undefined;
	}

	function say(text) {
		if (live && text) view.say(text);
	}

	function arrived(item, seq) {
		if (live) {
			say(`${view.who(item)}: ${spoken(item.text)}`);
			emit('message', { id: item.key, seq, from: item.kind, name: item.name, text: item.text });
		}
		if (isOpen) seen(seq, true);
		else if (live) recount();
	}

	function error(what) {
		const entry = what.id && outbox.refused(what);
		if (what.retryable) return;
		if (entry && entry.frame.t !== 'msg') {
			// Feedback or a wish that the session's state has overtaken: nothing to repeat.
			outbox.acked(what.id);
			if (what.id === asked) asked = '';
		}
		if (what.for === 'hello' && mine) {
			// Of another customer: nothing of it may stay. Gone on the server: what was not
			// acknowledged goes along, and what is stored is overwritten. Either way it begins anew.
			if (what.code === 'unauthorized' && subject !== undefined) forget();
			reset(null);
			transport.restart();
		}
	}

	function erased() {
		store.session = mine = null;
		sent = false;
		transport.stop();
	}

	function showTyping() {
		clearTimeout(typing);
		typing = setTimeout(() => {
			talk.typing = null;
			draw();
		}, TYPING_ENDS_MS);
	}

	// --- what is on the screen -------------------------------------------------------------------

	function show(next, byHand) {
		if (next === isOpen || (inline && !next)) return;
		isOpen = next;
		used ||= byHand;
		view.show(next);
		if (next) {
			transport.start();
			seen(talk.seq, true);
			if (byHand) view.input.focus();
		} else if (byHand) {
			launcher.focus();
		}
		saveTab();
		draw();
		emit('state', chat.status);
	}

	/** Read up to seq; `tell` the server and the other tabs. */
	function seen(seq, tell) {
		if (mine && seq > (mine.read ?? 0)) {
			mine.read = seq;
			if (tell) {
				remember();
				if (sent) transport.send({ t: 'read', seq });
			}
		}
		recount();
	}

	function recount() {
		const read = mine?.read ?? 0;
		const now = isOpen ? 0 : talk.items.filter((item) => item.seq > read && item.final && /bot|human/.test(item.kind)).length;
		if (now === count) return;
		count = now;
		view.unread(count);
		emit('unread', { count });
	}

	function connection(state) {
		if (state !== 'open') outbox.opened(false);
		clearTimeout(slow);
		const shown = navigator.onLine === false && state !== 'idle' ? 'offline' : state;
		// A quick first connection is not worth a word; a slow one is.
		if (shown === 'connecting') slow = setTimeout(() => view.state(mine ? w.waiting : w.connecting), 1000);
		else view.state({ offline: w.offline, waiting: w.waiting, refused: w.refused }[shown]);
		emit('state', { ...chat.status, connection: shown });
		draw();
	}

	/** At most once per frame; at once when the page is hidden and has no frames. */
	function draw() {
		if (frame) return;
		const now = () => {
			frame = 0;
			if (signal.aborted) return;
			view.draw(talk, {
				disclosure: talk.disclosure || disclosure || (isOpen || talk.items.some((item) => item.kind === 'bot') ? w.disclosure : ''),
				greeting, asked, online: transport.state === 'open', sent: sent && mine, rated,
			});
		};
		if (document.hidden) now();
		else frame = requestAnimationFrame(now);
	}

	function emit(name, detail) {
		host.emit(name, detail);
	}

	const chat = {
		inline, begin, stop, open, close, toggle, send, requestHuman, identify, setAttributes, logout, setLocale,
		submit, key, typed, escape, left, rate, fetchPath,
		ticket: (contact) => post({ t: 'ticket', id: ulid(), contact }),
		retry: (id) => outbox.retry(id),
		attach: (files) => uploads.add(files, limits.attachments),
		detach: (entry) => uploads.remove(entry),
		fetchFile: ({ attachment, name }) => fetchPath(`attachments/${mine.session}/${attachment}`, name),
		get unread() { return count; },
		get status() { return { open: isOpen, connection: transport.state, owner: talk.owner }; },
	};
	return chat;
}
