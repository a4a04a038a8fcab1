/* SPDX-License-Identifier: Apache-2.0 */

/* Signed identities: what is believed, and everything that is not. Tokens are made here with
 * OpenSSL alone, so that a mistake of the reader is not hidden by the writer's own. */

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/server/jwt.h"

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER_SECRET "fedcba9876543210fedcba9876543210"
#define HEADER "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}"
#define NOW_S 1800000000
#define CLAIMS "{\"sub\":\"42\",\"iat\":1799999990,\"exp\":1800000300}"

static struct jwt_key keys[5];
static size_t n_keys;
static json_t *ec_private, *rsa_private; /* what signs for keys[2] and keys[3] */
static char *rsa_pem;

/* --- making tokens --- */

static void add_part(struct baton_buf *out, const void *p, size_t n)
{
	char text[16384];
	size_t k = (size_t)EVP_EncodeBlock((unsigned char *)text, p, (int)n);

	while (k > 0 && text[k - 1] == '=')
		k--;
	for (size_t i = 0; i < k; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	baton_buf_add(out, text, k);
}

static char *signed_with(const EVP_MD *md, const char *header, const char *claims,
			 const char *secret)
{
	struct baton_buf out = { NULL, 0, 0 };
	unsigned char mac[64];
	unsigned n = 0;

	add_part(&out, header, strlen(header));
	baton_buf_z(&out, ".");
	add_part(&out, claims, strlen(claims));
	HMAC(md, secret, (int)strlen(secret), (const unsigned char *)out.p, out.n, mac, &n);
	baton_buf_z(&out, ".");
	add_part(&out, mac, n);
	return out.p; /* freed with baton_free */
}

static char *token_of(const char *header, const char *claims)
{
	return signed_with(EVP_sha256(), header, claims, SECRET);
}

/* By a private JWK, as a backend with another library would. */
static char *signed_by(json_t *jwk, const char *alg, const char *kid, const char *claims)
{
	struct baton_buf out = { NULL, 0, 0 };
	json_t *jws = json_pack("{s:o}", "payload", jose_b64_enc(claims, strlen(claims)));
	json_t *sig = json_pack("{s:{s:s,s:s}}", "protected", "alg", alg, "kid", kid);

	assert_true(jose_jws_sig(NULL, jws, sig, jwk));
	baton_buf_printf(&out, "%s.%s.%s", json_string_value(json_object_get(jws, "protected")),
			 json_string_value(json_object_get(jws, "payload")),
			 json_string_value(json_object_get(jws, "signature")));
	json_decref(sig);
	json_decref(jws);
	return out.p;
}

/* --- asking --- */

static enum jwt_refusal ask_at(int64_t now_ms, baton_str token, bool for_agents)
{
	struct jwt_rules rules = { .now_ms = now_ms,
				   .max_age_ms = 3600000,
				   .leeway_ms = 60000,
				   .for_agents = for_agents };
	const struct jwt_key *key = NULL;
	json_t *claims = NULL;
	enum jwt_refusal refusal = jwt_verify(keys, n_keys, &rules, token, &claims, &key);

	assert_true((refusal == JWT_OK) == (claims != NULL));
	assert_true((refusal == JWT_OK) == (key != NULL));
	json_decref(claims);
	return refusal;
}

/* Gives the token back. */
static void expect(char *token, enum jwt_refusal expected)
{
	enum jwt_refusal refusal = ask_at(NOW_S * 1000ll, baton_str_of(token), false);

	if (refusal != expected)
		print_error("%s\nexpected %s, got %s\n", token, jwt_refusal_word(expected),
			    jwt_refusal_word(refusal));
	baton_free(token);
	assert_int_equal(refusal, expected);
}

static void expect_claims(const char *claims, enum jwt_refusal expected)
{
	expect(token_of(HEADER, claims), expected);
}

/* --- the house of keys --- */

static json_t *generate(const char *template_)
{
	json_t *jwk = json_loads(template_, 0, NULL);

	assert_true(jose_jwk_gen(NULL, jwk));
	return jwk;
}

static void add_key(const char *kid, const char *alg, const char *secret, const char *for_,
		    bool bound)
{
	struct baton_identity_key def = { .kid = kid,
					  .alg = alg,
					  .secret = "NAME",
					  .issuer = bound ? "https://id.example" : "",
					  .audience = bound ? "baton" : "",
					  .for_ = for_ };
	char why[256] = "";

	if (jwt_key_read(&keys[n_keys], &def, secret, why, sizeof(why)) < 0)
		fail_msg("%s: %s", kid, why);
	n_keys++;
}

/* As `openssl rsa -pubout` writes it. */
static char *pem_of_new_rsa(EVP_PKEY **ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;

	*ret = EVP_RSA_gen(2048);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, *ret), 1);
	long n = BIO_get_mem_data(bio, &p);
	char *text = baton_memdupz(p, (size_t)n);
	BIO_free(bio);
	return text;
}

static int make_keys(void **state)
{
	(void)state;
	ec_private = generate("{\"alg\":\"ES256\"}");
	rsa_private = generate("{\"alg\":\"RS256\",\"bits\":2048}");
	json_t *ec = json_deep_copy(ec_private), *rsa = json_deep_copy(rsa_private);
	assert_true(jose_jwk_pub(NULL, ec) && jose_jwk_pub(NULL, rsa));
	char *ec_text = json_dumps(ec, 0), *rsa_text = json_dumps(rsa, 0);

	add_key("k1", "HS256", SECRET, "customers", false);
	add_key("k2", "HS256", OTHER_SECRET, "customers", true);
	add_key("ec", "ES256", ec_text, "customers", false);
	add_key("rsa", "RS256", rsa_text, "customers", false);
	add_key("staff", "ES256", ec_text, "agents", true);
	free(ec_text);
	free(rsa_text);
	json_decref(ec);
	json_decref(rsa);
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_keys; i++)
		jwt_key_done(&keys[i]);
	json_decref(ec_private);
	json_decref(rsa_private);
	baton_free(rsa_pem);
	return 0;
}

/* --- what is believed --- */

static void a_token_of_each_algorithm_is_taken(void **state)
{
	(void)state;
	expect_claims(CLAIMS, JWT_OK);
	expect(signed_by(ec_private, "ES256", "ec", CLAIMS), JWT_OK);
	expect(signed_by(rsa_private, "RS256", "rsa", CLAIMS), JWT_OK);
}

static void two_keys_are_good_at_a_time_and_each_for_its_own(void **state)
{
	(void)state;
	const char *claims = "{\"sub\":\"42\",\"iat\":1799999990,\"exp\":1800000300,"
			     "\"iss\":\"https://id.example\",\"aud\":\"baton\"}";

	expect(signed_with(EVP_sha256(), "{\"alg\":\"HS256\",\"kid\":\"k2\"}", claims,
			   OTHER_SECRET),
	       JWT_OK);
	expect(signed_with(EVP_sha256(), "{\"alg\":\"HS256\",\"kid\":\"k1\"}", claims,
			   OTHER_SECRET),
	       JWT_BAD_SIGNATURE);
	expect(signed_with(EVP_sha256(), "{\"alg\":\"HS256\",\"kid\":\"k2\"}", claims, SECRET),
	       JWT_BAD_SIGNATURE);
}

static void what_we_sign_ourselves_is_taken(void **state)
{
	(void)state;
	json_t *claims = json_loads(CLAIMS, 0, NULL);
	char *token = jwt_sign(&keys[0], claims);

	assert_non_null(token);
	assert_null(jwt_sign(&keys[2], claims)); /* a public key signs nothing */
	expect(token, JWT_OK);
	json_decref(claims);
}

static void of_a_set_of_keys_the_kid_picks_one(void **state)
{
	(void)state;
	json_t *ec = json_deep_copy(ec_private), *rsa = json_deep_copy(rsa_private);
	json_object_set_new(ec, "kid", json_string("ec"));
	json_object_set_new(rsa, "kid", json_string("rsa"));
	json_t *set = json_pack("{s:[o,o,{}]}", "keys", rsa, ec);
	char *text = json_dumps(set, 0);
	struct baton_identity_key def = { .kid = "ec",
					  .alg = "ES256",
					  .secret = "NAME",
					  .issuer = "",
					  .audience = "",
					  .for_ = "customers" };
	struct jwt_key key;
	char why[256] = "";

	assert_int_equal(jwt_key_read(&key, &def, text, why, sizeof(why)), 0);
	assert_null(json_object_get(key.jwk, "d")); /* the private half is not kept */
	jwt_key_done(&key);
	def.kid = "rsa"; /* found, and of another algorithm */
	assert_int_equal(jwt_key_read(&key, &def, text, why, sizeof(why)), BATON_E_INVAL);
	def.kid = "nobody";
	assert_int_equal(jwt_key_read(&key, &def, text, why, sizeof(why)), BATON_E_INVAL);
	assert_non_null(strstr(why, "with this kid"));
	free(text);
	json_decref(set);
}

static void a_key_in_pem_is_as_good_as_a_jwk(void **state)
{
	(void)state;
	EVP_PKEY *pkey = NULL;
	struct baton_identity_key def = { .kid = "pem",
					  .alg = "RS256",
					  .secret = "NAME",
					  .issuer = "",
					  .audience = "",
					  .for_ = "customers" };
	struct jwt_key key;
	char why[256] = "";

	rsa_pem = pem_of_new_rsa(&pkey);
	assert_int_equal(jwt_key_read(&key, &def, rsa_pem, why, sizeof(why)), 0);
	jwt_key_done(&key);
	def.alg = "ES256";
	assert_int_equal(jwt_key_read(&key, &def, rsa_pem, why, sizeof(why)), BATON_E_INVAL);
	assert_non_null(strstr(why, "P-256"));
	def.alg = "HS256"; /* the classic: the public half as a shared secret */
	assert_int_equal(jwt_key_read(&key, &def, rsa_pem, why, sizeof(why)), BATON_E_INVAL);
	EVP_PKEY_free(pkey);
}

/* --- the header --- */

static void the_key_and_its_algorithm_are_held_against_the_header_first(void **state)
{
	static const struct {
		const char *header;
		enum jwt_refusal refusal;
	} rows[] = {
		{ "{\"alg\":\"none\",\"kid\":\"k1\"}", JWT_WRONG_ALG },
		{ "{\"alg\":\"None\",\"kid\":\"k1\"}", JWT_WRONG_ALG },
		{ "{\"alg\":\"none\"}", JWT_WRONG_ALG },
		{ "{\"alg\":\"HS512\",\"kid\":\"k1\"}", JWT_WRONG_ALG },
		{ "{\"alg\":\"hs256\",\"kid\":\"k1\"}", JWT_WRONG_ALG },
		{ "{\"alg\":\"RS256\",\"kid\":\"k1\"}", JWT_WRONG_ALG },
		{ "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", JWT_WRONG_ALG },
		{ "{\"alg\":\"HS256\",\"kid\":\"ec\"}", JWT_WRONG_ALG },
		{ "{\"alg\":[\"HS256\"],\"kid\":\"k1\"}", JWT_MALFORMED },
		{ "{\"kid\":\"k1\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"HS256\",\"kid\":\"k3\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"HS256\",\"kid\":\"K1\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1 \"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"HS256\",\"kid\":1}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"HS256\",\"kid\":\"../k1\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"ES256\",\"kid\":\"staff\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\",\"crit\":[\"exp\"],\"exp\":1}",
		  JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\",\"crit\":[]}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\",\"b64\":false}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\",\"alg\":\"none\"}", JWT_MALFORMED },
		{ "{\"alg\":\"none\",\"kid\":\"k1\",\"alg\":\"HS256\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\"", JWT_MALFORMED },
		{ "[]", JWT_MALFORMED },
		{ "null", JWT_MALFORMED },
		{ "", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\xff\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\\u0000\"}", JWT_MALFORMED },
		/* Keys that come along are nobody's business. */
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\",\"jku\":\"https://evil.example/\"}", JWT_OK },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
		  JWT_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(token_of(rows[i].header, CLAIMS), rows[i].refusal);
}

static void a_public_key_used_as_a_shared_secret_signs_nothing(void **state)
{
	(void)state;
	json_t *rsa = json_deep_copy(rsa_private);
	assert_true(jose_jwk_pub(NULL, rsa));
	char *text = json_dumps(rsa, 0);

	expect(signed_with(EVP_sha256(), "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", CLAIMS, text),
	       JWT_WRONG_ALG);
	expect(signed_with(EVP_sha256(), "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS, text),
	       JWT_BAD_SIGNATURE);
	free(text);
	json_decref(rsa);
}

static void a_stronger_hash_under_the_same_key_is_refused(void **state)
{
	(void)state;
	expect(signed_with(EVP_sha512(), "{\"alg\":\"HS512\",\"kid\":\"k1\"}", CLAIMS, SECRET),
	       JWT_WRONG_ALG);
	expect(signed_with(EVP_sha512(), HEADER, CLAIMS, SECRET), JWT_BAD_SIGNATURE);
}

/* --- the form --- */

static void each_changed_byte_is_noticed(void **state)
{
	char *token = token_of(HEADER, CLAIMS);
	size_t n = strlen(token);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(ask_at(NOW_S * 1000ll, baton_str_of(token), false), JWT_OK);
		token[i] = was;
		assert_int_not_equal(ask_at(NOW_S * 1000ll, (baton_str){ token, i }, false),
				     JWT_OK);
	}
	expect(token, JWT_OK);
}

static void exactly_one_text_stands_for_a_token(void **state)
{
	static const char *const more[] = { "=", "==", " ", "\n", ".", "..", ".e30", "A", "AA" };
	char *token = token_of(HEADER, CLAIMS);

	(void)state;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct baton_buf longer = { NULL, 0, 0 }, before = { NULL, 0, 0 };

		baton_buf_printf(&longer, "%s%s", token, more[i]);
		baton_buf_printf(&before, "%s%s", more[i], token);
		assert_int_not_equal(ask_at(NOW_S * 1000ll, baton_buf_view(&longer), false),
				     JWT_OK);
		assert_int_not_equal(ask_at(NOW_S * 1000ll, baton_buf_view(&before), false),
				     JWT_OK);
		baton_buf_done(&longer);
		baton_buf_done(&before);
	}
	/* 32 bytes leave two bits over in the last letter: they must be zero. */
	char *last = token + strlen(token) - 1;
	*last = (char)(*last + 1);
	expect(token, JWT_MALFORMED);
}

static void without_a_signature_there_is_nothing(void **state)
{
	static const char *const texts[] = { "",
					     ".",
					     "..",
					     "...",
					     "a.b.c",
					     "e30.e30.",
					     "e30..e30",
					     ".e30.e30",
					     "e30.e30.e30.e30.e30",
					     "\xff\xff.\xff.\xff",
					     "bm9uZQ.bm9uZQ.bm9uZQ" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_not_equal(ask_at(NOW_S * 1000ll, baton_str_of(texts[i]), false), JWT_OK);
	char *token = token_of("{\"alg\":\"none\",\"kid\":\"k1\"}", CLAIMS);
	*(strrchr(token, '.') + 1) = '\0';
	expect(token, JWT_WRONG_ALG);
	token = token_of(HEADER, CLAIMS);
	*(strrchr(token, '.') + 1) = '\0';
	expect(token, JWT_MALFORMED);
}

static void a_token_has_a_size(void **state)
{
	char *claims = malloc(8192);

	(void)state;
	for (int pad = 2800; pad < 3200; pad += 13) {
		(void)snprintf(
			claims, 8192,
			"{\"sub\":\"42\",\"iat\":1799999990,\"exp\":1800000300,\"x\":\"%0*d\"}",
			pad, 0);
		char *token = token_of(HEADER, claims);
		expect(token, strlen(token) > JWT_BYTES_MAX ? JWT_TOO_BIG : JWT_OK);
	}
	free(claims);
	char *deep = malloc(3001);
	memset(deep, '[', 3000);
	deep[3000] = '\0';
	expect(token_of(HEADER, deep), JWT_MALFORMED);
	free(deep);
}

static void claims_that_are_no_object_are_refused_though_signed(void **state)
{
	(void)state;
	expect_claims("[]", JWT_MALFORMED);
	expect_claims("\"42\"", JWT_MALFORMED);
	expect_claims("{\"sub\":\"42\",\"sub\":\"43\",\"iat\":1799999990,\"exp\":1800000300}",
		      JWT_MALFORMED);
	expect_claims("{\"sub\":\"4\xff\",\"iat\":1799999990,\"exp\":1800000300}", JWT_MALFORMED);
	expect_claims("{\"sub\":\"42\",\"iat\":1799999990,\"exp\":1800000300} x", JWT_MALFORMED);
}

/* --- the claims --- */

static void times_are_kept(void **state)
{
	static const struct {
		const char *claims;
		enum jwt_refusal refusal;
	} rows[] = {
		{ "{\"sub\":\"42\",\"iat\":1799999000,\"exp\":1800000000}", JWT_OK },
		{ "{\"sub\":\"42\",\"iat\":1799999000,\"exp\":1799999941}", JWT_OK },
		{ "{\"sub\":\"42\",\"iat\":1799999000,\"exp\":1799999940}", JWT_EXPIRED },
		{ "{\"sub\":\"42\",\"iat\":1799999000,\"exp\":1799999940.5}", JWT_OK },
		{ "{\"sub\":\"42\",\"iat\":1799999000,\"exp\":0}", JWT_EXPIRED },
		{ "{\"sub\":\"42\",\"iat\":1800000060,\"exp\":1800000300}", JWT_OK },
		{ "{\"sub\":\"42\",\"iat\":1800000061,\"exp\":1800000300}", JWT_NOT_YET_VALID },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":1800000300,\"nbf\":1800000060}",
		  JWT_OK },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":1800000300,\"nbf\":1800000061}",
		  JWT_NOT_YET_VALID },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":1800003600}", JWT_OK },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":1800003601}", JWT_TOO_LONG_LIVED },
		{ "{\"sub\":\"42\",\"iat\":1800000000}", JWT_TOO_LONG_LIVED },
		{ "{\"sub\":\"42\",\"exp\":1800000300}", JWT_TOO_LONG_LIVED },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":null}", JWT_BAD_CLAIM },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":\"1800000300\"}", JWT_BAD_CLAIM },
		{ "{\"sub\":\"42\",\"iat\":-1,\"exp\":1800000300}", JWT_BAD_CLAIM },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":1e300}", JWT_BAD_CLAIM },
		{ "{\"sub\":\"42\",\"iat\":1800000000,\"exp\":1800000300000}", JWT_BAD_CLAIM },
		{ "{\"sub\":\"42\",\"iat\":1800000050,\"exp\":1800000000}", JWT_BAD_CLAIM },
		{ "{\"sub\":\"42\",\"iat\":true,\"exp\":1800000300}", JWT_BAD_CLAIM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_claims(rows[i].claims, rows[i].refusal);
}

static void a_subject_is_a_short_printable_text(void **state)
{
	static const struct {
		const char *sub;
		enum jwt_refusal refusal;
	} rows[] = {
		{ "\"42\"", JWT_OK },
		{ "\"J\xc3\xb6rg M\xc3\xbcller\"", JWT_OK },
		{ "\"0123456789012345678901234567890123456789012345678901234567890123\"", JWT_OK },
		{ "\"01234567890123456789012345678901234567890123456789012345678901234\"",
		  JWT_BAD_SUBJECT },
		{ "\"\"", JWT_BAD_SUBJECT },
		{ "42", JWT_BAD_SUBJECT },
		{ "null", JWT_BAD_SUBJECT },
		{ "[\"42\"]", JWT_BAD_SUBJECT },
		{ "\"4\\n2\"", JWT_BAD_SUBJECT },
		{ "\"4\\u007f2\"", JWT_BAD_SUBJECT },
		{ "\"4\\u00852\"", JWT_BAD_SUBJECT },
	};
	char claims[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(claims, sizeof(claims),
			       "{\"sub\":%s,\"iat\":1799999990,\"exp\":1800000300}", rows[i].sub);
		expect_claims(claims, rows[i].refusal);
	}
	expect_claims("{\"iat\":1799999990,\"exp\":1800000300}", JWT_BAD_SUBJECT);
}

static void issuer_and_audience_are_those_of_the_key(void **state)
{
	static const struct {
		const char *more;
		enum jwt_refusal refusal;
	} rows[] = {
		{ "\"iss\":\"https://id.example\",\"aud\":\"baton\"", JWT_OK },
		{ "\"iss\":\"https://id.example\",\"aud\":[\"shop\",\"baton\"]", JWT_OK },
		{ "\"iss\":\"https://id.example\",\"aud\":[\"shop\"]", JWT_WRONG_AUDIENCE },
		{ "\"iss\":\"https://id.example\",\"aud\":[]", JWT_WRONG_AUDIENCE },
		{ "\"iss\":\"https://id.example\",\"aud\":[[\"baton\"]]", JWT_WRONG_AUDIENCE },
		{ "\"iss\":\"https://id.example\",\"aud\":{\"baton\":1}", JWT_WRONG_AUDIENCE },
		{ "\"iss\":\"https://id.example\",\"aud\":\"batons\"", JWT_WRONG_AUDIENCE },
		{ "\"iss\":\"https://id.example\"", JWT_WRONG_AUDIENCE },
		{ "\"iss\":\"https://id.example/\",\"aud\":\"baton\"", JWT_WRONG_ISSUER },
		{ "\"iss\":[\"https://id.example\"],\"aud\":\"baton\"", JWT_WRONG_ISSUER },
		{ "\"aud\":\"baton\"", JWT_WRONG_ISSUER },
	};
	char claims[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(claims, sizeof(claims),
			       "{\"sub\":\"42\",\"iat\":1799999990,\"exp\":1800000300,%s}",
			       rows[i].more);
		expect(signed_with(EVP_sha256(), "{\"alg\":\"HS256\",\"kid\":\"k2\"}", claims,
				   OTHER_SECRET),
		       rows[i].refusal);
	}
}

static void keys_for_customers_open_no_desk_and_the_other_way_round(void **state)
{
	const char *claims = "{\"sub\":\"nina\",\"iat\":1799999990,\"exp\":1800000300,"
			     "\"iss\":\"https://id.example\",\"aud\":\"baton\",\"role\":\"agent\"}";
	char *staff = signed_by(ec_private, "ES256", "staff", claims);
	char *customer = signed_by(ec_private, "ES256", "ec", claims);

	(void)state;
	assert_int_equal(ask_at(NOW_S * 1000ll, baton_str_of(staff), true), JWT_OK);
	assert_int_equal(ask_at(NOW_S * 1000ll, baton_str_of(customer), true), JWT_UNKNOWN_KEY);
	expect(staff, JWT_UNKNOWN_KEY);
	expect(customer, JWT_OK);
}

/* --- keys --- */

static void a_key_that_does_not_fit_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *alg, *secret, *why;
	} rows[] = {
		{ "HS256", "0123456789abcdef0123456789abcde", "at least 32 bytes" },
		{ "HS256", "", "at least 32 bytes" },
		{ "HS256", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ",
		  "looks like a key" },
		{ "HS256", "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAA\"}",
		  "looks like a key" },
		{ "ES256", SECRET, "neither a JWK, nor" },
		{ "ES256", "{}", "" },
		{ "ES256", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", "" },
		{ "ES256", "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}",
		  "P-256" },
		{ "RS256", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "2048 bits" },
		{ "ES256",
		  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"use\":\"enc\"}",
		  "not for signatures" },
		{ "ES256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		  "neither a JWK, nor" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct baton_identity_key def = { .kid = "k",
						  .alg = rows[i].alg,
						  .secret = "NAME",
						  .issuer = "",
						  .audience = "",
						  .for_ = "customers" };
		struct jwt_key key;
		char why[256] = "";

		assert_int_equal(jwt_key_read(&key, &def, rows[i].secret, why, sizeof(why)),
				 BATON_E_INVAL);
		if (!strstr(why, rows[i].why))
			fail_msg("%s: %s", rows[i].secret, why);
		/* The reason goes to the log; the secret does not. */
		assert_true(strlen(rows[i].secret) < 8 || !strstr(why, rows[i].secret));
	}
}

static void each_refusal_has_a_word_and_a_hint(void **state)
{
	(void)state;
	for (int i = 0; i < JWT_REFUSALS; i++) {
		const char *word = jwt_refusal_word((enum jwt_refusal)i);

		assert_true(strlen(word) <= 32);
		assert_true((i == JWT_OK) == (word[0] == '\0'));
		assert_true((i == JWT_OK) == (jwt_refusal_hint((enum jwt_refusal)i)[0] == '\0'));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(word, jwt_refusal_word((enum jwt_refusal)j));
	}
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_token_of_each_algorithm_is_taken),
		T(two_keys_are_good_at_a_time_and_each_for_its_own),
		T(what_we_sign_ourselves_is_taken),
		T(of_a_set_of_keys_the_kid_picks_one),
		T(a_key_in_pem_is_as_good_as_a_jwk),
		T(the_key_and_its_algorithm_are_held_against_the_header_first),
		T(a_public_key_used_as_a_shared_secret_signs_nothing),
		T(a_stronger_hash_under_the_same_key_is_refused),
		T(each_changed_byte_is_noticed),
		T(exactly_one_text_stands_for_a_token),
		T(without_a_signature_there_is_nothing),
		T(a_token_has_a_size),
		T(claims_that_are_no_object_are_refused_though_signed),
		T(times_are_kept),
		T(a_subject_is_a_short_printable_text),
		T(issuer_and_audience_are_those_of_the_key),
		T(keys_for_customers_open_no_desk_and_the_other_way_round),
		T(a_key_that_does_not_fit_is_refused_with_a_reason),
		T(each_refusal_has_a_word_and_a_hint),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
