/* SPDX-License-Identifier: Apache-2.0 */

/* guard-pii: finds personal data and secrets in text, wherever it stands. The host puts
 * placeholders in their place before anybody outside sees the text, and turns them back for the
 * customer.
 *
 * Finders walk over the text once and look a bounded way around; nothing depends on anything
 * but the text. Of an answer that grows, what could still become a value by what follows is not
 * safe yet.
 */
#include "modules/guard-pii/settings.h"
#include "modules/sdk/guard/frame.h"

BATON_MODULE_NOTE("guard-pii", "1.0.0", "guard", 0);

enum {
	SPOTS_MAX = 1024, /* before what overlaps is one */
	LOOK_BACK = 256,  /* how far in front of a place words can matter */
	AT_ALL = BATON_AT_CUSTOMER | BATON_AT_AGENT | BATON_AT_KNOWLEDGE | BATON_AT_TOOL_RESULT |
		 BATON_AT_TOOL_ARGS | BATON_AT_ANSWER
};

struct guard {
	struct pii_settings settings;
	struct spot spots[SPOTS_MAX];
};

/* --- looking -------------------------------------------------------------------------------- */

/* What has been shown of a growing answer is looked at only as far as it says what follows. */
static size_t start_of(const baton_inspection *what)
{
	size_t from = what->at == BATON_AT_ANSWER ? what->from : 0;

	from = from > what->text.n ? what->text.n : from;
	return frame_character(what->text, from > LOOK_BACK ? from - LOOK_BACK : 0);
}

static bool look(struct guard *guard, struct find *find)
{
	if (find->types & (1u << PII_CARD | 1u << PII_PHONE | 1u << PII_NATIONAL_ID))
		find_numbers(find);
	if (find->types & (1u << PII_IBAN | 1u << PII_NATIONAL_ID))
		find_codes(find);
	if (find->types & (1u << PII_EMAIL | 1u << PII_IP))
		find_names(find);
	if (find->types & (1u << PII_TOKEN | 1u << PII_PASSWORD | 1u << PII_DOCUMENT))
		find_secrets(find);
	return pii_find_own(&guard->settings, find);
}

static baton_str name_of(const struct guard *guard, uint32_t type)
{
	return frame_str(type < PII_TYPES ? pii_type_names[type]
					  : guard->settings.patterns[type - PII_TYPES].name);
}

static int32_t tell(const struct guard *guard, const struct find *find, size_t start, size_t from,
		    baton_hits *out)
{
	for (size_t i = 0; i < find->n_spots; i++) {
		const struct spot *spot = &find->v[i];

		if (start + spot->end <= from)
			continue; /* it has been shown, and was looked at then */
		int32_t rc = frame_hit(out, (baton_hit){ .begin = (uint32_t)start + spot->begin,
							 .end = (uint32_t)start + spot->end,
							 .action = BATON_GUARD_REDACT,
							 .confidence_ppm = spot->ppm,
							 .type = name_of(guard, spot->type) });
		if (rc < 0)
			return rc;
	}
	return BATON_OK;
}

static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	struct guard *guard = inst;
	bool grows = what->at == BATON_AT_ANSWER && !what->final;
	size_t start = start_of(what), kept = 0;
	struct find find = { .p = (const unsigned char *)what->text.p + start,
			     .n = what->text.n - start,
			     .types = guard->settings.types,
			     .v = guard->spots,
			     .cap = SPOTS_MAX };

	if (find.n == 0)
		return BATON_OK;
	bool said = look(guard, &find);
	if (find.full)
		return BATON_E_LIMIT;
	if (!said)
		return BATON_E_STATE;
	find_settle(&find);
	pii_forget_allowed(&guard->settings, &find);
	if (grows) {
		size_t safe = find_safe(&find);

		/* What is not safe yet may be more, or something else, when it is whole. */
		for (size_t i = 0; i < find.n_spots; i++)
			if (find.v[i].end <= safe)
				find.v[kept++] = find.v[i];
		find.n_spots = kept;
		out->safe = (uint32_t)(start + safe);
		if (out->safe < what->from)
			out->safe = what->from;
	}
	return tell(guard, &find, start, what->at == BATON_AT_ANSWER ? what->from : 0, out);
}

/* --- describing ----------------------------------------------------------------------------- */

static const char *const meanings[PII_TYPES] = {
	[PII_CARD] = "card number, by its issuer and checksum",
	[PII_IBAN] = "bank account, by country, length and checksum",
	[PII_EMAIL] = "e-mail address",
	[PII_PHONE] = "phone number, by its form or the words in front",
	[PII_NATIONAL_ID] = "social security or tax number",
	[PII_IP] = "address of the net",
	[PII_TOKEN] = "key or token of a program",
	[PII_PASSWORD] = "password, PIN or security code, by the words in front",
	[PII_DOCUMENT] = "passport or driving licence, by the words in front",
};

static int32_t describe(void *inst, const baton_sink *json)
{
	const struct guard *guard = inst;
	struct frame_kind kinds[PII_TYPES + PII_PATTERNS_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < PII_TYPES; i++)
		if (guard->settings.types & 1u << i)
			kinds[n++] =
				(struct frame_kind){ pii_type_names[i], "redact", meanings[i] };
	for (size_t i = 0; i < guard->settings.n_patterns; i++)
		kinds[n++] = (struct frame_kind){ guard->settings.patterns[i].name, "redact",
						  "a pattern of guards.yaml" };
	return frame_describe(json, kinds, n);
}

/* --- the module ----------------------------------------------------------------------------- */

static int32_t settings_read(void *inst, baton_str config_json, char *why, size_t cap)
{
	struct guard *guard = inst;

	return pii_settings_read(&guard->settings, config_json, why, cap);
}

static void settings_done(void *inst)
{
	struct guard *guard = inst;

	pii_settings_done(&guard->settings);
}

const struct guard_frame guard_frame = { sizeof(struct guard), settings_read, settings_done };

static const baton_guard guard_vt = {
	.size = sizeof(guard_vt), .at = AT_ALL, .describe = describe, .inspect = inspect
};
static const baton_iface ifaces[] = { { BATON_GUARD, &guard_vt } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "guard-pii",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Finds personal data and secrets, so that nobody outside is shown them",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"policy\":{\"type\":\"object\"}}}",
	.ifaces = ifaces,
	.load = frame_load,
	.create = frame_create,
	.destroy = frame_destroy,
};
