// SPDX-License-Identifier: Apache-2.0
//
// Policies change while customers chat: `baton reload`, `baton rollback`, SIGHUP. What was begun ends as it
// began, what comes next is served by the new release, and nobody's connection notices.

import assert from 'node:assert/strict';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AGENTS, Baton, run, tempDir } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { Control } from '../lib/control.mjs';
import { KEY_ENV, desk, openai, simpleSet, write } from '../lib/policies.mjs';
import { ME, assertForm, json, live, on, operations, refused, releases, soon } from '../lib/releases.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

let provider;
const open = [];
before(async () => { provider = await new HostileProvider().start(); });
after(async () => {
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
	await provider?.stop();
	assertFramesValid();
});

async function start(options = {}) {
	const baton = await Baton.start({ policies: simpleSet(provider.url, options), env: KEY_ENV });
	open.push(baton);
	return baton;
}
async function customers(baton, n) {
	const all = Array.from({ length: n }, () => new Customer(baton));
	await Promise.all(all.map((one) => one.connect()));
	return all;
}
// The words of the one model that is asked, from the next release on.
function setModel(baton, model) {
	write(baton.policies, { 'targets.yaml': { targets: [{ name: 't0', provider: 'openai', model, account: 'account0', prompt: 'assistant', max_output_tokens: 500 }] } });
}
async function ask(customer, model, tokens = 60) {
	const { seq } = await customer.say('Where is it?');
	const answer = await customer.answer(seq);
	assert.equal(answer.text, answerOf(model, tokens));
}
const untouched = (all) => all.forEach((one) => assert.deepEqual([one.connects, one.closed], [1, null]));

describe('a reload', () => {
	let baton, all;
	before(async () => {
		baton = await start({ models: ['ok#one'] });
		all = await customers(baton, 12);
	});
	after(async () => {
		await Promise.all(all.map((one) => one.end()));
		await baton.stop();
	});

	test('the next turn is served by what was read, and every connection is kept', async () => {
		await Promise.all(all.map((one) => ask(one, 'ok#one')));
		const was = live(baton);
		setModel(baton, 'ok#two');
		const out = on(baton, 'reload', '--why', 'the other model');
		assert.equal(out.code, 0, out.stderr);
		assert.match(out.stdout, new RegExp(`^release ${was + 1} live, 1 file changed, `), out.stdout);
		assert.match(out.stdout, /12 sockets kept/);
		await Promise.all(all.map((one) => ask(one, 'ok#two')));
		untouched(all);
		assert.match(on(baton, 'status').stdout, new RegExp(`release ${was + 1}\\b`));
	});

	test('its answer as JSON, and what is known of releases', async () => {
		setModel(baton, 'ok#three');
		const was = live(baton), done = json(baton, 'reload');
		assert.equal(done.ok, true);
		assert.equal(done.do, 'reload');
		assert.equal(done.release, was + 1);
		assert.equal(done.files_changed, 1);
		assert.match(done.text, /^release \d+ live/);
		const known = releases(baton);
		assert.equal(known.live, was + 1);
		assert.equal(known.candidate, null);
		assert.equal(known.canary, null);
		for (const one of known.releases)
			assertForm('release', one);
		for (const one of known.past)
			assertForm('past', one);
		assert.deepEqual(known.releases.filter((r) => r.state === 'live').map((r) => r.number), [was + 1]);
		await soon(() => releases(baton).past.some((r) => r.number === was), 'end of the one before');
		assert.match(on(baton, 'module', 'releases').stdout, /^RELEASE +STATE +SINCE +TURNS/);
	});

	test('an answer that is being written is the same to the last byte', async () => {
		setModel(baton, 'ok#slow,gap=15,tokens=120');
		json(baton, 'reload');
		const said = await Promise.all(all.map((one) => one.say('Tell me more')));
		await all[0].until(() => [...all[0].screen.messages.values()].some((m) => !m.final && m.pieces > 3), 'first words');
		for (const model of ['ok#x', 'ok#y', 'ok#z']) {
			setModel(baton, model);
			json(baton, 'reload');
		}
		const answers = await Promise.all(all.map((one, i) => one.answer(said[i].seq)));
		for (const answer of answers)
			assert.equal(answer.text, answerOf('ok#slow,gap=15,tokens=120', 120));
		assert.equal(provider.of('ok#slow,gap=15,tokens=120').length, all.length, 'asked once each');
		await Promise.all(all.map((one) => ask(one, 'ok#z')));
		untouched(all);
		await soon(() => releases(baton).releases.length === 1, 'end of the old ones');
	});

	test('rules that were added hold from the next message on', async () => {
		write(baton.policies, {
			'modules.yaml': { modules: [openai(provider.url), { name: 'rules', file: 'rule-policy.so', kind: 'rule' }] },
			'escalation.yaml': { rules: [{ id: 'everybody', when: 'channel == "web"', action: 'escalate', queue: 'general', reason: 'a person was asked for', priority: 3 }] },
		});
		json(baton, 'reload');
		const { seq } = await all[0].say('Where is it?');
		await all[0].event('case_queued', seq);
		rmSync(path.join(baton.policies, 'escalation.yaml'));
		write(baton.policies, { 'modules.yaml': { modules: [openai(provider.url)] } });
		json(baton, 'reload');
		await ask(all[1], 'ok#z');
		untouched(all);
	});
});

describe('what else a reload brings', () => {
	test('a key that was changed on disk is used, with not a file of the policies changed', async () => {
		const policies = simpleSet(provider.url, { models: ['ok#keys'] }), data = tempDir('data');
		const put = (key) => write(path.join(data, 'secrets'), { TEST_KEY: key });
		put('sk-old');
		chmodSync(path.join(data, 'secrets', 'TEST_KEY'), 0o600);
		const baton = await Baton.start({ policies, data });
		open.push(baton);
		const [one] = await customers(baton, 1);
		await ask(one, 'ok#keys');
		assert.match(on(baton, 'reload').stdout, /^nothing has changed/);
		put('sk-new');
		assert.match(on(baton, 'reload').stdout, /^release \d+ live, 1 new module, /);
		await ask(one, 'ok#keys');
		assert.deepEqual(provider.of('ok#keys').map((entry) => entry.headers.authorization), ['Bearer sk-old', 'Bearer sk-new']);
		untouched([one]);
		await one.end();
		await baton.stop();
		assert.doesNotMatch(baton.stderr, /sk-(old|new)/);
	});

	test('targets, modes and people of the new set are there, those that went are not', async () => {
		const baton = await start({ models: ['ok#a', 'ok#b'], modes: [{ name: 'hold', do: 'pause', max_duration: '1h', say: 'We keep it.' }] });
		assert.equal(on(baton, 'target', 'disable', 't0', '--why', 'before').code, 0);
		const omar = new Agent(baton, { token: AGENTS.omar });
		await omar.connect();
		const people = desk();
		people.agents = people.agents.filter((agent) => agent.id !== 'omar');
		write(baton.policies, {
			'targets.yaml': { targets: ['t0', 't2'].map((name) => ({ name, provider: 'openai', model: `ok#${name}`, account: 'account0', prompt: 'assistant', max_output_tokens: 500 })) },
			'routes.yaml': { routes: [{ intent: 'default', primary: 't0', fallback: ['t2'], class: 'general', tier: 1 }] },
			'modes.yaml': { modes: [{ name: 'tickets', do: 'ticket', max_duration: '1h', say: 'We answer later.' }] },
			'desk.yaml': people,
		});
		assert.equal(on(baton, 'reload').code, 0);
		const targets = json(baton, 'target', 'list').targets.filter((t) => t.declared);
		assert.deepEqual(targets.map((t) => [t.target, t.state]), [['t0', 'disabled'], ['t2', 'closed']], 'what an admin switched off stays so');
		assert.match(on(baton, 'target', 'list').stdout, /^t1 +closed \(not in the policies\)/m);
		assert.deepEqual(json(baton, 'mode', 'list').modes.map((m) => m.name), ['tickets']);
		assert.equal(on(baton, 'mode', 'enter', 'hold').code, 1);
		const [one] = await customers(baton, 1);
		await ask(one, 'ok#t2');
		await assert.rejects(new Agent(baton, { token: AGENTS.omar }).connect(), 'who went does not get in');
		const nina = new Agent(baton, { token: AGENTS.nina });
		await nina.connect();
		for (const each of [one, nina, omar])
			await each.end();
		await baton.stop();
	});
});

describe('what is refused', () => {
	let baton, one;
	before(async () => {
		baton = await start({ models: ['ok#kept'] });
		[one] = await customers(baton, 1);
	});
	after(async () => { await one.end(); await baton.stop(); });

	const good = { 'routes.yaml': { routes: [{ intent: 'default', primary: 't0', class: 'general', tier: 1 }] } };
	const bad = {
		'a target that is not there': [{ 'routes.yaml': { routes: [{ intent: 'default', primary: 't7', class: 'general', tier: 1 }] } }, /routes\.yaml:\d+:\d+: .*t7/],
		'a file that is no YAML': [{ 'routes.yaml': 'routes: [\n  {intent: default' }, /routes\.yaml:\d+:\d+: /],
		'a key that is misspelt': [{ 'routes.yaml': { routes: [{ intent: 'default', primray: 't0', class: 'general', tier: 1 }] } }, /routes\.yaml:\d+:\d+: .*primary/s],
		'a module without a file': [{ 'modules.yaml': { modules: [openai(provider?.url ?? 'http://127.0.0.1:1/v1'), { name: 'no', file: 'no-such.so', kind: 'rule' }] } }, /no-such\.so/],
	};
	for (const [name, [files, place]] of Object.entries(bad))
		test(`${name} is said with its place, and the old release serves on`, async () => {
			const was = live(baton);
			if (files['modules.yaml'])
				files['modules.yaml'].modules[0] = openai(provider.url);
			write(baton.policies, files);
			const why = refused(baton, 'reload');
			assert.match(why, /refused: /);
			assert.match(why, place);
			assert.match(why, new RegExp(`still ${was}\\b`));
			const answer = JSON.parse(run(['reload', '--json', '--data', baton.data]).stdout);
			assert.equal(answer.ok, false);
			assert.equal(answer.error.code, files['modules.yaml'] ? 'module' : 'policy');
			assert.equal(answer.release, was);
			assert.ok(files['modules.yaml'] || answer.findings.some((f) => f.error && f.file === 'routes.yaml' && f.line > 0), JSON.stringify(answer));
			assert.equal(live(baton), was);
			await ask(one, 'ok#kept');
			write(baton.policies, { ...good, 'modules.yaml': { modules: [openai(provider.url)] } });
			const same = on(baton, 'reload');
			assert.equal(same.code, 0, same.stderr);
			assert.equal(same.stdout, `nothing has changed, still ${was}\n`);
			untouched([one]);
		});

	test('wrong usage is told apart', () => {
		assert.equal(on(baton, 'reload', 'now').code, 2);
		assert.equal(on(baton, 'reload', '--canary', 'half').code, 2);
		assert.equal(on(baton, 'reload', '--canary', '0').code, 2);
		assert.equal(on(baton, 'reload', '--canary', '101%').code, 2);
		assert.match(on(baton, 'relaod').stderr, /did you mean `reload`/);
	});
});

describe('what recorded decisions say', () => {
	test('a change that would send too many to people is refused, and --force makes it all the same', async () => {
		const rule = (id, when) => ({ rules: [{ id, when, action: 'escalate', queue: 'general', reason: 'a person is wanted', priority: 3 }] });
		const rules = { 'modules.yaml': { modules: [openai(provider.url), { name: 'rules', file: 'rule-policy.so', kind: 'rule' }] } };
		const baton = await start({ models: ['ok,gap=0,tokens=4'], files: { ...rules, 'escalation.yaml': rule('never', 'channel == "post"'),
			'releases.yaml': { replay: { turns: 1000, max_changed: 0.2 } } } });
		const control = await Control.open(baton);
		const talks = await Promise.all(Array.from({ length: 110 }, (_, i) => control.converse(`c${i}`, { as: 'agent', channel: 'web' })));
		await Promise.all(talks.map((talk) => talk.say('Where is it?')));
		for (const talk of talks)
			await talk.event('answer_generated');
		const was = live(baton);
		write(baton.policies, { 'escalation.yaml': rule('all', 'channel == "web"') });
		const why = refused(baton, 'reload');
		assert.match(why, /110 of 110 recorded decisions would change/);
		assert.match(why, new RegExp(`still ${was}\\b`));
		assert.equal(live(baton), was);
		const out = on(baton, 'reload', '--force', '--why', 'it is meant');
		assert.equal(out.code, 0, out.stderr);
		assert.match(out.stdout, new RegExp(`^release \\d+ live.*110 of 110 recorded decisions`, 's'));
		control.close();
		await baton.stop();
	});
});

describe('the way back', () => {
	test('the release before comes back under a new number, also when its files are gone', async () => {
		const baton = await start({ models: ['ok#first'] });
		const [one] = await customers(baton, 1);
		assert.match(refused(baton, 'rollback'), /before/);
		setModel(baton, 'ok#second');
		json(baton, 'reload');
		await ask(one, 'ok#second');
		const was = live(baton), out = on(baton, 'rollback', '--why', 'it is worse');
		assert.equal(out.code, 0, out.stderr);
		assert.match(out.stdout, new RegExp(`release ${was + 1} live`));
		await ask(one, 'ok#first');
		untouched([one]);
		await one.end();
		await baton.stop();
	});

	test('numbers go on after a restart, and a restart reads what is on disk', async () => {
		const baton = await start({ models: ['ok#first'] });
		setModel(baton, 'ok#second');
		json(baton, 'reload');
		const was = live(baton);
		await baton.stop();
		await baton.start();
		assert.ok(live(baton) > was);
		const [one] = await customers(baton, 1);
		await ask(one, 'ok#second');
		await one.end();
		await baton.stop();
	});
});

describe('kill -9 in the middle of it', () => {
	test('whatever step it was at: the next start serves, numbers never go back, copies are swept', async () => {
		const baton = await start({ models: ['ok#0'] });
		const asked = ['reload', 'module.swap', 'module.load', 'reload', 'module.canary'];
		let highest = 0;
		for (let round = 0; round < 10; round++) {
			const control = await Control.open(baton);
			assert.ok(live(baton) >= highest, `${live(baton)} after ${highest}`);
			highest = live(baton);
			setModel(baton, `ok#${round + 1}`);
			const verb = asked[round % asked.length];
			control.send({ do: verb, steps: true, ...(verb === 'reload' ? {} : { module: 'openai' }) });
			// One more of its steps in each round, so that the kill meets another place.
			const enough = 1 + Math.floor(round / 2);
			await control.until(() => control.lines.filter((l) => l.step).length >= enough || control.lines.some((l) => l.ok !== undefined), 'a step');
			await baton.kill();
			control.close();
			highest = Math.max(highest, ...control.lines.map((l) => l.release ?? 0));
			await baton.start();
		}
		const [one] = await customers(baton, 1);
		await ask(one, 'ok#10');
		assert.equal(releases(baton).releases.length, 1);
		assert.equal(readdirSync(path.join(baton.data, 'run', 'modules')).length, 1, 'the copy that runs, and no other');
		await one.end();
		await baton.stop();
		assert.equal(baton.fsck().code, 0);
	});
});

describe('who asks, and how', () => {
	test('SIGHUP reads again, too', async () => {
		const baton = await start({ models: ['ok#one'] });
		const [one] = await customers(baton, 1);
		const was = live(baton);
		setModel(baton, 'ok#two');
		baton.child.kill('SIGHUP');
		await soon(() => live(baton) === was + 1, 'a new release');
		await ask(one, 'ok#two');
		untouched([one]);
		write(baton.policies, { 'routes.yaml': 'nothing: [' });
		baton.child.kill('SIGHUP');
		await operations(baton, (e) => e.some((x) => x.type === 'release_changed' && x.data.state === 'refused'));
		assert.equal(live(baton), was + 1);
		await ask(one, 'ok#two');
		await one.end();
		await baton.stop();
	});

	test('two admins at once are both answered, and others are not kept waiting', async () => {
		const baton = await start({ models: ['ok#one'] });
		const [first, second, third] = await Promise.all([Control.open(baton), Control.open(baton), Control.open(baton)]);
		const was = live(baton);
		setModel(baton, 'ok#two');
		first.send({ do: 'reload', why: 'a', tag: 'a', steps: true });
		second.send({ do: 'module.swap', module: 'openai', why: 'b', tag: 'b' });
		first.send({ do: 'ping', tag: 'p' });
		await third.do('releases');
		const answers = await Promise.all([first.until(() => first.lines.find((l) => l.tag === 'a' && l.ok !== undefined), 'answer'),
			second.until(() => second.lines.find((l) => l.tag === 'b'), 'answer')]);
		await first.until(() => first.lines.find((l) => l.tag === 'p'), 'ping');
		for (const answer of answers)
			assert.ok(answer.ok || answer.error.message.length > 5, JSON.stringify(answer));
		assert.ok(answers.some((a) => a.ok));
		assert.ok(live(baton) > was);
		const order = first.lines.map((l) => (l.step ? 'step' : l.do));
		assert.equal(order.at(-1), 'ping', 'answers come in the order of their questions');
		assert.ok(order.filter((what) => what === 'step').length > 0, order.join(' '));
		assert.equal(order.at(-2), 'reload');
		assert.equal(second.lines.filter((l) => l.step).length, 0, 'steps come to who asked for them');
		for (const one of [first, second, third])
			one.close();
		await baton.stop();
	});

	test('a connection that goes has stopped nothing', async () => {
		const baton = await start({ models: ['ok#one'] });
		const was = live(baton), control = await Control.open(baton);
		setModel(baton, 'ok#two');
		control.send({ do: 'reload', steps: true });
		await third(control);
		control.close();
		await soon(() => live(baton) === was + 1, 'the release that was asked for');
		await baton.stop();
	});
	// Until the line has been read: a later question on another connection has come back.
	async function third(control) {
		await control.until(() => control.lines.some((l) => l.step || l.ok !== undefined), 'a step');
	}

	test('the operations log has who, why, what and how long', async () => {
		const baton = await start({ models: ['ok#one'] });
		setModel(baton, 'ok#two');
		json(baton, 'reload', '--why', 'the other model');
		const was = live(baton);
		json(baton, 'module', 'swap', 'openai', '--why', 'again');
		write(baton.policies, { 'routes.yaml': 'nothing: [' });
		refused(baton, 'reload', '--why', 'a mistake');
		const events = await operations(baton, (e) => e.some((x) => x.type === 'release_changed' && x.data.state === 'refused'));
		const asked = events.filter((e) => e.type === 'admin_acted').map((e) => e.data);
		assert.deepEqual(asked, [
			{ by: ME, action: 'reload', subject: 'policies', why: 'the other model' },
			{ by: ME, action: 'module swap', subject: 'openai', why: 'again' },
			{ by: ME, action: 'reload', subject: 'policies', why: 'a mistake' }]);
		const went = events.filter((e) => e.type === 'release_changed').map((e) => e.data);
		const came = went.filter((d) => d.state === 'live' && d.cause !== 'boot');
		assert.deepEqual(came.map((d) => [d.release, d.cause, d.by, d.why]), [[was, 'reload', ME, 'the other model'], [was + 1, 'swap', ME, 'again']]);
		for (const d of came) {
			assert.match(d.sha256, /^[0-9a-f]{12}$/);
			assert.ok(Number.isSafeInteger(d.ms ?? 0) && (d.ms ?? 0) < 60000);
		}
		const no = went.find((d) => d.state === 'refused');
		assert.equal(no.by, ME);
		assert.match(no.why, /routes\.yaml/);
		const steps = events.filter((e) => e.type === 'module_changed' && e.data.module === 'openai').map((e) => e.data);
		assert.ok(steps.some((d) => d.state === 'loaded' && /^[0-9a-f]{12}$/.test(d.sha256) && d.version), JSON.stringify(steps));
		await baton.stop();
		assert.equal(baton.fsck().code, 0);
	});

	test('without a server they say how to start one', async () => {
		const baton = await start();
		await baton.stop();
		for (const args of [['reload'], ['rollback'], ['module', 'list'], ['module', 'swap', 'openai'], ['module', 'why-live']]) {
			const out = on(baton, ...args);
			assert.equal(out.code, 4, args.join(' '));
			assert.match(out.stderr, /no server is running on this data folder/);
		}
	});
});
