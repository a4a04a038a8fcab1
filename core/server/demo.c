/* SPDX-License-Identifier: Apache-2.0 */

/* The demonstration's switches: visitors of the shop turn its model off and on, and see what
 * becomes of their conversations. Only `baton demo` has it; a server of `baton serve` answers
 * that there is none. It does what an admin would do on the control socket, through the same
 * lines.
 */

#include "core/server/jwt.h"
#include "core/server/live.h"
#include "core/server/watch.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/module/file.h"

#include <jansson.h>

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

/* What a shop's own server would sign for a customer who is logged in there. */
static json_t *vera(int64_t now_s, const struct baton_identity_def *identity,
		    const struct baton_identity_key *key)
{
	json_t *claims =
		json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "sub", "vera", "name", "Vera Haugen",
			  "email", "vera@shop.example", identity->tier_claim, "vip", "iat",
			  (json_int_t)now_s, "exp", (json_int_t)(now_s + 3600));

	if (key->issuer && key->issuer[0])
		json_object_set_new(claims, "iss", json_string(key->issuer));
	if (key->audience && key->audience[0])
		json_object_set_new(claims, "aud", json_string(key->audience));
	return claims;
}

static const struct baton_identity_key *customer_key(const struct baton_identity_def *identity)
{
	for (size_t i = 0; i < identity->n_keys; i++)
		if (strcmp(identity->keys[i].alg, "HS256") == 0 &&
		    strcmp(identity->keys[i].for_, "customers") == 0)
			return &identity->keys[i];
	return NULL;
}

/* The key is a small file, read when somebody presses a button of the demonstration. */
int baton_port_demo_identity(struct baton_port *port, struct baton_buf *out)
{
	struct baton_server *server = port->worker->server;
	const struct baton_identity_def *identity =
		&baton_release_policy(port->worker->live)->identity;
	const struct baton_identity_key *def = customer_key(identity);
	struct jwt_key key = { .kid = NULL };
	char *secret = NULL, *token = NULL, why[256];

	if (!server->options.demo || !def ||
	    baton_secret_read(server->options.secrets_dir, def->secret, &secret, why, sizeof(why)) <
		    0)
		return BATON_E_NOTFOUND;
	if (jwt_key_read(&key, def, secret, why, sizeof(why)) == BATON_OK) {
		json_t *claims = vera((int64_t)(baton_loop_unix_ms() / 1000), identity, def);

		token = jwt_sign(&key, claims);
		json_decref(claims);
		jwt_key_done(&key);
	}
	baton_secret_free(&secret);
	if (!token)
		return BATON_E_NOTFOUND;
	baton_buf_z(out, "{\"identity\":");
	baton_buf_json(out, baton_str_of(token));
	baton_buf_z(out, "}");
	baton_free(token);
	return BATON_OK;
}
