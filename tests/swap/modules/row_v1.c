/* SPDX-License-Identifier: Apache-2.0 */

/* Row 1: a file of which another version lies under the same name a moment later. */
#define FRAME_ID "versions"
#include "frame.h"
