/* SPDX-License-Identifier: Apache-2.0 */

/* A release: the generations of one policy set, staged together or not at all. */
#include "core/module/release.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/module/elf.h"
#include "core/module/generation.h"
#include "core/module/host.h"
#include "core/module/mapping.h"
#include "core/module/shelf.h"

#include <stdio.h>

enum { MODULES_MAX = 256 };

struct baton_release {
	_Atomic(unsigned) refs;
	_Atomic(uint64_t) pins;
	uint64_t number;
	struct baton_policy *policy;
	struct baton_generation **generations;
	size_t n;
	bool part; /* of another: nothing ends with it */
	_Atomic(bool) lived;
};

static void free_generations(struct baton_release *release)
{
	/* The last loaded goes first. */
	while (release->n > 0)
		baton_generation_unref(&release->generations[--release->n]);
	baton_free(release->generations);
	release->generations = NULL;
}

/* What serves under this name, of `base`. */
static struct baton_generation *serving(const struct baton_release *base, const char *name)
{
	for (size_t i = 0; base && i < base->n; i++)
		if (strcmp(base->generations[i]->spec->name, name) == 0)
			return base->generations[i];
	return NULL;
}

static const struct baton_stage_change *change_of(const struct baton_stage_options *options,
						  const char *name)
{
	for (size_t i = 0; i < options->n_changes; i++)
		if (strcmp(options->changes[i].module, name) == 0)
			return &options->changes[i];
	return NULL;
}

int baton_release_stage(const struct baton_stage_options *options, struct baton_release *base,
			struct baton_policy *policy, uint64_t number,
			struct baton_release **ret_release, char *why, size_t cap)
{
	struct baton_release *release = baton_new(struct baton_release);
	unsigned swept = base ? 0 : baton_copy_sweep(options->run_dir);
	int rc = 0;
	if (swept > 0)
		baton_log(BATON_LOG_INFO, "module_copies_swept", "u", "n", (uint64_t)swept);
	atomic_store(&release->refs, 1);
	release->number = number;
	release->generations = baton_alloc(policy->n_modules * sizeof(*release->generations));
	if (policy->n_modules > MODULES_MAX) {
		(void)snprintf(why, cap, "modules: expected at most %d, found %zu", MODULES_MAX,
			       policy->n_modules);
		rc = BATON_E_MODULE;
	}
	for (size_t i = 0; rc == 0 && i < policy->n_modules; i++) {
		const struct baton_policy_module *spec = &policy->modules[i];
		rc = baton_generation_load(options, policy, spec, serving(base, spec->name),
					   change_of(options, spec->name), &release->generations[i],
					   why, cap);
		release->n += rc == 0;
	}
	if (rc < 0) {
		free_generations(release);
		baton_free(release);
		return rc;
	}
	release->policy = policy;
	*ret_release = release;
	return 0;
}

struct baton_release *baton_release_ref(struct baton_release *release)
{
	(void)atomic_fetch_add(&release->refs, 1);
	return release;
}

void baton_release_unref(struct baton_release **release)
{
	struct baton_release *r = *release;
	*release = NULL;
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	if (!r->part)
		baton_log(BATON_LOG_INFO, "release_ended", "u", "release", r->number);
	free_generations(r);
	baton_policy_free(&r->policy);
	baton_free(r);
}

struct baton_release *baton_release_part(const struct baton_release *release,
					 const char *const *kinds)
{
	struct baton_release *part = baton_new(struct baton_release);
	atomic_store(&part->refs, 1);
	part->part = true;
	part->number = release->number;
	part->policy = baton_policy_ref(release->policy);
	part->generations = baton_alloc((release->n + 1) * sizeof(struct baton_generation *));
	for (size_t i = 0; i < release->n; i++)
		for (const char *const *kind = kinds; *kind; kind++)
			if (strcmp(release->generations[i]->spec->kind, *kind) == 0)
				part->generations[part->n++] =
					baton_generation_ref(release->generations[i]);
	return part;
}

const struct baton_policy *baton_release_policy(const struct baton_release *release)
{
	return release->policy;
}

void baton_release_lives(struct baton_release *release)
{
	atomic_store_explicit(&release->lived, true, memory_order_relaxed);
}

bool baton_release_lived(const struct baton_release *release)
{
	return atomic_load_explicit(&release->lived, memory_order_relaxed);
}

uint64_t baton_release_number(const struct baton_release *release)
{
	return release->number;
}

size_t baton_release_generations(const struct baton_release *release)
{
	return release->n;
}

struct baton_generation *baton_release_generation(const struct baton_release *release, size_t i)
{
	return release->generations[i];
}

unsigned baton_module_residents(void)
{
	return baton_mapping_residents();
}

_Atomic(uint64_t) *baton_release_pin_count(struct baton_release *release)
{
	return &release->pins;
}

uint64_t baton_release_pins(const struct baton_release *release)
{
	return atomic_load_explicit(&release->pins, memory_order_relaxed);
}

struct baton_policy *baton_release_shared_policy(const struct baton_release *release)
{
	return release->policy;
}

struct baton_meter *baton_release_meter(const struct baton_release *release, size_t i)
{
	return &release->generations[i]->meter;
}

size_t baton_release_size(const struct baton_release *release)
{
	return release->n;
}

bool baton_release_shares(const struct baton_release *release, size_t i,
			  const struct baton_release *other)
{
	for (size_t k = 0; other && k < other->n; k++)
		if (other->generations[k] == release->generations[i])
			return true;
	return false;
}

static uint64_t broken_by(struct baton_generation *g)
{
	uint64_t n = 0;
	for (unsigned b = 0; b < BATON_BREACH_COUNT; b++)
		n += atomic_load(&g->meter.breaches[b]);
	return n;
}

void baton_release_keep(const struct baton_release *release, struct baton_shelf *shelf)
{
	for (size_t i = 0; i < release->n; i++) {
		const struct baton_generation *g = release->generations[i];
		struct baton_buf bytes = { 0 };
		char why[256];
		if (baton_shelf_keep(shelf, g->spec->name, g->sha256, BATON_STR_NONE) !=
		    BATON_E_NOTFOUND)
			continue;
		if (baton_file_read(NULL, g->copy.path, &bytes, why, sizeof(why)) == 0)
			(void)baton_shelf_keep(shelf, g->spec->name, g->sha256,
					       baton_buf_view(&bytes));
		baton_buf_done(&bytes);
	}
}

void baton_release_view(const struct baton_release *release, size_t i,
			struct baton_generation_view *ret)
{
	struct baton_generation *g = release->generations[i];
	*ret = (struct baton_generation_view){
		.number = g->number,
		.since_ms = g->since_ms,
		.module = g->spec->name,
		.file = g->spec->file,
		.kind = g->spec->kind,
		.id = g->id,
		.version = g->version,
		.isolation = g->isolated ? "process" : "inline",
		.resident = g->resident_because,
		.sha256 = g->sha256,
		.abi_major = g->abi_major,
		.abi_needed = g->abi_needed,
		.calls = atomic_load(&g->meter.calls),
		.asked = atomic_load(&g->meter.asked),
		.failed = atomic_load(&g->meter.failed),
		.p95_us = baton_meter_p95_us(&g->meter),
		.overruns = atomic_load(&g->meter.overruns),
		.violations = broken_by(g),
		.crashes = atomic_load(&g->crashes),
	};
}

static void put_text(struct baton_buf *out, const char *name, const char *text)
{
	baton_buf_printf(out, ",\"%s\":", name);
	baton_buf_json(out, baton_str_of(text));
}

static void put_number(struct baton_buf *out, const char *name, uint64_t n)
{
	baton_buf_printf(out, ",\"%s\":%ju", name, (uintmax_t)n);
}

void baton_release_module_json(const struct baton_release *release, size_t i, const char *state,
			       struct baton_buf *out)
{
	struct baton_generation *g = release->generations[i];
	struct baton_generation_view v;
	char hex[65];
	baton_release_view(release, i, &v);
	baton_file_hex(v.sha256, 32, hex);
	baton_buf_printf(out, "{\"generation\":%ju", (uintmax_t)v.number);
	put_text(out, "module", v.module);
	put_text(out, "file", v.file);
	put_text(out, "copy", g->copy.path ? g->copy.path : "");
	put_text(out, "build_id", g->build_id);
	put_text(out, "kind", v.kind);
	put_text(out, "id", v.id);
	put_text(out, "version", v.version);
	put_text(out, "sha256", hex);
	hex[12] = '\0';
	put_text(out, "sha12", hex);
	put_text(out, "state", state);
	put_text(out, "isolation", v.isolation);
	baton_buf_printf(out, ",\"abi\":\"%u.%u\"", v.abi_major, v.abi_needed);
	put_number(out, "calls", v.asked);
	put_number(out, "fails", v.failed);
	put_number(out, "p95_ms", (v.p95_us + 999) / 1000);
	put_number(out, "p95_us", v.p95_us);
	put_number(out, "calls_us", atomic_load(&g->meter.asked_us));
	put_number(out, "visits", v.calls);
	put_number(out, "visits_us", atomic_load(&g->meter.visits_us));
	put_number(out, "overruns", v.overruns);
	put_number(out, "violations", v.violations);
	put_number(out, "crashes", v.crashes);
	put_number(out, "since_ms", v.since_ms);
	if (v.resident[0])
		put_text(out, "resident", v.resident);
	else
		baton_buf_z(out, ",\"resident\":null");
	baton_buf_z(out, ",\"counted\":");
	baton_meter_json(&g->meter, out);
	baton_buf_z(out, "}");
}

/* --- looking at one file ------------------------------------------------------------------ */

static void put_reason(const char *because, struct baton_buf *out)
{
	if (because)
		baton_buf_json(out, baton_str_of(because));
	else
		baton_buf_z(out, "null");
}

static void write_elf(const struct baton_elf *elf, const uint8_t sha256[32], size_t bytes,
		      struct baton_buf *out)
{
	char hex[65];
	baton_file_hex(sha256, 32, hex);
	baton_buf_printf(out, ",\"bytes\":%zu,\"sha256\":\"%s\",\"id\":", bytes, hex);
	baton_buf_json(out, baton_str_of(elf->id));
	baton_buf_z(out, ",\"version\":");
	baton_buf_json(out, baton_str_of(elf->version));
	baton_buf_z(out, ",\"kinds\":");
	baton_buf_json(out, baton_str_of(elf->kinds));
	baton_buf_printf(
		out, ",\"abi\":{\"major\":%u,\"built\":%u,\"needed\":%u,\"server\":\"%u.%u\"}",
		elf->abi_major, elf->abi_built, elf->abi_needed, BATON_ABI_MAJOR, BATON_ABI_MINOR);
	baton_buf_printf(out, ",\"isolate\":%s,\"no_inline\":%s,\"imports\":%zu,\"resident\":",
			 elf->flags & BATON_MODF_ISOLATE ? "true" : "false",
			 elf->flags & BATON_MODF_NO_INLINE ? "true" : "false", elf->n_imports);
	put_reason(elf->resident_because, out);
	baton_buf_z(out, ",\"only_isolated\":");
	put_reason(elf->isolated_because, out);
	baton_buf_printf(out, ",\"build_id\":\"%s\"", elf->build_id);
	baton_buf_z(out, ",\"needs\":[");
	for (size_t i = 0; i < elf->n_needed; i++) {
		baton_buf_z(out, i ? "," : "");
		baton_buf_json(out, baton_str_of(elf->needed[i]));
	}
	baton_buf_z(out, "]}");
}

int baton_module_inspect(const char *path, struct baton_buf *out, char *why, size_t cap)
{
	struct baton_buf bytes = { 0 };
	struct baton_elf elf;
	uint8_t sha256[32];
	char line[400];
	int rc = baton_file_read(NULL, path, &bytes, why, cap);
	if (rc == 0) {
		rc = baton_elf_check_for(baton_buf_view(&bytes), true, &elf, line, sizeof(line));
		if (rc < 0)
			(void)snprintf(why, cap, "%s: %s", path, line);
	}
	if (rc == 0) {
		baton_file_sha256(baton_buf_view(&bytes), sha256);
		baton_buf_z(out, "{\"file\":");
		baton_buf_json(out, baton_str_of(path));
		write_elf(&elf, sha256, bytes.n, out);
	}
	baton_buf_done(&bytes);
	return rc;
}
