// SPDX-License-Identifier: Apache-2.0
//
// The official conformance suite for clients (@modelcontextprotocol/conformance), every scenario that is
// not about OAuth or an extension, in the protocol it is made for; README.md says what is left out.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from './client.mjs';
import { make } from './suite.cjs';

const suite = `${root}tests/mcp/suite.cjs`;
const folder = mkdtempSync(join(tmpdir(), 'baton-mcp-suite-'));
before(make);
after(() => rmSync(folder, { recursive: true, force: true }));

const old = ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults', 'sse-retry', 'json-schema-2020-12-preservation'];
const modern = ['tools_call', 'request-metadata', 'sep-2322-client-request-state', 'http-standard-headers', 'http-custom-headers',
	'http-invalid-tool-headers', 'json-schema-ref-no-deref', 'json-schema-2020-12-preservation'];

async function run(name, version, env = {}) {
	const args = [suite, 'client', '--command', `${process.execPath} ${root}tests/mcp/scenario.mjs`,
		'--scenario', name, '--spec-version', version, '--timeout', '20000'];
	const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, NODE_TEST_CONTEXT: '', NO_COLOR: '1', ...env } });
	let said = '';
	for (const stream of [child.stdout, child.stderr])
		stream.on('data', (bytes) => (said += bytes));
	const code = await new Promise((go) => child.on('close', go));
	assert.equal(code, 0, said);
	assert.match(said, /Passed: [1-9]\d*\/\d+, 0 failed, 0 warnings/, said);
	assert.match(said, /OVERALL: PASSED/, said);
}

describe('the official suite passes', { concurrency: 4 }, () => {
	for (const name of old)
		test(`2025-11-25: ${name}`, () => run(name, '2025-11-25'));
	for (const name of modern)
		test(`2026-07-28: ${name}`, () => run(name, '2026-07-28'));
	// The module finds out by itself which of the two it is.
	for (const [name, version] of [['tools_call', '2025-11-25'], ['request-metadata', '2026-07-28']])
		test(`${version}, found out: ${name}`, () => run(name, version, { BATON_MCP_AUTO: '1' }));
	test('a client that asks nothing does not pass', () => assert.rejects(run('tools_call', '2026-07-28', { BATON_MCP_BREAK: '1' }), /OVERALL: FAILED/));
});
