// SPDX-License-Identifier: Apache-2.0
//
// Every frame that any client of these tests sends or gets is held against docs/wire/*.schema.json.
// Violations are collected; a test file ends with assertFramesValid().

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { customerEvents, messageEvents, publicFields } from './events.mjs';

const Ajv2020 = createRequire(import.meta.url)('ajv/dist/2020').default;

function load(name) {
	const schema = JSON.parse(readFileSync(new URL(`../../docs/wire/${name}.schema.json`, import.meta.url), 'utf8'));
	const ajv = new Ajv2020({ strict: true, allErrors: false, allowUnionTypes: true, validateFormats: false });
	return ajv.compile(schema);
}

const validators = { client: load('client'), server: load('server') };
export const violations = [];
let seen = 0;

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
