/* SPDX-License-Identifier: Apache-2.0 */

/* "Let me talk to a human" is heard whatever stands around it: the plain sentence, fenced by line
 * ends, must be found after any prefix that is text, or at least reading it must be safe. */

#include "core/session/session.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = malloc(n ? n : 1);

	if (!copy)
		return 0;
	memcpy(copy, data, n);
	/* The same words give the same answer, wherever they lie in memory. */
	FUZZ_CHECK(baton_asks_for_person((baton_str){ copy, n }) ==
		   baton_asks_for_person(fuzz_rest(data, n)));
	free(copy);
	return 0;
}
