// SPDX-License-Identifier: Apache-2.0
//
// chatwoot #14934, #995, #6411, #3916: after a reconnect messages are missing until the page is loaded again, and the
// agent answers blind.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refused } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

async function held(tag) {
	const baton = await serve(simpleSet(provider.url, { models: [`ok#${tag}`] }));
	const c = await customer(baton);
	await c.say('talk to a human');
	await c.event('case_queued');
	const nina = await agent(baton, 'nina', c.session);
	await nina.claim(c.session);
	return { baton, c, nina };
}

describe('who comes back', { concurrency: 3 }, () => {
	test('as a customer: has what the agent wrote meanwhile, once and in its order', async () => {
		const { baton, c, nina } = await held('c');
		c.cut();
		const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`);
		for (const text of lines)
			await nina.reply(c.session, text);
		await c.connect();
		await c.until(() => c.screen.list('human').length === lines.length, 'all lines');
		assert.deepEqual(c.screen.list('human').map((m) => m.text), lines);
		await judge(baton, [c, nina]);
	});

	test('as an agent: sees what the customer wrote meanwhile', async () => {
		const { baton, c, nina } = await held('a');
		const last = nina.screen(c.session).last;
		nina.cut();
		for (let i = 0; i < 5; i++)
			await c.say(`I also have question ${i}`);
		await nina.connect();
		await nina.follow(c.session, last);
		assert.deepEqual(nina.screen(c.session).list('customer').map((m) => m.text).slice(-5),
			Array.from({ length: 5 }, (_, i) => `I also have question ${i}`));
		await judge(baton, [c, nina]);
	});

	test('nobody answers blind: a reply that does not know the newest words is refused', async () => {
		const { baton, c, nina } = await held('b');
		const knew = nina.screen(c.session).last;
		const { seq } = await c.say('please cancel what I said before');
		await assert.rejects(nina.reply(c.session, 'I have ordered it for you.', { if_seq: knew }),
			(error) => error instanceof Refused && error.code === 'conflict' && error.frame.seq >= seq);
		await nina.reply(c.session, 'It is cancelled.', { if_seq: seq });
		await c.until(() => c.screen.list('human').length === 1, 'the reply');
		assert.deepEqual(c.screen.list('human').map((m) => m.text), ['It is cancelled.']);
		await judge(baton, [c, nina]);
	});
});
