// SPDX-License-Identifier: Apache-2.0
//
// fazer-ai/agents #457, PR #458, #158, #662: after a hand back the bot stays silent; the closing line comes twice, or
// not at all.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SAYS, simpleSet } from '../lib/policies.mjs';
import { judge } from '../lib/judge.mjs';
import { answerOf } from '../fault/provider.mjs';
import { agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

async function claimed(model) {
	const baton = await serve(simpleSet(provider.url, { models: [model] }));
	const c = await customer(baton);
	await c.say('talk to a human');
	await c.event('case_queued');
	const nina = await agent(baton, 'nina', c.session);
	await nina.claim(c.session);
	return { baton, c, nina };
}

describe('after a hand back', { concurrency: 3 }, () => {
	test('one closing line, and the next question is answered', async () => {
		const model = 'ok#next';
		const { baton, c, nina } = await claimed(model);
		await nina.reply(c.session, 'Done.');
		await nina.handback(c.session);
		const back = await c.event('handback_approved');
		assert.equal(back.value.text, SAYS.handed_back);
		assert.equal((await c.answer((await c.say('thanks. when are you open?')).seq)).text, answerOf(model));
		const log = (await judge(baton, [c, nina])).get(c.session);
		assert.equal(log.filter((e) => e.type === 'handback_approved').length, 1);
		assert.equal(log.at(-1).type, 'answer_generated');
	});

	test('a question that the agent has not answered is answered, without being asked again', async () => {
		const model = 'ok#left';
		const { baton, c, nina } = await claimed(model);
		await nina.reply(c.session, 'Done.');
		const { seq } = await c.say('and what does shipping cost?');
		await nina.until(() => nina.screen(c.session).last >= seq, 'the question');
		await nina.handback(c.session);
		assert.equal((await c.answer(seq)).text, answerOf(model));
		assert.equal(provider.of(model).length, 1);
		await judge(baton, [c, nina]);
	});

	test('what was answered stays answered: the bot does not say it again', async () => {
		const model = 'ok#said';
		const { baton, c, nina } = await claimed(model);
		await c.say('how much is shipping?');
		await nina.reply(c.session, 'Shipping is 4.90.');
		await nina.handback(c.session);
		await c.event('handback_approved');
		await sleep(800);
		assert.equal(provider.of(model).length, 0);
		assert.deepEqual(c.screen.list('bot'), []);
		await judge(baton, [c, nina]);
	});
});
