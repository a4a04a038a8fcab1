/* SPDX-License-Identifier: Apache-2.0 */

/* Frames between the server and a module's own process: how they are written, and how bytes of
 * somebody who cannot be trusted are read. Both sides are built from this file, and a child of
 * another build is refused by its revision. No system call here. */
#pragma once

#include "core/base/buf.h"

enum {
	BATON_FRAME_SMALL = 64 * 1024,
	BATON_FRAME_LARGE = 2 * 1024 * 1024,
	BATON_FRAME_HUGE = 16 * 1024 * 1024,
	BATON_FRAME_NULL = 1, /* flag: the module gave NULL where a struct is expected */
	BATON_FRAME_SURE = 2, /* flag: said although it had heard of the cancel() or the end */
	BATON_CREDIT_BYTES = 256 * 1024, /* of one call's deltas on their way */
	BATON_CREDIT_DELTA = 32          /* what a delta costs besides its bytes */
};

enum baton_frame_way { BATON_FRAME_ORDER, BATON_FRAME_REPORT, BATON_FRAME_DOWN, BATON_FRAME_UP };

enum baton_frame_op {
	BATON_FRAME_NONE,
#define X(NAME, way, max, text) BATON_FRAME_##NAME,
#include "core/isolate/frames.def"
#undef X
	BATON_FRAME_OPS
};

struct baton_frame_head {
	uint32_t len; /* of the payload */
	uint16_t op, flags;
	uint64_t call;
};
_Static_assert(sizeof(struct baton_frame_head) == 16, "no holes");

/* What a result()'s bytes are in a RESULT frame. */
enum baton_result_form {
	BATON_RESULT_RAW,
	BATON_RESULT_IS_DOCS,
	BATON_RESULT_IS_INTENTS,
	BATON_RESULT_IS_TOOL
};
/* Host parts beyond those that need no host. */
enum baton_part { BATON_PART_SIGN = 1u };
/* Which text a TEXT frame asks for. */
enum baton_text {
	BATON_TEXT_MODELS,
	BATON_TEXT_LABELS,
	BATON_TEXT_DESCRIBE, /* of rules; the next two of tools and guards */
	BATON_TEXT_TOOLS,
	BATON_TEXT_FINDS
};

/* What is on the child's stack, for the words "hung in search": its main thread writes the number into
 * a page that the keeper reads. 0: nothing of the module. A lie there changes a word of a log line. */
#define BATON_PLACES(X)                               \
	X(NOWHERE, "nothing")                         \
	X(MAP, "the dynamic linker or a constructor") \
	X(LOAD, "load")                               \
	X(CREATE, "create")                           \
	X(ACTIVATE, "activate")                       \
	X(QUIESCE, "quiesce")                         \
	X(DESTROY, "destroy")                         \
	X(UNLOAD, "unload")                           \
	X(CHECK, "check")                             \
	X(STATE, "state")                             \
	X(START, "start")                             \
	X(CLASSIFY, "classify")                       \
	X(SEARCH, "search")                           \
	X(APPEND, "append")                           \
	X(CANCEL, "cancel")                           \
	X(RESUME, "resume")                           \
	X(INVOKE, "invoke")                           \
	X(EVALUATE, "evaluate")                       \
	X(INSPECT, "inspect")                         \
	X(TEXT, "models, labels or describe")         \
	X(ESTIMATE, "estimate")                       \
	X(TIMER, "a timer")                           \
	X(JOB_DONE, "the end of a job")               \
	X(POST, "a posted function")                  \
	X(HTTP, "on_head, on_data or on_end")
enum baton_place {
#define X(NAME, text) BATON_PLACE_##NAME,
	BATON_PLACES(X)
#undef X
		BATON_PLACE_COUNT
};
struct baton_beacon {
	_Atomic(uint32_t) place; /* of the main thread */
	_Atomic(uint32_t) job;   /* the helper thread is in one */
};
const char *baton_place_name(uint32_t place);

/* --- descriptors of the child ------------------------------------------------------------- */
enum { BATON_FD_CONTROL = 3, BATON_FD_BEACON = 4 };

/* The same number for the same frames and the same structs in them. */
uint32_t baton_frame_revision(void);
const char *baton_frame_name(unsigned op);

/* --- writing: begin, put ..., end ------------------------------------------------------------- */

/* Returns where the frame begins, for end(). */
size_t baton_frame_begin(struct baton_buf *out, enum baton_frame_op op, uint64_t call);
void baton_frame_flag(struct baton_buf *out, size_t at, uint16_t flags);
/* false: longer than frames of that kind may be; it is taken back. */
bool baton_frame_end(struct baton_buf *out, size_t at);
void baton_put_u32(struct baton_buf *out, uint32_t v);
void baton_put_u64(struct baton_buf *out, uint64_t v);
void baton_put_str(struct baton_buf *out, baton_str s);
static inline void baton_put_i32(struct baton_buf *out, int32_t v)
{
	baton_put_u32(out, (uint32_t)v);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct baton_frame {
	struct baton_frame_head head;
	baton_str payload;
};

/* The first whole frame of `bytes`. 1: here it is; 0: not all of it has come; BATON_E_INVAL: no
 * frame that may come this way. */
int baton_frame_next(baton_str bytes, enum baton_frame_way way, struct baton_frame *ret);

/* Reads a payload from its beginning. What is not there reads as 0 and sets `bad`, for good. */
struct baton_reader {
	const char *p;
	size_t n;
	bool bad;
};
static inline struct baton_reader baton_reader_of(baton_str s)
{
	return (struct baton_reader){ s.p, s.n, false };
}
uint32_t baton_get_u32(struct baton_reader *in);
uint64_t baton_get_u64(struct baton_reader *in);
int32_t baton_get_i32(struct baton_reader *in);
baton_str baton_get_str(struct baton_reader *in); /* view */
const void *baton_get_bytes(struct baton_reader *in, size_t n);
/* Everything was there and nothing is left over. */
bool baton_reader_ended(const struct baton_reader *in);
