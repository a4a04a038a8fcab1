// SPDX-License-Identifier: Apache-2.0
//
// Degraded modes as a customer lives through them: what is told, what is kept, who answers, and that
// automation takes up what had to wait. Real server, real sockets, a real kill. What admins see of modes
// is in admin.test.mjs; each way of ending is in tests/unit/test_modes.c.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { Control } from '../lib/control.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

const provider = await new HostileProvider().start();
after(() => provider.stop());

const MODES = [
	{ name: 'intake', do: 'intake', max_duration: '10m', at_expiry: 'normal', say: 'A colleague will answer you.' },
	{ name: 'ticket', do: 'ticket', max_duration: '10m', at_expiry: 'normal', say: 'We will write back today.', queue: 'billing' },
	{ name: 'pause', do: 'pause', max_duration: '10m', at_expiry: 'normal', say: 'We answer in a few minutes.' },
	{ name: 'short', do: 'pause', max_duration: '2s', at_expiry: 'hand_over', say: 'One moment.' },
	{ name: 'template', do: 'templated', template: 'busy', max_duration: '10m', at_expiry: 'normal', say: 'A colleague looks at every answer today.' },
	{ name: 'backup', do: 'substitute', use: 't1', max_duration: '10m', at_expiry: 'normal', say: 'A smaller assistant is here today.' },
];

async function open({ models = ['ok#main', 'ok#backup'], modes = MODES, ...options } = {}) {
	const baton = await Baton.start({
		policies: simpleSet(provider.url, { models, modes, files: { 'prompts/busy.md': 'We look into it and come back to you.\n' }, ...options }),
		env: KEY_ENV, workers: 2,
	});
	const admin = await Control.open(baton);
	const c = new Customer(baton);
	await c.connect();
	return { baton, admin, c };
}

const enter = (admin, mode, members = {}) => admin.do('mode.enter', { mode, ...members });
async function claims(baton, session) {
	const nina = new Agent(baton, { name: 'nina', token: AGENTS.nina });
	await nina.connect();
	await nina.follow(session);
	await nina.claim(session);
	return nina;
}
const leave = (admin, mode) => admin.do('mode.leave', { mode });

describe('degraded modes', { concurrency: 3 }, () => {
	test('intake: the customer is told, a person gets it, and the bot takes it back when the mode ends', async () => {
		const { baton, admin, c } = await open();
		await enter(admin, 'intake', { why: 'test' });
		const ack = await c.say('where is my order?');
		assert.equal((await c.event('mode_entered')).value.text, 'A colleague will answer you.');
		assert.equal((await c.event('case_queued', ack.seq)).value.text, 'A colleague will answer you.');
		assert.equal(provider.of('ok#main').length, 0, 'no model was asked');

		await leave(admin, 'intake');
		await c.event('automation_resumed');
		assert.equal((await c.answer(ack.seq)).text, answerOf('ok#main'));
		await c.event('mode_left');
		await judge(baton, [c]);
	});

	test('ticket: another queue; what an agent has claimed stays with the agent', async () => {
		const { baton, admin, c } = await open({ models: ['ok#ticket', 'ok#x'] });
		await enter(admin, 'ticket');
		const ack = await c.say('the invoice is wrong');
		assert.equal((await c.event('case_queued', ack.seq)).value.queue, 'billing');
		const nina = await claims(baton, c.session);
		await leave(admin, 'ticket');
		await c.event('mode_left');
		await nina.reply(c.session, 'I have corrected it.');
		await c.until(() => c.screen.list('human')[0], 'the agent\'s words');
		assert.equal(c.screen.event('automation_resumed'), undefined);
		assert.equal(provider.of('ok#ticket').length, 0);
		await judge(baton, [c, nina]);
	});

	test('pause: messages are kept, a kill loses nothing, all are answered at the end', async () => {
		const { baton, admin, c } = await open({ models: ['ok#paused', 'ok#x'] });
		await enter(admin, 'pause');
		const ack = await c.say('first question');
		assert.equal((await c.event('message_captured')).value.text, 'We answer in a few minutes.');
		await c.say('second question');
		await c.until(() => c.screen.events.filter((e) => e.name === 'baton.message_captured').length === 2, 'both kept');

		await baton.kill();
		c.cut();
		await baton.start();
		await c.connect();
		const again = await Control.open(baton);
		const on = (await again.do('modes')).modes.find((m) => m.name === 'pause');
		assert.equal(on.state, 'on', 'the mode outlived the kill');
		assert.equal(provider.of('ok#paused').length, 0);
		await leave(again, 'pause');
		assert.equal((await c.answer(ack.seq)).text, answerOf('ok#paused'));
		await judge(baton, [c]);
	});

	test('a mode that runs out hands over what it kept', async () => {
		const { baton, admin, c } = await open({ models: ['ok#short', 'ok#x'] });
		await enter(admin, 'short');
		const ack = await c.say('hello?');
		await c.event('message_captured');
		await c.event('case_queued', ack.seq, 15000);
		assert.equal(c.screen.event('automation_resumed'), undefined);
		await judge(baton, [c]);
	});

	test('a template waits for an agent, who sends it', async () => {
		const { baton, admin, c } = await open({ models: ['ok#template', 'ok#x'] });
		await enter(admin, 'template');
		const ack = await c.say('why?');
		await c.event('case_queued', ack.seq);
		assert.deepEqual(c.screen.list('bot'), []);
		const nina = await claims(baton, c.session);
		const draft = nina.screen(c.session).event('draft_proposed');
		await nina.draft(c.session, draft.seq, 'accept');
		const said = await c.until(() => c.screen.list('human')[0], 'the template');
		assert.equal(said.text.trim(), 'We look into it and come back to you.');
		await judge(baton, [c, nina]);
	});

	test('a substitute answers, and its answer is marked', async () => {
		const { baton, admin, c } = await open({ models: ['ok#away', 'ok#stands-in'] });
		await enter(admin, 'backup');
		const ack = await c.say('hello?');
		assert.equal((await c.answer(ack.seq)).text, answerOf('ok#stands-in'));
		const end = c.frames.find((f) => f.ev?.type === 'TEXT_MESSAGE_END' && f.ev.metadata?.baton?.author?.kind === 'bot');
		assert.equal(end.ev.metadata.baton.marked, true);
		await judge(baton, [c]);
	});

	test('a class that must pause keeps the message when its only model is down, and goes on by itself', async () => {
		const mode = { name: 'hold', do: 'pause', recover_when: '!primary_open', recover_for: '1s', max_duration: '10m', at_expiry: 'hand_over', say: 'We keep it.' };
		const { baton, c } = await open({ models: ['S15#hold,outage=4000'], modes: [mode], onFailure: 'pause', klass: { mode: 'hold' },
			target: { breaker: { failures: 1, open: '1s', open_max: '2s' } } });
		const ack = await c.say('refund me');
		await c.event('message_captured');
		assert.equal((await c.answer(ack.seq, 30000)).text, answerOf('S15#hold,outage=4000'));
		await judge(baton, [c]);
	});

	test('all models down: a person at once, and the bot goes on when one is back and nobody has claimed', async () => {
		const { baton, c } = await open({ models: ['S15#back,outage=5000'], modes: [], target: { breaker: { failures: 1, open: '1s', open_max: '2s' } } });
		const ack = await c.say('hello');
		await c.event('case_queued', ack.seq);
		// Somebody else's question finds out that the model is well again.
		const other = new Customer(baton);
		await other.connect();
		await new Promise((go) => setTimeout(go, 5500));
		await other.say('and mine?');
		assert.equal((await c.answer(ack.seq, 30000)).text, answerOf('S15#back,outage=5000'));
		await judge(baton, [c, other], { quiet: false });
	});

	test('every recorded frame fits the schemas', () => assertFramesValid());
});
