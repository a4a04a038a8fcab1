/* SPDX-License-Identifier: Apache-2.0 */

/* tool-acme: performs the tools of tools.yaml by asking a service of yours. One call is one POST to
 * URL/NAME with the arguments as JSON; what comes back as JSON is the result. 404 and 409 are
 * answers, too: no. Yours speaks otherwise: then change Asking::ask() and answered(); the rest
 * stays.
 *
 * What may be called, with which arguments, by whom and with whose leave is the policies' affair.
 * Ours is to be honest about what may have happened: a change that was sent and not answered is in
 * doubt, and says so with BATON_ERROR_IN_DOUBT. Keys never come here: the host fills
 * {{secret:NAME}} in. */

/* Tools are served since minor 2 (docs/ABI.md). */
#define BATON_ABI_NEEDED 2u
#include "baton.hpp"

#include <algorithm>
#include <memory>
#include <unordered_map>

BATON_MODULE_NOTE("tool-acme", "0.1.0", "tool", 0);

namespace
{

constexpr size_t BODY_BYTES_MAX = 64 * 1024, NAME_BYTES_MAX = 64;
constexpr uint64_t TOTAL_MS_MAX = 60000;

class Asking;

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct Tool {
	Tool(baton::Host host_of, baton_str config);
	/* The call is over; its state goes, and with it its request. */
	void forget(baton_call call) noexcept
	{
		asking.erase(call);
	}

	baton::Host host;
	std::string url, key; /* "Authorization: ..."; empty: the service wants none */
	std::unordered_map<baton_call, std::unique_ptr<Asking>> asking;
};

/* One call on its way. It goes with the one end() or fail() of its call. */
class Asking
{
      public:
	Asking(Tool &tool, baton_call call, bool writes) noexcept
	    : tool_(tool), call_(call), writes_(writes)
	{
	}

	int32_t ask(const baton_tool_req &req);
	/* Nobody waits any more. What was sent may still happen. */
	void cancel() noexcept
	{
		request_.stop();
		fail_as(BATON_FAIL_CANCELLED, "nobody waits any more", true);
	}

      private:
	static void on_head(void *user, baton_http, uint32_t status, const baton_str *,
			    uint32_t) noexcept
	{
		static_cast<Asking *>(user)->status_ = status;
	}
	static void on_data(void *user, baton_http, baton_str, baton_str data) noexcept
	{
		auto *self = static_cast<Asking *>(user);

		self->spoiled_ |= self->body_.size() + data.n > BODY_BYTES_MAX;
		if (!self->spoiled_)
			self->spoiled_ |= baton::guard([&]() -> int32_t {
						  self->body_.append(baton::view(data));
						  return BATON_OK;
					  }) != BATON_OK;
	}
	static void on_end(void *user, baton_http, const baton_error *error) noexcept;

	void answered() noexcept;
	bool is_json() const noexcept;
	/* The two ends: after each of them this object is gone. */
	void bring(std::string_view json, const char *no) noexcept;
	void fail(baton_error error, bool sent) noexcept;
	void fail_as(uint32_t fail_class, const char *message, bool sent) noexcept
	{
		baton_error error = {};
		error.fail = fail_class;
		error.message = baton::str(message);
		fail(error, sent);
	}

	Tool &tool_;
	baton_call call_;
	bool writes_, spoiled_ = false; /* too long, or no memory for it */
	uint32_t status_ = 0;
	std::string body_;
	baton::Request request_;
};

void Asking::bring(std::string_view json, const char *no) noexcept
{
	Tool &tool = tool_;
	baton_call call = call_;
	baton_tool_result result = {};

	result.size = sizeof(result);
	result.flags = no ? uint32_t{ BATON_TOOL_NO } : 0u;
	result.json = baton::str(json);
	result.code = no ? baton::str(no) : baton_str{};
	result.http_status = status_;
	result.tries = 1;
	tool.host.table->result(tool.host.ctx, call, BATON_RESULT_TOOL, &result, sizeof(result));
	tool.host.table->end(tool.host.ctx, call, BATON_END_STOP);
	tool.forget(call);
}

/* `sent`: the service may have done it. */
void Asking::fail(baton_error error, bool sent) noexcept
{
	Tool &tool = tool_;
	baton_call call = call_;

	error.size = sizeof(error);
	error.http_status = status_;
	error.flags = writes_ && sent ? uint32_t{ BATON_ERROR_IN_DOUBT } : 0u;
	tool.host.table->fail(tool.host.ctx, call, &error);
	tool.forget(call);
}

/* --- hearing ------------------------------------------------------------------------------- */

bool Asking::is_json() const noexcept
{
	scan from = scan_of(baton::str(body_));

	if (!scan_utf8_ok(baton::str(body_)))
		return false;
	scan_skip(&from);
	return scan_ended(&from);
}

/* The service has answered: what it means. */
void Asking::answered() noexcept
{
	static constexpr struct {
		uint32_t status, fail;
		bool sent; /* it may have done it all the same */
	} rows[] = {
		{ 400, BATON_FAIL_BAD_REQUEST, false }, { 401, BATON_FAIL_ACCESS, false },
		{ 403, BATON_FAIL_ACCESS, false },      { 408, BATON_FAIL_TIMEOUT, true },
		{ 422, BATON_FAIL_BAD_REQUEST, false }, { 429, BATON_FAIL_RATE_LIMITED, false },
		{ 503, BATON_FAIL_OVERLOADED, true },   { 504, BATON_FAIL_TIMEOUT, true },
	};

	if (status_ == 404 || status_ == 409)
		return bring("null", status_ == 404 ? "not_found" : "conflict");
	for (const auto &row : rows)
		if (row.status == status_)
			return fail_as(row.fail, "the service refused", row.sent);
	if (status_ != 200 && status_ != 201)
		return fail_as(BATON_FAIL_UNAVAILABLE, "a status that is no answer", true);
	if (spoiled_ || !is_json())
		return fail_as(BATON_FAIL_BAD_OUTPUT, "an answer that is no JSON", true);
	std::string json = std::move(body_);
	bring(json, nullptr);
}

/* Nothing has left the house: no connection, or the host would not have it. */
bool never_left(const baton_error &error) noexcept
{
	constexpr std::string_view codes[] = { "connect", "dns", "tls", "denied",
					       "timeout_connect" };

	return std::find(std::begin(codes), std::end(codes), baton::view(error.code)) !=
	       std::end(codes);
}

/* Exactly once per request that was not stopped. */
void Asking::on_end(void *user, baton_http, const baton_error *error) noexcept
{
	auto *self = static_cast<Asking *>(user);

	if (error)
		self->fail(*error, !never_left(*error)); /* the host's own classes */
	else
		self->answered();
}

/* --- asking -------------------------------------------------------------------------------- */

/* Names of tools are the policies', and still: what goes into an address is looked at. */
bool name_ok(std::string_view name) noexcept
{
	return !name.empty() && name.size() <= NAME_BYTES_MAX &&
	       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") ==
		       std::string_view::npos;
}

/* The same key for each try of the same call, also after a restart: who knows it does it once. */
int32_t Asking::ask(const baton_tool_req &tool_req)
{
	static constexpr baton_http_cb cb = { sizeof(baton_http_cb), 0, on_head, on_data, on_end };
	std::string url = tool_.url + "/", again = "Idempotency-Key: ";
	baton_str headers[3] = { baton::str("Content-Type: application/json") };
	uint64_t now = tool_.host.table->now_ns(tool_.host.ctx), left = TOTAL_MS_MAX;
	uint64_t deadline = tool_req.turn ? tool_req.turn->deadline_ns : 0;
	baton_http_req req = {};

	if (deadline)
		left = deadline > now ? (deadline - now) / 1000000 + 1 : 1;
	url.append(baton::view(tool_req.name));
	again.append(baton::view(tool_req.idempotency_key));
	req.size = sizeof(req);
	req.method = baton::str("POST");
	req.url = baton::str(url);
	req.headers = headers;
	req.n_headers = 1;
	if (!tool_.key.empty())
		headers[req.n_headers++] = baton::str(tool_.key);
	if (tool_req.idempotency_key.n > 0)
		headers[req.n_headers++] = baton::str(again);
	req.connect_ms = 3000;
	req.total_ms = static_cast<uint32_t>(std::min(left, TOTAL_MS_MAX));
	req.body = tool_req.args_json;
	return request_.start(tool_.host, req, cb, this);
}

Tool::Tool(baton::Host host_of, baton_str config) : host(host_of)
{
	scan from = scan_of(config);

	baton::each_member(from, [&](baton_str name) {
		if (scan_is(name, "url"))
			url = baton::read_text(from);
		else if (scan_is(name, "secret"))
			key = "Authorization: Bearer {{secret:" + baton::read_text(from) + "}}";
		else
			scan_skip(&from); /* `policy`: the tools that tools.yaml gives us */
	});
}

/* --- what the host calls ------------------------------------------------------------------- */

/* A turn that is tried out: what it would change, it must not. */
int32_t only_shown(const Tool &tool, baton_call call) noexcept
{
	baton_tool_result result = {};

	result.size = sizeof(result);
	result.json = baton::str("{\"shadow\":true}");
	tool.host.table->result(tool.host.ctx, call, BATON_RESULT_TOOL, &result, sizeof(result));
	tool.host.table->end(tool.host.ctx, call, BATON_END_STOP);
	return BATON_OK;
}

/* A negative result means that nothing was started: then no end() may come. */
int32_t invoke(void *inst, baton_call call, const baton_tool_req *req) noexcept
{
	auto *tool = static_cast<Tool *>(inst);
	bool writes = (req->flags & BATON_TOOL_WRITES) != 0;

	if (!name_ok(baton::view(req->name)))
		return BATON_E_INVAL;
	if (writes && (req->flags & BATON_TOOL_SHADOW))
		return only_shown(*tool, call);
	int32_t rc = baton::guard([&]() -> int32_t {
		auto &asking = tool->asking[call];
		asking = std::make_unique<Asking>(*tool, call, writes);
		return asking->ask(*req);
	});
	if (rc != BATON_OK)
		tool->forget(call);
	return rc;
}

void cancel(void *inst, baton_call call, uint32_t) noexcept
{
	auto &asking = static_cast<Tool *>(inst)->asking;
	auto found = asking.find(call);

	if (found != asking.end())
		found->second->cancel();
}

int32_t load(baton_ctx *, const baton_host *host, void **mod) noexcept
{
	*mod = const_cast<baton_host *>(host); /* shared by all instances, read-only */
	return BATON_OK;
}

int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst) noexcept
{
	return baton::guard([&]() -> int32_t {
		*inst = new Tool({ ctx, static_cast<const baton_host *>(mod) }, config);
		return BATON_OK;
	});
}

/* No call is open any more: each was ended or cancelled before. */
void destroy(void *inst) noexcept
{
	delete static_cast<Tool *>(inst);
}

constexpr baton_tool tool_table = { sizeof(baton_tool), 0, nullptr, invoke, cancel };
constexpr baton_iface ifaces[] = { { BATON_TOOL, &tool_table } };

/* Id, version and flags are those of the note. */
constexpr baton_module module_entry() noexcept
{
	baton_module m = baton::descriptor();

	m.n_ifaces = 1;
	m.id = "tool-acme";
	m.version = "0.1.0";
	m.license = "Apache-2.0";
	m.summary = "Performs tools by asking the service behind acme";
	m.config_schema = R"({"type":"object","additionalProperties":false,"required":["url"],
		"properties":{"policy":{"type":"object"},
		"url":{"type":"string","minLength":8,"maxLength":500},
		"secret":{"type":"string","maxLength":64}}})";
	m.ifaces = ifaces;
	m.load = load;
	m.create = create;
	m.destroy = destroy;
	return m;
}

} /* namespace */

/* The one symbol that a module exports: the header has declared it so. */
constexpr baton_module baton_module_entry = module_entry();
