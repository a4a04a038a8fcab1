/* SPDX-License-Identifier: Apache-2.0 */

/* errors.def as a table. */

#include "core/base/errors.h"

static const struct baton_error_info infos[] = {
#define X(NAME, code, wire, may_retry, text) { #NAME, wire, text, code, may_retry != 0 },
#include "core/base/errors.def"
#undef X
};

static const struct baton_error_info internal = { "INTERNAL", "internal",
						  "an error of the server; it has been logged", 0,
						  true };

const struct baton_error_info *baton_error_info(int code)
{
	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++)
		if (infos[i].code == code)
			return &infos[i];
	return &internal;
}
