/* SPDX-License-Identifier: Apache-2.0 */

/* Articles and questions: whatever an article says in whatever language, it is cut into passages
 * without loss, indexed and searched; whatever a customer asks, at most k passages come, each
 * within its bounds. And what is said of them: quotes of any passage and words of any result of a
 * tool are UTF-8. Pieces are separated by a byte 0. */

#include "core/base/str.h"
#include "modules/provider-knowledge/answer.h"
#include "modules/retriever-fts/library.h"
#include "modules/retriever-fts/passage.h"
#include "modules/retriever-fts/search.h"
#include "tests/fuzz/fuzz.h"

enum { PIECES = 6 };

static const char *const languages[] = { "",   "en", "de", "fr", "es", "it", "nl", "pt",
					 "ru", "tr", "pl", "ja", "x",  "el", "fi", "de-AT" };

/* What is behind the last one is left away. */
static void cut(baton_str data, baton_str pieces[PIECES])
{
	for (size_t i = 0; i < PIECES; i++) {
		const char *end = data.n > 0 ? memchr(data.p, 0, data.n) : NULL;
		size_t n = end ? (size_t)(end - data.p) : data.n;

		pieces[i] = (baton_str){ data.p, n };
		data.p += n + (end != NULL);
		data.n -= n + (end != NULL);
	}
}

/* Configurations are JSON, so what is no UTF-8 never comes; nor does an empty title. */
static json_t *text_of(baton_str text, const char *otherwise)
{
	return text.n > 0 && baton_str_utf8_ok(text) ? json_stringn(text.p, text.n)
						     : json_string(otherwise);
}

/* Every byte that is no white space is in exactly one passage, and they come in order. */
static void check_passages(baton_str text)
{
	struct passage_cut passage = { text.n ? text.p : "", text.n, 0 };
	const char *p, *last = passage.text;
	size_t n;

	while ((n = passage_next(&passage, &p)) > 0) {
		FUZZ_CHECK(n <= PASSAGE_BYTES_MAX);
		for (; last < p; last++)
			FUZZ_CHECK(strchr(" \n\t\r", *last) != NULL);
		last = p + n;
	}
	for (; last < passage.text + passage.n; last++)
		FUZZ_CHECK(strchr(" \n\t\r", *last) != NULL);
}

static void check_search(const struct library *library, uint8_t bits, const baton_str *pieces)
{
	struct search *search = search_new(library);
	const struct search_filter customers = { .audience = "customers" };
	const struct search_question question = {
		.text = pieces[4].n ? pieces[4].p : "",
		.n = pieces[4].n,
		.intent = pieces[3].n ? pieces[3].p : NULL,
		.n_intent = pieces[3].n,
		.filter = bits & 1 ? &customers : NULL,
		.language = "de",
		.today = 20000,
		.k = bits >> 4,
	};
	struct hit hits[HITS_MAX];

	FUZZ_CHECK(search != NULL);
	for (unsigned twice = 0; twice < 2; twice++) {
		int n = search_run(search, &question, hits);

		FUZZ_CHECK(n >= 0 && (uint32_t)n <= question.k);
		for (int i = 0; i < n; i++) {
			FUZZ_CHECK(hits[i].passage < library->n_passages);
			FUZZ_CHECK(hits[i].score_ppm <= 1000000);
			FUZZ_CHECK(!(bits & 1) ||
				   !library->articles[library->passages[hits[i].passage].article]
					    .for_agents);
		}
	}
	search_free(&search);
}

static void check_library(uint8_t bits, uint8_t language, const baton_str *pieces)
{
	const char *tag = languages[language % 16];
	const char *why;
	json_t *root = json_pack(
		"{s:{s:[{s:s, s:o, s:[o], s:s, s:s, s:o, s:s, s:[o]}, {s:s, s:s, s:o, s:s}]}}",
		"policy", "articles", "id", "a", "title", text_of(pieces[0], "A"), "also",
		text_of(pieces[1], "asked"), "audience", bits & 2 ? "agents" : "customers",
		"language", tag, "text", text_of(pieces[2], ""), "valid_until",
		bits & 4 ? "2020-02-30" : "", "intents", text_of(pieces[3], "i"), "id", "b",
		"title", "Returning a parcel", "text", text_of(pieces[5], "Thirty days."),
		"language", languages[language / 16]);
	char *json = json_dumps(root, JSON_COMPACT);
	struct library *library = library_make(json, strlen(json), &why);

	FUZZ_CHECK(library != NULL);
	if (baton_str_utf8_ok(pieces[2]))
		check_passages(pieces[2]);
	check_search(library, bits, pieces);
	library_free(&library);
	free(json);
	json_decref(root);
}

static void check_answer(uint8_t bits, const baton_str *pieces)
{
	const char *why;
	json_t *policy = json_pack("{s:[{s:s, s:o}], s:[{s:s, s:s}]}", "tools", "name", "t",
				   "answer", text_of(pieces[3], "Is {{a}}. Has {{a.0.b}}."),
				   "articles", "id", "a", "valid_until", "2025-01-01");
	struct known known;
	const baton_msg msgs[2] = { { .role = BATON_ROLE_CUSTOMER, .text = pieces[4] },
				    { .role = BATON_ROLE_TOOL,
				      .name = { "t", 1 },
				      .text = pieces[5],
				      .parts_json = bits & 1 ? pieces[0] : BATON_STR_NONE } };
	const baton_turn turn = {
		.size = sizeof(turn), .msgs = msgs, .n_msgs = 2, .locale = pieces[1]
	};
	const baton_doc doc = { .id = { "a", 1 },
				.title = pieces[0],
				.uri = pieces[1],
				.snippet = pieces[2],
				.version = pieces[3],
				.score_ppm = 900000,
				.flags = bits & 2 ? BATON_DOC_STALE : 0 };
	const baton_prompt prompt = {
		.size = sizeof(prompt), .turn = &turn, .docs = &doc, .n_docs = bits & 4 ? 1 : 0
	};
	struct answer_settings settings = { 400000, (uint32_t)bits * 8, &known };
	struct answer answer;

	FUZZ_CHECK(known_init(&known, policy, &why) == BATON_OK);
	FUZZ_CHECK(answer_compose(&prompt, &settings, &answer) == BATON_OK);
	FUZZ_CHECK(answer.text != NULL && answer.n > 0 && answer.text[answer.n] == 0);
	FUZZ_CHECK(baton_str_utf8_ok((baton_str){ answer.text, answer.n }));
	FUZZ_CHECK(!answer.citations || baton_str_utf8_ok(baton_str_of(answer.citations)));
	answer_done(&answer);
	known_done(&known);
	json_decref(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t bits = fuzz_byte(&data, &n), language = fuzz_byte(&data, &n);
	baton_str pieces[PIECES];

	cut(fuzz_rest(data, n), pieces);
	if (bits & 8)
		check_answer(bits, pieces);
	else
		check_library(bits, language, pieces);
	return 0;
}
