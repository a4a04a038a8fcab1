/* SPDX-License-Identifier: Apache-2.0 */

/* What /readyz and /metrics show. Ready means: intake works. The models may all be down. */

#include "core/server/loader.h"
#include "core/server/watch.h"

#include "core/base/errors.h"
#include "core/server/attach.h"
#include "core/server/exporter.h"

void baton_port_metrics(struct baton_port *port, struct baton_buf *out)
{
	struct baton_server *server = port->worker->server;
	const struct baton_metrics *metrics[BATON_WORKERS_MAX + 1];
	struct baton_journal_stats stats;
	uint64_t lag_us = 0;

	for (unsigned i = 0; i < server->n_workers; i++) {
		uint64_t worst = baton_loop_lag_us(server->workers[i].loop);

		metrics[i] = &server->workers[i].metrics;
		lag_us = worst > lag_us ? worst : lag_us;
	}
	metrics[server->n_workers] = &server->export_metrics;
	baton_metrics_text(metrics, server->n_workers + 1, out);
	baton_journal_stats(server->journal, &stats);
	baton_metrics_gauge_text(out, "baton_workers", "event loops", server->n_workers);
	baton_metrics_gauge_text(out, "baton_loop_lag_seconds",
				 "longest turn of an event loop since the last scrape",
				 (double)lag_us / 1e6);
	baton_metrics_gauge_text(out, "baton_journal_healthy", "1 while appends are accepted",
				 stats.state == 0);
	baton_metrics_gauge_text(out, "baton_journal_map_bytes", "size of the journal's map",
				 (double)stats.map_bytes);
	baton_metrics_gauge_text(out, "baton_journal_used_bytes", "bytes of it in use",
				 (double)stats.used_bytes);
	baton_metrics_gauge_text(out, "baton_journal_queue", "appends waiting for the writer",
				 (double)stats.queued);
	baton_metrics_gauge_text(out, "baton_journal_index_lag", "records not yet indexed",
				 (double)stats.index_lag);
	baton_metrics_gauge_text(out, "baton_start_time_seconds", "unix time of the start",
				 (double)server->started_ms / 1e3);
	loader_metrics(server, out);
	watch_metrics(server->watch, out);
	exporter_metrics(server, out);
	attach_metrics(server, out);
	baton_metrics_counter_text(out, "baton_operations_dropped_total",
				   "events that the operations log had no room for",
				   atomic_load(&server->control->dropped));
}

bool baton_port_ready(struct baton_port *port, struct baton_buf *out)
{
	struct baton_server *server = port->worker->server;
	struct baton_journal_stats stats;
	bool draining = baton_port_draining(port);
	/* Not the worker's: the control thread asks, too, and a worker may be changing its own. */
	struct baton_release *live = loader_live(server);

	baton_journal_stats(server->journal, &stats);
	bool ready = stats.state == 0 && !draining;
	baton_buf_printf(
		out,
		"{\"ready\":%s,\"draining\":%s,\"journal\":{\"state\":\"%s\",\"records\":%llu,\"queued\":%llu}",
		ready ? "true" : "false", draining ? "true" : "false",
		stats.state == 0 ? "ok" : baton_error_info(stats.state)->wire,
		(unsigned long long)stats.records, (unsigned long long)stats.queued);
	baton_buf_printf(out, ",\"workers\":%u,\"release\":%llu,\"started_ms\":%llu}\n",
			 server->n_workers,
			 (unsigned long long)(live ? baton_release_number(live) : 0),
			 (unsigned long long)server->started_ms);
	baton_release_unref(&live);
	return ready;
}
