// SPDX-License-Identifier: Apache-2.0
//
// A receiver of transcript-webhook's requests that verifies every signature as Standard Webhooks says,
// and does what it is told: `next` is asked before each answer.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

export const HOOK_KEY = Buffer.from('a key that nobody else has');
export const HOOK_ENV = { BATON_SECRET_HOOK: `whsec_${HOOK_KEY.toString('base64')}` };

export class Receiver {
	constructor() {
		this.requests = []; // {id, events, status}
		this.events = new Map(); // session/seq of what was accepted -> how often
		this.wrong = []; // what did not hold
		this.next = () => 200; // a status; 'cut' or 'drop'
	}

	async start() {
		this.server = createServer((req, res) => {
			const parts = [];
			req.on('data', (part) => parts.push(part)).on('end', () => this.#take(req, res, Buffer.concat(parts)));
		});
		await new Promise((go) => this.server.listen(0, '127.0.0.1', go));
		this.base = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}

	stop() {
		this.server.closeAllConnections();
		return new Promise((go) => this.server.close(go));
	}

	#take(req, res, body) {
		if (req.method === 'HEAD')
			return res.end();
		const id = req.headers['webhook-id'], when = req.headers['webhook-timestamp'];
		const code = createHmac('sha256', HOOK_KEY).update(`${id}.${when}.`).update(body).digest('base64');
		if (!(req.headers['webhook-signature'] ?? '').split(' ').includes(`v1,${code}`))
			this.wrong.push(`signature of ${id}`);
		if (Math.abs(Date.now() / 1000 - Number(when)) > 300)
			this.wrong.push(`time of ${id}`);
		const { events } = JSON.parse(body).data;
		const status = this.next(id, events);
		this.requests.push({ id, events, status });
		if (status === 'drop')
			return req.socket.destroy();
		if (status === 'cut') {
			res.writeHead(200, { 'content-length': 100 }).write('{"ok":');
			return setTimeout(() => req.socket.destroy(), 10);
		}
		if (status === 200)
			for (const { session, seq } of events)
				this.events.set(`${session}/${seq}`, (this.events.get(`${session}/${seq}`) ?? 0) + 1);
		return res.writeHead(status, { 'content-length': 0 }).end();
	}

	// The same id always carried the same events.
	assertHonest() {
		assert.deepEqual(this.wrong, []);
		const seen = new Map();
		for (const { id, events } of this.requests) {
			const names = events.map((e) => `${e.session}/${e.seq}`).join(' ');
			assert.equal(seen.get(id) ?? names, names, `the id ${id} has two meanings`);
			seen.set(id, names);
		}
	}

	// In order within each session, the first time each was accepted.
	assertOrder() {
		const last = new Map();
		for (const { events, status } of this.requests)
			for (const { session, seq } of status === 200 ? events : []) {
				assert.ok(seq <= (last.get(session) ?? 0) + 1, `${session}: ${seq} after ${last.get(session)}`);
				last.set(session, Math.max(seq, last.get(session) ?? 0));
			}
	}

	entry(name = 'hook', config = {}, more = {}) {
		return { name, kind: 'transcript', file: 'transcript-webhook.so', egress: [new URL(this.base).host], secrets: ['HOOK'], ...more,
			config: { url: `${this.base}/events`, signing: ['HOOK'], ...config } };
	}
}
