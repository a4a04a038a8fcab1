/* SPDX-License-Identifier: Apache-2.0 */

/* What models say here, and what of it nobody outside may hear.
 *
 * A model that is told how to cite does so, or forgets to, or makes a source up: then the word
 * "liar" stands behind the mark. Marks come in two pieces. Asked for a plan it makes one or talks;
 * both have the word "planned". */

#include "tests/sim/sim.h"

#include "core/base/json.h"

static bool has(baton_str text, const char *what)
{
	return text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

enum say words_choose(struct sim *sim, const baton_prompt *prompt)
{
	const baton_msg *first = &prompt->turn->msgs[0];
	baton_str id = prompt->turn->turn_id, told = first->text;
	bool sums_up = id.n > 8 && memcmp(id.p + id.n - 8, "-summary", 8) == 0;

	if (sums_up)
		return SAY_SUMMARY;
	if (first->role != BATON_ROLE_SYSTEM)
		return SAY_PLAIN;
	if (has(told, "You plan what"))
		return !sim->cell && sim_chance(sim, 30) ? SAY_NO_PLAN : SAY_PLAN;
	if (!has(told, "[[unknown]]"))
		return SAY_PLAIN;
	bool found = has(told, "{\"id\":\"returns");
	if (sim->cell)
		return found ? SAY_CITED : SAY_PLAIN;
	switch (sim_below(sim, sim->calm ? 4 : 8)) {
	case 4:
		return SAY_UNCITED;
	case 5:
		return SAY_INVENTED;
	case 6:
		return SAY_UNKNOWN;
	default:
		return found ? SAY_CITED : SAY_UNKNOWN;
	}
}

static const char *whole(enum say say)
{
	switch (say) {
	case SAY_PLAIN:
	case SAY_UNCITED:
		break;
	case SAY_CITED:
		return "\n Well [[returns#1]]";
	case SAY_INVENTED:
		return "\n Well [[elsewhere]] liar";
	case SAY_UNKNOWN:
		return " [[unknown]] Well";
	case SAY_PLAN:
		return "{\"steps\":[{\"do\":\"planned\"}]}";
	case SAY_NO_PLAN:
		return "planned later";
	case SAY_SUMMARY:
		return "for-prompts";
	}
	return "\n Well";
}

/* Two pieces of one mark, at the end; of "unknown" at the beginning. */
const char *words_piece(enum say say, unsigned said, unsigned n)
{
	static const char *const marks[][2] = {
		[SAY_CITED] = { " [[retu", "rns#1]]" },
		[SAY_INVENTED] = { " [[elsew", "here]] liar" },
	};

	if (n == 1 || say == SAY_PLAN || say == SAY_NO_PLAN || say == SAY_SUMMARY)
		return said == 1 ? whole(say) : " ";
	if (say == SAY_UNKNOWN && said <= 2)
		return said == 1 ? " \n[[unkn" : "own]] Well";
	if ((say == SAY_CITED || say == SAY_INVENTED) && n > 2 && said + 1 >= n)
		return marks[say][said == n];
	return said == 1 ? "\n Well" : " wörd";
}

void promise_words(struct sim *sim, const struct baton_id *session, baton_str text)
{
	PROMISE(sim, !has(text, "[["), "marks are for us, not for customers", session);
	PROMISE(sim, !has(text, "liar"), "what rests on nothing that was found is not shown",
		session);
	PROMISE(sim, !has(text, "planned"), "a plan is nothing for customers", session);
	PROMISE(sim, !has(text, "for-prompts"), "a summary is nothing for customers", session);
}

/* Only one route is not looked at (policy.c). */
static enum baton_grounding grounding_of(const struct sim *sim, const char *route)
{
	return baton_policy_route(&sim->policy, baton_str_of(route))->grounding;
}

static void said_answer(struct sim *sim, struct log *log,
			const struct baton_ev_answer_generated *answer)
{
	enum baton_grounding grounding = grounding_of(sim, log->asked.route);
	bool has_sources = has(answer->sources, "\"id\"");

	promise_words(sim, &log->session, answer->text);
	PROMISE(sim, grounding != BATON_GROUNDING_REQUIRED || has_sources || answer->unknown,
		"an ungrounded answer of a grounded route never reaches a customer", &log->session);
	PROMISE(sim, !has_sources || has(answer->sources, "\"id\":\"returns"),
		"a source is one that was found", &log->session);
	sim->saw.unknown += answer->unknown;
}

static void said_plan(struct sim *sim, struct log *log, const struct baton_ev_plan_made *plan)
{
	struct baton_json steps;

	PROMISE(sim, baton_json_parse(plan->steps, &steps) == 0 && steps.type == BATON_JSON_ARRAY,
		"a plan is a list of steps", &log->session);
	PROMISE(sim, (plan->version > 0) == (plan->failed.n == 0), "a plan that is none says why",
		&log->session);
	PROMISE(sim, plan->turn == log->asked.turn, "a plan is made by who has been asked",
		&log->session);
	log->asked.cost_microusd += plan->cost_microusd;
	PROMISE(sim, log->asked.cost_microusd <= SIM_TURN_MICROUSD,
		"a turn costs no more than it may, its plan included", &log->session);
	sim->saw.plans += plan->failed.n == 0;
	sim->saw.bad_plans += plan->failed.n > 0;
}

static void said_summary(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_summary_made *made = &event->summary_made;

	PROMISE(sim, made->upto > log->summed_up && made->upto < event->seq,
		"nothing is summed up twice, or before it was said", &log->session);
	PROMISE(sim, has(made->text, "for-prompts"), "a summary is what a model wrote as one",
		&log->session);
	log->summed_up = made->upto;
	sim->saw.summaries++;
}

void promise_said(struct sim *sim, struct log *log, const struct baton_event *event)
{
	switch ((int)event->type) {
	case BATON_EV_ANSWER_GENERATED:
		said_answer(sim, log, &event->answer_generated);
		break;
	case BATON_EV_DRAFT_PROPOSED:
		PROMISE(sim, !has(event->draft_proposed.text, "[["), "marks are for us",
			&log->session);
		break;
	case BATON_EV_PLAN_MADE:
		said_plan(sim, log, &event->plan_made);
		break;
	case BATON_EV_SUMMARY_MADE:
		said_summary(sim, log, event);
		break;
	case BATON_EV_GUARD_HIT:
		sim->saw.ungrounded += baton_str_is(event->guard_hit.type, "ungrounded");
		break;
	default:
		break;
	}
}
