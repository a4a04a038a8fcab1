// SPDX-License-Identifier: Apache-2.0
//
// Pages that may not: every way to write an Origin that is not exactly one of the list, over raw sockets, for
// a ticket and for the upgrade. A browser says where a script runs; nothing of it is guessed at or made to fit.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Baton } from '../lib/baton.mjs';
import { simpleSet } from '../lib/policies.mjs';

const SHOP = 'https://shop.example';
let baton, port;

before(async () => {
	baton = await Baton.start({ policies: simpleSet('http://127.0.0.1:9', { files: { 'channel.yaml': { origins: ['self', SHOP, 'http://[::1]:8080'] } } }), env: { BATON_SECRET_TEST_KEY: 'x' } });
	port = baton.port;
});
after(() => baton?.stop());

// One request; its answer's status, 0 if the connection just ended, and all of its text.
function raw(lines, body = '') {
	return new Promise((go, fail) => {
		const socket = net.connect(port, '127.0.0.1');
		let text = '';
		const end = () => { clearTimeout(timer); socket.destroy(); go({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text }); };
		const timer = setTimeout(() => { socket.destroy(); fail(new Error(`no answer to ${JSON.stringify(lines)}`)); }, 15000);
		socket.on('error', end).on('close', end).setEncoding('latin1').on('data', (part) => {
			text += part;
			const head = text.indexOf('\r\n\r\n');
			const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
			if (head >= 0 && (text.startsWith('HTTP/1.1 101') || text.length >= head + 4 + length))
				end();
		});
		socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1'));
	});
}

const host = () => `Host: 127.0.0.1:${port}`;
const askTicket = (origins) => raw(['POST /v1/tickets HTTP/1.1', host(), ...origins, 'Content-Type: application/json', 'Content-Length: 2'], '{}');
const ticketFor = async (origins) => /"ticket":"([^"]+)"/.exec((await askTicket(origins)).text)?.[1];
const upgrade = (origins, ticket) => raw(['GET /v1/chat HTTP/1.1', host(), 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
	`Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, `Sec-WebSocket-Protocol: baton.v1, btn.${ticket}`, ...origins]);

const utf8 = (text) => Buffer.from(text, 'utf8').toString('latin1');

// What an Origin's value may not be; each is a line or several of the head.
function forms() {
	const self = `http://127.0.0.1:${port}`;
	const values = [
		// no page, or none of the web
		'null', 'NULL', 'undefined', 'file://', 'file:///tmp/page.html', 'about:blank', 'about:srcdoc', 'data:text/html,x', `blob:${SHOP}/0e1c`, 'javascript:void(0)',
		'chrome-extension://abcdefgh', 'moz-extension://abcdefgh', 'app://shop.example', '*', 'https://*', 'https://*.example', 'self', '"self"',
		// somebody else, more or less alike
		'https://evil.example', 'http://evil.example', `${SHOP}.evil.example`, 'https://evil.example/https://shop.example', 'https://evil-shop.example', 'https://evilshop.example',
		'https://www.shop.example', 'https://shop.exampl', 'https://shop.examplee', 'https://shop.example-', 'https://shop-example', 'https://.shop.example', 'https://shop..example',
		'https://shop.example.', 'https://example',
		// another scheme, none, or one that is not written so
		'http://shop.example', 'ws://shop.example', 'wss://shop.example', 'ftp://shop.example', 'https:shop.example', 'https:/shop.example', 'https:///shop.example',
		'https:\\\\shop.example', '//shop.example', 'shop.example', 'HTTPS://shop.example', 'httpS://shop.example',
		// ports
		`${SHOP}:443`, `${SHOP}:80`, `${SHOP}:8443`, `${SHOP}:0443`, `${SHOP}:`, `${SHOP}:0`, `${SHOP}:65979`, `${SHOP}:4x3`,
		// case, paths, names and passwords
		'https://SHOP.example', 'https://shop.EXAMPLE', `${SHOP}/`, `${SHOP}/index.html`, `${SHOP}?a`, `${SHOP}#a`, `${SHOP}\\`, `${SHOP};a`, 'https://user@shop.example',
		'https://user:word@shop.example', `${SHOP}@evil.example`, `${SHOP}\\@evil.example`, `${SHOP}%00`, `${SHOP}%2eevil.example`, 'https://shop%2eexample',
		// other alphabets, and how they are written in ASCII
		utf8('https://ѕhop.example'), utf8('https://shop。example'), utf8('https://ｓｈｏｐ.example'), utf8('https://shop.example\u200b'), utf8('https://shop\u00ad.example'),
		'https://xn--hop-8cd.example', 'https://shop.xn--example-', 'https://shop\xff.example',
		// the server itself, as nobody wrote it
		'http://127.0.0.1', `https://127.0.0.1`, `${self}/`, `${self}0`, `http://127.0.0.1:0${port}`, `http://127.1:${port}`, `http://2130706433:${port}`, `http://0x7f000001:${port}`,
		`http://0177.0.0.1:${port}`, `http://127.0.0.1.:${port}`, `http://localhost:${port}`, `http://0.0.0.0:${port}`, `http://[::ffff:127.0.0.1]:${port}`, `http://[::1]:${port}`,
		`http://user@127.0.0.1:${port}`, `ws://127.0.0.1:${port}`,
		// IPv6, listed as http://[::1]:8080
		'http://[::1]', 'http://::1:8080', 'http://[0:0:0:0:0:0:0:1]:8080', 'http://[::0001]:8080', 'http://[::1%25lo]:8080', 'http://[::1]:8081', 'http://[::2]:8080', 'https://[::1]:8080',
		// several, white space, endless
		`${SHOP} ${SHOP}`, `${SHOP}, ${SHOP}`, `${SHOP},https://evil.example`, `https://evil.example ${SHOP}`, `null ${SHOP}`, `https:// shop.example`, `${SHOP}\tx`, 'https://shop .example',
		`${SHOP}\x01`, `${SHOP}\x7f`, 'x'.repeat(128), 'x'.repeat(129), `https://${'a'.repeat(3000)}.example`,
	];
	const lists = [[`Origin: ${SHOP}`, 'Origin: https://evil.example'], ['Origin: https://evil.example', `Origin: ${SHOP}`], [`Origin: ${SHOP}`, `Origin: ${SHOP}`],
		['Origin: null', `Origin: ${SHOP}`], [`Origin: ${self}`, `Origin: ${self}`], ['origin: https://evil.example', `ORIGIN: ${self}`]];
	return [...values.map((value) => [`Origin: ${value}`]), ...lists];
}

test('the origins of the list get in, and these only', async () => {
	for (const origin of [SHOP, baton.base, 'http://[::1]:8080']) {
		const ticket = await ticketFor([`Origin: ${origin}`]);
		assert.ok(ticket, origin);
		assert.equal((await upgrade([`Origin: ${origin}`], ticket)).status, 101, origin);
	}
});

test('no ticket for any other way to write an origin, and nothing that such a page could read', async () => {
	const all = forms();
	assert.ok(all.length >= 60, String(all.length));
	for (const lines of all) {
		const { status, text } = await askTicket(lines);
		assert.ok(status === 0 || (status >= 400 && status < 500), `${JSON.stringify(lines)}: ${text.slice(0, 200)}`);
		assert.doesNotMatch(text, /"ticket"|access-control-allow-origin/i, JSON.stringify(lines));
	}
});

test('no upgrade either, though the ticket is good', async () => {
	for (const lines of forms()) {
		const ticket = await ticketFor([`Origin: ${SHOP}`]);
		const { status, text } = await upgrade(lines, ticket);
		assert.ok(status === 0 || (status >= 400 && status < 500), `${JSON.stringify(lines)}: ${text.slice(0, 200)}`);
	}
});

test('a ticket is used up by the wrong page', async () => {
	const ticket = await ticketFor([`Origin: ${SHOP}`]);
	assert.equal((await upgrade([`Origin: ${baton.base}`], ticket)).status, 403);
	assert.equal((await upgrade([`Origin: ${SHOP}`], ticket)).status, 401);
});

test('a program without an origin and a page do not lend each other tickets', async () => {
	const ofPage = await ticketFor([`Origin: ${SHOP}`]);
	assert.equal((await upgrade([], ofPage)).status, 403);
	const ofProgram = await ticketFor([]);
	assert.ok(ofProgram, 'what is no browser says what it likes, or nothing');
	assert.equal((await upgrade([`Origin: ${SHOP}`], ofProgram)).status, 403);
	const empty = await askTicket(['Origin:']);
	assert.doesNotMatch(empty.text, /access-control-allow-origin/i);
});
