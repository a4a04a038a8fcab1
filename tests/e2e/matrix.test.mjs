// SPDX-License-Identifier: Apache-2.0
//
// Five scenarios, fourteen faults of the primary, three classes of work: 210 conversations with real
// servers and the hostile provider, each of which must end as its policy declares. What is declared is
// written down here once more, on purpose: the table shares nothing with core/route or the simulation.
//
// A cell has a server of its own, so that no cell profits from what another has made of a breaker.
// CELLS=210 holds them all (make drills); else 30 of them, chosen by SEED, every fault among them.

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Baton, SLOW } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KEY_ENV, openai, simpleSet } from '../lib/policies.mjs';
import { CANARY, HostileProvider } from '../fault/provider.mjs';

const CELLS = Number(process.env.CELLS || 30), SEED = Number(process.env.SEED || 1), AT_ONCE = 4;
const TOTAL_MS = 9000;

// What the primary does, and what that means for a question.
const RECOVERS = 'recovers', DOWN = 'down', REFUSES = 'refuses';
const FAULTS = [
	{ name: 'refuses the connection', model: null, means: DOWN },
	{ name: 'limits the rate once, with a hint', model: 'S01', means: RECOVERS },
	{ name: 'limits the rate for ever', model: 'S02', means: DOWN },
	{ name: 'fails once', model: 'S03', means: RECOVERS },
	{ name: 'is overloaded for ever', model: 'S04', means: DOWN },
	{ name: 'has no credit left', model: 'B06', means: DOWN },
	{ name: 'does not know the key', model: 'B05', means: DOWN },
	{ name: 'has lost the model', model: 'B07', means: DOWN },
	{ name: 'never says a word', model: 'S06', means: DOWN },
	{ name: 'breaks off in mid-answer', model: 'S08', options: ',cut=10', means: DOWN },
	{ name: 'falls silent in mid-answer', model: 'S09', means: DOWN },
	{ name: 'says nothing at all', model: 'B03', means: DOWN },
	{ name: 'answers with a page', model: 'B08', means: DOWN },
	{ name: 'refuses on grounds of content', model: 'S13', means: REFUSES },
];

// What the customer says, and at which message the scenario's rule wants a person.
const SCENARIOS = [
	{ name: 'policy escalation', messages: ['What is your refund policy?', 'I demand an exception.'],
		rule: 'exchanges >= 1', personAt: 2 },
	{ name: 'billing dispute', messages: ['Why was I charged?', 'That is not right.', 'I dispute it.'],
		rule: 'unresolved_exchanges >= 2', personAt: 3 },
	{ name: 'account access', messages: ['I cannot log in.', 'Still not.', 'Nothing works.'],
		rule: 'exchanges >= 2', personAt: 3 },
	{ name: 'several steps of troubleshooting', messages: ['The lamp flickers.', 'New bulb, the same.', 'Other socket, the same.', 'And now?'],
		rule: 'unresolved_exchanges >= 3', personAt: 4 },
	{ name: 'a customer who counts more', tier: 'vip', messages: ['Where is my order?', 'I have no time.'],
		rule: 'customer_tier == "vip" && exchanges >= 1', personAt: 2 },
];

// How each class declares that its work goes on without the primary.
const MAIN = 'answered by the primary', BACKUP = 'answered by the fallback', DRAFT = 'a draft for a person', PERSON = 'a person';
const CLASSES = [
	{ onFailure: 'fallback', whenDown: BACKUP },
	{ onFailure: 'escalate', whenDown: PERSON },
	{ onFailure: 'review', whenDown: DRAFT },
];

function declared({ scenario, fault, work }, message) {
	if (scenario.personAt === message)
		return PERSON;
	return { [RECOVERS]: MAIN, [REFUSES]: PERSON, [DOWN]: work.whenDown }[fault.means];
}

const name = ({ scenario, fault, work }) => `${scenario.name}; the primary ${fault.name}; on_failure: ${work.onFailure}`;

function allCells() {
	return SCENARIOS.flatMap((scenario) => FAULTS.flatMap((fault) => CLASSES.map((work) => ({ scenario, fault, work }))));
}

// The same ones for the same seed; each fault as often as any other.
function chosen(n) {
	let state = SEED >>> 0;
	const random = () => { // mulberry32
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
	const cells = allCells();
	for (let i = cells.length - 1; i > 0; i--) {
		const j = Math.floor(random() * (i + 1));
		[cells[i], cells[j]] = [cells[j], cells[i]];
	}
	const taken = new Map();
	const turn = (cell) => { const at = taken.get(cell.fault) ?? 0; taken.set(cell.fault, at + 1); return at; };
	return cells.map((cell) => ({ cell, at: turn(cell) })).sort((a, b) => a.at - b.at).slice(0, n).map(({ cell }) => cell);
}

let provider, closedPort;
const open = new Set();
before(async () => {
	provider = await new HostileProvider().start();
	// A port that refuses: it was ours, and is closed again.
	const server = net.createServer();
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	closedPort = server.address().port;
	await new Promise((go) => server.close(go));
});
after(async () => {
	await provider?.stop();
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});

function policiesOf({ scenario, fault, work }, n) {
	const main = fault.model ? `${fault.model}#cell${n}${fault.options ?? ''}` : `ok#cell${n}`;
	// `baton check` refuses a substitute that the class does not approve: such a route has none.
	const fallback = work.onFailure === 'escalate' ? {} : { fallback: ['backup'] };
	return simpleSet(provider.url, {
		models: [main, `ok#backup${n}`], onFailure: work.onFailure,
		files: {
			'modules.yaml': { modules: [openai(provider.url), openai(`http://127.0.0.1:${closedPort}/v1`, 'gone'),
				{ name: 'rules', kind: 'rule', file: 'rule-policy.so' }] },
			'escalation.yaml': { rules: [{ id: 'scenario', when: scenario.rule, action: 'escalate', priority: 4, reason: scenario.name }] },
			'targets.yaml': { targets: [
				{ name: 'main', provider: fault.model ? 'openai' : 'gone', model: main, account: 'a', prompt: 'assistant', max_output_tokens: 500 },
				{ name: 'backup', provider: 'openai', model: `ok#backup${n}`, account: 'b', prompt: 'assistant', max_output_tokens: 500 }] },
			'routes.yaml': { routes: [{ intent: 'default', primary: 'main', ...fallback, class: 'general', tier: 1,
				first_token_ms: 2000, stall_ms: 2000, total_ms: TOTAL_MS }] },
		},
	});
}

// A customer over the control socket: the only way to be of a tier, as nobody signs in yet.
class Vip {
	constructor(baton, tier) {
		Object.assign(this, { baton, tier, facts: [], wake: () => {} });
	}

	async connect() {
		this.socket = net.connect(path.join(this.baton.data, 'control.sock'));
		let text = '';
		this.socket.setEncoding('utf8').on('data', (part) => {
			const lines = (text + part).split('\n');
			text = lines.pop();
			this.facts.push(...lines.map((line) => JSON.parse(line)));
			this.wake();
		});
		this.send({ do: 'converse', key: 'c', channel: 'web', customer_tier: this.tier });
		this.session = (await this.#find((fact) => fact.do === 'converse')).session;
	}

	send(line) { this.socket.write(`${JSON.stringify(line)}\n`); }

	async #find(test) {
		for (const end = performance.now() + 20000 * SLOW; performance.now() < end;) {
			const found = this.facts.find(test);
			if (found)
				return found;
			await new Promise((go) => { this.wake = go; setTimeout(go, 500); });
		}
		throw new Error(`nothing came: ${JSON.stringify(this.facts.slice(-3))}`);
	}

	async say(text) {
		const id = `m${this.facts.length}`;
		this.send({ key: 'c', msg: { id, text } });
		return (await this.#find((fact) => fact.ack?.id === id)).ack;
	}

	outcome(seq) {
		return this.#find((fact) => fact.event?.seq > seq && ['answer_generated', 'case_queued', 'message_captured'].includes(fact.event.type));
	}

	async end() { this.socket.destroy(); }
}

function outcomeIn(events) {
	const answer = events.find((event) => event.type === 'answer_generated');
	if (answer)
		return answer.data.target === 'main' ? MAIN : BACKUP;
	if (events.some((event) => event.type === 'draft_proposed'))
		return DRAFT;
	return events.some((event) => event.type === 'case_queued') ? PERSON : 'nothing';
}

async function play(cell, n) {
	const baton = await Baton.start({ policies: policiesOf(cell, n), env: KEY_ENV, workers: 1 });
	open.add(baton);
	const who = cell.scenario.tier ? new Vip(baton, cell.scenario.tier) : new Customer(baton);
	await who.connect();
	const said = [];
	let longest = 0;
	for (const text of cell.scenario.messages) {
		const began = performance.now();
		const { seq } = await who.say(text);
		await who.outcome(seq, (TOTAL_MS + 10000) * SLOW);
		longest = Math.max(longest, performance.now() - began);
		said.push(text);
		const wanted = declared(cell, said.length);
		if (wanted === PERSON || wanted === DRAFT)
			break; // from here on it is a person's
	}
	await who.end();
	await baton.stop();
	open.delete(baton);
	return { baton, session: who.session, said, longest };
}

function prove(cell, { baton, session, said, longest }) {
	const events = baton.transcript(session);
	const messages = events.filter((event) => event.type === 'message_received');
	assert.deepEqual(messages.map((event) => event.data.text), said, 'every message once, in order');
	for (let i = 0; i < messages.length; i++) {
		const until = messages[i + 1]?.seq ?? Infinity;
		const turn = events.filter((event) => event.seq > messages[i].seq && event.seq < until);
		assert.equal(outcomeIn(turn), declared(cell, i + 1), `message ${i + 1}: ${turn.map((event) => event.type)}`);
		assert.equal(turn.filter((event) => event.type === 'answer_generated').length +
			turn.filter((event) => event.type === 'draft_proposed').length <= 1, true, 'one outcome');
	}
	// No unapproved downgrade: in this class the substitute was never even asked.
	if (cell.work.onFailure === 'escalate')
		assert.ok(events.every((event) => event.type !== 'route_selected' || event.data.target === 'main'));
	for (const event of events.filter((one) => ['answer_generated', 'case_queued'].includes(one.type)))
		assert.ok(!event.data.text.includes(CANARY), 'no words of a provider\'s error reach the customer');
	assert.ok(longest <= (TOTAL_MS + 1000) * SLOW, `an outcome after ${Math.round(longest)} ms`);
}

test(`${CELLS} of 210 conversations end as their policy declares`, { timeout: 900000 * SLOW }, async () => {
	const cells = chosen(CELLS);
	const wrong = [];
	let slowest = { longest: 0 }, done = 0;
	const lane = async () => {
		for (let n = done++; n < cells.length; n = done++) {
			const cell = cells[n];
			try {
				const played = await play(cell, n);
				prove(cell, played);
				if (played.longest > slowest.longest)
					slowest = { longest: played.longest, cell };
			} catch (error) {
				wrong.push(`${name(cell)}: ${error.message}`);
			}
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, lane));
	console.log(`matrix: ${cells.length - wrong.length} of ${cells.length} cells end as declared, of 210; seed ${SEED}; ` +
		`longest outcome ${Math.round(slowest.longest)} ms (${slowest.cell ? name(slowest.cell) : '-'})`);
	assert.deepEqual(wrong, []);
});

test('the table has 210 cells, and a choice has every fault, class and scenario', () => {
	assert.equal(allCells().length, 210);
	const some = chosen(30);
	assert.equal(new Set(some.map((cell) => cell.fault)).size, FAULTS.length);
	assert.equal(new Set(some.map((cell) => cell.work)).size, CLASSES.length);
	assert.equal(new Set(some.map((cell) => cell.scenario)).size, SCENARIOS.length);
	assert.deepEqual(chosen(30).map(name), some.map(name), 'the same seed, the same cells');
});
