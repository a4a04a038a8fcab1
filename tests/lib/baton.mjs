// SPDX-License-Identifier: Apache-2.0
//
// One server process under test: started on a port of its own with a data directory of its own,
// stopped, killed and started again on the same data. Everything it prints is kept; a sanitizer's
// report or a crash makes stop() throw, so that no test has to think of it.
//
// V picks the build (release, asan, tsan), BATON_BIN another binary.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { betweenFiles } from './kept.mjs';
import { clean, keepSecret, seen } from './seen.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const VARIANT = process.env.V ?? 'release';
export const BIN = process.env.BATON_BIN ?? path.join(ROOT, 'build', VARIANT, 'baton');
export const MODULES = path.join(ROOT, 'build', VARIANT, 'modules');
// Sanitizers make everything slower, and so do other tests beside (BATON_PATIENCE=2); patience is not what tests measure.
export const SLOW = (VARIANT === 'release' ? 1 : 4) * (Number(process.env.BATON_PATIENCE) || 1);

export const AGENTS = { nina: 'token-of-nina-0123456789abcdef', omar: 'token-of-omar-0123456789abcdef',
	sara: 'token-of-sara-0123456789abcdef' };

const SANITIZERS = {
	ASAN_OPTIONS: 'abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1',
	UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
	TSAN_OPTIONS: 'halt_on_error=0:second_deadlock_stack=1',
};

let scratchDir;
const temps = [];
function removeTemps() {
	for (const dir of temps.splice(0))
		if (!process.env.KEEP)
			rmSync(dir, { recursive: true, force: true, maxRetries: 5 }); // of a server that was killed just now
	scratchDir = undefined;
}
process.on('exit', removeTemps);

export function tempDir(name = 'e2e') {
	const dir = mkdtempSync(path.join(tmpdir(), `baton-${name}-`));
	temps.push(dir);
	return dir;
}

// Where processes run: what they leave behind there, they do not leave in the tree.
function scratch() {
	scratchDir ??= tempDir('cwd');
	return scratchDir;
}

function environment(extra = {}) {
	const env = { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: tmpdir(), ...SANITIZERS };
	for (const [id, token] of Object.entries(AGENTS))
		env[`BATON_SECRET_AGENT_${id.toUpperCase()}`] = token;
	return { ...env, ...extra };
}

// Runs a command to its end. Bounded: a command that hangs is a finding.
export function run(args, { env = {}, timeout = 20000 * SLOW, input } = {}) {
	const out = spawnSync(BIN, args, { cwd: scratch(), env: environment(env), encoding: 'utf8', timeout, input, maxBuffer: 256 << 20 });
	assert.equal(out.error, undefined, `baton ${args.join(' ')}: ${out.error}`);
	assert.doesNotMatch(out.stderr, /AddressSanitizer|runtime error:|LeakSanitizer|ThreadSanitizer/);
	return { code: out.status, signal: out.signal, stdout: out.stdout, stderr: out.stderr };
}

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

// What a test that failed has left behind must not meet the next one.
export function killServers() {
	running.forEach((child) => child.kill('SIGKILL'));
}

betweenFiles(() => {
	killServers();
	removeTemps();
});

export class Baton {
	#exited;

	constructor(options = {}) {
		this.policies = options.policies ?? path.join(ROOT, 'policies', 'shop');
		this.data = options.data ?? tempDir('data');
		this.workers = options.workers ?? Number.parseInt(process.env.WORKERS ?? '2', 10);
		this.env = options.env ?? {};
		this.args = options.args ?? [];
		this.modules = options.modules ?? MODULES;
		this.port = options.port ?? 0;
		this.stderr = '';
		this.starts = 0;
	}

	static start(options) {
		return new Baton(options).start();
	}

	// Ready when the server says so on stdout; `ready_ms` is how long that took.
	async start() {
		assert.ok(existsSync(BIN), `${BIN} is not built`);
		keepSecret(environment(this.env));
		const began = performance.now();
		const child = this.child = spawn(BIN, ['serve', '--policies', this.policies, '--data', this.data,
			'--listen', `127.0.0.1:${this.port}`, '--workers', String(this.workers), '--modules', this.modules,
			'--web', path.join(ROOT, 'channels', 'web'), '--allow-loopback-http', '--json', ...this.args],
		{ cwd: scratch(), env: environment(this.env), stdio: ['ignore', 'pipe', 'pipe'] });
		running.add(child);
		this.starts++;
		this.#exited = new Promise((go) => child.once('exit', (code, signal) => {
			running.delete(child);
			this.exit = { code, signal };
			go(this.exit);
		}));
		this.exit = null;
		child.stderr.setEncoding('utf8').on('data', (text) => { this.stderr = (this.stderr + text).slice(-(4 << 20)); });
		const ready = await this.#ready(child);
		this.ready_ms = performance.now() - began;
		this.base = ready.base;
		this.port = Number(new URL(ready.base).port); // a restart listens where clients look for it
		this.ready = ready;
		// A file whose tests are over ends, also if one of them failed and left its server (see above).
		for (const part of [child, child.stdout, child.stderr])
			part.unref();
		return this;
	}

	// Who waits for the end keeps the process alive for it.
	get exited() {
		if (this.alive)
			this.child.ref();
		return this.#exited;
	}

	#ready(child) {
		return new Promise((go, fail) => {
			let text = '';
			const timer = setTimeout(() => { child.kill('SIGKILL'); fail(new Error(`not ready in time\n${this.stderr}`)); }, 20000 * SLOW);
			child.stdout.setEncoding('utf8').on('data', (part) => {
				text += part;
				const line = text.split('\n').find((l) => l.startsWith('{') && l.includes('"ready"'));
				if (!line || !text.includes('\n'))
					return;
				clearTimeout(timer);
				go(JSON.parse(line));
			});
			// Ended is one thing, all that it said read another.
			const closed = new Promise((read) => child.once('close', read));
			this.#exited.then(async (exit) => {
				clearTimeout(timer);
				await closed;
				fail(new Error(`ended before it was ready: ${JSON.stringify(exit)}\n${this.stderr}`));
			});
		});
	}

	get alive() {
		return this.exit === null;
	}

	// The orderly way. Throws if the server crashed, leaked or did not end in time.
	async stop() {
		if (this.alive)
			await this.#look();
		if (this.alive)
			this.child.kill('SIGTERM');
		const late = setTimeout(() => this.child.kill('SIGKILL'), 20000 * SLOW);
		const { code, signal } = await this.exited;
		clearTimeout(late);
		this.assertClean();
		assert.deepEqual({ code, signal }, { code: 0, signal: null }, `stop: ${this.stderr.slice(-2000)}`);
	}

	// What /metrics says at the end. A server that does not answer any more (full, stopped, TLS) has another test for that.
	async #look() {
		const text = await this.http('/metrics', { signal: AbortSignal.timeout(2000 * SLOW) }).then((got) => got.text()).catch(() => undefined);
		if (text)
			seen('/metrics', [text]);
	}

	// The other way: kill -9.
	async kill() {
		assert.ok(this.alive, `was dead before it was killed: ${JSON.stringify(this.exit)}\n${this.stderr.slice(-4000)}`);
		this.child.kill('SIGKILL');
		await this.exited;
		this.assertClean();
	}

	// No sanitizer has said anything, and nothing that must not be seen stands in the log.
	assertClean() {
		clean('the log', this.stderr);
		const at = this.stderr.search(/AddressSanitizer|runtime error:|LeakSanitizer|ThreadSanitizer|assertion/i);
		assert.equal(at, -1, this.stderr.slice(Math.max(0, at), at + 6000));
	}

	http(path, init = {}) {
		return fetch(this.base + path, { redirect: 'manual', signal: AbortSignal.timeout(10000 * SLOW), ...init });
	}

	// What the store holds of a session; the server must be stopped.
	transcript(session) {
		const out = run(['transcript', session, '--data', this.data, '--json']);
		assert.equal(out.code, 0, `transcript ${session}: ${out.stderr}`);
		return out.stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
	}

	// The same of many sessions, out of one process: by session, in their order.
	transcripts(sessions) {
		const asked = [...new Set(sessions)], logs = new Map();
		if (!asked.length) // there may be no journal yet
			return logs;
		const out = run(['transcript', '-', '--data', this.data, '--json'], { input: `${asked.join('\n')}\n`, timeout: 60000 * SLOW });
		assert.equal(out.code, 0, `transcripts: ${out.stderr}`);
		let log;
		for (const line of out.stdout.split('\n').filter(Boolean).map((text) => JSON.parse(text)))
			if (line.session === undefined)
				log.push(line);
			else
				logs.set(line.session, log = []);
		assert.deepEqual([...logs.keys()], asked);
		return logs;
	}

	fsck() {
		return run(['fsck', '--data', this.data, '--json'], { timeout: 60000 * SLOW });
	}
}
