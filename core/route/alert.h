/* SPDX-License-Identifier: Apache-2.0 */

/* The business alert: slow answers, tool calls that fail and agents who change what the model
 * wrote, seen together. One of them alone says little; two at once say that customers are badly
 * served although every single target may look well.
 *
 * It rings when `needed` of the signs are over their limits, each with enough samples. It ends when
 * so many are not any more, with a fifth to spare, for a tenth of the window and at least
 * BATON_ALERT_CLEAR_MS_MIN. Too few samples do not ring it and do not keep it ringing. Pure.
 */
#pragma once

#include "core/route/quantile.h"
#include "core/route/tally.h"

enum { BATON_ALERT_CLEAR_MS_MIN = 30000 };

struct baton_alert {
	struct baton_alert_def def; /* needed = 0: none is declared, and it never rings */
	bool on;
	uint64_t since_unix_ms; /* of `on`, as it is */
	uint64_t clear_ms;      /* the signs are gone since then, 0: they are not */
	struct baton_tally tally;
	struct baton_histogram times[BATON_TALLY_SLICES]; /* of whole turns; the tally's slices */
	baton_board_happened *happened;
	void *ud;
};

void baton_alert_init(struct baton_alert *alert, baton_board_happened *happened, void *ud);
/* A changed window begins anew; other changes of limits keep what was seen. An alert that is not
 * declared any more ends. */
void baton_alert_adopt(struct baton_alert *alert, struct baton_now now,
		       const struct baton_alert_def *def);
void baton_alert_report(struct baton_alert *alert, struct baton_now now,
			const struct baton_turn_report *report);
void baton_alert_judged(struct baton_alert *alert, struct baton_now now, baton_str what);
void baton_alert_tick(struct baton_alert *alert, struct baton_now now);
/* {"on":true,"since_unix_ms":..,"turns":..,"p95_ms":..,"tool_success_ppm":..,"override_ppm":..,
 * "signs":["slow","tools"]}; "null" if none is declared. */
void baton_alert_json(struct baton_alert *alert, struct baton_now now, struct baton_buf *out);
