// SPDX-License-Identifier: Apache-2.0
//
// `watch: true`: a changed policy file or module comes into use by itself, once, when it is at rest; what
// is refused is said once and serves nobody; a change of decisions beyond the limit is refused.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baton, MODULES, ROOT, run, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { releases, soon } from '../lib/releases.mjs';

const open = [];
after(async () => {
	for (const baton of open)
		if (baton.alive)
			await baton.kill().catch(() => {});
});

function copyOfTheShop() {
	const dir = path.join(tempDir(), 'shop');
	cpSync(path.join(ROOT, 'policies/shop'), dir, { recursive: true });
	return dir;
}

const said = (baton, event) => baton.stderr.split('\n').filter((line) => line.includes(`"${event}"`)).length;
const replace = (file, from, to) => {
	const text = readFileSync(file, 'utf8');
	assert.ok(text.includes(from), `${file} has ${from}`);
	// As editors do: another name first.
	writeFileSync(`${file}.tmp`, text.replace(from, to));
	renameSync(`${file}.tmp`, file);
};

describe('a set and modules that are watched', () => {
	let baton, policies, modules, number;

	before(async () => {
		policies = copyOfTheShop();
		modules = path.join(tempDir('modules'), 'modules');
		cpSync(MODULES, modules, { recursive: true });
		replace(path.join(policies, 'releases.yaml'), 'watch: false', 'watch: true');
		replace(path.join(policies, 'releases.yaml'), 'settle: 500ms', 'settle: 100ms');
		baton = await Baton.start({ policies, modules });
		open.push(baton);
		await soon(() => said(baton, 'watch_begins') === 1, 'the watch');
		number = releases(baton).live;
	});

	test('a changed file is live soon, without a word from anybody', async () => {
		replace(path.join(policies, 'channel.yaml'), readFileSync(path.join(policies, 'channel.yaml'), 'utf8').match(/greeting: .*/)[0],
			'greeting: Good day to you.');
		await soon(() => releases(baton).live === number + 1, 'the next release');
		await soon(() => said(baton, 'watch_reloaded') === 1, 'the line in the log'); // written behind it
	});

	test('what is refused is said once, serves nobody, and is read again when it changes', async () => {
		const file = path.join(policies, 'escalation.yaml');
		replace(file, 'when: asked_human', 'when: asked_humn');
		await soon(() => said(baton, 'watch_refused') === 1, 'the refusal');
		assert.match(baton.stderr, /did you mean `asked_human`/);
		// An editor's leftover changes nothing.
		writeFileSync(`${file}~`, 'when: nothing');
		replace(file, 'when: asked_humn', 'when: asked_human');
		// The very bytes that serve: nothing new, and no second refusal.
		await soon(() => said(baton, 'watch_reloaded') === 2, 'the second look');
		assert.equal(said(baton, 'watch_refused'), 1);
		assert.equal(releases(baton).live, number + 1);
	});

	test('a module that is installed by rename is taken in', async () => {
		const file = path.join(modules, 'rule-policy.so');
		// Other bytes of the same module: what stands behind its sections is nobody's.
		writeFileSync(`${file}.new`, Buffer.concat([readFileSync(file), Buffer.from('x')]), { mode: 0o755 });
		renameSync(`${file}.new`, file);
		await soon(() => releases(baton).live === number + 2, 'the release with it');
	});

	test('watching ends when the set says so', async () => {
		replace(path.join(policies, 'releases.yaml'), 'watch: true', 'watch: false');
		await soon(() => said(baton, 'watch_ends') === 1, 'its end');
		assert.equal(releases(baton).live, number + 3);
	});
});

// Rules in a process of their own, as those of others are by default, are asked as well.
for (const isolation of ['inline', 'process']) test(`a change of more recorded decisions than allowed is refused, and forced (${isolation})`, async () => {
	const policies = copyOfTheShop();
	const modulesYaml = path.join(policies, 'modules.yaml');
	replace(modulesYaml, 'kind: rule\n', `kind: rule\n  isolation: ${isolation}\n`);
	const releasesYaml = path.join(policies, 'releases.yaml');
	replace(releasesYaml, 'max_changed: 0.25', 'max_changed: 0.1');
	const baton = await Baton.start({ policies, args: ['--no-rate-limit'] });
	open.push(baton);
	// A hundred decisions at least must say so.
	for (let i = 0; i < 11; i++)
		await Promise.all(Array.from({ length: 10 }, async () => {
			const who = new Customer(baton);
			await who.connect();
			const { seq } = await who.say('What are your opening hours?');
			await who.outcome(seq);
		}));
	replace(path.join(policies, 'escalation.yaml'), 'rules:\n', `rules:
- id: everybody
  when: exchanges >= 0
  action: escalate_now
  queue: billing
  reason: All of them
`);
	const refused = run(['reload', '--data', baton.data]);
	assert.equal(refused.code, 1, refused.stdout);
	assert.match(refused.stderr, /\d+ of \d+ recorded decisions would change \(\d+\.\d %, at most 10\.0 %\); worst: queue billing .*; `baton rules diff` shows them/);
	const diff = run(['rules', 'diff', '--data', baton.data, '--json']);
	assert.equal(diff.code, 3, diff.stderr);
	assert.ok(JSON.parse(diff.stdout).diff.changed_share > 0.1);
	const before = releases(baton).live;
	const forced = run(['reload', '--force', '--data', baton.data]);
	assert.equal(forced.code, 0, forced.stderr);
	assert.ok(releases(baton).live > before);
	await baton.stop();
});
