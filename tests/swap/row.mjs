// SPDX-License-Identifier: Apache-2.0
//
// A row of the table of what breaks, as a test of its name. ROW=18 or ROW=18,20 runs some. The table of what
// held is printed at the end of each file.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { SLOW } from '../lib/baton.mjs';
import { killAll } from './ground.mjs';

const ONLY = process.env.ROW ? process.env.ROW.split(/[ ,]+/).map(Number) : null;
const table = [];

export function row(number, what, fn) {
	if (ONLY && !ONLY.includes(number))
		return;
	const name = `row ${String(number).padStart(2, '0')}: ${what}`;
	test(name, { timeout: 60000 * SLOW }, async (t) => {
		const at = table.push([name, 'NOT OK']) - 1;
		const note = await fn(t);
		table[at][1] = note ? `ok (${note})` : 'ok';
	});
}

after(async () => {
	await killAll();
	for (const [name, result] of table)
		console.log(`# ${name.padEnd(78)} ${result}`);
});

export function procStatus(pid, key) {
	return new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
}

// Whoever the crowd is, it noticed nothing.
export function assertUnnoticed(crowd) {
	const { begun, answered, ...rest } = crowd.count;
	assert.ok(begun > 0, 'nobody asked anything');
	assert.deepEqual({ answered, faults: crowd.faults }, { answered: begun, faults: [] }, JSON.stringify(rest));
}
