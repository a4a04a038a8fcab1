/* SPDX-License-Identifier: Apache-2.0 */

/* Row 23: the next version writes schema 2 and still reads 1. */
#define STATE_SCHEMA 2u
#include "row_state1.c"
