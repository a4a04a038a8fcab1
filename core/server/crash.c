/* SPDX-License-Identifier: Apache-2.0 */

/* The handler, the watchdog, and what the next process makes of the record.
 *
 * What runs in the handler takes no lock, allocates nothing and calls only what signal-safety(7)
 * lists. The stack is read with process_vm_readv(), which answers where a plain read would fault
 * again. The first thread that crashes writes; others wait a moment and let it end the process.
 * For that the handler stays until the record is written: with SA_RESETHAND the kernel would take
 * it away at the first fault, and a second worker in the same module would end the process in the
 * middle of the first one's record. */
#include "core/server/crash.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/loop/loop.h"
#include "core/module/beacon.h"
#include "core/module/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CRASH_SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { CRASH_SANITIZED = 1 };
#else
enum { CRASH_SANITIZED = 0 };
#endif
#else
enum { CRASH_SANITIZED = 0 };
#endif

enum {
	RECORD_MAGIC = 0x48535243,
	STACK_WORDS = 512,
	SECOND_WAITS_MS = 200,
	PATH_BYTES = 4096,
	TEXT_BYTES = 200
};

static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
enum { FATAL_N = sizeof(fatal) / sizeof(fatal[0]) };

static struct crash_record *record; /* mapped while installed */
static struct sigaction before[FATAL_N];
static char record_path[PATH_BYTES];
static atomic_flag taken = ATOMIC_FLAG_INIT;
static _Atomic(bool) is_hang;

/* --- in the handler ----------------------------------------------------------------------- */

static void where_it_was(const void *context, uintptr_t *pc, uintptr_t *sp)
{
	const ucontext_t *u = context;
#if defined(__x86_64__)
	*pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	*sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	*pc = (uintptr_t)u->uc_mcontext.pc;
	*sp = (uintptr_t)u->uc_mcontext.sp;
#else
	(void)u;
	*pc = *sp = 0;
#endif
}

/* The nearest word of the stack that points into the module's code: it had called a library, and
 * that crashed (memcpy, abort). */
static uintptr_t called_from(const struct baton_place *place, uintptr_t sp)
{
	uintptr_t words[STACK_WORDS];
	struct iovec to = { words, sizeof(words) }, from = { (void *)sp, sizeof(words) };
	ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(words[0]); i++)
		if (baton_place_has(place, words[i]))
			return words[i];
	return 0;
}

static void copy(char *to, size_t cap, const char *from)
{
	size_t i = 0;
	for (; from && from[i] && i + 1 < cap; i++)
		to[i] = from[i];
	to[i] = 0;
}

static uint64_t unix_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void put_place(struct crash_record *r, const struct baton_place *place, uintptr_t sp)
{
	uintptr_t at = baton_place_has(place, r->pc) ? r->pc : called_from(place, sp);
	r->generation = place->generation;
	for (size_t i = 0; i < sizeof(r->sha256); i++)
		r->sha256[i] = place->sha256[i];
	copy(r->module, sizeof(r->module), place->module);
	copy(r->version, sizeof(r->version), place->version);
	r->offset_is_exact = at != 0 && at == r->pc;
	r->has_offset = at != 0;
	r->offset = at ? at - place->base : 0;
}

static void put_record(int number, const siginfo_t *info, const void *context)
{
	struct crash_record *r = record;
	const struct baton_beacon *beacon = baton_beacon_mine();
	uintptr_t pc, sp;
	r->state = 1;
	atomic_signal_fence(memory_order_seq_cst);
	where_it_was(context, &pc, &sp);
	r->unix_ms = unix_ms();
	r->signal = number;
	r->code = info->si_code;
	r->tid = gettid();
	r->pc = pc;
	r->address = (uint64_t)(uintptr_t)info->si_addr;
	r->kind = atomic_load(&is_hang) ? CRASH_HANG : CRASH_SIGNAL;
	(void)prctl(PR_GET_NAME, r->thread);
	/* Whose code it is goes before whose visit it is: a thread that a module has started. */
	/* What another process has sent is nobody's here. */
	bool is_ours = info->si_code > 0 || info->si_pid == getpid();
	const struct baton_place *place = is_ours ? baton_place_at(pc) : NULL;
	if (is_ours && !place && beacon)
		place = atomic_load(&beacon->place);
	if (beacon && is_ours)
		copy(r->where, sizeof(r->where), atomic_load(&beacon->where));
	if (place)
		put_place(r, place, sp);
	atomic_signal_fence(memory_order_seq_cst);
	r->state = 2;
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	if (!atomic_flag_test_and_set(&taken)) {
		if (record)
			put_record(number, info, context);
	} else {
		struct timespec wait = { .tv_nsec = SECOND_WAITS_MS * 1000000 };
		(void)nanosleep(&wait, NULL);
	}
	/* A fault happens again by itself, and ends the process now; what was sent must be sent
	 * again. */
	(void)sigaction(number, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	if (info->si_code <= 0)
		(void)tgkill(getpid(), gettid(), number);
	errno = saved;
}

/* exit() below a module's function: nobody of ours calls it there. What is called by number, past
 * the C library, is not seen here; the supervisor sees that the end was not in order. */
static void on_process_exit(int code, void *ud)
{
	const struct baton_beacon *beacon = baton_beacon_mine();
	const struct baton_place *place = beacon ? atomic_load(&beacon->place) : NULL;
	(void)ud;
	if (!record || !place || atomic_flag_test_and_set(&taken))
		return;
	record->state = 1;
	record->unix_ms = unix_ms();
	record->kind = CRASH_EXIT;
	record->code = code;
	record->tid = gettid();
	(void)prctl(PR_GET_NAME, record->thread);
	copy(record->where, sizeof(record->where), atomic_load(&beacon->where));
	put_place(record, place, (uintptr_t)__builtin_frame_address(0));
	record->state = 2;
}

/* --- installing --------------------------------------------------------------------------- */

static bool record_file(const char *run_dir, char path[PATH_BYTES])
{
	int n = snprintf(path, PATH_BYTES, "%s/crash-record", run_dir);
	return n > 0 && n < PATH_BYTES;
}

static struct crash_record *map_record(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	void *p = MAP_FAILED;
	if (fd >= 0 && ftruncate(fd, sizeof(struct crash_record)) == 0)
		p = mmap(NULL, sizeof(struct crash_record), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
	if (fd >= 0)
		(void)close(fd);
	return p == MAP_FAILED ? NULL : p;
}

int crash_install(const char *run_dir)
{
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	if (CRASH_SANITIZED || record)
		return 0;
	if (!record_file(run_dir, record_path)) {
		baton_log(BATON_LOG_ERROR, "crash_record_missing", "s", "run_dir", run_dir);
		return BATON_E_IO;
	}
	record = map_record(record_path);
	if (!record) {
		baton_log(BATON_LOG_ERROR, "crash_record_missing", "ss", "path", record_path,
			  "reason", strerrordesc_np(errno));
		return BATON_E_IO;
	}
	record->magic = RECORD_MAGIC;
	record->size = sizeof(*record);
	record->started_unix_ms = unix_ms();
	atomic_flag_clear(&taken);
	atomic_store(&is_hang, false);
	static bool registered; /* such a handler cannot be taken back */
	if (!registered)
		registered = on_exit(on_process_exit, NULL) == 0;
	(void)sigfillset(&action.sa_mask);
	for (size_t i = 0; i < FATAL_N; i++)
		(void)sigaction(fatal[i], &action, &before[i]);
	return 0;
}

void crash_remove(void)
{
	if (!record)
		return;
	for (size_t i = 0; i < FATAL_N; i++)
		(void)sigaction(fatal[i], &before[i], NULL);
	struct crash_record *gone = record;
	record = NULL;
	(void)munmap(gone, sizeof(*gone));
	(void)unlink(record_path);
}

/* --- the watchdog ------------------------------------------------------------------------- */

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool runs, stop;
	uint32_t look_ms, looks_max;
	/* What was seen at the last look. Looks are counted, not time: a process that was stopped
	 * for a minute finds its clock a minute later and nobody at fault. */
	uint64_t serial[BATON_BEACONS_MAX];
	uint32_t looks[BATON_BEACONS_MAX];
} dog = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static void give_up(const struct baton_beacon *beacon, int tid)
{
	const struct baton_place *place = atomic_load(&beacon->place);
	const char *where = atomic_load(&beacon->where);
	if (!place)
		return;
	baton_log(BATON_LOG_ERROR, "module_holds_the_loop", "ssuu", "module", place->module,
		  "where", where, "generation", place->generation, "ms",
		  (uint64_t)dog.look_ms * dog.looks_max);
	atomic_store(&is_hang, true);
	(void)tgkill(getpid(), tid, SIGABRT);
}

static void look_at(size_t i)
{
	const struct baton_beacon *beacon = baton_beacon_number(i);
	int tid = atomic_load(&beacon->tid);
	bool judged = tid && atomic_load_explicit(&beacon->place, memory_order_acquire) &&
		      atomic_load(&beacon->mode) == BATON_BEACON_LOOP;
	uint64_t serial = atomic_load(&beacon->serial);
	dog.looks[i] = judged && serial == dog.serial[i] ? dog.looks[i] + 1 : 0;
	dog.serial[i] = serial;
	if (dog.looks[i] == dog.looks_max)
		give_up(beacon, tid);
}

static void *watch_main(void *ud)
{
	(void)ud;
	(void)pthread_setname_np(pthread_self(), "baton-watch");
	(void)pthread_mutex_lock(&dog.lock);
	while (!dog.stop) {
		struct timespec until;
		(void)clock_gettime(CLOCK_REALTIME, &until);
		uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)dog.look_ms * 1000000u;
		until.tv_sec += (time_t)(ns / 1000000000u);
		until.tv_nsec = (long)(ns % 1000000000u);
		(void)pthread_cond_timedwait(&dog.wake, &dog.lock, &until);
		for (size_t i = 0; !dog.stop && i < BATON_BEACONS_MAX; i++)
			look_at(i);
	}
	(void)pthread_mutex_unlock(&dog.lock);
	return NULL;
}

int crash_watch_start(uint32_t look_ms, uint32_t hang_ms)
{
	sigset_t all, was;
	if (dog.runs)
		return 0;
	dog.look_ms = look_ms ? look_ms : CRASH_LOOK_MS;
	dog.looks_max = (hang_ms ? hang_ms : CRASH_HANG_MS) / dog.look_ms;
	dog.stop = false;
	memset(dog.looks, 0, sizeof(dog.looks));
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &was);
	dog.runs = pthread_create(&dog.thread, NULL, watch_main, NULL) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (!dog.runs)
		baton_log(BATON_LOG_ERROR, "watchdog_not_started", "");
	return dog.runs ? 0 : BATON_E_LIMIT;
}

void crash_watch_stop(void)
{
	if (!dog.runs)
		return;
	(void)pthread_mutex_lock(&dog.lock);
	dog.stop = true;
	(void)pthread_cond_signal(&dog.wake);
	(void)pthread_mutex_unlock(&dog.lock);
	(void)pthread_join(dog.thread, NULL);
	dog.runs = false;
}

/* --- at the next start -------------------------------------------------------------------- */

/* Somebody may have edited the file. */
static bool sound(struct crash_record *r)
{
	bool ok = r->magic == RECORD_MAGIC && r->size == sizeof(*r) && r->state > 0 &&
		  (r->kind == CRASH_EXIT || (r->signal > 0 && r->signal < 65)) &&
		  r->kind <= CRASH_EXIT;
	r->module[sizeof(r->module) - 1] = r->version[sizeof(r->version) - 1] = 0;
	r->where[sizeof(r->where) - 1] = r->thread[sizeof(r->thread) - 1] = 0;
	return ok;
}

static bool read_record(const char *path, struct crash_record *r, bool *is_there)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, r, sizeof(*r)) : -1;
	*is_there = fd >= 0;
	if (fd >= 0)
		(void)close(fd);
	/* A process that was killed from outside leaves the page as it was made. */
	if (n == (ssize_t)sizeof(*r) && r->magic == RECORD_MAGIC && r->state == 0)
		*is_there = false;
	return n == (ssize_t)sizeof(*r) && sound(r);
}

static void put_what(const struct crash_record *r, struct baton_buf *out)
{
	const char *name = sigabbrev_np(r->signal);
	switch ((enum crash_kind)r->kind) {
	case CRASH_SIGNAL:
		baton_buf_printf(out, "SIG%s", name ? name : "?");
		break;
	case CRASH_HANG:
		baton_buf_printf(out, "it held the loop for %d s", CRASH_HANG_MS / 1000);
		break;
	case CRASH_EXIT:
		baton_buf_printf(out, "it ended the process, exit code %d", r->code);
		break;
	}
}

void crash_text(const struct crash_record *r, struct baton_buf *out)
{
	if (r->module[0])
		baton_buf_printf(out, "%s gen %ju", r->module, (uintmax_t)r->generation);
	else
		baton_buf_z(out, "the server itself");
	if (r->has_offset)
		baton_buf_printf(out, "%s offset 0x%jx", r->offset_is_exact ? " at" : " behind",
				 (uintmax_t)r->offset);
	if (r->where[0])
		baton_buf_printf(out, " in %s", r->where);
	baton_buf_z(out, ": ");
	put_what(r, out);
}

static void tell_shelf(const struct crash_record *r, struct baton_shelf *shelf)
{
	char how[TEXT_BYTES];
	const char *name = sigabbrev_np(r->signal);
	enum baton_shelf_crash kind = BATON_SHELF_CRASH;
	if (r->unix_ms >= r->started_unix_ms && r->unix_ms - r->started_unix_ms < CRASH_BOOT_MS)
		kind = BATON_SHELF_AT_BOOT;
	if (r->kind == CRASH_HANG)
		kind = BATON_SHELF_HANG;
	(void)snprintf(how, sizeof(how), "%s%s at 0x%jx in %s",
		       r->kind == CRASH_SIGNAL ? "SIG" : "",
		       r->kind == CRASH_HANG   ? "hang"
		       : r->kind == CRASH_EXIT ? "exit"
		       : name                  ? name
					       : "?",
		       (uintmax_t)r->offset, r->where[0] ? r->where : "a thread of its own");
	(void)baton_shelf_crashed(shelf, r->module, r->sha256, kind, how);
}

/* Every plain file of run/crashed goes; false if there is no such folder and none can be made. */
static bool clear_kept(const char *dir)
{
	struct dirent *e;
	DIR *d = mkdir(dir, 0700) == 0 || errno == EEXIST ? opendir(dir) : NULL;
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		(void)closedir(d);
	return d != NULL;
}

/* A core dump names the private copy that was mapped, and the next start would sweep it: the one
 * that fell last stays as run/crashed/<its name>, for a debugger's solib-search-path. */
static void keep_copy(const char *run_dir, const uint8_t sha256[32])
{
	char sha12[13], mark[16], from[PATH_BYTES], to[PATH_BYTES];
	struct dirent *e;
	baton_file_hex(sha256, 6, sha12);
	(void)snprintf(mark, sizeof(mark), "-%s-", sha12);
	if (snprintf(to, sizeof(to), "%s/crashed", run_dir) >= (int)sizeof(to) || !clear_kept(to) ||
	    snprintf(from, sizeof(from), "%s/modules", run_dir) >= (int)sizeof(from))
		return;
	int kept = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = kept >= 0 ? opendir(from) : NULL;
	while (d && (e = readdir(d)))
		if (strstr(e->d_name, mark) &&
		    linkat(dirfd(d), e->d_name, kept, e->d_name, 0) == 0) {
			baton_log(BATON_LOG_NOTICE, "crashed_copy_kept", "ss", "folder", to, "file",
				  e->d_name);
			break;
		}
	if (d)
		(void)closedir(d);
	if (kept >= 0)
		(void)close(kept);
}

bool crash_settle(const char *run_dir, struct baton_shelf *shelf, struct crash_record *ret_record)
{
	struct crash_record r;
	char path[PATH_BYTES], hex[65];
	struct baton_buf text = { 0 };
	bool is_there;
	memset(&r, 0, sizeof(r));
	if (!record_file(run_dir, path))
		return false;
	bool good = read_record(path, &r, &is_there);
	(void)unlink(path);
	if (!good) {
		if (is_there)
			baton_log(BATON_LOG_WARN, "crash_record_unreadable", "s", "path", path);
		return false;
	}
	crash_text(&r, &text);
	baton_file_hex(r.sha256, 32, hex);
	baton_log(BATON_LOG_ERROR, "last_process_crashed", "ssssuu", "in", text.p, "module",
		  r.module, "sha256", r.module[0] ? hex : "", "thread", r.thread, "at_ms",
		  r.unix_ms, "lived_ms",
		  r.unix_ms > r.started_unix_ms ? r.unix_ms - r.started_unix_ms : (uint64_t)0);
	baton_buf_done(&text);
	if (r.module[0]) {
		tell_shelf(&r, shelf);
		keep_copy(run_dir, r.sha256);
	}
	if (ret_record)
		*ret_record = r;
	return true;
}
