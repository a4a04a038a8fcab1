/* SPDX-License-Identifier: Apache-2.0 */

/* The exporter: follows the journal and hands every event to each transcript module of the live
 * release, once or more, in order per session. One thread with a loop of its own, so a slow backend
 * costs nobody anything; each backend goes at its own pace.
 *
 * A backend is known by its name in modules.yaml. Its cursor (journal, "cursor/<name>") outlives
 * releases: one that comes back goes on where it stopped. Internal to core/server.
 */
#pragma once

#include "core/base/buf.h"

struct baton_server;
struct baton_release;
struct baton_loop;

/* Always starts the thread, also if the release has no backend yet. 0, or why not, logged. */
int exporter_start(struct baton_server *server, struct baton_release *release);
/* What is left it hands out next time. */
void exporter_stop(struct baton_server *server);

enum { EXPORTER_WHY_MAX = 512 };

/* [any] From now on the backends of this release are handed what there is. Backends whose generation
 * is the same go on without noticing. Those with a new one get what was not yet acknowledged again,
 * once the old one is out of use. Carried out in the order in which it is asked. */
void exporter_switch(struct baton_server *server, struct baton_release *release);

struct exporter_order {
	struct baton_release *release; /* a reference is taken */
	struct baton_loop *back;       /* where `then` is called; NULL: nobody asks */
	void *ud;
	/* 0: the one before is out of use here. It takes as long as a batch that is under way, 5 s at
	 * most. <0: the release could not be taken (`why`), and nothing has changed. */
	void (*then)(void *ud, int rc, const char *why);
};

/* [any] As exporter_switch(), for who wants to know when it is done. */
void exporter_give(struct baton_server *server, const struct exporter_order *order);

/* [any] baton_export_* families. */
void exporter_metrics(struct baton_server *server, struct baton_buf *out);
/* [any] `[{"backend","state":"ok|paused|parked","lag_records","failures","why","retry_ms"}]` */
void exporter_json(struct baton_server *server, struct baton_buf *out);
