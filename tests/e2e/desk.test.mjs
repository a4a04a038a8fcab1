// SPDX-License-Identifier: Apache-2.0
//
// The desk: a case with its reason reaches the people, one of them takes it, the bot is silent until
// it is given back, and what agents say to each other stays with them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer, Refused, ticketOf } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { assertFramesValid } from '../lib/schema.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

const SECRET = 'NOTE-FOR-COLLEAGUES-ONLY';

function bench(name, workers, set, body) {
	describe(`${name}, ${workers} workers`, () => {
		const ctx = { clients: [] };
		before(async () => {
			ctx.provider = await new HostileProvider().start();
			ctx.baton = await Baton.start({ policies: set(ctx.provider.url), workers, env: KEY_ENV });
			for (const id of ['nina', 'omar'])
				ctx[id] = await agent(ctx, id);
		});
		after(async () => {
			await ctx.provider?.stop();
			if (ctx.baton?.alive)
				await ctx.baton.kill().catch(() => {});
		});
		body(ctx);
	});
}

async function agent(ctx, id, options = {}) {
	const a = new Agent(ctx.baton, { token: AGENTS[id], name: id, ...options });
	ctx.clients.push(a);
	await a.connect();
	await a.desk();
	return a;
}

async function customer(ctx) {
	const c = new Customer(ctx.baton, {});
	ctx.clients.push(c);
	await c.connect();
	return c;
}

// A customer whose case waits; Nina follows it.
async function waiting(ctx, words = 'please let me talk to a human') {
	const c = await customer(ctx);
	await c.say(words);
	const queued = await c.event('case_queued');
	await ctx.nina.case(c.session, (k) => k.state === 'waiting');
	await ctx.nina.follow(c.session);
	return { c, queued };
}

async function claimed(ctx) {
	const { c, queued } = await waiting(ctx);
	await ctx.nina.claim(c.session);
	await c.event('case_claimed');
	return { c, queued };
}

for (const workers of (process.env.WORKERS ?? '1,3').split(',').map(Number))
	bench('the desk', workers, (url) => simpleSet(url, { models: ['ok'] }), (ctx) => {
		test('an agent gets neither session nor token, and the desk', async () => {
			const welcome = ctx.nina.frames.find((f) => f.t === 'welcome');
			assert.equal(welcome.role, 'agent');
			assert.equal(welcome.session, undefined);
			assert.equal(welcome.token, undefined);
			assert.ok(ctx.nina.frames.some((f) => f.t === 'desk'));
		});

		test('a wrong agent token gets no ticket', async () => {
			for (const token of ['wrong', `${AGENTS.nina}x`, AGENTS.nina.slice(1), ''])
				if (token)
					await assert.rejects(ticketOf(ctx.baton, { token }), Refused);
		});

		test('a waiting case shows its reason, queue and the customer\'s words', async () => {
			const { c } = await waiting(ctx, 'my parcel is lost, let me talk to a human');
			const kase = ctx.nina.cases.get(c.session);
			assert.equal(kase.queue, 'general');
			assert.match(kase.reason, /asked for a person/);
			assert.ok(kase.priority >= 1 && kase.priority <= 9);
			assert.ok(Math.abs(kase.waiting_since_ms - Date.now()) < 60000);
			assert.match(kase.preview, /parcel is lost/);
			const screen = ctx.nina.screen(c.session);
			assert.equal(screen.list('customer')[0].text, 'my parcel is lost, let me talk to a human');
			assert.equal(screen.event('escalation_triggered').value.rule, 'core.customer_asked');
		});

		test('who comes to the desk later sees the cases that wait', async () => {
			const { c } = await waiting(ctx);
			const late = await agent(ctx, 'sara', { role: 'supervisor' });
			await late.case(c.session, (k) => k.state === 'waiting');
			const desk = late.frames.find((f) => f.t === 'desk');
			assert.ok(desk.cases >= 1);
		});

		test('one agent takes a case; the second is refused', async () => {
			const { c } = await waiting(ctx);
			await ctx.omar.follow(c.session);
			await ctx.nina.claim(c.session);
			await assert.rejects(ctx.omar.claim(c.session), (e) => ['stale', 'wrong_state', 'denied'].includes(e.code));
			const seen = await c.event('case_claimed');
			assert.deepEqual(Object.keys(seen.value).sort(), ['agent_name', 'epoch']);
			assert.equal(seen.value.agent_name, 'Nina');
			const kase = await ctx.omar.case(c.session, (k) => k.state === 'claimed');
			assert.equal(kase.agent_name, 'Nina');
		});

		test('two agents race for a case: one of them has it', async () => {
			for (let round = 0; round < 5; round++) {
				const { c } = await waiting(ctx);
				await ctx.omar.follow(c.session);
				const results = await Promise.allSettled([ctx.nina.claim(c.session), ctx.omar.claim(c.session)]);
				assert.equal(results.filter((r) => r.status === 'fulfilled').length, 1);
			}
		});

		test('an agent\'s reply reaches the customer with a name and as a person\'s', async () => {
			const { c } = await claimed(ctx);
			const ack = await ctx.nina.reply(c.session, 'Hello, Nina here.');
			const message = await c.until(() => c.screen.list('human')[0], 'reply');
			assert.equal(message.text, 'Hello, Nina here.');
			assert.equal(message.role, 'assistant');
			assert.equal(message.id, `s${ack.seq}`);
			assert.deepEqual([message.meta.author.kind, message.meta.author.name], ['human', 'Nina']);
			assert.equal(message.meta.agent, undefined);
		});

		test('a repeated reply is one reply', async () => {
			const { c } = await claimed(ctx);
			const ack = await ctx.nina.reply(c.session, 'once', { id: 'r-once' });
			ctx.nina.send({ t: 'reply', session: c.session, id: 'r-once', text: 'once' });
			await ctx.nina.until(() => ctx.nina.frames.filter((f) => f.t === 'ack' && f.id === 'r-once').length === 2, 'second ack');
			assert.ok(ctx.nina.frames.filter((f) => f.t === 'ack' && f.id === 'r-once').every((f) => f.seq === ack.seq));
		});

		test('a reply written before the customer said more is held up', async () => {
			const { c } = await claimed(ctx);
			const seen = ctx.nina.screen(c.session).last;
			const more = await c.say('wait, I found it');
			await assert.rejects(ctx.nina.reply(c.session, 'we search for it', { if_seq: seen }), (e) => e.code === 'conflict');
			await ctx.nina.until(() => ctx.nina.screen(c.session).list('customer').some((m) => m.seq === more.seq), 'what was missed');
			await ctx.nina.reply(c.session, 'good!', { if_seq: more.seq });
		});

		test('the bot is silent while a person holds the conversation', async () => {
			const { c, queued } = await claimed(ctx);
			const asked = ctx.provider.log.length;
			for (const text of ['hello?', 'where is my order', 'I want to talk to a human'])
				await c.say(text);
			await ctx.nina.reply(c.session, 'here');
			await c.until(() => c.screen.list('human').length === 1, 'reply');
			assert.equal(ctx.provider.log.length, asked);
			assert.deepEqual(c.screen.list('bot').filter((m) => m.seq > queued.seq), []);
		});

		test('an agent who takes over in mid-answer has the last word', async () => {
			const c = await customer(ctx);
			const ack = await c.say('tell me everything');
			await ctx.nina.follow(c.session);
			await ctx.nina.claim(c.session);
			await c.event('case_claimed');
			await ctx.nina.reply(c.session, 'I am with you now.');
			await c.until(() => c.screen.list('human').length === 1, 'reply');
			const claim = c.screen.event('case_claimed').seq;
			assert.ok(c.screen.list('bot').every((m) => m.seq < claim), `${ack.seq}: no bot message after the claim`);
		});

		test('a note is for agents', async () => {
			const { c } = await claimed(ctx);
			await ctx.nina.note(c.session, SECRET);
			await ctx.omar.follow(c.session);
			await ctx.omar.event(c.session, 'note_added');
			await ctx.nina.reply(c.session, 'after the note');
			await c.until(() => c.screen.list('human').length === 1, 'reply');
			c.cut();
			c.last = 0;
			await c.connect();
			await c.until(() => c.frames.at(-1)?.t === 'caught_up' || c.screen.list('human').length, 'replay');
			assert.ok(!JSON.stringify(c.frames).includes(SECRET));
		});

		test('a case that was released waits again and can be taken by another', async () => {
			const { c } = await claimed(ctx);
			await ctx.nina.release(c.session, 'end of shift');
			await c.event('case_released');
			await ctx.omar.case(c.session, (k) => k.state === 'waiting');
			await ctx.omar.follow(c.session);
			await ctx.omar.claim(c.session);
			await assert.rejects(ctx.nina.reply(c.session, 'still me'), (e) => ['wrong_state', 'denied', 'stale'].includes(e.code));
			await ctx.omar.reply(c.session, 'Omar here');
			await c.until(() => c.screen.list('human').some((m) => m.meta.author.name === 'Omar'), 'Omar');
		});

		test('who does not hold a case can neither reply nor give it back', async () => {
			const { c } = await claimed(ctx);
			await ctx.omar.follow(c.session);
			await assert.rejects(ctx.omar.reply(c.session, 'me too'), Refused);
			for (const t of ['release', 'handback', 'resolve'])
				await assert.rejects(ctx.omar.act({ t, session: c.session }, () => false, `refusal of ${t}`), Refused);
		});

		test('after the handback the bot answers again', async () => {
			const { c } = await claimed(ctx);
			await ctx.nina.reply(c.session, 'solved.');
			await ctx.nina.handback(c.session);
			const back = await c.event('handback_approved');
			assert.equal(back.value.text, SAYS.handed_back);
			const ack = await c.say('and where is my other order?');
			const answer = await c.answer(ack.seq);
			assert.equal(answer.text, answerOf('ok'));
			await ctx.nina.case(c.session, (k) => k.state === 'gone');
		});

		test('a resolved case is gone; a later message is the bot\'s again', async () => {
			const { c } = await claimed(ctx);
			await ctx.nina.resolve(c.session, 'answered');
			const resolved = await c.event('session_resolved');
			assert.deepEqual(Object.keys(resolved.value).sort(), ['by', 'epoch']);
			await ctx.nina.case(c.session, (k) => k.state === 'gone');
			const ack = await c.say('hello again');
			await c.answer(ack.seq);
		});

		test('each sees when the other is typing', async () => {
			const { c } = await claimed(ctx);
			c.send({ t: 'typing' });
			await ctx.nina.until(() => ctx.nina.frames.find((f) => f.session === c.session && f.ev?.name === 'baton.typing' && f.ev.value.who === 'customer'), 'typing of the customer');
			ctx.nina.send({ t: 'typing', session: c.session });
			const typing = await c.until(() => c.frames.find((f) => f.ev?.name === 'baton.typing'), 'typing of the agent');
			assert.deepEqual(typing.ev.value, { who: 'agent', name: 'Nina' });
		});

		test('an agent that reconnects goes on where it was', async () => {
			const { c } = await claimed(ctx);
			const seen = ctx.nina.screen(c.session).last;
			ctx.nina.cut();
			await c.say('while you were away');
			await ctx.nina.connect();
			await ctx.nina.desk();
			await ctx.nina.follow(c.session, seen);
			await ctx.nina.until(() => ctx.nina.screen(c.session).list('customer').some((m) => m.text === 'while you were away'), 'what was missed');
			await ctx.nina.reply(c.session, 'back again');
			await c.until(() => c.screen.list('human').length === 1, 'reply');
		});

		test('customers cannot do what agents do, nor agents what customers do', async () => {
			const { c } = await waiting(ctx);
			const session = c.session;
			for (const frame of [{ t: 'desk' }, { t: 'open', session }, { t: 'claim', session }, { t: 'release', session }, { t: 'handback', session },
				{ t: 'resolve', session }, { t: 'leave', session }, { t: 'reply', session, id: 'x1', text: 'hi' }, { t: 'note', session, id: 'x2', text: 'hi' },
				{ t: 'draft', session, id: 'x3', draft: 1, action: 'accept' }]) {
				const at = c.frames.length;
				c.send(frame);
				const err = await c.until(() => c.frames.slice(at).find((f) => f.t === 'err'), `refusal of ${frame.t}`);
				assert.ok(['denied', 'unsupported', 'invalid'].includes(err.code), `${frame.t}: ${err.code}`);
				assert.equal(err.for, frame.t);
			}
			for (const frame of [{ t: 'msg', id: 'y1', text: 'hi' }, { t: 'human' }, { t: 'feedback', id: 'y2', value: 'up' }, { t: 'close' }]) {
				const at = ctx.omar.frames.length;
				ctx.omar.send(frame);
				await ctx.omar.until(() => ctx.omar.frames.slice(at).find((f) => f.t === 'err' && f.for === frame.t), `refusal of ${frame.t}`);
			}
			await assert.rejects(ctx.omar.act({ t: 'claim', session: '0193b3a0-0000-7000-8000-000000000000' }, () => false), Refused);
		});

		test('a waiting case and a claimed one are still there after a restart', async () => {
			const { c: one } = await waiting(ctx);
			const { c: two } = await claimed(ctx);
			await ctx.nina.reply(two.session, 'one moment');
			for (const client of ctx.clients)
				if (![one, two].includes(client))
					await client.end();
			one.cut();
			two.cut();
			await ctx.baton.stop();
			await ctx.baton.start();
			for (const id of ['nina', 'omar']) {
				await ctx[id].connect();
				ctx[id].cases.clear();
				ctx[id].frames.length = 0;
				await ctx[id].desk();
			}
			await ctx.nina.case(one.session, (k) => k.state === 'waiting');
			const mine = await ctx.nina.case(two.session, (k) => k.state === 'claimed');
			assert.equal(mine.agent_name, 'Nina');
			await ctx.nina.follow(two.session, ctx.nina.screen(two.session).last);
			await two.connect();
			await ctx.nina.reply(two.session, 'here again');
			await two.until(() => two.screen.list('human').some((m) => m.text === 'here again'), 'reply');
			await ctx.omar.follow(one.session);
			await ctx.omar.claim(one.session);
			await one.connect();
			await one.event('case_claimed');
		});

		test('the store agrees with what everybody did and saw', async () => {
			const logs = await judge(ctx.baton, ctx.clients);
			assert.ok(logs.size >= 15);
			for (const c of ctx.clients.filter((x) => x.role === 'customer'))
				assert.ok(!JSON.stringify(c.frames).includes(SECRET));
			assertFramesValid();
		});
	});

bench('drafts', 2, (url) => simpleSet(url, { models: ['ok'], tier: 2 }), (ctx) => {
	async function drafted(words = 'may I return this?') {
		const c = await customer(ctx);
		await c.say(words);
		const queued = await c.event('case_queued');
		assert.equal(queued.value.text, SAYS.draft_pending);
		await ctx.nina.case(c.session, (k) => k.state === 'waiting' && k.draft);
		await ctx.nina.follow(c.session);
		const draft = ctx.nina.screen(c.session).event('draft_proposed');
		assert.equal(draft.value.text, answerOf('ok'));
		await ctx.nina.claim(c.session);
		return { c, draft };
	}

	test('the customer sees nothing of a draft until a person sends it', async () => {
		const { c, draft } = await drafted();
		assert.ok(!JSON.stringify(c.frames).includes('word30'));
		await ctx.nina.draft(c.session, draft.seq, 'accept');
		const message = await c.until(() => c.screen.list('human')[0], 'the accepted draft');
		assert.equal(message.text, answerOf('ok'));
		assert.equal(message.meta.author.name, 'Nina');
		assert.equal((await ctx.nina.event(c.session, 'draft_reviewed')).value.action, 'accepted');
	});

	test('an edited draft is sent as edited', async () => {
		const { c, draft } = await drafted();
		await ctx.nina.draft(c.session, draft.seq, 'edit', { text: 'Yes, within 30 days.' });
		const message = await c.until(() => c.screen.list('human')[0], 'the edited draft');
		assert.equal(message.text, 'Yes, within 30 days.');
	});

	test('a rejected draft is never seen', async () => {
		const { c, draft } = await drafted();
		ctx.nina.send({ t: 'draft', session: c.session, id: 'reject-1', draft: draft.seq, action: 'reject' });
		const reviewed = await ctx.nina.event(c.session, 'draft_reviewed', draft.seq);
		assert.equal(reviewed.value.action, 'rejected');
		await ctx.nina.reply(c.session, 'Let me look myself.');
		await c.until(() => c.screen.list('human').length === 1, 'reply');
		assert.ok(!JSON.stringify(c.frames).includes('word30'));
		await assert.rejects(ctx.nina.draft(c.session, draft.seq, 'accept'), (e) => e.code === 'stale');
	});

	test('only who holds the case reviews its draft, and only the draft there is', async () => {
		const { c, draft } = await drafted();
		await assert.rejects(ctx.omar.draft(c.session, draft.seq, 'accept'), Refused);
		await assert.rejects(ctx.nina.draft(c.session, draft.seq + 1, 'accept'), Refused);
		await ctx.nina.draft(c.session, draft.seq, 'accept');
	});

	test('the store agrees with what everybody did and saw', async () => {
		for (const client of ctx.clients) // a draft's review is stored without the console's id
			client.ops = client.ops.filter((op) => op.verb !== 'draft' || op.acked === null);
		await judge(ctx.baton, ctx.clients);
		assertFramesValid();
	});
});
