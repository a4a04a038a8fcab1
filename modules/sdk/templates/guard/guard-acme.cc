/* SPDX-License-Identifier: Apache-2.0 */

/* guard-acme: finds membership numbers of the shop, such as ACM-123456, wherever somebody writes
 * them. The host does what follows: a placeholder takes the number's place before anybody outside
 * sees it, and is turned back in the answer to the customer.
 *
 * A guard is pure: the same text has the same hits. It has no clock, no chance, no memory and asks
 * the host for nothing but log(). While an answer grows it is asked again and again, and says how
 * much of it may be shown: what is shown must never be found later. So the end of the text is held
 * back as long as it may be the beginning of a number. */

/* Guards are served since minor 2 (docs/ABI.md). */
#define BATON_ABI_NEEDED 2u
#include "baton.hpp"

BATON_MODULE_NOTE("guard-acme", "0.1.0", "guard", 0);

namespace
{

constexpr char type[] = "member_id";
constexpr uint32_t EVERYWHERE = 63;

constexpr bool is_digit(char c) noexcept
{
	return c >= '0' && c <= '9';
}

/* Inside a word nothing begins. */
constexpr bool in_word(char c) noexcept
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       static_cast<unsigned char>(c) >= 0x80;
}

/* One instance: there is one per event loop, so nothing in here needs a lock. */
class Guard
{
      public:
	explicit Guard(baton_str config)
	{
		scan from = scan_of(config);

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "digits"))
				digits_ = static_cast<size_t>(scan_count(&from));
			else if (scan_is(key, "prefix"))
				prefix_ = baton::read_text(from);
			else
				scan_skip(&from); /* `policy`: guards.yaml, which the host adds */
		});
	}

	int32_t inspect(const baton_inspection &what, baton_hits &out) const noexcept
	{
		std::string_view text = baton::view(what.text);
		bool grows = what.at == BATON_AT_ANSWER && !what.final;

		for (size_t at = 0; at < text.size(); at++) {
			if (at > 0 && in_word(text[at - 1]))
				continue;
			size_t n = matched(text.substr(at)), end = at + n;
			if (grows && n > 0 && end == text.size()) {
				out.safe = static_cast<uint32_t>(at); /* it may go on */
				return BATON_OK;
			}
			if (n < prefix_.size() + digits_ ||
			    (end < text.size() && is_digit(text[end])))
				continue; /* too short, or too long */
			if (out.n == out.cap)
				return BATON_E_LIMIT;
			baton_hit &hit = out.v[out.n++];
			hit = {};
			hit.begin = static_cast<uint32_t>(at);
			hit.end = static_cast<uint32_t>(end);
			hit.action = BATON_GUARD_REDACT;
			hit.confidence_ppm = 1000000;
			hit.type = baton::str(type);
			at = end - 1;
		}
		return BATON_OK;
	}

      private:
	/* How many bytes at the beginning are those of a number, as far as there are bytes. */
	size_t matched(std::string_view text) const noexcept
	{
		size_t n = 0, whole = prefix_.size() + digits_;

		while (n < whole && n < text.size() &&
		       (n < prefix_.size() ? text[n] == prefix_[n] : is_digit(text[n])))
			n++;
		return n;
	}

	std::string prefix_;
	size_t digits_ = 6;
};

/* --- what the host calls ------------------------------------------------------------------- */

int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out) noexcept
{
	return static_cast<const Guard *>(inst)->inspect(*what, *out);
}

int32_t describe(void *, const baton_sink *json) noexcept
{
	constexpr std::string_view text = "[{\"type\":\"member_id\",\"action\":\"redact\","
					  "\"description\":\"Membership numbers\"}]";

	return json->write(json->ud, text.data(), text.size());
}

int32_t create(void *, baton_ctx *, baton_str config, void **inst) noexcept
{
	return baton::guard([&]() -> int32_t {
		*inst = new Guard(config);
		return BATON_OK;
	});
}

void destroy(void *inst) noexcept
{
	delete static_cast<Guard *>(inst);
}

constexpr baton_guard guard_table = { sizeof(baton_guard), EVERYWHERE, describe, inspect };
constexpr baton_iface ifaces[] = { { BATON_GUARD, &guard_table } };

/* Id, version and flags are those of the note. */
constexpr baton_module module_entry() noexcept
{
	baton_module m = baton::descriptor();

	m.n_ifaces = 1;
	m.id = "guard-acme";
	m.version = "0.1.0";
	m.license = "Apache-2.0";
	m.summary = "Masks membership numbers";
	m.config_schema = R"({"type":"object","additionalProperties":false,"required":["prefix"],
		"properties":{"policy":{"type":"object"},
		"prefix":{"type":"string","minLength":2,"maxLength":15},
		"digits":{"type":"integer","minimum":3,"maximum":20}}})";
	m.ifaces = ifaces;
	m.create = create;
	m.destroy = destroy;
	return m;
}

} /* namespace */

/* The one symbol that a module exports: the header has declared it so. */
constexpr baton_module baton_module_entry = module_entry();
