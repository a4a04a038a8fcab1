/* SPDX-License-Identifier: Apache-2.0 */

/* The same model in a later version: other bytes, the same answers. */
#define REEL_VERSION "2.0.0"
#include "provider-reel.c"
