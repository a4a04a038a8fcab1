/* SPDX-License-Identifier: Apache-2.0 */

/* LMDB's file, looked at before LMDB maps it. The layout is that of LMDB 0.9 (data version 1) on a
 * 64-bit machine; nothing else is opened. The walk goes down each tree with a stack of its own and
 * compares what the parent promised with what the page says. */
#include "core/journal/pages.h"

#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/journal/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAGE_MIN = 512,
	PAGE_MAX = 65536,
	HEAD = 16, /* bytes of a page header */
	NODE = 8,  /* bytes of a node header */
	DEPTH_MAX = 32,
	KEY_MAX = 511,
	NAMED_MAX = 16,
	ERRORS_TOLD = 100, /* a ruined file would fill the terminal */
	DB_BYTES = 48,
};
enum { P_BRANCH = 1, P_LEAF = 2, P_OVERFLOW = 4, P_META = 8 };
enum { F_BIGDATA = 1, F_SUBDATA = 2 };
enum { DB_INTEGERKEY = 8 };
#define META_MAGIC 0xBEEFC0DEu
#define NO_PAGE UINT64_MAX

/* A tree as LMDB describes it. */
struct tree {
	uint16_t flags, depth;
	uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta {
	uint32_t page_bytes;
	uint64_t last_page, txn;
	struct tree free, main;
};

struct key {
	size_t n;
	uint8_t b[KEY_MAX];
};

struct level {
	uint8_t *page;
	unsigned at, n;
};

/* One walk over one tree. */
struct walk {
	const char *name;
	struct tree found;
	struct key last, floor; /* newest key seen; what the branch above promised as the least */
	bool has_last, has_floor, spine_only;
	void (*each)(struct walk *walk, const uint8_t *node, const uint8_t *data, size_t n);
	bool (*overflow)(struct walk *walk, uint64_t first,
			 size_t n); /* a value of `n` bytes there */
	struct look *look;
	struct level levels[DEPTH_MAX];
	unsigned depth;
};

/* The whole look at one file. */
struct look {
	struct baton_pages *out;
	int fd;
	uint32_t page_bytes;
	uint64_t n_pages;
	uint8_t *seen; /* bit per page: part of a tree or of the free list */
	struct tree named[NAMED_MAX];
	char names[NAMED_MAX][32];
	size_t n_named;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct look *look, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	look->out->errors++;
	if (!look->out->tell || look->out->errors > ERRORS_TOLD)
		return false;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	look->out->tell(look->out->ud, line);
	return false;
}

static bool page_claim(struct look *look, uint64_t number, const char *by)
{
	if (number < 2 || number >= look->n_pages)
		return wrong(look, "%s: page %llu is outside of the file", by,
			     (unsigned long long)number);
	uint8_t bit = (uint8_t)(1u << (number % 8));
	if (look->seen[number / 8] & bit)
		return wrong(look, "%s: page %llu is used twice", by, (unsigned long long)number);
	look->seen[number / 8] |= bit;
	return true;
}

static bool page_read(struct look *look, uint64_t number, uint8_t *page)
{
	ssize_t n = pread(look->fd, page, look->page_bytes, (off_t)(number * look->page_bytes));
	if (n != (ssize_t)look->page_bytes)
		return wrong(look, "page %llu cannot be read", (unsigned long long)number);
	if (baton_get64(page) != number)
		return wrong(look, "page %llu says it is another", (unsigned long long)number);
	look->out->pages++;
	return true;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static const uint8_t *node_at(const uint8_t *page, unsigned i)
{
	return page + baton_get16(page + HEAD + 2 * (size_t)i);
}

static unsigned node_flags(const uint8_t *node)
{
	return baton_get16(node + 4);
}

static size_t node_key_n(const uint8_t *node)
{
	return baton_get16(node + 6);
}

static size_t node_data_n(const uint8_t *node)
{
	return baton_get32(node);
}

static uint64_t node_child(const uint8_t *node)
{
	return baton_get32(node) | (uint64_t)node_flags(node) << 32;
}

static size_t node_bytes(const uint8_t *node, bool leaf)
{
	size_t n = NODE + node_key_n(node);
	if (leaf)
		n += node_flags(node) & F_BIGDATA ? sizeof(uint64_t) : node_data_n(node);
	return (n + 1) & ~(size_t)1;
}

/* Offsets, sizes and their sum: LMDB packs nodes without holes between `upper` and the page's
 * end. */
static bool page_nodes_ok(struct look *look, const uint8_t *page, bool leaf)
{
	unsigned lower = baton_get16(page + 12), upper = baton_get16(page + 14);
	size_t sum = 0;
	if (lower < HEAD || lower > upper || upper > look->page_bytes || lower % 2)
		return false;
	for (unsigned i = 0; i < (lower - HEAD) / 2; i++) {
		unsigned at = baton_get16(page + HEAD + 2 * (size_t)i);
		if (at < upper || at % 2 || at + NODE > look->page_bytes)
			return false;
		const uint8_t *node = page + at;
		if (node_key_n(node) > KEY_MAX || at + node_bytes(node, leaf) > look->page_bytes)
			return false;
		sum += node_bytes(node, leaf);
	}
	return sum == look->page_bytes - upper;
}

static int key_compare(const struct tree *tree, const struct key *a, const struct key *b)
{
	if (tree->flags & DB_INTEGERKEY) {
		uint64_t x = baton_get64(a->b), y = baton_get64(b->b);
		return x < y ? -1 : x > y;
	}
	int c = memcmp(a->b, b->b, a->n < b->n ? a->n : b->n);
	if (c)
		return c;
	return a->n < b->n ? -1 : a->n > b->n;
}

static bool key_get(const struct tree *tree, const uint8_t *node, struct key *ret_key)
{
	ret_key->n = node_key_n(node);
	memcpy(ret_key->b, node + NODE, ret_key->n);
	return ret_key->n && (!(tree->flags & DB_INTEGERKEY) || ret_key->n == sizeof(uint64_t));
}

/* --- one tree --------------------------------------------------------------------------------- */

static bool leaf_overflow(struct walk *walk, const uint8_t *node)
{
	struct look *look = walk->look;
	uint64_t first = baton_get64(node + NODE + node_key_n(node));
	uint64_t n = (HEAD - 1 + (uint64_t)node_data_n(node)) / look->page_bytes + 1;
	uint8_t head[HEAD];
	if (n > look->n_pages)
		return wrong(look, "%s: a value is longer than the file", walk->name);
	for (uint64_t i = 0; i < n; i++)
		if (!page_claim(look, first + i, walk->name))
			return false;

	ssize_t got = pread(look->fd, head, sizeof(head), (off_t)(first * look->page_bytes));
	walk->found.overflow_pages += n;
	look->out->pages += n;
	if (got != HEAD || baton_get64(head) != first || baton_get16(head + 10) != P_OVERFLOW ||
	    baton_get32(head + 12) != n)
		return wrong(look, "%s: overflow page %llu is damaged", walk->name,
			     (unsigned long long)first);
	return !walk->overflow || walk->overflow(walk, first, node_data_n(node));
}

static bool leaf_node(struct walk *walk, const struct tree *tree, const uint8_t *node)
{
	struct key key;
	const char *name = walk->name;
	unsigned flags = node_flags(node);
	if (!key_get(tree, node, &key))
		return wrong(walk->look, "%s: a key has a wrong size", name);
	if ((walk->has_last && key_compare(tree, &walk->last, &key) >= 0) ||
	    (walk->has_floor && key_compare(tree, &walk->floor, &key) > 0))
		return wrong(walk->look, "%s: keys are out of order", name);
	if (flags & ~(unsigned)(F_BIGDATA | F_SUBDATA))
		return wrong(walk->look, "%s: a node has unknown flags", name);
	walk->last = key;
	walk->has_last = true;
	walk->has_floor = false;
	walk->found.entries++;
	if (flags & F_BIGDATA)
		return leaf_overflow(walk, node);
	if (walk->each)
		walk->each(walk, node, node + NODE + key.n, node_data_n(node));
	else if (flags & F_SUBDATA)
		return wrong(walk->look, "%s: a table where a value belongs", name);
	return true;
}

/* Reads page `number` onto the stack; the page's own word must be what its level promises. */
static bool walk_down(struct walk *walk, const struct tree *tree, uint64_t number)
{
	struct look *look = walk->look;
	bool leaf = walk->depth + 1 == tree->depth;
	struct level *level = &walk->levels[walk->depth];
	if (!page_claim(look, number, walk->name))
		return false;
	if (!level->page)
		level->page = baton_alloc(look->page_bytes);
	if (!page_read(look, number, level->page))
		return false;
	if (baton_get16(level->page + 10) != (leaf ? P_LEAF : P_BRANCH) ||
	    !page_nodes_ok(look, level->page, leaf))
		return wrong(look, "%s: page %llu is damaged", walk->name,
			     (unsigned long long)number);

	level->n = (baton_get16(level->page + 12) - HEAD) / 2u;
	level->at = 0;
	if (level->n < (leaf ? 1u : 2u))
		return wrong(look, "%s: page %llu is too empty", walk->name,
			     (unsigned long long)number);
	if (walk->spine_only && !leaf)
		level->at = level->n - 1;
	walk->found.branch_pages += !leaf;
	walk->found.leaf_pages += leaf;
	walk->depth++;
	return true;
}

/* The next child of the branch on top. Its separator lies between what was seen and what comes. */
static bool walk_child(struct walk *walk, const struct tree *tree)
{
	struct level *level = &walk->levels[walk->depth - 1];
	const uint8_t *node = node_at(level->page, level->at);
	if (level->at > 0) {
		if (!key_get(tree, node, &walk->floor))
			return wrong(walk->look, "%s: a separator has a wrong size", walk->name);
		if (walk->has_last && key_compare(tree, &walk->last, &walk->floor) >= 0)
			return wrong(walk->look, "%s: separators are out of order", walk->name);
		walk->has_floor = true;
	}
	level->at++;
	return walk_down(walk, tree, node_child(node));
}

static bool walk_run(struct walk *walk, const struct tree *tree)
{
	if (!walk_down(walk, tree, tree->root))
		return false;
	while (walk->depth) {
		struct level *level = &walk->levels[walk->depth - 1];
		bool leaf = walk->depth == tree->depth;
		if (leaf)
			for (unsigned i = 0; i < level->n; i++)
				if (!leaf_node(walk, tree, node_at(level->page, i)))
					return false;
		if (leaf || level->at >= level->n) {
			walk->depth--;
			continue;
		}
		if (!walk_child(walk, tree))
			return false;
	}
	return true;
}

static bool tree_check(struct walk *walk, const struct tree *tree)
{
	struct look *look = walk->look;
	const struct tree *f = &walk->found;
	if (tree->flags & ~(unsigned)DB_INTEGERKEY || tree->depth > DEPTH_MAX)
		return wrong(look, "%s: impossible flags or depth", walk->name);
	if (tree->root == NO_PAGE || tree->depth == 0)
		return (tree->root == NO_PAGE && tree->depth == 0 && tree->entries == 0) ||
		       wrong(look, "%s: half an empty tree", walk->name);

	bool ok = walk_run(walk, tree);
	for (unsigned i = 0; i < DEPTH_MAX; i++)
		baton_free(walk->levels[i].page);
	if (!ok || walk->spine_only)
		return ok;
	if (f->entries != tree->entries || f->leaf_pages != tree->leaf_pages ||
	    f->branch_pages != tree->branch_pages || f->overflow_pages != tree->overflow_pages)
		return wrong(look, "%s: has not as many entries or pages as it says", walk->name);
	return true;
}

/* --- what the trees hold ---------------------------------------------------------------------- */

static void tree_read(const uint8_t *p, struct tree *ret_tree)
{
	ret_tree->flags = baton_get16(p + 4);
	ret_tree->depth = baton_get16(p + 6);
	ret_tree->branch_pages = baton_get64(p + 8);
	ret_tree->leaf_pages = baton_get64(p + 16);
	ret_tree->overflow_pages = baton_get64(p + 24);
	ret_tree->entries = baton_get64(p + 32);
	ret_tree->root = baton_get64(p + 40);
}

static void named_each(struct walk *walk, const uint8_t *node, const uint8_t *data, size_t n)
{
	struct look *look = walk->look;
	size_t name_n = node_key_n(node);
	if (node_flags(node) != F_SUBDATA || n != DB_BYTES || look->n_named == NAMED_MAX ||
	    name_n >= sizeof(look->names[0]) || baton_get32(data) != 0) {
		wrong(look, "%s: an entry is no table", walk->name);
		return;
	}
	memcpy(look->names[look->n_named], node + NODE, name_n);
	tree_read(data, &look->named[look->n_named++]);
}

/* A value of the free list: how many pages, then their numbers, falling. Long
 * lists lie in overflow pages and are read by free_overflow(). */
static void free_list(struct walk *walk, const uint8_t *data, size_t n)
{
	uint64_t count = n >= sizeof(uint64_t) ? baton_get64(data) : 0, last = NO_PAGE;
	if (n < sizeof(uint64_t) || count > n / sizeof(uint64_t) - 1) {
		wrong(walk->look, "%s: a list is longer than its value", walk->name);
		return;
	}
	for (uint64_t i = 1; i <= count; i++) {
		uint64_t page = baton_get64(data + i * sizeof(uint64_t));
		if (page >= last || !page_claim(walk->look, page, walk->name)) {
			wrong(walk->look, "%s: a list is damaged", walk->name);
			return;
		}
		last = page;
	}
}

static void free_each(struct walk *walk, const uint8_t *node, const uint8_t *data, size_t n)
{
	if (node_flags(node) == 0)
		free_list(walk, data, n);
	else
		wrong(walk->look, "%s: an entry is no list", walk->name);
}

static bool free_overflow(struct walk *walk, uint64_t first, size_t n)
{
	uint64_t errors = walk->look->out->errors;
	uint8_t *data = baton_alloc(n); /* leaf_overflow() has seen that it fits in the file */
	ssize_t got =
		pread(walk->look->fd, data, n, (off_t)(first * walk->look->page_bytes + HEAD));
	if (got == (ssize_t)n)
		free_list(walk, data, n);
	else
		wrong(walk->look, "%s: a list cannot be read", walk->name);
	baton_free(data);
	return walk->look->out->errors == errors;
}

/* --- the metas -------------------------------------------------------------------------------- */

static bool meta_read(struct look *look, uint64_t at, struct meta *ret_meta)
{
	uint8_t page[HEAD + 24 + 2 * DB_BYTES + 16];
	const uint8_t *p = page + HEAD;
	if (pread(look->fd, page, sizeof(page), (off_t)at) != (ssize_t)sizeof(page))
		return wrong(look, "the file ends within its meta pages");
	if (!(baton_get16(page + 10) & P_META) || baton_get32(p) != META_MAGIC ||
	    baton_get32(p + 4) != 1)
		return wrong(look, "a meta page is not one of LMDB 0.9");

	ret_meta->page_bytes = baton_get32(p + 24);
	tree_read(p + 24, &ret_meta->free);
	tree_read(p + 24 + DB_BYTES, &ret_meta->main);
	ret_meta->last_page = baton_get64(p + 24 + 2 * DB_BYTES);
	ret_meta->txn = baton_get64(p + 32 + 2 * DB_BYTES);
	uint32_t size = ret_meta->page_bytes;
	if (size < PAGE_MIN || size > PAGE_MAX || (size & (size - 1)))
		return wrong(look, "a meta page names an impossible page size");
	if (ret_meta->free.flags != DB_INTEGERKEY || baton_get16(p + 24 + DB_BYTES + 4) != 0)
		return wrong(look, "a meta page has unknown flags");
	return true;
}

/* LMDB writes its two metas in turn; the newer one counts. A flipped bit in a transaction number
 * would bring back the past, so the two must be neighbours, each in its own place. */
static bool metas_read(struct look *look, struct meta *ret_meta)
{
	struct meta m[2];
	if (!meta_read(look, 0, &m[0]) || !meta_read(look, m[0].page_bytes, &m[1]))
		return false;
	const struct meta *newer = &m[m[1].txn > m[0].txn];
	const struct meta *older = &m[m[1].txn <= m[0].txn];
	bool fresh = newer->txn == 0 && older->txn == 0;
	if (m[0].page_bytes != m[1].page_bytes ||
	    (!fresh && (newer->txn != older->txn + 1 || m[newer->txn & 1].txn != newer->txn)))
		return wrong(look, "the two meta pages do not belong together");

	look->page_bytes = newer->page_bytes;
	if (newer->last_page < 1 || newer->last_page > INT64_MAX / PAGE_MAX - 1)
		return wrong(look, "a meta page names an impossible last page");
	*ret_meta = *newer;
	return true;
}

static bool look_trees(struct look *look, const struct meta *meta)
{
	struct walk free = {
		.look = look, .name = "free list", .each = free_each, .overflow = free_overflow
	};
	struct walk main = { .look = look, .name = "tables", .each = named_each };
	bool ok = tree_check(&free, &meta->free);
	ok = tree_check(&main, &meta->main) && ok;
	for (size_t i = 0; i < look->n_named; i++) {
		struct walk walk = { .look = look,
				     .name = look->names[i],
				     .spine_only = !look->out->all };
		ok = tree_check(&walk, &look->named[i]) && ok;
	}
	return ok && look->out->errors == 0;
}

static int look_file(struct look *look, uint64_t file_bytes)
{
	struct meta meta = { 0 };
	if (!metas_read(look, &meta))
		return BATON_E_CORRUPT;

	look->n_pages = meta.last_page + 1;
	look->out->used_bytes = look->n_pages * look->page_bytes;
	if (file_bytes < look->out->used_bytes) {
		wrong(look, "the file has %llu bytes but its pages need %llu: it was cut off",
		      (unsigned long long)file_bytes, (unsigned long long)look->out->used_bytes);
		return BATON_E_CORRUPT;
	}

	look->seen = baton_alloc((size_t)(look->n_pages / 8 + 1));
	bool ok = look_trees(look, &meta);
	baton_free(look->seen);
	return ok ? 0 : BATON_E_CORRUPT;
}

static int look_once(const char *path, struct baton_pages *pages)
{
	struct look look = { .out = pages };
	struct stat st;
	look.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (look.fd < 0)
		return errno == ENOENT ? 0 : BATON_E_IO;

	int rc = fstat(look.fd, &st) < 0 ? BATON_E_IO : 0;
	if (rc == 0 && st.st_size > 0)
		rc = look_file(&look, (uint64_t)st.st_size);
	close(look.fd);
	return rc;
}

/* --- while another process writes --------------------------------------------------------------
 * Pages that the newest or the last but one snapshot uses are not written again before two commits
 * have passed. So what is found wrong counts only if the metas are the same before and after. */

enum { META_BYTES = HEAD + 24 + 2 * DB_BYTES + 16, LIVE_TRIES = 32 };

struct metas_raw {
	uint8_t b[2][META_BYTES];
};

static void metas_raw(const char *path, struct metas_raw *ret_raw)
{
	struct metas_raw raw = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = pread(fd, raw.b[0], META_BYTES, 0);
		off_t second = (off_t)baton_get32(raw.b[0] + HEAD + 24);
		if (n == META_BYTES)
			n = pread(fd, raw.b[1], META_BYTES, second);
		if (n < 0)
			memset(&raw, 0, sizeof(raw));
		close(fd);
	}
	*ret_raw = raw;
}

struct first_line {
	char text[256];
};

static void first_line_keep(void *ud, const char *line)
{
	struct first_line *first = ud;
	if (!first->text[0])
		snprintf(first->text, sizeof(first->text), "%s", line);
}

static int look_live(const char *path, struct baton_pages *pages)
{
	for (int i = 0; i < LIVE_TRIES; i++) {
		struct metas_raw before, after;
		struct first_line first = { "" };
		struct baton_pages quiet = { .tell = first_line_keep,
					     .ud = &first,
					     .all = pages->all };
		metas_raw(path, &before);
		int rc = look_once(path, &quiet);
		metas_raw(path, &after);
		pages->pages = quiet.pages;
		pages->used_bytes = quiet.used_bytes;
		if (rc != BATON_E_CORRUPT)
			return rc;
		if (memcmp(&before, &after, sizeof(before)) != 0)
			continue;
		pages->errors = quiet.errors;
		if (pages->tell)
			pages->tell(pages->ud, first.text);
		return rc;
	}
	/* Whoever commits this often has looked at the file himself. */
	return 0;
}

int baton_pages_check(const char *path, struct baton_pages *pages)
{
	return pages->live ? look_live(path, pages) : look_once(path, pages);
}
