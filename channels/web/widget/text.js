// SPDX-License-Identifier: Apache-2.0
//
// A small, safe part of Markdown: paragraphs, lists, simple tables, fenced code; **bold**, *italic*, `code`, links.
// parse() makes a plain tree, render() makes DOM nodes of it; no string ever becomes markup. Whatever
// is not understood stays visible as it was typed. No images: a picture from elsewhere would tell
// its host who reads. Every pattern is bounded, so hostile text costs linear time.

const MAX = 64 * 1024; // the longest answer a server sends

/** The address if it may be linked (absolute; http, https or mailto), else null. */
export function safeUrl(text) {
	let url;
	try {
		url = new URL(text);
	} catch {
		return null;
	}
	return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
}

const TOKEN = /`([^`\n]{1,1000})`|\[([^[\]\n]{1,300})\]\(([^()\s]{1,2000})\)|https?:\/\/[^\s<>"'`*]{1,2000}|\*\*|[*_]/gi;
const TAGS = { '**': 'strong', '*': 'em', _: 'em' };

const word = (char) => char !== undefined && /[\p{L}\p{N}]/u.test(char);

/** May `_` or `*` at this place begin or end emphasis? snake_case and 2 * 3 stay as they are. */
function flanks(text, at, mark) {
	const before = text[at - 1];
	const after = text[at + mark.length];
	const space = (char) => char === undefined || /\s/.test(char);
	return {
		opens: !space(after) && !(mark === '_' && word(before)),
		closes: !space(before) && !(mark === '_' && word(after)),
	};
}

export const link = (href, kids) => ({ tag: 'a', href, kids });

/** The text of one line or paragraph as a list of strings and nodes. */
export function inline(text) {
	// One open mark of each kind at most, so the stack never holds more than three.
	const stack = [{ mark: '', kids: [] }];
	const put = (...kids) => stack.at(-1).kids.push(...kids.filter((kid) => kid !== ''));
	const unwind = (depth) => {
		while (stack.length > depth) {
			const { mark, kids } = stack.pop();
			put(mark, ...kids);
		}
	};
	const emphasis = (mark, at) => {
		const { opens, closes } = flanks(text, at, mark);
		const open = stack.findIndex((frame) => frame.mark === mark);
		if (open > 0 && closes && (stack[open].kids.length || stack.length > open + 1)) {
			unwind(open + 1);
			put({ tag: TAGS[mark], kids: stack.pop().kids });
		} else if (open < 0 && opens) {
			stack.push({ mark, kids: [] });
		} else {
			put(mark);
		}
	};
	let from = 0;
	for (const match of text.matchAll(TOKEN)) {
		let [token, code, label, target] = match;
		put(text.slice(from, match.index));
		from = match.index + token.length;
		if (code !== undefined) {
			put({ tag: 'code', kids: [code] });
		} else if (label !== undefined) {
			const href = safeUrl(target);
			put(href ? link(href, [label]) : token);
		} else if (/^http/i.test(token)) {
			const tail = /[.,;:!?)\]]{0,8}$/.exec(token)[0];
			token = token.slice(0, token.length - tail.length);
			const href = safeUrl(token);
			put(href ? link(href, [token]) : token, tail);
		} else {
			emphasis(token, match.index);
		}
	}
	put(text.slice(from));
	unwind(1);
	return stack[0].kids;
}

/** A text as a list of blocks: p, ul, ol, table, pre. */
export function parse(text) {
	const blocks = [];
	let open = null; // the block that the next line may continue
	let fence = null;
	for (const line of String(text).slice(0, MAX).replace(/\r\n?/g, '\n').split('\n')) {
		if (fence) {
			if (/^\s{0,3}```\s*$/.test(line)) fence = null;
			else fence.lines.push(line);
			continue;
		}
		const item = /^\s{0,6}(?:([-*+])|(\d{1,9})[.)])\s+(\S.*)$/.exec(line);
		if (/^\s{0,3}```/.test(line)) {
			blocks.push((fence = { tag: 'pre', lines: [] }));
			open = null;
		} else if (/^\s{0,3}\|.*\|\s*$/.test(line)) {
			if (open?.tag !== 'table') blocks.push((open = { tag: 'table', lines: [] }));
			if (!/^[\s|:-]+$/.test(line)) open.lines.push(line.trim().slice(1, -1));
		} else if (!line.trim()) {
			open = null;
		} else if (item) {
			const tag = item[1] ? 'ul' : 'ol';
			if (open?.tag !== tag) blocks.push((open = { tag, start: Number(item[2] ?? 1), lines: [] }));
			open.lines.push(item[3]);
		} else if (open && open.tag.endsWith('l') && /^\s{2,}/.test(line)) {
			open.lines.push(`${open.lines.pop()}\n${line.trim()}`);
		} else {
			if (open?.tag !== 'p') blocks.push((open = { tag: 'p', lines: [] }));
			open.lines.push(line.replace(/^\s{0,3}#{1,6}\s+/, ''));
		}
	}
	return blocks.map(({ tag, lines, start }) => {
		if (tag === 'pre') return { tag, kids: [{ tag: 'code', kids: [lines.join('\n')] }] };
		if (tag === 'p') return { tag, kids: inline(lines.join('\n')) };
		if (tag === 'table') return { tag, kids: lines.map((line) => ({ tag: 'tr', kids: line.split('|').map((cell) => ({ tag: 'td', kids: inline(cell.trim()) })) })) };
		return { tag, start, kids: lines.map((line) => ({ tag: 'li', kids: inline(line) })) };
	});
}

/** One node of parse() as an element. */
export function build(node, doc = document) {
	if (typeof node === 'string') return doc.createTextNode(node);
	const element = doc.createElement(node.tag);
	if (node.href) {
		element.setAttribute('href', node.href);
		element.setAttribute('title', node.href); // where it leads, whatever the label says
		element.setAttribute('target', '_blank');
		element.setAttribute('rel', 'noopener noreferrer nofollow');
	}
	if (node.start > 1) element.setAttribute('start', node.start);
	for (const kid of node.kids) element.append(build(kid, doc)); // at most six levels deep
	return element;
}

/** Markdown of a bot or an agent, as nodes. */
export const render = (text, doc = document) => parse(text).map((block) => build(block, doc));

/** The words alone, for a screen reader's announcement. */
export function plain(text) {
	const say = (node) => (typeof node === 'string' ? node : node.kids.map(say).join(/^[uo]l|table/.test(node.tag) ? '. ' : node.tag === 'tr' ? ', ' : ''));
	return parse(text).map(say).join(' ').replace(/\s+/g, ' ').trim();
}
