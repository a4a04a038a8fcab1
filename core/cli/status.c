/* SPDX-License-Identifier: Apache-2.0 */

/* baton status: where DATA/run/server.json says that a server listens, /readyz is asked. */

#include "core/cli/cli.h"

#include "core/base/json.h"
#include "core/loop/http.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { ASK_MS = 3000 };

struct asking {
	struct baton_loop *loop;
	struct baton_buf body;
	uint32_t status;
	bool failed;
};

static void on_head(void *ud, baton_http_handle h, uint32_t status, const baton_str *headers,
		    size_t n)
{
	struct asking *asking = ud;

	(void)h;
	(void)headers;
	(void)n;
	asking->status = status;
}

static void on_data(void *ud, baton_http_handle h, baton_str event, baton_str data)
{
	struct asking *asking = ud;

	(void)h;
	(void)event;
	baton_buf_str(&asking->body, data);
}

static void on_end(void *ud, baton_http_handle h, const baton_error *error)
{
	struct asking *asking = ud;

	(void)h;
	asking->failed = error != NULL;
	baton_loop_stop(asking->loop);
}

/* "http://127.0.0.1:7070" of the state file, into `url` with the path behind it; false if none runs. */
static bool find_url(const struct cli_options *options, char *url, size_t cap)
{
	char path[4096], text[512];
	struct baton_json object;
	struct baton_arena arena = { NULL, 0 };

	snprintf(path, sizeof(path), "%s/run/server.json", options->data);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	if (fd >= 0)
		close(fd);
	if (n <= 0 || baton_json_parse((baton_str){ text, (size_t)n }, &object) < 0)
		return false;
	struct baton_json base = baton_json_get(&object, "base");
	baton_str where = baton_json_text(&base, &arena);
	snprintf(url, cap, "%.*s/readyz?verbose", (int)where.n, where.p ? where.p : "");
	baton_arena_done(&arena);
	return where.n > 0;
}

static bool ask(const char *url, struct asking *asking)
{
	static const char *const egress[] = { "127.0.0.1", "[::1]", "localhost" };
	struct baton_http_events events = { on_head, on_data, on_end };
	struct baton_http_ask request = { .method = BATON_STR("GET"),
					  .url = baton_str_of(url),
					  .total_ms = ASK_MS,
					  .egress = egress,
					  .n_egress = 3,
					  .allow_loopback_http = true };
	baton_http_handle handle;

	asking->loop = baton_loop_new("status");
	int rc =
		baton_http_start(baton_loop_http(asking->loop), &request, &events, asking, &handle);
	if (rc == 0)
		baton_loop_run(asking->loop);
	baton_loop_free(&asking->loop);
	return rc == 0 && !asking->failed && asking->status != 0;
}

int cli_status(const struct cli_options *options)
{
	struct asking asking = { 0 };
	char url[600];

	cli_log_to_stderr("error");
	if (!find_url(options, url, sizeof(url))) {
		fprintf(stderr, "baton: no server runs with the data in %s\n", options->data);
		return CLI_UNREACHABLE;
	}
	if (!ask(url, &asking)) {
		fprintf(stderr, "baton: the server does not answer at %s\n", url);
		baton_buf_done(&asking.body);
		return CLI_UNREACHABLE;
	}
	bool ready = asking.status == 200;
	if (!options->json)
		printf("%s: ", ready ? "ready" : "NOT ready");
	fflush(stdout);
	cli_write(STDOUT_FILENO, baton_buf_view(&asking.body));
	baton_buf_done(&asking.body);
	return ready ? CLI_OK : CLI_DEGRADED;
}
