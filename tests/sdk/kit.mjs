// SPDX-License-Identifier: Apache-2.0
//
// What the files of this folder share: the installed tree, commands in clean folders, modules made with
// `baton module new`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

export const SDK = process.env.SDK_ROOT;
export const WORK = process.env.SDK_WORK;
assert.ok(SDK && WORK, 'tests/sdk/run.sh starts these tests');
export const BATON = path.join(SDK, 'bin/baton');
export const KINDS = ['provider', 'classifier', 'rule', 'retriever', 'transcript', 'tool', 'guard'];
export const LANGS = ['c', 'c++'];

// Nothing of ours in the environment but where the package is.
const env = { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR ?? '/tmp', LANG: 'C.UTF-8',
	PKG_CONFIG_PATH: process.env.PKG_CONFIG_PATH };

export function sh(command, args, { cwd = WORK, timeout = 120000, extra = {} } = {}) {
	const out = spawnSync(command, args, { cwd, encoding: 'utf8', timeout, env: { ...env, ...extra }, maxBuffer: 64 << 20 });
	return { code: out.status, text: `${out.stdout}${out.stderr}`, stdout: out.stdout, stderr: out.stderr };
}

export function good(command, args, options) {
	const out = sh(command, args, options);
	assert.equal(out.code, 0, `${command} ${args.join(' ')}: ${out.code}\n${out.text}`);
	return out;
}

/** Makes a module, or gives the one that is there. */
export function made(kind, lang) {
	const name = lang === 'c' ? 'acme' : 'acme-plus';
	const in_ = path.join(WORK, lang);
	const folder = path.join(in_, `${kind}-${name}`);
	if (!existsSync(folder)) {
		mkdirSync(in_, { recursive: true });
		good(BATON, ['module', 'new', kind, name, in_, '--lang', lang]);
	}
	return { folder, name, id: `${kind}-${name}`, so: path.join(folder, 'build/release', `${kind}-${name}.so`) };
}
