/* SPDX-License-Identifier: Apache-2.0 */

/* baton session erase: through the server that runs, or with --offline in its folder when none
 * does. */

#include "core/cli/admin.h"

#include "core/base/errors.h"
#include "core/server/erase.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static void print_rows(const struct baton_json *answer)
{
	static const struct admin_column columns[] = {
		{ "CONVERSATION", "session", NULL }, { "RECORDS", "records", NULL },
		{ "FILES", "files", NULL },          { "BYTES", "bytes", NULL },
		{ "FAILED", "failed", NULL },
	};
	struct baton_json list = baton_json_get(answer, "list"), row;
	size_t at = 0;

	if (baton_json_element(&list, &at, &row))
		admin_table(&list, columns, sizeof(columns) / sizeof(columns[0]));
}

/* What was or would be done, one line; 1 if something failed. */
static int print_answer(const struct cli_options *options, baton_str text)
{
	struct baton_json answer;

	if (baton_json_parse(text, &answer) < 0)
		return CLI_FAILED;
	unsigned long long failed = admin_number(&answer, "failed");
	if (options->json) {
		cli_write(STDOUT_FILENO, text);
		cli_write(STDOUT_FILENO, BATON_STR("\n"));
		return failed > 0 ? CLI_FAILED : CLI_OK;
	}
	print_rows(&answer);
	printf("%s%llu conversations, %llu records, %llu files of %llu bytes%s",
	       options->dry_run ? "would erase: " : "erased: ",
	       (unsigned long long)admin_number(&answer, options->dry_run ? "sessions" : "erased"),
	       (unsigned long long)admin_number(&answer, "records"),
	       (unsigned long long)admin_number(&answer, "files"),
	       (unsigned long long)admin_number(&answer, "bytes"),
	       options->dry_run ? "; nothing was changed\n" : "\n");
	if (failed > 0)
		fprintf(stderr,
			"baton: %llu could not be erased; ask again once the reason is gone\n",
			failed);
	return failed > 0 ? CLI_FAILED : CLI_OK;
}

static void tell_step(void *ud, const struct baton_json *line)
{
	(void)ud;
	fprintf(stderr, "  %llu of %llu\n", (unsigned long long)admin_number(line, "done"),
		(unsigned long long)admin_number(line, "of"));
}

static int online(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct cli_follower follower = { NULL, options->json ? NULL : tell_step };

	admin_begin(&request, "session.erase");
	admin_text(&request, "session", options->operand);
	admin_text(&request, "customer", options->customer);
	admin_text(&request, "why", options->why);
	baton_buf_z(&request, options->dry_run ? ",\"dry_run\":true}" : "}");
	int rc = cli_control_follow(options, &request, &follower, &answer);
	if (rc == CLI_OK)
		rc = print_answer(options, baton_buf_view(&answer));
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}

/* --- without a server ------------------------------------------------------------------------ */

static const char *who(void)
{
	const struct passwd *account = getpwuid(getuid());

	return account ? account->pw_name : "unknown";
}

static int find(const struct cli_options *options, const struct erase_place *place,
		struct erase_list *list)
{
	struct baton_id id;

	if (options->customer)
		return erase_find_customer(place, baton_str_of(options->customer), list);
	if (baton_id_parse(baton_str_of(options->operand), &id) < 0)
		return BATON_E_INVAL;
	return erase_find_session(place, &id, list);
}

static int erase_all(const struct cli_options *options, const struct erase_place *place)
{
	struct erase_list list = { NULL, 0, 0 };
	struct baton_buf out = { NULL, 0, 0 };

	int rc = find(options, place, &list);
	for (size_t i = 0; rc == 0 && i < list.n && !options->dry_run; i++)
		list.rows[i].rc = erase_offline(place, &list.rows[i].session, baton_str_of(who()),
						cli_unix_ms());
	if (rc < 0) {
		fprintf(stderr, "baton: %s\n", baton_error_info(rc)->text);
		rc = CLI_FAILED;
	} else {
		baton_buf_z(&out, "{\"ok\":true,");
		erase_json(&list, options->dry_run, &out);
		baton_buf_z(&out, "}");
		rc = print_answer(options, baton_buf_view(&out));
	}
	erase_list_done(&list);
	baton_buf_done(&out);
	return rc;
}

static int offline(const struct cli_options *options)
{
	char journal_path[4096], key[4096], files_path[4096];
	struct baton_journal_options journal_options = { .path = journal_path, .key_path = key };
	struct baton_files_options files_options = { .path = files_path };
	struct erase_place place = { NULL, NULL };

	cli_log_to_stderr("error");
	(void)snprintf(journal_path, sizeof(journal_path), "%s/journal", options->data);
	(void)snprintf(key, sizeof(key), "%s/master.key", options->data);
	(void)snprintf(files_path, sizeof(files_path), "%s/attachments", options->data);
	if (access(journal_path, R_OK) != 0) {
		fprintf(stderr, "baton: there is no journal in %s; name its folder with --data\n",
			journal_path);
		return CLI_FAILED;
	}
	int rc = baton_journal_open(&journal_options, &place.journal);
	files_options.journal = place.journal;
	if (rc == 0)
		rc = baton_files_open(&files_options, &place.files);
	if (rc < 0)
		fprintf(stderr, "baton: %s; if a server runs on this folder, leave --offline out\n",
			baton_error_info(rc)->text);
	int code = rc == 0 ? erase_all(options, &place) : CLI_FAILED;
	baton_files_close(&place.files);
	baton_journal_close(&place.journal);
	return code;
}

static int cli_session_erase(const struct cli_options *options)
{
	if ((options->operand != NULL) == (options->customer != NULL)) {
		fprintf(stderr,
			"baton session erase: say either a conversation's id or --customer ID; --dry-run"
			" counts first\n");
		return CLI_USAGE;
	}
	return options->offline ? offline(options) : online(options);
}

const struct cli_command cli_session_commands[] = {
	{ "session erase", "[SESSION]",
	  "erase a conversation, or all of a customer: words, files, keys", "dqJQWj",
	  cli_session_erase, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
