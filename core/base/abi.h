/* SPDX-License-Identifier: Apache-2.0 */

/* Structs that modules fill in, read by a host that may be younger than they are. A module of any
 * 1.x has at least the members of minor 0, and says by `size` what it has; a newer host's own struct
 * is longer. So nothing of a module's is ever compared with our sizeof or copied by it (rule R2).
 *
 * The numbers are those of modules/sdk/abi/1.0.lock, of what came later those of the lock it came with
 * (tests/abi holds them to it), and never change.
 */
#pragma once

#include <baton/module.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum baton_abi_first {
	BATON_FIRST_ERROR = 64,
	BATON_FIRST_SINK = 24,
	BATON_FIRST_HTTP_REQ = 88,
	BATON_FIRST_HTTP_CB = 32,
	BATON_FIRST_USAGE = 40,
	BATON_FIRST_INTENTS = 40,
	BATON_FIRST_PROVIDER = 48,
	BATON_FIRST_CLASSIFIER = 32,
	BATON_FIRST_RULE = 24,
	BATON_FIRST_TRANSCRIPT = 40,
	BATON_FIRST_RETRIEVER = 24,
	BATON_FIRST_TOOL = 32,        /* these three since 1.2 */
	BATON_FIRST_TOOL_RESULT = 48,
	BATON_FIRST_GUARD = 24,
	BATON_FIRST_STATE = 32,
	BATON_FIRST_MODULE = 184,
};

/* Ours only grow. */
#define BATON_ABI_GREW_ONLY(type, first) \
	_Static_assert(sizeof(type) >= (first), "a struct of the ABI has lost something")
BATON_ABI_GREW_ONLY(baton_error, BATON_FIRST_ERROR);
BATON_ABI_GREW_ONLY(baton_sink, BATON_FIRST_SINK);
BATON_ABI_GREW_ONLY(baton_http_req, BATON_FIRST_HTTP_REQ);
BATON_ABI_GREW_ONLY(baton_http_cb, BATON_FIRST_HTTP_CB);
BATON_ABI_GREW_ONLY(baton_usage, BATON_FIRST_USAGE);
BATON_ABI_GREW_ONLY(baton_intents, BATON_FIRST_INTENTS);
BATON_ABI_GREW_ONLY(baton_provider, BATON_FIRST_PROVIDER);
BATON_ABI_GREW_ONLY(baton_classifier, BATON_FIRST_CLASSIFIER);
BATON_ABI_GREW_ONLY(baton_rule, BATON_FIRST_RULE);
BATON_ABI_GREW_ONLY(baton_transcript, BATON_FIRST_TRANSCRIPT);
BATON_ABI_GREW_ONLY(baton_retriever, BATON_FIRST_RETRIEVER);
BATON_ABI_GREW_ONLY(baton_tool, BATON_FIRST_TOOL);
BATON_ABI_GREW_ONLY(baton_tool_result, BATON_FIRST_TOOL_RESULT);
BATON_ABI_GREW_ONLY(baton_guard, BATON_FIRST_GUARD);
BATON_ABI_GREW_ONLY(baton_state, BATON_FIRST_STATE);
BATON_ABI_GREW_ONLY(baton_module, BATON_FIRST_MODULE);

/* What `from` has, of `to_n` bytes; the rest of `to` is 0: "not said". */
static inline void baton_abi_take(void *to, size_t to_n, const void *from, size_t from_n)
{
	size_t n = from_n < to_n ? from_n : to_n;

	memcpy(to, from, n);
	memset((char *)to + n, 0, to_n - n);
}

/* --- what tools and guards say: held to their form by every host (abi.c) -------------------- */

/* NULL, or what is wrong with it, in words for the log. The JSON may be empty only where the answer
 * is no. */
const char *baton_abi_tool_wrong(const baton_tool_result *result);
/* NULL, or what is wrong: hits in order, apart, inside the text and on its characters; texts of the
 * right form; `safe` inside. An action that does not exist is none of it: it is a MARK. */
const char *baton_abi_hits_wrong(const baton_inspection *what, const baton_hits *hits);

#ifdef __cplusplus
}
#endif
