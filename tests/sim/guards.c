/* SPDX-License-Identifier: Apache-2.0 */

/* A guard: numbers as long as a card's are to be redacted, "ignore all" is marked as an injection,
 * "hush" does not pass, and now and then it cannot say anything. It finds nothing in what the models
 * of this world say by themselves; who wants it to hit puts such words into a mouth. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"

enum { CARD_DIGITS = 13, FAILS_ONCE_IN = 500 };

static size_t digits_at(baton_str text, size_t at)
{
	size_t n = 0;

	while (at + n < text.n && text.p[at + n] >= '0' && text.p[at + n] <= '9')
		n++;
	return n;
}

static bool stands(baton_str text, size_t at, const char *words)
{
	size_t n = strlen(words);

	return text.n - at >= n && memcmp(text.p + at, words, n) == 0;
}

/* What begins at `at`; its length, 0: nothing. */
static size_t found(baton_str text, size_t at, baton_hit *hit)
{
	size_t n = digits_at(text, at);

	*hit = (baton_hit){ .begin = (uint32_t)at, .confidence_ppm = 900000 };
	if (n >= CARD_DIGITS) {
		hit->action = BATON_GUARD_REDACT;
		hit->type = BATON_STR("card");
		return n;
	}
	if (stands(text, at, "ignore all")) {
		hit->action = BATON_GUARD_MARK;
		hit->type = BATON_STR("injection");
		return strlen("ignore all");
	}
	if (stands(text, at, "hush")) {
		hit->action = BATON_GUARD_BLOCK;
		hit->type = BATON_STR("forbidden");
		return strlen("hush");
	}
	return 0;
}

/* Bytes that cannot become part of a hit, whatever comes behind. */
static size_t safe_until(baton_str text)
{
	static const char *const words[] = { "ignore all", "hush" };
	size_t safe = text.n;

	while (safe > 0 && text.p[safe - 1] >= '0' && text.p[safe - 1] <= '9')
		safe--;
	for (size_t w = 0; w < 2; w++)
		for (size_t n = 1; n < strlen(words[w]) && n <= text.n; n++)
			if (memcmp(text.p + text.n - n, words[w], n) == 0 && text.n - n < safe)
				safe = text.n - n;
	return safe;
}

/* Whoever is outside is shown a placeholder, in every message and in what comes of it. */
void guards_promise_veiled(struct sim *sim, const baton_turn *turn)
{
	static const char card[] = SIM_CARD;

	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		const baton_msg *msg = &turn->msgs[i];

		PROMISE(sim,
			(msg->text.n == 0 ||
			 !memmem(msg->text.p, msg->text.n, card, sizeof(card) - 1)) &&
				(msg->parts_json.n == 0 ||
				 !memmem(msg->parts_json.p, msg->parts_json.n, card,
					 sizeof(card) - 1)),
			"no module outside ever sees a raw value", NULL);
	}
}

int guards_inspect(struct sim *sim, const baton_inspection *what, baton_hits *ret)
{
	ret->n = 0;
	ret->safe = 0;
	PROMISE(sim, what->turn && what->turn->n_msgs == 0, "a guard is shown no conversation",
		NULL);
	PROMISE(sim, what->from <= what->text.n, "a guard is told what has been shown", NULL);
	if (!sim->cell && (sim->modules_down || sim_below(sim, FAILS_ONCE_IN) == 0))
		return BATON_E_MODULE;
	for (size_t at = 0; at < what->text.n;) {
		baton_hit hit;
		size_t n = found(what->text, at, &hit);

		hit.end = hit.begin + (uint32_t)n;
		hit.rule = hit.type;
		if (n > 0 && ret->n == ret->cap)
			return BATON_E_LIMIT;
		if (n > 0)
			ret->v[ret->n++] = hit;
		at += n > 0 ? n : 1;
	}
	ret->safe = (uint32_t)(what->at == BATON_AT_ANSWER && !what->final ? safe_until(what->text)
									   : what->text.n);
	sim->outside.inspected++;
	return BATON_OK;
}
