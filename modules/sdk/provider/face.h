/* SPDX-License-Identifier: Apache-2.0 */

/* A provider module's face: everything of `baton_module` that does not depend on the vendor. The
 * module itself gives its name, its schema and create(), which reads the configuration. */
#pragma once

#include "modules/sdk/provider/answer.h"

extern const baton_provider face_provider;

int32_t face_load(baton_ctx *ctx, const baton_host *host, void **mod);
void face_unload(void *mod);
/* `read` fills in the configuration from its JSON, or says why not. */
int32_t face_create(void *mod, baton_ctx *ctx, baton_str config_json,
		    int32_t (*read)(struct config *, const json_t *, const char **why), void **inst);
int32_t face_activate(void *inst);
void face_quiesce(void *inst);
void face_destroy(void *inst);
int32_t face_check(void *inst, baton_call call, uint32_t level);
