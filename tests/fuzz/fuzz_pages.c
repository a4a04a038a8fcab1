/* SPDX-License-Identifier: Apache-2.0 */

/* The journal's file before LMDB maps it: whatever lies there is checked within bounds, in time,
 * and found sound or damaged. Seeds are small real files. */

#include "core/journal/pages.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

static void on_finding(void *ud, const char *line)
{
	size_t *told = ud;

	FUZZ_CHECK(line && line[0]);
	(*told)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int fd = -1;
	static char path[64];

	if (fd < 0) {
		fd = memfd_create("pages", 0);
		FUZZ_CHECK(fd >= 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	FUZZ_CHECK(ftruncate(fd, 0) == 0);
	FUZZ_CHECK(pwrite(fd, data, n, 0) == (ssize_t)n);
	for (int all = 0; all < 2; all++) {
		size_t told = 0;
		struct baton_pages pages = { .tell = on_finding, .ud = &told, .all = all };
		int rc = baton_pages_check(path, &pages);
		FUZZ_CHECK(rc == 0 || rc == BATON_E_CORRUPT || rc == BATON_E_IO ||
			   rc == BATON_E_SCHEMA);
		FUZZ_CHECK((rc == BATON_E_CORRUPT) == (told > 0) || rc == BATON_E_IO);
	}
	return 0;
}
