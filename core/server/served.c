/* SPDX-License-Identifier: Apache-2.0 */

/* The copy is made under another name and renamed: whoever finds it finds all of it. */

#include "core/server/served.h"

#include "core/base/errors.h"
#include "core/module/scratch.h"
#include "core/server/loader.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "policies-";

/* Copies of sets that do not serve any more, and what a crash left half done. */
static void remove_others(const char *run, const char *keep)
{
	DIR *dir = opendir(run);
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
		    strcmp(entry->d_name, keep) == 0 ||
		    snprintf(path, sizeof(path), "%s/%s", run, entry->d_name) >= (int)sizeof(path))
			continue;
		baton_scratch_drop(path);
	}
	if (dir)
		closedir(dir);
}

static int copy_policies(const char *run, const struct baton_policy *policy, const char *sha256,
			 char path[PATH_MAX])
{
	char name[64], part[PATH_MAX];

	snprintf(name, sizeof(name), "%s%.12s", prefix, sha256);
	if (snprintf(path, PATH_MAX, "%s/%s", run, name) >= PATH_MAX ||
	    snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return BATON_E_IO;
	if (access(path, F_OK) == 0)
		return 0;
	remove_others(run, name);
	(void)mkdir(run, 0700);
	int rc = baton_policy_write(policy, part);
	if (rc == 0 && rename(part, path) != 0)
		rc = BATON_E_IO;
	return rc;
}

static void put_text(struct baton_buf *out, const char *name, const char *value)
{
	char real[PATH_MAX];

	baton_buf_printf(out, ",\"%s\":", name);
	/* Whoever reads it may stand in another folder. */
	baton_buf_json(out, baton_str_of(realpath(value, real) ? real : value));
}

int served_policies(struct baton_server *server, struct baton_buf *out)
{
	struct baton_release *release = loader_live(server);
	const struct baton_policy *policy = baton_release_policy(release);
	char run[PATH_MAX], copy[PATH_MAX], sha256[2 * sizeof(policy->sha256) + 1];
	int rc = BATON_E_IO;

	for (size_t i = 0; i < sizeof(policy->sha256); i++)
		snprintf(sha256 + 2 * i, 3, "%02x", policy->sha256[i]);
	if (snprintf(run, sizeof(run), "%s/run", server->options.data) < (int)sizeof(run))
		rc = copy_policies(run, policy, sha256, copy);
	if (rc == 0) {
		put_text(out, "path", policy->path);
		baton_buf_printf(out, ",\"sha256\":\"%s\",\"release\":%llu", sha256,
				 (unsigned long long)baton_release_number(release));
		put_text(out, "copy", copy);
	}
	baton_release_unref(&release);
	return rc;
}
