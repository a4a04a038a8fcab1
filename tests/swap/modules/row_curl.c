/* SPDX-License-Identifier: Apache-2.0 */

/* Row 7: brings libraries of its own that register handlers for the end of the process. */
#include <curl/curl.h>
#define HAS_LOAD
#define FRAME_ID "curl"
#include "frame.h"

static int32_t at_load(baton_ctx *ctx)
{
	(void)ctx;
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? BATON_OK : BATON_E_IO;
}
