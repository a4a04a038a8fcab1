// SPDX-License-Identifier: Apache-2.0

// Row 9: C++ as it comes: inline variables, templates with statics, a local static with a destructor.
// g++ marks such symbols STB_GNU_UNIQUE, and glibc then never unmaps the file. Each generation must
// still begin at 1.
#define BATON_ABI_NEEDED 0u
#include <baton/module.h>

#include <string>

BATON_MODULE_NOTE("cxx", "1.0.0", "provider", 0);

namespace {
const baton_host *host;
}

template <typename T> struct Counter {
	static inline T count = 0;
};
inline std::string &last()
{
	static std::string text = "nothing";
	return text;
}

namespace {
struct Instance {
	baton_ctx *ctx;
};

int32_t load(baton_ctx *, const baton_host *table, void **mod)
{
	host = table;
	*mod = nullptr;
	return BATON_OK;
}

int32_t create(void *, baton_ctx *ctx, baton_str, void **inst)
{
	*inst = new Instance{ ctx };
	return BATON_OK;
}

void destroy(void *inst)
{
	delete static_cast<Instance *>(inst);
}

int32_t start(void *inst, baton_call call, const baton_prompt *)
{
	auto *self = static_cast<Instance *>(inst);
	last() = "cxx n=" + std::to_string(++Counter<int>::count);
	(void)host->delta(self->ctx, call, BATON_DELTA_TEXT, baton_str{ last().data(), last().size() });
	return host->end(self->ctx, call, BATON_END_STOP);
}

void cancel(void *inst, baton_call call, uint32_t)
{
	(void)host->end(static_cast<Instance *>(inst)->ctx, call, BATON_END_STOP);
}

constexpr baton_provider provider_of()
{
	baton_provider p{};
	p.size = sizeof(p);
	p.start = start;
	p.cancel = cancel;
	return p;
}
constexpr baton_provider provider = provider_of();
constexpr baton_iface ifaces[] = { { BATON_PROVIDER, &provider } };

constexpr baton_module module_of()
{
	baton_module m{};
	m.magic = BATON_MAGIC;
	m.size = sizeof(m);
	m.abi_major = BATON_ABI_MAJOR;
	m.abi_built = BATON_ABI_MINOR;
	m.n_ifaces = 1;
	m.id = "cxx";
	m.version = "1.0.0";
	m.ifaces = ifaces;
	m.load = load;
	m.create = create;
	m.destroy = destroy;
	return m;
}
}

constexpr baton_module baton_module_entry = module_of();
