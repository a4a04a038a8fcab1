// SPDX-License-Identifier: Apache-2.0
//
// What the server says, and where it goes. A case frame and the event that belongs to it may come in
// either order, so nothing is concluded from one of them alone. Owns who is signed in (`welcome`) and
// how refusals read; what is shown is the page's business (console.js), which hands itself over once.

import { setText } from '/w/1/dom.js';
import { plain } from '/w/1/text.js';
import { at, desk, follow, mine, rooms, send, supervisor } from './state.js';

const TYPING_ENDS_MS = 6000;
const PACKAGE_AFTER_MS = 400;
const DESK_FILLS_MS = 3000;
const $ = (id) => document.getElementById(id);
const timers = { typing: 0, package: 0, desk: 0 };
let page = null;

/** The page: its parts, and draw(), drawList(), changed(), say(), banner(), openNext(), forget(), newOutbox(). */
export function receive(by) {
	page = by;
}

/** The connection is gone: who was busy is unknown, and what was asked for is not answered. */
export function cutOff() {
	at.outbox?.opened(false);
	page.offers.clear();
	for (const one of rooms.values()) {
		one.was ||= one.ready && mine(one);
		one.ready = one.suggesting = false;
		one.verb = '';
		one.talk.reconnecting();
	}
}

const TAKES = {
	welcome, desk: deskBegins, case: caseChanged, ev: event, ack: acked, caught_up: caughtUp, err: refused,
	offer: (got) => page.offers.take(got, Date.now()),
	overview: (got) => { page.overview.take(got); page.status.told(page.overview.own(at.me?.agent)?.state); },
	package: (got) => { const one = rooms.get(got.session); if (one) one.package = got.package; if (one === at.room) page.changed(); },
};

/** A frame of the server. */
export function take(got) {
	TAKES[got.t]?.(got);
	page.drawList();
}

function welcome(got) {
	if (at.me && at.me.agent !== got.agent) {
		page.forget();
		at.outbox = page.newOutbox();
	}
	at.me = { agent: got.agent, name: got.agent_name || got.agent, role: got.role };
	at.queues = got.queues ?? [];
	page.composer.canned = got.canned ?? [];
	page.composer.limits = got.limits?.attachments ?? null;
	const admin = at.me.role === 'admin';
	setText($('me'), supervisor() || admin ? `${at.me.name} (${at.me.role})` : at.me.name ?? '');
	$('overview-open').hidden = !supervisor();
	// An admin takes no cases and is told none: the way to the live page is all there is here.
	$('admin').hidden = $('admin-only').hidden = !admin;
	$('desk-bar').hidden = $('app').hidden = admin;
	if (admin) return;
	desk.clear();
	send({ t: 'desk' });
	page.status.again();
	if (at.room) follow(at.room);
	else at.outbox.opened(true);
	page.draw();
}

/* A case that goes while the desk is told would be waited for in vain. */
function deskBegins({ cases }) {
	desk.begin(cases);
	clearTimeout(timers.desk);
	timers.desk = setTimeout(() => { if (desk.filling) { desk.begin(0); page.drawList(); } }, DESK_FILLS_MS);
}

function caseChanged(got) {
	const before = desk.get(got.session);
	const began = desk.apply(got);
	page.list.touch(got.session);
	if (got.state !== 'waiting') page.offers.drop(got.session);
	page.overview.changed(got);
	if (began) page.news.waits(got);
	else if (before && got.state === 'claimed' && got.agent === at.me?.agent && got.unanswered_ms && !before.unanswered_ms && got.session !== at.room?.session) page.say(`In another case of yours: ${got.preview ?? 'a new message'}`);
	settle(got);
	if (got.session === at.room?.session) page.changed();
}

/** The desk answered what a verb asked for. */
function settle({ session, state, agent }) {
	const one = rooms.get(session);
	if (!one) return;
	one.claimed ||= ['claim', 'take'].includes(one.verb) && state === 'claimed' && agent === at.me?.agent;
	one.verb = '';
	if (state === 'gone' && one.next) {
		one.next = false;
		if (one === at.room) page.openNext();
	}
}

function event(got) {
	const one = rooms.get(got.session);
	if (!one) return;
	const { gap, item, finished, typing } = one.talk.apply(got);
	if (gap) follow(one);
	if (one !== at.room) return;
	page.changed();
	if (item?.kind === 'event') happened(one, item);
	if (finished && one.ready && item.kind === 'customer') page.say(`Customer: ${item.text}`);
	if (finished && one.ready && item.kind === 'bot') page.say(`Bot: ${plain(item.text)}`);
	if (typing) {
		clearTimeout(timers.typing);
		timers.typing = setTimeout(() => { one.talk.typing = null; page.draw(); }, TYPING_ENDS_MS);
	}
}

const LOST = { agent_lost: 'You were disconnected for too long: the case went back to its queue.', no_reply: 'There was no reply for too long: the case went back to its queue.' };
const PACKED = new Set(['escalation_triggered', 'case_queued', 'case_transferred', 'case_released', 'sources_retrieved', 'model_failed', 'writeup_generated', 'identity_verified', 'attributes_claimed', 'authentication_failed', 'draft_proposed', 'tool_proposed', 'tool_reviewed', 'tool_finished', 'guard_hit', 'plan_made']);

function happened(one, { what, value }) {
	if (what === 'draft_proposed') one.suggesting = false;
	if (!one.ready) return;
	if (what === 'draft_proposed' && value.asked_by) page.say('A suggestion has come.');
	if (what === 'tool_proposed') page.say(`Needs your leave: ${value.title || value.tool}`);
	if (what === 'tool_finished') page.say(value.ok ? `Done: ${value.tool}` : `Failed: ${value.tool}`);
	if (what === 'writeup_generated') page.say('A write-up has come.');
	if (what === 'case_released' && value.agent === at.me?.agent && LOST[value.reason]) page.banner(LOST[value.reason]);
	if (PACKED.has(what)) askPackage();
}

/* The server folds the package; events that come together are one question. */
function askPackage() {
	clearTimeout(timers.package);
	timers.package = setTimeout(() => at.room && send({ t: 'package', session: at.room.session }), PACKAGE_AFTER_MS);
}

function caughtUp(got) {
	const one = rooms.get(got.session);
	if (!one) return;
	one.talk.caughtUp(got);
	one.ready = true;
	if (one.was && one.talk.owner !== 'agent' && one === at.room) page.banner(LOST[one.last('case_released')?.value.reason] ?? 'This case is not yours any more.');
	one.was = false;
	page.changed();
	if (one === at.room) send({ t: 'package', session: one.session });
	// Only now is known what was missed while away; what waits goes out with its own if_seq.
	at.outbox.opened(true);
}

function acked(got) {
	const entry = at.outbox.acked(got.id);
	if (entry && page.overview.settled(entry.frame.session)) return;
	const one = entry && rooms.get(entry.frame.session);
	if (!one) return;
	one.acked(got, entry.frame, at.me?.name ?? '', Date.now());
	page.changed();
	// A review is one acknowledgement and more than one event, files come before their message: ask for what it does not tell.
	if (['draft', 'tool'].includes(entry.frame.t) || entry.frame.attachments) follow(one);
}

const CODES = {
	stale: 'Somebody was faster.', wrong_state: 'Not possible any more: the case has moved on.', denied: 'You may not do that.', not_found: 'This case is gone.',
	conflict: 'The customer wrote again.', too_big: 'This text is too long.', limit: 'This text is too long.', erased: 'The conversation was erased.', unsupported: 'This server cannot do that.',
};
const wordsOf = (got) => CODES[got.code] ?? got.message ?? got.code;
const QUIET = new Set(['typing', 'read', 'package', 'status']);

function refused(got) {
	const entry = got.id && at.outbox.refused(got);
	const session = entry?.frame.session ?? got.session;
	const one = rooms.get(session);
	page.changed();
	if (one) {
		one.verb = '';
		one.next = false;
		if (got.for === 'suggest') one.suggesting = false;
	}
	if (got.for === 'transfer' && (got.retryable ? page.overview.limited(session) : page.overview.settled(session, wordsOf(got)))) return;
	if (!entry) return QUIET.has(got.for) ? undefined : page.banner(wordsOf(got));
	if (got.retryable) return;
	if (page.overview.settled(session, wordsOf(got))) return void at.outbox.acked(got.id);
	if (got.code === 'conflict' && entry.frame.t === 'reply') {
		// The text returns to its writer, who decides with the new message in view.
		at.outbox.acked(got.id);
		one.talk.remove(`c-${got.id}`);
		one.conflict = entry.frame;
		return;
	}
	const item = one?.talk.get(`c-${got.id}`);
	if (item) one.talk.touch(item, { state: 'failed', why: wordsOf(got) });
	else {
		at.outbox.acked(got.id);
		page.banner(wordsOf(got));
	}
}
