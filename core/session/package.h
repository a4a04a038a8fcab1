/* SPDX-License-Identifier: Apache-2.0 */

/* The case package: everything that an agent who takes a conversation over should not have to look
 * for. A fold over the session's log, event by event in its order, into one JSON object
 * (docs/wire/package.schema.json, docs/CONSOLE.md), and a write-up of it in plain words for when no
 * model can write one. Each thing carries the seq of the event it stands in.
 *
 * Nothing in it is guessed: what no event says is not there. Bounded: the newest of each kind are
 * kept, and it is counted how many were left out; long texts are cut.
 *
 * Pure. It lives in this room because the actor makes it, and the desk is below the actor.
 */
#pragma once

#include "core/session/event.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	BATON_PACKAGE_TEXT_BYTES = 1000, /* of one text in it; longer ones are cut */
	BATON_PACKAGE_SUMMARY_BYTES = 4000
};

struct baton_package;

struct baton_package *baton_package_new(const struct baton_id *session);
/* NULL-tolerant; sets the caller's pointer to NULL. */
void baton_package_free(struct baton_package **package);

/* The next event; strings are copied. Events that come twice or late are taken as they come: what is
 * in the package may then be wrong, the package itself never is. */
void baton_package_add(struct baton_package *package, const struct baton_event *event);

/* Seqs of the newest case_queued, and of the one that the newest write-up is about; 0: none. */
uint64_t baton_package_queued(const struct baton_package *package);
uint64_t baton_package_written_about(const struct baton_package *package);
/* Which rule brought it here, and the release it was of; views into the package. */
baton_str baton_package_rule(const struct baton_package *package, uint64_t *ret_release);
/* The condition of that rule: `values` then holds the facts that it names, and no others. Copied. */
void baton_package_condition(struct baton_package *package, baton_str when);

/* Appends one JSON object. */
void baton_package_json(const struct baton_package *package, struct baton_buf *out);
/* Appends the write-up; [seq] links into the transcript. */
void baton_package_text(const struct baton_package *package, struct baton_buf *out);

#ifdef __cplusplus
}
#endif
