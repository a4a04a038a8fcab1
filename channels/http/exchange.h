/* SPDX-License-Identifier: Apache-2.0 */

/* One HTTP request from its head to its answer. Most are answered within begin() and keep no
 * state; only a request with a body and a large file do. Returns are those of the callback: 0,
 * -1: close. */
#pragma once

#include "channels/http/listener.h"

enum { BATON_ANSWER_STEP_BYTES = 64 * 1024 };

int baton_exchange_begin(struct baton_listener *listener, struct lws *wsi, baton_str path);
int baton_exchange_body(struct baton_listener *listener, struct lws *wsi, baton_str piece);
int baton_exchange_body_end(struct baton_listener *listener, struct lws *wsi);
int baton_exchange_writable(struct baton_listener *listener, struct lws *wsi);
void baton_exchange_gone(struct baton_peer *peer);

/* The head is out; sends the file as the peer takes it. */
int baton_exchange_send(struct baton_listener *listener, struct lws *wsi,
			const struct baton_web_file *file);
