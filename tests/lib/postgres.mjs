// SPDX-License-Identifier: Apache-2.0
//
// A PostgreSQL server of the test's own (postgres.sh): a folder, a Unix socket, no port.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './baton.mjs';

const SCRIPT = path.join(ROOT, 'tests', 'lib', 'postgres.sh');

function script(...args) {
	const out = spawnSync(SCRIPT, args, { encoding: 'utf8', timeout: 60000 });
	assert.equal(out.status, 0, `postgres.sh ${args.join(' ')}: ${out.stderr}`);
	return out.stdout.trim();
}

export const present = spawnSync('bash', ['-c', 'ls /usr/lib/postgresql/*/bin/initdb'], { encoding: 'utf8' }).status === 0;

export class Postgres {
	constructor() {
		this.dir = script('make');
		process.on('exit', () => this.remove());
	}

	start() { script('start', this.dir); }
	stop() { script('stop', this.dir); }
	kill() { script('kill', this.dir); }
	signal(name) { script('signal', name, this.dir); }
	remove() {
		if (this.dir)
			spawnSync(SCRIPT, ['remove', this.dir]);
		this.dir = null;
	}

	// The rows of a query, as lists of texts.
	rows(sql) {
		const out = spawnSync('psql', ['-h', this.dir, '-U', 'owner', '-AtqX', '-c', 'SET client_min_messages = error', '-F', '\t', '-c', sql, 'baton'], { encoding: 'utf8', maxBuffer: 64 << 20, timeout: 60000 });
		assert.equal(out.status, 0, out.stderr);
		return out.stdout.split('\n').filter(Boolean).map((line) => line.split('\t'));
	}
	number(sql) { return Number(this.rows(sql)[0][0]); }

	// The module's entry in modules.yaml.
	entry(name = 'postgres', config = {}, more = {}) {
		return { name, kind: 'transcript', file: 'transcript-postgres.so', ...more,
			config: { connection: `host=${this.dir} user=archive dbname=baton`, create_table: true, ...config } };
	}
}
