// SPDX-License-Identifier: Apache-2.0
//
// A real Chromium for the tests: pages that fail the test when they throw, break a security policy
// or open a dialog; axe; screenshots for people in build/screenshots. Everything stays on loopback.
//
// CHROMIUM names another browser binary. Debian's headless shell, where it is installed, is the same engine
// without the windows around it: a test costs half.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { AGENTS, ROOT, SLOW } from '../lib/baton.mjs';
import { kept } from '../lib/kept.mjs';

const require = createRequire(import.meta.url);
// As import it would be read twice, to learn its names: 300 ms in each file.
const { chromium } = require('playwright-core');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = path.join(ROOT, 'build', 'screenshots');
const CHROMIUM = process.env.CHROMIUM ?? ['/usr/lib/chromium/chromium-headless-shell', '/usr/bin/chromium'].find(existsSync);
const PATIENCE_MS = 15000 * SLOW;

// To start a Chromium and to end it costs as much as a test: all files of a lane have one, each person in it
// a profile of their own. Who wants switches has another.
let shared;
async function sharedChromium() {
	if (shared?.isConnected())
		return shared;
	shared = await start([]);
	kept.ends.push(() => shared.close());
	return shared;
}

function start(args) {
	return chromium.launch({
		executablePath: CHROMIUM,
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...args],
	});
}

export class Browser {
	#contexts = [];
	faults = []; // what a page did that no page may

	/** args: more switches of Chromium's. */
	static async launch(args = []) {
		const self = new Browser();
		self.chromium = await (kept.lane && !args.length ? sharedChromium() : start(args));
		return self;
	}

	/** A person with storage of their own. */
	async person(options = {}) {
		const context = await this.chromium.newContext({ viewport: { width: 1200, height: 800 }, locale: 'en-GB', ...options });
		context.setDefaultTimeout(PATIENCE_MS);
		this.#contexts.push(context);
		context.on('page', (page) => {
			page.on('pageerror', (error) => this.faults.push(`${page.url()}: ${error.stack}`));
			page.on('dialog', (dialog) => { this.faults.push(`dialog: ${dialog.message()}`); dialog.dismiss().catch(() => {}); });
			page.on('console', (message) => {
				// A server that is down on purpose makes failed requests; nothing else is forgiven.
				if (message.type() === 'error' && !/ERR_|WebSocket connection|status of (4\d\d|503)/.test(message.text())) this.faults.push(`console: ${message.text()}`);
			});
			page.on('request', (request) => {
				if (!/^(https?:\/\/127\.0\.0\.1[:/]|data:|about:)/.test(request.url())) this.faults.push(`left the machine: ${request.url()}`);
			});
		});
		return context;
	}

	assertClean() {
		assert.deepEqual(this.faults, []);
	}

	async forget() {
		for (const context of this.#contexts.splice(0)) await context.close();
	}

	async close() {
		await this.forget();
		if (this.chromium !== shared) await this.chromium?.close();
	}
}

/** Saves what it looks like; named for people, compared by nobody. */
export async function shot(page, name) {
	mkdirSync(SHOTS, { recursive: true });
	await page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
}

/** No violation of any axe rule, shadow roots included. */
export async function assertAccessible(page, where, without = []) {
	if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(`${AXE};0`); // half a second, once for a page
	const { violations } = await page.evaluate((rules) => globalThis.axe.run({ rules }), Object.fromEntries(without.map((rule) => [rule, { enabled: false }])));
	assert.deepEqual(violations.map((one) => `${where}: ${one.id}: ${one.nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`).join('; ')}`), []);
}

/** Waits until a function in the page is true; says what was there if it never is. */
export async function until(page, what, fn, arg) {
	try {
		await page.waitForFunction(fn, arg, { polling: 30 });
	} catch (error) {
		const text = await page.evaluate(() => [document.querySelector('baton-chat')?.shadowRoot?.querySelector('.panel')?.innerText, document.body.innerText].join('\n----\n')).catch(() => '');
		throw new Error(`never: ${what}\n${error.message}\n${text}`);
	}
}

/** The widget as a visitor meets it. */
export class Widget {
	constructor(page) {
		this.page = page;
		this.host = page.locator('baton-chat');
		this.launcher = page.getByRole('button', { name: /Chat with us/ });
		this.composer = page.getByRole('textbox', { name: 'Your message' });
		this.human = page.locator('baton-chat .human-bar');
		this.log = page.getByRole('log', { name: 'Conversation' });
		this.bot = this.log.locator('.item.bot:not(:has(.who:has-text("Automated")))');
		this.finished = this.bot.and(this.log.locator('.item:has(.rate)'));
		this.notes = this.log.locator('.note:not(.disclosure)');
	}

	static async visit(context, url) {
		const widget = new Widget(await context.newPage());
		await widget.page.goto(url);
		await widget.launcher.or(widget.composer).first().waitFor();
		return widget;
	}

	async open() {
		if (!(await this.composer.isVisible())) await this.launcher.click();
		await this.composer.waitFor();
	}

	async say(text) {
		await this.open();
		await this.composer.fill(text);
		await this.composer.press('Enter');
	}

	/** The n-th finished answer of the bot. */
	async answer(n = 1) {
		await this.finished.nth(n - 1).waitFor();
		return this.finished.nth(n - 1).locator('.bubble').innerText();
	}

	/** All that stands in the log, line by line. */
	async lines() {
		return (await this.log.innerText()).split('\n').map((line) => line.trim()).filter(Boolean);
	}

	/** Texts of the bubbles, by speaker, in order. */
	bubbles() {
		return this.log.locator('.item').evaluateAll((items) => items.filter((item) => !item.hidden)
			.map((item) => [[...item.classList].find((name) => ['own', 'bot', 'human'].includes(name)), item.querySelector('.bubble').innerText.trim()]));
	}

	/** What would be read aloud, in order, from now on. */
	async listen() {
		await this.page.evaluate(() => {
			const root = document.querySelector('baton-chat').shadowRoot;
			globalThis.heard = [];
			for (const node of root.querySelectorAll('[role=status]'))
				new MutationObserver(() => node.textContent && globalThis.heard.push(node.textContent)).observe(node, { childList: true, characterData: true, subtree: true });
		});
	}

	heard() {
		return this.page.evaluate(() => globalThis.heard);
	}
}

/** The console as an agent meets it. */
export class Console {
	constructor(page) {
		this.page = page;
		this.cases = page.locator('.case');
		this.log = page.getByRole('log', { name: 'Transcript' });
		this.text = page.locator('#text');
	}

	static async visit(context, baton, agent = 'nina') {
		const desk = new Console(await context.newPage());
		await desk.page.goto(`${baton.base}/console/#token=${AGENTS[agent]}`);
		await until(desk.page, 'connected', () => document.querySelector('#connection').textContent === 'Connected');
		return desk;
	}

	verb(name) {
		return this.page.locator('#verbs').getByRole('button', { name });
	}

	/** Opens the case that shows these words, and takes it. */
	async claim(words) {
		await this.cases.filter({ hasText: words }).first().click();
		await this.verb('Claim').click();
		await this.text.waitFor();
	}

	async reply(text) {
		await this.text.fill(text);
		await this.text.press('Control+Enter');
	}
}
