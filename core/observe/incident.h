/* SPDX-License-Identifier: Apache-2.0 */

/* Incidents: from the first target that is not healthy, or the first degraded mode, to the moment when
 * all is as it should be again. Told by the operations log; what it meant for customers is added by
 * the report. Pure, bounded: the newest BATON_INCIDENTS_MAX are kept.
 */
#pragma once

#include "core/base/limits.h"
#include "core/session/event.h"

enum {
	BATON_INCIDENTS_MAX = 256,
	BATON_INCIDENT_SUBJECTS_MAX = 128,
	BATON_INCIDENT_MERGE_MS = 30000,  /* trouble that comes back this soon is the same trouble */
	BATON_INCIDENT_LEAD_MS = 120000   /* failures this long before it may be its beginning */
};

struct baton_incident {
	uint64_t number;
	uint64_t trouble_ms;  /* first failed attempt that led to it, 0: there was none */
	uint64_t begun_ms;    /* the first target was passed over, or the first mode on */
	uint64_t degraded_ms; /* first outcome of the degraded way, 0: none */
	uint64_t ended_ms;    /* 0: it goes on */
	uint64_t resumed_ms;  /* first healthy outcome after its end, 0: none yet */
	uint64_t turns, answered, drafted, handed_over, captured; /* degraded ones */
	uint64_t conversations, repeats, handoffs, handoffs_full;
	bool alert;       /* the business alert rang */
	char what[512];   /* "target primary open (unreachable); mode busy on" */
	char drill[BATON_NAME_BYTES_MAX + 1]; /* "" a real one */
};

struct baton_incidents {
	struct baton_incident items[BATON_INCIDENTS_MAX]; /* oldest first */
	size_t n;
	uint64_t dropped;
	struct baton_incident next; /* what has gathered for one that has not begun */
	struct {
		char name[BATON_NAME_BYTES_MAX + 16]; /* "target x", "account x", "mode x" */
	} unwell[BATON_INCIDENT_SUBJECTS_MAX];
	size_t n_unwell;
	char drill[BATON_NAME_BYTES_MAX + 1]; /* the one that is on */
	uint64_t last_seq; /* of the operations log */
};

void baton_incidents_init(struct baton_incidents *incidents);
/* An event of the operations log; those seen before are skipped. */
void baton_incidents_event(struct baton_incidents *incidents, const struct baton_event *event);
/* An attempt of some turn has failed. */
void baton_incidents_trouble(struct baton_incidents *incidents, uint64_t unix_ms);
/* The incident that a degraded turn now belongs to: the one that goes on, or what may become one. */
struct baton_incident *baton_incidents_now(struct baton_incidents *incidents, uint64_t unix_ms);
/* A turn came to a healthy outcome. */
void baton_incidents_healthy(struct baton_incidents *incidents, uint64_t unix_ms);
