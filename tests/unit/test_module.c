/* SPDX-License-Identifier: Apache-2.0 */

/* The loader: what is refused and why, that a refusal leaves nothing behind, and what a release
 * holds. */
#include "tests/unit/module_rig.h"

#include <dirent.h>
#include <limits.h>
#include <sys/file.h>

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

static unsigned copies(struct rig *rig)
{
	char path[256];
	rig_path(path, sizeof(path), rig->run, "modules");
	return files_in(path);
}

static bool mapped(const char *name)
{
	struct baton_buf maps = { 0 };
	rig_read("/proc/self/maps", &maps);
	bool found = strstr(maps.p, name) != NULL;
	baton_buf_done(&maps);
	return found;
}

/* Stages one fixture and expects one line that has `reason`. */
static void refused(struct rig *rig, const char *so, const char *kind, const char *reason)
{
	char from[128];
	rig_path(from, sizeof(from), "tests/modules", so);
	rig_install(rig, from, so);
	(void)rig_module(rig, "it", kind, so, "{}");
	assert_int_equal(rig_stage(rig), BATON_E_MODULE);
	if (!strstr(rig->why, reason))
		fail_msg("expected \"%s\" in \"%s\"", reason, rig->why);
	assert_ptr_equal(strstr(rig->why, so), rig->why);
	assert_null(strchr(rig->why, '\n'));
	assert_null(rig->release);
	assert_int_equal(copies(rig), 0);
	assert_false(mapped(rig->run));
	baton_policy_free(&rig->policy);
}

static void every_odd_module_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *so, *kind, *reason;
	} rows[] = {
		{ "other_major.so", "provider", "built for ABI 2, this server speaks 1" },
		{ "newer_minor.so", "provider", "needs 1.999" },
		{ "no_note.so", "provider", "expected a .note.baton note, found none" },
		{ "two_exports.so", "provider",
		  "expected only baton_module_entry, found baton_log_level" },
		{ "exec_stack.so", "provider", "executable stack" },
		{ "static_tls.so", "provider", "static TLS" },
		{ "forbidden.so", "provider", "may not call system()" },
		{ "wrong_id.so", "provider", "expected the note's id fixture" },
		{ "wrong_magic.so", "provider", "magic: expected" },
		{ "odd_schema.so", "provider", "unknown keyword at config.url: \"pattern\"" },
		{ "bad_load.so", "provider", "load: expected 0, found -11" },
		{ "no_inline.so", "provider", "refuses to run in the server's process" },
		{ "good.so", "classifier", "wrong kind: expected classifier, found provider" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(*state, rows[i].so, rows[i].kind, rows[i].reason);
}

static void no_code_of_a_refused_module_runs(void **state)
{
	struct rig *rig = *state;
	char here[PATH_MAX];
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(rig->dir), 0);
	refused(rig, "other_major.so", "provider", "wrong ABI");
	assert_int_equal(access("constructor-ran", F_OK), -1);
	assert_int_equal(chdir(here), 0);
}

static void files_that_others_can_write_are_refused(void **state)
{
	struct rig *rig = *state;
	char path[256];
	rig_install(rig, "tests/modules/good.so", "good.so");
	rig_path(path, sizeof(path), rig->modules, "good.so");
	(void)rig_module(rig, "it", "provider", "good.so", "{}");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(rig_stage(rig), BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "write access, found mode 0666"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(rig->modules, 0775), 0);
	assert_int_equal(rig_stage(rig), BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "write access, found mode 0775"));
	assert_int_equal(chmod(rig->modules, 0755), 0);
	assert_int_equal(rig_stage(rig), 0);
}

static void links_paths_and_pipes_are_refused(void **state)
{
	struct rig *rig = *state;
	static const char *const names[] = { "link.so", "../modules/good.so", ".hidden.so",
					     "pipe.so", "missing.so",         "dir.so",
					     "empty.so" };
	char path[256], target[256];
	rig_install(rig, "tests/modules/good.so", "good.so");
	rig_path(target, sizeof(target), rig->modules, "good.so");
	rig_path(path, sizeof(path), rig->modules, "link.so");
	assert_int_equal(symlink(target, path), 0);
	rig_path(path, sizeof(path), rig->modules, "pipe.so");
	assert_int_equal(mkfifo(path, 0600), 0);
	rig_path(path, sizeof(path), rig->modules, "dir.so");
	assert_int_equal(mkdir(path, 0755), 0);
	rig_path(path, sizeof(path), rig->modules, "empty.so");
	rig_write(path, BATON_STR_NONE);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)rig_module(rig, "it", "provider", names[i], "{}");
		assert_true(rig_stage(rig) < 0);
		assert_true(rig->why[0] != 0);
		baton_policy_free(&rig->policy);
	}
}

static void one_bad_module_refuses_the_whole_release(void **state)
{
	struct rig *rig = *state;
	rig_install(rig, "tests/modules/good.so", "good.so");
	rig_install(rig, "tests/modules/forbidden.so", "forbidden.so");
	(void)rig_module(rig, "one", "provider", "good.so", "{}");
	(void)rig_module(rig, "two", "provider", "forbidden.so", "{}");
	assert_int_equal(rig_stage(rig), BATON_E_MODULE);
	assert_int_equal(copies(rig), 0);
	assert_false(mapped(rig->run));
	assert_non_null(rig->policy); /* still the caller's */
}

static void the_last_reference_unmaps_and_leaves_no_copy(void **state)
{
	struct rig *rig = *state;
	rig_install(rig, "tests/modules/good.so", "good.so");
	(void)rig_module(rig, "one", "provider", "good.so", "{}");
	(void)rig_module(rig, "two", "provider", "good.so", "{}");
	assert_int_equal(rig_stage(rig), 0);
	assert_int_equal(copies(rig), 2); /* one file, two generations: their data is apart */
	assert_true(mapped(rig->run));
	assert_int_equal(baton_release_number(rig->release), 7);
	struct baton_release *second = baton_release_ref(rig->release);
	baton_release_unref(&second);
	assert_null(second);
	assert_true(mapped(rig->run));
	baton_release_unref(&rig->release);
	assert_false(mapped(rig->run));
	assert_int_equal(copies(rig), 0);
}

static void a_module_that_leaves_handlers_behind_stays_mapped(void **state)
{
	struct rig *rig = *state;
	rig_install(rig, "tests/modules/resident.so", "resident.so");
	(void)rig_module(rig, "it", "provider", "resident.so", "{}");
	assert_int_equal(rig_stage(rig), 0);
	assert_true(rig_logged(rig, "\"resident\":\"signal\""));
	baton_release_unref(&rig->release);
	assert_true(mapped(rig->run));
	assert_int_equal(copies(rig), 0);
}

static void a_file_replaced_in_place_does_not_touch_what_runs(void **state)
{
	struct rig *rig = *state;
	char path[256];
	rig_install(rig, "tests/modules/good.so", "good.so");
	(void)rig_module(rig, "it", "provider", "good.so", "{}");
	assert_int_equal(rig_stage(rig), 0);
	rig_path(path, sizeof(path), rig->modules, "good.so");
	rig_write(path, BATON_STR("gone"));
	assert_int_equal(rig_rack(rig), 0);
	assert_int_equal(rig_generate(rig, 1, "it"), 0);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), "1 delta 0 ok\n1 end 0\n");
}

static void copies_of_dead_processes_are_swept_and_living_ones_kept(void **state)
{
	struct rig *rig = *state;
	char dir[256], dead[256], held[256];
	rig_path(dir, sizeof(dir), rig->run, "modules");
	assert_int_equal(mkdir(dir, 0700), 0);
	rig_path(dead, sizeof(dead), dir, "a-000000000000-1.so");
	rig_path(held, sizeof(held), dir, "a-000000000000-2.so");
	rig_write(dead, BATON_STR("x"));
	rig_write(held, BATON_STR("x"));
	int fd = open(held, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	rig_install(rig, "tests/modules/good.so", "good.so");
	(void)rig_module(rig, "it", "provider", "good.so", "{}");
	assert_int_equal(rig_stage(rig), 0);
	assert_int_equal(access(dead, F_OK), -1);
	assert_int_equal(access(held, F_OK), 0);
	assert_int_equal(copies(rig), 2);
	(void)close(fd);
}

static void the_configuration_is_checked_before_create(void **state)
{
	struct rig *rig = *state;
	static const struct {
		const char *config, *reason;
	} rows[] = {
		{ "{\"limit\":\"3\"}", "it: config.limit: expected integer, found string" },
		{ "{\"limit\":0}", "config.limit: expected minimum 1, found 0" },
		{ "{\"limt\":3}", "config: \"limt\" is not known" },
	};
	rig_install(rig, "tests/modules/with_schema.so", "m.so");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)rig_module(rig, "it", "provider", "m.so", rows[i].config);
		assert_int_equal(rig_stage(rig), BATON_E_MODULE);
		if (!strstr(rig->why, rows[i].reason))
			fail_msg("expected \"%s\" in \"%s\"", rows[i].reason, rig->why);
		baton_policy_free(&rig->policy);
	}
	(void)rig_module(rig, "it", "provider", "m.so", "{\"limit\":3,\"policy\":{\"x\":1}}");
	assert_int_equal(rig_stage(rig), 0);
}

static void a_missing_secret_is_told_and_a_readable_one_refused(void **state)
{
	struct rig *rig = *state;
	char path[256];
	rig->secret[0] = "KEY";
	rig_install(rig, "tests/modules/good.so", "good.so");
	(void)rig_module(rig, "it", "provider", "good.so", "{}");
	assert_int_equal(rig_stage(rig), 0);
	assert_true(rig_logged(rig, "\"event\":\"secret_missing\""));
	baton_release_unref(&rig->release);
	rig_path(path, sizeof(path), rig->secrets, "KEY");
	rig_write(path, BATON_STR("sk-very-secret\n"));
	assert_int_equal(chmod(path, 0644), 0);
	(void)rig_module(rig, "it", "provider", "good.so", "{}");
	assert_int_equal(rig_stage(rig), BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "only we can read"));
	assert_null(strstr(rig->why, "sk-very"));
}

static void inspect_says_what_a_file_is_without_running_it(void **state)
{
	struct rig *rig = *state;
	struct baton_buf out = { 0 };
	char path[512];
	rig_path(path, sizeof(path), rig->base, "example/provider-echo.so");
	assert_int_equal(baton_module_inspect(path, &out, rig->why, sizeof(rig->why)), 0);
	json_t *json = json_loads(out.p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "id")), "provider-echo");
	assert_string_equal(json_string_value(json_object_get(json, "kinds")), "provider");
	assert_int_equal(json_string_length(json_object_get(json, "sha256")), 64);
	assert_true(json_is_null(json_object_get(json, "resident")));
	json_decref(json);
	baton_buf_done(&out);
	rig_path(path, sizeof(path), rig->base, "tests/modules/other_major.so");
	assert_int_equal(baton_module_inspect(path, &out, rig->why, sizeof(rig->why)),
			 BATON_E_MODULE);
	assert_non_null(strstr(rig->why, "wrong ABI"));
	assert_int_equal(baton_module_inspect("/nowhere", &out, rig->why, sizeof(rig->why)),
			 BATON_E_IO);
}

static void fifty_generations_come_and_go_without_a_trace(void **state)
{
	struct rig *rig = *state;
	unsigned fds = files_in("/proc/self/fd");
	rig_install(rig, "tests/modules/good.so", "good.so");
	for (int i = 0; i < 50; i++) {
		(void)rig_module(rig, "it", "provider", "good.so", "{}");
		assert_int_equal(rig_stage(rig), 0);
		baton_release_unref(&rig->release);
	}
	assert_int_equal(files_in("/proc/self/fd"), fds);
	assert_int_equal(copies(rig), 0);
	assert_false(mapped(rig->run));
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_odd_module_is_refused_with_its_reason),
		T(no_code_of_a_refused_module_runs),
		T(files_that_others_can_write_are_refused),
		T(links_paths_and_pipes_are_refused),
		T(one_bad_module_refuses_the_whole_release),
		T(the_last_reference_unmaps_and_leaves_no_copy),
		T(a_module_that_leaves_handlers_behind_stays_mapped),
		T(a_file_replaced_in_place_does_not_touch_what_runs),
		T(copies_of_dead_processes_are_swept_and_living_ones_kept),
		T(the_configuration_is_checked_before_create),
		T(a_missing_secret_is_told_and_a_readable_one_refused),
		T(inspect_says_what_a_file_is_without_running_it),
		T(fifty_generations_come_and_go_without_a_trace),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
