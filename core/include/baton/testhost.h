/* SPDX-License-Identifier: Apache-2.0 */
/* baton/testhost.h - a host for unit tests of modules: no server, no network, no waiting.
 *
 * Link with libbaton-testhost.a (-ldl -lpthread -lm). C11 or C++17. The module is either a file or
 * linked into the test: `&baton_module_entry`. One thread, the one that opened the host.
 *
 *	baton_testhost *host = baton_testhost_open("build/provider-acme.so", NULL, why, sizeof(why));
 *	uint32_t inst;
 *	baton_testhost_create(host, "{\"secret\":\"KEY\"}", &inst);
 *	baton_testhost_play(host, "> POST https://api.acme.example/chat\n< 200\n"
 *	                          "< Content-Type: text/event-stream\n\ndata: {\"text\":\"Hi\"}\n\n");
 *	baton_call call;
 *	baton_testhost_ask(host, inst, "Where is my order?", &call);
 *	baton_testhost_run(host, call, 10000);
 *	assert(strcmp(baton_testhost_heard(host, call)->text, "Hi") == 0);
 *	assert(baton_testhost_close(&host) == 0);           // rules of the contract that were broken
 *
 * Nothing happens by itself: the clock stands until it is moved, and then timers, jobs, posted
 * functions and pieces of HTTP answers come in the order of their time, always the same. What the
 * module says is checked as the server checks it, with the same names of broken rules.
 */
#ifndef BATON_TESTHOST_H
#define BATON_TESTHOST_H
#include <baton/module.h>
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct baton_testhost baton_testhost;

/* Rules of the contract, named as in baton_module_contract_violations_total. X(NAME, "label"). The
 * last three only a test host can see. */
#define BATON_TESTHOST_BREACHES(X)                                                          \
	X(STALE, "stale_handle")             /* a handle that never was or is long gone */  \
	X(TWO_ENDS, "two_ends")              /* end or fail after end or fail */            \
	X(AFTER_END, "word_after_end")       /* delta, usage or result after end or fail */ \
	X(AFTER_CANCEL, "word_after_cancel") /* anything but the end after cancel() */      \
	X(NO_END, "no_end_after_cancel")     /* no end within 250 ms of cancel() */         \
	X(THREAD, "wrong_thread")            /* a [loop] function from another thread */    \
	X(STATE, "wrong_state")     /* not possible now: a timer before there is a loop */  \
	X(ARGUMENT, "bad_argument") /* NULL with a length, an unknown enumerator */         \
	X(OUTPUT, "bad_output")     /* not UTF-8, too long, out of range */                 \
	X(LEFTOVER, "leftovers")    /* timers, HTTP, watches or calls open at destroy */    \
	X(AGAIN, "word_after_again") /* delta after BATON_E_AGAIN, before resume() */       \
	X(IMPURE, "rule_not_pure")  /* a rule asked the host for more than log() */         \
	X(RETURN, "bad_return")     /* a result that the function does not have */
enum baton_testhost_breach {
#define X(NAME, label) BATON_TESTHOST_BREACH_##NAME,
	BATON_TESTHOST_BREACHES(X)
#undef X
		BATON_TESTHOST_BREACH_COUNT
};

enum { BATON_TESTHOST_STAY_MAPPED = 1u, /* never dlclose(): for what the server keeps mapped, too */
       BATON_TESTHOST_REAL_TIME = 2u };  /* the clock is the machine's: for work of other processes */
typedef struct baton_testhost_options {
	uint32_t size, flags;       /* BATON_TESTHOST_* */
	uint64_t seed;              /* of random() and of faults by chance; 0: 1 */
	const char *kind;           /* "provider" or "baton.provider/1"; NULL: the first interface */
	const char *const *secrets; /* "NAME=value", NULL behind the last; NULL: every name is set */
	const char *const *egress;  /* "host" or "host:port", NULL behind the last; NULL: all */
	uint64_t unix_ms;           /* the wall clock at the start; 0: 2026-01-01T00:00Z */
	void *mod;                  /* what load() finds in its *mod; NULL but for proxies of modules */
} baton_testhost_options;

/* --- life ---------------------------------------------------------------------------------- */

/* Maps and load()s; `options` NULL: all defaults. NULL with one line in `why` if it cannot be. */
baton_testhost *baton_testhost_open(const char *path, const baton_testhost_options *options,
				    char *why, size_t cap);
baton_testhost *baton_testhost_open_entry(const baton_module *entry,
					  const baton_testhost_options *options, char *why,
					  size_t cap);
/* Destroys what is left, unload()s, unmaps. Returns how often a rule was broken. NULL-tolerant. */
unsigned baton_testhost_close(baton_testhost **host);

/* create() and activate() of another instance, numbered from 0. What the module returned; BATON_OK:
 * *ret_inst is set. */
int32_t baton_testhost_create(baton_testhost *host, const char *config, uint32_t *ret_inst);
/* The same in two steps: state is imported between them. */
int32_t baton_testhost_create_only(baton_testhost *host, baton_str config, uint32_t *ret_inst);
int32_t baton_testhost_activate(baton_testhost *host, uint32_t inst);
/* Open calls are cancelled and get their 250 ms; then quiesce(), jobs to their end, destroy(), and
 * what is left behind counts as `leftovers`. */
void baton_testhost_destroy(baton_testhost *host, uint32_t inst);

/* The host table that every module gets. */
const baton_host *baton_testhost_table(void);
const baton_module *baton_testhost_module(const baton_testhost *host);
const void *baton_testhost_vt(const baton_testhost *host); /* of the kind asked for */
void *baton_testhost_inst(const baton_testhost *host, uint32_t inst);
uint32_t baton_testhost_instances(const baton_testhost *host); /* ever created, gone or not */

/* --- time ---------------------------------------------------------------------------------- */

uint64_t baton_testhost_now_ns(const baton_testhost *host);
/* Everything that is due now: posts, jobs, ready descriptors, timers, pieces of HTTP. The clock
 * stands. */
void baton_testhost_settle(baton_testhost *host);
/* The next thing alone, whenever it is due; the clock moves there. false: there is none. */
bool baton_testhost_step(baton_testhost *host);
/* Moves the clock, doing what becomes due on the way. */
void baton_testhost_advance(baton_testhost *host, uint64_t ms);
/* Moves it from one thing to the next until the call has ended, at most `max_ms`. true: it has. */
bool baton_testhost_run(baton_testhost *host, baton_call call, uint64_t max_ms);
/* Jobs wait until release, then run in the order in which they were asked for. */
void baton_testhost_hold_jobs(baton_testhost *host, bool hold);
/* Timers, jobs, requests, watches that the instance has open. */
unsigned baton_testhost_pending(const baton_testhost *host, uint32_t inst);

/* --- calls --------------------------------------------------------------------------------- */

/* Each returns what the module returned: BATON_OK or BATON_PENDING: started; < 0: not. *ret_call is
 * set either way, and what is heard of it can be looked at until the host is closed. */
int32_t baton_testhost_ask(baton_testhost *host, uint32_t inst, const char *question,
			   baton_call *ret_call);
int32_t baton_testhost_generate(baton_testhost *host, uint32_t inst, const baton_prompt *prompt,
				baton_call *ret_call);
int32_t baton_testhost_classify(baton_testhost *host, uint32_t inst, const baton_turn *turn,
				baton_call *ret_call);
int32_t baton_testhost_search(baton_testhost *host, uint32_t inst, const baton_query *query,
			      baton_call *ret_call);
int32_t baton_testhost_append(baton_testhost *host, uint32_t inst, const baton_entry *entries,
			      uint32_t n, baton_call *ret_call);
int32_t baton_testhost_check(baton_testhost *host, uint32_t inst, uint32_t level,
			     baton_call *ret_call);
/* No call: the verdict at once; its texts are good until the next one. Any host call but log() and
 * get() is `rule_not_pure`. */
int32_t baton_testhost_evaluate(baton_testhost *host, uint32_t inst, const baton_facts *facts,
				baton_verdict *ret_verdict);
/* A tool. The first as the server asks; the second with a turn and a key of the host's own, flags
 * BATON_TOOL_*. What came is baton_heard.tool. */
int32_t baton_testhost_invoke(baton_testhost *host, uint32_t inst, const baton_tool_req *req,
			      baton_call *ret_call);
int32_t baton_testhost_tool(baton_testhost *host, uint32_t inst, const char *name,
			    const char *args_json, uint32_t flags, baton_call *ret_call);
/* A guard: no call, its hits at once. `ret` comes with `v` and `cap`; texts are good until the next
 * inspection. A guard of no use at `what->at` is not asked. What breaks the form is counted and is
 * BATON_E_INVAL; < 0: n and safe are 0. Any host call but log() and get() is `rule_not_pure`. */
int32_t baton_testhost_inspect(baton_testhost *host, uint32_t inst, const baton_inspection *what,
			       baton_hits *ret);
/* The same for a whole text at one of BATON_AT_*, in a turn of the host's own; the list is the
 * host's, good until the next look. NULL: it failed. */
const baton_hits *baton_testhost_look(baton_testhost *host, uint32_t inst, uint32_t at,
				      const char *text);
void baton_testhost_cancel(baton_testhost *host, baton_call call, uint32_t why);
/* From now on `n` deltas are taken, then delta() says BATON_E_AGAIN. If it has said so, resume(). */
void baton_testhost_credit(baton_testhost *host, baton_call call, uint32_t n);
/* The same for every call that begins from now on: it meets start(), too. */
void baton_testhost_first_credit(baton_testhost *host, uint32_t n);
enum { BATON_TESTHOST_NO_BOUND = 0x7fffffff };

/* Bytes of a function that writes to a sink (models, labels, describe) or of state. Valid until the
 * next of these. `ret` is NUL-terminated. */
int32_t baton_testhost_read_sink(baton_testhost *host,
				 int32_t (*fn)(void *inst, const baton_sink *sink), uint32_t inst,
				 baton_str *ret);
int32_t baton_testhost_save(baton_testhost *host, uint32_t inst, baton_str *ret);
/* load() of state out of `bytes`, at most `chunk` of them at a time; chunk 0: all. */
int32_t baton_testhost_load(baton_testhost *host, uint32_t inst, uint32_t schema, baton_str bytes,
			    size_t chunk);

/* What the module said in one call. Owned by the host, valid until it is closed; texts are
 * NUL-terminated and never NULL. */
typedef struct baton_heard {
	uint32_t size, inst;
	int32_t started; /* what the module returned */
	bool open, ended, failed, cancelled;
	/* All deltas of a kind, one behind the other; tool calls and citations one per line. */
	const char *text, *reasoning, *tool_calls, *citations;
	size_t text_n;
	uint32_t n_text, n_reasoning, n_tool_calls, n_citations, n_unknown;
	uint32_t n_again; /* how often delta() said BATON_E_AGAIN */
	uint32_t end_reason;
	baton_error error; /* of fail(), or BATON_FAIL_BAD_OUTPUT from the host */
	baton_usage usage; /* the last one */
	uint32_t n_usage;
	const baton_doc *docs;
	const baton_intent *intents;
	uint32_t n_docs, n_intents, n_results, sentiment_ppm;
	const char *language;
	uint64_t started_ns, first_ns, ended_ns, cancelled_ns; /* 0: not (yet) */
	uint32_t out_of_scope_ppm, human_ppm;
	const baton_tool_result *tool; /* what a tool brought; NULL: nothing (yet). Texts as above */
} baton_heard;
/* NULL: no such call. */
const baton_heard *baton_testhost_heard(const baton_testhost *host, baton_call call);

/* --- HTTP ---------------------------------------------------------------------------------- */

/* One request that is expected and what it is answered with. Requests take expectations in their
 * order; one that does not fit, or comes when there is none, ends as "connect" and is counted as
 * unexpected. Everything is copied. Begin with what baton_testhost_exchange() returns. */
typedef struct baton_exchange {
	uint32_t size;
	uint32_t times;          /* how many requests it answers; 0: one */
	const char *method;      /* NULL: any */
	const char *url;         /* NULL: any; a '*' at the end: what begins so */
	const char *header_has;  /* a part of any "Name: value", as the module wrote it */
	const char *body_has;    /* a part of the body */
	int32_t refuse;          /* < 0: http() itself returns this */
	uint32_t status;         /* 0: no head comes, the connection fails (see fail) */
	const char *headers;     /* lines "Name: value\n" */
	const char *body;
	size_t body_n;           /* 0: strlen(body) */
	size_t piece;            /* bytes that come at once; 0: all */
	size_t split;            /* one more cut, behind this many bytes; 0: none */
	uint32_t connect_ms;     /* until a connection; the module's own limits are kept */
	uint32_t head_ms;        /* from there to the head */
	uint32_t piece_ms;       /* between two pieces */
	uint32_t fail;           /* BATON_FAIL_*: how it ends, behind head and body; 0: well */
	const char *fail_code;   /* connect, dns, tls, cut, too_big, protocol, ...; NULL: cut or connect */
	bool hang;               /* it never ends by itself */
} baton_exchange;
baton_exchange baton_testhost_exchange(void); /* nothing set but its size */
void baton_testhost_expect(baton_testhost *host, const baton_exchange *exchange);
/* Exchanges written as text, see core/testhost/README.md:
 *	> POST https://api.acme.example/chat
 *	> has: "stream":true
 *	< 200
 *	< Content-Type: text/event-stream
 *	@ piece 7, wait 20            (before the body; also: times, split, connect, head, fail, hang)
 *
 *	data: {"text":"Hi"}
 * A body ends at the next line that begins with "> " or at the end. 0, or BATON_E_INVAL with one line
 * in `why`. */
int32_t baton_testhost_cassette(baton_testhost *host, baton_str text, char *why, size_t cap);
int32_t baton_testhost_cassette_file(baton_testhost *host, const char *path, char *why, size_t cap);
/* The same, and the test ends (abort) with the reason if the text is wrong. */
void baton_testhost_play(baton_testhost *host, const char *text);
/* The next that is expected, NULL: none. It is the host's. */
const baton_exchange *baton_testhost_expected(const baton_testhost *host);
/* Forgets what is expected. Requests on their way stay. */
void baton_testhost_expect_nothing(baton_testhost *host);

typedef struct baton_asked {
	uint32_t size, flags; /* BATON_HTTP_* */
	const char *method, *url, *headers /* lines, secrets not filled in */, *body;
	size_t body_n;
	uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
	uint64_t at_ns;
	bool ended, stopped, paused, unexpected;
} baton_asked;
unsigned baton_testhost_requests(const baton_testhost *host);
/* The i-th request from 0; NULL: not so many. */
const baton_asked *baton_testhost_asked(const baton_testhost *host, unsigned i);
unsigned baton_testhost_unexpected(const baton_testhost *host);

/* --- faults -------------------------------------------------------------------------------- */

enum {
	BATON_TESTHOST_TIMER,
	BATON_TESTHOST_JOB,
	BATON_TESTHOST_POST,
	BATON_TESTHOST_HTTP,
	BATON_TESTHOST_WATCH,
	BATON_TESTHOST_KV,
	BATON_TESTHOST_RANDOM,
	BATON_TESTHOST_CALL_SET,
	BATON_TESTHOST_DELTA, /* BATON_E_AGAIN (then credit(): it is resumed) or BATON_E_STALE: gone */
	BATON_TESTHOST_SINK,
	BATON_TESTHOST_FAULTS
};
/* The `nth` use from now on (1: the next) answers `rc`, once. */
void baton_testhost_fault(baton_testhost *host, uint32_t what, uint32_t nth, int32_t rc);
/* Any use answers `rc` with this chance, by the seed. ppm 0: never. */
void baton_testhost_fault_by_chance(baton_testhost *host, uint32_t what, uint32_t ppm, int32_t rc);

/* --- what is seen -------------------------------------------------------------------------- */

unsigned baton_testhost_breaches(const baton_testhost *host); /* all */
unsigned baton_testhost_breach(const baton_testhost *host, enum baton_testhost_breach breach);
const char *baton_testhost_breach_name(enum baton_testhost_breach breach);
/* One line for each: "two_ends: an end for a call that is over\n". */
const char *baton_testhost_breach_text(const baton_testhost *host);
/* Longest single stay in the module on the loop, and where; real time. create() and activate()
 * are not in it. */
uint64_t baton_testhost_slowest_us(const baton_testhost *host, const char **ret_where);

unsigned baton_testhost_logs(const baton_testhost *host);
const char *baton_testhost_log(const baton_testhost *host, unsigned i, uint32_t *ret_level);
/* A part of any line that was logged. */
bool baton_testhost_logged(const baton_testhost *host, const char *part);
uint64_t baton_testhost_counted(const baton_testhost *host, const char *name); /* count() */
/* What is kept by kv_put(); NULL p: nothing. */
baton_str baton_testhost_kv(const baton_testhost *host, const char *key);
void baton_testhost_kv_set(baton_testhost *host, const char *key, baton_str value);

#ifdef __cplusplus
}
#endif
#endif /* BATON_TESTHOST_H */
