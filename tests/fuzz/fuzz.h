/* SPDX-License-Identifier: Apache-2.0 */

/* What the fuzz targets share: an input that is eaten from the front, and a check that names itself.
 * A target is one file fuzz_<what>.c with LLVMFuzzerTestOneInput; tests.mk builds all of them with
 * libFuzzer, ASan and UBSan. Seeds lie in corpus/<what>. */
#pragma once

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A property that does not hold is a crash, so that libFuzzer keeps the input. */
#define FUZZ_CHECK(e)                                                                              \
	do {                                                                                       \
		if (!(e)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #e);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The next byte of the input, 0 at its end. */
static inline uint8_t fuzz_byte(const uint8_t **data, size_t *n)
{
	if (*n == 0)
		return 0;
	(*n)--;
	return *(*data)++;
}

static inline baton_str fuzz_rest(const uint8_t *data, size_t n)
{
	return (baton_str){ (const char *)data, n };
}
