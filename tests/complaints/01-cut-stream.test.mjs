// SPDX-License-Identifier: Apache-2.0
//
// BerriAI/litellm #40404 (and #13149, #27967, #31067, #34627): the stream is cut, stalls or turns bad, and
// the configured fallback gets no request at all; or it gets half an answer and a prompt of the gateway's
// own making, which broke tool calls and models without prefill.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { answerOf } from '../fault/provider.mjs';
import { customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

for (const [what, row] of Object.entries({ cut: 'S08', silent: 'S09', 'an error': 'B02' }))
	test(`the primary is ${what} in mid-answer: the fallback is asked once, in the customer's words alone`, async () => {
		const models = [`${row}#40404`, `ok#40404-${row}`];
		const baton = await serve(simpleSet(provider.url, { models, route: { stall_ms: 1500 } }));
		const c = await customer(baton);
		const answer = await c.answer((await c.say('where is my order?')).seq, 12000);
		assert.equal(answer.text, answerOf(models[1]), 'whole, from its first word');
		const [primary, ...again] = provider.of(models[0]);
		const fallback = provider.of(models[1]);
		assert.equal(again.length, 0, 'what was shown is not asked for again');
		assert.equal(fallback.length, 1);
		assert.deepEqual(fallback[0].ask.messages, primary.ask.messages, 'no prompt was added, no half answer');
		assert.ok(c.screen.event('answer_superseded'), 'half of an answer is taken back');
		assert.equal(c.screen.list('bot').length, 1);
		await judge(baton, [c]);
	});

test('a fallback that can go on gets the words the customer has seen, and nothing else', async () => {
	const models = ['S08#40404-on', 'continues'];
	const baton = await serve(simpleSet(provider.url, { models, target: { can_continue: true }, provider: { prefill: true } }));
	const c = await customer(baton);
	await c.answer((await c.say('where is my order?')).seq, 12000);
	const [primary] = provider.of(models[0]);
	const [fallback] = provider.of('continues');
	const added = fallback.ask.messages.slice(primary.ask.messages.length);
	assert.equal(added.length, 1);
	assert.equal(added[0].role, 'assistant');
	assert.ok(answerOf(models[0]).startsWith(added[0].content.trim()), added[0].content);
	assert.deepEqual(fallback.ask.messages.slice(0, -1), primary.ask.messages);
	await judge(baton, [c]);
});
