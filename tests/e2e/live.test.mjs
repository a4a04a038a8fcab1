// SPDX-License-Identifier: Apache-2.0
//
// The live page's wire: who may look and act, what is told and how often, what is written down, and the
// demonstration's switch, which no server but `baton demo` has.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { AGENTS, BIN, Baton, MODULES, ROOT, run, tempDir } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { Control } from '../lib/control.mjs';
import { KEY_ENV, desk, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const ADMIN = 'token-of-rosa-0123456789abcdef';
const MODEL = 'ok,gap=1';

function withAdmin() {
	const set = desk();
	set.agents.push({ id: 'rosa', name: 'Rosa', secret: 'ADMIN_ROSA', role: 'admin' });
	return { 'desk.yaml': set };
}

class Admin extends Agent {
	constructor(baton) {
		super(baton, { token: ADMIN, role: 'admin', name: 'rosa' });
		this.asked = 0;
	}

	statuses() {
		return this.frames.filter((f) => f.t === 'operations').map((f) => f.status);
	}

	status(n) {
		return this.until(() => this.statuses()[n - 1], `status ${n}`);
	}

	async ask(request) {
		const id = `q${++this.asked}`;
		this.send({ t: 'admin', id, request });
		return this.until(() => this.frames.find((f) => (f.t === 'done' || f.t === 'err') && f.id === id), `answer to ${JSON.stringify(request)}`);
	}
}

describe('the live page', () => {
	let provider, baton, admin;
	before(async () => {
		provider = await new HostileProvider().start();
		baton = await Baton.start({
			policies: simpleSet(provider.url, { models: [MODEL, MODEL], files: withAdmin(), modes: [{ name: 'quiet', do: 'intake', max_duration: '1h', at_expiry: 'normal', say: 'People answer now.' }] }),
			env: { ...KEY_ENV, BATON_SECRET_ADMIN_ROSA: ADMIN },
		});
		admin = new Admin(baton);
		await admin.connect();
	});
	after(async () => {
		await provider?.stop();
		if (baton?.alive) await baton.stop();
		assertFramesValid();
	});

	test('a status comes at once with its history, then every two seconds, and says what the socket says', async () => {
		const began = performance.now();
		admin.send({ t: 'operations' });
		const first = await admin.status(1);
		assert.ok(performance.now() - began < 1000);
		assert.ok(Array.isArray(first.history) && first.history.length >= 1);
		assert.deepEqual(Object.keys(first.history[0]).sort(), ['answered', 'at', 'escalations', 'fallbacks', 'oldest_ms', 'p95', 'spent_microusd', 'turns', 'waiting']);
		const third = await admin.status(3);
		assert.equal(third.history, undefined, 'once is enough');
		const apart = third.unix_ms - first.unix_ms;
		assert.ok(apart >= 3500 && apart < 6500, `${apart} ms for two ticks`);
		const control = await Control.open(baton);
		const socket = await control.do('status');
		const known = new Set(['ok', 'do', 'tag']);
		assert.deepEqual(Object.keys(third).filter((name) => name !== 'unix_ms').sort(), Object.keys(socket).filter((name) => !known.has(name)).sort());
		assert.deepEqual(third.targets.map((one) => one.target), socket.targets.map((one) => one.target));
		for (const one of third.targets) assert.ok(one.since_unix_ms >= third.server.started_ms - 5000 && one.since_unix_ms <= third.unix_ms);
		assert.equal(third.intake.open, true);
		assert.ok(third.intake.disk_free_bytes > 0);
		control.socket.destroy();
	});

	test('what is counted moves with what happens', async () => {
		const before = admin.statuses().at(-1).counts;
		const customer = new Customer(baton);
		await customer.connect();
		const { seq } = await customer.say('Where is it?');
		await customer.answer(seq);
		const now = await admin.until(() => admin.statuses().find((one) => one.counts.answered === before.answered + 1), 'the answer is counted');
		assert.equal(now.counts.turns, before.turns + 1);
		assert.equal(now.counts.messages, before.messages + 1);
		customer.ws.terminate();
	});

	test('nothing comes any more once nobody looks', async () => {
		admin.send({ t: 'operations', on: false });
		await admin.ask({ do: 'ping' }); // a letter behind the other
		const n = admin.statuses().length;
		const second = new Admin(baton);
		await second.connect();
		second.send({ t: 'operations' });
		await second.status(2);
		assert.equal(admin.statuses().length, n);
		second.ws.terminate();
		admin.send({ t: 'operations' });
		await admin.until(() => admin.statuses().length > n, 'again');
	});

	test('an act is done, durable, and written down under the name of the admin', async () => {
		const done = await admin.ask({ do: 'target.disable', target: 't0', why: 'the page was tried' });
		assert.deepEqual([done.t, done.ok, done.answer.durable], ['done', true, true], JSON.stringify(done));
		const seen = await admin.until(() => admin.statuses().find((one) => one.targets.some((t) => t.target === 't0' && t.state === 'disabled')), 'it is seen');
		const row = seen.targets.find((one) => one.target === 't0');
		assert.equal(row.disabled_by, 'admin:rosa');
		assert.ok(Math.abs(row.since_unix_ms - seen.unix_ms) < 10000);
		assert.equal((await admin.ask({ do: 'mode.enter', mode: 'quiet', for_ms: 60000, why: 'tried' })).ok, true);
		assert.equal((await admin.ask({ do: 'mode.leave', mode: 'quiet', why: 'tried' })).ok, true);
		assert.equal((await admin.ask({ do: 'target.enable', target: 't0', why: 'well again' })).ok, true);
		const reload = await admin.ask({ do: 'reload', why: 'nothing changed' });
		assert.equal(reload.ok, true, JSON.stringify(reload));
		const acted = () => run(['transcript', 'operations', '--data', baton.data, '--json']).stdout.split('\n').filter((line) => line.includes('admin_acted'));
		let log = acted();
		for (let i = 0; i < 100 && !log.some((line) => line.includes('nothing changed')); i++) log = acted(); // the log is a letter behind the answer
		for (const [action, why] of [['target disable', 'the page was tried'], ['mode enter', 'tried'], ['mode leave', 'tried'], ['target enable', 'well again'], ['reload', 'nothing changed']])
			assert.ok(log.some((line) => line.includes('"admin:rosa"') && line.includes(`"${action}"`) && line.includes(`"${why}"`)), `${action}: ${log.join('\n')}`);
	});

	test('what belongs to the machine itself is refused there, and so is an act without a reason', async () => {
		const refused = async (code, request) => {
			const done = await admin.ask(request);
			assert.deepEqual([done.t, done.ok], ['done', false], JSON.stringify(done));
			assert.equal(done.answer.error.code, code, JSON.stringify(done));
		};
		await refused('denied', { do: 'module.swap', module: 'openai', path: '/tmp/evil.so', why: 'x' });
		await refused('denied', { do: 'module.load', module: 'openai', why: 'x' });
		await refused('denied', { do: 'converse', key: 'k' });
		await refused('denied', { do: 'policies' });
		await refused('denied', { do: 'reload', force: true, why: 'x' });
		await refused('denied', { do: 'drill.start', name: 'd', for_ms: 1000, hold: true, why: 'x', faults: [{ target: 't0', fault: 'outage' }] });
		await refused('invalid', { do: 'target.disable', target: 't0' });
		await refused('not_found', { do: 'target.disable', target: 'nobody', why: 'x' });
		await refused('denied', { do: 'session.erase', session: '01890000-0000-7000-8000-000000000001', why: 'x' });
		await refused('unsupported', { do: 'stauts' });
		await refused('invalid', { do: 'status', target: 't0' });
		await refused('invalid', {});
	});

	test('a drill is started and stopped, and outlives the request', async () => {
		assert.equal((await admin.ask({ do: 'drill.start', name: 'page', for_ms: 60000, labelled_only: true, why: 'tried', faults: [{ target: 't0', fault: 'outage' }] })).ok, true);
		const seen = await admin.until(() => admin.statuses().find((one) => one.drills.some((drill) => drill.name === 'page')), 'it runs');
		assert.equal(seen.drills[0].by, 'admin:rosa');
		assert.equal((await admin.ask({ do: 'drill.stop', name: 'page', why: 'tried' })).ok, true);
	});

	test('many requests at once are all answered, each under its own id', async () => {
		const before = admin.asked;
		for (let i = 0; i < 30; i++) admin.send({ t: 'admin', id: `m${i}`, request: { do: i % 2 ? 'ping' : 'targets', tag: `t${i}` } });
		await admin.until(() => admin.frames.filter((f) => f.t === 'done' && /^m\d+$/.test(f.id)).length === 30, 'thirty answers');
		for (const f of admin.frames) if (f.t === 'done' && /^m\d+$/.test(f.id)) assert.equal(f.answer.tag, f.id.replace('m', 't'));
		assert.equal(admin.asked, before);
	});

	test('agents, supervisors and customers may neither look nor act', async () => {
		const people = [new Agent(baton, { token: AGENTS.nina }), new Agent(baton, { token: AGENTS.sara, role: 'supervisor' }), new Customer(baton)];
		for (const who of people) {
			await who.connect();
			for (const frame of [{ t: 'operations' }, { t: 'admin', id: 'x', request: { do: 'target.disable', target: 't0', why: 'x' } }]) {
				const at = who.frames.length;
				who.send(frame);
				const err = await who.until(() => who.frames.slice(at).find((f) => f.t === 'err'), 'refusal');
				assert.equal(err.code, 'denied', JSON.stringify(err));
			}
			who.ws.terminate();
		}
		const now = await admin.ask({ do: 'targets' });
		assert.equal(now.answer.targets.find((one) => one.target === 't0').state, 'closed');
	});

	test('an admin is no agent: he claims nothing and reads no conversation', async () => {
		for (const frame of [{ t: 'desk' }, { t: 'claim', session: '01890000-0000-7000-8000-000000000001' }, { t: 'open', session: '01890000-0000-7000-8000-000000000001' }, { t: 'msg', id: 'm', text: 'hello' }]) {
			const at = admin.frames.length;
			admin.send(frame);
			const err = await admin.until(() => admin.frames.slice(at).find((f) => f.t === 'err'), 'refusal');
			assert.equal(err.code, 'denied', JSON.stringify(err));
		}
	});

	test('there is no switch on a server that is no demonstration', async () => {
		assert.equal((await baton.http('/v1/demo')).status, 404);
		for (const which of ['off', 'on'])
			assert.equal((await baton.http(`/v1/demo/model/${which}`, { method: 'POST', headers: { origin: baton.base } })).status, 404);
	});
});

describe('the demonstration', () => {
	let child, base;
	before(async () => {
		child = spawn(BIN, ['demo', '--data', tempDir('demo'), '--listen', '127.0.0.1:0', '--modules', MODULES, '--web', `${ROOT}/channels/web`, '--policies', `${ROOT}/policies/shop`, '--json'],
			{ stdio: ['ignore', 'pipe', 'inherit'] });
		base = await new Promise((go, fail) => {
			let text = '';
			child.stdout.setEncoding('utf8').on('data', (part) => { text += part; if (text.includes('\n')) go(JSON.parse(text).base); });
			child.once('exit', () => fail(new Error('it ended')));
		});
	});
	after(() => new Promise((go) => { child.once('exit', go); child.kill('SIGTERM'); }));

	const post = (which, headers) => fetch(`${base}/v1/demo/model/${which}`, { method: 'POST', headers });
	const state = async () => (await (await fetch(`${base}/v1/demo`)).json()).on;
	async function becomes(on) {
		for (let i = 0; i < 200; i++) {
			if (await state() === on) return;
			await new Promise((go) => setTimeout(go, 25));
		}
		assert.fail(`never ${on}`);
	}

	test('its switch works for its own pages and for nobody else', async () => {
		assert.equal(await state(), true);
		for (const headers of [{}, { origin: 'http://evil.example' }, { origin: 'null' }, { origin: base.replace('http', 'https') }, { origin: `${base}.evil.example` }, { origin: base.replace(/:\d+$/, ':1') }])
			assert.equal((await post('off', headers)).status, 403, JSON.stringify(headers));
		assert.equal(await state(), true);
		assert.equal((await post('off', { origin: base })).status, 202);
		await becomes(false);
		assert.equal((await post('on', { origin: base })).status, 202);
		await becomes(true);
		assert.equal((await fetch(`${base}/v1/demo/model/off`)).status, 405);
	});
});
