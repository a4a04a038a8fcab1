/* SPDX-License-Identifier: Apache-2.0 */

/* One session at work: its state, what it has in flight, who follows it. Internal to core/actor.
 *
 * The state runs ahead of the disk: a command is decided against what earlier commands will have
 * done, and its events are queued behind theirs. Nothing is told to anybody before it is committed.
 * If a commit fails, everything behind it fails too; the actor then refuses commands, and RETRY_MS
 * later forgets its state, reads it back, and takes up a turn that is still open.
 */
#pragma once

#include "core/actor/shard.h"
#include "core/base/table.h"

struct subscriber {
	baton_conn conn;
	enum baton_audience audience;
	bool live;      /* caught up: hears what is committed */
	bool auth_told; /* that its identity was refused is on record */
};

/* Somebody waits to hear that `seq` is durable. */
struct waiter {
	struct waiter *next;
	baton_conn conn;
	baton_str client_id; /* empty: hears only of a refusal */
	const char *verb_name;
	uint64_t seq;
};

/* One append in flight. */
struct commit {
	struct commit *next;
	uint64_t ticket, last_seq, begun_ns;
	struct baton_event *events; /* in the arena, to be told once they are durable */
	size_t n_events;
	struct baton_arena arena;
	baton_conn sender;         /* of the customer's message among them */
	struct baton_notice *desk; /* the case as it is after it, NULL: unchanged */
	uint64_t ends_turn;        /* the turn whose outcome is in it, 0: none */
	bool erases, touches_case; /* touches: newer words of a case that waits, nothing else */
	bool moves_case;           /* to a queue or a person: help for agents may be wanted */
	bool had_reply;            /* somebody had answered the customer before it */
	uint64_t waiting_since_ms; /* unix ms of the oldest message without a reply before it, 0: none */
	struct waiter *waiters;    /* in the arena */
};

/* What most sessions never have: calls outside of a turn, summaries, help for agents. */
struct aside {
	struct { /* tools.c */
		struct baton_run *run;
		struct baton_release *release; /* pinned by it */
		bool in_run;
	} tools;

	struct { /* of older lines, for prompts; summary.c */
		bool in_run, due;
		struct baton_run *run;
		struct baton_release *release; /* pinned by it */
		uint64_t tried; /* seq of the newest line when one was begun last */
	} summary;

	struct { /* assist.c */
		struct baton_run *run;
		struct baton_release *release; /* pinned by it */
		bool in_run;
		bool due; /* a write-up is to be made in a moment */
		baton_conn conn; /* who asked for the suggestion that runs, 0: nobody */
		/* The suggestion that waits until the write-up is done; nobody: 0. */
		baton_conn next_conn;
		char *next_agent;
	} assist;
};

/* What each message touches comes first: with a thousand sessions every line of the cache is cold.
 * Idle customers have one each, so its size counts. */
struct baton_actor {
	struct baton_id id;
	uint64_t number;
	struct baton_actor *next_by_number, *next_by_id; /* of its chains */
	struct baton_shard *shard;
	struct baton_session *state; /* NULL: cold */
	struct commit *commits;      /* oldest first */
	struct subscriber *subscribers;
	unsigned n_subscribers, n_commits;

	struct subscriber one; /* where the first one is kept: mostly there is no other */
	uint64_t committed_seq, touched_ns;
	uint64_t serial; /* of tickets */
	int failed;      /* why a commit failed; refuses until nothing is in flight */
	bool in_run;     /* the run's steps are on the stack: do not free it */
	bool run_shown;  /* what it rests on is durable: the customer may see what it does */
	bool has_place;
	bool had_case; /* when the state left memory, it was not the bot's */
	bool is_stale; /* the desk has not seen the newest words */
	bool case_due; /* it shall with the next commit */
	struct baton_actor *prev, *next; /* in shard->hot, least recently used first */

	struct baton_run *run;
	struct baton_release *release; /* pinned by the run */

	union { /* to be read by anybody; whoever writes asks actor_aside() for it */
		const struct aside *aside;
		struct aside *own_aside;
	};

	uint64_t run_rests_on; /* seq of the newest event when it began: its message, or what reopened it */
	uint64_t snapshot_seq;
	struct baton_queue_place *place; /* what who waits was told last; NULL: never waited */
	struct baton_actor *stale_next; /* in shard->stale */
};

/* A target that is asked whether it is well again. */
struct probe {
	uint64_t ticket; /* 0: none is asked */
	uint64_t serial; /* of tickets */
	uint64_t lease, asked_ns, first_ms, cost_microusd;
	const struct baton_target *target; /* of the pinned release */
	struct baton_release *release;
	bool words;
};

struct baton_shard {
	struct baton_seam seam;
	struct probe probe;
	struct baton_actor *hot;
	struct { /* numbers rise, so they spread by themselves */
		struct baton_actor *by_id, *by_number;
	} *chains;
	size_t n_chains, n_actors; /* chains: a power of two, never fewer than actors */
	struct baton_actor *stale; /* whose case the desk is told of in a moment */
	struct baton_buf scratch;  /* payloads of the append that is being put together */
	struct baton_says says;    /* of `says_of`: what it says does not change */
	const struct baton_policy *says_of;
	uint64_t last_number, n_runs;
	uint64_t n_assists; /* help for agents that runs */
	uint64_t n_cooled;  /* sessions that left memory since it was tidied */
	bool draining;
};

/* All actors; the one at hand may go meanwhile, but none may come. */
#define ACTOR_EACH(shard, chain, actor, after)                         \
	for (size_t chain = 0; chain < (shard)->n_chains; chain++)     \
	LL_FOREACH_SAFE2((shard)->chains[chain].by_number, actor, after, next_by_number)

/* Timers and tickets carry the actor's number. */
#define ACTOR_TICKET_BITS 20
#define ACTOR_OF(key) ((key) >> ACTOR_TICKET_BITS)
enum { TIMER_RUN = 1, TIMER_RETRY = 2, TIMER_ASSIST = 5, TIMER_TOOLS = 6, TIMER_SUMMARY = 7, SWEEP_MS = 1000, RETRY_MS = 500, DESK_MS = 200 };
/* Timers of the shard itself: no actor has number 0. */
enum { SWEEP_KEY = 0, DESK_KEY = 1 };

/* --- actor.c --- */
struct baton_actor *actor_find(struct baton_shard *shard, const struct baton_id *id);
struct baton_actor *actor_of_number(struct baton_shard *shard, uint64_t number);
struct baton_actor *actor_get(struct baton_shard *shard,
			      const struct baton_id *id); /* makes a cold one */
void actor_free(struct baton_actor *actor);
/* What is beside its turns, to be written: there is something of it from now on. */
struct aside *actor_aside(struct baton_actor *actor);
uint64_t actor_key(struct baton_actor *actor, uint64_t low);
uint64_t actor_ticket(struct baton_actor *actor);
/* State in memory: from the snapshot and the events behind it. 0, BATON_E_NOTFOUND (no such session
 * yet: the state is empty), or why it cannot be read. */
int actor_load(struct baton_actor *actor);
void actor_touch(struct baton_actor *actor);
/* Forgets the state, keeps the actor: after a failed commit the truth is on disk. */
void actor_reset(struct baton_actor *actor);
/* Out of memory if nothing is going on; the actor itself goes if nobody follows it. */
void actor_cool(struct baton_actor *actor);

/* --- commit.c --- */
/* Decides, applies, queues. `conn` hears of it. 0 or the refusal (already told). */
int actor_take(struct baton_actor *actor, baton_conn conn, const struct baton_command *command);
void actor_committed(struct baton_actor *actor, int rc);
void commit_free(struct commit *commit);

/* --- meter.c --- */
/* Before the commit's events are applied: what they will be measured against. */
void meter_before(const struct baton_actor *actor, const struct baton_decision *decision,
		  struct commit *commit);
/* One of its events is durable. */
void meter_event(const struct baton_actor *actor, const struct commit *commit,
		 const struct baton_event *event);

/* --- tell.c --- */
void tell_one(struct baton_actor *actor, baton_conn conn,
	      struct baton_notice *notice); /* takes it */
void tell_event(struct baton_actor *actor, const struct baton_event *event, baton_conn except);
void tell_all(struct baton_actor *actor, struct baton_notice *notice); /* takes it */
void tell_refused(struct baton_actor *actor, const struct waiter *waiter, int code);
void tell_ack(struct baton_actor *actor, const struct waiter *waiter);
/* An answer in progress, from its first byte. */
void tell_run(struct baton_actor *actor, baton_conn conn);
struct subscriber *actor_subscriber(struct baton_actor *actor, baton_conn conn);
struct subscriber *actor_follow(struct baton_actor *actor, baton_conn conn,
				enum baton_audience audience);
void actor_replay(struct baton_actor *actor, struct subscriber *subscriber, uint64_t after);
struct baton_notice *actor_case_notice(const struct baton_actor *actor);
/* Newer words of a waiting case: the desk sees them within DESK_MS, and once however many there are. */
void tell_desk_soon(struct baton_actor *actor);
void tell_desk_now(struct baton_actor *actor);
void tell_desk_stale(struct baton_shard *shard); /* the moment has come */

/* --- people.c --- */
/* 0, or why the policies do not let this person do that. */
int people_may(const struct baton_actor *actor, const struct baton_policy *policy,
	       const struct baton_command *command);
bool people_present(const struct baton_actor *actor);
/* Followers have come or gone: the desk is told if that is news of an open case. */
void people_presence(struct baton_actor *actor, bool was_present);
void people_tell_place(struct baton_actor *actor, const struct subscriber *subscriber);

/* --- probe.c --- */
/* Once a second: begins a probe if one is wanted, ends one that takes too long. */
void probe_sweep(struct baton_shard *shard);
void probe_stop(struct baton_shard *shard);
bool probe_is(const struct baton_shard *shard, uint64_t ticket);
void probe_heard_delta(struct baton_shard *shard, uint32_t kind, baton_str data);
void probe_heard_usage(struct baton_shard *shard, const baton_usage *usage);
void probe_heard_end(struct baton_shard *shard);
void probe_heard_fail(struct baton_shard *shard, const baton_error *error);

/* --- runs.c --- */
void actor_run_start(struct baton_actor *actor); /* if a turn is open and nothing runs */
void actor_run_go(struct baton_actor *actor);
void actor_run_cancel(struct baton_actor *actor, uint32_t why);
/* Something has become durable: shows what the run does once its message and the outcome of the turn
 * before are. One answer at a time is on the screen. */
void actor_run_show(struct baton_actor *actor);
extern const struct baton_run_ops actor_run_ops;

/* --- assist.c: help for agents --- */
/* An agent asks for a reply. Told when it cannot be; else it comes as draft_proposed. */
void actor_suggest(struct baton_actor *actor, baton_conn conn, baton_str agent);
/* A case has changed hands, on disk: its write-up is made in a moment if it has none. */
void actor_writeup_soon(struct baton_actor *actor);
/* TIMER_ASSIST. */
void actor_assist_timer(struct baton_actor *actor);
void actor_assist_go(struct baton_actor *actor);
/* Whatever is being done belongs to hands that do not have the case any more. `code` is for who waits
 * for a suggestion. */
void actor_assist_cancel(struct baton_actor *actor, int code);
void actor_assist_refused(struct baton_actor *actor, int code);
/* Something runs or is about to: the actor stays. */
bool actor_assist_busy(const struct baton_actor *actor);

/* --- tools.c: calls outside of a turn --- */
/* Begins what is due, if nothing is under way. */
void actor_tools_start(struct baton_actor *actor);
/* TIMER_TOOLS, and when something that it waits for has come. */
void actor_tools_go(struct baton_actor *actor);
/* The turn that runs is void, and has begun something outside: only that goes on. */
void actor_tools_adopt(struct baton_actor *actor);
/* The server ends, or the state is not to be trusted: as if it had been killed. */
void actor_tools_cancel(struct baton_actor *actor);
bool actor_tools_busy(const struct baton_actor *actor);

/* --- summary.c --- */
/* Something has become durable: older lines are summed up in a moment if it is time for that. */
void actor_summary_soon(struct baton_actor *actor);
/* TIMER_SUMMARY. */
void actor_summary_timer(struct baton_actor *actor);
void actor_summary_go(struct baton_actor *actor);
void actor_summary_cancel(struct baton_actor *actor);
/* Something runs or is about to: the actor stays. */
bool actor_summary_busy(const struct baton_actor *actor);

/* --- package.c --- */
/* The case package of what is durable, and with `ahead` of what is on its way there; the caller frees
 * it. NULL: the log cannot be read. */
struct baton_package *actor_package(struct baton_actor *actor, bool ahead);
