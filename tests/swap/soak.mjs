// SPDX-License-Identifier: Apache-2.0
//
// make swap-soak [N=10000]: one swap after the other while a few customers talk. Memory, mappings,
// descriptors and the private copies on disk must be as many at the end as they were after the first ones.
//
//   node tests/swap/soak.mjs [--swaps 10000] [--isolation inline|process]

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Crowd } from './crowd.mjs';
import { Ground } from './ground.mjs';
import { childrenOf, look } from './watch.mjs';

const FILES = ['provider-reel', 'provider-reel2'];

function copiesOf(data) {
	const dir = path.join(data, 'run', 'modules');
	try { return readdirSync(dir).length; } catch { return 0; }
}

export async function soak({ swaps = 10000, isolation = 'inline', log = () => {} } = {}) {
	const g = await Ground.one('provider-reel', { isolation, config: { lasts_ppm: 100000 }, args: ['--log-level', 'error'] });
	const crowd = await new Crowd(g.baton, { size: 6, think_ms: 50 }).open();
	const pid = g.baton.child.pid, samples = [];
	const sample = (n) => samples.push({ n, ...look(pid), copies: copiesOf(g.baton.data), children: childrenOf(pid).length });
	crowd.talk();
	const began = performance.now(), warm = Math.min(100, Math.ceil(swaps / 5));
	for (let n = 1; n <= swaps; n++) {
		await g.swap('one', FILES[n % 2]);
		if (n === warm || n === swaps || (n > warm && n % Math.ceil(swaps / 40) === 0))
			sample(n);
		if (n % 1000 === 0)
			log(`${n} swaps: ${JSON.stringify(samples.at(-1))}`);
	}
	const per_s = swaps / (performance.now() - began) * 1000;
	await crowd.stop();
	await g.settled(10000);
	await sleep(300);
	sample(swaps);
	await g.stop();
	const first = samples[0], last = samples.at(-1), n = last.n - first.n;
	const kib = (last.anon_kib - first.anon_kib) / n;
	const findings = [
		{ name: 'turns', ok: crowd.count.answered === crowd.count.begun && crowd.faults.length === 0, value: `${crowd.count.answered} of ${crowd.count.begun} ${crowd.faults[0] ?? ''}` },
		{ name: 'mappings', ok: last.maps - first.maps <= 40, value: `${first.maps} then ${last.maps}` },
		{ name: 'descriptors', ok: last.fds - first.fds <= 6, value: `${first.fds} then ${last.fds}` },
		{ name: 'private copies', ok: last.copies - first.copies <= 4, value: `${first.copies} then ${last.copies}` },
		{ name: 'children', ok: last.children - first.children <= 2, value: `${first.children} then ${last.children}` },
		{ name: 'memory of its own', ok: last.anon_kib - first.anon_kib <= 6144 + 2 * n, value: `${first.anon_kib} then ${last.anon_kib} KiB, ${kib.toFixed(2)} KiB a swap` },
	];
	return { findings, samples, crowd, per_s, kib, line: `${swaps} swaps, ${per_s.toFixed(0)}/s, ${findings.slice(1).map((f) => `${f.name} ${f.value}`).join('; ')}` };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
	const { values } = parseArgs({ options: { swaps: { type: 'string' }, isolation: { type: 'string' } } });
	const r = await soak({ swaps: Number(values.swaps ?? 10000), isolation: values.isolation ?? 'inline', log: (line) => console.log(line) });
	console.log(r.line);
	for (const f of r.findings)
		console.log(`${f.ok ? 'ok' : 'NOT OK'} ${f.name}: ${f.value}`);
	process.exitCode = r.findings.every((f) => f.ok) ? 0 : 1;
}
