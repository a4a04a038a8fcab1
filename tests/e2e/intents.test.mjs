// SPDX-License-Identifier: Apache-2.0
//
// `baton intents`: how well the shop's examples teach its classifier, and which messages of a journal
// would teach it most.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baton, ROOT, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';

const SHOP = path.join(ROOT, 'policies', 'shop');

function intents(...args) {
	const out = run(['intents', ...args]);
	return { ...out, json: out.code === 0 && args.includes('--json') ? JSON.parse(out.stdout) : null };
}

describe('eval', () => {
	test('the examples are asked of a classifier that was taught without them', () => {
		const html = path.join(tempDir(), 'intents.html');
		const { code, json, stderr } = intents('eval', '--policies', SHOP, '--json', '--html', html);
		assert.equal(code, 0, stderr);
		assert.equal(json.folds, 5);
		assert.ok(json.messages > 400);
		assert.ok(json.right / json.in_scope > 0.75, `${json.right} of ${json.in_scope}`);
		assert.ok(json.right < json.messages, 'a classifier that was taught with them would be always right');
		assert.equal(json.calibration.reduce((n, bin) => n + bin.n, 0), json.messages);
		const high = json.calibration[9], low = json.calibration[1];
		assert.ok(high.right / high.n > low.right / low.n, 'what is surer is more often right');
		for (let i = 1; i < json.levels.length; i++)
			if (json.levels[i].threshold)
				assert.ok(json.levels[i].threshold >= json.levels[i - 1].threshold);
		const page = readFileSync(html, 'utf8');
		assert.match(page, /<svg/);
		assert.doesNotMatch(page, /<script/);
	});

	test('a file of labelled messages, also of such that belong to nothing', () => {
		const file = path.join(tempDir(), 'asked.tsv');
		writeFileSync(file, 'label\ttext\norder-status\twhere is my parcel\nnone\twho won the chess championship\n' +
			'{"intent":"refund-policy","text":"when do I get my money back"}\n');
		const { code, json, stderr } = intents('eval', file, '--policies', SHOP, '--json', '--precision', '95%');
		assert.equal(code, 0, stderr);
		assert.equal(json.messages, 3);
		assert.equal(json.in_scope, 2);
		assert.equal(json.right, 2);
		assert.equal(json.levels.length, 1);
		assert.equal(json.out_of_scope_auroc, 1);
	});

	test('what is no labelled message is refused with its line', () => {
		const file = path.join(tempDir(), 'bad.tsv');
		for (const [text, says] of [['order-status where is it\n', /bad\.tsv:1: must be/],
			['order-status\tx y\nno-such-intent\thello there\n', /no intent `no-such-intent`/], ['', /empty/]]) {
			writeFileSync(file, text);
			const { code, stderr } = intents('eval', file, '--policies', SHOP);
			assert.equal(code, 1);
			assert.match(stderr, says);
		}
	});
});

describe('suggest', () => {
	let baton;
	before(async () => { baton = await Baton.start({}); });
	after(async () => { if (baton?.alive) await baton.kill().catch(() => {}); });

	test('unsure messages are listed once, known examples and clear ones are not', async () => {
		const says = ['Where is my order?', 'purple monkeys dance in the zoo', 'Purple monkeys dance in the ZOO!',
			'my delivery charge and the refund of my address'];
		for (const text of says) {
			const who = new Customer(baton);
			await who.connect();
			const { seq } = await who.say(text);
			await who.outcome(seq);
			if (text === says[0])
				await who.feedback('down');
		}
		const { code, json, stderr } = intents('suggest', '--policies', SHOP, '--data', baton.data, '--json');
		assert.equal(code, 0, stderr);
		const texts = json.suggestions.map((s) => s.text.toLowerCase());
		const zoo = json.suggestions.find((s) => /monkeys/i.test(s.text));
		assert.equal(texts.filter((t) => t.includes('monkeys')).length, 1);
		assert.equal(zoo.times, 2);
		assert.ok(zoo.out_of_scope_ppm > 500000);
		assert.ok(!json.suggestions.some((s) => s.out_of_scope_ppm < 100000 && s.confidence_ppm > 900000 && !s.disliked));
		const { stdout } = intents('suggest', '--policies', SHOP, '--data', baton.data);
		assert.match(stdout, /would teach something/);
	});

	test('without a journal it says so', () => {
		const { code, stderr } = intents('suggest', '--policies', SHOP, '--data', tempDir());
		assert.equal(code, 1);
		assert.match(stderr, /nothing was ever written|cannot be read/);
	});
});
