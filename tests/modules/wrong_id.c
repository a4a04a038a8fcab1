/* SPDX-License-Identifier: Apache-2.0 */

/* The descriptor is not what the note promised. */
#define FIXTURE_ENTRY_ID "somebody-else"
#include "fixture.h"
