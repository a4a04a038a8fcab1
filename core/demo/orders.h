/* SPDX-License-Identifier: Apache-2.0 */

/* The orders of the demonstration shop, and what has been done to them. No sockets, no files, and
 * dates that are counted from today; its caller keeps one thread at a time inside, and writes effects
 * where they last. */
#pragma once

#include "core/base/buf.h"

#include <jansson.h>

struct orders;

/* What a request is answered with. */
struct orders_answer {
	int status;
	json_t *body;   /* the asker's */
	json_t *effect; /* the asker's; NULL: nothing has changed, or it had before */
};

struct orders *orders_new(void);
void orders_free(struct orders **orders);

/* `customer` as the caller has signed it, "" for somebody who is not known: he sees the orders that
 * belong to nobody. Somebody else's order is one that does not exist. */
void orders_look(struct orders *orders, const char *id, const char *customer,
		 struct orders_answer *ret);
/* `key`: the same request again is answered as before, and nothing happens; another one under the
 * same key is refused. */
void orders_refund(struct orders *orders, const char *id, const char *customer, const char *key,
		   const json_t *body, struct orders_answer *ret);
void orders_address(struct orders *orders, const char *id, const char *customer, const char *key,
		    const json_t *body, struct orders_answer *ret);
/* Everything that was done, oldest first: a new reference. */
json_t *orders_effects(const struct orders *orders);
/* One effect of an earlier life. false: it is none. */
bool orders_replay(struct orders *orders, json_t *effect);
