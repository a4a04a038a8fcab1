/* SPDX-License-Identifier: Apache-2.0 */

/* Snapshots of a session: any bytes may be on the disk. Loading leaves a session that can be used
 * and ended on every path; what loads is saved and loaded again to the same bytes. */

#include "core/session/session.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct baton_id id = { .b = { 1 } };
	struct baton_session session, again;
	struct baton_buf first = { 0 }, second = { 0 };

	if (baton_session_load(&session, &id, fuzz_rest(data, n)) == 0) {
		(void)baton_session_marks(&session);
		(void)baton_session_seen(&session, BATON_STR("a"));
		baton_session_save(&session, &first);
		FUZZ_CHECK(baton_session_load(&again, &id, baton_buf_view(&first)) == 0);
		baton_session_save(&again, &second);
		FUZZ_CHECK(baton_str_eq(baton_buf_view(&first), baton_buf_view(&second)));
		baton_session_done(&again);
	}
	baton_session_done(&session);
	baton_buf_done(&first);
	baton_buf_done(&second);
	return 0;
}
