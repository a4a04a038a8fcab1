// SPDX-License-Identifier: Apache-2.0
//
// What the widget remembers. localStorage holds the session to resume, one per server and page
// origin, shared by all tabs; sessionStorage holds what belongs to one tab: unsent messages, the
// draft, whether the panel is open. Nothing is written before the visitor opens the panel or sends.
// Where storage is forbidden or full, the chat works on without a memory.

const read = (storage, key) => {
	try {
		return JSON.parse(globalThis[storage].getItem(key)) ?? null;
	} catch {
		return null;
	}
};

function write(storage, key, value) {
	try {
		if (value === null) globalThis[storage].removeItem(key);
		else globalThis[storage].setItem(key, JSON.stringify(value));
	} catch {
		// Forbidden or full: see above.
	}
}

export class Store {
	#key;

	constructor(base) {
		this.#key = `baton:${base}`;
	}

	/** {session, token, read} or null. */
	get session() {
		const value = read('localStorage', this.#key);
		return typeof value?.session === 'string' && typeof value.token === 'string' ? value : null;
	}

	set session(value) {
		write('localStorage', this.#key, value);
	}

	/** {open, draft, outbox: [frames]} of this tab. */
	get tab() {
		return read('sessionStorage', this.#key) ?? {};
	}

	set tab(value) {
		write('sessionStorage', this.#key, value);
	}

	/** Calls back when another tab begins, changes or forgets the session, until the signal ends it. */
	onSession(fn, signal) {
		const changed = ({ key, storageArea }) => (key ?? this.#key) === this.#key && storageArea === globalThis.localStorage && fn();
		addEventListener('storage', changed, { signal });
	}
}
