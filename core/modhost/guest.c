/* SPDX-License-Identifier: Apache-2.0 */

/* An instance of the module and its socket. Surprising: frames that have come are taken out of the
 * way before the first of them is done (`batch`), because a module may ask the server something in
 * the middle of one, and what is read meanwhile must not move the bytes that it looks at. */
#include "core/modhost/inside.h"

#include "core/base/errors.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { GUEST_MAGIC = 0x47555354, READ_BYTES = 64 * 1024 };

struct baton_guest *baton_guest_of(baton_ctx *ctx)
{
	struct baton_guest *guest = (struct baton_guest *)(void *)ctx;
	return guest && guest->magic == GUEST_MAGIC && !guest->gone ? guest : NULL;
}

baton_ctx *baton_guest_ctx(struct baton_guest *guest)
{
	guest->magic = GUEST_MAGIC;
	return (baton_ctx *)(void *)guest;
}

void baton_guest_new(int fd)
{
	struct baton_guest *guest = baton_new(struct baton_guest);
	(void)baton_guest_ctx(guest);
	guest->fd = fd;
	DL_APPEND(baton_house.guests, guest);
	baton_house.n_guests++;
}

/* --- calls ------------------------------------------------------------------------------- */

struct baton_guest_call *baton_guest_call(struct baton_guest *guest, uint64_t handle)
{
	struct baton_guest_call *call;
	HASH_FIND(hh, guest->calls, &handle, sizeof(handle), call);
	return call;
}

void baton_guest_call_drop(struct baton_guest *guest, struct baton_guest_call *call)
{
	HASH_DEL(guest->calls, call);
	baton_free(call);
}

/* --- the end of an instance -------------------------------------------------------------- */

/* The guest itself stays: a module that still knows it as its ctx finds that it is gone. */
static void destroy(struct baton_guest *guest)
{
	if (guest->created && baton_house.entry->destroy) {
		uint32_t was = baton_house_enter(BATON_PLACE_DESTROY);
		baton_house.entry->destroy(guest->inst);
		baton_house_leave(guest, was);
	}
	guest->created = false;
	unsigned left = baton_later_clear(guest) + HASH_COUNT(guest->https);
	if (left > 0)
		baton_house_say(BATON_LOG_WARN, "leftovers: %u timers or requests at destroy",
				left);
	baton_guest_http_clear(guest);
	while (guest->calls)
		baton_guest_call_drop(guest, guest->calls);
	guest->gone = true;
	DL_DELETE(baton_house.guests, guest);
	baton_house.n_guests--;
	(void)pthread_mutex_lock(&baton_house.lock);
	baton_buf_done(&guest->out);
	(void)pthread_mutex_unlock(&baton_house.lock);
	baton_buf_done(&guest->in);
	baton_buf_done(&guest->reply);
	baton_buf_done(&guest->config);
}

void baton_guest_close_if_idle(struct baton_guest *guest)
{
	if (guest->closing && guest->jobs == 0 && !guest->gone)
		destroy(guest);
}

void baton_guest_close(struct baton_guest *guest)
{
	if (guest->closing)
		return;
	guest->closing = true;
	(void)close(guest->fd);
	guest->fd = -1;
	if (guest->created && !guest->quiesced && baton_house.entry->quiesce) {
		uint32_t was = baton_house_enter(BATON_PLACE_QUIESCE);
		baton_house.entry->quiesce(guest->inst);
		baton_house_leave(guest, was);
	}
	guest->quiesced = true;
}

/* --- the socket -------------------------------------------------------------------------- */

size_t baton_guest_unread(const struct baton_guest *guest)
{
	(void)pthread_mutex_lock(&baton_house.lock);
	size_t n = guest->out.n - guest->out_at;
	(void)pthread_mutex_unlock(&baton_house.lock);
	return n;
}

void baton_guest_flush(struct baton_guest *guest)
{
	(void)pthread_mutex_lock(&baton_house.lock);
	bool was_full = guest->out.n - guest->out_at > BATON_GUEST_OUT_MAX;
	while (guest->fd >= 0 && guest->out_at < guest->out.n) {
		ssize_t n = write(guest->fd, guest->out.p + guest->out_at,
				  guest->out.n - guest->out_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* full; or the server is gone, which reading will tell */
		guest->out_at += (size_t)n;
	}
	if (guest->fd < 0 || guest->out_at == guest->out.n) {
		baton_buf_reset(&guest->out);
		guest->out_at = 0;
		if (guest->out.cap > BATON_FRAME_LARGE)
			baton_buf_done(&guest->out);
	} else if (guest->out_at > BATON_GUEST_OUT_MAX) {
		baton_buf_drop(&guest->out, guest->out_at);
		guest->out_at = 0;
	}
	bool is_full = guest->out.n - guest->out_at > BATON_GUEST_OUT_MAX;
	(void)pthread_mutex_unlock(&baton_house.lock);
	if (was_full && !is_full)
		baton_guest_resume(guest);
}

/* false: nothing came, or the server has closed it. */
static bool receive(struct baton_guest *guest)
{
	ssize_t n = read(guest->fd, baton_buf_room(&guest->in, READ_BYTES), READ_BYTES);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		baton_guest_close(guest);
		return false;
	}
	guest->in.n += (size_t)n;
	return true;
}

/* Length of the whole frames at the beginning of `in`. */
static size_t whole(const struct baton_buf *in)
{
	struct baton_frame frame;
	size_t at = 0;
	for (;;) {
		baton_str rest = { in->p + at, in->n - at };
		int rc = baton_frame_next(rest, BATON_FRAME_DOWN, &frame);
		if (rc < 0)
			_exit(3); /* not our server */
		if (rc == 0)
			return at;
		at += sizeof(frame.head) + frame.head.len;
	}
}

static void do_batch(struct baton_guest *guest, size_t n)
{
	struct baton_buf batch = guest->in;
	guest->in = guest->batch;
	guest->batch = (struct baton_buf){ 0 };
	baton_buf_reset(&guest->in);
	baton_buf_add(&guest->in, batch.p + n, batch.n - n);
	for (size_t at = 0; at < n && !guest->closing;) {
		struct baton_frame frame;
		baton_str rest = { batch.p + at, n - at };
		if (baton_frame_next(rest, BATON_FRAME_DOWN, &frame) <= 0 ||
		    !baton_guest_serve(guest, &frame))
			_exit(3);
		at += sizeof(frame.head) + frame.head.len;
	}
	/* A big one is given back; a small one serves again. */
	if (batch.cap > 4 * READ_BYTES || guest->batch.p || guest->gone)
		baton_buf_done(&batch);
	else
		guest->batch = batch;
}

void baton_guest_read(struct baton_guest *guest)
{
	if (guest->fd < 0 || !receive(guest))
		return;
	size_t n;
	/* Questions below may have brought more. */
	while (!guest->closing && (n = whole(&guest->in)) > 0)
		do_batch(guest, n);
	if (!guest->closing)
		baton_guest_flush(guest);
}

/* --- questions --------------------------------------------------------------------------- */

/* Takes the REPLY out of what has come, wherever it stands. */
static bool take_reply(struct baton_guest *guest)
{
	struct baton_frame frame;
	size_t at = 0;
	for (;;) {
		baton_str rest = { guest->in.p + at, guest->in.n - at };
		if (baton_frame_next(rest, BATON_FRAME_DOWN, &frame) <= 0)
			return false;
		size_t n = sizeof(frame.head) + frame.head.len;
		if (frame.head.op != BATON_FRAME_REPLY || frame.head.call != guest->waiting) {
			at += n;
			continue;
		}
		struct baton_reader in = baton_reader_of(frame.payload);
		guest->reply_rc = baton_get_i32(&in);
		baton_buf_reset(&guest->reply);
		baton_buf_str(&guest->reply, baton_get_str(&in));
		memmove(guest->in.p + at, guest->in.p + at + n, guest->in.n - at - n);
		guest->in.n -= n;
		return true;
	}
}

static void await(struct baton_guest *guest)
{
	uint64_t until = baton_house_ns() + (uint64_t)BATON_HOUSE_ASK_MS * 1000000u;
	/* Waiting for the server is no fault of the module's. */
	uint32_t was = atomic_exchange(&baton_house.beacon->place, BATON_PLACE_NOWHERE);
	bool done = false;
	for (uint64_t now; !done && (now = baton_house_ns()) < until;) {
		struct pollfd fd = { .fd = guest->fd, .events = POLLIN };
		fd.events = (short)(POLLIN | (baton_guest_unread(guest) > 0 ? POLLOUT : 0));
		if (poll(&fd, 1, (int)((until - now) / 1000000u) + 1) <= 0)
			continue;
		if (fd.revents & POLLOUT)
			baton_guest_flush(guest);
		if ((fd.revents & ~POLLOUT) && !receive(guest) && guest->fd < 0)
			break;
		done = take_reply(guest);
	}
	if (!done)
		guest->reply_rc = BATON_E_AGAIN;
	atomic_store(&baton_house.beacon->place, was);
}

static int32_t ask(struct baton_guest *guest, struct baton_buf *frame, struct baton_buf *ret_reply)
{
	if (guest->fd < 0)
		return BATON_E_STATE;
	guest->waiting = ++guest->number;
	memcpy(frame->p + offsetof(struct baton_frame_head, call), &guest->waiting,
	       sizeof(guest->waiting));
	(void)pthread_mutex_lock(&baton_house.lock);
	baton_buf_str(&guest->out, baton_buf_view(frame));
	(void)pthread_mutex_unlock(&baton_house.lock);
	baton_guest_flush(guest);
	await(guest);
	guest->waiting = 0;
	if (ret_reply)
		baton_buf_str(ret_reply, baton_buf_view(&guest->reply));
	return guest->reply_rc;
}

int32_t baton_guest_ask(struct baton_guest *guest, struct baton_buf *frame,
			struct baton_buf *ret_reply)
{
	if (baton_house_is_main())
		return ask(guest, frame, ret_reply);
	struct baton_house_wish wish = { .guest = guest, .frame = *frame, .reply = ret_reply };
	struct baton_house_wish *entry = &wish;
	(void)pthread_mutex_lock(&baton_house.lock);
	DL_APPEND(baton_house.wishes, entry);
	(void)pthread_mutex_unlock(&baton_house.lock);
	baton_house_wake();
	(void)pthread_mutex_lock(&baton_house.lock);
	while (!wish.done)
		(void)pthread_cond_wait(&baton_house.told, &baton_house.lock);
	(void)pthread_mutex_unlock(&baton_house.lock);
	return wish.rc;
}
