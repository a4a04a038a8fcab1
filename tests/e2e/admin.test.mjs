// SPDX-License-Identifier: Apache-2.0
//
// What admins do to a running server: switch targets off and on, declare and end modes, look. Over the
// command line, which goes over the control socket; and what of it outlives a kill -9.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton, ROOT, SLOW, run } from '../lib/baton.mjs';
import { Agent } from '../lib/client.mjs';
import { Control } from '../lib/control.mjs';
import { KEY_ENV, openai, simpleSet } from '../lib/policies.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const OPERATIONS = '00000000-0000-7000-8000-000000000001';
const MODES = { modes: [
	{ name: 'hold', do: 'pause', max_duration: '1h', say: 'We keep your message.' },
	{ name: 'tickets', do: 'ticket', max_duration: '2h', say: 'We answer later.' }] };

let provider;
const open = [];
before(async () => { provider = await new HostileProvider().start(); });
after(async () => {
	await provider?.stop();
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});

async function start(options = {}) {
	const baton = await Baton.start({ policies: simpleSet(provider.url, { models: options.models ?? ['ok', 'ok'], route: options.route, files: { 'modes.yaml': MODES, ...options.files } }),
		env: KEY_ENV });
	open.push(baton);
	return baton;
}
const me = spawnSync('id', ['-un'], { encoding: 'utf8' }).stdout.trim();
const on = (baton, ...args) => run([...args, '--data', baton.data]);
function json(baton, ...args) {
	const out = on(baton, ...args, '--json');
	assert.equal(out.code, 0, out.stdout + out.stderr);
	return JSON.parse(out.stdout);
}
const target = (baton, name) => json(baton, 'target', 'list').targets.find((t) => t.target === name);
const mode = (baton, name) => json(baton, 'mode', 'list').modes.find((m) => m.name === name);
// The operations log is written behind by a moment.
async function operations(baton, enough) {
	for (let i = 0; i < 100; i++) {
		const out = run(['transcript', 'operations', '--data', baton.data, '--json']);
		const events = out.code === 0 ? out.stdout.trim().split('\n').filter(Boolean).map((l) => JSON.parse(l)) : [];
		if (enough(events))
			return events;
		await sleep(50 * SLOW);
	}
	throw new Error('the operations log does not say it');
}

describe('targets', () => {
	let baton;
	before(async () => { baton = await start(); });
	after(() => baton.stop());

	test('one that is switched off says by whom, and is back when it is switched on', () => {
		const off = on(baton, 'target', 'disable', 't0', '--why', 'prices changed');
		assert.equal(off.code, 0, off.stderr);
		assert.match(off.stdout, /switched off, also after a restart/);
		assert.equal(target(baton, 't0').state, 'disabled');
		assert.equal(target(baton, 't0').disabled_by, me);
		assert.match(on(baton, 'status').stdout, new RegExp(`targets +t0 disabled: disabled, by ${me}`));
		assert.equal(on(baton, 'target', 'enable', 't0').code, 0);
		assert.equal(target(baton, 't0').state, 'closed');
		assert.match(on(baton, 'status').stdout, /targets +2, as usual/);
	});

	test('a name that is not there is answered with the nearest, or with all', () => {
		const near = on(baton, 'target', 'disable', 't9');
		assert.equal(near.code, 1);
		assert.match(near.stderr, /no target `t9`; did you mean `t0`/);
		assert.match(on(baton, 'target', 'disable', 'something-else').stderr, /there are: t0, t1/);
		const refused = run(['target', 'disable', 'something-else', '--json', '--data', baton.data]);
		assert.equal(JSON.parse(refused.stdout).error.code, 'not_found');
	});

	test('wrong usage is told apart from a refusal', () => {
		assert.equal(on(baton, 'target').code, 2);
		assert.equal(on(baton, 'target', 'remove', 't0').code, 2);
		assert.equal(on(baton, 'target', 'disable').code, 2);
		assert.equal(on(baton, 'target', 'disable', 't0', 't1').code, 2);
		assert.equal(on(baton, 'mode', 'enter', 'hold', '--for', 'long').code, 2);
		assert.equal(on(baton, 'mode', 'enter', 'hold', '--for', '30').code, 2);
		assert.match(run(['target', '--help']).stdout, /list\|disable\|enable/);
	});
});

describe('modes', () => {
	let baton;
	before(async () => { baton = await start(); });
	after(() => baton.stop());

	test('a declared mode is on for as long as was said, and not twice', () => {
		assert.equal(on(baton, 'mode', 'enter', 'hold', '--for', '30m', '--why', 'planned').code, 0);
		const hold = mode(baton, 'hold');
		assert.equal(hold.state, 'on');
		assert.equal(hold.by, me);
		const left = hold.until_unix_ms - Date.now();
		assert.ok(left > 29 * 60000 && left <= 30 * 60000, `${left}`);
		const again = on(baton, 'mode', 'enter', 'hold');
		assert.equal(again.code, 1);
		assert.match(again.stderr, /on already; leave it first/);
		assert.equal(on(baton, 'mode', 'leave', 'hold').code, 0);
		assert.equal(mode(baton, 'hold').state, 'off');
		assert.match(on(baton, 'mode', 'leave', 'hold').stderr, /is not on/);
		assert.match(on(baton, 'mode', 'enter', 'hodl').stderr, /did you mean `hold`/);
	});

	test('its own maximum is never exceeded', () => {
		assert.equal(on(baton, 'mode', 'enter', 'hold', '--for', '30h').code, 0);
		assert.ok(mode(baton, 'hold').until_unix_ms - Date.now() <= 3600000);
		assert.equal(on(baton, 'mode', 'leave', 'hold').code, 0);
	});
});

describe('what customers see of it', () => {
	test('a target that is switched off is passed over, with the reason on record', async () => {
		const baton = await start({ models: ['ok', 'ok'] });
		const control = await Control.open(baton);
		assert.equal(on(baton, 'target', 'disable', 't0').code, 0);
		const talk = await control.converse('c', { as: 'agent' });
		await talk.say('Where is it?');
		const route = (await talk.event('route_selected')).data;
		assert.equal(route.target, 't1');
		assert.equal(route.trigger, 'disabled');
		assert.deepEqual(route.skipped, [{ target: 't0', trigger: 'disabled' }]);
		assert.equal((await talk.event('answer_generated')).data.substitute, true);
		assert.equal(on(baton, 'target', 'enable', 't0').code, 0);
		await talk.say('And now?');
		await talk.until(() => talk.events('route_selected').at(-1).data.target === 't0', 'the primary');
		control.close();
		await baton.stop();
	});

	test('a message that a mode keeps is answered when the mode ends, also over a kill', async () => {
		const baton = await start();
		assert.equal(on(baton, 'mode', 'enter', 'hold').code, 0);
		let control = await Control.open(baton);
		const talks = await Promise.all(Array.from({ length: 8 }, (_, i) => control.converse(`c${i}`, { as: 'agent' })));
		await Promise.all(talks.map((talk) => talk.say('Where is it?')));
		for (const talk of talks) {
			const kept = await talk.event('message_captured');
			assert.equal(kept.data.mode, 'hold');
			assert.equal(talk.events('answer_generated').length, 0);
		}
		assert.equal(on(baton, 'mode', 'leave', 'hold').code, 0);
		for (const talk of talks)
			await talk.event('answer_generated');

		assert.equal(on(baton, 'mode', 'enter', 'hold').code, 0);
		const late = await control.converse('late', { as: 'agent' });
		await late.say('And mine?');
		await late.event('message_captured');
		await baton.kill();
		await baton.start();
		assert.equal(mode(baton, 'hold').state, 'on');
		await sleep(800 * SLOW); // it is looked at, and stays
		assert.equal(on(baton, 'mode', 'leave', 'hold').code, 0);
		for (let i = 0; i < 100 && !baton.transcriptHas; i++) {
			await sleep(100 * SLOW);
			const types = run(['transcript', late.session, '--data', baton.data, '--json']).stdout;
			baton.transcriptHas = types.includes('answer_generated');
		}
		await baton.stop();
		const types = baton.transcript(late.session).map((e) => e.type);
		assert.equal(types.filter((t) => t === 'automation_resumed').length, 1, types.join(' '));
		assert.equal(types.filter((t) => t === 'answer_generated').length, 1, types.join(' '));
	});
});

describe('route explain', () => {
	let baton;
	const explain = (...args) => json(baton, 'route', 'explain', '--intent', 'default', ...args);
	before(async () => {
		baton = await start({ route: { switches: [{ when: 'customer_tier == "vip" && idle_ms < 300000', to: 't1', trigger: 'condition', reason: 'vips get the other one' }] },
			files: { 'modules.yaml': { modules: [openai(provider.url), { name: 'rules', file: 'rule-policy.so', kind: 'rule' }] }, 'escalation.yaml': { rules: [{ id: 'angry', when: 'sentiment < 0.2 && channel == "web"', action: 'escalate', queue: 'general', reason: 'angry', priority: 3 }] } } });
	});
	after(() => baton.stop());

	test('who is asked, one after the other, while all is well', () => {
		const out = explain();
		assert.deepEqual([...new Set(out.steps.map((s) => s.target))], ['t0', 't1', '']);
		assert.equal(out.decided_by, 'route');
		assert.equal(out.mode, null);
		assert.match(on(baton, 'route', 'explain', '--intent', 'default').stdout, /1\. t0 \(primary\)/);
	});

	test('a condition is shown with the values it saw', () => {
		const [no] = explain().switches;
		assert.equal(no.holds, false);
		assert.deepEqual(no.terms.map((t) => [t.value, t.facts]), [[false, { customer_tier: '' }], [true, { idle_ms: 0 }]]);
		const out = explain('--fact', 'customer_tier=vip', '--fact', 'idle_ms=2m');
		assert.equal(out.switches[0].holds, true);
		assert.deepEqual(out.switches[0].terms.map((t) => t.facts), [{ customer_tier: 'vip' }, { idle_ms: 120000 }]);
		assert.match(on(baton, 'route', 'explain', '--intent', 'default').stdout, /customer_tier == "vip" +false +customer_tier = ""/);
		assert.equal(out.steps[0].target, 't1');
		assert.equal(out.steps[0].reason, 'switch');
	});

	test('a rule that fires decides', () => {
		const out = explain('--fact', 'sentiment=0.1');
		assert.equal(out.rules[0].holds, true);
		assert.deepEqual([out.decided_by, out.decision], ['rule', 'angry']);
	});

	test('what is off and what is on now is part of it, and nothing is changed by asking', () => {
		assert.equal(on(baton, 'target', 'disable', 't0').code, 0);
		const off = explain();
		assert.deepEqual(off.steps[0].skipped, [{ target: 't0', trigger: 'disabled' }]);
		assert.equal(off.steps[0].target, 't1');
		assert.equal(off.facts.primary_state, 'disabled');
		assert.equal(on(baton, 'mode', 'enter', 'hold').code, 0);
		const held = explain();
		assert.equal(held.mode.name, 'hold');
		assert.deepEqual([held.decided_by, held.decision], ['mode', 'hold']);
		assert.match(on(baton, 'route', 'explain', '--intent', 'default').stdout, /not t0: disabled/);
		for (const name of ['t0', 't1'])
			assert.equal(target(baton, name).in_flight, 0);
		assert.equal(on(baton, 'mode', 'leave', 'hold').code, 0);
		assert.equal(on(baton, 'target', 'enable', 't0').code, 0);
	});

	test('a set on disk is explained without a server', () => {
		const out = run(['route', 'explain', '--intent', 'default', '--policies', baton.policies, '--json']);
		assert.equal(out.code, 0, out.stderr);
		assert.equal(JSON.parse(out.stdout).steps[0].target, 't0');
	});

	test('what is not known is said with the nearest that is', () => {
		assert.match(on(baton, 'route', 'explain', '--intent', 'defualt').stderr, /no intent `defualt`/);
		assert.match(on(baton, 'route', 'explain', '--intent', 'default', '--fact', 'sentimnt=1').stderr, /did you mean `sentiment`/);
		assert.match(on(baton, 'route', 'explain', '--intent', 'default', '--fact', 'sentiment=high').stderr, /sentiment/);
		assert.equal(on(baton, 'route', 'explain').code, 2);
		assert.equal(on(baton, 'route', 'explain', '--intent', 'default', '--fact', 'sentiment').code, 2);
	});
});

describe('drills', () => {
	test('one is started, seen, and stopped; and ends by itself', async () => {
		const baton = await start();
		const control = await Control.open(baton);
		const fault = { target: 'primary', fault: 'outage' };
		await control.do('drill.start', { name: 'short', for_ms: 300, labelled_only: true, faults: [fault] });
		await control.do('drill.start', { name: 'long', for_ms: 60000, share_ppm: 50000, faults: [fault] });
		await control.refused('wrong_state', { do: 'drill.start', name: 'long', for_ms: 60000, faults: [fault] });
		assert.match(await control.refused('not_found', { do: 'drill.start', name: 'x', for_ms: 9, faults: [{ target: 't7', fault: 'cut' }] }), /t0/);
		assert.match(on(baton, 'drill', 'list').stdout, /long +5 % /);
		assert.match(on(baton, 'status').stdout, /drills +.*long|long, by/s);
		assert.equal(on(baton, 'drill', 'stop', 'long').code, 0);
		assert.equal(on(baton, 'drill', 'stop', 'long').code, 1);
		const events = await operations(baton, (e) => e.filter((x) => x.type === 'drill_changed' && !x.data.on).length === 2);
		const ends = events.filter((e) => e.type === 'drill_changed' && !e.data.on);
		assert.deepEqual(ends.map((e) => e.data.drill).sort(), ['long', 'short']);
		assert.match(on(baton, 'drill', 'list').stdout, /no drills/);
		control.close();
		await baton.stop();
	});
});

describe('what outlives a kill', () => {
	test('switched off targets and modes are as they were, at every moment it was answered', async () => {
		const baton = await start();
		for (let i = 0; i < 6; i++) {
			const off = i % 2 === 0;
			assert.equal(on(baton, 'target', off ? 'disable' : 'enable', 't1').code, 0);
			assert.equal(on(baton, 'mode', off ? 'enter' : 'leave', 'tickets').code, 0);
			await baton.kill(); // right behind the answer
			await baton.start();
			assert.equal(target(baton, 't1').state, off ? 'disabled' : 'closed');
			assert.equal(mode(baton, 'tickets').state, off ? 'on' : 'off');
			if (off)
				assert.equal(mode(baton, 'tickets').by, me);
		}
		await baton.stop();
		assert.equal(baton.fsck().code, 0);
	});

	test('what a full disk refuses is in force, says so, and is on disk when there is space', async () => {
		const baton = await start();
		const limit = (bytes) => assert.equal(spawnSync('prlimit', ['--pid', String(baton.child.pid), `--fsize=${bytes}:unlimited`]).status, 0);
		limit(1); // no file may grow: the journal's next page has nowhere to go
		const off = on(baton, 'target', 'disable', 't1');
		assert.equal(off.code, 0, off.stderr);
		assert.match(off.stderr, /the disk refused it/);
		assert.equal(target(baton, 't1').state, 'disabled');
		limit('unlimited');
		await operations(baton, (e) => e.length === 2);
		await sleep(1500 * SLOW);
		await baton.kill();
		await baton.start();
		assert.equal(target(baton, 't1').state, 'disabled');
		await baton.stop();
		assert.match(baton.stderr, /board_not_saved/);
	});

	test('the operations log says who did what and why, in order, over kills and restarts', async () => {
		const baton = await start();
		assert.equal(on(baton, 'target', 'disable', 't0', '--why', 'first').code, 0);
		await operations(baton, (e) => e.length === 2);
		await baton.kill();
		await baton.start();
		assert.equal(on(baton, 'mode', 'enter', 'hold', '--why', 'second').code, 0);
		await operations(baton, (e) => e.length === 4);
		await baton.stop();
		await baton.start();
		assert.equal(on(baton, 'target', 'enable', 't0').code, 0);
		const events = await operations(baton, (e) => e.length === 6);
		assert.deepEqual(events.map((e) => e.seq), [1, 2, 3, 4, 5, 6]);
		assert.deepEqual(events.map((e) => e.type), ['admin_acted', 'target_changed', 'admin_acted', 'mode_entered', 'admin_acted', 'target_changed']);
		assert.deepEqual(events[0].data, { by: me, action: 'target disable', subject: 't0', why: 'first' });
		assert.equal(events[1].data.is, 'disabled');
		assert.equal(events[3].data.mode, 'hold');
		assert.equal(events[3].data.what, 'pause');
		assert.match(run(['transcript', 'operations', '--data', baton.data]).stdout, /\[mode_entered\]/);
		await baton.stop();
		assert.equal(baton.fsck().code, 0);
	});

	test('the operations log is nobody\'s conversation, and archives get it like one', async () => {
		const files = { 'modules.yaml': { modules: [
			{ name: 'openai', file: 'provider-openai.so', kind: 'provider', egress: [new URL(provider.url).host], secrets: ['TEST_KEY'],
				config: { base_url: provider.url, secret: 'TEST_KEY' } },
			{ name: 'files', file: 'transcript-jsonl.so', kind: 'transcript', config: { dir: 'transcripts' } }] } };
		const baton = await start({ files });
		assert.equal(on(baton, 'target', 'disable', 't0').code, 0);
		await operations(baton, (e) => e.length === 2);
		const nina = new Agent(baton, { token: AGENTS.nina });
		await nina.connect();
		for (const frame of [{ t: 'open', session: OPERATIONS, after: 0 }, { t: 'claim', session: OPERATIONS }]) {
			const at = nina.frames.length;
			nina.send(frame);
			const err = await nina.until(() => nina.frames.slice(at).find((f) => f.t === 'err'), 'refusal');
			assert.equal(err.code, 'not_found');
		}
		assert.equal(on(baton, 'target', 'enable', 't0').code, 0);
		await operations(baton, (e) => e.length === 4);
		const dir = path.join(baton.data, 'transcripts');
		let lines = [];
		for (let i = 0; i < 100 && lines.length < 4; i++) {
			await sleep(50 * SLOW);
			lines = readdirSync(dir).flatMap((name) => readFileSync(path.join(dir, name), 'utf8').trim().split('\n')).map((l) => JSON.parse(l));
		}
		assert.deepEqual(lines.filter((l) => l.session === OPERATIONS).map((l) => l.seq), [1, 2, 3, 4]);
		await baton.stop();
	});
});

describe('when there is no server', () => {
	test('every command says how to start one, and ends with 4', async () => {
		const baton = await start();
		await baton.stop();
		for (const args of [['status'], ['target', 'list'], ['target', 'disable', 't0'], ['mode', 'list'], ['drill', 'list']]) {
			const out = on(baton, ...args);
			assert.equal(out.code, 4, args.join(' '));
			assert.match(out.stderr, /no server is running on this data folder .*start it with `baton serve --data/);
		}
	});
});

describe('metrics', () => {
	test('the reference names every series that a server shows, and none besides', async () => {
		const baton = await start();
		const control = await Control.open(baton);
		const talk = await control.converse('c');
		await talk.say('Where is it?');
		await talk.event('answer_generated');
		const text = await (await baton.http('/metrics')).text();
		const shown = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((m) => m[1]));
		const page = readFileSync(path.join(ROOT, 'docs', 'METRICS.md'), 'utf8');
		const named = new Set([...page.matchAll(/^\| `(baton_\w+)`/gm)].map((m) => m[1]));
		assert.deepEqual([...shown].filter((n) => !named.has(n)), []);
		assert.deepEqual([...named].filter((n) => !shown.has(n)), []);
		const known = new Set([...named].flatMap((n) => [n, `${n}_sum`, `${n}_count`, `${n}_bucket`]));
		const asked = [...page.matchAll(/```promql\n([^`]*)```/g)].flatMap((m) => m[1].match(/\bbaton_\w+/g));
		assert.deepEqual(asked.filter((n) => !known.has(n)), [], 'questions rest on series that exist');
		assert.match(text, /^baton_answer_seconds_count\{degraded="false"\} 1$/m);
		assert.match(text, /^baton_answer_seconds_count\{degraded="true"\} 0$/m);
		assert.match(text, /^baton_reply_wait_seconds_count\{by="bot",first="true"\} 1$/m);
		control.close();
		await baton.stop();
	});

	test('waits for people, handling, giving up and fallbacks are counted', async () => {
		const baton = await start({ models: ['S04', 'ok'] });
		const control = await Control.open(baton);
		const nina = new Agent(baton, { token: AGENTS.nina });
		await nina.connect();
		const one = await control.converse('one', { as: 'agent' });
		await one.say('Where is it?');
		assert.equal((await one.event('answer_generated')).data.substitute, true);
		one.send({ human: true });
		await one.event('case_queued');
		await one.say('Hello?');
		nina.send({ t: 'claim', session: one.session });
		await one.event('case_claimed');
		nina.send({ t: 'reply', session: one.session, id: 'r1', text: 'Here I am.' });
		await one.event('human_message');
		nina.send({ t: 'resolve', session: one.session });
		await one.event('session_resolved');
		const two = await control.converse('two', { as: 'agent' });
		two.send({ human: true });
		await two.event('case_queued');
		await two.say('Nobody there?');
		await two.end();
		let text = '';
		const value = (name) => Number(text.split('\n').find((l) => l.startsWith(`${name} `))?.split(' ')[1]);
		for (let i = 0; i < 40 && value('baton_case_handle_seconds_count') !== 1; i++) {
			await sleep(50 * SLOW);
			text = await (await baton.http('/metrics')).text();
		}
		assert.equal(value('baton_case_handle_seconds_count'), 1);
		assert.equal(value('baton_case_wait_seconds_count'), 1);
		assert.equal(value('baton_answer_seconds_count{degraded="true"}'), 1);
		assert.equal(value('baton_answers_by_substitutes_total'), 1);
		assert.equal(value('baton_reply_wait_seconds_count{by="bot",first="true"}'), 1);
		assert.equal(value('baton_reply_wait_seconds_count{by="person",first="false"}'), 1);
		assert.equal(value('baton_conversations_abandoned_total'), 1);
		control.close();
		await baton.stop();
	});

	test('targets, modes and the desk are series that promtool takes, without ids', async () => {
		const baton = await start();
		assert.equal(on(baton, 'mode', 'enter', 'hold').code, 0);
		const text = await (await baton.http('/metrics')).text();
		const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
		assert.equal(lint.status, 0, lint.stdout + lint.stderr);
		assert.match(text, /^baton_desk_waiting 0$/m);
		assert.match(text, /^baton_mode_on\{mode="hold"\} 1$/m);
		assert.match(text, /^baton_mode_on\{mode="tickets"\} 0$/m);
		assert.match(text, /^baton_target_state\{target="t0",state="closed"\} 1$/m);
		assert.doesNotMatch(text, /[0-9a-f]{8}-[0-9a-f]{4}-7/);
		await baton.stop();
	});
});
