// SPDX-License-Identifier: Apache-2.0
//
// Every conversation ends in the tier and with the escalation that its labels expect, or stands in
// docs/SCENARIOS.md with what happens instead: README.md says what counts.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { LLMock } from '@copilotkit/aimock';
import { AGENTS, Baton, ROOT, SLOW, run, tempDir } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, openai, write } from '../lib/policies.mjs';

const scenarios = readFileSync(path.join(ROOT, 'tests/data/scenarios/scenarios.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const ASKS = { on_verification_failure: 'verify_identity', on_denial: 'check_policy', after_failed_attempts: 'try_again' };
const NO = { verify_identity: 'not_verified', check_policy: 'denied', try_again: 'not_solved' };
const RULE = { immediate: /^(security|dispute|cancellation|core\.tier_3)$/, on_verification_failure: /^not-verified$/, on_denial: /^denied$/, after_failed_attempts: /^not-solved$/ };
const DRAFT = 'core.tier_2_review'; // a person reads the draft: no hand-over of the conversation
const ANSWERS = ['yes', 'no'];
const clients = [];
const worlds = {};

// Says yes to everything, or no with the word of the tool.
async function backOffice(answer) {
	const asked = [];
	const server = createServer((request, response) => {
		const tool = request.url.slice(1);
		let body = '';
		request.on('data', (part) => { body += part; });
		request.on('end', () => {
			asked.push({ tool, body: JSON.parse(body) });
			response.writeHead(answer === 'yes' ? 200 : 422, { 'content-type': 'application/json' });
			response.end(JSON.stringify(answer === 'yes' ? { ok: true } : { code: NO[tool] }));
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return { server, asked, url: `http://127.0.0.1:${server.address().port}` };
}

const tool = (name, title) => ({ name, module: 'office', title, description: title, writes: false, timeout: '5s', answer: '',
	arguments: { type: 'object', required: ['about'], properties: { about: { type: 'string', maxLength: 2000 } } },
	request: { method: 'POST', url: `/${name}` } });

function policies(model, office) {
	const dir = path.join(tempDir('policy'), 'set');
	cpSync(path.join(ROOT, 'tests/scenarios/set'), dir, { recursive: true });
	return write(dir, {
		'modules.yaml': { modules: [openai(model, 'openai'), { name: 'classifier', kind: 'classifier', file: 'classifier-linear.so' }, { name: 'rules', kind: 'rule', file: 'rule-policy.so' },
			{ name: 'office', kind: 'tool', file: 'tool-http.so', egress: [new URL(office).host], config: { base_url: office } }] },
		'targets.yaml': { targets: [{ name: 'model', provider: 'openai', model: 'stand-in', account: 'mock', prompt: 'support', tools: true, max_output_tokens: 500 }] },
		'tools.yaml': { tools: [tool('verify_identity', 'checks who you are'), tool('check_policy', 'checks what is possible'), tool('try_again', 'tries it once more')] },
	});
}

const said = (message) => (typeof message?.content === 'string' ? message.content : JSON.stringify(message?.content ?? ''));

/* A model of few ideas: from the second message on it looks once up what the request needs, once per attempt where
 * something is tried, and it says what came of it. */
function standIn(request) {
	const users = request.messages.filter((m) => m.role === 'user').map(said);
	const scenario = scenarios.map((one) => [one.turns.filter((turn) => users.some((text) => text.includes(turn.slice(0, 40)))).join('').length, one]).sort(([a], [b]) => b - a)[0][1];
	const wanted = ASKS[scenario?.expect.escalation];
	const offered = (request.tools ?? []).map((one) => one.function?.name ?? one.name);
	const lastUser = request.messages.findLastIndex((m) => m.role === 'user');
	const looked = request.messages.slice(lastUser).some((m) => m.role === 'tool');
	const before = request.messages.slice(0, lastUser).some((m) => m.role === 'tool');
	if (!looked && wanted && offered.includes(wanted) && users.length >= 2 && (!before || wanted === 'try_again'))
		return { toolCalls: [{ name: wanted, arguments: JSON.stringify({ about: users.at(-1).slice(0, 200) }) }] };
	return { content: looked ? 'I have looked it up for you.' : 'Of course. Tell me a little more, please.' };
}

before(async () => {
	for (const answer of ANSWERS) {
		const mock = new LLMock({ port: 0, chunkSize: 20 });
		mock.on({ model: /./ }, standIn, { latency: 1 });
		await mock.start();
		const office = await backOffice(answer);
		const set = policies(`${mock.url}/v1`, office.url);
		const checked = run(['check', set]);
		assert.equal(checked.code, 0, checked.stdout + checked.stderr);
		const baton = await Baton.start({ policies: set, env: KEY_ENV, workers: 1 });
		const agent = new Agent(baton, { token: AGENTS.nina, name: 'nina' });
		await agent.connect();
		clients.push(agent);
		worlds[answer] = { mock, office, baton, agent };
	}
});
after(async () => {
	for (const { mock, office, baton } of Object.values(worlds)) {
		office.server.close();
		await mock.stop();
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
});

// A draft is what tier 2 is for: a person reads it, sends it and gives the conversation back.
async function accept({ agent }, c, seq) {
	const draft = await agent.until(() => agent.screen(c.session).event('draft_proposed', seq - 1), 'draft');
	await agent.claim(c.session);
	await agent.draft(c.session, draft.seq, 'accept');
	const before = c.last;
	await agent.handback(c.session);
	await c.event('handback_approved', before);
}

async function play(world, scenario) {
	const c = new Customer(world.baton, { name: scenario.id });
	clients.push(c);
	await c.connect({ locale: 'en' });
	for (const text of scenario.turns) {
		const { seq } = await c.say(text, { canary: undefined });
		const outcome = await c.outcome(seq, 15000 * SLOW);
		if (outcome.name !== 'baton.case_queued')
			continue;
		if (!world.agent.open.has(c.session))
			await world.agent.follow(c.session);
		await world.agent.until(() => world.agent.screen(c.session).event('case_queued', seq - 1), 'case');
		if (world.agent.screen(c.session).events.some((e) => e.seq > seq && e.name === 'baton.escalation_triggered' && e.value.rule !== DRAFT))
			break;
		await accept(world, c, seq);
	}
	return c.session;
}

const seen = {};
test('all of them are held, with a back office that says yes and one that says no', { timeout: 120000 * SLOW }, async () => {
	const sessions = {};
	for (const answer of ANSWERS) {
		const rest = [...scenarios];
		const some = async () => {
			for (let one = rest.shift(); one; one = rest.shift())
				sessions[`${one.id} ${answer}`] = await play(worlds[answer], one);
		};
		await Promise.all([some(), some(), some()]);
	}
	for (const answer of ANSWERS) {
		const { baton, agent } = worlds[answer];
		const logs = await judge(baton, clients.filter((one) => one.baton === baton || one === agent));
		for (const { id } of scenarios) {
			const log = logs.get(sessions[`${id} ${answer}`]);
			const escalation = log.find((e) => e.type === 'escalation_triggered' && e.data.rule !== DRAFT);
			const turn = escalation && log.filter((e) => e.type === 'message_received' && e.seq <= escalation.seq).length;
			seen[`${id} ${answer}`] = { tier: Math.max(0, ...log.map((e) => e.data.tier ?? 0)), rule: escalation?.data.rule ?? '', turn: turn ?? 0,
				calls: log.filter((e) => e.type === 'tool_called').length, answers: log.filter((e) => e.type === 'answer_generated' || e.type === 'draft_proposed').length };
		}
	}
});

/** What is not as the labels say, in words; '' if all is. */
function judged({ id, expect }) {
	const [yes, no] = ANSWERS.map((answer) => seen[`${id} ${answer}`]);
	const found = [];
	if (yes.tier !== expect.tier)
		found.push(`tier ${yes.tier} instead of ${expect.tier}`);
	const late = expect.escalation === 'immediate' ? [['yes', yes], ['no', no]] : [['no', no]];
	if (expect.escalation !== 'immediate' && yes.rule)
		found.push(`a person took over although all was well (${yes.rule})`);
	if (expect.escalation === 'none' && no.rule)
		found.push(`a person took over (${no.rule})`);
	if (expect.escalation !== 'none')
		for (const [answer, one] of late)
			if (!RULE[expect.escalation].test(one.rule))
				found.push(`with a ${answer}: ${one.rule ? `a person took over by ${one.rule}` : 'nobody took over'}`);
	if (expect.escalation === 'after_failed_attempts' && no.rule && no.answers < 1)
		found.push('a person took over before anything was tried');
	return found.join('; ');
}

test('each ends where its labels say, or is on the page of those that do not', (t) => {
	const page = readFileSync(path.join(ROOT, 'docs/SCENARIOS.md'), 'utf8');
	const told = new Map([...page.matchAll(/^\| (D-\d\d) \|[^|]*\| ([^|]*?) \|/gm)].map((m) => [m[1], m[2]]));
	const now = new Map(scenarios.map((one) => [one.id, judged(one)]).filter(([, what]) => what));
	if (process.env.BATON_SHOW)
		for (const one of scenarios)
			console.log(one.id, one.category, JSON.stringify(one.expect.tier), one.expect.escalation, JSON.stringify([seen[`${one.id} yes`], seen[`${one.id} no`]]), now.get(one.id) ?? 'as expected');
	t.diagnostic(`${scenarios.length - now.size} of ${scenarios.length} as their labels say`);
	assert.deepEqual(Object.fromEntries(told), Object.fromEntries(now));
	assert.ok(scenarios.length - now.size >= 22, 'most of them');
});

test('nothing was asked of the back office that no message led to', () => {
	for (const { office } of Object.values(worlds)) {
		assert.ok(office.asked.length > 5, `${office.asked.length} calls`);
		for (const { tool: name, body } of office.asked)
			assert.ok(name in NO && typeof body.about === 'string');
	}
});
