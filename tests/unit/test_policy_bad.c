/* SPDX-License-Identifier: Apache-2.0 */

/* Over 200 policy files that somebody got wrong, and what an admin is told: the place, a
 * sentence, and the nearest name where there is one. Each is refused whole. */

#include "tests/unit/policy_bad_form.h"
#include "tests/unit/policy_bad_names.h"
#include "tests/unit/policy_bad_values.h"

#include <sys/socket.h>
#include <sys/un.h>

static size_t refused;

static const char *text_of(const char *name)
{
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(whole[i].name, name) == 0)
			return whole[i].text;
	for (size_t i = 0; i < sizeof(policy_base) / sizeof(policy_base[0]); i++)
		if (strcmp(policy_base[i].name, name) == 0)
			return policy_base[i].text;
	fail_msg("the set has no file %s", name);
	return "";
}

static void begin(char dir[POLICY_DIR])
{
	set_begin(dir);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		set_text(dir, whole[i].name, whole[i].text);
}

/* Loads and ends the set; it must be refused with `says` as one of the first lines. */
/* The set as the user `uid` sees it. */
static void expect_refusal_by(uid_t uid, const char *dir, const char *what, const char *says)
{
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;
	uid_t self = geteuid();
	char line[1024];

	baton_buf_z(&said, "\n");
	assert_int_equal(seteuid(uid), 0);
	int rc = baton_policy_load(dir, continuity_report, &said, &policy);
	assert_int_equal(seteuid(self), 0);
	set_end(dir);
	snprintf(line, sizeof(line), "\n%s", says);
	if (rc != BATON_E_POLICY || policy || !strstr(said.p, line))
		fail_msg("%s: result %d, said\n%.*s\nnot\n%s", what, rc, (int)said.n, said.p, says);
	refused++;
	baton_buf_done(&said);
}

static void expect_refusal(const char *dir, const char *what, const char *says)
{
	expect_refusal_by(geteuid(), dir, what, says);
}

static void run(const struct bad_case *c)
{
	char dir[POLICY_DIR];
	struct baton_buf text = { 0 };
	const char *good = text_of(c->file);
	const char *at = strstr(good, c->from);
	size_t n = c->n ? c->n : strlen(c->to);

	assert_non_null(at);
	if (c->from[0])
		baton_buf_add(&text, good, (size_t)(at - good));
	baton_buf_add(&text, c->to, n);
	if (c->from[0])
		baton_buf_z(&text, at + strlen(c->from));
	begin(dir);
	set_write(dir, c->file, text.p ? text.p : "", text.n);
	expect_refusal(dir, c->to, c->says);
	baton_buf_done(&text);
}

static void what_is_no_text_or_no_yaml_is_refused_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_form) / sizeof(bad_form[0]); i++)
		run(&bad_form[i]);
}

static void wrong_values_are_refused_with_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++)
		run(&bad_values[i]);
}

static void wrong_names_are_refused_with_the_nearest_right_one(void **state)
{
	size_t near = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		run(&bad_names[i]);
		near += strstr(bad_names[i].says, "did you mean") != NULL;
	}
	assert_true(near > 50);
}

/* --- what is not a file at all --- */

static void a_folder_where_a_file_belongs_is_refused(void **state)
{
	static const char *const names[] = { "modes.yaml", "budgets.yaml", "routes.yaml" };
	char dir[POLICY_DIR], path[128], says[128];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(dir);
		set_unlink(dir, names[i]);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		snprintf(says, sizeof(says), "%s: error: a file belongs here, not a folder\n",
			 names[i]);
		expect_refusal(dir, names[i], says);
	}
}

static void a_file_where_a_folder_belongs_is_refused(void **state)
{
	char dir[POLICY_DIR];

	(void)state;
	begin(dir);
	set_unlink(dir, "prompts/support.md");
	char path[128];
	snprintf(path, sizeof(path), "%s/prompts", dir);
	assert_int_equal(rmdir(path), 0);
	set_text(dir, "prompts", "Be kind.\n");
	expect_refusal(dir, "prompts", "prompts: error: a folder belongs here, not a file\n");
}

static void links_in_a_circle_out_and_to_nowhere_are_refused(void **state)
{
	static const struct {
		const char *to, *says;
	} links[] = {
		{ "modes.yaml",
		  "modes.yaml: error: cannot be read: Too many levels of symbolic links\n" },
		{ "nowhere.yaml.txt",
		  "modes.yaml: error: cannot be read: No such file or directory\n" },
		{ "/etc/hostname",
		  "modes.yaml: error: a link that leads out of the policy directory\n" },
		{ "../../../../../etc/hostname",
		  "modes.yaml: error: a link that leads out of the policy directory\n" },
		{ "/dev/zero",
		  "modes.yaml: error: a link that leads out of the policy directory\n" },
	};
	char dir[POLICY_DIR], path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		begin(dir);
		set_unlink(dir, "modes.yaml");
		snprintf(path, sizeof(path), "%s/modes.yaml", dir);
		assert_int_equal(symlink(links[i].to, path), 0);
		expect_refusal(dir, links[i].to, links[i].says);
	}
}

static void pipes_and_sockets_are_refused_without_waiting(void **state)
{
	char dir[POLICY_DIR], path[POLICY_DIR + 32];

	(void)state;
	begin(dir);
	set_unlink(dir, "modes.yaml");
	snprintf(path, sizeof(path), "%s/modes.yaml", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refusal(dir, "a pipe", "modes.yaml: error: not a regular file\n");

	struct sockaddr_un address = { .sun_family = AF_UNIX };
	begin(dir);
	set_unlink(dir, "alerts.yaml");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/alerts.yaml", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	expect_refusal(dir, "a socket", "alerts.yaml: error: cannot be read: ");
	close(fd);
}

enum { NOBODY = 65534 };

static void a_file_that_may_not_be_read_is_refused(void **state)
{
	char dir[POLICY_DIR], path[128];

	(void)state;
	begin(dir);
	snprintf(path, sizeof(path), "%s/modes.yaml", dir);
	assert_int_equal(chmod(path, 0), 0);
	/* Root reads everything: then somebody else looks. */
	uid_t reader = geteuid() == 0 ? NOBODY : geteuid();
	assert_int_equal(chmod(dir, 0755), 0);
	expect_refusal_by(reader, dir, "unreadable",
			  "modes.yaml: error: cannot be read: Permission denied\n");
}

static void files_that_are_missing_or_called_otherwise_are_refused(void **state)
{
	static const struct {
		const char *was, *is, *says;
	} names[] = {
		{ "targets.yaml", NULL, "targets.yaml: error: this file is missing\n" },
		{ "classes.yaml", NULL, "classes.yaml: error: this file is missing\n" },
		{ "modes.yaml", "modes.yml", "modes.yml: error: files of a set end in .yaml\n" },
		{ "modes.yaml", "mode.yaml",
		  "mode.yaml: error: no such file belongs to a set, did you mean `modes.yaml`?\n" },
		{ "budgets.yaml", "budget.yaml",
		  "budget.yaml: error: no such file belongs to a set, did you mean `budgets.yaml`?\n" },
		{ "alerts.yaml", "alert.yaml",
		  "alert.yaml: error: no such file belongs to a set, did you mean `alerts.yaml`?\n" },
		{ "modes.yaml", "zzz.yaml", "zzz.yaml: error: no such file belongs to a set\n" },
		{ "drills/outage.yaml", "drills/outage.yml",
		  "drills/outage.yml: error: files of a set end in .yaml\n" },
		{ "drills/outage.yaml", "drills/Outage.yaml",
		  "drills/Outage.yaml:1:7: error: a drill is called as its file is: `Outage`\n" },
		{ "prompts/support.md", NULL,
		  "targets.yaml:2:69: error: there is no prompt `support`\n" },
	};
	char dir[POLICY_DIR], from[128], to[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		begin(dir);
		snprintf(from, sizeof(from), "%s/%s", dir, names[i].was);
		snprintf(to, sizeof(to), "%s/%s", dir, names[i].is ? names[i].is : "");
		assert_int_equal(names[i].is ? rename(from, to) : unlink(from), 0);
		expect_refusal(dir, names[i].was, names[i].says);
	}
}

static void a_file_larger_than_allowed_is_refused(void **state)
{
	static const char *const names[] = { "modes.yaml", "budgets.yaml", "drills/outage.yaml" };
	char dir[POLICY_DIR], path[128], says[128];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(dir);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(truncate(path, BATON_POLICY_FILE_BYTES_MAX + 1), 0);
		snprintf(says, sizeof(says), "%s: error: larger than %d bytes\n", names[i],
			 (int)BATON_POLICY_FILE_BYTES_MAX);
		expect_refusal(dir, names[i], says);
	}
}

/* Last: the others have counted. */
static void at_least_two_hundred_bad_files_were_refused(void **state)
{
	(void)state;
	print_message("# %zu bad policy files, each refused with place and sentence\n", refused);
	assert_true(refused >= 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_text_or_no_yaml_is_refused_with_its_place),
		cmocka_unit_test(wrong_values_are_refused_with_their_place),
		cmocka_unit_test(wrong_names_are_refused_with_the_nearest_right_one),
		cmocka_unit_test(a_folder_where_a_file_belongs_is_refused),
		cmocka_unit_test(a_file_where_a_folder_belongs_is_refused),
		cmocka_unit_test(links_in_a_circle_out_and_to_nowhere_are_refused),
		cmocka_unit_test(pipes_and_sockets_are_refused_without_waiting),
		cmocka_unit_test(a_file_that_may_not_be_read_is_refused),
		cmocka_unit_test(files_that_are_missing_or_called_otherwise_are_refused),
		cmocka_unit_test(a_file_larger_than_allowed_is_refused),
		cmocka_unit_test(at_least_two_hundred_bad_files_were_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
