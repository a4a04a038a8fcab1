/* SPDX-License-Identifier: Apache-2.0 */

/* See guard.h: what is looked at before anybody is asked. The answer's side is guard_answer.c.
 *
 * Guards look one behind the other, each at what the one before has left: a card number that
 * hides behind invisible characters is found by the next. A line is looked at once in a run;
 * what was said in earlier turns is looked at again in each, because only that makes a veil
 * that holds whatever the guards of today know.
 */

#include "core/turn/inside.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/turn/guard_look.h"

/* --- asking --- */

static bool is_one_of(baton_str name, const char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (baton_str_is(name, names[i]))
			return true;
	return false;
}

bool guard_applies(const struct baton_run *run, const struct baton_guard_def *def, uint32_t at)
{
	if (def->at != 0 && !(def->at & at))
		return false;
	if (def->n_intents == 0)
		return true;
	/* What people write is looked at before any intent is known. */
	return !(at & (BATON_AT_CUSTOMER | BATON_AT_AGENT)) &&
	       is_one_of(baton_str_of(run->intent), def->intents, def->n_intents);
}

int guard_ask(struct baton_run *run, const struct baton_guard_def *def,
	      const baton_inspection *what)
{
	if (!run->found.v) {
		run->found.v = baton_arena_alloc(&run->arena, BATON_HITS_MAX * sizeof(baton_hit));
		run->found.cap = BATON_HITS_MAX;
		run->found.size = sizeof(run->found);
	}
	run->found.n = 0;
	run->found.safe = 0;
	return run->ops->inspect ? run->ops->inspect(run->ud, run, def->module, what, &run->found)
				 : BATON_E_NOTFOUND;
}

void guard_turn_view(const struct baton_run *run, baton_turn *ret_turn)
{
	*ret_turn = (baton_turn){
		.size = sizeof(*ret_turn),
		.session_id = baton_str_of(run->session_id),
		.channel = baton_str_of(run->session->channel),
		.locale = baton_str_of(run->session->locale),
		.customer_tier = baton_str_of(run->session->customer_tier),
		.intent = baton_str_of(run->intent),
		.deadline_ns = run->deadline_ns,
	};
}

/* --- the record --- */

static const char *place_name(uint32_t at)
{
	static const char *const names[] = { "customer",    "agent",     "knowledge",
					     "tool_result", "tool_args", "answer" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (at == 1u << i)
			return names[i];
	return "";
}

static baton_str kept(struct baton_run *run, baton_str s)
{
	return (baton_str){ baton_arena_dup(&run->arena, s.n ? s.p : "", s.n), s.n };
}

baton_str guard_excerpt(struct baton_run *run, baton_str text, const baton_hit *hit)
{
	baton_str words = { text.p + hit->begin, hit->end - hit->begin };

	return baton_str_clip(run_veiled(run, words), BATON_GUARD_EXCERPT_MAX);
}

struct baton_ev_guard_hit guard_event(struct baton_run *run, const struct baton_guard_def *def,
				      uint32_t at, const char *action, const baton_hit *hit)
{
	return (struct baton_ev_guard_hit){
		.turn = run->turn,
		.guard = baton_str_of(def->module),
		.at = baton_str_of(place_name(at)),
		.action = baton_str_of(action),
		.type = hit ? kept(run, hit->type) : BATON_STR(""),
		.rule = hit ? kept(run, hit->rule) : BATON_STR(""),
		.confidence_ppm = hit ? hit->confidence_ppm : 0,
	};
}

static void note(struct baton_run *run, const struct guard_look *look,
		 const struct baton_guard_def *def, const char *action, const baton_hit *hit)
{
	if (!look->loud || run->n_guard_notes >= BATON_GUARD_NOTES_MAX || !run_room_for_notes(run))
		return;
	struct baton_ev_guard_hit event = guard_event(run, def, look->at, action, hit);

	event.subject = look->subject;
	if (hit)
		event.excerpt = guard_excerpt(run, look->text, hit);
	run->n_guard_notes++;
	run_note(run, BATON_EV_GUARD_HIT)->guard_hit = event;
}

/* --- what hits do to a text that is looked at as a whole --- */

static bool is_injection(const baton_hit *hit)
{
	return baton_str_is(hit->type, "injection");
}

static void mark(struct baton_run *run, struct guard_look *look, const baton_hit *hit)
{
	if (!is_injection(hit))
		return;
	if (look->loud)
		run->injection = true;
	else
		run->injection_before = true;
}

/* Where the quotes of JSON are open: a number outside of them gets some with its placeholder. */
static bool inside_string(baton_str json, size_t at)
{
	bool inside = false;

	for (size_t i = 0; i < at; i++) {
		if (inside && json.p[i] == '\\')
			i++;
		else if (json.p[i] == '"')
			inside = !inside;
	}
	return inside;
}

/* The value as it is meant: JSON writes some characters otherwise. */
static baton_str meant(struct baton_run *run, baton_str written)
{
	struct baton_buf quoted = { NULL, 0, 0 };
	struct baton_json value;

	baton_buf_z(&quoted, "\"");
	baton_buf_str(&quoted, written);
	baton_buf_z(&quoted, "\"");
	baton_str text = run_keep_buf(run, &quoted);
	return baton_json_parse(text, &value) == 0 ? baton_json_text(&value, &run->arena) : written;
}

static void redact(struct baton_run *run, const struct guard_look *look, const baton_hit *hit,
		   struct baton_buf *out)
{
	baton_str value = { look->text.p + hit->begin, hit->end - hit->begin };
	bool bare = look->json && !inside_string(look->text, hit->begin);

	baton_buf_z(out, bare ? "\"" : "");
	baton_veil_put(&run->veil, hit->type, look->json ? meant(run, value) : value, out);
	baton_buf_z(out, bare ? "\"" : "");
}

static bool is_revealed(const struct guard_look *look, const baton_hit *hit)
{
	for (size_t i = 0; i < look->n_reveals; i++)
		if (baton_str_is(hit->type, look->reveals[i]))
			return true;
	return false;
}

static void obey(struct baton_run *run, struct guard_look *look, const struct baton_guard_def *def,
		 const baton_hit *hit, struct baton_buf *out)
{
	baton_str words = { look->text.p + hit->begin, hit->end - hit->begin };

	switch (hit->action) {
	case BATON_GUARD_REDACT:
		if (is_revealed(look, hit))
			baton_buf_str(out, words);
		else
			redact(run, look, hit, out);
		return;
	case BATON_GUARD_REMOVE:
		note(run, look, def, "remove", hit);
		return;
	case BATON_GUARD_BLOCK:
		look->blocked = true;
		mark(run, look, hit);
		note(run, look, def, "block", hit);
		break;
	case BATON_GUARD_APPEND: /* of answers alone */
		break;
	default:
		mark(run, look, hit);
		note(run, look, def, "mark", hit);
		break;
	}
	baton_buf_str(out, words);
}

static void obey_all(struct baton_run *run, struct guard_look *look,
		     const struct baton_guard_def *def)
{
	struct baton_buf out = { NULL, 0, 0 };
	size_t at = 0;

	if (run->found.n == 0)
		return;
	for (uint32_t i = 0; i < run->found.n; i++) {
		const baton_hit *hit = &run->found.v[i];

		baton_buf_add(&out, look->text.p + at, hit->begin - at);
		obey(run, look, def, hit, &out);
		at = hit->end;
	}
	baton_buf_add(&out, look->text.p + at, look->text.n - at);
	look->text = run_keep_buf(run, &out);
}

/* Numbers that the conversation has given keep their values. */
static void remember_marks(struct baton_run *run)
{
	struct baton_json list, entry, part[3];
	size_t at = 0;

	run->veil.arena = &run->arena;
	memcpy(&run->veil.seed, run->session->id.b + 8, sizeof(run->veil.seed));
	if (run->session->marks.n == 0 || baton_json_parse(run->session->marks, &list) != 0)
		return;
	while (baton_json_element(&list, &at, &entry)) {
		size_t in = 0, n = 0;

		while (n < 3 && baton_json_element(&entry, &in, &part[n]))
			n++;
		if (n < 3)
			continue;
		uint64_t number = baton_json_u64(&part[1], 0), sum = 0;
		baton_str digits = baton_json_text(&part[2], &run->arena);

		for (size_t i = 0; i < digits.n; i++)
			sum = sum << 4 | (uint64_t)((digits.p[i] | 0x20) >= 'a'
							    ? (digits.p[i] | 0x20) - 'a' + 10
							    : digits.p[i] - '0');
		if (number > 0 && number <= UINT32_MAX)
			baton_veil_remember(&run->veil, baton_json_text(&part[0], &run->arena),
					    (uint32_t)number, sum);
	}
}

bool guard_look(struct baton_run *run, struct guard_look *look)
{
	baton_turn turn;
	baton_inspection what = { .size = sizeof(what), .at = look->at, .turn = &turn, .final = 1 };

	if (!run->veil.arena)
		remember_marks(run);
	guard_turn_view(run, &turn);
	for (size_t i = 0; i < run->policy->n_guards; i++) {
		const struct baton_guard_def *def = &run->policy->guards[i];

		if (!guard_applies(run, def, look->at) || look->text.n == 0)
			continue;
		what.text = look->text;
		if (guard_ask(run, def, &what) == BATON_OK) {
			obey_all(run, look, def);
			continue;
		}
		run->faulty = true;
		note(run, look, def, "failed", NULL);
		if (def->open)
			continue;
		run->guard_failed = true;
		return false;
	}
	return true;
}

/* --- lines --- */

struct baton_veiled {
	uint64_t seq;
	baton_str text;
	bool blocked;
};

static const struct baton_veiled *veiled_before(const struct baton_run *run, uint64_t seq)
{
	for (size_t i = run->n_veiled; i > 0; i--)
		if (run->veiled[i - 1].seq == seq)
			return &run->veiled[i - 1];
	return NULL;
}

static uint32_t place_of(const struct baton_line *line)
{
	return line->role == BATON_ROLE_CUSTOMER ? BATON_AT_CUSTOMER
	       : line->role == BATON_ROLE_BOT    ? BATON_AT_ANSWER
						 : BATON_AT_AGENT;
}

/* One of those that the turn answers: what is found in it is news. */
static bool is_open(const struct baton_run *run, const struct baton_line *line)
{
	return run->purpose == BATON_PURPOSE_ANSWER && line->role == BATON_ROLE_CUSTOMER &&
	       line->seq > run->session->answered_upto && line->seq <= run->turn;
}

static baton_str seq_text(struct baton_run *run, uint64_t seq)
{
	struct baton_buf text = { NULL, 0, 0 };

	baton_buf_u64(&text, seq);
	return run_keep_buf(run, &text);
}

static const struct baton_veiled *veil_line(struct baton_run *run, const struct baton_line *line)
{
	struct guard_look look = { .at = place_of(line),
				   .text = line->text,
				   .loud = is_open(run, line),
				   .subject = seq_text(run, line->seq) };

	if (run->n_veiled == run->cap_veiled) {
		size_t cap = run->cap_veiled ? 2 * run->cap_veiled : 32;
		struct baton_veiled *all = baton_arena_alloc(&run->arena, cap * sizeof(*all));

		if (run->n_veiled > 0)
			memcpy(all, run->veiled, run->n_veiled * sizeof(*all));
		run->veiled = all;
		run->cap_veiled = cap;
	}
	bool looked = guard_look(run, &look);
	struct baton_veiled *veiled = &run->veiled[run->n_veiled++];
	*veiled = (struct baton_veiled){
		.seq = line->seq,
		/* The line may go while the run lasts; what nobody could look at nobody is
		 * shown. */
		.text = looked && !look.blocked ? kept(run, look.text) : BATON_STR(""),
		.blocked = look.blocked && look.loud,
	};
	return veiled;
}

baton_str run_veiled_line(struct baton_run *run, const struct baton_line *line)
{
	if (run->policy->n_guards == 0)
		return line->text;
	const struct baton_veiled *veiled = veiled_before(run, line->seq);

	return veiled ? veiled->text : veil_line(run, line)->text;
}

baton_str run_veiled(struct baton_run *run, baton_str text)
{
	struct baton_buf out = { NULL, 0, 0 };

	if (run->veil.n_valued == 0)
		return text;
	baton_veil_known(&run->veil, text, &out);
	return run_keep_buf(run, &out);
}

static uint32_t count_of(const struct baton_veil *veil, baton_str type)
{
	uint32_t n = 0;

	for (size_t i = 0; i < veil->n; i++)
		n += baton_str_eq(veil->v[i].type, type);
	return n;
}

static bool is_first_of_type(const struct baton_veil *veil, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (baton_str_eq(veil->v[i].type, veil->v[index].type))
			return false;
	return true;
}

static void note_redaction(struct baton_run *run)
{
	const struct baton_veil *veil = &run->veil;
	struct baton_buf types = { NULL, 0, 0 }, marks = { NULL, 0, 0 };

	for (size_t i = 0; i < veil->n; i++) {
		if (is_first_of_type(veil, i)) {
			baton_buf_z(&types, types.n ? "," : "{");
			baton_buf_json(&types, veil->v[i].type);
			baton_buf_printf(&types, ":%u", count_of(veil, veil->v[i].type));
		}
		if (veil->v[i].fresh) {
			baton_buf_z(&marks, marks.n ? ",[" : "[[");
			baton_buf_json(&marks, veil->v[i].type);
			baton_buf_printf(&marks, ",%u,\"%016llx\"]", veil->v[i].number,
					 (unsigned long long)veil->v[i].sum);
		}
	}
	if (marks.n > 0 && run_room_for_notes(run)) {
		baton_buf_z(&types, "}");
		baton_buf_z(&marks, "]");
		run_note(run, BATON_EV_REDACTION_APPLIED)->redaction_applied =
			(struct baton_ev_redaction_applied){ .turn = run->turn,
							     .types = run_keep_buf(run, &types),
							     .marks = run_keep_buf(run, &marks) };
		for (size_t i = 0; i < veil->n; i++)
			veil->v[i].fresh = false;
	}
	baton_buf_done(&types);
	baton_buf_done(&marks);
}

bool run_guard_lines(struct baton_run *run)
{
	const struct baton_session *session = run->session;
	bool passes = true;

	if (run->policy->n_guards == 0)
		return true;
	for (size_t i = 0; i < session->n_lines && !run->guard_failed; i++) {
		run_veiled_line(run, &session->lines[i]);
		const struct baton_veiled *veiled = veiled_before(run, session->lines[i].seq);

		passes = passes && veiled && !veiled->blocked;
	}
	if (run->purpose == BATON_PURPOSE_ANSWER)
		note_redaction(run);
	return passes && !run->guard_failed;
}

/* --- what was found --- */

bool run_guard_docs(struct baton_run *run)
{
	uint32_t n = 0;

	if (run->policy->n_guards == 0)
		return true;
	for (uint32_t i = 0; i < run->n_docs; i++) {
		baton_doc doc = run->docs[i];
		struct guard_look look = { .at = BATON_AT_KNOWLEDGE,
					   .text = doc.snippet,
					   .loud = run->purpose == BATON_PURPOSE_ANSWER,
					   .subject = doc.id };

		if (!guard_look(run, &look))
			return false;
		doc.snippet = look.text;
		if (!look.blocked)
			run->docs[n++] = doc;
	}
	run->n_docs = n;
	return true;
}

/* --- JSON: what tools bring, what they are given, the case --- */

static baton_str withheld(const char *why)
{
	return strcmp(why, "failed") == 0 ? BATON_STR("{\"error\":\"guard_failed\"}")
					  : BATON_STR("{\"error\":\"withheld_by_guard\"}");
}

baton_str run_veiled_json(struct baton_run *run, uint32_t at, baton_str json, baton_str subject)
{
	struct guard_look look = { .at = at,
				   .text = json,
				   .json = true,
				   .loud = subject.n > 0 && run->purpose == BATON_PURPOSE_ANSWER,
				   .subject = subject };
	struct baton_json value;

	if (run->policy->n_guards == 0)
		return json;
	if (!guard_look(run, &look))
		return withheld("failed");
	if (look.blocked)
		return withheld("blocked");
	look.text = run_veiled(run, look.text);
	/* A guard may have cut through the middle of something: then nothing of it is shown. */
	return baton_json_parse(json, &value) != 0 || baton_json_parse(look.text, &value) == 0
		       ? look.text
		       : withheld("blocked");
}

bool run_guard_args(struct baton_run *run, const struct baton_tool_def *tool, baton_str args,
		    baton_str *ret_args)
{
	struct baton_buf back = { NULL, 0, 0 };
	struct guard_look look = { .at = BATON_AT_TOOL_ARGS,
				   .json = true,
				   .loud = run->purpose == BATON_PURPOSE_ANSWER,
				   .subject = baton_str_of(tool->name),
				   .reveals = tool->reveals,
				   .n_reveals = tool->n_reveals };
	static const char *const nothing[1] = { "" };
	struct baton_json value;

	if (run->policy->n_guards == 0) {
		*ret_args = args;
		return true;
	}
	baton_unveil_json(&run->veil, args, tool->n_reveals ? tool->reveals : nothing,
			  tool->n_reveals, &back);
	look.text = run_keep_buf(run, &back);
	if (!guard_look(run, &look) || look.blocked || baton_json_parse(look.text, &value) != 0)
		return false;
	*ret_args = look.text;
	return true;
}

/* --- what becomes of the turn --- */

bool run_guard_down(const struct baton_run *run)
{
	return run->guard_failed;
}

bool run_guard_suspects(const struct baton_run *run)
{
	return run->injection || run->injection_before;
}

struct then run_guard_refused(struct baton_run *run)
{
	if (run->purpose != BATON_PURPOSE_ANSWER)
		return run_assist_failed(run, "guard_failed", BATON_E_AGAIN);
	if (!run->guard_failed)
		return run_hand_over(run, "core.guard_blocked",
				     "a guard keeps this message from models: a person reads it");
	if (run_may_move(run))
		return run_move(run, "guard");
	return run_hand_over(run, "core.guard_failed",
			     "what was said could not be looked at, so nobody outside is asked");
}

void run_guard_moved(struct baton_run *run)
{
	run->n_veiled = 0;
	run->n_guard_notes = 0;
	run->injection = run->injection_before = run->guard_failed = false;
	run_guard_forget(run, false);
}
