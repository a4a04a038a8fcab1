/* SPDX-License-Identifier: Apache-2.0 */

/* Something goes out that a job reads. Pieces are not read ahead: what a slow reader holds is one.
 */

#include "channels/http/outgoing.h"

#include "channels/http/files.h"
#include "core/base/errors.h"

#include <libwebsockets.h>
#include <stdatomic.h>
#include <stdio.h>

enum { STEP_SECONDS = 20, OUTGOING_MAX = 256 };

struct outgoing {
	struct baton_peer peer;
	struct baton_listener *listener; /* while there is a connection */
	struct baton_loop *loop;         /* ... and this also behind it */
	struct lws *wsi;                 /* NULL: gone */
	const struct baton_outgoing_ops *ops;
	void *ud;
	struct baton_buf piece;
	bool busy, last, headed, chunked, head_only, http10;
	int rc;
	char origin[129];
};

static _Atomic(unsigned) under_way; /* of the process: each holds a piece and perhaps a file */

static struct outgoing *outgoing_of(struct lws *wsi)
{
	struct baton_peer *peer = lws_get_opaque_user_data(wsi);
	void *whole = peer; /* the peer is its first member */

	return peer && peer->kind == BATON_PEER_STREAM ? whole : NULL;
}

bool baton_outgoing_is(struct lws *wsi)
{
	return outgoing_of(wsi) != NULL;
}

/* --- the end ------------------------------------------------------------------------------- */

static void free_work(void *ud)
{
	struct outgoing *outgoing = ud;

	outgoing->ops->free(outgoing->ud);
}

static void free_done(void *ud)
{
	struct outgoing *outgoing = ud;

	baton_buf_done(&outgoing->piece);
	baton_free(outgoing);
	atomic_fetch_sub(&under_way, 1);
}

static void outgoing_free(struct outgoing *outgoing)
{
	if (baton_loop_job(outgoing->loop, free_work, free_done, outgoing) == BATON_OK)
		return;
	free_work(outgoing);
	free_done(outgoing);
}

/* The connection is the next request's from here on. */
static void let_go(struct outgoing *outgoing)
{
	lws_set_opaque_user_data(outgoing->wsi, NULL);
	outgoing_free(outgoing);
}

void baton_outgoing_gone(struct baton_peer *peer)
{
	void *whole = peer;
	struct outgoing *outgoing = whole;

	outgoing->wsi = NULL;
	if (!outgoing->busy)
		outgoing_free(outgoing);
}

/* --- one piece ----------------------------------------------------------------------------- */

static void next_work(void *ud)
{
	struct outgoing *outgoing = ud;

	baton_buf_reset(&outgoing->piece);
	outgoing->rc = outgoing->ops->next(outgoing->ud, &outgoing->piece, &outgoing->last);
}

static void next_done(void *ud)
{
	struct outgoing *outgoing = ud;

	outgoing->busy = false;
	if (outgoing->wsi)
		lws_callback_on_writable(outgoing->wsi);
	else
		outgoing_free(outgoing);
}

static int next(struct outgoing *outgoing)
{
	outgoing->busy = true;
	lws_set_timeout(outgoing->wsi, PENDING_TIMEOUT_HTTP_CONTENT, STEP_SECONDS);
	if (baton_loop_job(outgoing->loop, next_work, next_done, outgoing) == BATON_OK)
		return 0;
	outgoing->busy = false;
	return -1;
}

int baton_outgoing_begin(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, const struct baton_outgoing_ops *ops,
			 void *ud)
{
	struct outgoing *outgoing = baton_new(struct outgoing);

	outgoing->peer.kind = BATON_PEER_STREAM;
	outgoing->listener = listener;
	outgoing->loop = baton_port_loop(listener->port);
	outgoing->wsi = wsi;
	outgoing->ops = ops;
	outgoing->ud = ud;
	outgoing->head_only = request->method == BATON_METHOD_HEAD;
	outgoing->http10 = request->http10;
	(void)snprintf(outgoing->origin, sizeof(outgoing->origin), "%s", request->origin);
	lws_set_opaque_user_data(wsi, outgoing);
	if (atomic_fetch_add(&under_way, 1) < OUTGOING_MAX && next(outgoing) == 0)
		return 0;
	let_go(outgoing);
	return baton_files_refuse(listener, wsi, BATON_E_AGAIN, request->origin, true);
}

/* --- sending ------------------------------------------------------------------------------- */

static int send_head(struct outgoing *outgoing)
{
	struct baton_buf headers = { NULL, 0, 0 };
	struct baton_answer answer = { .status = 200, .streamed = true };
	char cors[BATON_FILES_CORS_MAX];

	baton_buf_str(&headers, baton_files_cors(cors, outgoing->origin));
	outgoing->ops->head(outgoing->ud, &headers, &answer);
	outgoing->headed = true;
	outgoing->chunked = answer.chunked && !outgoing->http10;
	answer.close = answer.chunked && outgoing->http10;
	answer.chunked = outgoing->chunked;
	answer.head = outgoing->head_only;
	answer.headers = baton_buf_view(&headers);
	baton_listener_count(outgoing->listener, BATON_METRIC_DOWNLOADS);
	/* For HEAD the answer ends there: nothing hangs on the connection any more, but the head's
	 * strings are still ours. */
	if (outgoing->head_only)
		lws_set_opaque_user_data(outgoing->wsi, NULL);
	int rc = baton_answer(outgoing->listener, outgoing->wsi, &answer);
	if (outgoing->head_only)
		outgoing_free(outgoing);
	baton_buf_done(&headers);
	return rc;
}

static int send_piece(struct outgoing *outgoing)
{
	struct baton_buf *out = &outgoing->listener->out;
	const struct baton_buf *piece = &outgoing->piece;

	baton_buf_reset(out);
	baton_buf_room(out, LWS_PRE);
	out->n = LWS_PRE;
	if (outgoing->chunked && piece->n > 0)
		baton_buf_printf(out, "%zx\r\n", piece->n);
	baton_buf_add(out, piece->p, piece->n);
	if (outgoing->chunked && piece->n > 0)
		baton_buf_z(out, "\r\n");
	if (outgoing->chunked && outgoing->last)
		baton_buf_z(out, "0\r\n\r\n");
	size_t n = out->n - LWS_PRE;
	if (n > 0 &&
	    lws_write(outgoing->wsi, (unsigned char *)out->p + LWS_PRE, n, LWS_WRITE_HTTP) < (int)n)
		return -1;
	return 0;
}

int baton_outgoing_writable(struct lws *wsi)
{
	struct outgoing *outgoing = outgoing_of(wsi);
	struct baton_listener *listener = outgoing->listener;

	if (outgoing->busy)
		return 0;
	if (outgoing->rc < 0) {
		int code = outgoing->rc;
		bool headed = outgoing->headed;
		char origin[sizeof(outgoing->origin)];

		memcpy(origin, outgoing->origin, sizeof(origin));
		let_go(outgoing);
		return headed ? -1 : baton_files_refuse(listener, wsi, code, origin, false);
	}
	if (!outgoing->headed) {
		int rc = send_head(outgoing);
		if (rc < 0 || !baton_outgoing_is(wsi))
			return rc;
	}
	if (send_piece(outgoing) < 0)
		return -1;
	if (!outgoing->last)
		return next(outgoing);
	bool closes = outgoing->http10;
	let_go(outgoing);
	return closes || lws_http_transaction_completed(wsi) ? -1 : 0;
}
