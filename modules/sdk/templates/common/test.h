/* SPDX-License-Identifier: Apache-2.0 */

/* As much of a test framework as unit tests of a module need: TAP on stdout, a fresh host for each
 * test, and a test that broke a rule of the contract has failed. */
#ifndef TEST_H
#define TEST_H

#include <baton/testhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
	baton_testhost *host;
	uint32_t inst;
	const char *failed; /* what first went wrong */
};

static unsigned tests_run, tests_failed; /* main() returns whether any has */

#define CHECK(what)                                          \
	do {                                                 \
		if (!(what) && !rig->failed)                 \
			rig->failed = "expected: " #what;    \
	} while (0)

/* `file` is the module; each test gets an instance of it with this configuration. */
static void test(const char *file, const char *config, const char *name, void (*run)(struct rig *rig))
{
	struct rig rig = { NULL, 0, NULL };
	char why[256] = "", broken[512] = "";

	rig.host = baton_testhost_open(file, NULL, why, sizeof(why));
	if (!rig.host)
		rig.failed = why;
	else if (baton_testhost_create(rig.host, config, &rig.inst) != BATON_OK)
		rig.failed = "create() refused the configuration";
	else
		run(&rig);
	if (rig.host && !rig.failed)
		baton_testhost_destroy(rig.host, rig.inst);
	if (rig.host)
		snprintf(broken, sizeof(broken), "%s", baton_testhost_breach_text(rig.host));
	if (baton_testhost_close(&rig.host) > 0 && !rig.failed)
		rig.failed = broken[0] ? broken : "a rule of the contract was broken";
	printf("%sok %u - %s\n", rig.failed ? "not " : "", ++tests_run, name);
	if (rig.failed)
		printf("# %s\n", rig.failed);
	tests_failed += rig.failed != NULL;
}

#endif
