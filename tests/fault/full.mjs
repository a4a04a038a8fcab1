// SPDX-License-Identifier: Apache-2.0
//
// make faults: the whole catalogue with default settings and in full time, each row over a real
// WebSocket against a real server of its own; then the figures, beside what others are known for.
// ROW=<row> runs one.

import { after, describe, test } from 'node:test';
import { HostileProvider } from './provider.mjs';
import { ROWS, runOutage, runRow } from './catalogue.mjs';

const only = process.env.ROW;
const rows = ROWS.filter((row) => !only || row.id.split(/[,#]/)[0] === only);
const provider = await new HostileProvider().start();
const figures = [];

after(() => {
	provider.stop();
	console.log('\nrow                      answered by              outcome after   primary asked');
	for (const f of figures.sort((a, b) => a.id.localeCompare(b.id))) {
		const time = f.ms === undefined ? `back ${(f.recovered_ms / 1000).toFixed(1)} s after` : `${(f.ms / 1000).toFixed(2)} s`;
		console.log(`${f.id.padEnd(24)} ${f.who.padEnd(24)} ${time.padEnd(18)} ${f.attempts}${f.served ? ` times in the outage, ${f.served} questions served` : ''}`);
	}
	console.log('\nOn the public Failover Bench (catalogue v0.1, 16 rows) the best gateway passes 11, the best system of any kind 12.');
	console.log('A breaker that never opens asks a dead primary once per question and more: 33 attempts for 11 questions were reported of one gateway.');
});

describe('the catalogue, default settings', { concurrency: 6 }, () => {
	for (const row of rows)
		test(row.id, async () => {
			figures.push(await runRow(provider, row, { quick: false }));
		});
	if (!only || only === 'S15')
		test('S15: down for a minute, a question every 4 s', async () => {
			figures.push(await runOutage(provider, { tag: 'full', outage_ms: 60000, every_ms: 4000, attempts_max: 5, back_ms: 30000 }));
		});
});
