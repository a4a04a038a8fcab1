// SPDX-License-Identifier: Apache-2.0
//
// The widget's Markdown without a browser: what it makes of text, and that no text makes more of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, plain, render, safeUrl } from '../../channels/web/widget/text.js';

const flat = (node) => (typeof node === 'string' ? node : `<${node.tag}${node.href ? ` ${node.href}` : ''}>${node.kids.map(flat).join('')}</${node.tag}>`);
const html = (text) => parse(text).map(flat).join('');

/** As much of a document as render() needs; it has no way to parse markup. */
const doc = {
	createTextNode: (text) => ({ text }),
	createElement: (tag) => ({ tag, attrs: {}, kids: [], setAttribute(name, value) { this.attrs[name] = value; }, append(kid) { this.kids.push(kid); } }),
};

test('paragraphs, lists, code and emphasis become blocks', () => {
	assert.equal(html('One **two** *three* `four`\nfive\n\nsix'), '<p>One <strong>two</strong> <em>three</em> <code>four</code>\nfive</p><p>six</p>');
	assert.equal(html('To do:\n- a\n- b **c**\n\n1. x\n2. y'), '<p>To do:</p><ul><li>a</li><li>b <strong>c</strong></li></ul><ol><li>x</li><li>y</li></ol>');
	assert.equal(html('```js\n**not** bold\n```\nafter'), '<pre><code>**not** bold</code></pre><p>after</p>');
	assert.equal(html('**bold *and* more**'), '<p><strong>bold <em>and</em> more</strong></p>');
	assert.equal(html('| a | **b** |\n|---|:--|\n| 1 | 2 |\n\nend'), '<table><tr><td>a</td><td><strong>b</strong></td></tr><tr><td>1</td><td>2</td></tr></table><p>end</p>');
	assert.equal(parse('3. c\n4. d')[0].start, 3);
});

test('what is not understood stays as it was typed', () => {
	for (const text of ['2 * 3 * 4', 'snake_case_name', '**open', '*', '**', '_ _', '`', '[x]', '[x](y z)', '<b>&amp;</b>', 'a ** b ** c'])
		assert.equal(html(text), `<p>${text.trim()}</p>`, text);
	assert.equal(html('**a *b** c'), '<p><strong>a *b</strong> c</p>');
	assert.equal(html('```\nunclosed'), '<pre><code>unclosed</code></pre>');
});

test('half of a streamed text is shown and later becomes whole', () => {
	const text = 'See **this** [page](https://e.example/a) and\n\n- one\n- `two`';
	for (let n = 0; n <= text.length; n++) assert.doesNotThrow(() => html(text.slice(0, n)));
	assert.match(html(text), /<a https:\/\/e\.example\/a>page<\/a>/);
});

test('only absolute http, https and mailto addresses are linked', () => {
	for (const bad of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '//e.example', '/relative', 'blob:https://e.example/1', 'x', '', null, undefined])
		assert.ok(!/^(?!https?:|mailto:)/.test(safeUrl(bad) ?? 'https:'), String(bad));
	assert.equal(safeUrl('javascript:alert(1)'), null);
	assert.equal(safeUrl('/relative'), null);
	assert.equal(safeUrl('HTTPS://E.example/a b'), 'https://e.example/a%20b');
	assert.equal(html('[x](javascript:alert`1`)').includes('<a'), false);
	assert.equal(html('[x](data:text/html,hi)').includes('<a'), false);
});

test('a bare address is a link without the full stop behind it', () => {
	assert.equal(html('See https://e.example/a_b_c.'), '<p>See <a https://e.example/a_b_c>https://e.example/a_b_c</a>.</p>');
	assert.equal(html('(http://e.example/x)'), '<p>(<a http://e.example/x>http://e.example/x</a>)</p>');
});

test('nodes carry no attribute but those of a link, and every link is cut off from the page', () => {
	const seen = [];
	const walk = (node) => { if (node.tag) { seen.push(node); node.kids.forEach(walk); } };
	render('# Head\n[a](https://e.example) <img src=x onerror=alert(1)> **b**\n|t|u|\n3. x\n\n7. y', doc).forEach(walk);
	for (const { tag, attrs } of seen) {
		if (tag === 'a') assert.deepEqual([attrs.rel, attrs.target], ['noopener noreferrer nofollow', '_blank']);
		else assert.ok(Object.keys(attrs).every((name) => tag === 'ol' && name === 'start'), tag);
		assert.ok(['p', 'ul', 'ol', 'li', 'pre', 'code', 'strong', 'em', 'a', 'table', 'tr', 'td'].includes(tag), tag);
	}
});

test('hostile text costs no more than its length', () => {
	const n = 64 * 1024;
	for (const piece of ['*', '**', '_', '`', '[', '[a](', '*_', '**_*', '- ', '1. ', '\n', '```\n', 'https://', '[](', '![', 'a*b_', '  - x\n', '\u202e', '](', '<a ', '|', '|\n', '||a', '| |\n']) {
		const began = performance.now();
		render(piece.repeat(Math.ceil(n / piece.length)), doc);
		assert.ok(performance.now() - began < 1500, `${JSON.stringify(piece)}: ${performance.now() - began} ms`);
	}
});

test('the announcement is the words alone', () => {
	assert.equal(plain('Hello **you**\n\n- a\n- [b](https://e.example)'), 'Hello you a. b');
});
