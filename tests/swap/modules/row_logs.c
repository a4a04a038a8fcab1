/* SPDX-License-Identifier: Apache-2.0 */

/* Row 33: writes everything it is given into the log: configuration, headers, questions to
 * secrets. */
#define HAS_START
#define FRAME_ID "logs"
#define FRAME_SCHEMA \
	"{\"type\":\"object\",\"properties\":{\"set\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"}}}"
#include "frame.h"

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct frame *f = user;
	char line[700];
	(void)h;
	(void)snprintf(line, sizeof(line), "http ended %u: %.*s", error ? error->fail : 0,
		       error ? (int)error->message.n : 0, error ? error->message.p : "");
	frame_log(f, line);
	(void)frame_say(f, f->call, f->text);
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct frame *f = user;
	char line[700];
	(void)h, (void)event;
	(void)snprintf(line, sizeof(line), "echoed: %.*s", (int)data.n, data.p);
	frame_log(f, line); /* the other side says the header, and so the key, back */
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	static const baton_http_cb cb = { .size = sizeof(cb),
					  .on_data = on_data,
					  .on_end = on_end };
	baton_str header = { "Authorization: Bearer {{secret:TEST_KEY}}", 41 };
	baton_http_req req = { .size = sizeof(req), .method = { "GET", 3 } };
	(void)call, (void)prompt;
	frame_log(f, header.p);
	req.url = (baton_str){ f->set, strlen(f->set) };
	req.headers = &header;
	req.n_headers = 1;
	req.total_ms = 2000;
	baton_http h;
	return f->host->http(f->ctx, &req, &cb, f, &h);
}
