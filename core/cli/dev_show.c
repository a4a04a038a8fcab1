/* SPDX-License-Identifier: Apache-2.0 */

/* What a development session prints: words as they come, behind them what the steps of the turn
 * were, and between them what the module broke. */

#include "core/cli/dev.h"

#include "core/base/mem.h"

#include <stdio.h>
#include <string.h>

static baton_str text_of(const struct baton_json *object, const char *name,
			 struct baton_arena *arena)
{
	struct baton_json value = baton_json_get(object, name);
	return baton_json_text(&value, arena);
}

static uint64_t number_of(const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);
	return baton_json_u64(&value, 0);
}

/* What stands on its own line ends the line of words that is being written. */
static void line_begin(struct dev *dev)
{
	if (dev->mid_line)
		printf("\n");
	dev->mid_line = false;
}

/* --- a turn ---------------------------------------------------------------------------------- */

static void show_intent(const struct baton_json *data, struct baton_arena *arena)
{
	baton_str intent = text_of(data, "intent", arena), failed = text_of(data, "failed", arena);
	baton_str language = text_of(data, "language", arena);

	if (failed.n > 0)
		printf("  ! no classifier answered: %.*s\n", (int)failed.n, failed.p);
	else
		printf("  intent    %.*s %.1f %%, sentiment %.2f, %.*s\n",
		       intent.n ? (int)intent.n : 4, intent.n ? intent.p : "none",
		       (double)number_of(data, "confidence_ppm") / 1e4,
		       (double)number_of(data, "sentiment_ppm") / 1e6, (int)language.n,
		       language.n ? language.p : "");
}

static void show_verdict(const struct dev *dev, const struct baton_json *data,
			 struct baton_arena *arena)
{
	baton_str action = text_of(data, "action", arena), rule = text_of(data, "rule", arena);
	baton_str reason = text_of(data, "reason", arena), stage = text_of(data, "stage", arena);

	if (rule.n == 0 && strcmp(dev->kind, "rule") != 0)
		return;
	printf("  verdict   %.*s: %.*s%s%.*s%s%.*s\n", (int)stage.n, stage.p, (int)action.n,
	       action.p, rule.n ? " by " : "", (int)rule.n, rule.n ? rule.p : "",
	       reason.n ? ", " : "", (int)reason.n, reason.n ? reason.p : "");
}

static void show_sources(const struct dev *dev, const struct baton_json *data,
			 struct baton_arena *arena)
{
	struct baton_json sources = baton_json_get(data, "sources"), source;
	baton_str failed = text_of(data, "failed", arena);
	size_t at = 0, n = 0;

	if (failed.n > 0)
		printf("  ! no documents: %.*s\n", (int)failed.n, failed.p);
	while (baton_json_element(&sources, &at, &source)) {
		baton_str id = text_of(&source, "id", arena),
			  title = text_of(&source, "title", arena);

		n++;
		if (strcmp(dev->kind, "retriever") == 0 || n == 1)
			printf("  document  %.1f %% %.*s: %.*s\n",
			       (double)number_of(&source, "score_ppm") / 1e4, (int)id.n, id.p,
			       (int)title.n, title.p);
	}
	if (n > 1 && strcmp(dev->kind, "retriever") != 0)
		printf("            and %zu more\n", n - 1);
}

static void show_failed(const struct baton_json *data, struct baton_arena *arena)
{
	baton_str target = text_of(data, "target", arena), fail = text_of(data, "fail", arena);
	baton_str message = text_of(data, "message", arena);

	printf("  ! failed  %.*s: %.*s after %llu ms: %.*s\n", (int)target.n, target.p, (int)fail.n,
	       fail.p, (unsigned long long)number_of(data, "total_ms"), (int)message.n,
	       message.n ? message.p : "");
}

static void show_answer(struct dev *dev, const struct baton_json *data, struct baton_arena *arena)
{
	baton_str text = text_of(data, "text", arena), target = text_of(data, "target", arena);
	baton_str origin = text_of(data, "origin", arena);

	if (dev->first_ms == 0)
		printf("bot: %.*s\n", (int)text.n, text.p);
	printf("  answer    %.*s, first word %llu ms, whole %llu ms, %llu + %llu tokens, $%.6f\n",
	       target.n ? (int)target.n : (int)origin.n, target.n ? target.p : origin.p,
	       (unsigned long long)number_of(data, "first_token_ms"),
	       (unsigned long long)number_of(data, "total_ms"),
	       (unsigned long long)number_of(data, "in_tokens"),
	       (unsigned long long)number_of(data, "out_tokens"),
	       (double)number_of(data, "cost_microusd") / 1e6);
}

static void show_event(struct dev *dev, const struct baton_json *event)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json data = baton_json_get(event, "data");
	baton_str type = text_of(event, "type", &arena);

	line_begin(dev);
	if (baton_str_is(type, "intent_detected"))
		show_intent(&data, &arena);
	else if (baton_str_is(type, "policy_decided"))
		show_verdict(dev, &data, &arena);
	else if (baton_str_is(type, "sources_retrieved"))
		show_sources(dev, &data, &arena);
	else if (baton_str_is(type, "model_failed"))
		show_failed(&data, &arena);
	else if (baton_str_is(type, "answer_generated"))
		show_answer(dev, &data, &arena);
	else if (baton_str_is(type, "answer_superseded"))
		printf("  ! what was said is withdrawn\n");
	else if (!baton_str_is(type, "route_selected") && !baton_str_is(type, "session_opened") &&
		 !baton_str_is(type, "disclosure_made"))
		printf("  event     %.*s\n", (int)type.n, type.p);
	baton_arena_done(&arena);
}

static void show_delta(struct dev *dev, const struct baton_json *delta)
{
	struct baton_arena arena = { NULL, 0 };
	baton_str text = text_of(delta, "text", &arena);

	if (dev->first_ms == 0) {
		dev->first_ms = cli_now_ms();
		printf("bot: ");
	}
	printf("%.*s", (int)text.n, text.n ? text.p : "");
	dev->mid_line = true;
	baton_arena_done(&arena);
}

void dev_show_talk(struct dev *dev, baton_str line)
{
	struct baton_json object;

	if (baton_json_parse(line, &object) < 0)
		return;
	struct baton_json event = baton_json_get(&object, "event");
	struct baton_json delta = baton_json_get(&object, "delta");
	struct baton_json run = baton_json_get(&object, "run");
	struct baton_json ack = baton_json_get(&object, "ack");
	struct baton_json refused = baton_json_get(&object, "refused");
	if (event.type == BATON_JSON_OBJECT)
		show_event(dev, &event);
	if (delta.type == BATON_JSON_OBJECT)
		show_delta(dev, &delta);
	if (ack.type == BATON_JSON_OBJECT)
		dev->ack_ms = cli_now_ms();
	if (run.type == BATON_JSON_OBJECT) {
		struct baton_json on = baton_json_get(&run, "running");
		dev->running = baton_json_bool(&on);
		dev->busy = dev->busy && dev->running;
	}
	if (refused.type == BATON_JSON_OBJECT) {
		struct baton_arena arena = { NULL, 0 };
		baton_str message = text_of(&refused, "message", &arena);

		printf("  ! refused: %.*s\n", (int)message.n, message.n ? message.p : "");
		dev->busy = false;
		baton_arena_done(&arena);
	}
	fflush(stdout);
}

/* --- answers to questions -------------------------------------------------------------------- */

static void show_step(const struct baton_json *step)
{
	struct baton_arena arena = { NULL, 0 };
	baton_str module = text_of(step, "module", &arena), state = text_of(step, "state", &arena);

	/* Modules that stay as they are say only that their file was found. */
	if (!baton_str_is(state, "found"))
		printf("  swap      %.*s%s%.*s %.1f ms\n", (int)module.n, module.n ? module.p : "",
		       module.n ? " " : "", (int)state.n, state.p,
		       (double)number_of(step, "us") / 1e3);
	baton_arena_done(&arena);
}

static void show_generation(const struct baton_json *g)
{
	struct baton_arena arena = { NULL, 0 };
	baton_str state = text_of(g, "state", &arena), version = text_of(g, "version", &arena);
	baton_str isolation = text_of(g, "isolation", &arena);

	printf("  stats     generation %llu, %.*s, %.*s, %.*s: %llu calls, %llu failed, p95 %.3f ms, "
	       "%llu rules broken, %llu times over 5 ms, %llu crashes\n",
	       (unsigned long long)number_of(g, "generation"), (int)version.n, version.p,
	       (int)state.n, state.p, (int)isolation.n, isolation.p,
	       (unsigned long long)number_of(g, "calls"), (unsigned long long)number_of(g, "fails"),
	       (double)number_of(g, "p95_us") / 1e3, (unsigned long long)number_of(g, "violations"),
	       (unsigned long long)number_of(g, "overruns"),
	       (unsigned long long)number_of(g, "crashes"));
	baton_arena_done(&arena);
}

/* Since it was looked at last; remembered. Of a module in another process only the calls take time,
 * of one in the server it is the stays in its code that count. */
static uint64_t worked_since(struct dev *dev, const struct baton_json *g)
{
	const struct dev_time now = { number_of(g, "generation"), number_of(g, "visits_us"),
				      number_of(g, "calls_us") };
	struct dev_time before = { 0, 0, 0 };
	size_t i = 0;

	while (i < dev->n_times && dev->times[i].generation != now.generation)
		i++;
	if (i == DEV_TIMES_MAX)
		return 0;
	if (i < dev->n_times)
		before = dev->times[i];
	dev->n_times += i == dev->n_times;
	dev->times[i] = now;
	uint64_t stays = now.stays_us - before.stays_us, calls = now.calls_us - before.calls_us;
	return calls > stays ? calls : stays;
}

static void show_steps(struct dev *dev, const struct baton_json *all, bool print)
{
	struct baton_json g;
	size_t at = 0, n = 0;

	while (baton_json_element(all, &at, &g)) {
		struct baton_arena arena = { NULL, 0 };
		baton_str kind = text_of(&g, "kind", &arena), state = text_of(&g, "state", &arena);
		uint64_t us = worked_since(dev, &g);

		if (print && us > 0 && baton_str_is(state, "active"))
			printf("%s%.*s %.3f ms", n++ ? ", " : "  steps     ", (int)kind.n, kind.p,
			       (double)us / 1e3);
		baton_arena_done(&arena);
	}
	if (n > 0)
		printf("\n");
}

static void show_modules(struct dev *dev, const struct baton_json *object)
{
	struct baton_json all = baton_json_get(object, "generations"), g;
	enum dev_asked asked = dev->asked;
	size_t at = 0;

	dev->asked = DEV_ASKED_NOTHING;
	show_steps(dev, &all, asked == DEV_ASKED_STEPS);
	while (asked == DEV_ASKED_STATS && baton_json_element(&all, &at, &g)) {
		struct baton_arena arena = { NULL, 0 };
		if (baton_str_is(text_of(&g, "module", &arena), dev->name))
			show_generation(&g);
		baton_arena_done(&arena);
	}
}

void dev_show_admin(struct dev *dev, baton_str line)
{
	struct baton_json object;
	struct baton_arena arena = { NULL, 0 };

	if (baton_json_parse(line, &object) < 0)
		return;
	struct baton_json step = baton_json_get(&object, "step"),
			  ok = baton_json_get(&object, "ok");
	struct baton_json error = baton_json_get(&object, "error");
	baton_str verb = text_of(&object, "do", &arena), text = text_of(&object, "text", &arena);
	line_begin(dev);
	if (step.type == BATON_JSON_OBJECT) {
		show_step(&step);
	} else if (baton_str_is(verb, "modules")) {
		show_modules(dev, &object);
	} else if (baton_json_bool(&ok)) {
		printf("  swapped   %.*s, %llu ms\n", (int)text.n, text.n ? text.p : "",
		       (unsigned long long)number_of(&object, "ms"));
	} else {
		baton_str message = text_of(&error, "message", &arena);
		printf("  ! not swapped: %.*s\n", (int)message.n, message.n ? message.p : "");
	}
	if (ok.type != BATON_JSON_NONE)
		dev->swapping = false;
	baton_arena_done(&arena);
	fflush(stdout);
}

/* --- the server's log ------------------------------------------------------------------------ */

static bool is_noise(baton_str event)
{
	static const char *const quiet[] = { "agent_without_token", "journal_slow_disk" };
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
		if (baton_str_is(event, quiet[i]))
			return true;
	return false;
}

void dev_show_log(struct dev *dev, baton_str line)
{
	struct baton_json object;
	struct baton_arena arena = { NULL, 0 };

	if (baton_json_parse(line, &object) < 0) {
		fprintf(stderr, "%.*s\n", (int)line.n, line.n ? line.p : "");
		return;
	}
	baton_str event = text_of(&object, "event", &arena),
		  level = text_of(&object, "level", &arena);
	if (baton_str_is(event, "module_contract_broken")) {
		baton_str rule = text_of(&object, "rule", &arena);
		baton_str detail = text_of(&object, "detail", &arena);
		line_begin(dev);
		printf("  ! broken rule: %.*s: %.*s\n", (int)rule.n, rule.n ? rule.p : "",
		       (int)detail.n, detail.n ? detail.p : "");
	} else if (baton_str_is(event, "module_says")) {
		baton_str text = text_of(&object, "text", &arena);
		line_begin(dev);
		printf("  says      %.*s\n", (int)text.n, text.n ? text.p : "");
	} else if ((baton_str_is(level, "warn") || baton_str_is(level, "error")) &&
		   !is_noise(event)) {
		line_begin(dev);
		printf("  ! server: %.*s\n", (int)line.n, line.p);
	}
	baton_arena_done(&arena);
	fflush(stdout);
}
