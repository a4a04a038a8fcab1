// SPDX-License-Identifier: Apache-2.0
//
// chatwoot #13050, #10583, #14508, #13516: no real queue; an agent who becomes free gets nothing; chats that nobody
// answers stay assigned.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { desk, simpleSet } from '../lib/policies.mjs';
import { agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

function offering(tag, more = {}) {
	const d = { ...desk(), capacity: 1, ...more };
	for (const queue of d.queues)
		Object.assign(queue, { assign: 'offer', offer_for: '2s' }, more.queue);
	delete d.queue;
	return simpleSet(provider.url, { models: [`ok#${tag}`], files: { 'desk.yaml': d } });
}

async function waiting(baton) {
	const c = await customer(baton);
	await c.say('talk to a human');
	await c.event('case_queued');
	return c;
}

const offered = (a, session) => a.until(() => a.frames.find((f) => f.t === 'offer' && f.session === session && f.until_ms > 0), `an offer of ${session}`);

describe('a queue that is one', { concurrency: 3 }, () => {
	test('the oldest is offered first, and whoever becomes free gets the next at once', async () => {
		const baton = await serve(offering('free'));
		const customers = [];
		for (let i = 0; i < 3; i++)
			customers.push(await waiting(baton));
		const nina = await agent(baton, 'nina');
		for (const [i, c] of customers.entries()) {
			await offered(nina, c.session);
			assert.equal(nina.frames.some((f) => f.t === 'offer' && customers.slice(i + 1).some((later) => later.session === f.session)), false, 'one at a time, in their order');
			await nina.follow(c.session);
			await nina.claim(c.session);
			await nina.reply(c.session, 'Hello.');
			await nina.resolve(c.session);
		}
		await judge(baton, [...customers, nina]);
	});

	test('an offer that nobody takes goes to the next person', async () => {
		const baton = await serve(offering('next', { queue: { offer_for: '600ms' } }));
		const nina = await agent(baton, 'nina'), omar = await agent(baton, 'omar');
		const c = await waiting(baton);
		await Promise.all([offered(nina, c.session), offered(omar, c.session)]);
		await omar.follow(c.session);
		await omar.claim(c.session);
		await judge(baton, [c, nina, omar]);
	});

	test('a case that its agent does not answer comes back, with the time it has waited', async () => {
		const baton = await serve(offering('back', { queue: { return_after: '1s' } }));
		const nina = await agent(baton, 'nina');
		const c = await waiting(baton);
		await nina.follow(c.session);
		await nina.claim(c.session);
		const { waiting_since_ms } = await nina.case(c.session, (k) => k.state === 'claimed');
		const released = await nina.event(c.session, 'case_released', 0, 15000);
		assert.equal(released.value.reason, 'no_reply');
		const back = await nina.case(c.session, (k) => k.state === 'waiting');
		assert.equal(back.waiting_since_ms, waiting_since_ms);
		await judge(baton, [c, nina]);
	});

	test('a case whose agent is gone comes back', async () => {
		const baton = await serve(offering('gone', { agent_lost_after: '1s' }));
		const omar = await agent(baton, 'omar'), nina = await agent(baton, 'nina');
		const c = await waiting(baton);
		await nina.follow(c.session);
		await nina.claim(c.session);
		nina.cut();
		await omar.case(c.session, (k) => k.state === 'claimed');
		await omar.case(c.session, (k) => k.state === 'waiting', 15000);
		await offered(omar, c.session);
		await omar.follow(c.session);
		await omar.claim(c.session);
		await judge(baton, [c, nina, omar]);
	});
});
