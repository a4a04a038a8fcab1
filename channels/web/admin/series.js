// SPDX-License-Identifier: Apache-2.0
//
// What the plots show: samples of the last ten minutes and what follows from them. Pure. The server keeps a
// sample every ten seconds for whoever comes (core/server/live.c makes the same of a status as sampleOf()
// here); from then on each status is one. Counts are totals, so rates are differences over ten seconds.

export const SPAN_MS = 600000;
const RATE_MS = 9500;

export function sampleOf(status) {
	const p95 = {};
	for (const one of status.targets ?? []) if (one.answer_ms?.n > 0) p95[one.target] = one.answer_ms.p95;
	return {
		at: status.unix_ms, turns: status.counts.turns, answered: status.counts.answered, fallbacks: status.counts.fallbacks,
		escalations: status.counts.escalations, waiting: status.desk.waiting, oldest_ms: status.desk.oldest_wait_ms,
		spent_microusd: status.budget?.spent_microusd ?? 0, p95,
	};
}

export class Series {
	samples = [];

	/** The samples that came with the first status, oldest first. */
	begin(history) {
		const known = this.samples.at(-1)?.at ?? 0;
		for (const one of history ?? []) if (one.at > known) this.samples.push(one);
		this.#trim();
	}

	add(sample) {
		if (sample.at <= (this.samples.at(-1)?.at ?? 0)) return;
		this.samples.push(sample);
		this.#trim();
	}

	#trim() {
		const from = (this.samples.at(-1)?.at ?? 0) - SPAN_MS;
		while (this.samples.length && this.samples[0].at < from) this.samples.shift();
	}

	/** Points [at, value] of one member. */
	of(value) {
		return this.samples.map((one) => [one.at, value(one)]).filter(([, y]) => y !== undefined);
	}

	/** Per second, over ten seconds. A total that goes backwards is a restart: nothing is known of that step. */
	rate(value, per = 1000) {
		const points = [];
		for (let i = 1, from = 0; i < this.samples.length; i++) {
			while (from + 1 < i && this.samples[i].at - this.samples[from + 1].at >= RATE_MS) from++;
			const [a, b] = [this.samples[from], this.samples[i]];
			if (b.at > a.at && value(b) >= value(a)) points.push([b.at, ((value(b) - value(a)) / (b.at - a.at)) * per]);
		}
		return points;
	}

	/** Names of targets that answered, in the order of their first sample. */
	targets() {
		return [...new Set(this.samples.flatMap((one) => Object.keys(one.p95)))];
	}
}

/** An end of the scale at or above the highest value that divides well: 1, 2, 2.5, 5 and their tens. */
export function ceilingOf(highest) {
	if (!(highest > 0)) return 1;
	const ten = 10 ** Math.floor(Math.log10(highest));
	return [1, 2, 2.5, 5, 10].map((step) => step * ten).find((end) => end >= highest * 0.9999);
}
