// SPDX-License-Identifier: Apache-2.0
//
// The demonstration shop with every module in a process of its own: the same conversations, the
// same transcripts. Then the processes are killed, one after the other, in the middle of their work.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton, SLOW, tempDir } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { shopSet } from '../lib/policies.mjs';

const NAMES = ['classifier', 'knowledge', 'articles', 'rules', 'transcripts', 'orders', 'injection', 'pii', 'promises'];
const GUARDS = ['injection', 'pii', 'promises'];

const FILES = { classifier: 'classifier-linear.so', knowledge: 'provider-knowledge.so', articles: 'retriever-fts.so',
	rules: 'rule-policy.so', transcripts: 'transcript-jsonl.so', orders: 'tool-http.so',
	injection: 'guard-injection.so', pii: 'guard-pii.so', promises: 'guard-policy.so' };
const KINDS = { classifier: 'classifier', knowledge: 'provider', articles: 'retriever', rules: 'rule', transcripts: 'transcript', orders: 'tool',
	injection: 'guard', pii: 'guard', promises: 'guard' };

// The shop, each module in a process; transcripts may write to `writes`.
const isolated = (dir, writes = dir) => shopSet({ 'modules.yaml': { modules: NAMES.map((name) => ({ name, file: FILES[name],
	kind: KINDS[name], isolation: 'process', ...(/knowledge|articles/.test(name) ? { knowledge: true } : {}),
	...(name === 'orders' ? { config: { base_url: 'http://127.0.0.1:9' } } : {}),
	...(name === 'transcripts' ? { writes: [writes], config: { dir } } : {}) })) } });

// Pids of the server's module processes, by the module's name.
function processes(baton) {
	const out = execFileSync('ps', ['--ppid', String(baton.child.pid), '-o', 'pid=,args='], { encoding: 'utf8' });
	return Object.fromEntries(out.split('\n').map((line) => /^\s*(\d+) baton-modhost --run (\S+)/.exec(line))
		.filter(Boolean).map(([, pid, name]) => [name, Number(pid)]));
}

async function soon(test, what, ms = 8000 * SLOW) {
	const until = Date.now() + ms;
	while (Date.now() < until) {
		const found = test();
		if (found)
			return found;
		await sleep(25);
	}
	assert.fail(`${what} within ${ms} ms`);
}

describe('modules in processes of their own', () => {
	const dir = path.join(tempDir('transcripts'), 'lines');
	let baton, customer;
	const answered = async (text) => customer.answer((await customer.say(text)).seq);

	before(async () => {
		mkdirSync(dir);
		baton = await Baton.start({ policies: isolated(dir) });
		customer = new Customer(baton);
		await customer.connect({ locale: 'en' });
	});
	after(async () => {
		if (baton?.alive)
			await baton.stop();
	});

	test('each has one, and the server has mapped none of their code', () => {
		assert.deepEqual(Object.keys(processes(baton)).sort(), [...NAMES].sort());
		const maps = readFileSync(`/proc/${baton.child.pid}/maps`, 'utf8');
		assert.doesNotMatch(maps, /run\/modules\//);
	});

	test('a question is understood, answered with its source, and written down', async () => {
		const answer = await answered('How long does delivery take?');
		assert.match(answer.text, /days/);
		assert.ok(answer.meta.sources?.length > 0, JSON.stringify(answer.meta));
		const written = () => readdirSync(dir, { recursive: true }).filter((name) => name.endsWith('.jsonl'))
			.some((name) => readFileSync(path.join(dir, name), 'utf8').includes('How long does delivery take?'));
		await soon(written, 'the transcript is there');
	});

	for (const name of NAMES.filter((one) => one !== 'transcripts'))
		test(`${name} is killed: it comes back, and the conversation has not ended`, async () => {
			const pid = processes(baton)[name];
			process.kill(pid, 'SIGKILL');
			await soon(() => processes(baton)[name] && processes(baton)[name] !== pid, 'another process');
			await soon(() => baton.stderr.includes(`"module_crashed","module":"${name}"`), 'it is said');
			const other = new Customer(baton);
			await other.connect({ locale: 'en' });
			// While a guard is away nobody outside is asked: a person gets who writes just then, and nobody for long.
			const { seq } = await other.say('How long does delivery take?');
			const outcome = await other.outcome(seq);
			assert.ok(outcome.text?.match(/days/) || (GUARDS.includes(name) && outcome.name === 'baton.case_queued'), JSON.stringify(outcome));
			await other.end();
			const asks = async () => {
				const next = new Customer(baton);
				await next.connect({ locale: 'en' });
				const { text } = await next.outcome((await next.say('How long does delivery take?')).seq);
				await next.end();
				return text;
			};
			assert.match(await soon(asks, 'an answer to one who comes later'), /days/);
		});

	test('a directory that is not there is said before anything is replaced', async () => {
		const set = isolated(dir, path.join(dir, 'none'));
		await assert.rejects(Baton.start({ policies: set }), /writes: .*none: expected a directory, found none/);
	});

	test('nothing is left of them when the server has ended', async () => {
		const pids = Object.values(processes(baton));
		await baton.stop();
		for (const pid of pids)
			assert.throws(() => process.kill(pid, 0), /ESRCH/);
	});
});
