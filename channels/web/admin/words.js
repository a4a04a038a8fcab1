// SPDX-License-Identifier: Apache-2.0
//
// Numbers as people read them. Pure.

export function ms(value) {
	if (!value) return '–';
	return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(value < 10000 ? 1 : 0)} s`;
}

export function age(value) {
	const seconds = Math.max(0, Math.floor(value / 1000));
	if (seconds < 60) return `${seconds} s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return `${minutes} min`;
	const hours = Math.floor(minutes / 60);
	return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function usd(micro) {
	const dollars = (micro ?? 0) / 1e6;
	return `$${dollars.toFixed(dollars !== 0 && dollars < 1 ? 4 : 2)}`;
}

export function percent(ppm, digits = 1) {
	return `${((ppm ?? 0) / 1e4).toFixed(digits).replace(/\.0+$/, '')} %`;
}

export function bytes(value) {
	if (value === undefined) return '–';
	const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let at = 0;
	while (value >= 1024 && at < steps.length - 1) { value /= 1024; at++; }
	return `${value.toFixed(value < 10 && at ? 1 : 0)} ${steps[at]}`;
}

/** Few digits: 0, 0.03, 0.4, 12. */
export function few(value) {
	if (value === 0) return '0';
	return value < 0.1 ? value.toFixed(2) : value < 10 ? value.toFixed(1).replace(/\.0$/, '') : String(Math.round(value));
}

export function clock(unix) {
	return new Date(unix).toLocaleTimeString([], { hour12: false });
}

/** States of targets as an admin says them. */
export const STATES = {
	closed: ['in use', ''], open: ['avoided', 'bad'], half_open: ['being tried', 'warn'], disabled: ['switched off', 'warn'],
	cooling: ['cooling down', 'warn'], account_closed: ['account closed', 'bad'],
};

/** What is out of the ordinary in a status: [{key, mark, text}], worst first. Empty: nothing. */
export function unusual(status) {
	const found = [];
	const odd = (mark, key, text) => found.push({ mark, key, text });
	const now = status.unix_ms;
	const lasts = (since) => (since ? ` for ${age(now - since)}` : '');
	if (status.intake?.open === false) odd('bad', 'intake', `Messages are not taken: ${status.intake.why}`);
	for (const one of status.targets ?? []) {
		if (one.state === 'closed') continue;
		const [word, mark] = STATES[one.state] ?? [one.state, 'warn'];
		odd(mark || 'warn', `target ${one.target}`, `${one.target} is ${word}${lasts(one.since_unix_ms)}${one.trigger && one.trigger !== one.state ? `: ${one.trigger}` : ''}${one.disabled_by ? `, by ${one.disabled_by}` : ''}`);
	}
	for (const one of status.accounts ?? []) if (one.state !== 'open') odd('bad', `account ${one.account}`, `Account ${one.account} is closed: ${one.trigger}`);
	for (const one of status.modes ?? []) if (isOn(one)) odd('warn', `mode ${one.name}`, `Mode ${one.name} (${one.do}) is on${lasts(one.since_unix_ms)}: ${one.trigger}${one.by ? `, by ${one.by}` : ''}`);
	if (status.alert?.on) odd('bad', 'alert', `The business alert rings${lasts(status.alert.since_unix_ms)}`);
	for (const one of purses(status)) if (one.ceiling && one.spent >= 0.8 * one.ceiling) odd(one.exhausted ? 'bad' : 'warn', `purse ${one.key}`, `${one.what}: ${usd(one.spent)} of ${usd(one.ceiling)} today are spent`);
	for (const one of status.desk?.queues ?? []) if (one.breached) odd('bad', `queue ${one.name}`, `${one.title ?? one.name}: ${one.breached} ${one.breached === 1 ? 'case waits' : 'cases wait'} longer than was promised`);
	for (const one of status.exports ?? []) if (one.state !== 'ok') odd('warn', `export ${one.backend}`, `Transcripts to ${one.backend} are ${one.state}, ${one.lag_records} behind`);
	for (const one of status.drills ?? []) odd('warn', `drill ${one.name}`, `Drill ${one.name} runs, by ${one.by}, ${age(one.left_ms)} left`);
	if (status.canary) odd('', 'canary', `Release ${status.candidate} serves ${percent(status.canary.share_ppm)} of the conversations as a canary`);
	return found.sort((a, b) => 'bad warn'.indexOf(a.mark || 'z') - 'bad warn'.indexOf(b.mark || 'z') || 0);
}

export function isOn(mode) {
	return mode.since_unix_ms !== undefined;
}

/** Money of today against its ceilings: the whole, and each account. */
export function purses(status) {
	const whole = status.budget ?? {};
	return [
		{ key: 'all', what: 'Everything', spent: whole.spent_microusd ?? 0, reserved: whole.reserved_microusd ?? 0, ceiling: whole.ceiling_microusd ?? 0, exhausted: whole.exhausted, state: 'open' },
		...(status.accounts ?? []).map((one) => ({ key: `a ${one.account}`, what: one.account, spent: one.spent_microusd, reserved: one.reserved_microusd, ceiling: one.ceiling_microusd, exhausted: one.exhausted, state: one.state, trigger: one.trigger, next: one.next_try_unix_ms })),
	];
}
