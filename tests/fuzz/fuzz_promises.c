/* SPDX-License-Identifier: Apache-2.0 */

/* guard-policy over any answer in any pieces (guard.h), under promises of every form: phrases,
 * with and without words that take them back, and patterns that begin with blanks, reach over
 * sentences or look around. */
#include "tests/fuzz/guard.h"

static const char config[] =
	"{\"policy\":{\"promises\":["
	"{\"id\":\"refund\",\"forbid\":[\"full refund\",\"you'll get it\"],"
	"\"unless\":[\"cannot\",\"not possible\"]},"
	"{\"id\":\"day\",\"forbid\":[\"/(arrives?|delivered) (on|by) (mon|tues)day/\"]},"
	"{\"id\":\"blank\",\"forbid\":[\"/\\\\s+free of charge/\",\"/sure[.] (yes)/\"],\"unless\":[\"/no(t|w)?/\"]},"
	"{\"id\":\"around\",\"forbid\":[\"/(?<!no )discount(?! code)/\",\"/a(bc?)?d{2,4}$/\"]}],"
	"\"required\":[{\"id\":\"advice\",\"phrases\":\"no advice\",\"append\":\"This is no advice.\"},"
	"{\"id\":\"law\",\"phrases\":[\"by law\",\"legally\"]}]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void *inst;
	static const baton_turn turn = { .size = sizeof(turn), .locale = { "en", 2 } };

	if (!inst)
		inst = guard_open(config);
	guard_fuzz(inst, &turn, data, n);
	return 0;
}
