/* SPDX-License-Identifier: Apache-2.0 */

/* What no part of the server asks of archives yet, but the contract has: reading a session back,
 * and erasing a customer. A host of the test's own asks it, with real sockets and a real
 * PostgreSQL. */
#include "core/module/scratch.h"
#include "tests/unit/postgres_rig.h"

#include "tests/unit/module_host.h"

#include <dirent.h>
#include <poll.h>

enum { PATIENCE_MS = 10000, READ_MAX = 8 };

static struct {
	struct module_host *host;
	int fd;
	uint32_t events;
	void (*fn)(void *, int, uint32_t);
	void *user;
	char heard[1024]; /* entries of the last result, as text */
} rig;

static int32_t watch(baton_ctx *ctx, int fd, uint32_t events, void (*fn)(void *, int, uint32_t),
		     void *user, baton_watch *out)
{
	(void)ctx;
	rig.fd = fd;
	rig.events = events;
	rig.fn = fn;
	rig.user = user;
	*out = 1;
	return BATON_OK;
}

static int32_t watch_stop(baton_ctx *ctx, baton_watch w)
{
	(void)ctx;
	(void)w;
	rig.fd = -1;
	return BATON_OK;
}

static int32_t result(baton_ctx *ctx, baton_call call, const char *type, const void *pod, size_t n)
{
	const baton_entry *e = pod;

	assert_non_null(host_open_call(ctx, call));
	assert_string_equal(type, BATON_RESULT_ENTRIES);
	rig.heard[0] = 0;
	for (size_t i = 0; i < n / sizeof(*e); i++)
		(void)snprintf(rig.heard + strlen(rig.heard), sizeof(rig.heard) - strlen(rig.heard),
			       "%.*s/%llu %llu %.*s %.*s\n", (int)e[i].session_id.n,
			       e[i].session_id.p, (unsigned long long)e[i].seq,
			       (unsigned long long)e[i].unix_ms, (int)e[i].type.n, e[i].type.p,
			       (int)e[i].json.n, e[i].json.p);
	return BATON_OK;
}

/* Jobs and readiness, until the call has its end. */
static void wait_for(struct host_call *call)
{
	for (int i = 0; call->n_ends + call->n_fails == 0 && i < PATIENCE_MS / 10; i++) {
		struct pollfd p = { .fd = rig.fd };

		host_run_jobs(rig.host);
		p.fd = rig.fd;
		p.events = (short)((rig.events & BATON_WATCH_READ ? POLLIN : 0) |
				   (rig.events & BATON_WATCH_WRITE ? POLLOUT : 0));
		if (poll(&p, 1, 10) > 0)
			rig.fn(rig.user, rig.fd,
			       (p.revents & (POLLIN | POLLHUP) ? BATON_WATCH_READ : 0u) |
				       (p.revents & POLLOUT ? BATON_WATCH_WRITE : 0u));
	}
	if (call->n_fails)
		fail_msg("%s", call->fail_text);
	assert_int_equal(call->n_ends, 1);
}

static void start(const char *module, const char *config)
{
	memset(&rig, 0, sizeof(rig));
	rig.fd = -1;
	rig.host = host_new(module);
	assert_non_null(rig.host);
	rig.host->table.watch = watch;
	rig.host->table.watch_stop = watch_stop;
	rig.host->table.result = result;
	assert_int_equal(rig.host->module->create(rig.host->mod, host_ctx(rig.host),
						  host_str(config), &rig.host->inst),
			 BATON_OK);
}

static void finish(void)
{
	rig.host->module->destroy(rig.host->inst);
	dlclose(rig.host->library);
	free(rig.host);
}

static const baton_transcript *vt(void)
{
	return rig.host->vt;
}

static void append(const baton_entry *entries, uint32_t n)
{
	struct host_call *call = host_call_open(rig.host, 1);

	assert_int_equal(vt()->append(rig.host->inst, 1, entries, n), BATON_PENDING);
	wait_for(call);
}

static void erase(const char *customer)
{
	struct host_call *call = host_call_open(rig.host, 2);

	assert_int_equal(vt()->erase(rig.host->inst, 2, host_str(customer)), BATON_PENDING);
	wait_for(call);
}

static baton_entry entry(const char *session, uint64_t seq, const char *type, const char *json)
{
	return (baton_entry){ .seq = seq,
			      .unix_ms = 1790000000000 + seq,
			      .session_id = host_str(session),
			      .type = host_str(type),
			      .json = host_str(json) };
}

/* Two conversations of one customer, one of another. */
static void append_three(void)
{
	const baton_entry entries[] = {
		entry("s1", 1, "session_opened", "{\"customer\":\"anna\",\"channel\":\"web\"}"),
		entry("s1", 2, "message_received",
		      "{\"text\":\"I am \\\"customer\\\":\\\"ben\\\"\"}"),
		entry("s2", 1, "session_opened", "{\"channel\":\"web\",\"customer\":\"ben\"}"),
		entry("s3", 1, "session_opened", "{\"customer\":\"anna\"}"),
		entry("s2", 2, "message_received", "{\"text\":\"hello\"}"),
	};

	append(entries, 5);
}

static const char *read_back(const char *session, uint64_t from, uint32_t max)
{
	struct host_call *call = host_call_open(rig.host, 3);

	assert_int_equal(vt()->read(rig.host->inst, 3, host_str(session), from, max),
			 BATON_PENDING);
	wait_for(call);
	return rig.heard;
}

static void postgres_reads_a_session_back_and_erases_a_customer(void **state)
{
	char config[200];

	(void)state;
	if (!cluster[0])
		skip();
	(void)snprintf(
		config, sizeof(config),
		"{\"connection\":\"host=%s user=archive dbname=baton\",\"create_table\":true}",
		cluster);
	start("transcript-postgres", config);
	append_three();
	assert_string_equal(
		read_back("s1", 1, READ_MAX),
		"s1/1 1790000000001 session_opened {\"customer\":\"anna\",\"channel\":\"web\"}\n"
		"s1/2 1790000000002 message_received {\"text\":\"I am "
		"\\\"customer\\\":\\\"ben\\\"\"}\n");
	assert_string_equal(read_back("s1", 1, 1), "s1/1 1790000000001 session_opened "
						   "{\"customer\":\"anna\",\"channel\":\"web\"}\n");
	assert_string_equal(read_back("nobody", 1, READ_MAX), "");
	erase("anna");
	erase("anna"); /* done again, it does no harm */
	assert_string_equal(read_back("s1", 1, READ_MAX),
			    "s1/1 1790000000001 session_opened {}\n"
			    "s1/2 1790000000002 message_received {}\n");
	assert_string_equal(read_back("s3", 1, READ_MAX), "s3/1 1790000000001 session_opened {}\n");
	assert_non_null(strstr(read_back("s2", 1, READ_MAX), "{\"text\":\"hello\"}"));
	append_three(); /* nor does what comes late bring anything back */
	assert_null(strstr(read_back("s1", 1, READ_MAX), "anna"));
	assert_int_equal(vt()->erase(rig.host->inst, 2, (baton_str){ "", 0 }), BATON_E_INVAL);
	finish();
}

static void files_are_blanked_for_a_customer(void **state)
{
	char dir[BATON_SCRATCH_BYTES], config[160], path[160], text[2048];

	(void)state;
	assert_int_equal(baton_scratch_make(dir, "archives"), BATON_OK);
	(void)snprintf(config, sizeof(config), "{\"dir\":\"%s\"}", dir);
	start("transcript-jsonl", config);
	append_three();
	erase("anna");
	erase("nobody");
	append_three();
	(void)snprintf(path, sizeof(path), "%s/2026-09-21.jsonl", dir);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = 0;
	(void)fclose(file);
	assert_null(strstr(text, "anna"));
	assert_null(strstr(text, "I am"));
	assert_non_null(strstr(text, "{\"session\":\"s1\",\"seq\":2,\"ts\":1790000000002,\"type\":"
				     "\"message_received\",\"data\":{} "));
	assert_non_null(strstr(text, "{\"channel\":\"web\",\"customer\":\"ben\"}}\n"));
	assert_non_null(strstr(text, "{\"text\":\"hello\"}}\n"));
	finish();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(postgres_reads_a_session_back_and_erases_a_customer),
		cmocka_unit_test(files_are_blanked_for_a_customer),
	};
	return cmocka_run_group_tests(tests, cluster_make, cluster_remove);
}
