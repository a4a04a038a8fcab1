// SPDX-License-Identifier: Apache-2.0
//
// What is said aloud: one sentence at a time, politely. New cases that come together are one sentence,
// and no more than one in ten seconds; else a full desk would talk all day.

const EVERY_MS = 10000;
const GATHER_MS = 300;

export class News {
	#node; #count = 0; #text = ''; #timer = 0; #said = 0;

	constructor(node) {
		this.#node = node;
	}

	say(text) {
		this.#node.textContent = text;
	}

	/** A case has begun to wait. */
	waits({ reason, queue }) {
		this.#count++;
		this.#text = `New case: ${reason || queue}`;
		this.#timer ||= setTimeout(() => this.#tell(), Math.max(GATHER_MS, this.#said + EVERY_MS - Date.now()));
	}

	#tell() {
		this.say(this.#count === 1 ? this.#text : `${this.#count} new cases`);
		this.#count = this.#timer = 0;
		this.#said = Date.now();
	}
}
