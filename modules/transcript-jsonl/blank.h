/* SPDX-License-Identifier: Apache-2.0 */

/* Erasing what was written: the data of a session's lines becomes {} in place, padded with spaces,
 * so that no other byte of the file moves and every line stays a line of JSON. Blocking; while no
 * day's file is open for appending. */
#pragma once

#include <stddef.h>

/* Blanks every line of these sessions (but session_erased) in every day's file of `dir`, and syncs.
 * 0 or errno; done again, it does no harm. */
int blank_sessions(const char *dir, const char *const *sessions, size_t n);
/* The same for all sessions that were opened by this customer. */
int blank_customer(const char *dir, const char *customer);
