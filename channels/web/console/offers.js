// SPDX-License-Identifier: Apache-2.0
//
// What the desk offers to this agent, with the time that is left. An offer is an invitation: accepting is
// claiming, and somebody else may be faster.

import { arrange, h, setText } from '/w/1/dom.js';
import { age } from './desk.js';

export class Offers {
	#root; #act; #all = new Map();

	/** act: {accept(session), decline(session), about(session) -> case, say(text), focus()} */
	constructor(root, act) {
		this.#root = root;
		this.#act = act;
	}

	clear() {
		this.#all.clear();
		this.#root.replaceChildren();
	}

	get size() {
		return this.#all.size;
	}

	/** The newest offer, for the key. */
	get first() {
		return [...this.#all.keys()][0];
	}

	/** An `offer` frame. */
	take({ session, until_ms: until }, now) {
		if (!until || until <= now) return this.drop(session);
		const known = this.#all.get(session);
		this.#all.set(session, { until, node: known?.node ?? this.#make(session) });
		if (!known) this.#act.say(`A case is offered to you: ${this.#act.about(session)?.reason || 'no reason given'}.`);
		this.draw(now);
	}

	drop(session) {
		const one = this.#all.get(session);
		if (!one) return;
		const held = one.node.contains(document.activeElement);
		this.#all.delete(session);
		one.node.remove();
		if (held) this.#act.focus();
	}

	/** Each second: the time runs; what is over goes. */
	draw(now) {
		for (const [session, { until }] of this.#all) if (until <= now) this.drop(session);
		arrange(this.#root, [...this.#all.values()].map(({ node }) => node));
		for (const [session, { until, node }] of this.#all) {
			const one = this.#act.about(session);
			setText(node.querySelector('.offer-what'), one ? `${one.queue} · P${one.priority} · ${one.reason || 'no reason given'}` : 'a case');
			setText(node.querySelector('.offer-left'), `${age(until - now)} left`);
		}
	}

	#make(session) {
		return h('section', { class: 'offer', 'aria-label': 'Offer' }, h('p', {}, h('b', {}, 'Offered to you'), ' ', h('span', { class: 'offer-left' })), h('p', { class: 'offer-what', dir: 'auto' }),
			h('p', { class: 'row' }, h('button', { type: 'button', class: 'primary', onclick: () => this.#act.accept(session) }, 'Accept'), h('button', { type: 'button', onclick: () => this.#act.decline(session) }, 'Decline')));
	}
}
