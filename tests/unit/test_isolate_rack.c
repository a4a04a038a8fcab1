/* SPDX-License-Identifier: Apache-2.0 */

/* The same module inline and in its own process, behind a real rack: what a turn hears is the same,
 * and so is what is counted of its sins. Where the two must differ, it is said here how. */
#include "tests/unit/module_rig.h"

#include "core/journal/journal.h"

enum { KEEP_TEXT = 4096 };

struct outcome {
	char heard[KEEP_TEXT];
	char broken[KEEP_TEXT]; /* what was counted of broken rules */
};

/* As rig_stage(), with what a process needs. */
static int stage(struct rig *rig)
{
	char modhost[512];
	struct baton_stage_options options = { .modules_dir = rig->modules,
					       .run_dir = rig->run,
					       .secrets_dir = rig->secrets,
					       .journal = rig->journal,
					       .no_probe = true };
	rig_path(modhost, sizeof(modhost), rig->base, "baton-modhost");
	options.modhost = modhost;
	memset(rig->why, 0, sizeof(rig->why));
	int rc = baton_release_stage(&options, NULL, rig->policy, 7, &rig->release, rig->why,
				     sizeof(rig->why));
	if (rc == 0)
		rig->policy = NULL;
	return rc;
}

static void hold(struct rig *rig, const char *file, const char *kind, const char *config,
		 bool isolated)
{
	char from[128];
	(void)snprintf(from, sizeof(from), "tests/modules/%s", file);
	rig_install(rig, from, file);
	rig_module(rig, "sinner", kind, file, config)->isolation = isolated ? "process" : "inline";
	if (stage(rig) != 0 || rig_rack(rig) != 0)
		fail_msg("%s", rig->why);
	/* In its own process an instance is made a moment later. */
	if (!isolated)
		return;
	assert_int_equal(baton_rack_check(rig->rack, rig->release, 0, 1000, 0), 0);
	rig_run(rig, rig->ends + 1);
	baton_buf_reset(&rig->heard);
}

static void ask(struct rig *rig, const char *kind)
{
	baton_turn turn = { .size = sizeof(turn), .intent = BATON_STR("refund") };
	baton_query query = {
		.size = sizeof(query), .k = 3, .turn = &turn, .text = BATON_STR("q")
	};
	baton_entry entry = { .seq = 1,
			      .session_id = BATON_STR("s"),
			      .type = BATON_STR("t"),
			      .json = BATON_STR("{}") };
	const baton_tool_req tool = { .size = sizeof(tool),
				      .flags = BATON_TOOL_WRITES,
				      .turn = &turn,
				      .name = BATON_STR("look"),
				      .args_json = BATON_STR("{}"),
				      .idempotency_key = BATON_STR("k") };
	int rc = strcmp(kind, "provider") == 0 ? rig_generate(rig, 1, "sinner")
		 : strcmp(kind, "classifier") == 0
			 ? baton_rack_classify(rig->rack, rig->release, 1, &turn)
		 : strcmp(kind, "retriever") == 0
			 ? baton_rack_retrieve(rig->rack, rig->release, 1, &query)
		 : strcmp(kind, "tool") == 0
			 ? baton_rack_invoke(rig->rack, rig->release, 1, "sinner", &tool)
			 : baton_rack_transcript(rig->rack, rig->release, 1, "sinner", &entry, 1);
	assert_int_equal(rc, 0);
	rig_run(rig, rig->ends + 1);
	rig_idle(rig, 20); /* late words */
}

/* The lines of the metrics that count broken rules. */
static void take_broken(struct rig *rig, char *to, size_t cap)
{
	struct baton_buf text = { 0 };
	rig_metrics(rig, &text);
	to[0] = 0;
	for (char *at = text.p, *end; at && *at; at = end + 1) {
		end = strchr(at, '\n');
		*end = 0;
		size_t n = strlen(to);
		bool none = end - at > 2 && end[-2] == ' ' && end[-1] == '0';
		/* What load() does wrong in a process of its own is said in a line, not counted. */
		none = none || strstr(at, "rule=\"wrong_state\"");
		if (strncmp(at, "baton_module_contract_violations_total{", 39) == 0 && !none)
			(void)snprintf(to + n, cap - n, "%s\n", at + 39);
	}
	baton_buf_done(&text);
}

static void run(const char *kind, const char *sin, bool isolated, struct outcome *ret)
{
	void *state = NULL;
	char config[200];
	(void)rig_setup(&state);
	struct rig *rig = state;
	(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\",\"text\":\"\"}", sin);
	hold(rig, "sinner.so", kind, config, isolated);
	ask(rig, kind);
	(void)snprintf(ret->heard, sizeof(ret->heard), "%s", rig_heard(rig));
	take_broken(rig, ret->broken, sizeof(ret->broken));
	(void)rig_teardown(&state);
}

static void same(const char *kind, const char *sin, bool counts_too)
{
	struct outcome here, there;
	run(kind, sin, false, &here);
	run(kind, sin, true, &there);
	print_message("# %s %s\n", kind, sin);
	assert_string_equal(there.heard, here.heard);
	if (counts_too)
		assert_string_equal(there.broken, here.broken);
	else /* at least as many: none is hidden */
		assert_true(strlen(there.broken) > 0);
}

static void providers_are_heard_and_counted_alike(void **state)
{
	static const char *const sins[] = {
		"none",      "two_ends", "delta_after_end", "split_utf8", "cut_utf8",  "huge",
		"null_data", "bad_kind", "bad_reason",      "bad_fail",   "fail_text", "fail_scope",
		"stale",     "by_timer", "by_post",         "call_data",  "kv"
	};
	(void)state;
	for (size_t i = 0; i < sizeof(sins) / sizeof(sins[0]); i++)
		same("provider", sins[i], true);
}

static void the_other_kinds_are_heard_and_counted_alike(void **state)
{
	static const char *const rows[][2] = {
		{ "classifier", "" },
		{ "classifier", "c_ppm" },
		{ "classifier", "c_many" },
		{ "classifier", "c_name" },
		{ "classifier", "c_null" },
		{ "classifier", "c_nothing" },
		{ "retriever", "" },
		{ "transcript", "" },
		{ "tool", "" },
		{ "tool", "t_no" },
		{ "tool", "t_later" },
		{ "tool", "t_doubt" },
		{ "tool", "t_nothing" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		same(rows[i][0], rows[i][1], true);
}

/* A module learns a moment later that its call is over. What it says meanwhile it cannot know to be
 * wrong, and it is not counted against it. */
static void what_follows_a_cut_may_be_counted_less(void **state)
{
	(void)state;
	same("provider", "bad_utf8", false);
	same("retriever", "d_twice", false);
	same("retriever", "d_many", false);
	same("retriever", "d_null", false);
	same("retriever", "d_ppm", false);
	same("retriever", "d_type", false);
	same("classifier", "c_later", false);
	same("tool", "t_twice", false);
	same("tool", "t_no_code", false);
	same("tool", "t_json", false);
	same("tool", "t_empty", false);
	same("tool", "t_huge", false);
	same("tool", "t_short", false);
	same("tool", "t_delta", false);
}

/* Inline it is the starting call that says no. */
static void a_refused_start_becomes_a_failure(void **state)
{
	struct outcome there;
	(void)state;
	run("provider", "refuse", true, &there);
	assert_string_equal(there.heard, "1 fail 6 the module did not start it: -8\n");
}

static void rules_are_waited_for(void **state)
{
	struct rig *rig = *state;
	baton_facts facts = { .size = sizeof(facts) };
	baton_verdict a, b;
	hold(rig, "sinner.so", "rule", "{\"sin\":\"\",\"text\":\"\"}", true);
	assert_int_equal(baton_rack_rules(rig->rack, rig->release, &facts, &a), 0);
	assert_int_equal(baton_rack_rules(rig->rack, rig->release, &facts, &b), 0);
	assert_int_equal(a.action, BATON_ACT_ESCALATE);
	assert_string_equal(a.rule, "sin");
	assert_ptr_equal(a.rule, b.rule);
}

static void bad_verdicts_say_that_nothing_was_decided(void **state)
{
	static const char *const sins[] = { "r_action", "r_unnamed", "r_long", "r_fails" };
	(void)state;
	for (size_t i = 0; i < sizeof(sins) / sizeof(sins[0]); i++) {
		void *own = NULL;
		char config[200];
		baton_facts facts = { .size = sizeof(facts) };
		baton_verdict v;
		(void)rig_setup(&own);
		struct rig *rig = own;
		(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\",\"text\":\"\"}", sins[i]);
		hold(rig, "sinner.so", "rule", config, true);
		assert_int_equal(baton_rack_rules(rig->rack, rig->release, &facts, &v),
				 BATON_E_MODULE);
		assert_int_equal(v.action, BATON_ACT_NONE);
		(void)rig_teardown(&own);
	}
}

/* What a guard says of one text, and what is counted of it. */
static void look(const char *sin, bool isolated, struct outcome *ret)
{
	void *state = NULL;
	char config[200];
	baton_turn turn = { .size = sizeof(turn), .intent = BATON_STR("refund") };
	baton_hit v[4];
	baton_hits hits = { .size = sizeof(hits), .cap = 4, .v = v };
	const baton_inspection what = { .size = sizeof(what),
					.at = BATON_AT_ANSWER,
					.turn = &turn,
					.text = BATON_STR("\xc3\xbc\xc3\xbc") };
	(void)rig_setup(&state);
	struct rig *rig = state;
	(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\",\"text\":\"\"}", sin);
	hold(rig, "sinner.so", "guard", config, isolated);
	int rc = baton_rack_inspect(rig->rack, rig->release, "sinner", &what, &hits);
	int n = snprintf(ret->heard, sizeof(ret->heard), "%d safe %u", rc, hits.safe);
	for (uint32_t i = 0; i < hits.n; i++)
		n += snprintf(ret->heard + n, sizeof(ret->heard) - (size_t)n,
			      " %u-%u %u %u %.*s %.*s", v[i].begin, v[i].end, v[i].action,
			      v[i].confidence_ppm, (int)v[i].type.n, v[i].type.p, (int)v[i].rule.n,
			      v[i].rule.p);
	take_broken(rig, ret->broken, sizeof(ret->broken));
	(void)rig_teardown(&state);
}

static void guards_are_heard_and_counted_alike(void **state)
{
	static const char *const sins[] = { "",          "g_two",   "g_half",    "g_action",
					    "g_overlap", "g_order", "g_cut",     "g_ppm",
					    "g_type",    "g_rule",  "g_safe",    "g_many",
					    "g_list",    "g_odd",   "g_outside", "g_empty",
					    "g_fails",   "g_limit", "g_append" };
	(void)state;
	for (size_t i = 0; i < sizeof(sins) / sizeof(sins[0]); i++) {
		struct outcome here, there;
		look(sins[i], false, &here);
		look(sins[i], true, &there);
		print_message("# guard %s: %s\n", sins[i], here.heard);
		assert_string_equal(there.heard, here.heard);
		assert_string_equal(there.broken, here.broken);
	}
}

/* A tool that dies may have done what it was asked for. */
static void a_death_in_a_writing_tool_leaves_doubt(void **state)
{
	struct rig *rig = *state;
	hold(rig, "iso_odd.so", "tool", "{\"deed\":\"crash:invoke\"}", true);
	ask(rig, "tool");
	assert_string_equal(rig_heard(rig), "1 fail 13 the module's process has died\n");
	assert_int_equal(rig->error.flags, BATON_ERROR_IN_DOUBT);
}

static void values_are_kept_in_the_journal(void **state)
{
	struct rig *rig = *state;
	char path[96], key[96];
	struct baton_buf value = { 0 };
	rig_path(path, sizeof(path), rig->dir, "journal");
	rig_path(key, sizeof(key), rig->dir, "key");
	struct baton_journal_options options = { .path = path, .key_path = key };
	assert_int_equal(baton_journal_open(&options, &rig->journal), 0);
	hold(rig, "sinner.so", "provider", "{\"sin\":\"kv\",\"text\":\"\"}", true);
	ask(rig, "provider");
	assert_string_equal(rig_heard(rig), "1 delta 0 kept\n1 end 0\n");
	assert_int_equal(baton_journal_get(rig->journal, BATON_STR("kv/sinner/k"), &value), 0);
	assert_int_equal(value.n, 4);
	baton_buf_done(&value);
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
	baton_journal_close(&rig->journal);
}

/* --- a death behind a rack --------------------------------------------------------------- */

static void a_death_is_the_modules_failure(void **state)
{
	struct rig *rig = *state;
	hold(rig, "iso_odd.so", "provider", "{\"deed\":\"crash:start\"}", true);
	ask(rig, "provider");
	assert_string_equal(rig_heard(rig), "1 fail 13 the module's process has died\n");
	assert_int_equal(rig->error.fail, BATON_FAIL_MODULE);
}

static void a_call_after_a_death_is_refused_until_it_is_back(void **state)
{
	struct rig *rig = *state;
	hold(rig, "iso_odd.so", "provider", "{\"deed\":\"crash:start\"}", true);
	ask(rig, "provider");
	int rc = rig_generate(rig, 2, "sinner");
	assert_true(rc == BATON_E_AGAIN || rc == 0);
	/* A check waits until it is back, and then it is. */
	unsigned ends = rig->ends;
	assert_int_equal(baton_rack_check(rig->rack, rig->release, 0, 1001, 0), 0);
	while (rig->ends < ends + (rc == 0 ? 2 : 1))
		rig_run(rig, rig->ends + 1);
	assert_non_null(strstr(rig_heard(rig), "1001 end 0\n"));
}

/* A module that says that it does not run inline, does not. */
static void a_module_that_will_not_be_inline_is_not(void **state)
{
	struct rig *rig = *state;
	rig_install(rig, "tests/modules/iso_odd.so", "iso_odd.so");
	rig_module(rig, "sinner", "provider", "iso_odd.so", "{}")->isolation = "inline";
	assert_int_equal(stage(rig), BATON_E_MODULE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(providers_are_heard_and_counted_alike),
		cmocka_unit_test(the_other_kinds_are_heard_and_counted_alike),
		cmocka_unit_test(what_follows_a_cut_may_be_counted_less),
		cmocka_unit_test(a_refused_start_becomes_a_failure),
		TEST(rules_are_waited_for),
		cmocka_unit_test(bad_verdicts_say_that_nothing_was_decided),
		cmocka_unit_test(guards_are_heard_and_counted_alike),
		TEST(a_death_in_a_writing_tool_leaves_doubt),
		TEST(values_are_kept_in_the_journal),
		TEST(a_death_is_the_modules_failure),
		TEST(a_call_after_a_death_is_refused_until_it_is_back),
		TEST(a_module_that_will_not_be_inline_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
