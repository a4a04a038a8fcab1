// SPDX-License-Identifier: Apache-2.0
//
// Garbage in: frames, HTTP requests, command lines, environments, policy files, module files. The
// server stays alive and answers others meanwhile, refusals have a code of the protocol's list, and
// what is said to customers is never an error's text.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AGENTS, Baton, MODULES, ROOT, SLOW, run, tempDir } from '../lib/baton.mjs';
import { Agent, Customer, WebSocket, ticketOf } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, simpleSet, write } from '../lib/policies.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

const codes = new Set([...readFileSync(path.join(ROOT, 'core/base/errors.def'), 'utf8').matchAll(/^X\(\w+, -\d+, "(\w+)"/gm)].map((m) => m[1]));
const LONG = 'x'.repeat(9000);
const GONE = '0193b3a0-0000-7000-8000-000000000000';

let provider, baton, witness;
const clients = [];

before(async () => {
	provider = await new HostileProvider().start();
	baton = await Baton.start({ policies: simpleSet(provider.url), env: KEY_ENV, workers: 2 });
	witness = new Customer(baton, { name: 'witness' });
	clients.push(witness);
	await witness.connect();
});
after(async () => {
	await provider?.stop();
	if (baton?.alive)
		await baton.kill().catch(() => {});
});

// Somebody else's conversation goes on, whatever is thrown at the server.
async function unharmed() {
	assert.ok(baton.alive, `the server ended: ${JSON.stringify(baton.exit)} ${baton.stderr.slice(-3000)}`);
	const ack = await witness.say('still with me?');
	assert.equal((await witness.answer(ack.seq)).text, answerOf('ok'));
}

// A socket of its own; sends raw messages and collects what comes.
async function raw({ role = 'customer', hello = { t: 'hello' } } = {}) {
	const { ticket } = await ticketOf(baton, role === 'agent' ? { token: AGENTS.nina } : {});
	const ws = new WebSocket(baton.base.replace(/^http/, 'ws') + '/v1/chat', ['baton.v1', `btn.${ticket}`], { origin: baton.base, perMessageDeflate: false });
	const r = { ws, frames: [], closed: null };
	ws.on('message', (data) => r.frames.push(...String(data).split('\n').filter(Boolean).map((line) => JSON.parse(line))));
	ws.on('error', () => {});
	ws.on('close', (code) => { r.closed = code; });
	await new Promise((go, fail) => { ws.once('open', go); ws.once('error', fail); });
	r.until = async (find, what, ms = 5000 * SLOW) => {
		for (const end = Date.now() + ms; Date.now() < end;) {
			const found = find();
			if (found)
				return found;
			await new Promise((go) => setTimeout(go, 5));
		}
		throw new Error(`no ${what}: ${JSON.stringify(r.frames.slice(-4))} closed ${r.closed}`);
	};
	if (hello) {
		ws.send(JSON.stringify(hello));
		await r.until(() => r.frames.length, 'welcome');
	}
	return r;
}

// A frame and then a ping, and what came by the pong. Nothing orders the two where the answer is another worker's
// (docs/wire/PROTOCOL.md, "Order"): a frame that must be refused is waited for by refusalOf().
async function answersTo(r, data, options) {
	const n = Math.floor(Math.random() * 1e9), at = r.frames.length;
	if (r.closed !== null)
		return { closed: r.closed, frames: [] };
	r.ws.send(data, options);
	if (r.ws.readyState === WebSocket.OPEN)
		r.ws.send(JSON.stringify({ t: 'ping', n }));
	await r.until(() => r.closed !== null || r.frames.slice(at).some((f) => f.t === 'pong' && f.n === n), 'pong or close');
	return { closed: r.closed, frames: r.frames.slice(at).filter((f) => f.t !== 'pong') };
}

// The refusal of a frame itself, whenever it comes: `err` that says what it is for.
async function refusalOf(r, data, t) {
	const at = r.frames.length;
	const { closed } = await answersTo(r, data);
	const refusal = () => r.frames.slice(at).find((f) => f.t === 'err' && (t === undefined || f.for === t));
	if (closed === null)
		await r.until(() => r.closed !== null || refusal(), `err for ${t}`);
	return { err: refusal(), closed: r.closed, frames: r.frames.slice(at).filter((f) => f.t !== 'pong') };
}

describe('frames', () => {
	const refusedWith = (expected, frame) => test(`${expected}: ${JSON.stringify(frame).slice(0, 70)}`, async () => {
		const r = await raw();
		const { err, frames, closed } = await refusalOf(r, JSON.stringify(frame));
		assert.ok(err, `refused: ${JSON.stringify(frames)}`);
		assert.ok([].concat(expected).includes(err.code), err.code);
		assert.equal(typeof err.message, 'string');
		assert.equal(typeof err.retryable, 'boolean');
		assert.equal(closed, null, 'the connection stays');
		r.ws.terminate();
	});
	refusedWith('unsupported', { t: 'nonsense' });
	refusedWith(['unsupported', 'bad_json'], { t: '' });
	refusedWith('unsupported', { t: 'MSG', id: 'a', text: 'hi' });
	refusedWith('invalid', { t: 'msg', id: 1, text: 'hi' });
	refusedWith('invalid', { t: 'msg', id: 'a', text: 7 });
	refusedWith('invalid', { t: 'msg', text: 'no id' });
	refusedWith('invalid', { t: 'msg', id: 'a' });
	refusedWith('invalid', { t: 'msg', id: '', text: 'hi' });
	refusedWith('invalid', { t: 'msg', id: 'a', text: '' });
	refusedWith(['too_big', 'limit'], { t: 'msg', id: 'a', text: LONG });
	refusedWith(['too_big', 'limit', 'invalid'], { t: 'msg', id: 'i'.repeat(65), text: 'hi' });
	refusedWith('invalid', { t: 'msg', id: 'a', text: null });
	refusedWith('invalid', { t: 'msg', id: ['a'], text: { a: 1 } });
	refusedWith(['invalid', 'wrong_state'], { t: 'feedback', id: 'a', value: 'sideways' });
	refusedWith(['invalid', 'wrong_state'], { t: 'feedback', id: 'a', value: 'up', seq: -1 });
	refusedWith('invalid', { t: 'read', seq: 'three' });
	refusedWith(['invalid', 'wrong_state', 'unsupported'], { t: 'hello' });
	refusedWith(['denied', 'unsupported'], { t: 'desk' });

	for (const [name, data] of Object.entries({
		'not JSON': 'hello there', 'an array': '[1,2]', 'a number': '7', 'no t': '{"id":"a","text":"x"}', 't is a number': '{"t":5}',
		'half an object': '{"t":"msg","id":"a"', 'two objects': '{"t":"ping"}{"t":"ping"}', 'nothing': '', 'deep': '['.repeat(5000),
		'a NUL behind it': '{"t":"ping"}\u0000' }))
		test(`a bad frame is told so: ${name}`, async () => {
			const r = await raw();
			const { frames } = await answersTo(r, data);
			const err = frames.find((f) => f.t === 'err');
			assert.ok(err && ['bad_json', 'invalid', 'bad_utf8', 'unsupported'].includes(err.code), JSON.stringify(frames));
			r.ws.terminate();
		});

	test('three bad frames close the connection with 1008', async () => {
		const r = await raw();
		for (let i = 0; i < 3; i++)
			r.ws.send('garbage');
		await r.until(() => r.closed !== null, 'close');
		assert.equal(r.closed, 1008);
	});

	test('a frame over 16 KiB closes with 1009', async () => {
		const r = await raw();
		r.ws.send(JSON.stringify({ t: 'msg', id: 'big', text: 'y'.repeat(20000) }));
		await r.until(() => r.closed !== null, 'close');
		assert.equal(r.closed, 1009);
	});

	test('an endless message in fragments is cut off as well', async () => {
		const r = await raw();
		for (let i = 0; i < 64 && r.closed === null; i++) {
			r.ws.send('z'.repeat(1024), { fin: false });
			await new Promise((go) => setImmediate(go));
		}
		await r.until(() => r.closed !== null, 'close');
		assert.equal(r.closed, 1009);
	});

	test('invalid UTF-8 closes with 1007', async () => {
		const r = await raw();
		r.ws.send(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]), { binary: false });
		await r.until(() => r.closed !== null, 'close');
		assert.equal(r.closed, 1007);
	});

	test('binary messages are not the protocol\'s', async () => {
		const r = await raw();
		r.ws.send(randomBytes(200), { binary: true });
		r.ws.send(JSON.stringify({ t: 'ping', n: 1 }));
		await r.until(() => r.closed !== null || r.frames.some((f) => f.t === 'err' || f.t === 'pong'), 'an answer');
		r.ws.terminate();
	});

	test('what was said before a frame that ends the connection was heard', async () => {
		for (const end of [[Buffer.from([1, 2]), { binary: true }], [Buffer.from([0xff, 0xfe]), { binary: false }], ['x'.repeat(20000), {}]]) {
			const r = await raw(), id = `last-${Math.random()}`, welcome = r.frames[0];
			r.ws._socket.cork();
			r.ws.send(JSON.stringify({ t: 'msg', id, text: 'my last words' }));
			r.ws.send(...end);
			r.ws._socket.uncork();
			await r.until(() => r.closed, 'close');
			const again = await raw({ hello: { t: 'hello', resume: { session: welcome.session, token: welcome.token, after: 0 } } });
			await again.until(() => again.frames.some((f) => f.ev?.messageId === `c-${id}`), 'last words');
			again.ws.close();
		}
		await unharmed();
	});

	test('unknown fields are a newer client\'s and are ignored', async () => {
		const c = new Customer(baton);
		clients.push(c);
		await c.connect({ colour: 'blue', nested: { a: [1, { b: null }] } });
		c.send({ t: 'msg', id: 'new', text: 'hello', emoji: '\u{1F600}', priority: 9 }, { unchecked: true });
		await c.until(() => c.frames.some((f) => f.t === 'ack' && f.id === 'new'), 'ack');
		await c.answer(c.frames.find((f) => f.t === 'ack').seq);
	});

	test('a flood is slowed, the flooder is told, nobody else is', async () => {
		const r = await raw();
		for (let i = 0; i < 300; i++)
			r.ws.send(JSON.stringify({ t: 'msg', id: `f${i}`, text: 'flood' }));
		await r.until(() => r.closed !== null || r.frames.some((f) => f.t === 'err' && f.code === 'rate_limited'), 'rate_limited');
		const err = r.frames.find((f) => f.t === 'err' && f.code === 'rate_limited');
		if (err)
			assert.equal(err.retryable, true);
		await unharmed();
		r.ws.terminate();
	});

	test('a frame before hello, and a second hello, are refused', async () => {
		const r = await raw({ hello: null });
		r.ws.send(JSON.stringify({ t: 'msg', id: 'early', text: 'hi' }));
		await r.until(() => r.closed !== null || r.frames.some((f) => f.t === 'err'), 'a refusal');
		assert.ok(!r.frames.some((f) => f.t === 'ack'));
		r.ws.terminate();
	});

	test('agents\' frames with odd sessions are refused one by one', async () => {
		const r = await raw({ role: 'agent' });
		for (const session of [GONE, 'x', '', 7, null, [], GONE.slice(1), `${GONE}\u0000`])
			for (const t of ['open', 'claim', 'release', 'handback', 'resolve', 'leave', 'typing']) {
				const frame = JSON.stringify({ t, session });
				const { err, frames, closed } = await (['leave', 'typing'].includes(t) ? answersTo(r, frame) : refusalOf(r, frame, t));
				assert.equal(closed, null, `${t} ${session}`);
				for (const f of frames.filter((x) => x.t === 'err'))
					assert.ok(codes.has(f.code), f.code);
				await new Promise((go) => setTimeout(go, 110)); // two frames; below the rate limit
				if (err)
					assert.ok(err.session === undefined || err.session === session, `${frame}: ${JSON.stringify(err)}`);
			}
		for (const f of r.frames.filter((x) => x.t === 'err'))
			assert.ok(codes.has(f.code), f.code);
		r.ws.terminate();
	});

	test('random frames: every answer is typed', async () => {
		const words = ['t', 'msg', 'id', 'text', 'hello', 'human', 'seq', 'session', 'resume', 'token', 'after', 'draft', 'reply', GONE, '\u0000', '\uD800', LONG.slice(0, 300)];
		const pick = (list) => list[Math.floor(Math.random() * list.length)];
		const value = (depth) => [() => pick(words), () => Math.floor(Math.random() * 2 ** 53), () => -1.5e300, () => null, () => true,
			() => depth > 3 ? 0 : [value(depth + 1)], () => depth > 3 ? {} : { [pick(words)]: value(depth + 1) }][Math.floor(Math.random() * 7)]();
		let r = await raw();
		for (let i = 0; i < 60; i++) {
			if (r.closed !== null)
				r = await raw();
			const frame = { t: pick(['msg', 'human', 'typing', 'read', 'feedback', 'ping', 'claim', 'draft', 'x']), [pick(words)]: value(0), [pick(words)]: value(0) };
			const { frames } = await answersTo(r, JSON.stringify(frame));
			for (const f of frames) {
				assert.ok(['welcome', 'ev', 'ack', 'caught_up', 'err', 'bye', 'pong'].includes(f.t), f.t);
				if (f.t === 'err')
					assert.ok(codes.has(f.code), f.code);
			}
			await new Promise((go) => setTimeout(go, 110)); // below the rate limit
		}
		r.ws.terminate();
		await unharmed();
	});
});

// Bytes to the port; resolves with what came back and whether the server ended it.
function tcp(bytes, { ms = 7000 * SLOW, slow = 0 } = {}) {
	return new Promise((go) => {
		const socket = net.connect(baton.port, '127.0.0.1');
		const out = { text: '', ended: false };
		const timer = setTimeout(() => { socket.destroy(); go(out); }, ms);
		const end = () => { clearTimeout(timer); out.ended = true; go(out); };
		socket.on('data', (data) => { out.text += data.toString('latin1'); if (/^HTTP\/1\.1 \d/.test(out.text) && !slow) { clearTimeout(timer); socket.destroy(); go(out); } });
		socket.on('close', end);
		socket.on('error', () => {});
		socket.write(bytes);
	});
}

describe('HTTP', () => {
	for (const [name, bytes] of Object.entries({
		'no HTTP': 'hello\r\n\r\n', 'only line ends': '\r\n\r\n\r\n\r\n', 'binary': randomBytes(2000), 'a TLS hello': Buffer.from('160301020001fc0303', 'hex'),
		'HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/9.9': 'GET / HTTP/9.9\r\nHost: x\r\n\r\n', 'a lower case method': 'get / HTTP/1.1\r\nHost: x\r\n\r\n',
		'a long URI': `GET /${'a'.repeat(20000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 'a long header': `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'b'.repeat(200000)}\r\n\r\n`,
		'many headers': `GET / HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 3000 }, (_, i) => `X-${i}: y\r\n`).join('')}\r\n`,
		'a NUL in the URI': 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n', 'two lengths': 'POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
		'a negative length': 'POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}',
		'a length and chunks': 'POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
		'h2c upgrade': 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
	}))
		test(`${name} is refused and never served`, async () => {
			const out = await tcp(bytes);
			assert.ok(out.ended || /^HTTP\/1\.[01] [345]\d\d/.test(out.text) || /^HTTP\/1\.1 20\d/.test(out.text), JSON.stringify(out.text.slice(0, 200)));
			assert.doesNotMatch(out.text, /^HTTP\/1\.1 101|"ticket"/);
			assert.ok(baton.alive);
		});

	test('methods, paths and bodies that are not there get a 4xx', async () => {
		for (const [method, target, body] of [['DELETE', '/v1/tickets'], ['GET', '/v1/tickets'], ['PUT', '/v1/tickets', '{}'], ['GET', '/nothing'], ['GET', '/v1/chat'],
			['POST', '/v1/chat', '{}'], ['GET', '/v1/'], ['POST', '/metrics', 'x'], ['GET', '/shop/../../../etc/passwd'], ['GET', '/shop/%2e%2e/%2e%2e/%2e%2e/etc/passwd'],
			['GET', '/shop/..%2f..%2f..%2fetc%2fpasswd'], ['GET', '/w/1/../../../../policies/shop/desk.yaml'], ['GET', '/w/%ff%fe']]) {
			const line = `${method} ${target} HTTP/1.1\r\nHost: ${new URL(baton.base).host}\r\nOrigin: ${baton.base}\r\nContent-Length: ${body?.length ?? 0}\r\nConnection: close\r\n\r\n${body ?? ''}`;
			const out = await tcp(line);
			assert.match(out.text, /^HTTP\/1\.[01] [45]\d\d/, `${method} ${target}: ${out.text.slice(0, 100)}`);
			assert.doesNotMatch(out.text, /root:|secret:/);
		}
	});

	test('ticket bodies that are not what they should be are refused in JSON', async () => {
		for (const body of ['', 'x', '[]', '7', '{"a":', `{"a":"${'b'.repeat(20000)}"}`, '\u0000', '['.repeat(10000)]) {
			const answer = await baton.http('/v1/tickets', { method: 'POST', headers: { origin: baton.base, 'content-type': 'application/json' }, body })
				.catch((error) => ({ status: 0, error }));
			if (answer.status === 201 || answer.status === 0)
				continue; // an empty body asks for an anonymous ticket; a huge one may lose its connection
			assert.ok(answer.status >= 400 && answer.status < 500, `${body.slice(0, 20)}: ${answer.status}`);
			const { error } = await answer.json();
			assert.ok(codes.has(error.code), error.code);
		}
	});

	test('who sends a header at a crawl is cut off', { timeout: 60000 }, async () => {
		const out = await new Promise((go) => {
			const socket = net.connect(baton.port, '127.0.0.1');
			const began = Date.now();
			const drip = setInterval(() => socket.write('X'), 500);
			const end = (ended) => { clearInterval(drip); clearTimeout(timer); socket.destroy(); go({ ended, ms: Date.now() - began }); };
			const timer = setTimeout(() => end(false), 40000);
			socket.on('close', () => end(true));
			socket.on('error', () => {});
			socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
		});
		assert.ok(out.ended, `still open after ${out.ms} ms`);
	});

	test('the health pages answer', async () => {
		assert.equal((await baton.http('/livez')).status, 200);
		const ready = await baton.http('/readyz?verbose');
		assert.equal(ready.status, 200);
		assert.equal(typeof (await ready.json()), 'object');
		const metrics = await (await baton.http('/metrics')).text();
		assert.match(metrics, /^# TYPE baton_/m);
		await unharmed();
	});
});

describe('command lines and environments', () => {
	const fails = (args, options) => {
		const out = run(args, options);
		assert.notEqual(out.code, 0, `baton ${args.join(' ')} succeeded`);
		assert.equal(out.signal, null, `baton ${args.join(' ')}: ${out.signal}\n${out.stderr}`);
		assert.ok(out.stderr.trim() || out.stdout.trim(), `baton ${args.join(' ')} says nothing`);
		return out;
	};

	test('wrong arguments are refused with a sentence', () => {
		for (const args of [[], ['nonsense'], ['serve', '--nonsense'], ['serve', '--workers'], ['serve', '--workers', 'x'], ['serve', '--workers', '0'],
			['serve', '--workers', '-1'], ['serve', '--workers', '99999'], ['serve', '--listen', 'nowhere'], ['serve', '--listen', '127.0.0.1:99999'],
			['serve', '--policies', '/nonexistent', '--data', tempDir()], ['check'], ['check', '/nonexistent'], ['check', '/dev/null'],
			['fsck', '--data', '/nonexistent'], ['transcript'], ['transcript', 'x', '--data', tempDir()], ['transcript', GONE, '--data', tempDir()],
			['check', LONG], ['serve', '--data', '/proc/nope', '--policies', baton.policies]])
			fails(args);
	});

	test('odd environments do not stop it', async () => {
		for (const env of [{ LANG: 'tr_TR.UTF-8', LC_ALL: 'xx_YY' }, { TZ: ':nowhere' }, { HOME: '' }, { http_proxy: 'http://127.0.0.1:1', HTTPS_PROXY: 'x', ALL_PROXY: 'socks5://127.0.0.1:1' },
			{ TMPDIR: '/nonexistent' }, { BATON_SECRET_X: '\u0001\u00ff' }]) {
			const other = await Baton.start({ policies: simpleSet(provider.url), env: { ...KEY_ENV, ...env } });
			const c = new Customer(other);
			await c.connect();
			assert.equal((await c.answer((await c.say('hello')).seq)).text, answerOf('ok'), JSON.stringify(env));
			await judge(other, [c]);
		}
	});

	test('a second server on the same data is refused', () => {
		fails(['serve', '--policies', baton.policies, '--data', baton.data, '--listen', '127.0.0.1:0', '--modules', MODULES, '--json'], { env: KEY_ENV, timeout: 10000 * SLOW });
	});

	test('a second server on the same port is refused', () => {
		fails(['serve', '--policies', baton.policies, '--data', tempDir(), '--listen', `127.0.0.1:${baton.port}`, '--modules', MODULES, '--json', '--allow-loopback-http'], { env: KEY_ENV, timeout: 10000 * SLOW });
	});
});

describe('policy files', () => {
	const good = () => simpleSet(provider.url);
	const check = (dir) => run(['check', dir]);

	test('the sets of these tests pass the check', () => {
		const out = check(good());
		assert.equal(out.code, 0, out.stdout + out.stderr);
		const shop = check(path.join(ROOT, 'policies/shop'));
		assert.equal(shop.code, 0, shop.stdout + shop.stderr);
	});

	for (const [name, files] of Object.entries({
		'a missing file': { 'routes.yaml': null }, 'an empty file': { 'routes.yaml': '' }, 'binary': { 'routes.yaml': randomBytes(3000) },
		'a tab': { 'routes.yaml': 'routes:\n\t- intent: default\n' }, 'a list instead of a map': { 'desk.yaml': '- a\n- b\n' }, 'an unknown key': { 'classes.yaml': 'classes:\n  - name: general\n    on_failure: fallback\n    colour: blue\n' },
		'a wrong word': { 'classes.yaml': 'classes:\n  - name: general\n    on_failure: explode\n' }, 'a bomb of aliases': { 'channel.yaml': `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`).join(',')}]`).join('\n')}\n` },
		'a hang of other parsers': { 'channel.yaml': Buffer.from([0x25, 0x22, 0xa6]) }, 'deep nesting': { 'channel.yaml': '['.repeat(5000) }, 'a huge file': { 'channel.yaml': `# ${'x'.repeat(5 << 20)}\n` },
		'a key twice': { 'desk.yaml': 'default_queue: a\ndefault_queue: b\nqueues: [{name: a}, {name: b}]\n' }, 'a route to nowhere': { 'routes.yaml': 'routes:\n  - {intent: default, primary: nobody, class: general, tier: 1}\n' },
		'no default route': { 'routes.yaml': 'routes:\n  - {intent: other, primary: t0, class: general, tier: 1}\n' }, 'a condition that is none': { 'escalation.yaml': 'rules:\n  - {id: r, when: "intent ==", action: escalate, reason: x}\n' },
		'two documents': { 'desk.yaml': '---\na: 1\n---\nb: 2\n' }, 'a queue that is not there': { 'desk.yaml': 'default_queue: nowhere\nqueues: [{name: a}]\n' },
		'not UTF-8': { 'channel.yaml': Buffer.from([0x73, 0x61, 0x79, 0x3a, 0x20, 0xc3, 0x28, 0x0a]) },
	}))
		test(`refused with file and line, and the server does not start: ${name}`, () => {
			const dir = good();
			write(dir, Object.fromEntries(Object.entries(files).filter(([, content]) => content !== null)));
			for (const [file, content] of Object.entries(files))
				if (content === null)
					rmSync(path.join(dir, file));
			const out = check(dir);
			assert.notEqual(out.code, 0, out.stdout);
			assert.equal(out.signal, null, out.stderr);
			assert.ok((out.stdout + out.stderr).includes(Object.keys(files)[0]), out.stdout + out.stderr);
			const serve = run(['serve', '--policies', dir, '--data', tempDir(), '--listen', '127.0.0.1:0', '--modules', MODULES], { env: KEY_ENV });
			assert.notEqual(serve.code, 0);
			assert.equal(serve.signal, null, serve.stderr);
		});
});

describe('module files', () => {
	// A modules directory with one file replaced.
	function modulesWith(content) {
		const dir = path.join(tempDir('modules'), 'modules');
		mkdirSync(dir);
		for (const so of readdirSync(MODULES).filter((f) => f.endsWith('.so')))
			copyFileSync(path.join(MODULES, so), path.join(dir, so));
		const so = path.join(dir, 'provider-openai.so');
		writeFileSync(so, content(readFileSync(so)));
		return dir;
	}

	for (const [name, content] of Object.entries({
		'empty': () => Buffer.alloc(0), 'text': () => 'not a module', 'random': () => randomBytes(50000), 'cut off': (so) => so.subarray(0, loaded(so) / 2), 'cut off by a page': (so) => so.subarray(0, loaded(so) - 4096),
		'only a header': (so) => so.subarray(0, 64), 'another library': () => readFileSync(libc()), 'header damaged': (so) => Buffer.concat([so.subarray(0, 32), randomBytes(32), so.subarray(64)]),
	}))
		test(`a module that is ${name} is refused before the server opens its doors`, () => {
			const out = run(['serve', '--policies', simpleSet(provider.url), '--data', tempDir(), '--listen', '127.0.0.1:0', '--modules', modulesWith(content), '--json', '--allow-loopback-http'], { env: KEY_ENV });
			assert.notEqual(out.code, 0);
			assert.equal(out.signal, null, out.stderr);
			assert.match(out.stderr + out.stdout, /provider-openai/);
			assert.doesNotMatch(out.stdout, /"ready":true/);
		});

	test('a modules directory that is not there is said so', () => {
		const out = run(['serve', '--policies', simpleSet(provider.url), '--data', tempDir(), '--listen', '127.0.0.1:0', '--modules', '/nonexistent', '--json'], { env: KEY_ENV });
		assert.notEqual(out.code, 0);
		assert.equal(out.signal, null);
	});
});

// Bytes of an ELF file that are mapped: behind them lies what debuggers want.
function loaded(so) {
	const at = Number(so.readBigUInt64LE(32)), size = so.readUInt16LE(54), n = so.readUInt16LE(56);
	let end = 0;
	for (let i = 0; i < n; i++) {
		const p = at + i * size;
		if (so.readUInt32LE(p) === 1)
			end = Math.max(end, Number(so.readBigUInt64LE(p + 8) + so.readBigUInt64LE(p + 32)));
	}
	return end;
}

function libc() {
	const found = ['/lib/x86_64-linux-gnu/libm.so.6', '/lib/aarch64-linux-gnu/libm.so.6', '/lib64/libm.so.6'].find((f) => existsSync(f));
	assert.ok(found, 'a library that is no module');
	return found;
}

test('after all of this: the store agrees, the desk works, nobody was shown an error', async () => {
	await unharmed();
	const nina = new Agent(baton, { token: AGENTS.nina, name: 'nina' });
	clients.push(nina);
	await nina.connect();
	await nina.desk();
	assert.deepEqual(witness.errors(), []);
	await judge(baton, clients);
});
