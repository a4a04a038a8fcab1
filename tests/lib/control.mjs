// SPDX-License-Identifier: Apache-2.0
//
// A client of the control socket (docs/CONTROL.md): asks, and keeps conversations apart by their key.
// Nothing sleeps: until() looks again whenever a line arrives.

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { SLOW } from './baton.mjs';

const PATIENCE_MS = 8000 * SLOW;

export class Control {
	constructor(baton) {
		this.path = path.join(baton.data, 'control.sock');
		this.lines = []; // everything that came, parsed
		this.waiters = new Set();
		this.ended = false;
		this.tags = 0;
	}

	static open(baton) {
		return new Control(baton).connect();
	}

	async connect() {
		this.socket = net.connect({ path: this.path, allowHalfOpen: true });
		let text = '';
		this.socket.setEncoding('utf8').on('data', (part) => {
			text += part;
			const parts = text.split('\n');
			text = parts.pop();
			for (const line of parts)
				this.lines.push(JSON.parse(line));
			this.#wake();
		});
		const over = () => { this.ended = true; this.#wake(); };
		this.socket.on('end', over).on('close', over);
		await new Promise((go, fail) => { this.socket.once('connect', go); this.socket.once('error', fail); });
		this.socket.on('error', over);
		return this;
	}

	#wake() {
		for (const look of [...this.waiters])
			look();
	}

	until(find, what, ms = PATIENCE_MS) {
		return new Promise((go, fail) => {
			const done = (fn, value) => { clearTimeout(timer); this.waiters.delete(look); fn(value); };
			const look = () => {
				const value = find();
				if (value)
					done(go, value);
			};
			const timer = setTimeout(() => done(fail, new Error(`no ${what} within ${ms} ms: ${JSON.stringify(this.lines.slice(-20))}`)), ms);
			this.waiters.add(look);
			look();
		});
	}

	write(text) {
		this.socket.write(text);
	}
	send(object) {
		this.write(JSON.stringify(object) + '\n');
	}

	// Asks and resolves with the answer, whatever it is.
	async ask(request) {
		const tag = `t${++this.tags}`;
		this.send({ ...request, tag });
		return this.until(() => this.lines.find((l) => l.tag === tag && l.ok !== undefined), `answer to ${JSON.stringify(request)}`);
	}
	// Asks for something that must work.
	async do(verb, members = {}) {
		const answer = await this.ask({ do: verb, ...members });
		assert.equal(answer.ok, true, JSON.stringify(answer));
		return answer;
	}
	// Asks for something that must be refused with this code; resolves with the sentence.
	async refused(code, request) {
		const answer = await this.ask(request);
		assert.equal(answer.ok, false, JSON.stringify(answer));
		assert.equal(answer.error.code, code, JSON.stringify(answer));
		assert.ok(answer.error.message.length > 5, JSON.stringify(answer));
		return answer.error.message;
	}

	async converse(key, members = {}) {
		const opened = await this.do('converse', { key, ...members });
		return new Conversation(this, key, opened.session);
	}

	gone() {
		return this.until(() => this.ended, 'end of the connection');
	}
	close() {
		this.socket.destroy();
	}
}

export class Conversation {
	constructor(control, key, session) {
		Object.assign(this, { control, key, session, said: 0 });
	}
	get facts() {
		return this.control.lines.filter((l) => l.key === this.key && l.ok === undefined);
	}
	events(type) {
		return this.facts.filter((f) => f.event && (!type || f.event.type === type)).map((f) => f.event);
	}
	send(members) {
		this.control.send({ key: this.key, ...members });
	}
	until(find, what, ms) {
		return this.control.until(find, `${what} in ${this.key}`, ms);
	}
	async event(type, test = () => true) {
		return this.until(() => this.events(type).find(test), type);
	}
	// Resolves with the seq once it is durable.
	async say(text, id = `${this.key}-${++this.said}`) {
		this.send({ msg: { id, text } });
		const fact = await this.until(() => this.facts.find((f) => (f.ack ?? f.refused)?.id === id), `ack of ${id}`);
		assert.ok(fact.ack, JSON.stringify(fact));
		return fact.ack.seq;
	}
	async end(members = { close: true }) {
		this.send(members);
		await this.until(() => this.facts.some((f) => f.closed), 'end');
	}
}
