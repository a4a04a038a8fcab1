// SPDX-License-Identifier: Apache-2.0
//
// The page before anybody is here, and the way in and out. A login that ended by itself keeps what was
// written, for the same person alone: frames.js looks who comes.

import { setText } from '/w/1/dom.js';
import { logIn, logOut, tokenFromHash, whoIsIt } from './login.js';
import { at } from './state.js';

const AGAIN_MS = 2000;
const WORDS = { unauthorized: 'This token is not known here.', unreachable: 'The server cannot be reached.', rate_limited: 'Too many tries. Please wait a minute.' };
const $ = (id) => document.getElementById(id);

/** act: {connect(), forget()} */
export class SignIn {
	#act;

	constructor(act) {
		this.#act = act;
		$('sign-in-form').addEventListener('submit', (event) => { event.preventDefault(); this.#in($('token').value.trim()); });
		$('sign-out').addEventListener('click', () => this.out());
		addEventListener('hashchange', () => {
			const token = tokenFromHash();
			if (!token) return;
			at.transport?.stop();
			act.forget();
			this.#in(token);
		});
	}

	/** By the token of the link, by the cookie, else by asking. */
	async begin() {
		const token = tokenFromHash();
		if (token) return this.#in(token);
		const who = await whoIsIt();
		if (who === undefined) setTimeout(() => this.begin(), AGAIN_MS);
		else if (who) this.#connect();
		else this.ask();
	}

	async #in(token) {
		const code = await logIn(token);
		if (code) this.ask(WORDS[code] ?? `The server refused it: ${code}.`);
		else this.#connect();
	}

	#connect() {
		$('sign-in').hidden = true;
		$('app').hidden = $('sign-out').hidden = $('desk-bar').hidden = false;
		this.#act.connect();
	}

	/** The form, and why it is there. */
	ask(why = '') {
		at.transport?.stop();
		at.transport = null;
		$('app').hidden = $('sign-out').hidden = $('desk-bar').hidden = $('admin').hidden = $('admin-only').hidden = true;
		$('sign-in').hidden = false;
		for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
		setText($('connection'), '');
		setText($('me'), '');
		setText($('sign-in-error'), why);
		$('token').value = '';
		$('token').focus();
	}

	async out() {
		at.transport?.stop();
		await logOut();
		this.#act.forget();
		this.ask();
	}
}
