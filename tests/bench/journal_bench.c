/* SPDX-License-Identifier: Apache-2.0 */

/* What the journal costs, as ratios to a bare log: a file that was written before, one pwrite
 * and one fdatasync per batch, batches formed by the same queue and the same two threads. Both
 * are measured in turns within one run, since a disk is never the same twice; a ratio is taken
 * within a turn and the median over the turns is told.
 *
 *   journal_bench [--json] [--rounds 5] [--ms 700] [--clients 1,10,100,1000] [--dir /tmp]
 *                 [--state] [--not-durable]
 *
 * Each client has one append under way and sends the next when that is acknowledged. Records are
 * of 600 bytes. `--state` adds a snapshot of 256 bytes to each. */
#include "core/journal/inside.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	RECORD_BYTES = 600,
	STATE_BYTES = 256,
	CLIENTS_MAX = 4096,
	ROUNDS_MAX = 64,
	SAMPLES_MAX = 1 << 21
};
#define BARE_BYTES (512ull << 20)

struct result {
	double per_s, p50_us, p99_us, cpu_us;
};

struct bench {
	unsigned clients, ms;
	bool state, not_durable;
	char dir[512];
	/* of the run */
	uint64_t began[CLIENTS_MAX], seq[CLIENTS_MAX];
	uint32_t *samples;
	uint64_t n, end_ns;
	bool ending;
	unsigned under_way;
	sem_t woken;
	/* the journal's */
	struct baton_journal *journal;
	struct baton_lane *lane;
	/* the bare log's */
	struct baton_queue queue, done;
	struct baton_op *ops;
	int fd;
	uint64_t at;
	_Atomic bool stop;
};

static char payload[RECORD_BYTES];

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void fail(const char *what, int rc)
{
	fprintf(stderr, "journal_bench: %s failed (%d)\n", what, rc);
	exit(1);
}

static void bench_wake(void *ud)
{
	sem_post(&((struct bench *)ud)->woken);
}

/* One acknowledgement; true if the client goes on. */
static bool bench_told(struct bench *bench, uint64_t client)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	if (bench->n < SAMPLES_MAX)
		bench->samples[bench->n] = (uint32_t)((now - bench->began[client]) / 100);
	bench->n++;
	bench->under_way--;
	bench->began[client] = now;
	bench->ending = now >= bench->end_ns;
	return !bench->ending;
}

static int compare_samples(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static struct result bench_result(struct bench *bench, uint64_t ns, uint64_t cpu_ns)
{
	size_t n = bench->n < SAMPLES_MAX ? (size_t)bench->n : SAMPLES_MAX;
	qsort(bench->samples, n, sizeof(*bench->samples), compare_samples);
	struct result r = { .per_s = (double)bench->n * 1e9 / (double)ns,
			    .p50_us = bench->samples[n / 2] / 10.0,
			    .p99_us = bench->samples[n - 1 - n / 100] / 10.0,
			    .cpu_us = (double)cpu_ns / 1e3 / (double)bench->n };
	return r;
}

/* --- the journal ------------------------------------------------------------------------------ */

static struct baton_id client_id(uint64_t client)
{
	uint8_t random[10] = { (uint8_t)client, (uint8_t)(client >> 8), 42 };
	return baton_id_make(1700000000000 + client, random);
}

static void journal_send(struct bench *bench, uint64_t client)
{
	struct baton_record record = { .seq = bench->seq[client] + 1,
				       .unix_ms = 1700000000000,
				       .type = 2,
				       .payload = { payload, sizeof(payload) } };
	struct baton_append append = { .session = client_id(client),
				       .expected_seq = bench->seq[client]++,
				       .records = &record,
				       .n_records = 1 };
	int rc = baton_lane_append(bench->lane, &append, client);
	if (rc < 0)
		fail("append", rc);
	if (bench->state)
		baton_lane_snapshot_put(bench->lane, &append.session, record.seq,
					(baton_str){ payload, STATE_BYTES });
	bench->under_way++;
}

static void journal_told(void *ud, uint64_t client, int rc, uint64_t position)
{
	struct bench *bench = ud;
	(void)position;
	if (rc < 0)
		fail("commit", rc);
	if (bench_told(bench, client))
		journal_send(bench, client);
}

static struct result journal_round(struct bench *bench)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	bench->n = 0;
	bench->end_ns = start + bench->ms * 1000000ull;
	for (unsigned i = 0; i < bench->clients; i++) {
		bench->began[i] = now_ns(CLOCK_MONOTONIC);
		journal_send(bench, i);
	}
	while (bench->under_way) {
		sem_wait(&bench->woken);
		baton_lane_poll(bench->lane);
	}
	return bench_result(bench, now_ns(CLOCK_MONOTONIC) - start,
			    now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

static void journal_open(struct bench *bench)
{
	char path[600], key_path[600];
	snprintf(path, sizeof(path), "%s/journal", bench->dir);
	snprintf(key_path, sizeof(key_path), "%s/key", bench->dir);
	struct baton_journal_options options = { .path = path,
						 .key_path = key_path,
						 .map_bytes = 16ull << 30,
						 .reserve_bytes = 1,
						 .not_durable = bench->not_durable };
	struct baton_lane_events events = { bench, bench_wake, journal_told };
	int rc = baton_journal_open(&options, &bench->journal);
	if (rc == 0)
		rc = baton_lane_open(bench->journal, &events, &bench->lane);
	if (rc < 0)
		fail("open", rc);
}

/* --- the bare log ----------------------------------------------------------------------------- */

static void bare_batch(struct bench *bench, struct baton_op *op, char *buffer)
{
	size_t n = 0;
	struct baton_op *newest = NULL, *oldest = op, *next;
	for (; op; op = next) {
		next = op->next;
		memcpy(buffer + n, payload, RECORD_BYTES);
		n += RECORD_BYTES;
		op->next = newest;
		newest = op;
	}
	if (bench->at + n > BARE_BYTES)
		bench->at = 0;
	if (pwrite(bench->fd, buffer, n, (off_t)bench->at) != (ssize_t)n ||
	    fdatasync(bench->fd) < 0)
		fail("bare write", 0);
	bench->at += n;
	baton_queue_push(&bench->done, newest, oldest);
	sem_post(&bench->woken);
}

static void *bare_run(void *ud)
{
	struct bench *bench = ud;
	char *buffer = malloc((size_t)CLIENTS_MAX * RECORD_BYTES);
	while (!atomic_load(&bench->stop)) {
		struct baton_op *op = baton_queue_take(&bench->queue, NULL);
		if (op)
			bare_batch(bench, op, buffer);
		else
			baton_queue_wait(&bench->queue, 10000);
	}
	free(buffer);
	return NULL;
}

static void bare_send(struct bench *bench, uint64_t client)
{
	struct baton_op *op = &bench->ops[client];
	op->ticket = client;
	bench->under_way++;
	baton_queue_push(&bench->queue, op, op);
}

static struct result bare_round(struct bench *bench)
{
	pthread_t thread;
	atomic_store(&bench->stop, false);
	pthread_create(&thread, NULL, bare_run, bench);
	uint64_t start = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	bench->n = 0;
	bench->end_ns = start + bench->ms * 1000000ull;
	for (unsigned i = 0; i < bench->clients; i++) {
		bench->began[i] = now_ns(CLOCK_MONOTONIC);
		bare_send(bench, i);
	}
	while (bench->under_way) {
		sem_wait(&bench->woken);
		struct baton_op *op = baton_queue_take(&bench->done, NULL), *next;
		for (; op; op = next) {
			next = op->next;
			if (bench_told(bench, op->ticket))
				bare_send(bench, op->ticket);
		}
	}
	struct result r = bench_result(bench, now_ns(CLOCK_MONOTONIC) - start,
				       now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	atomic_store(&bench->stop, true);
	pthread_join(thread, NULL);
	return r;
}

static void bare_open(struct bench *bench)
{
	char path[600];
	static char zeros[1 << 20];
	snprintf(path, sizeof(path), "%s/bare", bench->dir);
	bench->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (uint64_t at = 0; at < BARE_BYTES; at += sizeof(zeros))
		if (pwrite(bench->fd, zeros, sizeof(zeros), (off_t)at) != (ssize_t)sizeof(zeros))
			fail("bare file", 0);
	if (fdatasync(bench->fd) < 0)
		fail("bare file", 0);
}

/* --- rounds ----------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static double median(const double *values, unsigned n)
{
	double sorted[ROUNDS_MAX];
	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), compare_doubles);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void bench_clients(struct bench *bench, unsigned rounds, bool json)
{
	double v[9][ROUNDS_MAX];
	journal_round(bench); /* warm: sessions, map, room ahead */
	for (unsigned i = 0; i < rounds; i++) {
		struct result bare = bare_round(bench), ours = journal_round(bench);
		const double now[9] = { bare.per_s,
					bare.p50_us,
					bare.p99_us,
					ours.per_s,
					ours.p50_us,
					ours.p99_us,
					ours.per_s / bare.per_s,
					ours.p50_us / bare.p50_us,
					ours.cpu_us };
		for (unsigned k = 0; k < 9; k++)
			v[k][i] = now[k];
	}
	const char *format =
		json ? "{\"clients\":%u,\"bare_per_s\":%.0f,\"bare_p50_us\":%.1f,\"bare_p99_us\":%.1f,"
		       "\"journal_per_s\":%.0f,\"journal_p50_us\":%.1f,\"journal_p99_us\":%.1f,"
		       "\"rate_ratio\":%.3f,\"p50_ratio\":%.2f,\"cpu_us\":%.2f}\n"
		     : "%5u clients: bare %8.0f/s p50 %6.1f p99 %7.1f us | journal %8.0f/s p50 %6.1f p99 %7.1f us"
		       " | rate x%.3f  p50 x%.2f  cpu %.2f us/event\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	printf(format, bench->clients, median(v[0], rounds), median(v[1], rounds),
	       median(v[2], rounds), median(v[3], rounds), median(v[4], rounds),
	       median(v[5], rounds), median(v[6], rounds), median(v[7], rounds),
	       median(v[8], rounds));
#pragma GCC diagnostic pop
	fflush(stdout);
}

static void bench_close(struct bench *bench)
{
	static const char *const files[] = {
		"bare",         "key",          "journal/data.mdb", "journal/lock.mdb",
		"journal/lock", "journal/keys", "journal",          ""
	};
	baton_lane_close(&bench->lane);
	baton_journal_close(&bench->journal);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[600];
		snprintf(path, sizeof(path), "%s/%s", bench->dir, files[i]);
		if (unlink(path) < 0)
			rmdir(path);
	}
}

int main(int argc, char **argv)
{
	static struct bench bench = { .ms = 700 };
	unsigned rounds = 5;
	bool json = false;
	const char *clients = "1,10,100,1000", *dir = getenv("TMPDIR");
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		json = json || !strcmp(argv[i], "--json");
		bench.state = bench.state || !strcmp(argv[i], "--state");
		bench.not_durable = bench.not_durable || !strcmp(argv[i], "--not-durable");
		if (!strcmp(argv[i], "--rounds"))
			rounds = (unsigned)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "--ms"))
			bench.ms = (unsigned)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "--clients"))
			clients = value;
		else if (!strcmp(argv[i], "--dir"))
			dir = value;
	}
	snprintf(bench.dir, sizeof(bench.dir), "%s/journal-bench-XXXXXX", dir ? dir : "/tmp");
	if (!mkdtemp(bench.dir) || rounds == 0 || rounds > ROUNDS_MAX)
		fail("setting up", 0);
	memset(payload, 'x', sizeof(payload));
	sem_init(&bench.woken, 0, 0);
	bench.samples = calloc(SAMPLES_MAX, sizeof(*bench.samples));
	bench.ops = calloc(CLIENTS_MAX, sizeof(*bench.ops));
	bare_open(&bench);
	journal_open(&bench);

	for (char *end; *clients; clients = *end ? end + 1 : end) {
		bench.clients = (unsigned)strtoul(clients, &end, 10);
		if (end == clients || bench.clients == 0 || bench.clients > CLIENTS_MAX)
			fail("--clients", 0);
		bench_clients(&bench, rounds, json);
	}
	bench_close(&bench);
	free(bench.samples);
	free(bench.ops);
	return 0;
}
