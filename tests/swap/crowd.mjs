// SPDX-License-Identifier: Apache-2.0
//
// Many customers in conversations at once, with as little work per frame as will do: no schemas, no
// history. Each asks, hears the whole answer, and asks again on the same socket. What an answer must
// be is known beforehand (reel.mjs), so each byte is compared as it comes: deltas follow each other
// without a gap (`off`), and their sum is the answer.
//
// A conversation can be begun anew on a new socket after some turns, so that sessions stay small.

import { setTimeout as sleep } from 'node:timers/promises';
import { SLOW } from '../lib/baton.mjs';
import { WebSocket, ticketOf } from '../lib/client.mjs';
import { reel } from './reel.mjs';
import { QUESTIONS } from './set.mjs';

const PATIENCE_MS = 20000 * SLOW;

export class Crowd {
	constructor(baton, { size = 60, think_ms = 200, prefix = '', answerOf = reel, ask = null } = {}) {
		Object.assign(this, { baton, size, think_ms, prefix, answerOf, ask, going: true });
		this.customers = [];
		this.faults = []; // the first ones, in words
		this.count = { begun: 0, answered: 0, failed: 0, torn: 0, gaps: 0, superseded: 0, handed_over: 0, dropped: 0, refused: 0, deltas: 0, bytes: 0 };
		this.first_ms = []; // [when, from the question to its first word]
		this.done_ms = []; // [when, from the question to the end]
		this.said = []; // {session, seq, question}
	}

	fault(kind, text) {
		this.count[kind]++;
		if (this.faults.length < 20)
			this.faults.push(`${kind}: ${text}`);
	}

	// Opens all sockets; a few at a time, as the listener's queue allows.
	async open() {
		const todo = Array.from({ length: this.size }, (_, i) => new Customer(this, i));
		this.customers = [...todo];
		await Promise.all(Array.from({ length: Math.min(16, this.size) }, async () => {
			for (let one = todo.shift(); one; one = todo.shift())
				await one.connect();
		}));
		return this;
	}

	// Talks until stop() is called.
	talk() {
		this.running = Promise.all(this.customers.map((one) => one.talk()));
		return this;
	}

	async stop() {
		this.going = false;
		await this.running;
		for (const one of this.customers)
			one.leave();
	}
}

class Customer {
	constructor(crowd, index) {
		Object.assign(this, { crowd, index, asked: 0, turn: null, leaving: false });
	}

	async connect() {
		const { baton } = this.crowd;
		const { ticket } = await ticketOf(baton);
		const ws = this.ws = new WebSocket(`${baton.base.replace(/^http/, 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`],
			{ origin: baton.base, perMessageDeflate: false, handshakeTimeout: PATIENCE_MS });
		await new Promise((go, fail) => { ws.once('open', go); ws.once('error', fail); });
		ws.on('message', (data) => this.#message(data));
		ws.on('error', () => {});
		ws.on('close', (code) => this.#closed(code));
		const welcome = new Promise((go) => { this.welcomed = go; });
		ws.send(JSON.stringify({ t: 'hello', client: 'swap/1' }));
		this.session = await Promise.race([welcome, sleep(PATIENCE_MS, null, { ref: false })]);
		if (!this.session)
			throw new Error('no welcome');
	}

	leave() {
		this.leaving = true;
		this.ws.close();
	}

	#closed(code) {
		if (!this.leaving)
			this.crowd.fault('dropped', `customer ${this.index}: ${code}`);
		this.gone = true;
		this.turn?.end('dropped');
	}

	async talk() {
		const { crowd } = this;
		await sleep(Math.random() * crowd.think_ms * 5);
		while (crowd.going && !this.gone && !this.held) {
			await this.#one();
			if (crowd.going)
				await sleep(Math.random() * crowd.think_ms);
		}
	}

	#one() {
		const { crowd } = this, id = `m${++this.asked}`;
		const question = crowd.ask?.(this) ?? `${crowd.prefix}${QUESTIONS[(this.index * 7 + this.asked) % QUESTIONS.length]} ${this.index}-${this.asked}`;
		crowd.count.begun++;
		return new Promise((go) => {
			const late = setTimeout(() => this.turn.end('failed', `${question}: nothing in ${PATIENCE_MS} ms`), PATIENCE_MS);
			this.turn = { id, question, want: crowd.answerOf ? Buffer.from(crowd.answerOf(question)) : null, got: 0, sent: performance.now(), first: 0, seq: 0,
				end: (kind, text) => {
					clearTimeout(late);
					this.turn = null;
					if (kind !== 'answered')
						crowd.fault(kind === 'dropped' ? 'failed' : kind, `customer ${this.index}: ${text ?? kind}`);
					else
						crowd.count.answered++;
					go();
				} };
			this.ws.send(JSON.stringify({ t: 'msg', id, text: question }));
		});
	}

	#message(data) {
		const now = performance.now();
		for (const line of data.toString('utf8').split('\n'))
			if (line)
				this.#frame(JSON.parse(line), now);
	}

	#frame(frame, now) {
		const { turn } = this;
		if (frame.t === 'welcome')
			this.welcomed(frame.session);
		else if (frame.t === 'ack' && turn?.id === frame.id) {
			turn.seq = frame.seq;
			this.crowd.said.push({ session: this.session, seq: frame.seq, question: turn.question });
		} else if (!this.leaving && (frame.t === 'err' || frame.t === 'bye'))
			turn ? turn.end('refused', JSON.stringify(frame)) : this.crowd.fault('refused', JSON.stringify(frame));
		else if (frame.t === 'ev')
			this.#event(frame, now);
	}

	#event({ ev, off, seq }, now) {
		const { turn, crowd } = this;
		if (ev.type === 'TEXT_MESSAGE_START' && turn)
			turn.got = 0;
		else if (ev.type === 'TEXT_MESSAGE_CONTENT' && turn)
			this.#delta(turn, ev.delta, off, now);
		else if (ev.type === 'TEXT_MESSAGE_END' && turn && ev.metadata?.baton?.author?.kind === 'bot')
			this.#ended(turn, ev.metadata.baton.bytes, seq, now);
		else if (ev.name === 'baton.answer_superseded')
			crowd.fault('superseded', `customer ${this.index} ${JSON.stringify(ev.value)}`);
		else if (ev.name === 'baton.case_queued') {
			this.held = true; // a person has it: nobody else answers
			turn ? turn.end('handed_over', JSON.stringify(ev.value)) : crowd.fault('handed_over', 'between turns');
		}
	}

	#delta(turn, text, off, now) {
		const { crowd } = this, piece = Buffer.from(text, 'utf8');
		if (turn.first === 0) {
			turn.first = now;
			crowd.first_ms.push([now, now - turn.sent]);
		}
		if (off !== undefined && off !== turn.got)
			crowd.fault('gaps', `customer ${this.index}: ${turn.question}: piece at ${off}, ${turn.got} bytes so far`);
		if (turn.want && turn.got + piece.length > turn.want.length)
			turn.torn = true;
		else if (turn.want && turn.want.compare(piece, 0, piece.length, turn.got, turn.got + piece.length) !== 0)
			turn.torn = true;
		turn.got += piece.length;
		crowd.count.deltas++;
		crowd.count.bytes += piece.length;
	}

	#ended(turn, bytes, seq, now) {
		const { crowd } = this;
		crowd.done_ms.push([now, now - turn.sent]);
		if (turn.want && (turn.torn || turn.got !== turn.want.length || bytes !== turn.want.length))
			turn.end('torn', `${turn.question}: ${turn.got} of ${turn.want.length} bytes, ${bytes} said`);
		else
			turn.end('answered');
	}
}

export function quantile(values, q) {
	if (values.length === 0)
		return 0;
	const sorted = Float64Array.from(values).sort();
	return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
