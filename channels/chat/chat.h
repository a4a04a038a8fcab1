/* SPDX-License-Identifier: Apache-2.0 */

/* The chat channel: WebSocket connections of customers and agents, and the HTTP beside them. One
 * instance per worker, on the worker's loop. */
#pragma once

#include "core/server/port.h"

/* Static. The whole of what the server knows of this channel. */
const struct baton_channel_ops *baton_chat_channel(void);
