/* SPDX-License-Identifier: Apache-2.0 */

/* What the writers of server frames share: members of an object, and the frame in the making.
 * Internal to wire_out.c and wire_desk.c.
 */
#pragma once

#include "channels/chat/wire_out.h"

/* One `ev` frame in the making, and where it goes. */
struct teller {
	const struct baton_notice *notice;
	enum baton_audience audience;
	const struct baton_frames *to;
};

/* Words that stand in the source: their length is known when it is compiled. */
static inline void put_z(struct baton_buf *out, const char *words)
{
	baton_buf_add(out, words, strlen(words));
}

static inline void end_frame(const struct teller *teller, const char *tail)
{
	put_z(teller->to->out, tail);
	teller->to->take(teller->to->ud, teller->to->out);
}

/* A word that stands in the source and needs no escapes; `lead` opens the quotes. */
static inline void put_word(struct baton_buf *out, const char *lead, const char *word)
{
	put_z(out, lead);
	put_z(out, word);
	put_z(out, "\"");
}

/* `lead` is `,"name":` or `{"name":` as it shall be written. */
static inline void put_str(struct baton_buf *out, const char *lead, baton_str s)
{
	put_z(out, lead);
	baton_buf_json(out, s);
}

static inline void put_opt(struct baton_buf *out, const char *lead, baton_str s)
{
	if (s.n > 0)
		put_str(out, lead, s);
}

static inline void put_u64(struct baton_buf *out, const char *lead, uint64_t v)
{
	put_z(out, lead);
	baton_buf_u64(out, v);
}

static inline void put_id(struct baton_buf *out, const char *lead, const struct baton_id *id)
{
	char quoted[BATON_ID_TEXT + 2];

	baton_id_text(id, quoted + 1);
	quoted[0] = quoted[BATON_ID_TEXT + 1] = '"';
	put_z(out, lead);
	baton_buf_add(out, quoted, sizeof(quoted));
}

/* Yes is written, no is left out. */
static inline void put_yes(struct baton_buf *out, const char *member, bool yes)
{
	if (yes)
		put_z(out, member);
}

static inline void put_some(struct baton_buf *out, const char *lead, uint64_t v)
{
	if (v > 0)
		put_u64(out, lead, v);
}

/* --- wire_desk.c: frames for people at the desk, admins, and who waits for them --- */
void wire_desk(const struct teller *teller);
void wire_case(const struct teller *teller);
void wire_offer(const struct teller *teller);
void wire_overview(const struct teller *teller);
void wire_package(const struct teller *teller);
void wire_operations(const struct teller *teller);
void wire_done(const struct teller *teller);
void wire_place(const struct teller *teller);
