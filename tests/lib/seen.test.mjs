// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostileProvider } from '../fault/provider.mjs';
import { CANARIES } from './canaries.mjs';
import { clean, keepSecret, seen } from './seen.mjs';

test('a secret and a canary are found, whoever was shown them', async () => {
	keepSecret({ BATON_SECRET_SEEN: 'heron-of-the-seen', BATON_SECRET_SHORT: 'x', PATH: '/usr/bin' });
	assert.throws(() => seen('a metric', ['all is well', 'a heron-of-the-seen b']), /BATON_SECRET_SEEN stands in a metric/);
	assert.doesNotThrow(() => seen('a metric', ['x /usr/bin']));
	const provider = await new HostileProvider().start();
	const body = JSON.stringify({ model: 'ok', messages: [{ role: 'user', content: `my key: ${'heron-of-the-seen'}` }] });
	await (await fetch(`${provider.url}/chat/completions`, { method: 'POST', body })).text();
	await assert.rejects(provider.stop(), /BATON_SECRET_SEEN stands in what a provider was sent/);
});

// Not by seen(): what is kept for tests/canaries/check.sh must not hold one.
test('a canary is found without having been given to a server', () => {
	for (const [name, value] of Object.entries(CANARIES))
		assert.throws(() => clean('a line', `a ${value} b`), new RegExp(`canary ${name} stands in a line`));
});
