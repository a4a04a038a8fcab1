/* SPDX-License-Identifier: Apache-2.0 */

/* What the parts of the host table share. */
#pragma once

#include "core/module/release.h"

size_t baton_release_generations(const struct baton_release *release);
struct baton_generation *baton_release_generation(const struct baton_release *release, size_t i);
_Atomic(uint64_t) *baton_release_pin_count(struct baton_release *release);

/* A pointer where there are bytes, at most `max` of them, UTF-8. */
bool baton_host_text_ok(baton_str s, size_t max);
