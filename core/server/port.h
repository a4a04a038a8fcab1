/* SPDX-License-Identifier: Apache-2.0 */

/* Between channels and the core: what a channel may ask, and how it is told. A channel lives on a
 * worker's loop; every function here is called on that loop. Sessions may live on other workers:
 * the port carries letters, so nothing here blocks or locks.
 */
#pragma once

#include "core/actor/notice.h"
#include "core/files/files.h"
#include "core/loop/loop.h"

struct baton_port; /* one per worker and channel */

/* A channel's side. */
struct baton_channel_ops {
	/* The worker starts: create what listens. 0 or <0 with a logged reason. `*ret_channel` is
	 * passed to the others. */
	int (*open)(struct baton_port *port, void **ret_channel);
	/* [loop] tell one connection; drop it silently if the connection is gone. Takes its own
	 * reference if it keeps the notice. */
	void (*notify)(void *channel, baton_conn conn, struct baton_notice *notice);
	/* Accept nobody new; say bye with a jittered reconnect: the first time to those who hear no
	 * answer (the others when it has ended), the second time to all. */
	void (*drain)(void *channel);
	void (*close)(void *channel);
};

struct baton_loop *baton_port_loop(struct baton_port *port);
unsigned baton_port_worker(const struct baton_port *port);  /* index of this worker */
unsigned baton_port_workers(const struct baton_port *port); /* how many there are */

/* Connections are named by the channel: the worker's index in the upper 8 bits, the rest is the
 * channel's (slot and generation, never 0). */
#define BATON_CONN(worker, rest) (((uint64_t)(worker) << 56) | (uint64_t)(rest))
#define BATON_CONN_WORKER(conn) ((unsigned)((conn) >> 56))

/* Strings in `command` are copied. See core/actor/shard.h for what comes back. */
void baton_port_command(struct baton_port *port, const struct baton_id *session, baton_conn conn,
			const struct baton_command *command);
void baton_port_subscribe(struct baton_port *port, const struct baton_id *session, baton_conn conn,
			  enum baton_audience audience, uint64_t after);
void baton_port_unsubscribe(struct baton_port *port, const struct baton_id *session,
			    baton_conn conn);
void baton_port_typing(struct baton_port *port, const struct baton_id *session, baton_conn conn,
		       enum baton_role role, baton_str agent_name);
/* To an agent: NOTE_PACKAGE with the case package of the session
 * (docs/wire/package.schema.json), or REFUSED. */
void baton_port_package(struct baton_port *port, const struct baton_id *session, baton_conn conn);
/* The desk (core/server/desk.c): DESK, then one CASE for each that this person sees, then
 * every change, offers, and the overview. Again: all of it again. */
struct baton_identity;
void baton_port_desk_watch(struct baton_port *port, baton_conn conn,
			   const struct baton_identity *who);
/* The desk said MORE (of no session), and what came before it has been sent. */
void baton_port_desk_more(struct baton_port *port, baton_conn conn);
/* Who watches is there for offers, or is not. */
void baton_port_desk_status(struct baton_port *port, baton_conn conn, bool available);
/* The connection's person would rather not have what he was offered. */
void baton_port_desk_decline(struct baton_port *port, baton_conn conn,
			     const struct baton_id *session);
void baton_port_desk_unwatch(struct baton_port *port, baton_conn conn);

/* The live page of an admin: OPERATIONS at once and every two seconds, until `on` is false. */
void baton_port_operations(struct baton_port *port, baton_conn conn, bool on);
/* What an admin asks for: a line of the control socket, of those that live.c lets through, in the
 * name of `who`. DONE under `client_id` says what came of it. Strings are copied. */
void baton_port_admin(struct baton_port *port, baton_conn conn, baton_str who, baton_str client_id,
		      baton_str request_json);

/* The switch of `baton demo` (demo.c): {"model":NAME,"on":true}; turning it is done in a
 * moment, look again. BATON_E_NOTFOUND on every other server. */
struct baton_buf;
int baton_port_demo(struct baton_port *port, struct baton_buf *out);
int baton_port_demo_switch(struct baton_port *port, bool on);
/* {"identity":TOKEN}: who the demonstration's customer is, signed for an hour. */
int baton_port_demo_identity(struct baton_port *port, struct baton_buf *out);

/* A fresh session id. */
struct baton_id baton_port_new_session(struct baton_port *port);

/* --- who is who (core/server/identity.c) --- */

struct baton_identity {
	enum baton_role role;           /* BATON_ADMIN sees the live page too; he is no agent */
	char agent[65], agent_name[65]; /* role AGENT or SUPERVISOR */
	char customer[65], customer_tier[65], origin[129];
	/* Signed beside it, and what the page claims: JSON objects, "" for none. */
	char name[129], email[255], key[65];
	char attributes[BATON_ATTRIBUTES_BYTES_MAX + 1], claimed[BATON_ATTRIBUTES_BYTES_MAX + 1];
	char auth_failed[33]; /* why an identity that was shown is not taken, "" */
};

/* The same in as few bytes as it takes, and the client's language: what belongs to a connection. */
enum who_field {
	WHO_AGENT,
	WHO_AGENT_NAME,
	WHO_CUSTOMER,
	WHO_TIER,
	WHO_ORIGIN,
	WHO_LOCALE,
	WHO_NAME,
	WHO_EMAIL,
	WHO_KEY,
	WHO_ATTRIBUTES,
	WHO_CLAIMED,
	WHO_AUTH_FAILED,
	WHO_FIELDS
};
struct baton_who;
/* To be freed with baton_free(). */
struct baton_who *baton_who_new(const struct baton_identity *identity, baton_str locale);
/* The same who speaks another language. */
struct baton_who *baton_who_in(const struct baton_who *who, baton_str locale);
baton_str baton_who_text(const struct baton_who *who, enum who_field field); /* "" for none */
void baton_who_texts(const struct baton_who *who, baton_str ret[WHO_FIELDS]);
enum baton_role baton_who_role(const struct baton_who *who);
void baton_who_identity(const struct baton_who *who, struct baton_identity *ret);

enum { BATON_TICKET_TEXT = 43, BATON_RESUME_TEXT = 43 };
/* A single-use ticket for `identity`, base64url, good for BATON_TICKET_MS. 0 or BATON_E_RATE. */
int baton_port_ticket_make(struct baton_port *port, const struct baton_identity *identity,
			   char text[BATON_TICKET_TEXT + 1]);
/* Uses it up. 0, or BATON_E_AUTH (unknown, used, expired), BATON_E_ORIGIN (made for another
 * origin; `origin` NULL-p means: do not compare). */
int baton_port_ticket_take(struct baton_port *port, baton_str ticket, baton_str origin,
			   struct baton_identity *ret_identity);
/* Proof that its holder opened the session: HMAC-SHA256 of the id, base64url. */
void baton_port_resume_token(struct baton_port *port, const struct baton_id *session,
			     char text[BATON_RESUME_TEXT + 1]);
bool baton_port_resume_ok(struct baton_port *port, const struct baton_id *session, baton_str token);
/* 0 and the agent's identity, or BATON_E_AUTH; constant time in the token. */
int baton_port_agent_token(struct baton_port *port, baton_str token,
			   struct baton_identity *ret_identity);

/* Whether somebody's word was taken: both "" if it was, or if none was given. Static strings. */
struct baton_identity_answer {
	const char *refused, *hint; /* a word; what the integrator does about it */
};
/* What a page shows of its customer; views, each may be empty. */
struct baton_identity_shown {
	baton_str token;    /* a JWT; or: */
	baton_str id, hash; /* hash: hex HMAC-SHA256 of the id */
	baton_str claimed;  /* a JSON object that nobody has signed */
};
/* Fills in the customer's part of `ret`, whatever is shown: a word that is not taken leaves an
 * anonymous customer and `auth_failed`. */
struct baton_identity_answer baton_port_customer(struct baton_port *port,
						 const struct baton_identity_shown *shown,
						 struct baton_identity *ret);
/* 0 and the identity of an agent of the live policy, or BATON_E_AUTH and why. */
int baton_port_agent_jwt(struct baton_port *port, baton_str token,
			 struct baton_identity *ret_identity, struct baton_identity_answer *ret);
enum { BATON_LOGIN_TEXT_MAX = 255 };
/* What the cookie of a login holds: characters a cookie may have. 0, or BATON_E_AUTH if the agent
 * is not in the live policy. */
int baton_port_login_make(struct baton_port *port, const struct baton_identity *agent,
			  char text[BATON_LOGIN_TEXT_MAX + 1], uint64_t *ret_expires_ms);
/* 0 if it is ours, not over, and the live policy has that agent in that role; else BATON_E_AUTH. */
int baton_port_login_check(struct baton_port *port, baton_str text,
			   struct baton_identity *ret_identity, uint64_t *ret_expires_ms);
/* "customer", "agent", "supervisor", "admin". */
const char *baton_port_role_word(enum baton_role role);
/* True if a page of this origin is one of ours: the origin is our Host header's. */
bool baton_port_origin_self(baton_str origin, baton_str host);
/* True if the live policy lists this Origin header value, or it is the server's own. `host` is
 * the Host header. */
bool baton_port_origin_ok(struct baton_port *port, baton_str origin, baton_str host);
/* What a customer is told about who answers, before the first word of a bot; never "". */
const char *baton_port_disclosure(struct baton_port *port);
const char *baton_port_greeting(struct baton_port *port); /* of the live policy; may be "" */

/* Files that customers and agents may send, by the live policies; bytes 0: none. The types are good
 * during the call. */
struct baton_file_limits {
	uint64_t bytes; /* of one */
	const char *const *types;
	size_t n_types;
};
struct baton_file_limits baton_port_file_limits(struct baton_port *port);

/* --- files and transcripts (core/server/attach.c, script.c) --- */
/* Their functions that touch the disk are for jobs, not for the loop: see files.h. */
struct baton_files *baton_port_files(struct baton_port *port);
struct baton_port_upload {
	struct baton_id session;
	uint64_t bytes;
	baton_str name;
	const char *agent; /* "": the customer */
};
/* Reserves a place, by the limits of the live policies. As baton_upload_new(), and
 * BATON_E_DENIED: no files are taken. */
int baton_port_upload_new(struct baton_port *port, const struct baton_port_upload *ask,
			  struct baton_upload **ret_upload);
/* A file that a message of this conversation may name: uploaded within the last hour, by this agent
 * ("": by the customer). */
bool baton_port_attachment(struct baton_port *port, const struct baton_id *session, baton_str id,
			   baton_str agent, struct baton_file_info *ret_info);

/* A conversation as its customer may see it, page by page. */
struct baton_script;
enum baton_script_format { BATON_SCRIPT_TEXT, BATON_SCRIPT_HTML, BATON_SCRIPT_JSON };
struct baton_script *baton_port_script(struct baton_port *port, const struct baton_id *session,
				       enum baton_script_format format);
/* [job] Appends the next page. 0; BATON_E_NOTFOUND, _ERASED, _CORRUPT, _IO. The last page
 * comes with *ret_last. */
int baton_script_next(struct baton_script *script, struct baton_buf *out, bool *ret_last);
void baton_script_free(struct baton_script **script); /* [job, or loop] NULL-tolerant */
/* The policy of a page of it, as a header's value. Static. */
const char *baton_script_csp(enum baton_script_format format);

/* Members of an agent's welcome, each with a comma before it: the queues, and the prepared
 * replies of those that the agent works on. */
struct baton_buf;
void baton_port_desk_words(struct baton_port *port, baton_str agent, struct baton_buf *out);

/* --- what /readyz and /metrics show --- */
/* Prometheus text exposition of everything. */
void baton_port_metrics(struct baton_port *port, struct baton_buf *out);
/* JSON of all parts; returns true if intake works (journal healthy, not draining). */
bool baton_port_ready(struct baton_port *port, struct baton_buf *out);
bool baton_port_draining(struct baton_port *port);
/* False only for measurements: then a connection may send as fast as it likes. */
bool baton_port_rate_limited(const struct baton_port *port);
void baton_port_count(struct baton_port *port, unsigned metric,
		      uint64_t add); /* core/observe/metrics.def */

/* Directory of the web files (widget, console, shop). */
const char *baton_port_web_dir(struct baton_port *port);
/* The listening socket of this worker: bound, SO_REUSEPORT, non-blocking. */
int baton_port_listen_fd(struct baton_port *port);
