// SPDX-License-Identifier: Apache-2.0
//
// The demonstration as a visitor meets it: the shop's own policies, the built-in models, sources.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Browser, Console, Widget, assertAccessible, shot } from './browser.mjs';

let browser, baton;
before(async () => {
	browser = await Browser.launch();
	baton = await Baton.start({ env: { BATON_SECRET_AGENT_NINA_TOKEN: AGENTS.nina, BATON_SECRET_AGENT_OMAR_TOKEN: AGENTS.omar, BATON_SECRET_SUPERVISOR_ADA_TOKEN: AGENTS.sara } });
});
after(async () => {
	await browser?.close();
	if (baton?.alive) await baton.stop();
});

for (const [name, options] of [['desktop', {}], ['phone', { viewport: { width: 390, height: 760 }, hasTouch: true, isMobile: true }], ['dark', { colorScheme: 'dark' }]])
	test(`the shop is whole and accessible on ${name}`, async () => {
		const widget = await Widget.visit(await browser.person(options), `${baton.base}/shop/`);
		await assertAccessible(widget.page, name);
		const { width, scroll } = await widget.page.evaluate(() => ({ width: innerWidth, scroll: document.documentElement.scrollWidth }));
		assert.ok(scroll <= width, 'nothing sticks out at the side');
		await shot(widget.page, `shop-${name}`);
		browser.assertClean();
	});

test('a suggestion opens the chat, and the answer names its source', async () => {
	const widget = await Widget.visit(await browser.person(), `${baton.base}/shop/`);
	await widget.page.getByRole('button', { name: 'How long does delivery take?' }).click();
	await widget.answer();
	await widget.finished.first().getByText('Sources').waitFor();
	assert.ok((await widget.finished.first().locator('.foot li').count()) > 0);
	await shot(widget.page, 'shop-source');
	browser.assertClean();
});

test('asking in words for a person brings one', async () => {
	const widget = await Widget.visit(await browser.person(), `${baton.base}/shop/`);
	await widget.page.getByRole('button', { name: 'I want to talk to a human' }).click();
	await widget.page.getByText('A person will join you here').waitFor();
	browser.assertClean();
});

test('a broken bowl becomes a draft that a person reads first', async () => {
	const widget = await Widget.visit(await browser.person(), `${baton.base}/shop/`);
	await widget.page.getByRole('button', { name: 'My bowl arrived broken' }).click();
	await widget.notes.first().waitFor();
	const desk = await Console.visit(await browser.person(), baton);
	await desk.claim('broken');
	await shot(desk.page, 'shop-draft');
	await desk.reply('We send you a **new one** today.');
	await widget.log.locator('.item.human', { hasText: 'new one' }).waitFor();
	browser.assertClean();
});
