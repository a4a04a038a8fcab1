/* SPDX-License-Identifier: Apache-2.0 */

/* The case package as JSON, and as a write-up in plain words. What is empty is left out; the lists
 * are always there. */

#include "core/session/package_inside.h"

#include "core/base/json.h"

static const char *const list_names[PACKAGE_LISTS_N] = {
#define LIST(NAME, name, max) #name,
	PACKAGE_LISTS(LIST)
#undef LIST
};

static const char *const outcome_names[] = {
	[PACKAGE_RUNNING] = "running",   [PACKAGE_ANSWERED] = "answered",
	[PACKAGE_DRAFTED] = "drafted",   [PACKAGE_FAILED] = "failed",
	[PACKAGE_GIVEN_UP] = "given_up",
};

/* --- members; the first one of an object needs no comma --- */

static void key(struct baton_buf *out, const char *name)
{
	char last = out->n > 0 ? out->p[out->n - 1] : '{';

	baton_buf_printf(out, last == '{' || last == '[' ? "\"%s\":" : ",\"%s\":", name);
}

static void text(struct baton_buf *out, const char *name, baton_str value)
{
	if (value.n == 0)
		return;
	key(out, name);
	baton_buf_json(out, value);
}

static void number(struct baton_buf *out, const char *name, uint64_t value)
{
	if (value == 0)
		return;
	key(out, name);
	baton_buf_u64(out, value);
}

static void flag(struct baton_buf *out, const char *name, bool value)
{
	if (!value)
		return;
	key(out, name);
	baton_buf_z(out, "true");
}

/* A JSON value that an event carried; what is not of that type is left out. */
static void raw(struct baton_buf *out, const char *name, baton_str value, enum baton_json_type type)
{
	struct baton_json parsed;

	if (value.n == 0 || baton_json_parse(value, &parsed) < 0 || parsed.type != type)
		return;
	key(out, name);
	baton_buf_str(out, parsed.raw);
}

static void open_object(struct baton_buf *out, const char *name)
{
	key(out, name);
	baton_buf_z(out, "{");
}

static void comma(struct baton_buf *out)
{
	if (out->p[out->n - 1] != '[')
		baton_buf_z(out, ",");
}

/* --- JSON, from the top --- */

static void write_list(const struct baton_package *package, enum package_list which,
		       struct baton_buf *out)
{
	const struct package_items *list = &package->lists[which];

	key(out, list_names[which]);
	baton_buf_z(out, "[");
	for (size_t i = 0; i < list->n; i++) {
		comma(out);
		if (which == PACKAGE_LOOKUPS || which == PACKAGE_LIMITS) {
			baton_str json = list->items[i].json;

			baton_buf_str(out, (baton_str){ json.p, json.n - 1 });
			text(out, "text", list->items[i].words);
			baton_buf_z(out, "}");
			continue;
		}
		baton_buf_str(out, list->items[i].json);
		if (which == PACKAGE_SOURCES)
			baton_buf_printf(out, ",\"used\":%s}",
					 list->items[i].used ? "true" : "false");
	}
	baton_buf_z(out, "]");
}

static void attempt_words(const struct package_attempt *tried, struct baton_buf *out)
{
	baton_buf_str(out, tried->target);
	baton_buf_printf(out, ": %s", outcome_names[tried->outcome]);
	if (tried->fail.n > 0) {
		baton_buf_z(out, ", ");
		baton_buf_str(out, tried->fail);
	}
	if (tried->http_status > 0)
		baton_buf_printf(out, " (HTTP %llu)", (unsigned long long)tried->http_status);
	baton_buf_z(out, tried->withdrawn ? ", withdrawn in front of the customer" : "");
}

static void write_tried(const struct baton_package *package, struct baton_buf *out)
{
	key(out, "tried");
	baton_buf_z(out, "[");
	for (size_t i = 0; i < package->n_tried; i++) {
		const struct package_attempt *tried = &package->tried[i];

		comma(out);
		baton_buf_printf(out, "{\"seq\":%llu", (unsigned long long)tried->seq);
		number(out, "turn", tried->turn);
		number(out, "attempt", tried->attempt);
		text(out, "target", tried->target);
		text(out, "model", tried->model);
		text(out, "reason", tried->reason);
		text(out, "trigger", tried->trigger);
		text(out, "mode", tried->mode);
		text(out, "outcome", baton_str_of(outcome_names[tried->outcome]));
		text(out, "fail", tried->fail);
		number(out, "fail_seq", tried->fail_seq);
		number(out, "http_status", tried->http_status);
		text(out, "message", tried->message);
		text(out, "drill", tried->drill);
		flag(out, "withdrawn", tried->withdrawn);
		struct baton_buf words = { NULL, 0, 0 };
		attempt_words(tried, &words);
		text(out, "text", baton_buf_view(&words));
		baton_buf_done(&words);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

static void write_drafts(const struct baton_package *package, struct baton_buf *out)
{
	key(out, "drafts");
	baton_buf_z(out, "[");
	for (size_t i = 0; i < package->n_drafts; i++) {
		const struct package_draft *draft = &package->drafts[i];

		comma(out);
		baton_buf_str(out, draft->json);
		if (draft->review_seq > 0) {
			open_object(out, "review");
			number(out, "seq", draft->review_seq);
			text(out, "action", draft->action);
			text(out, "agent", draft->agent);
			key(out, "edit_ppm");
			baton_buf_u64(out, draft->edit_ppm);
			baton_buf_z(out, "}");
		}
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Does the condition name this fact? `age_ms` may be called `age` there. */
static bool names_fact(baton_str when, baton_str fact)
{
	baton_str brief = fact;

	if (fact.n > 3 && memcmp(fact.p + fact.n - 3, "_ms", 3) == 0)
		brief.n -= 3;
	for (size_t i = 0; i < when.n;) {
		size_t begin = i;

		while (i < when.n && is_word(when.p[i]))
			i++;
		baton_str word = { when.p + begin, i - begin };
		if (word.n > 0 && (baton_str_eq(word, fact) || baton_str_eq(word, brief)))
			return true;
		i += i == begin;
	}
	return false;
}

/* The facts that the rule's condition names; all of them if the condition is not known. */
static void write_values(const struct baton_package *package, struct baton_buf *out)
{
	struct baton_json facts, name, value;
	struct baton_arena arena = { NULL, 0 };
	size_t at = 0;

	if (package->why.facts.n == 0 || baton_json_parse(package->why.facts, &facts) < 0 ||
	    facts.type != BATON_JSON_OBJECT)
		return;
	open_object(out, "values");
	while (baton_json_member(&facts, &at, &name, &value)) {
		if (package->why.when.n > 0 &&
		    !names_fact(package->why.when, baton_json_text(&name, &arena)))
			continue;
		if (out->p[out->n - 1] != '{')
			baton_buf_z(out, ",");
		baton_buf_str(out, name.raw);
		baton_buf_z(out, ":");
		baton_buf_str(out, value.raw);
	}
	baton_buf_z(out, "}");
	baton_arena_done(&arena);
}

static void write_why(const struct baton_package *package, struct baton_buf *out)
{
	if (package->why.seq == 0)
		return;
	open_object(out, "why");
	number(out, "seq", package->why.seq);
	text(out, "rule", package->why.rule);
	text(out, "reason", package->why.reason);
	number(out, "priority", package->why.priority);
	flag(out, "reversible", package->why.reversible);
	text(out, "resumes", package->why.resumes);
	number(out, "release", package->why.release);
	text(out, "when", package->why.when);
	write_values(package, out);
	baton_buf_z(out, "}");
}

static void write_identity(const struct baton_package *package, struct baton_buf *out)
{
	open_object(out, "identity");
	if (package->is_signed.seq > 0) {
		open_object(out, "signed");
		number(out, "seq", package->is_signed.seq);
		text(out, "customer", package->is_signed.customer);
		text(out, "name", package->is_signed.name);
		text(out, "email", package->is_signed.email);
		text(out, "customer_tier", package->is_signed.tier);
		raw(out, "attributes", package->is_signed.attributes, BATON_JSON_OBJECT);
		text(out, "key", package->is_signed.key);
		baton_buf_z(out, "}");
	}
	if (package->claimed.seq > 0) {
		open_object(out, "claimed");
		number(out, "seq", package->claimed.seq);
		raw(out, "attributes", package->claimed.attributes, BATON_JSON_OBJECT);
		baton_buf_z(out, "}");
	}
	if (package->refused.seq > 0) {
		open_object(out, "failed");
		number(out, "seq", package->refused.seq);
		text(out, "reason", package->refused.reason);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "}");
}

static void write_data(const struct baton_package *package, struct baton_buf *out)
{
	open_object(out, "data");
	text(out, "intent", package->heard.intent);
	number(out, "intent_seq", package->heard.seq);
	number(out, "confidence_ppm", package->heard.confidence_ppm);
	number(out, "sentiment_ppm", package->heard.sentiment_ppm);
	text(out, "customer", package->about.customer);
	text(out, "customer_tier", package->about.customer_tier);
	text(out, "channel", package->about.channel);
	text(out, "locale", package->about.locale);
	text(out, "origin", package->about.origin);
	text(out, "contact", package->about.contact);
	number(out, "ticket_seq", package->about.ticket_seq);
	number(out, "opened_ms", package->about.opened_ms);
	number(out, "bot_answers", package->about.bot_answers);
	number(out, "human_messages", package->about.human_messages);
	number(out, "reopened", package->about.reopened);
	flag(out, "offered_human", package->about.offered_human);
	flag(out, "abandoned", package->about.abandoned);
	flag(out, "resolved", package->about.resolved);
	baton_buf_z(out, "}");
}

static void write_incident(const struct baton_package *package, struct baton_buf *out)
{
	const struct package_incident *incident = &package->incident;

	if (!incident->is_on)
		return;
	open_object(out, "incident");
	number(out, "seq", incident->seq);
	number(out, "since_ms", incident->since_ms);
	number(out, "last_seq", incident->last_seq);
	number(out, "failures", incident->failures);
	text(out, "target", incident->target);
	text(out, "model", incident->model);
	text(out, "fail", incident->fail);
	number(out, "http_status", incident->http_status);
	text(out, "scope", incident->scope);
	text(out, "trigger", incident->trigger);
	text(out, "message", incident->message);
	text(out, "mode", incident->mode);
	text(out, "drill", incident->drill);
	baton_buf_z(out, "}");
}

static void write_summary(const struct baton_package *package, struct baton_buf *out)
{
	if (package->summary.seq == 0)
		return;
	open_object(out, "summary");
	number(out, "seq", package->summary.seq);
	number(out, "about", package->summary.about);
	text(out, "text", package->summary.text);
	text(out, "origin", package->summary.origin);
	text(out, "target", package->summary.target);
	text(out, "model", package->summary.model);
	text(out, "failed", package->summary.failed);
	baton_buf_z(out, "}");
}

static void write_case(const struct baton_package *package, struct baton_buf *out)
{
	text(out, "owner", package->kase.owner);
	number(out, "epoch", package->kase.epoch);
	number(out, "tier", package->kase.tier);
	text(out, "queue", package->kase.queue);
	number(out, "queued_seq", package->kase.seq);
	number(out, "priority", package->kase.priority);
	number(out, "waiting_since_ms", package->kase.waiting_since_ms);
	text(out, "agent", package->kase.agent);
	text(out, "agent_name", package->kase.agent_name);
	text(out, "to_agent", package->kase.to_agent);
	text(out, "mode", package->about.mode);
	text(out, "language", package->heard.language);
}

static void write_left_out(const struct baton_package *package, struct baton_buf *out)
{
	open_object(out, "left_out");
	for (size_t i = 0; i < PACKAGE_LISTS_N; i++)
		number(out, list_names[i], package->lists[i].left_out);
	number(out, "tried", package->tried_left_out);
	number(out, "drafts", package->drafts_left_out);
	baton_buf_z(out, "}");
}

void baton_package_json(const struct baton_package *package, struct baton_buf *out)
{
	struct baton_buf json = { NULL, 0, 0 };
	char session[BATON_ID_TEXT + 1];

	baton_id_text(&package->session, session);
	baton_buf_z(&json, "{");
	text(&json, "session", baton_str_of(session));
	key(&json, "seq");
	baton_buf_u64(&json, package->seq);
	write_case(package, &json);
	write_why(package, &json);
	write_list(package, PACKAGE_QUESTIONS, &json);
	write_tried(package, &json);
	write_identity(package, &json);
	write_data(package, &json);
	write_list(package, PACKAGE_LOOKUPS, &json);
	write_list(package, PACKAGE_SOURCES, &json);
	write_list(package, PACKAGE_LIMITS, &json);
	write_incident(package, &json);
	write_summary(package, &json);
	if (package->tags.json.n > 0)
		raw(&json, "tags", package->tags.json, BATON_JSON_ARRAY);
	if (package->plan.json.n > 0)
		raw(&json, "plan", package->plan.json, BATON_JSON_OBJECT);
	write_list(package, PACKAGE_TOOLS, &json);
	write_list(package, PACKAGE_PROPOSALS, &json);
	write_list(package, PACKAGE_GUARDS, &json);
	write_list(package, PACKAGE_ATTACHMENTS, &json);
	write_list(package, PACKAGE_TRANSFERS, &json);
	write_list(package, PACKAGE_NOTES, &json);
	write_drafts(package, &json);
	write_left_out(package, &json);
	baton_buf_z(&json, "}");
	baton_buf_str(out, baton_buf_view(&json));
	baton_buf_done(&json);
}

/* --- in words --- */

static void link_to(struct baton_buf *out, uint64_t seq)
{
	baton_buf_printf(out, " [%llu]", (unsigned long long)seq);
}

static void say_why(const struct baton_package *package, struct baton_buf *out)
{
	if (package->why.seq == 0)
		return;
	baton_buf_z(out, "Why it is here: ");
	baton_buf_str(out, package->why.reason.n ? package->why.reason : package->why.rule);
	if (package->why.reason.n && package->why.rule.n) {
		baton_buf_z(out, " (");
		baton_buf_str(out, package->why.rule);
		baton_buf_z(out, ")");
	}
	link_to(out, package->why.seq);
	baton_buf_z(out, "\n");
}

static void say_questions(const struct baton_package *package, struct baton_buf *out)
{
	const struct package_items *list = &package->lists[PACKAGE_QUESTIONS];
	enum { SHOWN = 4 };
	size_t begin = list->n > SHOWN ? list->n - SHOWN : 0;
	uint64_t before = list->left_out + begin;

	if (list->n == 0)
		return;
	baton_buf_z(out, "The customer wrote:\n");
	if (before > 0)
		baton_buf_printf(out, "- %llu earlier messages\n", (unsigned long long)before);
	for (size_t i = begin; i < list->n; i++) {
		baton_buf_z(out, "- \"");
		baton_buf_str(out, list->items[i].words);
		baton_buf_z(out, "\"");
		link_to(out, list->items[i].seq);
		baton_buf_z(out, "\n");
	}
}

static void say_who(const struct baton_package *package, struct baton_buf *out)
{
	if (package->is_signed.seq > 0) {
		baton_buf_z(out, "Signed in as: ");
		baton_buf_str(out, package->is_signed.name.n ? package->is_signed.name
							     : package->is_signed.customer);
		if (package->is_signed.tier.n > 0) {
			baton_buf_z(out, ", ");
			baton_buf_str(out, package->is_signed.tier);
		}
		link_to(out, package->is_signed.seq);
	} else {
		baton_buf_z(out, "Who the customer is has not been proved.");
		if (package->refused.seq > 0)
			link_to(out, package->refused.seq);
	}
	baton_buf_z(out, "\n");
	if (package->about.ticket_seq > 0) {
		baton_buf_z(out, "Wants the answer later, to: ");
		baton_buf_str(out, package->about.contact);
		link_to(out, package->about.ticket_seq);
		baton_buf_z(out, "\n");
	}
}

static void say_tried(const struct baton_package *package, struct baton_buf *out)
{
	enum { SHOWN = 6 };

	if (package->n_tried == 0) {
		baton_buf_z(out, "No model was asked.\n");
		return;
	}
	baton_buf_z(out, "Tried:\n");
	for (size_t i = package->n_tried > SHOWN ? package->n_tried - SHOWN : 0;
	     i < package->n_tried; i++) {
		baton_buf_z(out, "- ");
		attempt_words(&package->tried[i], out);
		link_to(out, package->tried[i].seq);
		baton_buf_z(out, "\n");
	}
}

/* A list in words, one line each. */
static void say_list(const struct baton_package *package, enum package_list which,
		     const char *title, struct baton_buf *out)
{
	const struct package_items *list = &package->lists[which];

	if (list->n == 0)
		return;
	baton_buf_z(out, title);
	baton_buf_z(out, "\n");
	for (size_t i = 0; i < list->n; i++) {
		baton_buf_z(out, "- ");
		baton_buf_str(out, list->items[i].words);
		baton_buf_z(out, which == PACKAGE_SOURCES && list->items[i].used ? " (used)" : "");
		link_to(out, list->items[i].seq);
		baton_buf_z(out, "\n");
	}
}

static void say_incident(const struct baton_package *package, struct baton_buf *out)
{
	const struct package_incident *incident = &package->incident;

	if (!incident->is_on)
		return;
	baton_buf_z(out, "A model is not well: ");
	baton_buf_str(out, incident->target);
	baton_buf_z(out, ", ");
	baton_buf_str(out, incident->fail);
	if (incident->http_status > 0)
		baton_buf_printf(out, " (HTTP %llu)", (unsigned long long)incident->http_status);
	if (incident->mode.n > 0) {
		baton_buf_z(out, ", mode ");
		baton_buf_str(out, incident->mode);
	}
	baton_buf_printf(out, ", %llu failures in this conversation since",
			 (unsigned long long)incident->failures);
	link_to(out, incident->seq);
	baton_buf_z(out, "\n");
}

void baton_package_text(const struct baton_package *package, struct baton_buf *out)
{
	say_why(package, out);
	say_questions(package, out);
	say_who(package, out);
	say_tried(package, out);
	say_list(package, PACKAGE_SOURCES, "Found:", out);
	say_list(package, PACKAGE_LOOKUPS, "Looked for in vain:", out);
	say_list(package, PACKAGE_TOOLS, "Tools:", out);
	say_list(package, PACKAGE_PROPOSALS, "Waits for a person's leave, or did:", out);
	say_incident(package, out);
	say_list(package, PACKAGE_ATTACHMENTS, "Files:", out);
	say_list(package, PACKAGE_TRANSFERS, "Who has had it:", out);
	say_list(package, PACKAGE_NOTES, "Notes of colleagues:", out);
}
