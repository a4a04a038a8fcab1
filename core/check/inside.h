/* SPDX-License-Identifier: Apache-2.0 */

/* Inside of the checker: what a check is given (a trial) and what its files share. */
#pragma once

#include "core/base/mem.h"
#include "core/check/check.h"

#include <baton/testhost.h>
#include <jansson.h>

enum {
	BATON_CHECK_FD = 3, /* where a child tells */
	BATON_CHECK_CALL_MS = 300000, /* of the virtual clock: longer than any limit of a turn */
	BATON_CHECK_CALL_REAL_MS = 10000, /* of the machine's, which is used with another process */
	BATON_CHECK_LIVES = 4,
	BATON_CHECK_SWAPS = 1000
};

struct baton_try;

struct baton_check_row {
	const char *name, *group, *kinds;
	unsigned seconds;
	bool isolated;
	void (*run)(struct baton_try *trial);
	const char *wants;
};
extern const struct baton_check_row baton_check_rows[];
extern const size_t baton_check_rows_n;
const struct baton_check_row *baton_check_row_of(const char *name);
/* Whether `only` names it; a kind's letter is in `kinds`. */
bool baton_check_wanted(const struct baton_check_row *row, const char *kind, const char *only);

/* --- run.c, file.c --- */
struct baton_elf;
struct baton_check_result *baton_check_result_new(struct baton_check_report *report,
						  const char *name, const char *group,
						  const char *wants);
/* The rows of the group "file". false: no module that could be run. */
bool baton_check_file(const struct baton_check_options *options, struct baton_check_report *report,
		      struct baton_elf *ret_elf);

/* A stream that some model's server would send, and what it says. */
struct baton_wire {
	const char *name, *type, *body, *tool_body;
	const char *text;
	uint64_t in_tokens, out_tokens;
};
extern const struct baton_wire baton_wires[];
extern const size_t baton_wires_n;
/* Before this byte of its body it is not complete. */
size_t baton_wire_mark(const struct baton_wire *wire);

/* A tool of the policy that the module is tried with, and arguments that fit its schema. */
struct baton_try_tool {
	char *name, *args; /* NULL: there is none */
	bool writes, idempotent;
};

struct baton_try {
	const struct baton_check_options *options;
	const struct baton_check_row *row;
	const char *path, *kind;
	char *config; /* what create() gets */
	uint64_t random;
	unsigned fails;
	bool skipped;
	bool stays; /* the server never unmaps it, so we do not either */
	bool forgiven; /* ... and by its own flag it may keep threads and descriptors */
	char because[64];
	baton_testhost *host;
	uint32_t inst;
	/* What was learned of a provider: */
	bool speaks_http, learned;
	const struct baton_wire *wire; /* NULL: no HTTP, or nothing of ours is understood */
	struct baton_wire own;         /* out of the cassette */
	char *text;                    /* its answer to the usual question */
	struct baton_try_tool tool, writer; /* the usual one; one that changes something */
	uint64_t call_ms; /* longest wait for an end */
	struct { /* isolated: the process behind each host */
		baton_testhost *host;
		struct baton_child *child;
	} lives[BATON_CHECK_LIVES];
};

/* --- try.c --- */
void baton_try_fail(struct baton_try *trial, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void baton_try_skip(struct baton_try *trial, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void baton_try_note(struct baton_try *trial, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* What is being tried: said when the process dies in it. */
void baton_try_step(struct baton_try *trial, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* So many swaps went well. */
void baton_try_swaps(unsigned n);
uint64_t baton_try_random(struct baton_try *trial);
/* A host without an instance. false: told. */
baton_testhost *baton_try_host(struct baton_try *trial);
/* trial->host with one instance that is ready. false: told. */
bool baton_try_open(struct baton_try *trial);
/* An instance that is ready: created, active, and check(0) has ended. */
bool baton_try_instance(struct baton_try *trial, baton_testhost *host, uint32_t *ret_inst);
/* Its check(0) has ended well, or it has none. false: told. */
bool baton_try_ready(struct baton_try *trial, baton_testhost *host, uint32_t inst);
/* Destroys, closes, and fails the check for every broken rule. */
void baton_try_close(struct baton_try *trial);
void baton_try_close_host(struct baton_try *trial, baton_testhost **host);
/* Long enough for whatever may still come. */
void baton_try_idle(struct baton_try *trial, baton_testhost *host);
bool baton_try_is(const struct baton_try *trial, const char *kind);
/* --- life.c --- */
/* Code of this file is mapped. */
bool baton_try_is_mapped(const char *path);

/* --- work.c: the usual call of each kind --- */
/* As baton_try_open(), and a provider's wire is known. false: told, or skipped. */
bool baton_try_open_learned(struct baton_try *trial);
/* The same, for checks of HTTP: skipped if it does not ask, or understands no stream of ours. */
bool baton_try_open_http(struct baton_try *trial);
/* From now on every request is answered as it should be. */
void baton_try_upstream_good(struct baton_try *trial, baton_testhost *host);
/* The i-th usual call: < 0 if the module refused it. */
int32_t baton_try_begin(struct baton_try *trial, baton_testhost *host, uint32_t inst,
			  unsigned i, baton_call *ret_call);
/* Whether a call that has ended says what it should. false: told. */
bool baton_try_right(struct baton_try *trial, const baton_heard *heard);
/* begin, run to the end, right; of a rule one evaluation. */
bool baton_try_usual(struct baton_try *trial, baton_testhost *host, uint32_t inst, unsigned i);
void baton_try_prompt(baton_prompt *prompt, baton_turn *turn, baton_msg *msg, const char *text);
const baton_doc *baton_try_docs(uint32_t *ret_n);
const char *baton_try_fail_name(uint32_t fail);
/* The wire's answer, in pieces. */
baton_exchange baton_try_answer(const struct baton_try *trial);

/* BATON_TOOL_* as the policies would say of it. */
uint32_t baton_try_tool_flags(const struct baton_try_tool *tool);

/* --- kinds.c --- */
extern const char *const baton_try_odd_texts[];
extern const size_t baton_try_odd_n;

/* --- guard.c --- */
/* One of the usual texts. false: told. */
bool baton_try_look(struct baton_try *trial, baton_testhost *host, uint32_t inst, unsigned i);
/* The text grows by so many characters at a time as the bits say; what is safe stays so. */
void baton_try_grow(struct baton_try *trial, baton_str text, uint64_t steps);
/* A text somewhere, as `chance` says. */
void baton_try_look_any(struct baton_try *trial, baton_str text, uint64_t chance);

/* --- fuzz.c --- */
void baton_try_facts(struct baton_try *trial, baton_facts *facts);

/* --- config.c --- */
/* The least configuration of a schema, with the part of the policy that its kind gets. New text.
 * `own`: what the user gave, NULL: none. NULL with `why`: it does not fit the schema. */
/* An object with what a JSON schema of arguments requires. New text. */
char *baton_config_arguments(const json_t *schema);
char *baton_config_make(const char *schema, const char *kind, const char *own, char *why,
			size_t cap);

/* --- the checks --- */
#define X(name, group, kinds, seconds, isolated, fn, wants) void fn(struct baton_try *trial);
#include "core/check/checks.def"
#undef X
