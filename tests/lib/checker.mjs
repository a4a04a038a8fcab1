// SPDX-License-Identifier: Apache-2.0
//
// The history checker: given what clients did and saw, and what the store holds afterwards, it says
// which promises were broken. It knows nothing of how the server works; only its promises.
//
//   H1  what was acknowledged is stored exactly once, under the seq that was acknowledged
//   H2  the sequence numbers of a session are 1, 2, 3, ... without a gap
//   H3  acknowledged before another was sent means stored before it
//   H4  every viewer sees one order, and what is stored
//   H5  nobody sees another session's words; customers see no agent's event and no internal field
//   H6  no word of the bot while a person (or the queue) holds the conversation
//   H7  every message of a customer has one outcome
//   H8  what was not acknowledged is stored once or not at all
//   H10 the disclosure comes before the first word of the bot
//
// A history:
//   ops:   [{session, client, role, verb, id, text, sent, acked, seq}]   times of one clock; acked null = never
//   views: [{session, viewer, role, frames: [{t, seq, ev}]}]              one per connection, in order of arrival
//   logs:  Map(session -> [{seq, ts, type, data}])                        what the store exports
//   quiet: true if the servers had time to finish what was open

import { customerEvents, messageEvents, publicFields } from './events.mjs';

const HELD_BY = { case_queued: true, case_claimed: true, case_released: true, case_transferred: true,
	handback_approved: false, automation_resumed: false, session_resolved: false };
const STORED_AS = { msg: 'message_received', reply: 'human_message', note: 'note_added', feedback: 'feedback_given' };

export function check(history) {
	const findings = [];
	const found = (rule, session, text) => findings.push({ rule, session, text });
	const ops = Map.groupBy ? Map.groupBy(history.ops, (op) => op.session) : groupBy(history.ops);
	for (const [session, log] of history.logs) {
		const mine = ops.get(session) ?? [];
		checkDense(session, log, found);
		checkAcked(session, log, mine, found);
		checkRealTime(session, log, mine, found);
		checkOnce(session, log, found);
		checkOwners(session, log, found);
		checkOutcomes(session, log, history.quiet !== false, found);
		checkDisclosure(session, log, found);
	}
	for (const [session, mine] of ops)
		if (!history.logs.has(session) && mine.some((op) => op.acked !== null))
			found('H1', session, 'acknowledged, and the store does not know the session');
	for (const view of history.views)
		checkView(view, history.logs.get(view.session) ?? [], found);
	checkCanaries(history, found);
	return findings;
}

function groupBy(ops) {
	const out = new Map();
	for (const op of ops)
		out.set(op.session, [...(out.get(op.session) ?? []), op]);
	return out;
}

function checkDense(session, log, found) {
	log.forEach((event, i) => {
		if (event.seq !== i + 1)
			found('H2', session, `place ${i + 1} holds seq ${event.seq}`);
	});
}

function storedOf(log, op) {
	if (op.verb === 'draft') // the review; what it says is the event behind it
		return log.filter((event) => event.type === 'draft_reviewed' && event.seq === op.seq);
	return log.filter((event) => event.type === STORED_AS[op.verb] && event.data.client_id === op.id);
}

function checkAcked(session, log, ops, found) {
	for (const op of ops) {
		const stored = storedOf(log, op);
		if (op.acked === null)
			continue;
		if (stored.length !== 1)
			found('H1', session, `${op.verb} ${op.id} acknowledged as ${op.seq} is stored ${stored.length} times`);
		else if (stored[0].seq !== op.seq)
			found('H1', session, `${op.verb} ${op.id} acknowledged as ${op.seq} is stored as ${stored[0].seq}`);
		else if (op.verb === 'draft') {
			// What it says is the event behind it: the agent's own words if there are any.
			if (op.text !== undefined && log[op.seq]?.data.text !== op.text)
				found('H1', session, `${op.verb} ${op.id}: the text stored differs from the text sent`);
		} else if (op.text !== undefined && stored[0].data.text !== op.text && stored[0].data.comment !== op.text)
			found('H1', session, `${op.verb} ${op.id}: the text stored differs from the text sent`);
	}
}

function checkRealTime(session, log, ops, found) {
	const acked = ops.filter((op) => op.acked !== null).sort((a, b) => a.sent - b.sent);
	for (const b of acked)
		for (const a of acked)
			if (a.acked < b.sent && a.seq >= b.seq && a !== b)
				found('H3', session, `${a.id} was acknowledged (${a.seq}) before ${b.id} (${b.seq}) was sent`);
}

function checkOnce(session, log, found) {
	const seen = new Set();
	for (const event of log) {
		if (!event.data.client_id)
			continue;
		const speaker = ['message_received', 'feedback_given'].includes(event.type) ? 'customer' : 'agent';
		const key = `${speaker} ${event.data.client_id}`;
		if (seen.has(key))
			found('H8', session, `${key} is stored again as ${event.seq}`);
		seen.add(key);
	}
}

function checkOwners(session, log, found) {
	let held = false, epoch = 0;
	for (const event of log) {
		// What an agent has asked for is not the bot's word: nobody but agents sees it.
		if (held && ['answer_generated', 'draft_proposed'].includes(event.type) && !event.data.asked_by)
			found('H6', session, `${event.type} ${event.seq} while a person holds the conversation`);
		if (!(event.type in HELD_BY))
			continue;
		held = HELD_BY[event.type];
		if (event.data.epoch !== epoch + 1)
			found('H6', session, `${event.type} ${event.seq} begins epoch ${event.data.epoch} after ${epoch}`);
		epoch = event.data.epoch ?? 0;
	}
}

// One outcome per message: an answer that covers it, the queue, a person who holds the conversation
// when it comes, a mode that keeps it, or the end of the session.
function checkOutcomes(session, log, quiet, found) {
	let open = [], answered = 0, held = false, settled = 0;
	for (const event of log) {
		// Up to where a person has settled it: what is behind that is open again after a hand back.
		if (event.type === 'case_queued')
			settled = event.data.upto ?? 0;
		else if (event.type === 'human_message')
			settled = event.seq;
		else if (event.type === 'case_claimed' && !held)
			settled = answered;
		if (event.type === 'message_received' && !held)
			open.push(event.seq);
		if (event.type === 'answer_generated') {
			const upto = event.data.upto ?? 0;
			const covers = open.filter((seq) => seq <= upto);
			if (covers.length === 0 || upto <= answered)
				found('H7', session, `answer ${event.seq} (up to ${upto}) answers nothing that is open`);
			if (upto >= event.seq)
				found('H7', session, `answer ${event.seq} claims to cover what came later (${upto})`);
			open = open.filter((seq) => seq > upto);
			answered = Math.max(answered, upto);
		}
		if (event.type === 'message_captured')
			open = open.filter((seq) => seq > event.data.upto);
		if (event.type in HELD_BY) {
			held = HELD_BY[event.type];
			open = [];
		}
		if (event.type === 'handback_approved') {
			open = log.filter((e) => e.type === 'message_received' && e.seq > settled && e.seq < event.seq).map((e) => e.seq);
			answered = Math.min(answered, settled);
		}
		if (event.type === 'automation_resumed') { // what had to wait is open again
			answered = event.data.after ?? 0;
			open = log.filter((e) => e.type === 'message_received' && e.seq > answered && e.seq < event.seq).map((e) => e.seq);
		}
	}
	if (quiet && open.length)
		found('H7', session, `no outcome for ${open.join(', ')}`);
}

function checkDisclosure(session, log, found) {
	const told = log.findIndex((event) => event.type === 'disclosure_made');
	const said = log.findIndex((event) => event.type === 'answer_generated');
	if (said >= 0 && (told < 0 || told > said))
		found('H10', session, `answer ${log[said].seq} without a disclosure before it`);
}

// --- what one connection saw -----------------------------------------------------------------

// How customers hear of tools.
const toolEvents = { TOOL_CALL_END: 'tool_called', TOOL_CALL_RESULT: 'tool_finished' };

// The stored type that a durable frame shows, or null if it shows something that is none.
export function typeOfFrame({ ev }) {
	if (ev.type === 'CUSTOM')
		return ev.name?.startsWith('baton.') ? ev.name.slice(6) : null;
	if (ev.type in toolEvents)
		return toolEvents[ev.type];
	if (ev.type !== 'TEXT_MESSAGE_END')
		return null;
	const kind = ev.metadata?.baton?.author?.kind;
	return messageEvents[kind] ?? null;
}

function checkView(view, log, found) {
	const text = new Map();
	const state = { last: view.after ?? 0, held: view.held ?? false, told: (view.after ?? 0) > 0 };
	for (const frame of view.frames) {
		if (frame.seq !== undefined)
			checkDurable(view, frame, log, state, text, found);
		else
			checkEphemeral(view, frame, state, text, found);
	}
}

function checkDurable(view, frame, log, state, text, found) {
	const type = typeOfFrame(frame), stored = log[frame.seq - 1];
	const who = `${view.viewer}: ${type} ${frame.seq}`;
	if (frame.seq <= state.last)
		found('H4', view.session, `${who} after ${state.last}`);
	state.last = Math.max(state.last, frame.seq);
	if (!stored || stored.type !== type)
		found('H4', view.session, `${who}, but the store has ${stored?.type} there`);
	else
		checkShown(view, frame, stored, text, who, found);
	if (type === 'disclosure_made')
		state.told = true;
	if (type === 'answer_generated' && !state.told && view.role === 'customer')
		found('H10', view.session, `${who} before the disclosure`);
	if (type in HELD_BY)
		state.held = HELD_BY[type];
}

function checkShown(view, frame, stored, text, who, found) {
	const { ev } = frame;
	if (ev.type === 'TEXT_MESSAGE_END') {
		const shown = text.get(ev.messageId);
		if (shown !== stored.data.text)
			found('H4', view.session, `${who} shows other words than are stored`);
	}
	if (view.role !== 'customer')
		return;
	if (!customerEvents.has(stored.type))
		return found('H5', view.session, `${who} is not for customers`);
	const { author, bytes, ...fields } = ev.type === 'CUSTOM' ? ev.value ?? {} : ev.metadata?.baton ?? {};
	for (const field of Object.keys(fields))
		if (!publicFields.get(stored.type).has(field))
			found('H5', view.session, `${who} shows the internal field ${field}`);
}

function checkEphemeral(view, { ev, off }, state, text, found) {
	if (ev.type === 'TEXT_MESSAGE_START') {
		const bot = !/^(c-|s\d)/.test(ev.messageId);
		if (bot && state.held)
			found('H6', view.session, `${view.viewer}: the bot begins ${ev.messageId} while a person holds the conversation`);
		text.set(ev.messageId, '');
	}
	if (ev.type === 'TEXT_MESSAGE_CONTENT') {
		const had = text.get(ev.messageId) ?? '';
		if (off !== undefined && off !== Buffer.byteLength(had))
			found('H4', view.session, `${view.viewer}: ${ev.messageId} goes on at ${off}, ${Buffer.byteLength(had)} are there`);
		text.set(ev.messageId, had + ev.delta);
	}
}

// Every op's text may carry `canary`: it must appear in its own session and nowhere else.
function checkCanaries(history, found) {
	const canaries = new Map(history.ops.filter((op) => op.canary).map((op) => [op.canary, op.session]));
	const scan = (session, text, where) => {
		for (const match of text.matchAll(/canary-[0-9a-z]+/g))
			if (canaries.has(match[0]) && canaries.get(match[0]) !== session)
				found('H5', session, `${where} holds words of session ${canaries.get(match[0])}`);
	};
	for (const [session, log] of history.logs)
		scan(session, JSON.stringify(log), 'the store');
	for (const view of history.views)
		scan(view.session, JSON.stringify(view.frames), view.viewer);
}
