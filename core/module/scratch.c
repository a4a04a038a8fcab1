/* SPDX-License-Identifier: Apache-2.0 */

#include "core/module/scratch.h"

#include "core/base/errors.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

int baton_scratch_make(char dir[BATON_SCRATCH_BYTES], const char *what)
{
	const char *below = getenv("TMPDIR");
	int n = -1;

	if (below && below[0] == '/')
		n = snprintf(dir, BATON_SCRATCH_BYTES, "%s/baton-%s-XXXXXX", below, what);
	if (n < 0 || n >= BATON_SCRATCH_BYTES)
		(void)snprintf(dir, BATON_SCRATCH_BYTES, "/tmp/baton-%s-XXXXXX", what);
	if (mkdtemp(dir))
		return BATON_OK;
	dir[0] = '\0';
	return BATON_E_IO;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void baton_scratch_drop(const char *dir)
{
	if (dir[0])
		(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
