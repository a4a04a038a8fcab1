// SPDX-License-Identifier: Apache-2.0
//
// `baton knowledge search` and `check`: what an admin sees of the articles, through the retriever and the
// classifier that would serve them. And what the server makes of it: what is for agents only is helped with
// and never said, what is past its date is read by a person first.

import assert from 'node:assert/strict';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { AGENTS, Baton, ROOT, run, tempDir } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';

const dirs = [];
after(() => dirs.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

/** The shop with these articles instead of, or beside, its own; null takes one away. */
function shop(articles = {}) {
	const dir = tempDir();
	dirs.push(dir);
	cpSync(path.join(ROOT, 'policies/shop'), dir, { recursive: true });
	for (const [name, text] of Object.entries(articles)) {
		const file = path.join(dir, 'knowledge', `${name}.md`);
		if (text === null)
			rmSync(file);
		else
			writeFileSync(file, text);
	}
	return dir;
}
const article = (front, body) => `---\n${front.trim()}\n---\n${body}\n`;
async function check(articles) {
	const { code, stdout } = await run(['knowledge', 'check', shop(articles), '--json']);
	return { code, ...JSON.parse(stdout) };
}
const found = (report, name) => report.findings.filter(({ check }) => check === name);
async function search(question, options = [], articles = {}) {
	const { code, stdout, stderr } = await run(['knowledge', 'search', question, '--policies', shop(articles), '--json', ...options]);
	assert.equal(code, 0, stderr);
	return JSON.parse(stdout);
}

describe('search', () => {
	test('a question finds its passage, and is told why', async () => {
		const { intent, docs } = await search('how do I send back a sofa?');
		assert.equal(intent, 'return-policy');
		assert.equal(docs[0].id, 'return-furniture');
		assert.equal(docs[0].stale, false);
		assert.ok(docs[0].score_ppm > 500000);
		assert.deepEqual(docs[0].why, ['also asked as: Can I send back a sofa?', 'words of the question: send, sofa', 'serves the intent return-policy']);
	});
	test('intent, number and language are what is said', async () => {
		const { intent, docs } = await search('money', ['--intent=refund-policy', '--k=1', '--language=de']);
		assert.equal(intent, 'refund-policy');
		assert.deepEqual(docs.map(({ id }) => id), ['refunds']);
	});
	test('what is for agents is shown to who asks for it', async () => {
		const articles = { goodwill: article('title: Goodwill for late parcels\naudience: agents\nupdated: 2026-11-01', 'Up to 20 pounds without asking anybody.') };
		const customers = await search('goodwill for late parcels', [], articles);
		assert.ok(customers.docs.every(({ id }) => id !== 'goodwill'));
		const { docs } = await search('goodwill for late parcels', ['--for-agents'], articles);
		assert.equal(docs[0].id, 'goodwill');
		assert.equal(docs[0].audience, 'agents');
	});
	test('a passage has a name that stays, a stale one says so', async () => {
		const { docs } = await search('how do I feed the ship cat', ['--k=1'], {
			cat: article('title: The ship cat\nupdated: 2025-01-01\nvalid_until: 2025-02-01', `${'She sleeps. '.repeat(60)}\n\n## Feeding her\n\nFeed the ship cat at noon.`),
		});
		assert.equal(docs[0].passage, 'cat#feeding-her');
		assert.equal(docs[0].stale, true);
		assert.ok(docs[0].why.includes('ranked lower: it was valid until 2025-02-01'));
	});
	test('nothing found, and no question at all', async () => {
		assert.deepEqual((await search('zzyzx qwrtk')).docs, []);
		assert.equal((await run(['knowledge', 'search'])).code, 2);
		assert.equal((await run(['knowledge', 'search', 'x', '--k=0'])).code, 2);
		assert.equal((await run(['knowledge', 'search', 'x', '--policies=/nowhere'])).code, 1);
	});
	test('for people it is a few lines', async () => {
		const { stdout } = await run(['knowledge', 'search', 'where is my parcel', '--k=1']);
		assert.match(stdout, /^understood as order-status \(0\.\d\d\)\n0\.\d\d {2}track-an-order +Where is my order\?\n {6}also asked as: /);
	});
});

describe('check', () => {
	test('the shop has no error and no warning', async () => {
		const report = await check();
		assert.equal(report.code, 0);
		assert.deepEqual([report.errors, report.warnings], [0, 0], JSON.stringify(report.findings));
	});
	test('dates that are over, nearly over, or long ago', async () => {
		const soon = new Date(Date.now() + 5 * 86400000).toISOString().slice(0, 10);
		const report = await check({
			'xmas-a': article('title: Lanterns\nalso: [lantern oil]\nupdated: 2025-01-01\nvalid_until: 2025-02-01', 'Lanterns take oil.'),
			'xmas-b': article(`title: Candles\nalso: [candle wax]\nupdated: 2026-01-01\nvalid_until: ${soon}`, 'Candles are wax.'),
			'xmas-c': article('title: Torches\nalso: [torch light]\nupdated: 2023-01-01', 'Torches burn.'),
		});
		assert.equal(report.code, 0);
		assert.match(found(report, 'past')[0].message, /valid until 2025-02-01/);
		assert.match(found(report, 'soon-past')[0].message, /5 more days/);
		assert.match(found(report, 'old')[0].message, /2023-01-01/);
	});
	test('links that lead nowhere are errors', async () => {
		const report = await check({
			lanterns: article('title: Lanterns\nalso: [lantern oil]\nupdated: 2026-01-01',
				'See [oil](lamp-oil.md), [below](#burning), [above](#filling), [returns](returns.md), [us](https://x.example/y.md).\n\n## Filling\n\nLanterns take oil.'),
		});
		assert.equal(report.code, 1);
		assert.deepEqual(found(report, 'link').map(({ message }) => message), ['links to lamp-oil.md: no article of that name', 'links to #burning: no heading of that name']);
	});
	test('two that say the same, and a phrasing that finds another', async () => {
		const text = 'Lanterns take half a pint of lamp oil, which lasts for nine hours if the wick is trimmed and the glass is clean, and less in the wind.';
		const report = await check({
			lanterns: article('title: Lanterns\nalso: [lantern oil]\nupdated: 2026-01-01', text),
			'ship-lanterns': article('title: Lanterns on ships\nalso: [How long does delivery take?]\nupdated: 2026-01-01', `${text} Ahoy.`),
		});
		assert.match(found(report, 'duplicate')[0].message, /nearly the same as knowledge\/lanterns\.md/);
		assert.ok(found(report, 'finds-another').some(({ file, message }) => file === 'knowledge/ship-lanterns.md' && message.includes('delivery-times.md first')));
	});
	test('no phrasing, no headings, a paragraph without end', async () => {
		const report = await check({ lanterns: article('title: Lanterns\nupdated: 2026-01-01', 'Lanterns take oil, which burns. '.repeat(100)) });
		assert.deepEqual(report.findings.filter(({ file }) => file.includes('lanterns')).map((one) => one.check).sort(), ['also', 'headings', 'long-paragraph', 'unreached']);
	});
	test('an intent without its article is noted', async () => {
		const report = await check({ 'gift-wrapping': null });
		assert.ok(found(report, 'intent').some(({ message }) => message.includes('`gift-wrapping`')));
	});
	test('a set that cannot be used is refused', async () => {
		const { code, stderr } = await run(['knowledge', 'check', shop({ bad: 'no front matter' })]);
		assert.equal(code, 1);
		assert.match(stderr, /run `baton check/);
	});
});

describe('served', () => {
	const LANTERNS = {
		lanterns: article('title: How do I fill a ship lantern?\nalso: [ship lantern oil]\nupdated: 2024-01-01\nvalid_until: 2024-12-31', 'Fill a ship lantern with a pint of whale oil.'),
		goodwill: article('title: Goodwill for a dented lighthouse model\nalso: [dented lighthouse model]\naudience: agents\nupdated: 2026-11-01', 'Give up to 20 pounds for a dented lighthouse model.'),
	};
	let baton;
	after(() => baton?.kill().catch(() => {}));

	test('a stale page makes a draft, an article for agents helps them alone', async () => {
		baton = await Baton.start({ policies: shop(LANTERNS), env: { BATON_SECRET_AGENT_NINA_TOKEN: AGENTS.nina } });
		const nina = new Agent(baton, { token: AGENTS.nina, name: 'nina' });
		await nina.connect();
		await nina.desk();
		const one = new Customer(baton);
		await one.connect();
		await one.say('How do I fill a ship lantern?');
		await one.event('case_queued');
		await nina.follow(one.session);
		const draft = nina.screen(one.session).event('draft_proposed').value;
		assert.match(draft.text, /pint of whale oil[^]*valid until 2024-12-31/);
		assert.equal(draft.stale, 1);

		const two = new Customer(baton);
		await two.connect();
		const asked = await two.say('dented lighthouse model');
		await two.answer(asked.seq);
		await baton.kill();
		const of = ({ session }, name) => baton.transcript(session).filter((event) => event.type === name).map(({ data }) => data);
		assert.equal(JSON.stringify(baton.transcript(two.session)).includes('20 pounds'), false);
		assert.ok(of(two, 'sources_retrieved').every(({ sources }) => sources.every(({ id }) => id !== 'goodwill')));
		assert.equal(of(one, 'sources_retrieved')[0].sources[0].stale, true);
		assert.equal(of(one, 'policy_decided').at(-1).rule, 'out-of-date');
	});
});
