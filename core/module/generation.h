/* SPDX-License-Identifier: Apache-2.0 */

/* One module's code with one configuration: read, checked, copied, mapped, loaded. It is owned by
 * its release and lives exactly as long. */
#pragma once

#include "core/module/file.h"
#include "core/module/meter.h"
#include "core/module/release.h"

struct baton_secret {
	const char *name; /* the policy's */
	char *value;      /* NULL: not set on this machine */
};

struct baton_generation {
	const struct baton_policy_module *spec; /* the release's policy owns it */
	const char *config;                     /* JSON text for create(); the policy's */
	char id[64], version[32];
	uint8_t sha256[32];
	bool resident; /* mapped until the process ends */
	bool isolated; /* `entry` is core/isolate's: it may say BATON_FAIL_MODULE */
	struct baton_copy copy;
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

/* Everything up to and including load(). 0, or BATON_E_MODULE, BATON_E_IO with `why` and nothing
 * left behind. [loader's thread] */
int baton_generation_load(const struct baton_stage_options *options, struct baton_release *release,
			  const struct baton_policy_module *spec, struct baton_generation **ret,
			  char *why, size_t cap);
/* unload(), unmap, remove the copy. From host code only. NULL-tolerant. */
void baton_generation_free(struct baton_generation **generation);

/* Replaces every secret of the generation in `text` by "[secret]"; in place, may shorten. */
void baton_generation_scrub(const struct baton_generation *generation, struct baton_buf *text);
/* `text` with {{secret:NAME}} filled in. 0, BATON_E_DENIED (not in the module's list), _NOTFOUND
 * (not set), _INVAL (no end). */
int baton_generation_expand(const struct baton_generation *generation, baton_str text,
			    struct baton_buf *out);
