/* SPDX-License-Identifier: Apache-2.0 */

/* What an error of PostgreSQL means for us, in words for the operator. */
#pragma once

#include <baton/module.h>
#include <postgresql/libpq-fe.h>

enum { TROUBLE_BYTES = 480 };

struct trouble {
	uint32_t fail; /* BATON_FAIL_* */
	char code[8];  /* SQLSTATE, or "" */
	char text[TROUBLE_BYTES];
};

void trouble_say(struct trouble *trouble, uint32_t fail, const char *text);
/* Of a connection: it could not be made, or broke. */
void trouble_of_connection(struct trouble *trouble, PGconn *conn, const char *before);
/* Of a statement's result. `table` as in SQL. */
void trouble_of_result(struct trouble *trouble, const PGresult *result, const char *table);
