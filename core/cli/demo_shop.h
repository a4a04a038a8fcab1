/* SPDX-License-Identifier: Apache-2.0 */

/* The order service of `baton demo`: a program of its own (core/demo) that lives as long as the
 * demonstration. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Secrets of the policy set: where it listens, and the key that it wants. */
#define DEMO_SHOP_URL "SHOP_ORDERS_URL"
#define DEMO_SHOP_KEY "SHOP_ORDERS_KEY"

struct demo_shop {
	pid_t pid;
	int leash; /* its standard input: it ends with it, also when we are killed */
};
#define DEMO_SHOP_NONE \
	{              \
		-1, -1 \
	}

/* Starts it with the key that is in `secrets`, and writes its address there. False with a line on
 * stderr: the demonstration goes on, without anything to look up. */
bool demo_shop_start(struct demo_shop *shop, const char *secrets, const char *data);
void demo_shop_stop(struct demo_shop *shop);
