// SPDX-License-Identifier: Apache-2.0
//
// A full desk: 200 customers who wait over real connections and write fifty messages a second while an
// agent works with the keyboard; and 2,000 cases as recorded frames. What is measured is what the agent
// would feel: tasks of the page that are longer than 50 ms, and how long a key takes to show.
//
// A machine that is busy with something else makes short tasks long. So the best of three is judged.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostileProvider } from '../fault/provider.mjs';
import { Baton, SLOW } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { Browser, Console, assertAccessible, shot, until } from './browser.mjs';

const WAITING = 200;
const STORM_PER_S = 50;
const LONG_MS = 50 * SLOW;

let browser, provider, baton;
const customers = [];

before(async () => {
	[browser, provider] = await Promise.all([Browser.launch(), new HostileProvider().start()]);
	baton = await Baton.start({ policies: simpleSet(provider.url, { models: ['ok'] }), env: KEY_ENV });
});
after(async () => {
	await Promise.all(customers.map((one) => one.end()));
	await browser?.close();
	await provider?.stop();
	if (baton?.alive) await baton.stop();
});

/** Long tasks and the time from a key to the next picture, from now on. */
const watch = (page) => page.evaluate(() => {
	globalThis.long = [];
	globalThis.observer?.disconnect();
	globalThis.observer = new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) globalThis.long.push(Math.round(duration)); });
	globalThis.observer.observe({ type: 'longtask' });
});
const longTasks = (page) => page.evaluate(() => { globalThis.observer.takeRecords().forEach(({ duration }) => globalThis.long.push(Math.round(duration))); return globalThis.long; });

/** The agent goes up and down the list; gives the slowest key, to the frame after it. */
async function work(page, presses) {
	let slowest = 0;
	for (let i = 0; i < presses; i++) {
		const began = performance.now();
		await page.keyboard.press(i % 5 === 4 ? 'k' : 'j');
		await page.evaluate(() => new Promise((go) => requestAnimationFrame(go)));
		slowest = Math.max(slowest, performance.now() - began);
		await sleep(30);
	}
	return Math.round(slowest);
}

/** Best of three: the longest task is below the limit in one of them. */
async function calm(name, page, body) {
	const seen = [];
	for (let round = 0; round < 3; round++) {
		await watch(page);
		const what = await body();
		const long = (await longTasks(page)).filter((ms) => ms > LONG_MS);
		seen.push({ long, ...what });
		if (!long.length) break;
	}
	console.log(`# ${name}: ${JSON.stringify(seen)}`);
	assert.deepEqual(seen.at(-1).long, [], `${name}: tasks over ${LONG_MS} ms in each of three rounds`);
}

describe('a full desk', () => {
	test('200 waiting cases, and fifty changes a second, do not make the console wait', async () => {
		for (let i = 0; i < WAITING; i += 20) {
			await Promise.all(Array.from({ length: 20 }, async (_, k) => {
				const one = new Customer(baton);
				customers.push(one);
				await one.connect();
				one.send({ t: 'human', id: `h${i + k}`, reason: 'a person please' });
				await one.event('case_queued');
			}));
		}
		const desk = await Console.visit(await browser.person(), baton);
		const { page } = desk;
		await until(page, 'all cases stand in the list', (n) => document.querySelectorAll('.case').length === n, WAITING);
		await assertAccessible(page, '200 cases');
		let round = 0;
		await calm('200 cases', page, async () => {
			const storm = (async () => {
				round++;
				for (let i = 0; i < STORM_PER_S * 3; i++) {
					customers[i % WAITING].say(`storm ${round}, message ${i}`);
					await sleep(1000 / STORM_PER_S);
				}
			})();
			const slowest = await work(page, 40);
			await storm;
			return { slowest_key_ms: slowest };
		});
		await until(page, 'the newest words are shown', (word) => [...document.querySelectorAll('.case')].some((node) => node.textContent.includes(word)), `storm ${round}, message ${STORM_PER_S * 3 - 1}`);
		const focused = await page.evaluate(() => document.activeElement.className);
		assert.equal(focused, 'case', 'the focus stays in the list');
		await shot(page, 'console-200');
	});

	test('2,000 cases: the list fills, keys answer, and order changes move few rows', async () => {
		const context = await browser.person();
		let wire;
		await context.routeWebSocket(/\/v1\/chat$/, (ws) => {
			wire = ws;
			const base = Date.now();
			const frame = (i, change) => JSON.stringify({ t: 'case', session: `01a1fde5-dafb-70e7-a9c8-${String(i).padStart(12, '0')}`, state: 'waiting', queue: i % 3 ? 'general' : 'billing', priority: 1 + (i % 9), reason: `reason ${i % 7}`, waiting_since_ms: base - i * 1000,
				unanswered_ms: base - i * 1000, due_ms: base + 600000 - i * 1000, queued_ms: base, rank: i + 1, precedence: 1 + (i % 9), claimable: true, present: true, preview: `preview of ${i}`, tier_level: 1 + (i % 3), rule: 'core.no_model', ...change });
			wire.frame = frame;
			ws.onMessage((text) => {
				const { t } = JSON.parse(text);
				if (t === 'hello') ws.send(JSON.stringify({ t: 'welcome', role: 'agent', agent: 'nina', agent_name: 'Nina', heartbeat_ms: 25000, limits: { msg_bytes: 1, text_bytes: 1, msgs_per_s: 20 }, mode: 'normal', queues: [{ name: 'general', title: 'General' }, { name: 'billing', title: 'Billing' }] }));
				if (t !== 'desk') return;
				ws.send(JSON.stringify({ t: 'desk', cases: 2000 }));
				for (let i = 0; i < 2000; i += 50) ws.send(Array.from({ length: 50 }, (_, k) => frame(i + k)).join('\n'));
			});
		});
		const { page } = await Console.visit(context, baton);
		await until(page, 'the first cases stand in the list', () => document.querySelectorAll('.case').length === 200);
		await page.getByRole('tab', { name: 'All (2000)' }).waitFor();
		await page.getByRole('button', { name: '1800 more' }).waitFor();
		let round = 0;
		const changed = Array.from({ length: 150 }, (_, i) => (i * 577) % 2000);
		await calm('2,000 cases', page, async () => {
			const shift = ++round * 137; // the order changes in each round
			const storm = (async () => {
				for (const [k, i] of changed.entries()) {
					wire.send(wire.frame(i, { preview: `changed ${k}`, precedence: ((i * 31 + shift) % 9) + 1 }));
					await sleep(1000 / STORM_PER_S);
				}
			})();
			const slowest = await work(page, 30);
			await storm;
			return { slowest_key_ms: slowest };
		});
		await page.locator('#queue').selectOption('billing');
		await until(page, 'one queue', () => document.querySelectorAll('.case').length === 200 && !document.querySelector('#list').textContent.includes('general'));
		for (let i = 0; i < 60 && (await page.locator('.case').count()) < 667; i++) {
			await page.evaluate(() => { const panel = document.querySelector('#list-panel'); panel.scrollTop = panel.scrollHeight; });
			await sleep(50);
		}
		await until(page, 'all of the queue, when somebody looks', () => document.querySelectorAll('.case').length === 667);
		await shot(page, 'console-2000');
	});
});
