/* SPDX-License-Identifier: Apache-2.0 */

/* The sweep: what has been on the porch for long enough is settled if the log names it, and removed
 * if not. The log is the only truth here, so nothing has to be told of a message that was written,
 * and a kill between a message and the next step loses nothing. */
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/files/inside.h"
#include "core/session/event.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* --- what the log says ----------------------------------------------------------------------- */

struct asking {
	const struct baton_id *id;
	bool named;
};

static bool is_named(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct asking *asking = ud;
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event;
	struct baton_id id;

	(void)session;
	if (record->type != BATON_EV_ATTACHMENT_ADDED)
		return true;
	if (baton_event_parse(record->type, record->payload, &arena, &event) == 0 &&
	    baton_id_parse(event.attachment_added.attachment, &id) == 0)
		asking->named = baton_id_eq(&id, asking->id);
	baton_arena_done(&arena);
	return !asking->named;
}

static void no_wake(void *ud)
{
	(void)ud;
}

static void no_commit(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	(void)ud;
	(void)ticket;
	(void)rc;
	(void)position;
}

/* 1: a message names it; 0: none does; <0: cannot be told now. */
static int ask_log(struct baton_lane *lane, const struct baton_id *session,
		   const struct baton_id *id)
{
	struct asking asking = { .id = id };

	int64_t n = baton_lane_read(lane, session, 0, UINT64_MAX, is_named, &asking);
	baton_lane_forget(lane, session);
	if (n == BATON_E_NOTFOUND || n == BATON_E_ERASED)
		return 0;
	return n < 0 ? (int)n : asking.named;
}

/* --- one entry ------------------------------------------------------------------------------- */

static int make_folders(const struct baton_files *files, const struct baton_id *session,
			char folder[BATON_PATH_MAX])
{
	char above[BATON_PATH_MAX];

	int rc = place_folder(files, session, folder);
	if (rc < 0)
		return rc;
	memcpy(above, folder, sizeof(above));
	*strrchr(above, '/') = '\0';
	rc = baton_file_make_dir(above);
	return rc < 0 ? rc : baton_file_make_dir(folder);
}

static int settle(struct baton_files *files, const struct baton_id *session,
		  const struct baton_id *id)
{
	char from[BATON_PATH_MAX], to[BATON_PATH_MAX], folder[BATON_PATH_MAX];
	struct file_head head;

	if (place_porch(files, session, id, "", from) < 0 ||
	    place_settled(files, session, id, to) < 0)
		return BATON_E_INVAL;
	int fd = open(from, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return BATON_E_IO;
	int rc = file_head_read(files, fd, session, id, &head);
	if (rc == 0)
		rc = file_head_settle(files, fd, &head);
	baton_seal_forget(head.key, sizeof(head.key));
	close(fd);
	if (rc == 0)
		rc = make_folders(files, session, folder);
	if (rc == 0 && rename(from, to) < 0)
		rc = BATON_E_IO;
	if (rc == 0)
		rc = baton_file_sync_dir(folder, /* is_dir= */ true);
	if (rc == 0)
		rc = baton_file_sync_dir(files->porch_path, /* is_dir= */ true);
	return rc;
}

static void forget_entry(struct baton_files *files, const struct baton_id *id)
{
	struct porch_entry *entry = NULL;

	pthread_mutex_lock(&files->lock);
	HASH_FIND(hh, files->porch, id, sizeof(*id), entry);
	if (entry)
		HASH_DEL(files->porch, entry);
	pthread_mutex_unlock(&files->lock);
	baton_free(entry);
}

/* True if it was removed. */
static bool deal_with(struct baton_files *files, struct baton_lane *lane,
		      const struct baton_id *session, const struct baton_id *id)
{
	char path[BATON_PATH_MAX];
	uint64_t bytes;

	int named = ask_log(lane, session, id);
	int rc = named;
	if (named > 0)
		rc = settle(files, session, id);
	else if (named == 0 && place_porch(files, session, id, "", path) == 0)
		rc = file_kill(path, &bytes);
	if (rc < 0) {
		baton_log(BATON_LOG_WARN, "attachment_stays_new", "dds", "session", session,
			  "attachment", id, "code", baton_error_info(rc)->wire);
		return false;
	}
	forget_entry(files, id);
	return named == 0;
}

/* --- all ------------------------------------------------------------------------------------- */

struct due {
	struct baton_id session, id;
};

static size_t list_due(struct baton_files *files, uint64_t unix_ms, struct due **ret_due)
{
	struct porch_entry *entry, *after;
	size_t n = 0;

	pthread_mutex_lock(&files->lock);
	struct due *due = baton_alloc((HASH_COUNT(files->porch) + 1) * sizeof(*due));
	HASH_ITER(hh, files->porch, entry, after) {
		if (!entry->done || entry->info.unix_ms + files->keep_ms > unix_ms)
			continue;
		due[n++] = (struct due){ entry->info.session, entry->id };
	}
	pthread_mutex_unlock(&files->lock);
	*ret_due = due;
	return n;
}

struct leftovers {
	struct baton_files *files;
	uint64_t removed;
};

/* An erasure that a stop cut short destroyed the keys first. */
static int look_at_session(void *ud, const char *folder, const char *name)
{
	struct leftovers *left = ud;
	struct baton_files_sum sum;
	struct baton_wrap wrap = { { 0 }, { 0 } };
	struct baton_id session;

	(void)folder;
	if (baton_id_parse(baton_str_of(name), &session) < 0)
		return 0;
	if (baton_journal_wrap(left->files->journal, BATON_WRAP_SESSION, &session, &session,
			       &wrap) == BATON_E_ERASED &&
	    baton_files_erase(left->files, &session, &sum) == 0)
		left->removed += sum.files;
	return 0;
}

static int look_into_folder(void *ud, const char *folder, const char *name)
{
	char path[BATON_PATH_MAX];

	if (strlen(name) != 2 || baton_file_path(path, folder, name) < 0)
		return 0;
	(void)place_each(path, look_at_session, ud);
	return 0;
}

uint64_t baton_files_sweep(struct baton_files *files, uint64_t unix_ms)
{
	struct baton_lane_events events = { NULL, no_wake, no_commit };
	struct leftovers left = { .files = files };
	struct baton_lane *lane = NULL;
	struct due *due;

	if (!files->swept)
		(void)place_each(files->path, look_into_folder, &left);
	files->swept = true;
	size_t n = list_due(files, unix_ms, &due);
	if (n > 0 && baton_lane_open(files->journal, &events, &lane) == 0) {
		for (size_t i = 0; i < n; i++)
			left.removed += deal_with(files, lane, &due[i].session, &due[i].id);
		baton_lane_close(&lane);
	}
	baton_free(due);
	return left.removed;
}
