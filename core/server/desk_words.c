/* SPDX-License-Identifier: Apache-2.0 */

/* What a console is told of the desk when an agent signs in: which queues there are, and the
 * replies that are prepared for those he works on. */

#include "core/server/worker.h"

static const struct baton_agent_def *agent_of(const struct baton_policy *policy, baton_str id)
{
	for (size_t i = 0; i < policy->n_agents; i++)
		if (baton_str_is(id, policy->agents[i].id))
			return &policy->agents[i];
	return NULL;
}

static bool is_for(const struct baton_canned_def *canned, const struct baton_agent_def *agent)
{
	if (canned->n_queues == 0 || !agent || agent->n_queues == 0)
		return true;
	for (size_t i = 0; i < canned->n_queues; i++)
		for (size_t k = 0; k < agent->n_queues; k++)
			if (strcmp(canned->queues[i], agent->queues[k]) == 0)
				return true;
	return false;
}

static void put(struct baton_buf *out, const char *lead, const char *text)
{
	baton_buf_z(out, lead);
	baton_buf_json(out, baton_str_of(text));
}

void desk_words(const struct baton_policy *policy, baton_str agent_id, struct baton_buf *out)
{
	const struct baton_agent_def *agent = agent_of(policy, agent_id);
	const char *lead = "{\"name\":";

	baton_buf_z(out, ",\"queues\":[");
	for (size_t i = 0; i < policy->n_queues; i++) {
		const struct baton_queue_def *queue = &policy->queues[i];
		bool titled = queue->title && queue->title[0];

		put(out, i ? ",{\"name\":" : "{\"name\":", queue->name);
		put(out, ",\"title\":", titled ? queue->title : queue->name);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "],\"canned\":[");
	for (size_t i = 0; i < policy->desk.n_canned; i++) {
		const struct baton_canned_def *canned = &policy->desk.canned[i];

		if (!is_for(canned, agent))
			continue;
		put(out, lead, canned->name);
		put(out, ",\"text\":", canned->text);
		baton_buf_z(out, "}");
		lead = ",{\"name\":";
	}
	baton_buf_z(out, "]");
}
