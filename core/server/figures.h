/* SPDX-License-Identifier: Apache-2.0 */

/* What /metrics says of releases and modules beyond what their meters count: how long the steps of
 * a swap took, why files were refused, how long old releases drained, how many of what there are.
 * Filled by the loader, read by whoever scrapes. Any thread. Internal to core/server.
 */
#pragma once

#include "core/module/release.h"

struct baton_buf;
struct figures;

struct figures *figures_new(void);
void figures_free(struct figures **figures);

/* One step of a generation ended: found, checked, ..., refused, crashed, quarantined. */
void figures_step(struct figures *figures, const struct baton_module_step *step);
/* A release changed: a word of release_changed in events.def. */
void figures_release(struct figures *figures, const char *state);
/* An old release is gone, so long after the one that replaced it began to serve. */
void figures_drained(struct figures *figures, uint64_t ms);
/* baton_module_* and baton_release_* families; `view` is what loader_view() says. */
void figures_text(struct figures *figures, baton_str view, struct baton_buf *out);
