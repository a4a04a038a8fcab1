/* SPDX-License-Identifier: Apache-2.0 */

/* What the child says its module is, made into a descriptor like the module's own. It is
 * checked as any module's is, by the loader; here only its form is. Surprising: `size` is the
 * size that the module itself has written, for the loader compares it with the note; it says
 * nothing about ours. */
#include "core/isolate/inside.h"

enum { DESCRIPTION_TEXT_MAX = 1024 * 1024 };

static const char *text(struct baton_child *child, struct baton_reader *in)
{
	if (baton_get_u32(in) == 0)
		return NULL;
	baton_str s = baton_get_str(in);
	return baton_arena_dup(&child->arena, s.p, s.n);
}

/* Keeps the functions whose bit is set; those of a table follow each other behind its two
 * numbers. */
static void mask(void *table, size_t n, uint32_t bits)
{
	enum { HEAD = 2 * sizeof(uint32_t) };
	for (size_t i = 0; i < n; i++)
		if (!(bits & 1u << i))
			memset((char *)table + HEAD + i * sizeof(void *), 0, sizeof(void *));
}

#define FUNCTIONS(type) ((sizeof(type) - 2 * sizeof(uint32_t)) / sizeof(void *))
/* cancel() is there whether the module has one or not: the proxy has to hear of it, or what crosses
 * it on its way would be taken for a sin of the module. */
#define CANCEL(type) (1u << ((offsetof(type, cancel) - 2 * sizeof(uint32_t)) / sizeof(void *)))

static bool add_iface(struct baton_child *child, baton_str id, uint32_t bits, uint32_t flags)
{
	const struct {
		const char *id;
		void *table;
		size_t n;
		uint32_t always;
	} known[] = {
		{ BATON_PROVIDER, &child->provider, FUNCTIONS(baton_provider),
		  CANCEL(baton_provider) },
		{ BATON_CLASSIFIER, &child->classifier, FUNCTIONS(baton_classifier),
		  CANCEL(baton_classifier) },
		{ BATON_RULE, &child->rule, FUNCTIONS(baton_rule), 0 },
		{ BATON_TRANSCRIPT, &child->transcript, FUNCTIONS(baton_transcript),
		  CANCEL(baton_transcript) },
		{ BATON_RETRIEVER, &child->retriever, FUNCTIONS(baton_retriever),
		  CANCEL(baton_retriever) },
		{ BATON_TOOL, &child->tool, FUNCTIONS(baton_tool), CANCEL(baton_tool) },
		{ BATON_GUARD, &child->guard, FUNCTIONS(baton_guard), 0 },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!baton_str_is(id, known[i].id))
			continue;
		for (uint32_t j = 0; j < child->entry.n_ifaces; j++)
			if (child->ifaces[j].vt == known[i].table)
				return false;
		mask(known[i].table, known[i].n, bits | known[i].always);
		/* The second number of a table: a guard says there where it is of use. */
		memcpy((char *)known[i].table + sizeof(uint32_t), &flags, sizeof(flags));
		child->ifaces[child->entry.n_ifaces++] =
			(baton_iface){ known[i].id, known[i].table };
		return true;
	}
	return false;
}

static void read_head(struct baton_child *child, struct baton_reader *in)
{
	baton_module *m = &child->entry;
	m->magic = baton_get_u32(in);
	m->size = baton_get_u32(in);
	m->abi_major = (uint16_t)baton_get_u32(in);
	m->abi_built = (uint16_t)baton_get_u32(in);
	m->abi_needed = (uint16_t)baton_get_u32(in);
	m->flags = baton_get_u32(in);
	m->id = text(child, in);
	m->version = text(child, in);
	m->vendor = text(child, in);
	m->license = text(child, in);
	m->summary = text(child, in);
	m->homepage = text(child, in);
	m->config_schema = text(child, in);
}

bool baton_describe(struct baton_child *child, baton_str payload)
{
	struct baton_reader in = baton_reader_of(payload);
	if (payload.n > DESCRIPTION_TEXT_MAX)
		return false;
	(void)baton_get_str(&in); /* the sandbox's line: the keeper's */
	baton_proxy_fill_entry(&child->entry);
	baton_proxy_fill_tables(child);
	read_head(child, &in);
	uint32_t n = baton_get_u32(&in);
	for (uint32_t i = 0; i < n && !in.bad; i++) {
		baton_str id = baton_get_str(&in);
		uint32_t bits = baton_get_u32(&in), flags = baton_get_u32(&in);
		if (in.bad || !add_iface(child, id, bits, flags))
			return false;
	}
	child->entry.ifaces = child->ifaces;
	if (baton_get_u32(&in) != 0) {
		child->warm.schema = baton_get_u32(&in);
		child->warm.min_schema = baton_get_u32(&in);
		uint32_t bits = baton_get_u32(&in);
		child->warm.save = bits & 1u ? child->warm.save : NULL;
		child->warm.load = bits & 2u ? child->warm.load : NULL;
		child->entry.state = &child->warm;
	}
	return baton_reader_ended(&in);
}
