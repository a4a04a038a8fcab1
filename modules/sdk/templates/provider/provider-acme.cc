/* SPDX-License-Identifier: Apache-2.0 */

/* provider-acme: asks a model behind an HTTP service and streams its answer to the customer.
 *
 * One question is one POST. The service answers with a stream of events:
 *
 *	event: text     data: {"text":"Your order "}        any number
 *	event: usage    data: {"in":120,"out":34}           once, before done
 *	event: done     data: {"reason":"stop"}             stop, length or filtered
 *	event: error    data: {"code":"overloaded","message":"..."}
 *
 * Yours speaks otherwise: then change body_of(), Event and Answer::event_take(); the rest stays. Keys
 * never come here: the host fills {{secret:NAME}} in. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "baton.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <unordered_map>

BATON_MODULE_NOTE("provider-acme", "0.1.0", "provider", 0);

namespace
{

constexpr size_t HELD_BYTES_MAX = 64 * 1024, ERROR_BYTES_MAX = 4096;

/* What one event, or the body of an error, may say. */
struct Event {
	std::string text, reason, code, message;
	uint64_t in = 0, out = 0;
	bool good = false;

	Event(baton_str data, unsigned *half)
	{
		scan from = scan_of(data);

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "text"))
				text = baton::read_text(from, half);
			else if (scan_is(key, "reason"))
				reason = baton::read_text(from);
			else if (scan_is(key, "code"))
				code = baton::read_text(from);
			else if (scan_is(key, "message"))
				message = baton::read_text(from);
			else if (scan_is(key, "in"))
				in = scan_count(&from);
			else if (scan_is(key, "out"))
				out = scan_count(&from);
			else
				scan_skip(&from);
		});
		good = scan_utf8_ok(data) && scan_ended(&from);
	}
};

/* What an error means: what a router must know, not what a vendor says. The first row that fits: its
 * code, or its status and no code. */
struct Meaning {
	uint32_t status;
	const char *code;
	uint32_t fail, scope;
};
constexpr Meaning meanings[] = {
	{ 0, "overloaded", BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL },
	{ 0, "rate_limited", BATON_FAIL_RATE_LIMITED, BATON_SCOPE_MODEL },
	{ 0, "quota", BATON_FAIL_QUOTA, BATON_SCOPE_ACCOUNT },
	{ 0, "refused", BATON_FAIL_REFUSED, BATON_SCOPE_REQUEST },
	{ 0, "too_long", BATON_FAIL_TOO_LONG, BATON_SCOPE_REQUEST },
	{ 400, nullptr, BATON_FAIL_BAD_REQUEST, BATON_SCOPE_REQUEST },
	{ 401, nullptr, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT },
	{ 402, nullptr, BATON_FAIL_QUOTA, BATON_SCOPE_ACCOUNT },
	{ 403, nullptr, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT },
	{ 404, nullptr, BATON_FAIL_MODEL_GONE, BATON_SCOPE_MODEL },
	{ 408, nullptr, BATON_FAIL_TIMEOUT, BATON_SCOPE_MODEL },
	{ 413, nullptr, BATON_FAIL_TOO_LONG, BATON_SCOPE_REQUEST },
	{ 422, nullptr, BATON_FAIL_BAD_REQUEST, BATON_SCOPE_REQUEST },
	{ 429, nullptr, BATON_FAIL_RATE_LIMITED, BATON_SCOPE_MODEL },
	{ 503, nullptr, BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL },
	{ 504, nullptr, BATON_FAIL_TIMEOUT, BATON_SCOPE_MODEL },
	{ 529, nullptr, BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL },
};

class Answer;

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct Provider {
	baton::Host host;
	std::string url, key; /* key: "Authorization: ..."; empty: the service wants none */
	std::unordered_map<baton_call, std::unique_ptr<Answer>> answers;

	Provider(baton::Host host, baton_str config);
	/* The last thing that an answer does: it is gone afterwards. */
	void forget(baton_call call) noexcept
	{
		answers.erase(call);
	}
};

/* One answer on its way. It is forgotten with the one end() or fail() of its call, and its request is
 * stopped with it. Functions that may end it return whether it is still there. */
class Answer
{
      public:
	Answer(Provider &provider, baton_call call) noexcept : provider_(provider), call_(call)
	{
		usage_.size = sizeof(usage_);
		usage_.flags = BATON_USAGE_ESTIMATED; /* until the service tells */
	}

	int32_t ask(const baton_prompt &prompt);
	void resume();
	void cancel() noexcept
	{
		table().end(ctx(), call_, BATON_END_STOP);
		provider_.forget(call_);
	}

      private:
	const baton_host &table() const noexcept
	{
		return *provider_.host.table;
	}
	baton_ctx *ctx() const noexcept
	{
		return provider_.host.ctx;
	}

	/* --- the two ends --- */

	bool fail(baton_error error) noexcept
	{
		error.size = sizeof(error);
		error.http_status = status_;
		if (usage_.out_tokens > 0) { /* it will stand on the bill */
			error.flags |= BATON_ERROR_BILLED;
			table().usage(ctx(), call_, &usage_);
		}
		table().fail(ctx(), call_, &error);
		provider_.forget(call_);
		return false;
	}

	bool fail_as(uint32_t fail_class, std::string_view message) noexcept
	{
		baton_error error = {};

		error.fail = fail_class;
		error.message = baton::str(message);
		return fail(error);
	}

	bool end() noexcept
	{
		if (!said_ && reason_ == BATON_END_FILTERED)
			return fail_as(BATON_FAIL_REFUSED, "the service would not answer");
		if (!said_)
			return fail_as(BATON_FAIL_EMPTY, "an answer without text");
		table().usage(ctx(), call_, &usage_);
		table().end(ctx(), call_, reason_);
		provider_.forget(call_);
		return false;
	}

	/* --- saying: the host may have no room, then we hold text back and stop reading --- */

	bool say(std::string_view text)
	{
		int32_t rc = BATON_E_AGAIN;

		if (text.empty())
			return true;
		if (held_.empty())
			rc = table().delta(ctx(), call_, BATON_DELTA_TEXT, baton::str(text));
		if (rc == BATON_OK) {
			said_ = true;
			if (usage_.flags & BATON_USAGE_ESTIMATED)
				usage_.out_tokens += (text.size() + 3) / 4;
			return true;
		}
		if (rc == BATON_E_STALE) { /* the host has ended the call: nobody is to be told */
			provider_.forget(call_);
			return false;
		}
		if (rc != BATON_E_AGAIN || held_.size() + text.size() > HELD_BYTES_MAX)
			return fail_as(BATON_FAIL_BAD_OUTPUT, "more text than an answer may have");
		held_ += text;
		request_.pause(true);
		return true;
	}

	/* --- hearing --- */

	bool fail_said(const Event &event) noexcept
	{
		baton_error error = {};

		error.fail = status_ == 200 || status_ >= 500 ? BATON_FAIL_UNAVAILABLE
							      : BATON_FAIL_BAD_REQUEST;
		error.retry_after_ms = retry_after_ms_;
		error.code = baton::str(event.code);
		error.message = baton::str(event.message);
		for (const Meaning &m : meanings) {
			if (m.code ? event.code != m.code : m.status != status_)
				continue;
			error.fail = m.fail;
			error.scope = m.scope;
			break;
		}
		return fail(error);
	}

	bool event_take(std::string_view name, baton_str data)
	{
		/* Events of other names may come one day: they are read over. */
		if (name != "text" && name != "usage" && name != "done" && name != "error")
			return true;
		Event event(data, &half_);
		if (!event.good)
			return fail_as(BATON_FAIL_BAD_OUTPUT, "an event that is not JSON");
		if (name == "text")
			return say(event.text);
		if (name == "error")
			return fail_said(event);
		if (name == "usage") {
			usage_.in_tokens = event.in;
			usage_.out_tokens = event.out;
			usage_.flags = 0;
			return true;
		}
		if (half_)
			return fail_as(BATON_FAIL_BAD_OUTPUT, "it ends in half a character");
		done_ = true;
		reason_ = event.reason == "length"     ? BATON_END_LENGTH
			  : event.reason == "filtered" ? BATON_END_FILTERED
						       : BATON_END_STOP;
		return held_.empty() ? end() : true; /* else resume() ends it */
	}

	bool data_take(baton_str event, baton_str data)
	{
		if (done_)
			return true;
		if (status_ == 200 && event.n > 0) /* an event has a name; other bytes have none */
			return event_take(baton::view(event), data);
		body_.append(baton::view(data).substr(0, ERROR_BYTES_MAX - body_.size()));
		return true;
	}

	bool finish(const baton_error *error)
	{
		if (done_) /* all is heard; resume() says the rest */
			return true;
		if (status_ != 0 && status_ != 200) /* the status says why, cut or not */
			return fail_said(Event(baton::str(body_), nullptr));
		if (error)
			return fail(*error); /* the host's own classes: connect, timeout, ... */
		return fail_as(BATON_FAIL_TRUNCATED, "the stream ended without `done`");
	}

	void head_take(uint32_t status, const baton_str *headers, uint32_t n) noexcept
	{
		constexpr std::string_view name = "retry-after:";

		status_ = status;
		for (uint32_t i = 0; i < n; i++) {
			std::string_view header = baton::view(headers[i]);
			if (!std::equal(name.begin(), name.end(), header.begin(),
					header.begin() + static_cast<std::ptrdiff_t>(std::min(
								 name.size(), header.size())),
					[](char a, char b) { return (a | 0x20) == (b | 0x20); }))
				continue;
			header.remove_prefix(name.size());
			header.remove_prefix(
				std::min(header.find_first_not_of(' '), header.size()));
			uint32_t seconds = 0; /* a date is not worth the trouble: 0 says nothing */
			auto read = std::from_chars(header.data(), header.data() + header.size(),
						    seconds);
			if (read.ec == std::errc() && read.ptr == header.data() + header.size())
				retry_after_ms_ = std::min(seconds, 86400u) * 1000;
		}
	}

	/* What the host calls. Memory may end in any of them: that is an answer that failed, no crash. */
	template <class Function> static void heard(void *user, Function &&function) noexcept
	{
		auto *answer = static_cast<Answer *>(user);

		if (baton::guard([&]() -> int32_t { return function(*answer), BATON_OK; }) !=
		    BATON_OK)
			answer->fail_as(BATON_FAIL_INTERNAL, "out of memory");
	}
	static void on_head(void *user, baton_http, uint32_t status, const baton_str *headers,
			    uint32_t n) noexcept
	{
		static_cast<Answer *>(user)->head_take(status, headers, n);
	}
	static void on_data(void *user, baton_http, baton_str event, baton_str data) noexcept
	{
		heard(user, [&](Answer &answer) { answer.data_take(event, data); });
	}
	static void on_end(void *user, baton_http, const baton_error *error) noexcept
	{
		heard(user, [&](Answer &answer) { answer.finish(error); });
	}

	Provider &provider_;
	baton_call call_;
	baton::Request request_;
	baton_usage usage_ = {};
	uint32_t status_ = 0, retry_after_ms_ = 0, reason_ = 0;
	unsigned half_ = 0; /* of a character that is cut between two events */
	bool said_ = false, done_ = false;
	std::string held_, body_; /* what the host had no room for; an answer that is an error */
};

/* --- asking --- */

void write_member(std::string &to, std::string_view key, baton_str value)
{
	to.append(key);
	baton::write_text(to, baton::view(value));
}

std::string body_of(const baton_prompt &prompt)
{
	constexpr std::string_view roles[] = { "system", "customer", "bot", "agent", "tool" };
	const baton_turn &turn = *prompt.turn;
	std::string body;

	write_member(body, "{\"model\":", prompt.model);
	body.append(",\"stream\":true,\"max_tokens\":")
		.append(std::to_string(prompt.max_output_tokens));
	body.append(",\"messages\":[");
	for (uint32_t i = 0; i < turn.n_msgs; i++) {
		const baton_msg &msg = turn.msgs[i];
		/* A role that is added later is treated as value 0 (rule R3). */
		std::string_view role = roles[msg.role <= BATON_ROLE_TOOL ? msg.role : 0];
		write_member(body, i ? ",{\"role\":" : "{\"role\":", baton::str(role));
		write_member(body, ",\"text\":", msg.text);
		body.append("}");
	}
	body.append("],\"passages\":[");
	for (uint32_t i = 0; i < prompt.n_docs; i++) {
		write_member(body, i ? ",{\"title\":" : "{\"title\":", prompt.docs[i].title);
		write_member(body, ",\"text\":", prompt.docs[i].snippet);
		body.append("}");
	}
	return body.append("]}");
}

int32_t Answer::ask(const baton_prompt &prompt)
{
	static constexpr baton_http_cb cb = { sizeof(baton_http_cb), 0, on_head, on_data, on_end };
	std::string body = body_of(prompt), again = "Idempotency-Key: ";
	baton_str headers[3] = { baton::str("Content-Type: application/json") };
	uint64_t now = table().now_ns(ctx()), deadline = prompt.turn->deadline_ns, left = 60000;
	baton_http_req req = {};

	if (deadline)
		left = deadline > now ? (deadline - now) / 1000000 + 1 : 1;
	again.append(baton::view(prompt.idempotency_key)); /* a retry is not billed twice */
	req.size = sizeof(req);
	req.flags = BATON_HTTP_SSE;
	req.method = baton::str("POST");
	req.url = baton::str(provider_.url);
	req.headers = headers;
	req.n_headers = 1;
	if (!provider_.key.empty())
		headers[req.n_headers++] = baton::str(provider_.key);
	if (prompt.idempotency_key.n > 0)
		headers[req.n_headers++] = baton::str(again);
	req.connect_ms = 3000;
	req.idle_ms = 20000;
	req.total_ms = static_cast<uint32_t>(std::min<uint64_t>(left, 600000));
	req.body = baton::str(body);
	return request_.start(provider_.host, req, cb, this);
}

/* There is room again. */
void Answer::resume()
{
	if (!say(std::exchange(held_, {})) || !held_.empty())
		return;
	request_.pause(false);
	if (done_)
		end();
}

Provider::Provider(baton::Host host_of, baton_str config) : host(host_of)
{
	scan from = scan_of(config);

	baton::each_member(from, [&](baton_str name) {
		if (scan_is(name, "url"))
			url = baton::read_text(from);
		else if (scan_is(name, "secret"))
			key = "Authorization: Bearer {{secret:" + baton::read_text(from) + "}}";
		else
			scan_skip(&from);
	});
}

/* --- what the host calls ------------------------------------------------------------------- */

Answer *answer_of(void *inst, baton_call call) noexcept
{
	auto &answers = static_cast<Provider *>(inst)->answers;
	auto found = answers.find(call);

	return found == answers.end() ? nullptr : found->second.get();
}

/* A negative result means that nothing was started: then no end() may come. */
int32_t start(void *inst, baton_call call, const baton_prompt *prompt) noexcept
{
	auto *provider = static_cast<Provider *>(inst);

	/* The beginning of an answer that we shall continue: this service cannot. */
	if (BATON_HAS(prompt, prefill) && prompt->prefill.n > 0) {
		baton_error error = {};
		error.size = sizeof(error);
		error.fail = BATON_FAIL_BAD_REQUEST;
		error.scope = BATON_SCOPE_REQUEST;
		error.code = baton::str("prefill_refused");
		provider->host.table->fail(provider->host.ctx, call, &error);
		return BATON_OK;
	}
	int32_t rc = baton::guard([&]() -> int32_t {
		auto &answer = provider->answers[call];
		answer = std::make_unique<Answer>(*provider, call);
		return answer->ask(*prompt);
	});
	if (rc != BATON_OK)
		provider->forget(call);
	return rc;
}

/* Nobody waits any more. The end is still due, within 250 ms; at once is best. */
void cancel(void *inst, baton_call call, uint32_t) noexcept
{
	if (Answer *answer = answer_of(inst, call))
		answer->cancel();
}

void resume(void *inst, baton_call call) noexcept
{
	/* Out of memory: the text is lost, and so is the answer. */
	if (Answer *answer = answer_of(inst, call))
		if (baton::guard([&]() -> int32_t { return answer->resume(), BATON_OK; }) !=
		    BATON_OK)
			answer->cancel();
}

int32_t load(baton_ctx *, const baton_host *host, void **mod) noexcept
{
	*mod = const_cast<baton_host *>(host); /* shared by all instances, read-only */
	return BATON_OK;
}

int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst) noexcept
{
	return baton::guard([&]() -> int32_t {
		*inst = new Provider({ ctx, static_cast<const baton_host *>(mod) }, config);
		return BATON_OK;
	});
}

/* No call is open any more: each was ended or cancelled before. */
void destroy(void *inst) noexcept
{
	delete static_cast<Provider *>(inst);
}

constexpr baton_provider provider_table = {
	sizeof(baton_provider), 0, nullptr, nullptr, start, cancel, resume
};
constexpr baton_iface ifaces[] = { { BATON_PROVIDER, &provider_table } };

/* Id, version and flags are those of the note. */
constexpr baton_module module_entry() noexcept
{
	baton_module m = baton::descriptor();

	m.n_ifaces = 1;
	m.id = "provider-acme";
	m.version = "0.1.0";
	m.license = "Apache-2.0";
	m.summary = "Answers of the model behind acme";
	m.config_schema = R"({"type":"object","additionalProperties":false,"required":["url"],
		"properties":{"url":{"type":"string","minLength":8,"maxLength":500},
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
