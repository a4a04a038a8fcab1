/* SPDX-License-Identifier: Apache-2.0 */

/* What outlives a restart, what a text that nobody wrote can do (nothing), what people see. */

#include "tests/unit/board_rig.h"

#include "core/base/json.h"
#include "core/route/inside.h"

#include <jansson.h>

static void primary_is_down(struct rig *rig, const struct baton_choice *choice,
			    struct baton_outcome *ret, bool *ret_showed)
{
	(void)ret_showed;
	if (choice->target == rig->route.primary)
		rig_fail(ret, BATON_FAIL_OVERLOADED, 5);
	else
		rig_answer(ret);
	ret->cost_microusd = 11;
}

/* A board with one of everything: a broken primary, an account without money, a target that is
 * switched off, another that pauses, money spent. */
static void trouble(struct rig *rig)
{
	struct baton_now now = rig_now(rig);
	struct baton_choice choice;

	rig_open(rig);
	rig->provider = primary_is_down;
	for (int i = 0; i < 3; i++)
		(void)rig_turn(rig);
	rig->n_past = 0;
	(void)baton_board_target_disable(rig->board, now, "other",
					 &(struct baton_admin){ "ann", "tone" });
	rig->route.primary = &rig->targets[3];
	struct baton_ask ask = rig_ask(rig);

	assert_true(baton_board_next(rig->board, rig_now(rig), &ask, &choice));
	baton_board_settle(rig->board, rig_now(rig), choice.lease,
			   &(struct baton_outcome){ .fail = BATON_FAIL_QUOTA,
						    .scope = BATON_SCOPE_ACCOUNT,
						    .until_unix_ms = RIG_UNIX_MS + 3600000 });
	rig->route.primary = &rig->targets[1];
	assert_true(baton_board_next(rig->board, rig_now(rig), &ask, &choice));
	baton_board_settle(rig->board, rig_now(rig), choice.lease,
			   &(struct baton_outcome){ .fail = BATON_FAIL_RATE_LIMITED,
						    .retry_after_ms = 45000 });
	rig->route.primary = &rig->targets[0];
}

static struct baton_buf save(struct rig *rig)
{
	struct baton_buf json = { 0 };

	baton_board_save(rig->board, rig_now(rig), &json);
	return json;
}

static bool adopts_first;

static void reborn(struct rig *rig, const struct baton_buf *json, uint64_t later_ms)
{
	baton_board_free(&rig->board);
	rig->ms += later_ms;
	rig->n_happened = 0;
	rig->board = baton_board_new(rig_heard, rig);
	assert_int_equal(baton_board_load(rig->board, rig_now(rig), baton_buf_view(json)),
			 BATON_OK);
	baton_board_adopt(rig->board, rig_now(rig), &rig->policy);
	baton_board_tick(rig->board, rig_now(rig));
}

static enum baton_target_state state_of(struct rig *rig, const char *name)
{
	return baton_health_state(baton_health_find(&rig->board->health, name), rig_now(rig).ms);
}

static void trouble_outlives_a_restart(void **state)
{
	struct rig rig;

	adopts_first = *state != NULL;
	trouble(&rig);
	assert_true(baton_board_dirty(rig.board));
	struct baton_buf json = save(&rig);

	assert_false(baton_board_dirty(rig.board));
	uint64_t spent = rig.board->money.whole.spent;

	assert_true(spent > 0);
	reborn(&rig, &json, 5000);
	assert_int_equal(state_of(&rig, "main"), BATON_TARGET_OPEN);
	assert_int_equal(state_of(&rig, "spare"), BATON_TARGET_COOLING);
	assert_int_equal(state_of(&rig, "other"), BATON_TARGET_DISABLED);
	assert_int_equal(state_of(&rig, "big"), BATON_TARGET_ACCOUNT_CLOSED);
	assert_int_equal(rig.board->money.whole.spent, spent);
	assert_int_equal(rig.n_happened, 0); /* nobody hears the same news twice */
	struct baton_choice choice;
	struct baton_ask ask = rig_ask(&rig);

	/* The pausing one would be waited for, rather than nobody; the clock ran on meanwhile. */
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	ask.left_ms = 60000;
	rig.ms += 20000;
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	assert_true(choice.probe);
	baton_buf_done(&json);
	rig_close(&rig);
	adopts_first = false;
}

static void what_ends_while_the_server_is_down_has_ended(void **state)
{
	struct rig rig;

	(void)state;
	trouble(&rig);
	struct baton_buf json = save(&rig);

	reborn(&rig, &json, 2 * 86400000);
	assert_int_equal(state_of(&rig, "spare"), BATON_TARGET_CLOSED);
	assert_int_equal(state_of(&rig, "other"), BATON_TARGET_DISABLED);
	assert_int_equal(rig.board->money.whole.spent, 0);
	rig.provider = rig_all_well;
	assert_string_equal(rig_turn(&rig), "main");
	baton_buf_done(&json);
	rig_close(&rig);
}

static void a_saved_board_saves_to_the_same_text(void **state)
{
	struct rig rig;

	(void)state;
	trouble(&rig);
	struct baton_buf first = save(&rig);

	reborn(&rig, &first, 0);
	struct baton_buf second = save(&rig);
	json_t *a = json_loads(first.p, 0, NULL), *b = json_loads(second.p, 0, NULL);

	assert_non_null(a);
	assert_int_equal(json_array_size(json_object_get(a, "targets")), 3);
	assert_int_equal(json_array_size(json_object_get(a, "accounts")), 1);
	assert_true(json_equal(json_object_get(a, "accounts"), json_object_get(b, "accounts")));
	assert_true(json_equal(json_object_get(a, "money"), json_object_get(b, "money")));
	assert_int_equal(json_array_size(json_object_get(b, "targets")), 3);
	json_decref(a);
	json_decref(b);
	baton_buf_done(&first);
	baton_buf_done(&second);
	rig_close(&rig);
}

static void a_clock_that_was_wrong_closes_nothing_for_long(void **state)
{
	struct rig rig;
	const char *text = "{\"v\":1,\"targets\":[{\"name\":\"main\",\"account\":\"acme\","
			   "\"opened\":9,\"breaker_until\":99999999999999,\"why\":\"slow\","
			   "\"cool_until\":99999999999999,\"hint_until\":99999999999999}],"
			   "\"accounts\":[{\"name\":\"globex\",\"closed\":\"quota\","
			   "\"closed_until\":9223372036854775807}],"
			   "\"money\":[{\"kind\":\"tenant\",\"name\":\"\",\"day\":999999,"
			   "\"spent\":5,\"broke\":0}],\"modes\":[]}";
	struct baton_buf json = { 0 };

	(void)state;
	rig_open(&rig);
	rig.provider = rig_all_well;
	baton_buf_z(&json, text);
	reborn(&rig, &json, 0);
	assert_int_equal(state_of(&rig, "main"), BATON_TARGET_OPEN);
	assert_int_equal(rig.board->money.whole.spent, 5);
	rig.ms += 600001;
	assert_string_equal(rig_turn(&rig), "main");
	assert_int_equal(state_of(&rig, "big"), BATON_TARGET_ACCOUNT_CLOSED);
	rig.ms += 31ull * 86400000;
	baton_board_tick(rig.board, rig_now(&rig));
	assert_int_equal(rig.board->money.whole.spent, 0);
	baton_buf_done(&json);
	rig_close(&rig);
}

static void what_cannot_be_read_changes_nothing(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} bad[] = {
		{ "", BATON_E_JSON },
		{ "{", BATON_E_JSON },
		{ "[]", BATON_E_SCHEMA },
		{ "null", BATON_E_SCHEMA },
		{ "{}", BATON_E_SCHEMA },
		{ "{\"v\":2,\"targets\":[],\"accounts\":[],\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":{},\"accounts\":[],\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[],\"accounts\":[],\"money\":[]}", BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[7],\"accounts\":[],\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[{\"name\":\"\",\"account\":\"a\"}],\"accounts\":[],"
		  "\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[{\"name\":\"a\\u0000b\",\"account\":\"a\"}],"
		  "\"accounts\":[],\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[{\"name\":\"a\",\"account\":\"a\",\"opened\":-1}],"
		  "\"accounts\":[],\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[{\"name\":\"a\",\"account\":\"a\",\"opened\":1.5}],"
		  "\"accounts\":[],\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[{\"name\":\"a\",\"account\":\"a\",\"why\":\"mood\"}],"
		  "\"accounts\":[],\"money\":[],\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[],\"accounts\":[{\"name\":9}],\"money\":[],"
		  "\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[{\"name\":\"main\",\"account\":\"acme\",\"disabled\":"
		  "\"eve\"}],\"accounts\":[],\"money\":[{\"kind\":\"bribe\",\"name\":\"x\"}],"
		  "\"modes\":[]}",
		  BATON_E_SCHEMA },
		{ "{\"v\":1,\"targets\":[{\"name\":\"main\",\"account\":\"acme\",\"disabled\":"
		  "\"eve\"}],\"accounts\":[],\"money\":[],\"modes\":[3]}",
		  BATON_E_SCHEMA },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rig rig;

		rig_open(&rig);
		assert_int_equal(
			baton_board_load(rig.board, rig_now(&rig), baton_str_of(bad[i].text)),
			bad[i].rc);
		assert_int_equal(state_of(&rig, "main"), BATON_TARGET_CLOSED);
		rig.provider = rig_all_well;
		assert_string_equal(rig_turn(&rig), "main");
		rig_close(&rig);
	}
}

static void a_text_that_is_cut_or_bent_is_refused_or_read_and_never_worse(void **state)
{
	struct rig rig;

	(void)state;
	trouble(&rig);
	struct baton_buf json = save(&rig);
	struct baton_buf bent = { 0 };

	for (size_t n = 0; n < json.n; n++) {
		baton_buf_reset(&bent);
		baton_buf_add(&bent, json.p, json.n);
		bent.p[n] ^= (char)(1 << rig_random(&rig) % 7);
		struct baton_board *board = baton_board_new(rig_heard, &rig);

		assert_true(baton_board_load(board, rig_now(&rig), (baton_str){ json.p, n }) < 0);
		(void)baton_board_load(board, rig_now(&rig), baton_buf_view(&bent));
		baton_board_adopt(board, rig_now(&rig), &rig.policy);
		baton_board_tick(board, rig_now(&rig));
		baton_board_free(&board);
	}
	baton_buf_done(&bent);
	baton_buf_done(&json);
	rig_close(&rig);
}

static void as_much_as_there_can_be_is_read_back(void **state)
{
	struct rig rig;
	struct baton_buf json = { 0 };

	(void)state;
	rig_open(&rig);
	rig.provider = rig_all_well;
	for (int i = 0; i < 10000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%d", i);
		struct baton_target target = rig_target(name, name);
		struct baton_target_health *row =
			baton_health_target(&rig.board->health, rig_now(&rig), &target);
		struct baton_purse *route = baton_money_route(&rig.board->money, name);
		struct baton_purse *account = baton_money_account(&rig.board->money, name);

		if (row)
			row->disabled = true;
		if (route)
			route->spent = 5;
		if (account)
			account->spent = 5;
	}
	json = save(&rig);
	baton_board_free(&rig.board);
	rig.board = baton_board_new(rig_heard, &rig);
	assert_int_equal(baton_board_load(rig.board, rig_now(&rig), baton_buf_view(&json)),
			 BATON_OK);
	/* And who is declared now has room all the same. */
	baton_board_adopt(rig.board, rig_now(&rig), &rig.policy);
	assert_string_equal(rig_turn(&rig), "main");
	baton_buf_done(&json);
	rig_close(&rig);
}

static void people_see_all_of_it_as_one_json_object(void **state)
{
	struct rig rig;
	struct baton_buf json = { 0 };

	(void)state;
	trouble(&rig);
	baton_board_desk(rig.board, 3, 4000, 1);
	baton_board_json(rig.board, rig_now(&rig), &json);
	json_t *root = json_loads(json.p, 0, NULL);

	assert_non_null(root);
	json_t *targets = json_object_get(root, "targets"), *target;
	size_t i, seen = 0;

	json_array_foreach(targets, i, target) {
		const char *name = json_string_value(json_object_get(target, "target"));
		const char *is = json_string_value(json_object_get(target, "state"));

		if (strcmp(name, "main") == 0) {
			seen++;
			assert_string_equal(is, "open");
			assert_string_equal(json_string_value(json_object_get(target, "trigger")),
					    "unreachable");
			assert_true(json_integer_value(json_object_get(
					    json_object_get(target, "calls"), "overloaded")) >= 3);
			assert_true(json_integer_value(json_object_get(target, "until_unix_ms")) >
				    0);
		}
		if (strcmp(name, "spare") == 0)
			assert_true(json_integer_value(json_object_get(
					    json_object_get(target, "answer_ms"), "p95")) > 900);
	}
	assert_int_equal(seen, 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(root, "desk"), "waiting")), 3);
	json_decref(root);
	baton_buf_done(&json);
	rig_close(&rig);
}

/* Every line is a comment or `name{labels} number`; every name has been described before. */
static void metrics_are_lines_that_prometheus_reads(void **state)
{
	struct rig rig;
	struct baton_buf out = { 0 };

	(void)state;
	trouble(&rig);
	baton_board_metrics(rig.board, rig_now(&rig), &out);
	assert_non_null(strstr(out.p, "baton_target_state{target=\"main\",state=\"open\"} 1\n"));
	assert_non_null(strstr(out.p, "baton_target_state{target=\"main\",state=\"closed\"} 0\n"));
	assert_non_null(
		strstr(out.p, "baton_target_calls_total{target=\"spare\",class=\"answered\"} 3\n"));
	assert_non_null(strstr(out.p, "baton_account_closed{account=\"globex\"} 1\n"));
	assert_non_null(
		strstr(out.p, "baton_target_answer_seconds{target=\"spare\",quantile=\"0.95\"} "));
	assert_non_null(strstr(out.p, "baton_target_answer_seconds_count{target=\"spare\"} 3\n"));
	assert_non_null(strstr(out.p, "baton_budget_spent_dollars{budget=\"tenant\",name=\"\"} "));
	for (char *line = out.p, *end; (end = strchr(line, '\n')); line = end + 1) {
		char name[80], *number = NULL, *rest;

		*end = '\0';
		if (*line == '#')
			continue;
		size_t n = strcspn(line, "{ ");

		assert_in_range(n, 1, sizeof(name) - 1);
		number = strrchr(line, ' ');
		assert_non_null(number);
		(void)strtod(number + 1, &rest);
		assert_true(rest > number + 1 && *rest == '\0');
	}
	baton_buf_done(&out);
	rig_close(&rig);
}

/* docs/METRICS.md is made of the table: what is not in it is not explained to anybody. */
static void every_series_is_in_the_table_and_the_other_way_round(void **state)
{
	static const char *const table[] = {
#define SERIES(name, type, labels, help) #name,
#include "core/route/series.def"
#undef SERIES
	};
	enum { N = sizeof(table) / sizeof(table[0]) };
	struct rig rig;
	struct baton_buf out = { 0 };
	bool seen[N] = { false };

	(void)state;
	trouble(&rig);
	baton_board_metrics(rig.board, rig_now(&rig), &out);
	for (const char *at = out.p; (at = strstr(at, "# TYPE "));) {
		size_t i = 0;

		at += strlen("# TYPE ");
		while (i < N && (strncmp(at, table[i], strlen(table[i])) != 0 ||
				 at[strlen(table[i])] != ' '))
			i++;
		assert_true(i < N);
		assert_false(seen[i]); /* described once */
		seen[i] = true;
	}
	for (size_t i = 0; i < N; i++)
		assert_true(seen[i]);
	baton_buf_done(&out);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trouble_outlives_a_restart),
		{ "whichever_is_adopted_or_loaded_first", trouble_outlives_a_restart, NULL, NULL,
		  &adopts_first },
		cmocka_unit_test(what_ends_while_the_server_is_down_has_ended),
		cmocka_unit_test(a_saved_board_saves_to_the_same_text),
		cmocka_unit_test(a_clock_that_was_wrong_closes_nothing_for_long),
		cmocka_unit_test(what_cannot_be_read_changes_nothing),
		cmocka_unit_test(a_text_that_is_cut_or_bent_is_refused_or_read_and_never_worse),
		cmocka_unit_test(as_much_as_there_can_be_is_read_back),
		cmocka_unit_test(people_see_all_of_it_as_one_json_object),
		cmocka_unit_test(metrics_are_lines_that_prometheus_reads),
		cmocka_unit_test(every_series_is_in_the_table_and_the_other_way_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
