// SPDX-License-Identifier: Apache-2.0
//
// Who is signed in. The form makes a cookie that no script can read. A link with a token, as the demonstration
// prints, is for one tab only, so that several people fit into one browser. Where the browser keeps no
// such cookie (plain http beyond this machine), the token lives as long as the page does.

const KEY = 'baton:admin:token';
const HEADERS = { 'content-type': 'application/json', 'x-baton': '1' };
let token = null;

async function ask(path, method, body) {
	const answer = await fetch(path, { method, body, cache: 'no-store', credentials: token ? 'omit' : 'same-origin', headers: { ...HEADERS, ...(token && { authorization: `Bearer ${token}` }) } });
	const json = await answer.json().catch(() => ({}));
	return { ok: answer.ok, status: answer.status, json, code: json.error?.code ?? `http_${answer.status}` };
}

/** Of the form. '' if that worked, else why not. */
export async function signIn(typed) {
	token = null;
	try {
		const login = await ask('/v1/login', 'POST', JSON.stringify({ [typed.includes('.') ? 'jwt' : 'token']: typed }));
		if (!login.ok) return login.code;
		if (!(await ask('/v1/me', 'GET')).ok) token = typed;
		return '';
	} catch {
		return 'offline';
	}
}

/** Of a link, a tab that was signed in, or a cookie. '' if there is somebody. */
export async function signedIn(linked) {
	if (linked) sessionStorage.setItem(KEY, linked);
	token = sessionStorage.getItem(KEY);
	if (token) return '';
	try {
		const me = await ask('/v1/me', 'GET');
		return me.ok && me.json.role === 'admin' ? '' : 'none';
	} catch {
		return 'none';
	}
}

/** The cookie goes only if it was ours: an agent's, who tried this page, stays. */
export async function signOut({ ours }) {
	const byTab = !!token;
	token = null;
	sessionStorage.removeItem(KEY);
	if (!byTab && ours) await ask('/v1/logout', 'POST').catch(() => {});
}

/** A ticket for one connection; rejects with {refused: code} if asking again is no use. */
export async function ticket() {
	const got = await ask('/v1/tickets', 'POST', '{}');
	if (got.ok) return got.json.ticket;
	throw Object.assign(new Error(got.code), got.status < 500 && got.status !== 429 && { refused: got.code });
}
