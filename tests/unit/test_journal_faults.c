/* SPDX-License-Identifier: Apache-2.0 */

/* What the journal does when the world around it fails: killed, opened twice, another master key, a
 * file cut off, bits flipped, a disk that is full or reports errors. What may crash runs in a child
 * of this binary: `test_journal_faults <what> <root> [argument]`. One child looks at many damaged
 * files, one after the other; the one that it crashes in is known all the same. */
#include "tests/unit/journal_kit.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { SESSIONS = 12, RECORDS = 30, LOOKS_FD = 3 };

/* --- a disk that fails ------------------------------------------------------------------------
 * LMDB and the key file both call fdatasync; this one stands in front of libc's. */
static _Atomic int sync_error;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	int error = atomic_load(&sync_error);
	if (error) {
		errno = error;
		return -1;
	}
	return fsync(fd);
}

static struct baton_journal *_Atomic sem_init_waits;

/* Holds up whoever is about to queue something until the writer has woken, indexed and gone on. */
__attribute__((visibility("default"))) int sem_init(sem_t *sem, int shared, unsigned value)
{
	union {
		void *p;
		int (*fn)(sem_t *, int, unsigned);
	} real = { dlsym(RTLD_NEXT, "sem_init") };
	struct baton_journal *journal = atomic_exchange(&sem_init_waits, NULL);
	struct baton_journal_stats stats = { .index_lag = 1 };
	for (int after = 0; journal && after < 2000; after += stats.index_lag == 0) {
		baton_journal_stats(journal, &stats);
		sched_yield();
	}
	return real.fn(sem, shared, value);
}

/* --- children --------------------------------------------------------------------------------- */

static void child_fill(struct kit *kit)
{
	for (uint64_t seq = 0; seq < RECORDS; seq += 3)
		for (unsigned s = 0; s < SESSIONS; s++)
			kit_append(kit, s, seq, 0, 3);
	kit_wait(kit);
}

/* Fills the journal and dies before the index is written. */
static int child_die(const char *root)
{
	struct kit kit;
	kit_use(&kit, root);
	kit_open(&kit);
	kit.dies_at = SESSIONS * RECORDS;
	child_fill(&kit);
	return 0;
}

struct checked {
	unsigned session;
	uint64_t next;
	bool wrong;
};

static bool checked_each(void *ud, const struct baton_id *session,
			 const struct baton_record *record)
{
	struct checked *c = ud;
	char text[600];
	struct baton_id id = kit_id(c->session);
	kit_payload(text, sizeof(text), c->session, record->seq);
	if (record->seq != c->next++ || !baton_id_eq(session, &id) ||
	    record->payload.n != sizeof(text) || memcmp(text, record->payload.p, sizeof(text)) != 0)
		c->wrong = true;
	return true;
}

enum { LOOK_CLEAN = 0, LOOK_REPORTED = 1, LOOK_LIED = 2 };

/* Opens a journal that may be damaged and reads all of it. `reported`: fsck has found something. */
static int look_open(struct kit *kit, bool reported)
{
	if (kit_try_open(kit) < 0)
		return LOOK_REPORTED; /* a journal that does not open has said why */
	int seen = LOOK_CLEAN;
	for (unsigned s = 0; s < SESSIONS && seen != LOOK_LIED; s++) {
		struct checked c = { .session = s, .next = 1 };
		struct baton_id id = kit_id(s);
		int64_t n = baton_lane_read(kit->lane, &id, 0, UINT64_MAX, checked_each, &c);
		if (c.wrong || (!reported && n != RECORDS))
			seen = LOOK_LIED;
		else if (n != RECORDS)
			seen = LOOK_REPORTED;
	}
	struct baton_buf out = { 0 };
	int rc = baton_journal_get(kit->journal, BATON_STR("kv/test"), &out);
	if ((rc == 0 && !baton_str_is(baton_buf_view(&out), "value")) || (rc < 0 && !reported))
		seen = LOOK_LIED;
	baton_buf_done(&out);
	kit_close(kit);
	return seen;
}

static int child_look(const char *root)
{
	struct kit kit;
	struct baton_fsck_counts counts;
	kit_use(&kit, root);
	bool reported = baton_journal_fsck(&kit.options, false, NULL, NULL, &counts) < 0;
	int seen = look_open(&kit, reported);
	kit_drop(&kit);
	return reported && seen == LOOK_CLEAN ? LOOK_REPORTED : seen;
}

/* A look for each byte that comes, and what was seen for each look. */
static int child_looks(const char *root)
{
	uint8_t byte;
	while (read(LOOKS_FD, &byte, 1) == 1) {
		byte = (uint8_t)child_look(root);
		if (write(LOOKS_FD, &byte, 1) != 1)
			return 98;
	}
	return 0;
}

/* Fills a small disk of its own, sees the refusals, makes the disk larger, goes on. 77: no right to
 * mount. */
static int child_full(const char *root)
{
	struct kit kit;
	struct baton_journal_stats stats;
	uint64_t seq = 0;
	int rc = 0;
	kit_use(&kit, root);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(kit.path, 0700) < 0 || mount("tmpfs", kit.path, "tmpfs", 0, "size=6m") < 0)
		return 77;
	kit.options.map_bytes = 64 << 20;
	kit_open(&kit);
	while (rc == 0 && seq < 100000) {
		rc = kit_say(&kit, 1, seq, 0, 8);
		seq += rc == 0 ? 8 : 0;
	}
	baton_journal_stats(kit.journal, &stats);
	if (rc != BATON_E_FULL || stats.state != BATON_E_FULL || kit_log_said("journal_full") != 1)
		return 2;
	if (kit_read(&kit, 1, 0, UINT64_MAX) != (int64_t)seq)
		return 3;

	if (mount("tmpfs", kit.path, "tmpfs", MS_REMOUNT, "size=32m") < 0)
		return 4;
	for (unsigned i = 0; i < 100 && rc == BATON_E_FULL; i++) {
		rc = kit_say(&kit, 1, seq, 0, 8);
		struct timespec ts = { .tv_nsec = 20000000 };
		if (rc == BATON_E_FULL)
			nanosleep(&ts, NULL); /* within two seconds it must have seen the space */
	}
	baton_journal_stats(kit.journal, &stats);
	if (rc != 0 || stats.state != 0)
		return 5;
	kit_close(&kit);
	struct baton_fsck_counts counts;
	if (baton_journal_fsck(&kit.options, false, NULL, NULL, &counts) < 0)
		return 6;
	kit_open(&kit);
	bool all = kit_read(&kit, 1, 0, UINT64_MAX) == (int64_t)seq + 8;
	kit_close(&kit);
	kit_drop(&kit);
	return all ? 0 : 7;
}

static int child_main(char **argv)
{
	if (!strcmp(argv[1], "die"))
		return child_die(argv[2]);
	if (!strcmp(argv[1], "looks"))
		return child_looks(argv[2]);
	if (!strcmp(argv[1], "full"))
		return child_full(argv[2]);
	return 99;
}

static struct {
	pid_t pid; /* 0: none */
	int fd;
} looker;

static void looker_start(const char *root)
{
	int fds[2];
	union {
		const char *in[4];
		char *out[4];
	} argv = { { kit_self, "looks", root, NULL } };
	posix_spawn_file_actions_t actions;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], LOOKS_FD);
	assert_int_equal(posix_spawn(&looker.pid, kit_self, &actions, NULL, argv.out, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	looker.fd = fds[0];
}

/* How it ended: its exit status, or minus the signal. Leaks are found now. */
static int looker_end(void)
{
	close(looker.fd);
	int ended = kit_reap(looker.pid);
	looker.pid = 0;
	return ended;
}

/* What was seen, or how it died of it. */
static int look(const char *root)
{
	uint8_t seen = 0;
	if (looker.pid == 0)
		looker_start(root);
	if (send(looker.fd, &seen, 1, MSG_NOSIGNAL) == 1 && read(looker.fd, &seen, 1) == 1)
		return seen;
	int ended = looker_end();
	return ended == 0 ? 97 : ended;
}

/* Behind the last look of a test. */
static void looks_done(struct kit *kit)
{
	assert_int_equal(looker_end(), 0);
	kit_done(kit);
}

/* --- files ------------------------------------------------------------------------------------ */

struct file {
	char path[2 * KIT_PATH];
	uint8_t *bytes;
	size_t n;
};

static void file_load(struct file *file, const char *dir, const char *name)
{
	struct stat st;
	snprintf(file->path, sizeof(file->path), "%s/%s", dir, name);
	int fd = open(file->path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	file->n = (size_t)st.st_size;
	file->bytes = malloc(file->n + 1);
	assert_int_equal(pread(fd, file->bytes, file->n, 0), file->n);
	close(fd);
}

/* Puts the first `n` bytes back, or what the caller has made of them. */
static void file_store(const struct file *file, size_t n)
{
	int fd = open(file->path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, file->bytes, n, 0), n);
	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	close(fd);
}

/* A journal with some of everything, closed; its used bytes are told. */
static uint64_t filled(struct kit *kit)
{
	struct baton_journal_stats stats;
	static char big[20000];
	kit_init(kit);
	kit->options.map_bytes =
		4 << 20; /* little room ahead: the files are copied hundreds of times */
	kit_open(kit);
	child_fill(kit);
	for (unsigned s = 0; s < SESSIONS; s += 3) {
		struct baton_id id = kit_id(s);
		memset(big, 'b', sizeof(big));
		baton_lane_snapshot_put(kit->lane, &id, RECORDS, (baton_str){ big, sizeof(big) });
	}
	assert_int_equal(baton_journal_put(kit->journal, BATON_STR("kv/test"), BATON_STR("value")),
			 0);
	kit_close(kit);
	kit_open(kit);
	baton_journal_stats(kit->journal, &stats);
	kit_close(kit);
	return stats.used_bytes;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void the_index_is_rebuilt_after_a_kill(void **state)
{
	struct kit kit;
	struct baton_journal_stats stats;
	(void)state;
	kit_init(&kit);
	kit_log_clear();
	assert_int_equal(kit_reap(kit_spawn("die", kit.root, NULL, NULL)), -SIGKILL);
	kit_open(&kit);
	/* How many depends on the disk: the index may have been written in between, not at last. */
	assert_int_equal(kit_log_said("\"replayed\":"), 1);
	assert_int_equal(kit_log_said("\"replayed\":0"), 0);
	for (unsigned s = 0; s < SESSIONS; s++)
		assert_int_equal(kit_read(&kit, s, 0, UINT64_MAX), RECORDS);
	assert_int_equal(kit_say(&kit, 5, RECORDS, 0, 1), 0);
	kit_close(&kit);
	struct baton_fsck_counts counts;
	assert_int_equal(baton_journal_fsck(&kit.options, false, NULL, NULL, &counts), 0);
	assert_int_equal(counts.records, SESSIONS * RECORDS + 1);
	kit_open(&kit);
	baton_journal_stats(kit.journal, &stats);
	assert_int_equal(stats.index_lag, 0);
	kit_done(&kit);
}

static void fsck_said(void *ud, bool is_error, const char *line)
{
	if (is_error)
		snprintf(ud, 1024, "%s", line);
}

static void a_second_open_is_refused_and_fsck_says_what_to_do(void **state)
{
	struct kit kit;
	struct baton_journal *second = NULL;
	struct baton_fsck_counts counts;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_log_clear();
	assert_int_equal(baton_journal_open(&kit.options, &second), BATON_E_IO);
	assert_int_equal(kit_log_said("journal_in_use"), 1);
	char said[1024] = "", pid[16];
	snprintf(pid, sizeof(pid), " %ld:", (long)getpid());
	assert_int_equal(baton_journal_fsck(&kit.options, true, fsck_said, said, &counts),
			 BATON_E_STATE);
	assert_non_null(strstr(said, pid));
	assert_non_null(strstr(said, "stop it"));
	assert_non_null(strstr(said, "a copy"));
	assert_int_equal(counts.repaired, 0);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 1), 0); /* and the first does not notice */
	kit_done(&kit);
}

static void another_master_key_is_refused(void **state)
{
	struct kit kit;
	struct file key;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 1);
	kit_close(&kit);
	struct stat st;
	assert_int_equal(stat(kit.key_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(kit.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);

	kit_log_clear();
	file_load(&key, kit.root, "master.key");
	key.bytes[7] ^= 1;
	file_store(&key, key.n);
	assert_int_equal(kit_try_open(&kit), BATON_E_DENIED);
	assert_int_equal(kit_log_said("master_key_does_not_fit"), 1);
	file_store(&key, key.n - 1);
	assert_int_equal(kit_try_open(&kit), BATON_E_DENIED);
	unlink(kit.key_path);
	assert_int_equal(kit_try_open(&kit), BATON_E_DENIED); /* and does not make a new one */
	assert_int_equal(access(kit.key_path, F_OK), -1);
	key.bytes[7] ^= 1;
	file_store(&key, key.n);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 1, 0, 10), 1);
	free(key.bytes);
	kit_done(&kit);
}

static void a_file_cut_off_is_refused_not_mapped(void **state)
{
	struct kit kit;
	struct file data;
	(void)state;
	size_t used = (size_t)filled(&kit);
	file_load(&data, kit.path, "data.mdb");
	for (size_t n = used - 1; n > 8192; n = n > 40000 ? n - 37111 : n - 4096) {
		file_store(&data, n);
		assert_int_equal(look(kit.root), LOOK_REPORTED);
		assert_int_equal(kit_try_open(&kit), BATON_E_CORRUPT);
	}
	file_store(&data, 5000);
	assert_int_equal(look(kit.root), LOOK_REPORTED);
	file_store(&data, used); /* without the room ahead: all is there */
	assert_int_equal(look(kit.root), LOOK_CLEAN);
	free(data.bytes);
	looks_done(&kit);
}

/* A small generator: the same flips each run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void a_close_ends_though_the_writer_wakes_in_the_middle_of_it(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 1), 0); /* due in the index: it wakes by itself */
	baton_lane_close(&kit.lane);
	atomic_store(&sem_init_waits, kit.journal);
	alarm(60); /* a writer that is gone never answers */
	baton_journal_close(&kit.journal);
	alarm(0);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 1, 0, 10), 1);
	kit_done(&kit);
}

struct tally {
	unsigned clean, reported;
};

static void damage_is_reported(const struct kit *kit, struct tally *tally, const char *what,
			       size_t at)
{
	int seen = look(kit->root);
	if (seen != LOOK_CLEAN && seen != LOOK_REPORTED)
		fail_msg("%s at %zu: %s (%d)", what, at, seen < 0 ? "a crash" : "wrong data", seen);
	tally->clean += seen == LOOK_CLEAN;
	tally->reported += seen == LOOK_REPORTED;
}

static void a_flipped_bit_is_reported_or_harmless(void **state)
{
	struct kit kit;
	struct file data, keys;
	struct tally tally = { 0 };
	uint32_t seed = 20261121;
	(void)state;
	size_t used = (size_t)filled(&kit);
	file_load(&data, kit.path, "data.mdb");
	file_load(&keys, kit.path, "keys");
	for (unsigned i = 0; i < 400; i++) {
		/* Every fourth among what LMDB itself believes: metas and page headers. */
		size_t at = next_random(&seed) % used;
		if (i % 4 == 0)
			at = at / 4096 * 4096 + (i % 8 ? next_random(&seed) % 64 : 0);
		if (i % 16 == 4)
			at = next_random(&seed) % 2 * 4096 + next_random(&seed) % 152;
		uint8_t bit = (uint8_t)(1u << (next_random(&seed) % 8));
		data.bytes[at] ^= bit;
		file_store(&data, data.n);
		damage_is_reported(&kit, &tally, "a bit of data.mdb", at);
		data.bytes[at] ^= bit;
		/* The look may have written its index: put back all of it. */
		file_store(&keys, keys.n);
	}
	assert_true(tally.reported > 200); /* most of the file is records */

	file_store(&data, data.n);
	struct tally key_tally = { 0 };
	for (unsigned i = 0; i < 60; i++) {
		size_t at = next_random(&seed) % (64 * (SESSIONS + 1));
		keys.bytes[at] ^= 4;
		file_store(&keys, keys.n);
		file_store(&data, data.n);
		damage_is_reported(&kit, &key_tally, "a bit of keys", at);
		keys.bytes[at] ^= 4;
	}
	assert_int_equal(key_tally.clean, 0);
	free(data.bytes);
	free(keys.bytes);
	looks_done(&kit);
}

static void a_zeroed_page_is_reported_or_harmless(void **state)
{
	struct kit kit;
	struct file data;
	struct tally tally = { 0 };
	(void)state;
	size_t used = (size_t)filled(&kit);
	file_load(&data, kit.path, "data.mdb");
	for (size_t at = 0; at + 4096 <= used; at += 4096) {
		uint8_t saved[4096];
		memcpy(saved, data.bytes + at, sizeof(saved));
		memset(data.bytes + at, at % 8192 ? 0 : 0xff, sizeof(saved));
		file_store(&data, data.n);
		damage_is_reported(&kit, &tally, "a page of data.mdb", at);
		memcpy(data.bytes + at, saved, sizeof(saved));
	}
	assert_true(tally.reported > tally.clean);
	free(data.bytes);
	looks_done(&kit);
}

static void a_file_that_is_no_journal_is_refused(void **state)
{
	struct kit kit;
	struct file data;
	(void)state;
	filled(&kit);
	file_load(&data, kit.path, "data.mdb");
	memset(data.bytes, 'x', data.n);
	file_store(&data, data.n);
	assert_int_equal(look(kit.root), LOOK_REPORTED);
	free(data.bytes);
	looks_done(&kit);
}

static void after_an_io_error_nothing_is_acknowledged(void **state)
{
	struct kit kit;
	struct baton_journal_stats stats;
	struct baton_id id = kit_id(1);
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 2), 0);
	kit_log_clear();
	atomic_store(&sync_error, EIO);
	assert_int_equal(kit_say(&kit, 1, 2, 0, 1), BATON_E_IO);
	atomic_store(&sync_error, 0);
	/* The next sync would work, and might lie about what the failed one lost. */
	assert_int_equal(kit_append(&kit, 1, 2, 0, 1), BATON_E_IO);
	assert_int_equal(baton_journal_put(kit.journal, BATON_STR("k"), BATON_STR("v")),
			 BATON_E_IO);
	assert_int_equal(baton_journal_erase(kit.journal, &id), BATON_E_IO);
	baton_journal_stats(kit.journal, &stats);
	assert_int_equal(stats.state, BATON_E_IO);
	assert_int_equal(kit_log_said("journal_broken"), 1);
	assert_int_equal(kit_read(&kit, 1, 0, 10), 2);
	kit_close(&kit);
	kit_open(&kit);
	assert_true(kit_read(&kit, 1, 0, 10) >= 2);
	kit_done(&kit);
}

static void a_new_sessions_key_is_durable_before_its_record(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 1), 0);
	atomic_store(&sync_error, EIO);
	assert_int_equal(kit_say(&kit, 2, 0, 0, 1), BATON_E_IO);
	atomic_store(&sync_error, 0);
	kit_close(&kit);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 2, 0, 10), BATON_E_NOTFOUND);
	kit_done(&kit);
}

static void a_full_disk_refuses_and_recovers_by_itself(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	int rc = kit_reap(kit_spawn("full", kit.root, NULL, NULL));
	kit_done(&kit);
	if (rc == 77) {
		print_message(
			"a_full_disk_refuses_and_recovers_by_itself: may not mount, skipped\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_is_rebuilt_after_a_kill),
		cmocka_unit_test(a_second_open_is_refused_and_fsck_says_what_to_do),
		cmocka_unit_test(a_close_ends_though_the_writer_wakes_in_the_middle_of_it),
		cmocka_unit_test(another_master_key_is_refused),
		cmocka_unit_test(a_file_cut_off_is_refused_not_mapped),
		cmocka_unit_test(a_flipped_bit_is_reported_or_harmless),
		cmocka_unit_test(a_zeroed_page_is_reported_or_harmless),
		cmocka_unit_test(a_file_that_is_no_journal_is_refused),
		cmocka_unit_test(after_an_io_error_nothing_is_acknowledged),
		cmocka_unit_test(a_new_sessions_key_is_durable_before_its_record),
		cmocka_unit_test(a_full_disk_refuses_and_recovers_by_itself),
	};
	kit_main(argv);
	if (argc > 2)
		return child_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
