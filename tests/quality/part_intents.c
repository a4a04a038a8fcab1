/* SPDX-License-Identifier: Apache-2.0 */

/* How well classifier-linear finds intents: three sizes of CLINC150 and messages that belong to
 * none of them, banking questions with many and with ten examples each, typing errors, a live bot's
 * queries, turns with two intents; and what training and one message cost. */

#include "tests/quality/sets.h"

#include <malloc.h>

/* What one message came to. */
struct outcome {
	double ppm, oos_ppm, seconds;
	bool right;
};
struct outcomes {
	struct outcome *v;
	size_t n;
};

static struct outcomes ask_all(const struct quality_module *module, const struct labelled_set *set)
{
	struct outcomes all = { calloc(set->n + 1, sizeof(*all.v)), set->n };

	for (size_t i = 0; i < set->n; i++) {
		struct said said;

		ask_classifier(module, set->v[i].text, &said);
		all.v[i] = (struct outcome){
			.ppm = said.out.n > 0 ? said.v[0].confidence_ppm : 0,
			.oos_ppm = said.out.out_of_scope_ppm,
			.seconds = said.seconds,
			.right = said_is(&said, set->v[i].label),
		};
	}
	return all;
}

static double share_right(const struct outcomes *all)
{
	size_t right = 0;

	for (size_t i = 0; i < all->n; i++)
		right += all->v[i].right;
	return 100.0 * (double)right / (double)all->n;
}

static struct quality_module trained_on(const struct labelled_set *train)
{
	char *config = set_config(train, NULL);
	struct quality_module module = quality_module("classifier-linear", config);

	free(config);
	return module;
}

/* --- what it costs --- */

/* Of three goes at each message the best: the others show what else runs on the machine. */
static void rows_of_cost(const struct quality_module *module, double megabytes,
			 const struct outcomes *all, const struct labelled_set *set)
{
	/* Beside other tests times say little. */
	bool timed = !quality_is_short();
	double *us = calloc(all->n + 1, sizeof(*us));

	for (size_t i = 0; i < all->n; i++)
		us[i] = 1e6 * all->v[i].seconds;
	for (unsigned go = 1; go < (timed ? 3 : 1); go++) {
		struct outcomes again = ask_all(module, set);

		for (size_t i = 0; i < all->n; i++)
			us[i] = fmin(us[i], 1e6 * again.v[i].seconds);
		free(again.v);
	}
	quality_row(&(struct quality_row){ .cell = "create(), ms on its loop",
					   .value = 1e3 * module->create_s,
					   .format = "%.2f",
					   .goal = timed ? 100 : 0,
					   .lower = true });
	quality_row(&(struct quality_row){ .cell = "training 15,000 x 150, CPU seconds",
					   .value = module->ready_s,
					   .format = "%.2f",
					   .goal = timed ? 2 : 0,
					   .lower = true });
	quality_row(&(struct quality_row){
		.cell = "memory, MB", .value = megabytes, .goal = 10, .lower = true });
	quality_row(&(struct quality_row){ .cell = "one message, median, microseconds",
					   .value = quality_quantile(us, all->n, 0.5) });
	quality_row(&(struct quality_row){ .cell = "one message, 99 of 100, microseconds",
					   .value = quality_quantile(us, all->n, 0.99),
					   .goal = timed ? 50 : 0,
					   .lower = true });
	free(us);
}

/* --- messages that belong to no intent --- */

static void rows_of_scope(const struct outcomes *in, const struct outcomes *out)
{
	double *yes = calloc(out->n + 1, sizeof(*yes)), *no = calloc(in->n + 1, sizeof(*no));
	size_t kept_right = 0, caught = 0, shipped_right = 0, shipped_caught = 0;

	for (size_t i = 0; i < in->n; i++)
		no[i] = in->v[i].oos_ppm;
	double limit = quality_quantile(no, in->n, 0.95);
	for (size_t i = 0; i < out->n; i++) {
		yes[i] = out->v[i].oos_ppm;
		caught += yes[i] >= limit;
		shipped_caught += yes[i] >= 500000;
	}
	for (size_t i = 0; i < in->n; i++) {
		kept_right += in->v[i].right && in->v[i].oos_ppm < limit;
		shipped_right += in->v[i].right && in->v[i].oos_ppm < 500000;
	}
	quality_row(&(struct quality_row){ .cell = "out of scope, AUROC",
					   .format = "%.3f",
					   .value = quality_auroc(yes, out->n, no, in->n),
					   .goal = 0.963 });
	quality_row(&(struct quality_row){
		.cell = "out of scope, recall where 5 % in scope go",
		.value = 100.0 * (double)caught / (double)out->n,
		.goal = 84.5,
		.published = "SVM 18.0, DialogFlow 26.7, Rasa 31.2, USE 49.1, BERT 52.3" });
	quality_row(&(struct quality_row){ .cell = "... in scope, not refused and right",
					   .value = 100.0 * (double)kept_right / (double)in->n,
					   .goal = 91.4 });
	quality_row(
		&(struct quality_row){ .cell = "... as shipped (0.5): recall",
				       .value = 100.0 * (double)shipped_caught / (double)out->n });
	quality_row(
		&(struct quality_row){ .cell = "... as shipped (0.5): not refused and right",
				       .value = 100.0 * (double)shipped_right / (double)in->n });
	free(yes);
	free(no);
}

static void rows_of_confidence(const struct outcomes *in, const struct outcomes *out)
{
	enum { BINS = 10 };
	double sum[BINS] = { 0 }, right[BINS] = { 0 }, n[BINS] = { 0 }, error = 0;
	double handled = 0, handled_right = 0, leaked = 0;

	for (size_t i = 0; i < in->n; i++) {
		unsigned bin = (unsigned)(in->v[i].ppm / 1e6 * BINS);

		bin = bin < BINS ? bin : BINS - 1;
		n[bin]++;
		sum[bin] += in->v[i].ppm / 1e6;
		right[bin] += in->v[i].right;
		handled += in->v[i].ppm >= 800000;
		handled_right += in->v[i].ppm >= 800000 && in->v[i].right;
	}
	for (size_t i = 0; i < out->n; i++)
		leaked += out->v[i].ppm >= 800000;
	for (unsigned b = 0; b < BINS; b++)
		error += fabs(sum[b] - right[b]);
	quality_row(&(struct quality_row){ .cell = "confidence >= 0.8: of those in scope",
					   .value = 100 * handled / (double)in->n,
					   .goal = 88.8 });
	quality_row(&(struct quality_row){ .cell = "... of these right",
					   .value = 100 * handled_right / handled,
					   .goal = 95.9 });
	quality_row(&(struct quality_row){ .cell = "... of those out of scope",
					   .value = 100 * leaked / (double)out->n,
					   .goal = 9.3,
					   .lower = true });
	quality_row(&(struct quality_row){ .cell = "confidence minus truth, mean over tenths",
					   .value = 100 * error / (double)in->n,
					   .goal = 5,
					   .lower = true });
}

/* --- typing errors --- */

static uint32_t chance(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/* In a share of the words of more than three letters: two letters swapped, one left out, doubled,
 * or another one in its place. */
static char *with_typos(const char *text, double share, uint64_t *state)
{
	size_t n = strlen(text), o = 0;
	char *out = calloc(1, 2 * n + 2);

	for (size_t i = 0; i < n;) {
		size_t w = strcspn(text + i, " ");
		bool wrong = w > 3 && (double)(chance(state) % 10000) < 1e4 * share;
		size_t at = wrong ? 1 + chance(state) % (w - 2) : w;

		for (size_t k = 0; k < w; k++) {
			char c = text[i + k];
			uint32_t kind = k == at ? chance(state) % 4 : 4;

			if (kind == 0 && k + 1 < w) {
				out[o++] = text[i + k + 1];
				out[o++] = c;
				k++;
			} else if (kind == 2) {
				out[o++] = c;
				out[o++] = c;
			} else if (kind == 3) {
				out[o++] = (char)('a' + chance(state) % 26);
			} else if (kind != 1) {
				out[o++] = c;
			}
		}
		i += w;
		while (i < n && text[i] == ' ')
			out[o++] = text[i++];
	}
	return out;
}

static double accuracy_with_typos(const struct quality_module *module,
				  const struct labelled_set *set, double share)
{
	struct labelled_set wrong = { 0 };
	uint64_t state = 20261121;

	for (size_t i = 0; i < set->n; i++)
		set_add(&wrong, set->v[i].label, with_typos(set->v[i].text, share, &state));
	struct outcomes all = ask_all(module, &wrong);
	double right = share_right(&all);

	for (size_t i = 0; i < wrong.n; i++) {
		union {
			const char *view;
			char *mine;
		} text = { .view = wrong.v[i].text };
		free(text.mine);
	}
	free(wrong.v);
	free(all.v);
	return right;
}

/* --- CLINC150 --- */

static double megabytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)(info.uordblks + info.hblkhd) / 1e6;
}

static void clinc_full(const struct quality_lines *train_lines, const struct labelled_set *val)
{
	struct quality_lines oos_lines = quality_tsv("clinc150/oos_val.tsv");
	struct labelled_set train = set_of(train_lines, NULL), oos = set_of(&oos_lines, NULL);
	char *config = set_config(&train, NULL);
	double before = megabytes();
	struct quality_module module = quality_module("classifier-linear", config);
	double after = megabytes();
	struct outcomes in = ask_all(&module, val), out = ask_all(&module, &oos);

	quality_row(&(struct quality_row){
		.cell = "CLINC150 full, accuracy",
		.value = share_right(&in),
		.goal = 93.7,
		.published = "SVM 91.0, Rasa 91.5, DialogFlow 91.7, USE 93.5, BERT 96.9" });
	rows_of_scope(&in, &out);
	rows_of_confidence(&in, &out);
	if (!quality_is_short()) {
		quality_row(
			&(struct quality_row){ .cell = "... typing errors in 10 % of words",
					       .goal = 91.5,
					       .value = accuracy_with_typos(&module, val, 0.1) });
		quality_row(
			&(struct quality_row){ .cell = "... typing errors in 20 % of words",
					       .goal = 89.0,
					       .value = accuracy_with_typos(&module, val, 0.2) });
	}
	rows_of_cost(&module, after - before, &in, val);
	quality_module_close(&module);
	free(config);
	free(in.v);
	free(out.v);
	free(train.v);
	free(oos.v);
	quality_lines_free(&oos_lines);
}

static double accuracy_of(const struct labelled_set *train, const struct labelled_set *val)
{
	struct quality_module module = trained_on(train);
	struct outcomes all = ask_all(&module, val);
	double right = share_right(&all);

	free(all.v);
	quality_module_close(&module);
	return right;
}

static void clinc150(void)
{
	struct quality_lines train = quality_tsv("clinc150/full_train.tsv");
	struct quality_lines val_lines = quality_tsv("clinc150/full_val.tsv");
	struct labelled_set val = set_of(&val_lines, NULL);

	clinc_full(&train, &val);
	if (!quality_is_short()) {
		struct labelled_set small = set_of(&train, "clinc150/train_small.lines.txt");
		struct labelled_set uneven = set_of(&train, "clinc150/train_imbalanced.lines.txt");

		quality_row(&(struct quality_row){
			.cell = "CLINC150 small, accuracy",
			.value = accuracy_of(&small, &val),
			.goal = 92.2,
			.published = "Rasa 88.9, DialogFlow 89.4, SVM 89.6, USE 91.5, BERT 96.4" });
		quality_row(&(struct quality_row){
			.cell = "CLINC150 imbalanced, accuracy",
			.value = accuracy_of(&uneven, &val),
			.goal = 92.4,
			.published = "Rasa 89.2, SVM 89.9, DialogFlow 90.7, USE 92.5, BERT 96.3" });
		free(small.v);
		free(uneven.v);
	}
	free(val.v);
	quality_lines_free(&train);
	quality_lines_free(&val_lines);
}

/* --- BANKING77 --- */

static void banking77(void)
{
	struct quality_lines train_lines = quality_tsv("banking77/train.tsv");
	struct quality_lines few_lines = quality_tsv("banking77/train_10shot.tsv");
	struct quality_lines val_lines = quality_tsv("banking77/val.tsv");
	struct labelled_set train = set_of(&train_lines, NULL), few = set_of(&few_lines, NULL),
			    val = set_of(&val_lines, NULL);

	quality_row(&(struct quality_row){
		.cell = "BANKING77 (8,496 examples), accuracy",
		.value = accuracy_of(&train, &val),
		.goal = 91.6,
		.published = "USE 92.8, ConveRT 93.0, BERT 93.7 (10,003 examples)" });
	quality_row(&(struct quality_row){ .cell = "BANKING77, ten examples each, accuracy",
					   .value = accuracy_of(&few, &val),
					   .goal = 77.2,
					   .published = "ConveRT 83.3, USE 84.2" });
	free(train.v);
	free(few.v);
	free(val.v);
	quality_lines_free(&train_lines);
	quality_lines_free(&few_lines);
	quality_lines_free(&val_lines);
}

/* --- a live bot's queries: SOFMattress of HINT3 --- */

static const char no_node[] = "NO_NODES_DETECTED";

/* Best accuracy of the platform over its own thresholds. */
static double published_best(const char *platform)
{
	char path[64];
	double best = 0;

	snprintf(path, sizeof(path), "hint3/published/%s_sofmattress.csv", platform);
	struct quality_lines lines = quality_tsv(path);
	for (size_t i = 0; i < lines.n; i++) {
		const char *comma = strchr(lines.v[i][0], ',');
		double accuracy = comma ? strtod(comma + 1, NULL) : 0;
		best = accuracy > best ? accuracy : best;
	}
	quality_lines_free(&lines);
	return 100 * best;
}

static void sofmattress(const char *version, const char *published, double goal)
{
	char path[64], cell[64];
	size_t right = 0, in = 0, in_right = 0, out_right = 0;

	snprintf(path, sizeof(path), "hint3/sofmattress_%s_train.tsv", version);
	struct quality_lines train_lines = quality_tsv(path);
	snprintf(path, sizeof(path), "hint3/sofmattress_%s_test.tsv", version);
	struct quality_lines test = quality_tsv(path);
	struct labelled_set train = set_of(&train_lines, NULL);
	struct quality_module module = trained_on(&train);

	for (size_t i = 0; i < test.n; i++) {
		struct said said;

		ask_classifier(&module, test.v[i][1], &said);
		bool none = said.out.n == 0 || said.out.out_of_scope_ppm >= 500000;
		bool is_none = strcmp(test.v[i][0], no_node) == 0;
		bool good = is_none ? none : !none && said_is(&said, test.v[i][0]);
		right += good;
		in += !is_none;
		in_right += !is_none && good;
		out_right += is_none && good;
	}
	snprintf(cell, sizeof(cell), "SOFMattress %s, accuracy at 0.5", version);
	quality_row(&(struct quality_row){ .cell = cell,
					   .goal = goal,
					   .published = published,
					   .value = 100.0 * (double)right / (double)test.n });
	quality_row(&(struct quality_row){ .cell = "... in scope",
					   .value = 100.0 * (double)in_right / (double)in });
	quality_row(&(struct quality_row){ .cell = "... out of scope, recall",
					   .value = 100.0 * (double)out_right /
						    (double)(test.n - in) });
	quality_module_close(&module);
	free(train.v);
	quality_lines_free(&train_lines);
	quality_lines_free(&test);
}

static void hint3(void)
{
	static char published[160];

	snprintf(published, sizeof(published),
		 "Rasa %.1f, Haptik %.1f, LUIS %.1f, BERT %.1f, DialogFlow %.1f",
		 published_best("rasa"), published_best("haptik"), published_best("luis"),
		 published_best("bert"), published_best("dialogflow"));
	sofmattress("v1", published, published_best("rasa"));
	sofmattress("v2", NULL, 0);
}

/* --- turns of support chats, some with two intents: MultiDoGO --- */

/* True if `name` is among the labels, which "<div>" separates. */
static bool is_among(baton_str name, const char *labels)
{
	for (const char *at = labels; at;) {
		const char *end = strstr(at, "<div>");
		baton_str label = { at, end ? (size_t)(end - at) : strlen(at) };

		if (baton_str_eq(label, name))
			return true;
		at = end ? end + 5 : NULL;
	}
	return false;
}

static void multidogo(const char *domain)
{
	char path[64], cell[64];
	size_t right = 0, n = 0;
	struct labelled_set train = { 0 };

	snprintf(path, sizeof(path), "multidogo/%s_train.tsv", domain);
	struct quality_lines lines = quality_tsv(path);
	for (size_t i = 0; i < lines.n; i++)
		if (lines.v[i][3] && !strstr(lines.v[i][2], "<div>") &&
		    strcmp(lines.v[i][2], "intent") != 0)
			set_add(&train, lines.v[i][2], lines.v[i][3]);
	snprintf(path, sizeof(path), "multidogo/%s_val.tsv", domain);
	struct quality_lines val = quality_tsv(path);
	struct quality_module module = trained_on(&train);

	for (size_t i = 0; i < val.n; i++) {
		struct said said;

		if (!val.v[i][3])
			continue;
		ask_classifier(&module, val.v[i][3], &said);
		right += said.out.n > 0 && is_among(said.v[0].name, val.v[i][2]);
		n++;
	}
	snprintf(cell, sizeof(cell), "MultiDoGO %s, accuracy", domain);
	quality_row(
		&(struct quality_row){ .cell = cell, .value = 100.0 * (double)right / (double)n });
	quality_module_close(&module);
	free(train.v);
	quality_lines_free(&lines);
	quality_lines_free(&val);
}

int main(void)
{
	quality_open("Intents (classifier-linear)");
	clinc150();
	if (!quality_is_short()) {
		banking77();
		hint3();
		multidogo("finance");
		multidogo("software");
	}
	return quality_close();
}
