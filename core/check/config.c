/* SPDX-License-Identifier: Apache-2.0 */

/* A configuration to try a module with, made from its schema; and what it does with wrong ones. */
#include "core/check/inside.h"

#include "core/base/errors.h"
#include "core/module/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { HUGE = 1024 * 1024 };

/* What the server would add for the kind: small, so that learning from it takes no time. */
static const char intents[] =
	"{\"intents\":["
	"{\"name\":\"order_status\",\"tier\":0,\"min_confidence_ppm\":500000,\"examples\":["
	"\"where is my order\",\"when does my parcel arrive\",\"track my package please\","
	"\"has my order been sent yet\",\"my delivery is late\",\"wo ist meine ware\"]},"
	"{\"name\":\"refund\",\"tier\":1,\"min_confidence_ppm\":500000,\"examples\":["
	"\"i want my money back\",\"how do i get a refund\",\"refund me for the broken lamp\","
	"\"when will i be refunded\",\"please pay me back\",\"geld zurueck bitte\"]},"
	"{\"name\":\"opening_hours\",\"tier\":0,\"min_confidence_ppm\":500000,\"examples\":["
	"\"when are you open\",\"what are your opening hours\",\"are you open on sunday\","
	"\"until what time can i come by\",\"is the shop closed today\",\"wann habt ihr offen\"]},"
	"{\"name\":\"password\",\"tier\":0,\"min_confidence_ppm\":500000,\"examples\":["
	"\"i forgot my password\",\"cannot log in to my account\",\"reset my login\","
	"\"my password does not work\",\"how do i change my password\",\"passwort vergessen\"]}]}";
static const char rules[] =
	"{\"rules\":["
	"{\"id\":\"asked\",\"stage\":\"before\",\"when\":\"facts.asked_human\",\"action\":"
	"\"escalate\",\"queue\":\"support\",\"priority\":3,\"reason\":\"the customer asked\","
	"\"reversible\":true},"
	"{\"id\":\"long\",\"stage\":\"after\",\"when\":\"facts.unresolved_exchanges >= 3\","
	"\"action\":\"offer_human\",\"queue\":\"support\",\"priority\":5,\"reason\":\"no progress\","
	"\"reversible\":false}]}";
static const char articles[] =
	"{\"articles\":["
	"{\"id\":\"delivery\",\"title\":\"Delivery times\",\"also\":[\"When does my order arrive?\"],"
	"\"intents\":[\"order_status\"],\"text\":\"Orders leave our house within one day. Delivery "
	"takes two to three days.\\n\\n## Tracking\\n\\nThe mail that tells of the sending has the "
	"number of the parcel.\",\"updated\":\"2026-01-10\",\"valid_until\":\"\",\"uri\":"
	"\"help/delivery\"},"
	"{\"id\":\"returns\",\"title\":\"Returns and refunds\",\"also\":[],\"intents\":[\"refund\"],"
	"\"text\":\"Goods can be sent back within 30 days. The money is back on your account within "
	"five days.\",\"updated\":\"2026-01-11\",\"valid_until\":\"\",\"uri\":\"help/returns\"},"
	"{\"id\":\"hours\",\"title\":\"Opening hours\",\"also\":[],\"intents\":[\"opening_hours\"],"
	"\"text\":\"We are there from Monday to Friday, nine to six.\",\"updated\":\"2026-01-12\","
	"\"valid_until\":\"\",\"uri\":\"help/hours\"}]}";

/* Two tools: a look-up and a change, as tools.yaml says them for tool-http. */
static const char tools[] =
	"{\"tools\":["
	"{\"name\":\"order_status\",\"title\":\"looks up your order\",\"description\":\"Where an order "
	"is.\",\"writes\":false,\"idempotent\":true,\"timeout_ms\":10000,\"arguments\":{\"type\":"
	"\"object\",\"properties\":{\"order\":{\"type\":\"string\"}},\"required\":[\"order\"],"
	"\"additionalProperties\":false},\"result\":null,\"answer\":\"\",\"config\":{\"method\":\"GET\","
	"\"url\":\"https://api.example.test/v1/orders/{order}\"}},"
	"{\"name\":\"cancel_order\",\"title\":\"cancels your order\",\"description\":\"Cancels an "
	"order.\",\"writes\":true,\"idempotent\":false,\"timeout_ms\":10000,\"arguments\":{\"type\":"
	"\"object\",\"properties\":{\"order\":{\"type\":\"string\"}},\"required\":[\"order\"],"
	"\"additionalProperties\":false},\"result\":null,\"answer\":\"\",\"config\":{\"method\":\"POST\","
	"\"url\":\"https://api.example.test/v1/orders/{order}/cancel\"}}]}";
/* guards.yaml with nothing said but who looks. */
static const char guards[] = "{\"guards\":[{\"module\":\"checked\"}]}";

/* --- making one ---------------------------------------------------------------------------- */

static bool has(const char *name, const char *part)
{
	return strcasestr(name, part) != NULL;
}

static json_t *string_for(const char *name, const json_t *schema)
{
	json_int_t least = json_integer_value(json_object_get(schema, "minLength"));
	const char *text = has(name, "url") || has(name, "endpoint") ? "https://api.example.test/v1"
			   : has(name, "secret") || has(name, "key") ? "KEY"
			   : has(name, "sign")                       ? "KEY"
								     : "check";
	if ((json_int_t)strlen(text) >= least)
		return json_string(text);
	char *longer = baton_alloc((size_t)least + 1);
	memset(longer, 'a', (size_t)least);
	json_t *json = json_string(longer);
	baton_free(longer);
	return json;
}

static const char *type_of(const json_t *schema)
{
	const json_t *type = json_object_get(schema, "type");
	if (json_is_array(type))
		type = json_array_get(type, 0);
	return json_string_value(type);
}

/* One value that fits; no deeper than one list, which is as far as schemas of modules need. */
static json_t *value_for(const char *name, const json_t *schema, bool inner)
{
	const json_t *given = json_object_get(schema, "default");
	const json_t *list = json_object_get(schema, "enum");
	const char *type = type_of(schema);
	if (given)
		return json_deep_copy(given);
	if (json_array_size(list) > 0)
		return json_deep_copy(json_array_get(list, 0));
	if (!type || strcmp(type, "string") == 0)
		return string_for(name, schema);
	if (strcmp(type, "boolean") == 0)
		return json_false();
	if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0) {
		const json_t *least = json_object_get(schema, "minimum");
		return least ? json_deep_copy(least) : json_integer(1);
	}
	if (strcmp(type, "array") == 0 && !inner) {
		json_t *array = json_array();
		json_int_t n = json_integer_value(json_object_get(schema, "minItems"));
		for (json_int_t i = 0; i < n; i++)
			(void)json_array_append_new(
				array, value_for(name, json_object_get(schema, "items"), true));
		return array;
	}
	return strcmp(type, "array") == 0 ? json_array() : json_object();
}

static void fill_required(json_t *config, const json_t *schema)
{
	const json_t *properties = json_object_get(schema, "properties"), *name;
	size_t i;
	json_array_foreach(json_object_get(schema, "required"), i, name) {
		const char *key = json_string_value(name);
		if (key && !json_object_get(config, key))
			(void)json_object_set_new(
				config, key,
				value_for(key, json_object_get(properties, key), false));
	}
}

/* Which part of a policy: by the kind; providers get articles only if their schema speaks of it. */
static const char *policy_for(const char *kind, const json_t *schema)
{
	const json_t *properties = json_object_get(schema, "properties");
	if (strcmp(kind, "classifier") == 0)
		return intents;
	if (strcmp(kind, "rule") == 0)
		return rules;
	if (strcmp(kind, "retriever") == 0)
		return articles;
	if (strcmp(kind, "tool") == 0)
		return tools;
	if (strcmp(kind, "guard") == 0)
		return guards;
	return strcmp(kind, "provider") == 0 && json_object_get(properties, "policy") ? articles
										      : NULL;
}

static char *text_of(json_t *config, size_t *ret_n)
{
	char *text = json_dumps(config, JSON_COMPACT | JSON_REAL_PRECISION(15));
	char *copy = text ? baton_memdupz(text, strlen(text)) : NULL;
	if (ret_n)
		*ret_n = text ? strlen(text) : 0;
	free(text);
	return copy;
}

char *baton_config_arguments(const json_t *schema)
{
	json_t *args = json_object();
	fill_required(args, schema);
	char *text = text_of(args, NULL);
	json_decref(args);
	return text;
}

char *baton_config_make(const char *schema, const char *kind, const char *own, char *why,
			size_t cap)
{
	json_t *rule = schema && schema[0] ? json_loads(schema, 0, NULL) : NULL;
	json_t *config = own ? json_loads(own, JSON_REJECT_DUPLICATES, NULL) : json_object();
	char *text = NULL;
	if (!json_is_object(config)) {
		(void)snprintf(why, cap, "what was given is no object of JSON");
	} else {
		const char *part = policy_for(kind, rule);
		fill_required(config, rule);
		if (part && !json_object_get(config, "policy"))
			(void)json_object_set_new(config, "policy", json_loads(part, 0, NULL));
		if (baton_schema_check(schema, config, why, cap) == 0)
			text = text_of(config, NULL);
	}
	json_decref(config);
	json_decref(rule);
	return text;
}

/* --- checks -------------------------------------------------------------------------------- */

/* create() of a configuration: any answer but a crash, a hang or a result that does not exist. */
static void try_create(struct baton_try *trial, const char *text, size_t n, const char *what)
{
	uint32_t inst = 0;
	baton_try_step(trial, "create with %s", what);
	unsigned logs = baton_testhost_logs(trial->host);
	int32_t rc = baton_testhost_create_only(trial->host, (baton_str){ text, n }, &inst);
	if (rc == BATON_OK) {
		baton_testhost_settle(trial->host);
		baton_testhost_destroy(trial->host, inst);
	} else if (baton_testhost_logs(trial->host) == logs) {
		baton_try_note(trial, "create() refuses %s with %d and logs no reason", what, rc);
	}
}

/* Through the schema first, as the server does. */
static bool fits(const char *schema, const json_t *config)
{
	char why[256];
	return baton_schema_check(schema, config, why, sizeof(why)) == 0;
}

static const char *schema_of(const struct baton_try *trial)
{
	return baton_testhost_module(trial->host)->config_schema;
}

void baton_check_schema(struct baton_try *trial)
{
	char why[256] = "";
	trial->host = baton_try_host(trial);
	if (!trial->host)
		return;
	const char *schema = schema_of(trial);
	if (!schema || !schema[0]) {
		baton_try_skip(trial, "it has no config_schema: any configuration is taken");
		return;
	}
	json_t *nothing = json_object();
	int rc = baton_schema_check(schema, nothing, why, sizeof(why));
	json_decref(nothing);
	if (rc == BATON_E_SCHEMA)
		baton_try_fail(trial, "%s", why);
}

void baton_check_config_default(struct baton_try *trial)
{
	if (baton_try_open(trial) && !trial->options->config)
		baton_try_note(trial, "tried with %.300s", trial->config);
}

void baton_check_config_empty(struct baton_try *trial)
{
	trial->host = baton_try_host(trial);
	if (!trial->host)
		return;
	json_t *empty = json_object();
	if (fits(schema_of(trial), empty))
		try_create(trial, "{}", 2, "an empty configuration");
	else
		baton_try_note(trial, "its schema refuses an empty configuration");
	json_decref(empty);
}

static bool says(const json_t *property, const char *type)
{
	const json_t *types = json_object_get(property, "type"), *t;
	size_t i;
	if (json_is_string(types))
		return strcmp(json_string_value(types), type) == 0;
	json_array_foreach(types, i, t) {
		if (strcmp(json_string_value(t), type) == 0)
			return true;
	}
	return types == NULL; /* any */
}

static void try_types(struct baton_try *trial, const char *name, const json_t *property)
{
	static const struct {
		const char *type, *text;
	} values[] = { { "string", "\"\\u20ac text\"" },
		       { "integer", "-7" },
		       { "number", "1e300" },
		       { "boolean", "true" },
		       { "null", "null" },
		       { "array", "[[],{},1]" },
		       { "object", "{\"\":{}}" } };
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char what[160];
		json_t *config = json_loads(trial->config, 0, NULL);
		json_t *value = json_loads(values[i].text, JSON_DECODE_ANY, NULL);
		(void)json_object_set_new(config, name, value);
		bool taken = fits(schema_of(trial), config);
		bool integer_fits =
			strcmp(values[i].type, "integer") == 0 && says(property, "number");
		if (taken && !says(property, values[i].type) && !integer_fits)
			baton_try_fail(trial, "%s: the schema takes %s", name, values[i].text);
		(void)snprintf(what, sizeof(what), "%.60s = %s", name, values[i].text);
		size_t n;
		char *text = text_of(config, &n);
		if (taken && text)
			try_create(trial, text, n, what);
		baton_free(text);
		json_decref(config);
	}
}

void baton_check_config_types(struct baton_try *trial)
{
	const char *name;
	json_t *property;
	trial->host = baton_try_host(trial);
	if (!trial->host)
		return;
	const char *text = schema_of(trial);
	json_t *schema = text && text[0] ? json_loads(text, 0, NULL) : NULL;
	json_t *properties = json_object_get(schema, "properties");
	if (json_object_size(properties) == 0)
		baton_try_skip(trial, "its schema names no property");
	json_object_foreach(properties, name, property) {
		/* What the server adds is not the user's to get wrong. */
		if (strcmp(name, "policy") != 0)
			try_types(trial, name, property);
	}
	json_decref(schema);
}

/* 1 MB as the value of `name`, whatever it is: a string, a list, an object of many members. */
static void try_huge(struct baton_try *trial, const char *name, int shape)
{
	static const char *const shapes[] = { "a string of 1 MB", "a list of 200,000 numbers",
					      "an object of 50,000 members" };
	json_t *config = json_loads(trial->config, 0, NULL), *value = NULL;
	char key[32], what[160];
	size_t n;
	if (shape == 0) {
		char *text = baton_alloc(HUGE + 1);
		memset(text, 'a', HUGE);
		value = json_string(text);
		baton_free(text);
	}
	if (shape == 1) {
		value = json_array();
		for (int i = 0; i < 200000; i++)
			(void)json_array_append_new(value, json_integer(i));
	}
	if (shape == 2) {
		value = json_object();
		for (int i = 0; i < 50000; i++) {
			(void)snprintf(key, sizeof(key), "member-%d", i);
			(void)json_object_set_new(value, key, json_true());
		}
	}
	(void)json_object_set_new(config, name, value);
	(void)snprintf(what, sizeof(what), "%.60s = %s", name, shapes[shape]);
	char *text = fits(schema_of(trial), config) ? text_of(config, &n) : NULL;
	if (text)
		try_create(trial, text, n, what);
	baton_free(text);
	json_decref(config);
}

void baton_check_config_huge(struct baton_try *trial)
{
	const char *name;
	json_t *property;
	trial->host = baton_try_host(trial);
	if (!trial->host)
		return;
	const char *text = schema_of(trial);
	json_t *schema = text && text[0] ? json_loads(text, 0, NULL) : NULL;
	json_object_foreach(json_object_get(schema, "properties"), name, property) {
		for (int shape = 0; shape < 3; shape++)
			try_huge(trial, name, shape);
	}
	for (int shape = 0; shape < 3; shape++)
		try_huge(trial, "no-such-property", shape);
	json_decref(schema);
}
