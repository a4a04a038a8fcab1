/* SPDX-License-Identifier: Apache-2.0 */

/* baton-modhost: one module in a process of its own. The server starts it; by hand it is of no use
 * but to show what it can. A line of the table is a thing it can do. */
#include "core/modhost/modhost.h"

#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0]: the name; returns the exit code */
} commands[] = {
	{ "--run", baton_modhost_run },
	{ "--probe", baton_modhost_probe },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return 2;
}
