/* SPDX-License-Identifier: Apache-2.0 */

/* When to come back: what headers and sentences say of it. */
#pragma once

#include "modules/sdk/provider/text.h"

/* The hint in one "Name: value" header, in ms, at most an hour; 0 if it is none or makes no sense.
 * `retry-after-ms` is finer and wins over `Retry-After`. */
uint32_t hint_of_headers(const baton_str *headers, uint32_t n, uint64_t unix_ms);
/* "x-should-retry: false": the vendor's own word that asking again is of no use. */
bool hint_not_again(const baton_str *headers, uint32_t n);
/* "Please try again in 1m2.5s." and its like; 0 if nothing of the kind is said. */
uint32_t hint_of_words(const char *message);
/* "You will regain access on 2026-03-01 at 00:00 UTC."; 0 if no day is named. */
uint64_t hint_of_day(const char *message);
/* The first moment of the next month, UTC: when monthly limits begin anew. */
uint64_t hint_next_month(uint64_t unix_ms);
