// SPDX-License-Identifier: Apache-2.0
//
// Modules as `baton module new` makes them, one of every kind, in an installed server that serves a
// conversation: what a customer asks is classified by theirs, searched by theirs, answered by a service
// through theirs, decided about by theirs and archived by theirs.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { KINDS, LANGS, SDK, WORK, good, made } from './kit.mjs';

/* The service behind provider-acme: says what it was asked about, and in which passages it looked. */
const asked = [];
let service, base;
before(async () => {
	service = createServer((request, answer) => {
		let body = '';
		request.setEncoding('utf8').on('data', (part) => { body += part; }).on('end', () => {
			const json = JSON.parse(body);
			asked.push({ key: request.headers.authorization, json });
			answer.writeHead(200, { 'content-type': 'text/event-stream' });
			const say = (event, data) => answer.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
			const titles = json.passages.map(({ title }) => title).join(', ');
			for (const word of `You find it under ${titles}. \u{1F69A}`.split(/(?<= )/))
				say('text', { text: word });
			say('usage', { in: 120, out: 34 });
			say('done', { reason: 'stop' });
			answer.end();
		});
	});
	await new Promise((go) => service.listen(0, '127.0.0.1', go));
	base = `http://127.0.0.1:${service.address().port}`;
});
after(() => service.close());

/* The shop's set, with what the modules' own policy/ folders say put into it. */
function policySet(lang) {
	const dir = path.join(WORK, `set-${lang}`);
	cpSync(path.join(SDK, 'share/baton/policies/shop'), dir, { recursive: true });
	const file = (name) => path.join(dir, name);
	const edit = (name, change) => writeFileSync(file(name), change(readFileSync(file(name), 'utf8')));
	const names = KINDS.map((kind) => ({ kind, ...made(kind, lang) }));
	const part = ({ folder, kind, name }, of) => readFileSync(path.join(folder, 'policy', of), 'utf8')
		.replace(`- name: ${name}\n`, `- name: ${name}-${kind}\n`).replaceAll('https://api.' + name + '.example', base)
		.replaceAll(`"api.${name}.example:443"`, `"${new URL(base).host}"`).replace('answers: 3', 'answers: 2');
	// Theirs before ours: the first classifier and the first retriever are asked.
	edit('modules.yaml', (text) => text.replace('modules:\n', `modules:\n${names.map((one) => part(one, 'modules.yaml')).join('')}`));
	const provider = names.find(({ kind }) => kind === 'provider');
	edit('targets.yaml', (text) => text + part(provider, 'targets.yaml').replace(`provider: ${provider.name}\n`, `provider: ${provider.name}-provider\n`));
	edit('routes.yaml', (text) => text.replaceAll('primary: shop_knowledge', `primary: ${provider.name}-model`));
	// What the new guard and the new tool say for their own files of the set.
	for (const [of, kind, list] of [['guards.yaml', 'guard', 'guards'], ['tools.yaml', 'tool', 'tools']]) {
		const one = names.find((made) => made.kind === kind);
		const lines = readFileSync(path.join(one.folder, 'policy', of), 'utf8').replaceAll(`module: ${one.name}\n`, `module: ${one.name}-${kind}\n`);
		if (!existsSync(file(of)))
			writeFileSync(file(of), `${list}:\n`);
		edit(of, (text) => text.replace(new RegExp(`^${list}:\n`, 'm'), `${list}:\n${lines}`));
	}
	edit('classes.yaml', (text) => text.replaceAll('approved: [shop_knowledge]', `approved: [shop_knowledge, ${provider.name}-model]`));
	return { dir, names };
}

function modulesDir(lang) {
	const dir = path.join(WORK, `modules-${lang}`);
	cpSync(path.join(SDK, 'lib/baton/modules'), dir, { recursive: true });
	for (const kind of KINDS)
		good('make', ['-s', 'install', `MODULEDIR=${dir}`], { cwd: made(kind, lang).folder });
	return dir;
}

async function archived(dir, session) {
	const file = path.join(dir, `${session}.jsonl`);
	for (let i = 0; i < 100; i++) {
		if (existsSync(file) && readFileSync(file, 'utf8').includes('-long-talk'))
			return readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
		await new Promise((go) => setTimeout(go, 100));
	}
	return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line)) : [];
}

for (const lang of LANGS)
	test(`seven modules in ${lang} serve a conversation`, async (t) => {
		const begun = performance.now();
		const { dir } = policySet(lang);
		const name = made('provider', lang).name;
		const baton = await Baton.start({ policies: dir, modules: modulesDir(lang), workers: 2,
			args: ['--web', path.join(SDK, 'share/baton/web')], env: { [`BATON_SECRET_${name.toUpperCase().replaceAll('-', '_')}_KEY`]: 'sk-of-the-shop' } });
		try {
			const c = new Customer(baton);
			await c.connect();
			const { text } = await c.answer((await c.say('Where is my order? When is the delivery?')).seq);
			assert.equal(text, 'You find it under Delivery. \u{1F69A}', 'retriever and provider are theirs');
			assert.equal(asked.at(-1).key, 'Bearer sk-of-the-shop', 'the host filled the key in');
			assert.equal(asked.at(-1).json.messages.at(-1).text, 'Where is my order? When is the delivery?');
			await c.answer((await c.say('And where is the parcel?')).seq);
			// Their rule: after two answers a person takes over.
			const outcome = await c.outcome((await c.say('My order?')).seq);
			assert.ok(outcome.name, `a person, not: ${JSON.stringify(outcome)}`);
			const lines = await archived(path.join(baton.data, 'archive'), c.session);
			assert.ok(lines.length > 5, `the archive has ${lines.length} lines`);
			assert.deepEqual(lines.map(({ seq }) => seq), [...lines.keys()].map((i) => i + 1), 'every event once, in order');
			const all = JSON.stringify(lines);
			assert.ok(all.includes('order-status'), 'their classifier named the intent');
			assert.ok(all.includes(`${name}-long-talk`), 'their rule stands in the transcript');
			assert.ok(!all.includes('sk-of-the-shop') && !baton.stderr.includes('sk-of-the-shop'), 'the key stands nowhere');
		} finally {
			await baton.stop();
		}
		t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s`);
	});
