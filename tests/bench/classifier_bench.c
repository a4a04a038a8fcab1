/* SPDX-License-Identifier: Apache-2.0 */

/* What classifier-linear reaches on a real set: a folder with train.tsv and val.tsv (label, text; a
 * header line), and optionally oos_val.tsv (messages that belong to no intent). Prints training
 * time, memory, accuracy, inference times, and how well confidence tells out-of-scope messages.
 *
 *   build/release/tests/classifier_bench <folder>
 */

#include "tests/unit/module_host.h"

#include <jansson.h>
#include <malloc.h>
#include <time.h>

enum { LINES_MAX = 40000, CAP = 3 };

struct line {
	char *label, *text;
};
struct lines {
	struct line v[LINES_MAX];
	size_t n;
	char *bytes;
};

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct lines *lines_read(const char *folder, const char *name)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");

	if (!file || !lines)
		return lines;
	size_t cap = 32U << 20;

	lines->bytes = calloc(1, cap + 1);
	if (lines->bytes && fread(lines->bytes, 1, cap, file) == 0)
		lines->bytes[0] = 0;
	fclose(file);
	char *at = lines->bytes ? strchr(lines->bytes, '\n') : NULL;

	while (at && at[1] && lines->n < LINES_MAX) {
		char *label = at + 1, *tab = strchr(label, '\t');

		at = strchr(label, '\n');
		if (at)
			*at = 0;
		if (!tab || (at && tab > at))
			continue;
		*tab = 0;
		lines->v[lines->n++] = (struct line){ label, tab + 1 };
	}
	return lines;
}

static char *config_of(const struct lines *train)
{
	json_t *intents = json_array(), *by_name = json_object();

	for (size_t i = 0; i < train->n; i++) {
		json_t *intent = json_object_get(by_name, train->v[i].label);

		if (!intent) {
			intent = json_pack("{s:s, s:i, s:[]}", "name", train->v[i].label, "tier", 1,
					   "examples");
			json_array_append_new(intents, intent);
			json_object_set(by_name, train->v[i].label, intent);
		}
		json_array_append_new(json_object_get(intent, "examples"),
				      json_string(train->v[i].text));
	}
	json_decref(by_name);
	json_t *root = json_pack("{s:{s:o}}", "policy", "intents", intents);
	char *text = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	return text;
}

struct outcome {
	double seconds;
	bool right;
	uint32_t ppm;
};

static struct outcome ask(struct module_host *host, const struct line *line)
{
	const baton_classifier *vt = host->vt;
	baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = host_str(line->text) };
	baton_turn turn = { .size = sizeof(turn), .msgs = &msg, .n_msgs = 1 };
	baton_intent v[CAP];
	baton_intents out = { .size = sizeof(out), .cap = CAP, .v = v };
	double start = cpu_s();

	vt->classify(host->inst, 1, &turn, &out);
	return (struct outcome){
		.seconds = cpu_s() - start,
		.right = out.n > 0 && strlen(line->label) == v[0].name.n &&
			 memcmp(line->label, v[0].name.p, v[0].name.n) == 0,
		.ppm = out.n > 0 ? v[0].confidence_ppm : 0,
	};
}

static int by_seconds(const void *a, const void *b)
{
	double x = ((const struct outcome *)a)->seconds, y = ((const struct outcome *)b)->seconds;

	return (x > y) - (x < y);
}

static struct outcome *ask_all(struct module_host *host, const struct lines *lines)
{
	struct outcome *outcomes = calloc(lines->n + 1, sizeof(*outcomes));

	for (size_t i = 0; outcomes && i < lines->n; i++)
		outcomes[i] = ask(host, &lines->v[i]);
	return outcomes;
}

/* Chance that an in-scope message is given more confidence than an out-of-scope one. */
static double auroc(const struct outcome *in, size_t n_in, const struct outcome *out, size_t n_out)
{
	double wins = 0;

	for (size_t i = 0; i < n_in; i++)
		for (size_t k = 0; k < n_out; k++)
			wins += in[i].ppm > out[k].ppm ? 1 : in[i].ppm == out[k].ppm ? 0.5 : 0;
	return wins / ((double)n_in * (double)n_out);
}

static void print_handled(const struct outcome *in, size_t n_in, const struct outcome *out,
			  size_t n_out, uint32_t ppm)
{
	size_t handled = 0, right = 0, leaked = 0;

	for (size_t i = 0; i < n_in; i++) {
		handled += in[i].ppm >= ppm;
		right += in[i].ppm >= ppm && in[i].right;
	}
	for (size_t i = 0; i < n_out; i++)
		leaked += out[i].ppm >= ppm;
	printf("at confidence >= %.2f: %.1f %% of in-scope handled, %.1f %% of these right",
	       ppm / 1e6, 100.0 * (double)handled / (double)n_in,
	       100.0 * (double)right / (double)(handled ? handled : 1));
	if (n_out > 0)
		printf(", %.1f %% of out-of-scope leaks", 100.0 * (double)leaked / (double)n_out);
	printf("\n");
}

static void print_outcomes(struct outcome *in, size_t n_in, const struct outcome *out, size_t n_out)
{
	size_t right = 0;

	for (size_t i = 0; i < n_in; i++)
		right += in[i].right;
	printf("accuracy %.2f %% on %zu messages\n", 100.0 * (double)right / (double)n_in, n_in);
	if (n_out > 0)
		printf("AUROC of confidence for out-of-scope %.3f on %zu messages\n",
		       auroc(in, n_in, out, n_out), n_out);
	print_handled(in, n_in, out, n_out, 800000);
	print_handled(in, n_in, out, n_out, 500000);
	print_handled(in, n_in, out, n_out, 250001);
	qsort(in, n_in, sizeof(*in), by_seconds);
	printf("inference us: p50 %.1f p99 %.1f max %.1f\n", 1e6 * in[n_in / 2].seconds,
	       1e6 * in[n_in * 99 / 100].seconds, 1e6 * in[n_in - 1].seconds);
}

static void lines_free(struct lines *lines)
{
	free(lines->bytes);
	free(lines);
}

int main(int argc, char **argv)
{
	struct module_host *host = argc == 2 ? host_new("classifier-linear") : NULL;

	if (!host) {
		fprintf(stderr, "usage: classifier_bench <folder with train.tsv and val.tsv>\n");
		return 2;
	}
	struct lines *train = lines_read(argv[1], "train.tsv");
	struct lines *val = lines_read(argv[1], "val.tsv");
	struct lines *oos = lines_read(argv[1], "oos_val.tsv");
	char *config = config_of(train);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	double start = cpu_s();
	int32_t rc = val->n > 0 ? host->module->create(host->mod, host_ctx(host), host_str(config),
						       &host->inst)
				: BATON_E_IO;
	double created = cpu_s();

	host_run_jobs(host);
	printf("create() %.2f ms on its loop, training %.2f s of one core in a job, %zu examples\n",
	       1e3 * (created - start), cpu_s() - created, train->n);
	printf("memory %.2f MB\n",
	       (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / 1e6);
	printf("%s\n", host->last_log);
	if (rc == BATON_OK) {
		struct outcome *in = ask_all(host, val), *out = ask_all(host, oos);

		print_outcomes(in, val->n, out, oos->n);
		free(in);
		free(out);
	}
	host_free(&host);
	free(config);
	lines_free(train);
	lines_free(val);
	lines_free(oos);
	return rc == BATON_OK ? 0 : 1;
}
