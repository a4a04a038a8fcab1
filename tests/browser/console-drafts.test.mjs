// SPDX-License-Identifier: Apache-2.0
//
// Answers that a person approves: accepted, edited, rejected; nothing is sent unseen.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { HostileProvider, answerOf } from '../fault/provider.mjs';
import { Baton } from '../lib/baton.mjs';
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

let people = 0;
served('answers that a person approves', { tier: 2 }, (at) => {
	const drafted = async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		const words = `close my account (case ${String(++people).padStart(2, '0')})`;
		await widget.say(words);
		await widget.notes.filter({ hasText: SAYS.draft_pending }).waitFor();
		assert.equal(await widget.finished.count(), 0, 'nothing is sent unseen');
		const desk = await Console.visit(await browser.person(), at.baton);
		await desk.cases.filter({ hasText: words }).click();
		await desk.log.locator('.draft').waitFor();
		assert.equal(await desk.log.getByRole('button', { name: 'Accept and send' }).count(), 0, 'not before the claim');
		await desk.verb('Claim').click();
		await desk.log.getByRole('button', { name: 'Accept and send' }).waitFor();
		return { widget, desk };
	};

	test('a draft is accepted and reaches the customer', async () => {
		const { widget, desk } = await drafted();
		await assertAccessible(desk.page, 'draft');
		await shot(desk.page, 'console-draft');
		await desk.log.getByRole('button', { name: 'Accept and send' }).click();
		await widget.log.locator('.item.human', { hasText: answerOf(MODEL) }).waitFor();
		await desk.log.getByText('Draft accepted').waitFor();
		assert.equal(await desk.log.getByRole('button', { name: 'Accept and send' }).count(), 0);
		await until(desk.page, 'the message stands in the transcript', () => document.querySelectorAll('#log .message.human').length === 1);
	});

	test('a draft is edited, and the customer sees the edited text alone', async () => {
		const { widget, desk } = await drafted();
		await desk.log.getByRole('button', { name: 'Edit' }).click();
		assert.equal(await desk.text.inputValue(), answerOf(MODEL));
		await desk.reply('Done, and **thank you**');
		await widget.log.locator('.item.human', { hasText: 'Done, and thank you' }).waitFor();
		await desk.log.getByText('Draft edited').waitFor();
		assert.ok(!(await widget.log.innerText()).includes('word1'));
	});

	test('a draft is rejected and never seen', async () => {
		const { widget, desk } = await drafted();
		await desk.log.getByRole('button', { name: 'Reject' }).click();
		await desk.log.getByText('Draft rejected').waitFor();
		await desk.reply('I answer this myself');
		await widget.log.locator('.item.human', { hasText: 'I answer this myself' }).waitFor();
		assert.ok(!(await widget.log.innerText()).includes('word1'));
	});
});
