// SPDX-License-Identifier: Apache-2.0
//
// Rocket.Chat #36023, PR #32069, Live Helper Chat #1170, amazon-connect-chatjs #254: after a blip of the network the
// widget sends and never receives, and what was typed offline is lost. The wire is cut so that neither end is told;
// the same in a real browser: tests/browser/widget.test.mjs.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, describe, test } from 'node:test';
import { judge } from '../lib/judge.mjs';
import { simpleSet } from '../lib/policies.mjs';
import { answerOf } from '../fault/provider.mjs';
import { Customer } from '../lib/client.mjs';
import { agent, hostile, serve } from './stage.mjs';

const provider = await hostile();

// A wire between client and server that can go dead in either direction without closing.
async function wireTo(port) {
	const wire = { dead: { up: false, down: false }, sockets: new Set() };
	const server = net.createServer((near) => {
		const far = net.connect(port, '127.0.0.1');
		wire.sockets.add(near).add(far);
		near.on('data', (bytes) => wire.dead.up || far.write(bytes));
		far.on('data', (bytes) => wire.dead.down || near.write(bytes));
		for (const [one, other] of [[near, far], [far, near]]) {
			one.on('error', () => {});
			one.on('close', () => wire.dead.up || wire.dead.down || other.destroy());
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	after(() => { wire.sockets.forEach((s) => s.destroy()); server.close(); });
	wire.port = server.address().port;
	return wire;
}

async function behind(tag) {
	const baton = await serve(simpleSet(provider.url, { models: [`ok#${tag}`] }));
	const wire = await wireTo(baton.port);
	const through = Object.assign(Object.create(baton), { base: `http://127.0.0.1:${wire.port}` });
	const c = new Customer(through, {});
	await c.connect();
	return { baton, wire, c };
}

describe('a wire that dies without a word', { concurrency: 3 }, () => {
	test('down: what was answered and written meanwhile comes after the reconnect', async () => {
		const { baton, wire, c } = await behind('down');
		await c.answer((await c.say('hello')).seq);
		wire.dead.down = true;
		const op = c.say('talk to a human'); // arrives; its acknowledgement does not
		const nina = await agent(baton, 'nina', c.session);
		await nina.case(c.session, (k) => k.state === 'waiting');
		await nina.claim(c.session);
		await nina.reply(c.session, 'Can you read me?');
		assert.deepEqual(c.screen.list('human'), []);
		wire.dead.down = false;
		c.cut();
		await c.connect();
		c.resend();
		await op;
		await c.until(() => c.screen.list('human').length === 1, 'the reply');
		assert.equal(nina.screen(c.session).list('customer').filter((m) => m.text === 'talk to a human').length, 1);
		await judge(baton, [c, nina]);
	});

	test('up: what was typed offline is kept by the client and arrives once, in its order', async () => {
		const { baton, wire, c } = await behind('up');
		await c.answer((await c.say('hello')).seq);
		wire.dead.up = true;
		const ops = ['first', 'second', 'third'].map((text) => c.say(text));
		wire.dead.up = false;
		c.cut();
		await c.connect();
		c.resend();
		const seqs = (await Promise.all(ops)).map((ack) => ack.seq);
		assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
		assert.equal((await c.answer(seqs[2])).text, answerOf('ok#up'));
		const log = (await judge(baton, [c])).get(c.session);
		assert.deepEqual(log.filter((e) => e.type === 'message_received').map((e) => e.data.text), ['hello', 'first', 'second', 'third']);
	});
});
