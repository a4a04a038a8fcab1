// SPDX-License-Identifier: Apache-2.0
//
// meet.mjs DIR FILE inline|process: one server (BATON_BIN), one provider module, one question. Prints what
// came of it as JSON: {text, usage} or {refused}.

import { Baton } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { simpleSet, write } from '../lib/policies.mjs';

const [dir, file, isolation] = process.argv.slice(2);
const policies = simpleSet('http://127.0.0.1:9/');
write(policies, { 'modules.yaml': { modules: [{ name: 'openai', kind: 'provider', file, egress: ['127.0.0.1:9'], isolation }] } });
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
console.log(JSON.stringify({ text, usage: [in_tokens, out_tokens] }));
process.exit(0);
