// SPDX-License-Identifier: Apache-2.0
//
// Who gets in: a ticket is good once, for the page it was made for, and there is no other way.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Customer, Refused, WebSocket, ticketOf } from '../lib/client.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const SHOP = 'https://shop.example';
let provider, baton;

before(async () => {
	provider = await new HostileProvider().start();
	baton = await Baton.start({ policies: simpleSet(provider.url, { files: { 'channel.yaml': { origins: ['self', SHOP] } } }), env: KEY_ENV });
});
after(async () => {
	await provider?.stop();
	await baton?.stop();
});

// Opens a socket; resolves with how it went: the HTTP status of a refusal, or the close code.
function open({ protocols, origin = baton.base, hello, path = '/v1/chat' }) {
	return new Promise((go) => {
		const ws = new WebSocket(baton.base.replace(/^http/, 'ws') + path, protocols, { ...(origin ? { origin } : {}), perMessageDeflate: false });
		const out = { opened: false, frames: [] };
		const timer = setTimeout(() => { out.timeout = true; ws.terminate(); go(out); }, 9000);
		const end = (more) => { clearTimeout(timer); ws.terminate(); go(Object.assign(out, more)); };
		ws.on('open', () => { out.opened = true; if (hello) ws.send(JSON.stringify(hello)); });
		ws.on('message', (data) => {
			out.frames.push(...String(data).split('\n').filter(Boolean).map((line) => JSON.parse(line)));
			if (out.frames.some((f) => f.t === 'welcome'))
				end({ welcome: true });
		});
		ws.on('unexpected-response', (req, res) => { out.status = res.statusCode; res.resume(); end({}); });
		ws.on('close', (code) => end({ code }));
		ws.on('error', (error) => end({ error: error.code ?? error.message }));
	});
}

const refused = (out) => assert.ok(!out.welcome && !out.timeout, `was let in: ${JSON.stringify(out)}`);
const entered = (out) => assert.ok(out.welcome, `was not let in: ${JSON.stringify(out)}`);

test('a ticket has the form that the protocol says', async () => {
	const ticket = await ticketOf(baton);
	assert.match(ticket.ticket, /^[A-Za-z0-9_-]{43}$/);
	assert.equal(ticket.expires_ms, 30000);
	assert.equal(ticket.role, 'customer');
	assert.equal((await ticketOf(baton, { token: AGENTS.nina })).role, 'agent');
	assert.equal((await ticketOf(baton, { token: AGENTS.sara })).role, 'supervisor');
});

test('a ticket opens one connection and no second', async () => {
	const { ticket } = await ticketOf(baton);
	const protocols = ['baton.v1', `btn.${ticket}`];
	entered(await open({ protocols, hello: { t: 'hello' } }));
	refused(await open({ protocols, hello: { t: 'hello' } }));
});

test('a ticket may come in the first frame, once', async () => {
	const { ticket } = await ticketOf(baton);
	const protocols = ['baton.v1'];
	entered(await open({ protocols, hello: { t: 'hello', ticket } }));
	refused(await open({ protocols, hello: { t: 'hello', ticket } }));
});

test('no ticket, or one that never was, lets nobody in', async () => {
	const made = (await ticketOf(baton)).ticket;
	refused(await open({ protocols: ['baton.v1'], hello: { t: 'hello' } }));
	for (const ticket of ['', 'x', 'A'.repeat(43), 'A'.repeat(100), made.slice(0, 42), `${made}A`, made.toLowerCase() === made ? made.toUpperCase() : made.toLowerCase()])
		refused(await open({ protocols: ticket ? ['baton.v1', `btn.${ticket}`] : ['baton.v1', 'btn.'], hello: { t: 'hello' } }));
	for (const ticket of ['', 'x', 'A'.repeat(43), 'A'.repeat(5000), '\u0000'.repeat(43)])
		refused(await open({ protocols: ['baton.v1'], hello: { t: 'hello', ticket } }));
});

test('a ticket is bound to the page it was made for', async () => {
	const { ticket } = await ticketOf(baton, { origin: SHOP });
	refused(await open({ protocols: ['baton.v1', `btn.${ticket}`], origin: baton.base, hello: { t: 'hello' } }));
	const other = await ticketOf(baton, { origin: SHOP });
	entered(await open({ protocols: ['baton.v1', `btn.${other.ticket}`], origin: SHOP, hello: { t: 'hello' } }));
});

test('a page that is not allowed gets no ticket and no answer it could read', async () => {
	for (const origin of ['https://evil.example', 'https://shop.example.evil.example', 'http://shop.example', 'https://shop.example:8443', 'null',
		'https://SHOP.example@evil.example', `${SHOP}/`, 'x'.repeat(2000)]) {
		const answer = await baton.http('/v1/tickets', { method: 'POST', headers: { origin, 'content-type': 'application/json' }, body: '{}' });
		assert.ok(answer.status >= 400 && answer.status < 500, `${origin}: ${answer.status}`);
		const text = await answer.text();
		assert.doesNotMatch(text, /"ticket"/);
		assert.notEqual(answer.headers.get('access-control-allow-origin'), '*');
		assert.ok(![origin, '*'].includes(answer.headers.get('access-control-allow-origin')), origin);
	}
	const answer = await baton.http('/v1/tickets', { method: 'POST', headers: { origin: 'https://evil.example' }, body: '{}' });
	assert.equal((await answer.json()).error.code, 'origin_refused');
});

test('an allowed page may ask from another address: CORS says so, for it alone', async () => {
	const preflight = await baton.http('/v1/tickets', { method: 'OPTIONS', headers: { origin: SHOP,
		'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
	assert.ok(preflight.status < 300, String(preflight.status));
	assert.equal(preflight.headers.get('access-control-allow-origin'), SHOP);
	const answer = await baton.http('/v1/tickets', { method: 'POST', headers: { origin: SHOP, 'content-type': 'application/json' }, body: '{}' });
	assert.equal(answer.headers.get('access-control-allow-origin'), SHOP);
	assert.match(answer.headers.get('vary') ?? '', /origin/i);
});

test('a customer\'s ticket makes nobody an agent', async () => {
	const c = new Customer(baton);
	await c.connect();
	assert.equal(c.frames[0].role, 'customer');
	await c.end();
	await assert.rejects(ticketOf(baton, { token: 'x'.repeat(4000) }), Refused);
	await assert.rejects(ticketOf(baton, { token: 'nina' }), Refused);
});

test('a connection that says nothing is closed', { timeout: 15000 }, async () => {
	const { ticket } = await ticketOf(baton);
	const began = performance.now();
	const out = await open({ protocols: ['baton.v1', `btn.${ticket}`] });
	assert.ok(out.opened && !out.welcome && !out.timeout, JSON.stringify(out));
	assert.ok(performance.now() - began > 3000, 'but not before 5 s are over');
});

test('other subprotocols, versions and paths are refused', async () => {
	const { ticket } = await ticketOf(baton);
	refused(await open({ protocols: ['baton.v9', `btn.${ticket}`], hello: { t: 'hello' } }));
	refused(await open({ protocols: ['baton.v1', `btn.${(await ticketOf(baton)).ticket}`], path: '/v1/other', hello: { t: 'hello' } }));
	refused(await open({ protocols: ['baton.v1', `btn.${(await ticketOf(baton)).ticket}`], path: '/', hello: { t: 'hello' } }));
});
