/* SPDX-License-Identifier: Apache-2.0 */

/* Liveness, readiness and metrics. They ask the port; nothing is measured here. */

#include "channels/http/health.h"

#include "channels/http/answer.h"

static int answer_text(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request, struct baton_answer answer)
{
	answer.head = request->method == BATON_METHOD_HEAD;
	return baton_answer(listener, wsi, &answer);
}

int baton_health_live(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request)
{
	return answer_text(listener, wsi, request,
			   (struct baton_answer){ .status = 200,
						  .type = "text/plain; charset=utf-8",
						  .body = BATON_STR("ok\n") });
}

int baton_health_ready(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request)
{
	struct baton_buf parts = { 0 };
	bool ready = baton_port_ready(listener->port, &parts);
	struct baton_answer answer = {
		.status = ready ? 200 : 503,
		.type = request->verbose ? "application/json" : "text/plain; charset=utf-8",
		.body = request->verbose ? baton_buf_view(&parts)
			: ready          ? BATON_STR("ready\n")
					 : BATON_STR("not ready\n"),
	};
	int rc = answer_text(listener, wsi, request, answer);

	baton_buf_done(&parts);
	return rc;
}

int baton_health_metrics(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request)
{
	struct baton_buf text = { 0 };

	baton_port_metrics(listener->port, &text);
	int rc = answer_text(
		listener, wsi, request,
		(struct baton_answer){ .status = 200,
				       .type = "text/plain; version=0.0.4; charset=utf-8",
				       .body = baton_buf_view(&text) });
	baton_buf_done(&text);
	return rc;
}
