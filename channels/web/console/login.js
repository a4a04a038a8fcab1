// SPDX-License-Identifier: Apache-2.0
//
// Who works here: signs in with a token or a signed one, and stays signed in by the server's cookie,
// which no script can read. Requests that rest on the cookie carry a header that no foreign page can
// send. Nothing is kept in the page's own stores.

const JSON_TYPE = { 'content-type': 'application/json', 'x-baton': '1' };

/** A fetch for the connection: the same address, with the cookie. */
export const withCookie = (url, init = {}) => fetch(url, { ...init, credentials: 'same-origin', headers: { ...init.headers, 'x-baton': '1' } });

/** The token of a link. It leaves the address bar before anything else happens. */
export function tokenFromHash() {
	const token = new URLSearchParams(location.hash.slice(1)).get('token');
	if (location.hash) history.replaceState(null, '', location.pathname + location.search);
	return token;
}

/** {agent, name, role} of who is signed in, null if nobody is, undefined if the server could not say. */
export async function whoIsIt() {
	try {
		const answer = await withCookie('/v1/me', { cache: 'no-store' });
		if (answer.ok) return await answer.json();
		return answer.status < 500 ? null : undefined;
	} catch {
		return undefined;
	}
}

/** '' when it worked, else the server's code. A signed token has three parts. */
export async function logIn(token) {
	const body = JSON.stringify(token.split('.').length === 3 ? { jwt: token } : { token });
	try {
		const answer = await fetch('/v1/login', { method: 'POST', headers: JSON_TYPE, body, credentials: 'same-origin', cache: 'no-store' });
		if (answer.ok) return '';
		return (await answer.json().catch(() => ({}))).error?.code ?? `http_${answer.status}`;
	} catch {
		return 'unreachable';
	}
}

export async function logOut() {
	await fetch('/v1/logout', { method: 'POST', headers: { 'x-baton': '1' }, credentials: 'same-origin' }).catch(() => {});
}
