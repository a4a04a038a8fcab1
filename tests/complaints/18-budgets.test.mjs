// SPDX-License-Identifier: Apache-2.0
//
// BerriAI/litellm #26672, #40095, #38176, #41344: budgets are got around: by many at the same time, by another
// endpoint, by a free model whose fallback costs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { answerOf } from '../fault/provider.mjs';
import { admin, board, customer, hostile, serve, setOf } from './stage.mjs';

const provider = await hostile();
const PAID = { in_usd_per_mtok: 1, out_usd_per_mtok: 20, max_output_tokens: 500 }; // a call: 0.0103 at worst

describe('budgets', { concurrency: 3 }, () => {
	test('many at the same time spend no more than one after the other', async () => {
		const models = ['ok#26672-paid,gap=30', 'ok#26672-free'];
		const baton = await serve(setOf(provider.url, [{ model: models[0], ...PAID }, { model: models[1] }],
			{ budgets: { day_usd: 0.025 } }));
		const control = await admin(baton);
		const customers = await Promise.all(Array.from({ length: 8 }, () => customer(baton)));
		const seqs = await Promise.all(customers.map((c) => c.say('hello?')));
		const answers = await Promise.all(customers.map((c, i) => c.answer(seqs[i].seq)));
		assert.equal(provider.of(models[0]).length, 2, 'as many as fit at their worst');
		assert.equal(answers.filter((a) => a.text === answerOf(models[1])).length, 6, 'the others get the free one');
		const { budget } = await board(control);
		assert.ok(budget.spent_microusd > 0 && budget.spent_microusd <= 25000, JSON.stringify(budget));
		assert.equal(budget.reserved_microusd, 0);
		await judge(baton, customers);
	});

	test('a free model does not open the purse of its fallback', async () => {
		const models = ['S04#38176', 'ok#38176-paid'];
		const baton = await serve(setOf(provider.url, [{ model: models[0] }, { model: models[1], account: 'paid', ...PAID }],
			{ budgets: { accounts: [{ account: 'paid', day_usd: 0.011 }] } }));
		const c = await customer(baton);
		assert.equal((await c.answer((await c.say('hello?')).seq)).text, answerOf(models[1]), 'one fits at its worst');
		assert.equal((await c.outcome((await c.say('and?')).seq)).name, 'baton.case_queued');
		assert.equal(provider.of(models[1]).length, 1, 'what is left is not enough for another one');
		await judge(baton, [c]);
	});

	test('two targets of one account have one purse', async () => {
		const models = ['ok#40095-a', 'ok#40095-b', 'ok#40095-free'];
		const baton = await serve(setOf(provider.url, [{ model: models[0], account: 'paid', ...PAID, in_usd_per_mtok: 20 },
			{ model: models[1], account: 'paid', ...PAID, in_usd_per_mtok: 20 }, { model: models[2] }],
		{ budgets: { accounts: [{ account: 'paid', day_usd: 0.018 }] } }));
		const control = await admin(baton);
		const c = await customer(baton);
		let paid = 0;
		for (let i = 0; i < 8; i++)
			paid += (await c.answer((await c.say(`question ${i}`)).seq)).text !== answerOf(models[2]);
		assert.ok(paid >= 1 && paid < 8, `${paid} were paid for`);
		const purse = (await board(control)).accounts.find((a) => a.account === 'paid');
		assert.ok(purse.spent_microusd <= 18000 && purse.exhausted, JSON.stringify(purse));
		const spent = (await judge(baton, [c])).get(c.session).filter((e) => e.type === 'answer_generated')
			.reduce((sum, e) => sum + (e.data.cost_microusd ?? 0), 0);
		assert.equal(spent, purse.spent_microusd, 'the transcript and the purse agree');
	});
});
