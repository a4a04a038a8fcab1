// SPDX-License-Identifier: Apache-2.0
//
// Where an agent writes: replies and notes, the edited draft with what was changed in it, prepared
// texts by "/", files, and the question that comes first when the customer wrote on meanwhile. What is
// sent, and under which seq, is decided by Room; this file shows it and sends it through `act`.

import { ulid } from '/w/1/transport.js';
import { render } from '/w/1/text.js';
import { h, setAttr, setText } from '/w/1/dom.js';
import { size } from './events.js';
import { refusal, upload } from './files.js';
import { changes, matches, slash } from './words.js';

const TYPING_EVERY_MS = 3000;
const $ = (id) => document.getElementById(id);

export class Composer {
	#act; #typed = 0; #choices = []; #at = 0; #filesKey = ''; #previewKey = '';
	room = null;
	canned = [];
	limits = null; // of attachments

	/** act: {mine(room), post(frame, room), send(frame), draw(), banner(text), jump(seq)} */
	constructor(act) {
		this.#act = act;
		$('composer').addEventListener('submit', (event) => { event.preventDefault(); this.submit(); });
		$('text').addEventListener('input', () => this.#input());
		$('text').addEventListener('keydown', (event) => this.#key(event));
		$('text').addEventListener('blur', () => this.#offer([]));
		$('mode').addEventListener('change', (event) => this.mode(event.target.value));
		$('preview').addEventListener('toggle', () => act.draw());
		$('suggest').addEventListener('click', () => this.suggest());
		$('canned-open').addEventListener('click', () => this.openCanned());
		$('file').addEventListener('change', () => { this.attach([...$('file').files]); $('file').value = ''; });
		$('text').addEventListener('paste', (event) => { if (event.clipboardData.files.length) { event.preventDefault(); this.attach([...event.clipboardData.files]); } });
	}

	/** Another case: its own text and mode come back. */
	show(room) {
		this.room = room;
		this.#offer([]);
		$('text').value = room?.text ?? '';
		if (room) this.mode(room.mode);
	}

	mode(mode) {
		this.room.mode = mode;
		for (const radio of document.querySelectorAll('[name=mode]')) radio.checked = radio.value === mode;
		$('text').setAttribute('aria-label', mode === 'note' ? 'Note among agents' : 'Reply to the customer');
		this.#act.draw();
	}

	/** Begins a reply or a note. */
	begin(mode) {
		this.mode(mode);
		$('text').focus();
	}

	write(text) {
		$('text').value = text;
		this.room.write(text);
		this.#act.draw();
	}

	/** The text of a draft is put into the field; what is sent then is the edited draft. */
	edit(draft) {
		this.write(String(draft.value.text ?? ''));
		this.room.editing = draft.seq;
		this.begin('reply');
	}

	suggest() {
		const { room } = this;
		if (!this.#act.mine(room) || room.suggesting) return;
		room.suggesting = this.#act.send({ t: 'suggest', session: room.session });
		this.#act.draw();
	}

	submit() {
		const { room } = this;
		const text = room?.text.trim();
		if (!text || !this.#act.mine(room)) return;
		const base = { session: room.session, id: ulid(), text };
		if (room.mode === 'note') return this.#post({ t: 'note', ...base });
		if (room.editing) return this.#post({ t: 'draft', ...base, draft: room.editing, action: 'edit' });
		if (room.files.some(({ state }) => state === 'sending')) return this.#act.banner('A file is still on its way.');
		const attachments = room.files.filter(({ id }) => id).map(({ id }) => id);
		const reply = { t: 'reply', ...base, if_seq: room.talk.seq, ...(attachments.length && { attachments }) };
		if (room.missed()) {
			room.conflict = { ...reply, if_seq: room.typed };
			return this.#act.draw();
		}
		this.#post(reply);
	}

	#post(frame) {
		const { room } = this;
		this.write('');
		this.#typed = 0;
		room.conflict = null;
		if (frame.t === 'reply') {
			if (room.files.length) room.sent = room.files;
			room.files = [];
		}
		this.#act.post(frame, room);
		$('text').focus();
	}

	#sendAnyway() {
		const { text, attachments } = this.room.conflict;
		this.#post({ t: 'reply', session: this.room.session, id: ulid(), text, if_seq: this.room.talk.seq, ...(attachments && { attachments }) });
	}

	/** Back to the composer, to be read again beside what is new. */
	#keepWriting() {
		const { room } = this;
		const { conflict } = room;
		room.conflict = null;
		if (!room.text) this.takeBack(conflict);
		room.typed = room.talk.seq;
		this.#act.draw();
		$('text').focus();
	}

	/** What was not sent stands in the field again, files included. */
	takeBack({ text, attachments }) {
		this.write(text);
		if (attachments && !this.room.files.length) this.room.files = this.room.sent.filter(({ id }) => attachments.includes(id));
	}

	#input() {
		const { room } = this;
		room.write($('text').value);
		const now = Date.now();
		if (room.mode === 'reply' && this.#act.mine(room) && now - this.#typed > TYPING_EVERY_MS) {
			this.#typed = now;
			this.#act.send({ t: 'typing', session: room.session });
		}
		const asked = room.mode === 'reply' && slash(room.text, $('text').selectionStart);
		this.#offer(asked ? matches(this.canned, asked.query) : []);
		this.#act.draw();
	}

	#key(event) {
		if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			return this.submit();
		}
		if (!this.#choices.length) return;
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step) {
			this.#at = (this.#at + step + this.#choices.length) % this.#choices.length;
			this.#mark();
		} else if (event.key === 'Enter' || event.key === 'Tab') this.#take(this.#at);
		else if (event.key === 'Escape') this.#offer([]);
		else return;
		event.preventDefault();
		event.stopPropagation();
	}

	// --- prepared texts ---

	openCanned() {
		const field = $('text');
		field.focus();
		if (!slash(field.value, field.selectionStart)) {
			const { selectionStart: at, value } = field;
			const lead = at === 0 || /\s$/.test(value.slice(0, at)) ? '/' : ' /';
			field.setRangeText(lead, at, field.selectionEnd, 'end');
		}
		this.#input();
	}

	#offer(choices) {
		this.#choices = choices;
		this.#at = 0;
		$('canned').hidden = !choices.length;
		$('canned').replaceChildren(...choices.map(({ name, text }, i) => h('li', { role: 'option', id: `canned-${i}`, onmousedown: (event) => { event.preventDefault(); this.#take(i); } }, h('b', {}, `/${name}`), ' ', h('span', { class: 'dim', dir: 'auto' }, text.slice(0, 120)))));
		this.#mark();
	}

	#mark() {
		[...$('canned').children].forEach((option, i) => setAttr(option, 'aria-selected', String(i === this.#at)));
		setAttr($('text'), 'aria-activedescendant', this.#choices.length ? `canned-${this.#at}` : null);
		$('canned').children[this.#at]?.scrollIntoView({ block: 'nearest' });
	}

	#take(at) {
		const field = $('text');
		const asked = slash(field.value, field.selectionStart);
		if (asked) field.setRangeText(this.#choices[at].text, asked.from, field.selectionStart, 'end');
		this.#offer([]);
		this.#input();
	}

	// --- files ---

	async attach(files) {
		const { room } = this;
		await Promise.all(files.map(async (file) => {
			const entry = { name: file.name, bytes: file.size, state: 'sending', why: refusal(file, this.limits) };
			room.files.push(entry);
			if (!entry.why) {
				try {
					const { attachment, name } = await upload(room.session, file);
					Object.assign(entry, { id: attachment, name, state: 'ready' });
				} catch (error) {
					entry.why = error.message;
				}
			}
			if (entry.why) entry.state = 'failed';
			this.#act.draw();
		}));
	}

	// --- drawing ---

	draw(own) {
		const { room } = this;
		$('composer').hidden = !own;
		if (!own) return;
		setText($('send'), room.mode === 'note' ? 'Add note' : room.editing ? 'Send edited draft' : 'Send');
		$('canned-open').hidden = !this.canned.length || room.mode === 'note';
		$('attach').hidden = !this.limits || room.mode === 'note' || !!room.editing;
		$('suggest').hidden = room.mode === 'note';
		$('suggest').disabled = !!room.suggesting;
		setText($('suggest'), room.suggesting ? 'A suggestion is on its way…' : 'Suggest a reply');
		this.#drawPreview();
		this.#drawFiles();
		this.#drawConflict();
	}

	#drawPreview() {
		const { room } = this;
		$('preview').hidden = room.mode === 'note' || !room.text;
		const draft = room.editing && room.talk.get(`e${room.editing}`);
		setText($('preview').firstChild, draft ? 'As the customer sees it, and what you changed' : 'As the customer sees it');
		const key = `${room.editing} ${room.text}`;
		if (!$('preview').open || key === this.#previewKey) return;
		this.#previewKey = key;
		const changed = draft && changes(String(draft.value.text ?? ''), room.text);
		const tags = { gone: 'del', new: 'ins' };
		$('preview').lastElementChild.replaceChildren(...render(room.text), ...(changed ? [h('p', { class: 'changes' }, changed.map(([kind, text]) => (tags[kind] ? h(tags[kind], {}, text) : text)))] : []));
	}

	#drawFiles() {
		const { files } = this.room;
		const key = JSON.stringify(files);
		if (key === this.#filesKey) return;
		this.#filesKey = key;
		$('files').hidden = !files.length;
		$('files').replaceChildren(...files.map((file) => h('li', { class: file.state === 'failed' ? 'bad' : '' }, h('span', { dir: 'auto' }, file.name), ' ', h('span', { class: 'dim' }, file.state === 'failed' ? file.why : file.state === 'sending' ? 'on its way…' : size(file.bytes)), ' ',
			h('button', { type: 'button', class: 'link', 'aria-label': `Remove ${file.name}`, onclick: () => { this.room.files = this.room.files.filter((one) => one !== file); this.#act.draw(); } }, '✕'))));
	}

	/* What was missed stands above the question, so that nobody has to look for it. */
	#drawConflict() {
		const { conflict } = this.room;
		const news = conflict ? this.room.news(conflict.if_seq) : [];
		const key = conflict ? `${conflict.id} ${news.map(({ seq }) => seq)}` : '';
		const box = $('conflict');
		if ((box.dataset.key ?? '') === key) return;
		box.dataset.key = key;
		box.hidden = !conflict;
		if (!conflict) return box.replaceChildren();
		box.replaceChildren(h('p', {}, `${news.length || 'Something'} new since you typed. Send anyway?`),
			...news.slice(-3).map(({ text, seq }) => h('blockquote', { dir: 'auto' }, text.slice(0, 400), ' ', h('button', { type: 'button', class: 'link', 'aria-label': `event ${seq} in the transcript`, onclick: () => this.#act.jump(seq) }, `[${seq}]`))),
			h('p', { class: 'row' }, h('button', { type: 'button', onclick: () => this.#sendAnyway() }, 'Send anyway'), h('button', { type: 'button', class: 'primary', onclick: () => this.#keepWriting() }, 'Keep writing')));
	}
}
