// SPDX-License-Identifier: Apache-2.0
//
// Every sentence of the widget, in English. {x} is filled in as plain text. To add a language, add a
// file with the same keys (`make lint` compares) and its name below; what is missing falls back to
// English. The launcher's own words stand in baton-chat.js.

export const en = {
	launcher: 'Chat with us', unread: '{n} unread', title: 'Chat', close: 'Close chat', transcript: 'Download this conversation',
	log: 'Conversation', composer: 'Your message', placeholder: 'Write a message…', send: 'Send',
	human: 'Talk to a human', human_asked: 'Asking for a person…', human_waiting: 'A person will join you here', human_here: 'You are talking with {name}',
	bot: 'AI assistant', template: 'Automated reply', you: 'You', person: '{name} (human)', someone: 'a colleague',
	disclosure: 'You are chatting with an AI assistant. You can ask for a person at any time.',
	answering: 'The AI assistant is answering…', looking: 'The AI assistant is looking this up…', typing: '{name} is typing…',
	sources: 'Sources', up: 'Helpful', down: 'Not helpful', thanks: 'Thank you for the feedback.', comment: 'Anything to add? (optional)',
	answer_superseded: 'A partial answer was withdrawn; a complete one follows.',
	case_claimed: '{name} (human) has joined the chat.', case_released: 'You are waiting for another colleague. Nothing is lost.',
	session_resolved: 'This conversation is closed. Write again to reopen it.', session_erased: 'This conversation was erased.',
	place: 'You are number {n}.', wait: 'About {time}.', closed: 'Nobody is here right now.', opens: 'Back {time}.', nobody: 'Nobody is free right now. Your place is kept.',
	ticket: 'Leave your e-mail instead', contact: 'Your e-mail address',
	attach: 'Attach files', limits: 'Files up to {size}: {types}',
	upload_failed: 'This file cannot be sent.', uploading: 'Sending the files…', remove: 'Remove {name}', download: 'Download {name}',
	mode_left: 'All works again.',
	message_captured: 'Your message is kept and answered later.', until: 'If not, a person gets it by {time}.',
	marked: 'Answered by a substitute',
	sending: 'Sending…', kept: 'Not sent yet, kept', sent: 'Sent', failed: 'Not sent.', retry: 'Try again',
	connecting: 'Connecting…', waiting: 'Reconnecting… your messages are kept.',
	offline: 'You are offline. Your messages are kept and sent when you are back.',
	refused: 'The chat is not available on this page.', too_long: 'This message is too long. Please send it in parts.',
};

/** Fills in {x}. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

/** Promises {w, lang, dir} for a BCP 47 tag: w, the sentences; the others are attributes. */
export async function speak(tag) {
	const lang = String(tag).slice(0, 2).toLowerCase();
	// Loaded when a page asks for them: nobody pays for a language that is not spoken here.
	const address = `./messages.${lang}.js`;
	const own = /^(ar|de|es|fr)$/.test(lang) && (await import(address).catch(() => null))?.default;
	return { w: { ...en, ...own }, lang: own ? lang : 'en', dir: own && lang === 'ar' ? 'rtl' : 'ltr' };
}
