/* SPDX-License-Identifier: Apache-2.0 */

/* Lines of the control socket: any bytes are an understood request within its bounds, or a refusal
 * that says something. */

#include "core/server/control_request.h"
#include "tests/fuzz/fuzz.h"

/* Handed on as a C string: it must be one. */
static void check_name(baton_str s, size_t bytes_max)
{
	FUZZ_CHECK(s.n <= bytes_max);
	FUZZ_CHECK(s.n == 0 || (s.p[s.n] == '\0' && strlen(s.p) == s.n));
	FUZZ_CHECK(baton_str_utf8_ok(s));
}

static void check_drill(const struct baton_drill *drill)
{
	FUZZ_CHECK(drill->n_faults > 0 && drill->n_faults <= BATON_DRILL_FAULTS_MAX);
	FUZZ_CHECK(drill->share_ppm <= 1000000 && drill->until_ms <= BATON_DRILL_MS_MAX);
	FUZZ_CHECK(memchr(drill->name, '\0', sizeof(drill->name)) != NULL);
	for (size_t i = 0; i < drill->n_faults; i++) {
		FUZZ_CHECK(drill->faults[i].fault.type != BATON_FAULT_NONE);
		FUZZ_CHECK(memchr(drill->faults[i].target, '\0', sizeof(drill->faults[i].target)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct baton_arena arena = { 0 };
	struct control_request request;
	char *copy = malloc(n ? n : 1), hint[400];

	if (!copy)
		return 0;
	memcpy(copy, data, n);
	int rc = control_request_read((baton_str){ copy, n }, &arena, &request, hint, sizeof(hint));
	FUZZ_CHECK(rc <= 0);
	FUZZ_CHECK(rc == 0 || hint[0] != '\0');
	check_name(request.key, BATON_NAME_BYTES_MAX);
	check_name(request.tag, BATON_NAME_BYTES_MAX);
	if (rc == 0) {
		check_name(request.target, BATON_NAME_BYTES_MAX);
		check_name(request.mode, BATON_NAME_BYTES_MAX);
		check_name(request.name, BATON_NAME_BYTES_MAX);
		check_name(request.intent, BATON_NAME_BYTES_MAX);
		check_name(request.why, CONTROL_WHY_MAX);
		FUZZ_CHECK(request.verb != CONTROL_MSG || request.text.n > 0);
		FUZZ_CHECK(request.id.n <= BATON_CLIENT_ID_BYTES_MAX);
		if (request.verb == CONTROL_DRILL_START)
			check_drill(&request.drill);
	}
	baton_arena_done(&arena);
	free(copy);
	return 0;
}
