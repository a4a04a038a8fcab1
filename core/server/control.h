/* SPDX-License-Identifier: Apache-2.0 */

/* The admins' door: a Unix socket in the data folder, DATA/control.sock, 0600, one JSON object per
 * line each way (docs/CONTROL.md). It has its own thread and loop; what concerns sessions goes to
 * their workers by letter. The same thread keeps the operations log. Internal to core/server.
 */
#pragma once

#include "core/server/control_request.h"
#include "core/server/worker.h"

/* Index of this thread where others have a worker's: in the names of conversations. */
enum {
	CONTROL_WORKER = 255,
	CONTROL_CONNS_MAX = 16,
	CONTROL_WINDOWS_MAX = 64,          /* requests of live pages under way */
	CONTROL_TALKS_MAX = 256,           /* conversations of one connection */
	CONTROL_OUT_PAUSE = 1024 * 1024,   /* unsent bytes; then no further line is answered */
	CONTROL_OUT_MAX = 8 * 1024 * 1024, /* ... by facts; then the reader is given up */
	CONTROL_PARTIAL_MS = 10000,        /* a line that was begun is to be finished */
	CONTROL_SILENT_MS = 600000         /* a connection that says nothing and has nothing open */
};

struct control_conn {
	struct control *control;
	uint64_t number; /* never used twice */
	int fd;
	uint64_t watch, timer;
	bool reads, writes; /* what the watch waits for */
	bool busy;          /* an answer is being made: the next line waits */
	bool eof;           /* the other side has said all it will say */
	bool closing;       /* once everything is sent */
	bool broken;        /* at once */
	unsigned bad;
	uint64_t answered, timed; /* lines so far; the line that the clock runs for, 0: for none */
	char by[BATON_NAME_BYTES_MAX + 1]; /* who: the account of the other process */
	struct baton_buf in, out;
	struct live_question *asked; /* one request of the live page: it has no socket, fd is -1 */
	struct conversation *talks;
	unsigned n_talks;
	char held[BATON_DRILLS_MAX]
		 [BATON_NAME_BYTES_MAX + 1]; /* drills that end with it, "" free */
	struct control_conn *prev, *next;
};

struct control {
	struct baton_server *server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t told;
	int started; /* under the lock: 1 up, <0 why not */
	bool running;
	struct baton_loop *loop;
	int dir_fd, listen_fd;
	uint64_t listen_watch;
	struct control_conn *conns;
	unsigned n_conns, n_windows; /* those with a socket, those without */
	uint64_t last_conn, last_talk;
	struct conversation *talks;    /* of all connections, by number */
	struct erasing *erasings;      /* control_erase.c */
	struct baton_release *live;    /* while a line is answered */
	struct operations *operations; /* of this thread; NULL: the log could not be read */
	struct dir_watch *dir_watch;   /* policies and modules, if they are watched */
	struct live *page;             /* the live page of admins: live.h */
	_Atomic(uint64_t) dropped;     /* events it had no room for */
};

/* --- control.c --- */
/* Starts the thread; the socket is there when it returns. 0, BATON_E_STATE (somebody answers on it), _IO. */
int control_start(struct baton_server *server);
/* Ends the thread; nobody hears anything more. Its loop stays for letters until control_free(). */
void control_stop(struct baton_server *server);
void control_free(struct baton_server *server);
/* A connection without a socket, for one request: its answer goes to live_answered(), then it is gone.
 * NULL: there are too many. */
struct control_conn *control_conn_window(struct control *control, struct live_question *asked,
					 const char *by);
struct control_conn *control_conn_find(struct control *control, uint64_t number);
/* An answer or a fact, without the newline. */
void control_send(struct control_conn *conn, const struct baton_buf *line);
/* The answer that `busy` waited for has been sent. */
void control_goes_on(struct control_conn *conn);

/* --- control_verbs.c --- */
void control_answer(struct control_conn *conn, baton_str line);
/* The connection goes: so do the drills it holds. */
void control_drop_held(struct control_conn *conn);
/* `{"ok":true,"do":...` and the tag; what follows it ends with control_end(). */
void control_begin(const struct control_request *request, bool ok, struct baton_buf *line);
void control_end(struct control_conn *conn, struct baton_buf *line);
/* Who did what, for the logs. */
void control_note(struct control_conn *conn, const char *action, baton_str subject, baton_str why);
/* {"ok":false,...}; `request` may be NULL. */
void control_refuse(struct control_conn *conn, const struct control_request *request, int code,
		    const char *hint);

/* --- control_release.c: releases and modules; the answers of most come from the loader --- */
/* Members of what the loader knows, under their names: `,"live":42,...`. NULL behind the last. */
void control_put_releases(struct baton_server *server, const char *const *names,
			  struct baton_buf *line);
void control_change(struct control_conn *conn, const struct control_request *request);
void control_releases(struct control_conn *conn, const struct control_request *request);
void control_modules(struct control_conn *conn, const struct control_request *request);
void control_why_live(struct control_conn *conn, const struct control_request *request);
void control_forgive(struct control_conn *conn, const struct control_request *request);

/* --- control_erase.c --- */
void control_erase(struct control_conn *conn, const struct control_request *request);
/* True if the notice was for an erasure. */
bool control_erase_hear(struct control *control, uint64_t number, struct baton_notice *notice);
/* At the end. */
void control_erase_drop(struct control *control);

/* --- converse.c --- */
void converse_open(struct control_conn *conn, const struct control_request *request);
void converse_say(struct control_conn *conn, const struct control_request *request);
/* The connection goes: so do its conversations, as windows that are shut. */
void converse_leave_all(struct control_conn *conn);
/* [any] A notice for one of the conversations. */
void control_notify(struct control *control, baton_conn conn, struct baton_notice *notice);
