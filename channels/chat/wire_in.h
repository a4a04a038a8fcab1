/* SPDX-License-Identifier: Apache-2.0 */

/* Client frames: bytes in, a checked frame or a typed refusal out. Pure: no socket, no state. What
 * a field may hold is the table in wire_in.c; docs/wire/client.schema.json says the same to others.
 */
#pragma once

#include "core/base/limits.h"
#include "core/session/command.h"

enum baton_frame_type {
	BATON_FRAME_HELLO,
	BATON_FRAME_MSG,
	BATON_FRAME_HUMAN,
	BATON_FRAME_TYPING,
	BATON_FRAME_READ,
	BATON_FRAME_FEEDBACK,
	BATON_FRAME_CLOSE,
	BATON_FRAME_PING,
	BATON_FRAME_DESK,
	BATON_FRAME_OPEN,
	BATON_FRAME_LEAVE,
	BATON_FRAME_CLAIM,
	BATON_FRAME_RELEASE,
	BATON_FRAME_REPLY,
	BATON_FRAME_NOTE,
	BATON_FRAME_DRAFT,
	BATON_FRAME_HANDBACK,
	BATON_FRAME_RESOLVE,
	BATON_FRAME_TICKET,
	BATON_FRAME_TRANSFER,
	BATON_FRAME_TAG,
	BATON_FRAME_SUGGEST,
	BATON_FRAME_TOOL,
	BATON_FRAME_STATUS,
	BATON_FRAME_DECLINE,
	BATON_FRAME_PACKAGE,
	BATON_FRAME_OPERATIONS,
	BATON_FRAME_ADMIN,
	BATON_FRAME_TYPES
};

/* One client frame. Absent strings are empty, absent numbers 0. Strings are views into the bytes
 * read or live in the arena given. */
struct baton_frame {
	enum baton_frame_type type;
	baton_str t;    /* as written; set on refusals too if it could be read */
	baton_str id;   /* the client's own, to answer with; set on refusals too */
	baton_str text; /* text, or a comment */
	baton_str reason, code;
	baton_str value; /* feedback's value, draft's and tool's action, ticket's contact, transfer's queue */
	baton_str ticket, locale, token;
	baton_str to_agent;                               /* transfer's agent */
	baton_str tags;                                   /* a JSON list of names, as written */
	baton_str request;                                /* a JSON object, as written */
	baton_str attachments[BATON_MSG_ATTACHMENTS_MAX]; /* ids */
	size_t n_attachments;
	bool take;               /* claim: from whoever has it */
	bool available, off;     /* status; operations: no more */
	struct baton_id session; /* of an agent's frame, or of hello.resume */
	bool has_session, has_resume, has_n;
	uint64_t after, seq, if_seq, n;
};

/* 0 and the frame. Or, with `t` and `id` filled in as far as they could be read: BATON_E_UTF8,
 * BATON_E_JSON (no object, or no `t`): a bad frame, three of them close the connection;
 * BATON_E_UNSUPPORTED: a `t` that this server does not know; BATON_E_INVAL: a field is missing,
 * twice there or of the wrong type; BATON_E_LIMIT: one is too long. */
int baton_frame_read(baton_str bytes, struct baton_arena *arena, struct baton_frame *ret);

/* True if `role` may send it. */
bool baton_frame_allowed(enum baton_frame_type type, enum baton_role role);

/* The command that the frame asks for, without what the connection knows (who, where from). False
 * if the frame is none (hello, typing, read, ping, desk, open, leave, status, decline, package,
 * operations, admin). Attachments are ids in the frame alone: somebody has to look them up. Strings are the frame's. */
bool baton_frame_command(const struct baton_frame *frame, struct baton_command *ret);
