/* SPDX-License-Identifier: Apache-2.0 */

/* The strict JSON reader against jansson: the same texts are accepted, and what is accepted reads
 * the same, value by value. Where the two may differ by design is listed in may_differ(). */

#include "core/base/json.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

/* Deepest nesting of brackets outside strings, as far as the text goes. */
static size_t depth_of(baton_str text)
{
	size_t depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			deepest = ++depth > deepest ? depth : deepest;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return deepest;
}

/* We bound depth (jansson at 2048), keep numbers as written (jansson wants them in its types), give
 * U+FFFD for a lone surrogate (jansson refuses) and allow NUL in keys (jansson does not). */
static bool may_differ(baton_str text, const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	if (depth_of(text) > BATON_JSON_DEPTH_MAX)
		return true;
	return code == json_error_numeric_overflow || code == json_error_null_character ||
	       code == json_error_null_byte_in_key || strstr(error->text, "invalid Unicode") ||
	       strstr(error->text, "\\u0000");
}

static void compare(const struct baton_json *ours, const json_t *theirs, struct baton_arena *arena);

static void compare_string(const struct baton_json *ours, const json_t *theirs,
			   struct baton_arena *arena)
{
	baton_str text = baton_json_text(ours, arena);

	FUZZ_CHECK(text.n == json_string_length(theirs));
	FUZZ_CHECK(text.n == 0 || memcmp(text.p, json_string_value(theirs), text.n) == 0);
	FUZZ_CHECK(baton_str_utf8_ok(text));
}

static void compare_number(const struct baton_json *ours, const json_t *theirs)
{
	if (ours->raw.n >= 64)
		return; /* longer than any double needs: read as `otherwise` */
	if (json_is_real(theirs)) {
		double a = baton_json_double(ours, -1), b = json_real_value(theirs);
		FUZZ_CHECK(a == b || (a != a && b != b));
		return;
	}
	json_int_t value = json_integer_value(theirs);
	FUZZ_CHECK(baton_json_i64(ours, value ^ 1) == value);
	if (ours->raw.p[0] != '-') /* -0 is a zero to jansson, and no unsigned number to us */
		FUZZ_CHECK(baton_json_u64(ours, (uint64_t)value ^ 1u) == (uint64_t)value);
}

/* Members are found by keys as written: a key with an escape in it is unknown to baton_json_get, so
 * an object that has one is only walked. */
static bool all_plain(const struct baton_json *object)
{
	struct baton_json key, value;
	size_t at = 0;

	while (baton_json_member(object, &at, &key, &value))
		if (!key.plain)
			return false;
	return true;
}

static void compare_object(const struct baton_json *ours, const json_t *theirs,
			   struct baton_arena *arena)
{
	struct baton_json key, value;
	size_t at = 0, members = 0;
	bool plain = all_plain(ours);

	while (baton_json_member(ours, &at, &key, &value)) {
		baton_str name = baton_json_text(&key, arena);
		char *z = baton_memdupz(name.p ? name.p : "", name.n);
		members++;
		if (plain) {
			struct baton_json last = baton_json_get(ours, z);
			const json_t *same = json_object_get(theirs, z);
			FUZZ_CHECK(same != NULL && last.type != BATON_JSON_NONE);
			compare(&last, same, arena);
		}
		baton_free(z);
	}
	FUZZ_CHECK(members >= json_object_size(theirs));
}

static void compare_array(const struct baton_json *ours, const json_t *theirs,
			  struct baton_arena *arena)
{
	struct baton_json value;
	size_t at = 0, i = 0;

	while (baton_json_element(ours, &at, &value)) {
		FUZZ_CHECK(i < json_array_size(theirs));
		compare(&value, json_array_get(theirs, i++), arena);
	}
	FUZZ_CHECK(i == json_array_size(theirs));
}

static void compare(const struct baton_json *ours, const json_t *theirs, struct baton_arena *arena)
{
	static const json_type types[] = {
		[BATON_JSON_NULL] = JSON_NULL,     [BATON_JSON_FALSE] = JSON_FALSE,
		[BATON_JSON_TRUE] = JSON_TRUE,     [BATON_JSON_NUMBER] = JSON_REAL,
		[BATON_JSON_STRING] = JSON_STRING, [BATON_JSON_OBJECT] = JSON_OBJECT,
		[BATON_JSON_ARRAY] = JSON_ARRAY,
	};
	json_type theirs_type =
		json_typeof(theirs) == JSON_INTEGER ? JSON_REAL : json_typeof(theirs);

	FUZZ_CHECK(ours->type != BATON_JSON_NONE && types[ours->type] == theirs_type);
	if (ours->type == BATON_JSON_STRING)
		compare_string(ours, theirs, arena);
	else if (ours->type == BATON_JSON_NUMBER)
		compare_number(ours, theirs);
	else if (ours->type == BATON_JSON_OBJECT)
		compare_object(ours, theirs, arena);
	else if (ours->type == BATON_JSON_ARRAY)
		compare_array(ours, theirs, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* In a block of its own size: a read past the end is a finding. */
	char *copy = malloc(n ? n : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, n);
	baton_str text = { copy, n };
	struct baton_json ours;
	json_error_t error = { 0 };
	int rc = baton_json_parse(text, &ours);
	json_t *theirs = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	if (rc == 0 && theirs) {
		struct baton_arena arena = { 0 };
		compare(&ours, theirs, &arena);
		baton_arena_done(&arena);
	} else if (rc == 0 || theirs) {
		/* jansson takes a NUL behind the value for the end of the text. */
		bool excused =
			theirs ? depth_of(text) > BATON_JSON_DEPTH_MAX || memchr(text.p, 0, text.n)
			       : may_differ(text, &error);
		if (!excused)
			fprintf(stderr, "ours %d, theirs: %s\n", rc,
				theirs ? "accepted" : error.text);
		FUZZ_CHECK(excused);
	}
	json_decref(theirs);
	free(copy);
	return 0;
}
