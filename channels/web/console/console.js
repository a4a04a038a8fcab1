// SPDX-License-Identifier: Apache-2.0
//
// The agents' console: ties the connection, the desk, the open case and the page together. Owns which
// case is open, what is asked of the server, and what of the page must be drawn. The server decides what
// is allowed; the console does not offer what would be refused.

import { Conversation } from '/w/1/conversation.js';
import { setAttr, setText } from '/w/1/dom.js';
import { Outbox, Transport, onWake, ulid } from '/w/1/transport.js';
import { drawHead, drawMode } from './case.js';
import { Keys, commandsOf, nameOf } from './commands.js';
import { Composer } from './composer.js';
import { askResolve, askTransfer } from './dialogs.js';
import { download } from './files.js';
import { cutOff, receive, take } from './frames.js';
import { CaseList } from './list.js';
import { withCookie } from './login.js';
import { News } from './news.js';
import { Offers } from './offers.js';
import { Overview } from './overview.js';
import { Palette, drawHelp } from './palette.js';
import { Room } from './room.js';
import { SignIn } from './signin.js';
import { at, desk, follow, mine, rooms, send, supervisor, titleOf, verbs } from './state.js';
import { Status } from './status.js';
import { Tabs, keep, preferences } from './tabs.js';
import { Transcript } from './transcript.js';
import { verbsOf } from './verbs.js';
import { Why } from './why.js';

const $ = (id) => document.getElementById(id);

const KEPT = 30; // cases whose transcript is kept for coming back
const keys = new Keys();
const news = new News($('said'));
let frame = 0;
let dirty = false; // the open case, beside the list
let listTimer = 0;

const transcript = new Transcript($('log'), { draft: review, tool: leave, retry: (id) => at.outbox.retry(id), drop: takeBack, download: save });
const why = new Why($('why'), { link: (seq) => transcript.link(seq), linked: (node) => transcript.linked(node), tags: (tags) => at.outbox.add({ t: 'tag', session: at.room.session, id: ulid(), tags }) });
const list = new CaseList($('list'), $('list-panel'), { open: openCase, mode: modeOf, more: drawList });
const offers = new Offers($('offers'), { accept, decline, about: (session) => desk.get(session), say, focus: () => list.move(0) });
const overview = new Overview($('overview'), { desk, queues: () => at.queues, send, note: noteOn, close: hideOverview });
const status = new Status(say);
const tabs = new Tabs(drawList);
const composer = new Composer({ mine, post, send, draw, banner, jump: (seq) => transcript.jump(seq) });
const signing = new SignIn({ connect, forget });

receive({ list, offers, overview, status, news, composer, draw, drawList, changed: () => { dirty = true; }, say, banner, openNext, forget, newOutbox });

// --- the connection -----------------------------------------------------------------------------

function newOutbox() {
	return new Outbox({ send, changed: outboxChanged });
}

function connect() {
	at.transport?.stop();
	at.transport = new Transport({ base: location.origin, env: { fetch: withCookie }, hello: () => ({ client: 'baton-console/2', locale: navigator.language }), onframe: take, onstate: connection });
	at.outbox ??= newOutbox();
	at.transport.start();
	draw();
}

/* Everything of who was here. */
function forget() {
	at.outbox = at.room = at.me = null;
	desk.clear();
	list.clear();
	offers.clear();
	rooms.clear();
	transcript.clear();
	why.clear();
	composer.show(null);
}

function connection(state, detail) {
	if (state === 'refused') return signing.ask(detail === 'unauthorized' ? 'You are not signed in any more. What you have written is kept until you are.' : `The server refused the connection: ${detail}.`);
	const text = navigator.onLine === false ? 'Offline. What you send is kept.'
		: { connecting: 'Connecting…', waiting: 'Reconnecting… what you send is kept.', open: 'Connected' }[state] ?? '';
	setText($('connection'), text);
	$('connection').className = state === 'open' ? 'good' : 'warn';
	if (state !== 'open') cutOff();
	draw();
}

// --- the open case ------------------------------------------------------------------------------

function openCase(session, focus) {
	hideOverview();
	if (at.room?.session !== session) {
		if (at.room) send({ t: 'leave', session: at.room.session });
		at.room = rooms.get(session) ?? new Room(session, new Conversation({ everything: true }));
		rooms.set(session, at.room);
		forgetOld();
		at.room.ready = false;
		transcript.clear();
		banner('');
		showWhy(false);
		composer.show(at.room);
		follow(at.room);
	}
	draw(true);
	if (focus) (mine(at.room) ? $('text') : $('verbs').querySelector('button') ?? $('log')).focus();
}

/* Cases that were only read are forgotten, the oldest first; what is being written or sent is not. */
function forgetOld() {
	for (const [session, one] of rooms) {
		if (rooms.size <= KEPT) return;
		const busy = one === at.room || one.text || one.files.length || mine(one) || at.outbox.entries.some(({ frame: sent }) => sent.session === session);
		if (!busy) rooms.delete(session);
	}
}

function closeCase() {
	if (!at.room) return;
	send({ t: 'leave', session: at.room.session });
	const row = list.get(at.room.session);
	at.room = null;
	composer.show(null);
	draw(true);
	row?.focus();
}

/* What is next: the first that waits and may be claimed, else one of mine that is owed an answer. */
function openNext() {
	const next = desk.list('waiting').find((one) => verbsOf(one, false, supervisor()).includes('claim')) ?? desk.mine(at.me.agent)[0];
	if (next) openCase(next.session, true);
	else closeCase();
}

async function ask(verb, fields) {
	const { session } = at.room;
	if (verb === 'resolve' && !fields) {
		fields = await askResolve();
		if (!fields) return;
	} else if (verb === 'transfer') {
		fields = await askTransfer({ title: 'Transfer the case', queue: desk.get(session)?.queue, queues: at.queues, agents: overview.colleagues(at.me?.agent) });
		if (!fields) return;
	}
	const { next, ...rest } = fields ?? {};
	const one = rooms.get(session);
	if (!send({ t: verb === 'take' ? 'claim' : verb, session, ...(verb === 'take' && { take: true }), ...rest })) return banner('Not connected. Please try again in a moment.');
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
	send({ t: 'decline', session });
	offers.drop(session);
}

function review(action) {
	const draft = mine(at.room) && at.room.draft();
	if (!draft) return;
	if (action === 'edit') composer.edit(draft);
	else at.outbox.add({ t: 'draft', session: at.room.session, id: ulid(), draft: draft.seq, action });
}

/* A proposed call may be made, or not; without a number, the oldest that waits. */
function leave(seq, action) {
	const open = mine(at.room) ? at.room.proposals() : [];
	const one = seq ? open.find((item) => item.seq === seq) : open[0];
	if (one) at.outbox.add({ t: 'tool', session: at.room.session, id: ulid(), proposal: one.seq, action });
}

// --- sending ------------------------------------------------------------------------------------

function post(one, to) {
	// An accepted draft comes back as a message of its own; the others are shown at once.
	if (one.t !== 'draft') Object.assign(to.talk.pending(one.id, one.text, Date.now(), 'human'), { name: at.me?.name ?? '', note: one.t === 'note' });
	at.outbox.add(one);
}

/* One of many notes. */
function noteOn(session, text) {
	if (at.transport.state !== 'open') return false;
	at.outbox.add({ t: 'note', session, id: ulid(), text });
	return true;
}

/** A refused reply becomes a text in the composer again. */
function takeBack(id) {
	const entry = at.outbox.acked(id);
	at.room.talk.remove(`c-${id}`);
	if (entry && !at.room.text) composer.takeBack(entry.frame);
	draw();
}

function outboxChanged() {
	for (const { frame: one, state } of at.outbox?.entries ?? []) {
		const talk = rooms.get(one.session)?.talk;
		const item = talk?.get(`c-${one.id}`);
		if (item && item.state !== state) talk.touch(item, { state });
	}
	draw();
}

async function save(id, name, button) {
	button.setAttribute('aria-busy', 'true');
	await download(at.room.session, id, name).catch((error) => banner(`${name}: ${error.message}.`));
	button.removeAttribute('aria-busy');
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
	if (!at.transport) return;
	const now = Date.now();
	const more = list.draw({ desk, tab: tabs.name, queue: tabs.queue, me: at.me?.agent, now });
	clearTimeout(listTimer);
	if (more) listTimer = setTimeout(drawList, more === 1 ? 0 : more);
	tabs.draw(desk, at.me?.agent, at.queues);
	offers.draw(now);
	overview.draw();
	status.draw(overview.own(at.me?.agent), desk.mine(at.me?.agent).length);
	if (!dirty) return;
	dirty = false;
	const watching = !$('overview').hidden;
	list.current(at.room?.session);
	$('app').classList.toggle('open', !!at.room || watching);
	$('app').classList.toggle('wide', !at.room || watching);
	$('empty').hidden = !!at.room || watching;
	$('room').hidden = $('why').hidden = !at.room || watching;
	setAttr($('overview-open'), 'aria-pressed', String(watching));
	if (at.room && !watching) drawRoom();
}

function modeOf(session) {
	const one = rooms.get(session);
	const mode = one?.ready && one === at.room ? one.talk.mode?.mode : desk.get(session)?.mode;
	return mode ? `mode ${mode}` : null;
}

function drawRoom() {
	const own = mine(at.room);
	const entry = desk.get(at.room.session);
	drawHead(at.room, entry, { own, supervisor: supervisor(), title: entry ? titleOf(entry.queue) : '', ask });
	transcript.know(at.room.talk.seq);
	why.draw(at.room, entry, { mayTag: own || supervisor() });
	composer.draw(own);
	if (own && at.room.claimed) {
		at.room.claimed = false;
		if (!document.querySelector('dialog[open]')) $('text').focus();
	}
	transcript.draw(at.room, own); // last: it keeps to the end of what height is left
}

function showOverview() {
	if (!supervisor()) return;
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
	if (!at.transport) return;
	const now = Date.now();
	list.tick(desk, now);
	offers.draw(now);
	overview.draw();
	if (!at.room || !$('overview').hidden) return;
	drawMode(at.room);
	const entry = desk.get(at.room.session);
	if (entry?.due_ms) draw();
}

// --- keys ---------------------------------------------------------------------------------------

const commands = commandsOf({
	composer, offers, ask, accept, decline, review, showOverview, supervisor, verbs,
	get room() { return at.room; },
	toggleStatus: () => { status.toggle(); draw(); },
	signOut: () => signing.out(),
	own: () => !!at.room && mine(at.room),
	entry: () => at.room && desk.get(at.room.session),
	draft: () => at.room?.draft(),
	proposal: () => at.room?.proposals()[0],
	leave: (action) => leave(0, action),
	move: (step) => { hideOverview(); list.move(step, at.room?.session); },
	openFocused: () => { const session = document.activeElement?.dataset?.session ?? $('list').firstElementChild?.session; if (session) openCase(session, true); },
	resolveNext: () => ask('resolve', { code: 'solved', next: true }),
	tab: (name) => { tabs.show(name); $(`tab-${name}`).focus(); },
	focusWhy: () => { showWhy(true); $('why').focus(); },
	focusLog: () => $('log').focus(),
	toggleTechnical: () => { const on = $('log').dataset.technical !== 'off'; $('log').dataset.technical = on ? 'off' : 'on'; say(on ? 'Technical events are hidden.' : 'Technical events are shown.'); },
	close: closeCase,
	help: () => $('help').showModal(),
});

const palette = new Palette($('palette'), { commands: () => commands.filter((one) => !one.when || one.when()), cases: () => desk.view('all', at.me?.agent), open: (session) => openCase(session, true) });

function pressed(event) {
	if (!at.transport) return;
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

$('keys').addEventListener('click', () => $('help').showModal());
$('palette-open').addEventListener('click', () => palette.toggle());
$('overview-open').addEventListener('click', () => ($('overview').hidden ? showOverview() : hideOverview()));
$('status').addEventListener('click', () => { status.toggle(); draw(); });
$('back').addEventListener('click', closeCase);
$('why-open').addEventListener('click', () => showWhy(!$('app').classList.contains('why-shown')));
$('keys-on').addEventListener('change', () => keep({ keys: $('keys-on').checked }));
document.addEventListener('keydown', pressed);
addEventListener('offline', () => at.transport && connection(at.transport.state));
onWake(() => at.transport?.wake());
setInterval(tick, 1000);

$('keys-on').checked = preferences().keys !== false;
drawHelp($('help-keys'), commands);
signing.begin();
