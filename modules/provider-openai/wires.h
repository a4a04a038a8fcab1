/* SPDX-License-Identifier: Apache-2.0 */

/* The wires of this module; each is one file. */
#pragma once

#include "modules/sdk/provider/wire.h"

extern const struct wire wire_chat, wire_responses, wire_ollama;

/* ",\"messages\":[...]", the beginning of an answer last. */
void chat_messages(struct text *to, const struct config *config, const baton_prompt *prompt);
/* ",\"tools\":[...]", nothing if there are none. */
void chat_tools(struct text *to, baton_str tools_json);
/* NONE for an empty reason, STOP for one that is not known. The inside of a JSON string. */
enum finish chat_finish(baton_str reason);
