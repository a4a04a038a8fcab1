// SPDX-License-Identifier: Apache-2.0
//
// The agents' console: ties the connection, the desk, the open case and the page together. Owns the
// token (this tab only) and which case is open. The server decides what is allowed; the console does
// not offer what would be refused: on a case that is not yours there is nothing but to claim it.

import { Conversation } from '/w/1/conversation.js';
import { Outbox, Transport, onWake, ulid } from '/w/1/transport.js';
import { plain, render } from '/w/1/text.js';
import { Desk, age } from './desk.js';
import { Room } from './room.js';
import { Transcript, arrange, drawWhy, h, setAttr, setText } from './transcript.js';

const TOKEN = 'baton:console:token';
const HELD = 'baton:console:held'; // cases claimed in this tab, where the server does not name the agent
const TYPING_EVERY_MS = 3000;
const TYPING_ENDS_MS = 6000;
const $ = (id) => document.getElementById(id);

const desk = new Desk();
const rooms = new Map();
const rows = new Map(); // session -> <li> of the list
let transport = null;
let outbox = null;
let room = null; // the open one
let me = null; // {agent, name}
let held = new Set(JSON.parse(sessionStorage.getItem(HELD) ?? '[]'));
let told = false; // the desk has been told since the connection: from then on news is news
let typed = 0;
let typingTimer = 0;
let frame = 0;

const transcript = new Transcript($('log'), { draft: reviewDraft, retry: (id) => outbox.retry(id), drop: takeBack });

// --- signing in ---------------------------------------------------------------------------------

/** The token leaves the address bar before anything else happens. */
function tokenFromHash() {
	const token = new URLSearchParams(location.hash.slice(1)).get('token');
	if (location.hash) history.replaceState(null, '', location.pathname + location.search);
	return token;
}

function signIn(token) {
	sessionStorage.setItem(TOKEN, token);
	$('sign-in').hidden = true;
	$('app').hidden = $('sign-out').hidden = false;
	transport = new Transport({
		base: location.origin, token, hello: () => ({ client: 'baton-console/1', locale: navigator.language }),
		onframe: take, onstate: connection,
	});
	outbox = new Outbox({ send: (one) => transport.send(one), changed: outboxChanged });
	transport.start();
	draw();
}

function signOut(error = '') {
	transport?.stop();
	sessionStorage.removeItem(TOKEN);
	sessionStorage.removeItem(HELD);
	transport = outbox = room = me = null;
	held = new Set();
	desk.clear();
	rooms.clear();
	transcript.clear();
	$('app').hidden = $('sign-out').hidden = true;
	$('sign-in').hidden = false;
	setText($('connection'), '');
	setText($('me'), '');
	setText($('sign-in-error'), error);
	$('token').value = '';
	$('token').focus();
}

// --- receiving ----------------------------------------------------------------------------------

function connection(state, detail) {
	if (state === 'refused') return signOut(detail === 'unauthorized' ? 'This token is not known here.' : `The server refused the connection: ${detail}.`);
	const text = navigator.onLine === false ? 'Offline. What you send is kept.'
		: { connecting: 'Connecting…', waiting: 'Reconnecting… what you send is kept.', open: 'Connected' }[state] ?? '';
	setText($('connection'), text);
	$('connection').className = state === 'open' ? 'good' : 'warn';
	if (state !== 'open') {
		outbox?.opened(false);
		told = false;
		for (const one of rooms.values()) {
			one.ready = false;
			one.verb = '';
			one.talk.reconnecting();
		}
	}
	draw();
}

function take(got) {
	switch (got.t) {
	case 'welcome':
		me = got.agent ? { agent: got.agent, name: got.agent_name || got.agent } : null;
		setText($('me'), me?.name ?? '');
		desk.clear();
		transport.send({ t: 'desk' });
		if (room) follow(room);
		else outbox.opened(true);
		break;
	case 'desk':
		told = true;
		break;
	case 'case':
		if (desk.apply(got) && told) say(`New case: ${got.reason || got.queue}`);
		settle(got);
		break;
	case 'ev':
		event(got);
		break;
	case 'ack':
		acked(got);
		break;
	case 'caught_up':
		caughtUp(got);
		break;
	case 'err':
		refused(got);
		break;
	}
	draw();
}

/** The desk answered what a verb asked for. */
function settle({ session, state, agent }) {
	const one = rooms.get(session);
	if (one?.verb === 'claim' && state === 'claimed' && (!me || agent === me.agent)) hold(session, true);
	if (state !== 'claimed') hold(session, false);
	if (one) one.verb = '';
}

function hold(session, on) {
	if (on) held.add(session);
	else if (!held.delete(session)) return;
	sessionStorage.setItem(HELD, JSON.stringify([...held]));
}

function event(got) {
	const one = rooms.get(got.session);
	if (!one) return;
	const { gap, item, finished, typing } = one.talk.apply(got);
	if (gap) transport.send({ t: 'open', session: one.session, after: one.talk.seq });
	if (one !== room) return;
	if (finished && one.ready && item.kind === 'customer') say(`Customer: ${item.text}`);
	if (finished && one.ready && item.kind === 'bot') say(`Bot: ${plain(item.text)}`);
	if (typing) {
		clearTimeout(typingTimer);
		typingTimer = setTimeout(() => { one.talk.typing = null; draw(); }, TYPING_ENDS_MS);
	}
}

function caughtUp(got) {
	const one = rooms.get(got.session);
	if (!one) return;
	one.talk.caughtUp(got);
	one.ready = true;
	// Only now is known what was missed while away; what waits goes out with its own if_seq.
	outbox.opened(true);
}

function acked(got) {
	const entry = outbox.acked(got.id);
	const one = entry && rooms.get(entry.frame.session);
	if (!one) return;
	one.acked(got, entry.frame, me?.name ?? '', Date.now());
	// A review is two events and one acknowledgement: ask for what it does not tell.
	if (entry.frame.t === 'draft') follow(one);
}

const CODES = {
	stale: 'Somebody was faster.', wrong_state: 'Not possible any more: the case has moved on.', denied: 'You may not do that.', not_found: 'This case is gone.',
	conflict: 'The customer wrote again.', too_big: 'This text is too long.', limit: 'This text is too long.', erased: 'The conversation was erased.',
};

function refused(got) {
	const entry = got.id && outbox.refused(got);
	const one = rooms.get(entry?.frame.session ?? got.session);
	if (one) one.verb = '';
	if (!entry) {
		if (got.for !== 'typing' && got.for !== 'read') banner(CODES[got.code] ?? got.message ?? got.code);
		return;
	}
	if (got.retryable) return;
	const { frame: refusedFrame } = entry;
	if (got.code === 'conflict' && refusedFrame.t === 'reply') {
		// The text returns to its writer, who decides with the new message in view.
		outbox.acked(got.id);
		one.talk.remove(`c-${got.id}`);
		one.conflict = refusedFrame;
		return;
	}
	const item = one?.talk.get(`c-${got.id}`);
	if (item) one.talk.touch(item, { state: 'failed', why: CODES[got.code] ?? got.message ?? got.code });
	else {
		outbox.acked(got.id);
		banner(CODES[got.code] ?? got.message ?? got.code);
	}
}

// --- the open case ------------------------------------------------------------------------------

function follow(one) {
	transport.send({ t: 'open', session: one.session, after: one.talk.seq });
}

function openCase(session, focus) {
	if (room?.session !== session) {
		if (room) transport.send({ t: 'leave', session: room.session });
		room = rooms.get(session) ?? new Room(session, new Conversation({ everything: true }));
		rooms.set(session, room);
		transcript.clear();
		banner('');
		$('text').value = room.text;
		setMode(room.mode);
		follow(room);
	}
	draw(true);
	if (focus) (mine(room) ? $('text') : $('verbs').querySelector('button') ?? $('log')).focus();
}

function closeCase() {
	if (room) transport.send({ t: 'leave', session: room.session });
	const row = room && rows.get(room.session)?.querySelector('button');
	room = null;
	draw(true);
	row?.focus();
}

/** Mine: claimed by me, as the desk says, and not handed on since, as the transcript says. */
function mine(one) {
	const entry = one && desk.get(one.session);
	if (entry?.state !== 'claimed') return false;
	if (one.ready && one.talk.owner !== 'agent') return false;
	return me ? entry.agent === me.agent : held.has(one.session);
}

function ask(verb, fields = {}) {
	if (!transport.send({ t: verb, session: room.session, ...fields })) return banner('Not connected. Please try again in a moment.');
	room.verb = verb;
	banner('');
	draw();
}

function reviewDraft(action) {
	const draft = mine(room) && room.draft();
	if (!draft) return;
	if (action === 'edit') {
		write(String(draft.value.text ?? ''));
		room.editing = draft.seq;
		setMode('reply');
		draw();
		$('text').focus();
		return;
	}
	outbox.add({ t: 'draft', session: room.session, id: ulid(), draft: draft.seq, action });
}

// --- writing ------------------------------------------------------------------------------------

function setMode(mode) {
	room.mode = mode;
	for (const radio of document.querySelectorAll('[name=mode]')) radio.checked = radio.value === mode;
	$('text').setAttribute('aria-label', mode === 'note' ? 'Note among agents' : 'Reply to the customer');
	draw();
}

function write(text) {
	$('text').value = text;
	room.write(text);
}

function input() {
	room.write($('text').value);
	if (room.mode === 'reply' && mine(room) && Date.now() - typed > TYPING_EVERY_MS) {
		typed = Date.now();
		transport.send({ t: 'typing', session: room.session });
	}
	draw();
}

function submit() {
	const text = room?.text.trim();
	if (!text || !mine(room)) return;
	const base = { session: room.session, id: ulid(), text };
	if (room.mode === 'note') return post({ t: 'note', ...base });
	if (room.editing) return post({ t: 'draft', ...base, draft: room.editing, action: 'edit' });
	const reply = { t: 'reply', ...base, if_seq: room.talk.seq };
	if (room.missed()) {
		room.conflict = { ...reply, if_seq: room.typed };
		return draw();
	}
	post(reply);
}

function post(one) {
	write('');
	typed = 0;
	room.conflict = null;
	// An accepted draft comes back as a message of its own; the others are shown at once.
	if (one.t !== 'draft') Object.assign(room.talk.pending(one.id, one.text, Date.now(), 'human'), { name: me?.name ?? '', note: one.t === 'note' });
	outbox.add(one);
	$('text').focus();
}

function sendAnyway() {
	const { text } = room.conflict;
	post({ t: 'reply', session: room.session, id: ulid(), text, if_seq: room.talk.seq });
}

/** Back to the composer, to be read again beside what is new. */
function keepWriting() {
	const { text } = room.conflict;
	room.conflict = null;
	if (!room.text) write(text);
	room.typed = room.talk.seq;
	draw();
	$('text').focus();
}

/** A refused reply becomes a text in the composer again. */
function takeBack(id) {
	const entry = outbox.acked(id);
	room.talk.remove(`c-${id}`);
	if (entry && !room.text) write(entry.frame.text);
	draw();
}

function outboxChanged() {
	for (const { frame: one, state } of outbox.entries) {
		const talk = rooms.get(one.session)?.talk;
		const item = talk?.get(`c-${one.id}`);
		if (item && item.state !== state) talk.touch(item, { state });
	}
	draw();
}

// --- the page -----------------------------------------------------------------------------------

function say(text) {
	$('said').textContent = text;
}

function banner(...kids) {
	$('banner').hidden = !kids.join('');
	$('banner').replaceChildren(...kids);
	delete $('banner').dataset.for;
}

function draw(now) {
	if (now) {
		cancelAnimationFrame(frame);
		paint();
	} else {
		frame ||= document.hidden ? setTimeout(paint) : requestAnimationFrame(paint);
	}
}

function paint() {
	frame = 0;
	if (!transport) return;
	drawList('waiting');
	drawList('claimed');
	for (const [session, row] of rows) if (!desk.get(session)) { row.remove(); rows.delete(session); }
	const waiting = desk.list('waiting').length;
	document.title = waiting ? `(${waiting}) Baton console` : 'Baton console';
	$('app').classList.toggle('open', !!room);
	$('empty').hidden = !!room;
	$('room').hidden = $('why').hidden = !room;
	if (room) drawRoom();
}

function drawList(state) {
	const cases = desk.list(state);
	arrange($(state), cases.map((one) => drawCase(one)));
	setText($(`${state}-title`), `${state === 'waiting' ? 'Waiting' : 'Claimed'} (${cases.length})`);
}

function drawCase(one) {
	let row = rows.get(one.session);
	if (!row) {
		row = h('li', {}, h('button', { type: 'button', class: 'case', onclick: (click) => openCase(one.session, click.detail === 0) },
			h('span', { class: 'line' }, h('b', { class: 'place' }), h('span', { class: 'chip' }), h('span', { class: 'chip mode', hidden: true }), h('span', { class: 'age' })),
			h('span', { class: 'reason', dir: 'auto' }), h('span', { class: 'more dim', dir: 'auto' })));
		row.dataset.session = one.session;
		rows.set(one.session, row);
	}
	const button = row.firstChild;
	setAttr(button, 'aria-current', room?.session === one.session ? 'true' : null);
	setText(row.querySelector('.place'), one.state === 'waiting' ? `#${desk.position(one)}` : one.agent_name || one.agent || 'claimed');
	setText(row.querySelector('.chip'), `${one.queue} · P${one.priority}${one.draft ? ' · draft' : ''}`);
	drawMode(row.querySelector('.mode'), modeOf(one.session));
	setText(row.querySelector('.age'), age(Date.now() - one.waiting_since_ms));
	setText(row.querySelector('.reason'), one.reason || 'no reason given');
	setText(row.querySelector('.more'), one.preview || '');
	return row;
}

/** The degraded mode of a case: of an open one with trigger and age, of the others by name. */
function modeOf(session) {
	const one = rooms.get(session);
	return one?.ready ? one.talk.mode : desk.get(session)?.mode ? { mode: desk.get(session).mode } : null;
}

function drawMode(chip, mode) {
	chip.hidden = !mode;
	setText(chip, mode ? [`mode ${mode.mode}`, mode.trigger, mode.ts && age(Date.now() - mode.ts)].filter(Boolean).join(' · ') : '');
}

function drawRoom() {
	const own = mine(room);
	const entry = desk.get(room.session);
	setText($('room-title'), entry ? `${entry.queue}, priority ${entry.priority}` : 'Conversation');
	drawMode($('room-mode'), room.talk.mode);
	drawVerbs(own, entry);
	drawWhy($('why'), room, entry);
	setText($('busy'), room.talk.typing?.who === 'customer' ? 'The customer is typing…' : room.talk.running ? 'The bot is answering…' : '');
	$('composer').hidden = !own;
	setText($('not-mine'), own ? '' : entry?.state === 'waiting' ? 'Claim the case to answer.'
		: entry?.state === 'claimed' ? `${entry.agent_name || 'Another agent'} has this case. You can read along.` : 'This case is with automation or closed. You can read it.');
	drawConflict();
	setText($('send'), room.mode === 'note' ? 'Add note' : room.editing ? 'Send edited draft' : 'Send');
	$('preview').hidden = room.mode === 'note' || !room.text;
	if ($('preview').open) $('preview').lastElementChild.replaceChildren(...render(room.text));
	transcript.draw(room, own); // last: it keeps to the end of what height is left
}

function drawVerbs(own, entry) {
	const want = own ? ['handback', 'release', 'resolve'] : entry?.state === 'waiting' ? ['claim'] : [];
	const words = { claim: 'Claim', handback: 'Hand back to the bot', release: 'Back to the queue', resolve: 'Resolve' };
	const key = `${want} ${room.verb}`;
	if ($('verbs').dataset.drawn === key) return;
	$('verbs').dataset.drawn = key;
	$('verbs').replaceChildren(...want.map((verb) => h('button', { type: 'button', class: verb === 'claim' && 'primary', disabled: !!room.verb, 'aria-busy': room.verb === verb ? 'true' : null, onclick: () => ask(verb) }, words[verb])));
}

function drawConflict() {
	const key = room.conflict?.id ?? '';
	if (!key && $('banner').dataset.for) return banner('');
	if (!key || $('banner').dataset.for === key) return;
	const count = room.missed(room.conflict.if_seq);
	banner(`${count || 'Something'} new since you typed. Send anyway? `, h('button', { type: 'button', onclick: sendAnyway }, 'Send anyway'), ' ', h('button', { type: 'button', onclick: keepWriting }, 'Keep writing'));
	$('banner').dataset.for = key;
}

/** Ages tick by themselves. */
function tick() {
	for (const [session, row] of rows) {
		const one = desk.get(session);
		if (!one) continue;
		setText(row.querySelector('.age'), age(Date.now() - one.waiting_since_ms));
		drawMode(row.querySelector('.mode'), modeOf(session));
	}
	if (room) drawMode($('room-mode'), room.talk.mode);
}

// --- keys ---------------------------------------------------------------------------------------

function move(step) {
	const buttons = [...document.querySelectorAll('.case')];
	const at = buttons.findIndex((button) => button === document.activeElement);
	const current = at >= 0 ? at : buttons.findIndex((button) => button.getAttribute('aria-current'));
	buttons[Math.min(buttons.length - 1, Math.max(0, current < 0 ? 0 : current + step))]?.focus();
}

const KEYS = {
	j: () => move(1),
	k: () => move(-1),
	c: () => room && desk.get(room.session)?.state === 'waiting' && ask('claim'),
	r: () => mine(room) && (setMode('reply'), $('text').focus()),
	n: () => mine(room) && (setMode('note'), $('text').focus()),
	'?': () => $('help').showModal(),
};

function key(pressed) {
	const field = pressed.target.closest?.('textarea, input:not([type=radio]):not([type=checkbox]), dialog');
	if (pressed.key === 'Escape' && pressed.target === $('text')) return $('log').focus();
	if (field || pressed.ctrlKey || pressed.metaKey || pressed.altKey || !transport || !$('keys-on').checked) return;
	const action = KEYS[pressed.key.toLowerCase()];
	if (!action) return;
	pressed.preventDefault();
	action();
}

$('sign-in-form').addEventListener('submit', (event) => { event.preventDefault(); signIn($('token').value.trim()); });
$('sign-out').addEventListener('click', () => signOut());
$('keys').addEventListener('click', () => $('help').showModal());
$('back').addEventListener('click', closeCase);
$('composer').addEventListener('submit', (event) => { event.preventDefault(); submit(); });
$('text').addEventListener('input', input);
$('text').addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); } });
$('mode').addEventListener('change', (event) => setMode(event.target.value));
$('preview').addEventListener('toggle', () => draw());
document.addEventListener('keydown', key);
addEventListener('hashchange', () => { const token = tokenFromHash(); if (token) { signOut(); signIn(token); } });
addEventListener('offline', () => transport && connection(transport.state));
onWake(() => transport?.wake());
setInterval(tick, 1000);

const token = tokenFromHash() ?? sessionStorage.getItem(TOKEN);
if (token) signIn(token);
else signOut();
