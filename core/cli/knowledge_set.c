/* SPDX-License-Identifier: Apache-2.0 */

/* A set's retriever and classifier, loaded in this process through the module ABI, and asked as a
 * turn asks them: the classifier first, and what it is sure of goes with the question. Nothing else
 * of the set is loaded, and no server is needed. */

#include "core/cli/knowledge.h"

#include "core/base/errors.h"
#include "core/module/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READY_MS = 120000, ANSWER_MS = 10000 };

/* --- what comes --- */

static void hear_intents(void *ud, uint64_t ticket, const baton_intents *intents)
{
	struct knowledge_set *set = ud;
	const struct baton_policy *policy = baton_release_policy(set->release);

	(void)ticket;
	if (intents->n == 0)
		return;
	const struct baton_intent_def *intent = baton_policy_intent(policy, intents->v[0].name);
	set->intent_ppm = intents->v[0].confidence_ppm;
	/* As in a turn: what it is not sure enough of was not understood. */
	if (intent && !intent->internal && set->intent_ppm >= intent->min_confidence_ppm)
		snprintf(set->intent, sizeof(set->intent), "%s", intent->name);
}

static baton_str keep(struct knowledge_set *set, baton_str s)
{
	return (baton_str){ baton_arena_dup(&set->arena, s.n ? s.p : "", s.n), s.n };
}

static void hear_docs(void *ud, uint64_t ticket, const baton_doc *docs, uint32_t n)
{
	struct knowledge_set *set = ud;

	(void)ticket;
	set->docs = baton_arena_alloc(&set->arena, (n + 1) * sizeof(*docs));
	set->n_docs = n;
	for (uint32_t i = 0; i < n; i++) {
		set->docs[i] = docs[i];
		set->docs[i].id = keep(set, docs[i].id);
		set->docs[i].title = keep(set, docs[i].title);
		set->docs[i].uri = keep(set, docs[i].uri);
		set->docs[i].snippet = keep(set, docs[i].snippet);
		set->docs[i].version = keep(set, docs[i].version);
	}
}

static void hear_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct knowledge_set *set = ud;

	(void)reason;
	if (set->asked > 0)
		set->heard = --set->asked == 0;
	else
		set->heard = ticket == set->ticket;
	if (set->heard)
		baton_loop_stop(set->loop);
}

static void hear_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct knowledge_set *set = ud;

	set->failed = true;
	snprintf(set->why, sizeof(set->why), "%.*s", (int)error->message.n,
		 error->message.n ? error->message.p : "");
	hear_end(ud, ticket, 0);
}

static void too_late(void *ud)
{
	struct knowledge_set *set = ud;

	set->late = true;
	baton_loop_stop(set->loop);
}

/* Until what was asked has ended. */
static int wait_for(struct knowledge_set *set, uint64_t ms, const char *what)
{
	uint64_t timer = baton_loop_timer(set->loop, ms, too_late, set);

	if (!set->heard)
		baton_loop_run(set->loop);
	(void)baton_loop_timer_stop(set->loop, timer);
	if (set->late)
		fprintf(stderr, "baton: %s was not done within %llu s\n", what,
			(unsigned long long)ms / 1000);
	else if (set->failed)
		fprintf(stderr, "baton: %s failed%s%s\n", what, set->why[0] ? ": " : "", set->why);
	return set->late || set->failed ? CLI_FAILED : CLI_OK;
}

/* --- loading --- */

/* True if there is a retriever among what stays. */
static bool only_readers(struct baton_policy *policy)
{
	size_t n = 0;
	bool has = false;

	for (size_t i = 0; i < policy->n_modules; i++) {
		struct baton_policy_module *module = &policy->modules[i];
		bool is_retriever = strcmp(module->kind, "retriever") == 0;

		has = has || is_retriever;
		if (is_retriever || strcmp(module->kind, "classifier") == 0)
			policy->modules[n++] = *module;
		else
			json_decref(module->config);
	}
	policy->n_modules = n;
	return has;
}

static int load(struct knowledge_set *set, const char *path)
{
	if (baton_policy_load(path, cli_tell_finding, NULL, &set->policy) < 0) {
		fprintf(stderr, "baton: the set in %s cannot be used; run `baton check %s`\n", path,
			path);
		return CLI_FAILED;
	}
	set->articles = set->policy->articles;
	if (only_readers(set->policy))
		return CLI_OK;
	fprintf(stderr, "baton: the set in %s has no retriever in its modules.yaml\n", path);
	return CLI_FAILED;
}

static int make_run_dir(struct knowledge_set *set)
{
	if (baton_scratch_make(set->run_dir, "knowledge") == BATON_OK)
		return CLI_OK;
	fprintf(stderr, "baton: cannot make a folder for copies of modules below TMPDIR: %s\n",
		strerrordesc_np(errno));
	return CLI_FAILED;
}

static int seat(struct knowledge_set *set)
{
	const struct baton_stage_options options = { .modules_dir = set->options->modules,
						     .run_dir = set->run_dir,
						     .modhost = cli_default_modhost() };
	const struct baton_rack_events events = { .ud = set,
						  .intents = hear_intents,
						  .docs = hear_docs,
						  .end = hear_end,
						  .fail = hear_fail };
	char why[512];

	if (baton_release_stage(&options, NULL, set->policy, 1, &set->release, why, sizeof(why)) <
	    0) {
		fprintf(stderr, "baton: %s\n", why);
		return CLI_FAILED;
	}
	set->policy = NULL; /* the release has it now */
	set->loop = baton_loop_new("knowledge");
	set->rack = baton_rack_new(set->loop, &events);
	if (baton_rack_adopt(set->rack, set->release, why, sizeof(why)) == 0)
		return CLI_OK;
	fprintf(stderr, "baton: %s\n", why);
	return CLI_FAILED;
}

int knowledge_open(struct knowledge_set *set, const char *path)
{
	cli_log_to_stderr("error");
	int rc = load(set, path);
	if (rc == CLI_OK)
		rc = make_run_dir(set);
	if (rc == CLI_OK)
		rc = seat(set);
	if (rc != CLI_OK)
		return rc;
	size_t n = baton_release_policy(set->release)->n_modules;

	/* All are asked before any may answer. */
	set->asked = (unsigned)n + 1;
	for (size_t i = 0; i < n; i++)
		if (baton_rack_check(set->rack, set->release, i, ++set->ticket, 0) < 0)
			set->asked--;
	set->heard = --set->asked == 0;
	return wait_for(set, READY_MS, "reading the articles");
}

void knowledge_close(struct knowledge_set *set)
{
	if (set->rack)
		baton_rack_free(&set->rack);
	if (set->loop)
		baton_loop_free(&set->loop);
	if (set->release)
		baton_release_unref(&set->release);
	baton_policy_free(&set->policy);
	baton_arena_done(&set->arena);
	baton_scratch_drop(set->run_dir);
}

/* --- asking --- */

static void begin(struct knowledge_set *set)
{
	set->ticket++;
	set->heard = set->failed = set->late = false;
	set->why[0] = '\0';
}

/* A set may have no classifier: then there is no intent. */
static int classify(struct knowledge_set *set, const baton_turn *turn)
{
	begin(set);
	int rc = baton_rack_classify(set->rack, set->release, set->ticket, turn);
	if (rc == BATON_E_NOTFOUND)
		return CLI_OK;
	if (rc == 0)
		return wait_for(set, ANSWER_MS, "the classifier");
	fprintf(stderr, "baton: the classifier refuses: %s\n", baton_error_info(rc)->text);
	return CLI_FAILED;
}

static int retrieve(struct knowledge_set *set, baton_query *query)
{
	begin(set);
	int rc = baton_rack_retrieve(set->rack, set->release, set->ticket, query);
	if (rc == BATON_E_UNSUPPORTED && query->filter_json.n > 0) {
		query->filter_json = BATON_STR_NONE;
		rc = baton_rack_retrieve(set->rack, set->release, set->ticket, query);
	}
	if (rc == 0)
		return wait_for(set, ANSWER_MS, "the search");
	fprintf(stderr, "baton: the retriever refuses: %s\n", baton_error_info(rc)->text);
	return CLI_FAILED;
}

/* As a run does it: whatever was asked of the retriever. */
static void drop_for_agents(struct knowledge_set *set)
{
	const struct baton_policy *policy = baton_release_policy(set->release);
	uint32_t n = 0;

	for (uint32_t i = 0; i < set->n_docs; i++)
		if (!baton_policy_agents_only(policy, set->docs[i].id))
			set->docs[n++] = set->docs[i];
	set->n_docs = n;
}

int knowledge_ask(struct knowledge_set *set, const struct knowledge_question *question)
{
	const struct baton_policy *policy = baton_release_policy(set->release);
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = baton_str_of(question->text) };
	baton_turn turn = { .size = sizeof(turn),
			    .channel = BATON_STR("web"),
			    .locale = baton_str_of(question->language ? question->language : ""),
			    .msgs = &msg,
			    .n_msgs = 1 };
	baton_query query = {
		.size = sizeof(query), .k = question->k, .turn = &turn, .text = msg.text
	};
	int rc = CLI_OK;

	baton_arena_done(&set->arena);
	set->docs = NULL;
	set->n_docs = 0;
	set->intent[0] = '\0';
	set->intent_ppm = 0;
	if (question->intent)
		snprintf(set->intent, sizeof(set->intent), "%s", question->intent);
	else
		rc = classify(set, &turn);
	turn.intent = baton_str_of(set->intent);
	if (!question->for_agents && policy->n_agents_only > 0)
		query.filter_json = BATON_STR("{\"audience\":\"customers\"}");
	if (rc == CLI_OK)
		rc = retrieve(set, &query);
	if (!question->for_agents)
		drop_for_agents(set);
	return rc;
}

const char *knowledge_text_of(const json_t *article, const char *key)
{
	const char *text = json_string_value(json_object_get(article, key));

	return text ? text : "";
}

const json_t *knowledge_article(const struct knowledge_set *set, baton_str id)
{
	size_t i;
	json_t *article;

	json_array_foreach(set->articles, i, article)
		if (baton_str_is(id, knowledge_text_of(article, "id")))
			return article;
	return NULL;
}
