/* SPDX-License-Identifier: Apache-2.0 */

/* The demonstration's switch: visitors of the shop turn its model off and on, and see what
 * becomes of their conversations. Only `baton demo` has it; a server of `baton serve` answers
 * that there is none. It does what an admin would do on the control socket, through the same
 * lines.
 */

#include "core/server/live.h"
#include "core/server/watch.h"

#include "core/base/errors.h"
#include "core/base/json.h"

static const char by[] = "demo";

/* The model of the demonstration: who answers what nothing else has a route for. */
static const char *model_of(const struct baton_policy *policy)
{
	for (size_t i = 0; i < policy->n_routes; i++)
		if (strcmp(policy->routes[i].intent, "default") == 0 && policy->routes[i].primary)
			return policy->routes[i].primary->name;
	return NULL;
}

static bool is_disabled(struct baton_server *server, const char *name)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_arena arena = { NULL, 0 };
	struct baton_json all, rows, row;
	struct baton_now now;
	size_t at = 0;
	bool found = false;

	struct baton_board *board = watch_hold(server->watch, &now);
	baton_board_json(board, now, &text);
	watch_done(server->watch);
	if (baton_json_parse(baton_buf_view(&text), &all) == 0) {
		rows = baton_json_get(&all, "targets");
		while (!found && baton_json_element(&rows, &at, &row)) {
			struct baton_json target = baton_json_get(&row, "target");
			struct baton_json state = baton_json_get(&row, "state");

			found = baton_str_is(baton_json_text(&target, &arena), name) &&
				baton_str_is(baton_json_text(&state, &arena), "disabled");
		}
	}
	baton_arena_done(&arena);
	baton_buf_done(&text);
	return found;
}

int baton_port_demo(struct baton_port *port, struct baton_buf *out)
{
	struct baton_server *server = port->worker->server;
	const char *name = model_of(baton_release_policy(port->worker->live));

	if (!server->options.demo || !name)
		return BATON_E_NOTFOUND;
	baton_buf_z(out, "{\"model\":");
	baton_buf_json(out, baton_str_of(name));
	baton_buf_printf(out, ",\"on\":%s}", is_disabled(server, name) ? "false" : "true");
	return BATON_OK;
}

int baton_port_demo_switch(struct baton_port *port, bool on)
{
	struct baton_server *server = port->worker->server;
	const char *name = model_of(baton_release_policy(port->worker->live));
	struct baton_buf request = { NULL, 0, 0 };

	if (!server->options.demo || !name)
		return BATON_E_NOTFOUND;
	baton_buf_printf(&request, "{\"do\":\"target.%s\",\"target\":", on ? "enable" : "disable");
	baton_buf_json(&request, baton_str_of(name));
	baton_buf_z(&request, ",\"why\":\"the switch of the demonstration\"}");
	live_ask(server, 0, by, BATON_STR_NONE, baton_buf_view(&request));
	baton_buf_done(&request);
	return BATON_OK;
}
