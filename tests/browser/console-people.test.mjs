// SPDX-License-Identifier: Apache-2.0
//
// Two agents, a supervisor and their customers, each in a browser of their own: a whole case by the
// keyboard, transfer, takeover, labels, prepared texts, suggestions, the palette.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KEY_ENV, desk, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, assertAccessible, shot, until } from './browser.mjs';

const CANNED = [{ name: 'sorry', text: 'We are **sorry** for the delay.' }, { name: 'refund', text: 'Your money is on its way.' }];
const POLICIES = {
	'desk.yaml': { ...desk(), canned: CANNED, capacity: 5,
		queues: [{ name: 'general', title: 'General questions', first_reply: '10m' }, { name: 'billing', title: 'Billing', first_reply: '10m' }] },
	'intents/internal.yaml': { intents: [{ name: 'reply-suggestion', internal: true, class: 'general', tier: 2 }] },
};

let browser, provider, baton;
const customers = [];
before(async () => {
	[browser, provider] = await Promise.all([Browser.launch(), new HostileProvider().start()]);
	const files = { ...POLICIES, 'routes.yaml': { routes: [{ intent: 'default', primary: 't0', class: 'general', tier: 1 }, { intent: 'reply-suggestion', primary: 't0', class: 'general', tier: 2 }] } };
	baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['ok,gap=2'], files }), env: KEY_ENV });
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
/** A customer who waits for a person, with words to be found by. */
async function waiting(words = `my lamp is late (number ${String(++serial).padStart(2, '0')})`) {
	const customer = new Customer(baton);
	customers.push(customer);
	await customer.connect();
	await customer.say(words);
	customer.send({ t: 'human', id: `h${serial}`, reason: 'a person please' });
	await customer.event('case_queued');
	return { customer, words };
}

const agent = async (name, options) => Console.visit(await browser.person(options), baton, name);
const said = (customer, text) => customer.until(() => customer.screen.list('human').find((message) => message.text.includes(text)), `the words ${text}`);
const press = async (page, ...keys) => { for (const key of keys) await page.keyboard.press(key); };
const focusOn = (page, words) => until(page, `the focus on ${words}`, (text) => document.activeElement?.textContent.includes(text), words);

test('a whole case, and the next one, by the keyboard alone', async () => {
	const first = await waiting();
	const second = await waiting();
	const { page, ...nina } = await agent('nina');
	await nina.cases.filter({ hasText: second.words }).waitFor();
	await press(page, 'g', 'w');
	for (let i = 0; i < 10 && !(await page.evaluate(() => document.activeElement.textContent)).includes(first.words); i++) await press(page, 'j');
	await focusOn(page, first.words);
	await press(page, 'Enter');
	await nina.log.getByText(first.words).waitFor();
	await press(page, 'c');
	await until(page, 'the field has the focus after the claim', () => document.activeElement?.id === 'text');
	await page.keyboard.type('/so');
	await page.getByRole('listbox', { name: 'Prepared texts' }).waitFor();
	await assertAccessible(page, 'prepared texts');
	await shot(page, 'console-canned');
	await press(page, 'Enter');
	await page.keyboard.type(' It left today.');
	await press(page, 'Control+Enter');
	await said(first.customer, 'We are **sorry** for the delay. It left today.');
	await press(page, 'Escape', 'n');
	await page.keyboard.type('checked with the depot');
	await press(page, 'Control+Enter');
	await nina.log.locator('.message.note', { hasText: 'checked with the depot' }).waitFor();
	await press(page, 'Escape', 'e');
	await page.getByRole('dialog', { name: 'Resolve the case' }).waitFor();
	await assertAccessible(page, 'resolve');
	await page.keyboard.type('answered');
	await press(page, 'Enter');
	const resolved = await first.customer.event('session_resolved');
	assert.equal(resolved.value.by, 'agent');
	await nina.log.getByText('Resolved').waitFor();
	// The next one: claim, answer, resolve and go on.
	await press(page, 'Escape', 'g', 'w', 'j');
	for (let i = 0; i < 10 && !(await page.evaluate(() => document.activeElement.textContent)).includes(second.words); i++) await press(page, 'j');
	await press(page, 'Enter', 'c');
	await until(page, 'claimed', () => document.activeElement?.id === 'text');
	await press(page, 'Escape', 'Shift+E');
	await second.customer.event('session_resolved');
	await until(page, 'nothing left to do', () => document.querySelector('#room').hidden);
});

test('a case is transferred, with a reason, and keeps its words', async () => {
	const { customer, words } = await waiting();
	const nina = await agent('nina');
	const omar = await agent('omar');
	await nina.claim(words);
	await nina.reply('One moment, a colleague knows');
	await said(customer, 'One moment');
	await nina.page.keyboard.press('Escape');
	await nina.page.keyboard.press('t');
	const dialog = nina.page.getByRole('dialog', { name: 'Transfer the case' });
	await dialog.getByLabel('Queue').selectOption('billing');
	await dialog.getByLabel(/Reason/).fill('knows about invoices');
	await assertAccessible(nina.page, 'transfer');
	await shot(nina.page, 'console-transfer');
	await dialog.getByRole('button', { name: 'Transfer' }).click();
	await nina.log.getByText('Transferred to billing').waitFor();
	await until(nina.page, 'not mine any more', () => document.querySelector('#composer').hidden);
	await omar.cases.filter({ hasText: 'billing' }).filter({ hasText: words }).click();
	await omar.log.getByText('knows about invoices').first().waitFor();
	await omar.verb('Claim').click();
	await omar.text.waitFor();
	await omar.reply('Omar here');
	await said(customer, 'Omar here');
});

test('a supervisor takes over what an agent has, and the agent is told at once', async () => {
	const { customer, words } = await waiting();
	const nina = await agent('nina');
	const sara = await agent('sara', { colorScheme: 'dark' });
	await nina.claim(words);
	await nina.text.fill('half a sen');
	await sara.cases.filter({ hasText: words }).click();
	await sara.page.getByText('Nina has this case.').waitFor();
	await assertAccessible(sara.page, 'supervisor, dark');
	await sara.verb('Take over').click();
	await sara.text.waitFor();
	await sara.reply('Sara here, I take this');
	await said(customer, 'Sara here');
	await nina.page.getByText('Sara has this case.').waitFor();
	assert.equal(await nina.text.isVisible(), false);
	await nina.log.getByText('Sara took it over from nina').waitFor();
});

test('labels are added and removed, and all see them', async () => {
	const { words } = await waiting();
	const nina = await agent('nina');
	const omar = await agent('omar');
	await nina.claim(words);
	const why = nina.page.getByRole('complementary', { name: 'Why am I here' });
	await why.getByLabel('New label').fill('late parcel');
	await why.getByRole('button', { name: 'Add' }).click();
	await why.getByRole('button', { name: 'Remove label late parcel' }).waitFor();
	await nina.log.getByText('Labels: late parcel').waitFor();
	await omar.cases.filter({ hasText: words }).click();
	await omar.page.locator('.tags').getByText('late parcel').waitFor();
	await assertAccessible(nina.page, 'labels');
	await why.getByRole('button', { name: 'Remove label late parcel' }).click();
	await nina.log.getByText('Labels: none').waitFor();
});

test('a suggestion is asked for, edited with its changes in view, and sent', async () => {
	const { customer, words } = await waiting();
	const nina = await agent('nina');
	await nina.claim(words);
	await nina.page.getByRole('button', { name: 'Suggest a reply' }).click();
	await nina.log.getByText(/Suggestion of the AI for nina/).waitFor();
	await assertAccessible(nina.page, 'suggestion');
	await nina.log.getByRole('button', { name: 'Edit' }).click();
	const draft = await nina.text.inputValue();
	assert.match(draft, /word1/);
	await nina.text.fill(`Good day. ${draft}`);
	await nina.page.locator('#preview summary').click();
	assert.match(await nina.page.locator('#preview ins').first().innerText(), /Good day/);
	await shot(nina.page, 'console-suggestion');
	await nina.text.press('Control+Enter');
	await said(customer, 'Good day. ');
	await nina.log.getByText('Draft edited').waitFor();
});

test('the palette finds commands and cases; the package is on the right', async () => {
	const { words } = await waiting();
	const { page, ...nina } = await agent('nina');
	await nina.cases.filter({ hasText: words }).waitFor();
	await press(page, 'Control+k');
	await page.getByRole('combobox', { name: 'Command, or words of a case' }).waitFor();
	await page.keyboard.type(words.slice(-10));
	await page.getByRole('option', { name: /^Open:/ }).waitFor();
	await assertAccessible(page, 'palette');
	await shot(page, 'console-palette');
	await press(page, 'Enter');
	await nina.log.getByText(words).waitFor();
	const why = page.getByRole('complementary', { name: 'Why am I here' });
	await why.getByText('What was asked').waitFor(); // the server's package, not the transcript's
	await why.getByText('core.customer_asked').first().waitFor();
	await press(page, 'Control+k');
	await page.keyboard.type('claim');
	await press(page, 'Enter');
	await until(page, 'claimed', () => document.activeElement?.id === 'text');
	await page.keyboard.press('Escape');
	await page.keyboard.press('?');
	await page.getByRole('dialog', { name: 'Keys' }).getByText('Claim the case').waitFor();
	await page.getByLabel('Single keys are on').uncheck();
	await press(page, 'Escape', 'n');
	assert.equal(await page.getByLabel('Note among agents').isChecked(), false, 'single keys are off');
	await page.reload();
	await page.getByRole('button', { name: 'Keys' }).click();
	assert.equal(await page.getByLabel('Single keys are on').isChecked(), false, 'and stay so');
});
