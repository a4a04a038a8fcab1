// SPDX-License-Identifier: Apache-2.0
//
// chatwoot PR #13336 (review): handing over starts the waiting clock, and with it the promise, anew.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from '../lib/judge.mjs';
import { desk, simpleSet } from '../lib/policies.mjs';
import { agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

function promising(tag) {
	const d = desk();
	for (const queue of d.queues)
		queue.first_reply = '5m';
	return simpleSet(provider.url, { models: [`ok#${tag}`], files: { 'desk.yaml': d } });
}

describe('the clock of who waits', { concurrency: 2 }, () => {
	test('begins with the first unanswered words, and no hand-over, release, transfer or kill begins it anew', async () => {
		const baton = await serve(promising('clock'));
		const c = await customer(baton);
		const { seq } = await c.say('talk to a human');
		const nina = await agent(baton, 'nina', c.session);
		const first = await nina.case(c.session, (k) => k.state === 'waiting');
		const said = Number(nina.screen(c.session).messages.size) && first.waiting_since_ms;
		assert.ok(said > 0 && first.due_ms === said + 300000, JSON.stringify(first));
		const same = async (what, test = () => true) => {
			const k = await nina.case(c.session, test);
			assert.equal(k.waiting_since_ms, said, what);
			assert.equal(k.due_ms, first.due_ms, what);
		};
		await sleep(30);
		await nina.claim(c.session);
		await same('claimed', (k) => k.state === 'claimed');
		await sleep(30);
		await nina.release(c.session, 'lunch');
		await same('released', (k) => k.state === 'waiting');
		await nina.claim(c.session);
		await nina.act({ t: 'transfer', session: c.session, queue: 'billing', reason: 'a refund' },
			(f) => f.t === 'ev' && f.ev.name === 'baton.case_transferred');
		await same('transferred', (k) => k.queue === 'billing');
		await c.say('is anybody there?');
		await same('said again');
		await baton.kill();
		await baton.start();
		nina.cut();
		nina.cases.clear();
		await nina.connect();
		await same('killed', (k) => k.state === 'waiting');
		await nina.follow(c.session, seq);
		await nina.claim(c.session);
		await nina.reply(c.session, 'Here I am.');
		const { unanswered_ms } = await nina.case(c.session, (k) => k.waiting_since_ms === 0);
		assert.equal(unanswered_ms, undefined, 'a reply of a person ends it');
		await judge(baton, [c, nina]);
	});
});
