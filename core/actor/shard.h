/* SPDX-License-Identifier: Apache-2.0 */

/* A shard: the session actors of one worker. Commands come in, events go out; each session takes
 * one command at a time. Pure behind the seam: the simulation runs the very same code.
 *
 * Everything here is called on the shard's own thread.
 */
#pragma once

#include "core/actor/seam.h"

struct baton_shard;

struct baton_shard *baton_shard_new(const struct baton_seam *seam);
/* A turn that holds a release. Texts and pointers are good during the call. */
struct baton_shard_pin {
	const struct baton_id *session;
	struct baton_release *release;
	uint64_t turn, for_ms, left_ms; /* until its deadline */
	const char *step;               /* what it does: "hear" */
};
/* Each turn that runs. */
void baton_shard_pins(struct baton_shard *shard,
		      void (*each)(void *ud, const struct baton_shard_pin *pin), void *ud);
void baton_shard_free(struct baton_shard **shard);

/* A command for a session, from `conn` (0: nobody waits). The answer comes as notices: ACK or
 * REFUSED. A connection that sends a message follows the session from then on as a customer. */
void baton_shard_command(struct baton_shard *shard, const struct baton_id *session, baton_conn conn,
			 const struct baton_command *command);

/* `conn` follows the session: SUBSCRIBED, then the events after `after`, then CAUGHT_UP (or MORE),
 * then an answer in progress from its first byte, then all that happens. Again: starts anew from
 * `after`. Unknown session: REFUSED with BATON_E_NOTFOUND. */
void baton_shard_subscribe(struct baton_shard *shard, const struct baton_id *session,
			   baton_conn conn, enum baton_audience audience, uint64_t after);
void baton_shard_unsubscribe(struct baton_shard *shard, const struct baton_id *session,
			     baton_conn conn);
/* `conn` typed; the others that follow are told, nothing is stored. */
void baton_shard_typing(struct baton_shard *shard, const struct baton_id *session, baton_conn conn,
			enum baton_role role, baton_str agent_name);

/* What the desk can say to the customer of a waiting case: kept, told to those who follow when it
 * changes and when they come, forgotten when the case leaves the queue. */
void baton_shard_place(struct baton_shard *shard, const struct baton_id *session,
		       const struct baton_queue_place *place);

/* The case package of the session, to an agent's `conn`: NOTE_PACKAGE, or REFUSED ("package"). */
void baton_shard_package(struct baton_shard *shard, const struct baton_id *session,
			 baton_conn conn);

/* Found at start with BATON_MARK_TURN_OPEN: the turn is run again or handed over. */
void baton_shard_recover(struct baton_shard *shard, const struct baton_id *session);

/* Found with BATON_MARK_HELD: goes on with it if what it waits for has come back, gives it to a
 * person if that will not come, else nothing. May be called as often as one likes: at the start, when
 * a mode ends, when a target is back, and now and then. */
void baton_shard_resume(struct baton_shard *shard, const struct baton_id *session);
/* A degraded mode began or ended: customers who are connected are told, on record. */
void baton_shard_modes_changed(struct baton_shard *shard);

/* --- ends of what the seam was asked for --- */
void baton_shard_committed(struct baton_shard *shard, uint64_t ticket, int rc, uint64_t position);
void baton_shard_timer(struct baton_shard *shard, uint64_t key);
void baton_shard_heard_intents(struct baton_shard *shard, baton_ticket ticket,
			       const baton_intents *intents);
void baton_shard_heard_docs(struct baton_shard *shard, baton_ticket ticket, const baton_doc *docs,
			    uint32_t n);
/* What a tool brought; its end follows. */
void baton_shard_heard_tool(struct baton_shard *shard, baton_ticket ticket,
			    const baton_tool_result *result);
void baton_shard_heard_delta(struct baton_shard *shard, baton_ticket ticket, uint32_t kind,
			     baton_str data);
/* All of the answer's text, and its end follows at once: it is not shown before it counts. */
void baton_shard_heard_whole(struct baton_shard *shard, baton_ticket ticket, baton_str text);
void baton_shard_heard_usage(struct baton_shard *shard, baton_ticket ticket,
			     const baton_usage *usage);
void baton_shard_heard_end(struct baton_shard *shard, baton_ticket ticket, uint32_t reason);
void baton_shard_heard_fail(struct baton_shard *shard, baton_ticket ticket,
			    const baton_error *error);

/* From now on commands are refused with BATON_E_CLOSED and no new turn begins; open ones go on. What
 * has not ended when the host stops stays open in the journal and is taken up by the next start. */
void baton_shard_drain(struct baton_shard *shard);
/* Nothing runs and nothing is on its way to the disk. */
bool baton_shard_idle(const struct baton_shard *shard);
