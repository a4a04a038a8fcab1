/* SPDX-License-Identifier: Apache-2.0 */

/* Row 1: the other version. */
#define FRAME_ID "versions"
#define FRAME_VERSION "2.0.0"
#include "frame.h"
