/* SPDX-License-Identifier: Apache-2.0 */

/* Brings releases in and takes them out, while customers chat. One thread with a loop of its
 * own: it stages (reads, checks, probes, loads), asks every worker by letter to make its
 * instances, waits until they are well, publishes, watches a canary, and lets the old one drain.
 * Workers never wait for it.
 *
 * One change at a time; the others wait in line, 16 at most. There is one live release, and at
 * most one candidate: staged, or a canary that serves a share of the sessions. Internal to
 * core/server.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/swap/trial.h"

#include <stdint.h>

struct baton_server;
struct baton_release;
struct baton_shelf;
struct loader;

enum loader_verb {
	LOADER_RELOAD,   /* the policies as they are on disk, and every module's file */
	LOADER_SWAP,     /* one module's file, at once */
	LOADER_LOAD,     /* one module's file, staged only: a candidate nobody is served by */
	LOADER_CANARY,   /* one module's file, or without a module the policies: for a share */
	LOADER_PROMOTE,  /* the candidate becomes the live one */
	LOADER_DISCARD,  /* the candidate goes */
	LOADER_ROLLBACK, /* the candidate goes; without one the release before the live one comes back */
	LOADER_DRAIN,    /* turns on old releases begin again on the live one now */
	LOADER_VERBS
};

enum { LOADER_QUEUE_MAX = 16, LOADER_TEXT_MAX = 1024, LOADER_WHY_MAX = 500, LOADER_PATH_MAX = 4096 };

struct loader_request {
	enum loader_verb verb;
	char module[BATON_NAME_BYTES_MAX + 1]; /* "": none */
	char path[LOADER_PATH_MAX];            /* "": its own file, read again */
	char cause[16];                        /* "" : the verb's own word; "watch", "signal", "crash" */
	char by[BATON_NAME_BYTES_MAX + 1];
	char why[LOADER_WHY_MAX];
	uint32_t share_ppm; /* CANARY, 0: as releases.yaml says; RELOAD: not 0 makes it a canary */
	bool force;         /* though recorded decisions would change more than allowed */
	bool cold;          /* without asking a module for its health */
};

/* What came of it. `text` is the line for people: "release 42 live, 3 files changed, ...". */
struct loader_answer {
	int code; /* 0, or BATON_E_POLICY, _MODULE, _STATE, _LIMIT, _NOTFOUND, _INVAL, _CLOSED */
	const char *text;
	baton_str json; /* members without braces: "release":42,"files_changed":3,... */
};

/* One step of a swap while it goes on. */
struct loader_step {
	const char *module; /* "" for the release as a whole */
	const char *state;  /* a word of module_changed or release_changed */
	uint64_t us;
};

struct loader_asker {
	void *ud;
	void (*step)(void *ud, const struct loader_step *step); /* may be NULL. [loader] */
	void (*done)(void *ud, const struct loader_answer *answer); /* exactly once. [loader] */
};

/* Before the workers: stages the first release of the process, with what is on the shelf if a file
 * is in quarantine. 0, or why not, logged. */
int loader_open(struct baton_server *server);
/* Once the workers run and have their first release. */
int loader_start(struct baton_server *server);
/* No further change is begun; the one that goes on is given up. */
void loader_stop(struct baton_server *server);
/* Once the workers have ended. */
void loader_close(struct baton_server *server);

/* [any] Copies the request. done() is called in any case, with BATON_E_LIMIT if the line is
 * full. */
void loader_ask(struct baton_server *server, const struct loader_request *request,
		const struct loader_asker *asker);
/* [any] Everything it knows, as one JSON object. See docs/CONTROL.md, `releases`. */
void loader_view(struct baton_server *server, struct baton_buf *out);
/* [any that may wait 2 s] The turns that hold a release that is not live: `[{"release","worker",
 * "session","turn","for_ms","deadline_ms"}]`, at most 1,000; `release` 0: of all of them. */
void loader_why_live(struct baton_server *server, uint64_t release, struct baton_buf *out);
/* [any] The live release, with a reference of the caller's own. */
struct baton_release *loader_live(struct baton_server *server);
/* [any that may wait] Good files, and those in quarantine. */
struct baton_shelf *loader_shelf(struct baton_server *server);
/* [any that may wait] As baton_shelf_forgive(). */
int loader_forgive(struct baton_server *server, const char *sha, uint8_t ret_sha256[32]);
/* [worker] A turn on `release` has ended. Cheap when there is no canary. */
void loader_turned(struct baton_server *server, const struct baton_release *release,
		   const struct baton_trial_sample *sample);
/* [any] baton_release_* and baton_module_* families. */
void loader_metrics(struct baton_server *server, struct baton_buf *out);
