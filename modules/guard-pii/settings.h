/* SPDX-License-Identifier: Apache-2.0 */

/* What guards.yaml says under `pii`: kinds, own patterns, values that are no secret. */
#pragma once

#include "modules/guard-pii/find.h"

#include <baton/module.h>

enum { PII_PATTERNS_MAX = 100, PII_NAME_MAX = 32 };

struct match;
struct pii_pattern {
	char name[PII_NAME_MAX];
	struct match *pattern, *context; /* context NULL: none */
};
struct pii_settings {
	uint32_t types;
	struct pii_pattern *patterns;
	size_t n_patterns;
	char **allowed; /* as pii_plain() leaves them, sorted */
	size_t n_allowed;
};

/* BATON_OK, or BATON_E_* and a sentence in `why`. */
int32_t pii_settings_read(struct pii_settings *settings, baton_str config_json, char *why,
			  size_t cap);
void pii_settings_done(struct pii_settings *settings);

/* The spots of own patterns. false: a limit was reached, so nothing can be said of the text. */
bool pii_find_own(const struct pii_settings *settings, struct find *find);
/* Takes out spots of what is allowed. */
void pii_forget_allowed(const struct pii_settings *settings, struct find *find);
