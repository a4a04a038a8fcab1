/* SPDX-License-Identifier: Apache-2.0 */

/* Kills the journal at random moments and looks what is left.
 *
 *   journal_crash N [seed]
 *
 * A child appends through several lanes and writes each acknowledgement into a pipe; it is
 * killed with SIGKILL after a random time. Then fsck proves the files, and the parent opens the
 * journal and compares: every acknowledged record is there once, in order, with the bytes it was
 * given; seqs are dense; what was not acknowledged is there once or not at all; values that were
 * put and sessions that were erased are as they were acknowledged. Prints one line per ten kills
 * and a verdict; exit status 0 means that nothing was lost. */
#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/journal/journal.h"

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
#include <time.h>
#include <unistd.h>

enum { LANES = 3, SESSIONS = 8 /* of a lane */, ALL = LANES * SESSIONS, KILLS_PER_JOURNAL = 10 };
enum { PATH_BYTES = 512, TEXT_MAX = 3000, DELAY_MS_MAX = 120 };

/* What the child tells; smaller than PIPE_BUF, so lines of lanes do not mix. */
struct ack {
	uint32_t kind; /* ACK_* */
	uint32_t who;  /* session, or lane */
	uint64_t value;
};
enum { ACK_RECORDS = 1, ACK_PUT, ACK_ERASED, ACK_REFUSED };

static char root[PATH_BYTES], path[PATH_BYTES + 16], key_path[PATH_BYTES + 16];

static struct baton_journal_options options(void)
{
	struct baton_journal_options o = {
		.path = path, .key_path = key_path, .map_bytes = 1 << 20, .reserve_bytes = 1
	};
	return o;
}

static void use_root(const char *dir)
{
	snprintf(root, sizeof(root), "%s", dir);
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(key_path, sizeof(key_path), "%s/master.key", dir);
}

static struct baton_id session_id(unsigned n)
{
	uint8_t random[10] = { (uint8_t)n, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	return baton_id_make(1700000000000 + n, random);
}

/* Length and bytes follow from session and seq; some records are longer than a page. */
static size_t record_text(char *out, unsigned session, uint64_t seq)
{
	uint64_t x = seq * 2654435761u + session * 40503u;
	size_t n = 40 + (x >> 7) % (seq % 37 == 0 ? TEXT_MAX - 40 : 500);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(' ' + (x + i * 7 + i / 11) % 90);
	return n;
}

static void check(bool ok, const char *what, unsigned who, uint64_t value)
{
	if (ok)
		return;
	fprintf(stderr, "journal_crash: %s (%u, %llu); files are in %s\n", what, who,
		(unsigned long long)value, root);
	exit(1);
}

/* --- the child -------------------------------------------------------------------------------- */

struct worker {
	struct baton_journal *journal;
	struct baton_lane *lane;
	unsigned number;
	sem_t woken;
	uint64_t seq[SESSIONS]; /* queued */
	unsigned under_way[SESSIONS];
	bool gone[SESSIONS]; /* erased */
	uint64_t n;
};

static void tell(uint32_t kind, uint32_t who, uint64_t value)
{
	struct ack ack = { kind, who, value };
	if (write(STDOUT_FILENO, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
		_exit(3);
}

static void worker_wake(void *ud)
{
	sem_post(&((struct worker *)ud)->woken);
}

/* ticket: session in the low byte, the seq of the last record above it. */
static void worker_told(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	struct worker *w = ud;
	unsigned s = (unsigned)(ticket & 0xff);
	(void)position;
	w->under_way[s]--;
	if (rc == 0)
		tell(ACK_RECORDS, w->number * SESSIONS + s, ticket >> 8);
	else if (!w->gone[s])
		tell(ACK_REFUSED, w->number * SESSIONS + s, ticket >> 8);
}

static void worker_append(struct worker *w, unsigned s)
{
	static _Thread_local char text[4][TEXT_MAX];
	struct baton_record records[4] = { 0 };
	unsigned session = w->number * SESSIONS + s, n = 1 + (unsigned)(w->n++ % 4);
	struct baton_append append = { .session = session_id(session),
				       .expected_seq = w->seq[s],
				       .records = records,
				       .n_records = n };
	for (unsigned i = 0; i < n; i++) {
		records[i].seq = w->seq[s] + 1 + i;
		records[i].marks = records[i].seq % 3 ? BATON_MARK_TURN_OPEN : 0;
		records[i].payload =
			(baton_str){ text[i], record_text(text[i], session, records[i].seq) };
	}
	int rc = baton_lane_append(w->lane, &append, (w->seq[s] + n) << 8 | s);
	if (rc < 0) {
		w->gone[s] = w->gone[s] || rc == BATON_E_ERASED;
		return;
	}
	w->seq[s] += n;
	w->under_way[s]++;
	if (w->n % 64 == 0)
		baton_lane_snapshot_put(w->lane, &append.session, w->seq[s],
					BATON_STR("the state"));
}

/* Where the last life of the process has left the session. */
static bool worker_seen(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	(void)session;
	*(uint64_t *)ud = record->seq;
	return true;
}

static void worker_resume(struct worker *w)
{
	for (unsigned s = 0; s < SESSIONS; s++) {
		struct baton_id id = session_id(w->number * SESSIONS + s);
		int64_t rc = baton_lane_read(w->lane, &id, 0, UINT64_MAX, worker_seen, &w->seq[s]);
		w->gone[s] = rc == BATON_E_ERASED;
		if (rc < 0 && rc != BATON_E_NOTFOUND && rc != BATON_E_ERASED)
			_exit(4);
	}
}

/* Now and then a value and, late in a session's life, an erasure. */
static void worker_extras(struct worker *w, uint64_t lap)
{
	char key[32], value[32];
	if (lap % 50 == 0) {
		int k = snprintf(key, sizeof(key), "cursor/%u", w->number);
		int v = snprintf(value, sizeof(value), "%llu", (unsigned long long)w->n);
		if (baton_journal_put(w->journal, (baton_str){ key, (size_t)k },
				      (baton_str){ value, (size_t)v }) == 0)
			tell(ACK_PUT, w->number, w->n);
	}
	unsigned s = (unsigned)(w->n % SESSIONS);
	if (w->number == 0 && lap % 400 == 399 && w->seq[s] > 500 && !w->gone[s]) {
		struct baton_id id = session_id(s);
		w->gone[s] = true;
		if (baton_journal_erase(w->journal, &id) == 0)
			tell(ACK_ERASED, s, 0);
	}
}

static void *worker_run(void *ud)
{
	struct worker *w = ud;
	worker_resume(w);
	for (uint64_t lap = 1;; lap++) {
		for (unsigned s = 0; s < SESSIONS; s++)
			if (w->under_way[s] < 3 && !w->gone[s])
				worker_append(w, s);
		worker_extras(w, lap);
		struct timespec soon;
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += 20000000;
		soon.tv_sec += soon.tv_nsec / 1000000000;
		soon.tv_nsec %= 1000000000;
		sem_timedwait(&w->woken, &soon); /* all of this lane's sessions may be erased */
		baton_lane_poll(w->lane);
	}
	return NULL;
}

static int child(void)
{
	static struct worker workers[LANES];
	pthread_t thread;
	struct baton_journal *journal;
	struct baton_journal_options o = options();
	if (baton_journal_open(&o, &journal) < 0)
		return 2;
	for (unsigned i = 0; i < LANES; i++) {
		struct worker *w = &workers[i];
		struct baton_lane_events events = { w, worker_wake, worker_told };
		w->journal = journal;
		w->number = i;
		sem_init(&w->woken, 0, 0);
		if (baton_lane_open(journal, &events, &w->lane) < 0 ||
		    pthread_create(&thread, NULL, worker_run, w) != 0)
			return 2;
	}
	for (;;)
		pause();
}

/* --- the parent ------------------------------------------------------------------------------- */

struct truth {
	uint64_t acked[ALL], put[LANES], acks;
	bool erased[ALL];
};

static void truth_take(struct truth *truth, int fd)
{
	struct ack ack;
	ssize_t n;
	while ((n = read(fd, &ack, sizeof(ack))) == (ssize_t)sizeof(ack)) {
		truth->acks++;
		check(ack.kind != ACK_REFUSED, "an append was refused", ack.who, ack.value);
		if (ack.kind == ACK_RECORDS) {
			check(ack.value > truth->acked[ack.who], "an acknowledgement came twice",
			      ack.who, ack.value);
			truth->acked[ack.who] = ack.value;
		} else if (ack.kind == ACK_PUT) {
			truth->put[ack.who] = ack.value;
		} else {
			truth->erased[ack.who] = true;
		}
	}
}

struct reader {
	unsigned session;
	uint64_t next;
};

static bool reader_each(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct reader *r = ud;
	static char text[TEXT_MAX];
	struct baton_id id = session_id(r->session);
	size_t n = record_text(text, r->session, record->seq);
	check(baton_id_eq(&id, session), "a record of another session", r->session, record->seq);
	check(record->seq == r->next, "seqs are not dense", r->session, record->seq);
	check(record->payload.n == n && memcmp(record->payload.p, text, n) == 0,
	      "a record has other bytes", r->session, record->seq);
	r->next++;
	return true;
}

static void nothing(void *ud)
{
	(void)ud;
}

static void nothing_told(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	(void)ud;
	(void)ticket;
	(void)rc;
	(void)position;
}

static void check_values(struct baton_journal *journal, const struct truth *truth)
{
	for (unsigned i = 0; i < LANES; i++) {
		char key[32];
		struct baton_buf out = { 0 };
		int k = snprintf(key, sizeof(key), "cursor/%u", i);
		int rc = baton_journal_get(journal, (baton_str){ key, (size_t)k }, &out);
		/* Each life of the child counts from zero, so only "there, and readable" is
		 * certain. */
		check(truth->put[i] == 0 || rc == 0, "a value is gone", i, truth->put[i]);
		baton_buf_done(&out);
	}
}

static void fsck_line(void *ud, bool is_error, const char *line)
{
	(void)ud;
	if (is_error)
		fprintf(stderr, "fsck: %s\n", line);
}

static uint64_t check_journal(const struct truth *truth)
{
	struct baton_journal *journal = NULL;
	struct baton_lane *lane = NULL;
	struct baton_fsck_counts counts;
	struct baton_journal_options o = options();
	struct baton_lane_events events = { NULL, nothing, nothing_told };
	/* Killed before the first commit there may be nothing to prove yet; but it must open. */
	int rc = baton_journal_fsck(&o, false, fsck_line, NULL, &counts);
	check(rc == 0 || truth->acks == 0, "fsck found errors", 0, counts.errors);
	check(baton_journal_open(&o, &journal) == 0, "the journal does not open", 0, 0);
	check(baton_lane_open(journal, &events, &lane) == 0, "no lane", 0, 0);
	for (unsigned s = 0; s < ALL; s++) {
		struct reader r = { s, 1 };
		struct baton_id id = session_id(s);
		int64_t n = baton_lane_read(lane, &id, 0, UINT64_MAX, reader_each, &r);
		if (n == BATON_E_ERASED && s < SESSIONS)
			continue; /* asked for; whether acknowledged or not */
		check(!truth->erased[s], "an erased session can be read", s, 0);
		check(n >= 0 || (n == BATON_E_NOTFOUND && truth->acked[s] == 0),
		      "a session cannot be read", s, truth->acked[s]);
		check(n < 0 || (uint64_t)n >= truth->acked[s], "an acknowledged record is lost", s,
		      truth->acked[s]);
	}
	check_values(journal, truth);
	uint64_t records = baton_journal_last_position(journal);
	baton_lane_close(&lane);
	baton_journal_close(&journal);
	return records;
}

static void remove_files(void)
{
	static const char *const names[] = { "journal/data.mdb",
					     "journal/lock.mdb",
					     "journal/lock",
					     "journal/keys",
					     "journal",
					     "master.key",
					     "" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char file[PATH_BYTES + 32];
		snprintf(file, sizeof(file), "%s/%s", root, names[i]);
		if (unlink(file) < 0)
			rmdir(file);
	}
}

static void sleep_ms(unsigned ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&ts, NULL);
}

/* Reads while the child runs, so that a full pipe does not slow it down. */
static void *drain(void *ud)
{
	void **args = ud;
	truth_take(args[0], *(int *)args[1]);
	return NULL;
}

static void kill_once(char *self, struct truth *truth, unsigned ms)
{
	extern char **environ;
	int fds[2], status = 0;
	char word[] = "child";
	char *argv[] = { self, word, root, NULL };
	pid_t pid;
	pthread_t thread;
	posix_spawn_file_actions_t actions;
	check(pipe2(fds, O_CLOEXEC) == 0, "no pipe", 0, 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	check(posix_spawn(&pid, self, &actions, NULL, argv, environ) == 0, "no child", 0, 0);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);

	void *args[2] = { truth, &fds[0] };
	pthread_create(&thread, NULL, drain, args);
	sleep_ms(ms);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	pthread_join(thread, NULL);
	close(fds[0]);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child ended by itself", 0,
	      (uint64_t)status);
}

int main(int argc, char **argv)
{
	char dir[PATH_BYTES];
	struct truth truth = { 0 };
	uint64_t acks = 0, records = 0;
	const char *tmp = getenv("TMPDIR");
	if (argc == 3 && !strcmp(argv[1], "child")) {
		use_root(argv[2]);
		return child();
	}
	unsigned kills = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20;
	uint32_t seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : (uint32_t)time(NULL);
	snprintf(dir, sizeof(dir), "%s/baton-crash-XXXXXX", tmp ? tmp : "/tmp");
	check(mkdtemp(dir) != NULL, "no directory", 0, 0);
	use_root(dir);
	printf("journal_crash: %u kills, seed %u\n", kills, seed);
	for (unsigned i = 1; i <= kills; i++) {
		seed = seed * 1664525u + 1013904223u;
		kill_once(argv[0], &truth, 1 + (seed >> 8) % DELAY_MS_MAX);
		records = check_journal(&truth);
		if (i % KILLS_PER_JOURNAL && i != kills)
			continue;
		acks += truth.acks;
		printf("%u kills: %llu acknowledgements so far, %llu records in this journal, nothing lost\n",
		       i, (unsigned long long)acks, (unsigned long long)records);
		fflush(stdout);
		memset(&truth, 0, sizeof(truth));
		remove_files();
		check(i == kills || mkdir(root, 0700) == 0, "no directory", 0, 0);
	}
	return 0;
}
