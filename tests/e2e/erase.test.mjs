// SPDX-License-Identifier: Apache-2.0
//
// Erasing at somebody's request: counted first, then gone everywhere, and nobody else's with it. And the
// transcript that a customer may take along before.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { jwt, now } from '../lib/jwt.mjs';
import { KEY_ENV, SAYS, openai, simpleSet } from '../lib/policies.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const KEY = 'the-key-of-the-shop-0123456789abcdef';
const ATTACHMENTS = { enabled: true, types: ['image/png', 'text/plain'] };
let provider, baton, archive;

before(async () => {
	provider = await new HostileProvider().start();
	archive = tempDir('archive');
	mkdirSync(path.join(archive, 'all'), { recursive: true });
	baton = await Baton.start({ policies: simpleSet(provider.url, { files: {
		'channel.yaml': { origins: ['self'], say: SAYS, attachments: ATTACHMENTS },
		'identity.yaml': { keys: [{ kid: 'shop', alg: 'HS256', secret: 'ID_SHOP' }] },
		'modules.yaml': { modules: [openai(provider.url), { name: 'archive', file: 'transcript-jsonl.so', kind: 'transcript',
			config: { dir: path.join(archive, 'all') } }] },
	} }), env: { ...KEY_ENV, BATON_SECRET_ID_SHOP: KEY } });
});
after(async () => {
	await baton?.stop();
	await provider?.stop();
});

const proof = (who) => ({ authorization: `Bearer ${who.resume.token}`, 'x-baton-session': who.session });
const script = async (who, format) => {
	const answer = await baton.http(`/v1/transcript?format=${format}`, { headers: proof(who) });
	return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

async function talked(words, file, sub) {
	const identity = sub && jwt({ key: KEY, kid: 'shop', claims: { sub, iat: now(), exp: now() + 300 } });
	const c = new Customer(baton, sub ? { body: JSON.stringify({ identity }) } : {});
	await c.connect();
	const attachments = [];
	if (file) {
		const answer = await baton.http('/v1/attachments', { method: 'POST', body: file, headers: { ...proof(c), 'x-baton-name': 'note.txt' } });
		attachments.push((await answer.json()).attachment);
	}
	const { seq } = await c.ask({ t: 'msg', id: randomUUID(), text: words, ...(file ? { attachments } : {}) });
	await c.answer(seq);
	c.file = attachments[0];
	return c;
}

const erase = (...args) => run(['session', 'erase', ...args, '--data', baton.data, '--json']);

test('a customer takes the conversation along, as text, page and data', async () => {
	const evil = '<img src=x onerror=alert(1)>\n2026-01-01T00:00:00Z  Our team: send money';
	const ada = await talked(evil, 'a file');
	const text = await script(ada, 'text');
	assert.equal(text.status, 200);
	assert.match(text.headers.get('content-type'), /^text\/plain/);
	assert.match(text.headers.get('content-disposition'), /conversation\.txt/);
	assert.match(text.text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}You: <img/m);
	assert.match(text.text, /^\d.* {2}Assistant \(AI\): /m);
	assert.match(text.text, /You sent a file: note\.txt \(text\/plain, 6 bytes\)/);
	assert.doesNotMatch(text.text, /^2026-01-01T00:00:00Z {2}Our team/m, 'words cannot look like another line');

	const html = await script(ada, 'html');
	assert.match(html.headers.get('content-security-policy'), /default-src 'none'; style-src 'sha256-/);
	assert.match(html.text, /&lt;img src=x onerror=alert\(1\)&gt;/);
	assert.doesNotMatch(html.text, /<img|<script/);

	const json = JSON.parse((await script(ada, 'json')).text);
	assert.equal(json.session, ada.session);
	const types = json.events.map((e) => e.type);
	for (const type of ['session_opened', 'disclosure_made', 'attachment_added', 'message_received', 'answer_generated'])
		assert.ok(types.includes(type), type);
	assert.ok(!types.includes('route_selected') && !JSON.stringify(json).includes('"target"'), 'what is for agents stays with them');
	assert.equal((await script(ada, 'pdf')).status, 400);
	assert.equal((await baton.http('/v1/transcript', { headers: { ...proof(ada), authorization: 'Bearer x' } })).status, 401);
	const nobody = new Customer(baton);
	await nobody.connect();
	assert.equal((await script(nobody, 'text')).status, 404, 'nothing was said yet');
	await ada.end();
	await nobody.end();
});

test('a long one comes in pages', async () => {
	const ada = await talked('first');
	for (let i = 0; i < 60; i++)
		await ada.say(`message ${i} ${'x'.repeat(6000)}`);
	const { text } = await script(ada, 'text');
	for (let i = 0; i < 60; i++)
		assert.ok(text.includes(`message ${i} `), i);
	JSON.parse((await script(ada, 'json')).text);
	await ada.end();
});

test('erasing one is counted first, and then gone everywhere', async () => {
	const [ada, bob] = [await talked('the secret of ada', 'a file of ada'), await talked('the words of bob', 'a file of bob')];
	const dry = erase(ada.session, '--dry-run');
	assert.equal(dry.code, 0, dry.stderr);
	const would = JSON.parse(dry.stdout);
	assert.deepEqual([would.dry_run, would.sessions, would.files, would.bytes, would.erased], [true, 1, 1, 13, 0]);
	assert.ok(would.records >= 4);
	assert.equal((await script(ada, 'text')).status, 200);

	const done = erase(ada.session, '--why', 'asked by letter');
	assert.equal(done.code, 0, done.stderr);
	assert.equal(JSON.parse(done.stdout).erased, 1);
	assert.equal((await script(ada, 'text')).status, 410);
	const file = await baton.http(`/v1/attachments/${ada.session}/${ada.file}`, { headers: proof(ada) });
	assert.ok([404, 410].includes(file.status));
	await assert.rejects(ada.say('still there?'), (e) => e.code === 'erased');
	assert.deepEqual(readdirSync(path.join(baton.data, 'attachments', 'new')).filter((n) => n.startsWith(ada.session)), []);
	assert.equal(erase(ada.session).code, 0, 'again: nothing left to do');
	assert.equal((await script(bob, 'text')).status, 200);
	const bobs = await baton.http(`/v1/attachments/${bob.session}/${bob.file}`, { headers: proof(bob) });
	assert.equal(await bobs.text(), 'a file of bob');

	const read = () => readdirSync(path.join(archive, 'all')).map((n) => readFileSync(path.join(archive, 'all', n), 'utf8')).join('');
	for (let i = 0; i < 400 && (read().includes('the secret of ada') || !read().includes('the words of bob')); i++)
		await sleep(25);
	assert.ok(!read().includes('the secret of ada'), 'the archive has blanked it');
	assert.ok(read().includes('the words of bob'));
	await ada.end();
	await bob.end();
});

test('all of a customer go, by the name that was signed, and nobody else', async () => {
	const mine = [await talked('one', 'file one', 'c-7'), await talked('two', 'file two', 'c-7')];
	const other = await talked('three', 'file three', 'c-70');
	const would = JSON.parse(erase('--customer', 'c-7', '--dry-run').stdout);
	assert.deepEqual([would.sessions, would.files, would.bytes, would.erased], [2, 2, 16, 0]);
	assert.deepEqual(would.list.map((row) => row.session).sort(), mine.map((c) => c.session).sort());
	const done = erase('--customer', 'c-7', '--why', 'asked for it');
	assert.equal(done.code, 0, done.stderr);
	assert.deepEqual([JSON.parse(done.stdout).erased, JSON.parse(done.stdout).failed], [2, 0]);
	for (const c of mine)
		assert.equal((await script(c, 'text')).status, 410);
	assert.equal((await script(other, 'text')).status, 200);
	assert.equal(JSON.parse(erase('--customer', 'c-7', '--dry-run').stdout).sessions, 0);
	for (const c of [...mine, other])
		await c.end();
});

test('what is wrong is said, and the operations log has who did what', async () => {
	assert.equal(erase(randomUUID()).code, 1);
	assert.match(erase(randomUUID()).stderr, /no such conversation/);
	assert.equal(erase('nonsense').code, 1);
	assert.equal(erase().code, 2);
	assert.equal(erase(randomUUID(), '--customer', 'c-1').code, 2);
	const none = JSON.parse(erase('--customer', 'nobody', '--dry-run').stdout);
	assert.deepEqual([none.sessions, none.erased], [0, 0]);
	const offline = erase(randomUUID(), '--offline');
	assert.equal(offline.code, 1);
	assert.match(offline.stderr, /leave --offline out/);
});

test('on a stopped server it is done in the folder', async () => {
	const ada = await talked('the last words', 'a last file');
	const carl = await talked('who stays');
	await ada.end();
	await carl.end();
	await baton.stop();
	const log = run(['transcript', 'operations', '--data', baton.data, '--json']).stdout;
	assert.match(log, /"action":"session erase".*"why":"asked by letter"/);
	assert.match(log, /"subject":"customer sha256:[0-9a-f]{12}"/);
	assert.doesNotMatch(log, /\bc-7\d?"/, 'whom it was about is not told again');
	const done = erase(ada.session, '--offline');
	assert.equal(done.code, 0, done.stderr);
	assert.equal(JSON.parse(done.stdout).files, 1);
	assert.equal(run(['transcript', ada.session, '--data', baton.data]).code, 1);
	assert.ok(baton.transcript(carl.session).some((e) => e.data.text === 'who stays'));
	assert.equal(baton.fsck().code, 0);
	assert.ok(!existsSync(path.join(baton.data, 'attachments', ada.session.slice(-2), ada.session)));
	await baton.start();
	const again = new Customer(baton, { resume: ada.resume });
	await assert.rejects(again.connect(), (e) => e.code === 'erased' || e.code === 'not_found');
});
