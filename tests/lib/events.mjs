// SPDX-License-Identifier: Apache-2.0
//
// What customers may see, read from the one source: core/session/events.def.

import { readFileSync } from 'node:fs';

const source = readFileSync(new URL('../../core/session/events.def', import.meta.url), 'utf8');

export const allEvents = new Set();
export const customerEvents = new Set();
export const publicFields = new Map();

for (const [, , name, audience] of source.matchAll(/^EVENT\((\d+), \w+, (\w+), (\w+),/gm)) {
	allEvents.add(name);
	publicFields.set(name, new Set());
	if (audience === 'ALL')
		customerEvents.add(name);
}
for (const [, name, field] of source.matchAll(/^FIELD\((\w+), \w+, (\w+), PUBLIC,/gm))
	publicFields.get(name).add(field);
export const internalFields = new Map([...allEvents].map((name) => [name, new Set()]));
for (const [, name, field] of source.matchAll(/^FIELD\((\w+), \w+, (\w+), INTERNAL,/gm))
	internalFields.get(name).add(field);

// The events that are shown as messages, by who wrote them.
export const messageEvents = { customer: 'message_received', human: 'human_message', bot: 'answer_generated' };
