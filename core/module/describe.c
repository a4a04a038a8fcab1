/* SPDX-License-Identifier: Apache-2.0 */

/* What a tool module says of itself, for operators. Its words are held to a bound, and to nothing
 * else: who reads them knows that they are a module's. */
#include "core/base/errors.h"
#include "core/module/host.h"
#include "core/module/rack.h"

enum { DESCRIPTION_BYTES_MAX = 1024 * 1024 };

static int32_t take(void *ud, const void *p, size_t n)
{
	struct baton_buf *out = ud;

	if (!p && n > 0)
		return BATON_E_INVAL;
	if (n > DESCRIPTION_BYTES_MAX || out->n > DESCRIPTION_BYTES_MAX - n)
		return BATON_E_LIMIT;
	baton_buf_add(out, p, n);
	return BATON_OK;
}

int baton_rack_describe(struct baton_rack *rack, struct baton_release *release, const char *name,
			struct baton_buf *out)
{
	const struct baton_seat *seat = baton_rack_seat(rack, release);
	const baton_sink sink = { .size = sizeof(sink), .ud = out, .write = take };

	if (rack->closed || !seat)
		return BATON_E_CLOSED;
	struct baton_ctx *ctx = baton_seat_instance(seat, "tool", name);
	if (!ctx)
		return BATON_E_NOTFOUND;
	const baton_tool *vt = ctx->generation->vt;
	if (!vt->describe)
		return BATON_E_UNSUPPORTED;
	struct baton_visit visit = baton_visit_begin(ctx, "describe");
	int32_t rc = vt->describe(ctx->inst, &sink);
	baton_visit_end(&visit);
	if (rc == BATON_OK)
		baton_generation_scrub(ctx->generation, out);
	return rc == BATON_OK              ? 0
	       : rc == BATON_E_UNSUPPORTED ? BATON_E_UNSUPPORTED
					   : BATON_E_MODULE;
}
