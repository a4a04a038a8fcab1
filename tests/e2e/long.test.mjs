// SPDX-License-Identifier: Apache-2.0
//
// A conversation that does not fit into a connection's queue (256 KiB): who opens it gets all of it,
// in pieces, also while more comes; who does not read for a while gets it afterwards.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton, SLOW } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const MESSAGES = 60; // of 8000 bytes: 480 KB

let provider, baton, customer, nina;
before(async () => {
	provider = await new HostileProvider().start();
	baton = await Baton.start({ policies: simpleSet(provider.url), workers: 2, env: KEY_ENV });
	customer = new Customer(baton);
	await customer.connect();
	customer.send({ t: 'human' });
	for (let i = 0; i < MESSAGES; i++) {
		await customer.say(`${'x'.repeat(7990)}${i}`);
		await sleep(50); // below the rate limit
	}
	nina = new Agent(baton, { token: AGENTS.nina, name: 'nina' });
	await nina.connect();
});
after(async () => {
	await customer.end();
	await nina.end();
	await baton.stop();
	await provider.stop();
	assertFramesValid();
});

const seqs = (view) => view.frames.filter((f) => f.seq).map((f) => f.seq);
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);

test('a conversation longer than the queue is read to its end, each event once', async () => {
	const { seq } = await nina.follow(customer.session);
	assert.ok(seq > MESSAGES);
	assert.deepEqual(seqs(nina.open.get(customer.session)), upTo(seq));
});

test('who stops reading misses nothing of what happened meanwhile', async () => {
	const omar = new Agent(baton, { token: AGENTS.omar, name: 'omar' });
	await omar.connect();
	const view = { session: customer.session, viewer: 'omar', role: 'agent', after: 0, frames: [] };
	omar.open.set(customer.session, view);
	omar.ws._socket.pause();
	omar.send({ t: 'open', session: customer.session });
	await nina.claim(customer.session);
	for (let i = 0; i < 5; i++)
		await nina.reply(customer.session, `${'y'.repeat(7990)}${i}`);
	const want = Math.max(...nina.frames.filter((f) => f.t === 'ack').map((f) => f.seq));
	omar.ws._socket.resume();
	await omar.until(() => seqs(view).at(-1) >= want, `event ${want}`, 8000 * SLOW);
	assert.deepEqual(seqs(view), upTo(want));
	await omar.end();
});
