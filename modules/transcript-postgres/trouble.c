/* SPDX-License-Identifier: Apache-2.0 */

#include "trouble.h"

#include <stdio.h>
#include <string.h>

/* One line: libpq writes several, with a line break at the end. */
static void one_line(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		unsigned char c = (unsigned char)*from;

		if (c > ' ')
			*to++ = (char)c;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = 0;
}

void trouble_say(struct trouble *trouble, uint32_t fail, const char *text)
{
	trouble->fail = fail;
	trouble->code[0] = 0;
	(void)snprintf(trouble->text, sizeof(trouble->text), "%s", text);
	one_line(trouble->text);
}

void trouble_of_connection(struct trouble *trouble, PGconn *conn, const char *before)
{
	const char *said = conn ? PQerrorMessage(conn) : "out of memory";

	trouble->fail = strstr(said, "authentication failed") || strstr(said, "no pg_hba.conf") ||
					strstr(said, "no password supplied")
				? BATON_FAIL_ACCESS
				: BATON_FAIL_CONNECT;
	trouble->code[0] = 0;
	(void)snprintf(trouble->text, sizeof(trouble->text), "%s: %s", before,
		       said[0] ? said : "the server has closed the connection");
	one_line(trouble->text);
}

/* What to do about it, by SQLSTATE or its class; the server's own words come behind. */
static const struct {
	const char *state;
	uint32_t fail;
	const char *advice;
} known[] = {
	{ "42P01", BATON_FAIL_BAD_REQUEST,
	  "the table is missing: make it, or set create_table: true (docs/TRANSCRIPTS.md)" },
	{ "42703", BATON_FAIL_BAD_REQUEST,
	  "the table has another form: compare it with docs/TRANSCRIPTS.md" },
	{ "42P10", BATON_FAIL_BAD_REQUEST, "the table has no primary key (session_id, seq)" },
	{ "42501", BATON_FAIL_ACCESS, "the role needs SELECT, INSERT and UPDATE on the table" },
	{ "25006", BATON_FAIL_UNAVAILABLE, "the server is read-only: a replica?" },
	{ "53100", BATON_FAIL_UNAVAILABLE, "the server's disk is full" },
	{ "53300", BATON_FAIL_OVERLOADED, "the server has no connection left" },
	{ "57014", BATON_FAIL_TIMEOUT, "it took longer than statement_ms" },
	{ "55P03", BATON_FAIL_TIMEOUT, "somebody holds a lock on the table" },
	{ "57P", BATON_FAIL_UNAVAILABLE, "the server is going down or coming up" },
	{ "28", BATON_FAIL_ACCESS, "the server does not let us in" },
	{ "53", BATON_FAIL_UNAVAILABLE, "the server is short of something" },
	{ "08", BATON_FAIL_CONNECT, "the connection broke" },
	{ "", BATON_FAIL_UNAVAILABLE, "the server refused" },
};

void trouble_of_result(struct trouble *trouble, const PGresult *result, const char *table)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	size_t i = 0;

	state = state ? state : "";
	said = said ? said : PQresultErrorMessage(result);
	while (strncmp(state, known[i].state, strlen(known[i].state)) != 0)
		i++;
	trouble->fail = known[i].fail;
	(void)snprintf(trouble->code, sizeof(trouble->code), "%s", state);
	(void)snprintf(trouble->text, sizeof(trouble->text), "%s: %s: %s%s%s", table,
		       known[i].advice, state, state[0] ? " " : "", said);
	one_line(trouble->text);
}
