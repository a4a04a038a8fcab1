// SPDX-License-Identifier: Apache-2.0
//
// `baton eval`: the same conversations with two sets, each in a whole server of its own. What was said is
// taken from a file or from a journal; the server that serves is not touched.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baton, ROOT, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';

const SHOP = path.join(ROOT, 'policies/shop');
const SCENARIOS = path.join(ROOT, 'tests/data/scenarios/scenarios.jsonl');
const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('baton-eval-'));
const MS = { timeout: 60000 };

function copyOfTheShop(file, from, to) {
	const dir = path.join(tempDir(), 'shop');
	cpSync(SHOP, dir, { recursive: true });
	if (file) {
		const text = readFileSync(path.join(dir, file), 'utf8');
		assert.ok(text.includes(from), `${file} has ${from}`);
		writeFileSync(path.join(dir, file), text.replace(from, to));
	}
	return dir;
}

function conversations(...talks) {
	const file = path.join(tempDir(), 'talks.jsonl');
	writeFileSync(file, talks.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n'));
	return file;
}

describe('the same conversations with two sets', () => {
	const before = left();

	test('a set beside itself changes nothing, and nothing is left behind', () => {
		const out = run(['eval', SCENARIOS, '--policies', SHOP, '--against', SHOP, '--json'], MS);
		assert.equal(out.code, 0, out.stderr + out.stdout);
		const { conversations: n, messages, changed, old, new: now, differences } = JSON.parse(out.stdout);
		assert.equal(n, 27);
		assert.ok(messages >= 27, `${messages} messages`);
		assert.equal(changed, 0);
		assert.deepEqual(differences, []);
		for (const side of [old, now])
			assert.equal(side.answered + side.drafted + side.handed_over + side.kept, messages, 'every message has its outcome');
		assert.equal(old.no_outcome, 0);
		assert.deepEqual([now.answered, now.drafted, now.handed_over], [old.answered, old.drafted, old.handed_over]);
		assert.deepEqual(left().filter((name) => !before.includes(name)), []);
	});

	test('a stricter rule hands over what was answered, and each difference says how', () => {
		const candidate = copyOfTheShop('escalation.yaml', '- id: not-understood-again', '- id: everything\n  when: exchanges >= 0\n  action: escalate_now\n  priority: 1\n  reason: A test\n\n- id: not-understood-again');
		const html = path.join(tempDir(), 'eval.html');
		const file = conversations({ id: 'hours <b>', turns: ['When are you open?', 'And on Sundays?'] }, { turns: ['How long does a refund take?'] });
		const out = run(['eval', file, '--policies', candidate, '--against', SHOP, '--json', '--html', html], MS);
		assert.equal(out.code, 3, out.stderr);
		const { messages, changed, by, differences } = JSON.parse(out.stdout);
		assert.deepEqual([messages, changed, by.outcome, by.rule], [2, 2, 2, 2], 'only what both were asked counts');
		const one = differences.find((d) => d.conversation === 'hours <b>');
		assert.deepEqual([one.message, one.said, one.old.outcome, one.new.outcome, one.new.rule], [1, 'When are you open?', 'answered', 'handed over', 'everything']);
		assert.equal(one.old.sources, 'opening-hours');
		assert.equal(differences.find((d) => d.conversation === 'line 2').message, 1);
		const page = readFileSync(html, 'utf8');
		assert.match(page, /hours &lt;b&gt;, 1/);
		assert.doesNotMatch(page, /<b>|<script/);

		const text = run(['eval', file, '--policies', candidate, '--against', SHOP], MS);
		assert.equal(text.code, 3);
		assert.match(text.stdout, /2 of 2 messages \(100\.0 %\) would be treated otherwise: outcome 2, rule 2/);
		assert.match(text.stdout, /message 1: "When are you open\?"\n {4}now +answered, .*from opening-hours\n(.*\n)? {4}candidate +handed over, .*rule everything/);
	});

	test('other words in an article are another text, and nothing else', () => {
		const candidate = copyOfTheShop();
		writeFileSync(path.join(candidate, 'knowledge/opening-hours.md'), readFileSync(path.join(SHOP, 'knowledge/opening-hours.md'), 'utf8').replace(/(---\n[\s\S]*?---\n)[\s\S]*/, '$1\nCustomer service and chat are open at any time of day or night. The telephone rings from nine until noon, and the showroom sleeps.\n'));
		const out = run(['eval', conversations({ turns: ['When are you open?'] }), '--policies', candidate, '--against', SHOP, '--json'], MS);
		const { changed, by, differences } = JSON.parse(out.stdout);
		assert.deepEqual([out.code, changed, by.words], [0, 0, 1], out.stderr);
		assert.match(differences[0].new.text, /night/);
	});
});

describe('what customers have said', () => {
	let baton;

	before(async () => {
		baton = await Baton.start({ policies: SHOP });
		const one = new Customer(baton);
		await one.connect();
		await one.answer((await one.say('When are you open?')).seq);
		await one.answer((await one.say('How much is shipping?')).seq);
		await one.end();
	});
	after(async () => {
		if (baton?.alive)
			await baton.stop();
	});

	test('is taken from the journal, beside the server that runs, which is compared with', () => {
		const records = JSON.parse(run(['status', '--data', baton.data, '--json']).stdout);
		const out = run(['eval', '--data', baton.data, '--policies', SHOP, '--json'], MS);
		assert.equal(out.code, 0, out.stderr + out.stdout);
		const { conversations: n, messages, changed, old } = JSON.parse(out.stdout);
		assert.deepEqual([n, messages, changed, old.answered], [1, 2, 0, 2]);
		const after = JSON.parse(run(['status', '--data', baton.data, '--json']).stdout);
		assert.deepEqual(after.journal?.records, records.journal?.records, 'nothing of it was written there');
		const none = run(['eval', '--data', baton.data, '--policies', SHOP, '--until', '2020-01-01T00:00Z', '--since', '2019-01-01T00:00Z'], MS);
		assert.equal(none.code, 1);
		assert.match(none.stderr, /nobody has said anything in that time/);
	});
});

test('bad input is refused with its place and its reason', () => {
	const refused = (file, ...more) => run(['eval', file, '--policies', SHOP, '--against', SHOP, ...more], MS);
	for (const [lines, why] of [
		[['{"turns":["a"]}', 'nonsense'], /talks\.jsonl:2: the line is no JSON object/],
		[['{"id":"x"}'], /:1: the line has no list `turns`/],
		[['{"turns":[]}'], /:1: the line has nothing in `turns`/],
		[['{"turns":[7]}'], /:1: the line has something in `turns` that is no text/],
		[[''], /there is no conversation in it/],
	]) {
		const out = refused(conversations(...lines));
		assert.equal(out.code, 1);
		assert.match(out.stderr, why);
	}
	assert.match(refused('/nowhere/talks.jsonl').stderr, /No such file/);
	const broken = copyOfTheShop('routes.yaml', 'primary: shop_knowledge', 'primary: nobody');
	const out = run(['eval', conversations({ turns: ['hi'] }), '--policies', broken, '--against', SHOP], MS);
	assert.equal(out.code, 1);
	assert.match(out.stderr, /did not start; run `baton check/);
	const nobody = run(['eval', conversations({ turns: ['hi'] }), '--policies', SHOP, '--data', tempDir()], MS);
	assert.equal(nobody.code, 4);
	assert.match(nobody.stderr, /--against DIR/);
	assert.equal(run(['eval', '--since', 'yesterday']).code, 2);
});
