/* SPDX-License-Identifier: Apache-2.0 */

/* The table of guards.yaml: who looks at what comes in and goes out, and what our own guards
 * look for. The file as a whole is what every module of kind guard is told; only `guards` is
 * the core's. */

#include "core/policy/shapes_table.h"

enum { PATTERNS_MAX = 100, PROMISES_MAX = 200, ALLOWED_MAX = 1000 };

/* In the order of BATON_AT_* and of modules/guard-pii; the last word is all of them. */
static const char *const places[] = { "customer",  "agent",  "knowledge",  "tool_result",
				      "tool_args", "answer", "everywhere", NULL };
static const char *const pii_types[] = { "card",        "iban", "email", "phone",
					 "national_id", "ip",   "token", "password",
					 "document",    "all",  NULL };
static const char *const source_words[] = { "mark", "block", NULL };

static const struct baton_field guard_fields[] = {
	{ "module", BATON_FIELD_NAME, REQUIRED, AT(struct baton_guard_def, module),
	  .doc = "Name of a module of kind guard." },
	{ "at", BATON_FIELD_BITS, AT(struct baton_guard_def, at), .words = places,
	  .doc = "Where it looks: customer = what customers write; agent = what people at the desk write; "
		 "knowledge = articles that were found; tool_result = what tools bring; tool_args = what a "
		 "model wants a tool to be given; answer = what a model says. Default: wherever the module "
		 "says that it is of use." },
	{ "open", BATON_FIELD_BOOL, AT(struct baton_guard_def, open), .otherwise = "false",
	  .doc = "What it could not look at passes all the same. Otherwise nobody outside is asked "
		 "and a person gets the conversation." },
	{ "intents", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guard_def, intents), .max = LISTED_MAX,
	  .doc = "Only for questions of these. Default: all." },
	{ 0 },
};
static const struct baton_shape guard_shape = { "a guard", "Who looks where.", guard_fields,
						sizeof(struct baton_guard_def) };

static const struct baton_field pattern_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_guard_pattern, name),
	  .doc = "What it finds: small letters, digits and _. The placeholder is made of it: member_id "
		 "becomes [MEMBER_ID_1]." },
	{ "pattern", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_guard_pattern, pattern),
	  .max = 500,
	  .doc = "A regular expression (PCRE2, case ignored). The first group is what is masked, all of it "
		 "if there is none. Repetitions need an end: {1,20} rather than +." },
	{ "context", BATON_FIELD_TEXT, AT(struct baton_guard_pattern, context), .max = 500,
	  .doc = "A regular expression that must be found within the 60 bytes in front of it." },
	{ 0 },
};
static const struct baton_shape pattern_shape = { "a pattern", "Personal data of your own kind.",
						  pattern_fields,
						  sizeof(struct baton_guard_pattern) };
static const struct baton_field pii_fields[] = {
	{ "types", BATON_FIELD_BITS, AT(struct baton_guards_file, pii_types), .words = pii_types,
	  .doc = "What guard-pii masks: card, iban, email, phone, national_id (social security and tax "
		 "numbers), ip, token (keys and tokens of programs), password, document (passports, driving "
		 "licences). Default: all." },
	{ "patterns", BATON_FIELD_LIST, MANY_AT(struct baton_guards_file, patterns),
	  .max = PATTERNS_MAX, .shape = &pattern_shape, .doc = "What else it masks." },
	{ "allow", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guards_file, allow), .max = ALLOWED_MAX,
	  .doc = "Values that are no secret, such as your own address or number; \"*@shop.example\" is "
		 "every address there." },
	{ 0 },
};
static const struct baton_shape pii_shape = { "`pii`", "Personal data: what guard-pii masks.",
					      pii_fields, 0 };

static const struct baton_field injection_fields[] = {
	{ "threshold", BATON_FIELD_PPM, AT(struct baton_guards_file, threshold_ppm), FROM_TO(0, 1),
	  .otherwise = "0.5",
	  .doc = "From here on guard-injection marks a text. Lower: more is marked." },
	{ "sources", BATON_FIELD_WORD, AT(struct baton_guards_file, sources), .otherwise = "mark",
	  .words = source_words,
	  .doc = "An article or the result of a tool that reads like an instruction: mark = the model is "
		 "shown it between fences; block = it is left out." },
	{ "links", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guards_file, links), .max = ALLOWED_MAX,
	  .doc = "Hosts that answers may link to with anything in the address: \"shop.example\" and all "
		 "below it." },
	{ 0 },
};
static const struct baton_shape injection_shape = {
	"`injection`", "Words that mean to be instructions, and addresses that carry data away.",
	injection_fields, 0
};

static const struct baton_field promise_fields[] = {
	{ "id", BATON_FIELD_NAME, REQUIRED, AT(struct baton_guard_promise, id),
	  .doc = "For rules (guard_rule) and transcripts." },
	{ "intents", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guard_promise, intents), .max = LISTED_MAX,
	  .doc = "Only in answers to questions of these. Default: all." },
	{ "forbid", BATON_FIELD_TEXT, REQUIRED | BATON_FIELD_MANY,
	  MANY_AT(struct baton_guard_promise, forbid), .max = PATTERNS_MAX,
	  .doc = "What a bot must not say: phrases (whole words, case and spacing ignored), or a regular "
		 "expression between slashes." },
	{ "unless", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guard_promise, unless), .max = PATTERNS_MAX,
	  .doc = "Not, if the same sentence holds one of these: \"we cannot\", \"may\"." },
	{ "languages", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guard_promise, languages), .max = 50,
	  .doc = "Only in conversations in these. Default: all." },
	{ "reason", BATON_FIELD_TEXT, AT(struct baton_guard_promise, reason), .max = TEXT_MAX,
	  .doc = "Why, for whoever reads the file." },
	{ 0 },
};
static const struct baton_shape promise_shape = { "a promise", "What a bot must not say.",
						  promise_fields,
						  sizeof(struct baton_guard_promise) };
static const struct baton_field required_fields[] = {
	{ "id", BATON_FIELD_NAME, REQUIRED, AT(struct baton_guard_promise, id),
	  .doc = "For rules (guard_rule) and transcripts." },
	{ "intents", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guard_promise, intents), .max = LISTED_MAX,
	  .doc = "Only in answers to questions of these. Default: all." },
	{ "phrases", BATON_FIELD_TEXT, REQUIRED | BATON_FIELD_MANY | BATON_FIELD_ONE_OR_MANY,
	  MANY_AT(struct baton_guard_promise, forbid), .max = PATTERNS_MAX,
	  .doc = "One of these must stand in the answer: phrases, or a regular expression between slashes." },
	{ "append", BATON_FIELD_TEXT, AT(struct baton_guard_promise, append), .max = TEXT_MAX,
	  .doc = "What is put behind an answer that has none of them. Without it, such an answer is "
		 "stopped and a person reads it." },
	{ "languages", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_guard_promise, languages), .max = 50,
	  .doc = "Only in conversations in these. Default: all." },
	{ "reason", BATON_FIELD_TEXT, AT(struct baton_guard_promise, reason), .max = TEXT_MAX,
	  .doc = "Why, for whoever reads the file." },
	{ 0 },
};
static const struct baton_shape required_shape = { "a required phrase", "What a bot must say.",
						   required_fields,
						   sizeof(struct baton_guard_promise) };

static const struct baton_field guards_fields[] = {
	{ "guards", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_guards_file, guards),
	  .max = 32, .shape = &guard_shape, .doc = "Who looks, in this order." },
	{ "pii", BATON_FIELD_MAP, NOWHERE, .shape = &pii_shape,
	  .doc = "Personal data: what guard-pii masks." },
	{ "injection", BATON_FIELD_MAP, NOWHERE, .shape = &injection_shape,
	  .doc = "What guard-injection takes for an instruction to the model." },
	{ "promises", BATON_FIELD_LIST, MANY_AT(struct baton_guards_file, promises),
	  .max = PROMISES_MAX, .shape = &promise_shape, .doc = "What guard-policy stops." },
	{ "required", BATON_FIELD_LIST, MANY_AT(struct baton_guards_file, required),
	  .max = PROMISES_MAX, .shape = &required_shape, .doc = "What guard-policy misses." },
	{ 0 },
};
const struct baton_shape baton_shape_guards = { "guards.yaml",
						"Who looks at what comes in and goes out.",
						guards_fields, 0 };
