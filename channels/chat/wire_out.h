/* SPDX-License-Identifier: Apache-2.0 */

/* Server frames: what the core says, as the JSON of docs/wire/PROTOCOL.md. Pure. Every function
 * appends whole frames, each without the newline that will stand between two of them on the wire.
 */
#pragma once

#include "core/server/port.h"

/* What a connection has been shown of the answer in progress, so that each byte is sent once:
 * whatever was missed (a gap, a joiner, a slow reader) is made up from `bytes` on. */
struct baton_stream {
	uint64_t turn, attempt, bytes; /* turn 0: nothing was shown yet */
};

/* Frames of one notice are handed over one by one: they are queued, counted and cut apart. */
struct baton_frames {
	void *ud;
	/* The frame in `out` is complete; take it, and leave `out` empty for the next. */
	void (*take)(void *ud, struct baton_buf *out);
	struct baton_buf *out;
};

struct baton_welcome {
	enum baton_role role;
	const struct baton_id *session; /* NULL for agents */
	const char *token;
	uint64_t seq;
	enum baton_owner owner;
	baton_str mode; /* the degraded mode that the customer was told of; empty: none */
	const char *greeting, *disclosure; /* NULL or "": left out */
	baton_str agent, agent_name;       /* who the agent is; empty for customers */
	struct baton_file_limits files;
	baton_str desk_words; /* of baton_port_desk_words(); empty for customers */
};

void baton_wire_welcome(const struct baton_welcome *welcome, struct baton_buf *out);

/* A refusal made here. `type` is the `t` refused; empty strings and 0 are left out. */
struct baton_refusal {
	int code; /* BATON_E_* */
	baton_str id, type;
	uint64_t retry_after_ms;
};
void baton_wire_err(const struct baton_refusal *refusal, struct baton_buf *out);

void baton_wire_pong(bool has_n, uint64_t n, struct baton_buf *out);
void baton_wire_bye(const char *reason, uint64_t reconnect_after_ms, struct baton_buf *out);

/* Everything a notice becomes for this audience; none for SUBSCRIBED and MORE, which are the
 * connection's own business. `stream` belongs to the session followed; NULL if none is. */
void baton_wire_notice(const struct baton_notice *notice, enum baton_audience audience,
		       struct baton_stream *stream, const struct baton_frames *frames);
