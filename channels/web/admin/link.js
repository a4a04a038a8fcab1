// SPDX-License-Identifier: Apache-2.0
//
// The page's connection: a ticket, a WebSocket, hello, and `operations`. A status comes every two seconds,
// so a silence of ten is a connection that is gone, whatever the socket says. Nothing is queued: what
// was asked for and not answered when the line broke is told as such.

const SILENT_MS = 10000;
const AGAIN_MS = [500, 1000, 2000, 4000, 8000];

export class Link {
	#ticket; #on; #ws = null; #timer = null; #watch = null; #tries = 0; #asked = new Map(); #life = 0; #last = 0;

	/** ticket(): a promise of a ticket; rejects with {refused: code} if trying again is no use. on: {state(word, detail), frame(frame)}. */
	constructor(ticket, on) {
		this.#ticket = ticket;
		this.#on = on;
	}

	async start() {
		const life = ++this.#life;
		this.#on.state('connecting');
		try {
			const ticket = await this.#ticket();
			if (life === this.#life) this.#open(ticket, life);
		} catch (error) {
			if (life !== this.#life) return;
			if (error.refused) return this.#on.state('refused', error.refused);
			this.#lost();
		}
	}

	stop() {
		this.#life++;
		clearTimeout(this.#timer);
		this.#close();
	}

	/** Comes back at once when the page does. */
	wake() {
		if (this.#timer && !this.#ws) { clearTimeout(this.#timer); this.start(); }
	}

	/** A request of the control socket. Resolves with its answer: {ok, ...}. */
	ask(request) {
		const id = `a${Date.now().toString(36)}-${++this.#last}`;
		if (this.#ws?.readyState !== 1) return Promise.resolve({ ok: false, error: { message: 'not connected' } });
		this.#ws.send(JSON.stringify({ t: 'admin', id, request }));
		return new Promise((done) => this.#asked.set(id, done));
	}

	#open(ticket, life) {
		const ws = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`]);
		this.#ws = ws;
		ws.onopen = () => ws.send(JSON.stringify({ t: 'hello', client: 'admin/1' }));
		ws.onclose = ws.onerror = () => life === this.#life && this.#lost();
		ws.onmessage = ({ data }) => {
			this.#listen();
			for (const line of String(data).split('\n')) if (line && ws === this.#ws) this.#frame(JSON.parse(line));
		};
		this.#listen();
	}

	#listen() {
		clearTimeout(this.#watch);
		this.#watch = setTimeout(() => this.#lost(), SILENT_MS);
	}

	#frame(frame) {
		if (frame.t === 'welcome') {
			if (frame.role !== 'admin') { this.stop(); return this.#on.state('refused', 'denied'); }
			this.#tries = 0;
			this.#ws.send(JSON.stringify({ t: 'operations' }));
			this.#on.state('open', frame);
		} else if (frame.t === 'done') {
			this.#asked.get(frame.id)?.(frame.answer || { ok: frame.ok });
			this.#asked.delete(frame.id);
		} else if (frame.t === 'err' && this.#asked.has(frame.id)) {
			this.#asked.get(frame.id)({ ok: false, error: frame });
			this.#asked.delete(frame.id);
		} else if (frame.t === 'bye') {
			this.#lost(frame.reconnect_after_ms);
		} else {
			this.#on.frame(frame);
		}
	}

	#close() {
		clearTimeout(this.#watch);
		const ws = this.#ws;
		this.#ws = null;
		if (ws) { ws.onopen = ws.onmessage = ws.onclose = ws.onerror = null; ws.close(); }
		for (const done of this.#asked.values()) done({ ok: false, error: { message: 'the connection broke: it may have been done, look below' } });
		this.#asked.clear();
	}

	#lost(after) {
		this.#life++;
		this.#close();
		this.#on.state('waiting');
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => { this.#timer = null; this.start(); }, after ?? AGAIN_MS[Math.min(this.#tries++, AGAIN_MS.length - 1)] * (0.75 + Math.random() / 2));
	}
}
