/* SPDX-License-Identifier: Apache-2.0 */

/* The static check. The file is read as a stranger would send it: offsets lie, sizes overflow,
 * names do not end. The steps run in order and each may rely on what those before it have
 * established. Surprising: the dynamic symbol table has no length of its own; it is told by the
 * hash tables, and so relocations are checked against it too (an import hidden behind the end would
 * be found there).
 */
#include "core/module/elf.h"

#include "core/base/errors.h"
#include "core/module/file.h"
#include "core/module/imports.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	SEGMENTS_MAX = 64,
	DYNAMIC_MAX = 1024,
	SYMBOLS_MAX = 1 << 20,
	NOTES_MAX = 64,
	MAPPED_MAX = 512 * 1024 * 1024
};

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64, STATIC_TLS_RELOCATION = R_X86_64_TPOFF64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64, STATIC_TLS_RELOCATION = R_AARCH64_TLS_TPREL };
#elif defined(__riscv)
enum { MACHINE = EM_RISCV, STATIC_TLS_RELOCATION = R_RISCV_TLS_TPREL64 };
#else
enum { MACHINE = EM_NONE, STATIC_TLS_RELOCATION = 0xffff };
#endif

/* What to do about it. */
#define AGAIN "copy or build it again"
#define NOTE "write it with BATON_MODULE_NOTE"
#define MAP "link it with the SDK's version script"
#define STATIC_TLS "static TLS: expected -ftls-model=global-dynamic, found %s; compile it with that"

struct look {
	const uint8_t *p;
	size_t n;
	bool isolated;
	struct baton_elf *out;
	char *why;
	size_t cap;
	Elf64_Phdr segments[SEGMENTS_MAX];
	size_t n_segments;
	/* from the dynamic section: virtual addresses, 0 if absent */
	uint64_t symtab, strtab, strsz, hash, gnu_hash;
	uint64_t rela, relasz, jmprel, pltrelsz;
	uint64_t needed[BATON_ELF_NEEDED_MAX];
	const char *strings;
	size_t n_symbols;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct look *look, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (look->cap > 0)
		(void)vsnprintf(look->why, look->cap, fmt, ap);
	va_end(ap);
	return BATON_E_MODULE;
}

static bool within(const struct look *look, uint64_t offset, uint64_t bytes)
{
	return offset <= look->n && bytes <= look->n - offset;
}

/* The file's bytes behind a virtual address range, or NULL if no segment has all of them. */
static const uint8_t *mapped(const struct look *look, uint64_t address, uint64_t bytes)
{
	for (size_t i = 0; i < look->n_segments; i++) {
		const Elf64_Phdr *s = &look->segments[i];
		if (s->p_type != PT_LOAD || address < s->p_vaddr)
			continue;
		uint64_t at = address - s->p_vaddr;
		if (at <= s->p_filesz && bytes <= s->p_filesz - at)
			return look->p + s->p_offset + at;
	}
	return NULL;
}

static bool word_at(const struct look *look, uint64_t address, uint32_t *ret)
{
	const uint8_t *p = mapped(look, address, sizeof(*ret));
	if (p)
		memcpy(ret, p, sizeof(*ret));
	return p != NULL;
}

/* --- step 1: the header ------------------------------------------------------------------- */

static int read_header(struct look *look)
{
	Elf64_Ehdr h;
	if (look->n < sizeof(h) || memcmp(look->p, ELFMAG, SELFMAG) != 0)
		return refuse(look,
			      "not a shared object: expected an ELF file, found %zu other bytes; "
			      "install the .so that the build made",
			      look->n);
	memcpy(&h, look->p, sizeof(h));
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(
			look,
			"wrong word size: expected 64-bit little endian, found class %u data %u; "
			"build it for this machine",
			h.e_ident[EI_CLASS], h.e_ident[EI_DATA]);
	if (h.e_machine != MACHINE)
		return refuse(look,
			      "wrong machine: expected %d, found %u; build it for this machine",
			      MACHINE, h.e_machine);
	if (h.e_type != ET_DYN)
		return refuse(
			look,
			"wrong file type: expected a shared object (3), found %u; link it with "
			"-shared",
			h.e_type);
	if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 || h.e_phnum > SEGMENTS_MAX)
		return refuse(
			look,
			"bad program headers: expected 1..%d of %zu bytes, found %u of %u; " AGAIN,
			SEGMENTS_MAX, sizeof(Elf64_Phdr), h.e_phnum, h.e_phentsize);
	if (!within(look, h.e_phoff, (uint64_t)h.e_phnum * sizeof(Elf64_Phdr)))
		return refuse(look, "cut file: program headers lie outside the %zu bytes; " AGAIN,
			      look->n);
	look->n_segments = h.e_phnum;
	memcpy(look->segments, look->p + h.e_phoff, look->n_segments * sizeof(Elf64_Phdr));
	return 0;
}

/* --- step 2: the segments ----------------------------------------------------------------- */

static int check_load(struct look *look, const Elf64_Phdr *s, uint64_t *end)
{
	if ((s->p_flags & PF_W) && (s->p_flags & PF_X))
		return refuse(look, "writable code: expected no segment with W and X, found one; "
				    "link it without -N and without writable sections of code");
	if (s->p_filesz > s->p_memsz || s->p_memsz > MAPPED_MAX || s->p_vaddr > MAPPED_MAX)
		return refuse(look, "bad segment: sizes or addresses out of range; " AGAIN);
	if (s->p_align == 0 || (s->p_align & (s->p_align - 1)) != 0 ||
	    ((s->p_vaddr - s->p_offset) & (s->p_align - 1)) != 0)
		return refuse(look,
			      "bad segment: address and offset do not fit its alignment; " AGAIN);
	if (s->p_vaddr < *end)
		return refuse(
			look,
			"bad segment: expected ascending addresses, found an overlap; " AGAIN);
	*end = s->p_vaddr + s->p_memsz;
	return 0;
}

static int read_segments(struct look *look)
{
	uint64_t end = 0;
	bool has_load = false, has_stack = false;
	for (size_t i = 0; i < look->n_segments; i++) {
		const Elf64_Phdr *s = &look->segments[i];
		if (s->p_type == PT_GNU_STACK) {
			if (s->p_flags & PF_X)
				return refuse(look, "executable stack: expected none, found "
						    "PT_GNU_STACK with X; link it with "
						    "-z noexecstack");
			has_stack = true;
			continue;
		}
		if (!within(look, s->p_offset, s->p_filesz))
			return refuse(look,
				      "cut file: segment %zu lies outside the %zu bytes; " AGAIN, i,
				      look->n);
		if (s->p_type != PT_LOAD)
			continue;
		int rc = check_load(look, s, &end);
		if (rc < 0)
			return rc;
		has_load = true;
	}
	/* Without it the loader makes every stack of the process executable, to be on the safe
	 * side. */
	if (!has_stack)
		return refuse(look,
			      "executable stack: expected PT_GNU_STACK without X, found none; "
			      "link it with -z noexecstack");
	return has_load ? 0
			: refuse(look,
				 "nothing to load: expected a PT_LOAD segment, found none; " AGAIN);
}

/* --- step 3: the note, before anything that only matters to modules ----------------------- */

static bool printable(const char *s, size_t cap)
{
	size_t n = strnlen(s, cap);
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return n > 0 && n < cap;
}

/* The id becomes part of file names and metric labels. */
static bool plain_id(const char *s)
{
	if (s[0] == '.')
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '.' ||
		      *s == '-' || *s == '_'))
			return false;
	return true;
}

static int take_note(struct look *look, const uint8_t *desc, size_t n)
{
	baton_note note;
	if (n < sizeof(note.d))
		return refuse(look, "bad note: expected at least %zu bytes, found %zu; " NOTE,
			      sizeof(note.d), n);
	memcpy(&note.d, desc, sizeof(note.d));
	if (note.d.rev != 1)
		return refuse(look, "unknown note: expected revision 1, found %u; " NOTE,
			      note.d.rev);
	if (note.d.abi_major != BATON_ABI_MAJOR)
		return refuse(
			look,
			"wrong ABI: built for ABI %u, this server speaks %u; build it with this "
			"server's baton/module.h",
			note.d.abi_major, BATON_ABI_MAJOR);
	if (note.d.abi_needed > BATON_ABI_MINOR)
		return refuse(
			look,
			"newer ABI: needs %u.%u, this server speaks %u.%u; update the server, or "
			"build it with a lower BATON_ABI_NEEDED",
			note.d.abi_major, note.d.abi_needed, BATON_ABI_MAJOR, BATON_ABI_MINOR);
	if (!printable(note.d.id, sizeof(note.d.id)) || !plain_id(note.d.id))
		return refuse(
			look,
			"bad note: expected an id of a-z 0-9 . - _, found something else; " NOTE);
	if (!printable(note.d.version, sizeof(note.d.version)) ||
	    !printable(note.d.kinds, sizeof(note.d.kinds)))
		return refuse(
			look,
			"bad note: expected printable version and kinds, found something else; " NOTE);
	if (note.d.flags &
	    ~(uint32_t)(BATON_MODF_RESIDENT | BATON_MODF_ISOLATE | BATON_MODF_NO_INLINE))
		return refuse(look, "bad note: expected flags known here, found flags 0x%x; " NOTE,
			      note.d.flags);
	look->out->abi_major = note.d.abi_major;
	look->out->abi_built = note.d.abi_built;
	look->out->abi_needed = note.d.abi_needed;
	look->out->flags = note.d.flags;
	look->out->module_size = note.d.module_size;
	memcpy(look->out->id, note.d.id, sizeof(note.d.id));
	memcpy(look->out->version, note.d.version, sizeof(note.d.version));
	memcpy(look->out->kinds, note.d.kinds, sizeof(note.d.kinds));
	if (note.d.flags & BATON_MODF_RESIDENT)
		look->out->resident_because = "its own note";
	return 0;
}

static void take_build_id(struct look *look, const uint8_t *desc, size_t n)
{
	if (n <= (sizeof(look->out->build_id) - 1) / 2)
		baton_file_hex(desc, n, look->out->build_id);
}

/* One segment may hold several notes. Linkers keep those aligned to 4 and to 8 in segments apart.
 */
static int walk_notes(struct look *look, const Elf64_Phdr *s, unsigned *found)
{
	uint64_t align = s->p_align == 8 ? 8 : 4, at = 0;
	for (int i = 0; i < NOTES_MAX && s->p_filesz - at >= sizeof(Elf64_Nhdr); i++) {
		const uint8_t *p = look->p + s->p_offset + at;
		uint64_t left = s->p_filesz - at;
		Elf64_Nhdr h;
		memcpy(&h, p, sizeof(h));
		uint64_t name = (sizeof(h) + (uint64_t)h.n_namesz + align - 1) & ~(align - 1);
		uint64_t whole = (name + h.n_descsz + align - 1) & ~(align - 1);
		if (name > left || h.n_descsz > left - name)
			return refuse(
				look,
				"bad note: expected it to end in its segment, found otherwise; " AGAIN);
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 &&
		    memcmp(p + sizeof(h), "GNU", 4) == 0)
			take_build_id(look, p + name, h.n_descsz);
		if (h.n_type == 1 && h.n_namesz == 6 && memcmp(p + sizeof(h), "Baton", 6) == 0) {
			int rc =
				++*found > 1
					? refuse(look,
						 "bad note: expected one note of ours, found two; " NOTE)
					: take_note(look, p + name, h.n_descsz);
			if (rc < 0)
				return rc;
		}
		at += whole < left ? whole : left;
	}
	return 0;
}

static int read_notes(struct look *look)
{
	unsigned found = 0;
	for (size_t i = 0; i < look->n_segments; i++) {
		if (look->segments[i].p_type != PT_NOTE)
			continue;
		int rc = walk_notes(look, &look->segments[i], &found);
		if (rc < 0)
			return rc;
	}
	return found ? 0
		     : refuse(look, "not a module: expected a .note.baton note, found none; " NOTE);
}

/* --- step 4: the dynamic section ---------------------------------------------------------- */

static int take_flags(struct look *look, uint64_t tag, uint64_t value)
{
	if (tag == DT_TEXTREL || (tag == DT_FLAGS && (value & DF_TEXTREL)))
		return refuse(
			look,
			"text relocations: expected position independent code, found DT_TEXTREL; "
			"compile it with -fPIC");
	if (tag == DT_FLAGS && (value & DF_STATIC_TLS))
		return refuse(look, STATIC_TLS, "DF_STATIC_TLS");
	if (tag == DT_FLAGS_1 && (value & DF_1_PIE))
		return refuse(look, "wrong file type: expected a shared object, found a program; "
				    "link it with -shared");
	if (tag == DT_FLAGS_1 && (value & DF_1_NODELETE))
		look->out->resident_because = "DF_1_NODELETE";
	return 0;
}

static int take_dynamic(struct look *look, const Elf64_Dyn *d)
{
	const struct {
		int64_t tag;
		uint64_t *to;
	} wanted[] = {
		{ DT_SYMTAB, &look->symtab },     { DT_STRTAB, &look->strtab },
		{ DT_STRSZ, &look->strsz },       { DT_HASH, &look->hash },
		{ DT_GNU_HASH, &look->gnu_hash }, { DT_RELA, &look->rela },
		{ DT_RELASZ, &look->relasz },     { DT_JMPREL, &look->jmprel },
		{ DT_PLTRELSZ, &look->pltrelsz },
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (wanted[i].tag == d->d_tag)
			*wanted[i].to = d->d_un.d_val;
	if (d->d_tag == DT_SYMENT && d->d_un.d_val != sizeof(Elf64_Sym))
		return refuse(
			look,
			"bad dynamic section: expected symbols of 24 bytes, found %ju; " AGAIN,
			(uintmax_t)d->d_un.d_val);
	if (d->d_tag == DT_NEEDED) {
		if (look->out->n_needed == BATON_ELF_NEEDED_MAX)
			return refuse(
				look,
				"too many libraries: expected at most %d, found more; link fewer",
				BATON_ELF_NEEDED_MAX);
		look->needed[look->out->n_needed++] = d->d_un.d_val;
	}
	if (d->d_tag == DT_RPATH || d->d_tag == DT_RUNPATH)
		return refuse(look, "search path: expected none, found %s; link it without -rpath",
			      d->d_tag == DT_RPATH ? "DT_RPATH" : "DT_RUNPATH");
	if (d->d_tag == DT_AUDIT || d->d_tag == DT_DEPAUDIT || d->d_tag == DT_FILTER ||
	    d->d_tag == DT_AUXILIARY)
		return refuse(
			look,
			"orders to the linker: expected none, found dynamic tag 0x%jx; link it "
			"without audit and filter libraries",
			(uintmax_t)d->d_tag);
	return take_flags(look, (uint64_t)d->d_tag, d->d_un.d_val);
}

static const char *string_at(const struct look *look, uint64_t offset)
{
	if (offset >= look->strsz || !memchr(look->strings + offset, 0, look->strsz - offset))
		return NULL;
	return look->strings + offset;
}

/* Fine here, or fine in a process of its own? */
static int take_verdict(struct look *look, enum baton_import verdict, const char *what,
			const char *name)
{
	switch (verdict) {
	case BATON_IMPORT_FINE:
		return 0;
	case BATON_IMPORT_RESIDENT:
		look->out->resident_because = name;
		return 0;
	case BATON_IMPORT_ISOLATED:
		look->out->isolated_because = name;
		if (look->isolated)
			return 0;
		return refuse(
			look,
			"%s: expected nothing that the whole server would share, found %.64s; "
			"leave it out, or give the module `isolation: process`",
			what, name);
	case BATON_IMPORT_REFUSED:
		break;
	}
	return refuse(look,
		      "forbidden import: a module may not call %.64s(); ask the host for what you "
		      "need of it",
		      name);
}

static int check_needed(struct look *look)
{
	for (size_t i = 0; i < look->out->n_needed; i++) {
		const char *name = string_at(look, look->needed[i]);
		if (!name)
			return refuse(look,
				      "bad dynamic section: a library's name lies outside the "
				      "strings; " AGAIN);
		look->out->needed[i] = name;
		/* One environment per process: a second copy of LMDB on the journal's file corrupts
		 * it. */
		if (!look->isolated && strncmp(name, "liblmdb", 7) == 0)
			return refuse(look,
				      "forbidden library: %.64s beside the server's own; keep data "
				      "through kv_put, or give the module `isolation: process`",
				      name);
		int rc = take_verdict(look, baton_import_library(name), "library", name);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_dynamic(struct look *look)
{
	const Elf64_Phdr *s = NULL;
	unsigned found = 0;
	for (size_t i = 0; i < look->n_segments; i++)
		if (look->segments[i].p_type == PT_DYNAMIC && ++found == 1)
			s = &look->segments[i];
	/* Of two the loader takes the last, and who reads it otherwise the first. */
	if (found > 1)
		return refuse(look, "bad dynamic section: expected one, found %u; " AGAIN, found);
	/* The loader reads it where it is mapped, so look at the same place. */
	const uint8_t *p = s ? mapped(look, s->p_vaddr, s->p_filesz) : NULL;
	if (!p || s->p_filesz / sizeof(Elf64_Dyn) > DYNAMIC_MAX)
		return refuse(
			look,
			"bad dynamic section: expected one of at most %d entries, found none; " AGAIN,
			DYNAMIC_MAX);
	bool ended = false;
	for (size_t i = 0; i < s->p_filesz / sizeof(Elf64_Dyn) && !ended; i++) {
		Elf64_Dyn d;
		memcpy(&d, p + i * sizeof(d), sizeof(d));
		ended = d.d_tag == DT_NULL;
		int rc = take_dynamic(look, &d);
		if (rc < 0)
			return rc;
	}
	if (!ended)
		return refuse(look, "bad dynamic section: expected an end, found none; " AGAIN);
	look->strings = (const char *)mapped(look, look->strtab, look->strsz);
	if (!look->strtab || !look->symtab || !look->strings)
		return refuse(
			look,
			"bad dynamic section: expected symbols and strings, found none; " AGAIN);
	return check_needed(look);
}

/* --- step 5: symbols ---------------------------------------------------------------------- */

/* Chains of the GNU hash table end with a set low bit; the longest one tells the last symbol. */
static bool count_by_gnu_hash(const struct look *look, size_t *ret)
{
	uint32_t buckets, first, bloom, bucket, chain = 0;
	if (!word_at(look, look->gnu_hash, &buckets) ||
	    !word_at(look, look->gnu_hash + 4, &first) ||
	    !word_at(look, look->gnu_hash + 8, &bloom) || buckets > SYMBOLS_MAX ||
	    bloom > SYMBOLS_MAX)
		return false;
	uint64_t at = look->gnu_hash + 16 + (uint64_t)bloom * 8,
		 chains = at + (uint64_t)buckets * 4;
	uint64_t last = 0;
	for (uint32_t i = 0; i < buckets; i++) {
		if (!word_at(look, at + (uint64_t)i * 4, &bucket))
			return false;
		last = bucket > last ? bucket : last;
	}
	if (last < first) {
		*ret = first;
		return first <= SYMBOLS_MAX;
	}
	for (; (chain & 1) == 0; last++)
		if (last > SYMBOLS_MAX || !word_at(look, chains + (last - first) * 4, &chain))
			return false;
	*ret = (size_t)last;
	return true;
}

static bool count_symbols(const struct look *look, size_t *ret)
{
	uint32_t n;
	if (look->gnu_hash)
		return count_by_gnu_hash(look, ret);
	if (!look->hash || !word_at(look, look->hash + 4, &n) || n > SYMBOLS_MAX)
		return false;
	*ret = n;
	return true;
}

static int take_import(struct look *look, const char *name)
{
	look->out->n_imports++;
	return take_verdict(look, baton_import_symbol(name), "import", name);
}

static int take_export(struct look *look, const Elf64_Sym *s, const char *name, unsigned *found)
{
	if (strcmp(name, BATON_ENTRY_SYMBOL) != 0)
		return refuse(look,
			      "exported symbols: expected only " BATON_ENTRY_SYMBOL
			      ", found %.64s; " MAP,
			      name);
	if (ELF64_ST_TYPE(s->st_info) != STT_OBJECT || !mapped(look, s->st_value, sizeof(uint32_t)))
		return refuse(look, BATON_ENTRY_SYMBOL
			      ": expected a data object, found something else; " MAP);
	if (++*found > 1)
		return refuse(look, "exported symbols: expected one " BATON_ENTRY_SYMBOL
				    ", found two; " MAP);
	return 0;
}

static int take_symbol(struct look *look, const Elf64_Sym *s, unsigned *found)
{
	unsigned bind = ELF64_ST_BIND(s->st_info), seen = ELF64_ST_VISIBILITY(s->st_other);
	const char *name = string_at(look, s->st_name);
	if (!name)
		return refuse(look, "bad symbol: its name lies outside the strings; " AGAIN);
	if (bind == STB_GNU_UNIQUE)
		look->out->resident_because = "STB_GNU_UNIQUE";
	if (s->st_shndx == SHN_UNDEF)
		return take_import(look, name);
	if (bind == STB_LOCAL || seen == STV_HIDDEN || seen == STV_INTERNAL)
		return 0;
	return take_export(look, s, name, found);
}

static int read_symbols(struct look *look)
{
	unsigned found = 0;
	if (!count_symbols(look, &look->n_symbols) || look->n_symbols > SYMBOLS_MAX)
		return refuse(look,
			      "bad symbol table: its hash table does not tell its length; " AGAIN);
	const uint8_t *p = mapped(look, look->symtab, look->n_symbols * sizeof(Elf64_Sym));
	if (!p)
		return refuse(look, "bad symbol table: %zu symbols lie outside the file; " AGAIN,
			      look->n_symbols);
	for (size_t i = 1; i < look->n_symbols; i++) {
		Elf64_Sym s;
		memcpy(&s, p + i * sizeof(s), sizeof(s));
		int rc = take_symbol(look, &s, &found);
		if (rc < 0)
			return rc;
	}
	return found ? 0
		     : refuse(look, "exported symbols: expected " BATON_ENTRY_SYMBOL
				    ", found none; " MAP);
}

static int check_relocations(struct look *look, uint64_t at, uint64_t bytes)
{
	const uint8_t *p = mapped(look, at, bytes);
	if (bytes > 0 && !p)
		return refuse(look, "bad relocations: they lie outside the file; " AGAIN);
	for (uint64_t i = 0; i < bytes / sizeof(Elf64_Rela); i++) {
		Elf64_Rela r;
		memcpy(&r, p + i * sizeof(r), sizeof(r));
		if (ELF64_R_TYPE(r.r_info) == STATIC_TLS_RELOCATION)
			return refuse(look, STATIC_TLS, "a relocation that needs it");
		if (ELF64_R_SYM(r.r_info) >= look->n_symbols)
			return refuse(look, "bad relocations: one uses symbol %ju of %zu; " AGAIN,
				      (uintmax_t)ELF64_R_SYM(r.r_info), look->n_symbols);
	}
	return 0;
}

static int read_relocations(struct look *look)
{
	int rc = check_relocations(look, look->rela, look->relasz);
	return rc < 0 ? rc : check_relocations(look, look->jmprel, look->pltrelsz);
}

/* ------------------------------------------------------------------------------------------ */

int baton_elf_check_for(baton_str bytes, bool isolated, struct baton_elf *ret_elf, char *why,
			size_t cap)
{
	static int (*const steps[])(struct look *) = {
		read_header, read_segments, read_notes, read_dynamic, read_symbols, read_relocations
	};
	struct baton_elf out;
	struct look look;
	memset(&out, 0, sizeof(out));
	memset(&look, 0, sizeof(look));
	look.p = (const uint8_t *)bytes.p;
	look.n = bytes.n;
	look.isolated = isolated;
	look.out = &out;
	look.why = why;
	look.cap = cap;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int rc = steps[i](&look);
		if (rc < 0)
			return rc;
	}
	*ret_elf = out;
	return 0;
}

int baton_elf_check(baton_str bytes, struct baton_elf *ret_elf, char *why, size_t cap)
{
	return baton_elf_check_for(bytes, false, ret_elf, why, cap);
}

bool baton_elf_has_kind(const char *kinds, const char *kind)
{
	char iface[48];
	(void)snprintf(iface, sizeof(iface), "baton.%s/1", kind);
	while (*kinds) {
		size_t n = strcspn(kinds, " ,");
		baton_str word = { kinds, n };
		if (n > 0 && (baton_str_is(word, kind) || baton_str_is(word, iface)))
			return true;
		kinds += n + (kinds[n] != 0);
	}
	return false;
}
