// SPDX-License-Identifier: Apache-2.0
//
// The console without a screen: promises, order, many cases at once, prepared texts, keys.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bulk } from '../../channels/web/console/bulk.js';
import { standing, verbsOf } from '../../channels/web/console/verbs.js';
import { Keys, nameOf } from '../../channels/web/console/commands.js';
import { Desk, claimable, due, list, marks } from '../../channels/web/console/desk.js';
import { describe, size, technical } from '../../channels/web/console/events.js';
import { rising } from '../../channels/web/console/place.js';
import { changes, matches, references, slash } from '../../channels/web/console/words.js';

const T = 1_795_000_000_000;
const waiting = (session, fields = {}) => ({ t: 'case', session, state: 'waiting', queue: 'general', priority: 5, reason: 'why', waiting_since_ms: T, ...fields });

test('a promise is on time, due soon or broken, and says so in words', () => {
	const at = (left, promise = 600000) => due({ due_ms: T, unanswered_ms: T - promise }, T - left);
	assert.deepEqual([at(300000).state, at(300000).text], ['ok', 'on time: 5 min left']);
	assert.deepEqual([at(119000).state, at(119000).text], ['soon', 'due soon: 1 min']);
	assert.deepEqual([at(0).state, at(-181000).text], ['broken', 'late by 3 min']);
	assert.equal(at(59000, 90000).state, 'soon', 'the last minute is always soon');
	assert.equal(due({ due_ms: T }, T), null, 'a question that was answered has no promise left');
	assert.equal(due({ unanswered_ms: T }, T), null);
});

test('the order of the desk is kept, whatever priority and age say', () => {
	const desk = new Desk();
	desk.apply(waiting('a', { rank: 1, precedence: 3, priority: 1 })); // a rank that was true once
	desk.apply(waiting('b', { rank: 2, precedence: 1, priority: 9 }));
	desk.apply(waiting('c', { rank: 3, precedence: 2, queue: 'billing' }));
	assert.deepEqual(desk.list('waiting').map((one) => one.session), ['b', 'c', 'a']);
	assert.deepEqual(['a', 'b', 'c'].map((session) => desk.position(desk.get(session))), [2, 1, 1]);
	desk.apply(waiting('a', { rank: 2, precedence: 1, waiting_since_ms: 1 }));
	desk.apply(waiting('b', { rank: 1, precedence: 1, waiting_since_ms: 2 }));
	assert.equal(desk.list('waiting')[0].session, 'a');
});

test('tabs show mine, those that wait, or all; who is owed an answer comes first', () => {
	const desk = new Desk();
	const claimed = (session, agent, fields) => ({ ...waiting(session, fields), state: 'claimed', agent });
	for (const one of [waiting('w'), claimed('answered', 'nina', { claimed_ms: 1 }), claimed('owed', 'nina', { unanswered_ms: 5, due_ms: 9 }), claimed('other', 'omar'), waiting('x', { queue: 'billing' })]) desk.apply(one);
	const shown = (...args) => desk.view(...args).map((one) => one.session);
	assert.deepEqual(shown('mine', 'nina'), ['owed', 'answered']);
	assert.deepEqual(shown('waiting', 'nina'), ['w', 'x']);
	assert.deepEqual(shown('all', 'nina'), ['owed', 'answered', 'w', 'x', 'other']);
	assert.deepEqual(shown('all', 'nina', 'billing'), ['x']);
});

test('an outage is one group, and everything in it is found again', () => {
	const desk = new Desk();
	for (let i = 0; i < 30; i++) desk.apply(waiting(`s${i}`, { rule: 'core.no_model', mode: 'outage', waiting_since_ms: T + i }));
	desk.apply(waiting('other', { rule: 'refund' }));
	desk.apply(waiting('bare', { reason: 'a word' }));
	const [outage, ...rest] = desk.groups();
	assert.deepEqual([outage.rule, outage.mode, outage.waiting, outage.oldest_ms], ['core.no_model', 'outage', 30, T]);
	assert.equal(desk.group(outage).length, 30);
	assert.deepEqual(rest.map((group) => desk.group(group).map((one) => one.session)).flat().sort(), ['bare', 'other']);
});

test('labels come as a list or as JSON, and rubbish is none', () => {
	assert.deepEqual([list('["a","b"]'), list(['c']), list(''), list(undefined), list('{'), list('{"a":1}')], [['a', 'b'], ['c'], [], [], [], []]);
});

test('marks are words: for whom, gone, later, away', () => {
	assert.deepEqual(marks({ state: 'waiting', to_agent: 'nina', queued_ms: 1, draft: true, tier: 'vip', language: 'de' }, 'nina'), ['for you', 'draft', 'away', 'vip', 'de']);
	assert.deepEqual(marks({ state: 'waiting', to_agent: 'omar', queued_ms: 1, abandoned: true, ticket: true }, 'nina'), ['for omar', 'ticket: answer later', 'gave up waiting']);
	assert.deepEqual(marks({ state: 'claimed', agent: 'nina', unanswered_ms: 4, queued_ms: 1, present: true }, 'nina'), ['unanswered']);
});

test('only what the server would allow is offered', () => {
	const verbs = (...args) => verbsOf(...args).join();
	assert.equal(verbs(waiting('a', { rank: 1, claimable: true }), false, false), 'claim');
	assert.equal(verbs(waiting('a', { rank: 1 }), false, false), '', 'another queue');
	assert.equal(verbs(waiting('a', { rank: 1 }), false, true), 'claim,transfer', 'a supervisor');
	assert.equal(verbs({ state: 'claimed', agent: 'omar' }, false, false), '');
	assert.equal(verbs({ state: 'claimed', agent: 'omar' }, false, true), 'take,transfer,release');
	assert.equal(verbs({ state: 'claimed', agent: 'nina' }, true, false), 'handback,transfer,release,resolve');
	assert.equal(verbs(undefined, false, true), '', 'with automation');
	assert.match(standing(waiting('a', { rank: 1 }), false, [], 'Billing'), /do not work on the queue Billing/);
	assert.equal(claimable(undefined), false);
});

test('a list is put in order with the fewest moves', () => {
	assert.deepEqual([...rising([3, 0, 1, 2])].sort(), [1, 2, 3]);
	assert.deepEqual([...rising([1, 2, 3, 0])].sort(), [0, 1, 2]);
	assert.equal(rising([]).size, 0);
	for (let round = 0; round < 200; round++) {
		const numbers = Array.from({ length: round % 40 }, (_, i) => i).sort(() => Math.sin(round * 7919 + 1) - Math.random());
		const run = [...rising(numbers)].sort((a, b) => a - b).map((i) => numbers[i]);
		assert.deepEqual(run, [...run].sort((a, b) => a - b));
	}
});

/* A clock that moves when it is told to. */
function clock() {
	const at = { time: 0, jobs: [] };
	at.env = { now: () => at.time, setTimeout: (fn, ms) => { at.jobs.push({ fn, due: at.time + ms }); return at.jobs.at(-1); }, clearTimeout: (job) => { at.jobs = at.jobs.filter((one) => one !== job); } };
	at.go = (ms) => {
		const end = at.time + ms;
		for (let next; (next = at.jobs.filter((job) => job.due <= end).sort((a, b) => a.due - b.due)[0]);) {
			at.time = next.due;
			at.jobs = at.jobs.filter((job) => job !== next);
			next.fn();
		}
		at.time = end;
	};
	return at;
}

test('many at once: few on the way, below the rate, each with its own result', () => {
	const at = clock();
	const sent = [];
	const bulk = new Bulk(Array.from({ length: 20 }, (_, i) => ({ session: `s${i}`, label: `${i}` })), { send: ({ session }) => { sent.push([session, at.time]); return true; }, env: at.env });
	bulk.start();
	at.go(2000);
	assert.equal(sent.length, 4, 'no more than four without an answer');
	bulk.settle('s0');
	bulk.settle('s1', 'You may not do that.');
	assert.equal(bulk.settle('s19'), false, 'not asked yet');
	at.go(1000);
	assert.equal(sent.length, 6);
	bulk.later('s2');
	assert.equal(bulk.items[2].state, 'waiting');
	for (let i = 0; i < 40 && bulk.running; i++) {
		at.go(130);
		for (const { session, state } of bulk.items) if (state === 'sent' && session !== 's7') bulk.settle(session);
	}
	assert.deepEqual(bulk.counts, { waiting: 0, sent: 1, done: 18, failed: 1, left: 0 });
	at.go(20000);
	assert.deepEqual([bulk.running, bulk.counts.failed, bulk.items[7].why], [false, 2, 'the server did not answer']);
	const second = sent.filter(([, time]) => time > 3000 && time <= 4000).length;
	assert.ok(second <= 9, `${second} in a second`);
});

test('many at once can be stopped: what was not asked is left alone', () => {
	const at = clock();
	const bulk = new Bulk([{ session: 'a' }, { session: 'b' }, { session: 'c' }], { send: () => true, env: at.env });
	bulk.start();
	bulk.stop();
	bulk.settle('a');
	assert.deepEqual([bulk.running, bulk.counts.left, bulk.counts.done], [false, 2, 1]);
});

test('nothing is sent while there is no connection', () => {
	const at = clock();
	let open = false;
	const bulk = new Bulk([{ session: 'a' }], { send: () => open, env: at.env });
	bulk.start();
	at.go(5000);
	assert.equal(bulk.items[0].state, 'waiting');
	open = true;
	at.go(200);
	assert.equal(bulk.items[0].state, 'sent');
});

test('a slash begins a prepared text only at the beginning of a word', () => {
	assert.deepEqual(slash('/re', 3), { from: 0, query: 're' });
	assert.deepEqual(slash('Hello /RE more', 9), { from: 6, query: 're' });
	for (const [text, caret] of [['and/or', 6], ['http://x', 8], ['/a b', 4], ['', 0], [`/${'x'.repeat(50)}`, 51]]) assert.equal(slash(text, caret), null, text);
	const canned = [{ name: 'refund', text: 'Your money' }, { name: 'hello', text: 'Good refund day' }, { name: 'bye', text: 'Bye' }];
	assert.deepEqual(matches(canned, 'ref').map((one) => one.name), ['refund', 'hello']);
	assert.equal(matches(canned, '').length, 3);
	assert.equal(matches(canned, 'zzz').length, 0);
});

test('what was changed in a draft is told word by word', () => {
	assert.deepEqual(changes('We refund you today', 'We refund you on Monday'), [['same', 'We refund you '], ['gone', 'today'], ['new', 'on Monday']]);
	assert.deepEqual(changes('', 'new'), [['new', 'new']]);
	assert.deepEqual(changes('a b', 'a b'), [['same', 'a b']]);
	assert.equal(changes('w '.repeat(500), 'x'), null);
	const text = (kinds) => changes('one two three', 'two three four').filter(([kind]) => kinds.includes(kind)).map(([, one]) => one).join('').trim();
	assert.deepEqual([text(['same', 'new']), text(['same', 'gone']).replace(/\s+/g, ' ')], ['two three four', 'one two three']);
});

test('numbers in brackets lead into the transcript if there is such an event', () => {
	const known = (seq) => seq < 10;
	assert.deepEqual(references('see [3] and [12], [x] and [3][4]', known), ['see ', 3, ' and ', '[12]', ', [x] and ', 3, 4]);
	assert.deepEqual(references('nothing', known), ['nothing']);
});

test('keys: one, with shift, one after the other; what makes no sense now does nothing', () => {
	const ran = [];
	const command = (key, when) => ({ key, when, run: () => ran.push(key) });
	const commands = [command('e'), command('Shift+E'), command('g o'), command('c', () => false)];
	const keys = new Keys();
	const press = (key, at, shiftKey = false) => { const { command: found, waits } = keys.press(nameOf({ key, shiftKey }), at, commands); found?.run(); return !!found || !!waits; };
	press('e', 0);
	press('E', 0, true);
	assert.equal(press('c', 0), false);
	press('g', 10);
	press('o', 20);
	press('g', 100);
	press('o', 5000);
	assert.deepEqual(ran, ['e', 'Shift+E', 'g o']);
	assert.equal(nameOf({ key: '?', shiftKey: true }), '?');
	assert.equal(nameOf({ key: 'E', shiftKey: false }), 'e', 'caps lock is no shift');
});

test('each event of people at the desk has words', () => {
	const title = (what, fields) => describe(what, fields).title;
	assert.equal(title('case_transferred', { queue: 'billing', to_agent: 'omar' }), 'Transferred to billing · omar');
	assert.equal(title('case_claimed', { agent_name: 'Sara', from: 'nina' }), 'Sara took it over from nina');
	assert.equal(title('case_tagged', { tags: '["vip","late"]' }), 'Labels: vip, late');
	assert.equal(title('case_tagged', { tags: [] }), 'Labels: none');
	assert.match(describe('ticket_left', { contact: 'a@b.example' }).text, /as typed/);
	assert.equal(title('authentication_failed', { reason: 'bad_signature' }), 'Identity refused: bad signature');
	assert.equal(describe('draft_reviewed', { action: 'edited', agent: 'nina', edit_ppm: 250000 }).text, 'by nina · 25 % changed');
	assert.ok(technical('route_selected', {}) && !technical('policy_decided', { action: 'escalate_now' }) && !technical('model_failed'));
	assert.deepEqual([size(0), size(999), size(20480), size(5242880)], ['', '999 bytes', '20 kB', '5.2 MB']);
});

test('what tools, guards and plans do has words, and a failure looks like one', () => {
	const of = (what, fields) => describe(what, fields);
	assert.deepEqual([of('tool_called', { tool: 'order_status', arguments: '{"order":"HP-1"}' }).title, of('tool_called', { tool: 'refund', writes: true }).title], ['Looks up: order_status', 'Does: refund']);
	assert.deepEqual(of('tool_called', { tool: 'order_status', arguments: '{"order":"HP-1"}' }).facts, { order: 'HP-1' });
	assert.deepEqual(of('tool_finished', { tool: 'order_status', ok: true, code: 'not_found', result: '[1]' }), { title: 'order_status has answered: not found', text: '', tone: '', facts: { answer: [1] } });
	const doubt = of('tool_finished', { tool: 'refund', code: 'in_doubt', tries: 2 });
	assert.deepEqual([doubt.tone, doubt.text], ['bad', '2 tries']);
	assert.match(doubt.title, /nobody knows/);
	const hit = of('guard_hit', { guard: 'promises', at: 'answer', action: 'block', rule: 'no-refund-promise', excerpt: 'you get 50 EUR' });
	assert.deepEqual([hit.title, hit.text, hit.tone], ['Guard promises: no-refund-promise', 'answer · did not pass · “you get 50 EUR”', 'bad']);
	assert.equal(of('guard_hit', { guard: 'pii', at: 'customer', action: 'failed' }).title, 'Guard pii could not look');
	assert.equal(of('plan_made', { failed: 'no JSON' }).tone, 'warn');
	assert.match(of('intent_detected', { intent: 'refund', confidence_ppm: 900000, human_ppm: 700000 }).text, /asks for a person/);
});
