/* SPDX-License-Identifier: Apache-2.0 */

/* Two policy sets beside each other: the one that serves, and one that might. */
#pragma once

#include "core/cli/cli.h"

enum { CLI_SET_BYTES = 4096 };

/* Where the running server read its set, and where a copy of what it read is: its files may have
 * been changed since. CLI_OK; CLI_UNREACHABLE or CLI_FAILED, told. */
int cli_sets_serving(const struct cli_options *options, char ret_path[CLI_SET_BYTES],
		     char ret_copy[CLI_SET_BYTES]);
/* --against and --policies; without --against the set that serves, and without --policies the same
 * folder as it is now. */
int cli_sets_find(const struct cli_options *options, char ret_old[CLI_SET_BYTES],
		  char ret_new[CLI_SET_BYTES]);
