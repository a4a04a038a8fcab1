/* SPDX-License-Identifier: Apache-2.0 */

/* Counters that outlive the generations they are about: those of a module that is gone must not
 * count backwards. Reasons of refusals are free text for people; as a label they are the step that
 * did not succeed, which is one of a few words.
 */

#include "core/server/figures.h"

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <pthread.h>

enum { MODULES_MAX = 256 };

/* The steps that take time, in their order, and what it is if the one behind them fails. */
static const struct {
	const char *state, *next_fails;
} steps[] = {
	{ "found", "contract" }, { "checked", "probe" }, { "probed", "load" },
	{ "loaded", "health" },  { "warm", "health" },   { "active", "health" },
};
enum { STEPS_N = sizeof(steps) / sizeof(steps[0]) };

static const char *const reasons[] = {
	"file", "contract", "probe", "load", "health", "quarantine"
};
enum { REASONS_N = sizeof(reasons) / sizeof(reasons[0]) };

static const char *const states[] = { "active",   "staged",   "canary",
				      "draining", "resident", "quarantined" };
enum { STATES_N = sizeof(states) / sizeof(states[0]), QUARANTINED = STATES_N - 1 };

static const char *const changes[] = { "live", "refused", "rolled_back", "discarded" };
enum { CHANGES_N = sizeof(changes) / sizeof(changes[0]) };

struct summary {
	uint64_t n;
	double seconds;
};

struct module_figures {
	char name[BATON_NAME_BYTES_MAX + 1];
	uint64_t generation; /* the one whose steps are counted now */
	int last;            /* index in `steps`; -1: none of it succeeded yet */
	uint64_t crashes;
};

struct figures {
	pthread_mutex_t lock;
	struct summary steps[STEPS_N], drained;
	uint64_t refused[REASONS_N], changed[CHANGES_N];
	struct module_figures modules[MODULES_MAX];
	size_t n_modules;
};

struct figures *figures_new(void)
{
	struct figures *figures = baton_new(struct figures);

	pthread_mutex_init(&figures->lock, NULL);
	return figures;
}

void figures_free(struct figures **figures)
{
	if (!*figures)
		return;
	pthread_mutex_destroy(&(*figures)->lock);
	baton_free(*figures);
	*figures = NULL;
}

/* --- counting -------------------------------------------------------------------------------- */

static int index_of(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

/* NULL: more names than a policy set can have; then it is not counted by module. */
static struct module_figures *module_of(struct figures *figures, const char *name)
{
	size_t n = strnlen(name, BATON_NAME_BYTES_MAX + 1);

	for (size_t i = 0; i < figures->n_modules; i++)
		if (strcmp(figures->modules[i].name, name) == 0)
			return &figures->modules[i];
	if (figures->n_modules == MODULES_MAX || n > BATON_NAME_BYTES_MAX)
		return NULL;
	struct module_figures *module = &figures->modules[figures->n_modules++];
	memcpy(module->name, name, n);
	module->last = -1;
	return module;
}

static void count_refusal(struct figures *figures, struct module_figures *module)
{
	const char *why = module && module->last >= 0 ? steps[module->last].next_fails : "file";

	figures->refused[index_of(reasons, REASONS_N, why)]++;
	if (module)
		module->last = -1;
}

static void count_step(struct figures *figures, struct module_figures *module,
		       const struct baton_module_step *step)
{
	for (int i = 0; i < STEPS_N; i++) {
		if (strcmp(steps[i].state, step->state) != 0)
			continue;
		figures->steps[i].n++;
		figures->steps[i].seconds += (double)step->us / 1e6;
		if (module)
			module->last = i;
	}
}

void figures_step(struct figures *figures, const struct baton_module_step *step)
{
	pthread_mutex_lock(&figures->lock);
	struct module_figures *module = module_of(figures, step->module);
	if (module && module->generation != step->generation) {
		module->generation = step->generation;
		module->last = -1;
	}
	if (strcmp(step->state, "refused") == 0)
		count_refusal(figures, module);
	else if (strcmp(step->state, "quarantined") == 0)
		figures->refused[index_of(reasons, REASONS_N, "quarantine")]++;
	else if (strcmp(step->state, "crashed") == 0 && module)
		module->crashes++;
	else
		count_step(figures, module, step);
	pthread_mutex_unlock(&figures->lock);
}

void figures_release(struct figures *figures, const char *state)
{
	int i = index_of(changes, CHANGES_N, state);

	if (i < 0)
		return;
	pthread_mutex_lock(&figures->lock);
	figures->changed[i]++;
	pthread_mutex_unlock(&figures->lock);
}

void figures_drained(struct figures *figures, uint64_t ms)
{
	pthread_mutex_lock(&figures->lock);
	figures->drained.n++;
	figures->drained.seconds += (double)ms / 1e3;
	pthread_mutex_unlock(&figures->lock);
}

/* --- telling --------------------------------------------------------------------------------- */

static void head(struct baton_buf *out, const char *family, const char *type, const char *help)
{
	baton_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void put_counts(struct baton_buf *out, const char *family, const char *label,
		       const char *const *words, const uint64_t *counts, int n)
{
	for (int i = 0; i < n; i++)
		baton_buf_printf(out, "%s{%s=\"%s\"} %llu\n", family, label, words[i],
				 (unsigned long long)counts[i]);
}

static void put_times(const struct figures *figures, struct baton_buf *out)
{
	head(out, "baton_module_swap_seconds", "summary",
	     "Steps that a module's file took on its way to serving.");
	for (int i = 0; i < STEPS_N; i++)
		baton_buf_printf(out,
				 "baton_module_swap_seconds_sum{step=\"%s\"} %.6f\n"
				 "baton_module_swap_seconds_count{step=\"%s\"} %llu\n",
				 steps[i].state, figures->steps[i].seconds, steps[i].state,
				 (unsigned long long)figures->steps[i].n);
	head(out, "baton_module_drain_seconds", "summary",
	     "From a release's replacement until nothing of it ran any more.");
	baton_buf_printf(
		out, "baton_module_drain_seconds_sum %.3f\nbaton_module_drain_seconds_count %llu\n",
		figures->drained.seconds, (unsigned long long)figures->drained.n);
}

static void put_crashes(const struct figures *figures, struct baton_buf *out)
{
	head(out, "baton_module_crash_total", "counter", "Processes of a module that died.");
	for (size_t i = 0; i < figures->n_modules; i++) {
		baton_buf_z(out, "baton_module_crash_total{module=");
		baton_buf_json(out, baton_str_of(figures->modules[i].name));
		baton_buf_printf(out, "} %llu\n", (unsigned long long)figures->modules[i].crashes);
	}
}

static uint64_t number(const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);

	return baton_json_u64(&value, 0);
}

static int state_of(const struct baton_json *generation)
{
	struct baton_json value = baton_json_get(generation, "state");
	struct baton_arena arena = { NULL, 0 };
	baton_str text = baton_json_text(&value, &arena);
	int found = -1;

	for (int i = 0; i < STATES_N && found < 0; i++)
		found = baton_str_is(text, states[i]) ? i : -1;
	baton_arena_done(&arena);
	return found;
}

/* What there is now is counted in what the loader says it has. */
static void put_generations(const struct baton_json *view, struct baton_buf *out)
{
	uint64_t there[STATES_N] = { 0 }, pins[STATES_N] = { 0 }, resident = 0;
	struct baton_json all = baton_json_get(view, "generations"), one;
	size_t at = 0;

	while (baton_json_element(&all, &at, &one)) {
		int state = state_of(&one);

		resident += baton_json_get(&one, "resident").type == BATON_JSON_STRING;
		if (state < 0)
			continue;
		there[state]++;
		pins[state] += number(&one, "pins");
	}
	there[QUARANTINED] += number(view, "quarantined");
	head(out, "baton_module_generations", "gauge", "Generations of modules that there are.");
	put_counts(out, "baton_module_generations", "state", states, there, STATES_N);
	head(out, "baton_module_pins", "gauge", "Turns that hold them, summed over modules.");
	put_counts(out, "baton_module_pins", "state", states, pins, STATES_N);
	head(out, "baton_module_resident", "gauge",
	     "Generations whose code stays mapped until the process ends.");
	baton_buf_printf(out, "baton_module_resident %llu\n",
			 (unsigned long long)resident + baton_module_residents());
}

static void put_releases(const struct baton_json *view, struct baton_buf *out)
{
	struct baton_json all = baton_json_get(view, "releases"), one;
	struct baton_json canary = baton_json_get(view, "canary");
	uint64_t there = 0;
	size_t at = 0;

	while (baton_json_element(&all, &at, &one))
		there++;
	head(out, "baton_release_candidate", "gauge", "Number of the candidate; 0: there is none.");
	baton_buf_printf(out, "baton_release_candidate %llu\n",
			 (unsigned long long)number(view, "candidate"));
	head(out, "baton_release_canary_share", "gauge",
	     "Share of the conversations that the candidate serves, 0 to 1.");
	baton_buf_printf(out, "baton_release_canary_share %.6f\n",
			 (double)number(&canary, "share_ppm") / 1e6);
	head(out, "baton_releases", "gauge",
	     "Releases that are loaded, those that drain included.");
	baton_buf_printf(out, "baton_releases %llu\n", (unsigned long long)there);
}

void figures_text(struct figures *figures, baton_str view, struct baton_buf *out)
{
	struct baton_json object = { .type = BATON_JSON_NONE };

	(void)baton_json_parse(view, &object);
	put_generations(&object, out);
	put_releases(&object, out);
	pthread_mutex_lock(&figures->lock);
	put_times(figures, out);
	head(out, "baton_module_refused_total", "counter",
	     "Module files that were refused, by the step that did not succeed.");
	put_counts(out, "baton_module_refused_total", "reason", reasons, figures->refused,
		   REASONS_N);
	head(out, "baton_release_changes_total", "counter", "What became of releases.");
	put_counts(out, "baton_release_changes_total", "state", changes, figures->changed,
		   CHANGES_N);
	put_crashes(figures, out);
	pthread_mutex_unlock(&figures->lock);
}
