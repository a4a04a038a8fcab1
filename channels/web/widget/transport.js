// SPDX-License-Identifier: Apache-2.0
//
// A connection to a Baton server that heals itself, and the outbox that survives it. Owns: tickets,
// the WebSocket, hello, heartbeat, backoff; which frames wait for an `ack`. Knows nothing of pages:
// clock, randomness, fetch and WebSocket come in through `env`, so tests drive it without a browser.
//
// A browser does not show WebSocket pings to scripts. So the client sends its own `ping` frames to
// hear something, and after a sleep probes before it believes that an open socket is alive.

const DEAD_MS = 60000; // nothing heard for so long: gone
const PROBE_MS = 5000; // after waking up, an answer must come within
const SETUP_MS = 15000; // from the ticket to the welcome
const STABLE_MS = 10000; // a connection that held so long resets the backoff
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 30000;

const browser = () => ({
	WebSocket: globalThis.WebSocket,
	fetch: (...args) => globalThis.fetch(...args),
	setTimeout: (fn, ms) => globalThis.setTimeout(fn, ms),
	clearTimeout: (timer) => globalThis.clearTimeout(timer),
	now: () => Date.now(),
	random: () => Math.random(),
});

/** A client id: sorts by time, 80 random bits. */
export const ulid = (now = Date.now()) => [now.toString(32).padStart(10, '0'), ...crypto.getRandomValues(new Uint8Array(16)).map((byte) => byte & 31)].map((digit) => digit.toString(32)).join('');

/** Full jitter between half a second and a cap that doubles from one second to thirty. */
export function backoff(attempt, random) {
	const cap = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** Math.min(attempt, 10));
	return Math.round(BACKOFF_MIN_MS + random * (cap - BACKOFF_MIN_MS));
}

class Refused extends Error {}

/**
 * States, told by onstate(state, detail): idle, connecting, open (welcomed), waiting (for the next
 * try, detail = ms), refused (trying again is no use, detail = code).
 */
export class Transport {
	#env; #options; #ws = null; #generation = 0; #attempt = 0; #timer = null; #beat = null;
	#heard = 0; #welcomed = 0; #held = false;
	state = 'idle';

	/**
	 * base: "https://host"; hello(): fields of the first frame; about(): body of the request for a
	 * ticket; onticket(answer): what the server said to it; token: an agent's; env: others than the
	 * browser's own (the console has a fetch that sends its cookie).
	 */
	constructor(options) {
		this.#options = options;
		this.#env = { ...browser(), ...options.env };
	}

	start() {
		if (this.state === 'idle' || this.state === 'refused') this.#connect();
	}

	stop() {
		this.#drop();
		this.#become('idle');
	}

	/** A fresh connection at once, for instance to resume as somebody else. */
	restart() {
		this.#drop();
		this.#connect();
	}

	/** The page came back to life: look whether the connection did too. */
	wake() {
		if (this.state === 'waiting' && !this.#held) this.restart();
		else if (this.state === 'open') this.#probe();
	}

	/** False if it cannot be sent now; nothing is kept here (see Outbox). */
	send(frame) {
		if (this.state !== 'open' || this.#ws.readyState !== 1) return false;
		this.#ws.send(JSON.stringify(frame));
		return true;
	}

	#become(state, detail) {
		this.state = state;
		this.#options.onstate?.(state, detail);
	}

	#drop() {
		this.#generation++;
		this.#env.clearTimeout(this.#timer);
		this.#env.clearTimeout(this.#beat);
		const ws = this.#ws;
		this.#ws = null;
		if (ws) {
			ws.onopen = ws.onmessage = ws.onclose = ws.onerror = null;
			ws.close();
		}
	}

	#lost(after) {
		const env = this.#env;
		this.#drop();
		if (this.#welcomed && env.now() - this.#welcomed > STABLE_MS) this.#attempt = 0;
		this.#welcomed = 0;
		this.#held = after !== undefined; // the server named the time: do not come earlier
		const wait = this.#held ? Math.round(after * (1 + env.random())) : backoff(this.#attempt, env.random());
		this.#attempt++;
		this.#timer = env.setTimeout(() => this.#connect(), wait);
		this.#become('waiting', wait);
	}

	async #connect() {
		this.#drop();
		const generation = this.#generation;
		this.#become('connecting');
		this.#timer = this.#env.setTimeout(() => this.#lost(), SETUP_MS);
		try {
			const ticket = await this.#ticket();
			if (generation === this.#generation) this.#upgrade(ticket);
		} catch (error) {
			if (generation !== this.#generation) return;
			if (!(error instanceof Refused)) return this.#lost(error.after);
			this.#drop();
			this.#become('refused', error.message);
		}
	}

	async #ticket() {
		const { base, token, about, onticket } = this.#options;
		// A plain text body keeps a customer's request "simple": no preflight on a foreign page.
		const answer = await this.#env.fetch(`${base}/v1/tickets`, {
			method: 'POST', body: JSON.stringify(about?.() ?? {}), credentials: 'omit', cache: 'no-store',
			...(token && { headers: { authorization: `Bearer ${token}` } }),
		});
		if (answer.ok) {
			const told = await answer.json();
			onticket?.(told);
			return told.ticket;
		}
		const { code = `http_${answer.status}` } = (await answer.json().catch(() => ({}))).error ?? {};
		if (answer.status < 500 && ![404, 408, 425, 429].includes(answer.status)) throw new Refused(code);
		const after = Number(answer.headers?.get('retry-after'));
		throw Object.assign(new Error(code), after > 0 && { after: Math.min(after * 1000, BACKOFF_MAX_MS) });
	}

	#upgrade(ticket) {
		const { base, hello } = this.#options;
		const ws = new this.#env.WebSocket(`${base.replace(/^http/, 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`]);
		this.#ws = ws;
		ws.onopen = () => ws.send(JSON.stringify({ t: 'hello', ...hello() }));
		ws.onclose = ws.onerror = () => this.#lost();
		ws.onmessage = ({ data }) => {
			this.#heard = this.#env.now();
			for (const line of String(data).split('\n')) {
				// A frame may have ended this connection: what follows it is the next one's business.
				if (line && ws === this.#ws) this.#frame(JSON.parse(line));
			}
		};
	}

	#frame(frame) {
		if (frame.t === 'welcome') {
			this.#env.clearTimeout(this.#timer);
			this.#welcomed = this.#env.now();
			this.#become('open');
			this.#pulse(frame.heartbeat_ms || 25000);
		}
		if (frame.t === 'bye') this.#lost(frame.reconnect_after_ms || undefined);
		else if (frame.t !== 'pong') this.#options.onframe(frame);
	}

	#pulse(every) {
		this.#beat = this.#env.setTimeout(() => {
			if (this.#env.now() - this.#heard > DEAD_MS) return this.#lost();
			this.send({ t: 'ping' });
			this.#pulse(every);
		}, every);
	}

	#probe() {
		const heard = this.#heard;
		if (this.#env.now() - heard > DEAD_MS) return this.restart();
		this.send({ t: 'ping' });
		this.#env.clearTimeout(this.#timer);
		this.#timer = this.#env.setTimeout(() => {
			if (this.state === 'open' && this.#heard === heard) this.restart();
		}, PROBE_MS);
	}
}

/** Calls back when the tab is shown again or the network returns; gives back the way to stop. */
export function onWake(fn) {
	const shown = () => document.visibilityState === 'visible' && fn();
	document.addEventListener('visibilitychange', shown);
	addEventListener('online', fn);
	addEventListener('pageshow', shown);
	return () => {
		document.removeEventListener('visibilitychange', shown);
		removeEventListener('online', fn);
		removeEventListener('pageshow', shown);
	};
}

/**
 * Frames that must arrive, in order, until the server acknowledges their `id`. Sending twice is
 * harmless: the server knows an id it has seen. States of an entry: queued, sent, failed.
 */
export class Outbox {
	#send; #changed; #env; #open = false; #timer = null;
	entries = [];

	/** send(frame) -> bool, changed(): something to show or to store. */
	constructor({ send, changed = () => {}, env }) {
		this.#send = send;
		this.#changed = changed;
		this.#env = { ...browser(), ...env };
	}

	find(id) {
		return this.entries.find((entry) => entry.frame.id === id);
	}

	add(frame) {
		this.entries.push({ frame, state: 'queued' });
		this.#flush();
	}

	/** The connection may be written to (it has caught up), or may not any more. */
	opened(open) {
		this.#open = open;
		if (!open) for (const entry of this.entries) if (entry.state === 'sent') entry.state = 'queued';
		this.#flush();
	}

	/** Durable: the entry leaves. Gives it back, or undefined if it was not ours. */
	acked(id) {
		const entry = this.find(id);
		if (!entry) return undefined;
		this.entries = this.entries.filter((other) => other !== entry);
		this.#changed();
		return entry;
	}

	/** An `err` frame with this id. */
	refused({ id, retryable, retry_after_ms: after, code }) {
		const entry = this.find(id);
		if (!entry) return undefined;
		entry.state = retryable ? 'queued' : 'failed';
		entry.code = code;
		if (retryable) {
			this.#env.clearTimeout(this.#timer);
			this.#timer = this.#env.setTimeout(() => this.#flush(), Math.max(after || 0, BACKOFF_MIN_MS));
		}
		this.#changed();
		return entry;
	}

	retry(id) {
		const entry = this.find(id);
		if (entry) entry.state = 'queued';
		this.#flush();
	}

	#flush() {
		for (const entry of this.entries) {
			if (!this.#open) break;
			if (entry.state !== 'queued') continue;
			if (!this.#send(entry.frame)) break;
			entry.state = 'sent';
		}
		this.#changed();
	}
}
