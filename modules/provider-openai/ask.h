/* SPDX-License-Identifier: Apache-2.0 */

/* Writes the request body: a Baton prompt as the Chat Completions API wants it. */
#pragma once

#include "config.h"

/* Into `body`; false if memory ran out. Raw JSON of the prompt (tools, schema) that is not JSON is
 * left out: the host has checked it. */
bool ask_write(const struct config *config, const baton_prompt *prompt, struct text *body);
