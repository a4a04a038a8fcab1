/* SPDX-License-Identifier: Apache-2.0 */

/* A process is ended by module code, and the next one knows by whom. Each test lets a child of its
 * own crash for real; what is read afterwards is what a restarted server would read. The sanitizers
 * have handlers of their own: with them only what reads and counts is tested. */
#include "tests/unit/module_rig.h"

#include "core/module/beacon.h"
#include "core/module/file.h"
#include "core/module/shelf.h"
#include "core/server/crash.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { LOOK_MS = 5, HANG_MS = 60, CROWD = 4, CROWDS = 100 };

static const uint8_t sha256[32] = { 0xab, 0xcd, 0xef };

/* What the server's host table would be asked for by moody.so before it crashes. */
static int32_t no_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data)
{
	(void)ctx, (void)call, (void)kind, (void)data;
	return BATON_OK;
}

static int32_t no_end(baton_ctx *ctx, baton_call call, uint32_t reason)
{
	(void)ctx, (void)call, (void)reason;
	return BATON_OK;
}

/* --- in the child ------------------------------------------------------------------------- */

struct victim {
	const char *so, *mood;
	struct baton_place *place;
	void *inst;
	const baton_provider *vt;
};

static const baton_host table = { .size = sizeof(table), .delta = no_delta, .end = no_end };

static void load_victim(struct victim *v)
{
	char config[64];
	void *mod = NULL;
	v->place = baton_place_new("acme", "1.0.0", 7, sha256);
	void *dl = dlopen(v->so, RTLD_NOW | RTLD_LOCAL);
	const baton_module *entry = dl ? dlsym(dl, BATON_ENTRY_SYMBOL) : NULL;
	if (!entry)
		_exit(90);
	baton_place_mapped(v->place, entry);
	(void)snprintf(config, sizeof(config), "{\"mood\":\"%s\"}", v->mood);
	if (entry->load(NULL, &table, &mod) != 0 ||
	    entry->create(mod, NULL, baton_str_of(config), &v->inst) != 0)
		_exit(91);
	v->vt = entry->ifaces[0].vt;
}

static void *visit(void *ud)
{
	struct victim *v = ud;
	struct baton_beacon_was was = baton_beacon_enter(v->place, "start", BATON_BEACON_LOOP);
	(void)v->vt->start(v->inst, 1, NULL);
	baton_beacon_leave(was);
	return NULL;
}

static void no_core(void)
{
	struct rlimit none = { 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &none);
}

/* Ends the child if the module does not. */
static void child(const struct rig *rig, const char *mood, bool on_thread)
{
	char so[512];
	struct victim v = { .so = so, .mood = mood };
	pthread_t thread;
	no_core();
	rig_path(so, sizeof(so), rig->base, "tests/modules/moody.so");
	if (crash_install(rig->run) != 0)
		_exit(92);
	(void)crash_watch_start(LOOK_MS, HANG_MS);
	load_victim(&v);
	if (!on_thread)
		(void)visit(&v);
	else if (pthread_create(&thread, NULL, visit, &v) == 0)
		(void)pthread_join(thread, NULL);
	crash_watch_stop();
	crash_remove();
	_exit(0);
}

/* How it ended: the signal, or minus the exit code. */
static int die(const struct rig *rig, const char *mood, bool on_thread)
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(rig, mood, on_thread);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

/* Workers run the same module, and fall into the same hole at the same time. */
struct crowd {
	struct victim *victim;
	pthread_barrier_t *start;
};

static void *visit_together(void *ud)
{
	struct crowd *crowd = ud;
	(void)pthread_barrier_wait(crowd->start);
	return visit(crowd->victim);
}

static void crowded_child(const struct rig *rig)
{
	char so[512];
	struct victim v = { .so = so, .mood = "start_crash" };
	pthread_barrier_t start;
	struct crowd crowd = { &v, &start };
	pthread_t threads[CROWD];
	no_core();
	rig_path(so, sizeof(so), rig->base, "tests/modules/moody.so");
	if (crash_install(rig->run) != 0 || pthread_barrier_init(&start, NULL, CROWD) != 0)
		_exit(92);
	load_victim(&v);
	for (size_t i = 0; i < CROWD; i++)
		if (pthread_create(&threads[i], NULL, visit_together, &crowd) != 0)
			_exit(93);
	(void)pthread_join(threads[0], NULL);
	_exit(0);
}

/* --- the shelf that is told --------------------------------------------------------------- */

static struct baton_shelf *open_shelf(struct rig *rig)
{
	char dir[128];
	struct baton_shelf_options options = { .dir = dir };
	struct baton_shelf *shelf = NULL;
	rig_path(dir, sizeof(dir), rig->dir, "shelf");
	assert_int_equal(baton_shelf_open(&options, &shelf, rig->why, sizeof(rig->why)), 0);
	return shelf;
}

static const char *text_of(const struct crash_record *record)
{
	static struct baton_buf text;
	baton_buf_done(&text);
	crash_text(record, &text);
	return text.p;
}

/* --- tests -------------------------------------------------------------------------------- */

static void a_crash_names_the_module_and_the_place_in_it(void **state)
{
	struct rig *rig = *state;
	struct crash_record r;
	if (SANITIZED)
		skip();
	for (int on_thread = 0; on_thread < 2; on_thread++) {
		assert_int_equal(die(rig, "start_crash", on_thread), SIGSEGV);
		assert_true(crash_settle(rig->run, NULL, &r));
		assert_string_equal(r.module, "acme");
		assert_string_equal(r.where, "start");
		assert_int_equal(r.generation, 7);
		assert_memory_equal(r.sha256, sha256, 32);
		assert_int_equal(r.signal, SIGSEGV);
		assert_true(r.has_offset && r.offset_is_exact);
		assert_int_equal(r.address, 0);
		assert_non_null(strstr(text_of(&r), "acme gen 7 at offset 0x"));
		assert_non_null(strstr(text_of(&r), "in start: SIGSEGV"));
		assert_false(crash_settle(rig->run, NULL, NULL)); /* it is told once */
	}
	assert_true(rig_logged(rig, "\"event\":\"last_process_crashed\""));
}

static void threads_that_crash_together_leave_one_whole_record(void **state)
{
	struct rig *rig = *state;
	struct crash_record r;
	int status = 0;
	if (SANITIZED)
		skip();
	for (int i = 0; i < CROWDS; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			crowded_child(rig);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
		assert_true(crash_settle(rig->run, NULL, &r));
		assert_int_equal(r.state, 2);
		assert_string_equal(r.module, "acme");
		assert_string_equal(r.where, "start");
	}
}

static void a_crash_in_a_library_names_who_called_it(void **state)
{
	struct rig *rig = *state;
	struct crash_record r;
	if (SANITIZED)
		skip();
	assert_int_equal(die(rig, "start_library_crash", true), SIGABRT);
	assert_true(crash_settle(rig->run, NULL, &r));
	assert_string_equal(r.module, "acme");
	assert_true(r.has_offset && !r.offset_is_exact);
	assert_non_null(strstr(text_of(&r), "acme gen 7 behind offset 0x"));
}

static void a_library_that_ends_the_process_names_who_called_it(void **state)
{
	struct rig *rig = *state;
	struct crash_record r;
	if (SANITIZED)
		skip();
	assert_int_equal(die(rig, "start_exit", true), -7);
	assert_true(crash_settle(rig->run, NULL, &r));
	assert_int_equal(r.kind, CRASH_EXIT);
	assert_string_equal(r.module, "acme");
	assert_non_null(strstr(text_of(&r), "in start: it ended the process, exit code 7"));
}

static void a_module_that_eats_its_stack_is_still_named(void **state)
{
	struct rig *rig = *state;
	struct crash_record r;
	if (SANITIZED)
		skip();
	assert_int_equal(die(rig, "start_overflow", true), SIGSEGV);
	assert_true(crash_settle(rig->run, NULL, &r));
	assert_string_equal(r.module, "acme");
	assert_true(r.has_offset);
}

static void a_module_that_holds_its_loop_is_ended_where_it_is(void **state)
{
	struct rig *rig = *state;
	struct baton_shelf *shelf = open_shelf(rig);
	struct crash_record r;
	char reason[256];
	if (SANITIZED) {
		baton_shelf_close(&shelf);
		skip();
	}
	assert_int_equal(die(rig, "start_hang", true), SIGABRT);
	assert_true(crash_settle(rig->run, shelf, &r));
	assert_int_equal(r.kind, CRASH_HANG);
	assert_true(r.has_offset && r.offset_is_exact);
	assert_string_equal(r.module, "acme");
	assert_true(baton_shelf_quarantined(shelf, sha256, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "it held the server: hang at 0x"));
	baton_shelf_close(&shelf);
}

/* Visits without end, none of them long; and one that is long, and may be. */
static void busy_child(const struct rig *rig)
{
	char so[512];
	struct victim v = { .so = so, .mood = "start_slow" };
	struct timespec begin, now;
	rig_path(so, sizeof(so), rig->base, "tests/modules/moody.so");
	if (crash_install(rig->run) != 0 || crash_watch_start(LOOK_MS, HANG_MS) != 0)
		_exit(92);
	load_victim(&v);
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		baton_beacon_leave(baton_beacon_enter(v.place, "start", BATON_BEACON_LOOP));
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 <
		 3 * HANG_MS);
	struct baton_beacon_was was = baton_beacon_enter(v.place, "job", BATON_BEACON_MAY_BLOCK);
	(void)v.vt->start(v.inst, 1, NULL); /* takes 300 ms */
	baton_beacon_leave(was);
	crash_watch_stop();
	crash_remove();
	_exit(0);
}

static void neither_many_short_calls_nor_a_long_job_is_a_hang(void **state)
{
	struct rig *rig = *state;
	int status;
	pid_t pid = fork();
	if (pid == 0)
		busy_child(rig);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_false(crash_settle(rig->run, NULL, NULL));
}

static void a_crash_of_our_own_is_blamed_on_nobody(void **state)
{
	struct rig *rig = *state;
	struct crash_record r;
	int status;
	if (SANITIZED)
		skip();
	pid_t pid = fork();
	if (pid == 0) {
		no_core();
		(void)crash_install(rig->run);
		(void)raise(SIGILL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
	assert_true(crash_settle(rig->run, NULL, &r));
	assert_string_equal(r.module, "");
	assert_non_null(strstr(text_of(&r), "the server itself: SIGILL"));
}

/* An admin's kill -SEGV while a module was at work. */
static void a_signal_from_outside_is_blamed_on_nobody(void **state)
{
	struct rig *rig = *state;
	struct crash_record r;
	char so[512];
	struct victim v = { .so = so, .mood = "start_hang" };
	int status, up[2];
	char byte;
	if (SANITIZED)
		skip();
	rig_path(so, sizeof(so), rig->base, "tests/modules/moody.so");
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		no_core();
		(void)crash_install(rig->run);
		load_victim(&v);
		struct baton_beacon_was was =
			baton_beacon_enter(v.place, "start", BATON_BEACON_LOOP);
		(void)!write(up[1], "", 1);
		(void)v.vt->start(v.inst, 1, NULL); /* without end */
		baton_beacon_leave(was);
		_exit(0);
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(kill(pid, SIGSEGV), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	assert_true(crash_settle(rig->run, NULL, &r));
	assert_string_equal(r.module, "");
	(void)close(up[0]);
	(void)close(up[1]);
}

static void a_process_that_is_killed_leaves_no_record(void **state)
{
	struct rig *rig = *state;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		(void)crash_install(rig->run);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(crash_settle(rig->run, NULL, NULL));
	assert_false(rig_logged(rig, "crash_record"));
}

/* A record as a process would have left it that had lived for `lived_ms`. */
static void leave_record(const struct rig *rig, uint64_t lived_ms,
			 void (*spoil)(struct crash_record *))
{
	char path[256];
	struct crash_record r = { .magic = 0x48535243, .size = sizeof(r), .state = 2 };
	r.signal = SIGSEGV;
	r.started_unix_ms = 1000;
	r.unix_ms = 1000 + lived_ms;
	r.offset = 0x10f9;
	r.has_offset = 1;
	memcpy(r.sha256, sha256, sizeof(r.sha256));
	memcpy(r.module, "acme", 5);
	memcpy(r.where, "start", 6);
	if (spoil)
		spoil(&r);
	rig_path(path, sizeof(path), rig->run, "crash-record");
	rig_write(path, (baton_str){ (const char *)&r, sizeof(r) });
}

static void the_third_crash_quarantines_and_one_at_boot_does_at_once(void **state)
{
	struct rig *rig = *state;
	struct baton_shelf *shelf = open_shelf(rig);
	char reason[256];
	uint8_t forgiven[32];
	for (int i = 0; i < 3; i++) {
		assert_false(baton_shelf_quarantined(shelf, sha256, reason, sizeof(reason)));
		leave_record(rig, 60000, NULL);
		assert_true(crash_settle(rig->run, shelf, NULL));
	}
	assert_true(baton_shelf_quarantined(shelf, sha256, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "3 crashes in 5 min, the last: SIGSEGV at 0x10f9 in start"));
	assert_int_equal(baton_shelf_forgive(shelf, "abcdef", forgiven), 0);
	leave_record(rig, CRASH_BOOT_MS - 1, NULL);
	assert_true(crash_settle(rig->run, shelf, NULL));
	assert_true(baton_shelf_quarantined(shelf, sha256, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "it ended the server at start"));
	baton_shelf_close(&shelf);
}

static void spoil_magic(struct crash_record *r)
{
	r->magic = 1;
}

static void spoil_signal(struct crash_record *r)
{
	r->signal = 4711;
}

static void spoil_texts(struct crash_record *r)
{
	memset(r->module, 'x', sizeof(r->module));
	memset(r->where, 'x', sizeof(r->where));
}

static void a_damaged_record_is_said_and_forgotten(void **state)
{
	struct rig *rig = *state;
	char path[256];
	rig_path(path, sizeof(path), rig->run, "crash-record");
	leave_record(rig, 1, spoil_magic);
	assert_false(crash_settle(rig->run, NULL, NULL));
	assert_true(rig_logged(rig, "crash_record_unreadable"));
	leave_record(rig, 1, spoil_signal);
	assert_false(crash_settle(rig->run, NULL, NULL));
	rig_write(path, BATON_STR("short"));
	assert_false(crash_settle(rig->run, NULL, NULL));
	assert_int_equal(access(path, F_OK), -1);
	leave_record(rig, 1, spoil_texts); /* without their ends */
	assert_true(crash_settle(rig->run, NULL, NULL));
}

/* --- a debugger on what is left ----------------------------------------------------------- */

static void core_child(const struct rig *rig, const char *copy)
{
	struct victim v = { .so = copy, .mood = "start_crash" };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	if (setrlimit(RLIMIT_CORE, &all) < 0 || chdir(rig->dir) < 0 || crash_install(rig->run) != 0)
		_exit(92);
	load_victim(&v);
	(void)visit(&v);
	_exit(0);
}

/* Where the kernel puts cores is the machine's affair: only the plain way is followed. */
static bool find_core(const struct rig *rig, pid_t pid, char path[256])
{
	char name[32];
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(name, sizeof(name), i ? "core.%d" : "core", (int)pid);
		rig_path(path, 256, rig->dir, name);
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

static void a_debugger_finds_the_modules_function_in_the_core(void **state)
{
	struct rig *rig = *state;
	struct baton_buf bytes = { 0 }, text = { 0 };
	struct baton_copy copy = { NULL, -1 };
	char so[512], core[256], line[1024];
	int status;
	if (SANITIZED || access("/usr/bin/gdb", X_OK) < 0) {
		print_message("# no gdb here, or a sanitizer: no core is looked at\n");
		skip();
	}
	rig_path(so, sizeof(so), rig->base, "tests/modules/moody.so");
	rig_read(so, &bytes);
	assert_int_equal(baton_copy_make(rig->run, "moody", sha256, baton_buf_view(&bytes), &copy,
					 rig->why, sizeof(rig->why)),
			 0);
	baton_buf_done(&bytes);
	pid_t pid = fork();
	if (pid == 0)
		core_child(rig, copy.path);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	if (!find_core(rig, pid, core)) {
		baton_copy_done(&copy);
		print_message("# this kernel writes no plain core file\n");
		skip();
	}
	(void)snprintf(line, sizeof(line),
		       "gdb -nx -batch -ex bt %s/tests/test_module_crash %s 2>&1 </dev/null",
		       rig->base, core);
	FILE *gdb = popen(line, "r");
	assert_non_null(gdb);
	for (size_t n = 1; n > 0;) {
		n = fread(baton_buf_room(&text, 4096), 1, 4096, gdb);
		text.n += n;
	}
	baton_buf_add(&text, "", 0);
	(void)pclose(gdb);
	if (!strstr(text.p, "crash ()") || !strstr(text.p, "moody.c"))
		fail_msg("no function of the module in: %s", text.p);
	baton_buf_done(&text);
	baton_copy_done(&copy);
}

/* --- beacons and places ------------------------------------------------------------------- */

static void *enter_and_end(void *ud)
{
	(void)baton_beacon_enter(ud, "start", BATON_BEACON_LOOP);
	return NULL;
}

static void threads_that_end_give_their_beacon_back(void **state)
{
	unsigned taken = 0;
	(void)state;
	for (int i = 0; i < 2 * BATON_BEACONS_MAX; i++) {
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, enter_and_end, NULL), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	for (size_t i = 0; i < BATON_BEACONS_MAX; i++)
		taken += atomic_load(&baton_beacon_number(i)->tid) != 0;
	assert_true(taken <= 1);
}

static void visits_lie_inside_each_other(void **state)
{
	struct baton_place *outer = baton_place_new("outer", "1", 1, sha256);
	struct baton_place *inner = baton_place_new("inner", "1", 2, sha256);
	(void)state;
	struct baton_beacon_was none = baton_beacon_enter(outer, "start", BATON_BEACON_LOOP);
	struct baton_beacon_was was = baton_beacon_enter(inner, "append", BATON_BEACON_LOOP);
	const struct baton_beacon *mine = baton_beacon_mine();
	assert_ptr_equal(atomic_load(&mine->place), inner);
	baton_beacon_leave(was);
	assert_ptr_equal(atomic_load(&mine->place), outer);
	assert_string_equal(atomic_load(&mine->where), "start");
	baton_beacon_leave(none);
	assert_null(atomic_load(&mine->place));
	baton_place_done(&outer);
	baton_place_done(&inner);
}

static void an_address_is_found_in_the_module_it_lies_in(void **state)
{
	struct rig *rig = *state;
	char so[512];
	rig_path(so, sizeof(so), rig->base, "tests/modules/good.so");
	void *dl = dlopen(so, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(dl);
	const baton_module *entry = dlsym(dl, BATON_ENTRY_SYMBOL);
	struct baton_place *place = baton_place_new("it", "1", 1, sha256);
	baton_place_mapped(place, entry);
	uintptr_t code;
	memcpy(&code, &entry->create, sizeof(code));
	assert_ptr_equal(baton_place_at(code), place);
	assert_null(baton_place_at((uintptr_t)entry)); /* data is no code */
	assert_null(baton_place_at((uintptr_t)&place));
	assert_null(baton_place_at(0));
	baton_place_done(&place);
	assert_null(place);
	assert_null(baton_place_at(code));
	(void)dlclose(dl);
}

static void without_a_free_place_nothing_is_attributed_and_all_goes_on(void **state)
{
	static struct baton_place *all[BATON_PLACES_MAX];
	(void)state;
	for (size_t i = 0; i < BATON_PLACES_MAX; i++)
		assert_non_null(all[i] = baton_place_new("x", "1", i, sha256));
	struct baton_place *none = baton_place_new("y", "1", 1, sha256);
	assert_null(none);
	baton_place_mapped(none, all);
	baton_beacon_leave(baton_beacon_enter(none, "start", BATON_BEACON_LOOP));
	baton_place_done(&none);
	for (size_t i = 0; i < BATON_PLACES_MAX; i++)
		baton_place_done(&all[i]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_crash_names_the_module_and_the_place_in_it),
		T(threads_that_crash_together_leave_one_whole_record),
		T(a_crash_in_a_library_names_who_called_it),
		T(a_library_that_ends_the_process_names_who_called_it),
		T(a_module_that_eats_its_stack_is_still_named),
		T(a_module_that_holds_its_loop_is_ended_where_it_is),
		T(neither_many_short_calls_nor_a_long_job_is_a_hang),
		T(a_crash_of_our_own_is_blamed_on_nobody),
		T(a_signal_from_outside_is_blamed_on_nobody),
		T(a_process_that_is_killed_leaves_no_record),
		T(the_third_crash_quarantines_and_one_at_boot_does_at_once),
		T(a_damaged_record_is_said_and_forgotten),
		T(a_debugger_finds_the_modules_function_in_the_core),
		T(threads_that_end_give_their_beacon_back),
		T(visits_lie_inside_each_other),
		T(an_address_is_found_in_the_module_it_lies_in),
		T(without_a_free_place_nothing_is_attributed_and_all_goes_on),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
