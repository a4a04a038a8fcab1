/* SPDX-License-Identifier: Apache-2.0 */

/* The usual call of each kind: what it is asked, what the world answers, and whether what came of
 * it is right. Everything that calls modules in numbers (cancelled, swapped, at once) begins here.
 */
#include "core/check/inside.h"

#include "core/base/errors.h"

#include <stdio.h>

enum { FOREVER = 0x7fffffff, ENTRIES = 3 };

/* --- what is asked ------------------------------------------------------------------------- */

static const char question[] = "Where is my order 4711? How long does delivery take?";

const baton_doc *baton_try_docs(uint32_t *ret_n)
{
	static const baton_doc docs[] = {
		{ .id = { "delivery", 8 },
		  .title = { "Delivery times", 14 },
		  .uri = { "help/delivery", 13 },
		  .snippet = { "Orders leave our house within one day. Delivery takes two to three "
			       "days.",
			       71 },
		  .version = { "2026-01-10", 10 },
		  .score_ppm = 900000 },
		{ .id = { "returns", 7 },
		  .title = { "Returns and refunds", 19 },
		  .uri = { "help/returns", 12 },
		  .snippet = { "Goods can be sent back within 30 days.", 38 },
		  .version = { "2026-01-11", 10 },
		  .score_ppm = 500000 },
	};
	*ret_n = 2;
	return docs;
}

void baton_try_prompt(baton_prompt *prompt, baton_turn *turn, baton_msg *msg, const char *text)
{
	*msg = (baton_msg){ .role = BATON_ROLE_CUSTOMER, .text = baton_str_of(text) };
	*turn = (baton_turn){ .size = sizeof(*turn),
			      .session_id = BATON_STR("s-check"),
			      .turn_id = BATON_STR("t-check"),
			      .channel = BATON_STR("web"),
			      .locale = BATON_STR("en"),
			      .intent = BATON_STR("order_status"),
			      .msgs = msg,
			      .n_msgs = 1,
			      .attempt = 1 };
	*prompt = (baton_prompt){ .size = sizeof(*prompt),
				  .turn = turn,
				  .model = BATON_STR("check-model"),
				  .idempotency_key = BATON_STR("check-key-7d1f"),
				  .max_output_tokens = 500,
				  .temperature_milli = -1 };
	prompt->docs = baton_try_docs(&prompt->n_docs);
}

static int32_t begin_append(baton_testhost *host, uint32_t inst, unsigned i, baton_call *ret_call)
{
	baton_entry entries[ENTRIES];
	char session[32];
	int n = snprintf(session, sizeof(session), "s-%u", i);
	for (unsigned e = 0; e < ENTRIES; e++)
		entries[e] = (baton_entry){ .seq = e + 1,
					    .unix_ms = UINT64_C(1767225600000) + e,
					    .session_id = { session, (size_t)n },
					    .type = BATON_STR("customer_said"),
					    .json = BATON_STR("{\"text\":\"hello\"}") };
	return baton_testhost_append(host, inst, entries, ENTRIES, ret_call);
}

/* --- tools --------------------------------------------------------------------------------- */

uint32_t baton_try_tool_flags(const struct baton_try_tool *tool)
{
	return (tool->writes ? BATON_TOOL_WRITES : 0u) |
	       (tool->idempotent ? BATON_TOOL_IDEMPOTENT : 0u);
}

static void take_tool(struct baton_try_tool *tool, const json_t *declared, const char *name)
{
	tool->name = baton_memdupz(name, strlen(name));
	tool->args = baton_config_arguments(json_object_get(declared, "arguments"));
	tool->writes = json_is_true(json_object_get(declared, "writes"));
	tool->idempotent = json_is_true(json_object_get(declared, "idempotent"));
}

/* Of the tools that the policy declares the first that reads, and the first that writes. */
static void learn_tools(struct baton_try *trial)
{
	json_t *config = json_loads(trial->config, 0, NULL);
	const json_t *list = json_object_get(json_object_get(config, "policy"), "tools"), *tool;
	size_t i;
	json_array_foreach(list, i, tool) {
		const char *name = json_string_value(json_object_get(tool, "name"));
		bool writes = json_is_true(json_object_get(tool, "writes"));
		struct baton_try_tool *to = writes ? &trial->writer : &trial->tool;
		if (name && !to->name)
			take_tool(to, tool, name);
	}
	if (!trial->tool.name && trial->writer.name) {
		trial->tool = trial->writer;
		trial->tool.name = baton_memdupz(trial->writer.name, strlen(trial->writer.name));
		trial->tool.args = baton_memdupz(trial->writer.args, strlen(trial->writer.args));
	}
	if (!trial->tool.name)
		take_tool(&trial->tool, NULL, "check");
	json_decref(config);
}

static int32_t begin_tool(struct baton_try *trial, baton_testhost *host, uint32_t inst, unsigned i,
			  baton_call *ret_call)
{
	char key[32];
	baton_prompt prompt;
	baton_turn turn;
	baton_msg msg;
	int n = snprintf(key, sizeof(key), "check-key-%u", i);
	baton_try_prompt(&prompt, &turn, &msg, question);
	turn.msgs = NULL;
	turn.n_msgs = 0;
	turn.deadline_ns = baton_testhost_now_ns(host) + UINT64_C(250000000000);
	const baton_tool_req req = { .size = sizeof(req),
				     .flags = baton_try_tool_flags(&trial->tool),
				     .turn = &turn,
				     .name = baton_str_of(trial->tool.name),
				     .args_json = baton_str_of(trial->tool.args),
				     .idempotency_key = { key, (size_t)n } };
	return baton_testhost_invoke(host, inst, &req, ret_call);
}

int32_t baton_try_begin(struct baton_try *trial, baton_testhost *host, uint32_t inst, unsigned i,
			baton_call *ret_call)
{
	baton_prompt prompt;
	baton_turn turn;
	baton_msg msg;
	baton_try_prompt(&prompt, &turn, &msg, question);
	/* A deadline far away: what is late is another check's affair. */
	turn.deadline_ns = baton_testhost_now_ns(host) + UINT64_C(250000000000);
	if (baton_try_is(trial, "provider"))
		return baton_testhost_generate(host, inst, &prompt, ret_call);
	if (baton_try_is(trial, "classifier"))
		return baton_testhost_classify(host, inst, &turn, ret_call);
	if (baton_try_is(trial, "transcript"))
		return begin_append(host, inst, i, ret_call);
	if (baton_try_is(trial, "tool"))
		return begin_tool(trial, host, inst, i, ret_call);
	const baton_query query = {
		.size = sizeof(query), .k = 3, .turn = &turn, .text = baton_str_of(question)
	};
	return baton_testhost_search(host, inst, &query, ret_call);
}

/* --- what the world answers ---------------------------------------------------------------- */

baton_exchange baton_try_answer(const struct baton_try *trial)
{
	baton_exchange e = baton_testhost_exchange();
	e.status = 200;
	e.times = FOREVER;
	e.headers = trial->wire ? trial->wire->type : "Content-Type: application/json\n";
	e.body = trial->wire ? trial->wire->body : "{}";
	return e;
}

void baton_try_upstream_good(struct baton_try *trial, baton_testhost *host)
{
	const baton_exchange e = baton_try_answer(trial);
	baton_testhost_expect_nothing(host);
	baton_testhost_expect(host, &e);
}

/* --- learning what it understands ---------------------------------------------------------- */

/* Its answer to the usual question with the upstream that trial->wire is. NULL: none. */
static const baton_heard *answer_of(struct baton_try *trial)
{
	baton_call call;
	baton_try_upstream_good(trial, trial->host);
	if (baton_try_begin(trial, trial->host, trial->inst, 0, &call) < 0 ||
	    !baton_testhost_run(trial->host, call, trial->call_ms))
		return NULL;
	const baton_heard *heard = baton_testhost_heard(trial->host, call);
	return heard->ended && (heard->text_n > 0 || heard->tool) ? heard : NULL;
}

static void take_text(struct baton_try *trial, const baton_heard *heard)
{
	baton_free(trial->text);
	if (heard && heard->tool)
		trial->text = baton_memdupz(heard->tool->json.p, heard->tool->json.n);
	else
		trial->text = heard ? baton_memdupz(heard->text, heard->text_n) : NULL;
}

/* A host with what the user gave as the right answer. It stays open while its texts are used. */
static bool learn_cassette(struct baton_try *trial)
{
	static baton_testhost *tape;
	char why[256];
	tape = baton_try_host(trial);
	if (!tape)
		return false;
	if (baton_testhost_cassette_file(tape, trial->options->cassette, why, sizeof(why)) < 0) {
		baton_try_fail(trial, "%s: %s", trial->options->cassette, why);
		return false;
	}
	const baton_exchange *e = baton_testhost_expected(tape);
	if (!e || !e->body) {
		baton_try_fail(trial, "%s: no answer in it", trial->options->cassette);
		return false;
	}
	trial->own = (struct baton_wire){ .name = "the cassette",
					  .type = e->headers ? e->headers : "",
					  .body = e->body };
	trial->wire = &trial->own;
	return true;
}

static void learn_wire(struct baton_try *trial)
{
	for (size_t i = 0; i < baton_wires_n; i++) {
		trial->wire = &baton_wires[i];
		const baton_heard *heard = answer_of(trial);
		if (!heard)
			continue;
		take_text(trial, heard);
		return;
	}
	trial->wire = NULL;
}

/* One answer in JSON, or the cassette's. */
static bool learn_tool(struct baton_try *trial)
{
	static const struct baton_wire json = { .name = "JSON",
						.type = "Content-Type: application/json\n",
						.body = "{\"status\":\"shipped\",\"days\":2}" };
	trial->wire = &json;
	if (trial->options->cassette && !learn_cassette(trial))
		return false;
	const baton_heard *heard = answer_of(trial);
	trial->speaks_http = baton_testhost_requests(trial->host) > 0;
	if (!heard && trial->options->cassette)
		baton_try_fail(trial, "the answer of %s is not understood",
			       trial->options->cassette);
	if (!heard || !trial->speaks_http)
		trial->wire = NULL;
	take_text(trial, heard);
	return trial->fails == 0;
}

/* Without HTTP the first answer is the right one; with it, the first stream that is understood. */
static bool learn(struct baton_try *trial)
{
	trial->learned = true;
	if (baton_try_is(trial, "tool"))
		return learn_tool(trial);
	if (!baton_try_is(trial, "provider"))
		return true;
	take_text(trial, answer_of(trial));
	trial->speaks_http = baton_testhost_requests(trial->host) > 0;
	if (!trial->speaks_http)
		return true;
	if (!trial->options->cassette) {
		learn_wire(trial);
		return true;
	}
	if (!learn_cassette(trial))
		return false;
	const baton_heard *heard = answer_of(trial);
	if (!heard)
		baton_try_fail(trial, "the answer of %s is not understood",
			       trial->options->cassette);
	take_text(trial, heard);
	return heard != NULL;
}

/* Learned on a host of its own: the check begins with a fresh one. */
bool baton_try_open_learned(struct baton_try *trial)
{
	if (!baton_try_open(trial))
		return false;
	if (baton_try_is(trial, "tool") && !trial->tool.name)
		learn_tools(trial);
	if (!trial->learned) {
		baton_try_step(trial, "the usual question");
		if (!learn(trial))
			return false;
		baton_try_close(trial);
		if (trial->fails > 0 || !baton_try_open(trial))
			return false;
	}
	baton_try_upstream_good(trial, trial->host);
	return true;
}

bool baton_try_open_http(struct baton_try *trial)
{
	if (!baton_try_open_learned(trial))
		return false;
	if (!trial->speaks_http)
		baton_try_skip(trial, "it asks nobody over HTTP");
	else if (!trial->wire)
		baton_try_skip(trial, "it understands none of our streams; give the right answer "
				      "with --cassette");
	return trial->speaks_http && trial->wire;
}

/* --- whether it is right ------------------------------------------------------------------- */

const char *baton_try_fail_name(uint32_t fail)
{
	static const char *const names[] = { "INTERNAL",     "UNAVAILABLE", "TIMEOUT",
					     "RATE_LIMITED", "QUOTA",       "PRICE",
					     "ACCESS",       "MODEL_GONE",  "REFUSED",
					     "TOO_LONG",     "BAD_REQUEST", "BAD_OUTPUT",
					     "CANCELLED",    "MODULE",      "OVERLOADED",
					     "TRUNCATED",    "EMPTY",       "STALL",
					     "FIRST_TOKEN",  "TOTAL",       "CONNECT" };
	return fail < sizeof(names) / sizeof(names[0]) ? names[fail] : "?";
}

bool baton_try_right(struct baton_try *trial, const baton_heard *heard)
{
	if (heard->open) {
		baton_try_fail(trial, "a call has no end");
		return false;
	}
	if (!heard->ended) {
		/* Without anybody who answers, a failure is the right word. */
		if (!trial->text && heard->failed)
			return true;
		baton_try_fail(trial, "a call failed: %s %s",
			       baton_try_fail_name(heard->error.fail), heard->error.message.p);
		return false;
	}
	/* What a tool brings may be another thing each time. */
	if (!trial->text || heard->tool || strcmp(heard->text, trial->text) == 0)
		return true;
	baton_try_fail(trial, "it says \"%.120s\", before it said \"%.120s\"", heard->text,
		       trial->text);
	return false;
}

bool baton_try_usual(struct baton_try *trial, baton_testhost *host, uint32_t inst, unsigned i)
{
	baton_call call;
	if (baton_try_is(trial, "rule")) {
		const baton_facts facts = { .size = sizeof(facts), .exchanges = i };
		baton_verdict verdict;
		return baton_testhost_evaluate(host, inst, &facts, &verdict) == BATON_OK;
	}
	if (baton_try_is(trial, "guard"))
		return baton_try_look(trial, host, inst, i);
	int32_t rc = baton_try_begin(trial, host, inst, i, &call);
	if (rc < 0) {
		if (!trial->text &&
		    (baton_try_is(trial, "provider") || baton_try_is(trial, "tool")))
			return true; /* it refuses in any case */
		baton_try_fail(trial, "a usual call is refused with %d", rc);
		return false;
	}
	(void)baton_testhost_run(host, call, trial->call_ms);
	return baton_try_right(trial, baton_testhost_heard(host, call));
}
