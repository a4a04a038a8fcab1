// SPDX-License-Identifier: Apache-2.0
//
// baton dev: a conversation with a module in a server of its own, and what happens when the file is
// saved meanwhile. Lines go in through a pipe, as in a script of an author's own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { BIN, MODULES, ROOT, SLOW, VARIANT, run, tempDir } from '../lib/baton.mjs';
import { Shop } from '../lib/shop.mjs';

const ECHO = path.join(ROOT, 'build', VARIANT, 'example', 'provider-echo.so');

// A session whose lines can be waited for.
class Session {
	constructor(args, env = {}) {
		this.text = '';
		this.process = spawn(BIN, ['dev', ...args], { cwd: tempDir('dev'), env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
		this.ended = new Promise(resolve => this.process.on('close', resolve));
		for (const stream of [this.process.stdout, this.process.stderr])
			stream.on('data', bytes => {
				this.text += bytes;
				this.wake?.();
			});
	}

	say(line) {
		this.process.stdin.write(`${line}\n`);
	}

	// What was printed from `from` on, as soon as it matches.
	async until(pattern, from = 0) {
		const end = Date.now() + 20000 * SLOW;
		while (!pattern.test(this.text.slice(from))) {
			assert.ok(Date.now() < end, `${pattern} did not come:\n${this.text.slice(from)}`);
			assert.equal(this.process.exitCode, null, this.text);
			await new Promise(resolve => {
				this.wake = resolve;
				setTimeout(resolve, 200);
			});
		}
		return this.text.slice(from);
	}

	async quit() {
		this.process.stdin.end();
		return this.ended;
	}
}

// As a linker or an installer does it: written beside, then renamed.
function save(from, to) {
	copyFileSync(from, `${to}.new`);
	renameSync(`${to}.new`, to);
}

const left = () => readdirSync(tmpdir()).filter(name => name.startsWith('baton-dev-'));

const SICK = path.join(ROOT, 'build', VARIANT, 'tests', 'modules', 'sin_tool.so');

test('a script of lines is answered, each with its steps, and nothing is left behind', () => {
	const before = left();
	const { code, stdout, stderr } = run(['dev', ECHO, '--chat'],
		{ input: 'hello there\n:stats\nhow are you\n' });
	assert.equal(code, 0, stderr);
	assert.match(stdout, /provider-echo\.so is knowledge, a provider/);
	assert.match(stdout, /you: hello there\n(  .*\n)*bot: hello there\n/);
	assert.match(stdout, /you: how are you\n(  .*\n)*bot: how are you\n/);
	assert.match(stdout, / {2}intent {4}\S+ [\d.]+ %/);
	assert.match(stdout, / {2}answer {4}shop_knowledge, first word \d+ ms, whole \d+ ms, \d+ \+ \d+ tokens, \$/);
	assert.match(stdout, / {2}steps {5}.*classifier [\d.]+ ms.*provider [\d.]+ ms/);
	assert.match(stdout, / {2}stats {5}generation \d+, 1\.0\.0, active, process: \d+ calls, 0 failed/);
	assert.deepEqual(left().filter(name => !before.includes(name)), []);
});

test('a saved build is swapped in, a broken one is not, and the conversation goes on', async t => {
	const file = path.join(tempDir('build'), 'provider-acme.so');
	copyFileSync(ECHO, file);
	const session = new Session([file]);
	t.after(() => session.process.kill());
	await session.until(/each build that is saved is swapped in/);
	session.say('first words');
	await session.until(/bot: first words[\s\S]*steps/);

	let from = session.text.length;
	save(path.join(MODULES, 'provider-knowledge.so'), file);
	await session.until(/swapped {3}release \d+ live, 1 new module/, from);
	from = session.text.length;
	session.say('how long does delivery take?');
	await session.until(/bot: [\s\S]*From our help pages[\s\S]*steps/, from);

	from = session.text.length;
	writeFileSync(file, 'not a module at all');
	await session.until(/! not swapped: .*not a shared object/, from);
	from = session.text.length;
	session.say('where is my order?');
	await session.until(/bot: [\s\S]*steps/, from);

	from = session.text.length;
	save(ECHO, file);
	await session.until(/swapped {3}release \d+ live/, from);
	assert.equal(await session.quit(), 0, session.text);
	assert.doesNotMatch(session.text, /session_opened/);
});

test('other kinds say what they found', () => {
	const said = module => run(['dev', path.join(MODULES, module), '--inline'],
		{ input: 'how long does delivery take?\n' }).stdout;
	const found = said('retriever-fts.so');
	assert.match(found, /retriever-fts\.so is articles, a retriever/);
	assert.ok(found.match(/ {2}document {2}[\d.]+ % \S+: /g).length > 1, found);
	assert.match(said('classifier-linear.so'), / {2}intent {4}delivery-time [\d.]+ %/);
	assert.match(said('rule-policy.so'), / {2}verdict {3}before: none\n/);
});

test('a guard says what it sees in a line, where, and how much of an answer would wait', async t => {
	const before = left();
	const { code, stdout, stderr } = run(['dev', path.join(MODULES, 'guard-policy.so')],
		{ input: ['Well. I will refund it today.', 'We cannot say that I will refund it.', ':stats', ''].join('\n') });
	assert.equal(code, 0, stderr);
	assert.match(stdout, /guard-policy\.so is promises, a guard/);
	assert.match(stdout, / {2}at {8}customer, agent, knowledge, tool_result, tool_args: nothing\n {2}at {8}answer\n {12}block promise \(no-refund-promise\) 100\.0 %, 6-19: "I will refund"\n {2}grows {5}at most 24 bytes wait, from byte 5 on/);
	assert.match(stdout, /you: We cannot say.*\n {2}at {8}customer, .*, answer: nothing\n/);
	assert.match(stdout, / {2}stats {5}generation 1, 1\.0\.0, inline: \d+ calls, 0 failed/);
	assert.deepEqual(left().filter(name => !before.includes(name)), []);

	// One that no set names, and what is saved over it.
	const file = path.join(tempDir('build'), 'guard-acme.so');
	copyFileSync(path.join(MODULES, 'guard-pii.so'), file);
	const session = new Session([file, '--inline']);
	t.after(() => session.process.kill());
	await session.until(/is guard, a guard; each build that is saved is swapped in/);
	session.say('my card is 4111 1111 1111 1111');
	await session.until(/redact card 99\.0 %, 11-30: "4111 1111 1111 1111"[\s\S]*grows/);
	let from = session.text.length;
	writeFileSync(file, 'not a module at all');
	await session.until(/! not swapped: .*not a shared object/, from);
	from = session.text.length;
	session.say('and 4111 1111 1111 1111');
	await session.until(/redact card[\s\S]*grows/, from);
	from = session.text.length;
	save(path.join(MODULES, 'guard-injection.so'), file);
	await session.until(/swapped {3}release \d+ live/, from);
	from = session.text.length;
	session.say('my card is 4111 1111 1111 1111');
	await session.until(/at {8}customer.*: nothing[\s\S]*grows/, from);
	assert.equal(await session.quit(), 0, session.text);
});

test('a tool that is not well does not serve', () => {
	const dir = tempDir('build'), file = path.join(dir, 'tool-acme.so');
	mkdirSync(path.join(dir, 'policy'));
	writeFileSync(path.join(dir, 'policy', 'modules.yaml'), '- name: acme\n  kind: tool\n  file: tool-acme.so\n  config: { sin: sick }\n');
	copyFileSync(SICK, file);
	const { code, stdout, stderr } = run(['dev', file, '--inline'], { input: '' });
	assert.equal(code, 1, stdout + stderr);
	assert.match(stdout, / {2}! not swapped: .*it is not well/);
});

test('a tool is called with what was typed, by the build that was saved last', async t => {
	const shop = await Shop.start();
	t.after(() => shop.stop());
	const dir = tempDir('build'), file = path.join(dir, 'tool-acme.so');
	copyFileSync(path.join(MODULES, 'tool-http.so'), file);
	mkdirSync(path.join(dir, 'policy'));
	writeFileSync(path.join(dir, 'policy', 'modules.yaml'), `- name: acme
  kind: tool
  file: tool-acme.so
  egress: ["127.0.0.1:*"]
  secrets: [SHOP_ORDERS_URL, SHOP_ORDERS_KEY]
  config: { base_url: "{{secret:SHOP_ORDERS_URL}}", auth: { bearer: SHOP_ORDERS_KEY } }
`);
	const tool = (name, more) => `- name: ${name}\n  module: acme\n  title: does it\n  description: d\n`
		+ `  arguments: { type: object, required: [order], additionalProperties: false, properties: { order: { type: string } } }\n  ${more}\n`;
	writeFileSync(path.join(dir, 'policy', 'tools.yaml'), tool('look', 'writes: false\n  request: { url: "/orders/{order}", answer: { pick: { is: /order/status } } }')
		+ tool('pay', 'writes: true\n  approval: agent\n  request: { method: POST, url: "/orders/{order}/refunds" }'));
	const session = new Session([file, '--allow-loopback-http'], shop.env);
	t.after(() => session.process.kill());
	await session.until(/acme, a tool[\s\S]* {2}tool {6}look: does it\n {2}tool {6}pay: does it \(changes something\)/);
	for (const [line, pattern] of [
		['look {"order":"HP-20441"}', / {2}result {4}\{"is":"on its way"\}\n {12}\d+ ms, tries: 1/],
		['{"order":"HP-00000"}', / {2}no {8}not_found/],
		['look {"order":7}', / {2}! look: arguments\.order/],
		['look {"order":', / {2}! look: /],
		['order_status {"order":"HP-20441"}', / {2}! it has no tool of that name/],
	]) {
		const from = session.text.length;
		session.say(line);
		await session.until(pattern, from);
	}
	assert.deepEqual(await shop.effects(), []);
	let from = session.text.length;
	save(path.join(MODULES, 'tool-http.so'), file);
	await session.until(/swapped {3}release 2 live/, from);
	from = session.text.length;
	await shop.fault('reset', { times: 9, method: 'GET' });
	session.say('look {"order":"HP-20441"}');
	await session.until(/! failed {2}\d+ ms: /, from);
	assert.equal(await session.quit(), 0, session.text);
});

test('what cannot be used is refused with its reason', () => {
	const file = path.join(tempDir('build'), 'x.so');
	writeFileSync(file, 'nothing');
	const refused = run(['dev', file], { input: '' });
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /refused: .*not a shared object/);
	assert.equal(run(['dev', '/nowhere/x.so'], { input: '' }).code, 1);
	const odd = run(['dev', ECHO, '--config', '{"no-such":1}'], { input: 'hello\n' });
	assert.equal(odd.code, 1);
	assert.match(odd.stdout + odd.stderr, /no-such/);
	assert.ok(existsSync(ECHO));
});
