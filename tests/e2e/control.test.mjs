// SPDX-License-Identifier: Apache-2.0
//
// The control socket: who may come in, what is refused in which words, conversations through it, and
// hostile bytes. What admins do there to targets and modes is held against docs/CONTROL.md.

import assert from 'node:assert/strict';
import { statSync, writeFileSync, existsSync, symlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baton, SLOW, tempDir } from '../lib/baton.mjs';
import { Control } from '../lib/control.mjs';

const open = [];
after(async () => {
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});
async function start(options) {
	const baton = await Baton.start(options);
	open.push(baton);
	return baton;
}

// Bytes in, everything that comes back until the server closes.
function raw(baton, bytes, { half = true } = {}) {
	return new Promise((go, fail) => {
		const socket = net.connect({ path: path.join(baton.data, 'control.sock'), allowHalfOpen: true });
		let text = '';
		socket.setEncoding('utf8').on('data', (part) => { text += part; });
		socket.on('end', () => { socket.destroy(); go(text); }).on('error', () => go(text));
		socket.setTimeout(15000 * SLOW, () => fail(new Error(`still open: ${text.slice(0, 500)}`)));
		socket.write(bytes);
		if (half)
			socket.end();
	});
}

describe('the door', () => {
	let baton;
	before(async () => { baton = await start(); });
	after(() => baton.stop());

	test('only its owner can come near the socket', () => {
		const stat = statSync(path.join(baton.data, 'control.sock'));
		assert.ok(stat.isSocket());
		assert.equal(stat.mode & 0o777, 0o600);
	});

	test('answers come in the order of their questions and carry their tag', async () => {
		const control = await Control.open(baton);
		for (let i = 0; i < 50; i++)
			control.send({ do: i % 2 ? 'ping' : 'status', tag: `n${i}` });
		await control.until(() => control.lines.length === 50, '50 answers');
		assert.deepEqual(control.lines.map((l) => l.tag), Array.from({ length: 50 }, (_, i) => `n${i}`));
		assert.ok(control.lines.every((l) => l.ok));
		assert.equal((await control.do('status')).server.ready, true);
		control.close();
	});

	test('a question by somebody who says no more is answered before the end', async () => {
		const answer = JSON.parse(await raw(baton, '{"do":"ping"}\n'));
		assert.equal(answer.ok, true);
		assert.equal(answer.pid, baton.child.pid);
	});

	test('each refusal says what to do instead', async () => {
		const control = await Control.open(baton);
		assert.match(await control.refused('unsupported', { do: 'stauts' }), /did you mean `status`/);
		assert.match(await control.refused('invalid', { do: 'ping', labeled_only: true }), /did you mean `labelled_only`/);
		assert.match(await control.refused('invalid', { do: 'ping', why: 'x' }), /does not take `why`/);
		assert.match(await control.refused('invalid', { do: 'target.disable' }), /needs `target`/);
		assert.match(await control.refused('invalid', { do: 'target.disable', target: 'x'.repeat(65) }), /at most 64/);
		assert.match(await control.refused('invalid', { do: 'target.disable', target: 'a\u0000b' }), /name/);
		assert.match(await control.refused('invalid', { do: 'mode.enter', mode: 'm', for_ms: 1.5 }), /whole number/);
		assert.match(await control.refused('invalid', { do: 'mode.enter', mode: 'm', for_ms: -1 }), /whole number/);
		assert.match(await control.refused('invalid', { key: 'nobody' }), /`key` with/);
		assert.match(await control.refused('not_found', { key: 'nobody', human: true }), /converse/);
		assert.match(await control.refused('invalid', { do: 'drill.start', name: 'd', for_ms: 1000, faults: [{ target: 'primary', fault: 'fire' }] }), /outage/);
		assert.match(await control.refused('limit', { do: 'drill.start', name: 'd', for_ms: 3600001, faults: [{ target: 'primary', fault: 'cut' }] }), /3600000/);
		assert.match(await control.refused('invalid', { do: 'drill.start', name: 'd', for_ms: 1, faults: [] }), /at least one/);
		control.close();
	});

	test('what is no JSON is refused, three times over', async () => {
		for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\nmore\r\nmore\r\n', '[]\n1\n"x"\n{}\n', '\xff\xfe\n{\n}\n{\n',
			'{"do":"ping"\n'.repeat(9)]) {
			const lines = (await raw(baton, Buffer.from(bytes, 'latin1'))).trim().split('\n').map((l) => JSON.parse(l));
			assert.equal(lines.filter((l) => !l.ok).length, 3, JSON.stringify(lines));
		}
	});

	test('a line without an end is refused at 64 KiB', async () => {
		const answer = JSON.parse(await raw(baton, 'x'.repeat(70000), { half: false }));
		assert.equal(answer.error.code, 'too_big');
	});

	test('a line that is begun and never finished has ten seconds', async () => {
		const began = performance.now();
		const answer = JSON.parse(await raw(baton, '{"do":', { half: false }));
		assert.equal(answer.error.code, 'timeout');
		assert.ok(performance.now() - began > 9000);
	});

	test('bytes that drip do not wind the clock', async () => {
		const socket = net.connect({ path: path.join(baton.data, 'control.sock') });
		let text = '';
		socket.setEncoding('utf8').on('data', (part) => { text += part; }).on('error', () => {});
		const closed = new Promise((go) => socket.once('close', go));
		const began = performance.now();
		const drip = setInterval(() => socket.write(' '), 1000);
		await closed;
		clearInterval(drip);
		assert.equal(JSON.parse(text).error.code, 'timeout');
		assert.ok(performance.now() - began < 14000);
	});

	test('whoever asks and does not read waits, and then has every answer in order', async () => {
		const socket = net.connect({ path: path.join(baton.data, 'control.sock') });
		const lines = 4000; // 12 MB of answers
		await new Promise((go) => socket.once('connect', go));
		socket.pause();
		socket.write(Array.from({ length: lines }, (_, i) => JSON.stringify({ do: 'board', tag: `${i}` })).join('\n') + '\n');
		const other = await Control.open(baton);
		for (let i = 0; i < 20; i++)
			await other.do('ping'); // the others are not kept waiting
		other.close();
		let text = '', next = 0;
		await new Promise((go, fail) => {
			socket.setEncoding('utf8').on('data', (part) => {
				text += part;
				const parts = text.split('\n');
				text = parts.pop();
				for (const line of parts)
					if (JSON.parse(line).tag !== `${next++}`)
						fail(new Error(`answer ${next} is out of order`));
				if (next === lines)
					go();
			}).on('close', () => fail(new Error(`closed after ${next}`)));
			socket.resume();
		});
		socket.destroy();
	});

	test('the seventeenth connection is told so, and there is room when one goes', async () => {
		const all = [];
		for (let i = 0; i < 16; i++) {
			all.push(await Control.open(baton));
			await all[i].do('ping');
		}
		const late = await Control.open(baton);
		await late.gone();
		assert.equal(late.lines[0].error.code, 'limit');
		all.pop().close();
		let again;
		for (let i = 0; i < 100 && again?.lines[0]?.ok !== true; i++) {
			again?.close();
			again = await Control.open(baton);
			again.send({ do: 'ping' });
			await again.until(() => again.lines.length || again.ended, 'a word');
		}
		assert.equal(again.lines[0].ok, true);
		for (const control of [...all, again, late])
			control.close();
	});

	test('bytes of chance never hurt it', async () => {
		let seed = 7;
		const chance = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed % n; };
		const pieces = ['{', '}', '"do"', ':', '"converse"', ',', '"key":"k"', '"msg":{"id":"1","text":"hi"}', '\n', '[', ']', '\\u0000',
			'"drill.start"', '"faults":[{"target":"primary","fault":"cut"}]', '"for_ms":9', '\n{"do":"ping"}\n', '1e999', '"', '\u{1f600}'];
		for (let i = 0; i < 60; i++) {
			let text = '';
			for (let k = 0; k < 40; k++)
				text += pieces[chance(pieces.length)];
			for (const line of (await raw(baton, text + '\n')).trim().split('\n').filter(Boolean))
				assert.equal(typeof JSON.parse(line), 'object');
		}
		const control = await Control.open(baton);
		await control.do('ping');
		control.close();
	});
});

describe('conversations', () => {
	let baton, control;
	before(async () => { baton = await start(); control = await Control.open(baton); });
	after(() => baton.stop());

	test('a customer asks, is answered and is done', async () => {
		const talk = await control.converse('c1', { deltas: true });
		const seq = await talk.say('Where is my order?');
		const answer = await talk.event('answer_generated');
		assert.ok(answer.seq > seq);
		assert.ok(answer.data.text.length > 10);
		assert.equal(answer.data.target, undefined, 'a customer is not told who answered');
		const runs = talk.facts.filter((f) => f.run).map((f) => f.run.running);
		assert.deepEqual(runs, [true, false]);
		const said = talk.facts.filter((f) => f.delta).map((f) => f.delta.text).join('');
		assert.equal(said, answer.data.text);
		await talk.end();
		assert.equal(talk.events('session_resolved')[0].data.by, 'customer');
	});

	test('with an agent\'s eyes it sees every event but its own words, in order and once', async () => {
		const talk = await control.converse('c2', { as: 'agent', channel: 'drill', locale: 'de' });
		const seq = await talk.say('Where is my order?');
		const answer = await talk.event('answer_generated');
		assert.ok(answer.data.target);
		await talk.say('What does shipping cost?');
		await talk.until(() => talk.events('answer_generated').length === 2, 'second answer');
		await talk.end();
		const seqs = talk.events().map((e) => e.seq);
		assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
		assert.equal(new Set(seqs).size, seqs.length);
		const opened = talk.events('session_opened')[0];
		assert.equal(opened.data.channel, 'drill');
		assert.equal(opened.data.locale, 'de');
		assert.ok(talk.events('route_selected').length >= 2);
		assert.ok(seq >= 2);
		c2 = talk;
	});
	let c2;

	test('a person is had for the asking', async () => {
		const talk = await control.converse('c3', { as: 'agent' });
		talk.send({ human: true });
		const queued = await talk.event('case_queued');
		assert.ok(queued.data.queue);
		await talk.end({ leave: true });
	});

	test('a repeated id is acknowledged again and stored once', async () => {
		const talk = await control.converse('c4');
		const seq = await talk.say('Where is my order?', 'same');
		await talk.event('answer_generated');
		assert.equal(await talk.say('Where is my order?', 'same'), seq);
		await talk.end();
		await control.refused('not_found', { key: 'c4', human: true });
	});

	test('a key is one conversation at a time', async () => {
		const talk = await control.converse('c5');
		await control.refused('wrong_state', { do: 'converse', key: 'c5' });
		await talk.end({ leave: true });
		const again = await control.converse('c5');
		assert.notEqual(again.session, talk.session);
		await control.refused('wrong_state', { key: 'c5', feedback: { id: 'f', value: 'up' } });
		await again.end();
	});

	test('dozens at once on one connection keep apart', async () => {
		const talks = await Promise.all(Array.from({ length: 60 }, (_, i) => control.converse(`many-${i}`, { as: i % 2 ? 'agent' : 'customer' })));
		await Promise.all(talks.map(async (talk) => {
			await talk.say('Where is my order?');
			await talk.event('answer_generated');
			await talk.end();
		}));
		for (const talk of talks) {
			assert.equal(talk.events('answer_generated').length, 1);
			assert.equal(talk.events('session_resolved').length, 1);
		}
		await control.do('ping');
	});

	test('256 are the most, and a connection that breaks off takes its own with it', async () => {
		const other = await Control.open(baton);
		for (let i = 0; i < 256; i++)
			other.send({ do: 'converse', key: `k${i}` });
		await other.until(() => other.lines.length === 256, '256 sessions');
		await other.refused('limit', { do: 'converse', key: 'one more' });
		other.send({ key: 'k7', msg: { id: '1', text: 'Where is my order?' } });
		other.close();
		await control.do('ping');
	});

	test('what was said there is in the journal like anything else', async () => {
		await baton.stop();
		const types = baton.transcript(c2.session).map((e) => e.type);
		assert.deepEqual(types.filter((t) => t === 'message_received').length, 2);
		assert.ok(types.includes('session_resolved'));
		assert.equal(baton.fsck().code, 0);
		await baton.start();
	});
});

describe('the socket\'s file', () => {
	test('one that a kill left behind is replaced, and an end takes it away', async () => {
		const baton = await start();
		await baton.kill();
		const socket = path.join(baton.data, 'control.sock');
		assert.ok(existsSync(socket));
		await baton.start();
		const control = await Control.open(baton);
		await control.do('ping');
		control.close();
		await baton.stop();
		assert.ok(!existsSync(socket));
	});

	test('something else of that name is left alone, and the server says so', async () => {
		const data = tempDir('data');
		writeFileSync(path.join(data, 'control.sock'), 'mine');
		await assert.rejects(start({ data }), /no socket/);
	});

	test('one that somebody answers on is left alone', async () => {
		const data = tempDir('data');
		const other = net.createServer();
		await new Promise((go) => other.listen(path.join(data, 'control.sock'), go));
		await assert.rejects(start({ data }), /another server answers/);
		await new Promise((go) => other.close(go));
	});

	test('the path of the data folder may be as long as paths are', async () => {
		const deep = path.join(tempDir('data'), ...Array.from({ length: 12 }, () => 'a-long-name-of-a-folder'));
		const baton = await start({ data: deep });
		const short = path.join(tempDir('link'), 'd');
		symlinkSync(deep, short);
		const control = await Control.open({ data: short });
		await control.do('ping');
		control.close();
		await baton.stop();
	});
});
