// SPDX-License-Identifier: Apache-2.0
//
// `baton module`: one module's file is put in the place of another while customers chat, tried with a share of
// them, taken back; and what an admin sees of it. The heavier proofs (thousands of swaps, hostile
// modules) are `make swap`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baton, MODULES, SLOW, VARIANT, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { Control } from '../lib/control.mjs';
import { KEY_ENV, openai, simpleSet, write } from '../lib/policies.mjs';
import { assertForm, copyOf, generation, generations, json, live, on, operations, refused, releases, soon } from '../lib/releases.mjs';
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
	const baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['ok'], ...options }), env: KEY_ENV });
	open.push(baton);
	return baton;
}
async function customer(baton) {
	const one = new Customer(baton);
	await one.connect();
	return one;
}
async function ask(one, model = 'ok') {
	const { seq } = await one.say('Where is it?');
	assert.equal((await one.answer(seq)).text, answerOf(model));
}
function setModel(baton, model) {
	// At once: somebody else may be reading it.
	write(baton.policies, { '.new': { targets: [{ name: 't0', provider: 'openai', model, account: 'account0', prompt: 'assistant', max_output_tokens: 500 }] } });
	renameSync(path.join(baton.policies, '.new'), path.join(baton.policies, 'targets.yaml'));
}
const LONG = 'ok#long,gap=25,tokens=200', TOKENS = 200; // five seconds

describe('looking', () => {
	let baton;
	before(async () => { baton = await start(); });
	after(() => baton.stop());

	test('list has a row for each generation, with what was measured', async () => {
		const one = await customer(baton);
		await ask(one);
		await one.end();
		const all = generations(baton);
		for (const g of all)
			assertForm('generation', g);
		const openai = all.find((g) => g.module === 'openai');
		assert.equal(openai.state, 'active');
		assert.equal(openai.isolation, 'inline', 'it came with the server');
		assert.equal(openai.id, 'provider-openai');
		assert.ok(openai.calls > 0);
		const sha = spawnSync('sha256sum', [path.join(MODULES, 'provider-openai.so')], { encoding: 'utf8' }).stdout;
		assert.equal(openai.sha12, sha.slice(0, 12));
		const table = on(baton, 'module', 'list').stdout;
		assert.match(table, new RegExp(`^release ${live(baton)} serves\nNAME +VERSION +GEN +SHA256 +STATE +ISOLATION +ABI +KIND +PINS +CALLS +FAIL % +P95 MS +BROKEN +SINCE`));
		assert.match(table, new RegExp(`^openai .*${openai.sha12} +active +inline`, 'm'));
	});

	test('show has the rules it broke and what it counted itself', () => {
		const shown = json(baton, 'module', 'show', 'openai');
		assert.deepEqual(shown.generations.map((g) => g.module), ['openai']);
		assert.equal(shown.generations[0].counted.breaches.two_ends, 0);
		assert.equal(typeof shown.generations[0].counted.counters, 'object');
		const text = on(baton, 'module', 'show', 'openai').stdout;
		assert.match(text, /^openai, generation \d+\n/);
		assert.match(text, /\n  rules of the contract that it broke\n    none\n/);
		assert.match(refused(baton, 'module', 'show', 'openia'), /no module `openia`; did you mean `openai`/);
	});

	test('info looks at a file without a server, as before', () => {
		const file = path.join(MODULES, 'provider-openai.so');
		for (const args of [['module', 'info', file], ['module', file]]) {
			const out = run(args);
			assert.equal(out.code, 0, out.stderr);
			assert.equal(JSON.parse(out.stdout).id, 'provider-openai');
		}
		assert.equal(run(['module', 'info', '/etc/passwd']).code, 1);
	});

	test('a word that is not known is answered with the nearest', () => {
		assert.match(on(baton, 'module', 'lsit').stderr, /there is no `lsit`; did you mean `list`/);
		assert.equal(on(baton, 'module', 'lsit').code, 2);
		assert.equal(run(['module']).code, 2);
		assert.equal(on(baton, 'module', 'swap').code, 2);
		assert.equal(on(baton, 'module', 'swap', 'openai', 'x.so', 'y.so').code, 2);
		assert.equal(on(baton, 'module', 'why-live', 'yesterday').code, 2);
		const help = run(['module', '--help']);
		assert.equal(help.code, 0);
		for (const word of ['list', 'show', 'load', 'swap', 'canary', 'promote', 'rollback', 'drain', 'discard', 'why-live', 'forgive', 'info'])
			assert.match(help.stdout, new RegExp(`^  ${word}\\b`, 'm'));
		assert.match(run(['module', 'swap', '--help']).stdout, /^usage: baton module swap NAME \[FILE\]/);
	});
});

describe('a swap', () => {
	let baton, one;
	before(async () => { baton = await start(); one = await customer(baton); });
	after(async () => { await one.end(); await baton.stop(); });
	const untouched = () => assert.deepEqual([one.connects, one.closed], [1, null]);

	test('the same bytes are a new generation, and the turn that goes on does not notice', async () => {
		setModel(baton, LONG);
		json(baton, 'reload');
		const { seq } = await one.say('Tell me all of it');
		await one.until(() => [...one.screen.messages.values()].some((m) => !m.final && m.pieces > 3), 'first words');
		const was = generation(baton, 'openai');
		for (let i = 0; i < 3; i++)
			json(baton, 'module', 'swap', 'openai');
		const is = generation(baton, 'openai');
		assert.ok(is.generation > was.generation);
		assert.equal(is.sha12, was.sha12);
		assert.ok(generations(baton).some((g) => g.generation === was.generation && g.state === 'draining' && g.pins > 0));
		assert.equal((await one.answer(seq, 20000 * SLOW)).text, answerOf(LONG, TOKENS));
		untouched();
		await soon(() => generations(baton).filter((g) => g.module === 'openai').length === 1, 'end of the old generations');
		setModel(baton, 'ok');
		json(baton, 'reload');
	});

	test('other bytes are seen by their sha256, and its own file comes back', async () => {
		const was = generation(baton, 'openai');
		const file = copyOf('provider-openai.so', { more: 'another build' });
		const out = on(baton, 'module', 'swap', 'openai', file, '--why', 'another build');
		assert.equal(out.code, 0, out.stderr);
		assert.match(out.stdout, /^release \d+ live/);
		const is = generation(baton, 'openai');
		assert.notEqual(is.sha12, was.sha12);
		assert.equal(is.isolation, 'process', 'nobody has said that this file may run in the server');
		await ask(one);
		json(baton, 'rollback');
		assert.equal(generation(baton, 'openai').sha12, was.sha12);
		await ask(one);
		untouched();
	});

	test('what cannot serve is refused in words, and the old one serves', async () => {
		const dir = tempDir('bad'), was = [live(baton), generation(baton, 'openai').generation];
		const words = path.join(dir, 'words.so'), loose = copyOf('provider-openai.so');
		writeFileSync(words, 'these are no bytes of a module\n');
		chmodSync(loose, 0o666);
		assert.match(refused(baton, 'module', 'swap', 'openai', words), /refused: .*still/s);
		assert.match(refused(baton, 'module', 'swap', 'openai', copyOf('rule-policy.so')), /refused: .*(rule|provider)/s);
		assert.match(refused(baton, 'module', 'swap', 'openai', loose), /refused: .*writ/s);
		assert.match(refused(baton, 'module', 'swap', 'openai', path.join(dir, 'nothing.so')), /nothing\.so/);
		assert.match(refused(baton, 'module', 'swap', 'opneai'), /did you mean `openai`/);
		assert.deepEqual([live(baton), generation(baton, 'openai').generation], was);
		await ask(one);
		untouched();
	});

	test('steps are told as they end, where they are wanted', () => {
		const quiet = on(baton, 'module', 'swap', 'openai');
		assert.equal(quiet.stderr, '');
		const loud = on(baton, 'module', 'swap', 'openai', '--verbose');
		assert.match(loud.stderr, /^  openai: (found|checked|probed|loaded), [\d.]+ ms$/m);
		assert.equal(loud.code, 0);
	});
});

describe('a candidate', () => {
	test('one that is loaded serves nobody, and can be discarded or promoted', async () => {
		const baton = await start(), one = await customer(baton);
		const was = live(baton), gen = generation(baton, 'openai').generation;
		const file = copyOf('provider-openai.so', { more: 'x' });
		const done = json(baton, 'module', 'load', 'openai', file);
		assert.deepEqual([done.release, done.staged], [was, was + 1]);
		assert.deepEqual([releases(baton).live, releases(baton).candidate], [was, was + 1]);
		assert.equal(generation(baton, 'openai', 'staged').isolation, 'process');
		assert.match(on(baton, 'module', 'list').stdout, new RegExp(`release ${was} serves, ${was + 1} is its candidate`));
		const { calls } = generation(baton, 'openai', 'staged'); // whether it is well has been asked
		await ask(one);
		assert.equal(generation(baton, 'openai', 'staged').calls, calls);
		assert.equal(on(baton, 'module', 'discard').code, 0);
		assert.deepEqual([releases(baton).live, releases(baton).candidate], [was, null]);
		assert.equal(generation(baton, 'openai').generation, gen);
		await soon(() => generations(baton).length === 1, 'its end');
		assert.match(refused(baton, 'module', 'discard'), /candidate/);
		assert.match(refused(baton, 'module', 'promote'), /candidate/);

		json(baton, 'module', 'load', 'openai', file);
		assert.equal(on(baton, 'module', 'promote', '--why', 'looked at').code, 0);
		assert.notEqual(generation(baton, 'openai').generation, gen);
		assert.equal(releases(baton).candidate, null);
		await ask(one);
		await one.end();
		await baton.stop();
	});

	test('a canary serves its share of the conversations, each its own way throughout, until it is promoted by hand', async () => {
		const baton = await start();
		const control = await Control.open(baton);
		const was = live(baton);
		setModel(baton, 'ok#new');
		const out = on(baton, 'reload', '--canary', '50%', '--why', 'half of them');
		assert.equal(out.code, 0, out.stderr);
		assert.match(out.stdout, /50 % of the sessions as a canary/);
		const known = releases(baton);
		assert.deepEqual([known.live, known.candidate], [was, was + 1]);
		assert.equal(known.canary.share_ppm, 500000);
		assert.match(on(baton, 'status').stdout, new RegExp(`release ${was} \\(canary ${was + 1}, 50 %\\)`));
		const talks = await Promise.all(Array.from({ length: 24 }, (_, i) => control.converse(`c${i}`, { as: 'agent' })));
		for (let round = 0; round < 2; round++)
			await Promise.all(talks.map((talk) => talk.say('Where is it?')));
		for (const talk of talks)
			await talk.until(() => talk.events('answer_generated').length === 2, 'both answers');
		const served = talks.map((talk) => new Set(talk.events('policy_decided').map((e) => e.data.release)));
		assert.ok(served.every((set) => set.size === 1), 'a conversation is on one side');
		const sides = served.map((set) => [...set][0]);
		assert.ok(sides.includes(was) && sides.includes(was + 1), sides.join(' '));
		for (const [i, talk] of talks.entries())
			assert.ok(talk.events('answer_generated').every((e) => e.data.text.startsWith(sides[i] === was ? '[ok]' : '[ok-new]')));
		assert.equal(json(baton, 'module', 'promote').ok, true);
		assert.equal(live(baton), was + 1);
		await talks[0].say('And now?');
		await talks[0].until(() => talks[0].events('answer_generated').length === 3, 'a third');
		assert.match(talks[0].events('answer_generated')[2].data.text, /^\[ok-new\]/);
		control.close();
		await baton.stop();
	});

	test('another file serves its share, shows its figures, and is taken back', async () => {
		const baton = await start();
		const control = await Control.open(baton);
		const was = live(baton);
		const out = json(baton, 'module', 'canary', 'openai', copyOf('provider-openai.so', { more: 'newer' }), '--share', '50%', '--why', 'trial');
		assert.deepEqual([out.release, out.canary, out.share_ppm], [was, was + 1, 500000]);
		const talks = await Promise.all(Array.from({ length: 16 }, (_, i) => control.converse(`c${i}`, { as: 'agent' })));
		await Promise.all(talks.map((talk) => talk.say('Where is it?')));
		for (const talk of talks)
			await talk.event('answer_generated');
		const tried = generation(baton, 'openai', 'canary'), serves = generation(baton, 'openai');
		assert.ok(tried.calls > 0 && serves.calls > 0);
		assert.deepEqual([tried.isolation, serves.isolation], ['process', 'inline']);
		const { canary } = releases(baton);
		assert.equal(canary.turns.candidate + canary.turns.live, 16);
		assert.match(on(baton, 'module', 'releases').stdout, /^canary: 50 % of the conversations; /m);
		assert.match(on(baton, 'module', 'rollback').stdout, new RegExp(`release ${was + 1} is rolled back, still ${was}`));
		await soon(() => generations(baton).length === 1, 'its end');
		assert.equal(releases(baton).canary, null);
		control.close();
		await baton.stop();
	});

	test('a canary that fails is seen by no customer, and goes back by hand', async () => {
		const baton = await start(), one = await customer(baton);
		setModel(baton, 'S04#canary');
		json(baton, 'reload', '--canary', '100%');
		const { seq } = await one.say('Where is it?');
		assert.equal((await one.answer(seq)).text, answerOf('ok'));
		assert.equal(one.errors().length, 0);
		const out = on(baton, 'module', 'rollback');
		// It may have been taken back by itself already.
		assert.ok(out.code === 0 || releases(baton).candidate === null, out.stderr);
		await soon(() => releases(baton).candidate === null, 'its end');
		await ask(one);
		await one.end();
		await baton.stop();
		const moved = baton.transcript(one.session).find((e) => e.type === 'turn_moved');
		assert.ok(moved && moved.data.from > moved.data.release, JSON.stringify(moved));
	});
});

describe('what holds an old release', () => {
	test('why-live names the turn, and nobody once it has ended', async () => {
		const baton = await start({ models: [LONG] }), one = await customer(baton);
		const { seq } = await one.say('Tell me all of it');
		await one.until(() => [...one.screen.messages.values()].some((m) => !m.final), 'first words');
		const was = live(baton);
		setModel(baton, 'ok');
		assert.match(on(baton, 'reload').stdout, new RegExp(`1 turn finishes on ${was}`));
		const { turns } = json(baton, 'module', 'why-live', String(was));
		assert.equal(turns.length, 1);
		assertForm('turn', turns[0]);
		assert.deepEqual([turns[0].release, turns[0].session], [was, one.session]);
		assert.match(on(baton, 'module', 'why-live').stdout, new RegExp(`^RELEASE +SESSION +TURN +AGE +AT MOST.*\n${was} +${one.session}`));
		assert.deepEqual(json(baton, 'module', 'why-live', '4711').turns, []);
		assert.equal((await one.answer(seq, 20000 * SLOW)).text, answerOf(LONG, TOKENS));
		await soon(() => /no turn holds an old release/.test(on(baton, 'module', 'why-live').stdout), 'nobody');
		await soon(() => releases(baton).releases.length === 1, 'its end');
		await one.end();
		await baton.stop();
	});

	test('idle conversations hold none, a drain ends the rest', async () => {
		const baton = await start({ models: [LONG] });
		const idle = await Promise.all(Array.from({ length: 8 }, () => customer(baton)));
		const one = await customer(baton);
		const { seq } = await one.say('Tell me all of it');
		await one.until(() => [...one.screen.messages.values()].some((m) => !m.final), 'first words');
		setModel(baton, 'ok');
		json(baton, 'reload');
		assert.equal(json(baton, 'module', 'why-live').turns.length, 1);
		const out = on(baton, 'module', 'drain', '--why', 'now');
		assert.equal(out.code, 0, out.stderr);
		await soon(() => releases(baton).releases.length === 1, 'end of the old release', 20000 * SLOW);
		const answer = await one.answer(seq, 20000 * SLOW);
		assert.ok([answerOf('ok'), answerOf(LONG, TOKENS)].includes(answer.text), 'a whole answer');
		for (const each of [one, ...idle]) {
			assert.deepEqual([each.connects, each.closed], [1, null]);
			await each.end();
		}
		await baton.stop();
	});
});

describe('many admins at once', () => {
	test('whatever they ask in whatever order: each is answered once, and customers notice nothing', async () => {
		const baton = await start({ models: ['ok#0,gap=3,tokens=40'] });
		const files = ['a', 'b'].map((more) => copyOf('provider-openai.so', { more }));
		const seed = Number(process.env.SEED ?? Date.now() % 100000);
		let state = seed;
		const pick = (n) => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % n; };
		const verbs = [
			() => { setModel(baton, `ok#${pick(9)},gap=3,tokens=40`); return { do: 'reload' }; },
			() => { setModel(baton, `ok#${pick(9)},gap=3,tokens=40`); return { do: 'reload', canary: true, share_ppm: 1 + pick(1000000) }; },
			() => ({ do: 'module.swap', module: 'openai', ...(pick(2) ? { path: files[pick(2)] } : {}) }),
			() => ({ do: 'module.load', module: 'openai', path: files[pick(2)] }),
			() => ({ do: 'module.canary', module: 'openai', path: files[pick(2)], share_ppm: 1 + pick(1000000) }),
			() => ({ do: 'release.promote' }), () => ({ do: 'release.discard' }), () => ({ do: 'release.rollback' }),
			() => ({ do: 'release.drain' }), () => ({ do: 'release.why_live' }), () => ({ do: 'releases' }), () => ({ do: 'modules' }),
		];
		// Without a pause between two questions; so how long is not a matter of patience.
		const until = performance.now() + Number(process.env.ADMINS_MS ?? 3000) * (VARIANT === 'release' ? 1 : 4);
		let asked = 0, refusals = 0;
		const admin = async () => {
			const control = await Control.open(baton);
			while (performance.now() < until) {
				const request = verbs[pick(verbs.length)]();
				const looks = /why_live|s$/.test(request.do);
				const answer = await control.ask(looks ? request : { ...request, steps: pick(2) === 0 });
				asked++;
				refusals += !answer.ok;
				assert.ok(answer.ok || ['wrong_state', 'limit', 'not_found', 'again', 'module'].includes(answer.error.code), JSON.stringify(answer));
			}
			assert.equal(control.lines.filter((l) => l.ok !== undefined).length, control.tags, 'one answer each');
			control.close();
		};
		const chat = async () => {
			const one = await customer(baton);
			for (let n = 0; performance.now() < until; n++) {
				const { seq } = await one.say('Where is it?');
				const outcome = await one.outcome(seq, 20000 * SLOW);
				if (!/^\[ok-\d\] .*word38 <end>$/.test(outcome.text ?? ''))
					throw new Error(run(['transcript', one.session, '--after', String(seq - 1), '--data', baton.data]).stdout);
			}
			assert.deepEqual([one.connects, one.closed, one.errors()], [1, null, []]);
			await one.end();
		};
		await Promise.all([...Array.from({ length: 6 }, admin), ...Array.from({ length: 12 }, chat)]).catch((error) => {
			throw new Error(`SEED=${seed}: ${error.message}\n${baton.stderr.slice(-3000)}`, { cause: error });
		});
		assert.ok(asked > 40 && refusals < asked, `${asked} asked, ${refusals} refused`);
		on(baton, 'module', 'discard');
		await soon(() => releases(baton).releases.length === 1, 'one release alone');
		await soon(() => generations(baton).length === 1, 'one generation alone');
		await baton.stop();
		assert.equal(baton.fsck().code, 0);
	});
});

describe('what it would have decided', () => {
	test('recorded decisions are made again by a file, and by the candidate', async () => {
		const rule = (id, when) => ({ rules: [{ id, when, action: 'escalate', queue: 'general', reason: 'a person is wanted', priority: 3 }] });
		const baton = await start({ files: { 'modules.yaml': { modules: [openai(provider.url), { name: 'rules', file: 'rule-policy.so', kind: 'rule' }] },
			'escalation.yaml': rule('never', 'channel == "post"') } });
		const control = await Control.open(baton);
		const talks = await Promise.all(Array.from({ length: 6 }, (_, i) => control.converse(`c${i}`, { as: 'agent', channel: 'web' })));
		await Promise.all(talks.map((talk) => talk.say('Where is it?')));
		for (const talk of talks)
			await talk.event('answer_generated');
		assert.match(refused(baton, 'module', 'replay'), /no candidate/);
		assert.match(refused(baton, 'module', 'replay', 'openai', copyOf('provider-openai.so')), /decides nothing/);
		assert.equal(on(baton, 'module', 'replay', 'rules').code, 2);
		const same = on(baton, 'module', 'replay', 'rules', copyOf('rule-policy.so', { more: 'x' }));
		assert.equal(same.code, 0, same.stderr);
		assert.match(same.stdout, /^rules: .*\n.*\n0 of 6 recorded decisions would change/);
		json(baton, 'module', 'load', 'rules', copyOf('rule-policy.so', { more: 'y' }));
		assert.equal(on(baton, 'module', 'replay').code, 0);
		write(baton.policies, { 'escalation.yaml': rule('all', 'channel == "web"') });
		json(baton, 'reload', '--canary', '1%');
		const other = on(baton, 'module', 'replay', '--json');
		assert.equal(other.code, 3, other.stderr);
		assert.deepEqual([JSON.parse(other.stdout).diff.decisions, JSON.parse(other.stdout).diff.changed], [6, 6]);
		control.close();
		await baton.stop();
	});
});

describe('for machines', () => {
	test('every series of modules and releases is one that promtool takes', async () => {
		const baton = await start(), one = await customer(baton);
		await ask(one);
		json(baton, 'module', 'swap', 'openai');
		refused(baton, 'module', 'swap', 'openai', copyOf('rule-policy.so'));
		await ask(one);
		const text = await (await baton.http('/metrics')).text();
		const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
		assert.equal(lint.status, 0, lint.stdout + lint.stderr);
		const seen = text.split('\n').filter((l) => l && l[0] !== '#').map((l) => l.replace(/ [^ ]*$/, ''));
		assert.equal(new Set(seen).size, seen.length, 'no series twice');
		const value = (name) => Number(text.split('\n').find((l) => l.startsWith(`${name} `))?.split(' ')[1]);
		assert.equal(value('baton_module_generations{state="active"}'), 1);
		assert.ok(value('baton_module_swap_seconds_count{step="loaded"}') >= 2, text.match(/^baton_module_swap.*$/gm)?.join('\n'));
		assert.equal(value('baton_release'), live(baton));
		assert.match(text, /^baton_module_refused_total\{reason="[a-z_]+"\} 1$/m);
		for (const name of ['baton_module_pins{state="draining"}', 'baton_module_resident', 'baton_module_drain_seconds_count'])
			assert.ok(value(name) >= 0, name);
		await one.end();
		await baton.stop();
	});

	test('a module whose process dies three times is shut out until it is forgiven', async () => {
		const modules = [{ ...openai(provider.url), isolation: 'process' }];
		const baton = await start({ files: { 'modules.yaml': { modules } } });
		const { sha12 } = generation(baton, 'openai');
		const hosts = () => spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(baton.child.pid)], { encoding: 'utf8' }).stdout.split('\n')
			.filter((line) => line.includes('modhost')).map((line) => Number.parseInt(line, 10));
		for (let i = 1; i <= 3; i++) {
			const [pid] = await soon(() => hosts().length && hosts(), 'process of the module');
			process.kill(pid, 'SIGKILL');
			await soon(() => !hosts().includes(pid), 'its end');
			await operations(baton, (e) => e.filter((x) => x.type === 'module_changed' && x.data.state === 'crashed').length >= i);
		}
		const [shut] = await soon(() => json(baton, 'module', 'list').quarantined, 'quarantine');
		assert.equal(shut.module, 'openai');
		assert.equal(shut.sha256.slice(0, 12), sha12);
		assert.match(on(baton, 'module', 'list').stdout, new RegExp(`\nIN QUARANTINE +MODULE +SINCE +WHY\n${sha12} +openai .*3 crashes`));
		const metrics = await (await baton.http('/metrics')).text();
		assert.match(metrics, /^baton_module_generations\{state="quarantined"\} 1$/m);
		assert.match(metrics, /^baton_module_crash_total\{module="openai"\} 3$/m);
		assert.match(refused(baton, 'module', 'swap', 'openai'), new RegExp(`quarantined on .*baton module forgive ${sha12}`));
		assert.match(on(baton, 'module', 'forgive', sha12, '--why', 'it was me').stdout, new RegExp(`^${sha12} may be loaded again`));
		assert.deepEqual(json(baton, 'module', 'list').quarantined, []);
		json(baton, 'module', 'swap', 'openai');
		const one = await customer(baton);
		await ask(one);
		await one.end();
		await baton.stop();
	});

	test('a file that is not in quarantine cannot be forgiven', async () => {
		const baton = await start();
		assert.match(refused(baton, 'module', 'forgive', '0123456789ab'), /quarantine/);
		assert.match(refused(baton, 'module', 'forgive', 'xyz'), /12 to 64 digits/);
		await baton.stop();
	});

	test('what was done to modules is in the operations log', async () => {
		const baton = await start();
		json(baton, 'module', 'load', 'openai', '--why', 'one');
		json(baton, 'module', 'discard', '--why', 'two');
		const events = await operations(baton, (e) => e.some((x) => x.type === 'release_changed' && x.data.state === 'discarded'));
		assert.deepEqual(events.filter((e) => e.type === 'admin_acted').map((e) => [e.data.action, e.data.subject, e.data.why]),
			[['module load', 'openai', 'one'], ['module discard', 'release', 'two']].map(([a, s, w]) => [a === 'module discard' ? 'release discard' : a, s, w]));
		await baton.stop();
		assert.equal(readFileSync(path.join(baton.policies, 'modules.yaml'), 'utf8').includes('openai'), true);
	});
});
