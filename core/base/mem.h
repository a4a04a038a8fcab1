/* SPDX-License-Identifier: Apache-2.0 */

/* Memory. The one place of the core that calls malloc.
 *
 * An allocation never returns NULL: every size that input can choose is bounded (limits.h), so
 * running out means the machine is out, and then the process ends at once with a line that says
 * so. What was acknowledged is in the journal; the supervisor starts the server again. A half
 * working server that drops a message here and there would be worse.
 */
#pragma once

#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `n` zeroed bytes, to be freed with baton_free(). Any thread. Never NULL; n = 0 gives one byte. */
void *baton_alloc(size_t n);
/* Grows or shrinks; new bytes are not zeroed. `p` may be NULL. Never NULL. */
void *baton_realloc(void *p, size_t n);
/* A NUL-terminated copy of `n` bytes. */
char *baton_memdupz(const void *p, size_t n);
/* NULL-tolerant. */
void baton_free(void *p);

/* As baton_alloc(), for what stays as long as a connection or a session does. It is kept apart from
 * what comes and goes with a turn, so that the pages of the latter can be given back. */
void *baton_alloc_lasting(size_t n);
/* ... not zeroed, for allocators that zero themselves. */
void *baton_take_lasting(size_t n);

/* [a program that serves, before it has threads] Small blocks come from pages of their own from now
 * on, where whatever is free goes back to the system. Sets 16 GiB of addresses aside. */
void baton_mem_open(void);
/* [any thread, at its end] What is kept at hand for it is put back. */
void baton_mem_thread_done(void);
/* [any thread, now and then] ... and pages that were free all the time since go back to the system:
 * what a steady load takes and gives stays. */
void baton_mem_settle(void);
/* ... and what libraries have left free in malloc's heap: milliseconds with a heap of many MiB, so for
 * when a busy time is over. Then, if it is quiet, all pages that are free go back. */
void baton_mem_rest(bool is_quiet);

#define baton_new(type) ((type *)baton_alloc(sizeof(type)))
#define baton_new_lasting(type) ((type *)baton_alloc_lasting(sizeof(type)))

/* An owned copy of a view, NUL behind it, and its end; drop sets the view to none and takes none. */
baton_str baton_str_keep(baton_str s);
void baton_str_drop(baton_str *s);

/* An arena: many small allocations with one end. Lives as long as a turn, a command or a policy
 * set; nothing inside is freed alone. One thread at a time. */
struct baton_arena {
	struct baton_arena_block *blocks;
	size_t bytes; /* handed out so far */
};
/* The first block is memory of the caller's that outlives the arena: what is made with an arena
 * inside is then one allocation. Before anything is taken; `p` aligned for any type. */
void baton_arena_lend(struct baton_arena *arena, void *p, size_t n);
/* Zeroed, aligned for any type, valid until baton_arena_done(). */
void *baton_arena_alloc(struct baton_arena *arena, size_t n);
/* ... not zeroed, for what is written whole at once. */
void *baton_arena_take(struct baton_arena *arena, size_t n);
/* A NUL-terminated copy inside the arena. */
char *baton_arena_dup(struct baton_arena *arena, const void *p, size_t n);
/* Texts within a struct, views so far, become copies in one piece of the arena, NUL behind each.
 * `offsets` says where in it each baton_str is; 0 behind the last. */
void baton_arena_keep(struct baton_arena *arena, void *base, const uint16_t *offsets);
/* [baton_arena_done] Something was taken. */
void baton_arena_drop(struct baton_arena *arena);
/* Frees all; the arena may be used again. */
static inline void baton_arena_done(struct baton_arena *arena)
{
	if (arena->blocks) /* in many nothing ever was */
		baton_arena_drop(arena);
}

#ifdef __cplusplus
}
#endif
