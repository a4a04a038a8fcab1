/* SPDX-License-Identifier: Apache-2.0 */

/* What visit.c (the life of a call) and verdict.c (what an outcome means for it) share. */
#pragma once

#include "answer.h"
#include "visit.h"

enum { VISIT_KEY_MAX = 128, VISIT_WHY = 200 };

struct visit {
	struct module_inst *inst;
	struct visit *prev, *next;
	baton_call call;
	const struct tool_set *set; /* NULL: a check */
	struct server *server;
	struct exchange *exchange;
	baton_timer clock, pause;
	uint64_t until_ns;
	struct text args;   /* the whole object that goes out */
	struct text inputs; /* what the server wanted to know: further members of params */
	char key[VISIT_KEY_MAX];
	bool writes, idempotent;
	bool doubt;           /* a try was heard, and what became of it nobody knows */
	bool waiting, called; /* for its server; told that it may go on */
	bool relisted, reopened;
	unsigned tries, rounds;
};

struct failing {
	uint32_t fail, scope, status, retry_after_ms;
	const char *code, *why;
};

/* One of these ends the visit and frees it. */
void visit_fail(struct visit *visit, const struct failing *failing);
void visit_end(struct visit *visit, const struct answer *answer, uint32_t status);

/* Another try, after a pause; false: there is no time left for one. 0: our own pauses. */
bool visit_again(struct visit *visit, uint32_t after_ms);
/* Until the server is there, or its list is new. The visit may be over when it returns. */
void visit_wait(struct visit *visit);
uint64_t visit_left_ms(const struct visit *visit);

/* The end of a try. */
void verdict_take(void *user, const struct outcome *outcome);
/* The server could not be opened. */
void verdict_unopened(struct visit *visit, const struct outcome *outcome);
void verdict_ignore(void *user, const struct outcome *outcome);
