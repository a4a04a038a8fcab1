/* SPDX-License-Identifier: Apache-2.0 */

/* baton rules diff: what a changed set would have done with the decisions in the journal, beside
 * the set that serves. Nothing of the server is touched: the journal is read-only, and the rules
 * and classifiers of both sets are loaded here, in this process.
 *
 * The files of the set that serves may have been changed already; then the running server is asked
 * for a copy of what it has read.
 *
 * baton module replay is the same for a module's file, or for all that the candidate of the running
 * server changes. */

#include "core/cli/admin.h"

#include "core/base/errors.h"
#include "core/cli/report.h"
#include "core/cli/sets.h"
#include "core/loop/loop.h"
#include "core/module/scratch.h"
#include "core/swap/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READY_MS = 60000, TIME_MS = 30000, PATH_BYTES = CLI_SET_BYTES, FILES_MAX = 16 };

/* A module that is tried with another file than its own. */
struct other_file {
	char module[BATON_NAME_BYTES_MAX + 1], path[PATH_BYTES];
};

struct diffing {
	const struct cli_options *options;
	char old_path[PATH_BYTES], new_path[PATH_BYTES];
	char run_dir[PATH_BYTES];
	struct baton_policy *old_policy, *new_policy;
	struct baton_release *old, *now;
	struct baton_journal *journal;
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct other_file files[FILES_MAX]; /* of the new side */
	size_t n_files;
	unsigned asked; /* modules that have not said yet that they are ready */
	bool late;
	uint64_t since_ms, until_ms;
};

/* --- which sets ------------------------------------------------------------------------------ */

static void take(const struct baton_json *from, const char *name, char to[PATH_BYTES])
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json value = baton_json_get(from, name);
	baton_str text = baton_json_text(&value, &arena);

	snprintf(to, PATH_BYTES, "%.*s", (int)text.n, text.n ? text.p : "");
	baton_arena_done(&arena);
}

static void take_name(const struct baton_json *from, char to[BATON_NAME_BYTES_MAX + 1])
{
	char text[PATH_BYTES];

	take(from, "module", text);
	snprintf(to, BATON_NAME_BYTES_MAX + 1, "%.*s", BATON_NAME_BYTES_MAX, text);
}

static int ask(const struct cli_options *options, const char *verb, struct baton_buf *answer)
{
	struct baton_buf request = { NULL, 0, 0 };
	struct cli_options quiet = *options;

	quiet.json = false; /* this is not the answer that scripts wait for */
	admin_begin(&request, verb);
	baton_buf_z(&request, "}");
	int rc = cli_control_ask(&quiet, &request, answer);
	baton_buf_done(&request);
	return rc;
}

/* Only what decides is loaded: no provider is needed to say who would be asked. */
static void only_deciders(struct baton_policy *policy)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_modules; i++) {
		struct baton_policy_module *module = &policy->modules[i];

		if (strcmp(module->kind, "rule") == 0 || strcmp(module->kind, "classifier") == 0)
			policy->modules[n++] = *module;
		else
			json_decref(module->config);
	}
	policy->n_modules = n;
}

static int load_set(const char *path, struct baton_policy **ret)
{
	if (baton_policy_load(path, cli_tell_finding, NULL, ret) == 0) {
		only_deciders(*ret);
		return CLI_OK;
	}
	fprintf(stderr, "baton: the set in %s cannot be used; run `baton check %s`\n", path, path);
	return CLI_FAILED;
}

/* --- modules --------------------------------------------------------------------------------- */

static void hear_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct diffing *d = ud;

	(void)ticket;
	(void)reason;
	if (--d->asked == 0)
		baton_loop_stop(d->loop);
}

static void hear_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	(void)error;
	hear_end(ud, ticket, 0);
}

static void too_late(void *ud)
{
	struct diffing *d = ud;

	d->late = true;
	baton_loop_stop(d->loop);
}

static int stage(struct diffing *d, struct baton_policy **policy, struct baton_release *base,
		 uint64_t number, struct baton_release **ret)
{
	struct baton_stage_change changes[FILES_MAX];
	struct baton_stage_options options = { .modules_dir = d->options->modules,
					       .run_dir = d->run_dir,
					       .modhost = cli_default_modhost(),
					       .changes = changes };
	char why[512];

	for (size_t i = 0; base && i < d->n_files; i++)
		changes[options.n_changes++] =
			(struct baton_stage_change){ d->files[i].module, d->files[i].path };

	int rc = baton_release_stage(&options, base, *policy, number, ret, why, sizeof(why));
	if (rc < 0) {
		fprintf(stderr, "baton: %s\n", why);
		return CLI_FAILED;
	}
	*policy = NULL; /* the release has it now */
	return CLI_OK;
}

static int seat(struct diffing *d, struct baton_release *release)
{
	size_t n = baton_release_policy(release)->n_modules;
	char why[512];

	if (baton_rack_adopt(d->rack, release, why, sizeof(why)) < 0) {
		fprintf(stderr, "baton: %s\n", why);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < n; i++)
		if (baton_rack_check(d->rack, release, i, ++d->asked, 0) < 0)
			d->asked--;
	return CLI_OK;
}

/* Modules that learn in a job of theirs say when they have. */
static int bring_up(struct diffing *d)
{
	struct baton_rack_events events = { .ud = d, .end = hear_end, .fail = hear_fail };

	int rc = stage(d, &d->old_policy, NULL, 1, &d->old);
	if (rc == CLI_OK)
		rc = stage(d, &d->new_policy, d->old, 2, &d->now);
	if (rc != CLI_OK)
		return rc;
	d->loop = baton_loop_new("rules");
	d->rack = baton_rack_new(d->loop, &events);
	rc = seat(d, d->old);
	if (rc == CLI_OK)
		rc = seat(d, d->now);
	if (rc != CLI_OK || d->asked == 0)
		return rc;
	(void)baton_loop_timer(d->loop, READY_MS, too_late, d);
	baton_loop_run(d->loop);
	if (d->late)
		fprintf(stderr, "baton: a module of one of the sets was not ready within %d s\n",
			READY_MS / 1000);
	return d->late ? CLI_FAILED : CLI_OK;
}

static void take_down(struct diffing *d)
{
	if (d->rack)
		baton_rack_free(&d->rack);
	if (d->loop)
		baton_loop_free(&d->loop);
	if (d->now)
		baton_release_unref(&d->now);
	if (d->old)
		baton_release_unref(&d->old);
	baton_policy_free(&d->new_policy);
	baton_policy_free(&d->old_policy);
	if (d->journal)
		baton_journal_close(&d->journal);
	baton_scratch_drop(d->run_dir);
}

/* --- journal and window ---------------------------------------------------------------------- */

static int open_journal(struct diffing *d)
{
	char path[PATH_BYTES], key[PATH_BYTES];
	struct baton_journal_options options = { .path = path, .key_path = key, .read_only = true };

	snprintf(path, sizeof(path), "%s/journal", d->options->data);
	snprintf(key, sizeof(key), "%s/master.key", d->options->data);
	int rc = baton_journal_open(&options, &d->journal);
	if (rc == 0)
		return CLI_OK;
	fprintf(stderr, "baton: the journal in %s cannot be read: %s\n", path,
		rc == BATON_E_NOTFOUND
			? "nothing was ever written to it; name its folder with --data"
			: baton_error_info(rc)->text);
	return CLI_FAILED;
}

static int find_window(struct diffing *d)
{
	const char *since = d->options->since ? d->options->since : "24h",
		   *until = d->options->until;
	uint64_t now = cli_unix_ms();

	d->until_ms = now;
	if (cli_report_when(since, now, &d->since_ms) &&
	    (!until || cli_report_when(until, now, &d->until_ms)) && d->since_ms <= d->until_ms)
		return CLI_OK;
	fprintf(stderr, "baton: --since=%s%s%s is no time; write 24h or 2026-11-20T08:00Z\n", since,
		until ? " --until=" : "", until ? until : "");
	return CLI_USAGE;
}

/* --- a module's file, or those of the candidate ----------------------------------------------- */

static int find_file(struct diffing *d)
{
	const struct cli_options *options = d->options;
	struct other_file *file = &d->files[d->n_files++];
	char path[PATH_BYTES] = "";

	if (!options->operand2) {
		fprintf(stderr,
			"baton module replay: which file of %s? Name it, or nothing for the "
			"candidate of the server\n",
			options->operand);
		return CLI_USAGE;
	}
	snprintf(file->module, sizeof(file->module), "%s", options->operand);
	if (!realpath(options->operand2, file->path)) {
		fprintf(stderr, "baton: %s: %s\n", options->operand2, strerror(errno));
		return CLI_FAILED;
	}
	int rc = cli_sets_serving(options, path, d->old_path);
	snprintf(d->new_path, sizeof(d->new_path), "%s", d->old_path);
	return rc;
}

/* Files of the candidate that decide anything; the server keeps them as it has read them. */
static void take_files(struct diffing *d, const struct baton_json *answer)
{
	struct baton_json all = baton_json_get(answer, "generations"), one;
	size_t at = 0;

	while (d->n_files < FILES_MAX && baton_json_element(&all, &at, &one)) {
		struct other_file *file = &d->files[d->n_files];

		if (!admin_is(&one, "state", "staged") && !admin_is(&one, "state", "canary"))
			continue;
		if (!admin_is(&one, "kind", "rule") && !admin_is(&one, "kind", "classifier"))
			continue;
		take_name(&one, file->module);
		take(&one, "copy", file->path);
		d->n_files += file->path[0] != '\0';
	}
}

/* Its policies are those on disk if they are not the ones that serve. */
static bool has_own_policies(const struct baton_json *answer)
{
	struct baton_json all = baton_json_get(answer, "releases"), one;
	char live[PATH_BYTES] = "", candidate[PATH_BYTES] = "";
	size_t at = 0;

	while (baton_json_element(&all, &at, &one)) {
		if (admin_is(&one, "state", "live"))
			take(&one, "policy_sha12", live);
		if (admin_is(&one, "state", "staged") || admin_is(&one, "state", "canary"))
			take(&one, "policy_sha12", candidate);
	}
	return strcmp(live, candidate) != 0;
}

static int find_candidate(struct diffing *d)
{
	struct baton_buf modules = { NULL, 0, 0 }, releases = { NULL, 0, 0 };
	struct baton_json object;
	char path[PATH_BYTES] = "";

	int rc = cli_sets_serving(d->options, path, d->old_path);
	if (rc == CLI_OK)
		rc = ask(d->options, "modules", &modules);
	if (rc == CLI_OK)
		rc = ask(d->options, "releases", &releases);
	if (rc == CLI_OK && baton_json_parse(baton_buf_view(&modules), &object) == 0) {
		take_files(d, &object);
		if (admin_number(&object, "candidate") == 0) {
			fprintf(stderr, "baton: the server has no candidate; name a module and a "
					"file, or use `baton rules diff` for policies\n");
			rc = CLI_FAILED;
		}
	}
	bool own = rc == CLI_OK && baton_json_parse(baton_buf_view(&releases), &object) == 0 &&
		   has_own_policies(&object);
	snprintf(d->new_path, sizeof(d->new_path), "%s", own ? path : d->old_path);
	baton_buf_done(&modules);
	baton_buf_done(&releases);
	return rc;
}

/* A file for a module that decides nothing would change nothing, silently. */
static int check_files(const struct diffing *d)
{
	for (size_t i = 0; i < d->n_files; i++) {
		bool found = false;

		for (size_t k = 0; k < d->new_policy->n_modules; k++)
			found = found ||
				strcmp(d->new_policy->modules[k].name, d->files[i].module) == 0;
		if (found)
			continue;
		fprintf(stderr,
			"baton: %s is no rule and no classifier of this set: it decides nothing "
			"that could be replayed\n",
			d->files[i].module);
		return CLI_FAILED;
	}
	return CLI_OK;
}

/* --- what came of it ------------------------------------------------------------------------- */

struct naming {
	struct baton_buf *out;
	const char *lead;
	bool json;
};

static void name_file(void *ud, const char *file, enum baton_policy_change what)
{
	static const char *const marks[] = { "added ", "", "removed " };
	struct naming *naming = ud;

	baton_buf_z(naming->out, naming->lead);
	if (naming->json)
		baton_buf_json(naming->out, baton_str_of(file));
	else
		baton_buf_printf(naming->out, "%s%s", marks[what], file);
	naming->lead = naming->json ? "," : ", ";
}

static void show(const struct diffing *d, const struct baton_replay_sum *sum)
{
	const struct baton_policy *old = baton_release_policy(d->old);
	const struct baton_policy *now = baton_release_policy(d->now);
	struct baton_buf out = { NULL, 0, 0 };
	struct naming naming = { &out, d->options->json ? "" : ": ", d->options->json };

	if (d->options->json) {
		baton_buf_z(&out, "{\"old\":");
		baton_buf_json(&out, baton_str_of(d->old_path));
		baton_buf_z(&out, ",\"new\":");
		baton_buf_json(&out, baton_str_of(d->new_path));
		baton_buf_z(&out, ",\"files_changed\":[");
		(void)baton_policy_changed(old, now, name_file, &naming);
		baton_buf_z(&out, "],\"diff\":");
		baton_replay_json(sum, &out);
		baton_buf_z(&out, "}\n");
	} else {
		size_t n = baton_policy_changed(old, now, NULL, NULL);

		for (size_t i = 0; i < d->n_files; i++)
			baton_buf_printf(&out, "%s: %s\n", d->files[i].module, d->files[i].path);
		baton_buf_printf(&out, "%s: %zu file%s changed", d->new_path, n, n == 1 ? "" : "s");
		(void)baton_policy_changed(old, now, name_file, &naming);
		baton_buf_z(&out, "\n");
		baton_replay_text(sum, &out);
	}
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
}

static int compare(struct diffing *d)
{
	struct baton_replay_options options = { .journal = d->journal,
						.turns = BATON_REPLAY_TURNS_MAX,
						.since_ms = d->since_ms,
						.until_ms = d->until_ms,
						.time_ms = TIME_MS,
						.rack = d->rack,
						.old = d->old,
						.now = d->now };
	struct baton_replay_sum sum;

	int rc = baton_replay_run(&options, &sum);
	if (rc < 0) {
		fprintf(stderr, "baton: %s: %s\n",
			rc == BATON_E_MODULE ? "the rules of a set cannot answer"
					     : "the journal cannot be read",
			baton_error_info(rc)->text);
		return CLI_FAILED;
	}
	show(d, &sum);
	rc = sum.changed > 0 ? CLI_DIFFERS : CLI_OK;
	baton_replay_sum_done(&sum);
	return rc;
}

/* Both sides, from what was found until what came of it. */
static int decide_again(struct diffing *d)
{
	int rc = open_journal(d);

	if (rc == CLI_OK)
		rc = load_set(d->old_path, &d->old_policy);
	if (rc == CLI_OK)
		rc = load_set(d->new_path, &d->new_policy);
	if (rc == CLI_OK)
		rc = check_files(d);
	if (rc == CLI_OK)
		rc = cli_run_dir(d->options->data, d->run_dir);
	if (rc == CLI_OK)
		rc = bring_up(d);
	if (rc == CLI_OK)
		rc = compare(d);
	return rc;
}

int cli_rules(const struct cli_options *options)
{
	struct diffing d = { .options = options };

	cli_log_to_stderr("error");
	if (strcmp(options->operand, "diff") != 0) {
		fprintf(stderr, "baton rules: `%s` is not known; there is `diff`\n",
			options->operand);
		return CLI_USAGE;
	}
	int rc = find_window(&d);
	if (rc == CLI_OK)
		rc = cli_sets_find(options, d.old_path, d.new_path);
	if (rc == CLI_OK)
		rc = decide_again(&d);
	take_down(&d);
	return rc;
}

int cli_module_replay(const struct cli_options *options)
{
	struct diffing d = { .options = options };

	cli_log_to_stderr("error");
	int rc = find_window(&d);
	if (rc == CLI_OK)
		rc = options->operand ? find_file(&d) : find_candidate(&d);
	if (rc == CLI_OK)
		rc = decide_again(&d);
	take_down(&d);
	return rc;
}
