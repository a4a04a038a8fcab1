// SPDX-License-Identifier: Apache-2.0
//
// Two sites in a real browser, one of them allowed: what the browser itself adds to a request and keeps from
// a script is part of the lock, so it is tried with one.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { jwt } from '../lib/jwt.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { Browser } from './browser.mjs';

const KEY = 'the-key-that-both-sides-know-0123456789';
let browser, baton, friend, stranger;

// A site with one empty page.
const site = () => new Promise((go) => {
	const server = createServer((request, answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>A shop</title><link rel="icon" href="data:,">'));
	server.listen(0, '127.0.0.1', () => go({ server, origin: `http://127.0.0.1:${server.address().port}` }));
});

before(async () => {
	[friend, stranger] = await Promise.all([site(), site()]);
	baton = await Baton.start({ env: { BATON_SECRET_TEST_KEY: 'x', BATON_SECRET_SHOP_KEY: KEY },
		policies: simpleSet('http://127.0.0.1:9', { files: { 'channel.yaml': { origins: ['self', friend.origin] },
			'identity.yaml': { keys: [{ kid: 'k', alg: 'HS256', secret: 'SHOP_KEY' }] } } }) });
	browser = await Browser.launch();
});
after(async () => {
	await browser?.close();
	await baton?.stop();
	for (const { server } of [friend, stranger])
		server?.close().closeAllConnections();
});

// Runs in a page: asks for a ticket with `headers`, then for a connection with it.
async function attempt({ base, headers, body, ticket, credentials }) {
	const out = {};
	if (!ticket) {
		try {
			const answer = await fetch(`${base}/v1/tickets`, { method: 'POST', credentials, headers: { 'content-type': 'application/json', ...headers }, body });
			Object.assign(out, { status: answer.status, json: await answer.json() });
		} catch (error) {
			out.error = error.name;
		}
	}
	ticket ??= out.json?.ticket;
	if (ticket)
		out.welcome = await new Promise((go) => {
			const ws = new WebSocket(`${base.replace('http', 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`]);
			ws.onopen = () => ws.send('{"t":"hello"}');
			ws.onmessage = ({ data }) => { go(data.includes('"welcome"')); ws.close(); };
			ws.onclose = () => go(false);
		});
	return out;
}

// What a browser says of a page that may not is what is wanted here.
const assertClean = () => assert.deepEqual(browser.faults.filter((fault) => !fault.includes('CORS policy')), []);

async function from(context, origin, request = {}) {
	const page = await context.newPage();
	await page.goto(origin);
	const out = await page.evaluate(attempt, { base: baton.base, body: '{}', headers: {}, credentials: 'same-origin', ...request });
	await page.close();
	return out;
}

test('the allowed page chats, the other learns nothing and gets nowhere', async () => {
	const context = await browser.person();
	const allowed = await from(context, friend.origin, { body: JSON.stringify({ identity: jwt({ key: KEY, kid: 'k', claims: { sub: '42' } }) }) });
	assert.deepEqual([allowed.status, allowed.json.role, allowed.json.identity, allowed.welcome], [201, 'customer', { customer: '42' }, true]);
	const refused = await from(context, stranger.origin);
	assert.deepEqual(refused, { error: 'TypeError' }, 'not even the refusal can be read');
	const stolen = await baton.http('/v1/tickets', { method: 'POST', headers: { origin: friend.origin, 'content-type': 'application/json' }, body: '{}' });
	assert.equal((await from(context, stranger.origin, { ticket: (await stolen.json()).ticket })).welcome, false);
	assertClean();
	await browser.forget();
});

test('a login in this browser is of no use to a page of somebody else', async () => {
	browser.faults.length = 0;
	const context = await browser.person();
	const page = await context.newPage();
	await page.goto(`${baton.base}/readyz`);
	const login = await page.evaluate(async (token) => {
		const answer = await fetch('/v1/login', { method: 'POST', headers: { 'content-type': 'application/json', 'x-baton': '1' }, body: JSON.stringify({ token }) });
		return { status: answer.status, cookies: document.cookie, me: (await (await fetch('/v1/me')).json()).agent };
	}, AGENTS.nina);
	assert.deepEqual(login, { status: 200, cookies: '', me: 'nina' }, 'kept by the browser, hidden from scripts');
	const [cookie] = await context.cookies(baton.base);
	assert.deepEqual([cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite], ['__Host-baton', true, true, 'Strict']);

	const ours = await from(context, `${baton.base}/readyz`, { headers: { 'x-baton': '1' } });
	assert.deepEqual([ours.status, ours.json.role, ours.welcome], [201, 'agent', true]);
	assert.equal((await from(context, `${baton.base}/readyz`)).json.role, 'customer');
	for (const { origin } of [friend, stranger])
		for (const headers of [{ 'x-baton': '1' }, {}])
			assert.deepEqual(await from(context, origin, { headers, credentials: 'include' }), { error: 'TypeError' }, `${origin} ${JSON.stringify(headers)}`);
	assert.equal((await from(context, friend.origin)).json.role, 'customer');

	// A form needs no preflight; it is not of us, and what comes back is shown to nobody's script.
	const form = await context.newPage();
	await form.goto(stranger.origin);
	const [answer] = await Promise.all([form.waitForResponse((response) => response.url().endsWith('/v1/logout')), form.evaluate((base) => {
		const element = Object.assign(document.createElement('form'), { method: 'post', action: `${base}/v1/logout`, enctype: 'text/plain' });
		document.body.append(element);
		element.submit();
	}, baton.base)]);
	assert.equal(answer.status(), 403);
	assert.equal((await page.evaluate(async () => (await fetch('/v1/me')).status)), 200, 'still signed in');
	assert.equal((await page.evaluate(async () => (await fetch('/v1/logout', { method: 'POST' })).status)), 204);
	assert.equal((await page.evaluate(async () => (await fetch('/v1/me')).status)), 401);
	assertClean();
});
