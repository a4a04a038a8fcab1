/* SPDX-License-Identifier: Apache-2.0 */

/* The libwebsockets context and its callbacks; nobody else knows its reason codes. */
#pragma once

#include "channels/http/listener.h"

/* The WebSocket subprotocol that is spoken. */
#define BATON_SUBPROTOCOL "baton.v1"

/* Creates listener->context and ->vhost. 0 or BATON_E_IO. */
int baton_lws_open(struct baton_listener *listener);
void baton_lws_close(struct baton_listener *listener);
/* Hands over an accepted socket; closes it itself if that fails. */
void baton_lws_adopt(struct baton_listener *listener, int fd);
