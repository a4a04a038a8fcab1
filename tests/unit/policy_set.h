/* SPDX-License-Identifier: Apache-2.0 */

/* A small policy set in a directory of its own, for the tests of core/policy. It is sound as it stands;
 * each test changes one file and looks at what is said. */
#pragma once

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/module/scratch.h"
#include "core/policy/policy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct policy_file {
	const char *name, *text;
};

/* One file of the set is replaced (removed if text is NULL); then exactly these findings are made. */
struct policy_case {
	const char *promise, *file, *text, *findings;
};

/* clang-format off */
static const struct policy_file policy_base[] = {
	{ "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: primary_chat_model, provider: openai, account: one }\n"
	  "- { name: fast_backup_model, provider: openai, account: two }\n"
	  "- { name: reasoning_model, provider: openai, account: three, prompt: support }\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: customer-policy, on_failure: escalate, approved: [fast_backup_model] }\n"
	  "- { name: internal-drafting, on_failure: fallback }\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- intent: refund-policy\n"
	  "  primary: primary_chat_model\n"
	  "  fallback: fast_backup_model\n"
	  "  max_p95_ms: 3500\n"
	  "  disable_tools_on_fallback: true\n"
	  "- intent: internal-agent-draft\n"
	  "  primary: reasoning_model\n"
	  "  fallback: fast_backup_model\n"
	  "  max_p95_ms: 4500\n"
	  "- intent: default\n"
	  "  primary: primary_chat_model\n"
	  "  class: customer-policy\n" },
	{ "intents/all.yaml",
	  "intents:\n"
	  "- name: refund-policy\n"
	  "  class: customer-policy\n"
	  "  tier: 1\n"
	  "  examples: [when do I get my money back, refund please]\n"
	  "- name: internal-agent-draft\n"
	  "  class: internal-drafting\n"
	  "  tier: 2\n"
	  "  internal: true\n"
	  "- name: complaint\n"
	  "  class: customer-policy\n"
	  "  tier: 3\n"
	  "  examples: [I want to complain, this is unacceptable]\n" },
	{ "escalation.yaml",
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: asks for a person\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: AGENT_NINA_TOKEN }\n" },
	{ "prompts/support.md",
	  "Be kind.\n" },
	{ "knowledge/returns.md",
	  "---\n"
	  "title: Returns\n"
	  "updated: 2026-10-10\n"
	  "---\n"
	  "Thirty days.\n" },
};
/* clang-format on */

enum { POLICY_DIR = BATON_SCRATCH_BYTES };

static inline void set_write(const char *dir, const char *name, const void *bytes, size_t n)
{
	char path[512];
	const char *slash = strchr(name, '/');

	if (slash) {
		snprintf(path, sizeof(path), "%s/%.*s", dir, (int)(slash - name), name);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	/* Not cut to nothing first: some file systems take that for a wish to have it on disk. */
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	assert_int_equal(close(fd), 0);
}

static inline void set_text(const char *dir, const char *name, const char *text)
{
	set_write(dir, name, text, strlen(text));
}

static inline void set_unlink(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

/* A new directory with the sound set. */
static inline void set_begin(char dir[POLICY_DIR])
{
	assert_int_equal(baton_scratch_make(dir, "policy"), BATON_OK);
	for (size_t i = 0; i < sizeof(policy_base) / sizeof(policy_base[0]); i++)
		set_text(dir, policy_base[i].name, policy_base[i].text);
}

static inline void set_end(const char *dir)
{
	baton_scratch_drop(dir);
	assert_int_equal(access(dir, F_OK), -1);
}

static inline void set_report(void *ud, const struct baton_policy_finding *finding)
{
	baton_policy_finding_text(finding, ud);
}

/* Loads it; all that was found, as an admin sees it, goes to `said` (empty if nothing was). */
static inline int set_load(const char *dir, struct baton_buf *said,
			   struct baton_policy **ret_policy)
{
	baton_buf_reset(said);
	baton_buf_z(said, "");
	return baton_policy_load(dir, set_report, said, ret_policy);
}

/* The set that all cases of a process share: to write and delete its files anew for each of
 * hundreds is most of their time. */
static char set_shared[POLICY_DIR];

static inline void set_shared_end(void)
{
	baton_scratch_drop(set_shared);
}

/* As it was before a case changed this file. */
static inline void set_restore(const char *dir, const char *name)
{
	char folder[512];
	const char *slash = strchr(name, '/');

	for (size_t i = 0; i < sizeof(policy_base) / sizeof(policy_base[0]); i++)
		if (strcmp(policy_base[i].name, name) == 0) {
			set_text(dir, name, policy_base[i].text);
			return;
		}
	set_unlink(dir, name);
	if (slash) { /* its folder too, if nothing else is in it */
		snprintf(folder, sizeof(folder), "%s/%.*s", dir, (int)(slash - name), name);
		(void)rmdir(folder);
	}
}

/* Runs the case and compares. A set with an error in it must not be loaded, one without must. */
static inline void set_check_case(const struct policy_case *c)
{
	const char *dir = set_shared;
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	if (!set_shared[0]) {
		set_begin(set_shared);
		assert_int_equal(atexit(set_shared_end), 0);
	}
	if (c->text)
		set_text(dir, c->file, c->text);
	else
		set_unlink(dir, c->file);
	int rc = set_load(dir, &said, &policy);
	set_restore(dir, c->file);
	bool refused = strstr(c->findings, ": error: ") != NULL;
	if (said.n != strlen(c->findings) || memcmp(said.p, c->findings, said.n) != 0)
		fail_msg("%s: said\n%.*s", c->promise, (int)said.n, said.p);
	if (rc != (refused ? BATON_E_POLICY : 0) || (policy != NULL) == refused)
		fail_msg("%s: result %d", c->promise, rc);
	baton_policy_free(&policy);
	baton_buf_done(&said);
}
