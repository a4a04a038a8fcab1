// SPDX-License-Identifier: Apache-2.0
//
// What tests of releases share: commands against a running server, the forms of its JSON answers, and
// policies that are rewritten while it serves.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MODULES, SLOW, run, tempDir } from './baton.mjs';

export const ME = spawnSync('id', ['-un'], { encoding: 'utf8' }).stdout.trim();

export const on = (baton, ...args) => run([...args, '--data', baton.data], { timeout: 60000 * SLOW });
// One that must work; its JSON.
export function json(baton, ...args) {
	const out = on(baton, ...args, '--json');
	assert.equal(out.code, 0, out.stdout + out.stderr);
	return JSON.parse(out.stdout);
}
// One that must be refused: the sentence, which --json has as well.
export function refused(baton, ...args) {
	const out = on(baton, ...args);
	assert.equal(out.code, 1, `${args.join(' ')}: ${out.stdout}${out.stderr}`);
	assert.equal(out.stdout, '', 'a refusal goes to stderr');
	return out.stderr;
}
export const releases = (baton) => json(baton, 'module', 'releases');
export const live = (baton) => releases(baton).live;
export const generations = (baton) => json(baton, 'module', 'list').generations;
export const generation = (baton, module, state = 'active') =>
	generations(baton).find((g) => g.module === module && g.state === state);

// Looks again until it holds; nothing announces what a server does behind its answer.
export async function soon(find, what, ms = 8000 * SLOW) {
	const until = performance.now() + ms;
	for (;;) {
		const found = await find();
		if (found)
			return found;
		if (performance.now() > until)
			throw new Error(`no ${what} within ${ms} ms`);
		await sleep(40);
	}
}

// The operations log, once it has enough.
export function operations(baton, enough) {
	return soon(() => {
		const out = run(['transcript', 'operations', '--data', baton.data, '--json']);
		const events = out.code === 0 ? out.stdout.trim().split('\n').filter(Boolean).map((l) => JSON.parse(l)) : [];
		return enough(events) && events;
	}, 'such an operations log');
}

// A module's file at a place of its own; `more`: other bytes (and so another sha256) of the same code.
export function copyOf(name, { more = '', dir = tempDir('so') } = {}) {
	const to = path.join(dir, name);
	copyFileSync(path.join(MODULES, name), to);
	if (more)
		spawnSync('bash', ['-c', 'printf %s "$1" >>"$2"', '-', more, to]);
	chmodSync(to, 0o644);
	return to;
}

const number = (value) => Number.isSafeInteger(value) && value >= 0;
const text = (value) => typeof value === 'string';
const flat = (test) => (value) => value === null || test(value);
const FORMS = {
	release: { number, state: (v) => ['live', 'staged', 'canary', 'draining'].includes(v), since_ms: number, pins: number,
		policy_sha12: (v) => /^[0-9a-f]{12}$/.test(v), files_changed: number, modules: Array.isArray },
	generation: { generation: number, module: text, kind: (v) => ['classifier', 'provider', 'rule', 'transcript', 'retriever'].includes(v), id: text,
		version: text, sha12: (v) => /^[0-9a-f]{12}$/.test(v),
		state: (v) => ['active', 'staged', 'canary', 'draining', 'resident', 'quarantined'].includes(v), isolation: (v) => ['inline', 'process'].includes(v),
		abi: (v) => /^\d+\.\d+$/.test(v), pins: number, calls: number, fails: number, p95_ms: number, violations: number, overruns: number,
		crashes: number, resident: flat(text), since_ms: number },
	turn: { release: number, worker: number, session: (v) => /^[0-9a-f-]{36}$/.test(v), turn: number, for_ms: number, deadline_ms: number },
	past: { number, policy_sha12: text, ended_ms: number },
};
export function assertForm(kind, object) {
	for (const [name, test] of Object.entries(FORMS[kind]))
		assert.ok(test(object[name]), `${kind}.${name} is ${JSON.stringify(object[name])}`);
}
