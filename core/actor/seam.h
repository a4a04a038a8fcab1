/* SPDX-License-Identifier: Apache-2.0 */

/* The host seam: everything that sessions, turns and the desk take from outside. The server
 * supplies the real one (libuv, LMDB, libcurl, libwebsockets); the simulation supplies its own and
 * so owns time, chance, disk, network and scheduling. No function here may call back before it
 * returns, except where it says so.
 */
#pragma once

#include "core/actor/notice.h"
#include "core/journal/journal.h"
#include "core/route/board.h"
#include "core/swap/trial.h"
#include "core/turn/run.h"

struct baton_release; /* counted by the host, never looked into here */

struct baton_seam {
	void *ud;
	/* --- time and chance --- */
	uint64_t (*now_ns)(void *ud);  /* monotonic */
	uint64_t (*unix_ms)(void *ud); /* wall clock, for people */
	void (*random)(void *ud, void *p, size_t n);
	/* One-shot timer; the shard gets baton_shard_timer(key) once, unless stopped. Same key again:
	 * the older one is replaced. */
	void (*timer_set)(void *ud, uint64_t key, uint64_t delay_ms);
	void (*timer_stop)(void *ud, uint64_t key);

	/* --- journal: see core/journal/journal.h; the end of an append is baton_shard_committed() --- */
	int (*append)(void *ud, const struct baton_append *append, uint64_t ticket);
	int64_t (*read)(void *ud, const struct baton_id *session, uint64_t after, uint64_t max,
			baton_record_fn *each, void *each_ud);
	int (*snapshot_get)(void *ud, const struct baton_id *session, uint64_t *ret_seq,
			    struct baton_buf *out);
	int (*snapshot_put)(void *ud, const struct baton_id *session, uint64_t seq,
			    baton_str bytes);
	void (*forget)(void *ud, const struct baton_id *session);
	int (*erase)(void *ud, const struct baton_id *session);

	/* --- releases and modules. The ends are baton_shard_heard() with the same ticket. --- */
	/* The release for a turn of this session: the live one, or a canary that it belongs to. Never
	 * NULL. `session` NULL: the live one. */
	struct baton_release *(*release_pin)(void *ud, const struct baton_id *session);
	void (*release_unpin)(void *ud, struct baton_release *release);
	/* It is a canary, or its time to drain is over, and another one is live. */
	bool (*release_doubtful)(void *ud, struct baton_release *release);
	/* What a turn came to on a release. */
	void (*release_turned)(void *ud, struct baton_release *release,
			       const struct baton_trial_sample *sample);
	uint64_t (*release_number)(void *ud, struct baton_release *release);
	const struct baton_policy *(*policy)(void *ud, struct baton_release *release);
	/* 0: one end will come, never before return. <0: not started. */
	int (*classify)(void *ud, struct baton_release *release, baton_ticket ticket,
			const baton_turn *turn);
	int (*retrieve)(void *ud, struct baton_release *release, baton_ticket ticket,
			const baton_query *query);
	int (*generate)(void *ud, struct baton_release *release, baton_ticket ticket,
			const char *provider, const baton_prompt *prompt);
	/* A tool; baton_shard_heard_tool(), then the end. Told to writing ones only after what says so is
	 * durable. */
	int (*invoke)(void *ud, struct baton_release *release, baton_ticket ticket,
		      const char *module, const baton_tool_req *req);
	/* After this nothing more comes for the ticket. */
	void (*cancel)(void *ud, struct baton_release *release, baton_ticket ticket, uint32_t why);
	/* Synchronous. All rule modules of the stage; the strictest verdict. 0, or <0: none could answer. */
	int (*rules)(void *ud, struct baton_release *release, const baton_facts *facts,
		     baton_verdict *ret);

	/* Synchronous. One guard; `ret` comes with `v` and `cap`, texts of the hits are good until the next
	 * inspect(). 0, or <0: it cannot be said (BATON_E_LIMIT: more than `cap`), n and safe are 0. */
	int (*inspect)(void *ud, struct baton_release *release, const char *module,
		       const baton_inspection *what, baton_hits *ret);

	/* False if the release has no working instance of the module. */
	bool (*module_works)(void *ud, struct baton_release *release, const char *module);

	/* --- the board: who is asked next, shared by all shards. Held from board() to board_done(), for
	 * microseconds; nothing else of the seam is called in between. --- */
	struct baton_board *(*board)(void *ud, struct baton_now *ret_now);
	void (*board_done)(void *ud);

	/* --- out --- */
	void (*notify)(void *ud, baton_conn conn,
		       struct baton_notice *notice); /* takes its own reference */
	/* A case changed; goes to the shard that keeps the desk. */
	void (*desk)(void *ud, struct baton_notice *case_notice); /* takes its own reference */
	void (*count)(void *ud, unsigned metric, uint64_t add);   /* BATON_METRIC_* */
	void (*observe)(void *ud, unsigned metric, uint64_t us);
};
