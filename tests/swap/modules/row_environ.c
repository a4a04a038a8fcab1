/* SPDX-License-Identifier: Apache-2.0 */

/* Row 27: changes what belongs to the whole process, with functions that no list of imports
 * shows. */
#include <locale.h>
#include <sys/syscall.h>
#include <unistd.h>
#define HAS_LOAD
#define FRAME_ID "environ"
#include "frame.h"
#include "raw.h"

static int32_t at_load(baton_ctx *ctx)
{
	static char planted[] = "PLANTED=1";
	(void)ctx;
	if (environ && environ[0])
		environ[0] = planted;
	(void)raw_call(SYS_umask, 0, 0, 0);
	(void)raw_call(SYS_chdir, (long)(intptr_t) "/", 0, 0);
	(void)setlocale(LC_ALL, "C.UTF-8");
	return BATON_OK;
}
