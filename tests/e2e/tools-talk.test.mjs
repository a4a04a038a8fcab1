// SPDX-License-Identifier: Apache-2.0
//
// Tools in conversations: orders that are looked up, refunds that an agent approves, a model that asks for what it
// may and may not, a server that is killed between a call and its end. The service is real, and says what was done.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { KEY_ENV, SAYS, shopSet, simpleSet, speaking } from '../lib/policies.mjs';
import { SHOP_KEY, Shop } from '../lib/shop.mjs';
import { HostileProvider } from '../fault/provider.mjs';

const ENV = { BATON_SECRET_AGENT_NINA_TOKEN: AGENTS.nina, BATON_SECRET_AGENT_OMAR_TOKEN: AGENTS.omar };
const types = (events) => events.map((event) => event.type);

const sessions = [];
async function talk(baton, words) {
	const c = new Customer(baton);
	await c.connect();
	sessions.push(c.session);
	await c.say(words);
	return c;
}
const answered = (c) => c.until(() => c.screen.list('bot').at(-1), 'an answer');

async function agent(baton, id) {
	const one = new Agent(baton, { token: AGENTS[id], name: id });
	await one.connect();
	await one.desk();
	return one;
}

// A refund that was asked for, in the hands of `one`; the proposal's seq.
async function proposed(baton, one, words = 'refund HP-20441 please') {
	const c = await talk(baton, words);
	const queued = await c.event('case_queued');
	assert.match(queued.value.text, /approval/);
	await one.follow(c.session);
	const { seq, value } = await one.event(c.session, 'tool_proposed');
	assert.deepEqual([value.tool, value.arguments.order], ['refund_order', /HP-\d+/.exec(words)[0]]);
	return { c, seq };
}

describe('tools of the shop, no model', () => {
	let shop, baton, nina, omar;
	before(async () => {
		shop = await Shop.start();
		baton = await Baton.start({ env: { ...ENV, ...shop.env } });
		[nina, omar] = await Promise.all([agent(baton, 'nina'), agent(baton, 'omar')]);
	});
	after(async () => {
		shop.stop();
		if (baton?.alive)
			await baton.kill().catch(() => {});
	});

	test('"Where is my order HP-20441?" is answered with what the service says', async () => {
		const c = await talk(baton, 'Where is my order HP-20441?');
		assert.match((await answered(c)).text, /^Your order HP-20441 .* is on its way\. .*NP 5520 1187\. .*arrive on \d{4}-\d\d-\d\d\.$/s);
		const started = c.frames.find((frame) => frame.ev?.type === 'TOOL_CALL_START');
		assert.equal(started.ev.toolCallName, 'looks up your order');
		assert.ok(c.frames.every((frame) => !/order_status|"arguments"|Bearer/.test(JSON.stringify(frame))));
	});

	test('an order of somebody else does not exist; nobody is told that it does', async () => {
		const c = await talk(baton, 'Where is my order HP-30017?');
		const { text } = await answered(c);
		assert.doesNotMatch(text, /delivered|Breakwater/);
	});

	test('while the service is down, questions are answered all the same', async () => {
		await shop.fault('reset', { times: 9, method: 'GET' });
		const c = await talk(baton, 'Where is my order HP-20502?');
		assert.match((await answered(c)).text, /could not look that up/);
		await shop.fault('none');
	});

	test('a refund waits for an agent, is done once, and the customer reads what was done', async () => {
		const { c, seq } = await proposed(baton, nina);
		assert.deepEqual(await shop.effects(), []);
		await assert.rejects(omar.tool(c.session, seq, 'approve'), (e) => e.code !== undefined); // he does not hold the case
		await nina.claim(c.session);
		await nina.tool(c.session, seq, 'approve');
		await nina.until(() => nina.frames.find((f) => f.session === c.session && f.ev?.name === 'baton.tool_finished'), 'the end of the call');
		await assert.rejects(nina.tool(c.session, seq, 'approve'), (e) => e.code !== undefined);
		const effects = await shop.effects();
		assert.deepEqual(effects.map((one) => [one.order, one.cents]), [['HP-20441', 8900]]);
		await nina.handback(c.session);
		const draft = await nina.event(c.session, 'draft_proposed');
		assert.match(draft.value.text, /^We have paid back 89 EUR of order HP-20441\./);
		assert.equal((await shop.effects()).length, 1);
	});

	test('what an agent rejects is not done', async () => {
		const { c, seq } = await proposed(baton, nina, 'please refund HP-10432');
		await nina.claim(c.session);
		await nina.tool(c.session, seq, 'reject', { reason: 'Nothing has come back yet' });
		await nina.event(c.session, 'tool_reviewed');
		await nina.handback(c.session);
		assert.equal((await shop.effects()).length, 1);
		assert.ok((await shop.requests()).every((one) => one.method === 'GET' || one.path.includes('HP-20441')));
	});

	test('killed between the call and its end, it is done once and brought to its end', async () => {
		const { c, seq } = await proposed(baton, nina, 'please refund HP-20502');
		await nina.claim(c.session);
		await shop.fault('lost', { method: 'POST' });
		await shop.fault('hang', { method: 'POST', times: 1 });
		const before_ = (await shop.requests()).length;
		await nina.tool(c.session, seq, 'approve');
		for (let i = 0; i < 400 && (await shop.requests()).length < before_ + 2; i++)
			await sleep(10); // done, its answer lost, and asked for again
		await baton.kill();
		await shop.fault('none');
		await baton.start();
		const ada = await agent(baton, 'nina');
		await ada.follow(c.session);
		const end = await ada.until(() => ada.frames.find((f) => f.session === c.session && f.ev?.name === 'baton.tool_finished'), 'the end of the call');
		assert.equal(end.ev.value.ok, true, JSON.stringify(end.ev));
		assert.equal((await shop.effects()).filter((one) => one.order === 'HP-20502').length, 1);
		const keys = (await shop.requests()).filter((one) => one.path.includes('HP-20502') && one.method === 'POST').map((one) => one.key);
		assert.ok(keys.length >= 3 && keys.every((key) => key === keys[0]), keys.join(' '));
	});

	test('the key of the service stands in no log and no transcript', async () => {
		const metrics = await (await baton.http('/metrics')).text();
		await baton.stop();
		const told = sessions.map((session) => JSON.stringify(baton.transcript(session)));
		assert.ok(told.length >= 5 && told.every((text) => text.includes('tool_')));
		assert.ok([baton.stderr, metrics, ...told].every((text) => !text.includes(SHOP_KEY)));
	});
});

describe('a model that asks for tools', () => {
	const args = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
	const order = { type: 'object', required: ['order'], properties: { order: { type: 'string' } } };
	const tools = { tools: [
		{ name: 'order_status', module: 'orders', title: 'looks up your order', description: 'd', writes: false, arguments: order,
			request: { url: '/orders/{order}', answer: { pick: { status: '/order/status' } } } },
		{ name: 'refund_order', module: 'orders', title: 'pays back money', description: 'd', writes: true, idempotent: true, arguments: order,
			request: { method: 'POST', url: '/orders/{order}/refunds' } }] };
	const orders = { name: 'orders', kind: 'tool', file: 'tool-http.so', egress: ['127.0.0.1:*'], secrets: ['SHOP_ORDERS_URL', 'SHOP_ORDERS_KEY'],
		config: { base_url: '{{secret:SHOP_ORDERS_URL}}', auth: { bearer: 'SHOP_ORDERS_KEY' } } };
	let shop, provider;
	const running = [];
	before(async () => {
		shop = await Shop.start();
		provider = await new HostileProvider().start();
	});
	after(async () => {
		shop.stop();
		await provider.stop();
		for (const baton of running)
			if (baton.alive)
				await baton.kill().catch(() => {});
	});

	// A server whose model does as `model` says; the transcript of one question, and what the customer was left with.
	async function asked(model, offered = ['order_status', 'refund_order'], { wire = 'chat', route = { tools: offered, tool_rounds: 3 } } = {}) {
		const set = simpleSet(provider.url, { models: [model], target: { tools: true }, route,
			files: { 'tools.yaml': tools, 'channel.yaml': { origins: ['self'], say: { ...SAYS, approval: 'A colleague has to allow that.' } } } });
		const modules = JSON.parse(readFileSync(`${set}/modules.yaml`, 'utf8'));
		writeFileSync(`${set}/modules.yaml`, JSON.stringify({ modules: [wire === 'chat' ? modules.modules[0] : speaking(wire, provider.base), orders] }));
		const baton = await Baton.start({ policies: set, env: { ...KEY_ENV, ...ENV, ...shop.env }, workers: 1 });
		running.push(baton);
		const c = await talk(baton, 'Where is it?');
		await c.until(() => c.screen.list('bot').at(-1) ?? c.screen.event('case_queued'), 'an outcome');
		const said = c.screen.list('bot').at(-1)?.text;
		await baton.stop();
		return { said, events: baton.transcript(c.session) };
	}

	test('is answered with what its tool brought', async () => {
		const { said, events } = await asked(`T01,tool=order_status,args=${args({ order: 'HP-20441' })}`);
		assert.match(said, /The tool says .*on its way/s);
		const called = events.find((event) => event.type === 'tool_called');
		assert.deepEqual(called.data.arguments, { order: 'HP-20441' });
		assert.ok(types(events).indexOf('tool_called') < types(events).indexOf('tool_finished'));
	});

	for (const wire of ['responses', 'ollama', 'messages']) {
		test(`is answered with what its tool brought, over ${wire}`, async () => {
			const { said, events } = await asked(`T01#${wire},rounds=2,tool=order_status,args=${args({ order: 'HP-20441' })}`, undefined, { wire });
			assert.match(said, /The tool says .*on its way/s);
			assert.deepEqual(events.filter((event) => event.type === 'tool_called').map((event) => event.data.arguments), [{ order: 'HP-20441' }]);
			assert.ok(!types(events).includes('model_failed'), JSON.stringify(events));
		});
		test(`is shown what the route has looked up and is offered nothing, over ${wire}`, async () => {
			const model = `T01#${wire},rounds=0`;
			const { said, events } = await asked(model, [], { wire, route: { lookups: [{ tool: 'order_status', arguments: { order: 'HP-20441' } }] } });
			assert.match(said, /The tool says .*on its way/s);
			assert.ok(!types(events).includes('model_failed'), JSON.stringify(events));
			const [{ ask, refusal }] = provider.of(model);
			assert.equal(refusal, undefined);
			// What a wire must define so that it can be shown may not be called.
			assert.deepEqual(ask.tools ? [ask.tools.map((tool) => tool.name), ask.tool_choice] : [], wire === 'messages' ? [['order_status'], { type: 'none' }] : []);
		});
	}

	test('gets nothing it was not offered, and nothing outside of the declared path', async () => {
		const length = (await shop.requests()).length;
		const forbidden = await asked(`T01,rounds=9,tool=refund_order,args=${args({ order: 'HP-10432' })}`, ['order_status']);
		assert.ok(!types(forbidden.events).includes('tool_called'));
		assert.ok(forbidden.events.some((event) => event.type === 'guard_hit' && event.data.type === 'unauthorised_tool'));
		assert.ok(types(forbidden.events).includes('case_queued'));
		const elsewhere = await asked(`T01,tool=order_status,args=${args({ order: '../_effects' })}`);
		assert.notEqual(elsewhere.events.find((event) => event.type === 'tool_finished').data.ok, true);
		const wrong = await asked(`T01,tool=order_status,args=${args({ order: 7, customer: 'vera' })}`);
		assert.ok(!types(wrong.events).includes('tool_called'));
		assert.equal((await shop.requests()).length, length);
	});

	test('cannot change anything by itself', async () => {
		const { events } = await asked(`T01,tool=refund_order,args=${args({ order: 'HP-10432' })}`);
		assert.ok(types(events).includes('tool_proposed') && !types(events).includes('tool_called'));
		assert.equal((await shop.effects()).length, 0);
	});
});

// A service that reads a request and hangs up without a word, on a connection that has served before: whoever sent it
// cannot know what became of it, and libcurl would send it again by itself.
describe('a kept connection that closes under a write', () => {
	let service, provider, baton;
	const heard = [];
	before(async () => {
		let connections = 0;
		service = createServer((socket) => {
			const connection = ++connections;
			let bytes = '';
			socket.on('error', () => {});
			socket.on('data', (data) => {
				bytes += data;
				const end = bytes.indexOf('\r\n\r\n');
				if (end < 0 || bytes.length < end + 4 + Number(/^content-length: *(\d+)/im.exec(bytes)?.[1] ?? 0))
					return;
				const [, method, path] = /^(\S+) (\S+)/.exec(bytes);
				heard.push({ connection, method, path });
				bytes = '';
				if (method === 'POST' && heard.filter((one) => one.method === 'POST').length === 1)
					socket.destroy();
				else
					socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}');
			});
		});
		await new Promise((go) => service.listen(0, '127.0.0.1', go));
		provider = await new HostileProvider().start();
	});
	after(async () => {
		service.close();
		await provider.stop();
		if (baton?.alive)
			await baton.kill().catch(() => {});
	});

	for (const idempotent of [false, true])
		test(idempotent ? 'what may be repeated is repeated' : 'what may not happen twice has left once, and is in doubt', async () => {
			heard.length = 0;
			const none = { type: 'object', properties: {} };
			const set = simpleSet(provider.url, { models: ['T01,rounds=2,tool=leave_note,args=e30'], target: { tools: true },
				route: { tools: ['leave_note'], lookups: [{ tool: 'is_open' }], tool_rounds: 3 }, klass: { unattended: ['leave_note'] },
				files: { 'tools.yaml': { tools: [
					{ name: 'is_open', module: 'notes', title: 'looks', description: 'd', writes: false, arguments: none, request: { url: '/open' } },
					{ name: 'leave_note', module: 'notes', title: 'leaves a note', description: 'd', writes: true, idempotent, timeout: '4s', arguments: none,
						request: { method: 'POST', url: '/notes', retries: 1, backoff_ms: 10 } }] } } });
			const { modules } = JSON.parse(readFileSync(`${set}/modules.yaml`, 'utf8'));
			writeFileSync(`${set}/modules.yaml`, JSON.stringify({ modules: [...modules, { name: 'notes', kind: 'tool', file: 'tool-http.so',
				egress: ['127.0.0.1:*'], config: { base_url: `http://127.0.0.1:${service.address().port}` } }] }));
			baton = await Baton.start({ policies: set, env: KEY_ENV, workers: 1 });
			const c = await talk(baton, 'Please leave a note.');
			await c.until(() => c.screen.list('bot').at(-1) ?? c.screen.event('case_queued'), 'an outcome');
			await baton.stop();
			const [look, ...writes] = heard;
			assert.equal(look.method, 'GET');
			const ends = baton.transcript(c.session).filter((event) => event.type === 'tool_finished' && event.data.tool === 'leave_note');
			assert.equal(ends.length, 1);
			if (idempotent) { // on the connection that was kept: so it is this that is tried here
				assert.deepEqual(writes.map((one) => [one.method, one.connection === look.connection]), [['POST', true], ['POST', false]]);
				assert.equal(ends[0].data.ok, true, JSON.stringify(ends[0].data));
			} else {
				assert.equal(writes.length, 1, JSON.stringify(heard));
				assert.equal(ends[0].data.code, 'in_doubt', JSON.stringify(ends[0].data));
			}
		});
});
