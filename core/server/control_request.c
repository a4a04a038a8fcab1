/* SPDX-License-Identifier: Apache-2.0 */

/* Reads one line of the control socket. Two tables say everything: which members there are and of
 * what type, and which verb takes and needs which. A member that a verb does not take is an error,
 * not a silence: "labeled_only" must not start a drill for everybody.
 */

#include "core/server/control_request.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/policy/nearest.h"

#include <stdarg.h>
#include <stdio.h>

enum member {
	M_DO,
	M_TAG,
	M_TARGET,
	M_MODE,
	M_NAME,
	M_WHY,
	M_KEY,
	M_CHANNEL,
	M_LOCALE,
	M_INTENT,
	M_FOR_MS,
	M_AS,
	M_DELTAS,
	M_SHARE_PPM,
	M_LABELLED_ONLY,
	M_HOLD,
	M_TIER,
	M_FAULTS,
	M_FACTS,
	M_MSG,
	M_HUMAN,
	M_FEEDBACK,
	M_CLOSE,
	M_LEAVE,
	M_MODULE,
	M_PATH,
	M_SHA,
	M_RELEASE,
	M_CANARY,
	M_FORCE,
	M_COLD,
	M_STEPS,
	M_SESSION,
	M_CUSTOMER,
	M_DRY_RUN,
	M_COUNT
};
#define BIT(member) (UINT64_C(1) << (member))
#define M(member) BIT(M_##member)

enum kind { NAME, WORDS, PATH, NUMBER, FLAG, LIST, OBJECT };
static const char *const kind_words[] = { "a name of at most 64 bytes",
					  "a text of at most 500 bytes",
					  "a path of at most 4095 bytes",
					  "a whole number",
					  "true or false",
					  "a list",
					  "an object" };

#define AT(field) offsetof(struct control_request, field)
enum { NOWHERE = 0 }; /* the verb comes first in the struct: no member is at offset 0 */
static const struct {
	const char *name;
	enum kind kind;
	size_t at;
} members[M_COUNT] = {
	[M_DO] = { "do", NAME, AT(verb_name) },
	[M_TAG] = { "tag", NAME, AT(tag) },
	[M_TARGET] = { "target", NAME, AT(target) },
	[M_MODE] = { "mode", NAME, AT(mode) },
	[M_NAME] = { "name", NAME, AT(name) },
	[M_WHY] = { "why", WORDS, AT(why) },
	[M_KEY] = { "key", NAME, AT(key) },
	[M_CHANNEL] = { "channel", NAME, AT(channel) },
	[M_LOCALE] = { "locale", NAME, AT(locale) },
	[M_INTENT] = { "intent", NAME, AT(intent) },
	[M_FOR_MS] = { "for_ms", NUMBER, AT(for_ms) },
	[M_AS] = { "as", NAME, NOWHERE },
	[M_DELTAS] = { "deltas", FLAG, AT(deltas) },
	[M_SHARE_PPM] = { "share_ppm", NUMBER, NOWHERE },
	[M_LABELLED_ONLY] = { "labelled_only", FLAG, AT(drill.labelled_only) },
	[M_HOLD] = { "hold", FLAG, AT(hold) },
	[M_TIER] = { "customer_tier", NAME, AT(customer_tier) },
	[M_FAULTS] = { "faults", LIST, NOWHERE },
	[M_FACTS] = { "facts", OBJECT, NOWHERE },
	[M_MSG] = { "msg", OBJECT, NOWHERE },
	[M_HUMAN] = { "human", FLAG, NOWHERE },
	[M_FEEDBACK] = { "feedback", OBJECT, NOWHERE },
	[M_CLOSE] = { "close", FLAG, NOWHERE },
	[M_LEAVE] = { "leave", FLAG, NOWHERE },
	[M_MODULE] = { "module", NAME, AT(module) },
	[M_PATH] = { "path", PATH, AT(path) },
	[M_SHA] = { "sha", NAME, AT(sha) },
	[M_RELEASE] = { "release", NUMBER, AT(release) },
	[M_CANARY] = { "canary", FLAG, AT(canary) },
	[M_FORCE] = { "force", FLAG, AT(force) },
	[M_COLD] = { "cold", FLAG, AT(cold) },
	[M_STEPS] = { "steps", FLAG, AT(steps) },
	[M_SESSION] = { "session", NAME, AT(session) },
	[M_CUSTOMER] = { "customer", NAME, AT(customer) },
	[M_DRY_RUN] = { "dry_run", FLAG, AT(dry_run) },
};

/* What every change of releases takes; how a new one is brought in. */
#define CHANGES (M(WHY) | M(STEPS))
#define STAGES (CHANGES | M(FORCE) | M(COLD))

/* Besides `do` and `tag`, which every verb takes. */
static const struct {
	const char *name;
	enum control_verb verb;
	uint64_t needs, may;
} verbs[] = {
	{ "ping", CONTROL_PING, 0, 0 },
	{ "status", CONTROL_STATUS, 0, 0 },
	{ "policies", CONTROL_POLICIES, 0, 0 },
	{ "board", CONTROL_BOARD, 0, 0 },
	{ "targets", CONTROL_TARGETS, 0, 0 },
	{ "target.disable", CONTROL_TARGET_DISABLE, M(TARGET), M(WHY) },
	{ "target.enable", CONTROL_TARGET_ENABLE, M(TARGET), M(WHY) },
	{ "modes", CONTROL_MODES, 0, 0 },
	{ "mode.enter", CONTROL_MODE_ENTER, M(MODE), M(FOR_MS) | M(WHY) },
	{ "mode.leave", CONTROL_MODE_LEAVE, M(MODE), M(WHY) },
	{ "drill.list", CONTROL_DRILLS, 0, 0 },
	{ "drill.start", CONTROL_DRILL_START, M(NAME) | M(FOR_MS) | M(FAULTS),
	  M(WHY) | M(SHARE_PPM) | M(LABELLED_ONLY) | M(HOLD) },
	{ "drill.stop", CONTROL_DRILL_STOP, M(NAME), M(WHY) },
	{ "route.explain", CONTROL_EXPLAIN, M(INTENT), M(FACTS) },
	{ "releases", CONTROL_RELEASES, 0, 0 },
	{ "reload", CONTROL_RELOAD, 0, STAGES | M(CANARY) | M(SHARE_PPM) },
	{ "release.promote", CONTROL_PROMOTE, 0, CHANGES },
	{ "release.rollback", CONTROL_ROLLBACK, 0, CHANGES },
	{ "release.discard", CONTROL_DISCARD, 0, CHANGES },
	{ "release.drain", CONTROL_DRAIN, 0, CHANGES },
	{ "release.why_live", CONTROL_WHY_LIVE, 0, M(RELEASE) },
	{ "modules", CONTROL_MODULES, 0, M(MODULE) },
	{ "module.swap", CONTROL_MODULE_SWAP, M(MODULE), STAGES | M(PATH) },
	{ "module.load", CONTROL_MODULE_LOAD, M(MODULE), STAGES | M(PATH) },
	{ "module.canary", CONTROL_MODULE_CANARY, M(MODULE), STAGES | M(PATH) | M(SHARE_PPM) },
	{ "module.forgive", CONTROL_MODULE_FORGIVE, M(SHA), CHANGES },
	{ "session.erase", CONTROL_SESSION_ERASE, 0,
	  M(SESSION) | M(CUSTOMER) | M(DRY_RUN) | M(WHY) },
	{ "converse", CONTROL_CONVERSE, M(KEY),
	  M(CHANNEL) | M(LOCALE) | M(AS) | M(DELTAS) | M(TIER) },
};
enum { VERBS_N = sizeof(verbs) / sizeof(verbs[0]) };

/* What a line with a key and no verb says. */
static const struct {
	enum member member;
	enum control_verb verb;
} says[] = {
	{ M_MSG, CONTROL_MSG },     { M_HUMAN, CONTROL_HUMAN }, { M_FEEDBACK, CONTROL_FEEDBACK },
	{ M_CLOSE, CONTROL_CLOSE }, { M_LEAVE, CONTROL_LEAVE },
};
enum { SAYS_N = sizeof(says) / sizeof(says[0]) };

/* One line being read. */
struct reading {
	struct control_request *request;
	struct baton_arena *arena;
	struct baton_json values[M_COUNT];
	uint64_t has;
	char *hint;
	size_t cap;
};

const char *control_verb_name(enum control_verb verb)
{
	for (size_t i = 0; i < VERBS_N; i++)
		if (verbs[i].verb == verb)
			return verbs[i].name;
	return "";
}

__attribute__((format(printf, 3, 4))) static int refuse(struct reading *reading, int code,
							const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reading->hint, reading->cap, fmt, args);
	va_end(args);
	return code;
}

/* --- values ---------------------------------------------------------------------------------- */

static bool is_type(enum kind kind, enum baton_json_type type)
{
	switch (kind) {
	case NAME:
	case WORDS:
	case PATH:
		return type == BATON_JSON_STRING;
	case NUMBER:
		return type == BATON_JSON_NUMBER;
	case FLAG:
		return type == BATON_JSON_TRUE || type == BATON_JSON_FALSE;
	case LIST:
		return type == BATON_JSON_ARRAY;
	case OBJECT:
		return type == BATON_JSON_OBJECT;
	}
	return false;
}

/* A text that is handed on as a C string: bounded, without a NUL inside. */
static bool read_text(struct reading *reading, const struct baton_json *value, size_t max,
		      baton_str *ret)
{
	baton_str text = baton_json_text(value, reading->arena);

	if (text.n > max || (text.n > 0 && memchr(text.p, '\0', text.n)))
		return false;
	*ret = (baton_str){ baton_arena_dup(reading->arena, text.p, text.n), text.n };
	return true;
}

static bool read_number(const struct baton_json *value, uint64_t *ret)
{
	uint64_t number = baton_json_u64(value, UINT64_MAX);

	if (number == UINT64_MAX)
		return false;
	*ret = number;
	return true;
}

static bool store(struct reading *reading, enum member member, const struct baton_json *value)
{
	void *to = (char *)reading->request + members[member].at;

	if (!is_type(members[member].kind, value->type))
		return false;
	reading->values[member] = *value;
	if (members[member].at == NOWHERE)
		return true;
	switch (members[member].kind) {
	case NAME:
		return read_text(reading, value, BATON_NAME_BYTES_MAX, to);
	case WORDS:
		return read_text(reading, value, CONTROL_WHY_MAX, to);
	case PATH:
		return read_text(reading, value, CONTROL_PATH_MAX, to);
	case NUMBER:
		return read_number(value, to);
	case FLAG:
		*(bool *)to = baton_json_bool(value);
		return true;
	case LIST:
	case OBJECT:
		return true;
	}
	return false;
}

static int read_member(struct reading *reading, baton_str name, const struct baton_json *value)
{
	struct baton_nearest nearest = baton_nearest_to(name);

	for (unsigned i = 0; i < M_COUNT; i++) {
		baton_nearest_try(&nearest, members[i].name);
		if (!baton_str_is(name, members[i].name))
			continue;
		if (!store(reading, (enum member)i, value))
			return refuse(reading, BATON_E_INVAL, "`%s` must be %s", members[i].name,
				      kind_words[members[i].kind]);
		reading->has |= BIT(i);
		return BATON_OK;
	}
	baton_str shown = baton_str_clip(name, BATON_NAME_BYTES_MAX);
	return refuse(reading, BATON_E_INVAL, "`%.*s` is not known here%s%s%s", (int)shown.n,
		      shown.n ? shown.p : "", nearest.name ? "; did you mean `" : "",
		      nearest.name ? nearest.name : "", nearest.name ? "`?" : "");
}

static int read_members(struct reading *reading, baton_str line)
{
	struct baton_json object, key, value;
	size_t at = 0;
	int first = BATON_OK;

	int rc = baton_json_parse(line, &object);
	if (rc < 0 || object.type != BATON_JSON_OBJECT)
		return refuse(reading, rc < 0 ? rc : BATON_E_JSON,
			      "send one JSON object per line, for example {\"do\":\"status\"}");
	while (baton_json_member(&object, &at, &key, &value)) {
		rc = read_member(reading, baton_json_text(&key, reading->arena), &value);
		if (rc == BATON_OK || first != BATON_OK)
			continue;
		first = rc; /* go on: the answer should carry tag and key */
		reading->cap = 0;
	}
	return first;
}

/* --- inner objects --------------------------------------------------------------------------- */

/* Members of `object` other than the two named are refused. */
static int only(struct reading *reading, const struct baton_json *object, const char *const *names)
{
	struct baton_json key, value;
	size_t at = 0;

	while (baton_json_member(object, &at, &key, &value)) {
		baton_str name = baton_json_text(&key, reading->arena);
		struct baton_nearest nearest = baton_nearest_to(name);
		bool known = false;

		for (size_t i = 0; names[i]; i++) {
			known = known || baton_str_is(name, names[i]);
			baton_nearest_try(&nearest, names[i]);
		}
		if (known)
			continue;
		name = baton_str_clip(name, BATON_NAME_BYTES_MAX);
		return refuse(reading, BATON_E_INVAL,
			      "`%.*s` is not known here; did you mean `%s`?", (int)name.n,
			      name.n ? name.p : "", nearest.name ? nearest.name : names[0]);
	}
	return BATON_OK;
}

static int read_msg(struct reading *reading)
{
	static const char *const names[] = { "id", "text", NULL };
	struct control_request *request = reading->request;
	const struct baton_json *msg = &reading->values[M_MSG];
	struct baton_json id = baton_json_get(msg, "id"), text = baton_json_get(msg, "text");

	int rc = only(reading, msg, names);
	if (rc < 0)
		return rc;
	request->id = baton_json_text(&id, reading->arena);
	request->text = baton_json_text(&text, reading->arena);
	if (request->id.n == 0 || request->id.n > BATON_CLIENT_ID_BYTES_MAX)
		return refuse(reading, BATON_E_INVAL,
			      "a message needs an `id` of 1 to %d bytes, new for each message",
			      BATON_CLIENT_ID_BYTES_MAX);
	if (request->text.n == 0 || request->text.n > BATON_TEXT_BYTES_MAX)
		return refuse(reading, BATON_E_INVAL, "a message needs a `text` of 1 to %d bytes",
			      BATON_TEXT_BYTES_MAX);
	return BATON_OK;
}

static int read_feedback(struct reading *reading)
{
	static const char *const names[] = { "id", "seq", "value", "comment", NULL };
	struct control_request *request = reading->request;
	const struct baton_json *feedback = &reading->values[M_FEEDBACK];
	struct baton_json id = baton_json_get(feedback, "id");
	struct baton_json value = baton_json_get(feedback, "value");
	struct baton_json comment = baton_json_get(feedback, "comment");
	struct baton_json about = baton_json_get(feedback, "seq");

	int rc = only(reading, feedback, names);
	if (rc < 0)
		return rc;
	request->id = baton_json_text(&id, reading->arena);
	request->value = baton_json_text(&value, reading->arena);
	request->text = baton_json_text(&comment, reading->arena);
	request->about = baton_json_u64(&about, 0);
	if (request->id.n == 0 || request->id.n > BATON_CLIENT_ID_BYTES_MAX ||
	    request->text.n > BATON_TEXT_BYTES_MAX ||
	    (!baton_str_is(request->value, "up") && !baton_str_is(request->value, "down")))
		return refuse(reading, BATON_E_INVAL,
			      "feedback needs an `id` and a `value`, which is \"up\" or \"down\"");
	return BATON_OK;
}

/* --- drills ---------------------------------------------------------------------------------- */

static bool small(const struct baton_json *value, uint32_t max, uint32_t *ret)
{
	uint64_t number = value->type == BATON_JSON_NONE ? 0 : baton_json_u64(value, UINT64_MAX);

	if (number > max)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static int read_fault(struct reading *reading, const struct baton_json *fault, size_t i)
{
	static const char *const names[] = { "target",  "fault", "ms", "deltas",
					     "from_ms", "to_ms", NULL };
	struct baton_drill *drill = &reading->request->drill;
	struct baton_json target = baton_json_get(fault, "target");
	struct baton_json what = baton_json_get(fault, "fault");
	struct baton_json ms = baton_json_get(fault, "ms"),
			  deltas = baton_json_get(fault, "deltas");
	struct baton_json from = baton_json_get(fault, "from_ms");
	struct baton_json to = baton_json_get(fault, "to_ms");
	baton_str name = BATON_STR_NONE, kind = baton_json_text(&what, reading->arena);

	int rc = fault->type == BATON_JSON_OBJECT ? only(reading, fault, names) : BATON_E_INVAL;
	if (fault->type != BATON_JSON_OBJECT)
		return refuse(reading, rc, "a fault is an object, {\"target\":..., \"fault\":...}");
	if (rc < 0)
		return rc;
	if (!read_text(reading, &target, BATON_NAME_BYTES_MAX, &name) || name.n == 0)
		return refuse(reading, BATON_E_INVAL,
			      "a fault needs a `target`: a name, \"primary\" or \"fallback\"");
	memcpy(drill->faults[i].target, name.p, name.n + 1);
	drill->faults[i].fault.type = baton_fault_find(kind.p, kind.n);
	if (drill->faults[i].fault.type == BATON_FAULT_NONE)
		return refuse(
			reading, BATON_E_INVAL,
			"a fault is one of outage, rate_limit, quota, slow, cut, stall, disabled,"
			" empty, garbage");
	if (!small(&ms, BATON_DRILL_MS_MAX, &drill->faults[i].fault.ms) ||
	    !small(&deltas, UINT16_MAX, &drill->faults[i].fault.deltas) ||
	    !small(&from, BATON_DRILL_MS_MAX, &drill->faults[i].from_ms) ||
	    !small(&to, BATON_DRILL_MS_MAX, &drill->faults[i].to_ms))
		return refuse(reading, BATON_E_LIMIT,
			      "`ms`, `from_ms` and `to_ms` are whole numbers of at most %d",
			      BATON_DRILL_MS_MAX);
	return BATON_OK;
}

static int read_drill(struct reading *reading)
{
	struct control_request *request = reading->request;
	struct baton_drill *drill = &request->drill;
	struct baton_json fault;
	size_t at = 0;

	uint64_t share = reading->has & M(SHARE_PPM)
				 ? baton_json_u64(&reading->values[M_SHARE_PPM], UINT64_MAX)
				 : 1000000;
	if (share > 1000000)
		return refuse(reading, BATON_E_INVAL,
			      "`share_ppm` is a part of a million, 0 to 1000000");
	if (request->for_ms == 0 || request->for_ms > BATON_DRILL_MS_MAX)
		return refuse(reading, BATON_E_LIMIT, "`for_ms` must be from 1 to %d",
			      BATON_DRILL_MS_MAX);
	if (request->name.n == 0)
		return refuse(reading, BATON_E_INVAL, "a drill needs a `name`");
	drill->share_ppm = (uint32_t)share;
	drill->until_ms = request->for_ms;
	memcpy(drill->name, request->name.p, request->name.n + 1);
	while (baton_json_element(&reading->values[M_FAULTS], &at, &fault)) {
		if (drill->n_faults == BATON_DRILL_FAULTS_MAX)
			return refuse(reading, BATON_E_LIMIT, "a drill has at most %d faults",
				      BATON_DRILL_FAULTS_MAX);
		int rc = read_fault(reading, &fault, drill->n_faults);
		if (rc < 0)
			return rc;
		drill->n_faults++;
	}
	return drill->n_faults > 0
		       ? BATON_OK
		       : refuse(reading, BATON_E_INVAL, "a drill needs at least one fault");
}

/* --- releases and modules -------------------------------------------------------------------- */

static bool is_sha(baton_str sha)
{
	for (size_t i = 0; i < sha.n; i++)
		if (!(sha.p[i] >= '0' && sha.p[i] <= '9') && !(sha.p[i] >= 'a' && sha.p[i] <= 'f'))
			return false;
	return sha.n >= 12 && sha.n <= 64;
}

static int read_change(struct reading *reading)
{
	struct control_request *request = reading->request;
	uint64_t share = reading->has & M(SHARE_PPM)
				 ? baton_json_u64(&reading->values[M_SHARE_PPM], 0)
				 : 1000000;

	if (share == 0 || share > 1000000)
		return refuse(reading, BATON_E_INVAL,
			      "`share_ppm` of a canary is a part of a million, 1 to 1000000");
	if (reading->has & M(SHARE_PPM)) {
		request->share_ppm = (uint32_t)share;
		request->canary = true;
	}
	if (reading->has & M(PATH) && (request->path.n == 0 || request->path.p[0] != '/'))
		return refuse(reading, BATON_E_INVAL,
			      "`path` begins with /: the server does not know your folder");
	if (reading->has & M(MODULE) && request->module.n == 0)
		return refuse(reading, BATON_E_INVAL,
			      "`module` is a name of modules.yaml; `modules` lists them");
	if (reading->has & M(SHA) && !is_sha(request->sha))
		return refuse(reading, BATON_E_INVAL,
			      "`sha` is 12 to 64 digits of a file's sha256, 0-9 and a-f");
	return BATON_OK;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int check_members(struct reading *reading, const char *verb, uint64_t needs, uint64_t may)
{
	uint64_t missing = needs & ~reading->has;
	uint64_t strange = reading->has & ~(needs | may | M(DO) | M(TAG));

	for (unsigned i = 0; i < M_COUNT; i++) {
		if (missing & BIT(i))
			return refuse(reading, BATON_E_INVAL, "`%s` needs `%s`", verb,
				      members[i].name);
		if (strange & BIT(i))
			return refuse(reading, BATON_E_INVAL, "`%s` does not take `%s`", verb,
				      members[i].name);
	}
	return BATON_OK;
}

static int find_verb(struct reading *reading, size_t *ret)
{
	baton_str name = reading->request->verb_name;
	struct baton_nearest nearest = baton_nearest_to(name);

	for (size_t i = 0; i < VERBS_N; i++) {
		baton_nearest_try(&nearest, verbs[i].name);
		if (!baton_str_is(name, verbs[i].name))
			continue;
		*ret = i;
		return BATON_OK;
	}
	return refuse(
		reading, BATON_E_UNSUPPORTED,
		"there is no `%.*s`; did you mean `%s`? `ping`, `status`, `targets`, `modes` and"
		" `board` ask without changing anything",
		(int)name.n, name.n ? name.p : "", nearest.name ? nearest.name : "status");
}

static int read_verb(struct reading *reading)
{
	struct control_request *request = reading->request;
	baton_str as = baton_json_text(&reading->values[M_AS], reading->arena);
	size_t i = 0;

	int rc = find_verb(reading, &i);
	if (rc == BATON_OK)
		rc = check_members(reading, verbs[i].name, verbs[i].needs, verbs[i].may);
	if (rc < 0)
		return rc;
	request->verb = verbs[i].verb;
	request->facts = reading->values[M_FACTS];
	request->as_agent = baton_str_is(as, "agent");
	if (as.n > 0 && !request->as_agent && !baton_str_is(as, "customer"))
		return refuse(reading, BATON_E_INVAL, "`as` is \"customer\" or \"agent\"");
	return request->verb == CONTROL_DRILL_START ? read_drill(reading) : read_change(reading);
}

static int read_saying(struct reading *reading)
{
	struct control_request *request = reading->request;

	for (size_t i = 0; i < SAYS_N; i++) {
		enum member member = says[i].member;

		if (!(reading->has & BIT(member)))
			continue;
		request->verb = says[i].verb;
		int rc = check_members(reading, members[member].name, M(KEY) | BIT(member), 0);
		if (rc == BATON_OK && member == M_MSG)
			rc = read_msg(reading);
		if (rc == BATON_OK && member == M_FEEDBACK)
			rc = read_feedback(reading);
		if (rc == BATON_OK && members[member].kind == FLAG &&
		    !baton_json_bool(&reading->values[member]))
			rc = refuse(reading, BATON_E_INVAL, "`%s` can only be true",
				    members[member].name);
		return rc;
	}
	return refuse(reading, BATON_E_INVAL,
		      "a line has a `do`, or a `key` with `msg`, `human`, `feedback`, `close` or"
		      " `leave`");
}

int control_request_read(baton_str line, struct baton_arena *arena, struct control_request *ret,
			 char *hint, size_t cap)
{
	struct reading reading = { .request = ret, .arena = arena, .hint = hint, .cap = cap };

	memset(ret, 0, sizeof(*ret));
	if (cap > 0)
		hint[0] = '\0';
	int rc = read_members(&reading, line);
	if (rc < 0)
		return rc;
	return reading.has & M(DO) ? read_verb(&reading) : read_saying(&reading);
}
