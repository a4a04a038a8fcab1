// SPDX-License-Identifier: Apache-2.0
//
// `baton drill run` against real servers: the shop's ready drills in short form hold their objectives,
// no drill leaves anything behind, whoever ends it and however, and what it reports is what the
// transcripts say. DRILLS=all plays every drill of the shop (make drills), else three.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BIN, Baton, ROOT, SLOW, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { lookAt } from '../lib/page.mjs';
import { shopSet, write } from '../lib/policies.mjs';

const FOLDER = path.join(ROOT, 'policies', 'shop', 'drills');
const READY = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -5));
const PLAYED = process.env.DRILLS === 'all' ? READY : ['primary-outage-10m', 'rate-limited', 'disabled'];
const AT_ONCE = 3;

const open = [];
after(async () => {
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});
async function start(options = {}) {
	const baton = await Baton.start(options);
	open.push(baton);
	return baton;
}

// Runs beside others; resolves with code, stdout, stderr, and the drill's JSON if it is some.
function drill(baton, file, ...args) {
	const child = spawn(BIN, ['drill', 'run', file, '--data', baton.data, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
	const out = { child, stdout: '', stderr: '' };
	child.stdout.setEncoding('utf8').on('data', (text) => { out.stdout += text; });
	child.stderr.setEncoding('utf8').on('data', (text) => { out.stderr += text; });
	const late = setTimeout(() => child.kill('SIGKILL'), 240000 * SLOW);
	out.done = new Promise((go) => child.once('close', (code, signal) => {
		clearTimeout(late);
		go({ code, signal, ...out, json: out.stdout.startsWith('{') ? JSON.parse(out.stdout) : null });
	}));
	return out;
}

// Questions on the control socket, answers in order.
function ask(baton, question) {
	return new Promise((go, fail) => {
		const socket = net.connect(path.join(baton.data, 'control.sock'));
		let text = '';
		socket.on('error', fail).setEncoding('utf8').on('data', (part) => {
			text += part;
			if (!text.includes('\n'))
				return;
			socket.end();
			go(JSON.parse(text.split('\n')[0]));
		});
		socket.write(`${JSON.stringify(question)}\n`);
	});
}

async function drillsOf(baton) {
	return (await ask(baton, { do: 'drill.list' })).drills;
}

async function until(find, what, ms = 20000 * SLOW) {
	for (const end = performance.now() + ms; performance.now() < end; await sleep(20))
		if (await find())
			return;
	assert.fail(`never: ${what}`);
}

async function answered(baton, text) {
	const who = new Customer(baton);
	await who.connect();
	const { seq } = await who.say(text);
	return who.answer(seq);
}

// A short drill of one script, in a copy of the shop.
function oneDrill(content) {
	const set = shopSet();
	// Where machines are slow, a moment between phases is longer.
	write(set, { 'drills/tiny.yaml': { name: 'tiny', duration: `${3 * SLOW}s`,
		faults: ['primary', 'fallback'].map((target) => ({ target, fault: 'disabled', at: `${500 * SLOW}ms`, for: `${1500 * SLOW}ms` })),
		conversations: [{ scenario: 'order', every: `${300 * SLOW}ms`, messages: ['Where is my order?'],
			expect: { outcome: 'answered' }, degraded: { outcome: 'handed_over' } }], ...content } });
	return { set, file: path.join(set, 'drills', 'tiny.yaml') };
}

describe('the ready drills', () => {
	const results = new Map();
	const lane = async (names) => {
		for (let name = names.shift(); name; name = names.shift()) {
			const baton = await start();
			const page = path.join(tempDir('drill'), `${name}.html`);
			const speed = name.endsWith('10m') ? '60' : '20';
			results.set(name, { ...await drill(baton, path.join(FOLDER, `${name}.yaml`), '--speed', speed, '--json', '--html', page).done,
				page, left: await drillsOf(baton), baton });
			await baton.stop();
		}
	};
	const all = (async () => {
		const names = [...PLAYED];
		await Promise.all(Array.from({ length: AT_ONCE }, () => lane(names)));
	})();
	all.catch(() => {});

	for (const name of PLAYED) {
		test(`${name} holds its objectives and loses nothing`, async () => {
			await all;
			const { code, json, stderr, left, baton } = results.get(name);
			assert.ok(json, `no report: ${stderr}`);
			const missed = json.objectives.filter((one) => !one.held);
			const odd = json.messages.filter((one) => !one.expected).slice(0, 3);
			assert.deepEqual(missed, [], JSON.stringify(odd));
			assert.equal(code, 0);
			assert.equal(json.held, true);
			assert.equal(json.preserved, json.conversations);
			assert.equal(json.kept_waiting, 0);
			assert.equal(json.handoffs_full, json.handoffs);
			assert.equal(json.misread, 0, 'each script is understood as what it says');
			for (const phase of ['before', 'fault', 'after'])
				assert.ok(json.phases[phase].messages >= 5, `${phase}: each of the five scenarios`);
			for (const phase of Object.values(json.phases))
				assert.equal(phase.lost, 0);
			assert.deepEqual(left, [], 'no drill runs any more');
			// The transcripts say the same as the report.
			const seen = json.messages.find((one) => one.outcome === 'handed_over' && one.degraded) ?? json.messages[0];
			const types = baton.transcript(seen.session).map((event) => event.type);
			assert.ok(types.includes({ handed_over: 'case_queued', answered: 'answer_generated', drafted: 'draft_proposed',
				captured: 'message_captured' }[seen.outcome]), `${seen.outcome}: ${types}`);
		});
	}

	test('are those that docs/DRILLS.md lists, and the page of one opens in a browser', async () => {
		const docs = readFileSync(path.join(ROOT, 'docs', 'DRILLS.md'), 'utf8');
		for (const name of READY)
			assert.ok(docs.includes(`\`${name}\``), name);
		await all;
		const { page, json } = results.get(PLAYED[0]);
		await lookAt(page, 'drill', async (view) => {
			assert.match(await view.locator('main').innerText(), /Objectives held/);
			assert.equal(await view.locator('figure svg[role=img]').count(), 2);
			assert.ok(await view.locator('circle').count() >= json.messages.length);
		});
	});
});

describe('a drill', () => {
	test('is for its own conversations: customers beside it notice nothing', async () => {
		const { set, file } = oneDrill({});
		const baton = await start({ policies: set });
		const playing = drill(baton, file, '--json');
		await until(async () => (await drillsOf(baton)).length > 0, 'the drill is on');
		for (let i = 0; i < 12; i++) {
			assert.match((await answered(baton, 'Where is my order?')).text, /\w/);
			await sleep(100 * SLOW);
		}
		const { code, json, stderr } = await playing.done;
		assert.equal(code, 0, `${stderr}\n${JSON.stringify(json.objectives)}`);
		assert.ok(json.phases.fault.handed_over > 0, 'and yet it took place');
		const modes = (await ask(baton, { do: 'modes' })).modes.filter((mode) => mode.state === 'on');
		assert.deepEqual(modes, [], 'no mode is on for everybody');
		const desk = (await ask(baton, { do: 'status' })).desk;
		assert.equal(desk.waiting, 0, 'no case of the drill is left to the agents');
		await baton.stop();
	});

	test('exits with 1 if an objective is missed, and says which', async () => {
		const { set, file } = oneDrill({ conversations: [{ scenario: 'order', every: '300ms', messages: ['Where is my order?'],
			expect: { outcome: 'answered' }, degraded: { outcome: 'answered' } }] });
		const baton = await start({ policies: set });
		const { code, stdout } = await drill(baton, file).done;
		assert.equal(code, 1);
		assert.match(stdout, /objectives NOT HELD/);
		assert.match(stdout, /min_expected_share .* NOT HELD/);
		await baton.stop();
	});

	test('whose runner is killed ends by itself, at once', async () => {
		const { set, file } = oneDrill({ duration: '10m', faults: [{ target: 'primary', fault: 'outage', at: '500ms', for: '9m' }] });
		const baton = await start({ policies: set });
		const playing = drill(baton, file);
		await until(async () => (await drillsOf(baton)).length === 1, 'the drill is on');
		await sleep(1500);
		const killed = performance.now();
		playing.child.kill('SIGKILL');
		await until(async () => (await drillsOf(baton)).length === 0, 'the drill is over', 5000 * SLOW);
		assert.ok(performance.now() - killed < 5000 * SLOW);
		assert.equal((await playing.done).signal, 'SIGKILL');
		const log = run(['transcript', 'operations', '--data', baton.data, '--json']).stdout.trim().split('\n').map((line) => JSON.parse(line));
		const changes = log.filter((event) => event.type === 'drill_changed').map((event) => event.data.on ?? false);
		assert.deepEqual(changes, [true, false]);
		assert.match((await answered(baton, 'Where is my order?')).text, /\w/);
		await baton.stop();
	});

	test('that is interrupted takes its faults back and says that it proves nothing', async () => {
		const { set, file } = oneDrill({ duration: '10m', faults: [{ target: 'primary', fault: 'outage', at: '500ms', for: '9m' }] });
		const baton = await start({ policies: set });
		const playing = drill(baton, file);
		await until(async () => (await drillsOf(baton)).length === 1, 'the drill is on');
		await sleep(500);
		playing.child.kill('SIGINT');
		const { code, stderr } = await playing.done;
		assert.equal(code, 3);
		assert.match(stderr, /not finished/);
		assert.deepEqual(await drillsOf(baton), []);
		await baton.stop();
	});

	test('whose server is killed could not be run, and the next start knows nothing of it', async () => {
		const { set, file } = oneDrill({ duration: '10m', faults: [{ target: 'primary', fault: 'outage', at: '500ms', for: '9m' }] });
		const baton = await start({ policies: set });
		const playing = drill(baton, file);
		await until(async () => (await drillsOf(baton)).length === 1, 'the drill is on');
		await baton.kill();
		const { code, stderr } = await playing.done;
		assert.equal(code, 3);
		assert.match(stderr, /closed its control socket|does not answer/);
		await baton.start();
		assert.deepEqual(await drillsOf(baton), []);
		await baton.stop();
	});

	test('that is asked for wrongly is refused in words', async () => {
		const { set, file } = oneDrill({});
		const refused = (...args) => run(['drill', ...args]);
		assert.equal(refused('run').code, 2);
		assert.match(refused('run', 'tiny.yaml').stderr, /policies\/shop\/drills/);
		assert.match(refused('run', path.join(set, 'drills', 'none.yaml')).stderr, /No such file/);
		assert.equal(refused('run', file, '--speed', '0').code, 2);
		const nobody = refused('run', file, '--data', tempDir('nobody'));
		assert.equal(nobody.code, 3);
		assert.match(nobody.stderr, /no server is running/);
		write(set, { 'drills/tiny.yaml': '{"name":"tiny","durations":1}' });
		const bad = refused('run', file);
		assert.equal(bad.code, 2);
		assert.match(bad.stderr, /tiny\.yaml:1:/);
	});
});

describe('the report', () => {
	test('leaves drills out, unless they are asked for, and counts what the drill counted', async () => {
		const { set, file } = oneDrill({ duration: '4s' });
		const baton = await start({ policies: set });
		await answered(baton, 'Where is my order?');
		const { code, json, stderr } = await drill(baton, file, '--json').done;
		assert.ok(code === 0 || code === 1, stderr);
		const report = (...args) => JSON.parse(run(['report', '--data', baton.data, '--json', ...args]).stdout);
		const without = report(), within = report('--drills');
		assert.equal(without.drill_conversations, json.conversations);
		assert.equal(without.counts.healthy.turns + without.counts.degraded.turns, 1);
		assert.equal(within.counts.healthy.turns + within.counts.degraded.turns, 1 + json.messages.filter((one) => one.outcome !== 'lost').length);
		const count = (outcome) => json.messages.filter((one) => one.outcome === outcome).length;
		assert.equal(within.counts.healthy.handed_over + within.counts.degraded.handed_over, count('handed_over'));
		assert.equal(within.counts.healthy.answered + within.counts.degraded.answered, 1 + count('answered'));
		await baton.stop();
	});
});
