/* SPDX-License-Identifier: Apache-2.0 */

/* What a module says of itself once it is mapped, against what its file said before. */
#include "core/module/descriptor.h"

#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/module/elf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { IFACES_MAX = 32 };

struct look {
	const baton_module *m;
	const struct baton_elf *elf;
	char *why;
	size_t cap;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct look *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(l->why, l->cap, fmt, ap);
	va_end(ap);
	return BATON_E_MODULE;
}

/* --- which functions a kind must have ----------------------------------------------------- */

struct kind {
	const char *name, *iface;
	size_t size;
	size_t required[2]; /* offsets of functions; 0 ends */
};

static const struct kind kinds[] = {
	{ "classifier",
	  BATON_CLASSIFIER,
	  BATON_FIRST_CLASSIFIER,
	  { offsetof(baton_classifier, classify), 0 } },
	{ "provider",
	  BATON_PROVIDER,
	  BATON_FIRST_PROVIDER,
	  { offsetof(baton_provider, start), offsetof(baton_provider, cancel) } },
	{ "rule", BATON_RULE, BATON_FIRST_RULE, { offsetof(baton_rule, evaluate), 0 } },
	{ "transcript",
	  BATON_TRANSCRIPT,
	  BATON_FIRST_TRANSCRIPT,
	  { offsetof(baton_transcript, append), 0 } },
	{ "retriever",
	  BATON_RETRIEVER,
	  BATON_FIRST_RETRIEVER,
	  { offsetof(baton_retriever, search), 0 } },
	{ "tool",
	  BATON_TOOL,
	  BATON_FIRST_TOOL,
	  { offsetof(baton_tool, invoke), offsetof(baton_tool, cancel) } },
	{ "guard", BATON_GUARD, BATON_FIRST_GUARD, { offsetof(baton_guard, inspect), 0 } },
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static int check_vt(struct look *l, const struct kind *kind, const void *vt, const void **ret)
{
	uint32_t size;
	if (!vt)
		return refuse(l, "interface %s: expected a table, found NULL", kind->iface);
	memcpy(&size, vt, sizeof(size));
	if (size < kind->size)
		return refuse(l, "interface %s: expected at least %zu bytes, found %u", kind->iface,
			      kind->size, size);
	for (size_t i = 0; i < 2 && kind->required[i]; i++) {
		void (*fn)(void);
		memcpy(&fn, (const char *)vt + kind->required[i], sizeof(fn));
		if (!fn)
			return refuse(l, "interface %s: a function it must have is NULL",
				      kind->iface);
	}
	*ret = vt;
	return 0;
}

static int find_iface(struct look *l, const char *name, const void **ret)
{
	const baton_module *m = l->m;
	const struct kind *kind = kind_of(name);
	if (!kind)
		return refuse(l, "kind %s is not served here", name);
	if (m->n_ifaces > IFACES_MAX || (m->n_ifaces > 0 && !m->ifaces))
		return refuse(l, "interfaces: expected at most %d, found %u", IFACES_MAX,
			      m->n_ifaces);
	for (uint32_t i = 0; i < m->n_ifaces; i++)
		if (m->ifaces[i].id && strcmp(m->ifaces[i].id, kind->iface) == 0)
			return check_vt(l, kind, m->ifaces[i].vt, ret);
	return refuse(l, "interfaces: expected %s, found none of that name", kind->iface);
}

/* --- the descriptor ------------------------------------------------------------------------ */

static bool same_text(const char *said, const char *noted, size_t cap)
{
	return said && strnlen(said, cap) < cap && strcmp(said, noted) == 0;
}

int baton_descriptor_check(const baton_module *entry, const struct baton_elf *elf, const char *kind,
			   const void **ret_vt, char *why, size_t cap)
{
	struct look look = { entry, elf, why, cap }, *l = &look;
	const baton_module *m = entry;
	if (m->magic != BATON_MAGIC)
		return refuse(l,
			      "magic: expected 0x%x, found 0x%x; begin it with BATON_MODULE_HEAD",
			      BATON_MAGIC, m->magic);
	if (m->size < BATON_FIRST_MODULE || m->size != elf->module_size)
		return refuse(
			l,
			"descriptor: expected %u bytes as in its note, found %u; begin it with BATON_MODULE_HEAD",
			elf->module_size, m->size);
	if (m->abi_major != elf->abi_major || m->abi_needed != elf->abi_needed ||
	    m->flags != elf->flags)
		return refuse(l, "descriptor: ABI or flags differ from its note");
	if (!same_text(m->id, elf->id, sizeof(elf->id)))
		return refuse(
			l,
			"descriptor: expected the note's id %s, found another; say the same in both",
			elf->id);
	if (!same_text(m->version, elf->version, sizeof(elf->version)))
		return refuse(
			l,
			"descriptor: expected the note's version %s, found another; say the same in both",
			elf->version);
	if (!m->create || !m->destroy)
		return refuse(
			l,
			"descriptor: expected create and destroy, found NULL; every module has both");
	return find_iface(l, kind, ret_vt);
}
