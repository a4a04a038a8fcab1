/* SPDX-License-Identifier: Apache-2.0 */

/* Reads client frames. One table says which fields a frame has, of which kind, how long and
 * whether they must be there; everything below it only walks the table. Unknown fields are skipped
 * (a newer client), a known field twice is refused: two readers could take different ones.
 */

#include "channels/chat/wire_in.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/limits.h"

#include <stddef.h>

enum field_kind {
	KIND_TEXT,    /* any UTF-8 */
	KIND_WORD,    /* no control characters: goes into ids and logs */
	KIND_SESSION, /* the text form of a session id */
	KIND_U64,
	KIND_UP_DOWN,
	KIND_REVIEW,
	KIND_LEAVE,  /* a person's: approve or reject */
	KIND_RESUME, /* an object with fields of its own */
	KIND_YES,    /* true or false */
	KIND_NO,     /* the same, kept as its opposite: absent means yes */
	KIND_IDS,    /* a list of words: attachments */
	KIND_NAMES,  /* a list of names, kept as JSON */
	KIND_OBJECT  /* kept as JSON */
};

enum { OPT = 0, MUST = 1 };

struct field {
	const char *name;
	enum field_kind kind;
	unsigned must;
	size_t bytes_max;
	size_t offset; /* of the baton_str or uint64_t in struct baton_frame */
};

#define AT(member) offsetof(struct baton_frame, member)
#define ID_MAX ((size_t)BATON_CLIENT_ID_BYTES_MAX)
#define TEXT_MAX ((size_t)BATON_TEXT_BYTES_MAX)
#define NAME_MAX_BYTES ((size_t)BATON_NAME_BYTES_MAX)
/* Seqs beyond this are no numbers of ours, and JavaScript could not write them either. */
#define SEQ_MAX ((uint64_t)1 << 53)

enum { TOKEN_BYTES = 43, REASON_BYTES_MAX = 1024, FIELDS_MAX = 7 };

#define SESSION_FIELD                                          \
	{                                                      \
		"session", KIND_SESSION, MUST, 36, AT(session) \
	}
#define MSG_ID_FIELD                                  \
	{                                             \
		"id", KIND_WORD, MUST, ID_MAX, AT(id) \
	}

#define NO_FIELDS                                \
	{                                        \
		{                                \
			NULL, KIND_TEXT, 0, 0, 0 \
		}                                \
	}
#define FILES_FIELD                                          \
	{                                                    \
		"attachments", KIND_IDS, OPT, ID_MAX, AT(id) \
	}

/* Who may say it. */
enum { CUSTOMERS = 1, AGENTS = 2, ADMINS = 4, ALL = 7 };

static const struct frame_info {
	const char *t;
	unsigned who;
	struct field fields[FIELDS_MAX]; /* ends with a NULL name */
} frames[BATON_FRAME_TYPES] = {
	[BATON_FRAME_HELLO] = { "hello",
				ALL,
				{ { "ticket", KIND_WORD, OPT, TOKEN_BYTES, AT(ticket) },
				  { "locale", KIND_WORD, OPT, NAME_MAX_BYTES, AT(locale) },
				  { "client", KIND_WORD, OPT, NAME_MAX_BYTES, AT(text) },
				  { "resume", KIND_RESUME, OPT, 0, 0 } } },
	[BATON_FRAME_MSG] = { "msg",
			      CUSTOMERS,
			      { MSG_ID_FIELD,
				{ "text", KIND_TEXT, MUST, TEXT_MAX, AT(text) },
				FILES_FIELD } },
	[BATON_FRAME_HUMAN] = { "human",
				CUSTOMERS,
				{ { "id", KIND_WORD, OPT, ID_MAX, AT(id) },
				  { "reason", KIND_TEXT, OPT, REASON_BYTES_MAX, AT(text) } } },
	[BATON_FRAME_TICKET] = { "ticket",
				 CUSTOMERS,
				 { MSG_ID_FIELD,
				   { "contact", KIND_WORD, MUST, BATON_CONTACT_BYTES_MAX,
				     AT(value) } } },
	[BATON_FRAME_TYPING] = { "typing",
				 CUSTOMERS | AGENTS,
				 { { "session", KIND_SESSION, OPT, 36, AT(session) } } },
	[BATON_FRAME_READ] = { "read",
			       CUSTOMERS | AGENTS,
			       { { "seq", KIND_U64, MUST, 0, AT(seq) },
				 { "session", KIND_SESSION, OPT, 36, AT(session) } } },
	[BATON_FRAME_FEEDBACK] = { "feedback",
				   CUSTOMERS,
				   { MSG_ID_FIELD,
				     { "value", KIND_UP_DOWN, MUST, NAME_MAX_BYTES, AT(value) },
				     { "seq", KIND_U64, OPT, 0, AT(seq) },
				     { "comment", KIND_TEXT, OPT, TEXT_MAX, AT(text) } } },
	[BATON_FRAME_CLOSE] = { "close", CUSTOMERS, NO_FIELDS },
	[BATON_FRAME_PING] = { "ping", ALL, { { "n", KIND_U64, OPT, 0, AT(n) } } },
	[BATON_FRAME_DESK] = { "desk", AGENTS, NO_FIELDS },
	[BATON_FRAME_OPEN] = { "open",
			       AGENTS,
			       { SESSION_FIELD, { "after", KIND_U64, OPT, 0, AT(after) } } },
	[BATON_FRAME_LEAVE] = { "leave", AGENTS, { SESSION_FIELD } },
	[BATON_FRAME_CLAIM] = { "claim",
				AGENTS,
				{ SESSION_FIELD, { "take", KIND_YES, OPT, 0, AT(take) } } },
	[BATON_FRAME_RELEASE] = { "release",
				  AGENTS,
				  { SESSION_FIELD,
				    { "reason", KIND_TEXT, OPT, REASON_BYTES_MAX, AT(reason) } } },
	[BATON_FRAME_TRANSFER] = { "transfer",
				   AGENTS,
				   { SESSION_FIELD,
				     { "queue", KIND_WORD, OPT, NAME_MAX_BYTES, AT(value) },
				     { "agent", KIND_WORD, OPT, NAME_MAX_BYTES, AT(to_agent) },
				     { "reason", KIND_TEXT, OPT, REASON_BYTES_MAX, AT(reason) } } },
	[BATON_FRAME_REPLY] = { "reply",
				AGENTS,
				{ SESSION_FIELD,
				  MSG_ID_FIELD,
				  { "text", KIND_TEXT, MUST, TEXT_MAX, AT(text) },
				  { "if_seq", KIND_U64, OPT, 0, AT(if_seq) },
				  FILES_FIELD } },
	[BATON_FRAME_NOTE] = { "note",
			       AGENTS,
			       { SESSION_FIELD,
				 MSG_ID_FIELD,
				 { "text", KIND_TEXT, MUST, BATON_NOTE_BYTES_MAX, AT(text) } } },
	[BATON_FRAME_TAG] = { "tag",
			      AGENTS,
			      { SESSION_FIELD,
				MSG_ID_FIELD,
				{ "tags", KIND_NAMES, MUST, NAME_MAX_BYTES, AT(tags) } } },
	[BATON_FRAME_DRAFT] = { "draft",
				AGENTS,
				{ SESSION_FIELD,
				  MSG_ID_FIELD,
				  { "draft", KIND_U64, MUST, 0, AT(seq) },
				  { "action", KIND_REVIEW, MUST, NAME_MAX_BYTES, AT(value) },
				  { "text", KIND_TEXT, OPT, TEXT_MAX, AT(text) } } },
	[BATON_FRAME_SUGGEST] = { "suggest", AGENTS, { SESSION_FIELD } },
	[BATON_FRAME_TOOL] = { "tool",
			       AGENTS,
			       { SESSION_FIELD,
				 MSG_ID_FIELD,
				 { "proposal", KIND_U64, MUST, 0, AT(seq) },
				 { "action", KIND_LEAVE, MUST, NAME_MAX_BYTES, AT(value) },
				 { "reason", KIND_TEXT, OPT, REASON_BYTES_MAX, AT(reason) } } },
	[BATON_FRAME_HANDBACK] = { "handback", AGENTS, { SESSION_FIELD } },
	[BATON_FRAME_RESOLVE] = { "resolve",
				  AGENTS,
				  { SESSION_FIELD,
				    { "code", KIND_WORD, OPT, NAME_MAX_BYTES, AT(code) } } },
	[BATON_FRAME_STATUS] = { "status",
				 AGENTS,
				 { { "available", KIND_YES, MUST, 0, AT(available) } } },
	[BATON_FRAME_DECLINE] = { "decline", AGENTS, { SESSION_FIELD } },
	[BATON_FRAME_PACKAGE] = { "package", AGENTS, { SESSION_FIELD } },
	[BATON_FRAME_OPERATIONS] = { "operations", ADMINS, { { "on", KIND_NO, OPT, 0, AT(off) } } },
	[BATON_FRAME_ADMIN] = { "admin",
				ADMINS,
				{ MSG_ID_FIELD,
				  { "request", KIND_OBJECT, MUST, 0, AT(request) } } },
};

static const struct field resume_fields[FIELDS_MAX] = {
	SESSION_FIELD,
	{ "token", KIND_WORD, MUST, TOKEN_BYTES, AT(token) },
	{ "after", KIND_U64, OPT, 0, AT(after) },
};

static bool has_controls(baton_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static int take_text(const struct field *field, const struct baton_json *value,
		     struct baton_arena *arena, struct baton_frame *ret)
{
	if (value->type != BATON_JSON_STRING)
		return BATON_E_INVAL;

	baton_str s = baton_json_text(value, arena);
	if (field->must && s.n == 0)
		return BATON_E_INVAL;
	if (s.n > field->bytes_max)
		return BATON_E_LIMIT;
	if (field->kind == KIND_WORD && has_controls(s))
		return BATON_E_INVAL;
	if (field->kind == KIND_UP_DOWN && !baton_str_is(s, "up") && !baton_str_is(s, "down"))
		return BATON_E_INVAL;
	if (field->kind == KIND_REVIEW && !baton_str_is(s, "accept") && !baton_str_is(s, "edit") &&
	    !baton_str_is(s, "reject"))
		return BATON_E_INVAL;
	if (field->kind == KIND_LEAVE && !baton_str_is(s, "approve") && !baton_str_is(s, "reject"))
		return BATON_E_INVAL;

	memcpy((char *)ret + field->offset, &s, sizeof(s));
	return 0;
}

static int take_session(const struct baton_json *value, struct baton_arena *arena,
			struct baton_frame *ret)
{
	if (value->type != BATON_JSON_STRING)
		return BATON_E_INVAL;

	int rc = baton_id_parse(baton_json_text(value, arena), &ret->session);
	if (rc < 0)
		return BATON_E_INVAL;
	ret->has_session = true;
	return 0;
}

static int take_number(const struct field *field, const struct baton_json *value,
		       struct baton_frame *ret)
{
	if (value->type != BATON_JSON_NUMBER)
		return BATON_E_INVAL;

	uint64_t v = baton_json_u64(value, UINT64_MAX);
	if (v >= SEQ_MAX)
		return BATON_E_INVAL;
	memcpy((char *)ret + field->offset, &v, sizeof(v));
	if (field->offset == AT(n))
		ret->has_n = true;
	return 0;
}

static int take_bool(const struct field *field, const struct baton_json *value,
		     struct baton_frame *ret)
{
	if (value->type != BATON_JSON_TRUE && value->type != BATON_JSON_FALSE)
		return BATON_E_INVAL;
	bool yes = (value->type == BATON_JSON_TRUE) == (field->kind == KIND_YES);
	memcpy((char *)ret + field->offset, &yes, sizeof(yes));
	return 0;
}

/* A list of short words, none twice. They are looked up, or kept as the JSON that they are. */
static int take_list(const struct field *field, const struct baton_json *value,
		     struct baton_arena *arena, struct baton_frame *ret)
{
	size_t max = field->kind == KIND_IDS ? (size_t)BATON_MSG_ATTACHMENTS_MAX : BATON_TAGS_MAX;
	baton_str words[BATON_TAGS_MAX];
	struct baton_json item;
	size_t n = 0;

	if (value->type != BATON_JSON_ARRAY)
		return BATON_E_INVAL;
	for (size_t at = 0; baton_json_element(value, &at, &item); n++) {
		baton_str word = baton_json_text(&item, arena);

		if (n == max || word.n > field->bytes_max)
			return BATON_E_LIMIT;
		if (item.type != BATON_JSON_STRING || word.n == 0 || has_controls(word))
			return BATON_E_INVAL;
		for (size_t i = 0; i < n; i++)
			if (baton_str_eq(words[i], word))
				return BATON_E_INVAL;
		words[n] = word;
	}
	if (field->kind == KIND_NAMES) {
		ret->tags = value->raw;
		return 0;
	}
	memcpy(ret->attachments, words, n * sizeof(words[0]));
	ret->n_attachments = n;
	return 0;
}

static const struct field *field_of(const struct field *fields, baton_str name, unsigned *ret_bit)
{
	for (unsigned i = 0; i < FIELDS_MAX && fields[i].name; i++) {
		if (baton_str_is(name, fields[i].name)) {
			*ret_bit = 1u << i;
			return &fields[i];
		}
	}
	return NULL;
}

static int fields_missing(const struct field *fields, unsigned seen)
{
	for (unsigned i = 0; i < FIELDS_MAX && fields[i].name; i++)
		if (fields[i].must && !(seen & (1u << i)))
			return BATON_E_INVAL;
	return 0;
}

static int take_resume(const struct baton_json *object, struct baton_arena *arena,
		       struct baton_frame *ret);

static int take_field(const struct field *field, const struct baton_json *value,
		      struct baton_arena *arena, struct baton_frame *ret)
{
	switch (field->kind) {
	case KIND_TEXT:
	case KIND_WORD:
	case KIND_UP_DOWN:
	case KIND_REVIEW:
	case KIND_LEAVE:
		return take_text(field, value, arena, ret);
	case KIND_SESSION:
		return take_session(value, arena, ret);
	case KIND_U64:
		return take_number(field, value, ret);
	case KIND_RESUME:
		return take_resume(value, arena, ret);
	case KIND_YES:
	case KIND_NO:
		return take_bool(field, value, ret);
	case KIND_IDS:
	case KIND_NAMES:
		return take_list(field, value, arena, ret);
	case KIND_OBJECT:
		if (value->type != BATON_JSON_OBJECT)
			return BATON_E_INVAL;
		memcpy((char *)ret + field->offset, &value->raw, sizeof(value->raw));
		return 0;
	}
	return BATON_E_INVAL;
}

/* Takes the members from `at` on; 0: from the first, else that was `t`. Goes on after the first
 * refusal, so that `id` is known wherever it stands and the answer can name it. A frame has one
 * `t`: BATON_E_JSON if there are more. Of a text that is no object nothing is known. */
static int take_fields(const struct field *fields, baton_str object, size_t at,
		       struct baton_arena *arena, struct baton_frame *ret)
{
	struct baton_json key, value;
	unsigned seen = 0, types = at > 0;
	int first = 0, more;

	while ((more = baton_json_next(object, &at, &key, &value)) > 0) {
		unsigned bit = 0;
		baton_str name = baton_json_text(&key, arena);
		const struct field *field = field_of(fields, name, &bit);
		if (!field) {
			types += baton_str_is(name, "t");
			continue;
		}
		int rc = (seen & bit) ? BATON_E_INVAL : take_field(field, &value, arena, ret);
		if (rc < 0 && first == 0)
			first = rc;
		seen |= bit;
	}
	if (more < 0)
		memset(ret, 0, sizeof(*ret));
	if (more < 0 || (types > 1 && fields != resume_fields))
		return BATON_E_JSON;
	return first < 0 ? first : fields_missing(fields, seen);
}

static int take_resume(const struct baton_json *object, struct baton_arena *arena,
		       struct baton_frame *ret)
{
	if (object->type != BATON_JSON_OBJECT)
		return BATON_E_INVAL;
	ret->has_resume = true;
	return take_fields(resume_fields, object->raw, 0, arena, ret);
}

static int take_type(const struct baton_json *t, struct baton_arena *arena, struct baton_frame *ret)
{
	if (t->type != BATON_JSON_STRING)
		return BATON_E_JSON;
	ret->t = baton_json_text(t, arena);
	if (ret->t.n == 0)
		return BATON_E_JSON;

	for (unsigned i = 0; i < BATON_FRAME_TYPES; i++) {
		if (baton_str_is(ret->t, frames[i].t)) {
			ret->type = (enum baton_frame_type)i;
			return 0;
		}
	}
	ret->t = baton_str_clip(ret->t, NAME_MAX_BYTES);
	return BATON_E_UNSUPPORTED;
}

/* The frame's first `t`. *ret_at: behind it, if it comes first and so the others need not be read
 * again; else 0. A frame that is refused for its type must be well-formed all the same. */
static int find_type(baton_str bytes, struct baton_arena *arena, size_t *ret_at,
		     struct baton_frame *ret)
{
	struct baton_json key, t, object;
	size_t at = 0, members = 0;
	int more;

	while ((more = baton_json_next(bytes, &at, &key, &t)) > 0 && ++members > 0)
		if (baton_str_is(baton_json_text(&key, arena), "t"))
			break;
	if (more <= 0)
		return BATON_E_JSON;
	int rc = take_type(&t, arena, ret);
	if (rc < 0 && baton_json_parse(bytes, &object) < 0) {
		memset(ret, 0, sizeof(*ret));
		return BATON_E_JSON;
	}
	*ret_at = members == 1 ? at : 0;
	return rc;
}

int baton_frame_read(baton_str bytes, struct baton_arena *arena, struct baton_frame *ret)
{
	size_t at;

	memset(ret, 0, sizeof(*ret));
	if (!baton_str_utf8_ok(bytes))
		return BATON_E_UTF8;
	int rc = find_type(bytes, arena, &at, ret);
	if (rc < 0)
		return rc;
	return take_fields(frames[ret->type].fields, bytes, at, arena, ret);
}

bool baton_frame_allowed(enum baton_frame_type type, enum baton_role role)
{
	switch (role) {
	case BATON_CUSTOMER:
		return (frames[type].who & CUSTOMERS) != 0;
	case BATON_AGENT:
	case BATON_SUPERVISOR:
		return (frames[type].who & AGENTS) != 0;
	case BATON_ADMIN:
		return (frames[type].who & ADMINS) != 0;
	case BATON_SELF:
		return false;
	}
	return false;
}

bool baton_frame_command(const struct baton_frame *frame, struct baton_command *ret)
{
	static const struct {
		bool is;
		enum baton_verb verb;
	} verbs[BATON_FRAME_TYPES] = {
		[BATON_FRAME_MSG] = { true, BATON_CMD_MESSAGE },
		[BATON_FRAME_HUMAN] = { true, BATON_CMD_HUMAN },
		[BATON_FRAME_FEEDBACK] = { true, BATON_CMD_FEEDBACK },
		[BATON_FRAME_CLOSE] = { true, BATON_CMD_RESOLVE },
		[BATON_FRAME_CLAIM] = { true, BATON_CMD_CLAIM },
		[BATON_FRAME_RELEASE] = { true, BATON_CMD_RELEASE },
		[BATON_FRAME_REPLY] = { true, BATON_CMD_REPLY },
		[BATON_FRAME_NOTE] = { true, BATON_CMD_NOTE },
		[BATON_FRAME_DRAFT] = { true, BATON_CMD_DRAFT },
		[BATON_FRAME_HANDBACK] = { true, BATON_CMD_HANDBACK },
		[BATON_FRAME_RESOLVE] = { true, BATON_CMD_RESOLVE },
		[BATON_FRAME_TICKET] = { true, BATON_CMD_TICKET },
		[BATON_FRAME_TRANSFER] = { true, BATON_CMD_TRANSFER },
		[BATON_FRAME_TAG] = { true, BATON_CMD_TAG },
		[BATON_FRAME_SUGGEST] = { true, BATON_CMD_SUGGEST },
		[BATON_FRAME_TOOL] = { true, BATON_CMD_TOOL_REVIEW },
	};

	if (!verbs[frame->type].is)
		return false;
	*ret = (struct baton_command){
		.verb = verbs[frame->type].verb,
		.client_id = frame->id,
		.text = frame->reason.n > 0 ? frame->reason : frame->text,
		.value = frame->type == BATON_FRAME_RESOLVE ? frame->code
			 : frame->type == BATON_FRAME_TAG   ? frame->tags
							    : frame->value,
		.to_agent = frame->to_agent,
		.take = frame->take,
		.about_seq = frame->seq,
		.if_seq = frame->if_seq,
	};
	return true;
}
