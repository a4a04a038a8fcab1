/* SPDX-License-Identifier: Apache-2.0 */

/* The child's side of one check: telling, opening the module, closing it. */
#include "core/check/inside.h"

#include "core/base/errors.h"
#include "core/isolate/child.h"
#include "core/module/elf.h"
#include "core/module/file.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	LINE_BYTES = 2048,
	FAILS_MAX = 12,
	READY_MS = 60000,
	IDLE_REAL_MS = 300,
	CPU_S = 300,
	FILES = 512
};

/* --- telling ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void tell(const char *word, const char *fmt,
						       va_list ap)
{
	char line[LINE_BYTES];
	int n = snprintf(line, sizeof(line), "%s ", word);
	(void)vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	size_t len = strlen(line);
	/* One line each, and UTF-8, whatever the module said. */
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	len = baton_str_utf8_prefix((baton_str){ line, len }).n;
	line[len < sizeof(line) - 1 ? len++ : len - 1] = '\n';
	for (size_t at = 0; at < len;) {
		ssize_t w = write(BATON_CHECK_FD, line + at, len - at);
		if (w <= 0)
			return;
		at += (size_t)w;
	}
}

void baton_try_fail(struct baton_try *trial, const char *fmt, ...)
{
	va_list ap;
	if (++trial->fails > FAILS_MAX)
		return;
	va_start(ap, fmt);
	tell("fail", fmt, ap);
	va_end(ap);
}

void baton_try_skip(struct baton_try *trial, const char *fmt, ...)
{
	va_list ap;
	if (trial->skipped)
		return;
	trial->skipped = true;
	va_start(ap, fmt);
	tell("skip", fmt, ap);
	va_end(ap);
}

void baton_try_note(struct baton_try *trial, const char *fmt, ...)
{
	va_list ap;
	(void)trial;
	va_start(ap, fmt);
	tell("note", fmt, ap);
	va_end(ap);
}

void baton_try_step(struct baton_try *trial, const char *fmt, ...)
{
	va_list ap;
	(void)trial;
	va_start(ap, fmt);
	tell("step", fmt, ap);
	va_end(ap);
}

static void tell_word(const char *word, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell_word(const char *word, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(word, fmt, ap);
	va_end(ap);
}

void baton_try_swaps(unsigned n)
{
	tell_word("swaps", "%u", n);
}

/* splitmix64 */
uint64_t baton_try_random(struct baton_try *trial)
{
	uint64_t z = trial->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

bool baton_try_is(const struct baton_try *trial, const char *kind)
{
	return strcmp(trial->kind, kind) == 0;
}

/* --- opening ------------------------------------------------------------------------------- */

void baton_try_idle(struct baton_try *trial, baton_testhost *host)
{
	baton_testhost_advance(host, trial->options->modhost ? IDLE_REAL_MS : trial->call_ms);
}

/* The module in a process of its own, as the server may run it: what is opened is its proxy, and
 * the clock is the machine's. */
static baton_testhost *host_isolated(struct baton_try *trial, baton_testhost_options *options,
				     char *why, size_t cap)
{
	char path[PATH_MAX], here[PATH_MAX];
	const struct baton_child_grant grant = { .path = getcwd(here, sizeof(here)),
						 .write = true };
	const struct baton_child_options child_options = { .modhost = trial->options->modhost,
							   .path = realpath(trial->path, path),
							   .name = "checked",
							   .host = baton_testhost_table(),
							   .grants = &grant,
							   .n_grants = 1 };
	const baton_module *entry;
	size_t i = 0;
	while (i < BATON_CHECK_LIVES && trial->lives[i].child)
		i++;
	if (i == BATON_CHECK_LIVES ||
	    baton_child_start(&child_options, &trial->lives[i].child, &entry, why, cap) < 0)
		return NULL;
	options->flags |= BATON_TESTHOST_REAL_TIME;
	options->mod = trial->lives[i].child;
	trial->lives[i].host = baton_testhost_open_entry(entry, options, why, cap);
	if (!trial->lives[i].host)
		baton_child_stop(&trial->lives[i].child);
	return trial->lives[i].host;
}

static void host_close(struct baton_try *trial, baton_testhost **phost)
{
	const baton_testhost *host = *phost;
	(void)baton_testhost_close(phost);
	for (size_t i = 0; i < BATON_CHECK_LIVES; i++) {
		struct baton_child_view view;
		if (!trial->lives[i].child || trial->lives[i].host != host)
			continue;
		baton_child_view(trial->lives[i].child, &view);
		if (view.crashes > 0)
			baton_try_fail(trial, "its process died: %s", view.last_how);
		baton_child_stop(&trial->lives[i].child);
		trial->lives[i].host = NULL;
	}
}

baton_testhost *baton_try_host(struct baton_try *trial)
{
	baton_testhost_options options = { .size = sizeof(options),
					   .flags = trial->stays ? BATON_TESTHOST_STAY_MAPPED : 0u,
					   .kind = trial->kind,
					   .seed = trial->options->seed };
	char why[512] = "";
	baton_testhost *host =
		trial->options->modhost
			? host_isolated(trial, &options, why, sizeof(why))
			: baton_testhost_open(trial->path, &options, why, sizeof(why));
	if (!host) {
		baton_try_fail(trial, "it cannot be loaded: %s", why);
		return NULL;
	}
	if (!trial->config)
		trial->config =
			baton_config_make(baton_testhost_module(host)->config_schema, trial->kind,
					  trial->options->config, why, sizeof(why));
	if (trial->config)
		return host;
	baton_try_fail(trial, "no configuration to try it with: %s", why);
	host_close(trial, &host);
	return NULL;
}

static const char *last_log(const baton_testhost *host)
{
	unsigned n = baton_testhost_logs(host);
	return n > 0 ? baton_testhost_log(host, n - 1, NULL) : "it logged nothing";
}

/* A module may learn after create(); its check(0) ends when it is ready. */
bool baton_try_ready(struct baton_try *trial, baton_testhost *host, uint32_t inst)
{
	baton_call call = 0;
	int32_t rc = baton_testhost_check(host, inst, 0, &call);
	if (rc == BATON_E_UNSUPPORTED)
		return true;
	if (rc >= 0 && !baton_testhost_run(host, call, READY_MS)) {
		baton_try_fail(trial, "check(0) did not end within a minute");
		return false;
	}
	const baton_heard *heard = baton_testhost_heard(host, call);
	if (rc >= 0 && heard->ended)
		return true;
	baton_try_fail(trial, "check(0) says that it is not well: %d %s", rc,
		       heard ? heard->error.message.p : "");
	return false;
}

bool baton_try_instance(struct baton_try *trial, baton_testhost *host, uint32_t *ret_inst)
{
	baton_try_step(trial, "create");
	int32_t rc = baton_testhost_create(host, trial->config, ret_inst);
	if (rc == BATON_OK)
		return baton_try_ready(trial, host, *ret_inst);
	baton_try_fail(trial, "no instance: create or activate said %d (%s); configuration %.200s",
		       rc, last_log(host), trial->config);
	return false;
}

bool baton_try_open(struct baton_try *trial)
{
	if (!trial->host)
		trial->host = baton_try_host(trial);
	return trial->host && baton_try_instance(trial, trial->host, &trial->inst);
}

/* One line for each rule that was broken, with how often. */
static void tell_breaches(struct baton_try *trial, const baton_testhost *host)
{
	for (unsigned i = 0; i < BATON_TESTHOST_BREACH_COUNT; i++) {
		enum baton_testhost_breach breach = (enum baton_testhost_breach)i;
		unsigned n = baton_testhost_breach(host, breach);
		const char *name = baton_testhost_breach_name(breach);
		if (n == 0)
			continue;
		/* The first line of this name says more. */
		const char *at = strstr(baton_testhost_breach_text(host), name);
		size_t len = at ? strcspn(at, "\n") : 0;
		baton_try_fail(trial, "broken rule, %u times: %.*s", n, (int)len, at ? at : "");
	}
}

void baton_try_close_host(struct baton_try *trial, baton_testhost **phost)
{
	baton_testhost *host = *phost;
	if (!host)
		return;
	baton_try_step(trial, "quiesce, destroy, unload");
	for (uint32_t i = baton_testhost_instances(host); i > 0; i--)
		baton_testhost_destroy(host, i - 1);
	tell_breaches(trial, host);
	host_close(trial, phost);
}

void baton_try_close(struct baton_try *trial)
{
	baton_try_close_host(trial, &trial->host);
}

/* --- the process --------------------------------------------------------------------------- */

static void limits(void)
{
	const struct rlimit cpu = { CPU_S, CPU_S }, files = { FILES, FILES }, core = { 0, 0 };
	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)setrlimit(RLIMIT_CORE, &core);
	(void)prctl(PR_SET_PDEATHSIG, 9);
}

/* What its file says of being unmapped. */
static void look_at_file(struct baton_try *trial)
{
	struct baton_buf bytes = { 0 };
	struct baton_elf elf = { 0 };
	char why[256];
	if (baton_file_read(NULL, trial->path, &bytes, why, sizeof(why)) == 0 &&
	    baton_elf_check(baton_buf_view(&bytes), &elf, why, sizeof(why)) == 0) {
		trial->stays = elf.resident_because != NULL;
		trial->forgiven = elf.flags & BATON_MODF_RESIDENT;
		(void)snprintf(trial->because, sizeof(trial->because), "%s",
			       trial->stays ? elf.resident_because : "");
	}
	baton_buf_done(&bytes);
}

int baton_check_child(const struct baton_check_options *options, const char *name)
{
	struct baton_try trial = { .options = options,
				   .row = baton_check_row_of(name),
				   .path = options->path,
				   .kind = options->kind,
				   .random = options->seed,
				   .call_ms = options->modhost ? (uint64_t)BATON_CHECK_CALL_REAL_MS
							       : (uint64_t)BATON_CHECK_CALL_MS };
	if (!trial.row || !trial.kind)
		return 2;
	limits();
	look_at_file(&trial);
	trial.row->run(&trial);
	baton_try_close(&trial);
	baton_free(trial.config);
	baton_free(trial.text);
	baton_free(trial.tool.name);
	baton_free(trial.tool.args);
	baton_free(trial.writer.name);
	baton_free(trial.writer.args);
	if (trial.fails > FAILS_MAX)
		baton_try_note(&trial, "and %u more", trial.fails - FAILS_MAX);
	(void)!write(BATON_CHECK_FD, "done\n", 5);
	return 0;
}
