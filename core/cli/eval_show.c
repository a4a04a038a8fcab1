/* SPDX-License-Identifier: Apache-2.0 */

/* What came of it: for people, for scripts, and as a page with every difference. */

#include "core/cli/eval.h"
#include "core/cli/page.h"
#include "core/cli/report.h"

#include <stdio.h>

enum { EXAMPLES = 10, EXAMPLE_BYTES = 160 };

const char *eval_outcome_name(enum eval_outcome outcome)
{
	static const char *const names[EVAL_OUTCOMES] = {
		[EVAL_NONE] = "no outcome",
		[EVAL_ANSWERED] = "answered",
		[EVAL_DRAFTED] = "draft for a person",
		[EVAL_HANDED_OVER] = "handed over",
		[EVAL_KEPT] = "kept by a mode",
	};

	return names[outcome];
}

static const struct {
	unsigned what;
	const char *name;
	size_t offset; /* of the count in struct eval_sum */
} kinds[] = {
	{ EVAL_BY_OUTCOME, "outcome", offsetof(struct eval_sum, by_outcome) },
	{ EVAL_BY_INTENT, "intent", offsetof(struct eval_sum, by_intent) },
	{ EVAL_BY_RULE, "rule", offsetof(struct eval_sum, by_rule) },
	{ EVAL_BY_TARGET, "target", offsetof(struct eval_sum, by_target) },
	{ EVAL_BY_SOURCES, "sources", offsetof(struct eval_sum, by_sources) },
	{ EVAL_BY_TOOLS, "tools", offsetof(struct eval_sum, by_tools) },
	{ EVAL_BY_GUARDS, "guards", offsetof(struct eval_sum, by_guards) },
	{ EVAL_BY_WORDS, "words", offsetof(struct eval_sum, by_words) },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static size_t kind_count(const struct eval_sum *sum, size_t kind)
{
	size_t n;

	memcpy(&n, (const char *)sum + kinds[kind].offset, sizeof(n));
	return n;
}

static const struct eval_turn *turn_of(const struct eval_side *side,
				       const struct eval_difference *at)
{
	return &side->held[at->talk].turns[at->turn];
}

static double percent(size_t part, size_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* --- for people ------------------------------------------------------------------------------ */

static void put_row(struct baton_buf *out, const char *name, size_t old, size_t now)
{
	if (old > 0 || now > 0)
		baton_buf_printf(out, "  %-22s %12zu %12zu\n", name, old, now);
}

static void put_times(struct baton_buf *out, const struct eval_sum *sum)
{
	char old[32], now[32];
	const struct eval_figures *a = &sum->old, *b = &sum->now;
	double messages = sum->messages ? (double)sum->messages : 1;

	snprintf(old, sizeof(old), "%llu/%llu ms", (unsigned long long)a->p50_ms,
		 (unsigned long long)a->p95_ms);
	snprintf(now, sizeof(now), "%llu/%llu ms", (unsigned long long)b->p50_ms,
		 (unsigned long long)b->p95_ms);
	baton_buf_printf(out, "  %-22s %12s %12s\n", "time, p50/p95", old, now);
	baton_buf_printf(out, "  %-22s %12.6f %12.6f\n", "USD a message",
			 (double)a->cost_microusd / 1e6 / messages,
			 (double)b->cost_microusd / 1e6 / messages);
}

static void put_figures(const struct eval_sum *sum, struct baton_buf *out)
{
	baton_buf_printf(out, "  %-22s %12s %12s\n", "", "now", "candidate");
	for (int i = EVAL_ANSWERED; i < EVAL_OUTCOMES; i++)
		put_row(out, eval_outcome_name((enum eval_outcome)i), sum->old.outcomes[i],
			sum->now.outcomes[i]);
	put_row(out, eval_outcome_name(EVAL_NONE), sum->old.outcomes[EVAL_NONE],
		sum->now.outcomes[EVAL_NONE]);
	put_row(out, "says it does not know", sum->old.unknown, sum->now.unknown);
	put_row(out, "a guard objected", sum->old.guarded, sum->now.guarded);
	put_row(out, "calls of tools", sum->old.called, sum->now.called);
	put_row(out, "attempts that failed", sum->old.failed, sum->now.failed);
	put_times(out, sum);
}

static void put_quoted(struct baton_buf *out, baton_str text)
{
	baton_str shown = baton_str_clip(text, EXAMPLE_BYTES);

	baton_buf_z(out, "\"");
	for (size_t i = 0; i < shown.n; i++)
		baton_buf_add(out, (unsigned char)shown.p[i] < 0x20 ? " " : shown.p + i, 1);
	baton_buf_z(out, shown.n < text.n ? "...\"" : "\"");
}

static void put_part(struct baton_buf *out, const char *lead, baton_str text)
{
	if (text.n == 0)
		return;
	baton_buf_z(out, lead);
	baton_buf_str(out, text);
}

static void put_turn(struct baton_buf *out, const struct eval_turn *turn)
{
	baton_buf_z(out, eval_outcome_name(turn->outcome));
	put_part(out, ", intent ", turn->intent);
	put_part(out, ", rule ", turn->rule);
	put_part(out, ", by ", turn->target);
	put_part(out, ", from ", turn->sources);
	put_part(out, ", tools ", turn->tools);
	put_part(out, ", guards ", turn->guards);
}

static void put_side(struct baton_buf *out, const char *label, const struct eval_turn *turn,
		     unsigned what)
{
	baton_buf_printf(out, "    %-10s ", label);
	put_turn(out, turn);
	if ((what & EVAL_BY_WORDS) && turn->text.n > 0) {
		baton_buf_z(out, "\n               ");
		put_quoted(out, turn->text);
	}
	baton_buf_z(out, "\n");
}

static void put_example(const struct eval_result *result, const struct eval_difference *one,
			struct baton_buf *out)
{
	const struct eval_talk *talk = &result->set->talks[one->talk];

	baton_buf_z(out, "\n  ");
	baton_buf_str(out, talk->name);
	baton_buf_printf(out, ", message %zu: ", one->turn + 1);
	put_quoted(out, talk->said[one->turn]);
	baton_buf_z(out, "\n");
	put_side(out, "now", turn_of(result->old, one), one->what);
	put_side(out, "candidate", turn_of(result->now, one), one->what);
}

void eval_show_text(const struct eval_result *result, struct baton_buf *out)
{
	const struct eval_sum *sum = result->sum;
	const char *lead = ": ";

	baton_buf_printf(out, "now        %s\ncandidate  %s\n", result->old->policies,
			 result->now->policies);
	baton_buf_printf(out, "%zu conversations, %zu messages that both were asked\n\n",
			 sum->talks, sum->messages);
	put_figures(sum, out);
	baton_buf_printf(out, "\n%zu of %zu messages (%.1f %%) would be treated otherwise",
			 sum->changed, sum->messages, percent(sum->changed, sum->messages));
	for (size_t i = 0; i < KINDS; i++) {
		if (kind_count(sum, i) == 0)
			continue;
		baton_buf_printf(out, "%s%s %zu", lead, kinds[i].name, kind_count(sum, i));
		lead = ", ";
	}
	baton_buf_z(out, "\n");
	for (size_t i = 0; i < sum->n_differences && i < EXAMPLES; i++)
		put_example(result, &sum->differences[i], out);
	if (sum->n_differences > EXAMPLES)
		baton_buf_printf(out, "\n  and %zu more: --html FILE or --json has all of them\n",
				 sum->n_differences - EXAMPLES);
}

/* --- for scripts ------------------------------------------------------------------------------ */

static void json_text(struct baton_buf *out, const char *lead, baton_str text)
{
	baton_buf_z(out, lead);
	baton_buf_json(out, text);
}

static void json_number(struct baton_buf *out, const char *lead, uint64_t number)
{
	baton_buf_z(out, lead);
	baton_buf_u64(out, number);
}

static void json_figures(struct baton_buf *out, const struct eval_figures *figures)
{
	json_number(out, "{\"answered\":", figures->outcomes[EVAL_ANSWERED]);
	json_number(out, ",\"drafted\":", figures->outcomes[EVAL_DRAFTED]);
	json_number(out, ",\"handed_over\":", figures->outcomes[EVAL_HANDED_OVER]);
	json_number(out, ",\"kept\":", figures->outcomes[EVAL_KEPT]);
	json_number(out, ",\"no_outcome\":", figures->outcomes[EVAL_NONE]);
	json_number(out, ",\"unknown\":", figures->unknown);
	json_number(out, ",\"guarded\":", figures->guarded);
	json_number(out, ",\"tool_calls\":", figures->called);
	json_number(out, ",\"attempts_failed\":", figures->failed);
	json_number(out, ",\"p50_ms\":", figures->p50_ms);
	json_number(out, ",\"p95_ms\":", figures->p95_ms);
	json_number(out, ",\"cost_microusd\":", figures->cost_microusd);
	baton_buf_z(out, "}");
}

static void json_turn(struct baton_buf *out, const struct eval_turn *turn)
{
	json_text(out, "{\"outcome\":", baton_str_of(eval_outcome_name(turn->outcome)));
	json_text(out, ",\"intent\":", turn->intent);
	json_text(out, ",\"rule\":", turn->rule);
	json_text(out, ",\"target\":", turn->target);
	json_text(out, ",\"sources\":", turn->sources);
	json_text(out, ",\"tools\":", turn->tools);
	json_text(out, ",\"guards\":", turn->guards);
	json_text(out, ",\"text\":", turn->text);
	json_number(out, ",\"ms\":", turn->took_ms);
	json_number(out, ",\"cost_microusd\":", turn->cost_microusd);
	baton_buf_z(out, "}");
}

static void json_difference(const struct eval_result *result, const struct eval_difference *one,
			    struct baton_buf *out)
{
	const struct eval_talk *talk = &result->set->talks[one->talk];
	const char *lead = "";

	json_text(out, "{\"conversation\":", talk->name);
	json_number(out, ",\"message\":", one->turn + 1);
	json_text(out, ",\"said\":", talk->said[one->turn]);
	baton_buf_z(out, ",\"what\":[");
	for (size_t i = 0; i < KINDS; i++) {
		if (!(one->what & kinds[i].what))
			continue;
		baton_buf_printf(out, "%s\"%s\"", lead, kinds[i].name);
		lead = ",";
	}
	json_number(out, "],\"words_ppm\":", one->words_ppm);
	baton_buf_z(out, ",\"old\":");
	json_turn(out, turn_of(result->old, one));
	baton_buf_z(out, ",\"new\":");
	json_turn(out, turn_of(result->now, one));
	baton_buf_z(out, "}");
}

void eval_show_json(const struct eval_result *result, struct baton_buf *out)
{
	const struct eval_sum *sum = result->sum;

	json_text(out, "{\"old_set\":", baton_str_of(result->old->policies));
	json_text(out, ",\"new_set\":", baton_str_of(result->now->policies));
	json_number(out, ",\"conversations\":", sum->talks);
	json_number(out, ",\"messages\":", sum->messages);
	json_number(out, ",\"changed\":", sum->changed);
	baton_buf_z(out, ",\"by\":{");
	for (size_t i = 0; i < KINDS; i++)
		baton_buf_printf(out, "%s\"%s\":%zu", i ? "," : "", kinds[i].name,
				 kind_count(sum, i));
	baton_buf_z(out, "},\"old\":");
	json_figures(out, &sum->old);
	baton_buf_z(out, ",\"new\":");
	json_figures(out, &sum->now);
	baton_buf_z(out, ",\"differences\":[");
	for (size_t i = 0; i < sum->n_differences; i++) {
		baton_buf_z(out, i ? "," : "");
		json_difference(result, &sum->differences[i], out);
	}
	baton_buf_z(out, "]}\n");
}

/* --- a page ----------------------------------------------------------------------------------- */

static void page_figures(const struct eval_sum *sum, struct baton_buf *out)
{
	static const char *const columns[] = { "", "now", "candidate" };

	cli_table_begin(out, "What became of the messages that both were asked", columns, 3);
	for (int i = 0; i < EVAL_OUTCOMES; i++) {
		cli_table_row(out, eval_outcome_name((enum eval_outcome)i));
		cli_table_cell(out, "", "%zu", sum->old.outcomes[i]);
		cli_table_cell(out, "", "%zu", sum->now.outcomes[i]);
	}
	const struct {
		const char *name;
		uint64_t old, now;
	} rows[] = {
		{ "says it does not know", sum->old.unknown, sum->now.unknown },
		{ "a guard objected", sum->old.guarded, sum->now.guarded },
		{ "calls of tools", sum->old.called, sum->now.called },
		{ "attempts that failed", sum->old.failed, sum->now.failed },
		{ "time, p50, ms", sum->old.p50_ms, sum->now.p50_ms },
		{ "time, p95, ms", sum->old.p95_ms, sum->now.p95_ms },
		{ "millionths of a dollar", sum->old.cost_microusd, sum->now.cost_microusd },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cli_table_row(out, rows[i].name);
		cli_table_cell(out, "", "%llu", (unsigned long long)rows[i].old);
		cli_table_cell(out, "", "%llu", (unsigned long long)rows[i].now);
	}
	cli_table_end(out);
}

static void page_turn(struct baton_buf *out, const struct eval_turn *turn, const char *kind)
{
	struct baton_buf text = { NULL, 0, 0 };

	put_turn(&text, turn);
	if (turn->text.n > 0) {
		baton_buf_z(&text, ": ");
		baton_buf_str(&text, turn->text);
	}
	cli_table_cell(out, kind, "%.*s", (int)text.n, text.p);
	baton_buf_done(&text);
}

static void page_differences(const struct eval_result *result, struct baton_buf *out)
{
	static const char *const columns[] = { "Message", "It said", "now", "candidate" };

	cli_table_begin(out, "Every message that would be treated otherwise", columns, 4);
	for (size_t i = 0; i < result->sum->n_differences; i++) {
		const struct eval_difference *one = &result->sum->differences[i];
		const struct eval_talk *talk = &result->set->talks[one->talk];
		char name[BATON_NAME_BYTES_MAX + 32];

		snprintf(name, sizeof(name), "%.*s, %zu", (int)baton_str_clip(talk->name, 64).n,
			 talk->name.p, one->turn + 1);
		cli_table_row(out, name);
		cli_table_cell(out, "", "%.*s", (int)talk->said[one->turn].n,
			       talk->said[one->turn].p);
		page_turn(out, turn_of(result->old, one), "dim");
		page_turn(out, turn_of(result->now, one), "");
	}
	cli_table_end(out);
}

void eval_show_page(const struct eval_result *result, struct baton_buf *out)
{
	cli_page_begin(out, "Two policy sets, the same conversations");
	baton_buf_z(out, "<p>now: ");
	cli_page_z(out, result->old->policies);
	baton_buf_z(out, "<br>candidate: ");
	cli_page_z(out, result->now->policies);
	baton_buf_printf(out,
			 "</p><p>%zu conversations, %zu messages, %zu of them (%.1f %%) would be "
			 "treated otherwise.</p>",
			 result->sum->talks, result->sum->messages, result->sum->changed,
			 percent(result->sum->changed, result->sum->messages));
	page_figures(result->sum, out);
	page_differences(result, out);
	cli_page_end(out);
}
