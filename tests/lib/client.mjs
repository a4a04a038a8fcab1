// SPDX-License-Identifier: Apache-2.0
//
// Clients as the protocol describes them: a customer's and an agent's, over real WebSockets. Both
// keep what they sent and saw (for the history checker), an outbox that is sent again after a
// reconnect until each frame is acknowledged, and the seq to resume after.
//
// Nothing here sleeps to wait for the server: until() looks again whenever a frame arrives.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { SLOW } from './baton.mjs';
import { note } from './schema.mjs';

// As import it would be read twice, to learn its names: 50 ms in each of a hundred test files.
export const { WebSocket } = createRequire(import.meta.url)('ws');

const RECORD = process.env.E2E_RECORD; // a file: every frame of every client as JSON lines
export const PATIENCE_MS = 8000 * SLOW;
const BURST = 36, PER_S = 18; // of 40 and 20 that the server allows

export class Refused extends Error {
	constructor(frame) {
		super(`${frame.code}: ${frame.message} (${JSON.stringify(frame)})`);
		this.frame = frame;
		this.code = frame.code;
	}
}

export async function ticketOf(baton, { token, origin, body = '{}' } = {}) {
	const headers = { 'content-type': 'application/json', origin: origin ?? baton.base };
	if (token)
		headers.authorization = `Bearer ${token}`;
	const answer = await baton.http('/v1/tickets', { method: 'POST', headers, body });
	const json = await answer.json();
	if (answer.status !== 201)
		throw new Refused({ code: json.error?.code, message: `${answer.status} ${json.error?.message}` });
	return json;
}

let serial = 0;

class Client {
	constructor(baton, options = {}) {
		Object.assign(this, { baton, ops: [], views: [], frames: [], waiters: new Set(), outbox: new Map(), unsent: [] });
		this.name = options.name ?? `${this.role}-${++serial}`;
		this.token = options.token;
		this.body = options.body; // of the request for a ticket: who it is
		this.auto = options.auto ?? false; // reconnect by itself
		this.helloExtra = options.hello ?? {};
		this.unchecked = options.unchecked ?? false; // its hello is wrong on purpose
		this.closed = null;
		this.connects = 0;
	}

	// Opens the socket and says hello; resolves with the welcome frame.
	async connect(extra = {}) {
		const ticket = this.ticket = await ticketOf(this.baton, { token: this.token, body: this.body });
		assert.equal(ticket.role, this.role);
		const ws = new WebSocket(this.baton.base.replace(/^http/, 'ws') + '/v1/chat',
			['baton.v1', `btn.${ticket.ticket}`], { origin: this.baton.base, perMessageDeflate: false, handshakeTimeout: 5000 * SLOW });
		await new Promise((go, fail) => { ws.once('open', go); ws.once('error', fail); });
		assert.equal(ws.protocol, 'baton.v1');
		this.ws = ws;
		Object.assign(this, { unsent: [], tokens: BURST, refilled: performance.now(), welcomed: false }); // a connection's own
		this.closed = null;
		this.lag = undefined;
		const life = ++this.connects;
		ws.on('message', (data) => { if (life === this.connects) this.#message(data); });
		ws.on('error', () => {});
		ws.on('close', (code, reason) => { if (life === this.connects) this.#close(code, String(reason)); });
		this.onConnect();
		const at = this.frames.length;
		this.send({ t: 'hello', client: 'tests/1', ...this.hello(), ...this.helloExtra, ...extra }, { unchecked: this.unchecked });
		const welcome = await this.until(() => this.frames.slice(at).find((f) => f.t === 'welcome' || f.t === 'err'), 'welcome');
		if (welcome.t === 'err')
			throw new Refused(welcome);
		return welcome;
	}

	onConnect() {}
	hello() { return {}; }

	// `unchecked`: the frame is wrong on purpose and not held against the schema.
	send(frame, { unchecked = false } = {}) {
		if (!unchecked)
			note('client', frame, this.role);
		this.unsent.push(frame);
		this.#flush();
	}

	// Below the server's rate limit, as a well-behaved client: BURST at once, then PER_S.
	#flush() {
		const now = performance.now();
		this.tokens = Math.min(BURST, this.tokens + (now - this.refilled) / 1000 * PER_S);
		this.refilled = now;
		for (; this.unsent.length && this.tokens >= 1 && this.ws?.readyState === WebSocket.OPEN; this.tokens--) {
			const frame = this.unsent.shift();
			this.#record('out', frame);
			this.ws.send(JSON.stringify(frame));
		}
		if (this.unsent.length && this.ws?.readyState === WebSocket.OPEN && !this.pacing)
			this.pacing = setTimeout(() => { this.pacing = null; this.#flush(); }, 1000 / PER_S);
	}

	#record(dir, frame) {
		if (RECORD)
			appendFileSync(RECORD, `${JSON.stringify({ t: performance.now(), who: this.name, dir, frame })}\n`);
	}

	#message(data) {
		const t = performance.now();
		for (const line of data.toString('utf8').split('\n')) {
			if (!line)
				continue;
			const frame = JSON.parse(line);
			this.#record('in', frame);
			note('server', frame, this.role);
			frame.at = t;
			this.frames.push(frame);
			this.onFrame(frame, t);
		}
		this.#wake();
	}

	#close(code, reason) {
		this.closed = { code, reason };
		this.#wake();
		if (this.auto)
			this.reconnect().catch((error) => { this.broken = error; this.#wake(); });
	}

	#wake() {
		for (const look of [...this.waiters])
			look();
	}

	// As until(), but over as soon as the connection is: for frames that nobody sends again.
	during(find, what) {
		const life = this.connects;
		return this.until(() => {
			const found = find();
			if (!found && (this.closed || life !== this.connects))
				throw new Error(`${this.name}: the connection went before ${what}`);
			return found;
		}, what);
	}

	// Resolves with what `find` returns once that is truthy. Time counts only while this process runs: one
	// that was held up (a synchronous command, a busy machine) has frames to read that came in time.
	until(find, what, ms = PATIENCE_MS) {
		return new Promise((go, fail) => {
			const done = (fn, value) => { clearInterval(timer); this.waiters.delete(look); fn(value); };
			const look = () => {
				try {
					const value = find();
					if (value)
						done(go, value);
					else if (this.broken)
						done(fail, this.broken);
				} catch (error) {
					done(fail, error);
				}
			};
			const tick = Math.min(ms, 250);
			let left = ms;
			const timer = setInterval(() => {
				look(); // what no frame tells, as who was asked
				if (this.waiters.has(look) && (left -= tick) <= 0)
					done(fail, new Error(`${this.name}: no ${what} in ${ms} ms; last frames: ` +
						`${this.frames.slice(-6).map((f) => JSON.stringify(f).slice(0, 300)).join('\n  ')} closed: ${JSON.stringify(this.closed)}`));
			}, tick);
			this.waiters.add(look);
			look();
		});
	}

	onFrame(frame, t) {
		if (frame.t === 'welcome')
			this.welcomed = true;
		if (frame.t === 'ack')
			this.#acked(frame, t);
		if (frame.t === 'err' && frame.id !== undefined)
			this.#refused(frame);
		if (frame.t === 'ev')
			this.onEvent(frame, t);
	}

	#acked(frame, t) {
		const op = this.outbox.get(frame.id);
		if (!op)
			return;
		this.outbox.delete(frame.id);
		Object.assign(op, { acked: t, seq: frame.seq });
		op.resolve(frame);
	}

	#refused(frame) {
		const op = this.outbox.get(frame.id);
		if (!op)
			return;
		if (frame.retryable && this.auto) {
			setTimeout(() => this.outbox.has(op.id) && this.ws?.readyState === WebSocket.OPEN && this.send(op.frame),
				frame.retry_after_ms ?? 100).unref();
			return;
		}
		this.outbox.delete(frame.id);
		this.ops.splice(this.ops.indexOf(op), 1);
		op.reject(new Refused(frame));
	}

	// A frame with an id: sent now and again after every reconnect, until it is acknowledged.
	ask(frame, extra = {}) {
		const op = { client: this.name, role: this.role, verb: frame.t, id: frame.id, session: frame.session ?? this.session,
			text: frame.text ?? frame.comment, sent: performance.now(), acked: null, seq: null, frame, ...extra };
		op.done = new Promise((resolve, reject) => Object.assign(op, { resolve, reject }));
		op.done.catch(() => {});
		this.ops.push(op);
		this.outbox.set(frame.id, op);
		if (this.ws?.readyState === WebSocket.OPEN && this.welcomed) // before it: resend() does
			this.send(frame, extra);
		return op.done;
	}

	resend() {
		for (const op of this.outbox.values())
			this.send(op.frame);
	}

	async reconnect() {
		for (let attempt = 0; attempt < 200 && this.auto; attempt++) {
			await sleep(20 + Math.random() * Math.min(400, 40 * (attempt + 1)));
			try {
				await this.connect();
				this.resend();
				return;
			} catch (error) {
				if (error instanceof Refused && !['busy', 'closed', 'rate_limited'].includes(error.code))
					throw error;
			}
		}
		if (this.auto)
			throw new Error(`${this.name} does not get back in`);
	}

	// The connection goes without a goodbye, as over a dead network.
	cut() {
		this.connects++; // what still comes of the old socket is not heard
		this.ws.terminate();
		this.closed = { code: 1006, reason: 'cut' };
	}

	async end() {
		this.auto = false;
		if (!this.ws || this.ws.readyState === WebSocket.CLOSED)
			return;
		this.ws.close();
		await this.until(() => this.closed, 'close').catch(() => this.ws.terminate());
	}

	errors() {
		return this.frames.filter((frame) => frame.t === 'err');
	}
}

// The conversation as a screen would show it: built from the three text events and nothing else.
class Screen {
	constructor() {
		this.messages = new Map();
		this.events = [];
		this.last = 0;
	}

	take({ seq, ev, off }) {
		if (seq !== undefined)
			this.last = Math.max(this.last, seq);
		if (ev.type === 'TEXT_MESSAGE_START')
			this.messages.set(ev.messageId, { id: ev.messageId, role: ev.role, text: '', final: false, pieces: 0 });
		if (ev.type === 'TEXT_MESSAGE_CONTENT') {
			const message = this.messages.get(ev.messageId);
			message.text += ev.delta;
			message.pieces++;
			message.off = off;
		}
		if (ev.type === 'TEXT_MESSAGE_END')
			Object.assign(this.messages.get(ev.messageId) ?? {}, { final: true, seq, meta: ev.metadata?.baton });
		if (ev.type === 'CUSTOM') {
			this.events.push({ seq, name: ev.name, value: ev.value });
			if (ev.name === 'baton.answer_superseded')
				this.messages.delete(`${ev.value.turn}-${ev.value.attempt}`);
		}
	}

	list(kind) {
		return [...this.messages.values()].filter((m) => m.final && (!kind || m.meta?.author?.kind === kind));
	}

	event(name, after = 0) {
		return this.events.find((event) => event.name === `baton.${name}` && (event.seq ?? Infinity) > after);
	}
}

export class Customer extends Client {
	role = 'customer';

	constructor(baton, options = {}) {
		super(baton, options);
		this.name = options.name ?? `customer-${serial}`;
		this.screen = new Screen();
		this.resume = options.resume ?? null; // {session, token}
		this.last = options.after ?? 0;
	}

	hello() {
		return this.resume ? { resume: { ...this.resume, after: this.last } } : {};
	}

	onConnect() {
		this.view = { session: this.session, viewer: this.name, role: 'customer', after: this.last, frames: [] };
		// A message that was only begun starts anew: the server sends all of it again.
		for (const [id, message] of this.screen.messages)
			if (!message.final)
				this.screen.messages.delete(id);
		this.view.held = this.held ?? false;
		this.views.push(this.view);
	}

	onFrame(frame, t) {
		if (frame.t === 'welcome') {
			this.session = this.view.session = frame.session;
			this.resume = { session: frame.session, token: frame.token };
			for (const op of this.ops)
				op.session ??= this.session;
		}
		if (frame.t === 'ack')
			this.last = Math.max(this.last, frame.seq);
		super.onFrame(frame, t);
	}

	onEvent(frame) {
		this.view.frames.push({ t: frame.at, seq: frame.seq, off: frame.off, ev: frame.ev });
		this.screen.take(frame);
		if (frame.seq !== undefined)
			this.last = Math.max(this.last, frame.seq);
		const name = frame.ev.name?.slice(6);
		if (['case_queued', 'case_claimed', 'case_released', 'case_transferred', 'handback_approved', 'automation_resumed', 'session_resolved'].includes(name))
			this.held = name.startsWith('case_');
	}

	say(text, { id = randomUUID(), canary } = {}) {
		return this.ask({ t: 'msg', id, text }, { canary });
	}

	feedback(value, { id = randomUUID(), seq, comment } = {}) {
		return this.ask({ t: 'feedback', id, value, ...(seq === undefined ? {} : { seq }), ...(comment === undefined ? {} : { comment }) });
	}

	// The bot's answer to what is stored as `seq` (or any after it).
	answer(seq, ms) {
		return this.until(() => this.screen.list('bot').find((m) => m.seq > seq), `answer after ${seq}`, ms);
	}

	// Whatever becomes of a message: an answer, or the queue.
	outcome(seq, ms) {
		return this.until(() => this.screen.list('bot').find((m) => m.seq > seq) ?? this.screen.event('case_queued', seq),
			`outcome of ${seq}`, ms);
	}

	event(name, after = 0, ms) {
		return this.until(() => this.screen.event(name, after), name, ms);
	}
}

export class Agent extends Client {
	role = 'agent';

	constructor(baton, options) {
		super(baton, options);
		this.name = options.name ?? `agent-${serial}`;
		this.role = options.role ?? 'agent';
		this.screens = new Map();
		this.cases = new Map();
		this.open = new Map();
	}

	screen(session) {
		if (!this.screens.has(session))
			this.screens.set(session, new Screen());
		return this.screens.get(session);
	}

	onConnect() {
		this.open.clear();
	}

	onFrame(frame, t) {
		if (frame.t === 'case')
			this.cases.set(frame.session, frame);
		super.onFrame(frame, t);
		if (frame.t === 'welcome' && this.watches)
			this.send({ t: 'desk' }); // a reconnect begins without it
	}

	onEvent(frame) {
		assert.ok(frame.session, `an agent's event names its session: ${JSON.stringify(frame)}`);
		this.open.get(frame.session)?.frames.push({ t: frame.at, seq: frame.seq, off: frame.off, ev: frame.ev });
		this.screen(frame.session).take(frame);
	}

	async desk() {
		const at = this.frames.length;
		this.watches = true;
		this.send({ t: 'desk' });
		return this.until(() => this.frames.slice(at).find((f) => f.t === 'desk'), 'desk');
	}

	// Follows a session; resolves when everything stored has been seen.
	async follow(session, after = 0) {
		const view = { session, viewer: this.name, role: 'agent', after, frames: [] };
		this.open.set(session, view);
		this.views.push(view);
		const at = this.frames.length;
		this.send({ t: 'open', session, ...(after ? { after } : {}) });
		return this.during(() => this.frames.slice(at).find((f) => f.t === 'caught_up' && f.session === session), 'caught_up');
	}

	case(session, test = () => true, ms) {
		return this.until(() => { const c = this.cases.get(session); return c && test(c) && c; }, `case of ${session}`, ms);
	}

	// A verb without an id: resolves with the first frame that shows it happened, or throws Refused.
	async act(frame, shows, what = frame.t) {
		const at = this.frames.length;
		this.send(frame);
		const seen = await this.during(() => this.frames.slice(at).find((f) =>
			(f.t === 'err' && f.for === frame.t && (f.session ?? frame.session) === frame.session) || shows(f)), what);
		if (seen.t === 'err')
			throw new Refused(seen);
		return seen;
	}

	#event(session, name) {
		return (f) => f.t === 'ev' && f.session === session && f.seq !== undefined && f.ev.name === `baton.${name}`;
	}

	// Needs follow(session) before; the agent's id is the client's name.
	claim(session) { return this.act({ t: 'claim', session }, (f) => this.#event(session, 'case_claimed')(f) && f.ev.value.agent === this.name); }
	release(session, reason) { return this.act({ t: 'release', session, ...(reason ? { reason } : {}) }, this.#event(session, 'case_released')); }
	handback(session) { return this.act({ t: 'handback', session }, this.#event(session, 'handback_approved')); }
	resolve(session, code) { return this.act({ t: 'resolve', session, ...(code ? { code } : {}) }, this.#event(session, 'session_resolved')); }

	reply(session, text, { id = randomUUID(), if_seq } = {}) {
		return this.ask({ t: 'reply', session, id, text, ...(if_seq === undefined ? {} : { if_seq }) });
	}

	note(session, text, { id = randomUUID() } = {}) {
		return this.ask({ t: 'note', session, id, text });
	}

	draft(session, draft, action, { id = randomUUID(), text } = {}) {
		return this.ask({ t: 'draft', session, id, draft, action, ...(text === undefined ? {} : { text }) });
	}

	// What the bot proposes to do: approve or reject.
	tool(session, proposal, action, { id = randomUUID(), reason } = {}) {
		return this.ask({ t: 'tool', session, id, proposal, action, ...(reason === undefined ? {} : { reason }) });
	}

	event(session, name, after = 0, ms) {
		return this.until(() => this.screen(session).event(name, after), name, ms);
	}
}

// All that some clients did and saw, as the checker wants it.
export function historyOf(clients, logs, quiet = true) {
	return {
		ops: clients.flatMap((client) => client.ops),
		views: clients.flatMap((client) => client.views).filter((view) => view.session),
		logs, quiet,
	};
}
