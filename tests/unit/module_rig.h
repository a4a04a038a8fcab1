/* SPDX-License-Identifier: Apache-2.0 */

/* What the tests of modules share: where the fixtures are, a scratch directory, a policy made by hand,
 * a rack on a real loop, and a record of everything the rack tells. */
#pragma once

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/module/meter.h"
#include "core/module/release.h"
#include "core/module/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>

enum { RIG_SUB = BATON_SCRATCH_BYTES + 16, RIG_TEXT = 512, RIG_MODULES_MAX = 4, RIG_GUARD_MS = 10000 };

struct rig {
	char base[256]; /* build/<variant> */
	/* scratch: modules/ is what is loaded, run/ holds private copies */
	char dir[BATON_SCRATCH_BYTES];
	char modules[RIG_SUB], run[RIG_SUB], secrets[RIG_SUB];
	struct baton_policy *policy;
	struct baton_release *release;
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct baton_buf heard; /* one line per thing told */
	baton_error error;      /* of the last failure, without its texts */
	struct baton_buf log;
	char why[RIG_TEXT];
	unsigned ends, ends_wanted;
	const char *secret[1], *egress[1];
	bool loopback;
	struct baton_journal *journal;
	void (*on_end)(struct rig *rig);
};

__attribute__((unused)) static void rig_log(void *ud, baton_str line)
{
	struct rig *rig = ud;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	(void)pthread_mutex_lock(&lock);
	baton_buf_str(&rig->log, line);
	(void)pthread_mutex_unlock(&lock);
}

__attribute__((unused)) static uint64_t rig_wall(void *ud)
{
	(void)ud;
	return 0;
}

static void rig_path(char *to, size_t cap, const char *a, const char *b)
{
	int n = snprintf(to, cap, "%s/%s", a, b);
	assert_true(n > 0 && (size_t)n < cap);
}

__attribute__((unused)) static int rig_setup(void **state)
{
	struct rig *rig = baton_new(struct rig);
	ssize_t n = readlink("/proc/self/exe", rig->base, sizeof(rig->base) - 1);
	assert_true(n > 0);
	rig->base[n] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(rig->base, '/') = 0;
	assert_int_equal(baton_scratch_make(rig->dir, "module"), BATON_OK);
	rig_path(rig->modules, sizeof(rig->modules), rig->dir, "modules");
	rig_path(rig->run, sizeof(rig->run), rig->dir, "run");
	rig_path(rig->secrets, sizeof(rig->secrets), rig->dir, "secrets");
	assert_int_equal(mkdir(rig->modules, 0755), 0);
	assert_int_equal(mkdir(rig->run, 0700), 0);
	assert_int_equal(mkdir(rig->secrets, 0700), 0);
	baton_log_to(rig_log, rig_wall, rig, BATON_LOG_INFO);
	*state = rig;
	return 0;
}

__attribute__((unused)) static int rig_teardown(void **state)
{
	struct rig *rig = *state;
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
	baton_policy_free(&rig->policy);
	baton_loop_free(&rig->loop);
	baton_log_to(NULL, NULL, NULL, BATON_LOG_ERROR);
	baton_buf_done(&rig->heard);
	baton_buf_done(&rig->log);
	baton_scratch_drop(rig->dir);
	baton_free(rig);
	return 0;
}

__attribute__((unused)) static void rig_read(const char *path, struct baton_buf *out)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	for (;;) {
		size_t n = fread(baton_buf_room(out, 65536), 1, 65536, f);
		if (n == 0)
			break;
		out->n += n;
	}
	baton_buf_add(out, NULL, 0); /* the NUL */
	(void)fclose(f);
}

__attribute__((unused)) static void rig_write(const char *path, baton_str bytes)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	if (bytes.n > 0)
		assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	assert_int_equal(fclose(f), 0);
}

/* Puts build/<variant>/<from> into the scratch directory as `name`. */
__attribute__((unused)) static void rig_install(struct rig *rig, const char *from, const char *name)
{
	char path[512];
	struct baton_buf bytes = { 0 };
	rig_path(path, sizeof(path), rig->base, from);
	rig_read(path, &bytes);
	rig_path(path, sizeof(path), rig->modules, name);
	rig_write(path, baton_buf_view(&bytes));
	assert_int_equal(chmod(path, 0644), 0);
	baton_buf_done(&bytes);
}

__attribute__((unused)) static void rig_policy(struct rig *rig)
{
	if (rig->policy)
		return;
	rig->policy = baton_new(struct baton_policy);
	rig->policy->modules = baton_arena_alloc(&rig->policy->arena, RIG_MODULES_MAX * sizeof(struct baton_policy_module));
}

/* One module of the policy, configured by `config`. */
__attribute__((unused)) static struct baton_policy_module *rig_module(struct rig *rig, const char *name, const char *kind, const char *file,
                                              const char *config)
{
	rig_policy(rig);
	assert_true(rig->policy->n_modules < RIG_MODULES_MAX);
	struct baton_policy_module *m = &rig->policy->modules[rig->policy->n_modules++];
	struct baton_arena *arena = &rig->policy->arena;
	m->name = baton_arena_dup(arena, name, strlen(name));
	m->kind = baton_arena_dup(arena, kind, strlen(kind));
	m->file = baton_arena_dup(arena, file, strlen(file));
	m->config_json = baton_arena_dup(arena, config, strlen(config));
	m->isolation = "inline";
	m->config = json_loads(config, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(m->config);
	m->secrets = rig->secret;
	m->n_secrets = rig->secret[0] ? 1 : 0;
	m->egress = rig->egress;
	m->n_egress = rig->egress[0] ? 1 : 0;
	return m;
}

__attribute__((unused)) static int rig_stage(struct rig *rig)
{
	struct baton_stage_options options = { .modules_dir = rig->modules, .run_dir = rig->run,
		                               .secrets_dir = rig->secrets, .journal = rig->journal,
		                               .allow_loopback_http = rig->loopback };
	memset(rig->why, 0, sizeof(rig->why));
	int rc = baton_release_stage(&options, NULL, rig->policy, 7, &rig->release, rig->why, sizeof(rig->why));
	if (rc == 0)
		rig->policy = NULL; /* the release's now */
	return rc;
}

/* --- what is told --------------------------------------------------------------------------------- */

static void rig_ended(struct rig *rig)
{
	rig->ends++;
	if (rig->on_end)
		rig->on_end(rig);
	if (rig->ends == rig->ends_wanted)
		baton_loop_stop(rig->loop);
}

static void rig_intents(void *ud, uint64_t ticket, const baton_intents *intents)
{
	struct rig *rig = ud;
	baton_buf_printf(&rig->heard, "%ju intents", (uintmax_t)ticket);
	for (uint32_t i = 0; i < intents->n; i++)
		baton_buf_printf(&rig->heard, " %.*s=%u", (int)intents->v[i].name.n, intents->v[i].name.p,
		                 intents->v[i].confidence_ppm);
	baton_buf_printf(&rig->heard, " %.*s\n", (int)intents->language.n, intents->language.p);
}

static void rig_docs(void *ud, uint64_t ticket, const baton_doc *docs, uint32_t n)
{
	struct rig *rig = ud;
	baton_buf_printf(&rig->heard, "%ju docs", (uintmax_t)ticket);
	for (uint32_t i = 0; i < n; i++)
		baton_buf_printf(&rig->heard, " %.*s:%.*s", (int)docs[i].id.n, docs[i].id.p, (int)docs[i].snippet.n,
		                 docs[i].snippet.p);
	baton_buf_z(&rig->heard, "\n");
}

static void rig_tool(void *ud, uint64_t ticket, const baton_tool_result *result)
{
	struct rig *rig = ud;
	baton_buf_printf(&rig->heard, "%ju tool %u %.*s", (uintmax_t)ticket, result->flags, (int)result->json.n,
	                 result->json.p);
	if (result->code.n > 0)
		baton_buf_printf(&rig->heard, " %.*s", (int)result->code.n, result->code.p);
	if (result->http_status || result->tries)
		baton_buf_printf(&rig->heard, " http %u tries %u", result->http_status, result->tries);
	baton_buf_z(&rig->heard, "\n");
}

static void rig_delta(void *ud, uint64_t ticket, uint32_t kind, baton_str data)
{
	struct rig *rig = ud;
	baton_buf_printf(&rig->heard, "%ju delta %u %.*s\n", (uintmax_t)ticket, kind, (int)data.n, data.p);
}

static void rig_usage(void *ud, uint64_t ticket, const baton_usage *usage)
{
	struct rig *rig = ud;
	baton_buf_printf(&rig->heard, "%ju usage %ju %ju\n", (uintmax_t)ticket, (uintmax_t)usage->in_tokens,
	                 (uintmax_t)usage->out_tokens);
}

static void rig_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct rig *rig = ud;
	baton_buf_printf(&rig->heard, "%ju end %u\n", (uintmax_t)ticket, reason);
	rig_ended(rig);
}

static void rig_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct rig *rig = ud;
	baton_buf_printf(&rig->heard, "%ju fail %u %.*s\n", (uintmax_t)ticket, error->fail, (int)error->message.n,
	                 error->message.p);
	rig->error = *error;
	rig->error.code = rig->error.message = BATON_STR_NONE;
	rig_ended(rig);
}

__attribute__((unused)) static int rig_rack(struct rig *rig)
{
	struct baton_rack_events events = { rig, rig_intents, rig_docs, rig_delta, rig_usage, rig_end, rig_fail, NULL, NULL, rig_tool };
	if (!rig->loop)
		rig->loop = baton_loop_new("test");
	rig->rack = baton_rack_new(rig->loop, &events);
	int rc = baton_rack_adopt(rig->rack, rig->release, rig->why, sizeof(rig->why));
	if (rc < 0)
		baton_rack_free(&rig->rack);
	return rc;
}

static void rig_late(void *ud)
{
	struct rig *rig = ud;
	baton_buf_z(&rig->heard, "(nothing more came)\n");
	baton_loop_stop(rig->loop);
}

/* Runs the loop until `ends` ends in all were told; a guard timer turns a hang into a failure. */
__attribute__((unused)) static void rig_run(struct rig *rig, unsigned ends)
{
	rig->ends_wanted = ends;
	uint64_t guard = baton_loop_timer(rig->loop, RIG_GUARD_MS, rig_late, rig);
	baton_loop_run(rig->loop);
	(void)baton_loop_timer_stop(rig->loop, guard);
}

static void rig_stop(void *ud)
{
	struct rig *rig = ud;
	baton_loop_stop(rig->loop);
}

/* Runs the loop for a while, ends or not. */
__attribute__((unused)) static void rig_idle(struct rig *rig, uint64_t ms)
{
	rig->ends_wanted = UINT32_MAX;
	(void)baton_loop_timer(rig->loop, ms, rig_stop, rig);
	baton_loop_run(rig->loop);
}

__attribute__((unused)) static const char *rig_heard(struct rig *rig)
{
	return rig->heard.n ? rig->heard.p : "";
}

__attribute__((unused)) static bool rig_logged(struct rig *rig, const char *text)
{
	return rig->log.n > 0 && strstr(rig->log.p, text) != NULL;
}

/* What the modules of the release did and broke, as Prometheus text. */
__attribute__((unused)) static void rig_metrics(struct rig *rig, struct baton_buf *out)
{
	struct baton_meter *meters[RIG_MODULES_MAX];
	size_t n = baton_release_size(rig->release);
	for (size_t i = 0; i < n; i++)
		meters[i] = baton_release_meter(rig->release, i);
	baton_meter_text(meters, n, out);
}

struct rig_totals { /* of all modules of the release */
	uint64_t calls, overruns, broken;
};
__attribute__((unused)) static void rig_totals(struct rig *rig, struct rig_totals *ret)
{
	*ret = (struct rig_totals){ 0, 0, 0 };
	for (size_t i = 0; i < baton_release_size(rig->release); i++) {
		struct baton_generation_view view;
		baton_release_view(rig->release, i, &view);
		ret->calls += view.calls;
		ret->overruns += view.overruns;
		ret->broken += view.violations;
	}
}

/* The value of one line of the metrics. */
__attribute__((unused)) static long rig_metric(struct rig *rig, const char *line)
{
	struct baton_buf text = { 0 };
	rig_metrics(rig, &text);
	const char *at = text.n ? strstr(text.p, line) : NULL;
	long v = at ? strtol(at + strlen(line), NULL, 10) : -1;
	baton_buf_done(&text);
	return v;
}

__attribute__((unused)) static long rig_broken(struct rig *rig, const char *module, const char *rule)
{
	char line[256];
	(void)snprintf(line, sizeof(line), "baton_module_contract_violations_total{module=\"%s\",rule=\"%s\"} ", module,
	               rule);
	return rig_metric(rig, line);
}

/* Loads sinner.so with one sin as `kind` and makes a rack of it. */
__attribute__((unused)) static void rig_sinner(struct rig *rig, const char *kind, const char *sin, const char *text)
{
	char config[400];
	(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\",\"text\":\"%s\"}", sin, text);
	rig_install(rig, "tests/modules/sinner.so", "sinner.so");
	(void)rig_module(rig, "sinner", kind, "sinner.so", config);
	if (rig_stage(rig) != 0 || rig_rack(rig) != 0)
		fail_msg("%s", rig->why);
}

__attribute__((unused)) static int rig_generate(struct rig *rig, uint64_t ticket, const char *provider)
{
	baton_msg msgs[] = { { .role = BATON_ROLE_CUSTOMER, .text = BATON_STR("where is my order") } };
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = 1 };
	baton_prompt prompt = { .size = sizeof(prompt), .turn = &turn, .temperature_milli = -1 };
	return baton_rack_generate(rig->rack, rig->release, ticket, provider, &prompt);
}
