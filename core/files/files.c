/* SPDX-License-Identifier: Apache-2.0 */

/* The store as a whole: opening, the porch in memory, counting, erasing. */
#include "core/files/files.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/files/inside.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESERVE_BYTES = 256 * 1024 * 1024 }; /* more than the journal's own: files stop first */

/* --- opening --------------------------------------------------------------------------------- */

/* "<session>.<file>", each 36 characters. */
static bool porch_name(const char *name, struct baton_id *session, struct baton_id *id)
{
	return strlen(name) == 2 * BATON_ID_TEXT + 1 && name[BATON_ID_TEXT] == '.' &&
	       baton_id_parse((baton_str){ name, BATON_ID_TEXT }, session) == 0 &&
	       baton_id_parse(baton_str_of(name + BATON_ID_TEXT + 1), id) == 0;
}

static void learn(struct baton_files *files, const char *path, const struct baton_id *session,
		  const struct baton_id *id)
{
	struct file_head head;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	int rc = file_head_read(files, fd, session, id, &head);
	close(fd);
	struct porch_entry *entry = baton_new(struct porch_entry);
	entry->id = *id;
	entry->done = true;
	/* What does not open stays in the list all the same: the sweep asks the log about it. */
	entry->erased = rc < 0;
	entry->info =
		rc < 0 ? (struct baton_file_info){ .id = *id, .session = *session } : head.info;
	if (rc < 0)
		baton_log(BATON_LOG_WARN, "attachment_unreadable", "dds", "session", session,
			  "attachment", id, "code", baton_error_info(rc)->wire);
	baton_seal_forget(&head.key, sizeof(head.key));
	HASH_ADD(hh, files->porch, id, sizeof(entry->id), entry);
}

static int porch_found(void *ud, const char *folder, const char *name)
{
	struct baton_files *files = ud;
	struct baton_id session, id;
	char path[BATON_PATH_MAX];
	size_t n = strlen(name);
	uint64_t bytes;

	if (baton_file_path(path, folder, name) < 0)
		return 0;
	if (n > 5 && strcmp(name + n - 5, ".part") == 0)
		unlink(path); /* an upload that a stop cut short */
	else if (n > 5 && strcmp(name + n - 5, ".dead") == 0)
		(void)file_kill(path, &bytes); /* a removal that a stop cut short */
	else if (porch_name(name, &session, &id))
		learn(files, path, &session, &id);
	return 0;
}

int baton_files_open(const struct baton_files_options *options, struct baton_files **ret_files)
{
	struct baton_files *files = baton_new(struct baton_files);

	files->journal = options->journal;
	files->keep_ms = options->keep_ms ? options->keep_ms : BATON_FILES_KEEP_MS;
	files->reserve_bytes = options->reserve_bytes ? options->reserve_bytes : RESERVE_BYTES;
	pthread_mutex_init(&files->lock, NULL);
	int n = snprintf(files->path, sizeof(files->path), "%s", options->path);
	int rc = n > 0 && n < BATON_PATH_MAX ? 0 : BATON_E_INVAL;
	if (rc == 0)
		rc = baton_file_path(files->porch_path, files->path, "new");
	if (rc == 0)
		rc = baton_file_make_dir(files->path);
	if (rc == 0)
		rc = baton_file_make_dir(files->porch_path);
	if (rc == 0)
		rc = place_each(files->porch_path, porch_found, files);
	if (rc < 0) {
		baton_log(BATON_LOG_ERROR, "attachments_not_opened", "ss", "path", options->path,
			  "code", baton_error_info(rc)->wire);
		baton_files_close(&files);
		return rc;
	}
	*ret_files = files;
	return 0;
}

void baton_files_close(struct baton_files **files)
{
	struct baton_files *f = *files;
	struct porch_entry *entry, *after;

	if (!f)
		return;
	HASH_ITER(hh, f->porch, entry, after) {
		HASH_DEL(f->porch, entry);
		baton_free(entry);
	}
	pthread_mutex_destroy(&f->lock);
	baton_free(f);
	*files = NULL;
}

/* --- asking ---------------------------------------------------------------------------------- */

bool baton_files_find(struct baton_files *files, const struct baton_id *session,
		      const struct baton_id *id, struct baton_file_info *ret_info)
{
	struct porch_entry *entry = NULL;

	pthread_mutex_lock(&files->lock);
	HASH_FIND(hh, files->porch, id, sizeof(*id), entry);
	bool found = entry && entry->done && !entry->erased &&
		     baton_id_eq(&entry->info.session, session);
	if (found)
		*ret_info = entry->info;
	pthread_mutex_unlock(&files->lock);
	return found;
}

static int add_file(void *ud, const char *folder, const char *name)
{
	struct baton_files_sum *sum = ud;
	char path[BATON_PATH_MAX];
	struct stat st;

	if (baton_file_path(path, folder, name) < 0 || stat(path, &st) < 0)
		return 0;
	sum->files++;
	sum->bytes += file_clear_bytes((uint64_t)st.st_size);
	return 0;
}

int baton_files_count(struct baton_files *files, const struct baton_id *session,
		      struct baton_files_sum *ret_sum)
{
	char folder[BATON_PATH_MAX];
	struct porch_entry *entry, *after;

	*ret_sum = (struct baton_files_sum){ 0 };
	int rc = place_folder(files, session, folder);
	if (rc == 0)
		rc = place_each(folder, add_file, ret_sum);
	pthread_mutex_lock(&files->lock);
	HASH_ITER(hh, files->porch, entry, after) {
		if (!entry->done || !baton_id_eq(&entry->info.session, session))
			continue;
		ret_sum->files++;
		ret_sum->bytes += entry->info.bytes;
	}
	pthread_mutex_unlock(&files->lock);
	return rc;
}

void baton_files_stats(struct baton_files *files, struct baton_files_stats *ret_stats)
{
	struct porch_entry *entry, *after;

	*ret_stats = (struct baton_files_stats){ 0 };
	pthread_mutex_lock(&files->lock);
	ret_stats->uploads = files->uploads;
	HASH_ITER(hh, files->porch, entry, after) {
		ret_stats->porch++;
		ret_stats->porch_bytes += entry->info.bytes;
	}
	pthread_mutex_unlock(&files->lock);
}

/* --- erasing --------------------------------------------------------------------------------- */

struct erasing {
	struct baton_files_sum sum;
	int rc;
};

static void erase_path(struct erasing *erasing, const char *path)
{
	uint64_t bytes = 0;
	bool there = access(path, F_OK) == 0;

	int rc = file_kill(path, &bytes);
	if (rc < 0)
		erasing->rc = rc;
	else if (there)
		erasing->sum.files++;
	erasing->sum.bytes += bytes;
}

static int erase_found(void *ud, const char *folder, const char *name)
{
	char path[BATON_PATH_MAX];

	if (baton_file_path(path, folder, name) == 0)
		erase_path(ud, path);
	return 0;
}

/* Takes the next entry of the conversation off the porch; one under way is only marked: whoever
 * writes it removes it. */
static bool take_entry(struct baton_files *files, const struct baton_id *session,
		       struct baton_id *ret_id)
{
	struct porch_entry *entry, *after, *found = NULL;

	pthread_mutex_lock(&files->lock);
	HASH_ITER(hh, files->porch, entry, after) {
		if (!baton_id_eq(&entry->info.session, session))
			continue;
		entry->erased = true;
		if (entry->done && !found)
			found = entry;
	}
	if (found) {
		*ret_id = found->id;
		HASH_DEL(files->porch, found);
	}
	pthread_mutex_unlock(&files->lock);
	baton_free(found);
	return found != NULL;
}

/* The folder's name goes too; what is above it keeps it, synced. */
static int drop_folder(const char *folder)
{
	if (access(folder, F_OK) != 0)
		return 0;
	int rc = baton_file_sync_dir(folder, /* is_dir= */ true);
	if (rmdir(folder) < 0 || baton_file_sync_dir(folder, /* is_dir= */ false) < 0)
		rc = BATON_E_IO;
	return rc;
}

int baton_files_erase(struct baton_files *files, const struct baton_id *session,
		      struct baton_files_sum *ret_sum)
{
	struct erasing erasing = { 0 };
	struct baton_id id;
	char path[BATON_PATH_MAX];

	while (take_entry(files, session, &id))
		if (place_porch(files, session, &id, "", path) == 0)
			erase_path(&erasing, path);
	if (erasing.sum.files > 0 && baton_file_sync_dir(files->porch_path, /* is_dir= */ true) < 0)
		erasing.rc = BATON_E_IO;
	int rc = place_folder(files, session, path);
	if (rc == 0)
		rc = place_each(path, erase_found, &erasing);
	if (rc == 0)
		rc = drop_folder(path);
	if (ret_sum)
		*ret_sum = erasing.sum;
	return rc < 0 ? rc : erasing.rc;
}
