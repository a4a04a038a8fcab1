/* SPDX-License-Identifier: Apache-2.0 */

/* The set that serves, as it was read: on disk again for whoever asks, because its files may have been
 * changed since. One copy at a time, DATA/run/policies-<sha12>. Internal to core/server.
 */
#pragma once

#include "core/server/worker.h"

/* Appends `,"path":...,"sha256":...,"release":N,"copy":...`. 0, or BATON_E_IO. [control; writes some files] */
int served_policies(struct baton_server *server, struct baton_buf *out);
