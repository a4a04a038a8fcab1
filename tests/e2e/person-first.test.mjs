// SPDX-License-Identifier: Apache-2.0
//
// "Talk to a human" works when nothing else does: no provider answers, no classifier, no rule and no
// retriever exists. Messages are still acknowledged and the case waits with its transcript.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider, CANARY } from '../fault/provider.mjs';

// A port that refuses connections: one that was just given back.
async function closedPort() {
	const server = http.createServer();
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	const { port } = server.address();
	await new Promise((go) => server.close(go));
	return port;
}

const FAILURES = {
	'every model fails': async (provider) => simpleSet(provider.url, { models: ['S04#a', 'S02#b'], route: { total_ms: 4000 } }),
	'nobody listens at the provider\'s address': async () => simpleSet(`http://127.0.0.1:${await closedPort()}/v1`, { models: ['ok', 'ok2'], route: { total_ms: 4000 } }),
	'the provider never says a word': async (provider) => simpleSet(provider.url, { models: ['S06#a'], route: { first_token_ms: 500, total_ms: 3000 } }),
	'there is no route but the default, and it is a person\'s': async (provider) => simpleSet(provider.url, { tier: 3 }),
};

for (const [name, set] of Object.entries(FAILURES))
	describe(name, () => {
		let provider, baton, nina;
		const clients = [];
		const customer = async () => { const c = new Customer(baton); clients.push(c); await c.connect(); return c; };
		before(async () => {
			provider = await new HostileProvider().start();
			baton = await Baton.start({ policies: await set(provider), env: KEY_ENV });
			nina = new Agent(baton, { token: AGENTS.nina, name: 'nina' });
			clients.push(nina);
			await nina.connect();
			await nina.desk();
		});
		after(async () => {
			await provider?.stop();
			if (baton?.alive)
				await baton.kill().catch(() => {});
		});

		test('intake acknowledges', async () => {
			const c = await customer();
			const began = performance.now();
			const ack = await c.say('where is my order?');
			assert.ok(ack.seq > 0);
			assert.ok(performance.now() - began < 2000, 'nobody waits for a model to be acknowledged');
		});

		test('a question ends with a person, in time and without a provider\'s words', async () => {
			const c = await customer();
			const began = performance.now();
			const ack = await c.say('where is my order?');
			const outcome = await c.outcome(ack.seq, 12000);
			assert.equal(outcome.name, 'baton.case_queued');
			assert.equal(outcome.value.text, SAYS.handed_over);
			assert.ok(performance.now() - began < 8000, 'the route\'s total time is kept');
			await nina.case(c.session, (k) => k.state === 'waiting');
			assert.ok(!JSON.stringify(c.frames).includes(CANARY));
			assert.deepEqual(c.errors(), []);
		});

		test('a person by verb, at once', async () => {
			const c = await customer();
			const began = performance.now();
			c.send({ t: 'human', id: 'h1', reason: 'now' });
			await c.event('case_queued');
			assert.ok(performance.now() - began < 2000);
			await nina.case(c.session);
		});

		for (const words of ['I want to talk to a human', 'agent please!', 'Can I speak with a real person?'])
			test(`a person by words, at once: ${words}`, async () => {
				const c = await customer();
				await c.say(words);
				await c.event('case_queued');
				const kase = await nina.case(c.session, (k) => k.state === 'waiting');
				assert.ok(kase.preview.includes(words));
				// Others are asked about, and a broken model is probed: of these words nobody hears.
				assert.ok(!JSON.stringify(provider.log.map((entry) => entry.ask)).includes(words), 'no model has a say in it');
			});

		test('an agent answers the customer', async () => {
			const c = await customer();
			c.send({ t: 'human' });
			await c.event('case_queued');
			await nina.case(c.session);
			await nina.follow(c.session);
			await nina.claim(c.session);
			await nina.reply(c.session, 'I am here.');
			await c.until(() => c.screen.list('human').length === 1, 'reply');
		});

		test('the server says that it is ready: intake works', async () => {
			assert.equal((await baton.http('/readyz')).status, 200);
			assert.equal((await baton.http('/livez')).status, 200);
		});

		test('the store agrees with what everybody did and saw', async () => {
			await judge(baton, clients);
			assertFramesValid();
		});
	});
