/* SPDX-License-Identifier: Apache-2.0 */

/* The fold of the case package: what each event adds to it. What models were asked, and what came
 * of it, is in package_tried.c; package_write.c writes all of it. */

#include "core/session/package_inside.h"

#include "core/base/json.h"

static const size_t list_max[PACKAGE_LISTS_N] = {
#define LIST(NAME, name, max) max,
	PACKAGE_LISTS(LIST)
#undef LIST
};

/* --- small parts --- */

void package_set(baton_str *to, baton_str from, size_t bytes_max)
{
	baton_str_drop(to);
	if (from.n > 0)
		*to = baton_str_keep(baton_str_clip(from, bytes_max));
}

void package_set_name(baton_str *to, baton_str from)
{
	package_set(to, from, PACKAGE_LINE_BYTES);
}

baton_str package_take(struct baton_buf *buf)
{
	baton_str kept = baton_str_keep(baton_buf_view(buf));

	baton_buf_done(buf);
	return kept;
}

static void drop_item(struct package_item *item)
{
	baton_str_drop(&item->json);
	baton_str_drop(&item->words);
	baton_str_drop(&item->key);
}

/* A fresh item at the end; the oldest goes if there is no room. */
struct package_item *package_add_item(struct baton_package *package, enum package_list which,
				      const struct baton_event *event)
{
	struct package_items *list = &package->lists[which];

	if (list->n == list_max[which]) {
		drop_item(&list->items[0]);
		memmove(list->items, list->items + 1, (list->n - 1) * sizeof(list->items[0]));
		list->n--;
		list->left_out++;
	}
	struct package_item *item = &list->items[list->n++];
	*item = (struct package_item){ .seq = event->seq };
	return item;
}

void package_begin(struct baton_buf *json, const struct baton_event *event)
{
	*json = (struct baton_buf){ NULL, 0, 0 };
	baton_buf_printf(json, "{\"seq\":%llu,\"at_ms\":%llu", (unsigned long long)event->seq,
			 (unsigned long long)event->unix_ms);
}

void package_member(struct baton_buf *json, const char *key, baton_str text, size_t bytes_max)
{
	if (text.n == 0)
		return;
	baton_buf_printf(json, ",\"%s\":", key);
	baton_buf_json(json, baton_str_clip(text, bytes_max));
}

void package_name(struct baton_buf *json, const char *key, baton_str text)
{
	package_member(json, key, text, PACKAGE_LINE_BYTES);
}

void package_number(struct baton_buf *json, const char *key, uint64_t value)
{
	if (value > 0)
		baton_buf_printf(json, ",\"%s\":%llu", key, (unsigned long long)value);
}

void package_end_item(struct package_item *item, struct baton_buf *json)
{
	baton_buf_z(json, "}");
	item->json = package_take(json);
}

void package_words_of(struct package_item *item, const char *before, baton_str text)
{
	struct baton_buf words = { NULL, 0, 0 };

	baton_buf_z(&words, before);
	baton_buf_str(&words, baton_str_clip(text, PACKAGE_LINE_BYTES));
	item->words = package_take(&words);
}

/* --- who the customer is, and what he says --- */

static void on_opened(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_session_opened *opened = &event->session_opened;

	package->about.opened_ms = event->unix_ms;
	package_set_name(&package->about.channel, opened->channel);
	package_set_name(&package->about.locale, opened->locale);
	package_set_name(&package->about.origin, opened->origin);
	package_set_name(&package->about.customer, opened->customer);
	package_set_name(&package->about.customer_tier, opened->customer_tier);
}

static void on_message(struct baton_package *package, const struct baton_event *event)
{
	struct package_item *item = package_add_item(package, PACKAGE_QUESTIONS, event);
	struct baton_buf json;

	package_begin(&json, event);
	package_member(&json, "text", event->message_received.text, BATON_PACKAGE_TEXT_BYTES);
	if (event->message_received.text.n > BATON_PACKAGE_TEXT_BYTES)
		baton_buf_z(&json, ",\"cut\":true");
	package_end_item(item, &json);
	package_words_of(item, "", event->message_received.text);
	package->about.reopened += package->about.resolved;
	package->about.resolved = package->about.abandoned = false;
}

static void on_verified(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_identity_verified *who = &event->identity_verified;

	package->is_signed.seq = event->seq;
	package_set_name(&package->is_signed.customer, who->customer);
	package_set_name(&package->is_signed.name, who->name);
	package_set(&package->is_signed.email, who->email, BATON_PACKAGE_TEXT_BYTES);
	package_set_name(&package->is_signed.tier, who->customer_tier);
	package_set(&package->is_signed.attributes, who->attributes, SIZE_MAX);
	package_set_name(&package->is_signed.key, who->key);
}

static void on_claimed_attributes(struct baton_package *package, const struct baton_event *event)
{
	package->claimed.seq = event->seq;
	package_set(&package->claimed.attributes, event->attributes_claimed.attributes, SIZE_MAX);
}

static void add_lookup(struct baton_package *package, const struct baton_event *event,
		       const char *what, baton_str failed)
{
	struct package_item *item = package_add_item(package, PACKAGE_LOOKUPS, event);
	struct baton_buf json, words = { NULL, 0, 0 };

	package_begin(&json, event);
	package_name(&json, "what", baton_str_of(what));
	package_name(&json, "failed", failed);
	package_end_item(item, &json);
	baton_buf_printf(&words, "%s: ", what);
	baton_buf_str(&words, baton_str_clip(failed, PACKAGE_LINE_BYTES));
	item->words = package_take(&words);
}

static void on_auth_failed(struct baton_package *package, const struct baton_event *event)
{
	package->refused.seq = event->seq;
	package_set_name(&package->refused.reason, event->authentication_failed.reason);
	add_lookup(package, event, "identity", event->authentication_failed.reason);
}

static void on_attachment(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_attachment_added *file = &event->attachment_added;
	struct package_item *item = package_add_item(package, PACKAGE_ATTACHMENTS, event);
	struct baton_buf json;

	package_begin(&json, event);
	package_name(&json, "attachment", file->attachment);
	package_name(&json, "name", file->name);
	package_name(&json, "media_type", file->media_type);
	package_number(&json, "bytes", file->bytes);
	package_name(&json, "by", file->by);
	package_end_item(item, &json);
	package_words_of(item, "", file->name);
}

static void on_ticket(struct baton_package *package, const struct baton_event *event)
{
	package->about.ticket_seq = event->seq;
	package_set(&package->about.contact, event->ticket_left.contact, BATON_PACKAGE_TEXT_BYTES);
}

static void on_abandoned(struct baton_package *package, const struct baton_event *event)
{
	(void)event;
	package->about.abandoned = true;
}

/* --- what was found out --- */

static void on_intent(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_intent_detected *detected = &event->intent_detected;

	package->heard.seq = event->seq;
	package->heard.confidence_ppm = detected->confidence_ppm;
	package->heard.sentiment_ppm = detected->sentiment_ppm;
	package_set_name(&package->heard.intent, detected->intent);
	package_set_name(&package->heard.language, detected->language);
	if (detected->failed.n > 0)
		add_lookup(package, event, "classifier", detected->failed);
}

static struct package_item *find_source(struct baton_package *package, baton_str id)
{
	struct package_items *list = &package->lists[PACKAGE_SOURCES];

	for (size_t i = 0; i < list->n; i++)
		if (id.n > 0 && baton_str_eq(list->items[i].key, id))
			return &list->items[i];
	return NULL;
}

/* One of a list that was found, or that an answer rests on. A source that comes again keeps its
 * first seq. */
static void add_source(struct baton_package *package, const struct baton_event *event,
		       const struct baton_json *source, bool used)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json part = baton_json_get(source, "id");
	baton_str id = baton_str_clip(baton_json_text(&part, &arena), PACKAGE_LINE_BYTES);
	struct package_item *item = find_source(package, id);
	struct baton_buf json;

	if (!item && id.n > 0) {
		item = package_add_item(package, PACKAGE_SOURCES, event);
		item->key = baton_str_keep(id);
		package_begin(&json, event);
		package_name(&json, "id", id);
		part = baton_json_get(source, "title");
		baton_str title = baton_json_text(&part, &arena);
		package_name(&json, "title", title);
		package_words_of(item, "", title.n ? title : id);
		part = baton_json_get(source, "uri");
		package_member(&json, "uri", baton_json_text(&part, &arena),
			       BATON_PACKAGE_TEXT_BYTES);
		part = baton_json_get(source, "version");
		package_name(&json, "version", baton_json_text(&part, &arena));
		part = baton_json_get(source, "score_ppm");
		package_number(&json, "score_ppm", baton_json_u64(&part, 0));
		part = baton_json_get(source, "stale");
		if (baton_json_bool(&part))
			baton_buf_z(&json, ",\"stale\":true");
		item->json = package_take(&json); /* without its brace: "used" may change */
	}
	if (item)
		item->used |= used;
	baton_arena_done(&arena);
}

size_t package_add_sources(struct baton_package *package, const struct baton_event *event,
			   baton_str sources, bool used)
{
	struct baton_json list, source;
	size_t at = 0, n = 0;

	if (sources.n == 0 || baton_json_parse(sources, &list) < 0 || list.type != BATON_JSON_ARRAY)
		return 0;
	while (baton_json_element(&list, &at, &source)) {
		add_source(package, event, &source, used);
		n++;
	}
	return n;
}

static void on_sources(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_sources_retrieved *found = &event->sources_retrieved;
	size_t n = package_add_sources(package, event, found->sources, false);

	if (found->failed.n > 0)
		add_lookup(package, event, "knowledge", found->failed);
	else if (n == 0)
		add_lookup(package, event, "knowledge", BATON_STR("nothing_found"));
}

/* --- how it came here, and went on --- */

static void on_escalated(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_escalation_triggered *why = &event->escalation_triggered;

	package->why.seq = event->seq;
	package->why.turn = why->turn;
	package->why.release = why->release;
	package->why.priority = why->priority;
	package->why.reversible = why->reversible;
	package_set_name(&package->why.rule, why->rule);
	package_set(&package->why.reason, why->reason, BATON_PACKAGE_TEXT_BYTES);
	package_set(&package->why.facts, why->facts, SIZE_MAX);
	package_set_name(&package->why.resumes, why->resumes);
	baton_str_drop(&package->why.when);
	if (why->tier > 0)
		package->kase.tier = why->tier;
	package_give_up(package);
}

static void set_owner(struct baton_package *package, const char *owner, uint64_t epoch)
{
	package->kase.owner = baton_str_of(owner);
	package->kase.epoch = epoch;
	baton_str_drop(&package->kase.agent);
	baton_str_drop(&package->kase.agent_name);
	baton_str_drop(&package->kase.to_agent);
	package_give_up(package);
}

static void on_queued(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_case_queued *queued = &event->case_queued;

	set_owner(package, "queue", queued->epoch);
	package->kase.seq = event->seq;
	package->kase.priority = queued->priority;
	package->kase.upto = queued->upto;
	package->kase.waiting_since_ms = queued->waiting_since_ms;
	if (queued->tier > 0)
		package->kase.tier = queued->tier;
	package_set_name(&package->kase.queue, queued->queue);
}

/* A step of the case between people. */
static void add_transfer(struct baton_package *package, const struct baton_event *event,
			 const char *what, baton_str agent, baton_str reason)
{
	struct package_item *item = package_add_item(package, PACKAGE_TRANSFERS, event);
	struct baton_buf json;

	package_begin(&json, event);
	package_name(&json, "what", baton_str_of(what));
	package_name(&json, "agent", agent);
	package_name(&json, "queue", package->kase.queue);
	package_name(&json, "to_agent", package->kase.to_agent);
	package_member(&json, "reason", reason, BATON_PACKAGE_TEXT_BYTES);
	package_end_item(item, &json);
	struct baton_buf words = { NULL, 0, 0 };
	baton_buf_printf(&words, "%s", what);
	if (reason.n > 0)
		baton_buf_printf(&words, ": %.*s",
				 (int)baton_str_clip(reason, PACKAGE_LINE_BYTES).n, reason.p);
	item->words = package_take(&words);
}

static void on_claimed(struct baton_package *package, const struct baton_event *event)
{
	set_owner(package, "agent", event->case_claimed.epoch);
	package_set_name(&package->kase.agent, event->case_claimed.agent);
	package_set_name(&package->kase.agent_name, event->case_claimed.agent_name);
	add_transfer(package, event, event->case_claimed.from.n ? "taken_over" : "claimed",
		     event->case_claimed.agent, BATON_STR(""));
}

static void on_released(struct baton_package *package, const struct baton_event *event)
{
	set_owner(package, "queue", event->case_released.epoch);
	if (event->case_released.queue.n > 0)
		package_set_name(&package->kase.queue, event->case_released.queue);
	add_transfer(package, event, "released", event->case_released.agent,
		     event->case_released.reason);
}

static void on_transferred(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_case_transferred *moved = &event->case_transferred;

	set_owner(package, "queue", moved->epoch);
	package_set_name(&package->kase.queue, moved->queue);
	package_set_name(&package->kase.to_agent, moved->to_agent);
	add_transfer(package, event, "transferred", moved->agent, moved->reason);
}

static void on_handback(struct baton_package *package, const struct baton_event *event)
{
	set_owner(package, "bot", event->handback_approved.epoch);
	add_transfer(package, event, "handed_back", event->handback_approved.agent, BATON_STR(""));
}

static void on_resumed(struct baton_package *package, const struct baton_event *event)
{
	set_owner(package, "bot", event->automation_resumed.epoch);
	add_transfer(package, event, "resumed", BATON_STR(""), event->automation_resumed.reason);
}

static void on_resolved(struct baton_package *package, const struct baton_event *event)
{
	set_owner(package, "bot", event->session_resolved.epoch);
	package->about.resolved = true;
	add_transfer(package, event, "resolved", event->session_resolved.agent,
		     event->session_resolved.code);
}

static void on_moved(struct baton_package *package, const struct baton_event *event)
{
	(void)event;
	package_give_up(package);
}

/* --- what people wrote among themselves --- */

static void on_human(struct baton_package *package, const struct baton_event *event)
{
	(void)event;
	package->about.human_messages++;
}

static void on_offered(struct baton_package *package, const struct baton_event *event)
{
	(void)event;
	package->about.offered_human = true;
}

static void on_note(struct baton_package *package, const struct baton_event *event)
{
	struct package_item *item = package_add_item(package, PACKAGE_NOTES, event);
	struct baton_buf json;

	package_begin(&json, event);
	package_name(&json, "agent", event->note_added.agent);
	package_member(&json, "text", event->note_added.text, BATON_PACKAGE_TEXT_BYTES);
	package_end_item(item, &json);
	package_words_of(item, "", event->note_added.text);
}

static void on_writeup(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_writeup_generated *written = &event->writeup_generated;

	package->summary.seq = event->seq;
	package->summary.about = written->about;
	package_set(&package->summary.text, written->text, BATON_PACKAGE_SUMMARY_BYTES);
	package_set_name(&package->summary.origin, written->origin);
	package_set_name(&package->summary.target, written->target);
	package_set_name(&package->summary.model, written->model);
	package_set_name(&package->summary.failed, written->failed);
	package_add_sources(package, event, written->sources, false);
}

static void on_tagged(struct baton_package *package, const struct baton_event *event)
{
	package->tags.seq = event->seq;
	package_set(&package->tags.json, event->case_tagged.tags, SIZE_MAX);
}

/* --- all of it --- */

static void (*const folds[])(struct baton_package *package, const struct baton_event *event) = {
	[BATON_EV_SESSION_OPENED] = on_opened,
	[BATON_EV_MESSAGE_RECEIVED] = on_message,
	[BATON_EV_INTENT_DETECTED] = on_intent,
	[BATON_EV_POLICY_DECIDED] = package_on_policy,
	[BATON_EV_ROUTE_SELECTED] = package_on_route,
	[BATON_EV_SOURCES_RETRIEVED] = on_sources,
	[BATON_EV_MODEL_FAILED] = package_on_failed,
	[BATON_EV_ANSWER_SUPERSEDED] = package_on_superseded,
	[BATON_EV_ANSWER_GENERATED] = package_on_answer,
	[BATON_EV_DRAFT_PROPOSED] = package_on_draft,
	[BATON_EV_DRAFT_REVIEWED] = package_on_reviewed,
	[BATON_EV_ESCALATION_TRIGGERED] = on_escalated,
	[BATON_EV_CASE_QUEUED] = on_queued,
	[BATON_EV_CASE_CLAIMED] = on_claimed,
	[BATON_EV_CASE_RELEASED] = on_released,
	[BATON_EV_HUMAN_MESSAGE] = on_human,
	[BATON_EV_NOTE_ADDED] = on_note,
	[BATON_EV_HANDBACK_APPROVED] = on_handback,
	[BATON_EV_SESSION_RESOLVED] = on_resolved,
	[BATON_EV_MODE_ENTERED] = package_on_mode_entered,
	[BATON_EV_MODE_LEFT] = package_on_mode_left,
	[BATON_EV_AUTOMATION_RESUMED] = on_resumed,
	[BATON_EV_TURN_MOVED] = on_moved,
	[BATON_EV_ATTACHMENT_ADDED] = on_attachment,
	[BATON_EV_IDENTITY_VERIFIED] = on_verified,
	[BATON_EV_ATTRIBUTES_CLAIMED] = on_claimed_attributes,
	[BATON_EV_AUTHENTICATION_FAILED] = on_auth_failed,
	[BATON_EV_HUMAN_OFFERED] = on_offered,
	[BATON_EV_CASE_TRANSFERRED] = on_transferred,
	[BATON_EV_TICKET_LEFT] = on_ticket,
	[BATON_EV_CASE_ABANDONED] = on_abandoned,
	[BATON_EV_WRITEUP_GENERATED] = on_writeup,
	[BATON_EV_CASE_TAGGED] = on_tagged,
	[BATON_EV_TOOL_CALLED] = package_on_called,
	[BATON_EV_TOOL_FINISHED] = package_on_finished,
	[BATON_EV_TOOL_PROPOSED] = package_on_proposed,
	[BATON_EV_TOOL_REVIEWED] = package_on_decided,
	[BATON_EV_GUARD_HIT] = package_on_guard,
	[BATON_EV_PLAN_MADE] = package_on_plan,
};

struct baton_package *baton_package_new(const struct baton_id *session)
{
	struct baton_package *package = baton_new(struct baton_package);

	package->session = *session;
	package->kase.owner = BATON_STR("bot");
	return package;
}

void baton_package_add(struct baton_package *package, const struct baton_event *event)
{
	package->seq = event->seq;
	package->unix_ms = event->unix_ms;
	if ((size_t)event->type < sizeof(folds) / sizeof(folds[0]) && folds[event->type])
		folds[event->type](package, event);
}

static void drop_all(baton_str *const *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		baton_str_drop(parts[i]);
}

static void drop_words(struct baton_package *p)
{
	baton_str *const parts[] = {
		&p->about.channel,
		&p->about.locale,
		&p->about.origin,
		&p->about.customer,
		&p->about.customer_tier,
		&p->about.contact,
		&p->about.mode,
		&p->heard.intent,
		&p->heard.language,
		&p->is_signed.customer,
		&p->is_signed.name,
		&p->is_signed.email,
		&p->is_signed.tier,
		&p->is_signed.attributes,
		&p->is_signed.key,
		&p->claimed.attributes,
		&p->refused.reason,
		&p->why.rule,
		&p->why.reason,
		&p->why.facts,
		&p->why.when,
		&p->why.resumes,
		&p->kase.queue,
		&p->kase.agent,
		&p->kase.agent_name,
		&p->kase.to_agent,
		&p->summary.text,
		&p->summary.origin,
		&p->summary.target,
		&p->summary.model,
		&p->summary.failed,
		&p->tags.json,
		&p->plan.json,
		&p->incident.target,
		&p->incident.model,
		&p->incident.fail,
		&p->incident.scope,
		&p->incident.trigger,
		&p->incident.message,
		&p->incident.mode,
		&p->incident.drill,
	};

	drop_all(parts, sizeof(parts) / sizeof(parts[0]));
}

void baton_package_free(struct baton_package **package)
{
	struct baton_package *p = *package;

	if (!p)
		return;
	for (size_t which = 0; which < PACKAGE_LISTS_N; which++)
		for (size_t i = 0; i < p->lists[which].n; i++)
			drop_item(&p->lists[which].items[i]);
	for (size_t i = 0; i < p->n_tried; i++)
		package_drop_attempt(&p->tried[i]);
	for (size_t i = 0; i < p->n_drafts; i++)
		package_drop_draft(&p->drafts[i]);
	drop_words(p);
	baton_free(p);
	*package = NULL;
}

uint64_t baton_package_queued(const struct baton_package *package)
{
	return package->kase.seq;
}

uint64_t baton_package_written_about(const struct baton_package *package)
{
	return package->summary.about;
}

baton_str baton_package_rule(const struct baton_package *package, uint64_t *ret_release)
{
	*ret_release = package->why.release;
	return package->why.rule;
}

void baton_package_condition(struct baton_package *package, baton_str when)
{
	package_set(&package->why.when, when, SIZE_MAX);
}
