// SPDX-License-Identifier: Apache-2.0
//
// A canary judges itself: a good one goes live, one that fails goes back, customers notice neither, and
// what went back is not tried again by itself for a while.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Baton, SLOW } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { on, operations, releases, soon } from '../lib/releases.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const CANARY = { share: 0.5, min_turns: 24, max_fail_delta: 0.25, max_escalation_delta: 0.5, max_p95_ratio: 0, for: '5m', quiet: '1h' };
const open = [];
let provider;
before(async () => { provider = await new HostileProvider().start(); });
after(async () => {
	await provider?.stop();
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});

async function start(canary = {}) {
	const policies = simpleSet(provider.url, { files: { 'releases.yaml': { canary: { ...CANARY, ...canary } } } });
	const baton = await Baton.start({ policies, env: KEY_ENV, args: ['--no-rate-limit'] });
	open.push(baton);
	return baton;
}

function setModel(baton, model) {
	writeFileSync(path.join(baton.policies, 'targets.yaml'),
		JSON.stringify({ targets: [{ name: 't0', provider: 'openai', model, account: 'account0', prompt: 'assistant', max_output_tokens: 500 }] }));
}

// Customers ask until `enough` says so; each gets an answer, and no error.
async function traffic(baton, enough) {
	const sessions = [];
	for (let round = 0; round < 40 && !enough(); round++)
		await Promise.all(Array.from({ length: 8 }, async () => {
			const who = new Customer(baton);
			await who.connect();
			const { seq } = await who.say('Where is my order?');
			assert.match((await who.answer(seq, 20000 * SLOW)).text, /^\[ok/);
			assert.equal(who.errors().length, 0);
			sessions.push(who.session);
			await who.end?.();
		}));
	return sessions;
}

const told = (events, state) => events.filter((e) => e.type === 'release_changed').map((e) => e.data).find((d) => d.state === state && d.cause === 'canary');

test('a good one goes live by itself, with the numbers', async () => {
	const baton = await start();
	const was = releases(baton).live;
	setModel(baton, 'ok#new');
	assert.equal(on(baton, 'reload', '--canary', '50%').code, 0);
	const { canary } = releases(baton);
	assert.equal(canary.verdict, 'wait');
	assert.equal(canary.turns.min, 24);
	await traffic(baton, () => releases(baton).candidate === null);
	await soon(() => releases(baton).live === was + 1, 'its promotion');
	const events = await operations(baton, (all) => told(all, 'live'));
	assert.match(told(events, 'live').why, /^\d+ turns: 0\.0 % failed \(live 0\.0 %\), .* within all limits$/);
	await baton.stop();
});

test('one that fails each time goes back by itself, and nobody has noticed', async () => {
	const baton = await start({ automatic: true });
	const was = releases(baton).live;
	setModel(baton, 'S04#broken');
	const out = on(baton, 'reload');
	assert.match(out.stdout, /as a canary/, out.stderr);
	const sessions = await traffic(baton, () => releases(baton).candidate === null);
	assert.equal(releases(baton).live, was);
	const events = await operations(baton, (all) => told(all, 'rolled_back'));
	assert.match(told(events, 'rolled_back').why, /^(\d+) of \1 turns failed, 100\.0 %; on the live release 0\.0 %|^\d+ of \d+ turns failed/);

	// Not again by itself, and not live instead; by hand it may.
	setModel(baton, 'S04#again');
	const soonAgain = on(baton, 'reload');
	assert.equal(soonAgain.code, 1, soonAgain.stdout);
	assert.match(soonAgain.stderr, /the last canary was rolled back, and none begins by itself for another \d+ s/);
	assert.equal(releases(baton).live, was);
	assert.equal(releases(baton).candidate, null);
	assert.equal(on(baton, 'reload', '--canary', '10%').code, 0);
	assert.equal(on(baton, 'rollback').code, 0);
	assert.equal(releases(baton).live, was);
	await baton.stop();

	const moved = [...baton.transcripts(sessions).values()].filter((log) => log.some((e) => e.type === 'turn_moved'));
	assert.ok(moved.length >= 8, `${moved.length} turns were moved`);
	assert.ok(moved.length < sessions.length, 'and not all');
});
