// SPDX-License-Identifier: Apache-2.0
//
// The widget in French; see messages.js.

export default {
	launcher: 'Ouvrir le chat', unread: '{n} non lus', title: 'Chat', close: 'Fermer le chat', transcript: 'Télécharger cette conversation',
	log: 'Conversation', composer: 'Votre message', placeholder: 'Écrire un message…', send: 'Envoyer',
	human: 'Parler à une personne', human_asked: 'Nous demandons une personne…', human_waiting: 'Une personne va vous rejoindre ici', human_here: 'Vous parlez avec {name}',
	bot: 'Assistant IA', template: 'Réponse automatique', you: 'Vous', person: '{name} (humain)', someone: 'un ou une collègue',
	disclosure: 'Vous discutez avec un assistant IA. Vous pouvez demander une personne à tout moment.',
	answering: 'L’assistant IA répond…', looking: 'L’assistant IA se renseigne…', typing: '{name} écrit…',
	sources: 'Sources', up: 'Utile', down: 'Pas utile', thanks: 'Merci pour votre avis.', comment: 'Qu’est-ce qui aurait dû être différent ? (facultatif)',
	answer_superseded: 'Une réponse incomplète a été retirée ; une réponse complète suit.',
	case_claimed: '{name} (humain) a rejoint le chat.', case_released: 'Vous attendez une autre personne. Rien n’est perdu.',
	session_resolved: 'Cette conversation est close. Écrivez pour la rouvrir.', session_erased: 'Cette conversation a été effacée.',
	place: 'Vous êtes au numéro {n} dans la file.', wait: 'Environ {time}.', closed: 'Il n’y a personne pour le moment.', opens: 'Nous revenons {time}.', nobody: 'Personne n’est libre pour le moment. Votre place est gardée.',
	ticket: 'Laisser plutôt votre e-mail', contact: 'Votre adresse e-mail',
	attach: 'Joindre des fichiers', limits: 'Fichiers jusqu’à {size} : {types}',
	upload_failed: 'Ce fichier ne peut pas être envoyé.', uploading: 'Envoi des fichiers…', remove: 'Retirer {name}', download: 'Télécharger {name}',
	mode_left: 'Tout fonctionne à nouveau.',
	message_captured: 'Votre message est conservé et recevra une réponse plus tard.', until: 'Sinon, une personne le recevra avant {time}.',
	marked: 'Réponse d’un remplaçant',
	sending: 'Envoi…', kept: 'Pas encore envoyé, conservé', sent: 'Envoyé', failed: 'Non envoyé.', retry: 'Réessayer',
	connecting: 'Connexion…', waiting: 'Reconnexion… vos messages sont conservés.',
	offline: 'Vous êtes hors ligne. Vos messages sont conservés et seront envoyés à votre retour.',
	refused: 'Le chat n’est pas disponible sur cette page.', too_long: 'Ce message est trop long. Veuillez l’envoyer en plusieurs parties.',
};
