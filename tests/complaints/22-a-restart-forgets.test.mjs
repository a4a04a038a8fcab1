// SPDX-License-Identifier: Apache-2.0
//
// jwbron/egg #2987: a reload loses cool-downs, costs and streams. RasaHQ/rasa PR #11976: while the store is out, a
// conversation quietly becomes a new, empty one.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SLOW } from '../lib/baton.mjs';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { answerOf } from '../fault/provider.mjs';
import { admin, board, customer, hostile, serve, setOf } from './stage.mjs';

const provider = await hostile();

describe('what a restart must not forget', { concurrency: 2 }, () => {
	for (const how of ['stop', 'kill'])
		test(`after a ${how}: an open breaker, a closed account, the day's money, the conversation`, async () => {
			const models = [`S04#${how}`, `B05#${how}`, `ok#${how}`];
			const baton = await serve(setOf(provider.url, [{ model: models[0], breaker: { failures: 2, open: '60s', open_max: '60s' } },
				{ model: models[1] }, { model: models[2], in_usd_per_mtok: 10, out_usd_per_mtok: 10 }], { budgets: { day_usd: 5 } }));
			const c = await customer(baton);
			assert.equal((await c.answer((await c.say('my number is 4711')).seq)).text, answerOf(models[2]));
			const before = await board(await admin(baton));
			assert.ok(before.budget.spent_microusd > 0);
			await sleep(1500 * SLOW); // what calls did is saved once a second
			await baton[how]();
			await baton.start();
			c.cut();
			await c.connect();
			const control = await admin(baton);
			const now = await board(control);
			assert.equal(now.targets.find((t) => t.target === 't0').state, 'open');
			assert.equal(now.targets.find((t) => t.target === 't1').state, 'account_closed');
			assert.equal(now.budget.spent_microusd, before.budget.spent_microusd);
			const asked = models.map((model) => provider.of(model).length);
			await c.answer((await c.say('which number?')).seq);
			assert.deepEqual(models.map((model, i) => provider.of(model).length - asked[i]), [0, 0, 1], 'nobody learns it all again');
			assert.ok(JSON.stringify(provider.of(models[2]).at(-1).ask).includes('4711'), 'the conversation goes on');
			await judge(baton, [c]);
		});

	test('while the store refuses, so does the server; the conversation is the same one afterwards', async () => {
		const model = 'ok#11976';
		const baton = await serve(simpleSet(provider.url, { models: [model] }));
		const c = await customer(baton);
		await c.answer((await c.say('my number is 4711')).seq);
		const session = c.session;
		const limit = (bytes) => assert.equal(spawnSync('prlimit', ['--pid', String(baton.child.pid), `--fsize=${bytes}:unlimited`]).status, 0);
		limit(1);
		const refusal = await c.say('and now?', { id: 'kept' }).catch((error) => error);
		assert.match(String(refusal.code), /^store_/, 'it is not acknowledged');
		limit('unlimited');
		let ack = null;
		for (let i = 0; i < 40 && !ack; i++) {
			await sleep(200);
			ack = await c.say('and now?', { id: 'kept' }).catch(() => null);
		}
		await c.answer(ack.seq);
		assert.equal(c.session, session);
		assert.ok(JSON.stringify(provider.of(model).at(-1).ask).includes('4711'), 'nothing of it was forgotten');
		await judge(baton, [c]);
	});
});
