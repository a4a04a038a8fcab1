// SPDX-License-Identifier: Apache-2.0
//
// What a server costs while it is watched from outside: memory, mappings, descriptors, threads and
// children of the process, and how long its event loops kept others waiting. The answering of pings is
// measured in a thread of its own, so that the work of the crowd does not count as the server's.

import { readFileSync, readdirSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

function status(pid, key) {
	return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

export function look(pid) {
	return { at: performance.now(), waited_ms: waited(pid), anon_kib: status(pid, 'RssAnon'), rss_kib: status(pid, 'VmRSS'), threads: status(pid, 'Threads'),
		maps: readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n').length - 1, fds: readdirSync(`/proc/${pid}/fd`).length,
		modules: new Set(readFileSync(`/proc/${pid}/maps`, 'latin1').match(/\/run\/modules\/[^\n]*\.so/g) ?? []).size };
}

// Milliseconds that the event loops wanted to run and another thread had the core, since they began.
function waited(pid) {
	let ns = 0;
	for (const task of readdirSync(`/proc/${pid}/task`))
		try {
			if (readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').startsWith('worker-'))
				ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[1]);
		} catch { /* it has ended */ }
	return ns / 1e6;
}

export function childrenOf(pid) {
	const tasks = readdirSync(`/proc/${pid}/task`);
	return tasks.flatMap((task) => { try { return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number); } catch { return []; } });
}

// The value of one series (its first line), or 0.
export function metric(text, name) {
	return Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')}(?:\\{[^}]*\\})? ([0-9.e+-]+)$`, 'm').exec(text)?.[1] ?? 0);
}

export class Watch {
	constructor(baton, { every_ms = 250, lag_ms = 100 } = {}) {
		Object.assign(this, { baton, every_ms, going: true, samples: [], lags: [], pings: [] });
		this.worker = new Worker(fileURLToPath(import.meta.url), { workerData: { base: baton.base, lag_ms } });
		this.worker.on('message', ({ lags, pings }) => { this.lags.push(...lags); this.pings.push(...pings); });
		this.ended = new Promise((go, fail) => { this.worker.once('exit', go); this.worker.once('error', fail); });
		this.ended.catch(() => {});
	}

	start() {
		this.running = (async () => {
			while (this.going && this.baton.alive) {
				this.samples.push(look(this.baton.child.pid));
				await sleep(this.every_ms);
			}
		})();
		return this;
	}

	async stop() {
		this.going = false;
		this.worker.postMessage('stop');
		await this.running;
		await this.ended;
	}
}

// Medians of the first and the last third, the first moments left out.
export function thirds(samples, key, skip_ms = 2000) {
	const used = samples.filter((one) => one.at >= samples[0].at + skip_ms);
	const part = (from, to) => used.slice(Math.floor(used.length * from), Math.ceil(used.length * to)).map((one) => one[key]).sort((a, b) => a - b);
	const middle = (list) => list[list.length >> 1] ?? 0;
	return [middle(part(0, 1 / 3)), middle(part(2 / 3, 1))];
}

// --- the thread that pings --------------------------------------------------------------------

const PINGERS = 6, PING_MS = 60; // a connection may say twenty things in a second

async function pingerOf(base, heard) {
	const { WebSocket } = await import('ws');
	const ticket = (await (await fetch(`${base}/v1/tickets`, { method: 'POST', headers: { 'content-type': 'application/json', origin: base }, body: '{}' })).json()).ticket;
	const ws = new WebSocket(`${base.replace(/^http/, 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`], { origin: base, perMessageDeflate: false });
	await new Promise((go, fail) => { ws.once('open', go); ws.once('error', fail); });
	const sent = new Map();
	ws.on('error', () => {});
	ws.on('message', (data) => {
		const now = performance.now();
		for (const [, n] of String(data).matchAll(/"t":"pong","n":(\d+)/g))
			if (sent.has(Number(n))) {
				heard(now - sent.get(Number(n)));
				sent.delete(Number(n));
			}
	});
	ws.send(JSON.stringify({ t: 'hello', client: 'watch/1' }));
	return { ws, sent, n: 0, ping() { this.sent.set(++this.n, performance.now()); ws.send(JSON.stringify({ t: 'ping', n: this.n })); } };
}

async function lagsOf(base, every_ms, stopped, heard) {
	for (; !stopped(); await sleep(every_ms)) {
		const text = await (await fetch(`${base}/metrics`)).text();
		heard(metric(text, 'baton_loop_lag_seconds') * 1000);
	}
}

async function pinger({ base, lag_ms }) {
	let stopped = false, lags = [], pings = [];
	parentPort.once('message', () => { stopped = true; });
	const flush = () => { parentPort.postMessage({ lags, pings }); lags = []; pings = []; };
	const now = () => performance.timeOrigin + performance.now();
	const all = await Promise.all(Array.from({ length: PINGERS }, () => pingerOf(base, (ms) => pings.push([now(), ms]))));
	const lagging = lagsOf(base, lag_ms, () => stopped, (ms) => lags.push([now(), ms])).catch(() => {}); // it may be killed
	for (let i = 0; !stopped; i++) {
		const one = all[i % all.length];
		if (one.ws.readyState === 1)
			one.ping();
		if (i % 100 === 0)
			flush();
		await sleep(PING_MS / PINGERS);
	}
	await lagging;
	flush();
	all.forEach((one) => one.ws.close());
}

if (!isMainThread && workerData?.base)
	await pinger(workerData);
