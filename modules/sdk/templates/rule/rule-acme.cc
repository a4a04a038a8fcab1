/* SPDX-License-Identifier: Apache-2.0 */

/* rule-acme: hands a conversation to a person when the bot has answered often enough.
 *
 * A rule is pure: the same facts give the same verdict, today and when yesterday's turns are
 * played again to see what a new rule would have changed. So it has no clock, no chance, no memory
 * and asks the host for nothing but log(). Where a condition is enough, escalation.yaml needs no
 * module. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "baton.hpp"

#include <memory>

BATON_MODULE_NOTE("rule-acme", "0.1.0", "rule", 0);

namespace
{

constexpr char id[] = "acme-long-talk";
constexpr char reason[] = "The bot has answered several times, and the customer still asks";

/* One instance: there is one per event loop, so nothing in here needs a lock. */
class Rule
{
      public:
	explicit Rule(baton_str config)
	{
		scan from = scan_of(config);

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "answers"))
				answers_ = scan_count(&from);
			else if (scan_is(key, "queue"))
				queue_ = baton::read_text(from);
			else
				scan_skip(
					&from); /* `policy`: what the host adds of the policy set */
		});
	}

	/* The strictest verdict of all rules wins; no verdict is BATON_ACT_NONE, which `out` has. */
	void evaluate(const baton_facts *facts, baton_verdict &out) const noexcept
	{
		/* Rules are asked twice: before any model is, and about its answer. */
		if (BATON_HAS(facts, stage) && facts->stage != BATON_STAGE_BEFORE)
			return;
		if (facts->exchanges < answers_ || (facts->flags & BATON_FACT_HUMAN_ACTIVE))
			return;
		out.action = BATON_ACT_ESCALATE;
		out.rule = id; /* stands in transcripts and reports: never change it */
		out.reason = reason;
		out.queue = queue_.empty() ? nullptr : queue_.c_str();
	}

      private:
	uint64_t answers_ = 3;
	std::string queue_; /* empty: the intent's own */
};

/* --- what the host calls ------------------------------------------------------------------- */

int32_t evaluate(void *inst, const baton_facts *facts, baton_verdict *out) noexcept
{
	static_cast<const Rule *>(inst)->evaluate(facts, *out);
	return BATON_OK;
}

int32_t describe(void *, const baton_sink *json) noexcept
{
	constexpr std::string_view text = "[{\"id\":\"acme-long-talk\",\"action\":\"escalate\"}]";

	return json->write(json->ud, text.data(), text.size());
}

int32_t create(void *, baton_ctx *, baton_str config, void **inst) noexcept
{
	return baton::guard([&]() -> int32_t {
		*inst = new Rule(config);
		return BATON_OK;
	});
}

void destroy(void *inst) noexcept
{
	delete static_cast<Rule *>(inst);
}

constexpr baton_rule rule = { sizeof(baton_rule), 0, describe, evaluate };
constexpr baton_iface ifaces[] = { { BATON_RULE, &rule } };

/* Id, version and flags are those of the note. */
constexpr baton_module module_entry() noexcept
{
	baton_module m = baton::descriptor();

	m.n_ifaces = 1;
	m.id = "rule-acme";
	m.version = "0.1.0";
	m.license = "Apache-2.0";
	m.summary = "A person takes over when the bot has answered often enough";
	m.config_schema = R"({"type":"object","additionalProperties":false,"properties":{
		"answers":{"type":"integer","minimum":1,"maximum":1000},
		"queue":{"type":"string","maxLength":63}}})";
	m.ifaces = ifaces;
	m.create = create;
	m.destroy = destroy;
	return m;
}

} /* namespace */

/* The one symbol that a module exports: the header has declared it so. */
constexpr baton_module baton_module_entry = module_entry();
