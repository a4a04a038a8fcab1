// SPDX-License-Identifier: Apache-2.0
//
// Everything that can be done from the keyboard, in one table: keys, palette and help are made of it.
// `when` says whether it makes sense now. Keys of two letters ("g o") are pressed one after the other.

/** `at` is the console: see console.js. */
export function commandsOf(at) {
	const own = () => at.own();
	const entry = () => at.entry();
	const verb = (name) => () => at.verbs().includes(name);
	return [
		{ title: 'Next case', key: 'j', run: () => at.move(1) },
		{ title: 'Previous case', key: 'k', run: () => at.move(-1) },
		{ title: 'Open the case', key: 'o', run: () => at.openFocused() },
		{ title: 'Claim the case', key: 'c', when: verb('claim'), run: () => at.ask('claim') },
		{ title: 'Take over the case', when: verb('take'), run: () => at.ask('take') },
		{ title: 'Reply to the customer', key: 'r', when: own, run: () => at.composer.begin('reply') },
		{ title: 'Note among agents', key: 'n', when: own, run: () => at.composer.begin('note') },
		{ title: 'Resolve the case', key: 'e', when: verb('resolve'), run: () => at.ask('resolve') },
		{ title: 'Resolve and go to the next', key: 'Shift+E', when: verb('resolve'), run: () => at.resolveNext() },
		{ title: 'Transfer the case', key: 't', when: verb('transfer'), run: () => at.ask('transfer') },
		{ title: 'Suggest a reply', key: 's', when: own, run: () => at.composer.suggest() },
		{ title: 'Hand back to the bot', when: verb('handback'), run: () => at.ask('handback') },
		{ title: 'Back to the queue', when: verb('release'), run: () => at.ask('release') },
		{ title: 'Accept the draft and send it', when: () => own() && at.draft(), run: () => at.review('accept') },
		{ title: 'Edit the draft', key: 'd', when: () => own() && at.draft(), run: () => at.review('edit') },
		{ title: 'Reject the draft', when: () => own() && at.draft(), run: () => at.review('reject') },
		{ title: 'Approve what the bot proposes to do', when: () => own() && at.proposal(), run: () => at.leave('approve') },
		{ title: 'Reject what the bot proposes to do', when: () => own() && at.proposal(), run: () => at.leave('reject') },
		{ title: 'Prepared texts', when: () => own() && at.composer.canned.length > 0, run: () => { at.composer.begin('reply'); at.composer.openCanned(); } },
		{ title: 'Accept the offer', key: 'y', when: () => at.offers.size > 0, run: () => at.accept(at.offers.first) },
		{ title: 'Decline the offer', when: () => at.offers.size > 0, run: () => at.decline(at.offers.first) },
		{ title: 'Available or away', key: 'g s', run: () => at.toggleStatus() },
		{ title: 'Cases: mine', key: 'g m', run: () => at.tab('mine') },
		{ title: 'Cases: waiting', key: 'g w', run: () => at.tab('waiting') },
		{ title: 'Cases: all', key: 'g a', run: () => at.tab('all') },
		{ title: 'Why am I here', key: 'g i', when: () => !!at.room, run: () => at.focusWhy() },
		{ title: 'Transcript', key: 'g t', when: () => !!at.room, run: () => at.focusLog() },
		{ title: 'Technical events: show or hide', key: 'g d', when: () => !!at.room, run: () => at.toggleTechnical() },
		{ title: 'Overview of queues and people', key: 'g o', when: () => at.supervisor(), run: () => at.showOverview() },
		{ title: 'Close the case', key: 'u', when: () => !!entry() || !!at.room, run: () => at.close() },
		{ title: 'Keys', key: '?', run: () => at.help() },
		{ title: 'Sign out', run: () => at.signOut() },
	];
}

/** Of a keydown: 'e', 'Shift+E', '?' ... */
export const nameOf = ({ key, shiftKey }) => (/^[a-z]$/i.test(key) ? (shiftKey ? `Shift+${key.toUpperCase()}` : key.toLowerCase()) : key);

const SECOND_MS = 1500;

/** Follows keys: gives the command that they are. Pure. */
export class Keys {
	#first = ''; #at = 0;

	/** The command, or null; `waits` when a second key is expected. */
	press(name, now, commands) {
		const key = this.#first && now - this.#at < SECOND_MS ? `${this.#first} ${name}` : name;
		this.#first = '';
		const possible = commands.filter((one) => one.key && (!one.when || one.when()));
		const found = possible.find((one) => one.key === key);
		if (found) return { command: found };
		if (possible.some((one) => one.key.startsWith(`${key} `))) {
			this.#first = key;
			this.#at = now;
			return { command: null, waits: true };
		}
		return { command: null };
	}
}
