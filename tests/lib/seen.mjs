// SPDX-License-Identifier: Apache-2.0
//
// What servers under test let others see: what providers were sent, what /metrics said at the end. Nothing of it may hold
// a secret that a server was given, or what a customer gave away (canaries.mjs). It is looked through at once, so that the
// test that did it fails, and kept in build/test/seen/<test file>.log for tests/canaries/check.sh.

import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CANARIES } from './canaries.mjs';
import { betweenFiles } from './kept.mjs';

const LEAST = 8; // bytes; anything shorter stands somewhere by chance
const dir = fileURLToPath(new URL('../../build/test/seen', import.meta.url));
const secrets = new Map(); // value: name
betweenFiles(() => secrets.clear());
const begun = new Set(); // files

// From a server's environment: BATON_SECRET_*.
export function keepSecret(env) {
	for (const [name, value] of Object.entries(env))
		if (name.startsWith('BATON_SECRET_') && value.length >= LEAST)
			secrets.set(value, name);
}

// Throws if `text` holds what nobody may see; `what` says where it stood.
export function clean(what, text) {
	for (const [value, name] of secrets)
		assert.ok(!text.includes(value), `${name} stands in ${what}`);
	for (const [name, value] of Object.entries(CANARIES))
		assert.ok(!text.includes(value), `the canary ${name} stands in ${what}`);
}

export function seen(what, texts) {
	const file = path.join(dir, `${path.basename(process.argv[1] ?? 'none', '.mjs')}.log`);
	if (!begun.has(file)) {
		mkdirSync(dir, { recursive: true });
		rmSync(file, { force: true });
	}
	begun.add(file);
	appendFileSync(file, `${what}\n${texts.join('\n')}\n`);
	for (const text of texts)
		clean(what, text);
}
