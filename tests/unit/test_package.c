/* SPDX-License-Identifier: Apache-2.0 */

/* The case package: a scripted conversation in it, and events in any order at all. */

#include "tests/unit/unit.h"

#include "core/base/json.h"
#include "core/session/package.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const struct baton_id session_id = { { 1, 2, 3 } };

struct story {
	struct baton_package *package;
	uint64_t seq;
};

static int open_story(void **state)
{
	static struct story story;

	story = (struct story){ .package = baton_package_new(&session_id) };
	*state = &story;
	return 0;
}

static int close_story(void **state)
{
	struct story *story = *state;

	baton_package_free(&story->package);
	assert_null(story->package);
	baton_package_free(&story->package);
	return 0;
}

/* As it comes out of the log. */
static uint64_t tell(struct story *story, const char *type, const char *payload)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event = { .seq = ++story->seq, .unix_ms = 1000 * story->seq };

	event.type = baton_event_type_of(baton_str_of(type));
	assert_int_not_equal(event.type, BATON_EV_NONE);
	assert_int_equal(baton_event_parse(event.type, baton_str_of(payload), &arena, &event), 0);
	baton_package_add(story->package, &event);
	baton_arena_done(&arena); /* the package keeps copies */
	return story->seq;
}

static json_t *shown(const struct story *story)
{
	struct baton_buf out = { NULL, 0, 0 };
	json_error_t error;

	baton_package_json(story->package, &out);
	json_t *json = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("%s in %.*s", error.text, (int)out.n, out.p);
	baton_buf_done(&out);
	return json;
}

/* Text at a path such as "why.rule" or "tried.0.fail"; "" if there is none. Numbers as digits. */
static const char *at(json_t *json, const char *path)
{
	static char value[4][2048];
	static unsigned turn;
	char part[64];

	while (json && *path) {
		size_t n = strcspn(path, ".");

		(void)snprintf(part, sizeof(part), "%.*s", (int)n, path);
		json = json_is_array(json) ? json_array_get(json, strtoul(part, NULL, 10))
					   : json_object_get(json, part);
		path += n + (path[n] == '.');
	}
	char *text = value[turn++ % 4];
	text[0] = '\0';
	if (json_is_string(json))
		(void)snprintf(text, sizeof(value[0]), "%s", json_string_value(json));
	else if (json_is_integer(json))
		(void)snprintf(text, sizeof(value[0]), "%lld", (long long)json_integer_value(json));
	else if (json_is_boolean(json))
		(void)snprintf(text, sizeof(value[0]), "%s", json_is_true(json) ? "true" : "false");
	return text;
}

static void tell_the_dispute(struct story *story)
{
	tell(story, "session_opened",
	     "{\"channel\":\"web\",\"locale\":\"en\",\"origin\":\"https://shop.example\"}");
	tell(story, "disclosure_made", "{\"text\":\"I am an AI.\"}");
	tell(story, "identity_verified",
	     "{\"customer\":\"c-17\",\"name\":\"Ada\",\"email\":\"ada@example.org\","
	     "\"customer_tier\":\"vip\",\"attributes\":{\"orders\":3},\"key\":\"k1\"}");
	tell(story, "attributes_claimed", "{\"attributes\":{\"plan\":\"gold\"}}");
	tell(story, "message_received", "{\"client_id\":\"m1\",\"text\":\"I was charged twice\"}");
	tell(story, "intent_detected",
	     "{\"turn\":5,\"intent\":\"billing-dispute\",\"confidence_ppm\":910000,"
	     "\"sentiment_ppm\":200000,\"language\":\"en\"}");
	tell(story, "policy_decided",
	     "{\"turn\":5,\"stage\":\"before\",\"action\":\"none\",\"rule\":\"\",\"facts\":{}}");
	tell(story, "sources_retrieved",
	     "{\"turn\":5,\"sources\":[{\"id\":\"refunds\",\"title\":\"Refunds\",\"uri\":\"/h/r\","
	     "\"version\":\"2026-01-02\",\"score_ppm\":700000},{\"id\":\"cards\",\"title\":\"Cards\",\"stale\":true}]}");
	tell(story, "route_selected",
	     "{\"turn\":5,\"route\":\"billing-dispute\",\"tier\":2,\"target\":\"main\","
	     "\"model\":\"gpt\",\"attempt\":1,\"reason\":\"primary\"}");
	tell(story, "model_failed",
	     "{\"turn\":5,\"attempt\":1,\"target\":\"main\",\"model\":\"gpt\",\"fail\":\"overloaded\","
	     "\"http_status\":503,\"shown_bytes\":9,\"message\":\"busy\",\"scope\":\"model\","
	     "\"trigger\":\"outage\"}");
	tell(story, "answer_superseded", "{\"turn\":5,\"attempt\":1,\"text\":\"We refund\"}");
	tell(story, "route_selected",
	     "{\"turn\":5,\"route\":\"billing-dispute\",\"tier\":2,\"target\":\"backup\","
	     "\"model\":\"small\",\"attempt\":2,\"reason\":\"fallback\",\"trigger\":\"outage\"}");
	tell(story, "policy_decided",
	     "{\"turn\":5,\"stage\":\"after\",\"action\":\"escalate\",\"rule\":\"dispute\","
	     "\"reason\":\"money is disputed\",\"facts\":{\"billing\":true,\"exchanges\":1,"
	     "\"age_ms\":40000,\"queue_depth\":3},\"release\":4}");
	tell(story, "escalation_triggered",
	     "{\"turn\":5,\"rule\":\"dispute\",\"reason\":\"money is disputed\",\"queue\":\"billing\","
	     "\"priority\":2,\"facts\":{\"billing\":true,\"exchanges\":1,\"age_ms\":40000,"
	     "\"queue_depth\":3},\"release\":4,\"tier\":2}");
	tell(story, "case_queued",
	     "{\"epoch\":1,\"queue\":\"billing\",\"text\":\"wait\",\"upto\":5,\"priority\":2,"
	     "\"reason\":\"money is disputed\",\"waiting_since_ms\":5000,\"tier\":2}");
}

static void everything_is_in_it_with_its_seq(void **state)
{
	struct story *story = *state;

	tell_the_dispute(story);
	json_t *json = shown(story);
	assert_string_equal(at(json, "questions.0.text"), "I was charged twice");
	assert_string_equal(at(json, "questions.0.seq"), "5");
	assert_string_equal(at(json, "tried.0.target"), "main");
	assert_string_equal(at(json, "tried.0.outcome"), "failed");
	assert_string_equal(at(json, "tried.0.fail"), "overloaded");
	assert_string_equal(at(json, "tried.0.http_status"), "503");
	assert_string_equal(at(json, "tried.0.withdrawn"), "true");
	assert_string_equal(at(json, "tried.1.target"), "backup");
	assert_string_equal(at(json, "tried.1.trigger"), "outage");
	assert_string_equal(at(json, "tried.1.outcome"), "given_up");
	assert_string_equal(at(json, "identity.signed.customer"), "c-17");
	assert_string_equal(at(json, "identity.signed.attributes.orders"), "3");
	assert_string_equal(at(json, "identity.claimed.attributes.plan"), "gold");
	assert_string_equal(at(json, "identity.signed.attributes.plan"), "");
	assert_string_equal(at(json, "sources.0.id"), "refunds");
	assert_string_equal(at(json, "sources.0.used"), "false");
	assert_string_equal(at(json, "sources.1.id"), "cards");
	assert_string_equal(at(json, "sources.1.stale"), "true");
	assert_string_equal(at(json, "limits.0.kind"), "trigger");
	assert_string_equal(at(json, "limits.1.name"), "dispute");
	assert_string_equal(at(json, "incident.target"), "main");
	assert_string_equal(at(json, "incident.since_ms"), "10000");
	assert_string_equal(at(json, "incident.http_status"), "503");
	assert_string_equal(at(json, "why.rule"), "dispute");
	assert_string_equal(at(json, "why.seq"), "14");
	assert_string_equal(at(json, "why.values.queue_depth"), "3");
	assert_string_equal(at(json, "tier"), "2");
	assert_string_equal(at(json, "owner"), "queue");
	assert_string_equal(at(json, "queue"), "billing");
	assert_string_equal(at(json, "language"), "en");
	assert_string_equal(at(json, "data.intent"), "billing-dispute");
	assert_int_equal(baton_package_queued(story->package), 15);
	json_decref(json);
}

static void values_are_those_the_condition_names(void **state)
{
	struct story *story = *state;
	uint64_t release;

	tell_the_dispute(story);
	assert_true(baton_str_is(baton_package_rule(story->package, &release), "dispute"));
	assert_int_equal(release, 4);
	baton_package_condition(story->package,
				BATON_STR("billing && age > duration('30s') && queue_depths < 2"));
	json_t *json = shown(story);
	assert_string_equal(at(json, "why.values.billing"), "true");
	assert_string_equal(at(json, "why.values.age_ms"), "40000");
	assert_string_equal(at(json, "why.values.queue_depth"), "");
	assert_string_equal(at(json, "why.values.exchanges"), "");
	json_decref(json);
	/* Another escalation: the condition was the other rule's. */
	tell(story, "escalation_triggered", "{\"rule\":\"later\",\"facts\":{\"exchanges\":9}}");
	json = shown(story);
	assert_string_equal(at(json, "why.values.exchanges"), "9");
	assert_string_equal(at(json, "why.when"), "");
	json_decref(json);
}

static void an_incident_ends_when_the_usual_target_answers(void **state)
{
	struct story *story = *state;

	tell_the_dispute(story);
	tell(story, "message_received", "{\"client_id\":\"m2\",\"text\":\"And now?\"}");
	tell(story, "route_selected", "{\"turn\":16,\"target\":\"backup\",\"attempt\":1}");
	tell(story, "answer_generated",
	     "{\"turn\":16,\"attempt\":1,\"text\":\"So.\",\"target\":\"backup\",\"substitute\":true,"
	     "\"sources\":[{\"id\":\"refunds\"}]}");
	json_t *json = shown(story);
	assert_string_equal(at(json, "incident.target"), "main");
	assert_string_equal(at(json, "tried.2.outcome"), "answered");
	assert_string_equal(at(json, "sources.0.used"), "true");
	json_decref(json);
	tell(story, "route_selected", "{\"turn\":17,\"target\":\"main\",\"attempt\":1}");
	tell(story, "answer_generated", "{\"turn\":17,\"attempt\":1,\"text\":\"So.\"}");
	json = shown(story);
	assert_null(json_object_get(json, "incident"));
	json_decref(json);
}

static void drafts_carry_what_became_of_them(void **state)
{
	struct story *story = *state;

	tell_the_dispute(story);
	uint64_t first = tell(story, "draft_proposed",
			      "{\"turn\":5,\"text\":\"We are sorry.\",\"confidence_ppm\":800000}");
	tell(story, "draft_proposed", "{\"turn\":5,\"text\":\"Hm.\",\"asked_by\":\"nina\"}");
	char review[128];
	(void)snprintf(
		review, sizeof(review),
		"{\"draft\":%llu,\"agent\":\"nina\",\"action\":\"edited\",\"edit_ppm\":125000}",
		(unsigned long long)first);
	tell(story, "draft_reviewed", review);
	json_t *json = shown(story);
	assert_string_equal(at(json, "drafts.0.review.action"), "edited");
	assert_string_equal(at(json, "drafts.0.review.edit_ppm"), "125000");
	assert_string_equal(at(json, "drafts.0.confidence_ppm"), "800000");
	assert_string_equal(at(json, "drafts.1.asked_by"), "nina");
	assert_null(json_object_get(json_array_get(json_object_get(json, "drafts"), 1), "review"));
	json_decref(json);
}

static void people_and_their_words_are_in_it(void **state)
{
	struct story *story = *state;

	tell_the_dispute(story);
	tell(story, "case_claimed", "{\"epoch\":2,\"agent_name\":\"Nina\",\"agent\":\"nina\"}");
	tell(story, "note_added",
	     "{\"client_id\":\"n\",\"agent\":\"nina\",\"text\":\"call the bank\"}");
	tell(story, "case_tagged",
	     "{\"client_id\":\"t\",\"agent\":\"nina\",\"tags\":[\"refund\"]}");
	tell(story, "attachment_added",
	     "{\"attachment\":\"a1\",\"name\":\"bill.pdf\",\"media_type\":\"application/pdf\","
	     "\"bytes\":10,\"by\":\"customer\"}");
	tell(story, "ticket_left",
	     "{\"client_id\":\"x\",\"text\":\"ok\",\"contact\":\"a@b.example\"}");
	tell(story, "case_transferred",
	     "{\"epoch\":3,\"queue\":\"security\",\"text\":\"\",\"agent\":\"nina\",\"to_agent\":\"omar\","
	     "\"reason\":\"looks stolen\"}");
	uint64_t written = tell(story, "writeup_generated",
				"{\"about\":15,\"text\":\"Charged twice [5].\",\"origin\":\"ai\"}");
	json_t *json = shown(story);
	assert_string_equal(at(json, "notes.0.text"), "call the bank");
	assert_string_equal(at(json, "tags.0"), "refund");
	assert_string_equal(at(json, "attachments.0.name"), "bill.pdf");
	assert_string_equal(at(json, "data.contact"), "a@b.example");
	assert_string_equal(at(json, "transfers.0.what"), "claimed");
	assert_string_equal(at(json, "transfers.1.what"), "transferred");
	assert_string_equal(at(json, "transfers.1.to_agent"), "omar");
	assert_string_equal(at(json, "to_agent"), "omar");
	assert_string_equal(at(json, "queue"), "security");
	assert_string_equal(at(json, "agent"), "");
	assert_string_equal(at(json, "summary.text"), "Charged twice [5].");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json, "summary"), "seq")),
		written);
	assert_int_equal(baton_package_written_about(story->package), 15);
	json_decref(json);
}

static void failed_look_ups_are_named(void **state)
{
	struct story *story = *state;

	tell(story, "intent_detected", "{\"turn\":1,\"failed\":\"timeout\"}");
	tell(story, "sources_retrieved", "{\"turn\":1,\"sources\":[],\"failed\":\"module\"}");
	tell(story, "sources_retrieved", "{\"turn\":1,\"sources\":[]}");
	tell(story, "authentication_failed", "{\"reason\":\"expired\"}");
	json_t *json = shown(story);
	assert_string_equal(at(json, "lookups.0.what"), "classifier");
	assert_string_equal(at(json, "lookups.1.failed"), "module");
	assert_string_equal(at(json, "lookups.2.failed"), "nothing_found");
	assert_string_equal(at(json, "lookups.3.what"), "identity");
	assert_string_equal(at(json, "identity.failed.reason"), "expired");
	assert_null(json_object_get(json_object_get(json, "identity"), "signed"));
	json_decref(json);
}

static void the_newest_are_kept_and_the_others_counted(void **state)
{
	struct story *story = *state;
	char text[64];

	for (int i = 0; i < 500; i++) {
		(void)snprintf(text, sizeof(text), "{\"client_id\":\"m%d\",\"text\":\"number %d\"}",
			       i, i);
		tell(story, "message_received", text);
		tell(story, "route_selected", "{\"turn\":1,\"target\":\"main\",\"attempt\":1}");
		tell(story, "draft_proposed", "{\"turn\":1,\"text\":\"x\"}");
	}
	json_t *json = shown(story);
	json_t *questions = json_object_get(json, "questions");
	assert_int_equal(json_array_size(questions), 10);
	assert_string_equal(at(json, "questions.9.text"), "number 499");
	assert_string_equal(at(json, "left_out.questions"), "490");
	assert_string_equal(at(json, "left_out.tried"), "488");
	assert_string_equal(at(json, "left_out.drafts"), "497");
	json_decref(json);
}

static void long_texts_are_cut_between_characters(void **state)
{
	struct story *story = *state;
	struct baton_buf payload = { NULL, 0, 0 };

	baton_buf_z(&payload, "{\"client_id\":\"m\",\"text\":\"x");
	for (int i = 0; i < 2000; i++)
		baton_buf_z(&payload, "\xe2\x82\xac");
	baton_buf_z(&payload, "\"}");
	tell(story, "message_received", payload.p);
	json_t *json = shown(story);
	assert_int_equal(strlen(at(json, "questions.0.text")), 1000);
	assert_string_equal(at(json, "questions.0.cut"), "true");
	json_decref(json);
	baton_buf_done(&payload);
}

static void the_write_up_says_it_in_words_with_links(void **state)
{
	struct story *story = *state;
	struct baton_buf out = { NULL, 0, 0 };

	tell_the_dispute(story);
	baton_package_text(story->package, &out);
	assert_non_null(strstr(out.p, "Why it is here: money is disputed (dispute) [14]\n"));
	assert_non_null(strstr(out.p, "- \"I was charged twice\" [5]\n"));
	assert_non_null(strstr(out.p, "Signed in as: Ada, vip [3]\n"));
	assert_non_null(strstr(out.p,
			       "- main: failed, overloaded (HTTP 503), withdrawn in front of "
			       "the customer [9]\n"));
	assert_non_null(strstr(out.p, "- Refunds [8]\n"));
	assert_non_null(strstr(out.p, "A model is not well: main, overloaded (HTTP 503)"));
	baton_buf_done(&out);
}

/* --- any events, in any order --- */

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void any_event(uint32_t *seed, struct baton_event *event)
{
	static const char *const texts[] = { "",
					     "main",
					     "x\"\\\n\x01",
					     "gr\xc3\xbc\xc3\x9f",
					     "core.tier_3",
					     "\xff\xfe not text",
					     "12",
					     "failed" };
	static const char *const values[] = { "",
					      "[{\"id\":\"a\",\"title\":\"A\"}]",
					      "{\"a\":{\"b\":[1]}}",
					      "[1,2,{\"id\":7}]",
					      "{broken",
					      "\"text\"",
					      "[{\"id\":\"b\"},{\"id\":\"b\"}]" };
	unsigned type = 1 + next(seed) % 45;

	*event = (struct baton_event){ .type = (enum baton_event_type)type,
				       .seq = next(seed) % 300,
				       .unix_ms = next(seed) };
	const struct baton_event_info *info = baton_event_info(type);
	for (size_t i = 0; i < info->n_fields; i++) {
		char *to = (char *)event + info->fields[i].offset;
		baton_str text = baton_str_of(texts[next(seed) % 8]);
		baton_str value = baton_str_of(values[next(seed) % 7]);
		uint64_t number = next(seed) % 20;
		bool flag = next(seed) % 2;

		switch (info->fields[i].kind) {
		case BATON_FIELD_STR:
			memcpy(to, &text, sizeof(text));
			break;
		case BATON_FIELD_JSON:
			memcpy(to, &value, sizeof(value));
			break;
		case BATON_FIELD_U64:
			memcpy(to, &number, sizeof(number));
			break;
		case BATON_FIELD_BOOL:
			memcpy(to, &flag, sizeof(flag));
			break;
		}
	}
}

static void any_events_in_any_order_make_a_package(void **state)
{
	(void)state;
	for (uint32_t round = 1; round <= 60; round++) {
		struct story story = { .package = baton_package_new(&session_id) };
		uint32_t seed = round;

		for (unsigned i = 0; i < 400; i++) {
			struct baton_event event;
			struct baton_buf words = { NULL, 0, 0 };

			any_event(&seed, &event);
			baton_package_add(story.package, &event);
			if (i % 40 != 39)
				continue;
			json_decref(shown(&story));
			baton_package_text(story.package, &words);
			assert_true(words.n < 64 * 1024);
			baton_buf_done(&words);
		}
		struct baton_buf out = { NULL, 0, 0 };
		baton_package_json(story.package, &out);
		assert_true(out.n < 64 * 1024);
		struct baton_json parsed;
		assert_int_equal(baton_json_parse(baton_buf_view(&out), &parsed), 0);
		baton_buf_done(&out);
		baton_package_free(&story.package);
	}
}

int main(void)
{
#define STORY(test) cmocka_unit_test_setup_teardown(test, open_story, close_story)
	const struct CMUnitTest tests[] = {
		STORY(everything_is_in_it_with_its_seq),
		STORY(values_are_those_the_condition_names),
		STORY(an_incident_ends_when_the_usual_target_answers),
		STORY(drafts_carry_what_became_of_them),
		STORY(people_and_their_words_are_in_it),
		STORY(failed_look_ups_are_named),
		STORY(the_newest_are_kept_and_the_others_counted),
		STORY(long_texts_are_cut_between_characters),
		STORY(the_write_up_says_it_in_words_with_links),
		cmocka_unit_test(any_events_in_any_order_make_a_package),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
