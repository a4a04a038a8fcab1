/* SPDX-License-Identifier: Apache-2.0 */

/* What the store of attachments promises: what went in comes out, nothing else does; types are told
 * by bytes, names are labels; what was erased is gone; the sweep believes the log. */
#include "core/files/files.h"
#include "core/files/inside.h"
#include "core/session/event.h"
#include "tests/unit/journal_kit.h"

#include <endian.h>
#include <ftw.h>
#include <sys/resource.h>

#define MIB ((uint64_t)1024 * 1024)

struct rig {
	struct kit kit;
	struct baton_files *files;
	char path[KIT_PATH + 32];
	unsigned last;
};

static const char *const types[] = { "image/png", "application/pdf", "text/plain" };
static const char png[] = "\x89PNG\r\n\x1a\n";

static void rig_open(struct rig *rig)
{
	struct baton_files_options options = {
		.path = rig->path, .journal = rig->kit.journal, .keep_ms = 1000, .reserve_bytes = 1
	};
	assert_int_equal(baton_files_open(&options, &rig->files), 0);
}

static void rig_begin(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	kit_init(&rig->kit);
	kit_open(&rig->kit);
	snprintf(rig->path, sizeof(rig->path), "%s/attachments", rig->kit.root);
	rig_open(rig);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void rig_end(struct rig *rig)
{
	baton_files_close(&rig->files);
	assert_int_equal(nftw(rig->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	kit_done(&rig->kit);
}

/* A picture of `bytes`: the signature, then what follows from their place. */
static char *picture(size_t bytes)
{
	char *p = malloc(bytes);
	for (size_t i = 0; i < bytes; i++)
		p[i] = (char)(i * 31 + i / 4099);
	memcpy(p, png, sizeof(png) - 1 < bytes ? sizeof(png) - 1 : bytes);
	return p;
}

static struct baton_upload_ask ask_for(struct rig *rig, unsigned session, const char *name,
				       uint64_t bytes)
{
	return (struct baton_upload_ask){ .session = kit_id(session),
					  .id = kit_id(1000000 + ++rig->last),
					  .bytes = bytes,
					  .unix_ms = 5000,
					  .name = baton_str_of(name),
					  .bytes_max = 5 * MIB,
					  .session_bytes_max = 20 * MIB,
					  .types = types,
					  .n_types = 3 };
}

static int put(struct rig *rig, const struct baton_upload_ask *ask, const char *p,
	       struct baton_file_info *info)
{
	struct baton_upload *upload;
	int rc = baton_upload_new(rig->files, ask, &upload);
	if (rc < 0)
		return rc;
	for (uint64_t at = 0; at < ask->bytes && rc == 0; at += 4096)
		rc = baton_upload_write(upload, p + at,
					(size_t)(ask->bytes - at < 4096 ? ask->bytes - at : 4096));
	if (rc == 0)
		rc = baton_upload_end(upload, info);
	baton_upload_free(&upload);
	return rc;
}

static int put_picture(struct rig *rig, unsigned session, size_t bytes,
		       struct baton_file_info *info)
{
	struct baton_upload_ask ask = ask_for(rig, session, "a.png", bytes);
	char *p = picture(bytes);
	int rc = put(rig, &ask, p, info);
	free(p);
	return rc;
}

static int put_text(struct rig *rig, const char *name, baton_str text, struct baton_file_info *info)
{
	struct baton_upload_ask ask = ask_for(rig, 1, name, text.n);
	return put(rig, &ask, text.p, info);
}

/* The bytes that come out, or why not. */
static int get(struct rig *rig, unsigned session, const struct baton_id *id, struct baton_buf *out)
{
	struct baton_id whose = kit_id(session);
	struct baton_download *file = NULL;
	size_t before;
	int rc = baton_download_open(rig->files, &whose, id, &file);
	while (rc == 0) {
		before = out->n;
		rc = baton_download_read(file, out);
		if (out->n == before)
			break;
	}
	baton_download_close(&file);
	return rc;
}

static void is_the_picture(struct rig *rig, unsigned session, const struct baton_id *id,
			   size_t bytes)
{
	struct baton_buf out = { NULL, 0, 0 };
	char *p = picture(bytes);
	assert_int_equal(get(rig, session, id, &out), 0);
	assert_int_equal(out.n, bytes);
	assert_memory_equal(out.p, p, bytes);
	baton_buf_done(&out);
	free(p);
}

static int get_nothing(struct rig *rig, unsigned session, const struct baton_id *id)
{
	struct baton_buf out = { NULL, 0, 0 };
	int rc = get(rig, session, id, &out);
	baton_buf_done(&out);
	return rc;
}

/* The log says that the conversation has the file. */
static void name_in_log(struct rig *rig, unsigned session, uint64_t seq, const struct baton_id *id)
{
	char text[BATON_ID_TEXT + 1];
	struct baton_event event = { .type = BATON_EV_ATTACHMENT_ADDED };
	struct baton_buf json = { NULL, 0, 0 };
	baton_id_text(id, text);
	event.attachment_added.attachment = baton_str_of(text);
	baton_event_json(&event, BATON_AUDIENCE_AGENT, &json);
	struct baton_record record = { .seq = seq + 1,
				       .unix_ms = 1,
				       .type = BATON_EV_ATTACHMENT_ADDED,
				       .payload = baton_buf_view(&json) };
	struct baton_append append = {
		.session = kit_id(session), .expected_seq = seq, .records = &record, .n_records = 1
	};
	uint64_t ticket = rig->kit.next_ticket++;
	assert_int_equal(baton_lane_append(rig->kit.lane, &append, ticket), 0);
	kit_wait(&rig->kit);
	assert_int_equal(rig->kit.rc[ticket], 0);
	baton_buf_done(&json);
}

static void path_of(struct rig *rig, unsigned session, const struct baton_id *id, bool settled,
		    char path[BATON_PATH_MAX])
{
	struct baton_id whose = kit_id(session);
	if (settled)
		assert_int_equal(place_settled(rig->files, &whose, id, path), 0);
	else
		assert_int_equal(place_porch(rig->files, &whose, id, "", path), 0);
}

static size_t slurp(const char *path, char **ret)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	*ret = malloc((size_t)st.st_size);
	assert_int_equal(pread(fd, *ret, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

static void spit(const char *path, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
}

/* --- in and out ------------------------------------------------------------------------------ */

static void what_went_in_comes_out_at_every_length(void **state)
{
	static const size_t lengths[] = { 8, 9, 65535, 65536, 65537, 131072, 200000 };
	struct baton_file_info info;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(put_picture(&rig, 1, lengths[i], &info), 0);
		assert_string_equal(info.type, "image/png");
		assert_int_equal(info.bytes, lengths[i]);
		is_the_picture(&rig, 1, &info.id, lengths[i]);
	}
	rig_end(&rig);
}

static void nothing_of_it_can_be_read_on_the_disk(void **state)
{
	static const char words[] = "the customer's own words about account 4711";
	char path[BATON_PATH_MAX], *p;
	struct baton_file_info info;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_text(&rig, "private-4711.txt", BATON_STR(words), &info), 0);
	path_of(&rig, 1, &info.id, false, path);
	size_t n = slurp(path, &p);
	assert_null(memmem(p, n, "own words", 9));
	assert_null(memmem(p, n, "4711", 4));
	free(p);
	rig_end(&rig);
}

static void a_file_is_of_its_own_conversation_alone(void **state)
{
	struct baton_file_info info, found;
	struct baton_id other = kit_id(2), own = kit_id(1);
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, 100, &info), 0);
	assert_true(baton_files_find(rig.files, &own, &info.id, &found));
	assert_string_equal(found.name, "a.png");
	assert_false(baton_files_find(rig.files, &other, &info.id, &found));
	assert_int_equal(get_nothing(&rig, 2, &info.id), BATON_E_NOTFOUND);
	rig_end(&rig);
}

/* --- damage ---------------------------------------------------------------------------------- */

static void a_torn_moved_or_shortened_chunk_is_damage(void **state)
{
	enum { BYTES = 200000 };
	char path[BATON_PATH_MAX], *p, *q;
	struct baton_file_info info;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, BYTES, &info), 0);
	path_of(&rig, 1, &info.id, false, path);
	size_t n = slurp(path, &p);
	slurp(path, &q);
	for (size_t at = 8; at < n; at += 1499) { /* a flipped bit anywhere that is used */
		bool unused = (at >= FILE_AT_WRAPS && at < FILE_AT_META) ||
			      (at >= FILE_AT_META + 2 && at < FILE_HEADER_BYTES);
		q[at] ^= 4;
		spit(path, q, n);
		if (!unused)
			assert_int_equal(get_nothing(&rig, 1, &info.id), BATON_E_CORRUPT);
		q[at] ^= 4;
	}
	memcpy(q + FILE_HEADER_BYTES, p + FILE_HEADER_BYTES + FILE_STORED_CHUNK, FILE_STORED_CHUNK);
	memcpy(q + FILE_HEADER_BYTES + FILE_STORED_CHUNK, p + FILE_HEADER_BYTES, FILE_STORED_CHUNK);
	spit(path, q, n);
	assert_int_equal(get_nothing(&rig, 1, &info.id), BATON_E_CORRUPT);
	for (size_t cut = 1; cut < n; cut += 9973) {
		spit(path, p, n - cut);
		assert_int_equal(get_nothing(&rig, 1, &info.id), BATON_E_CORRUPT);
	}
	/* The right length again, without the last chunk's being the last. */
	memcpy(q, p, n);
	uint64_t fewer = htole64(BYTES - 3 * BATON_FILE_CHUNK_BYTES + 2 * BATON_FILE_CHUNK_BYTES);
	memcpy(q + FILE_AT_BYTES, &fewer, sizeof(fewer));
	spit(path, q, file_stored_bytes(le64toh(fewer)));
	assert_int_equal(get_nothing(&rig, 1, &info.id), BATON_E_CORRUPT);
	spit(path, p, n);
	is_the_picture(&rig, 1, &info.id, BYTES);
	free(p);
	free(q);
	rig_end(&rig);
}

static void a_chunk_of_another_file_and_a_file_in_anothers_place_are_damage(void **state)
{
	enum { BYTES = 100000 };
	char here[BATON_PATH_MAX], there[BATON_PATH_MAX], *p, *q;
	struct baton_file_info one, two;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, BYTES, &one), 0);
	assert_int_equal(put_picture(&rig, 2, BYTES, &two), 0);
	path_of(&rig, 1, &one.id, false, here);
	path_of(&rig, 2, &two.id, false, there);
	size_t n = slurp(here, &p);
	slurp(there, &q);
	spit(here, q, n);
	assert_int_equal(get_nothing(&rig, 1, &one.id), BATON_E_CORRUPT);
	memcpy(q, p, FILE_HEADER_BYTES);
	spit(here, q, n);
	assert_int_equal(get_nothing(&rig, 1, &one.id), BATON_E_CORRUPT);
	/* Also with the ids of the place it was put to. */
	free(q);
	slurp(there, &q);
	memcpy(q + FILE_AT_FILE, one.id.b, 16);
	memcpy(q + FILE_AT_SESSION, one.session.b, 16);
	spit(here, q, n);
	assert_int_equal(get_nothing(&rig, 1, &one.id), BATON_E_CORRUPT);
	free(p);
	free(q);
	rig_end(&rig);
}

/* --- types and names ------------------------------------------------------------------------- */

static void the_bytes_say_what_a_file_is(void **state)
{
	struct baton_file_info info;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_text(&rig, "scan.PDF", BATON_STR("%PDF-1.7 ..."), &info), 0);
	assert_string_equal(info.type, "application/pdf");
	assert_string_equal(info.name, "scan.PDF");
	assert_int_equal(put_text(&rig, "photo.png", BATON_STR("MZ\x90\0\3"), &info),
			 BATON_E_UNSUPPORTED);
	assert_int_equal(put_text(&rig, "a.gif", BATON_STR("GIF89a but not taken here"), &info),
			 BATON_E_UNSUPPORTED);
	assert_int_equal(put_text(&rig, "x.html", BATON_STR("<script>alert(1)</script>"), &info),
			 0);
	assert_string_equal(info.type, "text/plain");
	assert_string_equal(info.name, "x.html.txt");
	assert_int_equal(put_text(&rig, "latin.txt",
				  BATON_STR("gr\xfc\xdf"
					    "e"),
				  &info),
			 BATON_E_UNSUPPORTED);
	assert_int_equal(put_text(&rig, "cut.txt", BATON_STR("gr\xc3"), &info),
			 BATON_E_UNSUPPORTED);
	rig_end(&rig);
}

static void text_has_to_stay_text_across_its_chunks(void **state)
{
	enum { BYTES = 150000 };
	struct baton_file_info info;
	struct rig rig;
	char *p = malloc(BYTES);
	(void)state;
	rig_begin(&rig);
	for (size_t i = 0; i + 3 <= BYTES; i += 3)
		memcpy(p + i, "\xe2\x82\xac", 3); /* the euro sign lies across 65536 */
	struct baton_upload_ask ask = ask_for(&rig, 1, "prices.txt", BYTES);
	assert_int_equal(put(&rig, &ask, p, &info), 0);
	p[BYTES - 2] = '\0';
	ask = ask_for(&rig, 1, "prices.txt", BYTES);
	assert_int_equal(put(&rig, &ask, p, &info), BATON_E_UNSUPPORTED);
	free(p);
	rig_end(&rig);
}

static void a_name_is_a_label_and_its_ending_true(void **state)
{
	static const struct {
		const char *name, *type, *is;
	} cases[] = {
		{ "a.png", "image/png", "a.png" },
		{ "../../etc/passwd", "text/plain", "passwd.txt" },
		{ "C:\\Users\\me\\scan.pdf", "application/pdf", "scan.pdf" },
		{ "refund.bat", "text/plain", "refund.bat.txt" },
		{ "invoice\xe2\x80\xaegpj.exe", "image/jpeg", "invoicegpj.exe.jpg" },
		{ "a\r\nSet-Cookie: x.txt", "text/plain", "aSet-Cookie x.txt" },
		{ "...", "image/png", "file.png" },
		{ "", "image/png", "file.png" },
		{ "  .hidden.txt ", "text/plain", "hidden.txt" },
		{ "\xff\xfe", "image/png", "file.png" },
		{ "stra\xc3\x9f"
		  "e \xe2\x82\xac.TXT",
		  "text/plain",
		  "stra\xc3\x9f"
		  "e \xe2\x82\xac.TXT" },
		{ "a\xe2\x80\x8b\xef\xbb\xbf"
		  "b.csv",
		  "text/plain", "ab.csv" },
		{ ".txt", "text/plain", "txt.txt" },
	};
	char name[BATON_FILE_NAME_MAX + 1], longer[2000];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		baton_kind_name(baton_str_of(cases[i].name), cases[i].type, name, sizeof(name));
		assert_string_equal(name, cases[i].is);
	}
	for (size_t n = 100; n < sizeof(longer); n += 61) {
		for (size_t i = 0; i + 3 <= n; i += 3)
			memcpy(longer + i, "\xe2\x82\xac", 3);
		baton_kind_name((baton_str){ longer, n / 3 * 3 }, "image/png", name, sizeof(name));
		assert_true(strlen(name) <= BATON_FILE_NAME_MAX);
		assert_true(baton_str_utf8_ok(baton_str_of(name)));
		assert_string_equal(name + strlen(name) - 4, ".png");
	}
}

/* --- limits ---------------------------------------------------------------------------------- */

static void a_conversation_has_so_many_files_and_bytes(void **state)
{
	struct baton_file_info info;
	struct baton_id own = kit_id(1);
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	struct baton_upload_ask ask = ask_for(&rig, 9, "a.png", 100);
	ask.session_bytes_max = 150;
	char *p = picture(100);
	assert_int_equal(put(&rig, &ask, p, &info), 0);
	ask.id = kit_id(777777);
	assert_int_equal(put(&rig, &ask, p, &info), BATON_E_LIMIT);
	ask.bytes = 6 * MIB;
	assert_int_equal(put(&rig, &ask, p, &info), BATON_E_TOO_BIG);
	ask.bytes = 0;
	assert_int_equal(put(&rig, &ask, p, &info), BATON_E_INVAL);
	free(p);
	for (unsigned i = 0; i < BATON_FILES_SESSION_MAX; i++) {
		assert_int_equal(put_picture(&rig, 1, 50, &info), 0);
		if (i % 2 == 0) {
			name_in_log(&rig, 1, i / 2, &info.id);
			baton_files_sweep(rig.files, 5999); /* not yet */
		}
	}
	assert_int_equal(put_picture(&rig, 1, 50, &info), BATON_E_LIMIT);
	/* The settled ones count as well; what nobody named is gone. */
	assert_int_equal(baton_files_sweep(rig.files, 6000), BATON_FILES_SESSION_MAX / 2 + 1);
	struct baton_files_sum sum;
	assert_int_equal(baton_files_count(rig.files, &own, &sum), 0);
	assert_int_equal(sum.files, BATON_FILES_SESSION_MAX / 2);
	assert_int_equal(sum.bytes, 50 * BATON_FILES_SESSION_MAX / 2);
	for (unsigned i = 0; i < BATON_FILES_SESSION_MAX / 2; i++)
		assert_int_equal(put_picture(&rig, 1, 50, &info), 0);
	assert_int_equal(put_picture(&rig, 1, 50, &info), BATON_E_LIMIT);
	rig_end(&rig);
}

static void uploads_under_way_are_bounded_and_leave_nothing_behind(void **state)
{
	struct baton_upload *uploads[BATON_FILES_UPLOADS_MAX], *more;
	struct baton_files_stats stats;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	for (unsigned i = 0; i < BATON_FILES_UPLOADS_MAX; i++) {
		struct baton_upload_ask ask =
			ask_for(&rig, i / BATON_FILES_UPLOADS_SESSION_MAX, "a.png", 100);
		assert_int_equal(baton_upload_new(rig.files, &ask, &uploads[i]), 0);
		assert_int_equal(baton_upload_write(uploads[i], png, 8), 0);
	}
	struct baton_upload_ask ask = ask_for(&rig, 500, "a.png", 100);
	assert_int_equal(baton_upload_new(rig.files, &ask, &more), BATON_E_AGAIN);
	baton_upload_free(&uploads[0]);
	ask = ask_for(&rig, 1, "a.png", 100); /* it has three */
	assert_int_equal(baton_upload_new(rig.files, &ask, &more), BATON_E_AGAIN);
	for (unsigned i = 1; i < BATON_FILES_UPLOADS_MAX; i++)
		baton_upload_free(&uploads[i]);
	baton_files_stats(rig.files, &stats);
	assert_int_equal(stats.uploads + stats.porch + stats.porch_bytes, 0);
	assert_int_equal(rmdir(rig.files->porch_path), 0); /* it is empty */
	assert_int_equal(mkdir(rig.files->porch_path, 0700), 0);
	rig_end(&rig);
}

static void more_or_less_than_announced_is_refused(void **state)
{
	struct baton_file_info info;
	struct baton_upload *upload;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	struct baton_upload_ask ask = ask_for(&rig, 1, "a.png", 8);
	assert_int_equal(baton_upload_new(rig.files, &ask, &upload), 0);
	assert_int_equal(baton_upload_write(upload, png, 7), 0);
	assert_int_equal(baton_upload_end(upload, &info), BATON_E_INVAL);
	assert_int_equal(baton_upload_write(upload, png, 2), BATON_E_INVAL);
	baton_upload_free(&upload);
	rig_end(&rig);
}

static void a_full_disk_is_told_and_leaves_nothing(void **state)
{
	struct rlimit before, small = { 100000, 0 };
	struct baton_file_info info;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = put_picture(&rig, 1, 300000, &info);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rc, BATON_E_FULL);
	assert_int_equal(put_picture(&rig, 1, 300000, &info), 0);
	/* And where too little is left for the journal, before a byte is written. */
	rig.files->reserve_bytes = UINT64_MAX;
	assert_int_equal(put_picture(&rig, 1, 100, &info), BATON_E_FULL);
	rig_end(&rig);
}

/* --- the porch, the log, erasing ------------------------------------------------------------- */

static void after_a_restart_what_was_uploaded_may_still_be_named(void **state)
{
	struct baton_file_info info, found;
	struct baton_id own = kit_id(1);
	char path[BATON_PATH_MAX];
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, 70000, &info), 0);
	path_of(&rig, 1, &info.id, false, path);
	strcat(path, ".part"); /* NOLINT: room is left */
	spit(path, "half", 4);
	baton_files_close(&rig.files);
	rig_open(&rig);
	assert_true(baton_files_find(rig.files, &own, &info.id, &found));
	assert_string_equal(found.sha256, info.sha256);
	assert_string_equal(found.name, "a.png");
	assert_int_equal(access(path, F_OK), -1);
	is_the_picture(&rig, 1, &info.id, 70000);
	rig_end(&rig);
}

static void the_sweep_settles_what_the_log_names_and_removes_the_rest(void **state)
{
	struct baton_file_info named, orphan, found;
	struct baton_id own = kit_id(1);
	char porch[BATON_PATH_MAX], settled[BATON_PATH_MAX];
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, 70000, &named), 0);
	assert_int_equal(put_picture(&rig, 1, 70000, &orphan), 0);
	name_in_log(&rig, 1, 0, &named.id);
	assert_int_equal(baton_files_sweep(rig.files, 5999), 0);
	assert_true(baton_files_find(rig.files, &own, &orphan.id, &found));
	assert_int_equal(baton_files_sweep(rig.files, 6000), 1);
	assert_false(baton_files_find(rig.files, &own, &orphan.id, &found));
	assert_int_equal(get_nothing(&rig, 1, &orphan.id), BATON_E_NOTFOUND);
	path_of(&rig, 1, &named.id, false, porch);
	path_of(&rig, 1, &named.id, true, settled);
	assert_int_equal(access(porch, F_OK), -1);
	assert_int_equal(access(settled, F_OK), 0);
	is_the_picture(&rig, 1, &named.id, 70000);
	rig_end(&rig);
}

/* It came before its session, which had no key then. */
static void a_file_of_the_first_message_gets_its_sessions_key_when_it_settles(void **state)
{
	char path[BATON_PATH_MAX], *p;
	struct baton_file_info info;
	struct file_head head;
	struct baton_id own = kit_id(1);
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, 100, &info), 0);
	path_of(&rig, 1, &info.id, false, path);
	int fd = open(path, O_RDONLY);
	assert_int_equal(file_head_read(rig.files, fd, &own, &info.id, &head), 0);
	close(fd);
	assert_int_equal(head.kind, BATON_WRAP_MASTER);
	name_in_log(&rig, 1, 0, &info.id);
	assert_int_equal(baton_files_sweep(rig.files, 6000), 0);
	path_of(&rig, 1, &info.id, true, path);
	size_t n = slurp(path, &p);
	assert_true(n > FILE_HEADER_BYTES);
	assert_memory_equal(p + FILE_AT_WRAPS, "KEY1", 4);
	assert_memory_not_equal(p + FILE_AT_WRAPS + FILE_WRAP_BYTES, "KEY1", 4);
	free(p);
	is_the_picture(&rig, 1, &info.id, 100);
	assert_int_equal(baton_journal_erase(rig.kit.journal, &own), 0);
	assert_int_equal(get_nothing(&rig, 1, &info.id), BATON_E_ERASED);
	rig_end(&rig);
}

static void erasing_takes_all_files_and_a_copy_of_them_is_unreadable(void **state)
{
	struct baton_file_info settled, fresh, late, other;
	struct baton_upload *upload;
	struct baton_files_sum sum;
	struct baton_id own = kit_id(1);
	char path[BATON_PATH_MAX], *p;
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, 70000, &settled), 0);
	name_in_log(&rig, 1, 0, &settled.id);
	baton_files_sweep(rig.files, 6000);
	assert_int_equal(put_picture(&rig, 1, 100, &fresh), 0);
	assert_int_equal(put_picture(&rig, 2, 100, &other), 0);
	struct baton_upload_ask ask = ask_for(&rig, 1, "late.png", 8);
	assert_int_equal(baton_upload_new(rig.files, &ask, &upload), 0);
	assert_int_equal(baton_upload_write(upload, png, 8), 0);
	path_of(&rig, 1, &fresh.id, false, path);
	size_t n = slurp(path, &p);

	assert_int_equal(baton_journal_erase(rig.kit.journal, &own), 0);
	assert_int_equal(baton_files_erase(rig.files, &own, &sum), 0);
	assert_int_equal(sum.files, 2);
	assert_int_equal(sum.bytes, 70100);
	assert_int_equal(baton_upload_end(upload, &late), BATON_E_ERASED);
	baton_upload_free(&upload);
	assert_int_equal(get_nothing(&rig, 1, &settled.id), BATON_E_NOTFOUND);
	assert_int_equal(baton_files_count(rig.files, &own, &sum), 0);
	assert_int_equal(sum.files, 0);
	assert_int_equal(baton_files_erase(rig.files, &own, &sum), 0); /* again: nothing to do */
	spit(path, p, n); /* somebody's copy of the disk */
	assert_int_equal(get_nothing(&rig, 1, &fresh.id), BATON_E_ERASED);
	unlink(path);
	is_the_picture(&rig, 2, &other.id, 100);
	free(p);
	rig_end(&rig);
}

static void what_an_erasure_left_behind_goes_with_the_first_sweep(void **state)
{
	struct baton_file_info info;
	struct baton_id own = kit_id(1);
	char path[BATON_PATH_MAX];
	struct rig rig;
	(void)state;
	rig_begin(&rig);
	assert_int_equal(put_picture(&rig, 1, 100, &info), 0);
	name_in_log(&rig, 1, 0, &info.id);
	baton_files_sweep(rig.files, 6000);
	path_of(&rig, 1, &info.id, true, path);
	assert_int_equal(baton_journal_erase(rig.kit.journal, &own), 0); /* and then a power cut */
	baton_files_close(&rig.files);
	rig_open(&rig);
	assert_int_equal(baton_files_sweep(rig.files, 6000), 1);
	assert_int_equal(access(path, F_OK), -1);
	rig_end(&rig);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_went_in_comes_out_at_every_length),
		cmocka_unit_test(nothing_of_it_can_be_read_on_the_disk),
		cmocka_unit_test(a_file_is_of_its_own_conversation_alone),
		cmocka_unit_test(a_torn_moved_or_shortened_chunk_is_damage),
		cmocka_unit_test(a_chunk_of_another_file_and_a_file_in_anothers_place_are_damage),
		cmocka_unit_test(the_bytes_say_what_a_file_is),
		cmocka_unit_test(text_has_to_stay_text_across_its_chunks),
		cmocka_unit_test(a_name_is_a_label_and_its_ending_true),
		cmocka_unit_test(a_conversation_has_so_many_files_and_bytes),
		cmocka_unit_test(uploads_under_way_are_bounded_and_leave_nothing_behind),
		cmocka_unit_test(more_or_less_than_announced_is_refused),
		cmocka_unit_test(a_full_disk_is_told_and_leaves_nothing),
		cmocka_unit_test(after_a_restart_what_was_uploaded_may_still_be_named),
		cmocka_unit_test(the_sweep_settles_what_the_log_names_and_removes_the_rest),
		cmocka_unit_test(a_file_of_the_first_message_gets_its_sessions_key_when_it_settles),
		cmocka_unit_test(erasing_takes_all_files_and_a_copy_of_them_is_unreadable),
		cmocka_unit_test(what_an_erasure_left_behind_goes_with_the_first_sweep),
	};
	(void)argc;
	kit_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
