/* SPDX-License-Identifier: Apache-2.0 */

/* Built for another major ABI. Its constructor would leave a file behind: it must never run. */
#include <stdio.h>

#define FIXTURE_MAJOR 2u
#include "fixture.h"

__attribute__((constructor)) static void ran(void)
{
	FILE *f = fopen("constructor-ran", "w");
	if (f)
		(void)fclose(f);
}
