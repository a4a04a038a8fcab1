/* SPDX-License-Identifier: Apache-2.0 */

/* An archive for the exporter's tests. It writes what it is given to `dir`/got, a line for each
 * batch ("batch <tag> <n>") and one for each event, and does what `dir`/say says: take (if there is
 * no such file), slow (takes after 200 ms), fail, park, hang. */
#define BATON_ABI_NEEDED 0u
#include <baton/module.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

BATON_MODULE_NOTE("archive", "1.0.0", "transcript", 0);

static const baton_host *host;

struct archive {
	baton_ctx *ctx;
	char dir[256], tag[32];
	baton_call call;
};

/* A string of a flat object; enough for what the tests write. */
static void setting(baton_str config, const char *name, char *to, size_t cap)
{
	char text[512], key[40];
	(void)snprintf(text, sizeof(text), "%.*s", (int)config.n, config.p);
	(void)snprintf(key, sizeof(key), "\"%s\":\"", name);
	const char *at = strstr(text, key);
	if (at)
		(void)snprintf(to, cap, "%.*s", (int)strcspn(at + strlen(key), "\""),
			       at + strlen(key));
}

static int32_t load(baton_ctx *ctx, const baton_host *table, void **mod)
{
	(void)ctx;
	host = table;
	*mod = NULL;
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	char broken[8] = "";

	(void)mod;
	if (!archive)
		return BATON_E_NOMEM;
	archive->ctx = ctx;
	setting(config, "dir", archive->dir, sizeof(archive->dir));
	setting(config, "tag", archive->tag, sizeof(archive->tag));
	setting(config, "broken", broken, sizeof(broken));
	*inst = archive;
	if (!broken[0])
		return BATON_OK;
	free(archive);
	return BATON_E_INVAL;
}

static void destroy(void *inst)
{
	free(inst);
}

static void say_of(const struct archive *archive, char say[16])
{
	char path[300];
	(void)snprintf(path, sizeof(path), "%s/say", archive->dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, say, 15) : 0;
	say[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		(void)close(fd);
}

static void write_down(const struct archive *archive, const baton_entry *entries, uint32_t n)
{
	char path[300];
	(void)snprintf(path, sizeof(path), "%s/got", archive->dir);
	FILE *file = fopen(path, "ae");
	if (!file)
		return;
	(void)fprintf(file, "batch %s %u\n", archive->tag, n);
	for (uint32_t i = 0; i < n; i++)
		(void)fprintf(file, "%.*s %llu\n", (int)entries[i].session_id.n,
			      entries[i].session_id.p, (unsigned long long)entries[i].seq);
	(void)fclose(file);
}

static void late(void *user)
{
	struct archive *archive = user;
	(void)host->end(archive->ctx, archive->call, BATON_END_STOP);
}

static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct archive *archive = inst;
	baton_error error = { .size = sizeof(error),
			      .fail = BATON_FAIL_UNAVAILABLE,
			      .message = { "no room", 7 } };
	char say[16];

	archive->call = call;
	say_of(archive, say);
	write_down(archive, entries, n);
	if (strcmp(say, "hang") == 0)
		return BATON_PENDING;
	if (strcmp(say, "slow") == 0) {
		(void)host->timer(archive->ctx, 200, late, archive, NULL);
		return BATON_PENDING;
	}
	if (strcmp(say, "fail") != 0 && strcmp(say, "park") != 0)
		return BATON_OK;
	error.flags = say[0] == 'p' ? BATON_ERROR_NOT_AGAIN : 0u;
	(void)host->fail(archive->ctx, call, &error);
	return BATON_PENDING;
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct archive *archive = inst;
	(void)why;
	(void)host->end(archive->ctx, call, BATON_END_STOP);
}

static const baton_transcript transcript = { .size = sizeof(transcript),
					     .append = append,
					     .cancel = cancel };
static const baton_iface ifaces[] = { { BATON_TRANSCRIPT, &transcript } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD, .n_ifaces = 1, .id = "archive",  .version = "1.0.0",
	.ifaces = ifaces,  .load = load,  .create = create, .destroy = destroy,
};
