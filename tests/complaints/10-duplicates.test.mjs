// SPDX-License-Identifier: Apache-2.0
//
// chatwoot #11901, #13144, #9314, fazer-ai/agents #499: events and replies come twice or out of order.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

describe('the same thing, sent often', { concurrency: 2 }, () => {
	test('by a customer on two connections and after a kill: one message, one answer', async () => {
		const model = 'ok#twice';
		const baton = await serve(simpleSet(provider.url, { models: [model] }));
		const c = await customer(baton);
		await c.answer((await c.say('hello')).seq);
		const other = new Customer(baton, { resume: c.resume, name: 'the same in another tab' });
		await other.connect();
		const frame = { t: 'msg', id: 'the-one', text: 'where is my order?' };
		const ack = (tab, n = 1) => tab.until(() => tab.frames.filter((f) => f.t === 'ack' && f.id === frame.id)[n - 1], 'ack');
		for (const tab of [c, other, c, other])
			tab.send(frame);
		const seqs = new Set([await ack(c), await ack(c, 2), await ack(other), await ack(other, 2)].map((f) => f.seq));
		assert.equal(seqs.size, 1);
		await c.answer([...seqs][0]);
		await baton.kill();
		await baton.start();
		for (const tab of [c, other]) {
			tab.cut();
			await tab.connect();
			tab.send(frame);
			assert.equal((await ack(tab, 3)).seq, [...seqs][0]);
		}
		assert.equal(provider.of(model).length, 2);
		const log = (await judge(baton, [c, other])).get(c.session);
		assert.equal(log.filter((e) => e.type === 'message_received').length, 2);
		assert.equal(log.filter((e) => e.type === 'answer_generated').length, 2);
	});

	test('by an agent: one reply; and every screen has the order of the log', async () => {
		const baton = await serve(simpleSet(provider.url, { models: ['ok#order'] }));
		const c = await customer(baton);
		await c.say('talk to a human');
		await c.event('case_queued');
		const nina = await agent(baton, 'nina', c.session), omar = await agent(baton, 'omar', c.session);
		await nina.claim(c.session);
		for (let i = 0; i < 10; i++) {
			for (let times = 0; times < 2; times++)
				nina.send({ t: 'reply', session: c.session, id: `r${i}`, text: `reply ${i}` });
			c.say(`word ${i}`);
			omar.send({ t: 'note', session: c.session, id: `n${i}`, text: 'a note' });
		}
		await c.until(() => c.screen.list('human').length === 10, 'all replies');
		assert.deepEqual(c.screen.list('human').map((m) => m.text), Array.from({ length: 10 }, (_, i) => `reply ${i}`));
		const last = c.screen.last;
		await omar.until(() => omar.screen(c.session).last >= last, 'the same');
		assert.deepEqual(omar.screen(c.session).list('human').map((m) => m.seq), c.screen.list('human').map((m) => m.seq));
		await judge(baton, [c, nina, omar]);
	});
});
