// SPDX-License-Identifier: Apache-2.0
//
// The spine: a ticket, a hello, a message, its acknowledgement, an answer that streams, and all of it
// again after a lost connection, in a second tab and after a restart. Run with one worker and with
// three: sessions live on one worker, connections on any.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer, Refused } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

const MODEL = 'ok,gap=8';
const WHOLE = answerOf(MODEL);

for (const workers of (process.env.WORKERS ?? '1,3').split(',').map(Number))
	describe(`the spine, ${workers} workers`, () => {
		let provider, baton;
		const clients = [];
		const customer = (options) => { const c = new Customer(baton, options); clients.push(c); return c; };

		before(async () => {
			provider = await new HostileProvider().start();
			baton = await Baton.start({ policies: simpleSet(provider.url, { models: [MODEL] }), workers, env: KEY_ENV });
		});
		after(async () => {
			await provider?.stop();
			if (baton?.alive)
				await baton.kill().catch(() => {});
		});

		test('hello is answered with a session, its token and the limits', async () => {
			const c = customer();
			const welcome = await c.connect({ locale: 'en-GB' });
			assert.match(welcome.session, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
			assert.match(welcome.token, /^[A-Za-z0-9_-]{43}$/);
			assert.equal(welcome.role, 'customer');
			assert.equal(welcome.owner, 'bot');
			assert.equal(welcome.mode, 'normal');
			assert.equal(welcome.limits.msg_bytes, 16384);
			assert.equal(welcome.limits.text_bytes, 8192);
			assert.equal(welcome.greeting, SAYS.greeting);
		});

		test('a message is acknowledged with its place, and its answer streams and ends', async () => {
			const c = customer();
			await c.connect();
			const ack = await c.say('Where is my order?', { id: 'first' });
			assert.equal(ack.id, 'first');
			assert.ok(ack.seq > 0);
			const answer = await c.answer(ack.seq);
			assert.equal(answer.text, WHOLE);
			assert.equal(answer.role, 'assistant');
			assert.ok(answer.pieces >= 3, `it came in ${answer.pieces} pieces`);
			assert.equal(answer.meta.author.kind, 'bot');
			assert.equal(answer.meta.origin, 'ai');
			assert.equal(answer.meta.bytes, Buffer.byteLength(WHOLE));
			assert.match(answer.id, new RegExp(`^${ack.seq}-\\d+$`));
			const types = c.frames.filter((f) => f.t === 'ev').map((f) => f.ev.type);
			assert.ok(types.indexOf('RUN_STARTED') < types.indexOf('TEXT_MESSAGE_START'));
			await c.until(() => c.frames.some((f) => f.ev?.type === 'RUN_FINISHED'), 'RUN_FINISHED');
			const run = c.frames.find((f) => f.ev?.type === 'RUN_STARTED').ev;
			assert.deepEqual([run.threadId, run.runId], [c.session, String(ack.seq)]);
		});

		test('the customer is told that an AI answers before it says a word', async () => {
			const c = customer();
			await c.connect();
			const ack = await c.say('hello');
			await c.answer(ack.seq);
			const told = c.frames.findIndex((f) => f.ev?.name === 'baton.disclosure_made');
			const said = c.frames.findIndex((f) => f.ev?.type === 'TEXT_MESSAGE_START');
			assert.ok(told >= 0 && told < said, `disclosure ${told}, first word ${said}`);
			assert.equal(c.frames[told].ev.value.text, SAYS.disclosure);
		});

		test('what is asked next knows what was said before', async () => {
			const c = customer();
			await c.connect();
			const first = await c.say('My order number is A-1009.');
			await c.answer(first.seq);
			const second = await c.say('And when does it come?');
			await c.answer(second.seq);
			const asked = provider.log.at(-1).ask.messages.map((m) => [m.role, m.content]);
			const text = JSON.stringify(asked);
			assert.match(text, /A-1009.*\[ok\].*when does it come/s);
			assert.equal(asked.at(-1)[0], 'user');
			assert.equal(provider.log.at(-1).headers.authorization, `Bearer ${KEY_ENV.BATON_SECRET_TEST_KEY}`);
		});

		test('a repeated id gets the same acknowledgement and no second answer, also after a reconnect', async () => {
			const c = customer();
			await c.connect();
			const first = await c.say('once', { id: 'same' });
			await c.answer(first.seq);
			const asked = provider.log.length;
			c.send({ t: 'msg', id: 'same', text: 'once' });
			await c.until(() => c.frames.filter((f) => f.t === 'ack' && f.id === 'same').length === 2, 'second ack');
			c.cut();
			await c.connect();
			c.send({ t: 'msg', id: 'same', text: 'once' });
			await c.until(() => c.frames.filter((f) => f.t === 'ack' && f.id === 'same').length === 3, 'third ack');
			assert.deepEqual([...new Set(c.frames.filter((f) => f.t === 'ack').map((f) => f.seq))], [first.seq]);
			const next = await c.say('another', { id: 'other' });
			assert.ok(next.seq > first.seq);
			await c.answer(next.seq);
			assert.equal(provider.log.length, asked + 1, 'the repeated message was not asked again');
		});

		test('a connection lost in mid-answer resumes with all that was said, once', async () => {
			const c = customer();
			await c.connect();
			const ack = await c.say('tell me much');
			await c.until(() => [...c.screen.messages.values()].some((m) => m.pieces >= 5), 'five pieces');
			c.cut();
			const at = c.frames.length;
			const welcome = await c.connect();
			assert.equal(welcome.session, c.session);
			const answer = await c.answer(ack.seq);
			assert.equal(answer.text, WHOLE);
			const pieces = c.frames.slice(at).filter((f) => f.ev?.type === 'TEXT_MESSAGE_CONTENT');
			assert.equal(pieces[0].off, 0);
			assert.ok(pieces[0].ev.delta.length > 10, 'all so far comes as one piece');
			assert.ok(c.frames.slice(at).some((f) => f.t === 'caught_up'));
		});

		test('an answer that ended while nobody listened is there on resume', async () => {
			const c = customer();
			await c.connect();
			const ack = await c.say('I close the lid now');
			c.cut();
			for (let i = 0; i < 500 && !provider.log.every((entry) => entry.closed_ms); i++)
				await sleep(10);
			await c.connect();
			assert.equal((await c.answer(ack.seq)).text, WHOLE);
		});

		test('resume tells what came after, and nothing twice', async () => {
			const c = customer();
			await c.connect();
			const first = await c.say('one');
			await c.answer(first.seq);
			const last = c.last;
			c.cut();
			const at = c.frames.length;
			await c.connect();
			await c.until(() => c.frames.slice(at).some((f) => f.t === 'caught_up'), 'caught_up');
			assert.deepEqual(c.frames.slice(at).filter((f) => f.t === 'ev' && f.seq !== undefined && f.seq <= last), []);
		});

		test('a session cannot be resumed without its token', async () => {
			const owner = customer();
			await owner.connect();
			await owner.answer((await owner.say('mine')).seq);
			for (const token of ['A'.repeat(43), owner.resume.token.slice(0, 42), '', owner.resume.token.replace(/.$/, (x) => x === 'A' ? 'B' : 'A') + 'x']) {
				const thief = new Customer(baton, { resume: { session: owner.session, token }, unchecked: true });
				await assert.rejects(thief.connect(), (error) => error instanceof Refused && ['unauthorized', 'not_found', 'invalid', 'limit'].includes(error.code),
					`token ${JSON.stringify(token)}`);
				assert.ok(!thief.frames.some((f) => f.t === 'ev'));
				thief.cut();
			}
			const stranger = new Customer(baton, { resume: { session: '0193b3a0-0000-7000-8000-000000000000', token: owner.resume.token } });
			await assert.rejects(stranger.connect(), Refused);
			stranger.cut();
		});

		test('a second tab sees both sides, live and from the beginning', async () => {
			const one = customer();
			await one.connect();
			const first = await one.say('from the first tab', { id: 'tab1' });
			await one.answer(first.seq);
			const two = customer({ resume: one.resume });
			await two.connect();
			await two.until(() => two.screen.list().length === 2, 'both sides');
			assert.deepEqual(two.screen.list().map((m) => [m.id, m.role, m.text]),
				[['c-tab1', 'user', 'from the first tab'], [two.screen.list('bot')[0].id, 'assistant', WHOLE]]);
			assert.equal(two.screen.list('customer')[0].meta.author.kind, 'customer');
			const second = await two.say('from the second tab', { id: 'tab2' });
			await one.until(() => one.screen.messages.get('c-tab2')?.final, 'the other tab\'s message');
			await Promise.all([one.answer(second.seq), two.answer(second.seq)]);
			assert.ok(!two.screen.messages.has('c-tab2'), 'its own message comes as an acknowledgement alone');
		});

		test('typing is shown to the other tab and is not stored', async () => {
			const one = customer(), two = customer();
			await one.connect();
			await one.answer((await one.say('hi')).seq);
			two.resume = one.resume;
			await two.connect();
			await two.until(() => two.frames.some((f) => f.t === 'caught_up'), 'caught_up');
			one.send({ t: 'typing' });
			const typing = await two.until(() => two.frames.find((f) => f.ev?.name === 'baton.typing'), 'typing');
			assert.equal(typing.ev.value.who, 'customer');
			assert.equal(typing.seq, undefined);
			assert.ok(!one.frames.some((f) => f.ev?.name === 'baton.typing'));
		});

		test('a person can be had by verb and by words; the bot is silent from there', async () => {
			for (const ask of [(c) => c.send({ t: 'human', reason: 'please' }), (c) => c.say('I want to talk to a human')]) {
				const c = customer();
				await c.connect();
				ask(c);
				const queued = await c.event('case_queued');
				assert.equal(queued.value.text, SAYS.handed_over);
				assert.deepEqual(Object.keys(queued.value).sort(), ['epoch', 'queue', 'text']);
				const asked = provider.log.length;
				await c.say('are you there?');
				const again = await c.say('hello?');
				assert.ok(again.seq > queued.seq);
				assert.equal(provider.log.length, asked, 'no model is asked while a person is awaited');
				assert.deepEqual(c.screen.list('bot').filter((m) => m.seq > queued.seq), []);
			}
		});

		test('feedback is stored once', async () => {
			const c = customer();
			await c.connect();
			const answer = await c.answer((await c.say('good?')).seq);
			const ack = await c.feedback('up', { id: 'fb', seq: answer.seq, comment: 'nice' });
			c.send({ t: 'feedback', id: 'fb', value: 'up', seq: answer.seq, comment: 'nice' });
			await c.until(() => c.frames.filter((f) => f.t === 'ack' && f.id === 'fb').length === 2, 'second ack');
			assert.equal(c.frames.filter((f) => f.t === 'ack' && f.id === 'fb')[1].seq, ack.seq);
			await assert.rejects(c.ask({ t: 'feedback', id: 'fb2', value: 'sideways' }, { unchecked: true }), (e) => e.code === 'invalid');
		});

		test('close resolves the session; a later message opens it again', async () => {
			const c = customer();
			await c.connect();
			await c.answer((await c.say('that was all')).seq);
			c.send({ t: 'close' });
			const resolved = await c.event('session_resolved');
			assert.equal(resolved.value.by, 'customer');
			const ack = await c.say('one more thing');
			assert.equal((await c.answer(ack.seq)).text, WHOLE);
		});

		test('pong carries the number of its ping', async () => {
			const c = customer();
			await c.connect();
			c.send({ t: 'ping', n: 77 });
			await c.until(() => c.frames.some((f) => f.t === 'pong' && f.n === 77), 'pong');
		});

		test('several messages in a row all find an outcome, in order', async () => {
			const c = customer();
			await c.connect();
			const acks = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((text) => c.say(text)));
			assert.deepEqual(acks.map((a) => a.seq), acks.map((a) => a.seq).sort((x, y) => x - y));
			await c.answer(acks.at(-1).seq);
		});

		test('text arrives byte for byte', async () => {
			const c = customer();
			const odd = ['\u00e9\u4e2d\u{1F600}', 'a\u0000b', 'line\nline\r\n\ttab', '\u202Ertl\u202C', '<script>alert(1)</script>',
				'"\\/\b\f', 'e\u0301'.repeat(50), '\uFEFFbom', '\u2028\u2029'];
			await c.connect();
			const two = customer();
			let last;
			for (const text of odd)
				last = await c.say(text);
			two.resume = c.resume;
			await two.connect();
			await two.until(() => two.screen.list('customer').length === odd.length, 'all texts');
			assert.deepEqual(two.screen.list('customer').map((m) => m.text), odd);
			await c.answer(last.seq);
		});

		test('after a stop and a start everything is there, and repeated ids are still known', async () => {
			const c = customer();
			await c.connect();
			const first = await c.say('before the restart', { id: 'old' });
			await c.answer(first.seq);
			for (const other of clients)
				if (other !== c)
					await other.end();
			c.cut();
			await baton.stop();
			await baton.start();
			await c.connect();
			c.send({ t: 'msg', id: 'old', text: 'before the restart' });
			await c.until(() => c.frames.filter((f) => f.t === 'ack' && f.id === 'old').length === 2, 'the old ack');
			assert.equal(c.frames.filter((f) => f.t === 'ack' && f.id === 'old')[1].seq, first.seq);
			const second = await c.say('after the restart');
			assert.equal((await c.answer(second.seq)).text, WHOLE);
			const two = customer({ resume: c.resume });
			await two.connect();
			await two.until(() => two.screen.list().length === 4, 'both sides of both lives');
		});

		test('an agent sees the conversation with everything in it', async () => {
			const c = customer();
			await c.connect();
			const ack = await c.say('look at this');
			await c.answer(ack.seq);
			const nina = new Agent(baton, { token: AGENTS.nina });
			clients.push(nina);
			await nina.connect();
			await nina.follow(c.session);
			const screen = nina.screen(c.session);
			assert.equal(screen.list('customer')[0].text, 'look at this');
			assert.equal(screen.list('bot')[0].text, WHOLE);
			assert.equal(screen.event('route_selected').value.model, MODEL);
			assert.equal(screen.list('bot')[0].meta.target ?? screen.event('route_selected').value.target, 't0');
		});

		test('the store agrees with what everybody did and saw', async () => {
			const logs = await judge(baton, clients);
			assert.ok(logs.size >= 15);
			const opened = [...logs.values()].map((log) => log[0]);
			assert.ok(opened.every((event) => event.type === 'session_opened' && event.data.channel));
			const all = [...logs.values()].flat();
			assert.ok(!all.some((event) => event.type === 'typing'));
			assert.equal(all.filter((event) => event.type === 'feedback_given').length, 1);
			assertFramesValid();
		});
	});

