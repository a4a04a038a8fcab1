/* SPDX-License-Identifier: Apache-2.0 */

/* Could leave a signal handler behind: may run, may never be unmapped. */
#include <signal.h>

#include "fixture.h"

static void fixture_handler(int number)
{
	(void)number;
}

__attribute__((used)) static void fixture_stay(void)
{
	(void)signal(SIGUSR2, fixture_handler);
}
