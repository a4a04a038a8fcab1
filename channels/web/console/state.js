// SPDX-License-Identifier: Apache-2.0
//
// What the console's parts share: the desk, the cases that were opened, and which one is open, by whom.
// Who changes `at`: signin.js the connection, frames.js who is here, console.js the open case.

import { Desk } from './desk.js';
import { verbsOf } from './verbs.js';

export const desk = new Desk();
export const rooms = new Map(); // session -> Room

export const at = {
	room: null, // the open one
	me: null, // {agent, name, role}
	queues: [], // {name, title}
	transport: null,
	outbox: null,
};

export const supervisor = () => at.me?.role === 'supervisor';
export const titleOf = (name) => at.queues.find((queue) => queue.name === name)?.title || name;

/** False if it cannot be sent now; then it is not kept either. */
export const send = (frame) => at.transport?.send(frame) ?? false;

/** Mine: claimed by me, as the desk says, and not handed on since, as the transcript says. */
export function mine(one) {
	const entry = one && desk.get(one.session);
	if (entry?.state !== 'claimed' || entry.agent !== at.me?.agent) return false;
	return !one.ready || one.talk.owner === 'agent';
}

/** What may be done with the open case. */
export const verbs = () => (at.room ? verbsOf(desk.get(at.room.session), mine(at.room), supervisor()) : []);

/** Follows a case from what is known of it. */
export const follow = (one) => send({ t: 'open', session: one.session, after: one.talk.seq });
