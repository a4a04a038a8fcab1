// SPDX-License-Identifier: Apache-2.0
//
// A module in C++, built by the fragment, swapped fifty times in a server that serves: each generation begins
// with fresh static data, and the old code is really gone.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Baton, run } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { simpleSet, write } from '../lib/policies.mjs';
import { BATON, SDK, WORK, good } from './kit.mjs';

const SWAPS = 50;

test(`a C++ module swapped ${SWAPS} times begins fresh each time, and is unmapped`, async (t) => {
	const folder = path.join(WORK, 'fresh'), modules = path.join(WORK, 'fresh-modules');
	mkdirSync(folder);
	mkdirSync(modules, { mode: 0o755 });
	cpSync(new URL('fresh.cc', import.meta.url), path.join(folder, 'provider-fresh.cc'));
	writeFileSync(path.join(folder, 'Makefile'), 'MODULE := provider-fresh\ninclude $(shell pkg-config --variable=mk baton-module)\n');
	good('make', ['-s', 'install', `MODULEDIR=${modules}`], { cwd: folder });
	const info = JSON.parse(good(BATON, ['module', 'info', path.join(modules, 'provider-fresh.so')]).stdout);
	assert.equal(info.resident, null, 'nothing of it would keep it mapped');

	const policies = simpleSet('http://127.0.0.1:9/');
	write(policies, { 'modules.yaml': { modules: [{ name: 'openai', kind: 'provider', file: 'provider-fresh.so', isolation: 'inline' }] } });
	const baton = await Baton.start({ policies, modules, workers: 1, args: ['--web', path.join(SDK, 'share/baton/web')] });
	const mapped = () => new Set(readFileSync(`/proc/${baton.child.pid}/maps`, 'utf8').split('\n').filter((line) => line.includes('provider-fresh')).map((line) => line.split(/\s+/)[5])).size;
	try {
		const c = new Customer(baton);
		await c.connect();
		const ask = async () => (await c.answer((await c.say('again')).seq)).text;
		assert.equal(await ask(), '1 1 1 1 1');
		assert.equal(await ask(), '2 2 2 2 2', 'within a generation it counts on');
		const begun = performance.now();
		for (let i = 1; i <= SWAPS; i++) {
			const swapped = run(['module', 'swap', 'openai', '--data', baton.data]);
			assert.equal(swapped.code, 0, `swap ${i}: ${swapped.stderr}`);
			assert.equal(await ask(), '1 1 1 1 1', `swap ${i}`);
		}
		t.diagnostic(`${((performance.now() - begun) / SWAPS).toFixed(1)} ms a swap and a question`);
		for (let i = 0; i < 50 && mapped() > 1; i++)
			await new Promise((go) => setTimeout(go, 100));
		assert.equal(mapped(), 1, 'of all generations one is mapped');
	} finally {
		await baton.stop();
	}
});
