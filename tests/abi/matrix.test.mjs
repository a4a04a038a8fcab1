// SPDX-License-Identifier: Apache-2.0
//
// Modules of two minors on servers of two minors. The next minor is made up: a
// copy of the header with members appended to every struct that crosses the border both ways, and a server
// built against it. A module answers with what it found; a module that must not run is refused by name.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { before, describe, test } from 'node:test';

const ROOT = path.join(import.meta.dirname, '../..');
const V = process.env.V ?? 'release';
const OUT = path.join(ROOT, 'build', `abi-${V}`);
const LATER = path.join(OUT, 'include');

/* --- the made-up header ------------------------------------------------------------------------------ */

const APPENDED = [['} baton_usage;', '  uint64_t later;\n'], ['} baton_http_req;', '  uint64_t later;\n'], ['} baton_error;', '  uint64_t later;\n'],
	['} baton_http_cb;', '  void (*later)(void *user);\n'], ['} baton_host;', '  uint64_t later;\n'], ['} baton_prompt;', '  uint64_t later;\n'],
	['} baton_turn;', '  uint64_t later;\n'], ['} baton_facts;', '  uint64_t later;\n'], ['} baton_provider;', '  void (*later)(void *inst);\n'],
	['} baton_classifier;', '  void (*later)(void *inst);\n'], ['} baton_rule;', '  void (*later)(void *inst);\n'], ['} baton_retriever;', '  void (*later)(void *inst);\n'],
	['} baton_transcript;', '  void (*later)(void *inst);\n'], ['} baton_intents;', 'uint64_t later; '], ['} baton_query;', 'uint64_t later; '], ['} baton_verdict;', '  uint32_t unused; uint64_t later;\n'],
	['} baton_sink;', '  uint64_t later;\n'], ['} baton_tool;', '  void (*later)(void *inst);\n'], ['} baton_tool_req;', '  uint64_t later;\n'],
	['} baton_tool_result;', '  uint64_t later;\n'], ['} baton_guard;', '  void (*later)(void *inst);\n'], ['} baton_inspection;', '  uint64_t later;\n'], ['} baton_hits;', '  uint64_t later;\n'], ['} baton_module;', '  const void *later;\n']];

function makeHeader() {
	cpSync(path.join(ROOT, 'core/include'), LATER, { recursive: true, preserveTimestamps: true });
	let text = readFileSync(path.join(ROOT, 'core/include/baton/module.h'), 'utf8');
	const minor = Number(/#define BATON_ABI_MINOR (\d+)u/.exec(text)[1]);
	text = text.replace(`#define BATON_ABI_MINOR ${minor}u`, `#define BATON_ABI_MINOR ${minor + 1}u`);
	for (const [end, member] of APPENDED) {
		assert.ok(text.includes(end), end);
		text = text.replace(end, member + end);
	}
	// Only if it is another one: make looks at the time.
	const file = path.join(LATER, 'baton/module.h'), seen = path.join(OUT, 'module.h');
	if (existsSync(seen) && readFileSync(seen, 'utf8') === text)
		cpSync(seen, file, { preserveTimestamps: true });
	else {
		writeFileSync(file, text);
		cpSync(file, seen, { preserveTimestamps: true });
	}
	return minor;
}

/* What a file has to name if the made-up header is to make anything else of it: a struct that grows, or one
 * that has such a struct inside. */
function changedNames() {
	const header = readFileSync(path.join(ROOT, 'core/include/baton/module.h'), 'utf8');
	const names = new Set(APPENDED.map(([end]) => /\w+/.exec(end)[0]));
	const structs = [...header.matchAll(/^typedef struct (\w+) \{([\s\S]*?)^\} \1;/gm)];
	for (let before = 0; before !== names.size;) {
		before = names.size;
		for (const [, name, members] of structs)
			if ([...names].some((inner) => new RegExp(`\\b${inner}\\s+\\w`).test(members)))
				names.add(name);
	}
	return new RegExp(`\\b(${[...names].join('|')}|BATON_ABI_MINOR|BATON_MODULE_\\w+)\\b`);
}

/* Of files that nothing changes in, this server's objects are the next one's too. A header that only points to
 * such structs makes nothing grow (members are appended, so none moves); a file that names one is compiled. */
function takeObjects() {
	const changed = changedNames(), texts = new Map(), built = path.join(ROOT, 'build', V);
	const isChanged = (file) => {
		if (!texts.has(file)) {
			const text = readFileSync(path.join(ROOT, file), 'utf8');
			texts.set(file, changed.test(file.endsWith('.c') ? text : text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '').replace(/\b\w+\s*\*/g, '*')));
		}
		return texts.get(file);
	};
	let taken = 0;
	for (const room of ['core', 'channels'])
		for (const name of readdirSync(path.join(built, room), { recursive: true }).filter((name) => name.endsWith('.d'))) {
			const deps = readFileSync(path.join(built, room, name), 'utf8').split(':')[1].match(/[\w./-]+\.(c|h|def)\b/g);
			const object = path.join(room, name.replace(/d$/, 'o')), to = path.join(OUT, object);
			if (!deps.some((file) => file !== 'core/include/baton/module.h' && !file.startsWith('/') && isChanged(file))) {
				mkdirSync(path.dirname(to), { recursive: true });
				cpSync(path.join(built, object), to);
				rmSync(to.replace(/o$/, 'd'), { force: true });
				taken++;
			} else if (!existsSync(to.replace(/o$/, 'd')))
				rmSync(to, { force: true }); // was taken, and is its own now
		}
	return taken;
}

function makeServer() {
	const include = path.relative(ROOT, LATER);
	assert.ok(takeObjects() > 50);
	execFileSync('make', ['-s', `-j${cpus().length}`, `V=${V}`, `O=${path.relative(ROOT, OUT)}`, `CSTD=-std=gnu11 -D_GNU_SOURCE -I${include} -I.`, 'OPT_release=-O0', 'WARN=-w', 'HARD=',
		`${path.relative(ROOT, OUT)}/baton`, ...(existsSync(path.join(ROOT, 'core/modhost')) ? [`${path.relative(ROOT, OUT)}/baton-modhost`] : [])],
	{ cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, MAKEFLAGS: '' } });
}

const modules = path.join(OUT, 'probes');
function makeProbe(name, include, ...flags) {
	mkdirSync(modules, { recursive: true, mode: 0o755 });
	execFileSync('gcc', ['-std=gnu11', '-O1', '-g', '-fPIC', '-fvisibility=hidden', `-I${include}`, `-DNAME="provider-${name}"`, ...flags, '-shared', '-Wl,-z,relro,-z,now,-z,defs,-Bsymbolic',
		`-Wl,--version-script=${path.join(ROOT, 'modules/sdk/module.map')}`, '-o', path.join(modules, `provider-${name}.so`), path.join(ROOT, 'tests/abi/probe.c')]);
}

let minor;
before(() => {
	minor = makeHeader();
	makeServer();
	const old = path.join(ROOT, 'core/include');
	makeProbe('old', old);
	makeProbe('later-frugal', LATER, '-DHAS_LATER', '-DBATON_ABI_NEEDED=0u');
	makeProbe('later', LATER, '-DHAS_LATER');
});

/* --- who meets whom ---------------------------------------------------------------------------------- */

// One server, one module, one question: {text} or {refused}.
function meet(server, module, isolation) {
	const out = execFileSync('node', [path.join(import.meta.dirname, 'meet.mjs'), modules, `provider-${module}.so`, isolation],
		{ encoding: 'utf8', timeout: 120000, env: { ...process.env, V, BATON_BIN: server } });
	return JSON.parse(out.trim().split('\n').at(-1));
}

const SERVERS = { 'this server': path.join(ROOT, 'build', V, 'baton'), 'the next server': path.join(OUT, 'baton') };
// 1, BATON_FAIL_UNAVAILABLE: nobody listens where it asks, and the class has reached the module.
const answer = (built, age) => ({ text: `built=${built} host=${age} prompt=${age} docs=2 intent=greeting http=1`, usage: [7, 11],
	said: ['entries=there', ...['facts', 'query', 'turn', 'verdict'].map((what) => `${what}=${age}`)] });
const ROWS = [
	['this server', 'old', (m) => answer(m, 'unknown')],
	['this server', 'later-frugal', (m) => answer(m + 1, 'old')],
	['this server', 'later', (m) => new RegExp(`provider-later\\.so: .*ABI.*1\\.${m + 1}`)],
	['the next server', 'old', (m) => answer(m, 'unknown')],
	['the next server', 'later-frugal', (m) => answer(m + 1, 'new')],
	['the next server', 'later', (m) => answer(m + 1, 'new')],
];

for (const isolation of ['inline', 'process'])
	describe(isolation, () => {
		for (const [server, module, expected] of ROWS)
			test(`${server}, ${isolation}, module ${module}`, () => {
				const met = meet(SERVERS[server], module, isolation);
				const due = expected(minor);
				if (due instanceof RegExp)
					assert.match(met.refused ?? JSON.stringify(met), due);
				else
					assert.deepEqual(met, due);
			});
	});

// Nobody in a conversation of the simple set invokes a tool or needs a guard: here the checker asks them, on the
// table of the server and through the proxy.
for (const [server, module] of [['this server', 'old'], ['this server', 'later-frugal'], ['the next server', 'old'], ['the next server', 'later']])
	for (const [kind, only] of [['tool', 'descriptor,start-end,many-at-once,tools'], ['guard', 'descriptor,same-hits']])
		for (const how of ['--inline', '--isolated'])
			test(`${server}, ${how.slice(2)}, module ${module} as a ${kind}`, () => {
				const out = JSON.parse(execFileSync(SERVERS[server], ['module', 'check', path.join(modules, `provider-${module}.so`), `--kind=${kind}`, `--only=${only}`, how, '--json'],
					{ encoding: 'utf8', timeout: 60000 }));
				assert.equal(out.failed, 0, JSON.stringify(out));
				assert.equal(out.checks.filter(({ verdict, name }) => verdict === 'ok' && only.split(',').includes(name)).length, only.split(',').length);
			});

test('another major is refused on either, before any of its code runs', () => {
	const header = path.join(OUT, 'major');
	cpSync(path.join(ROOT, 'core/include'), header, { recursive: true });
	const file = path.join(header, 'baton/module.h');
	writeFileSync(file, readFileSync(file, 'utf8').replace('#define BATON_ABI_MAJOR 1u', '#define BATON_ABI_MAJOR 2u'));
	makeProbe('major', header);
	for (const server of Object.values(SERVERS))
		assert.match(meet(server, 'major', 'inline').refused, /provider-major\.so: wrong ABI: built for ABI 2, this server speaks 1/);
});
