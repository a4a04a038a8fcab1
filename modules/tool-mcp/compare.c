/* SPDX-License-Identifier: Apache-2.0 */

/* Declared against offered; see compare.h. Only what can be said for sure is said: a schema that is
 * put together ($ref, allOf, ...) is compared as far as its own `properties` and `required` go. */
#include "compare.h"

#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE_BYTES = 240, PROBLEMS_MAX = 20 };

void problem_add(struct entry *entry, const char *format, ...)
{
	char sentence[SENTENCE_BYTES];
	va_list list;

	if (entry->n_problems == PROBLEMS_MAX)
		return;
	va_start(list, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, list);
	va_end(list);
	/* Names may be the server's: a cut may have gone through a character. */
	for (char *c = sentence; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	if (entry->n_problems++)
		text_z(&entry->problems, ",");
	text_json(&entry->problems, str_z(sentence));
}

static bool listed(const json_t *array, const char *name)
{
	size_t i;
	json_t *value;

	json_array_foreach((json_t *)(uintptr_t)array, i, value)
		if (json_is_string(value) && strcmp(json_string_value(value), name) == 0)
			return true;
	return false;
}

/* Filled in by us, whatever a model says. */
static bool is_set(const struct tool_set *set, const char *name)
{
	char quoted[140];

	if (set->key && strcmp(set->key, name) == 0)
		return true;
	int n = snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	return n > 0 && (size_t)n < sizeof(quoted) && strstr(set->fixed, quoted);
}

static void required_compare(struct entry *entry, const json_t *theirs)
{
	const json_t *ours = json_object_get(entry->set->arguments, "properties");
	const json_t *needed = json_object_get(entry->set->arguments, "required");
	size_t i;
	json_t *value;

	json_array_foreach(json_object_get(theirs, "required"), i, value) {
		const char *name = json_string_value(value);
		if (!name || is_set(entry->set, name))
			continue;
		if (!json_object_get(ours, name))
			problem_add(entry, "the server requires %.80s, which is not declared",
				    name);
		else if (!listed(needed, name))
			problem_add(entry,
				    "the server requires %.80s, which is declared as optional",
				    name);
	}
}

static bool types_fit(const char *ours, const char *theirs)
{
	return strcmp(ours, theirs) == 0 ||
	       (strcmp(ours, "integer") == 0 && strcmp(theirs, "number") == 0);
}

static void property_compare(struct entry *entry, const char *name, const json_t *ours,
			     const json_t *theirs)
{
	const char *our_type = json_string_value(json_object_get(ours, "type"));
	const char *their_type = json_string_value(json_object_get(theirs, "type"));

	if (our_type && their_type && !types_fit(our_type, their_type))
		problem_add(entry, "%.80s is declared as %.20s, the server wants %.20s", name,
			    our_type, their_type);
}

static void properties_compare(struct entry *entry, const json_t *theirs)
{
	json_t *ours = json_object_get(entry->set->arguments, "properties"), *value;
	json_t *offered = json_object_get(theirs, "properties");
	bool closed = json_is_false(json_object_get(theirs, "additionalProperties"));
	const char *name;

	json_object_foreach(ours, name, value) {
		const json_t *other = json_object_get(offered, name);
		if (other)
			property_compare(entry, name, value, other);
		else if (closed)
			problem_add(entry, "the server does not take %.80s, which is declared",
				    name);
	}
	if (entry->set->key && closed && !json_object_get(offered, entry->set->key))
		problem_add(entry, "the server does not take %.80s, which is to carry the key",
			    entry->set->key);
}

void compare_entry(struct entry *entry, baton_str annotations)
{
	json_t *theirs = json_loadb(entry->schema, entry->schema_n, JSON_DECODE_INT_AS_REAL, NULL);

	if (!theirs) {
		problem_add(entry, "its inputSchema cannot be read");
		return;
	}
	required_compare(entry, theirs);
	properties_compare(entry, theirs);
	json_decref(theirs);
	/* Never believed when it makes a tool look harmless, always when it does not. */
	if (!entry->set->writes && frame_is_true(annotations, "destructiveHint") &&
	    !frame_is_true(annotations, "readOnlyHint"))
		problem_add(entry, "the server calls it destructive, and it is not declared as "
				   "one that writes");
}
