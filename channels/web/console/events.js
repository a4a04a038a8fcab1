// SPDX-License-Identifier: Apache-2.0
//
// Each kind of event in words for an agent. describe() is pure: it gives {title, text?, tone?, facts?,
// sources?}; facts are shown on demand. An event that this table does not know is shown by its name
// with all its fields, so a newer server hides nothing.

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
const facts = (v) => value(v.facts) ?? {};

const WORDS = {
	session_opened: (v) => ({ title: 'Conversation began', text: join(v.channel, v.locale, v.customer ? `customer ${v.customer}` : 'anonymous', v.customer_tier, v.origin) }),
	disclosure_made: (v) => ({ title: 'The customer was told that an AI answers', text: v.text }),
	intent_detected: (v) => v.failed
		? { title: 'No intent', text: v.failed, tone: 'warn' }
		: { title: `Intent: ${v.intent || 'none'}`, text: join(`${percent(v.confidence_ppm)} sure`, `mood ${percent(v.sentiment_ppm)}`, v.language) },
	policy_decided: (v) => ({ title: `Rule ${v.rule}: ${v.action}`, text: join(v.reason, `${v.stage} the answer`), facts: facts(v), tone: /^escalate/.test(v.action) ? 'warn' : '' }),
	route_selected: (v) => ({ title: `Route ${v.route}: asks ${v.target}`, text: join(v.model, `attempt ${v.attempt ?? 1}`, v.reason, v.tier && `tier ${v.tier}`, v.class_name) }),
	sources_retrieved: (v) => v.failed
		? { title: 'No sources', text: v.failed, tone: 'warn' }
		: { title: 'Sources found', sources: value(v.sources) ?? [] },
	model_failed: (v) => ({ title: `Model failed: ${v.fail}`, tone: 'bad',
		text: join(target(v), v.http_status && `HTTP ${v.http_status}`, v.message, v.shown_bytes ? `${v.shown_bytes} bytes had been shown` : 'nothing had been shown') }),
	answer_superseded: (v) => ({ title: 'Partial answer withdrawn', text: v.text, tone: 'warn' }),
	draft_reviewed: (v) => ({ title: `Draft ${v.action}`, text: v.agent && `by ${v.agent}` }),
	escalation_triggered: (v) => ({ title: 'A person is needed', text: join(v.reason, `rule ${v.rule}`, v.queue && `queue ${v.queue}`, v.priority && `priority ${v.priority}`), facts: facts(v), tone: 'warn' }),
	case_queued: (v) => ({ title: `Waits in ${v.queue || 'the queue'}`, text: v.text && `The customer was told: ${v.text}` }),
	case_claimed: (v) => ({ title: `Claimed by ${v.agent_name || v.agent}` }),
	case_released: (v) => ({ title: 'Given back to the queue', text: join(v.agent && `by ${v.agent}`, v.reason) }),
	handback_approved: (v) => ({ title: 'Returned to automation', text: join(v.agent && `by ${v.agent}`, v.text && `the customer was told: ${v.text}`) }),
	feedback_given: (v) => ({ title: `The customer found it ${v.value === 'up' ? 'helpful' : 'not helpful'}`, text: v.comment, tone: v.value === 'down' ? 'warn' : '' }),
	turn_restarted: (v) => ({ title: 'The server came back in mid-answer', text: `restart ${v.times ?? 1}` }),
	session_resolved: (v) => ({ title: 'Resolved', text: join(v.by && `by ${v.by}`, v.code) }),
	session_erased: () => ({ title: 'Erased', tone: 'bad' }),
	transcript_saved: (v) => ({ title: 'Transcript saved', text: join(v.backend, v.upto && `up to ${v.upto}`) }),
};

export function describe(what, fields = {}) {
	return WORDS[what]?.(fields) ?? { title: what.replaceAll('_', ' '), facts: fields };
}
