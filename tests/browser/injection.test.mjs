// SPDX-License-Identifier: Apache-2.0
//
// Script injection: everybody who can put words before somebody else's eyes carries public payloads into the widget
// and the console: the customer, the model, agents, notes, names, titles of articles and queues, canned replies, reasons.
//
// The widget stands in a page of the test's own without any Content-Security-Policy, so that a payload that became
// markup would run. The console has its policy as always; there, and in the widget, every element is also compared with
// what the pages build themselves. Nothing may run, no dialog may open, and no request may go anywhere but home.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { KEY_ENV, SAYS, desk, simpleSet } from '../lib/policies.mjs';
import { Line, event } from '../takeover/line.mjs';
import { Browser, Console, Widget, until } from './browser.mjs';

const require = createRequire(import.meta.url);
const text = (payload) => payload.replaceAll('\0', '').slice(0, 2000);
const FIXTURES = require('dompurify-fixtures/test/fixtures/expect.js').map((f) => text(f.payload)).filter((t) => t.trim());
const NAUGHTY = require('big-list-of-naughty-strings').map(text).filter((t) => t.trim());
// What our own markdown subset could be talked into.
const MARKDOWN = ['[x](javascript:alert(1))', '[x](JaVaScRiPt&colon;alert(1))', '[x](java\tscript:alert(1))', '[x](data:text/html,<script>alert(1)</script>)',
	'[x](vbscript:msgbox(1))', '<javascript:alert(1)>', '![x](http://evil.example/i.png)', '![x](x" onerror="alert(1))', '[x](https://ok.example" onmouseover="alert(1))',
	'[`<img src=x onerror=alert(1)>`](https://ok.example)', '```html\n<script>alert(1)</script>\n```', '| <img src=x onerror=alert(1)> | b |\n|---|---|\n| c | d |',
	'**<svg/onload=alert(1)>**', '- <iframe srcdoc="<script>alert(1)</script>">', 'https://evil.example/<script>alert(1)</script>', '[x]: javascript:alert(1)\n[x]',
	'<a href="javascript:alert(1)">y</a>', '\u202Ecod.exe\u202C', '[a](//evil.example)', '[a](http://127.0.0.1@evil.example/)'];
const PAYLOADS = [...FIXTURES, ...MARKDOWN, ...NAUGHTY];
const SHORT = PAYLOADS.filter((p) => Buffer.byteLength(p) <= 60 && !/[\u0000-\u001f\u007f]/.test(p) && /[<"'(]/.test(p));

// Elements that the pages make themselves; whatever else stands there came out of somebody's words.
const STRANGE = 'script, iframe, object, embed, link, style, base, meta, form[action], img, image, video, audio, svg *[onload], math, template, marquee, ' +
	'[srcdoc], [onerror], [onload], [onclick], [onmouseover], [onfocus], [style], a[href^="javascript" i], a[href^="data" i], a[href^="vbscript" i]';

// The words of the last question come back as the answer: a model that says what it is told to.
async function echo() {
	const server = http.createServer(async (req, res) => {
		let body = '';
		for await (const part of req)
			body += part;
		const said = JSON.parse(body).messages.filter((m) => m.role === 'user').at(-1).content;
		res.writeHead(200, { 'content-type': 'text/event-stream' });
		for (let at = 0; at < said.length; at += 7) // payloads in pieces, as models stream them
			res.write(`data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta: { content: said.slice(at, at + 7) } }] })}\n\n`);
		res.end(`data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return server;
}

// A page with no policy at all: nothing but the widget's own care stands between words and markup.
async function bare(base) {
	const server = http.createServer((req, res) => {
		res.writeHead(200, { 'content-type': 'text/html' });
		res.end(`<!doctype html><html lang="en"><title>bare</title><body><h1>Shop</h1><baton-chat server="${base()}"></baton-chat>
<script type="module" src="${base()}/w/1/baton-chat.js"></script></body></html>`);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return server;
}

// Before any script of a page: what payloads call tells on itself.
const TRAP = () => {
	globalThis.ran = [];
	for (const name of ['alert', 'confirm', 'prompt', 'print'])
		globalThis[name] = (...args) => { globalThis.ran.push(`${name}(${args})`); };
};

let browser, model, page, baton, agentName;
before(async () => {
	browser = await Browser.launch();
	model = await echo();
	page = await bare(() => baton.base);
	const d = desk();
	agentName = SHORT[0].slice(0, 60);
	d.agents[0].name = agentName;
	d.queues[0].title = SHORT[1];
	d.queues[1].title = SHORT[2];
	d.canned = SHORT.slice(3, 23).map((words, i) => ({ name: `c${i}`, text: words }));
	const url = `http://127.0.0.1:${model.address().port}/v1`;
	// Payloads look like citations of articles that nobody has: that is not what is tried here.
	baton = await Baton.start({ env: KEY_ENV, args: ['--no-rate-limit'], policies: simpleSet(url, { route: { grounding: 'off' },
		files: { 'desk.yaml': d, 'channel.yaml': { origins: ['self', `http://127.0.0.1:${page.address().port}`], say: { ...SAYS, greeting: MARKDOWN[6], handed_over: SHORT[4] },
			attachments: { enabled: true, max_bytes: '64KiB', types: ['text/plain'] } } } }) });
});
after(async () => {
	await browser?.close();
	model?.close();
	page?.close();
	if (baton?.alive)
		await baton.stop();
});

// What ran, what does not belong there, and how many of the words were really shown.
async function looked(page, root) {
	return page.evaluate(([root, strange]) => {
		const top = root ? document.querySelector(root).shadowRoot : document;
		const log = top.querySelector('[role=log]');
		return { ran: globalThis.ran, shown: log.innerText.length,
			strange: [...log.querySelectorAll(strange)].map((e) => e.outerHTML.slice(0, 200)) };
	}, [root, STRANGE]);
}

describe(`${PAYLOADS.length} public payloads`, () => {
	test('carried by customer, model, agent, files, notes, names and reasons: nothing runs, nobody is called', { timeout: 120000 }, async () => {
		const customer = await browser.person(), person = await browser.person();
		const foreign = [];
		for (const context of [customer, person]) {
			await context.addInitScript(TRAP);
			context.on('request', (request) => {
				const { hostname, pathname } = new URL(request.url());
				if (hostname !== '127.0.0.1' || (request.resourceType() === 'image' && !pathname.endsWith('.svg') && pathname !== '/favicon.ico'))
					foreign.push(request.url());
			});
		}
		const widget = await Widget.visit(customer, `http://127.0.0.1:${page.address().port}/`);
		await widget.say(PAYLOADS[0]);
		await widget.page.getByText('Sent', { exact: true }).first().waitFor();
		const stored = await widget.page.evaluate(() => Object.values(localStorage).map((v) => JSON.parse(v)).find((v) => v?.session));

		const desk = await Console.visit(person, baton, 'omar');
		const nina = await new Line(baton, { token: AGENTS.nina, name: 'nina' }).open();
		const caught = nina.wait((f) => f.t === 'caught_up', 'caught_up');
		nina.send({ t: 'open', session: stored.session });
		await caught;

		// The same customer in another window types faster than anybody can.
		const typist = await new Line(baton, { name: 'typist', hello: { resume: { session: stored.session, token: stored.token, after: 0 } } }).open();
		let n = 0;
		for (const payload of FIXTURES.concat(MARKDOWN)) {
			const answered = typist.wait((f) => f.t === 'ev' && f.ev.type === 'TEXT_MESSAGE_END' && f.ev.metadata.baton.author.kind === 'bot', `answer to ${payload}`);
			typist.send({ t: 'msg', id: `p${++n}`, text: payload });
			await answered;
		}
		// Files with payloads as their names, and as their contents.
		const labels = [], names = SHORT.filter((t) => t.includes('<')).slice(0, 10);
		for (const [i, name] of names.entries()) {
			const upload = await baton.http('/v1/attachments', { method: 'POST', body: name,
				headers: { authorization: `Bearer ${stored.token}`, 'x-baton-session': stored.session, 'x-baton-name': encodeURIComponent(`${i}-${name}`) } });
			assert.equal(upload.status, 201);
			const file = await upload.json();
			labels.push(file.name);
			const sent = typist.wait((f) => (f.t === 'ack' || f.t === 'err') && f.id === `f${i}`, 'ack of a file');
			typist.send({ t: 'msg', id: `f${i}`, text: `file ${i}`, attachments: [file.attachment] });
			assert.equal((await sent).t, 'ack');
		}
		const claimed = typist.wait(event('case_claimed'), 'case_claimed');
		nina.send({ t: 'claim', session: stored.session });
		await claimed;
		const acked = (line, id) => line.wait((f) => (f.t === 'ack' || f.t === 'err') && f.id === id, `ack of ${id}`).then((f) => assert.equal(f.t, 'ack', JSON.stringify(f)));
		for (const [i, payload] of PAYLOADS.entries()) { // a session takes so many at a time, and no more
			const done = acked(nina, `r${i}`);
			if (i % 4 === 0)
				nina.send({ t: 'note', session: stored.session, id: `n${i}`, text: payload });
			if (i % 4 === 1)
				typist.send({ t: 'msg', id: `q${i}`, text: payload });
			nina.send({ t: 'reply', session: stored.session, id: `r${i}`, text: payload });
			await done;
		}
		const tagged = acked(nina, 'tags');
		nina.send({ t: 'tag', session: stored.session, id: 'tags', tags: SHORT.slice(5, 20) });
		await tagged;
		const released = typist.wait(event('case_released'), 'case_released');
		nina.send({ t: 'release', session: stored.session, reason: SHORT.find((s) => s.includes('<script')) });
		await released;
		nina.send({ t: 'claim', session: stored.session });
		nina.send({ t: 'reply', session: stored.session, id: 'end', text: 'that was all of them' });

		await until(widget.page, 'all of it in the widget', () => document.querySelector('baton-chat').shadowRoot.querySelector('[role=log]').innerText.includes('that was all of them'));
		await desk.cases.first().click();
		await until(desk.page, 'all of it in the console', () => document.querySelector('#log').innerText.includes('that was all of them'));
		for (const link of await widget.log.locator('a').all())
			assert.match(await link.getAttribute('href'), /^(https?:|mailto:)/);

		for (const at of [widget.page.locator('baton-chat'), desk.page.locator('#log')])
			for (const label of labels)
				assert.ok(await at.getByText(label).count() > 0, `a file stands there by its name: ${label}`);
		const inWidget = await looked(widget.page, 'baton-chat'), inConsole = await looked(desk.page, null);
		assert.ok(inWidget.shown > 20000 && inConsole.shown > 20000, `${inWidget.shown} and ${inConsole.shown} characters were shown`);
		assert.deepEqual([inWidget.ran, inConsole.ran], [[], []]);
		assert.deepEqual([inWidget.strange, inConsole.strange], [[], []]);
		assert.deepEqual(foreign, []);
		assert.deepEqual(browser.faults.splice(0), []);
		assert.ok((await widget.lines()).some((line) => line.includes(agentName)), 'the name stands there as words');
		[nina, typist].forEach((line) => line.close());
	});

	test('carried by articles: their titles are the sources below answers', { timeout: 60000 }, async () => {
		const titles = SHORT.filter((t) => t.includes('<')).slice(0, 8);
		const article = (title, i) => `---\ntitle: ${JSON.stringify(title)}\nalso: [when does the lamp of kind${i} come]\nupdated: 2026-11-02\n---\nThe lamp of kind${i} comes on friday. ${title}\n`;
		const served = await Baton.start({ policies: simpleSet('http://127.0.0.1:1/v1', { files: {
			'modules.yaml': { modules: [{ name: 'knowledge', kind: 'provider', file: 'provider-knowledge.so', knowledge: true },
				{ name: 'articles', kind: 'retriever', file: 'retriever-fts.so', knowledge: true }] },
			'targets.yaml': { targets: [{ name: 't0', provider: 'knowledge', prompt: 'assistant', local: true }] },
			'channel.yaml': { origins: ['self', `http://127.0.0.1:${page.address().port}`], say: SAYS },
			...Object.fromEntries(titles.map((title, i) => [`knowledge/a${i}.md`, article(title, i)])) } }) });
		const before = baton;
		baton = served; // the page asks where the widget comes from
		const context = await browser.person();
		await context.addInitScript(TRAP);
		const widget = await Widget.visit(context, `http://127.0.0.1:${page.address().port}/`);
		baton = before;
		for (let i = 0; i < titles.length; i++) {
			await widget.say(`when does the lamp of kind${i} come?`);
			await widget.answer(i + 1);
		}
		const shown = await widget.log.locator('.foot li').allInnerTexts();
		assert.ok(titles.some((title) => shown.some((line) => line.includes(title))), `sources: ${shown}`);
		const { ran, strange } = await looked(widget.page, 'baton-chat');
		assert.deepEqual([ran, strange, browser.faults.splice(0)], [[], [], []]);
		await browser.forget();
		await served.stop();
	});
});
