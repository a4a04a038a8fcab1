/* SPDX-License-Identifier: Apache-2.0 */

/* Making a connection that is ready for batches: connected, of the right encoding, the table as it
 * must be (made if that was asked for), in pipeline mode, non-blocking. Blocking, on a pool thread:
 * names are resolved and certificates read. Bounded by connect_ms; gives up early when told. */
#pragma once

#include "settings.h"
#include "trouble.h"

#include <stdatomic.h>

struct link_try {
	const struct settings *settings;
	atomic_bool stop;
	PGconn *conn; /* the result; NULL: see `trouble` */
	struct trouble trouble;
};

void link_make(struct link_try *attempt);
