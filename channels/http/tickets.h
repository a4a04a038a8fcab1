/* SPDX-License-Identifier: Apache-2.0 */

/* POST /v1/tickets: who may open a chat connection. The origin and an agent's token are checked
 * when the head is read, before any body is taken. */
#pragma once

#include "channels/http/listener.h"
#include "channels/http/request.h"

struct baton_ticket_request {
	struct baton_identity identity;
	bool cors; /* the answer is for a page of another origin: identity.origin */
};

/* True: go on with the body. False: it was refused and answered; close. */
bool baton_tickets_admit(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, struct baton_ticket_request *ret);
/* `body` is empty or a JSON object. */
int baton_tickets_answer(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_ticket_request *ticket, baton_str body, bool close_it);
int baton_tickets_preflight(struct baton_listener *listener, struct lws *wsi,
			    const struct baton_request *request);
