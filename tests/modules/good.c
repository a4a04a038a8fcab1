/* SPDX-License-Identifier: Apache-2.0 */

/* Nothing wrong: the frame itself loads and answers. */
#include "fixture.h"
