/* SPDX-License-Identifier: Apache-2.0 */

/* guard-pii through the module's own door: what is personal is found, order numbers and prices
 * are not, and nothing that grows is let go before it is whole. */

#include "tests/unit/guard_look.h"

static const char *const plain = "{}";

/* Each line: the text, with what is to be found between guillemets and its kind behind the
 * closing one: "card <<4111...>>card". */
struct look_case {
	const char *text;
};
static const char *const found[] = {
	"my card is <<4111 1111 1111 1111>>card, exp 12/29",
	"<<4111111111111111>>card",
	"amex <<3782 822463 10005>>card and visa <<4012-8888-8888-1881>>card",
	"maestro card <<6304 2737 3398>>card",
	"my credit card number <<4111 1111 1111 1112>>card does not work: <<4111.1111.1111.1111>>card",
	"IBAN <<DE89 3704 0044 0532 0130 00>>iban, BIC COBADEFF",
	"<<GB82WEST12345698765432>>iban",
	"my iban is <<de89370400440532013001>>iban",
	"mail <<jane.doe+x@mail.example.co.uk>>email.",
	"<<jürgen@müller.example>>email, <<a@b.example>>email; foo@bar, @nobody, x@",
	"call me on <<+44 7700 900123>>phone or <<(212) 555-0187>>phone",
	"Tel.: <<030 901820>>phone",
	"my number is <<0171 2345678>>phone",
	"phone <<555 0187>>phone",
	"ring <<+49 (0)30 1234567 ext. 12>>phone",
	"my SSN is <<078-05-1120>>national_id",
	"ni number <<QQ 12 34 56 C>>",
	"nino <<AB 12 34 56 C>>national_id",
	"Steuer-ID <<86 095 742 719>>national_id",
	"DNI <<12345678Z>>national_id",
	"AHV <<756.9217.0769.85>>national_id",
	"codice fiscale <<RSSMRA85T10A562S>>national_id",
	"from <<192.168.17.4>>ip and <<2001:db8::ff00:42:8329>>ip",
	"key <<sk-abcdefghijklmnopqrstuvwx>>token",
	"aws <<AKIAIOSFODNN7EXAMPLE>>token",
	"<<eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlMTIz>>token",
	"Authorization: Bearer <<abcdef0123456789abcdef>>token",
	"<<-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY----->>token bye",
	"my password is <<hunter2>>password ok?",
	"password: <<swordfish>>password",
	"Passwort lautet <<Geheim1!x>>password",
	"the PIN is <<1234>>password, CVV <<123>>password",
	"passport number <<X1234567>>document",
	"driver's license <<D6101-40706-60905>>document",
	"{\"email\":\"<<a@b.example>>email\",\"card\":\"<<4111111111111111>>card\"}",
};

static const char *const nothing[] = {
	"where is my order 2024-118273?",
	"order number 100234567 and invoice 4111111111111112",
	"It costs 1,299.00 EUR, or 12 x 99.90",
	"delivered on 2026-11-21 at 10:15:24, again on 01.02.2026",
	"version 1.2.3.4 of the app",
	"I forgot my password and cannot log in",
	"my password is not working",
	"Is my passport needed to collect the parcel?",
	"tracking JD014600006281230704 and 1Z999AA10123456784",
	"size 42, 10/10, 3-4 days, 24/7, room 1234",
	"call 911? call me later",
	"a@b",
	"0000 0000 0000 0000",
	"ISBN 978-3-16-148410-0",
	"[CARD_1] and [EMAIL_2] are placeholders",
	"",
};

/* Takes the marks out; what they said is in `want`. */
static size_t unmark(const char *marked, char *text, struct want *want)
{
	size_t n = 0, n_want = 0;

	while (*marked) {
		if (strncmp(marked, "<<", 2) == 0) {
			want[n_want].begin = n;
			marked += 2;
		} else if (strncmp(marked, ">>", 2) == 0) {
			size_t kind = strspn(marked + 2, "abcdefghijklmnopqrstuvwxyz_");

			marked += 2;
			want[n_want].end = n;
			snprintf(want[n_want].type, sizeof(want[n_want].type), "%.*s", (int)kind,
				 marked);
			marked += kind;
			n_want += kind > 0;
		} else {
			text[n++] = *marked++;
		}
	}
	text[n] = '\0';
	return n_want;
}

static void expect(struct look *look, const char *marked)
{
	char text[1024];
	struct want want[16];
	size_t n = unmark(marked, text, want);
	const baton_hits *hits = look_at(look, BATON_AT_CUSTOMER, text);

	assert_non_null(hits);
	if (hits->n != n)
		fail_msg("%s: %u hits, not %zu%s", text, hits->n, n, look_list(hits, text));
	for (size_t i = 0; i < n; i++)
		if (hits->v[i].begin != want[i].begin || hits->v[i].end != want[i].end ||
		    !look_is(hits->v[i].type, want[i].type))
			fail_msg("%s: hit %zu is not %s%s", text, i, want[i].type,
				 look_list(hits, text));
}

static void what_is_personal_is_found(void **state)
{
	struct look *look = look_open("guard-pii", plain);

	(void)state;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
		expect(look, found[i]);
	look_close(&look);
}

static void numbers_of_orders_prices_and_dates_are_left_alone(void **state)
{
	struct look *look = look_open("guard-pii", plain);

	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		expect(look, nothing[i]);
	look_close(&look);
}

static void nothing_is_let_go_before_it_is_whole(void **state)
{
	struct look *look = look_open("guard-pii", plain);

	(void)state;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		char text[1024];
		struct want want[16];

		unmark(found[i], text, want);
		look_grow(look, text, 1);
		look_grow(look, text, 7);
	}
	look_close(&look);
}

static void plain_words_are_not_held_back_for_long(void **state)
{
	struct look *look = look_open("guard-pii", plain);
	static const char text[] = "Your parcel left the house this morning and is on its way. ";

	(void)state;
	assert_int_equal(look_safe(look, text, 0), sizeof(text) - 1);
	assert_true(look_safe(look, "Your parcel left the hou", 0) >= 20);
	look_close(&look);
}

static void kinds_that_are_not_wanted_and_values_that_are_no_secret_are_left(void **state)
{
	struct look *look = look_open(
		"guard-pii",
		"{\"policy\":{\"guards\":[],\"pii\":{\"types\":[\"email\",\"phone\"],\"allow\":["
		"\"*@shop.example\",\"+44 7700 900123\"]}}}");

	(void)state;
	expect(look, "help@shop.example, <<a@other.example>>email, 4111111111111111");
	expect(look, "call +447700900123 or <<+44 7700 900124>>phone");
	look_close(&look);
}

static void own_patterns_find_what_they_say_where_they_say_it(void **state)
{
	struct look *look = look_open(
		"guard-pii",
		"{\"policy\":{\"pii\":{\"types\":\"email\",\"patterns\":["
		"{\"name\":\"member_id\",\"pattern\":\"M-([0-9]{6})\"},"
		"{\"name\":\"birthday\",\"pattern\":\"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}\",\"context\":\"born|"
		"birthday\"}]}}}");

	(void)state;
	expect(look, "member m-<<123456>>member_id was born <<1/2/1990>>birthday");
	expect(look, "due on 1/2/1990");
	look_close(&look);
}

static void a_text_with_too_much_or_too_long_a_match_cannot_be_said(void **state)
{
	struct look *look = look_open(
		"guard-pii",
		"{\"policy\":{\"pii\":{\"patterns\":[{\"name\":\"bad\",\"pattern\":\"(x+x+)+y\"}]}}}");
	char text[8192];
	size_t n = 0;

	(void)state;
	assert_null(look_at(look, BATON_AT_CUSTOMER, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx z y"));
	for (unsigned i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a%u@b.example ", i);
	assert_null(look_at(look, BATON_AT_CUSTOMER, text));
	look_close(&look);
}

static void settings_that_are_wrong_are_refused(void **state)
{
	(void)state;
	look_refused("guard-pii", "{\"policy\":{\"pii\":{\"types\":[\"cards\"]}}}");
	look_refused("guard-pii",
		     "{\"policy\":{\"pii\":{\"patterns\":[{\"name\":\"x\",\"pattern\":\"(\"}]}}}");
	look_refused(
		"guard-pii",
		"{\"policy\":{\"pii\":{\"patterns\":[{\"name\":\"X Y\",\"pattern\":\"a\"}]}}}");
	look_refused(
		"guard-pii",
		"{\"policy\":{\"pii\":{\"patterns\":[{\"name\":\"x\",\"pattern\":\"a\",\"context\":\"[\"}]}}}");
}

static void any_bytes_are_looked_at_without_harm(void **state)
{
	struct look *look = look_open("guard-pii", plain);

	(void)state;
	look_noise(look, found, sizeof(found) / sizeof(found[0]), 20000);
	look_close(&look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_personal_is_found),
		cmocka_unit_test(numbers_of_orders_prices_and_dates_are_left_alone),
		cmocka_unit_test(nothing_is_let_go_before_it_is_whole),
		cmocka_unit_test(plain_words_are_not_held_back_for_long),
		cmocka_unit_test(kinds_that_are_not_wanted_and_values_that_are_no_secret_are_left),
		cmocka_unit_test(own_patterns_find_what_they_say_where_they_say_it),
		cmocka_unit_test(a_text_with_too_much_or_too_long_a_match_cannot_be_said),
		cmocka_unit_test(settings_that_are_wrong_are_refused),
		cmocka_unit_test(any_bytes_are_looked_at_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
