/* SPDX-License-Identifier: Apache-2.0 */

/* See incident.h. What is unwell is a list of names; an incident lasts while it is not empty. */
#include "core/observe/incident.h"

#include <stdio.h>

enum { NAME = BATON_NAME_BYTES_MAX + 16 };

void baton_incidents_init(struct baton_incidents *incidents)
{
	memset(incidents, 0, sizeof(*incidents));
	incidents->next.number = 1;
}

static struct baton_incident *open_one(struct baton_incidents *incidents)
{
	struct baton_incident *last = incidents->n ? &incidents->items[incidents->n - 1] : NULL;

	return last && last->ended_ms == 0 ? last : NULL;
}

static void drop_oldest(struct baton_incidents *incidents)
{
	memmove(incidents->items, incidents->items + 1,
		sizeof(incidents->items[0]) * (BATON_INCIDENTS_MAX - 1));
	incidents->n--;
	incidents->dropped++;
}

/* Trouble that comes back at once is the old incident; else the gathered one begins. */
static struct baton_incident *begin(struct baton_incidents *incidents, uint64_t unix_ms)
{
	struct baton_incident *incident = incidents->n ? &incidents->items[incidents->n - 1] : NULL;

	if (incident && incident->ended_ms + BATON_INCIDENT_MERGE_MS >= unix_ms) {
		incident->ended_ms = incident->resumed_ms = 0;
		return incident;
	}
	if (incidents->n == BATON_INCIDENTS_MAX)
		drop_oldest(incidents);
	incident = &incidents->items[incidents->n++];
	*incident = incidents->next;
	if (incident->trouble_ms + BATON_INCIDENT_LEAD_MS < unix_ms) {
		*incident = (struct baton_incident){ .number = incident->number };
	}
	incident->begun_ms = unix_ms;
	snprintf(incident->drill, sizeof(incident->drill), "%s", incidents->drill);
	incidents->next = (struct baton_incident){ .number = incident->number + 1 };
	return incident;
}

/* "; NAME STATE (WHY)" once per incident. */
static void tell(struct baton_incident *incident, const char *name, baton_str state, baton_str why)
{
	size_t n = strlen(incident->what);

	if (strstr(incident->what, name))
		return;
	snprintf(incident->what + n, sizeof(incident->what) - n, "%s%s %.*s%s%.*s%s", n ? "; " : "",
		 name, (int)state.n, state.p ? state.p : "", why.n ? " (" : "", (int)why.n,
		 why.p ? why.p : "", why.n ? ")" : "");
}

static size_t find(const struct baton_incidents *incidents, const char *name)
{
	size_t i = 0;

	while (i < incidents->n_unwell && strcmp(incidents->unwell[i].name, name) != 0)
		i++;
	return i;
}

static void unwell(struct baton_incidents *incidents, const struct baton_event *event,
		   const char *name, baton_str state, baton_str why)
{
	struct baton_incident *incident = open_one(incidents);

	if (!incident)
		incident = begin(incidents, event->unix_ms);
	tell(incident, name, state, why);
	if (find(incidents, name) == incidents->n_unwell &&
	    incidents->n_unwell < BATON_INCIDENT_SUBJECTS_MAX)
		snprintf(incidents->unwell[incidents->n_unwell++].name, NAME, "%s", name);
}

static void well(struct baton_incidents *incidents, const struct baton_event *event,
		 const char *name)
{
	struct baton_incident *incident = open_one(incidents);
	size_t at = find(incidents, name);

	if (at < incidents->n_unwell)
		incidents->unwell[at] = incidents->unwell[--incidents->n_unwell];
	if (incident && incidents->n_unwell == 0)
		incident->ended_ms = event->unix_ms;
}

static void on_target(struct baton_incidents *incidents, const struct baton_event *event)
{
	const struct baton_ev_target_changed *change = &event->target_changed;
	bool account = baton_str_is(change->kind, "account");
	char name[NAME];

	snprintf(name, sizeof(name), "%s %.*s", account ? "account" : "target",
		 (int)change->target.n, change->target.p ? change->target.p : "");
	/* A breaker is well when it is closed, an account when it is open. */
	if (baton_str_is(change->is, account ? "open" : "closed"))
		well(incidents, event, name);
	else
		unwell(incidents, event, name, change->is, change->trigger);
}

static void on_mode(struct baton_incidents *incidents, const struct baton_event *event)
{
	bool on = event->type == BATON_EV_MODE_ENTERED;
	baton_str mode = on ? event->mode_entered.mode : event->mode_left.mode;
	char name[NAME];

	snprintf(name, sizeof(name), "mode %.*s", (int)mode.n, mode.p ? mode.p : "");
	if (on)
		unwell(incidents, event, name, BATON_STR("on"), event->mode_entered.trigger);
	else
		well(incidents, event, name);
}

static void on_drill(struct baton_incidents *incidents, const struct baton_event *event)
{
	baton_str drill = event->drill_changed.drill;
	struct baton_incident *incident = open_one(incidents);

	incidents->drill[0] = '\0';
	if (!event->drill_changed.on)
		return;
	snprintf(incidents->drill, sizeof(incidents->drill), "%.*s", (int)drill.n,
		 drill.p ? drill.p : "");
	if (incident && incident->drill[0] == '\0' && incident->begun_ms == event->unix_ms)
		snprintf(incident->drill, sizeof(incident->drill), "%s", incidents->drill);
}

void baton_incidents_event(struct baton_incidents *incidents, const struct baton_event *event)
{
	if (event->seq <= incidents->last_seq)
		return;
	incidents->last_seq = event->seq;
	switch ((int)event->type) {
	case BATON_EV_TARGET_CHANGED:
		on_target(incidents, event);
		break;
	case BATON_EV_MODE_ENTERED:
	case BATON_EV_MODE_LEFT:
		on_mode(incidents, event);
		break;
	case BATON_EV_DRILL_CHANGED:
		on_drill(incidents, event);
		break;
	case BATON_EV_ALERT_CHANGED:
		if (event->alert_changed.on)
			baton_incidents_now(incidents, event->unix_ms)->alert = true;
		break;
	default:
		break; /* the log's other events say who did what */
	}
}

void baton_incidents_trouble(struct baton_incidents *incidents, uint64_t unix_ms)
{
	struct baton_incident *next = &incidents->next;

	if (open_one(incidents))
		return;
	if (next->trouble_ms + BATON_INCIDENT_LEAD_MS < unix_ms)
		*next = (struct baton_incident){ .number = next->number, .trouble_ms = unix_ms };
}

struct baton_incident *baton_incidents_now(struct baton_incidents *incidents, uint64_t unix_ms)
{
	struct baton_incident *incident = open_one(incidents);

	if (incident)
		return incident;
	baton_incidents_trouble(incidents, unix_ms);
	return &incidents->next;
}

void baton_incidents_healthy(struct baton_incidents *incidents, uint64_t unix_ms)
{
	struct baton_incident *last = incidents->n ? &incidents->items[incidents->n - 1] : NULL;

	if (last && last->ended_ms > 0 && last->resumed_ms == 0)
		last->resumed_ms = unix_ms;
}
