/* SPDX-License-Identifier: Apache-2.0 */

/* The file of one day: which sessions it holds up to which seq, and appending to it so that after a
 * crash or a full disk it holds whole lines only. Blocking; one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct day_line {
	const char *session; /* NUL-terminated */
	uint64_t seq, unix_ms;
	const char *text; /* with its newline */
	size_t n;
};

struct day_seen; /* one session's last seq */

struct day {
	int fd;         /* -1: none open */
	int64_t number; /* days since 1970 */
	uint64_t bytes; /* up to here there are whole lines */
	struct day_seen *seen;
	bool broken; /* the file could not be cut back: read it again before anything is added */
};

void day_init(struct day *day);
void day_done(struct day *day);
/* Appends the lines that are not there yet to the files of their days in `dir` (made if missing,
 * one level) and syncs. 0, or errno; then of the day at hand nothing half-written stays. */
int day_append(struct day *day, const char *dir, const struct day_line *lines, size_t n);
