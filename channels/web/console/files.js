// SPDX-License-Identifier: Apache-2.0
//
// Files of a case: up by one request each, down by another, both with the cookie. What the server would
// refuse is said before anything is sent. A file is never opened in this page: it is saved.

import { size } from './events.js';
import { withCookie } from './login.js';

/** Why a file cannot be attached, '' if it can. `limits` as in welcome. */
export function refusal(file, limits) {
	if (!limits) return 'files are off';
	if (file.size === 0) return 'is empty';
	if (file.size > limits.bytes) return `is too large: ${size(file.size)}, at most ${size(limits.bytes)}`;
	if (file.type && !limits.types.includes(file.type)) return `is of a kind that is not taken (${limits.types.map((type) => type.split('/').pop()).join(', ')})`;
	return '';
}

const WORDS = { too_big: 'too large', unsupported: 'of a kind that is not taken', invalid: 'not what its name says', limit: 'too much for this conversation', denied: 'not yours to attach', auth: 'please sign in again' };

/** {attachment, name, bytes}, or throws an Error in words. */
export async function upload(session, file) {
	const answer = await withCookie('/v1/attachments', { method: 'POST', body: file, headers: { 'content-type': 'application/octet-stream', 'x-baton-session': session, 'x-baton-name': encodeURIComponent(file.name) } })
		.catch(() => { throw new Error('not uploaded: no connection'); });
	const body = await answer.json().catch(() => ({}));
	if (answer.ok) return { ...body, name: body.name || file.name };
	throw new Error(WORDS[body.error?.code] ?? body.error?.message ?? `not uploaded (${answer.status})`);
}

/** Saves an attachment under its name; throws in words. */
export async function download(session, id, name) {
	const answer = await withCookie(`/v1/attachments/${encodeURIComponent(session)}/${encodeURIComponent(id)}`).catch(() => { throw new Error('no connection'); });
	if (!answer.ok) throw new Error(answer.status === 404 ? 'it is not there any more' : `the server said ${answer.status}`);
	const address = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: 'application/octet-stream' }));
	const link = document.createElement('a');
	link.href = address;
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(address), 60000);
}
