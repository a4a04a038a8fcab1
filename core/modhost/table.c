/* SPDX-License-Identifier: Apache-2.0 */

/* The host table that the module gets in this process; here are the parts that need neither
 * call nor server: time, chance, lines and measures, which go one way. */
#include "core/modhost/inside.h"

#include "core/base/errors.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

enum { LINE_BYTES_MAX = 64 * 1024, NAME_BYTES_MAX = 255 };

static uint64_t now_ns(baton_ctx *ctx)
{
	(void)ctx;
	return baton_house_ns();
}

static uint64_t unix_ms(baton_ctx *ctx)
{
	struct timespec ts;
	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

static int32_t chance(baton_ctx *ctx, void *p, size_t n)
{
	unsigned char *to = p;
	(void)ctx;
	if (!p)
		return n == 0 ? BATON_OK : BATON_E_INVAL;
	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return BATON_E_IO;
		to += got;
		n -= (size_t)got;
	}
	return BATON_OK;
}

/* true with the lock held: there is room for a line of this guest. */
static bool line_begin(struct baton_guest *guest, unsigned *count, unsigned max)
{
	uint64_t second = baton_house_ns() / 1000000000u;
	(void)pthread_mutex_lock(&baton_house.lock);
	if (guest->lines_s != second) {
		guest->lines_s = second;
		guest->lines = guest->measures = 0;
	}
	if (!guest->gone && ++*count <= max && guest->out.n - guest->out_at <= BATON_GUEST_OUT_MAX)
		return true;
	(void)pthread_mutex_unlock(&baton_house.lock);
	return false;
}

static void line_end(struct baton_guest *guest, size_t at)
{
	(void)baton_frame_end(&guest->out, at);
	(void)pthread_mutex_unlock(&baton_house.lock);
	if (!baton_house_is_main())
		baton_house_wake();
}

static void say(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !msg.p)
		return;
	msg = baton_str_clip(msg, LINE_BYTES_MAX - 64);
	if (guest == &baton_house.load) {
		baton_house_say(level, "%.*s", (int)msg.n, msg.p);
		return;
	}
	if (!line_begin(guest, &guest->lines, BATON_GUEST_LINES_PER_S))
		return;
	size_t at = baton_frame_begin(&guest->out, BATON_FRAME_LOG, 0);
	baton_put_u32(&guest->out, level);
	baton_put_str(&guest->out, msg);
	line_end(guest, at);
}

static void measure(baton_ctx *ctx, const char *name, uint64_t v, enum baton_frame_op op)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !name || guest == &baton_house.load ||
	    !line_begin(guest, &guest->measures, BATON_GUEST_MEASURES_PER_S))
		return;
	size_t at = baton_frame_begin(&guest->out, op, 0);
	baton_put_str(&guest->out, (baton_str){ name, strnlen(name, NAME_BYTES_MAX) });
	baton_put_u64(&guest->out, v);
	line_end(guest, at);
}

static void count(baton_ctx *ctx, const char *name, uint64_t add)
{
	measure(ctx, name, add, BATON_FRAME_COUNT);
}

static void observe(baton_ctx *ctx, const char *name, uint64_t us)
{
	measure(ctx, name, us, BATON_FRAME_OBSERVE);
}

/* Descriptors of a process without network are of no interest to anybody. */
static int32_t watch(baton_ctx *ctx, int fd, uint32_t events, void (*fn)(void *, int, uint32_t),
		     void *user, baton_watch *out)
{
	(void)ctx, (void)fd, (void)events, (void)fn, (void)user, (void)out;
	return BATON_E_DENIED;
}

static int32_t watch_stop(baton_ctx *ctx, baton_watch id)
{
	(void)ctx, (void)id;
	return BATON_E_STALE;
}

void baton_table_fill(baton_host *table)
{
	*table = (baton_host){
		.size = sizeof(*table),
		.get = baton_guest_get,
		.log = say,
		.count = count,
		.observe = observe,
		.now_ns = now_ns,
		.unix_ms = unix_ms,
		.random = chance,
		.timer = baton_guest_timer,
		.timer_stop = baton_guest_timer_stop,
		.job = baton_guest_job,
		.post = baton_guest_post,
		.watch = watch,
		.watch_stop = watch_stop,
		.http = baton_guest_http,
		.http_pause = baton_guest_http_pause,
		.http_stop = baton_guest_http_stop,
		.session_get = baton_guest_session_get,
		.session_put = baton_guest_session_put,
		.kv_get = baton_guest_kv_get,
		.kv_put = baton_guest_kv_put,
		.event = baton_guest_event,
		.delta = baton_guest_delta,
		.result = baton_guest_result,
		.usage = baton_guest_usage,
		.end = baton_guest_end,
		.fail = baton_guest_fail,
		.call_set = baton_guest_call_set,
		.call_get = baton_guest_call_get,
	};
}
