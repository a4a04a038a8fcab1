// SPDX-License-Identifier: Apache-2.0
//
// Degraded modes as people meet them: an admin declares one at the running server, customers read why,
// what they write is kept and answered, agents see which mode and for how long. And substitutes that say so.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { HostileProvider, answerOf } from '../fault/provider.mjs';
import { Baton, run } from '../lib/baton.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, Widget, assertAccessible, shot, until } from './browser.mjs';

const MODEL = 'ok,gap=5';
const HOLD = 'We are moving house. We keep what you write and answer as soon as we are back.';
const CALM = 'Our assistant rests. People answer today.';
const LATER = 'We write back tomorrow.';
const MODES = { modes: [
	{ name: 'hold', do: 'pause', max_duration: '1h', say: HOLD },
	{ name: 'calm', do: 'intake', max_duration: '1h', say: CALM },
	{ name: 'later', do: 'ticket', max_duration: '1h', say: LATER },
] };

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

function mode(at, verb, name) {
	const out = run(['mode', verb, name, '--why', 'a test', '--data', at.baton.data]);
	assert.equal(out.code, 0, out.stderr);
}

const banner = (widget) => widget.page.locator('baton-chat .mode');

served('modes', { files: { 'modes.yaml': MODES } }, (at) => {
	test('a mode is told above the conversation as long as it lasts; what was kept is answered afterwards', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('Where is my lamp?');
		await widget.answer();
		assert.equal(await banner(widget).isVisible(), false);
		await widget.listen();

		mode(at, 'enter', 'hold');
		await banner(widget).filter({ hasText: HOLD }).waitFor();
		assert.ok((await widget.heard()).includes(HOLD), 'it is read aloud');
		await widget.say('And when does it come?');
		const note = widget.notes.filter({ hasText: 'Your message is kept' });
		await note.waitFor();
		assert.match(await note.innerText(), /^Your message is kept and answered later\. If not, a person gets it by \d.*\d\.$/);
		assert.equal((await widget.lines()).filter((line) => line === HOLD).length, 0, 'the sentence of the banner stands there once');
		assert.equal(await widget.human.innerText(), 'Talk to a human', 'the way to a person stays');
		await assertAccessible(widget.page, 'widget in a mode');
		await shot(widget.page, 'widget-mode');

		await widget.page.reload();
		await banner(widget).filter({ hasText: HOLD }).waitFor();
		assert.equal(await widget.finished.count(), 1, 'it waits');

		await widget.listen();
		mode(at, 'leave', 'hold');
		await widget.answer(2);
		await until(widget.page, 'the banner is gone', () => document.querySelector('baton-chat').shadowRoot.querySelector('.mode').hidden);
		assert.ok((await widget.heard()).includes('All works again.'));
		assert.deepEqual((await widget.bubbles()).map(([who]) => who), ['own', 'bot', 'own', 'bot']);
	});

	test('who comes while a mode is on is told at the first word', async () => {
		mode(at, 'enter', 'hold');
		const widget = await Widget.visit(await browser.person({ locale: 'de-DE' }), at.shop);
		await widget.open();
		await widget.say('Hello?');
		await banner(widget).filter({ hasText: HOLD }).waitFor();
		await widget.notes.filter({ hasText: 'kept' }).waitFor();
		mode(at, 'leave', 'hold');
		assert.equal(await widget.answer(), answerOf(MODEL));
	});

	test('agents see the mode, why and since when, and that it is over', async () => {
		mode(at, 'enter', 'calm');
		const widget = await Widget.visit(await browser.person(), at.shop);
		const words = 'is anybody there in the calm';
		await widget.say(words);
		await banner(widget).filter({ hasText: CALM }).waitFor();
		const desk = await Console.visit(await browser.person(), at.baton);
		const row = desk.cases.filter({ hasText: words });
		await row.locator('.chip.mode', { hasText: 'mode calm' }).waitFor();
		await row.click();
		await desk.page.locator('#room-mode', { hasText: /^mode calm · declared · \d+ s$/ }).waitFor();
		const entered = desk.log.locator('.event', { hasText: 'Mode calm: intake' });
		assert.match(await entered.innerText(), /because of declared · until .* · the customer was told: Our assistant rests/);
		await assertAccessible(desk.page, 'console in a mode');
		await shot(desk.page, 'console-mode');
		await desk.verb('Claim').click();
		await desk.text.waitFor();
		mode(at, 'leave', 'calm');
		await desk.log.locator('.event', { hasText: 'Mode calm is over' }).waitFor();
		await until(desk.page, 'the chips are gone', () => [...document.querySelectorAll('.chip.mode')].every((chip) => chip.hidden));
		await banner(widget).waitFor({ state: 'hidden' });
		assert.equal(await widget.human.innerText(), 'You are talking with Nina', 'a claimed case stays with its person');
	});

	test('what a mode queued and nobody claimed is answered by the bot when it is over', async () => {
		mode(at, 'enter', 'calm');
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('no hurry');
		await until(widget.page, 'a person is called', () => document.querySelector('baton-chat').shadowRoot.querySelector('.human-bar').innerText === 'A person will join you here');
		mode(at, 'leave', 'calm');
		assert.equal(await widget.answer(), answerOf(MODEL));
		assert.equal(await widget.human.innerText(), 'Talk to a human');
	});

	test('a ticket does not promise that a person is about to come', async () => {
		mode(at, 'enter', 'later');
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('no hurry at all');
		await until(widget.page, 'it is kept', () => document.querySelector('baton-chat').shadowRoot.querySelector('.human-bar').innerText === 'Your message is kept and answered later.');
		await widget.notes.filter({ hasText: LATER }).waitFor();
		mode(at, 'leave', 'later');
	});
});

const MARKED = { classes: [{ name: 'general', on_failure: 'fallback', mark_substitute: true }] };
served('a substitute', { models: ['S04', MODEL], files: { 'classes.yaml': MARKED } }, (at) => {
	test('says that it is one, and the agent sees why', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('Who answers?');
		assert.equal(await widget.answer(), answerOf(MODEL));
		await widget.log.locator('.item.bot .foot', { hasText: 'Answered by a substitute' }).waitFor();
		await widget.page.reload();
		await widget.log.locator('.item.bot .foot', { hasText: 'Answered by a substitute' }).waitFor();
		await widget.human.click();
		await widget.notes.filter({ hasText: SAYS.handed_over }).first().waitFor();

		const desk = await Console.visit(await browser.person(), at.baton);
		await desk.cases.filter({ hasText: 'Who answers?' }).click();
		const route = desk.log.locator('.event', { hasText: 'asks t1' }).last();
		await route.locator('summary', { hasText: 'Facts' }).click();
		assert.match(await route.innerText(), /because of unreachable/);
		assert.match(await route.locator('.facts').innerText(), /trigger\s+unreachable/);
		await desk.log.locator('.event.bad', { hasText: 'Model failed' }).first().waitFor();
	});
});
