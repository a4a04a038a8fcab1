/* SPDX-License-Identifier: Apache-2.0 */

/* Plain HTTP to an address in figures, over connections of our own, which are kept. Such a request
 * needs no resolver and no TLS, and of libcurl's work nothing else is left but what costs more than
 * the request: everything else is libcurl's. Belongs to http.c. */
#pragma once

#include "core/loop/request.h"

#include <uv.h>

struct baton_direct {
	uv_loop_t *uv;
	/* The request is over, well or not; never from inside baton_direct_drop(). */
	void (*on_over)(void *ud, struct baton_request *request);
	void *ud;
	struct baton_direct_conn *busy, *idle; /* idle: the newest first */
	unsigned n_idle;
	char *room; /* for what comes in; read before the loop goes on */
};

/* The request leaves, or waits for its connection. It may be over before this returns. */
void baton_direct_send(struct baton_direct *direct, struct baton_request *request);
/* Reads on after a pause. */
void baton_direct_resume(struct baton_request *request);
/* Nobody waits for it any more: its connection ends with it, if it has one. */
void baton_direct_drop(struct baton_request *request);
void baton_direct_done(struct baton_direct *direct);
