/* SPDX-License-Identifier: Apache-2.0 */

/* A file that comes in as the body of a request, written to disk by jobs as it comes. Returns are those
 * of the callback: 0, or -1: close. */
#pragma once

#include "channels/http/listener.h"
#include "channels/http/request.h"

/* `upload` is taken over. */
int baton_incoming_begin(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, struct baton_upload *upload);
bool baton_incoming_is(struct lws *wsi);
int baton_incoming_body(struct lws *wsi, baton_str piece);
int baton_incoming_end(struct lws *wsi);
int baton_incoming_writable(struct lws *wsi);
void baton_incoming_gone(struct baton_peer *peer);
