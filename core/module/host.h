/* SPDX-License-Identifier: Apache-2.0 */

/* What the parts of the host table share. */
#pragma once

#include "core/module/release.h"

/* A release as the host table needs it. */
struct baton_release_host {
	struct baton_journal *journal;
	const char *ca_file;
	bool allow_loopback_http;
};
const struct baton_release_host *baton_release_host(const struct baton_release *release);
size_t baton_release_generations(const struct baton_release *release);
struct baton_generation *baton_release_generation(const struct baton_release *release, size_t i);

/* A pointer where there are bytes, at most `max` of them, UTF-8. */
bool baton_host_text_ok(baton_str s, size_t max);
