// SPDX-License-Identifier: Apache-2.0
//
// The hostile provider itself: a test of faults is worth what its faults are worth, so each row is
// looked at with a plain HTTP client first.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import http from 'node:http';
import { HostileProvider, answerOf, CANARY, ROWS } from './provider.mjs';
import { WIRES } from './wires.mjs';

let provider;
before(async () => { provider = await new HostileProvider().start(); });
after(() => provider.stop());

// Asks; gives up after `limit` ms. Returns what had come by then and how it ended.
function ask(model, { limit = 1500, path = '/v1/chat/completions', messages = [{ role: 'user', content: 'hi' }] } = {}) {
	const body = JSON.stringify({ model, stream: true, messages, input: messages, stream_options: { include_usage: true } });
	return new Promise((go) => {
		const out = { status: 0, headers: {}, body: Buffer.alloc(0), end: 'limit' };
		const began = Date.now();
		const finish = (end) => { out.end = end; out.ms = Date.now() - began; clearTimeout(timer); req.destroy(); go(out); };
		const timer = setTimeout(() => finish('limit'), limit);
		const req = http.request(`${provider.base}${path}`, { method: 'POST', agent: false }, (res) => {
			out.status = res.statusCode;
			out.headers = res.headers;
			res.on('data', (part) => {
				if (out.body.length < 1 << 20)
					out.body = Buffer.concat([out.body, part]);
				out.bytes = (out.bytes ?? 0) + part.length;
			});
			res.on('end', () => finish('end'));
			res.on('error', () => finish('cut'));
			res.on('aborted', () => finish('cut'));
		});
		req.on('error', () => finish('reset'));
		req.end(body);
	});
}

function textOf(out) {
	let text = '';
	for (const line of out.body.toString().split('\n')) {
		if (!line.startsWith('data: {'))
			continue;
		try {
			text += JSON.parse(line.slice(6)).choices?.[0]?.delta?.content ?? '';
		} catch { /* the row that is not JSON */ }
	}
	return text;
}

test('a healthy model says all its words, its usage and [DONE]', async () => {
	const out = await ask('ok');
	assert.equal(textOf(out), answerOf('ok'));
	assert.match(out.body.toString(), /"completion_tokens":60/);
	assert.match(out.body.toString(), /\[DONE\]\n\n$/);
});

test('rows that recover are healthy the second time', async () => {
	for (const [row, status] of [['S01', 429], ['S03', 500], ['S05', 0]]) {
		const model = `${row}#recover`;
		const first = await ask(model);
		assert.equal(first.status, status, row);
		assert.equal(textOf(await ask(model)), answerOf(model), row);
		assert.equal(provider.of(model).length, 2);
	}
	assert.equal((await ask('S01#hint')).headers['retry-after'], '2');
});

test('rows that refuse say so with status and code, every time', async () => {
	const expected = { S02: [429, 'rate_limit_exceeded'], S04: [503, 'overloaded'], S12: [400, 'context_length_exceeded'],
		S13: [400, 'content_policy_violation'], S16: [503, 'overloaded'], B05: [401, 'invalid_api_key'],
		'B05,status=402': [402, 'invalid_api_key'], B06: [429, 'insufficient_quota'],
		'B06,status=400': [400, 'insufficient_quota'], B07: [404, 'model_not_found'] };
	for (const [model, [status, code]] of Object.entries(expected))
		for (let i = 0; i < 2; i++) {
			const out = await ask(model);
			assert.equal(out.status, status, model);
			const error = JSON.parse(out.body).error;
			assert.equal(error.code, code, model);
			assert.equal(error.message, CANARY);
		}
});

test('silent rows are silent', async () => {
	assert.deepEqual(await ask('S06', { limit: 300 }).then((o) => [o.status, o.end]), [0, 'limit']);
	assert.equal(textOf(await ask('S07', { limit: 300 })), '');
	assert.equal(textOf(await ask('S07#short,late=200')), answerOf('S07#short'));
	const stalled = textOf(await ask('S09', { limit: 400 }));
	assert.equal(stalled, answerOf('S09').split(' ').slice(0, 20).join(' '));
	const noisy = await ask('B01', { limit: 900 });
	assert.equal(textOf(noisy), '');
	assert.ok(noisy.bytes > 50, 'bytes come all the time');
	assert.ok(textOf(await ask('B04', { limit: 1300 })).split(' ').length <= 3);
});

test('cut rows break in mid-answer and never finish', async () => {
	for (const model of ['S08', 'S14']) {
		const out = await ask(model);
		assert.notEqual(out.end, 'end', model);
		assert.equal(textOf(out), answerOf(model).split(' ').slice(0, 40).join(' '));
		assert.doesNotMatch(out.body.toString(), /finish_reason":"stop|DONE/);
	}
});

test('broken streams are broken in the way their row says', async () => {
	const s10 = await ask('S10');
	assert.match(s10.body.toString(), /this is not json/);
	assert.equal(textOf(s10), answerOf('S10'));
	const s11 = await ask('S11', { limit: 600 });
	assert.equal(s11.end, 'limit');
	assert.doesNotMatch(s11.body.toString(), /DONE/);
	assert.equal((await ask('S11,end=1')).end, 'end');
	for (const kind of ['data', 'event'])
		assert.match((await ask(`B02,kind=${kind}`)).body.toString(), new RegExp(`"content":.*"error".*${CANARY}`, 's'));
	assert.equal(textOf(await ask('B03')), '');
	assert.match((await ask('B03,kind=length')).body.toString(), /"finish_reason":"length"/);
	assert.match((await ask('B10')).body.toString(), /tool_calls/);
});

test('foreign bodies are foreign', async () => {
	assert.match((await ask('B08')).headers['content-type'], /text\/html/);
	assert.equal((await ask('B08,kind=redirect')).status, 302);
	assert.equal((await ask('B08,kind=error')).status, 502);
	assert.match((await ask('B08,kind=type')).headers['content-type'], /event-stream/);
	for (const kind of ['huge', 'line']) {
		const out = await ask(`B08,kind=${kind}`, { limit: 5000 });
		assert.ok(out.bytes > 4 << 20, `${kind}: ${out.bytes}`);
	}
});

test('text is cut between the bytes of a character, or is none', async () => {
	assert.ok(textOf(await ask('B09,kind=split')).includes('\u{1F600}'));
	const halves = textOf(await ask('B09,kind=surrogate'));
	assert.ok(halves.includes('\u{1F600}'), 'the halves make one character when put together');
	const bad = (await ask('B09,kind=invalid')).body;
	assert.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(bad));
});

test('a prefilled assistant message is refused by noprefill alone', async () => {
	const messages = [{ role: 'user', content: 'hi' }, { role: 'assistant', content: 'half an' }];
	assert.equal((await ask('noprefill', { messages })).status, 400);
	assert.equal((await ask('noprefill')).status, 200);
	assert.equal((await ask('ok', { messages })).status, 200);
});

// --- the other wires ---

const PATHS = { chat: '/v1/chat/completions', responses: '/v1/responses', ollama: '/api/chat', messages: '/v1/messages' };
const WORDS = {
	chat: (value) => value.choices?.[0]?.delta?.content,
	responses: (value) => value.type === 'response.output_text.delta' && value.delta,
	ollama: (value) => value.message?.content,
	messages: (value) => value.delta?.text,
};
const MARKS = { chat: /\[DONE\]\n\n$/, responses: /"response.completed".*"output_tokens":60/, ollama: /"done":true.*"eval_count":60/,
	messages: /"stop_reason":"end_turn".*"output_tokens":60.*message_stop/s };

function textOn(wire, out) {
	let text = '';
	for (const line of out.body.toString().split('\n')) {
		try {
			text += WORDS[wire](JSON.parse(line.replace(/^data: /, ''))) || '';
		} catch { /* names of events, comments, the row that is not JSON */ }
	}
	return text;
}

for (const wire of Object.keys(WIRES))
	test(`${wire}: healthy, broken and refusing as its API is`, async () => {
		const on = (model, more = {}) => ask(model, { path: PATHS[wire], ...more });
		const ok = await on(`ok#${wire}`);
		assert.equal(textOn(wire, ok), answerOf(`ok#${wire}`));
		assert.match(ok.body.toString(), MARKS[wire]);
		assert.equal(provider.of(`ok#${wire}`)[0].wire, wire);
		const cut = await on(`S08#${wire}`);
		assert.equal(textOn(wire, cut), answerOf(`S08#${wire}`).split(' ').slice(0, 40).join(' '));
		assert.doesNotMatch(cut.body.toString(), MARKS[wire]);
		for (const [row, status] of Object.entries({ S02: 429, S03: 500, S04: 503, S12: 400, S13: 400, B05: 401, B06: 429, B07: 404 })) {
			const out = await on(`${row}#${wire}`);
			assert.equal(out.status, status, row);
			assert.match(JSON.stringify(JSON.parse(out.body).error), new RegExp(CANARY), row);
		}
		for (const kind of ['data', 'event'])
			assert.match((await on(`B02#${wire},kind=${kind}`)).body.toString(), new RegExp(`"error.*${CANARY}`, 's'));
		assert.equal(textOn(wire, await on(`B03#${wire}`)), '');
		assert.ok(textOn(wire, await on(`B09#${wire}`)).includes('\u{1F600}'));
		assert.match((await on(`B10#${wire}`)).body.toString(), /order_status/);
		const noisy = await on(`B01#${wire}`, { limit: 700 });
		assert.equal(textOn(wire, noisy), '');
		assert.ok(noisy.bytes > 5);
		const messages = [{ role: 'user', content: 'hi' }, { role: 'assistant', content: 'half an' }];
		assert.equal((await on('noprefill', { messages })).status, 400);
		const half = answerOf('S08').split(' ').slice(0, 40).join(' ');
		const middle = [{ role: 'user', content: 'hi' }, { role: 'assistant', content: half }];
		assert.equal(half + textOn(wire, await on('continues', { messages: middle })), answerOf('S08'));
		assert.equal(textOn(wire, await on('continues,echo=1', { messages: middle })), answerOf('S08'));
		assert.equal(textOn(wire, await on('continues')), answerOf('continues'));
	});

test('an outage ends when its time is over', async () => {
	const model = 'S15,outage=300';
	assert.equal((await ask(model)).status, 503);
	await new Promise((go) => setTimeout(go, 350));
	assert.equal(textOf(await ask(model)), answerOf(model));
});

test('the log tells who asked what and when; every row of the catalogue exists', async () => {
	await ask('ok#logged');
	const [entry] = provider.of('ok#logged');
	assert.equal(entry.status, 200);
	assert.equal(entry.tokens, 60);
	assert.equal(entry.ask.messages[0].content, 'hi');
	for (let i = 1; i <= 16; i++)
		assert.ok(ROWS.includes(`S${String(i).padStart(2, '0')}`));
	for (let i = 1; i <= 10; i++)
		assert.ok(ROWS.includes(`B${String(i).padStart(2, '0')}`));
	assert.equal(provider.log.filter((e) => e.bug).length, 0);
});
