// SPDX-License-Identifier: Apache-2.0
//
// The checker checked: a history without faults passes, and each of many server bugs, put into it by
// hand, is caught by the rule that names it. A checker that cannot fail proves nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './checker.mjs';

const event = (seq, type, data = {}) => ({ seq, ts: 1795000000000 + seq, type, data });

// Two sessions: one answered, handed over, claimed, given back and answered again; one resolved.
function history() {
	const a = [
		event(1, 'session_opened', { channel: 'web' }),
		event(2, 'disclosure_made', { text: 'an AI answers' }),
		event(3, 'message_received', { client_id: 'a1', text: 'where is it? canary-aa' }),
		event(4, 'intent_detected', { turn: 3, intent: 'shipping' }),
		event(5, 'answer_generated', { turn: 3, upto: 3, attempt: 1, text: 'It left our depot.' }),
		event(6, 'message_received', { client_id: 'a2', text: 'a person please canary-aa' }),
		event(7, 'escalation_triggered', { turn: 6, rule: 'core.customer_asked' }),
		event(8, 'case_queued', { epoch: 1, queue: 'general', text: 'a person comes', upto: 6 }),
		event(9, 'case_claimed', { epoch: 2, agent_name: 'Nina', agent: 'nina' }),
		event(10, 'message_received', { client_id: 'a3', text: 'hello? canary-aa' }),
		event(11, 'human_message', { client_id: 'n1', agent: 'nina', agent_name: 'Nina', text: 'Hi, Nina here.' }),
		event(12, 'note_added', { client_id: 'n2', agent: 'nina', text: 'seems calm' }),
		event(13, 'handback_approved', { epoch: 3, text: 'back to the assistant', agent: 'nina' }),
		event(14, 'message_received', { client_id: 'a4', text: 'thanks canary-aa' }),
		event(15, 'answer_generated', { turn: 14, upto: 14, attempt: 1, text: 'Gladly.' }),
	];
	const b = [
		event(1, 'session_opened', { channel: 'web' }),
		event(2, 'disclosure_made', { text: 'an AI answers' }),
		event(3, 'message_received', { client_id: 'b1', text: 'refund canary-bb' }),
		event(4, 'session_resolved', { epoch: 1, by: 'customer' }),
	];
	const op = (session, id, verb, text, sent, acked, seq, canary) =>
		({ session, client: session, role: 'customer', verb, id, text, sent, acked, seq, canary });
	return {
		ops: [
			op('A', 'a1', 'msg', a[2].data.text, 10, 20, 3, 'canary-aa'),
			op('A', 'a2', 'msg', a[5].data.text, 30, 40, 6, 'canary-aa'),
			op('A', 'a3', 'msg', a[9].data.text, 50, 60, 10, 'canary-aa'),
			op('A', 'n1', 'reply', a[10].data.text, 70, 80, 11),
			op('A', 'n2', 'note', a[11].data.text, 81, 82, 12),
			op('A', 'a4', 'msg', a[13].data.text, 90, null, null, 'canary-aa'),
			op('B', 'b1', 'msg', b[2].data.text, 10, 20, 3, 'canary-bb'),
		],
		views: [view('A', 'tab', 'customer', a), view('A', 'desk', 'agent', a), view('B', 'tab', 'customer', b)],
		logs: new Map([['A', a], ['B', b]]),
		quiet: true,
	};
}

const KINDS = { message_received: 'customer', human_message: 'human', answer_generated: 'bot' };
const HIDDEN = ['intent_detected', 'escalation_triggered', 'note_added'];
const INTERNAL = ['agent', 'upto'];

function framesOf(stored, role) {
	const kind = KINDS[stored.type];
	if (!kind) {
		const value = { ...stored.data };
		if (role === 'customer')
			INTERNAL.forEach((field) => delete value[field]);
		return [{ seq: stored.seq, ev: { type: 'CUSTOM', name: `baton.${stored.type}`, value } }];
	}
	const messageId = { customer: `c-${stored.data.client_id}`, human: `s${stored.seq}`, bot: `${stored.data.turn}-1` }[kind];
	const { text } = stored.data;
	return [
		{ ev: { type: 'TEXT_MESSAGE_START', messageId } },
		{ off: 0, ev: { type: 'TEXT_MESSAGE_CONTENT', messageId, delta: text.slice(0, 4) } },
		{ off: Buffer.byteLength(text.slice(0, 4)), ev: { type: 'TEXT_MESSAGE_CONTENT', messageId, delta: text.slice(4) } },
		{ seq: stored.seq, ev: { type: 'TEXT_MESSAGE_END', messageId, metadata: { baton: { author: { kind } } } } },
	];
}

function view(session, viewer, role, log) {
	const seen = log.filter((stored) => role === 'agent' || !HIDDEN.includes(stored.type));
	return { session, viewer, role, frames: seen.flatMap((stored) => framesOf(stored, role)) };
}

const logOf = (h, session = 'A') => h.logs.get(session);
const renumber = (log) => log.forEach((stored, i) => { stored.seq = i + 1; });
// Views follow the store: for bugs that the store has and everybody sees.
function review(h) {
	h.views = [view('A', 'tab', 'customer', logOf(h)), view('A', 'desk', 'agent', logOf(h)),
		view('B', 'tab', 'customer', logOf(h, 'B'))];
}
const frames = (h, i = 0) => h.views[i].frames;
const at = (h, test, i = 0) => frames(h, i).findIndex(test);

const BUGS = [
	['an acknowledged message was lost with the last commit', 'H1', (h) => { logOf(h).splice(9); h.ops = h.ops.filter((op) => !['n1', 'n2'].includes(op.id)); review(h); }],
	['an acknowledgement before the commit, and a session that never was', 'H1', (h) => { h.logs.delete('B'); h.views.pop(); }],
	['acknowledged under another seq than stored', 'H1', (h) => { h.ops[0].seq = 2; }],
	['the text was changed on its way', 'H1', (h) => { logOf(h)[2].data.text = 'where is i canary-aa'; review(h); }],
	['an agent\'s acknowledged reply was dropped', 'H1', (h) => { logOf(h)[10].data.client_id = 'other'; review(h); }],
	['a hole in the sequence', 'H2', (h) => { logOf(h)[14].seq = 17; }],
	['two events under one seq', 'H2', (h) => { logOf(h)[14].seq = 14; }],
	['two messages stored in the wrong order', 'H3', (h) => { [h.ops[0].seq, h.ops[1].seq] = [6, 3]; }],
	['a message stored twice: dedupe lost over a restart', 'H8', (h) => { logOf(h).push(event(16, 'message_received', { client_id: 'a4', text: 'thanks canary-aa' })); h.quiet = false; review(h); }],
	['an unacknowledged message stored twice', 'H8', (h) => { logOf(h).splice(14, 0, event(0, 'message_received', { client_id: 'a4', text: 'thanks canary-aa' })); renumber(logOf(h)); logOf(h)[15].data.upto = 15; review(h); }],
	['an agent\'s reply stored twice', 'H8', (h) => { logOf(h).splice(11, 0, event(0, 'human_message', { client_id: 'n1', text: 'Hi, Nina here.' })); renumber(logOf(h)); review(h); }],
	['a viewer sees an event twice', 'H4', (h) => { frames(h).push(frames(h)[0]); }],
	['a viewer sees two events in the other order', 'H4', (h) => { const f = frames(h); [f[0], f[1]] = [f[1], f[0]]; }],
	['a viewer is told of an event that is not stored', 'H4', (h) => { frames(h, 1).push({ seq: 16, ev: { type: 'CUSTOM', name: 'baton.session_resolved', value: {} } }); }],
	['a viewer reads other words than are stored', 'H4', (h) => { frames(h)[at(h, (f) => f.ev.delta === 'It l')].ev.delta = 'Is l'; }],
	['a piece of an answer is sent twice', 'H4', (h) => { const i = at(h, (f) => f.ev.delta === 'It l'); frames(h).splice(i, 0, frames(h)[i]); }],
	['a piece of an answer is missing', 'H4', (h) => { frames(h).splice(at(h, (f) => f.ev.delta === 'It l'), 1); }],
	['a message ends that never began', 'H4', (h) => { frames(h).splice(at(h, (f) => f.ev.messageId === '3-1'), 3); }],
	['another session\'s words in a view', 'H5', (h) => { frames(h, 2).push({ ev: { type: 'TEXT_MESSAGE_CONTENT', messageId: 'x', delta: 'canary-aa' } }); }],
	['another session\'s words in the store', 'H5', (h) => { logOf(h, 'B')[2].data.text += ' canary-aa'; h.ops.at(-1).text += ' canary-aa'; review(h); }],
	['a customer sees a note', 'H5', (h) => { const i = at(h, (f) => f.seq === 13); frames(h).splice(i, 0, ...framesOf(logOf(h)[11], 'agent')); }],
	['a customer sees an internal field', 'H5', (h) => { frames(h)[at(h, (f) => f.seq === 9)].ev.value.agent = 'nina'; }],
	['a customer sees an internal field of a message', 'H5', (h) => { frames(h)[at(h, (f) => f.seq === 5)].ev.metadata.baton.model = 'm1'; }],
	['the bot answers while a person holds the conversation', 'H6', (h) => { logOf(h).splice(10, 0, event(0, 'answer_generated', { turn: 10, upto: 10, attempt: 1, text: 'me again' })); renumber(logOf(h)); h.ops[3].seq = 12; h.ops[4].seq = 13; logOf(h)[15].data.upto = 15; review(h); }],
	['the bot answers a case that waits in the queue', 'H6', (h) => { logOf(h)[8] = event(9, 'answer_generated', { turn: 6, upto: 6, attempt: 1, text: 'me again' }); review(h); }],
	['deltas of the bot reach a screen after the hand-over', 'H6', (h) => { const i = at(h, (f) => f.seq === 9); frames(h).splice(i + 1, 0, { ev: { type: 'TEXT_MESSAGE_START', messageId: '6-1' } }); }],
	['a claim that lost the race is stored all the same', 'H6', (h) => { logOf(h).splice(9, 0, event(0, 'case_claimed', { epoch: 2, agent_name: 'Omar', agent: 'omar' })); renumber(logOf(h)); h.ops[2].seq = 11; h.ops[3].seq = 12; h.ops[4].seq = 13; logOf(h)[15].data.upto = 15; review(h); }],
	['a message without any outcome', 'H7', (h) => { logOf(h).pop(); review(h); }],
	['two answers to one message', 'H7', (h) => { logOf(h).push(event(16, 'answer_generated', { turn: 14, upto: 14, attempt: 2, text: 'Gladly again.' })); review(h); }],
	['an answer that says it covers nothing', 'H7', (h) => { delete logOf(h)[14].data.upto; }],
	['the bot speaks before it says what it is', 'H10', (h) => { logOf(h)[1] = event(2, 'transcript_saved', {}); review(h); }],
	['a screen shows the answer without the disclosure', 'H10', (h) => { frames(h).splice(at(h, (f) => f.seq === 2), 1); }],
];

test('a history without faults passes', () => {
	assert.deepEqual(check(history()), []);
});

for (const [name, rule, plant] of BUGS)
	test(`caught: ${name}`, () => {
		const h = history();
		plant(h);
		const findings = check(h);
		assert.ok(findings.some((finding) => finding.rule === rule), `${rule} expected, got ${JSON.stringify(findings)}`);
	});
