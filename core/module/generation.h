/* SPDX-License-Identifier: Apache-2.0 */

/* One module's code with one configuration: read, checked, copied, mapped, loaded. Counted: every
 * release that names it holds it, and so do its instances, running jobs and letters under way. The
 * last one unloads it. */
#pragma once

#include "core/module/beacon.h"
#include "core/module/file.h"
#include "core/module/meter.h"
#include "core/module/release.h"
#include "core/module/surroundings.h"

struct baton_secret {
	const char *name; /* the policy's */
	char *value;      /* NULL: not set on this machine */
};

/* What the host table needs to know of the server. */
struct baton_host_parts {
	struct baton_journal *journal;
	const char *ca_file;
	bool allow_loopback_http;
};

struct baton_generation {
	_Atomic(unsigned) refs;
	uint64_t number; /* counted from the start of the process; 0: it turned out to be another */
	struct baton_host_parts host;
	struct baton_policy *policy;            /* counted: `spec` and `config` are in it */
	const struct baton_policy_module *spec;
	const char *config;                     /* JSON text for create() */
	char id[64], version[32];
	char build_id[65]; /* "": the linker wrote none */
	char resident_because[48]; /* "": unmapped when it ends; else mapped until the process does */
	uint16_t abi_major, abi_needed;
	uint8_t sha256[32];
	bool isolated; /* `entry` is core/isolate's: it may say BATON_FAIL_MODULE */
	uint64_t since_ms;                 /* unix */
	void (*step)(void *ud, const struct baton_module_step *step); /* of the server; may be NULL */
	void (*gone)(void *ud, struct baton_meter *meter); /* may be NULL */
	void *step_ud;
	/* Its process died; counted here, told there. Any thread; may be NULL. */
	void (*crashed)(void *ud, const struct baton_module_crash *crash);
	_Atomic(uint32_t) crashes;
	struct baton_copy copy;
	struct baton_child *child; /* isolated: its process */
	struct baton_surroundings surroundings; /* inline: as they were before it was mapped */
	struct baton_place *place; /* inline: for who attributes a crash */
	void *dl;
	const baton_module *entry;
	const void *vt; /* of the kind the policy asks for */
	void *mod;
	bool loaded; /* load() said 0: unload() is due */
	struct baton_secret *secrets;
	size_t n_secrets;
	struct baton_meter meter;
	/* Every ctx ever given out; freed with the generation, so that a late word of a module
	 * reaches memory that still says "gone". Staging and the loops add. */
	struct baton_ctx *ctxs;
	pthread_mutex_t ctxs_lock;
};

/* Empty: staging fills it in. */
struct baton_generation *baton_generation_new(const struct baton_stage_options *options,
					      struct baton_policy *policy,
					      const struct baton_policy_module *spec);
/* It will be one of its own, and gets the next number. */
void baton_generation_count(struct baton_generation *generation);
/* To who asked for the steps. `reason` may be NULL. */
void baton_generation_tell(const struct baton_generation *generation, const char *state,
			   const char *reason, uint64_t us);
/* Everything up to and including load(). `base`: what serves under this name now, or NULL; if file,
 * configuration and secrets are the same, the result is a further reference on it, unless `change`
 * asks for a new one. 0, or BATON_E_MODULE, BATON_E_IO with `why` and nothing left behind.
 * [loader's thread] */
int baton_generation_load(const struct baton_stage_options *options, struct baton_policy *policy,
			  const struct baton_policy_module *spec, struct baton_generation *base,
			  const struct baton_stage_change *change, struct baton_generation **ret,
			  char *why, size_t cap);
struct baton_generation *baton_generation_ref(struct baton_generation *generation);
/* The last one calls unload(), unmaps, removes the copy. From host code only. NULL-tolerant. */
void baton_generation_unref(struct baton_generation **generation);

/* Replaces every secret of the generation in `text` by "[secret]"; in place, may shorten. */
void baton_generation_scrub(const struct baton_generation *generation, struct baton_buf *text);
/* Is there anything to fill in? */
bool baton_generation_has_secret(baton_str text);
/* `text` with {{secret:NAME}} filled in. 0, BATON_E_DENIED (not in the module's list), _NOTFOUND
 * (not set), _INVAL (no end). */
int baton_generation_expand(const struct baton_generation *generation, baton_str text,
			    struct baton_buf *out);
