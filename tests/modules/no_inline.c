/* SPDX-License-Identifier: Apache-2.0 */

/* Refuses to run in the server's process. */
#define FIXTURE_FLAGS BATON_MODF_NO_INLINE
#include "fixture.h"
