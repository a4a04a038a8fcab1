/* SPDX-License-Identifier: Apache-2.0 */

/* Which two sets are compared. */

#include "core/cli/sets.h"

#include "core/cli/admin.h"

#include <stdio.h>
#include <string.h>

static void take(const struct baton_json *from, const char *name, char to[CLI_SET_BYTES])
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json value = baton_json_get(from, name);
	baton_str text = baton_json_text(&value, &arena);

	snprintf(to, CLI_SET_BYTES, "%.*s", (int)text.n, text.n ? text.p : "");
	baton_arena_done(&arena);
}

int cli_sets_serving(const struct cli_options *options, char ret_path[CLI_SET_BYTES],
		     char ret_copy[CLI_SET_BYTES])
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct cli_options quiet = *options;
	struct baton_json object;

	quiet.json = false; /* this is not the answer that scripts wait for */
	admin_begin(&request, "policies");
	baton_buf_z(&request, "}");
	int rc = cli_control_ask(&quiet, &request, &answer);
	if (rc == CLI_OK && baton_json_parse(baton_buf_view(&answer), &object) == 0) {
		take(&object, "path", ret_path);
		take(&object, "copy", ret_copy);
	}
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}

int cli_sets_find(const struct cli_options *options, char ret_old[CLI_SET_BYTES],
		  char ret_new[CLI_SET_BYTES])
{
	bool named = options->policies != cli_default_policies();
	char path[CLI_SET_BYTES] = "";

	if (options->against) {
		snprintf(ret_old, CLI_SET_BYTES, "%s", options->against);
		snprintf(ret_new, CLI_SET_BYTES, "%s", options->policies);
		return CLI_OK;
	}
	int rc = cli_sets_serving(options, path, ret_old);
	if (rc == CLI_UNREACHABLE)
		fprintf(stderr, "baton: or say which set to compare with: --against DIR\n");
	if (rc == CLI_OK)
		snprintf(ret_new, CLI_SET_BYTES, "%s", named ? options->policies : path);
	return rc;
}
