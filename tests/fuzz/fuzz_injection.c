/* SPDX-License-Identifier: Apache-2.0 */

/* guard-injection over any text, and over any answer in any pieces (guard.h): pictures, tags, links
 * and what nobody sees are found whole before a byte of them was shown. */
#include "tests/fuzz/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void *inst;
	static const baton_turn turn = { .size = sizeof(turn), .locale = { "en", 2 } };

	if (!inst)
		inst = guard_open("{\"policy\":{\"injection\":{\"threshold\":0.5,"
				  "\"links\":[\"shop.example\"]}}}");
	guard_fuzz(inst, &turn, data, n);
	return 0;
}
