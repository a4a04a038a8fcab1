// SPDX-License-Identifier: Apache-2.0
//
// tests/requirements.tsv: number, requirement, state, tests, note. A requirement that is `shown` or
// `partly` names tests as path:name, several with ` ; ` between; the name must stand in the file, and
// the file must be one that `make test` runs. One that is not `shown` says what is missing, beginning
// with the theme that will bring it.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT, read, verdict } from './report.mjs';

const LAST = 148;
const STATES = ['shown', 'partly', 'later'];
const THEMES = /^(continuity|modules|people|understanding)(: .|$)/;
const TESTS = /^tests\/(unit\/test_\w+\.c|(e2e|browser|complaints|fault|lib|swap|takeover|mcp|scenarios)\/[\w-]+(\.test)?\.mjs|sim\/\w+\.c|lint\/\w+\.sh|docs\/\w+\.mjs|run\.sh)$/;

function wrongTest(test) {
	const at = test.indexOf(':');
	const file = test.slice(0, at);
	if (at < 0 || !TESTS.test(file))
		return `not path:name of a test: ${test}`;
	if (!existsSync(path.join(ROOT, file)))
		return `no such file: ${file}`;
	const name = test.slice(at + 1);
	const text = read(file);
	// The name of a C test is a whole word; other names are sentences.
	const found = /^\w+$/.test(name) ? new RegExp(`\\b${name}\\b`).test(text) : text.includes(name);
	return found ? null : `${file} does not have: ${name}`;
}

export function wrongRow([number, requirement, state, tests, note], i) {
	if (number !== `R${i + 1}` || !requirement)
		return ['number, then requirement'];
	if (!STATES.includes(state))
		return [`not a state: ${state}`];
	const list = tests ? tests.split(' ; ') : [];
	const wrong = list.map(wrongTest).filter(Boolean);
	if (state !== 'later' && !list.length)
		wrong.push(`${state} without a test`);
	if (state === 'later' && list.length)
		wrong.push('later, but has a test: partly?');
	if (state !== 'shown' && !THEMES.test(note))
		wrong.push(`no theme: ${note}`);
	return wrong;
}

export function checkRequirements() {
	const rows = read('tests/requirements.tsv').trimEnd().split('\n').slice(1).map((line) => line.split('\t'));
	const findings = rows.flatMap((row, i) => (row.length === 5 ? wrongRow(row, i) : ['not five columns']).map((text) => `${row[0]}: ${text}`));
	if (rows.length !== LAST)
		findings.push(`${rows.length} rows of ${LAST}`);
	verdict('tests/requirements.tsv names tests that exist', findings);
	const count = (state) => rows.filter((row) => row[2] === state).length;
	console.log(`# requirements: ${STATES.map((state) => `${count(state)} ${state}`).join(', ')}`);
	verdict('the check of requirements can fail', [
		['R1', 'x', 'shown', '', ''],
		['R1', 'x', 'shown', 'tests/unit/test_base.c:no_such_name', ''],
		['R1', 'x', 'shown', 'tests/unit/test_nothing.c:x', ''],
		['R1', 'x', 'later', '', 'some day'],
		['R2', 'x', 'shown', 'tests/run.sh:suite_unit', ''],
	].flatMap((row) => (wrongRow(row, 0).length ? [] : [`not caught: ${row}`])));
}
