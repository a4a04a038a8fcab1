/* SPDX-License-Identifier: Apache-2.0 */

/* The service's HTTP side: requests to orders, faults on request, effects to a file. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct demo_options {
	uint16_t port;     /* 0: any */
	const char *state; /* where effects are kept, a line each; NULL: nowhere */
	const char *key;   /* what "Authorization: Bearer" has to say; NULL or "": nothing */
	bool faults;       /* POST /_faults is there */
};

struct demo;

/* On 127.0.0.1, and nowhere else. NULL with errno. */
struct demo *demo_start(const struct demo_options *options, uint16_t *ret_port);
/* What is being answered is cut off. */
void demo_stop(struct demo **demo);
