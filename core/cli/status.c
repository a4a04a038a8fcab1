/* SPDX-License-Identifier: Apache-2.0 */

/* baton status: what an operator looks at first. All of it comes in one answer over the control
 * socket; what is as it should be takes one line. */

#include "core/cli/admin.h"

#include <stdio.h>
#include <unistd.h>

static void print_duration(uint64_t ms)
{
	struct baton_buf text = { NULL, 0, 0 };

	admin_duration(ms, &text);
	printf("%.*s", (int)text.n, text.p);
	baton_buf_done(&text);
}

static void print_candidate(const struct baton_json *answer)
{
	struct baton_json canary = baton_json_get(answer, "canary");
	unsigned long long number = admin_number(answer, "candidate");

	if (number == 0)
		return;
	if (canary.type == BATON_JSON_OBJECT)
		printf(" (canary %llu, %.4g %%)", number,
		       (double)admin_number(&canary, "share_ppm") / 1e4);
	else
		printf(" (%llu staged)", number);
}

static void print_server(const struct baton_json *answer, bool ready)
{
	struct baton_json server = baton_json_get(answer, "server");
	struct baton_json journal = baton_json_get(&server, "journal");
	struct baton_json draining = baton_json_get(&server, "draining");
	uint64_t started = admin_number(&server, "started_ms"), now = cli_unix_ms();

	printf("%s: ", baton_json_bool(&draining) ? "draining" : ready ? "ready" : "NOT ready");
	admin_print(answer, "base");
	printf(", process %llu, up ", (unsigned long long)admin_number(answer, "pid"));
	print_duration(now > started ? now - started : 0);
	printf(", release %llu", (unsigned long long)admin_number(&server, "release"));
	print_candidate(answer);
	printf("\n  journal  ");
	admin_print(&journal, "state");
	printf(", %llu records\n", (unsigned long long)admin_number(&journal, "records"));
}

static void print_desk(const struct baton_json *answer)
{
	struct baton_json desk = baton_json_get(answer, "desk");
	uint64_t waiting = admin_number(&desk, "waiting");

	printf("  desk     %llu waiting", (unsigned long long)waiting);
	if (waiting > 0) {
		printf(" (the first for ");
		print_duration(admin_number(&desk, "oldest_wait_ms"));
		printf(")");
	}
	printf(", %llu claimed, %llu people free\n",
	       (unsigned long long)admin_number(&desk, "claimed"),
	       (unsigned long long)admin_number(&desk, "agents_free"));
}

/* One line for each element that is not as it should be; how many there are if all are. */
static void print_unusual(const struct baton_json *answer, const char *title, const char *member,
			  const char *const *usual, void (*print)(const struct baton_json *row))
{
	struct baton_json all = baton_json_get(answer, member), row;
	size_t at = 0, n = 0, odd = 0;

	while (baton_json_element(&all, &at, &row)) {
		bool fine = false;

		n++;
		for (size_t i = 0; usual[i]; i++)
			fine = fine || admin_is(&row, "state", usual[i]);
		if (fine)
			continue;
		printf("  %-8s ", odd++ ? "" : title);
		print(&row);
	}
	if (odd == 0 && usual[0])
		printf("  %-8s %zu, as usual\n", title, n);
}

static void print_until(const struct baton_json *row)
{
	uint64_t until = admin_number(row, "until_unix_ms"), now = cli_unix_ms();

	if (until <= now)
		return;
	printf(", at most ");
	print_duration(until - now);
	printf(" more");
}

static void print_target(const struct baton_json *row)
{
	admin_print(row, "target");
	printf(" ");
	admin_print(row, "state");
	printf(": ");
	admin_print(row, "trigger");
	if (!admin_is(row, "disabled_by", "")) {
		printf(", by ");
		admin_print(row, "disabled_by");
	}
	print_until(row);
	printf("\n");
}

static void print_account(const struct baton_json *row)
{
	admin_print(row, "account");
	printf(" closed: ");
	admin_print(row, "trigger");
	printf("\n");
}

static void print_mode(const struct baton_json *row)
{
	admin_print(row, "name");
	printf(" (");
	admin_print(row, "do");
	printf("): ");
	admin_print(row, "trigger");
	if (!admin_is(row, "by", "") && baton_json_get(row, "by").type == BATON_JSON_STRING) {
		printf(", by ");
		admin_print(row, "by");
	}
	print_until(row);
	printf("\n");
}

static void print_drill(const struct baton_json *row)
{
	admin_print(row, "name");
	printf(", by ");
	admin_print(row, "by");
	printf(", ");
	print_duration(admin_number(row, "left_ms"));
	printf(" left\n");
}

/* A transcript backend that does not take events. */
static void print_export(const struct baton_json *row)
{
	admin_print(row, "backend");
	printf(" ");
	admin_print(row, "state");
	printf(", %llu records behind: ", (unsigned long long)admin_number(row, "lag_records"));
	admin_print(row, "why");
	printf("\n");
}

static void print_all(const struct baton_json *answer, bool ready)
{
	static const char *const well[] = { "closed", NULL }, *const open[] = { "open", NULL },
				 *const taking[] = { "ok", NULL },
				 *const off[] = { "off", "pending", NULL },
				 *const never[] = { NULL };

	print_server(answer, ready);
	print_desk(answer);
	print_unusual(answer, "targets", "targets", well, print_target);
	print_unusual(answer, "accounts", "accounts", open, print_account);
	print_unusual(answer, "exports", "exports", taking, print_export);
	print_unusual(answer, "modes", "modes", off, print_mode);
	print_unusual(answer, "drills", "drills", never, print_drill);
}

int cli_status(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct baton_json object = { .type = BATON_JSON_NONE };

	cli_log_to_stderr("error");
	admin_begin(&request, "status");
	int rc = admin_ask(options, &request, &answer);
	if (rc == CLI_OK && baton_json_parse(baton_buf_view(&answer), &object) == 0) {
		struct baton_json value = baton_json_get(&object, "ready");
		bool ready = baton_json_bool(&value);

		if (!options->json)
			print_all(&object, ready);
		rc = ready ? CLI_OK : CLI_DEGRADED;
	}
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}
