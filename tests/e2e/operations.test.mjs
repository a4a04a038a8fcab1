// SPDX-License-Identifier: Apache-2.0
//
// What an operator lives with: a stop that drains, a disk that is full for a while, metrics that
// Prometheus takes, transcripts that are whole, logs without a customer's words.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, SLOW, run } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { assertFsck, judge } from '../lib/judge.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

let provider;
const open = [];
before(async () => { provider = await new HostileProvider().start(); });
after(async () => {
	await provider?.stop();
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});

async function start(model, options = {}) {
	const baton = await Baton.start({ policies: simpleSet(provider.url, { models: [model] }), env: KEY_ENV, ...options });
	open.push(baton);
	return baton;
}

describe('SIGTERM', () => {
	test('an open answer is finished, then everybody is told when to come back', async () => {
		const baton = await start('ok,tokens=20,gap=60');
		const [c, idle] = [new Customer(baton), new Customer(baton)];
		await c.connect();
		await idle.connect();
		const { seq } = await c.say('Where is it?');
		await c.until(() => [...c.screen.messages.values()].some((m) => m.pieces > 2), 'the first words');
		baton.child.kill('SIGTERM');
		assert.match((await c.answer(seq)).text, /word18 <end>$/);
		for (const who of [c, idle]) {
			const bye = await who.until(() => who.frames.find((f) => f.t === 'bye'), 'bye');
			assert.equal(bye.reason, 'drain');
			assert.ok(bye.reconnect_after_ms >= 500 && bye.reconnect_after_ms <= 5000, `${bye.reconnect_after_ms}`);
		}
		await baton.stop();
		await judge(baton, [c]);
	});

	test('an answer that takes too long is taken up by the next start', async () => {
		const baton = await start('ok,tokens=40,gap=200', { args: ['--grace', '1'] });
		const c = new Customer(baton, { auto: true });
		await c.connect();
		const { seq } = await c.say('Where is it?');
		const began = performance.now();
		await baton.stop();
		assert.ok(performance.now() - began < 4000 * SLOW, 'the grace has an end');
		await baton.start();
		assert.ok((await c.answer(seq, 20000 * SLOW)).text.length > 0);
		await baton.stop();
		const types = baton.transcript(c.session).map((e) => e.type);
		assert.ok(types.includes('turn_restarted'), types.join(' '));
		assert.equal(types.filter((t) => t === 'answer_generated').length, 1);
	});
});

describe('a full disk', () => {
	test('nothing is acknowledged, nothing is lost, and it goes on when there is space', async () => {
		const baton = await start('ok');
		const c = new Customer(baton);
		await c.connect();
		const first = await c.say('before');
		await c.answer(first.seq);
		const limit = (bytes) => assert.equal(spawnSync('prlimit', ['--pid', String(baton.child.pid), `--fsize=${bytes}:unlimited`]).status, 0);
		// No file may grow: the journal's next page has nowhere to go.
		limit(1);
		const refusal = await c.say('while it is full', { id: 'kept' }).then(() => null, (error) => error);
		assert.ok(refusal, 'it was acknowledged');
		assert.match(refusal.code, /^store_(full|error)$/);
		assert.equal(refusal.frame.retryable, true);
		const health = await baton.http('/readyz');
		assert.equal(health.status, 503);
		assert.equal((await baton.http('/livez')).status, 200);
		limit('unlimited');
		let again;
		for (let i = 0; i < 30 && !again; i++) {
			await sleep(200);
			again = await c.say('while it is full', { id: 'kept' }).catch(() => null);
		}
		assert.ok(again, 'it never recovered');
		await c.answer(again.seq);
		assert.equal((await baton.http('/readyz')).status, 200);
		await baton.stop();
		const stored = baton.transcript(c.session).filter((e) => e.type === 'message_received').map((e) => e.data.text);
		assert.deepEqual(stored, ['before', 'while it is full']);
		const both = (ids) => run(['transcript', '-', '--data', baton.data], { input: `${ids.join('\n')}\n` });
		const one = `${c.session}\n${run(['transcript', c.session, '--data', baton.data]).stdout}`, twice = both([c.session, c.session]);
		assert.deepEqual([twice.code, twice.stdout], [0, one + one]);
		const wrong = both([c.session, 'nobody', c.session]);
		assert.deepEqual([wrong.code, wrong.stdout], [1, one]);
		assert.match(wrong.stderr, /`nobody` is not a session id/);
		assertFsck(baton);
	});
});

describe('what is watched', () => {
	test('ready means that intake works, with every model dead', async () => {
		const baton = await start('dead-model', { env: {} }); // not even its key is there
		assert.equal((await baton.http('/livez')).status, 200);
		assert.equal((await baton.http('/readyz')).status, 200);
		const parts = await (await baton.http('/readyz?verbose')).json();
		assert.equal(parts.ready, true);
		assert.equal(parts.journal.state, 'ok');
		await baton.stop();
	});

	test('Prometheus takes the metrics, and they count', async () => {
		const baton = await start('ok');
		const c = new Customer(baton);
		await c.connect();
		await c.answer((await c.say('one')).seq);
		const text = await (await baton.http('/metrics')).text();
		const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
		assert.equal(lint.error, undefined, 'promtool is of the package prometheus');
		assert.equal(lint.status, 0, lint.stdout + lint.stderr);
		const value = (name) => Number(text.match(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm'))?.[1]);
		assert.equal(value('baton_messages_total'), 1);
		assert.equal(value('baton_turns_answered_total'), 1);
		assert.equal(value('baton_connections'), 1);
		assert.equal(value('baton_journal_healthy'), 1);
		await baton.stop();
	});

	test('`baton status` tells how the server is, or that there is none', async () => {
		const baton = await start('ok');
		const up = run(['status', '--data', baton.data, '--json']);
		assert.equal(up.code, 0, up.stderr);
		assert.equal(JSON.parse(up.stdout).ready, true);
		await baton.stop();
		assert.equal(run(['status', '--data', baton.data]).code, 4);
	});

	test('a transcript can be read while the server runs', async () => {
		const baton = await start('ok');
		const c = new Customer(baton);
		await c.connect();
		await c.answer((await c.say('read me')).seq);
		await sleep(500); // what is found by session is written behind
		const texts = baton.transcript(c.session).filter((e) => e.data.text).map((e) => e.data.text);
		assert.deepEqual(texts, [SAYS.disclosure, 'read me', answerOf('ok')]);
		await baton.stop();
	});
});

describe('what is written', () => {
	test('every event is exported once, kills and all, and no log says what customers say', async () => {
		const canary = 'canary-5f1d';
		const baton = await start('ok', { policies: simpleSet(provider.url, { files: { 'modules.yaml': { modules: [
			{ name: 'openai', file: 'provider-openai.so', kind: 'provider', egress: [new URL(provider.url).host], secrets: ['TEST_KEY'],
				config: { base_url: provider.url, secret: 'TEST_KEY' } },
			{ name: 'files', file: 'transcript-jsonl.so', kind: 'transcript', config: { dir: 'transcripts' } }] } } }) });
		const c = new Customer(baton, { auto: true });
		await c.connect();
		for (let i = 0; i < 6; i++) {
			await c.answer((await c.say(`${canary} ${i}`)).seq, 20000 * SLOW);
			if (i % 2) {
				await baton.kill();
				await baton.start();
			}
		}
		await sleep(1500);
		await baton.stop();
		const dir = path.join(baton.data, 'transcripts');
		const lines = readdirSync(dir).flatMap((name) => readFileSync(path.join(dir, name), 'utf8').trim().split('\n')).map((l) => JSON.parse(l));
		const seqs = lines.filter((l) => l.session === c.session).map((l) => l.seq);
		assert.deepEqual(seqs, baton.transcript(c.session).map((e) => e.seq));
		for (const name of readdirSync(dir))
			assert.equal(statSync(path.join(dir, name)).mode & 0o077, 0, 'transcripts are for their owner');
		assert.ok(!baton.stderr.includes(canary), 'a log line holds what a customer wrote');
		assert.ok(!baton.stderr.includes(KEY_ENV.BATON_SECRET_TEST_KEY), 'a log line holds a secret');
		const journal = readFileSync(path.join(baton.data, 'journal', 'data.mdb'));
		assert.equal(journal.indexOf(canary), -1, 'the journal holds clear text');
	});
});

test('every frame was of the form that the schemas give', () => assertFramesValid());
