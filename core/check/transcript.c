/* SPDX-License-Identifier: Apache-2.0 */

/* What only transcript backends have. Where entries went can be seen in the files of the check's
 * own directory, or in the bodies of requests; of a backend that keeps them elsewhere only the ends
 * of calls are known. */
#include "core/check/inside.h"

#include "core/base/errors.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 8, MANY = 256, LARGE = 200 * 1024, DEPTH_MAX = 4 };

/* Everything that was written below `path`, one file after the other. */
static void read_below(const char *path, unsigned depth, struct baton_buf *out)
{
	struct dirent **list = NULL;
	char sub[PATH_MAX];
	int n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		int len = snprintf(sub, sizeof(sub), "%s/%s", path, name);
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || len < 0 ||
		    (size_t)len >= sizeof(sub)) {
			free(list[i]);
			continue;
		}
		FILE *f = list[i]->d_type == DT_REG ? fopen(sub, "rb") : NULL;
		size_t got = f ? 1 : 0;
		while (got > 0) {
			got = fread(baton_buf_room(out, 65536), 1, 65536, f);
			out->n += got;
		}
		if (f)
			(void)fclose(f);
		else if (depth < DEPTH_MAX)
			read_below(sub, depth + 1, out);
		free(list[i]);
	}
	free(list);
}

static void read_requests(const struct baton_try *trial, struct baton_buf *out)
{
	for (unsigned i = 0; i < baton_testhost_requests(trial->host); i++) {
		const baton_asked *asked = baton_testhost_asked(trial->host, i);
		baton_buf_add(out, asked->body, asked->body_n);
	}
}

static const baton_heard *append(struct baton_try *trial, const baton_entry *entries, uint32_t n)
{
	baton_call call;
	int32_t rc = baton_testhost_append(trial->host, trial->inst, entries, n, &call);
	if (rc >= 0 && !baton_testhost_run(trial->host, call, trial->call_ms))
		baton_try_fail(trial, "append() has no end");
	return baton_testhost_heard(trial->host, call);
}

/* Entries seq .. seq + n of one session, each with its own word. */
static void batch(baton_entry *entries, char texts[][64], uint32_t n, uint64_t seq,
		  const char *session)
{
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(texts[i], 64, "{\"text\":\"word-%llu-end\"}",
			       (unsigned long long)(seq + i));
		entries[i] = (baton_entry){ .seq = seq + i,
					    .unix_ms = UINT64_C(1767225600000) + seq + i,
					    .session_id = baton_str_of(session),
					    .type = BATON_STR("customer_said"),
					    .json = baton_str_of(texts[i]) };
	}
}

/* true: it takes entries here. Else it was said why not, as a skip. */
static bool takes(struct baton_try *trial, const baton_heard *heard)
{
	if (heard && heard->started >= 0 && heard->ended)
		return true;
	baton_try_skip(trial, "nothing that it could write to is here: %s",
		       heard && heard->failed ? heard->error.message.p : "append() refuses");
	return false;
}

static bool open_and_take(struct baton_try *trial, baton_entry *entries, char texts[][64])
{
	if (!baton_try_open_learned(trial))
		return false;
	batch(entries, texts, BATCH, 1, "s-first");
	return takes(trial, append(trial, entries, BATCH));
}

/* Where the words 1 .. n stand in `bytes`, in which order, how often. */
static void look_at_words(struct baton_try *trial, const struct baton_buf *bytes, unsigned n)
{
	const char *last = bytes->p;
	for (unsigned i = 1; i <= n; i++) {
		char word[32];
		int len = snprintf(word, sizeof(word), "word-%u-end", i);
		const char *at = memmem(bytes->p, bytes->n, word, (size_t)len);
		if (!at)
			baton_try_fail(trial, "entry %u is nowhere", i);
		else if (at < last)
			baton_try_fail(trial, "entry %u stands before entry %u", i, i - 1);
		else
			last = at;
	}
}

void baton_check_append(struct baton_try *trial)
{
	baton_entry entries[BATCH];
	char texts[BATCH][64];
	struct baton_buf bytes = { 0 };
	if (!open_and_take(trial, entries, texts))
		return;
	for (unsigned i = 1; i < 4; i++) {
		batch(entries, texts, BATCH, 1 + i * BATCH, "s-first");
		const baton_heard *heard = append(trial, entries, BATCH);
		if (!heard->ended)
			baton_try_fail(trial, "batch %u failed: %s", i + 1, heard->error.message.p);
	}
	read_below(".", 0, &bytes);
	read_requests(trial, &bytes);
	if (bytes.n > 0 && memmem(bytes.p, bytes.n, "word-1-end", 10))
		look_at_words(trial, &bytes, 4 * BATCH);
	else
		baton_try_note(trial, "where it writes to cannot be seen from here");
	baton_buf_done(&bytes);
}

static unsigned count_word(const struct baton_buf *bytes, const char *word)
{
	unsigned n = 0;
	const char *at = bytes->p, *end = bytes->p + bytes->n;
	while (at && (at = memmem(at, (size_t)(end - at), word, strlen(word)))) {
		n++;
		at += strlen(word);
	}
	return n;
}

void baton_check_append_twice(struct baton_try *trial)
{
	baton_entry entries[BATCH];
	char texts[BATCH][64];
	struct baton_buf bytes = { 0 };
	if (!open_and_take(trial, entries, texts))
		return;
	(void)append(trial, entries, BATCH);
	(void)append(trial, entries + 2, BATCH - 2);
	uint32_t inst;
	/* And by the generation after it, which has to find out what is there. */
	baton_testhost_destroy(trial->host, trial->inst);
	if (!baton_try_instance(trial, trial->host, &inst))
		return;
	trial->inst = inst;
	const baton_heard *heard = append(trial, entries, BATCH);
	if (!heard->ended)
		baton_try_fail(trial, "the same entries again fail: %s", heard->error.message.p);
	read_below(".", 0, &bytes);
	unsigned n = count_word(&bytes, "word-3-end");
	if (n > 1)
		baton_try_fail(trial, "appended four times, entry 3 stands there %u times", n);
	if (n == 0)
		baton_try_note(trial, "where it writes to cannot be seen from here%s",
			       baton_testhost_requests(trial->host)
				       ? "; over HTTP it is the receiver who must know"
				       : "");
	baton_buf_done(&bytes);
}

void baton_check_append_odd(struct baton_try *trial)
{
	static baton_entry entries[MANY];
	static char texts[MANY][64];
	if (!open_and_take(trial, entries, texts))
		return;
	baton_call call;
	baton_try_step(trial, "no entry");
	int32_t rc = baton_testhost_append(trial->host, trial->inst, entries, 0, &call);
	if (rc >= 0)
		(void)baton_testhost_run(trial->host, call, 60000);
	baton_try_step(trial, "256 entries");
	batch(entries, texts, MANY, 100, "s-many");
	const baton_heard *heard = append(trial, entries, MANY);
	if (!heard->ended)
		baton_try_fail(trial, "256 entries at once fail: %d %s", heard->started,
			       heard->error.message.p);
	char *text = baton_alloc(LARGE + 1);
	memset(text, 'a', LARGE);
	memcpy(text, "{\"text\":\"", 9);
	memcpy(text + LARGE - 2, "\"}", 2);
	entries[0].json = (baton_str){ text, LARGE };
	entries[0].seq = 1000;
	baton_try_step(trial, "an entry of 200 KiB");
	heard = append(trial, entries, 1);
	if (!heard->ended)
		baton_try_fail(trial, "an entry of 200 KiB fails: %d %s", heard->started,
			       heard->error.message.p);
	baton_free(text);
}

void baton_check_append_fails(struct baton_try *trial)
{
	baton_entry entries[BATCH];
	char texts[BATCH][64];
	if (!open_and_take(trial, entries, texts))
		return;
	bool http = baton_testhost_requests(trial->host) > 0;
	static const uint32_t statuses[] = { 500, 503, 429, 0 };
	for (unsigned i = 0; i < 4; i++) {
		batch(entries, texts, BATCH, 500 + i * BATCH, "s-again");
		baton_exchange e = baton_testhost_exchange();
		e.status = statuses[i];
		e.times = 20;
		baton_testhost_expect_nothing(trial->host);
		baton_testhost_expect(trial->host, &e);
		if (!http)
			baton_testhost_fault(trial->host, BATON_TESTHOST_JOB, 1, BATON_E_LIMIT);
		baton_try_step(trial, "an upstream that says %u, a job that is refused",
			       statuses[i]);
		const baton_heard *heard = append(trial, entries, BATCH);
		if (http && heard->ended)
			baton_try_fail(trial, "the upstream said %u, and append() ended well",
				       statuses[i]);
		baton_testhost_fault(trial->host, BATON_TESTHOST_JOB, 0, 0);
		baton_try_upstream_good(trial, trial->host);
		baton_testhost_advance(trial->host, 120000);
		heard = append(trial, entries, BATCH);
		if (!heard->ended)
			baton_try_fail(trial, "again, and it fails still: %d %s", heard->started,
				       heard->error.message.p);
	}
}
