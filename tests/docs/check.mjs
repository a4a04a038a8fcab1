// SPDX-License-Identifier: Apache-2.0
//
// What is checked of the pages besides their commands (commands.mjs). Each verdict is one line of TAP.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkCommands, missing } from './commands.mjs';
import { BIN, ROOT, end, ours, read, verdict } from './report.mjs';
import { checkRequirements } from './requirements.mjs';

/* --- pages made of the code's own tables ------------------------------------------------------------ */

function checkGenerated() {
	for (const [page, topic] of [['docs/wire/EVENTS.md', 'events'], ['docs/ERRORS.md', 'errors'], ['docs/METRICS.md', 'metrics'],
		['docs/PROOFS.md', 'proofs']]) {
		const made = execFileSync(BIN, ['doc', topic], { encoding: 'utf8' });
		verdict(`${page} is what \`baton doc ${topic}\` prints`, made === read(page) ? [] : [`baton doc ${topic} > ${page}`]);
	}
}

/* --- the table of steps ------------------------------------------------------------------------------ */

function checkSteps() {
	const table = (read('core/turn/steps.c').split('(*const steps[BATON_STEP_COUNT])')[1] ?? '').split('\n};')[0];
	const code = [...table.matchAll(/\[(BATON_STEP_\w+)\] =/g)].map((match) => match[1]);
	const page = [...read('core/README.md').matchAll(/^\| `(BATON_STEP_\w+)` \|/gm)].map((match) => match[1]);
	const wrong = code.length < 5 ? ['the table of steps was not found'] : code.join() === page.join() ? [] : [`code: ${code}`, `page: ${page}`];
	verdict('core/README.md lists the steps of a turn as core/turn/steps.c does', wrong);
}

/* --- what a failure allows, and the events ------------------------------------------------------------- */

function checkFaults() {
	const said = { YES: 'yes', NO: 'no', NEVER: 'no', ONCE: 'yes', ALONE: 'if alone', FAILURE: 'failure', COOLDOWN: 'pause', CLOSE: 'closed' };
	const code = [...read('core/route/failure.c').matchAll(/\[BATON_FAIL_(\w+)\]\s*= \{ "(\w+)",\s*ROW\((\w+),\s*(\w+),\s*(\w+),\s*(\w+),\s*(\w+)\)/g)]
		.map(([, name, word, again, elsewhere, goesOn, effect, trigger]) => [`\`${name}\``, `\`${word}\``, said[again], said[elsewhere], said[goesOn],
			effect === 'NONE' ? 'nothing' : said[effect], trigger === 'NONE' ? '-' : trigger.toLowerCase()].join(' | '));
	const page = [...read('docs/FAULTS.md').matchAll(/^\| (`[A-Z_]+` \| `\w+` (?:\| [a-z0-9_ -]+ ){4}\| [a-z0-9_-]+) \|/gm)].map((match) => match[1]);
	const wrong = [...code.filter((row) => !page.includes(row)), ...page.filter((row) => !code.includes(row))];
	verdict('docs/FAULTS.md says what core/route/failure.c does', code.length ? wrong : ['the table was not found']);
	const rows = [...read('tests/e2e/faults.test.mjs').matchAll(/'([SB]\d\d)[,:']/g)].map((match) => match[1]);
	verdict('docs/FAULTS.md lists every row that is tested', [...new Set(rows)].filter((row) => !new RegExp(`^\\|[SB\\d ]*${row}\\b`, 'm').test(read('docs/FAULTS.md'))));
}

function checkEvents() {
	const names = [...read('core/session/events.def').matchAll(/^EVENT\(\d+, \w+, (\w+),/gm)].map((match) => match[1]);
	const text = read('docs/DESIGN.md');
	verdict('docs/DESIGN.md names every event', names.length ? names.filter((name) => !text.includes(`\`${name}\``)) : ['no event was found']);
}

/* --- the rooms, as DESIGN.md and core/README.md name them --------------------------------------------- */

function checkRooms() {
	const rooms = [...new Set(ours('core/*').map((file) => file.split('/')).filter((parts) => parts.length > 2).map((parts) => parts[1]))];
	for (const [page, shape] of [['core/README.md', (room) => `[${room}`], ['docs/DESIGN.md', (room) => `  ${room}/`]]) {
		const text = read(page);
		verdict(`${page} names every room of core/`, rooms.filter((room) => !text.includes(shape(room))));
	}
	const modules = [...new Set(ours('modules/*').map((file) => file.split('/')[1]))].filter((name) => name.includes('-'));
	verdict('every module has a README', modules.filter((name) => !existsSync(path.join(ROOT, 'modules', name, 'README.md'))));
	verdict('every room of core/ has a README', rooms.filter((room) => room !== 'include' && !existsSync(path.join(ROOT, 'core', room, 'README.md'))));
}

/* --- the top level -------------------------------------------------------------------------------------- */

function checkTop() {
	const top = new Set(ours('*').map((file) => file.split('/')[0]));
	verdict('the top level is the one asked for', ['core', 'modules', 'channels', 'policies', 'tests', 'Makefile', 'LICENSE'].filter((name) => !top.has(name)));
}

/* --- limits ------------------------------------------------------------------------------------------- */

function checkLimits() {
	const limits = new Map([...read('core/base/limits.h').matchAll(/(BATON_\w+)\s*=\s*([\d* ]+)/g)]
		.map(([, name, value]) => [name, value.split('*').reduce((product, part) => product * Number(part), 1)]));
	const rows = [...read('docs/OPERATIONS.md').matchAll(/^\| .* \| (\d+)[^|]*\| `(BATON_\w+)` \|$/gm)];
	const wrong = rows.filter(([, value, name]) => limits.get(name) !== Number(value)).map(([row, , name]) => `${row}  in the code: ${limits.get(name)}`);
	verdict('docs/OPERATIONS.md shows limits as core/base/limits.h has them', rows.length ? wrong : ['no limit was found']);
}

/* --- log events, metrics and targets of make that pages speak of ---------------------------------------- */

function checkNames(pages) {
	const sources = [...ours('core/*.c'), ...ours('core/*.h'), ...ours('core/*.def'), ...ours('channels/*.c')].map(read).join('\n');
	const section = read('docs/OPERATIONS.md').split('## Logs')[1].split('## Stop')[0];
	const events = [...section.matchAll(/^\| (`.*?) \| (?:error|warn) \|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]));
	verdict('log events of docs/OPERATIONS.md are in the code', events.length ? events.filter((name) => !sources.includes(`"${name}"`)) : ['none was found']);
	const metrics = [...section.matchAll(/`(baton_[a-z_]+)/g)].map((match) => match[1]);
	verdict('metrics of docs/OPERATIONS.md are in the code', metrics.filter((name) => !sources.includes(name)));
	const rules = [...read('docs/OPERATIONS.md').matchAll(/`(core\.\w+)`/g)].map((match) => match[1]).sort();
	const own = [...new Set([...sources.matchAll(/"(core\.[a-z_0-9]+)"/g)].map((match) => match[1]))].sort();
	verdict("docs/OPERATIONS.md lists Baton's own rules", rules.join() === own.join() ? [] : [`code: ${own}`, `page: ${rules}`]);
	const make = ['Makefile', 'tests/tests.mk', 'tests/quality/quality.mk', 'tests/bench/bench.mk', 'modules/sdk/install.mk'].map(read).join('\n');
	const asked = pages.flatMap((page) => [...read(page).matchAll(/(?:^|`|&& )make ([a-z][a-z-]*)(?=[\s`])/gm)].map((match) => [page, match[1]]));
	verdict('targets of make that pages name exist', asked.filter(([, target]) => !new RegExp(`^(\\.PHONY:.*\\b${target}\\b|${target}:)`, 'm').test(make)).map((pair) => pair.join(': make ')));
}

/* --- links ---------------------------------------------------------------------------------------------- */

const anchor = (heading) => heading.toLowerCase().replace(/[`*[\]()]/g, '').replace(/[^\p{L}\p{N} _-]/gu, '').trim().replaceAll(' ', '-');

function anchorsOf(file) {
	return [...read(file).matchAll(/^#{1,6} (.*)$/gm)].map((match) => anchor(match[1]));
}

function leadsNowhere(page, to) {
	const [file, at] = to.split('#');
	const target = file ? path.join(path.dirname(page), file) : page;
	return !existsSync(path.join(ROOT, target)) || (at && target.endsWith('.md') && !anchorsOf(target).includes(at));
}

function linksOf(page) {
	// Inside code nothing is a link.
	const text = read(page).replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
	return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]).filter((to) => !/^[a-z]+:/.test(to));
}

function checkLinks(pages) {
	const links = pages.flatMap((page) => linksOf(page).map((to) => ({ page, to })));
	const dead = links.filter(({ page, to }) => leadsNowhere(page, to)).map(({ page, to }) => `${page}: ${to}`);
	verdict(`links lead somewhere (${links.length} in ${pages.length} pages)`, links.length > 20 ? dead : ['links were not found']);
}

/* --- the unit of systemd -------------------------------------------------------------------------------- */

/** What systemd finds wrong with a unit; null where it is not installed. */
function unitFindings(text) {
	const dir = mkdtempSync(path.join(tmpdir(), 'baton-unit-'));
	const file = path.join(dir, 'baton.service');
	writeFileSync(file, text.replaceAll('/usr/local/bin/baton', BIN));
	const out = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', file], { encoding: 'utf8' });
	rmSync(dir, { recursive: true, force: true });
	return out.error ? null : out.stderr.split('\n').filter((line) => line.includes('baton.service'));
}

function checkUnit() {
	const unit = read('docs/baton.service');
	const findings = unitFindings(unit);
	verdict(`the unit is one that systemd takes${findings ? '' : ' # SKIP systemd-analyze is not here'}`, findings ?? []);
	if (findings)
		verdict('a mistake in a unit is seen', unitFindings(unit.replace('Restart=', 'Restart=by-')).length ? [] : ['it was not']);
	const verbs = [...unit.matchAll(/^Exec\w+=\S+ (\w+)/gm)].map((match) => match[1]);
	const known = spawnSync(BIN, ['--help'], { encoding: 'utf8' }).stdout;
	verdict('commands of the unit exist', verbs.filter((verb) => !new RegExp(`^ {2}${verb}\\b`, 'm').test(known)));
}

/* --- the page for man ------------------------------------------------------------------------------------ */

function checkMan() {
	const page = [...read('docs/man/baton-module.1').split('.SH COMMANDS')[1].split('.SH OPTIONS')[0].matchAll(/^\.TP\n\.BI? ([\w-]+)/gm)].map((match) => match[1]);
	const help = [...spawnSync(BIN, ['module', '--help'], { encoding: 'utf8' }).stdout.matchAll(/^ {2}([\w-]+) /gm)].map((match) => match[1]);
	verdict('docs/man/baton-module.1 has the commands of baton module', page.length < 5 || page.join() !== help.join() ? [`page: ${page}`, `help: ${help}`] : []);
}

/* --- the checks themselves ---------------------------------------------------------------------------------- */

function checkSelf() {
	verdict('the comparison of output can fail', [
		missing(['ok: ...'], 'ok: 3 sessions') === null ? '' : 'a wildcard was not taken',
		missing(['a', 'b'], 'b\na') === 'b' ? '' : 'the order was not seen',
		missing(['1 error'], '11 errors') === '1 error' ? '' : 'a part of a line was taken for the line',
	]);
	verdict('a dead link is seen', [
		leadsNowhere('docs/DESIGN.md', 'nowhere.md') ? '' : 'a file',
		leadsNowhere('docs/DESIGN.md', 'DESIGN.md#nowhere') ? '' : 'a heading',
		leadsNowhere('docs/DESIGN.md', '../README.md') ? 'a good one was taken for dead' : '',
	]);
}

const pages = ours('*.md');
checkSelf();
checkGenerated();
checkSteps();
checkFaults();
checkEvents();
checkRooms();
checkTop();
checkLimits();
checkNames(pages);
checkLinks(pages);
checkUnit();
checkMan();
checkRequirements();
await checkCommands(['README.md', ...pages.filter((page) => page.startsWith('docs/'))]);
end();
