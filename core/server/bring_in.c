/* SPDX-License-Identifier: Apache-2.0 */

/* A new release on its way in. Read it from the end upwards: staging, which blocks the loader's
 * thread and nobody else; the workers make their instances; recorded decisions are tried.
 * Nothing that serves has been touched until then, and any failure ends in an answer and a
 * release that goes.
 */

#include "core/server/releases.h"

#include "core/base/errors.h"
#include "core/module/shelf.h"
#include "core/policy/nearest.h"

#include <stdio.h>

enum { FINDINGS_MAX = 20 };

/* --- the workers have it --- */

static void tell_staged(struct change *change)
{
	struct baton_buf json = { NULL, 0, 0 };
	char text[LOADER_TEXT_MAX];

	change_log(change, change->book, "staged", "", BATON_STR_NONE);
	baton_buf_printf(&json, "\"release\":%llu,\"staged\":%llu",
			 (unsigned long long)change_live_number(change->loader),
			 (unsigned long long)change->book->number);
	snprintf(text, sizeof(text),
		 "release %llu staged: nobody is served by it yet; promote it, or discard it",
		 (unsigned long long)change->book->number);
	change_answer(change, BATON_OK, text, baton_buf_view(&json));
	baton_buf_done(&json);
}

static bool wants_canary(struct change *change)
{
	const struct baton_release_def *def =
		&baton_release_policy(change->book->release)->releases;
	struct loader_request *request = &change->request;

	if (request->verb == LOADER_CANARY || request->share_ppm > 0) {
		if (request->share_ppm == 0)
			request->share_ppm = def->canary_ppm;
		return true;
	}
	if (request->verb != LOADER_RELOAD || !def->canary || !change->loader->live)
		return false;
	request->share_ppm = def->canary_ppm;
	return true;
}

/* A canary begins by itself only some time after one that was rolled back; and what is to be one
 * does not go live because of that. 0: now. */
static uint64_t too_soon_ms(const struct change *change, const struct baton_policy *policy)
{
	const struct loader_request *request = &change->request;

	if (request->verb != LOADER_RELOAD || request->share_ppm > 0 || !policy->releases.canary)
		return 0;
	return baton_trial_quiet_left_ms(&policy->releases, change->loader->rolled_back_ms,
					 change_now_us() / 1000);
}

static void adopted(void *ud, int rc, const char *why, uint64_t turns)
{
	struct change *change = ud;
	struct loader *loader = change->loader;
	char reason[BOOK_WHY_MAX];

	(void)turns;
	if (rc == 0) {
		uint64_t us = change_now_us() - change->step_us;

		change_step(change, "", "warm");
		change_tell_modules(loader, change->book,
				    loader->live ? loader->live->release : NULL, "warm", us);
	}
	snprintf(reason, sizeof(reason), "%s", why);
	if (rc == 0)
		rc = change_try(change, reason, sizeof(reason));
	if (rc < 0) {
		change_log(change, change->book, "refused", reason, BATON_STR_NONE);
		change_let_go(loader, change->book);
		change_refuse(change, rc, "%s", reason);
	} else if (change->request.verb == LOADER_LOAD) {
		tell_staged(change);
	} else if (wants_canary(change)) {
		change_go_canary(change);
	} else {
		change_go_live(change);
	}
}

void change_adopt(struct change *change)
{
	struct baton_server *server = change->loader->server;
	const struct baton_policy *policy = baton_release_policy(change->book->release);

	crew_order(server, &(struct crew_order){ .verb = CREW_ADOPT,
						 .release = change->book->release,
						 .health_ms = policy->releases.health_ms,
						 .cold = change->request.cold,
						 .back = change->loader->loop,
						 .ud = change,
						 .then = adopted });
}

/* --- staging --- */

static void keep_finding(void *ud, const struct baton_policy_finding *finding)
{
	struct change *change = ud;
	if (finding->is_error && !change->first[0] && finding->line > 0)
		snprintf(change->first, sizeof(change->first), "%s:%u:%u: %s", finding->file,
			 finding->line, finding->column, finding->text);
	else if (finding->is_error && !change->first[0])
		snprintf(change->first, sizeof(change->first), "%s: %s",
			 finding->file ? finding->file : "the set", finding->text);
	if (change->n_findings >= FINDINGS_MAX)
		return;
	baton_buf_z(&change->findings, change->n_findings++ ? ",{\"file\":" : "{\"file\":");
	baton_buf_json(&change->findings, baton_str_of(finding->file ? finding->file : ""));
	baton_buf_printf(&change->findings,
			 ",\"line\":%u,\"column\":%u,\"error\":%s,\"text\":", finding->line,
			 finding->column, finding->is_error ? "true" : "false");
	baton_buf_json(&change->findings, baton_str_of(finding->text));
	baton_buf_z(&change->findings, "}");
}

/* The policies of the new release: from disk, those of a release that was good, or the live
 * ones. */
static int find_policy(struct change *change, struct baton_policy **ret)
{
	struct loader *loader = change->loader;
	const struct loader_request *request = &change->request;

	if (request->verb == LOADER_ROLLBACK) {
		*ret = baton_policy_ref(loader->past[0].policy);
		return BATON_OK;
	}
	if (request->module[0]) {
		*ret = baton_policy_ref(baton_release_shared_policy(loader->live->release));
		return BATON_OK;
	}
	return baton_policy_load(loader->server->options.policies, keep_finding, change, ret);
}

static bool has_module(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_modules; i++)
		if (strcmp(policy->modules[i].name, name) == 0)
			return true;
	return false;
}

static void refuse_name(struct change *change, const struct baton_policy *policy)
{
	struct baton_nearest nearest = baton_nearest_to(baton_str_of(change->request.module));

	for (size_t i = 0; i < policy->n_modules; i++)
		baton_nearest_try(&nearest, policy->modules[i].name);
	if (nearest.name)
		change_refuse(change, BATON_E_NOTFOUND,
			      "no module is called %s; did you mean `%s`?", change->request.module,
			      nearest.name);
	else
		change_refuse(change, BATON_E_NOTFOUND,
			      "no module is called %s; `baton module list` names them",
			      change->request.module);
}

static unsigned modules_changed(const struct baton_release *release,
				const struct baton_release *live)
{
	unsigned n = 0;

	for (size_t i = 0; i < baton_release_size(release); i++)
		n += !baton_release_shares(release, i, live);
	return n;
}

struct said {
	uint64_t number; /* of the release to be */
	char why[BOOK_WHY_MAX];
};

/* The live release has the very file under this name. */
static bool serves_file(const struct baton_release *live, const char *name,
			const uint8_t sha256[32])
{
	struct baton_generation_view view;

	for (size_t i = 0; i < baton_release_size(live); i++) {
		baton_release_view(live, i, &view);
		if (strcmp(view.module, name) == 0)
			return memcmp(view.sha256, sha256, 32) == 0;
	}
	return false;
}

/* The files that the release of the past had, wherever they are now. */
static int stage_past(struct loader *loader, struct baton_stage_options *options,
		      struct baton_policy *policy, struct baton_release **ret, struct said *said)
{
	const struct past *past = &loader->past[0];
	const struct baton_release *live = loader->live->release;
	struct baton_stage_change *changes = baton_alloc((past->n_modules + 1) * sizeof(*changes));
	struct baton_shelf_file *files = baton_alloc((past->n_modules + 1) * sizeof(*files));
	int rc = BATON_OK;

	for (size_t i = 0; i < past->n_modules && rc == BATON_OK; i++) {
		const struct past_module *module = &past->modules[i];

		if (serves_file(live, module->name, module->sha256))
			continue;
		rc = baton_shelf_find(loader->shelf, module->sha256, &files[options->n_changes]);
		if (rc < 0)
			snprintf(said->why, sizeof(said->why),
				 "the file that module %s had in release %llu is not on the shelf",
				 module->name, (unsigned long long)past->number);
		changes[options->n_changes] =
			(struct baton_stage_change){ module->name, files[options->n_changes].path };
		options->n_changes++;
	}
	options->changes = changes;
	if (rc == BATON_OK)
		rc = baton_release_stage(options, loader->live->release, policy, said->number, ret,
					 said->why, sizeof(said->why));
	baton_free(changes);
	baton_free(files);
	return rc;
}

static int stage(struct change *change, struct baton_policy *policy, struct baton_release **ret,
		 struct said *said)
{
	struct loader *loader = change->loader;
	struct loader_request *request = &change->request;
	struct baton_stage_options options;
	struct baton_stage_change one = { request->module,
					  request->path[0] ? request->path : NULL };
	char run_dir[4096];

	loader_stage_options(loader, run_dir, &options);
	if (request->verb == LOADER_ROLLBACK)
		return stage_past(loader, &options, policy, ret, said);
	if (request->module[0]) {
		options.changes = &one;
		options.n_changes = 1;
	}
	return baton_release_stage(&options, loader->live->release, policy, said->number, ret,
				   said->why, sizeof(said->why));
}

/* The policies, if a release may be made of them; else the refusal has been said. */
static struct baton_policy *fit_policy(struct change *change)
{
	struct baton_policy *policy = NULL;

	int rc = find_policy(change, &policy);
	if (rc < 0) {
		change_refuse(change, rc, "%s",
			      change->first[0] ? change->first : "the policies cannot be read");
		return NULL;
	}
	uint64_t quiet_ms = too_soon_ms(change, policy);
	if (quiet_ms > 0)
		change_refuse(
			change, BATON_E_STATE,
			"the last canary was rolled back, and none begins by itself for another %llu "
			"s; `baton reload --canary P%%` begins one now",
			(unsigned long long)(quiet_ms + 999) / 1000);
	else if (change->request.module[0] && !has_module(policy, change->request.module))
		refuse_name(change, policy);
	else
		return policy;
	baton_policy_free(&policy);
	return NULL;
}

/* The release, loaded and numbered; else the refusal has been said. Takes the policies. */
static struct baton_release *stage_told(struct change *change, struct baton_policy *policy)
{
	struct loader *loader = change->loader;
	struct baton_release *release = NULL;
	struct said said = { loader_next_number(loader), "" };

	atomic_store(&loader->staging, said.number);
	change_stages(change);
	int rc = stage(change, policy, &release, &said);
	change_stages(NULL);
	atomic_store(&loader->staging, 0);
	if (rc == 0) {
		change_step(change, "", "staged");
		return release;
	}
	baton_policy_free(&policy);
	/* A file that cannot be read is no failure of the store. */
	change_refuse(change, rc == BATON_E_IO ? BATON_E_MODULE : rc, "%s", said.why);
	return NULL;
}

static void answer_unchanged(struct change *change)
{
	char text[96];

	snprintf(text, sizeof(text), "nothing has changed, still %llu",
		 (unsigned long long)change_live_number(change->loader));
	change_answer(change, BATON_OK, text, BATON_STR("\"changed\":false"));
}

void change_bring_in(struct change *change)
{
	struct loader *loader = change->loader;
	struct baton_policy *policy = fit_policy(change);

	if (!policy)
		return;
	change_step(change, "", "read");
	const struct baton_release *live = loader->live->release;
	const struct baton_policy *before = baton_release_policy(live);
	unsigned files =
		policy == before ? 0 : (unsigned)baton_policy_changed(before, policy, NULL, NULL);
	struct baton_release *release = stage_told(change, policy);
	if (!release)
		return;
	unsigned modules = modules_changed(release, live);
	if (files == 0 && modules == 0 && baton_release_size(release) == baton_release_size(live)) {
		baton_release_unref(&release);
		answer_unchanged(change);
		return;
	}
	if (loader->candidate)
		change_withdraw(change, "discarded", "another one took its place");
	loader_use_number(loader, baton_release_number(release));
	change->book = book_new(loader, release);
	change->book->loader = loader;
	change->book->began_us = change->begin_us;
	change->book->files_changed = files;
	change->book->modules_changed = modules;
	book_set(loader, change->book, BOOK_STAGED);
	change_adopt(change);
}
