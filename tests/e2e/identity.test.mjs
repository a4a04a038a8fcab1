// SPDX-License-Identifier: Apache-2.0
//
// Who the customer is: what a backend has signed is believed, what a page says is only written down, and
// what cannot be believed stops nobody from asking for help.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton, ROOT, run } from '../lib/baton.mjs';
import { Agent, Customer, Refused, ticketOf } from '../lib/client.mjs';
import { identifierHash, jwt, now } from '../lib/jwt.mjs';
import { KEY_ENV, simpleSet, write } from '../lib/policies.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const OLD = 'the-old-key-of-the-shop-0123456789ab', NEW = 'the-new-key-of-the-shop-0123456789ab';
const HASH = 'the-key-of-identifier-hashes';
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const IDENTITY = {
	keys: [{ kid: 'old', alg: 'HS256', secret: 'ID_OLD' }, { kid: 'new', alg: 'HS256', secret: 'ID_NEW', issuer: 'https://shop.example', audience: 'baton' },
		{ kid: 'ec', alg: 'ES256', secret: 'ID_EC' }, { kid: 'rsa', alg: 'RS256', secret: 'ID_RSA' }, { kid: 'lost', alg: 'HS256', secret: 'ID_LOST' },
		{ kid: 'short', alg: 'HS256', secret: 'ID_SHORT' },
		{ kid: 'staff', alg: 'ES256', secret: 'ID_EC', issuer: 'https://id.example', audience: 'desk', for: 'agents' }],
	hash_secret: 'ID_HASH', max_age: '1h',
};
const ENV = { ...KEY_ENV, BATON_SECRET_ID_OLD: OLD, BATON_SECRET_ID_NEW: NEW, BATON_SECRET_ID_HASH: HASH, BATON_SECRET_ID_SHORT: 'short',
	BATON_SECRET_ID_EC: ec.publicKey.export({ type: 'spki', format: 'pem' }), BATON_SECRET_ID_RSA: JSON.stringify(rsa.publicKey.export({ format: 'jwk' })) };
let provider, baton, policies;

before(async () => {
	provider = await new HostileProvider().start();
	policies = simpleSet(provider.url, { files: { 'identity.yaml': IDENTITY } });
	baton = await Baton.start({ policies, env: ENV });
});
after(async () => {
	await provider?.stop();
	await baton?.stop();
});

const of = (claims, more = {}) => jwt({ key: OLD, kid: 'old', claims, ...more });
const ask = async (body) => ticketOf(baton, { body: JSON.stringify(body) });
const answerOf = async (token) => (await ask({ identity: token })).identity;

async function conversation(body, text = 'Where is my order?') {
	const customer = new Customer(baton, { body: JSON.stringify(body) });
	await customer.connect();
	const { seq } = await customer.say(text);
	await customer.answer(seq);
	return customer;
}

async function eventsOf(session, name, agent) {
	await agent.follow(session);
	return agent.screen(session).events.filter((e) => e.name === `baton.${name}`).map((e) => e.value);
}

async function asAgent(use) {
	const agent = new Agent(baton, { token: AGENTS.nina });
	await agent.connect();
	try {
		return await use(agent);
	} finally {
		await agent.end();
	}
}

test('what a backend signs is believed and stands in the log', async () => {
	const customer = await conversation({ identity: of({ sub: '42', name: 'Jörg Müller', email: 'j@shop.example', tier: 'vip', attrs: { orders: [1, 2], open: true } }) });
	assert.deepEqual(customer.ticket.identity, { customer: '42' });
	const [verified, ...more] = await asAgent((agent) => eventsOf(customer.session, 'identity_verified', agent));
	assert.deepEqual(more, []);
	assert.equal(verified.customer, '42');
	assert.equal(verified.name, 'Jörg Müller');
	assert.equal(verified.email, 'j@shop.example');
	assert.equal(verified.customer_tier, 'vip');
	assert.equal(verified.key, 'old');
	assert.deepEqual(verified.attributes, { orders: [1, 2], open: true });
	assert.ok(!customer.screen.events.some((e) => /identity|attributes/.test(e.name)), 'a customer is not told');
	await customer.end();
});

test('each algorithm, and two keys at a time', async () => {
	const claims = { sub: 'c-1', iss: 'https://shop.example', aud: ['x', 'baton'] };
	for (const token of [of({ sub: 'c-1' }), jwt({ key: NEW, kid: 'new', claims }), jwt({ key: ec.privateKey, kid: 'ec', alg: 'ES256', claims }),
		jwt({ key: rsa.privateKey, kid: 'rsa', alg: 'RS256', claims })])
		assert.deepEqual(await answerOf(token), { customer: 'c-1' });
});

test('what cannot be believed is said with a word and what to do, and the chat goes on', async () => {
	const pem = ENV.BATON_SECRET_ID_EC;
	const rows = {
		expired: [of({ sub: '1', iat: now() - 600, exp: now() - 120 })],
		not_yet_valid: [of({ sub: '1', nbf: now() + 300 }), of({ sub: '1', iat: now() + 200 })],
		too_long_lived: [of({ sub: '1', exp: now() + 7200 }), of({ sub: '1', exp: undefined }), of({ sub: '1', iat: undefined })],
		bad_signature: [jwt({ key: NEW, kid: 'old', claims: { sub: '1' } }), of({ sub: '1' }).slice(0, -4) + 'AAAA', of({ sub: '1' }).replace(/\.[^.]*\./, '.e30.')],
		wrong_alg: [of({ sub: '1' }, { header: { alg: 'none' } }), of({ sub: '1' }, { header: { alg: 'HS512' } }), jwt({ key: pem, kid: 'ec', claims: { sub: '1' } })],
		unknown_key: [of({ sub: '1' }, { header: { kid: 'nobody' } }), of({ sub: '1' }, { header: { kid: undefined } }), of({ sub: '1' }, { header: { kid: 'lost' } }),
			of({ sub: '1' }, { header: { kid: 'short' } }), jwt({ key: ec.privateKey, kid: 'staff', alg: 'ES256', claims: { sub: 'nina', iss: 'https://id.example', aud: 'desk' } })],
		wrong_audience: [jwt({ key: NEW, kid: 'new', claims: { sub: '1', iss: 'https://shop.example' } })],
		wrong_issuer: [jwt({ key: NEW, kid: 'new', claims: { sub: '1', aud: 'baton' } })],
		bad_subject: [of({}), of({ sub: 42 }), of({ sub: 'x'.repeat(65) }), of({ sub: 'a\u007fb' })],
		bad_claim: [of({ sub: '1', name: 5 }), of({ sub: '1', tier: ['vip'] }), of({ sub: '1', attrs: 'x' }), of({ sub: '1', exp: 'soon' }), of({ sub: '1', email: 'x'.repeat(255) })],
		malformed: ['x', 'a.b.c', '..', of({ sub: '1' }, { header: { crit: ['exp'] } })],
		too_big: [of({ sub: '1', attrs: { x: 'y'.repeat(5000) } })],
	};
	for (const [word, tokens] of Object.entries(rows))
		for (const token of tokens) {
			const identity = await answerOf(token);
			assert.equal(identity.refused, word, `${word}: ${token}`);
			assert.ok(identity.refused && identity.hint.length > 20);
			assert.ok(!('customer' in identity));
		}
	const customer = await conversation({ identity: rows.expired[0] });
	const more = await customer.say('And another thing.');
	await customer.answer(more.seq);
	const failed = await asAgent((agent) => eventsOf(customer.session, 'authentication_failed', agent));
	assert.deepEqual(failed.map((f) => f.reason), ['expired'], 'told once for a connection');
	await customer.end();
});

test('the guide has each word of a refusal', () => {
	const guide = readFileSync(path.join(ROOT, 'docs', 'IDENTITY.md'), 'utf8');
	const words = [...readFileSync(path.join(ROOT, 'core', 'server', 'jwt.def'), 'utf8').matchAll(/^REFUSAL\(\w+, "(\w+)"/gm)].map((match) => match[1]);
	assert.ok(words.length >= 15);
	assert.deepEqual(words.filter((word) => !guide.includes(`\`${word}\``)), []);
});

test('an identifier_hash identifies as in other chats; what stands beside it is a claim', async () => {
	assert.deepEqual((await ask({ id: '7', identifier_hash: identifierHash(HASH, '7') })).identity, { customer: '7' });
	assert.deepEqual((await ask({ id: 7, identifier_hash: identifierHash(HASH, '7').toUpperCase() })).identity, { customer: '7' });
	for (const [id, identifier_hash] of [['8', identifierHash(HASH, '7')], ['7', identifierHash(OLD, '7')], ['7', identifierHash(HASH, '7').slice(2)], ['7', 'z'.repeat(64)]])
		assert.equal((await ask({ id, identifier_hash })).identity.refused, 'bad_hash');
	const customer = await conversation({ id: '7', name: 'Jo', email: 'jo@shop.example', identifier_hash: identifierHash(HASH, '7'), attributes: { plan: 'free', name: 'Other' } });
	await asAgent(async (agent) => {
		const [verified] = await eventsOf(customer.session, 'identity_verified', agent);
		assert.deepEqual([verified.customer, verified.name ?? '', verified.key], ['7', '', 'identifier_hash']);
		const [claimed] = agent.screen(customer.session).events.filter((e) => e.name === 'baton.attributes_claimed').map((e) => e.value);
		assert.deepEqual(claimed.attributes, { email: 'jo@shop.example', name: 'Jo', plan: 'free' });
	});
	await customer.end();
});

test('an id alone is a claim: written down, believed by nobody, held against nobody', async () => {
	const customer = await conversation({ id: '42', attributes: { cart: 3 } });
	assert.equal(customer.ticket.identity.refused, 'unsigned');
	await asAgent(async (agent) => {
		assert.deepEqual(await eventsOf(customer.session, 'identity_verified', agent), []);
		const names = agent.screen(customer.session).events.map((e) => e.name);
		assert.ok(!names.includes('baton.authentication_failed'));
		assert.deepEqual(agent.screen(customer.session).event('attributes_claimed').value.attributes, { id: '42', cart: 3 });
	});
	await customer.end();
	assert.equal((await ask({})).identity, undefined);
	assert.equal((await ask({ attributes: { a: 1 } })).identity, undefined);
	assert.equal((await ask({ identity: null, something: 'new' })).identity, undefined);
});

test('a body that is not of the form is refused with what is wrong about it', async () => {
	const send = async (body) => {
		const answer = await baton.http('/v1/tickets', { method: 'POST', headers: { origin: baton.base, 'content-type': 'application/json' }, body });
		return { status: answer.status, ...(await answer.json()).error };
	};
	for (const [body, code, part] of [['{"identity":5}', 'invalid', '`identity`'], ['{"id":{}}', 'invalid', '`id`'], ['{"id":1.5}', 'invalid', '`id`'],
		[`{"id":"${'x'.repeat(65)}"}`, 'limit', '`id`'], ['{"attributes":[]}', 'invalid', '`attributes`'], [`{"attributes":{"x":"${'y'.repeat(4096)}"}}`, 'limit', '`attributes`'],
		['{"id":"1","id":"2"}', 'invalid', '`id`'], ['{"identity":"a","identity":"b"}', 'invalid', '`identity`'], ['{"email":1}', 'invalid', '`email`'],
		['[]', 'bad_json', 'object'], ['{', 'bad_json', 'object'], ['{"id":"\xff', 'bad_json', 'object']]) {
		const error = await send(body);
		assert.deepEqual([error.status, error.code], [400, code], body.slice(0, 80));
		assert.ok(error.hint.includes(part), `${body.slice(0, 80)}: ${error.hint}`);
	}
});

test('somebody else who signs in does not get the conversation of the first', async () => {
	const first = await conversation({ identity: of({ sub: 'first' }) });
	await first.end();
	const second = new Customer(baton, { body: JSON.stringify({ identity: of({ sub: 'second' }) }), resume: first.resume });
	await assert.rejects(second.connect(), (error) => error instanceof Refused && error.code === 'unauthorized');
	second.resume = null; // what the widget does then, on the same connection
	const at = second.frames.length;
	second.send({ t: 'hello' });
	const welcome = await second.until(() => second.frames.slice(at).find((f) => f.t === 'welcome'), 'welcome');
	assert.notEqual(welcome.session, first.session);
	await second.end();
	for (const body of [{ identity: of({ sub: 'first', name: 'New Name' }) }, {}]) {
		const again = new Customer(baton, { body: JSON.stringify(body), resume: first.resume });
		assert.equal((await again.connect()).session, first.session);
		await again.end();
	}
});

test('what was believed and what was not is counted', async () => {
	const figure = async (name) => Number(new RegExp(`^baton_${name}_total (\\d+)`, 'm').exec(await (await baton.http('/metrics')).text())[1]);
	const before = [await figure('identities_verified'), await figure('identities_refused')];
	await answerOf(of({ sub: '1' }));
	await answerOf('x');
	await ask({ id: '1' });
	await ask({});
	assert.deepEqual([await figure('identities_verified'), await figure('identities_refused')], before.map((n) => n + 1));
});

test('a key that cannot be used is said in the log without its secret', async () => {
	const lines = baton.stderr.split('\n').filter((line) => line.includes('identity_key_unusable'));
	assert.deepEqual(lines.map((line) => JSON.parse(line).kid).sort(), ['lost', 'short']);
	for (const secret of [OLD, NEW, HASH])
		assert.ok(!baton.stderr.includes(secret));
});

test('a key that is taken out is not believed any more, without a restart', async () => {
	assert.deepEqual(await answerOf(of({ sub: '1' })), { customer: '1' });
	write(policies, { 'identity.yaml': { ...IDENTITY, keys: IDENTITY.keys.filter((key) => key.kid !== 'old') } });
	assert.equal(run(['reload', '--data', baton.data, '--why', 'rotation']).code, 0);
	for (let i = 0; (await answerOf(of({ sub: '1' }))).customer && i < 50; i++)
		await sleep(50);
	assert.equal((await answerOf(of({ sub: '1' }))).refused, 'unknown_key');
	assert.deepEqual(await answerOf(jwt({ key: NEW, kid: 'new', claims: { sub: '1', iss: 'https://shop.example', aud: 'baton' } })), { customer: '1' });
	write(policies, { 'identity.yaml': IDENTITY });
	assert.equal(run(['reload', '--data', baton.data, '--why', 'rotation']).code, 0);
});

test('a set whose identity.yaml is wrong is refused with the place', () => {
	const rows = [
		[{ keys: [{ kid: 'a', alg: 'HS256', secret: 'A_KEY' }, { kid: 'a', alg: 'ES256', secret: 'B_KEY' }] }, /another key is called `a`/],
		[{ keys: [{ kid: 'a', alg: 'none', secret: 'A_KEY' }] }, /`alg` cannot be/],
		[{ keys: [{ kid: 'a', alg: 'HS512', secret: 'A_KEY' }] }, /`alg` cannot be/],
		[{ keys: [{ kid: 'a', alg: 'HS256', secret: 'my very secret text' }] }, /`secret` must be/],
		[{ keys: [{ kid: 'a b', alg: 'HS256', secret: 'A_KEY' }] }, /a kid has letters/],
		[{ keys: [{ kid: 'a', alg: 'ES256', secret: 'A_KEY', for: 'agents' }] }, /needs `issuer` and `audience`/],
		[{ keys: [{ kid: 'a', alg: 'ES256', secret: 'A_KEY', for: 'everybody' }] }, /`for` cannot be/],
		[{ max_age: '25h' }, /`max_age` must be between/],
		[{ leeway: '10m' }, /`leeway` must be between/],
		[{ session: '1m' }, /`session` must be between/],
		[{ key: [] }, /unknown key `key`/],
	];
	for (const [identity, finding] of rows) {
		const out = run(['check', simpleSet('http://127.0.0.1:9', { files: { 'identity.yaml': identity } })]);
		assert.equal(out.code, 1, JSON.stringify(identity));
		assert.match(out.stdout + out.stderr, /identity\.yaml:\d+:\d+: error/);
		assert.match(out.stdout + out.stderr, finding);
	}
});
