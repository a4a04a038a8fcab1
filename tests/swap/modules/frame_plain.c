/* SPDX-License-Identifier: Apache-2.0 */

/* Nothing wrong: the frame itself, one module of every kind. */
#include "frame.h"
