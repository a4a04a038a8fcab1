/* SPDX-License-Identifier: Apache-2.0 */

/* Files of conversations over HTTP:
 *
 *   POST /v1/attachments                  the body is the file
 *   GET  /v1/attachments/<session>/<id>
 *   GET  /v1/transcript?format=text|html|json
 *
 * Customers show the token of their conversation, agents their own. */
#pragma once

#include "channels/http/listener.h"
#include "channels/http/request.h"

bool baton_files_route(const char *path);
int baton_files_begin(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request);

/* Headers for a page of another origin; `p` has BATON_FILES_CORS_MAX bytes. "" if the request had no
 * Origin. */
enum { BATON_FILES_CORS_MAX = 512 };
baton_str baton_files_cors(char *p, const char *origin);

/* The answer to a refusal: the status that goes with the code, and a sentence that says what to do.
 * `close_it`: the body was not read. */
int baton_files_refuse(struct baton_listener *listener, struct lws *wsi, int code,
		       const char *origin, bool close_it);
