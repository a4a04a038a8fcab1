// SPDX-License-Identifier: Apache-2.0
//
// maximhq/bifrost #5395: an error behind the first chunk of a 200 goes to the client as it came.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { simpleSet, speaking, write } from '../lib/policies.mjs';
import { CANARY, answerOf } from '../fault/provider.mjs';
import { customer, hostile, serve } from './stage.mjs';

const provider = await hostile();

for (const wire of ['chat', 'responses', 'messages', 'ollama'])
	for (const kind of wire === 'chat' ? ['data', 'event'] : ['data'])
		test(`${wire}: an error in the stream (${kind}) is never shown, and the fallback answers`, async () => {
			const models = [`B02#${wire}${kind},kind=${kind}`, `ok#${wire}${kind}`];
			const dir = simpleSet(provider.url, { models });
			if (wire !== 'chat')
				write(dir, { 'modules.yaml': { modules: [speaking(wire, new URL(provider.url).origin)] } });
			const baton = await serve(dir);
			const c = await customer(baton);
			const answer = await c.answer((await c.say('where is it?')).seq);
			assert.equal(answer.text, answerOf(models[1]));
			assert.ok(!JSON.stringify(c.frames).includes(CANARY), 'no provider\'s words on the wire');
			assert.deepEqual(c.errors(), []);
			const log = (await judge(baton, [c])).get(c.session);
			assert.ok(log.some((e) => e.type === 'model_failed' && e.data.shown_bytes > 0), 'it did fail in mid-answer');
		});
