/* SPDX-License-Identifier: Apache-2.0 */

/* One question to the endpoint, from the request to the last byte of its answer. It may outlive the
 * call it answers by a second, so that the connection can be used again. */
#pragma once

#include "modules/sdk/provider/config.h"

struct answer;

struct provider { /* the instance */
	baton_ctx *ctx;
	const baton_host *host;
	struct config config;
	struct answer *answers;
};

/* BATON_OK: one end or fail will come for `call`, or has come. <0: nothing was started. */
int32_t answer_start(struct provider *provider, baton_call call, const baton_prompt *prompt);
/* Asks for the list of models, and ends the call if the endpoint gives one. */
int32_t answer_check(struct provider *provider, baton_call call);
/* NULL is fine: the call has ended. */
void answer_cancel(struct answer *answer);
void answer_resume(struct answer *answer);
/* Closes those whose call has ended and whose last bytes are waited for, or all; tells nobody. */
void answer_close_ended(struct provider *provider);
void answer_close_all(struct provider *provider);
