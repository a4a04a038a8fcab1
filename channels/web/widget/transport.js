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

const { now } = Date;
const { random } = Math;
/* Another clock, another network: tests, and the console's fetch, which sends its cookie. */
const world = (other) => ({ WebSocket: globalThis.WebSocket, fetch: globalThis.fetch, setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now, random, ...other }); // not in the widget

/** A client id: sorts by time, and no two are the same. */
export const ulid = (now = Date.now()) => [now, ...crypto.getRandomValues(new Uint16Array(9))].map((part) => part.toString(36)).join('');

/** Full jitter between half a second and a cap that doubles from one second to thirty. */
export function backoff(attempt, random) {
	const cap = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** Math.min(attempt, 10));
	return Math.round(BACKOFF_MIN_MS + random * (cap - BACKOFF_MIN_MS));
}

/**
 * States, told by onstate(state, detail): idle, connecting, open (welcomed), waiting (for the next
 * try, detail = ms), refused (trying again is no use, detail = code).
 *
 * base: "https://host"; hello(): fields of the first frame; about(): body of the request for a
 * ticket; onticket(answer): what the server said to it; env: others than the browser's own.
 */
export function Transport({ base, hello, about, onticket, onframe, onstate, env }) {
	const { WebSocket, fetch, setTimeout, clearTimeout, now, random } = world(env); // not in the widget
	let ws = null;
	let generation = 0;
	let attempt = 0;
	let heard = 0;
	let welcomed = 0;
	let held = false;
	let timer, beat;

	function start() {
		if (/idle|refused/.test(self.state)) connect();
	}

	function stop() {
		drop();
		become('idle');
	}

	/** A fresh connection at once, for instance to resume as somebody else. */
	function restart() {
		drop();
		connect();
	}

	/** The page came back to life: look whether the connection did too. */
	function wake() {
		if (self.state === 'waiting' && !held) restart();
		else if (self.state === 'open') probe();
	}

	/** False if it cannot be sent now; nothing is kept here (see Outbox). */
	function send(frame) {
		if (self.state !== 'open' || ws.readyState !== 1) return false;
		ws.send(JSON.stringify(frame));
		return true;
	}

	function become(state, detail) {
		self.state = state;
		onstate?.(state, detail);
	}

	function drop() {
		generation++;
		clearTimeout(timer);
		clearTimeout(beat);
		const old = ws;
		ws = null;
		if (old) {
			old.onopen = old.onmessage = old.onclose = old.onerror = null;
			old.close();
		}
	}

	function lost(after) {
		drop();
		if (welcomed && now() - welcomed > STABLE_MS) attempt = 0;
		welcomed = 0;
		held = after !== undefined; // the server named the time: do not come earlier
		const wait = held ? Math.round(after * (1 + random())) : backoff(attempt, random());
		attempt++;
		timer = setTimeout(connect, wait);
		become('waiting', wait);
	}

	async function connect() {
		drop();
		const mine = generation;
		become('connecting');
		timer = setTimeout(lost, SETUP_MS);
		try {
			const ticket = await getTicket();
			if (mine === generation) upgrade(ticket);
		} catch (error) {
			if (mine !== generation) return;
			if (!error.refused) return lost(error.after);
			drop();
			become('refused', error.refused);
		}
	}

	async function getTicket() {
		// A plain text body keeps a customer's request "simple": no preflight on a foreign page.
		const answer = await fetch(`${base}/v1/tickets`, {
			method: 'POST', body: JSON.stringify(about?.() ?? {}), credentials: 'omit', cache: 'no-store',
		});
		const told = await answer.json().catch(() => ({}));
		if (answer.ok) {
			onticket?.(told);
			return told.ticket;
		}
		const { code = `http_${answer.status}` } = told.error ?? {};
		if (answer.status < 500 && ![404, 408, 425, 429].includes(answer.status)) throw { refused: code };
		const after = Number(answer.headers?.get('retry-after'));
		throw { after: after > 0 ? Math.min(after * 1000, BACKOFF_MAX_MS) : undefined };
	}

	function upgrade(ticket) {
		const mine = (ws = new WebSocket(`${base.replace(/^http/, 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`]));
		mine.onopen = () => mine.send(JSON.stringify({ t: 'hello', ...hello() }));
		mine.onclose = mine.onerror = () => lost();
		mine.onmessage = ({ data }) => {
			heard = now();
			for (const line of String(data).split('\n')) {
				// A frame may have ended this connection: what follows it is the next one's business.
				if (line && mine === ws) take(JSON.parse(line));
			}
		};
	}

	function take(frame) {
		if (frame.t === 'welcome') {
			clearTimeout(timer);
			welcomed = now();
			become('open');
			pulse(frame.heartbeat_ms || 25000);
		}
		if (frame.t === 'bye') lost(frame.reconnect_after_ms || undefined);
		else if (frame.t !== 'pong') onframe(frame);
	}

	function pulse(every) {
		beat = setTimeout(() => {
			if (now() - heard > DEAD_MS) return lost();
			send({ t: 'ping' });
			pulse(every);
		}, every);
	}

	function probe() {
		const before = heard;
		if (now() - before > DEAD_MS) return restart();
		send({ t: 'ping' });
		clearTimeout(timer);
		timer = setTimeout(() => {
			if (self.state === 'open' && heard === before) restart();
		}, PROBE_MS);
	}

	const self = { state: 'idle', start, stop, restart, wake, send };
	return self;
}

/** Calls back when the tab is shown again or the network returns, until the signal ends it. */
export function onWake(fn, signal) {
	const shown = () => document.visibilityState === 'visible' && fn();
	document.addEventListener('visibilitychange', shown, { signal });
	addEventListener('pageshow', shown, { signal });
	addEventListener('online', fn, { signal });
}

/**
 * Frames that must arrive, in order, until the server acknowledges their `id`. Sending twice is
 * harmless: the server knows an id it has seen. States of an entry: queued, sent, failed.
 *
 * send(frame) -> bool, changed(): something to show or to store.
 */
export function Outbox({ send, changed = () => {}, env }) {
	const { setTimeout, clearTimeout } = world(env); // not in the widget
	let isOpen = false;
	let timer;

	const find = (id) => self.entries.find((entry) => entry.frame.id === id);

	function add(frame) {
		self.entries.push({ frame, state: 'queued' });
		flush();
	}

	/** The connection may be written to (it has caught up), or may not any more. */
	function opened(open) {
		isOpen = open;
		if (!open) for (const entry of self.entries) if (entry.state === 'sent') entry.state = 'queued';
		flush();
	}

	/** Durable: the entry leaves. Gives it back, or undefined if it was not ours. */
	function acked(id) {
		const entry = find(id);
		if (!entry) return undefined;
		self.entries = self.entries.filter((one) => one !== entry);
		changed();
		return entry;
	}

	/** An `err` frame with this id. */
	function refused({ id, retryable, retry_after_ms: after, code }) {
		const entry = find(id);
		if (!entry) return undefined;
		entry.state = retryable ? 'queued' : 'failed';
		entry.code = code;
		if (retryable) {
			clearTimeout(timer);
			timer = setTimeout(flush, Math.max(after || 0, BACKOFF_MIN_MS));
		}
		changed();
		return entry;
	}

	function retry(id) {
		const entry = find(id);
		if (entry) entry.state = 'queued';
		flush();
	}

	function flush() {
		for (const entry of self.entries) {
			if (!isOpen) break;
			if (entry.state !== 'queued') continue;
			if (!send(entry.frame)) break;
			entry.state = 'sent';
		}
		changed();
	}

	const self = { entries: [], find, add, opened, acked, refused, retry };
	return self;
}
