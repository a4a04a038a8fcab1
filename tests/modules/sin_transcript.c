/* SPDX-License-Identifier: Apache-2.0 */

/* A backend that keeps entries in the file `kept`, each once, in their order. */
#include "tests/modules/sin.h"

enum { SEEN = 4096 };

struct call {
	struct inst *inst;
	baton_call call;
	char *text;
	size_t n;
	bool good;
};

/* (session, seq) as one number. What was seen outlives instances. */
static uint64_t seen[SEEN];
static unsigned n_seen;

static bool is_new(const baton_entry *e)
{
	uint64_t id = e->seq * 1000003;
	for (size_t c = 0; c < e->session_id.n; c++)
		id = id * 31 + (unsigned char)e->session_id.p[c];
	for (unsigned s = 0; s < n_seen; s++)
		if (seen[s] == id)
			return false;
	if (n_seen < SEEN)
		seen[n_seen++] = id;
	return true;
}

static void work(void *user)
{
	struct call *c = user;
	FILE *f = fopen("kept", "ab");
	c->good = f && fwrite(c->text, 1, c->n, f) == c->n;
	if (f)
		(void)fclose(f);
}

static void done(void *user, int32_t status)
{
	struct call *c = user;
	struct inst *i = c->inst;
	if (c->good && status == BATON_OK)
		(void)i->host->end(i->ctx, c->call, BATON_END_STOP);
	else
		fail(i, c->call, BATON_FAIL_UNAVAILABLE, 0, 0);
	free(c->text);
	free(c);
}

static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct inst *i = inst;
	size_t bytes = 1;
	for (uint32_t e = 0; e < n; e++)
		bytes += entries[e].json.n + 1;
	struct call *c = calloc(1, sizeof(*c));
	if (!c)
		return BATON_E_NOMEM;
	c->text = malloc(bytes);
	c->inst = i;
	c->call = call;
	unsigned before = n_seen;
	for (uint32_t k = 0; c->text && k < n; k++) {
		const baton_entry *e = &entries[is(i, "backwards") ? n - 1 - k : k];
		if (!is_new(e) && !is(i, "twice"))
			continue;
		if (is(i, "loses") && e->seq % 7 == 0)
			continue;
		memcpy(c->text + c->n, e->json.p, e->json.n);
		c->n += e->json.n;
		c->text[c->n++] = '\n';
	}
	int32_t rc = c->text ? i->host->job(i->ctx, work, done, c, NULL) : BATON_E_NOMEM;
	if (rc == BATON_OK)
		return BATON_PENDING;
	n_seen = before;
	free(c->text);
	free(c);
	if (is(i, "gives_up"))
		i->n = 1;
	return rc;
}

static int32_t append_or_not(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct inst *i = inst;
	if (is(i, "crash_none") && n == 0)
		crash();
	if (is(i, "gives_up") && i->n)
		return BATON_E_STATE;
	return append(inst, call, entries, n);
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	(void)inst, (void)call, (void)why;
}

static const baton_transcript transcript = { .size = sizeof(transcript),
					     .append = append_or_not,
					     .cancel = cancel };
#define SIN_STATE NULL
#define VT BATON_TRANSCRIPT, &transcript
SIN_MODULE("sin-transcript", "transcript", VT);
