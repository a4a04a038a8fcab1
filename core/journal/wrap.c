/* SPDX-License-Identifier: Apache-2.0 */

/* Keys of things that lie outside the log, sealed with a session's data key: whoever has them is as
 * blind after an erasure as a reader of the log. Kind of wrap, session and thing are associated
 * data, so a wrap that was copied elsewhere does not open. */
#include "core/base/errors.h"
#include "core/journal/inside.h"

enum { CLEAR_BYTES = 48 };

static void wrap_clear(enum baton_wrap_kind kind, const struct baton_id *session,
		       const struct baton_id *thing, uint8_t clear[CLEAR_BYTES])
{
	memset(clear, 0, CLEAR_BYTES);
	memcpy(clear, kind == BATON_WRAP_SESSION ? "baton wrap s v1" : "baton wrap m v1", 15);
	memcpy(clear + 16, session->b, sizeof(session->b));
	memcpy(clear + 32, thing->b, sizeof(thing->b));
}

/* The key that the wrap is made with. A session that is not there yet has the master key's
 * protection; one that was erased has nobody's. */
static int wrap_key(struct baton_journal *journal, struct baton_seal *seal,
		    enum baton_wrap_kind kind, const struct baton_id *session,
		    uint8_t ret_key[BATON_KEY_BYTES])
{
	struct baton_head head;
	int rc = baton_journal_head_key(journal, seal, session, &head, ret_key);

	if (kind == BATON_WRAP_SESSION || rc == BATON_E_ERASED)
		return rc;
	memcpy(ret_key, journal->store.keys.master, BATON_KEY_BYTES);
	return 0;
}

int baton_journal_wrap(struct baton_journal *journal, enum baton_wrap_kind kind,
		       const struct baton_id *session, const struct baton_id *thing,
		       struct baton_wrap *wrap)
{
	struct baton_seal seal;
	uint8_t key[BATON_KEY_BYTES], clear[CLEAR_BYTES];

	baton_seal_init(&seal);
	int rc = wrap_key(journal, &seal, kind, session, key);
	if (rc == 0) {
		wrap_clear(kind, session, thing, clear);
		baton_seal_random(&seal, wrap->sealed, BATON_NONCE_BYTES);
		struct baton_seal_job job = { .key = key,
					      .nonce = wrap->sealed,
					      .clear = clear,
					      .clear_n = sizeof(clear),
					      .text = wrap->key,
					      .text_n = sizeof(wrap->key) };
		baton_seal_lock(&seal, &job, wrap->sealed + BATON_NONCE_BYTES);
	}
	baton_seal_forget(key, sizeof(key));
	baton_seal_done(&seal);
	return rc;
}

int baton_journal_unwrap(struct baton_journal *journal, enum baton_wrap_kind kind,
			 const struct baton_id *session, const struct baton_id *thing,
			 struct baton_wrap *wrap)
{
	struct baton_seal seal;
	uint8_t key[BATON_KEY_BYTES], clear[CLEAR_BYTES];

	baton_seal_init(&seal);
	int rc = wrap_key(journal, &seal, kind, session, key);
	if (rc == 0) {
		wrap_clear(kind, session, thing, clear);
		struct baton_seal_job job = { .key = key,
					      .nonce = wrap->sealed,
					      .clear = clear,
					      .clear_n = sizeof(clear),
					      .text = wrap->sealed + BATON_NONCE_BYTES,
					      .text_n = sizeof(wrap->sealed) - BATON_NONCE_BYTES };
		if (!baton_seal_unlock(&seal, &job, wrap->key))
			rc = BATON_E_CORRUPT;
	}
	if (rc < 0)
		baton_seal_forget(wrap->key, sizeof(wrap->key));
	baton_seal_forget(key, sizeof(key));
	baton_seal_done(&seal);
	return rc;
}
