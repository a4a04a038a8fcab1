/* SPDX-License-Identifier: Apache-2.0 */

/* Topics: each has a name of its own and something to be known by; its words are words. */

#include "core/policy/load.h"
#include "core/policy/topics.h"

#include <string.h>

static const struct baton_yaml *topics_of_file(const struct baton_load *load)
{
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_ESCALATION && load->files[i].root)
			return baton_yaml_get(load->files[i].root, "topics");
	return NULL;
}

static void check_phrase(struct baton_load *load, const char *phrase, struct baton_place place)
{
	size_t n = baton_topic_words(baton_str_of(phrase));

	if (n == 0)
		baton_finding_error(&load->findings, place,
				    "`%s` has no letter or digit: nobody can write it", phrase);
	if (n > BATON_TOPIC_PHRASE_MAX)
		baton_finding_error(&load->findings, place,
				    "this phrase has %zu words, the most is %d", n,
				    (int)BATON_TOPIC_PHRASE_MAX);
}

static void check_topic(struct baton_load *load, size_t i, const struct baton_yaml *node)
{
	const struct baton_topic_def *topic = &load->policy->topics[i];
	const struct baton_yaml *words = baton_yaml_get(node, "words");

	if (!topic->name)
		return;
	for (size_t j = 0; j < i; j++)
		if (load->policy->topics[j].name &&
		    strcmp(load->policy->topics[j].name, topic->name) == 0)
			baton_finding_error(&load->findings, baton_load_place(node, "name"),
					    "the topic `%s` stands here twice", topic->name);
	if (topic->n_words == 0 && topic->n_intents == 0)
		baton_finding_error(
			&load->findings, baton_load_place(node, "name"),
			"no message is ever of this topic: it has no words and no intents");
	for (size_t j = 0; j < topic->n_words; j++) {
		const struct baton_yaml *at = baton_load_entry(words, j);

		if (topic->words[j] && at)
			check_phrase(load, topic->words[j], at->place);
	}
	baton_named_each(load, node, "intents", baton_named_intents(load));
}

void baton_check_topics(struct baton_load *load)
{
	const struct baton_yaml *list = topics_of_file(load);

	for (size_t i = 0; list && i < load->policy->n_topics; i++)
		if (baton_load_entry(list, i))
			check_topic(load, i, baton_load_entry(list, i));
	baton_topics_compile(load->policy);
}
