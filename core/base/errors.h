/* SPDX-License-Identifier: Apache-2.0 */

/* Error codes as names, wire codes and sentences; the list is errors.def. */
#pragma once

#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum baton_core_error { /* beyond those of the ABI, which baton/module.h defines */
			BATON_E_CONFLICT = -100,
			BATON_E_FULL = -101,
			BATON_E_CORRUPT = -102,
			BATON_E_ERASED = -103,
			BATON_E_RATE = -104,
			BATON_E_AUTH = -105,
			BATON_E_ORIGIN = -106,
			BATON_E_JSON = -107,
			BATON_E_UTF8 = -108,
			BATON_E_TOO_BIG = -109,
			BATON_E_POLICY = -110,
			BATON_E_MODULE = -111,
			BATON_E_TIMEOUT = -112,
			BATON_E_CLOSED = -113
};

struct baton_error_info {
	const char *name, *wire, *text;
	int code;
	bool may_retry;
};
/* The entry of `code`; unknown codes give an entry named "INTERNAL". Static, never NULL. */
const struct baton_error_info *baton_error_info(int code);

#ifdef __cplusplus
}
#endif
