// SPDX-License-Identifier: Apache-2.0
//
// BerriAI/litellm #40130, #3646, #7779: a cool-down's deadline is moved forward instead of back; when every
// deployment cools down the customer gets an error; the handler itself crashes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { admin, board, customer, provider, serve } from './stage.mjs';

const limited = (res, seconds) => {
	res.writeHead(429, { 'content-type': 'application/json', 'retry-after': String(seconds) });
	res.end('{"error":{"message":"slow down","type":"rate_limit_error"}}');
};

describe('everybody says "too many"', { concurrency: 3 }, () => {
	test('the latest deadline counts, whoever comes last with a shorter one', async () => {
		let bothAsked, firstHeard;
		const both = new Promise((go) => { bothAsked = go; }), first = new Promise((go) => { firstHeard = go; });
		const upstream = await provider(async (req, res, ask, n) => {
			if (n === 1)
				bothAsked();
			await (n === 0 ? both : first); // both are on their way before the first comes back
			limited(res, n === 0 ? 40 : 1);
		});
		const baton = await serve(simpleSet(upstream.url, { models: ['m'] }));
		const control = await admin(baton);
		const [one, two] = [await customer(baton), await customer(baton)];
		const seqs = [(await one.say('hello?')).seq, (await two.say('hello?')).seq];
		const outcomes = [one.outcome(seqs[0]), two.outcome(seqs[1])];
		await Promise.race(outcomes);
		firstHeard();
		await Promise.all(outcomes);
		assert.equal(upstream.asked.length, 2);
		const [target] = (await board(control)).targets;
		const left = target.until_unix_ms - Date.now();
		assert.equal(target.state, 'cooling');
		assert.ok(left > 30000 && left <= 40000, `${left} ms are left of the longer one`);
		await judge(baton, [one, two]);
	});

	test('all targets cool down: a person, never an error; and they are left alone', async () => {
		const upstream = await provider((req, res) => limited(res, 60));
		const baton = await serve(simpleSet(upstream.url, { models: ['a', 'b', 'c'] }));
		const customers = [];
		for (let i = 0; i < 4; i++) {
			const c = await customer(baton);
			customers.push(c);
			assert.equal((await c.outcome((await c.say('hello?')).seq)).name, 'baton.case_queued');
			assert.deepEqual(c.errors(), []);
		}
		assert.equal(upstream.asked.length, 3, 'each was asked once, by the first');
		assert.equal((await baton.http('/readyz')).status, 200);
		await judge(baton, customers);
	});

	test('a class that says so keeps the messages instead', async () => {
		const upstream = await provider((req, res) => limited(res, 60));
		const modes = [{ name: 'hold', do: 'pause', recover_when: '!all_down', recover_for: '1s', max_duration: '1h', say: 'We keep your message.' }];
		const baton = await serve(simpleSet(upstream.url, { models: ['a', 'b'], modes, klass: { mode: 'hold' } }));
		const c = await customer(baton);
		await c.say('hello?');
		assert.equal((await c.event('message_captured')).value.text, 'We keep your message.');
		assert.deepEqual(c.errors(), []);
		await judge(baton, [c]);
	});
});
