/* SPDX-License-Identifier: Apache-2.0 */

/* What guard-pii finds in any text: spots within it, in order, none over another, and never inside
 * of a character. And the promise of a stream: what begins in bytes that were let go when less of
 * the text was there has been told then. The first two bytes say where the text is cut. */

#include "modules/guard-pii/find.h"
#include "tests/fuzz/fuzz.h"

enum { SPOTS_MAX = 1024 };

static void find_all(struct find *find, baton_str text, size_t n, struct spot *spots)
{
	*find = (struct find){ .p = (const unsigned char *)text.p,
			       .n = n,
			       .types = ~0u,
			       .v = spots,
			       .cap = SPOTS_MAX };
	find_numbers(find);
	find_codes(find);
	find_names(find);
	find_secrets(find);
	find_settle(find);
}

static bool inside_character(const struct find *find, size_t at)
{
	return at < find->n && (find->p[at] & 0xc0) == 0x80;
}

static void check_spots(const struct find *find)
{
	size_t end = 0;

	for (size_t i = 0; i < find->n_spots; i++) {
		const struct spot *spot = &find->v[i];

		FUZZ_CHECK(spot->begin >= end && spot->begin < spot->end && spot->end <= find->n);
		FUZZ_CHECK(!inside_character(find, spot->begin));
		FUZZ_CHECK(!inside_character(find, spot->end));
		end = spot->end;
	}
}

static bool told(const struct find *find, uint32_t begin)
{
	for (size_t i = 0; i < find->n_spots; i++)
		if (find->v[i].begin <= begin && begin < find->v[i].end)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct spot whole_spots[SPOTS_MAX], part_spots[SPOTS_MAX];
	size_t cut = (size_t)fuzz_byte(&data, &n) << 8 | fuzz_byte(&data, &n);
	baton_str text = fuzz_rest(data, n);
	struct find whole, part;

	if (text.n == 0 || !baton_str_utf8_ok(text))
		return 0;
	cut = baton_str_clip(text, cut % (text.n + 1)).n;
	find_all(&whole, text, text.n, whole_spots);
	check_spots(&whole);
	FUZZ_CHECK(find_safe(&whole) <= text.n);

	find_all(&part, text, cut, part_spots);
	check_spots(&part);
	size_t safe = find_safe(&part);
	FUZZ_CHECK(safe <= cut);
	for (size_t i = 0; !whole.full && !part.full && i < whole.n_spots; i++)
		if (whole.v[i].begin < safe)
			FUZZ_CHECK(told(&part, whole.v[i].begin));
	return 0;
}
