/* SPDX-License-Identifier: Apache-2.0 */

/* moody.c on a good day: the last version before the bad one. */
#define MOODY 0
#include "moody.c"
