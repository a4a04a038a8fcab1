/* SPDX-License-Identifier: Apache-2.0 */

/* The static check of a module's file: whatever the bytes are, it says yes or one line, reads
 * nothing outside of them, and what it says of a file it takes is text that ends. A file that is
 * fine in the server's process is fine in one of its own. */

#include "core/module/elf.h"
#include "tests/fuzz/fuzz.h"

static bool ends(const char *text, size_t cap)
{
	return strnlen(text, cap) < cap;
}

static int check(const uint8_t *data, size_t n, bool isolated, struct baton_elf *elf)
{
	char why[400] = "";
	int rc = baton_elf_check_for((baton_str){ (const char *)data, n }, isolated, elf, why,
				     sizeof(why));

	FUZZ_CHECK(rc == 0 || rc == BATON_E_MODULE);
	FUZZ_CHECK(rc == 0 || why[0] != 0);
	FUZZ_CHECK(ends(why, sizeof(why)));
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct baton_elf elf, isolated;

	int rc = check(data, n, false, &elf);
	int rc_isolated = check(data, n, true, &isolated);
	FUZZ_CHECK(rc_isolated == 0 || rc != 0);
	if (rc_isolated < 0)
		return 0;
	FUZZ_CHECK((rc == 0) == !isolated.isolated_because);
	FUZZ_CHECK(ends(isolated.id, sizeof(isolated.id)) && isolated.id[0]);
	FUZZ_CHECK(ends(isolated.version, sizeof(isolated.version)));
	FUZZ_CHECK(ends(isolated.kinds, sizeof(isolated.kinds)));
	FUZZ_CHECK(ends(isolated.build_id, sizeof(isolated.build_id)));
	FUZZ_CHECK(isolated.n_needed <= BATON_ELF_NEEDED_MAX);
	/* They point into the bytes. */
	for (size_t i = 0; i < isolated.n_needed; i++) {
		const uint8_t *name = (const uint8_t *)isolated.needed[i];

		FUZZ_CHECK(name >= data && name < data + n &&
			   memchr(name, 0, n - (size_t)(name - data)));
	}
	return 0;
}
