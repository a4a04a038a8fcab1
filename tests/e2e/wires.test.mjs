// SPDX-License-Identifier: Apache-2.0
//
// The wires beside Chat Completions (Responses, Ollama's own, Messages): a primary that fails in every way
// that is decided at once, a healthy fallback on the same wire. Asserted of every row: the class in the
// transcript is the one of the catalogue, whoever answers answers whole, and no provider's words are shown.
// Attempts and times are faults.test.mjs's; they do not depend on the wire.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, simpleSet, speaking, write } from '../lib/policies.mjs';
import { HostileProvider, CANARY, answerOf } from '../fault/provider.mjs';

// How the first attempt fails, by the name in `model_failed`; null: the primary answers.
const ROWS = {
	ok: null,
	S01: 'rate_limited', S02: 'rate_limited', S03: 'server', S04: 'overloaded', S05: 'connect',
	S08: 'truncated', S10: null, 'S11,end=1': null, S12: 'context_too_long', S13: 'refused',
	B02: 'overloaded', 'B02,kind=event': 'overloaded', B03: 'empty', 'B03,kind=length': 'empty',
	B05: 'access', 'B05,status=403': 'access', B06: 'quota', 'B06,status=400': 'quota', B07: 'model_gone',
	B08: 'protocol', 'B08,kind=redirect': 'protocol', 'B08,kind=error': 'server', 'B08,kind=type': /protocol|truncated/,
	'B08,kind=huge': 'protocol', 'B08,kind=line': 'protocol',
	'B09,kind=split': null, 'B09,kind=surrogate': null, 'B09,kind=invalid': 'protocol',
};

const provider = await new HostileProvider().start();
after(() => provider.stop());

function assertWhole(model, text, fail) {
	if (model.startsWith('B09') && fail === null)
		assert.ok(text.includes('\u{1F600}'), 'the character arrived whole');
	else
		assert.ok([answerOf(model), answerOf('ok')].includes(text), text);
}

async function drill(wire, row, fail) {
	const model = row.replace(/(?=,|$)/, `#${wire}`); // the provider counts by name
	const policies = simpleSet(provider.url, { models: [model, 'ok'], route: { first_token_ms: 2500, stall_ms: 2500 },
		files: { 'modules.yaml': { modules: [speaking(wire, provider.base)] } } });
	const baton = await Baton.start({ policies, env: KEY_ENV, workers: 1 });
	try {
		const c = new Customer(baton);
		await c.connect();
		const from = provider.log.length;
		const outcome = await c.outcome((await c.say('where is my order?')).seq, 32000);
		if (!outcome.name)
			assertWhole(model, outcome.text, fail);
		assert.equal(Boolean(outcome.name), row === 'S13', 'a person only where nobody may be asked');
		assert.ok(!JSON.stringify(c.frames).includes(CANARY), 'no provider\'s words');
		assert.ok(provider.log.slice(from).filter((entry) => entry.model === model).every((entry) => entry.wire === wire));
		const log = (await judge(baton, [c])).get(c.session);
		const failed = log.filter((event) => event.type === 'model_failed');
		if (fail === null)
			assert.deepEqual(failed.map((event) => event.data.fail), []);
		else
			assert.match(failed[0].data.fail, fail instanceof RegExp ? fail : new RegExp(`^${fail}$`));
		const answer = log.find((event) => event.type === 'answer_generated');
		if (answer && !row.startsWith('B09'))
			assert.deepEqual([answer.data.in_tokens, answer.data.out_tokens], [100, 60], 'usage is the provider\'s');
	} finally {
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
}

for (const wire of ['responses', 'ollama', 'messages'])
	describe(wire, { concurrency: 3 }, () => {
		for (const [row, fail] of Object.entries(ROWS))
			test(`${wire} ${row}: ${fail ?? 'answered'}`, () => drill(wire, row, fail));
	});

// --- an answer that another model goes on with ---

// The primary is cut in the middle; `second` goes on where it is able to, on its wire.
async function rescue(wire, second, { prefill = true, able = true } = {}) {
	const entry = speaking(wire, provider.base);
	const policies = simpleSet(provider.url, { models: ['S08', second], files: {
		'modules.yaml': { modules: [{ ...entry, config: { ...entry.config, ...(prefill ? { prefill } : {}) } }] } } });
	const account = (i) => ({ name: `t${i}`, provider: 'openai', account: `account${i}`, prompt: 'assistant', max_output_tokens: 500 });
	write(policies, { 'targets.yaml': { targets: [{ ...account(0), model: `S08#${wire}${second}` }, { ...account(1), model: second, can_continue: able }] } });
	const baton = await Baton.start({ policies, env: KEY_ENV, workers: 1 });
	try {
		const c = new Customer(baton);
		await c.connect();
		const outcome = await c.outcome((await c.say('where is my order?')).seq, 32000);
		assert.ok(!JSON.stringify(c.frames).includes(CANARY), 'no provider\'s words');
		assert.equal(c.screen.list('bot').length, 1, 'one answer is on the screen');
		await judge(baton, [c]);
		return { text: outcome.text, superseded: Boolean(c.screen.event('answer_superseded')) };
	} finally {
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
}

describe('an answer that was cut', { concurrency: 3 }, () => {
	for (const wire of ['chat', 'ollama', 'messages']) {
		for (const model of [`continues#${wire}`, `continues#${wire},echo=1`])
			test(`${wire} ${model}: goes on where it was cut`, async () => {
				const { text, superseded } = await rescue(wire, model);
				assert.equal(text, answerOf(`S08#${wire}${model.split(',')[0]}`).replace(/^\[\S+\]/, text.split(' ')[0]));
				assert.equal(superseded, false, 'nothing was withdrawn');
			});
		test(`${wire}: begins anew where the model refuses to go on`, async () => {
			const { text, superseded } = await rescue(wire, 'noprefill');
			assert.equal(text, answerOf('noprefill'));
			assert.equal(superseded, true);
		});
	}
});
