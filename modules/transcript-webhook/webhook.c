/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-webhook: every event of every session, in signed batches, to an address of the
 * operator's (Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature).
 *
 * A batch of the exporter is sent as one letter or several, one after the other; it is durable when
 * each was answered with 2xx and the answer came to its end. Who sends again what failed is the
 * exporter, with a pause that grows: here is no timer and no queue. Letters that were accepted
 * before another one failed are remembered, so that they are not sent twice. */
#include "letter.h"
#include "settings.h"
#include "verdict.h"

#include "modules/sdk/transcript/entry.h"

#include <baton/sign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCEPTED_MAX = 64, LINES_MAX = HEADERS_MAX + 5, LINE_BYTES = 512 };

BATON_MODULE_NOTE("transcript-webhook", "1.0.0", "transcript", 0);

struct hook {
	const baton_host *host;
	baton_ctx *ctx;
	const baton_host_sign *sign;
	struct settings settings;
	uint32_t limit; /* events in a letter; smaller after the receiver said 413 */
	/* the batch at hand; open: `call` waits for its end */
	bool open;
	baton_call call;
	struct pile pile;
	struct letter letter;
	baton_http http; /* 0: none */
	struct verdict verdict;
	bool probing; /* the request is check()'s */
	char accepted[ACCEPTED_MAX][LETTER_ID_BYTES];
	unsigned next_accepted;
};

static void letter_next(struct hook *hook);

/* --- the end of a batch ------------------------------------------------------------------- */

static void batch_close(struct hook *hook)
{
	hook->open = hook->probing = false;
	hook->http = 0;
	letter_done(&hook->letter);
	pile_done(&hook->pile);
}

static void batch_end(struct hook *hook)
{
	baton_call call = hook->call;

	batch_close(hook);
	(void)hook->host->end(hook->ctx, call, BATON_END_STOP);
}

static void batch_fail(struct hook *hook, const baton_error *error)
{
	baton_call call = hook->call;

	batch_close(hook);
	(void)hook->host->fail(hook->ctx, call, error);
}

static void batch_fail_text(struct hook *hook, uint32_t fail, uint32_t flags, const char *text)
{
	const baton_error error = { .size = sizeof(error),
				    .fail = fail,
				    .flags = flags,
				    .message = { text, strlen(text) } };

	batch_fail(hook, &error);
}

/* --- what was accepted -------------------------------------------------------------------- */

static bool was_accepted(const struct hook *hook, const char *id)
{
	for (unsigned i = 0; i < ACCEPTED_MAX; i++)
		if (strcmp(hook->accepted[i], id) == 0)
			return true;
	return false;
}

static void remember(struct hook *hook, const char *id)
{
	memcpy(hook->accepted[hook->next_accepted], id, LETTER_ID_BYTES);
	hook->next_accepted = (hook->next_accepted + 1) % ACCEPTED_MAX;
}

/* --- one letter --------------------------------------------------------------------------- */

static void encode64(char *to, const uint8_t *mac, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)mac[i] << 16 | (i + 1 < n ? (uint32_t)mac[i + 1] << 8 : 0u) |
			     (i + 2 < n ? mac[i + 2] : 0u);

		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*to = 0;
}

/* One signature for each key, so that a receiver may change from one to the next at leisure. */
static int32_t signature(const struct hook *hook, const char *id, const char *when, baton_str body,
			 char line[LINE_BYTES])
{
	const baton_str parts[] = {
		{ id, strlen(id) }, { ".", 1 }, { when, strlen(when) }, { ".", 1 }, body
	};
	size_t n = (size_t)snprintf(line, LINE_BYTES, "webhook-signature:");

	for (unsigned i = 0; i < hook->settings.n_keys; i++) {
		const char *key = hook->settings.keys[i];
		uint8_t mac[BATON_SIGN_HMAC_SHA256_BYTES];
		char text[48];
		int32_t rc = hook->sign->hmac_sha256(hook->ctx, (baton_str){ key, strlen(key) },
						     parts, 5, mac);

		if (rc < 0)
			return rc;
		encode64(text, mac, sizeof(mac));
		n += (size_t)snprintf(line + n, LINE_BYTES - n, " v1,%s", text);
	}
	return BATON_OK;
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct hook *hook = user;

	(void)h;
	verdict_head(&hook->verdict, status, headers, n);
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct hook *hook = user;

	(void)h;
	(void)event;
	verdict_data(&hook->verdict, data);
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct hook *hook = user;
	baton_error said;

	(void)h;
	hook->http = 0;
	if (hook->probing && (!error || hook->verdict.status > 0)) {
		batch_end(hook); /* somebody is there; what they think of HEAD is not asked */
		return;
	}
	enum verdict_kind kind = verdict_of(&hook->verdict, error, &said);
	if (kind == VERDICT_SMALLER && hook->letter.n > 1) {
		hook->limit = hook->letter.n / 2;
		letter_next(hook);
		return;
	}
	if (kind != VERDICT_ACCEPTED) {
		batch_fail(hook, &said);
		return;
	}
	remember(hook, hook->letter.id);
	uint32_t next = hook->letter.from + hook->letter.n;
	letter_done(&hook->letter);
	hook->letter.from = next;
	letter_next(hook);
}

/* `body` empty and no id: the probe of check(). */
static int32_t request(struct hook *hook, const char *method, const baton_str *lines, uint32_t n)
{
	static const baton_http_cb cb = {
		.size = sizeof(cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
	};
	const baton_http_req req = {
		.size = sizeof(req),
		.method = { method, strlen(method) },
		.url = { hook->settings.url, strlen(hook->settings.url) },
		.headers = lines,
		.n_headers = n,
		.connect_ms = hook->settings.connect_ms,
		.total_ms = hook->settings.total_ms,
		.body = { hook->letter.body, hook->letter.n_body },
	};

	verdict_begin(&hook->verdict);
	return hook->host->http(hook->ctx, &req, &cb, hook, &hook->http);
}

static int32_t letter_send(struct hook *hook)
{
	char id[LETTER_ID_BYTES + 16], when[24], stamp[48], mac[LINE_BYTES];
	const struct settings *s = &hook->settings;
	baton_str lines[LINES_MAX] = { { "Content-Type: application/json", 30 } };
	uint32_t n = 1;

	(void)snprintf(id, sizeof(id), "webhook-id: %s", hook->letter.id);
	(void)snprintf(when, sizeof(when), "%llu",
		       (unsigned long long)(hook->host->unix_ms(hook->ctx) / 1000));
	(void)snprintf(stamp, sizeof(stamp), "webhook-timestamp: %s", when);
	int32_t rc = signature(hook, hook->letter.id, when,
			       (baton_str){ hook->letter.body, hook->letter.n_body }, mac);
	if (rc < 0)
		return rc;
	lines[n++] = (baton_str){ id, strlen(id) };
	lines[n++] = (baton_str){ stamp, strlen(stamp) };
	lines[n++] = (baton_str){ mac, strlen(mac) };
	for (unsigned i = 0; i < s->n_headers; i++)
		lines[n++] = (baton_str){ s->headers[i], strlen(s->headers[i]) };
	return request(hook, "POST", lines, n);
}

static const char *reason_of(int32_t rc)
{
	switch (rc) {
	case BATON_E_DENIED:
		return "the address is not in the module's `egress`, or a key not in its "
		       "`secrets` (modules.yaml)";
	case BATON_E_NOTFOUND:
		return "a secret it signs or identifies itself with is not set on this machine";
	case BATON_E_SCHEMA:
		return "a signing key begins with whsec_ and goes on with no base64";
	case BATON_E_INVAL:
		return "config.url or config.headers: not what a request can be made of";
	default:
		return "the request could not be started";
	}
}

/* What the operator must change is not tried every few seconds. */
static void batch_refused(struct hook *hook, int32_t rc)
{
	bool theirs = rc == BATON_E_DENIED || rc == BATON_E_NOTFOUND || rc == BATON_E_SCHEMA ||
		      rc == BATON_E_INVAL;

	batch_fail_text(hook, theirs ? BATON_FAIL_ACCESS : BATON_FAIL_UNAVAILABLE,
			theirs ? BATON_ERROR_NOT_AGAIN : 0u, reason_of(rc));
}

/* The next letter that was not accepted before, or the end. */
static void letter_next(struct hook *hook)
{
	uint32_t from = hook->letter.from;

	while (from < hook->pile.n) {
		letter_done(&hook->letter);
		if (!letter_write(&hook->letter, &hook->pile, from, hook->limit,
				  hook->settings.max_bytes)) {
			batch_fail_text(hook, BATON_FAIL_UNAVAILABLE, 0u, "out of memory");
			return;
		}
		if (!was_accepted(hook, hook->letter.id)) {
			int32_t rc = letter_send(hook);

			if (rc < 0)
				batch_refused(hook, rc);
			return;
		}
		from += hook->letter.n;
	}
	batch_end(hook);
}

/* --- the interface ------------------------------------------------------------------------ */

static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct hook *hook = inst;

	if (hook->open)
		return BATON_E_AGAIN;
	if (!entries_ok(entries, n))
		return BATON_E_INVAL;
	if (!pile_init(&hook->pile, entries, n))
		return BATON_E_NOMEM;
	hook->open = true;
	hook->call = call;
	letter_next(hook);
	return BATON_PENDING;
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct hook *hook = inst;

	(void)why;
	if (!hook->open || hook->call != call)
		return;
	if (hook->http)
		(void)hook->host->http_stop(hook->ctx, hook->http);
	batch_end(hook);
}

/* 0: every key signs. 1: somebody answers at the address, whatever they say. */
static int32_t check(void *inst, baton_call call, uint32_t level)
{
	struct hook *hook = inst;
	char line[LINE_BYTES];

	if (level == 0)
		return hook->host->end(hook->ctx, call, BATON_END_STOP);
	if (hook->open)
		return BATON_E_AGAIN;
	hook->open = hook->probing = true;
	hook->call = call;
	int32_t rc = signature(hook, "check", "0", (baton_str){ "", 0 }, line);
	if (rc == BATON_OK)
		rc = request(hook, "HEAD", NULL, 0);
	if (rc < 0)
		batch_refused(hook, rc);
	return BATON_PENDING;
}

/* What was sent is the receiver's, who gets the event session_erased like any other; nothing of it
 * is kept here. */
static int32_t erase(void *inst, baton_call call, baton_str customer_ref)
{
	(void)inst;
	(void)call;
	(void)customer_ref;
	return BATON_E_UNSUPPORTED;
}

/* --- life --------------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;

	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

static void destroy(void *inst)
{
	struct hook *hook = inst;

	if (hook->http)
		(void)hook->host->http_stop(hook->ctx, hook->http);
	batch_close(hook);
	settings_done(&hook->settings);
	free(hook);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	const baton_host *host = *(const baton_host **)mod;
	struct hook *hook = calloc(1, sizeof(*hook));
	const char *why = NULL;

	if (!hook)
		return BATON_E_NOMEM;
	hook->host = host;
	hook->ctx = ctx;
	hook->sign = host->get(ctx, BATON_HOST_SIGN);
	int32_t rc = BATON_OK;
	if (!BATON_HAS(hook->sign, hmac_sha256)) {
		why = "this host cannot sign (host.sign/1), and nothing is sent unsigned";
		rc = BATON_E_UNSUPPORTED;
	} else if (!settings_read(&hook->settings, config_json, &why)) {
		rc = BATON_E_INVAL;
	}
	if (rc < 0) {
		host->log(ctx, BATON_LOG_ERROR, (baton_str){ why, strlen(why) });
		free(hook);
		return rc;
	}
	hook->limit = hook->settings.max_events;
	*inst = hook;
	return BATON_OK;
}

static const baton_transcript transcript = {
	.size = sizeof(transcript), .append = append, .erase = erase, .cancel = cancel
};
static const baton_iface ifaces[] = { { BATON_TRANSCRIPT, &transcript } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "transcript-webhook",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Transcripts as signed HTTP requests (Standard Webhooks)",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,"
			 "\"required\":[\"url\",\"signing\"],\"properties\":{"
			 "\"url\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":2048},"
			 "\"signing\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":4,"
			 "\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}},"
			 "\"headers\":{\"type\":\"array\",\"maxItems\":16,"
			 "\"items\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":1024}},"
			 "\"max_events\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":256},"
			 "\"max_bytes\":{\"type\":\"integer\",\"minimum\":1024,"
			 "\"maximum\":1048576},"
			 "\"connect_ms\":{\"type\":\"integer\",\"minimum\":100,"
			 "\"maximum\":15000},"
			 "\"total_ms\":{\"type\":\"integer\",\"minimum\":500,"
			 "\"maximum\":25000}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
	.check = check,
};
