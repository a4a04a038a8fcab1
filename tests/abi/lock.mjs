// SPDX-License-Identifier: Apache-2.0
//
// The layout of the module ABI as text, for x86-64: of every struct its size and its members with offset,
// size and type, of every enumerator and plain macro its value. What there is, clang's syntax tree says;
// what it is, a small C program says that is made here, compiled and run: so the compilers agree or we
// see where they do not.
//
//	node lock.mjs INCLUDE-DIR [COMPILER...]     prints the lock; default compiler: gcc

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// What modules and servers share. testhost.h is a library of one side: it is linked, not met.
export const HEADERS = ['module.h', 'expr.h', 'sign.h'];

// Kinds that stand in the header and that no server has served yet: drafts, not promised.
const DRAFTS = /^(baton_channel|BATON_CHANNEL)$/;

const run = (command, args, options = {}) => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 256 << 20, ...options });
const source = HEADERS.map((name) => `#include <baton/${name}>\n`).join('');

/* --- what there is ---------------------------------------------------------------------------------- */

function isOurs(node, at) {
	const loc = node.loc ?? {};
	const file = loc.file ?? loc.expansionLoc?.file;
	if (file)
		at.file = file;
	return /\/baton\/[a-z_]+\.h$/.test(at.file ?? '');
}

/** {structs: [{name, members: [{path, type}]}], enumerators: [name]} in the order of the header. */
function namesOf(include) {
	const tree = JSON.parse(run('clang', ['-x', 'c', '-std=c11', `-I${include}`, '-fsyntax-only', '-Xclang', '-ast-dump=json', '-'], { input: source }));
	const at = {}, structs = [], enumerators = [], byId = new Map();
	for (const node of tree.inner) {
		const ours = isOurs(node, at);
		if (node.kind === 'RecordDecl')
			byId.set(node.id, node);
		if (!ours)
			continue;
		if (node.kind === 'RecordDecl' && node.completeDefinition && node.name && !DRAFTS.test(node.name))
			structs.push({ name: node.name, members: membersOf(node, '') });
		if (node.kind === 'EnumDecl')
			enumerators.push(...(node.inner ?? []).filter(({ kind }) => kind === 'EnumConstantDecl').map(({ name }) => name));
	}
	return { structs, enumerators };
}

// A struct without a name inside of another: its members, with the path to them.
function membersOf(record, prefix) {
	const inner = record.inner ?? [];
	return inner.filter(({ kind }) => kind === 'FieldDecl').flatMap((field) => {
		const type = field.type.qualType;
		const own = { path: prefix + field.name, type: /unnamed|anonymous/.test(type) ? 'struct' : type };
		const hidden = own.type === 'struct' ? inner[inner.indexOf(field) - 1] : null;
		return hidden?.kind === 'RecordDecl' ? [own, ...membersOf(hidden, `${own.path}.`)] : [own];
	});
}

// Plain macros with a value; the minor is the lock's own name, and guards have none.
function macrosOf(include) {
	const all = run('gcc', ['-x', 'c', '-dM', '-E', `-I${include}`, '-'], { input: source });
	return [...all.matchAll(/^#define (BATON_\w+) (\S.*)$/gm)].map(([, name, value]) => ({ name, value }))
		.filter(({ name, value }) => /^(\d|0x|"|BATON_ABI)/.test(value) && !DRAFTS.test(name) && name !== 'BATON_ABI_MINOR' && name !== 'BATON_ABI_NEEDED')
		.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/* --- what it is -------------------------------------------------------------------------------------- */

function program({ structs, enumerators }, macros) {
	const lines = ['#include <stdio.h>', source, 'int main(void)', '{'];
	const say = (format, ...values) => lines.push(`\tprintf(${JSON.stringify(`${format}\n`)}${values.map((value) => `, ${value}`).join('')});`);
	say('abi %u.%u', 'BATON_ABI_MAJOR', 'BATON_ABI_MINOR');
	for (const { name, members } of structs) {
		say(`struct ${name} size %zu align %zu`, `sizeof(struct ${name})`, `_Alignof(struct ${name})`);
		for (const { path: member, type } of members)
			say(`\t%zu %zu ${member}: ${type.replaceAll('%', '%%')}`, `offsetof(struct ${name}, ${member})`, `sizeof(((struct ${name} *)0)->${member})`);
	}
	for (const name of enumerators)
		say(`enum ${name} %lld`, `(long long)${name}`);
	for (const { name, value } of macros)
		say(value.startsWith('"') ? `macro ${name} "%s"` : `macro ${name} %llu`, value.startsWith('"') ? name : `(unsigned long long)${name}`);
	lines.push('\treturn 0;', '}');
	return lines.join('\n');
}

/** The lock's text, as one compiler sees it. */
export function lockOf(include, compiler = 'gcc') {
	const plus = compiler.includes('++');
	const dir = mkdtempSync(path.join(tmpdir(), 'baton-abi-'));
	try {
		const text = program(namesOf(include), macrosOf(include)).replaceAll('_Alignof', plus ? 'alignof' : '_Alignof');
		const file = path.join(dir, plus ? 'layout.cc' : 'layout.c');
		writeFileSync(file, text);
		run(compiler, [plus ? '-std=c++17' : '-std=c11', '-w', `-I${include}`, '-o', path.join(dir, 'layout'), file]);
		return run(path.join(dir, 'layout'), []);
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}

if (process.argv[1] === new URL(import.meta.url).pathname)
	process.stdout.write(lockOf(process.argv[2], process.argv[3]));
