/* SPDX-License-Identifier: Apache-2.0 */

/* What a file is, by its bytes, and what it may be called. Pure. */
#pragma once

#include "core/base/str.h"

/* Looks at a file as it comes in: the first bytes say what it claims to be; plain text has to stay
 * plain text to its end. */
struct baton_kind {
	const char *type; /* NULL: not known yet, or not text after all */
	bool is_text, began;
	unsigned tail_n;  /* bytes of a character that the last piece ended in */
	char tail[4];
};

/* The first call gets the file's first bytes, at least 16 or all there are. False: no type that we
 * know; further calls are pointless. */
bool baton_kind_look(struct baton_kind *kind, const void *p, size_t n);
/* The last byte was seen. */
bool baton_kind_end(const struct baton_kind *kind);

/* The media types that can be told by their bytes; ends with NULL. */
extern const char *const baton_kind_types[];

/* A name for showing and saving: no path, no control characters, nothing that turns the direction of
 * writing or cannot be seen, at most `cap` - 1 bytes, never empty. Its ending is one of the type's:
 * "refund.bat" of plain text becomes "refund.bat.txt". */
void baton_kind_name(baton_str name, const char *type, char *ret_name, size_t cap);
