/* SPDX-License-Identifier: Apache-2.0 */

/* Guessing tokens is slowed down per address: five that are wrong in a minute, then 429. */
#pragma once

#include "channels/http/listener.h"

/* Counts `failed` guesses more of who is at the other end; false if that address has had its share. */
bool baton_guess_may(struct baton_listener *listener, struct lws *wsi, unsigned failed);
