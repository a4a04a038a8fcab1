/* SPDX-License-Identifier: Apache-2.0 */

/* Crashes before anybody has called it: in a constructor. */
#include "fixture.h"

static int *volatile nowhere;

__attribute__((constructor, no_sanitize("undefined"))) static void fixture_first(void)
{
	*nowhere = 1;
}
