/* SPDX-License-Identifier: Apache-2.0 */

/* A release: all generations (a module's code plus its configuration) and the policy set they serve,
 * immutable and numbered. A rack: the release's instances on one worker. A turn pins one release
 * from its first step to its last; publishing a new one is one message per worker.
 *
 * Staging (read, check, copy, dlopen, load) happens off the loops; create/activate on each loop.
 */
#pragma once

#include "core/loop/loop.h"
#include "core/policy/policy.h"

struct baton_release;
struct baton_rack;
struct baton_journal;

struct baton_stage_options {
	const char *modules_dir; /* where the .so files are */
	const char *run_dir;     /* private copies go to run_dir/modules/<sha12>-<n>.so, 0500 */
	const char
		*secrets_dir; /* files named as the secrets; environment BATON_SECRET_<NAME> wins */
	struct baton_journal *journal; /* kv of modules; NULL in tools */
	const char *ca_file; /* trusted beside the system's authorities; NULL: nobody. Outlives us. */
	bool allow_loopback_http; /* http:// to loopback addresses may be reached (tests, local models) */
};

/* Loads every module of `policy`, which the release then owns. `why` (NUL-terminated, cut to `cap`)
 * gets one line of reason on failure: "<file>: built for ABI 2, this server speaks 1". 0, or
 * BATON_E_MODULE, BATON_E_IO; then nothing is left behind, and the policy still belongs to the
 * caller. Blocking: not on a loop. */
int baton_release_stage(const struct baton_stage_options *options, struct baton_policy *policy,
			uint64_t number, struct baton_release **ret_release, char *why, size_t cap);
/* References are counted atomically; the last one unloads (never from inside module code). */
struct baton_release *baton_release_ref(struct baton_release *release);
void baton_release_unref(struct baton_release **release);
const struct baton_policy *baton_release_policy(const struct baton_release *release);
uint64_t baton_release_number(const struct baton_release *release);
/* What its modules did and broke, and what they counted themselves: baton_module_* families in
 * Prometheus text, labelled by module. [any] */
struct baton_buf;
void baton_release_metrics(const struct baton_release *release, struct baton_buf *out);
struct baton_release_totals { /* since the release was staged, all modules */
	uint64_t calls, overruns, broken;
};
void baton_release_totals(const struct baton_release *release, struct baton_release_totals *ret);

/* Reads note and ELF of one file without running any of it; prints what it is into `out` as JSON,
 * or one line of reason into `why`. For `baton module info` and for the loader. */
int baton_module_inspect(const char *path, struct baton_buf *out, char *why, size_t cap);

/* --- on one worker --- */

/* How the ends of calls come back; all on the rack's loop, never from inside the starting call.
 * After end or fail nothing more comes for the ticket. */
struct baton_rack_events {
	void *ud;
	void (*intents)(void *ud, uint64_t ticket, const baton_intents *intents);   /* then end */
	void (*docs)(void *ud, uint64_t ticket, const baton_doc *docs, uint32_t n); /* then end */
	void (*delta)(void *ud, uint64_t ticket, uint32_t kind, baton_str data);
	void (*usage)(void *ud, uint64_t ticket, const baton_usage *usage);
	void (*end)(void *ud, uint64_t ticket, uint32_t reason); /* BATON_END_* */
	void (*fail)(void *ud, uint64_t ticket, const baton_error *error);
	/* The whole text, its end follows at once. May be NULL: then it is a delta. */
	void (*whole)(void *ud, uint64_t ticket, baton_str text);
};

/* Creates and activates one instance of each generation. [loop] 0 or BATON_E_MODULE with `why`. */
int baton_rack_new(struct baton_release *release, struct baton_loop *loop,
		   const struct baton_rack_events *events, struct baton_rack **ret_rack, char *why,
		   size_t cap);
/* Quiesces and destroys the instances; open calls fail with BATON_FAIL_CANCELLED first. Leftovers
 * (timers, jobs, HTTP) are freed and counted. [loop] */
void baton_rack_free(struct baton_rack **rack);
struct baton_release *baton_rack_release(const struct baton_rack *rack);

/* [loop] 0: exactly one end or fail comes for `ticket`, unless cancelled. <0: not started
 * (BATON_E_NOTFOUND: the release has no such module). Inputs are copied or used during the call only. */
int baton_rack_classify(struct baton_rack *rack, uint64_t ticket, const baton_turn *turn);
int baton_rack_retrieve(struct baton_rack *rack, uint64_t ticket, const baton_query *query);
int baton_rack_generate(struct baton_rack *rack, uint64_t ticket, const char *provider,
			const baton_prompt *prompt);
/* Transcript backend by module name; events are valid during the call only. */
int baton_rack_transcript(struct baton_rack *rack, uint64_t ticket, const char *name,
			  const baton_entry *entries, uint32_t n);
/* Nothing more comes for the ticket; the module's late words are fenced and counted. */
void baton_rack_cancel(struct baton_rack *rack, uint64_t ticket, uint32_t why);
/* Synchronous; the strictest verdict of all rule modules (strings live as long as the rack). 0 or
 * BATON_E_MODULE if any rule module failed (the caller takes the safe reading). */
int baton_rack_rules(struct baton_rack *rack, const baton_facts *facts, baton_verdict *ret_verdict);
