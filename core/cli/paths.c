/* SPDX-License-Identifier: Apache-2.0 */

/* Finds what belongs to this program beside it, so that neither a source tree nor an installed
 * package needs a setting. */

#include "core/cli/cli.h"

#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static const char *beside(const char *in_tree, const char *installed, char found[PATH_BYTES])
{
	char exe[PATH_BYTES - 256];
	const char *candidates[] = { in_tree, installed };
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	found[0] = '\0';
	if (n <= 0)
		return found;
	exe[n] = '\0';
	const char *dir = dirname(exe);
	for (size_t i = 0; i < 2; i++) {
		snprintf(found, PATH_BYTES, "%s/%s", dir, candidates[i]);
		if (access(found, R_OK) == 0)
			return found;
	}
	found[0] = '\0';
	return found;
}

const char *cli_default_modules(void)
{
	static char path[PATH_BYTES];

	return beside("modules", "../lib/baton/modules", path);
}

const char *cli_default_web(void)
{
	static char path[PATH_BYTES];

	return beside("../../channels/web", "../share/baton/web", path);
}

const char *cli_default_policies(void)
{
	static char path[PATH_BYTES];

	return beside("../../policies/shop", "../share/baton/policies/shop", path);
}

const char *cli_default_templates(void)
{
	static char path[PATH_BYTES];

	return beside("../../modules/sdk/templates", "../share/baton/templates", path);
}

const char *cli_default_modhost(void)
{
	static char path[PATH_BYTES];

	return beside("baton-modhost", "../libexec/baton/baton-modhost", path);
}

const char *cli_default_demo_shop(void)
{
	static char path[PATH_BYTES];

	return beside("baton-demo-shop", "../libexec/baton/baton-demo-shop", path);
}
