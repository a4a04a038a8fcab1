// SPDX-License-Identifier: Apache-2.0
//
// The agents' console: ties the connection, the desk, the open case and the page together. Owns who is
// signed in, which case is open and what of the page must be drawn. The server decides what is allowed;
// the console does not offer what would be refused.

import { Conversation } from '/w/1/conversation.js';
import { setAttr, setText } from '/w/1/dom.js';
import { plain } from '/w/1/text.js';
import { Outbox, Transport, onWake, ulid } from '/w/1/transport.js';
import { drawHead, drawMode } from './case.js';
import { Keys, commandsOf, nameOf } from './commands.js';
import { Composer } from './composer.js';
import { Desk } from './desk.js';
import { askResolve, askTransfer } from './dialogs.js';
import { download } from './files.js';
import { CaseList } from './list.js';
import { logIn, logOut, tokenFromHash, whoIsIt, withCookie } from './login.js';
import { News } from './news.js';
import { Offers, drawOwn } from './offers.js';
import { Overview } from './overview.js';
import { Palette, drawHelp } from './palette.js';
import { Room } from './room.js';
import { Tabs, keep, preferences } from './tabs.js';
import { Transcript } from './transcript.js';
import { verbsOf } from './verbs.js';
import { Why } from './why.js';

const TYPING_ENDS_MS = 6000;
const PACKAGE_AFTER_MS = 400;
const DESK_FILLS_MS = 3000;
const STATUS_MS = 2500;
const $ = (id) => document.getElementById(id);

const desk = new Desk();
const rooms = new Map();
const keys = new Keys();
const news = new News($('said'));
let transport = null;
let outbox = null;
let room = null; // the open one
let me = null; // {agent, name, role}
let queues = []; // {name, title}
let available = true;
let awayWhy = ''; // if it was not the agent's own choice
let statusAt = 0; // of the choice: until the desk has answered it is shown as made
let frame = 0;
let dirty = false; // the open case, beside the list
let listTimer = 0;
const timers = { typing: 0, package: 0, desk: 0 };

const supervisor = () => me?.role === 'supervisor';
const watches = () => supervisor() || me?.role === 'admin'; // an admin sees everything, and takes no case
const titleOf = (name) => queues.find((queue) => queue.name === name)?.title || name;

const transcript = new Transcript($('log'), { draft: review, retry: (id) => outbox.retry(id), drop: takeBack, download: save });
const why = new Why($('why'), { link: (seq) => transcript.link(seq), linked: (node) => transcript.linked(node), tags: (tags) => outbox.add({ t: 'tag', session: room.session, id: ulid(), tags }) });
const list = new CaseList($('list'), document.querySelector('.cases'), { open: openCase, mode: modeOf });
const offers = new Offers($('offers'), { accept, decline, about: (session) => desk.get(session), say, focus: () => list.move(0) });
const overview = new Overview($('overview'), { desk, role: () => me?.role, queues: () => queues, send: (one) => transport.send(one), note: noteOn, close: hideOverview, say });
const tabs = new Tabs(drawList);
const composer = new Composer({ mine, post, send: (one) => transport.send(one), draw, banner, jump: (seq) => transcript.jump(seq) });

// --- signing in and out ---------------------------------------------------------------------------

async function begin() {
	const token = tokenFromHash();
	if (token) return signIn(token);
	const who = await whoIsIt();
	if (who === undefined) setTimeout(begin, 2000);
	else if (who) connect();
	else showSignIn();
}

async function signIn(token) {
	const code = await logIn(token);
	if (!code) return connect();
	showSignIn({ unauthorized: 'This token is not known here.', auth: 'This token is not known here.', unreachable: 'The server cannot be reached.', rate_limited: 'Too many tries. Please wait a minute.' }[code] ?? `The server refused it: ${code}.`);
}

function connect() {
	$('sign-in').hidden = true;
	$('app').hidden = $('sign-out').hidden = $('desk-bar').hidden = false;
	transport?.stop();
	transport = new Transport({ base: location.origin, env: { fetch: withCookie }, hello: () => ({ client: 'baton-console/2', locale: navigator.language }), onframe: take, onstate: connection });
	outbox ??= new Outbox({ send: (one) => transport.send(one), changed: outboxChanged });
	transport.start();
	draw();
}

function showSignIn(error = '') {
	transport?.stop();
	transport = null;
	$('app').hidden = $('sign-out').hidden = $('desk-bar').hidden = $('admin').hidden = true;
	$('sign-in').hidden = false;
	for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
	setText($('connection'), '');
	setText($('me'), '');
	setText($('sign-in-error'), error);
	$('token').value = '';
	$('token').focus();
}

/* Everything of who was here. A login that ended by itself keeps it for the same person. */
function forget() {
	outbox = room = me = null;
	desk.clear();
	list.clear();
	offers.clear();
	rooms.clear();
	transcript.clear();
	why.clear();
	composer.show(null);
}

async function signOut() {
	transport?.stop();
	await logOut();
	forget();
	showSignIn();
}

// --- receiving ----------------------------------------------------------------------------------

function connection(state, detail) {
	if (state === 'refused') return showSignIn(['unauthorized', 'auth'].includes(detail) ? 'You are not signed in any more. What you have written is kept until you are.' : `The server refused the connection: ${detail}.`);
	const text = navigator.onLine === false ? 'Offline. What you send is kept.'
		: { connecting: 'Connecting…', waiting: 'Reconnecting… what you send is kept.', open: 'Connected' }[state] ?? '';
	setText($('connection'), text);
	$('connection').className = state === 'open' ? 'good' : 'warn';
	if (state !== 'open') {
		outbox?.opened(false);
		offers.clear();
		for (const one of rooms.values()) {
			one.ready = one.suggesting = false;
			one.verb = '';
			one.talk.reconnecting();
		}
	}
	draw();
}

const TAKES = {
	welcome, desk: deskBegins, case: caseChanged, ev: event, ack: acked, caught_up: caughtUp, err: refused,
	offer: (got) => offers.take(got, Date.now()),
	overview: overviewTold,
	package: (got) => { const one = rooms.get(got.session); if (one) one.package = got.package; dirty ||= one === room; },
};

function take(got) {
	TAKES[got.t]?.(got);
	drawList();
}

/* The desk sets to away who does not answer offers: that must not go unseen. */
function overviewTold(got) {
	const before = overview.own(me?.agent)?.state;
	overview.take(got);
	const now = overview.own(me?.agent)?.state;
	if (now === 'away' && before === 'available' && available && Date.now() - statusAt > STATUS_MS) {
		available = false;
		awayWhy = 'offers were not answered';
		say(`You are set to away: ${awayWhy}.`);
	} else if (now === 'available' && Date.now() - statusAt > STATUS_MS) available = true;
}

function welcome(got) {
	if (me && me.agent !== got.agent) {
		forget();
		outbox = new Outbox({ send: (one) => transport.send(one), changed: outboxChanged });
	}
	me = { agent: got.agent, name: got.agent_name || got.agent, role: got.role };
	queues = got.queues ?? [];
	composer.canned = got.canned ?? [];
	composer.limits = got.limits?.attachments ?? null;
	setText($('me'), watches() ? `${me.name} (${me.role})` : me.name ?? '');
	$('overview-open').hidden = !watches();
	$('admin').hidden = me.role !== 'admin';
	desk.clear();
	transport.send({ t: 'desk' });
	if (!available) transport.send({ t: 'status', available });
	if (room) follow(room);
	else outbox.opened(true);
	draw();
}

/* A case that goes while the desk is told would be waited for in vain. */
function deskBegins({ cases }) {
	desk.begin(cases);
	clearTimeout(timers.desk);
	timers.desk = setTimeout(() => { if (desk.filling) { desk.begin(0); drawList(); } }, DESK_FILLS_MS);
}

function caseChanged(got) {
	const before = desk.get(got.session);
	const began = desk.apply(got);
	list.touch(got.session);
	if (got.state !== 'waiting') offers.drop(got.session);
	overview.changed(got);
	if (began) news.waits(got);
	else if (before && got.state === 'claimed' && got.agent === me?.agent && got.unanswered_ms && !before.unanswered_ms && got.session !== room?.session) say(`In another case of yours: ${got.preview ?? 'a new message'}`);
	settle(got);
	if (got.session === room?.session) dirty = true;
}

/** The desk answered what a verb asked for. */
function settle({ session, state, agent }) {
	const one = rooms.get(session);
	if (!one) return;
	one.claimed ||= ['claim', 'take'].includes(one.verb) && state === 'claimed' && agent === me?.agent;
	one.verb = '';
	if (state === 'gone' && one.next) {
		one.next = false;
		if (one === room) openNext();
	}
}

function event(got) {
	const one = rooms.get(got.session);
	if (!one) return;
	const { gap, item, finished, typing } = one.talk.apply(got);
	if (gap) follow(one);
	if (one !== room) return;
	dirty = true;
	if (item?.kind === 'event') happened(one, item);
	if (finished && one.ready && item.kind === 'customer') say(`Customer: ${item.text}`);
	if (finished && one.ready && item.kind === 'bot') say(`Bot: ${plain(item.text)}`);
	if (typing) {
		clearTimeout(timers.typing);
		timers.typing = setTimeout(() => { one.talk.typing = null; draw(); }, TYPING_ENDS_MS);
	}
}

const LOST = { agent_lost: 'You were disconnected for too long: the case went back to its queue.', no_reply: 'There was no reply for too long: the case went back to its queue.' };
const PACKED = new Set(['escalation_triggered', 'case_queued', 'case_transferred', 'case_released', 'sources_retrieved', 'model_failed', 'writeup_generated', 'identity_verified', 'attributes_claimed', 'authentication_failed', 'draft_proposed']);

function happened(one, { what, value }) {
	if (what === 'draft_proposed') one.suggesting = false;
	if (!one.ready) return;
	if (what === 'draft_proposed' && value.asked_by) say('A suggestion has come.');
	if (what === 'writeup_generated') say('A write-up has come.');
	if (what === 'case_released' && value.agent === me?.agent && LOST[value.reason]) banner(LOST[value.reason]);
	if (PACKED.has(what)) askPackage();
}

/* The server folds the package; events that come together are one question. */
function askPackage() {
	clearTimeout(timers.package);
	timers.package = setTimeout(() => room && transport?.send({ t: 'package', session: room.session }), PACKAGE_AFTER_MS);
}

function caughtUp(got) {
	const one = rooms.get(got.session);
	if (!one) return;
	one.talk.caughtUp(got);
	one.ready = true;
	dirty = true;
	if (one === room) transport.send({ t: 'package', session: one.session });
	// Only now is known what was missed while away; what waits goes out with its own if_seq.
	outbox.opened(true);
}

function acked(got) {
	const entry = outbox.acked(got.id);
	if (entry && overview.settled(entry.frame.session)) return;
	const one = entry && rooms.get(entry.frame.session);
	if (!one) return;
	one.acked(got, entry.frame, me?.name ?? '', Date.now());
	dirty = true;
	// A review is two events and one acknowledgement, files come before their message: ask for what it does not tell.
	if (entry.frame.t === 'draft' || entry.frame.attachments) follow(one);
}

const CODES = {
	stale: 'Somebody was faster.', wrong_state: 'Not possible any more: the case has moved on.', denied: 'You may not do that.', not_found: 'This case is gone.',
	conflict: 'The customer wrote again.', too_big: 'This text is too long.', limit: 'This text is too long.', erased: 'The conversation was erased.', unsupported: 'This server cannot do that.',
};
const wordsOf = (got) => CODES[got.code] ?? got.message ?? got.code;
const QUIET = new Set(['typing', 'read', 'package', 'status']);

function refused(got) {
	const entry = got.id && outbox.refused(got);
	const session = entry?.frame.session ?? got.session;
	const one = rooms.get(session);
	dirty = true;
	if (one) {
		one.verb = '';
		one.next = false;
		if (got.for === 'suggest') one.suggesting = false;
	}
	if (got.for === 'transfer' && (got.retryable ? overview.limited(session) : overview.settled(session, wordsOf(got)))) return;
	if (!entry) return QUIET.has(got.for) ? undefined : banner(wordsOf(got));
	if (got.retryable) return;
	if (overview.settled(session, wordsOf(got))) return void outbox.acked(got.id);
	if (got.code === 'conflict' && entry.frame.t === 'reply') {
		// The text returns to its writer, who decides with the new message in view.
		outbox.acked(got.id);
		one.talk.remove(`c-${got.id}`);
		one.conflict = entry.frame;
		return;
	}
	const item = one?.talk.get(`c-${got.id}`);
	if (item) one.talk.touch(item, { state: 'failed', why: wordsOf(got) });
	else {
		outbox.acked(got.id);
		banner(wordsOf(got));
	}
}

// --- the open case ------------------------------------------------------------------------------

function follow(one) {
	transport.send({ t: 'open', session: one.session, after: one.talk.seq });
}

function openCase(session, focus) {
	hideOverview();
	if (room?.session !== session) {
		if (room) transport.send({ t: 'leave', session: room.session });
		room = rooms.get(session) ?? new Room(session, new Conversation({ everything: true }));
		rooms.set(session, room);
		room.ready = false;
		transcript.clear();
		banner('');
		showWhy(false);
		composer.show(room);
		follow(room);
	}
	draw(true);
	if (focus) (mine(room) ? $('text') : $('verbs').querySelector('button') ?? $('log')).focus();
}

function closeCase() {
	if (!room) return;
	transport.send({ t: 'leave', session: room.session });
	const row = list.get(room.session);
	room = null;
	composer.show(null);
	draw(true);
	row?.focus();
}

/* What is next: the first that waits and may be claimed, else one of mine that is owed an answer. */
function openNext() {
	const next = desk.list('waiting').find((one) => verbsOf(one, false, supervisor()).includes('claim')) ?? desk.mine(me.agent)[0];
	if (next) openCase(next.session, true);
	else closeCase();
}

/** Mine: claimed by me, as the desk says, and not handed on since, as the transcript says. */
function mine(one) {
	const entry = one && desk.get(one.session);
	if (entry?.state !== 'claimed' || entry.agent !== me?.agent) return false;
	return !one.ready || one.talk.owner === 'agent';
}

const verbs = () => (room ? verbsOf(desk.get(room.session), mine(room), supervisor()) : []);

async function ask(verb, fields) {
	const { session } = room;
	if (verb === 'resolve' && !fields) {
		fields = await askResolve();
		if (!fields) return;
	} else if (verb === 'transfer') {
		fields = await askTransfer({ title: 'Transfer the case', queue: desk.get(session)?.queue, queues, agents: overview.colleagues(me?.agent) });
		if (!fields) return;
	}
	const { next, ...rest } = fields ?? {};
	const one = rooms.get(session);
	if (!transport?.send({ t: verb === 'take' ? 'claim' : verb, session, ...(verb === 'take' && { take: true }), ...rest })) return banner('Not connected. Please try again in a moment.');
	Object.assign(one, { verb, next: !!next });
	banner('');
	draw();
}

function accept(session) {
	openCase(session, true);
	offers.drop(session);
	ask('claim');
}

function decline(session) {
	transport.send({ t: 'decline', session });
	offers.drop(session);
}

function review(action) {
	const draft = mine(room) && room.draft();
	if (!draft) return;
	if (action === 'edit') composer.edit(draft);
	else outbox.add({ t: 'draft', session: room.session, id: ulid(), draft: draft.seq, action });
}

// --- sending ------------------------------------------------------------------------------------

function post(one, to) {
	// An accepted draft comes back as a message of its own; the others are shown at once.
	if (one.t !== 'draft') Object.assign(to.talk.pending(one.id, one.text, Date.now(), 'human'), { name: me?.name ?? '', note: one.t === 'note' });
	outbox.add(one);
}

/* One of many notes. */
function noteOn(session, text) {
	if (transport.state !== 'open') return false;
	outbox.add({ t: 'note', session, id: ulid(), text });
	return true;
}

/** A refused reply becomes a text in the composer again. */
function takeBack(id) {
	const entry = outbox.acked(id);
	room.talk.remove(`c-${id}`);
	if (entry && !room.text) composer.takeBack(entry.frame);
	draw();
}

function outboxChanged() {
	for (const { frame: one, state } of outbox?.entries ?? []) {
		const talk = rooms.get(one.session)?.talk;
		const item = talk?.get(`c-${one.id}`);
		if (item && item.state !== state) talk.touch(item, { state });
	}
	draw();
}

async function save(id, name, button) {
	button.setAttribute('aria-busy', 'true');
	await download(room.session, id, name).catch((error) => banner(`${name}: ${error.message}.`));
	button.removeAttribute('aria-busy');
}

function toggleStatus() {
	available = !available;
	awayWhy = '';
	statusAt = Date.now();
	transport?.send({ t: 'status', available });
	say(available ? 'You are available.' : 'You are away.');
	draw();
}

// --- the page -----------------------------------------------------------------------------------

function say(text) {
	news.say(text);
}

function banner(text = '') {
	$('banner').hidden = !text;
	setText($('banner'), text);
}

/** Everything, with the next frame or now. */
function draw(now) {
	dirty = true;
	if (now === true) {
		cancelAnimationFrame(frame);
		paint();
	} else drawList();
}

/** What has changed, with the next frame. */
function drawList() {
	frame ||= document.hidden ? setTimeout(paint, 100) : requestAnimationFrame(paint);
}

function paint() {
	frame = 0;
	if (!transport) return;
	const now = Date.now();
	const more = list.draw({ desk, tab: tabs.name, queue: tabs.queue, me: me?.agent, now });
	clearTimeout(listTimer);
	if (more) listTimer = setTimeout(drawList, more === 1 ? 0 : more);
	tabs.draw(desk, me?.agent, queues);
	offers.draw(now);
	overview.draw();
	drawOwn(overview.own(me?.agent), desk.mine(me?.agent).length, { available, why: awayWhy, chosen: now - statusAt < STATUS_MS });
	if (!dirty) return;
	dirty = false;
	const watching = !$('overview').hidden;
	list.current(room?.session);
	$('app').classList.toggle('open', !!room || watching);
	$('app').classList.toggle('wide', !room || watching);
	$('empty').hidden = !!room || watching;
	$('room').hidden = $('why').hidden = !room || watching;
	setAttr($('overview-open'), 'aria-pressed', String(watching));
	if (room && !watching) drawRoom();
}

function modeOf(session) {
	const one = rooms.get(session);
	const mode = one?.ready && one === room ? one.talk.mode?.mode : desk.get(session)?.mode;
	return mode ? `mode ${mode}` : null;
}

function drawRoom() {
	const own = mine(room);
	const entry = desk.get(room.session);
	drawHead(room, entry, { own, supervisor: supervisor(), title: entry ? titleOf(entry.queue) : '', ask });
	transcript.know(room.talk.seq);
	why.draw(room, entry, { mayTag: own || supervisor() });
	composer.draw(own);
	if (own && room.claimed) {
		room.claimed = false;
		if (!document.querySelector('dialog[open]')) $('text').focus();
	}
	transcript.draw(room, own); // last: it keeps to the end of what height is left
}

function showOverview() {
	if (!watches()) return;
	$('overview').hidden = false;
	draw(true);
	$('overview').focus();
}

function hideOverview() {
	if ($('overview').hidden) return;
	$('overview').hidden = true;
	draw(true);
}

/** On a small screen it takes the transcript's place. */
function showWhy(on) {
	$('app').classList.toggle('why-shown', on);
	setAttr($('why-open'), 'aria-pressed', String(on));
}

/** Ages and promises tick by themselves. */
function tick() {
	if (!transport) return;
	const now = Date.now();
	list.tick(desk, now);
	offers.draw(now);
	overview.draw();
	if (!room || !$('overview').hidden) return;
	drawMode(room);
	const entry = desk.get(room.session);
	if (entry?.due_ms) draw();
}

// --- keys ---------------------------------------------------------------------------------------

const commands = commandsOf({
	composer, offers, ask, accept, decline, review, toggleStatus, showOverview, signOut, watches, verbs,
	get room() { return room; },
	own: () => !!room && mine(room),
	entry: () => room && desk.get(room.session),
	draft: () => room?.draft(),
	move: (step) => { hideOverview(); list.move(step, room?.session); },
	openFocused: () => { const session = document.activeElement?.dataset?.session ?? $('list').firstElementChild?.session; if (session) openCase(session, true); },
	resolveNext: () => ask('resolve', { code: 'solved', next: true }),
	tab: (name) => { tabs.show(name); $(`tab-${name}`).focus(); },
	focusWhy: () => { showWhy(true); $('why').focus(); },
	focusLog: () => $('log').focus(),
	toggleTechnical: () => { const on = $('log').dataset.technical !== 'off'; $('log').dataset.technical = on ? 'off' : 'on'; say(on ? 'Technical events are hidden.' : 'Technical events are shown.'); },
	close: closeCase,
	help: () => $('help').showModal(),
});

const palette = new Palette($('palette'), { commands: () => commands.filter((one) => !one.when || one.when()), cases: () => desk.view('all', me?.agent), open: (session) => openCase(session, true) });

function pressed(event) {
	if (!transport) return;
	if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
		event.preventDefault();
		return palette.toggle();
	}
	if (event.key === 'Escape' && event.target === $('text')) return $('log').focus();
	const field = event.target.closest?.('textarea, select, input:not([type=radio]):not([type=checkbox]), dialog');
	if (field || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !$('keys-on').checked) return;
	const { command, waits } = keys.press(nameOf(event), event.timeStamp, commands);
	if (!command && !waits) return;
	event.preventDefault();
	command?.run();
}

$('sign-in-form').addEventListener('submit', (event) => { event.preventDefault(); signIn($('token').value.trim()); });
$('sign-out').addEventListener('click', signOut);
$('keys').addEventListener('click', () => $('help').showModal());
$('palette-open').addEventListener('click', () => palette.toggle());
$('overview-open').addEventListener('click', () => ($('overview').hidden ? showOverview() : hideOverview()));
$('status').addEventListener('click', toggleStatus);
$('back').addEventListener('click', closeCase);
$('why-open').addEventListener('click', () => showWhy(!$('app').classList.contains('why-shown')));
$('keys-on').addEventListener('change', () => keep({ keys: $('keys-on').checked }));
document.addEventListener('keydown', pressed);
addEventListener('hashchange', async () => { const token = tokenFromHash(); if (token) { transport?.stop(); forget(); await signIn(token); } });
addEventListener('offline', () => transport && connection(transport.state));
onWake(() => transport?.wake());
setInterval(tick, 1000);

$('keys-on').checked = preferences().keys !== false;
drawHelp($('help-keys'), commands);
begin();
