/* SPDX-License-Identifier: Apache-2.0 */

/* The text of what is sent: a batch of events cut into letters, each with an id that is the same
 * whenever the same events are sent. No host, no I/O. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

enum { LETTER_ID_BYTES = 160 };

/* A batch: its events as JSON objects, one behind the other with a comma between. */
struct pile {
	char *text;
	size_t *ends;    /* of each event in `text`, without the comma */
	char (*ids)[72]; /* <session>_<seq> of each */
	uint64_t *unix_ms;
	uint32_t n;
};

bool pile_init(struct pile *pile, const baton_entry *entries, uint32_t n);
void pile_done(struct pile *pile);

struct letter {
	char id[LETTER_ID_BYTES];
	uint32_t from, n; /* of the pile */
	char *body;
	size_t n_body;
};

/* As many events from `from` on as `max_events` and `max_bytes` allow, at least one. The body is new
 * memory. */
bool letter_write(struct letter *letter, const struct pile *pile, uint32_t from,
		  uint32_t max_events, size_t max_bytes);
void letter_done(struct letter *letter);
