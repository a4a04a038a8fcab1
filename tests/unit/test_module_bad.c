/* SPDX-License-Identifier: Apache-2.0 */

/* Bad files. Each is made from a good one by doing to it what goes wrong in life (cut copies, wrong
 * machines, loose permissions, a linker with other ideas) and staged as the server would: all are
 * refused, each with its one line, and nothing of them is left. `*` in a line stands for a number
 * or a path of this build. */
#include "tests/unit/module_rig.h"

#include "core/module/elf.h"
#include "core/module/file.h"
#include "core/module/shelf.h"

#include <elf.h>
#include <fnmatch.h>

enum { LINES_MIN = 25 };

static unsigned refused_n;

/* --- doing things to a good file ---------------------------------------------------------- */

static char *at(struct baton_buf *file, size_t offset)
{
	assert_true(offset < file->n);
	return file->p + offset;
}

static Elf64_Ehdr *header(struct baton_buf *file)
{
	return (Elf64_Ehdr *)(void *)file->p;
}

static Elf64_Phdr *segment(struct baton_buf *file, uint32_t type, uint32_t flags)
{
	Elf64_Phdr *s = (Elf64_Phdr *)(void *)at(file, header(file)->e_phoff);
	for (size_t i = 0; i < header(file)->e_phnum; i++)
		if (s[i].p_type == type && (s[i].p_flags & flags) == flags)
			return &s[i];
	fail_msg("no segment of type %u", type);
	return NULL;
}

static Elf64_Dyn *dynamic(struct baton_buf *file, int64_t tag)
{
	Elf64_Dyn *d = (Elf64_Dyn *)(void *)at(file, segment(file, PT_DYNAMIC, 0)->p_offset);
	for (; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return d;
	fail_msg("no dynamic entry %jd", (intmax_t)tag);
	return NULL;
}

/* One that nobody misses becomes another. */
static void add_dynamic(struct baton_buf *file, int64_t tag, uint64_t value)
{
	Elf64_Dyn *d = dynamic(file, DT_RELACOUNT);
	d->d_tag = tag;
	d->d_un.d_val = value;
}

/* Writes over a name in the strings; its offset there. */
static uint64_t rename_string(struct baton_buf *file, const char *from, const char *to)
{
	char *strings = at(file, dynamic(file, DT_STRTAB)->d_un.d_ptr);
	size_t n = dynamic(file, DT_STRSZ)->d_un.d_val;
	char *name = memmem(strings, n, from, strlen(from) + 1);
	assert_non_null(name);
	assert_true(strlen(to) <= strlen(from));
	memcpy(name, to, strlen(to) + 1);
	return (uint64_t)(name - strings);
}

static char *note(struct baton_buf *file)
{
	char *p = memmem(file->p, file->n, "Baton\0\0", 8);
	assert_non_null(p);
	return p + 8;
}

/* --- what goes wrong inside of a file ----------------------------------------------------- */

static void cut_header(struct baton_buf *f)
{
	f->n = 40;
}
static void cut_segments(struct baton_buf *f)
{
	f->n = sizeof(Elf64_Ehdr) + 100;
}
static void cut_middle(struct baton_buf *f)
{
	const Elf64_Phdr *code = segment(f, PT_LOAD, PF_X);
	f->n = code->p_offset + code->p_filesz / 2;
}
static void cut_dynamic(struct baton_buf *f)
{
	f->n = segment(f, PT_DYNAMIC, 0)->p_offset + 32;
}
static void make_text(struct baton_buf *f)
{
	baton_buf_reset(f);
	baton_buf_z(f, "#!/bin/sh\necho this is no module\n");
}
static void wrong_class(struct baton_buf *f)
{
	f->p[EI_CLASS] = ELFCLASS32;
}
static void wrong_endian(struct baton_buf *f)
{
	f->p[EI_DATA] = ELFDATA2MSB;
}
static void wrong_machine(struct baton_buf *f)
{
	header(f)->e_machine = EM_S390;
}
static void object_file(struct baton_buf *f)
{
	header(f)->e_type = ET_REL;
}
static void program(struct baton_buf *f)
{
	baton_buf_reset(f);
	rig_read("/proc/self/exe", f);
}
static void no_segments(struct baton_buf *f)
{
	header(f)->e_phnum = 0;
}
static void no_stack(struct baton_buf *f)
{
	segment(f, PT_GNU_STACK, 0)->p_type = PT_NULL;
}
static void writable_code(struct baton_buf *f)
{
	segment(f, PT_LOAD, PF_X)->p_flags |= PF_W;
}
static void overlap(struct baton_buf *f)
{
	Elf64_Phdr *s = segment(f, PT_LOAD, PF_X);
	s[1].p_vaddr = s->p_vaddr;
	s[1].p_offset = s->p_offset;
}
static void two_dynamics(struct baton_buf *f)
{
	*segment(f, PT_GNU_RELRO, 0) = *segment(f, PT_DYNAMIC, 0);
}
static void wrong_major(struct baton_buf *f)
{
	note(f)[4] = 9;
}
static void far_minor(struct baton_buf *f)
{
	note(f)[12] = 77;
}
static void hostile_id(struct baton_buf *f)
{
	memcpy(note(f) + 24, "../../../etc", 13);
}
static void unknown_flags(struct baton_buf *f)
{
	note(f)[16] = 64;
}
static void textrel(struct baton_buf *f)
{
	add_dynamic(f, DT_TEXTREL, 0);
}
static void rpath(struct baton_buf *f)
{
	add_dynamic(f, DT_RPATH, 1);
}
static void runpath(struct baton_buf *f)
{
	add_dynamic(f, DT_RUNPATH, 1);
}
static void audit(struct baton_buf *f)
{
	add_dynamic(f, DT_AUDIT, 1);
}
static void static_tls_flag(struct baton_buf *f)
{
	add_dynamic(f, DT_FLAGS, DF_STATIC_TLS);
}
static void needs(struct baton_buf *f, const char *library)
{
	add_dynamic(f, DT_NEEDED, rename_string(f, "_ITM_deregisterTMCloneTable", library));
}
static void needs_lmdb(struct baton_buf *f)
{
	needs(f, "liblmdb.so.0");
}
static void needs_stranger(struct baton_buf *f)
{
	needs(f, "libvendor-sdk.so.3");
}
static void needs_path(struct baton_buf *f)
{
	needs(f, "/tmp/libc.so.6");
}
static void imports_fork(struct baton_buf *f)
{
	(void)rename_string(f, "__gmon_start__", "fork");
}
static void imports_exec(struct baton_buf *f)
{
	(void)rename_string(f, "__gmon_start__", "execve");
}
static void imports_exit(struct baton_buf *f)
{
	(void)rename_string(f, "__gmon_start__", "_exit");
}
static void imports_spawn(struct baton_buf *f)
{
	(void)rename_string(f, "__gmon_start__", "posix_spawn");
}
static void imports_dlmopen(struct baton_buf *f)
{
	(void)rename_string(f, "__gmon_start__", "dlmopen");
}
static void imports_chdir(struct baton_buf *f)
{
	(void)rename_string(f, "__gmon_start__", "chdir");
}
static void renamed_entry(struct baton_buf *f)
{
	(void)rename_string(f, "baton_module_entry", "paton_module_entry");
}
static void hidden_entry(struct baton_buf *f)
{
	char *strings = at(f, dynamic(f, DT_STRTAB)->d_un.d_ptr);
	Elf64_Sym *s = (Elf64_Sym *)(void *)at(f, dynamic(f, DT_SYMTAB)->d_un.d_ptr);
	for (s++; strcmp(strings + s->st_name, "baton_module_entry") != 0; s++)
		;
	s->st_other = STV_HIDDEN;
}

static const struct row {
	const char *what;
	void (*spoil)(struct baton_buf *file);
	const char *line;
} spoiled[] = {
	{ "cut in the header", cut_header,
	  "not a shared object: expected an ELF file, found 40 other bytes; install the .so that the "
	  "build made" },
	{ "cut in the program headers", cut_segments,
	  "cut file: program headers lie outside the 164 bytes; copy or build it again" },
	{ "cut in its code", cut_middle,
	  "cut file: segment * lies outside the * bytes; copy or build it again" },
	{ "cut in the dynamic section", cut_dynamic,
	  "cut file: segment * lies outside the * bytes; copy or build it again" },
	{ "a text", make_text,
	  "not a shared object: expected an ELF file, found 33 other bytes; install the .so that the "
	  "build made" },
	{ "32 bits", wrong_class,
	  "wrong word size: expected 64-bit little endian, found class 1 data 1; build it for this "
	  "machine" },
	{ "big endian", wrong_endian,
	  "wrong word size: expected 64-bit little endian, found class 2 data 2; build it for this "
	  "machine" },
	{ "another machine's", wrong_machine,
	  "wrong machine: expected *, found 22; build it for this machine" },
	{ "an object file", object_file,
	  "wrong file type: expected a shared object (3), found 1; link it with -shared" },
	{ "a program", program,
	  "not a module: expected a .note.baton note, found none; write it with "
	  "BATON_MODULE_NOTE" },
	{ "no segments", no_segments,
	  "bad program headers: expected 1..64 of 56 bytes, found 0 of 56; copy or build it again" },
	{ "no word on the stack", no_stack,
	  "executable stack: expected PT_GNU_STACK without X, found none; link it with -z "
	  "noexecstack" },
	{ "writable code", writable_code,
	  "writable code: expected no segment with W and X, found one; link it without -N and without "
	  "writable sections of code" },
	{ "overlapping segments", overlap,
	  "bad segment: expected ascending addresses, found an overlap; copy or build it again" },
	{ "two dynamic sections", two_dynamics,
	  "bad dynamic section: expected one, found 2; copy or build it again" },
	{ "another ABI", wrong_major,
	  "wrong ABI: built for ABI 9, this server speaks 1; build it with this server's "
	  "baton/module.h" },
	{ "a newer minor", far_minor,
	  "newer ABI: needs 1.77, this server speaks 1.*; update the server, or build it with a lower "
	  "BATON_ABI_NEEDED" },
	{ "an id that is a path", hostile_id,
	  "bad note: expected an id of a-z 0-9 . - _, found something else; write it with "
	  "BATON_MODULE_NOTE" },
	{ "flags of tomorrow", unknown_flags,
	  "bad note: expected flags known here, found flags 0x40; write it with BATON_MODULE_NOTE" },
	{ "text relocations", textrel,
	  "text relocations: expected position independent code, found DT_TEXTREL; compile it with "
	  "-fPIC" },
	{ "RPATH", rpath, "search path: expected none, found DT_RPATH; link it without -rpath" },
	{ "RUNPATH", runpath,
	  "search path: expected none, found DT_RUNPATH; link it without -rpath" },
	{ "an audit library", audit,
	  "orders to the linker: expected none, found dynamic tag 0x6ffffefc; link it without audit "
	  "and filter libraries" },
	{ "static TLS", static_tls_flag,
	  "static TLS: expected -ftls-model=global-dynamic, found DF_STATIC_TLS; compile it with "
	  "that" },
	{ "LMDB", needs_lmdb,
	  "forbidden library: liblmdb.so.0 beside the server's own; keep data through kv_put, or give "
	  "the module `isolation: process`" },
	{ "a library nobody knows", needs_stranger,
	  "library: expected nothing that the whole server would share, found libvendor-sdk.so.3; "
	  "leave it out, or give the module `isolation: process`" },
	{ "a library by its path", needs_path,
	  "library: expected nothing that the whole server would share, found /tmp/libc.so.6; leave "
	  "it out, or give the module `isolation: process`" },
	{ "fork", imports_fork,
	  "forbidden import: a module may not call fork(); ask the host for what you need of it" },
	{ "execve", imports_exec,
	  "forbidden import: a module may not call execve(); ask the host for what you need of it" },
	{ "_exit", imports_exit,
	  "forbidden import: a module may not call _exit(); ask the host for what you need of it" },
	{ "posix_spawn", imports_spawn,
	  "forbidden import: a module may not call posix_spawn(); ask the host for what you need of "
	  "it" },
	{ "dlmopen", imports_dlmopen,
	  "forbidden import: a module may not call dlmopen(); ask the host for what you need of it" },
	{ "chdir", imports_chdir,
	  "import: expected nothing that the whole server would share, found chdir; leave it out, or "
	  "give the module `isolation: process`" },
	{ "another name for the entry", renamed_entry,
	  "exported symbols: expected only baton_module_entry, found paton_module_entry; link it with "
	  "the SDK's version script" },
	{ "no entry", hidden_entry,
	  "exported symbols: expected baton_module_entry, found none; link it with the SDK's version "
	  "script" },
};

/* --- staging ------------------------------------------------------------------------------ */

static bool in_maps(const char *text)
{
	struct baton_buf maps = { 0 };
	rig_read("/proc/self/maps", &maps);
	bool found = strstr(maps.p, text) != NULL;
	baton_buf_done(&maps);
	return found;
}

/* The whole line is `line`, and nothing is left of the file. */
static void assert_refused(struct rig *rig, const char *what, const char *line)
{
	char copies[256];
	int rc = rig_stage(rig);
	if (rc >= 0)
		fail_msg("%s: was not refused", what);
	if (fnmatch(line, rig->why, 0) != 0)
		fail_msg("%s:\nexpected \"%s\"\nfound    \"%s\"", what, line, rig->why);
	assert_null(strchr(rig->why, '\n'));
	assert_null(rig->release);
	assert_false(in_maps(rig->run));
	rig_path(copies, sizeof(copies), rig->run, "modules");
	(void)rmdir(copies); /* only an empty one goes */
	assert_int_equal(access(copies, F_OK), -1);
	baton_policy_free(&rig->policy);
	refused_n++;
}

static void install_bytes(struct rig *rig, const char *name, baton_str bytes)
{
	char path[256];
	rig_path(path, sizeof(path), rig->modules, name);
	rig_write(path, bytes);
	assert_int_equal(chmod(path, 0644), 0);
}

static void read_good(const struct rig *rig, struct baton_buf *file)
{
	char path[512];
	baton_buf_reset(file);
	rig_path(path, sizeof(path), rig->base, "tests/modules/good.so");
	rig_read(path, file);
}

static void every_spoiled_file_is_refused_with_its_line(void **state)
{
	struct rig *rig = *state;
	struct baton_buf file = { 0 };
	char line[600];
	for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
		read_good(rig, &file);
		spoiled[i].spoil(&file);
		install_bytes(rig, "it.so", baton_buf_view(&file));
		(void)rig_module(rig, "it", "provider", "it.so", "{}");
		(void)snprintf(line, sizeof(line), "it.so: %s", spoiled[i].line);
		assert_refused(rig, spoiled[i].what, line);
	}
	read_good(rig, &file);
	install_bytes(rig, "it.so", baton_buf_view(&file));
	(void)rig_module(rig, "it", "provider", "it.so", "{}");
	assert_int_equal(rig_stage(rig), 0); /* nothing of it was in the way of a good one */
	baton_buf_done(&file);
}

/* A program that is not position independent has no note either; one that is a PIE says so. */
static void what_the_build_made_wrong_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *so, *kind, *line;
	} rows[] = {
		{ "other_major.so", "provider",
		  "wrong ABI: built for ABI 2, this server speaks 1; build it with this server's "
		  "baton/module.h" },
		{ "newer_minor.so", "provider",
		  "newer ABI: needs 1.999, this server speaks 1.*; update the server, or build it "
		  "with a lower BATON_ABI_NEEDED" },
		{ "no_note.so", "provider",
		  "not a module: expected a .note.baton note, found none; write it with "
		  "BATON_MODULE_NOTE" },
		{ "two_exports.so", "provider",
		  "exported symbols: expected only baton_module_entry, found baton_log_level; link "
		  "it with the SDK's version script" },
		{ "exec_stack.so", "provider",
		  "executable stack: expected none, found PT_GNU_STACK with X; link it with -z "
		  "noexecstack" },
		{ "static_tls.so", "provider",
		  "static TLS: expected -ftls-model=global-dynamic, found DF_STATIC_TLS; compile it "
		  "with that" },
		{ "forbidden.so", "provider",
		  "forbidden import: a module may not call system(); ask the host for what you need "
		  "of it" },
		{ "good.so", "classifier", "wrong kind: expected classifier, found provider*" },
		{ "wrong_id.so", "provider",
		  "descriptor: expected the note's id fixture, found another; say the same in both" },
		{ "wrong_magic.so", "provider",
		  "magic: expected 0x314e5442, found 0x0; begin it with BATON_MODULE_HEAD" },
		{ "bad_load.so", "provider", "load: expected 0, found -11 (*)*" },
	};
	struct rig *rig = *state;
	char from[128], line[600];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_path(from, sizeof(from), "tests/modules", rows[i].so);
		rig_install(rig, from, rows[i].so);
		(void)rig_module(rig, "it", rows[i].kind, rows[i].so, "{}");
		(void)snprintf(line, sizeof(line), "%s: %s", rows[i].so, rows[i].line);
		assert_refused(rig, rows[i].so, line);
	}
}

static void refuse_name(struct rig *rig, const char *name, const char *line)
{
	(void)rig_module(rig, "it", "provider", name, "{}");
	assert_refused(rig, name, line);
}

static void what_is_no_plain_file_is_refused_with_its_line(void **state)
{
	struct rig *rig = *state;
	char path[256], target[256];
	rig_install(rig, "tests/modules/good.so", "good.so");
	rig_path(target, sizeof(target), rig->modules, "good.so");
	rig_path(path, sizeof(path), rig->modules, "link.so");
	assert_int_equal(symlink(target, path), 0);
	refuse_name(rig, "link.so",
		    "link.so: expected a file, found a link; install the .so itself");
	rig_path(path, sizeof(path), rig->modules, "pipe.so");
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse_name(
		rig, "pipe.so",
		"pipe.so: expected a regular file, found something else; install the .so itself");
	rig_path(path, sizeof(path), rig->modules, "dir.so");
	assert_int_equal(mkdir(path, 0755), 0);
	refuse_name(
		rig, "dir.so",
		"dir.so: expected a regular file, found something else; install the .so itself");
	install_bytes(rig, "empty.so", BATON_STR_NONE);
	refuse_name(
		rig, "empty.so",
		"empty.so: expected 1..67108864 bytes, found 0; install the .so that the build made");
	install_bytes(rig, "huge.so", BATON_STR("x"));
	rig_path(path, sizeof(path), rig->modules, "huge.so");
	assert_int_equal(truncate(path, (off_t)BATON_ELF_BYTES_MAX + 1), 0);
	refuse_name(
		rig, "huge.so",
		"huge.so: expected 1..67108864 bytes, found 67108865; install the .so that the build made");
	refuse_name(
		rig, "../good.so",
		"../good.so: expected a plain file name, found a path; name a file of the modules directory");
	refuse_name(
		rig, ".good.so",
		".good.so: expected a plain file name, found a path; name a file of the modules directory");
	refuse_name(rig, "missing.so", "missing.so: No such file or directory*");
}

static void what_others_could_have_written_is_refused_with_its_line(void **state)
{
	struct rig *rig = *state;
	char path[256];
	rig_install(rig, "tests/modules/good.so", "good.so");
	rig_path(path, sizeof(path), rig->modules, "good.so");
	assert_int_equal(chmod(path, 0664), 0);
	refuse_name(
		rig, "good.so",
		"good.so: expected nobody else to have write access, found mode 0664; chmod go-w");
	assert_int_equal(chmod(path, 0646), 0);
	refuse_name(
		rig, "good.so",
		"good.so: expected nobody else to have write access, found mode 0646; chmod go-w");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(rig->modules, 0777), 0);
	refuse_name(rig, "good.so",
		    "/*: expected nobody else to have write access, found mode 0777; chmod go-w");
	assert_int_equal(chmod(rig->modules, 0755), 0);
	if (geteuid() != 0)
		return; /* only root can give a file away */
	assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
	refuse_name(rig, "good.so",
		    "good.so: expected owner root or 0, found 12345; give it to one of them");
	assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	assert_int_equal(chown(rig->modules, 12345, (gid_t)-1), 0);
	refuse_name(rig, "good.so",
		    "/*: expected owner root or 0, found 12345; give it to one of them");
	assert_int_equal(chown(rig->modules, 0, (gid_t)-1), 0);
}

static void other_bytes_than_the_pinned_are_refused_with_their_line(void **state)
{
	static const char other[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct rig *rig = *state;
	struct baton_buf file = { 0 };
	uint8_t sha256[32];
	char hex[65], line[600];
	read_good(rig, &file);
	baton_file_sha256(baton_buf_view(&file), sha256);
	baton_file_hex(sha256, 32, hex);
	install_bytes(rig, "it.so", baton_buf_view(&file));
	rig_module(rig, "it", "provider", "it.so", "{}")->sha256 = other;
	(void)snprintf(line, sizeof(line),
		       "it.so: pinned: expected sha256 %s, found %s; install the file that was "
		       "meant, or change `sha256` in modules.yaml",
		       other, hex);
	assert_refused(rig, "another hash", line);
	rig_module(rig, "it", "provider", "it.so", "{}")->sha256 = hex;
	assert_int_equal(rig_stage(rig), 0);
	baton_buf_done(&file);
}

static void a_process_of_its_own_may_have_what_the_server_may_not(void **state)
{
	static void (*const fine[])(struct baton_buf *) = { needs_lmdb, needs_stranger,
							    imports_chdir };
	static void (*const never[])(struct baton_buf *) = { imports_fork, imports_exit, rpath,
							     writable_code, textrel };
	struct rig *rig = *state;
	struct baton_buf file = { 0 };
	struct baton_elf elf;
	char why[512];
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		read_good(rig, &file);
		fine[i](&file);
		assert_int_equal(
			baton_elf_check_for(baton_buf_view(&file), true, &elf, why, sizeof(why)),
			0);
		assert_non_null(elf.isolated_because);
	}
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		read_good(rig, &file);
		never[i](&file);
		assert_int_equal(
			baton_elf_check_for(baton_buf_view(&file), true, &elf, why, sizeof(why)),
			BATON_E_MODULE);
	}
	baton_buf_done(&file);
}

static void what_leaves_something_behind_is_told_and_never_unmapped(void **state)
{
	static const char *const names[] = { "setenv",    "dlopen",         "setlocale",
					     "sigaction", "pthread_create", "tss_create",
					     "on_exit" };
	struct rig *rig = *state;
	struct baton_buf file = { 0 };
	struct baton_elf elf;
	char why[512];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		read_good(rig, &file);
		(void)rename_string(&file, "__gmon_start__", names[i]);
		assert_int_equal(baton_elf_check(baton_buf_view(&file), &elf, why, sizeof(why)), 0);
		assert_string_equal(elf.resident_because, names[i]);
	}
	read_good(rig, &file);
	needs(&file, "libcurl.so.4");
	assert_int_equal(baton_elf_check(baton_buf_view(&file), &elf, why, sizeof(why)), 0);
	assert_string_equal(elf.resident_because, "libcurl.so.4");
	read_good(rig, &file);
	add_dynamic(&file, DT_FLAGS_1, DF_1_NODELETE);
	assert_int_equal(baton_elf_check(baton_buf_view(&file), &elf, why, sizeof(why)), 0);
	assert_string_equal(elf.resident_because, "DF_1_NODELETE");
	baton_buf_done(&file);
}

static void a_good_file_names_its_build(void **state)
{
	struct rig *rig = *state;
	struct baton_buf file = { 0 };
	struct baton_elf elf;
	char why[512];
	read_good(rig, &file);
	assert_int_equal(baton_elf_check(baton_buf_view(&file), &elf, why, sizeof(why)), 0);
	size_t n = strlen(elf.build_id);
	assert_true(n == 0 || n >= 32); /* not every linker writes one */
	assert_int_equal(strspn(elf.build_id, "0123456789abcdef"), n);
	baton_buf_done(&file);
}

/* What was counted above; last of all. */
static void at_least_twenty_five_of_them_were_refused(void **state)
{
	(void)state;
	print_message("# %u bad files, each refused with its line\n", refused_n);
	assert_true(refused_n >= LINES_MIN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_spoiled_file_is_refused_with_its_line),
		T(what_the_build_made_wrong_is_refused_with_its_line),
		T(what_is_no_plain_file_is_refused_with_its_line),
		T(what_others_could_have_written_is_refused_with_its_line),
		T(other_bytes_than_the_pinned_are_refused_with_their_line),
		T(a_process_of_its_own_may_have_what_the_server_may_not),
		T(what_leaves_something_behind_is_told_and_never_unmapped),
		T(a_good_file_names_its_build),
		T(at_least_twenty_five_of_them_were_refused),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
