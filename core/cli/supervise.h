/* SPDX-License-Identifier: Apache-2.0 */

/* The parent of a server that is to be started again when it crashes. */
#pragma once

#include <stdbool.h>

/* Added to the exit code of a supervised server that ends by itself. */
enum { CLI_IN_ORDER = 64 };

/* Runs this very command again as a child until it ends by itself; returns the exit code. */
int cli_supervise(void);
/* True in the child of the above; it then ends with its parent. */
bool cli_is_supervised(void);
