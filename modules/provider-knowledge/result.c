/* SPDX-License-Identifier: Apache-2.0 */

/* A template is said sentence by sentence: one that names what the result does not have is left
 * out, so that nobody reads "It arrives on ." A result is data of somebody else's: what it holds
 * is quoted so that it stays text, and it cannot bring a template of its own.
 *
 * Beside what a tool says of itself, three members of an object are understood: `error` (the call
 * was refused or failed; "not_found": it worked, and there is no such thing), and `ask`, the words
 * in which the customer is asked for what is missing. */

#include "result.h"

#include "phrases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_DEPTH_MAX = 8, VALUE_BYTES_MAX = 500 };

/* What Markdown would read in a value that is meant to be read by people. */
static const char marks[] = "[]\\*_`<>|#";

/* --- what a message holds --- */

/* The result itself, or what stands between the fences that a prompt puts around it. NULL: it is no
 * JSON. */
static json_t *result_of(const baton_msg *msg)
{
	const size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK;
	baton_str text = msg->parts_json.n > 0 ? msg->parts_json : msg->text;

	for (size_t i = 0; text.p && i < text.n; i++) {
		bool is_begin = i == 0 || text.p[i - 1] == '\n';

		if (!is_begin || (text.p[i] != '{' && text.p[i] != '['))
			continue;
		json_t *json = json_loadb(text.p + i, text.n - i, flags, NULL);

		if (json)
			return json;
	}
	return NULL;
}

/* "delivery.date", "items.0.name"; NULL: there is none. */
static const json_t *value_of(const json_t *json, const char *path, size_t n)
{
	for (unsigned depth = 0; json && depth < PATH_DEPTH_MAX; depth++) {
		const char *dot = memchr(path, '.', n);
		size_t len = dot ? (size_t)(dot - path) : n;

		if (json_is_array(json)) {
			size_t at = 0;

			for (size_t i = 0; i < len; i++)
				at = path[i] >= '0' && path[i] <= '9' && at < 10000
					     ? at * 10 + (size_t)(path[i] - '0')
					     : SIZE_MAX / 16;
			json = len > 0 ? json_array_get(json, at) : NULL;
		} else {
			json = json_object_getn(json, path, len);
		}
		if (!dot)
			return json;
		path += len + 1;
		n -= len + 1;
	}
	return NULL;
}

/* False: it is nothing that can be said. */
static bool say_value(struct text *text, const json_t *value)
{
	char number[32] = "";

	if (json_is_string(value)) {
		baton_str str = { json_string_value(value), json_string_length(value) };

		if (str.n > VALUE_BYTES_MAX)
			str.n = VALUE_BYTES_MAX;
		append_clean(text, str, is_plain_uri(str) ? "" : marks);
		return str.n > 0;
	}
	if (json_is_integer(value))
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(number, sizeof(number), "%.10g", json_real_value(value));
	append_text(text, number);
	return number[0] != 0;
}

/* --- a template --- */

/* The next sentence with the blanks behind it, or line; never empty before the end. */
static size_t sentence_end(const char *p, size_t from, size_t n)
{
	for (size_t i = from; i < n; i++) {
		if (p[i] == '\n')
			return i + 1;
		if (!strchr(".!?", p[i]) || (i + 1 < n && p[i + 1] != ' ' && p[i + 1] != '\n'))
			continue;
		while (i + 1 < n && (p[i + 1] == ' ' || p[i + 1] == '\n'))
			i++;
		return i + 1;
	}
	return n;
}

static const char *find(const char *p, size_t n, const char *what)
{
	return n > 0 ? memmem(p, n, what, strlen(what)) : NULL;
}

static baton_str trimmed(const char *p, size_t n)
{
	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return (baton_str){ p, n };
}

/* False: something that it names is missing. */
static bool say_sentence(struct text *text, const char *p, size_t n, const json_t *result)
{
	while (n > 0) {
		const char *open = find(p, n, "{{");
		const char *close = open ? find(open, n - (size_t)(open - p), "}}") : NULL;

		append(text, p, close ? (size_t)(open - p) : n);
		if (!close)
			return true;
		baton_str path = trimmed(open + 2, (size_t)(close - open) - 2);
		const json_t *value = value_of(result, path.p, path.n);

		if (!value || !say_value(text, value))
			return false;
		n -= (size_t)(close - p) + 2;
		p = close + 2;
	}
	return true;
}

static void say_template(struct text *text, const char *template_, const json_t *result)
{
	size_t n = strlen(template_);

	for (size_t at = 0, end; at < n; at = end) {
		size_t before = text->n;

		end = sentence_end(template_, at, n);
		if (say_sentence(text, template_ + at, end - at, result) || text->failed)
			continue;
		text->n = before;
		if (text->p)
			text->p[before] = 0;
	}
}

/* --- all of them --- */

static uint32_t first_result(const baton_turn *turn)
{
	uint32_t i = turn->n_msgs;

	while (i > 0 && turn->msgs[i - 1].role != BATON_ROLE_CUSTOMER)
		i--;
	return i;
}

static void say_result(struct text *text, const char *template_, const json_t *result,
		       baton_str locale)
{
	const char *error = json_string_value(json_object_get(result, "error"));
	const char *ask = json_string_value(json_object_get(result, "ask"));

	if (ask && *ask)
		append_clean(text, (baton_str){ ask, strlen(ask) }, "");
	else if (error)
		append_text(text, phrase_text(strcmp(error, "not_found") == 0 ? PHRASE_NOT_FOUND
									      : PHRASE_NO_LOOKUP,
					      locale.p, locale.n));
	else if (template_)
		say_template(text, template_, result);
}

static void end_trim(struct text *text, size_t from)
{
	while (text->n > from && strchr(" \n", text->p[text->n - 1]))
		text->p[--text->n] = 0;
}

bool result_say(const baton_prompt *prompt, const struct known *known, struct text *text)
{
	const baton_turn *turn = prompt->turn;
	size_t before = text->n;

	if (!turn || !turn->msgs || !known)
		return false;
	for (uint32_t i = first_result(turn); i < turn->n_msgs; i++) {
		const baton_msg *msg = &turn->msgs[i];
		const char *template_ =
			msg->role == BATON_ROLE_TOOL ? known_answer(known, msg->name) : NULL;
		json_t *result = template_ ? result_of(msg) : NULL;
		size_t begin = text->n;

		if (!result)
			continue;
		append_text(text, begin > before ? "\n\n" : "");
		size_t words = text->n;

		say_result(text, template_, result, turn->locale);
		end_trim(text, words);
		/* Nothing to say is no paragraph. */
		if (text->n == words && text->p)
			text->p[text->n = begin] = 0;
		json_decref(result);
	}
	return text->n > before;
}
