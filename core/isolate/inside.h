/* SPDX-License-Identifier: Apache-2.0 */

/* Inside of core/isolate, the server's side.
 *
 *   child    a module's process: one per generation
 *   keeper   the thread that has spawned it and alone reaps it (keeper.c). It must be one thread for
 *            all lives of a child: PR_SET_PDEATHSIG is about the thread that has spawned.
 *   proxy    an instance as the rack sees it (proxy.c, hear.c): one loop's thread alone touches it
 *
 * What both touch is under child->lock. */
#pragma once

#include "core/base/table.h"
#include "core/isolate/child.h"
#include "core/isolate/pod.h"
#include "core/isolate/pulse.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	BATON_CHILD_STOP_MS = 250,
	BATON_CHILD_PAUSE_MS_MAX = 30000,
	BATON_CHILD_GOOD_MS = 60000, /* a life this long makes the next pause short again */
	BATON_CHILD_HOW_BYTES = 160,
	BATON_CHILD_KINDS = 7,
	BATON_CHILD_SILENT_TIMES = 5, /* so much longer for a process that could run and may not */

	BATON_PROXY_PATIENCE_TIMES = 10,   /* the same while a loop waits ... */
	BATON_PROXY_PATIENCE_MS_MAX = 1000, /* ... though never longer than that */

	BATON_PROXY_OUT_SOFT = 1024 * 1024,      /* unread by the child: new calls are refused */
	BATON_PROXY_OUT_HARD = 32 * 1024 * 1024, /* killed */
	BATON_PROXY_READ_MAX = 1024 * 1024,      /* of one child in one turn of the loop */
	BATON_PROXY_NOISE_PER_S = 50000,         /* log, count, observe; more is a flood */
	BATON_PROXY_CALLS_MAX = 70000,
	BATON_PROXY_OVER_MS = 1000, /* the host has long fenced it: no end is waited for any more */
	BATON_PROXY_SWEEP = 1024,
	BATON_PROXY_SAVE_MS = 250
};

enum baton_child_state {
	BATON_CHILD_STARTING, /* spawned, or about to be */
	BATON_CHILD_MAPPED,
	BATON_CHILD_LOADING,
	BATON_CHILD_READY,
	BATON_CHILD_DOWN, /* dead; will be started again */
	BATON_CHILD_ENDED /* dead for good */
};

struct baton_child {
	/* what was asked for; fixed */
	struct baton_child_options options; /* strings are ours */
	const baton_host *host;

	/* what it is; fixed by the first life */
	struct baton_buf descriptor; /* the bytes of DESCRIBE: each life must say the same */
	struct baton_arena arena;
	baton_module entry;
	baton_iface ifaces[BATON_CHILD_KINDS];
	baton_provider provider;
	baton_classifier classifier;
	baton_rule rule;
	baton_transcript transcript;
	baton_retriever retriever;
	baton_tool tool;
	baton_guard guard;
	baton_state warm;

	pthread_t keeper;
	int wake;                    /* eventfd: the keeper shall look */
	struct baton_beacon *beacon; /* one for all lives */
	int beacon_fd;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t told;
	enum baton_child_state state;
	bool stopping, kept, load_due;
	uint32_t life, starts, crashes;
	uint64_t since_ms;
	pid_t pid;
	int control;
	char blame[BATON_CHILD_HOW_BYTES]; /* why we have killed it */
	char how[BATON_CHILD_HOW_BYTES];   /* how the last life ended */
	char sandbox[BATON_CHILD_HOW_BYTES];
	baton_ctx *ctx; /* of load(): whose name lines of the child are logged in; NULL: none yet */
	int32_t load_rc;
	uint32_t parts;
	struct baton_proxy *proxies;
};

/* --- child.c: the entry's load(), which the keeper lets the child do */
int32_t baton_child_load(baton_ctx *ctx, const baton_host *host, void **mod);

/* --- spawn.c: the process, its descriptors -------------------------------------------------- */

/* A shared page and its descriptor, sealed so that the child cannot make it shorter. */
int baton_beacon_new(struct baton_beacon **ret, int *ret_fd);
void baton_beacon_free(struct baton_beacon **beacon);
/* A pair of stream sockets, ours nonblocking, both closed on exec. */
int baton_spawn_pair(int ret_fds[2]);
/* 0 or BATON_E_IO with `why`. */
int baton_spawn(const struct baton_child *child, int control, pid_t *ret_pid, char *why,
		size_t cap);
/* Sends whole frames, with a descriptor if `fd` >= 0; never blocks. false: it does not read. */
bool baton_spawn_send(int control, const struct baton_buf *frames, int fd);
uint64_t baton_spawn_ms(void); /* CLOCK_MONOTONIC */

/* --- describe.c: from the DESCRIBE frame to an entry ---------------------------------------- */

/* false: no description that a baton-modhost writes. */
bool baton_describe(struct baton_child *child, baton_str payload);

/* --- keeper.c ------------------------------------------------------------------------------- */

void *baton_keeper_main(void *child);
void baton_keeper_wake(struct baton_child *child);
/* Kills the life that is numbered so, if it still is; the first reason stands. [any] */
void baton_child_kill(struct baton_child *child, uint32_t life, const char *why);
/* One look at the process of that life; of another, or none: all 0. [any] */
void baton_child_pulse(struct baton_child *child, uint32_t life, struct baton_pulse *ret);

/* --- proxy.c: instances --------------------------------------------------------------------- */

struct baton_proxy_call {
	uint64_t handle;
	bool cancelled;
	bool closed;           /* the host has ended it; what is under way is nobody's sin */
	bool unsent;           /* a check that waits for the child to be back */
	uint64_t over_ms;      /* when it was cancelled or closed; 0: it was not */
	uint32_t level;        /* of a check */
	uint32_t used;         /* credit that the child has spent and not got back */
	uint32_t due;          /* of that, what it gets back with the next frame */
	struct baton_buf held; /* frames behind a delta() that said BATON_E_AGAIN */
	UT_hash_handle hh;
};

struct baton_proxy_http {
	uint64_t id; /* the child's */
	baton_http inner;
	struct baton_proxy *proxy;
	bool paused_by_child, paused_by_us;
	UT_hash_handle hh;
};

struct baton_proxy {
	struct baton_child *child;
	const baton_host *host;
	baton_ctx *ctx;
	struct baton_proxy *prev, *next; /* child->proxies, under its lock */
	struct baton_buf config;
	int fd; /* -1: the child is down */
	uint32_t life;
	baton_watch watch;
	bool watches_write;
	bool active; /* create() and activate() have succeeded in the child */
	bool activate_due, quiesced;
	bool hearing;   /* a frame of the child is being done */
	int32_t failed; /* what create() or activate() has answered */
	const char *failed_at;
	struct baton_buf in, out;
	size_t out_at;
	struct baton_proxy_call *calls;
	struct baton_proxy_http *https;
	uint64_t questions; /* number of the last */
	uint64_t waiting;   /* for the answer to this one; 0: for none */
	uint64_t behind;    /* given up, and its answer has not come: no other is asked; 0: none */
	int32_t answer_rc;
	struct baton_buf answer;
	struct baton_arena said; /* strings of the last verdict */
	unsigned overs;          /* calls cancelled or closed since the last sweep */
	uint64_t noise_ms;
	unsigned noise;
};

/* The host waits for it no longer. Now and then those are forgotten whose end never came. */
void baton_proxy_call_over(struct baton_proxy *proxy, struct baton_proxy_call *call);

/* What entries and tables are filled with. */
void baton_proxy_fill_entry(baton_module *entry);
void baton_proxy_fill_tables(struct baton_child *child);

/* [loop, by post()] The child is up again. */
void baton_proxy_revive(void *proxy);
/* Writes what the socket takes. */
void baton_proxy_push(struct baton_proxy *proxy);
/* The child of this life is gone, or shall be. */
void baton_proxy_lost(struct baton_proxy *proxy);
void baton_proxy_garbage(struct baton_proxy *proxy, const char *what);
void baton_proxy_call_drop(struct baton_proxy *proxy, struct baton_proxy_call *call);
void baton_proxy_call_fail(struct baton_proxy *proxy, struct baton_proxy_call *call, uint32_t fail,
			   const char *message);
/* Reads what has come and does it. */
void baton_proxy_read(struct baton_proxy *proxy);
/* Sends the question that stands in `out` from `at` on and waits for its answer: `ms` of its
 * processor time, and somewhat longer on a busy machine (pulse.h). 0: `answer_rc` and `answer` are
 * it. BATON_E_AGAIN at once while an earlier one has not been answered; else BATON_E_IO. */
int baton_proxy_ask(struct baton_proxy *proxy, size_t at, uint32_t ms, const char *what);

/* --- table.c: the functions of the kinds ----------------------------------------------------- */

/* A frame for the call, begun; or <0: no child, or it does not read. */
int baton_proxy_ready(const struct baton_proxy *proxy);

/* --- hear.c: frames of the child -------------------------------------------------------------- */

/* false: no child of ours would send that. */
bool baton_proxy_hear(struct baton_proxy *proxy, const struct baton_frame *frame);
/* Words of a call that waited for resume() or are not wanted any more. */
void baton_proxy_release(struct baton_proxy *proxy, struct baton_proxy_call *call);

/* --- fetch.c: HTTP and stored values ----------------------------------------------------------- */

bool baton_proxy_hear_question(struct baton_proxy *proxy, const struct baton_frame *frame);
bool baton_proxy_hear_http(struct baton_proxy *proxy, const struct baton_frame *frame);
void baton_proxy_http_stop_all(struct baton_proxy *proxy);
/* After the child has read: requests that were held back go on. */
void baton_proxy_http_go_on(struct baton_proxy *proxy);
