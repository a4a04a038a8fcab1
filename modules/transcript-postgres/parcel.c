/* SPDX-License-Identifier: Apache-2.0 */

#include "parcel.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the catalogue; the same in every version. */
enum {
	OID_INT8 = 20,
	OID_TEXT = 25,
	OID_JSON = 114,
	OID_JSON_ARRAY = 199,
	OID_TEXT_ARRAY = 1009,
	OID_INT8_ARRAY = 1016,
	OID_TIMESTAMPTZ = 1184,
	OID_TIMESTAMPTZ_ARRAY = 1185
};
static const int64_t epoch_2000_ms = 946684800000;

/* "on" for a database that was told to answer before the disk has it: an end means durable. Stricter
 * settings of the operator (remote_apply) stay. */
static const char limits[] =
	"SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true), "
	"set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN "
	"'on' ELSE current_setting('synchronous_commit') END, true)";

void words_init(struct words *words, const struct settings *settings)
{
	const char *t = settings->table;

	(void)snprintf(words->insert, sizeof(words->insert),
		       "INSERT INTO %s (session_id, seq, at, type, data, customer) SELECT * FROM "
		       "unnest($1::text[], $2::int8[], $3::timestamptz[], $4::text[], $5::json[], "
		       "$6::text[]) ON CONFLICT (session_id, seq) DO NOTHING",
		       t);
	(void)snprintf(
		words->erase_sessions, sizeof(words->erase_sessions),
		"UPDATE %s SET data = '{}', customer = NULL WHERE session_id = ANY($1::text[]) "
		"AND type <> 'session_erased' AND (data::text <> '{}' OR customer IS NOT NULL)",
		t);
	(void)snprintf(words->erase_customer, sizeof(words->erase_customer),
		       "UPDATE %s SET data = '{}', customer = NULL WHERE session_id IN (SELECT "
		       "session_id FROM %s WHERE customer = $1::text)",
		       t, t);
	(void)snprintf(
		words->read, sizeof(words->read),
		"SELECT seq, (extract(epoch FROM at) * 1000)::int8, type, data::text FROM %s "
		"WHERE session_id = $1::text AND seq >= $2::int8 ORDER BY seq LIMIT $3::int8",
		t);
}

void parcel_done(struct parcel *parcel)
{
	for (int i = 0; i < parcel->n; i++)
		for (int k = 0; k < parcel->statements[i].n; k++)
			free(parcel->statements[i].values[k]);
	memset(parcel, 0, sizeof(*parcel));
}

static struct statement *say(struct parcel *parcel, const char *sql)
{
	struct statement *statement = &parcel->statements[parcel->n++];

	statement->sql = sql;
	return statement;
}

/* --- values ------------------------------------------------------------------------------- */

static char *put32(char *to, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*to++ = (char)(v >> shift);
	return to;
}

static char *put64(char *to, uint64_t v)
{
	return put32(put32(to, (uint32_t)(v >> 32)), (uint32_t)v);
}

static bool take(struct statement *s, Oid type, char *value, size_t bytes, int binary)
{
	s->types[s->n] = type;
	s->values[s->n] = value;
	s->bytes[s->n] = (int)bytes;
	s->binary[s->n++] = binary;
	return value != NULL;
}

static bool put_text(struct statement *s, baton_str text)
{
	return take(s, OID_TEXT, strndup(text.p ? text.p : "", text.n), 0, 0);
}

static bool put_number(struct statement *s, uint64_t v)
{
	char *to = malloc(8);

	if (to)
		(void)put64(to, v);
	return take(s, OID_INT8, to, 8, 1);
}

/* Header of an array of one dimension: dimensions, are there NULLs, type, length, first index. */
enum { ARRAY_HEAD = 20 };
static char *put_head(char *to, Oid type, uint32_t n)
{
	to = put32(put32(put32(to, 1), 1), type);
	return put32(put32(to, n), 1);
}

/* `what` tells the text of an entry; p NULL: an SQL NULL. */
static bool put_texts(struct statement *s, Oid type, Oid array, const baton_entry *entries,
		      uint32_t n, baton_str (*what)(const baton_entry *))
{
	size_t bytes = ARRAY_HEAD;

	for (uint32_t i = 0; i < n; i++)
		bytes += 4 + what(&entries[i]).n;
	char *value = malloc(bytes), *to = value ? put_head(value, type, n) : NULL;
	for (uint32_t i = 0; value && i < n; i++) {
		baton_str text = what(&entries[i]);

		to = put32(to, text.p ? (uint32_t)text.n : UINT32_MAX);
		if (text.n > 0)
			memcpy(to, text.p, text.n);
		to += text.n;
	}
	return take(s, array, value, bytes, 1);
}

static bool put_numbers(struct statement *s, Oid type, Oid array, const uint64_t *numbers,
			uint32_t n)
{
	size_t bytes = ARRAY_HEAD + (size_t)n * 12;
	char *value = malloc(bytes), *to = value ? put_head(value, type, n) : NULL;

	for (uint32_t i = 0; value && i < n; i++)
		to = put64(put32(to, 8), numbers[i]);
	return take(s, array, value, bytes, 1);
}

static baton_str session_of(const baton_entry *e)
{
	return e->session_id;
}
static baton_str type_of(const baton_entry *e)
{
	return e->type;
}
static baton_str data_of(const baton_entry *e)
{
	return e->json;
}

/* --- the parcels -------------------------------------------------------------------------- */

static bool begin(struct parcel *parcel, const struct settings *settings)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ums", settings->statement_ms);

	memset(parcel, 0, sizeof(*parcel));
	(void)say(parcel, "BEGIN");
	return put_text(say(parcel, limits), (baton_str){ text, (size_t)n });
}

/* Whose conversation it is, told by its first event; NULL where there is nothing to tell. New. */
static char *customer_of(const baton_entry *e)
{
	static const char name[] = "session_opened";

	if (e->type.n != sizeof(name) - 1 || memcmp(e->type.p, name, e->type.n) != 0)
		return NULL;
	json_t *json = json_loadb(e->json.p, e->json.n, 0, NULL);
	const char *text = json_string_value(json_object_get(json, "customer"));
	char *copy = text && text[0] ? strdup(text) : NULL;
	json_decref(json);
	return copy;
}

/* One array, mostly of NULLs. */
static bool put_customers(struct statement *s, const baton_entry *entries, uint32_t n)
{
	char **names = calloc(n, sizeof(*names));
	size_t bytes = ARRAY_HEAD;

	for (uint32_t i = 0; names && i < n; i++) {
		names[i] = customer_of(&entries[i]);
		bytes += 4 + (names[i] ? strlen(names[i]) : 0);
	}
	char *value = names ? malloc(bytes) : NULL;
	char *to = value ? put_head(value, OID_TEXT, n) : NULL;
	for (uint32_t i = 0; names && i < n; i++) {
		size_t len = names[i] ? strlen(names[i]) : 0;

		if (value)
			to = put32(to, names[i] ? (uint32_t)len : UINT32_MAX);
		if (value && len > 0)
			memcpy(to, names[i], len);
		to = value ? to + len : NULL;
		free(names[i]);
	}
	free(names);
	return take(s, OID_TEXT_ARRAY, value, bytes, 1);
}

static bool put_erased(struct parcel *parcel, const struct words *words, const baton_entry *entries,
		       uint32_t n)
{
	baton_entry *erased = calloc(n, sizeof(*erased));
	uint32_t k = 0;

	if (!erased)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (entry_is_erasure(&entries[i]))
			erased[k++] = entries[i];
	bool ok = k == 0 || put_texts(say(parcel, words->erase_sessions), OID_TEXT, OID_TEXT_ARRAY,
				      erased, k, session_of);
	free(erased);
	return ok;
}

bool parcel_append(struct parcel *parcel, const struct words *words,
		   const struct settings *settings, const baton_entry *entries, uint32_t n)
{
	bool ok = begin(parcel, settings);
	struct statement *s = say(parcel, words->insert);
	uint64_t *seqs = calloc(n, sizeof(*seqs)), *times = calloc(n, sizeof(*times));

	for (uint32_t i = 0; seqs && times && i < n; i++) {
		seqs[i] = entries[i].seq;
		times[i] = (uint64_t)(((int64_t)entries[i].unix_ms - epoch_2000_ms) * 1000);
	}
	ok = ok && seqs && times &&
	     put_texts(s, OID_TEXT, OID_TEXT_ARRAY, entries, n, session_of) &&
	     put_numbers(s, OID_INT8, OID_INT8_ARRAY, seqs, n) &&
	     put_numbers(s, OID_TIMESTAMPTZ, OID_TIMESTAMPTZ_ARRAY, times, n) &&
	     put_texts(s, OID_TEXT, OID_TEXT_ARRAY, entries, n, type_of) &&
	     put_texts(s, OID_JSON, OID_JSON_ARRAY, entries, n, data_of) &&
	     put_customers(s, entries, n) && put_erased(parcel, words, entries, n);
	free(seqs);
	free(times);
	(void)say(parcel, "COMMIT");
	return ok;
}

bool parcel_erase(struct parcel *parcel, const struct words *words, const struct settings *settings,
		  baton_str customer)
{
	bool ok = begin(parcel, settings) && put_text(say(parcel, words->erase_customer), customer);

	(void)say(parcel, "COMMIT");
	return ok;
}

bool parcel_read(struct parcel *parcel, const struct words *words, const struct settings *settings,
		 baton_str session, uint64_t from, uint32_t max)
{
	bool ok = begin(parcel, settings);
	struct statement *s = say(parcel, words->read);

	ok = ok && put_text(s, session) && put_number(s, from) && put_number(s, max);
	(void)say(parcel, "COMMIT");
	return ok;
}

bool parcel_ping(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	(void)say(parcel, "BEGIN");
	(void)say(parcel, "COMMIT");
	return true;
}

bool parcel_send(struct parcel *parcel, PGconn *conn)
{
	for (; parcel->n_sent < parcel->n; parcel->n_sent++) {
		struct statement *s = &parcel->statements[parcel->n_sent];

		if (!PQsendQueryParams(conn, s->sql, s->n, s->types, (const char *const *)s->values,
				       s->bytes, s->binary, 0))
			return false;
	}
	return PQpipelineSync(conn) == 1;
}
