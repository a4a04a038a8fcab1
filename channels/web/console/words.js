// SPDX-License-Identifier: Apache-2.0
//
// Words in the composer: which prepared text is meant by "/ref", and what an edit changed in a draft.
// Pure.

/** The unfinished "/name" right before the caret: {from, query}, or null. */
export function slash(text, caret) {
	const found = /(?:^|\s)\/([\p{L}\p{N}_-]{0,40})$/u.exec(text.slice(0, caret));
	return found && { from: caret - found[1].length - 1, query: found[1].toLowerCase() };
}

/** Prepared texts for what was typed: by the beginning of their name, then by any word in them. */
export function matches(canned, query) {
	const named = canned.filter(({ name }) => name.toLowerCase().startsWith(query));
	const other = query ? canned.filter((one) => !named.includes(one) && `${one.name} ${one.text}`.toLowerCase().includes(query)) : [];
	return [...named, ...other].slice(0, 8);
}

const WORDS_MAX = 400;

/** The words of two texts as [kind, text] with kind same, gone or new. Long texts are not compared: null. */
export function changes(before, after) {
	const a = before.match(/\S+\s*/g) ?? [];
	const b = after.match(/\S+\s*/g) ?? [];
	if (a.length > WORDS_MAX || b.length > WORDS_MAX) return null;
	const same = (i, j) => a[i].trim() === b[j].trim();
	const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
	for (let i = a.length - 1; i >= 0; i--)
		for (let j = b.length - 1; j >= 0; j--) longest[i][j] = same(i, j) ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
	const out = [];
	const put = (kind, word) => { if (out.at(-1)?.[0] === kind) out.at(-1)[1] += word; else out.push([kind, word]); };
	let [i, j] = [0, 0];
	while (i < a.length || j < b.length) {
		if (i < a.length && j < b.length && same(i, j)) { put('same', b[j++]); i++; }
		else if (i < a.length && (j === b.length || longest[i + 1][j] >= longest[i][j + 1])) put('gone', a[i++]);
		else put('new', b[j++]);
	}
	return out;
}

/** Text with its [12] taken apart: strings, and numbers where a seq is meant that `known` has. */
export function references(text, known) {
	return text.split(/\[(\d{1,9})\]/).map((part, i) => (i % 2 === 0 ? part : known(Number(part)) ? Number(part) : `[${part}]`)).filter((part) => part !== '');
}
