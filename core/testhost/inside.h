/* SPDX-License-Identifier: Apache-2.0 */

/* Inside of the test host: one module, its instances, everything they have running, every call they
 * ever had. See core/include/baton/testhost.h for what it is for.
 *
 * Whatever will happen is a `thing` in one list, ordered by when and then by who asked first; moving
 * the clock is taking things off its front. That is why two runs of a test are the same.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/mem.h"

#include <baton/sign.h>
#include <baton/testhost.h>

#include <pthread.h>

enum {
	BATON_RIG_NS_PER_MS = 1000000,
	BATON_RIG_FENCE_MS = 250,
	BATON_RIG_LAPS_MAX = 200000, /* things done while the clock stands: more is an endless loop */
	BATON_RIG_DELTA_KINDS = BATON_DELTA_UNKNOWN + 1
};

enum baton_rig_kind {
	BATON_RIG_TIMER,
	BATON_RIG_JOB,
	BATON_RIG_POST,
	BATON_RIG_HTTP,
	BATON_RIG_FENCE,
	BATON_RIG_WATCH /* stands in a list of its own: it is due when its descriptor is ready */
};

struct baton_rig_thing {
	struct baton_rig_thing *prev, *next;
	uint64_t id, due_ns, serial;
	enum baton_rig_kind kind;
	struct baton_ctx *ctx;
	void *user;
	union {
		void (*fn)(void *user); /* timer, post */
		struct {
			void (*work)(void *user);
			void (*done)(void *user, int32_t status);
		} job;
		struct {
			void (*fn)(void *user, int fd, uint32_t events);
			int fd;
			uint32_t events;
		} watch;
		struct baton_rig_request *request;
		struct baton_rig_call *call;
	};
};

/* One instance; number UINT32_MAX: the one that load() was given. */
struct baton_ctx {
	baton_testhost *host;
	uint32_t number;
	void *inst;
	bool created, closing, gone;
};

enum baton_rig_call_kind {
	BATON_RIG_GENERATE,
	BATON_RIG_CLASSIFY,
	BATON_RIG_SEARCH,
	BATON_RIG_APPEND,
	BATON_RIG_INVOKE,
	BATON_RIG_CHECK
};

struct baton_rig_call {
	baton_heard heard;
	baton_call handle;
	struct baton_ctx *ctx;
	enum baton_rig_call_kind kind;
	enum baton_testhost_breach late; /* what a word after the end is called */
	bool told_again;                 /* delta() said AGAIN and resume() has not come */
	uint32_t results_max, credit;
	size_t bytes;
	void *user;
	struct baton_buf text[BATON_RIG_DELTA_KINDS];
	size_t tail_n[BATON_RIG_DELTA_KINDS]; /* bytes of a cut character at the end of text[] */
	struct baton_arena arena;
};

struct baton_rig_fault {
	uint32_t nth; /* 0: none is waiting */
	int32_t rc;
	uint32_t ppm;
	int32_t chance_rc;
};

struct baton_rig_log {
	uint32_t level;
	char *text;
};

struct baton_rig_value {
	struct baton_rig_value *next;
	char *name;
	char *bytes; /* of kv */
	size_t n;
	uint64_t sum; /* of count() */
};

struct baton_testhost {
	void *library;
	const baton_module *module;
	const void *vt;
	void *mod;
	bool loaded;
	char *const *secrets, *const *egress; /* copies; NULL: all */
	pthread_t thread;
	pthread_mutex_t lock; /* what other threads may reach: things, logs, values, breaches */
	uint64_t now_ns, begin_ns, unix_ms, random;
	uint64_t serial;
	struct baton_rig_thing *things, *watches;
	bool hold_jobs, spinning, real_time;
	struct baton_ctx **ctxs, load_ctx;
	uint32_t n_ctxs;
	struct baton_rig_call **calls;
	uint32_t n_calls, cap_calls, first_credit;
	struct baton_rig_exchange *exchanges;
	struct baton_rig_request **requests;
	uint32_t n_requests, cap_requests, n_unexpected;
	struct baton_rig_fault faults[BATON_TESTHOST_FAULTS];
	unsigned breaches[BATON_TESTHOST_BREACH_COUNT];
	struct baton_buf breach_text;
	uint64_t slowest_us, slowest_create_us;
	const char *slowest_where;
	bool pure; /* a rule is asked: only log() and get() may be used */
	struct baton_rig_log *logs;
	uint32_t n_logs, cap_logs;
	struct baton_rig_value *kv, *counts;
	struct baton_buf sink;
	struct baton_arena found; /* texts of the last inspection */
	baton_hits look;          /* the list of baton_testhost_look(); `v` is ours */
};

/* --- host.c --- */
void baton_rig_breach(baton_testhost *host, enum baton_testhost_breach breach, const char *detail);
/* 0, or the fault that is due for this use. */
int32_t baton_rig_fault(baton_testhost *host, uint32_t what);
uint64_t baton_rig_random(baton_testhost *host);
/* 0: `ctx` is an instance on its own thread. Else BATON_E_*, counted. */
int32_t baton_rig_on_loop(struct baton_ctx *ctx, const char *what);
bool baton_rig_ctx_ok(const struct baton_ctx *ctx);
struct baton_ctx *baton_rig_ctx(const baton_testhost *host, uint32_t inst); /* NULL: gone */
uint64_t baton_rig_real_ns(void);
/* A stay in the module, timed by the real clock. */
struct baton_rig_visit {
	baton_testhost *host;
	const char *where;
	uint64_t begin_ns;
};
struct baton_rig_visit baton_rig_enter(baton_testhost *host, const char *where);
void baton_rig_leave(const struct baton_rig_visit *visit);
bool baton_rig_text_ok(baton_str s, size_t max);
/* "a\0b\0" out of a list that ends with NULL; NULL stays NULL. */
char *const *baton_rig_list_copy(const char *const *list);
void baton_rig_list_free(char *const *list);

/* --- clock.c --- */
/* A copy of `what`, in the list; its id is never reused. */
struct baton_rig_thing *baton_rig_thing_new(const struct baton_rig_thing *what);
void baton_rig_thing_drop(struct baton_rig_thing *thing);
/* Moves it to another time. */
void baton_rig_thing_move(struct baton_rig_thing *thing, uint64_t due_ns);
/* Does the first thing that is due until `until_ns`. false: there is none. */
bool baton_rig_step(baton_testhost *host, uint64_t until_ns);
/* Jobs of the instance, held or not, to their end. */
void baton_rig_finish_jobs(struct baton_ctx *ctx);
/* Everything else of it, dropped. Returns how many a module should have stopped. */
unsigned baton_rig_clear(struct baton_ctx *ctx);
int32_t baton_rig_host_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *), void *user,
			     baton_timer *out);
int32_t baton_rig_host_timer_stop(baton_ctx *ctx, baton_timer timer);
int32_t baton_rig_host_job(baton_ctx *ctx, void (*work)(void *), void (*done)(void *, int32_t),
			   void *user, baton_job *out);
int32_t baton_rig_host_post(baton_ctx *ctx, void (*fn)(void *), void *user);
int32_t baton_rig_host_watch(baton_ctx *ctx, int fd, uint32_t events,
			     void (*fn)(void *, int, uint32_t), void *user, baton_watch *out);
int32_t baton_rig_host_watch_stop(baton_ctx *ctx, baton_watch watch);

/* --- words.c: what a module answers --- */
int32_t baton_rig_host_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data);
int32_t baton_rig_host_result(baton_ctx *ctx, baton_call call, const char *type, const void *pod,
			      size_t n);
int32_t baton_rig_host_usage(baton_ctx *ctx, baton_call call, const baton_usage *usage);
int32_t baton_rig_host_end(baton_ctx *ctx, baton_call call, uint32_t reason);
int32_t baton_rig_host_fail(baton_ctx *ctx, baton_call call, const baton_error *error);
int32_t baton_rig_host_call_set(baton_ctx *ctx, baton_call call, void *user);
void *baton_rig_host_call_get(baton_ctx *ctx, baton_call call);
/* Copies what a classifier filled in. false: refused, the call has failed. */
bool baton_rig_take_intents(struct baton_rig_call *call, const baton_intents *intents);
/* The end as if the module had said it. */
void baton_rig_end(struct baton_rig_call *call, uint32_t reason);
/* The module's side is over: what comes later is `late`. */
void baton_rig_close(struct baton_rig_call *call, enum baton_testhost_breach late);

/* --- guard.c --- */
void baton_rig_guard_free(baton_testhost *host);
/* A turn without its messages, for who only wants some. */
baton_turn baton_rig_turn(const baton_testhost *host);

/* --- ask.c: calls --- */
struct baton_rig_call *baton_rig_call_of(const baton_testhost *host, baton_call handle);
void baton_rig_cancel(struct baton_rig_call *call, uint32_t why);
void baton_rig_fence_fired(struct baton_rig_call *call);
void baton_rig_calls_free(baton_testhost *host);

/* --- http.c --- */
struct baton_rig_request;
struct baton_rig_exchange;
int32_t baton_rig_host_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			    void *user, baton_http *out);
int32_t baton_rig_host_http_pause(baton_ctx *ctx, baton_http http, uint32_t paused);
int32_t baton_rig_host_http_stop(baton_ctx *ctx, baton_http http);
void baton_rig_http_step(struct baton_rig_request *request);
/* Nothing more is told of it; its thing has gone. */
void baton_rig_http_forget(struct baton_rig_request *request);
void baton_rig_http_free(baton_testhost *host);

/* The value of a secret: 0, BATON_E_DENIED (not in the list), _NOTFOUND (without a value). */
int32_t baton_rig_secret(const baton_testhost *host, baton_str name, char *to, size_t cap);

/* --- sign.c --- */
const void *baton_rig_sign(void);

/* --- table.c --- */
const baton_host *baton_rig_table(void);
void baton_rig_table_free(baton_testhost *host);
