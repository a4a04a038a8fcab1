/* SPDX-License-Identifier: Apache-2.0 */

/* baton dev for tools and guards: there is no conversation in which one of them could be heard
 * alone, so each line that is typed goes to it directly. A tool is called with what was typed; a
 * guard looks at it at every place, and at an answer that grows. The module runs as it does in a
 * server: on a rack, as a release of its own; a build that is saved is the next release.
 *
 * Nothing runs beside: the loop turns for some milliseconds, then it is looked what was typed. */

#include "core/cli/dev.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/loop/loop.h"
#include "core/module/release.h"
#include "core/module/scratch.h"
#include "core/policy/json_schema.h"
#include "core/policy/policy.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLICE_MS = 20, READY_MS = 30000, MORE_MS = 2000, TYPED_MAX = 1024 * 1024 };

struct bench {
	struct dev *dev;
	char run_dir[CLI_PATH_BYTES];
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct baton_release *live;
	uint64_t number;
	char intent[64]; /* of the turn that a guard is told */
	/* the call at hand */
	uint64_t ticket, began_ms;
	unsigned calls;
	bool ended, failed;
};

static const struct baton_policy *set_of(const struct bench *bench)
{
	return baton_release_policy(bench->live);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void stop(void *ud)
{
	struct bench *bench = ud;

	baton_loop_stop(bench->loop);
}

static void turn_loop(struct bench *bench, uint32_t ms)
{
	uint64_t timer = baton_loop_timer(bench->loop, ms, stop, bench);

	baton_loop_run(bench->loop);
	baton_loop_timer_stop(bench->loop, timer);
}

static void begin(struct bench *bench)
{
	bench->ticket++;
	bench->ended = bench->failed = false;
	bench->began_ms = cli_now_ms();
}

static bool wait_for(struct bench *bench, uint32_t ms)
{
	while (!bench->ended && cli_now_ms() - bench->began_ms < ms)
		turn_loop(bench, SLICE_MS);
	return bench->ended;
}

static unsigned long long took(const struct bench *bench)
{
	return (unsigned long long)(cli_now_ms() - bench->began_ms);
}

/* --- what a call brings ----------------------------------------------------------------------- */

static void hear_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct bench *bench = ud;

	(void)reason;
	if (ticket != bench->ticket)
		return;
	bench->ended = true;
	baton_loop_stop(bench->loop);
}

static void hear_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct bench *bench = ud;

	bench->failed = bench->failed || ticket == bench->ticket;
	if (ticket == bench->ticket)
		printf("  ! failed  %llu ms: %.*s (%.*s)%s\n", took(bench), (int)error->message.n,
		       error->message.n ? error->message.p : "", (int)error->code.n,
		       error->code.n ? error->code.p : "",
		       error->flags & BATON_ERROR_IN_DOUBT ? "; it may have happened all the same"
							   : "");
	hear_end(ud, ticket, 0);
}

static void hear_tool(void *ud, uint64_t ticket, const baton_tool_result *result)
{
	const struct bench *bench = ud;

	if (ticket != bench->ticket)
		return;
	if (result->flags & BATON_TOOL_NO)
		printf("  no        %.*s\n", (int)result->code.n, result->code.p);
	printf("  result    %.*s\n            %llu ms, tries: %u%s\n", (int)result->json.n,
	       result->json.p, took(bench), result->tries,
	       result->flags & BATON_TOOL_CACHED ? ", known from before" : "");
}

/* --- a build ---------------------------------------------------------------------------------- */

static void report(void *ud, const struct baton_policy_finding *finding)
{
	struct baton_buf line = { NULL, 0, 0 };

	(void)ud;
	if (!finding->is_error)
		return;
	baton_policy_finding_text(finding, &line);
	printf("  ! %.*s", (int)line.n, line.p);
	baton_buf_done(&line);
}

/* The module alone: the others of the set are not asked. */
static void only_this(struct baton_policy *policy, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_modules; i++) {
		if (strcmp(policy->modules[i].name, name) == 0)
			policy->modules[n++] = policy->modules[i];
		else
			json_decref(policy->modules[i].config);
	}
	policy->n_modules = n;
}

/* 0, or one line of reason in `why`. */
static int stage(struct bench *bench, struct baton_release **ret, char *why, size_t cap)
{
	const struct cli_options *o = bench->dev->options;
	char policies[BATON_SCRATCH_BYTES + 16], modules[BATON_SCRATCH_BYTES + 16],
		secrets[CLI_PATH_BYTES];
	const struct baton_stage_options options = { .modules_dir = modules,
						     .run_dir = bench->run_dir,
						     .secrets_dir =
							     o->secrets ? o->secrets : secrets,
						     .allow_loopback_http = o->allow_loopback_http,
						     .modhost = cli_default_modhost() };
	struct baton_policy *policy = NULL;

	snprintf(policies, sizeof(policies), "%s/policies", bench->dev->dir);
	snprintf(modules, sizeof(modules), "%s/modules", bench->dev->dir);
	snprintf(secrets, sizeof(secrets), "%s/secrets", bench->dev->data);
	snprintf(why, cap, "the policy set cannot be used");
	if (baton_policy_load(policies, report, NULL, &policy) != 0)
		return -1;
	only_this(policy, bench->dev->name);
	int rc = baton_release_stage(&options, bench->live, policy, ++bench->number, ret, why, cap);
	if (rc < 0) {
		baton_policy_free(&policy);
		return rc;
	}
	rc = baton_rack_adopt(bench->rack, *ret, why, cap);
	if (rc < 0)
		baton_release_unref(ret);
	return rc;
}

/* It says that it is well, or cannot be asked. */
static bool is_well(struct bench *bench, struct baton_release *fresh)
{
	begin(bench);
	int rc = baton_rack_check(bench->rack, fresh, 0, bench->ticket, 0);

	if (rc < 0 && rc != BATON_E_UNSUPPORTED)
		printf("  ! %s\n", baton_error_info(rc)->text);
	if (rc < 0)
		return rc == BATON_E_UNSUPPORTED;
	if (!wait_for(bench, READY_MS)) {
		baton_rack_cancel(bench->rack, bench->ticket, BATON_CANCEL_DEADLINE);
		printf("  ! it did not say within 30 s whether it is well\n");
		return false;
	}
	return !bench->failed;
}

static void let_go(struct bench *bench, struct baton_release **release)
{
	(void)baton_rack_retire(bench->rack, *release);
	baton_release_unref(release);
}

/* The file as it is now; what serves goes on if it cannot. */
static bool take_build(struct bench *bench)
{
	struct baton_release *fresh = NULL;
	char why[512];
	uint64_t began = cli_now_ms();

	bench->dev->changed_ms = 0;
	if (stage(bench, &fresh, why, sizeof(why)) < 0) {
		printf("  ! not swapped: %s\n", why);
		return false;
	}
	if (!is_well(bench, fresh)) {
		printf("  ! not swapped: it is not well\n");
		let_go(bench, &fresh);
		return false;
	}
	if (bench->live) {
		let_go(bench, &bench->live);
		printf("  swapped   release %llu live, %llu ms\n",
		       (unsigned long long)bench->number,
		       (unsigned long long)(cli_now_ms() - began));
	}
	bench->live = fresh;
	return true;
}

/* --- a tool ----------------------------------------------------------------------------------- */

static const struct baton_tool_def *first_tool(const struct bench *bench)
{
	const struct baton_policy *set = set_of(bench);

	for (size_t i = 0; i < set->n_tools; i++)
		if (strcmp(set->tools[i].module, bench->dev->name) == 0)
			return &set->tools[i];
	return NULL;
}

static void list_tools(const struct bench *bench)
{
	const struct baton_policy *set = set_of(bench);

	for (size_t i = 0; i < set->n_tools; i++)
		if (strcmp(set->tools[i].module, bench->dev->name) == 0)
			printf("  tool      %s: %s%s\n", set->tools[i].name, set->tools[i].title,
			       set->tools[i].writes ? " (changes something)" : "");
	if (!first_tool(bench))
		printf("  ! no tool is declared for it: write policy/tools.yaml\n");
}

static void invoke(struct bench *bench, const struct baton_tool_def *tool, baton_str args)
{
	char why[200] = "", key[32];

	if (baton_json_schema_fits(baton_str_of(tool->schema_json), args, "arguments", why,
				   sizeof(why)) != 0) {
		printf("  ! %s: %s\n", tool->name, why);
		return;
	}
	snprintf(key, sizeof(key), "dev-%u", ++bench->calls);
	const baton_turn turn = { .size = sizeof(turn),
				  .session_id = BATON_STR("dev"),
				  .turn_id = BATON_STR("1"),
				  .channel = BATON_STR("dev"),
				  .locale = BATON_STR("en") };
	const baton_tool_req req = { .size = sizeof(req),
				     .flags = (tool->writes ? BATON_TOOL_WRITES : 0u) |
					      (tool->idempotent ? BATON_TOOL_IDEMPOTENT : 0u),
				     .turn = &turn,
				     .name = baton_str_of(tool->name),
				     .args_json = args,
				     .idempotency_key = baton_str_of(key) };
	begin(bench);
	int rc = baton_rack_invoke(bench->rack, bench->live, bench->ticket, tool->module, &req);
	if (rc < 0)
		printf("  ! not called: %s\n", baton_error_info(rc)->text);
	else if (!wait_for(bench, tool->timeout_ms + MORE_MS))
		printf("  ! no answer within its %u ms\n", tool->timeout_ms);
	if (rc == 0 && !bench->ended)
		baton_rack_cancel(bench->rack, bench->ticket, BATON_CANCEL_DEADLINE);
}

/* NAME {"argument": ...}; without a name the first tool, without arguments none. */
static void call(struct bench *bench, baton_str text)
{
	const char *brace = memchr(text.p, '{', text.n);
	baton_str name = { text.p, brace ? (size_t)(brace - text.p) : text.n };
	baton_str args = brace ? (baton_str){ brace, text.n - name.n } : BATON_STR("{}");

	while (name.n > 0 && name.p[name.n - 1] == ' ')
		name.n--;
	const struct baton_tool_def *tool =
		name.n ? baton_policy_tool(set_of(bench), name) : first_tool(bench);
	if (tool && strcmp(tool->module, bench->dev->name) == 0)
		invoke(bench, tool, args);
	else
		printf("  ! it has no tool of that name; say NAME {\"argument\": ...}\n");
}

/* --- a guard ---------------------------------------------------------------------------------- */

struct sight {
	int rc;
	baton_hits hits;
	baton_hit v[BATON_HITS_MAX];
};

static void look(const struct bench *bench, const baton_inspection *asked, struct sight *ret)
{
	const baton_turn turn = { .size = sizeof(turn),
				  .session_id = BATON_STR("dev"),
				  .turn_id = BATON_STR("1"),
				  .channel = BATON_STR("dev"),
				  .locale = BATON_STR("en"),
				  .intent = baton_str_of(bench->intent) };
	baton_inspection what = *asked;

	what.size = sizeof(what);
	what.turn = &turn;
	ret->hits = (baton_hits){ .size = sizeof(ret->hits), .cap = BATON_HITS_MAX, .v = ret->v };
	ret->rc = baton_rack_inspect(bench->rack, bench->live, bench->dev->name, &what, &ret->hits);
}

static const char *action_of(const baton_hit *hit)
{
	switch (hit->action) {
	case BATON_GUARD_REDACT:
		return "redact";
	case BATON_GUARD_REMOVE:
		return "remove";
	case BATON_GUARD_APPEND:
		return "append";
	case BATON_GUARD_BLOCK:
		return "block";
	default:
		return "mark";
	}
}

static void put_hits(const struct sight *seen, baton_str text, struct baton_buf *out)
{
	if (seen->rc < 0)
		baton_buf_printf(out, "  ! nothing can be said: %s\n",
				 baton_error_info(seen->rc)->text);
	for (uint32_t i = 0; seen->rc == 0 && i < seen->hits.n; i++) {
		const baton_hit *hit = &seen->v[i];
		baton_str words = { text.p + hit->begin, hit->end - hit->begin };

		words = hit->action == BATON_GUARD_APPEND ? hit->text : words;
		baton_buf_printf(out, "            %s %.*s", action_of(hit), (int)hit->type.n,
				 hit->type.p);
		if (!baton_str_eq(hit->rule, hit->type))
			baton_buf_printf(out, " (%.*s)", (int)hit->rule.n, hit->rule.p);
		baton_buf_printf(out, " %.1f %%, %u-%u: \"%.*s\"\n",
				 (double)hit->confidence_ppm / 1e4, hit->begin, hit->end,
				 (int)(words.n < 80 ? words.n : 80), words.n ? words.p : "");
	}
}

/* As it would come, a character at a time: how much of it waits, at most, and from where. */
static void grow(const struct bench *bench, baton_str text)
{
	static struct sight seen; /* too big for a stack */
	size_t shown = 0, most = 0, from = 0;

	for (size_t n = 1; n <= text.n; n++) {
		if (n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			continue;
		look(bench,
		     &(baton_inspection){ .at = BATON_AT_ANSWER,
					  .text = { text.p, n },
					  .from = (uint32_t)shown },
		     &seen);
		if (seen.rc < 0)
			return;
		shown = seen.hits.safe > shown ? seen.hits.safe : shown;
		if (n - shown > most) {
			most = n - shown;
			from = shown;
		}
	}
	if (most == 0)
		printf("  grows     all of it is shown as it comes\n");
	else
		printf("  grows     at most %zu bytes wait, from byte %zu on: \"%.*s\"\n", most,
		       from, (int)(most < 80 ? most : 80), text.p + from);
}

/* Places where it says the same share a line. */
static void look_everywhere(const struct bench *bench, baton_str text)
{
	static const char *const places[] = { "customer",    "agent",     "knowledge",
					      "tool_result", "tool_args", "answer" };
	enum { PLACES = sizeof(places) / sizeof(places[0]) };
	static struct sight seen; /* too big for a stack */
	struct baton_buf said[PLACES] = { { NULL, 0, 0 } };

	for (size_t i = 0; i < PLACES; i++) {
		look(bench, &(baton_inspection){ .at = 1u << i, .text = text, .final = 1 }, &seen);
		put_hits(&seen, text, &said[i]);
	}
	for (size_t i = 0; i < PLACES; i++) {
		bool first = true;

		for (size_t k = 0; k < i; k++)
			first = first &&
				!baton_str_eq(baton_buf_view(&said[k]), baton_buf_view(&said[i]));
		if (!first)
			continue;
		printf("  at        %s", places[i]);
		for (size_t k = i + 1; k < PLACES; k++)
			if (baton_str_eq(baton_buf_view(&said[k]), baton_buf_view(&said[i])))
				printf(", %s", places[k]);
		printf("%s%.*s", said[i].n ? "\n" : ": nothing\n", (int)said[i].n,
		       said[i].n ? said[i].p : "");
	}
	grow(bench, text);
	for (size_t i = 0; i < PLACES; i++)
		baton_buf_done(&said[i]);
}

/* --- what is typed ---------------------------------------------------------------------------- */

static void show_stats(const struct bench *bench)
{
	struct baton_generation_view view;

	baton_release_view(bench->live, 0, &view);
	printf("  stats     generation %llu, %s, %s: %llu calls, %llu failed, p95 %.3f ms, "
	       "%llu rules broken, %llu times over 5 ms, %llu crashes\n",
	       (unsigned long long)view.number, view.version, view.isolation,
	       (unsigned long long)view.calls, (unsigned long long)view.failed,
	       (double)view.p95_us / 1e3, (unsigned long long)view.violations,
	       (unsigned long long)view.overruns, (unsigned long long)view.crashes);
}

static void command(struct bench *bench, baton_str text)
{
	static const char intent[] = ":intent ";
	size_t n = sizeof(intent) - 1;

	if (baton_str_is(text, ":quit") || baton_str_is(text, ":q"))
		bench->dev->quit = true;
	else if (baton_str_is(text, ":swap"))
		bench->dev->changed_ms = 1;
	else if (baton_str_is(text, ":stats"))
		show_stats(bench);
	else if (text.n > n && memcmp(text.p, intent, n) == 0)
		snprintf(bench->intent, sizeof(bench->intent), "%.*s", (int)(text.n - n),
			 text.p + n);
	else
		printf("  :swap (read the file again), :stats, :intent NAME (for guards), :quit\n");
}

static void typed_line(struct bench *bench, baton_str text)
{
	struct dev *dev = bench->dev;

	while (text.n > 0 && (text.p[text.n - 1] == '\r' || text.p[text.n - 1] == ' '))
		text.n--;
	if (text.n > 0 && !dev->tty)
		printf("you: %.*s\n", (int)text.n, text.p);
	if (text.n == 0)
		;
	else if (text.p[0] == ':')
		command(bench, text);
	else if (!baton_str_utf8_ok(text))
		printf("  ! that is not UTF-8\n");
	else if (strcmp(dev->kind, "tool") == 0)
		call(bench, text);
	else
		look_everywhere(bench, text);
	if (dev->tty && !dev->quit)
		printf("you> ");
	fflush(stdout);
}

static void hear_typed(struct bench *bench)
{
	struct dev *dev = bench->dev;
	struct pollfd fds[] = { { dev->eof ? -1 : STDIN_FILENO, POLLIN, 0 },
				{ dev->watch, POLLIN, 0 } };
	struct baton_buf line = { NULL, 0, 0 };

	(void)poll(fds, 2, 0);
	if (fds[0].revents && (!cli_take(STDIN_FILENO, &dev->typed) || dev->typed.n > TYPED_MAX))
		dev->eof = true;
	if (fds[1].revents)
		dev_watch_hear(dev);
	/* A last line without its newline counts, too. */
	if (dev->eof && dev->typed.n > 0 && dev->typed.p[dev->typed.n - 1] != '\n')
		baton_buf_z(&dev->typed, "\n");
	while (!dev->quit && dev->changed_ms != 1 && cli_line(&dev->typed, &line))
		typed_line(bench, baton_buf_view(&line));
	baton_buf_done(&line);
	dev->quit = dev->quit || (dev->eof && dev->typed.n == 0 && dev->changed_ms == 0);
}

/* --- life ------------------------------------------------------------------------------------- */

static void serve(struct bench *bench)
{
	struct dev *dev = bench->dev;

	printf("%s is %s, a %s; each build that is saved is swapped in. :stats, :swap, :quit\n",
	       dev->base, dev->name, dev->kind);
	if (strcmp(dev->kind, "tool") == 0)
		list_tools(bench);
	if (dev->tty)
		printf("you> ");
	fflush(stdout);
	while (!dev->quit && !dev_interrupted()) {
		turn_loop(bench, SLICE_MS);
		if (dev->changed_ms && cli_now_ms() - dev->changed_ms >= DEV_SETTLE_MS &&
		    dev_set_take(dev) == CLI_OK) {
			(void)take_build(bench);
			fflush(stdout);
		}
		hear_typed(bench);
	}
}

int dev_bench(struct dev *dev)
{
	struct bench bench = { .dev = dev };
	const struct baton_rack_events events = {
		.ud = &bench, .end = hear_end, .fail = hear_fail, .tool = hear_tool
	};
	int rc = cli_run_dir(dev->data, bench.run_dir);

	if (rc != CLI_OK)
		return rc;
	bench.loop = baton_loop_new("dev");
	bench.rack = baton_rack_new(bench.loop, &events);
	if (take_build(&bench))
		serve(&bench);
	else
		rc = CLI_FAILED;
	baton_rack_free(&bench.rack);
	baton_loop_free(&bench.loop);
	if (bench.live)
		baton_release_unref(&bench.live);
	baton_scratch_drop(bench.run_dir);
	return rc;
}
