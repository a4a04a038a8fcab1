/* SPDX-License-Identifier: Apache-2.0 */

/* A little C++ over the ABI: what is opened is closed again, and no exception crosses the border.
 *
 * Functions that the host calls are noexcept and do their work inside guard(). There is no static
 * state but constants: two generations of a module may serve side by side, and each must begin
 * fresh. Keep it so: no thread_local with a destructor, no function-local static that has one. */
#pragma once

#include <baton/module.h>

extern "C" {
#include "scan.h"
#include "text.h"
}

#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace baton
{

inline std::string_view view(baton_str s) noexcept
{
	return s.n ? std::string_view(s.p, s.n) : std::string_view();
}

inline baton_str str(std::string_view s) noexcept
{
	return { s.data(), s.size() };
}

/* The border: what is thrown inside becomes a result. */
template <class Function> int32_t guard(Function &&function) noexcept
{
	try {
		return function();
	} catch (const std::bad_alloc &) {
		return BATON_E_NOMEM;
	} catch (...) {
		return BATON_E_STATE;
	}
}

/* The host, as one instance sees it. */
struct Host {
	baton_ctx *ctx;
	const baton_host *table;
};

/* One request of the host's HTTP client; stopped when it goes. Callbacks get `user`, so whoever holds
 * a Request must not move while it runs. */
class Request
{
      public:
	Request() noexcept = default;
	Request(const Request &) = delete;
	Request &operator=(const Request &) = delete;
	~Request()
	{
		stop();
	}

	int32_t start(const Host &host, const baton_http_req &req, const baton_http_cb &cb,
		      void *user) noexcept
	{
		host_ = host;
		return host.table->http(host.ctx, &req, &cb, user, &handle_);
	}
	void pause(bool paused) noexcept
	{
		if (handle_)
			host_.table->http_pause(host_.ctx, handle_, paused);
	}
	void stop() noexcept
	{
		if (handle_)
			host_.table->http_stop(host_.ctx, std::exchange(handle_, 0));
	}

      private:
	Host host_{};
	baton_http handle_ = 0;
};

/* The part of the descriptor that every module has. Constant, so no code runs when a module is mapped. */
constexpr baton_module descriptor() noexcept
{
	baton_module m = {};

	m.magic = BATON_MAGIC;
	m.size = sizeof(m);
	m.abi_major = BATON_ABI_MAJOR;
	m.abi_built = BATON_ABI_MINOR;
	m.abi_needed = BATON_ABI_NEEDED;
	return m;
}

/* --- JSON ---------------------------------------------------------------------------------- */

/* Every member of the object that comes next; `take` reads or skips the value. */
template <class Take> void each_member(scan &from, Take &&take)
{
	bool begun = false;
	baton_str key;

	while (scan_member(&from, &begun, &key))
		take(key);
}

template <class Take> void each_element(scan &from, Take &&take)
{
	bool begun = false;

	while (scan_element(&from, &begun))
		take();
}

/* The string that comes next, without its escapes; empty if it is something else. `half` keeps the
 * first half of a character from one string to the next. */
inline std::string read_text(scan &from, unsigned *half = nullptr)
{
	unsigned none = 0;
	baton_str inside;
	struct text resolved = {};

	if (!scan_text(&from, &inside) || !scan_unescape(inside, half ? half : &none, &resolved) ||
	    resolved.failed) {
		from.bad = true;
		text_done(&resolved);
		return {};
	}
	std::string result;
	try {
		result.assign(resolved.n ? resolved.p : "", resolved.n);
	} catch (...) {
		text_done(&resolved);
		throw;
	}
	text_done(&resolved);
	return result;
}

/* `text` as a JSON string, with its quotes. */
inline void write_text(std::string &to, std::string_view text)
{
	struct text json = {};

	text_json(&json, str(text));
	if (!json.failed)
		to.append(json.p, json.n);
	bool failed = json.failed;
	text_done(&json);
	if (failed)
		throw std::bad_alloc();
}

} /* namespace baton */
