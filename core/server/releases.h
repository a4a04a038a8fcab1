/* SPDX-License-Identifier: Apache-2.0 */

/* The books of the loader: which releases there are and in what state, which were good and can come
 * back, what modules that are gone have counted; and what is told of it. Internal to the loader. */
#pragma once

#include "core/module/meter.h"
#include "core/module/shelf.h"
#include "core/server/crew.h"
#include "core/server/loader.h"

enum { BOOK_WHY_MAX = 512, PAST_MAX = 16, COUNTED_MAX = 256 };

enum book_state { BOOK_STAGED, BOOK_CANARY, BOOK_LIVE, BOOK_DRAINING };

/* A release that somebody may be served by, or will be. */
struct book {
	struct loader *loader;
	struct baton_release *release; /* counted */
	uint64_t number;
	enum book_state state;
	uint64_t since_ms;         /* unix: of the state */
	uint64_t began_us;         /* monotonic: of the change that made it */
	uint64_t timer;            /* draining: its time is up */
	unsigned waits;            /* draining: workers that it still runs on */
	bool was_live, shut;
	unsigned files_changed, modules_changed;
	char sha12[13];
	struct book *prev, *next; /* newest first */
};

/* A release that was live and is gone. */
struct past {
	uint64_t number, ended_ms;
	struct baton_policy *policy; /* counted */
	char sha12[13];
	struct past_module {
		char name[BATON_NAME_BYTES_MAX + 1];
		uint8_t sha256[32];
	} *modules;
	size_t n_modules;
};

/* What generations that are gone have counted, by the module's name: counters never go back. */
struct counted {
	char name[BATON_NAME_BYTES_MAX + 1];
	struct baton_meter meter;
};

struct change;

struct queued {
	struct loader_request request;
	struct loader_asker asker;
	struct queued *next;
};

struct loader {
	struct baton_server *server;
	pthread_t thread;
	struct baton_loop *loop;
	bool running;
	struct baton_shelf *shelf;
	struct figures *figures; /* figures.h */

	/* Of the loader's thread; the books and the trial also of who holds the lock. */
	struct change *change; /* the one that goes on */
	uint64_t tick;
	uint64_t rolled_back_ms; /* monotonic: the last canary that was; 0: none */

	pthread_mutex_t lock; /* what follows */
	struct book *books;
	struct book *live, *candidate;
	struct past past[PAST_MAX]; /* newest first */
	size_t n_past;
	struct baton_trial trial;
	uint32_t share_ppm;        /* of the canary */
	uint64_t trial_violations; /* of the candidate's own modules, counted into the trial so far */
	struct counted *counted;
	size_t n_counted;
	struct queued *line, **line_end;
	unsigned n_line;
	bool stopping;

	_Atomic(const struct baton_release *) on_trial; /* a canary serves; NULL: none */
	_Atomic(unsigned) quarantined; /* files; the shelf has which */
	_Atomic(uint64_t) swaps, refused, rolled_back;  /* since the start */
	_Atomic(uint64_t) staging; /* number of the release that is being staged; 0: none */
};

/* --- releases.c --- */
const char *book_state_name(enum book_state state);
struct book *book_new(struct loader *loader, struct baton_release *release);
struct book *book_of(struct loader *loader, uint64_t number);
void book_set(struct loader *loader, struct book *book, enum book_state state);
/* Nobody is served by it any more: if it was live, it can come back. */
void book_end(struct loader *loader, struct book *book, unsigned keep);
void books_free(struct loader *loader);
void past_forget(struct loader *loader, size_t keep);

/* A module's generation goes: what it has counted stays. [any] */
void loader_counted(struct loader *loader, struct baton_meter *meter);

/* --- release_log.c: what is told of it [any] --- */
struct release_news {
	uint64_t number;
	const char *state, *cause, *by, *why, *sha12;
	uint64_t ms;
	baton_str values; /* JSON or empty */
};
void release_log(struct loader *loader, const struct release_news *news);
/* A step of a generation: struct baton_stage_options, step; `ud` is the loader. */
void release_log_step(void *ud, const struct baton_module_step *step);

/* --- crashed.c: struct baton_stage_options, crashed; `ud` is the loader --- */
void loader_crashed(void *ud, const struct baton_module_crash *crash);

/* --- a change [loader] --- */
struct change {
	struct loader *loader;
	struct loader_request request;
	struct loader_asker asker;
	uint64_t begin_us, step_us;
	struct book *book;         /* what is being brought in */
	struct baton_buf findings; /* inside of a JSON array */
	unsigned n_findings;
	char first[BOOK_WHY_MAX]; /* of the errors found in the policies */
	char tried[BOOK_WHY_MAX]; /* what recorded conversations say of it; "": nothing */
};

/* change.c */
/* Takes the next request of the line, if nothing goes on. */
void change_next(struct loader *loader);
/* The server stops: whoever waits is answered. */
void change_abandon(struct loader *loader);
/* Time passes: a canary's verdict. */
void change_tick(struct loader *loader);
/* The first release of the process is staged, and goes through the workers. */
void change_boot(struct loader *loader, struct book *book, const struct loader_asker *asker);

uint64_t change_now_us(void);
uint64_t change_live_number(const struct loader *loader);
/* A step has ended: the asker hears. */
void change_step(struct change *change, const char *module, const char *state);
/* From here on steps of files, told by this thread, are the change's own; NULL: they are nobody's. */
void change_stages(struct change *change);
/* [any] */
void change_heard_step(const struct baton_module_step *step);
void change_log(struct change *change, const struct book *book, const char *state, const char *why,
		baton_str values);
/* The change is over; the next one may begin. `change` is gone. */
void change_answer(struct change *change, int code, const char *text, baton_str json);
__attribute__((format(printf, 3, 4))) void change_refuse(struct change *change, int code,
							   const char *fmt, ...);
void change_go_live(struct change *change);
void change_go_canary(struct change *change);
/* The candidate goes, whatever it was. */
void change_withdraw(struct change *change, const char *state, const char *why);
/* Its modules that `unlike` has not (NULL: all) are in this state now; the step took `us`. */
void change_tell_modules(struct loader *loader, const struct book *book,
			 const struct baton_release *unlike, const char *state, uint64_t us);
/* The release serves nobody new, and ends when its turns have. */
void change_let_go(struct loader *loader, struct book *book);

/* bring_in.c */
void change_bring_in(struct change *change);
/* The workers have it: change->book. */
void change_adopt(struct change *change);

/* tried.c */
/* Tries recorded decisions on change->book. 0, or BATON_E_POLICY and others with one line. */
int change_try(struct change *change, char *why, size_t cap);

/* loader.c */
/* After the shelf's quarantine changed. Reads it: not on a worker's thread. [any] */
void loader_count_quarantine(struct loader *loader);
uint64_t loader_next_number(struct loader *loader);
/* It is taken: the next one is another. */
void loader_use_number(struct loader *loader, uint64_t number);
/* What a stage needs to know of the server; `run_dir` has 4096 bytes. */
void loader_stage_options(struct loader *loader, char *run_dir, struct baton_stage_options *ret);
