/* SPDX-License-Identifier: Apache-2.0 */

/* Slots of intents: each says how it is found, in the one way of its type, and a pattern is one.
 * The classifier compiles patterns again, with the same library; where one takes too many steps on
 * some message, it leaves the slot empty. */

#define PCRE2_CODE_UNIT_WIDTH 8

#include "core/policy/load.h"

#include <pcre2.h>
#include <string.h>

enum { WHY_BYTES = 120 };

static void check_pattern(struct baton_load *load, const struct baton_slot_def *slot,
			  const struct baton_yaml *node)
{
	const struct baton_place place = baton_load_place(node, "pattern");
	PCRE2_UCHAR why[WHY_BYTES] = "";
	uint32_t groups = 0;
	PCRE2_SIZE at = 0;
	int rc = 0;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)slot->pattern, PCRE2_ZERO_TERMINATED,
			      PCRE2_UTF | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C, &rc, &at, NULL);

	if (!code) {
		(void)pcre2_get_error_message(rc, why, sizeof(why));
		baton_finding_error(&load->findings, place,
				    "this is no regular expression: %s (at character %zu)",
				    (const char *)why, (size_t)at + 1);
		return;
	}
	(void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (groups > 1)
		baton_finding_warning(&load->findings, place,
				      "only the first of its %u groups is the value", groups);
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	if (match && pcre2_match(code, (PCRE2_SPTR) "", 0, 0, 0, match, NULL) >= 0)
		baton_finding_error(
			&load->findings, place,
			"it fits nothing at all, too, and so would be in every message");
	pcre2_match_data_free(match);
	pcre2_code_free(code);
}

static void check_slot(struct baton_load *load, const struct baton_slot_def *slot,
		       const struct baton_yaml *node)
{
	bool by_pattern = slot->type && strcmp(slot->type, "pattern") == 0;
	bool by_words = slot->type && strcmp(slot->type, "words") == 0;

	if (!slot->name || !slot->type)
		return; /* said already */
	if (by_pattern && !*slot->pattern)
		baton_finding_error(&load->findings, baton_load_place(node, "type"),
				    "a slot of type pattern needs a `pattern`");
	if (by_words && slot->n_words == 0)
		baton_finding_error(&load->findings, baton_load_place(node, "type"),
				    "a slot of type words needs some `words`");
	if (!by_pattern && *slot->pattern)
		baton_finding_error(
			&load->findings, baton_load_place(node, "pattern"),
			"a `pattern` is for slots of type pattern, this one is of type %s",
			slot->type);
	if (!by_words && slot->n_words > 0)
		baton_finding_error(&load->findings, baton_load_place(node, "words"),
				    "`words` are for slots of type words, this one is of type %s",
				    slot->type);
	if (by_pattern && *slot->pattern)
		check_pattern(load, slot, node);
}

static bool is_same(const struct baton_slot_def *a, const struct baton_slot_def *b)
{
	bool same = strcmp(a->type, b->type) == 0 && strcmp(a->pattern, b->pattern) == 0 &&
		    a->n_words == b->n_words;

	for (size_t i = 0; same && i < a->n_words; i++)
		same = a->words[i] && b->words[i] && strcmp(a->words[i], b->words[i]) == 0;
	return same;
}

/* A slot is known by its name in the whole conversation, whatever intent it was found under. */
static void check_name(struct baton_load *load, size_t i, size_t k, const struct baton_yaml *node)
{
	const struct baton_intent_def *intents = load->policy->intents;
	const struct baton_slot_def *slot = &intents[i].slots[k];

	for (size_t j = 0; j <= i; j++) {
		for (size_t m = 0; m < (j == i ? k : intents[j].n_slots); m++) {
			const struct baton_slot_def *other = &intents[j].slots[m];

			if (!other->name || !other->type || strcmp(other->name, slot->name) != 0)
				continue;
			if (j == i)
				baton_finding_error(&load->findings, baton_load_place(node, "name"),
						    "the slot `%s` stands here twice", slot->name);
			else if (!is_same(slot, other))
				baton_finding_warning(
					&load->findings, baton_load_place(node, "name"),
					"`%s` is found in another way under `%s`: what one finds "
					"stands for both",
					slot->name, intents[j].name ? intents[j].name : "?");
			return;
		}
	}
}

void baton_check_slots(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_intents; i++) {
		const struct baton_intent_def *intent = &load->policy->intents[i];
		const struct baton_yaml *list = baton_yaml_get(load->intent_nodes[i], "slots");

		for (size_t k = 0; k < intent->n_slots; k++) {
			const struct baton_yaml *node = baton_load_entry(list, k);

			if (!node)
				continue;
			check_slot(load, &intent->slots[k], node);
			if (intent->slots[k].name && intent->slots[k].type)
				check_name(load, i, k, node);
		}
	}
}
