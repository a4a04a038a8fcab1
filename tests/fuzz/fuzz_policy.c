/* SPDX-License-Identifier: Apache-2.0 */

/* A policy set with one file of any content: it loads or is refused with findings that point into
 * the file; nothing hangs, nothing leaks. The first byte picks the file that is replaced in a
 * copy of the small set beside this file (policy_set). */

#include "core/policy/expr.h"
#include "core/policy/mode_facts.h"
#include "core/policy/policy.h"
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>
#include <unistd.h>

/* In the order of the first byte; seeds rely on it. */
static const char *const files[] = {
	"modules.yaml", "targets.yaml", "routes.yaml",    "classes.yaml",   "escalation.yaml",
	"desk.yaml",    "channel.yaml", "intents/a.yaml", "knowledge/a.md", "prompts/p.md",
	"modes.yaml",   "budgets.yaml", "alerts.yaml",    "drills/a.yaml",
};
static const char *const folders[] = { "", "/intents", "/knowledge", "/prompts", "/drills" };
enum {
	FILES_N = sizeof(files) / sizeof(files[0]),
	FOLDERS_N = sizeof(folders) / sizeof(folders[0])
};

static char dir[64];
static char sound[FILES_N][2048];
static size_t sound_n[FILES_N];

static void write_file(size_t i, const void *p, size_t n)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
	FILE *f = fopen(path, "wb");

	FUZZ_CHECK(f != NULL);
	FUZZ_CHECK(fwrite(p, 1, n, f) == n);
	(void)fclose(f);
}

static void clean_up(void)
{
	char path[256];

	for (size_t i = 0; i < FILES_N; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	for (size_t i = FOLDERS_N; i > 0; i--) {
		(void)snprintf(path, sizeof(path), "%s%s", dir, folders[i - 1]);
		(void)rmdir(path);
	}
}

static void set_up(void)
{
	char path[256];

	(void)snprintf(dir, sizeof(dir), "%s/baton-fuzz-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_CHECK(mkdtemp(dir) != NULL);
	(void)atexit(clean_up);
	for (size_t i = 1; i < FOLDERS_N; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", dir, folders[i]);
		FUZZ_CHECK(mkdir(path, 0700) == 0);
	}
	for (size_t i = 0; i < FILES_N; i++) {
		(void)snprintf(path, sizeof(path), "tests/fuzz/policy_set/%s", files[i]);
		FILE *f = fopen(path, "rb");
		FUZZ_CHECK(f != NULL); /* run it from the root of the tree */
		sound_n[i] = fread(sound[i], 1, sizeof(sound[i]), f);
		(void)fclose(f);
		write_file(i, sound[i], sound_n[i]);
	}
}

static void on_finding(void *ud, const struct baton_policy_finding *finding)
{
	size_t *errors = ud;

	FUZZ_CHECK(finding->text != NULL && finding->text[0]);
	FUZZ_CHECK(finding->file != NULL);
	*errors += finding->is_error;
}

/* What everybody relies on who is handed a set: conditions are there, ways lead somewhere. */
static void check_compiled(const struct baton_policy *policy)
{
	const struct baton_mode_facts quiet = { 0 };

	FUZZ_CHECK(baton_policy_route(policy, BATON_STR("no such intent")) != NULL);
	for (size_t i = 0; i < policy->n_modes; i++) {
		const struct baton_mode_def *mode = &policy->modes[i];

		FUZZ_CHECK(mode->max_duration_ms > 0 && mode->say[0] && mode->trigger[0]);
		FUZZ_CHECK((mode->enter_when[0] != 0) == (mode->enter_test != NULL));
		FUZZ_CHECK(mode->at_expiry != BATON_EXPIRY_NEXT || mode->next);
		FUZZ_CHECK(mode->what != BATON_MODE_SUBSTITUTE || mode->use);
		if (mode->enter_test)
			(void)baton_expr_test_on(mode->enter_test, &quiet);
	}
	for (size_t i = 0; i < policy->n_routes; i++) {
		const struct baton_route *route = &policy->routes[i];

		FUZZ_CHECK(route->class_ && route->queue &&
			   route->n_switches <= BATON_ROUTE_SWITCHES_MAX);
		FUZZ_CHECK(route->class_->on_failure != BATON_ON_FAILURE_PAUSE ||
			   route->class_->mode);
		for (size_t j = 0; j < route->n_switches; j++)
			FUZZ_CHECK(route->switches[j].test && route->switches[j].reason);
	}
	for (size_t i = 0; i < policy->n_drills; i++)
		for (size_t j = 0; j < policy->drills[i].n_faults; j++)
			FUZZ_CHECK(policy->drills[i].faults[j].fault.type != BATON_FAULT_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct baton_policy *policy = NULL;
	size_t errors = 0;

	if (dir[0] == '\0')
		set_up();
	size_t i = fuzz_byte(&data, &n) % FILES_N;
	write_file(i, data, n);
	int rc = baton_policy_load(dir, on_finding, &errors, &policy);
	FUZZ_CHECK((rc == 0) == (errors == 0));
	FUZZ_CHECK((rc == 0) == (policy != NULL));
	if (policy)
		check_compiled(policy);
	baton_policy_free(&policy);
	write_file(i, sound[i], sound_n[i]);
	return 0;
}
