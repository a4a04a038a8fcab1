/* SPDX-License-Identifier: Apache-2.0 */

/* Conditions: what they mean, what is refused and where, and that facts survive being written down.
 * The expected results are those of the CEL specification (langdef.md, "Runtime Errors", "Logical
 * Operators", "Numeric Values"), worked out by hand, one per row.
 */

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/policy/drill_facts.h"
#include "core/policy/expr.h"
#include "core/policy/expr_duration.h"
#include "core/policy/facts.h"
#include "core/policy/mode_facts.h"
#include "core/policy/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The facts all rows see. */
static baton_facts facts_of_a_hard_case(void)
{
	baton_facts f = { .size = sizeof(f) };

	f.flags = BATON_FACT_ASKED_HUMAN | BATON_FACT_BILLING;
	f.session_id = BATON_STR("0191-a");
	f.intent = BATON_STR("billing-question");
	f.customer_tier = BATON_STR("vip");
	f.channel = BATON_STR("web");
	f.locale = BATON_STR("d\xc3\xa9");
	f.last_fail_provider = BATON_STR("openai");
	f.tags_json = BATON_STR("[\"vip\",\"caf\\u00e9\"]");
	f.intent_ppm = 350000;
	f.answer_ppm = 1000000;
	f.sentiment_ppm = 400000;
	f.exchanges = 3;
	f.unresolved_exchanges = 2;
	f.last_fail = BATON_FAIL_RATE_LIMITED;
	f.queue_depth = 7;
	f.age_ms = 9007199254740993u; /* 2^53 + 1: not a double */
	f.idle_ms = 90000;
	f.sla_left_ms = UINT64_MAX;
	return f;
}

enum { NO = 0, YES = 1, ERR = -1 };

static const struct row {
	const char *text;
	int expected;
} rows[] = {
	/* literals and names */
	{ "true", YES },
	{ "false", NO },
	{ "asked_human", YES },
	{ "security", NO },
	{ "(((asked_human)))", YES },
	{ "intent == 'billing-question'", YES },
	{ "intent == \"billing\"", NO },
	{ "last_fail == 'rate_limited'", YES },
	{ "0x10 == 16", YES },
	{ "'\\u00e9' == '\\351'", YES },
	{ "'\\x41\\U00000042\\n' == 'AB\\n'", YES },
	{ "'it\\'s' == \"it's\"", YES },
	{ "true // and this is a comment", YES },
	/* comparing */
	{ "exchanges == 3", YES },
	{ "exchanges != 3", NO },
	{ "exchanges >= 3 && exchanges <= 3", YES },
	{ "exchanges > 3 || exchanges < 3", NO },
	{ "intent_confidence < 0.4", YES },
	{ "intent_confidence == 0.35", YES },
	{ "sentiment < 0.4", NO },
	{ "answer_confidence == 1", YES },
	{ "answer_confidence >= 1", YES },
	{ "1 < 1.5", YES },
	{ "1.5 < 1", NO },
	{ "-1 < -0.5", YES },
	{ "2 > 1.9999", YES },
	{ "9007199254740993 == 9007199254740992.0", NO },
	{ "9007199254740993 > 9007199254740992.0", YES },
	{ "age_ms > 9007199254740992.0", YES },
	{ "9223372036854775807 < 9223372036854775808.0", YES },
	{ "-9223372036854775808 == -9223372036854775808.0", YES },
	{ "0.0 == -0.0", YES },
	{ "0.0 / 0.0 == 0.0 / 0.0", NO },
	{ "0.0 / 0.0 != 0.0 / 0.0", YES },
	{ "0.0 / 0.0 < 1.0", NO },
	{ "0.0 / 0.0 >= 1.0", NO },
	{ "1.0 / 0.0 > 1e308", YES },
	{ "1.0 / -0.0 < -1e308", YES },
	{ "1 < 0.0 / 0.0", NO },
	{ "'a' < 'b'", YES },
	{ "'a' < 'ab'", YES },
	{ "'Z' < 'a'", YES },
	{ "'\\uffff' < '\\U00010000'", YES },
	{ "false < true", YES },
	{ "true <= false", NO },
	{ "'' == ''", YES },
	/* arithmetic */
	{ "1 + 2 * 3 == 7", YES },
	{ "(1 + 2) * 3 == 9", YES },
	{ "7 - 2 - 1 == 4", YES },
	{ "7 / 2 == 3", YES },
	{ "-7 / 2 == -3", YES },
	{ "7 % 3 == 1", YES },
	{ "-7 % 3 == -1", YES },
	{ "7 % -3 == 1", YES },
	{ "1.5 + 1.5 == 3.0", YES },
	{ "7.0 / 2.0 == 3.5", YES },
	{ "'a' + 'b' == 'ab'", YES },
	{ "'' + intent + '' == intent", YES },
	{ "-exchanges == -3", YES },
	{ "--exchanges == 3", YES },
	{ "-(-9223372036854775807) == 9223372036854775807", YES },
	{ ".5 + .5 == 1.0", YES },
	{ "1e3 == 1000.0", YES },
	/* facts and constants, and what is neither, side by side */
	{ "exchanges < 3.5 && exchanges > 2.5 && sentiment < 1 && sentiment >= 0", YES },
	{ "intent > 'a' && intent != 'a' && !(intent <= 'a')", YES },
	{ "queue_depth * 2 == 14 && asked_human || legal", YES },
	{ "legal && 1 / 0 == 1 || exchanges == 3", YES },
	{ "exchanges == 3 && 1 / 0 == 1", ERR },
	{ "(exchanges / (exchanges - 3) > 0 || asked_human) && billing", YES },
	{ "!(exchanges / (exchanges - 3) > 0 && asked_human) && billing", ERR },
	{ "intent in ['x', 'billing-question'] && !(channel in ['', 'mail'])", YES },
	{ "(legal ? exchanges : queue_depth) >= 7 && customer_tier == 'vip'", YES },
	/* what cannot be computed */
	{ "1 / 0 == 1", ERR },
	{ "1 % 0 == 1", ERR },
	{ "exchanges / (exchanges - 3) > 0", ERR },
	{ "9223372036854775807 + 1 > 0", ERR },
	{ "-9223372036854775808 - 1 < 0", ERR },
	{ "9223372036854775807 * 2 > 0", ERR },
	{ "-(-9223372036854775808) > 0", ERR },
	{ "-9223372036854775808 / -1 > 0", ERR },
	{ "-9223372036854775808 % -1 == 0", YES },
	{ "!(1 / 0 == 1)", ERR },
	{ "size([1 / 0]) == 1", ERR },
	{ "3 in [1 / 0, 3]", ERR },
	/* && and || absorb what cannot be computed, on either side */
	{ "false && 1 / 0 == 1", NO },
	{ "1 / 0 == 1 && false", NO },
	{ "true && 1 / 0 == 1", ERR },
	{ "1 / 0 == 1 && true", ERR },
	{ "true || 1 / 0 == 1", YES },
	{ "1 / 0 == 1 || true", YES },
	{ "false || 1 / 0 == 1", ERR },
	{ "1 / 0 == 1 || 1 / 0 == 1", ERR },
	{ "(1 / 0 == 1 || false) && false", NO },
	{ "true || false && false", YES },
	{ "(true || false) && false", NO },
	{ "!security && !legal", YES },
	{ "!!asked_human", YES },
	/* ?: computes one side only, as far as anybody can tell */
	{ "true ? true : 1 / 0 == 1", YES },
	{ "false ? 1 / 0 == 1 : true", YES },
	{ "1 / 0 == 1 ? true : true", ERR },
	{ "(customer_tier == 'vip' ? 2 : 3) <= unresolved_exchanges", YES },
	{ "false ? true : false ? false : true", YES },
	{ "security || billing ? exchanges == 3 : false", YES },
	/* text */
	{ "intent.startsWith('billing')", YES },
	{ "intent.startsWith('question')", NO },
	{ "intent.endsWith('question')", YES },
	{ "intent.contains('ing-q')", YES },
	{ "intent.contains('')", YES },
	{ "''.startsWith('x')", NO },
	{ "!intent.contains('refund')", YES },
	{ "size(locale) == 2", YES },
	{ "locale.size() == 2", YES },
	{ "size('') == 0", YES },
	{ "size('\\U0001F600') == 1", YES },
	{ "('a' + 'bc').endsWith('bc')", YES },
	/* lists */
	{ "intent in ['refund-policy', 'billing-question']", YES },
	{ "intent in ['refund-policy']", NO },
	{ "intent in []", NO },
	{ "3 in [1, 2, 3]", YES },
	{ "3 in [1.0, 3.0]", YES },
	{ "'vip' in tags", YES },
	{ "'caf\xc3\xa9' in tags", YES },
	{ "'gold' in tags", NO },
	{ "size(tags) == 2 && size([]) == 0 && size([1, 2,]) == 2", YES },
	{ "tags == ['vip', 'caf\xc3\xa9']", YES },
	{ "[1, 2] == [1.0, 2.0]", YES },
	{ "[1, 2] != [2, 1]", YES },
	{ "[] == tags", NO },
	{ "true in [false, 1 == 1]", YES },
	/* durations: a fact of milliseconds without its `_ms` */
	{ "idle > duration('5m')", NO },
	{ "idle <= duration('90s') && idle == duration('1m30s')", YES },
	{ "idle + duration('1s') - idle == duration('1000ms')", YES },
	{ "idle.getMinutes() == 1 && idle.getSeconds() == 90 && idle.getHours() == 0", YES },
	{ "duration('-90s').getMinutes() == -1", YES },
	{ "idle in [duration('1s'), duration('90s')]", YES },
	{ "duration(string(idle_ms) + 'ms') == idle", YES },
	{ "duration(intent) == idle", ERR },
	{ "duration('2562047h') + duration('2562047h') > idle", ERR },
	{ "sla_left > duration('2000000h')", YES },
	/* loops */
	{ "tags.exists(t, t == 'vip')", YES },
	{ "tags.all(t, size(t) > 3)", NO },
	{ "tags.exists_one(t, t.startsWith('v'))", YES },
	{ "tags.filter(t, t.contains('v')) == ['vip']", YES },
	{ "tags.map(t, size(t)) == [3, 4]", YES },
	{ "tags.map(t, size(t) > 3, t + '!') == ['caf\xc3\xa9!']", YES },
	{ "tags.filter(t, false).all(t, false)", YES },
	{ "tags.filter(t, false).exists(t, true)", NO },
	{ "[0, 1].all(x, 1 / x > 5)", NO },
	{ "[0, 5].exists(x, 1 / x == 0)", YES },
	{ "[0, 2].exists(x, 1 / x == 1)", ERR },
	{ "[1, 0].exists_one(x, 1 / x == 1)", ERR },
	{ "size([1, 0].filter(x, 1 / x == 1)) == 1", ERR },
	{ "size([1, 0].map(x, 1 / x)) == 2", ERR },
	{ "[1 / 0].exists(x, true)", ERR },
	{ "[1, 2].all(x, [2, 3].exists(y, y == x + 1))", YES },
	{ "[1].all(x, [3].all(x, x == 3) && x == 1)", YES },
	{ "[[1, 2][0], 3].map(x, x * 2)[1] == 6", YES },
	{ "tags[0] == 'vip' && tags[1] != 'vip'", YES },
	{ "tags[2] == ''", ERR },
	{ "tags[-1] == ''", ERR },
	{ "(tags + ['x'])[2] == 'x'", YES },
	/* is a fact there? */
	{ "has(facts.intent) && facts.intent == intent", YES },
	{ "has(facts.mode) || has(facts.legal) || has(facts.agents_free)", NO },
	{ "has(facts.tags) && has(facts.idle) && has(facts.intent_confidence)", YES },
	/* converting */
	{ "int(1.9) == 1 && int(-1.9) == -1 && int('-42') == -42", YES },
	{ "int(1e19) > 0", ERR },
	{ "int('') == 0", ERR },
	{ "int('9223372036854775808') > 0", ERR },
	{ "int(intent_confidence * 100.0) == 35", YES },
	{ "double(exchanges) / 2.0 == 1.5 && double('-1.5e1') == -15.0", YES },
	{ "double('0x10') > 0.0", ERR },
	{ "string(exchanges) + string(true) == '3true'", YES },
	{ "bool('true') && !bool('0')", YES },
	{ "bool('yes')", ERR },
	/* patterns */
	{ "intent.matches('^(billing|refund)-')", YES },
	{ "locale.matches('^d.$')", YES },
	{ "locale.matches(r'^\\w+$')", NO },
	{ "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('^(a+)+b')", NO },
	{ "'ab12'.matches('[a-c]{2}\\\\d{2,}$')", YES },
	{ "'x-y'.matches(r'\\bx\\b') && !'xy'.matches(r'\\bx\\b')", YES },
	{ "'VIP'.lowerAscii() == 'vip' && 'vi\xc3\xa9'.upperAscii() == 'VI\xc3\xa9'", YES },
	/* facts of few words */
	{ "last_fail == 'rate_limited' && last_fail in ['timeout', 'rate_limited', '']", YES },
	{ "primary_state == '' && primary_state != 'half_open'", YES },
	{ "last_fail == customer_tier || last_fail in [channel, 'vip' + 'x']", NO },
	/* the widest facts */
	{ "sla_left_ms == 9223372036854775807", YES },
	{ "queue_depth + agents_free == 7", YES },
};

static void a_condition_means_what_cel_says(void **state)
{
	baton_facts facts = facts_of_a_hard_case();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		baton_expr *expr = NULL;
		char why[256] = "";
		uint32_t column = 0;
		int rc = baton_expr_compile(baton_str_of(rows[i].text), &expr, why, sizeof(why),
					    &column);
		if (rc != 0)
			fail_msg("%s: column %u: %s", rows[i].text, column, why);
		int got = baton_expr_test(expr, &facts);
		baton_expr_free(expr);
		if ((got < 0 ? ERR : got) != rows[i].expected)
			fail_msg("%s: got %d", rows[i].text, got);
	}
}

/* Shapes of a condition, each as C has it and as we do. C wants more parentheses. */
#define SHAPE(name, shape)                                                    \
	static bool name(bool legal, bool billing, bool security, bool stale) \
	{                                                                     \
		return shape;                                                 \
	}
#define SHAPES                                                                             \
	SHAPE(chain, legal &&billing &&security &&stale)                                   \
	SHAPE(choice, legal || billing || security || stale)                               \
	SHAPE(either_pair, (legal && billing) || (security && stale))                      \
	SHAPE(both_pairs, (legal || billing) && (security || stale))                       \
	SHAPE(not_both, !(legal && billing) && !(security || stale))                       \
	SHAPE(not_either, !((legal || !billing) && (!security || stale)))                  \
	SHAPE(nested, (legal && (billing || (security && (stale || !legal)))) || !billing) \
	SHAPE(twice, !!(legal || billing) && !(!security && !(stale && legal)))
SHAPES
#undef SHAPE

static void every_shape_says_what_its_facts_say(void **state)
{
#define SHAPE(name, shape) { #shape, name },
	static const struct {
		const char *text;
		bool (*holds)(bool legal, bool billing, bool security, bool stale);
	} shapes[] = { SHAPES };
#undef SHAPE
	static const uint32_t flags[] = { BATON_FACT_LEGAL, BATON_FACT_BILLING, BATON_FACT_SECURITY,
					  BATON_FACT_STALE };

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		baton_expr *expr = NULL;

		assert_int_equal(
			0, baton_expr_compile(baton_str_of(shapes[i].text), &expr, NULL, 0, NULL));
		for (unsigned bits = 0; bits < 16; bits++) {
			baton_facts facts = { .size = sizeof(facts) };

			for (unsigned k = 0; k < 4; k++)
				facts.flags |= bits >> k & 1 ? flags[k] : 0;
			bool expected =
				shapes[i].holds(bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3);
			if (baton_expr_test(expr, &facts) != expected)
				fail_msg("%s with %#x", shapes[i].text, bits);
		}
		baton_expr_free(expr);
	}
}

static const struct refusal {
	const char *text;
	unsigned column;
	const char *why;
} refusals[] = {
	{ "", 1, "the condition is empty" },
	{ "  // only a comment", 1, "the condition is empty" },
	{ "asked_humn", 1, "there is no fact `asked_humn`, did you mean `asked_human`?" },
	{ "true && Asked_Human", 9, "there is no fact `Asked_Human`, did you mean `asked_human`?" },
	{ "'\xc3\xa9' == xyzzy", 8, "there is no fact `xyzzy`" },
	{ "exchanges", 1, "a condition must be true or false; this one is a whole number" },
	{ "exchanges = 3", 11, "to compare, write `==`" },
	{ "legal & billing", 7, "for `and`, write `&&`" },
	{ "legal | billing", 7, "for `or`, write `||`" },
	{ "legal and billing", 7, "expected the end, found `and`" },
	{ "not legal", 1, "there is no fact `not`" },
	{ "exchanges == '3'", 11, "`==` does not take a whole number and a string" },
	{ "intent > 3", 8, "`>` does not take a string and a whole number" },
	{ "exchanges + 1.5 > 2.0", 11,
	  "`+` does not take a whole number and a number: write whole numbers as 2.0 here" },
	{ "1.5 % 2.0 == 1.0", 5, "`%` does not take a number and a number" },
	{ "exchanges && legal", 11, "`&&` does not take a whole number and true/false" },
	{ "!exchanges", 1, "`!` takes true/false, not a whole number" },
	{ "-legal", 1, "`-` takes a number, not true/false" },
	{ "!-exchanges == 3", 2, "expected a value, found `-`" },
	{ "(legal", 7, "expected `)`, found the end" },
	{ "legal)", 6, "expected the end, found `)`" },
	{ "legal ||", 9, "expected a value, found the end" },
	{ "legal ? true", 13, "expected `:`, found the end" },
	{ "legal ? 1 : 'a'", 7,
	  "both sides of `:` must be of one type, not a whole number and a string" },
	{ "1 ? true : false", 3, "what stands before `?` must be true/false, not a whole number" },
	{ "intent == 'abc", 11, "this string has no end quote" },
	{ "intent == 'a\\qb'", 13, "CEL knows no such escape; for a backslash write `\\\\`" },
	{ "intent == '\\ud800'", 12, "CEL knows no such escape; for a backslash write `\\\\`" },
	{ "intent == b'x'", 11,
	  "bytes are not part of this language: leave the letter before the quote away" },
	{ "intent == r'x", 11, "this string has no end quote" },
	{ "intent == '''x'''", 11,
	  "strings in three quotes are not part of this language: use one" },
	{ "exchanges == 3u", 14,
	  "unsigned numbers are not part of this language: leave the `u` away" },
	{ "exchanges == 3x", 14, "a number must not run into a name" },
	{ "exchanges == 9223372036854775808", 14, "this number does not fit into 64 bits" },
	{ "exchanges == 99999999999999999999", 14, "this number does not fit into 64 bits" },
	{ "sentiment < 1e999", 13, "this number is too large" },
	{ "null == null", 1, "`null` cannot stand here" },
	{ "has(intent)", 5, "has() takes a field: write `has(facts.intent)`" },
	{ "has(facts)", 5, "has() takes a field: write `has(facts.name)`" },
	{ "has(facts.intnt)", 11, "there is no fact `intnt`, did you mean `intent`?" },
	{ "has(facts.intent == 'a')", 18, "expected `)`, found `==`" },
	{ "intent.startWith('a')", 8,
	  "there is no function `startWith`, did you mean `startsWith`?" },
	{ "startsWith(intent, 'a')", 1,
	  "startsWith() belongs to a string: write `text.startsWith(\"...\")`" },
	{ "intent.name == 'a'", 8, "a fact has no parts: only functions can stand after a dot" },
	{ "tags.contains('a')", 6, "contains() belongs to a string, this is a list: use `in`" },
	{ "intent.contains(3)", 17, "contains() takes a string, not a whole number" },
	{ "size(3) == 1", 1, "size() takes a string or a list, not a whole number" },
	{ "tags['a'] == 'a'", 5, "a place of a list is a whole number, not a string" },
	{ "intent[0] == 'a'", 7, "only a list has places to pick from, not a string" },
	{ "[][0] == 1", 3, "this list is always empty" },
	{ "1 in ['a']", 3, "`in` does not take a whole number and a list" },
	{ "'a' in intent", 5,
	  "`in` does not take a string and a string: for a part of a text, write text.contains(\"...\")" },
	{ "1 in [1, 'a']", 10,
	  "all of a list must be of one type: this is a string, what stands before is a whole number" },
	{ "size([[1]]) == 1", 7, "a list cannot hold a list" },
	{ "[1] < [2]", 5, "`<` does not take a list and a list" },
	{ "age_ms > duration('5m')", 8,
	  "`>` does not take a whole number and a duration: the fact without `_ms` is the duration" },
	{ "age > 300000", 5,
	  "`>` does not take a duration and a whole number: the fact without `_ms` is the duration" },
	{ "age > '5m'", 5, "`>` does not take a duration and a string: write duration(\"5m\")" },
	{ "age > duration('5 minutes')", 16,
	  "'5 minutes' is no duration: write it like \"5m\", \"1h30m\" or \"250ms\"" },
	{ "age > duration(5)", 16, "duration() takes a string, not a whole number" },
	{ "age * 2 > idle", 5, "`*` does not take a duration and a whole number" },
	{ "-age < idle", 1, "`-` takes a number, not a duration: write duration(\"-5m\")" },
	{ "age.getMilliseconds() > 3", 5,
	  "there is no function `getMilliseconds`: CEL evaluators disagree on it: take the fact that ends in `_ms`" },
	{ "getHours(age) > 3", 1, "getHours() belongs to a duration: write `age.getHours()`" },
	{ "intent.getHours() > 3", 8, "getHours() belongs to a duration, this is a string" },
	{ "timestamp('x') > age", 1,
	  "there is no function `timestamp`: a condition knows no clock: the facts hold the times that matter" },
	{ "string(sentiment) == '0.5'", 8,
	  "string() takes a string, a whole number or true/false, not a number: CEL evaluators write it differently" },
	{ "int(true) == 1", 5, "int() takes a number or a string, not true/false" },
	{ "all(tags, t, t == 'a')", 1, "all() belongs to a list: write `tags.all(x, ...)`" },
	{ "intent.all(t, true)", 8, "all() belongs to a list, this is a string" },
	{ "[].all(t, true)", 4, "this list is always empty" },
	{ "tags.all(intent, true)", 10,
	  "`intent` is a fact: give the values of the list another name" },
	{ "tags.all('t', true)", 10, "expected a name for the values of the list, found a string" },
	{ "tags.all(t true)", 12, "expected `,`, found `true`" },
	{ "tags.all(t, t)", 13, "all() takes a condition, not a string" },
	{ "tags.all(t, true", 17, "expected `)`, found the end" },
	{ "size(tags.map(t, tags)) == 1", 18, "a list cannot hold a list" },
	{ "size(tags.map(t, t, t)) == 1", 18,
	  "what map() chooses by must be true/false, not a string" },
	{ "tags.exist(t, t == 'a')", 6, "there is no function `exist`, did you mean `exists`?" },
	{ "t == 'a' && tags.all(t, true)", 1, "there is no fact `t`" },
	{ "intent.matches(channel)", 16, "matches() takes a pattern in quotes, nothing computed" },
	{ "intent.matches('(a')", 16, "`(` has no `)`" },
	{ "intent.matches('a)')", 16, "`)` has no `(`" },
	{ "intent.matches('[a')", 16, "`[` has no `]`" },
	{ "intent.matches('[b-a]')", 16, "a range in [ ] must go up" },
	{ "intent.matches('*a')", 16, "there is nothing here to repeat" },
	{ "intent.matches('a**')", 16, "two repetitions in a row" },
	{ "intent.matches('a{2')", 16, "for the character `{` write `\\{`" },
	{ "intent.matches('a{200}')", 16, "a pattern repeats at most 100 times" },
	{ "intent.matches('(a{100}){100}')", 16,
	  "this pattern is too long, repetitions written out" },
	{ "intent.matches('a(?=b)')", 16,
	  "of the groups with `(?` only (?: ) is part of this language" },
	{ "intent.matches('[[:digit:]]')", 16,
	  "named classes are not part of this language: write \\d, \\w or \\s" },
	{ "intent.matches(r'\\p')", 16, "patterns know no such escape" },
	{ "intent.matches(r'\\')", 16, "patterns know no such escape" },
	{ "facts.intnt == 'a'", 7, "there is no fact `intnt`, did you mean `intent`?" },
	{ "tags.all(a, tags.all(b, tags.all(c, a == b && b == c)))", 29,
	  "the condition could take more than 50000 steps: put fewer of all, exists, filter and map inside each other" },
	{ "[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, true)))))", 56,
	  "at most 4 of all, exists, filter and map inside each other" },
	{ "last_fail == 'protocol'", 14, "`last_fail` is never 'protocol'" },
	{ "'time_out' != last_fail", 1,
	  "`last_fail` is never 'time_out', did you mean \"timeout\"?" },
	{ "last_fail in ['timeout', 'rate-limited']", 26,
	  "`last_fail` is never 'rate-limited', did you mean \"rate_limited\"?" },
	{ "legal && primary_state == 'Open'", 27,
	  "`primary_state` is never 'Open', did you mean \"open\"?" },
	{ "legal # why", 7, "this character means nothing in a condition" },
	{ "a\xff", 1, "the condition is not UTF-8" },
};

static void a_bad_condition_is_refused_with_its_place_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		baton_expr *expr = NULL;
		char why[256] = "";
		uint32_t column = 0;
		int rc =
			baton_expr_compile(baton_str_of(r->text), &expr, why, sizeof(why), &column);

		assert_int_equal(rc, BATON_E_INVAL);
		assert_null(expr);
		if (strcmp(why, r->why) != 0 || column != r->column)
			fail_msg("%s: column %u: %s", r->text, column, why);
	}
}

/* `open` n times, then "true", then `close` n times. */
static int compile_nested(const char *open, const char *close, size_t n, char *why, size_t cap)
{
	static char text[4 * BATON_EXPR_BYTES_MAX];
	size_t at = 0;
	baton_expr *expr = NULL;

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", open);
	at += (size_t)snprintf(text + at, sizeof(text) - at, "true");
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", close);
	int rc = baton_expr_compile(baton_str_of(text), &expr, why, cap, NULL);
	if (rc == 0)
		baton_expr_free(expr);
	return rc;
}

static void depth_and_length_are_bounded(void **state)
{
	static char text[BATON_EXPR_BYTES_MAX + 2];
	baton_expr *expr = NULL;
	char why[128];

	(void)state;
	assert_int_equal(compile_nested("(", ")", 31, why, sizeof(why)), 0);
	assert_int_equal(compile_nested("(", ")", 32, why, sizeof(why)), BATON_E_INVAL);
	assert_string_equal(why, "the condition is nested deeper than 32");
	assert_int_equal(compile_nested("(", ")", 900, why, sizeof(why)), BATON_E_INVAL);
	assert_int_equal(compile_nested("true?true:", "", 100, why, sizeof(why)), BATON_E_INVAL);
	assert_int_equal(compile_nested("!", "", 200, why, sizeof(why)), 0);
	assert_int_equal(compile_nested("!", "", 256, why, sizeof(why)), BATON_E_INVAL);
	assert_string_equal(why, "the condition is too long: at most 256 parts");
	assert_int_equal(compile_nested("true&&", "", 127, why, sizeof(why)), 0);
	assert_int_equal(compile_nested("true&&", "", 128, why, sizeof(why)), BATON_E_INVAL);

	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, "true", 4);
	assert_int_equal(baton_expr_compile((baton_str){ text, BATON_EXPR_BYTES_MAX }, &expr, why,
					    sizeof(why), NULL),
			 0);
	baton_expr_free(expr);
	assert_int_equal(baton_expr_compile((baton_str){ text, BATON_EXPR_BYTES_MAX + 1 }, &expr,
					    why, sizeof(why), NULL),
			 BATON_E_INVAL);
}

/* Every prefix and many changed bytes of every row: an answer or a refusal, never more. The
 * sanitizers watch; what was compiled must run. */
static void no_text_harms_the_compiler(void **state)
{
	baton_facts facts = facts_of_a_hard_case();
	uint32_t seed = 2463534242u;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int round = 0; round < 300; round++) {
			char text[256], why[64];
			size_t n = strlen(rows[i].text);
			baton_expr *expr = NULL;

			memcpy(text, rows[i].text, n);
			seed ^= seed << 13;
			seed ^= seed >> 17;
			seed ^= seed << 5;
			if (round < (int)n)
				n = (size_t)round;
			else
				text[seed % n] = (char)(seed >> 16);
			baton_str cut = { text, n };
			if (baton_expr_compile(cut, &expr, why, sizeof(why), NULL) != 0)
				continue;
			int got = baton_expr_test(expr, &facts);
			assert_true(got == 0 || got == 1 || got == BATON_E_INVAL);
			baton_expr_free(expr);
		}
	}
}

static void tags_that_are_no_list_decide_nothing(void **state)
{
	baton_facts facts = facts_of_a_hard_case();
	baton_expr *expr = NULL;

	(void)state;
	assert_int_equal(baton_expr_compile(BATON_STR("!('vip' in tags)"), &expr, NULL, 0, NULL),
			 0);
	facts.tags_json = BATON_STR("[\"vi");
	assert_true(baton_expr_test(expr, &facts) < 0);
	facts.tags_json = BATON_STR("[1]");
	assert_true(baton_expr_test(expr, &facts) < 0);
	facts.tags_json = BATON_STR("");
	assert_int_equal(baton_expr_test(expr, &facts), 1);
	assert_true(baton_expr_test(expr, NULL) < 0);
	facts.size = 8;
	assert_true(baton_expr_test(expr, &facts) < 0);
	baton_expr_free(expr);
	baton_expr_free(NULL);
}

/* A module that was built before a fact existed: what lies behind its struct is not read. */
static void facts_of_an_older_module_are_read_as_far_as_they_go(void **state)
{
	baton_facts facts = facts_of_a_hard_case();
	baton_expr *expr = NULL;

	(void)state;
	facts.size = offsetof(baton_facts, primary_state);
	facts.attempts = 7;
	facts.mode = (baton_str){ NULL, 99 };
	assert_int_equal(
		baton_expr_compile(BATON_STR("exchanges == 3 && attempts == 0 && mode == ''"),
				   &expr, NULL, 0, NULL),
		0);
	assert_int_equal(baton_expr_test(expr, &facts), 1);
	facts.size--;
	assert_true(baton_expr_test(expr, &facts) < 0);
	baton_expr_free(expr);
}

static void a_module_gets_the_same_language(void **state)
{
	const baton_host_expr *host = baton_expr_host();
	baton_facts facts = facts_of_a_hard_case();
	baton_expr *expr = NULL;

	(void)state;
	assert_true(BATON_HAS(host, drop));
	assert_int_equal(host->compile(BATON_STR("billing"), &expr, NULL, 0, NULL), BATON_OK);
	assert_int_equal(host->test(expr, &facts), 1);
	host->drop(expr);
}

/* --- why --- */

static void check_explained(const char *text, const char *expected, const char *json)
{
	baton_facts facts = facts_of_a_hard_case();
	struct baton_buf out = { 0 }, as_json = { 0 };
	struct baton_json parsed;
	baton_expr *expr = NULL;

	assert_int_equal(baton_expr_compile(baton_str_of(text), &expr, NULL, 0, NULL), 0);
	baton_expr_explain(expr, &facts, &out);
	assert_string_equal(out.p, expected);
	baton_expr_explain_json(expr, &facts, &as_json);
	assert_int_equal(baton_json_parse(baton_buf_view(&as_json), &parsed), 0);
	if (json)
		assert_string_equal(as_json.p, json);
	baton_buf_done(&out);
	baton_buf_done(&as_json);
	baton_expr_free(expr);
}

static void a_verdict_is_explained_term_by_term(void **state)
{
	(void)state;
	check_explained("asked_human",
			"  asked_human                       true\n"
			"  => true\n",
			"{\"verdict\":true,\"terms\":[{\"text\":\"asked_human\",\"value\":true,"
			"\"facts\":{\"asked_human\":true}}]}");
	check_explained("(intent_confidence < 0.3 || !legal) &&\n  !(security ||\tidle > "
			"duration('1m'))",
			"  intent_confidence < 0.3           false   (intent_confidence = 0.35)\n"
			"  !legal                            true\n"
			"  security                          false\n"
			"  idle > duration('1m')             true    (idle = 1m30s)\n"
			"  => false\n",
			"{\"verdict\":false,\"terms\":["
			"{\"text\":\"intent_confidence < 0.3\",\"value\":false,"
			"\"facts\":{\"intent_confidence\":0.35}},"
			"{\"text\":\"!legal\",\"value\":true,\"facts\":{\"legal\":false}},"
			"{\"text\":\"security\",\"value\":false,\"facts\":{\"security\":false}},"
			"{\"text\":\"idle > duration('1m')\",\"value\":true,"
			"\"facts\":{\"idle\":\"1m30s\"}}]}");
	check_explained(
		"exchanges / (exchanges - 3) > 1 || tags.exists(t, t == customer_tier)",
		"  exchanges / (exchanges - 3) > 1   error   a division by zero (exchanges = 3)\n"
		"  tags.exists(t, t == customer_tier) true    "
		"(tags = [\"vip\",\"caf\\u00e9\"], customer_tier = \"vip\")\n"
		"  => true\n",
		NULL);
	check_explained("tags[7] == 'x'",
			"  tags[7] == 'x'                    error   a list has no such place "
			"(tags = [\"vip\",\"caf\\u00e9\"])\n"
			"  => undecided: a list has no such place\n",
			"{\"verdict\":null,\"why\":\"a list has no such place\",\"terms\":["
			"{\"text\":\"tags[7] == 'x'\",\"value\":null,\"why\":\"a list has no such "
			"place\",\"facts\":{\"tags\":[\"vip\",\"caf\\u00e9\"]}}]}");
	check_explained("customer_tier == 'vip' ? exchanges + exchanges >= 6 : has(facts.mode)",
			"  customer_tier == 'vip'            true    (customer_tier = \"vip\")\n"
			"  exchanges + exchanges >= 6        true    (exchanges = 3)\n"
			"  has(facts.mode)                   false   (mode = \"\")\n"
			"  => true\n",
			NULL);
}

/* Whatever compiles can be explained; the verdict is that of the test. */
static void every_condition_can_be_explained(void **state)
{
	baton_facts facts = facts_of_a_hard_case();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct baton_buf out = { 0 };
		baton_expr *expr = NULL;
		baton_str text = baton_str_of(rows[i].text);
		const char *end = rows[i].expected == YES  ? "  => true\n"
				  : rows[i].expected == NO ? "  => false\n"
							   : "  => undecided: ";

		assert_int_equal(baton_expr_compile(text, &expr, NULL, 0, NULL), 0);
		baton_expr_explain(expr, &facts, &out);
		if (!strstr(out.p, end))
			fail_msg("%s:\n%s", rows[i].text, out.p);
		baton_buf_reset(&out);
		baton_expr_explain_json(expr, &facts, &out);
		struct baton_json parsed;
		assert_int_equal(baton_json_parse(baton_buf_view(&out), &parsed), 0);
		baton_buf_done(&out);
		baton_expr_free(expr);
	}
}

static void a_list_or_text_without_end_decides_nothing(void **state)
{
	baton_facts facts = facts_of_a_hard_case();
	baton_expr *expr = NULL;
	char tags[BATON_EXPR_LIST_MAX * 4 + 16] = "[";

	(void)state;
	for (size_t i = 0; i <= BATON_EXPR_LIST_MAX; i++)
		strcat(tags, i == 0 ? "\"a\"" : ",\"a\"");
	strcat(tags, "]");
	facts.tags_json = baton_str_of(tags);
	assert_int_equal(baton_expr_compile(BATON_STR("'b' in tags"), &expr, NULL, 0, NULL), 0);
	assert_true(baton_expr_test(expr, &facts) < 0);
	baton_expr_free(expr);
	/* Each doubling is one operation; twenty of them are a million characters. */
	char doubling[800] = "size([intent]";
	for (int i = 0; i < 20; i++)
		strcat(doubling, ".map(a, a + a)");
	strcat(doubling, "[0]) > 0");
	assert_int_equal(baton_expr_compile(baton_str_of(doubling), &expr, NULL, 0, NULL), 0);
	assert_true(baton_expr_test(expr, &facts) < 0);
	baton_expr_free(expr);
}

/* --- facts on paper --- */

static void check_round_trip(const baton_facts *facts)
{
	struct baton_buf first = { 0 }, second = { 0 };
	struct baton_arena arena = { 0 };
	baton_facts back;

	baton_facts_json(facts, &first);
	assert_int_equal(baton_facts_parse(baton_buf_view(&first), &arena, &back), 0);
	baton_facts_json(&back, &second);
	assert_string_equal(first.p, second.p);
	assert_int_equal(back.flags, facts->flags);
	assert_int_equal(back.intent_ppm, facts->intent_ppm);
	assert_int_equal(back.answer_ppm, facts->answer_ppm);
	assert_int_equal(back.primary_health_ppm, facts->primary_health_ppm);
	assert_int_equal(back.last_fail, facts->last_fail);
	assert_true(back.sla_left_ms == facts->sla_left_ms);
	assert_true(back.age_ms == facts->age_ms);
	assert_int_equal(back.exchanges, facts->exchanges);
	assert_true(baton_str_eq(back.intent, facts->intent));
	assert_true(baton_str_eq(back.locale, facts->locale));
	baton_arena_done(&arena);
	baton_buf_done(&first);
	baton_buf_done(&second);
}

static void what_nobody_has_set_takes_no_room(void **state)
{
	struct baton_buf json = { 0 };
	struct baton_arena arena = { 0 };
	baton_facts facts = { .size = sizeof(facts), .intent = BATON_STR("refund") }, back;
	(void)state;

	baton_facts_json(&facts, &json);
	assert_string_equal(json.p, "{\"intent\":\"refund\"}");
	baton_buf_reset(&json);
	facts = (baton_facts){ .size = sizeof(facts) };
	baton_facts_json(&facts, &json);
	assert_string_equal(json.p, "{}");
	assert_int_equal(baton_facts_parse(baton_buf_view(&json), &arena, &back), 0);
	assert_memory_equal(&back, &facts, sizeof(facts));
	baton_arena_done(&arena);
	baton_buf_done(&json);
}

static void check_change(const baton_facts *before, const baton_facts *after)
{
	struct baton_buf changed = { 0 }, wanted = { 0 }, found = { 0 };
	struct baton_arena arena = { 0 };
	baton_facts facts = *before;

	baton_env_json_changed(&baton_env_facts, after, before, &changed);
	assert_int_equal(
		baton_env_parse(&baton_env_facts, baton_buf_view(&changed), &arena, &facts), 0);
	baton_facts_json(after, &wanted);
	baton_facts_json(&facts, &found);
	assert_string_equal(found.p, wanted.p);
	baton_arena_done(&arena);
	baton_buf_done(&changed);
	baton_buf_done(&wanted);
	baton_buf_done(&found);
}

static void what_has_changed_reads_back_over_what_was_before(void **state)
{
	baton_facts hard = facts_of_a_hard_case(), later = hard;
	baton_facts none = { .size = sizeof(none) };
	struct baton_buf json = { 0 };

	(void)state;
	later.attempts++;
	later.flags ^= BATON_FACT_UNKNOWN;
	baton_env_json_changed(&baton_env_facts, &hard, &hard, &json);
	assert_string_equal(json.p, "{}");
	check_change(&hard, &hard);
	check_change(&hard, &later);
	check_change(&later, &hard);
	check_change(&none, &hard);
	check_change(&hard, &none);
	baton_buf_done(&json);
}

static void facts_that_are_kept_outlive_their_words(void **state)
{
	char words[] = "gold", tags[] = "[\"vip\"]";
	baton_facts facts = { .size = sizeof(facts),
			      .customer_tier = baton_str_of(words),
			      .tags_json = baton_str_of(tags) };
	struct baton_arena arena = { 0 };

	(void)state;
	baton_env_keep(&baton_env_facts, &facts, &arena);
	memset(words, 'x', sizeof(words));
	memset(tags, 'x', sizeof(tags));
	assert_true(baton_str_is(facts.customer_tier, "gold"));
	assert_true(baton_str_is(facts.tags_json, "[\"vip\"]"));
	assert_null(facts.intent.p);
	baton_arena_done(&arena);
}

static void facts_read_back_as_they_were_written(void **state)
{
	baton_facts facts = facts_of_a_hard_case();
	baton_facts none = { .size = sizeof(none) };

	(void)state;
	check_round_trip(&facts);
	check_round_trip(&none);
	for (uint32_t ppm = 0; ppm < 1000000; ppm += 9973) {
		facts.intent_ppm = ppm;
		facts.primary_health_ppm = 4294967295u - ppm;
		check_round_trip(&facts);
	}
	for (uint32_t i = 0; i <= BATON_FAIL_CONNECT; i++) {
		facts.last_fail = i;
		check_round_trip(&facts);
	}
	facts.flags = 127;
	facts.intent = BATON_STR("a \"quoted\" \\ \n name");
	check_round_trip(&facts);
}

static void facts_that_are_damaged_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"exchanges\":-1}",
		"{\"exchanges\":4294967296}",
		"{\"exchanges\":\"3\"}",
		"{\"exchanges\":1.5}",
		"{\"asked_human\":1}",
		"{\"intent\":3}",
		"{\"last_fail\":\"tired\"}",
		"{\"tags\":\"vip\"}",
		"{\"sentiment\":-0.1}",
		"{\"age_ms\":18446744073709551616}",
	};
	struct baton_arena arena = { 0 };
	baton_facts facts = { .size = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (baton_facts_parse(baton_str_of(bad[i]), &arena, &facts) != BATON_E_JSON)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(facts.size, 1); /* untouched by failures */
	baton_str newer = BATON_STR("{\"new_fact\":[1],\"exchanges\":2}");
	assert_int_equal(baton_facts_parse(newer, &arena, &facts), 0);
	assert_int_equal(facts.exchanges, 2);
	baton_arena_done(&arena);
}

static const char *type_in_the_guide(const struct baton_fact *fact)
{
	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
	case BATON_FACT_KIND_FAIL:
		return "string";
	case BATON_FACT_KIND_PPM:
		return "double";
	case BATON_FACT_KIND_U32:
	case BATON_FACT_KIND_U64:
		return "int";
	case BATON_FACT_KIND_FLAG:
		return "bool";
	case BATON_FACT_KIND_TAGS:
		break;
	}
	return "list of string";
}

/* The guide's rows are exactly what the tables say, in their order. */
static void check_guide(const char *guide, const char *heading, const struct baton_env *env)
{
	const char *at = strstr(guide, heading);

	assert_non_null(at);
	at = strstr(at, "|---|---|---|\n");
	assert_non_null(at);
	at += strlen("|---|---|---|\n");
	for (size_t i = 0; i < env->n; i++) {
		const struct baton_fact *fact = &env->facts[i];
		int stem = (int)strlen(fact->name) - 3;
		char row[512], also[80] = "";

		if (baton_fact_is_ms(fact))
			snprintf(also, sizeof(also), "; `%.*s` duration", stem, fact->name);
		snprintf(row, sizeof(row), "| `%s` | %s%s | %s |\n", fact->name,
			 type_in_the_guide(fact), also, fact->doc);
		if (strncmp(at, row, strlen(row)) != 0)
			fail_msg("docs/RULES.md, %s: this row is missing or elsewhere:\n%s",
				 heading, row);
		at += strlen(row);
	}
	assert_int_not_equal(*at, '|');
}

static const char *read_guide(void)
{
	static char guide[256 * 1024];
	FILE *file = fopen("docs/RULES.md", "r");

	assert_non_null(file);
	size_t n = fread(guide, 1, sizeof(guide) - 1, file);
	fclose(file);
	guide[n] = '\0';
	return guide;
}

static void every_fact_is_in_the_guide(void **state)
{
	const char *guide = read_guide();

	(void)state;
	check_guide(guide, "## Facts\n", &baton_env_facts);
	check_guide(guide, "## Facts of modes and alerts\n", &baton_env_mode);
	check_guide(guide, "## Facts of drills\n", &baton_env_drill);
}

/* `name=value, name=value` into facts. */
static void set_example(const struct baton_env *env, void *base, baton_str facts,
			struct baton_arena *arena)
{
	while (facts.n > 0) {
		const char *comma = memmem(facts.p, facts.n, ", ", 2);
		size_t n = comma ? (size_t)(comma - facts.p) : facts.n;
		const char *is = memchr(facts.p, '=', n);
		char why[160] = "no `=`";

		if (!is)
			fail_msg("%.*s: %s", (int)n, facts.p, why);
		baton_str name = { facts.p, (size_t)(is - facts.p) };
		baton_str value = { is + 1, n - name.n - 1 };
		if (baton_env_set(env, base, name, value, arena, why) != 0)
			fail_msg("%.*s: %s", (int)n, facts.p, why);
		facts.p += comma ? n + 2 : n;
		facts.n -= comma ? n + 2 : n;
	}
}

/* `condition // name=value, name=value: verdict` */
static void check_example(const struct baton_env *env, baton_str line)
{
	union {
		baton_facts turn;
		struct baton_mode_facts mode;
	} facts = { .mode = { .flags = 0 } };
	struct baton_arena arena = { 0 };
	baton_expr *expr = NULL;
	char why[256] = "";
	const char *said = memrchr(line.p, ':', line.n), *given = NULL;

	for (const char *p = line.p; said && p + 3 <= said; p++)
		if (memcmp(p, "// ", 3) == 0)
			given = p + 3;
	if (!said || !given)
		fail_msg("no facts and verdict: %.*s", (int)line.n, line.p);
	memset(&facts, 0, sizeof(facts));
	facts.turn.size = env == &baton_env_facts ? sizeof(facts.turn) : 0;
	set_example(env, &facts, (baton_str){ given, (size_t)(said - given) }, &arena);
	if (baton_expr_compile_in(env, line, &expr, why, sizeof(why), NULL) != 0)
		fail_msg("%.*s: %s", (int)line.n, line.p, why);
	int32_t got = baton_expr_test_on(expr, &facts);
	baton_str verdict = { said + 2, (size_t)(line.p + line.n - said) - 2 };
	if (!baton_str_is(verdict, got < 0 ? "undecided" : got ? "true" : "false"))
		fail_msg("%.*s: got %d", (int)line.n, line.p, got);
	baton_expr_free(expr);
	baton_arena_done(&arena);
}

static void the_examples_of_the_guide_say_what_it_says(void **state)
{
	const struct baton_env *env = NULL;
	size_t n = 0;

	(void)state;
	for (const char *at = read_guide(); *at;) {
		size_t width = strcspn(at, "\n");
		baton_str line = { at, width };

		if (baton_str_is(line, "```cel"))
			env = &baton_env_facts;
		else if (baton_str_is(line, "```cel mode"))
			env = &baton_env_mode;
		else if (baton_str_is(line, "```"))
			env = NULL;
		else if (env)
			check_example(env, line);
		n += env != NULL;
		at += width + (at[width] == '\n');
	}
	assert_in_range(n, 30, 100);
}

/* --- the other environment --- */

static const struct row mode_rows[] = {
	{ "error_share > 0.2 && calls >= 20", YES },
	{ "p95_ms == 9007199254740993", YES },
	{ "primary_open && !all_down && !quota", YES },
	{ "healthy_targets == 1 && total_targets == 3", YES },
	{ "since_ms >= 60000 || alert", NO },
	{ "drill", YES },
	{ "tool_success_share < 0.95", YES },
};

static struct baton_mode_facts a_bad_hour(void)
{
	return (struct baton_mode_facts){
		.flags = BATON_MODE_FACT_PRIMARY_OPEN | BATON_MODE_FACT_DRILL,
		.error_ppm = 250000,
		.tool_success_ppm = 949999,
		.calls = 20,
		.healthy_targets = 1,
		.total_targets = 3,
		.p95_ms = 9007199254740993u,
		.since_ms = 59999,
	};
}

static void a_condition_of_a_mode_sees_the_facts_of_its_scope(void **state)
{
	struct baton_mode_facts facts = a_bad_hour();
	baton_facts others = { .size = sizeof(others) };
	baton_expr *expr = NULL;
	char why[160] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(mode_rows) / sizeof(mode_rows[0]); i++) {
		baton_str text = baton_str_of(mode_rows[i].text);
		int rc =
			baton_expr_compile_in(&baton_env_mode, text, &expr, why, sizeof(why), NULL);
		if (rc != 0)
			fail_msg("%s: %s", mode_rows[i].text, why);
		if (baton_expr_test_on(expr, &facts) != mode_rows[i].expected)
			fail_msg("%s", mode_rows[i].text);
		assert_true(baton_expr_test_on(expr, NULL) < 0);
		/* Facts of a turn are not what it was compiled for. */
		assert_true(baton_expr_test(expr, &others) < 0);
		baton_expr_free(expr);
	}
	int rc = baton_expr_compile_in(&baton_env_mode, BATON_STR("eror_share > 0.1"), &expr, why,
				       sizeof(why), NULL);
	assert_int_equal(rc, BATON_E_INVAL);
	assert_string_equal(why, "there is no fact `eror_share`, did you mean `error_share`?");
}

static void facts_of_a_mode_read_back_as_they_were_written(void **state)
{
	struct baton_mode_facts facts = a_bad_hour(), back = { .turns = 9 };
	struct baton_buf json = { 0 };
	struct baton_arena arena = { 0 };

	(void)state;
	baton_env_json(&baton_env_mode, &facts, &json);
	assert_int_equal(baton_env_parse(&baton_env_mode, baton_buf_view(&json), &arena, &back), 0);
	assert_memory_equal(&back, &facts, sizeof(facts));
	baton_str bad = BATON_STR("{\"calls\":3,\"drill\":7}");
	assert_int_equal(baton_env_parse(&baton_env_mode, bad, &arena, &back), BATON_E_JSON);
	assert_memory_equal(&back, &facts, sizeof(facts));
	baton_str some = BATON_STR("{\"calls\":3,\"drill\":false}");
	assert_int_equal(baton_env_parse(&baton_env_mode, some, &arena, &back), 0);
	assert_int_equal(back.calls, 3);
	assert_int_equal(back.flags, BATON_MODE_FACT_PRIMARY_OPEN);
	assert_int_equal(back.total_targets, 3);
	baton_buf_done(&json);
	baton_arena_done(&arena);
}

/* --- facts as a person types them --- */

static const struct typed {
	const char *name, *value, *why;
} typed[] = {
	{ "intent", "refund", NULL },
	{ "customer_tier", "", NULL },
	{ "intent_confidence", "0.3", NULL },
	{ "exchanges", "4", NULL },
	{ "age_ms", "60000", NULL },
	{ "idle", "1m30s", NULL },
	{ "billing", "true", NULL },
	{ "tags", "vip,late \"x\"", NULL },
	{ "last_fail", "internal", NULL },
	{ "intnt", "x", "there is no fact `intnt`, did you mean `intent`?" },
	{ "intent_confidence", "much", "`intent_confidence` is a share such as 0.3, not `much`" },
	{ "intent_confidence", "-1", "`intent_confidence` is a share such as 0.3, not `-1`" },
	{ "exchanges", "5m", "`exchanges` is a whole number, not `5m`" },
	{ "age_ms", "-5m", "`age_ms` is milliseconds, or a duration such as 5m, not `-5m`" },
	{ "billing", "yes", "`billing` is true or false, not `yes`" },
	{ "last_fail", "tired",
	  "`last_fail` is a failure such as timeout or rate_limited, not `tired`" },
	{ "tags", "[vip", "`tags` is words with commas between them, not `[vip`" },
	{ "exchanges", "", "`exchanges` is a whole number, not ``" },
};

static void facts_are_set_as_a_person_types_them(void **state)
{
	struct baton_arena arena = { 0 };
	baton_facts f = { .size = sizeof(f) };
	char why[160];

	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		const struct typed *t = &typed[i];
		int rc = baton_env_set(&baton_env_facts, &f, baton_str_of(t->name),
				       baton_str_of(t->value), &arena, why);

		assert_int_equal(rc, t->why ? BATON_E_INVAL : 0);
		if (t->why)
			assert_string_equal(why, t->why);
	}
	assert_true(baton_str_is(f.intent, "refund"));
	assert_int_equal(f.intent_ppm, 300000);
	assert_int_equal(f.exchanges, 4);
	assert_true(f.age_ms == 60000 && f.idle_ms == 90000);
	assert_int_equal(f.flags, BATON_FACT_BILLING);
	assert_true(baton_str_is(f.tags_json, "[\"vip\",\"late \\\"x\\\"\"]"));
	baton_expr *expr = NULL;
	assert_int_equal(
		baton_expr_compile(BATON_STR("last_fail == 'internal'"), &expr, NULL, 0, NULL), 0);
	assert_int_equal(baton_expr_test(expr, &f), 1);
	baton_expr_free(expr);
	baton_arena_done(&arena);
}

static void durations_are_read_as_cel_writes_them(void **state)
{
	static const struct {
		const char *text, *written;
		int64_t ns;
	} good[] = {
		{ "0", "0s", 0 },
		{ "5m", "5m", 300000000000 },
		{ "-1.5h", "-1h30m", -5400000000000 },
		{ "1h30m", "1h30m", 5400000000000 },
		{ "250ms", "250ms", 250000000 },
		{ "1.5ms3us4ns", "1ms503us4ns", 1503004 },
		{ "+.5s", "500ms", 500000000 },
		{ "3.s", "3s", 3000000000 },
		{ "9223372036s", "2562047h47m16s", 9223372036000000000 },
	};
	static const char *const bad[] = { "",
					   "-",
					   "5",
					   "m",
					   "5 m",
					   ".s",
					   "1d",
					   "5mm5",
					   "1h 1m",
					   "1e3s",
					   "--5s",
					   "5m-3s",
					   "1x",
					   "5M",
					   "00",
					   "3000000h",
					   "99999999999999999999s" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct baton_buf out = { 0 };
		int64_t ns = -1;

		if (!expr_duration_parse(baton_str_of(good[i].text), &ns) || ns != good[i].ns)
			fail_msg("%s: %lld", good[i].text, (long long)ns);
		expr_duration_write(ns, &out);
		assert_string_equal(out.p, good[i].written);
		baton_buf_done(&out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t ns = -1;

		if (expr_duration_parse(baton_str_of(bad[i]), &ns))
			fail_msg("%s: %lld", bad[i], (long long)ns);
	}
	assert_true(expr_duration_of_ms(UINT64_MAX) == INT64_MAX);
}

static void the_nearest_name_is_found_and_a_far_one_is_not(void **state)
{
	struct baton_nearest nearest = baton_nearest_to(BATON_STR("fallbck"));
	char longer[BATON_NAME_BYTES_MAX + 2];

	(void)state;
	assert_int_equal(baton_nearest_distance(BATON_STR("ab"), BATON_STR("ba")), 1);
	assert_int_equal(baton_nearest_distance(BATON_STR(""), BATON_STR("abc")), 3);
	assert_int_equal(baton_nearest_distance(BATON_STR("queue"), BATON_STR("Queue")), 0);
	baton_nearest_try(&nearest, NULL);
	baton_nearest_try(&nearest, "primary");
	assert_null(nearest.name);
	baton_nearest_try(&nearest, "fallback");
	assert_string_equal(nearest.name, "fallback");
	baton_nearest_try(&nearest, "fallbacks");
	assert_string_equal(nearest.name, "fallback");
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	baton_nearest_try(&nearest, longer);
	assert_string_equal(nearest.name, "fallback");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_condition_means_what_cel_says),
		cmocka_unit_test(every_shape_says_what_its_facts_say),
		cmocka_unit_test(a_bad_condition_is_refused_with_its_place_and_reason),
		cmocka_unit_test(depth_and_length_are_bounded),
		cmocka_unit_test(no_text_harms_the_compiler),
		cmocka_unit_test(tags_that_are_no_list_decide_nothing),
		cmocka_unit_test(facts_of_an_older_module_are_read_as_far_as_they_go),
		cmocka_unit_test(a_module_gets_the_same_language),
		cmocka_unit_test(a_verdict_is_explained_term_by_term),
		cmocka_unit_test(every_condition_can_be_explained),
		cmocka_unit_test(a_list_or_text_without_end_decides_nothing),
		cmocka_unit_test(what_nobody_has_set_takes_no_room),
		cmocka_unit_test(what_has_changed_reads_back_over_what_was_before),
		cmocka_unit_test(facts_that_are_kept_outlive_their_words),
		cmocka_unit_test(facts_read_back_as_they_were_written),
		cmocka_unit_test(facts_that_are_damaged_are_refused),
		cmocka_unit_test(every_fact_is_in_the_guide),
		cmocka_unit_test(the_examples_of_the_guide_say_what_it_says),
		cmocka_unit_test(a_condition_of_a_mode_sees_the_facts_of_its_scope),
		cmocka_unit_test(facts_of_a_mode_read_back_as_they_were_written),
		cmocka_unit_test(facts_are_set_as_a_person_types_them),
		cmocka_unit_test(durations_are_read_as_cel_writes_them),
		cmocka_unit_test(the_nearest_name_is_found_and_a_far_one_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
