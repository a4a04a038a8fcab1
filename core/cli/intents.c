/* SPDX-License-Identifier: Apache-2.0 */

/* The classifier of a policy set in this process: no server, no journal, and with as many of the
 * set's examples as is wanted. */

#include "core/cli/intents.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READY_MS = 120000, ANSWER_MS = 10000 };

const struct cli_command cli_intents_commands[] = {
	{ "intents eval", "[FILE]", "how well the examples of a set teach its classifier", "pmH%j",
	  cli_intents_eval, NULL },
	{ "intents suggest", NULL, "recorded messages that would teach it most", "pmdBuj",
	  cli_intents_suggest, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};

struct baton_policy *intents_policy(const char *path)
{
	struct baton_policy *policy = NULL;

	if (baton_policy_load(path, cli_tell_finding, NULL, &policy) < 0)
		fprintf(stderr, "baton: the set in %s cannot be used; run `baton check %s`\n", path,
			path);
	return policy;
}

/* The module's configuration without the examples of one fold. */
static char *config_of(const struct baton_policy_module *module, unsigned skip, unsigned folds)
{
	json_t *config = json_deep_copy(module->config), *intent;
	json_t *list = json_object_get(json_object_get(config, "policy"), "intents");
	size_t i;

	json_array_foreach(list, i, intent) {
		json_t *examples = json_object_get(intent, "examples");

		for (size_t k = json_array_size(examples); folds > 0 && k-- > 0;)
			if (k % folds == skip)
				json_array_remove(examples, k);
	}
	char *text = json_dumps(config, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(config);
	return text;
}

static int make_ready(struct intents_model *model, const char *config)
{
	baton_call call;

	if (baton_testhost_create(model->host, config, &model->inst) != BATON_OK) {
		fprintf(stderr, "baton: the classifier refuses its configuration\n");
		return CLI_FAILED;
	}
	if (!baton_testhost_module(model->host)->check)
		return CLI_OK;
	if (baton_testhost_check(model->host, model->inst, 0, &call) >= 0 &&
	    baton_testhost_run(model->host, call, READY_MS) &&
	    !baton_testhost_heard(model->host, call)->failed)
		return CLI_OK;
	const baton_heard *heard = baton_testhost_heard(model->host, call);
	fprintf(stderr, "baton: the classifier is not ready: %.*s\n",
		heard ? (int)heard->error.message.n : 0,
		heard && heard->error.message.n ? heard->error.message.p : "");
	return CLI_FAILED;
}

int intents_open(const struct cli_options *options, const struct baton_policy *policy,
		 unsigned skip, unsigned folds, struct intents_model *ret_model)
{
	const baton_testhost_options how = { .size = sizeof(how), .kind = "classifier" };
	const struct baton_policy_module *module = NULL;
	char path[4096], why[512] = "";

	for (size_t i = 0; i < policy->n_modules; i++)
		if (strcmp(policy->modules[i].kind, "classifier") == 0)
			module = &policy->modules[i];
	if (!module) {
		fprintf(stderr, "baton: the set has no classifier in its modules.yaml\n");
		return CLI_FAILED;
	}
	snprintf(path, sizeof(path), "%s/%s", options->modules, module->file);
	*ret_model =
		(struct intents_model){ .host = baton_testhost_open(path, &how, why, sizeof(why)) };
	if (!ret_model->host) {
		fprintf(stderr, "baton: %s: %s\n", path, why);
		return CLI_FAILED;
	}
	char *config = config_of(module, skip, folds);
	int rc = make_ready(ret_model, config);

	free(config); /* jansson's own allocation */
	if (rc != CLI_OK)
		intents_close(ret_model);
	return rc;
}

void intents_close(struct intents_model *model)
{
	if (model->host)
		(void)baton_testhost_close(&model->host);
}

static void take(char to[BATON_NAME_BYTES_MAX + 1], uint32_t *ppm, const baton_intent *intent)
{
	baton_str name = baton_str_clip(intent->name, BATON_NAME_BYTES_MAX);

	memcpy(to, name.p, name.n);
	to[name.n] = '\0';
	*ppm = intent->confidence_ppm;
}

int intents_ask(struct intents_model *model, baton_str text, struct intents_said *ret_said)
{
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = text };
	const baton_turn turn = { .size = sizeof(turn), .msgs = &msg, .n_msgs = 1 };
	baton_call call;
	int32_t rc = baton_testhost_classify(model->host, model->inst, &turn, &call);

	memset(ret_said, 0, sizeof(*ret_said));
	if (rc < 0)
		return rc;
	if (!baton_testhost_run(model->host, call, ANSWER_MS))
		return BATON_E_AGAIN;
	const baton_heard *heard = baton_testhost_heard(model->host, call);
	if (heard->failed)
		return BATON_E_INVAL;
	if (heard->n_intents > 0)
		take(ret_said->intent, &ret_said->ppm, &heard->intents[0]);
	if (heard->n_intents > 1)
		take(ret_said->second, &ret_said->second_ppm, &heard->intents[1]);
	ret_said->out_of_scope_ppm = heard->out_of_scope_ppm;
	return BATON_OK;
}
