// SPDX-License-Identifier: Apache-2.0
//
// The races in short form, for every build; in full: make takeover.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Baton, SLOW, VARIANT } from '../lib/baton.mjs';
import { KINDS, runRaces, tell, wasRace } from './races.mjs';
import { setOf } from './set.mjs';

const N = Number(process.env.RACES ?? (VARIANT === 'release' ? 500 : 150));
const PROMISE = {
	claims: 'nothing of the bot behind an acknowledged claim',
	owners: 'a case has one owner, whoever claims at the same time',
	replies: 'no reply goes out over words that its agent has not seen',
};

describe('people and the bot race', () => {
	let baton;
	before(async () => { baton = await Baton.start({ ...setOf(), args: ['--no-rate-limit'] }); });
	after(() => baton.stop());

	for (const kind of KINDS)
		test(`${PROMISE[kind]} (${N} races)`, { timeout: 120000 * SLOW }, async () => {
			const result = await runRaces(baton, kind, { n: N, lanes: 20 });
			console.log(`# ${tell(result)}`);
			assert.deepEqual(result.faults, []);
			assert.ok(wasRace(result), `no race: ${tell(result)}`);
		});
});
