/* SPDX-License-Identifier: Apache-2.0 */

/* Tokens: the bytes are taken as a whole token, as a header, and as claims that are signed with
 * the right key, because a reader of what is signed is not reached otherwise. */

#include "core/base/buf.h"
#include "core/server/jwt.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "{\"alg\":\"HS256\",\"kid\":\"k\"}"

static struct jwt_key key;

static void add_part(struct baton_buf *out, const void *p, size_t n)
{
	unsigned char *text = malloc(n * 2 + 8);

	if (!text)
		abort();
	size_t k = (size_t)EVP_EncodeBlock(text, p, (int)n);
	while (k > 0 && text[k - 1] == '=')
		k--;
	for (size_t i = 0; i < k; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	baton_buf_add(out, text, k);
	free(text);
}

static void verify(baton_str token)
{
	struct jwt_rules rules = { .now_ms = 1800000000000,
				   .max_age_ms = 86400000,
				   .leeway_ms = 60000 };
	const struct jwt_key *by = NULL;
	json_t *claims = NULL;
	enum jwt_refusal refusal = jwt_verify(&key, 1, &rules, token, &claims, &by);

	FUZZ_CHECK(refusal < JWT_REFUSALS);
	FUZZ_CHECK((refusal == JWT_OK) == (claims != NULL && by == &key));
	if (claims) {
		const json_t *sub = json_object_get(claims, "sub");

		FUZZ_CHECK(json_string_length(sub) > 0 && json_string_length(sub) <= 64);
		FUZZ_CHECK(token.n <= JWT_BYTES_MAX);
		json_decref(claims);
	}
}

static void verify_signed(const char *header, size_t header_n, const char *claims, size_t claims_n)
{
	struct baton_buf out = { NULL, 0, 0 };
	unsigned char mac[32];
	unsigned n = 0;

	add_part(&out, header, header_n);
	baton_buf_z(&out, ".");
	add_part(&out, claims, claims_n);
	HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1, (const unsigned char *)out.p, out.n, mac,
	     &n);
	baton_buf_z(&out, ".");
	add_part(&out, mac, n);
	verify(baton_buf_view(&out));
	baton_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char claims[] = "{\"sub\":\"42\",\"iat\":1799999990,\"exp\":1800000300}";
	struct baton_identity_key def = { .kid = "k",
					  .alg = "HS256",
					  .secret = "K",
					  .issuer = "",
					  .audience = "",
					  .for_ = "customers" };
	char why[256];

	if (!key.kid && jwt_key_read(&key, &def, SECRET, why, sizeof(why)) < 0)
		abort();
	verify((baton_str){ (const char *)data, n });
	verify_signed(HEADER, sizeof(HEADER) - 1, (const char *)data, n);
	verify_signed((const char *)data, n, claims, sizeof(claims) - 1);
	return 0;
}
