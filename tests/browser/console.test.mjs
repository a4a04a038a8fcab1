// SPDX-License-Identifier: Apache-2.0
//
// Customer and agent, each in a browser of their own, over the real server: hand-over and back,
// replies that cross, and what an agent must not be able to do.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, Widget, assertAccessible, shot, until } from './browser.mjs';

const MODEL = 'ok,gap=5';

let browser;
before(async () => { browser = await Browser.launch(); });
after(() => browser?.close());

function served(name, options, body) {
	describe(name, () => {
		const at = {};
		before(async () => {
			at.provider = await new HostileProvider().start();
			at.baton = await Baton.start({ policies: simpleSet(at.provider.url, { models: [MODEL], ...options }), env: KEY_ENV });
			at.shop = `${at.baton.base}/shop/`;
		});
		afterEach(async () => {
			const faults = browser.faults.splice(0);
			await browser.forget();
			assert.deepEqual(faults, []);
		});
		after(async () => {
			await at.provider?.stop();
			if (at.baton?.alive) await at.baton.stop();
		});
		body(at);
	});
}

/** A customer who asked for a person, with words of their own to be found by. */
let people = 0;
async function waiting(at, words = `my lamp is late (case ${String(++people).padStart(2, '0')})`) {
	const widget = await Widget.visit(await browser.person(), at.shop);
	await widget.say(words);
	await widget.page.getByText('Sent', { exact: true }).first().waitFor();
	await widget.human.click();
	await widget.notes.filter({ hasText: SAYS.handed_over }).first().waitFor();
	return { widget, words };
}

served('the desk', {}, (at) => {
	test('a customer asks for a person, is answered by one, and goes back to the bot', async () => {
		const { widget, words } = await waiting(at);
		const desk = await Console.visit(await browser.person(), at.baton);
		await desk.cases.filter({ hasText: words }).click();
		await desk.log.getByText(words).waitFor();
		await desk.page.getByRole('complementary', { name: 'Why am I here' }).getByText('core.').first().waitFor();
		await desk.log.getByText('A person is needed').waitFor();
		await assertAccessible(desk.page, 'console, waiting case');
		await shot(desk.page, 'console-waiting');

		await desk.verb('Claim').click();
		await widget.notes.filter({ hasText: 'Nina (human) has joined the chat.' }).waitFor();
		assert.equal(await widget.human.innerText(), 'You are talking with Nina');
		await desk.text.waitFor();
		await desk.text.pressSequentially('Hello, **Nina** here');
		await widget.page.getByText('Nina is typing…').waitFor();
		await desk.text.press('Control+Enter');
		await widget.log.locator('.item.human .bubble', { hasText: 'Hello, Nina here' }).waitFor();
		assert.match(await widget.log.locator('.item.human .who').innerText(), /^Nina \(human\)/);
		assert.equal(await widget.log.locator('.item.human .bubble strong').innerText(), 'Nina');
		await until(desk.page, 'the reply stands once', () => [...document.querySelectorAll('#log .message.human')].length === 1);
		await assertAccessible(desk.page, 'console, claimed case');
		await shot(desk.page, 'console-claimed');

		await widget.say('And while she is here?');
		await desk.log.locator('.customer', { hasText: 'And while she is here?' }).waitFor();
		await desk.verb('Hand back').click();
		await widget.notes.filter({ hasText: SAYS.handed_back }).waitFor();
		const before = await widget.finished.count();
		await widget.say('Bot, are you there?');
		await widget.answer(before + 1);
		assert.equal(await widget.human.innerText(), 'Talk to a human');
		await desk.log.locator('.bot', { hasText: '<end>' }).last().waitFor();
	});

	test('the token leaves the address bar, and a reload stays signed in', async () => {
		const desk = await Console.visit(await browser.person(), at.baton);
		assert.equal(desk.page.url(), `${at.baton.base}/console/`);
		await desk.page.reload();
		await until(desk.page, 'connected', () => document.querySelector('#connection').textContent === 'Connected');
		await desk.page.getByRole('button', { name: 'Sign out' }).click();
		await desk.page.getByLabel('Agent token').waitFor();
		assert.deepEqual(await desk.page.evaluate(() => [sessionStorage.length, localStorage.length]), [0, 0]);
	});

	test('a wrong token is refused in words, the right one gets in', async () => {
		const page = await (await browser.person()).newPage();
		await page.goto(`${at.baton.base}/console/`);
		await assertAccessible(page, 'sign in');
		await page.getByLabel('Agent token').fill('not-a-token');
		await page.keyboard.press('Enter');
		await page.getByText('This token is not known here.').waitFor();
		await page.getByLabel('Agent token').fill(AGENTS.omar);
		await page.keyboard.press('Enter');
		await until(page, 'connected', () => document.querySelector('#connection').textContent === 'Connected');
	});

	test('a reply that crosses a new message is held until its writer decides', async () => {
		const { widget, words } = await waiting(at);
		const desk = await Console.visit(await browser.person(), at.baton);
		await desk.claim(words);
		await desk.text.fill('It is on its way');
		await widget.say('Oh, and it came broken');
		await desk.log.locator('.customer', { hasText: 'it came broken' }).waitFor();
		await desk.text.press('Control+Enter');
		await desk.page.getByText('1 new since you typed. Send anyway?').waitFor();
		await shot(desk.page, 'console-conflict');
		assert.equal(await widget.log.locator('.item.human').count(), 0);
		await desk.page.getByRole('button', { name: 'Keep writing' }).click();
		assert.equal(await desk.text.inputValue(), 'It is on its way');
		await desk.reply('I am sorry, we send another');
		await widget.log.locator('.item.human', { hasText: 'we send another' }).waitFor();
		assert.equal(await widget.log.locator('.item.human').count(), 1);
	});

	test('notes stay among agents', async () => {
		const { widget, words } = await waiting(at);
		const desk = await Console.visit(await browser.person(), at.baton);
		await desk.claim(words);
		await desk.page.getByLabel('Note among agents').check();
		await desk.reply('SECRET: a difficult one');
		await desk.log.locator('.message.note', { hasText: 'SECRET' }).waitFor();
		await desk.page.getByLabel('Reply to the customer', { exact: true }).first().check();
		await desk.reply('Good day');
		await widget.log.locator('.item.human', { hasText: 'Good day' }).waitFor();
		assert.ok(!(await widget.log.innerText()).includes('SECRET'));
	});

	test('on a case of another agent there is nothing but to read', async () => {
		const { words } = await waiting(at);
		const nina = await Console.visit(await browser.person(), at.baton);
		const omar = await Console.visit(await browser.person(), at.baton, 'omar');
		await omar.cases.filter({ hasText: words }).click();
		assert.ok(await omar.verb('Claim').isVisible());
		assert.equal(await omar.text.isVisible(), false, 'not before the claim');
		await nina.claim(words);
		await omar.page.getByText('Nina has this case.').waitFor();
		assert.equal(await omar.page.locator('#verbs button').count(), 0);
		assert.equal(await omar.text.isVisible(), false);
		await nina.reply('My reply');
		await omar.log.locator('.human', { hasText: 'My reply' }).waitFor();
		await nina.verb('Back to the queue').click();
		await omar.verb('Claim').waitFor();
	});

	test('a console that was cut off misses nothing and sends what was kept', async () => {
		const { widget, words } = await waiting(at);
		const desk = await Console.visit(await browser.person(), at.baton);
		await desk.claim(words);
		await desk.reply('before');
		await widget.log.locator('.item.human', { hasText: 'before' }).waitFor();
		await at.baton.kill();
		await desk.page.getByText('Reconnecting… what you send is kept.').waitFor();
		await desk.reply('written while away');
		await desk.log.getByText('kept, not sent yet').waitFor();
		await at.baton.start();
		await widget.log.locator('.item.human', { hasText: 'written while away' }).waitFor();
		await until(desk.page, 'each reply once', () => [...document.querySelectorAll('#log .message.human .bubble')].map((node) => node.textContent).join() === 'before,written while away');
		assert.equal(await widget.log.locator('.item.human').count(), 2);
	});

	test('cases are taken with the keyboard alone', async () => {
		const { widget, words } = await waiting(at);
		const { page, ...desk } = await Console.visit(await browser.person(), at.baton);
		await desk.cases.filter({ hasText: words }).waitFor();
		const focused = () => page.evaluate(() => document.activeElement.textContent);
		await page.keyboard.press('j');
		for (let i = 0; i < 20 && !(await focused()).includes(words); i++) await page.keyboard.press('j');
		assert.ok((await focused()).includes(words));
		await page.keyboard.press('Enter');
		await desk.log.getByText(words).waitFor();
		await page.keyboard.press('c');
		await desk.text.waitFor();
		await page.keyboard.press('r');
		await page.keyboard.type('jk: letters are letters here');
		await page.keyboard.press('Control+Enter');
		await widget.log.locator('.item.human', { hasText: 'jk: letters are letters here' }).waitFor();
		await page.keyboard.press('Escape');
		await page.keyboard.press('?');
		await page.getByRole('dialog', { name: 'Keys' }).waitFor();
		await assertAccessible(page, 'keys');
	});

	test('nothing that customers or agents write becomes markup on either side', async () => {
		const hostile = ['<img src=x onerror=alert(1)>', '<svg/onload=alert(2)>', '[click](javascript:alert(3))', '<iframe srcdoc="<script>alert(4)</script>">', '![](https://evil.example/pixel)', '&lt;script&gt;alert(5)&lt;/script&gt;'];
		const { widget, words } = await waiting(at);
		const desk = await Console.visit(await browser.person(), at.baton);
		await desk.claim(words);
		for (const text of hostile) await widget.say(text);
		await desk.log.locator('.customer', { hasText: 'alert(5)' }).waitFor();
		for (const text of hostile) {
			await desk.reply(text);
			await widget.log.locator('.item.human').filter({ hasText: text.slice(-12) }).first().waitFor();
		}
		for (const page of [widget.page, desk.page]) {
			const made = await page.evaluate(() => [document, document.querySelector('baton-chat')?.shadowRoot].filter(Boolean)
				.flatMap((root) => [...root.querySelectorAll('.bubble *')]).map((node) => node.tagName).filter((tag) => !['P', 'A', 'CODE', 'EM', 'STRONG', 'UL', 'OL', 'LI', 'PRE'].includes(tag)));
			assert.deepEqual(made, []);
			const links = await page.evaluate(() => [document, document.querySelector('baton-chat')?.shadowRoot].filter(Boolean).flatMap((root) => [...root.querySelectorAll('.bubble a')]).map((link) => link.protocol));
			assert.ok(links.every((protocol) => ['http:', 'https:', 'mailto:'].includes(protocol)), String(links));
		}
	});

	test('the queue is in order, small screens too', async () => {
		const first = await waiting(at);
		const second = await waiting(at);
		const desk = await Console.visit(await browser.person({ viewport: { width: 390, height: 740 }, colorScheme: 'dark' }), at.baton);
		for (const { words } of [first, second]) await desk.cases.filter({ hasText: words }).waitFor();
		const places = await desk.cases.filter({ hasText: /my lamp is late/ }).allInnerTexts();
		const [one, two] = [first, second].map(({ words }) => places.findIndex((text) => text.includes(words)));
		assert.ok(one >= 0 && one < two, places.join('|'));
		await assertAccessible(desk.page, 'console on a phone');
		await shot(desk.page, 'console-phone');
		await desk.claim(second.words);
		await assertAccessible(desk.page, 'console on a phone, claimed');
		await shot(desk.page, 'console-phone-claimed');
		await desk.page.getByRole('button', { name: 'All cases' }).click();
		await desk.cases.filter({ hasText: first.words }).waitFor();
	});
});
