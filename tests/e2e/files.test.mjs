// SPDX-License-Identifier: Apache-2.0
//
// Files in a conversation, over real HTTP: what goes in comes out to those it belongs to, nobody is
// believed about what a file is, limits are told in words, a kill loses nothing that was acknowledged.

import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer, Refused } from '../lib/client.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const PAGE = 'https://shop.example';
const PNG = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), randomBytes(200000)]);
const SLOW = Number(process.env.SLOW ?? 1) || 1;
let provider, baton, nina;

const channel = (attachments) => ({ 'channel.yaml': { origins: ['self', PAGE], say: SAYS, attachments } });
const ON = { enabled: true, max_bytes: '1MiB', session_max_bytes: '3MiB', types: ['image/png', 'application/pdf', 'text/plain'] };

before(async () => {
	provider = await new HostileProvider().start();
	baton = await Baton.start({ policies: simpleSet(provider.url, { files: channel(ON) }), env: KEY_ENV });
	nina = new Agent(baton, { name: 'nina', token: AGENTS.nina });
	await nina.connect();
});
after(async () => {
	await nina?.end();
	await baton?.stop();
	await provider?.stop();
});

async function customer(at = baton) {
	const c = new Customer(at);
	await c.connect();
	return c;
}

const proof = (who) => ({ authorization: `Bearer ${who.resume.token}`, 'x-baton-session': who.session });
const asAgent = (session, token = AGENTS.nina) => ({ authorization: `Bearer ${token}`, 'x-baton-session': session });

async function upload(headers, body, name = 'photo.png', at = baton) {
	const answer = await at.http('/v1/attachments', { method: 'POST', body, headers: { ...headers, 'x-baton-name': encodeURIComponent(name) } });
	return { status: answer.status, headers: answer.headers, json: await answer.json() };
}

const fetchFile = (headers, session, id, at = baton) => at.http(`/v1/attachments/${session}/${id}`, { headers });
const bytesOf = async (answer) => Buffer.from(await answer.arrayBuffer());

function send(who, text, attachments) {
	return who.ask({ t: 'msg', id: randomUUID(), text, attachments });
}

// Bytes as they are, and what comes back until the other side closes or `until` is seen.
function raw(text, { at = baton, until, then } = {}) {
	return new Promise((go, fail) => {
		const socket = net.connect(new URL(at.base).port, '127.0.0.1', () => socket.write(text));
		let heard = '';
		const timer = setTimeout(() => { socket.destroy(); fail(new Error(`heard only: ${heard}`)); }, 15000 * SLOW);
		const end = () => { clearTimeout(timer); socket.destroy(); go(heard); };
		socket.on('data', (data) => {
			heard += data;
			if (then && heard.includes('100 Continue')) {
				socket.write(then);
				then = null;
			}
			if (until?.test(heard))
				end();
		});
		socket.on('close', end);
		socket.on('error', end);
	});
}

const head = (who, length, more = '') => `POST /v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${who.resume.token}\r\n` +
	`X-Baton-Session: ${who.session}\r\nX-Baton-Name: a.txt\r\n${length === null ? '' : `Content-Length: ${length}\r\n`}${more}\r\n`;

test('a photo sent with the first message reaches the agent as it was', async () => {
	const ada = await customer();
	assert.deepEqual((await ada.frames.find((f) => f.t === 'welcome')).limits.attachments, { bytes: 1 << 20, types: ON.types });
	const { status, json } = await upload(proof(ada), PNG, 'Größe & Farbe.png');
	assert.equal(status, 201);
	assert.deepEqual({ ...json, attachment: null }, { attachment: null, media_type: 'image/png', bytes: PNG.length, name: 'Größe & Farbe.png' });

	const { seq } = await send(ada, 'it arrived like this', [json.attachment]);
	const added = await ada.event('attachment_added');
	assert.equal(added.value.attachment, json.attachment);
	assert.equal(added.value.sha256, undefined, 'that is internal');
	assert.ok(added.seq < seq);

	for (const [who, headers] of [['the customer', proof(ada)], ['an agent', asAgent(ada.session)]]) {
		const answer = await fetchFile(headers, ada.session, json.attachment);
		assert.equal(answer.status, 200, who);
		assert.equal(answer.headers.get('content-type'), 'image/png');
		assert.equal(answer.headers.get('content-length'), String(PNG.length));
		assert.match(answer.headers.get('content-disposition'), /^attachment; filename=".*"; filename\*=UTF-8''Gr%C3%B6%C3%9Fe%20%26%20Farbe\.png$/);
		assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
		assert.match(answer.headers.get('content-security-policy'), /default-src 'none'.*sandbox/);
		assert.equal(answer.headers.get('cache-control'), 'no-store');
		assert.deepEqual(await bytesOf(answer), PNG, who);
	}
	const headOnly = await baton.http(`/v1/attachments/${ada.session}/${json.attachment}`, { method: 'HEAD', headers: proof(ada) });
	assert.equal(headOnly.headers.get('content-length'), String(PNG.length));
	const old = (what) => raw(`GET ${what} HTTP/1.0\r\nAuthorization: Bearer ${ada.resume.token}\r\nX-Baton-Session: ${ada.session}\r\n\r\n`);
	const told = await old('/v1/transcript');
	assert.match(told, /^HTTP\/1\.1 200 [^]*You sent a file: Größe & Farbe\.png/, 'a client of HTTP\/1.0 reads to the end');
	assert.doesNotMatch(told, /Transfer-Encoding|Content-Length/);
	assert.match(await old(`/v1/attachments/${ada.session}/${json.attachment}`), /Content-Length: 200008/);
	await nina.follow(ada.session);
	const seen = await nina.event(ada.session, 'attachment_added');
	assert.equal(seen.value.sha256, createHash('sha256').update(PNG).digest('hex'));
	await ada.end();
});

test('an agent sends a file, the customer gets it, neither names the other\'s upload', async () => {
	const ada = await customer();
	await ada.ask({ t: 'human', id: randomUUID() }).catch(() => {});
	await ada.event('case_queued');
	await nina.follow(ada.session);
	await nina.claim(ada.session);
	const { json } = await upload(asAgent(ada.session), Buffer.from('%PDF-1.4 your invoice'), 'invoice.pdf');
	assert.equal(json.media_type, 'application/pdf');
	await assert.rejects(send(ada, 'mine?', [json.attachment]), (e) => e instanceof Refused && e.code === 'invalid');
	await nina.ask({ t: 'reply', session: ada.session, id: randomUUID(), text: 'here it is', attachments: [json.attachment] });
	const added = await ada.event('attachment_added');
	assert.equal(added.value.by, 'human');
	const answer = await fetchFile(proof(ada), ada.session, json.attachment);
	assert.equal(String(await bytesOf(answer)), '%PDF-1.4 your invoice');
	await ada.end();
});

test('nobody else gets it, and a foreign id is refused in a message', async () => {
	const [ada, eve] = [await customer(), await customer()];
	const { json } = await upload(proof(ada), PNG);
	await send(ada, 'mine', [json.attachment]);
	const cases = [[{}, 401], [proof(eve), 401], [{ authorization: 'Bearer x' }, 401], [asAgent(ada.session, AGENTS.nina), 200]];
	for (const [headers, status] of cases)
		assert.equal((await fetchFile(headers, ada.session, json.attachment)).status, status, JSON.stringify(headers));
	assert.equal((await fetchFile(proof(eve), eve.session, json.attachment)).status, 404);
	assert.equal((await fetchFile(proof(ada), ada.session, randomUUID())).status, 404);
	for (const wrong of ['', '/', `/${ada.session}`, `/${ada.session}/`, `/${ada.session}/../../../etc/passwd`, `/${ada.session}/${json.attachment}/x`])
		assert.ok([404, 405].includes((await baton.http(`/v1/attachments${wrong}`, { headers: proof(ada) })).status), wrong);
	await assert.rejects(send(eve, 'mine now', [json.attachment]), (e) => e.code === 'invalid');
	await assert.rejects(send(ada, 'none such', [randomUUID()]), (e) => e.code === 'invalid');
	await assert.rejects(send(ada, 'twice', [json.attachment, json.attachment]), (e) => e.code === 'invalid');
	assert.equal((await upload({}, PNG)).status, 401);
	assert.equal((await upload({ ...proof(ada), 'x-baton-session': eve.session }, PNG)).status, 401);
	await ada.end();
	await eve.end();
});

test('a file is what its bytes say', async () => {
	const ada = await customer();
	const lies = [['photo.png', Buffer.from('MZ\x90\0\x03\0\0\0')], ['photo.png', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])], ['page.txt', Buffer.from('caf\xe9', 'latin1')],
		['late.txt', Buffer.concat([Buffer.alloc(150000, 'a'), Buffer.from([0])])]];
	for (const [name, body] of lies) {
		const { status, json } = await upload(proof(ada), body, name);
		assert.equal(status, 415, name);
		assert.equal(json.error.code, 'unsupported');
		assert.match(json.error.message, /welcome\.limits\.attachments\.types/);
	}
	const { json } = await upload(proof(ada), Buffer.from('<script>alert(1)</script>'), '../..\\evil\u202Etxt.html');
	assert.deepEqual([json.media_type, json.name], ['text/plain', 'eviltxt.html.txt']);
	const answer = await fetchFile(proof(ada), ada.session, json.attachment);
	assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
	await ada.end();
});

test('limits are told before anything is read, in words', async () => {
	const ada = await customer();
	const tooBig = await raw(head(ada, (1 << 20) + 1), { until: /"\}\}\n/ });
	assert.match(tooBig, /^HTTP\/1\.1 413 .*too_big.*welcome\.limits\.attachments\.bytes/s);
	assert.match(await raw(head(ada, null), { until: /"\}\}\n/ }), /^HTTP\/1\.1 411 .*Content-Length/s);
	assert.match(await raw(head(ada, 0), { until: /"\}\}\n/ }), /^HTTP\/1\.1 400 /);
	assert.match(await raw(head(ada, null, 'Transfer-Encoding: chunked\r\n') + '5\r\nhello\r\n0\r\n\r\n', { until: /\r\n\r\n/ }), /^HTTP\/1\.1 501 /);
	for (let i = 0; i < 3; i++)
		assert.equal((await upload(proof(ada), Buffer.alloc(1 << 20, 'a'), 'a.txt')).status, 201);
	const { status, json } = await upload(proof(ada), PNG);
	assert.deepEqual([status, json.error.code], [413, 'limit']);
	const bob = await customer();
	for (let i = 0; i < 20; i++)
		assert.equal((await upload(proof(bob), Buffer.from('x'), 'a.txt')).status, 201);
	assert.equal((await upload(proof(bob), Buffer.from('x'), 'a.txt')).status, 413);
	await ada.end();
	await bob.end();
});

test('whoever asks first is told to go on; a request in front of it does no harm', async () => {
	const ada = await customer();
	const asked = await raw(head(ada, 5, 'Expect: 100-continue\r\n'), { then: 'hello', until: /"name":"a\.txt"/ });
	assert.match(asked, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
	const refused = await raw(head({ ...ada, session: randomUUID() }, 5, 'Expect: 100-continue\r\n'), { until: /"\}\}\n/ });
	assert.match(refused, /^HTTP\/1\.1 401 /);
	const piped = await raw(`GET /livez HTTP/1.1\r\nHost: x\r\n\r\n${head(ada, 5)}hello`);
	assert.match(piped, /^HTTP\/1\.1 200 /);
	assert.doesNotMatch(piped, /201 Created/, "a head is no file");
	assert.match(await raw(`${head(ada, 5)}hello and more`), /^HTTP\/1\.1 201 .*"bytes":5/s);
	await ada.end();
});

test('three at a time, and what is broken off leaves nothing', async () => {
	const ada = await customer();
	const sockets = [];
	for (let i = 0; i < 3; i++) {
		const socket = net.connect(new URL(baton.base).port, '127.0.0.1');
		socket.on('error', () => {});
		socket.write(head(ada, 100000) + 'x'.repeat(70000));
		sockets.push(socket);
	}
	const under_way = async () => Number(/^baton_attachments_uploads (\d+)/m.exec(await (await baton.http('/metrics')).text())[1]);
	for (let i = 0; i < 300 && await under_way() < 3; i++)
		await sleep(10);
	const busy = await upload(proof(ada), Buffer.from('x'), 'a.txt');
	assert.deepEqual([busy.status, busy.json.error.code, busy.headers.get('retry-after')], [429, 'busy', '2']);
	sockets.forEach((socket) => socket.destroy());
	const porch = path.join(baton.data, 'attachments', 'new');
	for (let i = 0; i < 300 && readdirSync(porch).some((n) => n.endsWith('.part')); i++)
		await sleep(10);
	assert.deepEqual(readdirSync(porch).filter((n) => n.endsWith('.part')), []);
	assert.equal((await upload(proof(ada), Buffer.from('x'), 'a.txt')).status, 201);
	await ada.end();
});

test('a page of an allowed origin may send and fetch, another may not', async () => {
	const ada = await customer();
	const before = await baton.http('/v1/attachments', { method: 'OPTIONS', headers: { origin: PAGE, 'access-control-request-method': 'POST' } });
	assert.equal(before.status, 204);
	assert.match(before.headers.get('access-control-allow-headers'), /authorization.*x-baton-name.*x-baton-session/);
	const sent = await upload({ ...proof(ada), origin: PAGE }, PNG);
	assert.equal(sent.status, 201);
	assert.equal(sent.headers.get('access-control-allow-origin'), PAGE);
	const got = await fetchFile({ ...proof(ada), origin: PAGE }, ada.session, sent.json.attachment);
	assert.equal(got.headers.get('access-control-allow-origin'), PAGE);
	assert.deepEqual(await bytesOf(got), PNG);
	for (const origin of ['https://evil.example', 'null', `${PAGE}.evil.example`]) {
		const answer = await upload({ ...proof(ada), origin }, PNG);
		assert.equal(answer.status, 403, origin);
		assert.equal(answer.headers.get('access-control-allow-origin'), null);
	}
	const refused = await upload({ ...proof(ada), origin: PAGE }, Buffer.from('MZ\0'), 'a.png');
	assert.equal(refused.headers.get('access-control-allow-origin'), PAGE, 'the page must be able to read why');
	await ada.end();
});

test('where files are off there are none', async () => {
	const off = await Baton.start({ policies: simpleSet(provider.url), env: KEY_ENV, workers: 1 });
	const ada = await customer(off);
	assert.equal(ada.frames.find((f) => f.t === 'welcome').limits.attachments, undefined);
	const { status, json } = await upload(proof(ada), PNG, 'a.png', off);
	assert.deepEqual([status, json.error.code], [403, 'denied']);
	await ada.end();
	await off.stop();
});

test('kill -9 between upload and message: the message may still name it; what none names goes', async () => {
	const own = await Baton.start({ policies: simpleSet(provider.url, { files: channel(ON) }), env: KEY_ENV, args: ['--keep-uploads-ms', '3000'] });
	const ada = await customer(own);
	const named = (await upload(proof(ada), PNG, 'a.png', own)).json.attachment;
	const orphan = (await upload(proof(ada), PNG, 'b.png', own)).json.attachment;
	await own.kill();
	await own.start();
	const again = new Customer(own);
	await again.connect();
	// That conversation has no message yet; its proof holds over a restart.
	const kept = await fetchFile(proof(ada), ada.session, named, own);
	assert.equal(kept.status, 200);
	assert.deepEqual(await bytesOf(kept), PNG);

	const mine = (await upload(proof(again), PNG, 'c.png', own)).json.attachment;
	await send(again, 'look', [mine]);
	await own.kill();
	await own.start();
	for (let i = 0; i < 400 && (await fetchFile(proof(ada), ada.session, orphan, own)).status === 200; i++)
		await sleep(25);
	assert.equal((await fetchFile(proof(ada), ada.session, orphan, own)).status, 404);
	const settled = path.join(own.data, 'attachments', again.session.slice(-2), again.session, mine);
	for (let i = 0; i < 400 && !existsSync(settled); i++)
		await sleep(25);
	assert.ok(existsSync(settled));
	assert.deepEqual(await bytesOf(await fetchFile(proof(again), again.session, mine, own)), PNG);
	const removed = async () => Number(/^baton_attachments_removed_total (\d+)/m.exec(await (await own.http('/metrics')).text())[1]);
	for (let i = 0; i < 400 && await removed() === 0; i++)
		await sleep(25);
	assert.ok(await removed() >= 1);
	await own.stop();
});

test('a slow sender is cut off, and so is one who sends nothing', async () => {
	const ada = await customer();
	const began = performance.now();
	await raw(head(ada, 1000) + 'x');
	assert.ok(performance.now() - began < 14000 * SLOW);
	await ada.end();
});
