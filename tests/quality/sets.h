/* SPDX-License-Identifier: Apache-2.0 */

/* Labelled messages as a classifier's configuration, and what it says of others. For the parts about
 * intents. Static functions, so that a part is one file and this. */
#pragma once

#include "tests/quality/kit.h"

#include <string.h>

struct labelled {
	const char *label, *text;
};
struct labelled_set {
	struct labelled *v;
	size_t n, cap;
};

static inline void set_add(struct labelled_set *set, const char *label, const char *text)
{
	if (set->n == set->cap) {
		set->cap = 2 * set->cap + 1024;
		set->v = realloc(set->v, set->cap * sizeof(*set->v));
	}
	set->v[set->n++] = (struct labelled){ label, text };
}

/* Columns 0 and 1 of the lines; `numbers` (NULL: all) holds the 1-based numbers of those wanted. */
static inline struct labelled_set set_of(const struct quality_lines *lines, const char *numbers)
{
	struct labelled_set set = { 0 };

	if (!numbers) {
		for (size_t i = 0; i < lines->n; i++)
			if (lines->v[i][1])
				set_add(&set, lines->v[i][0], lines->v[i][1]);
		return set;
	}
	char path[128];
	snprintf(path, sizeof(path), "tests/data/%s", numbers);
	FILE *file = fopen(path, "r");
	unsigned long number;

	while (file && fscanf(file, "%lu", &number) == 1)
		if (number >= 1 && number <= lines->n)
			set_add(&set, lines->v[number - 1][0], lines->v[number - 1][1]);
	if (file)
		fclose(file);
	return set;
}

/* What the server would hand the classifier. free() it. `skip` is a label that is no intent; NULL. */
static inline char *set_config(const struct labelled_set *set, const char *skip)
{
	json_t *intents = json_array(), *by_name = json_object();

	for (size_t i = 0; i < set->n; i++) {
		const struct labelled *one = &set->v[i];
		json_t *intent = json_object_get(by_name, one->label);

		if (skip && strcmp(one->label, skip) == 0)
			continue;
		if (!intent) {
			intent = json_pack("{s:s, s:i, s:i, s:[]}", "name", one->label, "tier", 1,
					   "min_confidence_ppm", 300000, "examples");
			json_array_append_new(intents, intent);
			json_object_set(by_name, one->label, intent);
		}
		json_array_append_new(json_object_get(intent, "examples"), json_string(one->text));
	}
	json_decref(by_name);
	json_t *root = json_pack("{s:{s:o}}", "policy", "intents", intents);
	char *text = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	return text;
}

enum { SAID_INTENTS = 5 };
struct said {
	baton_intents out;
	baton_intent v[SAID_INTENTS];
	double seconds;
};

/* Strings in `said` are the module's until the next call. */
static inline void ask_classifier(const struct quality_module *module, const char *text,
				  struct said *said)
{
	const baton_classifier *vt = module->vt;
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = baton_str_of(text) };
	const baton_turn turn = { .size = sizeof(turn), .msgs = &msg, .n_msgs = 1 };

	memset(said, 0, sizeof(*said));
	said->out = (baton_intents){ .size = sizeof(said->out), .cap = SAID_INTENTS, .v = said->v };
	double start = quality_cpu_s();
	int32_t rc = vt->classify(module->self, 1, &turn, &said->out);

	said->seconds = quality_cpu_s() - start;
	if (rc != BATON_OK) {
		printf("quality: classify() answered %d\n", rc);
		exit(2);
	}
}

static inline bool said_is(const struct said *said, const char *label)
{
	return said->out.n > 0 && baton_str_is(said->v[0].name, label);
}
