/* SPDX-License-Identifier: Apache-2.0 */

/* What archives of different kinds have in common: an entry of the log as text, checked and copied.
 * One batch is copied into one block of memory, because nothing of an entry outlives the call that
 * hands it over. No host, no I/O. */
#pragma once

#ifndef BATON_ABI_NEEDED
#define BATON_ABI_NEEDED 0u
#endif
#include <baton/module.h>
#include <stdbool.h>

enum { ENTRY_TYPE_BYTES_MAX = 64, ENTRY_SESSION_BYTES_MAX = 64, ENTRY_EXTRA_BYTES = 160 };

/* Ids and types are the core's own and plain, the data an object on one line; anything else would
 * break what is written around it. */
bool entry_ok(const baton_entry *entry);
/* All of them. */
bool entries_ok(const baton_entry *entries, uint32_t n);

/* {"session":"<id>","seq":7,"ts":1790000000000,"type":"message_received","data":{...}}
 * Returns the bytes written, 0 if they do not fit; entry_room() is always enough. No NUL. */
size_t entry_write(char *to, size_t cap, const baton_entry *entry);
static inline size_t entry_room(const baton_entry *entry)
{
	return entry->session_id.n + entry->type.n + entry->json.n + ENTRY_EXTRA_BYTES;
}

/* The last event of a session that was erased at somebody's request: what was archived of it before
 * must go. */
bool entry_is_erasure(const baton_entry *entry);
