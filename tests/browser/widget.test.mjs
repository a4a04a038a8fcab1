// SPDX-License-Identifier: Apache-2.0
//
// The widget in a real browser against the real server and a provider of ours.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostileProvider, answerOf } from '../fault/provider.mjs';
import { Baton } from '../lib/baton.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { Browser, Widget, assertAccessible, shot, until } from './browser.mjs';

const QUICK = 'ok,gap=5';
const SLOWLY = 'ok,gap=60';

const OFFLINE_S = Number(process.env.OFFLINE_S ?? 0);
let browser;
before(async () => { browser = await Browser.launch(); });
after(() => browser?.close());

/** A server whose one route asks these models; its tests run in the body. */
function served(name, models, body, channel = () => ({})) {
	describe(name, () => {
		const at = {};
		before(async () => {
			at.provider = await new HostileProvider().start();
			at.policies = simpleSet(at.provider.url, { models, files: await channel(at) });
			at.baton = await Baton.start({ policies: at.policies, env: KEY_ENV });
			at.shop = `${at.baton.base}/shop/`;
		});
		afterEach(async () => {
			const faults = browser.faults.splice(0);
			await browser.forget();
			assert.deepEqual(faults, []);
		});
		after(async () => {
			await at.provider?.stop();
			if (at.baton?.alive) await at.baton.stop();
			at.site?.close();
		});
		body(at);
	});
}

served('a conversation', [QUICK], (at) => {
	test('a question is answered; the customer was told before that an AI answers', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('Where is my order?');
		assert.equal(await widget.answer(), answerOf(QUICK));
		const lines = await widget.lines();
		assert.equal(lines[0], SAYS.disclosure);
		assert.ok(lines.some((line) => line.startsWith('AI assistant')), 'in words, not by colour');
		assert.ok(lines.includes('Sent'));
		await assertAccessible(widget.page, 'widget');
		await shot(widget.page, 'widget-answer');
	});

	test('what a page loads is small, as it is served: a loader of 2 KiB, all of the widget 15 KiB', async () => {
		const size = (name) => new Promise((done, failed) => http.get(`${at.baton.base}/w/1/${name}`, { headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } }, async (response) => {
			const pieces = [];
			for await (const piece of response) pieces.push(piece);
			assert.equal(response.headers['content-encoding'], 'gzip');
			done(Buffer.concat(pieces).length);
		}).on('error', failed));
		const [loader, panel] = [await size('baton-chat.js'), await size('panel.js')];
		console.log(`# widget: loader ${loader}, panel ${panel}, together ${loader + panel} bytes as served`);
		assert.ok(loader <= 2 * 1024, `loader: ${loader} bytes`);
		assert.ok(loader + panel <= 15 * 1024, `all: ${loader + panel} bytes`);
	});

	test('nothing is stored before the chat is used, and no session before the first message', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		const stored = () => widget.page.evaluate(() => [localStorage.length, sessionStorage.length]);
		await widget.page.waitForTimeout(300);
		assert.deepEqual(await stored(), [0, 0]);
		assert.deepEqual(await widget.page.context().cookies(), []);
		await widget.open();
		assert.equal((await stored())[0], 0);
		await widget.say('hello');
		await widget.answer();
		assert.equal((await stored())[0], 1);
	});

	test('one announcement per finished answer, none per word', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.open();
		await widget.listen();
		await widget.say('Tell me');
		await widget.answer();
		const heard = (await widget.heard()).filter((text) => text.includes('word1'));
		assert.deepEqual(heard, [`AI assistant: ${answerOf(QUICK)}`]);
		assert.equal(await widget.log.getAttribute('aria-live'), 'off');
	});

	test('all of it works with the keyboard alone', async () => {
		const { page, ...widget } = await Widget.visit(await browser.person(), at.shop);
		for (let i = 0; i < 30 && !(await widget.launcher.evaluate((node) => node.matches(':focus'))); i++) await page.keyboard.press('Tab');
		await page.keyboard.press('Enter');
		await until(page, 'the composer has the focus', () => document.querySelector('baton-chat').shadowRoot.activeElement?.tagName === 'TEXTAREA');
		await page.keyboard.type('Hello there');
		await page.keyboard.press('Shift+Enter');
		await page.keyboard.type('second line');
		await page.keyboard.press('Enter');
		await widget.finished.first().waitFor();
		assert.equal(await widget.log.locator('.own .bubble').innerText(), 'Hello there\nsecond line');
		await page.keyboard.press('Shift+Tab');
		assert.ok(await widget.human.evaluate((node) => node.matches(':focus')), 'the way to a person is one step from the composer');
		await page.keyboard.press('Shift+Tab');
		await page.keyboard.press('Enter');
		await widget.log.locator('.rate button[aria-pressed=true]', { hasText: 'Not helpful' }).waitFor();
		await page.keyboard.press('Escape');
		assert.ok(await widget.launcher.evaluate((node) => node.matches(':focus')), 'Escape gives the focus back');
		assert.equal(await widget.launcher.getAttribute('aria-expanded'), 'false');
	});

	test('two tabs are one conversation', async () => {
		const context = await browser.person();
		const one = await Widget.visit(context, at.shop);
		const two = await Widget.visit(context, at.shop);
		await one.say('from the first tab');
		await one.answer();
		await two.open();
		assert.equal(await two.answer(), answerOf(QUICK));
		await two.say('from the second tab');
		await one.answer(2);
		await two.answer(2);
		// A conversation that is resumed is not greeted again.
		const talk = async (widget) => (await widget.bubbles()).filter(([, text]) => text !== SAYS.greeting);
		assert.deepEqual(await talk(one), await talk(two));
		assert.deepEqual((await talk(one)).filter(([who]) => who === 'own').map(([, text]) => text), ['from the first tab', 'from the second tab']);
	});

	test('a person can be called, and the button says what happened', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.open();
		assert.equal(await widget.human.innerText(), 'Talk to a human');
		await widget.human.click();
		await widget.notes.filter({ hasText: SAYS.handed_over }).waitFor();
		assert.equal(await widget.human.innerText(), 'A person will join you here');
		assert.equal(await widget.human.getAttribute('aria-disabled'), 'true');
	});

	test('no style of the page hides the way to a person', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.page.evaluate(() => {
			const sheet = new CSSStyleSheet();
			sheet.replaceSync(`baton-chat { font-size: 0 !important; color: transparent !important; visibility: hidden !important; line-height: 0 !important; --baton-font: none; }
				button, .human-bar, baton-chat::part(human) { display: none !important; opacity: 0 !important; }
				baton-chat::part(composer), baton-chat::part(header) { font-size: 0 !important; }`);
			document.adoptedStyleSheets.push(sheet);
			document.querySelector('baton-chat').open();
		});
		const box = await widget.human.boundingBox();
		assert.ok(box.height >= 24 && box.width >= 100, JSON.stringify(box));
		assert.ok(await widget.human.isVisible());
		assert.equal(await widget.human.evaluate((node) => getComputedStyle(node).fontSize), '14px');
	});

	test('offline messages are kept, also over a reload, and go out in order', async () => {
		const context = await browser.person();
		const widget = await Widget.visit(context, at.shop);
		await widget.say('first');
		await widget.answer();
		await at.baton.kill();
		await widget.say('while away, one');
		await widget.say('while away, two');
		await widget.log.getByText('Not sent yet, kept').first().waitFor();
		await widget.page.getByText('Reconnecting… your messages are kept.').waitFor();
		await shot(widget.page, 'widget-reconnecting');
		await sleep(OFFLINE_S * 1000); // a minute by hand: OFFLINE_S=60 make browser T=widget
		context.setDefaultTimeout(15000 + Math.min(OFFLINE_S, 30) * 1000); // the pauses between attempts have grown
		await at.baton.start();
		await widget.answer(2);
		await until(widget.page, 'all sent', () => [...document.querySelector('baton-chat').shadowRoot.querySelectorAll('.own .foot')].every((foot) => foot.textContent === 'Sent'));
		const mine = () => widget.bubbles().then((all) => all.filter(([who]) => who === 'own').map(([, text]) => text));
		assert.deepEqual(await mine(), ['first', 'while away, one', 'while away, two']);
		await widget.page.reload();
		await widget.answer(2);
		assert.deepEqual(await mine(), ['first', 'while away, one', 'while away, two'], 'nothing lost, nothing doubled');
		assert.equal(await widget.page.evaluate(() => JSON.parse(Object.values(sessionStorage)[0]).outbox.length), 0);
	});

	test('what a customer writes is never markup', async () => {
		const hostile = ['<img src=x onerror=alert(1)>', '<script>alert(1)</script>', '[x](javascript:alert(1))', '<a href="javascript:alert(1)">x</a>', '"><svg onload=alert(1)>', '{{constructor.constructor("alert(1)")()}}', '\u202etxet\u202c'];
		const widget = await Widget.visit(await browser.person(), at.shop);
		for (const text of hostile) await widget.say(text);
		await widget.answer();
		await widget.page.reload();
		await widget.answer();
		assert.deepEqual((await widget.bubbles()).filter(([who]) => who === 'own').map(([, text]) => text), hostile);
		const made = await widget.log.evaluate((log) => log.querySelectorAll('img, script, iframe, [onerror], [onload], a[href^="javascript" i]').length);
		assert.equal(made, 0);
	});

	test('a message that is too long is refused before it is sent', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.open();
		await until(widget.page, 'connected', () => document.querySelector('baton-chat').shadowRoot.querySelector('.state').hidden);
		await widget.say('ü'.repeat(4097));
		await widget.page.getByText('This message is too long.').waitFor();
		assert.equal((await widget.composer.inputValue()).length, 4097, 'the text is still there');
	});

	test('the page can drive it, and is told what happens', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.page.evaluate(() => {
			globalThis.told = [];
			for (const name of ['message', 'state', 'unread']) document.addEventListener(`baton:${name}`, (event) => globalThis.told.push([name, event.detail]));
			document.querySelector('baton-chat').send('from the page');
		});
		await until(widget.page, 'unread', () => globalThis.told.some(([name, detail]) => name === 'unread' && detail.count === 1));
		await widget.page.getByRole('button', { name: 'Chat with us, 1 unread' }).click();
		await widget.answer();
		const told = await widget.page.evaluate(() => globalThis.told);
		assert.deepEqual(told.filter(([name]) => name === 'message').map(([, detail]) => detail.from), ['customer', 'bot']);
		assert.equal(told.filter(([name]) => name === 'unread').at(-1)[1].count, 0);
	});

	for (const [name, options] of [['phone, dark', { viewport: { width: 360, height: 640 }, colorScheme: 'dark' }], ['forced colours', { forcedColors: 'active' }], ['right to left', {}]])
		test(`it is usable on: ${name}`, async () => {
			const widget = await Widget.visit(await browser.person(options), at.shop);
			if (name === 'right to left') await widget.page.evaluate(() => { document.documentElement.dir = 'rtl'; });
			await widget.say('hello');
			await widget.answer();
			// axe reads the author's colours, not the forced ones.
			await assertAccessible(widget.page, name, options.forcedColors ? ['color-contrast'] : []);
			for (const node of [widget.human, widget.composer]) {
				const box = await node.boundingBox();
				const { width, height } = widget.page.viewportSize();
				assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height, JSON.stringify(box));
			}
			await shot(widget.page, `widget-${name.replaceAll(/\W+/g, '-')}`);
		});
});

served('an answer on its way', [SLOWLY], (at) => {
	test('it is seen to grow, and is marked as unfinished until it is whole', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('Tell me slowly');
		const live = widget.log.locator('.item.bot.live .bubble');
		await live.filter({ hasText: 'word3' }).waitFor();
		const early = await live.innerText();
		assert.equal(await widget.log.getAttribute('aria-busy'), 'true');
		await live.filter({ hasText: 'word9' }).waitFor();
		assert.ok(early.length < (await live.innerText()).length);
		assert.equal(await widget.answer(), answerOf(SLOWLY));
		assert.equal(await widget.log.getAttribute('aria-busy'), null);
	});

	test('a reload in the middle of it loses and doubles nothing', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('Tell me slowly');
		await widget.log.locator('.bubble', { hasText: 'word5' }).waitFor();
		await widget.page.reload();
		await widget.log.locator('.item.bot.live', { hasText: 'word5' }).waitFor();
		assert.equal(await widget.answer(), answerOf(SLOWLY));
		assert.deepEqual((await widget.bubbles()).map(([who]) => who).filter((who) => who === 'own'), ['own']);
		assert.equal(await widget.finished.count(), 1);
	});

	test('a killed server: the widget says so, comes back and has every word once', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('Tell me slowly');
		await widget.log.locator('.bubble', { hasText: 'word5' }).waitFor();
		await at.baton.kill();
		await widget.page.getByText('Reconnecting… your messages are kept.').waitFor();
		await at.baton.start();
		assert.equal(await widget.answer(), answerOf(SLOWLY));
		assert.deepEqual((await widget.bubbles()).map(([who]) => who), ['bot', 'own', 'bot'], 'greeting, question, answer');
		await widget.say('And again');
		assert.equal(await widget.answer(2), answerOf(SLOWLY));
	});
});

served('an answer that breaks off', ['S08,cut=25,gap=40', QUICK], (at) => {
	test('is withdrawn where all can see it, and the whole one takes its place', async () => {
		const widget = await Widget.visit(await browser.person(), at.shop);
		await widget.say('Tell me');
		await widget.log.locator('.bubble', { hasText: 'word9' }).waitFor();
		await widget.notes.filter({ hasText: 'A partial answer was withdrawn' }).waitFor();
		assert.equal(await widget.answer(), answerOf(QUICK));
		assert.equal(await widget.bot.count(), 1);
		await shot(widget.page, 'widget-withdrawn');
	});
});

// A page of somebody else, under the strictest policy that still lets the module in.
served('a foreign page with a strict policy', [QUICK], (at) => {
	test('needs no exception but the server itself', async () => {
		const context = await browser.person();
		const widget = await Widget.visit(context, at.page);
		await widget.say('Where is my order?');
		assert.equal(await widget.answer(), answerOf(QUICK));
		const { position, width } = await widget.page.locator('baton-chat .panel').evaluate((node) => ({ position: getComputedStyle(node).position, width: node.offsetWidth }));
		assert.deepEqual([position, width], ['fixed', 390], 'styled in spite of style-src none');
		await assertAccessible(widget.page, 'foreign page');
		await shot(widget.page, 'widget-foreign');
	});

	test('calls made before the module was there are not lost', async () => {
		const context = await browser.person();
		const page = await context.newPage();
		await page.goto(`${at.page}early`);
		await until(page, 'sent early', () => document.querySelector('baton-chat').shadowRoot?.querySelector('.own .bubble')?.textContent === 'said early');
	});
}, async (at) => {
	at.site = http.createServer((request, response) => {
		const early = request.url === '/early';
		if (request.url === '/early.js') {
			response.writeHead(200, { 'content-type': 'text/javascript' });
			return response.end(`window.baton ||= Object.assign((...call) => window.baton.q.push(call), { q: [] }); baton('open'); baton('send', 'said early');`);
		}
		response.writeHead(200, {
			'content-type': 'text/html; charset=utf-8',
			'content-security-policy': `default-src 'none'; script-src 'self' ${at.baton.base}; connect-src ${at.baton.base} ${at.baton.base.replace('http', 'ws')}; style-src 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
		});
		response.end(`<!doctype html><html lang="en"><title>Elsewhere</title>${early ? '<script src="/early.js"></script>' : ''}
			<script type="module" async src="${at.baton.base}/w/1/baton-chat.js"></script><main><h1>Another shop</h1></main><baton-chat></baton-chat>`);
	});
	await new Promise((go) => at.site.listen(0, '127.0.0.1', go));
	at.page = `http://127.0.0.1:${at.site.address().port}/`;
	return { 'channel.yaml': { origins: ['self', at.page.replace(/\/$/, '')], say: SAYS } };
});
