// SPDX-License-Identifier: Apache-2.0
//
// The end of every test of whole processes: the server is stopped, the store is verified, and the
// history checker compares it with what all clients did and saw.

import assert from 'node:assert/strict';
import { check } from './checker.mjs';
import { historyOf } from './client.mjs';

export function sessionsOf(clients) {
	return new Set(clients.flatMap((client) => [client.session, ...client.ops.map((op) => op.session),
		...client.views.map((view) => view.session)]).filter(Boolean));
}

export function assertFsck(baton) {
	const out = baton.fsck();
	assert.equal(out.code, 0, `fsck: ${out.stdout.slice(-3000)}${out.stderr.slice(-3000)}`);
	return out;
}

// Stops the server and holds it to its promises. Returns the stored logs by session.
export async function judge(baton, clients, { quiet = true } = {}) {
	for (const client of clients)
		await client.end();
	await baton.stop();
	assertFsck(baton);
	const written = [...sessionsOf(clients)].filter((session) => {
		const acked = clients.some((client) => client.ops.some((op) => op.session === session && op.acked !== null));
		const seen = clients.some((client) => client.views.some((view) => view.session === session && view.frames.some((f) => f.seq)));
		return acked || seen; // else it may never have been written
	});
	const logs = baton.transcripts(written);
	const findings = check(historyOf(clients.map((client) => forget(client, logs)), logs, quiet));
	assert.deepEqual(findings.slice(0, 5), [], `${findings.length} broken promises`);
	return logs;
}

// Sessions without a store have nothing to compare.
function forget(client, logs) {
	client.views = client.views.filter((view) => logs.has(view.session));
	return client;
}
