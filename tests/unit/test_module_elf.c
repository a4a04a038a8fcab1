/* SPDX-License-Identifier: Apache-2.0 */

/* The static check meets damaged files: cut at any length, flipped at any place. It says no or yes;
 * it never reads outside the bytes (each copy has its exact size, for the address sanitizer). */
#include "tests/unit/module_rig.h"

#include "core/module/elf.h"

#include <elf.h>

enum { FLIPS = 20000 };

static struct baton_buf good;

static int load_good(void **state)
{
	struct rig *rig;
	char path[512];
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	rig_path(path, sizeof(path), rig->base, "tests/modules/good.so");
	baton_buf_reset(&good);
	rig_read(path, &good);
	return 0;
}

static int drop_good(void **state)
{
	baton_buf_done(&good);
	return rig_teardown(state);
}

/* The check of an exact copy of the first `n` bytes. */
static int check(const char *p, size_t n, char *why, size_t cap)
{
	struct baton_elf elf;
	char *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	memcpy(copy, p, n);
	memset(why, 0, cap);
	int rc = baton_elf_check((baton_str){ copy, n }, &elf, why, cap);
	free(copy);
	return rc;
}

static void a_good_module_says_what_it_is(void **state)
{
	struct baton_elf elf;
	char why[256] = "";
	(void)state;
	assert_int_equal(baton_elf_check(baton_buf_view(&good), &elf, why, sizeof(why)), 0);
	assert_string_equal(elf.id, "fixture");
	assert_string_equal(elf.version, "1.0.0");
	assert_int_equal(elf.abi_major, BATON_ABI_MAJOR);
	assert_int_equal(elf.module_size, sizeof(baton_module));
}

static void a_file_cut_anywhere_before_its_data_ends_is_refused(void **state)
{
	char why[256];
	Elf64_Ehdr h;
	Elf64_Phdr s;
	size_t end = 0;
	(void)state;
	memcpy(&h, good.p, sizeof(h));
	for (size_t i = 0; i < h.e_phnum; i++) {
		memcpy(&s, good.p + h.e_phoff + i * sizeof(s), sizeof(s));
		if (s.p_type == PT_LOAD && s.p_offset + s.p_filesz > end)
			end = s.p_offset + s.p_filesz;
	}
	assert_true(end > 1000 && end <= good.n);
	for (size_t n = 0; n < end; n++) {
		assert_int_equal(check(good.p, n, why, sizeof(why)), BATON_E_MODULE);
		assert_true(why[0] != 0);
	}
	assert_int_equal(check(good.p, good.n, why, sizeof(why)), 0);
}

static void flipped_bytes_are_refused_or_harmless(void **state)
{
	char why[256];
	uint64_t x = 88172645463325252u;
	unsigned no = 0;
	(void)state;
	for (int i = 0; i < FLIPS; i++) {
		char old[8];
		size_t at[8];
		unsigned flips = 1 + (unsigned)(i % 8);
		for (unsigned k = 0; k < flips; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			/* Half of them in the headers and tables, where it hurts. */
			at[k] = (size_t)(x >> 8) % (i % 2 ? good.n : 2048);
			old[k] = good.p[at[k]];
			good.p[at[k]] = (char)(good.p[at[k]] ^ (char)(x & 0xff));
		}
		int rc = check(good.p, good.n, why, sizeof(why));
		assert_true(rc == 0 || (rc == BATON_E_MODULE && why[0] != 0));
		no += rc != 0;
		for (unsigned k = flips; k > 0; k--)
			good.p[at[k - 1]] = old[k - 1];
	}
	assert_true(no > FLIPS / 4);
	assert_int_equal(check(good.p, good.n, why, sizeof(why)), 0);
}

static void wrong_kinds_of_file_are_named(void **state)
{
	char why[256];
	char saved[64];
	struct baton_buf self = { 0 };
	(void)state;
	memcpy(saved, good.p, sizeof(saved));
	good.p[EI_CLASS] = ELFCLASS32;
	assert_int_equal(check(good.p, good.n, why, sizeof(why)), BATON_E_MODULE);
	assert_non_null(strstr(why, "wrong word size"));
	memcpy(good.p, saved, sizeof(saved));
	good.p[offsetof(Elf64_Ehdr, e_machine)] =
		(char)(good.p[offsetof(Elf64_Ehdr, e_machine)] + 1);
	assert_int_equal(check(good.p, good.n, why, sizeof(why)), BATON_E_MODULE);
	assert_non_null(strstr(why, "wrong machine"));
	memcpy(good.p, saved, sizeof(saved));
	assert_int_equal(check("#!/bin/sh\n", 10, why, sizeof(why)), BATON_E_MODULE);
	assert_non_null(strstr(why, "not a shared object"));
	/* A program is a shared object, too, to the linker. */
	rig_read("/proc/self/exe", &self);
	assert_int_equal(check(self.p, self.n, why, sizeof(why)), BATON_E_MODULE);
	baton_buf_done(&self);
}

/* A field of the note's description in the good file. */
static char *note_field(size_t offset)
{
	char *at = memmem(good.p, good.n, "Baton\0\0", 8);
	assert_non_null(at);
	return at + 8 + offset;
}

static void notes_that_lie_are_refused(void **state)
{
	static const struct {
		size_t offset;
		const char *bytes, *reason;
		size_t n;
	} rows[] = {
		{ 0, "\2", "expected revision 1, found 2", 1 },
		{ 16, "\x80", "flags 0x80", 1 },
		{ 24, "../../x", "expected an id", 7 },
		{ 24, "", "expected an id", 1 },
		{ 88, "\n", "printable version and kinds", 1 },
		{ 120, "\x80", "printable version and kinds", 1 },
	};
	char why[256], saved[216];
	(void)state;
	memcpy(saved, note_field(0), sizeof(saved));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(note_field(rows[i].offset), rows[i].bytes, rows[i].n);
		assert_int_equal(check(good.p, good.n, why, sizeof(why)), BATON_E_MODULE);
		if (!strstr(why, rows[i].reason))
			fail_msg("expected \"%s\" in \"%s\"", rows[i].reason, why);
		memcpy(note_field(0), saved, sizeof(saved));
	}
	/* An id without its end. */
	memset(note_field(24), 'a', 64);
	assert_int_equal(check(good.p, good.n, why, sizeof(why)), BATON_E_MODULE);
	assert_non_null(strstr(why, "expected an id"));
}

static void kinds_are_whole_words(void **state)
{
	(void)state;
	assert_true(baton_elf_has_kind("rule provider", "provider"));
	assert_true(baton_elf_has_kind("baton.rule/1,baton.provider/1", "provider"));
	assert_false(baton_elf_has_kind("providers rule", "provider"));
	assert_false(baton_elf_has_kind("", "provider"));
	assert_false(baton_elf_has_kind("baton.provider/2", "provider"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, load_good, drop_good)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_good_module_says_what_it_is),
		T(a_file_cut_anywhere_before_its_data_ends_is_refused),
		T(flipped_bytes_are_refused_or_harmless),
		T(wrong_kinds_of_file_are_named),
		T(notes_that_lie_are_refused),
		T(kinds_are_whole_words),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
