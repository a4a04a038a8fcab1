/* SPDX-License-Identifier: Apache-2.0 */

/* A module in a process of its own. baton_child_start() gives back a descriptor that looks like the
 * module's (id, version, flags, schema, functions it has) and whose functions speak frames to a
 * `baton-modhost` that has the real one mapped. What the module says reaches the server through the
 * same host table, in the name of the same baton_ctx, as if it were inline: contract, ledger, egress
 * and secrets are the rack's business here as there.
 *
 * The child is started again when it dies, with growing pauses, and its instances are created again;
 * what was open fails with BATON_FAIL_MODULE at once.
 */
#pragma once

#include "core/base/str.h"

#include <sys/types.h>

struct baton_child;

struct baton_child_grant {
	const char *path; /* a directory, or a file that exists; all below it */
	bool write;
};

struct baton_child_options {
	const char *modhost; /* the program baton-modhost */
	const char *path;    /* the private copy of the module */
	const char *name;    /* of the module in the policies: for logs and the process list */
	const baton_host *host;

	/* Limits; 0 takes what is in parentheses. Builds with sanitizers have no bound on memory. */
	uint64_t memory_bytes; /* address space (512 MiB) */
	uint32_t cpu_s;        /* processor time of one life (no bound) */
	uint32_t nofile;       /* descriptors (256; one is used per instance) */
	uint32_t heartbeat_ms; /* between two questions whether it still answers (250) */
	/* The next four are of its processor time, or asleep in the module; one that the machine starves
	 * or somebody has stopped has longer (README.md). */
	uint32_t hang_ms;      /* without an answer, and module code on the stack: killed (1000) */
	uint32_t start_ms;     /* for mapping it, and again for load() (5000) */
	uint32_t evaluate_ms;  /* a rule's verdict; the loop waits that long, then it is killed (50) */
	uint32_t inspect_ms;   /* a guard's look, the same: while it is away, people answer (200) */
	uint32_t pause_ms;   /* before the first restart; doubles up to 30 s (100) */

	/* What it may open besides libraries and its own file. NULL, 0: nothing. Needs Landlock; without
	 * it a module with any grant may open what its user may. */
	const struct baton_child_grant *grants;
	size_t n_grants;

	/* It died, and was not told to: "signal 11 (Segmentation fault) in classify". [any thread;
	 * short; neither start nor stop from inside] */
	void *ud;
	void (*crashed)(void *ud, const char *how);
};

/* Spawns, sandboxes, maps; up to where a dlopen() would be inline. `*ret_entry` is valid until stop;
 * its load() takes the child from `*mod`, where the caller has put it:
 *
 *	rc = baton_child_start(&o, &g->child, &g->entry, why, cap);
 *	g->mod = g->child;
 *	... g->entry->load(ctx, host, &g->mod) as for any other ...
 *
 * 0, or BATON_E_MODULE (it was refused, crashed, took too long), BATON_E_IO (cannot be spawned) with
 * a line in `why`; then nothing is left behind. Blocking, at most start_ms. [not on a loop] */
int baton_child_start(const struct baton_child_options *options, struct baton_child **ret_child,
		      const baton_module **ret_entry, char *why, size_t cap);
/* Unloads, waits, at most 250 ms (five times as long for one that is starved), then kills; no process
 * is left. Every instance has been destroyed. Nothing is called afterwards. NULL-tolerant. [not on a
 * loop] */
void baton_child_stop(struct baton_child **child);

struct baton_child_view {
	pid_t pid; /* 0: it is down at the moment */
	uint32_t starts, crashes;
	uint64_t up_ms;     /* of this life */
	char last_how[160]; /* of the last crash; "" if none */
	char sandbox[160];  /* what holds it: "landlock 7, seccomp, limits" */
};
void baton_child_view(struct baton_child *child, struct baton_child_view *ret); /* [any] */
