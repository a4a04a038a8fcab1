// SPDX-License-Identifier: Apache-2.0
//
// A start that takes its time: the classifier learns from so much that what a server does every second
// comes due before there is a release to do it with.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Baton, ROOT } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { shopSet } from '../lib/policies.mjs';

test('a server that learns for longer than a second starts, and answers', { timeout: 60000 }, async () => {
	const intents = new Map();
	for (const line of readFileSync(path.join(ROOT, 'tests/data/clinc150/train.tsv'), 'utf8').trim().split('\n').slice(1)) {
		const [intent, text] = line.split('\t');
		const name = `clinc-${intent.replaceAll('_', '-')}`;
		intents.set(name, [...(intents.get(name) ?? []), text, `${text} please`, `hello, ${text}`, `${text} thanks a lot`]);
	}
	assert.equal(intents.size, 150);
	const baton = await Baton.start({ policies: shopSet({ 'intents/clinc.yaml': { intents: [...intents].map(([name, examples]) => ({ name, class: 'general-information', tier: 1, examples })) } }) });
	assert.ok(baton.ready_ms > 1500, `${baton.ready_ms} ms: longer than a sweep`);
	const one = new Customer(baton);
	await one.connect();
	const { seq } = await one.say('When are you open?');
	assert.ok(await one.outcome(seq));
	await one.end();
	await baton.stop();
});
