/* SPDX-License-Identifier: Apache-2.0 */

/* Swapping: two generations side by side, each from a file of its own as in the server, the old one
 * with calls open. Nothing of the old may be lost, nothing may stay. */
#include "core/check/inside.h"

#include "core/base/errors.h"
#include "core/module/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Sanitizers keep what was freed, on purpose. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

enum {
	OPEN_CALLS = 8,
	WARM_UP = 20,
	KB_PER_SWAP = 24, /* what a generation may leave behind, on average */
	BUDGET_MS = 150000
};

enum { PATH_BYTES = 64 };

struct generation {
	baton_testhost *host;
	uint32_t inst;
	char path[PATH_BYTES];
	baton_call calls[OPEN_CALLS];
	unsigned n;
};

/* What generations are made of; `spare` is the file of one that is gone for good, or "". */
struct stock {
	struct baton_buf bytes;
	char spare[PATH_BYTES];
};

/* A copy under a name that was never mapped, as the server makes them. Of a file that nothing maps
 * any more the loader remembers neither name nor inode, so it is a copy as good as a new one: to
 * write a megabyte and delete it a thousand times would be most of the check. */
static bool copy(struct baton_try *trial, struct stock *stock, unsigned number,
		 char path[PATH_BYTES])
{
	const struct baton_buf *bytes = &stock->bytes;
	(void)snprintf(path, PATH_BYTES, "./generation-%u.so", number);
	if (stock->spare[0] && rename(stock->spare, path) == 0) {
		stock->spare[0] = '\0';
		return true;
	}
	FILE *f = fopen(path, "wb");
	bool good = f && fwrite(bytes->p, 1, bytes->n, f) == bytes->n;
	if (f && fclose(f) != 0)
		good = false;
	if (!good)
		baton_try_fail(trial, "no copy of the file: %s", strerrordesc_np(errno));
	return good;
}

static bool generation_open(struct baton_try *trial, struct stock *stock, unsigned number,
			    struct generation *g)
{
	*g = (struct generation){ .n = 0 };
	if (!copy(trial, stock, number, g->path))
		return false;
	const char *path = trial->path;
	trial->path = g->path;
	g->host = baton_try_host(trial);
	trial->path = path;
	if (!g->host)
		return false;
	baton_try_upstream_good(trial, g->host);
	return baton_try_instance(trial, g->host, &g->inst);
}

static void generation_close(struct baton_try *trial, struct stock *stock, struct generation *g)
{
	bool was_open = g->host != NULL;
	baton_try_close_host(trial, &g->host);
	if (was_open && !stock->spare[0] && !baton_try_is_mapped(g->path))
		memcpy(stock->spare, g->path, PATH_BYTES);
	else if (g->path[0])
		(void)unlink(g->path);
	g->path[0] = '\0';
}

static void stock_done(struct stock *stock)
{
	if (stock->spare[0])
		(void)unlink(stock->spare);
	baton_buf_done(&stock->bytes);
}

static void begin_calls(struct baton_try *trial, struct generation *g, unsigned n)
{
	g->n = 0;
	for (unsigned i = 0; i < n; i++) {
		baton_call call;
		if (baton_try_begin(trial, g->host, g->inst, i, &call) < 0) {
			if (trial->text)
				baton_try_fail(trial, "a call is refused beside a swap");
			return;
		}
		g->calls[g->n++] = call;
		baton_testhost_step(g->host);
	}
}

static void end_calls(struct baton_try *trial, struct generation *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		(void)baton_testhost_run(g->host, g->calls[i], trial->call_ms);
		if (!baton_try_right(trial, baton_testhost_heard(g->host, g->calls[i])))
			return;
	}
	g->n = 0;
}

/* State goes over if both know a schema, as in a swap of the server. */
static void hand_over(struct baton_try *trial, struct generation *old, struct generation *new)
{
	baton_str bytes;
	const baton_state *state = baton_testhost_module(old->host)->state;
	if (!state || baton_testhost_save(old->host, old->inst, &bytes) != BATON_OK)
		return;
	uint32_t inst;
	if (baton_testhost_create_only(new->host, baton_str_of(trial->config), &inst) != BATON_OK)
		return;
	if (baton_testhost_load(new->host, inst, state->schema, bytes, 0) != BATON_OK)
		baton_try_fail(trial, "the new generation does not read the state of the old");
	if (baton_testhost_activate(new->host, inst) == BATON_OK)
		baton_testhost_destroy(new->host, inst);
}

static bool learned(struct baton_try *trial)
{
	bool good = baton_try_open_learned(trial);
	baton_try_close(trial);
	return good && trial->fails == 0;
}

static bool bytes_of(struct baton_try *trial, struct baton_buf *bytes)
{
	char why[256];
	if (baton_file_read(NULL, trial->path, bytes, why, sizeof(why)) == 0)
		return true;
	baton_try_fail(trial, "%s", why);
	return false;
}

/* --- one, looked at closely ---------------------------------------------------------------- */

void baton_check_swap_stream(struct baton_try *trial)
{
	struct stock stock = { .spare = "" };
	struct generation old = { .n = 0 }, new = { .n = 0 };
	bool rule = baton_try_is(trial, "rule") || baton_try_is(trial, "guard");
	if (!learned(trial) || !bytes_of(trial, &stock.bytes))
		return;
	baton_try_step(trial, "the old generation begins its calls");
	if (generation_open(trial, &stock, 1, &old)) {
		if (!rule)
			begin_calls(trial, &old, OPEN_CALLS);
		baton_try_step(trial, "the new generation comes");
		if (generation_open(trial, &stock, 2, &new)) {
			if (baton_testhost_module(old.host) == baton_testhost_module(new.host))
				baton_try_fail(trial, "both generations are the same code");
			hand_over(trial, &old, &new);
			if (!rule)
				begin_calls(trial, &new, OPEN_CALLS);
			baton_try_step(trial, "the old generation ends its calls");
			end_calls(trial, &old);
			baton_try_step(trial, "the old generation goes");
			generation_close(trial, &stock, &old);
			end_calls(trial, &new);
			(void)baton_try_usual(trial, new.host, new.inst, 9);
		}
	}
	generation_close(trial, &stock, &old);
	generation_close(trial, &stock, &new);
	stock_done(&stock);
}

/* --- many ---------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t resident_kb(void)
{
	unsigned long long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f && fscanf(f, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	if (f)
		(void)fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static unsigned count_dir(const char *path)
{
	unsigned n = 0;
	DIR *dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir);
	return n;
}

static unsigned count_maps(void)
{
	unsigned n = 0;
	int c;
	FILE *f = fopen("/proc/self/maps", "r");
	while (f && (c = fgetc(f)) != EOF)
		n += c == '\n';
	if (f)
		(void)fclose(f);
	return n;
}

struct traces {
	uint64_t kb;
	unsigned fds, threads, maps, at;
};

static struct traces traces_now(unsigned at)
{
	return (struct traces){ resident_kb(), count_dir("/proc/self/fd"),
				count_dir("/proc/self/task"), count_maps(), at };
}

static void compare(struct baton_try *trial, const struct traces *before, unsigned swaps,
		    bool stays)
{
	struct traces after = traces_now(swaps);
	unsigned n = swaps - before->at;
	if (n == 0)
		return;
	uint64_t kb = after.kb > before->kb ? (after.kb - before->kb) / n : 0;
	if (after.fds > before->fds)
		baton_try_fail(trial, "%u descriptors stay behind after %u swaps",
			       after.fds - before->fds, n);
	if (after.threads > before->threads && !stays)
		baton_try_fail(trial, "%u threads stay behind after %u swaps",
			       after.threads - before->threads, n);
	if (kb > KB_PER_SWAP && !stays)
		baton_try_fail(trial, "%llu KiB stay behind with each swap",
			       (unsigned long long)kb);
	if (after.maps > before->maps + n && !stays)
		baton_try_fail(trial, "%u mappings stay behind after %u swaps",
			       after.maps - before->maps, n);
	baton_try_note(trial, "%llu KiB, %d descriptors, %d mappings more after %u swaps",
		       (unsigned long long)(after.kb > before->kb ? after.kb - before->kb : 0),
		       (int)after.fds - (int)before->fds, (int)after.maps - (int)before->maps, n);
}

static unsigned swap_on(struct baton_try *trial, struct stock *stock, unsigned wanted,
			struct traces *before)
{
	struct generation old = { .n = 0 }, new = { .n = 0 };
	bool rule = baton_try_is(trial, "rule") || baton_try_is(trial, "guard");
	uint64_t begin = now_ms();
	unsigned done = 0;
	if (!generation_open(trial, stock, 0, &old))
		return 0;
	while (done < wanted && trial->fails == 0 && now_ms() - begin < BUDGET_MS) {
		baton_try_step(trial, "swap %u", done + 1);
		if (!rule)
			begin_calls(trial, &old, OPEN_CALLS);
		if (!generation_open(trial, stock, done + 1, &new))
			break;
		end_calls(trial, &old);
		generation_close(trial, stock, &old);
		old = new;
		new = (struct generation){ .n = 0 };
		done += trial->fails == 0;
		if (done == WARM_UP)
			*before = traces_now(done);
	}
	if (trial->fails == 0)
		(void)baton_try_usual(trial, old.host, old.inst, 3);
	generation_close(trial, stock, &old);
	return done;
}

void baton_check_swaps(struct baton_try *trial)
{
	struct stock stock = { .spare = "" };
	struct traces before = { .at = 0 };
	unsigned wanted = trial->options->swaps ? trial->options->swaps : BATON_CHECK_SWAPS;
	if (!learned(trial) || !bytes_of(trial, &stock.bytes))
		return;
	unsigned done = swap_on(trial, &stock, wanted, &before);
	stock_done(&stock);
	if (trial->fails > 0)
		return;
	if (before.at > 0)
		compare(trial, &before, done, trial->stays || SANITIZED);
	if (done < wanted)
		baton_try_note(trial, "%u of %u swaps in the time there is", done, wanted);
	if (trial->fails == 0)
		baton_try_swaps(done);
}
