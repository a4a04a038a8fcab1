/* SPDX-License-Identifier: Apache-2.0 */
/* baton/module.h - the Baton module ABI, major 1.
 *
 * One header, C11 or C++17, no dependency beyond the C library's freestanding headers.
 * A module is a shared object that exports exactly ONE symbol, `baton_module_entry`,
 * and carries one ELF note, `.note.baton`, that the host reads before it maps any code.
 *
 * RULES OF THE ABI (the host, the SDK and the conformance checker enforce them)
 *  R1  Accept rule: note.abi_major == host major, and note.abi_needed <= host minor.
 *      A newer header may build a module that still needs only an older minor.
 *  R2  Every struct starts with `size`, set by whoever fills it in. Structs only grow at the
 *      end. Read a field added after minor 0 through BATON_HAS(). Nothing is reordered, resized
 *      or given a new meaning. A changed thing is a NEW thing (`start2`, "baton.rule/2").
 *  R3  Enumerators are append-only. A value the host sends to a module may be added only
 *      behind a capability the module asked for; an unknown value must be treated as value 0.
 *  R4  Memory never changes owner. Every pointer passed is valid until the call returns, and
 *      the receiver copies what it keeps. No allocator crosses the ABI.
 *  R5  Work is named by 64-bit handles (slot + generation), never by pointers. A late use of
 *      an ended handle returns BATON_E_STALE and does nothing.
 *  R6  One instance belongs to one event loop. [loop] functions of an instance are never
 *      concurrent and must not block (soft 5 ms, hard 250 ms). [worker] functions may block.
 *      [control] functions run while no other function of that object runs. [any] is free.
 *  R7  A module starts no thread, installs no signal handler, calls no atexit(), setenv(),
 *      setlocale(), chdir(), fork() or exit(), and keeps no thread-local destructor.
 *      It asks the host for timers, jobs, HTTP and descriptors. If it must break R7 it says so
 *      with BATON_MODF_RESIDENT and is never unmapped.
 *  R8  No in-place change. A new configuration is a new instance; new code is a new generation.
 *      Old and new serve side by side; a turn sees one release from its first call to its last.
 *  R9  The module's memory is a cache. What must outlive it goes to session_put/kv_put.
 *  R10 All strings are UTF-8 with an explicit length; all times are monotonic nanoseconds
 *      unless the name says unix; money is micro-USD; probabilities are parts per million.
 *
 * HOW FUNCTIONS ARE DESCRIBED: [thread class], when it may be called, who owns what, what it answers.
 *  [any]      any thread of the host, at any time between load() and unload()
 *  [loop]     the thread of the instance's loop, between create() and destroy()
 *  [worker]   a thread of the host's pool: the `work` of a job, and nothing else
 *  [control]  while no other function of the same object runs
 * Functions of the host answer, besides what is said: BATON_E_THREAD called from the wrong thread;
 * BATON_E_STATE a [loop] function with the ctx of load(), or after destroy(); BATON_E_INVAL NULL with
 * a length, an enumerator that does not exist, no ctx. These are broken rules, and counted. Everything
 * is there since 1.0 unless it says "since 1.N".
 * Functions of a module answer BATON_OK, or a BATON_E_* and have then done nothing.
 *
 * CHANGES BY MINOR (docs/ABI.md: what a minor may bring; share/baton/abi/1.N.lock: its exact layout)
 *  1.0  The first. Served: provider, classifier, rule, transcript, retriever. Drafts, which no server
 *       serves and nobody is promised: channel; session_get, session_put and event, which answer
 *       BATON_E_UNSUPPORTED.
 *  1.1  baton_facts: class_name, language, tier; the flags BATON_FACT_VERIFIED, _SLA_BREACHED, _CLAIMED_BEFORE.
 *  1.2  The kinds tool and guard, with the result "tool/1". baton_intents: out_of_scope_ppm, human_ppm.
 *       baton_facts: guard_rule, out_of_scope_ppm, human_ppm, tool_calls, tool_no; the flags BATON_FACT_UNKNOWN,
 *       _UNGROUNDED, _INJECTION. BATON_ERROR_IN_DOUBT, BATON_DOC_STALE, BATON_HTTP_ONCE. Secrets in URLs.
 */
#ifndef BATON_MODULE_H
#define BATON_MODULE_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define BATON_ABI_MAJOR 1u
#define BATON_ABI_MINOR 2u
#define BATON_MAGIC     0x314e5442u                   /* "BTN1", little endian */
#define BATON_ENTRY_SYMBOL "baton_module_entry"
#define BATON_HAS(ptr, field) ((ptr) != NULL && \
    (ptr)->size >= offsetof(__typeof__(*(ptr)), field) + sizeof((ptr)->field))

/* ---------------------------------------------------------------- basics */
typedef struct baton_str { const char *p; size_t n; } baton_str;      /* not NUL-terminated */
typedef struct baton_ctx baton_ctx;           /* host's name for this instance; opaque */
typedef uint64_t baton_call;               /* one unit of asynchronous work */
typedef uint64_t baton_timer, baton_job, baton_http, baton_watch;

enum { /* int32_t results */
  BATON_OK = 0, BATON_PENDING = 1,            /* PENDING: the end will come through the call */
  BATON_E_STALE = -1,                      /* the handle has ended: forget it */
  BATON_E_AGAIN = -2,                      /* back-pressure: stop, wait for resume() */
  BATON_E_INVAL = -3, BATON_E_NOMEM = -4, BATON_E_THREAD = -5, BATON_E_STATE = -6,
  BATON_E_LIMIT = -7, BATON_E_DENIED = -8, BATON_E_NOTFOUND = -9, BATON_E_SCHEMA = -10,
  BATON_E_IO = -11, BATON_E_UNSUPPORTED = -12
};
enum { /* why work failed: what a router needs to know, not what a vendor says */
  BATON_FAIL_INTERNAL = 0, BATON_FAIL_UNAVAILABLE, BATON_FAIL_TIMEOUT, BATON_FAIL_RATE_LIMITED,
  BATON_FAIL_QUOTA,                        /* credit or plan exhausted */
  BATON_FAIL_PRICE,                        /* would exceed the turn's cost ceiling */
  BATON_FAIL_ACCESS,                       /* key revoked, account or region restricted */
  BATON_FAIL_MODEL_GONE, BATON_FAIL_REFUSED,  /* content policy */
  BATON_FAIL_TOO_LONG, BATON_FAIL_BAD_REQUEST, BATON_FAIL_BAD_OUTPUT, BATON_FAIL_CANCELLED,
  BATON_FAIL_MODULE,                       /* set by the host only: crash, hang, broken contract */
  BATON_FAIL_OVERLOADED,                   /* 503, 529, and the same inside a stream */
  BATON_FAIL_TRUNCATED,                    /* the stream ended without a finish mark */
  BATON_FAIL_EMPTY,                        /* finished, without text or tool call */
  BATON_FAIL_STALL, BATON_FAIL_FIRST_TOKEN, BATON_FAIL_TOTAL,  /* our clocks; BATON_FAIL_TIMEOUT: theirs */
  BATON_FAIL_CONNECT                       /* no connection: DNS, refused, TLS, reset before an answer */
};
enum { /* what a failure says something about, and so what a breaker closes */
  BATON_SCOPE_MODEL = 0,                   /* this model */
  BATON_SCOPE_REQUEST,                     /* this question; the next one may be fine */
  BATON_SCOPE_PROVIDER,                    /* everything behind this address */
  BATON_SCOPE_ACCOUNT                      /* every model that this key pays for */
};
enum { BATON_ERROR_BILLED = 1u,            /* the provider has counted tokens for this attempt: see usage() */
       BATON_ERROR_NOT_AGAIN = 2u,         /* the provider says that asking it the same again is of no use */
       BATON_ERROR_IN_DOUBT = 4u };        /* since 1.2, tools: the effect may have happened all the same */
enum { BATON_CANCEL_USER = 0, BATON_CANCEL_DEADLINE, BATON_CANCEL_SUPERSEDED, BATON_CANCEL_BUDGET,
       BATON_CANCEL_DRAIN, BATON_CANCEL_SHUTDOWN };
enum { BATON_LOG_DEBUG = 0, BATON_LOG_INFO, BATON_LOG_NOTICE, BATON_LOG_WARN, BATON_LOG_ERROR };

/* Why one call failed. Filled in by the module for fail(), by the host for on_end(). Views into memory
 * of whoever fills it in, valid during that call (R4). A field that is 0 or empty says nothing. */
typedef struct baton_error {
  uint32_t size; uint32_t fail;         /* BATON_FAIL_* */
  uint32_t http_status; uint32_t retry_after_ms;
  baton_str code;                          /* the vendor's own code, for the transcript */
  baton_str message;                       /* for the operator, never shown to the customer */
  uint32_t scope; uint32_t flags;       /* BATON_SCOPE_*, BATON_ERROR_* */
  uint64_t until_unix_ms;                  /* when a quota or a block is said to end; 0: nobody said */
} baton_error;

typedef struct baton_sink {                /* the host's write end; valid during the call that got it */
  uint32_t size; uint32_t reserved; void *ud;
  /* During the call only, on its thread. Takes all of `n` bytes or none. BATON_OK; BATON_E_LIMIT: more
   * than the host takes; any other < 0: return it as it is. */
  int32_t (*write)(void *ud, const void *p, size_t n);
} baton_sink;
typedef struct baton_source {              /* the host's read end; valid during the call that got it */
  uint32_t size; uint32_t reserved; void *ud;
  /* During the call only, on its thread. Up to `cap` bytes into `p`, any number of them: go on until 0,
   * which is the end. < 0: an error, return it as it is. */
  int64_t (*read)(void *ud, void *p, size_t cap);
} baton_source;

/* ------------------------------------------------- what the host offers */
/* One request. Everything in it is copied before http() returns. */
typedef struct baton_http_req {
  uint32_t size; uint32_t flags;        /* BATON_HTTP_* */
  baton_str method, url;                   /* the host part must be in the module's egress list; since 1.2
                                              "{{secret:NAME}}" is filled in here, too */
  const baton_str *headers; uint32_t n_headers;   /* "Name: value"; "{{secret:NAME}}" is filled in
                                                  by the host, so a key never enters a module */
  uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;          /* 0: the host's own limits */
  baton_str body;
} baton_http_req;
enum { BATON_HTTP_SSE = 1u,                /* on_data gets whole events of a text/event-stream */
       BATON_HTTP_NDJSON = 2u,             /* on_data gets whole lines, without a name */
       BATON_HTTP_ONCE = 4u };             /* since 1.2: it leaves at most once. Else it may be sent again by itself when a
                                              connection that was kept turns out to be dead, and the peer may have acted */
/* What comes of a request: [loop], never from inside http(), and nothing after on_end() or http_stop().
 * `user` is the pointer that http() got; views are valid during the call. Copied by http(). */
typedef struct baton_http_cb {
  uint32_t size; uint32_t reserved;
  /* Once, before any data; not at all if no answer came. May be NULL. */
  void (*on_head)(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n);
  /* `event` is the event's name ("message" if it has none) with BATON_HTTP_SSE and an answer of that
   * type; else it is empty, and data are bytes as they come, or whole lines. May be NULL. */
  void (*on_data)(void *user, baton_http h, baton_str event, baton_str data);
  /* Exactly once per accepted request that was not stopped. NULL: the body ended as HTTP says; whether
   * that was an answer is the module's to know. The handle has ended. Must be there. */
  void (*on_end)(void *user, baton_http h, const baton_error *err_or_null);
} baton_http_cb;

typedef struct baton_usage {               /* what one answer took; whoever fills it in owns it */
  uint32_t size; uint32_t flags;        /* BATON_USAGE_ESTIMATED */
  uint64_t in_tokens, cached_tokens, out_tokens, cost_microusd;   /* cost 0: computed from the target's prices */
} baton_usage;
enum { BATON_USAGE_ESTIMATED = 1u };
enum { BATON_WATCH_READ = 1u, BATON_WATCH_WRITE = 2u };             /* events of watch() */

/* Types of result(): the pod is an array of whole elements, n its bytes. One result per call. */
#define BATON_RESULT_DOCS "doc/1"        /* baton_doc[], best first */
#define BATON_RESULT_INTENTS "intents/1" /* one baton_intents */
#define BATON_RESULT_ENTRIES "entry/1"   /* baton_entry[], by seq: what read() of a transcript found */
#define BATON_RESULT_TOOL "tool/1"       /* one baton_tool_result; since 1.2 */

/* The host. The table lives as long as the process; its ctx is the one of load() (for [any] functions)
 * or of the instance (for all). */
typedef struct baton_host {
  uint32_t size; uint32_t abi_minor;
  const char *version;                                            /* of the server: "1.4.2" */
  /* [any] A part of the host by its name ("host.expr/1"), which lives as long as the process; NULL: this
   * host has none of that name, and a module that can do without goes on without. */
  const void *(*get)(baton_ctx *, const char *id);

  /* --- observe: none of these fails --- */
  /* [any] A line for the operator; `level` is BATON_LOG_*. Copied, cut to 1 KiB, secrets replaced, limited
   * to 50 lines at once and 10 a second. */
  void     (*log)(baton_ctx *, uint32_t level, baton_str msg);
  /* [any] Adds to the module's own counter; names are [a-z0-9_]{1,47}, at most 64 of them. */
  void     (*count)(baton_ctx *, const char *name, uint64_t add);
  /* [any] One measured time in microseconds; names as with count(). */
  void     (*observe)(baton_ctx *, const char *name, uint64_t us);
  /* [any] The monotonic clock, the one of every deadline; virtual in the test host. Not for rules. */
  uint64_t (*now_ns)(baton_ctx *);
  /* [any] The wall clock in milliseconds since 1970, which may jump. Not for rules. */
  uint64_t (*unix_ms)(baton_ctx *);
  /* [any] `n` bytes of chance into `p`, good for keys. BATON_E_IO. Not for rules. */
  int32_t  (*random)(baton_ctx *, void *p, size_t n);

  /* --- run: callbacks come through host code, which pins the generation while they run --- */
  /* [loop] fn(user) once, on this loop, `ms` from now, never from inside timer(). *out (may be NULL) names
   * it until it has come. BATON_E_LIMIT: too many are open. */
  int32_t (*timer)(baton_ctx *, uint32_t ms, void (*fn)(void *user), void *user, baton_timer *out);
  /* [loop] It does not come any more. BATON_E_STALE: it has come already, which is no sin. */
  int32_t (*timer_stop)(baton_ctx *, baton_timer);
  /* [loop] work(user) on a thread of the pool [worker], where it may block; then done(user, BATON_OK) on this
   * loop (may be NULL). What `user` points to is the job's until done(). Several jobs run at once, in no order.
   * A job cannot be stopped; destroy() comes after the last. BATON_E_STATE: the instance is being destroyed;
   * BATON_E_AGAIN, BATON_E_LIMIT: no room, and nothing of it will run. */
  int32_t (*job)(baton_ctx *, void (*work)(void *user) /* [worker] */,
                 void (*done)(void *user, int32_t status) /* [loop] */, void *user, baton_job *out);
  /* [any] fn(user) on the instance's loop, in the order of post()s; the way back from a job or a thread.
   * Not after destroy(). BATON_E_STATE: there is no loop (load's ctx), or no more. */
  int32_t (*post)(baton_ctx *, void (*fn)(void *user), void *user);
  /* [loop] fn(user, fd, BATON_WATCH_*) whenever the descriptor is ready, until stopped; the descriptor stays
   * the module's, who closes it after watch_stop(). Not in a process apart without leave. BATON_E_INVAL: it
   * cannot be watched (a plain file); BATON_E_LIMIT. */
  int32_t (*watch)(baton_ctx *, int fd, uint32_t events, void (*fn)(void *, int, uint32_t), void *user, baton_watch *out);
  /* [loop] BATON_E_STALE: there is no such watch any more. */
  int32_t (*watch_stop)(baton_ctx *, baton_watch);
  /* [loop] One request; what comes of it comes through `cb`, with `user`. BATON_OK: exactly one on_end() will
   * come, unless it is stopped. BATON_E_DENIED: the host or a secret is not in the module's list;
   * BATON_E_NOTFOUND: a secret is in it, but not set on this machine; BATON_E_INVAL: no URL, a header with a
   * line break, "{{secret:" without its end; BATON_E_LIMIT: too many, too large. */
  int32_t (*http)(baton_ctx *, const baton_http_req *, const baton_http_cb *, void *user, baton_http *out);
  /* [loop] No more on_data() until paused is 0 again; what had come before may still be told. Idle time does
   * not run meanwhile. BATON_E_STALE. */
  int32_t (*http_pause)(baton_ctx *, baton_http, uint32_t paused);
  /* [loop] Hangs up; nothing comes any more, not even on_end(). BATON_E_STALE: it has ended already. */
  int32_t (*http_stop)(baton_ctx *, baton_http);

  /* --- keep --- */
  /* DRAFTS: BATON_E_UNSUPPORTED in every server of today. [loop], with an open call; written with the turn's
   * own transaction, apart for each module. */
  int32_t (*session_get)(baton_ctx *, baton_call, baton_str key, const baton_sink *out);
  int32_t (*session_put)(baton_ctx *, baton_call, baton_str key, uint32_t schema, baton_str value);
  /* [any] Small values of this entry of modules.yaml, durable. Keys are 1 to 128 bytes of text.
   * BATON_E_NOTFOUND: nothing is kept there; BATON_E_UNSUPPORTED: no journal (in tools); BATON_E_IO. */
  int32_t (*kv_get)(baton_ctx *, baton_str key, const baton_sink *out);
  /* [any] Waits for the disk: from a job, not on a loop. An empty value is one. BATON_E_LIMIT: more than
   * 64 KiB; BATON_E_UNSUPPORTED, BATON_E_IO as above. */
  int32_t (*kv_put)(baton_ctx *, baton_str key, baton_str value);
  /* DRAFT, as session_put(). */
  int32_t (*event)(baton_ctx *, baton_call, baton_str type, baton_str json);

  /* --- answer: [loop], with a call that is open. Exactly one of end() and fail() per accepted call. All of
   * these answer BATON_E_STALE once the call is over for the module, however that came: ended, failed, cut by
   * the host for breaking a rule, fenced 250 ms after cancel(). Then forget the handle. --- */
  /* A piece of the answer; `kind` is BATON_DELTA_*. UTF-8, a character may be cut between two deltas; at most
   * 64 KiB per answer. BATON_E_AGAIN: not taken, and no more until resume(). Providers alone. */
  int32_t (*delta)(baton_ctx *, baton_call, uint32_t kind, baton_str data);
  /* The result of a call that has no text, once, before end(); `type` is BATON_RESULT_*. `pod` and what it
   * points to are copied. */
  int32_t (*result)(baton_ctx *, baton_call, const char *type, const void *pod, size_t n);
  /* Totals of this call so far; the last one counts. Before end() or fail(). */
  int32_t (*usage)(baton_ctx *, baton_call, const baton_usage *);
  /* The call has ended well; `reason` is BATON_END_*, 0 for calls without text. The handle has ended. After
   * cancel() it only says that the module is done with it. */
  int32_t (*end)(baton_ctx *, baton_call, uint32_t reason);
  /* The call has failed, and why. The handle has ended. */
  int32_t (*fail)(baton_ctx *, baton_call, const baton_error *);
  /* A pointer of the module's to be found with the call. It stays the module's: the host never frees it. */
  int32_t (*call_set)(baton_ctx *, baton_call, void *user);
  /* That pointer; NULL: none was set, or the call has ended. Asking is never a sin. */
  void   *(*call_get)(baton_ctx *, baton_call);
} baton_host;
enum { BATON_DELTA_TEXT = 0, BATON_DELTA_REASONING,
       BATON_DELTA_TOOL_CALL /* one whole call: {"id":"...","name":"...","arguments":{...}}; then end(BATON_END_TOOL_CALLS) */,
       BATON_DELTA_CITATION /* json: sources used */,
       BATON_DELTA_UNKNOWN /* no data: "I do not know" is what the text says */ };
enum { BATON_END_STOP = 0, BATON_END_LENGTH, BATON_END_TOOL_CALLS, BATON_END_FILTERED };

/* -------------------------------------------------------- module kinds */
typedef struct baton_msg { uint32_t role; uint32_t flags; baton_str text, name, tool_call_id, parts_json; } baton_msg;
enum { BATON_ROLE_SYSTEM = 0, BATON_ROLE_CUSTOMER, BATON_ROLE_BOT, BATON_ROLE_AGENT, BATON_ROLE_TOOL };

typedef struct baton_turn {                /* what every kind sees of the turn */
  uint32_t size; uint32_t flags;        /* BATON_TURN_DEGRADED, BATON_TURN_SHADOW, BATON_TURN_DRILL */
  baton_str session_id, turn_id, channel, locale, customer_ref, customer_tier, intent;
  const baton_msg *msgs; uint32_t n_msgs; uint32_t attempt;
  uint64_t deadline_ns, first_delta_ns, budget_microusd;
} baton_turn;
enum { BATON_TURN_DEGRADED = 1u, BATON_TURN_SHADOW = 2u, BATON_TURN_DRILL = 4u };

/* One passage that a retriever found and a provider may answer from. `snippet` is the whole text
 * of the passage, Markdown; `uri` names the article; `version` is its own (a date or a number). */
typedef struct baton_doc {
  baton_str id, title, uri, snippet, version;
  uint32_t score_ppm; uint32_t flags; uint64_t updated_unix_ms;   /* flags: BATON_DOC_* */
} baton_doc;
enum { BATON_DOC_STALE = 1u };             /* since 1.2: past the date until which it is valid */

#define BATON_PROVIDER "baton.provider/1"
typedef struct baton_prompt {
  uint32_t size; uint32_t flags;
  const baton_turn *turn;
  baton_str model, idempotency_key, response_schema, tools_json;
  uint32_t max_output_tokens; int32_t temperature_milli;          /* -1: the provider's default */
  const baton_doc *docs; uint32_t n_docs; uint32_t reserved;      /* what retrieval found, best first */
  baton_str prefill;                       /* the beginning of an answer that the model shall continue, empty:
                                              none. Sent only to targets that are marked able to; what
                                              comes back is the rest, without the beginning. */
} baton_prompt;
typedef struct baton_provider {
  uint32_t size; uint32_t flags;
  /* [loop] A JSON array of the models: names, context, price, tools, vision, as far as known. May be NULL. */
  int32_t (*models)(void *inst, const baton_sink *json);
  /* [loop] What this would take, without asking anybody. BATON_E_UNSUPPORTED: cannot be said. May be NULL. */
  int32_t (*estimate)(void *inst, const baton_prompt *, baton_usage *out);
  /* [loop] BATON_OK: accepted (one end/fail will come, maybe before start returns); <0: not started, and
   * no end may come. The prompt and all it points to live during the call only. Must be there.
   * After cancel() the end must come within 250 ms or the host ends the call itself and fences it. */
  int32_t (*start)(void *inst, baton_call, const baton_prompt *);
  /* [loop] Nobody waits any more; `why` is BATON_CANCEL_*. Say nothing but the end. Must be there. */
  void    (*cancel)(void *inst, baton_call, uint32_t why);
  /* [loop] After delta() said BATON_E_AGAIN: there is room. May be NULL if that never matters. */
  void    (*resume)(void *inst, baton_call);
} baton_provider;

#define BATON_CLASSIFIER "baton.classifier/1"
typedef struct baton_intent { baton_str name; uint32_t confidence_ppm; uint32_t flags; baton_str entities_json; } baton_intent;
typedef struct baton_intents {
  uint32_t size; uint32_t n, cap; uint32_t sentiment_ppm; baton_intent *v; baton_str language;
  /* since 1.2: how likely no intent covers the message; how likely it asks for a person. 0: not said */
  uint32_t out_of_scope_ppm, human_ppm;
} baton_intents;
typedef struct baton_classifier {
  uint32_t size; uint32_t flags;
  /* [loop] A JSON array of every name that classify() may tell. May be NULL. */
  int32_t (*labels)(void *inst, const baton_sink *json);
  /* [loop] BATON_OK: `out` filled, at most `cap` intents, best first; its strings are the module's and live until
   * the next call of the instance. BATON_PENDING: result("intents/1") and end() later. <0: not started.
   * The turn lives during the call only. Must be there. */
  int32_t (*classify)(void *inst, baton_call, const baton_turn *, baton_intents *out);
  /* [loop] After BATON_PENDING: nobody waits any more; say nothing but the end, within 250 ms. May be NULL. */
  void    (*cancel)(void *inst, baton_call, uint32_t why);
} baton_classifier;

#define BATON_RULE "baton.rule/1"
typedef struct baton_facts {               /* everything a rule may look at; recorded in the transcript,
                                           so a new rule can be replayed over yesterday's turns */
  uint32_t size; uint32_t flags;        /* BATON_FACT_* */
  baton_str session_id, intent, customer_tier, channel, locale, last_fail_provider, tags_json;
  uint32_t intent_ppm, answer_ppm, sentiment_ppm;
  uint32_t exchanges, unresolved_exchanges, tool_errors, auth_failures, reopen_count;
  uint32_t last_fail, primary_health_ppm, degraded_level, queue_depth, agents_free;
  uint64_t age_ms, idle_ms, cost_microusd, cost_ceiling_microusd, sla_left_ms;
  uint32_t stage, reserved;             /* BATON_STAGE_*: before any model is asked, or on its answer */
  baton_str primary_state, mode;
  uint64_t answers_total_ms;
  uint32_t primary_p95_ms, tool_success_ppm, override_rate_ppm, low_confidence_streak, attempts, reserved2;
  /* since 1.1: the workflow class and tier of the question's route, and the language it is written in */
  baton_str class_name, language;
  uint32_t tier, reserved3;
  /* since 1.2: what a guard objected to most, the classifier's doubts, calls of tools in this turn */
  baton_str guard_rule;
  uint32_t out_of_scope_ppm, human_ppm, tool_calls, reserved4;
  baton_str tool_no;                       /* since 1.2: the word of the newest tool of this turn that said no */
} baton_facts;
enum { BATON_STAGE_BEFORE = 0, BATON_STAGE_AFTER };
enum { BATON_FACT_ASKED_HUMAN = 1u, BATON_FACT_HUMAN_ACTIVE = 2u, BATON_FACT_SECURITY = 4u, BATON_FACT_BILLING = 8u,
       BATON_FACT_LEGAL = 16u, BATON_FACT_RETRIEVAL_EMPTY = 32u, BATON_FACT_POLICY_HIT = 64u,
       BATON_FACT_SUBSTITUTE = 128u, BATON_FACT_STALE = 256u,
       /* since 1.1 */
       BATON_FACT_VERIFIED = 512u, BATON_FACT_SLA_BREACHED = 1024u, BATON_FACT_CLAIMED_BEFORE = 2048u,
       /* since 1.2 */
       BATON_FACT_UNKNOWN = 4096u, BATON_FACT_UNGROUNDED = 8192u, BATON_FACT_INJECTION = 16384u };
typedef struct baton_verdict {
  uint32_t size; uint32_t action;       /* the strictest verdict of all rules wins */
  uint32_t priority; uint32_t flags;    /* BATON_VERDICT_REVERSIBLE */
  const char *rule, *reason;            /* stable ids: "refund-dispute", "low-confidence" */
  const char *queue, *resume_when;      /* NULL: the default */
  uint32_t cooldown_ms;
} baton_verdict;
enum { BATON_ACT_NONE = 0, BATON_ACT_OFFER_HUMAN, BATON_ACT_REVIEW /* agent approves the draft */,
       BATON_ACT_ESCALATE, BATON_ACT_ESCALATE_NOW };
enum { BATON_VERDICT_REVERSIBLE = 1u };
typedef struct baton_rule {                /* pure: no I/O, no clock, no randomness, no host calls but log */
  uint32_t size; uint32_t flags;
  /* [loop] A JSON array of the rules: id, action, priority. May be NULL. */
  int32_t (*describe)(void *inst, const baton_sink *json);
  /* [loop] BATON_OK: the verdict; `out` comes as BATON_ACT_NONE. Its strings are the module's and live until the
   * next call of the instance. <0: cannot be decided, and the host takes the safe reading. Must be there. */
  int32_t (*evaluate)(void *inst, const baton_facts *, baton_verdict *out);
} baton_rule;

#define BATON_TRANSCRIPT "baton.transcript/1"
typedef struct baton_entry { uint64_t seq; uint64_t unix_ms; baton_str session_id, type, json; } baton_entry;
typedef struct baton_transcript {          /* the core's LMDB log is the truth; a backend drains its outbox */
  uint32_t size; uint32_t flags;
  /* [loop] BATON_OK or, after BATON_PENDING, end(): all of them are durable. fail(): perhaps none is, and they
   * come again. Idempotent on (session_id, seq): what is there already is there once. Within a session they
   * come by seq, with nothing between. Entries live during the call only. BATON_E_AGAIN: not now. Must be there. */
  int32_t (*append)(void *inst, baton_call, const baton_entry *, uint32_t n);
  /* [loop] result("entry/1") of at most `max` entries from `from_seq` on, then end(). May be NULL. */
  int32_t (*read)(void *inst, baton_call, baton_str session_id, uint64_t from_seq, uint32_t max);
  /* [loop] Forgets every session of that customer; end() means that it is gone. May be NULL. */
  int32_t (*erase)(void *inst, baton_call, baton_str customer_ref);
  /* [loop] Nobody waits any more; what was to be written may still be. The end within 250 ms. May be NULL. */
  void    (*cancel)(void *inst, baton_call, uint32_t why);
} baton_transcript;

/* Since 1.2. Something outside is looked up or changed. The policies (tools.yaml) say which tools there are,
 * what they may be given, who may ask for them and what needs a person's leave; a tool performs, and decides
 * nothing of that. The call is on record before invoke(). */
#define BATON_TOOL "baton.tool/1"
typedef struct baton_tool_req {
  uint32_t size; uint32_t flags;        /* BATON_TOOL_*, as the policies say of it */
  const baton_turn *turn;                  /* without its messages: n_msgs is 0 */
  baton_str name;                          /* as in tools.yaml */
  baton_str args_json;                     /* an object that fits the tool's schema: the host has checked */
  baton_str idempotency_key;               /* of this call: the same for each try, also after a restart of the server */
} baton_tool_req;
enum { BATON_TOOL_WRITES = 1u,             /* it changes something */
       BATON_TOOL_IDEMPOTENT = 2u,         /* twice with the same key is once: it may be tried again */
       BATON_TOOL_SHADOW = 4u };           /* nothing may be changed: the turn is tried out (baton eval) */
typedef struct baton_tool_result {
  uint32_t size; uint32_t flags;        /* BATON_TOOL_NO, BATON_TOOL_CACHED */
  baton_str json;                          /* one JSON value, at most 64 KiB; the host checks it against the tool's schema */
  baton_str code;                          /* with BATON_TOOL_NO: a word for models and rules, [a-z0-9_]{1,63}: "not_found" */
  uint32_t http_status; uint32_t tries;   /* 0: nobody was asked over HTTP; how often it was tried */
} baton_tool_result;
enum { BATON_TOOL_NO = 1u,                 /* it worked, and the answer is no: there is no such order */
       BATON_TOOL_CACHED = 2u };           /* known from before; nobody was asked */
typedef struct baton_tool {
  uint32_t size; uint32_t flags;
  /* [loop] A JSON array of the tools that it can perform: {"name","description","arguments": JSON Schema,
   * "writes": bool} as far as known. May be NULL. */
  int32_t (*describe)(void *inst, const baton_sink *json);
  /* [loop] BATON_OK: accepted; result("tool/1") and end(), or fail(), both maybe before invoke() returns. <0:
   * not started. The request lives during the call only. fail() with BATON_ERROR_IN_DOUBT if the effect may have
   * happened. Must be there. */
  int32_t (*invoke)(void *inst, baton_call, const baton_tool_req *);
  /* [loop] Nobody waits any more; the end within 250 ms. What was sent may still happen: say so with
   * BATON_ERROR_IN_DOUBT. Must be there. */
  void    (*cancel)(void *inst, baton_call, uint32_t why);
} baton_tool;

#define BATON_RETRIEVER "baton.retriever/1"
typedef struct baton_query { uint32_t size; uint32_t k; const baton_turn *turn; baton_str text, filter_json; } baton_query;
typedef struct baton_retriever {
  uint32_t size; uint32_t flags;
  /* [loop] BATON_OK: accepted; result("doc/1", baton_doc[]) of at most query->k, best first and perhaps none, then
   * end(), both maybe before search() returns. <0: not started. The query lives during the call only. Must be
   * there. */
  int32_t (*search)(void *inst, baton_call, const baton_query *);
  /* [loop] Nobody waits any more; say nothing but the end, within 250 ms. May be NULL. */
  void    (*cancel)(void *inst, baton_call, uint32_t why);
} baton_retriever;

/* Since 1.2. Looks at text that comes in or goes out and says what is in it; the host does what follows:
 * placeholders and their way back, withdrawing, asking a person. Pure like a rule: no I/O, no clock, no
 * randomness, no host calls but log; the same text gives the same hits. */
#define BATON_GUARD "baton.guard/1"
enum { /* where text stands; a mask in baton_guard.at and in guards.yaml */
  BATON_AT_CUSTOMER = 1u,                  /* what a customer wrote */
  BATON_AT_AGENT = 2u,                     /* what a person at the desk wrote */
  BATON_AT_KNOWLEDGE = 4u,                 /* a passage that a retriever found */
  BATON_AT_TOOL_RESULT = 8u,               /* JSON that a tool brought */
  BATON_AT_TOOL_ARGS = 16u,                /* JSON that a model wants a tool to be given */
  BATON_AT_ANSWER = 32u };                 /* what a model says, while it grows and when it is whole */
enum { /* what a hit asks of the host; an unknown value is a MARK */
  BATON_GUARD_MARK = 0,                    /* on record and a fact for rules, nothing else */
  BATON_GUARD_REDACT,                      /* a placeholder "[TYPE_n]" takes its place before anybody outside sees it;
                                              in an answer to the customer the placeholder is turned back */
  BATON_GUARD_REMOVE,                      /* taken out, for everybody: invisible characters */
  BATON_GUARD_APPEND,                      /* AT_ANSWER, final: `text` is to stand behind the answer */
  BATON_GUARD_BLOCK };                     /* does not pass: an answer is not sent, a passage or result is not shown to
                                              the model, a tool is not called */
typedef struct baton_hit {
  uint32_t begin, end;                     /* bytes of the text, [begin, end), whole characters */
  uint32_t action; uint32_t confidence_ppm;
  baton_str type;                          /* [a-z0-9_]{1,31}: "card", "injection", "promise" */
  baton_str rule;                          /* id for the record and for rules: "no-refund-promise"; empty: the type */
  baton_str text;                          /* APPEND: the words */
} baton_hit;
typedef struct baton_hits {            /* the host's; `v` has room for `cap` */
  uint32_t size; uint32_t n, cap;
  uint32_t safe;                           /* AT_ANSWER, not final: so many leading bytes may be shown now. What stands behind
                                              may be the beginning of something. Comes as all of the text. */
  baton_hit *v;
} baton_hits;
typedef struct baton_inspection {
  uint32_t size; uint32_t at;             /* one of BATON_AT_* */
  const baton_turn *turn;                  /* without its messages; `intent` is there from when it is known */
  baton_str text;                          /* of an answer: all of it so far */
  uint32_t from;                           /* AT_ANSWER: bytes before this have been shown: only what reaches behind counts */
  uint32_t final;                          /* AT_ANSWER: 0 while it grows; 1 when it is whole, and anywhere else */
} baton_inspection;
typedef struct baton_guard {
  uint32_t size; uint32_t at;             /* mask of BATON_AT_*: where it is of any use */
  /* [loop] A JSON array of what it can find: {"type","action","description"}. May be NULL. */
  int32_t (*describe)(void *inst, const baton_sink *json);
  /* [loop] BATON_OK: `out` filled, sorted by `begin`, not overlapping; its strings are the module's and live until
   * the next call of the instance. BATON_E_LIMIT: more than `cap`. <0: cannot be said, and the host takes the
   * safe reading. Must be there. */
  int32_t (*inspect)(void *inst, const baton_inspection *, baton_hits *out);
} baton_guard;

/* DRAFT: no server serves it, and until one does it may change (see CHANGES). */
#define BATON_CHANNEL "baton.channel/1"
typedef struct baton_channel {
  uint32_t size; uint32_t flags;
  int32_t (*send)(void *inst, baton_call, baton_str session_id, baton_str json);
  int32_t (*inbound_http)(void *inst, baton_call, baton_str method, baton_str path, baton_str body, const baton_sink *reply);
} baton_channel;

/* ---------------------------------------------------------- the module */
/* Warm state handed from the old generation to the new one of the same id, on each loop. A module's memory
 * is a cache (R9): that nothing could be handed over is told to the operator and is no error. */
typedef struct baton_state {
  uint32_t size; uint32_t schema;       /* the schema save() writes */
  uint32_t min_schema; uint32_t reserved;/* the oldest schema load() still reads */
  /* [loop] The old one, which keeps serving. At most 16 MiB. */
  int32_t (*save)(void *inst, const baton_sink *);
  /* [loop] The new one, after create() and before activate(); `schema` is what was saved, from min_schema to
   * schema. The bytes are to be trusted no more than a stranger's. BATON_E_SCHEMA: they are not what they say;
   * the instance is as create() left it. */
  int32_t (*load)(void *inst, uint32_t schema, const baton_source *);
} baton_state;

typedef struct baton_iface { const char *id; const void *vt; } baton_iface;

typedef struct baton_module {
  uint32_t magic, size;
  uint16_t abi_major, abi_built, abi_needed, reserved0;
  uint32_t flags; uint32_t n_ifaces;
  const char *id, *version, *vendor, *license, *summary, *homepage;
  const char *config_schema;            /* JSON Schema text; checked before create() */
  const baton_iface *ifaces;
  /* [control] Once per generation, before any create(). *mod is shared by all instances on all loops and
   * belongs to the module: read-only from here on. The table and the ctx live until unload(); with this
   * ctx only [any] functions can be called. <0: the release is refused. May be NULL: *mod is NULL. */
  int32_t (*load)(baton_ctx *, const baton_host *, void **mod);
  /* [control] Once, after the last destroy(), if load() said BATON_OK: frees *mod. May be NULL. */
  void    (*unload)(void *mod);
  /* [loop] Once per event loop and configuration. `config_json` fits config_schema and lives during the call
   * only. *inst belongs to the module until destroy(). 100 ms at most: what takes longer is a job, and
   * check() ends when it is done. <0: the release is refused. Must be there. */
  int32_t (*create)(void *mod, baton_ctx *, baton_str config_json, void **inst);
  /* [loop] After create() and the import of state: calls may come, timers may be set. May be NULL. */
  int32_t (*activate)(void *inst);
  /* [loop] No new call will come; those that are open go on. Stop timers and warm-ups. May be NULL. */
  void    (*quiesce)(void *inst);
  /* [loop] The last function of the instance: no call is open, no job runs. Frees it; what timers, requests and
   * watches are left, the host frees and counts. Must be there. */
  void    (*destroy)(void *inst);
  /* [loop] Health, as a call: end() when it is well, fail() when it is not, or cannot be known. Level 0: this
   * instance is ready to serve, without network; a release is published only when all have said so. Level 1:
   * the upstream can be reached. May be NULL: always well. */
  int32_t (*check)(void *inst, baton_call, uint32_t level);
  const baton_state *state;                /* NULL: stateless */
  const void *reserved[4];
} baton_module;
enum { BATON_MODF_RESIDENT = 1u,           /* never unmap (vendor SDK with threads, C++ runtime, ...) */
       BATON_MODF_ISOLATE = 2u,            /* asks for its own process */
       BATON_MODF_NO_INLINE = 4u };        /* refuses to run in the server process */

/* ------------------------------------------- the note, read before dlopen */
typedef struct baton_note {
  uint32_t namesz, descsz, type;        /* 6, sizeof desc, 1 */
  char name[8];                         /* "Baton\0" padded to 4 */
  struct { uint32_t rev, abi_major, abi_built, abi_needed, flags, module_size; char id[64], version[32], kinds[96]; } d;
} baton_note;

#if defined(__GNUC__)
# define BATON_EXPORT __attribute__((visibility("default")))
# define BATON_NOTE_SECTION __attribute__((section(".note.baton"), used, aligned(4)))
#endif
#ifndef BATON_ABI_NEEDED                   /* define before including, to ask for less */
# define BATON_ABI_NEEDED BATON_ABI_MINOR
#endif
#define BATON_MODULE_NOTE(ID, VERSION, KINDS, FLAGS) \
  BATON_NOTE_SECTION static const baton_note baton_note_ = { 6u, sizeof(((baton_note *)0)->d), 1u, "Baton", \
    { 1u, BATON_ABI_MAJOR, BATON_ABI_MINOR, BATON_ABI_NEEDED, (FLAGS), sizeof(baton_module), ID, VERSION, KINDS } }
#define BATON_MODULE_HEAD .magic = BATON_MAGIC, .size = sizeof(baton_module), .abi_major = BATON_ABI_MAJOR, \
  .abi_built = BATON_ABI_MINOR, .abi_needed = BATON_ABI_NEEDED

extern BATON_EXPORT const baton_module baton_module_entry;

#ifdef __cplusplus
}
#endif
#endif /* BATON_MODULE_H */
