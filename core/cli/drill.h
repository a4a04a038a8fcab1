/* SPDX-License-Identifier: Apache-2.0 */

/* baton drill run: plays a drill's file against the live server. Internal to core/cli.
 *
 * One loop around poll(): lines that come in move conversations on (drill_talk.c), the clock begins
 * new ones and moves the run through its stages (drill.c). What the run holds of the server is
 * a lease on faults that ends by itself, and conversations that end with the connection.
 */
#pragma once

#include "core/base/json.h"
#include "core/cli/cli.h"
#include "core/observe/drill_sum.h"
#include "core/observe/report.h"

enum { DRILL_HELD = 0, DRILL_BROKEN = 1, DRILL_USAGE = 2, DRILL_NOT_RUN = 3 };
enum {
	DRILL_LINKS_MAX = 8,       /* connections; each has up to DRILL_LINK_TALKS conversations */
	DRILL_LINK_TALKS = 200,
	DRILL_TALKS_MAX = 100000,  /* of a whole run */
	DRILL_OUTCOME_MS = 60000,  /* a message without an outcome by then is lost */
	DRILL_PING_MS = 60000,     /* the connection that holds the drill is not to fall silent */
	DRILL_ANSWER_MS = 10000,   /* the server's answer to a verb */
	DRILL_BEFORE_MS = 30000,   /* longest healthy stage before the fault */
	DRILL_AFTER_MS = 120000,   /* ... and after it, if the file asks for nothing longer */
	DRILL_CASE_MS = 300000     /* what a case costs a person, for the price of a hand-over */
};

/* One connection to the control socket. */
struct drill_link {
	int fd;
	struct baton_buf in, out;
	unsigned n_talks;
};

enum drill_talk_state {
	TALK_OPENING, /* converse was asked */
	TALK_WAITING, /* a message has no outcome yet */
	TALK_KEPT,    /* its message is kept, or queued until the trouble is over */
	TALK_CLOSING,
	TALK_OVER
};

struct drill_talk {
	uint32_t number;
	uint16_t script;
	enum drill_talk_state state;
	struct drill_link *link;
	struct baton_id session;
	unsigned sent;        /* messages so far; the id of each is m<number> */
	uint64_t deadline_ms;
	size_t sample;        /* of the newest message */
	/* what has been seen of the turn */
	bool trouble, reasoned, unwell;
	char intent[BATON_NAME_BYTES_MAX + 1];
	bool misread; /* understood as another intent than the file says */
};

enum drill_stage { STAGE_BEFORE, STAGE_FAULT, STAGE_AFTER, STAGE_CLOSING, STAGE_DONE };

struct drill_run {
	const struct cli_options *options;
	struct baton_policy *set;
	const struct baton_drill_file *file;
	double speed;
	struct drill_link lease; /* holds the drill: with it the drill ends */
	struct drill_link links[DRILL_LINKS_MAX];
	size_t n_links;
	struct drill_talk *talks; /* DRILL_TALKS_MAX at most, grown by doubling */
	size_t n_talks, cap_talks, n_open;
	struct baton_drill_sample *samples;
	size_t n_samples, cap_samples;
	uint64_t *next_ms; /* per script: when its next conversation begins */
	uint64_t begun_ms, begun_unix_ms; /* monotonic, wall */
	uint64_t next_ping_ms;
	uint64_t fault_ms, file_end_ms, healed_ms, end_ms; /* since begun_ms */
	enum drill_stage stage;
	bool fault_on, interrupted, skipped, failed;
	char why[512]; /* why it failed */
	size_t preserved, misread;
};

/* --- drill_link.c --- */
/* 0, or CLI_UNREACHABLE, told. */
int drill_link_open(struct drill_run *run, struct drill_link *link);
void drill_link_close(struct drill_link *link);
/* Queues a line; it is sent by drill_links_wait(). */
void drill_link_send(struct drill_link *link, const struct baton_buf *line);
/* Waits until something comes, at most `ms`; calls drill_talk_hear() for each line. False: a
 * connection is gone. */
bool drill_links_wait(struct drill_run *run, uint64_t ms);
/* One verb and its answer, on the connection that holds the drill; false with run->why. */
bool drill_link_ask(struct drill_run *run, struct baton_buf *line);

/* --- drill_talk.c --- */
void drill_talk_begin(struct drill_run *run, uint16_t script);
void drill_talk_hear(struct drill_run *run, struct drill_link *link, baton_str line);
/* Messages whose time is over; returns when the next one's is, or UINT64_MAX. */
uint64_t drill_talks_tick(struct drill_run *run);
/* Ends those that wait for the trouble to be over. */
void drill_talks_close_kept(struct drill_run *run);
/* Compares the journal with what was sent: sets run->preserved. 0 or DRILL_NOT_RUN, told. */
int drill_talks_prove(struct drill_run *run);
uint64_t drill_now(const struct drill_run *run);

/* --- drill_show.c, drill_page.c --- */
struct drill_result {
	const struct drill_run *run;
	const struct baton_drill_run *figures;
	const struct baton_drill_sum *sum;
	double extra_microusd; /* cost of fallback: models and people, beside the healthy stage */
};
void drill_show_text(const struct drill_result *result, struct baton_buf *out);
void drill_show_json(const struct drill_result *result, struct baton_buf *out);
void drill_show_page(const struct drill_result *result, struct baton_buf *out);
