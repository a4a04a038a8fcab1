/* SPDX-License-Identifier: Apache-2.0 */

/* Modules in a process of their own: the same answers as inline, from every kind; and what a module
 * does that breaks out, breaks down, hangs, lies or floods. */
#include "core/module/scratch.h"
#include "isolate_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static const char odd_so[] = "tests/modules/iso_odd.so";

static baton_prompt prompt_of(const char *model, const baton_turn *turn)
{
	baton_prompt prompt = { .size = sizeof(prompt), .turn = turn };
	prompt.model = baton_str_of(model);
	prompt.temperature_milli = -1;
	return prompt;
}

static baton_turn turn_of(const baton_msg *msgs, uint32_t n)
{
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = n };
	turn.session_id = BATON_STR("01J0000000000000000000TEST");
	turn.turn_id = BATON_STR("1");
	turn.channel = BATON_STR("chat");
	turn.locale = BATON_STR("en");
	return turn;
}

static int32_t start(struct rig *rig, unsigned call, const char *model)
{
	static const baton_msg msg = { .role = BATON_ROLE_CUSTOMER,
				       .text = { "How do I return it?", 19 } };
	const baton_provider *vt = rig_vt(rig, BATON_PROVIDER);
	baton_turn turn = turn_of(&msg, 1);
	baton_prompt prompt = prompt_of(model, &turn);
	return vt->start(rig->inst, call, &prompt);
}

/* Starts, runs to the end, gives what was said. */
static const char *ask(struct rig *rig, unsigned call, const char *model)
{
	assert_int_equal(start(rig, call, model), BATON_OK);
	if (rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
	return rig_said(rig, call);
}

static void check_ends(struct rig *rig, unsigned call)
{
	assert_int_equal(rig->module->check(rig->inst, call, 0), BATON_PENDING);
	if (rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
}

static void a_module_in_its_own_process_answers(void **state)
{
	struct rig rig;
	struct baton_child_view view;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	check_ends(&rig, 1);
	assert_string_equal(rig_said(&rig, 1), "end 0");
	assert_string_equal(ask(&rig, 2, "a"), "0:ok|end 0");
	baton_child_view(rig.child, &view);
	assert_true(view.pid > 0 && view.pid != getpid());
	assert_int_equal(view.crashes, 0);
	print_message("# sandbox: %s\n", view.sandbox);
	rig_done(&rig);
	assert_false(rig_has_children());
}

/* --- the same answers as inline ---------------------------------------------------------- */

static const char shop_articles[] =
	"{\"policy\":{\"articles\":["
	"{\"id\":\"returns\",\"title\":\"Returning an item\",\"uri\":\"/help/returns\","
	"\"updated\":\"2026-05-01\",\"also\":[\"send something back\",\"how do I return it\"],"
	"\"text\":\"You can return any item within 30 days.\\n\\n1. Open your order.\\n"
	"2. Choose *Return*. We refund within five days after the parcel reached us.\"},"
	"{\"id\":\"shipping\",\"title\":\"Shipping times\",\"uri\":\"/help/shipping\","
	"\"also\":[\"where is my parcel\"],\"text\":\"Delivery takes two to four days.\"}]}}";

static const char shop_intents[] =
	"{\"policy\":{\"intents\":["
	"{\"name\":\"refund\",\"tier\":2,\"examples\":[\"I want my money back\",\"can I get a "
	"refund\",\"please refund my order\",\"how do I return it\"]},"
	"{\"name\":\"delivery\",\"tier\":1,\"examples\":[\"where is my parcel\",\"when will my order "
	"arrive\",\"track my delivery\"]}]}}";

static const char shop_rules[] =
	"{\"policy\":{\"rules\":["
	"{\"id\":\"asked\",\"when\":\"asked_human\",\"action\":\"escalate_now\",\"queue\":\"general\","
	"\"reason\":\"The customer asks for a person\",\"priority\":2,\"reversible\":true},"
	"{\"id\":\"circles\",\"when\":\"unresolved_exchanges >= 3\",\"action\":\"escalate\"}]}}";

static void search(struct rig *rig, unsigned call, const char *text)
{
	const baton_retriever *vt = rig_vt(rig, BATON_RETRIEVER);
	baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = baton_str_of(text) };
	baton_turn turn = turn_of(&msg, 1);
	baton_query query = { .size = sizeof(query), .k = 3, .turn = &turn, .text = msg.text };
	int32_t rc = vt->search(rig->inst, call, &query);
	assert_true(rc == BATON_OK || rc == BATON_PENDING);
	if (rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
}

/* As the rack: BATON_OK means that `out` is the answer. */
static int32_t classify(struct rig *rig, unsigned call, const char *text)
{
	const baton_classifier *vt = rig_vt(rig, BATON_CLASSIFIER);
	baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = baton_str_of(text) };
	baton_turn turn = turn_of(&msg, 1);
	baton_intent v[64] = { 0 };
	baton_intents out = { .size = sizeof(out), .cap = 64, .v = v };
	int32_t rc = vt->classify(rig->inst, call, &turn, &out);
	if (rc < 0)
		return rc;
	if (rc == BATON_OK) {
		rig_say_intents(&rig->calls[call].said, &out);
		(void)rig_end(rig_ctx(rig), call, BATON_END_STOP);
	} else if (rig->calls[call].ends + rig->calls[call].fails == 0) {
		rig_run_for(rig, 1);
	}
	return BATON_OK;
}

static int32_t evaluate(struct rig *rig, uint32_t exchanges, uint32_t flags, char *said, size_t cap)
{
	const baton_rule *vt = rig_vt(rig, BATON_RULE);
	baton_facts facts = { .size = sizeof(facts), .flags = flags, .exchanges = exchanges };
	baton_verdict v = { .size = sizeof(v) };
	facts.unresolved_exchanges = exchanges;
	facts.intent = BATON_STR("refund");
	int32_t rc = vt->evaluate(rig->inst, &facts, &v);
	(void)snprintf(said, cap, "%d %u %u %u %u %s %s %s %s", rc, v.action, v.priority, v.flags,
		       v.cooldown_ms, v.rule ? v.rule : "-", v.reason ? v.reason : "-",
		       v.queue ? v.queue : "-", v.resume_when ? v.resume_when : "-");
	return rc;
}

static int32_t invoke(struct rig *rig, unsigned call)
{
	const baton_tool *vt = rig_vt(rig, BATON_TOOL);
	baton_turn turn = turn_of(NULL, 0);
	const baton_tool_req req = { .size = sizeof(req),
				     .flags = BATON_TOOL_WRITES,
				     .turn = &turn,
				     .name = BATON_STR("look"),
				     .args_json = BATON_STR("{\"order\":7}"),
				     .idempotency_key = BATON_STR("k-1") };
	int32_t rc = vt->invoke(rig->inst, call, &req);
	if (rc >= 0 && rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
	return rc;
}

static int32_t inspect(struct rig *rig, const char *text, uint32_t final, char *said, size_t cap)
{
	const baton_guard *vt = rig_vt(rig, BATON_GUARD);
	baton_turn turn = turn_of(NULL, 0);
	baton_hit v[4] = { { 0 } };
	baton_hits hits = { .size = sizeof(hits), .cap = 4, .v = v };
	const baton_inspection what = { .size = sizeof(what),
					.at = BATON_AT_ANSWER,
					.turn = &turn,
					.text = baton_str_of(text),
					.from = 1,
					.final = final };
	hits.safe = (uint32_t)what.text.n;
	int32_t rc = vt->inspect(rig->inst, &what, &hits);
	int n = snprintf(said, cap, "%d safe %u:", rc, hits.safe);
	for (uint32_t i = 0; rc == 0 && i < hits.n; i++)
		n += snprintf(said + n, cap - (size_t)n, " %u-%u %u %u %.*s %.*s", v[i].begin,
			      v[i].end, v[i].action, v[i].confidence_ppm, (int)v[i].type.n,
			      v[i].type.p, (int)v[i].rule.n, v[i].rule.p);
	return rc;
}

static int32_t append(struct rig *rig, unsigned call, uint64_t seq)
{
	const baton_transcript *vt = rig_vt(rig, BATON_TRANSCRIPT);
	const baton_entry entries[] = {
		{ seq, 1795000000000, BATON_STR("01J0"), BATON_STR("said"),
		  BATON_STR("{\"a\":1}") },
		{ seq + 1, 1795000000001, BATON_STR("01J0"), BATON_STR("said"), BATON_STR("{}") },
	};
	int32_t rc = vt->append(rig->inst, call, entries, 2);
	if (rc == BATON_OK)
		(void)rig_end(rig_ctx(rig), call, BATON_END_STOP);
	if (rc >= 0 && rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
	return rc;
}

/* Inline ones may answer at once, and may have a check that has to end first. */
static void ready(struct rig *rig)
{
	int32_t rc =
		rig->module->check ? rig->module->check(rig->inst, 60, 0) : BATON_E_UNSUPPORTED;
	if (rc >= 0 && rig->calls[60].ends + rig->calls[60].fails == 0)
		rig_run_for(rig, 1);
	assert_int_equal(rig->calls[60].fails, 0);
}

static void the_echo_answers_the_same_in_its_own_process(void **state)
{
	struct rig in, out;
	(void)state;
	rig_inline(&in, "example/provider-echo.so", "{}");
	rig_isolated(&out, "example/provider-echo.so", "{}", NULL);
	ready(&out);
	assert_string_equal(ask(&out, 1, "m"), ask(&in, 1, "m"));
	assert_true(out.calls[1].ends == 1 && out.calls[1].deltas > 2);
	rig_done(&in);
	rig_done(&out);
}

static void the_retriever_finds_the_same_in_its_own_process(void **state)
{
	struct rig in, out;
	(void)state;
	rig_inline(&in, "modules/retriever-fts.so", shop_articles);
	rig_isolated(&out, "modules/retriever-fts.so", shop_articles, NULL);
	ready(&in);
	ready(&out);
	search(&in, 1, "how do I return it");
	search(&out, 1, "how do I return it");
	assert_non_null(strstr(rig_said(&out, 1), "returns;Returning an item;/help/returns;"));
	assert_string_equal(rig_said(&out, 1), rig_said(&in, 1));
	rig_done(&in);
	rig_done(&out);
}

static void the_classifier_thinks_the_same_in_its_own_process(void **state)
{
	struct rig in, out;
	(void)state;
	rig_inline(&in, "modules/classifier-linear.so", shop_intents);
	rig_isolated(&out, "modules/classifier-linear.so", shop_intents, NULL);
	ready(&in);
	ready(&out);
	assert_int_equal(classify(&in, 1, "my parcel, where is it?"), BATON_OK);
	assert_int_equal(classify(&out, 1, "my parcel, where is it?"), BATON_OK);
	assert_non_null(strstr(rig_said(&out, 1), "delivery;"));
	assert_string_equal(rig_said(&out, 1), rig_said(&in, 1));
	rig_done(&in);
	rig_done(&out);
}

static void knowledge(struct rig *rig)
{
	const baton_provider *vt = rig_vt(rig, BATON_PROVIDER);
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER,
				.text = BATON_STR("How do I return an item?") };
	const baton_doc doc = { .id = BATON_STR("returns"),
				.title = BATON_STR("Returning an item"),
				.uri = BATON_STR("/help/returns"),
				.snippet = BATON_STR("You can return any item within 30 days."),
				.version = BATON_STR("3"),
				.score_ppm = 900000 };
	baton_turn turn = turn_of(&msg, 1);
	baton_prompt prompt = prompt_of("", &turn);
	prompt.docs = &doc;
	prompt.n_docs = 1;
	assert_true(vt->start(rig->inst, 1, &prompt) >= 0);
	if (rig->calls[1].ends + rig->calls[1].fails == 0)
		rig_run_for(rig, 1);
}

static void the_knowledge_says_the_same_in_its_own_process(void **state)
{
	struct rig in, out;
	(void)state;
	rig_inline(&in, "modules/provider-knowledge.so", "{}");
	rig_isolated(&out, "modules/provider-knowledge.so", "{}", NULL);
	ready(&in);
	ready(&out);
	knowledge(&in);
	knowledge(&out);
	assert_non_null(strstr(rig_said(&out, 1), "30 days"));
	assert_string_equal(rig_said(&out, 1), rig_said(&in, 1));
	rig_done(&in);
	rig_done(&out);
}

static void the_rules_decide_the_same_in_their_own_process(void **state)
{
	struct rig in, out;
	char here[256], there[256];
	(void)state;
	rig_inline(&in, "modules/rule-policy.so", shop_rules);
	rig_isolated(&out, "modules/rule-policy.so", shop_rules, NULL);
	ready(&in);
	ready(&out);
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t flags = i == 5 ? BATON_FACT_ASKED_HUMAN : 0;
		assert_int_equal(evaluate(&in, i, flags, here, sizeof(here)), BATON_OK);
		assert_int_equal(evaluate(&out, i, flags, there, sizeof(there)), BATON_OK);
		assert_string_equal(there, here);
	}
	assert_non_null(strstr(there, "asked The customer asks for a person general"));
	rig_done(&in);
	rig_done(&out);
}

/* iso_odd runs in a process of its own alone: here it is seen whole. */
static void tools_and_guards_are_asked_in_their_own_process(void **state)
{
	struct rig rig;
	char said[300];
	(void)state;
	rig_isolated(&rig, odd_so, "{}", NULL);
	ready(&rig);
	const baton_guard *guard = rig_vt(&rig, BATON_GUARD);
	assert_int_equal(guard->at, BATON_AT_CUSTOMER | BATON_AT_ANSWER);
	assert_int_equal(invoke(&rig, 1), BATON_OK);
	assert_string_equal(
		rig_said(&rig, 1),
		"tool 0 201 2 {\"name\":\"look\",\"args\":{\"order\":7},\"key\":\"k-1\","
		"\"session\":\"01J0000000000000000000TEST\",\"flags\":1};;end 0");
	assert_int_equal(inspect(&rig, "a1b2", 0, said, sizeof(said)), BATON_OK);
	assert_string_equal(
		said,
		"0 safe 3: 1-2 1 1000 digit at-32-from-1-of-01J0000000000000000000TEST 3-4 1 3000 digit "
		"at-32-from-1-of-01J0000000000000000000TEST");
	assert_int_equal(inspect(&rig, "none", 1, said, sizeof(said)), BATON_OK);
	assert_string_equal(said, "0 safe 4:");
	assert_int_equal(inspect(&rig, "12345", 1, said, sizeof(said)), BATON_E_LIMIT);
	rig_done(&rig);
}

static void every_text_of_the_facts_arrives(void **state)
{
	struct rig rig;
	baton_verdict v = { .size = sizeof(v) };
	const baton_facts facts = { .size = sizeof(facts),
				    .language = BATON_STR("de"),
				    .guard_rule = BATON_STR("no-promise") };
	(void)state;
	rig_isolated(&rig, odd_so, "{}", NULL);
	ready(&rig);
	assert_int_equal(
		((const baton_rule *)rig_vt(&rig, BATON_RULE))->evaluate(rig.inst, &facts, &v),
		BATON_OK);
	assert_string_equal(v.reason, "no-promise");
	rig_done(&rig);
}

static void slurp(const char *dir, char *text, size_t cap)
{
	char path[300];
	(void)snprintf(path, sizeof(path), "%s/2026-11-18.jsonl", dir);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(text, 1, cap - 1, file);
	text[n] = 0;
	(void)fclose(file);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void a_transcript_is_written_where_it_was_granted_and_nowhere_else(void **state)
{
	struct rig in, out;
	char inline_dir[BATON_SCRATCH_BYTES], dir[BATON_SCRATCH_BYTES], config[160];
	char here[4096], there[4096];
	(void)state;
	assert_int_equal(baton_scratch_make(inline_dir, "iso"), BATON_OK);
	assert_int_equal(baton_scratch_make(dir, "iso"), BATON_OK);
	const struct baton_child_grant grant = { dir, true };
	const struct baton_child_options with = { .grants = &grant, .n_grants = 1 };
	(void)snprintf(config, sizeof(config), "{\"dir\":\"%s\"}", inline_dir);
	rig_inline(&in, "modules/transcript-jsonl.so", config);
	assert_true(append(&in, 1, 1) >= 0);
	(void)snprintf(config, sizeof(config), "{\"dir\":\"%s\"}", dir);
	rig_isolated(&out, "modules/transcript-jsonl.so", config, &with);
	assert_true(append(&out, 1, 1) >= 0);
	assert_string_equal(rig_said(&out, 1), rig_said(&in, 1));
	rig_done(&in);
	rig_done(&out);
	slurp(inline_dir, here, sizeof(here));
	slurp(dir, there, sizeof(there));
	assert_string_equal(there, here);

	rig_isolated(&out, "modules/transcript-jsonl.so", "{\"dir\":\"/tmp/baton-iso-nowhere\"}",
		     &with);
	assert_true(append(&out, 1, 1) >= 0);
	assert_int_equal(out.calls[1].fails, 1);
	assert_int_equal(out.calls[1].fail, BATON_FAIL_UNAVAILABLE);
	rig_done(&out);
}

/* --- the host's side of the table -------------------------------------------------------- */

static void what_the_child_does_not_have_the_server_does_for_it(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	check_ends(&rig, 1);
	assert_true(rig_logged(&rig, "loaded"));
	assert_string_equal(ask(&rig, 2, "keep"), "0:-9 0 0 a value|end 0");
	assert_string_equal(ask(&rig, 3, "keep-job"), "0:0 0 0 a value|end 0");
	assert_string_equal(ask(&rig, 4, "http:https://api.example/v1"),
			    "0:200 2 Content-Type: text/event-stream|0:delta|0:line 0 of an answer|"
			    "0:delta|0:line 1 of an answer|0:delta|0:line 2 of an answer|end 0");
	assert_string_equal(rig.url, "POST https://api.example/v1 {\"q\":1} 1 "
				     "Authorization: Bearer {{secret:KEY}}");
	assert_string_equal(ask(&rig, 5, "http:https://x"), "0:http -8|end 0");
	assert_string_equal(ask(&rig, 7, "sign"), "0:0 -8 abcxx|end 0");
	(void)ask(&rig, 6, "post");
	assert_int_equal(rig.calls[6].ends, 1);
	rig_done(&rig);
}

static int32_t to_buf(void *ud, const void *p, size_t n)
{
	baton_buf_add(ud, p, n);
	return BATON_OK;
}

static void lists_of_models_are_asked_for_and_waited_for(void **state)
{
	struct rig rig;
	struct baton_buf text = { 0 };
	const baton_sink sink = { .size = sizeof(sink), .ud = &text, .write = to_buf };
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	const baton_provider *vt = rig_vt(&rig, BATON_PROVIDER);
	assert_null(vt->estimate);
	assert_int_equal(vt->models(rig.inst, &sink), BATON_OK);
	assert_string_equal(text.p, "[\"odd\"]");
	baton_buf_done(&text);
	rig_done(&rig);
}

static int64_t from_str(void *ud, void *p, size_t cap)
{
	baton_str *s = ud;
	size_t n = s->n < cap ? s->n : cap;
	if (n > 0)
		memcpy(p, s->p, n);
	s->p += n;
	s->n -= n;
	return (int64_t)n;
}

static void warm_state_is_saved_and_given_to_the_next(void **state)
{
	struct rig rig;
	struct baton_buf text = { 0 };
	const baton_sink sink = { .size = sizeof(sink), .ud = &text, .write = to_buf };
	baton_str bytes = BATON_STR("from before");
	const baton_source source = { .size = sizeof(source), .ud = &bytes, .read = from_str };
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	const baton_state *warm = rig.module->state;
	assert_int_equal(warm->schema, 3);
	assert_int_equal(warm->min_schema, 2);
	assert_int_equal(warm->load(rig.inst, 3, &source), BATON_OK);
	assert_int_equal(warm->save(rig.inst, &sink), BATON_OK);
	assert_string_equal(text.p, "from before");
	/* Refused: it is said, and the instance goes on with what it has. */
	bytes = BATON_STR("too old");
	assert_int_equal(warm->load(rig.inst, 2, &source), BATON_OK);
	baton_buf_reset(&text);
	assert_int_equal(warm->save(rig.inst, &sink), BATON_OK);
	assert_string_equal(text.p, "from before");
	check_ends(&rig, 1);
	assert_int_equal(rig.calls[1].ends, 1);
	assert_true(rig_logged(&rig, "a cold start"));
	baton_buf_done(&text);
	rig_done(&rig);
}

static void refusals_become_failures_of_a_class(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	(void)ask(&rig, 1, "refuse");
	assert_int_equal(rig.calls[1].fail, BATON_FAIL_OVERLOADED);
	/* The host's own class in a module's mouth is none. */
	(void)ask(&rig, 2, "fail-module");
	assert_int_equal(rig.calls[2].fail, UINT32_MAX);
	/* A module's sin reaches the host, which counts it; the module is told. */
	(void)ask(&rig, 3, "two-ends");
	rig_linger(&rig, 30);
	assert_true(rig_logged(&rig, "-1"));
	rig_done(&rig);
}

static void a_cancelled_call_ends(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	const baton_provider *vt = rig_vt(&rig, BATON_PROVIDER);
	assert_int_equal(start(&rig, 1, "silent"), BATON_OK);
	vt->cancel(rig.inst, 1, BATON_CANCEL_USER);
	rig_run_for(&rig, 1);
	assert_string_equal(rig_said(&rig, 1), "end 0");
	/* Words that cross the cancel are dropped, the end is not. */
	assert_int_equal(start(&rig, 2, "pour:100"), BATON_OK);
	vt->cancel(rig.inst, 2, BATON_CANCEL_USER);
	rig_run_for(&rig, 1);
	assert_int_equal(rig.calls[2].ends, 1);
	assert_int_equal(rig.calls[2].deltas, 0);
	rig_done(&rig);
}

/* A module that never ends what was cancelled is fenced by the rack each time. Nothing of that may
 * pile up until there is no room for another call. */
static void what_never_ends_does_not_pile_up(void **state)
{
	enum { MANY = 75000 };
	struct rig rig;
	(void)state;
	if (SANITIZED)
		skip();
	rig_isolated(&rig, odd_so, "deaf", NULL);
	const baton_provider *vt = rig_vt(&rig, BATON_PROVIDER);
	for (unsigned i = 0; i < MANY; i++) {
		int32_t rc = start(&rig, 1000 + i, "silent");
		for (unsigned j = 0; rc == BATON_E_AGAIN && j < 2000; j++) {
			rig_linger(&rig, 2); /* it is read slower than written */
			vt->cancel(rig.inst, 1000 + i - 1, BATON_CANCEL_USER);
			rc = start(&rig, 1000 + i, "silent");
		}
		assert_int_equal(rc, BATON_OK);
		vt->cancel(rig.inst, 1000 + i, BATON_CANCEL_USER);
		if (i % 10000 == 0)
			rig_linger(&rig, 250);
	}
	assert_string_equal(ask(&rig, 1, "a"), "0:ok|end 0");
	rig_done(&rig);
	assert_int_equal(rig.crashes, 0);
}

/* --- back-pressure ----------------------------------------------------------------------- */

static bool is_full(struct rig *rig)
{
	return rig->calls[1].full;
}

static void a_host_that_is_full_makes_the_module_wait(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	const baton_provider *vt = rig_vt(&rig, BATON_PROVIDER);
	rig.calls[1].accept = 10;
	assert_int_equal(start(&rig, 1, "pour:1000"), BATON_OK);
	rig_until(&rig, is_full);
	rig_linger(&rig, 50);
	assert_int_equal(rig.calls[1].deltas, 10);
	/* A little more, and full again. */
	rig.calls[1].accept = 300;
	rig.calls[1].full = false;
	vt->resume(rig.inst, 1);
	rig_until(&rig, is_full);
	assert_int_equal(rig.calls[1].deltas, 300);
	rig.calls[1].accept = 0;
	vt->resume(rig.inst, 1);
	if (rig.calls[1].ends == 0)
		rig_run_for(&rig, 1);
	assert_int_equal(rig.calls[1].bytes, 1000 * 1000 + strlen("waited yes"));
	assert_int_equal(rig.calls[1].fails, 0);
	/* One that takes everything is never waited for longer than it takes to read. */
	(void)ask(&rig, 2, "pour:50");
	assert_int_equal(rig.calls[2].deltas, 51);
	rig_done(&rig);
}

static bool has_crashed(struct rig *rig)
{
	pthread_mutex_lock(&rig->lock);
	bool crashed = rig->crashes > 0;
	pthread_mutex_unlock(&rig->lock);
	return crashed;
}

static void a_child_that_does_not_read_is_not_waited_for(void **state)
{
	struct rig rig;
	struct baton_child_view view;
	static char big[200000];
	const struct baton_child_options with = { .hang_ms = 200, .heartbeat_ms = 50 };
	(void)state;
	rig_isolated(&rig, odd_so, "", &with);
	check_ends(&rig, 1);
	baton_child_view(rig.child, &view);
	assert_int_equal(kill(view.pid, SIGSTOP), 0);
	memset(big, 'x', sizeof(big) - 1);
	unsigned taken = 0;
	while (taken < 50 && start(&rig, taken + 2, big) == BATON_OK)
		taken++;
	assert_true(taken > 4 && taken < 30); /* 1 MiB and what the socket holds */
	assert_int_equal(start(&rig, 55, "a"), BATON_E_AGAIN);
	rig_run_for(&rig, taken);
	for (unsigned i = 0; i < taken; i++)
		assert_int_equal(rig.calls[i + 2].fail, BATON_FAIL_MODULE);
	rig_until(&rig, has_crashed);
	rig_done(&rig);
	assert_non_null(strstr(rig.how, "hung"));
}

/* --- crash, hang, leave ------------------------------------------------------------------ */

static const struct baton_child_options quick = {
	.hang_ms = 300, .heartbeat_ms = 30, .pause_ms = 20, .evaluate_ms = 150
};

/* Does the one thing at which the configuration strikes. */
static void strike(struct rig *rig, const char *place)
{
	char said[256];
	struct baton_buf text = { 0 };
	const baton_sink sink = { .size = sizeof(sink), .ud = &text, .write = to_buf };
	const baton_provider *provider = rig_vt(rig, BATON_PROVIDER);
	if (strcmp(place, "start") == 0) {
		(void)ask(rig, 1, "a");
	} else if (strcmp(place, "cancel") == 0) {
		assert_int_equal(start(rig, 1, "silent"), BATON_OK);
		provider->cancel(rig->inst, 1, BATON_CANCEL_USER);
		rig_run_for(rig, 1);
	} else if (strcmp(place, "classify") == 0) {
		assert_int_equal(classify(rig, 1, "a"), BATON_OK);
	} else if (strcmp(place, "search") == 0) {
		search(rig, 1, "a");
	} else if (strcmp(place, "append") == 0) {
		assert_true(append(rig, 1, 1) >= 0);
	} else if (strcmp(place, "evaluate") == 0) {
		check_ends(rig, 59);
		assert_true(evaluate(rig, 1, 0, said, sizeof(said)) < 0);
		return;
	} else if (strcmp(place, "invoke") == 0) {
		assert_int_equal(invoke(rig, 1), BATON_OK);
	} else if (strcmp(place, "inspect") == 0) {
		check_ends(rig, 59);
		assert_true(inspect(rig, "4111", 1, said, sizeof(said)) < 0);
		return;
	} else if (strcmp(place, "models") == 0) {
		assert_true(provider->models(rig->inst, &sink) < 0);
		return;
	} else if (strcmp(place, "save") == 0) {
		assert_true(rig->module->state->save(rig->inst, &sink) < 0);
		return;
	} else { /* create, activate, check */
		check_ends(rig, 1);
	}
	assert_int_equal(rig->calls[1].fails, 1);
	assert_int_equal(rig->calls[1].fail, BATON_FAIL_MODULE);
}

static const char *const places[] = { "create",   "activate", "check",  "start",    "cancel",
				      "classify", "search",   "append", "evaluate", "models",
				      "save",     "invoke",   "inspect" };

/* `deed` at every entry: the call that was open fails at once, the place is named. */
static void everywhere(const char *deed, const char *how)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct rig rig;
		char config[64];
		(void)snprintf(config, sizeof(config), "%s:%s", deed, places[i]);
		rig_isolated(&rig, odd_so, config, &quick);
		strike(&rig, places[i]);
		rig_until(&rig, has_crashed);
		const char *place = strcmp(places[i], "save") == 0 ? "state" : places[i];
		pthread_mutex_lock(&rig.lock);
		if (!strstr(rig.how, how) || !strstr(rig.how, place))
			fail_msg("%s: \"%s\"", config, rig.how);
		pthread_mutex_unlock(&rig.lock);
		rig_done(&rig);
	}
	assert_false(rig_has_children());
}

static void a_crash_fails_the_call_and_names_the_place(void **state)
{
	(void)state;
	everywhere("crash", SANITIZED ? "in" : "signal 11 (Segmentation fault) in");
}

static void an_abort_fails_the_call_and_names_the_place(void **state)
{
	(void)state;
	everywhere("abort", SANITIZED ? "in" : "signal 6 (Aborted) in");
}

static void an_exit_is_a_crash(void **state)
{
	(void)state;
	everywhere("exit", "exit 0 in");
}

static void a_spin_is_ended(void **state)
{
	(void)state;
	everywhere("spin", "hung");
}

static void a_sleep_is_ended(void **state)
{
	(void)state;
	everywhere("nap", "hung");
}

static void a_crash_in_a_job_is_named(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "crash:job", &quick);
	(void)ask(&rig, 1, "keep-job");
	assert_int_equal(rig.calls[1].fail, BATON_FAIL_MODULE);
	rig_until(&rig, has_crashed);
	rig_done(&rig);
	if (!strstr(rig.how, "a job"))
		fail_msg("\"%s\"", rig.how);
}

/* What a child has said before it died is heard. */
static void a_last_word_counts(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", &quick);
	(void)ask(&rig, 1, "last-word");
	assert_string_equal(rig_said(&rig, 1), "0:heard|end 0");
	rig_until(&rig, has_crashed);
	rig_done(&rig);
}

static void a_module_that_destroys_badly_is_nobodys_worry(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "crash:destroy", &quick);
	check_ends(&rig, 1);
	rig_done(&rig);
	rig_isolated(&rig, odd_so, "nap:destroy", &quick);
	check_ends(&rig, 1);
	rig_done(&rig);
	assert_false(rig_has_children());
}

/* Until the child is back and takes a call. */
static void come_back(struct rig *rig, unsigned call)
{
	for (unsigned i = 0; i < 400; i++) {
		int32_t rc = start(rig, call, "a");
		if (rc == BATON_OK)
			break;
		assert_int_equal(rc, BATON_E_AGAIN);
		rig_linger(rig, 10);
	}
	if (rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
	assert_string_equal(rig_said(rig, call), "0:ok|end 0");
}

static void the_child_is_started_again_with_its_instances(void **state)
{
	struct rig rig;
	struct baton_child_view view;
	char said[256];
	(void)state;
	rig_isolated(&rig, odd_so, "", &quick);
	check_ends(&rig, 1);
	for (unsigned i = 0; i < 3; i++) {
		(void)ask(&rig, 10 + 2 * i, "crash:start");
		assert_int_equal(rig.calls[10 + 2 * i].fail, BATON_FAIL_MODULE);
		/* A check meanwhile waits for the one to come. */
		check_ends(&rig, 40 + i);
		assert_int_equal(rig.calls[40 + i].ends, 1);
		come_back(&rig, 11 + 2 * i);
	}
	assert_int_equal(evaluate(&rig, 5, 0, said, sizeof(said)), BATON_OK);
	assert_string_equal(said, "0 3 0 0 7 odd-rule an intent - -");
	baton_child_view(rig.child, &view);
	assert_int_equal(view.starts, 4);
	assert_int_equal(view.crashes, 3);
	assert_non_null(strstr(view.last_how, "start"));
	rig_done(&rig);
	assert_int_equal(rig.crashes, 3);
}

static void several_open_calls_all_fail_at_once(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", &quick);
	for (unsigned i = 1; i <= 20; i++)
		assert_int_equal(start(&rig, i, "silent"), BATON_OK);
	assert_int_equal(start(&rig, 21, "crash:start"), BATON_OK);
	rig_run_for(&rig, 21);
	for (unsigned i = 1; i <= 21; i++)
		assert_int_equal(rig.calls[i].fail, BATON_FAIL_MODULE);
	rig_done(&rig);
}

static void an_instance_that_cannot_be_made_says_why(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "refuse:create", NULL);
	check_ends(&rig, 1);
	assert_string_equal(rig_said(&rig, 1), "fail 0  create: expected 0, found -9");
	assert_int_equal(start(&rig, 2, "a"), BATON_E_STATE);
	check_ends(&rig, 3);
	assert_int_equal(rig.calls[3].fails, 1);
	rig_done(&rig);
	rig_isolated(&rig, odd_so, "refuse:activate", NULL);
	check_ends(&rig, 1);
	assert_string_equal(rig_said(&rig, 1), "fail 0  activate: expected 0, found -6");
	rig_done(&rig);
	assert_int_equal(rig.crashes, 0);
}

/* --- breaking out ------------------------------------------------------------------------ */

static void what_a_module_may_not_do_does_not_work(void **state)
{
	static const struct {
		const char *word;
		int expected;
	} rows[] = { { "out:inet", EPERM },   { "out:unix", EPERM },   { "out:exec", EPERM },
		     { "out:fork", EPERM },   { "out:kill", EPERM },   { "out:read", EACCES },
		     { "out:write", EACCES }, { "out:proc", EACCES },  { "out:watch", 8 },
		     { "out:env", 0 },        { "out:limits", EPERM }, { "out:prctl", EPERM },
		     { "out:timers", 4096 } };
	struct rig rig;
	struct baton_child_view view;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char expected[64];
		(void)snprintf(expected, sizeof(expected), "0:%s %d|end 0", rows[i].word + 4,
			       rows[i].expected);
		assert_string_equal(ask(&rig, i + 1, rows[i].word), expected);
	}
	baton_child_view(rig.child, &view);
	assert_int_equal(view.crashes, 0);
	rig_done(&rig);
	assert_int_equal(access("/tmp/baton-iso-odd", F_OK), -1);
}

static void memory_has_an_end(void **state)
{
	struct rig rig;
	const struct baton_child_options with = { .memory_bytes = 200u << 20 };
	(void)state;
	if (SANITIZED)
		skip();
	rig_isolated(&rig, odd_so, "", &with);
	const char *said = ask(&rig, 1, "out:memory");
	unsigned mib = (unsigned)strtoul(said + strlen("0:memory "), NULL, 10);
	assert_true(mib > 50 && mib < 200);
	rig_done(&rig);
}

static void processor_time_has_an_end_if_one_is_given(void **state)
{
	struct rig rig;
	const struct baton_child_options with = { .cpu_s = 1 };
	(void)state;
	if (SANITIZED)
		skip();
	rig_isolated(&rig, odd_so, "spin:job", &with);
	(void)ask(&rig, 1, "keep-job");
	assert_int_equal(rig.calls[1].fail, BATON_FAIL_MODULE);
	rig_until(&rig, has_crashed);
	rig_done(&rig);
	assert_string_equal(rig.how, "signal 24 (CPU time limit exceeded) in a job");
}

static void what_has_no_innocent_use_kills(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", &quick);
	(void)ask(&rig, 1, "out:ptrace");
	assert_int_equal(rig.calls[1].fail, BATON_FAIL_MODULE);
	rig_until(&rig, has_crashed);
	rig_done(&rig);
	assert_string_equal(rig.how, "signal 31 (Bad system call) in start");
}

/* The kernel's answer to what it does not know, for the numbers of Landlock and seccomp(2). */
static void older_kernel(void)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_filter copy[sizeof(code) / sizeof(code[0])];
	memcpy(copy, code, sizeof(code));
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), copy };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(2);
}

/* The filter lasts, so it is another process that has it. */
static void kernels_that_give_less_are_told_of(void **state)
{
	int status = -1;
	(void)state;
	if (SANITIZED)
		skip();
	pid_t server = fork();
	if (server == 0) {
		struct rig rig;
		struct baton_child_view view;
		older_kernel();
		rig_isolated(&rig, odd_so, "", NULL);
		baton_child_view(rig.child, &view);
		bool good = strcmp(view.sandbox, "no landlock, no seccomp, limits") == 0 &&
			    strcmp(ask(&rig, 1, "keep-job"), "0:-9 0 0 a value|end 0") == 0 &&
			    strcmp(ask(&rig, 2, "a"), "0:ok|end 0") == 0;
		rig_done(&rig);
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- lying ------------------------------------------------------------------------------- */

static void garbage_kills_the_one_who_sends_it(void **state)
{
	static const char *const kinds[] = { "garbage",        "garbage-huge",   "garbage-order",
					     "garbage-short",  "garbage-answer", "overspend",
					     "garbage-control" };
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct rig rig;
		char word[64];
		rig_isolated(&rig, odd_so, "", &quick);
		rig.calls[1].accept = 1; /* what is not taken keeps its credit */
		(void)snprintf(word, sizeof(word), "%s nap:later", kinds[i]);
		/* The call itself may have ended well before the garbage is read. */
		assert_int_equal(start(&rig, 1, word), BATON_OK);
		rig_until(&rig, has_crashed);
		rig_done(&rig);
		if (!strstr(rig.how, "garbage"))
			fail_msg("%s: \"%s\"", kinds[i], rig.how);
	}
	assert_false(rig_has_children());
}

static void a_flood_ends(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", &quick);
	assert_int_equal(start(&rig, 1, "flood"), BATON_OK);
	rig_until(&rig, has_crashed);
	assert_int_equal(rig.calls[1].fail, BATON_FAIL_MODULE);
	rig_done(&rig);
	/* Lines by the host table are thinned out in the child already. */
	rig_isolated(&rig, odd_so, "", NULL);
	assert_string_equal(ask(&rig, 1, "lines"), "0:ok|end 0");
	assert_int_equal(rig.crashes, 0);
	pthread_mutex_lock(&rig.lock);
	assert_true(rig.log.n < 5000 * strlen("1 a line\n"));
	pthread_mutex_unlock(&rig.lock);
	rig_done(&rig);
}

/* --- starting and stopping --------------------------------------------------------------- */

static void what_cannot_be_started_is_refused_with_a_line(void **state)
{
	struct rig rig;
	char why[256];
	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_child_start(&rig, "no-such.so", NULL, why, sizeof(why)),
			 BATON_E_MODULE);
	assert_non_null(strstr(why, "no-such.so"));
	assert_int_equal(
		rig_child_start(&rig, "tests/modules/wrong_magic.so", NULL, why, sizeof(why)),
		BATON_E_MODULE);
	assert_non_null(strstr(why, "magic"));
	assert_int_equal(rig_child_start(&rig, "baton-modhost", NULL, why, sizeof(why)),
			 BATON_E_MODULE);
	const struct baton_child_options none = { .modhost = "/nonexistent/baton-modhost",
						  .path = "x.so",
						  .name = "x",
						  .host = &rig.table };
	assert_int_equal(baton_child_start(&none, &rig.child, &rig.module, why, sizeof(why)),
			 BATON_E_IO);
	assert_non_null(strstr(why, "/nonexistent/baton-modhost"));
	rig_done(&rig);
	assert_false(rig_has_children());
}

static void a_load_that_is_refused_is_told(void **state)
{
	struct rig rig;
	char why[256];
	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_child_start(&rig, "tests/modules/bad_load.so", NULL, why, sizeof(why)),
			 0);
	assert_true(rig_begin(&rig, "") < 0);
	rig_done(&rig);
}

static void nothing_is_left_of_many_starts(void **state)
{
	struct rig rig;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	rig_done(&rig);
	unsigned before = rig_fds();
	for (int i = 0; i < (SANITIZED ? 20 : 200); i++) {
		rig_isolated(&rig, odd_so, "", NULL);
		if (i % 4 == 0)
			check_ends(&rig, 1);
		rig_done(&rig);
	}
	assert_int_equal(rig_fds(), before);
	assert_false(rig_has_children());
}

static void nothing_is_left_of_many_crashes(void **state)
{
	struct rig rig;
	const struct baton_child_options with = { .pause_ms = 1 };
	(void)state;
	rig_isolated(&rig, odd_so, "", &with);
	check_ends(&rig, 1);
	unsigned before = rig_fds();
	for (unsigned i = 0; i < 5; i++) {
		(void)ask(&rig, 10 + i, "crash:start");
		come_back(&rig, 20 + i);
	}
	assert_int_equal(rig_fds(), before);
	rig_done(&rig);
	assert_false(rig_has_children());
}

/* A server that is killed leaves nobody behind, also not one that hangs. */
static void the_child_goes_with_the_server(void **state)
{
	int fds[2];
	pid_t child = 0;
	(void)state;
	if (SANITIZED)
		skip();
	assert_int_equal(pipe(fds), 0);
	pid_t server = fork();
	if (server == 0) {
		struct rig rig;
		struct baton_child_view view;
		rig_isolated(&rig, odd_so, "nap:activate", NULL);
		baton_child_view(rig.child, &view);
		(void)!write(fds[1], &view.pid, sizeof(view.pid));
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(fds[0], &child, sizeof(child)), (ssize_t)sizeof(child));
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)waitpid(server, NULL, 0);
	/* It is somebody else's to reap now: dead is enough. */
	bool gone = false;
	for (int i = 0; i < 400 && !gone; i++) {
		char path[64], text[256] = "";
		(void)snprintf(path, sizeof(path), "/proc/%d/stat", child);
		FILE *file = fopen(path, "r");
		size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
		gone = !file || n == 0 || strstr(text, ") Z ") != NULL;
		if (file)
			(void)fclose(file);
		struct timespec ts = { 0, 5000000 };
		(void)nanosleep(&ts, NULL);
	}
	assert_true(gone);
}

/* --- two loops --------------------------------------------------------------------------- */

struct second {
	struct rig *first;
	struct rig rig;
	unsigned good;
};

static void *second_loop(void *ud)
{
	struct second *second = ud;
	struct rig *rig = &second->rig;
	rig_init(rig);
	rig->module = second->first->module;
	rig->mod = second->first->mod;
	if (rig->module->create(rig->mod, rig_ctx(rig), BATON_STR_NONE, &rig->inst) != BATON_OK ||
	    rig->module->activate(rig->inst) != BATON_OK)
		return NULL;
	for (unsigned i = 1; i <= 50; i++)
		second->good += strcmp(ask(rig, i, "a"), "0:ok|end 0") == 0;
	rig_done(rig);
	return NULL;
}

static void one_child_serves_two_loops(void **state)
{
	struct rig rig;
	static struct second second;
	pthread_t thread;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	second.first = &rig;
	assert_int_equal(pthread_create(&thread, NULL, second_loop, &second), 0);
	for (unsigned i = 1; i <= 50; i++)
		assert_string_equal(ask(&rig, i, "a"), "0:ok|end 0");
	(void)pthread_join(thread, NULL);
	assert_int_equal(second.good, 50);
	rig_done(&rig);
}

/* --- an upgrade -------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	assert_non_null(in);
	assert_non_null(out);
	for (size_t n; (n = fread(bytes, 1, sizeof(bytes), in)) > 0;)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	(void)fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(to, 0755), 0);
}

/* The file is another one while the server runs: what comes back is still of the server's build.
 * First of all tests, since a process keeps the program that it has started first. */
static void an_upgrade_does_not_change_what_is_started_again(void **state)
{
	struct rig rig;
	char dir[BATON_SCRATCH_BYTES], path[160], other[160], built[PATH_MAX];
	(void)state;
	assert_int_equal(baton_scratch_make(dir, "iso"), BATON_OK);
	(void)snprintf(path, sizeof(path), "%s/baton-modhost", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	rig_built(built, sizeof(built), "baton-modhost");
	copy_file(built, path);
	const struct baton_child_options with = { .modhost = path, .pause_ms = 10 };
	rig_isolated(&rig, odd_so, "", &with);
	check_ends(&rig, 1);
	copy_file("/bin/true", other);
	assert_int_equal(rename(other, path), 0);
	(void)ask(&rig, 2, "crash:start");
	come_back(&rig, 3);
	rig_done(&rig);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* --- everything at once ------------------------------------------------------------------ */

struct guest_loop {
	struct rig *first;
	_Atomic(bool) *stop;
	unsigned answers, failures, refused;
};

/* Makes an instance, asks it, takes it away, and again. Whatever happens to the child, each
 * call that was taken has one end. */
static void *guest_loop(void *ud)
{
	struct guest_loop *loop = ud;
	static _Thread_local struct rig rig;
	while (!atomic_load(loop->stop)) {
		rig_init(&rig);
		rig.module = loop->first->module;
		rig.mod = loop->first->mod;
		assert_int_equal(
			rig.module->create(rig.mod, rig_ctx(&rig), BATON_STR_NONE, &rig.inst),
			BATON_OK);
		assert_int_equal(rig.module->activate(rig.inst), BATON_OK);
		for (unsigned i = 1; i <= 20; i++) {
			if (start(&rig, i, i % 7 ? "a" : "pour:30") != BATON_OK) {
				loop->refused++;
				rig_linger(&rig, 1);
				continue;
			}
			if (rig.calls[i].ends + rig.calls[i].fails == 0)
				rig_run_for(&rig, 1);
			assert_int_equal(rig.calls[i].ends + rig.calls[i].fails, 1);
			assert_true(rig.calls[i].fails == 0 ||
				    rig.calls[i].fail == BATON_FAIL_MODULE);
			loop->answers += rig.calls[i].ends;
			loop->failures += rig.calls[i].fails;
		}
		rig_done(&rig);
	}
	return NULL;
}

static void instances_come_and_go_while_the_child_is_killed(void **state)
{
	enum { LOOPS = 3, KILLS = 40 };
	struct rig rig;
	struct guest_loop loops[LOOPS];
	pthread_t threads[LOOPS];
	_Atomic(bool) stop = false;
	const struct baton_child_options with = { .pause_ms = 1 };
	unsigned killed = 0, answers = 0, failures = 0;
	(void)state;
	rig_isolated(&rig, odd_so, "", &with);
	for (unsigned i = 0; i < LOOPS; i++) {
		loops[i] = (struct guest_loop){ .first = &rig, .stop = &stop };
		assert_int_equal(pthread_create(&threads[i], NULL, guest_loop, &loops[i]), 0);
	}
	for (unsigned i = 0; i < KILLS * 20 && killed < KILLS; i++) {
		struct baton_child_view view;
		rig_linger(&rig, 10 + i % 7);
		baton_child_view(rig.child, &view);
		/* Pauses double; that is not what is tried here. */
		killed += view.pid > 0 && view.up_ms > 5 && kill(view.pid, SIGKILL) == 0;
		if (view.crashes >= 8)
			break;
	}
	rig_linger(&rig, 300);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < LOOPS; i++) {
		(void)pthread_join(threads[i], NULL);
		answers += loops[i].answers;
		failures += loops[i].failures;
	}
	print_message("# %u answers, %u failures, killed %u times\n", answers, failures, killed);
	assert_true(answers > 100 && killed >= 8);
	rig_done(&rig);
	assert_false(rig_has_children());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upgrade_does_not_change_what_is_started_again),
		cmocka_unit_test(a_module_in_its_own_process_answers),
		cmocka_unit_test(the_echo_answers_the_same_in_its_own_process),
		cmocka_unit_test(the_retriever_finds_the_same_in_its_own_process),
		cmocka_unit_test(the_classifier_thinks_the_same_in_its_own_process),
		cmocka_unit_test(tools_and_guards_are_asked_in_their_own_process),
		cmocka_unit_test(every_text_of_the_facts_arrives),
		cmocka_unit_test(the_knowledge_says_the_same_in_its_own_process),
		cmocka_unit_test(the_rules_decide_the_same_in_their_own_process),
		cmocka_unit_test(a_transcript_is_written_where_it_was_granted_and_nowhere_else),
		cmocka_unit_test(what_the_child_does_not_have_the_server_does_for_it),
		cmocka_unit_test(lists_of_models_are_asked_for_and_waited_for),
		cmocka_unit_test(warm_state_is_saved_and_given_to_the_next),
		cmocka_unit_test(refusals_become_failures_of_a_class),
		cmocka_unit_test(a_cancelled_call_ends),
		cmocka_unit_test(what_never_ends_does_not_pile_up),
		cmocka_unit_test(a_host_that_is_full_makes_the_module_wait),
		cmocka_unit_test(a_child_that_does_not_read_is_not_waited_for),
		cmocka_unit_test(a_crash_fails_the_call_and_names_the_place),
		cmocka_unit_test(an_abort_fails_the_call_and_names_the_place),
		cmocka_unit_test(an_exit_is_a_crash),
		cmocka_unit_test(a_spin_is_ended),
		cmocka_unit_test(a_sleep_is_ended),
		cmocka_unit_test(a_crash_in_a_job_is_named),
		cmocka_unit_test(a_last_word_counts),
		cmocka_unit_test(kernels_that_give_less_are_told_of),
		cmocka_unit_test(a_module_that_destroys_badly_is_nobodys_worry),
		cmocka_unit_test(the_child_is_started_again_with_its_instances),
		cmocka_unit_test(several_open_calls_all_fail_at_once),
		cmocka_unit_test(an_instance_that_cannot_be_made_says_why),
		cmocka_unit_test(what_a_module_may_not_do_does_not_work),
		cmocka_unit_test(memory_has_an_end),
		cmocka_unit_test(processor_time_has_an_end_if_one_is_given),
		cmocka_unit_test(what_has_no_innocent_use_kills),
		cmocka_unit_test(garbage_kills_the_one_who_sends_it),
		cmocka_unit_test(a_flood_ends),
		cmocka_unit_test(what_cannot_be_started_is_refused_with_a_line),
		cmocka_unit_test(a_load_that_is_refused_is_told),
		cmocka_unit_test(nothing_is_left_of_many_starts),
		cmocka_unit_test(nothing_is_left_of_many_crashes),
		cmocka_unit_test(the_child_goes_with_the_server),
		cmocka_unit_test(one_child_serves_two_loops),
		cmocka_unit_test(instances_come_and_go_while_the_child_is_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
