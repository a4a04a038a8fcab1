// SPDX-License-Identifier: Apache-2.0
//
// The live page of admins: how the server does, now and over the last ten minutes, and the few things one
// does about it. Everything shown is the `operations` frame, which is what `baton status --json` says;
// everything done is a request of the control socket (docs/CONTROL.md), refused or done by the server.

import { confirm, setUp } from './acts.js';
import { $, Table, h, setClass, setText } from './dom.js';
import { Link } from './link.js';
import { Plot } from './plot.js';
import { Series, sampleOf } from './series.js';
import { signIn, signOut, signedIn, ticket } from './session.js';
import { STATES, age, bytes, few, isOn, ms, percent, purses, unusual, usd } from './words.js';

const FAULTS = ['outage', 'rate_limit', 'quota', 'slow', 'cut', 'stall', 'disabled', 'empty', 'garbage'];
const HEARD_LATE_MS = 6000;

let signedInHere = false; // by the form: the cookie is this page's to take away
let link = null, status = null, heard = 0, since = 0;
let series = new Series();
const odd = new Map();

// --- plots ----------------------------------------------------------------------------------------

const plots = {
	p95: new Plot($('plots'), 'Answers, p95', ms, 100),
	turns: new Plot($('plots'), 'Turns per second', few, 1),
	moved: new Plot($('plots'), 'Substitutes and hand-overs per minute', few, 2),
	queue: new Plot($('plots'), 'Oldest case in the queue', age, 60000),
	cost: new Plot($('plots'), 'Cost today', usd, 10000),
};

function drawPlots() {
	const now = status.unix_ms;
	const ceiling = status.budget?.ceiling_microusd || 0;
	plots.p95.draw(series.targets().map((name) => ({ name, points: series.of((one) => one.p95[name]) })), now);
	plots.turns.draw([{ name: 'begun', points: series.rate((one) => one.turns) }, { name: 'answered', points: series.rate((one) => one.answered) }], now);
	plots.moved.draw([{ name: 'by a substitute', points: series.rate((one) => one.fallbacks, 60000) }, { name: 'to people', points: series.rate((one) => one.escalations, 60000) }], now);
	plots.queue.draw([{ name: 'oldest', points: series.of((one) => one.oldest_ms) }], now);
	plots.cost.draw([{ name: 'spent', points: series.of((one) => one.spent_microusd) },
		...(ceiling ? [{ name: 'ceiling', points: series.of(() => ceiling) }] : [])], now);
	const first = series.samples[0]?.at ?? now;
	setText($('since'), now - first < 570000 ? `There are ${age(now - first)} of it: the server has not run, or this page has not been open, for longer.` : '');
}

// --- tables ---------------------------------------------------------------------------------------

const column = (title, text, more = {}) => ({ title, text, ...more });
const number = (title, text) => column(title, text, { num: true });

const targets = new Table($('targets'), [
	column('Target', (row) => row.target),
	column('State', (row) => (STATES[row.state]?.[0] ?? row.state), { mark: (row) => STATES[row.state]?.[1] ?? 'warn' }),
	column('Since', (row) => (row.since_unix_ms ? age(status.unix_ms - row.since_unix_ms) : '–')),
	column('Why', (row) => [row.state === 'closed' ? '' : row.trigger, row.disabled_by && `by ${row.disabled_by}`].filter(Boolean).join(', ') || '–'),
	number('Success', (row) => percent(row.success_ppm)), number('First word p95', (row) => ms(row.first_token_ms.p95)),
	number('Answer p95', (row) => ms(row.answer_ms.p95)), number('Answers, 5 min', (row) => row.answer_ms.n),
	number('Running', (row) => `${row.in_flight}${row.max_concurrent ? ` of ${row.max_concurrent}` : ''}`), number('Cost', (row) => usd(row.cost_microusd)),
], { label: 'Targets', empty: 'No target is declared: people answer everything.', verbs: (row) => [row.state === 'disabled'
	? { label: 'Turn on', name: `Turn on ${row.target}`, run: () => act({ title: `Turn on ${row.target}`, verb: 'Turn on', what: 'It is asked again, beginning with the next message.', request: { do: 'target.enable', target: row.target } }) }
	: { label: 'Turn off', name: `Turn off ${row.target}`, run: () => act({ title: `Turn off ${row.target}`, verb: 'Turn off', what: 'Nobody asks it any more: its substitutes, modes and people do the work, as classes.yaml says. It stays off until somebody turns it on.', request: { do: 'target.disable', target: row.target } }) }] });

const accounts = new Table($('accounts'), [
	column('Account', (row) => row.what), column('State', (row) => (row.state === 'open' ? 'open' : `closed: ${row.trigger}`), { mark: (row) => (row.state === 'open' ? '' : 'bad') }),
	number('Spent today', (row) => usd(row.spent)), number('Set aside', (row) => usd(row.reserved)), number('Ceiling', (row) => (row.ceiling ? usd(row.ceiling) : 'none')),
	number('Used', (row) => (row.ceiling ? percent((row.spent / row.ceiling) * 1e6) : '–')),
], { label: 'Accounts and ceilings', empty: '' });

const modes = new Table($('modes'), [
	column('Mode', (row) => row.name), column('Does', (row) => row.do ?? '–'), column('State', (row) => row.state, { mark: (row) => (isOn(row) ? 'warn' : '') }),
	column('On for', (row) => (isOn(row) ? age(status.unix_ms - row.since_unix_ms) : '–')), column('At most', (row) => (isOn(row) ? `${age(row.until_unix_ms - status.unix_ms)} more` : '–')),
	column('Why', (row) => (isOn(row) ? [row.why || row.trigger, row.by && `by ${row.by}`].filter(Boolean).join(', ') : '–')), number('Entered', (row) => row.entered),
], { label: 'Modes', empty: 'No mode is declared.', verbs: (row) => [isOn(row)
	? { label: 'Leave', name: `Leave ${row.name}`, run: () => act({ title: `Leave ${row.name}`, verb: 'Leave', what: 'Messages that it kept go on, a hundred conversations a second.', request: { do: 'mode.leave', mode: row.name } }) }
	: { label: 'Enter', name: `Enter ${row.name}`, run: () => act({ title: `Enter ${row.name}`, verb: 'Enter', what: `It does what modes.yaml says (${row.do}), for at most the time that you give here or its own maximum.`, fields: [{ name: 'minutes', label: 'For how many minutes, at most', type: 'number', value: 30, min: 1, max: 1440 }], request: ({ minutes }) => ({ do: 'mode.enter', mode: row.name, for_ms: Math.round(Number(minutes) * 60000) }) }) }] });

const queues = new Table($('queues'), [
	column('Queue', (row) => row.title ?? row.name), column('Open', (row) => (row.open === false ? 'closed' : 'open'), { mark: (row) => (row.open === false ? 'warn' : '') }),
	number('Waiting', (row) => row.waiting), number('Oldest', (row) => (row.waiting && row.oldest_ms ? age(status.unix_ms - row.oldest_ms) : '–')), number('Late', (row) => row.breached ?? 0), number('Soon late', (row) => row.due_soon ?? 0),
	number('With people', (row) => row.claimed), number('People', (row) => `${row.available ?? 0} of ${row.agents ?? 0}`),
], { label: 'Queues', empty: 'The desk has not said anything yet.' });

const people = new Table($('people'), [
	column('Name', (row) => row.name ?? row.id), column('State', (row) => row.state, { mark: (row) => (row.state === 'lost' ? 'bad' : row.state === 'away' ? 'warn' : '') }),
	column('Since', (row) => (row.since_ms ? age(status.unix_ms - row.since_ms) : '–')), number('Cases', (row) => `${row.cases}${row.capacity ? ` of ${row.capacity}` : ''}`), column('Queues', (row) => (row.queues ?? []).join(', ') || 'all'),
], { label: 'People at work', empty: 'Nobody is at the desk.' });

const releases = new Table($('releases'), [
	column('Release', (row) => row.number), column('State', (row) => row.state, { mark: (row) => (row.state === 'live' ? '' : 'warn') }), column('Since', (row) => age(status.unix_ms - row.since_ms)),
	number('Turns', (row) => row.pins), column('Policies', (row) => row.policy_sha12),
], { label: 'Releases', empty: '' });

const modules = new Table($('modules'), [
	column('Module', (row) => row.module), column('Version', (row) => `${row.version}, generation ${row.generation}`), column('State', (row) => row.state, { mark: (row) => ({ active: '', quarantined: 'bad' })[row.state] ?? 'warn' }),
	column('Runs', (row) => row.isolation), number('Calls', (row) => row.calls), number('Failed', (row) => row.fails), number('p95', (row) => ms(row.p95_ms)), number('Crashes', (row) => row.crashes),
], { label: 'Modules', empty: '' });

const drills = new Table($('drills'), [
	column('Drill', (row) => row.name), column('By', (row) => row.by), column('Concerns', (row) => (row.labelled_only ? 'conversations of drills' : `${percent(row.share_ppm || 1e6)} of all`)),
	column('Faults', (row) => row.faults.map((one) => `${one.target}: ${one.fault}`).join(', ')), column('Left', (row) => age(row.left_ms)),
], { label: 'Drills', empty: 'No drill runs.', verbs: (row) => [{ label: 'Stop', name: `Stop ${row.name}`, run: () => act({ title: `Stop ${row.name}`, verb: 'Stop', what: 'Its faults end at once.', request: { do: 'drill.stop', name: row.name } }) }] });

const exported = new Table($('exports'), [
	column('Backend', (row) => row.backend), column('State', (row) => row.state, { mark: (row) => (row.state === 'ok' ? '' : 'warn') }), number('Behind', (row) => row.lag_records), column('Why', (row) => row.why || '–'),
], { label: 'Transcripts', empty: 'No transcript module is loaded.' });

function drawTables() {
	const keyed = (rows, key) => (rows ?? []).map((row) => ({ key: key(row), ...row }));
	targets.draw(keyed(status.targets, (row) => row.target));
	accounts.draw(purses(status));
	modes.draw(keyed(status.modes, (row) => row.name).sort((a, b) => isOn(b) - isOn(a)));
	queues.draw(keyed(status.desk.queues, (row) => row.name));
	people.draw(keyed((status.desk.agents ?? []).filter((row) => row.state !== 'offline'), (row) => row.id));
	releases.draw(keyed(status.releases, (row) => row.number));
	modules.draw(keyed((status.generations ?? []), (row) => row.generation));
	drills.draw(keyed(status.drills, (row) => row.name));
	exported.draw(keyed(status.exports, (row) => row.backend));
}

// --- the rest -------------------------------------------------------------------------------------

function tile(name, value, small = '') {
	let place = $('now').querySelector(`[data-tile="${name}"]`);
	if (!place) $('now').append(place = h('div', { 'data-tile': name }, h('dt', {}, name), h('dd', {}, h('span'), h('small'))));
	setText(place.querySelector('span'), value);
	setText(place.querySelector('small'), small);
}

function drawNow() {
	const { counts, desk, intake, server, budget } = status;
	const rate = series.rate((one) => one.turns).at(-1)?.[1] ?? 0;
	const atWork = (desk.agents ?? []).filter((one) => one.state !== 'offline');
	tile('Messages', intake.open ? 'taken' : 'refused', intake.open ? `disk: ${bytes(intake.disk_free_bytes)} free` : intake.why);
	tile('Journal', server.journal.state, `${server.journal.records} records, ${bytes(intake.used_bytes)}`);
	tile('Turns per second', few(rate), `${counts.turns} since the start`);
	tile('Answered', counts.answered, `${counts.fallbacks} by a substitute`);
	tile('To people', counts.escalations, `${counts.drafted} drafts, ${counts.captured} kept`);
	tile('Waiting', desk.waiting, desk.waiting ? `the first for ${age(desk.oldest_wait_ms)}` : 'nobody waits');
	tile('With people', desk.claimed, desk.agents ? `${atWork.length} at work, ${desk.agents_free} free` : `${desk.agents_free} people free`);
	tile('Cost today', usd(budget?.spent_microusd), budget?.ceiling_microusd ? `of ${usd(budget.ceiling_microusd)}` : 'no ceiling');
	tile('Release', status.live ?? '–', `up ${age(status.unix_ms - server.started_ms)}`);
	tile('Connections', counts.connections, `${server.workers} workers`);
}

function drawOdd() {
	const found = unusual(status);
	if (!found.length) found.push({ key: 'none', mark: '', text: 'Everything is as usual.' });
	const keys = new Set(found.map((one) => one.key));
	for (const [key, row] of odd) if (!keys.has(key)) { row.remove(); odd.delete(key); }
	found.forEach((one, at) => {
		if (!odd.has(one.key)) odd.set(one.key, h('li'));
		const row = odd.get(one.key);
		setClass(row, one.mark);
		// Times in it tick: whoever listens is told of what comes and goes, not of every minute.
		if (row.textContent && row.textContent !== one.text) row.setAttribute('aria-live', 'off');
		setText(row, one.text);
		if ($('odd').children[at] !== row) $('odd').insertBefore(row, $('odd').children[at] ?? null);
	});
	const worst = found.filter((one) => one.mark).length;
	document.title = worst ? `(${worst}) Baton live` : 'Baton live';
}

function drawRelease() {
	const { canary } = status;
	setText($('canary'), canary ? `Canary: release ${status.candidate} with ${percent(canary.share_ppm)} of the conversations for ${age(canary.for_ms)}. ${canary.turns.candidate} turns there, ${canary.turns.live} here, ${canary.min ?? canary.turns.min} needed. ${canary.why}` : status.candidate ? `Release ${status.candidate} is ready and serves nobody yet.` : '');
	for (const button of $('release-verbs').children) if (button.dataset.needs) button.disabled = !status.candidate;
}

function paint() {
	drawOdd();
	drawNow();
	drawPlots();
	drawTables();
	drawRelease();
}

function act(what) {
	confirm(link, what);
}

function buttons() {
	const verb = (place, label, needs, what) => $(place).append(h('button', { type: 'button', 'data-needs': needs, onclick: () => act({ title: label, verb: label, ...(typeof what === 'function' ? what() : what) }) }, label));
	verb('release-verbs', 'Reload policies', false, { what: 'Policies and the files of modules are read again and proved. If anything is wrong the old release serves on.', request: { do: 'reload' } });
	verb('release-verbs', 'Promote the candidate', 'candidate', { what: 'It serves all conversations.', request: { do: 'release.promote' } });
	verb('release-verbs', 'Discard the candidate', 'candidate', { what: 'It goes; nobody is served by it any more.', request: { do: 'release.discard' } });
	verb('release-verbs', 'Roll back', false, { what: 'The candidate goes; if there is none, the release before comes back.', request: { do: 'release.rollback' } });
	verb('drill-verbs', 'Start a drill', false, () => ({
		what: 'Faults on purpose, for conversations of real customers: they are served as modes.yaml and classes.yaml say. It ends by itself.',
		fields: [
			{ name: 'name', label: 'Name', value: 'live-page' },
			{ name: 'target', label: 'Target', options: [['primary', 'the primary of each route'], ...(status?.targets ?? []).map((one) => [one.target, one.target])] },
			{ name: 'fault', label: 'What goes wrong', options: FAULTS.map((one) => [one, one.replace('_', ' ')]) },
			{ name: 'share', label: 'Percent of the conversations', type: 'number', value: 10, min: 1, max: 100 },
			{ name: 'minutes', label: 'Minutes', type: 'number', value: 5, min: 1, max: 60 },
		],
		request: ({ name, target, fault, share, minutes }) => ({
			do: 'drill.start', name, for_ms: Math.round(Number(minutes) * 60000), share_ppm: Math.round(Number(share) * 1e4),
			faults: [{ target, fault, ...({ rate_limit: { ms: 5000 }, slow: { ms: 4000 }, cut: { deltas: 3 }, stall: { deltas: 3 } })[fault] }],
		}),
	}));
}

// --- the connection -------------------------------------------------------------------------------

const WORDS = { connecting: 'Connecting…', waiting: 'Connection lost, trying again…', open: 'Live' };
const REFUSED = { unauthorized: 'This token is not known here.', denied: 'This token is not an admin’s.', rate_limited: 'Too many tries. Wait a minute.', offline: 'The server cannot be reached.', origin_refused: 'This address is not allowed here.' };

function onState(word, detail) {
	setText($('connection'), WORDS[word] ?? '');
	setClass($('connection'), word === 'open' ? '' : 'warn');
	if (word === 'open') {
		setText($('me'), detail.agent?.name ?? detail.agent_name ?? detail.agent?.id ?? '');
		show(true);
	}
	if (word === 'refused') leave(REFUSED[detail] ?? `Refused: ${detail}`, signedInHere);
}

function onFrame(frame) {
	if (frame.t !== 'operations') return;
	status = frame.status;
	heard = Date.now();
	since ||= status.unix_ms;
	series.begin(status.history);
	series.add(sampleOf(status));
	if (!document.hidden) paint();
}

function show(signedIn) {
	$('app').hidden = $('sign-out').hidden = !signedIn;
	$('sign-in').hidden = signedIn;
}

function enter() {
	setText($('sign-in-error'), '');
	link = new Link(ticket, { state: onState, frame: onFrame });
	link.start();
}

function leave(why = '', ours = true) {
	link?.stop();
	link = status = null;
	series = new Series();
	signOut({ ours });
	show(false);
	setText($('connection'), '');
	setText($('me'), '');
	setText($('sign-in-error'), why);
	$('token').value = '';
	$('token').focus();
}

setUp();
buttons();
$('sign-in-form').addEventListener('submit', async (event) => {
	event.preventDefault();
	const why = await signIn($('token').value.trim());
	signedInHere = !why;
	if (why) setText($('sign-in-error'), REFUSED[why] ?? `Refused: ${why}`);
	else enter();
});
$('sign-out').addEventListener('click', () => leave());
document.addEventListener('visibilitychange', () => { if (!document.hidden) { link?.wake(); if (status) paint(); } });
addEventListener('online', () => link?.wake());
setInterval(() => {
	if (link && status && Date.now() - heard > HEARD_LATE_MS) { setText($('connection'), `Nothing heard for ${age(Date.now() - heard)}`); setClass($('connection'), 'warn'); }
}, 1000);

const fromHash = new URLSearchParams(location.hash.slice(1)).get('token');
if (fromHash) history.replaceState(null, '', location.pathname);
signedIn(fromHash).then((why) => (why ? leave('', false) : enter()));
