/* SPDX-License-Identifier: Apache-2.0 */

/* Row 8: installs a signal handler in its own code and leaves it there. */
#include <signal.h>
#define HAS_LOAD
#define FRAME_ID "signal"
#include "frame.h"

static void handler(int number)
{
	(void)number;
}

static int32_t at_load(baton_ctx *ctx)
{
	struct sigaction action;
	(void)ctx;
	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	return sigaction(SIGUSR2, &action, NULL) == 0 ? BATON_OK : BATON_E_IO;
}
