// SPDX-License-Identifier: Apache-2.0
//
// Rocket.Chat #23642, #22105, #29402, #18041, #18200: chats in the queue that no agent sees, that are stuck, that
// nobody can take.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();
const CASES = 20;

describe('every case in the queue', { concurrency: 2 }, () => {
	test('is seen and can be taken, also after a kill, by whoever comes first to work', async () => {
		const baton = await serve(simpleSet(provider.url, { models: ['ok#stuck'] }), { workers: 2 });
		const customers = [];
		for (let i = 0; i < CASES; i++) {
			const c = await customer(baton);
			await c.say(i % 2 ? 'talk to a human' : 'I want to speak to an agent');
			await c.event('case_queued');
			customers.push(c);
		}
		await baton.kill();
		await baton.start();
		const nina = await agent(baton, 'nina');
		await nina.until(() => customers.every((c) => nina.cases.get(c.session)?.state === 'waiting'), 'all cases');
		for (const c of customers) {
			await nina.follow(c.session);
			await nina.claim(c.session);
		}
		const omar = await agent(baton, 'omar');
		await omar.until(() => customers.every((c) => omar.cases.get(c.session)?.agent === 'nina'), 'all of them are hers');
		await judge(baton, [...customers, nina, omar]); // fsck compares the list with the logs
	});

	test('that was put back or resolved by mistake can be taken again', async () => {
		const baton = await serve(simpleSet(provider.url, { models: ['ok#again'] }));
		const c = await customer(baton);
		await c.say('talk to a human');
		const nina = await agent(baton, 'nina', c.session), omar = await agent(baton, 'omar', c.session);
		for (let i = 0; i < 3; i++)
			for (const a of [nina, omar]) {
				await a.claim(c.session);
				await a.release(c.session, 'not mine');
			}
		await omar.claim(c.session);
		await omar.resolve(c.session);
		await c.say('no. talk to a human again');
		await nina.case(c.session, (k) => k.state === 'waiting');
		await nina.claim(c.session);
		await judge(baton, [c, nina, omar]);
	});
});
