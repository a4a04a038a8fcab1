/* SPDX-License-Identifier: Apache-2.0 */

/* A configuration schema with a rule that this server cannot check. */
#define FIXTURE_SCHEMA \
	"{\"type\":\"object\",\"properties\":{\"url\":{\"type\":\"string\",\"pattern\":\"^https\"}}}"
#include "fixture.h"
