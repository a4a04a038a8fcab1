/* SPDX-License-Identifier: Apache-2.0 */

/* Row 36: brings a second copy of the database that the journal is. */
#include <lmdb.h>
#define HAS_LOAD
#define FRAME_ID "lmdb"
#include "frame.h"

static int32_t at_load(baton_ctx *ctx)
{
	(void)ctx;
	return mdb_version(NULL, NULL, NULL) ? BATON_OK : BATON_E_IO;
}
