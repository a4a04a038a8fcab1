/* SPDX-License-Identifier: Apache-2.0 */

/* Staging one module. The order matters: nothing of the module runs before its bytes were checked,
 * no configuration is handed over before it fits the module's own schema, and each step leaves the
 * generation in a state that baton_generation_free() can take back. */
#include "core/module/generation.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/module/ctx.h"
#include "core/module/elf.h"
#include "core/module/probe.h"
#include "core/module/schema.h"
#include "core/module/shelf.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { IFACES_MAX = 32, SCRUB_BYTES_MIN = 4 };

struct load {
	const struct baton_stage_options *options;
	const struct baton_stage_change *change;
	struct baton_generation *g;
	struct baton_buf bytes;
	struct baton_elf elf;
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

/* --- which functions a kind must have ----------------------------------------------------- */

struct kind {
	const char *name, *iface;
	size_t size;
	size_t required[2]; /* offsets of functions; 0 ends */
};

static const struct kind kinds[] = {
	{ "classifier",
	  BATON_CLASSIFIER,
	  sizeof(baton_classifier),
	  { offsetof(baton_classifier, classify), 0 } },
	{ "provider",
	  BATON_PROVIDER,
	  sizeof(baton_provider),
	  { offsetof(baton_provider, start), offsetof(baton_provider, cancel) } },
	{ "rule", BATON_RULE, sizeof(baton_rule), { offsetof(baton_rule, evaluate), 0 } },
	{ "transcript",
	  BATON_TRANSCRIPT,
	  sizeof(baton_transcript),
	  { offsetof(baton_transcript, append), 0 } },
	{ "retriever",
	  BATON_RETRIEVER,
	  sizeof(baton_retriever),
	  { offsetof(baton_retriever, search), 0 } },
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static int check_vt(struct load *l, const struct kind *kind, const void *vt)
{
	uint32_t size;
	if (!vt)
		return refuse(l, BATON_E_MODULE, "interface %s: expected a table, found NULL",
			      kind->iface);
	memcpy(&size, vt, sizeof(size));
	if (size < kind->size)
		return refuse(l, BATON_E_MODULE,
			      "interface %s: expected at least %zu bytes, found %u", kind->iface,
			      kind->size, size);
	for (size_t i = 0; i < 2 && kind->required[i]; i++) {
		void (*fn)(void);
		memcpy(&fn, (const char *)vt + kind->required[i], sizeof(fn));
		if (!fn)
			return refuse(l, BATON_E_MODULE,
				      "interface %s: a function it must have is NULL", kind->iface);
	}
	l->g->vt = vt;
	return 0;
}

static int find_iface(struct load *l)
{
	const baton_module *m = l->g->entry;
	const struct kind *kind = kind_of(l->g->spec->kind);
	if (!kind)
		return refuse(l, BATON_E_MODULE, "kind %s is not served here", l->g->spec->kind);
	if (m->n_ifaces > IFACES_MAX || (m->n_ifaces > 0 && !m->ifaces))
		return refuse(l, BATON_E_MODULE, "interfaces: expected at most %d, found %u",
			      IFACES_MAX, m->n_ifaces);
	for (uint32_t i = 0; i < m->n_ifaces; i++)
		if (m->ifaces[i].id && strcmp(m->ifaces[i].id, kind->iface) == 0)
			return check_vt(l, kind, m->ifaces[i].vt);
	return refuse(l, BATON_E_MODULE, "interfaces: expected %s, found none of that name",
		      kind->iface);
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

/* Whatever else may be said of it: somebody has decided that these bytes do not come in. */
static int step_admit(struct load *l)
{
	char line[400];
	if (baton_shelf_quarantined(l->options->shelf, l->g->sha256, line, sizeof(line)))
		return refuse(l, BATON_E_MODULE, "%s", line);
	return 0;
}

static int step_check(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[400];
	int rc = baton_elf_check(baton_buf_view(&l->bytes), &l->elf, line, sizeof(line));
	if (rc < 0)
		return refuse(l, rc, "%s", line);
	if (!baton_elf_has_kind(l->elf.kinds, g->spec->kind))
		return refuse(l, BATON_E_MODULE, "wrong kind: expected %s, found %s", g->spec->kind,
			      l->elf.kinds);
	if (l->elf.flags & BATON_MODF_NO_INLINE)
		return refuse(
			l, BATON_E_MODULE,
			"it refuses to run in the server's process, and nothing else is offered");
	if (l->elf.resident_because)
		(void)snprintf(g->resident_because, sizeof(g->resident_because), "%s",
			       l->elf.resident_because);
	g->abi_major = (uint16_t)l->elf.abi_major;
	g->abi_needed = (uint16_t)l->elf.abi_needed;
	memcpy(g->id, l->elf.id, sizeof(g->id));
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

/* Entries of everything that is mapped, to notice when the dynamic linker hands out old code. */
struct live {
	struct live *next;
	const baton_module *entry;
};
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static struct live *live_list;

static bool live_add(const baton_module *entry)
{
	bool is_new = true;
	(void)pthread_mutex_lock(&live_lock);
	for (struct live *i = live_list; i; i = i->next)
		is_new = is_new && i->entry != entry;
	if (is_new) {
		struct live *live = baton_new(struct live);
		live->entry = entry;
		live->next = live_list;
		live_list = live;
	}
	(void)pthread_mutex_unlock(&live_lock);
	return is_new;
}

static void live_remove(const baton_module *entry)
{
	(void)pthread_mutex_lock(&live_lock);
	struct live **at = &live_list;
	while (*at && (*at)->entry != entry)
		at = &(*at)->next;
	if (*at) {
		struct live *gone = *at;
		*at = gone->next;
		baton_free(gone);
	}
	(void)pthread_mutex_unlock(&live_lock);
}

static int step_copy(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[256];
	int rc = baton_copy_make(l->options->run_dir, g->id, g->sha256, baton_buf_view(&l->bytes),
				 &g->copy, line, sizeof(line));
	return rc < 0 ? refuse(l, rc, "private copy: %s", line) : 0;
}

/* Its whole life once, in a process that nobody will miss. */
static int step_probe(struct load *l)
{
	struct baton_generation *g = l->g;
	char line[512];
	struct baton_probe_result result = { .us = 0 };
	struct baton_probe_options options = { .modhost = l->options->modhost,
					       .path = g->copy.path,
					       .name = g->spec->name,
					       .kind = g->spec->kind,
					       .config_json = g->spec->config_json,
					       .limit_ms = l->options->probe_ms,
					       .ret_result = &result };
	int rc = baton_probe_run(&options, line, sizeof(line));
	if (rc < 0)
		return refuse(l, rc, "%s", line);
	if (result.changed[0])
		baton_meter_breach(&g->meter, BATON_BREACH_SURROUNDINGS, result.changed);
	if (result.leftovers > 0)
		baton_meter_breach(&g->meter, BATON_BREACH_LEFTOVER,
				   "timers or watches behind destroy, in the probe");
	return 0;
}

/* What it must not change is compared and put back, whatever it did. */
static void settle(struct baton_generation *g, struct baton_surroundings *before, bool is_end)
{
	struct baton_buf changed = { 0 };
	unsigned bits = is_end ? baton_surroundings_drop_handlers(g->place, &changed) : 0;
	bits |= baton_surroundings_settle(before, &changed);
	if (bits != 0)
		baton_meter_breach(&g->meter, BATON_BREACH_SURROUNDINGS, changed.p);
	baton_buf_done(&changed);
}

static void map(struct baton_generation *g)
{
	struct baton_surroundings before;
	baton_surroundings_take(BATON_SURROUND_LIFE, &g->surroundings);
	baton_surroundings_take(BATON_SURROUND_SHARED, &before);
	g->place = baton_place_new(g->spec->name, g->version, g->number, g->sha256);
	struct baton_beacon_was was =
		baton_beacon_enter(g->place, "its constructors", BATON_BEACON_MAY_BLOCK);
	g->dl = dlopen(g->copy.path, RTLD_NOW | RTLD_LOCAL);
	baton_beacon_leave(was);
	settle(g, &before, false);
}

static int step_map(struct load *l)
{
	struct baton_generation *g = l->g;
	map(g);
	if (!g->dl)
		return refuse(l, BATON_E_MODULE, "the dynamic linker refused it: %.160s",
			      dlerror());
	const baton_module *entry = dlsym(g->dl, BATON_ENTRY_SYMBOL);
	baton_place_mapped(g->place, entry);
	if (!entry)
		return refuse(l, BATON_E_MODULE,
			      BATON_ENTRY_SYMBOL ": expected it after loading, found nothing");
	if (!live_add(entry))
		return refuse(l, BATON_E_MODULE,
			      "the dynamic linker gave older code instead of this file's");
	g->entry = entry;
	return 0;
}

static bool same_text(const char *said, const char *noted, size_t cap)
{
	return said && strnlen(said, cap) < cap && strcmp(said, noted) == 0;
}

static int step_entry(struct load *l)
{
	const baton_module *m = l->g->entry;
	if (m->magic != BATON_MAGIC)
		return refuse(l, BATON_E_MODULE, "magic: expected 0x%x, found 0x%x", BATON_MAGIC,
			      m->magic);
	if (m->size < sizeof(*m) || m->size != l->elf.module_size)
		return refuse(l, BATON_E_MODULE,
			      "descriptor: expected %u bytes as in its note, found %u",
			      l->elf.module_size, m->size);
	if (m->abi_major != l->elf.abi_major || m->abi_needed != l->elf.abi_needed ||
	    m->flags != l->elf.flags)
		return refuse(l, BATON_E_MODULE, "descriptor: ABI or flags differ from its note");
	if (!same_text(m->id, l->elf.id, sizeof(l->elf.id)))
		return refuse(l, BATON_E_MODULE,
			      "descriptor: expected the note's id %s, found another", l->elf.id);
	if (!same_text(m->version, l->elf.version, sizeof(l->elf.version)))
		return refuse(l, BATON_E_MODULE,
			      "descriptor: expected the note's version %s, found another",
			      l->elf.version);
	if (!m->create || !m->destroy)
		return refuse(l, BATON_E_MODULE,
			      "descriptor: expected create and destroy, found NULL");
	return find_iface(l);
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
	struct baton_surroundings before;
	baton_surroundings_take(BATON_SURROUND_SHARED, &before);
	struct baton_beacon_was was = baton_beacon_enter(g->place, "load", BATON_BEACON_MAY_BLOCK);
	int32_t rc = g->entry->load ? g->entry->load(ctx, baton_host_table(), &g->mod) : BATON_OK;
	baton_beacon_leave(was);
	settle(g, &before, false);
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
	    !same_texts(x->secrets, x->n_secrets, y->secrets, y->n_secrets))
		return false;
	for (size_t i = 0; i < a->n_secrets; i++)
		if (!same_word(a->secrets[i].value, b->secrets[i].value))
			return false;
	return true;
}

/* --- life --------------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void tell_step(const struct baton_generation *g, const char *state, const char *reason,
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

static struct baton_generation *generation_new(const struct baton_stage_options *options,
					       struct baton_policy *policy,
					       const struct baton_policy_module *spec)
{
	static _Atomic(uint64_t) serial;
	struct baton_generation *g = baton_new(struct baton_generation);
	atomic_store(&g->refs, 1);
	g->number = atomic_fetch_add(&serial, 1) + 1;
	g->host = (struct baton_host_parts){ options->journal, options->ca_file,
					     options->allow_loopback_http };
	g->policy = baton_policy_ref(policy);
	g->spec = spec;
	g->since_ms = baton_loop_unix_ms();
	g->step = options->step;
	g->gone = options->gone;
	g->step_ud = options->ud;
	baton_meter_init(&g->meter, spec->name);
	(void)pthread_mutex_init(&g->ctxs_lock, NULL);
	return g;
}

static void log_loaded(const struct baton_generation *g)
{
	char sha12[13];
	baton_file_hex(g->sha256, 6, sha12);
	baton_log(BATON_LOG_INFO, "module_loaded", "susssss", "module", g->spec->name, "generation",
		  g->number, "id", g->id, "version", g->version, "kind", g->spec->kind, "sha256",
		  sha12, "resident", g->resident_because[0] ? g->resident_because : "no");
}

int baton_generation_load(const struct baton_stage_options *options, struct baton_policy *policy,
			  const struct baton_policy_module *spec, struct baton_generation *base,
			  const struct baton_stage_change *change, struct baton_generation **ret,
			  char *why, size_t cap)
{
	static const struct {
		int (*step)(struct load *);
		const char *state; /* told when it is done */
	} steps[] = {
		{ step_read, "found" },    { step_secrets, NULL }, { step_admit, NULL },
		{ step_check, "checked" }, { step_copy, NULL },    { step_probe, "probed" },
		{ step_map, NULL },        { step_entry, NULL },   { step_config, NULL },
		{ step_load, "loaded" },
	};
	enum { READ_STEPS = 2 }; /* after these it is known whether anything has changed */
	struct load l = { .options = options, .change = change, .why = why, .cap = cap };
	uint64_t begin = now_us();
	int rc = 0;
	l.g = generation_new(options, policy, spec);
	for (size_t i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (i == READ_STEPS && base && !change && same(l.g, base)) {
			baton_buf_done(&l.bytes);
			baton_generation_unref(&l.g);
			*ret = baton_generation_ref(base);
			return 0;
		}
		if (steps[i].step == step_probe && !options->modhost)
			continue;
		rc = steps[i].step(&l);
		if (rc == 0 && steps[i].state) {
			tell_step(l.g, steps[i].state, "", now_us() - begin);
			begin = now_us();
		}
	}
	if (rc == 0)
		log_loaded(l.g);
	else
		tell_step(l.g, "refused", why, now_us() - begin);
	baton_buf_done(&l.bytes); /* not before: what is said of the file points into it */
	if (rc == 0)
		*ret = l.g;
	else
		baton_generation_unref(&l.g);
	return rc;
}

struct baton_generation *baton_generation_ref(struct baton_generation *generation)
{
	(void)atomic_fetch_add(&generation->refs, 1);
	return generation;
}

static void unmap(struct baton_generation *g)
{
	struct baton_beacon_was was =
		baton_beacon_enter(g->place, "unload", BATON_BEACON_MAY_BLOCK);
	if (g->loaded && g->entry->unload)
		g->entry->unload(g->mod);
	baton_beacon_leave(was);
	/* While it is known whose code is where. */
	settle(g, &g->surroundings, true);
	/* A resident one that never ran load() has still run its constructors: it stays, too, and
	 * its place stays known. */
	if (g->dl && g->resident_because[0])
		return;
	if (g->dl) {
		if (g->entry)
			live_remove(g->entry);
		was = baton_beacon_enter(g->place, "its destructors", BATON_BEACON_MAY_BLOCK);
		(void)dlclose(g->dl);
		baton_beacon_leave(was);
	}
	baton_place_done(&g->place);
}

static void generation_free(struct baton_generation *g)
{
	uint64_t begin = now_us();
	bool was_loaded = g->loaded;
	unmap(g);
	if (was_loaded) {
		baton_log(BATON_LOG_INFO, "module_unloaded", "sus", "module", g->spec->name,
			  "generation", g->number, "resident",
			  g->resident_because[0] ? g->resident_because : "no");
		tell_step(g, g->resident_because[0] ? "resident" : "unmapped", g->resident_because,
			  now_us() - begin);
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

int baton_generation_expand(const struct baton_generation *generation, baton_str text,
			    struct baton_buf *out)
{
	static const char open[] = "{{secret:", close[] = "}}";
	while (text.n > 0) {
		const char *at = memmem(text.p, text.n, open, sizeof(open) - 1);
		size_t n = at ? (size_t)(at - text.p) : text.n;
		baton_buf_add(out, text.p, n);
		if (!at)
			return 0;
		baton_str rest = { at + sizeof(open) - 1, text.n - n - (sizeof(open) - 1) };
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
