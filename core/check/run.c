/* SPDX-License-Identifier: Apache-2.0 */

/* The parent: which checks there are, a process for each, what it told, which level was reached.
 *
 * A child tells lines on descriptor 3: "step ...", "note ...", "skip ...", "fail ..." and at last
 * "done". Without the last it has died, and the last step says in what. Its working directory is new
 * and empty, its environment too; what it prints goes into the report only if it failed. */
#include "core/check/inside.h"

#include "core/base/errors.h"
#include "core/module/elf.h"
#include "core/module/file.h"
#include "core/module/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOWER = 8 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SLOWER = 8 };
#else
enum { SLOWER = 1 };
#endif
#else
enum { SLOWER = 1 };
#endif

enum { SAID_BYTES_MAX = 256 * 1024, ROWS_MAX = 128, ARGS_MAX = 24 };

const struct baton_check_row baton_check_rows[] = {
#define X(name, group, kinds, seconds, isolated, fn, wants) \
	{ (name), (group), (kinds), (seconds), (isolated), (fn), (wants) },
#include "core/check/checks.def"
#undef X
};
const size_t baton_check_rows_n = sizeof(baton_check_rows) / sizeof(baton_check_rows[0]);

/* --- which --------------------------------------------------------------------------------- */

const struct baton_check_row *baton_check_row_of(const char *name)
{
	for (size_t i = 0; i < baton_check_rows_n; i++)
		if (strcmp(baton_check_rows[i].name, name) == 0)
			return &baton_check_rows[i];
	return NULL;
}

static char letter_of(const char *kind)
{
	static const struct {
		const char *kind;
		char letter;
	} letters[] = { { "provider", 'P' }, { "classifier", 'C' }, { "retriever", 'R' },
			{ "rule", 'U' },     { "transcript", 'T' }, { "tool", 'O' },
			{ "guard", 'G' } };
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (strcmp(letters[i].kind, kind) == 0)
			return letters[i].letter;
	return '?';
}

static bool named(const char *only, const char *name)
{
	while (*only) {
		size_t n = strcspn(only, ",");
		bool star = n > 0 && only[n - 1] == '*';
		if (star ? strncmp(only, name, n - 1) == 0
			 : strlen(name) == n && memcmp(only, name, n) == 0)
			return true;
		only += n + (only[n] == ',');
	}
	return false;
}

bool baton_check_wanted(const struct baton_check_row *row, const char *kind, const char *only)
{
	if (row->kinds[0] != '*' && !strchr(row->kinds, letter_of(kind)))
		return false;
	return !only || named(only, row->name);
}

void baton_check_list(struct baton_buf *out)
{
	for (size_t i = 0; i < baton_check_rows_n; i++) {
		const struct baton_check_row *row = &baton_check_rows[i];
		baton_buf_printf(out, "%-18s %-9s %-5s %s\n", row->name, row->group, row->kinds,
				 row->wants);
	}
}

/* --- one child ----------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct child {
	pid_t pid;
	int said, printed;             /* read ends */
	char dir[BATON_SCRATCH_BYTES]; /* its working directory */
};

static size_t args_make(const struct baton_check_options *o, const char *name,
			struct baton_arena *arena, char **argv)
{
	struct baton_buf text = { 0 };
	const struct {
		const char *option, *value;
	} pairs[] = { { "run", name },
		      { "config", o->config },
		      { "kind", o->kind },
		      { "cassette", o->cassette },
		      { "modhost", o->modhost } };
	size_t n = 0;
	argv[n++] = baton_arena_dup(arena, "baton", 5);
	argv[n++] = baton_arena_dup(arena, "module", 6);
	argv[n++] = baton_arena_dup(arena, "check", 5);
	argv[n++] = baton_arena_dup(arena, o->path, strlen(o->path));
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (!pairs[i].value)
			continue;
		baton_buf_reset(&text);
		baton_buf_printf(&text, "--%s=%s", pairs[i].option, pairs[i].value);
		argv[n++] = baton_arena_dup(arena, text.p, text.n);
	}
	const uint64_t numbers[] = { o->seed, o->reproduce, o->swaps };
	static const char *const names[] = { "seed", "reproduce", "swaps" };
	for (size_t i = 0; i < 3; i++) {
		if (numbers[i] == 0)
			continue;
		baton_buf_reset(&text);
		baton_buf_printf(&text, "--%s=%llu", names[i], (unsigned long long)numbers[i]);
		argv[n++] = baton_arena_dup(arena, text.p, text.n);
	}
	argv[n] = NULL;
	baton_buf_done(&text);
	return n;
}

/* The sanitizers' own settings are the tester's wish; nothing else is passed on. A crash is to be
 * seen as what it is: the signal is not theirs. */
static void environment(char **env, size_t cap, struct baton_arena *arena)
{
	static const char *const names[] = { "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS",
					     "LD_LIBRARY_PATH" };
	static const char plain[] = "handle_segv=0:handle_sigbus=0:handle_sigfpe=0";
	const char *asan = getenv("ASAN_OPTIONS");
	struct baton_buf text = { 0 };
	size_t n = 0;
	for (char **e = environ; *e; e++)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			size_t len = strlen(names[i]);
			if (strncmp(*e, names[i], len) == 0 && (*e)[len] == '=' && n + 2 < cap)
				env[n++] = *e;
		}
	baton_buf_printf(&text, "ASAN_OPTIONS=%s%s%s", asan ? asan : "", asan ? ":" : "", plain);
	if (SLOWER > 1)
		env[n++] = baton_arena_dup(arena, text.p, text.n);
	baton_buf_done(&text);
	env[n] = NULL;
}

static int spawn(struct child *child, const char *program, char **argv, const int said[2],
		 const int printed[2])
{
	struct baton_arena arena = { 0 };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	char *env[8];
	environment(env, sizeof(env) / sizeof(env[0]), &arena);
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, printed[1], 1);
	(void)posix_spawn_file_actions_adddup2(&actions, printed[1], 2);
	(void)posix_spawn_file_actions_adddup2(&actions, said[1], BATON_CHECK_FD);
	(void)posix_spawn_file_actions_addchdir_np(&actions, child->dir);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	int rc = posix_spawn(&child->pid, program ? program : "/proc/self/exe", &actions, &attr,
			     argv, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	baton_arena_done(&arena);
	return rc;
}

/* 0, or what went wrong as errno has it. */
static int child_start(struct child *child, const char *program, char **argv)
{
	int said[2], printed[2];
	if (baton_scratch_make(child->dir, "check") != BATON_OK)
		return errno;
	if (pipe2(said, O_CLOEXEC) < 0)
		return errno;
	if (pipe2(printed, O_CLOEXEC) < 0) {
		int rc = errno;
		(void)close(said[0]), (void)close(said[1]);
		return rc;
	}
	int rc = spawn(child, program, argv, said, printed);
	(void)close(said[1]), (void)close(printed[1]);
	child->said = said[0];
	child->printed = printed[0];
	return rc;
}

/* false: end of file. */
static bool take(int fd, struct baton_buf *to)
{
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));
	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0 && to->n < SAID_BYTES_MAX)
		baton_buf_add(to, bytes, (size_t)n);
	return n > 0;
}

/* Reads until both are closed or the time is over. true: in time. */
static bool listen_to(const struct child *child, uint64_t until_ms, struct baton_buf *said,
		      struct baton_buf *printed)
{
	struct pollfd fds[2] = { { .fd = child->said, .events = POLLIN },
				 { .fd = child->printed, .events = POLLIN } };
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		uint64_t now = now_ms();
		if (now >= until_ms)
			return false;
		if (poll(fds, 2, (int)(until_ms - now)) <= 0)
			continue;
		if (fds[0].revents && !take(fds[0].fd, said))
			fds[0].fd = -1;
		if (fds[1].revents && !take(fds[1].fd, printed))
			fds[1].fd = -1;
	}
	return true;
}

/* --- what it told -------------------------------------------------------------------------- */

struct told {
	bool done, skipped;
	unsigned fails;
	baton_str step;
};

static bool starts(baton_str line, const char *with, baton_str *ret_rest)
{
	size_t n = strlen(with);
	if (line.n < n || memcmp(line.p, with, n) != 0)
		return false;
	*ret_rest = (baton_str){ line.p + n, line.n - n };
	return true;
}

static void line_add(struct baton_buf *to, baton_str line)
{
	baton_buf_str(to, line);
	baton_buf_z(to, "\n");
}

static void read_told(const struct baton_buf *said, struct baton_check_report *report,
		      struct baton_buf *detail, struct told *told)
{
	const char *at = said->p, *end = at ? at + said->n : NULL;
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		baton_str line = { at, (size_t)((lf ? lf : end) - at) }, rest;
		at = lf ? lf + 1 : end;
		if (starts(line, "step ", &rest))
			told->step = rest;
		else if (starts(line, "swaps ", &rest))
			report->swaps_done = (unsigned)strtoul(rest.p, NULL, 10);
		else if (starts(line, "note ", &rest))
			line_add(detail, rest);
		else if (starts(line, "skip ", &rest))
			line_add(detail, rest), told->skipped = true;
		else if (starts(line, "fail ", &rest))
			line_add(detail, rest), told->fails++;
		else if (baton_str_is(line, "done"))
			told->done = true;
	}
}

static void how_it_died(struct baton_buf *detail, int status, bool in_time, unsigned seconds,
			const struct told *told)
{
	if (!in_time)
		baton_buf_printf(detail, "it took more than %u s", seconds);
	else if (WIFSIGNALED(status))
		baton_buf_printf(detail, "it crashed: SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		baton_buf_printf(detail, "its process ended with %d", WEXITSTATUS(status));
	if (told->step.n > 0)
		baton_buf_printf(detail, ", in: %.*s", (int)told->step.n, told->step.p);
	baton_buf_z(detail, "\n");
}

static void printed_add(struct baton_buf *detail, const struct baton_buf *printed)
{
	size_t n = printed->n < 2000 ? printed->n : 2000;
	baton_str text = baton_str_utf8_prefix((baton_str){ printed->p, n });
	if (text.n == 0)
		return;
	baton_buf_z(detail, "it printed: ");
	line_add(detail, text);
}

static int child_wait(const struct child *child, bool in_time)
{
	int status = 0;
	if (!in_time)
		(void)kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)kill(-child->pid, SIGKILL); /* what it has left running in its group */
	(void)close(child->said), (void)close(child->printed);
	return status;
}

static void run_row(const struct baton_check_options *o, const struct baton_check_row *row,
		    struct baton_check_report *report, struct baton_check_result *result)
{
	struct baton_arena arena = { 0 };
	struct baton_buf said = { 0 }, printed = { 0 };
	struct told told = { 0 };
	struct child child = { 0 };
	char *argv[ARGS_MAX];
	unsigned seconds = row->seconds * SLOWER * (o->modhost ? 2 : 1);
	uint64_t begin = now_ms();
	(void)args_make(o, row->name, &arena, argv);
	int rc = child_start(&child, o->program, argv);
	if (rc) {
		baton_buf_z(&result->detail, child.dir[0] ? "no process for it: "
							  : "no folder for it below TMPDIR: ");
		baton_buf_z(&result->detail, strerrordesc_np(rc));
		baton_buf_z(&result->detail, "\n");
		result->verdict = BATON_CHECK_FAILED;
		baton_scratch_drop(child.dir);
		baton_arena_done(&arena);
		return;
	}
	bool in_time = listen_to(&child, begin + seconds * 1000ull, &said, &printed);
	int status = child_wait(&child, in_time);
	read_told(&said, report, &result->detail, &told);
	if (!told.done)
		how_it_died(&result->detail, status, in_time, seconds, &told);
	if (!told.done || told.fails > 0)
		printed_add(&result->detail, &printed);
	result->verdict = !told.done || told.fails > 0 ? BATON_CHECK_FAILED
			  : told.skipped               ? BATON_CHECK_SKIPPED
						       : BATON_CHECK_OK;
	result->ms = now_ms() - begin;
	baton_scratch_drop(child.dir);
	baton_arena_done(&arena);
	baton_buf_done(&said);
	baton_buf_done(&printed);
}

/* --- the whole ----------------------------------------------------------------------------- */

static const char *first_kind(const struct baton_elf *elf)
{
	static const char *const kinds[] = { "provider",   "classifier", "retriever", "rule",
					     "transcript", "tool",       "guard",     "channel" };
	const char *best = NULL, *best_at = NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *at = baton_elf_has_kind(elf->kinds, kinds[i])
					 ? strstr(elf->kinds, kinds[i])
					 : NULL;
		if (at && (!best || at < best_at))
			best = kinds[i], best_at = at;
	}
	return best;
}

struct baton_check_result *baton_check_result_new(struct baton_check_report *report,
						  const char *name, const char *group,
						  const char *wants)
{
	if (!report->v)
		report->v = baton_alloc(ROWS_MAX * sizeof(*report->v));
	struct baton_check_result *r = &report->v[report->n++];
	*r = (struct baton_check_result){ .name = name, .group = group, .wants = wants };
	return r;
}

void baton_check_report_done(struct baton_check_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		baton_buf_done(&report->v[i].detail);
	baton_free(report->v);
	*report = (struct baton_check_report){ 0 };
}

static void count(struct baton_check_report *report)
{
	bool file = true, contract = true, swap = true;
	for (size_t i = 0; i < report->n; i++) {
		const struct baton_check_result *r = &report->v[i];
		bool bad = r->verdict == BATON_CHECK_FAILED;
		report->ok += r->verdict == BATON_CHECK_OK;
		report->skipped += r->verdict == BATON_CHECK_SKIPPED;
		report->failed += bad;
		if (bad && strcmp(r->group, "file") == 0)
			file = false;
		if (bad && strcmp(r->group, "contract") == 0)
			contract = false;
		if (bad && strcmp(r->group, "swap") == 0)
			swap = false;
	}
	report->level = !file                                             ? '-'
			: !contract                                       ? 'A'
			: !swap || report->swaps_done < BATON_CHECK_SWAPS ? 'B'
									  : 'C';
}

int baton_check_run(const struct baton_check_options *options,
		    void (*told)(void *ud, const struct baton_check_report *report,
				 const struct baton_check_result *result),
		    void *ud, struct baton_check_report *report, char *why, size_t cap)
{
	struct baton_check_options o = *options;
	struct baton_elf elf = { 0 };
	char path[PATH_MAX];
	*report = (struct baton_check_report){ .level = '-', .isolated = o.modhost != NULL };
	if (!realpath(o.path, path)) {
		(void)snprintf(why, cap, "%s: %s", o.path, strerrordesc_np(errno));
		return BATON_E_INVAL;
	}
	o.path = path;
	bool good = baton_check_file(&o, report, &elf);
	for (size_t i = 0; told && i < report->n; i++)
		told(ud, report, &report->v[i]);
	if (good && !o.kind)
		o.kind = first_kind(&elf);
	(void)snprintf(report->kind, sizeof(report->kind), "%s", o.kind ? o.kind : "");
	for (size_t i = 0; good && o.kind && i < baton_check_rows_n; i++) {
		const struct baton_check_row *row = &baton_check_rows[i];
		if (!baton_check_wanted(row, o.kind, o.only) || (o.modhost && !row->isolated))
			continue;
		struct baton_check_result *r =
			baton_check_result_new(report, row->name, row->group, row->wants);
		run_row(&o, row, report, r);
		if (told)
			told(ud, report, r);
	}
	count(report);
	/* Some checks alone say nothing of a level. */
	if (o.only)
		report->level = '-';
	return 0;
}
