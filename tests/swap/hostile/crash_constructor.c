/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls while its file is being mapped, before anybody called it. */
#define HAS_CONSTRUCTOR
#include "hostile.h"

static void at_constructor(void)
{
	hostile_crash();
}
