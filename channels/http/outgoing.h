/* SPDX-License-Identifier: Apache-2.0 */

/* An answer that is read from disk by jobs while it is sent: one piece is in memory, and the next is
 * read when the peer has taken it. */
#pragma once

#include "channels/http/answer.h"
#include "channels/http/request.h"

struct baton_outgoing_ops {
	/* [job] Appends the next piece, at least a byte unless it is the last. The first call opens what
	 * is read. 0 or BATON_E_*. */
	int (*next)(void *ud, struct baton_buf *out, bool *ret_last);
	/* [loop] After the first piece: the answer's head; strings are static or in `headers`. */
	void (*head)(void *ud, struct baton_buf *headers, struct baton_answer *ret);
	void (*free)(void *ud); /* [job] */
};

/* `ud` is taken over. */
int baton_outgoing_begin(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, const struct baton_outgoing_ops *ops,
			 void *ud);
bool baton_outgoing_is(struct lws *wsi);
int baton_outgoing_writable(struct lws *wsi);
void baton_outgoing_gone(struct baton_peer *peer);
