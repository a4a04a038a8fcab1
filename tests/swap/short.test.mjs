// SPDX-License-Identifier: Apache-2.0
//
// The swap run in short form, for every build: what `make swap` shows in a minute with 500 customers, in
// some seconds with 60. What a loaded machine can spoil is told and does not fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLOW } from '../lib/baton.mjs';
import { judge, swapRun, tell } from './swap.mjs';

const SECONDS = Number(process.env.SWAP_S ?? (SLOW > 1 ? 8 : 10)), CUSTOMERS = SLOW > 1 ? 30 : 60;

for (const isolation of (process.env.ISOLATION ?? 'inline').split(','))
	test(`everything is swapped under ${CUSTOMERS} conversations, and nobody notices (${isolation})`, { timeout: 120000 * SLOW }, async () => {
		const r = await swapRun({ seconds: SECONDS, customers: CUSTOMERS, isolation });
		const findings = judge(r), broken = findings.filter((f) => f.hard && !f.ok);
		console.log(tell(r, findings).split('\n').map((line) => `# ${line}`).join('\n'));
		assert.deepEqual(broken, []);
		assert.ok(r.driver.count.swaps >= 5 && r.driver.count.refused >= 1 && r.driver.count.reloads >= 1, JSON.stringify(r.driver.count));
	});
