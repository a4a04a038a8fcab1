/* SPDX-License-Identifier: Apache-2.0 */

#include "settings.h"

#include <errno.h>
#include <jansson.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONNECT_MS = 5000, STATEMENT_MS = 10000, IDENTIFIER_MAX = 63 };

void settings_done(struct settings *settings)
{
	for (unsigned i = 0; i < settings->n; i++) {
		free(settings->keys[i]);
		free(settings->values[i]);
	}
	free(settings->passfile);
	memset(settings, 0, sizeof(*settings));
}

static bool put(struct settings *s, const char *key, const char *value)
{
	if (s->n == OPTIONS_MAX)
		return false;
	s->keys[s->n] = strdup(key);
	s->values[s->n] = strdup(value);
	s->n++;
	return s->keys[s->n - 1] && s->values[s->n - 1];
}

static bool has(const struct settings *s, const char *key)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->keys[i], key) == 0)
			return true;
	return false;
}

/* What the operator did not say. A service file's words would lose against ours, so with one only
 * what we cannot do without is set. */
static bool put_defaults(struct settings *s)
{
	static const char *const defaults[][2] = {
		{ "fallback_application_name", "baton" },
		{ "target_session_attrs", "read-write" },
		{ "gssencmode", "disable" },
		{ "tcp_user_timeout", "15000" },
	};
	bool ok = put(s, "client_encoding", "UTF8");

	for (size_t i = 0; !has(s, "service") && i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (!has(s, defaults[i][0]))
			ok = ok && put(s, defaults[i][0], defaults[i][1]);
	if (s->passfile)
		ok = ok && put(s, "passfile", s->passfile);
	return ok;
}

static bool take_connection(struct settings *s, const char *text, char *why, size_t cap)
{
	char *error = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &error);
	bool ok = options != NULL;

	if (!options)
		(void)snprintf(why, cap, "config.connection: %s", error ? error : "out of memory");
	PQfreemem(error);
	for (PQconninfoOption *o = options; ok && o && o->keyword; o++) {
		if (!o->val || strcmp(o->keyword, "client_encoding") == 0)
			continue;
		if (strcmp(o->keyword, "password") == 0) {
			(void)snprintf(
				why, cap,
				"config.connection: a password does not belong in the policy "
				"set; use config.passfile, a service file or peer "
				"authentication");
			ok = false;
		} else if (!(strcmp(o->keyword, "passfile") == 0 && s->passfile) &&
			   !put(s, o->keyword, o->val)) {
			(void)snprintf(why, cap, "config.connection: too many options");
			ok = false;
		}
	}
	PQconninfoFree(options);
	return ok;
}

static bool plain_identifier(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(text[i] == '_' || (text[i] >= 'a' && text[i] <= 'z') ||
		      (i > 0 && text[i] >= '0' && text[i] <= '9')))
			return false;
	return n > 0 && n <= IDENTIFIER_MAX - 10; /* an index's name is longer */
}

/* "table" or "schema.table", of a-z 0-9 _ */
static bool take_table(struct settings *s, const char *text)
{
	const char *dot = strchr(text, '.'), *name = dot ? dot + 1 : text;

	if (!plain_identifier(name, strlen(name)) ||
	    (dot && !plain_identifier(text, (size_t)(dot - text))))
		return false;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	if (dot)
		(void)snprintf(s->table, sizeof(s->table), "\"%.*s\".\"%s\"", (int)(dot - text),
			       text, name);
	else
		(void)snprintf(s->table, sizeof(s->table), "\"%s\"", name);
	return true;
}

static uint32_t number(const json_t *json, const char *key, uint32_t otherwise)
{
	const json_t *value = json_object_get(json, key);

	return json_is_integer(value) ? (uint32_t)json_integer_value(value) : otherwise;
}

static bool take(struct settings *s, const json_t *json, char *why, size_t cap)
{
	const char *passfile = json_string_value(json_object_get(json, "passfile"));
	const char *table = json_string_value(json_object_get(json, "table"));
	const char *connection = json_string_value(json_object_get(json, "connection"));

	s->create_table = json_is_true(json_object_get(json, "create_table"));
	s->connect_ms = number(json, "connect_ms", CONNECT_MS);
	s->statement_ms = number(json, "statement_ms", STATEMENT_MS);
	if (passfile && !(s->passfile = strdup(passfile)))
		return false;
	if (!take_table(s, table ? table : "baton_events")) {
		(void)snprintf(why, cap,
			       "config.table: expected a name, or schema.name, of a-z 0-9 _");
		return false;
	}
	return take_connection(s, connection ? connection : "", why, cap) && put_defaults(s);
}

bool settings_read(struct settings *settings, baton_str config, char *why, size_t cap)
{
	json_t *json = json_loadb(config.p, config.n, JSON_REJECT_DUPLICATES, NULL);

	memset(settings, 0, sizeof(*settings));
	(void)snprintf(why, cap, json ? "out of memory" : "config: expected an object");
	bool ok = json && take(settings, json, why, cap);
	json_decref(json);
	if (!ok)
		settings_done(settings);
	return ok;
}

bool settings_passfile_ok(const struct settings *settings, char *why, size_t cap)
{
	struct stat st;

	if (!settings->passfile)
		return true;
	if (stat(settings->passfile, &st) < 0) {
		const char *reason = strerrordesc_np(errno);
		(void)snprintf(why, cap, "passfile %s: %s", settings->passfile,
			       reason ? reason : "it cannot be read");
		return false;
	}
	if (S_ISREG(st.st_mode) && !(st.st_mode & 077))
		return true;
	(void)snprintf(why, cap, "passfile %s: expected a file with mode 0600, found %04o",
		       settings->passfile, (unsigned)st.st_mode & 07777);
	return false;
}
