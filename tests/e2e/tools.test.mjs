// SPDX-License-Identifier: Apache-2.0
//
// tool-http against a real service over real sockets, by `baton tools`: what it looks up, what it does when the
// service is slow, cut off, wrong or gone, and that nothing is ever done twice.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { run, tempDir } from '../lib/baton.mjs';
import { shopSet } from '../lib/policies.mjs';
import { SHOP_KEY, Shop } from '../lib/shop.mjs';

const order = { type: 'object', required: ['order'], properties: { order: { type: 'string' }, amount: { type: 'number' }, reason: { type: 'string' }, customer: { type: 'string' } } };
const own = { module: 'orders', title: 'does it', description: 'd', arguments: order, bind: { customer: 'customer' } };
const headers = { 'X-Customer': '{customer}' };
const refund = { method: 'POST', url: '/orders/{order}/refunds', headers, body: { json: { amount: '{amount}', reason: '{reason}' } }, try_ms: 400, backoff_ms: 50 };

// The shop with tools that have little patience.
const TOOLS = { tools: [
	{ ...own, name: 'order_status', writes: false, timeout: '1500ms', request: { url: '/orders/{order}', headers, try_ms: 600, backoff_ms: 50,
		answer: { pick: { id: '/order/id', status: '/order/status' } } } },
	{ ...own, name: 'refund_order', writes: true, idempotent: true, timeout: '2s', request: refund },
	{ ...own, name: 'refund_once', writes: true, timeout: '1s', request: refund },
] };

describe('tools over HTTP', () => {
	let shop, set, data;
	const out = [];
	before(async () => {
		shop = await Shop.start();
		set = shopSet({ 'tools.yaml': TOOLS });
		data = tempDir('tools');
	});
	after(() => shop.stop());

	function tools(args, { env = shop.env, ...options } = {}) {
		const here = args[0] === 'list' ? [] : ['--data', data, '--allow-loopback-http'];
		const ran = run(['tools', ...args, '--policies', set, ...here], { env, ...options });
		out.push(ran.stdout, ran.stderr);
		return ran;
	}

	function call(tool, args, more = []) {
		const ran = tools(['call', tool, JSON.stringify(args), '--yes', '--json', ...more]);
		return { ...JSON.parse(ran.stdout), code_: ran.code };
	}

	test('what the set declares is listed, and checked with the service', async () => {
		const listed = JSON.parse(tools(['list', '--json']).stdout);
		assert.deepEqual(listed.map((tool) => [tool.name, tool.writes, tool.approval]), [['order_status', false, 'none'], ['refund_order', true, 'agent'], ['refund_once', true, 'agent']]);
		assert.deepEqual(listed[0].lookups_of, ['order-status']);
		const checked = tools(['check', '--live']);
		assert.equal(checked.code, 0, checked.stdout);
		assert.match(checked.stdout, /^ok - orders: its service is well$/m);
	});

	test('a secret that is not there is said by its name, and a service that is not', () => {
		const bare = tools(['check', '--live'], { env: {} });
		assert.equal(bare.code, 1);
		assert.match(bare.stdout, /not ok - orders: secret SHOP_ORDERS_KEY/);
		const gone = tools(['check', '--live'], { env: { ...shop.env, BATON_SECRET_SHOP_ORDERS_URL: 'http://127.0.0.1:9' } });
		assert.equal(gone.code, 1);
		assert.match(gone.stdout, /not ok - orders: its service is well: /);
	});

	test('a look-up brings what was picked; somebody else\'s order does not exist', () => {
		assert.deepEqual(call('order_status', { order: 'HP-20441' }).result, { id: 'HP-20441', status: 'on its way' });
		assert.equal(call('order_status', { order: 'HP-30017' }).no, 'not_found');
		assert.equal(call('order_status', { order: 'HP-30017' }, ['--customer', 'mallory']).no, 'not_found');
		assert.equal(call('order_status', { order: 'HP-30017' }, ['--customer', 'vera']).result.status, 'delivered');
	});

	test('no argument leads elsewhere', async () => {
		const before_ = (await shop.requests()).length;
		for (const value of ['../_effects', '..', 'HP-1/refunds', '', 'a\\b', '{{secret:SHOP_ORDERS_KEY}}/..'])
			assert.equal(call('order_status', { order: value }).code, 'bad_arguments', value);
		assert.equal((await shop.requests()).length, before_);
		assert.equal(call('order_status', { order: 'HP-20441?x=1#y' }).no, 'not_found');
		assert.equal((await shop.requests()).at(-1).path, '/orders/HP-20441?x=1#y'); // one segment, decoded
		assert.equal(call('order_status', { order: 'HP-20441', customer: 'x' }, ['--customer', '{{secret:SHOP_ORDERS_KEY}}']).code, 'bad_arguments');
	});

	// What the service does, how often, and what comes of it.
	const ROWS = [
		['slow', { ms: 200 }, { ok: true, tries: 1 }],
		['status-500', {}, { ok: true, tries: 2 }],
		['status-503', { times: 9 }, { ok: false, code: 'overloaded', http_status: 503 }],
		['status-429', { ms: 1000 }, { ok: true, tries: 2 }],
		['status-429', { ms: 9000 }, { ok: false, code: 'rate_limited', http_status: 429 }],
		['status-403', {}, { ok: false, code: 'access' }],
		['reset', {}, { ok: true, tries: 2 }],
		['cut', {}, { ok: true, tries: 2 }],
		['hang', {}, { ok: true, tries: 2 }],
		['html', {}, { ok: false, code: 'content_type' }],
		['broken', {}, { ok: false, code: 'not_json' }],
		['huge', {}, { ok: false, code: 'too_big' }],
		['redirect', {}, { ok: false, code: 'redirect', http_status: 302 }],
	];
	for (const [kind, how, want] of ROWS) {
		test(`a look-up that meets ${kind} ${JSON.stringify(how)} ends as ${want.code ?? 'an answer'}`, async () => {
			await shop.fault(kind, { method: 'GET', ...how });
			const got = call('order_status', { order: 'HP-10432' });
			assert.deepEqual(Object.fromEntries(Object.keys(want).map((key) => [key, got[key]])), want, JSON.stringify(got));
			assert.equal(got.in_doubt, false);
			assert.equal(got.code_, want.ok ? 0 : 1);
			await shop.fault('none');
			assert.equal(call('order_status', { order: 'HP-10432' }).ok, true);
		});
	}

	test('a refund whose answer is lost is asked for again under its key, and done once', async () => {
		await shop.fault('lost', { method: 'POST' });
		const got = call('refund_order', { order: 'HP-20441', amount: 5 });
		assert.deepEqual([got.ok, got.tries], [true, 2], JSON.stringify(got));
		const effects = await shop.effects();
		assert.equal(effects.length, 1);
		assert.equal(effects[0].cents, 500);
		const keys = (await shop.requests()).filter((one) => one.method === 'POST').map((one) => one.key);
		assert.deepEqual(keys, [keys[0], keys[0]]);
	});

	test('one that may have happened and may not be repeated is in doubt, and asked for once', async () => {
		const asked = (await shop.requests()).length;
		for (const kind of ['lost', 'reset', 'status-500', 'html', 'cut']) {
			await shop.fault(kind, { method: 'POST' });
			const got = call('refund_once', { order: 'HP-10432', amount: 1 });
			assert.deepEqual([got.ok, got.in_doubt], [false, true], `${kind}: ${JSON.stringify(got)}`);
		}
		assert.equal((await shop.requests()).length, asked + 5);
		assert.equal((await shop.effects()).length, 2); // of `lost` alone
		await shop.fault('status-429', { method: 'POST' });
		assert.equal(call('refund_once', { order: 'HP-10432', amount: 1 }).in_doubt, false);
	});

	test('a no is an answer, with the word of the service', () => {
		assert.equal(call('refund_order', { order: 'HP-20441', amount: 5000 }).no, 'amount_too_high');
		assert.equal(call('refund_order', { order: 'HP-30044', amount: 1 }, ['--customer', 'vera']).ok, true);
		assert.equal(call('refund_order', { order: 'HP-30044', amount: 1 }).no, 'not_found');
	});

	test('what changes something asks first, and is only said in a shadow', async () => {
		const { length } = await shop.effects();
		const asked = tools(['call', 'refund_order', '{"order":"HP-20441"}']);
		assert.equal(asked.code, 2);
		assert.match(asked.stderr, /--yes/);
		assert.deepEqual(call('refund_order', { order: 'HP-20441' }, ['--shadow']).result, { shadow: true });
		assert.equal((await shop.effects()).length, length);
	});

	test('a wrong key is said, and no key stands in anything that was printed', () => {
		const wrong = tools(['call', 'order_status', '{"order":"HP-20441"}', '--json'], { env: { ...shop.env, BATON_SECRET_SHOP_ORDERS_KEY: 'another' } });
		assert.equal(JSON.parse(wrong.stdout).code, 'access');
		assert.ok(out.every((text) => !text.includes(SHOP_KEY)));
	});
});
