// SPDX-License-Identifier: Apache-2.0
//
// The 36 ways in which swapping code under traffic breaks, each with a test of its name: a test makes the
// thing happen against a real server and looks that nobody notices. Rows 19 to 36.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SLOW, tempDir } from '../lib/baton.mjs';
import { Crowd, quantile } from './crowd.mjs';
import { Driver } from './driver.mjs';
import { Ground, lint, shownBy } from './ground.mjs';
import { procStatus, row } from './row.mjs';
import { fixture, fullSet, install, rulesOf, smallSet } from './set.mjs';
import { soak } from './soak.mjs';
import { Watch, look } from './watch.mjs';

// Lets the module fall under the server's supervisor; resolves when the server is back.
async function fallen(start, name) {
	const g = await start({ data: tempDir('data') });
	const customer = await g.customer();
	customer.auto = true;
	await customer.answer((await customer.say('hello')).seq); // so that the session is in the journal
	await g.swap('one', name);
	const { seq } = await customer.say('fall');
	await customer.until(() => customer.connects > 1, 'the server to be back', 20000 * SLOW);
	await customer.outcome(seq, 20000 * SLOW);
	await customer.end();
	await g.reopen();
	return g;
}

function crashLine(g) {
	return g.baton.stderr.split('\n').filter((line) => /crash/.test(line)).join('\n');
}

// The file on the shelf or among the private copies that has these bytes.
function keptFile(g, like) {
	const bytes = readFileSync(like);
	for (const dir of ['run/crashed', 'shelf', 'run/modules'])
		for (const name of existsSync(path.join(g.baton.data, dir)) ? readdirSync(path.join(g.baton.data, dir)) : [])
			if (name.endsWith('.so') && readFileSync(path.join(g.baton.data, dir, name)).equals(bytes))
				return path.join(g.baton.data, dir, name);
	assert.fail(`no copy of ${like} is kept`);
}

// The eighth step: decisions that are recorded would come out otherwise, and the set may not change any.
async function refusedByReplay() {
	const g = await Ground.one('frame_plain', { modules: [{ name: 'rules', kind: 'rule', file: 'rule-policy.so' }],
		set: { releases: { replay: { max_changed: 0 } }, files: { 'escalation.yaml': rulesOf(1) } } });
	const crowd = await new Crowd(g.baton, { size: 10, think_ms: 1, answerOf: null }).open(); // 100 decisions are the least that say something
	crowd.talk();
	await g.until(() => crowd.count.begun >= 130, 'enough decisions');
	await crowd.stop();
	writeFileSync(path.join(g.policies, 'escalation.yaml'), JSON.stringify({ rules: [{ id: 'all', when: 'true', action: 'escalate_now', reason: 'everybody' }] }));
	await g.refused('reload', {}, /decision|changed|otherwise/);
	assert.match(await g.ask(), /^frame /);
	await g.stop();
}

row(19, 'half-replaced set after a failure', async () => {
	const g = await Ground.one('frame_plain', { config: { set: 'A' }, set: { releases: { health: '1s' } }, args: ['--log-level', 'warn'] });
	const old = await g.live();
	const dir = tempDir('odd');
	const writable = path.join(dir, 'writable.so');
	copyFileSync(fixture('frame_plain'), writable);
	chmodSync(writable, 0o666);
	const open = path.join(dir, 'open');
	mkdirSync(open);
	copyFileSync(fixture('frame_plain'), path.join(open, 'plain.so'));
	chmodSync(open, 0o777);
	const steps = [
		['1 found: no such file', path.join(dir, 'none.so')], ['1 found: a folder', dir], ['1 found: anybody may write it', writable],
		['1 found: anybody may replace it', path.join(open, 'plain.so')], ['2 checked: no note', fixture('no_note')], ['2 checked: forbidden import', fixture('forbidden')],
		['3 configuration', fixture('row_step_config')], ['4 probe: falls', fixture('row_step_crash')], ['4 probe: never comes back', fixture('row_step_spin')],
		['5 descriptor', fixture('wrong_magic')], ['6 load', fixture('row_step_load')], ['6 create', fixture('row_step_create')],
		['6 create, of the second worker', fixture('row_step_create2')], ['6 activate', fixture('row_step_activate')],
		['7 health: not well', fixture('row_step_check')], ['7 health: says nothing', fixture('row_step_wait')],
	];
	const reasons = [];
	for (const [step, file] of steps) {
		const answer = await g.asker.ask('module.swap', { module: 'one', path: file });
		assert.equal(answer.ok, false, `${step} was taken: ${JSON.stringify(answer)}`);
		assert.match(answer.error.message, /^[^\n]{10,}$/, step);
		reasons.push(`${step}: ${answer.error.message}`);
		const view = await g.do('releases');
		assert.deepEqual([view.live, view.candidate ?? null], [old, null], step);
		assert.match(await g.ask(), /^frame 1\.0\.0 set=A /, `${step}: the old release answers`);
	}
	await refusedByReplay();
	// Killed in the middle of it: what is on disk is what was.
	const dying = g.asker.ask('module.swap', { module: 'one', path: fixture('row_step_wait') }).catch(() => {});
	await sleep(200);
	await g.baton.kill();
	await dying;
	await g.baton.start();
	assert.match(await g.ask(), /^frame 1\.0\.0 set=A /);
	await g.baton.stop();
	console.log(reasons.map((line) => `#   ${line}`).join('\n'));
	return `${steps.length} steps and a kill`;
});

row(20, 'drain never ends', async () => {
	const g = await Ground.one('provider-reel', { set: { releases: { drain: '1500ms' }, route: { total_ms: 4000 } }, args: ['--log-level', 'warn'] });
	const idle = await new Crowd(g.baton, { size: Number(process.env.IDLE ?? 300) }).open();
	const first = await g.live();
	await g.swap('one', 'provider-reel2');
	await g.settled(1000);
	// A turn holds its release, and is named; the pin is bounded.
	const c = await g.customer();
	const { seq } = await c.say('over 20000 ms please');
	await c.until(() => c.frames.find((f) => f.ev?.type === 'RUN_STARTED'), 'the turn');
	await sleep(50);
	const second = await g.live();
	assert.ok(second > first);
	await g.swap('one', 'provider-reel');
	const view = await g.do('releases');
	const old = view.releases.find((one) => one.number === second);
	assert.deepEqual([old?.state, old?.pins], ['draining', 1], JSON.stringify(view));
	const { turns } = await g.do('release.why_live', { release: second });
	assert.deepEqual(turns.map((t) => [t.release, t.session, t.turn]), [[second, c.session, seq]], JSON.stringify(turns));
	await g.settled(4000 + 1500 + 2000); // what was shown is not begun again: the turn's own time bounds it
	await c.end();
	idle.customers.forEach((one) => one.leave());
	await g.stop();
	return `${idle.size} idle sessions`;
});

// Every kind, in every turn: a look-up, an intent, passages, rules, a model that asks for a tool, guards over it all.
row(21, 'mixed old and new in one turn', async () => {
	const kinds = ['provider', 'classifier', 'retriever', 'rule', 'transcript', 'tool', 'guard'];
	const ledger = path.join(tempDir('ledger'), 'done');
	const modulesOf = (set) => kinds.map((kind) => ({ name: kind, kind, file: `${kind}.so`, isolation: 'inline', config: { set, ledger } }));
	const tool = { module: 'tool', title: 'does it', description: 'd', arguments: { type: 'object', properties: {} } };
	const g = await Ground.start({ modules: modulesOf('0'), files: Object.fromEntries(kinds.map((kind) => [`${kind}.so`, 'row_uses'])),
		set: { intents: Array.from({ length: 8 }, (_, i) => ({ name: `set-${i}`, tools: ['note_set'], lookups: [{ tool: 'look_set' }] })),
			route: { tools: ['note_set'], lookups: [{ tool: 'look_set' }] }, target: { tools: true }, klass: { unattended: ['note_set'] },
			files: { 'tools.yaml': { tools: [{ ...tool, name: 'look_set', writes: false }, { ...tool, name: 'note_set', writes: true }] },
				'guards.yaml': { guards: [{ module: 'guard' }] } } }, args: ['--log-level', 'warn'] });
	const answers = [];
	const customers = await Promise.all(Array.from({ length: 8 }, () => g.customer()));
	let going = true;
	const talking = customers.map(async (c) => {
		while (going) {
			const { seq } = await c.say(`which set is it, ${answers.length}?`);
			answers.push((await c.answer(seq)).text);
		}
	});
	for (let i = 1; i < 24; i++) {
		const set = String(i % 8);
		writeFileSync(path.join(g.policies, 'modules.yaml'), JSON.stringify({ modules: modulesOf(set) }));
		await g.do('reload');
		await sleep(30);
	}
	going = false;
	await Promise.all(talking);
	for (const text of answers) {
		const [, set, doc, brought] = /set=(\d).*doc=set-(\d).*tool=set-(\d)/.exec(text) ?? [];
		assert.ok(set !== undefined && set === doc && set === brought, text);
	}
	for (const c of customers)
		await c.end();
	await g.stop();
	const says = {
		intent_detected: (data) => data.intent, policy_decided: (data) => data.reason, sources_retrieved: (data) => data.sources[0]?.id,
		answer_generated: (data) => `set-${/set=(\d)/.exec(data.text)[1]}`, guard_hit: (data) => data.rule, tool_finished: (data) => `set-${data.result?.set}`,
	};
	const called = new Map(); // key of a call: what the ledger must say of it
	let turns = 0;
	for (const c of customers) {
		const byTurn = new Map(), events = g.baton.transcript(c.session);
		for (const { type, data } of events) {
			const set = says[type]?.(data);
			if (set)
				byTurn.set(data.turn, { ...byTurn.get(data.turn), [`${type} ${data.at ?? data.tool ?? data.stage ?? ''}`]: set });
		}
		for (const [turn, told] of byTurn) {
			assert.equal(new Set(Object.values(told)).size, 1, `${c.session} ${turn}: ${JSON.stringify(told)}`);
			for (const what of ['tool_finished look_set', 'tool_finished note_set', 'guard_hit customer', 'guard_hit answer'])
				assert.ok(told[what], `${c.session} ${turn}: no ${what} in ${JSON.stringify(told)}`);
			turns++;
		}
		const calls = events.filter(({ type }) => type === 'tool_called').map(({ data }) => data);
		assert.equal(calls.length, 2 * byTurn.size, 'a look-up and a call in each turn');
		for (const { key, tool: name, turn, call } of calls) {
			const ends = events.filter(({ type, data }) => type === 'tool_finished' && data.call === call);
			assert.deepEqual(ends.map(({ data }) => data.ok), [true], `${c.session} ${call}`);
			called.set(key, `${name} ${byTurn.get(turn)['intent_detected '].slice(4)} ${key}`);
		}
	}
	assert.equal(turns, answers.length, 'no turn is lost');
	const done = readFileSync(ledger, 'utf8').trim().split('\n').sort();
	assert.deepEqual(done, [...called.values()].sort(), 'each call was made once, by the code of its turn');
	assert.ok(new Set(answers.map((text) => /set=(\d)/.exec(text)[1])).size >= 6, 'the sets did change');
	return `${turns} turns, ${done.length} calls`;
});

row(22, 'generations pile up', async () => {
	const r = await soak({ swaps: 200 * (SLOW > 1 ? 0.5 : 1) });
	assert.deepEqual(r.findings.filter((f) => !f.ok), []);
	return r.line;
});

row(23, 'state lost or unreadable on rollback', async () => {
	const g = await Ground.one('row_state1', { workers: 1 });
	const kept = async () => Number(/kept=(\d+)/.exec(await g.ask())[1]);
	assert.deepEqual([await kept(), await kept()], [1, 2]);
	for (let i = 0; i < 3; i++)
		await g.swap('one', 'row_state1'); // three times a megabyte of noise, each byte of it looked at
	assert.equal(await kept(), 3, 'the same schema: it goes on');
	await g.swap('one', 'row_state2');
	assert.equal(await kept(), 4, 'an older schema is read');
	await g.swap('one', 'row_state2');
	assert.equal(await kept(), 5);
	const answer = await g.swap('one', 'row_state1', { steps: true });
	assert.equal(await kept(), 1, 'a newer one is not: it begins cold');
	assert.match(JSON.stringify(answer) + g.baton.stderr, /cold|state/, 'and that is told');
	await g.do('release.rollback');
	assert.equal(await kept(), 2, 'on the way back an older schema is read again');
	await g.stop();
});

row(24, 'crash in load or in a constructor', async () => {
	const g = await Ground.one('frame_plain');
	const pid = g.baton.child.pid;
	for (const bad of ['crash_constructor', 'crash_load', 'crash_create', 'row_step_spin'])
		await g.swapRefused('one', bad, bad.startsWith('crash') ? /SIG|signal|crash|fell|died/i : /s\b|time/);
	assert.equal(g.baton.child.pid, pid);
	assert.ok(g.baton.alive);
	assert.match(await g.ask(), /^frame /);
	await g.stop();
});

row(25, 'slow load stalls the loop', async () => {
	const g = await Ground.start({ policies: fullSet(), files: { 'reel.so': 'provider-reel' }, args: ['--log-level', 'warn'] });
	const watched = async (ms) => { const watch = new Watch(g.baton, { lag_ms: 50 }).start(); const end = await ms(); await watch.stop(); return { end, pings: watch.pings.map((p) => p[1]), lags: watch.lags.map((l) => l[1]) }; };
	const p99 = (list) => quantile(list, 0.99);
	let figures;
	const stalled = async () => {
		const still = await watched(() => sleep(1500));
		const driver = await new Driver(g.baton, { min_ms: 10, max_ms: 20, canaries: false, bad: false }).open();
		const swaps = await watched(async () => { driver.drive(); for (const end = performance.now() + 20000 * SLOW; driver.count.swaps < 100 && performance.now() < end;) await sleep(50); await driver.stop(); });
		assert.deepEqual(driver.wrong, []);
		figures = `ping p99 ${p99(swaps.pings).toFixed(2)} ms, without swaps ${p99(still.pings).toFixed(2)}; ${driver.count.swaps} swaps`;
		assert.ok(driver.count.swaps >= 60, figures);
		return p99(swaps.pings) >= 5 * SLOW && p99(swaps.pings) >= 3 * p99(still.pings);
	};
	// A load that stalls the loop does so each time; what the machine did meanwhile it does not do twice.
	assert.ok(!await stalled() || !await stalled(), figures);
	await g.stop();
	return figures;
});

row(26, 'a module blocks the loop', async () => {
	const g = await Ground.one('frame_plain', { workers: 1, modules: [{ name: 'two', kind: 'provider', file: 'two.so' }], files: { 'two.so': 'frame_plain' }, set: { fallback: ['two'] } });
	await g.swap('one', 'blocks');
	assert.match(await g.ask(), /^frame /);
	const [one] = await g.generations('one');
	assert.ok((await g.active('one')).overruns >= 1, JSON.stringify(one));
	await g.stop();
	// In a process of its own nobody else waits for it, and one that never comes back is ended.
	const p = await Ground.one('frame_plain', { workers: 1, isolation: 'process', modules: [{ name: 'two', kind: 'provider', file: 'two.so' }], files: { 'two.so': 'frame_plain' }, set: { fallback: ['two'] } });
	await p.swap('one', 'spins');
	const watch = new Watch(p.baton).start();
	const began = performance.now();
	assert.match(await p.ask('hello', 15000 * SLOW), /^frame /, 'the fallback answers');
	const took = performance.now() - began;
	await watch.stop();
	const worst = quantile(watch.pings.map((x) => x[1]), 0.99);
	assert.ok(worst < 100 * SLOW, `others waited ${worst} ms`);
	await p.stop();
	return `answered by the fallback after ${took.toFixed(0)} ms, others p99 ${worst.toFixed(1)} ms`;
});

row(27, 'environment, locale, folder or mask changed', async () => {
	const g = await Ground.one('frame_plain');
	const pid = g.baton.child.pid, mask = procStatus(pid, 'Umask');
	const answer = await g.asker.ask('module.swap', { module: 'one', path: fixture('row_environ') });
	assert.equal(procStatus(pid, 'Umask'), mask, 'the mask is as it was');
	assert.notEqual(spawnSync('readlink', [`/proc/${pid}/cwd`], { encoding: 'utf8' }).stdout.trim(), '/', 'so is the folder');
	assert.match(`${JSON.stringify(answer)}${g.baton.stderr}`, /environ|mask|folder|directory|cwd|locale/i, 'it is told');
	assert.match(await g.ask(), /set=/);
	await g.stop();
	return answer.ok ? 'taken, restored' : answer.error.message;
});

row(28, 'fork in the server', async () => {
	lint('loading');
	const g = await Ground.one('frame_plain');
	await g.swapRefused('one', 'forbidden', /forbidden import/);
	await g.stop();
});

row(29, 'descriptor leak across generations', async () => {
	const g = await Ground.one('frame_plain');
	for (let i = 0; i < 10; i++)
		await g.swap('one', 'frame_plain');
	await g.settled();
	const before = look(g.baton.child.pid).fds;
	const swaps = SLOW > 1 ? 100 : 300;
	for (let i = 0; i < swaps; i++)
		await g.swap('one', 'frame_plain');
	await g.settled();
	await sleep(100);
	const now = look(g.baton.child.pid).fds;
	assert.ok(Math.abs(now - before) <= 2, `${before} descriptors, ${now} after ${swaps} swaps`);
	// One that does leak is named.
	const answer = await g.asker.ask('module.swap', { module: 'one', path: fixture('row_fds') });
	if (answer.ok) {
		await g.swap('one', 'frame_plain');
		await g.settled();
	}
	assert.match(`${JSON.stringify(answer)}${g.baton.stderr}`, /descriptor|left|fds/i);
	await g.stop();
	return `${before} then ${now}, ${swaps} swaps`;
});

row(30, 'core dump without symbols', async () => {
	const g = await fallen(({ data }) => Ground.one('frame_plain', { data, supervised: true, args: ['--log-level', 'warn'] }), 'row_falls');
	// Who it was, and where: the record of the crash, the copy that is kept, and a debugger agree.
	const [, sha, offset] = /([0-9a-f]{12})[^]*?(?:offset )(0x[0-9a-f]+)/.exec(crashLine(g)) ?? [];
	assert.ok(offset, crashLine(g));
	const kept = keptFile(g, fixture('row_falls'));
	const where = spawnSync('gdb', ['-batch', '-nx', '-iex', 'set debuginfod enabled off', '-ex', `info symbol ${offset}`, '-ex', `info line *${offset}`, kept], { encoding: 'utf8', timeout: 20000, stdio: ['ignore', 'pipe', 'pipe'] });
	assert.match(where.stdout, /row_thirty_falls_here/, `${sha} ${where.stdout} ${where.stderr}`);
	await g.stop();
	return where.stdout.split('\n')[0].trim();
});

row(31, 'crash loop at boot', async () => {
	const data = tempDir('data');
	const g = await Ground.one('frame_plain', { data, args: ['--log-level', 'warn'] });
	assert.match(await g.ask(), /^frame /);
	await g.stop();
	// Another file lies there at the next start, and it falls then.
	install(g.modules, 'one.so', 'row_boot');
	const began = performance.now();
	const again = await Ground.start({ policies: g.policies, moduleFolder: g.modules, data, supervised: true, args: ['--log-level', 'warn'] });
	const took = performance.now() - began;
	assert.match(await again.ask(), /^frame /, 'the last good one answers');
	assert.ok(took < 3000 * SLOW, `${took} ms`);
	await again.stop();
	return `up after ${took.toFixed(0)} ms`;
});

row(32, 'malicious or swapped file', async () => {
	const g = await Ground.one('frame_plain');
	const dir = tempDir('open');
	copyFileSync(fixture('frame_plain'), path.join(dir, 'x.so'));
	chmodSync(dir, 0o777);
	await g.refused('module.swap', { module: 'one', path: path.join(dir, 'x.so') }, /write access|writable/);
	chmodSync(dir, 0o755);
	chmodSync(path.join(dir, 'x.so'), 0o666);
	await g.refused('module.swap', { module: 'one', path: path.join(dir, 'x.so') }, /write access|writable/);
	chmodSync(path.join(dir, 'x.so'), 0o644);
	await g.do('module.swap', { module: 'one', path: path.join(dir, 'x.so') });
	// What is not in the manifest of what was shipped does not run in the server's process by itself.
	const open = await Ground.start({ policies: smallSet([{ name: 'one', kind: 'provider', file: 'one.so', isolation: undefined }]), files: { 'one.so': 'frame_plain' } });
	assert.equal((await open.active('one')).isolation, 'process', 'a file that nobody knows has a process of its own');
	assert.match(await open.ask(), /^frame /);
	await open.stop();
	await g.stop();
});

row(33, 'key or personal data in module logs', async () => {
	const KEY = 'sk-row-33-must-never-be-seen', seen = [];
	const echo = http.createServer((req, res) => { seen.push(req.headers.authorization); res.end(`you said ${req.headers.authorization}`); });
	await new Promise((go) => echo.listen(0, '127.0.0.1', go));
	const url = `http://127.0.0.1:${echo.address().port}`;
	const g = await Ground.start({ modules: [{ name: 'one', kind: 'provider', file: 'one.so', config: { set: `${url}/` }, egress: [new URL(url).host], secrets: ['TEST_KEY'] }],
		files: { 'one.so': 'row_logs' }, env: { BATON_SECRET_TEST_KEY: KEY } });
	for (let i = 0; i < 3; i++) {
		await g.ask();
		await g.swap('one', 'row_logs');
	}
	assert.deepEqual([...new Set(seen)], [`Bearer ${KEY}`], 'the host filled it in');
	assert.match(g.baton.stderr, /you said Bearer/, 'the module did log what came back');
	await g.stop();
	echo.close();
	assert.ok(!g.baton.stderr.includes(KEY), 'and not the key');
});

row(34, 'canary flaps, or too few calls', () => shownBy('test_trial', 'one_failure_in_three_decides_nothing', 'too_few_turns_are_no_proof_and_end_with_the_time',
	'what_was_decided_stays_decided', 'a_flapping_one_gets_one_verdict_and_then_a_cool_down', 'the_share_is_the_share_and_sessions_stick_to_it'));

row(35, 'rollback when the old file is gone', async () => {
	const dir = tempDir('gone'), copy = (name, fix) => { copyFileSync(fixture(fix), path.join(dir, name)); return path.join(dir, name); };
	const g = await Ground.one('row_v1');
	const two = copy('two.so', 'row_v2');
	await g.do('module.swap', { module: 'one', path: two });
	assert.match(await g.ask(), /^versions 2/);
	rmSync(two);
	rmSync(path.join(g.modules, 'one.so'));
	await g.do('release.rollback');
	assert.match(await g.ask(), /^versions 1/);
	await g.do('release.rollback');
	assert.match(await g.ask(), /^versions 2/, 'and forward again');
	await g.stop();
});

row(36, 'LMDB loaded twice', async () => {
	const g = await Ground.one('frame_plain');
	await g.swapRefused('one', 'row_lmdb', /liblmdb/);
	assert.match(await g.ask(), /^frame /);
	await g.stop();
});
