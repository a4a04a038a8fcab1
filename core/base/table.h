/* SPDX-License-Identifier: Apache-2.0 */

/* uthash and utlist as the core uses them: XXH3 as the hash, the core's memory, which never fails. */
#pragma once

#include "core/base/mem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HASH_FUNCTION(key, n, hash) ((hash) = (unsigned)XXH3_64bits((key), (n)))
#define uthash_malloc(n) baton_alloc(n)
#define uthash_free(p, n) baton_free(p)
#include <uthash.h>
#include <utlist.h>
