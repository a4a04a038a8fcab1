/* SPDX-License-Identifier: Apache-2.0 */

#include "core/isolate/frame.h"

#include "core/base/errors.h"

struct kind {
	const char *name;
	enum baton_frame_way way;
	uint32_t bytes_max;
};

static const struct kind kinds[BATON_FRAME_OPS] = {
	[BATON_FRAME_NONE] = { "NONE", BATON_FRAME_ORDER, 0 },
#define X(NAME, way, max, text) [BATON_FRAME_##NAME] = { #NAME, BATON_FRAME_##way, max },
#include "core/isolate/frames.def"
#undef X
};

uint32_t baton_frame_revision(void)
{
	static const size_t sizes[] = {
		sizeof(baton_module),      sizeof(baton_turn),     sizeof(baton_msg),
		sizeof(baton_prompt),      sizeof(baton_doc),      sizeof(baton_query),
		sizeof(baton_facts),       sizeof(baton_entry),    sizeof(baton_intents),
		sizeof(baton_intent),      sizeof(baton_http_req), sizeof(baton_error),
		sizeof(baton_usage),       sizeof(baton_tool_req), sizeof(baton_hit),
		sizeof(baton_tool_result), BATON_FRAME_OPS,        sizeof(baton_inspection)
	};
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		hash = (hash ^ (uint32_t)sizes[i]) * 16777619u;
	for (size_t i = 1; i < BATON_FRAME_OPS; i++)
		for (const char *p = kinds[i].name; *p; p++)
			hash = (hash ^ (uint8_t)*p) * 16777619u;
	return hash;
}

const char *baton_frame_name(unsigned op)
{
	return op < BATON_FRAME_OPS ? kinds[op].name : "?";
}

const char *baton_place_name(uint32_t place)
{
	static const char *const names[] = {
#define X(NAME, text) text,
		BATON_PLACES(X)
#undef X
	};
	return place < BATON_PLACE_COUNT ? names[place] : names[0];
}

/* --- writing ----------------------------------------------------------------------------- */

size_t baton_frame_begin(struct baton_buf *out, enum baton_frame_op op, uint64_t call)
{
	struct baton_frame_head head = { .op = (uint16_t)op, .call = call };
	size_t at = out->n;
	baton_buf_add(out, &head, sizeof(head));
	return at;
}

void baton_frame_flag(struct baton_buf *out, size_t at, uint16_t flags)
{
	struct baton_frame_head head;
	memcpy(&head, out->p + at, sizeof(head));
	head.flags |= flags;
	memcpy(out->p + at, &head, sizeof(head));
}

bool baton_frame_end(struct baton_buf *out, size_t at)
{
	struct baton_frame_head head;
	memcpy(&head, out->p + at, sizeof(head));
	size_t n = out->n - at - sizeof(head);
	if (n > kinds[head.op].bytes_max) {
		out->n = at;
		return false;
	}
	head.len = (uint32_t)n;
	memcpy(out->p + at, &head, sizeof(head));
	return true;
}

void baton_put_u32(struct baton_buf *out, uint32_t v)
{
	baton_buf_add(out, &v, sizeof(v));
}

void baton_put_u64(struct baton_buf *out, uint64_t v)
{
	baton_buf_add(out, &v, sizeof(v));
}

void baton_put_str(struct baton_buf *out, baton_str s)
{
	/* Longer than any frame: the end will refuse it, and nothing that long is copied. */
	if (s.n > BATON_FRAME_HUGE)
		s.n = BATON_FRAME_HUGE + 1;
	baton_put_u32(out, (uint32_t)s.n);
	baton_buf_add(out, s.p, s.n);
}

/* --- reading ----------------------------------------------------------------------------- */

int baton_frame_next(baton_str bytes, enum baton_frame_way way, struct baton_frame *ret)
{
	struct baton_frame_head head;
	if (bytes.n < sizeof(head))
		return 0;
	memcpy(&head, bytes.p, sizeof(head));
	if (head.op == BATON_FRAME_NONE || head.op >= BATON_FRAME_OPS ||
	    kinds[head.op].way != way || head.len > kinds[head.op].bytes_max)
		return BATON_E_INVAL;
	if (bytes.n - sizeof(head) < head.len)
		return 0;
	ret->head = head;
	ret->payload = (baton_str){ bytes.p + sizeof(head), head.len };
	return 1;
}

const void *baton_get_bytes(struct baton_reader *in, size_t n)
{
	const char *p = in->p ? in->p : "";
	if (n == 0 && !in->bad)
		return p;
	if (in->bad || in->n < n) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	in->n -= n;
	return p;
}

uint32_t baton_get_u32(struct baton_reader *in)
{
	uint32_t v = 0;
	const void *p = baton_get_bytes(in, sizeof(v));
	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t baton_get_u64(struct baton_reader *in)
{
	uint64_t v = 0;
	const void *p = baton_get_bytes(in, sizeof(v));
	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

int32_t baton_get_i32(struct baton_reader *in)
{
	return (int32_t)baton_get_u32(in);
}

baton_str baton_get_str(struct baton_reader *in)
{
	size_t n = baton_get_u32(in);
	const char *p = baton_get_bytes(in, n);
	return p ? (baton_str){ p, n } : BATON_STR_NONE;
}

bool baton_reader_ended(const struct baton_reader *in)
{
	return !in->bad && in->n == 0;
}
