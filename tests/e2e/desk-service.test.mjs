// SPDX-License-Identifier: Apache-2.0
//
// The order of service over real sockets: who is offered a case, who loses one, who sees what, and what
// those who wait are told. Times are short, so that they pass while one looks.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer, Refused } from '../lib/client.mjs';
import { jwt } from '../lib/jwt.mjs';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';

const KEY = 'a-key-for-customers-0123456789abcdef';
const ENV = { BATON_SECRET_TEST_KEY: 'x', BATON_SECRET_SHOP_KEY: KEY };
const IDENTITY = { keys: [{ kid: 'shop', alg: 'HS256', secret: 'SHOP_KEY' }] };
const agentOf = (id, more = {}) => ({ id, name: id[0].toUpperCase() + id.slice(1), secret: `AGENT_${id.toUpperCase()}`, ...more });
const DESK = {
	default_queue: 'general', capacity: 2, agent_lost_after: '1s', customer_gone_after: '1s', missed_offers: 2,
	queues: [{ name: 'general', title: 'General', assign: 'offer', offer_for: '500ms', first_reply: '5m' },
		{ name: 'billing', title: 'Billing', return_after: '600ms', hours: 'never-today' }],
	hours: [{ name: 'never-today', timezone: 'Europe/Berlin', open: { [['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date().getUTCDay() + 3) % 7]]: '09:00-17:00' } }],
	customer_tiers: [{ name: 'vip', raise: 2, first_reply: '1m' }],
	agents: [agentOf('nina', { queues: ['general', 'billing'] }), agentOf('omar', { queues: ['general'] }), agentOf('sara', { role: 'supervisor' })],
};
let baton;
const people = {}, clients = [];

before(async () => {
	const policies = simpleSet('http://127.0.0.1:9', { files: { 'desk.yaml': DESK, 'identity.yaml': IDENTITY } });
	baton = await Baton.start({ policies, env: ENV, workers: 2 });
	for (const id of ['nina', 'omar', 'sara'])
		await arrive(id);
});
after(async () => {
	await Promise.all(clients.map((c) => c.end()));
	await baton?.stop();
});

async function arrive(id) {
	const a = people[id] = new Agent(baton, { token: AGENTS[id], name: id, role: id === 'sara' ? 'supervisor' : 'agent' });
	clients.push(a);
	await a.connect();
	await a.desk();
	return a;
}

async function waiting({ tier, words = 'please let me talk to a human' } = {}) {
	const body = tier ? JSON.stringify({ identity: jwt({ key: KEY, kid: 'shop', claims: { sub: `customer-${tier}`, tier } }) }) : undefined;
	const c = new Customer(baton, { body });
	clients.push(c);
	await c.connect();
	await c.say(words);
	await c.event('case_queued');
	await people.sara.case(c.session, (k) => k.state === 'waiting');
	return c;
}

const offers = (agent, session) => agent.frames.filter((f) => f.t === 'offer' && f.session === session);
const offered = (agent, session) => agent.until(() => offers(agent, session).at(-1)?.until_ms > 0, `offer of ${session}`);
const withdrawn = (agent, session) => agent.until(() => offers(agent, session).at(-1)?.until_ms === 0, `withdrawal of ${session}`);
const places = (c) => c.frames.filter((f) => f.t === 'ev' && f.ev.activityType === 'QUEUE').map((f) => f.ev.content);
const place = (c, want) => c.until(() => places(c).some((p) => Object.entries(want).every(([key, value]) => p[key] === value)), `place ${JSON.stringify(want)}`);
// Once: what is followed is not told again.
const follow = (agent, session) => (agent.open.has(session) ? undefined : agent.follow(session));
async function take(agent, session) {
	await follow(agent, session);
	await agent.claim(session);
}
const status = (agent, available) => agent.send({ t: 'status', available });
const state = (id, want) => people.sara.until(() => people.sara.frames.findLast((f) => f.t === 'overview')?.agents.find((a) => a.id === id)?.state === want, `${id} ${want}`);
async function everybodyAway() {
	for (const id of ['nina', 'omar'])
		status(people[id], false);
	for (const id of ['nina', 'omar'])
		await state(id, 'away');
}

// Whatever is left over goes, and everybody is there again.
afterEach(async () => {
	for (const [session, kase] of people.sara.cases) {
		if (kase.state === 'gone')
			continue;
		if (kase.agent !== 'sara') // whoever was faster: `take`
			await people.sara.act({ t: 'claim', session, take: true }, (f) => f.t === 'case' && f.session === session && f.agent === 'sara');
		people.sara.send({ t: 'resolve', session });
		await people.sara.case(session, (k) => k.state === 'gone');
	}
	for (const id of ['nina', 'omar'])
		status(people[id], true);
});

test('an offer goes to who is idle, and each to one person', async () => {
	const first = await waiting();
	const got = await Promise.any([offered(people.nina, first.session).then(() => 'nina'), offered(people.omar, first.session).then(() => 'omar')]);
	const other = got === 'nina' ? 'omar' : 'nina';
	await take(people[got], first.session);
	await withdrawn(people[got], first.session);
	const second = await waiting();
	await offered(people[other], second.session);
	assert.equal(offers(people[other], first.session).length, 0);
	assert.equal(offers(people[got], second.session).length, 0);
	const until = offers(people[other], second.session)[0].until_ms;
	assert.ok(until > Date.now() - 1000 && until < Date.now() + 2000, `${until}`);
});

test('what is declined goes to the other at once, what nobody answers a moment later', async () => {
	const c = await waiting();
	const got = await Promise.any(['nina', 'omar'].map((id) => offered(people[id], c.session).then(() => id)));
	const other = got === 'nina' ? 'omar' : 'nina';
	const at = performance.now();
	people[got].send({ t: 'decline', session: c.session });
	await offered(people[other], c.session);
	assert.ok(performance.now() - at < 500);
	await withdrawn(people[other], c.session);
	// It is nobody's exclusively: who declined it may take it all the same.
	await take(people[got], c.session);
});

test('who does not answer is set to away, and says when he is back', async () => {
	status(people.omar, false);
	await state('omar', 'away');
	const c = await waiting();
	await offered(people.nina, c.session);
	const d = await waiting();
	await offered(people.nina, d.session);
	await state('nina', 'away');
	const e = await waiting();
	status(people.nina, true);
	await offered(people.nina, e.session);
	assert.equal(offers(people.omar, e.session).length, 0);
});

test('the cases of an agent whose connection died come back to their places', async () => {
	await everybodyAway();
	const first = await waiting();
	const since = people.sara.cases.get(first.session).waiting_since_ms;
	await take(people.omar, first.session);
	const second = await waiting();
	people.omar.cut();
	await state('omar', 'lost');
	const back = await people.nina.case(first.session, (k) => k.state === 'waiting' && k.rank === 1);
	assert.equal(back.waiting_since_ms, since);
	await people.nina.case(second.session, (k) => k.rank === 2);
	await follow(people.nina, first.session);
	assert.equal((await people.nina.event(first.session, 'case_released')).value.reason, 'agent_lost');
	await first.event('case_released');
	await place(first, { position: 1, waiting: 2 });
	await arrive('omar');
});

test('a reconnect in time keeps the case', async () => {
	await everybodyAway();
	const c = await waiting();
	await take(people.omar, c.session);
	people.omar.cut();
	const omar = await arrive('omar');
	assert.equal((await omar.case(c.session, (k) => k.state === 'claimed')).agent, 'omar');
	await new Promise((go) => setTimeout(go, 1200)); // longer than the lease lasts without him
	assert.equal(people.sara.cases.get(c.session).state, 'claimed');
});

test('who has waited is seen by who works on the queue, and by nobody else', async () => {
	await everybodyAway();
	const c = await waiting();
	await people.omar.case(c.session, (k) => k.state === 'waiting' && k.claimable === true);
	await follow(people.sara, c.session);
	people.sara.send({ t: 'transfer', session: c.session, queue: 'billing', reason: 'about money' });
	await people.omar.case(c.session, (k) => k.state === 'gone');
	await people.nina.case(c.session, (k) => k.state === 'waiting' && k.queue === 'billing');
	await follow(people.omar, c.session);
	await assert.rejects(people.omar.claim(c.session), (e) => e instanceof Refused && e.code === 'denied');
	people.sara.send({ t: 'transfer', session: c.session, agent: 'omar' });
	const meant = await people.omar.case(c.session, (k) => k.state === 'waiting');
	assert.deepEqual([meant.queue, meant.to_agent, meant.claimable], ['billing', 'omar', true]);
	await people.omar.claim(c.session);
});

test('a case whose customer gets no reply goes back to the queue, and one who is replied to does not', async () => {
	await everybodyAway();
	const c = await waiting();
	const since = people.sara.cases.get(c.session).unanswered_ms;
	await follow(people.sara, c.session);
	people.sara.send({ t: 'transfer', session: c.session, queue: 'billing' });
	await people.nina.case(c.session, (k) => k.queue === 'billing');
	await take(people.nina, c.session);
	const released = await people.nina.event(c.session, 'case_released');
	assert.equal(released.value.reason, 'no_reply');
	const back = await people.nina.case(c.session, (k) => k.state === 'waiting');
	assert.equal(back.unanswered_ms, since); // the customer's clock has never stood
	await people.nina.claim(c.session);
	await people.nina.reply(c.session, 'Here I am.');
	await people.nina.case(c.session, (k) => k.state === 'claimed' && k.unanswered_ms === undefined);
	await new Promise((go) => setTimeout(go, 1000));
	assert.equal(people.nina.cases.get(c.session).state, 'claimed');
});

test('a customer whose tier is signed comes first and is promised more', async () => {
	await everybodyAway();
	const plain = await waiting(), vip = await waiting({ tier: 'vip' });
	const a = await people.nina.case(plain.session, (k) => k.rank === 2);
	const b = await people.nina.case(vip.session, (k) => k.rank === 1);
	assert.deepEqual([a.tier, b.tier, b.verified], [undefined, 'vip', true]);
	assert.equal(a.due_ms - a.unanswered_ms, 5 * 60000);
	assert.equal(b.due_ms - b.unanswered_ms, 60000);
	await place(plain, { position: 2, waiting: 2, open: true });
	await place(vip, { position: 1, waiting: 2, open: true });
});

test('who waits is told the place, told again when it changes and after a reconnect', async () => {
	await everybodyAway();
	const first = await waiting(), second = await waiting();
	await place(first, { position: 1, waiting: 2, agents: 0 });
	await place(second, { position: 2, waiting: 2 });
	assert.ok(places(first).every((p) => p.wait_ms === undefined), 'no wait is named before claims say something');
	await take(people.nina, first.session);
	await place(second, { position: 1, waiting: 1 });
	await second.end();
	const n = places(second).length;
	await follow(people.sara, second.session);
	people.sara.send({ t: 'transfer', session: second.session, queue: 'billing' });
	await second.connect();
	await second.until(() => places(second).length > n, 'place again');
	await place(second, { position: 1, waiting: 1, open: false });
	const closed = places(second).at(-1);
	assert.ok(closed.opens_ms > Date.now() && closed.opens_ms < Date.now() + 7 * 86400000);
	assert.equal(people.sara.cases.get(second.session).due_ms, undefined);
});

test('who goes away has given up, on record; who comes back has not', async () => {
	await everybodyAway();
	const c = await waiting();
	await people.sara.case(c.session, (k) => k.present === true);
	await c.end();
	const gone = await people.sara.case(c.session, (k) => k.abandoned === true);
	assert.deepEqual([gone.state, gone.claimable, gone.present], ['waiting', true, undefined]);
	await follow(people.sara, c.session);
	const event = await people.sara.event(c.session, 'case_abandoned');
	assert.ok(event.value.gone_ms >= 1000 && event.value.gone_ms < 10000, JSON.stringify(event.value));
	await c.connect();
	await people.sara.case(c.session, (k) => k.present === true && k.abandoned === undefined);
	assert.equal(c.screen.event('case_abandoned'), undefined);
});

test('the supervisor sees the desk as a whole, and the metrics say the same', async () => {
	await everybodyAway();
	const c = await waiting({ words: 'a human, please' });
	const seen = await people.sara.until(() => people.sara.frames.findLast((f) => f.t === 'overview' &&
		f.queues.find((q) => q.name === 'general').waiting === 1), 'overview');
	const billing = seen.queues.find((q) => q.name === 'billing');
	assert.deepEqual([billing.title, billing.open, billing.waiting], ['Billing', false, 0]);
	assert.deepEqual(seen.agents.map((a) => [a.id, a.role, a.state]).sort(), [['nina', 'agent', 'away'], ['omar', 'agent', 'away'], ['sara', 'supervisor', 'available']]);
	assert.deepEqual(seen.groups.map((g) => [g.rule, g.waiting]), [['core.customer_asked', 1]]);
	// What /metrics shows of the desk is a quarter of a second old.
	let text = '';
	for (let i = 0; i < 20 && !/^baton_desk_queue_waiting\{queue="general"\} 1$/m.test(text); i++) {
		await new Promise((go) => setTimeout(go, 50));
		text = await (await baton.http('/metrics')).text();
	}
	assert.match(text, /^baton_desk_queue_waiting\{queue="general"\} 1$/m);
	assert.match(text, /^baton_desk_people\{state="away"\} 2$/m);
	assert.match(text, /^baton_desk_agents_free 1$/m);
	for (const name of ['offers', 'offers_taken', 'offers_declined', 'offers_missed', 'leases_lost', 'returns', 'abandoned'])
		assert.ok(Number(text.match(new RegExp(`^baton_desk_${name}_total (\\d+)$`, 'm'))[1]) > 0, name);
	assert.equal(people.sara.cases.get(c.session).state, 'waiting');
});

test('every frame is as the schema says, and the store is sound', async () => {
	assertFramesValid();
	await judge(baton, clients);
});
