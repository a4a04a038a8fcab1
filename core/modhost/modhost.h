/* SPDX-License-Identifier: Apache-2.0 */

/* The commands of baton-modhost. */
#pragma once

/* Runs a module once from load() to unload() and tells how it went on descriptor 4
 * (core/module/probe.h). */
int baton_modhost_probe(int argc, char **argv);
