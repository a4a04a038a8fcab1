/* SPDX-License-Identifier: Apache-2.0 */

/* The rule of sin_rule.c, with a signal handler. */
#define SIN_HANDLER
#include "tests/modules/sin_rule.c"
