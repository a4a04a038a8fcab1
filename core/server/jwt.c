/* SPDX-License-Identifier: Apache-2.0 */

/* A token is taken apart, held against the key that it names, and only then verified.
 *
 * Surprising: libjose takes an HS512 token under a key that says HS256, so the header is compared
 * with the key by ourselves, letter by letter. Duplicate members are refused because two readers
 * would take different ones. `crit` names extensions that must be understood: we know none.
 */

#include "core/server/jwt.h"

#include "core/base/assert.h"
#include "core/base/buf.h"
#include "core/base/limits.h"

#include <jose/b64.h>
#include <jose/jws.h>
#include <math.h>

static const struct {
	const char *word, *hint;
} refusals[JWT_REFUSALS] = {
	{ "", "" },
#define REFUSAL(NAME, word, hint) { word, hint },
#include "core/server/jwt.def"
#undef REFUSAL
};

const char *jwt_refusal_word(enum jwt_refusal refusal)
{
	return refusals[refusal].word;
}

const char *jwt_refusal_hint(enum jwt_refusal refusal)
{
	return refusals[refusal].hint;
}

/* --- taking apart --- */

enum { PARTS = 3, PART_BYTES_MAX = JWT_BYTES_MAX * 3 / 4 };

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Exactly one text stands for these bytes: no padding, no white space, no bits left over. */
static bool part_decode(baton_str part, uint8_t bytes[PART_BYTES_MAX], size_t *ret_n)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;

	for (size_t i = 0; i < part.n; i++) {
		int digit = digit_of(part.p[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		bytes[n++] = (uint8_t)(bits >> held);
		bits &= (1u << held) - 1;
	}
	*ret_n = n;
	return part.n > 0 && part.n % 4 != 1 && bits == 0;
}

static bool split(baton_str token, baton_str parts[PARTS])
{
	size_t n = 0, from = 0;

	for (size_t i = 0; i <= token.n; i++) {
		if (i < token.n && token.p[i] != '.')
			continue;
		if (n == PARTS)
			return false;
		parts[n++] = (baton_str){ token.p + from, i - from };
		from = i + 1;
	}
	return n == PARTS;
}

static json_t *object_of(baton_str part)
{
	uint8_t bytes[PART_BYTES_MAX];
	size_t n;

	if (!part_decode(part, bytes, &n))
		return NULL;
	json_t *json = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/* --- the key --- */

static bool member_is(const json_t *object, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && strcmp(value, text) == 0;
}

static enum jwt_refusal key_of(const struct jwt_key *keys, size_t n, bool for_agents,
			       const json_t *header, const struct jwt_key **ret)
{
	const char *kid = json_string_value(json_object_get(header, "kid"));
	const struct jwt_key *key = NULL;

	if (json_object_get(header, "crit") || json_object_get(header, "b64"))
		return JWT_MALFORMED;
	if (!json_is_string(json_object_get(header, "alg")))
		return JWT_MALFORMED;
	for (size_t i = 0; kid && i < n; i++)
		if (keys[i].for_agents == for_agents && strcmp(keys[i].kid, kid) == 0)
			key = &keys[i];
	if (!key)
		return member_is(header, "alg", "none") ? JWT_WRONG_ALG : JWT_UNKNOWN_KEY;
	if (!member_is(header, "alg", key->alg))
		return JWT_WRONG_ALG;
	*ret = key;
	return JWT_OK;
}

void jwt_quiet(void *misc, const char *file, int line, uint64_t err, const char *fmt, va_list ap)
{
	(void)misc;
	(void)file;
	(void)line;
	(void)err;
	(void)fmt;
	(void)ap;
}

static bool signature_ok(const struct jwt_key *key, const baton_str parts[PARTS])
{
	jose_cfg_t *cfg = jose_cfg();
	json_t *jws = json_object();

	baton_assert(cfg && jws);
	jose_cfg_set_err_func(cfg, jwt_quiet, NULL);
	json_object_set_new(jws, "protected", json_stringn(parts[0].p, parts[0].n));
	json_object_set_new(jws, "payload", json_stringn(parts[1].p, parts[1].n));
	json_object_set_new(jws, "signature", json_stringn(parts[2].p, parts[2].n));
	bool ok = jose_jws_ver(cfg, jws, NULL, key->jwk, false);
	json_decref(jws);
	jose_cfg_decref(cfg);
	return ok;
}

/* --- the claims --- */

enum claim_time { TIME_ABSENT, TIME_THERE, TIME_BAD };

/* Seconds since 1970; fractions are allowed. */
static enum claim_time time_of(const json_t *claims, const char *name, double *ret_ms)
{
	const json_t *value = json_object_get(claims, name);
	double seconds = json_number_value(value);

	if (!value)
		return TIME_ABSENT;
	if (!json_is_number(value) || !isfinite(seconds) || seconds < 0 || seconds > 1e11)
		return TIME_BAD;
	*ret_ms = seconds * 1000;
	return TIME_THERE;
}

static enum jwt_refusal check_times(const json_t *claims, const struct jwt_rules *rules)
{
	double exp = 0, iat = 0, nbf = 0;
	enum claim_time has_exp = time_of(claims, "exp", &exp);
	enum claim_time has_iat = time_of(claims, "iat", &iat);
	enum claim_time has_nbf = time_of(claims, "nbf", &nbf);
	double now = (double)rules->now_ms, leeway = (double)rules->leeway_ms;

	if (has_exp == TIME_BAD || has_iat == TIME_BAD || has_nbf == TIME_BAD)
		return JWT_BAD_CLAIM;
	if (has_exp == TIME_ABSENT || has_iat == TIME_ABSENT)
		return JWT_TOO_LONG_LIVED;
	if (exp + leeway <= now)
		return JWT_EXPIRED;
	if (iat > now + leeway || (has_nbf == TIME_THERE && nbf > now + leeway))
		return JWT_NOT_YET_VALID;
	if (exp < iat)
		return JWT_BAD_CLAIM;
	return exp - iat > (double)rules->max_age_ms ? JWT_TOO_LONG_LIVED : JWT_OK;
}

/* `aud` is one text or a list of them. */
static bool audience_ok(const json_t *claims, const char *audience)
{
	const json_t *aud = json_object_get(claims, "aud");

	if (audience[0] == '\0' || member_is(claims, "aud", audience))
		return true;
	for (size_t i = 0; i < json_array_size(aud); i++) {
		const char *one = json_string_value(json_array_get(aud, i));

		if (one && strcmp(one, audience) == 0)
			return true;
	}
	return false;
}

bool jwt_is_printable(baton_str s, size_t bytes_max)
{
	if (s.n == 0 || s.n > bytes_max || !baton_str_utf8_ok(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		/* The second: U+0080 to U+009F. */
		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0))
			return false;
	}
	return true;
}

static enum jwt_refusal check_claims(const json_t *claims, const struct jwt_key *key,
				     const struct jwt_rules *rules)
{
	const json_t *sub = json_object_get(claims, "sub");
	enum jwt_refusal refusal = check_times(claims, rules);

	if (refusal != JWT_OK)
		return refusal;
	if (key->issuer[0] && !member_is(claims, "iss", key->issuer))
		return JWT_WRONG_ISSUER;
	if (!audience_ok(claims, key->audience))
		return JWT_WRONG_AUDIENCE;
	baton_str text = { json_string_value(sub), json_string_length(sub) };
	return jwt_is_printable(text, BATON_NAME_BYTES_MAX) ? JWT_OK : JWT_BAD_SUBJECT;
}

static enum jwt_refusal verified(const struct jwt_key *key, const struct jwt_rules *rules,
				 const baton_str parts[PARTS], json_t **ret_claims)
{
	if (!signature_ok(key, parts))
		return JWT_BAD_SIGNATURE;
	json_t *claims = object_of(parts[1]);
	if (!claims)
		return JWT_MALFORMED;
	enum jwt_refusal refusal = check_claims(claims, key, rules);
	if (refusal == JWT_OK)
		*ret_claims = claims;
	else
		json_decref(claims);
	return refusal;
}

enum jwt_refusal jwt_verify(const struct jwt_key *keys, size_t n, const struct jwt_rules *rules,
			    baton_str token, json_t **ret_claims, const struct jwt_key **ret_key)
{
	baton_str parts[PARTS];
	const struct jwt_key *key = NULL;
	uint8_t signature[PART_BYTES_MAX];
	size_t signature_n;

	if (token.n > JWT_BYTES_MAX)
		return JWT_TOO_BIG;
	if (!split(token, parts))
		return JWT_MALFORMED;
	json_t *header = object_of(parts[0]);
	if (!header)
		return JWT_MALFORMED;
	enum jwt_refusal refusal = key_of(keys, n, rules->for_agents, header, &key);
	json_decref(header);
	if (refusal == JWT_OK && !part_decode(parts[2], signature, &signature_n))
		refusal = JWT_MALFORMED;
	if (refusal == JWT_OK)
		refusal = verified(key, rules, parts, ret_claims);
	if (refusal == JWT_OK)
		*ret_key = key;
	return refusal;
}

/* --- making one --- */

char *jwt_sign(const struct jwt_key *key, const json_t *claims)
{
	jose_cfg_t *cfg = jose_cfg();
	char *payload = json_dumps(claims, JSON_COMPACT), *token = NULL;
	json_t *jws = json_object();

	baton_assert(cfg && payload && jws);
	jose_cfg_set_err_func(cfg, jwt_quiet, NULL);
	json_object_set_new(jws, "payload", jose_b64_enc(payload, strlen(payload)));
	json_t *sig = json_pack("{s:{s:s,s:s,s:s}}", "protected", "alg", key->alg, "kid", key->kid,
				"typ", "JWT");
	if (jose_jws_sig(cfg, jws, sig, key->jwk)) {
		const char *const names[] = { "protected", "payload", "signature" };
		struct baton_buf out = { NULL, 0, 0 };

		for (size_t i = 0; i < PARTS; i++) {
			baton_buf_z(&out, i ? "." : "");
			baton_buf_z(&out, json_string_value(json_object_get(jws, names[i])));
		}
		token = baton_memdupz(out.p, out.n);
		baton_buf_done(&out);
	}
	json_decref(sig);
	json_decref(jws);
	jose_cfg_decref(cfg);
	free(payload);
	return token;
}
