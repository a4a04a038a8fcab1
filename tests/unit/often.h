/* SPDX-License-Identifier: Apache-2.0 */

/* How often a test by chance is run, and how long work may take. Under sanitizers a round takes six
 * times as long, thirty at worst, and looks for something else (bad memory, not rare luck): a tenth of
 * the rounds finds it. BATON_TIMES=N makes N times as many (make unit-long TIMES=N). */
#pragma once

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OFTEN(n) ((n) / 10)
#define SLOWER 30
#else
#define OFTEN(n) (n)
#define SLOWER 1
#endif

static inline unsigned often_times(void)
{
	const char *times = getenv("BATON_TIMES");
	unsigned long n = times ? strtoul(times, NULL, 10) : 1;

	return n > 0 && n <= 1000 ? (unsigned)n : 1;
}
