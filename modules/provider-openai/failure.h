/* SPDX-License-Identifier: Apache-2.0 */

/* What an error of the provider means: the vendor's words and status in, a class out. */
#pragma once

#include "text.h"

enum { FAILURE_MESSAGE = 200 };

struct failure {
	uint32_t fail;    /* BATON_FAIL_* */
	const char *code; /* the class as the fault catalogue names it, lower case */
	uint32_t status, retry_after_ms;
	char message[FAILURE_MESSAGE]; /* for the operator: the vendor's code and words, cut short */
};

/* `status` 0 or 2xx: the error stood in a stream that began well. `body` may be anything. */
void failure_from_body(struct failure *failure, uint32_t status, baton_str body);
/* From the host's HTTP client. `head`: an answer had begun. */
void failure_from_http(struct failure *failure, const baton_error *error, bool head);
void failure_set(struct failure *failure, uint32_t fail, const char *code, const char *message);

/* The hint in one "Name: value" header, in ms, at most an hour; 0 if it is none or makes no sense.
 * `retry-after-ms` is finer and wins over `Retry-After`. */
uint32_t failure_retry_after(const baton_str *headers, uint32_t n, uint64_t unix_ms);
