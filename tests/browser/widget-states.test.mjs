// SPDX-License-Identifier: Apache-2.0
//
// What a conversation seldom shows: a person offered by a rule, a queue outside of its hours, a case that changes
// hands, an answer on its way, a comment being written. Each is looked at by axe.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent } from '../lib/client.mjs';
import { KEY_ENV, SAYS, desk, openai, simpleSet } from '../lib/policies.mjs';
import { Browser, Widget, assertAccessible, shot, until } from './browser.mjs';

const OFFER = 'Would you rather talk to a colleague?', MOVED = 'A colleague from another team takes over.';

let browser, provider, baton, nina;
before(async () => {
	browser = await Browser.launch();
	provider = await new HostileProvider().start();
	const d = desk();
	d.hours = [{ name: 'never', timezone: 'Europe/Berlin', open: { mon: '03:00-03:01' } }];
	d.queues[0].hours = 'never';
	baton = await Baton.start({ env: KEY_ENV, policies: simpleSet(provider.url, { models: ['ok,gap=25'], files: {
		'modules.yaml': { modules: [openai(provider.url), { name: 'rules', kind: 'rule', file: 'rule-policy.so' }] },
		'escalation.yaml': { rules: [{ id: 'offer', stage: 'after', when: 'exchanges >= 0', action: 'offer_human', reason: 'always' }] },
		'desk.yaml': d,
		'channel.yaml': { origins: ['self'], say: { ...SAYS, offer_human: OFFER, transferred: MOVED } },
	} }) });
	nina = new Agent(baton, { name: 'nina', token: AGENTS.nina });
	await nina.connect();
});
afterEach(() => { browser.assertClean(); return browser.forget(); });
after(async () => {
	await nina?.end();
	await browser?.close();
	await provider?.stop();
	if (baton?.alive)
		await baton.stop();
});

const visit = async () => Widget.visit(await browser.person(), `${baton.base}/shop/`);

test('a person that a rule offers is one press away', async () => {
	const widget = await visit();
	await widget.say('is it any good?');
	const note = widget.notes.filter({ hasText: OFFER });
	await note.waitFor();
	await assertAccessible(widget.page, 'a person is offered');
	await shot(widget.page, 'widget-offer');
	await note.getByRole('button').press('Enter');
	await widget.notes.filter({ hasText: SAYS.handed_over }).waitFor();
	assert.equal(await note.getByRole('button').count(), 0, 'it is not offered any more');
});

test('outside of its hours the queue says when it opens, and a case that moves says so', async () => {
	const widget = await visit();
	await widget.say('hello');
	await widget.answer();
	await widget.human.click();
	const place = widget.page.locator('baton-chat .place');
	await place.getByText(/Nobody is here right now\. Back .*\d/).waitFor();
	await assertAccessible(widget.page, 'closed');
	await shot(widget.page, 'widget-closed');
	const session = await widget.page.evaluate(() => Object.values(localStorage).map((v) => JSON.parse(v)).find((v) => v?.session).session);
	await nina.follow(session);
	await nina.claim(session);
	await nina.act({ t: 'transfer', session, queue: 'billing', reason: 'a refund' }, (f) => f.t === 'ev' && f.ev.name === 'baton.case_transferred');
	await widget.notes.filter({ hasText: MOVED }).waitFor();
	await place.getByText(/You are number 1\./).waitFor();
	await assertAccessible(widget.page, 'transferred');
});

test('an answer on its way, and a comment on one that is there', async () => {
	const widget = await visit();
	await widget.say('tell me more');
	await widget.log.locator('.item.bot.live').waitFor();
	await assertAccessible(widget.page, 'streaming');
	await widget.answer();
	await widget.finished.first().getByRole('button', { name: 'Not helpful' }).click();
	const comment = widget.finished.first().getByRole('textbox');
	await comment.waitFor();
	await assertAccessible(widget.page, 'comment');
	await comment.fill('it was about another lamp');
	await comment.press('Enter');
	await until(widget.page, 'thanks', () => document.querySelector('baton-chat').shadowRoot.querySelector('[role=log]').innerText.includes('Thank you for the feedback.'));
});
