// SPDX-License-Identifier: Apache-2.0
//
// The widget in Arabic, from right to left; see messages.js.

export default {
	launcher: 'تحدث معنا', unread: '{n} غير مقروءة', title: 'الدردشة', close: 'إغلاق الدردشة', transcript: 'تنزيل هذه المحادثة',
	log: 'المحادثة', composer: 'رسالتك', placeholder: 'اكتب رسالة…', send: 'إرسال',
	human: 'التحدث إلى شخص', human_asked: 'نطلب لك شخصًا…', human_waiting: 'سينضم إليك شخص هنا', human_here: 'أنت تتحدث مع {name}',
	bot: 'مساعد ذكاء اصطناعي', template: 'رد آلي', you: 'أنت', person: '{name} (شخص)', someone: 'أحد الزملاء',
	disclosure: 'أنت تتحدث مع مساعد ذكاء اصطناعي. يمكنك طلب شخص في أي وقت.',
	answering: 'مساعد الذكاء الاصطناعي يجيب…', looking: 'مساعد الذكاء الاصطناعي يبحث عن ذلك…', typing: '{name} يكتب…',
	sources: 'المصادر', up: 'مفيد', down: 'غير مفيد', thanks: 'شكرًا على رأيك.', comment: 'ما الذي كان ينبغي أن يكون مختلفًا؟ (اختياري)',
	answer_superseded: 'سُحبت إجابة غير مكتملة، وتتبعها إجابة كاملة.',
	case_claimed: 'انضم {name} (شخص) إلى الدردشة.', case_released: 'أنت تنتظر زميلًا آخر. لن يضيع شيء.',
	session_resolved: 'أُغلقت هذه المحادثة. اكتب من جديد لإعادة فتحها.', session_erased: 'مُحيت هذه المحادثة.',
	place: 'أنت رقم {n} في الدور.', wait: 'حوالي {time}.', closed: 'لا يوجد أحد هنا الآن.', opens: 'سنعود {time}.', nobody: 'لا يوجد زميل متاح الآن. مكانك محفوظ.',
	ticket: 'اترك بريدك الإلكتروني بدلًا من ذلك', contact: 'بريدك الإلكتروني',
	attach: 'إرفاق ملفات', limits: 'ملفات حتى {size}: {types}',
	upload_failed: 'لا يمكن إرسال هذا الملف.', uploading: 'جارٍ إرسال الملفات…', remove: 'إزالة {name}', download: 'تنزيل {name}',
	mode_left: 'كل شيء يعمل من جديد.',
	message_captured: 'رسالتك محفوظة وسنجيب عنها لاحقًا.', until: 'وإلا فسيتسلمها شخص قبل {time}.',
	marked: 'أجاب بديل عن المساعد',
	sending: 'جارٍ الإرسال…', kept: 'لم تُرسل بعد، محفوظة', sent: 'أُرسلت', failed: 'لم تُرسل.', retry: 'حاول مرة أخرى',
	connecting: 'جارٍ الاتصال…', waiting: 'جارٍ إعادة الاتصال… رسائلك محفوظة.',
	offline: 'أنت غير متصل. رسائلك محفوظة وستُرسل عند عودتك.',
	refused: 'الدردشة غير متاحة في هذه الصفحة.', too_long: 'هذه الرسالة طويلة جدًا. أرسلها على أجزاء من فضلك.',
};
