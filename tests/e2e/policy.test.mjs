// SPDX-License-Identifier: Apache-2.0
//
// `baton check` as admins and their scripts meet it: JSON for scripts, exit codes, the names of proofs, and
// that a set that breaks one never serves.

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { MODULES, ROOT, run, tempDir } from '../lib/baton.mjs';
import { KEY_ENV, shopSet, simpleSet } from '../lib/policies.mjs';

const URL = 'http://127.0.0.1:1/v1';
const HOLD = { name: 'hold', do: 'pause', recover_when: 'healthy_targets >= 1', max_duration: '5m', say: 'We have your message.' };

// Exit code and the parsed answer of `baton check --json`.
function check(dir) {
	const out = run(['check', dir, '--json']);
	assert.equal(out.stderr, '');
	return { code: out.code, ...JSON.parse(out.stdout) };
}

describe('baton check --json', () => {
	test('a sound set has no findings', () => {
		assert.deepEqual(check(simpleSet(URL)), { code: 0, ok: true, errors: 0, warnings: 0, findings: [] });
	});

	test('a set with all files of continuity is sound', () => {
		const dir = simpleSet(URL, { models: ['ok', 'ok'], klass: { mode: 'hold' }, modes: [HOLD], budgets: { turn_usd: 1 },
			alerts: { p95_ms: 9000, override_rate: 0.5 }, target: { region: 'eu', breaker: { failures: 5 } }, route: { min_tokens_per_s: 5 },
			drills: { outage: { duration: '1m', faults: [{ target: 'primary', fault: 'outage', for: '30s' }],
				conversations: [{ scenario: 'a', messages: ['hello'] }] } } });
		const out = check(dir);
		assert.equal(out.code, 0, JSON.stringify(out));
		// One region for both: said, and not refused.
		assert.deepEqual(out.findings.map((f) => [f.severity, f.proof]), [['warning', 'shared-fate']]);
	});

	test('a broken proof has its name, its place and a counterexample', () => {
		const out = check(simpleSet(URL, { models: ['ok', 'cheap'], onFailure: 'escalate' }));
		assert.equal(out.code, 1);
		assert.equal(out.ok, false);
		assert.equal(out.errors, 1);
		const [finding] = out.findings;
		assert.equal(finding.proof, 'no-silent-downgrade');
		assert.equal(finding.file, 'routes.yaml');
		assert.ok(finding.line > 1 && finding.column > 1);
		assert.match(finding.message, /with `t0` down, `t1` would answer/);
	});

	test('a mistake of form has no proof', () => {
		const out = check(simpleSet(URL, { modes: [{ ...HOLD, max_duration: 5 }] }));
		assert.equal(out.code, 1);
		assert.deepEqual(out.findings.map((f) => f.proof), [undefined]);
		assert.match(out.findings[0].message, /a time with its unit/);
	});

	test('a mode that flaps is shown the facts with which it does', () => {
		const out = check(simpleSet(URL, { modes: [{ ...HOLD, do: 'intake', enter_when: 'p95_ms > 5000', recover_when: 'p95_ms < 6000' }] }));
		assert.equal(out.code, 1);
		assert.equal(out.findings[0].proof, 'no-flapping');
		assert.match(out.findings[0].message, /p95_ms = 5\d\d\d/);
	});
});

describe('the sets of this tree', () => {
	test('the shop, and the shop with language models, are sound', () => {
		assert.deepEqual(check(path.join(ROOT, 'policies/shop')).findings, []);
		const dir = shopSet();
		for (const file of ['modules', 'targets', 'routes', 'classes', 'budgets'])
			cpSync(path.join(ROOT, 'policies/shop-llm', `${file}.yaml`), path.join(dir, `${file}.yaml`));
		assert.deepEqual(check(dir).findings, []);
	});
});

describe('a set that breaks a proof', () => {
	for (const [name, options] of Object.entries({
		'a silent downgrade': { models: ['ok', 'cheap'], onFailure: 'escalate' },
		'a pause without a mode': { onFailure: 'pause' },
		'a mode without an end that leads somewhere': { modes: [{ ...HOLD, at_expiry: 'next' }] },
		'a ceiling that forbids every call': { target: { out_usd_per_mtok: 1000 }, budgets: { turn_usd: 0.01 } },
	}))
		test(`is not served: ${name}`, () => {
			const serve = run(['serve', '--policies', simpleSet(URL, options), '--data', tempDir(), '--listen', '127.0.0.1:0',
				'--modules', MODULES], { env: KEY_ENV });
			assert.equal(serve.code, 1);
			assert.equal(serve.signal, null);
			assert.match(serve.stderr + serve.stdout, /yaml/);
		});
});

test('baton doc proofs names each proof once', () => {
	const out = run(['doc', 'proofs']);
	const names = [...out.stdout.matchAll(/^\| `([a-z-]+)` \|/gm)].map((m) => m[1]);
	assert.ok(names.length > 20);
	assert.equal(new Set(names).size, names.length);
});
