// SPDX-License-Identifier: Apache-2.0
//
// The desk as it is seen from the console: offers with their time, available and away, promises, queues
// that are not one's own, customers who have gone, the overview, and an outage dealt with at once.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KEY_ENV, desk, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, assertAccessible, shot, until } from './browser.mjs';

const people = desk().agents.map((one) => ({ ...one, ...(one.id === 'omar' && { queues: ['billing', 'offered'] }), ...(one.id === 'nina' && { queues: ['general', 'offered'], capacity: 2 }) }));
const DESK = { default_queue: 'general', capacity: 5, customer_gone_after: '2s', missed_offers: 0, agents: people,
	queues: [{ name: 'general', title: 'General questions', first_reply: '10m' }, { name: 'billing', title: 'Billing', first_reply: '30s' }, { name: 'offered', title: 'Offered', assign: 'offer', offer_for: '60s' }] };

let browser, provider, baton;
const customers = [];
before(async () => {
	[browser, provider] = await Promise.all([Browser.launch(), new HostileProvider().start()]);
	baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['ok,gap=2'], files: { 'desk.yaml': DESK } }), env: KEY_ENV });
});
afterEach(async () => {
	const faults = browser.faults.splice(0);
	await browser.forget();
	assert.deepEqual(faults, []);
});
after(async () => {
	await Promise.all(customers.splice(0).map((one) => one.end()));
	await browser?.close();
	await provider?.stop();
	if (baton?.alive) await baton.stop();
});

let serial = 0;
/** A customer who waits for a person, with words to be found by. */
async function waiting(words = `where is my parcel (number ${String(++serial).padStart(2, '0')})`) {
	const customer = new Customer(baton);
	customers.push(customer);
	await customer.connect();
	await customer.say(words);
	customer.send({ t: 'human', id: `h${serial}`, reason: 'a person please' });
	await customer.event('case_queued');
	return { customer, words };
}

const agent = async (name, options) => Console.visit(await browser.person(options), baton, name);

/** To a queue, by a supervisor, as another connection. */
async function send(sara, words, queue) {
	await sara.cases.filter({ hasText: words }).click();
	await sara.verb('Transfer').click();
	const dialog = sara.page.getByRole('dialog', { name: 'Transfer the case' });
	await dialog.getByLabel('Queue').selectOption(queue);
	await dialog.getByRole('button', { name: 'Transfer', exact: true }).click();
	await sara.cases.filter({ hasText: words }).filter({ hasText: queue }).waitFor();
}

test('an outage is one line: all of its cases are noted and transferred, each with its result', async () => {
	const many = [];
	for (let i = 0; i < 6; i++) many.push(await waiting());
	const sara = await agent('sara');
	await sara.cases.filter({ hasText: many[5].words }).waitFor();
	await sara.page.getByRole('button', { name: 'Overview' }).click();
	const overview = sara.page.getByRole('region', { name: 'Overview' });
	await overview.getByRole('checkbox', { name: /core\.customer_asked/ }).check();
	await overview.getByText('6 waiting cases selected').waitFor();
	await assertAccessible(sara.page, 'overview');
	await overview.getByLabel(/Note on each/).fill('the carrier is down until noon');
	await overview.getByRole('button', { name: 'Add the note to each' }).click();
	await overview.getByText('Note: 6 of 6 done.').waitFor();
	await overview.getByRole('button', { name: 'Transfer them' }).click();
	const dialog = sara.page.getByRole('dialog', { name: 'Transfer 6 waiting cases' });
	await dialog.getByLabel('Queue').selectOption('billing');
	await dialog.getByRole('button', { name: 'Transfer', exact: true }).click();
	await overview.getByText('Transfer: 6 of 6 done.').waitFor();
	assert.equal(await overview.locator('.results li', { hasText: 'done' }).count(), 6);
	await assertAccessible(sara.page, 'overview, done');
	await shot(sara.page, 'console-overview');
	await sara.page.getByRole('button', { name: 'Back to the cases' }).click();
	await sara.cases.filter({ hasText: many[0].words }).filter({ hasText: 'billing' }).click();
	await sara.log.locator('.message.note', { hasText: 'the carrier is down' }).waitFor();
	for (const { customer } of many) customer.send({ t: 'close' });
	await until(sara.page, 'all are closed', () => !document.querySelector('.case'));
});

test('a case is offered to one, declined, offered to the next, and accepted', async () => {
	const { customer, words } = await waiting();
	const [nina, omar, sara] = [await agent('nina'), await agent('omar'), await agent('sara')];
	await sara.page.getByRole('button', { name: /Available/ }).click();
	await sara.page.getByRole('button', { name: /Away/ }).waitFor();
	await nina.page.evaluate(() => { globalThis.heard = []; new MutationObserver(() => globalThis.heard.push(document.querySelector('#said').textContent)).observe(document.querySelector('#said'), { childList: true }); });
	await send(sara, words, 'offered');
	const offer = (who) => who.page.getByRole('region', { name: 'Offer' });
	await offer(nina).or(nina.page.locator('#offers:empty')).first().waitFor({ state: 'attached' });
	const first = await Promise.race([offer(nina).waitFor().then(() => nina), offer(omar).waitFor().then(() => omar)]);
	const second = first === nina ? omar : nina;
	assert.equal(await offer(second).count(), 0, 'to one at a time');
	await first.page.getByText(/s left/).first().waitFor();
	await assertAccessible(first.page, 'offer');
	await shot(first.page, 'console-offer');
	await offer(first).getByRole('button', { name: 'Decline' }).click();
	await offer(second).waitFor();
	await second.page.keyboard.press('y');
	await second.text.waitFor();
	assert.equal(await offer(second).count(), 0);
	await customer.event('case_claimed');
	await second.reply('Here I am');
	await customer.until(() => customer.screen.list('human').length, 'the reply');
	if (first === nina) assert.equal((await nina.page.evaluate(() => globalThis.heard)).filter((text) => /offered/.test(text)).length, 1, 'said once');
	await second.page.keyboard.press('Escape');
	await second.page.keyboard.press('Shift+E');
	await customer.event('session_resolved');
});

test('a queue that is not mine can be read, not claimed; promises are in words; the desk ranks', async () => {
	const { words } = await waiting();
	const later = await waiting();
	const [nina, omar, sara] = [await agent('nina'), await agent('omar', { colorScheme: 'dark' }), await agent('sara')];
	await nina.cases.filter({ hasText: words }).getByText(/on time: 9 min left/).waitFor();
	assert.match(await nina.cases.filter({ hasText: later.words }).innerText(), /#2/);
	await send(sara, words, 'billing');
	await omar.cases.filter({ hasText: words }).getByText(/due soon|on time/).waitFor();
	if (await nina.cases.filter({ hasText: words }).count()) {
		await nina.cases.filter({ hasText: words }).click();
		await nina.page.getByText('You do not work on the queue Billing. You can read.').waitFor();
		assert.equal(await nina.verb('Claim').count(), 0);
	}
	await assertAccessible(omar.page, 'promises, dark');
	await omar.claim(words);
	await omar.reply('Hello');
	await until(omar.page, 'the promise is kept', () => !document.querySelector('.case[aria-current] .due:not([hidden])'));
	await omar.page.getByRole('button', { name: 'Resolve' }).click();
	await omar.page.getByRole('dialog').getByRole('button', { name: 'Resolve', exact: true }).click();
});

test('who has gone, or wants an answer later, is marked in words', async () => {
	const gone = await waiting();
	const later = await waiting();
	later.customer.send({ t: 'ticket', id: 'ticket', contact: 'me@example.com' });
	await later.customer.event('ticket_left');
	await gone.customer.end();
	const nina = await agent('nina', { forcedColors: 'active', reducedMotion: 'reduce' });
	await nina.cases.filter({ hasText: gone.words }).getByText('gave up waiting').waitFor();
	await nina.cases.filter({ hasText: later.words }).getByText('ticket: answer later').waitFor();
	await assertAccessible(nina.page, 'marks, forced colours', ['color-contrast']);
	await shot(nina.page, 'console-marks-forced-colours');
});

test('words from right to left stand so, and stay text', async () => {
	const { words } = await waiting(`متى يصل طردي؟ ${++serial}`);
	const nina = await agent('nina', { viewport: { width: 390, height: 740 } });
	await nina.claim(words);
	const direction = (selector) => nina.page.locator(selector).first().evaluate((node) => getComputedStyle(node).direction);
	assert.equal(await direction('#log .customer .bubble'), 'rtl');
	await nina.text.fill('مرحبا');
	assert.equal(await direction('#text'), 'rtl');
	await assertAccessible(nina.page, 'right to left, on a phone');
	await shot(nina.page, 'console-rtl-phone');
	await nina.page.getByRole('button', { name: 'Why' }).click();
	await nina.page.getByRole('complementary', { name: 'Why am I here' }).getByText('What was asked').waitFor();
	await assertAccessible(nina.page, 'why, on a phone');
	await nina.page.getByRole('button', { name: 'Why' }).click();
	await nina.reply('مرحبا');
	await nina.verb('Resolve').click();
	await nina.page.getByRole('button', { name: 'Resolve', exact: true }).last().click();
});

test('the overview shows queues and people as they change', async () => {
	const sara = await agent('sara');
	await sara.page.keyboard.press('g');
	await sara.page.keyboard.press('o');
	const overview = sara.page.getByRole('region', { name: 'Overview' });
	const person = (name) => overview.getByRole('row').filter({ has: sara.page.getByRole('rowheader', { name, exact: true }) });
	await person('Omar').getByText('not signed in').or(person('Omar').getByText('connection lost')).waitFor();
	const nina = await agent('nina');
	await person('Nina').getByText('available').waitFor();
	await nina.page.keyboard.press('g');
	await nina.page.keyboard.press('s');
	await person('Nina').getByText('away').waitFor();
	await overview.getByRole('row', { name: /General questions/ }).waitFor();
	await assertAccessible(sara.page, 'overview with people');
	assert.match(await nina.page.locator('#load').innerText(), /of 2 cases/);
	await nina.page.getByRole('button', { name: /Away/ }).click();
	await person('Nina').getByText('available').waitFor();
});
