// SPDX-License-Identifier: Apache-2.0
//
// chatwoot #13880, #15068: after a case is resolved the bot reads the old wish for a person again and hands over
// for ever.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { openai, simpleSet } from '../lib/policies.mjs';
import { answerOf } from '../fault/provider.mjs';
import { agent, customer, hostile, serve } from './stage.mjs';

const provider = await hostile();
const RULES = { 'modules.yaml': { modules: [openai(provider.url), { name: 'rules', kind: 'rule', file: 'rule-policy.so' }] },
	'escalation.yaml': { rules: [{ id: 'asked', when: 'asked_human', action: 'escalate_now', reason: 'asked' },
		{ id: 'circles', when: 'unresolved_exchanges >= 3', action: 'escalate', reason: 'circles' }] } };
const ENDS = { resolved: (nina, session) => nina.resolve(session, 'solved'), 'handed back': (nina, session) => nina.handback(session) };

describe('after a case is over', { concurrency: 2 }, () => {
	for (const [how, end] of Object.entries(ENDS))
		test(`${how}: the bot answers what comes next, again and again`, async () => {
			const model = `ok#${how.replace(' ', '-')}`;
			const baton = await serve(simpleSet(provider.url, { models: [model], files: RULES }));
			const c = await customer(baton);
			for (let i = 0; i < 2; i++) // the unresolved exchanges before it do not count either
				await c.answer((await c.say(`question ${i}`)).seq);
			await c.say('I want to talk to a human');
			const queued = await c.event('case_queued');
			const nina = await agent(baton, 'nina', c.session);
			await nina.claim(c.session);
			await nina.reply(c.session, 'It is on its way.');
			await end(nina, c.session);
			for (let i = 0; i < 3; i++)
				assert.equal((await c.answer((await c.say(`what is next? ${i}`)).seq)).text, answerOf(model));
			assert.equal(c.screen.event('case_queued', queued.seq), undefined);
			await c.say('a real person, please');
			await c.event('case_queued', queued.seq);
			await judge(baton, [c, nina]);
		});
});
