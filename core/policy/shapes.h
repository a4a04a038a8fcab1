/* SPDX-License-Identifier: Apache-2.0 */

/* The files of a set: which there are, and the table of each. Internal to core/policy. */
#pragma once

#include "core/policy/schema.h"

enum baton_shape_kind {
	BATON_SHAPE_MODULES,
	BATON_SHAPE_TARGETS,
	BATON_SHAPE_ROUTES,
	BATON_SHAPE_CLASSES,
	BATON_SHAPE_ESCALATION,
	BATON_SHAPE_DESK,
	BATON_SHAPE_CHANNEL,
	BATON_SHAPE_IDENTITY,
	BATON_SHAPE_TOOLS,
	BATON_SHAPE_MODES,
	BATON_SHAPE_BUDGETS,
	BATON_SHAPE_ALERTS,
	BATON_SHAPE_RELEASES,
	BATON_SHAPE_GUARDS,
	BATON_SHAPE_DRILLS,  /* a folder of YAML files */
	BATON_SHAPE_INTENTS, /* a folder of YAML files */
	BATON_SHAPE_KNOWLEDGE, /* a folder of Markdown files; the table is that of their front matter */
	BATON_SHAPE_PROMPTS, /* a folder of Markdown files without a table */
	BATON_SHAPES_N
};

struct baton_shape_file {
	const char *name; /* "routes.yaml", or the folder's name */
	const char *ends; /* of the files in a folder: ".yaml", ".md"; NULL: a file */
	bool required;
	const struct baton_shape *shape; /* NULL: free text */
};
/* Indexed by baton_shape_kind. */
extern const struct baton_shape_file baton_shape_files[BATON_SHAPES_N];

/* One table per file. */
extern const struct baton_shape baton_shape_modules, baton_shape_targets, baton_shape_routes,
	baton_shape_classes, baton_shape_escalation, baton_shape_desk, baton_shape_channel,
	baton_shape_modes, baton_shape_budgets, baton_shape_alerts, baton_shape_releases,
	baton_shape_identity, baton_shape_guards, baton_shape_drills, baton_shape_intents,
	baton_shape_article, baton_shape_tools;

/* Front matter of an article, and its text. */
struct baton_article {
	const char *id, *title, *updated, *valid_until, *audience, *language, *uri, *text;
	const char **also, **intents;
	size_t n_also, n_intents;
};
/* What the root of an intents file is read into. */
struct baton_intents_file {
	struct baton_intent_def *intents;
	size_t n_intents;
};
/* What guards.yaml is read into for the checks: modules are told the file itself. */
struct baton_guard_pattern {
	const char *name, *pattern, *context;
};
struct baton_guard_promise { /* of `required`, `forbid` is what must be said */
	const char *id, **intents, **forbid, **unless, **languages, *reason, *append;
	size_t n_intents, n_forbid, n_unless, n_languages;
};
struct baton_guards_file {
	struct baton_guard_def *guards;
	size_t n_guards;
	unsigned pii_types;
	struct baton_guard_pattern *patterns;
	size_t n_patterns;
	const char **allow, **links, *sources;
	size_t n_allow, n_links;
	uint32_t threshold_ppm;
	struct baton_guard_promise *promises, *required;
	size_t n_promises, n_required;
};
