/* SPDX-License-Identifier: Apache-2.0 */

/* Drills that run. A lease is checked against the clock at every question, so that a fault can
 * never outlive it, whoever forgot to tick. */

#include "core/route/drills.h"

#include "core/base/buf.h"
#include "core/base/hash.h"
#include "core/base/table.h"

#include <string.h>

enum { PPM = 1000000 };

void baton_drills_init(struct baton_drills *drills, baton_board_happened *happened, void *ud)
{
	*drills = (struct baton_drills){ .happened = happened, .ud = ud };
}

static size_t index_of(const struct baton_drills *drills, const char *name)
{
	size_t i = 0;

	while (i < drills->n && strcmp(drills->all[i].name, name) != 0)
		i++;
	return i;
}

static void tell(struct baton_drills *drills, struct baton_now now, size_t at, const char *why,
		 const char *by)
{
	drills->happened(drills->ud,
			 &(struct baton_happening){
				 .type = why ? BATON_HAPPENED_DRILL_OFF : BATON_HAPPENED_DRILL_ON,
				 .trigger = BATON_TRIGGER_DECLARED,
				 .subject = drills->all[at].name,
				 .was = why ? "running" : "",
				 .is = why ? why : "running",
				 .by = by,
				 .detail = "",
				 .unix_ms = now.unix_ms,
			 });
}

/* --- is it one at all --- */

static bool is_text(const char *text, size_t cap)
{
	size_t n = strnlen(text, cap);

	return n > 0 && n < cap && baton_str_utf8_ok((baton_str){ text, n });
}

static bool fault_is_sound(const struct baton_drill *drill, size_t i)
{
	uint32_t from_ms = drill->faults[i].from_ms, to_ms = drill->faults[i].to_ms;

	return is_text(drill->faults[i].target, sizeof(drill->faults[i].target)) &&
	       drill->faults[i].fault.type > BATON_FAULT_NONE &&
	       drill->faults[i].fault.type <= BATON_FAULT_GARBAGE && from_ms < BATON_DRILL_MS_MAX &&
	       (to_ms == 0 || to_ms > from_ms);
}

static bool is_sound(const struct baton_drill *drill)
{
	if (!is_text(drill->name, sizeof(drill->name)) || drill->share_ppm > PPM ||
	    drill->until_ms <= drill->start_ms || drill->n_faults == 0 ||
	    drill->n_faults > BATON_DRILL_FAULTS_MAX)
		return false;
	for (size_t i = 0; i < drill->n_faults; i++) {
		if (!fault_is_sound(drill, i))
			return false;
	}
	return true;
}

/* --- leases --- */

static void drop(struct baton_drills *drills, size_t at)
{
	drills->n--;
	memmove(&drills->all[at], &drills->all[at + 1], (drills->n - at) * sizeof(drills->all[0]));
	memmove(&drills->by[at], &drills->by[at + 1], (drills->n - at) * sizeof(drills->by[0]));
}

void baton_drills_tick(struct baton_drills *drills, struct baton_now now)
{
	for (size_t i = drills->n; i > 0; i--) {
		if (now.ms < drills->all[i - 1].until_ms)
			continue;
		tell(drills, now, i - 1, "time_up", "");
		drop(drills, i - 1);
	}
}

int baton_drills_start(struct baton_drills *drills, struct baton_now now,
		       const struct baton_drill *drill, const struct baton_admin *admin)
{
	struct baton_drill lease = *drill;

	baton_drills_tick(drills, now);
	if (lease.start_ms < now.ms)
		lease.start_ms = now.ms;
	if (!is_sound(&lease))
		return BATON_E_INVAL;
	if (drills->n == BATON_DRILLS_MAX || lease.until_ms - now.ms > BATON_DRILL_MS_MAX)
		return BATON_E_LIMIT;
	if (index_of(drills, lease.name) < drills->n)
		return BATON_E_STATE;
	baton_str by = baton_str_clip(baton_str_of(admin->by), sizeof(drills->by[0]) - 1);

	drills->all[drills->n] = lease;
	memset(drills->by[drills->n], 0, sizeof(drills->by[0]));
	if (by.n > 0)
		memcpy(drills->by[drills->n], by.p, by.n);
	drills->n++;
	tell(drills, now, drills->n - 1, NULL, drills->by[drills->n - 1]);
	return 0;
}

int baton_drills_stop(struct baton_drills *drills, struct baton_now now, const char *name,
		      const struct baton_admin *admin)
{
	baton_drills_tick(drills, now);
	size_t at = index_of(drills, name);

	if (at == drills->n)
		return BATON_E_NOTFOUND;
	tell(drills, now, at, "stopped", admin->by ? admin->by : "");
	drop(drills, at);
	return 0;
}

/* --- the question --- */

/* The share is taken by a hash of the session and the drill's name: all attempts of a session fare
 * alike, and two drills do not pick the same sessions. */
static bool takes_part(const struct baton_drill *drill, const struct baton_id *session,
		       bool labelled)
{
	if (labelled || drill->labelled_only)
		return labelled;
	uint64_t seed = baton_hash(drill->name, strlen(drill->name));

	return baton_hash_seeded(session->b, sizeof(session->b), seed) % PPM < drill->share_ppm;
}

static bool is_running(const struct baton_drill *drill, struct baton_now now)
{
	return now.ms >= drill->start_ms && now.ms < drill->until_ms;
}

static bool fault_is_on(const struct baton_drill *drill, size_t i, uint64_t at_ms)
{
	return at_ms >= drill->faults[i].from_ms &&
	       (drill->faults[i].to_ms == 0 || at_ms < drill->faults[i].to_ms);
}

static bool fault_fits(const struct baton_drill *drill, size_t i, uint64_t at_ms,
		       const char *target, bool is_primary)
{
	const char *whom = drill->faults[i].target;

	return fault_is_on(drill, i, at_ms) &&
	       (strcmp(whom, target) == 0 ||
		strcmp(whom, is_primary ? "primary" : "fallback") == 0);
}

bool baton_drills_fault(const struct baton_drills *drills, struct baton_now now,
			const struct baton_id *session, bool labelled, const char *target,
			bool is_primary, struct baton_fault *ret_fault)
{
	for (size_t i = 0; i < drills->n; i++) {
		const struct baton_drill *drill = &drills->all[i];

		if (!is_running(drill, now) || !takes_part(drill, session, labelled))
			continue;
		for (size_t k = 0; k < drill->n_faults; k++) {
			if (!fault_fits(drill, k, now.ms - drill->start_ms, target, is_primary))
				continue;
			*ret_fault = drill->faults[k].fault;
			return true;
		}
	}
	return false;
}

static bool for_some(const struct baton_drill *drill)
{
	return drill->labelled_only || drill->share_ppm < PPM;
}

bool baton_drills_apart(const struct baton_drills *drills, struct baton_now now,
			const struct baton_id *session, bool labelled)
{
	for (size_t i = 0; i < drills->n; i++)
		if (is_running(&drills->all[i], now) && for_some(&drills->all[i]) &&
		    takes_part(&drills->all[i], session, labelled))
			return true;
	return false;
}

static bool hurts(const struct baton_drill *drill, struct baton_now now)
{
	for (size_t i = 0; i < drill->n_faults; i++)
		if (fault_is_on(drill, i, now.ms - drill->start_ms))
			return true;
	return false;
}

bool baton_drills_hurt(const struct baton_drills *drills, struct baton_now now,
		       const struct baton_id *session, bool labelled)
{
	for (size_t i = 0; i < drills->n; i++)
		if (is_running(&drills->all[i], now) && for_some(&drills->all[i]) &&
		    takes_part(&drills->all[i], session, labelled) && hurts(&drills->all[i], now))
			return true;
	return false;
}

bool baton_drills_partial(const struct baton_drills *drills, struct baton_now now)
{
	for (size_t i = 0; i < drills->n; i++)
		if (is_running(&drills->all[i], now) && for_some(&drills->all[i]))
			return true;
	return false;
}

bool baton_drills_running(const struct baton_drills *drills, struct baton_now now)
{
	for (size_t i = 0; i < drills->n; i++) {
		if (is_running(&drills->all[i], now))
			return true;
	}
	return false;
}

/* --- for people --- */

static void faults_json(const struct baton_drill *drill, struct baton_buf *out)
{
	for (size_t i = 0; i < drill->n_faults; i++) {
		baton_buf_printf(out, "%s{\"fault\":\"%s\",\"target\":", i > 0 ? "," : "",
				 baton_fault_name(drill->faults[i].fault.type));
		baton_buf_json(out, baton_str_of(drill->faults[i].target));
		baton_buf_printf(out, ",\"ms\":%u,\"deltas\":%u,\"from_ms\":%u,\"to_ms\":%u}",
				 drill->faults[i].fault.ms, drill->faults[i].fault.deltas,
				 drill->faults[i].from_ms, drill->faults[i].to_ms);
	}
}

void baton_drills_json(const struct baton_drills *drills, struct baton_now now,
		       struct baton_buf *out)
{
	baton_buf_z(out, "[");
	for (size_t i = 0; i < drills->n; i++) {
		const struct baton_drill *drill = &drills->all[i];

		baton_buf_printf(out, "%s{\"name\":", i > 0 ? "," : "");
		baton_buf_json(out, baton_str_of(drill->name));
		baton_buf_z(out, ",\"by\":");
		baton_buf_json(out, baton_str_of(drills->by[i]));
		baton_buf_printf(out, ",\"running\":%s,\"share_ppm\":%u,\"labelled_only\":%s",
				 is_running(drill, now) ? "true" : "false", drill->share_ppm,
				 drill->labelled_only ? "true" : "false");
		baton_buf_printf(out, ",\"left_ms\":%llu,\"faults\":[",
				 (unsigned long long)(drill->until_ms > now.ms
							      ? drill->until_ms - now.ms
							      : 0));
		faults_json(drill, out);
		baton_buf_z(out, "]}");
	}
	baton_buf_z(out, "]");
}
