// SPDX-License-Identifier: Apache-2.0
//
// Every frame that any client of these tests sends or gets is held against docs/wire/*.schema.json.
// Violations are collected; a test file ends with assertFramesValid().
//
// To compile a schema takes a quarter of a second, which each of a hundred test files would spend: the
// first one leaves the code in node_modules/.cache, by the name of what it was made from.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { customerEvents, messageEvents, publicFields } from './events.mjs';
import { betweenFiles } from './kept.mjs';

const require = createRequire(import.meta.url);
const CACHE = path.join(import.meta.dirname, '../node_modules/.cache/baton');
const OPTIONS = { strict: true, allErrors: false, allowUnionTypes: true, validateFormats: false, code: { source: true } };

function load(name) {
	const schema = readFileSync(new URL(`../../docs/wire/${name}.schema.json`, import.meta.url), 'utf8');
	const made = createHash('sha256').update([schema, JSON.stringify(OPTIONS), require('ajv/package.json').version].join('\n')).digest('hex');
	const file = path.join(CACHE, `${name}-${made.slice(0, 16)}.cjs`);
	if (!existsSync(file)) {
		const { default: Ajv2020 } = require('ajv/dist/2020'), { default: code } = require('ajv/dist/standalone');
		const ajv = new Ajv2020(OPTIONS);
		mkdirSync(CACHE, { recursive: true });
		writeFileSync(`${file}.${process.pid}`, code(ajv, ajv.compile(JSON.parse(schema))));
		renameSync(`${file}.${process.pid}`, file); // whole or not at all, for who looks at the same time
	}
	return require(file);
}

const validators = { client: load('client'), server: load('server') };
export const violations = [];
let seen = 0;
betweenFiles(() => { violations.length = seen = 0; });

export function frameErrors(side, frame) {
	const valid = validators[side];
	return valid(frame) ? [] : valid.errors.map((error) => `${error.instancePath} ${error.message}`);
}

// `side` is who wrote the frame.
export function note(side, frame, role) {
	seen++;
	const errors = frameErrors(side, frame);
	if (side === 'server' && role === 'customer')
		errors.push(...leaks(frame));
	if (errors.length && violations.length < 100)
		violations.push({ side, role, frame, errors });
}

// What a customer must never be sent: an agent's event, an internal field, a frame of the desk.
export function leaks(frame) {
	if (['desk', 'case'].includes(frame.t))
		return [`a customer got a ${frame.t} frame`];
	if (frame.t === 'ev' && frame.ev?.type === 'TEXT_MESSAGE_END')
		return leaksOfMessage(frame.ev.metadata.baton);
	if (frame.t !== 'ev' || frame.ev?.type !== 'CUSTOM' || frame.ev.name === 'baton.typing')
		return [];
	const name = frame.ev.name?.replace(/^baton\./, '');
	if (!customerEvents.has(name))
		return [`a customer got ${frame.ev.name}`];
	return Object.keys(frame.ev.value ?? {}).filter((field) => !publicFields.get(name).has(field))
		.map((field) => `a customer got ${name}.${field}`);
}

// Beside author and length, a message carries the public fields of its event.
function leaksOfMessage({ author, bytes, ...rest }) {
	const name = messageEvents[author.kind];
	return Object.keys(rest).filter((field) => !publicFields.get(name).has(field))
		.map((field) => `a customer got ${name}.${field}`);
}

export function assertFramesValid() {
	assert.ok(seen > 0, 'no frame was seen');
	assert.deepEqual(violations.slice(0, 3), [], `${violations.length} frames do not fit docs/wire`);
}
