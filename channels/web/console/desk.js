// SPDX-License-Identifier: Apache-2.0
//
// The desk as the `case` frames tell it: which cases wait, in which order, who holds the others.
// Pure. Order of service: priority first (1 is highest), within it the longest waiting first.

const first = (a, b) => a.priority - b.priority || a.waiting_since_ms - b.waiting_since_ms || (a.session < b.session ? -1 : 1);

export class Desk {
	#cases = new Map();

	get(session) {
		return this.#cases.get(session);
	}

	/** The desk is told anew after each connection. */
	clear() {
		this.#cases.clear();
	}

	/** Takes a `case` frame; true if a case begins to wait. */
	apply(frame) {
		const before = this.#cases.get(frame.session);
		if (frame.state === 'gone') this.#cases.delete(frame.session);
		else this.#cases.set(frame.session, frame);
		return frame.state === 'waiting' && before?.state !== 'waiting';
	}

	/** The cases in a state, in order of service. */
	list(state) {
		return [...this.#cases.values()].filter((one) => one.state === state).sort(first);
	}

	/** Place in its queue among the waiting, from 1. */
	position({ session, queue }) {
		return this.list('waiting').filter((one) => one.queue === queue).findIndex((one) => one.session === session) + 1;
	}
}

/** A duration as an agent reads it: 45 s, 3 min, 1 h 05 min, 2 d 3 h. */
export function age(ms) {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	if (seconds < 60) return `${seconds} s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return `${minutes} min`;
	const hours = Math.floor(minutes / 60);
	if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
	return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
