// SPDX-License-Identifier: Apache-2.0
//
// The hostile provider: a streaming endpoint whose model name picks how it misbehaves. Rows S01-S16 and
// B01-B10 are those of the fault catalogue; `ok` is a healthy model. It speaks every wire of wires.mjs;
// the path that is asked picks which.
// A model name is `<row>[#<tag>][,<key>=<value>...]`: the tag gives a test its own counters, the
// keys change a number (`S15,outage=3000`). What every request asked, and when, is in `log`; stop() looks
// through it for what no provider may be sent.
//
// Every error text carries CANARY: a customer who ever reads it has been shown a provider's words.
//
// Surprising: `S14` needs a second model, `noprefill`, as its fallback; `S12` wants `large`. `continues`
// goes on from the middle of another model's answer (`echo=1`: after saying its beginning again).

import { once, setMaxListeners } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { seen } from '../lib/seen.mjs';
import { wireOf } from './wires.mjs';

export const CANARY = 'PROVIDER-WORDS-NOT-FOR-CUSTOMERS';

// The words a healthy answer of `model` has: known to both sides, so a test can tell a whole
// answer from half of one, and whose it is.
export function answerOf(model, tokens = 60) {
	const who = model.split(',')[0].replace('#', '-');
	const words = [`[${who}]`];
	for (let i = 1; i < tokens - 1; i++)
		words.push(`word${i}`);
	words.push('<end>');
	return words.join(' ');
}

function piecesOf(text) {
	return text.split(' ').map((word, i) => (i ? ' ' : '') + word);
}

function parseModel(model) {
	const [head, ...pairs] = model.split(',');
	const options = Object.fromEntries(pairs.map((pair) => pair.split('=')));
	return { row: head.split('#')[0], options };
}

// One answer being written. Times out of order cannot happen: each step waits for the one before.
class Answer {
	constructor(req, res, ask, entry, wire) {
		Object.assign(this, { req, res, ask, entry, wire, gone: false });
		this.model = ask.model;
		this.stop = new AbortController();
		setMaxListeners(0, this.stop.signal);
		res.on('close', () => {
			this.gone = true;
			this.stop.abort();
			entry.closed_ms = Date.now();
		});
	}

	option(name, otherwise) {
		const value = parseModel(this.model).options[name];
		return value === undefined ? otherwise : Number.isNaN(Number(value)) ? value : Number(value);
	}

	async wait(ms) {
		await sleep(ms, undefined, { signal: this.stop.signal }).catch(() => {});
		return !this.gone;
	}

	error(status, kind, headers = {}) {
		this.entry.status = status;
		this.res.writeHead(status, { 'content-type': 'application/json', ...headers });
		this.res.end(JSON.stringify(this.wire.error(kind, CANARY)));
	}

	open(type = this.wire.type) {
		this.entry.status = 200;
		this.res.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' });
		this.res.flushHeaders();
	}

	raw(bytes) {
		if (!this.gone)
			this.res.write(bytes);
	}

	say(content) {
		this.entry.tokens = (this.entry.tokens ?? 0) + 1;
		this.raw(this.wire.word(this, content));
	}

	begin() {
		this.open();
		this.wire.begin(this);
	}

	async tell(pieces, gap = this.option('gap', 2)) {
		for (const piece of pieces) {
			if (this.gone)
				return;
			this.say(piece);
			if (gap)
				await this.wait(gap);
		}
	}

	finish(reason = 'stop') {
		this.wire.finish(this, reason);
	}

	done() {
		this.wire.done(this);
		this.res.end();
	}

	reset() {
		this.entry.reset = true;
		this.req.socket.resetAndDestroy();
	}

	pieces() {
		return piecesOf(answerOf(this.model, this.option('tokens', 60)));
	}

	async healthy() {
		this.begin();
		if (!(await this.wait(this.option('first', 0))))
			return;
		await this.tell(this.pieces());
		this.finish();
		this.done();
	}

	hang() {
		return this.wait(120000);
	}
}

// Each row gets the answer and how often this model was asked before (0 the first time).
const rows = {
	ok: (a) => a.healthy(),
	large: (a) => a.healthy(),
	noprefill: (a) => a.wire.last(a.ask).role === 'assistant'
		? a.error(400, 'prefill')
		: a.healthy(),
	async continues(a) {
		const last = a.wire.last(a.ask);
		if (last.role !== 'assistant')
			return a.healthy();
		const said = last.content.trim().split(' ');
		const words = [...said.slice(0, 1), ...answerOf(a.model).split(' ').slice(1)];
		const rest = words.slice(said.length).map((word) => ` ${word}`);
		a.begin();
		await a.tell(a.option('echo', 0) ? [last.content, ...rest] : rest);
		a.finish();
		a.done();
	},
	S01: (a, n) => n ? a.healthy() : a.error(429, 'rate', { 'retry-after': '2' }),
	S02: (a) => a.error(429, 'rate'),
	S03: (a, n) => n ? a.healthy() : a.error(500, 'server'),
	S04: (a) => a.error(503, 'overloaded'),
	S05: (a, n) => n ? a.healthy() : a.reset(),
	S06: (a) => a.hang(),
	async S07(a) {
		a.open();
		if (await a.wait(a.option('late', 20000)))
			await a.tell(a.pieces());
		a.finish();
		a.done();
	},
	async S08(a) {
		a.begin();
		await a.tell(a.pieces().slice(0, a.option('cut', 40)), a.option('gap', 5));
		a.reset();
	},
	async S09(a) {
		a.begin();
		await a.tell(a.pieces().slice(0, 20));
		if (!(await a.wait(a.option('silence', 30000))))
			return;
		await a.tell(a.pieces().slice(20));
		a.finish();
		a.done();
	},
	async S10(a) {
		a.begin();
		await a.tell(a.pieces().slice(0, 9));
		a.raw(a.wire.broken(CANARY));
		await a.tell(a.pieces().slice(9));
		a.finish();
		a.done();
	},
	async S11(a) {
		a.begin();
		await a.tell(a.pieces());
		a.finish();
		if (a.option('end', 0))
			a.res.end();
		else
			await a.hang();
	},
	S12: (a) => a.error(400, 'context'),
	S13: (a) => a.error(400, 'policy'),
	S14: (a) => rows.S08(a),
	S15: (a, n, first) => Date.now() - first < a.option('outage', 60000)
		? a.error(503, 'overloaded') : a.healthy(),
	S16: (a) => a.error(503, 'overloaded'),
	async B01(a) {
		a.open();
		const noise = a.wire.noise(a);
		for (let i = 0; i < 600 && !a.gone; i++) {
			a.raw(noise[i % noise.length]);
			await a.wait(200);
		}
	},
	async B02(a) {
		a.begin();
		await a.tell(a.pieces().slice(0, 12));
		a.raw(a.wire.inband('overloaded', CANARY, a.option('kind', 'data') === 'event'));
		a.done();
	},
	B03(a) {
		a.begin();
		a.finish(a.option('kind', 'stop'));
		a.done();
	},
	async B04(a) {
		a.begin();
		await a.tell(a.pieces(), a.option('gap', 1000));
		a.finish();
		a.done();
	},
	B05: (a) => a.error(a.option('status', 401), 'access'),
	B06: (a) => a.error(a.option('status', 429), 'quota'),
	B07: (a) => a.error(404, 'gone'),
	async B08(a) {
		const page = `<!doctype html><title>${CANARY}</title><h1>502 Bad Gateway ${CANARY}</h1>`;
		switch (a.option('kind', 'html')) {
		case 'redirect':
			a.entry.status = 302;
			a.res.writeHead(302, { location: `/login?why=${CANARY}` });
			return a.res.end();
		case 'error':
			a.entry.status = 502;
			a.res.writeHead(502, { 'content-type': 'text/html' });
			return a.res.end(page);
		case 'type': // says SSE, is a page
			a.open();
			return a.res.end(page);
		case 'huge':
			a.open('application/json');
			return flood(a, Buffer.alloc(65536, 'x'));
		case 'line':
			a.open();
			a.raw(a.wire.name === 'ollama' ? '{"model":"' : 'data: {"id":"');
			return flood(a, Buffer.alloc(65536, 'y'));
		default:
			a.open('text/html');
			return a.res.end(page);
		}
	},
	async B09(a) {
		a.begin();
		await a.tell(a.pieces().slice(0, 5));
		switch (a.option('kind', 'split')) {
		case 'invalid':
			a.raw(a.wire.word(a, Buffer.from([0x20, 0xc3, 0x28, 0xff])));
			break;
		case 'surrogate': // one emoji, its halves in two chunks
			a.raw(a.wire.word(a, Buffer.from(' \\ud83d')));
			await a.wait(20);
			a.raw(a.wire.word(a, Buffer.from('\\ude00')));
			break;
		default: { // every byte of a four-byte character in a TCP segment of its own
			const whole = a.wire.word(a, ' \u{1F600}');
			a.req.socket.setNoDelay(true);
			for (const byte of whole) {
				a.raw(Buffer.from([byte]));
				if (byte >= 0x80)
					await a.wait(5);
			}
		}
		}
		await a.tell(a.pieces().slice(5));
		a.finish();
		a.done();
	},
	// Asks for `tool` with `args` (base64url of JSON) until it has been shown `rounds` results, then says the last.
	async T01(a) {
		const results = a.wire.results(a.ask);
		a.begin();
		if (results.length < a.option('rounds', 1)) {
			a.wire.tool(a, a.option('tool', 'order_status'), Buffer.from(String(a.option('args', 'e30')), 'base64url').toString());
			return a.res.end();
		}
		await a.tell(piecesOf(`The tool says ${results.at(-1)} <end>`));
		a.finish();
		a.done();
	},
	async B10(a) {
		const args = { bad: '{"order": oops', unknown: '{}', loop: '{"order":"A-1"}' }[a.option('kind', 'bad')];
		const name = a.option('kind', 'bad') === 'unknown' ? 'no_such_tool' : 'order_status';
		a.begin();
		a.wire.tool(a, name, args);
		a.res.end();
	},
};

export const ROWS = Object.keys(rows);

// Up to 100 MB, as fast as the other side reads: what a bound must stop.
async function flood(a, block) {
	for (let i = 0; i < 1600 && !a.gone; i++) {
		a.entry.flooded = (a.entry.flooded ?? 0) + block.length;
		if (!a.res.write(block))
			await once(a.res, 'drain', { signal: a.stop.signal }).catch(() => {});
	}
	a.res.end();
}

export class HostileProvider {
	// `tls`: { key, cert } as PEM; without it, plain HTTP.
	constructor({ tls } = {}) {
		this.log = [];
		this.seen = new Map();
		this.scheme = tls ? 'https' : 'http';
		this.server = (tls ? https : http).createServer(tls ?? {}, (req, res) => this.#serve(req, res).catch((error) => {
			this.log.push({ t: Date.now(), bug: String(error) });
			res.destroy();
		}));
	}

	async start(port = 0) {
		await new Promise((go) => this.server.listen(port, '127.0.0.1', go));
		this.port = this.server.address().port;
		this.base = `${this.scheme}://127.0.0.1:${this.port}`;
		this.url = `${this.base}/v1`;
		return this;
	}

	// What was asked of one model (the name as configured), oldest first.
	of(model) {
		return this.log.filter((entry) => entry.model === model);
	}

	async stop() {
		this.server.closeAllConnections();
		await new Promise((go) => this.server.close(go));
		seen('what a provider was sent', this.log.filter((entry) => entry.ask).map((entry) => JSON.stringify(entry.ask)));
	}

	async #serve(req, res) {
		const parts = [];
		for await (const part of req)
			parts.push(part);
		if (req.method === 'GET' && req.url === '/log')
			return res.end(JSON.stringify(this.log));
		const wire = wireOf(req.url);
		if (req.method !== 'POST' || !wire)
			return res.writeHead(404).end(CANARY);
		const ask = JSON.parse(Buffer.concat(parts));
		const before = this.seen.get(ask.model) ?? { n: 0, first: Date.now() };
		this.seen.set(ask.model, { n: before.n + 1, first: before.first });
		const entry = { n: this.log.length + 1, t: Date.now(), model: ask.model, wire: wire.name, ask, headers: req.headers };
		this.log.push(entry);
		const row = rows[parseModel(ask.model).row];
		const answer = new Answer(req, res, ask, entry, wire);
		const refusal = wire.refusal?.(ask);
		if (refusal) {
			Object.assign(entry, { status: 400, refusal });
			return res.writeHead(400, { 'content-type': 'application/json' })
				.end(JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message: refusal }, request_id: 'req_1' }));
		}
		if (!row)
			return answer.error(404, 'gone');
		await row(answer, before.n, before.first);
	}
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
	const provider = await new HostileProvider().start(Number(process.argv[2] ?? 0));
	console.log(JSON.stringify({ ready: true, url: provider.url, pid: process.pid }));
}
