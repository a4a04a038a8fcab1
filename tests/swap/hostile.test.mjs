// SPDX-License-Identifier: Apache-2.0
//
// Modules that mean harm, each beside customers who talk to another module. In a process of its own: the
// server lives, nobody else loses anything, and the others' first words come as soon as without it.
// Inline, where the checks let it in: it is refused, contained, or it takes the process with it; then the
// supervisor brings the server back with the module in quarantine, and the conversations go on.
// T=forks runs one; MODE=inline or process one of the two. A table stands at the end.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, SLOW } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { Crowd, quantile } from './crowd.mjs';
import { judge } from '../lib/judge.mjs';
import { soon } from '../lib/releases.mjs';
import { Asker } from './driver.mjs';
import { Ground, freePort, killAll } from './ground.mjs';
import { HOSTILE, fixture, moduleDir, smallSet } from './set.mjs';
import { childrenOf, look } from './watch.mjs';

const ALL = readdirSync(HOSTILE).filter((name) => name.endsWith('.so')).map((name) => name.slice(0, -3)).sort();
const NAMES = process.env.T ? process.env.T.split(/[ ,]+/) : ALL;
const MODES = process.env.MODE ? [process.env.MODE] : ['process', 'inline'];
const CALM_MS = Number(process.env.CALM_MS ?? 1500), STORM_MS = Number(process.env.STORM_MS ?? 2500), NEIGHBOURS = Number(process.env.NEIGHBOURS ?? 12);
// As what each is used; the others are providers.
const KIND = { crash_classify: 'classifier', garbage_counts: 'classifier', crash_evaluate: 'rule', crash_append: 'transcript' };

const table = [];

// Who says "bad ..." asks the target `bad` (the picker names its intent), everybody else `good`. A hostile
// classifier, rule or transcript module is asked for all, and keeps its harm for the same words.
function setOf(mode, kind, config) {
	const routes = ['bad', 'good', 'default'].map((intent) => ({ intent, primary: intent === 'bad' && kind === 'provider' ? 'bad' : 'good',
		...(intent === 'bad' && kind === 'provider' ? { fallback: ['good'] } : {}), first_token_ms: 1500, total_ms: 20000,
		...(intent === 'default' ? { class: 'general', tier: 1 } : {}) }));
	return smallSet([{ name: 'good', kind: 'provider', file: 'good.so', config: { lasts_ppm: 150000 } },
		{ name: 'bad', kind, file: 'bad.so', isolation: mode, config },
		...(kind === 'classifier' ? [] : [{ name: 'picker', kind: 'classifier', file: 'picker.so' }])],
	{ releases: { health: '5s' }, intents: ['bad', 'good'].map((name) => ({ name })), files: { 'routes.yaml': { routes } } });
}

const FILES = { 'good.so': 'provider-reel', 'bad.so': 'frame_plain', 'picker.so': 'picker' };

// The server may be down at the moment, and back in the next: a page tries again, too.
async function comesIn(customer, tries = 40) {
	for (let i = 1; ; i++)
		try {
			return await customer.connect();
		} catch (error) {
			if (i === tries || error.frame)
				throw error;
			await sleep(250);
		}
}

// One customer after the other says something bad; what became of each.
async function provoke(g, until) {
	const outcomes = [];
	for (let i = 0; performance.now() < until && outcomes.length < 12; i++) {
		const customer = new Customer(g.baton, { auto: true });
		try {
			await comesIn(customer);
			const good = await customer.outcome((await customer.say(`first something good ${i}`)).seq, 15000 * SLOW); // the session is in the journal
			if (good.text === undefined) { // a person has it already: rules that cannot be asked are taken for a no
				outcomes.push('a person');
				continue;
			}
			const { seq } = await customer.say(`bad ${i}`);
			const what = await customer.outcome(seq, 15000 * SLOW);
			outcomes.push(what.text === undefined ? 'a person' : what.text.includes('<end>') ? 'by the fallback' : what.text.slice(0, 50));
		} catch (error) {
			outcomes.push(`LOST: ${String(error.message).slice(0, 100)}`);
		} finally {
			await customer.end().catch(() => {});
		}
		await sleep(50);
	}
	return outcomes;
}

// Somewhere to connect to: nobody may come.
async function trap() {
	let came = 0;
	const server = net.createServer((socket) => { came++; socket.destroy(); });
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	return { port: server.address().port, came: () => came, close: () => server.close() };
}

const counted = (outcomes) => Object.entries(outcomes.map((one) => one.replace(/ set=.*/, '')).reduce((sum, one) => ({ ...sum, [one]: (sum[one] ?? 0) + 1 }), {}))
	.map(([what, n]) => `${n} ${what}`).join(', ');

async function inProcess(name, row) {
	const kind = KIND[name] ?? 'provider', lure = await trap();
	const g = await Ground.start({ policies: setOf('process', kind, { set: String(lure.port) }), files: FILES, args: ['--log-level', 'error'] });
	const pid = g.baton.child.pid, file = `/tmp/baton-hostile-${lure.port}`;
	const crowd = await new Crowd(g.baton, { size: NEIGHBOURS, think_ms: 30 }).open();
	const since = (from) => crowd.first_ms.filter(([t]) => t >= from).map((f) => f[1]);
	const p99 = (from) => quantile(since(from), 0.99);
	const heard = (from) => soon(() => since(from).length, 'answer to the others');
	try {
		crowd.talk();
		await sleep(300);
		const calm = performance.now();
		await provoke(g, calm + CALM_MS);
		await sleep(Math.max(0, calm + CALM_MS - performance.now()));
		await heard(calm); // on a starved machine that time is not enough
		const before = p99(calm), swap = await g.asker.ask('module.swap', { module: 'bad', path: fixture(name) });
		const bound = before * (process.env.STRICT ? 1.1 : 2) + (process.env.STRICT ? 1 : 150 * SLOW), outcomes = [];
		let during;
		// A module that others notice is noticed each time; what the machine did meanwhile it does not do twice.
		for (let storms = 0; storms < (process.env.STRICT ? 1 : 2) && !(during <= bound); storms++) {
			const storm = performance.now();
			if (swap.ok)
				outcomes.push(...await provoke(g, storm + STORM_MS));
			await sleep(Math.max(0, storm + STORM_MS - performance.now()));
			await heard(storm);
			during = p99(storm);
		}
		const anon = look(pid).anon_kib;
		row.p99 = `${before.toFixed(0)} then ${during.toFixed(0)} ms (${((during / before - 1) * 100).toFixed(0)} %)`;
		row.what = swap.ok ? `asked ${outcomes.length} times: ${counted(outcomes)}` : `refused: ${swap.error.message}`;
		const back = await g.asker.ask('module.swap', { module: 'bad', path: fixture('frame_plain') });
		assert.equal(back.ok, true, `a good one comes in afterwards: ${JSON.stringify(back)}`);
		await g.settled(15000 * SLOW);
		await crowd.stop();
		assert.ok(g.baton.alive, 'the server lives');
		// Without its rules the server lets nobody be answered unwatched: people take over. Else nobody notices.
		assert.deepEqual(crowd.faults.filter((one) => kind !== 'rule' || !/^(handed_over|superseded)/.test(one)), [], 'the others lose nothing');
		assert.equal(crowd.count.answered + crowd.count.handed_over, crowd.count.begun);
		if (name === 'garbage_handles')
			assert.ok(outcomes.every((one) => one.startsWith('frame ')), row.what);
		assert.ok(outcomes.every((one) => !one.startsWith('LOST')), row.what);
		assert.equal(lure.came(), 0, 'it reached nobody');
		assert.ok(!existsSync(file), 'it wrote nothing');
		assert.ok(anon < 512 << 10, `${anon} KiB`);
		assert.ok(during <= bound, row.p99);
		await g.stop();
		row.core = 'lives';
	} finally {
		lure.close();
		rmSync(file, { force: true });
	}
}

async function talks(customer, until, outcomes) {
	for (let n = 0; performance.now() < until(); n++) {
		const { seq } = await customer.say(`where is my order ${n}`);
		const what = await customer.outcome(seq, 20000 * SLOW);
		outcomes.push(what.text === undefined ? 'a person' : 'answered');
		if (what.text === undefined)
			return;
		await sleep(30);
	}
}

async function inline(name, row) {
	const kind = KIND[name] ?? 'provider', lure = await trap();
	const g = new Ground();
	g.baton = new Baton({ policies: setOf('inline', kind, { set: String(lure.port) }), modules: moduleDir(FILES), args: ['--log-level', 'error', '--supervise'],
		port: await freePort() });
	await g.baton.start();
	g.asker = await Asker.open(g.baton);
	const clients = Array.from({ length: NEIGHBOURS / 2 }, () => new Customer(g.baton, { auto: true })), outcomes = [], file = `/tmp/baton-hostile-${lure.port}`;
	let end = Infinity;
	try {
		await Promise.all(clients.map((c) => c.connect()));
		const talking = Promise.all(clients.map((c) => talks(c, () => end, outcomes)));
		talking.catch(() => {});
		const server = childrenOf(g.baton.child.pid)[0];
		const swap = await g.asker.ask('module.swap', { module: 'bad', path: fixture(name) }).catch(() => ({ ok: true })); // it may fall at once
		await g.reopen();
		const bad = swap.ok ? await provoke(g, performance.now() + STORM_MS) : [];
		await g.reopen();
		const again = await Asker.open(g.baton);
		if (swap.ok && childrenOf(g.baton.child.pid)[0] === server)
			await again.ask('module.swap', { module: 'bad', path: fixture('frame_plain') }).catch(() => {}); // or falls now, in its end
		await sleep(name === 'forks' ? 5500 : 500); // its child holds what the server held
		end = 0;
		await talking;
		const fell = childrenOf(g.baton.child.pid)[0] !== server;
		const last = await Asker.open(g.baton);
		const kept = (await last.ask('modules')).generations?.some((one) => one.state === 'quarantined');
		last.close();
		again.close();
		row.what = !swap.ok ? `refused: ${swap.error.message}` : `${fell ? `the process fell and is back${kept ? ', it in quarantine' : ''}; ` : ''}asked ${bad.length} times: ${counted(bad)}`;
		assert.ok(bad.every((one) => !one.startsWith('LOST')), row.what);
		g.asker.close();
		await judge(g.baton, clients);
		row.core = 'lives';
		row.p99 = fell ? 'a restart' : '';
	} finally {
		for (const c of clients)
			c.auto = false;
		lure.close();
		rmSync(file, { force: true });
		if (g.baton.alive)
			await g.baton.kill().catch(() => {});
	}
}

for (const mode of MODES)
	describe(`hostile modules, ${mode}`, { concurrency: Number(process.env.LANES ?? 1) }, () => {
		for (const name of NAMES)
			test(`${name} (${mode})`, { timeout: 90000 * SLOW }, async () => {
				const row = { name, mode, core: 'FALLS', p99: '', what: '' };
				table.push(row);
				await (mode === 'process' ? inProcess : inline)(name, row);
			});
	});

after(async () => {
	await killAll();
	console.log(`# ${'module'.padEnd(18)} ${'mode'.padEnd(8)} ${'core'.padEnd(6)} ${'others p99'.padEnd(22)} what became of it`);
	for (const r of table)
		console.log(`# ${r.name.padEnd(18)} ${r.mode.padEnd(8)} ${r.core.padEnd(6)} ${r.p99.padEnd(22)} ${r.what}`);
	for (const mode of MODES) {
		const rows = table.filter((r) => r.mode === mode);
		console.log(`# ${mode}: the core lives ${rows.filter((r) => r.core === 'lives').length} of ${rows.length}`);
	}
});
