/* SPDX-License-Identifier: Apache-2.0 */

/* A provider in C++ with every sort of static data that has kept old code mapped elsewhere: inline
 * variables, members of templates, static objects of inline functions, with destructors. Its answer says how
 * often each was used; in a generation that begins fresh that is once. */
#include <baton/module.h>

#include <map>
#include <string>

BATON_MODULE_NOTE("provider-fresh", "1.0.0", "provider", 0);

inline unsigned inline_variable;

template <class T> struct Counted {
	static unsigned n;
	static inline std::map<int, std::string> seen;
};
template <class T> unsigned Counted<T>::n;

inline std::string &text_of_function()
{
	static std::string text;
	return text;
}

namespace
{

unsigned plain;

struct Instance {
	baton_ctx *ctx;
	const baton_host *host;
};

int32_t start(void *inst, baton_call call, const baton_prompt *) noexcept
{
	auto *self = static_cast<Instance *>(inst);

	plain++;
	inline_variable++;
	Counted<int>::n++;
	Counted<int>::seen.emplace(static_cast<int>(Counted<int>::seen.size()), "once more");
	text_of_function() += "x";
	std::string text = std::to_string(plain) + " " + std::to_string(inline_variable) + " " +
			   std::to_string(Counted<int>::n) + " " +
			   std::to_string(Counted<int>::seen.size()) + " " +
			   std::to_string(text_of_function().size());
	self->host->delta(self->ctx, call, BATON_DELTA_TEXT, { text.data(), text.size() });
	self->host->end(self->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

void cancel(void *inst, baton_call call, uint32_t) noexcept
{
	auto *self = static_cast<Instance *>(inst);

	self->host->end(self->ctx, call, BATON_END_STOP);
}

int32_t load(baton_ctx *, const baton_host *host, void **mod) noexcept
{
	*mod = const_cast<baton_host *>(host);
	return BATON_OK;
}

int32_t create(void *mod, baton_ctx *ctx, baton_str, void **inst) noexcept
{
	*inst = new Instance{ ctx, static_cast<const baton_host *>(mod) };
	return BATON_OK;
}

void destroy(void *inst) noexcept
{
	delete static_cast<Instance *>(inst);
}

constexpr baton_provider provider = {
	sizeof(baton_provider), 0, nullptr, nullptr, start, cancel, nullptr
};
constexpr baton_iface ifaces[] = { { BATON_PROVIDER, &provider } };

constexpr baton_module module_entry() noexcept
{
	baton_module m = {};

	m.magic = BATON_MAGIC;
	m.size = sizeof(m);
	m.abi_major = BATON_ABI_MAJOR;
	m.abi_built = BATON_ABI_MINOR;
	m.abi_needed = BATON_ABI_NEEDED;
	m.n_ifaces = 1;
	m.id = "provider-fresh";
	m.version = "1.0.0";
	m.ifaces = ifaces;
	m.load = load;
	m.create = create;
	m.destroy = destroy;
	return m;
}

} /* namespace */

constexpr baton_module baton_module_entry = module_entry();
