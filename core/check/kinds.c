/* SPDX-License-Identifier: Apache-2.0 */

/* What only classifiers, retrievers and rules have. */
#include "core/check/inside.h"

#include "core/base/errors.h"

#include <stdio.h>

enum { LONG = 1024 * 1024, PPM = 1000000 };

/* Texts that break what was only ever tried with English. */
const char *const baton_try_odd_texts[] = {
	"",
	" ",
	"\n\n\n",
	"?",
	"where is my order",
	"\xce\xa0\xce\xbf\xcf\x8d \xce\xb5\xce\xaf\xce\xbd\xce\xb1\xce\xb9 \xce\xb7 "
	"\xcf\x80\xce\xb1\xcf\x81\xce\xb1\xce\xb3\xce\xb3\xce\xb5\xce\xbb\xce\xaf\xce\xb1;",
	"\xd0\x93\xd0\xb4\xd0\xb5 \xd0\xbc\xd0\xbe\xd0\xb9 \xd0\xb7\xd0\xb0\xd0\xba\xd0\xb0\xd0\xb7?",
	"\xe6\x88\x91\xe7\x9a\x84\xe8\xae\xa2\xe5\x8d\x95\xe5\x9c\xa8\xe5\x93\xaa\xe9\x87\x8c",
	"\xe6\xb3\xa8\xe6\x96\x87\xe3\x81\xaf\xe3\x81\xa9\xe3\x81\x93\xe3\x81\xa7\xe3\x81\x99\xe3\x81\x8b",
	"\xd7\x90\xd7\x99\xd7\xa4\xd7\x94 \xd7\x94\xd7\x94\xd7\x96\xd7\x9e\xd7\xa0\xd7\x94",
	"\xd8\xa3\xd9\x8a\xd9\x86 \xd8\xb7\xd9\x84\xd8\xa8\xd9\x8a\xd8\x9f",
	"\xe0\xa4\xae\xe0\xa5\x87\xe0\xa4\xb0\xe0\xa4\xbe \xe0\xa4\x91\xe0\xa4\xb0\xe0\xa5\x8d\xe0\xa4\xa1\xe0\xa4\xb0",
	"\xe0\xb9\x80\xe0\xb8\xa5\xe0\xb8\x82\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88",
	"\xf0\x9f\x98\x80\xf0\x9f\x98\xa1\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9",
	"e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x86",
	"\xe2\x80\xae"
	"redro ym si erehw",
	"\x01\x02\x1b[31m\x7f",
	"\xef\xbf\xbd\xef\xbb\xbf",
	"%s%s%n ${x} {{secret:KEY}} '; DROP TABLE orders; -- \" OR NEAR(a b) AND *",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};
const size_t baton_try_odd_n = sizeof(baton_try_odd_texts) / sizeof(baton_try_odd_texts[0]);

/* 1 MB of words; give it back with baton_free(). */
static char *long_text(void)
{
	static const char words[] = "where is my order please ";
	char *text = baton_alloc(LONG + 1);
	for (size_t i = 0; i < LONG; i++)
		text[i] = words[i % (sizeof(words) - 1)];
	return text;
}

static bool json_text_ok(struct baton_try *trial, const char *what, baton_str text)
{
	json_t *json = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
	if (!json)
		baton_try_fail(trial, "%s is no JSON: %.100s", what, text.p);
	json_decref(json);
	return json != NULL;
}

/* --- classifiers --------------------------------------------------------------------------- */

static const baton_heard *classify(struct baton_try *trial, baton_str text, const char *what)
{
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = text };
	const baton_turn turn = { .size = sizeof(turn),
				  .session_id = BATON_STR("s"),
				  .turn_id = BATON_STR("t"),
				  .channel = BATON_STR("web"),
				  .locale = BATON_STR("en"),
				  .msgs = &msg,
				  .n_msgs = 1 };
	baton_call call;
	baton_try_step(trial, "%s", what);
	int32_t rc = baton_testhost_classify(trial->host, trial->inst, &turn, &call);
	if (rc >= 0 && !baton_testhost_run(trial->host, call, 60000))
		baton_try_fail(trial, "%s: the call has no end", what);
	return rc >= 0 ? baton_testhost_heard(trial->host, call) : NULL;
}

void baton_check_labels(struct baton_try *trial)
{
	baton_str labels;
	if (!baton_try_open_learned(trial))
		return;
	const baton_classifier *vt = baton_testhost_vt(trial->host);
	if (!vt->labels) {
		baton_try_skip(trial, "it has no labels()");
		return;
	}
	int32_t rc = baton_testhost_read_sink(trial->host, vt->labels, trial->inst, &labels);
	if (rc != BATON_OK) {
		baton_try_fail(trial, "labels() said %d", rc);
		return;
	}
	if (!json_text_ok(trial, "labels()", labels))
		return;
	for (size_t i = 0; i < baton_try_odd_n; i++) {
		const baton_heard *heard =
			classify(trial, baton_str_of(baton_try_odd_texts[i]), "labels");
		for (uint32_t v = 0; heard && v < heard->n_intents; v++)
			if (!strstr(labels.p, heard->intents[v].name.p))
				baton_try_note(trial, "the intent %s is not in labels()",
					       heard->intents[v].name.p);
	}
}

void baton_check_turns(struct baton_try *trial)
{
	if (!baton_try_open_learned(trial))
		return;
	for (size_t i = 0; i < baton_try_odd_n && trial->fails == 0; i++) {
		const baton_heard *heard = classify(trial, baton_str_of(baton_try_odd_texts[i]),
						    baton_try_odd_texts[i]);
		uint64_t sum = 0;
		for (uint32_t v = 0; heard && v < heard->n_intents; v++)
			sum += heard->intents[v].confidence_ppm;
		if (sum > PPM + 1000)
			baton_try_note(trial, "probabilities of \"%.40s\" add up to %.3f",
				       baton_try_odd_texts[i], (double)sum / PPM);
	}
	char *text = long_text();
	(void)classify(trial, (baton_str){ text, LONG }, "1 MB of text");
	baton_free(text);
	const baton_turn turn = { .size = sizeof(turn) };
	baton_call call;
	baton_try_step(trial, "a turn without messages");
	if (baton_testhost_classify(trial->host, trial->inst, &turn, &call) >= 0)
		(void)baton_testhost_run(trial->host, call, 60000);
	const baton_heard *a = classify(trial, BATON_STR("where is my order"), "once");
	const baton_heard *b = classify(trial, BATON_STR("where is my order"), "twice");
	if (a && b && a->n_intents > 0 && b->n_intents > 0 &&
	    a->intents[0].confidence_ppm != b->intents[0].confidence_ppm)
		baton_try_note(trial, "the same text has another probability the second time");
}

/* --- retrievers ---------------------------------------------------------------------------- */

static const baton_heard *search(struct baton_try *trial, baton_str text, uint32_t k,
				 const char *filter)
{
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = text };
	const baton_turn turn = { .size = sizeof(turn),
				  .session_id = BATON_STR("s"),
				  .locale = BATON_STR("en"),
				  .msgs = &msg,
				  .n_msgs = 1 };
	const baton_query query = { .size = sizeof(query),
				    .k = k,
				    .turn = &turn,
				    .text = text,
				    .filter_json = baton_str_of(filter) };
	baton_call call;
	baton_try_step(trial, "search for %.40s, k = %u", text.n ? text.p : "nothing", k);
	int32_t rc = baton_testhost_search(trial->host, trial->inst, &query, &call);
	if (rc >= 0 && !baton_testhost_run(trial->host, call, 60000))
		baton_try_fail(trial, "a search has no end");
	return rc >= 0 ? baton_testhost_heard(trial->host, call) : NULL;
}

void baton_check_documents(struct baton_try *trial)
{
	static const uint32_t ks[] = { 1, 2, 3, 5, 0, 100 };
	if (!baton_try_open_learned(trial))
		return;
	for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++) {
		const baton_heard *heard =
			search(trial, BATON_STR("how long does delivery take"), ks[i], NULL);
		for (uint32_t d = 1; heard && d < heard->n_docs; d++)
			if (heard->docs[d].score_ppm > heard->docs[d - 1].score_ppm)
				baton_try_fail(trial, "document %u is better than the one before",
					       d + 1);
		if (heard && heard->ended && heard->n_docs == 0 && i == 0)
			baton_try_note(trial, "it finds nothing about delivery");
	}
}

void baton_check_queries(struct baton_try *trial)
{
	if (!baton_try_open_learned(trial))
		return;
	for (size_t i = 0; i < baton_try_odd_n && trial->fails == 0; i++)
		(void)search(trial, baton_str_of(baton_try_odd_texts[i]), 3, NULL);
	char *text = long_text();
	(void)search(trial, (baton_str){ text, LONG }, 3, NULL);
	baton_free(text);
	(void)search(trial, BATON_STR("order"), 3, "{}");
	const baton_heard *heard = search(trial, BATON_STR("order"), 3, "{\"lang\":\"de\"}");
	if (heard && heard->ended)
		baton_try_note(trial, "it takes a filter");
	(void)search(trial, BATON_STR("order"), 3, "{broken");
	const baton_query none = { .size = sizeof(none), .k = 1 };
	baton_call call;
	baton_try_step(trial, "a query without turn and text");
	if (baton_testhost_search(trial->host, trial->inst, &none, &call) >= 0)
		(void)baton_testhost_run(trial->host, call, 60000);
}

/* --- rules --------------------------------------------------------------------------------- */

void baton_check_describe(struct baton_try *trial)
{
	baton_str text;
	if (!baton_try_open(trial))
		return;
	const baton_rule *vt = baton_testhost_vt(trial->host);
	if (!vt->describe) {
		baton_try_skip(trial, "it has no describe()");
		return;
	}
	int32_t rc = baton_testhost_read_sink(trial->host, vt->describe, trial->inst, &text);
	if (rc != BATON_OK)
		baton_try_fail(trial, "describe() said %d", rc);
	else
		(void)json_text_ok(trial, "describe()", text);
}

/* A verdict in words: its strings are good until the next one only. */
static void verdict_text(const baton_verdict *v, int32_t rc, char *to, size_t cap)
{
	(void)snprintf(to, cap, "%d %u %u %u %s, %s, %s", rc, v->action, v->priority, v->flags,
		       v->rule ? v->rule : "none", v->reason ? v->reason : "",
		       v->queue ? v->queue : "");
}

void baton_check_pure(struct baton_try *trial)
{
	unsigned verdicts = 0;
	if (!baton_try_open(trial))
		return;
	for (unsigned i = 0; i < 2000 && trial->fails == 0; i++) {
		baton_facts facts;
		baton_verdict verdict;
		char first[1024], second[1024];
		baton_try_facts(trial, &facts);
		int32_t rc = baton_testhost_evaluate(trial->host, trial->inst, &facts, &verdict);
		verdict_text(&verdict, rc, first, sizeof(first));
		verdicts += verdict.action != BATON_ACT_NONE;
		const baton_facts others = { .size = sizeof(others), .exchanges = i };
		(void)baton_testhost_evaluate(trial->host, trial->inst, &others, &verdict);
		if (!trial->options->modhost)
			baton_testhost_advance(trial->host, 3600000);
		rc = baton_testhost_evaluate(trial->host, trial->inst, &facts, &verdict);
		verdict_text(&verdict, rc, second, sizeof(second));
		if (strcmp(first, second) != 0)
			baton_try_fail(trial, "the same facts, another verdict: %s, then %s", first,
				       second);
	}
	baton_try_note(trial, "%u of 2000 facts had a verdict", verdicts);
}
