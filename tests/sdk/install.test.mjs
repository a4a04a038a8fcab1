// SPDX-License-Identifier: Apache-2.0
//
// What `make install` has put where, and that it works where it now is.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BATON, SDK, WORK, good, sh } from './kit.mjs';

test('the manifest vouches for the very bytes of every module, and for nothing else', () => {
	const dir = path.join(SDK, 'lib/baton/modules');
	const lines = readFileSync(path.join(dir, 'manifest'), 'utf8').trim().split('\n').map((line) => line.split(/ [ *]/));
	assert.deepEqual(lines.map(([, name]) => name), readdirSync(dir).filter((name) => name.endsWith('.so')).sort());
	for (const [sha, name] of lines)
		assert.equal(createHash('sha256').update(readFileSync(path.join(dir, name))).digest('hex'), sha, name);
});

test('nobody but the owner can write what the server loads', () => {
	for (const at of ['lib/baton/modules', 'lib/baton/modules/manifest', 'lib/baton/modules/rule-policy.so', 'share/baton/module.map', 'bin/baton'])
		assert.equal(statSync(path.join(SDK, at)).mode & 0o022, 0, at);
	assert.equal(statSync(path.join(SDK, 'lib/baton/modules/rule-policy.so')).mode & 0o777, 0o644);
});

test('pages for man are where man looks, and what one reads is there', () => {
	assert.ok(existsSync(path.join(SDK, 'share/man/man1/baton-module.1')));
	for (const page of ['MODULES.md', 'ABI.md', 'OPERATIONS.md', 'wire/PROTOCOL.md'])
		assert.ok(existsSync(path.join(SDK, 'share/doc/baton', page)), page);
	assert.ok(!existsSync(path.join(SDK, 'share/doc/baton/man')));
});

test('pkg-config tells all a build needs, of the place where it is now', () => {
	const said = (name) => good('pkg-config', [`--variable=${name}`, 'baton-module']).stdout.trim();
	for (const name of ['moduledir', 'mk', 'map', 'templates', 'baton'])
		assert.ok(existsSync(said(name)), `${name}: ${said(name)}`);
	assert.match(said('abi'), /^1\.\d+$/);
	assert.equal(good('pkg-config', ['--modversion', 'baton-module']).stdout.trim(), good(BATON, ['--version']).stdout.trim().split(' ')[1]);
	const header = readFileSync(path.join(SDK, 'include/baton/module.h'), 'utf8');
	assert.equal(said('abi').split('.')[1], /BATON_ABI_MINOR (\d+)u/.exec(header)[1]);
	assert.ok(existsSync(path.join(SDK, 'share/baton/abi', `${said('abi')}.lock`)), 'the lock of its ABI is there');
});

test('the installed demonstration answers', () => {
	const out = good('bash', ['-c', `"${BATON}" demo --data demo --listen 127.0.0.1:0 --json >ready.json 2>log & pid=$!
		for i in $(seq 200); do grep -q ready ready.json 2>/dev/null && break; sleep 0.1; done
		base=$(sed 's/.*"base":"\\([^"]*\\)".*/\\1/' ready.json)
		curl -s "$base/readyz"; echo; curl -s -o /dev/null -w '%{http_code}\\n' "$base/shop/"; curl -s -o /dev/null -w '%{http_code}\\n' "$base/w/1/baton-chat.js"
		kill $pid; wait $pid`]);
	assert.deepEqual(out.stdout.split('\n').filter(Boolean), ['ready', '200', '200'], out.text);
});

test('the installed sets are good', () => {
	const sets = path.join(SDK, 'share/baton/policies'), both = path.join(WORK, 'both');
	assert.match(good(BATON, ['check', path.join(sets, 'shop')]).stdout, /: ok, /);
	cpSync(path.join(sets, 'shop'), both, { recursive: true }); // shop-llm is to be copied over it
	cpSync(path.join(sets, 'shop-llm'), both, { recursive: true });
	assert.match(good(BATON, ['check', both]).stdout, /: ok, /);
});

test('the header alone is enough for C11 and for C++17', () => {
	for (const [compiler, std, lang] of [['gcc', 'c11', 'c'], ['clang', 'c11', 'c'], ['g++', 'c++17', 'c++'], ['clang++', 'c++17', 'c++']])
		for (const name of readdirSync(path.join(SDK, 'include/baton'))) {
			const out = sh(compiler, ['-x', lang, `-std=${std}`, '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-I', path.join(SDK, 'include'), path.join(SDK, 'include/baton', name)], { cwd: WORK });
			assert.equal(out.text.replace(/.*#pragma once in main file.*\n?/g, ''), '', `${compiler} ${name}`);
		}
});
