// SPDX-License-Identifier: Apache-2.0
//
// Who is who: agents sign in and out, a login that ends loses nothing that was written and shows nothing
// to the next person; customers are signed for or claimed to be somebody, and the two never mix. And a
// server that is killed takes neither the place in the list nor the text away.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { jwt } from '../lib/jwt.mjs';
import { KEY_ENV, desk, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, assertAccessible, shot, until } from './browser.mjs';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const SHOP_KEY = 'a-key-for-customers-0123456789abcdef';
const FILES = {
	'identity.yaml': { session: '1h', tier_claim: 'tier', keys: [{ kid: 'sso', alg: 'ES256', secret: 'SSO_KEY', issuer: 'https://id.example', audience: 'baton-desk', for: 'agents' },
		{ kid: 'shop', alg: 'HS256', secret: 'SHOP_KEY', issuer: 'https://shop.example', audience: 'baton' }] },
	'desk.yaml': { ...desk(), agents: [...desk().agents, { id: 'ada', name: 'Ada', role: 'admin' }], queues: [{ name: 'general', title: 'General' }, { name: 'offered', title: 'Offered', assign: 'offer', offer_for: '500ms' }, { name: 'strict', title: 'Strict', return_after: '1s' }], missed_offers: 1 },
};

let browser, provider, baton;
const customers = [];
before(async () => {
	[browser, provider] = await Promise.all([Browser.launch(), new HostileProvider().start()]);
	baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['ok,gap=2'], tier: 3, files: FILES }), env: { ...KEY_ENV, BATON_SECRET_SSO_KEY: ec.publicKey.export({ type: 'spki', format: 'pem' }), BATON_SECRET_SHOP_KEY: SHOP_KEY } });
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
/** A customer whose question is for people alone. */
async function waiting(body = {}) {
	const words = `please close my account (number ${String(++serial).padStart(2, '0')})`;
	const customer = new Customer(baton, { body: JSON.stringify(body), auto: true });
	customers.push(customer);
	await customer.connect();
	await customer.say(words);
	await customer.event('case_queued');
	return { customer, words };
}

const connected = (page) => until(page, 'connected', () => document.querySelector('#connection').textContent === 'Connected');
const stores = (page) => page.evaluate(() => [document.cookie, sessionStorage.length, localStorage.length]);

test('a token signed by the house signs in; no script can read what keeps it so', async () => {
	const context = await browser.person();
	const page = await context.newPage();
	await page.goto(`${baton.base}/console/`);
	await page.getByLabel('Agent token').fill(jwt({ key: ec.privateKey, kid: 'sso', alg: 'ES256', claims: { sub: 'nina', iss: 'https://id.example', aud: 'baton-desk', role: 'agent' } }));
	await page.keyboard.press('Enter');
	await connected(page);
	assert.equal(await page.locator('#me').innerText(), 'Nina');
	assert.deepEqual(await stores(page), ['', 0, 0]);
	const second = await context.newPage();
	await second.goto(`${baton.base}/console/`);
	await connected(second);
	await second.getByRole('button', { name: 'Sign out' }).click();
	await second.getByLabel('Agent token').waitFor();
	await second.reload();
	await second.getByLabel('Agent token').waitFor();
	assert.deepEqual((await context.cookies()).filter(({ name }) => name === '__Host-baton'), []);
});

test('an admin takes no cases, and is led to the live page', async () => {
	await waiting();
	const page = await (await browser.person()).newPage();
	await page.goto(`${baton.base}/console/#token=${jwt({ key: ec.privateKey, kid: 'sso', alg: 'ES256', claims: { sub: 'ada', name: 'Ada', iss: 'https://id.example', aud: 'baton-desk', role: 'admin' } })}`);
	await connected(page);
	await page.getByText('Admins take no cases.').waitFor();
	assert.equal(await page.locator('.case').count(), 0);
	await assertAccessible(page, 'an admin');
	await page.getByRole('main').getByRole('link', { name: 'live page' }).click();
	await page.waitForURL(/\/admin\//);
});

test('a login that ends keeps what was written, for the same person alone', async () => {
	const { words } = await waiting();
	const context = await browser.person();
	const { page, ...nina } = await Console.visit(context, baton);
	const desk = Object.assign(new Console(page), nina);
	await desk.claim(words);
	await desk.text.fill('half a sentence');
	await context.clearCookies();
	await baton.kill();
	await baton.start();
	await page.getByText('You are not signed in any more.').waitFor({ timeout: 20000 });
	await assertAccessible(page, 'signed out by the server');
	await page.getByLabel('Agent token').fill(AGENTS.nina);
	await page.keyboard.press('Enter');
	await connected(page);
	assert.equal(await desk.text.inputValue(), 'half a sentence');
	await context.clearCookies();
	await baton.kill();
	await baton.start();
	await page.getByText('You are not signed in any more.').waitFor({ timeout: 20000 });
	await page.getByLabel('Agent token').fill(AGENTS.omar);
	await page.keyboard.press('Enter');
	await connected(page);
	await until(page, 'nothing of the other one', () => document.querySelector('#room').hidden && document.querySelector('#text').value === '' && !document.querySelector('#log').firstChild);
});

test('signed and claimed stand apart; the write-up leads into the transcript', async () => {
	const identity = jwt({ key: SHOP_KEY, kid: 'shop', claims: { sub: '42', iss: 'https://shop.example', aud: 'baton', name: 'Jörg Müller', email: 'j@shop.example', tier: 'vip' } });
	const { words } = await waiting({ identity, attributes: { plan: '<b>gold</b>', email: 'boss@shop.example' } });
	const nina = await Console.visit(await browser.person(), baton);
	const row = nina.cases.filter({ hasText: words });
	await row.getByText('vip').waitFor();
	await row.getByText(/Jörg Müller/).waitFor();
	await row.getByText('tier 3').waitFor();
	await row.click();
	const why = nina.page.getByRole('complementary', { name: 'Why am I here' });
	await why.locator('.signed', { hasText: 'j@shop.example' }).waitFor();
	await why.locator('.claimed', { hasText: '<b>gold</b>' }).waitFor();
	assert.ok(!(await why.locator('.signed').innerText()).includes('boss@'), 'a claim is not signed');
	assert.ok(!(await why.locator('.claimed').innerText()).includes('j@shop'), 'and nothing signed is claimed');
	await why.getByText('Write-up').waitFor();
	await assertAccessible(nina.page, 'identity and write-up');
	await shot(nina.page, 'console-why');
	const link = why.getByRole('button', { name: /in the transcript/ }).first();
	const seq = (await link.innerText()).replace(/\D/g, '');
	await link.click();
	assert.equal(await nina.page.evaluate(() => document.activeElement.dataset.seq), seq);
});

test('an identity that is refused is said so, and the case is anonymous', async () => {
	const { words } = await waiting({ identity: jwt({ key: 'another-key-0123456789abcdefghijkl', kid: 'shop', claims: { sub: '42', iss: 'https://shop.example', aud: 'baton', name: 'Mallory' } }) });
	const nina = await Console.visit(await browser.person(), baton);
	await nina.cases.filter({ hasText: words }).click();
	const why = nina.page.getByRole('complementary', { name: 'Why am I here' });
	await why.getByText('Identity refused: bad signature').waitFor();
	assert.ok(!(await why.innerText()).includes('Mallory'));
});

/** To a queue, by a supervisor. */
async function move(words, queue) {
	const sara = await Console.visit(await browser.person(), baton, 'sara');
	await sara.page.getByRole('button', { name: 'Available' }).click();
	await sara.cases.filter({ hasText: words }).click();
	await sara.verb('Transfer').click();
	await sara.page.getByRole('dialog').getByLabel('Queue').selectOption(queue);
	await sara.page.getByRole('dialog').getByRole('button', { name: 'Transfer', exact: true }).click();
}

test('a case that goes back for want of a reply says so, and keeps what was written', async () => {
	const { words } = await waiting();
	await move(words, 'strict');
	const { page, ...nina } = await Console.visit(await browser.person(), baton);
	await nina.cases.filter({ hasText: words }).filter({ hasText: 'strict' }).click();
	await page.keyboard.press('c');
	await nina.text.waitFor();
	await nina.text.fill('too slow');
	await page.getByText('There was no reply for too long: the case went back to its queue.').waitFor();
	await page.getByRole('button', { name: 'Claim' }).click();
	await nina.text.waitFor();
	assert.equal(await nina.text.inputValue(), 'too slow');
});

test('who does not answer offers is away, and is told so', async () => {
	const { words } = await waiting();
	const nina = await Console.visit(await browser.person(), baton);
	await move(words, 'offered');
	await nina.page.getByRole('button', { name: 'Away: offers were not answered' }).click();
	await nina.page.getByRole('button', { name: 'Available' }).waitFor();
});

test('kill -9 in between: the place in the list stays under the hand', async () => {
	const { words } = await waiting();
	const { page, ...nina } = await Console.visit(await browser.person(), baton);
	await nina.cases.filter({ hasText: words }).waitFor();
	await nina.cases.filter({ hasText: words }).focus();
	await page.evaluate(() => { globalThis.rows = document.querySelectorAll('.case').length; globalThis.least = Infinity; new MutationObserver(() => { globalThis.least = Math.min(globalThis.least, document.querySelectorAll('.case').length); }).observe(document.querySelector('#list'), { childList: true }); });
	await baton.kill();
	await page.getByText('Reconnecting… what you send is kept.').waitFor();
	await baton.start();
	await connected(page);
	const fresh = await waiting();
	await nina.cases.filter({ hasText: fresh.words }).waitFor();
	assert.ok((await page.evaluate(() => document.activeElement.textContent)).includes(words));
	assert.ok(await page.evaluate(() => globalThis.least >= globalThis.rows), 'no row went and came back');
});
