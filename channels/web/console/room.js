// SPDX-License-Identifier: Apache-2.0
//
// One case on an agent's screen, without the screen: its conversation, what the agent is writing and
// since when, which verb waits for an answer. Pure. The rule it holds: a reply states the newest
// customer message its writer can have read. `typed` is the seq known when the writing began; what
// the customer said since is counted by `missed`, and nothing goes out over it without being asked.

export class Room {
	text = '';
	mode = 'reply';
	typed = 0; // seq when the present text was begun, 0 if there is none
	editing = 0; // seq of the draft whose text is being edited
	verb = ''; // claim, release, ...: asked of the server, not answered yet
	ready = false; // the transcript is complete up to now
	conflict = null; // the frame that may be sent anyway
	package = null; // the case package, once it was told
	suggesting = false; // a draft was asked for
	files = []; // attached to the next reply: {id, name, bytes} and, on their way, {name, state, why}
	sent = []; // files of the newest reply that had some, should it come back
	was = false; // the agent's own when the connection went
	claimed = false; // just now, by the agent here: the text field is wanted
	next = false; // when it is resolved, the next one is wanted

	/** talk: a Conversation of everything. */
	constructor(session, talk) {
		this.session = session;
		this.talk = talk;
	}

	/** The agent typed. */
	write(text) {
		if (!this.text && text) this.typed = this.talk.seq;
		this.text = text;
		if (!text) this.typed = this.editing = 0;
	}

	/** Customer messages since the agent began to write, or since `seq`. */
	missed(seq = this.typed) {
		return this.news(seq).length;
	}

	/** What the customer said since, to be read before anything is sent. */
	news(seq = this.typed) {
		return seq ? this.talk.items.filter((item) => item.kind === 'customer' && item.seq > seq) : [];
	}

	/** The newest thing of this kind of event, or undefined. */
	last(what) {
		return this.talk.items.findLast((item) => item.what === what);
	}

	/** The draft that waits for review: {seq, value} or null. */
	draft() {
		const proposed = this.last('draft_proposed');
		const reviewed = proposed && this.talk.items.some((item) => item.what === 'draft_reviewed' && Number(item.value.draft) === proposed.seq);
		return proposed && !reviewed ? proposed : null;
	}

	/** Calls of tools that wait for a person's leave: as draft(), oldest first. */
	proposals() {
		const reviewed = new Set(this.talk.items.filter((item) => item.what === 'tool_reviewed').map((item) => Number(item.value.proposal)));
		const settled = this.last('session_resolved')?.seq ?? 0;
		return this.talk.items.filter((item) => item.what === 'tool_proposed' && item.seq > settled && !reviewed.has(item.seq));
	}

	/** Our own frame became event `seq`. The server tells it by ack alone; here it joins the others. */
	acked({ id, seq }, frame, name, now) {
		this.talk.remove(`c-${id}`);
		const text = frame.text;
		if (frame.t === 'tag') {
			this.talk.apply({ seq, ts: now, ev: { type: 'CUSTOM', name: 'baton.case_tagged', value: { client_id: id, agent: name, tags: frame.tags } } });
		} else if (frame.t === 'note') {
			this.talk.apply({ seq, ts: now, ev: { type: 'CUSTOM', name: 'baton.note_added', value: { client_id: id, agent: name, text } } });
		} else if (frame.t === 'reply' && !this.talk.get(`s${seq}`)) {
			const messageId = `s${seq}`;
			const metadata = { baton: { author: { kind: 'human', name } } };
			for (const ev of [{ type: 'TEXT_MESSAGE_START', messageId, role: 'assistant' }, { type: 'TEXT_MESSAGE_CONTENT', messageId, delta: text }])
				this.talk.apply({ ev });
			this.talk.apply({ seq, ts: now, ev: { type: 'TEXT_MESSAGE_END', messageId, metadata } });
		}
	}
}
