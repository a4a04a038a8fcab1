/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-jsonl in a rack: what is on disk when the end is told. */
#include "tests/unit/module_rig.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#define DAY "1970-01-03.jsonl"
enum { DAY_MS = 86400000 };

static char dir[128];

static int start_rack(struct rig *rig)
{
	char config[256];
	(void)snprintf(config, sizeof(config), "{\"dir\":\"%s\"}", dir);
	(void)rig_module(rig, "files", "transcript", "transcript-jsonl.so", config);
	if (rig_stage(rig) != 0 || rig_rack(rig) != 0)
		fail_msg("%s", rig->why);
	return 0;
}

static int start(void **state)
{
	assert_int_equal(rig_setup(state), 0);
	struct rig *rig = *state;
	rig_install(rig, "modules/transcript-jsonl.so", "transcript-jsonl.so");
	rig_path(dir, sizeof(dir), rig->dir, "log");
	return start_rack(rig);
}

static void restart(struct rig *rig)
{
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
	(void)start_rack(rig);
}

static baton_entry entry(const char *session, uint64_t seq, uint64_t ms)
{
	return (baton_entry){ .seq = seq,
			      .unix_ms = ms,
			      .session_id = baton_str_of(session),
			      .type = BATON_STR("message"),
			      .json = BATON_STR("{\"text\":\"hi\"}") };
}

/* Appends and waits for the end. Returns what was told. */
static const char *append(struct rig *rig, const baton_entry *entries, uint32_t n)
{
	baton_buf_reset(&rig->heard);
	rig->ends = 0;
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 1, "files", entries, n), 0);
	rig_run(rig, 1);
	return rig_heard(rig);
}

static void file_is(const char *name, const char *text)
{
	char path[256];
	struct baton_buf got = { 0 };
	rig_path(path, sizeof(path), dir, name);
	rig_read(path, &got);
	assert_string_equal(got.p, text);
	baton_buf_done(&got);
}

#define LINE(session, seq, ts)                                    \
	"{\"session\":\"" session "\",\"seq\":" seq ",\"ts\":" ts \
	",\"type\":\"message\",\"data\":{\"text\":\"hi\"}}\n"

static void an_entry_is_one_line_in_the_file_of_its_day(void **state)
{
	struct stat st;
	char path[256];
	baton_entry entries[] = { entry("a", 1, 2 * (uint64_t)DAY_MS),
				  entry("a", 2, 2 * (uint64_t)DAY_MS + 5),
				  entry("a", 3, 3 * (uint64_t)DAY_MS) };
	assert_string_equal(append(*state, entries, 3), "1 end 0\n");
	file_is(DAY, LINE("a", "1", "172800000") LINE("a", "2", "172800005"));
	file_is("1970-01-04.jsonl", LINE("a", "3", "259200000"));
	rig_path(path, sizeof(path), dir, DAY);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void the_same_entry_is_written_once_also_after_a_restart(void **state)
{
	baton_entry entries[] = { entry("a", 1, 172800000), entry("b", 7, 172800000),
				  entry("a", 2, 172800000) };
	assert_string_equal(append(*state, entries, 2), "1 end 0\n");
	assert_string_equal(append(*state, entries, 2), "1 end 0\n");
	restart(*state);
	assert_string_equal(append(*state, entries, 3), "1 end 0\n");
	file_is(DAY, LINE("a", "1", "172800000") LINE("b", "7", "172800000")
			     LINE("a", "2", "172800000"));
}

static void a_torn_last_line_is_cut_off_and_written_again(void **state)
{
	struct rig *rig = *state;
	char path[256];
	baton_entry entries[] = { entry("a", 1, 172800000), entry("a", 2, 172800000) };
	assert_int_equal(mkdir(dir, 0700), 0);
	rig_path(path, sizeof(path), dir, DAY);
	rig_write(path, BATON_STR(LINE("a", "1",
				       "172800000") "{\"session\":\"a\",\"seq\":2,\"ts\":17280"));
	assert_string_equal(append(rig, entries, 2), "1 end 0\n");
	file_is(DAY, LINE("a", "1", "172800000") LINE("a", "2", "172800000"));
}

static void lines_of_others_are_left_alone(void **state)
{
	struct rig *rig = *state;
	char path[256];
	baton_entry e = entry("a", 1, 172800000);
	assert_int_equal(mkdir(dir, 0700), 0);
	rig_path(path, sizeof(path), dir, DAY);
	rig_write(path, BATON_STR("\nnot ours\n{\"session\":\"a\n{\"session\":\"a\",\"seq\":x,\n"));
	assert_string_equal(append(rig, &e, 1), "1 end 0\n");
	file_is(DAY, "\nnot ours\n{\"session\":\"a\n{\"session\":\"a\",\"seq\":x,\n" LINE(
			     "a", "1", "172800000"));
}

/* A file size limit is the disk being full, without being root or filling one. */
static void a_full_disk_fails_and_leaves_whole_lines_only(void **state)
{
	struct rig *rig = *state;
	struct rlimit old, tight;
	baton_entry entries[] = { entry("a", 1, 172800000), entry("a", 2, 172800000),
				  entry("a", 3, 172800000) };
	assert_string_equal(append(rig, entries, 1), "1 end 0\n");
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 200; /* in the middle of the third line */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	const char *told = append(rig, entries, 3);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(told, "1 fail 1 "));
	file_is(DAY, LINE("a", "1", "172800000"));
	assert_string_equal(append(rig, entries, 3), "1 end 0\n");
	file_is(DAY, LINE("a", "1", "172800000") LINE("a", "2", "172800000")
			     LINE("a", "3", "172800000"));
}

static void a_directory_that_cannot_be_made_is_unavailable(void **state)
{
	struct rig *rig = *state;
	baton_entry e = entry("a", 1, 172800000);
	rig_write(dir, BATON_STR("a file"));
	assert_non_null(strstr(append(rig, &e, 1), "1 fail 1 "));
}

static void a_second_writer_is_told_instead_of_overwriting(void **state)
{
	struct rig *rig = *state;
	char path[256];
	baton_entry e = entry("a", 1, 172800000);
	assert_int_equal(mkdir(dir, 0700), 0);
	rig_path(path, sizeof(path), dir, DAY);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_non_null(strstr(append(rig, &e, 1), "1 fail 1 "));
	(void)close(fd);
	assert_string_equal(append(rig, &e, 1), "1 end 0\n");
}

static void entries_that_would_break_the_line_are_refused(void **state)
{
	struct rig *rig = *state;
	baton_entry e = entry("a", 1, 172800000);
	e.json = BATON_STR("{\n}");
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 1, "files", &e, 1),
			 BATON_E_INVAL);
	e = entry("a\"b", 1, 172800000);
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 1, "files", &e, 1),
			 BATON_E_INVAL);
	e = entry("a", 1, 172800000);
	e.type = BATON_STR_NONE;
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 1, "files", &e, 1),
			 BATON_E_INVAL);
}

static void many_batches_keep_their_order(void **state)
{
	struct rig *rig = *state;
	struct baton_buf want = { 0 };
	for (uint64_t i = 1; i <= 50; i++) {
		baton_entry e = entry("a", i, 172800000);
		assert_int_equal(baton_rack_transcript(rig->rack, rig->release, i, "files", &e, 1),
				 0);
		baton_buf_printf(
			&want,
			"{\"session\":\"a\",\"seq\":%ju,\"ts\":172800000,\"type\":\"message\","
			"\"data\":{\"text\":\"hi\"}}\n",
			(uintmax_t)i);
	}
	rig_run(rig, 50);
	assert_null(strstr(rig_heard(rig), "fail"));
	file_is(DAY, want.p);
	baton_buf_done(&want);
}

static void cancelled_batches_are_written_and_told_to_nobody(void **state)
{
	struct rig *rig = *state;
	struct rig_totals totals;
	baton_entry a = entry("a", 1, 172800000), b = entry("a", 2, 172800000);
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 1, "files", &a, 1), 0);
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 2, "files", &b, 1), 0);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_DEADLINE);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), "2 end 0\n");
	file_is(DAY, LINE("a", "1", "172800000") LINE("a", "2", "172800000"));
	rig_totals(rig, &totals);
	assert_int_equal(totals.broken, 0);
}

/* Everything but its (session, seq, ts, type) goes, in every file; others keep every byte. */
static void an_erased_session_is_blanked_in_all_files(void **state)
{
	baton_entry entries[] = { entry("a", 1, 172800000), entry("b", 1, 172800000),
				  entry("a", 2, 259200000), entry("a", 3, 345600000) };
	entries[1].json = BATON_STR("{\"text\":\"says \\\"session\\\":\\\"a\\\"\"}");
	assert_string_equal(append(*state, entries, 3), "1 end 0\n");
	entries[3].type = BATON_STR("session_erased");
	entries[3].json = BATON_STR("{\"by\":\"root\"}");
	assert_string_equal(append(*state, entries + 3, 1), "1 end 0\n");
	const char *second = "{\"session\":\"b\",\"seq\":1,\"ts\":172800000,"
			     "\"type\":\"message\","
			     "\"data\":{\"text\":\"says \\\"session\\\":\\\"a\\\"\"}}\n";
	char first[512];
	(void)snprintf(first, sizeof(first),
		       "{\"session\":\"a\",\"seq\":1,\"ts\":172800000,\"type\":\"message\","
		       "\"data\":{}           }\n%s",
		       second);
	file_is(DAY, first);
	file_is("1970-01-04.jsonl", "{\"session\":\"a\",\"seq\":2,\"ts\":259200000,\"type\":"
				    "\"message\",\"data\":{}           }\n");
	file_is("1970-01-05.jsonl", "{\"session\":\"a\",\"seq\":3,\"ts\":345600000,\"type\":"
				    "\"session_erased\",\"data\":{\"by\":\"root\"}}\n");
	/* What comes again brings nothing back, before or after a restart. */
	assert_string_equal(append(*state, entries, 4), "1 end 0\n");
	restart(*state);
	assert_string_equal(append(*state, entries, 4), "1 end 0\n");
	file_is(DAY, first);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_entry_is_one_line_in_the_file_of_its_day),
		T(the_same_entry_is_written_once_also_after_a_restart),
		T(a_torn_last_line_is_cut_off_and_written_again),
		T(lines_of_others_are_left_alone),
		T(a_full_disk_fails_and_leaves_whole_lines_only),
		T(a_directory_that_cannot_be_made_is_unavailable),
		T(a_second_writer_is_told_instead_of_overwriting),
		T(entries_that_would_break_the_line_are_refused),
		T(many_batches_keep_their_order),
		T(cancelled_batches_are_written_and_told_to_nobody),
		T(an_erased_session_is_blanked_in_all_files),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
