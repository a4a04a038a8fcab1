/* SPDX-License-Identifier: Apache-2.0 */

/* load() says no. */
#define FIXTURE_LOAD_RC BATON_E_IO
#include "fixture.h"
