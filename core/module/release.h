/* SPDX-License-Identifier: Apache-2.0 */

/* A release: all generations (a module's code plus its configuration) and the policy set they
 * serve, immutable and numbered. A rack: the instances of generations on one loop. A turn pins
 * one release from its first step to its last; publishing a new one is one message per worker.
 *
 * Releases share every generation that did not change, and racks its instance. Staging (read,
 * check, copy, dlopen, load) happens off the loops; create/activate on each loop.
 */
#pragma once

#include "core/loop/loop.h"
#include "core/policy/policy.h"

struct baton_release;
struct baton_rack;
struct baton_meter;
struct baton_journal;

/* One module that gets a new generation although nothing in the policies says so. */
struct baton_stage_change {
	const char *module; /* its name in the policies */
	const char *path;   /* another file; NULL: its own, read again, even if the bytes are the same */
};

/* One step in the life of a generation has ended. Texts are good during the call. */
struct baton_module_step {
	const char *module, *state /* a word of module_changed in events.def */, *reason, *version;
	const uint8_t *sha256; /* 32 bytes */
	uint64_t generation, us;
};

/* A generation's process died. Texts are good during the call. */
struct baton_module_crash {
	const char *module, *how;
	const uint8_t *sha256;
	uint64_t generation;
};

/* Old generations that stay mapped until the process ends. [any] */
unsigned baton_module_residents(void);

struct baton_shelf;
struct baton_stage_options {
	const char *modules_dir; /* where the .so files are */
	const char *run_dir;     /* private copies go to run_dir/modules/<sha12>-<n>.so, 0500 */
	const char
		*secrets_dir; /* files named as the secrets; environment BATON_SECRET_<NAME> wins */
	struct baton_journal *journal; /* kv of modules; NULL in tools */
	const char *ca_file; /* trusted beside the system's authorities; NULL: nobody. Outlives us. */
	bool allow_loopback_http; /* http:// to loopback addresses may be reached (tests, local models) */
	const char *modhost; /* the program baton-modhost; NULL: no probe, no processes of modules */
	struct baton_shelf *shelf; /* NULL: nothing is in quarantine */
	bool boot;           /* of a file in quarantine the last good one takes the place */
	bool no_probe;
	uint32_t probe_ms;   /* 0: two seconds */
	const struct baton_stage_change *changes;
	size_t n_changes;
	void *ud; /* outlives every generation */
	void (*step)(void *ud, const struct baton_module_step *step); /* any thread; may be NULL */
	/* Short: it may be a loop's thread. May be NULL. */
	void (*crashed)(void *ud, const struct baton_module_crash *crash);
	/* A generation goes, and what it has counted with it. Any thread; may be NULL. */
	void (*gone)(void *ud, struct baton_meter *meter);
};

/* Loads every module of `policy`, which the release then owns. What did not change since `base`
 * (NULL: there is none) is shared with it. `why` (NUL-terminated, cut to `cap`) gets one line of
 * reason on failure: "<file>: built for ABI 2, this server speaks 1". 0, or BATON_E_MODULE,
 * BATON_E_IO; then nothing is left behind, and the policy still belongs to the caller. Blocking:
 * not on a loop. */
int baton_release_stage(const struct baton_stage_options *options, struct baton_release *base,
			struct baton_policy *policy, uint64_t number,
			struct baton_release **ret_release, char *why, size_t cap);
/* References are counted atomically; the last one unloads (never from inside module code). */
struct baton_release *baton_release_ref(struct baton_release *release);
void baton_release_unref(struct baton_release **release);
/* The release with its modules of these kinds alone (NULL ends the list), under the same number,
 * for who only asks its rules: the generations are the same, a rack makes instances of them
 * alone. */
struct baton_release *baton_release_part(const struct baton_release *release,
					 const char *const *kinds);
const struct baton_policy *baton_release_policy(const struct baton_release *release);
uint64_t baton_release_number(const struct baton_release *release);
/* It is published: from now on it was live once, whatever becomes of it. [any] */
void baton_release_lives(struct baton_release *release);
bool baton_release_lived(const struct baton_release *release);
/* The same, for who wants a reference on it. */
struct baton_policy *baton_release_shared_policy(const struct baton_release *release);
/* The counters of module `i`. */
struct baton_meter *baton_release_meter(const struct baton_release *release, size_t i);
size_t baton_release_size(const struct baton_release *release);
/* Module `i` is the very generation that `other` has, too. `other` may be NULL: then not. */
bool baton_release_shares(const struct baton_release *release, size_t i,
			  const struct baton_release *other);
/* Pins on all racks. [any] */
uint64_t baton_release_pins(const struct baton_release *release);
struct baton_generation_view { /* strings live as long as the release */
	uint64_t number, since_ms /* unix */;
	const char *module, *file, *kind, *id, *version, *isolation;
	const char *resident; /* why its code stays mapped; "": it does not */
	const uint8_t *sha256;
	unsigned abi_major, abi_needed;
	uint64_t calls, asked, failed, p95_us, overruns, violations, crashes;
};
/* Puts the files of the release on the shelf: it has begun to serve. [loader, blocking] */
void baton_release_keep(const struct baton_release *release, struct baton_shelf *shelf);
void baton_release_view(const struct baton_release *release, size_t i,
			struct baton_generation_view *ret);
/* Everything that is known of module `i`, as one JSON object; the view's members, and which
 * rules of the contract it broke. */
struct baton_buf;
void baton_release_module_json(const struct baton_release *release, size_t i, const char *state,
			       struct baton_buf *out);
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
	/* Nothing of the release runs here any more. May be NULL. */
	void (*retired)(void *ud, struct baton_release *release);
	/* What a tool brought; then end, or fail. May be NULL for who invokes none. */
	void (*tool)(void *ud, uint64_t ticket, const baton_tool_result *result);
};

/* Empty. [loop] */
struct baton_rack *baton_rack_new(struct baton_loop *loop, const struct baton_rack_events *events);
/* Makes a seat for the release: creates and activates an instance of each generation that has none
 * here yet. State of the instance that serves under the same name is handed over, if both know it.
 * [loop] 0, or BATON_E_MODULE with `why` and nothing left behind. */
int baton_rack_adopt(struct baton_rack *rack, struct baton_release *release, char *why, size_t cap);
/* Asks module `i` of the release whether it is well: level 0 a self-test without network, 1 reaches
 * upstream. [loop] 0: one end or fail comes for `ticket`; BATON_E_UNSUPPORTED: it has no such
 * question, and so nothing against it. */
int baton_rack_check(struct baton_rack *rack, struct baton_release *release, size_t i,
		     uint64_t ticket, uint32_t level);
/* A turn holds the release on this rack. [loop] */
void baton_rack_pin(struct baton_rack *rack, struct baton_release *release);
void baton_rack_unpin(struct baton_rack *rack, struct baton_release *release);
uint64_t baton_rack_pins(const struct baton_rack *rack, const struct baton_release *release);
/* No new work: when the last pin is gone and the last call has ended, its instances end (those that
 * no other release uses), and events.retired is called, from the loop. False: it has
 * no seat here, and nothing will be called. [loop] */
bool baton_rack_retire(struct baton_rack *rack, struct baton_release *release);
bool baton_rack_is_shut(const struct baton_rack *rack, const struct baton_release *release);
/* From here on calls of the release are refused with BATON_E_CLOSED, and the open ones fail with
 * BATON_FAIL_MODULE: its time to drain is over. [loop] */
void baton_rack_shut(struct baton_rack *rack, struct baton_release *release);
/* Quiesces and destroys all instances; open calls fail with BATON_FAIL_CANCELLED first. Leftovers
 * (timers, jobs, HTTP) are freed and counted. retired() is not called. [loop] */
void baton_rack_free(struct baton_rack **rack);

/* [loop] 0: exactly one end or fail comes for `ticket`, unless cancelled. <0: not started
 * (BATON_E_NOTFOUND: the release has no such module; BATON_E_CLOSED: it has no seat here, or is
 * shut). Inputs are copied or used during the call only. */
int baton_rack_classify(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			const baton_turn *turn);
int baton_rack_retrieve(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			const baton_query *query);
int baton_rack_generate(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			const char *provider, const baton_prompt *prompt);
/* Transcript backend by module name; events are valid during the call only. */
int baton_rack_transcript(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			  const char *name, const baton_entry *entries, uint32_t n);
/* A tool by its module's name. If it writes, what ends the call without the tool's own word (its
 * crash, a broken contract, the release's end) is told with BATON_ERROR_IN_DOUBT. */
int baton_rack_invoke(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
		      const char *name, const baton_tool_req *req);
/* What the tool module of that name says that it can perform, as its JSON, into `out`. [loop] 0;
 * BATON_E_NOTFOUND, _CLOSED, _MODULE; BATON_E_UNSUPPORTED: it says nothing about that. */
int baton_rack_describe(struct baton_rack *rack, struct baton_release *release, const char *name,
			struct baton_buf *out);
/* Nothing more comes for the ticket; the module's late words are fenced and counted. */
void baton_rack_cancel(struct baton_rack *rack, uint64_t ticket, uint32_t why);
/* Synchronous; the strictest verdict of all rule modules (strings live as long as the rack). 0 or
 * BATON_E_MODULE if any rule module failed (the caller takes the safe reading). */
int baton_rack_rules(struct baton_rack *rack, struct baton_release *release,
		     const baton_facts *facts, baton_verdict *ret_verdict);
/* Synchronous; one guard by its module's name. `ret` comes with `v` and `cap`; n, safe and the hits
 * are set, their texts are good until the next inspection on this rack. An empty rule is the type.
 * A guard that is of no use at `what->at` is not asked, and has found nothing. 0; BATON_E_LIMIT: more
 * hits than `cap`; BATON_E_NOTFOUND, _CLOSED, _MODULE: nothing can be said, n and safe are 0 (the
 * caller takes the safe reading). */
int baton_rack_inspect(struct baton_rack *rack, struct baton_release *release, const char *name,
		       const baton_inspection *what, baton_hits *ret);
