// SPDX-License-Identifier: Apache-2.0
//
// The agent's own line in the bar: available or away, and how many cases of how many. What was just
// chosen is shown until the desk has had time to answer; and if the desk sets somebody to away who
// does not answer offers, that is said.

import { setAttr, setText } from '/w/1/dom.js';
import { at, send } from './state.js';

const CHOSEN_MS = 2500;
const $ = (id) => document.getElementById(id);

export class Status {
	#say; #state = ''; #chosen = 0; #why = '';
	available = true;

	constructor(say) {
		this.#say = say;
	}

	toggle() {
		this.available = !this.available;
		this.#why = '';
		this.#chosen = Date.now();
		send({ t: 'status', available: this.available });
		this.#say(this.available ? 'You are available.' : 'You are away.');
	}

	/** A new connection begins as available. */
	again() {
		this.#state = '';
		if (!this.available) send({ t: 'status', available: false });
	}

	/** The desk's word on this agent. */
	told(state) {
		const before = this.#state;
		this.#state = state ?? '';
		if (Date.now() - this.#chosen < CHOSEN_MS) return;
		if (state === 'available') this.available = true;
		else if (state === 'away' && before === 'available' && this.available) {
			this.available = false;
			this.#why = 'offers were not answered';
			this.#say(`You are set to away: ${this.#why}.`);
		}
	}

	/** own: the entry of the overview, if there is one; held: cases of the agent. */
	draw(own, held) {
		if (!at.me) return;
		const on = this.available;
		setText($('status'), on ? '● Available' : `○ Away${this.#why ? `: ${this.#why}` : ''}`);
		setAttr($('status'), 'aria-pressed', String(on));
		setAttr($('status'), 'title', on ? 'Cases are offered to you' : 'No case is offered to you');
		const capacity = own?.capacity ?? 0;
		setText($('load-text'), capacity ? `${held} of ${capacity} cases` : `${held} ${held === 1 ? 'case' : 'cases'}`);
		const meter = $('load-meter');
		meter.hidden = !capacity;
		meter.max = meter.high = capacity || 1;
		meter.value = Math.min(held, capacity || 1);
	}
}
