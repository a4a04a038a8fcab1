/* SPDX-License-Identifier: Apache-2.0 */

/* Takes one setting, of a given type. */
#define FIXTURE_SCHEMA \
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":1}}}"
#include "fixture.h"
