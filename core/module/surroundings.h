/* SPDX-License-Identifier: Apache-2.0 */

/* What all parts of a process share and a module may not change (R7): signal handlers, locale,
 * working directory, file mode mask, environment; and what it must not leave behind, descriptors
 * and threads. Taken before module code runs, compared behind it.
 *
 * In the server, where other threads work at the same time, take BATON_SURROUND_SHARED around
 * load, and BATON_SURROUND_LIFE from before dlopen() to behind unload(): nobody else changes those
 * after start. Descriptors and threads come and go there with the work of others and are judged in
 * the probe alone. */
#pragma once

#include "core/base/buf.h"

#include <signal.h>
#include <sys/types.h>

enum {
	BATON_SURROUND_SIGNALS = 1,
	BATON_SURROUND_LOCALE = 2,
	BATON_SURROUND_DIRECTORY = 4,
	BATON_SURROUND_UMASK = 8,
	BATON_SURROUND_ENVIRON = 16,
	BATON_SURROUND_FDS = 32,
	BATON_SURROUND_THREADS = 64,
	BATON_SURROUND_SHARED = 31,
	/* What was there before a life may be gone after it: another generation's handler. */
	BATON_SURROUND_LIFE = 30,
	BATON_SURROUND_ALL = 127
};

struct baton_surroundings {
	unsigned what;
	struct sigaction *signals; /* by number */
	char *locale;
	/* No descriptor of it: every generation that lives would hold one. */
	dev_t directory_dev;
	ino_t directory_ino;
	char *directory; /* its path, to go back; NULL: it has none any more */
	mode_t umask;
	uint64_t environ_hash;
	unsigned fds, threads;
};

void baton_surroundings_take(unsigned what, struct baton_surroundings *ret);
/* Compares. Signal handlers, locale, directory and mask are put back; the environment is not, since
 * another thread may be reading it. Returns the bits of what differed, and appends the words for
 * the operator to `changed`: "handler of SIGUSR2, working directory". */
unsigned baton_surroundings_settle(struct baton_surroundings *surroundings,
				   struct baton_buf *changed);
/* Signal handlers that are code of `place`, whenever they were put there: the default again, before
 * the code goes. Words and bits as above. */
struct baton_place;
unsigned baton_surroundings_drop_handlers(const struct baton_place *place,
					  struct baton_buf *changed);
/* Without comparing, or after it. */
void baton_surroundings_done(struct baton_surroundings *surroundings);
