/* SPDX-License-Identifier: Apache-2.0 */

/* How well retriever-fts finds the right article: StackFAQ's questions, plain and with phrasings of
 * others in `also`; the right one of 55 policies from a conversation's first turns; and what a
 * search costs over 40, 4,000 and 20,000 passages.
 *
 * Asked through the ABI by the unit tests' host: the server's takes five passages of an answer, and
 * nDCG@10 wants ten articles. */

#include "tests/quality/kit.h"
#include "tests/unit/module_host.h"

#include <malloc.h>
#include <string.h>

enum { K = 20, DEEP = 10, SHALLOW = 5, FOLDS = 4, TURNS = 4 };

/* --- asking --- */

struct found {
	double gain;   /* of the right article's rank among the first ten; 0: it is not there */
	bool recalled; /* among the first five */
	bool first;
	double seconds;
};

static struct found ask(struct module_host *module, const char *text, const char *intent,
			const char *right)
{
	const baton_turn turn = { .size = sizeof(turn), .intent = baton_str_of(intent) };
	const baton_query query = {
		.size = sizeof(query), .k = K, .turn = &turn, .text = baton_str_of(text)
	};
	const baton_retriever *vt = module->vt;
	struct host_call *heard = host_call_open(module, 1);
	struct found found = { 0 };
	double start = quality_cpu_s();
	unsigned rank = 0;

	if (vt->search(module->inst, 1, &query) != BATON_OK || heard->n_ends != 1)
		abort();
	found.seconds = quality_cpu_s() - start;
	for (uint32_t i = 0; i < heard->n_docs && rank <= DEEP; i++) {
		bool again = false;

		for (uint32_t k = 0; k < i; k++)
			again = again || baton_str_eq(heard->docs[k].id, heard->docs[i].id);
		rank += !again;
		if (again || rank > DEEP || !baton_str_is(heard->docs[i].id, right))
			continue;
		found.gain = 1 / log2(rank + 1.0);
		found.recalled = rank <= SHALLOW;
		found.first = rank == 1;
	}
	return found;
}

struct sums {
	double gain, recalled, first;
	unsigned n;
};

static void sum_up(struct sums *sums, struct found found)
{
	sums->gain += found.gain;
	sums->recalled += found.recalled;
	sums->first += found.first;
	sums->n++;
}

static struct module_host *reading(json_t *articles)
{
	json_t *root = json_pack("{s:{s:O}}", "policy", "articles", articles);
	char *config = json_dumps(root, JSON_COMPACT);
	struct module_host *module = host_new("retriever-fts");

	if (!module || host_create(module, config) != BATON_OK) {
		printf("quality: retriever-fts cannot be loaded\n");
		exit(2);
	}
	free(config);
	json_decref(root);
	return module;
}

/* --- StackFAQ --- */

static json_t *faq_articles(void)
{
	json_t *threads = quality_jsonl("stackfaq/docs.jsonl"), *articles = json_array(), *thread;
	size_t i, k;

	json_array_foreach(threads, i, thread) {
		char *text = calloc(1, 65536);
		json_t *answer;

		json_array_foreach(json_object_get(thread, "answers"), k, answer)
			snprintf(text + strlen(text), 65536 - strlen(text), "%s\n\n",
				 json_string_value(answer));
		json_array_append_new(articles, json_pack("{s:O, s:O, s:s, s:[]}", "id",
							  json_object_get(thread, "id"), "title",
							  json_object_get(thread, "title"), "text",
							  text, "also"));
		free(text);
	}
	json_decref(threads);
	return articles;
}

static bool is_id(const json_t *article, const char *id)
{
	return strcmp(json_string_value(json_object_get(article, "id")), id) == 0;
}

/* Which of its article's questions each is: 0, 1, 2, 3. */
static unsigned *turns_of(const struct quality_lines *lines)
{
	unsigned *which = calloc(lines->n + 1, sizeof(*which));

	for (size_t i = 0; i < lines->n; i++)
		for (size_t k = 0; k < i; k++)
			which[i] += strcmp(lines->v[k][0], lines->v[i][0]) == 0;
	return which;
}

/* `n_also` of the other questions of each article stand in it; question `fold` of each is asked. */
static void ask_fold(const struct quality_lines *lines, const unsigned *which, unsigned fold,
		     unsigned n_also, struct sums *sums)
{
	json_t *articles = faq_articles(), *article;
	size_t i;

	json_array_foreach(articles, i, article)
		for (size_t q = 0; q < lines->n; q++) {
			unsigned behind = (which[q] + FOLDS - fold) % FOLDS;

			if (behind > 0 && behind <= n_also && is_id(article, lines->v[q][0]))
				json_array_append_new(json_object_get(article, "also"),
						      json_string(lines->v[q][1]));
		}
	struct module_host *module = reading(articles);

	for (size_t q = 0; q < lines->n; q++)
		if (which[q] == fold)
			sum_up(sums, ask(module, lines->v[q][1], "", lines->v[q][0]));
	host_free(&module);
	json_decref(articles);
}

static void stackfaq(void)
{
	static const struct {
		unsigned n_also;
		const char *name, *published;
		double goal;
	} cases[] = {
		{ 0, "plain", "BM25 of Elasticsearch .830, tuned .889", 0.889 },
		{ 1, "1 phrasing", "the same recipe .910", 0.910 },
		{ 2, "2 phrasings", NULL, 0 },
		{ 3, "3 phrasings", "the same recipe .950", 0.950 },
	};
	struct quality_lines lines = quality_tsv("stackfaq/queries.tsv");
	unsigned *which = turns_of(&lines);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sums sums = { 0 };
		char cell[3][64];

		for (unsigned fold = 0; fold < FOLDS; fold++)
			ask_fold(&lines, which, fold, cases[i].n_also, &sums);
		snprintf(cell[0], sizeof(cell[0]), "StackFAQ %s, nDCG@10", cases[i].name);
		snprintf(cell[1], sizeof(cell[1]), "StackFAQ %s, recall@5", cases[i].name);
		snprintf(cell[2], sizeof(cell[2]), "StackFAQ %s, first", cases[i].name);
		quality_row(&(struct quality_row){ .cell = cell[0],
						   .value = sums.gain / sums.n,
						   .format = "%.3f",
						   .goal = cases[i].goal,
						   .published = cases[i].published });
		quality_row(&(struct quality_row){
			.cell = cell[1], .value = sums.recalled / sums.n, .format = "%.3f" });
		quality_row(&(struct quality_row){
			.cell = cell[2], .value = sums.first / sums.n, .format = "%.3f" });
	}
	free(which);
	quality_lines_free(&lines);
}

/* --- 55 policies --- */

static void add_text(char *text, size_t cap, const char *more)
{
	snprintf(text + strlen(text), cap - strlen(text), "%s\n", more);
}

/* Intro, then each step with its details as a list. */
static char *policy_text(const json_t *policy)
{
	enum { CAP = 65536 };
	char *text = calloc(1, CAP);
	size_t i, k;
	json_t *line, *step;

	json_array_foreach(json_object_get(policy, "intro"), i, line)
		add_text(text, CAP, json_string_value(line));
	json_array_foreach(json_object_get(policy, "steps"), i, step) {
		add_text(text, CAP, "");
		add_text(text, CAP, json_string_value(json_object_get(step, "text")));
		json_array_foreach(json_object_get(step, "details"), k, line) {
			snprintf(text + strlen(text), CAP - strlen(text), "- ");
			add_text(text, CAP, json_string_value(line));
		}
	}
	return text;
}

/* "Product Defect" and "product_defect". */
static bool same_flow(const char *title, const char *name)
{
	for (; *title && *name; title++, name++) {
		char c = (char)(*title >= 'A' && *title <= 'Z' ? *title + 32 : *title);

		if (c != *name && !((c == ' ' || c == '-') && *name == '_'))
			return false;
	}
	return *title == *name;
}

/* The policy of a subflow: within a flow both stand in the same order. NULL: there is none. */
static const json_t *policy_of(const json_t *policies, const json_t *subflows, const char *flow,
			       const char *subflow)
{
	const json_t *names = json_object_get(subflows, flow);
	size_t i, want = 0, seen = 0;
	json_t *policy;

	while (want < json_array_size(names) &&
	       strcmp(json_string_value(json_array_get(names, want)), subflow) != 0)
		want++;
	json_array_foreach(policies, i, policy)
		if (same_flow(json_string_value(json_object_get(policy, "flow")), flow) &&
		    seen++ == want)
			return policy;
	return NULL;
}

static json_t *policy_articles(const json_t *policies)
{
	json_t *articles = json_array(), *policy;
	size_t i;

	json_array_foreach(policies, i, policy) {
		char *text = policy_text(policy);
		char title[256];

		snprintf(title, sizeof(title), "%s: %s",
			 json_string_value(json_object_get(policy, "flow")),
			 json_string_value(json_object_get(policy, "title")));
		json_array_append_new(articles,
				      json_pack("{s:O, s:s, s:[O], s:s}", "id",
						json_object_get(policy, "id"), "title", title,
						"intents", json_object_get(policy, "flow"), "text",
						text));
		free(text);
	}
	return articles;
}

static char *first_turns(const json_t *scenario)
{
	char *text = calloc(1, 65536);
	size_t i;
	json_t *turn;

	json_array_foreach(json_object_get(scenario, "turns"), i, turn)
		if (i < TURNS)
			add_text(text, 65536, json_string_value(turn));
	return text;
}

static void policies(void)
{
	json_t *all = quality_jsonl("abcd/policies.jsonl"), *scenario;
	json_t *scenarios = quality_jsonl("scenarios/scenarios.jsonl");
	json_t *ontology = quality_json("abcd/ontology.json"), *articles = policy_articles(all);
	const json_t *subflows = json_object_get(json_object_get(ontology, "intents"), "subflows");
	struct module_host *module = reading(articles);
	struct sums plain = { 0 }, known = { 0 };
	size_t i;

	json_array_foreach(scenarios, i, scenario) {
		const char *flow = json_string_value(json_object_get(scenario, "flow"));
		const char *subflow = json_string_value(json_object_get(scenario, "subflow"));
		const json_t *policy = policy_of(all, subflows, flow, subflow);

		if (!policy)
			continue;
		char *text = first_turns(scenario);
		const char *id = json_string_value(json_object_get(policy, "id"));

		sum_up(&plain, ask(module, text, "", id));
		sum_up(&known,
		       ask(module, text, json_string_value(json_object_get(policy, "flow")), id));
		free(text);
	}
	quality_row(&(struct quality_row){ .cell = "ABCD policy of 55, words alone, nDCG@10",
					   .value = plain.gain / plain.n,
					   .format = "%.3f",
					   .published = "BM25 over all of ABCD .61",
					   .note = "18 conversations, their first four turns" });
	quality_row(
		&(struct quality_row){ .cell = "ABCD policy, flow known as intent, nDCG@10",
				       .value = known.gain / known.n,
				       .format = "%.3f",
				       .goal = 0.61,
				       .note = "one step below the subflow that is to be found" });
	quality_row(&(struct quality_row){ .cell = "ABCD policy, flow known as intent, recall@5",
					   .value = known.recalled / known.n,
					   .format = "%.3f" });
	host_free(&module);
	json_decref(all);
	json_decref(scenarios);
	json_decref(ontology);
	json_decref(articles);
}

/* --- what it costs --- */

static uint32_t chance(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525U + 1013904223U;
	return (uint32_t)(((uint64_t)(*state >> 8) * below) >> 24);
}

/* Articles of one passage each: sentences of StackFAQ's answers, shuffled. */
static json_t *shuffled(unsigned n)
{
	json_t *source = faq_articles(), *articles = json_array();
	uint32_t state = 7;
	char text[768], id[32], title[128];

	for (unsigned i = 0; i < n; i++) {
		text[0] = title[0] = '\0';
		while (strlen(text) < 600) {
			const char *from = json_string_value(json_object_get(
				json_array_get(source, chance(&state, 125)), "text"));
			size_t begin = chance(&state, (uint32_t)strlen(from));

			begin += strcspn(from + begin, " ");
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.60s",
				 from + begin);
			if (!title[0])
				snprintf(title, sizeof(title), "%.40s item%u", from + begin, i);
		}
		for (char *p = text; *p; p++)
			*p = (char)((unsigned char)*p < ' ' || (unsigned char)*p > 126 ? ' ' : *p);
		for (char *p = title; *p; p++)
			*p = (char)((unsigned char)*p < ' ' || (unsigned char)*p > 126 ? ' ' : *p);
		snprintf(id, sizeof(id), "a%u", i);
		json_array_append_new(articles, json_pack("{s:s, s:s, s:s}", "id", id, "title",
							  title, "text", text));
	}
	json_decref(source);
	return articles;
}

static void cost(unsigned n, double goal_ms)
{
	struct quality_lines lines = quality_tsv("stackfaq/queries.tsv");
	json_t *articles = shuffled(n);
	size_t n_asked = quality_is_short() ? 100 : lines.n;
	double *ms = calloc(n_asked + 1, sizeof(*ms)), sum = 0;
	char cell[4][64];

	malloc_trim(0);
	size_t before = mallinfo2().uordblks;
	double start = quality_cpu_s();
	struct module_host *module = reading(articles);
	double indexing = quality_cpu_s() - start;
	double megabytes = (double)(mallinfo2().uordblks - before) / 1e6;

	for (size_t i = 0; i < n_asked; i++) {
		ms[i] = 1e3 * ask(module, lines.v[i][1], "", "").seconds;
		sum += ms[i];
	}
	snprintf(cell[0], sizeof(cell[0]), "%u passages, questions a second", n);
	snprintf(cell[1], sizeof(cell[1]), "%u passages, 99 of 100, ms", n);
	snprintf(cell[2], sizeof(cell[2]), "%u passages, memory, MB", n);
	snprintf(cell[3], sizeof(cell[3]), "%u passages, indexing, CPU seconds", n);
	quality_row(&(struct quality_row){
		.cell = cell[0], .value = 1e3 * (double)n_asked / sum, .format = "%.0f" });
	quality_row(&(struct quality_row){ .cell = cell[1],
					   .value = quality_quantile(ms, n_asked, 0.99),
					   .format = "%.2f",
					   .goal = goal_ms,
					   .lower = true });
	quality_row(&(struct quality_row){ .cell = cell[2], .value = megabytes });
	quality_row(&(struct quality_row){ .cell = cell[3], .value = indexing, .format = "%.2f" });
	host_free(&module);
	free(ms);
	json_decref(articles);
	quality_lines_free(&lines);
}

int main(void)
{
	quality_open("Finding the right article: retriever-fts");
	stackfaq();
	policies();
	cost(40, 5);
	cost(4000, 10); /* the aim is 5; machines of CI are slower */
	if (!quality_is_short())
		cost(20000, 0);
	return quality_close();
}
