/* SPDX-License-Identifier: Apache-2.0 */

/* Policy sets that somebody made to hurt: sizes, depth, laughs, links, bytes. Refused, quickly,
 * without a crash; the sanitizers watch. */

#include "core/base/limits.h"
#include "tests/unit/often.h"
#include "tests/unit/policy_set.h"

#include <dirent.h>
#include <time.h>

/* Loads the sound set with one file replaced; true if `sentence` was said and the set refused. */
static bool refused_with(const char *name, const void *bytes, size_t n, const char *sentence)
{
	char dir[POLICY_DIR];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	set_begin(dir);
	set_write(dir, name, bytes, n);
	int rc = set_load(dir, &said, &policy);
	set_end(dir);
	bool ok = rc == BATON_E_POLICY && !policy && strstr(said.p, sentence) != NULL;
	if (!ok)
		print_message("result %d, said\n%.*s", rc, (int)(said.n < 2000 ? said.n : 2000),
			      said.p);
	baton_policy_free(&policy);
	baton_buf_done(&said);
	return ok;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void a_file_of_100_mb_is_refused_without_reading_it(void **state)
{
	char dir[POLICY_DIR], path[POLICY_DIR + 64];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;
	uint64_t before = now_ms();

	(void)state;
	set_begin(dir);
	snprintf(path, sizeof(path), "%s/escalation.yaml", dir);
	assert_int_equal(truncate(path, 100 * 1000 * 1000), 0);
	assert_int_equal(set_load(dir, &said, &policy), BATON_E_POLICY);
	set_end(dir);
	assert_string_equal(said.p, "escalation.yaml: error: larger than 4194304 bytes\n");
	assert_true(now_ms() - before < 1000);
	baton_buf_done(&said);
}

static void all_files_together_are_bounded(void **state)
{
	char dir[POLICY_DIR], path[POLICY_DIR + 64];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	(void)state;
	set_begin(dir);
	for (int i = 0; i < 20; i++) {
		char name[64];

		snprintf(name, sizeof(name), "prompts/p%02d.md", i);
		set_text(dir, name, "x");
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		assert_int_equal(truncate(path, BATON_POLICY_FILE_BYTES_MAX), 0);
	}
	assert_int_equal(set_load(dir, &said, &policy), BATON_E_POLICY);
	set_end(dir);
	assert_non_null(strstr(said.p, "all files together are larger than 67108864 bytes"));
	baton_buf_done(&said);
}

static void too_many_files_are_refused(void **state)
{
	char dir[POLICY_DIR], first[128], path[128];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	(void)state;
	set_begin(dir);
	set_text(dir, "prompts/p0.md", "x");
	snprintf(first, sizeof(first), "%s/prompts/p0.md", dir);
	for (int i = 1; i < BATON_POLICY_FILES_MAX; i++) {
		snprintf(path, sizeof(path), "%s/prompts/p%d.md", dir, i);
		assert_int_equal(link(first, path), 0); /* one file with many names is soon made */
	}
	assert_int_equal(set_load(dir, &said, &policy), BATON_E_POLICY);
	set_end(dir);
	assert_non_null(strstr(said.p, "more than 4095 files"));
	baton_buf_done(&said);
}

static void a_billion_laughs_are_not_heard(void **state)
{
	static char text[8192];
	size_t at = (size_t)snprintf(
		text, sizeof(text),
		"modules:\n- name: rules\n  kind: rule\n  file: rule-policy.so\n"
		"  config:\n    l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol]\n");

	(void)state;
	for (int i = 1; i < 9;
	     i++) /* 6 aliases a line: 8 * 6^8 values, within the bound on aliases */
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "    l%d: &l%d [*l%d, *l%d, *l%d, *l%d, *l%d, *l%d]\n", i, i,
				       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_true(refused_with("modules.yaml", text, at,
				 "the aliases of this file stand for too many"));

	/* And with too many aliases, before anything is counted. */
	at = (size_t)snprintf(text, sizeof(text), "origins: [&a self");
	for (int i = 0; i < BATON_POLICY_ANCHORS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", *a");
	at += (size_t)snprintf(text + at, sizeof(text) - at, "]\n");
	assert_true(refused_with("channel.yaml", text, at, "too many anchors and aliases"));
	static const char self[] = "origins: &a [*a]\n";
	assert_true(refused_with("channel.yaml", self, sizeof(self) - 1, "no anchor before it"));
}

static void depth_is_bounded(void **state)
{
	static char text[200000];
	size_t n = sizeof(text);

	(void)state;
	memset(text, '[', n);
	assert_true(refused_with("channel.yaml", text, n, "nested too deep"));
	for (size_t i = 0; i < n; i += 2) {
		text[i] = '-';
		text[i + 1] = ' ';
	}
	assert_true(refused_with("channel.yaml", text, n, "nested too deep"));
	for (size_t i = 0; i < n; i += 2) {
		text[i] = '?';
		text[i + 1] = ' ';
	}
	assert_true(refused_with("channel.yaml", text, n, "nested too deep"));
}

static void a_million_keys_cost_no_more_than_reading_them(void **state)
{
	static char text[4 * 1024 * 1024];
	size_t at = 0;
	uint64_t before = now_ms();

	(void)state;
	for (int i = 0; at < sizeof(text) - 32; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "k%d: 1\n", i);
	assert_true(refused_with("channel.yaml", text, at, "the file holds too many values"));
	at = 0;
	for (int i = 0; i < 90000; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "k%d: 1\n", i);
	assert_true(refused_with("channel.yaml", text, at, "more of this file is not shown"));
	assert_true(now_ms() - before < 20000);
}

static void a_link_may_not_lead_out_of_the_directory(void **state)
{
	char dir[POLICY_DIR], path[POLICY_DIR + 64];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	(void)state;
	set_begin(dir);
	snprintf(path, sizeof(path), "%s/prompts/out.md", dir);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(set_load(dir, &said, &policy), BATON_E_POLICY);
	assert_string_equal(
		said.p, "prompts/out.md: error: a link that leads out of the policy directory\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(set_load(dir, &said, &policy), BATON_E_POLICY);
	assert_non_null(strstr(said.p, "prompts/out.md: error: cannot be read"));
	assert_int_equal(unlink(path), 0);
	/* Inside is fine: so are ConfigMaps mounted. */
	assert_int_equal(symlink("support.md", path), 0);
	assert_int_equal(set_load(dir, &said, &policy), 0);
	assert_string_equal(baton_policy_prompt(policy, "out"), "Be kind.\n");
	baton_policy_free(&policy);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: must not be waited for */
	assert_int_equal(set_load(dir, &said, &policy), BATON_E_POLICY);
	assert_string_equal(said.p, "prompts/out.md: error: not a regular file\n");
	set_end(dir);
	baton_buf_done(&said);
}

static void a_nul_is_refused_wherever_it_stands(void **state)
{
	static const char *const files[] = { "routes.yaml", "prompts/support.md",
					     "knowledge/returns.md", "intents/all.yaml" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (size_t j = 0; j < sizeof(policy_base) / sizeof(policy_base[0]); j++) {
			char text[1024];
			size_t n = strlen(policy_base[j].text);

			if (strcmp(policy_base[j].name, files[i]) != 0)
				continue;
			memcpy(text, policy_base[j].text, n);
			for (size_t at = 0; at < n; at += 7) {
				char kept = text[at];

				text[at] = '\0';
				assert_true(refused_with(files[i], text, n, "a NUL byte"));
				text[at] = kept;
			}
		}
	static const char escaped[] = "origins: [\"self\\0\"]\n";
	assert_true(refused_with("channel.yaml", escaped, sizeof(escaped) - 1, "a NUL character"));
}

static void invalid_utf8_is_refused(void **state)
{
	static const char *const bad[] = { "\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80",
					   "\xc0\xaf" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(
			refused_with("prompts/support.md", bad[i], strlen(bad[i]), "not UTF-8"));
	/* UTF-16 is refused, too: no other reading of the same bytes. */
	assert_true(refused_with("channel.yaml", "\xff\xfeo\0", 4, "not UTF-8"));
}

/* --- the shop's own files, damaged --- */

static size_t shop_read(const char *name, char *text, size_t cap)
{
	char path[256];

	snprintf(path, sizeof(path), "policies/shop/%s", name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(text, 1, cap, file);
	fclose(file);
	return n;
}

static uint32_t dice(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void damage(char *text, size_t *n, uint32_t *seed)
{
	static const char spice[] = "\n\t -:[]{}#&*!|>'\"%@`?,\\<=~\0\x80\xc3\xe2";
	size_t times = 1 + dice(seed) % 4;

	if (dice(seed) % 4 == 0) {
		*n = dice(seed) % *n;
		return;
	}
	for (size_t i = 0; i < times; i++)
		text[dice(seed) % *n] =
			dice(seed) % 2 ? spice[dice(seed) % (sizeof(spice) - 1)] : (char)dice(seed);
}

static const char *const shop_files[] = {
	"modules.yaml",
	"targets.yaml",
	"tools.yaml",
	"routes.yaml",
	"classes.yaml",
	"escalation.yaml",
	"desk.yaml",
	"channel.yaml",
	"modes.yaml",
	"budgets.yaml",
	"alerts.yaml",
	"releases.yaml",
	"prompts/house-words.md",
	"intents/tier1-orders.yaml",
	"intents/tier1-shop.yaml",
	"intents/tier2.yaml",
	"intents/tier3.yaml",
	"intents/internal.yaml",
	"identity.yaml",
	"prompts/support.md",
	"prompts/suggestion.md",
	"prompts/writeup.md",
	"knowledge/refunds.md",
};
enum { ROUNDS = OFTEN(60) };
enum { SHOP_FILES_N = sizeof(shop_files) / sizeof(shop_files[0]) };

/* Writes one damaged version of a file and loads the set; true if it was accepted. */
static bool damage_and_load(const char *dir, const char *name, const char *good, size_t n,
			    uint32_t *seed)
{
	static char text[32768];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	memcpy(text, good, n);
	damage(text, &n, seed);
	set_write(dir, name, text, n);
	int rc = set_load(dir, &said, &policy);
	assert_true(rc == 0 || rc == BATON_E_POLICY);
	assert_true((rc == 0) == (policy != NULL));
	/* Who is refused is told why, and what is told can be printed. */
	assert_true(rc == 0 || strstr(said.p, ": error: "));
	assert_true(baton_str_utf8_ok(baton_buf_view(&said)));
	assert_null(memchr(said.p, '\x1b', said.n));
	if (memchr(text, '\0', n))
		assert_int_equal(rc, BATON_E_POLICY);
	baton_policy_free(&policy);
	baton_buf_done(&said);
	return rc == 0;
}

static void damaged_files_never_crash_and_never_bring_a_nul(void **state)
{
	static char good[32768];
	char dir[POLICY_DIR];
	uint32_t seed = 88172645;
	size_t accepted = 0;

	(void)state;
	set_begin(dir);
	set_unlink(dir, "intents/all.yaml");
	for (size_t i = 0; i < SHOP_FILES_N; i++)
		set_write(dir, shop_files[i], good, shop_read(shop_files[i], good, sizeof(good)));
	for (size_t i = 0; i < SHOP_FILES_N; i++) {
		size_t n = shop_read(shop_files[i], good, sizeof(good));

		for (int round = 0; round < ROUNDS; round++)
			accepted += damage_and_load(dir, shop_files[i], good, n, &seed);
		set_write(dir, shop_files[i], good, n);
	}
	set_end(dir);
	assert_in_range(accepted, SHOP_FILES_N * ROUNDS / 20, SHOP_FILES_N * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_100_mb_is_refused_without_reading_it),
		cmocka_unit_test(all_files_together_are_bounded),
		cmocka_unit_test(too_many_files_are_refused),
		cmocka_unit_test(a_billion_laughs_are_not_heard),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(a_million_keys_cost_no_more_than_reading_them),
		cmocka_unit_test(a_link_may_not_lead_out_of_the_directory),
		cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
		cmocka_unit_test(invalid_utf8_is_refused),
		cmocka_unit_test(damaged_files_never_crash_and_never_bring_a_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
