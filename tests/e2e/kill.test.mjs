// SPDX-License-Identifier: Apache-2.0
//
// kill -9 under load: customers write, an agent works, the server dies at a random moment and comes
// back, KILLS times. In the end nothing that was acknowledged is missing, nothing is there twice,
// nothing is out of order, and every message has found its outcome.
//
// SEED repeats the times of the kills; the machine decides the rest.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton, SLOW } from '../lib/baton.mjs';
import { Agent, Customer, Refused } from '../lib/client.mjs';
import { assertFsck, judge } from '../lib/judge.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const KILLS = Number(process.env.KILLS ?? 50);
const CUSTOMERS = Number(process.env.CUSTOMERS ?? 20);
const SEED = Number(process.env.SEED ?? Date.now() % 1e9);
const WORKERS = (process.env.WORKERS ?? '1,3').split(',').map(Number);

// xorshift32: the same seed gives the same kills.
function randomOf(seed) {
	let x = seed || 1;
	return () => {
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		return (x >>> 0) / 2 ** 32;
	};
}

let provider;
before(async () => { provider = await new HostileProvider().start(); });
after(() => provider.stop());

async function chatter(customer, state, random) {
	const canary = `canary-${customer.name.replace(/\W/g, '')}`;
	await customer.connect();
	for (let n = 0; !state.stop; n++) {
		const words = n % 17 === 16 ? `I want to talk to a human ${canary}` : `message ${n} of ${customer.name} ${canary}`;
		await Promise.race([customer.say(words, { canary }), state.stopped]);
		await sleep(30 + random() * 250);
	}
}

// Takes what waits, says a word and gives it back, so that sessions go through all owners.
async function serve(nina, state) {
	await nina.connect();
	nina.watches = true;
	nina.send({ t: 'desk' });
	while (!state.stop) {
		try {
			const kase = await nina.until(() => [...nina.cases.values()].find((k) => k.state === 'waiting') || state.stop, 'case', 2000);
			if (kase === true)
				return;
			nina.cases.delete(kase.session);
			if (!nina.open.has(kase.session))
				await nina.follow(kase.session);
			await nina.claim(kase.session);
			await nina.reply(kase.session, 'here I am');
			await nina.handback(kase.session);
		} catch (error) {
			if (state.stop)
				return;
			if (!(error instanceof Refused))
				await sleep(100); // the server was gone: the case comes again after the reconnect
			await nina.until(() => nina.ws.readyState === 1 || state.stop, 'connection', 30000).catch(() => {});
			nina.cases.clear();
			if (nina.ws.readyState === 1)
				nina.send({ t: 'desk' });
		}
	}
}

function gather(customers, nina) {
	return { acked: customers.flatMap((c) => c.ops).filter((op) => op.acked !== null).length,
		replies: nina.ops.filter((op) => op.acked !== null).length,
		reconnects: customers.reduce((sum, c) => sum + c.connects - 1, 0) };
}

// Everything acknowledged, and then nothing more to hear: open turns have ended.
async function settle(customers) {
	for (const c of customers)
		await Promise.all([...c.outbox.values()].map((op) => op.done));
	const heard = () => customers.reduce((sum, c) => sum + c.frames.length, 0);
	for (let i = 0, before = -1; i < 30 && heard() !== before; i++) {
		before = heard();
		await sleep(1000 * SLOW);
	}
}

for (const workers of WORKERS)
	test(`${Math.ceil(KILLS / WORKERS.length)} times kill -9, ${CUSTOMERS} customers, ${workers} workers (SEED=${SEED})`, async (t) => {
		const random = randomOf(SEED + workers);
		const policies = simpleSet(provider.url, { models: ['ok,tokens=20,gap=5'] });
		const baton = await Baton.start({ policies, workers, env: KEY_ENV });
		const customers = Array.from({ length: CUSTOMERS }, (_, i) => new Customer(baton, { name: `kill-${workers}-${i}`, auto: true }));
		const nina = new Agent(baton, { token: AGENTS.nina, name: 'nina', auto: true });
		const state = { stop: false };
		state.stopped = new Promise((go) => { state.go = go; });
		const failures = [];
		const work = [...customers.map((c) => chatter(c, state, random)), serve(nina, state)]
			.map((w) => w.catch((error) => failures.push(error)));
		// Who has never been in has nothing to come back to; on a busy machine that takes its time.
		for (let i = 0; i < 500 && failures.length === 0 && ![...customers, nina].every((c) => c.welcomed); i++)
			await sleep(20);
		const back = [];
		for (let kill = 0; kill < Math.ceil(KILLS / WORKERS.length); kill++) {
			await sleep(50 + random() * 700);
			await baton.kill();
			await baton.start();
			back.push(baton.ready_ms);
			assert.deepEqual(failures, []);
		}
		await sleep(1500);
		state.stop = true;
		state.go();
		await Promise.all(work);
		assert.deepEqual(failures, []);
		await settle(customers);
		const counts = gather(customers, nina);
		back.sort((a, b) => a - b);
		t.diagnostic(`${JSON.stringify(counts)}, back after ${Math.round(back[back.length >> 1])} ms (median), ${Math.round(back.at(-1))} ms (worst)`);
		assert.ok(counts.acked > KILLS * 2, 'there was work under way');
		assert.ok(counts.reconnects >= CUSTOMERS, 'connections were lost');
		await judge(baton, [...customers, nina]);
		assertFsck(baton);
		assertFramesValid();
	});
