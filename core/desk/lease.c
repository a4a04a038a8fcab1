/* SPDX-License-Identifier: Apache-2.0 */

/* What time takes away. A claimed case is its agent's while he has a console that is alive; one
 * of an agent who is lost goes back, and so does one whose customer gets no reply. Who waits,
 * leaves and does not come back has given up. The desk only asks for it: the command carries the
 * epoch it is about, and the session does nothing if that is over.
 *
 * After a start all of this begins anew: nobody loses a case for having been away while the
 * server was.
 */

#include "core/desk/inside.h"

static uint64_t stamp(struct baton_now now)
{
	return now.ms > 0 ? now.ms : 1; /* 0 says: it does not run */
}

void lease_update(struct desk_case *entry, struct baton_now now, const struct baton_notice *before)
{
	const struct baton_case *kase = desk_told(entry), *was = before ? &before->kase : NULL;
	bool same = was && was->state == kase->state && was->epoch == kase->epoch;
	bool open = kase->state == BATON_CASE_CLAIMED && kase->unanswered_ms > 0;

	if (!same || !baton_str_eq(was->queue, kase->queue))
		entry->queued_at_ms = stamp(now);
	if (!same)
		entry->asked_at_ms = 0;
	if (!open)
		entry->open_at_ms = 0;
	else if (!same || was->unanswered_ms != kase->unanswered_ms || entry->open_at_ms == 0)
		entry->open_at_ms = stamp(now);
	if (kase->present) {
		entry->absent_at_ms = 0;
		entry->gave_up = false;
	} else if (entry->absent_at_ms == 0) {
		entry->absent_at_ms = stamp(now);
	}
}

/* True: given now. It is given again if nothing comes of it, and counted once. */
static bool ask(struct baton_desk *desk, struct baton_now now, struct desk_case *entry,
		struct baton_command *command, unsigned metric)
{
	bool again = entry->asked_at_ms > 0;

	if (again && !desk_passed(entry->asked_at_ms, DESK_AGAIN_MS, now))
		return false;
	entry->asked_at_ms = stamp(now);
	command->role = BATON_SELF;
	command->epoch = desk_told(entry)->epoch;
	desk->host.command(desk->host.ud, &entry->notice->session, command);
	if (!again)
		desk_count(desk, metric);
	return true;
}

static void look_at_claimed(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	const struct desk_person *holder = entry->holder;
	const struct baton_queue_def *def = entry->queue->def;
	uint32_t lost_ms = desk->policy ? desk->policy->desk.lost_ms : 0;
	struct baton_command command = { .verb = BATON_CMD_RELEASE };

	if (lost_ms > 0 && holder->n_conns == 0 &&
	    desk_passed(holder->gone_from_ms, lost_ms, now)) {
		command.text = BATON_STR("agent_lost");
		ask(desk, now, entry, &command, BATON_METRIC_DESK_LEASES_LOST);
	} else if (def && def->return_ms > 0 && entry->open_at_ms > 0 &&
		   desk_passed(entry->open_at_ms, def->return_ms, now)) {
		command.text = BATON_STR("no_reply");
		ask(desk, now, entry, &command, BATON_METRIC_DESK_RETURNS);
	}
}

static void look_at_waiting(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	const struct baton_case *kase = desk_told(entry);
	uint32_t gone_ms = desk->policy ? desk->policy->desk.abandon_ms : 0;

	if (gone_ms == 0 || kase->present || kase->ticket || kase->abandoned || entry->gave_up ||
	    !desk_passed(entry->absent_at_ms, gone_ms, now))
		return;
	entry->gave_up = ask(desk, now, entry,
			     &(struct baton_command){ .verb = BATON_CMD_ABANDON,
						      .about_seq = now.ms - entry->absent_at_ms },
			     BATON_METRIC_DESK_ABANDONED);
}

void lease_tick(struct baton_desk *desk, struct baton_now now)
{
	for (struct desk_case *entry = desk->cases; entry; entry = entry->hh.next) {
		if (entry->due_ms > 0 && !entry->breached && now.unix_ms >= entry->due_ms) {
			entry->breached = true;
			desk_count(desk, BATON_METRIC_DESK_BREACHED);
		}
		if (desk_waits(entry))
			look_at_waiting(desk, now, entry);
		else
			look_at_claimed(desk, now, entry);
	}
}
