// SPDX-License-Identifier: Apache-2.0
//
// What a run looked like, as one page: no script, nothing loaded, light and dark. Answers and changes
// over time, waiting, and what the process held.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const W = 960, H = 180, LEFT = 62, RIGHT = 12, TOP = 26, BOTTOM = 24;

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// series: [{ name, kind, points: [[seconds, value]] }] ; marks: [seconds]
function plot(title, unit, seconds, series, marks = []) {
	const top = Math.max(1e-9, ...series.flatMap((s) => s.points.map((p) => p[1]))) * 1.08;
	const x = (s) => (LEFT + (W - LEFT - RIGHT) * s / seconds).toFixed(1);
	const y = (v) => (H - BOTTOM - (H - TOP - BOTTOM) * v / top).toFixed(1);
	const lines = series.map((s) => `<polyline class="${s.kind}" points="${s.points.map(([a, b]) => `${x(a)},${y(b)}`).join(' ')}"/>`);
	const ticks = [0, 0.25, 0.5, 0.75, 1].map((f) => `<text x="${x(f * seconds)}" y="${H - 6}" text-anchor="middle">${Math.round(f * seconds)} s</text>`);
	const levels = [0, 0.5, 1].map((f) => `<text x="${LEFT - 6}" y="${Number(y(top / 1.08 * f)) + 4}" text-anchor="end">${+(top / 1.08 * f).toPrecision(3)}</text>`);
	return `<figure><svg viewBox="0 0 ${W} ${H}" role="img" aria-label="${escape(title)}"><text class="title" x="${LEFT}" y="16">${escape(title)}, ${escape(unit)}</text>
${marks.map((s) => `<line class="mark" x1="${x(s)}" x2="${x(s)}" y1="${TOP}" y2="${H - BOTTOM}"/>`).join('')}
<line class="axis" x1="${LEFT}" x2="${W - RIGHT}" y1="${H - BOTTOM}" y2="${H - BOTTOM}"/>${lines.join('')}${ticks.join('')}${levels.join('')}</svg>
<figcaption>${series.map((s) => `<span class="${s.kind}">${escape(s.name)}</span>`).join(' ')}</figcaption></figure>`;
}

// Events per step of time, as points.
function rate(times, seconds, step = 0.5) {
	const bins = new Array(Math.ceil(seconds / step)).fill(0);
	for (const t of times)
		if (t >= 0 && t < seconds)
			bins[Math.floor(t / step)] += 1 / step;
	return bins.map((n, i) => [(i + 0.5) * step, n]);
}

const STYLE = `:root{color-scheme:light dark;--a:#0b6;--b:#c33;--c:#26c;--ink:#222;--dim:#767676;--paper:#fff}
@media(prefers-color-scheme:dark){:root{--a:#3d9;--b:#f77;--c:#7af;--ink:#ddd;--dim:#999;--paper:#181818}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--ink)}svg .title{font-weight:600}figure{margin:1rem 0}
polyline{fill:none;stroke-width:1.6}.good{stroke:var(--a);color:var(--a)}.bad{stroke:var(--b);color:var(--b)}.cool{stroke:var(--c);color:var(--c)}
.mark{stroke:var(--dim);stroke-width:.5;opacity:.35}.axis{stroke:var(--dim)}figcaption span{margin-right:1rem;font-size:13px}
table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left}td{font-variant-numeric:tabular-nums}`;

export function writePage(file, run) {
	const at = (t) => (t - run.began) / 1000;
	const ok = run.changes.filter((c) => c.ok), no = run.changes.filter((c) => !c.ok);
	const plots = [
		plot('Answers ended', 'per second', run.seconds, [{ name: 'answers', kind: 'good', points: rate(run.answers.map((a) => at(a[0])), run.seconds) }], ok.filter((c) => c.kind === 'reload' || c.kind === 'canary').map((c) => at(c.at))),
		plot('Changes', 'per second', run.seconds, [{ name: 'taken', kind: 'cool', points: rate(ok.map((c) => at(c.at)), run.seconds) },
			{ name: 'refused, as they must be', kind: 'bad', points: rate(no.map((c) => at(c.at)), run.seconds) }]),
		plot('Question to first word', 'ms', run.seconds, [{ name: 'each', kind: 'good', points: run.firsts.filter((_, i) => i % Math.ceil(run.firsts.length / 2000) === 0).map(([t, ms]) => [at(t), ms]) }]),
		plot('Ping to pong', 'ms', run.seconds, [{ name: 'each', kind: 'cool', points: run.pings.filter((_, i) => i % Math.ceil(run.pings.length / 2000 || 1) === 0).map(([t, ms]) => [at(t), ms]) }]),
		plot('Memory of its own', 'MiB', run.seconds, [{ name: 'RssAnon', kind: 'cool', points: run.samples.map((s) => [at(s.at), s.anon_kib / 1024]) }]),
		plot('Mappings and descriptors', '', run.seconds, [{ name: 'mappings', kind: 'cool', points: run.samples.map((s) => [at(s.at), s.maps]) },
			{ name: 'descriptors', kind: 'good', points: run.samples.map((s) => [at(s.at), s.fds]) }]),
	];
	const rows = Object.entries(run.table).map(([k, v]) => `<tr><th scope="row">${escape(k)}</th><td>${escape(v)}</td></tr>`);
	mkdirSync(path.dirname(file), { recursive: true });
	writeFileSync(file, `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(run.title)}</title>
<style>${STYLE}</style></head><body><main><h1>${escape(run.title)}</h1><table>${rows.join('')}</table>${plots.join('\n')}</main></body></html>\n`);
}
