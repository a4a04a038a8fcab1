/* SPDX-License-Identifier: Apache-2.0 */

#include "core/loop/library.h"

#include "core/base/assert.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

void *baton_library_open(const char *file, char *why, size_t cap)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		(void)snprintf(why, cap, "%s", dlerror());
	return library;
}

void baton_library_find(void *library, const char *name, void *place)
{
	void *symbol = dlsym(library, name);

	baton_assert(symbol);
	memcpy(place, &symbol, sizeof(symbol)); /* ISO C has no cast from data to functions */
}
