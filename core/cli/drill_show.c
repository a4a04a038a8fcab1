/* SPDX-License-Identifier: Apache-2.0 */

/* What came of a drill, as text and as JSON. */

#include "core/cli/drill.h"
#include "core/cli/report.h"

#include <stdio.h>

static void put_time(struct baton_buf *out, const struct baton_drill_time *time)
{
	if (time->known)
		cli_put_duration(out, (double)time->ms);
	else
		baton_buf_z(out, "never");
}

static void put_objective_value(struct baton_buf *out, const struct baton_drill_objective *row,
				double value)
{
	if (row->is_condition)
		baton_buf_z(out, value > 0 ? "true" : value < 0 ? "unclear" : "false");
	else if (value < 0)
		baton_buf_z(out, "never");
	else if (row->is_share)
		baton_buf_printf(out, "%.1f %%", value * 100);
	else if (strstr(row->name, "usd"))
		baton_buf_printf(out, "$%.4f", value);
	else
		cli_put_duration(out, value);
}

static void put_objectives(const struct baton_drill_sum *sum, struct baton_buf *out)
{
	baton_buf_printf(out, "\n%-22s %12s %12s\n", "objective", "wanted", "got");
	for (size_t i = 0; i < BATON_DRILL_OBJECTIVES; i++) {
		const struct baton_drill_objective *row = &sum->objectives[i];
		struct baton_buf wanted = { NULL, 0, 0 }, got = { NULL, 0, 0 };

		if (!row->asked)
			continue;
		put_objective_value(&wanted, row, row->wanted);
		put_objective_value(&got, row, row->got);
		baton_buf_printf(out, "%-22s %12s %12s  %s\n", row->name, wanted.p, got.p,
				 row->held ? "held" : "NOT HELD");
		baton_buf_done(&wanted);
		baton_buf_done(&got);
	}
}

static void put_phases(const struct baton_drill_sum *sum, struct baton_buf *out)
{
	baton_buf_printf(out, "\n%-12s %9s %9s %8s %12s %6s %6s %9s %10s %10s\n", "phase",
			 "messages", "answered", "drafted", "to a person", "kept", "lost",
			 "expected", "p50", "p95");
	for (size_t i = 0; i < BATON_PHASES; i++) {
		const struct baton_drill_counts *row = &sum->phases[i];
		struct baton_buf p50 = { NULL, 0, 0 }, p95 = { NULL, 0, 0 };

		cli_put_duration(&p50, (double)baton_spread_quantile(&row->response_ms, 500000));
		cli_put_duration(&p95, (double)baton_spread_quantile(&row->response_ms, 950000));
		baton_buf_printf(
			out, "%-12s %9llu %9llu %8llu %12llu %6llu %6llu %9llu %10s %10s\n",
			baton_drill_phase_name((enum baton_drill_phase)i),
			(unsigned long long)row->messages, (unsigned long long)row->answered,
			(unsigned long long)row->drafted, (unsigned long long)row->handed_over,
			(unsigned long long)row->captured, (unsigned long long)row->lost,
			(unsigned long long)row->expected, row->response_ms.n ? p50.p : "-",
			row->response_ms.n ? p95.p : "-");
		baton_buf_done(&p50);
		baton_buf_done(&p95);
	}
}

/* Messages of one script in one phase, by how they ended. */
static void put_outcomes(const struct drill_result *result, size_t script,
			 enum baton_drill_phase phase, struct baton_buf *out)
{
	static const unsigned kinds[] = { BATON_DRILL_ANSWERED, BATON_DRILL_DRAFTED,
					  BATON_DRILL_HANDED_OVER, BATON_DRILL_CAPTURED, 0 };
	size_t at = out->n;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		size_t n = 0;
		for (size_t i = 0; i < result->figures->n_samples; i++) {
			const struct baton_drill_sample *sample = &result->figures->samples[i];
			n += sample->script == script && sample->outcome == kinds[k] &&
			     baton_drill_phase_of(result->figures, result->sum, sample) == phase;
		}
		if (n > 0)
			baton_buf_printf(out, "%s%zu %s", out->n > at ? ", " : "", n,
					 baton_drill_outcome_name(kinds[k]));
	}
	if (out->n == at)
		baton_buf_z(out, "-");
}

static void put_scripts(const struct drill_result *result, struct baton_buf *out)
{
	const struct baton_drill_file *file = result->run->file;

	baton_buf_printf(out, "\n%-26s %-28s %-28s %s\n", "scenario", "before", "fault", "after");
	for (size_t script = 0; script < file->n_talks; script++) {
		baton_buf_printf(out, "%-26.26s ", file->talks[script].scenario);
		for (size_t phase = 0; phase < BATON_PHASES; phase++) {
			struct baton_buf cell = { NULL, 0, 0 };
			if (phase == BATON_PHASE_RECOVERING)
				continue;
			put_outcomes(result, script, (enum baton_drill_phase)phase, &cell);
			baton_buf_printf(out, "%-28s ", cell.p);
			baton_buf_done(&cell);
		}
		baton_buf_z(out, "\n");
	}
}

void drill_show_text(const struct drill_result *result, struct baton_buf *out)
{
	const struct drill_run *run = result->run;
	const struct baton_drill_sum *sum = result->sum;

	baton_buf_printf(out, "drill %s: objectives %s\n", run->file->name,
			 sum->held ? "held" : "NOT HELD");
	if (run->file->description[0])
		baton_buf_printf(out, "%s\n", run->file->description);
	baton_buf_printf(out, "\n%-22s ", "time to degrade");
	put_time(out, &sum->degrade);
	baton_buf_z(out, "  (fault on until the first message served without the primary)\n");
	baton_buf_printf(out, "%-22s ", "time to recover");
	put_time(out, &sum->recover);
	baton_buf_z(out, "  (fault off until the primary answers again, for good)\n");
	baton_buf_printf(out, "%-22s ", "time to resume");
	put_time(out, &sum->resume);
	baton_buf_printf(out, "  (fault off until nothing kept waits; %llu kept, %llu wait)\n",
			 (unsigned long long)sum->kept, (unsigned long long)sum->kept_waiting);
	baton_buf_printf(out,
			 "%-22s %llu of %llu conversations: all that was sent, once, in order\n",
			 "transcripts", (unsigned long long)sum->preserved,
			 (unsigned long long)sum->conversations);
	baton_buf_printf(out,
			 "%-22s %llu because of the fault, %llu with reason and every message\n",
			 "hand-overs", (unsigned long long)sum->handoffs,
			 (unsigned long long)sum->handoffs_full);
	baton_buf_printf(out, "%-22s $%.4f models; fallback cost $%.4f more than a good day\n",
			 "cost", (double)sum->cost_microusd / 1e6, result->extra_microusd / 1e6);
	if (run->misread > 0)
		baton_buf_printf(out, "%-22s %zu conversations were understood as another intent\n",
				 "intents", run->misread);
	put_objectives(sum, out);
	put_phases(sum, out);
	put_scripts(result, out);
}

/* --- JSON --- */

static void json_time(struct baton_buf *out, const char *name, const struct baton_drill_time *time)
{
	if (time->known)
		baton_buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)time->ms);
	else
		baton_buf_printf(out, ",\"%s\":null", name);
}

static void json_objectives(const struct baton_drill_sum *sum, struct baton_buf *out)
{
	const char *lead = "";

	baton_buf_z(out, ",\"objectives\":[");
	for (size_t i = 0; i < BATON_DRILL_OBJECTIVES; i++) {
		const struct baton_drill_objective *row = &sum->objectives[i];
		if (!row->asked)
			continue;
		baton_buf_printf(out, "%s{\"name\":", lead);
		baton_buf_json(out, baton_str_of(row->name));
		baton_buf_printf(out, ",\"held\":%s,\"wanted\":%.6g,\"got\":",
				 row->held ? "true" : "false", row->wanted);
		if (row->got < 0)
			baton_buf_z(out, "null}");
		else
			baton_buf_printf(out, "%.6g}", row->got);
		lead = ",";
	}
	baton_buf_z(out, "]");
}

static void json_phases(const struct baton_drill_sum *sum, struct baton_buf *out)
{
	baton_buf_z(out, ",\"phases\":{");
	for (size_t i = 0; i < BATON_PHASES; i++) {
		const struct baton_drill_counts *row = &sum->phases[i];
		baton_buf_printf(
			out,
			"%s\"%s\":{\"messages\":%llu,\"answered\":%llu,\"drafted\":%llu,\"handed_over\":%llu,"
			"\"captured\":%llu,\"lost\":%llu,\"expected\":%llu,\"failed_attempts\":%llu,"
			"\"cost_microusd\":%llu,\"p50_ms\":%llu,\"p95_ms\":%llu}",
			i ? "," : "", baton_drill_phase_name((enum baton_drill_phase)i),
			(unsigned long long)row->messages, (unsigned long long)row->answered,
			(unsigned long long)row->drafted, (unsigned long long)row->handed_over,
			(unsigned long long)row->captured, (unsigned long long)row->lost,
			(unsigned long long)row->expected, (unsigned long long)row->failed_attempts,
			(unsigned long long)row->cost_microusd,
			(unsigned long long)baton_spread_quantile(&row->response_ms, 500000),
			(unsigned long long)baton_spread_quantile(&row->response_ms, 950000));
	}
	baton_buf_z(out, "}");
}

static void json_samples(const struct drill_result *result, struct baton_buf *out)
{
	const struct baton_drill_run *figures = result->figures;
	char session[BATON_ID_TEXT + 1];

	baton_buf_z(out, ",\"messages\":[");
	for (size_t i = 0; i < figures->n_samples; i++) {
		const struct baton_drill_sample *sample = &figures->samples[i];
		const struct baton_drill_talk *script = &result->run->file->talks[sample->script];

		baton_id_text(&result->run->talks[sample->talk].session, session);
		baton_buf_printf(out, "%s{\"session\":\"%s\",\"scenario\":", i ? ",\n" : "\n",
				 session);
		baton_buf_json(out, baton_str_of(script->scenario));
		baton_buf_printf(
			out,
			",\"phase\":\"%s\",\"outcome\":\"%s\",\"expected\":%s,\"degraded\":%s,"
			"\"sent_ms\":%llu,\"done_ms\":%llu,\"late_ms\":%llu,\"attempts\":%u,\"failed\":%u}",
			baton_drill_phase_name(baton_drill_phase_of(figures, result->sum, sample)),
			baton_drill_outcome_name(sample->outcome),
			baton_drill_expected(figures, result->sum, sample) ? "true" : "false",
			sample->degraded ? "true" : "false", (unsigned long long)sample->sent_ms,
			(unsigned long long)sample->done_ms, (unsigned long long)sample->late_ms,
			sample->attempts, sample->failed);
	}
	baton_buf_z(out, "]");
}

void drill_show_json(const struct drill_result *result, struct baton_buf *out)
{
	const struct baton_drill_sum *sum = result->sum;

	baton_buf_z(out, "{\"drill\":");
	baton_buf_json(out, baton_str_of(result->run->file->name));
	baton_buf_printf(out, ",\"held\":%s,\"begun_unix_ms\":%llu,\"speed\":%.3g",
			 sum->held ? "true" : "false",
			 (unsigned long long)result->run->begun_unix_ms, result->run->speed);
	baton_buf_printf(out, ",\"fault_ms\":%llu,\"healed_ms\":%llu,\"end_ms\":%llu",
			 (unsigned long long)result->figures->fault_ms,
			 (unsigned long long)result->figures->healed_ms,
			 (unsigned long long)result->figures->end_ms);
	json_time(out, "time_to_degrade_ms", &sum->degrade);
	json_time(out, "time_to_recover_ms", &sum->recover);
	json_time(out, "time_to_resume_ms", &sum->resume);
	baton_buf_printf(
		out,
		",\"conversations\":%llu,\"expected\":%llu,\"answered\":%llu,\"preserved\":%llu,"
		"\"handoffs\":%llu,\"handoffs_full\":%llu,\"kept\":%llu,\"kept_waiting\":%llu,"
		"\"misread\":%zu,\"cost_microusd\":%llu,\"fallback_cost_usd\":%.6f",
		(unsigned long long)sum->conversations, (unsigned long long)sum->expected,
		(unsigned long long)sum->answered, (unsigned long long)sum->preserved,
		(unsigned long long)sum->handoffs, (unsigned long long)sum->handoffs_full,
		(unsigned long long)sum->kept, (unsigned long long)sum->kept_waiting,
		result->run->misread, (unsigned long long)sum->cost_microusd,
		result->extra_microusd / 1e6);
	json_objectives(sum, out);
	json_phases(sum, out);
	json_samples(result, out);
	baton_buf_z(out, "}\n");
}
