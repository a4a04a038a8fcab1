/* SPDX-License-Identifier: Apache-2.0 */

/* Figures of releases and modules: what is counted of steps, and the text of /metrics. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/module/meter.h"
#include "core/server/figures.h"

static void step(struct figures *figures, const char *module, uint64_t generation,
		 const char *state, uint64_t us)
{
	struct baton_module_step one = { .module = module,
					 .state = state,
					 .reason = "",
					 .version = "1.0",
					 .generation = generation,
					 .us = us };

	figures_step(figures, &one);
}

struct buf_of {
	struct baton_buf buf;
};

static struct buf_of text_of(struct figures *figures, const char *view)
{
	struct buf_of text = { { NULL, 0, 0 } };

	figures_text(figures, baton_str_of(view), &text.buf);
	return text;
}

static void has(const struct buf_of *text, const char *line)
{
	char whole[200];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text->buf.p, whole))
		fail_msg("no line \"%s\" in:\n%s", line, text->buf.p);
}

static void steps_and_drains_are_summed(void **state)
{
	struct figures *figures = figures_new();

	(void)state;
	step(figures, "a", 1, "loaded", 1500000);
	step(figures, "b", 2, "loaded", 500000);
	step(figures, "b", 2, "active", 1);
	figures_drained(figures, 1250);
	figures_release(figures, "live");
	figures_release(figures, "live");
	figures_release(figures, "no such state");
	struct buf_of text = text_of(figures, "{}");
	has(&text, "baton_module_swap_seconds_sum{step=\"loaded\"} 2.000000");
	has(&text, "baton_module_swap_seconds_count{step=\"loaded\"} 2");
	has(&text, "baton_module_swap_seconds_count{step=\"probed\"} 0");
	has(&text, "baton_module_drain_seconds_sum 1.250");
	has(&text, "baton_module_drain_seconds_count 1");
	has(&text, "baton_release_changes_total{state=\"live\"} 2");
	baton_buf_done(&text.buf);
	figures_free(&figures);
	assert_null(figures);
}

/* By how far it came; a generation that got in before does not help the next one. */
static void a_refusal_is_counted_by_the_step_that_failed(void **state)
{
	static const char *const way[] = { "found", "checked", "probed", "loaded" };
	struct figures *figures = figures_new();

	(void)state;
	step(figures, "a", 1, "refused", 0);
	for (uint64_t n = 1; n <= 4; n++) {
		for (uint64_t i = 0; i < n; i++)
			step(figures, "a", n + 1, way[i], 10);
		step(figures, "a", n + 1, "refused", 0);
	}
	for (uint64_t i = 0; i < 4; i++)
		step(figures, "a", 10, way[i], 10);
	step(figures, "a", 11, "refused", 0);
	step(figures, "a", 12, "quarantined", 0);
	step(figures, "b", 13, "crashed", 0);
	struct buf_of text = text_of(figures, "not json");
	has(&text, "baton_module_refused_total{reason=\"file\"} 2");
	has(&text, "baton_module_refused_total{reason=\"contract\"} 1");
	has(&text, "baton_module_refused_total{reason=\"probe\"} 1");
	has(&text, "baton_module_refused_total{reason=\"load\"} 1");
	has(&text, "baton_module_refused_total{reason=\"health\"} 1");
	has(&text, "baton_module_refused_total{reason=\"quarantine\"} 1");
	has(&text, "baton_module_crash_total{module=\"a\"} 0");
	has(&text, "baton_module_crash_total{module=\"b\"} 1");
	baton_buf_done(&text.buf);
	figures_free(&figures);
}

static void what_there_is_comes_from_the_view(void **state)
{
	struct figures *figures = figures_new();

	(void)state;
	struct buf_of text = text_of(
		figures, "{\"live\":4,\"candidate\":5,\"releases\":[{\"number\":4},{\"number\":5}],"
			 "\"canary\":{\"share_ppm\":50000},\"generations\":["
			 "{\"state\":\"active\",\"pins\":3,\"resident\":null},"
			 "{\"state\":\"active\",\"pins\":4,\"resident\":\"thread\"},"
			 "{\"state\":\"draining\",\"pins\":1,\"resident\":null},"
			 "{\"state\":\"unheard of\",\"pins\":1,\"resident\":null}]}");
	has(&text, "baton_module_generations{state=\"active\"} 2");
	has(&text, "baton_module_generations{state=\"draining\"} 1");
	has(&text, "baton_module_generations{state=\"quarantined\"} 0");
	has(&text, "baton_module_pins{state=\"active\"} 7");
	has(&text, "baton_module_resident 1");
	has(&text, "baton_release_candidate 5");
	has(&text, "baton_release_canary_share 0.050000");
	has(&text, "baton_releases 2");
	baton_buf_done(&text.buf);
	figures_free(&figures);
	figures_free(&figures);
}

static void names_without_end_are_bounded(void **state)
{
	struct figures *figures = figures_new();
	char name[80];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		step(figures, name, i + 1, "crashed", 0);
	}
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	step(figures, name, 2000, "refused", 0);
	struct buf_of text = text_of(figures, "{}");
	has(&text, "baton_module_crash_total{module=\"m255\"} 1");
	assert_null(strstr(text.buf.p, "m256"));
	assert_null(strstr(text.buf.p, "xxx"));
	has(&text, "baton_module_refused_total{reason=\"file\"} 1");
	baton_buf_done(&text.buf);
	figures_free(&figures);
}

static void a_meter_tells_what_it_has(void **state)
{
	struct baton_buf out = { NULL, 0, 0 };
	struct baton_meter meter;

	(void)state;
	baton_meter_init(&meter, "acme");
	assert_true(baton_meter_add(&meter, "hits", false, 3));
	assert_true(baton_meter_add(&meter, "hits", false, 4));
	assert_true(baton_meter_add(&meter, "lookup", true, 1500));
	baton_meter_breach(&meter, BATON_BREACH_TWO_ENDS, "twice");
	baton_meter_json(&meter, &out);
	assert_non_null(strstr(out.p, "\"two_ends\":1"));
	assert_non_null(strstr(out.p, "\"leftovers\":0"));
	assert_non_null(strstr(
		out.p, "\"counters\":{\"hits\":7},\"times\":{\"lookup\":{\"n\":1,\"us\":1500}}}"));
	baton_buf_done(&out);
	baton_meter_done(&meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_and_drains_are_summed),
		cmocka_unit_test(a_refusal_is_counted_by_the_step_that_failed),
		cmocka_unit_test(what_there_is_comes_from_the_view),
		cmocka_unit_test(names_without_end_are_bounded),
		cmocka_unit_test(a_meter_tells_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
