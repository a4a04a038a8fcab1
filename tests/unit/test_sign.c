/* SPDX-License-Identifier: Apache-2.0 */

/* host.sign/1: what a module can have signed, and that it never sees the key. */
#include "core/module/ctx.h"
#include "core/module/sign.h"
#include "tests/unit/module_rig.h"

#include <openssl/evp.h>

/* RFC 4231, case 2, and the example of the Standard Webhooks specification. */
static struct baton_secret secrets[] = {
	{ "JEFE", (char[]){ "Jefe" } },
	{ "HOOK", (char[]){ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } },
	{ "PADDED", (char[]){ "whsec_SmVmZQ==" } },
	{ "SPOILT", (char[]){ "whsec_no base64" } },
	{ "SHORT", (char[]){ "whsec_" } },
	{ "UNSET", NULL },
};
static struct baton_generation generation;
static struct baton_ctx *ctx;

static int setup(void **state)
{
	(void)state;
	generation.secrets = secrets;
	generation.n_secrets = sizeof(secrets) / sizeof(secrets[0]);
	(void)pthread_mutex_init(&generation.ctxs_lock, NULL);
	ctx = baton_ctx_new(&generation, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	baton_ctx_free_all(&generation);
	(void)pthread_mutex_destroy(&generation.ctxs_lock);
	return 0;
}

static int32_t sign(const char *name, const baton_str *parts, uint32_t n, char hex[65])
{
	uint8_t mac[BATON_SIGN_HMAC_SHA256_BYTES] = { 0 };
	int32_t rc = baton_sign_host()->hmac_sha256(ctx, baton_str_of(name), parts, n, mac);

	for (size_t i = 0; i < sizeof(mac); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	return rc;
}

static const char jefe[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

static void the_code_is_that_of_the_rfc_however_the_text_is_cut(void **state)
{
	char hex[65];
	const baton_str whole = BATON_STR("what do ya want for nothing?");
	const baton_str cut[] = {
		BATON_STR("what do ya "), { NULL, 0 }, BATON_STR("want for nothing"), BATON_STR("?")
	};

	(void)state;
	assert_int_equal(sign("JEFE", &whole, 1, hex), BATON_OK);
	assert_string_equal(hex, jefe);
	assert_int_equal(sign("JEFE", cut, 4, hex), BATON_OK);
	assert_string_equal(hex, jefe);
	assert_int_equal(sign("PADDED", &whole, 1, hex), BATON_OK);
	assert_string_equal(hex, jefe);
}

static void a_key_of_standard_webhooks_gives_the_signature_of_its_specification(void **state)
{
	uint8_t mac[BATON_SIGN_HMAC_SHA256_BYTES];
	char text[64];
	const baton_str parts[] = { BATON_STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), BATON_STR("."),
				    BATON_STR("1614265330"), BATON_STR("."),
				    BATON_STR("{\"test\": 2432232314}") };

	(void)state;
	assert_int_equal(baton_sign_host()->hmac_sha256(ctx, BATON_STR("HOOK"), parts, 5, mac), 0);
	(void)EVP_EncodeBlock((unsigned char *)text, mac, sizeof(mac));
	assert_string_equal(text, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void only_secrets_of_its_own_list_sign_and_only_if_they_are_set(void **state)
{
	char hex[65];
	const baton_str text = BATON_STR("x");

	(void)state;
	assert_int_equal(sign("OTHER", &text, 1, hex), BATON_E_DENIED);
	assert_int_equal(sign("", &text, 1, hex), BATON_E_DENIED);
	assert_int_equal(sign("UNSET", &text, 1, hex), BATON_E_NOTFOUND);
	assert_int_equal(sign("SPOILT", &text, 1, hex), BATON_E_SCHEMA);
	assert_int_equal(sign("SHORT", &text, 1, hex), BATON_E_SCHEMA);
}

static void bad_input_is_refused(void **state)
{
	char hex[65];
	baton_str many[BATON_SIGN_PARTS_MAX + 1];
	const baton_str lie = { NULL, 3 };
	uint8_t mac[BATON_SIGN_HMAC_SHA256_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		many[i] = BATON_STR("x");
	assert_int_equal(sign("JEFE", many, BATON_SIGN_PARTS_MAX, hex), BATON_OK);
	assert_int_equal(sign("JEFE", many, BATON_SIGN_PARTS_MAX + 1, hex), BATON_E_INVAL);
	assert_int_equal(sign("JEFE", NULL, 1, hex), BATON_E_INVAL);
	assert_int_equal(sign("JEFE", &lie, 1, hex), BATON_E_INVAL);
	assert_int_equal(sign("JEFE", NULL, 0, hex), BATON_OK);
	assert_int_equal(baton_sign_host()->hmac_sha256(ctx, BATON_STR("JEFE"), many, 1, NULL),
			 BATON_E_INVAL);
	assert_int_equal(baton_sign_host()->hmac_sha256(NULL, BATON_STR("JEFE"), many, 1, mac),
			 BATON_E_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_code_is_that_of_the_rfc_however_the_text_is_cut),
		cmocka_unit_test(
			a_key_of_standard_webhooks_gives_the_signature_of_its_specification),
		cmocka_unit_test(only_secrets_of_its_own_list_sign_and_only_if_they_are_set),
		cmocka_unit_test(bad_input_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
