/* SPDX-License-Identifier: Apache-2.0 */

/* A growing text that takes any bytes and holds valid UTF-8. */
#pragma once

#include <baton/module.h>

#include <stdbool.h>

/* `failed` sticks, so that a row of appends is checked once. */
struct text {
	char *p; /* owned by whoever made it; NULL as long as nothing came */
	size_t n, cap;
	bool failed;
};

void append(struct text *text, const char *p, size_t n);
void append_text(struct text *text, const char *literal);
/* Control characters but line end and tab are dropped, what is not UTF-8 becomes U+FFFD; characters
 * of `escape` get a backslash. */
void append_clean(struct text *text, baton_str str, const char *escape);
/* http, https or a path of this site, of characters that need no quoting in Markdown. */
bool is_plain_uri(baton_str uri);
