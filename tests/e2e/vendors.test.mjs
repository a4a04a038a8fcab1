// SPDX-License-Identifier: Apache-2.0
//
// Every wire and the Azure dialect against an independent mock of the vendors (aimock): somebody else's idea
// of what these APIs say, so that a misreading of ours is not confirmed by a provider of ours.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LLMock } from '@copilotkit/aimock';
import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, simpleSet, speaking, write } from '../lib/policies.mjs';

const TEXT = 'Your order "A-1" left our depot.\nIt costs 5 \u20ac less \u{1F600}, \\o/ <b>really</b>.';
const SPOKEN = ['chat', 'responses', 'ollama', 'messages', 'azure'];
let mock;

before(async () => {
	mock = new LLMock({ port: 0, chunkSize: 7 });
	mock.on({ model: /^healthy/ }, { content: TEXT });
	mock.on({ model: /^thinks/ }, { content: TEXT, reasoning: 'SECRET-THOUGHT about it' });
	mock.on({ model: /^long/ }, { content: TEXT, finishReason: 'length' });
	mock.on({ model: /^cut/ }, { content: TEXT }, { truncateAfterChunks: 6, latency: 15 });
	mock.on({ model: /^rate/ }, { error: { message: 'VENDOR-WORDS slow down', type: 'rate_limit_error', code: 'rate_limit_exceeded' }, status: 429 });
	mock.on({ model: /^down/ }, { error: { message: 'VENDOR-WORDS overloaded', type: 'overloaded_error' }, status: 503 });
	mock.on({ model: /^key/ }, { error: { message: 'VENDOR-WORDS bad key', type: 'authentication_error' }, status: 401 });
	await mock.start();
});
after(() => mock.stop());

function entry(wire) {
	if (wire !== 'azure')
		return speaking(wire, mock.url);
	const chat = speaking('chat', mock.url);
	return { ...chat, config: { dialect: 'azure', base_url: mock.url, secret: 'TEST_KEY' } };
}

async function ask(wire, model, config = {}) {
	const module = entry(wire);
	const policies = simpleSet(`${mock.url}/v1`, { models: [model, 'healthy-second'],
		files: { 'modules.yaml': { modules: [{ ...module, config: { ...module.config, ...config } }] } } });
	const account = (i) => ({ name: `t${i}`, provider: 'openai', account: `a${i}`, prompt: 'assistant', max_output_tokens: 500 });
	write(policies, { 'targets.yaml': { targets: [{ ...account(0), model }, { ...account(1), model: 'healthy-second' }] } });
	const baton = await Baton.start({ policies, env: KEY_ENV, workers: 1 });
	try {
		const c = new Customer(baton);
		await c.connect();
		const { text } = await c.answer((await c.say('where is my order?')).seq);
		assert.doesNotMatch(JSON.stringify(c.frames), /VENDOR-WORDS|SECRET-THOUGHT/);
		const log = (await judge(baton, [c])).get(c.session);
		return { text, failed: log.filter((event) => event.type === 'model_failed').map((event) => event.data.fail),
			answer: log.find((event) => event.type === 'answer_generated')?.data };
	} finally {
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
}

for (const wire of SPOKEN)
	describe(wire, { concurrency: 3 }, () => {
		for (const model of ['healthy', 'thinks', 'long'])
			test(`${wire} ${model}: the whole text, and nothing else`, async () => {
				const { text, failed, answer } = await ask(wire, `${model}-${wire}`);
				assert.equal(text, TEXT);
				assert.deepEqual(failed, []);
				assert.ok(answer.out_tokens > 0);
			});
		test(`${wire}: an answer that is not streamed`, async () => {
			const { text, failed } = await ask(wire, `healthy-${wire}`, { stream: false });
			assert.equal(text, TEXT);
			assert.deepEqual(failed, []);
		});
		for (const [model, fail] of Object.entries({ cut: 'truncated', rate: 'rate_limited', down: 'overloaded', key: 'access' }))
			test(`${wire} ${model}: ${fail}, the fallback answers`, async () => {
				const { text, failed } = await ask(wire, `${model}-${wire}`);
				assert.equal(text, TEXT);
				assert.equal(failed[0], fail);
			});
	});
