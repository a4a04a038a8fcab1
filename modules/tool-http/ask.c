/* SPDX-License-Identifier: Apache-2.0 */

#include "ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_BYTES_MAX = 2000, BODY_BYTES_MAX = 64 * 1024 };

void ask_done(struct ask *ask)
{
	text_done(&ask->url);
	text_done(&ask->body);
	text_done(&ask->lines);
	memset(ask, 0, sizeof(*ask));
}

/* --- address ---------------------------------------------------------------------------------- */

static void put_name(struct text *out, char lead, const char *name)
{
	text_add(out, &lead, lead != '\0'); /* a form's first pair has nothing before it */
	text_z(out, name);
	text_add(out, "=", 1);
}

/* "ids": "{ids}" with a list: one parameter for each. */
static bool put_list(struct text *out, char *lead, const char *name, const json_t *list,
		     struct why *why)
{
	json_t *value;
	size_t i;

	json_array_foreach(list, i, value) {
		struct why inner;

		put_name(out, *lead, name);
		*lead = '&';
		if (template_put(out, value, PLACE_QUERY, &inner) != FILLED_OK)
			return why_set(why, "%.64s: %s", name, inner.text);
	}
	return true;
}

/* Pairs of a query, or (no lead) of a form. One whose argument was not given is left out. */
static bool put_pairs(struct text *out, char lead, const json_t *pairs, const json_t *args,
		      struct why *why)
{
	enum place place = lead == '\0' ? PLACE_FORM : PLACE_PAIR;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)pairs, name, value) {
		const char *text = json_string_value(value);
		bool only;
		const json_t *whole = template_only(text, args, &only);
		struct text one = { 0 };

		if (json_is_array(whole)) {
			if (!put_list(out, &lead, name, whole, why))
				return false;
			continue;
		}
		enum filled filled = template_fill(&one, text, place, args, why);
		if (filled == FILLED_OK) {
			put_name(out, lead, name);
			text_add(out, one.p, one.n);
			out->failed = out->failed || one.failed;
			lead = '&';
		}
		text_done(&one);
		if (filled == FILLED_REFUSED)
			return false;
	}
	return true;
}

static char lead_of(const struct text *url)
{
	return url->n && memchr(url->p, '?', url->n) ? '&' : '?';
}

static bool make_url(struct ask *ask, const struct settings *settings, const struct tool *tool,
		     const json_t *args, struct why *why)
{
	struct text *url = &ask->url;

	if (template_fill_url(url, settings->base_url, tool->url, args, why) != FILLED_OK ||
	    !put_pairs(url, lead_of(url), tool->query, args, why))
		return false;
	if (tool->auth_query) {
		put_name(url, lead_of(url), tool->auth_query);
		text_z(url, "{{secret:");
		text_z(url, tool->auth_secret);
		text_z(url, "}}");
	}
	return url->n <= URL_BYTES_MAX || why_set(why, "the address would be too long");
}

/* --- headers ---------------------------------------------------------------------------------- */

static void end_line(struct ask *ask)
{
	ask->ends[ask->n_lines++] = ask->lines.n;
}

static void put_line(struct ask *ask, const char *name, const char *value, size_t n)
{
	text_z(&ask->lines, name);
	text_z(&ask->lines, ": ");
	text_add(&ask->lines, value, n);
	end_line(ask);
}

static bool has_name(const json_t *headers, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)headers, key, value)
		if (strcasecmp(key, name) == 0)
			return true;
	return false;
}

/* A header whose argument was not given is left out. */
static bool put_headers(struct ask *ask, const json_t *headers, const json_t *but,
			const json_t *args, struct why *why)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)headers, name, value) {
		struct text one = { 0 };

		if (has_name(but, name))
			continue;
		enum filled filled =
			template_fill(&one, json_string_value(value), PLACE_HEADER, args, why);
		if (filled == FILLED_OK)
			put_line(ask, name, one.p, one.n);
		ask->lines.failed = ask->lines.failed || one.failed;
		text_done(&one);
		if (filled == FILLED_REFUSED)
			return false;
	}
	return true;
}

static bool make_headers(struct ask *ask, const struct settings *settings, const struct tool *tool,
			 const json_t *args, struct why *why)
{
	const json_t *common = json_object_get(settings->json, "headers");

	if (!has_name(common, "Accept") && !has_name(tool->headers, "Accept"))
		put_line(ask, "Accept", "application/json", strlen("application/json"));
	if (!has_name(common, "User-Agent") && !has_name(tool->headers, "User-Agent"))
		put_line(ask, "User-Agent", "Baton", strlen("Baton"));
	if (tool->body == BODY_FORM)
		put_line(ask, "Content-Type", "application/x-www-form-urlencoded", 33);
	else if (tool->body != BODY_NONE)
		put_line(ask, "Content-Type", "application/json", 16);
	if (tool->auth) {
		text_z(&ask->lines, tool->auth);
		end_line(ask);
	}
	return put_headers(ask, common, tool->headers, args, why) &&
	       put_headers(ask, tool->headers, NULL, args, why);
}

/* --- body ------------------------------------------------------------------------------------- */

/* A text with arguments: "{amount}" alone keeps its type. NULL: an argument is not there. */
static json_t *fill_text(const char *text, const json_t *args)
{
	struct text out = { 0 };
	struct why why;
	bool only;
	const json_t *whole = template_only(text, args, &only);
	json_t *json = NULL;

	if (only)
		return whole ? json_deep_copy(whole) : NULL;
	if (template_fill(&out, text, PLACE_TEXT, args, &why) == FILLED_OK && !out.failed)
		json = json_stringn(out.p ? out.p : "", out.n);
	text_done(&out);
	return json;
}

/* The declared body with arguments in it; members without theirs are left out. As deep as the
 * declaration is, which the policies bound. */
static json_t *fill_json(const json_t *json, const json_t *args)
{
	const char *name;
	json_t *value, *one, *all;
	size_t i;

	if (json_is_string(json))
		return fill_text(json_string_value(json), args);
	if (json_is_array(json)) {
		all = json_array();
		json_array_foreach(json, i, value) {
			one = fill_json(value, args);
			if (one)
				(void)json_array_append_new(all, one);
		}
		return all;
	}
	if (!json_is_object(json))
		return json_deep_copy(json);
	all = json_object();
	json_object_foreach((json_t *)(uintptr_t)json, name, value) {
		one = fill_json(value, args);
		if (one)
			(void)json_object_set_new(all, name, one);
	}
	return all;
}

static json_t *rest_of(const struct tool *tool, const json_t *args)
{
	json_t *rest = json_object(), *value;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)args, name, value)
		if (!json_object_get(tool->used, name))
			(void)json_object_set(rest, name, value);
	return rest;
}

static bool put_json(struct text *out, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (text)
		text_z(out, text);
	free(text);
	json_decref(json);
	return text != NULL;
}

static bool make_body(struct ask *ask, const struct tool *tool, const json_t *args, struct why *why)
{
	bool ok = true;

	switch (tool->body) {
	case BODY_NONE:
		return true;
	case BODY_REST:
		ok = put_json(&ask->body, rest_of(tool, args));
		break;
	case BODY_JSON:
		ok = put_json(&ask->body, fill_json(tool->body_json, args));
		break;
	case BODY_FORM:
		if (!put_pairs(&ask->body, '\0', tool->body_json, args, why))
			return false;
		break;
	}
	if (!ok)
		return why_set(why, "no body can be made of these arguments");
	return ask->body.n <= BODY_BYTES_MAX || why_set(why, "the body would be too long");
}

bool ask_make(struct ask *ask, const struct settings *settings, const struct tool *tool,
	      const json_t *args, baton_str key, struct why *why)
{
	memset(ask, 0, sizeof(*ask));
	if (!make_url(ask, settings, tool, args, why) ||
	    !make_headers(ask, settings, tool, args, why) || !make_body(ask, tool, args, why))
		return false;
	if (tool->key_header && key.n > 0)
		put_line(ask, tool->key_header, key.p, key.n);
	return ask->url.failed || ask->body.failed || ask->lines.failed
		       ? why_set(why, "out of memory")
		       : true;
}
