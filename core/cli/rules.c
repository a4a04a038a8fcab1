/* SPDX-License-Identifier: Apache-2.0 */

/* baton rules diff: what a changed set would have done with the decisions in the journal, beside
 * the set that serves. Nothing of the server is touched: the journal is read-only, and the rules
 * and classifiers of both sets are loaded here, in this process.
 *
 * The files of the set that serves may have been changed already; then the running server is asked
 * for a copy of what it has read. */

#include "core/cli/admin.h"

#include "core/base/errors.h"
#include "core/cli/report.h"
#include "core/loop/loop.h"
#include "core/swap/ask.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READY_MS = 60000, TIME_MS = 30000, PATH_BYTES = 4096 };

struct diffing {
	const struct cli_options *options;
	char old_path[PATH_BYTES], new_path[PATH_BYTES];
	char run_dir[PATH_BYTES];
	struct baton_policy *old_policy, *new_policy;
	struct baton_release *old, *now;
	struct baton_journal *journal;
	struct baton_loop *loop;
	struct baton_rack *rack;
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

/* Where the server read its set, and where a copy of what it read is. */
static int ask_server(const struct cli_options *options, char path[PATH_BYTES],
		      char copy[PATH_BYTES])
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct cli_options quiet = *options;
	struct baton_json object;

	quiet.json = false; /* this is not the answer that scripts wait for */
	admin_begin(&request, "policies");
	baton_buf_z(&request, "}");
	int rc = cli_control_ask(&quiet, &request, &answer);
	if (rc == CLI_UNREACHABLE)
		fprintf(stderr, "baton: or say which set to compare with: --against DIR\n");
	if (rc == CLI_OK && baton_json_parse(baton_buf_view(&answer), &object) == 0) {
		take(&object, "path", path);
		take(&object, "copy", copy);
	}
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}

static int find_sets(struct diffing *d)
{
	const struct cli_options *options = d->options;
	bool named = options->policies != cli_default_policies();
	char path[PATH_BYTES] = "";

	if (options->against) {
		snprintf(d->old_path, sizeof(d->old_path), "%s", options->against);
		snprintf(d->new_path, sizeof(d->new_path), "%s", options->policies);
		return CLI_OK;
	}
	int rc = ask_server(options, path, d->old_path);
	if (rc != CLI_OK)
		return rc;
	snprintf(d->new_path, sizeof(d->new_path), "%s", named ? options->policies : path);
	return CLI_OK;
}

static void report(void *ud, const struct baton_policy_finding *finding)
{
	struct baton_buf line = { NULL, 0, 0 };

	(void)ud;
	if (!finding->is_error)
		return;
	baton_policy_finding_text(finding, &line);
	cli_write(STDERR_FILENO, baton_buf_view(&line));
	baton_buf_done(&line);
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
	if (baton_policy_load(path, report, NULL, ret) == 0) {
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
	struct baton_stage_options options = { .modules_dir = d->options->modules,
					       .run_dir = d->run_dir };
	char why[512];

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

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
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
	if (d->run_dir[0])
		(void)nftw(d->run_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
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

/* Beside the journal, where files may be mapped to be run; elsewhere if we may not write there. */
static int make_run_dir(struct diffing *d)
{
	snprintf(d->run_dir, sizeof(d->run_dir), "%s/run/rules-XXXXXX", d->options->data);
	if (mkdtemp(d->run_dir))
		return CLI_OK;
	snprintf(d->run_dir, sizeof(d->run_dir), "/tmp/baton-rules-XXXXXX");
	if (mkdtemp(d->run_dir))
		return CLI_OK;
	d->run_dir[0] = '\0';
	fprintf(stderr, "baton: cannot make a folder for copies of modules in %s/run or /tmp\n",
		d->options->data);
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
		fprintf(stderr, "baton: the journal cannot be read: %s\n",
			baton_error_info(rc)->text);
		return CLI_FAILED;
	}
	show(d, &sum);
	rc = sum.changed > 0 ? CLI_DIFFERS : CLI_OK;
	baton_replay_sum_done(&sum);
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
		rc = find_sets(&d);
	if (rc == CLI_OK)
		rc = open_journal(&d);
	if (rc == CLI_OK)
		rc = load_set(d.old_path, &d.old_policy);
	if (rc == CLI_OK)
		rc = load_set(d.new_path, &d.new_policy);
	if (rc == CLI_OK)
		rc = make_run_dir(&d);
	if (rc == CLI_OK)
		rc = bring_up(&d);
	if (rc == CLI_OK)
		rc = compare(&d);
	take_down(&d);
	return rc;
}
