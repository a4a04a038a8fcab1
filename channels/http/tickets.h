/* SPDX-License-Identifier: Apache-2.0 */

/* POST /v1/tickets: who may open a chat connection. The origin and an agent's token or cookie are
 * checked when the head is read, before any body is taken; who the customer is stands in the
 * body. */
#pragma once

#include "channels/http/listener.h"
#include "channels/http/request.h"

/* What the head of a request said, until its body is there. */
struct baton_ticket_request {
	struct baton_who *who; /* owned; NULL: not known yet */
	bool cors;             /* the answer is for a page of another origin: that of `who` */
};
void baton_ticket_request_done(struct baton_ticket_request *ticket);

/* True: go on with the body. False: it was refused and answered; close. */
bool baton_tickets_admit(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, struct baton_ticket_request *ret);
/* `body` is empty or a JSON object (shown.h). */
int baton_tickets_answer(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_ticket_request *ticket, baton_str body, bool close_it);
int baton_tickets_preflight(struct baton_listener *listener, struct lws *wsi,
			    const struct baton_request *request);
