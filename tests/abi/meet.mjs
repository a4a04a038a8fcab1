// SPDX-License-Identifier: Apache-2.0
//
// meet.mjs DIR FILE inline|process: one server (BATON_BIN), one module in every kind, one question. Prints what
// came of it as JSON: {text, usage, said} or {refused}.

import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { simpleSet, write } from '../lib/policies.mjs';

const [dir, file, isolation] = process.argv.slice(2);
const policies = simpleSet('http://127.0.0.1:9/');
const kinds = ['classifier', 'retriever', 'rule', 'transcript', 'tool', 'guard'];
write(policies, {
	'modules.yaml': { modules: [{ name: 'openai', kind: 'provider', file, egress: ['127.0.0.1:9'], isolation }, ...kinds.map((kind) => ({ name: kind, kind, file, isolation }))] },
	'intents/greeting.yaml': { intents: [{ name: 'greeting', class: 'general', tier: 1, examples: ['hello there', 'good morning to you'] }] },
});
const server = new Baton({ policies, modules: dir, workers: 1 });
try {
	await server.start();
} catch (error) {
	const line = String(error.message).split('\n').find((one) => one.includes('"release_refused"'));
	console.log(JSON.stringify(line ? { refused: JSON.parse(line).why } : { error: error.message }));
	process.exit(0);
}
const c = new Customer(server);
await c.connect();
const { text } = await c.answer((await c.say('hello')).seq);
await server.stop();
const { in_tokens, out_tokens } = server.transcript(c.session).find(({ type }) => type === 'answer_generated').data;
const said = server.stderr.split('\n').filter((line) => line.includes('"module_says"')).map((line) => JSON.parse(line).text);
console.log(JSON.stringify({ text, usage: [in_tokens, out_tokens], said: [...new Set(said)].sort() }));
process.exit(0);
