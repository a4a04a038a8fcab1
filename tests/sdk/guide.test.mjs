// SPDX-License-Identifier: Apache-2.0
//
// docs/MODULES.md as a reader does it: in a clean folder, with nothing but the installed Baton. Its commands
// run and print what it shows, its code is the template's, its service is asked, and a customer gets the answer.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { Customer } from '../lib/client.mjs';
import { missing } from '../docs/commands.mjs';
import { SDK, WORK, good, sh } from './kit.mjs';

const guide = readFileSync(new URL('../../docs/MODULES.md', import.meta.url), 'utf8');
const template = readFileSync(path.join(SDK, 'share/baton/templates/provider/provider-acme.c'), 'utf8');
const dir = path.join(WORK, 'guide');
mkdirSync(dir);

const running = [];
after(() => running.forEach((child) => child.kill('SIGKILL')));

async function freePort() {
	const probe = createServer();
	await new Promise((go) => probe.listen(0, '127.0.0.1', go));
	const { port } = probe.address();
	await new Promise((go) => probe.close(go));
	return port;
}
const port = await freePort();
const real = (text) => text.replaceAll('8099', port);

/* Every fenced block: {info, text} in order. */
const fences = [...guide.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, info, text]) => ({ info, text }));

/* {command, shown[]} of a console block. */
function commands(text) {
	const found = [];
	for (const line of text.trimEnd().split('\n'))
		if (line.startsWith('$ '))
			found.push({ command: line.slice(2), shown: [] });
		else
			found.at(-1).shown.push(line);
	return found;
}

const env = { PATH: `${SDK}/bin:${process.env.PATH}`, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR ?? '/tmp', PKG_CONFIG_PATH: process.env.PKG_CONFIG_PATH };

test('the code of the guide is the code that is built', () => {
	const shown = fences.filter(({ info }) => info === 'c').map(({ text }) => text);
	assert.ok(shown.length >= 7);
	let at = 0;
	for (const text of shown) {
		const found = template.indexOf(text.trimEnd());
		assert.ok(found >= 0, `not in the template:\n${text}`);
		at = Math.max(at, found);
	}
});

test('state as the guide hands it over goes round, from both schemas, and never past its end', () => {
	const { text } = fences.find(({ info }) => info === 'c state');
	writeFileSync(path.join(dir, 'state.c'), `#include <baton/module.h>
#include <assert.h>
#include <string.h>
struct saved { uint64_t seen, hits; };
struct warm { struct saved saved; };
${text}
struct bytes { char p[64]; size_t n, at; };
static int32_t put(void *ud, const void *p, size_t n) { struct bytes *b = ud; memcpy(b->p + b->n, p, n); b->n += n; return BATON_OK; }
static int64_t one(void *ud, void *p, size_t cap) { struct bytes *b = ud; if (b->at == b->n || !cap) return 0; *(char *)p = b->p[b->at++]; return 1; }
int main(void)
{
	struct warm old = { { 7, 8 } }, new = { { 1, 2 } }, first = { { 1, 2 } }, cut = { { 1, 2 } };
	struct bytes b = { { 0 }, 0, 0 };
	baton_sink sink = { sizeof(sink), 0, &b, put };
	baton_source source = { sizeof(source), 0, &b, one };
	assert(state.save(&old, &sink) == BATON_OK && b.n == 16);
	assert(state.load(&new, 2, &source) == BATON_OK && new.saved.seen == 7 && new.saved.hits == 8);
	b.at = 0;
	assert(state.load(&first, 1, &source) == BATON_OK && first.saved.seen == 7 && first.saved.hits == 2);
	b.at = 0, b.n = 11;
	assert(state.load(&cut, 2, &source) == BATON_E_SCHEMA && cut.saved.seen == 1 && cut.saved.hits == 2);
	return 0;
}
`);
	good('bash', ['-c', 'cc -std=gnu11 -Wall -Wextra -Werror -fsanitize=address,undefined $(pkg-config --cflags baton-module) -o state state.c && ./state'], { cwd: dir });
});

async function spawned(command, args, ready) {
	const child = spawn(command, args, { cwd: dir, env: { ...env, BATON_SECRET_ACME_KEY: 'any' }, stdio: ['ignore', 'pipe', 'pipe'] });
	running.push(child);
	let text = '';
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding('utf8').on('data', (part) => { text += part; });
	for (let i = 0; i < 200 && !ready(text); i++)
		await new Promise((go) => setTimeout(go, 50));
	assert.ok(ready(text), text);
	return { child, text: () => text };
}

let server;
async function serve() {
	const typed = /^\$ BATON_SECRET_ACME_KEY=any baton (demo .*)$/m.exec(guide);
	assert.ok(typed, 'the guide starts the server');
	const demo = await spawned(path.join(SDK, 'bin/baton'), [...typed[1].split(' '), '--listen', '127.0.0.1:0', '--json'], (text) => text.includes('"ready"'));
	server = { base: JSON.parse(demo.text().split('\n').find((line) => line.includes('"ready"'))).base,
		http(at, init = {}) { return fetch(this.base + at, init); } };
}

async function ask() {
	const c = new Customer(server);
	await c.connect();
	return (await c.answer((await c.say('Where is my order?')).seq)).text;
}

for (const { info, text } of fences.filter(({ info: word }) => /\bsdk\b/.test(word))) {
	if (info === 'js sdk') {
		test('the service of the guide is written down', () => writeFileSync(path.join(dir, 'service.mjs'), real(text)));
		continue;
	}
	if (info === 'console sdk service')
		test('the service of the guide runs', () =>
			spawned('node', ['service.mjs'], () => sh('curl', ['-s', '-o', '/dev/null', `http://127.0.0.1:${port}/`]).code === 0));
	if (info === 'console sdk running')
		test('served, the first provider answers', async () => {
			await serve();
			assert.equal(await ask(), 'Your order is on its way.');
		});
	for (const { command, shown } of commands(text))
		test(`$ ${command}`, () => {
			const out = sh('bash', ['-c', real(command)], { cwd: dir, extra: env });
			assert.equal(out.code, 0, out.text);
			assert.equal(missing(shown.map(real), out.text), null, out.text);
		});
	if (info === 'console sdk running')
		test('swapped, it still answers', async () => assert.equal(await ask(), 'Your order is on its way.'));
}

test('a module is still one after strip', () => {
	const so = path.join(dir, 'provider-acme/build/release/provider-acme.so'), stripped = path.join(WORK, 'stripped.so');
	good('strip', ['-o', stripped, so]);
	assert.equal(JSON.parse(good(path.join(SDK, 'bin/baton'), ['module', 'info', stripped]).stdout).id, 'provider-acme');
});
