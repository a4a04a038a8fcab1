// SPDX-License-Identifier: Apache-2.0
//
// Two questions that are asked before a case leaves its agent: how it ended, and where it goes.

import { h } from '/w/1/dom.js';

const CODES = [['solved', 'solved'], ['answered', 'answered'], ['no_answer_needed', 'no answer needed'], ['no_reply', 'the customer did not come back'], ['duplicate', 'duplicate'], ['spam', 'spam']];
const $ = (id) => document.getElementById(id);

/** What stands on the button that closed the dialog; '' for Escape. */
function asked(dialog) {
	dialog.returnValue = '';
	dialog.showModal();
	return new Promise((go) => dialog.addEventListener('close', () => go(dialog.returnValue === 'cancel' ? '' : dialog.returnValue), { once: true }));
}

/** {code, next}, or null. */
export async function askResolve() {
	if (!$('resolve-codes').children.length) $('resolve-codes').append(...CODES.map(([value, label]) => h('option', { value, label })));
	$('resolve-code').value = 'solved';
	const answer = asked($('resolve'));
	$('resolve-code').select();
	const word = await answer;
	return word ? { code: $('resolve-code').value.trim().replace(/\s+/g, '_').toLowerCase(), next: word === 'next' } : null;
}

/** {queue?, agent?, reason?}, or null. `title` says what is transferred. */
export async function askTransfer({ title, queue, queues, agents }) {
	$('transfer-title').textContent = title;
	$('transfer-queue').replaceChildren(...queues.map(({ name, title: words }) => h('option', { value: name, selected: name === queue }, words || name)));
	$('transfer-agent').replaceChildren(h('option', { value: '' }, 'whoever is next'), ...agents.map(({ id, name, state }) => h('option', { value: id }, `${name} (${state})`)));
	$('transfer-reason').value = '';
	const word = await asked($('transfer'));
	if (!word) return null;
	const [to, agent, reason] = [$('transfer-queue').value, $('transfer-agent').value, $('transfer-reason').value.trim()];
	if (!agent && to === queue && title.startsWith('Transfer the case')) return null; // nothing would change
	return { ...(to && { queue: to }), ...(agent && { agent }), ...(reason && { reason }) };
}
