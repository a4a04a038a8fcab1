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

/* [baton_buf_room] There is not enough: grows by doubling. */
void baton_buf_grow(struct baton_buf *b, size_t n);

/* Makes room for `n` more bytes and returns where they go; the caller then adds to b->n. */
static inline char *baton_buf_room(struct baton_buf *b, size_t n)
{
	if (b->cap - b->n <= n) /* a NUL goes behind */
		baton_buf_grow(b, n);
	return b->p + b->n;
}

/* What is written in small pieces is written often: these are in line, so that words that stand in
 * the source (baton_buf_z) are stored and not copied by a call. */
static inline void baton_buf_add(struct baton_buf *b, const void *p, size_t n)
{
	char *to = baton_buf_room(b, n);

	if (n > 0)
		memcpy(to, p, n);
	to[n] = '\0';
	b->n += n;
}
static inline void baton_buf_str(struct baton_buf *b, baton_str s)
{
	baton_buf_add(b, s.p, s.n);
}
static inline void baton_buf_z(struct baton_buf *b, const char *z)
{
	baton_buf_add(b, z, strlen(z));
}

/* A name of an object's as it stands in JSON, `,"name":`, made when the source is compiled. It is
 * copied with all its room, which takes no call; names are written all the time. */
enum { BATON_KEY_ROOM = 31 };
struct baton_key {
	char text[BATON_KEY_ROOM]; /* NUL behind it */
	unsigned char n;
};
/* A name that is too long does not compile: an array of less than nothing. */
#define BATON_KEY(name)                                                                           \
	{                                                                                         \
		",\"" name "\":",                                                                 \
			sizeof(",\"" name "\":") - 1 +                                            \
				0 * sizeof(char[sizeof(",\"" name "\":") <= BATON_KEY_ROOM ? 1    \
											   : -1]) \
	}
static inline void baton_buf_key(struct baton_buf *b, const struct baton_key *key)
{
	memcpy(baton_buf_room(b, sizeof(*key)), key, sizeof(*key));
	b->n += key->n;
}

/* Decimal, without a NUL; returns how many bytes. */
enum { BATON_U64_TEXT = 20 };
size_t baton_u64_text(uint64_t v, char to[BATON_U64_TEXT]);
void baton_buf_u64(struct baton_buf *b, uint64_t v); /* decimal */
void baton_buf_i64(struct baton_buf *b, int64_t v);  /* decimal */
void baton_buf_printf(struct baton_buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; `s` must be UTF-8 (invalid bytes become U+FFFD). */
void baton_buf_json(struct baton_buf *b, baton_str s);
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
