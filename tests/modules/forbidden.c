/* SPDX-License-Identifier: Apache-2.0 */

/* Wants to run programs. */
#include <stdlib.h>

#include "fixture.h"

__attribute__((used)) static int fixture_shell(const char *line)
{
	return system(line);
}
