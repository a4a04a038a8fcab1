/* SPDX-License-Identifier: Apache-2.0 */

#include "modules/sdk/transcript/entry.h"

#include <stdio.h>
#include <string.h>

static bool plain(baton_str s, size_t max)
{
	if (!s.p || s.n == 0 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\' ||
		    s.p[i] == 0x7f)
			return false;
	return true;
}

/* A line break would make two records of one. */
static bool one_line(baton_str json)
{
	return json.p && json.n >= 2 && json.p[0] == '{' && json.p[json.n - 1] == '}' &&
	       !memchr(json.p, '\n', json.n) && !memchr(json.p, 0, json.n);
}

bool entry_ok(const baton_entry *entry)
{
	return plain(entry->session_id, ENTRY_SESSION_BYTES_MAX) &&
	       plain(entry->type, ENTRY_TYPE_BYTES_MAX) && one_line(entry->json);
}

bool entries_ok(const baton_entry *entries, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!entry_ok(&entries[i]))
			return false;
	return entries && n > 0;
}

size_t entry_write(char *to, size_t cap, const baton_entry *entry)
{
	int n = snprintf(
		to, cap,
		"{\"session\":\"%.*s\",\"seq\":%llu,\"ts\":%llu,\"type\":\"%.*s\",\"data\":",
		(int)entry->session_id.n, entry->session_id.p, (unsigned long long)entry->seq,
		(unsigned long long)entry->unix_ms, (int)entry->type.n, entry->type.p);

	if (n < 0 || (size_t)n + entry->json.n + 1 > cap)
		return 0;
	memcpy(to + n, entry->json.p, entry->json.n);
	to[(size_t)n + entry->json.n] = '}';
	return (size_t)n + entry->json.n + 1;
}

bool entry_is_erasure(const baton_entry *entry)
{
	static const char name[] = "session_erased";

	return entry->type.n == sizeof(name) - 1 && memcmp(entry->type.p, name, entry->type.n) == 0;
}
