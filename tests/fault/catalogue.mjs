// SPDX-License-Identifier: Apache-2.0
//
// The fault catalogue (docs/FAULTS.md) as rows, and one row run: a real server, a primary that fails so,
// a healthy fallback. What is asserted of every row: the customer gets the complete answer of the
// fallback, or of the primary once it is well, or a person, in time; half an answer is withdrawn (or
// gone on with, where the fallback can) before the next words; no provider's words are ever shown as
// an answer; the transcript names who answered and who failed.
//
// `quick` shortens our clocks for rows that do not rest on the default ones; the full form (make
// faults) runs every row with default settings.

import assert from 'node:assert/strict';
import { Baton, SLOW } from '../lib/baton.mjs';
import { Customer } from '../lib/client.mjs';
import { judge } from '../lib/judge.mjs';
import { KEY_ENV, simpleSet } from '../lib/policies.mjs';
import { CANARY, answerOf } from './provider.mjs';

// id: the model's name; answers: who may (primary, fallback, person); attempts: how often the primary is
// asked; shown: half an answer was on the screen and is withdrawn; ms: from the question to the outcome
// (after_cut_ms: from the moment the provider broke off); clocks: rests on the default clocks;
// within: at most so many attempts begin in the first so many ms.
export const ROWS = [
	{ id: 'S01', answers: ['primary', 'fallback'], attempts: [1, 2], hint_ms: 1800, within: [2, 1500], ms: 5000 },
	{ id: 'S02', answers: ['fallback'], attempts: [1, 2, 3, 4], within: [4, 3000], ms: 5000 },
	{ id: 'S03', answers: ['primary'], attempts: [2], ms: 3000 },
	{ id: 'S04', answers: ['fallback'], attempts: [1, 2, 3, 4, 5, 6], ms: 5000 },
	{ id: 'S05', answers: ['primary', 'fallback'], attempts: [1, 2], ms: 3000 },
	{ id: 'S06', answers: ['fallback'], attempts: [1], ms: 11000, clocks: true },
	{ id: 'S07', answers: ['fallback'], attempts: [1], ms: 11000, clocks: true },
	{ id: 'S08', answers: ['fallback'], attempts: [1], shown: true, after_cut_ms: 3000, ms: 4000 },
	{ id: 'S08#goes-on', answers: ['both'], attempts: [1], after_cut_ms: 3000, ms: 4000, fallback: 'continues', prefill: true },
	{ id: 'S09', answers: ['fallback'], attempts: [1], shown: true, ms: 11000, clocks: true },
	{ id: 'S10', answers: ['primary'], attempts: [1], ms: 4000 },
	{ id: 'S11', answers: ['primary'], attempts: [1], ms: 9000, clocks: true },
	{ id: 'S11,end=1', answers: ['primary'], attempts: [1], ms: 4000 },
	{ id: 'S12', answers: ['fallback'], attempts: [1], ms: 3000, fallback: 'large' },
	{ id: 'S13', answers: ['person'], attempts: [1], ms: 3000 },
	{ id: 'S14', answers: ['fallback'], attempts: [1], shown: true, ms: 4000, fallback: 'noprefill' },
	{ id: 'S14#prefill', answers: ['fallback'], attempts: [1], shown: true, ms: 4000, fallback: 'noprefill', prefill: true },
	{ id: 'S16', answers: ['fallback'], ms: 5000 },
	{ id: 'B01', answers: ['fallback'], attempts: [1], ms: 11000, clocks: true },
	{ id: 'B02', answers: ['fallback'], shown: true, ms: 5000 },
	{ id: 'B02,kind=event', answers: ['fallback'], shown: true, ms: 5000 },
	{ id: 'B03', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B03,kind=length', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B04', answers: ['fallback'], attempts: [1], shown: true, ms: 11000, clocks: true },
	{ id: 'B05', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B05,status=403', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B05,status=402', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B06', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B06,status=400', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B07', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B08', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B08,kind=redirect', answers: ['fallback'], ms: 3000 },
	{ id: 'B08,kind=error', answers: ['fallback'], ms: 4000 },
	{ id: 'B08,kind=type', answers: ['fallback'], attempts: [1], ms: 3000 },
	{ id: 'B08,kind=huge', answers: ['fallback'], attempts: [1], ms: 6000, flood: true },
	{ id: 'B08,kind=line', answers: ['fallback'], attempts: [1], ms: 6000, flood: true },
	{ id: 'B09,kind=split', answers: ['primary'], contains: '\u{1F600}', ms: 4000 },
	{ id: 'B09,kind=surrogate', answers: ['primary', 'fallback'], contains: '\u{1F600}', ms: 4000 },
	{ id: 'B09,kind=invalid', answers: ['fallback'], ms: 4000 },
	{ id: 'B10', answers: ['fallback', 'person'], ms: 5000 },
	{ id: 'B10,kind=unknown', forbidden: true, answers: ['fallback', 'person'], ms: 5000 },
	{ id: 'B10,kind=loop', forbidden: true, answers: ['fallback', 'person'], ms: 8000 },
];

const SHORT_CLOCKS = { first_token_ms: 2500, stall_ms: 2500 };

function setOf(provider, row, quick) {
	return simpleSet(provider.url, {
		models: [row.id, row.fallback ?? 'ok'],
		route: quick && !row.clocks ? SHORT_CLOCKS : {},
		target: row.prefill ? { can_continue: true } : {},
		provider: row.prefill ? { prefill: true } : {},
	});
}

function whoAnswered(row, outcome) {
	const fallback = row.fallback ?? 'ok';

	if (outcome.name)
		return 'person';
	if (outcome.text.startsWith(`[${fallback}]`))
		return 'fallback';
	return row.answers.includes('both') ? 'both' : 'primary';
}

function assertAnswerer(row, outcome) {
	const fallback = row.fallback ?? 'ok';
	const who = whoAnswered(row, outcome);
	const model = row.id.split(',')[0].replace('#', '-');

	assert.ok(row.answers.includes(who), `${who} answered: ${outcome.text ?? outcome.name}`);
	if (who === 'fallback')
		assert.equal(outcome.text, answerOf(fallback), 'the answer is whole');
	if (who === 'both')
		assert.equal(outcome.text, answerOf(row.id), 'the sentence goes on, and is whole');
	if (who === 'primary' && row.contains)
		assert.ok(outcome.text.includes(row.contains), 'the character arrived whole');
	else if (who === 'primary')
		assert.ok(outcome.text.startsWith(`[${model}]`) && outcome.text.endsWith('<end>'), outcome.text);
	return who;
}

function assertTranscript(row, log, who) {
	const failed = log.filter((event) => event.type === 'model_failed');
	const answer = log.find((event) => event.type === 'answer_generated');

	// Whoever asks for tools that it was not offered has answered, and is told no: that is on record, not a failure.
	if (row.forbidden && !failed.length) {
		assert.equal(who, 'person');
		assert.ok(log.some((event) => event.type === 'guard_hit' && event.data.at === 'tool_args'), 'the refusal is in the transcript');
	} else if (who !== 'primary') {
		assert.ok(failed.length >= 1, 'the failure is in the transcript');
		assert.equal(failed[0].data.model, row.id);
		assert.ok(failed[0].data.fail && failed[0].data.trigger, 'with its class and trigger');
	}
	for (const event of failed)
		assert.ok(!event.data.cost_microusd, 'failed attempts are not billed');
	if (who === 'person')
		return assert.equal(answer, undefined);
	assert.equal(answer.data.model, who === 'primary' ? row.id : row.fallback ?? 'ok', 'the transcript names who answered');
	assert.equal(Boolean(answer.data.substitute), who !== 'primary');
	assert.equal(Boolean(answer.data.continued), who === 'both');
	if (!row.contains && who !== 'both') // every healthy answer of the provider has 60 words
		assert.equal(answer.data.out_tokens, 60, 'usage is that of the answer');
}

function assertAttempts(row, asked) {
	if (row.attempts)
		assert.ok(row.attempts.includes(asked.length), `the primary was asked ${asked.length} times`);
	if (row.hint_ms && asked.length > 1)
		assert.ok(asked[1].t - asked[0].t >= row.hint_ms, 'the hint was kept');
	if (row.within)
		assert.ok(asked.filter((entry) => entry.t - asked[0].t < row.within[1]).length <= row.within[0], 'not so many at once');
}

function assertScreen(row, c, asked) {
	const shown = c.frames.filter((f) => f.ev?.type === 'TEXT_MESSAGE_CONTENT').map((f) => f.ev.delta).join('');
	const superseded = c.screen.event('answer_superseded');

	assert.ok(!shown.includes(CANARY) && !JSON.stringify(c.frames).includes(CANARY), 'no provider\'s words');
	if (row.shown) {
		assert.ok(superseded, 'half an answer is withdrawn in front of the customer');
		assert.equal(superseded.value.attempt, asked.length);
	} else if (row.answers.includes('both')) {
		assert.ok(!superseded, 'what goes on is not withdrawn');
	}
	if (row.shown || row.answers.includes('both'))
		assert.equal(c.screen.list('bot').length, 1, 'one answer is left on the screen');
}

// Runs the row against a server of its own. Returns what it measured.
export async function runRow(provider, row, { quick }) {
	const baton = await Baton.start({ policies: setOf(provider, row, quick), env: KEY_ENV, workers: 1 });

	try {
		const c = new Customer(baton);
		await c.connect();
		const from = provider.log.length;
		const began = performance.now();
		const ack = await c.say('where is my order?');
		const outcome = await c.outcome(ack.seq, 32000);
		const ms = performance.now() - began, ended = Date.now();
		const who = assertAnswerer(row, outcome);
		const asked = provider.log.slice(from).filter((entry) => entry.model === row.id);

		assert.ok(ms <= row.ms * SLOW, `outcome after ${Math.round(ms)} ms, ${row.ms} allowed`);
		if (row.after_cut_ms)
			assert.ok(ended - asked.at(-1).closed_ms <= row.after_cut_ms * SLOW, 'rescued in time');
		assertAttempts(row, asked);
		assertScreen(row, c, asked);
		if (row.flood)
			assert.ok(asked[0].flooded < 64 << 20, `${asked[0].flooded} bytes were read`);
		// Alive and well after.
		const next = await c.say('and now?');
		if (!outcome.name)
			await c.outcome(next.seq, 32000);
		const logs = await judge(baton, [c]);
		const log = logs.get(c.session);
		const end = log.findIndex((event) => event.type === 'message_received' && event.data.text === 'and now?');
		assertTranscript(row, log.slice(0, end), who);
		return { id: row.id, who, ms: Math.round(ms), attempts: asked.length };
	} finally {
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
}

// S15: the primary is down for `outage_ms`; a request each `every_ms`. All are served; the primary is
// not asked more often than `attempts_max` meanwhile, and is in use again `back_ms` after it is well.
export async function runOutage(provider, { tag, outage_ms, every_ms, attempts_max, back_ms, breaker }) {
	const model = `S15#${tag},outage=${outage_ms}`;
	const baton = await Baton.start({
		policies: simpleSet(provider.url, { models: [model, 'ok'], target: breaker ? { breaker } : {} }),
		env: KEY_ENV, workers: 1,
	});

	try {
		const c = new Customer(baton);
		await c.connect();
		let began = 0, back = 0, served = 0;
		while (!back && (!began || Date.now() - began < outage_ms + back_ms + 2 * every_ms)) {
			const at = Date.now();
			const answer = await c.answer((await c.say('still there?')).seq);
			began ||= provider.log.find((entry) => entry.model === model).t;
			served++;
			if (answer.text.startsWith('[S15'))
				back = Date.now();
			else
				await new Promise((go) => setTimeout(go, Math.max(0, every_ms - (Date.now() - at))));
		}
		const attempts = provider.log.filter((entry) => entry.model === model && entry.t < began + outage_ms).length;
		const recovered_ms = back - began - outage_ms;
		assert.ok(back, 'the primary is in use again');
		assert.ok(attempts <= attempts_max, `the primary was asked ${attempts} times while it was down`);
		assert.ok(recovered_ms <= back_ms * SLOW, `in use again after ${recovered_ms} ms`);
		await judge(baton, [c]);
		return { id: 'S15', who: 'fallback, then primary', served, attempts, recovered_ms };
	} finally {
		if (baton.alive)
			await baton.kill().catch(() => {});
	}
}
