// SPDX-License-Identifier: Apache-2.0
//
// Twenty-seven real conversations, typed again by real clients: the demonstration policies with all
// targets on an independent OpenAI mock. What is checked is not how clever the answers are but that
// every turn has one outcome, nothing is lost, the order is kept, and who asked for a person got one.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { LLMock } from '@copilotkit/aimock';
import { AGENTS, Baton, ROOT, SLOW } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, openai, shopSet, desk } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';

const scenarios = readFileSync(path.join(ROOT, 'tests/data/scenarios/scenarios.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const clients = [];
const results = new Map();
const agents = [];
let mock, baton;

// All targets of the set, whatever their provider, are asked of the mock instead.
function openaiSet(url) {
	const shop = path.join(ROOT, 'policies/shop');
	const names = [...readFileSync(path.join(shop, 'targets.yaml'), 'utf8').matchAll(/^\s*-?\s*name:\s*["']?([\w.-]+)/gm)].map((m) => m[1]);
	assert.ok(names.length > 0, 'the demonstration set has targets');
	const modules = readFileSync(path.join(shop, 'modules.yaml'), 'utf8');
	const indent = modules.match(/^modules:\s*\n(?:\s*#.*\n|\s*\n)*(\s*)-/m)?.[1] ?? '  ';
	return shopSet({
		'targets.yaml': { targets: names.map((name) => ({ name, provider: 'mock', model: `replay-${name}`, account: 'mock' })) },
		'modules.yaml': `${modules.trimEnd()}\n${indent}- ${JSON.stringify(openai(url, 'mock'))}\n`,
		'desk.yaml': mergedDesk(shop),
	});
}

// The demonstration's queues, our agents.
function mergedDesk(shop) {
	const text = readFileSync(path.join(shop, 'desk.yaml'), 'utf8');
	const queues = [...text.split(/^queues:/m)[1].split(/^\w+:/m)[0].matchAll(/-\s*\{?\s*name:\s*["']?([\w.-]+)/g)].map((m) => ({ name: m[1] }));
	const first = text.match(/^default_queue:\s*["']?([\w.-]+)/m)[1];
	return { ...desk(), queues: queues.length ? queues : [{ name: first }], default_queue: first };
}

before(async () => {
	mock = new LLMock({ port: 0, chunkSize: 12 });
	mock.on({ model: /^replay-/ }, (request) => {
		const last = request.messages.findLast((m) => m.role === 'user');
		const content = typeof last?.content === 'string' ? last.content : JSON.stringify(last?.content);
		return { content: `You wrote ${content.length} characters: ${content.slice(0, 60)}` };
	}, { latency: 1 });
	await mock.start();
	baton = await Baton.start({ policies: openaiSet(`${mock.url}/v1`), env: KEY_ENV, workers: 2 });
	for (const id of ['nina', 'omar', 'sara']) {
		agents.push(new Agent(baton, { token: AGENTS[id], name: id, role: id === 'sara' ? 'supervisor' : 'agent' }));
		clients.push(agents.at(-1));
		await agents.at(-1).connect();
	}
});
after(async () => {
	await mock?.stop();
	if (baton?.alive)
		await baton.kill().catch(() => {});
});

async function visit(c, agent) {
	const after = c.last;
	if (!agent.open.has(c.session))
		await agent.follow(c.session);
	await agent.claim(c.session);
	await agent.reply(c.session, 'I have read all of it.');
	await agent.handback(c.session);
	await c.event('handback_approved', after);
}

async function replay(scenario) {
	const c = new Customer(baton, { name: scenario.id });
	clients.push(c);
	await c.connect({ locale: 'en' });
	const outcomes = [];
	for (const [i, text] of scenario.turns.entries()) {
		const ack = await c.say(text, { id: `${scenario.id}-${i}`, canary: undefined });
		const outcome = await c.outcome(ack.seq, 15000 * SLOW);
		outcomes.push(outcome);
		// A person says a word and gives the conversation back, so that the bot gets every turn.
		if (outcome.name === 'baton.case_queued')
			await visit(c, agents[scenarios.indexOf(scenario) % agents.length]);
	}
	results.set(scenario.id, { c, outcomes });
}

// Six at a time, as on a busy morning.
test('every turn of every conversation finds its outcome', { timeout: 120000 * SLOW }, async () => {
	const rest = [...scenarios];
	const one = async () => {
		for (let s = rest.shift(); s; s = rest.shift())
			await replay(s);
	};
	await Promise.all(Array.from({ length: 6 }, one));
	assert.equal(results.size, 27);
});

test('who says that they want a person is given one', () => {
	for (const scenario of scenarios)
		if (scenario.turns.some((turn) => /\b(speak|talk) (to|with) (a |an )?(human|person|agent|manager|representative)/i.test(turn)))
			assert.ok(results.get(scenario.id).c.screen.event('case_queued'), scenario.id);
});

test('the store holds what was typed, in order, with one outcome each', async (t) => {
	const logs = await judge(baton, clients);
	const tally = { turns: 0, answered: 0, drafted: 0, handed_over: 0 };
	for (const scenario of scenarios) {
		const log = logs.get(results.get(scenario.id).c.session);
		assert.deepEqual(log.filter((e) => e.type === 'message_received').map((e) => e.data.text), scenario.turns, scenario.id);
		tally.turns += scenario.turns.length;
		tally.answered += log.filter((e) => e.type === 'answer_generated').length;
		tally.drafted += log.filter((e) => e.type === 'draft_proposed').length;
		tally.handed_over += log.filter((e) => e.type === 'case_queued').length;
		for (const event of log.filter((e) => e.type === 'answer_generated'))
			assert.match(event.data.text, /^You wrote \d+ characters: /);
		// A model is asked with the words of this conversation alone: answers quote the last of them.
		for (const event of log.filter((e) => e.type === 'answer_generated')) {
			const asked = log.findLast((e) => e.type === 'message_received' && e.seq <= event.data.upto);
			assert.ok(event.data.text.includes(asked.data.text.slice(0, 40)) || !/\S/.test(asked.data.text), `${scenario.id}: ${event.data.text}`);
		}
	}
	t.diagnostic(JSON.stringify(tally));
	assert.equal(tally.answered + tally.handed_over, tally.turns, 'each turn has one outcome');
	assert.ok(tally.answered > 50 && tally.handed_over >= 20, 'and both kinds happen');
	assertFramesValid();
});
