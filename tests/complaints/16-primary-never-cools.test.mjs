// SPDX-License-Identifier: Apache-2.0
//
// BerriAI/litellm #40405 (cf. PR #42450): a single primary never cools down: 11 requests became 33
// attempts, each five to six seconds late.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLOW } from '../lib/baton.mjs';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { answerOf } from '../fault/provider.mjs';
import { customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

test('11 questions with a dead primary: the breaker spares it, and nobody waits', async () => {
	const models = ['S04#40405', 'ok#40405,gap=0'];
	const baton = await serve(simpleSet(provider.url, { models }));
	const c = await customer(baton);
	const waits = [];
	for (let i = 0; i < 11; i++) {
		const began = performance.now();
		assert.equal((await c.answer((await c.say(`question ${i}`)).seq)).text, answerOf(models[1]));
		waits.push(performance.now() - began);
	}
	assert.ok(provider.of(models[0]).length <= 4, `the primary was asked ${provider.of(models[0]).length} times`);
	assert.equal(provider.of(models[1]).length, 11);
	assert.ok(Math.max(...waits) < 1500 * SLOW, `${Math.round(Math.max(...waits))} ms`);
	assert.ok(Math.max(...waits.slice(4)) < 700 * SLOW, 'once it is known, it costs nothing');
	await judge(baton, [c]);
});

test('without a fallback: a person each, at once, and one call each at most once it is known', async () => {
	const model = 'S04#alone';
	const baton = await serve(simpleSet(provider.url, { models: [model] }));
	const customers = [];
	for (let i = 0; i < 11; i++) {
		const c = await customer(baton);
		customers.push(c);
		const began = performance.now();
		assert.equal((await c.outcome((await c.say('hello?')).seq)).name, 'baton.case_queued');
		assert.ok(performance.now() - began < 1500 * SLOW);
	}
	assert.ok(provider.of(model).length <= 11 + 2, `asked ${provider.of(model).length} times`);
	await judge(baton, customers);
});
