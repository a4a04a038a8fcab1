// SPDX-License-Identifier: Apache-2.0
//
// The widget in Spanish; see messages.js.

export default {
	launcher: 'Abrir el chat', unread: '{n} sin leer', title: 'Chat', close: 'Cerrar el chat', transcript: 'Descargar esta conversación',
	log: 'Conversación', composer: 'Su mensaje', placeholder: 'Escriba un mensaje…', send: 'Enviar',
	human: 'Hablar con una persona', human_asked: 'Pidiendo una persona…', human_waiting: 'Una persona le atenderá aquí', human_here: 'Está hablando con {name}',
	bot: 'Asistente de IA', template: 'Respuesta automática', you: 'Usted', person: '{name} (persona)', someone: 'alguien del equipo',
	disclosure: 'Está chateando con un asistente de IA. Puede pedir una persona en cualquier momento.',
	answering: 'El asistente de IA está respondiendo…', looking: 'El asistente de IA lo está consultando…', typing: '{name} está escribiendo…',
	sources: 'Fuentes', up: 'Útil', down: 'No es útil', thanks: 'Gracias por su opinión.', comment: '¿Qué debería haber sido diferente? (opcional)',
	answer_superseded: 'Se retiró una respuesta incompleta; sigue una completa.',
	case_claimed: '{name} (persona) se ha unido al chat.', case_released: 'Está esperando a otra persona. No se pierde nada.',
	session_resolved: 'Esta conversación está cerrada. Escriba de nuevo para reabrirla.', session_erased: 'Esta conversación se ha borrado.',
	place: 'Es el número {n} de la fila.', wait: 'Unos {time}.', closed: 'Ahora no hay nadie.', opens: 'Volvemos {time}.', nobody: 'Ahora no hay nadie libre. Su lugar se conserva.',
	ticket: 'Prefiero dejar mi correo', contact: 'Su correo electrónico',
	attach: 'Adjuntar archivos', limits: 'Archivos de hasta {size}: {types}',
	upload_failed: 'Este archivo no se puede enviar.', uploading: 'Enviando los archivos…', remove: 'Quitar {name}', download: 'Descargar {name}',
	mode_left: 'Todo funciona de nuevo.',
	message_captured: 'Su mensaje está guardado y se responderá más tarde.', until: 'Si no, lo recibirá una persona antes de {time}.',
	marked: 'Respondido por un sustituto',
	sending: 'Enviando…', kept: 'Aún sin enviar, guardado', sent: 'Enviado', failed: 'No enviado.', retry: 'Reintentar',
	connecting: 'Conectando…', waiting: 'Reconectando… sus mensajes están guardados.',
	offline: 'Está sin conexión. Sus mensajes están guardados y se enviarán cuando vuelva.',
	refused: 'El chat no está disponible en esta página.', too_long: 'Este mensaje es demasiado largo. Envíelo por partes.',
};
