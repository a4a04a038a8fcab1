// SPDX-License-Identifier: Apache-2.0
//
// `baton rules diff`: recorded conversations, decided again by a changed set, beside the server that
// serves the unchanged one - also when its very files have been changed already.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baton, ROOT, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';

const SHOP = path.join(ROOT, 'policies/shop');
const open = [];
after(async () => {
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});

function copyOfTheShop() {
	const dir = path.join(tempDir(), 'shop');
	cpSync(SHOP, dir, { recursive: true });
	return dir;
}

function edit(dir, file, from, to) {
	const name = path.join(dir, file);
	const text = readFileSync(name, 'utf8');
	assert.ok(text.includes(from), `${file} has ${from}`);
	writeFileSync(name, text.replace(from, to));
}

function diff(baton, ...args) {
	return run(['rules', 'diff', '--data', baton.data, ...args]);
}

function diffJson(baton, code, ...args) {
	const out = diff(baton, '--json', ...args);
	assert.equal(out.code, code, out.stdout + out.stderr);
	return JSON.parse(out.stdout);
}

describe('a changed set, over what was recorded', () => {
	let baton, policies, sessions;

	before(async () => {
		policies = copyOfTheShop();
		baton = await Baton.start({ policies });
		open.push(baton);
		sessions = [];
		for (let i = 0; i < 6; i++) {
			const who = new Customer(baton);
			await who.connect();
			const { seq } = await who.say(i < 4 ? 'Where is my order?' : 'When do I get my refund?');
			await who.outcome(seq);
			sessions.push(who.session);
		}
	});

	test('the same set changes nothing, and the exit code says so', () => {
		const { diff, files_changed } = diffJson(baton, 0);
		assert.deepEqual(files_changed, []);
		assert.equal(diff.decisions, 6);
		assert.equal(diff.changed, 0);
		assert.deepEqual(diff.examples, []);
	});

	test('a new rule is shown with whom it concerns, where they would go and which values decide', () => {
		const other = copyOfTheShop();
		edit(other, 'escalation.yaml', 'rules:\n', `rules:
- id: orders-to-people
  when: intent == "order-status" && exchanges < 3
  action: escalate_now
  queue: billing
  priority: 1
  reason: We are moving house
`);
		const { diff: found, files_changed } = diffJson(baton, 3, '--policies', other);
		assert.deepEqual(files_changed, ['escalation.yaml']);
		assert.equal(found.changed, 4);
		assert.equal(found.rules, 4);
		assert.equal(found.intents, 0);
		assert.equal(found.queues[0].queue, 'billing');
		assert.equal(found.queues[0].new - found.queues[0].old, 4);
		const [example] = found.examples;
		assert.equal(example.count, 4);
		assert.ok(sessions.slice(0, 4).includes(example.session));
		assert.match(example.old, /^answer by /);
		assert.match(example.new, /^person, queue billing, priority 1 .*orders-to-people/);
		const rule = example.rules.find((r) => r.rule === 'orders-to-people');
		assert.equal(rule.old, null);
		assert.equal(rule.new.explained.verdict, true);
		assert.equal(rule.new.explained.terms[0].facts.intent, 'order-status');

		const text = diff(baton, '--policies', other);
		assert.equal(text.code, 3, text.stderr);
		assert.match(text.stdout, /: 1 file changed: escalation\.yaml\n4 of 6 recorded decisions would change \(66\.7 %\); worst: queue billing/);
		assert.match(text.stdout, /new: intent == "order-status" && exchanges < 3 => true {3}\(intent = "order-status", exchanges = 0\)/);
	});

	test('another target, and another classifier, are seen', () => {
		const other = copyOfTheShop();
		const file = readdirSync(path.join(other, 'intents'))
			.find((f) => readFileSync(path.join(other, 'intents', f), 'utf8').includes('name: order-status'));
		const name = path.join(other, 'intents', file);
		// What asked for an order is now an example of something else.
		const text = readFileSync(name, 'utf8');
		const at = text.indexOf('- name: order-status');
		const examples = text.indexOf('examples:', at);
		writeFileSync(name, `${text.slice(0, examples)}examples:
  - zzz qqq xxx
  - qqq zzz yyy
${text.slice(text.indexOf('\n- name:', examples) < 0 ? text.length : text.indexOf('\n- name:', examples) + 1)}`);
		const { diff: found } = diffJson(baton, 3, '--policies', other);
		assert.equal(found.classified, true);
		assert.ok(found.intents >= 1, JSON.stringify(found));
	});

	test('files that were changed in place are compared with what the server has read', () => {
		edit(policies, 'escalation.yaml', 'rules:\n', `rules:
- id: everybody
  when: exchanges >= 0
  action: escalate_now
  reason: All of them
`);
		const { diff: found, files_changed, new: path_ } = diffJson(baton, 3);
		assert.equal(path_, policies);
		assert.deepEqual(files_changed, ['escalation.yaml']);
		assert.equal(found.changed, 6);
		// The server serves on, by the old rules.
		assert.ok(baton.alive);
	});

	test('a set that cannot be used is refused with its place; so is a window that is none', () => {
		const other = copyOfTheShop();
		edit(other, 'escalation.yaml', 'when: asked_human', 'when: asked_humn');
		const out = diff(baton, '--policies', other);
		assert.equal(out.code, 1);
		assert.match(out.stderr, /did you mean `asked_human`/);
		assert.equal(diff(baton, '--since', 'yesterday').code, 2);
		assert.equal(run(['rules', 'undo', '--data', baton.data]).code, 2);
	});

	test('a window without decisions says so', () => {
		const out = diff(baton, '--since', '2020-01-01', '--until', '2020-01-02');
		assert.equal(out.code, 0, out.stderr);
		assert.match(out.stdout, /No decision was recorded/);
	});
});

test('without a server, two sets are compared over its journal', async () => {
	const baton = await Baton.start({ policies: SHOP });
	open.push(baton);
	const who = new Customer(baton);
	await who.connect();
	const { seq } = await who.say('Where is my order?');
	await who.outcome(seq);
	await baton.stop();

	const none = diff(baton, '--policies', SHOP);
	assert.equal(none.code, 4);
	assert.match(none.stderr, /--against DIR/);
	const other = copyOfTheShop();
	edit(other, 'escalation.yaml', 'rules:\n', `rules:
- id: everybody
  when: exchanges >= 0
  action: escalate_now
  reason: All of them
`);
	assert.equal(diffJson(baton, 3, '--against', SHOP, '--policies', other).diff.changed, 1);
	assert.equal(diffJson(baton, 0, '--against', SHOP, '--policies', SHOP).diff.changed, 0);
});
