/* SPDX-License-Identifier: Apache-2.0 */

/* What it costs that modules can be swapped, in one process without a server:
 *
 *   a call through the table      a rule asked straight, and through rack, seat, meter and budget
 *   a swap, step by step          staged off the loop; what it takes of a loop (adopt, retire)
 *   a generation that stays       memory of its own and mappings, with many of them at once
 *
 *   build/release/tests/swap_bench [--swaps 1000] [--json]
 *
 * The module is tests/swap/modules/frame_plain.c. */

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/module/release.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 10000, ROUNDS = 101, PATH_CAP = 4096 };

struct bench {
	char base[PATH_CAP], dir[64], modules[80], run[80];
	struct baton_policy *policy;
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct baton_release *live;
	uint64_t number;
	double *stage_us, *pause_us;
	size_t swaps, n_retired;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double at(const double *sorted, size_t n, unsigned percent)
{
	size_t i = n * percent / 100;

	return n ? sorted[i < n ? i : n - 1] : 0;
}

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(1);
}

/* Fields of /proc/self/status in KiB; mappings counted. */
static long memory_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (f)
		(void)fclose(f);
	return kib;
}

static long mappings(void)
{
	long n = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	for (int c = f ? fgetc(f) : EOF; c != EOF; c = fgetc(f))
		n += c == '\n';
	if (f)
		(void)fclose(f);
	return n;
}

/* --- the stand -------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
	static char bytes[1 << 20];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");

	if (!in || !out)
		die("%s: make swap-modules first", from);
	size_t n = fread(bytes, 1, sizeof(bytes), in);

	if (fwrite(bytes, 1, n, out) != n || fclose(out) != 0)
		die("%s: not written", to);
	(void)fclose(in);
}

static void quiet(void *ud, baton_str line)
{
	(void)ud, (void)line;
}

static uint64_t no_wall(void *ud)
{
	(void)ud;
	return 0;
}

static void retired(void *ud, struct baton_release *release)
{
	struct bench *b = ud;

	(void)release;
	b->n_retired++;
	baton_loop_stop(b->loop);
}

static void set_up(struct bench *b)
{
	char from[2 * PATH_CAP], to[2 * PATH_CAP];
	ssize_t n = readlink("/proc/self/exe", b->base, sizeof(b->base) - 1);

	b->base[n > 0 ? n : 0] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(b->base, '/') = 0;
	memcpy(b->dir, "/tmp/baton-swap-bench-XXXXXX", 29);
	if (!mkdtemp(b->dir))
		die("%s: not made", b->dir);
	(void)snprintf(b->modules, sizeof(b->modules), "%s/modules", b->dir);
	(void)snprintf(b->run, sizeof(b->run), "%s/run", b->dir);
	if (mkdir(b->modules, 0755) < 0 || mkdir(b->run, 0700) < 0)
		die("%s: not made", b->modules);
	(void)snprintf(from, sizeof(from), "%s/tests/swap/modules/frame_plain.so", b->base);
	(void)snprintf(to, sizeof(to), "%s/plain.so", b->modules);
	copy_file(from, to);
	(void)chmod(to, 0644);
	baton_log_to(quiet, no_wall, NULL, BATON_LOG_ERROR);

	b->policy = baton_new(struct baton_policy);
	b->policy->modules = baton_arena_alloc(&b->policy->arena, sizeof(*b->policy->modules));
	b->policy->n_modules = 1;
	b->policy->modules[0] = (struct baton_policy_module){ .name = "plain",
							      .kind = "rule",
							      .file = "plain.so",
							      .isolation = "inline",
							      .config_json = "{}",
							      .config = json_object() };
	b->loop = baton_loop_new("bench");
	struct baton_rack_events events = { .ud = b, .retired = retired };
	b->rack = baton_rack_new(b->loop, &events);
}

/* Our own scratch folder; private copies go with their generations. */
static void tear_down(const struct bench *b)
{
	static const char *const below[] = { "modules/plain.so", "modules", "run/modules", "run",
					     "." };
	char path[PATH_CAP];

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", b->dir, below[i]);
		if (unlink(path) < 0)
			(void)rmdir(i + 1 < sizeof(below) / sizeof(below[0]) ? path : b->dir);
	}
}

/* A new generation of the module, as a release of its own. Off the loop in a server. */
static struct baton_release *stage(struct bench *b)
{
	char why[512] = "";
	struct baton_stage_change change = { .module = "plain" };
	struct baton_stage_options options = { .modules_dir = b->modules,
					       .run_dir = b->run,
					       .secrets_dir = b->dir,
					       .changes = &change,
					       .n_changes = b->live ? 1 : 0 };
	struct baton_release *release = NULL;

	if (baton_release_stage(&options, b->live, baton_policy_ref(b->policy), ++b->number,
				&release, why, sizeof(why)) != 0)
		die("not staged: %s", why);
	return release;
}

static void adopt(struct bench *b, struct baton_release *release)
{
	char why[512] = "";

	if (baton_rack_adopt(b->rack, release, why, sizeof(why)) != 0)
		die("not adopted: %s", why);
}

/* Lets the loop do what it has been told. */
static void let(struct bench *b, size_t retired_wanted)
{
	for (int i = 0; b->n_retired < retired_wanted && i < 1000; i++)
		baton_loop_run(b->loop);
}

/* --- figures ---------------------------------------------------------------------------------- */

static double rack_ns(struct bench *b)
{
	baton_facts facts = { .size = sizeof(facts) };
	baton_verdict verdict;
	double ns[ROUNDS];

	for (size_t r = 0; r < ROUNDS; r++) {
		uint64_t from = now_ns();

		for (size_t i = 0; i < BATCH; i++)
			if (baton_rack_rules(b->rack, b->live, &facts, &verdict) != 0)
				die("the rule failed");
		ns[r] = (double)(now_ns() - from) / BATCH;
	}
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	return ns[ROUNDS / 2];
}

/* The same function, called straight. */
static double straight_ns(const struct bench *b)
{
	static baton_host host = { .size = sizeof(host) };
	char path[2 * PATH_CAP];
	baton_facts facts = { .size = sizeof(facts) };
	baton_verdict verdict;
	double ns[ROUNDS];
	void *mod, *inst;

	(void)snprintf(path, sizeof(path), "%s/tests/swap/modules/frame_plain.so", b->base);
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const baton_module *m = dl ? dlsym(dl, BATON_ENTRY_SYMBOL) : NULL;
	const baton_rule *rule = NULL;

	for (uint32_t i = 0; m && i < m->n_ifaces; i++)
		if (strcmp(m->ifaces[i].id, BATON_RULE) == 0)
			rule = m->ifaces[i].vt;
	if (!rule || m->load(NULL, &host, &mod) != BATON_OK ||
	    m->create(mod, NULL, (baton_str){ "{}", 2 }, &inst) != BATON_OK)
		die("%s: not opened", path);
	for (size_t r = 0; r < ROUNDS; r++) {
		uint64_t from = now_ns();

		for (size_t i = 0; i < BATCH; i++) {
			verdict = (baton_verdict){ .size = sizeof(verdict) };
			if (rule->evaluate(inst, &facts, &verdict) != BATON_OK)
				die("the rule failed");
		}
		ns[r] = (double)(now_ns() - from) / BATCH;
	}
	m->destroy(inst);
	(void)dlclose(dl);
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	return ns[ROUNDS / 2];
}

/* One swap after the other; stage_us is not the loop's time, pause_us is. */
static void swap_many(struct bench *b)
{
	for (size_t i = 0; i < b->swaps; i++) {
		uint64_t t0 = now_ns();
		struct baton_release *next = stage(b);
		uint64_t t1 = now_ns();

		adopt(b, next);
		uint64_t t2 = now_ns();

		baton_rack_retire(b->rack, b->live);
		b->stage_us[i] = (double)(t1 - t0) / 1000;
		b->pause_us[i] = (double)(now_ns() - t2 + t2 - t1) / 1000;
		let(b, i + 1);
		baton_release_unref(&b->live);
		b->live = next;
	}
	qsort(b->stage_us, b->swaps, sizeof(double), by_value);
	qsort(b->pause_us, b->swaps, sizeof(double), by_value);
}

struct kept {
	double kib, maps;
};

/* Generations that nobody lets go. */
static struct kept keep_many(struct bench *b, size_t n)
{
	struct baton_release **all = calloc(n, sizeof(struct baton_release *));
	long kib = memory_kib(), maps = mappings();

	for (size_t i = 0; i < n; i++) {
		all[i] = stage(b);
		adopt(b, all[i]);
	}
	struct kept kept = { (double)(memory_kib() - kib) / (double)n,
			     (double)(mappings() - maps) / (double)n };
	size_t wanted = b->n_retired + n;

	for (size_t i = 0; i < n; i++)
		baton_rack_retire(b->rack, all[i]);
	let(b, wanted);
	for (size_t i = 0; i < n; i++)
		baton_release_unref(&all[i]);
	free(all);
	return kept;
}

static void tell(const struct bench *b, bool json, double straight, double rack, long kib,
		 long maps, struct kept kept)
{
	const double *s = b->stage_us, *p = b->pause_us;
	size_t n = b->swaps;

	if (json) {
		printf("{\"straight_ns\":%.1f,\"rack_ns\":%.1f,\"swaps\":%zu,\"stage_p50_us\":%.1f,"
		       "\"stage_p99_us\":%.1f,\"pause_p50_us\":%.1f,\"pause_p99_us\":%.1f,"
		       "\"pause_max_us\":%.1f,\"swaps_kib\":%ld,\"swaps_maps\":%ld,"
		       "\"kept_kib\":%.2f,\"kept_maps\":%.2f}\n",
		       straight, rack, n, at(s, n, 50), at(s, n, 99), at(p, n, 50), at(p, n, 99),
		       at(p, n, 100), kib, maps, kept.kib, kept.maps);
		return;
	}
	printf("a rule, called straight                   %8.1f ns\n", straight);
	printf("the same through the rack                 %8.1f ns\n", rack);
	printf("%zu swaps: staged, off the loop          %8.1f us median, %8.1f us p99\n", n,
	       at(s, n, 50), at(s, n, 99));
	printf("  ... of the loop's time                  %8.1f us median, %8.1f us p99, %8.1f us longest\n",
	       at(p, n, 50), at(p, n, 99), at(p, n, 100));
	printf("  ... memory and mappings left behind     %8ld KiB, %ld mappings\n", kib, maps);
	printf("a generation that stays                   %8.2f KiB, %.2f mappings\n", kept.kib,
	       kept.maps);
}

int main(int argc, char **argv)
{
	struct bench b = { .swaps = 1000 };
	bool json = false;

	for (int i = 1; i < argc; i++) {
		json = json || strcmp(argv[i], "--json") == 0;
		if (strcmp(argv[i], "--swaps") == 0 && i + 1 < argc)
			b.swaps = strtoul(argv[++i], NULL, 10);
	}
	if (b.swaps == 0 || b.swaps > 1000000)
		die("swaps: from 1 to 1000000");
	b.stage_us = calloc(b.swaps, sizeof(double));
	b.pause_us = calloc(b.swaps, sizeof(double));
	set_up(&b);
	b.live = stage(&b);
	adopt(&b, b.live);
	double straight = straight_ns(&b), rack = rack_ns(&b);
	/* What the first ones need (arenas, tables) is not what each of them needs. */
	size_t all = b.swaps;

	b.swaps = all < 20 ? all : 20;
	swap_many(&b);
	b.swaps = all;
	b.n_retired = 0;
	long kib = memory_kib(), maps = mappings();

	swap_many(&b);
	kib = memory_kib() - kib;
	maps = mappings() - maps;
	struct kept kept = keep_many(&b, 200);

	tell(&b, json, straight, rack, kib, maps, kept);
	baton_rack_free(&b.rack);
	baton_release_unref(&b.live);
	baton_loop_free(&b.loop);
	tear_down(&b);
	return 0;
}
