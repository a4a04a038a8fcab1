// SPDX-License-Identifier: Apache-2.0
//
// The three who decide a condition: Baton's own evaluator (a small program over the same library that
// the server has), and two CEL implementations that know nothing of it. All answer true, false or
// error; only Baton may refuse to begin.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { plan, parse, celEnv, isCelError } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { create, createFileRegistry } from '@bufbuild/protobuf';
import {
	DurationSchema, FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type,
	FileDescriptorSetSchema, file_google_protobuf_duration,
} from '@bufbuild/protobuf/wkt';
import { Environment } from '@marcbachmann/cel-js';
import { SPANS, TYPES } from './generate.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

const ZERO = { string: '""', int: '0', double: '0.0', bool: 'false', 'list<string>': '[]' };

function json(given) {
	return `{${Object.entries(given).map(([name, text]) => `"${name}":${text}`).join(',')}}`;
}

// Verdicts of Baton over many cases [{expr, facts}], facts being name -> JSON text.
export function baton(cases) {
	const input = cases.map(c => `{"expr":${JSON.stringify(c.expr)},"facts":${json(c.facts)}}\n`).join('');
	const tool = `${root}build/${process.env.V ?? 'release'}/tests/cel_eval`;
	const ran = spawnSync(tool, { input, maxBuffer: 1 << 28, timeout: 60000 });
	if (ran.status !== 0)
		throw new Error(`cel_eval ended with ${ran.status ?? ran.signal}: ${ran.stderr}`);
	return ran.stdout.toString().trimEnd().split('\n');
}

function value(type, text) {
	if (type === 'int')
		return BigInt(text);
	return JSON.parse(text);
}

// The names as both see them: facts one by one, `facts` with those that are not their zero.
function bindings(given, duration) {
	const all = {}, present = {};
	for (const [name, type] of Object.entries(TYPES)) {
		const text = given[name] ?? ZERO[type];
		all[name] = value(type, text);
		const zero = value(type, ZERO[type]);
		if (type === 'list<string>' ? all[name].length > 0 : all[name] !== zero)
			present[name] = all[name];
	}
	for (const [name, ms] of Object.entries(SPANS))
		all[name] = duration(all[ms]);
	return { all, present };
}

const bufDuration = ms => create(DurationSchema, { seconds: ms / 1000n, nanos: Number(ms % 1000n) * 1000000 });

// The facts as a message of proto3, built here because there is no compiler of .proto files.
const PROTO = { string: Type.STRING, int: Type.INT64, double: Type.DOUBLE, bool: Type.BOOL, 'list<string>': Type.STRING };
const fields = Object.entries(TYPES).map(([name, type]) => ({
	name, type: PROTO[type], label: type === 'list<string>' ? Label.REPEATED : Label.OPTIONAL,
}));
for (const name of Object.keys(SPANS))
	fields.push({ name, type: Type.MESSAGE, typeName: '.google.protobuf.Duration', label: Label.OPTIONAL });
const registry = createFileRegistry(create(FileDescriptorSetSchema, {
	file: [file_google_protobuf_duration.proto, {
		name: 'facts.proto', package: 'baton', syntax: 'proto3', dependency: ['google/protobuf/duration.proto'],
		messageType: [{ name: 'Facts', field: fields.map((f, i) => ({ ...f, number: i + 1, jsonName: f.name })) }],
	}],
}));
const Facts = registry.getMessage('baton.Facts');

function message(all) {
	const init = {};
	for (const field of Facts.fields) {
		const value = all[field.name];
		if (!(field.name in SPANS) || value.seconds !== 0n || value.nanos !== 0)
			init[field.localName] = value;
	}
	return create(Facts, init);
}

const env = celEnv({ funcs: strings, registry });

export function bufbuild({ expr, facts }, as = {}) {
	const { all, present } = bindings(facts, bufDuration);
	all.facts = as.message ? message(all) : new Map(Object.entries(present));
	try {
		const said = plan(env, parse(expr))(all);
		return isCelError(said) ? { verdict: 'error', why: said.message } : { verdict: String(said), why: '' };
	} catch (e) {
		return { verdict: 'error', why: e.message };
	}
}

const CEL_JS_TYPES = { string: 'string', int: 'int', double: 'double', bool: 'bool', 'list<string>': 'list<string>' };
const celJsEnv = new Environment();
for (const [name, type] of Object.entries(TYPES))
	celJsEnv.registerVariable(name, CEL_JS_TYPES[type]);
for (const name of Object.keys(SPANS))
	celJsEnv.registerVariable(name, 'google.protobuf.Duration');
celJsEnv.registerVariable('facts', 'map<string, dyn>');
const CelJsDuration = new Environment().evaluate('duration("0s")').constructor;

export function celJs({ expr, facts }) {
	const { all, present } = bindings(facts, ms => new CelJsDuration(ms / 1000n, Number(ms % 1000n) * 1000000));
	all.facts = present;
	try {
		return { verdict: String(celJsEnv.evaluate(expr, all)), why: '' };
	} catch (e) {
		return { verdict: 'error', why: String(e.message).split('\n')[0] };
	}
}
