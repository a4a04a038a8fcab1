// SPDX-License-Identifier: Apache-2.0
//
// One WebSocket with as little between test and wire as will do: frames come to `hear` in their order,
// and wait() resolves at the first that fits. What is asked is asked at once: nothing is paced, so the
// server must run with --no-rate-limit.

import { SLOW } from '../lib/baton.mjs';
import { WebSocket, ticketOf } from '../lib/client.mjs';

export const PATIENCE_MS = 20000 * SLOW;

export class Line {
	constructor(baton, { token, hear = () => {}, name = 'line', hello = {} } = {}) {
		Object.assign(this, { baton, token, hear, name, hello, waiters: new Set(), recent: [] });
	}

	async open() {
		const { ticket } = await ticketOf(this.baton, { token: this.token });
		const ws = this.ws = new WebSocket(`${this.baton.base.replace(/^http/, 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`],
			{ origin: this.baton.base, perMessageDeflate: false, handshakeTimeout: PATIENCE_MS });
		await new Promise((go, fail) => { ws.once('open', go); ws.once('error', fail); });
		ws.on('message', (data) => this.#message(data));
		ws.on('error', () => {});
		ws.on('close', (code) => { this.closed = code; });
		const welcome = this.wait((f) => f.t === 'welcome', 'welcome');
		this.send({ t: 'hello', client: 'takeover/1', ...this.hello });
		this.welcome = await welcome;
		return this;
	}

	send(frame) {
		this.ws.send(JSON.stringify(frame));
	}

	// The first frame from now on that fits.
	wait(fits, what) {
		return new Promise((go, fail) => {
			const waiter = { fits, go: (frame) => { clearTimeout(late); this.waiters.delete(waiter); go(frame); } };
			const late = setTimeout(() => {
				this.waiters.delete(waiter);
				fail(new Error(`${this.name}: no ${what} in ${PATIENCE_MS} ms (closed: ${this.closed}); last: ${this.recent.join('\n  ')}`));
			}, PATIENCE_MS);
			this.waiters.add(waiter);
		});
	}

	#message(data) {
		for (const text of data.toString('utf8').split('\n')) {
			if (!text)
				continue;
			const frame = JSON.parse(text);
			this.recent.push(text.slice(0, 200));
			if (this.recent.length > 6)
				this.recent.shift();
			this.hear(frame);
			for (const waiter of [...this.waiters])
				if (waiter.fits(frame))
					waiter.go(frame);
		}
	}

	close() {
		this.ws.close();
	}
}

// A durable event of that name, in this session if the reader is an agent.
export function event(name, session) {
	return (f) => f.t === 'ev' && f.seq !== undefined && f.ev.name === `baton.${name}` && (session === undefined || f.session === session);
}

// All durable events of a session as the log has them: [{seq, what, value}], what an agent replays.
export async function logOf(agent, session) {
	const log = [];
	const hear = agent.hear;
	agent.hear = (f) => {
		hear(f);
		if (f.t !== 'ev' || f.session !== session || f.seq === undefined)
			return;
		if (f.ev.type === 'CUSTOM')
			log.push({ seq: f.seq, what: f.ev.name.slice(6), value: f.ev.value });
		else if (f.ev.type === 'TEXT_MESSAGE_END')
			log.push({ seq: f.seq, what: f.ev.metadata.baton.author.kind, value: f.ev.metadata.baton });
	};
	const done = agent.wait((f) => f.t === 'caught_up' && f.session === session, 'caught_up');
	agent.send({ t: 'open', session });
	await done;
	agent.hear = hear;
	agent.send({ t: 'leave', session });
	return log;
}
