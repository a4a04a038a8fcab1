/* SPDX-License-Identifier: Apache-2.0 */

/* What tools.yaml declares against what the server says, for the operator; and the arguments that a
 * server wants to see as headers. */
#pragma once

#include "catalogue.h"

/* One more sentence. */
void problem_add(struct entry *entry, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Fills in problems: what a call would be refused for, and what looks wrong. `annotations` as
 * written, may be empty. */
void compare_entry(struct entry *entry, baton_str annotations);
/* Fills in mirrors. NULL, or why the tool may not be called. */
const char *mirrors_read(struct entry *entry, baton_str schema);
