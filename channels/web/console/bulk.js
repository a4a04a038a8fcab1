// SPDX-License-Identifier: Apache-2.0
//
// The same thing done to many cases, one after the other: what was asked for each, and what came of it.
// Pure: the clock and the sending come in. It stays below the rate that the server allows, has few on
// the way at a time, and calls a case done only when the server has said so.

const PER_S = 8;
const ON_THE_WAY = 4;
const PATIENCE_MS = 15000;

export class Bulk {
	#send; #changed; #timer = null; #env;
	running = false;
	items; // {session, label, state: 'waiting'|'sent'|'done'|'failed'|'left', why, at}

	/** cases: [{session, label}]; send(item) -> bool: ask the server now; changed(): something to show. */
	constructor(cases, { send, changed = () => {}, env = {} }) {
		this.items = cases.map(({ session, label }) => ({ session, label, state: 'waiting', why: '' }));
		this.#send = send;
		this.#changed = changed;
		this.#env = { setTimeout: (fn, ms) => setTimeout(fn, ms), clearTimeout: (timer) => clearTimeout(timer), now: () => Date.now(), ...env };
	}

	get counts() {
		const counts = { waiting: 0, sent: 0, done: 0, failed: 0, left: 0 };
		for (const { state } of this.items) counts[state]++;
		return counts;
	}

	start() {
		this.running = true;
		this.#step();
	}

	/** No further ones; what is on the way still ends. */
	stop() {
		for (const item of this.items) if (item.state === 'waiting') item.state = 'left';
		this.#changed();
	}

	/** The server's word on one case. */
	settle(session, why = '') {
		const item = this.items.find((one) => one.session === session && one.state === 'sent');
		if (!item) return false;
		Object.assign(item, { state: why ? 'failed' : 'done', why });
		this.#end();
		this.#changed();
		return true;
	}

	/** Refused for its rate: again, later. */
	later(session) {
		const item = this.items.find((one) => one.session === session && one.state === 'sent');
		if (item) item.state = 'waiting';
		return !!item;
	}

	#step() {
		const now = this.#env.now();
		for (const item of this.items)
			if (item.state === 'sent' && now - item.at > PATIENCE_MS) Object.assign(item, { state: 'failed', why: 'the server did not answer' });
		const next = this.items.find((item) => item.state === 'waiting');
		if (next && this.counts.sent < ON_THE_WAY && this.#send(next)) Object.assign(next, { state: 'sent', at: now });
		this.#end();
		this.#changed();
		if (this.running) this.#timer = this.#env.setTimeout(() => this.#step(), 1000 / PER_S);
	}

	#end() {
		const { waiting, sent } = this.counts;
		if (waiting || sent) return;
		this.running = false;
		this.#env.clearTimeout(this.#timer);
	}
}
