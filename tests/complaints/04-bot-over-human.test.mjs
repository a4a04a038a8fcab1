// SPDX-License-Identifier: Apache-2.0
//
// chatwoot PR #13673 (the race is admitted), #11363, rasa-agent-bot-demo #12, evo-crm #82: the bot talks over the
// person who took over. The race itself, 10,000 times: make takeover.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { CONTEXT, agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

describe('a person takes over', { concurrency: 3 }, () => {
	test('in mid-answer: what was shown is withdrawn, nothing comes behind it, the call is ended', async () => {
		const model = 'ok#mid,gap=60';
		const baton = await serve(simpleSet(provider.url, { models: [model] }));
		const c = await customer(baton);
		await c.say(CONTEXT);
		await c.until(() => [...c.screen.messages.values()].some((m) => m.pieces > 3), 'some words');
		const nina = await agent(baton, 'nina', c.session);
		await nina.claim(c.session);
		const claimed = await c.event('case_claimed');
		await nina.reply(c.session, 'I am here now.');
		await sleep(1500); // the answer would have gone on for so long
		assert.ok(c.screen.event('answer_superseded'));
		assert.deepEqual(c.screen.list('bot'), []);
		assert.deepEqual(c.screen.list('human').map((m) => m.text), ['I am here now.']);
		assert.ok(provider.of(model)[0].closed_ms - provider.of(model)[0].t < 4000, 'nobody pays for the rest');
		const log = (await judge(baton, [c, nina])).get(c.session);
		assert.equal(log.some((e) => e.seq > claimed.seq && e.type === 'answer_generated'), false);
	});

	test('the bot that would answer later is not even asked', async () => {
		const model = 'ok#later';
		const baton = await serve(simpleSet(provider.url, { models: [model] }));
		const c = await customer(baton);
		await c.answer((await c.say(CONTEXT)).seq);
		const nina = await agent(baton, 'nina', c.session);
		await nina.claim(c.session);
		const asked = provider.of(model).length;
		for (const text of ['and now?', 'hello?', 'talk to a human'])
			await c.say(text);
		await sleep(600);
		assert.equal(provider.of(model).length, asked);
		assert.equal(c.screen.list('bot').length, 1);
		await judge(baton, [c, nina]);
	});

	test('of two people one has it, and the other is told so', async () => {
		const baton = await serve(simpleSet(provider.url, { models: ['ok#two'] }));
		const c = await customer(baton);
		await c.say('talk to a human');
		await c.event('case_queued');
		const two = [await agent(baton, 'nina', c.session), await agent(baton, 'omar', c.session)];
		const results = await Promise.allSettled(two.map((a) => a.claim(c.session)));
		assert.deepEqual(results.map((r) => r.status).sort(), ['fulfilled', 'rejected']);
		const loser = two[results.findIndex((r) => r.status === 'rejected')];
		await assert.rejects(loser.reply(c.session, 'me too'), { code: 'wrong_state' });
		await judge(baton, [c, ...two]);
	});
});
