/* SPDX-License-Identifier: Apache-2.0 */

/* A passage is what a provider answers from and what a customer is shown as the source, so it must
 * not end in the middle of a thought. A heading stays with what follows it. */

#include "passage.h"

#include <stdbool.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t line_end(const struct passage_cut *cut, size_t at)
{
	const char *end = memchr(cut->text + at, '\n', cut->n - at);

	return end ? (size_t)(end - cut->text) + 1 : cut->n;
}

static bool is_blank(const struct passage_cut *cut, size_t from, size_t to)
{
	while (from < to && is_space(cut->text[from]))
		from++;
	return from == to;
}

/* End of the block at `at`: a heading line alone, else the lines up to a blank one or a heading. */
static size_t block_end(const struct passage_cut *cut, size_t at)
{
	size_t end = line_end(cut, at);

	if (cut->text[at] == '#')
		return end;
	while (end < cut->n && cut->text[end] != '#') {
		size_t next = line_end(cut, end);

		if (is_blank(cut, end, next))
			return next;
		end = next;
	}
	return end;
}

/* The best place to cut a block that is too long: after a line or a sentence, else at a space, else
 * between two characters. */
static size_t hard_cut(const struct passage_cut *cut, size_t from)
{
	size_t limit = from + PASSAGE_BYTES_MAX, space = 0;

	for (size_t i = limit; i > from + PASSAGE_BYTES / 2; i--) {
		char before = cut->text[i - 1];

		if (before == '\n')
			return i;
		if (before != ' ')
			continue;
		if (strchr(".!?", cut->text[i - 2]))
			return i;
		space = space ? space : i;
	}
	if (space)
		return space;
	while (limit > from + 1 && ((unsigned char)cut->text[limit] & 0xc0) == 0x80)
		limit--;
	return limit;
}

size_t passage_next(struct passage_cut *cut, const char **ret_passage)
{
	while (cut->at < cut->n && is_space(cut->text[cut->at]))
		cut->at++;
	size_t from = cut->at, to = from;
	bool only_headings = true;

	while (to < cut->n) {
		bool is_heading = cut->text[to] == '#';
		size_t end = block_end(cut, to);

		/* A heading opens a new passage, unless all we have are headings. */
		if (to > from && ((is_heading && !only_headings) || end - from > PASSAGE_BYTES))
			break;
		only_headings = only_headings && (is_heading || is_blank(cut, to, end));
		to = end;
	}
	if (to - from > PASSAGE_BYTES_MAX)
		to = hard_cut(cut, from);
	cut->at = to;
	while (to > from && is_space(cut->text[to - 1]))
		to--;
	*ret_passage = cut->text + from;
	return to - from;
}
