/* SPDX-License-Identifier: Apache-2.0 */

/* What channels ask of the core: carried to the worker that owns the session. On the same worker it
 * goes straight in, unless the shard's own code is on the stack. Every message between threads is a
 * letter that owns a copy of everything in it.
 */

#include "core/server/worker.h"

#include "core/base/errors.h"
#include "core/server/operations.h"

enum errand {
	ERRAND_COMMAND,
	ERRAND_SUBSCRIBE,
	ERRAND_UNSUBSCRIBE,
	ERRAND_TYPING,
	ERRAND_PACKAGE,
	ERRAND_RECOVER,
	ERRAND_SAVED
};

struct errand_mail {
	struct baton_mail mail;
	struct worker *worker;
	enum errand errand;
	struct baton_id session;
	baton_conn conn;
	struct baton_command command;
	struct baton_event event; /* SAVED */
	enum baton_audience audience;
	uint64_t after;
	struct baton_arena arena;
};

static void errand_run(struct errand_mail *errand)
{
	struct baton_shard *shard = errand->worker->shard;

	switch (errand->errand) {
	case ERRAND_COMMAND:
	case ERRAND_SAVED:
		baton_shard_command(shard, &errand->session, errand->conn, &errand->command);
		break;
	case ERRAND_SUBSCRIBE:
		baton_shard_subscribe(shard, &errand->session, errand->conn, errand->audience,
				      errand->after);
		break;
	case ERRAND_UNSUBSCRIBE:
		baton_shard_unsubscribe(shard, &errand->session, errand->conn);
		break;
	case ERRAND_TYPING:
		baton_shard_typing(shard, &errand->session, errand->conn, errand->command.role,
				   errand->command.agent_name);
		break;
	case ERRAND_PACKAGE:
		baton_shard_package(shard, &errand->session, errand->conn);
		break;
	case ERRAND_RECOVER:
		baton_shard_recover(shard, &errand->session);
		break;
	}
}

static void errand_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct errand_mail *errand = (struct errand_mail *)mail;

	if (loop && errand->worker->shard) {
		shard_enter(errand->worker);
		errand_run(errand);
		shard_leave(errand->worker);
	}
	baton_arena_done(&errand->arena);
	baton_free(errand);
}

static void keep(struct errand_mail *errand, baton_str *s)
{
	if (s->n > 0)
		s->p = baton_arena_dup(&errand->arena, s->p, s->n);
}

static struct errand_mail *errand_new(struct worker *to, enum errand what,
				      const struct baton_id *session, baton_conn conn)
{
	struct errand_mail *errand = baton_new(struct errand_mail);

	errand->mail.deliver = errand_deliver;
	errand->worker = to;
	errand->errand = what;
	errand->session = *session;
	errand->conn = conn;
	return errand;
}

static void keep_attachments(struct errand_mail *errand, const struct baton_command *command)
{
	size_t n = command->n_attachments;

	if (n == 0)
		return;
	struct baton_attachment *own = baton_arena_alloc(&errand->arena, n * sizeof(*own));
	for (size_t i = 0; i < n; i++) {
		own[i] = command->attachments[i];
		keep(errand, &own[i].id);
		keep(errand, &own[i].name);
		keep(errand, &own[i].media_type);
		keep(errand, &own[i].sha256);
	}
	errand->command.attachments = own;
}

/* `events` are never sent by a channel: who has some keeps them alive itself. */
static void keep_command(struct errand_mail *errand, const struct baton_command *command)
{
	struct baton_command *own = &errand->command;

	*own = *command;
	keep_attachments(errand, command);
	keep(errand, &own->to_agent);
	keep(errand, &own->identity.customer);
	keep(errand, &own->identity.name);
	keep(errand, &own->identity.email);
	keep(errand, &own->identity.customer_tier);
	keep(errand, &own->identity.attributes);
	keep(errand, &own->identity.key);
	keep(errand, &own->claimed);
	keep(errand, &own->auth_failed);
	keep(errand, &own->client_id);
	keep(errand, &own->text);
	keep(errand, &own->value);
	keep(errand, &own->agent);
	keep(errand, &own->agent_name);
	keep(errand, &own->channel);
	keep(errand, &own->locale);
	keep(errand, &own->customer);
	keep(errand, &own->customer_tier);
	keep(errand, &own->origin);
}

void worker_command(struct worker *to, const struct baton_id *session, baton_conn conn,
		    const struct baton_command *command)
{
	struct errand_mail *errand = errand_new(to, ERRAND_COMMAND, session, conn);

	keep_command(errand, command);
	baton_loop_post(to->loop, &errand->mail);
}

/* The operations log is a session of the journal, but nobody's conversation: for whoever asks for
 * it here, there is none. */
static bool is_operations(struct baton_port *port, const struct baton_id *session, baton_conn conn,
			  const struct baton_command *command, const char *verb)
{
	if (!baton_id_eq(session, &BATON_OPERATIONS_ID))
		return false;
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_REFUSED, session);
	if (command)
		notice->client_id = baton_notice_keep(notice, command->client_id);
	else
		notice->verb_name = baton_str_of(verb);
	notice->code = BATON_E_NOTFOUND;
	worker_notify_later(port->worker, conn, notice);
	baton_notice_unref(&notice);
	return true;
}

void baton_port_command(struct baton_port *port, const struct baton_id *session, baton_conn conn,
			const struct baton_command *command)
{
	struct worker *to = worker_of(port->worker->server, session);

	if (is_operations(port, session, conn, command, ""))
		return;
	if (to == port->worker && worker_enter(to)) {
		baton_shard_command(to->shard, session, conn, command);
		worker_leave(to);
		return;
	}
	worker_command(to, session, conn, command);
}

void baton_port_subscribe(struct baton_port *port, const struct baton_id *session, baton_conn conn,
			  enum baton_audience audience, uint64_t after)
{
	struct worker *to = worker_of(port->worker->server, session);

	if (is_operations(port, session, conn, NULL, "resume"))
		return;
	struct errand_mail *errand = errand_new(to, ERRAND_SUBSCRIBE, session, conn);
	errand->audience = audience;
	errand->after = after;
	baton_loop_post(to->loop, &errand->mail);
}

void baton_port_unsubscribe(struct baton_port *port, const struct baton_id *session,
			    baton_conn conn)
{
	struct worker *to = worker_of(port->worker->server, session);

	baton_loop_post(to->loop, &errand_new(to, ERRAND_UNSUBSCRIBE, session, conn)->mail);
}

void baton_port_typing(struct baton_port *port, const struct baton_id *session, baton_conn conn,
		       enum baton_role role, baton_str agent_name)
{
	struct worker *to = worker_of(port->worker->server, session);
	struct errand_mail *errand = errand_new(to, ERRAND_TYPING, session, conn);

	errand->command.role = role;
	errand->command.agent_name = agent_name;
	keep(errand, &errand->command.agent_name);
	baton_loop_post(to->loop, &errand->mail);
}

void baton_port_package(struct baton_port *port, const struct baton_id *session, baton_conn conn)
{
	struct worker *to = worker_of(port->worker->server, session);

	if (is_operations(port, session, conn, NULL, "package"))
		return;
	baton_loop_post(to->loop, &errand_new(to, ERRAND_PACKAGE, session, conn)->mail);
}

void worker_recover(struct worker *worker, const struct baton_id *session)
{
	baton_loop_post(worker->loop, &errand_new(worker, ERRAND_RECOVER, session, 0)->mail);
}

void worker_saved(struct worker *worker, const struct baton_id *session, baton_str backend,
		  uint64_t upto)
{
	struct errand_mail *errand = errand_new(worker, ERRAND_SAVED, session, 0);

	keep(errand, &backend);
	errand->event = (struct baton_event){ .type = BATON_EV_TRANSCRIPT_SAVED };
	errand->event.transcript_saved.backend = backend;
	errand->event.transcript_saved.upto = upto;
	errand->command = (struct baton_command){
		.verb = BATON_CMD_SAVED, .role = BATON_SELF, .events = &errand->event, .n_events = 1
	};
	baton_loop_post(worker->loop, &errand->mail);
}

/* --- small questions --- */

struct baton_id baton_port_new_session(struct baton_port *port)
{
	uint8_t random[10];

	(void)port;
	worker_random(random, sizeof(random));
	return baton_id_make(baton_loop_unix_ms(), random);
}

struct baton_loop *baton_port_loop(struct baton_port *port)
{
	return port->worker->loop;
}

unsigned baton_port_worker(const struct baton_port *port)
{
	return port->worker->index;
}

unsigned baton_port_workers(const struct baton_port *port)
{
	return port->worker->server->n_workers;
}

static const struct baton_policy *live_policy(const struct baton_port *port)
{
	return baton_release_policy(port->worker->live);
}

const char *baton_port_greeting(struct baton_port *port)
{
	return live_policy(port)->say_greeting;
}

struct baton_file_limits baton_port_file_limits(struct baton_port *port)
{
	const struct baton_attachments_def *files = &live_policy(port)->attachments;

	if (!files->enabled)
		return (struct baton_file_limits){ .bytes = 0 };
	return (struct baton_file_limits){ files->bytes_max, files->types, files->n_types };
}

void baton_port_desk_words(struct baton_port *port, baton_str agent, struct baton_buf *out)
{
	desk_words(live_policy(port), agent, out);
}

const char *baton_port_disclosure(struct baton_port *port)
{
	return live_policy(port)->say_disclosure;
}

bool baton_port_draining(struct baton_port *port)
{
	return atomic_load(&port->worker->server->draining) != 0;
}

bool baton_port_rate_limited(const struct baton_port *port)
{
	return !port->worker->server->options.no_rate_limit;
}

void baton_port_count(struct baton_port *port, unsigned metric, uint64_t add)
{
	baton_metrics_count(&port->worker->metrics, metric, add);
}

const char *baton_port_web_dir(struct baton_port *port)
{
	return port->worker->server->options.web_dir;
}

int baton_port_listen_fd(struct baton_port *port)
{
	return port->worker->listen_fd;
}
