/* SPDX-License-Identifier: Apache-2.0 */

/* baton knowledge check: what `baton check` cannot see, because it takes a search to see it, or
 * because it is no mistake of form: questions that find another article, pages that say the same,
 * dead links, dates. Errors are what customers meet; warnings what they will meet or might; notes
 * are for who wonders why. */

#include "core/cli/knowledge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SOON_DAYS = 30,
	OLD_DAYS = 548,     /* nobody has looked at it for a year and a half */
	BLOCK_BYTES = 1000, /* a paragraph above this is cut: PASSAGE_BYTES_MAX of retriever-fts */
	LONG_BYTES = 2500,  /* an article above this wants headings */
	QUESTIONS_MAX = 5000,
	SHINGLE_WORDS = 4,
	SHARED_MAX = 20, /* a row of words that more articles have says nothing */
	PAIRS_MAX = 200000,
	ANSWER_PPM = 400000 /* what provider-knowledge takes for an answer */
};
static const double alike_share = 0.6;

enum severity { NOTE, WARNING, ERROR };
static const char *const severities[] = { "note", "warning", "error" };

struct checking {
	struct knowledge_set *set;
	json_t *findings;
	unsigned n[3]; /* by severity */
	unsigned asked;
	bool failed; /* a question could not be asked */
	int64_t today;
	unsigned *first; /* by article: how many examples of intents find it first */
};

static void say(struct checking *c, enum severity severity, const char *check, const char *id,
		struct baton_buf *text)
{
	struct baton_buf file = { NULL, 0, 0 };

	if (id)
		baton_buf_printf(&file, "knowledge/%s.md", id);
	else
		baton_buf_z(&file, "intents");
	json_array_append_new(c->findings,
			      json_pack("{s:s, s:s, s:s, s:s%}", "file", file.p, "severity",
					severities[severity], "check", check, "message",
					text->n ? text->p : "", text->n));
	c->n[severity]++;
	baton_buf_done(&file);
	baton_buf_done(text);
}

static const char *id_of(const struct checking *c, size_t i)
{
	return knowledge_text_of(json_array_get(c->set->articles, i), "id");
}

/* --- one article alone --- */

static void check_dates(struct checking *c, const json_t *article)
{
	const char *id = knowledge_text_of(article, "id");
	int64_t updated = knowledge_day(knowledge_text_of(article, "updated"));
	int64_t end = knowledge_day(knowledge_text_of(article, "valid_until"));
	struct baton_buf text = { NULL, 0, 0 };

	if (end < c->today) {
		baton_buf_printf(&text, "was valid until %s: look at it again, or remove it",
				 knowledge_text_of(article, "valid_until"));
		say(c, WARNING, "past", id, &text);
	} else if (end != INT64_MAX && end - c->today <= SOON_DAYS) {
		baton_buf_printf(&text, "is valid for %lld more days only, until %s",
				 (long long)(end - c->today),
				 knowledge_text_of(article, "valid_until"));
		say(c, WARNING, "soon-past", id, &text);
	} else if (end == INT64_MAX && updated != INT64_MAX && c->today - updated > OLD_DAYS) {
		baton_buf_printf(&text, "nobody has looked at it since %s",
				 knowledge_text_of(article, "updated"));
		say(c, WARNING, "old", id, &text);
	}
}

static void check_asked_as(struct checking *c, const json_t *article)
{
	struct baton_buf text = { NULL, 0, 0 };

	if (json_array_size(json_object_get(article, "also")) > 0)
		return;
	baton_buf_z(&text, "no `also`: two or three ways in which customers ask for it find it "
			   "better than anything else");
	say(c, WARNING, "also", knowledge_text_of(article, "id"), &text);
}

/* Length of the longest paragraph; lists and tables count item by item: they can be cut there. */
static size_t longest_block(const char *text)
{
	size_t longest = 0, n = 0;

	for (const char *at = text; *at;) {
		size_t line = strcspn(at, "\n");
		bool parts = line == 0 || strchr("#-*|>", *at) || (*at >= '0' && *at <= '9');

		n = line == 0 ? 0 : parts ? line : n + line + 1;
		longest = n > longest ? n : longest;
		at += line + (at[line] == '\n');
	}
	return longest;
}

static void check_form(struct checking *c, const json_t *article)
{
	const char *body = knowledge_text_of(article, "text"),
		   *id = knowledge_text_of(article, "id");
	size_t longest = longest_block(body);
	struct baton_buf text = { NULL, 0, 0 };

	if (longest > BLOCK_BYTES) {
		baton_buf_printf(
			&text,
			"a paragraph of %zu bytes is cut where it is found; %d are shown whole",
			longest, BLOCK_BYTES);
		say(c, WARNING, "long-paragraph", id, &text);
	}
	if (strlen(body) > LONG_BYTES && body[0] != '#' && !strstr(body, "\n#")) {
		baton_buf_printf(
			&text,
			"%zu bytes without a heading: with headings the part that answers is found",
			strlen(body));
		say(c, WARNING, "headings", id, &text);
	}
}

/* NULL: the link leads somewhere, or out of the articles. */
static const char *link_wrong(const struct checking *c, const json_t *article, baton_str target)
{
	const char *hash = target.n > 0 ? memchr(target.p, '#', target.n) : NULL;
	baton_str page = { target.p, hash ? (size_t)(hash - target.p) : target.n };
	const char *slash = page.n > 0 ? memrchr(page.p, '/', page.n) : NULL;

	if (page.n > 0 && (memchr(page.p, ':', page.n) || page.p[0] == '/' || page.n < 4 ||
			   memcmp(page.p + page.n - 3, ".md", 3) != 0))
		return NULL; /* another site, or a page of this one that is no article */
	if (page.n > 0) {
		size_t begin = slash ? (size_t)(slash - page.p) + 1 : 0;

		article = knowledge_article(c->set,
					    (baton_str){ page.p + begin, page.n - begin - 3 });
	}
	if (!article)
		return "no article of that name";
	if (hash && !knowledge_has_anchor(baton_str_of(knowledge_text_of(article, "text")),
					  (baton_str){ hash + 1, target.n - page.n - 1 }))
		return "no heading of that name";
	return NULL;
}

static void check_links(struct checking *c, const json_t *article)
{
	baton_str text = baton_str_of(knowledge_text_of(article, "text")), target;
	size_t at = 0;

	while (knowledge_link(text, &at, &target)) {
		const char *why = link_wrong(c, article, target);
		struct baton_buf words = { NULL, 0, 0 };

		if (!why)
			continue;
		baton_buf_printf(&words, "links to %.*s: %s", (int)target.n, target.p, why);
		say(c, ERROR, "link", knowledge_text_of(article, "id"), &words);
	}
}

/* --- articles beside each other --- */

struct shingle {
	uint64_t hash;
	uint32_t article;
};

static int by_hash(const void *left, const void *right)
{
	const struct shingle *l = left, *r = right;

	if (l->hash != r->hash)
		return l->hash < r->hash ? -1 : 1;
	return (l->article > r->article) - (l->article < r->article);
}

static uint64_t mix(uint64_t h, unsigned char c)
{
	return (h ^ c) * UINT64_C(1099511628211);
}

static bool is_word(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') ||
	       ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Each row of four words of the text; returns how many, at most `cap`. */
static size_t shingles_of(const char *text, uint32_t article, struct shingle *out, size_t cap)
{
	uint64_t words[SHINGLE_WORDS] = { 0 };
	size_t n = 0, seen = 0;

	for (const char *at = text; *at && n < cap;) {
		uint64_t h = UINT64_C(14695981039346656037);

		while (*at && !is_word(*at))
			at++;
		const char *begin = at;
		for (; is_word(*at); at++)
			h = mix(h, (unsigned char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at));
		if (at == begin)
			break;
		words[seen++ % SHINGLE_WORDS] = h;
		if (seen < SHINGLE_WORDS)
			continue;
		uint64_t row = 0;

		for (size_t i = 0; i < SHINGLE_WORDS; i++)
			row = row * 31 + words[(seen + i) % SHINGLE_WORDS];
		out[n++] = (struct shingle){ row, article };
	}
	return n;
}

/* Without those that are twice in one article. */
static size_t unique(struct shingle *v, size_t n)
{
	size_t o = 0;

	qsort(v, n, sizeof(*v), by_hash);
	for (size_t i = 0; i < n; i++)
		if (o == 0 || v[o - 1].hash != v[i].hash || v[o - 1].article != v[i].article)
			v[o++] = v[i];
	return o;
}

static void tell_pairs(struct checking *c, const struct shingle *pairs, size_t n,
		       const unsigned *counts)
{
	for (size_t i = 0, end; i < n; i = end) {
		uint32_t a = (uint32_t)(pairs[i].hash >> 32), b = (uint32_t)pairs[i].hash;
		unsigned least = counts[a] < counts[b] ? counts[a] : counts[b];
		struct baton_buf text = { NULL, 0, 0 };

		for (end = i; end < n && pairs[end].hash == pairs[i].hash;)
			end++;
		double share = (double)(end - i) / (double)(counts[a] + counts[b] - (end - i));
		if (share < alike_share || least < 4)
			continue;
		baton_buf_printf(&text,
				 "says nearly the same as knowledge/%s.md (%.0f %% of the words)",
				 id_of(c, a), 100 * share);
		say(c, share > 0.98 ? ERROR : WARNING, "duplicate", id_of(c, b), &text);
	}
}

/* Rows of words that several articles have, counted per pair of articles. */
static void check_duplicates(struct checking *c)
{
	size_t n_articles = json_array_size(c->set->articles), cap = 0, n = 0, n_pairs = 0, i;
	json_t *article;

	json_array_foreach(c->set->articles, i, article)
		cap += strlen(knowledge_text_of(article, "text")) / 2 + 1;
	struct shingle *all = baton_alloc(cap * sizeof(*all));
	struct shingle *pairs = baton_alloc(PAIRS_MAX * sizeof(*pairs));
	unsigned *counts = baton_alloc((n_articles + 1) * sizeof(*counts));

	memset(counts, 0, (n_articles + 1) * sizeof(*counts));
	json_array_foreach(c->set->articles, i, article)
		n += shingles_of(knowledge_text_of(article, "text"), (uint32_t)i, all + n, cap - n);
	n = unique(all, n);
	for (i = 0; i < n; i++)
		counts[all[i].article]++;
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from; to < n && all[to].hash == all[from].hash;)
			to++;
		for (size_t a = from; a < to && to - from <= SHARED_MAX; a++)
			for (size_t b = a + 1; b < to && n_pairs < PAIRS_MAX; b++)
				pairs[n_pairs++].hash =
					(uint64_t)all[a].article << 32 | all[b].article;
	}
	for (i = 0; i < n_pairs; i++)
		pairs[i].article = 0;
	qsort(pairs, n_pairs, sizeof(*pairs), by_hash);
	tell_pairs(c, pairs, n_pairs, counts);
	baton_free(all);
	baton_free(pairs);
	baton_free(counts);
}

/* --- what questions find --- */

/* Asks; false: it could not be asked, or enough has been. */
static bool ask(struct checking *c, const char *text, const json_t *article, const char *intent)
{
	const struct knowledge_question question = {
		.text = text,
		.language = knowledge_text_of(article, "language"),
		.intent = intent,
		.k = BATON_DOCS_MAX,
		.for_agents = strcmp(knowledge_text_of(article, "audience"), "agents") == 0,
	};

	if (c->failed || c->asked == QUESTIONS_MAX)
		return false;
	c->asked++;
	c->failed = knowledge_ask(c->set, &question) != CLI_OK;
	return !c->failed;
}

static void check_question(struct checking *c, const json_t *article, const char *question)
{
	const char *id = knowledge_text_of(article, "id");
	struct baton_buf text = { NULL, 0, 0 };
	uint32_t at = 0;

	if (!ask(c, question, article, NULL))
		return;
	while (at < c->set->n_docs && !baton_str_is(c->set->docs[at].id, id))
		at++;
	if (at == 0 && c->set->n_docs > 0)
		return;
	if (at == c->set->n_docs)
		baton_buf_printf(&text, "is not found by its own \"%s\"", question);
	else
		baton_buf_printf(&text, "its own \"%s\" finds knowledge/%.*s.md first%s%s",
				 question, (int)c->set->docs[0].id.n, c->set->docs[0].id.p,
				 c->set->intent[0] ? ", understood as " : "", c->set->intent);
	say(c, at == c->set->n_docs ? ERROR : WARNING, "finds-another", id, &text);
}

static void check_questions(struct checking *c)
{
	size_t i, k;
	json_t *article, *phrase;

	json_array_foreach(c->set->articles, i, article) {
		check_question(c, article, knowledge_text_of(article, "title"));
		json_array_foreach(json_object_get(article, "also"), k, phrase)
			check_question(c, article, json_string_value(phrase));
	}
}

/* --- intents --- */

static bool is_declared(const struct checking *c, const char *intent)
{
	size_t i, k;
	json_t *article, *name;

	json_array_foreach(c->set->articles, i, article)
		json_array_foreach(json_object_get(article, "intents"), k, name)
			if (strcmp(json_string_value(name), intent) == 0)
				return true;
	return false;
}

static void count_first(struct checking *c)
{
	size_t i;
	json_t *article;

	json_array_foreach(c->set->articles, i, article)
		c->first[i] += baton_str_is(c->set->docs[0].id, knowledge_text_of(article, "id"));
}

/* What people own needs no article. */
static void check_intent(struct checking *c, const struct baton_intent_def *intent)
{
	struct baton_buf text = { NULL, 0, 0 };
	size_t found = 0, asked = 0;

	if (intent->internal || intent->tier >= BATON_TIER_HUMAN)
		return;
	for (size_t i = 0; i < intent->n_examples; i++) {
		if (!ask(c, intent->examples[i], NULL, intent->name))
			break;
		asked++;
		found += c->set->n_docs > 0 && c->set->docs[0].score_ppm >= ANSWER_PPM;
		if (c->set->n_docs > 0)
			count_first(c);
	}
	if (is_declared(c, intent->name))
		return;
	baton_buf_printf(
		&text,
		"no article says that it serves `%s`; %zu of %zu examples find one that answers",
		intent->name, found, asked);
	say(c, NOTE, "intent", NULL, &text);
}

static void check_intents(struct checking *c)
{
	const struct baton_policy *policy = baton_release_policy(c->set->release);
	size_t i;
	json_t *article;

	for (i = 0; i < policy->n_intents; i++)
		check_intent(c, &policy->intents[i]);
	json_array_foreach(c->set->articles, i, article) {
		struct baton_buf text = { NULL, 0, 0 };

		if (c->first[i] > 0 || json_array_size(json_object_get(article, "intents")) > 0 ||
		    strcmp(knowledge_text_of(article, "audience"), "agents") == 0)
			continue;
		baton_buf_z(&text,
			    "serves no intent, and no example of an intent finds it: only who "
			    "asks for it by its words does");
		say(c, NOTE, "unreached", knowledge_text_of(article, "id"), &text);
	}
}

/* --- */

static void print(const struct checking *c, const char *dir)
{
	size_t i, n = json_array_size(c->set->articles);
	json_t *finding;

	if (c->set->options->json) {
		json_t *root =
			json_pack("{s:b, s:I, s:I, s:I, s:I, s:O}", "ok", c->n[ERROR] == 0,
				  "articles", (json_int_t)n, "errors", (json_int_t)c->n[ERROR],
				  "warnings", (json_int_t)c->n[WARNING], "notes",
				  (json_int_t)c->n[NOTE], "findings", c->findings);
		char *text = json_dumps(root, JSON_COMPACT);

		printf("%s\n", text ? text : "{}");
		free(text); /* jansson's own allocation */
		json_decref(root);
		return;
	}
	json_array_foreach(c->findings, i, finding)
		printf("%s: %s: %s [%s]\n", knowledge_text_of(finding, "file"),
		       knowledge_text_of(finding, "severity"),
		       knowledge_text_of(finding, "message"), knowledge_text_of(finding, "check"));
	printf("%s: %s, %zu articles, %u questions asked, %u errors, %u warnings, %u notes\n", dir,
	       c->n[ERROR] ? "not ok" : "ok", n, c->asked, c->n[ERROR], c->n[WARNING], c->n[NOTE]);
}

int cli_knowledge_check(const struct cli_options *options)
{
	const char *dir = options->operand ? options->operand : options->policies;
	struct knowledge_set set = { .options = options };
	struct checking c = { .set = &set,
			      .findings = json_array(),
			      .today = (int64_t)(cli_unix_ms() / 86400000) };
	int rc = knowledge_open(&set, dir);
	size_t i;
	json_t *article;

	if (rc == CLI_OK) {
		size_t bytes = (json_array_size(set.articles) + 1) * sizeof(*c.first);

		c.first = memset(baton_alloc(bytes), 0, bytes);
		json_array_foreach(set.articles, i, article) {
			check_dates(&c, article);
			check_asked_as(&c, article);
			check_form(&c, article);
			check_links(&c, article);
		}
		check_duplicates(&c);
		check_questions(&c);
		check_intents(&c);
		if (!c.failed)
			print(&c, dir);
		rc = c.failed || c.n[ERROR] > 0 ? CLI_FAILED : CLI_OK;
	}
	baton_free(c.first);
	json_decref(c.findings);
	knowledge_close(&set);
	return rc;
}
