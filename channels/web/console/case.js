// SPDX-License-Identifier: Apache-2.0
//
// The head of the open case: what it is, the promise, and what may be done with it.

import { h, setAttr, setText } from '/w/1/dom.js';
import { age, due } from './desk.js';
import { VERBS, standing, verbsOf } from './verbs.js';

const $ = (id) => document.getElementById(id);

export function drawHead(room, entry, { own, supervisor, title, ask }) {
	setText($('room-title'), entry ? `${title}, priority ${entry.priority}` : 'Conversation');
	const promise = entry && due(entry, Date.now());
	const chip = $('room-due');
	chip.hidden = !promise;
	setText(chip, promise ? promise.text : '');
	if (promise) chip.dataset.due = promise.state;
	chip.className = 'due';
	drawMode(room);
	const want = verbsOf(entry, own, supervisor);
	drawVerbs(want, room.verb, ask);
	setText($('not-mine'), standing(entry, own, want, title));
	setText($('busy'), room.talk.typing?.who === 'customer' ? 'The customer is typing…' : room.talk.running ? 'The bot is answering…' : '');
}

/** The degraded mode with trigger and age. */
export function drawMode(room) {
	const { mode } = room.talk;
	$('room-mode').hidden = !mode;
	setText($('room-mode'), mode ? [`mode ${mode.mode}`, mode.trigger, mode.ts && age(Date.now() - mode.ts)].filter(Boolean).join(' · ') : '');
}

function drawVerbs(want, busy, ask) {
	const key = `${want} ${busy}`;
	if ($('verbs').dataset.drawn === key) return;
	$('verbs').dataset.drawn = key;
	const held = $('verbs').contains(document.activeElement) && document.activeElement.dataset.verb;
	$('verbs').replaceChildren(...want.map((verb) => h('button', { type: 'button', class: verb === 'claim' && 'primary', 'data-verb': verb, 'aria-disabled': busy ? 'true' : null, 'aria-busy': busy === verb ? 'true' : null, onclick: () => !busy && ask(verb) }, VERBS[verb])));
	if (held) ($('verbs').querySelector(`[data-verb="${held}"]`) ?? $('verbs').querySelector('button') ?? $('log')).focus();
	setAttr($('verbs'), 'aria-label', want.length ? 'What can be done' : null);
}
