/* SPDX-License-Identifier: Apache-2.0 */

/* Every bound of the core with its unit and its reason. Policies may lower what a customer meets;
 * nothing raises a bound at run time. */
#pragma once

enum {
	/* --- what a client may send ------------------------------------------------------------ */
	BATON_FRAME_BYTES_MAX =
		16 * 1024,               /* one WebSocket message; a support question, not a file */
	BATON_TEXT_BYTES_MAX = 8 * 1024, /* text of one message */
	BATON_CLIENT_ID_BYTES_MAX = 64,  /* a client's own message id: ULID, UUID or like those */
	BATON_JSON_DEPTH_MAX = 32,       /* deeper is an attack, not a message */
	BATON_MSG_BURST = 40,            /* token bucket per connection: burst ... */
	BATON_MSG_PER_S = 20,            /* ... and refill; typing and read frames count too */
	BATON_BAD_FRAMES_MAX = 3,        /* bad frames before a connection is closed */
	BATON_HELLO_MS = 5000,           /* a connection that says nothing is closed */
	BATON_HEARTBEAT_MS = 25000,      /* server ping; two misses end the connection */
	BATON_DEAD_MS = 60000,
	BATON_OUT_BYTES_MAX = 256 * 1024, /* unsent bytes per connection, then it must resume */
	BATON_TICKET_MS = 30000,
	BATON_HTTP_BODY_BYTES_MAX = 16 * 1024,
	BATON_HTTP_URI_BYTES_MAX = 1024,
	BATON_CONNS_MAX = 20000, /* per worker; files are the true limit */

	/* --- a session -------------------------------------------------------------------------- */
	BATON_SESSION_MESSAGES_MAX = 10000, /* customer messages in one session; then a new one */
	BATON_SESSION_PENDING_MAX = 64,     /* commits in flight of one session */
	BATON_SESSION_IDLE_MS = 5000,       /* a session without work leaves memory after this */
	BATON_SUBSCRIBERS_MAX = 32,         /* connections that follow one session */
	BATON_NOTE_BYTES_MAX = 8 * 1024,
	BATON_REPLAY_EVENTS_MAX = 512, /* events sent per resume step; more follow when drained */

	/* --- a turn ----------------------------------------------------------------------------- */
	BATON_TURN_STEPS_MAX = 256,  /* laps of the driver in one run; more is a bug */
	BATON_TURN_ATTEMPTS_MAX = 6, /* provider calls of one turn, retries included */
	BATON_TURN_TOTAL_MS = 30000, /* outcome within this, unless the route says less */
	BATON_TURN_RESTARTS_MAX = 2, /* crashes during one turn before a person gets it */
	BATON_CLASSIFY_MS = 250,
	BATON_RETRIEVE_MS = 1000,
	BATON_FIRST_TOKEN_MS = 8000, /* default of a route: S06, S07 ask for <= 11 s in all */
	BATON_STALL_MS = 5000,
	BATON_ANSWER_BYTES_MAX = 64 * 1024, /* a longer answer is cut off and fails as PROTOCOL */
	BATON_PROMPT_MSGS_MAX = 24,         /* history handed to a provider */
	BATON_PROMPT_BYTES_MAX = 48 * 1024,
	BATON_DOCS_MAX = 5,
	BATON_TOOLS_MAX = 256,                  /* of a set */
	BATON_ROUTE_TOOLS_MAX = 64,             /* offered to one model */
	BATON_LOOKUPS_MAX = 8,                  /* of one route */
	BATON_TOOL_BINDS_MAX = 8,
	BATON_TOOL_ROUNDS_MAX = 8,              /* times a model may ask for tools in one turn */
	BATON_TOOL_CALLS_MAX = 16,              /* calls of one turn, look-ups included */
	BATON_TOOL_ARGS_BYTES_MAX = 8 * 1024,   /* arguments of one call, JSON */
	BATON_TOOL_RESULT_BYTES_MAX = 64 * 1024, /* one result; a longer one is a failure */
	BATON_TOOL_MS = 10000,                  /* default time of a call with all its tries */
	BATON_PLAN_STEPS_MAX = 6,
	BATON_HITS_MAX = 256,                   /* of one text by one guard; more: it counts as not looked at */
	BATON_SECRETS_KEPT_MAX = 1024,          /* different personal data of one conversation */
	BATON_TURNS_PER_WORKER_MAX = 10000, /* open turns; more are handed over at once */
	BATON_TARGET_CALLS_MAX = 2000, /* calls of one target at once, where it says nothing */

	/* --- the journal ------------------------------------------------------------------------ */
	BATON_RECORD_BYTES_MAX = 256 * 1024, /* one event, framed and sealed */
	BATON_APPEND_RECORDS_MAX = 16,       /* events of one append */
	BATON_COMMIT_PUTS_MAX = 10000,       /* puts of one LMDB transaction (FACTS: RSS) */
	BATON_JOURNAL_QUEUE_MAX = 65536,     /* appends waiting for the writer */

	/* --- policies --------------------------------------------------------------------------- */
	BATON_POLICY_FILE_BYTES_MAX = 4 * 1024 * 1024,
	BATON_POLICY_FILES_MAX = 4096,
	BATON_POLICY_ANCHORS_MAX = 64, /* YAML aliases of one file: no billion laughs */
	BATON_POLICY_DEPTH_MAX = 32,
	BATON_POLICY_BYTES_MAX = 64 * 1024 * 1024, /* all files of a set together */
	BATON_POLICY_NODES_MAX = 200000,     /* values of one file, aliases written out */
	BATON_POLICY_FINDINGS_MAX = 100,     /* of one file; what follows is mostly echo */
	BATON_NAME_BYTES_MAX = 64, /* names of intents, targets, queues, rules */
	BATON_EXPR_BYTES_MAX = 2048,
	BATON_EXPR_NODES_MAX = 256,
	BATON_EXPR_STEPS_MAX = 50000,          /* of one condition, worst case, proved at load */
	BATON_EXPR_LOOPS_MAX = 4,              /* all, exists, filter, map inside each other */
	BATON_EXPR_LIST_MAX = 64,              /* values of a fact that is a list; more: undecided */
	BATON_EXPR_ROWS_MAX = 1024,            /* values of a list that a condition makes */
	BATON_EXPR_TEXT_BYTES_MAX = 4096,      /* text that a condition makes or matches */
	BATON_EXPR_RUN_BYTES_MAX = 512 * 1024, /* memory of one run; more: undecided */
	BATON_EXPR_REGEX_MAX = 256,            /* steps of a pattern, repetitions written out */
	BATON_ROUTE_FALLBACKS_MAX = 4,
	BATON_ROUTE_SWITCHES_MAX = 8,
	BATON_MODES_MAX = 64,
	BATON_TARGETS_MAX = 256,

	/* --- outside ---------------------------------------------------------------------------- */
	BATON_HTTP_LINE_BYTES_MAX = 64 * 1024, /* one SSE or NDJSON line of a provider */
	BATON_HTTP_HEAD_BYTES_MAX = 64 * 1024,
	BATON_HTTP_ANSWER_BYTES_MAX = 1024 * 1024,
	BATON_HTTP_URL_BYTES_MAX = 2048,
	BATON_HTTP_HEADERS_MAX = 512,            /* headers of one answer */
	BATON_HTTP_OPEN_MAX = 10000,             /* requests open at once, per loop */
	BATON_HTTP_IDLE_CONNS_MAX = 1024,        /* connections kept for the next request, per loop */
	BATON_CONNECT_MS = 1000,
	BATON_JOBS_MAX = 1024,                   /* jobs of one loop that wait or run */
	BATON_WORKERS_MAX = 64,
	BATON_AGENTS_MAX = 1000,
	BATON_MSG_ATTACHMENTS_MAX = 5,           /* files with one message */
	BATON_ATTRIBUTES_BYTES_MAX = 4096,       /* JSON of what is signed or claimed of a customer */
	BATON_CONTACT_BYTES_MAX = 254,           /* RFC 5321: the longest e-mail address */
	BATON_TAGS_MAX = 20                      /* labels of one conversation, each a name */
};
