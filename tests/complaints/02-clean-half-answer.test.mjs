// SPDX-License-Identifier: Apache-2.0
//
// Portkey-AI/gateway #1797: the upstream drops in mid-answer, the gateway closes in an orderly way with
// status 200, and half of an answer looks complete.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { FINISH, customer, provider, say, serve, words } from './stage.mjs';

const HALF = 'Your order was sent, but you must not', WHOLE = 'It is on its way.';

test('half an answer that ends politely is no answer: it is taken back, and the fallback answers whole', async () => {
	const upstream = await provider((req, res, ask) => {
		say(res, words(ask.model === 'half' ? HALF : WHOLE), ask.model === 'half' ? '' : FINISH);
		res.end();
	});
	const baton = await serve(simpleSet(upstream.url, { models: ['half', 'whole'] }));
	const c = await customer(baton);
	const answer = await c.answer((await c.say('where is it?')).seq);
	assert.equal(answer.text, WHOLE);
	assert.equal(c.screen.event('answer_superseded').value.bytes ?? HALF.length, HALF.length);
	const log = (await judge(baton, [c])).get(c.session);
	assert.equal(log.find((e) => e.type === 'model_failed').data.fail, 'truncated');
	assert.equal(log.filter((e) => e.type === 'answer_generated').length, 1);
});

test('with nobody else to ask, a person gets it, and no bubble stays', async () => {
	const upstream = await provider((req, res) => { say(res, words(HALF)); res.end(); });
	const baton = await serve(simpleSet(upstream.url, { models: ['half'] }));
	const c = await customer(baton);
	const outcome = await c.outcome((await c.say('where is it?')).seq);
	assert.equal(outcome.name, 'baton.case_queued');
	assert.deepEqual(c.screen.list('bot'), []);
	assert.ok(!c.screen.list().some((m) => m.text.includes(HALF)));
	await judge(baton, [c]);
});
