// SPDX-License-Identifier: Apache-2.0
//
// chatwoot/chatwoot #11681, PR #14355: there is no way to a person that is certain.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { SAYS, openai, simpleSet } from '../lib/policies.mjs';
import { admin, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();
const MODES = [{ name: 'hold', do: 'pause', max_duration: '1h', say: 'We keep your message.' }];
const WAYS = {
	'by the verb': (c) => c.send({ t: 'human' }),
	'by words': (c) => c.say('I want to talk to a human'),
	'by words of another language': (c) => c.say('Ich möchte mit einem Menschen sprechen'),
};

describe('every provider is down, every target is off, a mode keeps messages, a classifier hangs', { concurrency: 3 }, () => {
	for (const [name, ask] of Object.entries(WAYS))
		test(`a person can be had ${name}, at once`, async () => {
			const baton = await serve(simpleSet(provider.url, { models: ['S06#a', 'S04#b'], modes: MODES,
				files: { 'modules.yaml': { modules: [openai(provider.url)] } } }));
			const control = await admin(baton);
			await control.do('target.disable', { target: 't0' });
			await control.do('target.disable', { target: 't1' });
			await control.do('mode.enter', { mode: 'hold' });
			const c = await customer(baton);
			const { seq } = await c.say('hello?');
			await c.event('message_captured');
			const began = performance.now();
			await ask(c);
			const queued = await c.event('case_queued', seq);
			assert.ok(performance.now() - began < 1500, 'nobody waits for a model');
			assert.equal(queued.value.text, SAYS.handed_over);
			assert.equal(provider.log.length, 0, 'no model has a say in it');
			await judge(baton, [c]);
		});

	test('in mid-answer, too: what the bot was saying is taken back', async () => {
		const other = await hostile();
		const baton = await serve(simpleSet(other.url, { models: ['ok#talks,gap=100'] }));
		const c = await customer(baton);
		await c.say('hello?');
		await c.until(() => [...c.screen.messages.values()].some((m) => m.pieces > 3), 'some words');
		c.send({ t: 'human' });
		await c.event('case_queued');
		assert.deepEqual(c.screen.list('bot'), []);
		assert.ok(c.screen.event('answer_superseded'));
		await judge(baton, [c]);
	});
});
