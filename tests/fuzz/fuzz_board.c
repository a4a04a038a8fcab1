/* SPDX-License-Identifier: Apache-2.0 */

/* What the board kept over a restart: any bytes may be on the disk. A text is refused whole, or it
 * is taken, can be lived on with, and is written and read again to the same bytes. */

#include "core/base/json.h"
#include "core/route/board.h"
#include "tests/fuzz/fuzz.h"

static const struct baton_now start = { 1000000, 1800000000000ull };

/* Modes that end and begin must do so in turns. */
static void on_happened(void *ud, const struct baton_happening *happening)
{
	int *on = ud;

	if (happening->type == BATON_HAPPENED_MODE_ON)
		(*on)++;
	FUZZ_CHECK(happening->subject && happening->is && happening->by && happening->detail);
}

static const struct baton_mode_def modes[] = {
	{ .name = "night", .what = BATON_MODE_PAUSE, .max_duration_ms = 60000 },
	{ .name = "rain",
	  .what = BATON_MODE_TICKET,
	  .max_duration_ms = 90000,
	  .at_expiry = BATON_EXPIRY_NEXT,
	  .next = &modes[0] },
};

static struct baton_target targets[] = {
	{ .name = "main", .account = "acme", .region = "eu", .substitute = "spare" },
	{ .name = "spare", .account = "acme", .region = "eu", .substitute = "" },
	{ .name = "other", .account = "globex", .region = "", .substitute = "" },
};
static struct baton_route route = { .intent = "refund",
				    .primary = &targets[0],
				    .fallbacks = { &targets[1], &targets[2] },
				    .n_fallbacks = 2,
				    .max_p95_ms = 3500,
				    .queue = "q" };

/* A turn: whoever may be asked answers. */
static void ask(struct baton_board *board, struct baton_now now, const struct baton_policy *policy)
{
	static const struct baton_id session = { .b = { 1 } };
	static const struct baton_outcome well = { .answered = true, .total_ms = 5 };
	struct baton_choice choice;

	if (baton_board_next(board, now,
			     &(struct baton_ask){ .policy = policy,
						  .route = &route,
						  .session = &session,
						  .left_ms = 30000 },
			     &choice))
		baton_board_settle(board, now, choice.lease, &well);
}

static void live_on(struct baton_board *board)
{
	const struct baton_policy policy = { .modes = (struct baton_mode_def *)(uintptr_t)modes,
					     .n_modes = 2,
					     .targets = targets,
					     .n_targets = 3,
					     .routes = &route,
					     .n_routes = 1 };
	struct baton_buf text = { 0 };
	struct baton_json json;
	struct baton_now now = start;

	baton_board_adopt(board, now, &policy);
	for (int i = 0; i < 20; i++) {
		now.ms += 30000;
		now.unix_ms += 30000;
		ask(board, now, &policy);
		baton_board_tick(board, now);
	}
	baton_board_json(board, now, &text);
	FUZZ_CHECK(baton_json_parse(baton_buf_view(&text), &json) == 0);
	baton_buf_reset(&text);
	baton_board_metrics(board, now, &text);
	/* The policy goes with this function: nothing may look at it afterwards. */
	baton_board_adopt(board, now, &(struct baton_policy){ .n_modes = 0 });
	baton_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int on = 0;
	struct baton_board *board = baton_board_new(on_happened, &on);
	struct baton_board *again = baton_board_new(on_happened, &on);
	struct baton_buf first = { 0 }, second = { 0 };

	if (baton_board_load(board, start, fuzz_rest(data, n)) == 0) {
		baton_board_save(board, start, &first);
		FUZZ_CHECK(baton_board_load(again, start, baton_buf_view(&first)) == 0);
		baton_board_save(again, start, &second);
		FUZZ_CHECK(baton_str_eq(baton_buf_view(&first), baton_buf_view(&second)));
		FUZZ_CHECK(on == 0); /* nothing is told of what was so before */
		live_on(board);
	} else {
		baton_board_save(board, start, &first);
		baton_board_save(again, start, &second);
		FUZZ_CHECK(baton_str_eq(baton_buf_view(&first), baton_buf_view(&second)));
	}
	baton_board_free(&board);
	baton_board_free(&again);
	baton_buf_done(&first);
	baton_buf_done(&second);
	return 0;
}
