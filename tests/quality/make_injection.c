/* SPDX-License-Identifier: Apache-2.0 */

/* Makes modules/guard-injection/weights.inc: `make injection`. Logistic regression on what
 * people wrote to lead models astray (PurpleLlama, MIT; prompts with an even number only, the
 * others are asked in part_guards.c) against what customers write. Of a long text the strangest
 * window is learned, as it is the strangest window that counts. No chance is in it: the same
 * texts give the same file. */
#include "modules/guard-injection/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { TEXTS_MAX = 60000, EPOCHS = 12, ROUNDS = 3, LONG_BYTES = SCORE_LONG_BYTES };

struct sample {
	char *text;
	int yes;
	size_t begin, end; /* the window that is learned */
};
static struct sample samples[TEXTS_MAX];
static size_t n_samples, n_yes;
static float weights[SCORE_BUCKETS], bias;
static struct score_scratch scratch;

static void add(const char *text, int yes)
{
	if (n_samples == TEXTS_MAX || !text[0])
		return;
	samples[n_samples++] = (struct sample){ strdup(text), yes, 0, strlen(text) };
	n_yes += (size_t)yes;
}

static void read_yes(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;

	if (!file)
		exit(1);
	while (getline(&line, &cap, file) > 0) {
		json_t *json = json_loads(line, 0, NULL);
		json_int_t id = json_integer_value(json_object_get(json, "prompt_id"));

		if (id % 2 == 0)
			add(json_string_value(json_object_get(json, "user_input")), 1);
		json_decref(json);
	}
	free(line);
	(void)fclose(file);
}

static char *prose[TEXTS_MAX];
static size_t n_prose;

/* Every second article: what is learned from them is only how strange prose may be. */
static void add_texts(const json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)json, i, value)
		add_texts(value);
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
		add_texts(value);
	const char *text = json_string_value(json);
	if (text && strlen(text) > LONG_BYTES && n_prose < TEXTS_MAX)
		prose[n_prose++] = strdup(text);
}

static void read_json(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0, n = 0;

	if (!file)
		exit(1);
	while (getline(&line, &cap, file) > 0) {
		json_t *json = json_loads(line, 0, NULL);

		if (n++ % 2 == 0)
			add_texts(json);
		json_decref(json);
	}
	free(line);
	(void)fclose(file);
}

/* "path" or "path:column". */
static void read_lines(char *arg, int yes)
{
	char *colon = strrchr(arg, ':');
	unsigned column = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;

	if (colon)
		*colon = '\0';
	FILE *file = fopen(arg, "r");
	char *line = NULL;
	size_t cap = 0;
	if (!file)
		exit(1);
	while (getline(&line, &cap, file) > 0) {
		char *field = line;

		line[strcspn(line, "\r\n")] = '\0';
		for (unsigned i = 0; i < column && field; i++) {
			field = strchr(field, '\t');
			field += field != NULL;
		}
		if (!field)
			continue;
		field[strcspn(field, "\t")] = '\0';
		add(field, yes);
	}
	free(line);
	(void)fclose(file);
}

static void learn_one(const struct sample *sample, float rate)
{
	const char *text = sample->text + sample->begin;
	size_t n = sample->end - sample->begin, at = 0;
	size_t words = score_words(text, n, &at, scratch.words, 64);
	uint32_t buckets[SCORE_FEATURES_MAX];
	float z = 0, norm = sqrtf((float)words + 4.0f);

	for (size_t i = 0; i < words; i++) {
		size_t m = score_features(text, scratch.words, i, buckets);

		for (size_t k = 0; k < m; k++)
			z += weights[buckets[k]] * (k < 3 ? 1.0f : 0.5f) / norm;
	}
	float p = 1.0f / (1.0f + expf(-(z + bias)));
	float balance = sample->yes ? 0.25f * (float)(n_samples - n_yes) / (float)n_yes : 1.0f;
	float step = rate * ((float)sample->yes - p) * balance;
	for (size_t i = 0; i < words; i++) {
		size_t m = score_features(text, scratch.words, i, buckets);

		for (size_t k = 0; k < m; k++)
			weights[buckets[k]] += step * (k < 3 ? 1.0f : 0.5f) / norm;
	}
	bias += step * 0.1f;
}

static void learn(void)
{
	memset(weights, 0, sizeof(weights));
	bias = -1.0f;
	for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
		float rate = 0.4f / (1.0f + (float)epoch);

		for (size_t i = 0; i < n_samples; i++)
			learn_one(&samples[i * 40503u % n_samples], rate);
		for (size_t i = 0; i < SCORE_BUCKETS; i++)
			weights[i] *= 0.97f;
	}
}

static void choose_windows(void)
{
	for (size_t i = 0; i < n_samples; i++) {
		struct score best = score_text(weights, bias, samples[i].text,
					       strlen(samples[i].text), &scratch);

		samples[i].begin = best.begin;
		samples[i].end = best.end;
	}
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* What one customer's message in a hundred exceeds: half a chance, by definition. */
static float middle(void)
{
	float *v = calloc(n_samples, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < n_samples; i++)
		if (!samples[i].yes)
			v[n++] = score_text(weights, bias, samples[i].text, strlen(samples[i].text),
					    &scratch)
					 .value;
	if (!v)
		exit(1);
	qsort(v, n, sizeof(*v), by_value);
	float value = v[n - 1 - n / 100];
	free(v);
	return value;
}

/* The same for prose: a long text has many windows, and one of them is always strange. */
static float middle_of_prose(void)
{
	float *v = calloc(n_prose + 1, sizeof(*v));

	if (!v || n_prose == 0)
		exit(1);
	for (size_t i = 0; i < n_prose; i++)
		v[i] = score_text(weights, bias, prose[i], strlen(prose[i]), &scratch).value;
	qsort(v, n_prose, sizeof(*v), by_value);
	float value = v[n_prose - 1 - n_prose / 50];
	free(v);
	return value;
}

static int write_out(const char *path)
{
	FILE *out = fopen(path, "w");
	float most = 0;

	for (size_t i = 0; i < SCORE_BUCKETS; i++)
		most = fabsf(weights[i]) > most ? fabsf(weights[i]) : most;
	if (!out || most == 0)
		return 1;
	fprintf(out,
		"/* Made by `make injection`; do not edit. From texts of PurpleLlama (MIT) and of\n"
		" * others named in tests/data/README.md. */\n"
		"static const float weight_scale = %.8ff, weight_bias = %.6ff, weight_middle = %.6ff,\n"
		"\t\t   weight_middle_long = %.6ff;\n"
		"static const signed char weight_of[SCORE_BUCKETS] = {",
		(double)(most / 127.0f), (double)bias, (double)middle(), (double)middle_of_prose());
	for (size_t i = 0; i < SCORE_BUCKETS; i++)
		fprintf(out, "%s%d,", i % 24 ? "" : "\n", (int)lrintf(weights[i] / most * 127.0f));
	fprintf(out, "\n};\n");
	return fclose(out);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 1;
	read_yes(argv[2]);
	read_lines(argv[3], 1); /* what we have written ourselves */
	for (int i = 4; i < argc; i++)
		if (strstr(argv[i], ".jsonl"))
			read_json(argv[i]);
		else
			read_lines(argv[i], 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		learn();
		choose_windows();
	}
	return write_out(argv[1]);
}
