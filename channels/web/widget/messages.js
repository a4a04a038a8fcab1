// SPDX-License-Identifier: Apache-2.0
//
// Every sentence of the widget, by language. {x} is filled in as plain text. To add a language, add
// an object with the same keys; what is missing falls back to English.

const en = {
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
	sending: 'Sending…', kept: 'Not sent yet, kept', sent: 'Sent', failed: 'Not sent.', retry: 'Try again',
	connecting: 'Connecting…', waiting: 'Reconnecting… your messages are kept.',
	offline: 'You are offline. Your messages are kept and sent when you are back.',
	refused: 'The chat is not available on this page.', too_long: 'This message is too long. Please send it in parts.',
};

const de = {
	launcher: 'Chat öffnen', unread: '{n} ungelesen', title: 'Chat', close: 'Chat schließen',
	log: 'Unterhaltung', composer: 'Ihre Nachricht', placeholder: 'Nachricht schreiben…', send: 'Senden',
	human: 'Mit einem Menschen sprechen', human_asked: 'Wir fragen nach…', human_waiting: 'Ein Mensch kommt gleich dazu', human_here: 'Sie sprechen mit {name}',
	bot: 'KI-Assistent', template: 'Automatische Antwort', you: 'Sie', person: '{name} (Mensch)', someone: 'eine Kollegin oder ein Kollege',
	disclosure: 'Sie chatten mit einem KI-Assistenten. Sie können jederzeit einen Menschen verlangen.',
	answering: 'Der KI-Assistent antwortet…', typing: '{name} schreibt…',
	sources: 'Quellen', up: 'Hilfreich', down: 'Nicht hilfreich', thanks: 'Danke für die Rückmeldung.',
	answer_superseded: 'Eine unvollständige Antwort wurde zurückgezogen; eine vollständige folgt.',
	case_queued: 'Wir holen einen Menschen dazu. Alles, was Sie geschrieben haben, wird übergeben.',
	case_claimed: '{name} (Mensch) ist jetzt im Chat.', case_released: 'Sie warten auf eine andere Kollegin oder einen anderen Kollegen. Nichts geht verloren.',
	handback_approved: 'Ab hier antwortet wieder der KI-Assistent.', session_resolved: 'Diese Unterhaltung ist abgeschlossen. Schreiben Sie, um sie fortzusetzen.',
	session_erased: 'Diese Unterhaltung wurde gelöscht.',
	sending: 'Wird gesendet…', kept: 'Noch nicht gesendet, aufbewahrt', sent: 'Gesendet', failed: 'Nicht gesendet.', retry: 'Erneut versuchen',
	connecting: 'Verbinden…', waiting: 'Verbindung wird wiederhergestellt… Ihre Nachrichten sind aufbewahrt.',
	offline: 'Sie sind offline. Ihre Nachrichten sind aufbewahrt und werden gesendet, sobald Sie wieder verbunden sind.',
	refused: 'Der Chat ist auf dieser Seite nicht verfügbar.', too_long: 'Diese Nachricht ist zu lang. Bitte senden Sie sie in Teilen.',
};

export const catalogues = { en, de };

/** A function (key, values) -> sentence for a BCP 47 tag. */
export function translator(tag) {
	const own = catalogues[String(tag).toLowerCase().split('-')[0]];
	return (key, values = {}) => (own?.[key] ?? en[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/** The language of our own sentences, for the `lang` attribute. */
export const language = (tag) => {
	const short = String(tag).toLowerCase().split('-')[0];
	return short in catalogues ? short : 'en';
};
