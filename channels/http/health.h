/* SPDX-License-Identifier: Apache-2.0 */

/* What supervisors and Prometheus ask. */
#pragma once

#include "channels/http/listener.h"
#include "channels/http/request.h"

/* The process runs and its loop turns. */
int baton_health_live(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request);
/* Intake works, whatever the models do; `?verbose` lists the parts. */
int baton_health_ready(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request);
int baton_health_metrics(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request);
