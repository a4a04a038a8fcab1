// SPDX-License-Identifier: Apache-2.0
//
// What integrators copy works as it is printed: the loader's hash is that of the file that is served, the
// samples of the languages that are here make tokens that the server takes, and so does `identity mint`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Baton, ROOT, run, tempDir } from '../lib/baton.mjs';
import { ticketOf } from '../lib/client.mjs';
import { simpleSet } from '../lib/policies.mjs';

const KEY = 'the-key-that-both-sides-know-0123456789';
const IDENTITY = { keys: [{ kid: 'gone', alg: 'ES256', secret: 'EC' }, { kid: 'shop/2026-11', alg: 'HS256', secret: 'SHOP_KEY', issuer: 'https://shop.example', audience: 'chat' },
	{ kid: 'other', alg: 'HS256', secret: 'OTHER_KEY' }], tier_claim: 'customer_tier', max_age: '1h' };
const ENV = { BATON_SECRET_TEST_KEY: 'x', BATON_SECRET_SHOP_KEY: KEY, BATON_SECRET_OTHER_KEY: `${KEY}-other` };
let baton, policies;

before(async () => {
	policies = simpleSet('http://127.0.0.1:9', { files: { 'identity.yaml': IDENTITY } });
	baton = await Baton.start({ policies, env: ENV });
});
after(() => baton?.stop());

const web = ['--web', path.join(ROOT, 'channels', 'web')];
const snippet = (...args) => run(['widget', 'snippet', '--policies', policies, ...web, ...args], { env: ENV });
const mint = (...args) => run(['identity', 'mint', '--policies', policies, '--data', baton.data, ...args], { env: ENV });
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const taken = async (token) => (await ticketOf(baton, { body: JSON.stringify({ identity: token.trim() }) })).identity;

test('the hash in the snippet is that of the file the server serves', async () => {
	const { html, integrity, csp } = JSON.parse(snippet('--server', baton.base, '--json').stdout);
	const src = /src="([^"]+)"/.exec(html)[1];
	const served = await fetch(src);
	assert.equal(served.status, 200);
	assert.equal(served.headers.get('access-control-allow-origin'), '*', 'or integrity could not be checked');
	assert.equal(integrity, `sha384-${createHash('sha384').update(Buffer.from(await served.arrayBuffer())).digest('base64')}`);
	assert.ok(html.includes(`integrity="${integrity}"`) && html.includes('crossorigin="anonymous"'));
	assert.equal(csp, `script-src ${baton.base}; connect-src ${baton.base} ${baton.base.replace('http', 'ws')}`);
	assert.match(JSON.parse(snippet('--server', 'https://chat.example.com:8443', '--json').stdout).csp, /connect-src https:\/\/chat.example.com:8443 wss:\/\/chat.example.com:8443$/);
});

test('nothing but an origin gets into the page', () => {
	for (const server of ['chat.example.com', 'https://', 'https://chat.example.com/', 'https://a"b', 'javascript:alert(1)', 'https://a b', 'https://a;b', 'ftp://a', 'https://user@a', `https://${'a'.repeat(300)}`]) {
		const out = snippet('--server', server);
		assert.deepEqual([out.code, out.stdout], [2, ''], server);
	}
});

test('the samples are complete: no blank is left, no licence is printed', () => {
	const { samples, kid } = JSON.parse(snippet('--json').stdout);
	assert.equal(kid, 'shop/2026-11');
	assert.deepEqual(Object.keys(samples), ['node', 'python', 'php', 'ruby', 'go']);
	for (const [name, text] of Object.entries(samples)) {
		assert.doesNotMatch(text, /@[A-Z]+@|SPDX/, name);
		for (const part of ['"shop/2026-11"', '"https://shop.example"', '"chat"', 'BATON_IDENTITY_KEY'])
			assert.ok(text.includes(part) || (part === 'BATON_IDENTITY_KEY' && text.includes(`'${part}'`)), `${name}: ${part}`);
	}
	const text = snippet().stdout;
	for (const language of ['Node', 'Python', 'PHP', 'Ruby', 'Go'])
		assert.match(text, new RegExp(`--- in your backend, with ${language} \\(SHOP_KEY holds the key`));
	assert.ok(!text.includes(KEY));
	assert.match(run(['widget', 'snippet', '--policies', simpleSet('http://127.0.0.1:9'), ...web]).stdout, /no HS256 key for customers/);
	assert.equal(snippet('--kid', 'nobody').code, 1);
});

const LANGUAGES = {
	node: { file: 'identity.mjs', command: ['node', '--input-type=module', '-e',
		"const { customerToken } = await import(process.argv[1]); console.log(customerToken({ id: 42, name: 'Jörg', email: 'j@shop.example', tier: 'vip', attrs: { orders: 3 } }));"] },
	python: { file: 'identity.py', command: ['python3', '-c',
		"import sys, importlib.util as u; s = u.spec_from_file_location('i', sys.argv[1]); m = u.module_from_spec(s); s.loader.exec_module(m); print(m.customer_token(42, 'Jörg', 'j@shop.example', 'vip', {'orders': 3}))"] },
	php: { file: 'identity.php', command: ['php', '-r', "require $argv[1]; echo baton_customer_token(['id' => 42, 'name' => 'Jörg', 'email' => 'j@shop.example', 'tier' => 'vip']);"] },
	ruby: { file: 'identity.rb', command: ['ruby', '-e', "require ARGV[0]; puts baton_customer_token(id: 42, name: 'Jörg', email: 'j@shop.example', tier: 'vip')"] },
};

for (const [language, { file, command }] of Object.entries(LANGUAGES)) {
	const missing = spawnSync(command[0], ['--version']).status !== 0;
	test(`the sample in ${language} makes a token that the server takes`, { skip: missing && `no ${language} here` }, async () => {
		const to = path.join(tempDir('sample'), file);
		writeFileSync(to, JSON.parse(snippet('--json').stdout).samples[language]);
		const out = spawnSync(command[0], [...command.slice(1), to], { encoding: 'utf8', env: { ...process.env, BATON_IDENTITY_KEY: KEY, PYTHONDONTWRITEBYTECODE: '1' } });
		assert.equal(out.status, 0, out.stderr);
		assert.deepEqual(await taken(out.stdout), { customer: '42' }, out.stdout);
		const claims = claimsOf(out.stdout);
		assert.deepEqual([claims.name, claims.customer_tier, claims.exp - claims.iat], ['Jörg', 'vip', 300]);
	});
}

test('a token that was minted is taken, for as long as was said', async () => {
	const out = mint('--customer', 'müller 7', '--tier', 'vip', '--name', 'Anna', '--email', 'a@shop.example', '--ttl', '10m');
	assert.equal(out.code, 0, out.stderr);
	assert.deepEqual(await taken(out.stdout), { customer: 'müller 7' });
	const { iat, ...claims } = claimsOf(out.stdout);
	assert.deepEqual(claims, { sub: 'müller 7', name: 'Anna', email: 'a@shop.example', customer_tier: 'vip', iss: 'https://shop.example', aud: 'chat', exp: iat + 600 });
	const json = JSON.parse(mint('--customer', '1', '--kid', 'other', '--json').stdout);
	assert.equal(json.kid, 'other');
	assert.ok(Math.abs(json.expires_ms - Date.now() - 300000) < 5000);
	assert.deepEqual(await taken(json.token), { customer: '1' });
});

test('what cannot be minted is said', () => {
	assert.deepEqual(mint().code, 2);
	assert.deepEqual(mint('--customer', '').code, 2);
	assert.deepEqual(mint('--customer', 'x'.repeat(65)).code, 2);
	assert.deepEqual(mint('--customer', '1', '--ttl', '2h').code, 2);
	assert.deepEqual(mint('--customer', '1', '--ttl', 'soon').code, 2);
	assert.deepEqual(mint('--customer', '1', '--kid', 'gone').code, 1);
	const lost = run(['identity', 'mint', '--policies', policies, '--data', baton.data, '--customer', '1']);
	assert.equal(lost.code, 1);
	assert.match(lost.stderr, /the secret SHOP_KEY of the key `shop\/2026-11`/);
});
