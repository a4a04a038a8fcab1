// SPDX-License-Identifier: Apache-2.0
//
// The 36 ways in which swapping code under traffic breaks, each with a test of its name: a test makes the
// thing happen against a real server and looks that nobody notices. ROW=18 runs one. The table at the end
// says which held.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync,
	writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, ROOT, SLOW, VARIANT, tempDir } from '../lib/baton.mjs';
import { Crowd, quantile } from './crowd.mjs';
import { Driver } from './driver.mjs';
import { Ground, killAll, lint, shownBy } from './ground.mjs';
import { reel } from './reel.mjs';
import { FIXTURES, fixture, fullSet, install, moduleDir, rulesOf, smallSet } from './set.mjs';
import { soak } from './soak.mjs';
import { judge, swapRun } from './swap.mjs';
import { Watch, look, metric } from './watch.mjs';

const ONLY = process.env.ROW ? process.env.ROW.split(/[ ,]+/).map(Number) : null;
const table = [];

function row(number, what, fn) {
	if (ONLY && !ONLY.includes(number))
		return;
	const name = `row ${String(number).padStart(2, '0')}: ${what}`;
	test(name, { timeout: 120000 * SLOW }, async (t) => {
		table.push([name, 'not ok']);
		const at = table.length - 1;
		const note = await fn(t);
		table[at] = [name, note ? `ok (${note})` : 'ok'];
	});
}

after(async () => {
	await killAll();
	for (const [name, result] of table)
		console.log(`# ${name.padEnd(78)} ${result}`);
});

function procStatus(pid, key) {
	return new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
}

// Whoever the crowd is, it noticed nothing.
function assertUnnoticed(crowd) {
	const { begun, answered, ...rest } = crowd.count;
	assert.ok(begun > 0, 'nobody asked anything');
	assert.deepEqual({ answered, faults: crowd.faults }, { answered: begun, faults: [] }, JSON.stringify(rest));
}

row(1, 'dlopen gives the old code for the replaced file', async () => {
	const g = await Ground.one('row_v1');
	const file = path.join(g.modules, 'one.so');
	const ways = {
		'renamed over': () => install(g.modules, 'one.so', 'row_v2'),
		'renamed back': () => install(g.modules, 'one.so', 'row_v1'),
		'copied over': () => copyFileSync(fixture('row_v2'), file),
		'a hard link': () => { const other = path.join(g.modules, 'other.so'); copyFileSync(fixture('row_v1'), other); rmSync(file); linkSync(other, file); },
		'the same bytes again': () => copyFileSync(fixture('row_v1'), file),
		'the same file again': () => {},
	};
	assert.match(await g.ask(), /^versions 1\.0\.0 .* n=1 /);
	let want = '1.0.0';
	for (const [way, replace] of Object.entries(ways)) {
		replace();
		want = /back|link|same/.test(way) ? '1.0.0' : '2.0.0';
		await g.swap('one');
		assert.match(await g.ask(), new RegExp(`^versions ${want.replaceAll('.', '\\.')} .* n=1 `), `${way}: the code of this file, and none of its past`);
	}
	rmSync(file);
	symlinkSync(fixture('row_v2'), file);
	await g.refused('module.swap', { module: 'one' }, /link/);
	assert.match(await g.ask(), /^versions 1\.0\.0 /);
	await g.stop();
});

row(2, 'file overwritten in place', async () => {
	const g = await Ground.one('provider-reel', { set: {}, args: ['--log-level', 'warn'] });
	const crowd = await new Crowd(g.baton, { size: 10, think_ms: 20 }).open();
	const file = path.join(g.modules, 'one.so'), good = readFileSync(fixture('provider-reel'));
	crowd.talk();
	for (let i = 0; i < 1000; i++) {
		if (i % 3 === 0)
			truncateSync(file, i % 4096);
		else
			writeFileSync(file, i % 3 === 1 ? Buffer.alloc(good.length, i) : good.subarray(0, good.length >> 1));
		if (i % 100 === 99) {
			await g.refused('module.swap', { module: 'one' });
			await sleep(100);
		}
	}
	writeFileSync(file, good);
	await g.swap('one');
	await crowd.stop();
	assertUnnoticed(crowd);
	await g.stop();
	return `${crowd.count.answered} answers`;
});

row(3, 'unmapped while executing', async () => {
	const r = await swapRun({ seconds: 4, customers: 30, lasts_ppm: 300000, still_ms: 500, driver: { min_ms: 10, max_ms: 10, canaries: false, bad: false } });
	const broken = judge(r).filter((f) => f.hard && !f.ok);
	assert.deepEqual(broken, [], JSON.stringify([...r.driver.wrong, ...r.crowd.faults].slice(0, 5)));
	assert.equal(r.crowd.count.begun, r.crowd.count.answered);
	assert.ok(r.driver.count.swaps >= 20, `${r.driver.count.swaps} swaps`);
	return `${r.driver.count.swaps} swaps, ${r.crowd.count.answered} turns`;
});

row(4, 'last reference dropped inside module code', async () => {
	const g = await Ground.one('row_linger', { workers: 1 });
	for (let i = 0; i < 10; i++) {
		const answer = g.ask();
		await sleep(5 * (i % 4));
		await g.swap('one', i % 2 ? 'row_linger' : 'frame_plain');
		assert.match(await answer, /set=/);
	}
	await g.settled();
	await g.stop();
});

row(5, 'thread left running', async () => {
	const g = await Ground.one('frame_plain');
	let taken = 0, why = '';
	for (let i = 0; i < 100; i++) {
		const answer = await g.asker.ask('module.swap', { module: 'one', path: fixture('row_thread') });
		taken += answer.ok ? 1 : 0;
		why = answer.ok ? why : answer.error.message;
	}
	assert.ok(taken >= 10, why);
	if (taken < 100)
		assert.match(why, /resident/, 'the bound on what stays mapped is told');
	const resident = (await g.generations('one')).filter((one) => one.resident);
	assert.ok(resident.some((one) => /pthread_create/.test(one.resident)), JSON.stringify(resident.slice(0, 2)));
	assert.match(await g.ask(), /set=/);
	await g.stop();
	return `${taken} of 100 taken, then: ${why}`;
});

row(6, 'thread key or TLS destructor after unmap', async () => {
	const g = await Ground.one('row_key');
	for (let i = 0; i < 5; i++) {
		assert.match(await g.ask(), /^key /);
		await g.swap('one', 'row_key');
	}
	await g.swap('one', 'frame_plain');
	await g.settled();
	const kept = (await g.generations('one')).filter((one) => one.state === 'resident');
	assert.ok(kept.length > 0 && kept.every((one) => /pthread_key_create/.test(one.resident)), JSON.stringify(kept));
	await g.stop(); // the threads end, their destructors run
});

row(7, 'atexit handlers of libraries pinned or run twice', async () => {
	const g = await Ground.one('row_curl');
	for (let i = 0; i < 5; i++) {
		assert.match(await g.ask(), /^curl /);
		await g.swap('one', 'row_curl');
	}
	await g.swap('one', 'frame_plain');
	await g.settled();
	await g.stop(); // every handler that is left runs
});

row(8, 'signal handler left behind', async () => {
	const g = await Ground.one('frame_plain');
	const caught = () => BigInt(`0x${procStatus(g.baton.child.pid, 'SigCgt')}`);
	const before = caught();
	await g.swap('one', 'row_signal');
	assert.equal(caught(), before, 'the server has its own handlers again');
	assert.match(await g.ask(), /^signal /);
	await g.swap('one', 'frame_plain');
	await g.settled();
	const kept = (await g.generations('one')).find((one) => one.state === 'resident');
	assert.match(kept?.resident ?? '', /sigaction/);
	assert.match(g.baton.stderr, /signal/i, 'it is reported');
	await g.stop();
});

row(9, 'dlclose silently keeps C++ code: static data survive', async () => {
	const g = await Ground.one('row_cxx');
	for (let i = 0; i < 50; i++) {
		assert.equal(await g.ask(), 'cxx n=1');
		await g.swap('one', 'row_cxx');
	}
	await g.settled();
	const resident = (await g.generations('one')).filter((one) => one.state === 'resident').length;
	assert.ok(resident > 0 || look(g.baton.child.pid).modules <= 3 + readdirSync(path.join(ROOT, 'build', VARIANT, 'modules')).length,
		'what is mapped is counted as resident');
	await g.stop();
	return `${resident} resident of 51`;
});

row(10, 'static TLS exhausted', async () => {
	const g = await Ground.one('frame_plain');
	const why = await g.swapRefused('one', 'static_tls', /TLS/);
	assert.match(await g.ask(), /^frame /);
	await g.stop();
	return why;
});

row(11, 'symbol clash, interposition', async () => {
	const g = await Ground.one('row_clash_a', { modules: [{ name: 'two', kind: 'provider', file: 'two.so' }], files: { 'two.so': 'row_clash_b' }, set: { fallback: ['two'] } });
	for (let i = 0; i < 3; i++) {
		assert.equal(await g.ask(), 'mine-a 41');
		await g.do('target.disable', { target: 'one', why: 'to hear the other' });
		assert.equal(await g.ask(), 'mine-b 42');
		await g.do('target.enable', { target: 'one' });
		await g.swap('one', 'row_clash_a');
		await g.swap('two', 'row_clash_b');
	}
	await g.stop();
	lint('exports');
});

row(12, 'RTLD_DEEPBIND', () => lint('loading'));

row(13, 'ABI mismatch accepted', async () => {
	const g = await Ground.one('frame_plain');
	const dir = tempDir('abi');
	const built = (name, header, ...flags) => {
		const include = path.join(dir, name, 'baton');
		mkdirSync(include, { recursive: true });
		writeFileSync(path.join(include, 'module.h'), header);
		const out = path.join(dir, `${name}.so`);
		const cc = spawnSync('gcc', ['-std=gnu11', '-D_GNU_SOURCE', '-O1', '-fPIC', '-fvisibility=hidden', '-shared', `-I${path.join(dir, name)}`, ...flags,
			'-Wl,-z,relro,-z,now,-Bsymbolic', `-Wl,--version-script=${ROOT}/modules/sdk/module.map`, '-o', out, path.join(ROOT, 'tests', 'swap', 'modules', 'frame_plain.c')],
		{ encoding: 'utf8' });
		assert.equal(cc.status, 0, cc.stderr);
		return out;
	};
	const header = readFileSync(path.join(ROOT, 'core', 'include', 'baton', 'module.h'), 'utf8');
	const minor = (n) => header.replace(/#define BATON_ABI_MINOR \d+u/, `#define BATON_ABI_MINOR ${n}u`)
		.replace('} baton_host;', '  int32_t (*later)(baton_ctx *);\n} baton_host;');
	const major = header.replace(/#define BATON_ABI_MAJOR \d+u/, '#define BATON_ABI_MAJOR 2u');
	const now = Number(/#define BATON_ABI_MINOR (\d+)u/.exec(header)[1]);
	const taken = { now: built('now', header), newer: built('newer', minor(now + 1), '-DBATON_ABI_NEEDED=0u') };
	for (const [name, text] of olderHeaders())
		taken[name] = built(name, text);
	for (const [name, file] of Object.entries(taken)) {
		await g.do('module.swap', { module: 'one', path: file });
		assert.match(await g.ask(), /^frame 1\.0\.0 .* n=1 /, name);
	}
	await g.refused('module.swap', { module: 'one', path: built('needs', minor(now + 1), `-DBATON_ABI_NEEDED=${now + 1}u`) }, /ABI/);
	await g.refused('module.swap', { module: 'one', path: built('major', major) }, /ABI 2/);
	await g.swapRefused('one', 'other_major', /ABI/);
	await g.swapRefused('one', 'newer_minor', /ABI|1\.\d/);
	assert.match(await g.ask(), /^frame /);
	await g.stop();
	return `taken: ${Object.keys(taken).join(', ')}`;
});

// Headers of earlier versions, where tags or the SDK keep them.
function olderHeaders() {
	const git = (...args) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
	return git('tag', '--list', 'v*', 'abi-*').stdout.split('\n').filter(Boolean)
		.map((tag) => [tag, git('show', `${tag}:core/include/baton/module.h`).stdout]).filter(([, text]) => text);
}

row(15, 'late callback into a freed call', async () => {
	shownBy('test_module_rack', 'a_word_after_cancel_is_fenced', 'handles_that_never_were_are_stale', 'nothing_comes_after_cancel_and_silence_is_counted',
		'an_end_soon_after_cancel_is_in_order', 'data_hangs_on_a_call_until_its_end');
});

row(16, 'no end, two ends, delta after end', async () => {
	shownBy('test_module_rack', 'a_second_end_is_counted_and_changes_nothing', 'a_word_after_the_end_is_counted_and_dropped',
		'nothing_comes_after_cancel_and_silence_is_counted');
	const g = await Ground.one('answers_twice', { modules: [{ name: 'two', kind: 'provider', file: 'two.so' }], files: { 'two.so': 'frame_plain' }, set: { fallback: ['two'] } });
	for (let i = 0; i < 5; i++)
		assert.match(await g.ask(), /^frame 1\.0\.0 set= n=\d kept=\d$/, 'the first answer and nothing else');
	const metrics = await g.metrics();
	assert.ok(metric(metrics, 'baton_module_contract_violations_total') > 0, 'it is counted');
	await g.stop();
});

row(17, 'event subscription not removed', async () => {
	shownBy('test_module_rack', 'leftover_timers_are_freed_and_counted', 'an_open_request_is_stopped_at_the_end_of_its_rack');
	const g = await Ground.one('timers');
	for (let i = 0; i < 5; i++) {
		assert.match(await g.ask(), /^frame /);
		await g.swap('one', i % 2 ? 'timers' : 'frame_plain');
	}
	await g.settled();
	assert.match(await g.ask(), /^frame /);
	await g.stop();
});

row(18, 'turns in flight aborted by a reload', async () => {
	const g = await Ground.one('provider-reel', { releases: {}, args: ['--log-level', 'warn'] });
	const customers = await Promise.all(Array.from({ length: 5 }, () => g.customer()));
	const asked = await Promise.all(customers.map(async (c, i) => ({ c, text: `over 4000 ms, number ${i}`, seq: (await c.say(`over 4000 ms, number ${i}`)).seq })));
	await Promise.all(customers.map((c) => c.until(() => c.frames.find((f) => f.ev?.type === 'TEXT_MESSAGE_CONTENT'), 'first word')));
	for (let i = 0; i < 20; i++) {
		await g.swap('one', i % 2 ? 'provider-reel' : 'provider-reel2');
		await sleep(100);
	}
	for (const { c, text, seq } of asked) {
		const answer = await c.answer(seq, 20000 * SLOW);
		assert.equal(answer.text, reel(text));
		assert.equal(c.screen.event('answer_superseded'), undefined);
		await c.end();
	}
	await g.settled();
	await g.stop();
	for (const { c, text } of asked)
		assert.equal(g.baton.transcript(c.session).find((e) => e.type === 'answer_generated').data.text, reel(text), 'and the journal has the same');
});

row(19, 'half-replaced set after a failure', async () => {
	const g = await Ground.one('frame_plain', { config: { set: 'A' }, set: { releases: { health_ms: 1000 } }, args: ['--log-level', 'warn'] });
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
	const g = await Ground.one('provider-reel', { set: { releases: { drain_ms: 1500 } }, args: ['--log-level', 'warn'] });
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
	await g.settled(1500 + 3000);
	await c.end();
	idle.customers.forEach((one) => one.leave());
	await g.stop();
	return `${idle.size} idle sessions`;
});

row(21, 'mixed old and new in one turn', async () => {
	const kinds = ['provider', 'classifier', 'retriever', 'rule', 'transcript'];
	const modulesOf = (set) => kinds.map((kind) => ({ name: kind, kind, file: `${kind}.so`, isolation: 'inline', config: { set } }));
	const g = await Ground.start({ modules: modulesOf('0'), files: Object.fromEntries(kinds.map((kind) => [`${kind}.so`, 'frame_plain'])),
		set: { intents: Array.from({ length: 8 }, (_, i) => ({ name: `set-${i}` })) }, args: ['--log-level', 'warn'] });
	const crowd = new Crowd(g.baton, { size: 20, think_ms: 5, answerOf: () => '' });
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
		const [, set, doc] = /set=(\d).*doc=set-(\d)/.exec(text) ?? [];
		assert.ok(set !== undefined && set === doc, text);
	}
	for (const c of customers)
		await c.end();
	await g.stop();
	let turns = 0;
	for (const c of customers) {
		const byTurn = new Map();
		for (const { type, data } of g.baton.transcript(c.session)) {
			const says = type === 'intent_detected' ? data.intent : type === 'policy_decided' ? data.reason
				: type === 'sources_retrieved' ? data.sources[0]?.id : type === 'answer_generated' ? `set-${/set=(\d)/.exec(data.text)[1]}` : null;
			if (says)
				byTurn.set(data.turn, new Set([...(byTurn.get(data.turn) ?? []), says]));
		}
		for (const [turn, sets] of byTurn) {
			assert.equal(sets.size, 1, `${c.session} ${turn}: ${[...sets]}`);
			turns++;
		}
	}
	assert.ok(crowd && new Set(answers.map((text) => /set=(\d)/.exec(text)[1])).size >= 6, 'the sets did change');
	return `${turns} turns`;
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
	for (const bad of ['crash_constructor', 'crash_load', 'crash_create', 'crash_activate', 'row_step_spin'])
		await g.swapRefused('one', bad, bad.startsWith('crash') ? /SIG|signal|crash|fell|died/i : /s\b|time/);
	assert.equal(g.baton.child.pid, pid);
	assert.ok(g.baton.alive);
	assert.match(await g.ask(), /^frame /);
	await g.stop();
});

row(25, 'slow load stalls the loop', async () => {
	const g = await Ground.start({ policies: fullSet(), files: { 'reel.so': 'provider-reel' }, args: ['--log-level', 'warn'] });
	const watched = async (ms) => { const watch = new Watch(g.baton, { lag_ms: 50 }).start(); const end = await ms(); await watch.stop(); return { end, pings: watch.pings.map((p) => p[1]), lags: watch.lags.map((l) => l[1]) }; };
	const still = await watched(() => sleep(1500));
	const driver = await new Driver(g.baton, { min_ms: 10, max_ms: 20, canaries: false, bad: false }).open();
	const swaps = await watched(async () => { driver.drive(); for (const end = performance.now() + 20000 * SLOW; driver.count.swaps < 100 && performance.now() < end;) await sleep(50); await driver.stop(); });
	assert.deepEqual(driver.wrong, []);
	const p99 = (list) => quantile(list, 0.99);
	const figures = `ping p99 ${p99(swaps.pings).toFixed(2)} ms, without swaps ${p99(still.pings).toFixed(2)}; ${driver.count.swaps} swaps`;
	assert.ok(driver.count.swaps >= 60, figures);
	assert.ok(p99(swaps.pings) < 5 * SLOW || p99(swaps.pings) < 3 * p99(still.pings), figures);
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
