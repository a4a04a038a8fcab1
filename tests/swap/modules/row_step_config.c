/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: wants another configuration than it gets. */
#define FRAME_SCHEMA                                                           \
	"{\"type\":\"object\",\"properties\":{\"set\":{\"type\":\"integer\"}," \
	"\"url\":{\"type\":\"string\"}},\"required\":[\"url\"]}"
#include "frame.h"
