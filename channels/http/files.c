/* SPDX-License-Identifier: Apache-2.0 */

/* Who may send and fetch files, and what is said to those who may not. Everything about a request
 * is decided by its head; the disk is asked by jobs (incoming.c, outgoing.c).
 */

#include "channels/http/files.h"

#include "channels/http/answer.h"
#include "channels/http/incoming.h"
#include "channels/http/login.h"
#include "channels/http/outgoing.h"
#include "core/base/errors.h"

#include <libwebsockets.h>
#include <stdio.h>

enum { TOKEN_BYTES_MAX = 512, NAME_BYTES_MAX = 1024 };

static const char path_upload[] = "/v1/attachments", path_script[] = "/v1/transcript";

bool baton_files_route(const char *path)
{
	size_t n = sizeof(path_upload) - 1;

	return strcmp(path, path_script) == 0 ||
	       (strncmp(path, path_upload, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

/* --- answers ------------------------------------------------------------------------------- */

baton_str baton_files_cors(char *p, const char *origin)
{
	if (origin[0] == '\0')
		return (baton_str){ p, 0 };
	int n = snprintf(p, BATON_FILES_CORS_MAX,
			 "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
			 "Access-Control-Expose-Headers: content-disposition, retry-after\r\n",
			 origin);
	return (baton_str){ p, (size_t)n };
}

static const struct {
	int code;
	unsigned status;
	const char *hint;
} refusals[] = {
	{ BATON_E_AUTH, 401,
	  "show the conversation's token of the welcome frame (Authorization: Bearer, X-Baton-Session), or an agent's" },
	{ BATON_E_ORIGIN, 403, NULL },
	{ BATON_E_DENIED, 403, "this server takes no files: welcome.limits has no `attachments`" },
	{ BATON_E_NOTFOUND, 404, "there is no such file or conversation" },
	{ BATON_E_ERASED, 410, NULL },
	{ BATON_E_TOO_BIG, 413,
	  "the file is larger than welcome.limits.attachments.bytes; ask for a smaller one before it is sent" },
	{ BATON_E_LIMIT, 413,
	  "this conversation has as many files, or as many bytes of them, as it may have" },
	{ BATON_E_UNSUPPORTED, 415,
	  "its bytes are not of a type in welcome.limits.attachments.types, whatever its name says" },
	{ BATON_E_AGAIN, 429, "too many transfers at once; try again in a few seconds" },
	{ BATON_E_RATE, 429, "too many tries or uploads; try again in a minute" },
	{ BATON_E_FULL, 507, "the server's disk is full; its operator has to free space" },
	{ BATON_E_IO, 500, NULL },
	{ BATON_E_CORRUPT, 500, NULL },
	{ BATON_E_CLOSED, 503, NULL },
};

static void put_error(struct baton_buf *body, int code, const char *hint)
{
	const struct baton_error_info *info = baton_error_info(code);

	baton_buf_printf(body, "{\"error\":{\"code\":\"%s\",\"message\":", info->wire);
	baton_buf_json(body, baton_str_of(hint ? hint : info->text));
	baton_buf_z(body, "}}\n");
}

static int refuse_as(struct baton_listener *listener, struct lws *wsi,
		     const struct baton_answer *how, int code, const char *hint)
{
	struct baton_buf body = { NULL, 0, 0 };
	struct baton_answer answer = *how;

	put_error(&body, code, hint);
	answer.type = "application/json";
	answer.body = baton_buf_view(&body);
	int rc = baton_answer(listener, wsi, &answer);
	baton_buf_done(&body);
	return rc;
}

int baton_files_refuse(struct baton_listener *listener, struct lws *wsi, int code,
		       const char *origin, bool close_it)
{
	struct baton_answer answer = { .status = 400, .close = close_it };
	char headers[BATON_FILES_CORS_MAX + 32];
	const char *hint = NULL;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (refusals[i].code != code)
			continue;
		answer.status = refusals[i].status;
		hint = refusals[i].hint;
	}
	answer.headers = baton_files_cors(headers, origin);
	if (answer.status == 429)
		answer.headers.n +=
			(size_t)snprintf(headers + answer.headers.n, 32, "Retry-After: %d\r\n",
					 code == BATON_E_RATE ? 60 : 2);
	return refuse_as(listener, wsi, &answer, code, hint);
}

static int preflight(struct baton_listener *listener, struct lws *wsi,
		     const struct baton_request *request)
{
	char headers[BATON_FILES_CORS_MAX + 256];
	baton_str cors = baton_files_cors(headers, request->origin);
	int n = snprintf(headers + cors.n, sizeof(headers) - cors.n,
			 "Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
			 "Access-Control-Allow-Headers: authorization, content-type, x-baton, "
			 "x-baton-name, x-baton-session\r\nAccess-Control-Max-Age: 600\r\n");
	struct baton_answer answer = { .status = 204, .headers = { headers, cors.n + (size_t)n } };

	return baton_answer(listener, wsi, &answer);
}

/* --- who asks ------------------------------------------------------------------------------ */

struct asker {
	struct baton_id session;
	bool has_session;
	char agent[65]; /* "": the customer of the session */
};

static bool custom_header(struct lws *wsi, const char *name, char *p, size_t size)
{
	int n = (int)strlen(name);

	p[0] = '\0';
	return lws_hdr_custom_length(wsi, name, n) > 0 &&
	       lws_hdr_custom_copy(wsi, p, (int)size, name, n) >= 0;
}

static bool read_session(struct lws *wsi, struct baton_id *ret)
{
	char text[BATON_ID_TEXT + 2];

	return custom_header(wsi, "x-baton-session:", text, sizeof(text)) &&
	       baton_id_parse(baton_str_of(text), ret) == 0;
}

/* The customer of this very conversation; else it is an agent, or somebody who guesses.
 * asker->session is set if the path names one. */
static int identify(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request, struct asker *asker)
{
	char header[TOKEN_BYTES_MAX + 8];
	struct baton_identity identity = { .role = BATON_CUSTOMER };
	unsigned status;

	if (!asker->has_session)
		asker->has_session = read_session(wsi, &asker->session);
	if (!asker->has_session)
		return BATON_E_AUTH;
	if (baton_request_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, header, sizeof(header)) &&
	    strncasecmp(header, "Bearer ", 7) == 0 &&
	    baton_port_resume_ok(listener->port, &asker->session, baton_str_of(header + 7)))
		return 0;
	if (!baton_login_claimed(wsi))
		return BATON_E_AUTH;
	int rc = baton_login_agent(listener, wsi, request, &identity, &status, NULL);
	if (rc == 0)
		memcpy(asker->agent, identity.agent, sizeof(asker->agent));
	return rc;
}

/* --- uploads ------------------------------------------------------------------------------- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Percent-decoded in place; what is no escape stands for itself. */
static baton_str read_name(struct lws *wsi, char *p, size_t size)
{
	size_t n = 0;

	if (!custom_header(wsi, "x-baton-name:", p, size))
		return BATON_STR_NONE;
	for (const char *c = p; *c; c++) {
		bool is_escape = c[0] == '%' && hex(c[1]) >= 0 && hex(c[2]) >= 0;

		p[n] = *c;
		if (is_escape) {
			p[n] = (char)(hex(c[1]) << 4 | hex(c[2]));
			c += 2;
		}
		n++;
	}
	return (baton_str){ p, n };
}

/* Whoever waits for a word before he sends is told to go on. */
static int go_on(struct lws *wsi)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	unsigned char out[LWS_PRE + sizeof(line)];

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_EXPECT) == 0)
		return 0;
	memcpy(out + LWS_PRE, line, sizeof(line));
	return lws_write(wsi, out + LWS_PRE, sizeof(line) - 1, LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
}

static int upload(struct baton_listener *listener, struct lws *wsi,
		  const struct baton_request *request)
{
	struct asker asker = { .has_session = false };
	char name[NAME_BYTES_MAX];
	struct baton_upload *store = NULL;
	int rc = identify(listener, wsi, request, &asker);

	if (rc == 0 && baton_port_draining(listener->port))
		rc = BATON_E_CLOSED;
	if (rc == 0 && !request->has_length) {
		char cors[BATON_FILES_CORS_MAX];
		struct baton_answer answer = { .status = 411,
					       .close = true,
					       .headers = baton_files_cors(cors, request->origin) };
		return refuse_as(listener, wsi, &answer, BATON_E_INVAL,
				 "say how long the file is: Content-Length");
	}
	if (rc == 0) {
		struct baton_port_upload ask = { .session = asker.session,
						 .bytes = request->body_bytes,
						 .name = read_name(wsi, name, sizeof(name)),
						 .agent = asker.agent };
		rc = baton_port_upload_new(listener->port, &ask, &store);
	}
	if (rc < 0) {
		baton_listener_count(listener, BATON_METRIC_UPLOADS_REFUSED);
		return baton_files_refuse(listener, wsi, rc, request->origin, true);
	}
	if (go_on(wsi) < 0) {
		baton_upload_free(&store);
		return -1;
	}
	return baton_incoming_begin(listener, wsi, request, store);
}

/* --- downloads ----------------------------------------------------------------------------- */

struct fetch {
	struct baton_files *files;
	struct baton_id session, id;
	struct baton_download *download;
	uint64_t sent;
};

static int fetch_next(void *ud, struct baton_buf *out, bool *ret_last)
{
	struct fetch *fetch = ud;
	int rc = 0;

	if (!fetch->download)
		rc = baton_download_open(fetch->files, &fetch->session, &fetch->id,
					 &fetch->download);
	if (rc == 0)
		rc = baton_download_read(fetch->download, out);
	if (rc < 0)
		return rc;
	fetch->sent += out->n;
	*ret_last = fetch->sent == baton_download_info(fetch->download)->bytes;
	return 0;
}

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '.' || c == '-' || c == '_';
}

/* RFC 6266: a name in ASCII for the oldest, and the true one. */
static void put_name(struct baton_buf *headers, const char *name)
{
	baton_buf_z(headers, "Content-Disposition: attachment; filename=\"");
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x80)
			baton_buf_add(headers, is_plain(*c) || *c == ' ' ? c : "_", 1);
	baton_buf_z(headers, "\"; filename*=UTF-8''");
	for (const char *c = name; *c; c++) {
		if (is_plain(*c))
			baton_buf_add(headers, c, 1);
		else
			baton_buf_printf(headers, "%%%02X", (unsigned char)*c);
	}
	baton_buf_z(headers, "\r\n");
}

static void fetch_head(void *ud, struct baton_buf *headers, struct baton_answer *ret)
{
	const struct fetch *fetch = ud;
	const struct baton_file_info *info = baton_download_info(fetch->download);

	put_name(headers, info->name);
	baton_buf_z(headers, "Cross-Origin-Resource-Policy: same-site\r\n");
	ret->type =
		strcmp(info->type, "text/plain") == 0 ? "text/plain; charset=utf-8" : info->type;
	ret->csp = "default-src 'none'; frame-ancestors 'none'; sandbox";
	ret->bytes = info->bytes;
}

static void fetch_free(void *ud)
{
	struct fetch *fetch = ud;

	baton_download_close(&fetch->download);
	baton_free(fetch);
}

static int download(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request)
{
	static const struct baton_outgoing_ops ops = { fetch_next, fetch_head, fetch_free };
	const char *at = request->path + sizeof(path_upload);
	struct asker asker = { .has_session = true };
	struct baton_id id;

	if (strlen(at) != 2 * BATON_ID_TEXT + 1 || at[BATON_ID_TEXT] != '/' ||
	    baton_id_parse((baton_str){ at, BATON_ID_TEXT }, &asker.session) < 0 ||
	    baton_id_parse(baton_str_of(at + BATON_ID_TEXT + 1), &id) < 0)
		return baton_files_refuse(listener, wsi, BATON_E_NOTFOUND, request->origin, true);
	int rc = identify(listener, wsi, request, &asker);
	if (rc < 0)
		return baton_files_refuse(listener, wsi, rc, request->origin, true);
	struct fetch *fetch = baton_new(struct fetch);
	fetch->files = baton_port_files(listener->port);
	fetch->session = asker.session;
	fetch->id = id;
	return baton_outgoing_begin(listener, wsi, request, &ops, fetch);
}

/* --- transcripts --------------------------------------------------------------------------- */

static const struct {
	const char *word, *type, *name;
} formats[] = {
	[BATON_SCRIPT_TEXT] = { "text", "text/plain; charset=utf-8", "conversation.txt" },
	[BATON_SCRIPT_HTML] = { "html", "text/html; charset=utf-8", "conversation.html" },
	[BATON_SCRIPT_JSON] = { "json", "application/json", "conversation.json" },
};
enum { FORMATS_N = sizeof(formats) / sizeof(formats[0]) };

struct telling {
	struct baton_script *script;
	enum baton_script_format format;
};

static int telling_next(void *ud, struct baton_buf *out, bool *ret_last)
{
	struct telling *telling = ud;

	return baton_script_next(telling->script, out, ret_last);
}

static void telling_head(void *ud, struct baton_buf *headers, struct baton_answer *ret)
{
	const struct telling *telling = ud;

	put_name(headers, formats[telling->format].name);
	ret->type = formats[telling->format].type;
	ret->csp = baton_script_csp(telling->format);
	ret->chunked = true;
}

static void telling_free(void *ud)
{
	struct telling *telling = ud;

	baton_script_free(&telling->script);
	baton_free(telling);
}

/* The query is `format=...` or nothing. */
static bool read_format(struct lws *wsi, enum baton_script_format *ret)
{
	char query[32];

	*ret = BATON_SCRIPT_TEXT;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) == 0)
		return true;
	if (lws_hdr_copy_fragment(wsi, query, sizeof(query), WSI_TOKEN_HTTP_URI_ARGS, 0) <= 0 ||
	    strncmp(query, "format=", 7) != 0)
		return false;
	for (unsigned i = 0; i < FORMATS_N; i++) {
		if (strcmp(query + 7, formats[i].word) != 0)
			continue;
		*ret = (enum baton_script_format)i;
		return true;
	}
	return false;
}

static int script(struct baton_listener *listener, struct lws *wsi,
		  const struct baton_request *request)
{
	static const struct baton_outgoing_ops ops = { telling_next, telling_head, telling_free };
	struct asker asker = { .has_session = false };
	enum baton_script_format format;
	char cors[BATON_FILES_CORS_MAX];
	int rc = identify(listener, wsi, request, &asker);

	if (rc < 0)
		return baton_files_refuse(listener, wsi, rc, request->origin, true);
	if (!read_format(wsi, &format)) {
		struct baton_answer answer = { .status = 400,
					       .close = true,
					       .headers = baton_files_cors(cors, request->origin) };
		return refuse_as(listener, wsi, &answer, BATON_E_INVAL,
				 "the query is format=text, format=html or format=json");
	}
	struct telling *telling = baton_new(struct telling);
	telling->format = format;
	telling->script = baton_port_script(listener->port, &asker.session, format);
	return baton_outgoing_begin(listener, wsi, request, &ops, telling);
}

/* --- the whole ----------------------------------------------------------------------------- */

static int wrong_method(struct baton_listener *listener, struct lws *wsi, bool is_upload)
{
	struct baton_answer answer = {
		.status = 405,
		.close = true,
		.headers = is_upload ? BATON_STR("Allow: POST, OPTIONS\r\n")
				     : BATON_STR("Allow: GET, HEAD, OPTIONS\r\n")
	};

	return refuse_as(listener, wsi, &answer, BATON_E_UNSUPPORTED, NULL);
}

int baton_files_begin(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request)
{
	bool is_upload = strcmp(request->path, path_upload) == 0;
	bool reads = request->method == BATON_METHOD_GET || request->method == BATON_METHOD_HEAD;

	if (request->origin[0] &&
	    !baton_port_origin_ok(listener->port, baton_str_of(request->origin),
				  baton_str_of(request->host)))
		return baton_files_refuse(listener, wsi, BATON_E_ORIGIN, "", true);
	if (request->method == BATON_METHOD_OPTIONS && request->origin[0] &&
	    request->body_bytes == 0)
		return preflight(listener, wsi, request);
	if (is_upload && request->method == BATON_METHOD_POST)
		return upload(listener, wsi, request);
	if (is_upload || !reads)
		return wrong_method(listener, wsi, is_upload);
	if (request->body_bytes > 0)
		return baton_files_refuse(listener, wsi, BATON_E_TOO_BIG, request->origin, true);
	return strcmp(request->path, path_script) == 0 ? script(listener, wsi, request)
						       : download(listener, wsi, request);
}
