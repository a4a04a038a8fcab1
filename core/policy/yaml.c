/* SPDX-License-Identifier: Apache-2.0 */

/* libyaml's events, made into a tree with an explicit stack. The stack is as deep as the bound, so
 * that no input can make it deeper; aliases share their node, and `weight` counts what they would
 * be if written out, so that nobody who walks the tree meets a billion laughs.
 */

#include "core/policy/yaml.h"

#include "core/base/limits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <yaml.h>

struct frame {
	struct baton_yaml *node;
	struct baton_yaml *key; /* of a map: waits for its value */
	struct baton_yaml_item *items;
	size_t n, cap;
	const char *anchor; /* to be known once the node is complete */
};

struct reading {
	struct baton_policy_source *source;
	struct baton_arena *arena;
	struct baton_findings *findings;
	struct frame stack[BATON_POLICY_DEPTH_MAX];
	size_t depth;
	struct {
		const char *name;
		struct baton_yaml *node; /* NULL: not complete yet */
	} anchors[BATON_POLICY_ANCHORS_MAX];
	size_t n_anchors, n_aliases, n_nodes;
	bool has_document, failed;
	struct baton_yaml *root;
};

/* --- types of scalars: YAML 1.2.2, section 10.3.2 --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool scalar_int(const char *text, struct baton_yaml *node)
{
	bool signed_ = *text == '-' || *text == '+';
	const char *digits = text + signed_;
	int base = 10;
	char *end;

	if (!signed_ && text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
		base = text[1] == 'x' ? 16 : 8;
		digits = text + 2;
	}
	if (strspn(digits, base == 16  ? "0123456789abcdefABCDEF"
			   : base == 8 ? "01234567"
				       : "0123456789") != strlen(digits) ||
	    *digits == '\0')
		return false;
	errno = 0;
	node->i = strtoll(base == 10 ? text : digits, &end, base);
	node->d = (double)node->i;
	if (errno != 0)
		node->d = base == 10 ? strtod(text, NULL) : HUGE_VAL;
	node->kind = errno != 0 ? BATON_YAML_FLOAT : BATON_YAML_INT;
	return true;
}

static const char *skip_digits(const char *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

static bool is_float(const char *p)
{
	static const char *const words[] = { ".inf", ".Inf", ".INF", NULL };
	static const char *const nans[] = { ".nan", ".NaN", ".NAN", NULL };
	const char *digits;

	if (is_one_of(p, nans))
		return true;
	if (*p == '-' || *p == '+')
		p++;
	if (is_one_of(p, words))
		return true;
	digits = p;
	p = skip_digits(p);
	bool any = p > digits;
	if (*p == '.') {
		digits = ++p;
		p = skip_digits(p);
		any = any || p > digits;
	}
	if (!any)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '-' || *p == '+')
			p++;
		digits = p;
		p = skip_digits(p);
		if (p == digits)
			return false;
	}
	return *p == '\0';
}

static void scalar_type(struct baton_yaml *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };
	const char *text = node->text.p;

	node->kind = BATON_YAML_STRING;
	if (is_one_of(text, nulls)) {
		node->kind = BATON_YAML_NULL;
	} else if (is_one_of(text, trues) || is_one_of(text, falses)) {
		node->kind = BATON_YAML_BOOL;
		node->b = is_one_of(text, trues);
	} else if (!scalar_int(text, node) && is_float(text)) {
		node->kind = BATON_YAML_FLOAT;
		node->d = strchr(text, 'n') || strchr(text, 'N') ? (double)HUGE_VAL
								 : strtod(text, NULL);
	}
}

struct baton_yaml baton_yaml_scalar(const char *text)
{
	struct baton_yaml node = { .text = baton_str_of(text), .weight = 1, .height = 1 };

	scalar_type(&node);
	return node;
}

/* --- building --- */

static void refuse(struct reading *r, struct baton_place place, const char *text)
{
	if (!r->failed)
		baton_finding_error(r->findings, place, "%s", text);
	r->failed = true;
}

static struct baton_place place_of(struct reading *r, const yaml_mark_t *from,
				   const yaml_mark_t *to)
{
	size_t start = baton_policy_source_offset(r->source, (unsigned)from->line + 1,
						  (unsigned)from->column + 1);
	size_t end = baton_policy_source_offset(r->source, (unsigned)to->line + 1,
						(unsigned)to->column + 1);

	return baton_policy_source_place(r->source, start, end > start ? end - start : 1);
}

static struct baton_yaml *node_new(struct reading *r, const yaml_event_t *event)
{
	struct baton_yaml *node = baton_arena_alloc(r->arena, sizeof(*node));

	node->place = place_of(r, &event->start_mark, &event->end_mark);
	node->weight = node->height = 1;
	if (++r->n_nodes > BATON_POLICY_NODES_MAX)
		refuse(r, node->place, "the file holds too many values");
	return node;
}

static void anchor_note(struct reading *r, const yaml_char_t *name, struct baton_yaml *node)
{
	const char *text = (const char *)name;

	if (!text)
		return;
	if (r->n_anchors + r->n_aliases >= BATON_POLICY_ANCHORS_MAX) {
		refuse(r, node->place, "too many anchors and aliases in one file");
		return;
	}
	r->anchors[r->n_anchors].name = baton_arena_dup(r->arena, text, strlen(text));
	r->anchors[r->n_anchors++].node = node;
}

static bool is_core_tag(const char *tag, const char *kind)
{
	static const char prefix[] = "tag:yaml.org,2002:";

	return strncmp(tag, prefix, sizeof(prefix) - 1) == 0 &&
	       strcmp(tag + sizeof(prefix) - 1, kind) == 0;
}

/* A key that stands already: found when the map is complete, by sorting, because a quadratic search
 * would be an attack's. */
static int key_compare(const void *a, const void *b)
{
	const struct baton_yaml *x = *(struct baton_yaml *const *)a,
				*y = *(struct baton_yaml *const *)b;
	int order = strcmp(x->text.p, y->text.p);

	return order != 0 ? order : x->from < y->from ? -1 : x->from > y->from;
}

static void check_keys(struct reading *r, const struct frame *frame)
{
	struct baton_yaml **keys = baton_alloc(frame->n * sizeof(struct baton_yaml *) + 1);

	for (size_t i = 0; i < frame->n; i++)
		keys[i] = frame->items[i].key;
	qsort(keys, frame->n, sizeof(struct baton_yaml *), key_compare);
	for (size_t i = 1; i < frame->n; i++) {
		if (!baton_str_eq(keys[i - 1]->text, keys[i]->text))
			continue;
		baton_finding_error(
			r->findings, keys[i]->place, "the key `%s` stands in line %u already",
			baton_finding_word(r->findings, keys[i]->text), keys[i - 1]->place.line);
		r->failed = true;
	}
	baton_free(keys);
}

static void take_key(struct reading *r, struct frame *frame, struct baton_yaml *node)
{
	if (node->kind == BATON_YAML_LIST || node->kind == BATON_YAML_MAP)
		refuse(r, node->place, "a key must be one word");
	else if (node->text.n == 0)
		refuse(r, node->place, "a key is missing here");
	else if (node->style == BATON_YAML_PLAIN && baton_str_is(node->text, "<<"))
		refuse(r, node->place, "merge keys are not read: write the values out");
	frame->key = node;
}

/* Puts a complete node where it belongs. */
static void take(struct reading *r, struct baton_yaml *node)
{
	if (r->failed)
		return;
	if (r->depth == 0) {
		r->root = node;
		return;
	}
	struct frame *frame = &r->stack[r->depth - 1];
	if (frame->node->kind == BATON_YAML_MAP && !frame->key) {
		take_key(r, frame, node);
		return;
	}
	if (frame->n == frame->cap) {
		frame->cap = frame->cap ? frame->cap * 2 : 8;
		frame->items = baton_realloc(frame->items, frame->cap * sizeof(*frame->items));
	}
	frame->items[frame->n].key = frame->key;
	frame->items[frame->n++].value = node;
	frame->key = NULL;
	frame->node->weight += node->weight;
	if (node->height >= frame->node->height)
		frame->node->height = node->height + 1;
	if (frame->node->weight > BATON_POLICY_NODES_MAX)
		refuse(r, node->place, "the aliases of this file stand for too many values");
	if (r->depth + node->height > BATON_POLICY_DEPTH_MAX)
		refuse(r, node->place, "nested too deep");
}

static void enter(struct reading *r, const yaml_event_t *event, bool is_map)
{
	const yaml_char_t *tag =
		is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
	const yaml_char_t *anchor =
		is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
	struct baton_yaml *node = node_new(r, event);

	node->kind = is_map ? BATON_YAML_MAP : BATON_YAML_LIST;
	if (tag && !is_core_tag((const char *)tag, is_map ? "map" : "seq"))
		refuse(r, node->place, "this tag is not read: only !!str, !!int and their kin are");
	if (r->depth >= BATON_POLICY_DEPTH_MAX)
		refuse(r, node->place, "nested too deep");
	if (r->failed)
		return;
	struct frame *frame = &r->stack[r->depth++];
	memset(frame, 0, sizeof(*frame));
	frame->node = node;
	if (anchor)
		frame->anchor = baton_arena_dup(r->arena, anchor, strlen((const char *)anchor));
}

static void leave(struct reading *r)
{
	struct frame *frame = &r->stack[r->depth - 1];
	struct baton_yaml *node = frame->node;

	if (node->kind == BATON_YAML_MAP)
		check_keys(r, frame);
	node->n = frame->n;
	node->items = baton_arena_alloc(r->arena, frame->n * sizeof(*node->items) + 1);
	if (frame->n > 0) {
		memcpy(node->items, frame->items, frame->n * sizeof(*node->items));
		/* The first key is a better place for a map than the bracket or dash before it. */
		if (node->kind == BATON_YAML_MAP)
			node->place = node->items[0].key->place;
	}
	baton_free(frame->items);
	frame->items = NULL;
	r->depth--;
	anchor_note(r, (const yaml_char_t *)frame->anchor, node);
	take(r, node);
}

/* libyaml's mark of a scalar with an anchor or a tag is at these: skip them. */
static void skip_properties(struct baton_yaml *node, const yaml_event_t *event)
{
	const struct baton_policy_source *source = node->place.source;
	size_t at = node->from;

	if (!event->data.scalar.anchor && !event->data.scalar.tag)
		return;
	size_t end = baton_policy_source_offset(source, (unsigned)event->end_mark.line + 1,
						(unsigned)event->end_mark.column + 1);
	while (at < end && (source->text[at] == '&' || source->text[at] == '!')) {
		while (at < end && !strchr(" \t\r\n", source->text[at]))
			at++;
		while (at < end && strchr(" \t\r\n", source->text[at]))
			at++;
	}
	node->from = at;
	node->place = baton_policy_source_place(node->place.source, at, end > at ? end - at : 1);
}

static enum baton_yaml_style style_of(yaml_scalar_style_t style)
{
	if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE)
		return BATON_YAML_SINGLE;
	if (style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
		return BATON_YAML_DOUBLE;
	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
		return BATON_YAML_BLOCK;
	return BATON_YAML_PLAIN;
}

/* With an explicit tag the text must be what the tag says. */
static void scalar_tag(struct reading *r, struct baton_yaml *node, const char *tag)
{
	static const char *const names[] = { "null", "bool", "int", "float", "str" };
	enum baton_yaml_kind implied;

	if (strcmp(tag, "!") == 0 || is_core_tag(tag, "str")) {
		node->kind = BATON_YAML_STRING;
		return;
	}
	scalar_type(node);
	implied = node->kind;
	if (implied == BATON_YAML_INT && is_core_tag(tag, "float"))
		node->kind = BATON_YAML_FLOAT;
	else if (!is_core_tag(tag, names[implied]))
		refuse(r, node->place,
		       "this tag is not read here, or the value is not what it says");
}

static void scalar(struct reading *r, const yaml_event_t *event)
{
	struct baton_yaml *node = node_new(r, event);
	const char *tag = (const char *)event->data.scalar.tag;

	node->style = style_of(event->data.scalar.style);
	node->from = baton_policy_source_offset(r->source, (unsigned)event->start_mark.line + 1,
						(unsigned)event->start_mark.column + 1);
	node->text.n = event->data.scalar.length;
	node->text.p = baton_arena_dup(r->arena, event->data.scalar.value, node->text.n);
	skip_properties(node, event);
	if (memchr(node->text.p, '\0', node->text.n))
		refuse(r, node->place, "a NUL character inside a text"); /* "\0" in double quotes */
	if (tag)
		scalar_tag(r, node, tag);
	else if (node->style == BATON_YAML_PLAIN)
		scalar_type(node);
	else
		node->kind = BATON_YAML_STRING;
	anchor_note(r, event->data.scalar.anchor, node);
	take(r, node);
}

static void alias(struct reading *r, const yaml_event_t *event)
{
	struct baton_place place = place_of(r, &event->start_mark, &event->end_mark);
	const char *name = (const char *)event->data.alias.anchor;

	if (r->n_anchors + ++r->n_aliases > BATON_POLICY_ANCHORS_MAX) {
		refuse(r, place, "too many anchors and aliases in one file");
		return;
	}
	for (size_t i = r->n_anchors; i-- > 0;) { /* the last one of a name counts */
		if (strcmp(r->anchors[i].name, name) != 0)
			continue;
		take(r, r->anchors[i].node);
		return;
	}
	refuse(r, place, "this alias has no anchor before it");
}

static void document(struct reading *r, const yaml_event_t *event)
{
	struct baton_place place = place_of(r, &event->start_mark, &event->end_mark);
	const yaml_version_directive_t *version = event->data.document_start.version_directive;

	if (r->has_document)
		refuse(r, place, "a second document begins here: one file holds one");
	if (version && (version->major != 1 || version->minor != 2))
		refuse(r, place, "files are read as YAML 1.2: remove the %YAML line");
	r->has_document = true;
}

/* --- libyaml --- */

static void syntax_error(struct reading *r, const yaml_parser_t *parser)
{
	const yaml_mark_t *mark = &parser->problem_mark;
	size_t at = baton_policy_source_offset(r->source, (unsigned)mark->line + 1,
					       (unsigned)mark->column + 1);

	if (parser->error == YAML_READER_ERROR)
		at = parser->problem_offset < r->source->n ? parser->problem_offset : r->source->n;
	struct baton_place place = baton_policy_source_place(r->source, at, 1);
	r->failed = true;
	if (at < r->source->n && r->source->text[at] == '\t')
		baton_finding_error(r->findings, place,
				    "YAML is not indented with tabs: use spaces");
	else if (parser->problem && strstr(parser->problem, "mapping values are not allowed"))
		baton_finding_error(
			r->findings, place,
			"a colon here makes a key: put the whole value in quotes, or check the "
			"indentation");
	else
		baton_finding_error(r->findings, place, "not valid YAML: %s%s%s",
				    parser->problem ? parser->problem : "out of memory",
				    parser->context ? " " : "",
				    parser->context ? parser->context : "");
}

static void read_event(struct reading *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		document(r, event);
		return;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		enter(r, event, event->type == YAML_MAPPING_START_EVENT);
		return;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		leave(r);
		return;
	case YAML_SCALAR_EVENT:
		scalar(r, event);
		return;
	case YAML_ALIAS_EVENT:
		alias(r, event);
		return;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return;
	}
}

static void read_events(struct reading *r, yaml_parser_t *parser)
{
	for (bool more = true; more && !r->failed;) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event)) {
			syntax_error(r, parser);
			return;
		}
		read_event(r, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
}

struct baton_yaml *baton_yaml_load(struct baton_policy_source *source, size_t n,
				   struct baton_arena *arena, struct baton_findings *findings)
{
	struct reading r = { .source = source, .arena = arena, .findings = findings };
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser)) {
		refuse(&r, baton_policy_source_whole(source), "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)source->text, n);
	read_events(&r, &parser);
	yaml_parser_delete(&parser);
	while (r.depth > 0) /* after an error */
		baton_free(r.stack[--r.depth].items);
	if (!r.failed && !r.root)
		refuse(&r, baton_policy_source_whole(source), "the file is empty");
	return r.failed ? NULL : r.root;
}

/* --- asking --- */

static const struct baton_yaml_item *item_of(const struct baton_yaml *map, const char *key)
{
	if (!map || map->kind != BATON_YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (baton_str_is(map->items[i].key->text, key))
			return &map->items[i];
	return NULL;
}

const struct baton_yaml *baton_yaml_get(const struct baton_yaml *map, const char *key)
{
	const struct baton_yaml_item *item = item_of(map, key);

	return item ? item->value : NULL;
}

const struct baton_yaml *baton_yaml_key(const struct baton_yaml *map, const char *key)
{
	const struct baton_yaml_item *item = item_of(map, key);

	return item ? item->key : NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes of the source that make one character of a scalar's text, 0 for those that make none.
 * *ret_space: the character is white space, which folding may add, drop or change. */
static size_t source_step(const struct baton_yaml *node, size_t at, bool *ret_none, bool *ret_space)
{
	static const char spaces[] = "ntr \t", hexes[] = "xuU";
	const char *p = node->place.source->text + at;
	size_t left = node->place.source->n - at;

	*ret_none = false;
	*ret_space = is_space(*p);
	if (node->style == BATON_YAML_SINGLE && left > 1 && p[0] == '\'' && p[1] == '\'')
		return 2;
	if (node->style != BATON_YAML_DOUBLE || *p != '\\' || left < 2)
		return 1;
	*ret_none = p[1] == '\n' || p[1] == '\r';
	*ret_space = strchr(spaces, p[1]) != NULL;
	const char *hex = strchr(hexes, p[1]);
	return hex ? 2 + (size_t)2 * ((size_t)1 << (hex - hexes)) : 2;
}

/* White space is what YAML folds, strips and indents; everything else stands in the file in the
 * same order. So: count what is no white space in the text, and count as far in the file. */
struct baton_place baton_yaml_inside(const struct baton_yaml *node, size_t at, size_t width)
{
	const struct baton_policy_source *source = node->place.source;
	size_t marks = 0, from = node->from, here;

	for (size_t i = 0; i < at && i < node->text.n; i++)
		marks += !is_space(node->text.p[i]) &&
			 ((unsigned char)node->text.p[i] & 0xc0) != 0x80;
	if (node->style == BATON_YAML_BLOCK) /* the rest of the line of | or > is not text */
		while (from < source->n && source->text[from] != '\n')
			from++;
	else if (node->style != BATON_YAML_PLAIN)
		from++;
	here = from;
	while (here < source->n) {
		bool none, space;
		size_t bytes = source_step(node, here, &none, &space);

		if (!none && !space && ((unsigned char)source->text[here] & 0xc0) != 0x80) {
			if (marks == 0)
				break;
			marks--;
			from = here + bytes;
		}
		here += bytes;
		if (marks == 0 && at >= node->text.n)
			here = from;
		if (marks == 0 && at >= node->text.n)
			break;
	}
	return baton_policy_source_place(node->place.source, here < source->n ? here : source->n,
					 width);
}
