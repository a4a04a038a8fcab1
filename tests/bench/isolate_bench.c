/* SPDX-License-Identifier: Apache-2.0 */

/* What a process of its own costs a module: a round trip of 1 KB there and 1 KB back over a real
 * loop, beside a bare ping-pong of the same bytes over a socket pair in the same run; a rule's
 * verdict, for which the loop waits; the start; the memory.
 *
 *   make build/release/baton-modhost build/release/tests/modules/iso_odd.so
 *   build/release/tests/isolate_bench
 */
#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/isolate/child.h"
#include "core/loop/loop.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 30000, WARM = 2000, BYTES = 1024, STARTS = 60, CRASHES = 40, WATCHES = 16 };

struct bench {
	struct baton_loop *loop;
	baton_host table;
	struct baton_child *child;
	const baton_module *module;
	void *inst;
	uint64_t begin_ns;
	uint64_t took[ROUNDS];
	unsigned n;
	bool failed, once, expects_failure;
};

struct watched {
	void (*fn)(void *, int, uint32_t);
	void *user;
	int fd;
	uint64_t inner;
	struct bench *bench;
};
static struct watched watches[WATCHES];

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct bench *bench_of(baton_ctx *ctx)
{
	return (struct bench *)(void *)ctx;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static void show(const char *what, uint64_t *took, unsigned n)
{
	qsort(took, n, sizeof(*took), by_size);
	printf("%-44s p50 %7.1f us   p99 %7.1f us\n", what, (double)took[n / 2] / 1e3,
	       (double)took[n - n / 100 - 1] / 1e3);
}

/* --- the host table ---------------------------------------------------------------------- */

static const void *host_get(baton_ctx *ctx, const char *id)
{
	(void)ctx, (void)id;
	return NULL;
}

static void host_log(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	(void)ctx, (void)level, (void)msg;
}

static void host_count(baton_ctx *ctx, const char *name, uint64_t v)
{
	(void)ctx, (void)name, (void)v;
}

static void on_ready(void *ud, bool readable, bool writable)
{
	struct watched w = *(struct watched *)ud;
	w.fn(w.user, w.fd,
	     (readable ? BATON_WATCH_READ : 0u) | (writable ? BATON_WATCH_WRITE : 0u));
}

static int32_t host_watch(baton_ctx *ctx, int fd, uint32_t events,
			  void (*fn)(void *, int, uint32_t), void *user, baton_watch *out)
{
	for (unsigned i = 0; i < WATCHES; i++) {
		if (watches[i].fn)
			continue;
		watches[i] = (struct watched){ fn, user, fd, 0, bench_of(ctx) };
		watches[i].inner =
			baton_loop_watch(bench_of(ctx)->loop, fd, (events & BATON_WATCH_READ) != 0,
					 (events & BATON_WATCH_WRITE) != 0, on_ready, &watches[i]);
		*out = i + 1;
		return BATON_OK;
	}
	return BATON_E_LIMIT;
}

static int32_t host_watch_stop(baton_ctx *ctx, baton_watch watch)
{
	baton_loop_watch_stop(bench_of(ctx)->loop, watches[watch - 1].inner);
	watches[watch - 1].fn = NULL;
	return BATON_OK;
}

static int32_t host_result(baton_ctx *ctx, baton_call call, const char *type, const void *pod,
			   size_t n)
{
	(void)ctx, (void)call, (void)type, (void)pod, (void)n;
	return BATON_OK;
}

static void ask(struct bench *bench)
{
	static char text[BYTES];
	const baton_classifier *vt = NULL;
	for (uint32_t i = 0; i < bench->module->n_ifaces; i++)
		if (strcmp(bench->module->ifaces[i].id, BATON_CLASSIFIER) == 0)
			vt = bench->module->ifaces[i].vt;
	memset(text, 'x', sizeof(text));
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = { text, sizeof(text) } };
	const baton_turn turn = { .size = sizeof(turn), .msgs = &msg, .n_msgs = 1 };
	baton_intents out = { .size = sizeof(out) };
	bench->begin_ns = now_ns();
	if (!vt || vt->classify(bench->inst, bench->n + 1, &turn, &out) < 0) {
		bench->failed = true;
		baton_loop_stop(bench->loop);
	}
}

static int32_t host_end(baton_ctx *ctx, baton_call call, uint32_t reason)
{
	struct bench *bench = bench_of(ctx);
	(void)call, (void)reason;
	bench->took[bench->n++] = now_ns() - bench->begin_ns;
	if (bench->once || bench->n == ROUNDS)
		baton_loop_stop(bench->loop);
	else
		ask(bench);
	return BATON_OK;
}

static int32_t host_fail(baton_ctx *ctx, baton_call call, const baton_error *error)
{
	(void)call;
	baton_loop_stop(bench_of(ctx)->loop);
	if (bench_of(ctx)->expects_failure)
		return BATON_OK;
	fprintf(stderr, "failed: %u %.*s\n", error->fail, (int)error->message.n, error->message.p);
	bench_of(ctx)->failed = true;
	return BATON_OK;
}

/* --- the child --------------------------------------------------------------------------- */

static void built(char *path, size_t cap, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = 0;
	(void)snprintf(path, cap, "%s/%s", dirname(dirname(self)), name);
}

static void start(struct bench *bench, const char *file)
{
	char path[PATH_MAX], modhost[PATH_MAX], why[256] = "";
	built(path, sizeof(path), file);
	built(modhost, sizeof(modhost), "baton-modhost");
	const struct baton_child_options o = {
		.modhost = modhost, .path = path, .name = "bench", .host = &bench->table
	};
	void *mod = NULL;
	int rc = baton_child_start(&o, &bench->child, &bench->module, why, sizeof(why));
	mod = bench->child;
	if (rc == 0)
		rc = bench->module->load((baton_ctx *)(void *)bench, &bench->table, &mod);
	if (rc != 0) {
		fprintf(stderr, "cannot start: %d %s\n", rc, why);
		exit(1);
	}
}

static void create_as(struct bench *bench, const char *config)
{
	if (bench->module->create(bench->child, (baton_ctx *)(void *)bench, baton_str_of(config),
				  &bench->inst) != BATON_OK ||
	    bench->module->activate(bench->inst) != BATON_OK)
		exit(1);
	bench->once = true;
	bench->n = 0;
	(void)bench->module->check(bench->inst, 1, 0);
	baton_loop_run(bench->loop);
	bench->once = false;
	bench->n = 0;
	if (bench->failed)
		exit(1);
}

static void create(struct bench *bench)
{
	create_as(bench, "{}");
}

static void stop(struct bench *bench)
{
	bench->module->destroy(bench->inst);
	baton_child_stop(&bench->child);
}

static long pss_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "Pss:", 4) == 0)
			kib = strtol(line + 4, NULL, 10);
	if (file)
		(void)fclose(file);
	return kib;
}

/* --- what is measured -------------------------------------------------------------------- */

static void echo(int fd)
{
	char bytes[BYTES];
	ssize_t n;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)n) != n)
			break;
	_exit(0);
}

static void bare(struct bench *bench)
{
	static char bytes[BYTES];
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		echo(fds[1]);
	}
	(void)close(fds[1]);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t begin = now_ns();
		if (write(fds[0], bytes, sizeof(bytes)) != BYTES)
			exit(1);
		for (size_t got = 0; got < BYTES;) {
			ssize_t n = read(fds[0], bytes, sizeof(bytes) - got);
			if (n <= 0)
				exit(1);
			got += (size_t)n;
		}
		bench->took[i] = now_ns() - begin;
	}
	(void)close(fds[0]);
	(void)waitpid(pid, NULL, 0);
	show("bare socket pair, 1 KB + 1 KB", bench->took + WARM, ROUNDS - WARM);
}

static void isolated(struct bench *bench)
{
	bench->n = 0;
	ask(bench);
	baton_loop_run(bench->loop);
	if (bench->failed)
		exit(1);
	show("isolated classify, 1 KB + 1 KB, two loops", bench->took + WARM, ROUNDS - WARM);
}

static void rules(struct bench *bench)
{
	const baton_rule *vt = NULL;
	for (uint32_t i = 0; i < bench->module->n_ifaces; i++)
		if (strcmp(bench->module->ifaces[i].id, BATON_RULE) == 0)
			vt = bench->module->ifaces[i].vt;
	const baton_facts facts = { .size = sizeof(facts), .exchanges = 5 };
	for (unsigned i = 0; vt && i < ROUNDS; i++) {
		baton_verdict verdict = { .size = sizeof(verdict) };
		uint64_t begin = now_ns();
		if (vt->evaluate(bench->inst, &facts, &verdict) != BATON_OK)
			exit(1);
		bench->took[i] = now_ns() - begin;
	}
	show("isolated evaluate, the loop waits", bench->took + WARM, ROUNDS - WARM);
}

static const void *vt_of(const struct bench *bench, const char *iface)
{
	for (uint32_t i = 0; i < bench->module->n_ifaces; i++)
		if (strcmp(bench->module->ifaces[i].id, iface) == 0)
			return bench->module->ifaces[i].vt;
	exit(1);
}

/* A guard looks at 1 KB; there are a few hits in it. */
static void guards(struct bench *bench)
{
	const baton_guard *vt = vt_of(bench, BATON_GUARD);
	static char text[BYTES];
	baton_hit v[256];
	const baton_turn turn = { .size = sizeof(turn) };
	const baton_inspection what = { .size = sizeof(what),
					.at = BATON_AT_CUSTOMER,
					.turn = &turn,
					.text = { text, sizeof(text) },
					.final = 1 };
	memset(text, 'x', sizeof(text));
	memcpy(text + 500, "4111", 4);
	for (unsigned i = 0; i < ROUNDS; i++) {
		baton_hits hits = { .size = sizeof(hits), .cap = 256, .v = v };
		uint64_t begin = now_ns();
		if (vt->inspect(bench->inst, &what, &hits) != BATON_OK || hits.n != 4)
			exit(1);
		bench->took[i] = now_ns() - begin;
	}
	show("isolated inspect, 1 KB, the loop waits", bench->took + WARM, ROUNDS - WARM);
}

/* From the call to the failure that the turn hears, of a module that crashes at once. */
static void crashes(struct bench *bench)
{
	uint64_t took[CRASHES];
	for (unsigned i = 0; i < CRASHES; i++) {
		start(bench, "tests/modules/iso_odd.so");
		create_as(bench, "crash:classify");
		bench->expects_failure = true;
		ask(bench);
		baton_loop_run(bench->loop);
		took[i] = now_ns() - bench->begin_ns;
		bench->expects_failure = false;
		stop(bench);
	}
	show("a crash, until the call has failed", took, CRASHES);
}

static void starts(struct bench *bench, const char *file)
{
	char what[128];
	struct baton_child_view view;
	uint64_t took[STARTS];
	long pss = 0;
	for (unsigned i = 0; i < STARTS; i++) {
		uint64_t begin = now_ns();
		start(bench, file);
		took[i] = now_ns() - begin;
		create(bench);
		baton_child_view(bench->child, &view);
		pss = pss_kib(view.pid);
		stop(bench);
	}
	(void)snprintf(what, sizeof(what), "start to loaded, %s", file);
	show(what, took, STARTS);
	printf("%-44s %ld KiB\n", "  its memory with one instance (PSS)", pss);
}

int main(void)
{
	static struct bench bench;
	setvbuf(stdout, NULL, _IOLBF, 0);
	bare(&bench);
	bench.loop = baton_loop_new("bench");
	bench.table = (baton_host){ .size = sizeof(bench.table),
				    .version = "bench",
				    .get = host_get,
				    .log = host_log,
				    .count = host_count,
				    .observe = host_count,
				    .watch = host_watch,
				    .watch_stop = host_watch_stop,
				    .result = host_result,
				    .end = host_end,
				    .fail = host_fail };
	start(&bench, "tests/modules/iso_odd.so");
	create(&bench);
	isolated(&bench);
	rules(&bench);
	guards(&bench);
	stop(&bench);
	crashes(&bench);
	bare(&bench);
	starts(&bench, "tests/modules/iso_odd.so");
	starts(&bench, "modules/provider-knowledge.so");
	baton_loop_free(&bench.loop);
	return 0;
}
