/* SPDX-License-Identifier: Apache-2.0 */

/* What a module may call and link, by name: the lists behind rule R7. A module in a process of its
 * own may do more, since what it breaks is its own. */
#pragma once

enum baton_import {
	BATON_IMPORT_FINE,
	BATON_IMPORT_RESIDENT, /* leaves something behind that points into its code: never unmapped */
	BATON_IMPORT_ISOLATED, /* changes what the whole process shares: in its own process only */
	BATON_IMPORT_REFUSED   /* starts programs or ends the process: nowhere */
};

/* A function or object that is imported. */
enum baton_import baton_import_symbol(const char *name);
/* A library that is needed, "libjansson.so.4". Unknown ones are for processes of their own. */
enum baton_import baton_import_library(const char *name);
