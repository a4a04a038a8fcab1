/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves a handler for the end of the process behind: may run, may never be unmapped. */
#include <stdlib.h>

#include "fixture.h"

static void fixture_bye(void)
{
}

__attribute__((used)) static int fixture_stay(void)
{
	return atexit(fixture_bye);
}
