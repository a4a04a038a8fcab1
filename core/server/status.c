/* SPDX-License-Identifier: Apache-2.0 */

/* Nothing is measured here: what the board, the loader, the desk, the journal and the counters of
 * the workers know is put side by side. Counts are totals since the start; whoever wants a rate
 * takes the difference of two looks.
 */

#include "core/server/status.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/server/control.h"
#include "core/server/exporter.h"
#include "core/server/watch.h"

#include <sys/statvfs.h>
#include <unistd.h>

typedef unsigned long long ull;

/* --- the board ------------------------------------------------------------------------------- */

static void read_board(struct baton_server *server, struct baton_buf *out)
{
	struct baton_now now;
	struct baton_board *board = watch_hold(server->watch, &now);

	baton_board_json(board, now, out);
	watch_done(server->watch);
}

void status_put_board(struct baton_server *server, const char *const *names, struct baton_buf *out)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_json board;

	read_board(server, &text);
	if (!names) {
		baton_buf_z(out, ",\"board\":");
		baton_buf_str(out, baton_buf_view(&text));
	} else if (baton_json_parse(baton_buf_view(&text), &board) == 0) {
		for (size_t i = 0; names[i]; i++) {
			struct baton_json part = baton_json_get(&board, names[i]);

			baton_buf_printf(out, ",\"%s\":", names[i]);
			baton_buf_str(out,
				      part.type == BATON_JSON_NONE ? BATON_STR("[]") : part.raw);
		}
	}
	baton_buf_done(&text);
}

/* --- the rest -------------------------------------------------------------------------------- */

static void put_server(struct baton_server *server, struct baton_buf *out)
{
	baton_buf_printf(out, ",\"pid\":%d,\"base\":", (int)getpid());
	baton_buf_json(out, baton_str_of(server->base));
	baton_buf_z(out, ",\"server\":");
	bool ready = baton_port_ready(&server->workers[0].port, out);
	while (out->n > 0 && out->p[out->n - 1] == '\n')
		out->n--;
	baton_buf_printf(out, ",\"ready\":%s", ready ? "true" : "false");
}

/* Whether messages are taken, and the room there is for them. */
static void put_intake(struct baton_server *server, struct baton_buf *out)
{
	struct baton_journal_stats stats;
	struct statvfs disk;

	baton_journal_stats(server->journal, &stats);
	baton_buf_printf(out, ",\"intake\":{\"open\":%s,\"why\":",
			 stats.state == 0 && !atomic_load(&server->draining) ? "true" : "false");
	baton_buf_json(out, baton_str_of(stats.state < 0 ? baton_error_info(stats.state)->wire
					 : atomic_load(&server->draining) ? "draining"
									  : ""));
	baton_buf_printf(out, ",\"queued\":%llu,\"used_bytes\":%llu,\"map_bytes\":%llu",
			 (ull)stats.queued, (ull)stats.used_bytes, (ull)stats.map_bytes);
	if (statvfs(server->options.data, &disk) == 0)
		baton_buf_printf(out, ",\"disk_free_bytes\":%llu",
				 (ull)disk.f_bavail * (ull)disk.f_frsize);
	baton_buf_z(out, "}");
}

static void put_desk(struct baton_server *server, struct baton_buf *out)
{
	struct baton_buf people = { NULL, 0, 0 };
	struct watch_desk desk;

	watch_desk(server->watch, &desk);
	baton_buf_printf(
		out,
		",\"desk\":{\"waiting\":%llu,\"claimed\":%llu,\"oldest_wait_ms\":%llu,\"agents_free\":%llu",
		(ull)desk.waiting, (ull)desk.claimed, (ull)desk.oldest_wait_ms,
		(ull)desk.agents_free);
	watch_people(server->watch, &people);
	if (people.n > 0) {
		baton_buf_z(out, ",");
		baton_buf_str(out, baton_buf_view(&people));
	}
	baton_buf_done(&people);
	baton_buf_z(out, "}");
}

static uint64_t total(struct baton_server *server, enum baton_metric metric)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < server->n_workers; i++)
		sum += atomic_load_explicit(&server->workers[i].metrics.counters[metric],
					    memory_order_relaxed);
	return sum;
}

static void put_counts(struct baton_server *server, struct baton_buf *out)
{
	static const struct {
		const char *name;
		enum baton_metric metric;
	} counts[] = {
		{ "messages", BATON_METRIC_MESSAGES },
		{ "turns", BATON_METRIC_TURNS },
		{ "answered", BATON_METRIC_TURNS_ANSWERED },
		{ "drafted", BATON_METRIC_TURNS_DRAFTED },
		{ "handed_over", BATON_METRIC_TURNS_HANDED_OVER },
		{ "captured", BATON_METRIC_TURNS_CAPTURED },
		{ "fallbacks", BATON_METRIC_ANSWERS_SUBSTITUTE },
		{ "superseded", BATON_METRIC_SUPERSEDED },
		{ "escalations", BATON_METRIC_ESCALATIONS },
		{ "claims", BATON_METRIC_CLAIMS },
		{ "human_messages", BATON_METRIC_HUMAN_MESSAGES },
		{ "attempts", BATON_METRIC_ATTEMPTS },
		{ "attempts_failed", BATON_METRIC_ATTEMPTS_FAILED },
	};

	uint64_t closed = total(server, BATON_METRIC_CONNECTIONS_CLOSED);
	uint64_t opened = total(server, BATON_METRIC_CONNECTIONS);
	baton_buf_printf(out, ",\"counts\":{\"connections\":%llu",
			 (ull)(opened > closed ? opened - closed : 0));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		baton_buf_printf(out, ",\"%s\":%llu", counts[i].name,
				 (ull)total(server, counts[i].metric));
	baton_buf_z(out, "}");
}

void status_put(struct baton_server *server, struct baton_buf *out)
{
	static const char *const board[] = { "targets", "accounts", "budget", "modes",
					     "alert",   "drills",   NULL };
	static const char *const releases[] = { "live",     "candidate",   "canary",
						"releases", "generations", NULL };

	put_server(server, out);
	put_intake(server, out);
	put_desk(server, out);
	put_counts(server, out);
	control_put_releases(server, releases, out);
	status_put_board(server, board, out);
	baton_buf_z(out, ",\"exports\":");
	exporter_json(server, out);
}
