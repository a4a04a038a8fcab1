/* SPDX-License-Identifier: Apache-2.0 */

/* The shelf: what has served well is still there when its source is gone, what has crashed too
 * often stays out over restarts, and no damage on disk keeps the server from starting. */
#include "tests/unit/module_rig.h"

#include "core/module/file.h"
#include "core/module/shelf.h"

#include <fcntl.h>

static uint64_t clock_ms = 1795000000000u; /* 2026-11-18 */

static uint64_t scripted_ms(void)
{
	return clock_ms;
}

struct shelf_rig {
	struct rig *rig;
	char dir[128];
	struct baton_shelf *shelf;
};

static void open_shelf(struct shelf_rig *s)
{
	struct baton_shelf_options options = { .dir = s->dir, .unix_ms = scripted_ms };
	baton_shelf_close(&s->shelf);
	if (baton_shelf_open(&options, &s->shelf, s->rig->why, sizeof(s->rig->why)) != 0)
		fail_msg("%s", s->rig->why);
}

static int setup(void **state)
{
	void *rig;
	struct shelf_rig *s = baton_new(struct shelf_rig);
	assert_int_equal(rig_setup(&rig), 0);
	s->rig = rig;
	rig_path(s->dir, sizeof(s->dir), s->rig->dir, "shelf");
	open_shelf(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct shelf_rig *s = *state;
	void *rig = s->rig;
	baton_shelf_close(&s->shelf);
	baton_free(s);
	return rig_teardown(&rig);
}

/* A file of its own for each text; its hash. */
static const uint8_t *hash(const char *text)
{
	static uint8_t sha256[8][32];
	static unsigned next;
	uint8_t *to = sha256[next++ % 8];
	baton_file_sha256(baton_str_of(text), to);
	return to;
}

static void keep(struct shelf_rig *s, const char *module, const char *text)
{
	clock_ms += 1000;
	assert_int_equal(baton_shelf_keep(s->shelf, module, hash(text), baton_str_of(text)), 0);
}

static void assert_good(struct shelf_rig *s, const char *module, unsigned n, const char *text)
{
	struct baton_shelf_file file;
	struct baton_buf bytes = { 0 };
	assert_int_equal(baton_shelf_good(s->shelf, module, n, &file), 0);
	assert_memory_equal(file.sha256, hash(text), 32);
	rig_read(file.path, &bytes);
	assert_true(baton_str_is(baton_buf_view(&bytes), text));
	baton_buf_done(&bytes);
}

static void assert_none(struct shelf_rig *s, const char *module, unsigned n)
{
	struct baton_shelf_file file;
	assert_int_equal(baton_shelf_good(s->shelf, module, n, &file), BATON_E_NOTFOUND);
}

static void index_path(const struct shelf_rig *s, const char *name, char path[256])
{
	rig_path(path, 256, s->dir, name);
}

/* --- good files --------------------------------------------------------------------------- */

static void the_last_three_good_files_of_each_module_are_kept(void **state)
{
	struct shelf_rig *s = *state;
	static const char *const texts[] = { "one", "two", "three", "four" };
	for (size_t i = 0; i < 4; i++)
		keep(s, "acme", texts[i]);
	keep(s, "other", "one");
	for (int lives = 0; lives < 2; lives++) {
		assert_good(s, "acme", 0, "four");
		assert_good(s, "acme", 1, "three");
		assert_good(s, "acme", 2, "two");
		assert_none(s, "acme", 3);
		assert_good(s, "other", 0, "one");
		open_shelf(s); /* and over a restart */
	}
}

static void a_file_that_no_module_keeps_any_more_is_removed(void **state)
{
	struct shelf_rig *s = *state;
	struct baton_shelf_file file;
	keep(s, "acme", "one");
	keep(s, "other", "one");
	keep(s, "acme", "two");
	keep(s, "acme", "three");
	keep(s, "acme", "four");
	assert_int_equal(baton_shelf_find(s->shelf, hash("one"), &file), 0); /* other's */
	keep(s, "other", "two");
	keep(s, "other", "three");
	keep(s, "other", "four");
	assert_int_equal(baton_shelf_find(s->shelf, hash("one"), &file), BATON_E_NOTFOUND);
	assert_int_equal(access(file.path, F_OK), -1);
}

static void a_file_kept_again_becomes_the_newest(void **state)
{
	struct shelf_rig *s = *state;
	keep(s, "acme", "one");
	keep(s, "acme", "two");
	assert_int_equal(baton_shelf_keep(s->shelf, "acme", hash("one"), BATON_STR_NONE), 0);
	assert_good(s, "acme", 0, "one");
	assert_good(s, "acme", 1, "two");
	assert_none(s, "acme", 2);
	assert_int_equal(baton_shelf_keep(s->shelf, "acme", hash("new"), BATON_STR_NONE),
			 BATON_E_NOTFOUND);
}

static void fewer_are_kept_if_the_policies_say_so(void **state)
{
	struct shelf_rig *s = *state;
	baton_shelf_keep_n(s->shelf, 1);
	keep(s, "acme", "one");
	keep(s, "acme", "two");
	assert_good(s, "acme", 0, "two");
	assert_none(s, "acme", 1);
}

static void a_file_whose_bytes_have_changed_is_no_good_file(void **state)
{
	struct shelf_rig *s = *state;
	struct baton_shelf_file file;
	keep(s, "acme", "one");
	keep(s, "acme", "two");
	assert_int_equal(baton_shelf_good(s->shelf, "acme", 0, &file), 0);
	assert_int_equal(chmod(file.path, 0600), 0);
	rig_write(file.path, BATON_STR("tampered"));
	assert_good(s, "acme", 0, "one");
	assert_true(rig_logged(s->rig, "shelf_file_damaged"));
	keep(s, "acme", "two"); /* and is made good again by a whole one */
	assert_good(s, "acme", 0, "two");
}

/* --- quarantine --------------------------------------------------------------------------- */

static void the_third_crash_in_five_minutes_quarantines(void **state)
{
	struct shelf_rig *s = *state;
	char reason[256];
	const uint8_t *one = hash("one");
	assert_false(baton_shelf_crashed(s->shelf, "acme", one, BATON_SHELF_CRASH, "SIGSEGV"));
	clock_ms += 100000;
	open_shelf(s); /* a restart forgives nothing */
	assert_false(baton_shelf_crashed(s->shelf, "acme", one, BATON_SHELF_CRASH, "SIGSEGV"));
	assert_false(
		baton_shelf_crashed(s->shelf, "acme", hash("two"), BATON_SHELF_CRASH, "SIGSEGV"));
	assert_false(baton_shelf_quarantined(s->shelf, one, reason, sizeof(reason)));
	clock_ms += 199999;
	assert_true(baton_shelf_crashed(s->shelf, "acme", one, BATON_SHELF_CRASH,
					"SIGSEGV at 0x10f9 in start"));
	open_shelf(s);
	assert_true(baton_shelf_quarantined(s->shelf, one, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "quarantined on 2026-11-18: 3 crashes in 5 min, the last: "
				       "SIGSEGV at 0x10f9 in start; `baton module forgive "));
	assert_non_null(strstr(reason, "` lets it in again"));
	assert_false(baton_shelf_quarantined(s->shelf, hash("two"), reason, sizeof(reason)));
}

static void crashes_far_apart_do_not_add_up(void **state)
{
	struct shelf_rig *s = *state;
	for (int i = 0; i < 10; i++) {
		assert_false(baton_shelf_crashed(s->shelf, "acme", hash("one"), BATON_SHELF_CRASH,
						 "SIGSEGV"));
		clock_ms += 150001;
	}
}

static void a_crash_at_boot_or_a_hang_quarantines_at_once(void **state)
{
	struct shelf_rig *s = *state;
	char reason[256];
	assert_true(
		baton_shelf_crashed(s->shelf, "a", hash("one"), BATON_SHELF_AT_BOOT, "SIGSEGV"));
	assert_true(baton_shelf_crashed(s->shelf, "a", hash("two"), BATON_SHELF_HANG, "in start"));
	assert_true(baton_shelf_quarantined(s->shelf, hash("one"), reason, sizeof(reason)));
	assert_non_null(strstr(reason, "it ended the server at start: SIGSEGV"));
	assert_true(baton_shelf_quarantined(s->shelf, hash("two"), reason, sizeof(reason)));
	assert_non_null(strstr(reason, "it held the server: in start"));
}

static void what_is_in_quarantine_is_passed_over_and_comes_back_when_forgiven(void **state)
{
	struct shelf_rig *s = *state;
	char hex[65], reason[256];
	uint8_t forgiven[32];
	keep(s, "acme", "one");
	keep(s, "acme", "two");
	baton_shelf_quarantine(s->shelf, hash("two"), "acme", "somebody said so");
	assert_good(s, "acme", 0, "one");
	assert_none(s, "acme", 1);
	baton_file_hex(hash("two"), 32, hex);
	assert_int_equal(baton_shelf_forgive(s->shelf, "12", forgiven), BATON_E_INVAL);
	assert_int_equal(baton_shelf_forgive(s->shelf, "not a hash", forgiven), BATON_E_INVAL);
	assert_int_equal(baton_shelf_forgive(s->shelf, "000000", forgiven), BATON_E_NOTFOUND);
	hex[12] = 0;
	assert_int_equal(baton_shelf_forgive(s->shelf, hex, forgiven), 0);
	assert_memory_equal(forgiven, hash("two"), 32);
	assert_false(baton_shelf_quarantined(s->shelf, hash("two"), reason, sizeof(reason)));
	assert_good(s, "acme", 0, "two");
	assert_int_equal(baton_shelf_forgive(s->shelf, hex, forgiven), BATON_E_NOTFOUND);
}

static void forgiveness_also_forgets_the_crashes(void **state)
{
	struct shelf_rig *s = *state;
	char hex[65];
	uint8_t sha256[32];
	for (int i = 0; i < 3; i++)
		(void)baton_shelf_crashed(s->shelf, "a", hash("one"), BATON_SHELF_CRASH, "SIGBUS");
	baton_file_hex(hash("one"), 32, hex);
	assert_int_equal(baton_shelf_forgive(s->shelf, hex, sha256), 0);
	assert_false(baton_shelf_crashed(s->shelf, "a", hash("one"), BATON_SHELF_CRASH, "SIGBUS"));
}

/* --- damage ------------------------------------------------------------------------------- */

static void a_damaged_index_is_said_and_the_one_before_is_taken(void **state)
{
	struct shelf_rig *s = *state;
	char path[256], reason[256];
	baton_shelf_quarantine(s->shelf, hash("bad"), "acme", "told");
	keep(s, "acme", "one");
	keep(s, "acme", "two");
	index_path(s, "index.json", path);
	rig_write(path, BATON_STR("{\"good\":[{\"sha2"));
	open_shelf(s);
	assert_true(rig_logged(s->rig, "\"event\":\"shelf_index_damaged\""));
	assert_true(rig_logged(s->rig, "\"rebuilt_from\":\"index.old\""));
	assert_good(s, "acme", 0, "one"); /* of the last change the old one knows nothing */
	assert_true(baton_shelf_quarantined(s->shelf, hash("bad"), reason, sizeof(reason)));
	s->rig->log.n = 0;
	open_shelf(s); /* it was made good */
	assert_false(rig_logged(s->rig, "shelf_index_damaged"));
}

static void without_any_index_the_files_say_what_they_are(void **state)
{
	struct shelf_rig *s = *state;
	struct baton_buf bytes = { 0 };
	struct baton_shelf_file file;
	char path[512];
	uint8_t sha256[32];
	rig_path(path, sizeof(path), s->rig->base, "tests/modules/good.so");
	rig_read(path, &bytes);
	baton_file_sha256(baton_buf_view(&bytes), sha256);
	assert_int_equal(baton_shelf_keep(s->shelf, "fixture", sha256, baton_buf_view(&bytes)), 0);
	keep(s, "acme", "no module at all");
	index_path(s, "index.json", path);
	assert_int_equal(unlink(path), 0);
	index_path(s, "index.old", path);
	rig_write(path, BATON_STR("[]"));
	open_shelf(s);
	assert_true(rig_logged(s->rig, "\"rebuilt_from\":\"the files\",\"files\":1"));
	assert_int_equal(baton_shelf_good(s->shelf, "fixture", 0, &file), 0);
	assert_memory_equal(file.sha256, sha256, 32);
	baton_buf_done(&bytes);
}

static void rows_that_somebody_wrote_by_hand_do_no_harm(void **state)
{
	static const char *const rows[] = {
		"{\"good\":[1,null,{},{\"sha256\":\"xyz\"}],\"quarantined\":[],\"crashes\":[]}",
		"{\"good\":[{\"sha256\":\"../../../etc/passwd\",\"module\":\"a\",\"at_ms\":1}],"
		"\"quarantined\":[],\"crashes\":[]}",
		"{\"good\":[{\"sha256\":\"" /* not hex */
		"zz00000000000000000000000000000000000000000000000000000000000000\",\"module\":"
		"\"a\",\"at_ms\":-5}],\"quarantined\":[],\"crashes\":[]}",
		"{\"good\":{},\"quarantined\":[],\"crashes\":[]}",
		"[]",
		"",
		"\xff\xfe",
	};
	struct shelf_rig *s = *state;
	char path[256];
	index_path(s, "index.json", path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_write(path, baton_str_of(rows[i]));
		open_shelf(s);
		assert_none(s, "a", 0);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* a directory in its place */
	open_shelf(s);
	keep(s, "acme", "one");
	open_shelf(s);
	assert_good(s, "acme", 0, "one");
}

static void a_shelf_that_cannot_be_made_is_told_in_one_line(void **state)
{
	struct shelf_rig *s = *state;
	struct baton_shelf_options options = { .dir = "/proc/nothing/shelf" };
	struct baton_shelf *none = NULL;
	char why[256], path[256];
	assert_int_equal(baton_shelf_open(&options, &none, why, sizeof(why)), BATON_E_IO);
	assert_non_null(strstr(why, "/proc/nothing/shelf: No such file"));
	assert_null(none);
	rig_path(path, sizeof(path), s->rig->dir, "file");
	rig_write(path, BATON_STR("x"));
	options.dir = path;
	assert_int_equal(baton_shelf_open(&options, &none, why, sizeof(why)), BATON_E_IO);
	assert_non_null(strstr(why, "expected a directory we can write to"));
}

static void no_shelf_knows_nothing_and_refuses_nothing(void **state)
{
	struct baton_shelf *none = NULL;
	struct baton_shelf_file file;
	struct baton_buf text = { 0 };
	uint8_t sha256[32];
	char reason[8];
	(void)state;
	assert_int_equal(baton_shelf_keep(none, "a", hash("x"), BATON_STR("x")), 0);
	assert_int_equal(baton_shelf_good(none, "a", 0, &file), BATON_E_NOTFOUND);
	assert_int_equal(baton_shelf_find(none, hash("x"), &file), BATON_E_NOTFOUND);
	assert_false(baton_shelf_quarantined(none, hash("x"), reason, sizeof(reason)));
	assert_false(baton_shelf_crashed(none, "a", hash("x"), BATON_SHELF_HANG, "x"));
	assert_int_equal(baton_shelf_forgive(none, "123456", sha256), BATON_E_NOTFOUND);
	baton_shelf_quarantine(none, hash("x"), "a", "x");
	baton_shelf_json(none, &text);
	assert_string_equal(text.p, "{\"good\":[],\"quarantined\":[],\"crashes\":[]}");
	baton_buf_done(&text);
	baton_shelf_close(&none);
}

static void the_list_is_json_with_the_newest_first(void **state)
{
	struct shelf_rig *s = *state;
	struct baton_buf text = { 0 };
	keep(s, "acme", "one");
	keep(s, "acme \"two\"", "two");
	(void)baton_shelf_crashed(s->shelf, "acme", hash("one"), BATON_SHELF_HANG, "in \"start\"");
	baton_shelf_json(s->shelf, &text);
	json_t *json = json_loads(text.p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	json_t *good = json_object_get(json, "good");
	assert_int_equal(json_array_size(good), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(good, 0), "module")),
			    "acme \"two\"");
	assert_true(json_is_true(json_object_get(json_array_get(good, 1), "quarantined")));
	assert_int_equal(json_array_size(json_object_get(json, "quarantined")), 1);
	assert_int_equal(json_array_size(json_object_get(json, "crashes")), 1);
	json_decref(json);
	baton_buf_done(&text);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_last_three_good_files_of_each_module_are_kept),
		T(a_file_that_no_module_keeps_any_more_is_removed),
		T(a_file_kept_again_becomes_the_newest),
		T(fewer_are_kept_if_the_policies_say_so),
		T(a_file_whose_bytes_have_changed_is_no_good_file),
		T(the_third_crash_in_five_minutes_quarantines),
		T(crashes_far_apart_do_not_add_up),
		T(a_crash_at_boot_or_a_hang_quarantines_at_once),
		T(what_is_in_quarantine_is_passed_over_and_comes_back_when_forgiven),
		T(forgiveness_also_forgets_the_crashes),
		T(a_damaged_index_is_said_and_the_one_before_is_taken),
		T(without_any_index_the_files_say_what_they_are),
		T(rows_that_somebody_wrote_by_hand_do_no_harm),
		T(a_shelf_that_cannot_be_made_is_told_in_one_line),
		T(no_shelf_knows_nothing_and_refuses_nothing),
		T(the_list_is_json_with_the_newest_first),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
