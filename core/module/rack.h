/* SPDX-License-Identifier: Apache-2.0 */

/* Inside of a rack: instances, the table of open calls and the words on their way to the turn.
 *
 * A call has two sides. To the module it is a handle, good from the start until its one end. To the
 * turn it is a ticket, good until its end was told or it was cancelled. Either side may let go
 * first; the call is freed when both have.
 *
 *   module's side   open --end/fail--> gone          open --cancel--> fenced --end, or 250 ms-->
 * gone turn's side     listed --end told, or cancel--> gone
 */
#pragma once

#include "core/base/mem.h"
#include "core/base/table.h"
#include "core/module/ctx.h"
#include "core/module/release.h"

enum baton_call_kind {
	BATON_CALL_CHECK,
	BATON_CALL_CLASSIFY,
	BATON_CALL_RETRIEVE,
	BATON_CALL_GENERATE,
	BATON_CALL_TRANSCRIPT,
	BATON_CALL_INVOKE
};

enum {
	BATON_CALL_FENCE_MS = 250,
	BATON_CALL_DELTA_KINDS = BATON_DELTA_UNKNOWN + 1,
	BATON_CALLS_MAX = 65536,
	BATON_INTENTS_MAX = 64,
	BATON_VERDICT_STRINGS_MAX = 4096
};

struct baton_call_state {
	uint64_t handle, ticket;
	struct baton_ctx *ctx;
	enum baton_call_kind kind;
	uint32_t results_max;
	bool starting; /* the module has not yet returned from the starting call */
	bool open;     /* the module's side */
	bool fenced;
	bool listed; /* the turn's side */
	bool has_result;
	bool writes;    /* of INVOKE: something may have been changed, whatever becomes of the call */
	void *user;     /* call_set() */
	size_t bytes;   /* of all deltas */
	uint32_t texts; /* how many deltas of text */
	bool finished;  /* the module has said its end, and no failure */
	/* The beginning of a character that the last delta of this kind cut off. */
	char tail[BATON_CALL_DELTA_KINDS][4];
	size_t tail_n[BATON_CALL_DELTA_KINDS];
	uint64_t begin_ns, fenced_ns;
	struct baton_call_state *next_fenced;
	UT_hash_handle hh; /* rack->listed, by ticket */
};

struct baton_call_slot {
	struct baton_call_state *call;
	uint64_t last;          /* the handle that ended here last */
	enum baton_breach late; /* what a late word of it is called */
	uint32_t generation;
};

struct baton_word;
struct baton_wake;

struct baton_interned {
	UT_hash_handle hh;
	char text[];
};

/* A release on this rack. */
struct baton_seat {
	struct baton_release *release; /* counted */
	uint64_t pins;
	bool retired, shut;
	struct baton_ctx **ctxs; /* one per generation of the release, same order */
	size_t n;
	struct baton_seat *next; /* newest first */
};

struct baton_rack {
	struct baton_loop *loop;
	struct baton_rack_events events;
	struct baton_seat *seats;
	struct baton_call_slot *slots;
	uint32_t n_slots, n_free, *free_slots;
	struct baton_call_state *listed;
	struct baton_call_state *fenced_head, *fenced_tail;
	uint64_t fence_timer;
	struct baton_word *words, **words_end;
	struct baton_wake *wake; /* our letter to ourselves, once there was one */
	struct baton_interned *strings;
	struct baton_arena found; /* texts of the last inspection */
	unsigned telling; /* frames of ours below which the turn's code runs */
	unsigned n_retired; /* seats that go as soon as they can */
	bool closed;
};

/* Where the release sits here; NULL: nowhere. */
struct baton_seat *baton_rack_seat(const struct baton_rack *rack,
				   const struct baton_release *release);
/* The instance of that kind and name in the seat; NULL as name: the first of its kind. NULL: none. */
struct baton_ctx *baton_seat_instance(const struct baton_seat *seat, const char *kind,
				      const char *name);
/* Ends the seats whose time has come; when no frame of a module is on the stack. */
void baton_rack_settle(struct baton_rack *rack);

/* A new call, or NULL: BATON_CALLS_MAX are open. */
struct baton_call_state *baton_call_open(struct baton_rack *rack, struct baton_ctx *ctx,
					 enum baton_call_kind kind, uint64_t ticket);
/* The module did not take it: nothing will come. */
void baton_call_abandon(struct baton_rack *rack, struct baton_call_state *call);
/* The turn lets go. Calls the module's cancel() if it still works on it. */
void baton_call_cancel(struct baton_rack *rack, uint64_t ticket, uint32_t why);
/* The end in the module's name, as if it had called end(). */
void baton_call_finish(struct baton_rack *rack, struct baton_call_state *call, uint32_t reason);
/* Copies what a classifier filled in, checked. false: refused; the call has failed. */
bool baton_call_intents(struct baton_rack *rack, struct baton_call_state *call,
			const baton_intents *intents);
/* Tells everything that waits, at once. */
void baton_call_tell_all(struct baton_rack *rack);
/* Fails what the turn still waits for, ends what modules still work on. For the rack's end. */
void baton_call_end_all(struct baton_rack *rack);
/* Fails and cancels the calls of one instance, but for those whose words somebody reads already. */
void baton_call_shut(struct baton_rack *rack, struct baton_ctx *ctx);
/* The rack's memory; when no frame of ours is below. */
void baton_rack_drop(struct baton_rack *rack);

/* --- words: copies of what modules said, on their way to the turn ------------------------- */

enum baton_word_kind {
	BATON_WORD_INTENTS,
	BATON_WORD_DOCS,
	BATON_WORD_RESULT,
	BATON_WORD_DELTA,
	BATON_WORD_USAGE,
	BATON_WORD_END,
	BATON_WORD_FAIL
};

struct baton_word {
	struct baton_word *next;
	uint64_t handle, ticket;
	enum baton_word_kind kind;
	uint32_t n;    /* kind of delta, reason, number of docs */
	bool is_whole; /* the only text of a call that has ended well */
	struct baton_arena arena;
	union {
		baton_intents intents;
		baton_doc *docs;
		baton_tool_result result;
		baton_str data;
		baton_usage usage;
		baton_error error;
	};
	char text[]; /* of a delta: one allocation for each, not an arena */
};

/* The call that the turn's side still has under this ticket, or NULL. Tickets are numbers that are
 * all different, so a hash of them is one multiplication. */
static inline unsigned baton_ticket_hash(uint64_t ticket)
{
	return (unsigned)(ticket * 0x9e3779b97f4a7c15u >> 32);
}
struct baton_call_state *baton_call_listed(const struct baton_rack *rack, uint64_t ticket);

/* The loop will tell what waits. */
void baton_rack_wake(struct baton_rack *rack);
/* Appends, with room for `bytes` of text, and sees to it that the loop will tell it. */
struct baton_word *baton_word_new(struct baton_rack *rack, const struct baton_call_state *call,
				  enum baton_word_kind kind, size_t bytes);
void baton_word_free(struct baton_word *word);
/* A letter that still travels finds nobody. */
void baton_wake_forget(struct baton_rack *rack);
/* Copy in the word's arena. */
baton_str baton_word_copy(struct baton_word *word, baton_str s);
/* false with a reason: out of range, not UTF-8, NULL. */
bool baton_word_docs_ok(const baton_doc *docs, size_t n, const char **why);
bool baton_word_intents_ok(const baton_intents *intents, size_t cap, const char **why);
void baton_word_take_docs(struct baton_word *word, const baton_doc *docs, size_t n);
void baton_word_take_intents(struct baton_word *word, const baton_intents *intents);
void baton_word_take_result(struct baton_word *word, const baton_tool_result *result);

/* --- host table functions: answers [loop] ------------------------------------------------- */

int32_t baton_call_host_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data);
int32_t baton_call_host_result(baton_ctx *ctx, baton_call call, const char *type, const void *pod,
			       size_t n);
int32_t baton_call_host_usage(baton_ctx *ctx, baton_call call, const baton_usage *usage);
int32_t baton_call_host_end(baton_ctx *ctx, baton_call call, uint32_t reason);
int32_t baton_call_host_fail(baton_ctx *ctx, baton_call call, const baton_error *error);
int32_t baton_call_host_set(baton_ctx *ctx, baton_call call, void *user);
void *baton_call_host_get(baton_ctx *ctx, baton_call call);
