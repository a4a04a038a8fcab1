// SPDX-License-Identifier: Apache-2.0
//
// The widget in German; see messages.js.

export default {
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
	mode_left: 'Alles funktioniert wieder.',
	message_captured: 'Ihre Nachricht ist aufbewahrt und wird später beantwortet.', until: 'Wenn nicht, bekommt sie bis {time} ein Mensch.',
	automation_resumed: 'Ab hier antwortet wieder der KI-Assistent.', marked: 'Beantwortet von einer Vertretung',
	sending: 'Wird gesendet…', kept: 'Noch nicht gesendet, aufbewahrt', sent: 'Gesendet', failed: 'Nicht gesendet.', retry: 'Erneut versuchen',
	connecting: 'Verbinden…', waiting: 'Verbindung wird wiederhergestellt… Ihre Nachrichten sind aufbewahrt.',
	offline: 'Sie sind offline. Ihre Nachrichten sind aufbewahrt und werden gesendet, sobald Sie wieder verbunden sind.',
	refused: 'Der Chat ist auf dieser Seite nicht verfügbar.', too_long: 'Diese Nachricht ist zu lang. Bitte senden Sie sie in Teilen.',
};
