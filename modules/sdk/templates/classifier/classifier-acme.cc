/* SPDX-License-Identifier: Apache-2.0 */

/* classifier-acme: names what a customer wants by the words of the message. Each intent has its
 * words in the configuration; the more of them a message has, the surer we are. Two intents that
 * fit alike make both less sure, so that a route with a threshold asks a person instead of
 * guessing. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "baton.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

BATON_MODULE_NOTE("classifier-acme", "0.1.0", "classifier", 0);

namespace
{

constexpr uint32_t ONE_WORD_PPM = 650000, MORE_PPM = 120000, SUREST_PPM = 950000,
		   NEUTRAL_PPM = 500000;

struct Intent {
	std::string name;
	std::vector<std::string> words; /* lower case */
};

char lower(char c) noexcept
{
	return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

std::string lowered(std::string text)
{
	std::transform(text.begin(), text.end(), text.begin(), lower);
	return text;
}

bool in_word(char c) noexcept
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       static_cast<unsigned char>(c) >= 0x80;
}

/* "refund" is in "a refund, please" and not in "refunded". */
bool has_word(std::string_view text, std::string_view word) noexcept
{
	for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
		size_t end = at + word.size();
		if ((at == 0 || !in_word(text[at - 1])) &&
		    (end == text.size() || !in_word(text[end])))
			return true;
	}
	return false;
}

/* One instance: there is one per event loop, so nothing in here needs a lock. */
class Classifier
{
      public:
	/* {"intents":[{"name":"refund-policy","words":["refund","money back"]}]} */
	explicit Classifier(baton_str config)
	{
		scan from = scan_of(config);

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "intents"))
				baton::each_element(from,
						    [&] { intents_.push_back(read_intent(from)); });
			else
				scan_skip(
					&from); /* `policy`: what the host adds of the policy set */
		});
		if (!scan_ended(&from))
			throw std::invalid_argument("config");
	}

	/* Best first. The names live in the instance. */
	void classify(const baton_turn &turn, baton_intents &out) const
	{
		std::string text = message(turn);
		std::vector<baton_intent> found;

		for (const Intent &intent : intents_)
			if (uint32_t ppm = confidence(intent, text))
				found.push_back({ baton::str(intent.name), ppm, 0, {} });
		std::stable_sort(found.begin(), found.end(), [](const auto &a, const auto &b) {
			return a.confidence_ppm > b.confidence_ppm;
		});
		if (found.size() > 1 && found[0].confidence_ppm == found[1].confidence_ppm) {
			uint32_t torn = found[0].confidence_ppm / 2;
			for (baton_intent &one : found)
				one.confidence_ppm = std::min(one.confidence_ppm, torn);
		}
		out.n = static_cast<uint32_t>(std::min<size_t>(found.size(), out.cap));
		std::copy_n(found.begin(), out.n, out.v);
		out.sentiment_ppm = NEUTRAL_PPM;
	}

	std::string labels() const
	{
		std::string json = "[";

		for (const Intent &intent : intents_) {
			json += json.size() > 1 ? "," : "";
			baton::write_text(json, intent.name);
		}
		return json + "]";
	}

      private:
	static Intent read_intent(scan &from)
	{
		Intent intent;

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "name"))
				intent.name = baton::read_text(from);
			else if (scan_is(key, "words"))
				baton::each_element(from, [&] {
					intent.words.push_back(lowered(baton::read_text(from)));
				});
			else
				scan_skip(&from);
		});
		return intent;
	}

	/* What the customer said last, in lower case. */
	static std::string message(const baton_turn &turn)
	{
		for (uint32_t i = turn.n_msgs; i > 0; i--)
			if (turn.msgs[i - 1].role == BATON_ROLE_CUSTOMER)
				return lowered(std::string(baton::view(turn.msgs[i - 1].text)));
		return {};
	}

	static uint32_t confidence(const Intent &intent, std::string_view text) noexcept
	{
		auto n = std::count_if(intent.words.begin(), intent.words.end(),
				       [&](const auto &word) { return has_word(text, word); });

		if (n == 0)
			return 0;
		return std::min(ONE_WORD_PPM + static_cast<uint32_t>(n - 1) * MORE_PPM, SUREST_PPM);
	}

	std::vector<Intent> intents_;
};

/* --- what the host calls ------------------------------------------------------------------- */

/* BATON_OK: `out` is filled, and nothing comes later. */
int32_t classify(void *inst, baton_call, const baton_turn *turn, baton_intents *out) noexcept
{
	return baton::guard([&]() -> int32_t {
		static_cast<const Classifier *>(inst)->classify(*turn, *out);
		return BATON_OK;
	});
}

int32_t labels(void *inst, const baton_sink *json) noexcept
{
	return baton::guard([&]() -> int32_t {
		std::string text = static_cast<const Classifier *>(inst)->labels();
		return json->write(json->ud, text.data(), text.size());
	});
}

int32_t create(void *, baton_ctx *, baton_str config, void **inst) noexcept
{
	return baton::guard([&]() -> int32_t {
		*inst = new Classifier(config);
		return BATON_OK;
	});
}

void destroy(void *inst) noexcept
{
	delete static_cast<Classifier *>(inst);
}

constexpr baton_classifier classifier = { sizeof(baton_classifier), 0, labels, classify, nullptr };
constexpr baton_iface ifaces[] = { { BATON_CLASSIFIER, &classifier } };

/* Id, version and flags are those of the note. */
constexpr baton_module module_entry() noexcept
{
	baton_module m = baton::descriptor();

	m.n_ifaces = 1;
	m.id = "classifier-acme";
	m.version = "0.1.0";
	m.license = "Apache-2.0";
	m.summary = "Intents by the words of a message";
	m.config_schema = R"({"type":"object","additionalProperties":false,"required":["intents"],
		"properties":{"intents":{"type":"array","minItems":1,"maxItems":64,"items":
		{"type":"object","additionalProperties":false,"required":["name","words"],
		"properties":{"name":{"type":"string","minLength":1,"maxLength":64},
		"words":{"type":"array","minItems":1,"maxItems":64,"items":
		{"type":"string","minLength":1,"maxLength":64}}}}}}})",
	m.ifaces = ifaces;
	m.create = create;
	m.destroy = destroy;
	return m;
}

} /* namespace */

/* The one symbol that a module exports: the header has declared it so. */
constexpr baton_module baton_module_entry = module_entry();
