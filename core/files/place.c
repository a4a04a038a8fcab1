/* SPDX-License-Identifier: Apache-2.0 */

/* Where things lie: new/<session>.<file> on the porch, <xy>/<session>/<file> when settled. xy are
 * the last two digits of the session, which are random; the first ones are its time. */
#include "core/base/errors.h"
#include "core/files/inside.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

static int fits(int n)
{
	return n > 0 && n < BATON_PATH_MAX ? 0 : BATON_E_INVAL;
}

int place_porch(const struct baton_files *files, const struct baton_id *session,
		const struct baton_id *id, const char *ending, char ret_path[BATON_PATH_MAX])
{
	char whose[BATON_ID_TEXT + 1], what[BATON_ID_TEXT + 1];

	baton_id_text(session, whose);
	baton_id_text(id, what);
	return fits(snprintf(ret_path, BATON_PATH_MAX, "%s/%s.%s%s", files->porch_path, whose, what,
			     ending));
}

int place_folder(const struct baton_files *files, const struct baton_id *session,
		 char ret_path[BATON_PATH_MAX])
{
	char whose[BATON_ID_TEXT + 1];

	baton_id_text(session, whose);
	return fits(snprintf(ret_path, BATON_PATH_MAX, "%s/%s/%s", files->path,
			     whose + BATON_ID_TEXT - 2, whose));
}

int place_settled(const struct baton_files *files, const struct baton_id *session,
		  const struct baton_id *id, char ret_path[BATON_PATH_MAX])
{
	char folder[BATON_PATH_MAX], what[BATON_ID_TEXT + 1];

	int rc = place_folder(files, session, folder);
	if (rc < 0)
		return rc;
	baton_id_text(id, what);
	return baton_file_path(ret_path, folder, what);
}

int place_each(const char *path, int (*each)(void *ud, const char *folder, const char *name),
	       void *ud)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0 : BATON_E_IO;
	errno = 0;
	while (rc >= 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = each(ud, path, entry->d_name);
		errno = 0;
	}
	if (rc >= 0 && errno != 0)
		rc = BATON_E_IO;
	closedir(dir);
	return rc < 0 ? rc : 0;
}
