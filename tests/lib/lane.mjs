// SPDX-License-Identifier: Apache-2.0
//
// node tests/lib/lane.mjs [--lanes=2] FILE...: runs test files one after the other in one process, or in
// that many, each of which takes the next file when it is done with one. A process for each file, as
// `node --test` starts, costs half a second of a core before its first test: to start Node, to load what
// all files load, to compile it again. A file that cannot be loaded or whose hooks fail is one that
// failed, and the next one runs.
//
// Surprising: what modules of tests/lib remember, they remember over files; betweenFiles() is for what
// they must not. process.argv[1] is the file that runs, as it would be alone.

import { fork } from 'node:child_process';
import path from 'node:path';
import { describe } from 'node:test';
import { pathToFileURL } from 'node:url';
import { forgetFile, kept } from './kept.mjs';

const self = process.argv[1];
const files = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const lanes = Number(process.argv.find((arg) => arg.startsWith('--lanes='))?.slice(8) ?? 1);

async function runFile(file) {
	process.argv[1] = path.resolve(file);
	await describe(file, async () => { await import(pathToFileURL(file)); });
	forgetFile();
}

async function run(next) {
	kept.lane = true;
	for (let file; (file = await next());)
		await runFile(file);
	for (const end of kept.ends)
		await end();
	setTimeout(leave, 3000).unref();
}

// A test that failed may have left a server listening, which would hold the lane for ever. What the runner
// has to say it says before the process ends by itself, so it is told that it does.
function leave() {
	console.log(`# left open: ${process.getActiveResourcesInfo().filter((what) => what !== 'Timeout').join(', ')}`);
	process.emit('beforeExit', process.exitCode ?? 0);
	setTimeout(() => process.exit(process.exitCode ?? 0), 1000);
}

// What a lane says of a file is passed on in one piece, although another one talks as well.
function passOn(stream) {
	let said = '';
	stream.setEncoding('utf8').on('data', (text) => {
		said += text;
		const at = said.lastIndexOf('\n  ...\n'); // the end of what stands at the left edge: of a file
		if (at < 0)
			return;
		process.stdout.write(said.slice(0, at + 7));
		said = said.slice(at + 7);
	});
	stream.on('end', () => process.stdout.write(said));
}

function lane() {
	const child = fork(self, ['--lane'], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
	passOn(child.stdout);
	child.on('message', () => child.send(files.shift() ?? null));
	child.on('close', (code) => { process.exitCode ||= code ?? 1; });
}

if (process.argv.includes('--lane')) {
	await run(() => new Promise((go) => {
		process.once('message', go);
		process.send('next');
	}));
	process.disconnect();
} else if (lanes > 1) {
	for (let i = 0; i < lanes; i++)
		lane();
} else {
	await run(() => files.shift());
}
