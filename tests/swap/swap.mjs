// SPDX-License-Identifier: Apache-2.0
//
// make swap [SECONDS=60] [CUSTOMERS=500]: a real server, customers who all hear answers being streamed,
// and every module swapped every 10 ms to 1 s, rules reloaded, canaries begun and ended, and files and
// policies pushed that must be refused. At the end: no socket dropped, no turn failed, none without an
// outcome, every answer byte for byte what it must be, on the screen and in the journal; memory,
// mappings and descriptors flat; nobody kept waiting.
//
//   node tests/swap/swap.mjs [--seconds 60] [--customers 500] [--isolation inline] [--json] [--soft] [--still]
//
// --still: nothing is changed; what the same load costs by itself.
// --soft: what a loaded machine can spoil (waiting, memory) is told but does not fail the run.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Baton, ROOT, VARIANT } from '../lib/baton.mjs';
import { Crowd, quantile } from './crowd.mjs';
import { Asker, Driver } from './driver.mjs';
import { writePage } from './page.mjs';
import { reel } from './reel.mjs';
import { fullSet, moduleDir } from './set.mjs';
import { Watch, thirds } from './watch.mjs';

// A run of some seconds begins with few releases that drain, and ends with many.
const slackOf = (r) => r.seconds < 30 ? 0.4 : 0.1;
const LAG_P99_MS = 5, GROWTH_KIB = 12 << 10, MAPS_GROWTH_MAX = 60, FDS_GROWTH_MAX = 8;

// What the journal says of every conversation, against what was asked.
function journalOf(baton, said) {
	const wrong = [], bySession = new Map();
	let answers = 0, moved = 0, failed = 0, mixed = 0;
	for (const one of said)
		bySession.set(one.session, [...(bySession.get(one.session) ?? []), one]);
	for (const [session, log] of baton.transcripts(bySession.keys())) {
		const asked = bySession.get(session);
		const durable = log.filter((e) => e.type === 'answer_generated');
		answers += durable.length;
		moved += log.filter((e) => e.type === 'turn_moved').length;
		failed += log.filter((e) => e.type === 'model_failed').length;
		mixed += turnsOfTwoReleases(log);
		if (durable.length !== asked.length)
			wrong.push(`${session}: ${asked.length} questions, ${durable.length} answers`);
		for (const { seq, question } of asked) {
			const answer = durable.find((e) => e.data.upto === seq || e.data.turn === seq);
			if (answer?.data.text !== reel(question))
				wrong.push(`${session} ${seq}: ${answer ? 'another text' : 'no answer'} in the journal`);
		}
	}
	return { wrong, answers, moved, failed, mixed };
}

// Decisions of one turn name their release: one, but for turns that were moved.
function turnsOfTwoReleases(log) {
	const seen = new Map();
	for (const { type, data } of log)
		if (data.release !== undefined && data.turn !== undefined && type !== 'turn_moved')
			seen.set(data.turn, new Set([...(seen.get(data.turn) ?? []), data.release]));
	const moved = new Set(log.filter((e) => e.type === 'turn_moved').map((e) => e.data.turn));
	return [...seen].filter(([turn, releases]) => releases.size > 1 && !moved.has(turn)).length;
}

// The files that the transcript module wrote, through all its generations: nothing is missing.
function exportedOf(baton, said) {
	const dir = path.join(baton.data, 'transcripts'), seen = new Set();
	let lines = 0;
	const each = (folder) => {
		for (const entry of readdirSync(folder, { withFileTypes: true })) {
			if (entry.isDirectory())
				each(path.join(folder, entry.name));
			else
				for (const line of readFileSync(path.join(folder, entry.name), 'utf8').split('\n').filter(Boolean)) {
					const { session, seq } = JSON.parse(line);
					seen.add(`${session} ${seq}`);
					lines++;
				}
		}
	};
	each(dir);
	return { lines, missing: said.filter(({ session, seq }) => !seen.has(`${session} ${seq}`)).length, twice: lines - seen.size };
}

// Microseconds of each step, from the operations log.
function stepsOf(operations) {
	const steps = new Map();
	const add = (name, ms) => steps.set(name, [...(steps.get(name) ?? []), ms]);
	for (const { type, data } of operations) {
		if (type === 'module_changed' && data.us !== undefined)
			add(data.state, data.us / 1000);
		if (type === 'release_changed' && data.state === 'live')
			add('asked to live', data.ms ?? 0);
	}
	return Object.fromEntries([...steps].map(([name, ms]) => [name, { n: ms.length, p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), max: quantile(ms, 1) }]));
}

async function settled(baton, ms = 10000) {
	const asker = await Asker.open(baton);
	let view;
	for (const end = performance.now() + ms; performance.now() < end; await sleep(50)) {
		view = await asker.ask('releases');
		if (view.releases?.length === 1)
			break;
	}
	const modules = await asker.ask('modules');
	asker.close();
	return { releases: view.releases?.length ?? -1, generations: modules.generations?.length ?? -1,
		resident: modules.generations?.filter((g) => g.state === 'resident').length ?? -1 };
}

// Goes on behind its seconds, up to five times as long, until as many swaps as are wanted at least have happened.
export async function swapRun({ seconds = 60, customers = 500, isolation = 'inline', driver: options = {}, still = false, still_ms = Math.max(1500, seconds * 150), lasts_ppm, least = 0, log = () => {} } = {}) {
	const baton = await Baton.start({ policies: fullSet({ isolation, lasts_ppm }), modules: moduleDir({ 'reel.so': 'provider-reel' }), args: ['--log-level', 'warn'] });
	const crowd = new Crowd(baton, { size: customers });
	const driver = new Driver(baton, options), watch = new Watch(baton);
	try {
		await crowd.open();
		await driver.open();
		log(`${customers} customers talk to ${baton.base}`);
		crowd.talk();
		await sleep(1000);
		watch.start();
		await sleep(still_ms); // what the machine makes of the same load without any change
		const began = performance.now();
		if (!still)
			driver.drive();
		const enough = (s) => s > seconds && (driver.count.swaps >= least || s > 5 * seconds);
		for (let s = 1; !enough(s) && baton.alive && !driver.wrong.length; s++) {
			await sleep(1000);
			if (s % 10 === 0)
				log(`${s} s: ${JSON.stringify({ ...driver.count, answered: crowd.count.answered, failed: crowd.count.failed, dropped: crowd.count.dropped })}`);
		}
		const ended = performance.now();
		await driver.stop();
		await watch.stop();
		const metrics = baton.alive ? await (await baton.http('/metrics')).text() : '';
		const stopping = crowd.stop();
		await stopping;
		const end = baton.alive && !still ? await settled(baton) : { releases: 1 };
		const stopped = await baton.stop().then(() => '', (error) => `${error.message}`.slice(0, 4000));
		return { stopped, began, seconds: (ended - began) / 1000, baton, crowd, driver, watch, metrics, end, journal: journalOf(baton, crowd.said),
			exported: exportedOf(baton, crowd.said), steps: still ? {} : stepsOf(baton.transcript('operations')) };
	} finally {
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
}

// Conversations grow, and memory with them: by as much as before the changes began, and a little.
function memory(r, samples) {
	const calm = r.watch.samples.filter((one) => one.at < r.began), turnsBefore = (t) => r.crowd.done_ms.filter(([at]) => at < t).length;
	const a = samples[0], b = samples.at(-1), turns = Math.max(1, turnsBefore(b.at) - turnsBefore(a.at));
	const calmTurns = Math.max(1, turnsBefore(calm.at(-1).at) - turnsBefore(calm[0].at)), calmKib = (calm.at(-1).anon_kib - calm[0].anon_kib) / calmTurns;
	const grown = b.anon_kib - a.anon_kib;
	return { ok: grown <= Math.max(calmKib, 2.5) * turns * 1.2 + GROWTH_KIB, value: `${a.anon_kib} then ${b.anon_kib}: ${(grown / turns).toFixed(2)} KiB a turn, without changes ${calmKib.toFixed(2)}` };
}

// What was found: [{ name, ok, hard, value }].
export function judge(r) {
	const { count } = r.crowd, samples = r.watch.samples.filter((one) => one.at >= r.began);
	const flat = (key, allowed) => { const [a, b] = thirds(samples, key); return { ok: b - a <= allowed(a), value: `${a} then ${b}` }; };
	const waits = (list) => {
		const from = performance.timeOrigin + r.began, part = (test) => list.filter(([t]) => test(t)).map((l) => l[1]);
		const during = part((t) => t >= from), before = quantile(part((t) => t < from), 0.99), p99 = quantile(during, 0.99);
		return { ok: p99 < LAG_P99_MS || p99 < 1.5 * before, value: `${p99.toFixed(2)}, without changes ${before.toFixed(2)}; p50 ${quantile(during, 0.5).toFixed(2)}, max ${quantile(during, 1).toFixed(2)}, ${during.length} looks` };
	};
	const list = [];
	const hard = (name, ok, value) => list.push({ name, ok, hard: true, value });
	const soft = (name, { ok, value }) => list.push({ name, ok, hard: false, value });
	hard('sockets dropped', count.dropped === 0, count.dropped);
	hard('turns failed', count.failed + count.refused + count.handed_over + count.superseded === 0, `${count.failed + count.refused + count.handed_over + count.superseded} of ${count.begun}`);
	hard('turns without outcome', count.answered === count.begun && r.journal.answers === count.begun, `${count.begun - count.answered} on screen, ${count.begun - r.journal.answers} in the journal`);
	hard('answers torn', count.torn + count.gaps === 0, count.torn + count.gaps);
	hard('answers that differ in the journal', r.journal.wrong.length === 0, r.journal.wrong.length);
	hard('turns of two releases', r.journal.mixed === 0, r.journal.mixed);
	hard('exported entries missing', r.exported.missing === 0, `${r.exported.missing} (${r.exported.lines} lines, ${r.exported.twice} twice)`);
	hard('changes that went otherwise', r.driver.wrong.length === 0, r.driver.wrong.length);
	hard('the server ends in order', r.stopped === '', r.stopped.split('\n')[0] || 'yes');
	hard('old releases left', r.end.releases === 1, `${r.end.releases - 1}; ${r.end.generations} generations, ${r.end.resident} resident`);
	hard('mappings, first and last third', flat('maps', (a) => MAPS_GROWTH_MAX + a * slackOf(r)).ok, flat('maps', () => 0).value);
	hard('descriptors', flat('fds', (a) => FDS_GROWTH_MAX + a * slackOf(r)).ok, flat('fds', () => 0).value);
	soft('memory of its own, KiB', memory(r, samples));
	soft('loop lag p99, ms (of the longest lap in each 100 ms)', waits(r.watch.lags));
	soft('ping p99, ms', waits(r.watch.pings));
	return list;
}

export function tell(r, findings) {
	const out = [], { count } = r.driver;
	const firsts = r.crowd.first_ms.map((f) => f[1]);
	out.push(`${r.seconds.toFixed(0)} s, ${r.crowd.size} customers, ${r.crowd.count.answered} answers in ${r.crowd.count.deltas} pieces; first word p50 ${quantile(firsts, 0.5).toFixed(0)} ms, p99 ${quantile(firsts, 0.99).toFixed(0)} ms`);
	out.push(`${count.swaps} swaps, ${count.reloads} reloads, ${count.canaries} canaries (${count.promoted} promoted, ${count.rolled_back} rolled back), ${count.refused} refused as they must be; ${r.journal.moved} turns moved, ${r.journal.failed} attempts failed`);
	out.push('', 'step                 n     p50 ms   p95 ms   max ms');
	for (const [name, s] of Object.entries(r.steps))
		out.push(`${name.padEnd(16)} ${String(s.n).padStart(6)} ${s.p50.toFixed(2).padStart(9)} ${s.p95.toFixed(2).padStart(8)} ${s.max.toFixed(2).padStart(8)}`);
	const overruns = new Map();
	for (const line of r.baton.stderr.split('\n').filter((l) => l.includes('"module_overrun"'))) {
		const { module, where, us } = JSON.parse(line);
		overruns.set(`${module} in ${where}`, [...(overruns.get(`${module} in ${where}`) ?? []), us / 1000]);
	}
	for (const [what, list] of overruns)
		out.push(`held a loop: ${what}: ${list.length} times, p50 ${quantile(list, 0.5).toFixed(1)} ms, max ${quantile(list, 1).toFixed(1)} ms`);
	const ms = (kind) => r.driver.done.filter((d) => d.kind === kind).map((d) => d.ms);
	for (const kind of ['swap', 'reload', 'canary', 'promote', 'rollback', 'refused'])
		if (ms(kind).length)
			out.push(`${`${kind} in all`.padEnd(16)} ${String(ms(kind).length).padStart(6)} ${quantile(ms(kind), 0.5).toFixed(2).padStart(9)} ${quantile(ms(kind), 0.95).toFixed(2).padStart(8)} ${quantile(ms(kind), 1).toFixed(2).padStart(8)}`);
	const per_s = (list) => list.length > 1 ? (list.at(-1).waited_ms - list[0].waited_ms) / (list.at(-1).at - list[0].at) * 1000 : 0;
	out.push(`event loops waited for a core ${per_s(r.watch.samples.filter((s) => s.at >= r.began)).toFixed(0)} ms in a second, without changes ${per_s(r.watch.samples.filter((s) => s.at < r.began)).toFixed(0)}`);
	out.push('');
	for (const f of findings)
		out.push(`${f.ok ? 'ok    ' : f.hard ? 'NOT OK' : 'not ok'} ${f.name}: ${f.value}`);
	for (const line of [...(r.stopped ? [r.stopped.slice(-1500)] : []), ...r.driver.wrong, ...r.crowd.faults, ...r.journal.wrong].slice(0, 20))
		out.push(`  ${line}`);
	return out.join('\n');
}

async function main() {
	const { values } = parseArgs({ options: { seconds: { type: 'string' }, customers: { type: 'string' }, isolation: { type: 'string' }, json: { type: 'boolean' }, still: { type: 'boolean' }, soft: { type: 'boolean' } } });
	const r = await swapRun({ seconds: Number(values.seconds ?? 60), customers: Number(values.customers ?? 500), isolation: values.isolation ?? 'inline', still: values.still,
		log: (line) => values.json || console.log(line) });
	const findings = judge(r), dir = path.join(ROOT, 'build', 'swap');
	const record = { variant: VARIANT, seconds: r.seconds, customers: r.crowd.size, changes: r.driver.count, turns: r.crowd.count, steps: r.steps, findings, end: r.end };
	mkdirSync(dir, { recursive: true });
	writeFileSync(path.join(dir, 'swap.json'), `${JSON.stringify(record, null, 1)}\n`);
	writePage(path.join(dir, 'swap.html'), { title: `${r.driver.count.swaps} swaps under ${r.crowd.count.answered} answers`, began: r.began, seconds: r.seconds, changes: r.driver.done,
		answers: r.crowd.done_ms, firsts: r.crowd.first_ms, pings: r.watch.pings.map(([t, ms]) => [t - performance.timeOrigin, ms]), samples: r.watch.samples,
		table: Object.fromEntries(findings.map((f) => [f.name, f.value])) });
	console.log(values.json ? JSON.stringify(record) : `${tell(r, findings)}\n\nbuild/swap/swap.html`);
	process.exitCode = findings.some((f) => !f.ok && (f.hard || !values.soft)) ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
	await main();
