// SPDX-License-Identifier: Apache-2.0
//
// `baton report` over conversations that are counted by hand here: beside the running server, after a
// kill, with a substitute that answers and with nobody who can.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AGENTS, Baton, ROOT, run, tempDir } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { lookAt } from '../lib/page.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { HostileProvider } from '../fault/provider.mjs';

let provider;
const open = [];
before(async () => { provider = await new HostileProvider().start(); });
after(async () => {
	await provider?.stop();
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});

async function start(options) {
	const baton = await Baton.start(options);
	open.push(baton);
	return baton;
}

function report(baton, ...args) {
	const out = run(['report', '--data', baton.data, '--json', ...args]);
	assert.equal(out.code, 0, out.stderr);
	const json = JSON.parse(out.stdout);
	const metric = (name) => json.metrics.find((m) => m.name === name);
	const figure = (name) => json.figures.find((f) => f.name === name);
	const intent = (name) => json.intents.find((i) => i.intent === name);
	return { ...json, metric, figure, intent };
}

async function customer(baton) {
	const who = new Customer(baton);
	await who.connect();
	return who;
}

async function asked(baton, text) {
	const who = await customer(baton);
	const { seq } = await who.say(text);
	await who.outcome(seq);
	return who;
}

const sum = (a, b) => Object.fromEntries(Object.keys(a).map((key) => [key, a[key] + b[key]]));

describe('a day at the shop', () => {
	let baton, figures;

	before(async () => {
		baton = await start({ env: { BATON_SECRET_AGENT_NINA_TOKEN: AGENTS.nina } });
		const nina = new Agent(baton, { token: AGENTS.nina, name: 'nina' });
		await nina.connect();
		await nina.desk();
		// Three are answered; one likes it, one does not.
		const [a, b] = [await asked(baton, 'Where is my order?'), await asked(baton, 'Where is my order?')];
		await asked(baton, 'Where is my order?');
		await a.feedback('up');
		await b.feedback('down');
		// Two drafts: one is sent as it is, one with other words.
		for (const action of ['accept', 'edit']) {
			const who = await customer(baton);
			await who.say('I was charged twice for my order');
			const seen = await nina.case(who.session, (c) => c.state === 'waiting');
			assert.ok(seen);
			await nina.follow(who.session);
			await nina.claim(who.session);
			const draft = await nina.event(who.session, 'draft_proposed');
			await nina.draft(who.session, draft.seq, action, action === 'edit' ? { text: 'Something else entirely.' } : {});
			await nina.resolve(who.session, 'done');
		}
		// One wants a person, is given back, and asks the bot.
		const f = await customer(baton);
		await f.say('I want to talk to a human');
		await nina.case(f.session, (c) => c.state === 'waiting');
		await nina.follow(f.session);
		await nina.claim(f.session);
		await nina.reply(f.session, 'Here I am.');
		await nina.handback(f.session);
		const { seq } = await f.say('What are your opening hours?');
		await f.answer(seq);
		// One waits; one gives up.
		await asked(baton, 'I want to talk to a human');
		const gone = await asked(baton, 'I want to talk to a human');
		gone.send({ t: 'close' }, { unchecked: true });
		await gone.event('session_resolved');
		figures = report(baton);
	});

	test('turns and their outcomes are those that were held', () => {
		const counts = sum(figures.counts.healthy, figures.counts.degraded);
		assert.equal(counts.conversations, 8);
		assert.equal(counts.turns, 9);
		assert.equal(counts.answered, 4);
		assert.equal(counts.drafted, 2);
		assert.equal(counts.handed_over, 3);
		assert.equal(counts.captured, 0);
		assert.equal(figures.counts.degraded.turns, 0);
		assert.equal(figures.intent('order-status').healthy.turns, 3);
		assert.equal(figures.intent('billing-question').healthy.drafted, 2);
		assert.equal(figures.metric('escalation_rate').all, 0.3333);
	});

	test('people, drafts and judgements are counted', () => {
		const counts = figures.counts.healthy;
		assert.equal(counts.reviewed, 2);
		assert.equal(counts.overridden, 1);
		assert.equal(figures.metric('override_rate').all, 0.5);
		assert.equal(figures.metric('edit_distance').all.n, 2);
		assert.equal(counts.rated, 2);
		assert.equal(figures.metric('satisfaction').all, 0.5);
		assert.equal(counts.redone, 2); // the edited draft, the thumb down
		assert.equal(figures.metric('rework_rate').all, Number((2 / 6).toFixed(4)));
		assert.equal(counts.handoffs, 3);
		assert.equal(counts.handoffs_full, 3);
		assert.equal(counts.resumes, 1);
		assert.equal(figures.metric('handle_time').all.n, 3);
		assert.equal(figures.metric('wait_time').all.n, 3);
		assert.equal(counts.abandoned, 1);
		assert.equal(figures.metric('abandonment_rate').all, 0.3333);
	});

	test('one case waits at the end, none did at the start', () => {
		assert.equal(figures.figure('backlog_start').value, 0);
		assert.equal(figures.figure('backlog_end').value, 1);
		assert.equal(figures.figure('backlog_growth').value, 1);
		assert.ok(figures.figure('backlog_age_oldest').value >= 0);
	});

	test('every metric is explained in docs/REPORT.md under its requirement', () => {
		const docs = readFileSync(path.join(ROOT, 'docs', 'REPORT.md'), 'utf8');
		for (const { name, requirement } of [...figures.metrics, ...figures.figures]) {
			const row = docs.split('\n').find((line) => line.includes(`\`${name}\``));
			assert.ok(row, `${name} is not in docs/REPORT.md`);
			assert.ok(row.includes(requirement), `${name}: ${requirement} is not in its row`);
		}
		for (let r = 133; r <= 142; r++)
			assert.ok(docs.includes(`R${r}`), `R${r}`);
	});

	test('a kill changes no figure, nor does a window that begins between the events', async () => {
		await baton.kill();
		await baton.start();
		const again = report(baton);
		assert.deepEqual(again.counts, figures.counts);
		assert.deepEqual(again.metrics, figures.metrics);
		// The second half alone, its conversations primed with what came before.
		const none = report(baton, '--since', '0s');
		assert.equal(none.counts.healthy.turns, 0);
		assert.equal(none.figure('backlog_start').value, 1);
		assert.equal(none.figure('backlog_end').value, 1);
		await baton.stop();
		assert.deepEqual(report(baton).counts, figures.counts, 'of a stopped server as well');
	});

	test('text and page say the same, the page in a browser', async () => {
		const file = path.join(tempDir('page'), 'report.html');
		const text = run(['report', '--data', baton.data, '--html', file]);
		assert.equal(text.code, 0, text.stderr);
		assert.match(text.stdout, /escalation_rate +R133 +33\.3 % of 9/);
		assert.match(text.stdout, /backlog_growth +R133 +1 /);
		for (const line of text.stdout.split('\n'))
			assert.ok(line.length <= 140, `a line is ${line.length} wide: ${line}`);
		await lookAt(file, 'report', async (page) => {
			assert.match(await page.locator('tr', { hasText: 'escalation_rate' }).innerText(), /33\.3 % of 9/);
			assert.equal(await page.locator('figure svg[role=img]').count(), 3);
		});
	});
});

describe('a primary that is down', () => {
	test('degraded turns stand beside healthy ones, with what they cost', async () => {
		const models = ['S16#report', 'ok#report'];
		const baton = await start({ policies: simpleSet(provider.url, { models }), env: KEY_ENV });
		const sessions = [];
		for (let i = 0; i < 4; i++)
			sessions.push((await asked(baton, `Where is order ${i}?`)).session);
		const figures = report(baton);
		const events = sessions.flatMap((session) => baton.transcript(session));
		const of = (type) => events.filter((e) => e.type === type);
		assert.equal(figures.counts.degraded.turns, 4);
		assert.equal(figures.counts.degraded.fallbacks, 4);
		assert.equal(figures.counts.healthy.turns, 0);
		assert.equal(figures.metric('fallback_frequency').all, 1);
		assert.equal(figures.figure('degraded_share').value, 1);
		assert.equal(figures.counts.degraded.attempts, of('route_selected').length);
		assert.equal(figures.counts.degraded.failed_attempts, of('model_failed').length);
		const times = of('answer_generated').map((e) => e.ts - of('message_received').findLast((m) => m.ts <= e.ts).ts);
		assert.equal(figures.metric('response_time').degraded.mean, Math.round(times.reduce((a, b) => a + b) / 4));
		const worst = figures.targets[0];
		assert.equal(worst.target, 't0');
		assert.equal(worst.failed, of('model_failed').filter((e) => e.data.target === 't0').length);
		assert.deepEqual(new Set(worst.troubled).size > 0 && worst.troubled.every((id) => sessions.includes(id)), true);
		await baton.stop();
	});

	test('nobody left to ask is a degraded hand-over', async () => {
		const baton = await start({ policies: simpleSet(provider.url, { models: ['S16#alone'] }), env: KEY_ENV });
		await asked(baton, 'Where is my order?');
		const figures = report(baton);
		assert.equal(figures.counts.degraded.handed_over, 1);
		assert.equal(figures.metric('escalation_rate').degraded, 1);
		assert.equal(figures.metric('downstream_impact').all, 1);
		await baton.stop();
	});
});

describe('asking wrongly', () => {
	const refused = (...args) => run(['report', ...args]);

	test('is refused in words', () => {
		assert.equal(refused('--since', 'yesterday').code, 2);
		assert.match(refused('--since', '24').stderr, /is no time/);
		assert.equal(refused('--until', '2026-13-40').code, 2);
		assert.match(refused('--since', '1h', '--until', '2h').stderr, /lies behind/);
		const nowhere = refused('--data', tempDir('nothing'));
		assert.equal(nowhere.code, 1);
		assert.match(nowhere.stderr, /--data/);
		assert.equal(refused('--labour-usd', '-1').code, 2);
	});
});
