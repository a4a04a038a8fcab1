/* SPDX-License-Identifier: Apache-2.0 */

/* Prometheus text exposition 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */

#include "core/observe/metrics.h"

static const struct {
	const char *name, *help;
} counters[] = {
#define X(NAME, prometheus, help) { prometheus, help },
#include "core/observe/metrics.def"
#undef X
};

static const struct {
	const char *name, *help;
} histograms[] = {
	[BATON_HIST_TURN] = { "baton_turn_duration_seconds",
			      "a turn from its start to its outcome" },
	[BATON_HIST_FIRST_TOKEN] = { "baton_turn_first_token_seconds",
				     "a turn's start to the first word of its answer" },
	[BATON_HIST_COMMIT] = { "baton_journal_commit_wait_seconds",
				"an append's way to the disk" },
};

enum { FIRST_BUCKET_US = 64 };

/* One writer per worker: a plain add in two relaxed halves, no locked instruction. */
static void add_relaxed(_Atomic(uint64_t) *to, uint64_t add)
{
	atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + add,
			      memory_order_relaxed);
}

void baton_metrics_count(struct baton_metrics *metrics, unsigned metric, uint64_t add)
{
	add_relaxed(&metrics->counters[metric], add);
}

void baton_metrics_observe(struct baton_metrics *metrics, unsigned histogram, uint64_t us)
{
	unsigned bucket = 0;

	while (bucket < BATON_HIST_BUCKETS - 1 && us > (uint64_t)FIRST_BUCKET_US << bucket)
		bucket++;
	add_relaxed(&metrics->histograms[histogram].buckets[bucket], 1);
	add_relaxed(&metrics->histograms[histogram].sum_us, us);
}

static void describe(struct baton_buf *out, const char *name, const char *help, const char *type)
{
	baton_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter_text(const struct baton_metrics *const *workers, size_t n, unsigned metric,
			 struct baton_buf *out)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += atomic_load_explicit(&workers[i]->counters[metric], memory_order_relaxed);
	describe(out, counters[metric].name, counters[metric].help, "counter");
	baton_buf_printf(out, "%s %llu\n", counters[metric].name, (unsigned long long)sum);
}

static void histogram_text(const struct baton_metrics *const *workers, size_t n, unsigned which,
			   struct baton_buf *out)
{
	const char *name = histograms[which].name;
	uint64_t so_far = 0, sum_us = 0;

	describe(out, name, histograms[which].help, "histogram");
	for (unsigned bucket = 0; bucket < BATON_HIST_BUCKETS; bucket++) {
		for (size_t i = 0; i < n; i++)
			so_far +=
				atomic_load_explicit(&workers[i]->histograms[which].buckets[bucket],
						     memory_order_relaxed);
		if (bucket < BATON_HIST_BUCKETS - 1)
			baton_buf_printf(out, "%s_bucket{le=\"%.6f\"} %llu\n", name,
					 (double)((uint64_t)FIRST_BUCKET_US << bucket) / 1e6,
					 (unsigned long long)so_far);
	}
	for (size_t i = 0; i < n; i++)
		sum_us += atomic_load_explicit(&workers[i]->histograms[which].sum_us,
					       memory_order_relaxed);
	baton_buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name,
			 (unsigned long long)so_far, name, (double)sum_us / 1e6, name,
			 (unsigned long long)so_far);
}

void baton_metrics_gauge_text(struct baton_buf *out, const char *name, const char *help,
			      double value)
{
	describe(out, name, help, "gauge");
	baton_buf_printf(out, "%s %.15g\n", name, value);
}

void baton_metrics_counter_text(struct baton_buf *out, const char *name, const char *help,
				uint64_t value)
{
	describe(out, name, help, "counter");
	baton_buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

void baton_metrics_text(const struct baton_metrics *const *workers, size_t n, struct baton_buf *out)
{
	int64_t connections = 0;

	for (unsigned metric = 0; metric < BATON_METRIC_COUNT; metric++)
		counter_text(workers, n, metric, out);
	for (unsigned which = 0; which < BATON_HIST_COUNT; which++)
		histogram_text(workers, n, which, out);
	for (size_t i = 0; i < n; i++)
		connections +=
			(int64_t)(atomic_load(&workers[i]->counters[BATON_METRIC_CONNECTIONS]) -
				  atomic_load(
					  &workers[i]->counters[BATON_METRIC_CONNECTIONS_CLOSED]));
	baton_metrics_gauge_text(out, "baton_connections", "WebSocket connections open now",
				 (double)connections);
}
