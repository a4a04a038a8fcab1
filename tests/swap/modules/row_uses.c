/* SPDX-License-Identifier: Apache-2.0 */

/* Row 21: turns that use tools. The model asks for `note_set` once and answers with what it
 * brought; the tool writes each call into a ledger before it answers, some time later, so that
 * swaps come in between. What stands there twice was done twice. */
#define HAS_START
#define HAS_CANCEL
#define HAS_INVOKE
#include "frame.h"

#include <fcntl.h>
#include <unistd.h>

enum { LATER_MS = 12 };

struct asked {
	struct frame *f;
	baton_call call;
};

/* What tools have brought since the customer has spoken. The first is the look-up that the route
 * declares; the set that the second says, or 0: the model has not asked yet. */
static char brought(const baton_prompt *prompt)
{
	static const char sign[] = "{\"set\":\"";
	unsigned results = 0;
	char set = 0;

	for (uint32_t i = 0; i < prompt->turn->n_msgs; i++) {
		const baton_msg *msg = &prompt->turn->msgs[i];
		const char *at = msg->text.n == 0
					 ? NULL
					 : memmem(msg->text.p, msg->text.n, sign, sizeof(sign) - 1);

		if (msg->role == BATON_ROLE_CUSTOMER) {
			results = 0;
			set = 0;
		} else if (msg->role == BATON_ROLE_TOOL && at && ++results > 1) {
			set = at[sizeof(sign) - 1];
		}
	}
	return set;
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	static const char ask[] = "{\"id\":\"ask\",\"name\":\"note_set\",\"arguments\":{}}";
	char set = brought(prompt);
	size_t n = strlen(f->text);

	if (!set) {
		(void)f->host->delta(f->ctx, call, BATON_DELTA_TOOL_CALL,
				     (baton_str){ ask, sizeof(ask) - 1 });
		(void)f->host->end(f->ctx, call, BATON_END_TOOL_CALLS);
		return BATON_OK;
	}
	(void)snprintf(f->text + n, sizeof(f->text) - n, " tool=set-%c", set);
	return frame_say(f, call, f->text);
}

static void answer(void *user)
{
	struct asked *asked = user;
	struct frame *f = asked->f;
	char json[64];

	(void)snprintf(json, sizeof(json), "{\"set\":\"%.16s\"}", f->set);
	const baton_tool_result result = { .size = sizeof(result), .json = { json, strlen(json) } };
	(void)f->host->result(f->ctx, asked->call, BATON_RESULT_TOOL, &result, sizeof(result));
	(void)f->host->end(f->ctx, asked->call, BATON_END_STOP);
	free(asked);
}

static int32_t at_invoke(struct frame *f, baton_call call, const baton_tool_req *req)
{
	struct asked *asked = malloc(sizeof(*asked));
	char line[256];
	int fd = open(f->ledger, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	int n = snprintf(line, sizeof(line), "%.*s %s %.*s\n", (int)req->name.n, req->name.p,
			 f->set, (int)req->idempotency_key.n, req->idempotency_key.p);

	if (!asked || fd < 0 || write(fd, line, (size_t)n) != n) {
		free(asked);
		return BATON_E_IO;
	}
	close(fd);
	*asked = (struct asked){ f, call };
	return f->host->timer(f->ctx, LATER_MS, answer, asked, NULL);
}

/* Nobody is in a hurry here: the timer ends it. */
static void at_cancel(struct frame *f, baton_call call)
{
	(void)f, (void)call;
}
