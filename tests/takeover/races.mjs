// SPDX-License-Identifier: Apache-2.0
//
// Three races between people and the bot, forced many times over real sockets:
//
//   claims   an agent claims while the bot's answer streams: nothing of the bot behind an acknowledged claim
//   owners   two agents claim the same waiting case at once: one has it, the other is told so
//   replies  the customer writes while the agent replies with if_seq: no reply goes out over words unseen
//
// Each lane is a customer and two agents of its own, and races again and again in one conversation. The
// screens are judged as frames come, and afterwards the log of every conversation, from its first event.

import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS } from '../lib/baton.mjs';
import { Line, event, logOf } from './line.mjs';

// Until when the answer may stream: the moment of the claim is spread over all of it and a bit beyond.
const ANSWER_MS = 90;

class Lane {
	constructor(baton, index, count, fault) {
		Object.assign(this, { baton, index, count, fault, asked: 0, claimed: false });
		const ids = ['nina', 'omar'];
		this.customer = new Line(baton, { name: `customer ${index}`, hear: (f) => this.#screen(f) });
		this.agents = ids.map((id) => Object.assign(new Line(baton, { token: AGENTS[id], name: `${id} ${index}` }), { id }));
	}

	async open() {
		await this.customer.open();
		this.session = this.customer.welcome.session;
		for (const agent of this.agents)
			await agent.open();
		return this;
	}

	// The customer's screen: from case_claimed on, nothing of the bot may come until it is handed back.
	#screen(f) {
		if (f.t !== 'ev')
			return;
		const name = f.ev.name?.slice(6);
		if (name === 'case_claimed')
			this.claimed = true;
		else if (name === 'handback_approved' || name === 'session_resolved')
			this.claimed = false;
		else if (this.claimed && f.ev.type === 'TEXT_MESSAGE_CONTENT' && !this.human(f))
			this.fault('spoke', `${this.session}: the bot's words behind a claim: ${JSON.stringify(f).slice(0, 200)}`);
		else if (this.claimed && f.ev.type === 'TEXT_MESSAGE_END' && f.ev.metadata.baton.author.kind === 'bot')
			this.fault('spoke', `${this.session}: an answer behind a claim, seq ${f.seq}`);
	}

	human(f) {
		return f.ev.messageId.startsWith('s');
	}

	async say(text) {
		const id = `m${++this.asked}`;
		const ack = this.customer.wait((f) => f.t === 'ack' && f.id === id, `ack of ${id}`);
		this.customer.send({ t: 'msg', id, text: `${text} ${this.index}-${this.asked}` });
		return (await ack).seq;
	}

	// Both follow the conversation, so that each sees what the other does.
	async follow() {
		for (const agent of this.agents) {
			const caught = agent.wait((f) => f.t === 'caught_up' && f.session === this.session, 'caught_up');
			agent.send({ t: 'open', session: this.session });
			await caught;
		}
	}

	// The agent's verb has happened when the customer is told of it.
	async act(agent, frame, name) {
		const done = this.customer.wait(event(name), name);
		agent.send({ session: this.session, ...frame });
		return done;
	}

	async close() {
		this.customer.close();
		this.agents.forEach((agent) => agent.close());
	}
}

// --- the races ---

async function raceClaim(lane) {
	const [nina] = lane.agents;
	await lane.say('where is my order?');
	await sleep(Math.random() * ANSWER_MS);
	const { answers, cut } = lane;
	await lane.act(nina, { t: 'claim' }, 'case_claimed');
	lane.count.claims++;
	lane.count[lane.answers > answers ? 'claims_after' : lane.cut > cut ? 'claims_amid' : 'claims_before']++;
	await sleep(Math.random() * 20); // what was on its way arrives
	await lane.act(nina, { t: 'handback' }, 'handback_approved');
}

// --- race of two owners ---

// Every claim is answered: by the event to who follows, or by a refusal.
function verdictOf(agent, session) {
	return agent.wait((f) => (f.t === 'err' && f.for === 'claim' && f.session === session) ||
		(event('case_claimed', session)(f) && f.ev.value.agent === agent.id), 'verdict on a claim');
}

async function raceOwners(lane) {
	const order = Math.random() < 0.5 ? [0, 1] : [1, 0];
	const verdicts = lane.agents.map((agent) => verdictOf(agent, lane.session));
	for (const i of order) {
		lane.agents[i].send({ t: 'claim', session: lane.session });
		if (Math.random() < 0.3)
			await new Promise(setImmediate);
	}
	const won = (await Promise.all(verdicts)).map((f) => f.t === 'ev');
	if (won.filter(Boolean).length !== 1)
		lane.fault('owners', `${lane.session}: ${won.filter(Boolean).length} winners`);
	lane.count.owners++;
	lane.count[`owner_${lane.agents[won.indexOf(true)]?.id}`]++;
	await lane.act(lane.agents[won.indexOf(true)], { t: 'release', reason: 'next round' }, 'case_released');
}

// --- race of a reply and a message ---

async function raceReply(lane) {
	const [nina] = lane.agents;
	const id = `r${++lane.replies}`;
	const verdict = nina.wait((f) => (f.t === 'ack' || f.t === 'err') && f.id === id, `verdict on ${id}`);
	const said = lane.seen;
	const writes = lane.say('one more thing');
	if (Math.random() < 0.5)
		await new Promise(setImmediate);
	nina.send({ t: 'reply', session: lane.session, id, text: `reply ${id}`, if_seq: said });
	const [f, seq] = await Promise.all([verdict, writes]);
	lane.if_seq.set(id, said);
	lane.count.replies++;
	if (f.t === 'err' && f.code !== 'conflict')
		lane.fault('stale', `${lane.session}: refused as ${f.code}`);
	lane.count[f.t === 'ack' ? 'replies_sent' : 'replies_stale']++;
	lane.seen = Math.max(seq, f.t === 'ack' ? f.seq : 0);
}

// --- the logs ---

// What no order of frames may hide: the log itself.
function judgeLog(log, lane) {
	let owner = 'bot', unseen = 0;
	for (const { seq, what, value } of log) {
		if (what === 'case_claimed') {
			if (owner === 'agent' && !value.from)
				lane.fault('owners', `${lane.session}: claimed at ${seq} while somebody had it`);
			owner = 'agent';
		} else if (what === 'case_queued' || what === 'case_released')
			owner = 'queue';
		else if (what === 'handback_approved' || what === 'session_resolved')
			owner = 'bot';
		else if (what === 'bot' && owner !== 'bot')
			lane.fault('spoke', `${lane.session}: an answer at ${seq}, owner ${owner}`);
		else if (what === 'customer')
			unseen = seq;
		else if (what === 'human') {
			const knew = lane.if_seq?.get(value.client_id);
			lane.count.judged += knew !== undefined;
			if (knew !== undefined && unseen > knew)
				lane.fault('stale', `${lane.session}: a reply at ${seq} that knew ${knew} over a message at ${unseen}`);
		}
	}
}

async function judgeLogs(baton, lanes) {
	const agent = await new Line(baton, { token: AGENTS.sara, name: 'judge' }).open();
	let events = 0;
	for (const lane of lanes) {
		const log = await logOf(agent, lane.session);
		judgeLog(log, lane);
		events += log.length;
	}
	agent.close();
	return events;
}

// --- all of it ---

const RACES = {
	claims: { race: raceClaim, begin: async (lane) => {
		lane.answers = lane.cut = 0;
		const hear = lane.customer.hear;
		lane.customer.hear = (f) => {
			hear(f);
			lane.answers += f.t === 'ev' && f.ev.type === 'TEXT_MESSAGE_END' && f.ev.metadata.baton.author.kind === 'bot';
			lane.cut += f.t === 'ev' && f.ev.name === 'baton.answer_superseded';
		};
	} },
	owners: { race: raceOwners, begin: async (lane) => {
		const queued = lane.customer.wait(event('case_queued'), 'case_queued');
		await lane.say('talk to a human');
		await queued;
		await lane.follow();
	} },
	replies: { race: raceReply, begin: async (lane) => {
		const queued = lane.customer.wait(event('case_queued'), 'case_queued');
		Object.assign(lane, { replies: 0, if_seq: new Map() });
		lane.seen = await lane.say('talk to a human');
		await queued;
		await lane.act(lane.agents[0], { t: 'claim' }, 'case_claimed');
	} },
};

export const KINDS = Object.keys(RACES);

// Runs `n` races of a kind on `lanes` lanes; {count, faults, seconds, events}.
export async function runRaces(baton, kind, { n, lanes = 50, progress = () => {} }) {
	const { race, begin } = RACES[kind];
	const count = { claims: 0, claims_before: 0, claims_amid: 0, claims_after: 0, owners: 0, owner_nina: 0, owner_omar: 0, replies: 0, replies_sent: 0, replies_stale: 0, judged: 0 };
	const faults = [];
	const fault = (what, text) => faults.push(`${what}: ${text}`);
	const began = performance.now();
	const all = [];
	for (let i = 0; i < Math.min(lanes, n); i++)
		all.push(await new Lane(baton, i, count, fault).open());
	let left = n;
	await Promise.all(all.map(async (lane) => {
		await begin(lane);
		while (left-- > 0) {
			await race(lane);
			progress(kind, n - Math.max(left, 0), n);
		}
	}));
	const events = await judgeLogs(baton, all);
	await Promise.all(all.map((lane) => lane.close()));
	return { kind, count, faults, events, seconds: (performance.now() - began) / 1000 };
}

// What a race of this kind has to have met, or it was no race.
export function wasRace({ kind, count }) {
	if (kind === 'claims')
		return count.claims_before > 0 && count.claims_amid > 0 && count.claims_after > 0;
	if (kind === 'owners')
		return count.owner_nina > 0 && count.owner_omar > 0;
	// Each reply that went out was found in a log, with what its agent had seen.
	return count.replies_sent > 0 && count.replies_stale > 0 && count.judged === count.replies_sent;
}

export function tell({ kind, count, faults, events, seconds }) {
	const said = Object.entries(count).filter(([, v]) => v > 0).map(([k, v]) => `${k.replace('_', ' ')} ${v}`).join(', ');
	return `${kind}: ${said}; ${events} events in the logs; ${faults.length} faults; ${seconds.toFixed(1)} s`;
}
