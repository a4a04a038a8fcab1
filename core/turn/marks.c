/* SPDX-License-Identifier: Apache-2.0 */

/* See marks.h. What is held is looked at again with each byte: it is short, and there is only one
 * place that knows what a mark is. */

#include "core/turn/marks.h"

enum look { TEXT, MAYBE, MARK };

/* Is it a mark, may it become one, or is its first byte text? */
static enum look look_at(baton_str held, baton_str *ret_inside)
{
	size_t at = held.n > 0 && held.p[0] == ' ' ? 1 : 0;

	for (size_t i = 0; i < 2; i++, at++) {
		if (at == held.n)
			return MAYBE;
		if (held.p[at] != '[')
			return TEXT;
	}
	for (size_t i = at; i < held.n; i++) {
		if (held.p[i] == '[' || held.p[i] == '\n')
			return TEXT;
		if (held.p[i] != ']')
			continue;
		if (i + 1 == held.n)
			return i > at ? MAYBE : TEXT;
		if (i == at || held.p[i + 1] != ']')
			return TEXT;
		*ret_inside = (baton_str){ held.p + at, i - at };
		return MARK;
	}
	return held.n - at < BATON_MARK_BYTES_MAX ? MAYBE : TEXT;
}

/* Whatever of the held bytes is text by now goes out. */
static void settle(struct baton_mark_filter *marks, struct baton_buf *out, baton_mark_fn *fn,
		   void *ud)
{
	size_t from = 0;

	while (from < marks->n) {
		baton_str inside, held = { marks->held + from, marks->n - from };
		enum look look = look_at(held, &inside);

		if (look == MAYBE)
			break;
		if (look == MARK) {
			fn(ud, inside);
			from = marks->n; /* a mark ends with the newest byte */
			break;
		}
		baton_buf_add(out, held.p, 1);
		from++;
	}
	memmove(marks->held, marks->held + from, marks->n - from);
	marks->n -= from;
}

/* How much of it cannot be the beginning of a mark, nor the blank before one. */
static size_t plain_bytes(const struct baton_mark_filter *marks, baton_str text)
{
	const char *bracket = memchr(text.p, '[', text.n);
	size_t n = bracket ? (size_t)(bracket - text.p) : text.n;

	return n && marks->blanks && text.p[n - 1] == ' ' ? n - 1 : n;
}

bool baton_marks_pass(const struct baton_mark_filter *marks, baton_str text)
{
	return marks->n == 0 && text.n > 0 && plain_bytes(marks, text) == text.n;
}

void baton_marks_take(struct baton_mark_filter *marks, baton_str text, struct baton_buf *out,
		      baton_mark_fn *fn, void *ud)
{
	for (size_t i = 0; i < text.n;) {
		baton_str rest = { text.p + i, text.n - i };

		/* Pieces mostly end with a blank, and the next one begins with a letter. */
		if (marks->n == 1 && marks->held[0] == ' ' && *rest.p != '[') {
			baton_buf_z(out, " ");
			marks->n = 0;
		}
		size_t plain = marks->n == 0 ? plain_bytes(marks, rest) : 0;

		if (plain > 0) {
			baton_buf_add(out, text.p + i, plain);
			i += plain;
			continue;
		}
		marks->held[marks->n++] = text.p[i++];
		if (marks->n > 1) /* a bracket or a blank alone may become one */
			settle(marks, out, fn, ud);
	}
}

void baton_marks_end(struct baton_mark_filter *marks, struct baton_buf *out)
{
	baton_buf_add(out, marks->held, marks->n);
	marks->n = 0;
}
