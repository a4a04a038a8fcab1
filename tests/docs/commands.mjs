// SPDX-License-Identifier: Apache-2.0
//
// Runs what the pages tell people to type. Every ```console block: lines that begin with `$ ` are run
// by bash, in order, in a scratch folder that looks like the clone's root; the lines below each must
// appear in its output, in order, `...` standing for anything. Exit code 0 is expected.
//
// A demonstration server with its data in ./data runs meanwhile and has had one conversation, $SESSION.
// Where a page says 127.0.0.1:7070, its own port is put. A block marked `console stopped` comes after
// it was stopped; one marked `console sdk` is run by tests/sdk. What cannot be run (apt, browsers, daemons)
// stands in blocks marked `text`.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BIN, BUILD, ROOT, read, verdict } from './report.mjs';

const { WebSocket } = createRequire(path.join(ROOT, 'tests/package.json'))('ws');
const COMMAND_MS = 60000;
const START_MS = 30000;

/** [{line, stopped, commands: [{line, text, shown: []}]}] of a page. */
export function blocks(text) {
	const found = [];
	let block = null;
	for (const [i, line] of text.split('\n').entries()) {
		const fence = /^```(.*)$/.exec(line);
		if (fence && block) {
			block = null;
		} else if (fence) {
			const [kind, mark] = fence[1].split(' ');
			block = { line: i + 1, kind, mark, stopped: mark === 'stopped', commands: [], stray: [] };
			found.push(block);
		} else if (block && line.startsWith('$ ')) {
			block.commands.push({ line: i + 1, text: line.slice(2), shown: [] });
		} else if (block?.commands.length) {
			block.commands.at(-1).shown.push(line);
		} else if (block && line) {
			block.stray.push(i + 1);
		}
	}
	return found.filter(({ kind }) => kind === 'console');
}

const pattern = (line) => new RegExp(`^${line.split('...').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);

/** The first shown line that the output does not have at its place, or null. */
export function missing(shown, output) {
	const lines = output.split('\n');
	let at = 0;
	for (const line of shown) {
		if (line.trim() === '...')
			continue;
		const found = lines.slice(at).findIndex((one) => pattern(line).test(one));
		if (found < 0)
			return line;
		at += found + 1;
	}
	return null;
}

function scratch() {
	const dir = mkdtempSync(path.join(tmpdir(), 'baton-docs-'));
	// A copy: commands may write into it.
	cpSync(path.join(ROOT, 'policies'), path.join(dir, 'policies'), { recursive: true });
	for (const name of ['modules', 'channels', 'core', 'docs', 'tests', 'Makefile'])
		symlinkSync(path.join(ROOT, name), path.join(dir, name));
	mkdirSync(path.join(dir, 'build'));
	symlinkSync(BUILD, path.join(dir, 'build', 'release'));
	mkdirSync(path.join(dir, 'bin'));
	symlinkSync(BIN, path.join(dir, 'bin', 'baton'));
	return dir;
}

function start(dir) {
	const child = spawn(BIN, ['demo', '--data', 'data', '--listen', '127.0.0.1:0', '--json'], { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] });
	const stopped = new Promise((go) => child.once('exit', go));
	return new Promise((go, fail) => {
		const late = setTimeout(() => { child.kill('SIGKILL'); fail(new Error('the demonstration did not start')); }, START_MS);
		let text = '';
		child.stdout.setEncoding('utf8').on('data', (part) => {
			text += part;
			if (!text.includes('\n'))
				return;
			clearTimeout(late);
			go({ child, base: JSON.parse(text.split('\n')[0]).base, async stop() { child.kill('SIGTERM'); await stopped; } });
		});
		stopped.then((code) => { clearTimeout(late); fail(new Error(`the demonstration ended with ${code}`)); });
	});
}

/* One question and its answer, as a page would ask it; gives back the session. */
async function converse(base, question) {
	const made = await fetch(`${base}/v1/tickets`, { method: 'POST', headers: { origin: base }, body: '{}' });
	const { ticket } = await made.json();
	const ws = new WebSocket(`${base.replace(/^http/, 'ws')}/v1/chat`, ['baton.v1', `btn.${ticket}`], { origin: base });
	const say = (frame) => ws.send(JSON.stringify(frame));
	let session;
	await new Promise((go, fail) => {
		const late = setTimeout(() => fail(new Error('no answer')), START_MS);
		ws.on('error', fail);
		ws.on('open', () => say({ t: 'hello', locale: 'en' }));
		ws.on('message', (bytes) => {
			for (const frame of String(bytes).split('\n').map((line) => JSON.parse(line))) {
				if (frame.t === 'welcome') {
					session = frame.session;
					say({ t: 'msg', id: 'first', text: question });
				} else if (frame.t === 'ev' && frame.ev.type === 'RUN_FINISHED') {
					clearTimeout(late);
					go();
				}
			}
		});
	});
	ws.close();
	return session;
}

function run({ text, shown }, { dir, env, base }) {
	const real = (line) => line.replaceAll('http://127.0.0.1:7070', base);
	// What a page shows may be longer than what a terminal would: the rest of a pipe is not an error.
	const out = spawnSync('bash', ['-c', real(text)], { cwd: dir, env, encoding: 'utf8', timeout: COMMAND_MS, maxBuffer: 64 << 20 });
	const output = `${out.stdout}${out.stderr}`;
	if (out.status !== 0)
		return [`exit code ${out.status ?? out.signal}`, output.slice(0, 2000)];
	const line = missing(shown.map(real), output);
	return line === null ? [] : [`not in the output: ${line}`, output.slice(0, 2000)];
}

export async function checkCommands(pages) {
	const dir = scratch();
	// `console sdk` is for an installed Baton: tests/sdk/guide.test.mjs runs those.
	const found = pages.flatMap((page) => blocks(read(page)).filter(({ mark }) => mark !== 'sdk').map((block) => ({ page, ...block })));
	verdict('console blocks begin with a command', found.flatMap(({ page, stray }) => stray.map((line) => `${page}:${line}`)));
	let server;
	try {
		server = await start(dir);
		const session = await converse(server.base, 'Where is my order?');
		const env = { ...process.env, PATH: `${dir}/bin:${process.env.PATH}`, SESSION: session };
		for (const stopped of [false, true]) {
			if (stopped)
				await server.stop();
			for (const block of found.filter((one) => one.stopped === stopped))
				for (const command of block.commands)
					verdict(`${block.page}:${command.line} ${command.text}`, run(command, { dir, env, base: server.base }));
		}
		if (!found.length)
			verdict('there are commands to run', ['none was found']);
	} catch (error) {
		verdict('the demonstration runs', [error.message]);
	} finally {
		server?.child.kill('SIGKILL');
		rmSync(dir, { recursive: true, force: true });
	}
}
