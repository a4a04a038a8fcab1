// SPDX-License-Identifier: Apache-2.0
//
// Pages that commands write (reports, drills), looked at in a real Chromium: nothing thrown, nothing
// loaded beside the page itself, no violation of axe in either colour scheme.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { Browser, assertAccessible, shot } from '../browser/browser.mjs';

// Opens the file, runs `look(page)`; the page is served from loopback and may ask for nothing else.
export async function lookAt(file, name, look = async () => {}) {
	const asked = [];
	const server = http.createServer((req, res) => {
		asked.push(req.url);
		res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
		res.end(readFileSync(file));
	});
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	const browser = await Browser.launch();
	try {
		for (const colorScheme of ['light', 'dark']) {
			const context = await browser.person({ colorScheme });
			const page = await context.newPage();
			await page.goto(`http://127.0.0.1:${server.address().port}/`);
			await page.waitForLoadState('networkidle');
			await look(page);
			await assertAccessible(page, `${name} ${colorScheme}`);
			await shot(page, `${name}-${colorScheme}`);
		}
		browser.assertClean();
		assert.deepEqual(asked, ['/', '/'], 'the page asks for nothing');
	} finally {
		await browser.close();
		server.closeAllConnections();
		await new Promise((go) => server.close(go));
	}
}
