/* SPDX-License-Identifier: Apache-2.0 */

/* A provider, classifier and rule in one that crashes, hangs, ends the process or leaves something
 * behind at a chosen place of its life: {"mood":"create_crash"}. `sinner.c` breaks the rules of a
 * call; this one breaks the process around it. */
#ifndef BATON_ABI_NEEDED
#define BATON_ABI_NEEDED 0u
#endif
#include <baton/module.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MOODY
#define MOODY 1
#endif

BATON_MODULE_NOTE("moody", "1.0.0", "provider classifier rule", 0u);

static const baton_host *host;
static int *volatile nowhere;
static volatile int on = 1;
static char last_mood[32]; /* for unload(), which gets no configuration */

struct moody {
	baton_ctx *ctx;
	char mood[32];
	baton_call call;
	uint32_t counter; /* the state */
	uint32_t asked;
};

static int is(const struct moody *m, const char *mood)
{
	return MOODY && strcmp(m->mood, mood) == 0;
}

__attribute__((no_sanitize("undefined"))) static void crash(void)
{
	*nowhere = 1;
}

static void spin(void)
{
	while (on)
		;
}

/* Eats the stack. What it adds up keeps the compiler from making a loop of it. */
static int deep(volatile char *above)
{
	volatile char here[1024];
	here[0] = above ? above[0] : 1;
	return on ? deep(here) + here[0] : 0;
}

/* As a library would: a module that imports exit() is refused. */
static void library_exit(void)
{
	void (*fn)(int);
	void *found = dlsym(RTLD_DEFAULT, "exit");
	memcpy(&fn, &found, sizeof(fn));
	fn(7);
}

static void take_mood(struct moody *m, baton_str config)
{
	const char key[] = "\"mood\":\"";
	const char *at = memmem(config.p, config.n, key, sizeof(key) - 1);
	size_t n = 0;
	if (!at)
		return;
	at += sizeof(key) - 1;
	while (at + n < config.p + config.n && at[n] != '"' && n + 1 < sizeof(m->mood))
		n++;
	memcpy(m->mood, at, n);
	memcpy(last_mood, m->mood, sizeof(last_mood));
}

static void handler(int number)
{
	(void)number;
}

static int32_t load(baton_ctx *ctx, const baton_host *table, void **mod)
{
	(void)ctx;
	host = table;
	*mod = NULL;
	return BATON_OK;
}

static void unload(void *mod)
{
	(void)mod;
	if (strcmp(last_mood, "unload_crash") == 0)
		crash();
}

static void nothing(void *user)
{
	(void)user;
}

/* What create() does besides creating. Some of it by number: the functions are not to be had. */
__attribute__((no_sanitize("undefined"))) static int32_t in_create(struct moody *m)
{
	baton_timer timer;
	if (is(m, "create_crash"))
		crash();
	if (is(m, "create_abort"))
		abort();
	if (is(m, "create_library_crash"))
		memset((char *)nowhere + (m->counter & 1), 1, 4096 + m->counter);
	if (is(m, "create_hang"))
		spin();
	if (is(m, "create_exit"))
		(void)syscall(SYS_exit_group, 7);
	if (is(m, "opens_socket"))
		return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 ? BATON_E_DENIED : BATON_OK;
	if (is(m, "starts_process"))
		return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? BATON_E_DENIED : BATON_OK;
	if (is(m, "create_fails"))
		return BATON_E_NOMEM;
	if (is(m, "leaves_handler"))
		(void)signal(SIGUSR2, handler);
	if (is(m, "leaves_fd"))
		return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? BATON_E_IO : BATON_OK;
	if (is(m, "leaves_directory"))
		return syscall(SYS_chdir, "/") < 0 ? BATON_E_IO : BATON_OK;
	if (is(m, "leaves_mask"))
		(void)syscall(SYS_umask, 0777);
	if (is(m, "leaves_timer"))
		return host->timer(m->ctx, 3600000, nothing, m, &timer);
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	struct moody *m = calloc(1, sizeof(*m));
	(void)mod;
	if (!m)
		return BATON_E_NOMEM;
	m->ctx = ctx;
	take_mood(m, config);
	int32_t rc = in_create(m);
	if (rc != BATON_OK) {
		free(m);
		return rc;
	}
	*inst = m;
	return BATON_OK;
}

static int32_t activate(void *inst)
{
	if (is(inst, "activate_crash"))
		crash();
	if (is(inst, "activate_hang"))
		spin();
	return BATON_OK;
}

static void quiesce(void *inst)
{
	if (is(inst, "quiesce_crash"))
		crash();
}

static void destroy(void *inst)
{
	if (is(inst, "destroy_crash"))
		crash();
	free(inst);
}

/* --- health ------------------------------------------------------------------------------- */

static void well(void *user)
{
	struct moody *m = user;
	(void)host->end(m->ctx, m->call, BATON_END_STOP);
}

static void work(void *user)
{
	struct moody *m = user;
	if (is(m, "job_crash"))
		crash();
	if (is(m, "job_hang"))
		spin();
	if (is(m, "job_slow")) {
		struct timespec nap = { .tv_sec = 1, .tv_nsec = 500000000 };
		(void)nanosleep(&nap, NULL);
	}
	if (is(m, "check_by_post"))
		(void)host->post(m->ctx, well, m);
}

static void worked(void *user, int32_t status)
{
	(void)status;
	if (!is(user, "check_by_post"))
		well(user);
}

static int32_t check(void *inst, baton_call call, uint32_t level)
{
	struct moody *m = inst;
	baton_error sick = { .size = sizeof(sick), .fail = BATON_FAIL_INTERNAL };
	baton_timer timer;
	baton_job job;
	(void)level;
	m->call = call;
	if (is(m, "check_crash"))
		crash();
	if (is(m, "check_hang"))
		spin();
	if (is(m, "check_never"))
		return BATON_OK;
	if (is(m, "check_by_timer"))
		return host->timer(m->ctx, 5, well, m, &timer);
	if (is(m, "check_by_job") || is(m, "check_by_post") || is(m, "job_crash") ||
	    is(m, "job_hang") || is(m, "job_slow"))
		return host->job(m->ctx, work, worked, m, &job);
	if (is(m, "check_fails")) {
		sick.message = (baton_str){ "the dictionary is empty", 23 };
		return host->fail(m->ctx, call, &sick);
	}
	well(m);
	return BATON_OK;
}

/* --- state -------------------------------------------------------------------------------- */

enum { STATE_BYTES = 5000 }; /* more than one read gives */

static int32_t save(void *inst, const baton_sink *sink)
{
	struct moody *m = inst;
	char bytes[STATE_BYTES];
	memset(bytes, 'a', sizeof(bytes));
	if (is(m, "state_lossy"))
		memcpy(bytes, &m, sizeof(m)); /* another each time */
	if (is(m, "save_fails"))
		return BATON_E_IO;
	return sink->write(sink->ud, bytes, sizeof(bytes));
}

static int32_t restore(void *inst, uint32_t schema, const baton_source *source)
{
	char bytes[STATE_BYTES];
	size_t n = 0;
	if (schema != 1 || is(inst, "load_fails"))
		return BATON_E_SCHEMA;
	for (;;) {
		int64_t got = source->read(source->ud, bytes + n, sizeof(bytes) - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return n == STATE_BYTES ? BATON_OK : BATON_E_SCHEMA;
}

static const baton_state state = {
	.size = sizeof(state), .schema = 1, .min_schema = 1, .save = save, .load = restore
};

/* --- kinds -------------------------------------------------------------------------------- */

static int32_t says(void *inst, const baton_sink *sink)
{
	const char *text = is(inst, "says_nonsense") ? "[\"a\"," : "[\"a\"]";
	if (is(inst, "says_nothing"))
		return BATON_OK;
	return sink->write(sink->ud, text, strlen(text));
}

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct moody *m = inst;
	(void)prompt;
	int second = m->asked++ > 0;
	if (is(m, "start_crash") || (second && is(m, "second_crash")))
		crash();
	if (is(m, "start_library_crash"))
		abort();
	if (is(m, "start_hang") || (second && is(m, "second_hang")))
		spin();
	if (is(m, "start_exit"))
		library_exit();
	if (is(m, "start_overflow"))
		on = deep(NULL);
	if (is(m, "start_slow")) {
		struct timespec nap = { .tv_nsec = 300000000 };
		(void)nanosleep(&nap, NULL);
	}
	(void)host->delta(m->ctx, call, BATON_DELTA_TEXT, (baton_str){ "ok", 2 });
	return host->end(m->ctx, call, BATON_END_STOP);
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct moody *m = inst;
	(void)why;
	(void)host->end(m->ctx, call, BATON_END_STOP);
}

static int32_t classify(void *inst, baton_call call, const baton_turn *turn, baton_intents *out)
{
	(void)inst, (void)call, (void)turn;
	out->n = 0;
	return BATON_OK;
}

static int32_t evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	(void)inst, (void)facts;
	out->action = BATON_ACT_NONE;
	return BATON_OK;
}

static const baton_provider provider = {
	.size = sizeof(provider), .models = says, .start = start, .cancel = cancel
};
static const baton_classifier classifier = { .size = sizeof(classifier),
					     .labels = says,
					     .classify = classify };
static const baton_rule rule = { .size = sizeof(rule), .describe = says, .evaluate = evaluate };
static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider },
				      { BATON_CLASSIFIER, &classifier },
				      { BATON_RULE, &rule } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,    .n_ifaces = sizeof(ifaces) / sizeof(ifaces[0]),
	.id = "moody",        .version = "1.0.0",
	.ifaces = ifaces,     .load = load,
	.unload = unload,     .create = create,
	.activate = activate, .quiesce = quiesce,
	.destroy = destroy,   .check = check,
	.state = &state,
};
