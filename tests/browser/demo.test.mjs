// SPDX-License-Identifier: Apache-2.0
//
// The five minutes of the README, as they are written there, in a real browser over `baton demo`: Vera and a
// passer-by in the shop, Nina at the console, Ada who supervises, Rosa at the live page; the model is turned
// off and on in the middle. BATON_WRITE_SCREENSHOTS=1 writes the pictures of the README (docs/images).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { BIN, MODULES, ROOT, SLOW, tempDir } from '../lib/baton.mjs';
import { Browser, Console, Widget, assertAccessible, until } from './browser.mjs';

const IMAGES = path.join(ROOT, 'docs', 'images');
const SIZE = { viewport: { width: 1280, height: 760 }, deviceScaleFactor: 0.75 };
let browser, child, demo;

before(async () => {
	browser = await Browser.launch();
	child = spawn(BIN, ['demo', '--data', tempDir('demo'), '--listen', '127.0.0.1:0', '--modules', MODULES, '--web', path.join(ROOT, 'channels', 'web'),
		'--policies', path.join(ROOT, 'policies', 'shop'), '--json'], { stdio: ['ignore', 'pipe', 'ignore'] });
	demo = await new Promise((go, fail) => {
		let text = '';
		const late = setTimeout(() => fail(new Error('not ready')), 20000 * SLOW);
		child.stdout.setEncoding('utf8').on('data', (part) => { text += part; if (text.includes('\n')) { clearTimeout(late); go(JSON.parse(text)); } });
		child.once('exit', (code) => fail(new Error(`it ended: ${code}`)));
	});
});
after(async () => {
	await browser?.close();
	if (child?.exitCode === null) {
		const ended = new Promise((go) => child.once('exit', go));
		child.kill('SIGTERM');
		await ended;
	}
});

/** For the README, and small: a clone should not grow by megabytes. */
async function picture(page, name) {
	if (process.env.BATON_WRITE_SCREENSHOTS !== '1') return;
	mkdirSync(IMAGES, { recursive: true });
	const file = path.join(IMAGES, `${name}.png`);
	await page.screenshot({ path: file });
	assert.ok(statSync(file).size < 150 * 1024, `${file}: ${statSync(file).size} bytes`);
}

async function at(url, what, fn) {
	const page = await (await browser.person(SIZE)).newPage();
	await page.goto(url);
	await until(page, what, fn);
	return page;
}

const desk = async (agent) => new Console(await at(`${demo.base}/console/#token=${demo.agents[agent]}`, 'the console', () => document.querySelector('#connection').textContent === 'Connected'));
const bar = (widget, name) => widget.page.getByRole('complementary', { name: 'About this page' }).getByRole('button', { name });

test('the five minutes of the README', async () => {
	// 1. A customer, and an answer with its source.
	const guest = await Widget.visit(await browser.person(SIZE), demo.shop);
	await bar(guest, 'Turn the model off').waitFor();
	await assertAccessible(guest.page, 'the shop with its bar');
	await guest.page.getByRole('button', { name: 'How long does delivery take?' }).click();
	await guest.answer(1);
	await guest.finished.first().getByText('Sources').waitFor();
	await picture(guest.page, 'demo-answer');

	// 2. Money: a draft, which Nina reads and sends.
	const nina = await desk('nina');
	await guest.say('I was charged twice for my order');
	await nina.cases.filter({ hasText: 'charged twice' }).first().click();
	await nina.verb('Claim').click();
	await nina.log.getByRole('button', { name: 'Accept and send' }).waitFor();
	await nina.page.getByRole('complementary', { name: 'Why am I here' }).getByText('Why am I here').waitFor();
	await nina.log.locator('.draft').evaluate((node) => node.scrollIntoView({ block: 'center' }));
	await picture(nina.page, 'demo-draft');
	await nina.log.getByRole('button', { name: 'Accept and send' }).click();
	await guest.log.locator('.item.human').first().waitFor();
	await nina.verb('Hand back').click();

	// 3. Vera, whom the shop has signed for, on the page of her order, wants a person.
	const vera = await Widget.visit(await browser.person(SIZE), `${demo.shop}order.html`);
	await bar(vera, 'Sign in as Vera').click();
	await bar(vera, 'Vera, VIP: sign out').waitFor();
	await assertAccessible(vera.page, 'the order');
	await vera.say('I want to talk to a human about my bowls');
	await nina.cases.filter({ hasText: 'about my bowls' }).first().click();
	const why = nina.page.getByRole('complementary', { name: 'Why am I here' });
	await why.getByText('Signed by the shop').waitFor();
	await why.getByText('Vera Haugen').first().waitFor();
	await why.getByText('Claimed by the page').waitFor();
	await why.getByText('HP-10432').first().waitFor();
	await nina.verb('Claim').click();
	await nina.reply('Good day Vera, Nina here. I see your order in front of me.');
	await vera.log.locator('.item.human', { hasText: 'Nina here' }).waitFor();
	await picture(vera.page, 'demo-person');

	// 4. The model is turned off: a substitute, a person, a message that is kept, each as the classes say.
	const rosa = await at(demo.live, 'the live page', () => document.querySelector('#connection').textContent === 'Live' && document.querySelector('#targets tbody tr'));
	await rosa.getByText('Everything is as usual.').waitFor();
	await bar(guest, 'Turn the model off').click();
	await bar(guest, 'Turn the model on').waitFor();
	await guest.page.getByText('The model is off.').waitFor();
	await assertAccessible(guest.page, 'the shop without its model');
	const off = await Widget.visit(await browser.person(SIZE), demo.shop);
	await off.say('How long does delivery take?');
	await off.log.getByText('Answered by a substitute').waitFor();
	await off.say('I forgot my password and cannot log in');
	await off.page.getByText('Your message is kept').first().waitFor();
	await picture(off.page, 'demo-model-off');
	const refund = await Widget.visit(await browser.person(SIZE), demo.shop);
	await refund.say('How long does a refund take?');
	await refund.notes.filter({ hasText: 'I am passing you to a colleague' }).first().waitFor();
	await nina.cases.filter({ hasText: 'How long does a refund take?' }).first().waitFor();

	// 5. What those see who run it.
	await rosa.locator('#odd').getByText(/shop_knowledge is switched off/).waitFor();
	await rosa.locator('#odd').getByText(/Mode hold-changes \(pause\) is on/).waitFor();
	await until(rosa, 'the substitute is counted', () => /[1-9]\d* by a substitute/.test(document.querySelector('[data-tile=Answered]').textContent));
	await assertAccessible(rosa, 'the live page, the model off');
	await rosa.setViewportSize({ width: 1280, height: 1200 });
	await picture(rosa, 'demo-live');
	const ada = await desk('ada');
	await ada.page.getByRole('button', { name: 'Overview' }).click();
	await ada.page.getByRole('region', { name: 'Overview' }).getByText('Billing and refunds').first().waitFor();
	await picture(ada.page, 'demo-overview');

	// 6. On again, here by Rosa; what was kept is answered as soon as the mode is over.
	await rosa.getByRole('button', { name: 'Turn on shop_knowledge' }).click();
	await rosa.getByLabel(/^Why\?/).fill('the demonstration goes on');
	await rosa.keyboard.press('Enter');
	await bar(guest, 'Turn the model off').waitFor();
	await rosa.getByRole('button', { name: 'Leave hold-changes' }).click();
	await rosa.getByLabel(/^Why\?/).fill('it is back');
	await rosa.keyboard.press('Enter');
	await off.log.getByText(/reset/i).first().waitFor();
	await rosa.getByText('Everything is as usual.').waitFor();
	await bar(vera, 'Vera, VIP: sign out').click();
	await bar(vera, 'Sign in as Vera').waitFor();
	browser.assertClean();
});
