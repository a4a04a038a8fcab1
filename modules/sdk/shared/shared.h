/* SPDX-License-Identifier: Apache-2.0 */

/* One thing that takes long to make, made once for all loops: a trained model, an index. The first
 * instance that asks makes it in a host job, off every loop; the others wait for the same one without
 * holding anybody up. create() returns at once; check() ends when the thing is there. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

struct shared_kind {
	/* [worker] The thing for this configuration, read-only from then on. NULL: `why` (static
	 * text) says what is wrong with it. */
	void *(*make)(const char *json, size_t n, const char **why);
	void (*drop)(void *thing);
};

struct shared; /* of one generation; thread-safe */

/* NULL: no memory. `kind` lives as long as the code. */
struct shared *shared_new(const baton_host *host, const struct shared_kind *kind);
/* Every share must have ended. NULL-tolerant. */
void shared_free(struct shared **shared);

enum { SHARE_CHECKS_MAX = 8 };

struct shared_entry;
/* One instance's part; embedded in it. */
struct share {
	const void *thing; /* NULL: not yet, or never: then `why` is set */
	const char *why;
	bool done, is_maker; /* maker: of all instances, the one that did the work */
	struct shared *shared;
	struct shared_entry *entry;
	struct share *next;
	baton_ctx *ctx;
	void (*ready)(void *user);
	void (*check)(void *user, baton_call call);
	void *user;
	baton_call checks[SHARE_CHECKS_MAX];
	unsigned n_checks;
};

/* [loop, in create()] BATON_OK: `ready` is called on this loop once the share is done (perhaps before
 * this returns), and then `check` for each call that waits. An empty configuration is `{}`. <0: it
 * could not be begun. */
int32_t share_begin(struct share *share, struct shared *shared, baton_ctx *ctx, baton_str config,
		    void (*ready)(void *user), void (*check)(void *user, baton_call call),
		    void *user);
/* [loop, in destroy()] Also of a share that was never begun. */
void share_end(struct share *share);
/* [loop, in check()] What check() is to return. */
int32_t share_check(struct share *share, baton_call call);
/* [loop, in cancel()] Ends that check if it was waiting. */
void share_cancel(struct share *share, baton_call call);
/* [loop] The end of a call that cannot be answered, `message` for the operator: `why`, or another. */
void share_fail(const struct share *share, baton_call call, const char *code, const char *message);
