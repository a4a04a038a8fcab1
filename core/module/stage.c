/* SPDX-License-Identifier: Apache-2.0 */

/* Staging one module. The order matters: nothing of the module runs before its bytes were
 * checked, nothing of it runs in this process before it ran in another, no configuration is
 * handed over before it fits the module's own schema, and each step leaves the generation in a
 * state that baton_generation_unref() can take back. */
#include "core/module/generation.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/isolate/child.h"
#include "core/module/ctx.h"
#include "core/module/descriptor.h"
#include "core/module/elf.h"
#include "core/module/mapping.h"
#include "core/module/probe.h"
#include "core/module/schema.h"
#include "core/module/shelf.h"
#include "core/module/trust.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

enum {
	STEPS_N = 11,
	READ_STEPS = 2 /* after these it is known whether anything has changed */
};

struct load {
	const struct baton_stage_options *options;
	const struct baton_stage_change *change;
	struct baton_generation *g;
	struct baton_buf bytes;
	struct baton_elf elf;
	bool confined; /* a process of its own, whatever the policies say */
	char *why;
	size_t cap;
};

/* Every reason begins with the file it is about. */
__attribute__((format(printf, 3, 4))) static int refuse(struct load *l, int rc, const char *fmt,
							...)
{
	int n = snprintf(l->why, l->cap, "%s: ", l->g->spec->file);
	va_list ap;
	va_start(ap, fmt);
	if (n > 0 && (size_t)n < l->cap)
		(void)vsnprintf(l->why + n, l->cap - (size_t)n, fmt, ap);
	va_end(ap);
	return rc;
}

/* --- the steps ---------------------------------------------------------------------------- */

/* From the modules directory, or from where a change says: owner and mode are judged either way. */
static int step_read(struct load *l)
{
	struct baton_generation *g = l->g;
	const char *path = l->change ? l->change->path : NULL;
	const char *slash = path ? strrchr(path, '/') : NULL;
	char dir[PATH_MAX];
	if (!path)
		(void)snprintf(dir, sizeof(dir), "%s", l->options->modules_dir);
	else
		(void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1,
			       slash ? path : ".");
	int rc = baton_file_read(dir[0] ? dir : "/",
				 !path   ? g->spec->file
				 : slash ? slash + 1
					 : path,
				 &l->bytes, l->why, l->cap);
	if (rc == 0)
		baton_file_sha256(baton_buf_view(&l->bytes), g->sha256);
	return rc;
}

/* Twice: where it will run decides how strict the look must be, and what it says of itself decides
 * where it will run. */
static int step_check(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[400];
	baton_str bytes = baton_buf_view(&l->bytes);
	int rc = baton_elf_check_for(bytes, true, &l->elf, line, sizeof(line));
	if (rc == 0)
		rc = baton_trust_decide(l->options, g->spec, g->sha256, &l->elf, &g->isolated, line,
					sizeof(line));
	g->isolated = g->isolated || l->confined;
	if (rc == 0 && !g->isolated)
		rc = baton_elf_check(bytes, &l->elf, line, sizeof(line));
	if (rc < 0)
		return refuse(l, rc, "%s", line);
	if (!baton_elf_has_kind(l->elf.kinds, g->spec->kind))
		return refuse(l, BATON_E_MODULE, "wrong kind: expected %s, found %s", g->spec->kind,
			      l->elf.kinds);
	if (l->elf.resident_because && !g->isolated &&
	    baton_mapping_residents() >= BATON_RESIDENTS_MAX)
		return refuse(
			l, BATON_E_MODULE,
			"%d old generations cannot be unmapped, this one could not either (%s): "
			"restart the server, or write `isolation: process`",
			BATON_RESIDENTS_MAX, l->elf.resident_because);
	if (l->elf.resident_because && !g->isolated)
		(void)snprintf(g->resident_because, sizeof(g->resident_because), "%s",
			       l->elf.resident_because);
	g->abi_major = (uint16_t)l->elf.abi_major;
	g->abi_needed = (uint16_t)l->elf.abi_needed;
	memcpy(g->id, l->elf.id, sizeof(g->id));
	memcpy(g->build_id, l->elf.build_id, sizeof(g->build_id));
	memcpy(g->version, l->elf.version, sizeof(g->version));
	return 0;
}

/* Secrets are read once, here. One that is not set is no reason not to start: only what needs it
 * fails. */
static int step_secrets(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[256];
	g->secrets = baton_alloc(g->spec->n_secrets * sizeof(*g->secrets));
	g->n_secrets = g->spec->n_secrets;
	for (size_t i = 0; i < g->n_secrets; i++) {
		g->secrets[i].name = g->spec->secrets[i];
		int rc = baton_secret_read(l->options->secrets_dir, g->secrets[i].name,
					   &g->secrets[i].value, line, sizeof(line));
		if (rc == BATON_E_DENIED)
			return refuse(l, BATON_E_MODULE, "%s", line);
		if (rc < 0)
			baton_log(BATON_LOG_NOTICE, "secret_missing", "sss", "module",
				  g->spec->name, "secret", g->secrets[i].name, "reason", line);
	}
	return 0;
}

/* Nothing to go back to: where it can end nobody but itself it is still better than no server. */
static int confine(struct load *l, const char *line)
{
	if (!l->options->modhost)
		return refuse(l, BATON_E_MODULE, "%s", line);
	baton_log(BATON_LOG_ERROR, "module_confined", "ss", "module", l->g->spec->name, "why",
		  line);
	l->confined = true;
	return 0;
}

/* A file in quarantine does not come in. When the server starts, the last good one takes its
 * place: a server with an older module is better than none. */
static int step_quarantine(struct load *l)
{
	struct baton_generation *g = l->g;
	struct baton_shelf_file good;
	char line[BATON_SHELF_REASON_MAX + 128];
	if (!baton_shelf_quarantined(l->options->shelf, g->sha256, line, sizeof(line)))
		return 0;
	if (!l->options->boot)
		return refuse(l, BATON_E_MODULE, "%s", line);
	if (baton_shelf_good(l->options->shelf, g->spec->name, 0, &good) != 0)
		return confine(l, line);
	baton_log(BATON_LOG_ERROR, "module_replaced_by_last_good", "sss", "module", g->spec->name,
		  "why", line, "file", good.path);
	baton_generation_tell(g, "quarantined", line, 0);
	baton_buf_reset(&l->bytes);
	char *slash = strrchr(good.path, '/');
	*slash = '\0';
	int rc = baton_file_read(good.path, slash + 1, &l->bytes, l->why, l->cap);
	if (rc == 0)
		baton_file_sha256(baton_buf_view(&l->bytes), g->sha256);
	return rc;
}

/* Behind the quarantine: what took the place of a bad file must be the file that was meant, too. */
static int step_pin(struct load *l)
{
	char line[320];
	int rc = baton_file_pinned(l->g->spec->sha256, l->g->sha256, line, sizeof(line));
	return rc < 0 ? refuse(l, rc, "%s", line) : 0;
}

static int step_copy(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[256];
	int rc = baton_copy_make(l->options->run_dir, g->id, g->sha256, baton_buf_view(&l->bytes),
				 &g->copy, line, sizeof(line));
	return rc < 0 ? refuse(l, rc, "private copy: %s", line) : 0;
}

/* What will have a process of its own anyway needs none to be tried in. */
static int step_probe(struct load *l)
{
	struct baton_generation *g = l->g;
	struct baton_probe_result result = { 0 };
	char line[512];
	if (g->isolated || !l->options->modhost || l->options->no_probe)
		return 0;
	struct baton_probe_options probe = { .modhost = l->options->modhost,
					     .path = g->copy.path,
					     .name = g->spec->name,
					     .kind = g->spec->kind,
					     .config_json = g->spec->config_json,
					     .limit_ms = l->options->probe_ms,
					     .ready_ms = g->policy->releases.health_ms,
					     .ret_result = &result };
	int rc = baton_probe_run(&probe, line, sizeof(line));
	if (rc == BATON_E_MODULE)
		return refuse(l, rc, "%s", line);
	if (rc < 0) /* ours: no reason to keep a module out */
		baton_log(BATON_LOG_WARN, "module_not_probed", "ss", "module", g->spec->name, "why",
			  line);
	if (result.changed[0])
		baton_meter_breach(&g->meter, BATON_BREACH_SURROUNDINGS, result.changed);
	if (result.leftovers > 0)
		baton_meter_breach(&g->meter, BATON_BREACH_LEFTOVER, "at destroy, in the probe");
	return 0;
}

static void process_died(void *ud, const char *how)
{
	struct baton_generation *g = ud;
	(void)atomic_fetch_add(&g->crashes, 1);
	if (g->crashed)
		g->crashed(g->step_ud, &(struct baton_module_crash){ .module = g->spec->name,
								     .how = how,
								     .sha256 = g->sha256,
								     .generation = g->number });
}

static int start_process(struct load *l, char *why, size_t cap)
{
	struct baton_generation *g = l->g;
	const struct baton_policy_module *spec = g->spec;
	struct baton_child_grant *grants = baton_alloc((spec->n_writes + 1) * sizeof(*grants));
	struct baton_child_options child = { .modhost = l->options->modhost,
					     .path = g->copy.path,
					     .name = g->spec->name,
					     .host = baton_host_table(),
					     .grants = grants,
					     .n_grants = spec->n_writes,
					     .ud = g,
					     .crashed = process_died };
	int rc = 0;
	for (size_t i = 0; i < spec->n_writes && rc == 0; i++) {
		struct stat found;
		grants[i] = (struct baton_child_grant){ spec->writes[i], true };
		if (stat(spec->writes[i], &found) == 0 && S_ISDIR(found.st_mode))
			continue;
		(void)snprintf(why, cap,
			       "writes: %s: expected a directory, found none: make it first",
			       spec->writes[i]);
		rc = BATON_E_MODULE;
	}
	if (rc == 0)
		rc = baton_child_start(&child, &g->child, &g->entry, why, cap);
	baton_free(grants);
	g->mod = g->child; /* what its load() takes */
	return rc;
}

static int step_map(struct load *l)
{
	char line[256];
	int rc = l->g->isolated ? start_process(l, line, sizeof(line))
				: baton_mapping_open(l->g, line, sizeof(line));
	return rc < 0 ? refuse(l, rc, "%s", line) : 0;
}

static int step_descriptor(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[256];
	int rc = baton_descriptor_check(g->entry, &l->elf, g->spec->kind, &g->vt, line,
					sizeof(line));
	return rc < 0 ? refuse(l, rc, "%s", line) : 0;
}

static int step_config(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[256];
	int rc = baton_schema_check(g->entry->config_schema, g->spec->config, line, sizeof(line));
	if (rc < 0)
		return refuse(l, BATON_E_MODULE, "%s: %s", g->spec->name, line);
	g->config = g->spec->config_json ? g->spec->config_json : "{}";
	return 0;
}

static int step_load(struct load *l)
{
	struct baton_generation *g = l->g;
	struct baton_ctx *ctx = baton_ctx_new(g, NULL, NULL);
	int32_t rc = baton_mapping_load(g, ctx);
	if (rc == BATON_E_IO && g->isolated)
		return refuse(l, BATON_E_MODULE, "load: its process did not live to answer");
	if (rc != BATON_OK)
		return refuse(l, BATON_E_MODULE, "load: expected 0, found %d (%s)", rc,
			      rc < 0 ? baton_error_info(rc)->text : "not a result of load");
	g->loaded = true;
	return 0;
}

/* --- sharing ------------------------------------------------------------------------------ */

static bool same_texts(const char *const *a, size_t n, const char *const *b, size_t m)
{
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool same_word(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Nothing that the module could notice has changed. */
static bool same(const struct baton_generation *a, const struct baton_generation *b)
{
	const struct baton_policy_module *x = a->spec, *y = b->spec;
	if (memcmp(a->sha256, b->sha256, sizeof(a->sha256)) != 0 || strcmp(x->kind, y->kind) != 0 ||
	    !same_word(x->isolation, y->isolation) || !same_word(x->config_json, y->config_json) ||
	    !same_texts(x->egress, x->n_egress, y->egress, y->n_egress) ||
	    !same_texts(x->writes, x->n_writes, y->writes, y->n_writes) ||
	    !same_texts(x->secrets, x->n_secrets, y->secrets, y->n_secrets))
		return false;
	/* A pin that says now that it should be another. */
	char line[8];
	if (baton_file_pinned(x->sha256, a->sha256, line, sizeof(line)) < 0)
		return false;
	for (size_t i = 0; i < a->n_secrets; i++)
		if (!same_word(a->secrets[i].value, b->secrets[i].value))
			return false;
	return true;
}

/* --- all of it ---------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void log_loaded(const struct baton_generation *g)
{
	char sha12[13];
	baton_file_hex(g->sha256, 6, sha12);
	baton_log(BATON_LOG_INFO, "module_loaded", "susssss", "module", g->spec->name, "generation",
		  g->number, "id", g->id, "version", g->version, "kind", g->spec->kind, "sha256",
		  sha12, "resident", g->resident_because[0] ? g->resident_because : "no");
}

/* The steps from `from` on, up to `to`; what is done of them is told. */
static int run_steps(struct load *l, size_t from, size_t to, uint64_t *begin)
{
	static const struct {
		int (*step)(struct load *);
		const char *state; /* told when it is done */
	} steps[STEPS_N] = {
		{ step_read, NULL },      { step_secrets, NULL },    { step_quarantine, NULL },
		{ step_pin, NULL },       { step_check, "checked" }, { step_copy, NULL },
		{ step_probe, "probed" }, { step_map, NULL },        { step_descriptor, NULL },
		{ step_config, NULL },    { step_load, "loaded" },
	};
	int rc = 0;
	for (size_t i = from; rc == 0 && i < to; i++) {
		rc = steps[i].step(l);
		if (rc < 0 || !steps[i].state)
			continue;
		baton_generation_tell(l->g, steps[i].state, "", now_us() - *begin);
		*begin = now_us();
	}
	return rc;
}

int baton_generation_load(const struct baton_stage_options *options, struct baton_policy *policy,
			  const struct baton_policy_module *spec, struct baton_generation *base,
			  const struct baton_stage_change *change, struct baton_generation **ret,
			  char *why, size_t cap)
{
	struct load l = { .options = options, .change = change, .why = why, .cap = cap };
	uint64_t begin = now_us();
	l.g = baton_generation_new(options, policy, spec);
	int rc = run_steps(&l, 0, READ_STEPS, &begin);
	if (rc == 0 && base && !change && same(l.g, base)) {
		baton_buf_done(&l.bytes);
		baton_generation_unref(&l.g);
		*ret = baton_generation_ref(base);
		return 0;
	}
	baton_generation_count(l.g);
	if (rc == 0) {
		baton_generation_tell(l.g, "found", "", now_us() - begin);
		begin = now_us();
		rc = run_steps(&l, READ_STEPS, STEPS_N, &begin);
	}
	if (rc == 0)
		log_loaded(l.g);
	else
		baton_generation_tell(l.g, "refused", why, now_us() - begin);
	baton_buf_done(&l.bytes); /* not before: what is said of the file points into it */
	if (rc == 0)
		*ret = l.g;
	else
		baton_generation_unref(&l.g);
	return rc;
}
