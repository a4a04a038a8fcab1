/* SPDX-License-Identifier: Apache-2.0 */

/* A reply of HTTP/1.1 as it comes (RFC 9112): the head, then a body by its length, in chunks, or to
 * the end of the connection. Pure: bytes in, calls out.
 *
 * Strict where a mistake would shift the bounds of a message: lengths that differ, codings other than
 * `chunked`, characters that have no place. Lenient in line ends, as everybody is. */
#pragma once

#include "core/base/buf.h"

enum baton_reply_phase {
	BATON_REPLY_HEAD,
	BATON_REPLY_COUNTED,
	BATON_REPLY_TO_THE_END,
	BATON_REPLY_CHUNK_SIZE,
	BATON_REPLY_CHUNK,
	BATON_REPLY_CHUNK_END,
	BATON_REPLY_TRAILER,
	BATON_REPLY_OVER,
};

struct baton_reply {
	/* Whose reply it is; both return false when no more is wanted. The head begins with the
	 * status line; those below 200 are not told. */
	bool (*on_head)(void *ud, unsigned status, baton_str head);
	bool (*on_body)(void *ud, baton_str piece);
	void *ud;

	enum baton_reply_phase phase;
	struct baton_buf head, line; /* line: the beginning of one that has not ended */
	size_t line_bytes;           /* of head and trailers, ever */
	unsigned status;
	uint64_t left; /* of the body or the chunk */
	bool begun;    /* a byte of it has come */
	bool bodiless; /* HEAD was asked */
	bool old;      /* HTTP/1.0 */
	bool counted, chunked, says_close, says_keep;
	bool keeps; /* once over: another request may follow on the connection */
};

/* Before each reply; the callbacks stay. */
void baton_reply_begin(struct baton_reply *reply, void *ud, bool bodiless);
/* BATON_OK; _INVAL: this is not HTTP; _TOO_BIG: the head has no end; _CLOSED: a callback wants no
 * more. Nothing is taken behind the end of the reply. */
int baton_reply_feed(struct baton_reply *reply, baton_str bytes, size_t *ret_taken);
/* The connection has ended. Is this a whole reply? */
bool baton_reply_end(struct baton_reply *reply);
void baton_reply_done(struct baton_reply *reply);
