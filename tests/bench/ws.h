/* SPDX-License-Identifier: Apache-2.0 */

/* The client's side of RFC 6455, as far as a load generator needs it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10, WS_HEAD_MAX = 14 };

/* Masks the `n` bytes behind `frame + WS_HEAD_MAX` and writes the head right before them. Returns
 * where the frame begins; it is *ret_n bytes long. */
unsigned char *ws_seal(unsigned char *frame, size_t n, unsigned opcode, uint32_t mask,
		       size_t *ret_n);

struct ws_frame {
	unsigned opcode;
	char *payload;
	size_t n, bytes; /* of the payload; of the whole frame */
};
/* A server's frame at `p`; false if it is not all there yet. */
bool ws_open(unsigned char *p, size_t n, struct ws_frame *ret);
