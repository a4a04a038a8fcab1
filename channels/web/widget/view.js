// SPDX-License-Identifier: Apache-2.0
//
// The panel's DOM: builds it once per language, then brings it into line with a conversation. Owns no
// state but the nodes and what was announced. Text of a bot or an agent goes through text.js, a
// customer's own text is shown as typed. Screen readers hear one sentence per finished message: the
// log itself is silent (aria-live=off), a separate node speaks.

import { arrange, h, setAttr, setText } from './dom.js';
import { kinds, measure, size } from './files.js';
import { fill } from './messages.js';
import { build, link, render, safeUrl } from './text.js';

/** A text, or nothing at all. */
const tell = (node, text = '') => {
	setText(node, text);
	node.hidden = !text;
};

/** chat: what the buttons do (panel.js); words: of speak(), w: the sentences; launcher: the button of the element. */
export function createView(chat, { w, lang, dir }, launcher) {
	const nodes = new Map(); // key -> node of an item, with what it was drawn from
	let atEnd = true;

	const badge = launcher.querySelector('.badge') ?? h('span', { class: 'badge', 'aria-hidden': 'true', hidden: true });
	launcher.prepend(badge);
	const disclosed = h('p', { class: 'note disclosure', dir: 'auto', hidden: true });
	const empty = h('slot', { name: 'empty' });
	const log = h('div', { class: 'log', part: 'log', role: 'log', 'aria-label': w.log, 'aria-live': 'off', tabindex: '0',
		onscroll: () => { atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80; } }, disclosed, empty);
	const stateLine = h('div', { class: 'state', role: 'status', hidden: true });
	const modeLine = h('div', { class: 'state mode', role: 'status', dir: 'auto', hidden: true });
	const said = h('div', { class: 'sr', role: 'status' });
	const busy = h('div', { class: 'busy' });
	const save = button(w.transcript, '⤓', () => chat.fetchPath('transcript?format=html', 'chat.html'));
	const human = h('button', { class: 'human-bar', onclick: () => chat.requestHuman() });

	// The place in the queue, and the way out of waiting.
	const where = h('b');
	const contact = ask(w.contact, chat.ticket, 'email');
	const instead = h('button', { class: 'link', onclick: () => {
		instead.hidden = true;
		contact.hidden = false;
		contact[0].focus();
	} }, w.ticket);
	contact.hidden = true;
	const placed = h('div', { class: 'place', hidden: true }, where, instead, contact);

	const fileList = h('ul', { class: 'files' });
	const limitLine = h('p', { class: 'foot', id: 'limits', hidden: true });
	const pick = h('input', { type: 'file', multiple: true, hidden: true, onchange: () => {
		chat.attach(pick.files);
		pick.value = '';
	} });
	const clip = button(w.attach, '+', () => pick.click(), { class: 'send', 'aria-describedby': 'limits', hidden: true });
	const input = h('textarea', { rows: 1, 'aria-label': w.composer, placeholder: w.placeholder, enterkeyhint: 'send', part: 'composer',
		oninput: chat.typed, onkeydown: chat.key, onpaste: (event) => dropped(event, event.clipboardData) });
	const panel = h('section', { class: 'panel', part: 'panel', id: 'panel', role: chat.inline ? 'region' : 'dialog', 'aria-label': w.title, hidden: true,
		onkeydown: chat.escape, onfocusout: chat.left, ondragover: (event) => clip.hidden || event.preventDefault(), ondrop: (event) => dropped(event, event.dataTransfer) },
	h('div', { class: 'inner', lang, dir },
		h('div', { class: 'head', part: 'header' }, h('slot', { name: 'header' }, h('h2', {}, w.title)), save, !chat.inline && button(w.close, '✕', chat.close)),
		stateLine, modeLine, log, busy, placed,
		h('div', { class: 'foot-bar' }, human, fileList, limitLine,
			h('form', { onsubmit: chat.submit }, pick, clip, input, h('button', { class: 'send', part: 'send', 'aria-label': w.send }, '↑'))),
		said));

	function button(name, sign, onclick, more) {
		return h('button', { type: 'button', 'aria-label': name, title: name, onclick, ...more }, sign);
	}

	function at(text, ms) {
		return fill(text, { time: new Date(ms).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' }) });
	}

	function named(name) {
		return { name: name || w.someone };
	}

	/* A question of one line. */
	function ask(name, then, type) {
		const input = h('input', { 'aria-label': name, placeholder: name, type, required: true, dir: 'auto' });
		return h('form', { class: 'ask', onsubmit: (event) => {
			event.preventDefault();
			then(input.value);
		} }, input, h('button', {}, w.send));
	}

	function dropped(event, data) {
		if (clip.hidden || !data.files.length) return;
		event.preventDefault();
		chat.attach(data.files);
	}

	/** One polite announcement. */
	function say(text) {
		said.textContent = text;
	}

	/** An honest sentence about the connection, empty if all is well. */
	function state(text) {
		tell(stateLine, text);
	}

	function show(open) {
		panel.hidden = !open;
		launcher.hidden = open || chat.inline;
		setAttr(launcher, 'aria-expanded', String(open));
		if (open) log.scrollTop = log.scrollHeight;
	}

	/** Beside an on-screen keyboard. Written through the object model: no policy forbids that. */
	function fit({ height, offsetTop, scale }) {
		if (scale > 1.01) return; // the visitor zooms
		panel.style.cssText = `--seen: ${height}px; --above: ${offsetTop}px`;
	}

	function unread(count) {
		tell(badge, count ? String(count) : '');
		setAttr(launcher, 'aria-label', w.launcher + (count ? `, ${fill(w.unread, { n: count })}` : ''));
	}

	/** The files of the message that is being written. limits: {bytes, types}; absent: no files here. */
	function files(entries, limits) {
		clip.hidden = !limits;
		tell(limitLine, limits && fill(w.limits, { size: size(lang, limits.bytes), types: kinds(limits.types) }));
		setAttr(pick, 'accept', limits?.types.join());
		arrange(fileList, entries.map((entry) => {
			// A node for life: what has the focus keeps it while the others move on.
			entry.node ??= h('li', {}, h('bdi', {}, entry.name), h('span'), button('', '✕', () => {
				chat.detach(entry);
				input.focus();
			}));
			const [, how, remove] = entry.node.children;
			setAttr(remove, 'aria-label', fill(w.remove, { name: entry.name }));
			if (entry.bad && !how.className) say(`${entry.name}: ${w.upload_failed}`);
			how.className = entry.bad ? 'bad' : '';
			setText(how, entry.bad ? w.upload_failed : entry.attachment ? size(lang, entry.bytes) : `${Math.floor(entry.part * 100)} %`);
			return entry.node;
		}));
	}

	/** Where they stand in the queue, as far as the server knows. */
	function place({ position, wait_ms: wait, open, opens_ms: opens, agents }) {
		const known = open
			? [position && fill(w.place, { n: position }), wait && fill(w.wait, { time: measure(lang, 'minute', Math.ceil(wait / 60000)) }), !agents && w.nobody]
			: [w.closed, opens && at(w.opens, opens)];
		return known.filter(Boolean).join(' ');
	}

	/** conversation, plus {disclosure, greeting, asked, online, sent, rated: Map(seq -> {value, comment})}. */
	function draw(talk, { disclosure, greeting, asked, online, sent, rated }) {
		const grew = talk.items.at(-1)?.own && !nodes.has(talk.items.at(-1).key);
		const free = talk.owner === 'bot' && !asked;
		tell(disclosed, disclosure);
		// Honest as long as it lasts: nothing closes it but the end of the mode.
		tell(modeLine, talk.mode?.text);
		save.hidden = !sent;
		empty.hidden = talk.items.length > 0;
		const items = greeting ? [{ key: 'greeting', kind: 'bot', origin: 'template', text: greeting, final: true, rev: 0 }, ...talk.items] : talk.items;
		arrange(log, [disclosed, ...items.map((item) => shown(item, online, rated.get(item.seq), free)), empty]);
		for (const key of nodes.keys()) if (key !== 'greeting' && !talk.get(key)) nodes.delete(key);
		const streaming = talk.items.some((item) => !item.final && item.text);
		setAttr(log, 'aria-busy', streaming ? 'true' : null);
		setText(busy, doing(talk, streaming));
		queue(talk);
		way(talk, asked, free);
		if (atEnd || grew) log.scrollTop = log.scrollHeight;
	}

	function doing(talk, streaming) {
		if (talk.typing?.who === 'agent') return fill(w.typing, named(talk.typing.name || talk.agent));
		return talk.running && !streaming ? (talk.looking ? w.looking : w.answering) : '';
	}

	/* Waiting: where, and what else one may do. A mode that keeps messages needs no address. */
	function queue(talk) {
		placed.hidden = talk.owner !== 'queue' || (!talk.place && talk.mode?.what === 'ticket');
		tell(where, talk.place && place(talk.place));
		if (talk.ticket) contact.hidden = true;
		instead.hidden = talk.ticket || !contact.hidden;
	}

	/* The way to a person never leaves the screen; where it was taken, it says so. */
	function way({ owner, mode, agent }, asked, free) {
		const kept = mode?.what === 'ticket';
		const text = { agent: w.human_here, queue: kept ? w.message_captured : w.human_waiting }[owner] ?? (asked ? w.human_asked : w.human);
		setText(human, fill(text, named(agent)));
		setAttr(human, 'aria-disabled', free ? null : 'true');
	}

	function shown(item, online, rated, free) {
		const offered = free && item.what === 'human_offered';
		const now = [item.rev, item.own && online, rated?.value, rated?.comment, offered].join();
		let node = nodes.get(item.key);
		if (node?.drawn === now) return node;
		if (!node) nodes.set(item.key, (node = h('div', { class: 'note' })));
		node.drawn = now;
		if (item.kind !== 'notice') {
			message(node, item, online, rated);
		} else {
			node.dir = 'auto';
			tell(node, words(item));
			if (offered) node.append(h('button', { class: 'link', onclick: () => chat.requestHuman() }, w.human));
		}
		return node;
	}

	function message(node, item, online, rated) {
		const own = item.kind === 'customer';
		node.className = `item ${own ? 'own' : item.kind}${item.final ? '' : ' live'}`;
		node.hidden = !item.text;
		if (!node.firstChild) node.append(h('div', { class: 'who' }), h('div', { class: 'bubble', part: 'bubble', dir: 'auto' }));
		const [by, bubble, ...feet] = node.children;
		setText(by, [who(item), item.ts && new Date(item.ts).toLocaleTimeString([], { timeStyle: 'short' })].filter(Boolean).join(' · '));
		if (own) setText(bubble, item.text);
		else bubble.replaceChildren(...render(item.text));
		const focused = feet.some((foot) => foot.contains(node.getRootNode().activeElement));
		for (const foot of feet) foot.remove();
		node.append(...attached(item), ...below(item, own, online, rated));
		// The pressed thumb was made anew: give the focus back to it.
		if (focused) node.querySelector('[aria-pressed=true]')?.focus();
	}

	/** What a notice says. */
	function words({ what, text, value }) {
		const said = text || fill(w[what] ?? '', named(value.agent_name));
		return value.until_ms ? `${said} ${at(w.until, value.until_ms)}` : said;
	}

	function who(item) {
		if (item.kind === 'human') return fill(w.person, named(item.name));
		return item.kind === 'customer' ? w.you : item.origin === 'template' ? w.template : w.bot;
	}

	function attached({ files }) {
		return (files ?? []).map((file) => h('div', { class: 'foot' }, h('button', { class: 'link', 'aria-label': fill(w.download, file), onclick: () => chat.fetchFile(file) }, h('bdi', {}, file.name), ` ${size(lang, file.bytes)} ⤓`)));
	}

	function below(item, own, online, rated) {
		const foot = (...kids) => h('div', { class: 'foot' }, kids);
		if (own) {
			if (!item.own) return [];
			if (item.state !== 'failed') return [foot(item.state === 'acked' ? w.sent : online ? w.sending : w.kept)];
			return [h('div', { class: 'foot bad' }, `${w.failed} `, h('button', { onclick: () => chat.retry(item.key.slice(2)) }, w.retry))];
		}
		if (!item.final) return [];
		const feet = item.rest?.marked ? [foot(w.marked)] : [];
		if (item.sources?.length) {
			feet.push(foot(w.sources, h('ul', {}, item.sources.map(({ title, uri, id }) => {
				const href = safeUrl(uri);
				const label = String(title || uri || id);
				return h('li', { dir: 'auto' }, href ? build(link(href, [label])) : label);
			}))));
		}
		if (item.kind === 'bot' && item.seq) {
			const thumb = (value, text) => h('button', { 'aria-pressed': String(rated?.value === value), onclick: () => chat.rate(item, value) }, text);
			feet.push(h('div', { class: 'foot rate' }, thumb('up', w.up), thumb('down', w.down), rated && w.thanks));
			if (rated && !rated.comment) feet.push(ask(w.comment, (text) => chat.rate(item, rated.value, text)));
		}
		return feet;
	}

	return { panel, input, say, state, show, fit, unread, files, place, draw, words, who };
}
