/* SPDX-License-Identifier: Apache-2.0 */

/* The commands of baton-modhost. */
#pragma once

/* Holds one module for a server that speaks frames on descriptor 3. */
int baton_modhost_run(int argc, char **argv);
/* Runs a module once from load() to unload() and tells how it went on descriptor 4
 * (core/module/probe.h). */
int baton_modhost_probe(int argc, char **argv);
