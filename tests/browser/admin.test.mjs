// SPDX-License-Identifier: Apache-2.0
//
// The live page in a real browser: what an admin sees while a model is turned off and on again, done with
// the mouse and with the keyboard alone; what a screen reader gets; who may not see it.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KEY_ENV, desk, simpleSet } from '../lib/policies.mjs';
import { Browser, assertAccessible, shot, until } from './browser.mjs';

const ADMIN = 'token-of-rosa-0123456789abcdef';
let browser, provider, baton;

before(async () => {
	const people = desk();
	people.agents.push({ id: 'rosa', name: 'Rosa', secret: 'ADMIN_ROSA', role: 'admin' });
	browser = await Browser.launch();
	provider = await new HostileProvider().start();
	baton = await Baton.start({
		policies: simpleSet(provider.url, { models: ['ok,gap=1', 'ok,gap=1'], files: { 'desk.yaml': people }, budgets: { day_usd: 5 },
			modes: [{ name: 'quiet', do: 'intake', max_duration: '1h', at_expiry: 'normal', say: 'People answer now.' }] }),
		env: { ...KEY_ENV, BATON_SECRET_ADMIN_ROSA: ADMIN },
	});
});
afterEach(async () => {
	const faults = browser.faults.splice(0);
	await browser.forget();
	assert.deepEqual(faults, []);
});
after(async () => {
	await browser?.close();
	await provider?.stop();
	if (baton?.alive) await baton.stop();
});

async function live(options) {
	const page = await (await browser.person(options)).newPage();
	await page.goto(`${baton.base}/admin/#token=${ADMIN}`);
	await until(page, 'a status', () => document.querySelector('#connection').textContent === 'Live' && document.querySelector('#targets tbody tr'));
	return page;
}

async function chat(text) {
	const customer = new Customer(baton);
	await customer.connect();
	const { seq } = await customer.say(text);
	const answer = await customer.answer(seq);
	customer.ws.terminate();
	return answer;
}

for (const [name, options] of [['light', {}], ['dark', { colorScheme: 'dark' }], ['phone', { viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true, reducedMotion: 'reduce' }]])
	test(`the page is whole and accessible: ${name}`, async () => {
		await chat('Where is my lamp?');
		const page = await live(options);
		assert.equal(new URL(page.url()).hash, '', 'the token leaves the address bar');
		await page.getByText('Everything is as usual.').waitFor();
		await until(page, 'two samples', () => document.querySelectorAll('.plot polyline').length >= 3);
		for (const details of await page.locator('figure details summary').all()) await details.click();
		await assertAccessible(page, `live, ${name}`);
		const { width, scroll } = await page.evaluate(() => ({ width: innerWidth, scroll: document.documentElement.scrollWidth }));
		assert.ok(scroll <= width, 'nothing sticks out at the side');
		const labels = await page.locator('.plot[role=img]').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
		assert.equal(labels.length, 5);
		assert.match(labels[0], /^Answers, p95: t0 \d+ (ms|s)/);
		assert.match(labels[4], /^Cost today: spent \$\d.*, ceiling \$5\.00$/);
		assert.ok((await page.locator('figure').first().locator('tbody tr').count()) >= 1, 'the numbers behind a plot');
		await shot(page, `live-${name}`);
	});

test('a model is turned off and on, with a reason, and the page shows what becomes of it', async () => {
	const page = await live();
	await page.getByRole('button', { name: 'Turn off t0' }).click();
	await assertAccessible(page, 'confirm');
	const dialog = page.getByRole('dialog');
	await dialog.getByRole('button', { name: 'Turn off' }).click();
	assert.ok(await dialog.isVisible(), 'not without a reason');
	await dialog.getByLabel(/^Why\?/).fill('we try it');
	await dialog.getByRole('button', { name: 'Turn off' }).click();
	await page.locator('#acts li').filter({ hasText: 'Turn off t0: done' }).waitFor();
	await page.locator('#odd').getByText(/t0 is switched off.*by admin:rosa/).waitFor();
	await page.getByRole('row', { name: /t0 switched off/ }).waitFor();
	assert.match(await page.title(), /^\(1\)/);
	await chat('And now?');
	await until(page, 'a substitute is counted', () => /1 by a substitute/.test(document.querySelector('[data-tile=Answered]').textContent));
	await assertAccessible(page, 'live, with a target off');
	await shot(page, 'live-off');
	await page.getByRole('button', { name: 'Turn on t0' }).click();
	await dialog.getByLabel(/^Why\?/).fill('well again');
	await page.keyboard.press('Enter');
	await page.getByText('Everything is as usual.').waitFor();
});

test('with the keyboard alone: a mode is entered and left, and the focus stays where it was', async () => {
	const page = await live();
	await page.getByRole('button', { name: 'Enter quiet' }).focus();
	await page.keyboard.press('Enter');
	await until(page, 'the first field has the focus', () => document.activeElement.id === 'act-minutes');
	await page.keyboard.press('Control+A');
	await page.keyboard.type('5');
	await page.keyboard.press('Tab');
	await page.keyboard.type('keyboard');
	await page.keyboard.press('Enter');
	await page.locator('#odd').getByText(/Mode quiet \(intake\) is on/).waitFor();
	await until(page, 'back on the button, which is another verb now', () => document.activeElement.getAttribute('aria-label') === 'Leave quiet');
	await page.keyboard.press('Enter');
	await page.keyboard.press('Escape');
	assert.equal(await page.getByRole('dialog').count(), 0, 'Escape does nothing');
	await page.keyboard.press('Enter');
	await page.keyboard.type('done');
	await page.keyboard.press('Enter');
	await page.getByText('Everything is as usual.').waitFor();
});

test('what is refused is told in the words of the server', async () => {
	const page = await live();
	await page.getByRole('button', { name: 'Roll back' }).click();
	await page.getByLabel(/^Why\?/).fill('no reason');
	await page.keyboard.press('Enter');
	await page.locator('#acts li.bad').filter({ hasText: 'Roll back' }).waitFor();
});

test('agents are told that it is not theirs; a wrong token is refused; nothing is stored', async () => {
	const page = await (await browser.person()).newPage();
	await page.goto(`${baton.base}/admin/`);
	await assertAccessible(page, 'sign in');
	for (const [token, word] of [[AGENTS.nina, 'This token is not an admin’s.'], ['not-a-token-at-all', 'This token is not known here.']]) {
		await page.getByLabel('Admin token').fill(token);
		await page.keyboard.press('Enter');
		await page.getByText(word).waitFor();
		assert.equal(await page.locator('#app').isVisible(), false);
	}
	assert.deepEqual(await page.evaluate(() => [sessionStorage.length, localStorage.length]), [0, 0]);
	await page.getByLabel('Admin token').fill(ADMIN);
	await page.keyboard.press('Enter');
	await page.getByText('Everything is as usual.').waitFor();
	await page.reload();
	await page.getByText('Everything is as usual.').waitFor();
	await page.getByRole('button', { name: 'Sign out' }).click();
	await page.getByLabel('Admin token').waitFor();
	assert.deepEqual(await page.evaluate(() => [sessionStorage.length, localStorage.length]), [0, 0]);
});

test('after a kill it says so and comes back by itself', async () => {
	const page = await live();
	await baton.kill();
	await page.getByText('Connection lost, trying again…').waitFor();
	await baton.start();
	await until(page, 'live again', () => document.querySelector('#connection').textContent === 'Live');
	await page.getByText('Everything is as usual.').waitFor();
});
