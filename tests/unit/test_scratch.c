/* SPDX-License-Identifier: Apache-2.0 */

/* core/module/scratch.h: folders for what is thrown away. */
#include "core/module/scratch.h"

#include "core/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char home[BATON_SCRATCH_BYTES];

static void touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void it_lies_where_TMPDIR_says_and_is_nobody_elses(void **state)
{
	char dir[BATON_SCRATCH_BYTES], other[BATON_SCRATCH_BYTES], begin[160];
	struct stat st;
	(void)state;

	assert_int_equal(setenv("TMPDIR", home, 1), 0);
	assert_int_equal(baton_scratch_make(dir, "one"), BATON_OK);
	assert_int_equal(baton_scratch_make(other, "one"), BATON_OK);
	(void)snprintf(begin, sizeof(begin), "%s/baton-one-", home);
	assert_int_equal(strncmp(dir, begin, strlen(begin)), 0);
	assert_string_not_equal(dir, other);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	baton_scratch_drop(dir);
	baton_scratch_drop(other);
	assert_int_equal(access(dir, F_OK), -1);
}

static void a_TMPDIR_that_is_no_place_is_passed_over(void **state)
{
	char dir[BATON_SCRATCH_BYTES], far[2 * BATON_SCRATCH_BYTES];
	const char *const none[] = { "", "build", far };
	(void)state;

	memset(far, 'x', sizeof(far) - 1);
	far[0] = '/';
	far[sizeof(far) - 1] = '\0';
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(setenv("TMPDIR", none[i], 1), 0);
		assert_int_equal(baton_scratch_make(dir, "two"), BATON_OK);
		assert_int_equal(strncmp(dir, "/tmp/baton-two-", 15), 0);
		baton_scratch_drop(dir);
	}
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(baton_scratch_make(dir, "two"), BATON_OK);
	assert_int_equal(strncmp(dir, "/tmp/baton-two-", 15), 0);
	baton_scratch_drop(dir);
}

/* Somebody set it on purpose: /tmp instead would hide a mistake. */
static void a_TMPDIR_that_is_not_there_is_an_error(void **state)
{
	char dir[BATON_SCRATCH_BYTES], gone[160];
	(void)state;

	(void)snprintf(gone, sizeof(gone), "%s/gone", home);
	assert_int_equal(setenv("TMPDIR", gone, 1), 0);
	assert_int_equal(baton_scratch_make(dir, "three"), BATON_E_IO);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(dir, "");
	baton_scratch_drop(dir);
}

static void all_below_it_goes_and_nothing_that_it_points_to(void **state)
{
	char dir[BATON_SCRATCH_BYTES], kept[160], path[200];
	(void)state;

	assert_int_equal(setenv("TMPDIR", home, 1), 0);
	(void)snprintf(kept, sizeof(kept), "%s/kept", home);
	assert_int_equal(mkdir(kept, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/file", kept);
	touch(path);
	assert_int_equal(baton_scratch_make(dir, "four"), BATON_OK);
	(void)snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/sub/link", dir);
	assert_int_equal(symlink(kept, path), 0);
	(void)snprintf(path, sizeof(path), "%s/sub/file", dir);
	touch(path);
	baton_scratch_drop(dir);
	assert_int_equal(access(dir, F_OK), -1);
	(void)snprintf(path, sizeof(path), "%s/file", kept);
	assert_int_equal(access(path, F_OK), 0);
}

static int begin(void **state)
{
	(void)state;
	return baton_scratch_make(home, "scratch");
}

static int end(void **state)
{
	(void)state;
	baton_scratch_drop(home);
	return access(home, F_OK) < 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_lies_where_TMPDIR_says_and_is_nobody_elses),
		cmocka_unit_test(a_TMPDIR_that_is_no_place_is_passed_over),
		cmocka_unit_test(a_TMPDIR_that_is_not_there_is_an_error),
		cmocka_unit_test(all_below_it_goes_and_nothing_that_it_points_to),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
