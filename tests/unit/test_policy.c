/* SPDX-License-Identifier: Apache-2.0 */

/* What a sound set becomes: routes, defaults, what modules are told, and the demonstration shop. */

#include "core/base/limits.h"
#include "core/module/scratch.h"
#include "tests/unit/policy_set.h"

#include <dirent.h>

static struct baton_policy *load_quietly(const char *dir)
{
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;
	int rc = set_load(dir, &said, &policy);

	if (rc != 0 || said.n > 0)
		fail_msg("result %d, said\n%.*s", rc, (int)said.n, said.p);
	baton_buf_done(&said);
	return policy;
}

/* REQUIREMENTS R26-R28: these fields, these values. */
static void the_routes_of_the_documents_load_verbatim(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *policy;

	(void)state;
	set_begin(dir);
	policy = load_quietly(dir);
	set_end(dir);
	const struct baton_route *refund = baton_policy_route(policy, BATON_STR("refund-policy"));
	assert_string_equal(refund->primary->name, "primary_chat_model");
	assert_int_equal(refund->n_fallbacks, 1);
	assert_string_equal(refund->fallbacks[0]->name, "fast_backup_model");
	assert_int_equal(refund->max_p95_ms, 3500);
	assert_true(refund->disable_tools_on_fallback);
	assert_int_equal(refund->tier, BATON_TIER_AUTOMATED);
	assert_string_equal(refund->class_->name, "customer-policy");

	const struct baton_route *draft =
		baton_policy_route(policy, BATON_STR("internal-agent-draft"));
	assert_string_equal(draft->primary->name, "reasoning_model");
	assert_int_equal(draft->max_p95_ms, 4500);
	assert_false(draft->disable_tools_on_fallback);
	assert_int_equal(draft->first_token_ms, BATON_FIRST_TOKEN_MS);
	assert_int_equal(draft->stall_ms, BATON_STALL_MS);
	assert_int_equal(draft->total_ms, BATON_TURN_TOTAL_MS);
	assert_string_equal(draft->queue, "general");
	baton_policy_free(&policy);
	assert_null(policy);
	baton_policy_free(&policy);
}

static void an_intent_without_a_route_takes_the_default_one_but_never_a_lower_tier(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *policy;

	(void)state;
	set_begin(dir);
	set_text(dir, "routes.yaml",
		 "routes:\n"
		 "- { intent: default, class: internal-drafting, tier: 1, queue: billing,\n"
		 "    primary: primary_chat_model, stall_ms: 2s }\n");
	policy = load_quietly(dir);
	set_end(dir);

	const struct baton_route *other = baton_policy_route(policy, BATON_STR("never heard of"));
	assert_string_equal(other->intent, "default");
	assert_int_equal(other->tier, BATON_TIER_AUTOMATED);
	assert_int_equal(other->stall_ms, 2000);
	const struct baton_route *refund = baton_policy_route(policy, BATON_STR("refund-policy"));
	assert_string_equal(refund->intent, "refund-policy");
	assert_string_equal(refund->class_->name, "customer-policy");
	assert_string_equal(refund->queue, "billing");
	assert_non_null(refund->primary);
	const struct baton_route *complaint = baton_policy_route(policy, BATON_STR("complaint"));
	assert_int_equal(complaint->tier, BATON_TIER_HUMAN);
	assert_null(complaint->primary);
	baton_policy_free(&policy);
}

static void what_nobody_has_decided_goes_to_a_person(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *policy;

	(void)state;
	set_begin(dir);
	set_text(dir, "routes.yaml", "routes:\n- { intent: default, class: customer-policy }\n");
	policy = load_quietly(dir);
	set_end(dir);
	assert_int_equal(baton_policy_route(policy, BATON_STR_NONE)->tier, BATON_TIER_HUMAN);
	assert_null(baton_policy_route(policy, BATON_STR("refund-policy"))->primary);
	baton_policy_free(&policy);
}

static void values_are_read_as_yaml_1_2_has_them(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *policy;

	(void)state;
	set_begin(dir);
	set_text(
		dir, "targets.yaml",
		"targets:\n"
		"- &t { name: primary_chat_model, provider: openai, account: NO, tools: true,\n"
		"    temperature: 0.2, in_usd_per_mtok: 0.15, out_usd_per_mtok: 8, model: 3:25 }\n"
		"- name: fast_backup_model\n"
		"  provider: openai\n"
		"- { name: reasoning_model, provider: openai, account: x, temperature: 0, max_output_tokens: 0x10 }\n");
	set_text(dir, "channel.yaml",
		 "origins: &o [self, \"https://shop.example:8443\"]\n"
		 "say:\n  greeting: >-\n    Hello\n    there\n");
	policy = load_quietly(dir);
	set_end(dir);
	assert_string_equal(policy->targets[0].account, "NO");
	assert_string_equal(policy->targets[0].model, "3:25");
	assert_int_equal(policy->targets[0].temperature_milli, 200);
	assert_int_equal(policy->targets[0].in_microusd_per_mtok, 150000);
	assert_int_equal(policy->targets[0].out_microusd_per_mtok, 8000000);
	assert_true(policy->targets[0].tools);
	assert_string_equal(policy->targets[1].account, "openai");
	assert_int_equal(policy->targets[1].temperature_milli, -1);
	assert_string_equal(policy->targets[1].prompt, "");
	assert_int_equal(policy->targets[2].temperature_milli, 0);
	assert_int_equal(policy->targets[2].max_output_tokens, 16);
	assert_int_equal(policy->n_origins, 2);
	assert_string_equal(policy->origins[1], "https://shop.example:8443");
	assert_string_equal(policy->say_greeting, "Hello there");
	assert_non_null(strstr(policy->say_disclosure, "AI assistant"));
	baton_policy_free(&policy);
}

static json_t *config_of(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_modules; i++)
		if (strcmp(policy->modules[i].name, name) == 0)
			return json_loadb(policy->modules[i].config_json,
					  policy->modules[i].config_json_n, 0, NULL);
	return NULL;
}

static void each_module_is_told_what_its_kind_needs(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *policy;
	const char *id, *when, *stage, *uri, *valid;
	json_t *config;

	(void)state;
	set_begin(dir);
	set_text(
		dir, "modules.yaml",
		"modules:\n"
		"- { name: rules, kind: rule, file: rule-policy.so }\n"
		"- { name: classifier, kind: classifier, file: classifier-linear.so, config: { depth: 2, low: 0.3, on: yes, list: [1, null] } }\n"
		"- { name: openai, kind: provider, file: provider-openai.so, egress: [\"*.example.com:443\"], secrets: [KEY] }\n"
		"- { name: articles, kind: retriever, file: retriever-fts.so, knowledge: true }\n"
		"- { name: pages, kind: provider, file: provider-knowledge.so, knowledge: true }\n");
	set_text(
		dir, "knowledge/secret.md",
		"---\ntitle: Codes\nupdated: 2026-01-01\naudience: agents\nlanguage: de\n---\nFor us.\n");
	policy = load_quietly(dir);
	set_end(dir);

	config = config_of(policy, "rules");
	assert_int_equal(json_unpack(config, "{s:{s:[{s:s, s:s, s:s}]}}", "policy", "rules", "id",
				     &id, "when", &when, "stage", &stage),
			 0);
	assert_string_equal(when, "asked_human");
	assert_string_equal(stage, "before");
	json_decref(config);

	config = config_of(policy, "classifier");
	json_t *intents = json_object_get(json_object_get(config, "policy"), "intents");
	assert_int_equal(json_array_size(intents), 2); /* the internal one is not looked for */
	assert_string_equal(json_string_value(json_object_get(config, "on")), "yes");
	assert_non_null(strstr(policy->modules[1].config_json, "\"low\":0.3,"));
	json_decref(config);

	config = config_of(policy, "articles");
	json_t *articles = json_object_get(json_object_get(config, "policy"), "articles");
	assert_int_equal(json_array_size(articles), 2);
	assert_int_equal(json_unpack(json_array_get(articles, 1), "{s:s, s:s, s:s}", "id", &id,
				     "audience", &when, "language", &stage),
			 0);
	assert_string_equal(id, "secret");
	assert_string_equal(when, "agents");
	assert_string_equal(stage, "de");
	assert_int_equal(policy->n_agents_only, 1);
	assert_true(baton_policy_agents_only(policy, BATON_STR("secret")));
	assert_int_equal(json_unpack(json_array_get(articles, 0), "{s:s, s:s, s:s, s:s, s:s}", "id",
				     &id, "uri", &uri, "valid_until", &valid, "audience", &when,
				     "language", &stage),
			 0);
	assert_string_equal(when, "customers");
	assert_string_equal(stage, "");
	assert_string_equal(id, "returns");
	assert_string_equal(uri, "knowledge/returns.md");
	assert_string_equal(valid, "");
	json_decref(config);

	/* A provider reads by itself, so what is for agents only is not in there. */
	config = config_of(policy, "pages");
	articles = json_object_get(json_object_get(config, "policy"), "articles");
	assert_int_equal(json_array_size(articles), 1);
	json_decref(config);

	assert_string_equal(policy->modules[2].config_json, "{}");
	assert_string_equal(policy->modules[2].egress[0], "*.example.com:443");
	assert_string_equal(policy->modules[2].secrets[0], "KEY");
	baton_policy_free(&policy);
}

static void the_checksum_is_that_of_the_contents(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *a, *b, *c;

	(void)state;
	set_begin(dir);
	a = load_quietly(dir);
	b = load_quietly(dir);
	set_text(dir, "prompts/support.md", "Be kind!\n");
	c = load_quietly(dir);
	set_end(dir);
	assert_memory_equal(a->sha256, b->sha256, sizeof(a->sha256));
	assert_memory_not_equal(a->sha256, c->sha256, sizeof(a->sha256));
	assert_string_equal(baton_policy_prompt(c, "support"), "Be kind!\n");
	assert_null(baton_policy_prompt(c, "nobody"));
	assert_null(baton_policy_prompt(c, NULL));
	baton_policy_free(&a);
	baton_policy_free(&b);
	baton_policy_free(&c);
}

static void a_target_is_told_its_own_form_of_a_prompt(void **state)
{
	char dir[POLICY_DIR];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;
	const struct baton_prompt_def *prompt;

	(void)state;
	set_begin(dir);
	set_text(dir, "prompts/support.md", "Be kind!\n");
	set_text(dir, "prompts/support.reasoning_model.md", "Think.\n");
	set_text(dir, "prompts/plan.fast_backup_model.md", "Plan fast.\n");
	assert_int_equal(set_load(dir, &said, &policy), 0);
	assert_string_equal(said.p, "");
	prompt = baton_policy_prompt_for(policy, "support", "reasoning_model");
	assert_string_equal(prompt->text, "Think.\n");
	assert_int_equal(policy->routes[0].grounding, BATON_GROUNDING_CITED);
	assert_false(policy->routes[0].plan);
	/* The beginning of what sha256sum says. */
	assert_string_equal(baton_policy_prompt_for(policy, "support", "openai")->version,
			    "525653f9");
	assert_string_equal(baton_policy_prompt_for(policy, "support", NULL)->text, "Be kind!\n");
	assert_null(baton_policy_prompt_for(policy, "plan", "reasoning_model"));
	assert_null(baton_policy_prompt_for(policy, "", "reasoning_model"));
	assert_null(baton_policy_prompt_for(policy, NULL, NULL));
	baton_policy_free(&policy);

	set_text(dir, "prompts/support.nobody.md", "Nobody hears this.\n");
	set_text(dir, "prompts/suport.reasoning_model.md", "Nor this.\n");
	assert_int_equal(set_load(dir, &said, &policy), 0);
	assert_non_null(strstr(said.p,
			       "prompts/suport.reasoning_model.md: warning: there is no prompt "
			       "`suport` that this is a form of\n"));
	assert_non_null(strstr(said.p,
			       "prompts/support.nobody.md: warning: there is no target `nobody` "
			       "that is told this\n"));
	baton_policy_free(&policy);
	baton_buf_done(&said);
	set_end(dir);
}

static void a_directory_that_is_not_there_is_an_io_error(void **state)
{
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	(void)state;
	assert_int_equal(set_load("/nonexistent/policies", &said, &policy), BATON_E_IO);
	assert_null(policy);
	assert_int_equal(said.n, 0);
	baton_buf_done(&said);
}

/* --- the demonstration shop --- */

static void the_shop_loads_without_a_word(void **state)
{
	struct baton_policy *policy = load_quietly("policies/shop");
	size_t automated = 0;

	(void)state;
	for (size_t i = 0; i < policy->n_intents; i++) {
		const struct baton_intent_def *intent = &policy->intents[i];

		if (intent->internal)
			assert_int_equal(intent->n_examples, 0); /* nobody looks for it */
		else
			assert_in_range(intent->n_examples, 15, 30);
		automated += intent->tier == BATON_TIER_AUTOMATED;
		assert_ptr_equal(baton_policy_intent(policy, baton_str_of(intent->name)), intent);
	}
	assert_true(automated >= 10);
	assert_true(json_array_size(policy->articles) >= 30);
	assert_int_equal(policy->n_agents, 4);
	assert_int_equal(policy->n_queues, 4);
	assert_null(baton_policy_intent(policy, BATON_STR("nobody")));
	baton_policy_free(&policy);
}

/* R106: never push tier 2 or 3 into tier 1. */
static void what_belongs_to_people_in_the_shop_is_never_automatic(void **state)
{
	struct baton_policy *policy = load_quietly("policies/shop");

	(void)state;
	for (size_t i = 0; i < policy->n_intents; i++) {
		const struct baton_intent_def *intent = &policy->intents[i];
		const struct baton_route *route =
			baton_policy_route(policy, baton_str_of(intent->name));

		assert_string_equal(route->intent, intent->name);
		assert_true(route->tier >= intent->tier);
		if (intent->internal)
			assert_true(intent->tier >= BATON_TIER_REVIEWED);
		if (route->tier == BATON_TIER_HUMAN)
			assert_null(route->primary);
		else
			assert_true(route->primary->local); /* works with no network */
	}
	baton_policy_free(&policy);
}

static void copy_files(const char *from, const char *to, const char *folder)
{
	char path[512], name[300], text[65536];
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s%s%s", from, folder[0] ? "/" : "", folder);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		if (!end || (strcmp(end, ".yaml") != 0 && strcmp(end, ".md") != 0))
			continue;
		snprintf(name, sizeof(name), "%s%s%.200s", folder, folder[0] ? "/" : "",
			 entry->d_name);
		snprintf(path, sizeof(path), "%s/%s", from, name);
		FILE *file = fopen(path, "r");
		assert_non_null(file);
		size_t n = fread(text, 1, sizeof(text), file);
		fclose(file);
		set_write(to, name, text, n);
	}
	closedir(dir);
}

/* As its README says: the shop, and the files of shop-llm over it. */
static void the_shop_with_language_models_is_a_sound_set(void **state)
{
	static const char *const folders[] = { "", "intents", "knowledge", "prompts" };
	char dir[POLICY_DIR];

	(void)state;
	assert_int_equal(baton_scratch_make(dir, "policy"), BATON_OK);
	for (size_t i = 0; i < 4; i++)
		copy_files("policies/shop", dir, folders[i]);
	copy_files("policies/shop-llm", dir, "");
	set_unlink(dir, "README.md");
	struct baton_policy *policy = load_quietly(dir);
	set_end(dir);
	for (size_t i = 0; i < policy->n_routes; i++) {
		const struct baton_route *route = &policy->routes[i];

		/* Whatever one vendor does, somebody else answers, or a person, or the class's
		 * mode. */
		if (route->primary && !route->primary->local && route->n_fallbacks == 0)
			assert_non_null(route->class_->mode);
		for (size_t j = 0; j < route->n_fallbacks; j++)
			assert_string_not_equal(route->fallbacks[j]->account,
						route->primary->account);
	}
	baton_policy_free(&policy);
}

/* Each kind of mode is declared, each ends, and each says something to the customer. */
static void the_shop_declares_what_happens_when_things_fail(void **state)
{
	struct baton_policy *policy = load_quietly("policies/shop");
	unsigned kinds = 0;

	(void)state;
	for (size_t i = 0; i < policy->n_modes; i++) {
		kinds |= 1U << policy->modes[i].what;
		assert_true(strlen(policy->modes[i].say) > 30);
		assert_true(policy->modes[i].max_duration_ms <= 24 * 3600000);
	}
	assert_int_equal(kinds, (1U << (BATON_MODE_SUBSTITUTE + 1)) - 1);
	assert_int_equal(policy->alert.needed, 2);
	assert_true(policy->budgets.day_microusd > 0);
	baton_policy_free(&policy);
}

/* --- releases --- */

static void releases_have_defaults_and_are_read_in_their_units(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *policy;

	(void)state;
	set_begin(dir);
	policy = load_quietly(dir);
	assert_false(policy->releases.watch);
	assert_int_equal(policy->releases.settle_ms, 500);
	assert_int_equal(policy->releases.keep, 3);
	assert_int_equal(policy->releases.drain_ms, 300000);
	assert_int_equal(policy->releases.health_ms, 30000);
	assert_int_equal(policy->releases.replay_turns, 10000);
	assert_int_equal(policy->releases.max_changed_ppm, 1000000);
	assert_false(policy->releases.canary);
	assert_int_equal(policy->releases.canary_ppm, 50000);
	assert_int_equal(policy->releases.canary_min_turns, 200);
	assert_int_equal(policy->releases.canary_fail_delta_ppm, 20000);
	assert_int_equal(policy->releases.canary_escalation_delta_ppm, 100000);
	assert_int_equal(policy->releases.canary_p95_ratio_ppm, 1500000);
	assert_int_equal(policy->releases.canary_cost_ratio_ppm, 1500000);
	assert_int_equal(policy->releases.canary_violations, 0);
	assert_int_equal(policy->releases.canary_for_ms, 1800000);
	assert_int_equal(policy->releases.canary_quiet_ms, 600000);
	baton_policy_free(&policy);

	set_text(dir, "releases.yaml",
		 "watch: true\nsettle: 2s\nkeep: 5\ndrain: 2m\nhealth: 5s\n"
		 "replay: { turns: 500, max_changed: 0.1 }\n"
		 "canary: { automatic: true, share: 0.25, min_turns: 400, max_fail_delta: 0.01,\n"
		 "  max_escalation_delta: 0.05, max_p95_ratio: 2.5, max_cost_ratio: 0,\n"
		 "  max_violations: 2, for: 1h, quiet: 0s }\n");
	policy = load_quietly(dir);
	set_end(dir);
	assert_true(policy->releases.watch);
	assert_int_equal(policy->releases.settle_ms, 2000);
	assert_int_equal(policy->releases.keep, 5);
	assert_int_equal(policy->releases.drain_ms, 120000);
	assert_int_equal(policy->releases.health_ms, 5000);
	assert_int_equal(policy->releases.replay_turns, 500);
	assert_int_equal(policy->releases.max_changed_ppm, 100000);
	assert_true(policy->releases.canary);
	assert_int_equal(policy->releases.canary_ppm, 250000);
	assert_int_equal(policy->releases.canary_min_turns, 400);
	assert_int_equal(policy->releases.canary_fail_delta_ppm, 10000);
	assert_int_equal(policy->releases.canary_escalation_delta_ppm, 50000);
	assert_int_equal(policy->releases.canary_p95_ratio_ppm, 2500000);
	assert_int_equal(policy->releases.canary_cost_ratio_ppm, 0);
	assert_int_equal(policy->releases.canary_violations, 2);
	assert_int_equal(policy->releases.canary_for_ms, 3600000);
	assert_int_equal(policy->releases.canary_quiet_ms, 0);
	baton_policy_free(&policy);
}

static void take_change(void *ud, const char *file, enum baton_policy_change what)
{
	static const char *const marks[] = { "+", "*", "-" };

	baton_buf_printf(ud, "%s%s ", marks[what], file);
}

static void which_files_have_changed_is_known_by_name(void **state)
{
	char dir[POLICY_DIR];
	struct baton_policy *before, *after;
	struct baton_buf said = { NULL, 0, 0 };

	(void)state;
	set_begin(dir);
	set_text(dir, "releases.yaml", "keep: 3\n");
	before = load_quietly(dir);
	assert_int_equal(baton_policy_changed(before, before, take_change, &said), 0);
	assert_int_equal(baton_policy_changed(NULL, before, NULL, NULL), before->n_files);
	set_text(dir, "releases.yaml", "keep: 4\n");
	set_text(dir, "budgets.yaml", "day_usd: 5\n");
	set_unlink(dir, "escalation.yaml");
	after = load_quietly(dir);
	set_end(dir);
	assert_int_equal(baton_policy_changed(before, after, take_change, &said), 3);
	assert_string_equal(said.p, "+budgets.yaml -escalation.yaml *releases.yaml ");
	baton_buf_reset(&said);
	assert_int_equal(baton_policy_changed(after, before, take_change, &said), 3);
	assert_string_equal(said.p, "-budgets.yaml +escalation.yaml *releases.yaml ");
	baton_buf_done(&said);
	baton_policy_free(&before);
	baton_policy_free(&after);
}

/* --- schemas --- */

static void the_committed_schemas_are_those_of_the_tables(void **state)
{
	(void)state;
	for (size_t i = 0; baton_policy_schema_name(i); i++) {
		static char text[64 * 1024];
		struct baton_buf made = { 0 };
		char path[128];

		assert_int_equal(baton_policy_schema_json(baton_policy_schema_name(i), &made), 0);
		snprintf(path, sizeof(path), "policies/schema/%s.schema.json",
			 baton_policy_schema_name(i));
		if (getenv("BATON_WRITE_SCHEMAS")) /* how they are made after a table has changed */
			set_write("policies/schema", strrchr(path, '/') + 1, made.p, made.n);
		FILE *file = fopen(path, "r");
		if (!file)
			fail_msg("%s is missing", path);
		size_t n = fread(text, 1, sizeof(text), file);
		fclose(file);
		if (n != made.n || memcmp(text, made.p, n) != 0)
			fail_msg("%s differs: run this test with BATON_WRITE_SCHEMAS=1", path);
		baton_buf_done(&made);
	}
}

static void an_unknown_schema_is_not_found(void **state)
{
	struct baton_buf made = { 0 };

	(void)state;
	assert_int_equal(baton_policy_schema_json("prompts", &made), BATON_E_NOTFOUND);
	assert_int_equal(baton_policy_schema_json("", &made), BATON_E_NOTFOUND);
	baton_buf_done(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_routes_of_the_documents_load_verbatim),
		cmocka_unit_test(
			an_intent_without_a_route_takes_the_default_one_but_never_a_lower_tier),
		cmocka_unit_test(what_nobody_has_decided_goes_to_a_person),
		cmocka_unit_test(values_are_read_as_yaml_1_2_has_them),
		cmocka_unit_test(each_module_is_told_what_its_kind_needs),
		cmocka_unit_test(the_checksum_is_that_of_the_contents),
		cmocka_unit_test(a_directory_that_is_not_there_is_an_io_error),
		cmocka_unit_test(the_shop_loads_without_a_word),
		cmocka_unit_test(what_belongs_to_people_in_the_shop_is_never_automatic),
		cmocka_unit_test(the_shop_with_language_models_is_a_sound_set),
		cmocka_unit_test(the_shop_declares_what_happens_when_things_fail),
		cmocka_unit_test(releases_have_defaults_and_are_read_in_their_units),
		cmocka_unit_test(which_files_have_changed_is_known_by_name),
		cmocka_unit_test(the_committed_schemas_are_those_of_the_tables),
		cmocka_unit_test(a_target_is_told_its_own_form_of_a_prompt),
		cmocka_unit_test(an_unknown_schema_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
