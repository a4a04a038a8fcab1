/* SPDX-License-Identifier: Apache-2.0 */

/* retriever-acme: finds, for a question, the passages that speak about it. They stand in the
 * configuration; yours may come from a search service: then ask it with http() in search(), and
 * tell result() and end() when its answer is there. What is told here is all that a model may
 * answer from. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "baton.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

BATON_MODULE_NOTE("retriever-acme", "0.1.0", "retriever", 0);

namespace
{

constexpr size_t FOUND_MAX = 8, WORD_BYTES_MIN = 3;
constexpr uint64_t PPM = 1000000;

struct Passage {
	std::string id, title, uri, text;
	std::vector<std::string> words; /* of title and text, lower case */
};

/* The words of a text, in lower case. */
std::vector<std::string> words_of(std::string_view text)
{
	std::vector<std::string> words;
	std::string word;

	for (size_t i = 0; i <= text.size(); i++) {
		char c = i < text.size() ? text[i] : ' ';
		if (c >= 'A' && c <= 'Z')
			c = static_cast<char>(c | 0x20);
		bool inside = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			      static_cast<unsigned char>(c) >= 0x80;
		if (inside)
			word += c;
		else if (!word.empty())
			words.push_back(std::exchange(word, {}));
	}
	return words;
}

/* One instance: there is one per event loop, so nothing in here needs a lock. */
class Retriever
{
      public:
	/* {"passages":[{"id":"a","title":"...","uri":"...","text":"..."}]} */
	Retriever(baton::Host host, baton_str config) : host_(host)
	{
		scan from = scan_of(config);

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "passages"))
				baton::each_element(
					from, [&] { passages_.push_back(read_passage(from)); });
			else
				scan_skip(
					&from); /* `policy`: what the host adds of the policy set */
		});
		if (!scan_ended(&from))
			throw std::invalid_argument("config");
	}

	/* One result(), even an empty one, then one end(). Both may come before this returns. */
	void search(baton_call call, const baton_query &query) const
	{
		std::vector<baton_doc> docs = find(baton::view(query.text));

		docs.resize(std::min<size_t>(
			{ docs.size(), FOUND_MAX, query.k ? query.k : FOUND_MAX }));
		if (host_.table->result(host_.ctx, call, BATON_RESULT_DOCS, docs.data(),
					docs.size() * sizeof(docs[0])) == BATON_OK)
			host_.table->end(host_.ctx, call, BATON_END_STOP);
	}

      private:
	static Passage read_passage(scan &from)
	{
		Passage p;

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "id"))
				p.id = baton::read_text(from);
			else if (scan_is(key, "title"))
				p.title = baton::read_text(from);
			else if (scan_is(key, "uri"))
				p.uri = baton::read_text(from);
			else if (scan_is(key, "text"))
				p.text = baton::read_text(from);
			else
				scan_skip(&from);
		});
		p.words = words_of(p.title + " " + p.text);
		return p;
	}

	/* The share of the question's words that a passage has: "deliver" finds "delivery". */
	static uint32_t score(const Passage &passage,
			      const std::vector<std::string> &asked) noexcept
	{
		uint64_t n = 0, found = 0;

		for (const std::string &word : asked) {
			if (word.size() < WORD_BYTES_MIN)
				continue;
			n++;
			found += std::any_of(passage.words.begin(), passage.words.end(),
					     [&](const auto &has) {
						     return has.compare(0, word.size(), word) == 0;
					     });
		}
		return n ? static_cast<uint32_t>(found * PPM / n) : 0;
	}

	/* Best first. What does not fit is left out. */
	std::vector<baton_doc> find(std::string_view question) const
	{
		std::vector<std::string> asked = words_of(question);
		std::vector<baton_doc> docs;

		for (const Passage &p : passages_)
			if (uint32_t ppm = score(p, asked))
				docs.push_back({ baton::str(p.id),
						 baton::str(p.title),
						 baton::str(p.uri),
						 baton::str(p.text),
						 {},
						 ppm,
						 0,
						 0 });
		std::stable_sort(docs.begin(), docs.end(), [](const auto &a, const auto &b) {
			return a.score_ppm > b.score_ppm;
		});
		return docs;
	}

	baton::Host host_;
	std::vector<Passage> passages_;
};

/* --- what the host calls ------------------------------------------------------------------- */

int32_t search(void *inst, baton_call call, const baton_query *query) noexcept
{
	return baton::guard([&]() -> int32_t {
		static_cast<const Retriever *>(inst)->search(call, *query);
		return BATON_OK;
	});
}

int32_t load(baton_ctx *, const baton_host *host, void **mod) noexcept
{
	*mod = const_cast<baton_host *>(host); /* shared by all instances, read-only */
	return BATON_OK;
}

int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst) noexcept
{
	return baton::guard([&]() -> int32_t {
		*inst = new Retriever({ ctx, static_cast<const baton_host *>(mod) }, config);
		return BATON_OK;
	});
}

void destroy(void *inst) noexcept
{
	delete static_cast<Retriever *>(inst);
}

constexpr baton_retriever retriever = { sizeof(baton_retriever), 0, search, nullptr };
constexpr baton_iface ifaces[] = { { BATON_RETRIEVER, &retriever } };

/* Id, version and flags are those of the note. */
constexpr baton_module module_entry() noexcept
{
	baton_module m = baton::descriptor();

	m.n_ifaces = 1;
	m.id = "retriever-acme";
	m.version = "0.1.0";
	m.license = "Apache-2.0";
	m.summary = "Passages of a short list by the words of the question";
	m.config_schema = R"({"type":"object","additionalProperties":false,"required":["passages"],
		"properties":{"passages":{"type":"array","minItems":1,"maxItems":256,
		"items":{"type":"object","additionalProperties":false,
		"required":["id","title","uri","text"],"properties":{
		"id":{"type":"string","minLength":1,"maxLength":64},
		"title":{"type":"string","maxLength":200},
		"uri":{"type":"string","maxLength":500},
		"text":{"type":"string","minLength":1,"maxLength":8000}}}}}})",
	m.ifaces = ifaces;
	m.load = load;
	m.create = create;
	m.destroy = destroy;
	return m;
}

} /* namespace */

/* The one symbol that a module exports: the header has declared it so. */
constexpr baton_module baton_module_entry = module_entry();
