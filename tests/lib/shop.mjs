// SPDX-License-Identifier: Apache-2.0
//
// The demonstration's order service as a counterpart of tests: a process of its own, told to misbehave, and
// asked afterwards what it was asked and what it has done.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT, VARIANT } from './baton.mjs';

const BIN = path.join(ROOT, 'build', VARIANT, 'baton-demo-shop');
export const SHOP_KEY = 'shop-key-not-a-secret-4711';

export class Shop {
	// `state`: a file in which what was done outlives the process.
	static async start({ state, key = SHOP_KEY } = {}) {
		const shop = new Shop();
		shop.child = spawn(BIN, ['--faults', ...(state ? ['--state', state] : [])],
			{ env: { ...process.env, BATON_DEMO_SHOP_KEY: key }, stdio: ['pipe', 'pipe', 'inherit'] });
		shop.base = await new Promise((go, fail) => {
			shop.child.once('exit', (code) => fail(new Error(`baton-demo-shop ended: ${code}`)));
			shop.child.stdout.once('data', (text) => go(JSON.parse(String(text)).base));
		});
		for (const part of [shop.child, shop.child.stdout, shop.child.stdin])
			part.unref();
		return shop;
	}

	// What the server is told of it.
	get env() {
		return { BATON_SECRET_SHOP_ORDERS_URL: this.base, BATON_SECRET_SHOP_ORDERS_KEY: SHOP_KEY };
	}

	async #ask(path, init) {
		const answer = await fetch(this.base + path, init);
		if (!answer.ok)
			throw new Error(`${path}: ${answer.status}`);
		return answer.json();
	}

	// The next `times` requests of `method` (any, if none is said) meet it; core/demo/serve.c has the kinds.
	fault(kind, { times = 1, ms = 0, method = '' } = {}) {
		return this.#ask(`/_faults?kind=${kind}&times=${times}&ms=${ms}&method=${method}`, { method: 'POST' });
	}

	effects() { return this.#ask('/_effects'); }
	requests() { return this.#ask('/_requests'); }

	stop() {
		this.child.stdin.end();
		this.child.kill();
	}
}
