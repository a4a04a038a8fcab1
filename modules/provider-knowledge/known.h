/* SPDX-License-Identifier: Apache-2.0 */

/* What the policies say that an answer needs beside the passages: how the result of a tool is put
 * into words, and until when articles are valid. */
#pragma once

#include <baton/module.h>

#include <jansson.h>

struct known_word {
	char *name, *text;
};
/* Two tables, each sorted by name. Read-only once made. */
struct known {
	struct known_word *answers; /* tools: "Your order {{id}} is {{status}}." */
	struct known_word *ends;    /* articles: "2026-12-24" */
	size_t n_answers, n_ends;
};

/* Of `policy` as create() gets it, which may be NULL. NULL in ret_why, or what is wrong (static). */
int32_t known_init(struct known *known, const json_t *policy, const char **ret_why);
void known_done(struct known *known);
/* NULL: there is none. */
const char *known_answer(const struct known *known, baton_str tool);
const char *known_end(const struct known *known, baton_str article);
