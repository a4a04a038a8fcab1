// SPDX-License-Identifier: Apache-2.0
//
// Every sentence of the widget, in English. {x} is filled in as plain text. To add a language, add a
// file with the same keys and its line below; what is missing falls back to English.

export const en = {
	launcher: 'Chat with us', unread: '{n} unread', title: 'Chat', close: 'Close chat',
	log: 'Conversation', composer: 'Your message', placeholder: 'Write a message…', send: 'Send',
	human: 'Talk to a human', human_asked: 'Asking for a person…', human_waiting: 'A person will join you here', human_here: 'You are talking with {name}',
	bot: 'AI assistant', template: 'Automated reply', you: 'You', person: '{name} (human)', someone: 'a colleague',
	disclosure: 'You are chatting with an AI assistant. You can ask for a person at any time.',
	answering: 'The AI assistant is answering…', typing: '{name} is typing…',
	sources: 'Sources', up: 'Helpful', down: 'Not helpful', thanks: 'Thank you for the feedback.',
	answer_superseded: 'A partial answer was withdrawn; a complete one follows.',
	case_queued: 'We are getting a person for you. Everything you wrote is handed over.',
	case_claimed: '{name} (human) has joined the chat.', case_released: 'You are waiting for another colleague. Nothing is lost.',
	handback_approved: 'The AI assistant continues from here.', session_resolved: 'This conversation is closed. Write again to reopen it.',
	session_erased: 'This conversation was erased.',
	mode_left: 'All works again.',
	message_captured: 'Your message is kept and answered later.', until: 'If not, a person gets it by {time}.',
	automation_resumed: 'The AI assistant continues from here.', marked: 'Answered by a substitute',
	sending: 'Sending…', kept: 'Not sent yet, kept', sent: 'Sent', failed: 'Not sent.', retry: 'Try again',
	connecting: 'Connecting…', waiting: 'Reconnecting… your messages are kept.',
	offline: 'You are offline. Your messages are kept and sent when you are back.',
	refused: 'The chat is not available on this page.', too_long: 'This message is too long. Please send it in parts.',
};

/* Loaded when a page asks for them: nobody pays for a language that is not spoken here. */
const others = { de: () => import('./messages.de.js') };

/** Promises {t, lang} for a BCP 47 tag: t(key, values) -> sentence, lang for the `lang` attribute. */
export async function speak(tag) {
	const short = String(tag).toLowerCase().split('-')[0];
	const own = await others[short]?.().catch(() => null);
	const t = (key, values = {}) => (own?.default[key] ?? en[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
	return { t, lang: own ? short : 'en' };
}
