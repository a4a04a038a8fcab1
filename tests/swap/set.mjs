// SPDX-License-Identifier: Apache-2.0
//
// Policy sets and module folders for swaps. Module files are copies: they are overwritten, replaced and
// deleted on purpose.

import { copyFileSync, existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { ROOT, VARIANT, tempDir } from '../lib/baton.mjs';
import { SAYS, desk, write } from '../lib/policies.mjs';

const BUILD = path.join(ROOT, 'build', VARIANT);
export const SHIPPED = path.join(BUILD, 'modules');
export const FIXTURES = path.join(BUILD, 'tests', 'swap', 'modules');
export const HOSTILE = path.join(BUILD, 'tests', 'swap', 'hostile');
export const ODD = path.join(BUILD, 'tests', 'modules');

export function fixture(name) {
	for (const dir of [FIXTURES, HOSTILE, ODD, SHIPPED])
		if (existsSync(path.join(dir, `${name}.so`)))
			return path.join(dir, `${name}.so`);
	throw new Error(`no module ${name}.so: make swap-modules V=${VARIANT}`);
}

// A folder with copies of module files: { 'as.so': 'fixture name' }, and what we ship with its manifest.
export function moduleDir(files = {}, { shipped = true } = {}) {
	const dir = tempDir('modules');
	if (shipped)
		for (const name of readdirSync(SHIPPED).filter((n) => n.endsWith('.so') || n === 'manifest'))
			copyFileSync(path.join(SHIPPED, name), path.join(dir, name));
	for (const [as, name] of Object.entries(files))
		copyFileSync(fixture(name), path.join(dir, as));
	return dir;
}

const EXAMPLES = {
	order: ['where is my order', 'track my parcel', 'has my order shipped yet', 'order status please', 'tracking number for my order',
		'my parcel has not come', 'is my order on its way', 'when was my order sent'],
	delivery: ['how long does delivery take', 'delivery time to scotland', 'do you deliver on saturdays', 'how fast is express delivery',
		'can I get it by friday', 'next day delivery', 'how many days does shipping need', 'estimated delivery for furniture'],
	returns: ['can I send it back', 'how do returns work', 'I want to return a lamp', 'return policy', 'how long can I return things',
		'where do I send the chair back to', 'is returning free', 'return label please'],
	hours: ['when are you open', 'opening hours', 'are you open on sunday', 'what time does the shop close', 'open today',
		'until when can I come by', 'do you open early', 'hours of the store'],
};
export const QUESTIONS = Object.values(EXAMPLES).flat();

function articleOf(name, lines) {
	return `---\ntitle: About ${name}\nupdated: 2026-11-02\n---\n${lines.map((line) => `They ask: ${line}. We answer by return.`).join('\n\n')}\n`;
}

// The rules of generation n: never true, different each time.
export function rulesOf(n) {
	return { rules: [
		{ id: `tired-${n}`, when: `unresolved_exchanges >= ${1000000 + n}`, action: 'escalate', reason: `never, ${n}` },
		{ id: 'asked-for-a-person', when: 'asked_human', action: 'escalate_now', reason: 'asked' },
	] };
}

// One module of each kind that turns use, ours, and the reel as the model.
export function fullSet(options = {}) {
	const dir = tempDir('policy');
	return write(dir, {
		'modules.yaml': { modules: [
			{ name: 'classifier', kind: 'classifier', file: 'classifier-linear.so' },
			{ name: 'reel', kind: 'provider', file: 'reel.so', isolation: options.isolation ?? 'inline',
				config: options.lasts_ppm === undefined ? {} : { lasts_ppm: options.lasts_ppm } },
			{ name: 'articles', kind: 'retriever', file: 'retriever-fts.so', knowledge: true },
			{ name: 'rules', kind: 'rule', file: 'rule-policy.so' },
			{ name: 'transcripts', kind: 'transcript', file: 'transcript-jsonl.so', config: { dir: 'transcripts' } },
		] },
		'intents/all.yaml': { intents: Object.entries(EXAMPLES).map(([name, examples]) => ({ name, class: 'general', tier: 1, examples })) },
		'escalation.yaml': rulesOf(0),
		'targets.yaml': { targets: [{ name: 'reel', provider: 'reel', model: 'reel', account: 'house', prompt: 'assistant', max_output_tokens: 2000 }] },
		'routes.yaml': { routes: [...Object.keys(EXAMPLES).map((intent) => ({ intent, primary: 'reel' })),
			{ intent: 'default', primary: 'reel', class: 'general', tier: 1 }] },
		'classes.yaml': { classes: [{ name: 'general', on_failure: 'escalate' }] },
		'desk.yaml': desk(),
		'channel.yaml': { origins: ['self'], say: SAYS },
		'prompts/assistant.md': 'Answer the customer of a small shop.\n',
		...Object.fromEntries(Object.entries(EXAMPLES).map(([name, lines]) => [`knowledge/${name}.md`, articleOf(name, lines)])),
		...(options.releases ? { 'releases.yaml': options.releases } : {}),
		...options.files,
	});
}

// A set whose modules the caller names; each provider gets a target of its name, asked in order.
export function smallSet(modules, { files = {}, releases, fallback = [], intents = [], route = {}, target = {}, klass = {} } = {}) {
	const providers = modules.filter((m) => m.kind === 'provider').map((m) => m.name);
	const primary = providers[0];
	return write(tempDir('policy'), {
		'modules.yaml': { modules: modules.map((m) => ({ isolation: 'inline', ...m })) },
		'targets.yaml': { targets: providers.map((name) => ({ name, provider: name, model: name, account: name, prompt: 'assistant',
			max_output_tokens: 2000, ...target })) },
		'routes.yaml': { routes: [...intents.map(({ name, ...more }) => ({ intent: name, primary, ...more, ...(fallback.length ? { fallback } : {}) })),
			{ intent: 'default', primary, class: 'general', tier: 1, ...(fallback.length ? { fallback } : {}), ...route }] },
		...(intents.length ? { 'intents/all.yaml': { intents: intents.map(({ name }) => ({ name, class: 'general', tier: 1, examples: EXAMPLES.order })) } } : {}),
		'classes.yaml': { classes: [{ name: 'general', on_failure: 'fallback', ...klass }] },
		'desk.yaml': desk(),
		'channel.yaml': { origins: ['self'], say: SAYS },
		'prompts/assistant.md': 'Answer the customer of a small shop.\n',
		...(releases ? { 'releases.yaml': releases } : {}),
		...files,
	});
}

// Replaces a file as an installer does: written beside it, then renamed.
export function install(dir, as, name) {
	const fresh = path.join(dir, `.${as}.new`);
	copyFileSync(fixture(name), fresh);
	renameSync(fresh, path.join(dir, as));
}
