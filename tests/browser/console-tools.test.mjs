// SPDX-License-Identifier: Apache-2.0
//
// What the bot may only do with a person's leave: the agent sees what, with what and why, says yes or no, and
// it is done once or not at all. The customer sees that something is looked up, and never with what.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import { LLMock } from '@copilotkit/aimock';
import { Baton } from '../lib/baton.mjs';
import { KEY_ENV, openai, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, Widget, assertAccessible } from './browser.mjs';

const refund = { name: 'refund', module: 'office', title: 'pays back money', description: 'Pays back money.', writes: true, idempotent: true,
	arguments: { type: 'object', required: ['order', 'amount'], properties: { order: { type: 'string' }, amount: { type: 'number' } } },
	request: { method: 'POST', url: '/refunds' } };
const status = { name: 'status', module: 'office', title: 'looks up your order', description: 'Looks an order up.', writes: false,
	arguments: { type: 'object', required: ['order'], properties: { order: { type: 'string' } } }, request: { method: 'POST', url: '/status' } };

let browser, mock, office, baton;
const effects = [];

function standIn({ messages }) {
	const at = messages.findLastIndex((m) => m.role === 'user');
	const asked = String(messages[at]?.content ?? '');
	const results = messages.slice(at).filter((m) => m.role === 'tool');
	if (/refund/.test(asked) && !messages.some((m) => /"id":"R1"|"R1"/.test(String(m.content))))
		return { toolCalls: [{ name: 'refund', arguments: '{"order":"A-17","amount":12.5}' }] };
	if (/where/i.test(asked) && results.length === 0)
		return { toolCalls: [{ name: 'status', arguments: '{"order":"A-17"}' }] };
	return { content: /refund/.test(asked) ? 'Your money is on its way.' : results.length ? 'It is in the van.' : 'How can I help?' };
}

before(async () => {
	browser = await Browser.launch();
	mock = new LLMock({ port: 0, chunkSize: 8 });
	mock.on({ model: /./ }, standIn, { latency: 1 });
	await mock.start();
	office = createServer((request, response) => {
		let body = '';
		request.on('data', (part) => { body += part; });
		request.on('end', () => {
			effects.push({ url: request.url, key: request.headers['idempotency-key'], body: JSON.parse(body) });
			setTimeout(() => {
				response.writeHead(200, { 'content-type': 'application/json' });
				response.end(request.url === '/refunds' ? '{"id":"R1","amount":12.5}' : '{"status":"in the van"}');
			}, 300);
		});
	}).listen(0, '127.0.0.1');
	await once(office, 'listening');
	const at = `127.0.0.1:${office.address().port}`;
	baton = await Baton.start({ env: KEY_ENV, policies: simpleSet(`${mock.url}/v1`, {
		models: ['stand-in'], target: { tools: true }, route: { tools: ['refund', 'status'] },
		files: {
			'modules.yaml': { modules: [openai(`${mock.url}/v1`), { name: 'office', kind: 'tool', file: 'tool-http.so', egress: [at], config: { base_url: `http://${at}` } }] },
			'tools.yaml': { tools: [refund, status] },
		} }) });
});
after(async () => {
	await browser?.close();
	office?.close();
	await mock?.stop();
	if (baton?.alive)
		await baton.stop();
});
afterEach(async () => {
	const faults = browser.faults.splice(0);
	await browser.forget();
	assert.deepEqual(faults, []);
});

async function proposed(words) {
	const widget = await Widget.visit(await browser.person(), `${baton.base}/shop/`);
	await widget.say(words);
	const desk = await Console.visit(await browser.person(), baton);
	await desk.cases.filter({ hasText: words }).click();
	const proposal = desk.log.locator('.proposal');
	await proposal.waitFor();
	assert.equal(await desk.log.getByRole('button', { name: 'Approve and do it' }).count(), 0, 'not before the claim');
	await desk.verb('Claim').click();
	await desk.log.getByRole('button', { name: 'Approve and do it' }).waitFor();
	return { widget, desk, proposal };
}

describe('what needs a person\'s leave', () => {
	test('is shown with everything it would be done with, done once when approved, and answered after the hand back', async () => {
		const { widget, desk, proposal } = await proposed('please refund me (case one)');
		assert.equal(effects.filter(({ url }) => url === '/refunds').length, 0, 'nothing has been done');
		const text = await proposal.innerText();
		for (const word of ['pays back money', 'A-17', '12.5', 'Needs your leave'])
			assert.ok(text.includes(word), `${word} in ${text}`);
		await assertAccessible(desk.page, 'proposal');
		await desk.log.getByRole('button', { name: 'Approve and do it' }).click();
		await desk.log.getByText('refund has answered').waitFor();
		assert.equal(await desk.log.getByRole('button', { name: 'Approve and do it' }).count(), 0);
		const done = effects.filter(({ url }) => url === '/refunds');
		assert.deepEqual(done.map(({ body }) => body), [{ order: 'A-17', amount: 12.5 }]);
		assert.ok(done[0].key, 'it has a key');
		await desk.verb('Hand back').click();
		await widget.finished.filter({ hasText: 'Your money is on its way.' }).waitFor();
		assert.equal(effects.filter(({ url }) => url === '/refunds').length, 1, 'once');
	});

	test('is not done when it is rejected', async () => {
		const before = effects.length;
		const { desk } = await proposed('please refund me (case two)');
		await desk.log.getByRole('button', { name: 'Reject' }).click();
		await desk.log.getByText('Proposal rejected').waitFor();
		assert.equal(effects.length, before);
	});
});

test('a look-up needs nobody: the customer sees that it goes on, and not with what', async () => {
	const widget = await Widget.visit(await browser.person(), `${baton.base}/shop/`);
	await widget.say('Where is it?');
	await widget.finished.filter({ hasText: 'It is in the van.' }).waitFor();
	assert.doesNotMatch(await widget.page.locator('body').innerText(), /A-17/);
});
