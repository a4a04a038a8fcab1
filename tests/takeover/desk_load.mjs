// SPDX-License-Identifier: Apache-2.0
//
// make desk-load [CASES=2000] [AGENTS=50]: so many cases wait, so many people claim, answer and resolve, and new
// customers keep coming. Judged: how long a claim takes until its agent knows (p99), that every case was taken, and that
// nobody was passed over: when a case is taken, fewer older ones than there are people may still be waiting.

import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton } from '../lib/baton.mjs';
import { desk, simpleSet } from '../lib/policies.mjs';
import { Line, event } from './line.mjs';

const WORK_MS = [150, 350]; // what an agent does between two cases
const ARRIVALS_PER_S = 10;

export async function deskLoad({ cases = 2000, agents = 50, progress = () => {} } = {}) {
	const ids = Array.from({ length: agents }, (_, i) => `a${i}`);
	const env = Object.fromEntries(ids.map((id) => [`BATON_SECRET_AGENT_${id.toUpperCase()}`, `token-of-${id}-0123456789abcdef`]));
	const d = { ...desk(), agents: ids.map((id) => ({ id, name: id, secret: `AGENT_${id.toUpperCase()}` })), capacity: 5 };
	const baton = await Baton.start({ policies: simpleSet('http://127.0.0.1:1/v1', { files: { 'desk.yaml': d } }), env, args: ['--no-rate-limit'] });
	const run = { cases: 0, waiting: new Map(), taken: [], refused: 0, ms: [], passed_over: 0, customers: [] };

	const arrive = async () => {
		const customer = await new Line(baton, { name: `customer ${run.customers.length}` }).open();
		const queued = customer.wait(event('case_queued'), 'case_queued');
		customer.send({ t: 'msg', id: 'm1', text: 'talk to a human' });
		run.waiting.set(customer.welcome.session, (await queued).ts);
		run.customers.push(customer);
		run.cases++;
		progress('cases', run.cases);
	};
	const lanes = (n, job) => Promise.all(Array.from({ length: n }, job));
	let due = cases;
	await lanes(16, async () => { while (due-- > 0) await arrive(); });

	const people = [];
	for (const id of ids)
		people.push(await new Agent(baton, id, run).open());
	const began = performance.now();
	let coming = true;
	const arrivals = (async () => { while (coming) { await sleep(1000 / ARRIVALS_PER_S); await arrive(); } })();
	await Promise.all(people.map((person) => person.work(() => run.taken.length >= cases, progress)));
	coming = false;
	await arrivals;
	await Promise.all(people.map((person) => person.work(() => run.waiting.size === 0, progress)));
	run.seconds = (performance.now() - began) / 1000;
	run.ms.sort((a, b) => a - b);
	people.forEach((person) => person.line.close());
	run.customers.forEach((customer) => customer.close());
	await baton.stop();
	return run;
}

class Agent {
	constructor(baton, id, run) {
		Object.assign(this, { id, run, seen: new Map() });
		this.line = new Line(baton, { token: `token-of-${id}-0123456789abcdef`, name: id, hear: (f) => f.t === 'case' && this.#case(f) });
	}

	async open() {
		await this.line.open();
		const desk = this.line.wait((f) => f.t === 'desk', 'desk');
		this.line.send({ t: 'desk' });
		await desk;
		return this;
	}

	#case(f) {
		if (f.state === 'waiting')
			this.seen.set(f.session, f);
		else
			this.seen.delete(f.session);
	}

	// The first in the desk's order that nobody beside this agent is likely to take at the same moment.
	#next() {
		const first = [...this.seen.values()].sort((a, b) => a.precedence - b.precedence || a.waiting_since_ms - b.waiting_since_ms).slice(0, 8);
		return first[Math.floor(Math.random() * first.length)];
	}

	async work(done, progress) {
		for (const end = Date.now() + 120000; !done() && Date.now() < end;) {
			const next = this.#next();
			if (!next) {
				await sleep(20);
				continue;
			}
			if (await this.#claim(next.session)) {
				progress('taken', this.run.taken.length);
				await sleep(WORK_MS[0] + Math.random() * (WORK_MS[1] - WORK_MS[0]));
				const gone = this.line.wait((f) => f.t === 'case' && f.session === next.session && f.state === 'gone', 'gone');
				this.line.send({ t: 'reply', session: next.session, id: 'r1', text: 'Here you are.' });
				this.line.send({ t: 'resolve', session: next.session, code: 'solved' });
				await gone;
			}
		}
	}

	async #claim(session) {
		const began = performance.now();
		const verdict = this.line.wait((f) => (f.t === 'err' && f.for === 'claim' && f.session === session) ||
			(f.t === 'case' && f.session === session && f.state === 'claimed'), `verdict on ${session}`);
		this.line.send({ t: 'claim', session });
		const f = await verdict;
		this.seen.delete(session);
		if (f.t === 'err' || f.agent !== this.id) {
			this.run.refused++;
			return false;
		}
		this.run.ms.push(performance.now() - began);
		const since = this.run.waiting.get(session);
		this.run.waiting.delete(session);
		let older = 0;
		for (const other of this.run.waiting.values())
			older += other < since;
		this.run.passed_over = Math.max(this.run.passed_over, older);
		this.run.taken.push(session);
		return true;
	}
}

export const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

export function tell(run) {
	return `${run.taken.length} of ${run.cases} cases taken in ${run.seconds.toFixed(1)} s; claim p50 ${at(run.ms, 0.5).toFixed(1)} ms, p99 ${at(run.ms, 0.99).toFixed(1)} ms, ` +
		`max ${run.ms.at(-1).toFixed(1)} ms; ${run.refused} claims came second; at most ${run.passed_over} older cases waited when one was taken`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
	const { values } = parseArgs({ options: { cases: { type: 'string', default: '2000' }, agents: { type: 'string', default: '50' } } });
	let told = 0;
	const run = await deskLoad({ cases: Number(values.cases), agents: Number(values.agents), progress: (what, n) => {
		if (process.stderr.isTTY && performance.now() - told > 200) {
			told = performance.now();
			process.stderr.write(`\r${n} ${what} `);
		}
	} });
	const ok = run.taken.length === run.cases && run.passed_over < 2 * Number(values.agents) && at(run.ms, 0.99) < 20;
	console.log(`${ok ? 'ok' : 'not ok'} - ${tell(run)}`);
	process.exit(ok ? 0 : 1);
}
