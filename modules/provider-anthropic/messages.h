/* SPDX-License-Identifier: Apache-2.0 */

/* The wire of this module. */
#pragma once

#include "modules/sdk/provider/wire.h"

extern const struct wire wire_messages;
