/* SPDX-License-Identifier: Apache-2.0 */

/* Needs a newer minor than any server of today has. */
#define BATON_ABI_NEEDED 999u
#include "fixture.h"
