// SPDX-License-Identifier: Apache-2.0
//
// The 36 ways in which swapping code under traffic breaks, each with a test of its name: a test makes the
// thing happen against a real server and looks that nobody notices. Rows 1 to 18; the others are in rows2.test.mjs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, linkSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compare } from '../abi/compare.mjs';
import { lockOf } from '../abi/lock.mjs';
import { ROOT, SLOW, VARIANT, tempDir } from '../lib/baton.mjs';
import { Crowd } from './crowd.mjs';
import { Ground, lint, shownBy } from './ground.mjs';
import { reel } from './reel.mjs';
import { assertUnnoticed, procStatus, row } from './row.mjs';
import { fixture, install } from './set.mjs';
import { judge, swapRun } from './swap.mjs';
import { look, metric } from './watch.mjs';

// A generation went, its code stays, and that is counted and told with its reason.
async function assertResident(g, because) {
	assert.ok(metric(await g.metrics(), 'baton_module_resident') > 0, 'it is counted');
	assert.match(g.baton.stderr, new RegExp(`"module_unloaded".*"resident":"${because}"`));
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
			writeFileSync(file, i % 3 === 1 ? Buffer.alloc(good.length, i) : good.subarray(0, 5000));
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
	const r = await swapRun({ seconds: 4, least: 20, customers: 30, lasts_ppm: 300000, still_ms: 500, driver: { min_ms: 10, max_ms: 10, canaries: false, bad: false } });
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
		assert.match(why, /cannot be unmapped.*restart/, 'the bound on what stays mapped is told');
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
	await assertResident(g, 'pthread_key_create');
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
	await assertResident(g, 'sigaction');
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
	const resident = metric(await g.metrics(), 'baton_module_resident');
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

row(14, 'size check fooled by padding', () => {
	const include = path.join(ROOT, 'core', 'include'), copy = tempDir('abi');
	const locked = readFileSync(path.join(ROOT, 'modules', 'sdk', 'abi', '1.0.lock'), 'utf8');
	assert.deepEqual(compare(locked, lockOf(include)).broken, [], 'the header is what its lock says');
	// The insertion that vanishes in padding: sizeof stays, four members move.
	cpSync(include, copy, { recursive: true });
	const file = path.join(copy, 'baton', 'module.h');
	writeFileSync(file, readFileSync(file, 'utf8').replace('uint32_t n_headers;   ', 'uint32_t inserted; uint32_t n_headers;   '));
	const size = (dir) => /struct baton_http_req (?:size )?(\d+)/.exec(lockOf(dir))?.[1];
	assert.equal(size(copy), size(include));
	const { broken } = compare(locked, lockOf(copy));
	assert.ok(broken.length > 0 && broken.some((line) => /baton_http_req/.test(line)), JSON.stringify(broken));
	return broken[0];
});

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
	assert.ok(metric(metrics, 'baton_module_contract_violations_total{module="one",rule="two_ends"}') > 0, 'it is counted');
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

