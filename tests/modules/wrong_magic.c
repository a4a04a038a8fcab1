/* SPDX-License-Identifier: Apache-2.0 */

/* A descriptor without the magic number. */
#define FIXTURE_MAGIC 0u
#include "fixture.h"
