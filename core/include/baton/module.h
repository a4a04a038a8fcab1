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
 */
#ifndef BATON_MODULE_H
#define BATON_MODULE_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define BATON_ABI_MAJOR 1u
#define BATON_ABI_MINOR 0u
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
       BATON_ERROR_NOT_AGAIN = 2u };       /* the provider says that asking it the same again is of no use */
enum { BATON_CANCEL_USER = 0, BATON_CANCEL_DEADLINE, BATON_CANCEL_SUPERSEDED, BATON_CANCEL_BUDGET,
       BATON_CANCEL_DRAIN, BATON_CANCEL_SHUTDOWN };
enum { BATON_LOG_DEBUG = 0, BATON_LOG_INFO, BATON_LOG_NOTICE, BATON_LOG_WARN, BATON_LOG_ERROR };

typedef struct baton_error {
  uint32_t size; uint32_t fail;         /* BATON_FAIL_* */
  uint32_t http_status; uint32_t retry_after_ms;
  baton_str code;                          /* the vendor's own code, for the transcript */
  baton_str message;                       /* for the operator, never shown to the customer */
  uint32_t scope; uint32_t flags;       /* BATON_SCOPE_*, BATON_ERROR_* */
  uint64_t until_unix_ms;                  /* when a quota or a block is said to end; 0: nobody said */
} baton_error;

typedef struct baton_sink {                /* the host's write end; all-or-error */
  uint32_t size; uint32_t reserved; void *ud;
  int32_t (*write)(void *ud, const void *p, size_t n);
} baton_sink;
typedef struct baton_source {              /* returns bytes read, 0 at the end, <0 on error */
  uint32_t size; uint32_t reserved; void *ud;
  int64_t (*read)(void *ud, void *p, size_t cap);
} baton_source;

/* ------------------------------------------------- what the host offers */
typedef struct baton_http_req {
  uint32_t size; uint32_t flags;        /* BATON_HTTP_SSE: on_data gets whole SSE events */
  baton_str method, url;                   /* the host part must be in the module's egress list */
  const baton_str *headers; uint32_t n_headers;   /* "Name: value"; "{{secret:NAME}}" is filled in
                                                  by the host, so a key never enters a module */
  uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
  baton_str body;
} baton_http_req;
enum { BATON_HTTP_SSE = 1u,                /* on_data gets whole events of a text/event-stream */
       BATON_HTTP_NDJSON = 2u };           /* on_data gets whole lines, without a name */
typedef struct baton_http_cb {             /* [loop]; exactly one on_end per accepted request */
  uint32_t size; uint32_t reserved;
  void (*on_head)(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n);
  void (*on_data)(void *user, baton_http h, baton_str event, baton_str data);
  void (*on_end)(void *user, baton_http h, const baton_error *err_or_null);
} baton_http_cb;

typedef struct baton_usage {
  uint32_t size; uint32_t flags;        /* BATON_USAGE_ESTIMATED */
  uint64_t in_tokens, cached_tokens, out_tokens, cost_microusd;
} baton_usage;
enum { BATON_USAGE_ESTIMATED = 1u };
enum { BATON_WATCH_READ = 1u, BATON_WATCH_WRITE = 2u };             /* events of watch() */

/* Types of result(): the pod is an array of whole elements, n its bytes. One result per call. */
#define BATON_RESULT_DOCS "doc/1"        /* baton_doc[], best first */
#define BATON_RESULT_INTENTS "intents/1" /* one baton_intents */
#define BATON_RESULT_ENTRIES "entry/1"   /* baton_entry[], by seq: what read() of a transcript found */

typedef struct baton_host {
  uint32_t size; uint32_t abi_minor;
  const char *version;                                            /* "1.4.2" */
  const void *(*get)(baton_ctx *, const char *id);                   /* [any] optional host parts, "host.x/1" */
  /* observe */
  void     (*log)(baton_ctx *, uint32_t level, baton_str msg);          /* [any] rate-limited per module */
  void     (*count)(baton_ctx *, const char *name, uint64_t add);    /* [any] */
  void     (*observe)(baton_ctx *, const char *name, uint64_t us);   /* [any] */
  uint64_t (*now_ns)(baton_ctx *);                                   /* [any] virtual in the test host */
  uint64_t (*unix_ms)(baton_ctx *);
  int32_t  (*random)(baton_ctx *, void *p, size_t n);
  /* run: every callback enters and leaves through host code, which pins the generation */
  int32_t (*timer)(baton_ctx *, uint32_t ms, void (*fn)(void *user), void *user, baton_timer *out);  /* [loop] */
  int32_t (*timer_stop)(baton_ctx *, baton_timer);
  int32_t (*job)(baton_ctx *, void (*work)(void *user) /* [worker] */,
                 void (*done)(void *user, int32_t status) /* [loop] */, void *user, baton_job *out);
  int32_t (*post)(baton_ctx *, void (*fn)(void *user), void *user);  /* [any] run fn on this loop */
  int32_t (*watch)(baton_ctx *, int fd, uint32_t events, void (*fn)(void *, int, uint32_t), void *user, baton_watch *out);
  int32_t (*watch_stop)(baton_ctx *, baton_watch);
  int32_t (*http)(baton_ctx *, const baton_http_req *, const baton_http_cb *, void *user, baton_http *out);
  int32_t (*http_pause)(baton_ctx *, baton_http, uint32_t paused);
  int32_t (*http_stop)(baton_ctx *, baton_http);
  /* keep: LMDB behind it, namespaced by module id, written with the turn's own transaction */
  int32_t (*session_get)(baton_ctx *, baton_call, baton_str key, const baton_sink *out);
  int32_t (*session_put)(baton_ctx *, baton_call, baton_str key, uint32_t schema, baton_str value);
  int32_t (*kv_get)(baton_ctx *, baton_str key, const baton_sink *out);
  int32_t (*kv_put)(baton_ctx *, baton_str key, baton_str value);
  int32_t (*event)(baton_ctx *, baton_call, baton_str type, baton_str json);  /* into the transcript */
  /* answer: [loop]. Exactly one of end/fail per accepted call. */
  int32_t (*delta)(baton_ctx *, baton_call, uint32_t kind, baton_str data);
  int32_t (*result)(baton_ctx *, baton_call, const char *type, const void *pod, size_t n);
  int32_t (*usage)(baton_ctx *, baton_call, const baton_usage *);          /* totals so far; last one counts */
  int32_t (*end)(baton_ctx *, baton_call, uint32_t reason);
  int32_t (*fail)(baton_ctx *, baton_call, const baton_error *);
  int32_t (*call_set)(baton_ctx *, baton_call, void *user);
  void   *(*call_get)(baton_ctx *, baton_call);
} baton_host;
enum { BATON_DELTA_TEXT = 0, BATON_DELTA_REASONING, BATON_DELTA_TOOL_CALL /* json */, BATON_DELTA_CITATION /* json: sources used */,
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
  uint32_t score_ppm; uint32_t flags; uint64_t updated_unix_ms;
} baton_doc;

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
  int32_t (*models)(void *inst, const baton_sink *json);             /* names, context, price, tools, vision */
  int32_t (*estimate)(void *inst, const baton_prompt *, baton_usage *out);
  /* [loop] BATON_OK: accepted (one end/fail will come, maybe before start returns); <0: not started.
   * After cancel() the end must come within 250 ms or the host ends the call itself and fences it. */
  int32_t (*start)(void *inst, baton_call, const baton_prompt *);
  void    (*cancel)(void *inst, baton_call, uint32_t why);
  void    (*resume)(void *inst, baton_call);                         /* after delta() said BATON_E_AGAIN */
} baton_provider;

#define BATON_CLASSIFIER "baton.classifier/1"
typedef struct baton_intent { baton_str name; uint32_t confidence_ppm; uint32_t flags; baton_str entities_json; } baton_intent;
typedef struct baton_intents { uint32_t size; uint32_t n, cap; uint32_t sentiment_ppm; baton_intent *v; baton_str language; } baton_intents;
typedef struct baton_classifier {
  uint32_t size; uint32_t flags;
  int32_t (*labels)(void *inst, const baton_sink *json);
  /* BATON_OK: `out` filled (strings may be the module's static text). BATON_PENDING: result()+end() later. */
  int32_t (*classify)(void *inst, baton_call, const baton_turn *, baton_intents *out);
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
} baton_facts;
enum { BATON_STAGE_BEFORE = 0, BATON_STAGE_AFTER };
enum { BATON_FACT_ASKED_HUMAN = 1u, BATON_FACT_HUMAN_ACTIVE = 2u, BATON_FACT_SECURITY = 4u, BATON_FACT_BILLING = 8u,
       BATON_FACT_LEGAL = 16u, BATON_FACT_RETRIEVAL_EMPTY = 32u, BATON_FACT_POLICY_HIT = 64u,
       BATON_FACT_SUBSTITUTE = 128u, BATON_FACT_STALE = 256u };
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
  int32_t (*describe)(void *inst, const baton_sink *json);
  int32_t (*evaluate)(void *inst, const baton_facts *, baton_verdict *out);
} baton_rule;

#define BATON_TRANSCRIPT "baton.transcript/1"
typedef struct baton_entry { uint64_t seq; uint64_t unix_ms; baton_str session_id, type, json; } baton_entry;
typedef struct baton_transcript {          /* the core's LMDB log is the truth; a backend drains its outbox */
  uint32_t size; uint32_t flags;
  /* idempotent on (session_id, seq). BATON_OK or end() = durable. Order within a session is kept. */
  int32_t (*append)(void *inst, baton_call, const baton_entry *, uint32_t n);
  int32_t (*read)(void *inst, baton_call, baton_str session_id, uint64_t from_seq, uint32_t max);
  int32_t (*erase)(void *inst, baton_call, baton_str customer_ref);
  void    (*cancel)(void *inst, baton_call, uint32_t why);
} baton_transcript;

#define BATON_TOOL "baton.tool/1"
typedef struct baton_tool_req { uint32_t size; uint32_t flags; const baton_turn *turn; baton_str name, args_json, idempotency_key; } baton_tool_req;
typedef struct baton_tool {
  uint32_t size; uint32_t flags;
  int32_t (*describe)(void *inst, const baton_sink *json);           /* schema, read-only?, idempotent?, needs approval? */
  int32_t (*invoke)(void *inst, baton_call, const baton_tool_req *);
  void    (*cancel)(void *inst, baton_call, uint32_t why);
} baton_tool;

#define BATON_RETRIEVER "baton.retriever/1"
typedef struct baton_query { uint32_t size; uint32_t k; const baton_turn *turn; baton_str text, filter_json; } baton_query;
typedef struct baton_retriever {
  uint32_t size; uint32_t flags;
  int32_t (*search)(void *inst, baton_call, const baton_query *);       /* result("doc/1", baton_doc[], ..), then end() */
  void    (*cancel)(void *inst, baton_call, uint32_t why);
} baton_retriever;

#define BATON_GUARD "baton.guard/1"     /* redaction and policy, inbound and per outbound delta */
typedef struct baton_guard {
  uint32_t size; uint32_t flags;
  int32_t (*inbound)(void *inst, const baton_turn *, baton_str text, const baton_sink *rewritten);
  int32_t (*outbound)(void *inst, const baton_turn *, baton_str text, uint32_t final, const baton_sink *rewritten);
} baton_guard;

#define BATON_CHANNEL "baton.channel/1"
typedef struct baton_channel {
  uint32_t size; uint32_t flags;
  int32_t (*send)(void *inst, baton_call, baton_str session_id, baton_str json);
  int32_t (*inbound_http)(void *inst, baton_call, baton_str method, baton_str path, baton_str body, const baton_sink *reply);
} baton_channel;

/* ---------------------------------------------------------- the module */
typedef struct baton_state {               /* warm state handed from the old generation to the new */
  uint32_t size; uint32_t schema;       /* the schema save() writes */
  uint32_t min_schema; uint32_t reserved;/* the oldest schema load() still reads */
  int32_t (*save)(void *inst, const baton_sink *);                   /* [loop] old keeps serving */
  int32_t (*load)(void *inst, uint32_t schema, const baton_source *);/* [loop] before activate */
} baton_state;

typedef struct baton_iface { const char *id; const void *vt; } baton_iface;

typedef struct baton_module {
  uint32_t magic, size;
  uint16_t abi_major, abi_built, abi_needed, reserved0;
  uint32_t flags; uint32_t n_ifaces;
  const char *id, *version, *vendor, *license, *summary, *homepage;
  const char *config_schema;            /* JSON Schema text; checked before create() */
  const baton_iface *ifaces;
  /* [control] once per generation. `mod` is shared by all instances: read-only after load. */
  int32_t (*load)(baton_ctx *, const baton_host *, void **mod);
  void    (*unload)(void *mod);
  /* [loop] once per event loop per configuration */
  int32_t (*create)(void *mod, baton_ctx *, baton_str config_json, void **inst);
  int32_t (*activate)(void *inst);      /* may now be called; may start timers */
  void    (*quiesce)(void *inst);       /* no new work will come; stop timers and warm-ups */
  void    (*destroy)(void *inst);       /* no call is open; host frees what is left and reports it */
  /* health: level 0 = self-test without network, 1 = reach the upstream. end() or fail(). */
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
