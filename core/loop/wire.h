/* SPDX-License-Identifier: Apache-2.0 */

/* The sockets of libcurl on a libuv loop. A watcher is kept as long as its connection, over any
 * number of requests: setting one up and taking it down for each request costs a third of libcurl's
 * throughput. What libcurl wants is applied once per turn, before the loop waits. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

struct baton_wire;

struct baton_wires {
	uv_loop_t *uv;
	struct baton_wire **by_fd;
	size_t n_fd;
	struct baton_wire *dirty;
	void (*on_ready)(void *ud, curl_socket_t fd, int curl_mask);
};

/* CURLMOPT_SOCKETFUNCTION: `what` is CURL_POLL_*, `ud` for on_ready(). */
void baton_wires_want(struct baton_wires *wires, curl_socket_t fd, int what, void *ud);
/* The descriptor has been opened, connected or is about to be closed. Only one that has connected
 * is kept while it is idle: libcurl 7.88 closes others without telling. */
void baton_wires_opened(struct baton_wires *wires, curl_socket_t fd);
void baton_wires_connected(struct baton_wires *wires, curl_socket_t fd);
void baton_wires_closing(struct baton_wires *wires, curl_socket_t fd);
/* Before the loop waits. */
void baton_wires_settle(struct baton_wires *wires);
void baton_wires_done(struct baton_wires *wires);
