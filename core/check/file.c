/* SPDX-License-Identifier: Apache-2.0 */

/* What can be seen without running anything: core/module/elf.c decides, one reason at most; here it
 * becomes a row for each thing that was looked at, so that a badge says what was looked at. */
#include "core/check/inside.h"

#include "core/module/elf.h"
#include "core/module/file.h"

/* In the order of the static check. `reasons`: how its refusals begin, each with a '|' behind it.
 */
static const struct look {
	const char *name, *wants, *reasons;
} looks[] = {
	{ "file", "a regular file of at most 64 MB, no link", "" },
	{ "elf", "a shared object of 64 bits for this machine",
	  "not a shared object|wrong word size|wrong machine|wrong file type|bad program headers|"
	  "cut file|" },
	{ "segments", "no code that can be written, nothing outside the file",
	  "writable code|bad segment|nothing to load|" },
	{ "stack", "no executable stack", "executable stack|" },
	{ "note", "one .note.baton with id, version, kinds",
	  "not a module|bad note|unknown note|" },
	{ "abi", "an ABI that this server speaks", "wrong ABI|newer ABI|" },
	{ "position", "no text relocations", "text relocations|" },
	{ "tls", "no static TLS", "static TLS|" },
	{ "libraries", "no library that the server keeps for itself",
	  "forbidden library|too many libraries|bad dynamic section|" },
	{ "imports", "no fork, exec, exit, dlopen, setenv, chdir, kill",
	  "forbidden import|bad symbol|" },
	{ "exports", "one exported symbol, baton_module_entry",
	  "exported symbols|baton_module_entry|" },
	{ "relocations", "relocations of symbols that exist", "bad relocations|" },
};
enum { LOOKS_N = sizeof(looks) / sizeof(looks[0]) };

static bool is_about(const struct look *look, const char *why)
{
	for (const char *at = look->reasons; *at;) {
		size_t n = strcspn(at, "|");
		if (strncmp(why, at, n) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

/* The row that a refusal belongs to; what nothing says is the file's. */
static size_t row_of(const char *why)
{
	for (size_t i = 0; i < LOOKS_N; i++)
		if (is_about(&looks[i], why))
			return i;
	return 0;
}

static void rows(struct baton_check_report *report, const char *why)
{
	size_t wrong = why ? row_of(why) : LOOKS_N;
	for (size_t i = 0; i < LOOKS_N; i++) {
		struct baton_check_result *r =
			baton_check_result_new(report, looks[i].name, "file", looks[i].wants);
		if (i == wrong) {
			r->verdict = BATON_CHECK_FAILED;
			baton_buf_printf(&r->detail, "%s\n", why);
		} else if (i > wrong) {
			r->verdict = BATON_CHECK_SKIPPED;
			baton_buf_z(&r->detail, "not looked at any more\n");
		}
	}
}

static void remark(struct baton_check_report *report, const struct baton_elf *elf)
{
	struct baton_check_result *r = baton_check_result_new(
		report, "unload", "file", "nothing that keeps its code mapped for ever");
	if (elf->resident_because)
		baton_buf_printf(&r->detail,
				 "it will stay mapped until the server ends, because of: %s\n",
				 elf->resident_because);
}

bool baton_check_file(const struct baton_check_options *o, struct baton_check_report *report,
		      struct baton_elf *ret_elf)
{
	struct baton_buf bytes = { 0 };
	uint8_t sha256[32];
	char why[512] = "";
	int rc = baton_file_read(NULL, o->path, &bytes, why, sizeof(why));
	if (rc == 0) {
		baton_file_sha256(baton_buf_view(&bytes), sha256);
		baton_file_hex(sha256, 32, report->sha256);
		rc = baton_elf_check(baton_buf_view(&bytes), ret_elf, why, sizeof(why));
	}
	rows(report, rc < 0 ? why : NULL);
	if (rc == 0) {
		memcpy(report->id, ret_elf->id, sizeof(report->id));
		memcpy(report->version, ret_elf->version, sizeof(report->version));
		remark(report, ret_elf);
	}
	baton_buf_done(&bytes); /* some of what was found points there */
	if (rc < 0)
		return false;
	if (o->kind && !baton_elf_has_kind(ret_elf->kinds, o->kind)) {
		struct baton_check_result *r = baton_check_result_new(
			report, "kind", "file", "it is of the kind that was asked for");
		r->verdict = BATON_CHECK_FAILED;
		baton_buf_printf(&r->detail, "expected %s, found %s\n", o->kind, ret_elf->kinds);
		return false;
	}
	return true;
}
