/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a generation, and the secrets it may use. How one comes to be is stage.c. */
#include "core/module/generation.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/isolate/child.h"
#include "core/module/ctx.h"
#include "core/module/mapping.h"

#include <time.h>

enum { SCRUB_BYTES_MIN = 4 };

/* --- life --------------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

void baton_generation_tell(const struct baton_generation *g, const char *state, const char *reason,
			   uint64_t us)
{
	if (g->step)
		g->step(g->step_ud, &(struct baton_module_step){ .module = g->spec->name,
								 .state = state,
								 .reason = reason ? reason : "",
								 .version = g->version,
								 .sha256 = g->sha256,
								 .generation = g->number,
								 .us = us });
}

struct baton_generation *baton_generation_new(const struct baton_stage_options *options,
					      struct baton_policy *policy,
					      const struct baton_policy_module *spec)
{
	struct baton_generation *g = baton_new(struct baton_generation);
	atomic_store(&g->refs, 1);
	g->host = (struct baton_host_parts){ options->journal, options->ca_file,
					     options->allow_loopback_http };
	g->policy = baton_policy_ref(policy);
	g->spec = spec;
	g->since_ms = baton_loop_unix_ms();
	g->step = options->step;
	g->gone = options->gone;
	g->crashed = options->crashed;
	g->step_ud = options->ud;
	baton_meter_init(&g->meter, spec->name);
	(void)pthread_mutex_init(&g->ctxs_lock, NULL);
	return g;
}

void baton_generation_count(struct baton_generation *generation)
{
	static _Atomic(uint64_t) serial;
	generation->number = atomic_fetch_add(&serial, 1) + 1;
}

struct baton_generation *baton_generation_ref(struct baton_generation *generation)
{
	(void)atomic_fetch_add(&generation->refs, 1);
	return generation;
}

static void generation_free(struct baton_generation *g)
{
	uint64_t begin = now_us();
	bool was_loaded = g->loaded;
	bool stays = g->resident_because[0] && !g->isolated;
	if (g->child) {
		if (g->loaded && g->entry->unload)
			g->entry->unload(g->mod);
		baton_child_stop(&g->child);
	}
	baton_mapping_close(g);
	if (was_loaded) {
		baton_log(BATON_LOG_INFO, "module_unloaded", "sus", "module", g->spec->name,
			  "generation", g->number, "resident", stays ? g->resident_because : "no");
		baton_generation_tell(g, stays ? "resident" : "unmapped",
				      stays ? g->resident_because : "", now_us() - begin);
	}
	if (was_loaded && g->gone)
		g->gone(g->step_ud, &g->meter);
	baton_copy_done(&g->copy);
	for (size_t i = 0; i < g->n_secrets; i++)
		baton_secret_free(&g->secrets[i].value);
	baton_free(g->secrets);
	baton_ctx_free_all(g);
	(void)pthread_mutex_destroy(&g->ctxs_lock);
	baton_meter_done(&g->meter);
	baton_policy_free(&g->policy);
	baton_free(g);
}

void baton_generation_unref(struct baton_generation **generation)
{
	struct baton_generation *g = *generation;
	*generation = NULL;
	if (g && atomic_fetch_sub(&g->refs, 1) == 1)
		generation_free(g);
}

/* --- secrets in text ---------------------------------------------------------------------- */

static void scrub_one(struct baton_buf *text, const char *value)
{
	static const char mark[] = "[secret]";
	size_t n = strlen(value);
	struct baton_buf out = { 0 };
	size_t from = 0;
	if (n < SCRUB_BYTES_MIN || !text->p)
		return;
	for (;;) {
		const char *hit = memmem(text->p + from, text->n - from, value, n);
		size_t to = hit ? (size_t)(hit - text->p) : text->n;
		baton_buf_add(&out, text->p + from, to - from);
		if (!hit)
			break;
		baton_buf_z(&out, mark);
		from = to + n;
	}
	baton_buf_reset(text);
	baton_buf_str(text, baton_buf_view(&out));
	baton_buf_done(&out);
}

void baton_generation_scrub(const struct baton_generation *generation, struct baton_buf *text)
{
	for (size_t i = 0; i < generation->n_secrets; i++)
		if (generation->secrets[i].value)
			scrub_one(text, generation->secrets[i].value);
}

static int add_secret(const struct baton_generation *g, baton_str name, struct baton_buf *out)
{
	for (size_t i = 0; i < g->n_secrets; i++) {
		if (!baton_str_is(name, g->secrets[i].name))
			continue;
		if (!g->secrets[i].value)
			return BATON_E_NOTFOUND;
		baton_buf_z(out, g->secrets[i].value);
		return 0;
	}
	return BATON_E_DENIED;
}

static const char secret_begin[] = "{{secret:";

bool baton_generation_has_secret(baton_str text)
{
	const char *brace = text.n ? memchr(text.p, '{', text.n) : NULL; /* in hardly any */
	return brace && memmem(brace, text.n - (size_t)(brace - text.p), secret_begin,
			       sizeof(secret_begin) - 1);
}

int baton_generation_expand(const struct baton_generation *generation, baton_str text,
			    struct baton_buf *out)
{
	static const char close[] = "}}";
	while (text.n > 0) {
		const char *at = memmem(text.p, text.n, secret_begin, sizeof(secret_begin) - 1);
		size_t n = at ? (size_t)(at - text.p) : text.n;
		baton_buf_add(out, text.p, n);
		if (!at)
			return 0;
		baton_str rest = { at + sizeof(secret_begin) - 1,
				   text.n - n - (sizeof(secret_begin) - 1) };
		const char *end = memmem(rest.p, rest.n, close, sizeof(close) - 1);
		if (!end)
			return BATON_E_INVAL;
		baton_str name = { rest.p, (size_t)(end - rest.p) };
		int rc = add_secret(generation, name, out);
		if (rc < 0)
			return rc;
		text = (baton_str){ end + 2, rest.n - name.n - 2 };
	}
	return 0;
}
