// SPDX-License-Identifier: Apache-2.0
//
// tool-mcp in a real host (client.c), to be asked from a test.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const built = `${root}build/${process.env.V || 'release'}`;

// A tool as tools.yaml declares it; anything goes in, as the suites try arguments of all kinds.
export const tool = (name, more = {}) => ({ name, arguments: { type: 'object' }, timeout_ms: 10000, config: { remote: { name } }, ...more });

export class Client {
	constructor(config, tools, env = {}) {
		const all = { ...config, policy: { tools } };
		this.child = spawn(`${built}/tests/mcp_client`, [`${built}/modules/tool-mcp.so`, JSON.stringify(all)], {
			stdio: ['pipe', 'pipe', 'pipe'],
			env: { ...process.env, ...env },
		});
		this.log = '';
		this.child.stderr.on('data', (bytes) => (this.log += bytes));
		this.gone = new Promise((go) => this.child.on('close', (code, signal) => go(code ?? signal)));
		this.n = 0;
		this.waits = new Map();
		this.results = new Map();
		this.tools = [];
		createInterface({ input: this.child.stdout }).on('line', (line) => this.#hear(JSON.parse(line)));
		void this.gone.then(() => this.waits.forEach(({ fail }) => fail(new Error(`the client is gone: ${this.log}`))));
	}

	#hear(said) {
		if (said.tools) {
			this.tools.shift()(said.tools);
		} else if ('json' in said) {
			this.results.set(said.n, said);
		} else {
			this.waits.get(said.n).go(this.results.get(said.n) ?? said);
			this.waits.delete(said.n);
		}
	}

	#ask(line) {
		this.child.stdin.write(`${JSON.stringify(line)}\n`);
		const n = ++this.n;
		const answer = new Promise((go, fail) => this.waits.set(n, { go, fail }));
		answer.n = n;
		return answer;
	}

	// {json, no, code, tries} or {fail, code, why, doubt}
	call(name, args = {}, flags = {}) {
		return this.#ask({ op: 'call', tool: name, args, ...flags });
	}

	check() {
		return this.#ask({ op: 'check' });
	}

	cancel(call) {
		this.child.stdin.write(`${JSON.stringify({ op: 'cancel', n: call.n })}\n`);
	}

	describe() {
		return new Promise((go) => {
			this.tools.push(go);
			this.child.stdin.write('{"op":"describe"}\n');
		});
	}

	// Its exit code: 0, or something of it was broken.
	async close() {
		this.child.stdin.end();
		return this.gone;
	}
}
