/* SPDX-License-Identifier: Apache-2.0 */

/* One file on disk: its header, its chunks, its end. The form is in inside.h.
 *
 * Surprising: a header has two places for the file's key. A picture that comes with the very first
 * message is there before its session, which has no key yet: until it is settled it lies under the
 * master key. The second place makes the change safe against a power cut: first the new wrap is
 * written and synced, then the old one is overwritten. */
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/files/inside.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t magic[8] = { 'B', 'A', 'T', 'O', 'N', 'A', 'T', '1' };
static const uint8_t state_key[4] = { 'K', 'E', 'Y', '1' };
enum { CLEAR_BYTES = 64 };
#define META_NUMBER UINT32_MAX

struct baton_download {
	int fd;
	struct file_head head;
	uint32_t next, chunks;
	struct baton_seal seal;
	struct baton_buf stored;
};

static uint32_t chunks_of(uint64_t bytes)
{
	return (uint32_t)((bytes + BATON_FILE_CHUNK_BYTES - 1) / BATON_FILE_CHUNK_BYTES);
}

uint64_t file_stored_bytes(uint64_t bytes)
{
	return FILE_HEADER_BYTES + bytes + (uint64_t)chunks_of(bytes) * BATON_TAG_BYTES;
}

uint64_t file_clear_bytes(uint64_t stored)
{
	uint64_t n = stored > FILE_HEADER_BYTES ? stored - FILE_HEADER_BYTES : 0;

	return n - (n + FILE_STORED_CHUNK - 1) / FILE_STORED_CHUNK * BATON_TAG_BYTES;
}

void file_chunk_job(const struct baton_file_info *info, const uint8_t *key, uint32_t n,
		    struct baton_seal_job *job, uint8_t clear[64], uint8_t nonce[12])
{
	uint64_t bytes = htole64(info->bytes);
	uint32_t number = htole32(n), last = htole32(n + 1 == chunks_of(info->bytes));

	memset(clear, 0, CLEAR_BYTES);
	memcpy(clear, "baton file v1", 13);
	memcpy(clear + 16, info->session.b, 16);
	memcpy(clear + 32, info->id.b, 16);
	memcpy(clear + 48, &bytes, sizeof(bytes));
	memcpy(clear + 56, &number, sizeof(number));
	memcpy(clear + 60, &last, sizeof(last));
	memset(nonce, 0, BATON_NONCE_BYTES);
	memcpy(nonce, &number, sizeof(number));
	*job = (struct baton_seal_job){
		.key = key, .nonce = nonce, .clear = clear, .clear_n = CLEAR_BYTES
	};
}

/* --- the header ------------------------------------------------------------------------------ */

static size_t wrap_at(enum baton_wrap_kind kind)
{
	return FILE_AT_WRAPS + (kind == BATON_WRAP_SESSION ? 0 : FILE_WRAP_BYTES);
}

static void head_clear(uint8_t *p, const struct baton_file_info *info)
{
	uint64_t bytes = htole64(info->bytes), ms = htole64(info->unix_ms);

	memcpy(p, magic, sizeof(magic));
	memcpy(p + FILE_AT_FILE, info->id.b, 16);
	memcpy(p + FILE_AT_SESSION, info->session.b, 16);
	memcpy(p + FILE_AT_BYTES, &bytes, sizeof(bytes));
	memcpy(p + FILE_AT_TIME, &ms, sizeof(ms));
}

/* `what` the key is to be wrapped as; the header's bytes hold it then. */
static int head_wrap(struct baton_files *files, uint8_t *p, const struct file_head *head,
		     enum baton_wrap_kind kind)
{
	struct baton_wrap wrap;

	memcpy(wrap.key, head->key, sizeof(wrap.key));
	int rc = baton_journal_wrap(files->journal, kind, &head->info.session, &head->info.id,
				    &wrap);
	if (rc == 0) {
		memcpy(p + wrap_at(kind), state_key, sizeof(state_key));
		memcpy(p + wrap_at(kind) + sizeof(state_key), wrap.sealed, sizeof(wrap.sealed));
	}
	baton_seal_forget(&wrap, sizeof(wrap));
	return rc;
}

static int head_unwrap(struct baton_files *files, const uint8_t *p, enum baton_wrap_kind kind,
		       struct file_head *head)
{
	struct baton_wrap wrap;
	const uint8_t *from = p + wrap_at(kind);

	if (memcmp(from, state_key, sizeof(state_key)) != 0)
		return BATON_E_NOTFOUND;
	memcpy(wrap.sealed, from + sizeof(state_key), sizeof(wrap.sealed));
	int rc = baton_journal_unwrap(files->journal, kind, &head->info.session, &head->info.id,
				      &wrap);
	if (rc == 0) {
		memcpy(head->key, wrap.key, sizeof(head->key));
		head->kind = kind;
	}
	baton_seal_forget(&wrap, sizeof(wrap));
	return rc;
}

static void meta_json(const struct baton_file_info *info, struct baton_buf *out)
{
	baton_buf_z(out, "{\"name\":");
	baton_buf_json(out, baton_str_of(info->name));
	baton_buf_printf(out, ",\"type\":\"%s\",\"sha256\":\"%s\",\"agent\":", info->type,
			 info->sha256);
	baton_buf_json(out, baton_str_of(info->agent));
	baton_buf_z(out, "}");
}

static void meta_seal(uint8_t *p, const struct file_head *head, baton_str json)
{
	struct baton_seal seal;
	struct baton_seal_job job;
	uint8_t clear[CLEAR_BYTES], nonce[BATON_NONCE_BYTES];
	uint16_t n = htole16((uint16_t)json.n);

	file_chunk_job(&head->info, head->key, META_NUMBER, &job, clear, nonce);
	job.text = (const uint8_t *)json.p;
	job.text_n = json.n;
	job.clear = p; /* the clear part of the header */
	memcpy(p + FILE_AT_META, &n, sizeof(n));
	baton_seal_init(&seal);
	baton_seal_lock(&seal, &job, p + FILE_AT_SEALED);
	baton_seal_done(&seal);
}

int file_head_write(struct baton_files *files, int fd, const struct file_head *head)
{
	uint8_t p[FILE_HEADER_BYTES] = { 0 };
	struct baton_buf json = { NULL, 0, 0 };

	head_clear(p, &head->info);
	int rc = head_wrap(files, p, head, BATON_WRAP_SESSION);
	if (rc == BATON_E_NOTFOUND)
		rc = head_wrap(files, p, head, BATON_WRAP_MASTER);
	meta_json(&head->info, &json);
	if (rc == 0 && json.n > FILE_META_MAX)
		rc = BATON_E_INVAL;
	if (rc == 0) {
		meta_seal(p, head, baton_buf_view(&json));
		rc = baton_file_write(fd, p, sizeof(p), 0);
	}
	baton_buf_done(&json);
	return rc;
}

static void copy(const struct baton_json *object, const char *name, char *to, size_t cap)
{
	struct baton_json value = baton_json_get(object, name);
	struct baton_arena arena = { NULL, 0 };
	baton_str text = baton_str_clip(baton_json_text(&value, &arena), cap - 1);

	memcpy(to, text.p ? text.p : "", text.n);
	to[text.n] = '\0';
	baton_arena_done(&arena);
}

static int meta_open(const uint8_t *p, struct file_head *head)
{
	struct baton_seal seal;
	struct baton_seal_job job;
	uint8_t clear[CLEAR_BYTES], nonce[BATON_NONCE_BYTES], text[FILE_HEADER_BYTES];
	struct baton_json object;
	uint16_t n;

	memcpy(&n, p + FILE_AT_META, sizeof(n));
	n = le16toh(n);
	if (n > FILE_META_MAX)
		return BATON_E_CORRUPT;
	file_chunk_job(&head->info, head->key, META_NUMBER, &job, clear, nonce);
	job.text = p + FILE_AT_SEALED;
	job.text_n = n + (size_t)BATON_TAG_BYTES;
	job.clear = p;
	baton_seal_init(&seal);
	bool ok = baton_seal_unlock(&seal, &job, text);
	baton_seal_done(&seal);
	if (!ok || baton_json_parse((baton_str){ (const char *)text, n }, &object) < 0)
		return BATON_E_CORRUPT;
	copy(&object, "name", head->info.name, sizeof(head->info.name));
	copy(&object, "type", head->info.type, sizeof(head->info.type));
	copy(&object, "sha256", head->info.sha256, sizeof(head->info.sha256));
	copy(&object, "agent", head->info.agent, sizeof(head->info.agent));
	return 0;
}

static int head_load(int fd, uint8_t p[FILE_HEADER_BYTES], const struct baton_id *session,
		     const struct baton_id *id, struct baton_file_info *info)
{
	struct stat st;
	ssize_t n = pread(fd, p, FILE_HEADER_BYTES, 0);

	if (n < 0 || fstat(fd, &st) < 0)
		return BATON_E_IO;
	if (n != FILE_HEADER_BYTES || memcmp(p, magic, sizeof(magic)) != 0 ||
	    memcmp(p + FILE_AT_FILE, id->b, 16) != 0 ||
	    memcmp(p + FILE_AT_SESSION, session->b, 16) != 0)
		return BATON_E_CORRUPT;
	memcpy(&info->bytes, p + FILE_AT_BYTES, sizeof(info->bytes));
	memcpy(&info->unix_ms, p + FILE_AT_TIME, sizeof(info->unix_ms));
	info->bytes = le64toh(info->bytes);
	info->unix_ms = le64toh(info->unix_ms);
	info->id = *id;
	info->session = *session;
	return info->bytes <= (uint64_t)UINT32_MAX * BATON_FILE_CHUNK_BYTES / 2 &&
			       (uint64_t)st.st_size == file_stored_bytes(info->bytes)
		       ? 0
		       : BATON_E_CORRUPT;
}

int file_head_read(struct baton_files *files, int fd, const struct baton_id *session,
		   const struct baton_id *id, struct file_head *ret_head)
{
	uint8_t p[FILE_HEADER_BYTES];
	struct file_head head = { .kind = BATON_WRAP_SESSION };

	int rc = head_load(fd, p, session, id, &head.info);
	if (rc == 0)
		rc = head_unwrap(files, p, BATON_WRAP_SESSION, &head);
	if (rc == BATON_E_NOTFOUND) /* no such wrap, or no such session yet */
		rc = head_unwrap(files, p, BATON_WRAP_MASTER, &head);
	if (rc == BATON_E_NOTFOUND)
		rc = BATON_E_CORRUPT;
	if (rc == 0)
		rc = meta_open(p, &head);
	if (rc == 0)
		*ret_head = head;
	baton_seal_forget(head.key, sizeof(head.key));
	return rc;
}

static int put_wrap(int fd, const uint8_t *p, enum baton_wrap_kind kind)
{
	int rc = baton_file_write(fd, p + wrap_at(kind), FILE_WRAP_BYTES, wrap_at(kind));

	return rc == 0 ? baton_file_sync(fd) : rc;
}

int file_head_settle(struct baton_files *files, int fd, const struct file_head *head)
{
	struct baton_seal seal;
	uint8_t p[FILE_HEADER_BYTES] = { 0 };

	if (head->kind == BATON_WRAP_SESSION)
		return 0;
	int rc = head_wrap(files, p, head, BATON_WRAP_SESSION);
	if (rc == 0)
		rc = put_wrap(fd, p, BATON_WRAP_SESSION);
	if (rc < 0)
		return rc;
	baton_seal_init(&seal);
	baton_seal_random(&seal, p + wrap_at(BATON_WRAP_MASTER) + 4, FILE_WRAP_BYTES - 4);
	baton_seal_done(&seal);
	return put_wrap(fd, p, BATON_WRAP_MASTER);
}

static int overwrite(int fd)
{
	struct baton_seal seal;
	uint8_t p[FILE_HEADER_BYTES - FILE_AT_WRAPS];

	baton_seal_init(&seal);
	baton_seal_random(&seal, p, sizeof(p));
	baton_seal_done(&seal);
	int rc = baton_file_write(fd, p, sizeof(p), FILE_AT_WRAPS);
	return rc < 0 ? rc : baton_file_sync(fd);
}

/* Out of sight first: who opens it now finds nothing, and not half of a header. */
int file_kill(const char *path, uint64_t *ret_bytes)
{
	char dead[BATON_PATH_MAX];
	struct stat st = { 0 };
	bool is_dead = strlen(path) > 5 && strcmp(path + strlen(path) - 5, ".dead") == 0;

	*ret_bytes = 0;
	int n = snprintf(dead, sizeof(dead), "%s%s", path, is_dead ? "" : ".dead");
	if (n < 0 || n >= (int)sizeof(dead))
		return BATON_E_INVAL;
	if (!is_dead && rename(path, dead) < 0)
		return errno == ENOENT ? 0 : BATON_E_IO;
	int fd = open(dead, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : BATON_E_IO;
	if (fstat(fd, &st) == 0)
		*ret_bytes = file_clear_bytes((uint64_t)st.st_size);
	int rc = overwrite(fd);
	close(fd);
	if (unlink(dead) < 0 && errno != ENOENT)
		rc = BATON_E_IO;
	return rc < 0 ? BATON_E_IO : 0;
}

/* --- reading it ------------------------------------------------------------------------------ */

/* Between the porch and its session's folder a file is moved while we look: so the folder is tried
 * once more behind the porch. */
static int find_fd(struct baton_files *files, const struct baton_id *session,
		   const struct baton_id *id)
{
	char settled[BATON_PATH_MAX], porch[BATON_PATH_MAX];
	const char *order[] = { settled, porch, settled };
	int fd = -1;

	if (place_settled(files, session, id, settled) < 0 ||
	    place_porch(files, session, id, "", porch) < 0)
		return BATON_E_INVAL;
	for (size_t i = 0; fd < 0 && i < 3; i++) {
		fd = open(order[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return BATON_E_IO;
	}
	return fd < 0 ? BATON_E_NOTFOUND : fd;
}

int baton_download_open(struct baton_files *files, const struct baton_id *session,
			const struct baton_id *id, struct baton_download **ret_download)
{
	int fd = find_fd(files, session, id);
	if (fd < 0)
		return fd;

	struct baton_download *file = baton_new(struct baton_download);
	file->fd = fd;
	int rc = file_head_read(files, fd, session, id, &file->head);
	if (rc < 0) {
		close(fd);
		baton_free(file);
		return rc;
	}
	file->chunks = chunks_of(file->head.info.bytes);
	baton_seal_init(&file->seal);
	*ret_download = file;
	return 0;
}

const struct baton_file_info *baton_download_info(const struct baton_download *file)
{
	return &file->head.info;
}

int baton_download_read(struct baton_download *file, struct baton_buf *out)
{
	struct baton_seal_job job;
	uint8_t clear[CLEAR_BYTES], nonce[BATON_NONCE_BYTES];
	uint64_t at = (uint64_t)file->next * BATON_FILE_CHUNK_BYTES;

	if (file->next == file->chunks)
		return 0;
	uint64_t left = file->head.info.bytes - at;
	size_t n = left < BATON_FILE_CHUNK_BYTES ? (size_t)left : BATON_FILE_CHUNK_BYTES;
	baton_buf_reset(&file->stored);
	char *stored = baton_buf_room(&file->stored, n + BATON_TAG_BYTES);
	uint64_t stored_at = FILE_HEADER_BYTES + (uint64_t)file->next * FILE_STORED_CHUNK;
	ssize_t got = pread(file->fd, stored, n + BATON_TAG_BYTES, (off_t)stored_at);
	if (got < 0)
		return BATON_E_IO;
	if ((size_t)got != n + BATON_TAG_BYTES)
		return BATON_E_CORRUPT;
	file_chunk_job(&file->head.info, file->head.key, file->next, &job, clear, nonce);
	job.text = (const uint8_t *)stored;
	job.text_n = n + BATON_TAG_BYTES;
	if (!baton_seal_unlock(&file->seal, &job, (uint8_t *)baton_buf_room(out, n + 1)))
		return BATON_E_CORRUPT;
	out->n += n;
	file->next++;
	return 0;
}

void baton_download_close(struct baton_download **file)
{
	struct baton_download *f = *file;

	if (!f)
		return;
	close(f->fd);
	baton_seal_forget(f->head.key, sizeof(f->head.key));
	baton_seal_done(&f->seal);
	baton_buf_done(&f->stored);
	baton_free(f);
	*file = NULL;
}
