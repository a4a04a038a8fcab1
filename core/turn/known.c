/* SPDX-License-Identifier: Apache-2.0 */

/* What tools said in earlier turns of the conversation, for prompts: a customer who asks "and when
 * will it be here?" speaks of the order that was looked up a minute ago. Newest first, as far as
 * there is room; looked at by guards like any result, veiled, and between fences. What was called
 * in this turn stands behind the conversation as messages (tools.c). */

#include "core/turn/inside.h"

#include "core/session/calls.h"
#include "core/turn/fence.h"

enum { KNOWN_CALLS_MAX = 8 };

static bool is_known(const struct baton_run *run, const struct baton_called *called)
{
	return called->over > 0 && called->ok && called->result.n > 0 &&
	       called->turn != run->turn && (called->proposal == 0 || called->told);
}

static baton_str call_line(struct baton_run *run, const struct baton_called *called)
{
	struct baton_buf line = { NULL, 0, 0 };

	baton_buf_z(&line, "{\"tool\":");
	baton_buf_json(&line, called->tool);
	baton_buf_z(&line, ",\"arguments\":");
	baton_buf_str(&line,
		      called->arguments.n ? run_veiled(run, called->arguments) : BATON_STR("{}"));
	baton_buf_z(&line, ",\"result\":");
	baton_buf_str(&line,
		      run_veiled_json(run, BATON_AT_TOOL_RESULT, called->result, BATON_STR("")));
	baton_buf_z(&line, "}\n");
	return run_keep_buf(run, &line);
}

size_t run_known_show(struct baton_run *run, uint64_t number, size_t room, struct baton_buf *out)
{
	const struct baton_calls *calls = &run->session->calls;
	struct baton_buf lines = { NULL, 0, 0 };
	unsigned shown = 0;

	for (size_t i = calls->n_called; i > 0 && shown < KNOWN_CALLS_MAX; i--) {
		if (!is_known(run, &calls->called[i - 1]))
			continue;
		baton_str line = call_line(run, &calls->called[i - 1]);
		if (lines.n + line.n + FENCE_BYTES > room)
			continue;
		baton_buf_str(&lines, line);
		shown++;
	}
	size_t n = lines.n;
	if (n > 0)
		fence_around(out, number, "what tools said earlier in this conversation",
			     baton_buf_view(&lines));
	baton_buf_done(&lines);
	return n > 0 ? n + FENCE_BYTES : 0;
}

bool run_known_from(const struct baton_run *run, baton_str tool)
{
	const struct baton_calls *calls = &run->session->calls;

	for (size_t i = 0; i < calls->n_called; i++)
		if (is_known(run, &calls->called[i]) && baton_str_eq(calls->called[i].tool, tool))
			return true;
	return false;
}
