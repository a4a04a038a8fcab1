/* SPDX-License-Identifier: Apache-2.0 */

/* Guards and the answer: it is shown only as far as every guard says that it is safe, what must
 * not be shown is taken out before it is, and an answer that does not pass is heard to its end
 * (a person may want it as a draft), but nothing more of it is shown.
 *
 * What comes in between two steps only records: hits wait in run->pending for the next step.
 */

#include "core/turn/inside.h"

#include "core/base/errors.h"
#include "core/turn/guard_look.h"

enum { LOOK_EVERY_BYTES = 64, LOOK_AT_ONCE_BYTES = 4096 };

/* --- placeholders back --- */

/* A plan and a summary stay among models: their placeholders, too. */
static bool stays_veiled(const struct baton_run *run)
{
	return run->planning || run->purpose == BATON_PURPOSE_SUMMARY;
}

baton_str run_turn_back(struct baton_run *run, baton_str text, struct baton_buf *room)
{
	if (stays_veiled(run) || run->veil.n_valued == 0)
		return text;
	baton_unveil_take(&run->unveil, &run->veil, text, room);
	return baton_buf_view(room);
}

void run_turn_back_end(struct baton_run *run, struct baton_buf *out)
{
	baton_unveil_end(&run->unveil, out);
}

/* --- changing what has not been shown --- */

static void replace(struct baton_run *run, size_t begin, size_t end, baton_str with)
{
	struct baton_buf *answer = &run->answer;
	struct baton_buf rest = { NULL, 0, 0 };

	baton_buf_add(&rest, answer->p + end, answer->n - end);
	answer->n = begin;
	baton_buf_str(answer, with);
	baton_buf_str(answer, baton_buf_view(&rest));
	baton_buf_done(&rest);
	run_tools_moved(run, begin, end, with.n);
}

static bool stands_in(baton_str value, baton_str text)
{
	return value.n > 0 && text.n >= value.n && memmem(text.p, text.n, value.p, value.n) != NULL;
}

/* It is not the model's own: it was said here, found, or stands in the set's own words. */
static bool is_known(const struct baton_run *run, baton_str value)
{
	const char *prompt = run->choice.target
				     ? baton_policy_prompt(run->policy, run->choice.target->prompt)
				     : NULL;

	if (baton_veil_knows(&run->veil, value) || stands_in(value, baton_str_of(prompt)))
		return true;
	for (uint32_t i = 0; i < run->n_docs; i++)
		if (stands_in(value, run->docs[i].snippet))
			return true;
	for (size_t i = 0; i < run->session->n_lines; i++)
		if (stands_in(value, run->session->lines[i].text))
			return true;
	for (size_t i = 0; i < run->n_more; i++)
		if (stands_in(value, run->more[i].text))
			return true;
	return false;
}

static baton_str bare_mark(struct baton_run *run, baton_str type)
{
	struct baton_buf mark = { NULL, 0, 0 };

	baton_buf_z(&mark, "[");
	for (size_t i = 0; i < type.n; i++) {
		char c = type.p[i] >= 'a' && type.p[i] <= 'z' ? (char)(type.p[i] - 32) : type.p[i];

		baton_buf_add(&mark, &c, 1);
	}
	baton_buf_z(&mark, "]");
	return run_keep_buf(run, &mark);
}

/* --- hits --- */

static void pend(struct baton_run *run, const struct baton_guard_def *def, const char *action,
		 const baton_hit *hit)
{
	if (run->n_pending == BATON_GUARD_PENDING_MAX ||
	    run->n_guard_notes >= BATON_GUARD_NOTES_MAX)
		return;
	struct baton_ev_guard_hit *event = &run->pending[run->n_pending++];

	run->n_guard_notes++;
	*event = guard_event(run, def, BATON_AT_ANSWER, action, hit);
	event->subject = baton_str_of(run->choice.target ? run->choice.target->name : "");
	if (hit)
		event->excerpt = guard_excerpt(run, baton_buf_view(&run->answer), hit);
}

static void object(struct baton_run *run, const struct baton_guard_def *def, const baton_hit *hit)
{
	if (run->policy_hit && baton_str_eq(run->guard_rule, hit->rule))
		return; /* said while it grew */
	pend(run, def, "block", hit);
	run->speaks = false;
	run->policy_hit = true;
	if (run->guard_rule.n == 0)
		run->guard_rule =
			(baton_str){ baton_arena_dup(&run->arena, hit->rule.p, hit->rule.n),
				     hit->rule.n };
}

static void take_out(struct baton_run *run, const struct baton_guard_def *def, const baton_hit *hit,
		     size_t *limit)
{
	baton_str words = { run->answer.p + hit->begin, hit->end - hit->begin };
	baton_str with = BATON_STR("");

	if (hit->begin < run->said)
		return; /* the guard let it be shown: it is too late */
	if (hit->action == BATON_GUARD_REDACT) {
		if (is_known(run, words))
			return;
		with = bare_mark(run, hit->type);
	}
	pend(run, def, "remove", hit);
	replace(run, hit->begin, hit->end, with);
	if (*limit >= hit->end)
		*limit = *limit - (hit->end - hit->begin) + with.n;
	else if (*limit > hit->begin)
		*limit = hit->begin;
}

/* From the last to the first, so that places stay true. */
static void obey(struct baton_run *run, const struct baton_guard_def *def, bool final,
		 size_t *limit)
{
	for (uint32_t i = run->found.n; i > 0; i--) {
		const baton_hit *hit = &run->found.v[i - 1];

		switch (hit->action) {
		case BATON_GUARD_BLOCK:
			object(run, def, hit);
			break;
		case BATON_GUARD_REMOVE:
		case BATON_GUARD_REDACT:
			take_out(run, def, hit, limit);
			break;
		case BATON_GUARD_APPEND:
			break;
		default:
			if (final)
				pend(run, def, "mark", hit);
			break;
		}
	}
}

static void append(struct baton_run *run, const struct baton_guard_def *def)
{
	for (uint32_t i = 0; i < run->found.n; i++) {
		const baton_hit *hit = &run->found.v[i];

		if (hit->action != BATON_GUARD_APPEND || hit->text.n == 0)
			continue;
		pend(run, def, "append", hit);
		baton_buf_z(&run->answer, "\n\n");
		baton_buf_str(&run->answer, hit->text);
	}
}

/* --- looking --- */

static bool look(struct baton_run *run, bool final, size_t *limit)
{
	baton_turn turn;

	guard_turn_view(run, &turn);
	for (size_t i = 0; i < run->policy->n_guards; i++) {
		const struct baton_guard_def *def = &run->policy->guards[i];
		baton_inspection what = { .size = sizeof(what),
					  .at = BATON_AT_ANSWER,
					  .turn = &turn,
					  .text = baton_buf_view(&run->answer),
					  .from = (uint32_t)run->said,
					  .final = final };

		if (!guard_applies(run, def, BATON_AT_ANSWER))
			continue;
		if (guard_ask(run, def, &what) == BATON_OK) {
			*limit = least(*limit, final ? run->answer.n : run->found.safe);
			obey(run, def, final, limit);
			if (final)
				append(run, def);
			if (final)
				*limit = run->answer.n;
			continue;
		}
		run->faulty = true;
		pend(run, def, "failed", NULL);
		if (def->open)
			continue;
		run->guard_failed = true;
		run->speaks = false;
		return false;
	}
	return true;
}

static bool anybody_looks(const struct baton_run *run)
{
	for (size_t i = 0; i < run->policy->n_guards; i++)
		if (guard_applies(run, &run->policy->guards[i], BATON_AT_ANSWER))
			return true;
	return false;
}

size_t run_guard_grown(struct baton_run *run)
{
	size_t limit = run->answer.n;

	if (!run->speaks || run->policy->n_guards == 0 || !anybody_looks(run))
		return limit;
	/* A long answer in small pieces is not looked at for each of them. */
	if (run->answer.n > LOOK_AT_ONCE_BYTES && run->answer.n < run->looked + LOOK_EVERY_BYTES)
		return run->said;
	run->looked = run->answer.n;
	if (!look(run, false, &limit) || run->policy_hit)
		run->ops->wait(run->ud, run, 1); /* the next step says what follows */
	return limit > run->said && run->speaks ? limit : run->said;
}

bool run_guard_whole(struct baton_run *run)
{
	size_t limit = run->answer.n;

	if (run->policy->n_guards == 0 || stays_veiled(run) || !anybody_looks(run))
		return true;
	bool looked = look(run, true, &limit);
	run_guard_settle(run);
	return looked;
}

bool run_guard_pending(const struct baton_run *run)
{
	return run->n_pending > 0;
}

void run_guard_settle(struct baton_run *run)
{
	for (size_t i = 0; i < run->n_pending; i++)
		if (run->purpose == BATON_PURPOSE_ANSWER && run_room_for_notes(run))
			run_note(run, BATON_EV_GUARD_HIT)->guard_hit = run->pending[i];
	run->n_pending = 0;
	if ((run->policy_hit || run->guard_failed) && run->said > 0 && run_room_for_notes(run))
		run_note_withdrawn(run);
}

void run_guard_forget(struct baton_run *run, bool proceed)
{
	run->unveil.n = 0;
	run->looked = 0;
	if (!proceed)
		run->n_pending = 0;
}
