// SPDX-License-Identifier: Apache-2.0
//
// What the frames of one session add up to: the list of things to show. Pure, no DOM, no clock but
// the frames' own. The widget and the console fold the same way; the console asks for `everything`
// and gets each event as a row besides.
//
// Surprising: a replay, a second tab and a restarted server all repeat things. So every step is
// idempotent: messages go by their id, text by its byte offset, events by their seq.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const utf8Length = (text) => encoder.encode(text).length;

/** An answer's id is "<turn>-<attempt>"; the turn is the seq of the message it answers. */
const turnOf = (id) => Number(/^(\d+)-\d+$/.exec(id)?.[1] ?? 0);

/* Events that the customer reads about where they happened. */
const NOTICE = /^(answer_superseded|case_(queued|claimed|released|transferred)|handback_approved|human_offered|ticket_left|message_captured|automation_resumed|session_(resolved|erased))$/;

export class Conversation {
	items = []; // in the order to show; each {key, kind, text, seq, ts, rev, ...}
	seq = 0; // resume after this one
	owner = 'bot';
	running = false; // the bot works on an answer
	typing = null; // {who, name} who is typing now
	agent = '';
	mode = null; // {mode, what, text, until_ms}: works in a limited way, and says so
	looking = false; // the bot looks something up for its answer
	place = null; // in the queue: {position, waiting, wait_ms?, open, opens_ms?, agents}, as far as told
	ticket = false; // the customer left an address instead of waiting
	disclosure = '';
	#byKey = new Map();
	#made = 0;
	#owned = 0; // seq of the newest change of owner
	#limited = 0; // seq of the newest change of mode
	#resynced = new Set();
	#files = { customer: [], human: [] }; // came before the message they belong to
	#known = new Set(); // attachments seen
	#everything; // not in the widget

	constructor({ everything = false } = {}) { this.#everything = everything; } // not in the widget

	get(key) {
		return this.#byKey.get(key);
	}

	/** Own message, shown at once; `state` follows the outbox until it has a seq. */
	pending(id, text, ts, kind = 'customer', files = []) {
		return this.#item(`c-${id}`, kind, { text, bytes: utf8Length(text), ts, files, own: true, state: 'queued', final: true });
	}

	remove(key) { this.#drop((item) => item.key === key); } // not in the widget

	/** Something changed on an item from outside. */
	touch(item, change) {
		Object.assign(item, change);
		item.rev++;
	}

	acked(id, seq) {
		this.seq = Math.max(this.seq, seq);
		const item = this.get(`c-${id}`);
		if (item) this.touch(item, { seq, state: 'acked', files: this.#filesOf(item) });
		this.#sort();
	}

	/** A new connection: who was busy is unknown, and half answers may never be finished. */
	reconnecting() {
		this.running = this.looking = false;
		this.typing = this.place = null;
		for (const item of this.items) if (!item.final) item.stale = true;
	}

	/** The replay is complete: `frame` is `caught_up`. */
	caughtUp({ seq, owner }) {
		this.seq = Math.max(this.seq, seq ?? 0);
		if (owner) this.owner = owner;
	}

	/**
	 * Takes an `ev` frame. Gives back what is worth a word: {item, finished}, {notice}, {gap: true}
	 * when text is missing and the caller must resume, or {}.
	 */
	apply({ ev, seq = 0, ts = 0, off }) {
		const told = this.#step(ev, seq, ts, off);
		if (told.gap) return told; // not taken: a resume brings it again
		if (seq > this.seq) this.seq = seq;
		return told;
	}

	#step(ev, seq, ts, off) {
		switch (ev.type) {
		case 'RUN_STARTED':
		case 'RUN_FINISHED':
		case 'RUN_ERROR':
			this.running = ev.type === 'RUN_STARTED';
			this.looking = false;
			return {};
		case 'STEP_STARTED':
		case 'STEP_FINISHED':
		case 'TOOL_CALL_START':
		case 'TOOL_CALL_RESULT':
			this.looking = /START/.test(ev.type);
			return {};
		case 'ACTIVITY_SNAPSHOT':
			return this.#activity(ev);
		case 'TEXT_MESSAGE_START':
			return this.#start(ev);
		case 'TEXT_MESSAGE_CONTENT':
			return this.#content(ev, off ?? 0);
		case 'TEXT_MESSAGE_END':
			return this.#end(ev, seq, ts);
		case 'CUSTOM':
			return this.#custom(ev, seq, ts);
		}
		return {}; // an AG-UI event that a newer server sends
	}

	/* The place is told anew whenever it changes; it is no part of the log. */
	#activity({ activityType, content }) {
		if (activityType !== 'QUEUE' || this.owner !== 'queue') return {};
		const before = this.place?.position;
		this.place = content;
		return content.position === before ? {} : { place: content };
	}

	/* What was attached since the last message of this kind belongs to this one. */
	#filesOf(item) {
		const files = this.#files[item.kind];
		if (!files?.length) return item.files ?? [];
		this.#files[item.kind] = [];
		return files;
	}

	#item(key, kind, fields) {
		let item = this.#byKey.get(key);
		if (!item) {
			item = { key, kind, made: this.#made++, rev: 0, text: '', bytes: 0 };
			this.#byKey.set(key, item);
			this.items.push(item);
		}
		this.touch(item, fields);
		this.#sort();
		return item;
	}

	#drop(test) {
		this.items = this.items.filter((item) => !test(item) || !this.#byKey.delete(item.key));
	}

	/* Durable things by seq. In the widget an answer stays below its question, so that it does not
	 * jump when the customer writes on while it streams; agents see the log as it is. */
	#sort() {
		const place = (item) => {
			const turn = this.#everything ? 0 : turnOf(item.key);
			return item.place || (turn ? turn + 0.5 : item.seq || Infinity);
		};
		this.items.sort((a, b) => {
			const [x, y] = [place(a), place(b)];
			return x === y ? a.made - b.made : x - y;
		});
	}

	#start({ messageId, role }) {
		const known = this.get(messageId);
		if (known) {
			known.stale = false;
			return {};
		}
		this.#drop((item) => item.stale); // the half answer of before is not coming back
		const kind = role === 'user' ? 'customer' : messageId.startsWith('s') ? 'human' : 'bot';
		this.#item(messageId, kind, { final: false });
		return {};
	}

	#content({ messageId, delta }, off) {
		const item = this.get(messageId);
		if (!item || item.final) return {};
		if (off > item.bytes) return this.#gap(messageId);
		const kept = off === item.bytes ? item.text : decoder.decode(encoder.encode(item.text).subarray(0, off));
		this.touch(item, { text: kept + delta, bytes: off + utf8Length(delta) });
		this.looking = false;
		if (item.kind === 'human') this.typing = null;
		return { item };
	}

	/* Once per message: if the server itself miscounts, the text is shown as it came. */
	#gap(messageId) {
		if (this.#resynced.has(messageId)) return {};
		this.#resynced.add(messageId);
		return { gap: true };
	}

	#end({ messageId, metadata }, seq, ts) {
		const { author, origin, bytes, sources, ...rest } = metadata?.baton ?? {};
		const item = this.get(messageId);
		if (!item) return this.#gap(messageId);
		if (!item.final && bytes !== undefined && bytes !== item.bytes) {
			const told = this.#gap(messageId);
			if (told.gap) {
				this.touch(item, { text: '', bytes: 0 });
				return told;
			}
		}
		const again = item.final && item.seq > 0;
		const kind = author?.kind ?? item.kind;
		this.touch(item, { kind });
		this.#item(messageId, kind, { final: true, files: this.#filesOf(item), stale: false, seq, ts, origin, rest, state: 'acked',
			sources: Array.isArray(sources) ? sources : [], name: author?.name ?? '' });
		if (kind === 'bot') this.#drop((other) => !other.final && turnOf(other.key) === turnOf(messageId));
		if (kind === 'human') this.typing = null;
		return again ? {} : { item, finished: true };
	}

	#custom({ name, value = {} }, seq, ts) {
		if (name === 'baton.typing') {
			this.typing = value;
			return { typing: value };
		}
		const what = name.replace(/^baton\./, '');
		if (this.get(`e${seq}`)) return {}; // known from before
		if (what === 'answer_superseded') {
			const key = `${value.turn}-${value.attempt}`;
			const shown = this.get(key)?.text;
			this.#drop((item) => item.key === key);
			if (!shown && !this.#everything) return {};
		}
		if (what === 'attachment_added' && !this.#known.has(value.attachment)) {
			this.#known.add(value.attachment);
			this.#files[value.by]?.push(value);
		}
		if (what === 'ticket_left') this.ticket = true;
		if (what === 'disclosure_made') this.disclosure = value.text ?? '';
		if (seq > this.#owned) this.#own(what, value, seq);
		if (what.startsWith('mode_') && seq > this.#limited) this.#limit(what, value, seq, ts);
		if (this.#everything) return { item: this.#item(`e${seq}`, 'event', { what, value, seq, ts, final: true }) };
		if (!NOTICE.test(what)) return {};
		// A withdrawal is told where the text stood: above the answer that takes its place.
		const place = what === 'answer_superseded' ? value.turn + 0.4 : 0;
		// A mode's sentence is read above the conversation already: not twice.
		const text = what === 'message_captured' && value.text === this.mode?.text ? '' : value.text ?? '';
		return { notice: this.#item(`e${seq}`, 'notice', { what, value, text, seq, ts, place, final: true }) };
	}

	/* A mode that follows another one is told by its own beginning alone. */
	#limit(what, value, seq, ts) {
		this.#limited = seq;
		if (what === 'mode_entered') this.mode = { ...value, ts };
		else if (value.mode === this.mode?.mode) this.mode = null;
	}

	/* Who speaks for the house from here on. */
	#own(what, value, seq) {
		const owner = { case_queued: 'queue', case_released: 'queue', case_transferred: 'queue', case_claimed: 'agent', handback_approved: 'bot', automation_resumed: 'bot', session_resolved: 'bot' }[what];
		if (!owner) return;
		this.#owned = seq;
		this.owner = owner;
		this.agent = value.agent_name ?? '';
		this.running = this.looking = false;
		this.typing = null;
		if (owner !== 'queue') {
			this.place = null;
			this.ticket = false;
		}
		if (owner !== 'bot') this.#drop((item) => item.kind === 'bot' && !item.final);
	}
}
