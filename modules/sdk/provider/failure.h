/* SPDX-License-Identifier: Apache-2.0 */

/* What an error of the provider means: the vendor's words and status in, a class and a scope out.
 * One table for all vendors: most servers speak another vendor's API, and each its own errors in
 * it. */
#pragma once

#include "modules/sdk/provider/text.h"

enum { FAILURE_MESSAGE = 240 };

struct failure {
	uint32_t fail;    /* BATON_FAIL_* */
	uint32_t scope;   /* BATON_SCOPE_* */
	const char *code; /* the class as the fault catalogue names it, lower case */
	uint32_t status, retry_after_ms;
	uint64_t until_unix_ms;
	char message[FAILURE_MESSAGE]; /* for the operator: the vendor's code and words, cut short */
};

/* `status` 0 or 2xx: the error stood in a stream that began well. `body` may be anything. Sets
 * retry_after_ms where the words say it and no header did, until_unix_ms for what is used up. */
void failure_from_body(struct failure *failure, uint32_t status, baton_str body, uint64_t unix_ms);
/* From the host's HTTP client. `head`: an answer had begun. */
void failure_from_http(struct failure *failure, const baton_error *error, bool head);
void failure_set(struct failure *failure, uint32_t fail, const char *code, const char *message);
