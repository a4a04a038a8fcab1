// SPDX-License-Identifier: Apache-2.0
//
// What the tests of rows and of hostile modules stand on: a server with a folder of module files of its
// own, its control socket, customers; and results of unit tests, by name.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, ROOT, SLOW, VARIANT } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { Asker } from './driver.mjs';
import { fixture, moduleDir, smallSet } from './set.mjs';

const open = new Set();

// A port that stays the same over restarts.
export async function freePort() {
	const server = net.createServer();
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	const { port } = server.address();
	await new Promise((go) => server.close(go));
	return port;
}

// For after(): nothing of a test that failed stays behind.
export async function killAll() {
	for (const ground of open)
		if (ground.baton.alive)
			await ground.baton.kill().catch(() => {});
}

export class Ground {
	// modules: entries of modules.yaml; files: { 'as.so': 'fixture' }. More options as of smallSet and Baton.
	static async start({ modules, files = {}, policies, set = {}, env, args = [], workers = 2, data, moduleFolder, supervised = false } = {}) {
		const ground = new Ground();
		ground.modules = moduleFolder ?? moduleDir(files);
		ground.policies = policies ?? smallSet(modules, set);
		ground.baton = new Baton({ policies: ground.policies, modules: ground.modules, env, workers, data,
			args: supervised ? [...args, '--supervise'] : args, port: supervised ? await freePort() : 0 });
		open.add(ground);
		await ground.baton.start();
		ground.asker = await Asker.open(ground.baton);
		return ground;
	}

	// One provider module `one` from the fixture, and what else there is.
	static one(name, more = {}) {
		const { set, config = {}, isolation, ...rest } = more;
		return Ground.start({ modules: [{ name: 'one', kind: 'provider', file: 'one.so', config, ...(isolation ? { isolation } : {}) }, ...(rest.modules ?? [])],
			files: { 'one.so': name, ...(rest.files ?? {}) }, set, ...Object.fromEntries(Object.entries(rest).filter(([k]) => !['modules', 'files'].includes(k))) });
	}

	// After a restart.
	async reopen() {
		this.asker.close();
		this.asker = await this.until(() => Asker.open(this.baton).catch(() => null), 'the control socket is back');
	}

	async do(verb, members = {}) {
		const answer = await this.asker.ask(verb, members);
		assert.equal(answer.ok, true, JSON.stringify(answer));
		return answer;
	}

	// Must be refused; resolves with the one line of reason, which must match.
	async refused(verb, members, like = /./) {
		const answer = await this.asker.ask(verb, members);
		assert.equal(answer.ok, false, `it was taken: ${JSON.stringify(answer)}`);
		assert.match(answer.error.message, /^[^\n]{10,}$/, 'one clear line');
		assert.match(answer.error.message, like);
		return answer.error.message;
	}

	swap(module, name, members = {}) {
		return this.do('module.swap', { module, ...(name ? { path: fixture(name) } : {}), ...members });
	}

	swapRefused(module, name, like) {
		return this.refused('module.swap', { module, path: fixture(name) }, like);
	}

	async live() {
		return (await this.do('releases')).live;
	}

	async generations(module) {
		return (await this.do('modules')).generations.filter((g) => !module || g.module === module);
	}

	async active(module) {
		return (await this.generations(module)).find((g) => g.state === 'active');
	}

	async customer() {
		const customer = new Customer(this.baton);
		await customer.connect();
		return customer;
	}

	// Asks as a new customer; resolves with the answer's text.
	async ask(text = 'hello', ms) {
		const customer = await this.customer();
		try {
			const { seq } = await customer.say(text);
			return (await customer.answer(seq, ms)).text;
		} finally {
			await customer.end();
		}
	}

	// ... with whatever became of it: { text } or { queued }.
	async outcome(text = 'hello', ms) {
		const customer = await this.customer();
		try {
			const { seq } = await customer.say(text);
			const what = await customer.outcome(seq, ms);
			return { session: customer.session, text: what.text, queued: what.name !== undefined };
		} finally {
			await customer.end();
		}
	}

	async metrics() {
		return (await this.baton.http('/metrics')).text();
	}

	async until(find, what, ms = 8000) {
		for (const end = performance.now() + ms * SLOW; performance.now() < end; await sleep(20)) {
			const found = await find();
			if (found)
				return found;
		}
		assert.fail(`never: ${what}\n${this.baton.stderr.slice(-1500)}`);
	}

	// No old release is left.
	settled(ms) {
		return this.until(async () => (await this.do('releases')).releases.length === 1, 'old releases go', ms);
	}

	async stop() {
		this.asker.close();
		await this.baton.stop();
		open.delete(this);
	}
}

// --- what other tests show ---------------------------------------------------------------------

const ran = new Map();

function tap(program, args = []) {
	if (!ran.has(program)) {
		const out = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', timeout: 240000, env: { ...process.env, CMOCKA_MESSAGE_OUTPUT: 'TAP' }, maxBuffer: 64 << 20 });
		ran.set(program, `${out.stdout}\n${out.stderr}`);
	}
	return ran.get(program);
}

// Each of these tests of a unit-test program must have been run, and held.
export function shownBy(program, ...names) {
	const out = tap(path.join(ROOT, 'build', VARIANT, 'tests', program));
	for (const name of names) {
		const line = out.split('\n').find((l) => new RegExp(`^(not )?ok \\d+ - ${name}$`).test(l));
		assert.ok(line, `${program} has no test ${name}:\n${out.slice(-800)}`);
		assert.match(line, /^ok /, `${program}: ${name} failed`);
	}
}

// A check of tests/lint holds.
export function lint(name) {
	const out = spawnSync(path.join(ROOT, 'tests', 'lint', `${name}.sh`), { cwd: ROOT, encoding: 'utf8' });
	assert.equal(out.status, 0, out.stdout + out.stderr);
}
