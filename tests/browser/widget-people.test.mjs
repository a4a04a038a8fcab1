// SPDX-License-Identifier: Apache-2.0
//
// What a customer does besides asking: waits in a queue and sees where, leaves an address instead,
// sends files and gets them back, says why an answer was no use, takes the conversation along, is
// somebody whom the page's backend has signed for, and leaves nothing behind when logging out.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { AGENTS, Baton, tempDir } from '../lib/baton.mjs';
import { Agent } from '../lib/client.mjs';
import { jwt, now } from '../lib/jwt.mjs';
import { KEY_ENV, SAYS, desk, simpleSet } from '../lib/policies.mjs';
import { Browser, Widget, assertAccessible, shot, until } from './browser.mjs';

const KEY = 'the-key-of-the-shop-0123456789abcdef';
const FILES = { enabled: true, max_bytes: '1MiB', session_max_bytes: '3MiB', types: ['image/png', 'application/pdf', 'text/plain'] };
const PNG = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(150000, 7)]);

let browser, provider, baton, nina, shop;
before(async () => {
	browser = await Browser.launch();
	provider = await new HostileProvider().start();
	const files = { 'desk.yaml': desk(), 'channel.yaml': { origins: ['self'], say: SAYS, attachments: FILES },
		'identity.yaml': { keys: [{ kid: 'shop', alg: 'HS256', secret: 'ID_SHOP' }], max_age: '1h' } };
	baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['ok,gap=5'], files }), env: { ...KEY_ENV, BATON_SECRET_ID_SHOP: KEY } });
	shop = `${baton.base}/shop/`;
	nina = new Agent(baton, { name: 'nina', token: AGENTS.nina });
	await nina.connect();
	await nina.desk();
});
afterEach(async () => {
	const faults = browser.faults.splice(0);
	await browser.forget();
	assert.deepEqual(faults, []);
});
after(async () => {
	await browser?.close();
	await nina?.end();
	await provider?.stop();
	if (baton?.alive) await baton.stop();
});

const token = (sub, claims = {}) => jwt({ key: KEY, kid: 'shop', claims: { sub, iat: now(), exp: now() + 600, ...claims } });
const visit = async (options) => Widget.visit(await browser.person(options), shop);
const sessionOf = (page) => page.evaluate(() => JSON.parse(localStorage[Object.keys(localStorage)[0]] ?? 'null')?.session);
async function waiting(widget, text = 'Good day') {
	await widget.say(text);
	await widget.answer();
	await widget.human.click();
	await widget.page.getByText(/You are number \d+\./).first().waitFor();
}
async function served(widget) {
	const session = await sessionOf(widget.page);
	await follow(session);
	await nina.claim(session);
	await nina.resolve(session);
}
const follow = (session) => (nina.open.has(session) ? undefined : nina.follow(session));
const eventsOf = (session) => nina.screen(session).events;

test('who waits sees the place in the queue, and may leave an address instead', async () => {
	const widget = await visit();
	await widget.say('Good day');
	await widget.answer();
	await widget.listen();
	await widget.human.click();
	const place = widget.page.locator('baton-chat .place');
	await place.getByText('You are number 1.').waitFor();
	await until(widget.page, 'told once', () => globalThis.heard.filter((text) => text.includes('number 1')).length === 1);
	await assertAccessible(widget.page, 'in the queue');
	await shot(widget.page, 'widget-queue');
	await place.getByRole('button', { name: 'Leave your e-mail instead' }).press('Enter');
	const address = place.getByRole('textbox', { name: 'Your e-mail address' });
	assert.ok(await address.evaluate((node) => node.matches(':focus')));
	await assertAccessible(widget.page, 'ticket form');
	await shot(widget.page, 'widget-ticket');
	await address.fill('no address');
	await address.press('Enter');
	assert.ok(await address.isVisible(), 'the browser asks for an address first');
	await address.fill('ada@example.org');
	await address.press('Enter');
	await widget.notes.filter({ hasText: 'we will answer you at the address' }).waitFor();
	await address.waitFor({ state: 'hidden' });
	assert.equal(await widget.human.innerText(), 'A person will join you here');
	await widget.page.reload();
	await place.getByText('You are number 1.').waitFor();
	assert.equal(await place.getByRole('button').count(), 0, 'it was left once');
	await served(widget);
	await place.waitFor({ state: 'hidden' });
});

test('a second one who waits is told, and moves up', async () => {
	const one = await visit();
	await waiting(one, 'first');
	const two = await visit();
	await waiting(two, 'second');
	await two.page.locator('baton-chat .place').getByText('You are number 2.').waitFor();
	await served(one);
	await two.page.locator('baton-chat .place').getByText('You are number 1.').waitFor();
	await served(two);
});

test('files: limits are told first, what does not fit stays out, what fits arrives and comes back', async () => {
	const widget = await visit({ acceptDownloads: true });
	await widget.say('hello');
	await widget.answer();
	await widget.page.getByText('Files up to 1 megabyte: PNG, PDF, TXT').waitFor();
	const [chooser] = await Promise.all([widget.page.waitForEvent('filechooser'), widget.page.getByRole('button', { name: 'Attach files' }).click()]);
	await chooser.setFiles([{ name: 'photo.png', mimeType: 'image/png', buffer: PNG }, { name: 'big.png', mimeType: 'image/png', buffer: Buffer.alloc(1200000, 1) },
		{ name: 'page.html', mimeType: 'text/html', buffer: Buffer.from('<h1>x</h1>') }, { name: 'lie.png', mimeType: 'image/png', buffer: Buffer.from('no picture at all') }]);
	const files = widget.page.locator('baton-chat .files li');
	await files.filter({ hasText: 'photo.png' }).getByText('0.1 megabytes').waitFor();
	for (const name of ['big.png', 'page.html']) await files.filter({ hasText: name }).getByText('This file cannot be sent.').waitFor();
	await assertAccessible(widget.page, 'files');
	await shot(widget.page, 'widget-files');
	for (const name of ['big.png', 'page.html', 'lie.png']) await widget.page.getByRole('button', { name: `Remove ${name}` }).click();
	await widget.composer.press('Enter');
	await widget.log.locator('.own', { hasText: 'photo.png' }).last().getByText('Sent').waitFor();
	assert.equal(await files.count(), 0);
	const way = () => widget.log.getByRole('button', { name: 'Download photo.png' });
	await way().waitFor();
	await widget.page.reload();
	const [download] = await Promise.all([widget.page.waitForEvent('download'), way().click()]);
	assert.equal(download.suggestedFilename(), 'photo.png');
	const to = `${tempDir('files')}/photo.png`;
	await download.saveAs(to);
	assert.ok(readFileSync(to).equals(PNG));
});

test('a file may be dropped or pasted', async () => {
	const widget = await visit();
	await widget.say('hello');
	await widget.answer();
	await widget.page.getByText('Files up to').waitFor();
	await widget.page.evaluate(() => {
		const root = document.querySelector('baton-chat').shadowRoot;
		const data = new DataTransfer();
		data.items.add(new File(['what is on the clipboard'], 'note.txt', { type: 'text/plain' }));
		root.querySelector('textarea').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
		root.querySelector('.log').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
	});
	await until(widget.page, 'both are up', () => [...document.querySelector('baton-chat').shadowRoot.querySelectorAll('.files li')].filter((li) => li.textContent.includes('megabytes')).length === 2);
	await widget.say('see these');
	const sent = widget.log.locator('.own', { hasText: 'see these' });
	await sent.getByText('Sent').waitFor();
	assert.equal(await sent.getByRole('button', { name: 'Download note.txt' }).count(), 2);
});

test('an opinion, and why', async () => {
	const widget = await visit();
	await widget.say('hello');
	await widget.answer();
	await widget.finished.getByRole('button', { name: 'Not helpful' }).click();
	const why = widget.finished.getByRole('textbox', { name: 'Anything to add? (optional)' });
	await why.fill('It does not say **when**.');
	await why.press('Enter');
	await why.waitFor({ state: 'detached' });
	const session = await sessionOf(widget.page);
	await follow(session);
	await nina.until(() => eventsOf(session).some((e) => e.name === 'baton.feedback_given' && e.value.comment === 'It does not say **when**.'), 'the comment');
});

test('the conversation can be taken along', async () => {
	const widget = await visit({ acceptDownloads: true });
	await widget.say('a question to keep');
	await widget.answer();
	const [download] = await Promise.all([widget.page.waitForEvent('download'), widget.page.getByRole('button', { name: 'Download this conversation' }).click()]);
	assert.equal(download.suggestedFilename(), 'chat.html');
	const to = `${tempDir('files')}/chat.html`;
	await download.saveAs(to);
	const html = readFileSync(to, 'utf8');
	assert.ok(html.includes('a question to keep') && !/<script/i.test(html));
});

test('whom the page signs for is known; the token is stored nowhere; another customer sees nothing of it', async () => {
	const widget = await visit();
	const ada = token('ada', { name: 'Ada' });
	await widget.page.evaluate((who) => window.baton('identify', { token: who }), ada);
	await widget.page.evaluate(() => window.baton('setAttributes', { cart: 3 }));
	await widget.say('I am Ada');
	await widget.answer();
	const session = await sessionOf(widget.page);
	await follow(session);
	const events = () => eventsOf(session);
	await nina.until(() => events().some((e) => e.name === 'baton.identity_verified' && e.value.customer === 'ada'), 'signed');
	assert.deepEqual(events().find((e) => e.name === 'baton.attributes_claimed')?.value.attributes, { cart: 3 });
	const kept = await widget.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
	assert.ok(!kept.includes(ada) && !kept.includes(ada.split('.')[2]));

	// A fresh token of the same customer goes on; another customer begins anew.
	await widget.page.evaluate((who) => window.baton('identify', { token: who }), token('ada', { jti: '2' }));
	await widget.say('still Ada');
	await widget.answer(2);
	assert.equal(await sessionOf(widget.page), session);
	await widget.page.evaluate((who) => window.baton('identify', { token: who }), token('grace'));
	await until(widget.page, 'nothing of Ada is left', () => !document.querySelector('baton-chat').shadowRoot.querySelector('.log').innerText.includes('Ada'));
	assert.equal(await widget.page.evaluate(() => localStorage.length), 0);
	await widget.say('I am Grace');
	await widget.answer();
	assert.notEqual(await sessionOf(widget.page), session);

	// The page of a third forgot to log Grace out: the server refuses, and nothing of her is shown or sent.
	await widget.page.reload();
	await widget.page.evaluate((who) => window.baton('identify', { token: who }), token('linus'));
	await widget.open();
	await until(widget.page, 'nothing of Grace is left', () => !document.querySelector('baton-chat').shadowRoot.querySelector('.log').innerText.includes('Grace'));
	await widget.say('I am Linus');
	await widget.answer();
	assert.deepEqual((await widget.bubbles()).filter(([who]) => who === 'own').map(([, text]) => text), ['I am Linus']);
});

test('a token that is refused is told to the page alone; the chat goes on', async () => {
	const widget = await visit();
	await widget.page.evaluate(() => { globalThis.errors = []; window.baton('on', 'error', (error) => globalThis.errors.push(error)); });
	await widget.page.evaluate((who) => window.baton('identify', { token: who }), token('ada', { iat: now() - 7200, exp: now() - 3600 }));
	await widget.say('who am I?');
	await widget.answer();
	assert.deepEqual(await widget.page.evaluate(() => globalThis.errors), [{ code: 'identity_refused', reason: 'expired' }]);
	assert.ok(!(await widget.lines()).some((line) => /expired|refused/i.test(line)));
});

test('logging out leaves nothing, in this tab and in the others', async () => {
	const context = await browser.person();
	const one = await Widget.visit(context, shop);
	const two = await Widget.visit(context, shop);
	await one.say('something private');
	await one.answer();
	await two.open();
	await two.answer();
	await two.composer.fill('half a sentence');
	await one.page.evaluate(() => window.baton('logout'));
	for (const widget of [one, two])
		await until(widget.page, 'nothing is left', () => {
			const root = document.querySelector('baton-chat').shadowRoot;
			return !root.querySelector('.log').innerText.includes('private') && root.querySelector('textarea').value === '' && localStorage.length === 0;
		});
	assert.equal(await one.page.evaluate(() => sessionStorage.length), 0);
	await one.say('somebody new');
	await one.answer();
	assert.equal((await one.bubbles()).filter(([who]) => who === 'own').length, 1);
});

test('a named person is seen to write, and to send', async () => {
	const widget = await visit();
	await waiting(widget);
	const session = await sessionOf(widget.page);
	await follow(session);
	await nina.claim(session);
	nina.send({ t: 'typing', session });
	await widget.page.getByText('Nina is typing…').waitFor();
	await nina.reply(session, 'Good day from **Nina**.');
	await widget.log.locator('.item.human', { hasText: 'Good day from Nina.' }).waitFor();
	assert.equal(await widget.log.locator('.item.human .who').innerText().then((text) => text.startsWith('Nina (human)')), true);
	assert.equal(await widget.human.innerText(), 'You are talking with Nina');
	await shot(widget.page, 'widget-person');
});
