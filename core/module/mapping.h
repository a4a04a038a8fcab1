/* SPDX-License-Identifier: Apache-2.0 */

/* A generation's code inside the server: its private copy mapped, known to who attributes crashes,
 * watched for what it changes around itself, and unmapped again. */
#pragma once

#include "core/module/generation.h"

/* How many generations have ended and stay mapped all the same; no more than the maximum. [any] */
enum { BATON_RESIDENTS_MAX = 64 };
unsigned baton_mapping_residents(void);
/* dlopen() of the copy and its entry; constructors run. 0, or BATON_E_MODULE with one line in
 * `why`. [loader's thread] */
int baton_mapping_open(struct baton_generation *generation, char *why, size_t cap);
/* load(), with `ctx`, where the module has one. BATON_OK, or what it said. */
int32_t baton_mapping_load(struct baton_generation *generation, struct baton_ctx *ctx);
/* unload() if load() went well, then unmapped, unless it must stay until the process ends. */
void baton_mapping_close(struct baton_generation *generation);
