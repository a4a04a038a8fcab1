/* SPDX-License-Identifier: Apache-2.0 */

/* guard-acme: finds membership numbers of the shop, such as ACM-123456, wherever somebody writes
 * them. The host does what follows: a placeholder takes the number's place before anybody outside
 * sees it, and is turned back in the answer to the customer.
 *
 * A guard is pure: the same text has the same hits. It has no clock, no chance, no memory and asks
 * the host for nothing but log(). While an answer grows it is asked again and again, and says how
 * much of it may be shown: what is shown must never be found later. So the end of the text is held
 * back as long as it may be the beginning of a number. */

/* Guards are served since minor 2 (docs/ABI.md). */
#define BATON_ABI_NEEDED 2u
#include "frame.h"
#include "scan.h"
#include "text.h"

#include <stdio.h>

BATON_MODULE_NOTE("guard-acme", "0.1.0", "guard", 0);

enum { PREFIX_BYTES = 16, DIGITS_DEFAULT = 6, EVERYWHERE = 63 };

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct guard {
	char prefix[PREFIX_BYTES];
	size_t prefix_n;
	uint64_t digits;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Inside a word nothing begins. */
static bool in_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

/* How many bytes from `at` on are those of a number, as far as there are bytes. */
static size_t matched(const struct guard *guard, baton_str text, size_t at)
{
	size_t n = 0, whole = guard->prefix_n + (size_t)guard->digits;

	while (n < whole && at + n < text.n) {
		char c = text.p[at + n];
		if (n < guard->prefix_n ? c != guard->prefix[n] : !is_digit(c))
			break;
		n++;
	}
	return n;
}

static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	const struct guard *guard = inst;
	baton_str text = what->text;
	size_t whole = guard->prefix_n + (size_t)guard->digits;
	bool grows = what->at == BATON_AT_ANSWER && !what->final;

	for (size_t at = 0; at < text.n; at++) {
		if (at > 0 && in_word(text.p[at - 1]))
			continue;
		size_t n = matched(guard, text, at);
		if (grows && n > 0 && at + n == text.n) { /* it may go on: show nothing of it */
			out->safe = (uint32_t)at;
			return BATON_OK;
		}
		if (n < whole || (at + n < text.n && is_digit(text.p[at + n])))
			continue; /* too short, or too long */
		int32_t rc = frame_hit(out, (baton_hit){ .begin = (uint32_t)at,
							 .end = (uint32_t)(at + n),
							 .action = BATON_GUARD_REDACT,
							 .confidence_ppm = 1000000,
							 .type = str_z("member_id") });
		if (rc < 0)
			return rc;
		at += n - 1;
	}
	return BATON_OK;
}

static int32_t describe(void *inst, const baton_sink *json)
{
	static const struct frame_kind kinds[] = { { "member_id", "redact",
						     "Membership numbers" } };
	(void)inst;

	return frame_describe(json, kinds, 1);
}

/* --- life: frame.c makes an instance of the configuration, and lets go of it --- */

static int32_t settings_read(void *inst, baton_str config_json, char *why, size_t cap)
{
	struct guard *guard = inst;
	struct scan scan = scan_of(config_json);
	bool begun = false;
	baton_str key, prefix;

	guard->digits = DIGITS_DEFAULT;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "digits"))
			guard->digits = scan_count(&scan);
		else if (!scan_is(key, "prefix"))
			scan_skip(&scan); /* `policy`: guards.yaml, which the host adds */
		else if (scan_text(&scan, &prefix))
			scan_copy(prefix, guard->prefix, sizeof(guard->prefix));
	}
	guard->prefix_n = strlen(guard->prefix);
	if (guard->prefix_n > 0)
		return BATON_OK;
	(void)snprintf(why, cap, "prefix: what a number begins with is missing");
	return BATON_E_INVAL;
}

/* It holds nothing but itself: there is no `done`. */
const struct guard_frame guard_frame = { sizeof(struct guard), settings_read, NULL };

static const baton_guard guard_table = {
	.size = sizeof(guard_table), .at = EVERYWHERE, .describe = describe, .inspect = inspect
};
static const baton_iface ifaces[] = { { BATON_GUARD, &guard_table } };

/* The one symbol that a module exports. Id, version and flags are those of the note. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "guard-acme",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "Masks membership numbers",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"prefix\"],"
		"\"properties\":{"
		"\"policy\":{\"type\":\"object\"},"
		"\"prefix\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":15},"
		"\"digits\":{\"type\":\"integer\",\"minimum\":3,\"maximum\":20}}}",
	.ifaces = ifaces,
	.load = frame_load,
	.create = frame_create,
	.destroy = frame_destroy,
};
