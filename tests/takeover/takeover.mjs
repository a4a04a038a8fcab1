// SPDX-License-Identifier: Apache-2.0
//
// make takeover [N=10000]: each race of races.mjs that often, on one server, and a verdict.

import { parseArgs } from 'node:util';
import { Baton } from '../lib/baton.mjs';
import { KINDS, runRaces, tell, wasRace } from './races.mjs';
import { setOf } from './set.mjs';

const { values } = parseArgs({ options: { races: { type: 'string', default: '10000' }, lanes: { type: 'string', default: '50' }, only: { type: 'string' } } });
const n = Number(values.races), lanes = Number(values.lanes);
if (!(n > 0 && n <= 1e6 && lanes > 0 && lanes <= 500)) {
	console.error('takeover.mjs [--races 1..1000000] [--lanes 1..500] [--only claims|owners|replies]');
	process.exit(2);
}
const baton = await Baton.start({ ...setOf(), args: ['--no-rate-limit'] });
let failed = 0, told = 0;
const progress = (kind, done, of) => {
	if (process.stderr.isTTY && performance.now() - told > 200) {
		told = performance.now();
		process.stderr.write(`\r${kind}: ${done} of ${of} `);
	}
};
for (const kind of values.only ? [values.only] : KINDS) {
	const result = await runRaces(baton, kind, { n, lanes, progress });
	const ok = result.faults.length === 0 && wasRace(result);
	failed += !ok;
	console.log(`${process.stderr.isTTY ? '\r' : ''}${ok ? 'ok' : 'not ok'} - ${tell(result)}`);
	for (const line of result.faults.slice(0, 20))
		console.log(`# ${line}`);
}
await baton.stop();
process.exit(failed ? 1 : 0);
