/* SPDX-License-Identifier: Apache-2.0 */

/* The fold, between its two files: session.c has the table and what is said, case.c who has the
 * conversation and what people at the desk do. Internal to core/session.
 */
#pragma once

#include "core/session/session.h"

typedef void fold_fn(struct baton_session *session, const struct baton_event *event);

void fold_name(char to[BATON_NAME_BYTES_MAX + 1], baton_str from);
void fold_client_id(struct baton_session *session, unsigned speaker, baton_str client_id,
		    uint64_t seq);
/* One more line of the conversation; of too many the oldest goes. */
void fold_line(struct baton_session *session, uint32_t role, uint64_t seq, baton_str text);
void fold_drop_draft(struct baton_session *session);
/* What is open now is to be taken up again once prefix+name has come true. What was held before
 * stays held: the oldest message counts. */
void fold_hold(struct baton_session *session, baton_str prefix, baton_str name);
/* Nothing waits for a mode or a model any more. */
void fold_forget_hold(struct baton_session *session);

/* --- case.c --- */
fold_fn fold_escalated, fold_queued, fold_claimed, fold_released, fold_transferred, fold_handback,
	fold_resolved, fold_resumed, fold_ticket, fold_abandoned, fold_tagged;
