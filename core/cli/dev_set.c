/* SPDX-License-Identifier: Apache-2.0 */

/* The folder of a development server: a copy of a policy set with the module in it, the modules it
 * needs, and its data. The module takes the place of the first one of its kind, under that one's
 * name, so that targets and routes stay as they are; unless the set names its file already. What
 * stands beside the module in policy/modules.yaml is its entry. */

#include "core/cli/dev.h"

#include "core/base/mem.h"
#include "core/module/elf.h"
#include "core/module/file.h"
#include "core/module/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 6, PATH_BYTES = PATH_MAX + 300, PARENTS = 4 };

static int complain(const char *what, const char *path)
{
	fprintf(stderr, "baton dev: %s %s: %s\n", what, path, strerrordesc_np(errno));
	return CLI_FAILED;
}

static bool read_all(const char *path, struct baton_buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && cli_take(fd, out))
		;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Beside it and renamed, so that nobody ever sees half of it. */
static int write_all(const char *path, baton_str bytes)
{
	char part[PATH_BYTES];

	snprintf(part, sizeof(part), "%s.part", path);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return complain("cannot write", part);
	cli_write(fd, bytes);
	if (close(fd) != 0 || rename(part, path) != 0)
		return complain("cannot write", path);
	return CLI_OK;
}

static int copy_file(const char *from, const char *to)
{
	struct baton_buf bytes = { NULL, 0, 0 };
	int rc = read_all(from, &bytes) ? write_all(to, baton_buf_view(&bytes))
					: complain("cannot read", from);

	baton_buf_done(&bytes);
	return rc;
}

/* Calls itself as deep as the folder is, at most DEPTH_MAX. */
static int copy_dir(const char *from, const char *to, unsigned depth)
{
	DIR *dir = opendir(from);
	int rc = CLI_OK;

	if (!dir || (mkdir(to, 0755) != 0 && errno != EEXIST))
		rc = complain("cannot copy", from);
	for (struct dirent *e = rc == CLI_OK ? readdir(dir) : NULL; e && rc == CLI_OK;
	     e = readdir(dir)) {
		char a[PATH_BYTES], b[PATH_BYTES];
		struct stat st;

		snprintf(a, sizeof(a), "%s/%s", from, e->d_name);
		snprintf(b, sizeof(b), "%s/%s", to, e->d_name);
		if (e->d_name[0] == '.' || stat(a, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			rc = copy_dir(a, b, depth + 1);
		else if (S_ISREG(st.st_mode))
			rc = copy_file(a, b);
	}
	if (dir)
		closedir(dir);
	return rc;
}

/* --- modules.yaml, entry by entry ------------------------------------------------------------ */

static baton_str line_at(baton_str text, size_t at)
{
	const char *lf = memchr(text.p + at, '\n', text.n - at);
	return (baton_str){ text.p + at, lf ? (size_t)(lf - text.p) - at : text.n - at };
}

static bool begins(baton_str line, const char *with)
{
	size_t n = strlen(with);
	return line.n >= n && memcmp(line.p, with, n) == 0;
}

/* The entry from `from` on: it goes to the next "- ", or to the first line at the left edge. */
static size_t entry_end(baton_str text, size_t from)
{
	size_t at = from + line_at(text, from).n + 1;

	while (at < text.n) {
		baton_str line = line_at(text, at);
		if (line.n > 0 && line.p[0] != ' ' && line.p[0] != '\t')
			break;
		at += line.n + 1;
	}
	return at < text.n ? at : text.n;
}

static bool next_entry(baton_str text, size_t *at, baton_str *ret_entry)
{
	while (*at < text.n) {
		baton_str line = line_at(text, *at);
		size_t from = *at;
		if (begins(line, "- name:")) {
			*at = entry_end(text, from);
			*ret_entry = (baton_str){ text.p + from, *at - from };
			return true;
		}
		*at += line.n + 1;
	}
	return false;
}

/* The value of "key: value" in an entry, without quotes and remarks; empty if it is not there. */
static baton_str member(baton_str entry, const char *key)
{
	for (size_t at = 0; at < entry.n; at += line_at(entry, at).n + 1) {
		baton_str line = line_at(entry, at);
		if (!begins(line, "- ") && !begins(line, "  "))
			continue;
		line.p += 2;
		line.n -= 2;
		size_t n = strlen(key);
		if (!begins(line, key) || line.n <= n || line.p[n] != ':')
			continue;
		for (line.p += n + 1, line.n -= n + 1; line.n > 0 && strchr(" \"'", line.p[0]);)
			line.p++, line.n--;
		size_t len = 0;
		while (len < line.n && !strchr(" \"'#\r", line.p[len]))
			len++;
		return (baton_str){ line.p, len };
	}
	return BATON_STR_NONE;
}

/* The entry with this file, or else of this kind; false: none. */
static bool find_entry(baton_str text, const char *key, const char *value, baton_str *ret_entry)
{
	size_t at = 0;

	while (next_entry(text, &at, ret_entry))
		if (baton_str_is(member(*ret_entry, key), value))
			return true;
	return false;
}

/* What the author has written for his module, in policy/modules.yaml or modules.yaml beside the
 * file or above it. The text stays in `text`. */
static bool find_own(const struct dev *dev, struct baton_buf *text, baton_str *ret_entry)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", dev->file);
	for (int i = 0; i < PARENTS; i++) {
		static const char *const names[] = { "policy/modules.yaml", "modules.yaml" };
		char *slash = strrchr(dir, '/');
		if (!slash)
			return false;
		*slash = '\0';
		for (size_t n = 0; n < 2; n++) {
			char path[PATH_BYTES];
			snprintf(path, sizeof(path), "%s/%s", dir, names[n]);
			baton_buf_reset(text);
			if (read_all(path, text) &&
			    find_entry(baton_buf_view(text), "file", dev->stored, ret_entry))
				return true;
		}
	}
	return false;
}

/* Every line of an entry but its first and those of `key`. */
static void put_without(struct baton_buf *out, baton_str entry, const char *key)
{
	bool skipping = false;
	size_t n = strlen(key);

	for (size_t at = line_at(entry, 0).n + 1; at < entry.n; at += line_at(entry, at).n + 1) {
		baton_str line = line_at(entry, at);
		bool inner = line.n < 3 || line.p[2] == ' ';
		if (!inner)
			skipping = line.n > n + 2 && memcmp(line.p + 2, key, n) == 0 &&
				   line.p[n + 2] == ':';
		if (skipping || line.n == 0)
			continue;
		baton_buf_str(out, line);
		baton_buf_z(out, "\n");
	}
}

static void put_config(struct baton_buf *out, const char *said)
{
	struct baton_buf text = { NULL, 0, 0 };

	if (said[0] == '{')
		baton_buf_z(&text, said);
	else if (!read_all(said, &text))
		(void)complain("cannot read", said);
	/* JSON is YAML as long as it stands on one line. */
	baton_buf_z(out, "  config: ");
	for (size_t i = 0; i < text.n; i++)
		baton_buf_add(out, text.p[i] == '\n' || text.p[i] == '\t' ? " " : text.p + i, 1);
	baton_buf_z(out, "\n");
	baton_buf_done(&text);
}

/* The module's entry under the name `name`: its author's, or the least. `old`: what it replaces. */
static void put_entry(const struct dev *dev, struct baton_buf *out, baton_str old)
{
	const struct cli_options *o = dev->options;
	struct baton_buf text = { NULL, 0, 0 }, lines = { NULL, 0, 0 };
	baton_str own = BATON_STR_NONE;

	baton_buf_printf(out, "- name: %s\n", dev->name);
	if (baton_str_is(member(old, "file"), dev->stored))
		put_without(&lines, old, o->config ? "config" : "\n");
	else if (find_own(dev, &text, &own))
		put_without(&lines, own, o->config ? "config" : "\n");
	else
		baton_buf_printf(&lines, "  kind: %s\n  file: %s\n%s", dev->kind, dev->stored,
				 member(old, "knowledge").n ? "  knowledge: true\n" : "");
	baton_buf_str(out, baton_buf_view(&lines));
	if (o->config)
		put_config(out, o->config);
	if ((o->isolated || o->inline_) && !memmem(lines.p, lines.n, "isolation:", 10))
		baton_buf_printf(out, "  isolation: %s\n", o->isolated ? "process" : "inline");
	baton_buf_done(&text);
	baton_buf_done(&lines);
}

/* Tools and guards stand beside those of the set, under the name that their author gave them. */
static bool is_added(const struct dev *dev)
{
	return strcmp(dev->kind, "tool") == 0 || strcmp(dev->kind, "guard") == 0;
}

static void name_added(struct dev *dev)
{
	struct baton_buf text = { NULL, 0, 0 };
	baton_str own, name = baton_str_of(dev->kind);

	if (find_own(dev, &text, &own))
		name = member(own, "name");
	snprintf(dev->name, sizeof(dev->name), "%.*s", (int)name.n, name.p);
	baton_buf_done(&text);
}

/* What the author has written under policy/NAME, beside the file or above it. */
static bool read_own(const struct dev *dev, const char *name, struct baton_buf *text)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", dev->file);
	for (int i = 0; i < PARENTS; i++) {
		char path[PATH_BYTES], *slash = strrchr(dir, '/');

		if (!slash)
			return false;
		*slash = '\0';
		snprintf(path, sizeof(path), "%s/policy/%s", dir, name);
		if (read_all(path, text))
			return true;
	}
	return false;
}

/* Its lines of tools.yaml or guards.yaml, in front of those of the set. */
static int put_lines(const struct dev *dev)
{
	bool tool = strcmp(dev->kind, "tool") == 0;
	const char *name = tool ? "tools.yaml" : "guards.yaml", *head = tool ? "tools:" : "guards:";
	struct baton_buf text = { NULL, 0, 0 }, own = { NULL, 0, 0 }, out = { NULL, 0, 0 };
	char path[PATH_BYTES];
	bool found = false;

	snprintf(path, sizeof(path), "%s/policies/%s", dev->dir, name);
	(void)read_all(path, &text);
	if (!read_own(dev, name, &own) && !tool)
		baton_buf_printf(&own, "- module: %s\n", dev->name);
	for (size_t at = 0; at < text.n; at += line_at(baton_buf_view(&text), at).n + 1) {
		baton_str line = line_at(baton_buf_view(&text), at);

		baton_buf_str(&out, line);
		baton_buf_z(&out, "\n");
		if (!found && begins(line, head)) {
			baton_buf_str(&out, baton_buf_view(&own));
			found = true;
		}
	}
	if (!found)
		baton_buf_printf(&out, "%s\n%.*s", own.n ? head : "", (int)own.n,
				 own.n ? own.p : "");
	int rc = own.n ? write_all(path, baton_buf_view(&out)) : CLI_OK;
	baton_buf_done(&text);
	baton_buf_done(&own);
	baton_buf_done(&out);
	return rc;
}

static int put_modules(struct dev *dev, const char *path)
{
	struct baton_buf text = { NULL, 0, 0 }, out = { NULL, 0, 0 };
	baton_str old;

	if (!read_all(path, &text))
		return complain("cannot read", path);
	baton_str whole = baton_buf_view(&text);
	bool added = !find_entry(whole, "file", dev->stored, &old) && is_added(dev);
	if (added) {
		name_added(dev);
		if (!find_entry(whole, "name", dev->name, &old))
			old = (baton_str){ whole.p + whole.n, 0 };
	} else if (!find_entry(whole, "file", dev->stored, &old) &&
		   !find_entry(whole, "kind", dev->kind, &old)) {
		fprintf(stderr,
			"baton dev: %s has no module of kind %s in whose place it could be put\n",
			path, dev->kind);
		baton_buf_done(&text);
		return CLI_FAILED;
	}
	baton_str name = added ? baton_str_of(dev->name) : member(old, "name");
	if (!added)
		snprintf(dev->name, sizeof(dev->name), "%.*s", (int)name.n, name.p);
	baton_buf_add(&out, whole.p, (size_t)(old.p - whole.p));
	put_entry(dev, &out, old);
	baton_buf_add(&out, old.p + old.n, (size_t)(whole.p + whole.n - old.p) - old.n);
	int rc = write_all(path, baton_buf_view(&out));
	if (rc == CLI_OK && added)
		rc = put_lines(dev);
	baton_buf_done(&text);
	baton_buf_done(&out);
	return rc;
}

/* --- the folder ------------------------------------------------------------------------------ */

/* What the file says it is; its kind unless one was asked for. */
static int look_at_file(struct dev *dev)
{
	static const char *const kinds[] = { "provider",   "classifier", "retriever", "rule",
					     "transcript", "tool",       "guard" };
	struct baton_buf bytes = { NULL, 0, 0 };
	struct baton_elf elf;
	char why[512];
	int rc = baton_file_read(NULL, dev->file, &bytes, why, sizeof(why));

	if (rc == 0)
		rc = baton_elf_check(baton_buf_view(&bytes), &elf, why, sizeof(why));
	const char *wanted = dev->options->kind;
	for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(kinds[0]) && !dev->kind[0]; i++)
		if (baton_elf_has_kind(elf.kinds, kinds[i]) &&
		    (!wanted || strcmp(wanted, kinds[i]) == 0))
			snprintf(dev->kind, sizeof(dev->kind), "%s", kinds[i]);
	baton_buf_done(&bytes);
	if (rc != 0)
		fprintf(stderr, "baton dev: refused: %s\n", why);
	else if (!dev->kind[0])
		fprintf(stderr, "baton dev: %s: it is of no kind that Baton knows\n", dev->base);
	return rc == 0 && dev->kind[0] ? CLI_OK : CLI_FAILED;
}

/* Sets know small letters, digits and dashes alone. */
static void name_stored(struct dev *dev)
{
	size_t i = 0;

	for (; dev->base[i] && i < sizeof(dev->stored) - 1; i++) {
		char c = dev->base[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
		dev->stored[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : plain ? c : '-';
	}
	dev->stored[i] = '\0';
}

int dev_set_take(struct dev *dev)
{
	char to[PATH_BYTES];

	snprintf(to, sizeof(to), "%s/modules/%s", dev->dir, dev->stored);
	return copy_file(dev->file, to);
}

int dev_set_make(struct dev *dev)
{
	const struct cli_options *o = dev->options;
	char path[PATH_BYTES];

	if (!realpath(o->operand, dev->file))
		return complain("cannot read", o->operand);
	dev->base = strrchr(dev->file, '/') + 1;
	name_stored(dev);
	if (look_at_file(dev) != CLI_OK)
		return CLI_FAILED;
	if (baton_scratch_make(dev->dir, "dev") != BATON_OK)
		return complain("cannot make a folder below", "TMPDIR");
	snprintf(dev->data, sizeof(dev->data), "%s/data", dev->dir);
	snprintf(path, sizeof(path), "%s/modules", dev->dir);
	int rc = copy_dir(o->modules, path, DEPTH_MAX);
	if (rc == CLI_OK)
		rc = dev_set_take(dev);
	snprintf(path, sizeof(path), "%s/policies", dev->dir);
	if (rc == CLI_OK)
		rc = copy_dir(o->policies, path, 0);
	snprintf(path, sizeof(path), "%s/policies/modules.yaml", dev->dir);
	return rc == CLI_OK ? put_modules(dev, path) : rc;
}

void dev_set_remove(struct dev *dev)
{
	baton_scratch_drop(dev->dir);
}
