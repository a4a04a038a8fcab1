/* SPDX-License-Identifier: Apache-2.0 */

/* The probe: whatever a module does to its process, it does to the child's, and the line says what
 * and where. The server that asked goes on, with no child and no descriptor left. */
#include "tests/unit/module_rig.h"

#include "core/module/probe.h"

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

static unsigned files_in(const char *path)
{
	unsigned n = 0;
	DIR *dir = opendir(path);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		n += e->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return n;
}

static int probe(struct rig *rig, const char *so, const char *kind, const char *config,
		 struct baton_probe_result *result)
{
	char path[512], modhost[512];
	rig_path(path, sizeof(path), rig->base, so);
	rig_path(modhost, sizeof(modhost), rig->base, "baton-modhost");
	struct baton_probe_options options = { .modhost = modhost,
					       .path = path,
					       .name = "it",
					       .kind = kind,
					       .config_json = config,
					       .limit_ms = strstr(config, "hang") ? 200 : 10000,
					       .ready_ms = strstr(config, "hang") ? 300 : 10000,
					       .ret_result = result };
	memset(rig->why, 0, sizeof(rig->why));
	return baton_probe_run(&options, rig->why, sizeof(rig->why));
}

static int moody(struct rig *rig, const char *kind, const char *mood,
		 struct baton_probe_result *result)
{
	char config[128];
	(void)snprintf(config, sizeof(config), "{\"mood\":\"%s\"}", mood);
	return probe(rig, "tests/modules/moody.so", kind, config, result);
}

static void a_good_module_passes_and_says_what_it_kept(void **state)
{
	struct rig *rig = *state;
	struct baton_probe_result result;
	unsigned fds = files_in("/proc/self/fd");
	assert_int_equal(probe(rig, "tests/modules/good.so", "provider", "{}", &result), 0);
	assert_int_equal(result.state_bytes, 0);
	assert_int_equal(moody(rig, "provider", "fine", &result), 0);
	assert_int_equal(result.state_bytes, 5000);
	assert_string_equal(result.changed, "");
	assert_int_equal(result.leftovers, 0);
	assert_true(result.us > 0);
	assert_int_equal(moody(rig, "classifier", "check_by_job", NULL), 0);
	assert_int_equal(moody(rig, "rule", "check_by_timer", NULL), 0);
	assert_int_equal(moody(rig, "rule", "check_by_post", NULL), 0);
	assert_int_equal(files_in("/proc/self/fd"), fds);
}

static void what_learns_in_a_job_may_take_longer_than_a_function(void **state)
{
	struct rig *rig = *state;
	char path[512], modhost[512];
	rig_path(path, sizeof(path), rig->base, "tests/modules/moody.so");
	rig_path(modhost, sizeof(modhost), rig->base, "baton-modhost");
	struct baton_probe_options options = { .modhost = modhost,
					       .path = path,
					       .name = "it",
					       .kind = "provider",
					       .config_json = "{\"mood\":\"job_slow\"}",
					       .limit_ms = 500,
					       .ready_ms = 10000 };
	if (baton_probe_run(&options, rig->why, sizeof(rig->why)) != 0)
		fail_msg("%s", rig->why);
	options.ready_ms = 100;
	assert_int_equal(baton_probe_run(&options, rig->why, sizeof(rig->why)), BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "`health` in releases.yaml is how long it may take"));
}

static void what_only_happens_later_is_not_the_probes_business(void **state)
{
	assert_int_equal(moody(*state, "provider", "activate_crash", NULL), 0);
	assert_int_equal(moody(*state, "provider", "start_crash", NULL), 0);
}

static void every_mood_is_refused_with_its_step(void **state)
{
	static const struct {
		const char *mood, *reason;
	} rows[] = {
		{ "create_crash", "expected create to return, found SIGSEGV at offset 0x" },
		{ "create_abort",
		  "create to return, found SIGABRT in what it called before offset 0x" },
		{ "create_library_crash",
		  "create to return, found SIGSEGV in what it called before" },
		{ "create_hang", "expected create to end within 200 ms, found it still busy" },
		{ "create_exit",
		  "create to return, found that it ended the process (exit code 7)" },
		{ "create_fails", "it: create: expected 0, found -4 (out of memory)" },
		{ "opens_socket", "it: create: expected 0, found -8" },
		{ "starts_process", "it: create: expected 0, found -8" },
		{ "check_crash", "expected check(level 0) to return, found SIGSEGV at offset 0x" },
		{ "check_hang", "expected check(level 0) to end within 200 ms" },
		{ "check_never", "it: check(level 0): expected end() or fail()" },
		{ "check_fails", "it is not well: the dictionary is empty" },
		{ "job_crash",
		  "expected a job or callback of check(level 0) to return, found SIGSEGV at offset" },
		{ "job_hang",
		  "expected a job or callback of check(level 0) to end within 300 ms, found it" },
		{ "says_nonsense",
		  "it: models: expected a JSON list or object, found \"[\"a\",\"" },
		{ "says_nothing", "it: models: expected a JSON list or object, found \"\"" },
		{ "save_fails", "it: state save: expected 0, found -11" },
		{ "load_fails", "it: state load: expected that it reads what it has saved" },
		{ "state_lossy", "expected the same bytes after save, load and save, found 5000" },
		{ "quiesce_crash", "expected quiesce to return, found SIGSEGV" },
		{ "destroy_crash", "expected destroy to return, found SIGSEGV" },
		{ "unload_crash", "expected unload to return, found SIGSEGV" },
	};
	struct rig *rig = *state;
	unsigned fds = files_in("/proc/self/fd");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(moody(rig, "provider", rows[i].mood, NULL), BATON_E_MODULE);
		if (!strstr(rig->why, rows[i].reason))
			fail_msg("%s: expected \"%s\" in \"%s\"", rows[i].mood, rows[i].reason,
				 rig->why);
		assert_null(strchr(rig->why, '\n'));
	}
	assert_int_equal(files_in("/proc/self/fd"), fds);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void a_module_that_crashes_while_it_is_mapped_takes_nobody_with_it(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(probe(rig, "tests/modules/born_dead.so", "provider", "{}", NULL),
			 BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "expected its constructors to return, found SIGSEGV"));
}

static void what_is_left_behind_is_told(void **state)
{
	static const struct {
		const char *mood, *changed;
	} rows[] = {
		{ "leaves_handler", "handler of SIGUSR2" },
		{ "leaves_fd", "2 more open descriptors" }, /* of two instances */
		{ "leaves_directory", "working directory" },
		{ "leaves_mask", "file mode mask" },
	};
	struct rig *rig = *state;
	struct baton_probe_result result;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(moody(rig, "provider", rows[i].mood, &result), 0);
		assert_string_equal(result.changed, rows[i].changed);
	}
	assert_int_equal(moody(rig, "provider", "leaves_timer", &result), 0);
	assert_int_equal(result.leftovers, 2);
}

static void a_configuration_is_held_against_the_schema_before_create(void **state)
{
	struct rig *rig = *state;
	const char *so = "tests/modules/with_schema.so";
	assert_int_equal(probe(rig, so, "provider", "{\"limit\":3}", NULL), 0);
	assert_int_equal(probe(rig, so, "provider", "{\"limit\":0}", NULL), BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "it: config.limit: expected minimum 1, found 0"));
	assert_int_equal(probe(rig, "tests/modules/wrong_magic.so", "provider", "{}", NULL),
			 BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "magic: expected 0x314e5442, found 0x0"));
	assert_int_equal(probe(rig, "tests/modules/bad_load.so", "provider", "{}", NULL),
			 BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "load: expected 0, found -11"));
}

static void a_large_configuration_reaches_the_module(void **state)
{
	struct baton_buf config = { 0 };
	baton_buf_z(&config, "{\"text\":\"");
	for (int i = 0; i < 40000; i++)
		baton_buf_z(&config, "0123456789");
	baton_buf_z(&config, "\",\"mood\":\"create_fails\"}");
	assert_int_equal(probe(*state, "tests/modules/moody.so", "provider", config.p, NULL),
			 BATON_E_MODULE);
	baton_buf_done(&config);
}

static void a_missing_program_is_our_fault_not_the_modules(void **state)
{
	struct rig *rig = *state;
	struct baton_probe_options options = {
		.modhost = "/nowhere/baton-modhost", .path = "x", .name = "it", .kind = "provider"
	};
	assert_int_equal(baton_probe_run(&options, rig->why, sizeof(rig->why)), BATON_E_IO);
	assert_non_null(strstr(rig->why, "cannot run /nowhere/baton-modhost"));
}

static void the_modules_that_are_shipped_pass(void **state)
{
	static const struct {
		const char *so, *kind, *config;
	} rows[] = {
		{ "modules/rule-policy.so", "rule", "{\"policy\":{\"rules\":[]}}" },
		{ "example/provider-echo.so", "provider", "{}" },
	};
	struct rig *rig = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (probe(rig, rows[i].so, rows[i].kind, rows[i].config, NULL) != 0)
			fail_msg("%s: %s", rows[i].so, rig->why);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_good_module_passes_and_says_what_it_kept),
		T(what_learns_in_a_job_may_take_longer_than_a_function),
		T(what_only_happens_later_is_not_the_probes_business),
		T(every_mood_is_refused_with_its_step),
		T(a_module_that_crashes_while_it_is_mapped_takes_nobody_with_it),
		T(what_is_left_behind_is_told),
		T(a_configuration_is_held_against_the_schema_before_create),
		T(a_large_configuration_reaches_the_module),
		T(a_missing_program_is_our_fault_not_the_modules),
		T(the_modules_that_are_shipped_pass),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
