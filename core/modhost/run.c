/* SPDX-License-Identifier: Apache-2.0 */

/* The life of the process: it hears what to hold, shuts itself in, maps the module, and then
 * serves until it is told to leave or the server is gone. In that order: not a byte of the
 * module is mapped before the door is shut. It always ends by _exit(): what the module
 * registered for exit() is not run, for nobody needs it. */
#include "core/modhost/inside.h"
#include "core/modhost/modhost.h"
#include "core/modhost/sandbox.h"

#include "core/base/abi.h"
#include "core/base/errors.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, GRANTS_MAX = 256, SLOW_US = 100000, IFACES_MAX = 32 };

struct baton_house baton_house = { .lock = PTHREAD_MUTEX_INITIALIZER,
				   .work = PTHREAD_COND_INITIALIZER,
				   .told = PTHREAD_COND_INITIALIZER };

uint64_t baton_house_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool baton_house_is_main(void)
{
	return pthread_equal(pthread_self(), baton_house.thread) != 0;
}

void baton_house_wake(void)
{
	uint64_t one = 1;
	ssize_t n = write(baton_house.wake, &one, sizeof(one));
	(void)n; /* full: it will look anyway */
}

/* --- reports ----------------------------------------------------------------------------- */

void baton_house_report(const struct baton_buf *frames)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	(void)pthread_mutex_lock(&lock);
	for (size_t at = 0; at < frames->n;) {
		ssize_t n = write(BATON_FD_CONTROL, frames->p + at, frames->n - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* the server is gone; the main loop will see it */
		at += (size_t)n;
	}
	(void)pthread_mutex_unlock(&lock);
}

static void report_text(enum baton_frame_op op, bool has_level, uint32_t level, baton_str text)
{
	struct baton_buf out = { 0 };
	size_t at = baton_frame_begin(&out, op, 0);
	if (has_level)
		baton_put_u32(&out, level);
	baton_put_str(&out, text);
	if (baton_frame_end(&out, at))
		baton_house_report(&out);
	baton_buf_done(&out);
}

void baton_house_say(uint32_t level, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		report_text(BATON_FRAME_SAY, true, level, baton_str_of(text));
}

__attribute__((noreturn, format(printf, 1, 2))) static void unfit(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_text(BATON_FRAME_UNFIT, false, 0, baton_str_of(text));
	_exit(1);
}

static void report_bare(enum baton_frame_op op)
{
	struct baton_buf out = { 0 };
	(void)baton_frame_end(&out, baton_frame_begin(&out, op, 0));
	baton_house_report(&out);
	baton_buf_done(&out);
}

/* --- visits ------------------------------------------------------------------------------ */

uint32_t baton_house_enter(enum baton_place place)
{
	uint32_t was = atomic_exchange_explicit(&baton_house.beacon->place, (uint32_t)place,
						memory_order_relaxed);
	if (was == BATON_PLACE_NOWHERE)
		baton_house.visit_ns = baton_house_ns();
	return was;
}

void baton_house_leave(struct baton_guest *guest, uint32_t was)
{
	uint32_t place =
		atomic_exchange_explicit(&baton_house.beacon->place, was, memory_order_relaxed);
	if (was != BATON_PLACE_NOWHERE)
		return;
	uint64_t us = (baton_house_ns() - baton_house.visit_ns) / 1000u;
	bool slow = place == BATON_PLACE_CREATE || place == BATON_PLACE_ACTIVATE ||
		    place == BATON_PLACE_LOAD || place == BATON_PLACE_MAP;
	if (us <= (slow ? SLOW_US : BATON_GUEST_VISIT_US))
		return;
	baton_house.table.count(baton_guest_ctx(guest), "process_overruns", 1);
	baton_house.table.observe(baton_guest_ctx(guest), "process_overrun_us", us);
}

/* --- the module -------------------------------------------------------------------------- */

static void put_text(struct baton_buf *out, const char *text)
{
	baton_put_u32(out, text != NULL);
	if (text)
		baton_put_str(out, baton_str_of(text));
}

/* Bit i: the i-th function behind a table's two numbers is there. */
static uint32_t functions(const void *table, size_t size)
{
	enum { HEAD = 2 * sizeof(uint32_t) };
	uint32_t own, bits = 0;
	memcpy(&own, table, sizeof(own));
	if (own < size)
		return 0;
	for (size_t i = 0; i < (size - HEAD) / sizeof(void *); i++) {
		void *fn;
		memcpy(&fn, (const char *)table + HEAD + i * sizeof(void *), sizeof(fn));
		bits |= fn ? 1u << i : 0;
	}
	return bits;
}

static bool put_iface(struct baton_buf *out, const baton_iface *iface)
{
	const struct {
		const char *id;
		size_t size;
		const void *slot; /* where the house keeps it: a pointer to a pointer */
	} known[] = {
		{ BATON_PROVIDER, BATON_FIRST_PROVIDER, &baton_house.provider },
		{ BATON_CLASSIFIER, BATON_FIRST_CLASSIFIER, &baton_house.classifier },
		{ BATON_RULE, BATON_FIRST_RULE, &baton_house.rule },
		{ BATON_TRANSCRIPT, BATON_FIRST_TRANSCRIPT, &baton_house.transcript },
		{ BATON_RETRIEVER, BATON_FIRST_RETRIEVER, &baton_house.retriever },
		{ BATON_TOOL, BATON_FIRST_TOOL, &baton_house.tool },
		{ BATON_GUARD, BATON_FIRST_GUARD, &baton_house.guard },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(iface->id, known[i].id) != 0)
			continue;
		const void *had;
		union {
			const void *theirs;
			void *ours;
		} slot = { known[i].slot };
		memcpy(&had, slot.ours, sizeof(had));
		uint32_t bits = functions(iface->vt, known[i].size), head[2] = { 0, 0 };
		if (had)
			return false;
		if (bits != 0) /* of a table that is too short nothing may be read */
			memcpy(slot.ours, &iface->vt, sizeof(iface->vt));
		if (bits != 0)
			memcpy(head, iface->vt, sizeof(head));
		baton_put_str(out, baton_str_of(iface->id));
		baton_put_u32(out, bits);
		baton_put_u32(out, head[1]);
		return true;
	}
	return false;
}

static void put_ifaces(struct baton_buf *out, const baton_module *m)
{
	struct baton_buf list = { 0 };
	uint32_t n = 0;
	if (m->n_ifaces > IFACES_MAX || (m->n_ifaces > 0 && !m->ifaces))
		unfit("interfaces: expected at most %d, found %u", IFACES_MAX, m->n_ifaces);
	for (uint32_t i = 0; i < m->n_ifaces; i++)
		if (m->ifaces[i].id && m->ifaces[i].vt)
			n += put_iface(&list, &m->ifaces[i]);
	baton_put_u32(out, n);
	baton_buf_str(out, baton_buf_view(&list));
	baton_buf_done(&list);
}

static void describe(const baton_module *m, const char *sandbox)
{
	struct baton_buf out = { 0 };
	size_t at = baton_frame_begin(&out, BATON_FRAME_DESCRIBE, 0);
	const char *texts[] = { m->id,      m->version,  m->vendor,       m->license,
				m->summary, m->homepage, m->config_schema };
	baton_put_str(&out, baton_str_of(sandbox));
	baton_put_u32(&out, m->magic);
	baton_put_u32(&out, m->size);
	baton_put_u32(&out, m->abi_major);
	baton_put_u32(&out, m->abi_built);
	baton_put_u32(&out, m->abi_needed);
	baton_put_u32(&out, m->flags);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put_text(&out, texts[i]);
	put_ifaces(&out, m);
	const baton_state *state = m->state;
	bool has_state = BATON_HAS(state, load);
	baton_put_u32(&out, has_state);
	if (has_state) {
		baton_put_u32(&out, state->schema);
		baton_put_u32(&out, state->min_schema);
		baton_put_u32(&out, (state->save ? 1u : 0u) | (state->load ? 2u : 0u));
	}
	if (!baton_frame_end(&out, at))
		unfit("descriptor: it is longer than any of use");
	baton_house_report(&out);
	baton_buf_done(&out);
}

static void map_module(const char *path, const char *sandbox)
{
	atomic_store(&baton_house.beacon->place, BATON_PLACE_MAP);
	baton_house.dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!baton_house.dl)
		unfit("the dynamic linker refused it: %.300s", dlerror());
	const baton_module *m = dlsym(baton_house.dl, BATON_ENTRY_SYMBOL);
	if (!m)
		unfit(BATON_ENTRY_SYMBOL ": expected it after loading, found nothing");
	if (m->magic != BATON_MAGIC || m->size < BATON_FIRST_MODULE)
		unfit("descriptor: expected magic 0x%x and %d bytes, found 0x%x and %u",
		      BATON_MAGIC, BATON_FIRST_MODULE, m->magic, m->size);
	if (!m->create || !m->destroy)
		unfit("descriptor: expected create and destroy, found NULL");
	baton_house.entry = m;
	describe(m, sandbox);
	atomic_store(&baton_house.beacon->place, BATON_PLACE_NOWHERE);
}

static void load_module(struct baton_reader *in)
{
	int32_t rc = BATON_OK;
	baton_house.parts = baton_get_u32(in);
	if (baton_house.entry->load) {
		uint32_t was = baton_house_enter(BATON_PLACE_LOAD);
		rc = baton_house.entry->load(baton_guest_ctx(&baton_house.load), &baton_house.table,
					     &baton_house.mod);
		baton_house_leave(&baton_house.load, was);
	}
	struct baton_buf out = { 0 };
	size_t at = baton_frame_begin(&out, BATON_FRAME_LOADED, 0);
	baton_put_i32(&out, rc);
	(void)baton_frame_end(&out, at);
	baton_house_report(&out);
	baton_buf_done(&out);
}

/* --- orders ------------------------------------------------------------------------------ */

static void begin(struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	struct baton_sandbox_grant grants[GRANTS_MAX];
	struct baton_sandbox sandbox = { .grants = grants };
	char line[160], missing[160];
	if (baton_get_u32(in) != baton_frame_revision())
		unfit("this baton-modhost is of another build than the server");
	sandbox.server_pid = baton_get_u32(in);
	sandbox.memory_bytes = baton_get_u64(in);
	sandbox.cpu_s = baton_get_u32(in);
	sandbox.nofile = baton_get_u32(in);
	baton_house.table.abi_minor = baton_get_u32(in);
	baton_str version = baton_str_clip(baton_get_str(in), sizeof(baton_house.version) - 1);
	if (version.n > 0)
		memcpy(baton_house.version, version.p, version.n);
	baton_house.table.version = baton_house.version;
	baton_str path = baton_get_str(in);
	sandbox.module = baton_arena_dup(&arena, path.p, path.n);
	uint32_t n = baton_get_u32(in);
	for (; sandbox.n_grants < n && sandbox.n_grants < GRANTS_MAX; sandbox.n_grants++) {
		baton_str at = baton_get_str(in);
		grants[sandbox.n_grants].path = baton_arena_dup(&arena, at.p, at.n);
		grants[sandbox.n_grants].write = baton_get_u32(in) != 0;
	}
	if (!baton_reader_ended(in))
		unfit("orders that cannot be read");
	if (!baton_sandbox_enter(&sandbox, line, sizeof(line), missing, sizeof(missing))) {
		(void)baton_later_helper();
		baton_sandbox_no_more();
	}
	if (missing[0])
		baton_house_say(BATON_LOG_WARN, "%s", missing);
	map_module(sandbox.module, line);
	baton_arena_done(&arena);
}

static void claim_socket(void)
{
	if (baton_house.n_fds == 0)
		_exit(3);
	int fd = baton_house.fds[0];
	baton_house.n_fds--;
	memmove(baton_house.fds, baton_house.fds + 1, baton_house.n_fds * sizeof(int));
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	baton_guest_new(fd);
}

static void leave_house(void)
{
	struct baton_guest *guest, *next;
	baton_house.leaving = true;
	DL_FOREACH_SAFE(baton_house.guests, guest, next)
	baton_guest_close(guest);
}

static void obey(const struct baton_frame *frame)
{
	struct baton_reader in = baton_reader_of(frame->payload);
	switch (frame->head.op) {
	case BATON_FRAME_BEGIN:
		begin(&in);
		return;
	case BATON_FRAME_LOAD:
		load_module(&in);
		return;
	case BATON_FRAME_SOCKET:
		claim_socket();
		return;
	case BATON_FRAME_PING:
		report_bare(BATON_FRAME_PONG);
		return;
	case BATON_FRAME_LEAVE:
		leave_house();
		return;
	default:
		_exit(3);
	}
}

/* One message, with the descriptor that may have come along. */
static ssize_t receive(char *to, size_t cap)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} extra;
	struct iovec part = { to, cap };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = extra.room,
				  .msg_controllen = sizeof(extra.room) };
	ssize_t n = recvmsg(BATON_FD_CONTROL, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (head && head->cmsg_type == SCM_RIGHTS && baton_house.n_fds < BATON_HOUSE_FDS_MAX)
		memcpy(&baton_house.fds[baton_house.n_fds++], CMSG_DATA(head), sizeof(int));
	return n;
}

static void hear_orders(void)
{
	struct baton_buf *in = &baton_house.in;
	struct baton_frame frame;
	ssize_t n = receive(baton_buf_room(in, READ_BYTES), READ_BYTES);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		_exit(0); /* the server is gone */
	in->n += (size_t)n;
	for (;;) {
		int rc = baton_frame_next(baton_buf_view(in), BATON_FRAME_ORDER, &frame);
		if (rc < 0)
			_exit(3);
		if (rc == 0)
			return;
		obey(&frame);
		baton_buf_drop(in, sizeof(frame.head) + frame.head.len);
	}
}

/* --- the loop ---------------------------------------------------------------------------- */

/* What is left of the last lap goes out, what has ended is cleared away. */
static void settle(void)
{
	struct baton_guest *guest, *next;
	DL_FOREACH_SAFE(baton_house.guests, guest, next)
	{
		if (guest->fd >= 0)
			baton_guest_flush(guest);
		baton_guest_close_if_idle(guest);
	}
	if (!baton_house.leaving || baton_house.guests)
		return;
	if (baton_house.entry && baton_house.entry->unload) {
		uint32_t was = baton_house_enter(BATON_PLACE_UNLOAD);
		baton_house.entry->unload(baton_house.mod);
		baton_house_leave(&baton_house.load, was);
	}
	_exit(0);
}

static void lap(struct baton_buf *room)
{
	int timeout = baton_later_run();
	settle();
	size_t n = 2 + baton_house.n_guests, i = 2;
	baton_buf_reset(room);
	struct pollfd *fds = (struct pollfd *)(void *)baton_buf_room(room, n * sizeof(*fds));
	struct baton_guest *guest, *next;
	fds[0] = (struct pollfd){ .fd = BATON_FD_CONTROL, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = baton_house.wake, .events = POLLIN };
	DL_FOREACH(baton_house.guests, guest) {
		short write = baton_guest_unread(guest) > 0 ? POLLOUT : 0;
		fds[i++] = (struct pollfd){ .fd = guest->fd, .events = (short)(POLLIN | write) };
	}
	int rc = poll(fds, (nfds_t)n, timeout);
	uint64_t woken;
	if (rc > 0 && fds[1].revents && read(baton_house.wake, &woken, sizeof(woken)) < 0)
		rc = rc > 1 ? rc : 0;
	i = 2;
	/* Reading ends no guest; that is settle()'s. */
	DL_FOREACH_SAFE(baton_house.guests, guest, next)
	{
		if (rc > 0 && fds[i++].revents & ~POLLOUT)
			baton_guest_read(guest);
	}
	if (rc > 0 && fds[0].revents)
		hear_orders();
}

int baton_modhost_run(int argc, char **argv)
{
	struct baton_buf room = { 0 };
	(void)argc, (void)argv;
	(void)close_range(BATON_FD_BEACON + 1, ~0u, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, "baton-modhost", 0, 0, 0);
	/* One arena: a second one would set aside 64 MiB of the address space that is bounded. */
	(void)mallopt(M_ARENA_MAX, 1);
	void *page = mmap(NULL, sizeof(struct baton_beacon), PROT_READ | PROT_WRITE, MAP_SHARED,
			  BATON_FD_BEACON, 0);
	baton_house.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (page == MAP_FAILED || baton_house.wake < 0)
		return 4;
	(void)close(BATON_FD_BEACON);
	baton_house.beacon = page;
	baton_house.thread = pthread_self();
	baton_house.load.fd = -1;
	(void)baton_guest_ctx(&baton_house.load);
	baton_table_fill(&baton_house.table);
	for (;;)
		lap(&room);
}
