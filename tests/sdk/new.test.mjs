// SPDX-License-Identifier: Apache-2.0
//
// `baton module new`: what it makes builds with pkg-config and the fragment alone, passes its unit tests
// and the check of the contract. And what it refuses.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BATON, KINDS, LANGS, SDK, WORK, good, made, sh } from './kit.mjs';

// Every warning that a careful integrator may have on.
const STRICT = ['CFLAGS=-O2 -Wall -Wextra -Wpedantic -Wshadow -Werror', 'CXXFLAGS=-std=gnu++17 -O2 -Wall -Wextra -Wpedantic -Wshadow -Werror'];
// The minor of the ABI that came with the kind.
const SINCE = { tool: 2, guard: 2 };
// Each swap of an archive waits for the disk.
const FEWER = { transcript: ['CHECK=--swaps=50'] };
const time = (t, begun) => t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s`);

for (const lang of LANGS)
	for (const kind of KINDS)
		test(`a ${kind} in ${lang}: made, built, tested, checked`, (t) => {
			const begun = performance.now();
			const { folder, so, id } = made(kind, lang);
			const out = good('make', ['-s', 'check', ...STRICT, ...FEWER[kind] ?? []], { cwd: folder });
			assert.match(out.stdout, /^ok 1 - /m);
			assert.doesNotMatch(out.stdout, /^not ok/m);
			// C: swapped a thousand times with calls open; B: everything else.
			assert.match(out.stdout, FEWER[kind] ? /^# level [BC]: /m : /^# level C: /m);
			const info = JSON.parse(good(BATON, ['module', 'info', so]).stdout);
			assert.deepEqual([info.id, info.kinds, info.resident], [id, kind, null], 'it is what it says, and can be unmapped');
			assert.deepEqual([info.abi.major, info.abi.needed], [1, SINCE[kind] ?? 0], 'it asks for no more than the minor that serves it');
			const text = readdirSync(folder, { recursive: true }).map((file) => path.join(folder, file))
				.filter((file) => !file.includes('/build/') && statSync(file).isFile()).map((file) => readFileSync(file, 'utf8')).join('\n');
			assert.doesNotMatch(text, /@KIND@|modules\/sdk/, 'no word of the template is left');
			time(t, begun);
		});

for (const [kind, lang] of [['provider', 'c'], ['provider', 'c++'], ['transcript', 'c++'], ['tool', 'c++'], ['guard', 'c']])
	test(`a ${kind} in ${lang} under AddressSanitizer, and built by clang`, (t) => {
		const begun = performance.now();
		const { folder } = made(kind, lang);
		good('make', ['-s', 'V=asan', 'check', 'CFLAGS=-O0 -g1 -Wall -Wextra', 'CXXFLAGS=-O0 -g1 -Wall -Wextra -std=gnu++17'], { cwd: folder });
		good('make', ['-s', 'V=clang', 'check', ...FEWER[kind] ?? [], 'CC=clang', 'CXX=clang++', 'CFLAGS=-O0 -Wall -Wextra -Werror'], { cwd: folder });
		time(t, begun);
	});

test('what continuous integration runs is green, and fetches nothing where Baton is installed', (t) => {
	const begun = performance.now();
	const { folder, id } = made('classifier', 'c');
	const out = good('./ci.sh', [], { cwd: folder });
	assert.equal(out.stdout.match(/^ok 1 - words_name_the_intent$/gm).length, 2, 'once, and once with sanitizers');
	assert.match(out.stdout, /^# level C: /m);
	assert.deepEqual(readdirSync(path.join(folder, 'build')).sort(), ['asan', 'release'], id);
	time(t, begun);
});

test('for scripts there is JSON', () => {
	const out = JSON.parse(good(BATON, ['module', 'new', 'rule', 'json', WORK, '--json']).stdout);
	assert.equal(out.folder, path.join(WORK, 'rule-json'));
	assert.ok(out.files.includes('rule-json.c') && out.files.every((file) => existsSync(path.join(out.folder, file))));
});

test('make install replaces a module by renaming, and a server that has it mapped keeps its own', () => {
	const { folder, id } = made('rule', 'c');
	const to = path.join(WORK, 'root');
	for (const round of [1, 2]) {
		good('make', ['-s', 'install', `DESTDIR=${to}`, 'MODULEDIR=/modules'], { cwd: folder });
		assert.deepEqual(readdirSync(path.join(to, 'modules')), [`${id}.so`], `round ${round}: nothing else is left there`);
	}
	assert.equal(statSync(path.join(to, 'modules', `${id}.so`)).mode & 0o777, 0o644);
	const before = statSync(path.join(to, 'modules', `${id}.so`)).ino;
	good('make', ['-s', 'install', `DESTDIR=${to}`, 'MODULEDIR=/modules'], { cwd: folder });
	assert.notEqual(statSync(path.join(to, 'modules', `${id}.so`)).ino, before, 'another file, not the same one overwritten');
});

test('what is there already is not touched', () => {
	const dir = path.join(WORK, 'there');
	mkdirSync(path.join(dir, 'rule-mine'), { recursive: true });
	writeFileSync(path.join(dir, 'rule-mine/Makefile'), 'mine');
	const out = sh(BATON, ['module', 'new', 'rule', 'mine', dir]);
	assert.equal(out.code, 1);
	assert.match(out.stderr, /rule-mine is there already; nothing was changed/);
	assert.equal(readFileSync(path.join(dir, 'rule-mine/Makefile'), 'utf8'), 'mine');
	assert.deepEqual(readdirSync(dir), ['rule-mine']);
});

for (const [args, said] of [
	[['channel', 'x'], /no template for a channel: this version serves no channels as modules/],
	[['providr', 'x'], /there is no kind `providr`; do you mean `provider`\?/],
	[['zebra', 'x'], /there is no kind `zebra`; provider, classifier/],
	[['rule', 'Upper'], /`Upper` is no name for a module: a name begins with a letter/],
	[['rule', 'a_b'], /letters a to z, digits and - alone/],
	[['rule', 'a--b'], /a - stands between/],
	[['rule', 'rule-x'], /the kind is put before the name by itself/],
	[['rule', '../x'], /begins with a letter/],
	[['rule', 'x'.repeat(41)], /1 to 40 characters/],
	[['rule', 'x', '.', '--lang', 'rust'], /no templates in `rust`; c or c\+\+/],
	[['rule'], /missing `KIND NAME \[DIR\]`/],
])
	test(`refused: module new ${args.join(' ')}`, () => {
		const out = sh(BATON, ['module', 'new', ...args]);
		assert.equal(out.code, 2);
		assert.match(out.stderr, said);
		assert.equal(existsSync(path.join(WORK, `${args[0]}-${args[1]}`)), false);
	});

test('a folder that cannot be made is told, and nothing is left', () => {
	const out = sh(BATON, ['module', 'new', 'rule', 'x', path.join(WORK, 'nowhere/at/all')]);
	assert.equal(out.code, 1);
	assert.match(out.stderr, /cannot make .*nowhere\/at\/all.*: No such file or directory/);
});

test('cut off in the middle it leaves nothing, and what a killed run left is named', () => {
	const tree = path.join(WORK, 'holed');
	mkdirSync(path.join(tree, 'bin'), { recursive: true });
	cpSync(BATON, path.join(tree, 'bin/baton'));
	cpSync(path.join(SDK, 'share/baton/templates'), path.join(tree, 'share/baton/templates'), { recursive: true }); // without ../provider
	const out = sh(path.join(tree, 'bin/baton'), ['module', 'new', 'rule', 'x', tree]);
	assert.equal(out.code, 1);
	assert.match(out.stderr, /cannot read .*scan\.c: No such file or directory/);
	assert.deepEqual(readdirSync(tree).sort(), ['bin', 'share']);
	mkdirSync(path.join(tree, '.rule-x.new'));
	const again = sh(BATON, ['module', 'new', 'rule', 'x', tree]);
	assert.equal(again.code, 1);
	assert.match(again.stderr, /\.rule-x\.new: File exists\nIt is what a run left that was cut off: remove it\./);
});

test('a program without its templates says so', () => {
	const alone = path.join(WORK, 'alone');
	mkdirSync(alone);
	cpSync(BATON, path.join(alone, 'baton'));
	const out = sh(path.join(alone, 'baton'), ['module', 'new', 'rule', 'x']);
	assert.equal(out.code, 1);
	assert.match(out.stderr, /no templates beside this program; `make install` puts them there/);
});

test('every template is installed, and FILES names each', () => {
	const dir = path.join(SDK, 'share/baton/templates');
	const named = readFileSync(path.join(dir, 'FILES'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(/\s+/)[2]);
	for (const file of named)
		assert.ok(existsSync(path.join(dir, file)), file);
	const there = readdirSync(dir, { recursive: true }).filter((file) => statSync(path.join(dir, file)).isFile() && !/^(FILES|README\.md)$/.test(file));
	assert.deepEqual(there.filter((file) => !named.includes(file)), []);
});

test('without Baton, make says what is missing', () => {
	const { folder } = made('rule', 'c');
	const out = sh('make', [], { cwd: folder, extra: { PKG_CONFIG_PATH: '/nowhere', PKG_CONFIG_LIBDIR: '/nowhere' } });
	assert.notEqual(out.code, 0);
	assert.match(out.stderr, /baton-module\.pc was not found: install Baton, or set PKG_CONFIG_PATH/);
});

test('CMake builds the same module by the lines of the guide', (t) => {
	if (sh('cmake', ['--version']).code !== 0)
		return t.skip('not run here: no cmake');
	const { folder, id } = made('classifier', 'c');
	const guide = readFileSync(new URL('../../docs/MODULES.md', import.meta.url), 'utf8');
	if (!guide.includes('```cmake'))
		return t.skip('the guide has no such lines yet');
	const lines = /```cmake\n([\s\S]*?)```/.exec(guide)[1].replaceAll('provider-acme', id);
	const dir = path.join(WORK, 'cmake');
	mkdirSync(dir, { recursive: true });
	for (const file of readdirSync(folder).filter((name) => /\.[ch]$/.test(name)))
		writeFileSync(path.join(dir, file), readFileSync(path.join(folder, file)));
	writeFileSync(path.join(dir, 'CMakeLists.txt'), lines);
	good('cmake', ['-S', dir, '-B', path.join(dir, 'out')]);
	good('cmake', ['--build', path.join(dir, 'out')]);
	const info = JSON.parse(good(BATON, ['module', 'info', path.join(dir, 'out', `${id}.so`)]).stdout);
	assert.deepEqual([info.id, info.resident], [id, null]);
});

test('Meson builds the same module by the lines of the guide', (t) => {
	if (sh('meson', ['--version']).code !== 0)
		return t.skip('not run here: no meson');
	const { folder, id } = made('classifier', 'c');
	const guide = readFileSync(new URL('../../docs/MODULES.md', import.meta.url), 'utf8');
	const dir = path.join(WORK, 'meson');
	mkdirSync(dir, { recursive: true });
	for (const file of readdirSync(folder).filter((name) => /\.[ch]$/.test(name)))
		writeFileSync(path.join(dir, file), readFileSync(path.join(folder, file)));
	writeFileSync(path.join(dir, 'meson.build'), /```meson\n([\s\S]*?)```/.exec(guide)[1].replaceAll('provider-acme', id));
	good('meson', ['setup', path.join(dir, 'out'), dir]);
	good('meson', ['compile', '-C', path.join(dir, 'out')]);
	assert.equal(JSON.parse(good(BATON, ['module', 'info', path.join(dir, 'out', `${id}.so`)]).stdout).id, id);
});
