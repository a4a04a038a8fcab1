/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes that grow: for frames, records and JSON that is being written. One thread at a time. */
#pragma once

#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct baton_buf {
	char *p; /* NUL is kept behind the last byte, so p is also a C string once n > 0 */
	size_t n, cap;
};

void baton_buf_add(struct baton_buf *b, const void *p, size_t n);
void baton_buf_str(struct baton_buf *b, baton_str s);
void baton_buf_z(struct baton_buf *b, const char *z);
void baton_buf_u64(struct baton_buf *b, uint64_t v); /* decimal */
void baton_buf_i64(struct baton_buf *b, int64_t v);  /* decimal */
void baton_buf_printf(struct baton_buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; `s` must be UTF-8 (invalid bytes become U+FFFD). */
void baton_buf_json(struct baton_buf *b, baton_str s);
/* Makes room for `n` more bytes and returns where they go; the caller then adds to b->n. */
char *baton_buf_room(struct baton_buf *b, size_t n);
/* Drops the first `n` bytes. */
void baton_buf_drop(struct baton_buf *b, size_t n);
/* Empties, keeps the memory. */
static inline void baton_buf_reset(struct baton_buf *b)
{
	b->n = 0;
}
static inline baton_str baton_buf_view(const struct baton_buf *b)
{
	baton_str s = { b->p, b->n };
	return s;
}
/* Frees. The buffer may be used again. */
void baton_buf_done(struct baton_buf *b);

#ifdef __cplusplus
}
#endif
