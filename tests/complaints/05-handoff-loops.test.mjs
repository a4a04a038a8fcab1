// SPDX-License-Identifier: Apache-2.0
//
// chatwoot #15901: a hand-over in mid-run loops: a job lives for 28 minutes and 50 of 57 completions that are
// billed repeat each other.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { CONTEXT, agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();
const BUSY = ['message_received', 'case_queued', 'case_claimed', 'human_message'];

describe('a hand-over in mid-run', { concurrency: 3 }, () => {
	test('ends the run: one call, one withdrawal, one hand-over, however often it is asked for', async () => {
		const model = 'ok#loop,gap=60';
		const baton = await serve(simpleSet(provider.url, { models: [model] }));
		const c = await customer(baton);
		await c.say(CONTEXT);
		await c.until(() => [...c.screen.messages.values()].some((m) => m.pieces > 2), 'some words');
		for (let i = 0; i < 10; i++)
			c.send({ t: 'human' });
		await c.say('talk to a human');
		await c.event('case_queued');
		const nina = await agent(baton, 'nina', c.session);
		await nina.claim(c.session);
		await sleep(1200);
		assert.equal(provider.of(model).length, 1);
		const log = (await judge(baton, [c, nina])).get(c.session);
		const times = (type) => log.filter((e) => e.type === type).length;
		assert.deepEqual(['answer_superseded', 'escalation_triggered', 'case_queued', 'case_claimed'].map(times), [1, 1, 1, 1]);
		assert.equal(times('answer_generated'), 0);
	});

	test('a model that fails for ever is asked a bounded number of times, and then nobody is', async () => {
		const models = ['S06#loop', 'S06#loop2'];
		const baton = await serve(simpleSet(provider.url, { models }));
		const c = await customer(baton);
		await c.say(CONTEXT);
		await c.event('case_queued', 0, 30000);
		const asked = models.map((model) => provider.of(model).length).reduce((a, b) => a + b);
		assert.ok(asked <= 4, `${asked} calls for one question`);
		await sleep(1500);
		assert.equal(models.map((model) => provider.of(model).length).reduce((a, b) => a + b), asked, 'it waits for a person, and for nothing else');
		const log = (await judge(baton, [c])).get(c.session);
		assert.equal(log.filter((e) => BUSY.includes(e.type)).length, 2);
	});
});
