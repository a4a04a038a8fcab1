/* SPDX-License-Identifier: Apache-2.0 */

/* Who an agent is, over HTTP: by `Authorization: Bearer` (a token, or a signed one), or by the
 * cookie of POST /v1/login. The cookie alone proves little, because a browser sends it by itself;
 * so what changes anything wants the page to be ours (Origin) and to have said so (X-Baton: 1). */
#pragma once

#include "channels/http/request.h"
#include "channels/http/tickets.h"

/* Does the request come as an agent's? If not, it is a customer's. */
bool baton_login_claimed(struct lws *wsi);
/* 0 and the agent; or BATON_E_AUTH (401), _RATE (429), _ORIGIN (403), the status in *ret_status.
 * `*ret_expires_ms` (may be NULL) is 0 for who came without a cookie. */
int baton_login_agent(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request, struct baton_identity *ret,
		      unsigned *ret_status, uint64_t *ret_expires_ms);

/* POST /v1/login: true: go on with the body; false: it was refused and answered. */
bool baton_login_admit(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request, struct baton_ticket_request *ret);
int baton_login_answer(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_ticket_request *ticket, baton_str body, bool close_it);
int baton_login_out(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request);
int baton_login_me(struct baton_listener *listener, struct lws *wsi,
		   const struct baton_request *request);
