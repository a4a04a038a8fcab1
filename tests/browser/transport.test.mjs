// SPDX-License-Identifier: Apache-2.0
//
// The connection and the outbox under a clock, a network and a dice of our own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox, Transport, backoff, ulid } from '../../channels/web/widget/transport.js';

/** A world with virtual time. The network is what the test makes of `sockets` and `tickets`. */
class World {
	now = 1000; timers = []; sockets = []; tickets = []; states = []; frames = []; random = 0.5;
	answer = () => ({ ok: true, status: 201, json: async () => ({ ticket: `T${this.tickets.length}` }) });

	constructor(options = {}) {
		const world = this;
		this.env = {
			now: () => this.now, random: () => this.random,
			setTimeout: (fn, ms) => { const timer = { at: this.now + ms, fn }; this.timers.push(timer); return timer; },
			clearTimeout: (timer) => { this.timers = this.timers.filter((other) => other !== timer); },
			fetch: async (url, init) => { this.tickets.push({ url, init }); return this.answer(); },
			WebSocket: class {
				readyState = 0; sent = [];
				constructor(url, protocols) { Object.assign(this, { url, protocols }); world.sockets.push(this); }
				send(text) { this.sent.push(JSON.parse(text)); }
				close() { this.readyState = 3; }
				open() { this.readyState = 1; this.onopen?.(); }
				get(...frames) { this.onmessage?.({ data: frames.map((frame) => JSON.stringify(frame)).join('\n') }); }
				lose() { this.readyState = 3; this.onclose?.({ code: 1006 }); }
			},
		};
		this.transport = new Transport({
			base: 'https://chat.example', hello: () => ({ client: 't' }), onframe: (frame) => this.frames.push(frame),
			onstate: (state, detail) => this.states.push([state, detail]), env: this.env, ...options,
		});
	}

	get socket() { return this.sockets.at(-1); }

	async settle() { for (let i = 0; i < 10; i++) await null; }

	/** Lets time pass, timers in order. */
	async pass(ms) {
		const end = this.now + ms;
		for (let laps = 0; laps < 1000; laps++) {
			const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
			if (!next) break;
			this.timers = this.timers.filter((timer) => timer !== next);
			this.now = Math.max(this.now, next.at);
			next.fn();
			await this.settle();
		}
		this.now = end;
	}

	async connected() {
		this.transport.start();
		await this.settle();
		this.socket.open();
		this.socket.get({ t: 'welcome', heartbeat_ms: 25000 });
	}
}

test('a ticket is fetched, used as a subprotocol, and hello is the first frame', async () => {
	const world = new World();
	await world.connected();
	assert.equal(world.tickets[0].url, 'https://chat.example/v1/tickets');
	assert.equal(world.tickets[0].init.headers, undefined, 'a simple request: no preflight');
	assert.equal(world.socket.url, 'wss://chat.example/v1/chat');
	assert.deepEqual(world.socket.protocols, ['baton.v1', 'btn.T1']);
	assert.deepEqual(world.socket.sent, [{ t: 'hello', client: 't' }]);
	assert.deepEqual(world.states.map(([state]) => state), ['connecting', 'open']);
});

test('frames that share a message arrive one by one', async () => {
	const world = new World();
	await world.connected();
	world.socket.get({ t: 'ev', n: 1 }, { t: 'pong' }, { t: 'ev', n: 2 });
	assert.deepEqual(world.frames.map((frame) => frame.n), [undefined, 1, 2]);
});

test('a lost connection comes back, each time with a ticket of its own', async () => {
	const world = new World();
	await world.connected();
	world.socket.lose();
	assert.deepEqual(world.states.at(-1), ['waiting', 750]);
	await world.pass(749);
	assert.equal(world.sockets.length, 1);
	await world.pass(1);
	assert.equal(world.sockets.length, 2);
	assert.deepEqual(world.socket.protocols, ['baton.v1', 'btn.T2']);
});

test('the wait has full jitter between half a second and thirty', () => {
	for (let attempt = 0; attempt < 40; attempt++) {
		assert.equal(backoff(attempt, 0), 500);
		assert.equal(backoff(attempt, 1), Math.min(30000, 1000 * 2 ** attempt));
	}
});

test('waits grow while the server is away and shrink after a connection that held', async () => {
	const world = new World();
	world.answer = () => { throw new TypeError('network'); };
	world.transport.start();
	const waits = [];
	for (let i = 0; i < 6; i++) {
		await world.settle();
		waits.push(world.states.at(-1)[1]);
		await world.pass(waits.at(-1));
	}
	assert.deepEqual(waits, [750, 1250, 2250, 4250, 8250, 15250]);
	delete world.answer;
	world.answer = () => ({ ok: true, status: 201, json: async () => ({ ticket: 'T' }) });
	await world.pass(60000);
	world.socket.open();
	world.socket.get({ t: 'welcome', heartbeat_ms: 25000 });
	await world.pass(11000);
	world.socket.lose();
	assert.deepEqual(world.states.at(-1), ['waiting', 750]);
});

test('a refusal that will not change ends the trying, an overload does not', async () => {
	for (const [status, state] of [[403, 'refused'], [401, 'refused'], [429, 'waiting'], [503, 'waiting'], [404, 'waiting']]) {
		const world = new World();
		world.answer = () => ({ ok: false, status, headers: new Headers({ 'retry-after': '3' }), json: async () => ({ error: { code: 'why' } }) });
		world.transport.start();
		await world.settle();
		assert.equal(world.states.at(-1)[0], state, String(status));
		if (state === 'waiting') assert.equal(world.states.at(-1)[1], 4500, 'not before the time that the server named');
		else assert.equal(world.states.at(-1)[1], 'why');
	}
});

test('bye is obeyed: nobody comes back before the time', async () => {
	const world = new World();
	await world.connected();
	world.socket.get({ t: 'bye', reason: 'drain', reconnect_after_ms: 4000 }, { t: 'ev' });
	assert.deepEqual(world.states.at(-1), ['waiting', 6000]);
	assert.equal(world.frames.length, 1, 'nothing is taken from a connection that has ended');
	world.transport.wake();
	assert.equal(world.transport.state, 'waiting');
	await world.pass(6000);
	assert.equal(world.sockets.length, 2);
});

test('a silent connection is pinged, and given up after a minute', async () => {
	const world = new World();
	await world.connected();
	await world.pass(26000);
	assert.equal(world.socket.sent.at(-1).t, 'ping');
	world.socket.get({ t: 'pong' });
	await world.pass(50000);
	assert.equal(world.transport.state, 'open');
	await world.pass(40000);
	assert.ok(world.states.some(([state]) => state === 'waiting'));
});

test('after waking up a live connection is kept and a dead one is replaced at once', async () => {
	const world = new World();
	await world.connected();
	world.transport.wake();
	assert.equal(world.socket.sent.at(-1).t, 'ping');
	await world.pass(100);
	world.socket.get({ t: 'pong' });
	await world.pass(6000);
	assert.equal(world.sockets.length, 1);
	world.transport.wake();
	await world.pass(5001);
	assert.equal(world.sockets.length, 2);

	const slept = new World();
	await slept.connected();
	slept.now += 600000; // a closed laptop: no timer ran
	slept.transport.wake();
	await slept.settle();
	assert.equal(slept.sockets.length, 2);
});

test('waking up while waiting does not wait any longer', async () => {
	const world = new World();
	await world.connected();
	world.socket.lose();
	world.transport.wake();
	await world.settle();
	assert.equal(world.sockets.length, 2);
});

test('a server that takes the socket and says nothing is left', async () => {
	const world = new World();
	world.transport.start();
	await world.settle();
	world.socket.open();
	await world.pass(15001);
	assert.equal(world.states.at(-1)[0], 'waiting');
});

test('after stop nothing happens any more, whatever was under way', async () => {
	const world = new World();
	world.transport.start();
	world.transport.stop();
	await world.settle();
	assert.equal(world.sockets.length, 0);
	await world.pass(100000);
	assert.equal(world.sockets.length, 0);
	assert.equal(world.transport.state, 'idle');
	assert.equal(world.timers.length, 0);
});

/** An outbox over a wire that the test opens and cuts. */
function outbox(world) {
	const wire = { sent: [], works: true };
	const box = new Outbox({ send: (frame) => wire.works && !!wire.sent.push(frame.id), env: world.env });
	return { box, wire };
}

test('what is sent while offline waits and goes out in order', () => {
	const { box, wire } = outbox(new World());
	for (const id of ['a', 'b', 'c']) box.add({ id });
	assert.deepEqual(wire.sent, []);
	box.opened(true);
	assert.deepEqual(wire.sent, ['a', 'b', 'c']);
	assert.equal(box.acked('b').frame.id, 'b');
	box.opened(false);
	box.opened(true);
	assert.deepEqual(wire.sent, ['a', 'b', 'c', 'a', 'c'], 'what was not acknowledged is sent again');
});

test('a refusal that may be repeated is repeated after the delay, another one waits for the person', async () => {
	const world = new World();
	const { box, wire } = outbox(world);
	box.opened(true);
	box.add({ id: 'a' });
	box.refused({ id: 'a', retryable: true, retry_after_ms: 2000 });
	assert.equal(box.find('a').state, 'queued');
	await world.pass(1999);
	assert.deepEqual(wire.sent, ['a']);
	await world.pass(1);
	assert.deepEqual(wire.sent, ['a', 'a']);
	box.refused({ id: 'a', retryable: false, code: 'limit' });
	assert.equal(box.find('a').state, 'failed');
	box.opened(false);
	box.opened(true);
	assert.deepEqual(wire.sent, ['a', 'a'], 'a failed one is not sent by itself');
	box.retry('a');
	assert.deepEqual(wire.sent, ['a', 'a', 'a']);
});

test('acknowledgements of others, and twice, are nothing', () => {
	const { box } = outbox(new World());
	box.add({ id: 'a' });
	assert.equal(box.acked('x'), undefined);
	assert.ok(box.acked('a'));
	assert.equal(box.acked('a'), undefined);
	assert.equal(box.refused({ id: 'a', retryable: true }), undefined);
});

test('ids are short enough, unique and sort by time', () => {
	const ids = Array.from({ length: 1000 }, (_, i) => ulid(1790000000000 + i));
	assert.equal(new Set(ids).size, 1000);
	assert.deepEqual(ids.toSorted(), ids);
	assert.match(ids[0], /^[0-9a-z]{17,45}$/);
});
