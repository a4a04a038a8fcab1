// SPDX-License-Identifier: Apache-2.0
//
// BerriAI/litellm #14334, langwatch/langwatch #6941, PostHog/posthog PR #73863, wso2 #2121: every deploy cuts the
// streams that run; the time of grace is not used.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SLOW } from '../lib/baton.mjs';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { answerOf } from '../fault/provider.mjs';
import { customer, hostile, serve } from './stage.mjs';

const provider = await hostile();
const begun = (c) => c.until(() => [...c.screen.messages.values()].some((m) => m.pieces > 2), 'the first words');

describe('a deploy in mid-answer', { concurrency: 2 }, () => {
	test('the grace is used: the answer ends on the same connection, whole, and the server ends soon after', async () => {
		const model = 'ok#14334,gap=30';
		const baton = await serve(simpleSet(provider.url, { models: [model] }));
		const c = await customer(baton);
		const { seq } = await c.say('where is it?');
		await begun(c);
		baton.child.kill('SIGTERM');
		assert.equal((await c.answer(seq)).text, answerOf(model));
		assert.equal(c.connects, 1);
		const ended = performance.now();
		await baton.stop();
		assert.ok(performance.now() - ended < 4000 * SLOW, 'no longer than it is needed');
		assert.equal(provider.of(model).length, 1, 'nothing was asked for twice');
		await judge(baton, [c]);
	});

	test('what the grace is too short for is taken up by the next process; the customer types nothing', async () => {
		const model = 'ok#6941,gap=60';
		const baton = await serve(simpleSet(provider.url, { models: [model] }), { args: ['--grace', '1'] });
		const c = await customer(baton, { auto: true });
		const { seq } = await c.say('where is it?');
		await begun(c);
		await baton.stop();
		await baton.start();
		assert.equal((await c.answer(seq, 20000 * SLOW)).text, answerOf(model));
		assert.equal(c.screen.list('bot').length, 1, 'one answer, and no half of another');
		const log = (await judge(baton, [c])).get(c.session);
		assert.equal(log.filter((e) => e.type === 'message_received').length, 1);
		assert.ok(log.some((e) => e.type === 'turn_restarted'));
	});
});
