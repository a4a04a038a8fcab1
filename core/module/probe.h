/* SPDX-License-Identifier: Apache-2.0 */

/* A module's first run, in a process of its own that nobody will miss: `baton-modhost --probe` loads
 * the private copy, checks its configuration against its schema, creates an instance, waits for the
 * end of check(level 0), reads what it says of itself, hands its state from one instance to another
 * and back, destroys and unloads it. A module that crashes, hangs or lies there never runs here.
 *
 * activate() is not called: a module may begin real work in it. The child has no environment, limits
 * on memory, time, files and descriptors; requests over HTTP are refused, kv is empty, logs go
 * nowhere; it keeps the working directory, since paths in a configuration may be relative. */
#pragma once

#include "core/base/buf.h"

#define BATON_PROBE_WAITING "a job or callback of check(level 0)" /* the step that may take ready_ms */

enum { BATON_PROBE_MS = 2000, BATON_PROBE_FD_CONFIG = 3, BATON_PROBE_FD_RESULT = 4 };

struct baton_probe_result {
	uint64_t us;          /* the whole probe, with the process */
	uint64_t state_bytes; /* what save() wrote */
	unsigned leftovers;   /* timers and watches that were open behind destroy() */
	char changed[160];    /* what it changed of its surroundings: "handler of SIGUSR2"; "" */
};

struct baton_probe_options {
	const char *modhost;     /* the program: BINDIR/baton-modhost */
	const char *path;        /* the private copy */
	const char *name;        /* in the policies; begins the reasons of its configuration */
	const char *kind;        /* "provider" */
	const char *config_json; /* what create() gets; NULL: "{}" */
	uint32_t limit_ms;       /* for its functions, all together; 0: BATON_PROBE_MS */
	/* For the end of check(level 0), which may wait for jobs: it learns, it reads. 0: limit_ms. */
	uint32_t ready_ms;
	struct baton_probe_result *ret_result; /* written on success; NULL: nobody asks */
};

/* Runs the probe and waits for it, at most limit_ms, ready_ms and a little. 0; BATON_E_MODULE with one line in
 * `why`: the module's fault; BATON_E_IO with one line: ours, the probe could not be run. A result with
 * `changed` or `leftovers` is a breach of the contract to be counted and said, no refusal.
 * [loader, blocking] */
int baton_probe_run(const struct baton_probe_options *options, char *why, size_t cap);
