/* SPDX-License-Identifier: Apache-2.0 */

/* Outbound HTTP: libcurl's multi interface driven by the loop (multi_socket, cached watchers).
 *
 * Redirects are refused, proxies and ambient configuration ignored, the resolved address is checked
 * before connecting, bodies are never decompressed, and every size has a bound. Secrets are
 * expanded by the caller (core/module), so that they stand in no module and no log.
 */
#pragma once

#include "core/loop/loop.h"

struct baton_http;                  /* the client of one loop */
typedef uint64_t baton_http_handle; /* 0 is none; never reused */

struct baton_http_ask {
	baton_str method, url, body;
	const baton_str *headers; /* "Name: value" */
	size_t n_headers;
	uint32_t connect_ms, first_byte_ms, idle_ms,
		total_ms; /* 0: BATON_CONNECT_MS, none, none, 60 s */
	bool sse;         /* parse text/event-stream (WHATWG): on_data gets whole events */
	bool ndjson;      /* on_data gets whole lines */
	bool once;        /* on a connection of its own, so that libcurl does not send it again */
	const char *const
		*egress; /* "host", "host:port", "*.host"; empty: nothing may be reached */
	size_t n_egress;
	const char *ca_file; /* who is trusted beside the system's authorities (PEM); NULL: nobody */
	bool allow_loopback_http; /* plain http, and loopback addresses; else https to public addresses only */
};

struct baton_http_events { /* [loop]; never from inside start() or pause(); exactly one on_end */
	void (*on_head)(void *ud, baton_http_handle h, uint32_t status, const baton_str *headers,
			size_t n);
	/* sse: event name ("message" by default) and data. else: event empty, data = bytes as
	 * they come */
	void (*on_data)(void *ud, baton_http_handle h, baton_str event, baton_str data);
	/* NULL: the body ended as the protocol says. Else fail = BATON_FAIL_UNAVAILABLE,
	 * _TIMEOUT, _BAD_OUTPUT (a bound was passed, cut body), _ACCESS (refused by egress). The
	 * code is one of connect, dns, tls, denied, timeout_connect, timeout_first_byte,
	 * timeout_idle, timeout_total, cut, too_big, protocol, cancelled. The handle has ended:
	 * stop() does nothing. */
	void (*on_end)(void *ud, baton_http_handle h, const baton_error *error);
};

struct baton_http *baton_http_new(struct baton_loop *loop);
/* Open requests end with _CANCELLED. Before the loop is freed; not from inside on_*. */
void baton_http_free(struct baton_http **http);
/* Copies everything. 0, or BATON_E_INVAL (URL, header with CR LF), _DENIED (egress), _LIMIT. */
int baton_http_start(struct baton_http *http, const struct baton_http_ask *ask,
		     const struct baton_http_events *events, void *ud,
		     baton_http_handle *ret_handle);
void baton_http_pause(struct baton_http *http, baton_http_handle h, bool paused);
/* Nothing more is told, not even on_end. */
void baton_http_stop(struct baton_http *http, baton_http_handle h);
/* The loop's own client, made on first use. */
struct baton_http *baton_loop_http(struct baton_loop *loop);
