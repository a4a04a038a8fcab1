/* SPDX-License-Identifier: Apache-2.0 */

/* A file comes in. What was heard gathers in one buffer while a job writes the other; when both are
 * full, reading pauses, so a slow disk costs a sender time and the server 200 KiB.
 *
 * What is refused in its midst is read to its end all the same, because a client that is cut off
 * while it sends does not see the answer.
 *
 * Surprising, all of libwebsockets: an answer cannot be written at a job's end, only from
 * WRITEABLE. The body's end is told in each turn of the loop for as long as a byte lies behind it:
 * only the first time counts; and reading cannot be paused then, because who does not read is never
 * told that he may write. A request that was sent behind another in one packet has its own head as
 * its body, which would make a good text file: it is looked for.
 */

#include "channels/http/incoming.h"

#include "channels/http/answer.h"
#include "channels/http/files.h"
#include "core/base/errors.h"

#include <libwebsockets.h>
#include <stdio.h>

enum {
	PIECE_BYTES = 64 * 1024,
	PAUSE_BYTES = 2 * PIECE_BYTES,
	SILENT_SECONDS = 10, /* between two pieces */
	WRITE_SECONDS = 60,  /* for the disk */
	GRACE_MS = 15000,    /* for all of it, ... */
	BYTES_PER_MS = 16    /* ... and so much more by its length */
};

struct incoming {
	struct baton_peer peer;
	struct baton_listener *listener; /* while there is a connection */
	struct baton_loop *loop;         /* ... and this also behind it */
	struct lws *wsi;                 /* NULL: gone */
	struct baton_upload *upload;
	struct baton_buf in, out; /* heard; being written by the job */
	uint64_t heard, bytes, until_ms;
	bool busy;     /* a job has it */
	bool complete; /* all was heard */
	bool ends;     /* of the job: it was the last piece */
	bool ended;    /* that job is done */
	bool paused;
	int rc; /* of the store */
	struct baton_file_info info;
	char origin[129];
};

static void go(struct incoming *incoming);

static struct incoming *incoming_of(struct lws *wsi)
{
	struct baton_peer *peer = lws_get_opaque_user_data(wsi);
	void *whole = peer; /* the peer is its first member */

	return peer && peer->kind == BATON_PEER_UPLOAD ? whole : NULL;
}

bool baton_incoming_is(struct lws *wsi)
{
	return incoming_of(wsi) != NULL;
}

/* --- the end ------------------------------------------------------------------------------- */

static void free_work(void *ud)
{
	struct incoming *incoming = ud;

	baton_upload_free(&incoming->upload); /* may remove a file */
}

static void free_done(void *ud)
{
	struct incoming *incoming = ud;

	baton_buf_done(&incoming->in);
	baton_buf_done(&incoming->out);
	baton_free(incoming);
}

static void incoming_free(struct incoming *incoming)
{
	if (incoming->upload &&
	    baton_loop_job(incoming->loop, free_work, free_done, incoming) == BATON_OK)
		return;
	free_work(incoming);
	free_done(incoming);
}

void baton_incoming_gone(struct baton_peer *peer)
{
	void *whole = peer;
	struct incoming *incoming = whole;

	incoming->wsi = NULL;
	if (!incoming->ended || incoming->rc < 0)
		baton_listener_count(incoming->listener, BATON_METRIC_UPLOADS_REFUSED);
	if (!incoming->busy)
		incoming_free(incoming);
}

static int answer(struct incoming *incoming)
{
	struct baton_listener *listener = incoming->listener;
	struct lws *wsi = incoming->wsi;
	const struct baton_file_info *info = &incoming->info;
	struct baton_buf body = { NULL, 0, 0 };
	char id[BATON_ID_TEXT + 1], cors[BATON_FILES_CORS_MAX], origin[sizeof(incoming->origin)];
	int rc = incoming->rc;

	memcpy(origin, incoming->origin, sizeof(origin));
	baton_id_text(&info->id, id);
	baton_buf_printf(
		&body, "{\"attachment\":\"%s\",\"media_type\":\"%s\",\"bytes\":%llu,\"name\":", id,
		info->type, (unsigned long long)info->bytes);
	baton_buf_json(&body, baton_str_of(info->name));
	baton_buf_z(&body, "}\n");
	baton_listener_count(listener,
			     rc < 0 ? BATON_METRIC_UPLOADS_REFUSED : BATON_METRIC_UPLOADS);
	if (rc == 0)
		baton_port_count(listener->port, BATON_METRIC_UPLOAD_BYTES, info->bytes);

	/* It ends before the answer is written: writing may end the connection. */
	lws_set_opaque_user_data(wsi, NULL);
	incoming_free(incoming);
	if (rc < 0) {
		rc = baton_files_refuse(listener, wsi, rc, origin, false);
	} else {
		struct baton_answer ok = { .status = 201,
					   .type = "application/json",
					   .body = baton_buf_view(&body),
					   .headers = baton_files_cors(cors, origin) };
		rc = baton_answer(listener, wsi, &ok);
	}
	baton_buf_done(&body);
	return rc;
}

int baton_incoming_writable(struct lws *wsi)
{
	struct incoming *incoming = incoming_of(wsi);

	return incoming->ended ? answer(incoming) : 0;
}

/* --- writing ------------------------------------------------------------------------------- */

static void write_work(void *ud)
{
	struct incoming *incoming = ud;

	if (incoming->rc == 0 && incoming->out.n > 0)
		incoming->rc =
			baton_upload_write(incoming->upload, incoming->out.p, incoming->out.n);
	if (incoming->rc == 0 && incoming->ends)
		incoming->rc = baton_upload_end(incoming->upload, &incoming->info);
	if (incoming->rc < 0)
		baton_upload_free(&incoming->upload);
}

static void write_done(void *ud)
{
	struct incoming *incoming = ud;

	incoming->busy = false;
	incoming->ended = incoming->ends;
	baton_buf_reset(&incoming->out);
	if (!incoming->wsi) {
		incoming_free(incoming);
		return;
	}
	if (incoming->paused) /* also at the end: who does not read is not told that he may write */
		(void)lws_rx_flow_control(incoming->wsi, 1);
	incoming->paused = false;
	if (incoming->ended) {
		lws_callback_on_writable(incoming->wsi);
		return;
	}
	if (incoming->rc < 0)
		baton_buf_reset(&incoming->in);
	if (incoming->complete || incoming->in.n >= PIECE_BYTES)
		go(incoming);
}

static void go(struct incoming *incoming)
{
	struct baton_buf out = incoming->out;

	incoming->out = incoming->in;
	incoming->in = out;
	incoming->ends = incoming->complete;
	incoming->busy = true;
	lws_set_timeout(incoming->wsi, PENDING_TIMEOUT_HTTP_CONTENT,
			incoming->ends ? WRITE_SECONDS : SILENT_SECONDS);
	if (baton_loop_job(incoming->loop, write_work, write_done, incoming) == BATON_OK)
		return;
	incoming->busy = false; /* a thousand jobs wait: whoever sends may try again */
	incoming->rc = BATON_E_AGAIN;
	baton_buf_reset(&incoming->out);
	incoming->ended = incoming->complete;
	if (incoming->ended)
		lws_callback_on_writable(incoming->wsi);
}

/* --- hearing ------------------------------------------------------------------------------- */

static uint64_t now_ms(const struct incoming *incoming)
{
	return baton_loop_now_ns(incoming->loop) / 1000000;
}

static bool is_head(const struct incoming *incoming, baton_str piece)
{
	static const char begin[] = "POST /v1/attachments ";

	size_t n = piece.n < sizeof(begin) - 1 ? piece.n : sizeof(begin) - 1;

	return incoming->heard == 0 && n >= 5 && memcmp(piece.p, begin, n) == 0;
}

int baton_incoming_begin(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, struct baton_upload *upload)
{
	struct incoming *incoming = baton_new(struct incoming);

	incoming->peer.kind = BATON_PEER_UPLOAD;
	incoming->listener = listener;
	incoming->loop = baton_port_loop(listener->port);
	incoming->wsi = wsi;
	incoming->upload = upload;
	incoming->bytes = request->body_bytes;
	incoming->until_ms = now_ms(incoming) + GRACE_MS + request->body_bytes / BYTES_PER_MS;
	(void)snprintf(incoming->origin, sizeof(incoming->origin), "%s", request->origin);
	lws_set_opaque_user_data(wsi, incoming);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, SILENT_SECONDS);
	return 0;
}

int baton_incoming_body(struct lws *wsi, baton_str piece)
{
	struct incoming *incoming = incoming_of(wsi);

	if (piece.n > incoming->bytes - incoming->heard || now_ms(incoming) > incoming->until_ms)
		return -1;
	if (is_head(incoming, piece))
		return -1;
	incoming->heard += piece.n;
	if (!incoming->busy && incoming->rc < 0)
		return 0; /* read, and forgotten */
	baton_buf_str(&incoming->in, piece);
	if (incoming->in.n >= PIECE_BYTES && !incoming->busy) {
		go(incoming);
	} else if (incoming->in.n >= PAUSE_BYTES && !incoming->paused) {
		incoming->paused = true;
		(void)lws_rx_flow_control(wsi, 0);
		lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_SECONDS);
	}
	return 0;
}

int baton_incoming_end(struct lws *wsi)
{
	struct incoming *incoming = incoming_of(wsi);

	if (incoming->complete)
		return 0;
	incoming->complete = true;
	if (!incoming->busy)
		go(incoming);
	return 0;
}
