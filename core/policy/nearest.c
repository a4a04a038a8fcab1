/* SPDX-License-Identifier: Apache-2.0 */

/* Edit distance between short names: the restricted Damerau-Levenshtein distance, three rows. */

#include "core/policy/nearest.h"

#include "core/base/limits.h"

enum { ROW = BATON_NAME_BYTES_MAX + 1 };

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t baton_nearest_distance(baton_str a, baton_str b)
{
	size_t rows[3][ROW]; /* rows[i % 3][j]: distance of the first i and the first j bytes */

	if (a.n >= ROW || b.n >= ROW)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = fold(a.p[i - 1]), y = fold(b.p[j - 1]);

			row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == fold(b.p[j - 2]) && fold(a.p[i - 2]) == y)
				row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

void baton_nearest_try(struct baton_nearest *nearest, const char *candidate)
{
	baton_str name = baton_str_of(candidate);
	size_t distance, longer = name.n > nearest->word.n ? name.n : nearest->word.n;

	if (!candidate)
		return;
	distance = baton_nearest_distance(nearest->word, name);
	/* A third of the letters may be wrong; more is another word, and naming it misleads. */
	if (distance >= nearest->distance || distance > (longer + 2) / 3)
		return;
	nearest->distance = distance;
	nearest->name = candidate;
}
