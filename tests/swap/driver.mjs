// SPDX-License-Identifier: Apache-2.0
//
// Who changes everything while the customers talk: modules are swapped, rules are reloaded, canaries begin
// and end, and in between come files and policies that must be refused. One change after the other
// over the control socket; what was asked, how it ended and how long it took is kept.

import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SLOW, VARIANT } from '../lib/baton.mjs';
import { fixture, rulesOf } from './set.mjs';

const ANSWER_MS = 30000 * SLOW;

// A connection to the control socket: answers come in the order of the questions.
export class Asker {
	static async open(baton) {
		const asker = new Asker();
		asker.waiting = [];
		asker.socket = net.connect(path.join(baton.data, 'control.sock'));
		let text = '';
		asker.socket.setEncoding('utf8').on('data', (part) => {
			text += part;
			const lines = text.split('\n');
			text = lines.pop();
			for (const line of lines)
				asker.#line(JSON.parse(line));
		});
		const over = () => {
			for (const one of asker.waiting.splice(0))
				one.fail(new Error('the control socket closed'));
			asker.closed = true;
		};
		asker.socket.on('close', over);
		await new Promise((go, fail) => { asker.socket.once('connect', go); asker.socket.once('error', fail); });
		asker.socket.on('error', over);
		return asker;
	}

	// Steps of a change are told before its answer; they have no `ok`.
	#line(line) {
		if (line.ok === undefined)
			return;
		this.waiting.shift()?.go(line);
	}

	ask(verb, members = {}) {
		const began = performance.now();
		return new Promise((go, fail) => {
			const late = setTimeout(() => fail(new Error(`no answer to ${verb} ${JSON.stringify(members)}`)), ANSWER_MS);
			const one = { go: (line) => { clearTimeout(late); go({ ...line, took_ms: performance.now() - began }); },
				fail: (error) => { clearTimeout(late); fail(error); } };
			if (this.closed)
				return one.fail(new Error('the control socket is closed'));
			this.waiting.push(one);
			this.socket.write(`${JSON.stringify({ do: verb, ...members })}\n`);
		});
	}

	close() {
		this.socket.destroy();
	}
}

// Files that no server may take, whoever asks.
export const BAD_FILES = ['no_note', 'other_major', 'newer_minor', 'two_exports', 'wrong_id', 'wrong_magic', 'exec_stack', 'static_tls', 'forbidden',
	'bad_load', 'row_step_load', 'row_step_create', 'row_step_config', 'crash_constructor', 'crash_load']
	.filter((name) => VARIANT === 'release' || !name.startsWith('crash')); // a sanitizer in the trial's process would call it a finding

// Policies that no server may take: file and contents.
export const BAD_POLICIES = [
	['escalation.yaml', 'rules: [{ id: broken, when: "intent ==", action: escalate, reason: x }]\n'],
	['escalation.yaml', 'rules:\n- id: [\n'],
	['routes.yaml', 'routes: [{ intent: default, primary: nobody, class: general, tier: 1 }]\n'],
	['modules.yaml', 'modules: []\n'],
];

export class Driver {
	// modules: those that are swapped; each has a pace of its own between min_ms and max_ms.
	constructor(baton, { modules = ['classifier', 'reel', 'articles', 'rules', 'transcripts'], versions = { reel: ['provider-reel', 'provider-reel2'] },
		min_ms = 10, max_ms = 1000, canaries = true, bad = true } = {}) {
		Object.assign(this, { baton, modules, versions, min_ms, max_ms, canaries, bad, going: true, done: [], wrong: [], serial: 0 });
		this.count = { swaps: 0, reloads: 0, refused: 0, canaries: 0, promoted: 0, rolled_back: 0 };
	}

	async open() {
		this.asker = await Asker.open(this.baton);
		return this;
	}

	drive() {
		this.running = this.#drive().catch((error) => { this.wrong.push(String(error)); });
		return this;
	}

	async stop() {
		this.going = false;
		await this.running;
		this.asker.close();
	}

	// Each module has its own next time; the one that is due first goes first.
	async #drive() {
		const due = new Map(this.modules.map((name) => [name, performance.now() + this.#pause()]));
		for (let n = 1; this.going; n++) {
			const [name, at] = [...due].sort((a, b) => a[1] - b[1])[0];
			await sleep(Math.max(0, at - performance.now()));
			if (!this.going)
				return;
			await this.swap(name);
			due.set(name, performance.now() + this.#pause());
			if (n % 9 === 0)
				await this.reload();
			if (this.bad && n % 7 === 0)
				await this.badFile(name);
			if (this.bad && n % 23 === 0)
				await this.badPolicy();
			if (this.canaries && n % 31 === 0)
				await this.canary(name);
		}
	}

	// Between min and max, as often short as long.
	#pause() {
		return this.min_ms * (this.max_ms / this.min_ms) ** Math.random();
	}

	#note(kind, what, answer) {
		this.done.push({ at: performance.now(), kind, what, ok: answer.ok, ms: answer.took_ms, text: answer.text ?? answer.error?.message ?? '' });
		return answer;
	}

	async #must(kind, verb, members) {
		const answer = this.#note(kind, members.module ?? '', await this.asker.ask(verb, members));
		if (!answer.ok && this.wrong.length < 20)
			this.wrong.push(`${verb} ${JSON.stringify(members)}: ${answer.error.code}: ${answer.error.message}`);
		return answer;
	}

	async #mustNot(what, verb, members) {
		const answer = this.#note('refused', what, await this.asker.ask(verb, members));
		if (answer.ok)
			this.wrong.push(`${verb} of ${what} was taken: ${JSON.stringify(answer)}`);
		else if (!/[^\n]{10,}/.test(answer.error.message) || answer.error.message.includes('\n'))
			this.wrong.push(`${verb} of ${what}: not one clear line: ${JSON.stringify(answer.error.message)}`);
		else
			this.count.refused++;
		return answer;
	}

	#path(name) {
		const files = this.versions[name];
		return files ? { path: fixture(files[++this.serial % files.length]) } : {};
	}

	async swap(name) {
		const answer = await this.#must('swap', 'module.swap', { module: name, ...this.#path(name) });
		this.count.swaps += answer.ok ? 1 : 0;
		return answer;
	}

	async reload() {
		writeFileSync(path.join(this.baton.policies, 'escalation.yaml'), JSON.stringify(rulesOf(++this.serial)));
		const answer = await this.#must('reload', 'reload', { why: 'other rules' });
		this.count.reloads += answer.ok ? 1 : 0;
		return answer;
	}

	async badFile(name) {
		const bad = BAD_FILES[++this.serial % BAD_FILES.length];
		return this.#mustNot(bad, 'module.swap', { module: name, path: fixture(bad) });
	}

	async badPolicy() {
		const [name, text] = BAD_POLICIES[++this.serial % BAD_POLICIES.length];
		const file = path.join(this.baton.policies, name), good = readFileSync(file);
		writeFileSync(file, text);
		try {
			return await this.#mustNot(name, 'reload', { why: 'a mistake' });
		} finally {
			writeFileSync(file, good);
		}
	}

	async canary(name) {
		const answer = await this.#must('canary', 'module.canary', { module: name, ...this.#path(name), share_ppm: 300000 });
		if (!answer.ok)
			return;
		this.count.canaries++;
		await sleep(200 + Math.random() * 300);
		const good = this.serial++ % 2 === 0;
		const end = await this.#must(good ? 'promote' : 'rollback', good ? 'release.promote' : 'release.rollback', { why: 'by the test' });
		if (end.ok)
			this.count[good ? 'promoted' : 'rolled_back']++;
	}
}
