/* SPDX-License-Identifier: Apache-2.0 */

#include "core/turn/veil.h"

#include "core/base/json.h"

enum { SHORT_MAX = 4, NUMBER_DIGITS_MAX = 6 };

/* FNV-1a over kind and value: it only has to tell the values of one conversation from each
 * other. */
static uint64_t sum_of(const struct baton_veil *veil, baton_str type, baton_str value)
{
	uint64_t sum = 0xcbf29ce484222325u ^ veil->seed;

	for (size_t i = 0; i < type.n; i++)
		sum = (sum ^ (unsigned char)type.p[i]) * 0x100000001b3u;
	sum = (sum ^ 0xff) * 0x100000001b3u;
	for (size_t i = 0; i < value.n; i++)
		sum = (sum ^ (unsigned char)value.p[i]) * 0x100000001b3u;
	return sum ^ sum >> 29;
}

static baton_str keep(struct baton_veil *veil, baton_str s)
{
	return (baton_str){ baton_arena_dup(veil->arena, s.p, s.n), s.n };
}

static struct baton_veil_value *add(struct baton_veil *veil, baton_str type, uint64_t sum)
{
	if (veil->n == BATON_SECRETS_KEPT_MAX)
		return NULL;
	if (veil->n == veil->cap) {
		size_t cap = veil->cap ? 2 * veil->cap : 16;
		struct baton_veil_value *v = baton_arena_alloc(veil->arena, cap * sizeof(*v));

		if (veil->n > 0)
			memcpy(v, veil->v, veil->n * sizeof(*v));
		veil->v = v;
		veil->cap = cap;
	}
	struct baton_veil_value *value = &veil->v[veil->n++];
	*value = (struct baton_veil_value){ .type = keep(veil, type), .sum = sum };
	return value;
}

void baton_veil_remember(struct baton_veil *veil, baton_str type, uint32_t number, uint64_t sum)
{
	struct baton_veil_value *value = add(veil, type, sum);

	if (value)
		value->number = number;
}

static uint32_t next_number(const struct baton_veil *veil, baton_str type)
{
	uint32_t last = 0;

	for (size_t i = 0; i < veil->n; i++)
		if (baton_str_eq(veil->v[i].type, type) && veil->v[i].number > last)
			last = veil->v[i].number;
	return last + 1;
}

static struct baton_veil_value *find(struct baton_veil *veil, baton_str type, baton_str value,
				     uint64_t sum)
{
	for (size_t i = 0; i < veil->n; i++) {
		struct baton_veil_value *here = &veil->v[i];

		if (here->sum == sum && baton_str_eq(here->type, type) &&
		    (!here->value.p || baton_str_eq(here->value, value)))
			return here;
	}
	return NULL;
}

static void write_mark(baton_str type, uint32_t number, struct baton_buf *out)
{
	baton_buf_z(out, "[");
	for (size_t i = 0; i < type.n && i < BATON_VEIL_TYPE_MAX; i++) {
		char c = type.p[i];

		c = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
		baton_buf_add(out, &c, 1);
	}
	if (number > 0)
		baton_buf_printf(out, "_%u", number);
	baton_buf_z(out, "]");
}

void baton_veil_put(struct baton_veil *veil, baton_str type, baton_str value, struct baton_buf *out)
{
	uint64_t sum = sum_of(veil, type, value);
	struct baton_veil_value *here = find(veil, type, value, sum);

	if (!here) {
		uint32_t number = next_number(veil, type);

		here = add(veil, type, sum);
		if (here) {
			here->number = number;
			here->fresh = true;
		}
	}
	if (here && !here->value.p) {
		here->value = keep(veil, value);
		veil->n_valued++;
	}
	write_mark(type, here ? here->number : 0, out);
}

bool baton_veil_knows(const struct baton_veil *veil, baton_str value)
{
	for (size_t i = 0; i < veil->n; i++)
		if (veil->v[i].value.p && baton_str_eq(veil->v[i].value, value))
			return true;
	return false;
}

/* The longest known value that stands at `text`. */
static const struct baton_veil_value *known_at(const struct baton_veil *veil, baton_str text)
{
	const struct baton_veil_value *best = NULL;

	for (size_t i = 0; i < veil->n; i++) {
		const struct baton_veil_value *here = &veil->v[i];

		if (!here->value.p || here->value.n <= SHORT_MAX || here->value.n > text.n ||
		    here->value.p[0] != text.p[0] || (best && best->value.n >= here->value.n) ||
		    memcmp(here->value.p, text.p, here->value.n) != 0)
			continue;
		best = here;
	}
	return best;
}

void baton_veil_known(const struct baton_veil *veil, baton_str text, struct baton_buf *out)
{
	size_t plain = 0;

	for (size_t i = 0; veil->n_valued > 0 && i < text.n;) {
		baton_str rest = { text.p + i, text.n - i };
		const struct baton_veil_value *value = known_at(veil, rest);

		if (!value) {
			i++;
			continue;
		}
		baton_buf_add(out, text.p + plain, i - plain);
		write_mark(value->type, value->number, out);
		i += value->value.n;
		plain = i;
	}
	if (text.n > plain)
		baton_buf_add(out, text.p + plain, text.n - plain);
}

/* --- back --- */

enum look { IS_TEXT, MAY_BE, IS_MARK };

static bool is_type_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* "[TYPE_12]": held[0] is the bracket. */
static enum look look_at(baton_str held)
{
	for (size_t i = 1; i < held.n; i++) {
		char c = held.p[i];

		if (c == ']')
			return i >= 4 && i + 1 == held.n && held.p[i - 1] >= '0' &&
					       held.p[i - 1] <= '9'
				       ? IS_MARK
				       : IS_TEXT;
		if (!is_type_char(c))
			return IS_TEXT;
	}
	return held.n < BATON_VEIL_BYTES_MAX ? MAY_BE : IS_TEXT;
}

static bool same_type(baton_str upper, baton_str type)
{
	if (upper.n != type.n)
		return false;
	for (size_t i = 0; i < type.n; i++) {
		char c = type.p[i];

		if (upper.p[i] != (c >= 'a' && c <= 'z' ? (char)(c - 32) : c))
			return false;
	}
	return true;
}

/* The value that a whole placeholder stands for; NULL: it is none of ours. */
static const struct baton_veil_value *meant(const struct baton_veil *veil, baton_str mark)
{
	size_t digits = 0, at = mark.n - 1;
	uint32_t number = 0;

	while (at > 1 && mark.p[at - 1] >= '0' && mark.p[at - 1] <= '9') {
		at--;
		digits++;
	}
	if (digits == 0 || digits > NUMBER_DIGITS_MAX || mark.p[at] == '0' || at < 3 ||
	    mark.p[at - 1] != '_')
		return NULL;
	for (size_t i = at; i < mark.n - 1; i++)
		number = number * 10 + (uint32_t)(mark.p[i] - '0');
	baton_str type = { mark.p + 1, at - 2 };
	for (size_t i = 0; i < veil->n; i++)
		if (veil->v[i].number == number && veil->v[i].value.p &&
		    same_type(type, veil->v[i].type))
			return &veil->v[i];
	return NULL;
}

void baton_unveil_take(struct baton_unveil *unveil, const struct baton_veil *veil, baton_str text,
		       struct baton_buf *out)
{
	size_t plain = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (unveil->n == 0 && text.p[i] != '[')
			continue;
		if (unveil->n == 0)
			baton_buf_add(out, text.p + plain, i - plain);
		plain = i + 1;
		if (text.p[i] == '[' && unveil->n > 0)
			baton_unveil_end(unveil, out); /* a bracket inside: the first was text */
		unveil->held[unveil->n++] = text.p[i];
		baton_str held = { unveil->held, unveil->n };
		enum look look = look_at(held);
		const struct baton_veil_value *value = look == IS_MARK ? meant(veil, held) : NULL;

		if (look == MAY_BE)
			continue;
		baton_buf_str(out, value ? value->value : held);
		unveil->n = 0;
	}
	if (text.n > plain)
		baton_buf_add(out, text.p + plain, text.n - plain);
}

void baton_unveil_end(struct baton_unveil *unveil, struct baton_buf *out)
{
	baton_buf_add(out, unveil->held, unveil->n);
	unveil->n = 0;
}

static bool is_of(const struct baton_veil_value *value, const char *const *types, size_t n_types)
{
	for (size_t i = 0; types && i < n_types; i++)
		if (baton_str_is(value->type, types[i]))
			return true;
	return !types;
}

/* The text as it stands inside the quotes of a JSON string. */
static void add_escaped(baton_str value, struct baton_buf *out)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_buf_json(&json, value);
	baton_buf_add(out, json.p + 1, json.n - 2);
	baton_buf_done(&json);
}

void baton_unveil_json(const struct baton_veil *veil, baton_str json, const char *const *types,
		       size_t n_types, struct baton_buf *out)
{
	size_t plain = 0;

	for (size_t i = 0; i < json.n;) {
		size_t most = json.n - i < BATON_VEIL_BYTES_MAX ? json.n - i : BATON_VEIL_BYTES_MAX;
		const char *end = json.p[i] == '[' ? memchr(json.p + i, ']', most) : NULL;
		baton_str mark = { json.p + i, end ? (size_t)(end - json.p) + 1 - i : 0 };
		const struct baton_veil_value *value =
			end && look_at(mark) == IS_MARK ? meant(veil, mark) : NULL;

		if (!value || !is_of(value, types, n_types)) {
			i++;
			continue;
		}
		baton_buf_add(out, json.p + plain, i - plain);
		add_escaped(value->value, out);
		i += mark.n;
		plain = i;
	}
	baton_buf_add(out, json.p + plain, json.n - plain);
}
