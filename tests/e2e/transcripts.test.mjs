// SPDX-License-Identifier: Apache-2.0
//
// Three archives at once, and what they hold in the end: every event of the journal, in the table once,
// in the files once, at the receiver once for who looks at (session, seq). Through kill -9 of the
// server, a database that is away, killed, stopped, locked, and a receiver that fails on purpose.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, ROOT, SLOW, VARIANT, killServers, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { assertFsck } from '../lib/judge.mjs';
import { KEY_ENV, openai, simpleSet, write } from '../lib/policies.mjs';
import { Postgres, present } from '../lib/postgres.mjs';
import { HOOK_ENV, Receiver } from '../lib/receiver.mjs';
import { json, on, soon } from '../lib/releases.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const jsonl = { name: 'files', kind: 'transcript', file: 'transcript-jsonl.so', config: { dir: 'transcripts' } };
const options = present ? {} : { skip: 'PostgreSQL is not installed' };
let provider, pg;

before(async () => {
	provider = await new HostileProvider().start();
	pg = present ? new Postgres() : null;
});
// What a test that failed has left.
beforeEach(() => pg?.rows('DROP TABLE IF EXISTS baton_events, fresh'));
afterEach(killServers);
after(async () => {
	await provider.stop();
	pg?.remove();
});

function policies(...archives) {
	const dir = simpleSet(provider.url);
	return setArchives(dir, ...archives);
}
function setArchives(dir, ...archives) {
	return write(dir, { 'modules.yaml': { modules: [openai(provider.url), ...archives] } });
}
const start = (archives, more = {}) => Baton.start({ policies: policies(...archives), env: { ...KEY_ENV, ...HOOK_ENV }, ...more });
const exports = (baton) => json(baton, 'status').exports;
const exportOf = (baton, name) => exports(baton).find((one) => one.backend === name);
const caughtUp = (baton, name, ms = 60000 * SLOW) =>
	soon(() => exportOf(baton, name)?.state === 'ok' && exportOf(baton, name).lag_records === 0, `${name} that has caught up`, ms);

// A journal with so many sessions of four events, as a server would have left it.
function filled(sessions) {
	const fill = path.join(ROOT, 'build', VARIANT, 'bench', 'fill'), data = tempDir('data');
	const made = spawnSync('make', ['-s', '-C', ROOT, `V=${VARIANT}`, path.relative(ROOT, fill)], { encoding: 'utf8' });
	assert.equal(made.status, 0, made.stderr);
	const out = spawnSync(fill, [data, String(sessions), '1'], { encoding: 'utf8' });
	assert.equal(out.status, 0, out.stderr);
	return data;
}

// Customers who talk until they are told to stop. `late`: how many answers did not come in time, those
// that a killed server took with it among them.
async function talk(baton, n) {
	const state = { late: 0, answered: 0, why: [] };
	const stopped = new Promise((go) => { state.stop = go; });
	const customers = Array.from({ length: n }, () => new Customer(baton, { auto: true }));
	await Promise.all(customers.map((one) => one.connect()));
	const all = customers.map(async (one) => {
		for (let going = true; going;) {
			const turn = one.say('Where is it?').then(({ seq }) => one.answer(seq)).then(() => { state.answered++; return true; },
				(error) => { state.late++; state.why.push(error.message); return true; });
			going = await Promise.race([turn.then(() => sleep(20)).then(() => true), stopped.then(() => false)]);
		}
		await one.end();
	});
	return { state, stop: async () => { state.stop(); await Promise.all(all); return state.late; } };
}

// How many records the journal has; the server must be stopped.
const records = (baton) => JSON.parse(assertFsck(baton).stdout.trim().split('\n').at(-1)).records;
const tableIsThere = (table) => pg.number(`SELECT count(*) FROM pg_tables WHERE tablename = '${table}'`) === 1;
const tableHas = (table = 'baton_events') =>
	pg.rows(`SELECT count(*), count(DISTINCT (session_id, seq)), coalesce(sum(gap), 0) FROM (SELECT session_id, seq,
		(seq - lag(seq, 1, 0::int8) OVER (PARTITION BY session_id ORDER BY seq) <> 1)::int AS gap FROM ${table}) AS s`)[0].map(Number);
function filesHave(baton) {
	const dir = path.join(baton.data, 'transcripts');
	return readdirSync(dir).flatMap((name) => readFileSync(path.join(dir, name), 'utf8').split('\n').filter(Boolean))
		.map((line) => { const { session, seq } = JSON.parse(line); return `${session}/${seq}`; });
}

describe('every event of the journal', options, () => {
	test('10,000 of them and what customers add, through three kill -9, are in each archive once', async () => {
		const receiver = await new Receiver().start();
		receiver.next = () => (Math.random() < 0.1 ? [500, 503, 'cut', 'drop'][Math.floor(Math.random() * 4)] : 200);
		const baton = await start([jsonl, pg.entry(), receiver.entry()], { data: filled(2500) });
		const talking = await talk(baton, 4);
		for (let i = 0; i < 3; i++) {
			await sleep(300 + Math.random() * 700);
			await baton.kill();
			await baton.start();
		}
		await talking.stop();
		await baton.stop();
		await baton.start(); // what answers brought that ended while it stopped
		for (const name of ['files', 'postgres', 'hook'])
			await caughtUp(baton, name);
		await baton.stop();
		const n = records(baton), lines = filesHave(baton);
		assert.ok(n >= 10000, `${n} records`);
		assert.deepEqual(tableHas(), [n, n, 0]);
		assert.equal(lines.length, n);
		assert.equal(new Set(lines).size, n);
		assert.equal(receiver.events.size, n);
		receiver.assertHonest();
		receiver.assertOrder();
		await receiver.stop();
	});

	// A minute of outages: the pauses between attempts are the real ones.
	test('a database that is away, killed in mid-transaction, stopped and locked loses nothing, and delays nobody', async () => {
		const baton = await start([jsonl, pg.entry('postgres', { statement_ms: 500, connect_ms: 500 })]);
		const talking = await talk(baton, 6);
		await soon(() => tableIsThere('baton_events'), 'a table');

		pg.stop();
		const away = await soon(() => exportOf(baton, 'postgres').state === 'paused' && exportOf(baton, 'postgres').lag_records > 500 &&
			exportOf(baton, 'postgres'), 'hundreds of events behind', 60000 * SLOW);
		assert.match(away.why, /no connection: .*(No such file|Connection refused)/);
		assert.ok(away.retry_ms <= 30000);
		assert.equal(exportOf(baton, 'files').failures, 0);
		assert.ok(exportOf(baton, 'files').lag_records < 500, 'the files keep up');
		pg.start();
		await soon(() => exportOf(baton, 'postgres').state === 'ok', 'a database that is back', 40000);
		await soon(() => /transcript_backend_back/.test(baton.stderr), 'a line in the log');

		for (let i = 0; i < 3; i++) {
			await sleep(100 + Math.random() * 300);
			pg.kill();
			pg.start();
			await soon(() => exportOf(baton, 'postgres').state === 'ok', 'a database that is back', 40000);
		}
		pg.signal('STOP');
		await soon(() => /did not answer/.test(exportOf(baton, 'postgres').why ?? ''), 'a reason', 30000).finally(() => pg.signal('CONT'));
		assert.equal(await talking.stop(), 0, `nobody waited for the archive: ${talking.state.why[0]}`);
		assert.ok(talking.state.answered > 100, `${talking.state.answered} answers`);
		await caughtUp(baton, 'postgres');
		await caughtUp(baton, 'files');
		await baton.stop();
		const n = records(baton);
		assert.deepEqual(tableHas(), [n, n, 0]);
		assert.equal(new Set(filesHave(baton)).size, n);
	});
});

describe('one that is added late', options, () => {
	test('by baton reload: it begins at the start or with what comes, nobody notices, and it goes by reload', async () => {
		const baton = await start([jsonl]);
		const one = new Customer(baton);
		await one.connect();
		await one.answer((await one.say('Where is it?')).seq);
		await caughtUp(baton, 'files');
		setArchives(baton.policies, jsonl, pg.entry(), pg.entry('fresh', { table: 'fresh' }, { from: 'now' }));
		assert.equal(on(baton, 'reload').code, 0);
		await caughtUp(baton, 'postgres');
		await caughtUp(baton, 'fresh');
		await soon(() => tableIsThere('fresh'), 'its table');
		const before = pg.number('SELECT count(*) FROM baton_events'), fresh = pg.number('SELECT count(*) FROM fresh');
		assert.ok(fresh < before);
		await one.answer((await one.say('And now?')).seq);
		await caughtUp(baton, 'fresh');
		await caughtUp(baton, 'postgres');
		assert.equal(pg.number(`SELECT count(*) FROM fresh WHERE session_id = '${one.session}' AND type = 'session_opened'`), 0);
		assert.equal(pg.number(`SELECT count(*) FROM fresh WHERE type = 'message_received'`), 1);

		// It goes, and comes back where it stopped.
		setArchives(baton.policies, jsonl);
		assert.equal(on(baton, 'reload').code, 0);
		await soon(() => exports(baton).length === 1, 'one archive');
		await one.answer((await one.say('Still there?')).seq);
		setArchives(baton.policies, jsonl, pg.entry());
		assert.equal(on(baton, 'reload').code, 0);
		await caughtUp(baton, 'postgres');
		assert.deepEqual([one.connects, one.closed], [1, null]);
		await one.end();
		await caughtUp(baton, 'postgres');
		await baton.stop();
		const n = records(baton);
		assert.deepEqual(tableHas(), [n, n, 0]);
	});

	test('a swap of an archive in mid-batch hands the batch out again', async () => {
		const baton = await start([jsonl, pg.entry()], { data: filled(1000) });
		for (let i = 0; i < 4; i++) {
			const out = on(baton, 'module', 'swap', i % 2 ? 'postgres' : 'files');
			assert.equal(out.code, 0, out.stderr);
		}
		await caughtUp(baton, 'postgres');
		await caughtUp(baton, 'files');
		await baton.stop();
		const n = records(baton), lines = filesHave(baton);
		assert.deepEqual(tableHas(), [n, n, 0]);
		assert.deepEqual([lines.length, new Set(lines).size], [n, n]);
	});

	test('a wrong password is said, and the right one is enough', async () => {
		const pass = path.join(tempDir('pass'), 'pgpass');
		writeFileSync(pass, '*:*:*:*:wrong\n');
		chmodSync(pass, 0o600);
		pg.rows('CREATE SCHEMA IF NOT EXISTS archive AUTHORIZATION locked');
		const baton = await start([pg.entry('postgres', { connection: `host=${pg.dir} user=locked dbname=baton`, passfile: pass, table: 'archive.events' })], { data: filled(3) });
		const said = await soon(() => exportOf(baton, 'postgres').why, 'a reason');
		assert.match(said, /password authentication failed for user "locked"/);
		assert.match(on(baton, 'status').stdout, /postgres.*paused.*password authentication failed/s);
		writeFileSync(pass, '*:*:*:*:sesame\n');
		await caughtUp(baton, 'postgres');
		assert.doesNotMatch(baton.stderr, /sesame|wrong\\n/);
		await baton.stop();
		assert.deepEqual(tableHas('archive.events'), [records(baton), records(baton), 0]);
		pg.rows('DROP SCHEMA archive CASCADE');
	});
});

describe('a receiver', () => {
	for (const isolation of ['inline', 'process'])
		test(`that fails, cuts and hangs up gets everything, in order and signed (${isolation})`, async () => {
			const receiver = await new Receiver().start();
			let turn = 0;
			receiver.next = () => [500, 200, 'cut', 200, 'drop'][turn++] ?? 200;
			const baton = await start([receiver.entry('hook', { max_events: 100 }, { isolation })], { data: filled(100) });
			await caughtUp(baton, 'hook');
			await baton.stop();
			assert.equal(receiver.events.size, records(baton));
			receiver.assertHonest();
			receiver.assertOrder();
			await receiver.stop();
		});

	test('that says 410 is parked and told so; a reload with another address goes on at once', async () => {
		const gone = await new Receiver().start(), here = await new Receiver().start();
		gone.next = () => 410;
		const baton = await start([gone.entry()], { data: filled(10) });
		const parked = await soon(() => exportOf(baton, 'hook').state === 'parked' && exportOf(baton, 'hook'), 'a parked archive');
		assert.match(parked.why, /answered 410: it says that it is gone for good/);
		assert.ok(parked.lag_records >= 40, 'nothing is dropped');
		const metrics = await (await baton.http('/metrics')).text();
		assert.match(metrics, /\nbaton_export_state\{backend="hook"\} 2\n/);
		setArchives(baton.policies, here.entry());
		assert.equal(on(baton, 'reload').code, 0);
		await caughtUp(baton, 'hook');
		await baton.stop();
		assert.equal(here.events.size, records(baton));
		here.assertHonest();
		await gone.stop();
		await here.stop();
	});
});
