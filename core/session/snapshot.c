/* SPDX-License-Identifier: Apache-2.0 */

/* The state as JSON, and back. A table of the plain fields serves both directions; what grows
 * (lines, client ids, the draft) is written by hand. An unknown schema is refused: the events are
 * the truth and are folded again.
 */

#include "core/session/fold.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/session/client_ids.h"

enum { SNAPSHOT_SCHEMA = 6 };

enum kind { NUMBER, FLAG, OWNER, TEXT };
static const struct {
	const char *key;
	enum kind kind;
	size_t offset, size;
} plain[] = {
#define PLAIN(kind, field)                                            \
	{                                                             \
#field, kind, offsetof(struct baton_session, field),  \
			sizeof(((struct baton_session *)NULL)->field) \
	}
	PLAIN(NUMBER, seq),
	PLAIN(NUMBER, epoch),
	PLAIN(OWNER, owner),
	PLAIN(FLAG, disclosed),
	PLAIN(FLAG, resolved),
	PLAIN(FLAG, erased),
	PLAIN(NUMBER, opened_ms),
	PLAIN(NUMBER, last_message),
	PLAIN(NUMBER, answered_upto),
	PLAIN(NUMBER, messages),
	PLAIN(NUMBER, exchanges),
	PLAIN(NUMBER, first_unanswered_ms),
	PLAIN(NUMBER, restarts),
	PLAIN(NUMBER, draft),
	PLAIN(NUMBER, priority),
	PLAIN(TEXT, channel),
	PLAIN(TEXT, locale),
	PLAIN(TEXT, customer),
	PLAIN(TEXT, customer_tier),
	PLAIN(TEXT, queue),
	PLAIN(TEXT, reason),
	PLAIN(TEXT, agent),
	PLAIN(TEXT, agent_name),
	PLAIN(TEXT, intent),
	PLAIN(TEXT, mode),
	PLAIN(TEXT, resumes),
	PLAIN(NUMBER, held_after),
	PLAIN(NUMBER, weak_answers),
	PLAIN(NUMBER, cost_microusd),
	PLAIN(NUMBER, last_message_ms),
	PLAIN(NUMBER, idle_ms),
	PLAIN(NUMBER, reopen_count),
	PLAIN(NUMBER, auth_failures),
	PLAIN(NUMBER, lookup_failures),
	PLAIN(NUMBER, tier),
	PLAIN(NUMBER, queued_seq),
	PLAIN(NUMBER, written_about),
	PLAIN(NUMBER, waiting_since_ms),
	PLAIN(NUMBER, queued_ms),
	PLAIN(NUMBER, claimed_ms),
	PLAIN(NUMBER, open_after),
	PLAIN(NUMBER, stretch_seq),
	PLAIN(NUMBER, offered_at),
	PLAIN(NUMBER, identity_hash),
	PLAIN(NUMBER, claimed_hash),
	PLAIN(FLAG, verified),
	PLAIN(FLAG, claimed_before),
	PLAIN(FLAG, ticket),
	PLAIN(FLAG, abandoned),
	PLAIN(FLAG, abandon_told),
	PLAIN(TEXT, language),
	PLAIN(TEXT, customer_name),
	PLAIN(TEXT, rule),
	PLAIN(TEXT, to_agent),
	PLAIN(TEXT, draft_target),
	PLAIN(FLAG, draft_suggested),
	PLAIN(NUMBER, summary_upto),
#undef PLAIN
};
enum { PLAIN_N = sizeof(plain) / sizeof(plain[0]) };

static void save_plain(const struct baton_session *session, size_t i, struct baton_buf *out)
{
	const char *at = (const char *)session + plain[i].offset;

	baton_buf_z(out, "\"");
	baton_buf_z(out, plain[i].key);
	baton_buf_z(out, "\":");
	switch (plain[i].kind) {
	case NUMBER: {
		uint64_t number;

		memcpy(&number, at, sizeof(number));
		baton_buf_u64(out, number);
		break;
	}
	case FLAG:
		baton_buf_z(out, *(const bool *)at ? "true" : "false");
		break;
	case OWNER:
		baton_buf_u64(out, (uint64_t)session->owner);
		break;
	case TEXT:
		baton_buf_json(out, baton_str_of(at));
		break;
	}
	baton_buf_z(out, ",");
}

void baton_session_save(const struct baton_session *session, struct baton_buf *out)
{
	baton_buf_z(out, "{\"schema\":");
	baton_buf_u64(out, SNAPSHOT_SCHEMA);
	baton_buf_z(out, ",");
	for (size_t i = 0; i < PLAIN_N; i++)
		save_plain(session, i, out);
	baton_buf_z(out, "\"draft_text\":");
	baton_buf_json(out, session->draft_text);
	baton_buf_z(out, ",\"tags\":");
	baton_buf_json(out, session->tags);
	baton_buf_z(out, ",\"slots\":");
	baton_buf_json(out, session->slots);
	baton_buf_z(out, ",\"summary\":");
	baton_buf_json(out, session->summary);
	baton_buf_z(out, ",\"marks\":");
	baton_buf_json(out, session->marks);
	baton_buf_z(out, ",");
	baton_calls_save(&session->calls, out);
	baton_buf_z(out, ",\"lines\":[");
	for (size_t i = 0; i < session->n_lines; i++) {
		const struct baton_line *line = &session->lines[i];

		baton_buf_z(out, i ? ",[" : "[");
		baton_buf_u64(out, line->seq);
		baton_buf_z(out, ",");
		baton_buf_u64(out, line->role);
		baton_buf_z(out, ",");
		baton_buf_json(out, line->text);
		baton_buf_z(out, "]");
	}
	baton_buf_z(out, "],\"client_ids\":");
	baton_client_ids_save(&session->client_ids, out);
	baton_buf_z(out, "}");
}

static int load_text(char *at, size_t bytes_max, const struct baton_json *value,
		     struct baton_arena *arena)
{
	baton_str text = baton_json_text(value, arena);

	if (value->type != BATON_JSON_STRING || text.n > bytes_max)
		return BATON_E_JSON;
	memcpy(at, text.p, text.n);
	at[text.n] = '\0';
	return BATON_OK;
}

static int load_plain(struct baton_session *session, size_t i, const struct baton_json *object,
		      struct baton_arena *arena)
{
	struct baton_json value = baton_json_get(object, plain[i].key);
	char *at = (char *)session + plain[i].offset;
	uint64_t number = baton_json_u64(&value, 0);

	switch (plain[i].kind) {
	case NUMBER:
		memcpy(at, &number, sizeof(number));
		return value.type == BATON_JSON_NUMBER ? BATON_OK : BATON_E_JSON;
	case FLAG:
		*(bool *)at = baton_json_bool(&value);
		return BATON_OK;
	case OWNER:
		session->owner = (enum baton_owner)number;
		return value.type == BATON_JSON_NUMBER && number <= BATON_OWNER_AGENT
			       ? BATON_OK
			       : BATON_E_JSON;
	case TEXT:
		return load_text(at, plain[i].size - 1, &value, arena);
	}
	return BATON_E_JSON;
}

static int load_lines(struct baton_session *session, const struct baton_json *lines,
		      struct baton_arena *arena)
{
	struct baton_json line, seq, role, text;
	size_t at = 0;

	while (baton_json_element(lines, &at, &line)) {
		size_t inside = 0;

		if (session->n_lines == BATON_PROMPT_MSGS_MAX ||
		    !baton_json_element(&line, &inside, &seq) ||
		    !baton_json_element(&line, &inside, &role) ||
		    !baton_json_element(&line, &inside, &text))
			return BATON_E_JSON;
		fold_line(session, (uint32_t)baton_json_u64(&role, 0), baton_json_u64(&seq, 0),
			  baton_json_text(&text, arena));
	}
	return BATON_OK;
}

static int load_all(struct baton_session *session, const struct baton_json *object,
		    struct baton_arena *arena)
{
	struct baton_json schema = baton_json_get(object, "schema");
	struct baton_json lines = baton_json_get(object, "lines"),
			  ids = baton_json_get(object, "client_ids");
	struct baton_json draft_text = baton_json_get(object, "draft_text"),
			  tags = baton_json_get(object, "tags"),
			  slots = baton_json_get(object, "slots"),
			  summary = baton_json_get(object, "summary"),
			  marks = baton_json_get(object, "marks");

	if (baton_json_u64(&schema, 0) != SNAPSHOT_SCHEMA)
		return BATON_E_SCHEMA;
	for (size_t i = 0; i < PLAIN_N; i++) {
		int rc = load_plain(session, i, object, arena);
		if (rc < 0)
			return rc;
	}
	if (session->draft > 0)
		session->draft_text = baton_str_keep(baton_json_text(&draft_text, arena));
	baton_str labels = baton_json_text(&tags, arena);
	if (labels.n > 0)
		session->tags = baton_str_keep(labels);
	baton_str named = baton_json_text(&slots, arena);
	if (named.n > 0)
		session->slots = baton_str_keep(named);
	baton_str numbers = baton_json_text(&marks, arena);
	if (numbers.n > 0)
		session->marks = baton_str_keep(numbers);
	if (session->summary_upto > 0)
		session->summary = baton_str_keep(baton_json_text(&summary, arena));
	int rc = baton_calls_load(&session->calls, object, arena);
	if (rc == 0)
		rc = load_lines(session, &lines, arena);
	return rc < 0 ? rc : baton_client_ids_load(&session->client_ids, &ids);
}

int baton_session_load(struct baton_session *session, const struct baton_id *id, baton_str bytes)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json object;

	baton_session_init(session, id);
	int rc = baton_json_parse(bytes, &object);
	if (rc == 0)
		rc = load_all(session, &object, &arena);
	baton_arena_done(&arena);
	if (rc < 0) {
		baton_session_done(session);
		baton_session_init(session, id);
	}
	return rc;
}
