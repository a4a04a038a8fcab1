// SPDX-License-Identifier: Apache-2.0
//
// The widget in German; see messages.js.

export default {
	launcher: 'Chat öffnen', unread: '{n} ungelesen', title: 'Chat', close: 'Chat schließen', transcript: 'Diese Unterhaltung herunterladen',
	log: 'Unterhaltung', composer: 'Ihre Nachricht', placeholder: 'Nachricht schreiben…', send: 'Senden',
	human: 'Mit einem Menschen sprechen', human_asked: 'Wir fragen nach…', human_waiting: 'Ein Mensch kommt gleich dazu', human_here: 'Sie sprechen mit {name}',
	bot: 'KI-Assistent', template: 'Automatische Antwort', you: 'Sie', person: '{name} (Mensch)', someone: 'eine Kollegin oder ein Kollege',
	disclosure: 'Sie chatten mit einem KI-Assistenten. Sie können jederzeit einen Menschen verlangen.',
	answering: 'Der KI-Assistent antwortet…', looking: 'Der KI-Assistent schlägt das nach…', typing: '{name} schreibt…',
	sources: 'Quellen', up: 'Hilfreich', down: 'Nicht hilfreich', thanks: 'Danke für die Rückmeldung.', comment: 'Was hätte anders sein sollen? (freiwillig)',
	answer_superseded: 'Eine unvollständige Antwort wurde zurückgezogen; eine vollständige folgt.',
	case_claimed: '{name} (Mensch) ist jetzt im Chat.', case_released: 'Sie warten auf eine andere Kollegin oder einen anderen Kollegen. Nichts geht verloren.',
	session_resolved: 'Diese Unterhaltung ist abgeschlossen. Schreiben Sie, um sie fortzusetzen.', session_erased: 'Diese Unterhaltung wurde gelöscht.',
	place: 'Sie sind Nummer {n} in der Reihe.', wait: 'Etwa {time}.', closed: 'Gerade ist niemand da.', opens: 'Wir sind {time} wieder da.', nobody: 'Gerade ist niemand frei. Ihr Platz bleibt erhalten.',
	ticket: 'Lieber E-Mail-Adresse hinterlassen', contact: 'Ihre E-Mail-Adresse',
	attach: 'Dateien anhängen', limits: 'Dateien bis {size}: {types}',
	upload_failed: 'Diese Datei kann nicht gesendet werden.', uploading: 'Die Dateien werden gesendet…', remove: '{name} entfernen', download: '{name} herunterladen',
	mode_left: 'Alles funktioniert wieder.',
	message_captured: 'Ihre Nachricht ist aufbewahrt und wird später beantwortet.', until: 'Wenn nicht, bekommt sie bis {time} ein Mensch.',
	marked: 'Beantwortet von einer Vertretung',
	sending: 'Wird gesendet…', kept: 'Noch nicht gesendet, aufbewahrt', sent: 'Gesendet', failed: 'Nicht gesendet.', retry: 'Erneut versuchen',
	connecting: 'Verbinden…', waiting: 'Verbindung wird wiederhergestellt… Ihre Nachrichten sind aufbewahrt.',
	offline: 'Sie sind offline. Ihre Nachrichten sind aufbewahrt und werden gesendet, sobald Sie wieder verbunden sind.',
	refused: 'Der Chat ist auf dieser Seite nicht verfügbar.', too_long: 'Diese Nachricht ist zu lang. Bitte senden Sie sie in Teilen.',
};
