// SPDX-License-Identifier: Apache-2.0
//
// The widget in the pages of others: the strictest policy there is, calls before it is there, styles that
// want the way to a person gone, slots, inline, languages, small screens, a server that cannot be reached.
// The pages are made here and stand at the server's own origin.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HostileProvider, answerOf } from '../fault/provider.mjs';
import { Baton } from '../lib/baton.mjs';
import { KEY_ENV, SAYS, simpleSet } from '../lib/policies.mjs';
import { Browser, Widget, assertAccessible, shot, until } from './browser.mjs';

const MODEL = 'ok,gap=5';
const STRICTEST = "default-src 'none'; script-src 'self'; style-src 'none'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'none'";
// The line of docs/EMBEDDING.md, and some calls behind it.
const STUB = 'window.baton ||= Object.assign((...call) => new Promise((done) => baton.q.push([done, ...call])), { q: [] });';

let browser, provider, baton;
before(async () => {
	// Pages that are made here count as pages of the wide world, which may not talk to this machine.
	browser = await Browser.launch(['--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets']);
	provider = await new HostileProvider().start();
	baton = await Baton.start({ policies: simpleSet(provider.url, { models: [MODEL] }), env: KEY_ENV });
});
afterEach(async () => {
	const faults = browser.faults.splice(0);
	await browser.forget();
	assert.deepEqual(faults, []);
});
after(async () => {
	await browser?.close();
	await provider?.stop();
	if (baton?.alive) await baton.stop();
});

/** A page at the server's origin; gives back the page and what it asked the server for. */
async function page({ csp, head = '', body = '<baton-chat></baton-chat>', early = '', lang = 'en', dir = 'ltr', from = '/w/1/', ...options } = {}) {
	const context = await browser.person(options);
	const one = await context.newPage();
	const asked = [];
	one.on('request', (request) => asked.push(new URL(request.url()).pathname));
	await one.route('**/embed/**', (route) => {
		const script = route.request().url().endsWith('early.js');
		route.fulfill({ contentType: script ? 'text/javascript' : 'text/html; charset=utf-8', headers: csp && !script ? { 'content-security-policy': csp } : {},
			body: script ? early : `<!doctype html><html lang="${lang}" dir="${dir}"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Embedded</title>${head}
				${early && '<script src="/embed/early.js"></script>'}<script type="module" async src="${from}baton-chat.js"></script><main><h1>Another shop</h1><p><a href="#after">A link</a></p></main>${body}<footer id="after"><a href="#x">The last link</a></footer>` });
	});
	await one.goto(`${baton.base}/embed/`);
	return { one, asked, widget: new Widget(one) };
}
const inWidget = (one, fn, arg) => one.evaluate(`(${fn})(document.querySelector('baton-chat').shadowRoot, ${JSON.stringify(arg)})`);

test('under the strictest policy everything works, and nothing is asked for before the first sign of interest', async () => {
	const { one, asked, widget } = await page({ csp: STRICTEST });
	await widget.launcher.waitFor();
	await one.waitForTimeout(200);
	assert.deepEqual(asked.filter((path) => /^\/(w|v1)\//.test(path)), ['/w/1/baton-chat.js']);
	await assertAccessible(one, 'closed');
	await widget.launcher.hover();
	await until(one, 'the panel is there', () => document.querySelector('baton-chat').shadowRoot.querySelector('.panel'));
	assert.deepEqual(asked.filter((path) => /^\/(w|v1)\//.test(path)), ['/w/1/baton-chat.js', '/w/1/panel.js'], 'a look is no reason to connect');
	await widget.open();
	await assertAccessible(one, 'open, empty');
	await widget.say('Where is my order?');
	assert.equal(await widget.answer(), answerOf(MODEL));
	assert.equal(await widget.page.locator('baton-chat .panel').evaluate((node) => getComputedStyle(node).position), 'fixed');
});

test('the sources work as they are', async () => {
	const { asked, widget } = await page({ from: '/w/src/', csp: STRICTEST });
	await widget.say('Where is my order?');
	assert.equal(await widget.answer(), answerOf(MODEL));
	assert.ok(asked.includes('/w/src/conversation.js') && !asked.some((path) => path.startsWith('/w/1/')));
});

test('calls before the module is there are kept, and promise what they ask', async () => {
	const { one, widget } = await page({ early: `${STUB}
		globalThis.told = [];
		baton('on', 'message', ({ from }) => told.push(from));
		baton('unread').then((count) => told.push('unread ' + count));
		baton('setLocale', 'de'); baton('open'); baton('send', 'said early').then((id) => told.push(typeof id));
		baton('send', '   ').then((id) => told.push(String(id)));` });
	await widget.log.or(one.getByRole('log')).first().waitFor();
	await until(one, 'answered', () => globalThis.told.includes('bot'));
	const told = await one.evaluate(() => globalThis.told);
	assert.deepEqual(told.toSorted(), ['bot', 'customer', 'null', 'string', 'unread 0']);
	assert.equal(await inWidget(one, (root) => root.querySelector('.human-bar').textContent), 'Mit einem Menschen sprechen');
	assert.deepEqual(await one.evaluate(async () => [(await window.baton('state')).open, (await window.baton('ready')).localName]), [true, 'baton-chat']);
});

test('no style of the page takes the way to a person away while the chat is to be seen', async () => {
	const { one, widget } = await page();
	await widget.open();
	const vectors = [
		'baton-chat { all: unset !important; font-size: 0 !important; color: transparent !important; visibility: hidden !important; line-height: 0 !important }',
		'baton-chat * { display: none !important } .human-bar, button { display: none !important; opacity: 0 !important }',
		'baton-chat::part(human), baton-chat::part(human-bar), baton-chat::part(none) { display: none !important }',
		'baton-chat::part(panel) { block-size: 0 !important; height: 0 !important; inline-size: 0 !important; display: none !important; padding: 900px !important }',
		'baton-chat::part(log) { min-height: 3000px !important; flex: none !important; height: 3000px !important; margin-bottom: 900px !important; position: fixed !important; inset: 0 !important; z-index: 9 !important }',
		'baton-chat::part(bubble) { position: fixed !important; inset: 0 !important; z-index: 99 !important }',
		'baton-chat::part(composer) { position: fixed !important; inset: 0 !important; z-index: 99 !important; height: 2000px !important; transform: scale(9) !important; margin-top: -300px !important }',
		'baton-chat::part(send) { position: absolute !important; inset: 0 !important; width: 900px !important; height: 900px !important; transform: scale(9) !important; z-index: 99 !important }',
		'baton-chat::part(header) { position: absolute !important; inset: 0 !important; height: 100% !important; z-index: 99 !important; min-height: 100vh }',
		'baton-chat { --baton-font: none; --baton-radius: 900px; --baton-fg: transparent; --baton-accent: transparent }',
	];
	for (const vector of vectors) {
		await one.evaluate((css) => {
			const sheet = new CSSStyleSheet();
			sheet.replaceSync(css);
			document.adoptedStyleSheets = [sheet];
		}, vector);
		const found = await inWidget(one, (root) => {
			const human = root.querySelector('.human-bar');
			const { x, y, width, height } = human.getBoundingClientRect();
			const style = getComputedStyle(human);
			return { seen: [width >= 100, height >= 24, x >= 0, y >= 0, x + width <= innerWidth, y + height <= innerHeight].every(Boolean),
				box: [x, y, width, height], on: root.elementFromPoint(x + width / 2, y + height / 2) === human, size: style.fontSize, display: style.display, visibility: style.visibility, opacity: style.opacity };
		});
		assert.deepEqual({ ...found, box: 0 }, { seen: true, box: 0, on: true, size: '14px', display: 'block', visibility: 'visible', opacity: '1' }, `${vector}\n${JSON.stringify(found.box)}`);
	}
});

test('slots, and a place of its own in the page', async () => {
	const { one, widget } = await page({ head: '<style>baton-chat { height: 480px }</style>', body: '<baton-chat inline><b slot="header">Ask Harbour &amp; Pine</b><p slot="empty">Try: where is my order?</p></baton-chat>' });
	await widget.composer.waitFor();
	assert.equal(await widget.launcher.count(), 0);
	await one.getByText('Ask Harbour & Pine').waitFor();
	await one.getByText('Try: where is my order?').waitFor();
	await widget.say('Where is my order?');
	await widget.answer();
	await one.getByText('Try: where is my order?').waitFor({ state: 'hidden' });
	const box = await one.locator('baton-chat .panel').evaluate((node) => [getComputedStyle(node).position, node.offsetHeight]);
	assert.deepEqual(box, ['relative', 480]);
	await widget.composer.press('Escape');
	assert.ok(await widget.composer.isVisible());
	await assertAccessible(one, 'inline');
	await shot(one, 'widget-inline');
});

test('Arabic, from right to left; another language while it runs; what was written stays', async () => {
	const { one } = await page({ lang: 'ar', dir: 'rtl' });
	await one.getByRole('button', { name: 'تحدث معنا' }).click();
	const composer = one.getByRole('textbox', { name: 'رسالتك' });
	await composer.fill('مرحبا');
	await composer.press('Enter');
	await inWidget(one, async (root) => { while (!root.querySelector('.rate')) await new Promise((go) => setTimeout(go, 20)); });
	const side = await inWidget(one, (root) => {
		const panel = root.querySelector('.panel').getBoundingClientRect();
		const own = root.querySelector('.own').getBoundingClientRect();
		return [panel.left < innerWidth - panel.right, own.left - panel.left < panel.right - own.right, getComputedStyle(root.querySelector('.own .bubble')).direction];
	});
	assert.deepEqual(side, [true, true, 'rtl'], 'at the left of the page, own words at the left, Arabic reads to the left');
	await assertAccessible(one, 'Arabic');
	await shot(one, 'widget-arabic');
	await composer.fill('half a sentence');
	for (const [lang, human] of [['fr', 'Parler à une personne'], ['es', 'Hablar con una persona'], ['de', 'Mit einem Menschen sprechen'], ['en', 'Talk to a human']]) {
		await one.evaluate((tag) => window.baton('setLocale', tag), lang);
		await one.getByRole('button', { name: human }).waitFor();
	}
	assert.equal(await inWidget(one, (root) => root.querySelector('textarea').value), 'half a sentence');
	assert.equal(await inWidget(one, (root) => root.querySelectorAll('.own').length), 1);
});

test('a small screen is filled; who tabs on sees the page; zoomed to 200 % all is there', async () => {
	const { one, widget } = await page({ viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true });
	await widget.open();
	const box = await one.locator('baton-chat .panel').boundingBox();
	assert.deepEqual(box, { x: 0, y: 0, width: 390, height: 700 });
	await widget.say('hello');
	await widget.answer();
	await assertAccessible(one, 'mobile');
	await shot(one, 'widget-mobile');
	await one.setViewportSize({ width: 390, height: 360 }); // an on-screen keyboard
	await until(one, 'the composer is above it', () => document.querySelector('baton-chat').shadowRoot.querySelector('textarea').getBoundingClientRect().bottom <= 360);
	assert.ok((await widget.human.boundingBox()).y >= 0);
	await one.setViewportSize({ width: 390, height: 700 });
	await widget.composer.focus();
	for (let i = 0; i < 3 && await widget.composer.isVisible(); i++) await one.keyboard.press('Tab');
	assert.ok(await one.getByRole('link', { name: 'The last link' }).evaluate((node) => node.matches(':focus')));
	assert.ok(await widget.launcher.isVisible(), 'the panel made way');
	const zoomed = await page({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });
	await zoomed.widget.open();
	for (const node of [zoomed.widget.human, zoomed.widget.composer]) {
		const at = await node.boundingBox();
		assert.ok(at.y >= 0 && at.y + at.height <= 400, JSON.stringify(at));
	}
});

test('by keyboard: in, through and out again; every target is large enough; nothing moves', async () => {
	const { one, widget } = await page({ reducedMotion: 'reduce' });
	await widget.launcher.focus();
	await one.keyboard.press('Enter');
	await widget.composer.waitFor();
	await widget.say('hello');
	await widget.answer();
	const stops = [];
	await widget.log.focus();
	for (let i = 0; i < 20; i++) {
		stops.push(await one.evaluate(() => {
			const active = document.activeElement.shadowRoot?.activeElement ?? document.activeElement;
			return active.getAttribute('aria-label') ?? active.textContent;
		}));
		if (stops.at(-1) === 'The last link') break;
		await one.keyboard.press('Tab');
	}
	assert.deepEqual(stops, ['Conversation', 'Helpful', 'Not helpful', 'Talk to a human', 'Your message', 'Send', 'The last link'], 'no trap');
	const small = await inWidget(one, (root) => [...root.querySelectorAll('button, input, textarea')].filter((node) => node.offsetParent && (node.offsetWidth < 24 || node.offsetHeight < 24)).map((node) => node.outerHTML));
	assert.deepEqual(small, []);
	assert.equal(await inWidget(one, (root) => root.getAnimations().length), 0);
	await widget.composer.press('Escape');
	assert.ok(await widget.launcher.evaluate((node) => node.matches(':focus')));
});

test('offline is said, and over as soon as it is over; so is a panel that cannot be loaded', async () => {
	const { one, widget } = await page({ colorScheme: 'dark' });
	await one.route('**/w/1/panel.js*', (route) => route.abort());
	await widget.launcher.click();
	await until(one, 'a sign of trouble', () => document.querySelector('baton-chat').shadowRoot.querySelector('.launcher').textContent.includes('⚠'));
	await one.unroute('**/w/1/panel.js*');
	await one.mouse.move(10, 10);
	await widget.launcher.hover();
	await widget.composer.waitFor(); // the wish to open it was kept
	assert.equal(await inWidget(one, (root) => root.querySelector('.launcher').textContent), '');
	await widget.say('first');
	await widget.answer();
	// Chromium leaves an open WebSocket alone when it is told to be offline: one that is begun anew fails.
	await one.context().setOffline(true);
	await one.getByText('You are offline.').waitFor();
	await one.evaluate(async () => {
		const chat = document.querySelector('baton-chat');
		chat.remove();
		await new Promise((go) => setTimeout(go, 50));
		document.body.append(chat);
	});
	await widget.say('written in a tunnel');
	await widget.log.getByText('Not sent yet, kept').waitFor();
	await assertAccessible(one, 'offline');
	await shot(one, 'widget-offline');
	await one.context().setOffline(false);
	await widget.answer(2);
	await one.getByText('You are offline.').waitFor({ state: 'hidden' });
	assert.deepEqual((await widget.bubbles()).filter(([who]) => who === 'own').map(([, text]) => text), ['first', 'written in a tunnel']);
});

test('taken out of the page and put back, it goes on; an element made by a script works too', async () => {
	const { one, widget } = await page({ body: '' });
	await one.evaluate(() => { window.baton?.('open'); });
	await until(one, 'defined', () => customElements.get('baton-chat'));
	await one.evaluate(() => { globalThis.chat = document.body.appendChild(document.createElement('baton-chat')); globalThis.chat.open(); });
	await widget.say('hello');
	await widget.answer();
	await one.evaluate(async () => { globalThis.chat.remove(); await new Promise((go) => setTimeout(go, 50)); });
	assert.equal(await one.evaluate(() => globalThis.chat.state.connection), 'idle');
	await one.evaluate(() => document.body.append(globalThis.chat));
	await widget.answer();
	assert.equal((await widget.bubbles()).filter(([who]) => who === 'own').length, 1);
	await one.evaluate(() => window.baton('hide'));
	assert.equal(await widget.composer.isVisible() || await widget.launcher.isVisible(), false);
	await one.evaluate(() => window.baton('show'));
	await widget.launcher.waitFor();
});

test('what it says of itself first is that it is an AI', async () => {
	const { widget } = await page();
	await widget.open();
	await widget.log.getByText(SAYS.disclosure).waitFor();
	assert.equal((await widget.lines())[0], SAYS.disclosure);
});
