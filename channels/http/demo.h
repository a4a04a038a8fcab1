/* SPDX-License-Identifier: Apache-2.0 */

/* `/v1/demo`: what the bar of the demonstration shop asks for. 404 on any server but `baton demo`. */
#pragma once

#include "channels/http/listener.h"
#include "channels/http/request.h"

/* Is the model on? */
int baton_demo_look(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request);
/* What a shop's server would sign for its customer Vera, for a page of this very server. */
int baton_demo_vera(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request);
/* Turns it off or on, for a page of this very server. */
int baton_demo_off(struct baton_listener *listener, struct lws *wsi,
		   const struct baton_request *request);
int baton_demo_on(struct baton_listener *listener, struct lws *wsi,
		  const struct baton_request *request);
