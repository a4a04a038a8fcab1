/* SPDX-License-Identifier: Apache-2.0 */

/* A replay with the real things: a journal on disk, and the shop's own modules in a rack. */

#include "core/module/scratch.h"
#include "core/policy/expr.h"
#include "core/session/event.h"
#include "core/swap/ask.h"
#include "tests/unit/journal_kit.h"
#include "tests/unit/often.h"
#include "tests/unit/policy_set.h"
#include "tests/unit/set_rules.h"

#include <time.h>

enum { TURNS = 10000, RECORDS = 8 };
static const uint64_t day_ms = 1795000000000ull;

/* --- sets and releases ------------------------------------------------------------------------ */

static char modules_dir[256];

static void find_modules(void)
{
	ssize_t n = readlink("/proc/self/exe", modules_dir, sizeof(modules_dir) - 16);

	assert_true(n > 0);
	modules_dir[n] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(modules_dir, '/') = '\0';
	memcpy(modules_dir + strlen(modules_dir), "/modules", 9);
}

/* The shop with another first rule, if one is given. Modules that decide, in this process. */
static struct baton_policy *shop_with(const char *first_rule)
{
	struct baton_policy *policy = NULL;
	struct baton_buf said = { 0 };
	size_t n = 0;

	if (set_load("policies/shop", &said, &policy) != 0)
		fail_msg("%s", said.p);
	baton_buf_done(&said);
	for (size_t i = 0; i < policy->n_modules; i++) {
		struct baton_policy_module *module = &policy->modules[i];

		if (strcmp(module->kind, "rule") != 0) {
			json_decref(module->config);
			continue;
		}
		module->isolation = "inline";
		policy->modules[n++] = *module;
	}
	policy->n_modules = n;
	if (first_rule) {
		json_t *rules = json_object_get(
			json_object_get(policy->modules[0].config, "policy"), "rules");
		json_t *rule = json_loads(first_rule, 0, NULL);

		assert_non_null(rule);
		assert_int_equal(json_array_insert_new(rules, 0, rule), 0);
		char *text = json_dumps(policy->modules[0].config, JSON_COMPACT);
		policy->modules[0].config_json =
			baton_arena_dup(&policy->arena, text, strlen(text));
		policy->modules[0].config_json_n = strlen(text);
		free(text);
	}
	return policy;
}

struct pair {
	char run[BATON_SCRATCH_BYTES];
	struct baton_release *old, *now;
	struct baton_loop *loop;
};

static struct baton_release *stage(struct pair *pair, struct baton_release *base,
				   struct baton_policy *policy)
{
	struct baton_stage_options options = { .modules_dir = modules_dir, .run_dir = pair->run };
	struct baton_release *release = NULL;
	char why[512];

	if (baton_release_stage(&options, base, policy, base ? 2 : 1, &release, why, sizeof(why)) <
	    0)
		fail_msg("%s", why);
	return release;
}

static void pair_begin(struct pair *pair, const char *first_rule)
{
	memset(pair, 0, sizeof(*pair));
	assert_int_equal(baton_scratch_make(pair->run, "replay"), BATON_OK);
	pair->loop = baton_loop_new("replay");
	pair->old = stage(pair, NULL, shop_with(NULL));
	pair->now = stage(pair, pair->old, shop_with(first_rule));
}

static void pair_end(struct pair *pair)
{
	baton_release_unref(&pair->now);
	baton_release_unref(&pair->old);
	baton_loop_free(&pair->loop);
	set_end(pair->run);
}

/* --- a journal of turns ----------------------------------------------------------------------- */

struct writing {
	struct baton_record records[RECORDS];
	struct baton_buf payloads[RECORDS];
	size_t n;
};

static void say(struct writing *writing, uint64_t unix_ms, const struct baton_event *event)
{
	struct baton_buf *payload = &writing->payloads[writing->n];

	baton_event_json(event, BATON_AUDIENCE_AGENT, payload);
	writing->records[writing->n] = (struct baton_record){ .seq = writing->n + 1,
							      .unix_ms = unix_ms,
							      .epoch = 1,
							      .type = event->type,
							      .payload = baton_buf_view(payload) };
	writing->n++;
}

static void decided(struct writing *writing, uint64_t unix_ms, const char *stage,
		    const baton_facts *facts)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_facts_json(facts, &json);
	say(writing, unix_ms,
	    &(struct baton_event){ .type = BATON_EV_POLICY_DECIDED,
				   .policy_decided = { .turn = 3,
						       .stage = baton_str_of(stage),
						       .action = BATON_STR("none"),
						       .facts = baton_buf_view(&json),
						       .release = 1 } });
	baton_buf_done(&json);
}

static void write_turn(struct kit *kit, unsigned i, uint64_t unix_ms)
{
	struct writing w = { .n = 0 };
	baton_facts facts = { .size = sizeof(facts),
			      .intent = BATON_STR("order-status"),
			      .channel = BATON_STR("web"),
			      .locale = BATON_STR("en-GB"),
			      .customer_tier = i % 10 ? BATON_STR("standard") : BATON_STR("vip"),
			      .intent_ppm = 900000,
			      .sentiment_ppm = 500000,
			      .primary_health_ppm = 1000000,
			      .tool_success_ppm = 1000000,
			      .unresolved_exchanges = i % 3,
			      .age_ms = 4000 + i };

	say(&w, unix_ms,
	    &(struct baton_event){ .type = BATON_EV_SESSION_OPENED,
				   .session_opened = { .channel = BATON_STR("web") } });
	say(&w, unix_ms,
	    &(struct baton_event){ .type = BATON_EV_DISCLOSURE_MADE,
				   .disclosure_made = { BATON_STR("You are talking to an AI.") } });
	say(&w, unix_ms,
	    &(struct baton_event){ .type = BATON_EV_MESSAGE_RECEIVED,
				   .message_received = { .client_id = BATON_STR("a"),
							 .text = BATON_STR("Where is it?") } });
	say(&w, unix_ms,
	    &(struct baton_event){ .type = BATON_EV_INTENT_DETECTED,
				   .intent_detected = { .turn = 3,
							.intent = BATON_STR("order-status"),
							.confidence_ppm = 900000 } });
	decided(&w, unix_ms, "before", &facts);
	say(&w, unix_ms,
	    &(struct baton_event){ .type = BATON_EV_ROUTE_SELECTED,
				   .route_selected = { .turn = 3,
						       .route = BATON_STR("order-status"),
						       .target = BATON_STR("shop_knowledge") } });
	facts.stage = BATON_STAGE_AFTER;
	facts.answer_ppm = 800000;
	decided(&w, unix_ms, "after", &facts);
	say(&w, unix_ms,
	    &(struct baton_event){
		    .type = BATON_EV_ANSWER_GENERATED,
		    .answer_generated = { .turn = 3,
					  .text = BATON_STR("It left our house this morning.") } });
	struct baton_append append = { .session = kit_id(i),
				       .records = w.records,
				       .n_records = w.n };
	int rc;
	/* The writer's line is bounded: who writes faster waits. */
	while ((rc = baton_lane_append(kit->lane, &append, kit->next_ticket)) == BATON_E_AGAIN)
		kit_wait(kit);
	assert_int_equal(rc, 0);
	kit->next_ticket++;
	for (size_t k = 0; k < w.n; k++)
		baton_buf_done(&w.payloads[k]);
}

/* Of this process: what others do on the machine is not our work. */
static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- promises --------------------------------------------------------------------------------- */

static const char strict[] =
	"{\"id\":\"impatient\",\"stage\":\"before\",\"when\":\"unresolved_exchanges >= 2\","
	"\"action\":\"escalate_now\",\"queue\":\"billing\",\"priority\":1,"
	"\"reason\":\"twice\",\"reversible\":false}";

static void ten_thousand_recorded_decisions_are_tried_within_a_second(void **state)
{
	static struct kit kit;
	struct pair pair;
	struct baton_replay_sum sum;

	(void)state;
	kit_init(&kit);
	kit.options.not_durable = true;
	kit_open(&kit);
	for (unsigned i = 0; i < TURNS; i++)
		write_turn(&kit, i, day_ms + i);
	kit_wait(&kit);
	pair_begin(&pair, strict);
	struct baton_replay_options options = { .journal = kit.journal,
						.turns = TURNS,
						.since_ms = day_ms,
						.until_ms = day_ms + 3600000,
						.time_ms = 60000,
						.old = pair.old,
						.now = pair.now };
	double before = seconds();
	assert_int_equal(baton_replay_run(&options, &sum), 0);
	double took = seconds() - before;
	print_message("# %llu decisions out of the journal, by loaded rules: %.0f ms\n",
		      (unsigned long long)sum.turns, took * 1000);
	assert_false(sum.out_of_time);
	assert_int_equal(sum.turns, TURNS);
	/* Each third has two unresolved exchanges; some of those went to a person before. */
	assert_true(sum.changed > TURNS / 4 && sum.changed <= TURNS / 3 + 1);
	assert_string_equal(sum.queues[0].name, "billing");
	assert_int_equal(sum.queues[0].after, TURNS / 3);
	assert_true(took < 1 * SLOWER);
	baton_replay_sum_done(&sum);

	/* The newest few alone; a release beside itself changes nothing. */
	options.turns = 100;
	options.now = pair.old;
	assert_int_equal(baton_replay_run(&options, &sum), 0);
	assert_int_equal(sum.turns, 100);
	assert_int_equal(sum.changed, 0);
	baton_replay_sum_done(&sum);
	options.now = pair.now;
	assert_int_equal(baton_replay_run(&options, &sum), 0);
	assert_int_equal(sum.turns, 100);
	assert_int_equal(sum.first_ms, day_ms + TURNS - 100);
	baton_replay_sum_done(&sum);

	/* A window before all of it, and one in the middle. */
	options.turns = TURNS;
	options.since_ms = day_ms - 7200000;
	options.until_ms = day_ms - 1;
	assert_int_equal(baton_replay_run(&options, &sum), 0);
	assert_int_equal(sum.turns, 0);
	baton_replay_sum_done(&sum);
	options.since_ms = day_ms + 5000;
	options.until_ms = day_ms + 5999;
	assert_int_equal(baton_replay_run(&options, &sum), 0);
	assert_int_equal(sum.turns, 1000);
	baton_replay_sum_done(&sum);
	pair_end(&pair);
	kit_done(&kit);
}

/* Few decisions among much else: it looks further back until there are enough. */
static void decisions_that_are_far_apart_are_found(void **state)
{
	static struct kit kit;
	struct pair pair;
	struct baton_replay_sum sum;

	(void)state;
	kit_init(&kit);
	kit.options.not_durable = true;
	kit_open(&kit);
	for (unsigned i = 0; i < 20; i++) {
		write_turn(&kit, i, day_ms + i);
		for (unsigned k = 0; k < 200; k++)
			assert_true(kit_append(&kit, 1000 + i * 200 + k, 0, 0, 1) >= 0);
		kit_wait(&kit);
	}
	pair_begin(&pair, NULL);
	struct baton_replay_options options = { .journal = kit.journal,
						.turns = 20,
						.until_ms = UINT64_MAX,
						.old = pair.old,
						.now = pair.now };
	assert_int_equal(baton_replay_run(&options, &sum), 0);
	assert_int_equal(sum.turns, 20);
	assert_int_equal(sum.changed, 0);
	baton_replay_sum_done(&sum);
	pair_end(&pair);
	kit_done(&kit);
}

static void the_module_and_the_text_of_its_rules_say_the_same(void **state)
{
	struct pair pair;
	struct baton_rack_events deaf = { .ud = NULL };
	char why[256];
	uint64_t r = 20261121;

	(void)state;
	pair_begin(&pair, NULL);
	struct baton_rack *rack = baton_rack_new(pair.loop, &deaf);
	assert_int_equal(baton_rack_adopt(rack, pair.old, why, sizeof(why)), 0);
	struct set_rules *rules = set_rules_new(baton_release_policy(pair.old));
	for (unsigned i = 0; i < 20000; i++) {
		static const char *const intents[] = { "complaint",        "order-status",
						       "billing-question", "refund-policy",
						       "small-talk",       "" };
		baton_verdict a = { .size = sizeof(a) }, b = { .size = sizeof(b) };
		r ^= r << 13, r ^= r >> 7, r ^= r << 17;
		baton_facts facts = { .size = sizeof(facts),
				      .flags = (uint32_t)(r & 0x1f & (r >> 40)),
				      .intent = baton_str_of(intents[(r >> 8) % 6]),
				      .customer_tier = r & 256 ? BATON_STR("vip") : BATON_STR(""),
				      .unresolved_exchanges = (uint32_t)(r >> 16) % 5,
				      .auth_failures = (uint32_t)(r >> 20) % 5,
				      .tool_errors = (uint32_t)(r >> 24) % 4,
				      .answer_ppm = (uint32_t)(r >> 28) % 1000001,
				      .intent_ppm = (uint32_t)(r >> 32) % 1000001,
				      .sentiment_ppm = (uint32_t)(r >> 30) % 1000001,
				      .stage = (uint32_t)(r >> 63) };

		assert_int_equal(baton_rack_rules(rack, pair.old, &facts, &a), 0);
		assert_int_equal(set_rules_ask(rules, &facts, &b), 0);
		assert_int_equal(a.action, b.action);
		assert_string_equal(a.rule ? a.rule : "", b.rule ? b.rule : "");
		assert_string_equal(a.queue ? a.queue : "", b.queue ? b.queue : "");
		assert_int_equal(a.priority, b.priority);
	}
	set_rules_free(&rules);
	baton_rack_free(&rack);
	pair_end(&pair);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_recorded_decisions_are_tried_within_a_second),
		cmocka_unit_test(decisions_that_are_far_apart_are_found),
		cmocka_unit_test(the_module_and_the_text_of_its_rules_say_the_same),
	};

	(void)argc;
	kit_self = argv[0];
	find_modules();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
