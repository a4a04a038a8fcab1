/* SPDX-License-Identifier: Apache-2.0 */

/* Exports a second symbol, which could meet one of the server's or of another module. */
#include "fixture.h"

extern BATON_EXPORT int baton_log_level;
int baton_log_level = 3;
