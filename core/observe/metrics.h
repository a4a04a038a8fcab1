/* SPDX-License-Identifier: Apache-2.0 */

/* Counters and histograms of one process, kept per worker without locks and summed when read. */
#pragma once

#include "core/base/buf.h"

#include <stdatomic.h>

enum baton_metric {
#define X(NAME, prometheus, help) BATON_METRIC_##NAME,
#include "core/observe/metrics.def"
#undef X
	BATON_METRIC_COUNT
};

/* Seconds on the wire, microseconds here. Those that differ in a label alone stand together: they are
 * one series to whoever scrapes (metrics.c). */
enum baton_series {
	BATON_HIST_TURN,            /* baton_turn_duration_seconds: message durable to outcome */
	BATON_HIST_FIRST_TOKEN,     /* baton_turn_first_token_seconds */
	BATON_HIST_COMMIT,          /* baton_journal_commit_wait_seconds: append to acknowledgement */
	BATON_HIST_ANSWER,          /* baton_answer_seconds{degraded="false"} */
	BATON_HIST_ANSWER_DEGRADED, /* ... "true": by a substitute or under a degraded mode */
	BATON_HIST_REPLY_BOT_FIRST, /* baton_reply_wait_seconds{by="bot",first="true"} */
	BATON_HIST_REPLY_BOT,       /* the oldest message without a reply, until the bot's reply */
	BATON_HIST_REPLY_PERSON_FIRST,
	BATON_HIST_REPLY_PERSON,
	BATON_HIST_TOOL, /* baton_tool_call_seconds: asked to answered */
	BATON_HIST_COUNT
};
enum { BATON_HIST_BUCKETS = 18 }; /* <= first << i; the last is +Inf */

struct baton_metrics { /* of one worker; written by it alone, read by any */
	_Atomic(uint64_t) counters[BATON_METRIC_COUNT];
	struct {
		_Atomic(uint64_t) buckets[BATON_HIST_BUCKETS], sum_us;
	} histograms[BATON_HIST_COUNT];
};

void baton_metrics_count(struct baton_metrics *metrics, unsigned metric, uint64_t add);
void baton_metrics_observe(struct baton_metrics *metrics, unsigned histogram, uint64_t us);
/* For the reference: a histogram's series and its meaning; NULL if it is one of the series before. */
const char *baton_metrics_histogram(unsigned histogram, const char **ret_help);
/* One gauge with its HELP and TYPE. */
void baton_metrics_gauge_text(struct baton_buf *out, const char *name, const char *help,
			      double value);
/* One counter without labels, the same way. */
void baton_metrics_counter_text(struct baton_buf *out, const char *name, const char *help,
				uint64_t value);
/* Sums `n` workers into Prometheus text exposition 0.0.4. */
void baton_metrics_text(const struct baton_metrics *const *workers, size_t n,
			struct baton_buf *out);
