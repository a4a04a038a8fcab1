/* SPDX-License-Identifier: Apache-2.0 */

/* XXH3, compiled once: inlined, it was half of what compiling a file with a table took, and no faster
 * when it ran. The library is not linked, as the simulation has none. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* XXH3_64bits() of `n` bytes. Any thread. */
uint64_t baton_hash(const void *p, size_t n);
uint64_t baton_hash_seeded(const void *p, size_t n, uint64_t seed);
