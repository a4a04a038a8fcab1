/* SPDX-License-Identifier: Apache-2.0 */

/* What transcript-acme promises. Files are written for real, in a folder that is removed again. */
#define _GNU_SOURCE
#include "test.h"

#include <unistd.h>

static char dir[] = "/tmp/transcript-acme-XXXXXX";

static baton_entry entry(const char *session, uint64_t seq)
{
	baton_entry e = { .seq = seq, .unix_ms = 1700000000000 + seq };

	e.session_id = (baton_str){ session, strlen(session) };
	e.type = (baton_str){ "message", 7 };
	e.json = (baton_str){ "{\"text\":\"hi\"}", 13 };
	return e;
}

static const baton_heard *append(struct rig *rig, const baton_entry *entries, uint32_t n)
{
	baton_call call;

	if (baton_testhost_append(rig->host, rig->inst, entries, n, &call) != BATON_PENDING)
		rig->failed = "append() refused";
	baton_testhost_run(rig->host, call, 1000);
	return baton_testhost_heard(rig->host, call);
}

/* What stands in the session's file; the last file read. */
static const char *written(const char *session)
{
	static char text[4096];
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.jsonl", dir, session);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void an_end_means_that_it_is_on_the_disk(struct rig *rig)
{
	baton_entry entries[] = { entry("s1", 1), entry("s1", 2), entry("s2", 1) };

	CHECK(append(rig, entries, 3)->ended);
	CHECK(strcmp(written("s1"),
		     "{\"type\":\"message\",\"data\":{\"text\":\"hi\"},\"unix_ms\":"
		     "1700000000001,\"seq\":1}\n{\"type\":\"message\",\"data\":{\"text\":\"hi\"},"
		     "\"unix_ms\":1700000000002,\"seq\":2}\n") == 0);
	CHECK(lines(written("s2")) == 1);
}

static void what_comes_again_is_not_written_again(struct rig *rig)
{
	baton_entry entries[] = { entry("s3", 1), entry("s3", 2), entry("s3", 3) };

	CHECK(append(rig, entries, 2)->ended);
	CHECK(append(rig, entries, 3)->ended);
	CHECK(lines(written("s3")) == 3);
}

static void half_a_line_of_a_crash_is_cut_off(struct rig *rig)
{
	baton_entry entries[] = { entry("s4", 1), entry("s4", 2) };
	char path[256];

	CHECK(append(rig, entries, 1)->ended);
	snprintf(path, sizeof(path), "%s/s4.jsonl", dir);
	FILE *f = fopen(path, "a");
	CHECK(f && fputs("{\"type\":\"mess", f) >= 0);
	if (f)
		fclose(f);
	CHECK(append(rig, entries, 2)->ended);
	CHECK(lines(written("s4")) == 2 && !strstr(written("s4"), "mess{"));
}

static void several_at_once_keep_their_order(struct rig *rig)
{
	baton_call calls[5];

	baton_testhost_hold_jobs(rig->host, true);
	for (uint64_t i = 0; i < 5; i++) {
		baton_entry e = entry("s5", i + 1);
		CHECK(baton_testhost_append(rig->host, rig->inst, &e, 1, &calls[i]) ==
		      BATON_PENDING);
	}
	baton_testhost_hold_jobs(rig->host, false);
	CHECK(baton_testhost_run(rig->host, calls[4], 1000));
	CHECK(lines(written("s5")) == 5 && strstr(written("s5"), "\"seq\":5}\n"));
}

static void a_name_that_would_leave_the_folder_is_refused(struct rig *rig)
{
	baton_entry e = entry("../s6", 1);
	baton_call call;

	CHECK(baton_testhost_append(rig->host, rig->inst, &e, 1, &call) == BATON_E_INVAL);
}

static void cancelled_it_ends_and_is_written_all_the_same(struct rig *rig)
{
	baton_entry e = entry("s7", 1);
	baton_call call;

	baton_testhost_hold_jobs(rig->host, true);
	(void)baton_testhost_append(rig->host, rig->inst, &e, 1, &call);
	baton_testhost_cancel(rig->host, call, BATON_CANCEL_SHUTDOWN);
	CHECK(!baton_testhost_heard(rig->host, call)->open);
	baton_testhost_hold_jobs(rig->host, false);
	baton_testhost_advance(rig->host, 10);
	CHECK(lines(written("s7")) == 1);
}

static void a_full_disk_is_told(struct rig *rig)
{
	baton_entry e = entry("full", 1);
	char path[256];

	snprintf(path, sizeof(path), "%s/full.jsonl", dir);
	CHECK(symlink("/dev/full", path) == 0); /* a file that takes nothing */
	CHECK(append(rig, &e, 1)->failed);
	CHECK(unlink(path) == 0);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "build/release/transcript-acme.so";
	static const char *const made[] = { "s1", "s2", "s3", "s4", "s5", "s7" };
	char config[128], path[256];

	if (!mkdtemp(dir))
		return 1;
	snprintf(config, sizeof(config), "{\"dir\":\"%s\"}", dir);
#define TEST(name) test(file, config, #name, name)
	TEST(an_end_means_that_it_is_on_the_disk);
	TEST(what_comes_again_is_not_written_again);
	TEST(half_a_line_of_a_crash_is_cut_off);
	TEST(several_at_once_keep_their_order);
	TEST(a_name_that_would_leave_the_folder_is_refused);
	TEST(cancelled_it_ends_and_is_written_all_the_same);
	TEST(a_full_disk_is_told);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s.jsonl", dir, made[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
	return tests_failed > 0;
}
