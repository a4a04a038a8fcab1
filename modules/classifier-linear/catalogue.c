/* SPDX-License-Identifier: Apache-2.0 */

/* JSON to examples, examples to a model. */

#include "catalogue.h"

#include "human.h"
#include "train.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
	INTENTS_MAX = 1024,
	EXAMPLES_MAX = 200000,
	EPOCHS_MAX = 50,
	EXAMPLES_LOOKED_AT = 30,
	PROBES_MAX = 96, /* examples kept for the self-test, which may take 5 ms */
};

struct config_reading {
	struct train_example *examples;
	struct text_features *words; /* of the example that is looked at */
	struct train_set set;
	const char *why;
};

/* Refuses what cannot be an intent; counts its examples into `n`. */
static int intent_check(json_t *intent, uint32_t *n, const char **why)
{
	json_t *examples = json_object_get(intent, "examples");
	const char *name = json_string_value(json_object_get(intent, "name"));
	size_t i;
	json_t *example;

	if (!name || !*name)
		*why = "an intent has no name";
	else if (examples && !json_is_array(examples))
		*why = "the examples of an intent are not a list";
	json_array_foreach(examples, i, example)
		if (!json_is_string(example))
			*why = "an example is not a text";
	*n += (uint32_t)json_array_size(examples);
	if (*n > EXAMPLES_MAX)
		*why = "more than 200000 examples";
	return *why ? -1 : 0;
}

static bool asks_person(struct config_reading *r, const struct human_words *table, const char *text)
{
	char normal[TEXT_BYTES_MAX];

	text_words(normal, text_normalise(text, strlen(text), normal, sizeof(normal)), r->words);
	return human_wanted(table, r->words) >= 0.5F;
}

static int intent_read(struct config_reading *r, struct model *model, json_t *intent,
		       uint32_t label)
{
	json_t *examples = json_object_get(intent, "examples");
	size_t i;
	json_t *example;

	model->names[label] = strdup(json_string_value(json_object_get(intent, "name")));
	model->tiers[label] = (uint32_t)json_integer_value(json_object_get(intent, "tier"));
	if (!model->names[label])
		return -1;
	size_t for_person = 0;

	json_array_foreach(examples, i, example) {
		r->examples[r->set.n++] = (struct train_example){
			.text = json_string_value(example),
			.label = label,
		};
		if (i < EXAMPLES_LOOKED_AT)
			for_person += asks_person(r, model->human, json_string_value(example));
	}
	/* A third is enough: people ask for people in words that no list has. */
	i = i < EXAMPLES_LOOKED_AT ? i : EXAMPLES_LOOKED_AT;
	model->asks_person[label] = for_person > 0 && 3 * for_person >= i;
	model->slots[label] = slots_new(json_object_get(intent, "slots"), &r->why);
	return r->why ? -1 : 0;
}

static int settings_read(struct config_reading *r, json_t *root)
{
	json_t *epochs = json_object_get(root, "epochs");
	json_t *share = json_object_get(root, "out_of_scope_ppm");
	json_int_t ppm = share ? json_integer_value(share) : 50000;

	if (epochs && (json_integer_value(epochs) < 1 || json_integer_value(epochs) > EPOCHS_MAX))
		r->why = "epochs must be 1 to 50";
	else if ((share && !json_is_integer(share)) || ppm < 0 || ppm > 500000)
		r->why = "out_of_scope_ppm must be 0 to 500000";
	if (r->why)
		return -1;
	r->set.epochs = (uint32_t)json_integer_value(epochs);
	r->set.out_of_scope_share = (float)ppm / 1e6F;
	return 0;
}

static int intents_read(struct config_reading *r, json_t *intents, struct model *model)
{
	uint32_t total = 0;
	size_t i;
	json_t *intent;

	if (intents && !json_is_array(intents))
		r->why = "policy.intents is not a list";
	if (json_array_size(intents) > INTENTS_MAX)
		r->why = "more than 1024 intents";
	if (r->why)
		return -1;
	json_array_foreach(intents, i, intent)
		if (intent_check(intent, &total, &r->why) < 0)
			return -1;
	size_t n = json_array_size(intents);

	r->examples = calloc(total + 1, sizeof(*r->examples));
	model->names = calloc(n + 1, sizeof(*model->names));
	model->tiers = calloc(n + 1, sizeof(*model->tiers));
	model->human = human_words_new();
	model->slots = calloc(n + 1, sizeof(struct slots *));
	model->asks_person = calloc(n + 1, sizeof(*model->asks_person));
	if (!r->examples || !model->names || !model->tiers || !model->human || !model->slots ||
	    !model->asks_person)
		return -1;
	model->n_classes = (uint32_t)n;
	json_array_foreach(intents, i, intent)
		if (intent_read(r, model, intent, (uint32_t)i) < 0)
			return -1;
	r->set.examples = r->examples;
	r->set.n_classes = model->n_classes;
	return 0;
}

/* Evenly spread over the examples, so that each intent has some. */
static int probes_keep(const struct train_set *set, struct model *model)
{
	uint32_t n = set->n < PROBES_MAX ? set->n : PROBES_MAX;

	model->probes = calloc(n + 1, sizeof(*model->probes));
	model->probe_labels = calloc(n + 1, sizeof(*model->probe_labels));
	if (!model->probes || !model->probe_labels)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		const struct train_example *example = &set->examples[(uint64_t)i * set->n / n];

		model->probes[i] = strdup(example->text);
		if (!model->probes[i])
			return -1;
		model->probe_labels[i] = example->label;
		model->n_probes = i + 1;
	}
	return 0;
}

struct model *model_make(const char *json, size_t n, const char **why)
{
	json_error_t error;
	struct config_reading r = { 0 };
	json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
	struct model *model = calloc(1, sizeof(*model));
	int rc;

	r.words = malloc(sizeof(*r.words));
	rc = model && r.words ? 0 : -1;
	if (!json_is_object(root))
		r.why = "the configuration is not a JSON object";
	json_t *policy = json_object_get(root, "policy");

	if (policy && !json_is_object(policy))
		r.why = "policy is not an object";
	if (rc < 0 || r.why || settings_read(&r, root) < 0 ||
	    intents_read(&r, json_object_get(policy, "intents"), model) < 0 ||
	    probes_keep(&r.set, model) < 0 || model_train(model, &r.set) < 0)
		model_free(&model);
	*why = r.why ? r.why : "out of memory";
	free(r.examples);
	free(r.words);
	json_decref(root);
	return model;
}
