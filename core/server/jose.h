/* SPDX-License-Identifier: Apache-2.0 */

/* libjose, loaded with the first key (see core/loop/library.h): most processes never read one. Its
 * functions are called by their names. */
#pragma once

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <jose/openssl.h>
#include <stddef.h>

#define JOSE_CALLS(X)            \
	X(jose_b64_enc)          \
	X(jose_cfg)              \
	X(jose_cfg_decref)       \
	X(jose_cfg_set_err_func) \
	X(jose_jwk_pub)          \
	X(jose_jws_sig)          \
	X(jose_jws_ver)          \
	X(jose_openssl_jwk_from_EVP_PKEY)

struct jose {
#define X(name) __typeof__(name) *name;
	JOSE_CALLS(X)
#undef X
};

/* 0, or BATON_E_IO: it cannot be loaded, why says so. Any thread. */
int jose_open(char *why, size_t cap);
/* Behind a jose_open() that went well; without a key there is nothing to call it for. */
const struct jose *jose(void);

#ifndef JOSE_ITSELF
#define jose_b64_enc jose()->jose_b64_enc
#define jose_cfg jose()->jose_cfg
#define jose_cfg_decref jose()->jose_cfg_decref
#define jose_cfg_set_err_func jose()->jose_cfg_set_err_func
#define jose_jwk_pub jose()->jose_jwk_pub
#define jose_jws_sig jose()->jose_jws_sig
#define jose_jws_ver jose()->jose_jws_ver
#define jose_openssl_jwk_from_EVP_PKEY jose()->jose_openssl_jwk_from_EVP_PKEY
#endif
