/* SPDX-License-Identifier: Apache-2.0 */

/* What a process has only one of: a change is seen, named and put back; what others do meanwhile is
 * not blamed on a module. */
#include "tests/unit/module_rig.h"

#include "core/module/surroundings.h"

#include <locale.h>
#include <signal.h>

static void handler(int number)
{
	(void)number;
}

static void (*handler_of(int number))(int)
{
	struct sigaction now;
	assert_int_equal(sigaction(number, NULL, &now), 0);
	return now.sa_handler;
}

static void nothing_changed_is_nothing_told(void **state)
{
	struct baton_surroundings s;
	struct baton_buf changed = { 0 };
	(void)state;
	baton_surroundings_take(BATON_SURROUND_ALL, &s);
	assert_int_equal(baton_surroundings_settle(&s, &changed), 0);
	assert_int_equal(changed.n, 0);
	baton_surroundings_done(&s); /* after it is fine */
	baton_buf_done(&changed);
}

static void every_change_is_named_and_put_back(void **state)
{
	struct rig *rig = *state;
	struct baton_surroundings s;
	struct baton_buf changed = { 0 };
	struct stat before, after;
	mode_t mask = umask(022);
	(void)umask(mask);
	assert_int_equal(stat(".", &before), 0);
	baton_surroundings_take(BATON_SURROUND_ALL, &s);

	assert_true(signal(SIGUSR1, handler) != SIG_ERR);
	assert_true(signal(SIGRTMIN + 3, handler) != SIG_ERR);
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	assert_int_equal(chdir(rig->dir), 0);
	(void)umask(0444);
	assert_int_equal(setenv("BATON_TEST_SURROUNDINGS", "1", 1), 0);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);

	unsigned bits = baton_surroundings_settle(&s, &changed);
	assert_int_equal(bits, BATON_SURROUND_ALL & ~BATON_SURROUND_THREADS);
	assert_string_equal(changed.p,
			    "handler of SIGUSR1, handler of SIGRT, locale, working directory, file "
			    "mode mask, environment, 1 more open descriptors");
	assert_true(handler_of(SIGUSR1) == SIG_DFL);
	assert_true(handler_of(SIGRTMIN + 3) == SIG_DFL);
	assert_string_equal(setlocale(LC_ALL, NULL), "C");
	assert_int_equal(stat(".", &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	assert_int_equal(umask(mask), mask);
	assert_int_equal(unsetenv("BATON_TEST_SURROUNDINGS"), 0);
	(void)close(fd);
	baton_buf_done(&changed);
}

static void what_was_not_taken_is_not_touched(void **state)
{
	struct baton_surroundings s;
	struct baton_surroundings never = { .what = 0 };
	struct baton_buf changed = { 0 };
	(void)state;
	baton_surroundings_take(BATON_SURROUND_LOCALE, &s);
	assert_true(signal(SIGUSR1, handler) != SIG_ERR);
	assert_int_equal(baton_surroundings_settle(&s, &changed), 0);
	assert_true(handler_of(SIGUSR1) == handler);
	assert_true(signal(SIGUSR1, SIG_DFL) == handler);
	assert_int_equal(baton_surroundings_settle(&never, &changed), 0);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* 0 was not its descriptor */
	baton_buf_done(&changed);
}

/* In the server: made in create(), seen when the generation ends, and gone before its code is. */
static void a_handler_that_a_module_leaves_is_gone_with_it(void **state)
{
	struct rig *rig = *state;
	rig_install(rig, "tests/modules/moody.so", "moody.so");
	(void)rig_module(rig, "moody", "provider", "moody.so", "{\"mood\":\"leaves_handler\"}");
	assert_int_equal(rig_stage(rig), 0);
	assert_int_equal(rig_rack(rig), 0);
	assert_true(handler_of(SIGUSR2) != SIG_DFL);
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
	assert_true(handler_of(SIGUSR2) == SIG_DFL);
	assert_true(rig_logged(rig, "\"rule\":\"surroundings\",\"detail\":\"handler of SIGUSR2\""));
}

static void a_directory_that_a_module_changes_is_gone_back_from(void **state)
{
	struct rig *rig = *state;
	struct stat before, after;
	assert_int_equal(stat(".", &before), 0);
	rig_install(rig, "tests/modules/moody.so", "moody.so");
	(void)rig_module(rig, "moody", "provider", "moody.so", "{\"mood\":\"leaves_directory\"}");
	assert_int_equal(rig_stage(rig), 0);
	assert_int_equal(rig_rack(rig), 0);
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
	assert_int_equal(stat(".", &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	assert_true(rig_logged(rig, "\"detail\":\"working directory\""));
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_changed_is_nothing_told),
		T(every_change_is_named_and_put_back),
		T(what_was_not_taken_is_not_touched),
		T(a_handler_that_a_module_leaves_is_gone_with_it),
		T(a_directory_that_a_module_changes_is_gone_back_from),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
