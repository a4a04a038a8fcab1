// SPDX-License-Identifier: Apache-2.0
//
// What an admin does: each act is confirmed in a dialog with a reason, sent, and told in the list at the end
// of the page. The server decides, and writes it into the operations log under the admin's name.

import { $, h } from './dom.js';
import { clock } from './words.js';

const LISTED = 50;
let pending = null;

/**
 * Asks, and does it: {title, what, request, fields?}. fields: [{name, label, value?, options?, type?}]; request is
 * the line of the control socket, or a function of the fields' values that gives it.
 */
export function confirm(link, act) {
	pending = { link, act };
	$('act-title').textContent = act.title;
	$('act-what').textContent = act.what;
	$('act-fields').replaceChildren(...(act.fields ?? []).flatMap((field) => {
		const id = `act-${field.name}`;
		const input = field.options
			? h('select', { id, name: field.name }, ...field.options.map(([value, text]) => h('option', { value }, text)))
			: h('input', { id, name: field.name, type: field.type ?? 'text', value: field.value, min: field.min, max: field.max, required: true, autocomplete: 'off' });
		return [h('label', { for: id }, field.label), input];
	}));
	$('act-why').value = '';
	$('act-yes').textContent = act.verb ?? act.title;
	$('act').showModal();
	($('act-fields').querySelector('input, select') ?? $('act-why')).focus();
}

async function go() {
	const { link, act } = pending;
	const values = Object.fromEntries([...$('act-fields').querySelectorAll('input, select')].map((field) => [field.name, field.value]));
	const request = { ...(typeof act.request === 'function' ? act.request(values) : act.request), why: $('act-why').value.trim() };
	$('act').close();
	const line = h('li', {}, `${clock(Date.now())} ${act.title}: …`);
	$('acts').prepend(line);
	while ($('acts').children.length > LISTED) $('acts').lastElementChild.remove();
	const answer = await link.ask(request);
	line.className = answer.ok ? '' : 'bad';
	line.textContent = `${clock(Date.now())} ${act.title}: ${answer.ok ? (answer.text ?? (answer.durable === false ? answer.note : 'done')) : (answer.error?.message ?? answer.error?.code ?? 'refused')}`;
}

export function setUp() {
	$('act-form').addEventListener('submit', (event) => { event.preventDefault(); go(); });
	$('act-no').addEventListener('click', () => $('act').close());
}
