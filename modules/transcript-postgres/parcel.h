/* SPDX-License-Identifier: Apache-2.0 */

/* One piece of work for the server: statements with their values, sent in one go and answered in
 * order. A batch of events travels as one array per column (binary), so that it is one statement,
 * however many events it has. */
#pragma once

#include "settings.h"

#include <postgresql/libpq-fe.h>

enum { STATEMENTS_MAX = 6, VALUES_MAX = 6, PARCEL_SQL_BYTES = 768 };

struct statement {
	const char *sql;
	int n;
	Oid types[VALUES_MAX];
	char *values[VALUES_MAX]; /* new memory, or NULL */
	int bytes[VALUES_MAX], binary[VALUES_MAX];
};

struct parcel {
	struct statement statements[STATEMENTS_MAX];
	int n, n_sent, n_done; /* done: answered whole */
};

/* The texts of our statements, with the table's name in place. */
struct words {
	char insert[PARCEL_SQL_BYTES], erase_sessions[PARCEL_SQL_BYTES],
		erase_customer[PARCEL_SQL_BYTES], read[PARCEL_SQL_BYTES];
};
void words_init(struct words *words, const struct settings *settings);

/* Each fills an empty parcel. false: no memory. */
bool parcel_append(struct parcel *parcel, const struct words *words,
		   const struct settings *settings, const baton_entry *entries, uint32_t n);
bool parcel_erase(struct parcel *parcel, const struct words *words, const struct settings *settings,
		  baton_str customer);
bool parcel_read(struct parcel *parcel, const struct words *words, const struct settings *settings,
		 baton_str session, uint64_t from, uint32_t max);
bool parcel_ping(struct parcel *parcel);
void parcel_done(struct parcel *parcel);
/* Puts everything and the sync behind it into the connection's buffer. */
bool parcel_send(struct parcel *parcel, PGconn *conn);
