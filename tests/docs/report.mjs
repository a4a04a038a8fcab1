// SPDX-License-Identifier: Apache-2.0
//
// TAP, and the list of pages that are ours to check.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const BUILD = path.join(ROOT, 'build', process.env.V ?? 'release');
export const BIN = path.join(BUILD, 'baton');

export const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');

/* Tracked files and those about to be; not data of others. */
export function ours(pattern) {
	return execFileSync('git', ['-C', ROOT, 'ls-files', '--cached', '--others', '--exclude-standard', '--', pattern], { encoding: 'utf8' })
		.split('\n').filter((file) => file && !file.startsWith('tests/data/'));
}

let n = 0;
let failed = 0;

/** One promise: kept if `findings` is empty. */
export function verdict(name, findings) {
	const list = [].concat(findings).filter(Boolean);
	console.log(`${list.length ? 'not ok' : 'ok'} ${++n} - ${name}`);
	for (const line of list.slice(0, 20))
		console.log(`  # ${String(line).replaceAll('\n', '\n  # ')}`);
	if (list.length)
		failed++;
}

export function end() {
	console.log(`1..${n}`);
	process.exit(failed ? 1 : 0);
}
