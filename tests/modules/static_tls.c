/* SPDX-License-Identifier: Apache-2.0 */

/* Thread-local data in the static block, of which there is little: later modules could not load. */
#include "fixture.h"

static __thread int32_t counter __attribute__((tls_model("initial-exec")));

__attribute__((used)) static int32_t fixture_tls(void)
{
	return ++counter;
}
