// SPDX-License-Identifier: Apache-2.0
//
// The fault catalogue in its quick form: the rows of tests/fault/catalogue.mjs, and those that need more
// than one question. `make faults` runs all of it with default settings and in full time.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Baton, SLOW } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, simpleSet, write } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { ROWS, runOutage, runRow } from '../fault/catalogue.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

const provider = await new HostileProvider().start();
after(() => provider.stop());

// Rows that only wait for our clocks run side by side: the machine is idle meanwhile.
const slow = ROWS.filter((row) => row.clocks);
const quick = ROWS.filter((row) => !row.clocks);

describe('rows that are decided at once', { concurrency: 3 }, () => {
	for (const row of quick)
		test(row.id, () => runRow(provider, row, { quick: true }));
});

describe('rows that are decided by the default clocks', { concurrency: slow.length }, () => {
	for (const row of slow)
		test(row.id, () => runRow(provider, row, { quick: true }));
});

describe('rows that need more than one question', () => {
	test('S15: during an outage all are served; the primary is spared, and used again after it', () =>
		runOutage(provider, { tag: 'quick', outage_ms: 3000 * SLOW, every_ms: 200, attempts_max: 7, back_ms: 2000,
			breaker: { failures: 3, open: '750ms', open_max: '1250ms' } }));

	test('B05: every model of a blocked account is skipped', async () => {
		const policies = simpleSet(provider.url, { models: ['B05#x', 'ok#same', 'ok#other'] });
		const targets = ['B05#x', 'ok#same', 'ok#other'].map((m, i) => ({ name: `t${i}`, provider: 'openai', model: m, account: i < 2 ? 'blocked' : 'free' }));
		write(policies, { 'targets.yaml': { targets } });
		const baton = await Baton.start({ policies, env: KEY_ENV, workers: 1 });
		const c = new Customer(baton);
		await c.connect();
		const answer = await c.answer((await c.say('hello')).seq);
		assert.equal(answer.text, answerOf('ok#other'));
		assert.equal(provider.of('ok#same').length, 0);
		await judge(baton, [c]);
	});

	test('B11: all providers down: a person, never an error', async () => {
		const baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['S04#1', 'S02#2', 'S08#3', 'B05#4'] }), env: KEY_ENV, workers: 1 });
		const c = new Customer(baton);
		await c.connect();
		const ack = await c.say('hello');
		const outcome = await c.outcome(ack.seq, 32000);
		assert.equal(outcome.name, 'baton.case_queued');
		assert.deepEqual(c.screen.list('bot'), []);
		assert.deepEqual(c.errors(), []);
		await judge(baton, [c]);
	});

	test('B13: the customer leaves in mid-answer; the answer is there on resume', async () => {
		const model = 'ok#leave,gap=20';
		const baton = await Baton.start({ policies: simpleSet(provider.url, { models: [model] }), env: KEY_ENV, workers: 1 });
		const c = new Customer(baton);
		await c.connect();
		const ack = await c.say('hello');
		await c.until(() => [...c.screen.messages.values()].some((m) => m.pieces > 3), 'some words');
		c.cut();
		await new Promise((go) => setTimeout(go, 1500));
		await c.connect();
		assert.equal((await c.answer(ack.seq)).text, answerOf(model));
		await judge(baton, [c]);
	});

	test('B14: the server is killed in mid-answer; the customer never types again', async () => {
		const model = 'ok#killed,gap=20';
		const baton = await Baton.start({ policies: simpleSet(provider.url, { models: [model] }), env: KEY_ENV, workers: 1 });
		const c = new Customer(baton);
		await c.connect();
		const ack = await c.say('hello');
		await c.until(() => [...c.screen.messages.values()].some((m) => m.pieces > 3), 'some words');
		await baton.kill();
		c.cut();
		await baton.start();
		await c.connect();
		const outcome = await c.outcome(ack.seq, 20000);
		if (!outcome.name)
			assert.equal(outcome.text, answerOf(model));
		const logs = await judge(baton, [c]);
		assert.ok(logs.get(c.session).some((event) => event.type === 'turn_restarted'));
	});

	test('B12: nobody listens; no wait longer than the connect budget', async () => {
		const baton = await Baton.start({ policies: simpleSet('http://127.0.0.1:1/v1', { models: ['ok', 'ok2'] }), env: KEY_ENV, workers: 1 });
		const c = new Customer(baton);
		await c.connect();
		const began = performance.now();
		const ack = await c.say('hello');
		assert.equal((await c.outcome(ack.seq)).name, 'baton.case_queued');
		assert.ok(performance.now() - began < 5000 * SLOW);
		await judge(baton, [c]);
	});

	test('every recorded frame fits the schemas', () => assertFramesValid());
});
