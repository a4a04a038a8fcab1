/* SPDX-License-Identifier: Apache-2.0 */

/* The store of attachments in the server: its place, its thread that sweeps, its figures. What
 * channels may ask of it is in port.h. Internal to core/server. */
#pragma once

#include "core/base/buf.h"
#include "core/base/id.h"

struct baton_server;

/* Opens the store. 0 or why not, logged. */
int attach_open(struct baton_server *server);
/* Starts the thread: it sweeps at once, and then often enough. */
int attach_start(struct baton_server *server);
/* Ends the thread. */
void attach_stop(struct baton_server *server);
/* After the workers: uploads that were under way are gone then. */
void attach_close(struct baton_server *server);
struct baton_files *attach_files(struct baton_server *server);
/* [any] baton_attachments_* gauges. */
void attach_metrics(struct baton_server *server, struct baton_buf *out);
