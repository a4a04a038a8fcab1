// SPDX-License-Identifier: Apache-2.0
//
// Agents at the console: a token or somebody's signature becomes a cookie; the cookie alone opens nothing for
// a page that is not ours, and lasts no longer than the agent is in the set.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton, run } from '../lib/baton.mjs';
import { jwt, now } from '../lib/jwt.mjs';
import { desk, simpleSet, write } from '../lib/policies.mjs';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const IDENTITY = { keys: [{ kid: 'sso', alg: 'ES256', secret: 'SSO_KEY', issuer: 'https://id.example', audience: 'baton-desk', for: 'agents' },
	{ kid: 'shop', alg: 'HS256', secret: 'SHOP_KEY', issuer: 'https://id.example', audience: 'baton-desk' }], session: '1h' };
const SHOP_KEY = 'a-key-for-customers-0123456789abcdef';
const ENV = { BATON_SECRET_TEST_KEY: 'x', BATON_SECRET_SSO_KEY: ec.publicKey.export({ type: 'spki', format: 'pem' }), BATON_SECRET_SHOP_KEY: SHOP_KEY };
const EVIL = 'https://evil.example';
let baton, policies;

before(async () => {
	policies = simpleSet('http://127.0.0.1:9', { files: { 'identity.yaml': IDENTITY, 'channel.yaml': { origins: ['self', 'https://shop.example'] } } });
	baton = await Baton.start({ policies, env: ENV });
});
after(() => baton?.stop());

const staff = (claims, more = {}) => jwt({ key: ec.privateKey, kid: 'sso', alg: 'ES256', ...more,
	claims: { sub: 'nina', iss: 'https://id.example', aud: 'baton-desk', role: 'agent', ...claims } });

async function post(server, at, { body, cookie, origin = server.base, custom, bearer, method = 'POST' } = {}) {
	const headers = { ...(body ? { 'content-type': 'application/json' } : {}), ...(cookie ? { cookie } : {}), ...(origin ? { origin } : {}),
		...(custom ? { 'x-baton': custom } : {}), ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) };
	const answer = await server.http(at, { method, headers, body: body && JSON.stringify(body) });
	const text = await answer.text();
	return { status: answer.status, json: text ? JSON.parse(text) : null, set: answer.headers.get('set-cookie'), cors: answer.headers.get('access-control-allow-origin'),
		retry: answer.headers.get('retry-after') };
}
const login = (body, more = {}) => post(baton, '/v1/login', { body, ...more });
const cookieOf = (answer) => answer.set.split(';')[0];
const me = (more) => post(baton, '/v1/me', { method: 'GET', ...more });
const ticket = (more) => post(baton, '/v1/tickets', { body: {}, custom: '1', ...more });

test('a login by token sets a cookie that scripts and other sites do not get', async () => {
	const answer = await login({ token: AGENTS.nina });
	assert.equal(answer.status, 200);
	assert.deepEqual([answer.json.agent, answer.json.name, answer.json.role], ['nina', 'Nina', 'agent']);
	assert.ok(Math.abs(answer.json.expires_ms - Date.now() - 3600000) < 10000);
	assert.match(answer.set, /^__Host-baton=[A-Za-z0-9:._-]+; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=3(600|599)$/);
	assert.ok(!answer.set.includes(AGENTS.nina));
	assert.equal(answer.cors, null);
});

test('the cookie says who it is, and opens a connection as that agent', async () => {
	const cookie = cookieOf(await login({ token: AGENTS.sara }));
	const who = await me({ cookie });
	assert.deepEqual([who.status, who.json.agent, who.json.role], [200, 'sara', 'supervisor']);
	const made = await ticket({ cookie });
	assert.deepEqual([made.status, made.json.role], [201, 'supervisor']);
	assert.equal((await me({ cookie: `theme=dark; ${cookie}; x=y` })).status, 200);
	assert.equal((await me({ bearer: AGENTS.sara })).json.expires_ms, undefined);
});

test('without the page being ours and saying so, the cookie is worth nothing', async () => {
	const cookie = cookieOf(await login({ token: AGENTS.nina }));
	for (const origin of [EVIL, 'https://shop.example', 'null', baton.base.replace('127.0.0.1', 'localhost'), `${baton.base}.evil.example`, `${baton.base}0`]) {
		const made = await ticket({ cookie, origin });
		assert.equal(made.status, 403, origin);
		assert.ok(!made.json.ticket);
		assert.equal((await me({ cookie, origin })).status, 403, origin);
	}
	assert.equal((await ticket({ cookie, origin: null })).status, 403);
	// A form or a fetch without the header is the customer that the page would be anyway.
	for (const custom of [null, '0', '11', 'true'])
		assert.equal((await ticket({ cookie, custom })).json.role, 'customer', String(custom));
	assert.equal((await ticket({ cookie, custom: null, origin: 'https://shop.example' })).json.role, 'customer');
	// The header cannot come from elsewhere: the preflight does not name it.
	const preflight = await baton.http('/v1/tickets', { method: 'OPTIONS', headers: { origin: 'https://shop.example', 'access-control-request-method': 'POST',
		'access-control-request-headers': 'x-baton' } });
	assert.doesNotMatch(preflight.headers.get('access-control-allow-headers'), /x-baton/i);
	assert.equal(preflight.headers.get('access-control-allow-credentials'), null);
});

test('no page of somebody else logs a browser in or out', async () => {
	for (const origin of [EVIL, 'https://shop.example', 'null']) {
		const answer = await login({ token: AGENTS.nina }, { origin });
		assert.deepEqual([answer.status, answer.set], [403, null], origin);
		const out = await post(baton, '/v1/logout', { origin });
		assert.deepEqual([out.status, out.set], [403, null], origin);
	}
});

test('a changed cookie is refused, whatever was changed', async () => {
	const [name, value] = cookieOf(await login({ token: AGENTS.nina })).split(/=(.*)/s);
	const parts = value.split(':');
	const swapped = (i, text) => parts.map((part, k) => (k === i ? text : part)).join(':');
	const other = cookieOf(await login({ token: AGENTS.sara })).split(/=(.*)/s)[1].split(':');
	for (const bad of ['', 'x', value.slice(0, -1), `${value}A`, `${value}:`, swapped(0, '2'), swapped(1, 'sara'), swapped(1, 'omar'), swapped(2, 'supervisor'), swapped(2, 'admin'),
		swapped(4, String(Number(parts[4]) + 1)), swapped(4, '9'.repeat(30)), swapped(5, other[5]), swapped(5, parts[5].toLowerCase()), 'A'.repeat(4000), '%00', ':'.repeat(60)]) {
		const who = await me({ cookie: `${name}=${bad}` });
		assert.equal(who.status, 401, bad.slice(0, 80));
	}
	assert.equal((await me({ cookie: `baton=${value}` })).status, 401);
	assert.equal((await me({})).status, 401);
	assert.equal((await me({ cookie: `${name}=${value}` })).status, 200);
});

test('a logout takes the cookie away', async () => {
	const answer = await post(baton, '/v1/logout', { cookie: cookieOf(await login({ token: AGENTS.nina })) });
	assert.equal(answer.status, 204);
	assert.match(answer.set, /^__Host-baton=; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=0$/);
});

test('a signed token logs in whom desk.yaml lists, in the role it gives', async () => {
	const answer = await login({ jwt: staff({}) });
	assert.deepEqual([answer.status, answer.json.agent, answer.json.role], [200, 'nina', 'agent']);
	assert.equal((await me({ cookie: cookieOf(answer) })).json.agent, 'nina');
	assert.equal((await login({ jwt: staff({ role: ['staff', 'agent'] }) })).json.role, 'agent', 'a list that holds it');
	assert.equal((await ticket({ bearer: staff({ sub: 'sara', role: 'supervisor' }), origin: null, custom: null })).json.role, 'supervisor');
});

test('what changes the set changes who is in', async () => {
	const cookie = cookieOf(await login({ token: AGENTS.omar }));
	assert.equal((await me({ cookie })).status, 200);
	const settle = async (status) => {
		for (let i = 0; i < 60 && (await me({ cookie })).status !== status; i++)
			await sleep(50);
		assert.equal((await me({ cookie })).status, status);
	};
	const reload = (change) => {
		const set = desk();
		change(set);
		write(policies, { 'desk.yaml': set });
		assert.equal(run(['reload', '--data', baton.data, '--why', 'staff']).code, 0);
	};
	reload((set) => { set.agents = set.agents.filter((agent) => agent.id !== 'omar'); });
	await settle(401);
	reload(() => {});
	await settle(200);
	reload((set) => { set.agents.find((agent) => agent.id === 'omar').role = 'supervisor'; });
	await settle(401);
	const admin = await login({ token: AGENTS.omar });
	assert.equal(admin.json.role, 'supervisor');
	reload((set) => { set.agents.find((agent) => agent.id === 'omar').role = 'admin'; });
	await settle(401);
	const again = await login({ token: AGENTS.omar });
	assert.deepEqual([again.json.role, (await ticket({ cookie: cookieOf(again) })).json.role], ['admin', 'admin']);
	assert.equal((await me({ cookie: cookieOf(admin) })).status, 401);
	reload((set) => { set.agents.find((agent) => agent.id === 'omar').secret = 'SHOP_KEY'; });
	await settle(401); // another token: logins under the old one have ended
	reload(() => {});
	await settle(200);
	assert.equal((await ticket({ cookie })).json.role, 'agent');
});

test('refusals of a login say why, and guessing is slowed down', async () => {
	const rows = [
		[{ jwt: staff({ sub: 'nobody' }) }, 'unknown_agent'],
		[{ jwt: staff({ role: 'supervisor' }) }, 'wrong_role'],
		[{ jwt: staff({ role: ['supervisor', ['agent'], 'agents'] }) }, 'wrong_role'],
		[{ jwt: staff({ role: undefined }) }, 'wrong_role'],
		[{ jwt: staff({ aud: 'shop' }) }, 'wrong_audience'],
		[{ jwt: staff({ exp: now() - 100, iat: now() - 200 }) }, 'expired'],
		[{ jwt: jwt({ key: SHOP_KEY, kid: 'shop', claims: { sub: 'nina', iss: 'https://id.example', aud: 'baton-desk', role: 'agent' } }) }, 'unknown_key'],
		[{ token: 'not-the-token-of-anybody' }, undefined],
	];
	for (let at = 0; at < rows.length; at += 4) { // five wrong ones in a minute are an address's share
		const other = await Baton.start({ policies, env: ENV });
		for (const [body, word] of rows.slice(at, at + 4)) {
			const answer = await post(other, '/v1/login', { body });
			assert.deepEqual([answer.status, answer.json.error.code, answer.json.error.refused, answer.set], [401, 'unauthorized', word, null]);
			assert.ok(!word || answer.json.error.hint);
		}
		await other.stop();
	}
	for (const body of [{}, { token: 5 }, { token: AGENTS.nina, jwt: 'x' }, [], { jwt: null }])
		assert.equal((await login(body)).status, 400, JSON.stringify(body));
	const statuses = [];
	for (let i = 0; i < 7; i++)
		statuses.push((await login({ token: `guess-number-${i}-0123456789` })).status);
	assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
	const late = await login({ token: AGENTS.nina });
	assert.deepEqual([late.status, late.retry], [429, '60'], 'also the right one, for a while');
});
