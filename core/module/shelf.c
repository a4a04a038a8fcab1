/* SPDX-License-Identifier: Apache-2.0 */

/* The shelf's rows in memory, and what is decided on them. The files below it are shelf_file.c's.
 *
 * Three short lists, newest first, searched from the front: a policy set has a few dozen modules
 * and a few files of each. */
#include "core/module/shelf_inside.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/module/file.h"

#include <stdio.h>
#include <time.h>

enum { PREFIX_MIN = 6, CRASHES_KEPT = 64 };

int baton_shelf_open(const struct baton_shelf_options *options, struct baton_shelf **ret, char *why,
		     size_t cap)
{
	struct baton_shelf *shelf = baton_new(struct baton_shelf);
	shelf->dir = baton_memdupz(options->dir, strlen(options->dir));
	shelf->keep = options->keep ? options->keep : BATON_SHELF_KEEP;
	shelf->unix_ms = options->unix_ms ? options->unix_ms : baton_loop_unix_ms;
	(void)pthread_mutex_init(&shelf->lock, NULL);
	int rc = baton_shelf_read(shelf, why, cap);
	if (rc < 0)
		baton_shelf_close(&shelf);
	else
		*ret = shelf;
	return rc;
}

void baton_shelf_close(struct baton_shelf **shelf)
{
	struct baton_shelf *s = *shelf;
	*shelf = NULL;
	if (!s)
		return;
	baton_shelf_rows_done(s);
	(void)pthread_mutex_destroy(&s->lock);
	baton_free(s->dir);
	baton_free(s);
}

void baton_shelf_keep_n(struct baton_shelf *shelf, unsigned keep)
{
	if (!shelf || keep == 0)
		return;
	(void)pthread_mutex_lock(&shelf->lock);
	shelf->keep = keep;
	(void)pthread_mutex_unlock(&shelf->lock);
}

/* --- rows --------------------------------------------------------------------------------- */

struct baton_shelf_row *baton_shelf_row_new(struct baton_shelf_rows *rows, const char *module,
					    const uint8_t sha256[32], uint64_t at_ms,
					    const char *text)
{
	rows->v = baton_realloc(rows->v, (rows->n + 1) * sizeof(*rows->v));
	memmove(rows->v + 1, rows->v, rows->n++ * sizeof(*rows->v));
	struct baton_shelf_row *row = rows->v;
	memset(row, 0, sizeof(*row));
	(void)snprintf(row->module, sizeof(row->module), "%s", module);
	(void)snprintf(row->text, sizeof(row->text), "%s", text);
	memcpy(row->sha256, sha256, sizeof(row->sha256));
	row->at_ms = at_ms;
	return row;
}

static void row_drop(struct baton_shelf_rows *rows, size_t i)
{
	rows->n--;
	memmove(rows->v + i, rows->v + i + 1, (rows->n - i) * sizeof(*rows->v));
}

void baton_shelf_rows_done(struct baton_shelf *shelf)
{
	struct baton_shelf_rows *all[] = { &shelf->good, &shelf->quarantine, &shelf->crashes };
	for (size_t i = 0; i < 3; i++) {
		baton_free(all[i]->v);
		*all[i] = (struct baton_shelf_rows){ NULL, 0 };
	}
}

static bool same(const struct baton_shelf_row *row, const uint8_t sha256[32])
{
	return memcmp(row->sha256, sha256, sizeof(row->sha256)) == 0;
}

static struct baton_shelf_row *row_of(const struct baton_shelf_rows *rows, const uint8_t sha256[32])
{
	for (size_t i = 0; i < rows->n; i++)
		if (same(&rows->v[i], sha256))
			return &rows->v[i];
	return NULL;
}

static void drop_all(struct baton_shelf_rows *rows, const uint8_t sha256[32])
{
	for (size_t i = rows->n; i > 0; i--)
		if (same(&rows->v[i - 1], sha256))
			row_drop(rows, i - 1);
}

/* --- good files --------------------------------------------------------------------------- */

/* Of this module, everything behind the last that is kept. The quarantined do not count: they are
 * nothing to go back to. */
static void trim(struct baton_shelf *shelf, const char *module)
{
	unsigned kept = 0;
	for (size_t i = 0; i < shelf->good.n;) {
		struct baton_shelf_row *row = &shelf->good.v[i];
		bool mine = strcmp(row->module, module) == 0;
		if (mine && kept >= shelf->keep) {
			uint8_t gone[32];
			memcpy(gone, row->sha256, sizeof(gone));
			row_drop(&shelf->good, i);
			if (!row_of(&shelf->good, gone))
				baton_shelf_file_remove(shelf, gone);
			continue;
		}
		kept += mine && !row_of(&shelf->quarantine, row->sha256);
		i++;
	}
}

int baton_shelf_keep(struct baton_shelf *shelf, const char *module, const uint8_t sha256[32],
		     baton_str bytes)
{
	if (!shelf)
		return 0;
	(void)pthread_mutex_lock(&shelf->lock);
	int rc = baton_shelf_file_write(shelf, sha256, bytes);
	if (rc == 0) {
		for (size_t i = shelf->good.n; i > 0; i--)
			if (same(&shelf->good.v[i - 1], sha256) &&
			    strcmp(shelf->good.v[i - 1].module, module) == 0)
				row_drop(&shelf->good, i - 1);
		(void)baton_shelf_row_new(&shelf->good, module, sha256, shelf->unix_ms(), "");
		trim(shelf, module);
		rc = baton_shelf_write(shelf);
	}
	(void)pthread_mutex_unlock(&shelf->lock);
	return rc;
}

static int file_of(struct baton_shelf *shelf, const struct baton_shelf_row *row,
		   struct baton_shelf_file *ret)
{
	struct baton_shelf_file file = { .at_ms = row->at_ms };
	memcpy(file.sha256, row->sha256, sizeof(file.sha256));
	int rc = baton_shelf_file_good(shelf, row->sha256, file.path, sizeof(file.path));
	if (rc == 0)
		*ret = file;
	return rc;
}

int baton_shelf_good(struct baton_shelf *shelf, const char *module, unsigned n,
		     struct baton_shelf_file *ret)
{
	int rc = BATON_E_NOTFOUND;
	if (!shelf)
		return rc;
	(void)pthread_mutex_lock(&shelf->lock);
	for (size_t i = 0; rc < 0 && i < shelf->good.n; i++) {
		const struct baton_shelf_row *row = &shelf->good.v[i];
		struct baton_shelf_file file;
		if (strcmp(row->module, module) != 0 || row_of(&shelf->quarantine, row->sha256) ||
		    file_of(shelf, row, &file) < 0)
			continue;
		if (n-- > 0)
			continue;
		*ret = file;
		rc = 0;
	}
	(void)pthread_mutex_unlock(&shelf->lock);
	return rc;
}

int baton_shelf_find(struct baton_shelf *shelf, const uint8_t sha256[32],
		     struct baton_shelf_file *ret)
{
	if (!shelf)
		return BATON_E_NOTFOUND;
	(void)pthread_mutex_lock(&shelf->lock);
	const struct baton_shelf_row *row = row_of(&shelf->good, sha256);
	int rc = row ? file_of(shelf, row, ret) : BATON_E_NOTFOUND;
	(void)pthread_mutex_unlock(&shelf->lock);
	return rc;
}

/* --- quarantine --------------------------------------------------------------------------- */

static void quarantine(struct baton_shelf *shelf, const uint8_t sha256[32], const char *module,
		       const char *reason)
{
	char hex[65];
	drop_all(&shelf->quarantine, sha256);
	(void)baton_shelf_row_new(&shelf->quarantine, module, sha256, shelf->unix_ms(), reason);
	baton_file_hex(sha256, 32, hex);
	baton_log(BATON_LOG_ERROR, "module_quarantined", "sss", "module", module, "sha256", hex,
		  "reason", reason);
}

void baton_shelf_quarantine(struct baton_shelf *shelf, const uint8_t sha256[32], const char *module,
			    const char *reason)
{
	if (!shelf)
		return;
	(void)pthread_mutex_lock(&shelf->lock);
	quarantine(shelf, sha256, module, reason);
	(void)baton_shelf_write(shelf);
	(void)pthread_mutex_unlock(&shelf->lock);
}

bool baton_shelf_quarantined(struct baton_shelf *shelf, const uint8_t sha256[32], char *reason,
			     size_t cap)
{
	char day[16] = "an unknown day", sha12[13];
	struct tm tm;
	if (!shelf)
		return false;
	(void)pthread_mutex_lock(&shelf->lock);
	const struct baton_shelf_row *row = row_of(&shelf->quarantine, sha256);
	if (row) {
		time_t at = (time_t)(row->at_ms / 1000);
		if (gmtime_r(&at, &tm))
			(void)strftime(day, sizeof(day), "%Y-%m-%d", &tm);
		baton_file_hex(sha256, 6, sha12);
		(void)snprintf(reason, cap,
			       "quarantined on %s: %s; `baton module forgive %s` lets it in again",
			       day, row->text, sha12);
	}
	(void)pthread_mutex_unlock(&shelf->lock);
	return row != NULL;
}

static bool fits(const struct baton_shelf_row *row, const char *prefix, size_t n)
{
	char hex[65];
	baton_file_hex(row->sha256, 32, hex);
	return strncasecmp(hex, prefix, n) == 0;
}

/* The one hash that a prefix means, among files in quarantine. */
static int find_prefix(const struct baton_shelf *shelf, const char *prefix, uint8_t sha256[32])
{
	size_t n = strlen(prefix);
	unsigned found = 0;
	if (n < PREFIX_MIN || n > 64 || strspn(prefix, "0123456789abcdefABCDEF") != n)
		return BATON_E_INVAL;
	for (size_t i = 0; i < shelf->quarantine.n; i++) {
		if (!fits(&shelf->quarantine.v[i], prefix, n))
			continue;
		memcpy(sha256, shelf->quarantine.v[i].sha256, 32);
		found++;
	}
	return found == 1 ? 0 : found ? BATON_E_INVAL : BATON_E_NOTFOUND;
}

int baton_shelf_forgive(struct baton_shelf *shelf, const char *sha, uint8_t ret_sha256[32])
{
	uint8_t sha256[32];
	if (!shelf)
		return BATON_E_NOTFOUND;
	(void)pthread_mutex_lock(&shelf->lock);
	int rc = find_prefix(shelf, sha, sha256);
	if (rc == 0) {
		drop_all(&shelf->quarantine, sha256);
		drop_all(&shelf->crashes, sha256);
		rc = baton_shelf_write(shelf);
		memcpy(ret_sha256, sha256, sizeof(sha256));
	}
	(void)pthread_mutex_unlock(&shelf->lock);
	return rc;
}

/* Crashes within the window, this file's; older ones of anybody are forgotten on the way. A clock
 * that was set back leaves crashes in the future: they count as now. */
static unsigned count_crashes(struct baton_shelf *shelf, const uint8_t sha256[32], uint64_t now)
{
	unsigned n = 0;
	for (size_t i = shelf->crashes.n; i > 0; i--) {
		const struct baton_shelf_row *row = &shelf->crashes.v[i - 1];
		if (i > CRASHES_KEPT ||
		    (row->at_ms < now && now - row->at_ms >= BATON_SHELF_CRASH_WINDOW_MS))
			row_drop(&shelf->crashes, i - 1);
		else
			n += same(row, sha256);
	}
	return n;
}

static bool judge(struct baton_shelf *shelf, const struct baton_shelf_row *crash,
		  enum baton_shelf_crash kind, const char *how)
{
	char reason[BATON_SHELF_REASON_MAX];
	unsigned n = count_crashes(shelf, crash->sha256, crash->at_ms);
	struct baton_shelf_row of = *crash; /* dropping rows moves them */
	switch (kind) {
	case BATON_SHELF_CRASH:
		if (n < BATON_SHELF_CRASHES_MAX)
			return false;
		(void)snprintf(reason, sizeof(reason), "%u crashes in %d min, the last: %s", n,
			       BATON_SHELF_CRASH_WINDOW_MS / 60000, how);
		break;
	case BATON_SHELF_AT_BOOT:
		(void)snprintf(reason, sizeof(reason), "it ended the server at start: %s", how);
		break;
	case BATON_SHELF_HANG:
		(void)snprintf(reason, sizeof(reason), "it held the server: %s", how);
		break;
	}
	quarantine(shelf, of.sha256, of.module, reason);
	return true;
}

bool baton_shelf_crashed(struct baton_shelf *shelf, const char *module, const uint8_t sha256[32],
			 enum baton_shelf_crash kind, const char *how)
{
	if (!shelf)
		return false;
	(void)pthread_mutex_lock(&shelf->lock);
	const struct baton_shelf_row *crash =
		baton_shelf_row_new(&shelf->crashes, module, sha256, shelf->unix_ms(), how);
	bool out = judge(shelf, crash, kind, how);
	(void)baton_shelf_write(shelf);
	(void)pthread_mutex_unlock(&shelf->lock);
	return out;
}

/* --- what is on it ------------------------------------------------------------------------ */

static void write_rows(const struct baton_shelf_rows *rows, const char *text_name,
		       const struct baton_shelf_rows *quarantine, struct baton_buf *out)
{
	char hex[65];
	for (size_t i = 0; i < rows->n; i++) {
		const struct baton_shelf_row *row = &rows->v[i];
		baton_file_hex(row->sha256, 32, hex);
		baton_buf_printf(out, "%s{\"sha256\":\"%s\",\"module\":", i ? "," : "", hex);
		baton_buf_json(out, baton_str_of(row->module));
		baton_buf_printf(out, ",\"at_ms\":%ju", (uintmax_t)row->at_ms);
		if (text_name) {
			baton_buf_printf(out, ",\"%s\":", text_name);
			baton_buf_json(out, baton_str_of(row->text));
		}
		if (quarantine)
			baton_buf_z(out, row_of(quarantine, row->sha256)
						 ? ",\"quarantined\":true"
						 : ",\"quarantined\":false");
		baton_buf_z(out, "}");
	}
}

void baton_shelf_rows_json(const struct baton_shelf *shelf, struct baton_buf *out)
{
	baton_buf_z(out, "{\"good\":[");
	write_rows(&shelf->good, NULL, &shelf->quarantine, out);
	baton_buf_z(out, "],\"quarantined\":[");
	write_rows(&shelf->quarantine, "reason", NULL, out);
	baton_buf_z(out, "],\"crashes\":[");
	write_rows(&shelf->crashes, "how", NULL, out);
	baton_buf_z(out, "]}");
}

void baton_shelf_json(struct baton_shelf *shelf, struct baton_buf *out)
{
	if (!shelf) {
		baton_buf_z(out, "{\"good\":[],\"quarantined\":[],\"crashes\":[]}");
		return;
	}
	(void)pthread_mutex_lock(&shelf->lock);
	baton_shelf_rows_json(shelf, out);
	(void)pthread_mutex_unlock(&shelf->lock);
}
