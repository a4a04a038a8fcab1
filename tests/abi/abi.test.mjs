// SPDX-License-Identifier: Apache-2.0
//
// The ABI is what its lock says, for every compiler, and the lock changes only as docs/ABI.md allows.
// Each way to break it is tried on a copy of the header, and must be caught.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { compare, parse } from './compare.mjs';
import { lockOf } from './lock.mjs';

const ROOT = path.join(import.meta.dirname, '../..');
const INCLUDE = path.join(ROOT, 'core/include');
const LOCKS = path.join(ROOT, 'modules/sdk/abi');
const header = readFileSync(path.join(INCLUDE, 'baton/module.h'), 'utf8');
const scratch = mkdtempSync(path.join(tmpdir(), 'baton-abi-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const minor = Number(/#define BATON_ABI_MINOR (\d+)u/.exec(header)[1]);
const lockFile = (n) => path.join(LOCKS, `1.${n}.lock`);
const today = lockOf(INCLUDE);

const HINT = 'make abi-lock writes the lock again, if docs/ABI.md allows the change';

const explain = (found) => [...found.broken, HINT].join('\n');

test('the header is what its lock says', () => {
	assert.ok(existsSync(lockFile(minor)), `no lock for 1.${minor}; ${HINT}`);
	const locked = readFileSync(lockFile(minor), 'utf8');
	const found = compare(locked, today);
	assert.deepEqual(found.broken, [], explain(found));
	assert.equal(today, locked, HINT);
});

for (const compiler of ['clang', 'g++', 'clang++'])
	test(`${compiler} lays it out as gcc does`, () => assert.equal(lockOf(INCLUDE, compiler), today));

test('each minor only adds to the one before', () => {
	for (let n = 1; n <= minor; n++) {
		const found = compare(readFileSync(lockFile(n - 1), 'utf8'), readFileSync(lockFile(n), 'utf8'));
		assert.deepEqual(found.broken, [], `1.${n - 1} to 1.${n}`);
	}
	assert.deepEqual(readdirSync(LOCKS).filter((name) => name.endsWith('.lock')).length, minor + 1, 'a lock for every minor, and no other');
});

test('the lock names everything that the header has', () => {
	const lock = parse(today);
	const structs = [...header.matchAll(/^typedef struct (baton_\w+) \{/gm)].map(([, name]) => name);
	assert.ok(structs.length > 25);
	assert.deepEqual(structs.filter((name) => !lock.structs.has(name) && name !== 'baton_channel'), []);
	assert.equal(lock.structs.get('baton_http_req').members.length, 11);
	assert.equal(lock.values.get('BATON_E_STALE'), '-1');
	assert.equal(lock.values.get('BATON_FAIL_CONNECT'), '20');
});

test('every function says who may call it, and what it answers', () => {
	const group = { session_put: 'session_get' }; // described together
	const silent = [];
	let functions = 0;
	for (const [, name, text] of header.matchAll(/^typedef struct (baton_\w+) \{([\s\S]*?)^\} \1;/gm)) {
		if (name === 'baton_channel')
			continue;
		const whole = header.slice(Math.max(0, header.indexOf(`typedef struct ${name} {`) - 400), header.indexOf(`typedef struct ${name} {`)) + text;
		const parts = [...text.matchAll(/((?:\/\*[\s\S]*?\*\/\s*)*)[\w ]+\*?\s*\*?\(\*(\w+)\)\(/g)].filter(([, , member]) => !['fn', 'work', 'done'].includes(member));
		for (const [, comment, member] of parts) {
			functions++;
			if ((!comment && !group[member]) || !/\[(any|loop|worker|control)\]|During the call only/.test(comment || whole) && !/\[(any|loop)\]/.test(whole))
				silent.push(`${name}.${member}`);
		}
	}
	assert.ok(functions > 50, `${functions} functions were found`);
	assert.deepEqual(silent, []);
});

test('what the host asks of a module is the size that it had at first', () => {
	const locks = [...Array(minor + 1).keys()].map((n) => parse(readFileSync(lockFile(n), 'utf8')).structs);
	const first = (name) => locks.find((structs) => structs.has(name))?.get(name).size;
	const rows = [...readFileSync(path.join(ROOT, 'core/base/abi.h'), 'utf8').matchAll(/^\tBATON_FIRST_(\w+) = (\d+),/gm)];
	assert.ok(rows.length >= 16);
	assert.deepEqual(rows.filter(([, name, size]) => first(`baton_${name.toLowerCase()}`) !== Number(size)).map(([row]) => row), []);
});

/* --- every way to break it, on a copy ------------------------------------------------------------------ */

function changed(name, ...edits) {
	const dir = path.join(scratch, name.replaceAll(' ', '-'));
	cpSync(INCLUDE, dir, { recursive: true });
	let text = header;
	for (const [from, to] of edits) {
		assert.ok(text.includes(from), `${name}: the header has no: ${from}`);
		text = text.replace(from, to);
	}
	writeFileSync(path.join(dir, 'baton/module.h'), text);
	return { dir, found: compare(today, lockOf(dir)), lock: lockOf(dir) };
}

const MINOR = [`#define BATON_ABI_MINOR ${minor}u`, `#define BATON_ABI_MINOR ${minor + 1}u`];

test('a member that vanishes in padding is caught, though sizeof does not move', () => {
	const { dir, found, lock } = changed('padding', ['uint32_t connect_ms, first_byte_ms', 'uint32_t retries; uint32_t connect_ms, first_byte_ms'], MINOR);
	assert.equal(parse(lock).structs.get('baton_http_req').size, parse(today).structs.get('baton_http_req').size);
	assert.ok(found.broken.some((line) => /baton_http_req.connect_ms moved from 52 to 56, though sizeof is still 88/.test(line)), found.broken.join('\n'));
	// What a static assertion of the size would have said:
	const asserted = '#include <baton/module.h>\n_Static_assert(sizeof(baton_http_req) == 88, "moved");\n';
	execFileSync('gcc', ['-x', 'c', '-fsyntax-only', `-I${dir}`, '-'], { input: asserted });
});

test('a member that is put into the padding of the end is caught', () => {
	const { found } = changed('tail', ['  uint32_t cooldown_ms;\n} baton_verdict', '  uint32_t cooldown_ms;\n  uint32_t weight;\n} baton_verdict'], MINOR);
	assert.ok(found.broken.some((line) => /baton_verdict.weight is new at 52, inside of the 56 bytes/.test(line)), found.broken.join('\n'));
});

for (const [name, edit, said] of [
	['an order that changed', ['uint32_t connect_ms, first_byte_ms,', 'uint32_t first_byte_ms, connect_ms,'], /connect_ms moved from 52 to 56/],
	['a type of the same size', ['uint64_t in_tokens, cached', 'int64_t in_tokens; uint64_t cached'], /in_tokens was uint64_t and is int64_t/],
	['another argument of a function', ['(*start)(void *inst, baton_call, const baton_prompt *)', '(*start)(void *inst, uint32_t, const baton_prompt *)'], /baton_provider.start was/],
	['a member that is gone', ['valid during the call that got it */\n  uint32_t size; uint32_t reserved; void *ud;', '*/\n  uint32_t size; void *ud;'], /baton_sink.reserved is gone/],
	['growth of what has no size', ['uint32_t score_ppm; uint32_t flags; uint64_t updated_unix_ms;', 'uint32_t score_ppm; uint32_t flags; uint64_t updated_unix_ms, rank;'], /baton_doc does not say its size/],
	['an enumerator in the middle', ['BATON_FAIL_QUOTA,', 'BATON_FAIL_LATER, BATON_FAIL_QUOTA,'], /BATON_FAIL_QUOTA was 4 and is 5/],
	['another name of an interface', ['"baton.rule/1"', '"baton.rule/2"'], /BATON_RULE was "baton.rule\/1"/],
])
	test(`refused: ${name}`, () => {
		const { found } = changed(name, edit, MINOR);
		assert.ok(found.broken.some((line) => said.test(line)), found.broken.join('\n') || 'nothing was found');
	});

test('what is appended is legal, in a new minor and in no other', () => {
	const appended = [['cached_tokens, out_tokens, cost_microusd;', 'cached_tokens, out_tokens, cost_microusd;\n  uint64_t reasoning_tokens;'],
		['BATON_FAIL_CONNECT  ', 'BATON_FAIL_CONNECT, BATON_FAIL_LATER  ']];
	const legal = changed('appended', ...appended, MINOR).found;
	assert.deepEqual(legal.broken, []);
	assert.deepEqual(legal.added, ['baton_usage.reasoning_tokens at 40', 'BATON_FAIL_LATER']);
	assert.match(changed('forgotten', ...appended).found.broken.join(), /a new minor: BATON_ABI_MINOR is still \d+ and must be/);
});
