/* SPDX-License-Identifier: Apache-2.0 */

/* The state of one load, and its steps in order: files, then trees into structs, then the proofs,
 * then what modules get. Everything in here but `policy` ends with the load. Internal to core/policy.
 */
#pragma once

#include "core/policy/shapes.h"

struct baton_load_file {
	struct baton_policy_source *source;
	enum baton_shape_kind kind;
	const struct baton_yaml *root; /* NULL until parsed, and of prompts */
};

struct baton_load {
	struct baton_policy *policy;
	struct baton_arena scratch;
	struct baton_findings findings;
	struct baton_reader reader;
	struct baton_load_file *files; /* sorted by name */
	size_t n_files, cap_files, bytes;
	bool broken
		[BATON_SHAPES_N]; /* a file of this kind could not be read: do not miss its names */

	/* Where the entries of the policy's arrays stand, index by index. NULL: the list was bad. */
	const struct baton_yaml
		*lists[BATON_SHAPES_N]; /* modules, targets, routes, classes, rules, queues, modes, accounts */
	const struct baton_yaml *agents;
	const struct baton_yaml **intent_nodes;
	struct baton_guards_file guards;
	struct baton_article *articles;
	struct baton_load_file **article_files, **drill_files;
	size_t n_articles;
	size_t n_routes_written; /* routes past this are made from the default one */
};

/* Finds and reads the files, into load->files. BATON_E_IO if the directory cannot be read. */
int baton_load_files(struct baton_load *load);
/* SHA-256 over names and contents. */
void baton_load_sha256(struct baton_load *load);
/* The first digits of a file's checksum, with a NUL. */
void baton_load_version(const struct baton_policy_source *source, char version[9]);
/* Parses the files into the policy's structs. */
void baton_load_trees(struct baton_load *load);
/* The proofs of proofs.def, one file for each group. The first four resolve what refers by name. */
void baton_check_names(struct baton_load *load);
void baton_check_slots(struct baton_load *load);
/* Before the routes, which are proved against it; and what routes and classes do with tools. */
void baton_check_tool_defs(struct baton_load *load);
void baton_check_tool_use(struct baton_load *load);
void baton_check_routes(struct baton_load *load);
void baton_check_rules(struct baton_load *load);
void baton_check_topics(struct baton_load *load);
void baton_check_variants(struct baton_load *load);
void baton_check_modes(struct baton_load *load);
void baton_check_stand_ins(struct baton_load *load);
void baton_check_reach(struct baton_load *load);
void baton_check_fit(struct baton_load *load);
void baton_check_money(struct baton_load *load);
void baton_check_drills(struct baton_load *load);
void baton_check_releases(struct baton_load *load);
void baton_check_desk(struct baton_load *load);
void baton_check_identity(struct baton_load *load);
void baton_check_guards(struct baton_load *load);
/* config.c: a tree as JSON; what JSON cannot say is an error. */
json_t *baton_load_json(struct baton_load *load, const struct baton_yaml *node);
/* The same as text in the set's arena. */
const char *baton_load_json_text(struct baton_load *load, const json_t *json);
/* Builds the configuration of each module. */
void baton_load_configs(struct baton_load *load);

/* --- for the checks --- */

/* check_stand_ins.c: who may answer in another's place. The route has its class, tier and primary. */
void baton_prove_fallback(struct baton_load *load, const struct baton_route *route,
			  const struct baton_target *target, struct baton_place place);
void baton_prove_switch(struct baton_load *load, const struct baton_route *route,
			const struct baton_switch_def *def, const struct baton_yaml *node);
/* `to` is the default route `from` with the class of an intent that stands at `place`. */
void baton_prove_derived(struct baton_load *load, const struct baton_route *to,
			 const struct baton_route *from, struct baton_place place);
/* check_flapping.c: the conditions of one mode, against facts as they may be. */
void baton_prove_conditions(struct baton_load *load, const struct baton_mode_def *mode,
			    const struct baton_yaml *node);
/* Uses of facts by a condition: of `fact`, or of any other than it. */
bool baton_condition_uses(const baton_expr *expr, const char *fact, bool others);
bool baton_mode_covers(const struct baton_mode_def *mode, const char *intent, const char *class_);

/* check_tool_use.c: the tools and look-ups that a route names, into pointers. */
void baton_resolve_tools(struct baton_load *load, struct baton_route *route,
			 const struct baton_yaml *node);

/* Things that have a name, whatever they are: the name is the first member of each struct. */
struct baton_named {
	const void *v;
	size_t n, size;
	const char *what; /* "target" */
	enum baton_shape_kind kind;
};
struct baton_named baton_named_modules(const struct baton_load *load);
struct baton_named baton_named_targets(const struct baton_load *load);
struct baton_named baton_named_classes(const struct baton_load *load);
struct baton_named baton_named_intents(const struct baton_load *load);
struct baton_named baton_named_queues(const struct baton_load *load);
struct baton_named baton_named_prompts(const struct baton_load *load);
struct baton_named baton_named_modes(const struct baton_load *load);
struct baton_named baton_named_tools(const struct baton_load *load);
/* Index of the thing called `name`, or -1. NULL-tolerant. */
int baton_named_find(struct baton_named named, const char *name);
/* The same; an unknown name becomes an error at `place`, unless the file with the names is broken. */
int baton_named_expect(struct baton_load *load, struct baton_named named, const char *name,
		       struct baton_place place);
/* The same for a scalar: names that are no text have been reported already. -1 for NULL. */
int baton_named_at(struct baton_load *load, struct baton_named named,
		   const struct baton_yaml *name);
/* The same; `words` (NULL-terminated) are names of nothing that may stand there, too. BATON_NAMED_WORD
 * for one of them. */
enum { BATON_NAMED_WORD = -2 };
int baton_named_or_word(struct baton_load *load, struct baton_named named,
			const struct baton_yaml *name, const char *const *words);
/* The same for each name of the list under `key`. */
void baton_named_each(struct baton_load *load, const struct baton_yaml *map, const char *key,
		      struct baton_named named);
/* The condition at `when`, compiled over the facts of `env` and kept until the set ends; NULL after
 * an error, which has been added with its place, or if `when` is no text. */
struct baton_env;
baton_expr *baton_load_condition(struct baton_load *load, const struct baton_env *env,
				 const struct baton_yaml *when);
/* Entry `i` of a list, or NULL. */
const struct baton_yaml *baton_load_entry(const struct baton_yaml *list, size_t i);
/* Where `key` has its value; where the map is, if it has none. */
struct baton_place baton_load_place(const struct baton_yaml *map, const char *key);
