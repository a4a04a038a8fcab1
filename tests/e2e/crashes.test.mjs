// SPDX-License-Identifier: Apache-2.0
//
// Module code inside the server's process crashes or holds a loop for good. The supervisor brings the
// server back, the record says who it was, the file goes into quarantine and the last good one takes its
// place; the customer who was waiting gets the answer. Each server here is crashed for real.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, BIN, ROOT, SLOW, tempDir, VARIANT } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { desk, SAYS, write } from '../lib/policies.mjs';

const FIXTURES = path.join(ROOT, 'build', VARIANT, 'tests', 'modules');
// The sanitizers report crashes themselves and end the process their way.
// A crash may break what a test waits for: none waits for ever.
const options = { timeout: 60000 * SLOW };
const skip = VARIANT !== 'release' && 'with a sanitizer no crash is attributed';

function set(mood) {
	return write(tempDir('policy'), {
		'modules.yaml': { modules: [{ name: 'acme', file: 'acme.so', kind: 'provider', isolation: 'inline', config: { mood } }] },
		'targets.yaml': { targets: [{ name: 't0', provider: 'acme', model: 'm', account: 'one', prompt: 'assistant', max_output_tokens: 500 }] },
		'routes.yaml': { routes: [{ intent: 'default', primary: 't0', class: 'general', tier: 1 }] },
		'classes.yaml': { classes: [{ name: 'general', on_failure: 'fallback' }] },
		'desk.yaml': desk(),
		'channel.yaml': { origins: ['self'], say: SAYS },
		'prompts/assistant.md': 'Answer the customer of a small shop.\n',
	});
}

// Two files that may be called acme.so: one answers "ok" whatever its mood, the other has moods.
const running = [];
async function started(options) {
	const baton = new Baton(options);
	running.push(baton);
	return baton.start();
}
// Also of a test that has failed; what is supervised goes with its supervisor.
afterEach(() => running.splice(0).forEach((baton) => baton.alive && baton.child?.kill('SIGKILL')));

class Shop {
	constructor(mood) {
		this.modules = path.join(tempDir('modules'), 'm');
		mkdirSync(this.modules, { mode: 0o755 });
		this.policies = set(mood);
		this.data = tempDir('data');
	}

	install(fixture) {
		const file = path.join(this.modules, 'acme.so');
		copyFileSync(path.join(FIXTURES, fixture), `${file}.new`);
		chmodSync(`${file}.new`, 0o644);
		// Not in place: by rename, as make install does.
		copyFileSync(`${file}.new`, file);
		return this;
	}

	start(options = {}) {
		return started({ policies: this.policies, data: this.data, modules: this.modules, port: this.port, workers: 2, ...options });
	}

	// A server that serves well once, so that its file is on the shelf.
	async serveOnce() {
		const baton = await this.install('calm.so').start();
		this.port = baton.port;
		const customer = await ask(baton);
		await customer.end();
		await baton.stop();
		return this;
	}

	shelf() {
		return JSON.parse(readFileSync(path.join(this.data, 'shelf', 'index.json'), 'utf8'));
	}
}

async function ask(baton, options = {}) {
	const customer = new Customer(baton, options);
	await customer.connect();
	return again(customer);
}

async function again(customer, ms) {
	const { seq } = await customer.say('where is my order?');
	const answer = await customer.answer(seq, ms);
	assert.equal(answer.text, 'ok');
	return customer;
}

async function until(what, fn, ms = 15000 * SLOW) {
	for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
		const got = await fn();
		if (got)
			return got;
	}
	throw new Error(`${what}: not within ${ms} ms`);
}

function events(baton, name) {
	return baton.stderr.split('\n').filter((line) => line.includes(`"event":"${name}"`)).map((line) => JSON.parse(line));
}

describe('a module that ends the server', { skip }, () => {
	test('at start: the server is up within three seconds, on the last good file', options, async () => {
		const shop = await new Shop('activate_crash').serveOnce();
		const baton = await shop.install('moody.so').start({ args: ['--supervise'] });
		assert.ok(baton.ready_ms < 3000, `ready after ${baton.ready_ms} ms`);
		await (await ask(baton)).end();
		const [crash] = events(baton, 'last_process_crashed');
		assert.match(crash.in, /^acme gen \d+ at offset 0x[0-9a-f]+ in activate: SIGSEGV$/);
		assert.equal(events(baton, 'server_crashed').length, 1);
		assert.equal(events(baton, 'module_quarantined').length, 1);
		assert.equal(events(baton, 'module_replaced_by_last_good').length, 1);
		assert.match(shop.shelf().quarantined[0].reason, /^it ended the server at start: SIGSEGV at 0x/);
		await baton.stop();
		console.log(`# up again ${Math.round(baton.ready_ms)} ms after the start of a server that its module kills`);
	});

	test('at a question: the customer gets the answer from the last good file', options, async () => {
		const shop = await new Shop('second_crash').serveOnce();
		const baton = await shop.install('moody.so').start({ args: ['--supervise'] });
		const customer = await ask(baton, { auto: true });
		await again(customer);
		await customer.end();
		assert.equal(events(baton, 'server_crashed').length, 1);
		assert.match(events(baton, 'last_process_crashed')[0].in, / in start: SIGSEGV$/);
		await baton.stop();
	});

	test('without any good file of it: in a process of its own, where it ends nobody else', options, async () => {
		const shop = new Shop('second_crash').install('moody.so');
		const first = await shop.start(); // its file is on the shelf, and no other
		shop.port = first.port;
		await first.stop();
		const baton = await shop.start({ args: ['--supervise'] });
		const customer = await ask(baton, { auto: true });
		await again(customer); // its process is a new one: its first question
		await again(customer); // it crashes, and the same turn asks it again
		await customer.end();
		assert.equal(events(baton, 'server_crashed').length, 1);
		assert.equal(events(baton, 'module_confined').length, 1);
		assert.ok(events(baton, 'module_crashed').length >= 1);
		await baton.stop();
	});

	test('holding a loop: it is ended, named and replaced', options, async () => {
		const shop = await new Shop('second_hang').serveOnce();
		const baton = await shop.install('moody.so').start({ args: ['--supervise'] });
		const customer = await ask(baton, { auto: true });
		await again(customer, 30000);
		await customer.end();
		assert.match(events(baton, 'last_process_crashed')[0].in, /^acme gen \d+ at offset 0x[0-9a-f]+ in start: it held the loop for 10 s$/);
		assert.match(shop.shelf().quarantined[0].reason, /^it held the server: hang at 0x/);
		assert.deepEqual(events(baton, 'server_crashed').map((e) => e.signal), ['ABRT']);
		await baton.stop();
	});

	test('a file in quarantine is refused until it is forgiven', options, async () => {
		const shop = await new Shop('activate_crash').serveOnce();
		let baton = await shop.install('moody.so').start({ args: ['--supervise'] });
		await baton.stop();
		const sha = shop.shelf().quarantined[0].sha256;
		// Again, and not crashed again: it is known.
		baton = await shop.start();
		assert.equal(events(baton, 'module_replaced_by_last_good').length, 1);
		await (await ask(baton)).end();
		await baton.stop();
		assert.equal(shop.shelf().quarantined[0].sha256, sha);
	});
});

describe('baton serve --supervise', () => {
	const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

	test('starts again what was killed, and ends when it is asked to', options, async () => {
		const shop = new Shop('fine').install('calm.so');
		const baton = await shop.start({ args: ['--supervise'] });
		const [first] = children(baton.child.pid);
		process.kill(first, 'SIGKILL');
		const second = await until('a second child', () => children(baton.child.pid).find((pid) => pid !== first));
		// Ready again: its state file names the process.
		await until('server.json', () => {
			const file = path.join(shop.data, 'run', 'server.json');
			return existsSync(file) && readFileSync(file, 'utf8').includes(`"pid":${second},`);
		});
		assert.equal(baton.ready.pid, first);
		await baton.stop();
		assert.equal(existsSync(`/proc/${second}`), false);
	});

	test('hands on how a server ends that cannot start', options, async () => {
		const child = spawn(BIN, ['serve', '--supervise', '--policies', '/nowhere', '--data', tempDir('data')], { stdio: 'ignore' });
		assert.deepEqual(await new Promise((go) => child.once('exit', (code, signal) => go({ code, signal }))), { code: 1, signal: null });
	});

	test('takes the server with it when it is killed itself', options, async () => {
		const baton = await new Shop('fine').install('calm.so').start({ args: ['--supervise'] });
		const [child] = children(baton.child.pid);
		baton.child.kill('SIGKILL');
		await until('the end of the server', () => !existsSync(`/proc/${child}`));
	});
});
