/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of modules.yaml, of intents/ and of what stands above an article: what is loaded, what
 * customers want, and what we know. */

#include "core/policy/shapes_table.h"

/* --- modules.yaml --- */

static const char *const kinds[] = { "classifier", "provider", "rule",  "transcript",
				     "retriever",  "tool",     "guard", NULL };
static const char *const isolations[] = { "inline", "process", NULL };
static const char *const beginnings[] = { "start", "now", NULL };

static const struct baton_field module_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_policy_module, name),
	  .doc = "How other files call it." },
	{ "file", BATON_FIELD_FILE, REQUIRED, AT(struct baton_policy_module, file),
	  .doc = "The shared object within the modules directory. Several entries may use one." },
	{ "sha256", BATON_FIELD_SHA256, AT(struct baton_policy_module, sha256),
	  .doc = "What `sha256sum` says of the file. If it is given, no other bytes are loaded under "
		 "this name." },
	{ "kind", BATON_FIELD_WORD, REQUIRED, AT(struct baton_policy_module, kind), .words = kinds,
	  .doc = "What it is used as." },
	{ "isolation", BATON_FIELD_WORD, AT(struct baton_policy_module, isolation),
	  .words = isolations,
	  .doc = "Where it runs: in the server, or in a process of its own. If it is not said: modules "
		 "that came with the server run in it, all others do not." },
	{ "egress", BATON_FIELD_PEER, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_policy_module, egress), .max = LISTED_MAX,
	  .doc = "host:port it may reach through the server. Nothing else is reachable." },
	{ "writes", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_policy_module, writes), .max = LISTED_MAX,
	  .doc = "Directories that it may read and write when it has a process of its own: it sees no "
		 "others. They must be there when it is loaded. In the server a module is not held back." },
	{ "secrets", BATON_FIELD_SECRET, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_policy_module, secrets), .max = LISTED_MAX,
	  .doc = "Names of the secrets it may use in HTTP headers. It never sees the values." },
	{ "knowledge", BATON_FIELD_BOOL, AT(struct baton_policy_module, knowledge),
	  .otherwise = "false",
	  .doc = "Hand it the articles of knowledge/. For retrievers and providers." },
	{ "from", BATON_FIELD_WORD, AT(struct baton_policy_module, from), .words = beginnings,
	  .doc = "For transcripts: where one that was never there begins, at the start of the log (if it "
		 "is not said) or with what is written from now on. One that comes back goes on where it "
		 "stopped." },
	{ "config", BATON_FIELD_FREE, NOWHERE,
	  .doc = "What the module itself wants; its manual says." },
	{ 0 },
};
static const struct baton_shape module_shape = { "a module", "Something that is loaded.",
						 module_fields,
						 sizeof(struct baton_policy_module) };
static const struct baton_field modules_fields[] = {
	{ "modules", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, modules), .max = 256,
	  .shape = &module_shape, .doc = "What to load, and as what." },
	{ 0 },
};
const struct baton_shape baton_shape_modules = { "modules.yaml", "What is loaded, and as what.",
						 modules_fields, 0 };

/* --- intents/ and knowledge/ --- */

static const char *const slot_types[] = { "pattern", "words", "email", "number", "date", NULL };
static const struct baton_field slot_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_slot_def, name),
	  .doc = "How look-ups call it: {{order}}. What one message names is known in those that follow." },
	{ "type", BATON_FIELD_WORD, REQUIRED, AT(struct baton_slot_def, type), .words = slot_types,
	  .doc = "pattern, words (one of a list), email, number, or date (its value is YYYY-MM-DD where "
		 "the message says the year)." },
	{ "pattern", BATON_FIELD_TEXT, AT(struct baton_slot_def, pattern), .otherwise = "",
	  .max = 500,
	  .doc = "Of type pattern: a regular expression (PCRE2). Its first group, or all of it, is the "
		 "value. Small and capital letters are the same." },
	{ "words", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_slot_def, words), .max = LISTED_MAX,
	  .doc = "Of type words: what it may be. The value is written as here." },
	{ 0 },
};
static const struct baton_shape slot_shape = { "a slot",
					       "What a message may name that a tool needs.",
					       slot_fields, sizeof(struct baton_slot_def) };

static const struct baton_field intent_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_intent_def, name),
	  .doc = "How routes call it." },
	{ "class", BATON_FIELD_NAME, REQUIRED, AT(struct baton_intent_def, class_name),
	  .doc = "Name of a class." },
	{ "tier", BATON_FIELD_U32, REQUIRED, AT(struct baton_intent_def, tier), FROM_TO(1, 3),
	  .doc = "1 automated, 2 a person sends the draft, 3 a person owns it." },
	{ "min_confidence", BATON_FIELD_PPM, AT(struct baton_intent_def, min_confidence_ppm),
	  FROM_TO(0, 1), .otherwise = "0.3",
	  .doc = "Below this the message counts as not understood." },
	{ "internal", BATON_FIELD_BOOL, AT(struct baton_intent_def, internal), .otherwise = "false",
	  .doc = "Work of Baton's own, such as drafting for an agent: never looked for in messages." },
	{ "examples", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_intent_def, examples), .max = LISTED_MAX,
	  .doc = "What customers write. At least two; twenty are good." },
	{ "slots", BATON_FIELD_LIST, MANY_AT(struct baton_intent_def, slots), .max = 32,
	  .shape = &slot_shape, .doc = "What such messages name that look-ups and tools need." },
	{ 0 },
};
static const struct baton_shape intent_shape = { "an intent", "Something customers want.",
						 intent_fields, sizeof(struct baton_intent_def) };
static const struct baton_field intents_fields[] = {
	{ "intents", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_intents_file, intents),
	  .max = 4096, .shape = &intent_shape, .doc = "One or several." },
	{ 0 },
};

static const char *const audiences[] = { "customers", "agents", NULL };
static const struct baton_field article_fields[] = {
	{ "title", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_article, title), .max = 200,
	  .doc = "The question it answers, or its subject." },
	{ "also", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY, MANY_AT(struct baton_article, also),
	  .max = LISTED_MAX, .doc = "Other ways to ask for it." },
	{ "intents", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_article, intents), .max = LISTED_MAX,
	  .doc = "Intents whose messages it answers: it is then found without a common word." },
	{ "audience", BATON_FIELD_WORD, AT(struct baton_article, audience),
	  .otherwise = "customers", .words = audiences,
	  .doc = "customers, or agents only: then it helps agents, and no customer is shown it." },
	{ "language", BATON_FIELD_NAME, AT(struct baton_article, language),
	  .doc = "Its language, such as de. Default: what the retriever takes for usual, English." },
	{ "updated", BATON_FIELD_DATE, REQUIRED, AT(struct baton_article, updated),
	  .doc = "When somebody last made sure that it is true." },
	{ "valid_until", BATON_FIELD_DATE, AT(struct baton_article, valid_until),
	  .doc = "Last day it may be used. Default: no end." },
	{ "uri", BATON_FIELD_TEXT, AT(struct baton_article, uri), .max = 1000,
	  .doc = "Public address of the page. Default: the file's name." },
	{ 0 },
};
const struct baton_shape baton_shape_intents = { "an intents file",
						 "What customers want, with examples.",
						 intents_fields,
						 sizeof(struct baton_intents_file) };
const struct baton_shape baton_shape_article = { "the front matter",
						 "The lines between --- at the top of an article.",
						 article_fields, sizeof(struct baton_article) };
