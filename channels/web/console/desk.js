// SPDX-License-Identifier: Apache-2.0
//
// The desk as the `case` frames tell it: which cases wait, in which order, who holds the others. Pure.
// The order of service is the desk's own: `precedence` (1 first), which is the priority as the customer's tier and
// waiting have made it; then who has waited longest. A `rank` is old as soon as somebody else is claimed.

const longest = (a, b) => a.waiting_since_ms - b.waiting_since_ms || (a.session < b.session ? -1 : 1);
const first = (a, b) => a.priority - b.priority || longest(a, b);
const ranked = (a, b) => (a.precedence || a.priority) - (b.precedence || b.priority) || longest(a, b);

/* What the order rests on: a frame that changes nothing of it does not make it anew. */
const ORDERING = ['state', 'precedence', 'queue', 'priority', 'waiting_since_ms', 'agent', 'unanswered_ms', 'due_ms', 'claimed_ms'];

export class Desk {
	#cases = new Map();
	#waiting = null; // sessions in order; null when it must be made again
	#places = new Map(); // session -> place in its queue
	#coming = 0; // cases that are still to come after `desk`
	version = 0; // rises when the order may have changed

	get(session) {
		return this.#cases.get(session);
	}

	get size() {
		return this.#cases.size;
	}

	/** The desk is told anew after each connection: a `desk` frame, and as many cases as it says. */
	clear() {
		this.#cases.clear();
		this.#coming = Infinity;
		this.#changed();
	}

	begin(cases) {
		this.#coming = cases;
		this.version++;
	}

	/** Not all are told yet: what is missing is not gone, and what comes is no news. */
	get filling() {
		return this.#coming > 0;
	}

	/** Takes a `case` frame; true if a case begins to wait. */
	apply(frame) {
		const before = this.#cases.get(frame.session);
		if (frame.state === 'gone') this.#cases.delete(frame.session);
		else this.#cases.set(frame.session, { ...frame, tags: list(frame.tags) });
		if (!before || ORDERING.some((name) => before[name] !== frame[name])) this.#changed();
		if (this.#coming > 0) {
			if (!before) this.#coming--;
			return false;
		}
		return frame.state === 'waiting' && before?.state !== 'waiting';
	}

	/** The cases in a state, in order of service. */
	list(state) {
		if (state === 'waiting') return this.#order();
		return [...this.#cases.values()].filter((one) => one.state === state).sort(first);
	}

	/** Those that `agent` has: who is owed an answer comes first, the oldest promise before the others. */
	mine(agent) {
		return [...this.#cases.values()].filter((one) => one.state === 'claimed' && one.agent === agent).sort(owed);
	}

	/** What a tab shows: mine, waiting or all; `queue` narrows it. */
	view(tab, agent, queue = '') {
		const mine = tab === 'waiting' ? [] : this.mine(agent);
		const waiting = tab === 'mine' ? [] : this.#order();
		const others = tab === 'all' ? this.list('claimed').filter((one) => one.agent !== agent) : [];
		const all = [...mine, ...waiting, ...others];
		return queue ? all.filter((one) => one.queue === queue) : all;
	}

	/** How many wait. */
	get waiting() {
		if (!this.#waiting) this.#order();
		return this.#waiting.length;
	}

	/** The queues that have cases. */
	queues() {
		return [...new Set([...this.#cases.values()].map((one) => one.queue))].sort();
	}

	/** Waiting cases that one rule, and one mode, brought here: what an outage looks like from the desk. */
	group({ rule = '', mode = '', reason }) {
		return this.#order().filter((one) => (rule || mode ? (one.rule ?? '') === rule && (one.mode ?? '') === mode : one.reason === reason));
	}

	/** The groups of the waiting, the largest first. */
	groups() {
		const groups = new Map();
		for (const one of this.#order()) {
			const { rule = '', mode = '', reason = '' } = one;
			const key = rule || mode ? `${rule}\n${mode}` : `\n\n${reason}`;
			const group = groups.get(key) ?? { key, rule, mode, reason, waiting: 0, oldest_ms: Infinity };
			group.waiting++;
			group.oldest_ms = Math.min(group.oldest_ms, one.waiting_since_ms);
			groups.set(key, group);
		}
		return [...groups.values()].sort((a, b) => b.waiting - a.waiting || (a.key < b.key ? -1 : 1));
	}

	/** Place in its queue among the waiting, from 1. */
	position({ session }) {
		if (!this.#waiting) this.#order();
		return this.#places.get(session) ?? 0;
	}

	#changed() {
		this.#waiting = null;
		this.version++;
	}

	#order() {
		if (this.#waiting) return this.#waiting.map((session) => this.#cases.get(session));
		const waiting = [...this.#cases.values()].filter((one) => one.state === 'waiting').sort(ranked);
		this.#waiting = waiting.map(({ session }) => session);
		this.#places = new Map();
		const counts = new Map();
		for (const { session, queue } of waiting) {
			const place = (counts.get(queue) ?? 0) + 1;
			counts.set(queue, place);
			this.#places.set(session, place);
		}
		return waiting;
	}
}

const owed = (a, b) => (a.unanswered_ms ? 0 : 1) - (b.unanswered_ms ? 0 : 1) || (a.due_ms || Infinity) - (b.due_ms || Infinity)
	|| (a.unanswered_ms || a.claimed_ms || 0) - (b.unanswered_ms || b.claimed_ms || 0) || first(a, b);

/** Labels come as a list or as its JSON. */
export function list(tags) {
	if (Array.isArray(tags)) return tags.map(String);
	try {
		const parsed = JSON.parse(tags || '[]');
		return Array.isArray(parsed) ? parsed.map(String) : [];
	} catch {
		return [];
	}
}

const SOON_MS = 60000;

/**
 * The promise of a first reply: null if there is none or it has been kept, else {state, left_ms, text}.
 * Soon is the last fifth of it, and never less than its last minute. In words, as colour alone says nothing.
 */
export function due({ due_ms, unanswered_ms }, now) {
	if (!due_ms || !unanswered_ms) return null;
	const left = due_ms - now;
	if (left <= 0) return { state: 'broken', left_ms: left, text: `late by ${age(-left)}` };
	const soon = left <= Math.max(SOON_MS, (due_ms - unanswered_ms) / 5);
	return { state: soon ? 'soon' : 'ok', left_ms: left, text: soon ? `due soon: ${age(left)}` : `on time: ${age(left)} left` };
}

/** May this agent claim it? The desk says so of each; without its word yet, the server decides. */
export const claimable = (one) => one?.state === 'waiting' && (!one.rank || !!one.claimable);

/** What else an agent should know at a glance, in words. */
export function marks(one, me) {
	const found = [];
	if (one.to_agent) found.push(one.to_agent === me ? 'for you' : `for ${one.to_agent}`);
	if (one.state === 'claimed' && one.agent === me && one.unanswered_ms) found.push('unanswered');
	if (one.draft) found.push('draft');
	if (one.ticket) found.push('ticket: answer later');
	if (one.abandoned) found.push('gave up waiting');
	else if (one.queued_ms && !one.present) found.push('away');
	if (one.tier) found.push(one.tier);
	if (one.language) found.push(one.language);
	return found;
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
