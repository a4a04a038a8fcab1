/* SPDX-License-Identifier: Apache-2.0 */

/* Notices: made once, shared by reference, freed by whoever lets go last. */

#include "core/actor/notice.h"

#include <stdalign.h>
#include <stddef.h>

/* Most notices carry a few words; with them it stays among the sizes that glibc keeps at hand. */
enum { WORDS_BYTES = 320 };

struct notice_and_words {
	struct baton_notice notice;
	alignas(max_align_t) unsigned char words[WORDS_BYTES];
};

/* The most frequent are short, and what follows is long. */
static size_t bytes_of(enum baton_notice_type type)
{
	if (type == BATON_NOTE_ACK || type == BATON_NOTE_DELTA || type == BATON_NOTE_RUN)
		return offsetof(struct baton_notice, event);
	if (type == BATON_NOTE_EVENT)
		return offsetof(struct baton_notice, state);
	return sizeof(struct baton_notice);
}

struct baton_notice *baton_notice_new(enum baton_notice_type type, const struct baton_id *session)
{
	/* The words need not be zeroed: an arena does that as it gives them out. */
	struct notice_and_words *whole = baton_realloc(NULL, sizeof(*whole));
	struct baton_notice *notice = &whole->notice;

	memset(notice, 0, bytes_of(type));
	baton_arena_lend(&notice->arena, whole->words, sizeof(whole->words));
	atomic_init(&notice->refs, 1);
	notice->type = type;
	notice->session = *session;
	return notice;
}

baton_str baton_notice_keep(struct baton_notice *notice, baton_str s)
{
	if (s.n == 0)
		return BATON_STR("");
	return (baton_str){ baton_arena_dup(&notice->arena, s.p, s.n), s.n };
}

void baton_notice_keep_event(struct baton_notice *notice, const struct baton_event *event)
{
	baton_event_keep(&notice->event, event, &notice->arena);
	notice->seq = event->seq;
	notice->unix_ms = event->unix_ms;
}

struct baton_notice *baton_notice_ref(struct baton_notice *notice)
{
	atomic_fetch_add_explicit(&notice->refs, 1, memory_order_relaxed);
	return notice;
}

void baton_notice_unref(struct baton_notice **notice)
{
	struct baton_notice *last = *notice;

	*notice = NULL;
	if (!last || atomic_fetch_sub_explicit(&last->refs, 1, memory_order_acq_rel) != 1)
		return;
	baton_arena_done(&last->arena);
	baton_free(last);
}
