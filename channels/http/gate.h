/* SPDX-License-Identifier: Apache-2.0 */

/* Decides on upgrades, before anything of the WebSocket exists. */
#pragma once

#include "channels/http/listener.h"

/* 0: the upgrade may go on, and the WebSocket's peer hangs on the connection. -1: answered;
 * close. */
int baton_gate(struct baton_listener *listener, struct lws *wsi);
