/* SPDX-License-Identifier: Apache-2.0 */

/* baton widget snippet: everything somebody puts on a page and into a backend, with nothing left
 * to fill in: the loader with the hash of the very file that is served, what a Content-Security-
 * Policy must allow, and how to sign who the customer is in five languages
 * (channels/web/samples). */

#include "core/cli/identity.h"

#include "core/base/errors.h"
#include "core/module/file.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

enum { SRI_TEXT = 64 /* base64 of 48 bytes */, SERVER_BYTES_MAX = 255 };

static const struct {
	const char *name, *file, *title;
} samples[] = {
	{ "node", "identity.mjs", "Node" }, { "python", "identity.py", "Python" },
	{ "php", "identity.php", "PHP" },   { "ruby", "identity.rb", "Ruby" },
	{ "go", "identity.go", "Go" },
};
enum { SAMPLES_N = sizeof(samples) / sizeof(samples[0]) };

struct snippet {
	char server[SERVER_BYTES_MAX + 1], websocket[SERVER_BYTES_MAX + 8];
	char integrity[8 + SRI_TEXT];
	struct baton_buf html, csp, samples[SAMPLES_N];
};

static void snippet_done(struct snippet *snippet)
{
	baton_buf_done(&snippet->html);
	baton_buf_done(&snippet->csp);
	for (size_t i = 0; i < SAMPLES_N; i++)
		baton_buf_done(&snippet->samples[i]);
}

/* --- where --- */

/* "https://host[:port]": exactly an origin, because it stands in HTML and in a header. */
static bool take_server(struct snippet *snippet, const char *server)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-.:[]";
	const bool secure = strncmp(server, "https://", 8) == 0;
	const char *host = server + (secure ? 8 : 7);

	if (!secure && strncmp(server, "http://", 7) != 0)
		return false;
	if (host[0] == '\0' || host[strspn(host, plain)] != '\0' ||
	    strlen(server) > SERVER_BYTES_MAX)
		return false;
	snprintf(snippet->server, sizeof(snippet->server), "%s", server);
	snprintf(snippet->websocket, sizeof(snippet->websocket), "%s://%s", secure ? "wss" : "ws",
		 host);
	return true;
}

static int read_web(const struct cli_options *options, const char *name, struct baton_buf *out)
{
	char path[4096], why[256];

	snprintf(path, sizeof(path), "%s/%s", options->web, name);
	return baton_file_read(NULL, path, out, why, sizeof(why));
}

/* The loader as it is served: built, or from the sources. */
static int hash_loader(const struct cli_options *options, struct snippet *snippet)
{
	struct baton_buf file = { NULL, 0, 0 };
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int rc = read_web(options, "widget/dist/baton-chat.js", &file);

	if (rc < 0)
		rc = read_web(options, "widget/baton-chat.js", &file);
	if (rc < 0) {
		fprintf(stderr, "baton: no widget below `%s`; give the folder with --web\n",
			options->web ? options->web : "");
		return CLI_FAILED;
	}
	EVP_Digest(file.p, file.n, hash, &n, EVP_sha384(), NULL);
	memcpy(snippet->integrity, "sha384-", 7);
	EVP_EncodeBlock((unsigned char *)snippet->integrity + 7, hash, (int)n);
	baton_buf_done(&file);
	return CLI_OK;
}

/* --- what --- */

static void put_html(struct snippet *snippet, bool signs)
{
	baton_buf_printf(&snippet->html,
			 "<script type=\"module\" async src=\"%s/w/1/baton-chat.js\"\n"
			 "\tintegrity=\"%s\"\n"
			 "\tcrossorigin=\"anonymous\"></script>\n"
			 "<baton-chat server=\"%s\"></baton-chat>\n",
			 snippet->server, snippet->integrity, snippet->server);
	if (signs)
		baton_buf_z(
			&snippet->html,
			"<script>\n"
			"\twindow.baton ||= Object.assign((...call) => window.baton.q.push(call), { q: [] });\n"
			"\tbaton('identify', { token: 'TOKEN FROM YOUR BACKEND' }); // only if somebody is signed in\n"
			"</script>\n");
	baton_buf_printf(&snippet->csp, "script-src %s; connect-src %s %s", snippet->server,
			 snippet->server, snippet->websocket);
}

/* Text as a literal that is the same in all five languages: quotes, backslashes, `$` and what is no
 * ASCII do not come through the checks of a kid, and an issuer with them is left for a person. */
static void put_literal(struct baton_buf *out, const char *text)
{
	baton_buf_z(out, "\"");
	for (const char *c = text; *c; c++)
		if (*c > ' ' && *c <= '~' && !strchr("\"\\$#{}'`", *c))
			baton_buf_add(out, c, 1);
		else
			baton_buf_z(out, "?");
	baton_buf_z(out, "\"");
}

struct blank {
	const char *name, *value;
};

static size_t fill_one(struct baton_buf *out, const char *at, const struct blank *blanks)
{
	for (; blanks->name; blanks++) {
		size_t n = strlen(blanks->name);

		if (strncmp(at, blanks->name, n) != 0)
			continue;
		put_literal(out, blanks->value);
		return n;
	}
	baton_buf_add(out, at, 1);
	return 1;
}

/* The licence is ours; what is printed is the reader's. */
static void put_sample(struct baton_buf *out, const char *text, const struct blank *blanks)
{
	const char *licence = strstr(text, "SPDX-License-Identifier");
	const char *line = licence;

	while (line && line > text && line[-1] != '\n')
		line--;
	for (const char *at = text; *at;) {
		if (at == line) /* and the empty comment below it */
			for (int i = 0; i < 2; i++)
				at += strcspn(at, "\n") + 1;
		at += fill_one(out, at, blanks);
	}
}

static int read_samples(const struct cli_options *options, const struct baton_policy *policy,
			const struct baton_identity_key *key, struct snippet *snippet)
{
	const struct blank blanks[] = { { "@KID@", key->kid },
					{ "@ISSUER@", key->issuer[0] ? key->issuer : "shop" },
					{ "@AUDIENCE@",
					  key->audience[0] ? key->audience : "baton" },
					{ "@TIER@", policy->identity.tier_claim },
					{ NULL, NULL } };
	char name[64];

	for (size_t i = 0; i < SAMPLES_N; i++) {
		struct baton_buf text = { NULL, 0, 0 };

		snprintf(name, sizeof(name), "samples/%s", samples[i].file);
		if (read_web(options, name, &text) < 0) {
			fprintf(stderr, "baton: no %s below `%s`\n", name, options->web);
			return CLI_FAILED;
		}
		char *own = baton_memdupz(text.p, text.n); /* what was read has no end of its own */
		put_sample(&snippet->samples[i], own, blanks);
		baton_free(own);
		baton_buf_done(&text);
	}
	return CLI_OK;
}

/* --- how it is printed --- */

static void put_member(struct baton_buf *out, const char *name, baton_str value)
{
	baton_buf_printf(out, "%s\"%s\":", out->n > 0 && out->p[out->n - 1] != '{' ? "," : "",
			 name);
	baton_buf_json(out, value);
}

static void print_json(const struct snippet *snippet, const struct baton_identity_key *key)
{
	struct baton_buf out = { NULL, 0, 0 };

	baton_buf_z(&out, "{");
	put_member(&out, "html", baton_buf_view(&snippet->html));
	put_member(&out, "integrity", baton_str_of(snippet->integrity));
	put_member(&out, "csp", baton_buf_view(&snippet->csp));
	if (key) {
		put_member(&out, "kid", baton_str_of(key->kid));
		baton_buf_z(&out, ",\"samples\":{");
		for (size_t i = 0; i < SAMPLES_N; i++)
			put_member(&out, samples[i].name, baton_buf_view(&snippet->samples[i]));
		baton_buf_z(&out, "}");
	}
	baton_buf_z(&out, "}\n");
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
}

static void print_text(const struct snippet *snippet, const struct baton_identity_key *key)
{
	struct baton_buf out = { NULL, 0, 0 };

	baton_buf_printf(&out, "--- on your page\n\n%.*s\n", (int)snippet->html.n, snippet->html.p);
	baton_buf_printf(&out, "--- in your Content-Security-Policy, if you have one\n\n%.*s\n\n",
			 (int)snippet->csp.n, snippet->csp.p);
	baton_buf_z(&out, "--- in channel.yaml\n\norigins: [self, \"https://YOUR PAGE\"]\n");
	for (size_t i = 0; key && i < SAMPLES_N; i++)
		baton_buf_printf(&out,
				 "\n--- in your backend, with %s (%s holds the key `%s`)\n\n%.*s",
				 samples[i].title, key->secret, key->kid,
				 (int)snippet->samples[i].n, snippet->samples[i].p);
	if (!key)
		baton_buf_z(&out,
			    "\nThis set has no HS256 key for customers in identity.yaml: all are "
			    "anonymous. See docs/IDENTITY.md.\n");
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
}

static int print_snippet(const struct cli_options *options, const struct baton_policy *policy,
			 struct snippet *snippet)
{
	const struct baton_identity_key *key = cli_identity_key(policy, options->kid);
	int rc = hash_loader(options, snippet);

	if (rc == CLI_OK && options->kid && !key) {
		fprintf(stderr, "baton: no HS256 key for customers is called `%s`\n", options->kid);
		rc = CLI_FAILED;
	}
	if (rc == CLI_OK && key)
		rc = read_samples(options, policy, key, snippet);
	if (rc != CLI_OK)
		return rc;
	put_html(snippet, key != NULL);
	if (options->json)
		print_json(snippet, key);
	else
		print_text(snippet, key);
	return CLI_OK;
}

int cli_widget_snippet(const struct cli_options *options)
{
	struct snippet snippet = { .server = "" };

	cli_log_to_stderr("error");
	if (!take_server(&snippet, options->server ? options->server : "http://127.0.0.1:7070")) {
		fprintf(stderr, "baton widget snippet: --server is the origin that customers reach "
				"Baton under, such as https://chat.example.com\n");
		return CLI_USAGE;
	}
	struct baton_policy *policy = cli_identity_policy(options);
	int rc = policy ? print_snippet(options, policy, &snippet) : CLI_FAILED;
	baton_policy_free(&policy);
	snippet_done(&snippet);
	return rc;
}

const struct cli_command cli_widget_commands[] = {
	{ "widget snippet", NULL, "print what goes on a page and into its backend", "pwVyj",
	  cli_widget_snippet, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
