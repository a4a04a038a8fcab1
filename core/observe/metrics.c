/* SPDX-License-Identifier: Apache-2.0 */

/* Prometheus text exposition 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */

#include "core/observe/metrics.h"

#include <stdio.h>

static const struct {
	const char *name, *help;
} counters[] = {
#define X(NAME, prometheus, help) { prometheus, help },
#include "core/observe/metrics.def"
#undef X
};

/* What machines do takes micro- to milliseconds, what people wait for seconds to hours. */
enum { MACHINE_US = 64, PEOPLE_US = 64000 };

static const char answer_name[] = "baton_answer_seconds", reply_name[] = "baton_reply_wait_seconds";
static const struct {
	const char *name, *labels, *help;
	uint64_t first_us; /* upper bound of the first bucket; each further one is twice as wide */
} histograms[BATON_HIST_COUNT] = {
	[BATON_HIST_TURN] = { "baton_turn_duration_seconds", "",
			      "a turn from its start to its outcome", MACHINE_US },
	[BATON_HIST_FIRST_TOKEN] = { "baton_turn_first_token_seconds", "",
				     "a turn's start to the first word of its answer", MACHINE_US },
	[BATON_HIST_COMMIT] = { "baton_journal_commit_wait_seconds", "",
				"an append's way to the disk", MACHINE_US },
	[BATON_HIST_ANSWER] = { answer_name, "degraded=\"false\"",
				"the bot's whole answer, from the start of the turn", MACHINE_US },
	[BATON_HIST_ANSWER_DEGRADED] = { answer_name, "degraded=\"true\"", NULL, MACHINE_US },
	[BATON_HIST_REPLY_BOT_FIRST] = { reply_name, "by=\"bot\",first=\"true\"",
					 "a customer's oldest message without a reply, until the reply",
					 PEOPLE_US },
	[BATON_HIST_REPLY_BOT] = { reply_name, "by=\"bot\",first=\"false\"", NULL, PEOPLE_US },
	[BATON_HIST_REPLY_PERSON_FIRST] = { reply_name, "by=\"person\",first=\"true\"", NULL,
					    PEOPLE_US },
	[BATON_HIST_REPLY_PERSON] = { reply_name, "by=\"person\",first=\"false\"", NULL,
				      PEOPLE_US },
	[BATON_HIST_TOOL] = { "baton_tool_call_seconds", "", "a call of a tool, asked to answered",
			      MACHINE_US },
};

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
	/* Each bucket ends at twice the time of the one before. */
	uint64_t beyond = us > 0 ? (us - 1) / histograms[histogram].first_us : 0;
	unsigned bucket = beyond > 0 ? 64 - (unsigned)__builtin_clzll(beyond) : 0;

	if (bucket > BATON_HIST_BUCKETS - 1)
		bucket = BATON_HIST_BUCKETS - 1;
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

/* `name_bucket{labels,le="..."} ` */
static void bucket_name(unsigned which, const char *le, struct baton_buf *out)
{
	const char *labels = histograms[which].labels;

	baton_buf_printf(out, "%s_bucket{%s%sle=\"%s\"} ", histograms[which].name, labels,
			 labels[0] ? "," : "", le);
}

static void sum_name(unsigned which, const char *suffix, struct baton_buf *out)
{
	const char *labels = histograms[which].labels;

	baton_buf_printf(out, "%s_%s%s%s%s ", histograms[which].name, suffix, labels[0] ? "{" : "",
			 labels, labels[0] ? "}" : "");
}

static void histogram_text(const struct baton_metrics *const *workers, size_t n, unsigned which,
			   struct baton_buf *out)
{
	uint64_t so_far = 0, sum_us = 0;
	char le[32];

	if (histograms[which].help)
		describe(out, histograms[which].name, histograms[which].help, "histogram");
	for (unsigned bucket = 0; bucket < BATON_HIST_BUCKETS; bucket++) {
		for (size_t i = 0; i < n; i++)
			so_far +=
				atomic_load_explicit(&workers[i]->histograms[which].buckets[bucket],
						     memory_order_relaxed);
		(void)snprintf(le, sizeof(le), "%.6f",
			       (double)(histograms[which].first_us << bucket) / 1e6);
		bucket_name(which, bucket < BATON_HIST_BUCKETS - 1 ? le : "+Inf", out);
		baton_buf_printf(out, "%llu\n", (unsigned long long)so_far);
	}
	for (size_t i = 0; i < n; i++)
		sum_us += atomic_load_explicit(&workers[i]->histograms[which].sum_us,
					       memory_order_relaxed);
	sum_name(which, "sum", out);
	baton_buf_printf(out, "%.6f\n", (double)sum_us / 1e6);
	sum_name(which, "count", out);
	baton_buf_printf(out, "%llu\n", (unsigned long long)so_far);
}

const char *baton_metrics_histogram(unsigned histogram, const char **ret_help)
{
	*ret_help = histograms[histogram].help;
	return histograms[histogram].help ? histograms[histogram].name : NULL;
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
