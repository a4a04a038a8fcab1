/* SPDX-License-Identifier: Apache-2.0 */

/* Row 23: carries its count of answers and a megabyte of noise to the next generation, and
 * finds out whether each byte of it arrived. This version writes and reads schema 1. */
#include <time.h>
#define FRAME_STATEFUL
#define HAS_DESTROY
#define FRAME_ID "stateful"
#ifndef STATE_SCHEMA
#define STATE_SCHEMA 1u
#endif
#if STATE_SCHEMA > 1
#define FRAME_VERSION "2.0.0"
#endif
#include "frame.h"

enum { NOISE = 1 << 20 };

struct head {
	uint64_t kept, sum;
};

static uint64_t mix(uint64_t sum, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 1099511628211ULL;
	return sum;
}

/* Made once and then handed on: what is saved, loaded and saved again is the same. */
static unsigned char *noise_of(struct frame *f)
{
	uint64_t state = (uint64_t)(uintptr_t)f | 1U;
	if (!f->more && (f->more = malloc(NOISE)))
		for (size_t i = 0; i < NOISE; i++) {
			state = state * 6364136223846793005ULL + 1442695040888963407ULL;
			((unsigned char *)f->more)[i] = (unsigned char)(state >> 56);
		}
	return f->more;
}

static void at_destroy(struct frame *f)
{
	free(f->more);
}

static int32_t save(void *inst, const baton_sink *out)
{
	struct frame *f = inst;
	struct head head = { .kept = f->kept };
	const unsigned char *noise = noise_of(f);
	if (!noise)
		return BATON_E_NOMEM;
	head.sum = mix(head.kept, noise, NOISE);
	int32_t rc = out->write(out->ud, &head, sizeof(head));
	for (size_t at = 0; rc == BATON_OK && at < NOISE; at += 4099)
		rc = out->write(out->ud, noise + at, NOISE - at < 4099 ? NOISE - at : 4099);
	return rc;
}

static int32_t load_state(void *inst, uint32_t schema, const baton_source *in)
{
	struct frame *f = inst;
	struct head head;
	size_t got = 0;
	int64_t n;
	unsigned char *noise = schema <= STATE_SCHEMA ? noise_of(f) : NULL;
	if (!noise)
		return BATON_E_SCHEMA;
	while (got < sizeof(head) &&
	       (n = in->read(in->ud, (char *)&head + got, sizeof(head) - got)) > 0)
		got += (size_t)n;
	for (got = 0; got < NOISE && (n = in->read(in->ud, noise + got, NOISE - got)) > 0;)
		got += (size_t)n;
	if (got != NOISE || head.sum != mix(head.kept, noise, NOISE))
		return BATON_E_INVAL;
	f->kept = head.kept;
	return BATON_OK;
}

static const baton_state frame_state = { .size = sizeof(frame_state),
					 .schema = STATE_SCHEMA,
					 .min_schema = 1,
					 .save = save,
					 .load = load_state };
