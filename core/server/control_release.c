/* SPDX-License-Identifier: Apache-2.0 */

/* Verbs about releases and modules. What changes something is handed to the loader and answered
 * from its thread: the answer, and the steps before it if they were asked for, come back to the
 * control loop as letters, in their order. Meanwhile the connection is busy, others are not. A
 * connection that is gone by then has changed nothing: what it asked for goes on, and the
 * operations log says what became of it.
 */

#include "core/server/control.h"

#include "core/base/errors.h"
#include "core/module/file.h"
#include "core/module/shelf.h"
#include "core/policy/nearest.h"
#include "core/server/loader.h"

#include <stdio.h>

/* --- a change, asked for and answered --------------------------------------------------------- */

struct asking {
	struct control *control;
	uint64_t conn;
	char verb[BATON_NAME_BYTES_MAX + 1], tag[BATON_NAME_BYTES_MAX + 1];
	bool steps;
};

/* A line on its way from the loader. */
struct word {
	struct baton_mail mail; /* first */
	struct asking *asking;
	bool last;
	struct baton_buf line;
};

static void word_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct word *word = (struct word *)mail;
	struct asking *asking = word->asking;
	struct control_conn *conn = loop ? control_conn_find(asking->control, asking->conn) : NULL;

	if (conn)
		control_send(conn, &word->line);
	if (conn && word->last)
		control_goes_on(conn);
	if (word->last)
		baton_free(asking);
	baton_buf_done(&word->line);
	baton_free(word);
}

static struct word *word_new(struct asking *asking, bool last)
{
	struct word *word = baton_new(struct word);

	word->mail.deliver = word_deliver;
	word->asking = asking;
	word->last = last;
	return word;
}

/* Who asked, for control_begin() on the loader's thread. */
static struct control_request asked(const struct asking *asking)
{
	return (struct control_request){ .verb_name = baton_str_of(asking->verb),
					 .tag = baton_str_of(asking->tag) };
}

/* [loader] */
static void on_step(void *ud, const struct loader_step *step)
{
	struct asking *asking = ud;
	struct word *word = word_new(asking, false);

	baton_buf_z(&word->line, "{\"do\":");
	baton_buf_json(&word->line, baton_str_of(asking->verb));
	baton_buf_z(&word->line, ",\"tag\":");
	baton_buf_json(&word->line, baton_str_of(asking->tag));
	baton_buf_z(&word->line, ",\"step\":{\"module\":");
	baton_buf_json(&word->line, baton_str_of(step->module));
	baton_buf_z(&word->line, ",\"state\":");
	baton_buf_json(&word->line, baton_str_of(step->state));
	baton_buf_printf(&word->line, ",\"us\":%llu}}", (unsigned long long)step->us);
	baton_loop_post(asking->control->loop, &word->mail);
}

static void put_error(const struct loader_answer *answer, struct baton_buf *line)
{
	const struct baton_error_info *info = baton_error_info(answer->code);

	baton_buf_printf(line, ",\"error\":{\"code\":\"%s\",\"message\":", info->wire);
	baton_buf_json(line, baton_str_of(answer->text[0] ? answer->text : info->text));
	baton_buf_z(line, info->may_retry ? ",\"retryable\":true}" : ",\"retryable\":false}");
}

/* [loader], or the control thread itself if the loader takes nothing more. */
static void on_done(void *ud, const struct loader_answer *answer)
{
	struct asking *asking = ud;
	struct word *word = word_new(asking, true);
	struct control_request request = asked(asking);

	control_begin(&request, answer->code == BATON_OK, &word->line);
	if (answer->code == BATON_OK) {
		baton_buf_z(&word->line, ",\"text\":");
		baton_buf_json(&word->line, baton_str_of(answer->text));
	} else {
		put_error(answer, &word->line);
	}
	if (answer->json.n > 0) {
		baton_buf_z(&word->line, ",");
		baton_buf_str(&word->line, answer->json);
	}
	baton_buf_z(&word->line, "}");
	baton_loop_post(asking->control->loop, &word->mail);
}

static enum loader_verb loader_verb_of(enum control_verb verb)
{
	static const enum loader_verb verbs[] = {
		[CONTROL_RELOAD] = LOADER_RELOAD,     [CONTROL_PROMOTE] = LOADER_PROMOTE,
		[CONTROL_ROLLBACK] = LOADER_ROLLBACK, [CONTROL_DISCARD] = LOADER_DISCARD,
		[CONTROL_DRAIN] = LOADER_DRAIN,       [CONTROL_MODULE_SWAP] = LOADER_SWAP,
		[CONTROL_MODULE_LOAD] = LOADER_LOAD,  [CONTROL_MODULE_CANARY] = LOADER_CANARY,
	};

	return verbs[verb];
}

/* A canary without a share of its own has that of the policies that serve now. */
static uint32_t share_of(struct baton_server *server, const struct control_request *request)
{
	if (request->verb != CONTROL_RELOAD || !request->canary || request->share_ppm > 0)
		return request->share_ppm;
	struct baton_release *live = loader_live(server);
	uint32_t share = baton_release_policy(live)->releases.canary_ppm;
	baton_release_unref(&live);
	return share;
}

/* Empty for none; the request has bounded all of them. */
static void copy_text(char *to, size_t cap, baton_str from)
{
	snprintf(to, cap, "%.*s", (int)from.n, from.n ? from.p : "");
}

/* "module swap" for "module.swap": as admins say it. */
static void note_change(struct control_conn *conn, const struct control_request *request)
{
	char action[BATON_NAME_BYTES_MAX + 1];
	baton_str subject = BATON_STR("release");

	copy_text(action, sizeof(action), request->verb_name);
	for (char *dot = strchr(action, '.'); dot; dot = strchr(dot, '.'))
		*dot = ' ';
	if (request->module.n > 0)
		subject = request->module;
	else if (request->sha.n > 0)
		subject = request->sha;
	else if (request->verb == CONTROL_RELOAD)
		subject = BATON_STR("policies");
	control_note(conn, action, subject, request->why);
}

void control_change(struct control_conn *conn, const struct control_request *request)
{
	struct baton_server *server = conn->control->server;
	struct asking *asking = baton_new(struct asking);
	struct loader_request *change = baton_new(struct loader_request);
	struct loader_asker asker = { asking, request->steps ? on_step : NULL, on_done };

	asking->control = conn->control;
	asking->conn = conn->number;
	copy_text(asking->verb, sizeof(asking->verb), request->verb_name);
	copy_text(asking->tag, sizeof(asking->tag), request->tag);
	change->verb = loader_verb_of(request->verb);
	copy_text(change->module, sizeof(change->module), request->module);
	copy_text(change->path, sizeof(change->path), request->path);
	copy_text(change->by, sizeof(change->by), baton_str_of(conn->by));
	copy_text(change->why, sizeof(change->why),
		  baton_str_clip(request->why, LOADER_WHY_MAX - 1));
	change->share_ppm = share_of(server, request);
	change->force = request->force;
	change->cold = request->cold;
	note_change(conn, request);
	conn->busy = true;
	loader_ask(server, change, &asker);
	baton_free(change);
}

/* --- looking ---------------------------------------------------------------------------------- */

void control_put_releases(struct baton_server *server, const char *const *names,
			  struct baton_buf *line)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_json view;

	loader_view(server, &text);
	if (baton_json_parse(baton_buf_view(&text), &view) == 0) {
		for (size_t i = 0; names[i]; i++) {
			struct baton_json part = baton_json_get(&view, names[i]);

			baton_buf_printf(line, ",\"%s\":", names[i]);
			baton_buf_str(line,
				      part.type == BATON_JSON_NONE ? BATON_STR("null") : part.raw);
		}
	}
	baton_buf_done(&text);
}

void control_releases(struct control_conn *conn, const struct control_request *request)
{
	static const char *const names[] = {
		"live", "candidate", "releases", "canary", "past", NULL
	};
	struct baton_buf line = { NULL, 0, 0 };

	control_begin(request, true, &line);
	control_put_releases(conn->control->server, names, &line);
	control_end(conn, &line);
}

static bool is_of(const struct baton_json *generation, baton_str module)
{
	struct baton_json name = baton_json_get(generation, "module");
	struct baton_arena arena = { NULL, 0 };
	bool same = baton_str_eq(baton_json_text(&name, &arena), module);

	baton_arena_done(&arena);
	return same;
}

/* Generations of one module; 0 if there is none. */
static size_t put_generations(const struct baton_json *all, baton_str module,
			      struct baton_buf *line)
{
	struct baton_json generation;
	size_t at = 0, n = 0;

	baton_buf_z(line, ",\"generations\":[");
	while (baton_json_element(all, &at, &generation)) {
		if (!is_of(&generation, module))
			continue;
		baton_buf_z(line, n++ > 0 ? "," : "");
		baton_buf_str(line, generation.raw);
	}
	baton_buf_z(line, "]");
	return n;
}

static void refuse_module(struct control_conn *conn, const struct control_request *request,
			  const struct baton_policy *policy)
{
	struct baton_nearest nearest = baton_nearest_to(request->module);
	struct baton_buf hint = { NULL, 0, 0 };

	for (size_t i = 0; i < policy->n_modules; i++)
		baton_nearest_try(&nearest, policy->modules[i].name);
	baton_buf_printf(&hint, "there is no module `%s`; ", request->module.p);
	if (nearest.name)
		baton_buf_printf(&hint, "did you mean `%s`?", nearest.name);
	else
		baton_buf_z(&hint, "`modules` lists them");
	control_refuse(conn, request, BATON_E_NOTFOUND, hint.p);
	baton_buf_done(&hint);
}

/* The generations of one module. */
static void tell_module(struct control_conn *conn, const struct control_request *request)
{
	struct baton_server *server = conn->control->server;
	struct baton_buf text = { NULL, 0, 0 }, line = { NULL, 0, 0 };
	struct baton_release *live = loader_live(server);
	struct baton_json view = { .type = BATON_JSON_NONE };

	loader_view(server, &text);
	(void)baton_json_parse(baton_buf_view(&text), &view);
	struct baton_json all = baton_json_get(&view, "generations");
	control_begin(request, true, &line);
	baton_buf_printf(&line, ",\"live\":%llu", (unsigned long long)baton_release_number(live));
	if (put_generations(&all, request->module, &line) > 0) {
		control_end(conn, &line);
	} else {
		baton_buf_done(&line);
		refuse_module(conn, request, baton_release_policy(live));
	}
	baton_buf_done(&text);
	baton_release_unref(&live);
}

/* Files that may not come in, whoever names them. */
static void put_quarantine(struct baton_server *server, struct baton_buf *line)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_json shelf;

	baton_shelf_json(loader_shelf(server), &text);
	if (baton_json_parse(baton_buf_view(&text), &shelf) == 0) {
		baton_buf_z(line, ",\"quarantined\":");
		baton_buf_str(line, baton_json_get(&shelf, "quarantined").raw);
	}
	baton_buf_done(&text);
}

void control_modules(struct control_conn *conn, const struct control_request *request)
{
	static const char *const names[] = { "live", "candidate", "generations", NULL };
	struct baton_buf line = { NULL, 0, 0 };

	if (request->module.n > 0) {
		tell_module(conn, request);
		return;
	}
	control_begin(request, true, &line);
	control_put_releases(conn->control->server, names, &line);
	put_quarantine(conn->control->server, &line);
	control_end(conn, &line);
}

/* --- what waits: workers are asked, or the disk is -------------------------------------------- */

struct waiting {
	struct control *control;
	uint64_t conn, release;
	struct baton_buf line;
};

static void why_live_work(void *ud)
{
	struct waiting *waiting = ud;

	loader_why_live(waiting->control->server, waiting->release, &waiting->line);
}

static void waiting_done(void *ud)
{
	struct waiting *waiting = ud;
	struct control_conn *conn = control_conn_find(waiting->control, waiting->conn);

	if (conn) {
		control_end(conn, &waiting->line);
		control_goes_on(conn);
	}
	baton_buf_done(&waiting->line);
	baton_free(waiting);
}

void control_why_live(struct control_conn *conn, const struct control_request *request)
{
	struct waiting *waiting = baton_new(struct waiting);

	waiting->control = conn->control;
	waiting->conn = conn->number;
	waiting->release = request->release;
	control_begin(request, true, &waiting->line);
	baton_buf_z(&waiting->line, ",\"turns\":");
	conn->busy = true;
	if (baton_loop_job(conn->control->loop, why_live_work, waiting_done, waiting) == BATON_OK)
		return;
	conn->busy = false;
	baton_buf_done(&waiting->line);
	baton_free(waiting);
	control_refuse(conn, request, BATON_E_AGAIN, "");
}

struct forgiving {
	struct asking asking; /* control, conn, verb, tag */
	char sha[65];
	uint8_t sha256[32];
	int rc;
};

/* The shelf is a file. */
static void forgive_work(void *ud)
{
	struct forgiving *forgiving = ud;

	forgiving->rc = loader_forgive(forgiving->asking.control->server, forgiving->sha,
				       forgiving->sha256);
}

static void forgive_answer(struct control_conn *conn, const struct forgiving *forgiving)
{
	struct control_request request = asked(&forgiving->asking);
	struct baton_buf line = { NULL, 0, 0 };
	char hex[65], hint[200];

	if (forgiving->rc < 0) {
		snprintf(hint, sizeof(hint),
			 forgiving->rc == BATON_E_NOTFOUND
				 ? "no file whose sha256 begins with %.12s is in quarantine"
				 : "several files in quarantine begin with %s: give more digits",
			 forgiving->sha);
		control_refuse(conn, &request, forgiving->rc, hint);
		return;
	}
	baton_file_hex(forgiving->sha256, sizeof(forgiving->sha256), hex);
	control_begin(&request, true, &line);
	baton_buf_printf(&line, ",\"text\":\"%.12s may be loaded again; `baton reload` does it\"",
			 hex);
	baton_buf_printf(&line, ",\"sha256\":\"%s\"", hex);
	control_end(conn, &line);
}

static void forgive_done(void *ud)
{
	struct forgiving *forgiving = ud;
	struct control_conn *conn =
		control_conn_find(forgiving->asking.control, forgiving->asking.conn);

	if (conn) {
		forgive_answer(conn, forgiving);
		control_goes_on(conn);
	}
	baton_free(forgiving);
}

void control_forgive(struct control_conn *conn, const struct control_request *request)
{
	struct forgiving *forgiving = baton_new(struct forgiving);

	forgiving->asking.control = conn->control;
	forgiving->asking.conn = conn->number;
	copy_text(forgiving->asking.verb, sizeof(forgiving->asking.verb), request->verb_name);
	copy_text(forgiving->asking.tag, sizeof(forgiving->asking.tag), request->tag);
	copy_text(forgiving->sha, sizeof(forgiving->sha), request->sha);
	note_change(conn, request);
	conn->busy = true;
	if (baton_loop_job(conn->control->loop, forgive_work, forgive_done, forgiving) == BATON_OK)
		return;
	conn->busy = false;
	baton_free(forgiving);
	control_refuse(conn, request, BATON_E_AGAIN, "");
}
