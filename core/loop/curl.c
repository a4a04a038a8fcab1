/* SPDX-License-Identifier: Apache-2.0 */

#define BATON_CURL_ITSELF
#include "core/loop/curl.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/library.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
	pthread_once_t once;
	bool there;
	struct baton_curl calls;
	char why[256];
} curl = { .once = PTHREAD_ONCE_INIT };

static void *take(size_t n)
{
	return baton_realloc(NULL, n);
}

static char *take_text(const char *text)
{
	return baton_memdupz(text, strlen(text));
}

static void *take_zeroed(size_t n, size_t bytes)
{
	size_t all;

	baton_assert(!__builtin_mul_overflow(n, bytes, &all));
	return baton_alloc(all);
}

static void load(void)
{
	void *library = baton_library_open("libcurl.so.4", curl.why, sizeof(curl.why));

	if (!library)
		return;
#define X(name) baton_library_find(library, #name, &curl.calls.name);
	BATON_CURL_CALLS(X)
#undef X
	/* Half of what a request allocates it frees a moment later. */
	baton_assert(curl.calls.curl_global_init_mem(CURL_GLOBAL_DEFAULT, take, baton_free,
						     baton_realloc, take_text,
						     take_zeroed) == CURLE_OK);
	curl.there = true;
}

int baton_curl_open(char *why, size_t cap)
{
	pthread_once(&curl.once, load);
	if (curl.there)
		return BATON_OK;
	(void)snprintf(why, cap, "%s", curl.why);
	return BATON_E_IO;
}

const struct baton_curl *baton_curl(void)
{
	pthread_once(&curl.once, load);
	if (!curl.there)
		baton_log(BATON_LOG_ERROR, "library_not_loaded", "s", "why", curl.why);
	baton_assert(curl.there);
	return &curl.calls;
}
