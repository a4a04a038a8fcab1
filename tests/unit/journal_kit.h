/* SPDX-License-Identifier: Apache-2.0 */

/* What the journal's tests share: a directory of their own, a lane whose commits can be waited for,
 * and records whose payload follows from session and seq, so that a reader can check each byte. */
#pragma once

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/journal/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIT_PATH = 512, KIT_TICKETS = 300000 };

/* Set by main(): how a test starts itself again as a child. */
static const char *kit_self;

struct kit {
	char root[KIT_PATH], path[KIT_PATH + 32], key_path[KIT_PATH + 32];
	struct baton_journal_options options;
	struct baton_journal *journal;
	struct baton_lane *lane;
	sem_t woken;
	uint64_t next_ticket, settled;
	int *rc;            /* by ticket */
	uint64_t *position; /* by ticket */
	bool out_of_order;
	_Atomic uint64_t dies_at; /* so many records committed: the process kills itself */
};

/* On the writer's thread, before it goes on: what was committed last cannot have been indexed. */
static inline void kit_wake(void *ud)
{
	struct kit *kit = ud;
	struct baton_journal_stats stats;
	if (kit->dies_at) {
		baton_journal_stats(kit->journal, &stats);
		if (stats.records >= kit->dies_at)
			raise(SIGKILL);
	}
	sem_post(&kit->woken);
}

static inline void kit_committed(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	struct kit *kit = ud;
	if (ticket != kit->settled)
		kit->out_of_order = true;
	kit->settled++;
	kit->rc[ticket] = rc;
	kit->position[ticket] = position;
}

static inline int kit_try_open(struct kit *kit)
{
	struct baton_lane_events events = { .ud = kit,
					    .wake = kit_wake,
					    .committed = kit_committed };
	int rc = baton_journal_open(&kit->options, &kit->journal);
	if (rc == 0)
		rc = baton_lane_open(kit->journal, &events, &kit->lane);
	return rc;
}

static inline void kit_open(struct kit *kit)
{
	assert_int_equal(kit_try_open(kit), 0);
}

static inline void kit_close(struct kit *kit)
{
	baton_lane_close(&kit->lane);
	baton_journal_close(&kit->journal);
}

static inline void kit_use(struct kit *kit, const char *root)
{
	memset(kit, 0, sizeof(*kit));
	snprintf(kit->root, sizeof(kit->root), "%s", root);
	snprintf(kit->path, sizeof(kit->path), "%s/journal", root);
	snprintf(kit->key_path, sizeof(kit->key_path), "%s/master.key", root);
	kit->options.path = kit->path;
	kit->options.key_path = kit->key_path;
	kit->options.reserve_bytes = 1;
	kit->rc = calloc(KIT_TICKETS, sizeof(*kit->rc));
	kit->position = calloc(KIT_TICKETS, sizeof(*kit->position));
	sem_init(&kit->woken, 0, 0);
}

static inline void kit_init(struct kit *kit)
{
	char root[KIT_PATH];
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof(root), "%s/baton-journal-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(root));
	kit_use(kit, root);
}

static inline void kit_remove(const char *path)
{
	char file[2 * KIT_PATH];
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)) != NULL) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(file);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

/* Gives back the memory, leaves the files. */
static inline void kit_drop(struct kit *kit)
{
	sem_destroy(&kit->woken);
	free(kit->rc);
	free(kit->position);
}

static inline void kit_done(struct kit *kit)
{
	kit_close(kit);
	kit_remove(kit->path);
	kit_remove(kit->root);
	kit_drop(kit);
}

static inline struct baton_id kit_id(unsigned n)
{
	uint8_t random[10] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), 7, 7, 7, 7, 7, 7,
			       7 };
	return baton_id_make(1700000000000 + n, random);
}

/* A payload that says of which session and seq it is, padded to `bytes`. */
static inline size_t kit_payload(char *out, size_t bytes, unsigned session, uint64_t seq)
{
	int n = snprintf(out, bytes, "{\"secret\":\"session %u says %llu\",\"pad\":\"", session,
			 (unsigned long long)seq);
	for (size_t i = (size_t)n; i < bytes; i++)
		out[i] = (char)('a' + (seq + i) % 26);
	return bytes;
}

/* Queues `n` records after `seq`; returns the ticket, or the refusal. */
static inline int64_t kit_append(struct kit *kit, unsigned session, uint64_t seq, uint64_t epoch,
				 unsigned n)
{
	static char text[BATON_APPEND_RECORDS_MAX][600];
	struct baton_record records[BATON_APPEND_RECORDS_MAX] = { 0 };
	struct baton_append append = { .session = kit_id(session),
				       .expected_seq = seq,
				       .expected_epoch = epoch,
				       .records = records,
				       .n_records = n };
	for (unsigned i = 0; i < n; i++) {
		records[i].seq = seq + 1 + i;
		records[i].unix_ms = 1700000000000 + seq + i;
		records[i].epoch = epoch;
		records[i].type = 7;
		records[i].marks = BATON_MARK_TURN_OPEN;
		records[i].payload = (baton_str){ text[i], kit_payload(text[i], sizeof(text[i]),
								       session, seq + 1 + i) };
	}
	int rc = baton_lane_append(kit->lane, &append, kit->next_ticket);
	return rc < 0 ? rc : (int64_t)kit->next_ticket++;
}

/* Until every accepted append has been told. */
static inline void kit_wait(struct kit *kit)
{
	while (kit->settled < kit->next_ticket) {
		sem_wait(&kit->woken);
		baton_lane_poll(kit->lane);
	}
	assert_false(kit->out_of_order);
}

/* Queues, waits, tells the append's rc. */
static inline int kit_say(struct kit *kit, unsigned session, uint64_t seq, uint64_t epoch,
			  unsigned n)
{
	int64_t ticket = kit_append(kit, session, seq, epoch, n);
	if (ticket < 0)
		return (int)ticket;
	kit_wait(kit);
	return kit->rc[ticket];
}

/* Checks records as they are told. */
struct kit_reader {
	unsigned session;
	uint64_t next, stop_after, told;
	bool wrong;
};

static inline bool kit_each(void *ud, const struct baton_id *session,
			    const struct baton_record *record)
{
	struct kit_reader *r = ud;
	static char text[4096];
	struct baton_id id = kit_id(r->session);
	size_t n = record->payload.n < sizeof(text) ? record->payload.n : sizeof(text);
	kit_payload(text, n, r->session, record->seq);
	if (record->seq != r->next || !baton_id_eq(session, &id) || n != record->payload.n ||
	    memcmp(text, record->payload.p, n) != 0)
		r->wrong = true;
	r->next++;
	r->told++;
	return r->told != r->stop_after;
}

static inline int64_t kit_read(struct kit *kit, unsigned session, uint64_t after, uint64_t max)
{
	struct kit_reader r = { .session = session, .next = after + 1 };
	struct baton_id id = kit_id(session);
	int64_t rc = baton_lane_read(kit->lane, &id, after, max, kit_each, &r);
	assert_false(r.wrong);
	if (rc >= 0)
		assert_int_equal(rc, r.told);
	return rc;
}

/* --- children --------------------------------------------------------------------------------- */

/* Starts this test binary as `what root [arg]`; returns its pid and (if wanted) its output's
 * pipe. */
static inline pid_t kit_spawn(const char *what, const char *root, const char *arg, int *ret_out)
{
	extern char **environ;
	union {
		const char *in[5];
		char *out[5];
	} argv = { { kit_self, what, root, arg, NULL } };
	int fds[2] = { -1, -1 };
	pid_t pid = -1;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	if (ret_out) {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
		*ret_out = fds[0];
	}
	assert_int_equal(posix_spawn(&pid, kit_self, &actions, NULL, argv.out, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	if (ret_out)
		close(fds[1]);
	return pid;
}

/* How the child ended: its exit status, or minus the signal. */
static inline int kit_reap(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- log lines -------------------------------------------------------------------------------- */

static pthread_mutex_t kit_log_lock = PTHREAD_MUTEX_INITIALIZER;
static char kit_log_text[65536];

static inline void kit_log_sink(void *ud, baton_str line)
{
	(void)ud;
	pthread_mutex_lock(&kit_log_lock);
	size_t n = strlen(kit_log_text);
	if (n + line.n < sizeof(kit_log_text)) {
		memcpy(kit_log_text + n, line.p, line.n);
		kit_log_text[n + line.n] = '\0';
	}
	pthread_mutex_unlock(&kit_log_lock);
}

/* How often the log has said `what` since the last kit_log_clear(). */
static inline unsigned kit_log_said(const char *what)
{
	unsigned n = 0;
	pthread_mutex_lock(&kit_log_lock);
	for (const char *p = kit_log_text; (p = strstr(p, what)) != NULL; p++)
		n++;
	pthread_mutex_unlock(&kit_log_lock);
	return n;
}

static inline void kit_log_clear(void)
{
	pthread_mutex_lock(&kit_log_lock);
	kit_log_text[0] = '\0';
	pthread_mutex_unlock(&kit_log_lock);
}

static inline uint64_t kit_log_ms(void *ud)
{
	(void)ud;
	return 1700000000000;
}

static inline void kit_main(char **argv)
{
	kit_self = argv[0];
	baton_log_to(kit_log_sink, kit_log_ms, NULL, BATON_LOG_INFO);
}
