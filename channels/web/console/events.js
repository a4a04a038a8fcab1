// SPDX-License-Identifier: Apache-2.0
//
// Each kind of event in words for an agent. describe() is pure: it gives {title, text?, tone?, facts?,
// sources?}; facts are shown on demand. An event that this table does not know is shown by its name
// with all its fields, so a newer server hides nothing.

import { age, list } from './desk.js';

/** A JSON field comes as a value or as text, by the server's version. */
export function value(field) {
	if (typeof field !== 'string') return field;
	try {
		return JSON.parse(field);
	} catch {
		return field;
	}
}

const percent = (ppm) => `${Math.round(Number(ppm ?? 0) / 10000)} %`;
const join = (...parts) => parts.filter(Boolean).join(' · ');
const target = (v) => join(v.target, v.model);
const facts = (v) => ({ ...value(v.facts), ...value(v.changed) });
/* The fields of these names that are set, for the fold. */
const some = (v, ...names) => Object.fromEntries(names.map((name) => [name, value(v[name])]).filter(([, one]) => one && one.length !== 0));
const clock = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: '2-digit', hour: '2-digit', minute: '2-digit' });
const until = (v) => v.until_ms && `until ${clock.format(v.until_ms)} at the latest`;
const who = (v) => v.by && `by ${v.by}`;
const told = (v) => v.text && `the customer was told: ${v.text}`;

/** Bytes as people read them. */
export const size = (bytes) => (!bytes ? '' : bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/* What shows how an answer came about, and not what was said or decided: folded, and hidden on demand. */
const TECHNICAL = new Set(['intent_detected', 'route_selected', 'sources_retrieved', 'turn_restarted', 'turn_moved', 'transcript_saved', 'policy_decided', 'disclosure_made', 'session_opened', 'redaction_applied', 'summary_made']);

export const technical = (what, fields = {}) => TECHNICAL.has(what) && !/^escalate/.test(fields.action ?? '');

const HITS = { mark: 'on record', remove: 'taken out', append: 'words put behind it', block: 'did not pass' };
/* A tool's answer is any JSON. */
const tree = (v) => (v !== null && typeof v === 'object' && !Array.isArray(v) ? v : v === undefined || v === '' ? {} : { answer: v });

const WORDS = {
	session_opened: (v) => ({ title: 'Conversation began', text: join(v.channel, v.locale, v.customer ? `customer ${v.customer}` : 'anonymous', v.customer_tier, v.origin) }),
	disclosure_made: (v) => ({ title: 'The customer was told that an AI answers', text: v.text }),
	intent_detected: (v) => v.failed
		? { title: 'No intent', text: v.failed, tone: 'warn' }
		: { title: `Intent: ${v.intent || 'none'}`, text: join(`${percent(v.confidence_ppm)} sure`, `mood ${percent(v.sentiment_ppm)}`, v.language, v.human_ppm >= 500000 && 'asks for a person'),
			facts: some(v, 'slots', 'others', 'out_of_scope_ppm', 'human_ppm') },
	policy_decided: (v) => ({ title: v.rule ? `Rule ${v.rule}: ${v.action}` : 'No rule fired', text: join(v.reason, `${v.stage} the answer`), facts: facts(v), tone: /^escalate/.test(v.action) ? 'warn' : '' }),
	route_selected: (v) => ({ title: `Route ${v.route}: asks ${v.target}`, text: join(v.model, `attempt ${v.attempt ?? 1}`, v.reason, v.trigger && `because of ${v.trigger}`, v.mode && `mode ${v.mode}`, v.tier && `tier ${v.tier}`, v.class_name, v.round && `after ${v.round} round${v.round > 1 ? 's' : ''} of tools`),
		tone: v.trigger ? 'warn' : '', facts: some(v, 'trigger', 'skipped', 'mode', 'delay_ms', 'tools_off', 'drill') }),
	sources_retrieved: (v) => v.failed
		? { title: 'No sources', text: v.failed, tone: 'warn' }
		: { title: 'Sources found', sources: value(v.sources) ?? [] },
	model_failed: (v) => ({ title: `Model failed: ${v.fail}`, tone: 'bad',
		text: join(target(v), v.http_status && `HTTP ${v.http_status}`, v.message, v.shown_bytes ? `${v.shown_bytes} bytes had been shown` : 'nothing had been shown', v.drill && `drill: ${v.drill}`),
		facts: some(v, 'trigger', 'scope', 'retry_after_ms', 'total_ms', 'cost_microusd', 'drill') }),
	answer_superseded: (v) => ({ title: 'Partial answer withdrawn', text: v.text, tone: 'warn' }),
	draft_reviewed: (v) => ({ title: `Draft ${v.action}`, text: join(v.agent && `by ${v.agent}`, v.action === 'edited' && v.edit_ppm && `${percent(v.edit_ppm)} changed`) }),
	escalation_triggered: (v) => ({ title: 'A person is needed', text: join(v.reason, `rule ${v.rule}`, v.queue && `queue ${v.queue}`, v.priority && `priority ${v.priority}`), facts: facts(v), tone: 'warn' }),
	case_queued: (v) => ({ title: `Waits in ${v.queue || 'the queue'}`, text: join(v.tier && `tier ${v.tier}`, told(v)) }),
	case_claimed: (v) => ({ title: v.from ? `${v.agent_name || v.agent} took it over from ${v.from}` : `Claimed by ${v.agent_name || v.agent}` }),
	case_transferred: (v) => ({ title: `Transferred to ${join(v.queue, v.to_agent)}`, text: join(v.agent && `by ${v.agent}`, v.reason, told(v)), tone: 'warn' }),
	case_tagged: (v) => ({ title: `Labels: ${list(v.tags).join(', ') || 'none'}`, text: who({ by: v.agent }) }),
	case_abandoned: (v) => ({ title: 'The customer went away before anybody came', text: join(v.waited_ms && `after ${age(v.waited_ms)}`), tone: 'warn' }),
	ticket_left: (v) => ({ title: 'The customer wants an answer later', text: join(v.contact && `contact (as typed): ${v.contact}`, told(v)), tone: 'warn' }),
	human_offered: (v) => ({ title: 'The customer was offered a person', text: join(v.reason, v.rule && `rule ${v.rule}`, told(v)) }),
	attachment_added: (v) => ({ title: `File ${v.by === 'human' ? `from ${v.agent || 'an agent'}` : 'from the customer'}`, text: join(v.media_type, size(v.bytes)) }),
	identity_verified: (v) => ({ title: 'Who the customer is, signed', text: join(v.name || v.customer, v.email, v.customer_tier), facts: { ...some(v, 'customer', 'key'), ...(value(v.attributes) || {}) } }),
	attributes_claimed: (v) => ({ title: 'What the page says of the customer, not signed', tone: 'warn', facts: value(v.attributes) || {} }),
	authentication_failed: (v) => ({ title: `Identity refused: ${(v.reason ?? '').replaceAll('_', ' ')}`, text: 'The customer counts as anonymous', tone: 'bad' }),
	case_released: (v) => ({ title: 'Given back to the queue', text: join(v.agent && `by ${v.agent}`, v.reason) }),
	handback_approved: (v) => ({ title: 'Returned to automation', text: join(v.agent && `by ${v.agent}`, v.text && `the customer was told: ${v.text}`) }),
	feedback_given: (v) => ({ title: `The customer found it ${v.value === 'up' ? 'helpful' : 'not helpful'}`, text: v.comment, tone: v.value === 'down' ? 'warn' : '' }),
	turn_restarted: (v) => ({ title: 'The server came back in mid-answer', text: `restart ${v.times ?? 1}` }),
	session_resolved: (v) => ({ title: 'Resolved', text: join(v.by && `by ${v.by}`, v.code) }),
	session_erased: () => ({ title: 'Erased', tone: 'bad' }),
	mode_entered: (v) => ({ title: `Mode ${v.mode}: ${v.what}`, text: join(v.trigger && `because of ${v.trigger}`, who(v), until(v), told(v)), tone: 'warn' }),
	mode_left: (v) => ({ title: `Mode ${v.mode} is over`, text: join(v.reason, who(v)) }),
	message_captured: (v) => ({ title: `Kept by mode ${v.mode}`, text: join(v.trigger && `because of ${v.trigger}`, v.until_ms && `a person gets it on ${clock.format(v.until_ms)} if nothing has answered`, told(v)), tone: 'warn' }),
	automation_resumed: (v) => ({ title: 'Automation goes on', text: join(v.reason, told(v)) }),
	target_changed: (v) => ({ title: `${v.kind === 'account' ? 'Account' : 'Target'} ${v.target}: ${v.was} → ${v.is}`, text: join(v.trigger, who(v)), tone: v.is === (v.kind === 'account' ? 'open' : 'closed') ? '' : 'warn' }),
	alert_changed: (v) => ({ title: `Alert ${v.alert}: ${v.on ? 'on' : 'over'}`, tone: v.on ? 'bad' : '', facts: value(v.values) ?? {} }),
	admin_acted: (v) => ({ title: `${v.by}: ${v.action} ${v.subject}`, text: v.why }),
	drill_changed: (v) => ({ title: `Drill ${v.drill}: ${v.on ? 'began' : 'over'}`, text: join(who(v), !v.on && v.reason), tone: v.on ? 'warn' : '' }),
	release_changed: (v) => ({ title: `Release ${v.release}: ${(v.state ?? '').replaceAll('_', ' ')}`, text: join(v.cause, who(v), v.why, v.ms && `${v.ms} ms`),
		tone: v.state === 'refused' || v.state === 'rolled_back' ? 'warn' : '', facts: { ...some(v, 'sha256'), ...(value(v.values) ?? {}) } }),
	module_changed: (v) => ({ title: `Module ${v.module}: ${v.state}`, text: join(v.version, v.generation && `generation ${v.generation}`, v.reason, v.us && `${(v.us / 1000).toFixed(1)} ms`),
		tone: ['refused', 'crashed', 'quarantined'].includes(v.state) ? 'bad' : '', facts: some(v, 'release', 'sha256') }),
	tool_called: (v) => ({ title: `${v.writes ? 'Does' : 'Looks up'}: ${v.tool}`, text: join(v.title, v.proposal && `approved, see #${v.proposal}`), facts: value(v.arguments) ?? {} }),
	tool_finished: (v) => ({ title: v.ok ? `${v.tool} has answered${v.code ? `: ${v.code.replaceAll('_', ' ')}` : ''}` : v.code === 'in_doubt' ? `${v.tool}: nobody knows whether it happened` : `${v.tool} failed: ${v.code}`,
		text: join(v.message, v.total_ms && `${v.total_ms} ms`, v.tries > 1 && `${v.tries} tries`, v.http_status && `HTTP ${v.http_status}`, v.cached && 'known from before'), tone: v.ok ? '' : 'bad', facts: tree(value(v.result)) }),
	tool_reviewed: (v) => ({ title: `Proposal ${v.action}`, text: join(v.agent && `by ${v.agent}`, v.proposal && `see #${v.proposal}`, v.reason) }),
	guard_hit: (v) => ({ title: v.action === 'failed' ? `Guard ${v.guard} could not look` : `Guard ${v.guard}: ${(v.rule || v.type || '').replaceAll('_', ' ')}`,
		text: join((v.at ?? '').replaceAll('_', ' '), HITS[v.action] ?? v.action, v.subject, v.excerpt && `“${v.excerpt}”`, v.confidence_ppm && `${percent(v.confidence_ppm)} sure`), tone: ['block', 'failed'].includes(v.action) ? 'bad' : 'warn' }),
	redaction_applied: (v) => ({ title: 'Personal data stand as placeholders for models', facts: value(v.types) ?? {} }),
	plan_made: (v) => ({ title: 'No plan', text: join(v.failed, target(v)), tone: 'warn' }),
	summary_made: (v) => ({ title: 'Earlier parts in few words, for models', text: join(v.text, v.upto && `up to #${v.upto}`, target(v)) }),
	turn_moved: (v) => ({ title: `Begun again on release ${v.release}`, text: join(`instead of ${v.from}`, v.reason, 'nothing had been shown'), tone: 'warn' }),
	transcript_saved: (v) => ({ title: 'Transcript saved', text: join(v.backend, v.upto && `up to ${v.upto}`) }),
};

/** What brings a case back to automation before anybody claims it, in words. */
export function resumes(word = '') {
	return word.startsWith('mode:') ? `when mode ${word.slice(5)} is over` : word === 'targets' ? 'when a model answers again' : word;
}

export function describe(what, fields = {}) {
	return WORDS[what]?.(fields) ?? { title: what.replaceAll('_', ' '), facts: fields };
}
