/* SPDX-License-Identifier: Apache-2.0 */

/* A file comes in: chunk by chunk into new/<session>.<file>.part, which becomes the file when it is
 * complete and synced. What is known of it only at its end (hash, type) is in the header, which is
 * written last; a .part without one is nothing. */
#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/files/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct baton_upload {
	struct baton_files *files;
	struct file_head head;
	struct baton_upload_ask ask; /* name, types: own copies */
	struct baton_kind kind;
	struct baton_seal seal;
	EVP_MD_CTX *sha;
	int fd;
	char part[BATON_PATH_MAX];
	uint64_t got;
	uint32_t next; /* chunk */
	size_t n;      /* bytes in `chunk` */
	bool ended;    /* it is a file now */
	uint8_t chunk[BATON_FILE_CHUNK_BYTES];
};

/* --- a place on the porch -------------------------------------------------------------------- */

struct share {
	uint64_t files, bytes, uploads, porch_bytes;
};

static struct share share_of(struct baton_files *files, const struct baton_id *session)
{
	struct share share = { 0 };
	struct porch_entry *entry, *after;

	HASH_ITER(hh, files->porch, entry, after) {
		share.porch_bytes += entry->info.bytes;
		if (!baton_id_eq(&entry->info.session, session))
			continue;
		share.files++;
		share.bytes += entry->info.bytes;
		share.uploads += !entry->done;
	}
	return share;
}

static int admit(struct baton_files *files, const struct baton_upload_ask *ask)
{
	if (ask->bytes == 0)
		return BATON_E_INVAL;
	if (ask->bytes > ask->bytes_max)
		return BATON_E_TOO_BIG;
	if (files->uploads >= BATON_FILES_UPLOADS_MAX)
		return BATON_E_AGAIN;
	struct share share = share_of(files, &ask->session);
	if (HASH_COUNT(files->porch) >= BATON_FILES_PORCH_MAX ||
	    share.porch_bytes + ask->bytes > BATON_FILES_PORCH_BYTES_MAX)
		return BATON_E_RATE;
	if (share.files >= BATON_FILES_SESSION_MAX ||
	    share.bytes + ask->bytes > ask->session_bytes_max)
		return BATON_E_LIMIT;
	return share.uploads >= BATON_FILES_UPLOADS_SESSION_MAX ? BATON_E_AGAIN : 0;
}

static struct porch_entry *entry_of(struct baton_files *files, const struct baton_id *id)
{
	struct porch_entry *entry = NULL;

	HASH_FIND(hh, files->porch, id, sizeof(*id), entry);
	return entry;
}

static struct baton_upload *upload_make(struct baton_files *files,
					const struct baton_upload_ask *ask)
{
	struct baton_upload *upload = baton_new(struct baton_upload);
	const char **types = baton_alloc((ask->n_types + 1) * sizeof(*types));

	upload->files = files;
	upload->fd = -1;
	upload->ask = *ask;
	upload->ask.name = baton_str_keep(ask->name);
	for (size_t i = 0; i < ask->n_types; i++)
		types[i] = baton_memdupz(ask->types[i], strlen(ask->types[i]));
	upload->ask.types = types;
	upload->head.info = (struct baton_file_info){
		.id = ask->id, .session = ask->session, .bytes = ask->bytes, .unix_ms = ask->unix_ms
	};
	(void)snprintf(upload->head.info.agent, sizeof(upload->head.info.agent), "%s",
		       ask->agent ? ask->agent : "");
	upload->sha = EVP_MD_CTX_new();
	EVP_DigestInit_ex(upload->sha, EVP_sha256(), NULL);
	baton_seal_init(&upload->seal);
	baton_seal_random(&upload->seal, upload->head.key, sizeof(upload->head.key));
	return upload;
}

int baton_upload_new(struct baton_files *files, const struct baton_upload_ask *ask,
		     struct baton_upload **ret_upload)
{
	pthread_mutex_lock(&files->lock);
	int rc = admit(files, ask);
	if (rc == 0) {
		struct porch_entry *entry = baton_new(struct porch_entry);

		entry->id = entry->info.id = ask->id;
		entry->info.session = ask->session;
		entry->info.bytes = ask->bytes;
		entry->info.unix_ms = ask->unix_ms;
		HASH_ADD(hh, files->porch, id, sizeof(entry->id), entry);
		files->uploads++;
	}
	pthread_mutex_unlock(&files->lock);
	if (rc == 0)
		*ret_upload = upload_make(files, ask);
	return rc;
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* What the conversation has besides the porch, which was counted already. */
static int room_left(struct baton_upload *upload)
{
	struct baton_files *files = upload->files;
	const struct baton_upload_ask *ask = &upload->ask;
	struct baton_files_sum sum;

	int rc = baton_files_count(files, &ask->session, &sum);
	if (rc < 0)
		return rc;
	/* The sum has the porch's finished ones; those under way, this one too, are `share`'s. */
	pthread_mutex_lock(&files->lock);
	struct porch_entry *entry, *after;
	HASH_ITER(hh, files->porch, entry, after) {
		if (entry->done || !baton_id_eq(&entry->info.session, &ask->session))
			continue;
		sum.files++;
		sum.bytes += entry->info.bytes;
	}
	pthread_mutex_unlock(&files->lock);
	return sum.files > BATON_FILES_SESSION_MAX || sum.bytes > ask->session_bytes_max
		       ? BATON_E_LIMIT
		       : 0;
}

static int upload_begin(struct baton_upload *upload)
{
	struct baton_files *files = upload->files;

	int rc = place_porch(files, &upload->ask.session, &upload->ask.id, ".part", upload->part);
	if (rc == 0)
		rc = room_left(upload);
	if (rc < 0)
		return rc;
	int fd = open(upload->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		upload->part[0] = '\0';
		return errno == ENOSPC || errno == EDQUOT ? BATON_E_FULL : BATON_E_IO;
	}
	upload->fd = fd;
	uint64_t space = baton_file_space(fd);
	return space - (space < files->reserve_bytes ? space : files->reserve_bytes) <
			       file_stored_bytes(upload->ask.bytes)
		       ? BATON_E_FULL
		       : 0;
}

static bool type_taken(const struct baton_upload_ask *ask, const char *type)
{
	for (size_t i = 0; type && i < ask->n_types; i++)
		if (strcmp(ask->types[i], type) == 0)
			return true;
	return false;
}

static int chunk_out(struct baton_upload *upload)
{
	struct baton_seal_job job;
	uint8_t clear[64], nonce[BATON_NONCE_BYTES], sealed[FILE_STORED_CHUNK];

	if (!baton_kind_look(&upload->kind, upload->chunk, upload->n) ||
	    !type_taken(&upload->ask, upload->kind.type))
		return BATON_E_UNSUPPORTED;
	EVP_DigestUpdate(upload->sha, upload->chunk, upload->n);
	file_chunk_job(&upload->head.info, upload->head.key, upload->next, &job, clear, nonce);
	job.text = upload->chunk;
	job.text_n = upload->n;
	baton_seal_lock(&upload->seal, &job, sealed);
	int rc = baton_file_write(upload->fd, sealed, upload->n + BATON_TAG_BYTES,
				  FILE_HEADER_BYTES + (uint64_t)upload->next * FILE_STORED_CHUNK);
	upload->next++;
	upload->n = 0;
	return rc;
}

int baton_upload_write(struct baton_upload *upload, const void *p, size_t n)
{
	const uint8_t *from = p;

	if (n > upload->ask.bytes - upload->got)
		return BATON_E_INVAL;
	if (upload->fd < 0 && n > 0) {
		int rc = upload_begin(upload);
		if (rc < 0)
			return rc;
	}
	upload->got += n;
	while (n > 0) {
		size_t room = sizeof(upload->chunk) - upload->n, take = n < room ? n : room;

		memcpy(upload->chunk + upload->n, from, take);
		upload->n += take;
		from += take;
		n -= take;
		if (upload->n < sizeof(upload->chunk))
			break;
		int rc = chunk_out(upload);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- the end --------------------------------------------------------------------------------- */

static void finish_info(struct baton_upload *upload)
{
	struct baton_file_info *info = &upload->head.info;
	uint8_t sha[BATON_HASH_BYTES];

	EVP_DigestFinal_ex(upload->sha, sha, NULL);
	for (size_t i = 0; i < sizeof(sha); i++)
		(void)snprintf(info->sha256 + 2 * i, 3, "%02x", sha[i]);
	(void)snprintf(info->type, sizeof(info->type), "%s", upload->kind.type);
	baton_kind_name(upload->ask.name, info->type, info->name, sizeof(info->name));
}

/* From here on it is a file. If its session was erased meanwhile it must not stay one: either who
 * erases finds it, or we find that somebody did. No disk under the lock: loops take it. */
static int publish(struct baton_upload *upload)
{
	struct baton_files *files = upload->files;
	char path[BATON_PATH_MAX];
	uint64_t bytes;

	int rc = place_porch(files, &upload->ask.session, &upload->ask.id, "", path);
	if (rc == 0 && rename(upload->part, path) < 0)
		rc = BATON_E_IO;
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&files->lock);
	struct porch_entry *entry = entry_of(files, &upload->ask.id);
	if (entry && !entry->erased) {
		entry->info = upload->head.info;
		files->uploads--;
		entry->done = upload->ended = true;
	}
	pthread_mutex_unlock(&files->lock);
	if (upload->ended)
		return 0;
	(void)file_kill(path, &bytes);
	return BATON_E_ERASED;
}

int baton_upload_end(struct baton_upload *upload, struct baton_file_info *ret_info)
{
	if (upload->got != upload->ask.bytes || upload->fd < 0)
		return BATON_E_INVAL;
	int rc = upload->n > 0 ? chunk_out(upload) : 0;
	if (rc == 0 && !baton_kind_end(&upload->kind))
		rc = BATON_E_UNSUPPORTED;
	if (rc < 0)
		return rc;
	finish_info(upload);
	rc = file_head_write(upload->files, upload->fd, &upload->head);
	if (rc == 0 && fsync(upload->fd) < 0)
		rc = errno == ENOSPC || errno == EDQUOT ? BATON_E_FULL : BATON_E_IO;
	if (rc == 0)
		rc = publish(upload);
	if (rc == 0)
		rc = baton_file_sync_dir(upload->files->porch_path, /* is_dir= */ true);
	if (rc == 0)
		*ret_info = upload->head.info;
	return rc;
}

static void leave_porch(struct baton_upload *upload)
{
	struct baton_files *files = upload->files;

	pthread_mutex_lock(&files->lock);
	struct porch_entry *entry = entry_of(files, &upload->ask.id);
	if (entry)
		HASH_DEL(files->porch, entry);
	files->uploads--;
	pthread_mutex_unlock(&files->lock);
	baton_free(entry);
}

void baton_upload_free(struct baton_upload **upload)
{
	struct baton_upload *u = *upload;

	if (!u)
		return;
	if (u->fd >= 0)
		close(u->fd);
	if (!u->ended && u->part[0])
		unlink(u->part);
	if (!u->ended)
		leave_porch(u);
	for (size_t i = 0; i < u->ask.n_types; i++)
		baton_free((void *)(uintptr_t)u->ask.types[i]);
	baton_free((void *)(uintptr_t)u->ask.types);
	baton_str_drop(&u->ask.name);
	EVP_MD_CTX_free(u->sha);
	baton_seal_done(&u->seal);
	baton_seal_forget(u, sizeof(*u));
	baton_free(u);
	*upload = NULL;
}
