/* SPDX-License-Identifier: Apache-2.0 */

/* The server: puts the rooms together and supplies the real seam. One thread per worker, one for
 * the journal's writer, one for the exporter; the calling thread waits for signals.
 */
#pragma once

#include "core/server/port.h"

struct baton_server;

struct baton_server_options {
	const char *policies, *data, *modules_dir, *web_dir, *secrets_dir;
	const char *modhost;      /* the program baton-modhost; NULL: no probe, no processes */
	const char *listen;       /* "127.0.0.1:7070", "[::1]:0", "0.0.0.0:80" */
	unsigned workers;         /* 1..BATON_WORKERS_MAX */
	uint64_t grace_ms;        /* how long a drain waits for open answers */
	const char *ca_file;      /* trusted beside the system's authorities; NULL: nobody */
	bool allow_loopback_http; /* providers on this machine, over plain http */
	bool demo;                /* visitors may turn the model off: demo.c */
	bool not_durable;         /* bench only: says what durability costs */
	bool no_rate_limit;       /* bench only: one connection may send without end */
	uint32_t delay_commit_us; /* bench only: a slow disk */
	uint64_t attachment_keep_ms; /* tests only: how long a file waits for its message; 0: an hour */
	const struct baton_channel_ops *channel;
	/* Called once all workers listen, on the calling thread. */
	void (*ready)(void *ud, struct baton_server *server);
	void *ud;
};

/* Runs until SIGTERM or SIGINT, then drains: nobody new, answers may finish within grace_ms,
 * what is still open stays in the journal for the next start. A second signal ends the grace. 0,
 * or why it could not start (BATON_E_POLICY, _MODULE, _IO, ...); the reasons have been logged. */
int baton_server_run(const struct baton_server_options *options);

/* While it runs, for `ready`: the address that is listened on, "http://127.0.0.1:7070". */
const char *baton_server_base(const struct baton_server *server);
