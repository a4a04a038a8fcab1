// SPDX-License-Identifier: Apache-2.0
//
// What the complaints share: a server over a set of the test's own, a customer in front of it, and a
// provider that misbehaves in a way of its own. Real processes, real sockets; nothing is pretended.

import { once } from 'node:events';
import http from 'node:http';
import { after } from 'node:test';
import { AGENTS, Baton } from '../lib/baton.mjs';
import { Agent, Customer } from '../lib/client.mjs';
import { Control } from '../lib/control.mjs';
import { KEY_ENV, simpleSet, write } from '../lib/policies.mjs';
import { HostileProvider } from '../fault/provider.mjs';

export const CONTEXT = 'where is my order?';

export async function hostile() {
	const provider = await new HostileProvider().start();
	after(() => provider.stop());
	return provider;
}

// `answer(req, res, ask, n)`: the n-th request (from 0) to a provider that is only this function.
export async function provider(answer) {
	const asked = [];
	const server = http.createServer(async (req, res) => {
		let body = '';
		for await (const part of req)
			body += part;
		asked.push({ t: Date.now(), ask: JSON.parse(body) });
		await answer(req, res, asked.at(-1).ask, asked.length - 1);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	after(() => { server.closeAllConnections(); server.close(); });
	return { url: `http://127.0.0.1:${server.address().port}/v1`, asked };
}

export const words = (text) => `data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta: { content: text } }] })}\n\n`;
export const FINISH = `data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`;
export function say(res, ...pieces) {
	res.writeHead(200, { 'content-type': 'text/event-stream' });
	for (const piece of pieces)
		res.write(piece);
}

export async function serve(policies, options = {}) {
	const baton = await Baton.start({ policies, env: KEY_ENV, workers: 1, ...options });
	after(async () => { if (baton.alive) await baton.kill().catch(() => {}); });
	return baton;
}
export async function customer(baton, options) {
	const c = new Customer(baton, options);
	await c.connect();
	return c;
}
// An agent at the desk, who follows `session` if one is named.
export async function agent(baton, id, session) {
	const a = new Agent(baton, { name: id, token: AGENTS[id], role: id === 'sara' ? 'supervisor' : 'agent' });
	await a.connect();
	await a.desk();
	if (session)
		await a.follow(session);
	return a;
}
export async function admin(baton) {
	const control = await Control.open(baton);
	after(() => control.close());
	return control;
}
export const board = async (control) => (await control.do('board')).board;

// A set whose targets are given one by one: {model, account, in_usd_per_mtok, ...}.
export function setOf(url, targets, options = {}) {
	const dir = simpleSet(url, { models: targets.map((t) => t.model), ...options });
	return write(dir, { 'targets.yaml': { targets: targets.map((target, i) => ({ name: `t${i}`, provider: 'openai', account: `account${i}`,
		prompt: 'assistant', max_output_tokens: 500, ...target })) } });
}
