// SPDX-License-Identifier: Apache-2.0
//
// Models behind real TLS: what is believed is asked, what is not is left at once for the fallback, and the
// transcript says why (row B12 of the fault catalogue). Certificates are made here, by the openssl command.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Baton, SLOW, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, openai, simpleSet, write } from '../lib/policies.mjs';
import { HostileProvider, answerOf } from '../fault/provider.mjs';

const dir = tempDir('tls');
const at = (name) => path.join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });

function authority(name) {
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
		'-keyout', `${name}.key`, '-out', `${name}.pem`, '-addext', 'basicConstraints=critical,CA:TRUE');
}

// Signed by `by`; `days` may be gone already.
function certificate(name, by, { san = 'IP:127.0.0.1', days = 2 } = {}) {
	write(dir, { [`${name}.ext`]: `subjectAltName=${san}\n` });
	openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=model', '-keyout', `${name}.key`, '-out', `${name}.csr`);
	openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-days', String(days),
		'-extfile', `${name}.ext`, '-out', `${name}.pem`);
	return { key: readFileSync(at(`${name}.key`)), cert: readFileSync(at(`${name}.pem`)) };
}

const providers = {};
before(async () => {
	authority('ours');
	authority('theirs');
	const made = { good: certificate('good', 'ours'), expired: certificate('expired', 'ours', { days: -1 }),
		name: certificate('name', 'ours', { san: 'DNS:api.example.org' }), stranger: certificate('stranger', 'theirs') };
	for (const [name, tls] of Object.entries(made))
		providers[name] = await new HostileProvider({ tls }).start();
	providers.plain = await new HostileProvider().start();
});
after(() => Promise.all(Object.values(providers).map((provider) => provider.stop())));

// The primary is asked over TLS, the fallback in plain text on this machine.
async function ask(primary, args = ['--ca-file', at('ours.pem')]) {
	const policies = simpleSet(providers.plain.url, { models: ['ok', 'ok'] });
	write(policies, {
		'modules.yaml': { modules: [openai(providers[primary].url, 'first'), openai(providers.plain.url, 'second')] },
		'targets.yaml': { targets: ['first', 'second'].map((provider, i) => ({ name: `t${i}`, provider, model: `ok#${provider}`, prompt: 'assistant' })) },
	});
	const baton = await Baton.start({ policies, env: KEY_ENV, workers: 1, args });
	try {
		const c = new Customer(baton);
		await c.connect();
		const began = performance.now();
		const { text } = await c.answer((await c.say('hello')).seq);
		const ms = performance.now() - began;
		const log = (await judge(baton, [c])).get(c.session);
		return { text, ms, failed: log.filter((event) => event.type === 'model_failed').map((event) => event.data) };
	} finally {
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
}

test('a model whose authority is trusted by --ca-file answers', async () => {
	const { text, failed } = await ask('good');
	assert.equal(text, answerOf('ok#first'));
	assert.deepEqual(failed, []);
});

for (const [primary, args] of [['expired'], ['name'], ['stranger'], ['good', []]])
	test(`${primary}${args ? ', nobody told us whom to trust' : ''}: left at once, the fallback answers`, async () => {
		const asked = providers[primary].log.length;
		const { text, ms, failed } = await ask(primary, args);
		assert.equal(text, answerOf('ok#second'));
		assert.equal(failed[0].fail, 'connect');
		assert.ok(ms < 2000 * SLOW, `${Math.round(ms)} ms`);
		assert.equal(providers[primary].log.length, asked, 'no question was sent');
	});

test('a --ca-file that is not there is refused at the start', async () => {
	const baton = new Baton({ args: ['--ca-file', at('nobody.pem')] });
	await assert.rejects(baton.start());
	assert.match(baton.stderr, /--ca-file: cannot read/);
});
