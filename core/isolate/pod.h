/* SPDX-License-Identifier: Apache-2.0 */

/* The structs of baton/module.h in frames: the struct itself, pointers blanked, then its strings one
 * after the other, then what it points to. Read strings are views into the frame; arrays come from
 * the arena. Reading never trusts a length: a struct that does not fit its frame sets `bad`. */
#pragma once

#include "core/base/mem.h"
#include "core/isolate/frame.h"

enum { BATON_POD_HEADERS_MAX = 1024, BATON_POD_ENTRIES_MAX = 4096, BATON_POD_MSGS_MAX = 4096 };

void baton_pod_put_turn(struct baton_buf *out, const baton_turn *turn);
void baton_pod_put_prompt(struct baton_buf *out, const baton_prompt *prompt);
void baton_pod_put_query(struct baton_buf *out, const baton_query *query);
void baton_pod_put_facts(struct baton_buf *out, const baton_facts *facts);
void baton_pod_put_entries(struct baton_buf *out, const baton_entry *entries, uint32_t n);
void baton_pod_put_docs(struct baton_buf *out, const baton_doc *docs, uint32_t n);
void baton_pod_put_intents(struct baton_buf *out, const baton_intents *intents);
void baton_pod_put_tool(struct baton_buf *out, const baton_tool_req *req);
void baton_pod_put_result(struct baton_buf *out, const baton_tool_result *result);
void baton_pod_put_inspection(struct baton_buf *out, const baton_inspection *what);
/* What the guard said of `cap` hits at `v`; that it said too many, or in another list, is said on. */
void baton_pod_put_hits(struct baton_buf *out, const baton_hits *hits, const baton_hit *v,
			uint32_t cap);
void baton_pod_put_error(struct baton_buf *out, const baton_error *error);
void baton_pod_put_verdict(struct baton_buf *out, const baton_verdict *verdict);
void baton_pod_put_request(struct baton_buf *out, const baton_http_req *req);

/* A NULL turn (of a prompt or a query) comes out as NULL. */
void baton_pod_get_turn(struct baton_reader *in, struct baton_arena *arena, baton_turn *ret);
void baton_pod_get_prompt(struct baton_reader *in, struct baton_arena *arena, baton_prompt *ret);
void baton_pod_get_query(struct baton_reader *in, struct baton_arena *arena, baton_query *ret);
void baton_pod_get_facts(struct baton_reader *in, baton_facts *ret);
baton_entry *baton_pod_get_entries(struct baton_reader *in, struct baton_arena *arena,
				   uint32_t *ret_n);
baton_doc *baton_pod_get_docs(struct baton_reader *in, struct baton_arena *arena, uint32_t *ret_n);
void baton_pod_get_intents(struct baton_reader *in, struct baton_arena *arena, baton_intents *ret);
void baton_pod_get_tool(struct baton_reader *in, struct baton_arena *arena, baton_tool_req *ret);
void baton_pod_get_result(struct baton_reader *in, baton_tool_result *ret);
void baton_pod_get_inspection(struct baton_reader *in, struct baton_arena *arena,
			      baton_inspection *ret);
/* Into `ret->v`, which has room for `ret->cap`; texts are views. */
void baton_pod_get_hits(struct baton_reader *in, baton_hits *ret);
void baton_pod_get_error(struct baton_reader *in, baton_error *ret);
/* Strings are NUL-terminated copies in the arena; NULL stays NULL. */
void baton_pod_get_verdict(struct baton_reader *in, struct baton_arena *arena, baton_verdict *ret);
void baton_pod_get_request(struct baton_reader *in, struct baton_arena *arena, baton_http_req *ret);
baton_str *baton_pod_get_strs(struct baton_reader *in, struct baton_arena *arena, uint32_t max,
			      uint32_t *ret_n);
void baton_pod_put_strs(struct baton_buf *out, const baton_str *strs, uint32_t n);
