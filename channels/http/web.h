/* SPDX-License-Identifier: Apache-2.0 */

/* The web files (demonstration shop, agent console, widget), read into memory at start. What is
 * served is what is in this table, by its exact path: a request never reaches the file system.
 */
#pragma once

#include "core/base/buf.h"

struct baton_web_file {
	char *path; /* as requested: "/console/app.js" */
	const char *type;
	bool is_widget; /* loaded by pages of other origins */
	char etag[24];  /* with its quotes */
	struct baton_buf body;
};

struct baton_web {
	struct baton_web_file *files;
	size_t n, cap, bytes;
};

/* Missing folders are no error: then there is nothing to serve. */
void baton_web_load(struct baton_web *web, const char *dir);
void baton_web_done(struct baton_web *web);
/* The same file, made small beforehand (its name with .gz), or NULL. */
const struct baton_web_file *baton_web_gzip(const struct baton_web *web,
					    const struct baton_web_file *file);
/* NULL if there is no such file. Lives as long as `web`. */
const struct baton_web_file *baton_web_find(const struct baton_web *web, baton_str path);
