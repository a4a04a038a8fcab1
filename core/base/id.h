/* SPDX-License-Identifier: Apache-2.0 */

/* Session ids: UUID version 7 (RFC 9562 section 5.7), 48 bits of unix milliseconds and 74 random
 * bits, so that ids sort by birth and cannot be guessed. */
#pragma once

#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct baton_id {
	uint8_t b[16];
};

enum { BATON_ID_TEXT = 36 }; /* bytes of the text form, without NUL */

/* An id from `unix_ms` and 10 random bytes. Pure. */
struct baton_id baton_id_make(uint64_t unix_ms, const uint8_t random[10]);
/* Writes 36 characters and a NUL. */
void baton_id_text(const struct baton_id *id, char text[BATON_ID_TEXT + 1]);
/* 0, or BATON_E_INVAL if `s` is not the 36-character lower or upper case form. */
int baton_id_parse(baton_str s, struct baton_id *ret_id);
static inline bool baton_id_eq(const struct baton_id *a, const struct baton_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
bool baton_id_is_zero(const struct baton_id *id);
/* 64 bits to place an id in a table or on a worker; stable over runs and machines. */
uint64_t baton_id_hash(const struct baton_id *id);

#ifdef __cplusplus
}
#endif
