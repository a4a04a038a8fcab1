/* SPDX-License-Identifier: Apache-2.0 */

/* Inside of baton-modhost: one process, one module, one main thread.
 *
 *   house    the process: control socket, module, timers, jobs, what other threads have left for it
 *   guest    an instance: what the module holds as its baton_ctx; one socket to one loop of the server
 *
 * The module shares the address space with all of this, so nothing here protects the server: that is
 * the sandbox's and the server's own doing. This side is for the module's good and for equal
 * answers. */
#pragma once

#include "core/base/table.h"
#include "core/isolate/pod.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	BATON_GUEST_OUT_MAX =
		1024 * 1024, /* unread by the server: deltas wait, lines are dropped */
	BATON_GUEST_TIMERS_MAX = 4096,
	BATON_GUEST_JOBS_MAX = 1024,
	BATON_GUEST_HTTP_MAX = 1024,
	BATON_GUEST_TEXT_MAX = 64 * 1024,
	BATON_GUEST_LINES_PER_S = 1000,
	BATON_GUEST_MEASURES_PER_S = 20000,
	BATON_GUEST_VISIT_US = 5000, /* longer on the main thread is an overrun */
	BATON_HOUSE_ASK_MS = 2000,
	BATON_HOUSE_FDS_MAX = 8
};

struct baton_guest_call {
	uint64_t handle;
	enum baton_frame_op op; /* what it began with */
	void *user;
	uint32_t credit;
	size_t need; /* bytes of the delta that had to wait */
	bool cancelled, closed, starved, has_result;
	UT_hash_handle hh;
};

struct baton_guest_http {
	uint64_t id;
	baton_http_cb cb;
	void *user;
	UT_hash_handle hh;
};

struct baton_guest {
	uint32_t magic;
	struct baton_guest *prev, *next;
	int fd; /* -1: the server has closed it */
	void *inst;
	bool created, quiesced, failed, closing, gone;
	struct baton_buf config;
	struct baton_buf in, batch;
	struct baton_buf out; /* under house->lock, as other threads log */
	size_t out_at;
	struct baton_guest_call *calls;
	struct baton_guest_http *https;
	unsigned timers, jobs;
	uint64_t number; /* of the last question */
	uint64_t waiting;
	int32_t reply_rc;
	struct baton_buf reply;
	uint64_t lines_s; /* the second that is counted */
	unsigned lines, measures;
};

struct baton_house_timer {
	struct baton_house_timer *prev, *next; /* by time */
	uint64_t id, due_ns;
	struct baton_guest *guest;
	void (*fn)(void *user);
	void *user;
	UT_hash_handle hh;
};

struct baton_house_job {
	struct baton_house_job *prev, *next;
	struct baton_guest *guest;
	void (*work)(void *user);
	void (*done)(void *user, int32_t status);
	void *user;
};

struct baton_house_post {
	struct baton_house_post *prev, *next;
	struct baton_guest *guest;
	void (*fn)(void *user);
	void *user;
};

/* A question of another thread, asked by the main thread in its name. */
struct baton_house_wish {
	struct baton_house_wish *prev, *next;
	struct baton_guest *guest;
	struct baton_buf frame;
	struct baton_buf *reply;
	int32_t rc;
	bool done;
};

struct baton_house {
	pthread_t thread;
	struct baton_beacon *beacon;
	uint64_t visit_ns; /* the outermost visit's begin */
	baton_host table;
	char version[32];
	void *dl;
	const baton_module *entry;
	void *mod;
	uint32_t parts;
	const baton_provider *provider;
	const baton_classifier *classifier;
	const baton_rule *rule;
	const baton_transcript *transcript;
	const baton_retriever *retriever;
	const baton_tool *tool;
	const baton_guard *guard;

	struct baton_buf in;
	int fds[BATON_HOUSE_FDS_MAX]; /* received, and not yet claimed by their SOCKET frame */
	unsigned n_fds;
	bool leaving;
	struct baton_guest load; /* ctx of load(): no socket */
	struct baton_guest *guests;
	unsigned n_guests;
	uint64_t ids;
	struct baton_house_timer *timers, *timers_by_id;

	int wake;
	pthread_mutex_t lock; /* what follows, and the guests' out */
	pthread_cond_t work, told;
	bool has_thread;
	struct baton_house_job *jobs, *done;
	struct baton_house_post *posts;
	struct baton_house_wish *wishes;
};

extern struct baton_house baton_house;

uint64_t baton_house_ns(void);
void baton_house_wake(void); /* [any] */
bool baton_house_is_main(void);
/* One frame on the control socket. */
void baton_house_say(uint32_t level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void baton_house_report(const struct baton_buf *frames);

/* Every call into the module stands between these: the server sees where we are. */
uint32_t baton_house_enter(enum baton_place place);
void baton_house_leave(struct baton_guest *guest, uint32_t was);

/* --- guest.c: instances, their sockets and frames ------------------------------------------- */

struct baton_guest *baton_guest_of(baton_ctx *ctx); /* NULL: no ctx of ours, or gone */
baton_ctx *baton_guest_ctx(struct baton_guest *guest);
void baton_guest_new(int fd);
/* Reads once and does what has come. */
void baton_guest_read(struct baton_guest *guest);
/* Writes what the socket takes. [main] */
void baton_guest_flush(struct baton_guest *guest);
/* Bytes that the server has not taken yet. */
size_t baton_guest_unread(const struct baton_guest *guest);
/* The server does not want it any more: quiesced, and destroyed when no job runs. */
void baton_guest_close(struct baton_guest *guest);
void baton_guest_close_if_idle(struct baton_guest *guest);
struct baton_guest_call *baton_guest_call(struct baton_guest *guest, uint64_t handle);
void baton_guest_call_drop(struct baton_guest *guest, struct baton_guest_call *call);
/* Sends `frame` and waits for its REPLY. [any; the main thread does the waiting] */
int32_t baton_guest_ask(struct baton_guest *guest, struct baton_buf *frame,
			struct baton_buf *ret_reply);

/* --- serve.c: what turns ask of an instance -------------------------------------------------- */

/* false: a frame that does not read; the server is another than ours. */
bool baton_guest_serve(struct baton_guest *guest, const struct baton_frame *frame);

/* --- answer.c, fetch.c, later.c, table.c: the host table ------------------------------------- */

int32_t baton_guest_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data);
int32_t baton_guest_result(baton_ctx *ctx, baton_call call, const char *type, const void *pod,
			   size_t n);
int32_t baton_guest_usage(baton_ctx *ctx, baton_call call, const baton_usage *usage);
int32_t baton_guest_end(baton_ctx *ctx, baton_call call, uint32_t reason);
int32_t baton_guest_fail(baton_ctx *ctx, baton_call call, const baton_error *error);
int32_t baton_guest_call_set(baton_ctx *ctx, baton_call call, void *user);
void *baton_guest_call_get(baton_ctx *ctx, baton_call call);
void baton_guest_refused(struct baton_guest *guest, uint64_t handle, int32_t rc);
/* Calls that wait for credit or for the server to read: resume() of those that may go on. */
void baton_guest_resume(struct baton_guest *guest);

int32_t baton_guest_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			 void *user, baton_http *out);
int32_t baton_guest_http_pause(baton_ctx *ctx, baton_http http, uint32_t paused);
int32_t baton_guest_http_stop(baton_ctx *ctx, baton_http http);
bool baton_guest_on_http(struct baton_guest *guest, const struct baton_frame *frame);
void baton_guest_http_clear(struct baton_guest *guest);
int32_t baton_guest_kv_get(baton_ctx *ctx, baton_str key, const baton_sink *out);
int32_t baton_guest_kv_put(baton_ctx *ctx, baton_str key, baton_str value);
int32_t baton_guest_session_get(baton_ctx *ctx, baton_call call, baton_str key,
				const baton_sink *out);
int32_t baton_guest_session_put(baton_ctx *ctx, baton_call call, baton_str key, uint32_t schema,
				baton_str value);
int32_t baton_guest_event(baton_ctx *ctx, baton_call call, baton_str type, baton_str json);
const void *baton_guest_get(baton_ctx *ctx, const char *id);

int32_t baton_guest_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *user), void *user,
			  baton_timer *out);
int32_t baton_guest_timer_stop(baton_ctx *ctx, baton_timer timer);
int32_t baton_guest_job(baton_ctx *ctx, void (*work)(void *user),
			void (*done)(void *user, int32_t status), void *user, baton_job *out);
int32_t baton_guest_post(baton_ctx *ctx, void (*fn)(void *user), void *user);
/* Makes the helper thread, if there is none yet. false: it cannot be made. */
bool baton_later_helper(void);
/* Timers of the guest; returns how many there were. */
unsigned baton_later_clear(struct baton_guest *guest);
/* Runs what is due; returns the milliseconds until the next timer, -1: there is none. */
int baton_later_run(void);

void baton_table_fill(baton_host *table);
