/* SPDX-License-Identifier: Apache-2.0 */

/* A policy set: the directory policies/<set>, read as a whole, checked as a whole, compiled into
 * one immutable value. Nothing of it is used if any file has an error.
 *
 * Everything in here lives in the set's arena and is read-only after baton_policy_load(), so it
 * may be read from any thread for as long as the set lives (a release holds it).
 */
#pragma once

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/route/drill.h"

#include <baton/expr.h>

#include <jansson.h>

enum { BATON_TIER_AUTOMATED = 1, BATON_TIER_REVIEWED = 2, BATON_TIER_HUMAN = 3 };

/* modules.yaml: what to load, and as what. Several entries may use one file. */
struct baton_policy_module {
	const char *name;      /* how other files call it: "openai", "knowledge" */
	const char *file;      /* file name within the modules directory, "provider-openai.so" */
	const char *sha256;    /* what the file's bytes must add up to, 64 digits; NULL: not pinned */
	const char *kind;      /* classifier, provider, rule, transcript, retriever, tool, guard */
	const char *isolation; /* "inline", "process"; NULL: inline for what we ship, else process */
	const char **egress;   /* host:port patterns it may reach through the host's HTTP */
	size_t n_egress;
	const char **writes; /* directories that it may write to from a process of its own */
	size_t n_writes;
	const char **secrets; /* names it may use as {{secret:NAME}} */
	size_t n_secrets;
	json_t *config;        /* what create() gets: the entry's `config` object plus "policy" (below) */
	const char *config_json; /* the same as text, made once: a json_t must not be shared by threads */
	size_t config_json_n;
	bool knowledge;        /* gets the articles */
	const char *from;      /* transcripts: "start", "now"; where a new one begins in the log. NULL: start */
};
/* config.policy by kind: classifier
 * {"intents":[{"name","tier","min_confidence_ppm","examples":[...]}]}; rule
 * {"rules":[{"id","stage","when","action","queue","priority","reason","reversible"}]};
 * retriever and provider
 * {"articles":[{"id","title","also":[...],"intents":[...],"audience","language","text","updated","valid_until","uri"}]}
 * only if the entry says `knowledge: true`; a provider with knowledge and a tool also get
 * {"tools":[{"name","title","description","writes","idempotent","timeout_ms","arguments","result","answer","config"}]}
 * (tools.yaml; a tool only those that name it as their module); guard: guards.yaml as JSON; others have none. Dates are YYYY-MM-DD, valid_until is
 * "" for an article without end; language "" if it is not said; audience "customers" or "agents": the
 * latter are given to retrievers only, and the core shows them to no customer, whatever is found. */

/* When a target counts as down. It opens after `failures` failed calls in a row, or when at least
 * `min_calls` calls of the window failed to `share_ppm`; one probe after `open_ms`, each failed probe
 * doubles the wait up to `open_max_ms`, all with jitter. */
struct baton_breaker_def {
	uint32_t failures, min_calls, share_ppm, window_ms, open_ms, open_max_ms;
};

struct baton_target {
	const char *name, *provider /* a module's name */, *model, *account;
	const char *region;       /* "" none: what an outage of a region takes with it */
	const char *substitute;   /* who is asked while an admin has disabled it; "" the route's fallbacks */
	uint32_t context_tokens;  /* 0: unknown */
	uint32_t max_concurrent;  /* calls at once over all workers; 0: BATON_TARGET_CALLS_MAX */
	bool can_continue;        /* goes on from the middle of an answer that somebody else began */
	struct baton_breaker_def breaker;
	const char *prompt; /* file in prompts/ without .md, "" for none: the system prompt */
	uint64_t in_microusd_per_mtok, out_microusd_per_mtok;
	uint32_t max_output_tokens;
	int32_t temperature_milli; /* -1: the provider's default */
	bool tools, local;         /* local: costs no network, stays up with everything else down */
	const struct baton_prompt_def *words; /* `prompt` as it is told it; NULL: not looked up */
};

/* classes.yaml: what a workflow may do when its primary fails. */
enum baton_on_failure {
	BATON_ON_FAILURE_FALLBACK, /* the route's fallbacks, then a person */
	BATON_ON_FAILURE_ESCALATE, /* a person at once, unless the substitute is approved by name */
	BATON_ON_FAILURE_REVIEW,   /* fallbacks write drafts only: a person approves */
	BATON_ON_FAILURE_PAUSE     /* nobody stands in: the class's mode holds the message */
};
struct baton_mode_def;
struct baton_class {
	const char *name;
	enum baton_on_failure on_failure;
	const char **approved; /* targets that may stand in, by name */
	size_t n_approved;
	bool mark_substitute;   /* answers of a substitute are marked for the customer's side */
	const char *on_restart; /* "rerun" or "hand_over": an open turn found after a start */
	bool critical; /* a primary that is merely degraded already means a person, at once, no retry */
	const char **needs; /* modules (guards, verifiers) without which its work stops, by name */
	size_t n_needs;
	const struct baton_mode_def *mode; /* what holds a message when nobody is left to ask; NULL: a person */
	const char **unattended; /* tools that change something and may do so without a person's leave, by name */
	size_t n_unattended;
	bool approve_all; /* every tool needs a person's leave, also what only looks up */
};

/* Another first target, or a person, while a condition holds. The first that holds wins. */
struct baton_switch_def {
	const char *when;
	baton_expr *test;             /* compiled `when`, over baton_facts */
	const struct baton_target *to; /* NULL: a person */
	const char *trigger;          /* one of core/route/triggers.def */
	const char *reason;           /* for the transcript */
};

/* tools.yaml: what may be looked up or changed outside, and on what terms. */
struct baton_tool_bind {
	const char *argument; /* set by the server, never by a model, which does not even see it */
	const char *from;     /* customer, customer_tier, session, locale: customer is the signed one alone */
	bool required;        /* without a value the call is refused; else it gets "" */
};
struct baton_tool_def {
	const char *name;
	const char *module;         /* of kind tool */
	const char *title;          /* what a customer reads while it works: "looks up your order" */
	const char *description;    /* for models */
	json_t *arguments, *result; /* JSON Schemas (core/module/schema.h); result NULL: anything */
	const char *arguments_json; /* as text, without what is bound: what models are shown */
	const char *schema_json;    /* all of `arguments` as text: what a call must fit once it is bound */
	const char *result_json;    /* `result` as text; "": anything fits */
	bool writes, idempotent;
	bool approval;              /* a person approves each call; true for what writes if it is not said */
	bool verified;              /* only for customers whose identity is signed */
	uint32_t timeout_ms;        /* of a call with all its tries */
	struct baton_tool_bind *binds;
	size_t n_binds;
	const char **reveals;       /* kinds of personal data that it is shown in its arguments; others stay placeholders */
	size_t n_reveals;
	const char *answer;         /* what a provider without a model says of the result: "{{status}}"; "" nothing */
	json_t *config;             /* for its module: `request` of tool-http, `remote` of tool-mcp; may be NULL */
};
/* A call that is declared with the route: made if all its arguments are known. */
struct baton_lookup_def {
	const struct baton_tool_def *tool;
	json_t *arguments; /* an object; "{{slot}}" in a text is what the message names, or named before */
	const char *arguments_json; /* as text */
	const char *ask; /* what a customer is asked who has not named what it needs; "" nothing */
	bool propose;      /* not called: a person is asked whether it is to be */
};
/* What becomes of an answer whose sources do not hold. */
enum baton_grounding {
	BATON_GROUNDING_OFF,    /* not looked at */
	BATON_GROUNDING_CITED,  /* what it cites was retrieved: else a guard has hit */
	BATON_GROUNDING_REQUIRED /* ... and it cites something, or says that it does not know */
};

struct baton_route {
	const char *intent; /* "default" catches the rest */
	const struct baton_target *primary; /* NULL is possible in tier 3 only */
	const struct baton_target *fallbacks[BATON_ROUTE_FALLBACKS_MAX];
	size_t n_fallbacks;
	uint32_t max_p95_ms; /* 0: not set */
	uint32_t min_tokens_per_s; /* a slower stream counts as a stall; 0: no floor */
	uint64_t turn_microusd, day_microusd; /* 0: what budgets.yaml says */
	const struct baton_tool_def **tools; /* what its model may ask for; none: no tools */
	size_t n_tools;
	uint32_t tool_rounds; /* how often in a turn it may ask for some */
	struct baton_lookup_def *lookups; /* called before any model is asked, in this order */
	size_t n_lookups;
	bool plan;            /* a plan is made, and on record, before anything is done */
	enum baton_grounding grounding;
	struct baton_switch_def *switches;
	size_t n_switches;
	bool disable_tools_on_fallback;
	uint32_t first_token_ms, stall_ms,
		total_ms; /* defaults of limits.h where the file is silent */
	const struct baton_class *class_;
	unsigned tier;
	const char *queue; /* where this intent is handed over to */
	bool derived;      /* made from the default route: what it points to is shared with that one */
};

/* What a message may name that a tool needs: an order number, a date. */
struct baton_slot_def {
	const char *name, *type; /* pattern, words, email, number, date */
	const char *pattern;     /* type pattern: PCRE2, the first group or all of it is the value; "" */
	const char **words;      /* type words: one of them, case folded */
	size_t n_words;
};
struct baton_intent_def {
	const char *name, *class_name;
	unsigned tier;
	const char **examples;
	size_t n_examples;
	uint32_t min_confidence_ppm; /* below: treated as not understood */
	struct baton_slot_def *slots;
	size_t n_slots;
	bool internal; /* work of Baton's own, never detected in a message: the classifier has no word of it */
};

/* modes.yaml: what happens while things are not as they should be. Nothing else ever happens. */
enum baton_mode_do {
	BATON_MODE_INTAKE,     /* the message becomes a case; a person answers */
	BATON_MODE_TICKET,     /* the same, and the customer is told that the answer comes later */
	BATON_MODE_TEMPLATED,  /* a prepared text as a draft, which a person must review */
	BATON_MODE_PAUSE,      /* the message is kept; it is answered when the mode ends */
	BATON_MODE_SUBSTITUTE  /* `use` answers in place of the primary */
};
enum baton_mode_expiry {
	BATON_EXPIRY_HAND_OVER, /* the mode goes on as intake: a person gets what waits */
	BATON_EXPIRY_NORMAL,    /* it ends; trouble that goes on may enter it again */
	BATON_EXPIRY_NEXT       /* `next` follows */
};
struct baton_mode_def {
	const char *name;
	enum baton_mode_do what;
	const char **intents, **classes; /* whom it concerns; both empty: everybody */
	size_t n_intents, n_classes;
	const char *enter_when, *recover_when; /* over the facts of a mode; enter_when "" : by an admin or a class only */
	baton_expr *enter_test, *recover_test; /* compiled; NULL where "" */
	uint32_t enter_for_ms, recover_for_ms; /* how long the condition must hold without a break */
	uint32_t max_duration_ms;
	enum baton_mode_expiry at_expiry;
	const struct baton_mode_def *next; /* of BATON_EXPIRY_NEXT */
	const char *trigger;               /* one of core/route/triggers.def */
	const char *say;                   /* the banner, and what a captured message is answered with */
	const char *queue;                 /* "": the route's */
	const struct baton_target *use;    /* of SUBSTITUTE */
	const char *template_; /* of TEMPLATED: a file of prompts/ without .md; its text is the draft */
};

/* budgets.yaml. A day is a day of UTC. 0: no ceiling. */
struct baton_account_budget { const char *account; uint64_t day_microusd; };
struct baton_budgets {
	uint64_t turn_microusd, day_microusd; /* of one turn; of everything together */
	struct baton_account_budget *accounts;
	size_t n_accounts;
	uint32_t retry_ratio_ppm; /* retries per first attempt that are earned, for each target */
	uint32_t retry_burst;     /* and how many may be saved up */
};

/* alerts.yaml: the business alert looks at several things together. It rings first; what a route
 * does about it is a switch or a mode with the fact `alert`. */
struct baton_alert_def {
	uint32_t window_ms, min_turns;
	uint32_t p95_ms;           /* slower than this ... */
	uint32_t tool_success_ppm; /* fewer tool calls that succeed than this ... */
	uint32_t override_ppm;     /* more drafts changed or rejected by agents than this ... */
	uint32_t needed;           /* ... so many of the three ring it; at least 2 */
};

/* drills/<name>.yaml: faults on purpose, the conversations that are held meanwhile, and what must
 * come of it. `baton drill run` plays it (core/cli/drill); a set only carries it and proves that it can
 * be played. */
enum { /* how a conversation may end; bits, because a script may allow several */
	BATON_DRILL_ANSWERED = 1,
	BATON_DRILL_DRAFTED = 2,
	BATON_DRILL_HANDED_OVER = 4,
	BATON_DRILL_CAPTURED = 8,
	BATON_DRILL_ANY = 15
};
struct baton_drill_expect {
	unsigned outcomes;  /* BATON_DRILL_* */
	uint32_t within_ms; /* from the customer's message; 0: no limit of its own */
};
struct baton_drill_fault_def {
	const char *target; /* a target's name, or "primary", "fallback": of the route at hand */
	struct baton_fault fault;
	uint32_t at_ms, for_ms; /* within the drill; for_ms 0: to its end */
};
struct baton_drill_talk {
	const char *scenario;  /* what the report calls it, such as "billing-dispute" */
	const char *intent;    /* what its messages should be understood as; "" not looked at */
	const char *tier;      /* the customer's, such as "vip"; "" none */
	uint32_t every_ms;     /* one begins this often; 0: one at the start */
	const char **messages; /* each is sent when the one before has had its outcome */
	size_t n_messages;
	struct baton_drill_expect expect;   /* while no fault is on */
	struct baton_drill_expect degraded; /* while one is; as `expect` if not said */
};
struct baton_drill_objectives { /* 0: not asked for */
	uint32_t degrade_ms;    /* fault on -> first conversation served by the way for degraded times */
	uint32_t recover_ms;    /* fault off -> the primary answers again */
	uint32_t resume_ms;     /* fault off -> nothing that was captured waits any more */
	uint32_t p95_ms;        /* of outcomes while degraded */
	uint32_t answered_ppm;  /* of conversations: answered at once */
	uint32_t expected_ppm;  /* ... that ended as `expect` or `degraded` says; 1000000 if not said */
	uint32_t preserved_ppm; /* ... whose transcript holds all that was sent; 1000000 if not said */
	uint64_t cost_microusd; /* of the whole drill */
	const char **hold; /* conditions over baton_drill_facts; at most BATON_DRILL_HOLDS_MAX */
	size_t n_hold;
	baton_expr **hold_tests; /* compiled, in the same order */
};
struct baton_drill_file {
	const char *name, *description;
	uint32_t duration_ms;
	uint32_t share_ppm; /* of the sessions */
	bool labelled_only; /* only sessions that the drill itself opens */
	struct baton_drill_fault_def *faults; /* at most BATON_DRILL_FAULTS_MAX */
	size_t n_faults;
	struct baton_drill_talk *talks;
	size_t n_talks;
	struct baton_drill_objectives objectives;
};

/* releases.yaml: how a new release comes and an old one goes. */
struct baton_release_def {
	bool watch;                /* read again by itself when files change ... */
	uint32_t settle_ms;        /* ... and have not changed for so long */
	uint32_t keep;             /* good releases whose files are kept for a way back */
	uint32_t drain_ms;         /* turns on an old release have this long, then they begin again */
	uint32_t health_ms;        /* a new instance is ready by then, or the release is refused */
	uint32_t replay_turns;     /* recorded decisions that are tried before activation */
	uint32_t max_changed_ppm;  /* ... of which at most this share may change */
	bool canary;               /* a share of the sessions first */
	uint32_t canary_ppm, canary_min_turns;
	uint32_t canary_fail_delta_ppm, canary_escalation_delta_ppm; /* more than the live release's */
	uint32_t canary_p95_ratio_ppm, canary_cost_ratio_ppm;        /* times the live release's */
	uint32_t canary_violations; /* of the contract, more than this many */
	uint32_t canary_for_ms;     /* decided by then */
	uint32_t canary_quiet_ms;   /* after one that was rolled back: no other by itself */
};

struct baton_rule_def {
	const char *id, *stage /* before, after */, *when, *action, *queue, *reason;
	unsigned priority;
	bool reversible;
};

/* desk.yaml */
struct baton_hours_def {
	const char *name, *timezone; /* IANA, such as "Europe/Berlin" */
	/* Minutes of the week (Monday 00:00 = 0) in local time, sorted, not overlapping: [from, to). */
	struct baton_open_span { uint32_t from_min, to_min; } *open;
	size_t n_open;
	const char **closed; /* local dates that are closed all day, "2026-12-25" */
	size_t n_closed;
	int32_t *closed_days; /* the same as days since 1970-01-01, sorted */
	/* Offsets of the zone, resolved when the set was read, so that asking is pure: from `since_ms`
	 * (unix) on, local = UTC + offset. Sorted; reaches back a year and ahead ten. */
	struct baton_zone_span { int64_t since_ms; int32_t offset_s; } *offsets;
	size_t n_offsets;
};
/* Thresholds of a customer tier: who pays for more waits less. */
struct baton_customer_tier_def {
	const char *name;         /* as in a signed identity: vip */
	uint32_t raise;           /* its cases come this many priorities earlier */
	uint32_t first_reply_ms;  /* the promise, if shorter than the queue's; 0: the queue's */
};
enum baton_assign { BATON_ASSIGN_CLAIM /* people take what is next */, BATON_ASSIGN_OFFER /* the desk offers it to one */ };
struct baton_queue_def {
	const char *name, *title;
	const char **skills; /* all of them are asked of who is offered a case */
	size_t n_skills;
	enum baton_assign assign;
	uint32_t offer_ms;          /* an offer stands so long, then the next person gets it */
	uint32_t relax_ms;          /* after so long without anybody of that skill and language: anybody of the queue */
	uint32_t first_reply_ms;    /* promised, from the customer's first unanswered message; 0: no promise */
	uint32_t return_ms;         /* claimed and no reply for so long: back to the queue; 0: never */
	uint32_t age_ms;            /* waiting so long counts as one priority earlier, so that nobody starves; 0: never */
	const struct baton_hours_def *hours; /* NULL: always open */
};
struct baton_agent_def {
	const char *id, *name, *secret /* name of the secret that holds the token; "": signs in by login only */,
		*role /* agent, supervisor, admin */;
	const char **queues; /* empty: all */
	size_t n_queues;
	const char **skills, **languages; /* languages: BCP 47 primary tags; empty: any */
	size_t n_skills, n_languages;
	uint32_t capacity; /* cases at a time that are offered; 0: the desk's default */
};
/* Text blocks of the console: "/refund". */
struct baton_canned_def {
	const char *name, *text;
	const char **queues; /* empty: all */
	size_t n_queues;
};
struct baton_desk_def {
	uint32_t capacity;      /* of an agent who has none of his own */
	uint32_t lost_ms;       /* an agent without a connection for so long has lost his cases */
	uint32_t abandon_ms;    /* a customer without a connection for so long has given up */
	uint32_t missed_offers; /* in a row, and an agent is set to away; 0: never */
	struct baton_hours_def *hours;
	size_t n_hours;
	struct baton_customer_tier_def *tiers;
	size_t n_tiers;
	struct baton_canned_def *canned;
	size_t n_canned;
};

/* identity.yaml: who signs for customers, and for agents. */
struct baton_identity_key {
	const char *kid, *alg /* HS256, ES256, RS256 */, *secret /* name: HS256 the key itself, else a JWK or PEM */;
	const char *issuer, *audience; /* "": not looked at */
	const char *for_; /* "customers" or "agents" */
};
struct baton_identity_def {
	struct baton_identity_key *keys; /* several live at a time: rotation */
	size_t n_keys;
	const char *tier_claim;       /* claim that names the customer tier */
	const char *agent_claim;      /* of an agent's token: the id in desk.yaml */
	const char *role_claim;       /* ... which must be, or hold, that agent's role */
	const char *hash_secret;      /* name of the secret of `identifier_hash` (hex HMAC-SHA256 of the id); "" off */
	uint32_t max_age_ms;          /* of a token: exp - iat must not be more */
	uint32_t leeway_ms;           /* of clocks */
	uint32_t session_ms;          /* an agent's login is good so long */
};

/* channel.yaml, `attachments` */
struct baton_attachments_def {
	bool enabled;
	uint64_t bytes_max;     /* of one file */
	uint64_t session_bytes_max;
	const char **types;     /* media types, such as image/png */
	size_t n_types;
};

/* escalation.yaml, `topics`: words that make a message a matter of this topic, whatever a classifier says. */
struct baton_topic_def {
	const char *name;      /* security, billing and legal set the facts of that name; all stand in `tags` */
	const char **words;    /* words or phrases, matched whole, case folded */
	size_t n_words;
	const char **intents;  /* intents that are of this topic */
	size_t n_intents;
};

/* A word or phrase of topics, by a hash of its words (topics.c). */
struct baton_topic_phrase {
	uint64_t hash;
	uint32_t topics; /* bit i: policy->topics[i] */
};

/* guards.yaml */
struct baton_guard_def {
	const char *module; /* of kind guard */
	uint32_t at;        /* BATON_AT_*; 0: wherever the module says it is of use */
	bool open;          /* what it could not look at passes; else a person gets the conversation */
	const char **intents; /* only for questions of these; none: all. Customers' words are looked at before any is known */
	size_t n_intents;
};

struct baton_prompt_def {
	const char *name, *text;
	char version[9]; /* the first digits of its checksum */
};

/* One file of the set as it was read, with the checksum of its bytes. */
struct baton_policy_file {
	const char *name; /* relative to the set */
	uint8_t sha256[32];
	const char *text;
	size_t n;
};

struct baton_policy {
	const char *path;
	uint8_t sha256[32]; /* over all files, sorted by name */
	struct baton_policy_file *files; /* sorted by name */
	size_t n_files;
	struct baton_policy_module *modules;
	size_t n_modules;
	struct baton_target *targets;
	size_t n_targets;
	struct baton_class *classes;
	size_t n_classes;
	struct baton_route *routes; /* as written; then one for each intent that takes the default route */
	size_t n_routes;
	struct baton_intent_def *intents;
	size_t n_intents;
	struct baton_rule_def *rules;
	size_t n_rules;
	struct baton_queue_def *queues;
	size_t n_queues;
	struct baton_agent_def *agents;
	size_t n_agents;
	struct baton_prompt_def *prompts;
	size_t n_prompts;
	struct baton_mode_def *modes; /* in order of precedence */
	size_t n_modes;
	struct baton_tool_def *tools; /* tools.yaml */
	size_t n_tools;
	struct baton_guard_def *guards; /* guards.yaml, in the order in which they look */
	size_t n_guards;
	json_t *guards_json;            /* all of guards.yaml, for the modules; NULL: there is none */
	struct baton_budgets budgets;
	struct baton_alert_def alert; /* needed = 0: none is declared */
	struct baton_drill_file *drills;
	size_t n_drills;
	struct baton_release_def releases;
	json_t *articles; /* [{id,title,also,intents,audience,language,text,updated,valid_until,uri}] */
	const char **agents_only; /* ids of the articles that no customer may be shown, sorted */
	size_t n_agents_only;

	/* channel.yaml */
	const char **origins; /* exact scheme://host[:port]; "self" = the server's own address */
	size_t n_origins;
	const char *say_disclosure, *say_handed_over, *say_handed_back, *say_draft_pending,
		*say_greeting, *say_resumed;

	/* channel.yaml */
	struct baton_attachments_def attachments;
	const char *say_offer_human, *say_transferred, *say_ticket, *say_lost_agent, *say_approval;
	/* identity.yaml */
	struct baton_identity_def identity;
	/* escalation.yaml */
	struct baton_topic_def *topics;
	size_t n_topics;
	/* By their hash, an open table of a power of two; topics 0: nothing is there. */
	struct baton_topic_phrase *topic_phrases;
	size_t n_topic_places;
	uint32_t topic_lengths; /* bit n: there are phrases of n words */
	uint64_t topic_ends[8]; /* bits by hash of the words that phrases end with: most words are none */

	/* desk.yaml */
	const char *default_queue;
	struct baton_desk_def desk;

	_Atomic(unsigned) refs; /* beside the first */
	struct baton_policy_condition *conditions; /* all that was compiled, to be freed */
	struct baton_arena arena;
};

/* One finding. `file` is relative to the set. */
struct baton_policy_finding {
	const char *file;
	unsigned line, column; /* 1-based; 0: the file as a whole */
	bool is_error;         /* else a warning */
	const char *text; /* one sentence; names the nearest known key or name where there is one */
	const char *proof;  /* the proof that it breaks or doubts, NULL for a mistake of form */
	const char *source; /* the line itself, for the caret; may be NULL */
	unsigned width;     /* columns to underline */
};
typedef void baton_policy_report(void *ud, const struct baton_policy_finding *finding);

/* Reads and checks `path`. Every finding is reported, in file order. 0 and the set, or
 * BATON_E_POLICY (at least one error was reported), BATON_E_IO (path cannot be read). Blocking. */
int baton_policy_load(const char *path, baton_policy_report *report, void *ud,
		      struct baton_policy **ret_policy);
/* What is proved of every set, by name; NULL behind the last. Static. */
struct baton_policy_proof {
	const char *name, *meaning;
};
const struct baton_policy_proof *baton_policy_proof_at(size_t index);
/* "file:line:column: error: text [proof]", the line, and a caret below the place. Ends with a newline. */
struct baton_buf;
void baton_policy_finding_text(const struct baton_policy_finding *finding, struct baton_buf *out);
/* JSON Schema (2020-12) of one file of a set: "routes.yaml", "intents", "knowledge", ... 0, or
 * BATON_E_NOTFOUND. */
int baton_policy_schema_json(const char *file, struct baton_buf *out);
/* The names that baton_policy_schema_json knows; NULL behind the last. */
const char *baton_policy_schema_name(size_t index);
/* A further reference: releases that differ in modules only share their policies. Atomic. */
struct baton_policy *baton_policy_ref(struct baton_policy *policy);
/* Gives one reference back; the last one frees. NULL-tolerant; sets the pointer to NULL. */
void baton_policy_free(struct baton_policy **policy);

/* Which files differ, by name: returns how many. `fn` may be NULL; `old` NULL: all are new. */
enum baton_policy_change {
	BATON_POLICY_FILE_ADDED,
	BATON_POLICY_FILE_CHANGED,
	BATON_POLICY_FILE_REMOVED
};
typedef void baton_policy_change_fn(void *ud, const char *file, enum baton_policy_change what);
size_t baton_policy_changed(const struct baton_policy *old, const struct baton_policy *now,
			    baton_policy_change_fn *fn, void *ud);

/* Writes the set as it was read to the new directory `dir`, whose parent exists: what serves may be
 * asked for although its files have been changed since. 0, BATON_E_IO. Blocking. */
int baton_policy_write(const struct baton_policy *policy, const char *dir);

/* The route of an intent, or the default one. NULL only for a set that was not
 * checked: a set without a default route is refused.
 * An intent that has no route of its own gets a copy of the default one with its own class, and its
 * own tier if that is the stricter one; in tier 3 without targets. */
const struct baton_route *baton_policy_route(const struct baton_policy *policy, baton_str intent);
const struct baton_intent_def *baton_policy_intent(const struct baton_policy *policy,
						   baton_str name);
/* An article of this id is for agents only. */
bool baton_policy_agents_only(const struct baton_policy *policy, baton_str id);
/* tools.yaml, by name; NULL: it is not there. */
const struct baton_tool_def *baton_policy_tool(const struct baton_policy *policy, baton_str name);
const struct baton_drill_file *baton_policy_drill(const struct baton_policy *policy,
						  baton_str name);
/* desk.yaml, by name; NULL: it is not there. */
const struct baton_queue_def *baton_policy_queue(const struct baton_policy *policy, baton_str name);
const struct baton_agent_def *baton_policy_agent(const struct baton_policy *policy, baton_str id);
const struct baton_customer_tier_def *baton_policy_customer_tier(const struct baton_policy *policy,
								 baton_str name);
/* The agent stands in the policy, and the queue is one of his. Whoever names none works on all. */
bool baton_agent_serves(const struct baton_policy *policy, baton_str agent, baton_str queue);
/* The promised first reply: the queue's promise or the customer tier's shorter one, counted in the
 * queue's open hours. */
struct baton_promise {
	const struct baton_hours_def *hours; /* NULL: always open */
	uint32_t first_reply_ms;             /* 0: nothing is promised */
};
struct baton_promise baton_policy_promise(const struct baton_policy *policy, baton_str queue,
					  baton_str tier);
/* By when it is promised for a message of `unanswered_ms`. Unix ms; 0: nothing is promised. */
uint64_t baton_promise_due_ms(struct baton_promise promise, uint64_t unanswered_ms);
/* Both at once. */
uint64_t baton_policy_due_ms(const struct baton_policy *policy, baton_str queue, baton_str tier,
			     uint64_t unanswered_ms);

/* Makes `closed_days` of `closed`. */
void baton_hours_compile(struct baton_hours_def *hours, struct baton_arena *arena);
/* Opening hours; `hours` NULL: always open. All times are unix ms. */
bool baton_hours_open(const struct baton_hours_def *hours, uint64_t at_ms);
/* How much of the time between is open. */
uint64_t baton_hours_between(const struct baton_hours_def *hours, uint64_t from_ms, uint64_t to_ms);
/* When `open_ms` of open time have passed; 0: not within the next years. */
uint64_t baton_hours_after(const struct baton_hours_def *hours, uint64_t from_ms, uint64_t open_ms);
/* The next opening, `at_ms` itself while it is open; 0: not within the next years. */
uint64_t baton_hours_next(const struct baton_hours_def *hours, uint64_t at_ms);
/* Text of prompts/<name>.md, or NULL. */
const char *baton_policy_prompt(const struct baton_policy *policy, const char *name);
/* What a target is told: prompts/<name>.<target>.md if the set has it, else prompts/<name>.md; NULL:
 * neither. */
const struct baton_prompt_def *baton_policy_prompt_for(const struct baton_policy *policy,
						       const char *name, const char *target);
