/* SPDX-License-Identifier: Apache-2.0 */

/* What a message speaks of, by words that an admin has listed: topics of escalation.yaml. Known
 * without any model or classifier, and in time linear in the message. Pure.
 */
#pragma once

#include "core/policy/policy.h"

enum {
	BATON_TOPICS_MAX = 32,     /* a bit for each */
	BATON_TOPIC_PHRASE_MAX = 8 /* words of one phrase */
};

/* How many words the text has, as they are compared; 0: none, and nothing can match. */
size_t baton_topic_words(baton_str text);
/* Makes what baton_topics_of() looks into, once for each set; in the set's arena. */
void baton_topics_compile(struct baton_policy *policy);
/* Bit i: the text has a word or phrase of policy->topics[i] whole, whatever its case and form. */
uint32_t baton_topics_of_text(const struct baton_policy *policy, baton_str text);
/* The facts that some topics are by name: BATON_FACT_SECURITY, _BILLING, _LEGAL, _ASKED_HUMAN. */
enum {
	BATON_TOPICS_FLAGS = BATON_FACT_SECURITY | BATON_FACT_BILLING | BATON_FACT_LEGAL |
			     BATON_FACT_ASKED_HUMAN
};
uint32_t baton_topics_flags(const struct baton_policy *policy, uint32_t topics);
/* Bit i: the intent is one of the topic's. */
uint32_t baton_topics_of_intent(const struct baton_policy *policy, baton_str intent);
