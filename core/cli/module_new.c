/* SPDX-License-Identifier: Apache-2.0 */

/* baton module new: a folder with a module that works, its tests and all it is built with. What
 * goes into it stands in FILES beside the templates. The folder is made under another name and
 * renamed when it is whole: there is all of it or nothing, and nothing that was there is
 * touched. */

#include "core/cli/cli.h"

#include "core/base/mem.h"
#include "core/policy/nearest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, NAME_BYTES_MAX = 40, FILE_BYTES_MAX = 1 << 20, FILES_MAX = 64 };

/* A kind of the header, and why there is nothing to make if there is not. */
struct kind {
	const char *name, *refused;
};
static const struct kind kinds[] = {
	{ "provider", NULL },
	{ "classifier", NULL },
	{ "rule", NULL },
	{ "retriever", NULL },
	{ "transcript", NULL },
	{ "tool", NULL },
	{ "guard", NULL },
	{ "channel", "this version serves no channels as modules: the server would refuse it" },
};
enum { KINDS_N = sizeof(kinds) / sizeof(kinds[0]) };

struct making {
	const char *kind, *name, *lang;
	const char *templates;
	char upper[NAME_BYTES_MAX + 1]; /* ACME_SHOP for acme-shop */
	char folder[PATH_BYTES];        /* as it will be called */
	char draft[PATH_BYTES];         /* as it is called until it is whole */
	char made[FILES_MAX][128];      /* below it, for the list and for taking back */
	size_t n_made;
};

/* --- what was asked for ---------------------------------------------------------------------- */

static int refuse_kind(const char *asked)
{
	struct baton_nearest nearest = baton_nearest_to(baton_str_of(asked));

	for (size_t i = 0; i < KINDS_N; i++) {
		if (strcmp(kinds[i].name, asked) == 0) {
			fprintf(stderr, "baton module new: no template for a %s: %s\n", asked,
				kinds[i].refused);
			return CLI_USAGE;
		}
		if (!kinds[i].refused)
			baton_nearest_try(&nearest, kinds[i].name);
	}
	fprintf(stderr, "baton module new: there is no kind `%s`", asked);
	if (nearest.name)
		fprintf(stderr, "; do you mean `%s`?\n", nearest.name);
	else
		fprintf(stderr,
			"; provider, classifier, rule, retriever, transcript, tool, guard\n");
	return CLI_USAGE;
}

static bool is_served(const char *kind)
{
	for (size_t i = 0; i < KINDS_N; i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return !kinds[i].refused;
	return false;
}

/* What is wrong with a name, NULL: nothing. It becomes a file, an id and a word in YAML. */
static const char *name_fault(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > NAME_BYTES_MAX)
		return "a name has 1 to 40 characters";
	if (name[0] < 'a' || name[0] > 'z')
		return "a name begins with a letter a to z";
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
		      name[i] == '-'))
			return "a name has letters a to z, digits and - alone";
	if (name[n - 1] == '-' || strstr(name, "--"))
		return "a - stands between two letters or digits";
	for (size_t i = 0; i < KINDS_N; i++) {
		size_t k = strlen(kinds[i].name);
		if (strncmp(name, kinds[i].name, k) == 0 && name[k] == '-')
			return "the kind is put before the name by itself: leave it out";
	}
	return NULL;
}

static int settle(struct making *making, const struct cli_options *options)
{
	const char *fault;

	making->kind = options->operand;
	making->name = options->operand2;
	making->lang = options->lang ? options->lang : "c";
	making->templates = cli_default_templates();
	if (!is_served(making->kind))
		return refuse_kind(making->kind);
	if (!making->templates[0]) {
		fprintf(stderr, "baton module new: there are no templates beside this program; "
				"`make install` puts them there\n");
		return CLI_FAILED;
	}
	fault = name_fault(making->name);
	if (fault) {
		fprintf(stderr, "baton module new: `%s` is no name for a module: %s\n",
			making->name, fault);
		return CLI_USAGE;
	}
	if (strcmp(making->lang, "c") != 0 && strcmp(making->lang, "c++") != 0) {
		fprintf(stderr, "baton module new: no templates in `%s`; c or c++\n", making->lang);
		return CLI_USAGE;
	}
	for (size_t i = 0; making->name[i]; i++) {
		char c = making->name[i];
		making->upper[i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
	}
	const char *in = options->operand3 ? options->operand3 : ".";
	int n = snprintf(making->folder, sizeof(making->folder) - 16, "%s/%s-%s", in, making->kind,
			 making->name);
	if (n < 0 || (size_t)n >= sizeof(making->folder) - 16) {
		fprintf(stderr, "baton module new: the path is too long\n");
		return CLI_USAGE;
	}
	snprintf(making->draft, sizeof(making->draft), "%s/.%s-%s.new", in, making->kind,
		 making->name);
	return CLI_OK;
}

/* --- one file -------------------------------------------------------------------------------- */

static int fail(const char *what, const char *path)
{
	fprintf(stderr, "baton module new: cannot %s %s: %s\n", what, path, strerror(errno));
	return CLI_FAILED;
}

static int read_file(const char *path, struct baton_buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return fail("read", path);
	while (n > 0 && out->n < FILE_BYTES_MAX) {
		n = read(fd, baton_buf_room(out, 65536), 65536);
		out->n += n > 0 ? (size_t)n : 0;
	}
	int rc = n < 0 ? fail("read", path) : CLI_OK;
	close(fd);
	return rc;
}

/* Writes `text` with the templates' words put right. */
static void substitute(const struct making *making, baton_str text, struct baton_buf *out)
{
	const struct {
		const char *from, *to;
	} words[] = {
		{ "acme", making->name },
		{ "ACME", making->upper },
		{ "@KIND@", making->kind },
		/* The SDK's own sources name each other from the root of Baton's tree. */
		{ "modules/sdk/provider/", "" },
		{ "modules/sdk/guard/", "" },
	};

	while (text.n > 0) {
		size_t step = 0;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && step == 0; i++) {
			size_t n = strlen(words[i].from);
			if (text.n < n || memcmp(text.p, words[i].from, n) != 0)
				continue;
			baton_buf_z(out, words[i].to);
			step = n;
		}
		if (step == 0)
			baton_buf_add(out, text.p, 1);
		step = step ? step : 1;
		text.p += step;
		text.n -= step;
	}
}

static int make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
		*slash = '/';
		if (!made)
			return fail("make the folder of", path);
	}
	return CLI_OK;
}

static int write_file(const char *path, mode_t mode, baton_str text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return fail("write", path);
	errno = 0;
	cli_write(fd, text);
	off_t n = lseek(fd, 0, SEEK_END);
	int rc = n == (off_t)text.n ? CLI_OK : fail("write", path);
	if (close(fd) < 0 && rc == CLI_OK)
		rc = fail("write", path);
	return rc;
}

static int make_file(struct making *making, const char *source, const char *to)
{
	struct baton_buf text = { NULL, 0, 0 }, name = { NULL, 0, 0 }, out = { NULL, 0, 0 };
	char from[PATH_BYTES + 256], path[PATH_BYTES + 256];

	if (making->n_made == FILES_MAX)
		return CLI_FAILED;
	substitute(making, baton_str_of(to), &name);
	char *made = making->made[making->n_made];
	snprintf(made, sizeof(making->made[0]), "%.*s", (int)name.n, name.p);
	snprintf(from, sizeof(from), "%s/%s", making->templates, source);
	snprintf(path, sizeof(path), "%s/%s", making->draft, made);
	size_t end = strlen(to);
	bool is_script = end > 3 && strcmp(to + end - 3, ".sh") == 0;
	int rc = read_file(from, &text);
	substitute(making, baton_buf_view(&text), &out);
	if (rc == CLI_OK)
		rc = make_parents(path);
	if (rc == CLI_OK)
		rc = write_file(path, is_script ? 0777 : 0666, baton_buf_view(&out));
	making->n_made += rc == CLI_OK;
	baton_buf_done(&text);
	baton_buf_done(&name);
	baton_buf_done(&out);
	return rc;
}

/* --- all of them ----------------------------------------------------------------------------- */

/* A line of FILES: kind, language, source, name. Others' lines and comments: nothing to do. */
static int make_line(struct making *making, char *line)
{
	char *words[4], *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(line, " \t", &save); word && n < 4;
	     word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	if (n < 4 || words[0][0] == '#')
		return CLI_OK;
	if (strcmp(words[0], "*") != 0 && strcmp(words[0], making->kind) != 0)
		return CLI_OK;
	if (strcmp(words[1], "*") != 0 && strcmp(words[1], making->lang) != 0)
		return CLI_OK;
	return make_file(making, words[2], words[3]);
}

static int make_all(struct making *making)
{
	struct baton_buf list = { NULL, 0, 0 };
	char path[PATH_BYTES + 16], *save = NULL;

	snprintf(path, sizeof(path), "%s/FILES", making->templates);
	int rc = read_file(path, &list);
	baton_buf_add(&list, "", 1);
	for (char *line = strtok_r(list.p, "\n", &save); rc == CLI_OK && line;
	     line = strtok_r(NULL, "\n", &save))
		rc = make_line(making, line);
	baton_buf_done(&list);
	if (rc == CLI_OK && making->n_made == 0) {
		fprintf(stderr, "baton module new: no templates in %s\n", making->templates);
		rc = CLI_FAILED;
	}
	return rc;
}

/* What this run has made, and nothing else; folders only as they become empty. */
static void take_back(const struct making *making)
{
	char path[PATH_BYTES + 256];

	for (size_t i = making->n_made; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", making->draft, making->made[i]);
		unlink(path);
		for (char *slash = strrchr(path, '/');
		     slash && strlen(making->draft) < (size_t)(slash - path);
		     slash = strrchr(path, '/')) {
			*slash = '\0';
			if (rmdir(path) < 0)
				break;
		}
	}
	rmdir(making->draft);
}

static void say(const struct making *making, bool json)
{
	struct baton_buf out = { NULL, 0, 0 };

	if (!json) {
		printf("%s:", making->folder);
		for (size_t i = 0; i < making->n_made; i++)
			printf(" %s", making->made[i]);
		printf("\n\nNow: cd %s && make check\n", making->folder);
		return;
	}
	baton_buf_z(&out, "{\"folder\":");
	baton_buf_json(&out, baton_str_of(making->folder));
	for (size_t i = 0; i < making->n_made; i++) {
		baton_buf_z(&out, i ? "," : ",\"files\":[");
		baton_buf_json(&out, baton_str_of(making->made[i]));
	}
	baton_buf_z(&out, "]}\n");
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
}

int cli_module_new(const struct cli_options *options)
{
	struct making *making = baton_new(struct making);
	struct stat st;

	cli_log_to_stderr("error");
	int rc = settle(making, options);
	if (rc == CLI_OK && lstat(making->folder, &st) == 0) {
		fprintf(stderr, "baton module new: %s is there already; nothing was changed\n",
			making->folder);
		rc = CLI_FAILED;
	} else if (rc == CLI_OK && mkdir(making->draft, 0777) < 0) {
		bool was_left = errno == EEXIST;
		rc = fail("make", making->draft);
		if (was_left)
			fprintf(stderr, "It is what a run left that was cut off: remove it.\n");
	} else if (rc == CLI_OK) {
		rc = make_all(making);
		if (rc == CLI_OK && rename(making->draft, making->folder) < 0)
			rc = fail("make", making->folder);
		if (rc != CLI_OK)
			take_back(making);
	}
	if (rc == CLI_OK)
		say(making, options->json);
	baton_free(making);
	return rc;
}
