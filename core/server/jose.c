/* SPDX-License-Identifier: Apache-2.0 */

#define JOSE_ITSELF
#include "core/server/jose.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/loop/library.h"

#include <pthread.h>
#include <stdio.h>

static struct {
	pthread_once_t once;
	bool there;
	struct jose calls;
	char why[256];
} library = { .once = PTHREAD_ONCE_INIT };

static void load(void)
{
	void *opened = baton_library_open("libjose.so.0", library.why, sizeof(library.why));

	if (!opened)
		return;
#define X(name) baton_library_find(opened, #name, &library.calls.name);
	JOSE_CALLS(X)
#undef X
	library.there = true;
}

int jose_open(char *why, size_t cap)
{
	pthread_once(&library.once, load);
	if (library.there)
		return BATON_OK;
	(void)snprintf(why, cap, "%s", library.why);
	return BATON_E_IO;
}

const struct jose *jose(void)
{
	baton_assert(library.there);
	return &library.calls;
}
