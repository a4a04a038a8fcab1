// SPDX-License-Identifier: Apache-2.0
//
// Files at the console: down from a customer, up to one; what is refused is said in words, and a reply
// that is held back keeps its files.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, assertAccessible, shot, until } from './browser.mjs';

const ON = { enabled: true, max_bytes: '64KiB', session_max_bytes: '3MiB', types: ['image/png', 'text/plain'] };
const HOSTILE = '<img src=x onerror=alert(1)>../../invoice.txt';

let browser, provider, baton;
const customers = [];
before(async () => {
	[browser, provider] = await Promise.all([Browser.launch(), new HostileProvider().start()]);
	baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['ok,gap=2'], files: { 'channel.yaml': { origins: ['self'], say: SAYS, attachments: ON } } }), env: KEY_ENV });
});
afterEach(async () => {
	const faults = browser.faults.splice(0);
	await Promise.all(customers.splice(0).map((one) => one.end()));
	await browser.forget();
	assert.deepEqual(faults, []);
});
after(async () => {
	await browser?.close();
	await provider?.stop();
	if (baton?.alive) await baton.stop();
});

let serial = 0;
async function waiting() {
	const words = `my invoice is wrong (number ${String(++serial).padStart(2, '0')})`;
	const customer = new Customer(baton);
	customers.push(customer);
	await customer.connect();
	await customer.say(words);
	customer.send({ t: 'human', id: `h${serial}`, reason: 'a person please' });
	await customer.event('case_queued');
	return { customer, words };
}

const proof = (who) => ({ authorization: `Bearer ${who.resume.token}`, 'x-baton-session': who.session });
const file = (name, mimeType, text) => ({ name, mimeType, buffer: Buffer.from(text) });

test('a file of a customer is saved under its name, and opens nothing', async () => {
	const { customer, words } = await waiting();
	const answer = await baton.http('/v1/attachments', { method: 'POST', body: 'the invoice', headers: { ...proof(customer), 'x-baton-name': encodeURIComponent(HOSTILE) } });
	const { attachment } = await answer.json();
	await customer.ask({ t: 'msg', id: randomUUID(), text: 'here it is', attachments: [attachment] });
	const nina = await Console.visit(await browser.person({ acceptDownloads: true }), baton);
	await nina.cases.filter({ hasText: /my invoice is wrong|here it is/ }).first().click();
	await nina.log.getByText(words).first().waitFor();
	const button = nina.log.getByRole('button', { name: /Download/ });
	await assertAccessible(nina.page, 'a file');
	const [download] = await Promise.all([nina.page.waitForEvent('download'), button.click()]);
	assert.equal(readFileSync(await download.path(), 'utf8'), 'the invoice');
	assert.ok(!/[/\\]/.test(download.suggestedFilename()));
	assert.equal(nina.page.url(), `${baton.base}/console/`);
});

test('an agent attaches files; what would be refused is said at once', async () => {
	const { customer, words } = await waiting();
	const nina = await Console.visit(await browser.person(), baton);
	await nina.claim(words);
	await nina.page.setInputFiles('#file', [file('note.txt', 'text/plain', 'good news'), file('big.txt', 'text/plain', 'x'.repeat(70000)), file('page.html', 'text/html', '<p>no'), file('lie.png', 'image/png', 'MZ not a picture \0\0')]);
	const files = nina.page.locator('#files li');
	await files.filter({ hasText: 'note.txt' }).getByText('9 bytes').waitFor();
	await files.filter({ hasText: 'big.txt' }).getByText(/too large: 70 kB, at most 66 kB/).waitFor();
	await files.filter({ hasText: 'page.html' }).getByText(/of a kind that is not taken/).waitFor();
	await files.filter({ hasText: 'lie.png' }).getByText(/of a kind that is not taken/).waitFor();
	await assertAccessible(nina.page, 'files');
	await shot(nina.page, 'console-files');
	await nina.page.getByRole('button', { name: 'Remove big.txt' }).click();
	await nina.reply('See the note');
	await customer.until(() => customer.screen.list('human').find(({ text }) => text === 'See the note'), 'the reply');
	const added = await customer.event('attachment_added');
	assert.deepEqual([added.value.name, added.value.bytes], ['note.txt', 9]);
	assert.equal(await (await baton.http(`/v1/attachments/${customer.session}/${added.value.attachment}`, { headers: proof(customer) })).text(), 'good news');
	await nina.log.getByRole('button', { name: /Download note.txt/ }).waitFor();
	await until(nina.page, 'the field is empty again', () => document.querySelector('#files').hidden);
});

test('a reply that is held back because the customer wrote keeps its files', async () => {
	const { customer, words } = await waiting();
	const nina = await Console.visit(await browser.person(), baton);
	await nina.claim(words);
	await nina.text.fill('Please read this');
	await nina.page.setInputFiles('#file', [file('terms.txt', 'text/plain', 'the terms')]);
	await nina.page.locator('#files li').getByText('9 bytes').waitFor();
	await customer.say('wait, it is solved');
	await nina.log.locator('.customer', { hasText: 'it is solved' }).waitFor();
	await nina.text.press('Control+Enter');
	await nina.page.getByText('1 new since you typed.').waitFor();
	await nina.page.locator('#conflict').getByText('wait, it is solved').waitFor();
	await nina.page.getByRole('button', { name: 'Keep writing' }).click();
	await nina.page.locator('#files li').filter({ hasText: 'terms.txt' }).waitFor();
	assert.equal(await nina.text.inputValue(), 'Please read this');
	await nina.text.press('Control+Enter');
	const added = await customer.event('attachment_added');
	assert.equal(added.value.name, 'terms.txt');
});
