/* SPDX-License-Identifier: Apache-2.0 */

/* The simulation: the very code of sessions, turns, routes and shards, in a world that one seed owns.
 *
 * Time is a number, the disk may fail or the power go at any commit, models are slow, cut or dead,
 * customers drop, repeat and come back, agents take over at any moment. After everything that
 * happens the promises are checked; what a run did is folded into a hash, so that one seed is one
 * run, always.
 */
#pragma once

#include "core/actor/shard.h"
#include "core/base/assert.h"
#include "core/base/table.h"
#include "core/desk/desk.h"
#include "core/route/board.h"
#include "core/swap/trial.h"

enum { SIM_TURN_MICROUSD = 700 }; /* what one turn may cost */
enum { SIM_SHARDS = 2, SIM_CUSTOMERS = 6, SIM_AGENTS = 3, SIM_CAPACITY = 2, SIM_SUPERVISOR = 2, SIM_UNPROVED = 1, SIM_SIGNED = 2, SIM_TARGETS = 3, SIM_FOLLOWERS = 6 };

#define MS 1000000ull

/* --- the world: clock, chance, and everything that is still to come (world.c) --- */

struct sim;
typedef void sim_fn(struct sim *sim, void *what);

enum due_kind { DUE_WORLD, DUE_TIMER, DUE_CALL, DUE_BOARD, DUE_DESK };
struct due {
	uint64_t at_ns, order;
	sim_fn *fn;
	void *what;          /* freed by `fn`, or by drop_all through sim_free() */
	unsigned generation; /* of the process that waits for it; 0: survives a crash */
	uint64_t key;        /* to find it again: timers, calls */
	enum due_kind kind;
};

struct sim_shard {
	struct sim *sim;
	unsigned index;
	struct baton_shard *shard;
};

struct message { /* of a customer: the outbox never forgets */
	char id[24];
	char text[64];
	bool acked, stored;
	uint64_t acked_seq, made_ns, acked_ns;
	baton_conn first_conn, asked_conn; /* that ever sent it; that sent it last */
	uint64_t asked_ns;
	unsigned unanswered; /* of that connection's */
};

struct customer {
	struct sim *sim;
	unsigned index;
	struct baton_id session;
	baton_conn conn; /* 0: offline */
	uint64_t n_conns; /* that he has had */
	bool caught_up;
	uint64_t seen;      /* highest seq, in ev or ack */
	uint64_t conn_seen; /* highest event seq on this connection */
	struct message *messages;
	size_t n_messages;
	bool has_tabs;
	bool began; /* something of it has been acknowledged or seen */
	bool wants_person;
	uint64_t wants_since_ns;
	uint64_t turn, attempt, bytes; /* deltas as they came on this connection */
};

struct agent {
	struct sim *sim;
	unsigned index;
	char id[16], name[16];
	baton_conn conn;
	uint64_t serial;
};

struct shown_case {
	enum baton_case_state state;
	uint64_t rank, priority, since_ms;
	bool shown, offered, mine, in_general;
};

struct console { /* of an agent: what he is shown of the desk (desk.c) */
	struct sim *sim;
	unsigned index;  /* of the agent */
	baton_conn conn; /* 0: closed */
	bool available;
	uint64_t opened_ns, away_ns;
	struct shown_case cases[SIM_CUSTOMERS];
};

struct follower { /* an agent who looks on, or another tab of a customer (follow.c) */
	struct sim *sim;
	unsigned customer; /* whose session */
	char name[16];
	enum baton_audience audience;
	baton_conn conn;  /* 0: away */
	unsigned pending; /* subscriptions that were not answered yet: what comes is older */
	bool caught_up, paused;
	uint64_t told; /* newest event heard, or known not to be for it */
	unsigned sent; /* messages that this connection has sent too, as bits */
	uint64_t turn, attempt;
	struct baton_buf text; /* of the answer in progress */
};

/* --- the disk (store.c): the truth, with an independent fold of its own --- */

struct stored {
	uint64_t seq, unix_ms, epoch;
	uint32_t type, marks;
	baton_str payload; /* owned */
};
struct sim_call {
	char id[48], key[64], tool[16];
	uint64_t turn;
	bool writes, over;
};
struct sim_proposal {
	uint64_t seq, turn;
	char key[64];
	bool told;
	enum { PROPOSAL_OPEN, PROPOSAL_APPROVED, PROPOSAL_CALLED, PROPOSAL_REJECTED, PROPOSAL_VOID } state;
};
struct log {
	struct baton_id session;
	struct stored *records;
	size_t n, cap;
	/* The checker's own view, kept apart from core/session on purpose. */
	enum baton_owner owner;
	uint64_t epoch, last_message, answered, open_since_ns;
	bool disclosed, disturbed; /* a fault has hit while a message waited */
	uint64_t draft, restarts;  /* waiting for review; of the open turn */
	char agent[16];		   /* who holds it */
	char resumes[BATON_NAME_BYTES_MAX + 8]; /* held until this is back */
	uint64_t held_after;
	/* unix ms of what nobody has replied to; since when it waits for a person; 0: not so */
	uint64_t unanswered_ms, waiting_ms;
	char queue[16], to_agent[16];
	bool ticket, given_up, gave_up_told; /* left an address; went away; that is on record */
	uint64_t answers, offered_at;        /* of the stretch; when a person was offered last */
	bool verified;                       /* who the customer is has been signed */
	uint64_t auth_failures;
	struct sim_call *calls; /* of tools */
	size_t n_calls;
	struct sim_proposal *proposals;
	size_t n_proposals;
	uint64_t calls_turn, calls_in_turn;
	uint64_t doubt; /* the message whose turn nobody knows the effects of */
	uint64_t summed_up; /* up to this seq there is a summary */
	uint64_t open_after; /* messages behind it are the bot's again if an agent gives it back */
	struct { /* of the open turn: whom it asked, and how that went */
		uint64_t turn, attempts, rounds;
		char class_name[16], target[16], route[24];
		unsigned times[SIM_TARGETS];
		uint64_t failed_ns[SIM_TARGETS], hint_ms[SIM_TARGETS]; /* "wait so long" */
		uint64_t cost_microusd, rounds_microusd; /* in all; its rounds of tools, at least */
		bool refused, any_failed;
	} asked;
	char mode[BATON_NAME_BYTES_MAX + 1]; /* that the customer was told of; "" none */
	uint64_t mode_after;                 /* the newest message then */
	struct { /* the turn that is under way, and whose it is */
		uint64_t turn, release;
		bool failed; /* something of that release did not answer well */
		bool understood;
	} on;
	struct { /* what somebody was shown of an answer that is not stored yet */
		uint64_t turn, attempt, bytes;
	} shown;
	baton_str snapshot;        /* owned */
	uint64_t snapshot_seq;
	UT_hash_handle hh;
};

/* --- releases (releases.c): their modules, policies, and who holds them --- */

enum sim_broken { /* fails whenever it is asked */
	BROKEN_CLASSIFIER = 1,
	BROKEN_RULES = 2,
	BROKEN_RETRIEVER = 4,
	BROKEN_PROVIDERS = 8,
	BROKEN_ALL = 15,
	BROKEN_TOOLS = 16, /* these two are broken alone: what a canary is drawn with is as it was */
	BROKEN_GUARDS = 32
};
struct sim_release {
	struct sim *sim;
	struct sim_release *next;
	uint64_t number;
	enum { RELEASE_CANARY, RELEASE_LIVE, RELEASE_DRAINING, RELEASE_GONE } state;
	bool lived;      /* it was live once */
	bool shut;       /* its time to drain is over */
	unsigned broken; /* sim_broken */
	uint64_t pins[SIM_SHARDS], turned;
	struct baton_policy policy;
	struct baton_arena arena;
};
struct asked { /* a call that has not ended */
	UT_hash_handle hh;
	uint64_t name, ticket;
	struct sim_shard *shard;
	struct sim_release *release;
};

struct append {
	struct append *next;
	struct sim_shard *from;
	uint64_t ticket, expected_seq, expected_epoch;
	struct baton_id session;
	struct stored records[BATON_APPEND_RECORDS_MAX];
	size_t n;
	unsigned generation;
	int rc;
};

/* --- the world behind tools (tools.c) --- */

enum tool_end {
	TOOL_ANSWERS,
	TOOL_SAYS_NO,
	TOOL_FAILS,      /* before anything was sent */
	TOOL_FAILS_LATE, /* perhaps it has been done */
	TOOL_HANGS,
	TOOL_ENDS
};
struct effect;
struct tool_call {
	struct effect *effect;
	bool writes;
	enum tool_end ends;
};

/* One conversation of the matrix (matrix.c); a storm has none. */
enum { CELL_SCENARIOS = 5, CELL_FAULTS = 14, CELL_CLASSES = 3 };
struct cell {
	unsigned scenario, fault, class_, messages, asked_main;
};
struct cell_call { /* what becomes of a call to the primary */
	uint32_t fail, scope, retry_after_ms;
	const char *code;
	unsigned words;
	bool fails, hangs, empty;
};

struct sim {
	struct cell *cell; /* NULL: a storm */
	uint64_t seed, rng[2], now_ns, wall_ms;
	uint64_t hash, happenings, order;
	struct due *heap;
	size_t n_due, cap_due;
	unsigned generation; /* of the server process; raised by a crash */
	bool up, calm;       /* calm: no more faults, everything must settle */
	bool draining;
	struct sim_shard shards[SIM_SHARDS];

	struct log *logs;
	struct append *queue; /* waiting for the writer */
	bool committing;
	int disk; /* 0, or what commits answer: BATON_E_FULL, BATON_E_IO */

	struct customer customers[SIM_CUSTOMERS];
	struct agent agents[SIM_AGENTS];
	struct follower followers[SIM_FOLLOWERS];
	struct console consoles[SIM_AGENTS];
	uint64_t last_conn;

	struct baton_policy policy; /* as every release has it: for names */
	struct baton_arena policy_arena;
	struct sim_release *releases, *live, *candidate;
	struct baton_trial trial;
	uint64_t last_release; /* outlives crashes */
	uint64_t again;        /* turns that may have been moved while the server drains */
	struct asked *asked;
	struct effect *effects; /* what tools were asked for and did, by key; outlives crashes */
	bool modules_down; /* classifier, retriever and rules fail */
	void *speaking; /* the call whose word is just being heard */
	uint64_t pins, open_calls; /* of modules: asked, not ended and not cancelled */
	uint64_t told_ns;          /* when the last commit is told */
	struct baton_desk *desk;
	struct baton_board *board;
	bool board_held;
	struct {
		uint64_t ticket, since_ns;
	} probe[SIM_SHARDS]; /* the call without a customer that is under way */
	uint64_t mode_on_ns; /* when a mode was entered last */
	uint64_t off_ns[SIM_TARGETS]; /* since when an admin has it switched off; 0: on */
	uint64_t unpaid_ns;           /* since when acme's account is closed */
	baton_str board_saved; /* on the disk; owned */
	uint64_t swept_ns;
	unsigned settled;

	struct { /* what a run has seen, so that a green one can be told from an empty one */
		uint64_t messages, acks, answers, drafts, handovers, claims, crashes,
			failed_commits, superseded, model_failures, resumes, repeats,
			human_messages, handbacks, restarts, refused, followed, pauses, tab_sends,
			drains, saved, captured, resumed, modes_on, modes_off, target_changes,
			drills, probes, targets_back, ran_out, told, published, canaries,
			promoted, rolled_back, shut, retired, moved, suggestions, writeups,
			templates, packages, offers, offers_taken, offers_missed, leases_lost, returns,
			abandoned, places, transfers, takeovers, tickets, files, labels,
			person_offered, not_proved, verified, ungrounded, unknown, plans,
			bad_plans, summaries, calls, in_doubt, proposals, approvals, rejections,
			rounds;
	} saw;
	struct { /* of what is outside (tools.c, guards.c) */
		uint64_t invoked, effects, inspected;
	} outside;
	bool trace;
};

/* world.c */
uint64_t sim_random(struct sim *sim);
uint64_t sim_below(struct sim *sim, uint64_t n);
bool sim_chance(struct sim *sim, unsigned percent);
void sim_later(struct sim *sim, uint64_t delay_ns, sim_fn *fn, void *what);
void sim_later_mine(struct sim *sim, uint64_t delay_ns, sim_fn *fn, void *what, enum due_kind kind,
		    uint64_t key);
void sim_forget(struct sim *sim, enum due_kind kind,
		uint64_t key);  /* drops what is due under a key */
struct due *sim_find(struct sim *sim, enum due_kind kind, uint64_t key);
bool sim_step(struct sim *sim); /* false: nothing is due */
void sim_drop_all(struct sim *sim);
/* Folds what happened into the hash; prints it with --trace. */
void sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b);
__attribute__((noreturn)) void sim_fail(struct sim *sim, const char *promise,
					const struct baton_id *session);
#define PROMISE(sim, e, words, session) ((e) ? (void)0 : sim_fail(sim, words, session))

/* store.c */
void store_seam(struct baton_seam *seam);
struct log *store_log(struct sim *sim, const struct baton_id *session);
void store_crash(struct sim *sim); /* what is queued is lost; snapshots perhaps */
void store_free(struct sim *sim);
const struct stored *store_record(struct sim *sim, const struct baton_id *session, uint64_t seq);

/* models.c */
void models_seam(struct baton_seam *seam);
/* Both shards number their actors from 1. */
uint64_t call_name(const struct sim_shard *shard, uint64_t ticket);
/* The call fails, whatever it was about to say. */
void call_break(struct sim_shard *shard, uint64_t ticket);

/* tools.c */
void tools_asked(struct sim *sim, const baton_tool_req *req, struct tool_call *ret);
/* What it brings; false: it fails. */
bool tools_result(struct sim *sim, const struct tool_call *tool, baton_tool_result *ret);
baton_error tools_failure(struct sim *sim, const struct tool_call *tool);
void tools_free(struct sim *sim);

/* calls.c: the promises about tools, and who asks for what */
void promise_calls(struct sim *sim, struct log *log, const struct baton_event *event);
/* The first message that led to what a person has allowed and nobody has told of; 0: none. */
uint64_t promise_untold(const struct log *log);
void promise_on_record(struct sim *sim, const baton_tool_req *req);
bool calls_wanted(struct sim *sim, const baton_prompt *prompt);
void calls_say(struct sim *sim, struct sim_shard *shard, uint64_t ticket);
struct customer *calls_case(struct sim *sim, const char *agent, struct customer *otherwise);
uint64_t calls_proposal(struct sim *sim, const struct baton_id *session);
void calls_at_the_end(struct sim *sim);

/* guards.c */
#define SIM_CARD "4111111111111111" /* what a customer gives away, and nobody outside is shown */
void guards_promise_veiled(struct sim *sim, const baton_turn *turn);
int guards_inspect(struct sim *sim, const baton_inspection *what, baton_hits *ret);

/* policy.c */
void policy_make(struct baton_policy *policy, struct baton_arena *arena);
void policy_free(struct baton_policy *policy, struct baton_arena *arena);

/* releases.c */
void releases_seam(struct baton_seam *seam);
void releases_start(struct sim *sim);
void releases_stop(struct sim *sim);
void releases_at_the_end(struct sim *sim);
/* NULL: of a process that is gone. */
struct sim_release *release_of(struct sim *sim, uint64_t number);
bool release_broken(struct sim_shard *shard, struct baton_release *release, enum sim_broken what);
/* It is live, or was and may finish what it began. */
bool release_trusted(const struct sim_release *release);
/* False: its time is over. */
bool release_open(struct sim_shard *shard, struct baton_release *release);
void release_asked(struct sim_shard *shard, struct baton_release *release, uint64_t ticket);
void release_answered(struct sim_shard *shard, uint64_t ticket);

/* server.c */
void server_start(struct sim *sim);
void server_crash(struct sim *sim);
void server_command(struct sim *sim, const struct baton_id *session, baton_conn conn,
		    const struct baton_command *command);
void server_package(struct sim *sim, const struct baton_id *session, baton_conn conn);
void server_subscribe(struct sim *sim, const struct baton_id *session, baton_conn conn,
		      enum baton_audience audience, uint64_t after);
void server_unsubscribe(struct sim *sim, const struct baton_id *session, baton_conn conn);
/* The desk says to the customer where the case stands. */
void server_place(struct sim *sim, const struct baton_id *session,
		  const struct baton_queue_place *place);
void server_typing(struct sim *sim, const struct baton_id *session, baton_conn conn,
		   enum baton_role role, const char *name);
/* A transcript was saved up to `upto`: the session is told so by the server itself. */
void server_saved(struct sim *sim, const struct baton_id *session, uint64_t upto);
/* Orderly: nobody new, open turns end, then it stops and comes back. */
void server_drain(struct sim *sim);

/* Something may have come back that this session waits for. */
void server_resume(struct sim *sim, const struct baton_id *session);

/* main.c */
void sim_begin(struct sim *sim, uint64_t seed, struct cell *cell);
void sim_end(struct sim *sim);

/* matrix.c */
int run_matrix(void);
const char *cell_intent(const struct cell *cell);
bool cell_wants_person(const struct cell *cell);
/* False: the call goes well. */
bool cell_fault(struct cell *cell, const char *provider, struct cell_call *ret);

/* board.c */
void board_seam(struct baton_seam *seam);
struct baton_now board_now(const struct sim *sim);
void board_start(struct sim *sim);
void board_stop(struct sim *sim);
void board_at_the_end(struct sim *sim);
/* Nothing runs in this process: no lease is held, no money set aside. */
void board_idle(struct sim *sim);
/* A provider is asked for words now; it said that its account is closed. */
void promise_may_be_asked(struct sim *sim, const char *target);
void board_unpaid(struct sim *sim, const char *target);
unsigned sim_target(baton_str name); /* its index */
void admins_begin(struct sim *sim);
void admins_settle(struct sim *sim);

/* words.c: what models say, and what of it nobody may hear */
enum say { SAY_PLAIN, SAY_CITED, SAY_UNCITED, SAY_INVENTED, SAY_UNKNOWN, SAY_PLAN, SAY_NO_PLAN, SAY_SUMMARY };
/* How this question is answered. */
enum say words_choose(struct sim *sim, const baton_prompt *prompt);
/* The `said`th piece of `n`, from 1. */
const char *words_piece(enum say say, unsigned said, unsigned n);
/* Somebody outside has been shown this text. */
void promise_words(struct sim *sim, const struct baton_id *session, baton_str text);
/* An event with such text has become durable. */
void promise_said(struct sim *sim, struct log *log, const struct baton_event *event);

/* people.c */
void people_begin(struct sim *sim);
void people_hear(struct sim *sim, baton_conn conn, struct baton_notice *notice);
void people_lose_server(struct sim *sim);
void people_settle(struct sim *sim); /* everybody comes back and says no more */
void people_free(struct sim *sim);

struct message *people_message(struct sim *sim, const struct baton_id *session, baton_str id);
bool people_settled(const struct sim *sim);
/* The record is the customer's message with this client id. */
bool stored_is_message(const struct stored *stored, const char *id);

/* desk.c: consoles, and what they are told */
void desk_start(struct sim *sim);
void desk_stop(struct sim *sim);
void desk_people_begin(struct sim *sim);
void desk_people_settle(struct sim *sim);
void desk_at_the_end(struct sim *sim);

/* follow.c */
void followers_begin(struct sim *sim);
void follower_hear(struct follower *follower, const struct baton_notice *notice);
void followers_lose_server(struct sim *sim);
void followers_settle(struct sim *sim);
void followers_at_the_end(struct sim *sim);
void followers_free(struct sim *sim);

/* cases.c: who has it, and what people do with it */
void promise_case(struct sim *sim, struct log *log, const struct baton_event *event);
/* The bot has it again. */
void promise_nobody_waits(struct log *log);
/* Somebody is told his place. */
void promise_place(struct sim *sim, const struct baton_notice *notice);
/* When all has settled. */
void promise_served(struct sim *sim, const struct log *log);

/* promises.c */
void promise_own(struct sim *sim, struct log *log, enum baton_owner owner, uint64_t epoch);
void promise_hold(struct log *log, const char *prefix, baton_str what);
void promise_release_hold(struct log *log);
uint64_t stored_u64(const struct stored *stored, const char *key);
/* Somebody is told the next bytes of an answer. */
/* helps.c */
void promise_suggestion(struct sim *sim, struct log *log, const struct baton_event *event);
void promise_writeup(struct sim *sim, struct log *log, const struct baton_event *event);
void promise_package(struct sim *sim, const struct baton_notice *notice);
void promise_shown(struct sim *sim, const struct baton_notice *delta);
/* The commit failed: the run that wanted it is no more. */
void promise_begins_anew(struct log *log);
void promise_committed(struct sim *sim, struct log *log, const struct baton_event *event);
void promises_at_the_end(struct sim *sim);
