/* SPDX-License-Identifier: Apache-2.0 */

/* What a session knows of tools: the calls that were begun, with their ends, and the calls that a
 * person was asked for. Events are the truth; this is what decisions need of them, and what a model
 * is told again when its turn begins anew. Pure.
 *
 * A call is on record before it is made. One that is not over may have happened: whoever finds it
 * calls again (what is idempotent) or says that nobody knows. Results are kept while there is room
 * for them; that a call is over, and how, is kept longer.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/session/event.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	BATON_CALLS_KEPT_MAX = 40,     /* that are over; more than one turn can have */
	BATON_PROPOSALS_KEPT_MAX = 8,  /* that are settled */
	BATON_PROPOSALS_OPEN_MAX = 4,  /* of one turn */
	BATON_RESULTS_BYTES_MAX = 128 * 1024, /* of all calls of a session */
	BATON_CALL_BYTES_MAX = 47,     /* id of a call */
	BATON_CALL_KEY_BYTES_MAX = 63
};

struct baton_called {
	uint64_t seq;      /* of tool_called */
	uint64_t over;     /* of tool_finished; 0: not over */
	uint64_t turn;     /* 0: approved outside of one */
	uint64_t proposal; /* 0: it needed nobody */
	bool writes, ok;
	bool told;     /* the customer has had an answer or a person since it was over */
	bool dropped;  /* its result was too much to keep */
	char call[BATON_CALL_BYTES_MAX + 1], key[BATON_CALL_KEY_BYTES_MAX + 1];
	baton_str tool, arguments, result, code; /* owned */
};

enum baton_leave { /* what became of a proposed call */
	BATON_LEAVE_OPEN,
	BATON_LEAVE_APPROVED, /* not called yet */
	BATON_LEAVE_CALLED,
	BATON_LEAVE_REJECTED,
	BATON_LEAVE_VOID /* nobody will be asked any more */
};
struct baton_proposed {
	uint64_t seq; /* of tool_proposed */
	uint64_t turn, upto;
	enum baton_leave leave;
	bool told; /* as above, since it was proposed */
	char call[BATON_CALL_BYTES_MAX + 1], key[BATON_CALL_KEY_BYTES_MAX + 1];
	baton_str tool, title, arguments, reason; /* owned; reason: the agent's, of a rejection */
};

struct baton_calls {
	struct baton_called *called; /* oldest first */
	size_t n_called, cap_called;
	struct baton_proposed *proposed;
	size_t n_proposed, cap_proposed;
	size_t result_bytes;
};

void baton_calls_done(struct baton_calls *calls);

/* --- the fold --- */

void baton_calls_apply(struct baton_calls *calls, const struct baton_event *event);
/* The customer has been answered, by whom does not matter. */
void baton_calls_told(struct baton_calls *calls);
/* What nobody has decided on is not asked for any more. */
void baton_calls_void(struct baton_calls *calls);

/* --- asking; NULL: there is none --- */

const struct baton_called *baton_calls_find(const struct baton_calls *calls, baton_str call);
/* The newest of this key. */
const struct baton_called *baton_calls_of_key(const struct baton_calls *calls, baton_str key);
/* The oldest that is not over. */
const struct baton_called *baton_calls_pending(const struct baton_calls *calls);
const struct baton_proposed *baton_calls_proposal(const struct baton_calls *calls, uint64_t seq);
/* The oldest that a person has approved and that has not been called. */
const struct baton_proposed *baton_calls_approved(const struct baton_calls *calls);
/* Something is to be done before a turn may begin. */
static inline bool baton_calls_due(const struct baton_calls *calls)
{
	return baton_calls_pending(calls) || baton_calls_approved(calls);
}
/* The first message that led to a call which a person approved and nobody has told the customer of;
 * 0: there is none. */
uint64_t baton_calls_untold(const struct baton_calls *calls);

/* As the members of a snapshot, and back. */
void baton_calls_save(const struct baton_calls *calls, struct baton_buf *out);
int baton_calls_load(struct baton_calls *calls, const struct baton_json *snapshot,
		     struct baton_arena *arena);

#ifdef __cplusplus
}
#endif
