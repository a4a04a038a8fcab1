// SPDX-License-Identifier: Apache-2.0
//
// The fold of frames into what is shown, and the pure parts of the console on top of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation, utf8Length } from '../../channels/web/widget/conversation.js';
import { en, fill, speak } from '../../channels/web/widget/messages.js';
import { Desk, age } from '../../channels/web/console/desk.js';
import { describe, resumes } from '../../channels/web/console/events.js';
import { Room } from '../../channels/web/console/room.js';

const start = (messageId, role = 'assistant') => ({ t: 'ev', ev: { type: 'TEXT_MESSAGE_START', messageId, role } });
const content = (messageId, delta, off = 0) => ({ t: 'ev', off, ev: { type: 'TEXT_MESSAGE_CONTENT', messageId, delta } });
const end = (messageId, seq, baton) => ({ t: 'ev', seq, ts: 1, ev: { type: 'TEXT_MESSAGE_END', messageId, metadata: { baton } } });
const custom = (seq, what, value = {}) => ({ t: 'ev', seq, ts: 1, ev: { type: 'CUSTOM', name: `baton.${what}`, value } });
const message = (id, seq, text, kind) => [start(id, kind === 'customer' ? 'user' : 'assistant'), content(id, text), end(id, seq, { author: { kind, name: kind === 'human' ? 'Nina' : undefined }, bytes: utf8Length(text) })];
const feed = (talk, ...frames) => frames.flat().map((frame) => talk.apply(frame));
const shown = (talk) => talk.items.map((item) => `${item.kind}:${item.text || item.what}`);

test('an answer streams, and is final with its END', () => {
	const talk = new Conversation();
	feed(talk, start('3-1'), content('3-1', 'It left '), content('3-1', 'our dépôt.', 8));
	assert.deepEqual([talk.items[0].text, talk.items[0].final], ['It left our dépôt.', false]);
	const [told] = feed(talk, end('3-1', 9, { author: { kind: 'bot' }, bytes: 20, origin: 'ai', sources: [{ id: 'x' }] }));
	assert.ok(told.finished);
	assert.deepEqual([talk.items[0].final, talk.items[0].sources.length, talk.seq], [true, 1, 9]);
});

test('text that comes twice, from the start or from within, is shown once', () => {
	const talk = new Conversation();
	feed(talk, start('3-1'), content('3-1', 'Grüße '), content('3-1', 'an ', 8));
	talk.reconnecting();
	feed(talk, start('3-1'), content('3-1', 'Grüße an '), content('3-1', 'an alle', 8), end('3-1', 9, { author: { kind: 'bot' }, bytes: 15 }));
	assert.deepEqual(shown(talk), ['bot:Grüße an alle']);
	feed(talk, message('3-1', 9, 'Grüße an alle', 'bot'));
	assert.deepEqual(shown(talk), ['bot:Grüße an alle']);
});

test('a missing piece asks for a resume, once, and is not taken for the whole', () => {
	const talk = new Conversation();
	feed(talk, ...message('c-a', 3, 'hi', 'customer'), start('3-1'), content('3-1', 'It '));
	assert.ok(feed(talk, content('3-1', 'depot', 20))[0].gap);
	assert.equal(talk.seq, 3);
	const short = new Conversation();
	feed(short, start('3-1'), content('3-1', 'It '));
	assert.ok(feed(short, end('3-1', 9, { author: { kind: 'bot' }, bytes: 7 }))[0].gap);
	assert.equal(short.seq, 0, 'so that the resume brings it again');
	feed(short, message('3-1', 9, 'It left', 'bot'));
	assert.deepEqual(shown(short), ['bot:It left']);
});

test('a half answer that the server does not continue goes when the new one comes', () => {
	const talk = new Conversation();
	feed(talk, start('3-1'), content('3-1', 'Half'));
	talk.reconnecting();
	assert.deepEqual(shown(talk), ['bot:Half'], 'it stays while nothing better is known');
	feed(talk, start('3-2'), content('3-2', 'Whole'));
	assert.deepEqual(shown(talk), ['bot:Whole']);
});

test('a withdrawn answer is replaced visibly, above the one that takes its place', () => {
	const talk = new Conversation();
	feed(talk, message('c-a', 3, 'q', 'customer'), start('3-1'), content('3-1', 'Wrong'), custom(5, 'answer_superseded', { turn: 3, attempt: 1 }), message('3-2', 7, 'Right', 'bot'));
	assert.deepEqual(shown(talk), ['customer:q', 'notice:answer_superseded', 'bot:Right']);
	const later = new Conversation();
	feed(later, message('c-a', 3, 'q', 'customer'), custom(5, 'answer_superseded', { turn: 3, attempt: 1 }), message('3-2', 7, 'Right', 'bot'));
	assert.deepEqual(shown(later), ['customer:q', 'bot:Right'], 'who never saw it is not told');
});

test('own messages are shown at once and keep their one place whatever arrives first', () => {
	const talk = new Conversation();
	talk.pending('b', 'offline words', 1);
	feed(talk, message('s4', 4, 'Nina was here', 'human'));
	assert.deepEqual(shown(talk), ['human:Nina was here', 'customer:offline words']);
	talk.acked('b', 6);
	feed(talk, message('c-b', 6, 'offline words', 'customer'), message('s5', 5, 'and again', 'human'));
	assert.deepEqual(shown(talk), ['human:Nina was here', 'human:and again', 'customer:offline words']);
	assert.equal(talk.get('c-b').state, 'acked');
});

test('an answer stays below its question while the customer writes on', () => {
	const talk = new Conversation();
	feed(talk, message('c-a', 3, 'one', 'customer'), start('3-1'), content('3-1', 'answer'));
	talk.pending('b', 'two', 1);
	talk.acked('b', 4);
	feed(talk, end('3-1', 8, { author: { kind: 'bot' }, bytes: 6 }));
	assert.deepEqual(shown(talk), ['customer:one', 'bot:answer', 'customer:two']);
});

test('the owner follows the newest change, also when an old one is told again', () => {
	const talk = new Conversation();
	feed(talk, custom(4, 'case_queued', { text: 'wait' }), custom(5, 'case_claimed', { agent_name: 'Nina' }), custom(4, 'case_queued', { text: 'wait' }));
	assert.deepEqual([talk.owner, talk.agent, talk.items.length], ['agent', 'Nina', 2]);
	feed(talk, custom(8, 'handback_approved'));
	assert.deepEqual([talk.owner, talk.agent], ['bot', '']);
	feed(talk, custom(9, 'session_resolved', { by: 'agent' }));
});

const MODE = { mode: 'night', what: 'pause', text: 'We answer tomorrow.', until_ms: 1795000000000 };

test('a mode is told as long as it lasts, and leaves nothing behind', () => {
	const talk = new Conversation();
	feed(talk, custom(4, 'mode_entered', MODE));
	assert.deepEqual([talk.mode.mode, talk.mode.text, talk.items.length], ['night', MODE.text, 0]);
	feed(talk, custom(9, 'mode_left', { mode: 'night' }));
	assert.deepEqual([talk.mode, talk.items.length], [null, 0]);
});

test('a mode that follows another one takes its place, whatever is told again', () => {
	const talk = new Conversation();
	feed(talk, custom(4, 'mode_entered', MODE), custom(6, 'mode_entered', { mode: 'outage', text: 'Later.' }));
	assert.equal(talk.mode.mode, 'outage');
	feed(talk, custom(4, 'mode_entered', MODE));
	assert.equal(talk.mode.mode, 'outage', 'an old beginning');
	feed(talk, custom(8, 'mode_left', { mode: 'night' }));
	assert.equal(talk.mode.mode, 'outage', 'the end of another one');
	feed(talk, custom(9, 'mode_left', { mode: 'outage' }), custom(6, 'mode_entered', { mode: 'outage' }));
	assert.equal(talk.mode, null, 'it has ended since');
});

test('a kept message is noted below it, in words that do not repeat the banner', () => {
	const talk = new Conversation();
	const captured = (seq, text) => custom(seq, 'message_captured', { turn: 3, mode: 'night', text, until_ms: 1795000000000 });
	feed(talk, message('c-a', 3, 'hi', 'customer'), custom(4, 'mode_entered', MODE), captured(5, MODE.text), message('c-b', 7, 'ho', 'customer'), captured(8, 'Your words are kept.'));
	assert.deepEqual(shown(talk), ['customer:hi', 'notice:message_captured', 'customer:ho', 'notice:Your words are kept.']);
	feed(talk, custom(9, 'automation_resumed', { text: 'Here we go.' }));
	assert.deepEqual([talk.owner, shown(talk).at(-1)], ['bot', 'notice:Here we go.']);
});

test('what a mode queued and nobody claimed is the bot\'s again', () => {
	const talk = new Conversation();
	feed(talk, custom(4, 'case_queued', { text: 'wait' }), custom(6, 'automation_resumed', { text: 'on' }));
	assert.equal(talk.owner, 'bot');
});

test('agents get modes as rows too, with what brought them', () => {
	const talk = new Conversation({ everything: true });
	feed(talk, custom(4, 'mode_entered', { ...MODE, trigger: 'p95', by: '' }), custom(9, 'mode_left', { mode: 'night', reason: 'recovered' }));
	assert.deepEqual(talk.items.map((item) => item.what), ['mode_entered', 'mode_left']);
	assert.match(describe('mode_entered', talk.items[0].value).text, /^because of p95 · until .* · the customer was told: We answer tomorrow\.$/);
	assert.equal(describe('mode_left', talk.items[1].value).text, 'recovered');
	assert.deepEqual(['mode:night', 'targets', ''].map(resumes), ['when mode night is over', 'when a model answers again', '']);
});

test('a detour says why, and the fold has who was passed over', () => {
	const told = describe('route_selected', { route: 'refund', target: 'backup', attempt: 1, reason: 'fallback', trigger: 'degraded', skipped: '[{"target":"main","trigger":"degraded"}]', mode: '' });
	assert.match(told.text, /because of degraded/);
	assert.deepEqual(told.facts, { trigger: 'degraded', skipped: [{ target: 'main', trigger: 'degraded' }] });
	assert.deepEqual(describe('route_selected', { route: 'refund', target: 'main', reason: 'primary', skipped: '[]' }).facts, {});
	assert.deepEqual(describe('model_failed', { fail: 'timeout', scope: 'model', trigger: 'slow', total_ms: 900 }).facts, { trigger: 'slow', scope: 'model', total_ms: 900 });
});

test('what happened to the server is told in words', () => {
	const rows = [
		['target_changed', { target: 'main', kind: 'target', was: 'closed', is: 'open', trigger: 'unreachable' }, 'Target main: closed → open', 'warn'],
		['target_changed', { target: 'main', kind: 'target', was: 'open', is: 'closed' }, 'Target main: open → closed', ''],
		['target_changed', { target: 'acme', kind: 'account', was: 'open', is: 'closed', trigger: 'quota' }, 'Account acme: open → closed', 'warn'],
		['alert_changed', { alert: 'business', on: true, values: '{"turns":30}' }, 'Alert business: on', 'bad'],
		['drill_changed', { drill: 'monthly', reason: 'time_up' }, 'Drill monthly: over', ''],
		['release_changed', { release: 42, state: 'live', cause: 'reload', by: 'root', why: 'new prices', ms: 310, sha256: '0123456789ab', values: '{"files_changed":3}' }, 'Release 42: live', ''],
		['release_changed', { release: 43, state: 'rolled_back', cause: 'canary', why: 'more turns fail' }, 'Release 43: rolled back', 'warn'],
		['module_changed', { module: 'acme', state: 'loaded', generation: 7, version: '1.2', us: 1500 }, 'Module acme: loaded', ''],
		['module_changed', { module: 'acme', state: 'quarantined', reason: '3 crashes' }, 'Module acme: quarantined', 'bad'],
		['turn_moved', { turn: 3, from: 43, release: 42, reason: 'unreachable' }, 'Begun again on release 42', 'warn'],
		['admin_acted', { by: 'root', action: 'mode enter', subject: 'night', why: 'moving' }, 'root: mode enter night', undefined],
	];
	for (const [what, fields, title, tone] of rows) {
		const told = describe(what, fields);
		assert.deepEqual([told.title, told.tone], [title, tone]);
	}
	assert.equal(describe('drill_changed', { drill: 'monthly', reason: 'time_up' }).text, 'time_up');
	const came = describe('release_changed', { release: 42, state: 'live', cause: 'reload', by: 'root', why: 'new prices', ms: 310, sha256: '0123456789ab', values: '{"files_changed":3}' });
	assert.deepEqual([came.text, came.facts], ['reload · by root · new prices · 310 ms', { sha256: '0123456789ab', files_changed: 3 }]);
	assert.equal(describe('module_changed', { module: 'acme', state: 'loaded', generation: 7, version: '1.2', us: 1500 }).text, '1.2 · generation 7 · 1.5 ms');
	assert.equal(describe('turn_moved', { turn: 3, from: 43, release: 42, reason: 'unreachable' }).text, 'instead of 43 · unreachable · nothing had been shown');
});

test('when a person is called the bot has nothing half said', () => {
	const talk = new Conversation();
	feed(talk, start('3-1'), content('3-1', 'I think'), custom(4, 'case_queued', { text: 'wait' }));
	assert.deepEqual(shown(talk), ['notice:wait']);
});

test('events and types of a newer server do no harm', () => {
	const talk = new Conversation();
	feed(talk, { t: 'ev', ev: { type: 'TOOL_CALL_START' } }, custom(3, 'from_the_future', { a: 1 }), { t: 'ev', seq: 4, ev: { type: 'CUSTOM', name: 'other.thing' } });
	assert.deepEqual([talk.items.length, talk.seq], [0, 4]);
	const agent = new Conversation({ everything: true });
	feed(agent, custom(3, 'from_the_future', { a: 1 }));
	assert.deepEqual(describe('from_the_future', { a: 1 }), { title: 'from the future', facts: { a: 1 } });
	assert.equal(agent.items[0].what, 'from_the_future');
});

test('every sentence exists in every language, and what is filled in stays text', async () => {
	for (const lang of ['ar', 'de', 'es', 'fr']) {
		const { default: other } = await import(`../../channels/web/widget/messages.${lang}.js`);
		assert.deepEqual(Object.keys(other).sort(), Object.keys(en).sort(), lang);
	}
	const german = await speak('de-AT');
	assert.deepEqual([german.lang, german.dir, fill(german.w.person, { name: 'Nina' })], ['de', 'ltr', 'Nina (Mensch)']);
	assert.equal((await speak('AR-eg')).dir, 'rtl');
	for (const tag of ['xx', '', '../x', 'constructor']) assert.deepEqual([(await speak(tag)).lang, (await speak(tag)).w.send], ['en', 'Send']);
	assert.equal(fill(en.person, { name: '{name}$&' }), '{name}$& (human)');
});

const waiting = (session, priority, since, queue = 'q') => ({ t: 'case', session, state: 'waiting', priority, waiting_since_ms: since, queue });

test('cases are served by priority, then first come', () => {
	const desk = new Desk();
	for (const one of [waiting('a', 5, 100), waiting('b', 2, 300), waiting('c', 2, 200), waiting('d', 5, 50), waiting('e', 1, 1, 'other')]) assert.ok(desk.apply(one));
	assert.deepEqual(desk.list('waiting').map((one) => one.session), ['e', 'c', 'b', 'd', 'a']);
	assert.equal(desk.position(desk.get('a')), 4);
	assert.equal(desk.position(desk.get('e')), 1);
	assert.equal(desk.apply(waiting('a', 5, 100)), false, 'not new');
	desk.apply({ ...waiting('c', 2, 200), state: 'claimed' });
	desk.apply({ session: 'b', state: 'gone' });
	assert.equal(desk.position(desk.get('d')), 1);
});

test('ages are short', () => {
	assert.deepEqual([-5, 45000, 180000, 3900000, 97200000].map(age), ['0 s', '45 s', '3 min', '1 h 05 min', '1 d 3 h']);
});

test('a reply knows what its writer cannot have read', () => {
	const room = new Room('s', new Conversation({ everything: true }));
	feed(room.talk, message('c-a', 3, 'one', 'customer'));
	room.write('My ans');
	assert.equal(room.missed(), 0);
	feed(room.talk, message('c-b', 7, 'two', 'customer'));
	room.write('My answer');
	assert.equal(room.missed(), 1);
	room.write('');
	assert.equal(room.missed(), 0);
});

test('a proposal waits until a person has said yes or no, or the case is settled', () => {
	const room = new Room('s', new Conversation({ everything: true }));
	const open = () => room.proposals().map((item) => item.seq);
	feed(room.talk, custom(1, 'tool_proposed', { tool: 'refund' }), custom(2, 'tool_proposed', { tool: 'change_address' }));
	assert.deepEqual(open(), [1, 2]);
	feed(room.talk, custom(3, 'tool_reviewed', { proposal: 1, action: 'approved' }));
	assert.deepEqual(open(), [2]);
	feed(room.talk, custom(4, 'session_resolved', { by: 'agent' }));
	assert.deepEqual(open(), []);
});

test('a reply that was acknowledged is one message, whether the server repeats it or not', () => {
	const room = new Room('s', new Conversation({ everything: true }));
	room.talk.pending('x', 'Hello', 1, 'human');
	room.acked({ id: 'x', seq: 8 }, { t: 'reply', id: 'x', text: 'Hello' }, 'Nina', 2);
	feed(room.talk, message('s8', 8, 'Hello', 'human'));
	assert.deepEqual(room.talk.items.map((item) => [item.key, item.text, item.name]), [['s8', 'Hello', 'Nina']]);
	room.talk.pending('n', 'a note', 1, 'human');
	room.acked({ id: 'n', seq: 9 }, { t: 'note', id: 'n', text: 'a note' }, 'nina', 2);
	feed(room.talk, custom(9, 'note_added', { text: 'a note' }));
	assert.equal(room.talk.items.length, 2);
});

test('a draft waits until it is reviewed', () => {
	const room = new Room('s', new Conversation({ everything: true }));
	assert.equal(room.draft(), null);
	feed(room.talk, custom(5, 'draft_proposed', { text: 'd' }));
	assert.equal(room.draft().seq, 5);
	feed(room.talk, custom(9, 'draft_reviewed', { draft: 5, action: 'accepted' }));
	assert.equal(room.draft(), null);
});

test('the place in the queue is told while one waits there, and when it changes', () => {
	const talk = new Conversation();
	const place = (content) => ({ t: 'ev', ev: { type: 'ACTIVITY_SNAPSHOT', messageId: 'queue', activityType: 'QUEUE', content } });
	assert.deepEqual(feed(talk, place({ position: 1 })), [{}], 'nobody waits');
	const told = feed(talk, custom(3, 'case_queued', { text: 'soon' }), place({ position: 2, agents: 1 }), place({ position: 2, agents: 2 }), place({ position: 1, agents: 2 }));
	assert.deepEqual(told.slice(1).map(({ place: one }) => one?.position), [2, undefined, 1]);
	assert.equal(talk.place.agents, 2);
	talk.reconnecting();
	assert.equal(talk.place, null, 'what was true before a reconnect is not said');
	feed(talk, place({ position: 4 }), custom(4, 'ticket_left', { text: 'thanks' }));
	assert.deepEqual([talk.place.position, talk.ticket], [4, true]);
	feed(talk, custom(5, 'case_claimed', { agent_name: 'Nina' }));
	assert.deepEqual([talk.place, talk.ticket, talk.agent], [null, false, 'Nina']);
	feed(talk, custom(6, 'case_transferred', { text: 'a colleague' }));
	assert.equal(talk.owner, 'queue');
	assert.deepEqual(shown(talk), ['notice:soon', 'notice:thanks', 'notice:case_claimed', 'notice:a colleague']);
});

test('files belong to the message behind them, once, whoever sent them', () => {
	const talk = new Conversation();
	const file = (seq, id, by) => custom(seq, 'attachment_added', { attachment: id, name: `${id}.png`, media_type: 'image/png', bytes: 9, by });
	const names = (key) => talk.get(key).files.map((one) => one.name);
	feed(talk, file(2, 'a', 'customer'), file(3, 'b', 'customer'), file(4, 'x', 'human'), ...message('c-1', 5, 'look', 'customer'), ...message('s6', 6, 'here', 'human'));
	assert.deepEqual([names('c-1'), names('s6')], [['a.png', 'b.png'], ['x.png']]);
	feed(talk, file(2, 'a', 'customer'), ...message('c-1', 5, 'look', 'customer'), ...message('c-7', 7, 'no file', 'customer'));
	assert.deepEqual([names('c-1'), names('c-7')], [['a.png', 'b.png'], []], 'a replay doubles nothing');
	talk.pending('9', 'mine', 1, 'customer', [{ attachment: 'm', name: 'm.png' }]);
	talk.acked('9', 9);
	assert.deepEqual(names('c-9'), ['m.png']);
	assert.deepEqual(shown(talk).filter((line) => line.startsWith('notice')), []);
});

test('looking something up is another thing than answering', () => {
	const talk = new Conversation();
	const at = (type) => { feed(talk, { t: 'ev', ev: { type } }); return [talk.running, talk.looking]; };
	assert.deepEqual([at('RUN_STARTED'), at('TOOL_CALL_START'), at('TOOL_CALL_RESULT'), at('STEP_STARTED')], [[true, false], [true, true], [true, false], [true, true]]);
	feed(talk, start('3-1'), content('3-1', 'It'));
	assert.equal(talk.looking, false);
	assert.deepEqual([at('STEP_STARTED'), at('RUN_FINISHED')], [[true, true], [false, false]]);
});
