// SPDX-License-Identifier: Apache-2.0
//
// chatwoot/chatwoot #12754, #12720: one reply of the bot that is slower than five seconds throws the bot out
// of the conversation for good.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { answerOf } from '../fault/provider.mjs';
import { customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

describe('a slow bot', { concurrency: 2 }, () => {
	test('one answer after six seconds is an answer, and so are the next ones', async () => {
		const model = 'ok#slow,first=6000';
		const baton = await serve(simpleSet(provider.url, { models: [model] }));
		const c = await customer(baton);
		for (const text of ['where is my order?', 'and my invoice?'])
			assert.equal((await c.answer((await c.say(text)).seq, 15000)).text, answerOf(model));
		assert.equal(c.screen.event('case_queued'), undefined);
		await judge(baton, [c]);
	});

	test('one that takes longer than its route allows goes to a person, and the bot comes back by itself', async () => {
		const model = 'S15#slow,outage=2500';
		const baton = await serve(simpleSet(provider.url, { models: [model], target: { breaker: { failures: 1, open: '1s', open_max: '2s' } } }));
		const c = await customer(baton);
		const { seq } = await c.say('where is my order?');
		await c.event('case_queued', seq);
		await c.event('automation_resumed', 0, 30000);
		assert.equal((await c.answer(seq, 30000)).text, answerOf(model), 'the question is answered, without being asked again');
		await judge(baton, [c]);
	});
});
