/* SPDX-License-Identifier: Apache-2.0 */

/* One line on the control socket, understood or refused in words. docs/CONTROL.md is the protocol.
 * Pure: what the line asks for is somebody else's work.
 */
#pragma once

#include "core/base/json.h"
#include "core/route/drill.h"

enum control_verb {
	CONTROL_PING,
	CONTROL_STATUS,
	CONTROL_POLICIES,
	CONTROL_BOARD,
	CONTROL_TARGETS,
	CONTROL_TARGET_DISABLE,
	CONTROL_TARGET_ENABLE,
	CONTROL_MODES,
	CONTROL_MODE_ENTER,
	CONTROL_MODE_LEAVE,
	CONTROL_DRILLS,
	CONTROL_DRILL_START,
	CONTROL_DRILL_STOP,
	CONTROL_EXPLAIN,
	CONTROL_RELEASES,
	CONTROL_RELOAD,
	CONTROL_PROMOTE,
	CONTROL_ROLLBACK,
	CONTROL_DISCARD,
	CONTROL_DRAIN,
	CONTROL_WHY_LIVE,
	CONTROL_MODULES,
	CONTROL_MODULE_SWAP,
	CONTROL_MODULE_LOAD,
	CONTROL_MODULE_CANARY,
	CONTROL_MODULE_FORGIVE,
	CONTROL_SESSION_ERASE,
	CONTROL_CONVERSE,
	/* Lines of an open conversation: they have a key and no verb. */
	CONTROL_MSG,
	CONTROL_HUMAN,
	CONTROL_FEEDBACK,
	CONTROL_CLOSE, /* as the widget's button: the customer is done */
	CONTROL_LEAVE  /* as a window that is shut: nobody says anything */
};

enum { CONTROL_LINE_MAX = 64 * 1024, CONTROL_WHY_MAX = 500, CONTROL_PATH_MAX = 4095 };

/* Strings live as long as the line and the arena; those marked z end with a NUL and have none
 * inside. Absent: empty, 0, false. */
struct control_request {
	enum control_verb verb;
	baton_str verb_name;
	baton_str tag;                          /* whatever the asker wants to see again */
	baton_str target, mode, name, why;      /* z */
	baton_str key, channel, locale, intent; /* z */
	baton_str customer_tier;                /* z */
	baton_str session, customer; /* z */
	uint64_t for_ms;
	bool as_agent, deltas;
	bool dry_run;
	bool hold; /* of a drill: it ends with the connection */
	baton_str module, path, sha; /* z; the path is absolute, the sha 12 to 64 digits */
	uint64_t release;
	uint32_t share_ppm;              /* of a canary; 0: as releases.yaml says */
	bool canary, force, cold, steps; /* RELOAD, SWAP, ...; steps: each is told as it ends */
	struct baton_drill drill;         /* DRILL_START; from 0 to for_ms */
	struct baton_json facts;          /* EXPLAIN */
	baton_str id, text, value;        /* MSG, FEEDBACK, HUMAN */
	uint64_t about;                   /* FEEDBACK */
};

/* 0; or BATON_E_JSON, _UTF8, _INVAL, _UNSUPPORTED (no such verb), _LIMIT, with a sentence in `hint`
 * that says what to write instead. On an error verb_name, tag and key are set as far as they were
 * understood. */
int control_request_read(baton_str line, struct baton_arena *arena, struct control_request *ret,
			 char *hint, size_t cap);

/* "target.disable", ...; "" for lines of a conversation. */
const char *control_verb_name(enum control_verb verb);
