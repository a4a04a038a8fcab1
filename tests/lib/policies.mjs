// SPDX-License-Identifier: Apache-2.0
//
// Policy sets made by tests: small ones that point at a provider of the test, or copies of the
// demonstration set with some files replaced. Files are written as JSON, which YAML 1.2 contains.

import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AGENTS, ROOT, tempDir } from './baton.mjs';

export const KEY_ENV = { BATON_SECRET_TEST_KEY: 'sk-test-not-a-secret' };

// ISOLATION=process: every module of these sets gets a process of its own; any test can be run so.
const isolation = process.env.ISOLATION;

// The module entry of an OpenAI-compatible provider at `url`.
export function openai(url, name = 'openai') {
	return { name, file: 'provider-openai.so', kind: 'provider', isolation, egress: [new URL(url).host],
		secrets: ['TEST_KEY'], config: { base_url: url, secret: 'TEST_KEY' } };
}

// The same for any wire of tests/fault/wires.mjs; `base` has no path.
export function speaking(wire, base) {
	const entry = openai(`${base}/v1`);
	if (wire === 'messages')
		return { ...entry, file: 'provider-anthropic.so', config: { base_url: base, secret: 'TEST_KEY' } };
	if (wire === 'ollama')
		return { ...entry, secrets: undefined, config: { base_url: base, api: 'ollama' } };
	return { ...entry, config: { ...entry.config, api: wire } };
}

export function desk() {
	return {
		default_queue: 'general',
		queues: [{ name: 'general', title: 'General' }, { name: 'billing', title: 'Billing' }],
		agents: Object.keys(AGENTS).map((id) => ({ id, name: id[0].toUpperCase() + id.slice(1),
			secret: `AGENT_${id.toUpperCase()}`, role: id === 'sara' ? 'supervisor' : 'agent' })),
	};
}

export const SAYS = {
	disclosure: 'You are talking to an AI assistant.',
	greeting: 'Good day.',
	handed_over: 'A colleague takes over now.',
	handed_back: 'The assistant is back.',
	draft_pending: 'A colleague looks over the answer.',
};

export function write(dir, files) {
	for (const [name, content] of Object.entries(files)) {
		const file = path.join(dir, name);
		mkdirSync(path.dirname(file), { recursive: true });
		writeFileSync(file, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content, null, 1));
	}
	return dir;
}

// A set whose one route asks `models` in turn, the first as primary. No classifier, no rules: what
// is tested is the way of a message and not what is understood of it. `target`, `klass` and `route` add
// keys to each target, the class and the route, `provider` to the module's configuration; `modes`,
// `budgets`, `alerts` and `drills` are the contents of those files: a list, a map, a map, and a map of
// drills by name.
export function simpleSet(url, { models = ['ok'], tier = 1, route = {}, onFailure = 'fallback', files = {}, target = {}, klass = {},
	provider = {}, modes, budgets, alerts, drills = {} } = {}) {
	const targets = models.map((model, i) => ({ name: `t${i}`, provider: 'openai', model, account: `account${i}`,
		prompt: 'assistant', max_output_tokens: 500,
		...target }));
	const entry = openai(url);
	return write(tempDir('policy'), {
		'modules.yaml': { modules: [{ ...entry, config: { ...entry.config, ...provider } }] },
		'targets.yaml': { targets },
		'routes.yaml': { routes: [{ intent: 'default', primary: 't0',
			...(targets.length > 1 ? { fallback: targets.slice(1).map((t) => t.name) } : {}), class: 'general', tier, ...route }] },
		'classes.yaml': { classes: [{ name: 'general', on_failure: onFailure, ...klass }] },
		'desk.yaml': desk(),
		'channel.yaml': { origins: ['self'], say: SAYS },
		'prompts/assistant.md': 'Answer the customer of a small shop.\n',
		...(modes ? { 'modes.yaml': { modes } } : {}),
		...(budgets ? { 'budgets.yaml': budgets } : {}),
		...(alerts ? { 'alerts.yaml': alerts } : {}),
		...Object.fromEntries(Object.entries(drills).map(([name, drill]) => [`drills/${name}.yaml`, { name, ...drill }])),
		...files,
	});
}

// A copy of the demonstration set, some files replaced.
export function shopSet(files = {}) {
	const dir = tempDir('policy');
	cpSync(path.join(ROOT, 'policies', 'shop'), dir, { recursive: true });
	return write(dir, files);
}
